"""Token buckets: never more than the burst and the rate, never less, and nothing forgotten by going."""

from hypothesis import given
from hypothesis import strategies as st

from trio_chat.rates import Bucket, RatesOf

RATE, BURST = 5.0, 20


@given(st.lists(st.tuples(st.floats(0, 10), st.integers(1, 30)), max_size=50))
def test_who_waits_as_told_takes_at_most_the_burst_and_the_rate(takes: list[tuple[float, int]]) -> None:
    bucket = Bucket()
    now, taken, begun = 1000.0, 0, 1000.0
    for pause, count in takes:
        now += pause
        now += bucket.wait(count, RATE, BURST, now)
        assert bucket.wait(count, RATE, BURST, now) < 1e-6, "it says how long, not how long at least"
        bucket.take(count, RATE, now)
        taken += count
        assert taken <= BURST + RATE * (now - begun) + max(0, count - BURST) + 1e-6


@given(st.floats(0, 1e6), st.integers(0, BURST))
def test_the_burst_is_there_at_once_and_the_next_one_takes_its_time(now: float, first: int) -> None:
    bucket = Bucket()
    for _ in range(BURST):
        assert bucket.wait(1, RATE, BURST, now) == 0
        bucket.take(1, RATE, now)
    assert abs(bucket.wait(1, RATE, BURST, now) - 1 / RATE) < 1e-6
    bucket.put_back(first, RATE)
    assert (bucket.wait(first, RATE, BURST, now) == 0) is (bucket.wait(first, RATE, BURST, now + 1e-6) == 0)


def test_more_than_the_burst_waits_for_a_full_bucket_only() -> None:
    bucket = Bucket()
    assert bucket.wait(1000, RATE, BURST, 0.0) == 0
    bucket.take(1000, RATE, 0.0)
    assert bucket.wait(1, RATE, BURST, 0.0) == (1000 - BURST + 1) / RATE, "the rest is owed"


def test_no_rate_is_no_limit() -> None:
    bucket = Bucket()
    for _ in range(1000):
        assert bucket.wait(100, 0, BURST, 0.0) == 0
        bucket.take(100, 0, 0.0)
    assert bucket.wait(BURST, RATE, BURST, 0.0) == 0, "what was not counted is not owed"


def test_who_goes_and_comes_back_has_no_more_by_that() -> None:
    accounts = RatesOf()
    rates = accounts.enter(7)
    rates.messages.take(BURST, RATE, 100.0)
    accounts.leave(7, 100.0)
    assert accounts.enter(7) is rates


def test_connections_of_one_account_share_them() -> None:
    accounts = RatesOf()
    assert accounts.enter(7) is accounts.enter(7)
    accounts.leave(7, 0.0)
    accounts.leave(7, 0.0)


def test_who_is_gone_is_forgotten_when_nothing_is_owed() -> None:
    accounts = RatesOf()
    for account in range(10_000):
        accounts.enter(account).messages.take(BURST, RATE, account / 100)
        accounts.leave(account, account / 100)
    assert len(accounts) <= BURST / RATE * 100 + 1
