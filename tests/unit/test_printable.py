"""Nothing from outside commands a terminal, starts a line, reorders text or hides in it."""

import json
import logging
import unicodedata
from typing import Any

import pytest
import yaml
from msgspec.structs import fields

from adapter.model import Reason, WarningKind
from adapter.observe.catalog import CATALOG
from adapter.observe.delivery_telemetry import EventDied
from adapter.observe.ingest_telemetry import MessageRejected
from adapter.observe.observer import Observer, configure_logging
from adapter.observe.service_telemetry import MappingFailed
from adapter.observe.telemetry import Telemetry
from adapter.printable import escape_unprintable, printable, printable_lines
from tests.fakes import FakeClock

CONTROL = [*map(chr, range(0x09)), *map(chr, range(0x0A, 0x20)), *map(chr, range(0x7F, 0xA0))]
DIRECTION = [chr(code) for code in (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))]
HIDDEN = list("\u2028\u2029\u200b\u2060\u2064\ufeff\u00ad\u034f\u115f\u3164\uffa0\ufff9\ud800\udfff\ufffe")
TAGS = [chr(code) for code in (0xE0001, 0xE0041, 0xE007F, 0xE0100, 0xE01EF)]
HOSTILE = [*CONTROL, *DIRECTION, *HIDDEN, *TAGS]
WORDS = [
    "Order Completed",
    "ऑर्डर पूरा हुआ",
    "สั่งซื้อสำเร็จ",
    "می\u200cخواهم",
    "👩\u200d👩\u200d👧 ❤️\u200d🔥 1️⃣",
    "שלום",
    "café\tnoir",
]


pytestmark = pytest.mark.usefixtures("logging_as_it_was")


@pytest.mark.parametrize("character", HOSTILE, ids=lambda character: f"U+{ord(character):04X}")
def test_each_is_replaced_at_its_place(character: str) -> None:
    """The length stays, so that a caret below a line stands where it should."""
    assert printable(f"a{character}b") == "a\ufffdb"
    if character != "\n":
        assert printable_lines(f"a{character}b") == "a\ufffdb"


@pytest.mark.parametrize("text", WORDS)
def test_words_of_any_script_stay(text: str) -> None:
    """Joiners and variation selectors are part of words and of emoji."""
    assert printable(text) == text


@pytest.mark.parametrize("text", ["ad\u200dmin", "a\u200c", "\u200db", "क\u200d\u200d\u200cष", "x\ufe00\ufe01\ufe02"])
def test_what_hides_between_letters_is_shown(text: str) -> None:
    """A joiner joins letters of scripts that need it; alone, in a row or in ASCII it is hidden text."""
    assert "\ufffd" in printable(text)


def test_unicode_knows_no_other_mark_of_direction() -> None:
    """Whatever Unicode calls a format character is replaced, but for the joiners and signs that are seen."""
    kept = [chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) == "Cf"]
    kept = [character for character in kept if printable(f"a{character}b") == f"a{character}b"]
    assert all(unicodedata.bidirectional(character) in {"AN", "AL", "L", "BN", "ON"} for character in kept)
    assert not set(kept) & {*DIRECTION, *HIDDEN, *TAGS}


@pytest.mark.parametrize("character", [*DIRECTION, *TAGS, "\u2028", "\ufeff", "\x7f", "\x9b"])
def test_json_keeps_its_value(character: str) -> None:
    """Machines read what was there, and a terminal shows an escape."""
    escaped = escape_unprintable(json.dumps({"a": f"x{character}y"}, ensure_ascii=False))
    assert character not in escaped
    assert json.loads(escaped) == {"a": f"x{character}y"}
    assert (
        yaml.safe_load(escape_unprintable(f'"{character}"', escape=lambda found: f"\\U{ord(found):08x}")) == character
    )


def hostile(kind: type[Telemetry]) -> Telemetry:
    """A telemetry of `kind` with hostile text in each field that is a text."""
    text = "m\n\x1b[2J\u202eevil\u2066\u2028x\x9b=1 'q'"
    given: dict[str, Any] = {}
    for field in fields(kind):
        name = str(field.type)
        if field.name == "traceparent":
            given[field.name] = None
        elif "Reason" in name:
            given[field.name] = Reason.REFUSED
        elif "WarningKind" in name:
            given[field.name] = next(iter(WarningKind))
        elif "int" in name or "float" in name:
            given[field.name] = 1
        else:
            given[field.name] = text
    return kind(**given)


@pytest.mark.parametrize("kind", CATALOG, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_log_line_has_such_a_character(
    kind: type[Telemetry], log_format: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every telemetry, hostile in every field: one line, and no character that a terminal obeys."""
    configure_logging(log_format=log_format, level=logging.DEBUG)
    Observer().emit(hostile(kind))
    said = capsys.readouterr().err
    assert said == printable_lines(said)
    is_one_line = log_format == "json" or not kind.multiline
    assert said.count("\n") == 1 or not is_one_line
    assert "<Reason" not in said
    assert "<WarningKind" not in said
    assert "None" not in said


def test_half_a_pair_is_logged(capsys: pytest.CaptureFixture[str]) -> None:
    """A name of a file that is no UTF-8 does not cost the line."""
    configure_logging(log_format="json")
    Observer().emit(MappingFailed(file="a\udcff.yaml", problems="p"))
    assert json.loads(capsys.readouterr().err)["file"] == "a\udcff.yaml"


def test_text_has_no_python_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    """A reason is its word, what is not there is left out, and quotation marks are those of JSON."""
    configure_logging(log_format="text")
    Observer().emit(MessageRejected(source="shop", reason=Reason.SCHEMA, message_id=None, problems="it's `a` = b"))
    (line,) = capsys.readouterr().err.splitlines()
    assert f"reason={Reason.SCHEMA.value}" in line
    assert "message_id" not in line
    assert 'problems="it\'s `a` = b"' in line


def test_events_that_die_do_not_fill_the_log(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a minute for each source and reason; another source and another reason have lines of their own."""
    configure_logging(log_format="json")
    clock = FakeClock()
    observer = Observer(now=clock)
    for place in range(500):
        observer.emit(EventDied("loud", Reason.REFUSED, f"m-{place}", "abc"))
    observer.emit(EventDied("quiet", Reason.REFUSED, "m", "abc"))
    observer.emit(EventDied("loud", Reason.EXHAUSTED, "m", "abc"))
    clock.advance(61.0)
    observer.emit(EventDied("loud", Reason.REFUSED, "last", "abc"))
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["source"], line["message_id"], line.get("suppressed")) for line in lines] == [
        ("loud", "m-0", None),
        ("quiet", "m", None),
        ("loud", "m", None),
        ("loud", "last", 499),
    ]
    counted = [
        sample.value
        for metric in observer.registry.collect()
        for sample in metric.samples
        if sample.name == "browsee_adapter_events_dead_total"
        and sample.labels == {"source": "loud", "reason": "refused"}
    ]
    assert counted == [501.0]


def test_at_debug_every_dead_event_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    """In the sandbox the user sees the outcome of each event."""
    configure_logging(log_format="json", level=logging.DEBUG)
    observer = Observer()
    for place in range(3):
        observer.emit(EventDied("shop", Reason.REFUSED, f"m-{place}", "abc"))
    assert len(capsys.readouterr().err.splitlines()) == 3
