"""Hot reload, with real files: good ones go live, bad ones change nothing, half-written ones are waited for."""

import asyncio
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter.mapping.run.ruleset import Ruleset
from adapter.mapping.watch import LiveMapping, watch
from adapter.model import Calls
from adapter.observe.service_telemetry import MappingActivated, MappingFailed
from adapter.observe.telemetry import Telemetry
from tests.fakes import until
from tests.unit.mapping.reading import event, ruleset

GOOD = "version: 1\nrules: [{track: A}]\n"
BETTER = "version: 1\nrules: [{track: B}]\n"
NEWEST = "version: 1\nrules: [{track: C}]\n"
BAD = "version: 1\nrules: [{trak: B}]\n"


class Bench:
    """One live file and everything that was said about it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mapping.yaml"
        self.path.write_text(GOOD)
        self.said: list[Telemetry] = []
        self.live = LiveMapping(
            self.path, name="mapping.yaml", text=GOOD, ruleset=ruleset(GOOD), load=ruleset, emit=self.said.append
        )

    def name(self) -> str:
        rendered = self.live.ruleset.render(event())
        assert isinstance(rendered, Calls)
        return str(rendered.calls[0].body["event"])


class HungPath(type(Path())):  # type: ignore[misc]
    """A path on a disk that answers when it is let."""

    def __init__(self, *args: object) -> None:
        self.answers = threading.Event()

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        self.answers.wait(30)
        return Path(str(self)).stat(follow_symlinks=follow_symlinks)


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_a_good_file_goes_live(bench: Bench) -> None:
    """The text that went live is answered, to be kept; the version is reported."""
    bench.path.write_text(BETTER)
    assert bench.live.has_moved()
    assert bench.live.reload() == BETTER
    assert not bench.live.has_moved()
    assert (bench.name(), bench.live.problem) == ("B", "")
    assert bench.said == [MappingActivated(file="mapping.yaml", version=ruleset(BETTER).version)]


def test_the_same_content_is_not_loaded_again(bench: Bench) -> None:
    """A file that was only touched, or moved there again, is no news."""
    bench.path.touch()
    assert bench.live.reload() is None
    assert bench.said == []


def test_a_bad_file_changes_nothing_and_says_why_once(bench: Bench) -> None:
    """The last good mapping goes on; the problem stays readable until the file is mended."""
    bench.path.write_text(BAD)
    assert bench.live.reload() is None
    assert bench.live.reload() is None
    assert bench.name() == "A"
    assert "E111" in bench.live.problem
    assert [type(said) for said in bench.said] == [MappingFailed]
    bench.path.write_text(GOOD)
    assert bench.live.reload() == GOOD
    assert bench.live.problem == ""


@pytest.mark.parametrize(
    "spoil",
    [Path.unlink, lambda path: path.write_bytes(b"\xff\xfe\x00"), lambda path: (path.unlink(), path.mkdir())],
    ids=["gone", "not text", "a folder"],
)  # fmt: skip
def test_a_file_that_cannot_be_read_changes_nothing(bench: Bench, spoil: Callable[[Path], object]) -> None:
    """It is reported, and what comes back afterwards is loaded, also if it is what it was."""
    spoil(bench.path)
    assert bench.live.reload() is None
    assert bench.name() == "A"
    assert "cannot be read" in bench.live.problem
    if bench.path.is_dir():
        bench.path.rmdir()
    bench.path.write_text(GOOD)
    assert bench.live.reload() == GOOD
    assert bench.live.problem == ""


async def said(bench: Bench, holds: Callable[[str], bool]) -> None:
    """Return as soon as `holds` is true of the problem."""

    async def it_holds() -> bool:
        return holds(bench.live.problem)

    await until(it_holds)


def _a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _a_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")


def _without_end(path: Path) -> None:
    with path.open("r+b") as file:
        file.truncate(10_000_001)


def _a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (_a_pipe, "it must be a regular file, not a pipe"),
        (_a_device, "it must be a regular file, not a device"),
        (_a_folder, "it must be a regular file, not a folder"),
        (_without_end, "it is larger than 10 MB"),
    ],
)
async def test_what_is_no_regular_file_hangs_nothing(
    bench: Bench, tmp_path: Path, spoil: Callable[[Path], object], why: str
) -> None:
    """The problem is reported, and the other mapping goes on being reloaded."""
    other = tmp_path / "other"
    other.mkdir()
    beside = Bench(other)
    activated: asyncio.Queue[str] = asyncio.Queue()

    async def note(_live: LiveMapping, text: str) -> None:
        await activated.put(text)

    spoil(bench.path)
    task = asyncio.create_task(watch([bench.live, beside.live], activated=note, every_s=0.005, settle_s=0.005))
    await said(bench, lambda problem: problem == f"mapping.yaml: cannot be read: {why}")
    beside.path.write_text(BETTER)
    assert await asyncio.wait_for(activated.get(), 10) == BETTER
    assert bench.name() == "A"
    task.cancel()


async def test_a_disk_that_does_not_answer_stops_nothing(bench: Bench, tmp_path: Path) -> None:
    """Its file has a problem until the disk answers; the other files are reloaded, and no end waits for the thread."""
    other = tmp_path / "other"
    other.mkdir()
    beside, hung = Bench(other), HungPath(bench.path)
    bench.live = LiveMapping(
        hung, name="mapping.yaml", text=GOOD, ruleset=ruleset(GOOD), load=ruleset, emit=bench.said.append
    )
    activated: asyncio.Queue[str] = asyncio.Queue()

    async def note(_live: LiveMapping, text: str) -> None:
        await activated.put(text)

    watched = watch([bench.live, beside.live], activated=note, every_s=0.005, settle_s=0.005, stuck_s=0.05)
    task = asyncio.create_task(watched)
    await said(bench, lambda problem: "its disk has not answered" in problem)
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "mapping"] != []
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "mapping")
    beside.path.write_text(BETTER)
    assert await asyncio.wait_for(activated.get(), 10) == BETTER
    hung.answers.set()
    await said(bench, lambda problem: not problem)
    task.cancel()


def test_the_newest_text_goes_live_last(bench: Bench) -> None:
    """A slow load of an older text, in one thread, does not replace what another thread loaded since."""
    loads, goes_on = threading.Event(), threading.Event()

    def load(text: str) -> Ruleset:
        if text == BETTER:
            loads.set()
            goes_on.wait(30)
        return ruleset(text)

    bench.live = LiveMapping(
        bench.path, name="mapping.yaml", text=GOOD, ruleset=ruleset(GOOD), load=load, emit=bench.said.append
    )
    bench.path.write_text(BETTER)
    older = threading.Thread(target=bench.live.reload)
    older.start()
    assert loads.wait(30)
    bench.path.write_text(NEWEST)
    newer = threading.Thread(target=bench.live.reload)
    newer.start()
    # Without a lock the newer one ends here, and the older one after it.
    newer.join(0.1)
    goes_on.set()
    older.join()
    newer.join()
    assert (bench.name(), bench.live.text) == ("C", NEWEST)


async def test_watching_follows_a_swapped_link(tmp_path: Path) -> None:
    """Kubernetes swaps a symlink of a folder above the file; what lies behind it goes live and is handed on."""
    for folder, text in (("one", GOOD), ("two", BETTER)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "mapping.yaml").write_text(text)
    (tmp_path / "data").symlink_to("one")
    live = LiveMapping(
        tmp_path / "data/mapping.yaml",
        name="m",
        text=GOOD,
        ruleset=ruleset(GOOD),
        load=ruleset,
        emit=lambda _said: None,
    )
    activated: asyncio.Queue[str] = asyncio.Queue()

    async def note(_live: LiveMapping, text: str) -> None:
        await activated.put(text)

    task = asyncio.create_task(watch([live], activated=note, every_s=0.005, settle_s=0.005))
    (tmp_path / "next").symlink_to("two")
    (tmp_path / "next").replace(tmp_path / "data")
    assert await asyncio.wait_for(activated.get(), 10) == BETTER
    task.cancel()


async def test_every_event_sees_a_whole_mapping(bench: Bench) -> None:
    """While files are swapped as fast as they can be written, each event is rendered by one mapping or the other."""
    activated = 0
    done = asyncio.Event()

    async def note(_live: LiveMapping, _text: str) -> None:
        nonlocal activated
        activated += 1
        if activated == 20:
            done.set()

    task = asyncio.create_task(watch([bench.live], activated=note, every_s=0.001, settle_s=0.001))
    number = 0
    while not done.is_set():
        number += 1
        spare = bench.path.with_suffix(".new")
        spare.write_text((GOOD, BETTER, BAD)[number % 3])
        spare.replace(bench.path)
        for _ in range(20):
            assert bench.name() in {"A", "B"}
            await asyncio.sleep(0)
    task.cancel()
