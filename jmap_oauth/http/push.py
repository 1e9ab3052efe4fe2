"""Who listens for changes, and what is new to whom (RFC 8620 section 7). Knows keys and states, but no HTTP."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from math import inf
from typing import Protocol

from jmap_oauth.access.keys import Refusal
from jmap_oauth.access.principal import Principal
from jmap_oauth.http.authentication import Keys
from jmap_oauth.store.interface import Unavailable

LOOK_EVERY = 0.2
"""Seconds after which changes are looked for while anybody listens."""

CHECK_EVERY = 5.0
"""Seconds after which the key of a stream is checked again, also when nothing changes: it may have expired."""

_NO_REQUEST = "push"
"""Stands for the id of a request where a key is checked again."""

_log = logging.getLogger(__name__)

States = Mapping[str, str]
"""The states of an account by type."""


class Watch(Protocol):
    """Whatever tells of changes; see `methods.watch.ChangeWatch`."""

    async def version(self) -> object: ...

    async def states(self, accounts: Sequence[str]) -> Mapping[str, States]: ...

    def readable(self, principal: Principal) -> Sequence[str]: ...


@dataclass(eq=False, slots=True, kw_only=True)
class Stream:
    """One client that listens to these types of its account.

    `known` is what the client was told last; None stands for what there is when it begins. `newest` is what it may be
    told: nothing that came in between is kept, so a client that does not read costs no more than another. States are
    shared by all streams of an account. `pings` is the seconds between pings, 0 for none; times are the event loop's.
    """

    principal: Principal
    token: str = field(repr=False)  # no log may show it, whatever it shows
    remote_ip: str
    types: Sequence[str]
    pings: int = 0
    known: States | None = None
    newest: States | None = None
    ended: bool = False
    check_at: float = inf
    ping_at: float = inf
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self) -> None:
        """Wait until there may be something to send, or the stream ends."""
        await self._woken.wait()
        self._woken.clear()

    def wake(self) -> None:
        self._woken.set()

    def end(self) -> None:
        """Let the stream end before anything more is sent."""
        self.ended = True
        self.wake()

    def begin(self, states: States) -> None:
        """Take the first states. What the client knows already is nothing new to it."""
        self.newest = states
        self.known = states if self.known is None else self.known
        self.wake()

    def offer(self, states: States) -> None:
        """Take the states of now, in the place of any that were not sent yet."""
        before, self.newest = self.newest or {}, states
        if any(states.get(type) != before.get(type) for type in self.types):
            self.wake()

    def take_changed(self) -> States:
        """Return the states that are new to the client, which from now on knows them."""
        known, self.known = self.known or {}, self.newest or {}
        return {type: state for type, state in self.told().items() if state != known.get(type)}

    def told(self) -> States:
        """Return what the client knows of the types that it listens to."""
        known = self.known or {}
        return {type: known[type] for type in self.types if type in known}

    def note_event(self, now: float) -> None:
        """Put the next ping off: it counts from the last event, whichever that was (RFC 8620 section 7.3)."""
        self.ping_at = now + self.pings if self.pings else inf


class Streams:
    """All streams of this process, and the one task that looks for changes for all of them.

    It asks the store for its version, reads states only when that has moved, for all accounts at once, and wakes only
    those whose types have changed. A stream gets new states of its account when its key has just been checked, each
    key once, whatever the number of its streams. A change of a key is one of its account, so it ends its streams before
    they tell of anything later; an end by the clock is seen within CHECK_EVERY.
    """

    def __init__(self, watch: Watch, keys: Keys) -> None:
        self._watch = watch
        self._keys = keys
        self._streams: set[Stream] = set()
        self._version: object = None
        self._states: Mapping[str, States] = {}
        self._stirred = asyncio.Event()
        self._closed = False

    def readable(self, principal: Principal) -> Sequence[str]:
        """Return the types that a principal may listen to."""
        return self._watch.readable(principal)

    @contextmanager
    def listening(self, stream: Stream) -> Iterator[None]:
        """Take care of a stream until the end of the block. One that ends before it begins is to be refused."""
        stream.check_at = asyncio.get_running_loop().time() + CHECK_EVERY
        self._streams.add(stream)
        self._stirred.set()
        if self._closed:
            stream.end()
        try:
            yield
        finally:
            self._streams.discard(stream)

    async def run(self) -> None:
        """Look for changes until it is closed; it sleeps while nobody listens."""
        while not self._closed:
            self._stirred.clear()
            if self._streams:
                await self._look()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY if self._streams else None):
                    await self._stirred.wait()

    def close(self) -> None:
        """End all streams, and those that are still to come."""
        if not self._closed:
            self._closed = True
            self._end(self._streams)
            self._stirred.set()

    async def _look(self) -> None:
        try:
            await self._read_states()
            await self._serve()
        except Unavailable:
            # Who listens goes on doing so: browsers never come back to an event source that was answered 503.
            self._end(stream for stream in self._streams if stream.newest is None)
        except Exception:  # nothing would ever be pushed again
            _log.exception("Changes cannot be looked for")
            self._end(self._streams)

    async def _read_states(self) -> None:
        """Bring the states of all accounts that have streams up to date.

        The version is asked for first: what changes between that and the reading shows again in the next version.
        """
        version = await self._watch.version()
        current = self._states if version == self._version else {}
        missing = {stream.principal.account for stream in self._streams} - current.keys()
        read = await self._watch.states(sorted(missing)) if missing else {}
        # What did not change stays the same mapping: by that streams know it, which costs nothing.
        kept = {account: self._states[account] for account in read if self._states.get(account) == read[account]}
        self._states = {**current, **read, **kept}
        self._version = version

    async def _serve(self) -> None:
        """Wake those for whom there is something to do. Who came while the states were read has its turn next."""
        now = asyncio.get_running_loop().time()
        to_check = []
        for stream in self._streams:
            states = self._states.get(stream.principal.account)
            if states is None:
                continue
            if stream.newest is None:
                stream.begin(states)
            elif stream.newest is not states or now >= stream.check_at:
                to_check.append(stream)
            elif now >= stream.ping_at:
                stream.wake()
        for stream in await self._check(to_check):
            stream.check_at = now + CHECK_EVERY
            stream.offer(self._states[stream.principal.account])

    async def _check(self, streams: Sequence[Stream]) -> Sequence[Stream]:
        """Return the streams whose key is still good for them, and end those whose key is not.

        If that cannot be told now, it is asked again with the next look.
        """
        by_key: dict[tuple[str, str], list[Stream]] = {}
        for stream in streams:
            by_key.setdefault((stream.token, stream.remote_ip), []).append(stream)
        answers = await asyncio.gather(*(self._ask(token, remote_ip) for token, remote_ip in by_key))
        good = []
        for answer, alike in zip(answers, by_key.values(), strict=True):
            for stream in alike if answer else ():
                if _is_same(answer, stream.principal):
                    good.append(stream)
                else:
                    stream.end()
        return good

    async def _ask(self, token: str, remote_ip: str) -> Principal | Refusal | None:
        try:
            return await self._keys.admit(token, remote_ip, _NO_REQUEST)
        except Unavailable:
            return None

    def _end(self, streams: Iterable[Stream]) -> None:
        for stream in streams:
            stream.end()


def _is_same(answer: Principal | Refusal | None, before: Principal) -> bool:
    """Tell whether a key may still do what its streams began with; if not, the client finds out as it comes back."""
    return isinstance(answer, Principal) and _rights(answer) == _rights(before)


def _rights(principal: Principal) -> tuple[str, frozenset[str]]:
    return principal.account, principal.permissions
