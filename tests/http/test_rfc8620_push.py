"""What RFC 8620 section 7.3 asks of pings, where no other test shows it."""

from __future__ import annotations

from math import inf

import pytest

from jmap_oauth.http.eventsource import MAX_PING, MIN_PING
from jmap_oauth.http.push import Stream
from tests.http.serving import KEY, PRINCIPALS


@pytest.mark.parametrize(("seconds", "at"), [(0, inf), (30, 130.0)])
def test_a_ping_is_due_so_long_after_an_event_and_never_for_0(seconds: int, at: float) -> None:
    stream = Stream(principal=PRINCIPALS[KEY], token=KEY, remote_ip="192.0.2.7", types=(), pings=seconds)
    stream.note_event(100.0)

    assert stream.ping_at == at


def test_the_bounds_of_pings_leave_clients_their_choice() -> None:
    assert MIN_PING <= 30
    assert MAX_PING >= 300
