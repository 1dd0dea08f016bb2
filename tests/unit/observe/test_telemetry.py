"""Happenings are safe to show and bounded to count."""

import inspect
import re
from importlib import import_module
from pkgutil import iter_modules

import pytest

from adapter import observe
from adapter.observe.catalog import CATALOG
from adapter.observe.telemetry import Telemetry

BY_NAME = pytest.mark.parametrize("kind", CATALOG, ids=lambda kind: kind.__name__)

UNBOUNDED = {"message_id", "detail", "problems", "url", "cause", "error", "path", "text", "version", "traceparent"}
"""Fields with more values than anybody could count; a label of such a field would fill the metrics' memory."""

PRIVATE = re.compile(r"body|secret|token|password|key|user|traits|properties|email|header|query|value")
"""Names of what must reach no log: a sender's content, and what lets somebody in."""


def test_every_happening_is_counted() -> None:
    """A telemetry left out of the list would be neither logged in full nor counted."""
    modules = [import_module(f"adapter.observe.{found.name}") for found in iter_modules(observe.__path__)]
    defined = {
        kind
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Telemetry) and kind is not Telemetry
    }
    assert set(CATALOG) == defined
    assert len(CATALOG) == len(defined)


@BY_NAME
def test_a_happening_is_frozen_and_says_something(kind: type[Telemetry]) -> None:
    """The text is constant and reads as a fact: no full stop, no placeholder."""
    assert kind.__struct_config__.frozen
    assert kind.text
    assert not re.search(r"[{}%.]", kind.text)


@BY_NAME
def test_no_field_is_for_private_content(kind: type[Telemetry]) -> None:
    """No body, no user and no secret has a place in a log line; sources, rules and reasons have."""
    assert [field for field in kind.__struct_fields__ if PRIVATE.search(field)] == []


@BY_NAME
def test_labels_are_bounded_fields(kind: type[Telemetry]) -> None:
    """A label names a field of the telemetry, and none that has endless values."""
    names = set(kind.__struct_fields__)
    assert {*kind.labels, *kind.throttle_by} <= names
    assert not set(kind.labels) & UNBOUNDED
    for field, metric in kind.measures:
        assert {field, *metric.labels} <= names
        assert not set(metric.labels) & UNBOUNDED


@BY_NAME
def test_a_metric_is_named_and_explained(kind: type[Telemetry]) -> None:
    """`/metrics` explains each count; what has no metric has no labels."""
    if kind.metric is None:
        assert kind.labels == ()
        return
    assert re.fullmatch(r"browsee_adapter_[a-z_]+", kind.metric)
    assert kind.help.endswith(".")


def test_metrics_are_reported_apart_by_name() -> None:
    """Two telemetry never add to one count."""
    metrics = [kind.metric for kind in CATALOG if kind.metric is not None]
    assert len(metrics) == len(set(metrics))
