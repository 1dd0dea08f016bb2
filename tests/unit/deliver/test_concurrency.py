"""How many calls may be under way follows their latency, and nothing else."""

import heapq
import random
from collections.abc import Callable

from adapter.deliver.concurrency import Concurrency, ConcurrencyConfig

CONFIG = ConcurrencyConfig(first=16, highest=256)


def press(calls: Concurrency, latency_s: Callable[[float], float], *, from_s: float, to_s: float) -> None:
    """Keep as many calls under way as are allowed; one begun at t ends after `latency_s(t)`, give or take a tenth."""
    chance = random.Random(1)  # noqa: S311 - a reproducible world, not a secret
    under_way: list[tuple[float, float, int]] = []
    now_s, number = from_s, 0
    while now_s < to_s:
        while not calls.is_full(now_s):
            number += 1
            calls.began(number, now_s)
            heapq.heappush(under_way, (now_s + latency_s(now_s) * chance.uniform(0.9, 1.1), now_s, number))
        now_s, began_s, permit = heapq.heappop(under_way)
        calls.ended(permit, now_s=now_s, seconds=now_s - began_s)
    for now_s, began_s, permit in under_way:
        calls.ended(permit, now_s=now_s, seconds=now_s - began_s)


def test_it_grows_while_it_is_used_and_latency_stays() -> None:
    """To the highest, in seconds: the rate is what should limit calls."""
    calls = Concurrency(CONFIG, now_s=0.0)
    press(calls, lambda _: 0.5, from_s=0.0, to_s=5.0)
    assert calls.limit == 256


def test_milliseconds_are_no_matter() -> None:
    """A Browsee that answers in 1 ms, and now and then in 50, is not slow."""
    calls = Concurrency(CONFIG, now_s=0.0)
    press(calls, lambda now_s: 0.05 if int(now_s * 10) % 10 == 0 else 0.001, from_s=0.0, to_s=3.0)
    assert calls.limit == 256


def test_it_does_not_grow_while_it_is_not_used() -> None:
    """What was not tried is not known."""
    calls = Concurrency(CONFIG, now_s=0.0)
    for step in range(1000):
        calls.began(step, step / 10)
        calls.ended(step, now_s=step / 10, seconds=0.1)
    assert calls.limit == 16


def test_it_falls_when_latency_rises() -> None:
    """A Browsee that hangs holds fewer calls than one that answers."""
    calls = Concurrency(CONFIG, now_s=0.0)
    press(calls, lambda now_s: 0.1 if now_s < 10 else 10.0, from_s=0.0, to_s=100.0)
    assert calls.limit < 192


def test_it_comes_back_when_latency_does() -> None:
    """One more each round."""
    calls = Concurrency(CONFIG, now_s=0.0)
    press(calls, lambda now_s: 0.1 if now_s < 10 or now_s > 100 else 10.0, from_s=0.0, to_s=100.0)
    fallen = calls.limit
    press(calls, lambda _: 0.1, from_s=120.0, to_s=140.0)
    assert fallen < calls.limit <= fallen + 200


def test_calls_that_tell_nothing_are_only_counted() -> None:
    """A refused connection is quick because nothing was done, not because Browsee is idle."""
    calls = Concurrency(CONFIG, now_s=0.0)
    for permit in range(16):
        calls.began(permit, 0.0)
    assert (calls.is_full(0.0), calls.in_flight) == (True, 16)
    for permit in range(16):
        calls.ended(permit, now_s=1.0, seconds=None)
    assert (calls.is_full(1.0), calls.in_flight, calls.limit) == (False, 0, 16)


def test_it_never_falls_below_one() -> None:
    """A single call under way is always allowed, or nothing would ever show that Browsee is well again."""
    calls = Concurrency(ConcurrencyConfig(first=2), now_s=0.0)
    limits: list[int] = []
    for latency_s in [0.1] * 10 + [100.0] * 10:
        calls.began(len(limits), 1000.0 * len(limits))
        calls.ended(len(limits), now_s=1000.0 * len(limits), seconds=latency_s)
        limits.append(calls.limit)
    assert (limits[0], min(limits)) == (2, 1)


def test_hanging_calls_make_room_for_others() -> None:
    """A call that takes long counts no more, so that some users' calls cannot keep all places; up to the highest."""
    calls = Concurrency(CONFIG, now_s=0.0)
    for permit in range(256):
        now_s = 3.0 * (permit // 16)
        assert not calls.is_full(now_s)
        calls.began(permit, now_s)
    assert calls.is_full(1000.0)


def test_a_few_slow_calls_change_nothing() -> None:
    """The median says how busy Browsee is: one user in three whose calls hang is that user's matter."""
    calls = Concurrency(CONFIG, now_s=0.0)
    for step in range(300):
        calls.began(step, step / 10)
        calls.began(-step - 1, step / 10)
        calls.began(-step - 1000, step / 10)
        calls.ended(step, now_s=step / 10, seconds=0.1)
        calls.ended(-step - 1, now_s=step / 10, seconds=10.0 if step % 3 == 0 else 0.1)
        calls.ended(-step - 1000, now_s=step / 10, seconds=0.1)
    assert calls.limit == 16
