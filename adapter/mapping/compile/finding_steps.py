"""The steps that find something in a value, or nothing: `url`, `extract`, `get`, `keys`; and those on dates."""

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo

from adapter.mapping.compile.extras import has_places, has_user_agents
from adapter.mapping.compile.node import Node
from adapter.mapping.compile.reader import Reader
from adapter.mapping.compile.step_making import NOT_A_NUMBER, NOT_TEXT, Setting, looking_for, on_each, refused
from adapter.mapping.language.paths import EventPath, parse_path
from adapter.mapping.language.step_settings import STEP_SETTINGS
from adapter.mapping.run import amounts, dates, list_steps, places, text_steps, urls, user_agents
from adapter.mapping.run.absent import ABSENT
from adapter.mapping.run.frame import Frame, Step, constant
from adapter.mapping.run.listing import shape_of
from adapter.mapping.run.pattern import compile_pattern
from adapter.mapping.run.scalars import date_of, number_of

NOT_A_DATE: Final = "not a date"
NOT_WRITTEN_SO: Final = "not a number with these separators"


def url_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if type(node.value) is dict:
        if not reader.block(node, STEP_SETTINGS["url"], "E151") or not node.has("query"):
            return refused
        if type(node.value["query"]) is list:
            reader.error("E151", node.at("query"), "`query` is one parameter; for several write `first` of values")
            return refused
        name = reader.text(node.at("query"), "E151", "`query`, the name of a parameter,", at_most=200)
        find = urls.parameter(name or "")
    else:
        find = urls.part_of(reader.choice(node, "E151", urls.PARTS) or "host")
    return looking_for(find, lambda value: type(value) is str and urls.is_readable(value), "not a URL", setting.scope)


def number_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if setting.bare:
        return on_each(number_of, NOT_A_NUMBER, setting.scope)
    if not reader.block(node, STEP_SETTINGS["number"], "E151"):
        return refused
    decimal = _sign(node, reader, "decimal", amounts.DECIMALS, "`.` or `,`") or "."
    thousands = _sign(node, reader, "thousands", amounts.THOUSANDS, "`,`, `.`, a space or `'`")
    if thousands == decimal:
        reader.error(
            "E151", node, f"`decimal` and `thousands` are both `{decimal}`; `decimal` is `.` unless it is named"
        )
        return refused
    return on_each(amounts.amount_reader(decimal=decimal, thousands=thousands), NOT_WRITTEN_SO, setting.scope)


def _sign(node: Node, reader: Reader, word: str, signs: Sequence[str], written: str) -> str | None:
    """The separator behind `word`; None where there is none, or where it is refused."""
    if not node.has(word):
        return None
    value = node.at(word).value
    if value in signs:
        return str(value)
    reader.error("E151", node.at(word), f"`{word}` is {written}")
    return None


def user_agent_step(setting: Setting) -> Step:
    part = setting.reader.choice(setting.node, "E151", user_agents.PARTS)
    if part is None or not has_user_agents(setting.node, setting.reader):
        return refused
    return looking_for(user_agents.part_of(part), lambda value: type(value) is str, NOT_TEXT, setting.scope)


def geo_step(setting: Setting) -> Step:
    part = setting.reader.choice(setting.node, "E151", places.PARTS)
    if part is None or not has_places(setting.node, setting.reader):
        return refused
    scope = setting.scope

    def step(value: Any, frame: Frame) -> Any:
        def find(address: str) -> Any:
            return frame.locate(address.strip()).get(part, ABSENT) if len(address) <= _MAX_ADDRESS else ABSENT

        return looking_for(find, lambda found: type(found) is str, NOT_TEXT, scope)(value, frame)

    return step


_MAX_ADDRESS: Final = 60


def extract_step(setting: Setting) -> Step:
    written = setting.reader.text(setting.node, "E153", "`extract`, a regular expression,")
    pattern = compile_pattern(written) if written is not None else ""
    if isinstance(pattern, str):
        if written is not None:
            setting.reader.error("E153", setting.node, pattern)
        return refused
    return looking_for(text_steps.extracting(pattern), lambda value: type(value) is str, NOT_TEXT, setting.scope)


def get_step(setting: Setting) -> Step:
    node = setting.node
    if type(node.value) in {str, int}:
        name = constant(node.value)
    elif type(node.value) is dict:
        name = setting.compile_value(node, setting.reader, setting.scope)
    else:
        setting.reader.error(
            "E151", node, "`get` has a name, a place in a list (from 0, -1 the last), or a value block"
        )
        return refused

    def step(value: Any, frame: Frame) -> Any:
        if type(value) not in {dict, list}:
            frame.warnings.append(setting.scope.failed(f"{shape_of(value)} is neither an object nor a list"))
            return ABSENT
        return list_steps.member_of(value, name(frame))

    return step


def date_step(setting: Setting) -> Step:
    if setting.bare:
        return on_each(date_of, NOT_A_DATE, setting.scope)
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["date"], "E151"):
        return refused
    if node.has("zone") and not node.has("as") and not node.has("from"):
        reader.error_of_key(
            "E151", node.at("zone"), "`zone` is for `as` and `from`; without them a date is written in UTC"
        )
        return refused
    zone = _zone(node, reader)
    as_, from_ = (
        _format(node, word, letters, reader) for word, letters in (("as", dates.WRITTEN), ("from", dates.READ))
    )
    read, write = dates.reading(from_, zone), dates.writing(as_, zone)

    def dated(value: Any) -> Any:
        found = read(value)
        try:
            return ABSENT if found is None else write(found)
        except (OverflowError, ValueError):  # a year before 1 or after 9999 in that zone
            return ABSENT

    return on_each(dated, NOT_A_DATE, setting.scope)


def _zone(node: Node, reader: Reader) -> tzinfo:
    if not node.has("zone"):
        return UTC
    name = reader.text(node.at("zone"), "E151", "`zone`", at_most=100)
    try:
        return UTC if name is None else ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        is_path = isinstance(parse_path(name or ""), EventPath)
        message = f"no time zone `{name}`; zones are written as in Europe/Berlin, America/New_York or UTC"
        message += "; a zone is a constant, and not a path" if is_path else ""
        reader.error("E151", node.at("zone"), message)
        return UTC


def _format(node: Node, word: str, letters: str, reader: Reader) -> str | None:
    if not node.has(word):
        return None
    written = reader.text(node.at(word), "E151", f"`{word}`, a format,", at_most=dates.MAX_FORMAT)
    if written is None or (word == "as" and written in dates.EPOCHS):
        return written
    odd = dates.unknown_letter(written, allowed=letters)
    missing = dates.missing_part(written) if word == "from" and odd is None and "%" in written else None
    if missing is not None:
        reader.error("E151", node.at(word), f"`from` cannot be read as a date: {missing}")
        return None
    if odd is None and "%" in written:
        return written
    translated = dates.from_tokens(written)
    if odd is None and translated != written and dates.unknown_letter(translated, allowed=letters) is None:
        reader.error("E151", node.at(word), f"`{word}` is a format with %; write `{translated}`")
        return None
    found = f"`{odd}`" if odd is not None else f"`{written}`, which has none"
    known = ", ".join(f"%{letter}" for letter in letters)
    reader.error("E151", node.at(word), f"`{word}` is a format of {known}{_epochs(word)}; here is {found}")
    return None


def _epochs(word: str) -> str:
    return f", or one of {', '.join(dates.EPOCHS)}" if word == "as" else ""


def since_step(setting: Setting) -> Step:
    node, reader = setting.node, setting.reader
    if not reader.block(node, STEP_SETTINGS["since"], "E151"):
        return refused
    unit = (reader.choice(node.at("in"), "E151", tuple(dates.SECONDS)) if node.has("in") else None) or "days"
    start_of = setting.compile_value(Node({"from": node.value.get("from")}, node.path), reader, setting.scope)

    def step(value: Any, frame: Frame) -> Any:
        start = start_of(frame)
        if start is ABSENT or start is None:
            return ABSENT
        begin, end = dates.instant_of(start), dates.instant_of(value)
        for read, odd in ((begin, start), (end, value)):
            if read is ABSENT:
                frame.warnings.append(setting.scope.failed(f"{shape_of(odd)} is {NOT_A_DATE}"))
                return ABSENT
        return dates.time_between(begin, end, unit) if isinstance(begin, datetime) else ABSENT

    return step
