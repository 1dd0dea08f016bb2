"""A script of answers: which calls the sandbox answers differently than Browsee. Pure; files are read elsewhere."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema

from adapter.errors import ConfigError
from adapter.files.document import Document, Position, read_document
from adapter.files.finding import did_you_mean
from adapter.model import JsonObject
from adapter.printable import printable

FORMAT = """\
A script is a YAML (or JSON) list of rules. The first rule that fits a call answers it; a call that no rule fits is
answered as usual. A rule needs a status, a delay_s or drop; the rest may be left out.

- when: {kind: track, event: ORDER_COMPLETED, user: u-1}   # all of them must fit
  nth: 1-3            # only the 1st to 3rd call that fits; also 2 for the 2nd, 3- for all from the 3rd
  per: user           # count each user's calls apart
  status: 503         # answer this
  body: {status: failure, message: down for a while}       # a text is answered as a web page
  retry_after: 5      # the Retry-After header, sent as it is written
  delay_s: 0.2        # answer later; without a status, as usual
- when: {event: CLICKED}
  drop: true          # take the call and close the connection without an answer
"""

_TEXT = {"type": "string", "minLength": 1, "description": "a text that is not empty"}
_RULE = {
    "description": "a rule is a block that has at least one of status, delay_s and drop",
    "type": "object",
    "additionalProperties": False,
    "anyOf": [{"required": [name]} for name in ("status", "delay_s", "drop")],
    "properties": {
        "when": {
            "description": "a block of kind, event and user",
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "kind": {"enum": ["track", "identify"], "description": "track or identify"},
                "event": _TEXT,
                "user": _TEXT,
            },
        },
        "nth": {
            "description": "a number from 1 such as 2, or a range such as 1-3 or 3-",
            "anyOf": [
                {"type": "integer", "minimum": 1},
                {"type": "string", "pattern": "^[1-9][0-9]{0,8}(-([1-9][0-9]{0,8})?)?$"},
            ],
        },
        "per": {"const": "user", "description": "the word user"},
        "status": {"type": "integer", "minimum": 200, "maximum": 599, "description": "an HTTP status, 200 to 599"},
        "body": {"type": ["object", "array", "string"], "description": "a block, a list or a text"},
        "retry_after": {"type": ["number", "string"], "description": "a number or a text"},
        "delay_s": {"type": "number", "minimum": 0, "maximum": 3600, "description": "seconds, 0 to 3600"},
        "drop": {"type": "boolean", "description": "true or false"},
    },
}
_SCRIPT = {"type": "array", "items": _RULE, "description": "a script is a list of rules"}
_CHECK = jsonschema.Draft202012Validator(_SCRIPT)


@dataclass(frozen=True, slots=True)
class ScriptRule:
    """The answer to some calls. `first` and `last` count the matching calls, from 1; None is no end."""

    kind: str | None = None
    event: str | None = None
    user: str | None = None
    first: int = 1
    last: int | None = None
    per_user: bool = False
    status: int | None = None
    body: JsonObject | list[Any] | str | None = None
    retry_after: str | None = None
    delay_s: float = 0.0
    drop: bool = False

    def fits(self, *, kind: str, event: str | None, user: str | None) -> bool:
        """Whether the rule matches a call, apart from its count."""
        return self.kind in (None, kind) and self.event in (None, event) and self.user in (None, user)


class Script:
    """Rules, and how many calls each has matched; `text` is what they were read from."""

    def __init__(self, rules: Sequence[ScriptRule] = (), *, text: str = "") -> None:
        self.text = text
        self._rules = tuple(rules)
        self._seen: Counter[tuple[int, str | None]] = Counter()

    def answer(self, *, kind: str, event: str | None, user: str | None) -> ScriptRule | None:
        """The rule that answers this call, or None for the usual answer. To be called once for each call."""
        for position, rule in enumerate(self._rules):
            if not rule.fits(kind=kind, event=event, user=user):
                continue
            counted = position, user if rule.per_user else None
            self._seen[counted] += 1
            if rule.first <= self._seen[counted] and (rule.last is None or self._seen[counted] <= rule.last):
                return rule
        return None


def parse_script(text: str, *, file: str) -> Script:
    """Read a script. Raises ConfigError with every problem as `file:line:column: …`."""
    document = read_document(text, file=file)
    problems = [finding.headline for finding in document.findings if finding.blocks]
    if not problems:
        errors = _CHECK.iter_errors(document.data)
        problems = [problem for error in errors for problem in _problems(document, error)]
    if problems:
        raise ConfigError("\n".join(map(printable, problems)), is_listing=True)
    return Script([_rule(described) for described in document.data], text=text if document.data else "")


def _rule(described: JsonObject) -> ScriptRule:
    when = described.get("when", {})
    first, last = _range(str(described.get("nth", "1-")))
    retry_after = described.get("retry_after")
    return ScriptRule(
        kind=when.get("kind"),
        event=when.get("event"),
        user=when.get("user"),
        first=first,
        last=last,
        per_user="per" in described,
        status=described.get("status"),
        body=described.get("body"),
        retry_after=None if retry_after is None else str(retry_after),
        delay_s=float(described.get("delay_s", 0.0)),
        drop=described.get("drop", False),
    )


def _range(nth: str) -> tuple[int, int | None]:
    first, dash, last = nth.partition("-")
    if not dash:
        return int(first), int(first)
    return int(first), int(last) if last else None


def _problems(document: Document, error: Any) -> Iterator[str]:
    path = tuple(error.absolute_path)
    if error.validator != "additionalProperties":
        yield _placed(document, document.mark_of(path), f"expected: {error.schema['description']}")
        return
    words = error.schema["properties"]
    for name in error.instance:
        if name not in words:
            meant = did_you_mean(name, words)
            yield _placed(document, document.mark_of_key((*path, name)), f"`{name}` is not a word of a rule{meant}")


def _placed(document: Document, mark: Position, text: str) -> str:
    return f"{document.file}:{mark.line}:{mark.column}: {text}"
