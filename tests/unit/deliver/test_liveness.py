"""Good events go on beside users whose calls fail or hang, and soon after an outage, as virtual minutes show."""

import random
import statistics

import pytest

from adapter.deliver.policy import Answer
from tests.unit.deliver.liveness import ERROR, OK, REFUSED, Arrival, Treat, live

BAD = 500


def crowd(*, seconds: int, every_s: float | None = None) -> list[Arrival]:
    """500 bad users at once, with `every_s` again and again, and a good event a second."""
    chance = random.Random(2)  # noqa: S311 - a reproducible world
    bad = [Arrival(0.0, f"bad-{user}") for user in range(BAD)]
    if every_s is not None:
        again = range(int(BAD * seconds / every_s))
        bad += [Arrival(chance.uniform(0, seconds), f"bad-{number % BAD}") for number in again]
    good = [Arrival(at_s + 0.5, "good") for at_s in range(seconds)]
    return sorted([*bad, *good], key=lambda one: one.at_s)


def treat_bad(answer: Answer, seconds: float) -> Treat:
    def treat(user: str, _: float) -> tuple[Answer, float]:
        return (answer, seconds) if user.startswith("bad") else (OK, 0.05)

    return treat


@pytest.mark.parametrize("restart_at_s", [None, 90.0], ids=["running", "restarted"])
@pytest.mark.parametrize(
    ("answer", "seconds", "every_s"),
    [
        pytest.param(ERROR, 0.05, None, id="500"),
        pytest.param(ERROR, 0.05, 60.0, id="500-and-more-of-them"),
        pytest.param(ERROR, 10.0, None, id="hangs-10-s-then-500"),
        pytest.param(OK, 10.0, 30.0, id="hangs-10-s-then-200"),
        pytest.param(REFUSED, 0.01, None, id="connection-broken"),
    ],
)
async def test_users_whose_calls_fail_stop_nobody(
    answer: Answer, seconds: float, every_s: float | None, restart_at_s: float | None
) -> None:
    """500 of them, and a good event a second: promptly from the second minute on, and after a restart."""
    seen = await live(
        crowd(seconds=180, every_s=every_s), treat_bad(answer, seconds), seconds=185.0, restart_at_s=restart_at_s
    )
    # That a call was slow, and got through, is kept nowhere: it is learned anew in the first minute.
    learned_s = 60.0 if restart_at_s is None else restart_at_s + (60.0 if answer is OK else 5.0)
    delays = seen.delays("good", from_s=learned_s)
    assert statistics.median(delays) < 1.0
    assert max(delays) < 5.0
