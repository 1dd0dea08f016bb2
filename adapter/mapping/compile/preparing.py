"""`prepare`: steps in place, after privacy and before everything else, so that conditions see their results too.

Unlike in a guard, a step that cannot be applied leaves the value unchanged, with a warning, and a step on text leaves
numbers and booleans alone. If a step returns nothing on purpose, the field is removed, as by `drop`.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.path_editing import editor_of
from adapter.mapping.compile.privacy import both_spellings, guardable_path
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.steps import compile_steps
from adapter.mapping.compile.values import compile_value
from adapter.mapping.language.paths import Key
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.language.words import PREPARE
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Step
from adapter.mapping.run.guard_walk import folded_globs
from adapter.mapping.run.guarding import GuardMessage
from adapter.mapping.run.preparing import walk_fields

MAX_PREPARED: Final = 200


def compile_prepare(node: Node, reader: Reader) -> Sequence[GuardMessage]:
    """The change that each member of the block makes to a message, in order."""
    parts = reader.members(node, "E173", "`prepare`, a list of blocks,", at_most=MAX_PREPARED) or ()
    return [act for part in parts if (act := _prepared(part, reader)) is not None]


def _prepared(node: Node, reader: Reader) -> GuardMessage | None:
    if not reader.block(node, PREPARE, "E173"):
        return None
    scope = Scope(rule="prepare", is_early=True).of_field(node.path)
    change = _in_place(node.at("do"), reader, scope) if node.has("do") else None
    chosen = [word for word in ("fields", "named") if node.has(word)]
    if len(chosen) != 1:
        found = "this one has both" if chosen else "this one has neither"
        reader.error("E173", node, f"a block of `prepare` has `fields` or `named`; {found}")
        return None
    if change is None:
        return None
    return _of_paths(node.at("fields"), reader, change) if node.has("fields") else _of_names(node, reader, change)


def _in_place(node: Node, reader: Reader, scope: Scope) -> Step:
    steps = compile_steps(node, reader, scope, compile_value)
    # If a step was refused, the two lists differ in length, and the result is never used.
    are_of_text = [_is_of_text(step) for step in node.value] if type(node.value) is list else []
    pairs = [(_on_texts(step) if of_text else step) for step, of_text in zip(steps, are_of_text, strict=False)]

    def change(value: Any, frame: Frame) -> Any:
        for step in pairs:
            if value is None:
                return value
            before = len(frame.warnings)
            result = step(value, frame)
            if result is ABSENT:
                # With a warning the step could not be applied; without one it returned nothing on purpose.
                return value if len(frame.warnings) > before else ABSENT
            value = result
        return value

    return change


def _is_of_text(step: Any) -> bool:
    name = next(iter(step), "") if type(step) is dict else step
    return type(name) is str and name in STEPS and STEPS[name].kind == "Text"


def _on_texts(step: Step) -> Step:
    """`step` on texts, alone and in a list; other values stay."""

    def apply(value: Any, frame: Frame) -> Any:
        if type(value) is str:
            return step(value, frame)
        if type(value) is not list:
            return value
        results = [step(member, frame) if type(member) is str else member for member in value]
        return [old if new is ABSENT else new for old, new in zip(value, results, strict=True)]

    return apply


def _of_paths(node: Node, reader: Reader, change: Step) -> GuardMessage:
    parts = reader.members(node, "E173", "`fields`, a list of paths,") or ()
    paths = [spelling for part in parts if (path := guardable_path(part, reader)) for spelling in both_spellings(path)]
    edits = [editor_of((Key(path.root), *path.segments)) for path in paths]

    def act(body: Any, frame: Frame) -> Any:
        def change_one(value: Any) -> Any:
            return change(value, frame)

        for edit in edits:
            body = edit(body, change_one)
        return body

    return act


def _of_names(node: Node, reader: Reader, change: Step) -> GuardMessage:
    parts = reader.members(node.at("named"), "E173", "`named`, a list of names,") or ()
    globs = [text for part in parts if (text := reader.text(part, "E173", "a name")) is not None]
    is_meant: Callable[[str], bool] = folded_globs(globs)
    return lambda body, frame: walk_fields(body, is_meant, lambda value: change(value, frame))
