"""The SQL that the backends share: which columns a type has, and what a query means.

All of it is pure. Names come from declarations and are quoted; values are parameters, written `?`, without exception.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, NamedTuple

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

    def value(self, record: Record) -> Any:
        """Return what a column holds for a record, unless that is a hash."""
        value = record[self.source.name]
        if value is not None and self.role is Role.SORT:
            return sort_key(value)
        return self._members(value) if self.role is Role.MEMBERS else as_kept(value)

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


def quoted(name: str) -> str:
    """Write a name of a table or column so that it is nothing else."""
    return '"' + name.replace('"', '""') + '"'


# --- conditions ---


class Sql(NamedTuple):
    """A condition and its parameters; `depth` tells how deep it nests."""

    text: str
    parameters: tuple[Any, ...] = ()
    depth: int = 0


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


def where(node: FilterNode, search: Callable[[Words], Sql]) -> Sql:
    """Return what a filter means. `search` is how the backend looks for words, of which there is at least one."""
    match node:
        case Condition():
            return _compare(node)
        case Words():
            return search(node) if node.prefixes else TRUE
        case AllOf():
            return all_of([where(part, search) for part in node.parts])
        case AnyOf():
            return _any_of([where(part, search) for part in node.parts])
        case NoneOf():
            return _none_of([where(part, search) for part in node.parts])


def _compare(condition: Condition) -> Sql:
    column = quoted(condition.property.name)
    if condition.test is Test.HAS:
        # Both databases know it, and it minds the case; of looking for a text, each has another function.
        return Sql(f"({column} <> replace({column}, ?, ''))", (f"\n{condition.value}\n",))
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
    text = f"({left.text} {operator} {right.text})"
    return Sql(text, left.parameters + right.parameters, max(left.depth, right.depth) + 1)


# --- order ---


class Step(NamedTuple):
    """One column of an order. Nulls come last whichever way it goes."""

    column: str
    ascending: bool


def steps_of(sort: Sequence[Comparator]) -> list[Step]:
    """Return the columns of an order, up to the id, which leaves no ties."""
    steps: list[Step] = []
    for each in sort:
        if each.property is None:
            return [*steps, Step("id", each.ascending)]
        steps.append(Step(sort_column(each.property), each.ascending))
    return [*steps, Step("id", ascending=True)]


def order_by(steps: Sequence[Step]) -> str:
    """Return the terms of an ORDER BY; an id is never null, and saying so lets SQLite read an index in order."""
    return ", ".join(
        f"{quoted(step.column)} {'ASC' if step.ascending else 'DESC'}{'' if step.column == 'id' else ' NULLS LAST'}"
        for step in steps
    )
