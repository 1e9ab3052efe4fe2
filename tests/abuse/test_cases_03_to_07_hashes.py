"""Cases 3 to 7: hashes that are sent as secrets, weak and hostile hashes, secrets that look alike, and what it costs.

Secrets come here in JSON only, as they are: there is no token endpoint that would decode them from a form or from HTTP
Basic (5). How the times of refusals compare is measured by a bench (6); here is counted what takes the time.
"""

from __future__ import annotations

import string
from collections.abc import AsyncIterator, Collection
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from jmap_oauth.access.hashing import Cost, SlowHasher
from jmap_oauth.app import Server
from jmap_oauth.config import Settings, SettingsError
from jmap_oauth.database import schema_folder
from jmap_oauth.model.definition import Model
from jmap_oauth.objects import served_types
from jmap_oauth.store.sqlite import open_sqlite
from tests.abuse.callers import INVALID, UNKNOWN, Caller, Site
from tests.process.database import copy_of
from tests.support.served import ADMIN_KEY, serve_in_process

SECRET = "correct horse battery staple"


def kept_hash(site: Site) -> str:
    with copy_of(Path(site.server.settings.database)) as database:
        [(hash,)] = database.execute('SELECT secret FROM "OAuthClientSecret"')
    return str(hash)


async def test_case_03_the_hash_that_is_kept_is_no_secret(site: Site) -> None:
    await site.admin.create(clientId="web", secret=SECRET)
    hash = kept_hash(site)

    for wrong in (hash, hash.rpartition("$")[2], f"{{ARGON2}}{hash}", "****", ""):
        assert await site.admin.authenticate("web", wrong) == UNKNOWN
    assert (await site.admin.authenticate("web", SECRET))["authenticated"]


async def test_case_03_a_hash_that_was_imported_is_no_secret(site: Site) -> None:
    hash = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(8)).decode()
    client = await site.admin.create(clientId="web", secret="the first")
    await site.admin.create("x:OAuthClientSecret", oauthClientId=client["id"], secretHash=hash)

    assert await site.admin.authenticate("web", hash) == UNKNOWN
    assert (await site.admin.authenticate("web", SECRET))["authenticated"]


@pytest.mark.parametrize("prefix", ["", "{PLAIN}", "{CLEAR}", "{SHA}", "{SSHA}", "{CRYPT}"])
async def test_case_03_a_secret_that_looks_like_a_hash_is_a_text_like_any_other(site: Site, prefix: str) -> None:
    hash = prefix + bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(8)).decode()
    await site.admin.create(clientId="web", secret=hash)

    assert (await site.admin.authenticate("web", hash))["authenticated"]
    assert await site.admin.authenticate("web", SECRET) == UNKNOWN
    assert kept_hash(site).startswith("$argon2id$")


SALT, HASH = "c2FsdHNhbHRzYWx0c2FsdA", "A" * 43
BCRYPT = "abcdefghijklmnopqrstuuVQ9fO0uhzaYtdbMBUAk8Q0dvKnFcZyC"


def argon2(kind: str = "id", version: str = "v=19$", cost: str = "m=19456,t=2,p=1", salt: str = SALT) -> str:
    return f"$argon2{kind}${version}{cost}${salt}${HASH}"


GOOD = [argon2(), f"$2b$08${BCRYPT}", f"$2y$13${BCRYPT}", f"$pbkdf2-sha256$10000${SALT}${HASH}"]

HOSTILE = [
    "{PLAIN}secret", "{CLEAR}secret", "{CLEARTEXT}secret", "secret", "", " ", "*", "!", "$", "$$$$",
    "5f4dcc3b5aa765d61d8327deb882cf99", "{MD5}X03MO1qnZdYdgyfeuILPmQ==", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/",
    "$apr1$saltsalt$Xxd1irWT9ycqoYxGFn4cb.", "5baa61e4c9b93f3f0682250b6cf8331b7ee68fd8",
    "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=", "{SSHA}gVK8WC9YyFT1gMsQHTGCgT3sSv5zYWx0", "{SHA256}" + "A" * 44,
    "rl.3StKT.4T8M", "_J9..rasmBYk8r9AiWNc", "5e884898da28047151d0e56f8dc6292773603d0d6aabbdd62a11ef721d1542d8",
    "$5$saltsalt$" + "A" * 43, "$6$rounds=5000$saltsalt$" + "A" * 86, "$7$C6..../....SodiumChloride$" + "A" * 43,
    "$scrypt$ln=16,r=8,p=1$c2FsdA$" + HASH, "$pbkdf2$10000$c2FsdHNhbHQ$" + "A" * 27,
    "$pbkdf2-sha1$10000$c2FsdHNhbHQ$" + "A" * 27, "$y$j9T$salt$" + "A" * 43,
    # Argon2 that is weak, dear, or no number at all
    argon2("i"), argon2("d"), argon2("ID"), argon2(version=""), argon2(version="v=16$"), argon2(version="v=20$"),
    argon2(cost="m=8,t=1,p=1"), argon2(cost="m=4095,t=2,p=1"), argon2(cost="m=4194304,t=2,p=1"),
    argon2(cost="m=4294967296,t=2,p=1"), argon2(cost="m=99999999999999999999,t=2,p=1"),
    argon2(cost="m=19456,t=1000000,p=1"), argon2(cost="m=19456,t=0,p=1"), argon2(cost="m=19456,t=4294967296,p=1"),
    argon2(cost="m=19456,t=2,p=16777216"), argon2(cost="m=19456,t=2,p=0"), argon2(cost="m=-19456,t=2,p=1"),
    argon2(cost="m=19456,t=-2,p=1"), argon2(cost="m=19456,t=2,p=-1"), argon2(cost="m=1e4,t=2,p=1"),
    argon2(cost="m=0x4c00,t=2,p=1"), argon2(cost="t=2,m=19456,p=1"), argon2(cost="m=19456,t=2"),
    argon2(cost="m=19456,t=2,p=1,x=1"), argon2(cost="m=\u0661\u0669\u0664\u0665\u0666,t=2,p=1"),
    argon2(cost="m=19456,t=\u0662,p=1"), argon2(salt=""), argon2(salt="c2FsdA"), argon2(salt="A" * 400),
    argon2(salt="c2FsdHNhbHR!YWx0c2FsdA"), argon2() + "$", argon2() + "$x", argon2() + "\n", argon2() + " ",
    " " + argon2(), argon2() + "=", argon2()[:-42], argon2() + "A" * 400, argon2().replace("$", "$$"),
    argon2() + "\x00", "{ARGON2}" + argon2(),
    # bcrypt
    f"$2b$04${BCRYPT}", f"$2b$07${BCRYPT}", f"$2b$14${BCRYPT}", f"$2b$31${BCRYPT}", f"$2b$99${BCRYPT}",
    f"$2b$8${BCRYPT}", f"$2b$-8${BCRYPT}", f"$2b$\u0661\u0660${BCRYPT}", f"$2x$10${BCRYPT}", f"$2$10${BCRYPT}",
    f"$2b$10${BCRYPT}x", f"$2b$10${BCRYPT[1:]}", f"$2b$10${BCRYPT}\n", f"{{CRYPT}}$2b$10${BCRYPT}",
    f"$2b$10${BCRYPT[:-1]}!", f"$2b$10${BCRYPT[:21]}v{BCRYPT[22:]}",
    # PBKDF2
    f"$pbkdf2-sha256$1${SALT}${HASH}", f"$pbkdf2-sha256$9999${SALT}${HASH}", f"$pbkdf2-sha256$2000001${SALT}${HASH}",
    f"$pbkdf2-sha256$99999999${SALT}${HASH}", f"$pbkdf2-sha256$4294967296${SALT}${HASH}",
    f"$pbkdf2-sha256$-10000${SALT}${HASH}", f"$pbkdf2-sha256$\u0661\u0660\u0660\u0660\u0660${SALT}${HASH}",
    f"$pbkdf2-sha256$10000$${HASH}", f"$pbkdf2-sha256$10000$c2FsdA${HASH}", f"$pbkdf2-sha256$10000${'A' * 400}${HASH}",
    f"$pbkdf2-sha256$10000${SALT}$", f"$pbkdf2-sha256$10000${SALT}$AAAA", f"$pbkdf2-sha256$10000${SALT}${HASH}$x",
    f"$pbkdf2-sha512$10000${SALT}${HASH}", f"pbkdf2_sha256$1${SALT}${HASH}=", f"pbkdf2_sha1$600000${SALT}${HASH}=",
]  # fmt: skip


async def test_case_04_weak_and_hostile_hashes_are_refused(admin: Caller) -> None:
    client = await admin.create(clientId="web", secret=SECRET)
    objects = [{"oauthClientId": client["id"], "secretHash": hash} for hash in [*HOSTILE, *GOOD]]
    found = dict(zip([*HOSTILE, *GOOD], await admin.outcomes(objects, "x:OAuthClientSecret"), strict=True))

    assert found == {**dict.fromkeys(HOSTILE, (INVALID, "secretHash")), **dict.fromkeys(GOOD)}


async def test_case_04_a_client_itself_takes_no_hash(admin: Caller) -> None:
    assert await admin.outcomes([{"clientId": "web", "secretHash": GOOD[0]}]) == [(INVALID, "secretHash")]


async def test_case_04_provisioning_takes_no_hash(tmp_path: Path) -> None:
    file = tmp_path / "clients.toml"
    file.write_text(f"[[client]]\nclientId = 'web'\nsecretHash = '{GOOD[0]}'\n")

    with pytest.raises(SettingsError, match="secretHash"):
        async with serve_in_process(tmp_path, provision=str(file)):
            pass


LONG = "a" * 72
ALIKE = [
    LONG, LONG + "b", LONG + "c", "x", "x ", " x", "X", "x\u00a0", "x\u200b", "\u00e9", "e\u0301", "\ufb01", "fi",
    "\u212b", "\u00c5", string.punctuation, "a+b", "a b", "a%20b", "a%2Bb", "a&b=c", "a:b", "\u540d\u524d",
    "\U0001f511", "null", "0", "x" * 1_024,
]  # fmt: skip


async def test_case_05_secrets_that_differ_a_little_are_different(admin: Caller) -> None:
    for number, secret in enumerate(ALIKE):
        await admin.create(clientId=f"c{number}", secret=secret)
    accepted = {
        (number, wrong)
        for number in range(len(ALIKE))
        for wrong, secret in enumerate(ALIKE)
        if (await admin.authenticate(f"c{number}", secret))["authenticated"]
    }

    assert accepted == {(number, number) for number in range(len(ALIKE))}


async def test_case_05_what_bcrypt_would_not_look_at_counts(admin: Caller) -> None:
    hash = bcrypt.hashpw(LONG.encode(), bcrypt.gensalt(8)).decode()
    client = await admin.create(clientId="web", secret="the first")
    await admin.create("x:OAuthClientSecret", oauthClientId=client["id"], secretHash=hash)

    for wrong in (LONG + "b", LONG + "\x00", LONG[:-1], LONG[:-1] + "\x00"):
        assert await admin.authenticate("web", wrong) == UNKNOWN
    assert (await admin.authenticate("web", LONG))["authenticated"]


@pytest.mark.parametrize("secret", ["a\x00b", "a\x00", "\x00", "a\nb", "a\x7f", "", "x" * 1_025])
async def test_case_05_a_secret_with_control_characters_is_refused_and_matches_nothing(
    admin: Caller, secret: str
) -> None:
    await admin.create(clientId="web", secret="a")
    answer = await admin.call("x:OAuthClient/authenticate", clientId="web", secret=secret)

    assert await admin.outcomes([{"clientId": "other", "secret": secret}]) == [(INVALID, "secret")]
    assert (answer.get("error"), answer.get("type")) in {("invalid_client", None), (None, "invalidArguments")}


async def test_case_05_a_secret_that_the_server_makes_is_the_same_in_every_encoding(admin: Caller) -> None:
    client = await admin.create(clientId="web", tokenEndpointAuthMethod="client_secret_basic")

    assert set(client["secret"]) <= {*string.ascii_letters, *string.digits, "_"}


class CountingHasher(SlowHasher):
    """Counts the runs of Argon2: one for each salt and cost that a text is compared with."""

    runs = 0

    async def matching(self, plain: str, hashes: Collection[str]) -> set[str]:
        self.runs += len({hash.rpartition("$")[0] for hash in hashes})
        return await super().matching(plain, hashes)


@pytest.fixture
def hasher() -> CountingHasher:
    return CountingHasher(Cost(64, 1, 1))


@pytest.fixture
async def counted(settings: Settings, hasher: CountingHasher) -> AsyncIterator[Caller]:
    """The administrator of a server whose runs of Argon2 are counted."""
    model = Model(served_types(frozenset()))
    store = await open_sqlite(Path(settings.database), model, schema_folder() / "sqlite")
    with closing(hasher):
        server = Server(settings, model, store, hasher)
        async with server.serving():
            transport = httpx.ASGITransport(app=server.http(), raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://server.test") as http:
                yield Caller(http, ADMIN_KEY)
        await store.close()


BAD: dict[str, dict[str, Any]] = {
    "unknown": {"clientId": "other"},
    "wrong secret": {"secret": "another"},
    "disabled": {"isEnabled": False},
    "expired": {"expiresAt": "2020-01-01T00:00:00Z"},
    "public": {"secret": None},
    "disabled with a wrong secret": {"isEnabled": False, "secret": "another"},
}


@pytest.mark.parametrize("given", BAD.values(), ids=BAD)
async def test_case_06_every_refusal_is_the_same_and_costs_one_hash(
    counted: Caller, hasher: CountingHasher, given: dict[str, Any]
) -> None:
    await counted.create(**{"clientId": "web", "secret": SECRET, **given})
    hasher.runs = 0
    answers = [await counted.authenticate("web", SECRET) for _ in range(3)]

    assert answers == [UNKNOWN] * 3
    assert hasher.runs == 3  # a refusal is not remembered


async def test_case_06_another_tenants_client_is_refused_at_the_same_cost(
    counted: Caller, hasher: CountingHasher
) -> None:
    tenant = await counted.create("x:Tenant", name="One")
    await counted.create(clientId="web", secret=SECRET)
    key = await counted.create(
        "x:ApiKey", memberTenantId=tenant["id"], permissions={"sysOAuthClientAuthenticate": True}
    )
    hasher.runs = 0

    assert await replace(counted, key=key["secret"]).authenticate("web", SECRET) == UNKNOWN
    assert hasher.runs == 1


@pytest.mark.parametrize("number", [1, 2, 20])
async def test_case_07_the_number_of_secrets_does_not_show_in_the_cost(
    counted: Caller, hasher: CountingHasher, number: int
) -> None:
    client = await counted.create(clientId="web", secret=SECRET)
    for _ in range(number - 1):
        await counted.create("x:OAuthClientSecret", oauthClientId=client["id"])
    hasher.runs = 0

    assert await counted.authenticate("web", "wrong") == UNKNOWN
    assert hasher.runs == 1


async def test_case_07_there_are_at_most_20_secrets_to_compare_with(admin: Caller) -> None:
    client = await admin.create(clientId="web", secret=SECRET)
    found = await admin.outcomes([{"oauthClientId": client["id"]}] * 20, "x:OAuthClientSecret")

    assert found.count(None) == 19
    assert (INVALID, "oauthClientId") in found
