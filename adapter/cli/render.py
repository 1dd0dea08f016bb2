"""Writes all of one event for people: what was received, what the mapping makes of it, what was answered. Pure."""

import json

from adapter.console import wording
from adapter.console.wording import counted
from adapter.mapping import explain
from adapter.model import JsonObject
from adapter.printable import printable


def as_text(told: JsonObject) -> str:
    """Everything that a console tells of an event or a rejection, in paragraphs."""
    lines = _rejection_lines(told) if told["outcome"] == "rejected" else _event_lines(told)
    return "\n".join(map(printable, lines))


def _event_lines(told: JsonObject) -> list[str]:
    lines = [f"event {told['id']}: {told['source']}/{told['messageId']}", "", f"received {told['receivedAt']}"]
    nothing = "its user's data was deleted" if told["deleted"] else "its sender objects: no more of it is kept"
    lines += _indented(_pretty(told["message"]) if told["message"] else nothing)
    if told["guards"] is not None:
        went = counted(len(told["guards"]), "guard")
        lines += ["", f"stored privately: what stands above is what {went} of the mapping's privacy left"]
    becomes = told["mapped"]
    lines += ["", f"not mapped: {told['mappedBy']}" if becomes is None else f"mapped {told['mappedBy']}"]
    if becomes is not None:
        lines += _indented(explain.as_text(*explain.from_json(becomes)))
    return [*lines, "", *_answered(told)]


def _rejection_lines(told: JsonObject) -> list[str]:
    lines = [f"rejection {told['id']}: {told['source']}/{told['messageId'] or '-'}", ""]
    size = "" if told["withheld"] else f", {told['bytesKept']} bytes kept"
    lines += [f"received {told['receivedAt']}{size}", *_indented(told["body"])]
    lines += ["", f"rejected: {told['reason']}"]
    return lines + [f"  {f'''{problem['pointer']} {problem['message']}'''.lstrip()}" for problem in told["problems"]]


def _answered(told: JsonObject) -> list[str]:
    lines = [wording.answered(told)]
    if told["endedAt"] is not None and told["failedTries"]:
        lines.append(f"  after {counted(told['failedTries'], 'failed try', 'failed tries')}")
    lines += [f"  warning: {wording.warning(warning)}" for warning in told["warnings"]]
    return lines + [f"  got through before: {key}" for key in told["gotThrough"]]


def _pretty(body: JsonObject) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]
