"""Turns telemetry into log lines and counts. There is one `Observer` for each process; all other parts get its
`emit`.
"""

import json as json_lib
import logging
import re
import sys
import time
from collections.abc import Callable, Iterable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from operator import attrgetter
from typing import Any, TypeAlias

import orjson
import structlog
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from adapter.observe.catalog import CATALOG
from adapter.observe.faults import place_of
from adapter.observe.histogram import Histogram, Histograms
from adapter.observe.metrics import HISTOGRAMS, Metric
from adapter.observe.telemetry import Telemetry
from adapter.printable import escape_unprintable, printable, printable_lines

Emit: TypeAlias = Callable[[Telemetry], None]
"""The function by which a part reports telemetry; tests pass `list.append`."""

LOGGER = "adapter"
THROTTLE_S = 60.0
"""Telemetry that a sender can cause any number of times is logged once in this time, and always counted."""

_TRACE = ("trace_id", "span_id", "trace_flags")
_HTTP_LOGGER = "aiohttp.server"
_MULTILINE = {kind.__name__: kind.multiline for kind in CATALOG if kind.multiline}
_NEEDS_QUOTES = re.compile(r"[\s=\"']")


class _Counted:
    """The count of one kind of telemetry, by its labels.

    One thread at a time emits each kind of telemetry, so it needs no lock; prometheus_client's has one and costs four
    times as much.
    """

    def __init__(self, metric: str, kind: type[Telemetry]) -> None:
        self._metric = metric
        self._kind = kind
        self._key = _key(kind.labels)
        self._amount: Callable[[Telemetry], int] | None = (
            attrgetter("count") if "count" in kind.__struct_fields__ else None
        )
        # A metric without labels exists from the start, because an alert needs 0 rather than a missing series.
        self._counts: dict[object, int] = {} if kind.labels else {(): 0}

    def add(self, telemetry: Telemetry) -> None:
        key = self._key(telemetry)
        self._counts[key] = self._counts.get(key, 0) + (1 if self._amount is None else self._amount(telemetry))

    def family(self) -> CounterMetricFamily:
        family = CounterMetricFamily(self._metric, self._kind.help, labels=self._kind.labels)
        # Another thread may add a key meanwhile.
        for key, count in list(self._counts.items()):
            family.add_metric(_texts(key), count)
        return family


class _Counts(Collector):
    """All counts of a process, for its registry."""

    def __init__(self, counted: Iterable[_Counted]) -> None:
        self._counted = tuple(counted)

    def collect(self) -> Iterable[CounterMetricFamily]:
        return [counted.family() for counted in self._counted]


class _Measured:
    """A histogram that a kind of telemetry observes: the field with the seconds, and the fields that are its labels."""

    def __init__(self, field: str, metric: Metric, histograms: Histograms) -> None:
        self._seconds: Callable[[Telemetry], float] = attrgetter(field)
        self._key = _key(metric.labels)
        self._metric = metric
        self._histograms = histograms
        self._children: dict[object, Histogram] = {}

    def add(self, telemetry: Telemetry) -> None:
        key = self._key(telemetry)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = self._histograms.child(self._metric, *_texts(key))
        child.observe(self._seconds(telemetry))


def _fact(value: object) -> object:
    """A fact as a log line has it: fractions are rounded for people."""
    return round(value, 4) if isinstance(value, float) else value


def _trace(traceparent: object) -> dict[str, object]:
    """Trace, span and flags as log lines have them, none if there is no trace.

    Source: https://opentelemetry.io/docs/specs/otel/compatibility/logging_trace_context
    """
    return {} if traceparent is None else dict(zip(_TRACE, str(traceparent).split("-")[1:], strict=True))


def _key(labels: tuple[str, ...]) -> Callable[[Telemetry], object]:
    """Returns the value of one label as it is, those of several as a tuple."""
    return attrgetter(*labels) if labels else lambda _: ()


def _texts(key: object) -> tuple[str, ...]:
    return tuple(map(str, key)) if isinstance(key, tuple) else (str(key),)


@dataclass(slots=True)
class _Throttled:
    """When telemetry with these values was last logged, and how often it was suppressed since."""

    logged_at_s: float
    suppressed: int = 0


class Observer:
    """Receives all telemetry; `registry` has the metrics of `/metrics`. `now` returns seconds on any steady clock."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._throttled: dict[tuple[object, ...], _Throttled] = {}
        self.registry = CollectorRegistry()
        counted = {kind: _Counted(kind.metric, kind) for kind in CATALOG if kind.metric is not None}
        self.registry.register(_Counts(counted.values()))
        self._histograms = Histograms(HISTOGRAMS)
        self.registry.register(self._histograms)
        # Memory, processor time and open files, under the names that all Prometheus clients use.
        ProcessCollector(registry=self.registry)
        # By kind, what it is counted in.
        self._adding = {
            kind: (
                *([counted[kind].add] if kind in counted else []),
                *(_Measured(*measure, self._histograms).add for measure in kind.measures),
            )
            for kind in CATALOG
        }
        self._stdlib = logging.getLogger(LOGGER)
        self._log: Any = structlog.get_logger(LOGGER)

    def emit(self, telemetry: Telemetry) -> None:
        """Count and log telemetry. Never raises for its contents."""
        kind = type(telemetry)
        for add in self._adding[kind]:
            add(telemetry)
        if self._stdlib.isEnabledFor(kind.level):
            self._log_line(telemetry)

    def _log_line(self, telemetry: Telemetry) -> None:
        kind = type(telemetry)
        # The debug log has a line for every event anyway.
        is_throttled = bool(kind.throttle_by) and not self._stdlib.isEnabledFor(logging.DEBUG)
        suppressed = self._suppressed(telemetry) if is_throttled else 0
        if suppressed is None:
            return
        facts = {name: _fact(getattr(telemetry, name)) for name in kind.__struct_fields__}
        if "traceparent" in facts:
            facts |= _trace(facts.pop("traceparent"))
        if suppressed:
            facts["suppressed"] = suppressed
        self._log.log(kind.level, kind.text, name=kind.__name__, **facts)

    def _suppressed(self, telemetry: Telemetry) -> int | None:
        """How many like this were suppressed since the last logged one; None if this one is suppressed as well."""
        kind, now_s = type(telemetry), self._now()
        key = (kind, *(getattr(telemetry, name) for name in kind.throttle_by))
        held = self._throttled.get(key)
        if held is not None and now_s - held.logged_at_s < THROTTLE_S:
            held.suppressed += 1
            return None
        self._throttled[key] = _Throttled(now_s)
        return 0 if held is None else held.suppressed

    def histogram(self, metric: Metric, *values: str) -> Histogram:
        """The histogram of `metric` with these labels, for durations that are not telemetry. Callers keep it."""
        return self._histograms.child(metric, *values)

    def watch(self, collector: Collector) -> None:
        """Let `collector` add gauges when `/metrics` is read."""
        self.registry.register(collector)


def _without_text(record: logging.LogRecord) -> bool:
    """Keep only type and place of an exception: aiohttp's quote the request, with the key in its path and its body."""
    exc = record.exc_info[1] if record.exc_info else None
    if exc is not None:
        record.msg, record.args, record.exc_info = f"{record.getMessage()}: {place_of(exc)}", (), None
    return True


def _lines_below(_: Any, __: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Make every text of a line printable; texts of several lines are shown below the line."""
    line["event"] = printable(str(line.get("event", "")))
    if "exception" in line:
        line["exception"] = printable_lines(str(line["exception"]))
    field = _MULTILINE.get(line.get("name", ""), "")
    if "\n" in line.get(field, ""):
        # structlog's renderer shows `stack` below the line.
        line["stack"] = printable_lines(line.pop(field))
    return {name: fact for name, fact in line.items() if fact is not None}


def _as_fact(value: object) -> str:
    """A fact as the text log shows it: quoted if it has spaces or could be read as two facts."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        value = ", ".join(map(str, value))
    text = printable(str(value))
    return json_lib.dumps(text, ensure_ascii=False) if not text or _NEEDS_QUOTES.search(text) else text


def _as_json(line: object, **_: Any) -> str:
    try:
        return escape_unprintable(orjson.dumps(line, default=str).decode())
    except TypeError:
        # A lone surrogate, which orjson refuses.
        return json_lib.dumps(line, default=str)


def _text_renderer(*, colours: bool) -> structlog.dev.ConsoleRenderer:
    """Renders a line for people. The columns are structlog's own, but facts are never written as Python's `repr`."""
    styles = structlog.dev.ConsoleRenderer.get_default_column_styles(colours)
    levels = structlog.dev.ConsoleRenderer.get_default_level_styles(colours)

    def column(key_style: str | None, value_style: str, write: Callable[[object], str]) -> Any:
        return structlog.dev.KeyValueColumnFormatter(key_style, value_style, styles.reset, write)

    return structlog.dev.ConsoleRenderer(
        columns=[
            structlog.dev.Column("", column(styles.kv_key, styles.kv_value, _as_fact)),
            structlog.dev.Column("timestamp", column(None, styles.timestamp, str)),
            structlog.dev.Column("level", structlog.dev.LogLevelColumnFormatter(levels, styles.reset)),
            structlog.dev.Column("event", column(None, styles.bright, str)),
        ]
    )


def _processors(*, colours: bool, json: bool) -> Iterable[Any]:
    yield structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if json:
        yield structlog.processors.EventRenamer("message")
        yield structlog.processors.JSONRenderer(serializer=_as_json)
    else:
        yield _lines_below
        yield _text_renderer(colours=colours)


def writes_json(log_format: str | None) -> bool:
    """Whether log lines are JSON: as `log_format` says, else unless they go to a terminal."""
    return log_format == "json" or (log_format is None and not sys.stderr.isatty())


def log_line(message: str, *, name: str, level: str = "info") -> str:
    """`message` as a line of the JSON log, for what is printed beside the log."""
    at = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    return orjson.dumps({"name": name, "level": level, "at": at, "message": message}).decode()


def configure_logging(*, log_format: str | None = None, level: int = logging.INFO) -> None:
    """Send log lines to stderr: `log_format` is `text`, `json`, or None for text on a terminal and JSON elsewhere."""
    terminal = sys.stderr.isatty()
    json = writes_json(log_format)
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(
            fmt="iso" if json else "%H:%M:%S", utc=json, key="at" if json else "timestamp"
        ),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=list(_processors(colours=terminal, json=json))
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.getLogger(_HTTP_LOGGER).addFilter(_without_text)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(level, logging.INFO))
    logging.getLogger(LOGGER).setLevel(level)
