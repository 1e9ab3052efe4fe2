"""The SQL that the backends share: which columns a type has, and what a query means.

All of it is pure. Names come from declarations and are quoted; values are parameters, written `?`, without exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from jmap_oauth.model.definition import GLOBAL, Filter, ObjectType, Property, Record, Secret
from jmap_oauth.model.kinds import Boolean, Number, Reference, Text
from jmap_oauth.model.query import AllOf, AnyOf, Comparator, Condition, FilterNode, NoneOf, Test, Words
from jmap_oauth.model.text import sort_key, words

# --- columns ---


class Role(Enum):
    """What a column holds of its property: the value as it is kept, its sort key, the hash of a secret, or all members
    of a set, each between two line feeds, which no member holds."""

    VALUE = "value"
    MEMBERS = "members"
    SORT = "sort"
    HASH = "hash"


@dataclass(frozen=True, slots=True)
class Column:
    """A column that a declaration asks for, beside those that every table has."""

    name: str
    source: Property
    role: Role

    @property
    def is_integer(self) -> bool:
        return self.role is Role.VALUE and isinstance(self.source.kind, Boolean | Number)

    @property
    def unique(self) -> bool:
        return self.source.unique and self.role is not Role.SORT

    @property
    def read(self) -> Callable[[Record], Any]:
        """The function that returns what the column holds for a record, unless that is a hash."""
        name = self.source.name
        if self.role is Role.SORT:
            return lambda record: None if record[name] is None else sort_key(record[name])
        if self.role is Role.MEMBERS:
            return lambda record: self._members(record[name])
        return (lambda record: as_kept(record[name])) if isinstance(self.source.kind, Boolean) else itemgetter(name)

    def _members(self, value: Mapping[str, bool]) -> str:
        means = self.source.empty_means
        return "".join(f"\n{member}" for member in value or ([] if means is None else [means])) + "\n"


def columns_of(type: ObjectType) -> list[Column]:
    """Return the columns of a type: everything that is looked for or sorted by, and the hashes of secrets.

    All other properties are only in the JSON document, so a new plain property needs no migration.
    """
    for_status = {case.property for case in type.status.cases} if type.status else set()
    return [
        Column(name, each, role) for each in type.properties for name, role in _roles(each, each.name in for_status)
    ]


def _roles(each: Property, for_status: bool) -> Iterator[tuple[str, Role]]:
    if each.secret:
        if each.secret in (Secret.CHOSEN, Secret.GENERATED):
            yield each.name, Role.HASH
        return
    is_text = isinstance(each.kind, Text)
    if each.filter is Filter.MEMBER:
        yield each.name, Role.MEMBERS
    elif each.filter or each.unique or for_status or isinstance(each.kind, Reference) or (each.sort and not is_text):
        yield each.name, Role.VALUE
    if each.sort and is_text:
        yield sort_column(each), Role.SORT


def sort_column(each: Property) -> str:
    """Return the column that a sort by a property goes by."""
    return f"{each.name}:sort" if isinstance(each.kind, Text) else each.name


def as_kept(value: Any) -> Any:
    """Return a value as a column holds it: booleans are 0 and 1."""
    return int(value) if isinstance(value, bool) else value


def words_of(type: ObjectType, record: Record) -> str:
    """Return the words by which a record is found, with blanks between them; of a set its members count."""
    values = [record[each.name] for each in type.searchable]
    texts = [" ".join(value) if isinstance(value, dict) else value for value in values if value is not None]
    return " ".join(words(" ".join(texts)))


@lru_cache(maxsize=1024)
def quoted(name: str) -> str:
    """Write a name of a table or column so that it is nothing else."""
    return '"' + name.replace('"', '""') + '"'


# --- conditions ---


class Sql(NamedTuple):
    """A condition and its parameters; `depth` tells how deep it nests.

    If it is `searched`, all that it holds for is found by an index of what is in the rows, which has no order.
    """

    text: str
    parameters: tuple[Any, ...] = ()
    depth: int = 0
    searched: bool = False


TRUE: Final = Sql("TRUE")
FALSE: Final = Sql("FALSE")

_OPERATORS: Final[Mapping[Test, str]] = {
    Test.EQUAL: "=",
    Test.GREATER: ">",
    Test.GREATER_OR_EQUAL: ">=",
    Test.LESS: "<",
    Test.LESS_OR_EQUAL: "<=",
}


def scope(type: ObjectType, account: str) -> Sql:
    """Return the condition for what an account sees of a type."""
    return TRUE if account == GLOBAL else Sql(f"({quoted(type.account_property)} = ?)", (account,))


class Search(Protocol):
    """How a backend looks for what is in the rows."""

    def search(self, node: Words) -> Sql:
        """Return the condition for rows that have a word with each of these beginnings, of which there is one."""
        ...

    def has(self, column: str, member: str) -> Sql:
        """Return the condition for rows whose set, in a column with this quoted name, has a member."""
        ...


def where(node: FilterNode, by: Search) -> Sql:
    """Return what a filter means."""
    match node:
        case Condition(test=Test.HAS):
            return by.has(quoted(node.property.name), str(node.value))
        case Condition():
            return _compare(node)
        case Words():
            return by.search(node) if node.prefixes else TRUE
        case AllOf():
            return all_of([where(part, by) for part in node.parts])
        case AnyOf():
            return _any_of([where(part, by) for part in node.parts])
        case NoneOf():
            return _none_of([where(part, by) for part in node.parts])


def _compare(condition: Condition) -> Sql:
    column = quoted(condition.property.name)
    if condition.value is None:
        return Sql(f"({column} IS NULL)")
    return Sql(f"({column} {_OPERATORS[condition.test]} ?)", (as_kept(condition.value),))


def all_of(parts: Sequence[Sql]) -> Sql:
    """Return the condition that all parts hold."""
    telling = [part for part in parts if part is not TRUE]
    return _joined("AND", telling) if telling else TRUE


def _any_of(parts: Sequence[Sql]) -> Sql:
    return _joined("OR", parts) if parts else FALSE


def _none_of(parts: Sequence[Sql]) -> Sql:
    """A comparison with null is neither true nor false to SQL, and NOT would leave it so; filters are two-valued."""
    some = _any_of(parts)
    return Sql(f"{some.text} IS NOT TRUE", some.parameters, some.depth + 1)  # binds tighter than AND and OR


def _joined(operator: str, parts: Sequence[Sql]) -> Sql:
    """Join conditions within what a parser bears.

    SQLite refuses expressions deeper than 1,000, so many parts become a balanced tree. Its parser also has room for
    only about 90 symbols that wait for their end: the deepest part comes first, where one parenthesis waits for it, and
    not what stands on its left as well.
    """
    if len(parts) == 1:
        return parts[0]
    deepest, *rest = sorted(parts, key=lambda part: part.depth, reverse=True)
    return _pair(operator, deepest, _balanced(operator, rest))


def _balanced(operator: str, parts: Sequence[Sql]) -> Sql:
    if len(parts) == 1:
        return parts[0]
    middle = (len(parts) + 1) // 2
    return _pair(operator, _balanced(operator, parts[:middle]), _balanced(operator, parts[middle:]))


def _pair(operator: str, left: Sql, right: Sql) -> Sql:
    text, depth = f"({left.text} {operator} {right.text})", max(left.depth, right.depth) + 1
    searched = left.searched and right.searched if operator == "OR" else left.searched or right.searched
    return Sql(text, left.parameters + right.parameters, depth, searched)


# --- order ---


class Step(NamedTuple):
    """One column of an order. Nulls come last whichever way it goes."""

    column: str
    ascending: bool


Steps: TypeAlias = tuple[Step, ...]


class Matches(NamedTuple):
    """The rows of a table, given by its quoted name, that are in a scope and match a filter (both: `condition`), in an
    order."""

    table: str
    scope: Sql
    filter: Sql
    condition: Sql
    steps: Steps


def steps_of(sort: Sequence[Comparator]) -> Steps:
    """Return the columns of an order, up to the id, which leaves no ties."""
    steps: list[Step] = []
    for each in sort:
        if each.property is None:
            return (*steps, Step("id", each.ascending))
        steps.append(Step(sort_column(each.property), each.ascending))
    return (*steps, Step("id", ascending=True))


@lru_cache(maxsize=1024)
def order_by(steps: Steps) -> str:
    """Return the terms of an ORDER BY; an id is never null, and saying so lets SQLite read an index in order."""
    return ", ".join(
        f"{quoted(step.column)} {'ASC' if step.ascending else 'DESC'}{'' if step.column == 'id' else ' NULLS LAST'}"
        for step in steps
    )
