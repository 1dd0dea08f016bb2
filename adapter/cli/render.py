"""Writes everything about one event for people: what was received, the calls of the mapping, the answers. Pure."""

import json

from adapter.console import wording
from adapter.console.wording import counted
from adapter.mapping import explain
from adapter.model import JsonObject
from adapter.printable import printable


def as_text(entry: JsonObject) -> str:
    """Everything that a console says about an event or a rejection, in paragraphs."""
    lines = _rejection_lines(entry) if entry["outcome"] == "rejected" else _event_lines(entry)
    return "\n".join(map(printable, lines))


def _event_lines(entry: JsonObject) -> list[str]:
    lines = [f"event {entry['id']}: {entry['source']}/{entry['messageId']}", "", f"received {entry['receivedAt']}"]
    nothing = "its user's data was deleted" if entry["deleted"] else "its sender objects, so its body is not kept"
    lines += _indented(_pretty(entry["message"]) if entry["message"] else nothing)
    if entry["guards"] is not None:
        went = counted(len(entry["guards"]), "guard")
        lines += ["", f"stored privately: the message above is what {went} of the mapping's `privacy` left"]
    becomes = entry["mapped"]
    lines += ["", f"not mapped: {entry['mappingSource']}" if becomes is None else f"mapped {entry['mappingSource']}"]
    if entry["ruleLine"] is not None:
        lines.append(f"  {entry['file']}:{entry['ruleLine']}")
    if becomes is not None:
        lines += _indented(explain.as_text(*explain.from_json(becomes)))
    return [*lines, "", *_answered(entry)]


def _rejection_lines(entry: JsonObject) -> list[str]:
    lines = [f"rejection {entry['id']}: {entry['source']}/{entry['messageId'] or '-'}", ""]
    size = "" if entry["withheld"] else f", {entry['bytesKept']} bytes kept"
    lines += [f"received {entry['receivedAt']}{size}", *_indented(entry["body"])]
    lines += ["", f"rejected: {entry['reason']}"]
    return lines + [f"  {f'''{problem['pointer']} {problem['message']}'''.lstrip()}" for problem in entry["problems"]]


def _answered(entry: JsonObject) -> list[str]:
    lines = [wording.answered(entry)]
    if entry["endedAt"] is not None and entry["attempts"]:
        lines.append(f"  after {counted(entry['attempts'], 'failed try', 'failed tries')}")
    lines += [f"  failed {wording.failed(failed)}" for failed in entry["failures"]]
    lines += [f"  warning: {wording.warning(warning)}" for warning in entry["warnings"]]
    return lines + [f"  delivered before: {key}" for key in entry["deliveredCalls"]]


def _pretty(body: JsonObject) -> str:
    return json.dumps(body, indent=2, ensure_ascii=False)


def _indented(text: str) -> list[str]:
    return [f"  {line}" for line in text.split("\n")]
