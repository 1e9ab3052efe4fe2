"""The README's table of RFC 8620 is whole: each rule names tests that are there, or a departure that is meant."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
CHAPTER = (ROOT / "README.md").read_text("utf-8").partition("\n## RFC 8620, rule by rule\n")[2].partition("\n## ")[0]

DEPARTURES = {
    "`accountId` may be left out",
    "capability names are no URLs of a domain of ours",
    "SetErrors that Stalwart's clients know",
    "`created` without declared defaults",
    "`limit` only when something was cut",
    "nulls last and ties ascending either way",
    "a mistyped filter value is `unsupportedFilter`",
    "duplicate members are looked for where something changes",
    "core in `primaryAccounts`",
    "no `/copy`",
    "no PushSubscription",
}
"""Everything in which the server differs from the RFC on purpose."""

SECTIONS = ("1.", "2", "3.", "4", "5.", "6", "7.1", "7.3", "8.")


def rows() -> Iterator[tuple[str, str, str]]:
    """Yield (section, rule, what shows it) of each row."""
    for line in CHAPTER.splitlines():
        if line.startswith("|") and not line.startswith(("| Section |", "|---")):
            section, rule, shown = (cell.strip() for cell in line.strip("|").split(" | "))
            yield section, rule, shown


ROWS = list(rows())
TESTS = sorted({test for _, _, shown in ROWS for test in re.findall(r"`(tests/[^`]+)`", shown)})


@cache
def functions_of(file: Path) -> set[str]:
    """Return the names of all functions at the top level of a module."""
    body = ast.parse(file.read_text("utf-8")).body
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    file = ROOT / path
    if not file.is_file():
        return False
    return name in functions_of(file) if file.suffix == ".py" else (file.suffix, name) == (".json", "")


def test_each_test_that_is_named_is_there() -> None:
    assert [test for test in TESTS if not is_there(test)] == []


def test_no_rule_is_without_test_or_departure() -> None:
    shape = re.compile(r"(departure: [^:;]+|`tests/[^`]+`)((; |, )`tests/[^`]+`)*")
    wrong = [
        row for row in ROWS if not (re.fullmatch(r"[1-8](\.[0-9]+)*", row[0]) and row[1] and shape.fullmatch(row[2]))
    ]
    assert wrong == []


def test_the_departures_are_those_that_are_meant() -> None:
    named = [shown.removeprefix("departure: ").partition(";")[0] for _, _, shown in ROWS if shown[:9] == "departure"]
    assert set(named) == DEPARTURES


@pytest.mark.parametrize("section", SECTIONS)
def test_every_section_that_binds_a_server_has_rules(section: str) -> None:
    assert any(each.startswith(section) for each, _, _ in ROWS)


def test_the_rules_stand_in_the_order_of_the_rfc_each_once() -> None:
    order = [[int(number) for number in section.split(".")] for section, _, _ in ROWS]
    assert order == sorted(order)
    assert len({(section, rule) for section, rule, _ in ROWS}) == len(ROWS)
