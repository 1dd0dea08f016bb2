"""Durations are counted as prometheus_client would count them, only faster."""

import random

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client import Histogram as Reference

from adapter.observe.histogram import Histograms
from adapter.observe.metrics import Metric

METRIC = Metric("wait_seconds", "How long.", ("source",), (0.1, 1.0, 2.5))


def test_it_counts_as_the_library_does() -> None:
    """Any durations, those on a bound included, end in the same buckets with the same sum."""
    draw = random.Random(7)  # noqa: S311 - any numbers will do
    seconds = [*METRIC.bounds, 0.0, *(draw.expovariate(1.0) for _ in range(500))]
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histograms = Histograms([METRIC])
    ours.register(histograms)
    reference = Reference("wait_seconds", "How long.", ["source"], buckets=METRIC.bounds, registry=theirs)
    for each in seconds:
        histograms.child(METRIC, "shop").observe(each)
        reference.labels("shop").observe(each)
    library = [line for line in generate_latest(theirs).decode().splitlines() if "_created" not in line]
    assert generate_latest(ours).decode().splitlines() == library


def test_one_child_for_each_combination_of_labels() -> None:
    """A kept child and one that is looked up again are the same."""
    histograms = Histograms([METRIC])
    assert histograms.child(METRIC, "shop") is histograms.child(METRIC, "shop")
    assert histograms.child(METRIC, "shop") is not histograms.child(METRIC, "app")


def test_labels_are_given_in_full() -> None:
    """One value too many or too few would show as a series without a name."""
    with pytest.raises(ValueError, match="labelled by"):
        Histograms([METRIC]).child(METRIC)
