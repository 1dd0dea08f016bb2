"""The table of steps. A step that cannot be applied leaves the value out and adds a warning; it never raises.

Steps on text and type are applied to each member of a list. What a step does to one value is in `text_steps`,
`list_steps`, `scalars` and `shaping` of `run`; `step_making` adds lists and warnings, `step_builders` the settings.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from adapter.mapping.compile import finding_steps, lookup, step_builders
from adapter.mapping.compile.node import Node, Scope, kind_of
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.step_making import (
    Builder,
    Setting,
    ValueCompiler,
    each,
    of_each_name,
    of_each_text,
    of_list,
    whole,
)
from adapter.mapping.language.foreign import help_for
from adapter.mapping.language.step_words import STEPS
from adapter.mapping.run import list_steps, naming, shaping, text_steps
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Step
from adapter.mapping.run.scalars import boolean_of, integer_of, json_of, parsed_json, text_of

MAX_STEPS: Final = 20


def compile_steps(node: Node, reader: Reader, scope: Scope, compile_value: ValueCompiler) -> Sequence[Step]:
    """The closures of a list of steps."""
    if type(node.value) is str and node.value in STEPS:
        reader.error("E150", node, f"a list of steps is expected, not '{node.value}'; write `[{node.value}]`")
        return ()
    parts = reader.members(node, "E150", "a list of steps", at_most=MAX_STEPS) or ()
    later = replace(scope, source="")
    built = [_step(part, reader, later if place else scope, compile_value) for place, part in enumerate(parts)]
    return [step for step in built if step is not None]


def steps_of_value(node: Node, reader: Reader, scope: Scope, compile_value: ValueCompiler) -> Sequence[Step]:
    """The closures of the steps of a value. A total of members of which one could not be used is absent, and not that
    of the others.
    """
    steps = compile_steps(node, reader, scope, compile_value)
    # A part that is no step, such as a list, has no name.
    if not steps or len(steps) != len(node.value):
        return steps
    names = [next(iter(part)) if type(part) is dict else part for part in node.value]
    place = max((place for place, name in enumerate(names) if name in _TOTALS), default=0)
    if not place:
        return steps
    causes = tuple(f"`{name}`: " for name in names[:place])
    return [_whole_total(steps[:place], steps[place], causes, replace(scope, step=names[place])), *steps[place + 1 :]]


_TOTALS: Final = frozenset({"sum", "min", "max"})


def _whole_total(before: Sequence[Step], total: Step, causes: tuple[str, ...], scope: Scope) -> Step:
    failed = scope.failed("a member could not be used, so there is no total")

    def step(value: Any, frame: Frame) -> Any:
        heard = len(frame.warnings)
        for each_step in before:
            if value is ABSENT or value is None:
                return value
            value = each_step(value, frame)
        if value is ABSENT or value is None:
            return value
        if any(warned.field == scope.field and warned.cause.startswith(causes) for warned in frame.warnings[heard:]):
            frame.warnings.append(failed)
            return ABSENT
        return total(value, frame)

    return step


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
    setting = replace(setting, scope=replace(scope, step=name))
    facts = STEPS.get(name)
    if facts is None:
        report = reader.error if setting.bare else reader.error_of_key
        report("E152", setting.node, f"`{name}` is not a step{help_for(name, called='a step', known=STEPS)}")
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


_READING_OTHERS: Final = frozenset({
    "times", "divided_by", "plus", "minus", "map", "where", "collect", "since", "sort", "get",
})  # fmt: skip


def _as_text(value: Any) -> Any:
    if type(value) is str:
        return value
    text = text_of(value)
    return json_of(value) if text is ABSENT else text


BUILDERS: Final[Mapping[str, Builder]] = MappingProxyType({
    "trim": of_each_text(text_steps.composed(str.strip)),
    "lower": of_each_text(text_steps.composed(str.lower)),
    "upper": of_each_text(text_steps.composed(str.upper)),
    "title": of_each_text(text_steps.composed(text_steps.title)),
    "snake": of_each_name(naming.snake),
    "kebab": of_each_name(naming.kebab),
    "replace": step_builders.replace_step,
    "regex": step_builders.regex_step,
    "truncate": step_builders.truncate_step,
    "split": step_builders.split_step,
    "join": step_builders.join_step,
    "extract": finding_steps.extract_step,
    "url": finding_steps.url_step,
    "geo": finding_steps.geo_step,
    "user_agent": finding_steps.user_agent_step,
    "strip_query": of_each_text(text_steps.composed(text_steps.strip_query)),
    "string": each(_as_text, "nested too deep"),
    "number": finding_steps.number_step,
    "integer": each(integer_of, "not a whole number"),
    "boolean": each(boolean_of, "neither true nor false"),
    "date": finding_steps.date_step,
    "since": finding_steps.since_step,
    "json": whole(json_of, "nested too deep"),
    "parse_json": each(parsed_json, "not JSON"),
    "round": step_builders.round_step,
    "times": step_builders.arithmetic(list_steps.product),
    "divided_by": step_builders.arithmetic(list_steps.quotient),
    "plus": step_builders.arithmetic(list_steps.added),
    "minus": step_builders.arithmetic(list_steps.difference),
    "sum": of_list(list_steps.total, "not a list of numbers"),
    "count": of_list(list_steps.count, ""),
    "first": of_list(list_steps.first, ""),
    "last": of_list(list_steps.last, ""),
    "unique": of_list(list_steps.unique, ""),
    "min": of_list(list_steps.smallest, "not a list of numbers"),
    "max": of_list(list_steps.greatest, "not a list of numbers"),
    "sort": step_builders.sort_step,
    "map": step_builders.map_step,
    "where": step_builders.where_step,
    "collect": step_builders.collect_step,
    "pick": lambda setting: step_builders.globs_step(setting, shaping.keeping),
    "drop": lambda setting: step_builders.globs_step(setting, shaping.dropping),
    "only": lambda setting: step_builders.globs_step(setting, shaping.keeping),
    "except": lambda setting: step_builders.globs_step(setting, shaping.dropping),
    "get": finding_steps.get_step,
    "keys": whole(list_steps.names_of, "not an object"),
    "rename": step_builders.rename_step,
    "flatten": step_builders.flatten_step,
    "lookup": lookup.lookup_step,
    "hash": step_builders.hash_step,
    "mask": step_builders.mask_step,
})  # fmt: skip
"""How each step of `words.STEPS` is made."""
