"""The container image: built from the Dockerfile, started as docs/deploy.md says, edited, stopped, started again."""

import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from adapter.version import VERSION
from tests.acceptance.containers import BASE, IMAGE, ROOT, USER, Podman, image_in
from tests.acceptance.processes import Process, start
from tests.fakes import until

pytestmark = pytest.mark.timeout(600)

KEY = "a-write-key-of-some-length"
TOKEN = "a-token-for-the-operator"
MAPPING = "version: 1\nrules:\n  - when: {{type: track}}\n    track: {name}\n"
MOST_MB = 120
LOCKED = (
    "--read-only",
    "--read-only-tmpfs=false",
    "--cap-drop=ALL",
    "--security-opt=no-new-privileges",
    "--memory=128m",
    "--pids-limit=64",
)


@pytest.fixture(scope="module")
def podman() -> Iterator[Podman]:
    """podman with the image. In a folder of a short path, because podman makes sockets in it."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    try:
        with image_in(folder) as built:
            yield built
    finally:
        shutil.rmtree(folder)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30)) as session:
        yield session


@pytest.fixture
async def sandbox(tmp_path: Path) -> AsyncIterator[Process]:
    started = await start(["sandbox", "--port", "0"], log=tmp_path / "sandbox.log")
    yield started
    await started.stop()


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The only file of a folder `mappings`, so that it is found without being named."""
    file = tmp_path / "mappings" / "shop.yaml"
    file.parent.mkdir()
    file.write_text(MAPPING.format(name="FIRST"), encoding="utf-8")
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def options(port: int, browsee: str) -> list[str]:
    """On the host's own network, where the sandbox is, and reachable from this machine only."""
    given = {
        "BROWSEE_API_KEY": "browsee-key",
        "ADAPTER_WRITE_KEY": KEY,
        "ADAPTER_ADMIN_TOKEN": TOKEN,
        "BROWSEE_URL": f"{browsee}/api/v1",
        "ADAPTER_HOST": "127.0.0.1",
        "ADAPTER_PORT": str(port),
    }
    return ["--network=host", *(f"--env={name}={value}" for name, value in given.items())]


def line_of_readme(port: int, browsee: str) -> list[str]:
    """The options of the `docker run` that docs/deploy.md shows, with real keys and addresses for those it shows."""
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8").replace("\\\n", " ")
    (line,) = re.findall(r"(?m)^docker run (-d .*)$", text)
    words = shlex.split(line)
    for shown in ("BROWSEE_API_KEY=your-key", "ADAPTER_WRITE_KEY=a-secret-of-your-own", "127.0.0.1:8080:8080"):
        at = words.index(shown)
        del words[at - 1 : at + 1]
    assert words.pop(0) == "-d"
    assert words.pop() == "browsee-adapter"
    return [*words, *options(port, browsee), IMAGE]


async def send(http: aiohttp.ClientSession, port: int, user: str = "u") -> int:
    message = {"type": "track", "event": "Clicked", "userId": user}
    try:
        async with http.post(f"http://127.0.0.1:{port}/webhooks/default/{KEY}", json=message) as answer:
            return answer.status
    except aiohttp.ClientConnectionError:
        return 0


async def readyz(http: aiohttp.ClientSession, port: int) -> dict[str, Any]:
    """The body of `/readyz`, or None while nothing listens."""
    try:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with http.get(f"http://127.0.0.1:{port}/readyz", headers=headers) as answer:
            return dict(await answer.json())
    except aiohttp.ClientConnectionError:
        return {}


async def calls(http: aiohttp.ClientSession, sandbox: Process) -> list[tuple[str, str]]:
    """User and event of each call that the sandbox got."""
    async with http.get(f"{sandbox.url}/calls", params={"limit": "10000"}) as answer:
        return [(call["body"]["userId"], call["body"]["event"]) for call in await answer.json()]


def happened(podman: Podman, name: str, telemetry: str) -> dict[str, Any]:
    """The one line of this telemetry in the container's log."""
    (line,) = [line for line in podman.log(name) if line["name"] == telemetry]
    return line


async def started(podman: Podman, name: str) -> bool:
    return any(line["name"] == "ServiceStarted" for line in podman.log(name))


def test_it_is_small_and_says_what_it_is(podman: Podman) -> None:
    """Little on top of the base, without root, and labelled with the version that it holds."""
    image, base = podman.inspect(IMAGE), podman.inspect(BASE)
    assert (image["Size"] - base["Size"]) / 1e6 < MOST_MB
    assert image["Config"]["User"] == f"{USER}:{USER}"
    assert image["Config"]["Labels"]["org.opencontainers.image.title"] == "browsee-adapter"
    assert image["Config"]["Labels"]["org.opencontainers.image.version"] == VERSION
    assert VERSION in podman("run", "--rm", "--network=none", IMAGE, "--version")


def test_it_has_only_what_runs(podman: Podman) -> None:
    """Neither pip nor the build's tools are in it, nor anything of the checkout but the wheel."""
    command = "ls /opt/browsee-adapter/bin /opt/browsee-adapter/lib/python3*/site-packages /data /mappings"
    there = podman("run", "--rm", "--network=none", "--entrypoint=sh", IMAGE, "-c", command).split()
    assert {"browsee-adapter", "adapter", "aiohttp"} <= set(there)
    assert [name for name in there if re.match(r"pip|hatch|pytest|tests|\.git", name)] == []


async def test_the_line_of_the_readme(
    podman: Podman, http: aiohttp.ClientSession, sandbox: Process, mapping: Path
) -> None:
    """It delivers, takes an edit of the mapping, stops with 0, and a new container goes on where the old one was."""
    port = free_port()
    line = line_of_readme(port, sandbox.url)

    async def arrived(name: str) -> bool:
        return await send(http, port) == 200 and ("u", name) in await calls(http, sandbox)

    with podman.running(*line, cwd=mapping.parents[1]) as name:
        await until(lambda: arrived("FIRST"))
        mapping.write_text(MAPPING.format(name="SECOND"), encoding="utf-8")
        await until(lambda: arrived("SECOND"))
        await sandbox.stop()
        assert await send(http, port, "waits") == 200
        podman("stop", name)
        assert podman.inspect(name)["State"]["ExitCode"] == 0
        assert happened(podman, name, "ServiceStopped")["pending"] >= 1

    again = await start(["sandbox", "--port", sandbox.url.rpartition(":")[2]], log=sandbox.log)

    async def delivered() -> bool:
        return ("waits", "SECOND") in await calls(http, again)

    with podman.running(*line, cwd=mapping.parents[1]):
        await until(delivered)
    await again.stop()


async def test_sigterm_reaches_it_and_drains(
    podman: Podman, http: aiohttp.ClientSession, tmp_path: Path, mapping: Path
) -> None:
    """The call that is under way when the container is stopped is finished: nothing is left, and nothing repeated."""
    script = tmp_path / "script.yaml"
    script.write_text("- {nth: 1, delay_s: 2}\n", encoding="utf-8")
    slow = await start(["sandbox", "--port", "0", "--script", str(script)], log=tmp_path / "slow.log")
    port = free_port()

    async def ready() -> bool:
        return bool((await readyz(http, port)).get("ready"))

    async def under_way() -> bool:
        return bool((await readyz(http, port))["projects"][0]["calls_under_way"])

    volume = f"--volume={mapping.parent}:/mappings:ro"
    with podman.running(*options(port, slow.url), "--stop-timeout=30", volume, IMAGE) as name:
        await until(ready)
        assert await send(http, port) == 200
        await until(under_way)
        podman("stop", name)
        assert podman.inspect(name)["State"]["ExitCode"] == 0
        assert happened(podman, name, "ServiceStopping")["in_flight"] == 1
        assert happened(podman, name, "ServiceStopped")["pending"] == 0
    assert await calls(http, slow) == [("u", "FIRST")]
    await slow.stop()


async def test_it_works_locked_down(
    podman: Podman, http: aiohttp.ClientSession, sandbox: Process, mapping: Path
) -> None:
    """With nothing writable but the volume, no capability and 128 MB it delivers, and its health check is right."""
    port = free_port()
    users = {f"u-{n}" for n in range(100)}
    volume = f"--volume={mapping.parent}:/mappings:ro"
    with podman.running(*LOCKED, *options(port, sandbox.url), volume, IMAGE) as name:

        async def ready() -> bool:
            return bool((await readyz(http, port)).get("ready"))

        async def all_arrived() -> bool:
            return {user for user, _ in await calls(http, sandbox)} == users

        await until(ready)
        podman("healthcheck", "run", name)
        for user in users:
            assert await send(http, port, user) == 200
        await until(all_arrived, within_s=60)

        status = podman("exec", name, "cat", "/proc/1/status")
        assert re.search(rf"Uid:\t{USER}\t", status), status
        assert re.search(r"CapEff:\t0+\n", status), status
        podman("exec", name, "touch", "/opt/browsee-adapter/new", expect=1)

        podman("kill", "--signal=STOP", name)
        podman("healthcheck", "run", name, expect=1)
        podman("kill", "--signal=CONT", name)
        podman("healthcheck", "run", name)
        podman("stop", name)
        state = podman.inspect(name)["State"]
        assert (state["ExitCode"], state["OOMKilled"]) == (0, False)


async def test_it_listens_on_8080_and_takes_the_shipped_mapping(podman: Podman) -> None:
    """Given two keys and nothing else, it serves on the port of EXPOSE with the mapping that it comes with."""
    keys = ["--env=BROWSEE_API_KEY=browsee-key", f"--env=ADAPTER_WRITE_KEY={KEY}"]
    with podman.running("--network=none", *keys, IMAGE) as name:
        await until(lambda: started(podman, name))
        assert happened(podman, name, "ServiceStarted")["url"] == "http://0.0.0.0:8080"
        assert "default.yaml" in happened(podman, name, "MappingActivated")["file"]
        podman("healthcheck", "run", name)
        assert podman("exec", name, "browsee-adapter", "dead", "list") == ""
    (port,) = podman.inspect(IMAGE)["Config"]["ExposedPorts"]
    assert port == "8080/tcp"


def test_without_a_key_it_says_so_and_ends(podman: Podman) -> None:
    """Exit 2 with the way out, as outside a container; not a restart that looks like a crash."""
    assert "set BROWSEE_API_KEY" in podman("run", "--rm", "--network=none", IMAGE, expect=2)


def test_other_commands_run_in_it(podman: Podman, mapping: Path) -> None:
    """A user of the image alone can check a mapping with it, and sees the place of each mistake."""
    command = ("run", "--rm", "--network=none", f"--volume={mapping.parent}:/mappings:ro", IMAGE, "check")
    podman(*command, "/mappings/shop.yaml")
    mapping.write_text(MAPPING.format(name="FIRST").replace("track:", "trakc:"), encoding="utf-8")
    assert "/mappings/shop.yaml:4:5: error E111" in podman(*command, "/mappings/shop.yaml", expect=1)


@pytest.fixture
def first_files(tmp_path: Path) -> Path:
    """The folder that `init` has made."""
    subprocess.run([sys.executable, "-m", "adapter", "init", "shop"], cwd=tmp_path, check=True, stdout=subprocess.PIPE)
    return tmp_path / "shop"


async def test_the_compose_file_of_init_fits(podman: Podman, first_files: Path) -> None:
    """What `init` writes runs as compose would run it: its settings file and mapping are the ones in use."""
    service = yaml.safe_load((first_files / "compose.yaml").read_text(encoding="utf-8"))["services"]["adapter"]
    given = {"BROWSEE_API_KEY": "browsee-key"} | {
        name: value for name, value in service.pop("environment").items() if not value.startswith("${")
    }
    flags = [f"--env={name}={value}" for name, value in given.items()]
    flags += [f"--volume={volume}" for volume in service.pop("volumes")]
    assert service == {
        "image": "browsee-adapter",
        "restart": "unless-stopped",
        "stop_grace_period": "30s",
        "ports": ["127.0.0.1:${PORT:-8080}:8080"],
    }
    with podman.running("--network=none", *flags, IMAGE, cwd=first_files) as name:
        await until(lambda: started(podman, name))
        assert happened(podman, name, "ServiceStarted")["url"] == "http://0.0.0.0:8080"
        assert happened(podman, name, "MappingActivated")["file"] == "/config/mappings/shop.yaml"
        podman("healthcheck", "run", name)


async def test_the_files_for_kubernetes_fit(podman: Podman, tmp_path: Path) -> None:
    """As a kubelet would run the pod: its settings, mapping and secret are in use, with no more rights than it has."""
    files = (ROOT / "deploy/kubernetes").glob("*.yaml")
    made = {(file.stem, part["kind"]): part for file in files for part in [yaml.safe_load(file.read_text("utf-8"))]}
    (container,) = made["statefulset", "StatefulSet"]["spec"]["template"]["spec"]["containers"]
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    flags = [*LOCKED, f"--volume=data:{mounts['data']}"]
    for name in ("settings", "mappings"):
        (tmp_path / name).mkdir()
        for key, text in made[name, "ConfigMap"]["data"].items():
            (tmp_path / name / key).write_text(text, encoding="utf-8")
        flags.append(f"--volume={tmp_path / name}:{mounts[name]}:ro")
    flags += [f"--env={one['name']}={one['value']}" for one in container["env"]]
    flags += [f"--env={name}=a-secret-of-some-length-{name}" for name in made["secret", "Secret"]["stringData"]]
    with podman.running("--network=none", *flags, IMAGE) as name:
        await until(lambda: started(podman, name))
        assert happened(podman, name, "MappingActivated")["file"] == "/mappings/shop.yaml"
        assert happened(podman, name, "ServiceStarted")["queue"] == "sqlite:////data/adapter.db"
        podman("healthcheck", "run", name)
