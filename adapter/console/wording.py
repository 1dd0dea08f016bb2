"""The outcome of an event in words, made of its data, so that a command and the API say the same. Pure."""

from adapter.model import Calls, Dropped, JsonObject, Refused, Rendered, Unmatched


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 event`, `2 events`; `many` for irregular plurals."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def where(entry: JsonObject) -> str:
    """Where the message is now and why, in one line."""
    place = f"{entry['source']}/{entry['messageId']}" if entry["messageId"] else str(entry["source"])
    if entry["outcome"] == "rejected":
        return f"{place}: rejected: {entry['cause']} (kept as {entry['id']})"
    return f"{place}: {answered(entry)}{warned(entry)} (event {entry['id']})"


def warned(entry: JsonObject) -> str:
    """The warnings of an event as the end of a sentence; "" if there are none."""
    if not entry["warnings"]:
        return ""
    return f"; {counted(len(entry['warnings']), 'warning')}: {'; '.join(map(warning, entry['warnings']))}"


def warning(entry: JsonObject) -> str:
    """One warning: kind, field and cause, and the rule if a mapping caused it."""
    rule = f" (rule '{entry['rule']}')" if entry["rule"] else ""
    field = f" ({entry['field']})" if entry["field"] else ""
    return f"{entry['kind']}{field}: {entry['cause']}{rule}"


def answered(entry: JsonObject) -> str:
    """How an event ended, or what it waits for."""
    if entry["endedAt"] is not None:
        why = f": {entry['cause']}" if entry["cause"] else ""
        return f"{entry['outcome']} {entry['endedAt']}{why}"
    if "ahead" not in entry:
        return "pending: its outcome is being written"
    ahead = ""
    if entry["ahead"]:
        ahead = f"{counted(entry['ahead'], 'event')} of its user must end before it, event {entry['blockedBy']} first"
    if entry["waitsFor"]:
        return f"pending: {entry['waitsFor']}{ahead and f'; {ahead}'}{_tried(entry)}"
    if entry["parked"]:
        return "pending: parked until Browsee takes identify calls again"
    if ahead:
        return f"pending: {ahead}"
    unknown = "" if entry["pauseKnown"] else "; only the service knows whether delivery is paused: ask it with --url"
    return f"pending: the first of its user, due {entry['dueAt']}{_tried(entry)}{unknown}"


def failed(call: JsonObject) -> str:
    """One call that was not delivered: `2026-11-23T06:35:36.000Z track/PAID/0: HTTP 503 …, after 120 ms`."""
    return f"{call['at']} {call['call']}: {call['cause']}, after {call['ms']} ms"


def _tried(entry: JsonObject) -> str:
    failed = entry["attempts"]
    tried = f", after {counted(failed, 'failed try', 'failed tries')}" if failed else ""
    if entry["lastFailure"]:
        tried += f"; the last try: {entry['lastFailure']}"
    return tried


def result_word(rendered: Rendered) -> str:
    """What a mapping makes of an event, in one word."""
    match rendered:
        case Calls():
            return "sent"
        case Refused():
            return "refused"
        case Dropped():
            return "dropped"
        case Unmatched():
            return "unmatched"
