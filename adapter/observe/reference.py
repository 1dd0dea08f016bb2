"""Every metric in one list, and the tables of `docs/metrics.md` made from it. The text around them is written by hand.

A table is between `<!-- table: counters -->` and `<!-- end -->`; `renewed` replaces it by the current one.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from adapter.observe.catalog import CATALOG
from adapter.observe.metrics import GAUGES, HISTOGRAMS, Metric

_MARKED: Final = re.compile(r"(<!-- table: ([a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)

COUNTERS: Final = tuple(
    Metric(f"{kind.metric}_total", kind.help, kind.labels) for kind in CATALOG if kind.metric is not None
)
"""The counts of telemetry, under the names that queries use."""
PROCESS: Final = (
    Metric("process_resident_memory_bytes", "Memory in use."),
    Metric("process_virtual_memory_bytes", "Virtual memory."),
    Metric("process_cpu_seconds_total", "Processor time used; 1 per second is one core."),
    Metric("process_open_fds", "Open files and connections."),
    Metric("process_max_fds", "The limit of open files and connections."),
    Metric("process_start_time_seconds", "When the process began, in seconds since 1970."),
)
"""The metrics of prometheus_client about a process on Linux."""
TABLES: Final[Mapping[str, tuple[Metric, ...]]] = MappingProxyType(
    {"gauges": GAUGES, "counters": COUNTERS, "histograms": HISTOGRAMS, "process": PROCESS}
)


def series() -> dict[str, frozenset[str]]:
    """The labels of each name that a query may use: a histogram has three names."""
    found = {metric.name: frozenset(metric.labels) for metric in (*GAUGES, *COUNTERS, *PROCESS)}
    for metric in HISTOGRAMS:
        labels = frozenset(metric.labels)
        found |= {
            f"{metric.name}_bucket": labels | {"le"},
            f"{metric.name}_sum": labels,
            f"{metric.name}_count": labels,
        }
    return found


def renewed(page: str) -> str:
    """The page with every table renewed. An unknown table is a KeyError: the page names one that does not exist."""
    return _MARKED.sub(lambda match: f"{match[1]}{_table(TABLES[match[2]])}{match[3]}", page)


def _table(metrics: Iterable[Metric]) -> str:
    lines = [("metric", "labels", "what it tells"), ("---", "---", "---")]
    lines += [(f"`{m.name}`", ", ".join(f"`{label}`" for label in m.labels), m.help) for m in metrics]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
