"""Throttling by address."""

from jmap_oauth.access.throttle import Throttle


class Clock:
    """A clock that stands still until it is moved, in seconds."""

    def __init__(self) -> None:
        self.time = 1000.0

    def __call__(self) -> float:
        return self.time


def make_throttle(max_buckets: int = 100) -> tuple[Throttle, Clock]:
    clock = Clock()
    return Throttle(burst=3, seconds=6.0, max_buckets=max_buckets, clock=clock), clock


def fail(throttle: Throttle, address: str, times: int) -> list[int | None]:
    return [throttle.fail(address) for _ in range(times)]


def test_an_address_that_never_failed_need_not_wait() -> None:
    throttle, _ = make_throttle()

    assert throttle.retry_after("192.0.2.1") is None


def test_as_many_failures_as_the_burst_are_counted_and_the_next_must_wait() -> None:
    throttle, _ = make_throttle()

    assert fail(throttle, "192.0.2.1", 5) == [None, None, None, 6, 6]
    assert throttle.retry_after("192.0.2.1") == 6


def test_another_address_is_not_concerned() -> None:
    throttle, _ = make_throttle()
    fail(throttle, "192.0.2.1", 3)

    assert throttle.fail("192.0.2.2") is None


def test_what_comes_too_early_does_not_lengthen_the_wait() -> None:
    throttle, clock = make_throttle()
    fail(throttle, "192.0.2.1", 3)
    clock.time += 4.5

    assert fail(throttle, "192.0.2.1", 2) == [2, 2]


def test_after_the_wait_one_more_failure_is_let_pass() -> None:
    throttle, clock = make_throttle()
    fail(throttle, "192.0.2.1", 3)
    clock.time += 6

    assert fail(throttle, "192.0.2.1", 2) == [None, 6]


def test_after_a_long_time_the_whole_burst_is_there_again_and_no_more() -> None:
    throttle, clock = make_throttle()
    fail(throttle, "192.0.2.1", 3)
    clock.time += 3600

    assert fail(throttle, "192.0.2.1", 4) == [None, None, None, 6]


def test_the_addresses_of_one_ipv6_64_share_a_bucket() -> None:
    throttle, _ = make_throttle()
    fail(throttle, "2001:db8:0:1::1", 3)

    assert throttle.retry_after("2001:db8:0:1:ffff::2") == 6
    assert throttle.retry_after("2001:db8:0:2::1") is None


def test_an_ipv4_mapped_address_is_the_ipv4_address() -> None:
    throttle, _ = make_throttle()
    fail(throttle, "::ffff:192.0.2.1", 3)

    assert throttle.retry_after("192.0.2.1") == 6
    assert throttle.retry_after("::ffff:192.0.2.2") is None


def test_all_that_is_no_address_shares_a_bucket() -> None:
    throttle, _ = make_throttle()

    assert [throttle.fail(name) for name in ("", "unix:", "a", "b")] == [None, None, None, 6]


def test_an_ipv4_address_is_never_mistaken_for_an_ipv6_prefix() -> None:
    throttle, _ = make_throttle()
    fail(throttle, "0.0.0.1", 3)

    assert throttle.retry_after("0:0:0:1::") is None


def test_the_bucket_that_failed_longest_ago_makes_room() -> None:
    throttle, _ = make_throttle(max_buckets=2)
    for address in ("192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1", "192.0.2.3"):
        throttle.fail(address)

    assert fail(throttle, "192.0.2.1", 1) == [6]
    assert fail(throttle, "192.0.2.2", 4) == [None, None, None, 6]
