"""Noise is a small share of 429s at a rate well below the limit, known from many answers, for a while."""

import pytest

from adapter.deliver.noise import Noise, NoiseConfig


def heard(answers: int, limited: int) -> Noise:
    noise = Noise(NoiseConfig())
    for number in range(answers):
        noise.add(limited=number < limited)
    noise.keep(0.0)
    return noise


@pytest.mark.parametrize(
    ("answers", "limited", "share"),
    [(500, 5, 0.01), (499, 5, 0.0), (500, 1, 0.0), (500, 25, 0.05), (500, 26, 0.0)],
    ids=["noise", "too-few-answers", "too-few-429s", "at-most-5-percent", "a-limit"],
)
def test_what_noise_is(answers: int, limited: int, share: float) -> None:
    """At least 500 answers, two of them 429, and at most 5 %."""
    assert heard(answers, limited).share(0.0) == share


def test_noise_is_forgotten() -> None:
    """After ten minutes, or when a limit showed itself; what was dropped never counted."""
    assert heard(500, 5).share(601.0) == 0.0
    noise = heard(500, 5)
    noise.forget()
    assert noise.share(0.0) == 0.0
    noise.add(limited=True)
    noise.drop()
    noise.keep(0.0)
    assert noise.share(0.0) == 0.0


def test_more_than_noise_is_a_limit() -> None:
    """One 429 while no noise is known; with 1 % of noise, as many of 50 as it gives once in a thousand times."""
    assert heard(500, 0).limit_at(0.0, window=50) == 1
    assert heard(1000, 10).limit_at(0.0, window=50) == 5
