"""Compiles a document to a ruleset: reads every part of the file once, with every check that needs no schema."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from adapter.files.document import Document
from adapter.mapping.compile.call_fields import Defaults
from adapter.mapping.compile.calls import compile_call
from adapter.mapping.compile.compiled import Compiled
from adapter.mapping.compile.conditions import compile_condition, compile_rest
from adapter.mapping.compile.derived import compile_derived
from adapter.mapping.compile.field_names import read_separator
from adapter.mapping.compile.filetests import check_tests
from adapter.mapping.compile.near_misses import near_misses
from adapter.mapping.compile.node import Node, Scope, kind_of
from adapter.mapping.compile.pins import pinned_by
from adapter.mapping.compile.preparing import compile_prepare
from adapter.mapping.compile.privacy import compile_guards
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.table_files import ReadTable, unreadable
from adapter.mapping.compile.values import compile_fields, compile_value
from adapter.mapping.language.words import CALL, FILE, RULE, SAMPLE, SETTINGS, VERSION
from adapter.mapping.run.actions import RuleAction, calling, dropping, rejecting, sampling
from adapter.mapping.run.call_block import CallBlock
from adapter.mapping.run.guarding import Guard, GuardMessage
from adapter.mapping.run.ruleset import FileFacts, Rule, Ruleset, SourceOptions
from adapter.model import JsonObject
from adapter.wire.ids import NO_IDS

MAX_RULES: Final = 5_000
MAX_CALL_BLOCKS: Final = 100
MAX_CALLS: Final = 5_000
"""The largest `max_calls`: at 10 calls a second, one event may delay its user by 8 minutes."""
USUAL_MAX_CALLS: Final = 500
_USUAL: Final = SourceOptions()
_ACTIONS: Final = ("drop", "reject", "track", "identify", "send")
_MATCHING: Final = frozenset({"name", "when", "sample"})


def compile_document(
    document: Document,
    *,
    hash_key: str | None,
    variables: JsonObject | None = None,
    source: SourceOptions = _USUAL,
    read_table: ReadTable = unreadable,
) -> Compiled:
    """Compile a document whose YAML was read, for a source with these settings; `variables` override its `vars`, and
    `read_table` reads the files of its tables.
    """
    reader = Reader(
        document,
        variables=variables,
        hash_key=hash_key,
        no_ids=source.no_ids,
        read_table=read_table,
        has_places=source.locate is not None,
    )
    root = Node(document.data, ())
    rules: Sequence[Rule] = ()
    guards: Sequence[Guard] = ()
    prepared: Sequence[GuardMessage] = ()
    integration = None
    if reader.block(root, FILE, "E105"):
        _version(root, reader)
        if root.has("derived"):
            compile_derived(root.at("derived"), reader, skips_blanks=_omits_blanks(root))
        settings = _Settings.read(root, reader)
        _constants(root, reader)
        integration = settings.integration
        guards = compile_guards(root.at("privacy"), reader) if root.has("privacy") else ()
        prepared = compile_prepare(root.at("prepare"), reader) if root.has("prepare") else ()
        rules = _rules(root.at("rules"), reader, settings) if root.has("rules") else ()
        check_tests(root, reader)
    ruleset = Ruleset(
        version=version_of(document.data, reader.variables, settings=[*_changed(source), *_in_files(reader)]),
        rules=rules,
        guards=guards,
        prepared=prepared,
        facts=FileFacts(integration, reader.folds_names, tuple(sorted(set(reader.table_files.values())))),
        source=source,
    )
    return Compiled.of(ruleset, reader)


def version_of(data: Any, variables: Mapping[str, Any], *, settings: Sequence[Any] = ()) -> str:
    """12 hexadecimal digits of what the mapping does: layout, comments and tests do not count."""
    parts = {word: part for word, part in data.items() if word != "tests"} if type(data) is dict else data
    canonical = json.dumps([parts, variables, *settings], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _changed(source: SourceOptions) -> Sequence[Any]:
    """The settings of a source, besides `vars`, that change the result; empty if they have their defaults."""
    if source.no_ids == NO_IDS and source.max_age_s is None:
        return ()
    return ({"no_ids": sorted(source.no_ids), "max_age_s": source.max_age_s},)


def _version(root: Node, reader: Reader) -> None:
    if root.has("version") and (type(root.value["version"]) is not int or root.value["version"] != VERSION):
        found = kind_of(root.value["version"])
        reader.error("E106", root.at("version"), f"this release reads `version: {VERSION}`, not {found}")


def _constants(root: Node, reader: Reader) -> None:
    """`vars`, `tables` and `shared`: checked here, used or not."""
    for part in _blocks(root, "vars", reader):
        reader.is_scalar(part, "E105", "each of `vars`", instead=_LISTS)
    for table in _blocks(root, "tables", reader):
        for entry in () if table.name in reader.table_files else _entries(table, reader):
            columns = reader.entries(entry, "E105", "a row") or () if type(entry.value) is dict else (entry,)
            for column in columns:
                reader.is_scalar(column, "E105", "an entry of a table", instead=_ENTRIES)
    for shared in _blocks(root, "shared", reader):
        # Whether there is an `item` depends on the call that uses the block; it is checked again there.
        compile_fields(shared, reader, Scope(has_item=True), code="E105")


def _omits_blanks(root: Node) -> bool:
    """Whether `settings` has `blanks: omit`. Read before the rest of `settings`, which may read derived values."""
    return root.has("settings") and root.at("settings").has("blanks") and root.value["settings"]["blanks"] == "omit"


def _entries(table: Node, reader: Reader) -> Sequence[Node]:
    if type(table.value) is list:
        reader.error("E105", table, f"a table `text: constant` is expected, not a list; {_LISTS}")
        return ()
    return reader.entries(table, "E105", "a table `text: constant`") or ()


_ENTRIES: Final = 'write the members as text, "a, b", and read them with the step `split`'
_LISTS: Final = "a list is written where it is used, `in: [a, b]`, or as the keys of a table, `a: true`"


def _in_files(reader: Reader) -> Sequence[Any]:
    """The tables in files: a change of their content is another version of the mapping."""
    found = {name: reader.tables[name] for name in reader.table_files}
    return [found] if found else []


def _blocks(root: Node, word: str, reader: Reader) -> Sequence[Node]:
    if not root.has(word):
        return ()
    return reader.entries(root.at(word), "E105", f"`{word}`, a block of names,") or ()


@dataclass(frozen=True, slots=True)
class _Settings:
    defaults: Defaults
    max_calls: int
    integration: str | None

    @classmethod
    def read(cls, root: Node, reader: Reader) -> "_Settings":
        """The `settings` of a file, or the defaults."""
        node = root.at("settings") if root.has("settings") else Node({}, ("settings",))
        nulls, blanks, lists, separator, max_calls, integration = "omit", "keep", "keep", None, USUAL_MAX_CALLS, None
        if reader.block(node, SETTINGS, "E105"):
            if node.has("nulls"):
                nulls = reader.choice(node.at("nulls"), "E105", ("omit", "keep")) or nulls
            if node.has("blanks"):
                blanks = reader.choice(node.at("blanks"), "E105", ("omit", "keep")) or blanks
            if node.has("lists"):
                lists = reader.choice(node.at("lists"), "E105", ("keep", "text")) or lists
            if node.has("flatten") and node.value["flatten"] is not False:
                separator = read_separator(node.at("flatten"), reader, "E105")
            if node.has("max_calls"):
                limit = reader.whole(node.at("max_calls"), "E105", "`max_calls`", at_least=1, at_most=MAX_CALLS)
                max_calls = limit or max_calls
            for word in ("userId", "anonymousId"):
                if node.has(word):
                    # Each call reads it again, with warnings that name its rule; here it is only checked.
                    compile_value(node.at(word), reader, Scope().of_field(node.at(word).path))
            if node.has("names"):
                reader.choice(node.at("names"), "E105", ("exact", "folded"))
            if node.has("integration"):
                integration = reader.text(node.at("integration"), "E105", "`integration`", at_most=100)
        defaults = Defaults(
            keep_nulls=nulls == "keep",
            keep_blanks=blanks == "keep",
            separator=separator,
            lists_as_text=lists == "text",
            settings=node,
        )
        return cls(defaults, max_calls, integration)


def _rules(node: Node, reader: Reader, settings: _Settings) -> Sequence[Rule]:
    parts = reader.members(node, "E105", "`rules`, a list of rules,", at_most=MAX_RULES) or ()
    return [_rule(part, number, reader, settings) for number, part in enumerate(parts, 1)]


def _rule(node: Node, number: int, reader: Reader, settings: _Settings) -> Rule:
    name = f"rule {number}"
    line = reader.document.mark_of(node.path).line
    if not reader.block(node, RULE, "E105"):
        return Rule(number, name, line, None, None, None, None, dropping(name, text=name))
    if node.has("name"):
        name = reader.text(node.at("name"), "E105", "`name`", at_most=200) or name
    defaults = settings.defaults
    scope = Scope(rule=name, keep_nulls=defaults.keep_nulls, skips_blanks=not defaults.keep_blanks)
    act = _action(node, reader, scope, settings)
    if node.has("sample"):
        act = _sampled(node.at("sample"), reader, scope, act)
    if not node.has("when"):
        return Rule(number, name, line, None, None, None, None, act)
    when = node.at("when")
    holds = compile_condition(when, reader, scope)
    pinned = pinned_by(when.value, reader.tables)
    if type(when.value) is dict and when.value:
        answered = [word for word, pins in (("type", pinned.types), ("event", pinned.events)) if pins is not None]
        rest = compile_rest(when, answered, reader, scope)
        near = near_misses(when, reader)
        return Rule(number, name, line, pinned.types, pinned.events, pinned.affixes, rest, act, near)
    return Rule(number, name, line, None, None, None, holds, act)


def _sampled(node: Node, reader: Reader, scope: Scope, act: RuleAction) -> RuleAction:
    if type(node.value) is not dict:
        return sampling(scope.rule, _share(node, reader), act)
    if not reader.block(node, SAMPLE, "E105") or not node.has("share") or not node.has("by"):
        return act
    by = compile_value(node.at("by"), reader, scope.of_field((*node.path, "by")))
    return sampling(scope.rule, _share(node.at("share"), reader), act, by=by)


def _share(node: Node, reader: Reader) -> float:
    if type(node.value) not in {int, float} or not 0 < node.value <= 1:
        remedy = "; a tenth is 0.1"
        reader.error("E105", node, f"`sample` is a number above 0, at most 1, not {kind_of(node.value)}{remedy}")
        return 1
    return float(node.value)


def _action(node: Node, reader: Reader, scope: Scope, settings: _Settings) -> RuleAction:
    actions = [word for word in _ACTIONS if node.has(word)]
    # A misspelt `track` is reported as an unknown word, which is clearer than a rule that does nothing.
    misspelt = not actions and any(word not in RULE.words for word in node.value)
    if len(actions) != 1 and not misspelt:
        found = f"does {', '.join(actions)}" if actions else "does nothing"
        reader.error(
            "E107", node, f"a rule does exactly one thing (drop, reject, track, identify or send); this one {found}"
        )
    if actions in (["drop"], ["reject"], ["send"]):
        for word in node.value:
            if word in RULE.words and word not in _MATCHING and word not in _ACTIONS:
                message = f"`{word}` belongs to a call; this rule does {actions[0]}"
                reader.error_of_key("E107", node.at(word), message)
    if node.has("drop"):
        return dropping(scope.rule, text=_reason(node.at("drop"), reader, scope))
    if node.has("reject"):
        text = reader.text(node.at("reject"), "E105", "`reject`, the reason,", at_most=200)
        return rejecting(scope.rule, text=text or scope.rule)
    if node.has("send"):
        blocks = _send(node.at("send"), reader, scope, settings)
    elif actions:
        blocks = [compile_call(node, reader, scope, settings.defaults, when=None)]
    else:
        blocks = []
    return calling(scope.rule, blocks, max_calls=settings.max_calls)


def _reason(node: Node, reader: Reader, scope: Scope) -> str:
    if node.value is True:
        return scope.rule
    if node.value is False or node.value is None:
        reader.error(
            "E105", node, f"`drop` is true or a reason, not {kind_of(node.value)}; without it nothing is dropped"
        )
        return scope.rule
    return reader.text(node, "E105", "a reason to drop", at_most=200) or scope.rule


def _send(node: Node, reader: Reader, scope: Scope, settings: _Settings) -> Sequence[CallBlock]:
    parts = reader.members(node, "E163", "`send`, a list of calls,", at_most=MAX_CALL_BLOCKS) or ()
    return [
        compile_call(part, reader, scope, settings.defaults, when=part.at("when") if part.has("when") else None)
        for part in parts
        if reader.block(part, CALL, "E163")
    ]
