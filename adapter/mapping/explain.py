"""The result for an event: plain text as `explain` prints it, and the same as data. No colours, no I/O."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from adapter.mapping.run.scalars import json_of
from adapter.model import (
    Call,
    Calls,
    Dropped,
    EventWarning,
    JsonObject,
    Problem,
    Reason,
    Refused,
    Rendered,
    Unmatched,
    WarningKind,
)
from adapter.printable import printable


def as_text(
    rendered: Rendered,
    hint: str = "",
    noticed: Sequence[EventWarning] = (),
    *,
    derived: Mapping[str, Any] = MappingProxyType({}),
) -> str:
    """The outcome and its rule, then each call with its fields, `derived` values, then warnings: `noticed` by ingest,
    then the mapping's. `hint` is for unmatched events.
    """
    values = [f"  derived.{name:<8} {json_of(value)}" for name, value in derived.items()]
    lines = [*_lines(rendered, hint), *values, *_warning_lines((*noticed, *_of_mapping(rendered)))]
    return "\n".join(map(printable, lines))


def _lines(rendered: Rendered, hint: str) -> list[str]:
    match rendered:
        case Calls(calls):
            rules = dict.fromkeys(call.rule for call in calls)
            by = ", ".join(f"'{rule}'" for rule in rules)
            shown = [line for call in calls for line in _call_lines(call)]
            return [f"sent  by {by}", *shown]
        case Refused(rule, problems):
            reasons = [f"  {problem.message}" for problem in problems]
            return [f"rejected  by '{rule}'", *reasons]
        case Dropped(reason, rule, text):
            by = f"  by '{rule}'" if rule else ""
            return [f"dropped{by}", f"  {reason}: {text}"]
        case Unmatched():
            return ["unmatched", "  no rule takes it", *([f"  {hint}"] if hint else [])]


def _call_lines(call: Call) -> list[str]:
    body = call.body
    name = f" {body['event']}" if "event" in body else ""
    ids = " ".join(f"{key}={body.get(key, '-')}" for key in ("userId", "anonymousId", "timestamp"))
    fields: JsonObject = body.get("properties") or body.get("traits") or {}
    return [f"  {call.kind}{name}  {ids}", *(f"    {key:<16} {json_of(fields[key])}" for key in fields)]


def _of_mapping(rendered: Rendered) -> tuple[EventWarning, ...]:
    return rendered.warnings if isinstance(rendered, Calls | Refused | Dropped) else ()


def _warning_lines(warnings: Sequence[EventWarning]) -> list[str]:
    return [f"  warning: {warning.field or warning.rule}: {warning.cause}" for warning in warnings]


def as_json(rendered: Rendered, hint: str = "", noticed: Sequence[EventWarning] = ()) -> JsonObject:
    """The same as data: `outcome` is sent, dropped, rejected or unmatched."""
    warnings = warnings_as_json((*noticed, *_of_mapping(rendered)))
    match rendered:
        case Calls(calls):
            made = [{"key": call.key, "kind": call.kind, "rule": call.rule, "body": call.body} for call in calls]
            return {"outcome": "sent", "calls": made, "warnings": warnings}
        case Refused(rule, problems):
            return {
                "outcome": "rejected",
                "rule": rule,
                "problems": [_problem(problem) for problem in problems],
                "warnings": warnings,
            }
        case Dropped(reason, rule, text):
            return {"outcome": "dropped", "rule": rule, "reason": str(reason), "text": text, "warnings": warnings}
        case Unmatched():
            return {"outcome": "unmatched", "hint": hint or None, "warnings": warnings}


def from_json(data: JsonObject) -> tuple[Rendered, str]:
    """The result in `as_json` form, and its hint, as text."""
    match data["outcome"]:
        case "sent":
            return Calls(tuple(Call(**call) for call in data["calls"]), _warnings(data)), ""
        case "rejected":
            problems = tuple(Problem(**problem) for problem in data["problems"])
            return Refused(data["rule"], problems, _warnings(data)), ""
        case "dropped":
            return Dropped(Reason(data["reason"]), data["rule"], data["text"], _warnings(data)), ""
        case _:
            return Unmatched(), data["hint"] or ""


def _warnings(data: JsonObject) -> tuple[EventWarning, ...]:
    return tuple(
        EventWarning(WarningKind(warned["kind"]), warned["field"], warned["cause"], warned["rule"])
        for warned in data.get("warnings", ())
    )


def warnings_as_json(warnings: Sequence[EventWarning]) -> list[JsonObject]:
    """Warnings as data; `rule` is "" for those of ingest."""
    return [
        {"kind": str(warned.kind), "rule": warned.rule, "field": warned.field, "cause": warned.cause}
        for warned in warnings
    ]


def _problem(problem: Problem) -> JsonObject:
    return {"pointer": problem.pointer, "keyword": problem.keyword, "message": problem.message}
