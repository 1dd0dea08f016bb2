"""The steps with a setting: how the setting is read, and the step made of it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from adapter.mapping.compile.conditions import compile_condition
from adapter.mapping.compile.field_names import FLATTEN_CLASH, RENAME_CLASH, read_globs, read_names, read_separator
from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.step_making import (
    NOT_TEXT,
    Builder,
    Setting,
    list_reader,
    of_text,
    on_each,
    on_list,
    refused,
    reshaping,
)
from adapter.mapping.language.step_settings import STEP_SETTINGS
from adapter.mapping.run import list_steps, shaping, text_steps
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Get, PrivateFrame, Step
from adapter.mapping.run.listing import shape_of
from adapter.mapping.run.pattern import compile_pattern, template_fault
from adapter.mapping.run.scalars import date_of, is_number, text_of


def replace_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["replace"], "E151"):
        return refused
    is_misspelt = any(word not in STEP_SETTINGS["replace"].words for word in node.value)
    if node.has("find") == node.has("pattern") and not is_misspelt:
        reader.error("E151", node, "`replace` has `find`, plain text, or `pattern`, a regular expression; one of them")
        return refused
    if node.has("pattern"):
        return _replace_pattern(setting)
    find = reader.text(node.at("find"), "E151", "`find`", at_most=1000) if node.has("find") else None
    put = reader.text(node.at("with"), "E151", "`with`", at_least=0, at_most=200) if node.has("with") else None
    flags = {
        word: bool(node.has(word) and reader.boolean(node.at(word), "E151", f"`{word}`"))
        for word in ("ignore_case", "once")
    }
    if find is None or put is None:
        return refused
    return on_each(of_text(text_steps.replacing(find, put, **flags)), NOT_TEXT, setting.scope)


def regex_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["regex"], "E151"):
        return refused
    return _replace_pattern(setting)


def _replace_pattern(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    written = reader.text(node.at("pattern"), "E153", "`pattern`") if node.has("pattern") else None
    put = reader.text(node.at("with"), "E151", "`with`", at_least=0, at_most=200) if node.has("with") else None
    flags = {
        word: bool(node.has(word) and reader.boolean(node.at(word), "E151", f"`{word}`"))
        for word in ("ignore_case", "once")
    }
    if written is None or put is None:
        return refused
    pattern = compile_pattern(written, ignore_case=flags["ignore_case"])
    if isinstance(pattern, str):
        reader.error("E153", node.at("pattern"), f"{pattern}; to take a part out of a text use `extract`, or `url`")
        return refused
    fault = template_fault(pattern, put)
    if fault:
        reader.error("E151", node.at("with"), fault)
        return refused
    return on_each(of_text(text_steps.substituting(pattern, put, once=flags["once"])), NOT_TEXT, setting.scope)


def truncate_step(setting: Setting) -> Step:
    length = setting.reader.whole(setting.node, "E151", "`truncate`", at_least=1, at_most=text_steps.MAX_TEXT)
    return on_each(of_text(text_steps.truncating(length or 1)), NOT_TEXT, setting.scope)


def split_step(setting: Setting) -> Step:
    separator = setting.reader.text(setting.node, "E151", "`split`", at_most=20)
    return on_each(of_text(text_steps.splitting(separator or ",")), NOT_TEXT, setting.scope)


def join_step(setting: Setting) -> Step:
    separator = setting.reader.text(setting.node, "E151", "`join`", at_least=0, at_most=20)
    return on_list(text_steps.joining(separator or "", text_of), "not a list of texts, or too long", setting.scope)


def round_step(setting: Setting) -> Step:
    digits = 0
    if not setting.bare:
        digits = setting.reader.whole(setting.node, "E151", "`round`", at_least=0, at_most=15) or 0
    return on_each(list_steps.rounding(digits), "not a number", setting.scope)


def arithmetic(compute: Callable[[Any, Any], Any]) -> Builder:
    def build(setting: Setting) -> Step:
        other = setting.compile_value(setting.node, setting.reader, setting.scope)
        operand = _operand(setting.node)

        def step(value: Any, frame: Frame) -> Any:
            by = other(frame)
            result = compute(value, by)
            if result is ABSENT:
                frame.warnings.append(setting.scope.failed(_no_number(value, by, operand)))
            return result

        return step

    return build


def _operand(node: Node) -> str:
    """The name of a step's operand in a warning: the paths that it is read from."""
    written = node.value.get("from") if type(node.value) is dict else node.value
    paths = written if type(written) is list else [written]
    return ", ".join(f"`{path}`" for path in paths if type(path) is str) or "its operand"


def _no_number(value: Any, by: Any, operand: str) -> str:
    if is_number(value) and is_number(by) and by == 0:
        return f"{operand} is 0"
    if not is_number(value):
        hint = "; the time between two dates is the step `since`" if date_of(value) is not ABSENT else ""
        return f"{shape_of(value)} is not a number{hint}"
    if by is ABSENT or by is None:
        return f"{operand} is absent"
    return "the result is too large" if is_number(by) else f"{operand} is {shape_of(by)}, not a number"


def map_step(setting: Setting) -> Step:
    parts = setting.reader.entries(setting.node, "E151", "`map`, a block of fields,") or ()

    def compile_fields(scope: Scope) -> Get:
        pairs = [(part.name, setting.compile_value(part, setting.reader, scope)) for part in parts]
        return lambda frame: {name: value for name, get in pairs if (value := get(frame)) is not ABSENT} or ABSENT

    over = _over(setting, compile_fields)
    return lambda value, frame: _present(over(value, frame))


def collect_step(setting: Setting) -> Step:
    failed = setting.scope.failed("a member could not be read")

    def compile_reading(scope: Scope) -> Get:
        get = setting.compile_value(setting.node, setting.reader, scope)

        def read(frame: Frame) -> Any:
            before = len(frame.warnings)
            value = get(frame)
            if value is ABSENT and len(frame.warnings) > before:
                frame.warnings.append(failed)
            return value

        return read

    over = _over(setting, compile_reading)
    return lambda value, frame: _present(over(value, frame))


def where_step(setting: Setting) -> Step:
    over = _over(setting, lambda scope: compile_condition(setting.node, setting.reader, scope))

    def step(value: Any, frame: Frame) -> Any:
        results = over(value, frame)
        return ABSENT if results is None else [member for member, held in results if held]

    return step


_Results: TypeAlias = list[tuple[Any, Any]] | None
"""Members with the value read for each; None for a value that is not a list."""


def _present(results: _Results) -> Any:
    if results is None:
        return ABSENT
    return [result for _, result in results if result is not ABSENT and result is not None]


def _over(setting: Setting, compile_reading: Callable[[Scope], Get]) -> Callable[[Any, Frame], _Results]:
    """Reads the event once for each member, which is `item` meanwhile."""
    reader, members_of = setting.reader, list_reader(setting.scope)
    outer_use = reader.item_use
    read = compile_reading(replace(setting.scope, has_item=True))
    reader.item_use = outer_use  # reads of an inner item say nothing about the outer one

    def over(value: Any, frame: Frame) -> _Results:
        members = members_of(value, frame.warnings)
        if members is None:
            return None
        outer = frame.item, frame.index
        results = []
        for place, member in enumerate(members):
            if member is not None:
                frame.item, frame.index = member, place
                results.append((member, read(frame)))
        frame.item, frame.index = outer
        return results

    return over


def sort_step(setting: Setting) -> Step:
    node, reader, by, down = setting.node, setting.reader, None, False
    if not setting.bare:
        if type(node.value) is str:
            reader.error("E151", node, f"`sort` has a block: `{{by: item.{node.value}}}`, `{{down: true}}` or both")
            return refused
        if not reader.block(node, STEP_SETTINGS["sort"], "E151"):
            return refused
        by = node.at("by") if node.has("by") else None
        down = bool(node.has("down") and reader.boolean(node.at("down"), "E151", "`down`"))
    compile_value = setting.compile_value
    over = _over(
        setting, lambda scope: compile_value(by, reader, scope) if by is not None else lambda frame: frame.item
    )

    def step(value: Any, frame: Frame) -> Any:
        results = over(value, frame)
        if results is None:
            return ABSENT
        members, marks = [member for member, _ in results], [mark for _, mark in results]
        result = list_steps.ordered(members, marks, down=down)
        if result is ABSENT:
            frame.warnings.append(setting.scope.failed(f"more than {list_steps.MAX_SORTED} members"))
        return result

    return step


def globs_step(setting: Setting, shape: Callable[[Sequence[str]], shaping.ShapeObject]) -> Step:
    """For `pick` and `drop`: an object that becomes empty is removed, in a list and alone."""
    shaped = shape(read_globs(setting.node, setting.reader, "E151"))

    def step(value: Any, frame: Frame) -> Any:
        result = shaping.each_object(value, shaped)
        if result is ABSENT:
            frame.warnings.append(setting.scope.failed(f"{shape_of(value)} is not an object"))
        elif type(result) is list:
            return [new for old, new in zip(value, result, strict=True) if new or not old]
        return result if result or not value else ABSENT

    return step


def rename_step(setting: Setting) -> Step:
    names = read_names(setting.node, setting.reader, "E151")
    return reshaping(names.of, RENAME_CLASH, setting.scope)


def flatten_step(setting: Setting) -> Step:
    separator = "_" if setting.bare else read_separator(setting.node, setting.reader, "E151") or "_"
    return reshaping(lambda fields: shaping.flattened(fields, separator), FLATTEN_CLASH, setting.scope)


def hash_step(setting: Setting) -> Step:
    algorithm = "hmac-sha256"
    if not setting.bare:
        choices = ("hmac-sha256", "sha256", "md5")
        algorithm = setting.reader.choice(setting.node, "E151", choices) or algorithm
    if algorithm != "hmac-sha256":
        return on_each(of_text(text_steps.plain_hash(algorithm)), NOT_TEXT, setting.scope)
    if setting.reader.hash_key is None:
        setting.reader.wants_hash_key.add(setting.node.path)
    hashed = text_steps.keyed_hash(setting.reader.hash_key or "")
    step = on_each(of_text(hashed), NOT_TEXT, setting.scope)
    return _once(step, hashed, setting.scope) if setting.scope.in_privacy else step


def _once(step: Step, hashed: Callable[[str], str], scope: Scope) -> Step:
    """`step`, but a value that a guard hashed before the event was stored stays: a hash of the hash would be
    useless.
    """

    def in_guard(value: Any, frame: Frame) -> Any:
        if not isinstance(frame, PrivateFrame):
            return step(value, frame)
        return on_each(of_text(lambda found: frame.hashed_once(found, hashed)), NOT_TEXT, scope)(value, frame)

    return in_guard


def mask_step(setting: Setting) -> Step:
    keep = 0
    if (
        not setting.bare
        and setting.reader.block(setting.node, STEP_SETTINGS["mask"], "E151")
        and setting.node.has("keep")
    ):
        keep = setting.reader.whole(setting.node.at("keep"), "E151", "`keep`", at_least=0, at_most=1000) or 0
    return on_each(of_text(text_steps.masking(keep)), NOT_TEXT, setting.scope)
