"""No data steers a terminal."""

from __future__ import annotations

import json
import sys

import pytest

from jmap_oauth.cli.terminal import print_json, print_table, printable
from jmap_oauth.http import logs

HOSTILE = "a\x1b[31mb\x9b2Jc\u202ed\u2066e\u200bf\x7fg\nh\udc80"
ESCAPED = r"a\x1b[31mb\x9b2Jc\u202ed\u2066e\u200bf\x7fg\nh\udc80"


def test_what_a_terminal_obeys_is_escaped() -> None:
    assert printable(HOSTILE) == ESCAPED


@pytest.mark.parametrize("text", ["", "Zoë's client №1", "日本語 العربية", "[red]not markup[/red]", "back\\slash"])
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


def test_the_log_escapes_the_same_characters() -> None:
    every = "".join(map(chr, range(sys.maxunicode + 1)))
    assert (printable(every) == logs.printable(every)) is True


def test_a_table_escapes_its_cells_and_reads_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["Name"], [[HOSTILE], ["[red]x[/red] :smile:"]])
    out = capsys.readouterr().out
    assert ESCAPED in out
    assert "[red]x[/red] :smile:" in out
    assert all(character.isprintable() for character in out.replace("\n", ""))


def test_a_table_for_a_program_has_one_line_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(["A", "B"], [["x" * 300, "y" * 300]])
    assert capsys.readouterr().out.splitlines()[2].split() == ["x" * 300, "y" * 300]


def test_json_is_one_ascii_line_an_object(capsys: pytest.CaptureFixture[str]) -> None:
    print_json([{"id": "a", "description": HOSTILE}, {"id": "b", "description": None}])
    out = capsys.readouterr().out
    assert [json.loads(line) for line in out.splitlines()] == [
        {"id": "a", "description": HOSTILE},
        {"id": "b", "description": None},
    ]
    assert all(" " <= character <= "~" for character in out.replace("\n", ""))
