"""Whether traces are exported, by OpenTelemetry's own variables. Needs the extra `otel`.

Imports nothing of OpenTelemetry: `spans` does, and is imported only if traces are exported.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Protocol

from adapter.deliver.browsee import Browsee
from adapter.deliver.renderer import Renderer
from adapter.observe.observer import Emit
from adapter.observe.service_telemetry import TracesOff
from adapter.queue.contract import Inbox

INSTALL = 'pip install "browsee-adapter[otel]"'
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_PROTOCOL = "http/protobuf"


class Tracing(Protocol):
    """Wraps the parts that an event passes, and makes a span for each."""

    def inbox(self, inbox: Inbox) -> Inbox:
        """`inbox`, with spans of the request and of the put."""
        ...

    def ruleset_of(self, of: Callable[[str], Renderer]) -> Callable[[str], Renderer]:
        """`of`, with a span of each rendering."""
        ...

    def browsee(self, url: str) -> Browsee:
        """Browsee at `url`, with a span of each call."""
        ...

    async def close(self) -> None:
        """Export the remaining spans, for a few seconds at most."""
        ...


class Untraced:
    """No tracing: returns every part unchanged, so that nothing is added to the way of an event."""

    def inbox(self, inbox: Inbox) -> Inbox:
        """`inbox` itself."""
        return inbox

    def ruleset_of(self, of: Callable[[str], Renderer]) -> Callable[[str], Renderer]:
        """`of` itself."""
        return of

    def browsee(self, url: str) -> Browsee:
        """Browsee at `url`."""
        return Browsee(url)

    async def close(self) -> None:
        """There is nothing to export."""


def open_tracing(environ: Mapping[str, str], emit: Emit) -> Tracing:
    """Tracing to the collector that `environ` names; `Untraced` if it names none, or if traces cannot be exported. The
    latter is logged: a service that delivers must not stay down because of its traces.

    Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
    """
    wanted = any(environ.get(name, "").strip() for name in _ENDPOINTS)
    is_off = environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or environ.get("OTEL_TRACES_EXPORTER") == "none"
    if not wanted or is_off:
        return Untraced()
    protocol = next((environ[name] for name in _PROTOCOLS if environ.get(name)), _PROTOCOL)
    if protocol != _PROTOCOL:
        emit(TracesOff(f"the protocol {protocol} is not supported: set {_PROTOCOLS[1]}={_PROTOCOL}"))
        return Untraced()
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        emit(TracesOff(f"the extra `otel` is not installed: {INSTALL}"))
        return Untraced()
    tracing: Tracing = import_module("adapter.service.spans").open_spans(emit)
    return tracing
