"""Declarations: those that contradict themselves are refused, and what the others say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from jmap_oauth.model.definition import (
    Action,
    DeclarationError,
    Filter,
    Model,
    ObjectType,
    Property,
    Secret,
    Section,
    Stamp,
)
from jmap_oauth.model.kinds import Boolean, Choice, Date, MapOf, Number, Reference, SetOf, Text
from jmap_oauth.model.status import Case, Moment, Status
from jmap_oauth.store.sql import columns_of
from tests.support.box import BOX, LOCK, make_box_model
from tests.support.widget import EXTRA, TEAM, WIDGET, make_model

TEXT = Text(max_length=10)
MAP = MapOf(Choice("Colour", {"red": "Red"}), Number())
NOTHING: frozenset[str] = frozenset()


def declared(*, also: tuple[Property, ...] = (), **facts: Any) -> ObjectType:
    return replace(WIDGET, properties=(*WIDGET.properties, *also), **facts)


CONTRADICTIONS: list[tuple[dict[str, Any], str]] = [
    ({"name": "id"}, "is no name for a property"),
    ({"name": "text"}, "is no name for a property"),
    ({"name": "operator"}, "is no name for a property"),
    ({"name": "Upper"}, "is no name for a property"),
    ({"name": "with/slash"}, "is no name for a property"),
    ({"name": "code"}, "is declared twice"),
    ({"required": True, "nullable": False, "server_set": True}, "is both required of clients and set by the server"),
    ({"required": True}, "is required, so it can have no default and not be null"),
    ({"required": True, "nullable": False, "default": ""}, "is required, so it can have no default and not be null"),
    (
        {"required": True, "nullable": False, "capability": EXTRA},
        "is required of clients, but some of them do not see it",
    ),
    ({"server_set": True, "immutable": True}, "is set by the server, so immutable says nothing"),
    ({"stamp": Stamp.CREATED, "server_set": True}, "is no server-set date to stamp"),
    ({"stamp": Stamp.CREATED, "kind": Date()}, "is no server-set date to stamp"),
    ({"stamp": Stamp.UPDATED, "server_set": True}, "is no server-set date to stamp"),
    ({"stamp": Stamp.CREATED_BY, "server_set": True, "kind": Date()}, "is no server-set text to stamp"),
    ({"stamp": Stamp.UPDATED_BY}, "is no server-set text to stamp"),
    ({"kind": Reference("Team", owner=True)}, "tells the owner: declare it required and immutable"),
    (
        {"kind": Reference("Team", owner=True), "required": True, "nullable": False},
        "tells the owner: declare it required and immutable",
    ),
    ({"nullable": False}, "has no value when nobody gives one"),
    ({"default": 5}, "has a default that is not of its kind"),
    ({"default": "much too long"}, "has a default that is not of its kind"),
    ({"kind": Date(), "default": "2026-01-31T12:00:00.5Z"}, "has a default that is not of its kind"),
    ({"secret": Secret.CHOSEN, "kind": Number()}, "is a secret, but no text"),
    ({"secret": Secret.GENERATED, "unique": True}, "is made by the server: declare it server-set and unique"),
    ({"secret": Secret.GENERATED, "server_set": True}, "is made by the server: declare it server-set and unique"),
    (
        {"secret": Secret.CHOSEN, "nullable": False},
        "is chosen by clients: it must be nullable, not unique, not server-set",
    ),
    (
        {"secret": Secret.CHOSEN, "unique": True},
        "is chosen by clients: it must be nullable, not unique, not server-set",
    ),
    (
        {"secret": Secret.CHOSEN, "server_set": True},
        "is chosen by clients: it must be nullable, not unique, not server-set",
    ),
    *(
        ({"secret": secret, **flags}, "is chosen by clients: it must be nullable, not unique, not server-set")
        for secret in (Secret.HASH, Secret.VIEW)
        for flags in ({"nullable": False}, {"unique": True}, {"server_set": True})
    ),
    ({"secret": Secret.HASH}, "is a hash, which is taken on create only: declare it immutable"),
    ({"secret": Secret.VIEW}, "is kept as objects of another type, but there is no cascade that does so"),
    ({"secret": Secret.CHOSEN}, "is a second secret that clients choose"),
    (
        {"secret": Secret.CHOSEN, "filter": Filter.EXACT},
        "is a secret, so nobody can filter, sort or search by it",
    ),
    ({"secret": Secret.CHOSEN, "sort": True}, "is a secret, so nobody can filter, sort or search by it"),
    ({"secret": Secret.CHOSEN, "searchable": True}, "is a secret, so nobody can filter, sort or search by it"),
    (
        {"hidden": True, "server_set": True, "filter": Filter.EXACT},
        "is hidden, so nobody can filter, sort or search by it",
    ),
    ({"hidden": True, "server_set": True, "sort": True}, "is hidden, so nobody can filter, sort or search by it"),
    ({"hidden": True}, "is hidden, so only the server can set it"),
    ({"unique": True, "kind": Number()}, "is unique, but no text"),
    ({"searchable": True, "kind": Number()}, "is searchable, but holds no text"),
    ({"searchable": True, "kind": SetOf(Choice("Colour", {}))}, "is searchable, but holds no text"),
    ({"sort": True, "kind": Boolean()}, "cannot be sorted by"),
    ({"sort": True, "kind": SetOf(TEXT)}, "cannot be sorted by"),
    ({"filter": Filter.EXACT, "kind": SetOf(TEXT)}, "cannot be filtered by its value"),
    ({"filter": Filter.EXACT, "kind": MAP}, "cannot be filtered by its value"),
    ({"filter": Filter.RANGE}, "cannot be filtered by order"),
    ({"filter": Filter.MEMBER}, "cannot be filtered by a member"),
    ({"filter_name": "other"}, "has no filter, or none of such a name"),
    ({"filter": Filter.EXACT, "filter_name": "text"}, "has no filter, or none of such a name"),
    ({"filter": Filter.EXACT, "filter_name": "Other"}, "has no filter, or none of such a name"),
    ({"kind": Reference("Nobody")}, "refers to Nobody, which is no declared type"),
]


@pytest.mark.parametrize(("flags", "reason"), CONTRADICTIONS)
def test_a_contradiction_stops_with_a_sentence_that_names_type_and_property(flags: dict[str, Any], reason: str) -> None:
    usual: dict[str, Any] = {"name": "odd", "kind": TEXT, "label": "", "description": "", "nullable": True}
    odd = Property(**usual | flags)
    with pytest.raises(DeclarationError) as refused:
        Model([declared(also=(odd,)), TEAM])
    assert str(refused.value) == f"Widget.{odd.name} {reason}."


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"account_property": "gone"}, "Widget.gone tells the account, but is not declared as a Reference."),
        ({"account_property": "code"}, "Widget.code tells the account, but is not declared as a Reference."),
        (
            {"account_property": "id", "quota": None},
            "Team.id tells the account, but another type's ids are the accounts already.",
        ),
        (
            {"list_columns": ("code", "gone")},
            "Widget.gone is shown in lists, but is not declared or is hidden.",
        ),
        (
            {"list_columns": ("origin",)},
            "Widget.origin is shown in lists, but is not declared or is hidden.",
        ),
        (
            {"label_property": "extra"},
            "Widget.extra labels objects, but is not declared, is hidden, or needs a capability.",
        ),
        (
            {"form": (Section("A", ("code",)), Section("B", ("origin",)))},
            "Widget.origin is shown in forms, but is not declared or is hidden.",
        ),
        ({"read_only": True}, "Widget.code can be set by clients, but its type is read only."),
        ({"protection": "gone"}, "Widget.gone protects objects, but is no flag."),
        ({"protection": "note"}, "Widget.note protects objects, but is no flag."),
        (
            {"status": Status([Case("odd", "", "gone", True)])},
            "Widget.gone decides the status odd, but is not declared as what that looks at.",
        ),
        (
            {"status": Status([Case("odd", "", "endsAt", True)])},
            "Widget.endsAt decides the status odd, but is not declared as what that looks at.",
        ),
        (
            {"status": Status([Case("odd", "", "isHeavy", Moment.COME)])},
            "Widget.isHeavy decides the status odd, but is not declared as what that looks at.",
        ),
        (
            {"status": Status([Case("active", "", "isHeavy", True)])},
            "Widget.status has two cases of the name active.",
        ),
        (
            {"quota": "maxOthers"},
            "Widget.quota is maxOthers, which the type of accounts does not have among its quotas.",
        ),
    ],
)
def test_a_type_whose_facts_contradict_its_table_is_refused(facts: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        Model([declared(**facts), TEAM])
    assert str(refused.value) == sentence


def test_two_types_of_one_name_are_refused() -> None:
    with pytest.raises(DeclarationError, match=r"^Widget\.name is the name of another type as well\.$"):
        Model([WIDGET, declared(), TEAM])


def test_an_account_property_must_refer_to_accounts() -> None:
    team = replace(TEAM, account_property="owner", properties=(*TEAM.properties, _reference("owner", "Widget")))
    with pytest.raises(DeclarationError, match=r"^Widget\.teamId tells the account, but the ids of Team are no accou"):
        Model([replace(WIDGET, quota=None), team])


def changed(type: ObjectType, name: str, **flags: Any) -> ObjectType:
    """Return a type of which one property has other flags."""
    return replace(type, properties=[replace(each, **flags) if each.name == name else each for each in type.properties])


@pytest.mark.parametrize(
    ("types", "sentence"),
    [
        (
            [changed(LOCK, "teamId", hidden=False), BOX],
            "Lock.teamId follows the owner: declare it hidden and nullable.",
        ),
        (
            [changed(LOCK, "boxId", kind=Reference("Team", owner=True)), replace(BOX, properties=BOX.properties[2:])],
            "Lock.boxId belongs to Team, whose ids are accounts: declare it a plain Reference.",
        ),
        (
            [replace(LOCK, name="Bolt", properties=[replace(LOCK.by_name["boxId"], kind=Reference("Lock", owner=True)),
                     *LOCK.properties[1:]]), LOCK, BOX],
            "Bolt.boxId belongs to Lock, which belongs to another type itself.",
        ),
        (
            [changed(LOCK, "code", secret=None), BOX],
            "Lock.codeHash is the hash of a chosen secret, but there is none.",
        ),
        (
            [BOX],
            "Box.key is kept as objects of another type, but no type that this one owns has a secret.",
        ),
        (
            [replace(LOCK, properties=[replace(LOCK.properties[0], name="otherId"), *LOCK.properties]), BOX],
            "Lock.boxId is a second owner.",
        ),
        (
            [LOCK, changed(BOX, "kinds", filter_name="status")],
            "Box.status is the name of two filters.",
        ),
        (
            [LOCK, changed(BOX, "kinds", kind=SetOf(Text(max_length=20, layout=True)))],
            "Box.kinds cannot be filtered by a member, which may be of several lines.",
        ),
        (
            [LOCK, changed(BOX, "kinds", empty_means="longer than twenty letters")],
            "Box.kinds is no set that is found by the member which it has while it is empty.",
        ),
        (
            [LOCK, changed(BOX, "label", empty_means="none")],
            "Box.label is no set that is found by the member which it has while it is empty.",
        ),
    ],
)  # fmt: skip
def test_types_of_which_one_owns_the_other_must_fit(types: list[ObjectType], sentence: str) -> None:
    with pytest.raises(DeclarationError) as refused:
        Model([*types, WIDGET, TEAM])
    assert str(refused.value) == sentence


def test_a_model_knows_what_belongs_to_what() -> None:
    model = make_box_model()
    assert model.owned_by(BOX) == [LOCK]
    assert LOCK.owner == (LOCK.by_name["boxId"], "Box")
    assert (BOX.owner, BOX.views, LOCK.chosen) == (None, frozenset({"key"}), LOCK.by_name["code"])


def test_what_follows_an_owner_is_no_reference_of_its_own() -> None:
    model = make_box_model()
    assert [type.name for type, _ in model.referring_to(TEAM)] == ["Box", "Widget"]
    assert model.referring_to(BOX) == []


def test_the_columns_of_a_view_and_of_a_hash_are_none_and_a_set_is_a_text_of_its_members() -> None:
    names = [[(each.name, each.role.name) for each in columns_of(type)] for type in (BOX, LOCK)]
    assert names == [
        [("kinds", "MEMBERS"), ("isLocked", "VALUE"), ("endsAt", "VALUE"), ("teamId", "VALUE")],
        [("boxId", "VALUE"), ("code", "HASH"), ("createdAt", "VALUE"), ("teamId", "VALUE")],
    ]
    kinds = columns_of(BOX)[0]
    assert [kinds.read({"kinds": value}) for value in ({}, {"tin": True}, {"a": True, "b": True})] == [
        "\n", "\ntin\n", "\na\nb\n",
    ]  # fmt: skip
    tags = next(each for each in columns_of(WIDGET) if each.name == "tags")
    assert [tags.read({"tags": value}) for value in ({}, {"a": True})] == ["\nbare\n", "\na\n"]


def _reference(name: str, type_name: str) -> Property:
    return Property(name=name, kind=Reference(type_name), label="", description="", nullable=True)


def test_a_sound_declaration_makes_a_model() -> None:
    model = make_model()
    assert list(model) == [WIDGET, TEAM]
    assert model["Widget"] is WIDGET
    assert model.account_type is TEAM


def test_a_model_knows_where_a_type_is_referred_to() -> None:
    model = make_model()
    assert model.referring_to(TEAM) == [(WIDGET, WIDGET.by_name["teamId"])]
    assert model.referring_to(WIDGET) == []


def test_hidden_properties_are_never_visible() -> None:
    assert "origin" not in WIDGET.visible(frozenset({EXTRA}))


def test_properties_of_a_capability_are_visible_to_those_who_name_it_in_the_order_of_the_table() -> None:
    everything = [each.name for each in WIDGET.properties if not each.hidden]
    assert list(WIDGET.visible(frozenset({EXTRA, "urn:other"}))) == everything
    assert list(WIDGET.visible(NOTHING)) == [name for name in everything if name != "extra"]


def test_what_nobody_gives_is_the_default_else_null_else_empty() -> None:
    properties = WIDGET.by_name
    assert properties["maker"].initial == "us"
    assert properties["isHeavy"].initial is False
    assert properties["note"].initial is None
    assert properties["tags"].initial == {}
    assert not properties["code"].has_default


def test_every_object_gets_a_default_of_its_own() -> None:
    given = {"red": 1}
    colours = Property(name="colours", kind=MAP, label="", description="", default=given)
    first = colours.initial
    first["red"] = 2
    assert colours.initial == given == {"red": 1}
    assert WIDGET.by_name["tags"].initial is not WIDGET.by_name["tags"].initial


def test_null_is_a_value_only_where_the_table_says_so() -> None:
    assert WIDGET.by_name["note"].parse(None) is None
    with pytest.raises(ValueError, match="must be a string"):
        WIDGET.by_name["code"].parse(None)


def test_the_account_of_an_object_stands_in_its_account_property() -> None:
    assert WIDGET.account_of({"id": "w", "teamId": "t"}) == "t"
    assert WIDGET.account_of({"id": "w", "teamId": None}) is None
    assert TEAM.account_of({"id": "t"}) == "t"
    assert (WIDGET.is_account, TEAM.is_account) == (False, True)


def test_permissions_are_the_prefix_and_the_action() -> None:
    assert [WIDGET.permission_for(each) for each in Action] == [
        "sysWidgetGet",
        "sysWidgetQuery",
        "sysWidgetCreate",
        "sysWidgetUpdate",
        "sysWidgetDestroy",
    ]
