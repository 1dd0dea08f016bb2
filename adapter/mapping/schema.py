"""The JSON Schema of mapping files, made from the table of words, for completion and checks in editors.

Draft 2020-12, but only with keywords that draft-07 understands the same way, for older editors: so no sibling of
`$ref`. `schemas/adapter/mapping.json` is this, written out; a test compares the two.
"""

import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final

import jsonschema
import jsonschema_rs

from adapter.files.document import Document
from adapter.files.finding import Finding, Severity
from adapter.mapping.compile import derived, field_names, preparing, privacy, values
from adapter.mapping.compile.calls import MAX_NAME
from adapter.mapping.compile.document import MAX_CALL_BLOCKS, MAX_CALLS, MAX_RULES
from adapter.mapping.compile.filetests import MAX_TESTS
from adapter.mapping.compile.reader import MAX_TEXT
from adapter.mapping.compile.spelling import NAME_STEPS
from adapter.mapping.compile.steps import MAX_STEPS
from adapter.mapping.editor_hints import (
    CONDITION_PATHS,
    CONDITION_SNIPPETS,
    DURATION_MESSAGE,
    PATH_MESSAGE,
    RULE_SNIPPETS,
    apart,
    bare_steps,
    described,
    exactly_one,
    step_meaning,
)
from adapter.mapping.language import words
from adapter.mapping.language.step_settings import STEP_SETTINGS
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.run.amounts import DECIMALS, THOUSANDS
from adapter.mapping.run.dates import SECONDS
from adapter.mapping.run.pattern import MAX_PATTERN
from adapter.mapping.run.personal import FINDERS
from adapter.mapping.run.places import PARTS as PLACE_PARTS
from adapter.mapping.run.text_steps import MAX_TEXT as MAX_MADE_TEXT
from adapter.mapping.run.urls import PARTS
from adapter.mapping.run.user_agents import PARTS as USER_AGENT_PARTS
from adapter.model import JsonObject
from adapter.wire.durations import DURATION

_MEMBERS: Final = 10_000


def _ref(name: str) -> JsonObject:
    return {"$ref": f"#/$defs/{name}"}


def _text(at_least: int = 1, at_most: int = MAX_TEXT) -> JsonObject:
    return {"type": "string", "minLength": at_least, "maxLength": at_most}


def _list(of: JsonObject, at_most: int = _MEMBERS) -> JsonObject:
    return {"type": "array", "minItems": 1, "maxItems": at_most, "items": of}


def _named(of: JsonObject, at_most: int | None = None) -> JsonObject:
    limit = {} if at_most is None else {"maxProperties": at_most}
    return {"type": "object", "minProperties": 1, "additionalProperties": of, **limit}


def _whole(at_least: int, at_most: int) -> JsonObject:
    # `enum` aside, 5.0 is an integer to JSON Schema; the compiler refuses it, which parity allows.
    return {"type": "integer", "minimum": at_least, "maximum": at_most}


_SCALAR: Final = {"type": ["string", "number", "boolean", "null"]}
_NUMBER: Final = {"type": "number"}
_BOOLEAN: Final = {"type": "boolean"}
_TRUE: Final = {"enum": [True]}
_OBJECT: Final = {"type": "object"}

_SHARE: Final = {"type": "number", "exclusiveMinimum": 0, "maximum": 1}

SHAPES: Final[Mapping[str, JsonObject]] = MappingProxyType({
    "true": _TRUE,
    "boolean": _BOOLEAN,
    "number": _NUMBER,
    "scalar": _SCALAR,
    "scalars": _named(_SCALAR),
    "scalar or scalars": {"anyOf": [_SCALAR, _list(_SCALAR)]},
    "scalars or check": {"anyOf": [_SCALAR, _list(_SCALAR), _ref("checkBlock")]},
    "constant": {},
    "object": _OBJECT,
    "text": _text(),
    "any text": _text(at_least=0),
    "id": {"type": ["string", "null"]},
    "version": {"enum": [words.VERSION]},
    "settings": _ref("settings"),
    "nulls": {"enum": ["omit", "keep"]},
    "lists": {"enum": ["keep", "text"]},
    "name comparison": {"enum": ["exact", "folded"]},
    "separator": {"anyOf": [{"enum": [False]}, _text(at_most=3)]},
    "separator text": _text(at_most=3),
    "call limit": _whole(1, MAX_CALLS),
    "length": _whole(0, MAX_MADE_TEXT),
    "digits": _whole(0, 15),
    "share": _SHARE,
    "reason": {"anyOf": [_TRUE, _text(at_most=200)]},
    "path": _ref("path"),
    "paths": _list(_ref("path")),
    "path or paths": {"anyOf": [_ref("path"), _list(_ref("path"))]},
    "copy": {"anyOf": [{"enum": ["none"]}, _ref("path"), _list(_ref("path"))]},
    "globs": _list(_text(), field_names.MAX_NAMES),
    "globs or value": {"anyOf": [_list(_text(), field_names.MAX_NAMES), _ref("valueBlock")]},
    "globs or glob": {"anyOf": [_text(), _list(_text())]},
    "names": _named(_text()),
    "name steps": _list({"enum": list(NAME_STEPS)}, len(NAME_STEPS)),
    "names list": _list({"type": "string"}),
    "table": {"type": "string"},
    "table or scalars": {"anyOf": [{"type": "string"}, _list(_SCALAR)]},
    "tables": _named(_named({"anyOf": [_SCALAR, _named(_SCALAR)]})),
    "derived": _named(_ref("value"), derived.MAX_DERIVED),
    "shared": _named(_ref("fields")),
    "fields": _ref("fields"),
    "value": _ref("value"),
    "values": _list(_ref("value")),
    "event name": {"anyOf": [_text(at_most=MAX_NAME), _ref("valueBlock")]},
    "age": _ref("age"),
    "duration": {"type": "string", "pattern": DURATION, "patternErrorMessage": DURATION_MESSAGE},
    "condition": _ref("condition"),
    "conditions": _list(_ref("condition")),
    "pattern": _text(at_most=MAX_PATTERN),
    "steps": _ref("steps"),
    "prepared": _list(_ref("prepared"), preparing.MAX_PREPARED),
    "sample": {"anyOf": [_SHARE, _ref("sample")]},
    "rejection": _text(at_most=200),
    "networks": {"anyOf": [_text(), _list(_text())]},
    "guards": _list(_ref("guard"), privacy.MAX_GUARDS),
    "personal kinds": _list({"enum": list(FINDERS)}),
    "remedy": {"anyOf": [{"enum": ["remove"]}, _ref("steps")]},
    "rules": _list(_ref("rule"), MAX_RULES),
    "calls": _list(_ref("call"), MAX_CALL_BLOCKS),
    "tests": _list(_ref("test"), MAX_TESTS),
    "expectation": {"anyOf": [_list(_ref("expectedCall")), _ref("ending")]},
    "hash": {"enum": ["hmac-sha256", "sha256", "md5"]},
    "lookup else": {"anyOf": [_SCALAR, _ref("lookupElseStep")]},
    "step replace": _ref("replaceStep"),
    "step regex": _ref("regexStep"),
    "step lookup": {"anyOf": [{"type": "string"}, _ref("lookupStep")]},
    "step mask": _ref("maskStep"),
    "step url": {"anyOf": [{"enum": list(PARTS)}, _ref("urlStep")]},
    "place part": {"enum": list(PLACE_PARTS)},
    "places": _named(_named(_text())),
    "user agent part": {"enum": list(USER_AGENT_PARTS)},
    "step date": _ref("dateStep"),
    "step since": _ref("sinceStep"),
    "step number": _ref("numberStep"),
    "decimal separator": {"enum": list(DECIMALS)},
    "thousands separator": {"enum": list(THOUSANDS)},
    "step sort": _ref("sortStep"),
    "step get": {"anyOf": [{"type": ["string", "integer"]}, _ref("valueBlock")]},
    "time unit": {"enum": list(SECONDS)},
})  # fmt: skip
"""What a word may have as its value, by the name in the table of words."""


def build() -> JsonObject:
    """The whole schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A mapping of browsee-adapter",
        **_block(words.FILE, "a-file"),
        "$defs": {
            "settings": _block(words.SETTINGS, "settings"),
            "prepared": {**_block(words.PREPARE, "prepared-and-derived-values"), **exactly_one("fields", "named")},
            "sample": _block(words.SAMPLE, "rules-and-calls"),
            "guard": {**_block(words.GUARD, "privacy"), **_guard_target()},
            "rule": {**_block(words.RULE, "rules-and-calls"), **_rule_actions(), "defaultSnippets": RULE_SNIPPETS},
            "call": {**_block(words.CALL, "rules-and-calls"), **_call_actions()},
            "fields": _named(_ref("value"), values.MAX_FIELDS),
            "value": {"anyOf": [_ref("path"), {"type": ["number", "boolean"]}, _ref("valueBlock")]},
            "valueBlock": {**_block(words.VALUE, "values"), **exactly_one(*values.SOURCES)},
            "path": {
                "type": "string",
                "pattern": f"^({'|'.join(words.ROOTS)})($|[.\\[])",
                "patternErrorMessage": PATH_MESSAGE,
            },
            "condition": _condition(),
            "age": _block(words.AGE, "conditions"),
            "check": {"anyOf": [_SCALAR, _list(_SCALAR), _ref("checkBlock")]},
            "checkBlock": {**_block(words.CHECK, "conditions"), "minProperties": 1},
            "steps": _list(_ref("step"), MAX_STEPS),
            "step": _step(),
            **{f"{name}Step": _block(block, "steps") for name, block in STEP_SETTINGS.items()},
            "test": _block(words.TEST, "tests"),
            "expectedCall": {**_block(words.EXPECTED, "tests"), "minProperties": 1},
            "ending": {**_block(words.ENDING, "tests"), "minProperties": 1, "maxProperties": 1},
        },
    }


def written() -> str:
    """The text of `schemas/adapter/mapping.json`."""
    return json.dumps(build(), indent=2, ensure_ascii=False) + "\n"


def _block(block: words.Block, section: str) -> JsonObject:
    required = [name for name, word in block.words.items() if word.required]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            name: described(SHAPES[word.takes], word.means, section=section) for name, word in block.words.items()
        },
        **({"required": required} if required else {}),
    }


def _guard_target() -> JsonObject:
    """A guard is of fields or of names, or else of values; `except` needs a walk, to leave fields out of it."""
    alone = {"required": ["values"], "not": {"anyOf": [{"required": ["fields"]}, {"required": ["named"]}]}}
    of_fields = {"required": ["fields"], "anyOf": [{"required": ["values"]}, {"not": {"required": ["except"]}}]}
    return {"oneOf": [of_fields, {"required": ["named"]}, alone]}


def _own_fields() -> Sequence[JsonObject]:
    """`properties` belong to track, `traits` to identify."""
    return [
        apart("track", "traits"),
        apart("identify", "properties"),
    ]


def _rule_actions() -> JsonObject:
    """A rule does one thing; words of calls are allowed beside `track` and `identify` only."""
    about_calls = [name for name in words.CALL.words if name not in {"when", "track", "identify"}]
    lone = [apart(action, word) for action in ("drop", "reject", "send") for word in about_calls]
    actions = exactly_one("drop", "reject", "track", "identify", "send")
    return {**actions, "allOf": [*actions["allOf"], *_own_fields(), *lone]}


def _call_actions() -> JsonObject:
    actions = exactly_one("track", "identify")
    return {**actions, "allOf": [*actions["allOf"], *_own_fields()]}


def _condition() -> JsonObject:
    joined = {name: (word.means, SHAPES[word.takes]) for name, word in words.JOINED.words.items()}
    known = {**CONDITION_PATHS, **joined}
    return {
        "type": "object",
        "minProperties": 1,
        "properties": {name: described(shape, means, section="conditions") for name, (means, shape) in known.items()},
        "patternProperties": {f"^({'|'.join(words.ROOTS)})($|[.\\[])": _ref("check")},
        "additionalProperties": False,
        "defaultSnippets": CONDITION_SNIPPETS,
    }


def _step() -> JsonObject:
    settings = {
        name: described(SHAPES[facts.takes], step_meaning(facts), section="steps")
        for name, facts in STEPS.items()
        if facts.takes is not None
    }
    block = {
        "type": "object", "minProperties": 1, "maxProperties": 1, "additionalProperties": False, "properties": settings,
    }  # fmt: skip
    return {"anyOf": [*bare_steps(), block]}


def refusals_of(document: Document) -> Sequence[Finding]:
    """What the schema refuses in a document that the compiler accepts, each at its place; almost always empty."""
    schema = build()
    if jsonschema_rs.is_valid(schema, document.data):
        return ()
    found: list[Finding] = []
    for error in jsonschema.Draft202012Validator(schema).iter_errors(document.data):
        mark = document.mark_of(tuple(error.absolute_path))
        message = f"the schema refuses this: it does not fit `{error.validator}`"
        found.append(document.finding(Severity.ERROR, "E109", mark, message))
    return found
