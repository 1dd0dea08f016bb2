"""Everything the service reports about itself: typed, with constant text; facts are fields.

A telemetry event is one log line and, if it names a metric, one count; a field that it `measures` is an observation of
a histogram. Labels are bounded: sources, reasons, kinds, rules. Message ids are facts for the log only, and bodies or
secrets are in neither. `traceparent` is that of the event's request; a line has its parts, under OpenTelemetry's names.
"""

import logging
from typing import ClassVar

from msgspec import Struct

from adapter.observe.metrics import Metric


class Telemetry(Struct, frozen=True):
    """Base: `text` is the constant log text, `level` its level; `labels` name the fields that label `metric`.

    Telemetry with a field `count` counts that many, any other counts one. With `throttle_by` it is always counted, and
    logged once a minute for each value of those fields, which are bounded: a sender can cause any number. `measures`
    are fields in seconds, each with its histogram, whose labels are fields too. `multiline` names a field of several
    lines, such as findings with carets, which the text log shows below the line.
    """

    text: ClassVar[str]
    level: ClassVar[int] = logging.INFO
    metric: ClassVar[str | None] = None
    help: ClassVar[str] = ""
    labels: ClassVar[tuple[str, ...]] = ()
    throttle_by: ClassVar[tuple[str, ...]] = ()
    measures: ClassVar[tuple[tuple[str, Metric], ...]] = ()
    multiline: ClassVar[str] = ""
