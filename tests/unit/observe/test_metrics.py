"""`/metrics` shows what one table in the code says, named as Prometheus asks, and docs/metrics.md is that table."""

import inspect
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from adapter.console.health import Gauges, Report
from adapter.deliver.state import PAUSING, PauseReason, State
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.watch import LiveMapping
from adapter.observe import metrics
from adapter.observe.catalog import CATALOG
from adapter.observe.metrics import GAUGES, HISTOGRAMS, Metric
from adapter.observe.observer import Observer
from adapter.observe.reference import COUNTERS, PROCESS, TABLES, renewed, series
from adapter.observe.telemetry import Telemetry
from adapter.queue.contract import Balance, Disk
from adapter.queue.replicas import Replica
from adapter.service.deadlines import Deadline
from adapter.service.mappings import Active, read_message
from adapter.service.replicas import replica_gauges
from adapter.service.report import make_report

PAGE = Path(__file__).parents[3] / "docs/metrics.md"
ALL = (*GAUGES, *COUNTERS, *HISTOGRAMS, *PROCESS)
EACH = pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)


def test_the_page_is_the_table() -> None:
    """Renew it with `adapter.observe.reference.renewed`."""
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page)
    assert [name for name in TABLES if f"<!-- table: {name} -->" not in page] == []


def test_no_metric_is_left_out_of_the_table() -> None:
    """One that is defined and not listed would be in no documentation and no histogram."""
    defined = {value for value in vars(metrics).values() if isinstance(value, Metric)}
    assert {*GAUGES, *HISTOGRAMS} == defined
    assert {metric for metric in defined if metric.bounds} == set(HISTOGRAMS)


@EACH
def test_a_name_follows_the_conventions(metric: Metric) -> None:
    """Lower case, one prefix, base units at the end, `_total` for what only grows; the text is a sentence."""
    assert re.fullmatch(r"(browsee_adapter|process)(_[a-z]+)+", metric.name)
    assert metric.name.endswith("_total") is (metric in COUNTERS or "_total" in metric.name)
    assert not re.search(r"_(s|ms|milliseconds|minutes|hours|mb|kb|megabytes|percent|count|sum|bucket)$", metric.name)
    assert metric.help.endswith(".")


@pytest.mark.parametrize("metric", HISTOGRAMS, ids=lambda metric: metric.name)
def test_a_histogram_is_of_seconds(metric: Metric) -> None:
    """Its bounds ascend, and its unit is the base one."""
    assert metric.name.endswith("_seconds")
    assert sorted({*metric.bounds}) == list(metric.bounds)


def sample(kind: type[Telemetry]) -> Telemetry:
    """One of this kind, with a value of the right type in each field."""
    values: dict[object, object] = {int: 1, float: 0.5, str | None: None}
    fields = inspect.signature(kind).parameters.values()
    return kind(**{field.name: values.get(field.annotation, "x") for field in fields})


def full_report() -> Report:
    """A report that has a value for every gauge."""
    text = "version: 1\nrules:\n  - when: {type: track}\n    drop: true\n"

    def loaded(text: str) -> Ruleset:
        return load(text, file="m.yaml", read=read_message, hash_key=None)

    mapping = LiveMapping(Path("m.yaml"), name="m.yaml", text=text, ruleset=loaded(text), load=loaded, emit=print)
    state = State("slowed", PauseReason.PACE, "", per_s=9.0, limit_per_s=10.0, concurrency=8, in_flight=1)
    report = make_report(
        stopping=False,
        sandbox=False,
        active=Active(live={"shop": mapping}),
        projects=[(["shop", "app"], state)],
        balance=Balance(
            counts={"received": 3}, pending=2, dead=1, pending_of=frozenset({"gone"}), deletions_waiting={"shop": 1}
        ),
        disk=Disk(10, 100, time_to_full_s=60.0, history_s=7.0, free_bytes=90, limit="the disk"),
        now=datetime.now(UTC),
        deadlines=[Deadline("loss", 5.0, "a sender gives up", "shop"), Deadline("dead", 6.0, "an event is given up")],
    )
    here = Replica(name="a", delivers=True, facts={}, is_here=True)
    return replace(report, gauges=(*report.gauges, *replica_gauges([here])))


@pytest.fixture
def everything() -> Observer:
    """Everything has happened once."""
    observer = Observer()
    for kind in CATALOG:
        observer.emit(sample(kind))
    observer.histogram(metrics.ANSWER, "200", "stored").observe(0.01)
    observer.watch(Gauges(full_report))
    return observer


def test_what_is_shown_is_what_is_listed(everything: Observer) -> None:
    """Every series has the labels that the page gives it; none is missing, and none is there besides."""
    families = text_string_to_metric_families(generate_latest(everything.registry).decode())
    found = {shown.name: frozenset(shown.labels) for family in families for shown in family.samples}
    assert found == series()


def test_the_cause_of_slow_delivery_is_reported_apart() -> None:
    """One cause has the 1, the others are there with 0, so that an alarm sees each of them come."""
    observer = Observer()
    observer.watch(Gauges(full_report))
    families = {
        family.name: family for family in text_string_to_metric_families(generate_latest(observer.registry).decode())
    }
    slowed = families["browsee_adapter_delivery_slowed"].samples
    assert {(shown.labels["sources"], shown.labels["why"]): shown.value for shown in slowed} == {
        ("shop, app", "pace"): 1,
        ("shop, app", "slow answers"): 0,
        ("shop, app", "misconfigured"): 0,
    }
    paused = families["browsee_adapter_delivery_paused"].samples
    assert {shown.labels["why"]: shown.value for shown in paused} == dict.fromkeys(PAUSING, 0)
