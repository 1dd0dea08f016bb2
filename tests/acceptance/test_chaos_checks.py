"""The kit's own judgement: each check sees its fault, and sees none where there is none."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from adapter.cli.main import main
from adapter.errors import QueueError
from adapter.queue.address import parse_address
from adapter.queue.contract import Balance
from adapter.queue.sqlite.queue import SqliteQueue
from reliability.checks import Bounds, Evidence, Seen, broken, lost, repeats
from reliability.findings import Control, Experiment, Findings, Skipped, Trial, each_seen, together
from reliability.kit import EXPERIMENTS, ExperimentVerdict, ResultRow, run
from reliability.oracle import CLICK, ORDER, Message, Oracle
from reliability.places import as_setting, queue_address
from reliability.table import as_markdown
from reliability.virtual import virtually

MESSAGES = (Message("ann", 0, ORDER), Message("ann", 1), Message("bob", 0))
BALANCED = Balance(counts={"received": 3, "delivered": 3}, pending=0, dead=0)


def calls_of(*messages: Message, status: int = 200) -> list[Seen]:
    """The calls that they must become, in order, each answered `status`."""
    return [Seen(str(body["event"]), message.user, status, body) for message in messages for body in message.calls]


def evidence(calls: Sequence[Seen], **changed: object) -> Evidence:
    """What is known after a run of three messages."""
    oracle = Oracle()
    for message in MESSAGES:
        oracle.acknowledged(message)
    whole = Evidence(oracle.obligations, calls, dead={}, balance=BALANCED, memory_bytes=0, file_bytes=0)
    return replace(whole, **changed)  # type: ignore[arg-type]


GOOD = calls_of(*MESSAGES)
FAULTS: dict[str, tuple[str, Evidence]] = {
    "an event is gone": ("C", evidence(calls_of(*MESSAGES[:2]))),
    "one of two calls is gone": ("C", evidence(GOOD[1:])),
    "a call was not accepted": ("C", evidence([*GOOD[:-1], replace(GOOD[-1], status=503)])),
    "an event died without a reason": ("C", evidence(GOOD, dead={"ann/1": ""})),
    "a body is another": ("I", evidence([replace(GOOD[0], body={**GOOD[0].body, "userId": "eve"}), *GOOD[1:]])),
    "a call comes from nowhere": ("I", evidence([*GOOD, Seen("CLICKED", "eve", 200, {"event": "CLICKED"})])),
    "a call is repeated": ("D", evidence([*GOOD, GOOD[-1]])),
    "a call goes on after a refusal": ("D", evidence([replace(GOOD[-1], status=400), *GOOD])),
    "a later event goes first": ("O", evidence(calls_of(MESSAGES[1], MESSAGES[0], MESSAGES[2]))),
    "the second call goes first": ("O", evidence([GOOD[1], GOOD[0], *GOOD[2:]])),
    "a message is in no term": ("B", evidence(GOOD, balance=Balance({"received": 4, "delivered": 3}, 0, 0))),
    "an event stays pending": ("B", evidence(GOOD, balance=Balance({"received": 4, "delivered": 3}, 1, 0))),
    "memory grows": ("R", evidence(GOOD, memory_bytes=300_000_000)),
}


def test_a_good_run_breaks_nothing() -> None:
    """No check cries wolf."""
    assert broken(evidence(GOOD), Bounds()) == ()


@pytest.mark.parametrize(("letter", "found"), FAULTS.values(), ids=FAULTS)
def test_each_fault_is_seen_by_its_check(letter: str, found: Evidence) -> None:
    """A check that must see a fault does, and says so in a sentence that begins with its letter."""
    assert letter in {sentence[0] for sentence in broken(found, Bounds())}


def test_a_retry_is_neither_a_repeat_nor_out_of_order() -> None:
    """A call that was answered 503 may come again, before anything later of its user."""
    retried = [replace(GOOD[0], status=503), *GOOD]
    assert broken(evidence(retried), Bounds()) == ()
    assert repeats(retried) == 0


def test_a_repeat_after_a_crash_is_counted_and_keeps_its_place() -> None:
    """What is sent again because its answer got lost is a duplicate, and no fault of the order."""
    assert broken(evidence([*GOOD[:3], *GOOD[2:]]), Bounds(duplicates=1)) == ()


def test_what_was_stored_but_not_acknowledged_may_arrive() -> None:
    """A kill between commit and answer leaves an event that is not an obligation."""
    assert broken(evidence([*GOOD, *calls_of(Message("eve", 7, CLICK))]), Bounds()) == ()


def test_the_dead_are_not_lost() -> None:
    """Dead with a reason keeps the promise."""
    assert lost(evidence(GOOD[:3], dead={"bob/0": "refused"})) == []


def test_runs_add_up_to_the_worst() -> None:
    """Figures are summed, and of the recoveries the longest counts."""
    sum_ = together([Findings(acked=1, recovery_s=2.0), Findings(acked=2, recovery_s=1.0, broken=("C: x",))])
    assert sum_ == Findings(acked=3, recovery_s=2.0, broken=("C: x",))


CONTROLS: dict[str, tuple[list[tuple[str, str]], tuple[str, ...]]] = {
    "all are seen": ([("C: x", "C"), ("H: y", "HL")], ("C: x", "H: y")),
    "one is not": ([("C: x", "C"), ("", "L")], ()),
    "one shows elsewhere": ([("C: x", "C"), ("D: y", "L")], ("D: y",)),
}


@pytest.mark.parametrize(("runs", "expected"), CONTROLS.values(), ids=CONTROLS)
def test_a_control_of_several_faults_needs_each_to_show(runs: list[tuple[str, str]], expected: tuple[str, ...]) -> None:
    """The effects of one fault do not count for another that was not detected."""
    found = each_seen([(Findings(broken=(shown,) if shown else ()), letters) for shown, letters in runs])
    assert found.broken == expected


async def finds(*sentences: str) -> Findings:
    """A run that finds these."""
    return Findings(broken=sentences)


async def lacks() -> Findings:
    """A run that cannot be."""
    raise Skipped("needs a tool")


VERDICTS: dict[str, tuple[Callable[[Trial], object], Callable[[Trial], object], list[ExperimentVerdict]]] = {
    "both as they must": (
        lambda _: finds(),
        lambda _: finds("C: 1"),
        [ExperimentVerdict.HELD, ExperimentVerdict.FAILED],
    ),
    "a promise breaks": (
        lambda _: finds("D: 1"),
        lambda _: finds("C: 1"),
        [ExperimentVerdict.BROKEN, ExperimentVerdict.FAILED],
    ),
    "a known gap": (
        lambda _: finds("L: known"),
        lambda _: finds("C: 1"),
        [ExperimentVerdict.GAP, ExperimentVerdict.FAILED],
    ),
    "a gap and more": (
        lambda _: finds("L: known", "C: 1"),
        lambda _: finds("C: 1"),
        [ExperimentVerdict.BROKEN, ExperimentVerdict.FAILED],
    ),
    "no teeth": (lambda _: finds(), lambda _: finds(), [ExperimentVerdict.HELD, ExperimentVerdict.TOOTHLESS]),
    "the wrong teeth": (
        lambda _: finds(),
        lambda _: finds("D: 1"),
        [ExperimentVerdict.HELD, ExperimentVerdict.TOOTHLESS],
    ),
    "a tool is missing": (lambda _: lacks(), lambda _: finds(), [ExperimentVerdict.SKIPPED]),
    "no end": (
        lambda _: asyncio.sleep(60),
        lambda _: finds("C: 1"),
        [ExperimentVerdict.BROKEN, ExperimentVerdict.FAILED],
    ),
}


@pytest.mark.parametrize(("own", "control", "expected"), VERDICTS.values(), ids=VERDICTS)
async def test_rows_are_judged(
    tmp_path: Path,
    own: Callable[[Trial], object],
    control: Callable[[Trial], object],
    expected: list[ExperimentVerdict],
) -> None:
    """An experiment must hold, its control must break what it is there for, and every run has an end."""
    experiment = Experiment(
        number="0",
        what="made up",
        run=own,  # type: ignore[arg-type]
        control=Control("wrong", "C", control),  # type: ignore[arg-type]
        max_s=0.05,
        gaps=("L: known",),
    )
    rows = await run(experiment, seeds=[1], is_short=True, folder=tmp_path, ran=lambda: None)
    assert [row.verdict for row in rows] == expected
    assert list(tmp_path.iterdir()) == []


def test_a_table_has_a_line_for_each_row() -> None:
    """The page in docs/ is what the command prints."""
    row = ResultRow("1", "kill", 3, Findings(acked=1234, delivered=1234, recovery_s=0.71), ExperimentVerdict.HELD)
    assert as_markdown([row]).splitlines()[2] == "| 1 | kill | 3 | 1,234 | 1,234 | 0 | 0 | 0 | 0.7 s | held |"


def test_a_seed_gives_the_same_run_again(tmp_path: Path) -> None:
    """A reported fault can be reproduced."""
    trial = Trial(seed=7, folder=tmp_path, is_short=True)
    assert trial.chance.random() == trial.chance.random()


def test_numbers_are_unique_and_in_order() -> None:
    """An experiment is called by the number it has in the table."""
    numbers = [(int(experiment.number.rstrip("b")), experiment.number) for experiment in EXPERIMENTS]
    assert numbers == sorted(set(numbers))


@pytest.mark.parametrize("experiment", EXPERIMENTS, ids=[experiment.number for experiment in EXPERIMENTS])
async def test_what_is_about_files_is_not_run_on_a_server(experiment: Experiment, tmp_path: Path) -> None:
    """The table says why; every other experiment looks for its queue there, and nowhere else."""
    about_files = {"1b", "2", "7", "11", "16"}
    assert bool(experiment.no_server) is (experiment.number in about_files)
    if experiment.no_server:
        [row] = await run(
            experiment, seeds=[1], is_short=True, folder=tmp_path, ran=lambda: None, queue="postgresql://db/events"
        )
        assert (row.verdict, row.text) == (ExperimentVerdict.SKIPPED, experiment.no_server)


def test_each_queue_at_a_server_has_a_schema_of_its_own(tmp_path: Path) -> None:
    """And the settings have its password."""
    server = "postgresql://me:S3CRET@db/events?sslmode=require"
    one, other = (queue_address(tmp_path / "queue.db", server=server) for _ in range(2))
    assert one != other
    assert as_setting(one).startswith(f"{server}&schema=chaos_")
    assert parse_address(as_setting(one), folder=tmp_path) == one
    assert as_setting(queue_address(tmp_path / "queue.db", server="")) == f"sqlite:///{tmp_path}/queue.db"


@pytest.mark.parametrize("queue", ["sqlite:///queue.db", "memory:", "somewhere"])
def test_queues_are_at_a_server_or_in_files(queue: str) -> None:
    """Another address is wrong use, and the right one is shown."""
    result = CliRunner().invoke(main, ["chaos", "1", "--queue", queue])
    assert (result.exit_code, "postgresql://user@host/database" in result.output) == (2, True)


def test_an_unknown_experiment_is_refused() -> None:
    """A wrong number is wrong use, and the right ones are shown."""
    result = CliRunner().invoke(main, ["chaos", "99"])
    assert result.exit_code == 2
    assert "99 is not an experiment; there are 1, 1b, 2" in result.output


def test_the_command_shows_what_it_found() -> None:
    """One line for the experiment and one for its control, and all is well."""
    result = CliRunner().invoke(main, ["chaos", "7", "--short", "--markdown"])
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if line.startswith("| 7 |")]
    assert ["held" in lines[0], "fails, as it must" in lines[1]] == [True, True]


async def test_hours_pass_in_a_moment() -> None:
    """Virtual time is what was waited for, and costs none of ours."""

    async def six_hours(now: Callable[[], float]) -> float:
        await asyncio.gather(*(asyncio.sleep(hours * 3600) for hours in range(7)))
        return now()

    began_s = time.monotonic()
    assert await virtually(six_hours) == pytest.approx(6 * 3600, abs=1)
    assert time.monotonic() - began_s < 5


async def test_a_damaged_queue_is_refused_by_name(tmp_path: Path) -> None:
    """Damage that shows when the rows are first read names the file, as any other that shows at start."""
    file = tmp_path / "queue.db"
    await (await SqliteQueue.open(file, now=time.time)).close()
    damaged = bytearray(file.read_bytes())
    damaged[2 * 4096 :] = b"\xff" * (len(damaged) - 2 * 4096)
    file.write_bytes(damaged)
    with pytest.raises(QueueError, match=r"queue\.db"):
        await SqliteQueue.open(file, now=time.time)
