"""The command `describe`: what types the server has, and what there is to a type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.completion import complete_type
from jmap_oauth.cli.connected import Json, connected
from jmap_oauth.cli.terminal import printable

if TYPE_CHECKING:
    from jmap_oauth.cli.schema import Field


def describe(
    client: Any,
    type_name: Annotated[
        str | None,
        typer.Argument(metavar="[TYPE]", help="A type; without one, all are named.", autocompletion=complete_type),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show what types the server has, or what fields, conditions and sorts a type has."""
    from jmap_oauth.cli.show import show_all

    if type_name is None:
        types = [{"type": each.short, "description": each.description} for each in client.schema.types.values()]
        show_all(["type", "description"], types, json)
        return
    type = client.schema.type(type_name)
    rows = [
        {"field": each.name, "kind": _kind(each), "set by": _setter(each), "description": each.description}
        for each in type.fields.values()
    ]
    show_all(["field", "kind", "set by", "description"], rows, json)
    if not json:
        print(printable(f"Conditions: {', '.join(_condition(*each) for each in type.filters.items())}"))
        print(printable(f"Sorts: {', '.join(type.sorts)}"))


def _kind(field: Field) -> str:
    kind = field.kind
    inner = kind.get("class") or kind.get("valueClass") or {}
    words = [str(kind.get("format") or kind.get("objectName") or kind.get("enumName") or field.type)]
    if field.type in ("set", "map"):
        words = [field.type, "of", str(inner.get("format") or inner.get("enumName") or inner.get("type"))]
    asides = (("or null", field.is_nullable), ("(write only)", field.is_write_only))
    return " ".join([*words, *(aside for aside, holds in asides if holds)])


def _setter(field: Field) -> str:
    return {"serverSet": "server", "immutable": "create"}.get(field.update, "create, update")


def _condition(name: str, filter: Mapping[str, Any]) -> str:
    return f"{name} (>=, >, <=, <)" if filter.get("type") in ("date", "integer") else name


def add_to(commands: typer.Typer) -> None:
    """Add this command."""
    commands.command("describe")(connected(describe))
