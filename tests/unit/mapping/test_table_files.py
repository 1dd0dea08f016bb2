"""Tables in files beside a mapping: what is read, what is refused, and that a change goes live."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from adapter.errors import MappingError
from adapter.files.finding import Finding
from adapter.mapping.compile.table_files import MAX_ROWS
from adapter.mapping.load import check, load
from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.table_reader import table_reader
from adapter.mapping.watch import LiveMapping, watch
from adapter.model import Calls
from adapter.observe.telemetry import Telemetry
from tests.unit.mapping.reading import event, read

MAPPING = """\
version: 1
tables:
  skus: {file: skus.csv}
rules:
  - track: T
    copy: none
    properties: {brand: {from: properties.sku, apply: [{lookup: {in: skus, get: brand, else: none}}]}}
"""


def loaded(text: str, folder: Path) -> Ruleset:
    return load(text, file="m.yaml", read=read, hash_key=None, read_table=table_reader(folder))


def brand(rules: Ruleset, sku: str) -> Any:
    rendered = rules.render(event(properties={"sku": sku}))
    assert isinstance(rendered, Calls)
    return rendered.calls[0].body["properties"]["brand"]


def found(text: str, folder: Path) -> list[Finding]:
    findings = check(text, file="m.yaml", read=read, read_table=table_reader(folder))
    return [one for one in findings if one.blocks]


def test_rows_of_csv_are_looked_up(tmp_path: Path) -> None:
    """With a byte order mark, quotes and the line ends of Windows; numbers stay text until a step reads them."""
    (tmp_path / "skus.csv").write_bytes('\ufeffsku,brand,price\r\nA-1,"Acme, Inc",5\r\n\r\nB-2,Bölt,7\r\n'.encode())
    rules = loaded(MAPPING, tmp_path)
    assert [brand(rules, sku) for sku in ("A-1", "B-2", "C-3")] == ["Acme, Inc", "Bölt", "none"]


@pytest.mark.parametrize(
    ("name", "content", "table", "step"),
    [
        ("skus.csv", "sku,brand\nA-1,Acme\n", "{file: skus.csv}", "{lookup: t}"),
        ("skus.csv", "brand,sku\nAcme,A-1\n", "{file: skus.csv, key: sku}", "{lookup: t}"),
        ("skus.json", '{"A-1": "Acme"}', "{file: skus.json}", "{lookup: t}"),
        (
            "skus.json",
            '[{"sku": "A-1", "brand": "Acme"}]',
            "{file: skus.json, key: sku}",
            "{lookup: {in: t, get: brand}}",
        ),
        ("skus.json", '{"A-1": {"brand": "Acme"}}', "{file: skus.json}", "{lookup: {in: t, get: brand}}"),
    ],
)
def test_every_form_of_a_table(tmp_path: Path, name: str, content: str, table: str, step: str) -> None:
    """A file of two columns is a plain table."""
    (tmp_path / name).write_text(content)
    value = f"{{from: properties.sku, apply: [{step}]}}"
    rule = f"{{track: T, copy: none, properties: {{brand: {value}}}}}"
    text = f"version: 1\ntables: {{t: {table}}}\nrules: [{rule}]\n"
    assert brand(loaded(text, tmp_path), "A-1") == "Acme"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "has no header row"),
        (b"\xff\xfe", "is UTF-16 text; save it as UTF-8"),
        (b"sku,brand\nA\0,x\n", "is not text: it holds a NUL"),
        (b"sku,brand\nA-1,x\nA-1,y\n", "line 3 has the key of an earlier line"),
        (b"sku,brand\n,x\n", "line 2 has no key"),
        (b"sku,brand\nA-1,x,y\n", "line 2 has 3 values, the header 2"),
        (b"sku,sku\nA-1,x\n", "has two columns of one name"),
        (b'sku,brand\n"A-1,x\n', "line 2: unexpected end of data"),
        (b"sku,brand\n" + b"".join(b"%d,x\n" % n for n in range(MAX_ROWS + 1)), "has more than 100,000 rows"),
    ],
    ids=[
        "missing",
        "empty",
        "binary",
        "NUL",
        "key twice",
        "no key",
        "too many values",
        "column twice",
        "quote",
        "rows",
    ],
)
def test_a_file_of_no_use_is_an_error_at_its_name(tmp_path: Path, content: bytes | None, says: str) -> None:
    """With the line of the file."""
    if content is not None:
        (tmp_path / "skus.csv").write_bytes(content)
    problem = found(MAPPING, tmp_path)[0]
    assert (problem.code, problem.line, problem.column) == ("E158", 3, 16)
    assert problem.message == f"skus.csv: {says}"


@pytest.mark.parametrize(
    ("content", "table", "says"),
    [
        ("[1]", "{file: t.json}", "is a list of rows; name the column"),
        ("[1]", "{file: t.json, key: a}", "row 1 has no text under `a`"),
        (
            '[{"a": "x"}, {"a": "x"}]',
            "{file: t.json, key: a}",
            "row 2 has no text under `a`, or that of an earlier row",
        ),
        ('{"a": [1]}', "{file: t.json}", "entry 1 is neither a constant nor a row"),
        ('{"a": 1, "a": 2}', "{file: t.json}", "has a name twice in one object"),
        ("{", "{file: t.json}", "is not JSON: line 1, column 2"),
        ("[" * 100_000, "{file: t.json}", "is"),
        ("5", "{file: t.json}", "is neither an object of entries nor a list of rows"),
        ('{"a": 1}', "{file: t.json, key: a}", "`key` is for a list of rows"),
    ],
)
def test_json_of_no_use_is_an_error(tmp_path: Path, content: str, table: str, says: str) -> None:
    """As for CSV."""
    (tmp_path / "t.json").write_text(content)
    text = f"version: 1\ntables: {{t: {table}}}\nrules: [{{track: T, when: {{event: {{in: t}}}}}}]\n"
    assert says in found(text, tmp_path)[0].message


@pytest.mark.parametrize("name", ["../skus.csv", "/etc/passwd.csv", "a/../../skus.csv", "folder.csv", "fifo.csv"])
def test_nothing_outside_the_folder_is_read(tmp_path: Path, name: str) -> None:
    """Nor what is no regular file, which may never end."""
    (tmp_path / "skus.csv").write_text("sku,brand\nA-1,Acme\n")
    inner = tmp_path / "mappings"
    inner.mkdir()
    (inner / "folder.csv").mkdir()
    os.mkfifo(inner / "fifo.csv")
    problem = found(MAPPING.replace("skus.csv", name), inner)[0]
    assert problem.code == "E158"
    assert "cannot be read" in problem.message


def test_a_table_whose_entries_are_called_file_and_key_is_a_table() -> None:
    """Nothing that was a table before means something else now."""
    text = "version: 1\ntables: {t: {file: a document, key: b}}\nrules: [{track: T, when: {event: {in: t}}}]\n"
    assert [one for one in check(text, file="m.yaml", read=read) if one.blocks] == []


async def test_a_changed_table_goes_live(tmp_path: Path) -> None:
    """As another version of the mapping; a table that is broken or gone leaves the last good one and says so."""
    path, table = tmp_path / "m.yaml", tmp_path / "skus.csv"
    path.write_text(MAPPING)
    table.write_text("sku,brand,x\nA-1,Acme,1\n")
    said: list[Telemetry] = []
    first = loaded(MAPPING, tmp_path)
    live = LiveMapping(
        path, name="m.yaml", text=MAPPING, ruleset=first, load=lambda text: loaded(text, tmp_path), emit=said.append
    )

    async def note(_mapping: LiveMapping, _text: str) -> None:
        pass

    def is_so(sku: str, wanted: str, problem: str) -> bool:
        has_problem = problem in live.problem if problem else not live.problem
        return has_problem and brand(live.ruleset, sku) == wanted

    async def until(sku: str, wanted: str, problem: str = "") -> None:
        for _ in range(2_000):
            if is_so(sku, wanted, problem):
                return
            await asyncio.sleep(0.005)
        pytest.fail(f"{live.problem or 'no problem'}, {brand(live.ruleset, sku)}")

    task = asyncio.create_task(watch([live], activated=note, every_s=0.005, settle_s=0.005))
    table.write_text("sku,brand,x\nA-1,Bolt,1\n")
    await until("A-1", "Bolt")
    assert live.ruleset.version != first.version
    table.write_text("sku,brand,x\nA-1\n")
    await until("A-1", "Bolt", "line 2 has 1 values")
    table.unlink()
    await until("A-1", "Bolt", "No such file")
    table.write_text("sku,brand,x\nA-1,Core,1\n")
    await until("A-1", "Core")
    path.write_text(MAPPING.replace("skus.csv", "later.csv"))
    await until("A-1", "Core", "later.csv: cannot be read")
    (tmp_path / "later.csv").write_text("sku,brand,x\nA-1,Late,1\n")
    await until("A-1", "Late")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_a_mapping_without_a_folder_has_no_table_files() -> None:
    """A text by itself, such as of a pipe."""
    with pytest.raises(MappingError, match="given without its folder"):
        load(MAPPING, file="m.yaml", read=read, hash_key=None)
