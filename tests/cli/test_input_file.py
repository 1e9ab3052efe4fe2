"""Files that commands read, in bounds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from jmap_oauth.cli.input_file import read_input
from jmap_oauth.cli.terminal import Failure
from tests.cli.process import COMMAND
from tests.cli.shell import Shell, client_entry


def test_a_file_may_be_as_long_as_is_said_and_no_longer(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"1234")
    assert read_input(str(path), 4) == b"1234"
    with pytest.raises(Failure, match="file is longer than 3 bytes"):
        read_input(str(path), 3)


def test_that_nobody_reads_what_is_printed_is_not_said_of_the_file(shell: Shell) -> None:
    """As with `head`, which has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [*COMMAND, "apply", "--file", shell.write("plan", client_entry("unread")), "--dry-run"],
        cwd=shell.folder,
        env=shell.variables(PYTHONUNBUFFERED="1"),
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")
