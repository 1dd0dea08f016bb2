"""Spans of an event: received, stored, mapped, called. Imported only if traces are exported.

The span `receive` is a child of the sender's span, if its request had a `traceparent`; otherwise it begins a trace.
Each event is stored with `receive` as its parent, so the spans of its delivery join the trace, hours later or in
another process. The sampler decides which traces are kept (`OTEL_TRACES_SAMPLER`); by default it follows the sender's
decision.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import ContextVar
from threading import Thread

from msgspec.structs import replace
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import NonRecordingSpan, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from adapter.deliver.browsee import Browsee
from adapter.deliver.policy import Answer
from adapter.deliver.renderer import Renderer
from adapter.model import Call, Calls, Event, Refused, Rejection, Rendered, Secret
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import SpansLost
from adapter.queue.contract import Inbox, Stored
from adapter.version import VERSION

_CLOSE_S = 3.0
_CURRENT: ContextVar[Event | None] = ContextVar("the event that this task delivers", default=None)


def open_spans(emit: Emit) -> "Spans":
    """Spans for the collector that OpenTelemetry's variables name; inside the event loop of `emit`."""
    # The exporter logs every failed request with its traceback; `SpansLost` reports it once.
    logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
    loop = asyncio.get_running_loop()
    exporter = ReportingExporter(OTLPSpanExporter(), lambda lost: _from_thread(loop, emit, lost))
    # OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override these.
    resource = Resource({"service.name": "browsee-adapter", "service.version": VERSION}).merge(Resource.create())
    provider = TracerProvider(resource=_named(resource), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return Spans(provider)


def _named(resource: Resource) -> Resource:
    """`resource` with the adapter's name if none was set: the library's default is `unknown_service`."""
    is_default = str(resource.attributes.get("service.name", "")).startswith("unknown_service")
    return resource.merge(Resource({"service.name": "browsee-adapter"})) if is_default else resource


def _from_thread(loop: asyncio.AbstractEventLoop, emit: Emit, lost: int) -> None:
    with suppress(RuntimeError):  # the loop is closed, so nothing can be logged
        loop.call_soon_threadsafe(emit, SpansLost("the exporter gave up", lost))


class Spans:
    """Makes spans with `provider`, around the parts that an event passes."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("browsee-adapter", VERSION)

    def inbox(self, inbox: Inbox) -> Inbox:
        """`inbox`, with a span `receive` for each request from its receipt, and in it `store`."""
        return _TracedInbox(inbox, self)

    def ruleset_of(self, of: Callable[[str], Renderer]) -> Callable[[str], Renderer]:
        """`of`, with a span `map` for each rendering."""
        return lambda source: _TracedRenderer(of(source), self)

    def browsee(self, url: str) -> Browsee:
        """Browsee at `url`, with a span `call` for each call."""
        return _TracedBrowsee(url, self)

    async def close(self) -> None:
        """Export the remaining spans, for a few seconds at most: the collector may be down."""
        loop, done = asyncio.get_running_loop(), asyncio.Event()

        def shut_down() -> None:
            self._provider.shutdown()
            # After the time limit the loop is closed.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(done.set)

        # Not a thread of the loop's pool, because Python would wait for its end.
        Thread(target=shut_down, daemon=True).start()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_S):
                await done.wait()

    def start(self, name: str, parent: Context | None, kind: SpanKind, *, start_ns: int | None = None) -> Span:
        """A span that is not current anywhere; its creator ends it."""
        return self._tracer.start_span(name, context=parent or Context(), kind=kind, start_time=start_ns)


class ReportingExporter(SpanExporter):
    """Exports by `inner` and calls `lost` with the number of spans that were not accepted, in the exporter's thread."""

    def __init__(self, inner: SpanExporter, lost: Callable[[int], None]) -> None:
        self._inner = inner
        self._lost = lost

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export once, with the retries of `inner`."""
        result = self._inner.export(spans)
        if result is not SpanExportResult.SUCCESS:
            self._lost(len(spans))
        return result

    def shutdown(self) -> None:
        """End a retry that waits."""
        self._inner.shutdown()


class _TracedInbox:
    def __init__(self, inner: Inbox, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    async def put(self, events: Sequence[Event], rejections: Sequence[Rejection] = ()) -> Stored:
        if not events:
            return await self._inner.put(events, rejections)
        # All are of one request, so they share its instant and its trace.
        first = events[0]
        received_ns = int(first.received_at.timestamp() * 1e9)
        request = self._spans.start("receive", _parent(first.traceparent), SpanKind.SERVER, start_ns=received_ns)
        request.set_attributes({
            "browsee_adapter.source": first.source,
            "browsee_adapter.events": len(events),
            "browsee_adapter.rejections": len(rejections),
        })  # fmt: skip
        traceparent = _traceparent(request.get_span_context())
        put = self._spans.start("store", trace.set_span_in_context(request), SpanKind.INTERNAL)
        try:
            stored = await self._inner.put([replace(one, traceparent=traceparent) for one in events], rejections)
        except Exception as exc:
            for span in (put, request):
                span.set_status(Status(StatusCode.ERROR, type(exc).__name__))
            raise
        finally:
            put.end()
            request.end()
        return stored

    async def probe(self) -> None:
        await self._inner.probe()


class _TracedRenderer:
    def __init__(self, inner: Renderer, spans: Spans) -> None:
        self._inner = inner
        self._spans = spans

    @property
    def version(self) -> str:
        return self._inner.version

    def render(self, event: Event) -> Rendered:
        # A task delivers one event, so this is the event of all its calls.
        _CURRENT.set(event)
        if event.traceparent is None:
            return self._inner.render(event)
        span = self._spans.start("map", _parent(event.traceparent), SpanKind.INTERNAL)
        rendered = self._inner.render(event)
        span.set_attributes({**_of(event), "browsee_adapter.mapping": self.version})
        span.set_attribute("browsee_adapter.became", type(rendered).__name__.lower())
        if isinstance(rendered, Calls):
            span.set_attribute("browsee_adapter.calls", len(rendered.calls))
        if isinstance(rendered, Refused):
            span.set_status(Status(StatusCode.ERROR, "refused by the mapping"))
        span.end()
        return rendered


class _TracedBrowsee(Browsee):
    def __init__(self, url: str, spans: Spans) -> None:
        super().__init__(url)
        self._spans = spans

    async def send(self, call: Call, key: Secret) -> Answer:
        event = _CURRENT.get()
        if event is None or event.traceparent is None:
            return await super().send(call, key)
        span = self._spans.start(f"call {call.kind}", _parent(event.traceparent), SpanKind.CLIENT)
        span.set_attributes({**_of(event), "browsee_adapter.rule": call.rule, "http.request.method": "POST"})
        try:
            answer = await super().send(call, key)
            if answer.status is not None:
                span.set_attribute("http.response.status_code", answer.status)
            if answer.status is None or answer.status >= 400:
                span.set_status(Status(StatusCode.ERROR, str(answer.failure or answer.status)))
        finally:
            span.end()
        return answer


def _of(event: Event) -> dict[str, str]:
    """The attributes of every span of an event: those of log lines, and no content."""
    return {
        "browsee_adapter.source": event.source,
        "browsee_adapter.message_id": event.message_id,
        "browsee_adapter.type": event.type,
    }


def _parent(traceparent: str | None) -> Context | None:
    """The context of a `traceparent`, which ingest has checked."""
    if traceparent is None:
        return None
    _, trace_id, span_id, flags = traceparent.split("-")
    context = SpanContext(int(trace_id, 16), int(span_id, 16), is_remote=True, trace_flags=TraceFlags(int(flags, 16)))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def _traceparent(context: SpanContext) -> str:
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
