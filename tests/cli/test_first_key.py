"""The file of the first key: whole, private, and never through a link."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from jmap_oauth.cli.first_key import _curl_line, hand_over, write_key
from jmap_oauth.cli.terminal import Failure


def test_the_file_is_private_and_alone(tmp_path: Path) -> None:
    path = write_key("the-key", tmp_path)
    assert (path, path.read_text(), path.stat().st_mode & 0o777) == (tmp_path / "admin-key", "the-key\n", 0o600)
    assert list(tmp_path.iterdir()) == [path]


def test_an_old_file_is_replaced_whatever_its_mode(tmp_path: Path) -> None:
    old = tmp_path / "admin-key"
    old.write_text("old")
    old.chmod(0o644)
    path = write_key("new", tmp_path)
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("new\n", 0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("untouched")
    (tmp_path / "admin-key").symlink_to(target)
    path = write_key("new", tmp_path)
    assert (path.is_symlink(), path.read_text(), target.read_text()) == (False, "new\n", "untouched")


def test_a_failure_leaves_no_part_of_the_key_and_says_how_to_get_another(tmp_path: Path) -> None:
    (tmp_path / "admin-key").mkdir()
    with pytest.raises(Failure, match="api-key create --all-permissions") as caught:
        hand_over("the-key", tmp_path, "http://127.0.0.1:8080")
    assert "the-key" not in str(caught.value)
    assert [path.name for path in tmp_path.iterdir()] == ["admin-key"]


def test_the_request_to_paste_is_one_shell_command_whatever_the_url() -> None:
    line = _curl_line("the-key", "https://id.example.com/it's")
    words = shlex.split(line.replace("\\\n", ""))
    assert words[:6] == [
        "curl", "https://id.example.com/it's/api",
        "-H", "Authorization: Bearer the-key",
        "-H", "Content-Type: application/json",
    ]  # fmt: skip
