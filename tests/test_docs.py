"""The README says what is: every setting, error name, permission, filter and example, a first request that works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from jmap_oauth.access.policy import permissions_of
from jmap_oauth.config import SETTINGS, Setting
from jmap_oauth.model.definition import Action, Filter, Model, ObjectType
from jmap_oauth.objects import served_types
from jmap_oauth.objects.oauth_client_metadata import METADATA
from jmap_oauth.protocol.errors import MethodErrorType, RequestErrorType, SetErrorType
from tests.cli.process import ROOT, run
from tests.support.served import ADMIN_KEY, serve_process

README = (ROOT / "README.md").read_text("utf-8")
MODEL = Model(served_types(frozenset()))


def rows(first_heading: str) -> Iterator[list[str]]:
    """Yield the rows of the table whose first column has this heading, as their cells."""
    table = README.partition(f"\n| {first_heading} |")[2].partition("\n\n")[0]
    assert table, f"no table begins with {first_heading}"
    for line in table.splitlines()[2:]:
        yield [cell.strip() for cell in line.strip("|").split("|")]


def names(cell: str) -> set[str]:
    """Return what stands between backticks."""
    return set(re.findall(r"`([^`]+)`", cell))


def shown(setting: Setting) -> str:
    """Return how a default stands in the README."""
    if setting.default in (None, ()):
        return "none"
    return str(setting.default).lower() if isinstance(setting.default, bool) else f"`{setting.default}`"


def test_the_table_of_settings_is_that_of_the_declarations() -> None:
    assert list(rows("Setting")) == [
        [f"`{setting.name}`", shown(setting), setting.description] for setting in SETTINGS.values()
    ]


@pytest.mark.parametrize(
    ("heading", "errors"),
    [("A method call is refused with", MethodErrorType), ("An object of a /set is refused with", SetErrorType)],
)
def test_the_tables_of_errors_name_all_that_there_are(heading: str, errors: type[StrEnum]) -> None:
    named = [name for cells in rows(heading) for name in names(cells[0])]
    assert sorted(named) == sorted(errors)


@pytest.mark.parametrize("error", RequestErrorType)
def test_each_error_of_a_request_is_named(error: RequestErrorType) -> None:
    assert f"`{error}`" in README


def test_the_permissions_that_the_readme_explains_are_those_that_there_are() -> None:
    """Each is a prefix of the table of types with an action, of the example or named there, or named by itself."""
    sentence = README.partition("Permissions are named `sys`")[2].partition(". A method")[0]
    actions = {name.removeprefix("…").removeprefix("sysOAuthClient") for name in names(sentence)}
    explained = {"sysMetricsGet"}
    for _, _, cell in (cells for cells in rows("Type") if len(cells) == 3):
        prefix, *own = re.findall(r"`([^`]+)`", cell)
        also = "(and " in cell
        explained |= {prefix + action for action in [*own, *(actions if also or not own else ())]}
    assert explained == set(permissions_of(MODEL))
    assert actions == {action.value for action in Action}
    assert "`sysMetricsGet`" in README


def conditions(type: ObjectType, using: frozenset[str] = frozenset()) -> set[str]:
    """Return the conditions of a type as the README writes them: … stands for the four suffixes."""
    suffixes = {Filter.EXACT: "", Filter.MEMBER: "", Filter.RANGE: "…"}
    own = {each.name_in_filters + suffixes[each.filter] for each in type.visible(using).values() if each.filter}
    return own | ({"text"} if type.searchable else set()) | ({"status"} if type.status_for(using) else set())


@pytest.mark.parametrize("type", list(MODEL), ids=lambda type: type.name)
def test_the_table_of_filters_and_sorts_is_that_of_the_declarations(type: ObjectType) -> None:
    asking = README.partition("\n## Asking\n")[2].partition("\n## ")[0]
    (line,) = re.findall(rf"^\| `x:{type.name}` \|(.*)\|(.*)\|$", asking, re.MULTILINE)
    sorts = {each.name for each in type.visible(frozenset()).values() if each.sort}
    assert [names(cell) for cell in line] == [conditions(type), {"id", *sorts}]


def test_what_the_metadata_of_clients_adds_to_filters_and_sorts_is_said() -> None:
    client, using = MODEL["OAuthClient"], frozenset({METADATA})
    (sentence,) = re.findall(
        "^With `urn:jmap-oauth:metadata` an `x:OAuthClient` is found by (.*)$", README, re.MULTILINE
    )
    found, words, sorted_by = [names(part) for part in re.split(" and by the words of |, and sorted by ", sentence)]
    seen = [each for name, each in client.visible(using).items() if name not in client.visible(frozenset())]
    assert found == conditions(client, using) - conditions(client)
    assert words == {each.name for each in seen if each.searchable}
    assert sorted_by == {each.name for each in seen if each.sort}


@pytest.mark.parametrize("status", [status for type in MODEL if type.status for status in type.status.labels])
def test_each_status_is_named(status: str) -> None:
    paragraph = README.partition("\n`status` is what an object is now")[2].partition("\n\n")[0]
    assert status in names(paragraph)


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").iterdir() if path.is_file()))
def test_each_example_is_named_and_run_by_a_test(example: str) -> None:
    assert f"`{example}`" in README
    assert Path(example).stem in (ROOT / "tests" / "examples" / "test_examples.py").read_text("utf-8")


def test_the_backup_of_the_readme_is_a_database_for_its_owner_alone(tmp_path: Path) -> None:
    (command,) = re.findall(r"^    jmap-oauth (db backup .*)$", README, re.MULTILINE)
    assert run("api-key", "create", "--all-permissions", folder=tmp_path).returncode == 0
    assert run(*command.split(), folder=tmp_path).returncode == 0
    assert (tmp_path / "backup.db").stat().st_mode & 0o777 == 0o600
    assert run("api-key", "list", "--database", "backup.db", folder=tmp_path).returncode == 0


def first_request() -> tuple[str, Any]:
    """Return the first curl command of the README and the answer that it shows."""
    command, answer = re.findall(r"^\$ (curl .*?)\n(\{.*?)\n```$", README, re.MULTILINE | re.DOTALL)[0]
    return command, json.loads(answer.replace("\n", ""))


def shape(value: Any) -> Any:
    """Return what is the same in every answer: the names, and the kinds of the values."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in value.items()}
    return [shape(item) for item in value] if isinstance(value, list) else type(value).__name__


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("sh")), reason="needs sh and curl")
def test_the_first_request_of_the_readme_gives_the_answer_that_it_shows(tmp_path: Path) -> None:
    command, answer = first_request()
    assert "http://127.0.0.1:8080/api" in command
    with serve_process(tmp_path) as server:
        script = command.replace("http://127.0.0.1:8080", server.url)
        done = subprocess.run(["sh", "-c", script], env={"TOKEN": ADMIN_KEY}, capture_output=True, check=True)
    assert shape(json.loads(done.stdout)) == shape(answer)
    assert b"\n" not in done.stdout
