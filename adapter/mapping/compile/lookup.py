"""The step `lookup`: the entry of a table for a value."""

from collections.abc import Callable, Mapping
from typing import Any

from adapter.files.finding import did_you_mean, nearest
from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.step_making import Pure, Setting, refused
from adapter.mapping.language.step_settings import STEP_SETTINGS
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Step
from adapter.mapping.run.naming import fold
from adapter.mapping.run.scalars import same, text_of


def lookup_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    is_block = type(node.value) is dict
    if is_block and not any(word in STEP_SETTINGS["lookup"].words for word in node.value):
        reader.error("E151", node, "a table is a block of `tables`; here stands its name: `{lookup: names}`")
        return refused
    if is_block:
        reader.block(node, STEP_SETTINGS["lookup"], "E151")
    named = node.at("in") if is_block and node.has("in") else None if is_block else node
    table = (reader.table(named, "E156") if named is not None else None) or {}
    spell: Callable[[str], str] | None = None
    if node.has("ignore_case") and reader.boolean(node.at("ignore_case"), "E151", "`ignore_case`"):
        spell = str.lower
    if setting.reader.folds_names and setting.scope.source == "event":
        spell = fold
        if table and named is not None:
            _note_one_name(Node(table, ("tables", named.value)), reader)
    column = reader.text(node.at("get"), "E151", "`get`, the name of a column,") if node.has("get") else None
    if column is not None:
        if table and not any(type(row) is dict and column in row for row in table.values()):
            if not any(type(row) is dict for row in table.values()):
                reader.error(
                    "E156", node.at("get"), "the table has no rows, but a constant for each key: leave `get` out"
                )
                return refused
            columns = {name for row in table.values() if type(row) is dict for name in row}
            reader.error("E156", node.at("get"), f"no row has a column `{column}`{did_you_mean(column, columns)}")
        table = {key: row[column] for key, row in table.items() if type(row) is dict and column in row}
    keep, other = _lookup_else(node.at("else"), reader) if node.has("else") else (True, ABSENT)
    return _looked_up(_looking_up(table, other, keep=keep, spell=spell))


def _note_one_name(table: Node, reader: Reader) -> None:
    """An error for each key that is the same name as an earlier one with another entry."""
    seen: dict[str, Node] = {}
    for entry in table.members():
        earlier = seen.setdefault(fold(entry.name), entry)
        if not same(earlier.value, entry.value):
            message = f"`{earlier.name}` and `{entry.name}` are one name where names are `folded`; give both one value"
            reader.error_of_key("E157", entry, message)


def _lookup_else(node: Node, reader: Reader) -> tuple[bool, Any]:
    """Whether a value without an entry stays, and its replacement if not."""
    if type(node.value) is dict:
        fits = reader.block(node, STEP_SETTINGS["lookupElse"], "E151") and node.has("value")
        return False, node.value["value"] if fits and reader.is_scalar(node.at("value"), "E151", "`value`") else ABSENT
    if node.value in ("keep", "omit"):
        return node.value == "keep", ABSENT
    meant = nearest(node.value, ("keep", "omit")) if type(node.value) is str else None
    if meant is not None:
        message = f"`else: {node.value}` is near to `{meant}`; if it is a constant write {{value: {node.value}}}"
        reader.error("E151", node, message)
    return False, node.value if reader.is_scalar(node, "E151", "`else`, keep, omit or a constant,") else ABSENT


def _looking_up(table: Mapping[str, Any], other: Any, *, keep: bool, spell: Callable[[str], str] | None) -> Pure:
    entries = table if spell is None else {spell(key): value for key, value in reversed(list(table.items()))}

    def look_up(value: Any) -> Any:
        key = value if type(value) is str else text_of(value)
        if key is not ABSENT:
            key = spell(key) if spell is not None else key
            if key in entries:
                return entries[key]
        return value if keep else other

    return look_up


def _looked_up(look_up: Pure) -> Step:
    """The step on a value or each member of a list. What it leaves out is left out on purpose, so without a warning."""

    def step(value: Any, _frame: Frame) -> Any:
        if type(value) is not list:
            return look_up(value)
        return [result for member in value if member is not None and (result := look_up(member)) is not ABSENT]

    return step
