"""The dashboard, the alert rules and the scrape configuration fit the metrics that there are and the page on them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from adapter.deliver.state import PauseReason
from adapter.http.responses import Reply, status_of
from adapter.observe.reference import series
from tests.clients.installed import needs
from tests.docs.pages import headings

ROOT = Path(__file__).parents[1]
ALERTS = ROOT / "deploy/prometheus/alerts.yaml"
SCRAPE = ROOT / "deploy/prometheus/prometheus.yaml"
CASES = ROOT / "tests/cases/alerts.yaml"
DASHBOARD = json.loads((ROOT / "deploy/grafana/browsee-adapter.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in yaml.safe_load(ALERTS.read_text(encoding="utf-8"))["groups"] for rule in group["rules"]]

SCRAPED = frozenset({"job", "instance"})
"""What Prometheus adds to every series."""
OF_PROMETHEUS = {"up": frozenset[str](), "ALERTS": frozenset({"alertname", "alertstate"})}
KNOWN = {name: labels | SCRAPED for name, labels in (series() | OF_PROMETHEUS).items()}
VALUES = {
    "code": {reply.value for reply in Reply},
    "status": {str(status_of(reply)) for reply in Reply},
    "why": {why.value for why in PauseReason},
}
"""Labels of which all values are known; those of a query must be among them."""

_SERIES = re.compile(r"\b((?:browsee_adapter|process)_\w+|up|ALERTS)\b(?:\{([^}]*)\})?")
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')
_GROUPED = re.compile(r"\b(?:by|on|without|ignoring)\s*\(([^)]*)\)")


@dataclass(frozen=True, slots=True)
class Query:
    """One expression, where it stands, and the labels that a text beside it shows of its result."""

    where: str
    expr: str
    shows: frozenset[str]

    def grouped(self) -> frozenset[str]:
        """The labels that it is grouped or joined by."""
        return frozenset(label.strip() for found in _GROUPED.findall(self.expr) for label in found.split(","))

    def left(self) -> frozenset[str]:
        """The labels that its result has."""
        if re.search(r"\b(sum|max|min|count|avg)\b", self.expr):
            return self.grouped() - {"le"}
        return frozenset().union(*(KNOWN[name] for name, _ in _SERIES.findall(self.expr)))


def queries() -> Iterator[Query]:
    for panel in PANELS:
        for target in panel["targets"]:
            shows = frozenset(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
            yield Query(f"{panel['title']} {target['refId']}", target["expr"], shows)
    for rule in RULES:
        shows = frozenset(re.findall(r"\$labels\.(\w+)", str(rule["annotations"])))
        yield Query(rule["alert"], rule["expr"], shows)
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            name, label = re.findall(r"label_values\((\w+), (\w+)\)", variable["query"]["query"])[0]
            yield Query(f"${variable['name']}", name, frozenset({label}))


QUERIES = list(queries())
EACH_QUERY = pytest.mark.parametrize("query", QUERIES, ids=lambda query: query.where)
EACH_ALERT = pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])


@EACH_QUERY
def test_a_query_asks_for_what_there_is(query: Query) -> None:
    """Each series is one that `/metrics` has, by labels that it has and values that they can have."""
    asked = _SERIES.findall(query.expr)
    assert asked
    for name, selector in asked:
        assert name in KNOWN
        for label, operator, value in _MATCHER.findall(selector):
            assert label in KNOWN[name]
            if "~" not in operator and label in VALUES:
                assert value in VALUES[label]
    assert query.grouped() <= frozenset().union(*(KNOWN[name] for name, _ in asked))


@EACH_QUERY
def test_a_text_shows_labels_that_are_left(query: Query) -> None:
    """A legend or a summary with a label that the query has summed away would have a hole in it."""
    assert query.shows <= query.left()


@EACH_ALERT
def test_an_alert_says_what_to_do(rule: dict[str, Any]) -> None:
    """Every alert has a summary, and a link to the section that says what to do."""
    assert re.fullmatch(r"BrowseeAdapter[A-Z]\w+", rule["alert"])
    assert rule["labels"]["severity"] in {"page", "ticket"}
    assert rule["for"]
    assert set(rule["annotations"]) == {"summary", "description", "runbook"}
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor in headings((ROOT / page).read_text(encoding="utf-8"))


@EACH_ALERT
def test_an_alert_has_a_case_in_which_it_fires(rule: dict[str, Any]) -> None:
    """A rule that nothing fires is no alert: see `tests/cases/alerts.yaml`."""
    assert f'alertname="{rule["alert"]}"' in CASES.read_text(encoding="utf-8")


def test_the_dashboard_can_be_imported() -> None:
    """Panels have ids of their own, do not overlap, say what they show, and ask the source that is chosen."""
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    variables = {variable["name"] for variable in DASHBOARD["templating"]["list"]} | {"__rate_interval"}
    for panel in PANELS:
        assert panel["description"]
        assert {target["datasource"]["uid"] for target in panel["targets"]} == {"${datasource}"}
        for target in panel["targets"]:
            assert set(re.findall(r"\$(\w+)", target["expr"])) <= variables


def promtool(*arguments: str | Path) -> None:
    """Run promtool; the test fails with what it says. Skips the test where it is not installed."""
    tool = shutil.which("promtool") or shutil.which(ROOT / ".tools/promtool")
    if tool is None:
        needs("promtool is not installed: scripts/promtool does it as root")
        return
    done = subprocess.run([tool, *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_takes_the_configuration() -> None:
    """Neither the scrape configuration nor a rule has a mistake that Prometheus would refuse to start with."""
    promtool("check", "config", "--syntax-only", SCRAPE)
    promtool("check", "rules", ALERTS)
    loaded = yaml.safe_load(SCRAPE.read_text(encoding="utf-8"))["rule_files"]
    assert [SCRAPE.parent / name for name in loaded] == [ALERTS]


def test_prometheus_takes_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """What a panel asks is PromQL."""
    rules = [
        {"record": f"panel:{number}", "expr": query.expr.replace("$__rate_interval", "5m")}
        for number, query in enumerate(QUERIES)
    ]
    file = tmp_path / "panels.json"
    file.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}))
    promtool("check", "rules", file)


def test_alerts_fire_when_they_should_and_not_else() -> None:
    """All is well, a restart with a requeue, and everything wrong at once."""
    promtool("test", "rules", CASES)
