"""`/healthz`, `/readyz` and `/metrics`: liveness, whether a valid event would be stored now, and the metrics.

Trouble with delivery does not change `/readyz`: a sender that is turned away loses events that the queue would keep.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from adapter.console.access import IsOperator
from adapter.errors import QueueError
from adapter.http.json_api import error_response, json_response, resource_routes
from adapter.model import JsonObject
from adapter.observe.metrics import Metric
from adapter.queue.contract import Inbox

DeliveryStatus: TypeAlias = Literal["ok", "slowed", "paused"]

_PROBE_S = 5.0
_WITHOUT_CAUSE = "queue: no event can be stored now; the log has the cause, and so has this answer with the admin token"
"""The cause may name hosts, users and paths."""
_LOOK_AT = "look at the disk, or at the database, its network and the standbys that its commits wait for"


@dataclass(frozen=True, slots=True)
class Gauge:
    """The current value of a metric; `labels` are the values of its labels, in its order."""

    metric: Metric
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """The state of the service, as the composition root sees it. `why` is a sentence for a person, "" if all is well.

    `facts` are the details that only the operator sees.
    """

    stopping: bool
    sandbox: bool
    delivery: DeliveryStatus
    why: str
    facts: JsonObject
    gauges: tuple[Gauge, ...]


class Health:
    """Handlers of the three paths; `report` returns the state of the service now."""

    def __init__(
        self, *, inbox: Inbox, report: Callable[[], Report], registry: CollectorRegistry, is_operator: IsOperator
    ) -> None:
        self._inbox = inbox
        self._report = report
        self._registry = registry
        self._is_operator = is_operator

    def probes(self) -> list[web.RouteDef]:
        """The paths that balancers request: GET, and with it HEAD; 405 for the rest."""
        return [*resource_routes("/healthz", {"GET": self.healthz}), *resource_routes("/readyz", {"GET": self.readyz})]

    def routes(self) -> list[web.RouteDef]:
        """All three paths."""
        return [*self.probes(), *resource_routes("/metrics", {"GET": self.metrics})]

    async def healthz(self, _: web.Request) -> web.Response:
        """200 while the event loop runs, and nothing else is checked."""
        return json_response({"alive": True})

    async def readyz(self, request: web.Request) -> web.Response:
        """200 exactly while a valid event would be stored: really writes and syncs."""
        body = await self.summary(details=self._is_operator(request))
        return json_response(body, 200 if body["ready"] else 503)

    async def summary(self, *, details: bool) -> JsonObject:
        """The body of `/readyz`; `details` are the operator's."""
        report = self._report()
        trouble = "stopping" if report.stopping else await self._trouble()
        summary: JsonObject = {"ready": not trouble, "delivery": report.delivery}
        if report.sandbox:
            summary["destination"] = "SANDBOX"
        if trouble:
            summary["why"] = trouble if details or report.stopping else _WITHOUT_CAUSE
        if details:
            summary |= {"delivery_why": report.why, **report.facts}
        return summary

    async def metrics(self, request: web.Request) -> web.Response:
        """The metrics in Prometheus' text format, for the operator."""
        if not self._is_operator(request):
            return error_response(401, "unauthorized", "/metrics needs the admin token: Authorization: Bearer …")
        text = await asyncio.to_thread(generate_latest, self._registry)
        return web.Response(body=text, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _trouble(self) -> str:
        try:
            async with asyncio.timeout(_PROBE_S):
                await self._inbox.probe()
        except QueueError as exc:
            return f"queue: {exc}"
        except TimeoutError:
            return f"queue: a write took longer than {_PROBE_S:.0f} s; {_LOOK_AT}"
        return ""


class Gauges(Collector):
    """The figures of `report` as metrics, computed when they are scraped."""

    def __init__(self, report: Callable[[], Report]) -> None:
        self._report = report

    def describe(self) -> Iterable[GaugeMetricFamily]:
        """Empty: registering must not call a service that is not running yet."""
        return []

    def collect(self) -> Iterable[GaugeMetricFamily]:
        families: dict[Metric, GaugeMetricFamily] = {}
        for gauge in self._report().gauges:
            metric = gauge.metric
            family = families.get(metric)
            if family is None:
                family = families[metric] = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            family.add_metric(gauge.labels, gauge.value)
        return families.values()
