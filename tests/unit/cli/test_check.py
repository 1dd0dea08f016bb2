"""`check` tells every problem of every file, in the form that is asked for."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from adapter.cli.reading import replace_text
from adapter.errors import ConfigError
from tests.unit.cli.conftest import MAPPING, SETTINGS, Shell

BROKEN = MAPPING.replace("drop: nothing", "dorp: nothing")
FAILING = MAPPING.replace("27.5}", "28}")
WARNED = "hash_key: short\n"


def test_a_sound_file_is_fine(shell: Shell) -> None:
    """No finding, exit code 0."""
    result = shell.run("check", shell.write("shop.yaml", MAPPING))
    assert result.exit_code == 0
    assert result.stdout == "1 file: no problems, 2 rules, 2 tests passed\n"


@pytest.mark.parametrize(
    ("text", "strict", "code"),
    [(MAPPING, True, 0), (BROKEN, False, 1), (FAILING, False, 1), (WARNED, False, 0), (WARNED, True, 1)],
    ids=["sound, strict", "error", "failed test", "warning", "warning, strict"],
)
def test_the_exit_code_says_whether_there_are_problems(shell: Shell, text: str, strict: bool, code: int) -> None:
    """Errors and failed tests end with 1; warnings only with --strict."""
    result = shell.run("check", shell.write("file.yaml", text), *(["--strict"] if strict else []))
    assert result.exit_code == code, result.output


def test_all_files_are_checked_in_one_run(shell: Shell) -> None:
    """A mapping and a settings file are reported apart by what is in them, and both are judged."""
    result = shell.run("check", shell.write("a.yaml", BROKEN), shell.write("b.yaml", "queue: x\nhash_key: short\n"))
    assert result.exit_code == 1
    assert "a.yaml:8:5: error E111: `dorp`" in result.stdout
    assert "did you mean `drop`?" in result.stdout
    assert "b.yaml:1:8: error E302: queue:" in result.stdout
    assert "b.yaml:2:11: warning W301" in result.stdout
    assert result.stdout.splitlines()[-1].startswith("2 files: ")


def test_without_files_it_checks_what_serve_would_use(shop: Shell) -> None:
    """The settings here and each mapping that they name, once; other mappings are not checked."""
    others = "  app: {keys: [k], mapping: shop.yaml}\n  web: {keys: [w], mapping: default}\n"
    shop.write("adapter.yaml", SETTINGS + others)
    shop.write("unused.yaml", BROKEN)
    result = shop.run("check", "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["files"]) == (0, 3)
    shop.write("shop.yaml", BROKEN)
    result = shop.run("check")
    assert result.exit_code == 1
    assert "shop.yaml:8:5: error E111: `dorp`" in result.stdout


@pytest.mark.parametrize("text", ["sources: 1\n", "sources: {a: {mapping: gone.yaml}}\n", "[1]\n"])
def test_settings_that_name_no_mapping_are_checked_by_themselves(shell: Shell, text: str) -> None:
    """What is wrong with the settings is reported, whatever it is."""
    shell.write("adapter.yaml", text)
    result = shell.run("check", "--format", "json")
    assert (result.exit_code, json.loads(result.stdout)["files"]) == (1, 1)


def test_without_files_and_without_settings_it_asks_for_them(shell: Shell) -> None:
    """Nothing to check is wrong use, not nothing wrong."""
    result = shell.run("check")
    assert result.exit_code == 2
    assert "there is no adapter.yaml here and no mapping; name the FILES to check" in result.stderr


def test_without_settings_the_mapping_that_serve_would_use_is_checked(shell: Shell) -> None:
    """The one that the environment names, else the one of `make run`; not the one that comes with the adapter."""
    (shell.folder / "data").mkdir()
    shell.write("data/mapping.yaml", MAPPING)
    assert "1 file: no problems" in shell.run("check").stdout
    result = shell.run("check", env={"ADAPTER_MAPPING": shell.write("shop.yaml", BROKEN)})
    assert result.exit_code == 1
    assert "shop.yaml:8:5: error E111" in result.stdout
    assert "note" not in result.stderr
    assert shell.run("check", env={"ADAPTER_MAPPING": "gone.yaml"}).exit_code == 2
    assert shell.run("check", env={"ADAPTER_CONFIG": "gone.yaml"}).exit_code == 2


def test_the_line_is_shown_with_a_caret(shell: Shell) -> None:
    """No line is wrapped, however narrow the terminal, so that the caret stands under its place."""
    long = f"retry: {{max: 5m, for: 72}} # {'x' * 120}\n"
    result = shell.run("check", shell.write("b.yaml", long), env={"COLUMNS": "40"})
    lines = result.stdout.splitlines()
    assert lines[1].endswith("x")
    assert lines[2].index("^") == lines[1].index("72")


def test_a_failed_test_points_at_its_expectation(shell: Shell) -> None:
    """The author sees what was expected and what came."""
    result = shell.run("check", shell.write("a.yaml", FAILING))
    assert "test failed: an order" in result.stdout
    assert "28" in result.stdout
    assert "27.5" in result.stdout


def test_machines_get_json(shell: Shell) -> None:
    """One document with every finding, whatever the files."""
    result = shell.run("check", "--format", "json", shell.write("a.yaml", BROKEN), shell.write("b.yaml", WARNED))
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert report["files"] == 2
    assert {(found["file"], found["line"], found["severity"]) for found in report["findings"]} >= {
        ("a.yaml", 8, "error"),
        ("b.yaml", 1, "warning"),
    }


def test_github_gets_annotations(shell: Shell) -> None:
    """A workflow shows each finding beside its line."""
    result = shell.run("check", "--format", "github", shell.write("a.yaml", BROKEN))
    assert "::error file=a.yaml,line=8,col=5,title=E111::" in result.stdout


def test_code_scanning_gets_sarif(shell: Shell) -> None:
    """One run: each finding with its rule, level and place; each rule with what it means."""
    (shell.folder / "mappings").mkdir()
    result = shell.run(
        "check", "--format", "sarif", shell.write("mappings/a b.yaml", BROKEN), shell.write("c.yaml", FAILING)
    )
    assert result.exit_code == 1
    [run] = json.loads(result.stdout)["runs"]
    meanings = {rule["id"]: rule["shortDescription"]["text"] for rule in run["tool"]["driver"]["rules"]}
    assert meanings == {"E111": "An unknown key of a rule", "test-failed": "test failed"}
    [broken, failed] = run["results"]
    assert (broken["ruleId"], broken["level"], failed["ruleId"]) == ("E111", "error", "test-failed")
    assert broken["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "mappings/a%20b.yaml"},
                "region": {"startLine": 8, "startColumn": 5},
            }
        }
    ]


def test_a_file_that_is_not_text_is_broken_input(shell: Shell) -> None:
    """That is not a problem in a file but no file to look into: exit code 2."""
    (shell.folder / "a.yaml").write_bytes(b"a: 1\nb: \xff")
    result = shell.run("check", "a.yaml")
    assert result.exit_code == 2
    assert result.stderr == "a.yaml is not UTF-8 text, from byte 8 on (line 2); save it as UTF-8\n"


def test_an_empty_file_is_a_problem(shell: Shell) -> None:
    """Nothing in a file is not nothing wrong with it."""
    assert shell.run("check", shell.write("a.yaml", "")).exit_code == 1


def test_an_unknown_variable_is_named(shop: Shell) -> None:
    """By `check` and by `doctor`: both look at what `serve` would use."""
    env = {"BROWSEE_APIKEY": "x"}
    assert "did you mean `BROWSEE_API_KEY`?" in shop.run("check", env=env).stderr
    assert "did you mean `BROWSEE_API_KEY`?" in shop.run("doctor", "--sandbox", env=env).stdout


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        (MAPPING, "1 file: no problems, 2 rules, 2 tests passed"),
        (FAILING, "1 file: 1 failed test, 2 rules, 1 test passed"),
        (MAPPING[: MAPPING.index("tests:")], "1 file: 1 note, 2 rules, no tests"),
        (BROKEN, "1 file: 1 error"),
        (SETTINGS, "1 file: 1 warning"),
    ],
    ids=["all", "some", "none", "not run", "settings"],
)
def test_the_summary_says_how_much_was_checked(shell: Shell, text: str, summary: str) -> None:
    """A file without tests, or whose tests did not run, is not reported as tested. Settings have neither."""
    shell.write("shop.yaml", MAPPING)
    result = shell.run("check", shell.write("a.yaml", text))
    assert result.stdout.splitlines()[-1] == summary
    report = json.loads(shell.run("check", "--format", "json", "a.yaml").stdout)
    numbers = {word: int(number) for number, word in re.findall(r"(\d+) (rules|tests? passed)", summary)}
    assert report["rules"] == numbers.pop("rules", 0)
    assert [report["testsPassed"]] == (list(numbers.values()) or [0])


def test_a_file_without_tests_is_named(shell: Shell) -> None:
    """A note, which fails with --strict as a rule does that no test reaches."""
    shell.write("a.yaml", MAPPING[: MAPPING.index("tests:")])
    assert "a.yaml:1:1: note: the file has no tests" in shell.run("check", "a.yaml").stdout
    assert shell.run("check", "a.yaml", "--strict").exit_code == 1


def test_rules_that_no_test_reaches_are_one_line(shell: Shell) -> None:
    """A long file with few tests does not bury its other findings."""
    more = "  - {name: one, when: {event: One}, track: ONE}\n  - {name: two, when: {event: Two}, track: TWO}\n"
    text = MAPPING.replace("  - name: all", f"{more}  - name: all")
    lines = shell.run("check", shell.write("a.yaml", text)).stdout.splitlines()
    assert [line for line in lines if "no test reaches" in line] == ["a.yaml:6:5: note: no test reaches 'one', 'two'"]


def test_accept_writes_what_the_tests_give(shell: Shell) -> None:
    """Into mappings only, keeping the mode of the file; what was written is said, and checked."""
    shell.write("shop.yaml", FAILING)
    (shell.folder / "shop.yaml").chmod(0o640)
    result = shell.run("check", "--accept", shell.write("adapter.yaml", SETTINGS), "shop.yaml")
    assert (result.exit_code, result.stderr) == (0, "shop.yaml: accepted the results of 'an order'\n")
    assert result.stdout.endswith("2 files: 1 warning, 2 rules, 2 tests passed\n")
    assert (shell.folder / "shop.yaml").read_text() == MAPPING
    assert (shell.folder / "shop.yaml").stat().st_mode & 0o777 == 0o640
    assert {file.name for file in shell.folder.iterdir()} == {"adapter.yaml", "shop.yaml"}
    assert shell.run("check", "--accept", "shop.yaml").stderr == ""


def test_accept_leaves_a_broken_file_alone(shell: Shell) -> None:
    """The result of a rule that cannot be read is nothing to expect."""
    text = BROKEN.replace("27.5}", "28}")
    result = shell.run("check", "--accept", shell.write("shop.yaml", text))
    assert (result.exit_code, (shell.folder / "shop.yaml").read_text()) == (2, text)
    assert "shop.yaml:8:5: error E111" in result.stderr


def test_accept_follows_a_link(shell: Shell) -> None:
    """A link stays a link, and the file behind it is written."""
    (shell.folder / "real").mkdir()
    shell.write("real/shop.yaml", FAILING)
    (shell.folder / "shop.yaml").symlink_to("real/shop.yaml")
    assert shell.run("check", "--accept", "shop.yaml").exit_code == 0
    assert (shell.folder / "shop.yaml").is_symlink()
    assert (shell.folder / "real" / "shop.yaml").read_text() == MAPPING


def test_a_read_only_file_is_not_replaced(shell: Shell) -> None:
    """Its folder would allow it, but a read-only file is meant to stay."""
    shell.write("shop.yaml", FAILING)
    (shell.folder / "shop.yaml").chmod(0o444)
    result = shell.run("check", "--accept", "shop.yaml")
    assert (result.exit_code, result.stderr) == (2, "shop.yaml is read-only; nothing was written\n")
    assert (shell.folder / "shop.yaml").read_text() == FAILING


def test_a_failed_test_points_at_the_key_that_differs(shell: Shell) -> None:
    """Not at the block that the key is in, where other keys may be right."""
    text = MAPPING.replace("{total: 27.5}", "{\n      other: 1,\n      total: 28}").replace(
        "properties: {total: {from", "properties: {other: {value: 1}, total: {from"
    )
    lines = shell.run("check", shell.write("a.yaml", text)).stdout.splitlines()
    line = next(number for number, one in enumerate(text.splitlines(), 1) if "total: 28}" in one)
    assert lines[0].startswith(f"a.yaml:{line}:14: test failed: an order: call 1, properties: total: expected 28")


def test_a_file_that_changed_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """What somebody saved between reading and writing is not lost."""
    file = tmp_path / "shop.yaml"
    file.write_text("theirs")
    with pytest.raises(ConfigError, match="was changed meanwhile"):
        replace_text(file, before="ours", after="new")
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("shop.yaml", "theirs")]


def test_watch_checks_again_after_each_save(shell: Shell) -> None:
    """As a process: one report at the start and one for each save, good or bad, and Ctrl-C ends it well."""
    shell.write("shop.yaml", MAPPING)
    command = [sys.executable, "-m", "adapter", "check", "--watch", "shop.yaml"]
    with subprocess.Popen(command, cwd=shell.folder, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        lines = watching.stdout
        summaries = []
        for text in (FAILING, MAPPING, ""):
            summaries.append(next(line for line in lines if line.startswith("1 file: ")))
            if text:
                # As editors save: a reader sees the old file or the new one.
                (shell.folder / shell.write("new.yaml", text)).replace(shell.folder / "shop.yaml")
        watching.send_signal(signal.SIGINT)
        assert watching.wait(30) == 0
    assert summaries == [
        "1 file: no problems, 2 rules, 2 tests passed\n",
        "1 file: 1 failed test, 2 rules, 1 test passed\n",
        "1 file: no problems, 2 rules, 2 tests passed\n",
    ]


def test_watch_changes_no_file_and_writes_no_data(shell: Shell) -> None:
    """An endless list of JSON documents would be of no use, and accepting must be asked for each time."""
    shell.write("shop.yaml", MAPPING)
    assert shell.run("check", "--watch", "--accept", "shop.yaml").exit_code == 2
    assert shell.run("check", "--watch", "--format", "json", "shop.yaml").exit_code == 2
