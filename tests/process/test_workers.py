"""Several processes on one database: they answer as one, one of them tidies up, and who dies is replaced."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.http.listening import listen
from tests.http.serving import bearer
from tests.process.database import check_database
from tests.support.served import ADMIN_KEY, QUICK_FLAGS, USING, ServerProcess, call, request_of, serve_process
from tests.support.stores import make_database

MANY = 12
"""Connections, which the system spreads over the workers: that all go to one of two happens once in 2,000 times."""

CLIENT = "x:OAuthClient"
METADATA = [*USING, "urn:jmap-oauth:metadata"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp(request.param)
    database = asyncio.run(make_database(request.param, folder))
    flags = ("--database", database, "--workers", "2", "--no-access-log", *QUICK_FLAGS)
    with serve_process(folder, *flags) as server:
        yield server


async def ask(server: ServerProcess, name: str, key: str = ADMIN_KEY, **arguments: Any) -> Any:
    """Send a call on a connection of its own, and return what it is answered with, or the status of a refusal."""
    async with server.client(key) as client:
        response = await client.post("/api", json=request_of((name, arguments), using=METADATA))
    return response.json()["methodResponses"][0][1] if response.status_code == 200 else response.status_code


async def ask_all(server: ServerProcess, name: str, key: str = ADMIN_KEY, **arguments: Any) -> list[Any]:
    return await asyncio.gather(*(ask(server, name, key, **arguments) for _ in range(MANY)))


async def until_all(server: ServerProcess, wanted: Any, name: str, key: str = ADMIN_KEY, **arguments: Any) -> None:
    """Wait until all connections are answered so: on PostgreSQL others may know a second later."""
    while any(answer != wanted for answer in await ask_all(server, name, key, **arguments)):
        await asyncio.sleep(0.05)


async def create(server: ServerProcess, name: str, **values: Any) -> str:
    answer = await ask(server, f"{CLIENT}/set", create={"new": {"clientId": name, **values}})
    id: str = answer["created"]["new"]["id"]
    return id


async def create_many(server: ServerProcess, name: str, number: int) -> list[str]:
    """Create clients one after the other on one connection, and return the states that this led to."""
    async with server.client() as client:
        answers = [
            await call(client, f"{CLIENT}/set", create={"new": {"clientId": f"{name}{each}"}}) for each in range(number)
        ]
    return [answer["newState"] for answer in answers]


async def test_states_never_repeat_or_run_backwards(server: ServerProcess) -> None:
    states = await asyncio.gather(*(create_many(server, f"s{number}x", 5) for number in range(MANY)))
    counts = [
        [len((await ask(server, f"{CLIENT}/changes", sinceState=state))["created"]) for state in own] for own in states
    ]
    assert all(own == sorted(own, reverse=True) for own in counts)
    assert sorted(count for own in counts for count in own) == list(range(5 * MANY))


async def test_of_many_writers_that_know_one_state_one_wins(server: ServerProcess) -> None:
    state = (await ask(server, f"{CLIENT}/get", ids=[]))["state"]
    answers = await asyncio.gather(
        *(
            ask(server, f"{CLIENT}/set", ifInState=state, create={"new": {"clientId": f"winner{number}"}})
            for number in range(MANY)
        )
    )
    assert sorted(answer.get("type", "done") for answer in answers) == ["done", *["stateMismatch"] * (MANY - 1)]


async def test_what_was_acknowledged_is_read_everywhere(server: ServerProcess, request: pytest.FixtureRequest) -> None:
    id = await create(server, "read")
    for number in range(5):
        await ask(server, f"{CLIENT}/set", update={id: {"description": f"Number {number}"}})
        wanted = [{"id": id, "description": f"Number {number}"}]
        arguments: Any = {"ids": [id], "properties": ["id", "description"]}
        if "sqlite" in request.node.name:
            assert [each["list"] for each in await ask_all(server, f"{CLIENT}/get", **arguments)] == [wanted] * MANY
        else:
            answer = await ask(server, f"{CLIENT}/get", **arguments)
            await until_all(server, {**answer, "list": wanted}, f"{CLIENT}/get", **arguments)


async def test_a_key_that_is_revoked_is_refused_everywhere(server: ServerProcess) -> None:
    new = {"permissions": {"sysOAuthClientGet": True}}
    key = (await ask(server, "x:ApiKey/set", create={"new": new}))["created"]["new"]
    answers = await ask_all(server, f"{CLIENT}/get", key["secret"], ids=["nobody"])
    assert [answer["notFound"] for answer in answers] == [["nobody"]] * MANY
    await ask(server, "x:ApiKey/set", destroy=[key["id"]])
    while any(
        isinstance(answer, dict) for answer in await ask_all(server, f"{CLIENT}/get", key["secret"], ids=["nobody"])
    ):
        await asyncio.sleep(0.2)  # some are 429 soon: there were many bad keys from one address


async def test_a_secret_that_was_right_and_is_replaced_is_wrong_everywhere(server: ServerProcess) -> None:
    id = await create(server, "secretive", secret="old")
    old = {"clientId": "secretive", "secret": "old"}
    answers = await ask_all(server, f"{CLIENT}/authenticate", **old)
    assert [answer["authenticated"] for answer in answers] == [True] * MANY
    await ask(server, f"{CLIENT}/set", update={id: {"secret": "new"}})
    wrong = await ask(server, f"{CLIENT}/authenticate", clientId="secretive", secret="never")
    assert wrong["error"] == "invalid_client"
    await until_all(server, wrong, f"{CLIENT}/authenticate", **old)


async def test_a_change_is_pushed_to_the_listeners_of_every_process(server: ServerProcess) -> None:
    async with AsyncExitStack() as stack:
        streams = [
            await stack.enter_async_context(listen(server.url, bearer(ADMIN_KEY), types=CLIENT)) for _ in range(MANY)
        ]
        answer = await ask(server, f"{CLIENT}/set", create={"new": {"clientId": "pushed"}})
        told = {"global": {CLIENT: answer["newState"]}}
        for stream in streams:
            while await stream.changed() != told:  # of a change before that, which another process told of late
                pass


# --- who does what, and who dies ---


def workers_of(server: ServerProcess) -> set[int]:
    """Return the processes of the workers: children of the one that was started, made by multiprocessing."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _is_worker(folder, server.process.pid)}


def _is_worker(folder: Path, parent: int) -> bool:
    return b"spawn_main" in _command_of(folder) and _parent_of(folder) == parent


def _command_of(folder: Path) -> bytes:
    """Return the command of a process, or nothing if it has ended, though nobody may have asked how."""
    try:
        return (folder / "cmdline").read_bytes()
    except OSError:
        return b""


def _parent_of(folder: Path) -> int | None:
    try:
        return int((folder / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def leader_of(server: ServerProcess) -> int | None:
    """Return the process that has the lock beside the database."""
    file = server.folder / "test.db-lead"
    lines = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return next((int(line[4]) for line in lines if line[5].endswith(f":{file.stat().st_ino}")), None)


async def wait_for_others(server: ServerProcess, gone: int) -> None:
    while len(workers_of(server) - {gone}) < 2:
        await asyncio.sleep(0.05)


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[ServerProcess]:
    """A server that a test may harm, with a client that a file provisions."""
    if not Path("/proc/locks").exists():
        pytest.skip("this system does not tell of locks and processes")
    (tmp_path / "provision.toml").write_text('[[client]]\nclientId = "provisioned"\ndescription = "As in the file"\n')
    with serve_process(tmp_path, "--workers", "2", "--provision", "provision.toml", *QUICK_FLAGS) as server:
        yield server


async def find(server: ServerProcess, name: str) -> Any:
    answer = await ask(server, f"{CLIENT}/query", filter={"clientId": name})
    return (await ask(server, f"{CLIENT}/get", ids=answer["ids"]))["list"][0]


async def test_a_worker_that_dies_is_replaced_and_another_one_leads(alone: ServerProcess) -> None:
    """What the settings say was applied once: the new worker undoes nothing."""
    client = await find(alone, "provisioned")
    await ask(alone, f"{CLIENT}/set", update={client["id"]: {"description": "Changed since"}})
    while (leader := leader_of(alone)) is None:
        await asyncio.sleep(0.05)
    assert leader in workers_of(alone)
    os.kill(leader, signal.SIGKILL)
    await wait_for_others(alone, leader)
    while leader_of(alone) not in workers_of(alone) - {leader}:
        await asyncio.sleep(0.05)
    assert (await find(alone, "provisioned"))["description"] == "Changed since"
    events = (await ask(alone, "x:AuditEvent/get", ids=None))["list"]
    assert [each["actorName"] for each in events if each["actorId"] == "provisioning"] == ["provisioning"]
    assert [each["action"] for each in events if each["objectType"] == "x:ApiKey"] == ["create"]
    assert await asyncio.to_thread(alone.stop) == 0
    assert workers_of(alone) == set()
    check_database(alone.database)


async def test_when_the_supervisor_is_killed_the_workers_stop(alone: ServerProcess) -> None:
    workers = workers_of(alone)
    assert len(workers) == 2
    alone.kill()
    while any(b"spawn_main" in _command_of(Path(f"/proc/{worker}")) for worker in workers):
        await asyncio.sleep(0.05)
    with pytest.raises(httpx.TransportError):
        await ask(alone, "Core/echo")


def test_what_is_asked_is_answered_while_workers_come_and_go(alone: ServerProcess) -> None:
    """A connection that its worker takes along is an error to its client; whoever comes again is answered."""
    first = sorted(workers_of(alone))[0]
    os.kill(first, signal.SIGKILL)
    while first in workers_of(alone) or len(workers_of(alone)) < 2:
        answer = httpx.get(f"{alone.url}/healthz/live", trust_env=False, timeout=60)
        assert answer.status_code == 200
        time.sleep(0.05)
