"""Turns happenings into log lines and counts. One `Observer` per process; everything else is handed its `emit`."""

import logging
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from typing import Any, TypeAlias

import orjson
import structlog
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.registry import Collector

from adapter.observe.faults import place_of
from adapter.observe.happenings import HAPPENINGS, Happening

Emit: TypeAlias = Callable[[Happening], None]
"""What a component is given to speak with; tests hand in `list.append`."""

LOGGER = "adapter"
SELDOM_S = 60.0
"""What a sender can bring about any number of times is logged once in this time, and counted always."""

_HTTP_LOGGER = "aiohttp.server"


class _Counted:
    """The counter of one kind of happening, with its labelled children at hand: `labels()` costs 1 µs, a dict 0.1."""

    def __init__(self, metric: str, kind: type[Happening], registry: CollectorRegistry) -> None:
        self._counter = Counter(metric, kind.help, kind.labels, registry=registry)
        self._labels = kind.labels
        self._children: dict[tuple[str, ...], Counter] = {}

    def add(self, happening: Happening) -> None:
        values = tuple(str(getattr(happening, label)) for label in self._labels)
        child = self._children.get(values)
        if child is None:
            child = self._counter.labels(*values) if values else self._counter
            self._children[values] = child
        child.inc(getattr(happening, "count", 1))


@dataclass(slots=True)
class _Seldom:
    """When one of its like was logged, and how many were not since."""

    said_at_s: float
    unsaid: int = 0


class Observer:
    """Where every happening goes; `registry` is what `/metrics` shows. `now` gives seconds on any steady clock."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._seldom: dict[tuple[object, ...], _Seldom] = {}
        self.registry = CollectorRegistry()
        self._counted = {
            kind: _Counted(kind.metric, kind, self.registry) for kind in HAPPENINGS if kind.metric is not None
        }
        self._facts = {kind: tuple(field.name for field in fields(kind)) for kind in HAPPENINGS}
        self._stdlib = logging.getLogger(LOGGER)
        self._log: Any = structlog.get_logger(LOGGER)

    def emit(self, happening: Happening) -> None:
        """Count it and log it. Never raises for what is in it."""
        kind = type(happening)
        counted = self._counted.get(kind)
        if counted is not None:
            counted.add(happening)
        if self._stdlib.isEnabledFor(kind.level):
            unsaid = self._unsaid(happening) if kind.seldom_by else 0
            if unsaid is None:
                return
            facts = {name: getattr(happening, name) for name in self._facts[kind]}
            if unsaid:
                facts["unsaid"] = unsaid
            self._log.log(kind.level, kind.text, happening=kind.__name__, **facts)

    def _unsaid(self, happening: Happening) -> int | None:
        """How many like this were not logged since the last one that was; None if this one is not to be either."""
        kind, now_s = type(happening), self._now()
        key = (kind, *(getattr(happening, name) for name in kind.seldom_by))
        held = self._seldom.get(key)
        if held is not None and now_s - held.said_at_s < SELDOM_S:
            held.unsaid += 1
            return None
        self._seldom[key] = _Seldom(now_s)
        return 0 if held is None else held.unsaid

    def watch(self, collector: Collector) -> None:
        """Let `collector` add gauges when `/metrics` is read."""
        self.registry.register(collector)


def _without_text(record: logging.LogRecord) -> bool:
    """Leave of an exception its kind and place: aiohttp's quote the request, with the key in its path and its body."""
    exc = record.exc_info[1] if record.exc_info else None
    if exc is not None:
        record.msg, record.args, record.exc_info = f"{record.getMessage()}: {place_of(exc)}", (), None
    return True


def _processors(*, colours: bool, json: bool) -> Iterable[Any]:
    yield structlog.stdlib.ProcessorFormatter.remove_processors_meta
    if json:
        yield structlog.processors.JSONRenderer(serializer=lambda line, **_: orjson.dumps(line, default=str).decode())
    else:
        yield structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0, pad_level=False)


def configure_logging(*, log_format: str | None = None, level: int = logging.INFO) -> None:
    """Send log lines to stderr: `log_format` is `text`, `json`, or None for text on a terminal and JSON elsewhere."""
    terminal = sys.stderr.isatty()
    json = log_format == "json" or (log_format is None and not terminal)
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
