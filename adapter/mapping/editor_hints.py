"""What editors show beyond the bare schema: texts with examples and links, snippets, and messages in words. Pure.

yaml-language-server (VS Code, Neovim and others) reads `markdownDescription`, `defaultSnippets`, `errorMessage` and
`patternErrorMessage`; validators ignore them. Source: https://github.com/redhat-developer/yaml-language-server
"""

import json
from itertools import combinations
from typing import Final

from adapter.mapping.language.step_words import STEPS, StepWord
from adapter.mapping.language.words import ROOTS
from adapter.model import JsonObject

_PAGE: Final = "https://github.com/browsee/browsee-adapter/blob/main/docs/mapping.md"
_TYPES: Final = ["track", "identify", "page", "screen", "group", "alias"]

PATH_MESSAGE: Final = (
    f"Not a path: a path starts with {', '.join(f'`{root}`' for root in ROOTS[:9])} or another part of the event"
)
DURATION_MESSAGE: Final = "A duration is a number above 0 and ms, s, m, h or d, such as 20s or 7d"

CONDITION_PATHS: Final[dict[str, tuple[str, JsonObject]]] = {
    "type": (
        "What kind of message it is: `type: track`, or a list",
        {"anyOf": [{"enum": _TYPES}, {"$ref": "#/$defs/check"}]},
    ),
    "event": ("The name of a track event: `event: Order Completed`, or a check", {"$ref": "#/$defs/check"}),
    "name": ("The name of a page or screen", {"$ref": "#/$defs/check"}),
    "userId": ("The user's id: `userId: {exists: true}`", {"$ref": "#/$defs/check"}),
    "anonymousId": ("The id of a visitor who is not signed in", {"$ref": "#/$defs/check"}),
}
"""Paths that conditions often name, with their meaning and possible values; all others match a pattern."""

CONDITION_SNIPPETS: Final = [
    {
        "label": "properties.…",
        "description": "A condition on a property of the event",
        "body": {"properties.${1:name}": "${2:value}"},
    }
]

RULE_SNIPPETS: Final = [
    {
        "label": "rename an event",
        "description": "One event under another name, with its properties",
        "body": {
            "name": "${1:Sign-ups}",
            "when": {"type": "track", "event": "${2:Signed Up}"},
            "track": "${3:SIGNED_UP}",
        },
    },
    {
        "label": "order with products",
        "description": "An order, with one call for each product",
        "body": {
            "name": "${1:Orders}",
            "when": {"type": "track", "event": "${2:Order Completed}"},
            "send": [
                {
                    "track": "${3:ORDER_COMPLETED}",
                    "properties": {"total": {"from": "properties.total", "apply": ["number"], "required": True}},
                },
                {"track": "${4:PRODUCT_BOUGHT}", "each": "properties.products", "copy": "item"},
            ],
        },
    },
    {
        "label": "drop noise",
        "description": "Events that are not worth a call; the reason is counted",
        "body": {
            "name": "${1:Noise}",
            "when": {"event": {"like": "${2:Heartbeat*}"}},
            "drop": "${3:too frequent}",
        },
    },
]  # fmt: skip


def described(shape: JsonObject, means: str, *, section: str = "") -> JsonObject:
    """`shape` with its meaning, and a link to the section of the reference."""
    link = f"\n\n[The mapping language]({_PAGE}#{section})" if section else ""
    texts = {"description": means, **({"markdownDescription": f"{means}{link}"} if link else {})}
    return {**texts, **({"allOf": [shape]} if "$ref" in shape else shape)}


def exactly_one(*names: str) -> JsonObject:
    """Exactly one of these words; for `oneOf` an editor would only say that several match."""
    message = f"one of {', '.join(f'`{name}`' for name in names)} is missing"
    return {
        "anyOf": [{"required": [name], "errorMessage": message} for name in names],
        "allOf": [apart(one, other) for one, other in combinations(names, 2)],
    }


def apart(one: str, other: str) -> JsonObject:
    """`other` may not be used beside `one`; for `not` an editor would only say that it is not allowed."""
    message = f"`{other}` cannot be combined with `{one}`"
    return {"if": {"required": [one]}, "then": {"properties": {other: False}, "errorMessage": message}}


def step_meaning(step: StepWord) -> str:
    """What a step does, and an example of it."""
    value, written, result = step.example
    shown = "absent" if result is None else f"`{_text(result)}`"
    return f"{step.means}. `{_text(value)}` → `{written if isinstance(written, str) else _text(written)}` → {shown}"


def bare_steps() -> list[JsonObject]:
    """The steps that stand alone, each with its text: an `enum` has only one text for all."""
    return [
        described({"const": name}, step_meaning(facts), section="steps") for name, facts in STEPS.items() if facts.bare
    ]  # fmt: skip


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
