"""Traces are exported where OpenTelemetry's own variables ask for it, and cost nothing elsewhere."""

import subprocess
import sys

import pytest

from adapter.observe.service_telemetry import TracesOff
from adapter.observe.telemetry import Telemetry
from adapter.service.tracing import Untraced, open_tracing

ENDPOINT = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"}


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": " "},
        ENDPOINT | {"OTEL_SDK_DISABLED": "True"},
        ENDPOINT | {"OTEL_TRACES_EXPORTER": "none"},
    ],
    ids=["not set", "blank", "disabled", "no exporter"],
)
def test_no_traces_unless_they_are_asked_for(environ: dict[str, str]) -> None:
    """And nothing is logged: that is the usual case."""
    emitted: list[Telemetry] = []
    assert type(open_tracing(environ, emitted.append)) is Untraced
    assert emitted == []


def test_a_protocol_that_is_not_spoken_is_logged() -> None:
    """The service starts all the same: its events matter more than its traces."""
    emitted: list[Telemetry] = []
    tracing = open_tracing(ENDPOINT | {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, emitted.append)
    assert type(tracing) is Untraced
    [off] = emitted
    assert isinstance(off, TracesOff)
    assert "set OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf" in off.cause


def test_nothing_of_it_is_imported_without() -> None:
    """A service without a collector neither waits for the imports nor pays their memory."""
    code = (
        "import sys; from adapter.cli import serve; from adapter.service.tracing import open_tracing; "
        "open_tracing({}, print); "
        "print([name for name in sys.modules if name.startswith(('opentelemetry', 'google', 'requests'))])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert said == "[]\n"


def test_without_the_extra_it_says_what_to_install() -> None:
    """In a Python that has the packages of the adapter, and none of the extra."""
    code = (
        "import sys; sys.modules['opentelemetry'] = None; from adapter.service.tracing import open_tracing; "
        f"open_tracing({ENDPOINT!r}, print)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    assert 'pip install "browsee-adapter[otel]"' in said
