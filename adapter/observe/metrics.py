"""The metrics of `/metrics` beside the counts of telemetry: current values and durations. One table.

Named by Prometheus' rules (https://prometheus.io/docs/practices/naming): base units at the end of the name. Labels are
bounded: sources, the sources of one Browsee project, reasons, kinds, HTTP statuses.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Metric:
    """One family of `/metrics`. A histogram has `bounds`, in seconds; anything else has none."""

    name: str
    help: str
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()


# From a commit on a good disk to what a sender still waits for: SDKs give up after 10 s or more.
_ANSWER_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# A call ends within 30 s, or is a timeout.
_CALL_S: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
# From at once to the days that events are tried for.
_WAIT_S: Final = (0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 21_600.0, 86_400.0, 259_200.0)

ANSWER: Final = Metric(
    "browsee_adapter_answer_seconds",
    "Time from a request's headers to its answer. A 200 follows the commit.",
    ("status", "code"),
    _ANSWER_S,
)
CALL: Final = Metric(
    "browsee_adapter_call_seconds", "Duration of calls to Browsee's API, by answer.", ("kind", "status"), _CALL_S
)
CALL_WAIT: Final = Metric(
    "browsee_adapter_call_wait_seconds",
    "Time that calls waited for the rate limit before they were sent.",
    ("kind",),
    _WAIT_S,
)
DELIVERY: Final = Metric(
    "browsee_adapter_delivery_seconds",
    "Time from receipt of an event until all its calls are delivered.",
    ("source",),
    _WAIT_S,
)
DELIVERY_ORDER: Final = Metric(
    "browsee_adapter_delivery_order_seconds",
    "Part of it: waiting for earlier events of the same user, and between attempts.",
    ("source",),
    _WAIT_S,
)
DELIVERY_TURN: Final = Metric(
    "browsee_adapter_delivery_turn_seconds",
    "Part of it: due, but waiting for other users' events. High when more arrives than Browsee accepts.",
    ("source",),
    _WAIT_S,
)
HISTOGRAMS: Final = (ANSWER, DELIVERY, DELIVERY_ORDER, DELIVERY_TURN, CALL_WAIT, CALL)

EVENTS_PENDING: Final = Metric("browsee_adapter_events_pending", "Pending events.")
BACKLOG_AGE: Final = Metric(
    "browsee_adapter_backlog_age_seconds", "Age of the oldest pending event; 0 without pending events."
)
DEAD_LETTERS: Final = Metric("browsee_adapter_dead_letters", "Dead letters in the queue.")
UNACCOUNTED: Final = Metric(
    "browsee_adapter_messages_unaccounted",
    "Messages in no term of the balance. Anything but 0 is a bug in the adapter.",
)
LEDGER: Final = Metric(
    "browsee_adapter_ledger_messages", "The terms of the balance, since the queue was created.", ("term",)
)
SOURCES_STRANDED: Final = Metric(
    "browsee_adapter_sources_stranded", "Sources with pending events that are not in the settings."
)
DELETIONS_WAITING: Final = Metric(
    "browsee_adapter_deletions_waiting",
    "Deletion requests kept because their source may not delete; absent without such requests.",
    ("source",),
)
DELIVERS: Final = Metric(
    "browsee_adapter_delivers", "1 if this process delivers these sources, 0 if another replica may.", ("sources",)
)
REPLICAS_DIFFERING: Final = Metric(
    "browsee_adapter_replicas_differing",
    "Replicas whose settings, mappings or version differ from those of this one; absent with one process.",
)
PAUSED: Final = Metric(
    "browsee_adapter_delivery_paused", "1 while delivery is paused for this reason.", ("sources", "why")
)
SLOWED: Final = Metric(
    "browsee_adapter_delivery_slowed",
    "1 while calls wait for this reason, or identify calls are paused.",
    ("sources", "why"),
)
RATE: Final = Metric("browsee_adapter_rate_per_second", "Calls per second that are allowed now.", ("sources",))
LIMIT: Final = Metric(
    "browsee_adapter_limit_per_second",
    "Browsee's learned limit; absent until the limit was reached once.",
    ("sources",),
)
CALLS_UNDER_WAY: Final = Metric("browsee_adapter_calls_under_way", "Open calls without an answer.", ("sources",))
CONCURRENCY: Final = Metric(
    "browsee_adapter_calls_under_way_max", "The most calls that may be open; falls when answers are slow.", ("sources",)
)
MAPPINGS_FAILED: Final = Metric(
    "browsee_adapter_mappings_failed", "Mapping files whose current text is not active because it has errors."
)
MAPPING_INFO: Final = Metric(
    "browsee_adapter_mapping_info", "1 for the version of the active mapping for a source.", ("source", "version")
)
DISK_USED: Final = Metric("browsee_adapter_disk_used_bytes", "Disk space that the queue uses.")
DISK_MAX: Final = Metric("browsee_adapter_disk_max_bytes", "Disk space that the queue may use.")
DISK_FREE: Final = Metric("browsee_adapter_disk_free_bytes", "Free space of the queue's file system.")
TIME_TO_FULL: Final = Metric(
    "browsee_adapter_time_to_full_seconds",
    "Time until the queue or its disk is full at the current growth; absent if neither grows.",
)
HISTORY: Final = Metric(
    "browsee_adapter_history_seconds",
    "Age of the oldest finished event; less than `retention.history` near `retention.max_disk`.",
)
TIME_TO_LOSS: Final = Metric(
    "browsee_adapter_time_to_loss_seconds",
    "Time until a refused sender gives up on its first refused request; absent if no sender is refused.",
    ("source",),
)
TIME_TO_DEAD: Final = Metric(
    "browsee_adapter_time_to_dead_seconds",
    "Time until `retry.for` has passed since the receipt of the oldest pending event; absent without pending events.",
)
TIME_LEFT: Final = Metric(
    "browsee_adapter_time_left_seconds",
    "Time until data loss: a full queue, a sender that gives up, or an event that dies; absent if none is foreseen.",
)
GAUGES: Final = (
    EVENTS_PENDING,
    BACKLOG_AGE,
    DEAD_LETTERS,
    UNACCOUNTED,
    LEDGER,
    SOURCES_STRANDED,
    DELETIONS_WAITING,
    DELIVERS,
    PAUSED,
    SLOWED,
    RATE,
    LIMIT,
    CALLS_UNDER_WAY,
    REPLICAS_DIFFERING,
    CONCURRENCY,
    MAPPINGS_FAILED,
    MAPPING_INFO,
    DISK_USED,
    DISK_MAX,
    DISK_FREE,
    TIME_TO_FULL,
    HISTORY,
    TIME_TO_LOSS,
    TIME_TO_DEAD,
    TIME_LEFT,
)
