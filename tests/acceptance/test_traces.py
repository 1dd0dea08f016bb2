"""Traces over OTLP, as a collector gets them from a running service."""

import gzip
import json
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from adapter.version import VERSION
from tests.acceptance.processes import Process, start
from tests.fakes import until

TRACE, SENDER = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1", "messageId": "m-1", "properties": {"total": 5}}


class Collector:
    """An OTLP receiver: what it got, by name of the span. It answers `status`."""

    def __init__(self) -> None:
        self.status = 200
        self.asked = 0
        self.spans: dict[str, list[Span]] = {}
        self.resources: list[Mapping[str, str]] = []
        self.url = ""

    def named(self, name: str) -> Span:
        """The one span of that name."""
        [span] = self.spans[name]
        return span

    async def traces(self, request: web.Request) -> web.Response:
        self.asked += 1
        body = await request.read()
        plain = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
        if self.status == 200:
            for found in ExportTraceServiceRequest.FromString(plain).resource_spans:
                self.resources.append({one.key: one.value.string_value for one in found.resource.attributes})
                for span in (span for scope in found.scope_spans for span in scope.spans):
                    self.spans.setdefault(span.name, []).append(span)
        return web.Response(status=self.status)


@pytest.fixture
async def collector() -> AsyncIterator[Collector]:
    made = Collector()
    app = web.Application()
    app.router.add_post("/v1/traces", made.traces)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield made
    await runner.cleanup()


@asynccontextmanager
async def traced(folder: Path, collector: Collector) -> AsyncIterator[Process]:
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "50",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
        "ADAPTER_WRITE_KEY": "key",
        "ADAPTER_QUEUE": f"sqlite:///{folder}/queue.db",
    }
    options = ["serve", "--sandbox", "--host", "127.0.0.1", "--port", "0"]
    process = await start(options, log=folder / "log", environ=environ)
    try:
        yield process
    finally:
        if process.process.returncode is None:
            await process.stop(signal.SIGKILL)


async def send(url: str, event: object, *, traceparent: str | None = None) -> None:
    headers = {} if traceparent is None else {"traceparent": traceparent}
    async with (
        aiohttp.ClientSession() as http,
        http.post(f"{url}/webhooks/default/key", json=event, headers=headers) as answer,
    ):
        assert answer.status == 200


def attributes(span: Span) -> dict[str, Any]:
    """The values by name, as text or as a number."""
    return {one.key: one.value.string_value or one.value.int_value for one in span.attributes}


async def test_an_event_is_one_trace_of_its_sender(collector: Collector, tmp_path: Path) -> None:
    """Received, stored, mapped and called are spans of the trace that the request came with, each in its place."""
    async with traced(tmp_path, collector) as service:
        await send(service.url, EVENT, traceparent=f"00-{TRACE}-{SENDER}-01")

        async def arrived() -> bool:
            return {"receive", "store", "map", "call track"} <= collector.spans.keys()

        await until(arrived)
        assert await service.stop() == 0
    receive, store, mapped, call = map(collector.named, ("receive", "store", "map", "call track"))
    assert {span.trace_id.hex() for span in (receive, store, mapped, call)} == {TRACE}
    assert receive.parent_span_id.hex() == SENDER
    assert {span.parent_span_id for span in (store, mapped, call)} == {receive.span_id}
    assert receive.start_time_unix_nano <= store.start_time_unix_nano <= store.end_time_unix_nano
    assert store.end_time_unix_nano <= receive.end_time_unix_nano
    assert mapped.end_time_unix_nano <= call.start_time_unix_nano <= call.end_time_unix_nano
    assert (receive.kind, call.kind) == (Span.SPAN_KIND_SERVER, Span.SPAN_KIND_CLIENT)
    assert attributes(call)["browsee_adapter.message_id"] == "m-1"
    assert attributes(call)["http.response.status_code"] == 200
    assert attributes(mapped)["browsee_adapter.became"] == "calls"
    [resource, *_] = collector.resources
    assert resource["service.name"] == "browsee-adapter"
    assert resource["service.version"] == VERSION
    assert resource["deployment.environment.name"] == "test"
    assert "u-1" not in str(collector.spans), "a span held what the event holds"


async def test_an_event_without_a_trace_begins_one(collector: Collector, tmp_path: Path) -> None:
    """Its delivery joins it; a trace that its sender does not sample is not exported."""
    async with traced(tmp_path, collector) as service:
        await send(service.url, EVENT | {"messageId": "m-2"}, traceparent=f"00-{TRACE}-{SENDER}-00")
        await send(service.url, EVENT)

        async def arrived() -> bool:
            return "call track" in collector.spans

        await until(arrived)
        assert await service.stop() == 0
    receive, call = collector.named("receive"), collector.named("call track")
    assert receive.parent_span_id == b""
    assert call.trace_id == receive.trace_id != bytes.fromhex(TRACE)
    assert call.parent_span_id == receive.span_id


async def test_a_collector_that_fails_holds_up_nothing(collector: Collector, tmp_path: Path) -> None:
    """Events are delivered, the loss is logged once, and the service stops in time."""
    collector.status = 400
    async with traced(tmp_path, collector) as service:
        await send(service.url, EVENT)

        async def logged() -> bool:
            lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
            return {"SpansLost", "EventDelivered"} <= {line.get("name") for line in lines}

        await until(logged)
        assert await service.stop() == 0
    assert collector.asked >= 1
    assert "Traceback" not in service.log.read_text()
