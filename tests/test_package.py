"""The wheel is whole: installed on its own, it has its schemas and mappings, and it serves.

The new environment has the wheel's files only. Its dependencies come from the environment that runs the tests, by a
path file, so that nothing is fetched; a path file of a path file is not followed, so the checkout stays out of reach.
"""

import json
import os
import re
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
import venv
from collections.abc import Iterator
from contextlib import suppress
from email.parser import Parser
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from adapter.version import VERSION

ROOT = Path(__file__).parents[1]
EVENT = {"type": "track", "event": "Order Completed", "userId": "u-1", "properties": {"total": 27.5}}
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a fresh environment with the wheel in it."""
    folder = tmp_path_factory.mktemp("package")
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT), cwd=folder)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    python = folder / "env" / "bin" / "python"
    run(
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(python),
        "install",
        "-q",
        "--no-deps",
        "--no-index",
        str(wheel),
        cwd=folder,
    )
    (packages,) = (folder / "env" / "lib").glob("python*/site-packages")
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return python.parent


def run(*command: str, cwd: Path, expect: int = 0) -> str:
    """What a command says on stdout. Fails with all it said if it does not end with `expect`."""
    done = subprocess.run(command, cwd=cwd, env=clean(), capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == expect, done.stdout + done.stderr
    return done.stdout


def clean() -> dict[str, str]:
    """The environment without what would lead to the checkout or to somebody's settings."""
    foreign = ("ADAPTER_", "BROWSEE_", "PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}


def test_the_manual_page_is_where_man_looks(installed: Path) -> None:
    """`man browsee-adapter` works in the environment, and pipx links the page."""
    page = installed.parent / "share/man/man1/browsee-adapter.1"
    assert page.read_text(encoding="utf-8") == (ROOT / "docs/browsee-adapter.1").read_text(encoding="utf-8")


def test_it_is_the_wheel_that_runs(installed: Path, tmp_path: Path) -> None:
    """Code, schemas and mappings come from the new environment, not from the checkout."""
    said = run(
        str(installed / "python"),
        "-c",
        "import adapter.model; from adapter.bundled import bundled; print(adapter.model.__file__, bundled('mappings'))",
        cwd=tmp_path,
    )
    code, mappings = said.split()
    assert code.startswith(str(installed.parent))
    assert mappings.endswith("adapter/_shipped/mappings")


def test_the_page_on_pypi_has_links_that_work(installed: Path) -> None:
    """Its text is the README, and every link and picture in it is an address; so are those beside it."""
    (file,) = installed.parent.glob("lib/python*/site-packages/browsee_adapter-*.dist-info/METADATA")
    found = Parser().parsestr(file.read_text(encoding="utf-8"))
    assert found["Version"] == VERSION
    assert found["Description-Content-Type"] == "text/markdown"
    links = re.findall(r"\]\(([^)]+)\)", str(found.get_payload()))
    assert len(links) > 20
    assert [link for link in links if not link.startswith(("https://", "#"))] == []
    urls = dict(url.split(", ") for url in found.get_all("Project-URL", []))
    assert {"Source", "Documentation", "Changelog", "Issues"} <= urls.keys()


def test_the_repository_has_one_address() -> None:
    """Every mention of it is the one in pyproject.toml."""
    urls = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["urls"]
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False).stdout
    for name in filter(None, listed.split("\0")):
        with suppress(UnicodeDecodeError, FileNotFoundError):
            text = (ROOT / name).read_text(encoding="utf-8")
            for address in re.findall(r"https://github\.com/[\w.-]+/browsee-adapter", text):
                assert address == urls["Source"], name


def test_help_is_shown(installed: Path, tmp_path: Path) -> None:
    """The command is on the path and knows its commands."""
    said = run(str(installed / "browsee-adapter"), "--help", cwd=tmp_path)
    assert "serve" in said
    assert "check" in said


def test_the_shipped_mappings_are_sound(installed: Path, tmp_path: Path) -> None:
    """Every mapping in the wheel passes its own tests."""
    folder = next(installed.parent.glob("lib/python*/site-packages/adapter/_shipped/mappings"))
    run(str(installed / "browsee-adapter"), "check", *map(str, sorted(folder.glob("*.yaml"))), cwd=tmp_path)


def test_first_files_are_written_and_sound(installed: Path, tmp_path: Path) -> None:
    """What `init` writes is in the wheel, and `check` has nothing to say but that the key is not set."""
    run(str(installed / "browsee-adapter"), "init", "shop", cwd=tmp_path)
    run(str(installed / "browsee-adapter"), "check", "adapter.yaml", "mappings/shop.yaml", cwd=tmp_path / "shop")


def test_the_reliability_kit_is_not_in_it(installed: Path, tmp_path: Path) -> None:
    """What only developers run is in a clone; the command says so and exits with status 2."""
    command = [str(installed / "browsee-adapter"), "chaos", "--short"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env={"PATH": ""})
    assert done.returncode == 2
    assert "the reliability kit is in a clone of the project" in done.stderr


@pytest.fixture
def served(installed: Path, tmp_path: Path) -> Iterator[str]:
    """All that a running `serve --sandbox` has printed when it is ready."""
    command = [str(installed / "browsee-adapter"), "serve", "--sandbox", "--host", "127.0.0.1", "--port", "0"]
    environ = {**clean(), "ADAPTER_LOG_FORMAT": "json"}
    with subprocess.Popen(command, cwd=tmp_path, env=environ, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines: list[str] = []
        for line in process.stdout:
            lines.append(line)
            if "/readyz" in line:
                break
        yield "".join(lines)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=PATIENCE_S) == 0


def test_an_event_comes_through(served: str, tmp_path: Path) -> None:
    """From the wheel alone: an event is received, mapped and delivered to the built-in sandbox."""
    (service,) = re.findall(r"(http://127\.0\.0\.1:\d+)/readyz", served)
    made = json.loads((tmp_path / "data" / "generated-secrets.json").read_text(encoding="utf-8"))
    assert made["keys"]["default"] not in served, "a key was printed where it ends in a log"
    request = Request(
        f"{service}/webhooks/default/{made['keys']['default']}", json.dumps(EVENT).encode(), method="POST"
    )
    with urlopen(request, timeout=PATIENCE_S) as answer:
        assert json.load(answer) == {"success": True}
    assert arrived(service, made["admin_token"])["event"] == "ORDER_COMPLETED"
    with urlopen(f"{service}/openapi.yaml", timeout=PATIENCE_S) as answer:
        assert b"/webhooks/{source}/{key}" in answer.read()


def test_the_console_is_in_it(served: str) -> None:
    """Its page, and what the page loads; the types of the bundles are for a clone."""
    (service,) = re.findall(r"(http://127\.0\.0\.1:\d+)/readyz", served)
    greeting = [json.loads(line)["message"] for line in served.splitlines()]
    assert f"Console: {service}/console/" in greeting, "the token was printed where it ends in a log"
    with urlopen(f"{service}/console/", timeout=PATIENCE_S) as answer:
        page = answer.read().decode()
    assets = re.findall(r'(?:src|href)="(assets/[^"]+)"', page)
    assert len(assets) >= 3
    [folder] = {asset.rpartition("/")[0].removesuffix("/vendor") for asset in assets}
    for asset in (*assets, f"{folder}/vendor/editor.js", f"{folder}/vendor/LICENSES.txt"):
        with urlopen(f"{service}/console/{asset}", timeout=PATIENCE_S) as answer:
            assert answer.read(1)


def arrived(service: str, token: str) -> dict[str, object]:
    """The body of the first call that the sandbox got."""
    asking = Request(f"{service}/api/sandbox/calls", headers={"Authorization": f"Bearer {token}"})
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        with urlopen(asking, timeout=PATIENCE_S) as answer:
            calls = json.load(answer)["calls"]
        if calls:
            body: dict[str, object] = calls[0]["body"]
            return body
        time.sleep(0.05)
    raise AssertionError("no call arrived")
