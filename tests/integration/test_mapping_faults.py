"""A mapping file is replaced while the process is killed, the disk fails or an editor saves: nothing is lost."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

OLD, NEW, THEIRS = "old\n" * 500, "new\n" * 500, "theirs\n"
REPLACE = f"""
import sys
from pathlib import Path
from adapter.service.rewriting import replace_file
try:
    replace_file(Path(sys.argv[1]), {NEW.encode()!r}, compared={OLD.encode()!r}, keep=print)
except OSError:
    raise SystemExit(3)
"""
WITH_AN_EDITOR = f"""
import os, sys
from pathlib import Path
from adapter.service import rewriting
file, saved, kept = Path(sys.argv[1]), [], []

def save(name, args):
    # The last moment before the files change places: the new one is on disk, and the editor renames its own.
    if name == "ctypes.dlsym" and not saved:
        saved.append(1)
        own = file.with_name("of-the-editor")
        own.write_text({THEIRS!r})
        os.replace(own, file)

sys.addaudithook(save)
rewriting.replace_file(file, {NEW.encode()!r}, compared={OLD.encode()!r}, keep=kept.append)
raise SystemExit(0 if kept == [{THEIRS.encode()!r}] else 4)
"""


def _run(before: list[str], code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    line = [*before, sys.executable, "-B", "-c", code, *arguments]
    return subprocess.run(line, check=False, capture_output=True, text=True, timeout=60)


def _traced(file: Path, *, trace: str, inject: str) -> subprocess.CompletedProcess[str]:
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("needs strace (Debian: apt install strace)")
    options = ["-f", "-qq", "-o", str(file.parent.parent / "trace"), "-e", f"trace={trace}", "-e", f"inject={inject}"]
    return _run([strace, *options], REPLACE, str(file))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "mappings").mkdir()
    file = tmp_path / "mappings" / "shop.yaml"
    file.write_text(OLD)
    return file


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("step", ["fchmod", "write", "fsync", "renameat2", "unlink"])
def test_a_kill_at_any_step_leaves_the_old_file_or_the_new_one(file: Path, step: str, nth: int) -> None:
    """Never half of one; and what is left beside it is for the next start."""
    done = _traced(file, trace=step, inject=f"{step}:signal=KILL:when={nth}")
    assert file.read_text() in (OLD, NEW)
    if done.returncode == 0:
        assert file.read_text() == NEW
    left = {each.name for each in file.parent.iterdir()} - {file.name}
    assert all(name.startswith(".shop.yaml.") and name.endswith(".browsee-adapter.tmp") for name in left)


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("step", ["fchmod", "fsync", "renameat2", "unlink"])
def test_a_failure_is_reported_only_if_the_file_is_as_it_was(file: Path, step: str, nth: int) -> None:
    """What is reported as not written must not become active a moment later."""
    done = _traced(file, trace=step, inject=f"{step}:error=EIO:when={nth}")
    assert (done.returncode, file.read_text()) in ((0, NEW), (3, OLD))


@pytest.mark.parametrize("why", ["ENOSYS", "EINVAL"])
def test_a_disk_that_cannot_exchange_files_is_written_all_the_same(file: Path, why: str) -> None:
    """By a second link and a rename."""
    done = _traced(file, trace="renameat2", inject=f"renameat2:error={why}:when=1")
    assert (done.returncode, file.read_text()) == (0, NEW)
    assert [each.name for each in file.parent.iterdir()] == [file.name]


def test_an_editor_that_renames_its_own_file_loses_nothing(file: Path) -> None:
    """Not even between the last look at the file and its replacement."""
    done = _run([], WITH_AN_EDITOR, str(file))
    assert (done.returncode, file.read_text()) == (0, NEW), done.stderr
