"""Every command ends in the way its error deserves, and says how to do better."""

import asyncio
import json
import os
import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from adapter.cli.main import COMMANDS, Commands, main
from adapter.cli.ndjson import part_of
from adapter.errors import AdapterError, ConfigError, QueueError
from adapter.version import VERSION
from tests.command_line import commands_of
from tests.unit.cli.conftest import Shell
from tests.unit.cli.queues import Ended, an_order, fill

pytestmark = pytest.mark.usefixtures("logging_as_it_was")


def failing(error: BaseException) -> click.Group:
    """The command line with one command, which fails."""

    @click.command()
    def fail() -> None:
        raise error

    return Commands("browsee-adapter", commands={"fail": fail})


@pytest.mark.parametrize(
    "error",
    [ConfigError("adapter.yaml:1:1: error E301: no"), QueueError("disk full"), AdapterError("lacks a file")],
    ids=lambda error: type(error).__name__,
)
def test_what_the_operator_can_mend_is_reported_in_words(error: AdapterError) -> None:
    """Exit code 2, the text on stderr as it is, and no traceback."""
    result = CliRunner().invoke(failing(error), ["fail"])
    assert result.exit_code == 2
    assert result.stderr == f"{error}\n"
    assert result.stdout == ""


def test_a_fault_of_ours_is_logged_once_and_ends_with_70(caplog: pytest.LogCaptureFixture) -> None:
    """A bug differs from wrong use by its exit code, and its traceback is in the log for the report."""
    result = CliRunner().invoke(failing(ZeroDivisionError("oops")), ["fail"])
    assert result.exit_code == 70
    (record,) = caplog.records
    assert record.exc_info is not None
    assert "please report it" in record.message


@pytest.mark.parametrize(
    ("words", "code"),
    [(["--help"], 0), (["--version"], 0), (["nonsense"], 2), (["check"], 2), (["check", "no-such-file"], 2)],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_has_clicks_own_exit_codes(shell: Shell, words: list[str], code: int) -> None:
    """Help is fine, wrong use is 2."""
    assert shell.run(*words).exit_code == code


@pytest.mark.parametrize(
    ("name", "near"), [("evnts", "events"), ("serv", "serve")], ids=["a letter left out", "the last one left out"]
)
def test_a_mistyped_command_names_the_nearest(shell: Shell, name: str, near: str) -> None:
    """Also if that command is not imported yet, as none is."""
    result = shell.run(name)
    assert (result.exit_code, f"No such command '{name}'. Did you mean '{near}'?" in result.stderr) == (2, True)
    assert "Did you mean" not in shell.run("zzzz").stderr


def test_a_missing_key_has_a_line_for_each_way_on(shell: Shell) -> None:
    """To Browsee, or to the sandbox: each stands on a line of its own."""
    result = shell.run("serve", "--port", "0")
    assert result.exit_code == 2
    assert result.stderr.splitlines() == [
        "no Browsee key for source default:",
        "  to deliver to Browsee, set BROWSEE_API_KEY, or sources.default.browsee_api_key in the settings",
        "  to try the adapter with the built-in stand-in for Browsee, add --sandbox",
    ]


def test_the_version_is_answered_before_anything_is_imported() -> None:
    """A script that asks for the version does not wait for the imports of every command."""
    code = "import sys; sys.argv[1:] = ['--version']; from adapter.cli.entry import main; main(); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60).stdout
    version, modules = said.splitlines()
    assert version == f"browsee-adapter, version {VERSION}"
    assert {"click", "rich", "importlib.metadata"}.isdisjoint(modules.split())


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("schema", "mapping"),
        ("check", "shop.yaml"),
        ("check", "broken.yaml"),
        ("explain", "E150"),
        ("events", "list"),
        ("init", "new"),
        ("export", "all.ndjson"),
    ],
    ids=" ".join,
)
def test_a_reader_that_has_gone_ends_a_command_as_any_other(shop: Shell, words: tuple[str, ...]) -> None:
    """With the status of SIGPIPE and no word; 1 would mean problems. What the command changes is complete."""
    shop.write("broken.yaml", "version: 1\nrulez: []\n")
    asyncio.run(fill(shop.folder / "queue.db", [Ended(an_order("m-1"))]))
    reader, writer = os.pipe()
    os.close(reader)
    command = [sys.executable, "-m", "adapter", *words]
    with subprocess.Popen(command, cwd=shop.folder, text=True, stdout=writer, stderr=subprocess.PIPE) as ended:
        os.close(writer)
        assert ended.communicate(timeout=60)[1] == ""
    assert ended.returncode == 141
    if "init" in words:
        assert shop.run("init", "new").stdout.count("kept ") == 7
    if "export" in words:
        assert {file.name for file in shop.folder.glob("all.ndjson*")} == {"all.ndjson"}


def test_an_output_that_lacks_characters_gets_escapes(shop: Shell) -> None:
    """A terminal of another encoding is no reason to fail."""
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "adapter", "explain", "shop.yaml", "-"]
    name = '{"type":"track","event":"Order Completed","userId":"\u00fc-\u2014","properties":{"total":1}}'
    ended = subprocess.run(
        command, input=name.encode(), cwd=shop.folder, env=environ, capture_output=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert rb"userId=\xfc-\u2014 " in ended.stdout


def test_ctrl_c_is_no_problem_found(shell: Shell) -> None:
    """It has the status of SIGINT; a file that is written or sent in part is named, with how to continue."""
    result = CliRunner().invoke(failing(KeyboardInterrupt()), ["fail"])
    assert (result.exit_code, result.stderr) == (130, "interrupted\n")

    def written_in_part() -> None:
        with part_of(shell.folder / "a.ndjson") as part:
            part.write([b"{}\n"], seq=1)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written_in_part()
    with part_of(shell.folder / "a.ndjson") as part:
        assert part.reached.lines == 1


def test_choices_of_a_missing_argument_stand_on_one_line(shell: Shell) -> None:
    assert shell.run("schema").stderr.endswith("Choose from: mapping, settings\n")


@pytest.mark.parametrize("name", commands_of(main))
def test_help_has_an_example(shell: Shell, name: str) -> None:
    """A line to paste says more than a list of options."""
    said = shell.run(name, "--help").stdout
    assert "Example" in said
    assert f"browsee-adapter {name}" in said


def test_the_epilog_explains_the_exit_codes(shell: Shell) -> None:
    """Scripts know what to look for."""
    said = " ".join(shell.run("--help").stdout.split())
    assert (
        "0 success, 1 problems found or a question not answered with yes, 2 wrong usage or unusable input, 70" in said
    )
    assert "130 interrupted with Ctrl-C, 141 the reader" in said


@pytest.mark.parametrize("name", ["mapping", "settings"])
def test_schemas_are_printed(shell: Shell, name: str) -> None:
    """Both schemas can be given to an editor."""
    printed = json.loads(shell.run("schema", name).stdout)
    assert printed["$schema"].startswith("https://json-schema.org/draft/2020-12")


def test_only_known_schemas_are_printed(shell: Shell) -> None:
    """A wrong name lists the right ones."""
    result = shell.run("schema", "event")
    assert result.exit_code == 2
    assert "'mapping', 'settings'" in result.stderr


def test_the_help_lists_every_command_by_what_it_is_for() -> None:
    """In sections, with the first words of each command's own help."""
    help_ = CliRunner().invoke(main, ["--help"]).stdout
    for title, commands in COMMANDS.items():
        assert f"{title}:\n" in help_
        for name, lazy in commands.items():
            assert f"  {name} " in help_
            assert lazy.help in help_.replace("\n           ", " ")
            first, command = lazy.help.rstrip(".").split(",")[0], commands_of(main)[name]
            assert (command.help or "").startswith(first), name


def test_the_help_is_shown_without_importing_the_service() -> None:
    """What is typed most often, and run by every shell completion, takes no second."""
    code = "import sys; sys.argv[1:] = ['--help']; import runpy\ntry: runpy.run_module('adapter', run_name='__main__')"
    code += "\nexcept SystemExit: pass\nprint(sorted({name.split('.')[0] for name in sys.modules}))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    imported = said.splitlines()[-1]
    assert "'click'" in imported
    assert not [
        name for name in ("aiohttp", "reliability", "uvloop", "prometheus_client", "yaml") if f"'{name}'" in imported
    ]
