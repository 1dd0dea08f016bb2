"""Steps: what a value runs through. A step that cannot do its work leaves the value out and warns; it never raises.

Steps on text and type act on each member of a list. What each step does to one value is in `steps_text`,
`steps_list`, `scalars` and `shaping`; here it is bound to its setting, to warnings and to lists.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from adapter.mapping import shaping, steps_list, steps_text
from adapter.mapping.absent import ABSENT
from adapter.mapping.conditions import compile_condition
from adapter.mapping.finding import did_you_mean
from adapter.mapping.frame import Frame, Get, Step
from adapter.mapping.pattern import compile_pattern, template_fault
from adapter.mapping.reader import Node, Reader, Scope, kind_of
from adapter.mapping.scalars import boolean_of, date_of, integer_of, json_of, number_of, parsed_json, text_of
from adapter.mapping.step_words import STEP_SETTINGS, STEPS
from adapter.model import JsonObject

MAX_STEPS: Final = 20
MAX_KEPT: Final = 1_000
FLATTEN_CLASH: Final = "two names are the same when flattened; the first stays"
RENAME_CLASH: Final = "a renamed field took the place of one that was there"

ValueCompiler: TypeAlias = Callable[[Node, Reader, Scope], Get]
Pure: TypeAlias = Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a step is made from: its setting, which is `node.value`, or None for a step that stands alone."""

    node: Node
    bare: bool
    reader: Reader
    scope: Scope
    compile_value: ValueCompiler

    def error(self, code: str, message: str) -> None:
        self.reader.error(code, self.node, message)


Builder: TypeAlias = Callable[[Setting], Step]


def compile_steps(node: Node, reader: Reader, scope: Scope, compile_value: ValueCompiler) -> Sequence[Step]:
    """The closures of a list of steps."""
    parts = reader.members(node, "E150", "a list of steps", at_most=MAX_STEPS) or ()
    built = [_step(part, reader, scope, compile_value) for part in parts]
    return [step for step in built if step is not None]


def _step(node: Node, reader: Reader, scope: Scope, compile_value: ValueCompiler) -> Step | None:
    match node.value:
        case str() as name:
            setting = Setting(node, True, reader, scope, compile_value)
        case dict() if len(node.value) == 1:
            name = next(iter(node.value))
            setting = Setting(node.at(name), False, reader, scope, compile_value)
        case _:
            reader.error("E150", node, f"a step is a word or `{{word: setting}}`, not {kind_of(node.value)}")
            return None
    facts = STEPS.get(name)
    if facts is None:
        report = reader.error if setting.bare else reader.error_of_key
        report("E152", setting.node, f"`{name}` is not a step{did_you_mean(name, STEPS)}")
        return None
    if setting.bare and not facts.bare:
        reader.error("E151", node, f"`{name}` needs a setting: `{{{name}: …}}`")
        return None
    if not setting.bare and facts.takes is None:
        reader.error_of_key("E151", setting.node, f"`{name}` has no setting; write it alone")
        return None
    if scope.in_privacy and name in _READING_OTHERS:
        report = reader.error if setting.bare else reader.error_of_key
        report("E154", setting.node, f"`{name}` reads other fields, which privacy has not been through yet")
        return None
    return BUILDERS[name](setting)


_READING_OTHERS: Final = frozenset({"times", "plus", "map", "where"})


# How a pure function becomes a step


def _each(pure: Pure, cause: str) -> Builder:
    """On every member of a list, or on the value itself."""
    return lambda setting: _on_each(pure, cause, setting.scope)


def _on_each(pure: Pure, cause: str, scope: Scope) -> Step:
    warned = scope.warned(cause)

    def step(value: Any, frame: Frame) -> Any:
        if type(value) is not list:
            result = pure(value)
            if result is ABSENT:
                frame.warnings.append(warned)
            return result
        results = [pure(member) for member in value if member is not None]
        if ABSENT in results:
            frame.warnings.append(warned)
            results = [result for result in results if result is not ABSENT]
        return results

    return step


def _of_text(pure: Callable[[str], Any]) -> Pure:
    """For a function of text: numbers and booleans are read as text, anything else is ABSENT."""

    def on_value(value: Any) -> Any:
        if type(value) is str:
            return pure(value)
        text = text_of(value)
        return ABSENT if text is ABSENT else pure(text)

    return on_value


def _text(pure: Callable[[str], Any]) -> Builder:
    return _each(_of_text(pure), "not text")


def _whole(pure: Pure, cause: str) -> Builder:
    """On the value as it is, lists included; no `cause`: an absent result is nothing to warn about."""
    return lambda setting: _on_whole(pure, cause, setting.scope)


def _on_whole(pure: Pure, cause: str, scope: Scope) -> Step:
    warned = scope.warned(cause)

    def step(value: Any, frame: Frame) -> Any:
        result = pure(value)
        if result is ABSENT and cause:
            frame.warnings.append(warned)
        return result

    return step


def _as_text(value: Any) -> Any:
    text = text_of(value)
    return json_of(value) if text is ABSENT else text


def _same(_value: Any, _frame: Frame) -> Any:
    """Stands in for a step whose setting is refused."""
    return ABSENT


# Steps with settings


def _replace(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["replace"], "E151"):
        return _same
    find = reader.text(node.at("find"), "E151", "`find`", at_most=1000) if node.has("find") else None
    put = reader.text(node.at("with"), "E151", "`with`", at_least=0, at_most=200) if node.has("with") else None
    flags = {
        word: bool(node.has(word) and reader.boolean(node.at(word), "E151", f"`{word}`"))
        for word in ("ignore_case", "once")
    }
    if find is None or put is None:
        return _same
    return _on_each(_of_text(steps_text.replacing(find, put, **flags)), "not text", setting.scope)


def _regex(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["regex"], "E151"):
        return _same
    text = reader.text(node.at("pattern"), "E153", "`pattern`") if node.has("pattern") else None
    put = reader.text(node.at("with"), "E151", "`with`", at_least=0, at_most=200) if node.has("with") else None
    if text is None or put is None:
        return _same
    pattern = compile_pattern(text)
    if isinstance(pattern, str):
        reader.error("E153", node.at("pattern"), pattern)
        return _same
    fault = template_fault(pattern, put)
    if fault:
        reader.error("E151", node.at("with"), fault)
        return _same
    return _on_each(_of_text(steps_text.substituting(pattern, put)), "not text", setting.scope)


def _truncate(setting: Setting) -> Step:
    length = setting.reader.whole(setting.node, "E151", "`truncate`", at_least=1, at_most=steps_text.MAX_TEXT)
    return _on_each(_of_text(lambda text: text[:length]), "not text", setting.scope)


def _split(setting: Setting) -> Step:
    separator = setting.reader.text(setting.node, "E151", "`split`", at_most=20)
    return _on_each(_of_text(lambda text: text.split(separator)), "not text", setting.scope)


def _join(setting: Setting) -> Step:
    separator = setting.reader.text(setting.node, "E151", "`join`", at_least=0, at_most=20)
    join = steps_text.joining(separator or "", text_of)
    return _on_whole(lambda value: join(steps_list.members_of(value)), "not a list of texts", setting.scope)


def _round(setting: Setting) -> Step:
    digits = 0
    if not setting.bare:
        digits = setting.reader.whole(setting.node, "E151", "`round`", at_least=0, at_most=15) or 0
    return _on_each(lambda value: steps_list.rounded(value, digits), "not a number", setting.scope)


def _arithmetic(compute: Callable[[Any, Any], Any]) -> Builder:
    def build(setting: Setting) -> Step:
        other = setting.compile_value(setting.node, setting.reader, setting.scope)
        warned = setting.scope.warned("not a number")

        def step(value: Any, frame: Frame) -> Any:
            result = compute(value, other(frame))
            if result is ABSENT:
                frame.warnings.append(warned)
            return result

        return step

    return build


def _with_item(setting: Setting) -> Scope:
    return replace(setting.scope, has_item=True)


def _map(setting: Setting) -> Step:
    reader, scope = setting.reader, _with_item(setting)
    parts = reader.entries(setting.node, "E151", "`map`, a block of fields,") or ()
    pairs = [(part.name, setting.compile_value(part, reader, scope)) for part in parts]

    def of_item(frame: Frame) -> Any:
        return {name: value for name, get in pairs if (value := get(frame)) is not ABSENT} or ABSENT

    return lambda value, frame: [shaped for _, shaped in _over(value, frame, of_item) if shaped is not ABSENT]


def _where(setting: Setting) -> Step:
    holds = compile_condition(setting.node, setting.reader, _with_item(setting))
    return lambda value, frame: [member for member, held in _over(value, frame, holds) if held]


def _over(value: Any, frame: Frame, read: Get) -> list[tuple[Any, Any]]:
    """Each member with what `read` makes of the event while that member is `item`."""
    outer = frame.item, frame.index
    results = []
    for place, member in enumerate(value if type(value) is list else [value]):
        if member is not None:
            frame.item, frame.index = member, place
            results.append((member, read(frame)))
    frame.item, frame.index = outer
    return results


def _globs(setting: Setting, shape: Callable[[Sequence[str]], shaping.Shape]) -> Step:
    globs = read_globs(setting.node, setting.reader, "E151")
    shaped = shape(globs)
    return _on_whole(lambda value: shaping.each_object(value, shaped), "not an object", setting.scope)


def read_globs(node: Node, reader: Reader, code: str) -> Sequence[str]:
    """A list of names, which may be globs and reach inside."""
    parts = reader.members(node, code, "a list of names", at_most=MAX_KEPT) or ()
    texts = [(part, reader.text(part, code, "a name")) for part in parts]
    for part, text in texts:
        if text is not None and shaping.parse_glob(text) is None:
            reader.error(code, part, f"`{text}` is not a name; levels are parted by dots, a name with a dot is quoted")
    return [text for _, text in texts if text is not None]


def read_names(node: Node, reader: Reader, code: str) -> Mapping[str, str]:
    """Old names to new ones."""
    parts = reader.entries(node, code, "a block of `old: new`") or ()
    names = {part.name: text for part in parts if (text := reader.text(part, code, "a name")) is not None}
    for place, part in enumerate(parts):
        earlier = next((other for other in parts[:place] if other.value == part.value), None)
        if earlier is not None and type(part.value) is str:
            reader.error("E164", part, f"`{earlier.name}` and `{part.name}` cannot both become `{part.value}`")
    return names


def _rename(setting: Setting) -> Step:
    names = read_names(setting.node, setting.reader, "E151")
    return _reshaping(lambda fields: shaping.renamed(fields, names), RENAME_CLASH, setting.scope)


def _flatten(setting: Setting) -> Step:
    separator = "_" if setting.bare else read_separator(setting.node, setting.reader, "E151") or "_"
    return _reshaping(lambda fields: shaping.flattened(fields, separator), FLATTEN_CLASH, setting.scope)


def _reshaping(reshape: Callable[[JsonObject], tuple[JsonObject, bool]], clash: str, scope: Scope) -> Step:
    """For a function that answers an object and whether two of its names clashed."""
    warned, failed = scope.warned(clash), scope.warned("not an object")

    def step(value: Any, frame: Frame) -> Any:
        def reshaped(fields: JsonObject) -> JsonObject:
            result, clashed = reshape(fields)
            if clashed:
                frame.warnings.append(warned)
            return result

        result = shaping.each_object(value, reshaped)
        if result is ABSENT:
            frame.warnings.append(failed)
        return result

    return step


def read_separator(node: Node, reader: Reader, code: str) -> str | None:
    """One to three characters."""
    return reader.text(node, code, "a separator", at_most=3)


def _lookup(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if type(node.value) is not dict:
        table = reader.table(node, "E156")
        return _looked_up(_looking_up(table or {}, ABSENT, keep=True))
    reader.block(node, STEP_SETTINGS["lookup"], "E151")
    table = reader.table(node.at("in"), "E156") if node.has("in") else None
    fold = bool(node.has("ignore_case") and reader.boolean(node.at("ignore_case"), "E151", "`ignore_case`"))
    keep, other = True, ABSENT
    if node.has("else"):
        keep, other = _lookup_else(node.at("else"), reader)
    return _looked_up(_looking_up(table or {}, other, keep=keep, fold=fold))


def _lookup_else(node: Node, reader: Reader) -> tuple[bool, Any]:
    """Whether a value without an entry stays, and what it becomes otherwise."""
    if type(node.value) is dict:
        fits = reader.block(node, STEP_SETTINGS["lookupElse"], "E151") and node.has("value")
        return False, node.value["value"] if fits and reader.is_scalar(node.at("value"), "E151", "`value`") else ABSENT
    return reader.choice(node, "E151", ("keep", "omit")) == "keep", ABSENT


def _looking_up(table: Mapping[str, Any], other: Any, *, keep: bool, fold: bool = False) -> Pure:
    entries = {key.lower(): value for key, value in reversed(list(table.items()))} if fold else table

    def look_up(value: Any) -> Any:
        text = value if type(value) is str else text_of(value)
        if text is not ABSENT:
            text = text.lower() if fold else text
            if text in entries:
                return entries[text]
        return value if keep else other

    return look_up


def _looked_up(look_up: Pure) -> Step:
    """A lookup that leaves out on purpose does not warn."""

    def step(value: Any, _frame: Frame) -> Any:
        if type(value) is not list:
            return look_up(value)
        return [result for member in value if member is not None and (result := look_up(member)) is not ABSENT]

    return step


def _hash(setting: Setting) -> Step:
    algorithm = "hmac-sha256"
    if not setting.bare:
        choices = ("hmac-sha256", "sha256", "md5")
        algorithm = setting.reader.choice(setting.node, "E151", choices) or algorithm
    if algorithm != "hmac-sha256":
        return _on_each(_of_text(steps_text.plain_hash(algorithm)), "not text", setting.scope)
    if setting.reader.hash_key is None:
        setting.reader.wants_hash_key.add(setting.node.path)
    return _on_each(_of_text(steps_text.keyed_hash(setting.reader.hash_key or "")), "not text", setting.scope)


def _mask(setting: Setting) -> Step:
    keep = 0
    if (
        not setting.bare
        and setting.reader.block(setting.node, STEP_SETTINGS["mask"], "E151")
        and setting.node.has("keep")
    ):
        keep = setting.reader.whole(setting.node.at("keep"), "E151", "`keep`", at_least=0, at_most=1000) or 0
    return _on_each(_of_text(steps_text.masking(keep)), "not text", setting.scope)


BUILDERS: Final[Mapping[str, Builder]] = MappingProxyType({
    "trim": _text(str.strip),
    "lower": _text(str.lower),
    "upper": _text(str.upper),
    "title": _text(steps_text.title),
    "snake": _text(steps_text.parted("_")),
    "kebab": _text(steps_text.parted("-")),
    "replace": _replace,
    "regex": _regex,
    "truncate": _truncate,
    "split": _split,
    "join": _join,
    "strip_query": _text(steps_text.strip_query),
    "string": _each(_as_text, "nested too deep"),
    "number": _each(number_of, "not a number"),
    "integer": _each(integer_of, "not a whole number"),
    "boolean": _each(boolean_of, "neither true nor false"),
    "date": _each(date_of, "not a date"),
    "json": _whole(json_of, "nested too deep"),
    "parse_json": _each(parsed_json, "not JSON"),
    "round": _round,
    "times": _arithmetic(steps_list.product),
    "plus": _arithmetic(steps_list.added),
    "sum": _whole(steps_list.total, "not a list of numbers"),
    "count": _whole(steps_list.count, ""),
    "first": _whole(steps_list.first, ""),
    "last": _whole(steps_list.last, ""),
    "unique": _whole(steps_list.unique, ""),
    "min": _whole(steps_list.smallest, "not a list of numbers"),
    "max": _whole(steps_list.greatest, "not a list of numbers"),
    "map": _map,
    "where": _where,
    "pick": lambda setting: _globs(setting, shaping.keeping),
    "drop": lambda setting: _globs(setting, shaping.dropping),
    "rename": _rename,
    "flatten": _flatten,
    "lookup": _lookup,
    "hash": _hash,
    "mask": _mask,
})  # fmt: skip
"""How each step of `words.STEPS` is made."""
