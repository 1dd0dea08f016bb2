"""What `/readyz` says is put together from the parts, and is the truth."""

from datetime import UTC, datetime

from adapter.console.health import Report
from adapter.deliver.project import Project, ProjectConfig
from adapter.deliver.state import ELSEWHERE, undelivered
from adapter.observe import metrics
from adapter.queue.contract import Balance, Disk
from adapter.service.mappings import Active
from adapter.service.report import make_report


def report(*sources: str, pending_of: frozenset[str], disk: Disk | None = None) -> Report:
    """The report of a service of `sources`, all of one project."""
    project = Project(ProjectConfig(), now_s=0.0)
    return make_report(
        stopping=False,
        sandbox=False,
        active=Active(),
        projects=[(sources, project.state(0.0))],
        balance=Balance(counts={"received": 1}, pending=1, dead=0, pending_of=pending_of),
        disk=disk,
        now=datetime.now(UTC),
        deadlines=(),
    )


def test_events_of_a_source_that_is_gone_are_named() -> None:
    """A source renamed in the settings leaves events that are not delivered: the operator must be informed."""
    found = report("shop", pending_of=frozenset({"shop", "old-shop"}))
    assert found.facts["sources_not_configured"] == ["old-shop"]
    assert found.why == "events wait of sources that the settings do not name: old-shop; name them again"


def test_nothing_is_said_while_every_event_has_a_worker() -> None:
    """Events that wait for their turn are no trouble."""
    found = report("shop", pending_of=frozenset({"shop"}))
    assert (found.facts["sources_not_configured"], found.why) == ([], "")


def test_a_project_that_another_replica_delivers_is_no_trouble_here() -> None:
    """Its sources are still known, so that the report does not ask for them."""
    found = make_report(
        stopping=False,
        sandbox=False,
        active=Active(),
        projects=[(["shop"], ELSEWHERE)],
        balance=Balance(counts={"received": 1}, pending=1, dead=0, pending_of=frozenset({"shop"})),
        disk=None,
        now=datetime.now(UTC),
        deadlines=(),
    )
    assert (found.delivery, found.why, found.facts["sources_not_configured"]) == ("ok", "", [])
    assert [project["delivered_here"] for project in found.facts["projects"]] == [False]
    of_holder = {metrics.PAUSED, metrics.SLOWED, metrics.RATE, metrics.LIMIT, metrics.CALLS_UNDER_WAY}
    assert [gauge for gauge in found.gauges if gauge.metric in of_holder] == []
    assert [gauge.value for gauge in found.gauges if gauge.metric is metrics.DELIVERS] == [0]


def test_a_project_that_no_replica_delivers_is_paused_and_says_what_to_do() -> None:
    """Whichever replica is asked; the figures are those of a project that this one does not deliver."""
    found = make_report(
        stopping=False,
        sandbox=False,
        active=Active(),
        projects=[(["shop"], undelivered(41.4)), (["app"], ELSEWHERE)],
        balance=Balance(counts={"received": 1}, pending=1, dead=0, pending_of=frozenset({"shop"})),
        disk=None,
        now=datetime.now(UTC),
        deadlines=(),
    )
    assert found.delivery == "paused"
    assert found.why == (
        "shop: no replica has delivered for 41 s; start one with --role all or --role deliver, whose settings have the "
        "same sources"
    )
    assert [project["delivered_here"] for project in found.facts["projects"]] == [False, False]
    assert [gauge.value for gauge in found.gauges if gauge.metric is metrics.DELIVERS] == [0, 0]
    assert [gauge for gauge in found.gauges if gauge.metric is metrics.PAUSED] == []


def test_the_real_window_of_the_history_is_shown() -> None:
    """Near the limit of the disk it is shorter than the settings say, and somebody may look in vain."""
    found = report("shop", pending_of=frozenset(), disk=Disk(900, 1_000, time_to_full_s=None, history_s=3_600.4))
    assert found.facts["disk"] == {"used_bytes": 900, "max_bytes": 1_000, "history_s": 3_600}
    [gauge] = [gauge for gauge in found.gauges if gauge.metric is metrics.HISTORY]
    assert gauge.value == 3_600.4
