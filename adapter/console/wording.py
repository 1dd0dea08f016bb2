"""What became of one event, in words; made of its data, so that a command and the API say the same. Pure."""

from adapter.model import JsonObject


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 event`, `2 events`; `many` where an s will not do."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"


def where(told: JsonObject) -> str:
    """Where the message is now and why, in one line."""
    place = f"{told['source']}/{told['messageId']}" if told["messageId"] else str(told["source"])
    if told["outcome"] == "rejected":
        return f"{place}: rejected: {told['cause']} (kept as {told['id']})"
    return f"{place}: {answered(told)}{warned(told)} (event {told['id']})"


def warned(told: JsonObject) -> str:
    """The warnings of an event as the end of a sentence; "" if there are none."""
    if not told["warnings"]:
        return ""
    return f"; {counted(len(told['warnings']), 'warning')}: {'; '.join(map(warning, told['warnings']))}"


def warning(told: JsonObject) -> str:
    """One warning: kind, field and cause, and the rule if a mapping gave it."""
    rule = f" (rule '{told['rule']}')" if told["rule"] else ""
    field = f" ({told['field']})" if told["field"] else ""
    return f"{told['kind']}{field}: {told['cause']}{rule}"


def answered(told: JsonObject) -> str:
    """How an event ended, or what it waits for."""
    if told["endedAt"] is not None:
        why = f": {told['cause']}" if told["cause"] else ""
        return f"{told['outcome']} {told['endedAt']}{why}"
    if "ahead" not in told:
        return "pending: it is ending right now"
    ahead = f"{counted(told['ahead'], 'event')} of its user must end before it" if told["ahead"] else ""
    if told["waitsFor"]:
        return f"pending: {told['waitsFor']}{ahead and f'; {ahead}'}{_tried(told)}"
    if told["parked"]:
        return "pending: parked until Browsee takes identify calls again"
    if ahead:
        return f"pending: {ahead}"
    unknown = "" if told["pauseKnown"] else "; only the service knows whether delivery is paused: ask it with --url"
    return f"pending: the first of its user, due {told['dueAt']}{_tried(told)}{unknown}"


def _tried(told: JsonObject) -> str:
    failed = told["failedTries"]
    tried = f", after {counted(failed, 'failed try', 'failed tries')}" if failed else ""
    if told["lastFailure"]:
        tried += f"; the last try: {told['lastFailure']}"
    return tried
