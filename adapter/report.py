"""How the service is doing, in words for `/readyz` and figures for `/metrics`, put together from its parts. Pure."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime

from adapter.activation import Active
from adapter.console.health import Delivery, Gauge, Report
from adapter.deliver.project import State
from adapter.model import Balance, JsonObject
from adapter.queue.base import Disk

Projects = Sequence[tuple[Collection[str], State]]
"""The sources of each Browsee project and how delivery to it goes."""

_WORST_FIRST: tuple[Delivery, ...] = ("paused", "slowed", "ok")


def make_report(
    *,
    stopping: bool,
    sandbox: bool,
    active: Active,
    projects: Projects,
    balance: Balance | None,
    disk: Disk | None,
    now: datetime,
) -> Report:
    """The report of this moment; `balance` is as it was last counted, None before the first time."""
    deliveries = {state.delivery for _, state in projects}
    return Report(
        stopping=stopping,
        sandbox=sandbox,
        delivery=next((word for word in _WORST_FIRST if word in deliveries), "ok"),
        why="; ".join(_whys(projects, balance)),
        facts=_facts(active, projects, balance, disk),
        gauges=(*_gauges(active, projects, balance), *_backlog_gauges(balance, disk, now)),
    )


def _stranded(projects: Projects, balance: Balance | None) -> list[str]:
    """Sources that nobody delivers for any more, and whose events wait."""
    configured = {source for sources, _ in projects for source in sources}
    return [] if balance is None else sorted(balance.pending_of - configured)


def _whys(projects: Projects, balance: Balance | None) -> Iterator[str]:
    for sources, state in projects:
        if state.text:
            yield f"{', '.join(sources)}: {state.text}" if len(projects) > 1 else state.text
    stranded = _stranded(projects, balance)
    if stranded:
        yield f"events wait of sources that the settings do not name: {', '.join(stranded)}; name them again"


def _facts(active: Active, projects: Projects, balance: Balance | None, disk: Disk | None) -> JsonObject:
    facts: JsonObject = {
        "mappings": {source: mapping.ruleset.version for source, mapping in active.live.items()},
        "projects": [
            {
                "sources": list(sources),
                "delivery": state.delivery,
                "rate_per_s": round(state.per_s, 2),
                "limit_per_s": None if state.limit_per_s is None else round(state.limit_per_s, 2),
                "concurrency": state.concurrency,
                "calls_under_way": state.in_flight,
            }
            for sources, state in projects
        ],
    }
    if active.failed:
        facts["mappings_failed"] = active.failed
    if balance is not None:
        facts |= {"pending": balance.pending, "dead": balance.dead, "unaccounted": balance.unaccounted}
        facts["ledger"] = dict(balance.counts)
        facts["sources_not_configured"] = _stranded(projects, balance)
        oldest = balance.oldest_received_at
        facts["oldest_pending"] = None if oldest is None else oldest.isoformat(timespec="seconds")
    if disk is not None:
        facts["disk"] = {"used_bytes": disk.used_bytes, "max_bytes": disk.max_bytes}
        if disk.time_to_full_s is not None:
            facts["disk"]["time_to_full_s"] = round(disk.time_to_full_s)
    return facts


def _gauges(active: Active, projects: Projects, balance: Balance | None) -> Iterator[Gauge]:
    yield Gauge("browsee_adapter_mappings_failed", "Mapping files whose text is not at work.", len(active.failed))
    for source, mapping in active.live.items():
        versions = (("source", source), ("version", mapping.ruleset.version))
        yield Gauge("browsee_adapter_mapping_info", "The mapping at work for a source.", 1, versions)
    for sources, state in projects:
        labels = (("sources", ",".join(sources)),)
        yield Gauge("browsee_adapter_rate_per_second", "Calls a second that may go now.", state.per_s, labels)
        yield Gauge("browsee_adapter_calls_under_way", "Calls without an answer yet.", state.in_flight, labels)
        yield Gauge("browsee_adapter_concurrency_limit", "Calls that may be under way.", state.concurrency, labels)
        paused = state.delivery == "paused"
        yield Gauge("browsee_adapter_delivery_paused", "1 while no call goes.", paused, labels)
        if state.limit_per_s is not None:
            yield Gauge("browsee_adapter_limit_per_second", "Browsee's limit as learned.", state.limit_per_s, labels)
    if balance is None:
        return
    yield Gauge("browsee_adapter_pending", "Events not finished.", balance.pending)
    yield Gauge("browsee_adapter_dead", "Dead letters.", balance.dead)
    yield Gauge("browsee_adapter_unaccounted", "Messages in no term of the balance; always 0.", balance.unaccounted)
    for term, count in balance.counts.items():
        yield Gauge("browsee_adapter_ledger", "The terms of the balance.", count, (("term", term),))


def _backlog_gauges(balance: Balance | None, disk: Disk | None, now: datetime) -> Iterator[Gauge]:
    if balance is not None:
        oldest = balance.oldest_received_at
        age_s = 0.0 if oldest is None else max(0.0, (now - oldest).total_seconds())
        yield Gauge("browsee_adapter_backlog_age_seconds", "Age of the event that has been pending longest.", age_s)
    if disk is None:
        return
    yield Gauge("browsee_adapter_disk_used_bytes", "What the queue uses of the disk.", disk.used_bytes)
    yield Gauge("browsee_adapter_disk_max_bytes", "What the queue may use of the disk.", disk.max_bytes)
    if disk.time_to_full_s is not None:
        about = "Seconds until the queue is full, if it goes on growing as it does."
        yield Gauge("browsee_adapter_time_to_full_seconds", about, disk.time_to_full_s)
