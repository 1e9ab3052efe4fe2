"""The commands that work alike on every served type: get, query, create, update, delete."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from jmap_oauth.cli.completion import (
    complete_condition,
    complete_field,
    complete_fields,
    complete_sort,
    complete_type,
)
from jmap_oauth.cli.connected import Json, connected, misuse
from jmap_oauth.cli.input_file import STANDARD_INPUT
from jmap_oauth.cli.terminal import Failure, print_json, printable

if TYPE_CHECKING:
    from jmap_oauth.cli.client import Client
    from jmap_oauth.cli.schema import Type


def read_limit(text: str) -> int:
    """Read a number as everybody writes it; int() takes 1_000 too, and the digits of other scripts."""
    if not re.fullmatch("[1-9][0-9]{0,8}", text):
        raise misuse(f"{text} is no whole number from 1 to 999999999")
    return int(text)


TypeName = Annotated[
    str,
    typer.Argument(metavar="TYPE", help="Such as OAuthClient, Tenant or ApiKey.", autocompletion=complete_type),
]
Fields = Annotated[
    list[str] | None,
    typer.Option(
        "--fields", metavar="NAMES", help="Fields to show, with commas between them.", autocompletion=complete_fields
    ),
]
Assignments = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        metavar="NAME=VALUE",
        help="A field, as text or JSON; may be repeated, as are members.",
        autocompletion=complete_field,
    ),
]
ObjectFile = Annotated[
    str | None, typer.Option("--file", metavar="FILE", help="A JSON object with fields, - for standard input.")
]
SecretFile = Annotated[
    str | None, typer.Option("--secret-file", metavar="FILE", help="A file with the secret, - for standard input.")
]
SecretVariable = Annotated[
    str | None, typer.Option("--secret-env", metavar="NAME", help="The environment variable that has the secret.")
]
Limit = Annotated[
    int | None, typer.Option(parser=read_limit, metavar="NUMBER", help="Show no more than so many, 1 or more.")
]
Id = Annotated[str, typer.Argument(metavar="ID", help="An id, or a value by which to find it: clientId=webmail.")]


# Clients are Any: a command's hints are read by typer, and Client would load all that it needs for --help.
def get(
    client: Any,
    type_name: TypeName,
    ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids, or clientId=webmail and the like.")],
    *,
    fields: Fields = None,
    json: Json = False,
) -> None:
    """Show objects by their ids."""
    from jmap_oauth.cli.fields import read_names
    from jmap_oauth.cli.paging import find_id, get_all
    from jmap_oauth.cli.show import show_object

    type = client.schema.type(type_name)
    names = read_names(type, fields or ()) or None
    wanted = [find_id(client, type, each) for each in ids]
    found = {each["id"]: each for each in get_all(client, type, wanted, names)}
    for number, id in enumerate(each for each in dict.fromkeys(wanted) if each in found):
        if json:
            print_json([found[id]])
        else:
            if number:
                print()
            show_object(type, found[id])
    missing = [id for id in dict.fromkeys(wanted) if id not in found]
    if missing:
        raise Failure(f"{type.short} {', '.join(missing)} not found")


def query(
    client: Any,
    type_name: TypeName,
    *,
    where: Annotated[
        list[str] | None,
        typer.Option(
            metavar="CONDITION",
            help="Such as text=mail or 'createdAt>=2026-01-31'; all must hold.",
            autocompletion=complete_condition,
        ),
    ] = None,
    fields: Fields = None,
    sort: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAMES", help="Fields to sort by; - in front of one descends.", autocompletion=complete_sort
        ),
    ] = None,
    limit: Limit = None,
    json: Json = False,
) -> None:
    """List objects, newest first unless told otherwise. They are printed as they come, however many there are."""
    from jmap_oauth.cli.fields import read_filter, read_names, read_sort
    from jmap_oauth.cli.paging import Pages

    type = client.schema.type(type_name)
    names = read_names(type, fields or ())
    columns = names or ["id", *type.columns]
    pages = Pages(
        client,
        type,
        filter=read_filter(type, where or ()),
        sort=read_sort(type, sort or ()),
        properties=None if json and not names else columns,
        limit=limit,
    )
    print_pages(columns, pages, json)


def print_pages(columns: list[str], pages: Any, as_json: bool) -> None:
    """Print pages of objects as they come."""
    from jmap_oauth.cli.progress import progress
    from jmap_oauth.cli.show import PagedTable

    table, done = PagedTable(columns), 0
    with progress("Reading", wanted=not sys.stdout.isatty()) as advance:
        for page in pages:
            if as_json:
                print_json(page)
            else:
                table.print(page)
            done += len(page)
            advance(done, pages.total)
    if not (done or as_json) and sys.stdout.isatty():
        print("Nothing found.")


def create(
    client: Any,
    type_name: TypeName,
    *,
    field: Assignments = None,
    file: ObjectFile = None,
    secret_file: SecretFile = None,
    secret_env: SecretVariable = None,
    json: Json = False,
) -> None:
    """Create an object. A secret that the server makes for it is shown, only this once."""
    type = _changeable(client, type_name)
    properties = _given(type, field, file, secret_file, secret_env, is_update=False)
    answer = client.call(f"{type.name}/set", create={"new": properties})
    created = (answer.get("created") or {}).get("new")
    if created is None:
        raise _refused(f"{type.short} was not created", answer.get("notCreated"))
    _show_outcome(type, f"Created {type.short} {created['id']}.", created, json)


def update(
    client: Any,
    type_name: TypeName,
    id: Id,
    *,
    field: Assignments = None,
    file: ObjectFile = None,
    secret_file: SecretFile = None,
    secret_env: SecretVariable = None,
    json: Json = False,
) -> None:
    """Change an object. A member of a set is NAME/MEMBER=true, or =null to remove it, with ~1 for each / in it."""
    from jmap_oauth.cli.paging import find_id

    type = _changeable(client, type_name)
    patch = _given(type, field, file, secret_file, secret_env, is_update=True)
    if not patch:
        raise misuse("there is nothing to change: give --field, --file, --secret-file or --secret-env")
    id = find_id(client, type, id)
    answer = client.call(f"{type.name}/set", update={id: patch})
    updated = answer.get("updated") or {}
    if id not in updated:
        raise _refused(f"{type.short} {id} was not changed", answer.get("notUpdated"))
    _show_outcome(type, f"Updated {type.short} {id}.", {"id": id, **(updated[id] or {})}, json)


def _changeable(client: Client, type_name: str) -> Type:
    """Return a type whose objects can be created, changed and deleted."""
    type = client.schema.type(type_name)
    if type.is_read_only:
        raise misuse(f"{type.short} can only be read")
    return type


def _given(
    type: Type,
    assignments: list[str] | None,
    file: str | None,
    secret_file: str | None,
    secret_env: str | None,
    *,
    is_update: bool,
) -> dict[str, Any]:
    from jmap_oauth.cli.fields import read_assignments, read_object, with_secret
    from jmap_oauth.cli.secret_input import read_secret_from

    properties = read_object(file) if file is not None else {}
    properties |= read_assignments(type, assignments or (), is_update)
    return with_secret(type, properties, read_secret_from(secret_file, secret_env, "secret"))


def _refused(what: str, errors: Mapping[str, Any] | None) -> Failure:
    from jmap_oauth.cli.show import refusal

    (error,) = (errors or {}).values() or ({},)
    return Failure(f"{what}: {refusal(error)}")


def _show_outcome(type: Type, sentence: str, properties: Mapping[str, Any], as_json: bool) -> None:
    """Print what came of a change; a secret in it is one that the server has just made."""
    from jmap_oauth.cli.show import show_object

    if as_json:
        print_json([properties])
        return
    print(printable(sentence))
    if set(properties) > {"id"}:
        show_object(type, properties)
    if "secret" in properties and sys.stdout.isatty():
        print("The secret is not shown again.")


def delete(
    client: Any,
    type_name: TypeName,
    *,
    ids: Annotated[
        list[str], typer.Option("--ids", metavar="IDS", help="Ids with commas between them, - for standard input.")
    ],
    json: Json = False,
) -> None:
    """Delete objects, each for itself: one that cannot be deleted stops none of the others."""
    from jmap_oauth.cli.fields import split_names
    from jmap_oauth.cli.paging import find_id
    from jmap_oauth.cli.show import show_refusal

    type = _changeable(client, type_name)
    named = split_names(_with_standard_input(ids))
    if not named and STANDARD_INPUT not in ids:
        raise misuse("--ids names nothing to delete")
    given = [find_id(client, type, each) for each in named]
    size, failed = client.limit("maxObjectsInSet"), 0
    for start in range(0, len(given), size):
        answer = client.call(f"{type.name}/set", destroy=given[start : start + size])
        for id in answer.get("destroyed") or ():
            if json:
                print_json([{"id": id}])
            else:
                print(printable(f"Deleted {type.short} {id}."))
        for id, error in (answer.get("notDestroyed") or {}).items():
            failed += 1
            show_refusal(f"{type.short} {id} was not deleted", error)
    if failed:
        raise typer.Exit(1)


def _with_standard_input(ids: Iterable[str]) -> Iterable[str]:
    for each in ids:
        if each == STANDARD_INPUT:
            yield from map(str.strip, sys.stdin)
        else:
            yield each


def add_to(commands: typer.Typer) -> None:
    """Add these commands."""
    for each in (get, query, create, update, delete):
        commands.command(each.__name__)(connected(each))
