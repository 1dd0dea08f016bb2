"""Conditions: which events a rule, call or value applies to.

Lines of one block are ANDed; `any`, `all` and `not` nest. A check of a missing field is false, and `not` is the exact
complement. Text, numbers and booleans are never equal to each other.
"""

from collections.abc import Sequence
from datetime import timedelta

from adapter.files.finding import did_you_mean
from adapter.mapping.compile.checks import compile_check
from adapter.mapping.compile.node import Node, Scope
from adapter.mapping.compile.reader import Reader
from adapter.mapping.language.foreign import FOREIGN
from adapter.mapping.language.words import AGE, CHECK, JOINED, SCALAR_ROOTS
from adapter.mapping.run.frame import Frame, Holds
from adapter.wire.durations import duration_s


def compile_condition(node: Node, reader: Reader, scope: Scope) -> Holds:
    """The closure that evaluates the condition; always false if the condition is refused."""
    if type(node.value) is list:
        remedy = "write `not: {any: […]}`" if node.path[-1] == "not" else "write the lines without `-`, or `any:` above"
        found = f"a condition, a block of lines `path: check`, is expected, not a list; {remedy}"
        reader.error("E131", node, found)
        return lambda _frame: False
    lines = reader.entries(node, "E135" if node.value == {} else "E131", "a condition, a block of lines `path: check`,")
    return _all_of([_line(line, reader, scope) for line in lines or ()])


def compile_rest(node: Node, pinned: Sequence[str], reader: Reader, scope: Scope) -> Holds | None:
    """The condition without the lines `pinned`, which dispatch evaluates; None if no line is left."""
    lines = [line for line in node.members() if line.name not in pinned]
    return _all_of([_line(line, reader, scope) for line in lines]) if lines else None


def _line(node: Node, reader: Reader, scope: Scope) -> Holds:
    if node.name == "not":
        inner = compile_condition(node, reader, scope)
        return lambda frame: not inner(frame)
    if node.name == "age":
        return _age(node, reader)
    if node.name in JOINED.words:
        parts = reader.members(node, "E131", f"`{node.name}`, a list of conditions,") or ()
        conditions = [compile_condition(part, reader, scope) for part in parts]
        return _any_of(conditions) if node.name == "any" else _all_of(conditions)
    remedy = FOREIGN[JOINED.called].get(node.name)
    if remedy is not None:
        reader.error_of_key(JOINED.unknown, node, f"`{node.name}` is not a word of a condition; write {remedy}")
        return lambda _frame: False
    path = reader.path_in(node.name, node, scope, of_key=True)
    if path is not None and type(node.value) is dict and node.value and not node.value.keys() & CHECK.words.keys():
        below = next(iter(node.value))
        if (
            path.root not in SCALAR_ROOTS
            and below not in FOREIGN[CHECK.called]
            and not did_you_mean(below, CHECK.words)
        ):
            message = f"`{below}` is not a word of a check; the field below is written `{node.name}.{below}: …`"
            reader.error_of_key(CHECK.unknown, node.at(below), message)
            return lambda _frame: False
    folds = reader.folds_names and path is not None and path.is_event_name
    of_members = path is not None and path.many
    get, fits = reader.getter(path), compile_check(node, reader, folds=folds, of_members=of_members)
    return lambda frame: fits(get(frame))


def _age(node: Node, reader: Reader) -> Holds:
    """Whether an event is older than this at its receipt, so that the result does not depend on the time of
    evaluation.
    """
    if reader.block(node, AGE, "E131") and node.has("over"):
        over = node.at("over")
        text = reader.text(over, "E131", "`over`, a duration,")
        try:
            limit = timedelta(seconds=duration_s(text or "1s"))
        except (ValueError, OverflowError) as cause:
            reader.error("E131", over, str(cause))
        else:
            return lambda frame: frame.event.received_at - frame.event.timestamp > limit
    return lambda _frame: False


def _all_of(conditions: Sequence[Holds]) -> Holds:
    if not conditions:
        return lambda _frame: False
    if len(conditions) == 1:
        return conditions[0]
    if len(conditions) == 2:
        first, second = conditions
        return lambda frame: first(frame) and second(frame)

    def holds(frame: Frame) -> bool:
        for condition in conditions:  # noqa: SIM110 - a generator costs more than the loop
            if not condition(frame):
                return False
        return True

    return holds


def _any_of(conditions: Sequence[Holds]) -> Holds:
    def holds(frame: Frame) -> bool:
        for condition in conditions:  # noqa: SIM110 - a generator costs more than the loop
            if condition(frame):
                return True
        return False

    return holds
