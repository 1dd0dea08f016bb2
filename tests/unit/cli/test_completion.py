"""Shells complete commands, options, files and names."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import ShellComplete

from adapter.cli.main import main
from tests.unit.cli.conftest import SETTINGS, Shell

BIN = Path(sys.executable).parent
SOURCES = "sources:\n  shop: {}\n  app: {}\n  $(touch hit): {}\n"


def offered(*words: str) -> list[str]:
    """What a shell may offer for the last of the words after `browsee-adapter`; `file` where a file may stand."""
    completion = ShellComplete(main, {}, "browsee-adapter", "_BROWSEE_ADAPTER_COMPLETE")
    found = completion.get_completions(list(words[:-1]), words[-1])
    return [one.value if one.type == "plain" else one.type for one in found]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["ex"], ["explain", "export"]),
        (["events", "na"], ["names"]),
        (["serve", "--sand"], ["--sandbox"]),
        (["events", "list", "--outcome", "d"], ["delivered", "dropped", "dead"]),
        (["events", "list", "--source", "sh"], ["shop"]),
        (["events", "list", "--config", "other.yaml", "--source", ""], ["other"]),
        (["mappings", "history", ""], ["shop"]),
        (["events", "list", "--type", "i"], ["identify"]),
        (["explain", "e15"], [f"E15{digit}" for digit in range(10)] + ["file"]),
        (["explain", "E304"], ["E304", "file"]),
        (["explain", "ma"], ["file"]),
        (["diff", "mobi"], ["mobile", "file"]),
        (["suggest", "--mapping", "mobi"], ["mobile", "file"]),
        (["dead", "try", "--mapping", "mobi"], ["mobile", "file"]),
        (["init", "--recipe", "ut"], ["utm"]),
        (["check", ""], ["file"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
    ],
    ids=" ".join,
)
def test_each_place_offers_what_can_stand_there(shell: Shell, words: list[str], expected: list[str]) -> None:
    shell.write("adapter.yaml", SETTINGS)
    shell.write("other.yaml", SETTINGS.replace("shop:", "other:"))
    assert offered(*words) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [(SOURCES, ["shop", "app"]), ("sources: [", []), ("- 1", []), ("sources: 5", []), ("", [])]
)
def test_only_names_that_a_shell_takes_as_they_are(shell: Shell, text: str, expected: list[str]) -> None:
    """A name that would be a command is not offered, and settings that cannot be read are not reported here."""
    shell.write("adapter.yaml", text)
    assert offered("events", "list", "--source", "") == expected


def test_commands_are_offered_without_importing_them() -> None:
    """Completing a command's name takes as long as --help."""
    code = "import sys; from tests.unit.cli.test_completion import offered; offered('e'); print(*sys.modules)"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "adapter.cli.main" in said
    assert {"adapter.cli.export", "adapter.cli.events", "aiohttp"} & set(said) == set()


@pytest.mark.parametrize("shell_name", ["bash", "zsh", "fish"])
def test_the_script_is_of_that_shell(shell: Shell, shell_name: str, tmp_path: Path) -> None:
    """A shell that is installed reads it without a complaint."""
    result = shell.run("completion", shell_name)
    assert result.exit_code == 0
    assert "_BROWSEE_ADAPTER_COMPLETE" in result.output
    if shutil.which(shell_name):
        script = tmp_path / "script"
        script.write_text(result.output, encoding="utf-8")
        subprocess.run([shell_name, "-n", script], check=True)


IN_BASH = """\
source <(browsee-adapter completion bash)
compopt() { echo "compopt $*"; }
complete_words() {
    COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
    _browsee_adapter_completion browsee-adapter "${!#}" ""
    printf '[%s]' "${COMPREPLY[@]}"; echo
}
complete_words browsee-adapter events list --source sh
complete_words browsee-adapter events list --outcome = re
complete_words browsee-adapter events list --outcome =
complete_words browsee-adapter explain m
complete_words browsee-adapter check sho
complete_words browsee-adapter init d
"""
EXPECTED = """\
[shop]
[rejected]
[pending][delivered][dropped][unmatched][dead][rejected]
compopt -o filenames
[mobile][my mapping.yaml]
compopt -o default
[]
compopt -o dirnames
[]
"""


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
def test_bash_offers_names_and_files_together(shop: Shell) -> None:
    """A mapping is a name or a file; bash itself cuts words at `=`, and completes files where only files can stand."""
    shop.write("my mapping.yaml", "")
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}"}
    said = subprocess.run(
        ["bash", "-c", IN_BASH], env=environ, cwd=shop.folder, capture_output=True, text=True, check=False
    )
    assert (said.stdout, said.stderr, said.returncode) == (EXPECTED, "", 0)


@pytest.mark.skipif(shutil.which("fish") is None, reason="there is no fish here")
def test_fish_shows_words_with_all_of_their_help(shop: Shell, tmp_path: Path) -> None:
    """As the shell itself answers what it would complete."""
    script = tmp_path / "script.fish"
    script.write_text(shop.run("completion", "fish").output, encoding="utf-8")
    environ = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "HOME": str(tmp_path)}
    asked = f"source {script}; complete -C 'browsee-adapter ev'"
    said = subprocess.run(
        ["fish", "-c", asked], env=environ, cwd=shop.folder, capture_output=True, text=True, check=True
    )
    assert said.stdout == "events\tList, follow and show events; erase a user's data.\n"
