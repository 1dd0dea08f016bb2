"""The action for GitHub and the hook for pre-commit: their own scripts, run as their runners run them."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.unit.cli.conftest import MAPPING

ROOT = Path(__file__).parents[1]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text(encoding="utf-8"))
[HOOK] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
BROKEN = MAPPING.replace("track: ORDER_COMPLETED", "trakc: ORDER_COMPLETED", 1)


def step(name: str) -> dict[str, Any]:
    [found] = [step for step in ACTION["runs"]["steps"] if step.get("name") == name]
    return dict(found)


def check(folder: Path, *, files: str, strict: str = "false") -> subprocess.CompletedProcess[str]:
    """Run the script of the step `Check`, with its inputs, as a runner does: `bash -e -o pipefail`."""
    environ = {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "FILES": files, "STRICT": strict}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step("Check")["run"]]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=60, check=False)


def mappings(folder: Path, text: str) -> Path:
    (folder / "mappings").mkdir()
    (folder / "mappings/shop.yaml").write_text(text, encoding="utf-8")
    return folder


def test_the_action_annotates_the_line_and_fails(tmp_path: Path) -> None:
    """A pull request shows each problem beside its line."""
    done = check(mappings(tmp_path, BROKEN), files=ACTION["inputs"]["files"]["default"])
    assert done.returncode == 1
    assert re.search(r"^::error file=mappings/shop\.yaml,line=\d+,col=\d+,title=E1\d\d::", done.stdout, re.MULTILINE)


def test_the_action_passes_what_is_sound(tmp_path: Path) -> None:
    """Also with `strict`."""
    done = check(mappings(tmp_path, MAPPING), files="mappings/*.yaml", strict="true")
    assert (done.returncode, done.stdout) == (0, "")


def test_the_action_fails_where_no_file_is_found(tmp_path: Path) -> None:
    """A wrong path must not look like a passed check."""
    assert check(tmp_path, files="mappings/*.yaml").returncode != 0


def test_the_action_runs_nothing_that_an_input_holds(tmp_path: Path) -> None:
    """An input is text of a workflow's author, and may come from a pull request."""
    check(tmp_path, files="$(touch ran) `touch ran`; touch ran", strict="$(touch ran)")
    assert not (tmp_path / "ran").exists()
    for found in ACTION["runs"]["steps"]:
        assert "${{" not in found.get("run", "")


def test_the_action_installs_what_is_locked() -> None:
    """From this checkout, with hashes."""
    for path in re.findall(r"\$GITHUB_ACTION_PATH/([\w./]+)", step("Install the adapter of this version")["run"]):
        assert (ROOT / path).exists()


def test_the_hook_checks_the_files_that_it_is_given(tmp_path: Path) -> None:
    """pre-commit appends the names of changed files to `entry`."""
    folder = mappings(tmp_path, BROKEN)
    program, *words = shlex.split(HOOK["entry"])
    command = [str(Path(sys.executable).parent / program), *words, "mappings/shop.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "mappings/shop.yaml:" in done.stdout


def test_the_hook_looks_at_mappings_and_settings() -> None:
    """And at no other YAML of a repository."""
    names = ["adapter.yaml", "deploy/adapter.yml", "mappings/shop.yaml", "a/mappings/b/c.yml"]
    others = ["compose.yaml", "my-adapter.yaml", "mappings.yaml", "mappings/readme.md", ".github/workflows/ci.yml"]
    assert [name for name in names + others if re.search(HOOK["files"], name)] == names
