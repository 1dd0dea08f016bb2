"""Good events go on beside users whose calls fail or hang, and soon after an outage, as virtual minutes show.

The long form has 20 and 500 such users: `make test-long TESTS=tests/unit/deliver/test_liveness.py`.
"""

import random
import statistics

import pytest

from adapter.deliver.policy import Answer
from tests.unit.deliver.liveness import ERROR, LATE, OK, REFUSED, Arrival, Treat, live

FEW, MANY = 100, 500
FAILING = {
    "500": (ERROR, 0.05, None),
    "500-and-more-of-them": (ERROR, 0.05, 60.0),
    "hangs-10-s-then-500": (ERROR, 10.0, None),
    "hangs-10-s-then-200": (OK, 10.0, 30.0),
    "connection-broken": (REFUSED, 0.01, None),
}
"""How the calls of bad users end, after how many seconds, and how often each has another event."""
ROWS = [
    *(pytest.param(*row, FEW, id=name) for name, row in FAILING.items()),
    pytest.param(*FAILING["hangs-10-s-then-500"], MANY, id="hangs-10-s-then-500-many"),
    *(
        pytest.param(*row, users, id=f"{name}-{users}", marks=pytest.mark.long)
        for name, row in FAILING.items()
        for users in (20, MANY)
        if (name, users) != ("hangs-10-s-then-500", MANY)
    ),
]


def crowd(*, bad_users: int, seconds: int, every_s: float | None = None) -> list[Arrival]:
    """So many bad users at once, with `every_s` again and again, and a good event a second."""
    chance = random.Random(2)  # noqa: S311 - a reproducible world
    bad = [Arrival(0.0, f"bad-{user}") for user in range(bad_users)]
    if every_s is not None:
        again = range(int(bad_users * seconds / every_s))
        bad += [Arrival(chance.uniform(0, seconds), f"bad-{number % bad_users}") for number in again]
    good = [Arrival(at_s + 0.5, "good") for at_s in range(seconds)]
    return sorted([*bad, *good], key=lambda one: one.at_s)


def treat_bad(answer: Answer, seconds: float) -> Treat:
    def treat(user: str, _: float) -> tuple[Answer, float]:
        return (answer, seconds) if user.startswith("bad") else (OK, 0.05)

    return treat


@pytest.mark.parametrize("restart_at_s", [None, 90.0], ids=["running", "restarted"])
@pytest.mark.parametrize(("answer", "seconds", "every_s", "bad_users"), ROWS)
async def test_users_whose_calls_fail_stop_nobody(
    answer: Answer, seconds: float, every_s: float | None, restart_at_s: float | None, bad_users: int
) -> None:
    """Many of them, and a good event a second: promptly from the second minute on, and after a restart."""
    arrivals = crowd(bad_users=bad_users, seconds=180, every_s=every_s)
    seen = await live(arrivals, treat_bad(answer, seconds), seconds=185.0, restart_at_s=restart_at_s)
    # That a call was slow, and got through, is kept nowhere: it is learned anew in the first minute.
    learned_s = 60.0 if restart_at_s is None else restart_at_s + (60.0 if answer is OK else 5.0)
    delays = seen.delays("good", from_s=learned_s)
    assert statistics.median(delays) < 1.0
    assert max(delays) < 5.0


def answered(status: int, body: bytes = b"", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


REFUSED_ALIKE = answered(400, b'{"status":"failure","message":"invalid event"}')
FORBIDDEN = answered(403, b"blocked by the firewall")


@pytest.mark.parametrize("restart_at_s", [None, 90.0], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("answer", "bad_users", "every_s"),
    [
        pytest.param(REFUSED_ALIKE, 30, 20.0, id="400-of-30-users-again"),
        pytest.param(REFUSED_ALIKE, 200, None, id="400-of-200-users"),
        pytest.param(FORBIDDEN, 30, None, id="403-of-30-users"),
        pytest.param(answered(302), 5, 20.0, id="302-of-5-users-again"),
        pytest.param(answered(200, b'{"ok":true}'), 1, None, id="200-undocumented-of-a-user"),
        pytest.param(answered(429), 1, None, id="429-of-a-user"),
        pytest.param(answered(429, retry_after="5"), 1, None, id="429-asks-to-wait-of-a-user"),
        pytest.param(answered(503, retry_after="5"), 1, None, id="503-asks-to-wait-of-a-user"),
    ],
)
async def test_what_some_users_meet_pauses_nobody_else_for_long(
    answer: Answer, bad_users: int, every_s: float | None, restart_at_s: float | None
) -> None:
    """Answers that would pause the whole project, but come to some users only: good events wait less than 5 s from 90 s
    on, because an undocumented answer pauses calls for a minute while nothing is known.
    """
    arrivals = crowd(bad_users=bad_users, seconds=180, every_s=every_s)
    seen = await live(arrivals, treat_bad(answer, 0.05), seconds=185.0, restart_at_s=restart_at_s)
    delays = seen.delays("good", from_s=90.0)
    assert statistics.median(delays) < 1.0
    assert max(delays) < 5.0


TIMEOUT_S = 10.0
BACK_S = 120.0


@pytest.mark.parametrize("per_s", [9, 1], ids=["9-a-second", "1-a-second"])
@pytest.mark.parametrize("away_s", [3.0, 45.0], ids=["3-s", "45-s"])
@pytest.mark.parametrize(
    ("answer", "seconds"),
    [
        pytest.param(REFUSED, 0.01, id="refused"),
        pytest.param(ERROR, 0.05, id="503"),
        pytest.param(LATE, TIMEOUT_S, id="hangs"),
    ],
)
async def test_a_short_outage_stays_short(answer: Answer, seconds: float, away_s: float, per_s: int) -> None:
    """The first call gets through within 1 s after an outage up to 10 s, within 10 % of a longer one; the backlog then
    goes at 90 % of the learned rate of 20 a second. Where calls hang, the call's timeout comes on top.
    """
    away_from_s = BACK_S - away_s
    arrivals = [Arrival(number / per_s, f"user-{number % 50}") for number in range(int((BACK_S + 60.0) * per_s))]

    def treat(_: str, now_s: float) -> tuple[Answer, float]:
        return (answer, seconds) if away_from_s <= now_s < BACK_S else (OK, 0.05)

    seen = await live(arrivals, treat, seconds=BACK_S + 60.0, limit_per_s=20.0)
    hanging_s = seconds if answer is LATE else 0.0
    assert seen.first_pass(from_s=BACK_S) <= max(1.0, 0.1 * away_s) + hanging_s
    first_s = BACK_S + seen.first_pass(from_s=BACK_S)
    # What waits then, and what comes meanwhile, at 90 % of the rate.
    waiting = per_s * (first_s - away_from_s)
    assert seen.caught_up(from_s=first_s) <= waiting / (0.9 * 20.0 - per_s) + 1.0 + hanging_s
    assert seen.dead == 0
