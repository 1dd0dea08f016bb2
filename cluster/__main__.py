"""`python -m cluster`, run by `make scale`: PostgreSQL, three replicas and a proxy on this machine, until Ctrl-C.

With BROWSEE_API_KEY the replicas deliver to Browsee, without it to one stand-in for all of them. The queue is kept in
`data/scale`, or in SCALE_DIR.
"""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from cluster.postgres import HOW_TO_GET_IT, Server, ServerError, make_data, programs, serving
from cluster.proxy import Proxy
from cluster.replica import Command, CommandError

REPLICAS = 3
_FOLDER = Path("data/scale")
_OF_ROOT = Path("/var/lib/browsee-adapter-scale")
_EXAMPLE = '{"type":"track","event":"Order Completed","userId":"u-1","properties":{"total":27.5}}'
_SERVER = ("-c", "max_connections=60")
_LOOK_S = 0.2


def say(line: str = "") -> None:
    """A line for the user of the command."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def data_folder(environ: Mapping[str, str], *, is_root: bool) -> Path:
    """The folder of the cluster's data. A server that root starts runs as another user, who may not enter a home."""
    folder = Path(environ.get("SCALE_DIR") or _FOLDER).absolute()
    above = [folder, *folder.parents]
    can_enter = all(each.stat().st_mode & 0o001 for each in above if each.exists())
    return folder if can_enter or not is_root or environ.get("SCALE_DIR") else _OF_ROOT


@contextlib.contextmanager
def database(folder: Path) -> Iterator[Server]:
    """PostgreSQL with its data in `folder`. Raises ServerError."""
    with tempfile.TemporaryDirectory(prefix="browsee-adapter-", ignore_cleanup_errors=True) as sockets:
        make_data(folder / "postgresql")
        with serving(
            folder / "postgresql", socket=Path(sockets), log=folder / "postgresql.log", options=_SERVER
        ) as server:
            yield server


@contextlib.asynccontextmanager
async def alone_in(folder: Path, *, patience_s: float = 30.0) -> AsyncIterator[None]:
    """No other `make scale` uses `folder` in the block. Waits for one that is stopping; raises ServerError then."""
    with (folder / "lock").open("w") as lock:
        end_s = asyncio.get_running_loop().time() + patience_s
        is_said = False
        while not _lock(lock):
            if asyncio.get_running_loop().time() > end_s:
                raise ServerError(f"another `make scale` uses {folder}: stop it, or set SCALE_DIR and PORT")
            if not is_said:
                say(f"Waiting until another `make scale` has stopped, which uses {folder} ...")
                is_said = True
            await asyncio.sleep(_LOOK_S)
        yield


def _lock(file: IO[str]) -> bool:
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return True
    return False


def check_ports(ports: Sequence[int]) -> None:
    """Raises ServerError if another program listens at one of `ports` of this machine."""
    for port in filter(None, ports):
        with socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                tried.bind(("127.0.0.1", port))
            except OSError as taken:
                raise ServerError(
                    f"port {port}: {(taken.strerror or 'not to be had').lower()}. This command needs the ports "
                    f"{ports[0]} to {ports[-1]}; choose others: make scale PORT=9000"
                ) from None


@dataclass(frozen=True, slots=True)
class Cluster:
    """The running parts, with their addresses and how they are stopped."""

    server: Server
    folder: Path
    queue: str
    sandbox: Command | None
    replicas: Sequence[Command]
    proxy: Proxy
    url: str

    def greeting(self, *, key: str, token: str) -> Iterator[str]:
        """The addresses. `key` and `token` are shown as they are."""
        if self.sandbox is not None:
            yield f"SANDBOX: nothing goes to Browsee; a stand-in takes the calls: http://127.0.0.1:{self.sandbox.port}/calls"
        for replica in self.replicas:
            yield f"{replica.name}: http://127.0.0.1:{replica.port}  pid {replica.pid}"
        yield f"Proxy: {self.url}  to the replicas that are ready, in turn"
        yield f"Webhook of default: {self.url}/webhooks/default/{key}"
        yield f"Try it:\n  curl {self.url}/webhooks/default/{key} -d '{_EXAMPLE}'"
        yield f"Console: {self.url}/console/{token}"
        yield f"Queue: {self.queue}"
        yield f"Data and logs: {self.folder}   Keys: .env"
        yield f"See one go and another take over: kill -9 {self.replicas[0].pid}   Stop: Ctrl-C"


def _command(name: str, arguments: Sequence[str], *, folder: Path, environ: Mapping[str, str]) -> Command:
    return Command(name, arguments, environ, folder / f"{name}.log")


async def run(environ: Mapping[str, str], *, stop: asyncio.Event, started: Callable[[Cluster], None]) -> None:
    """Start everything, and stop it in the right order once `stop` is set. Raises ServerError, CommandError."""
    folder = data_folder(environ, is_root=os.geteuid() == 0)
    folder.mkdir(parents=True, exist_ok=True)
    first = int(environ.get("PORT") or 8080)
    ports = [first + number if first else 0 for number in range(REPLICAS + 2)]
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(alone_in(folder))
        check_ports(ports)
        server = stack.enter_context(database(folder))
        queue = server.url("browsee_adapter")
        to_browsee = dict(environ)
        sandbox = None
        if not environ.get("BROWSEE_API_KEY"):
            arguments = ["sandbox", "--port", str(ports[-1]), "--db", str(folder / "sandbox-calls.db")]
            sandbox = _command("sandbox", arguments, folder=folder, environ=environ)
            stack.push_async_callback(sandbox.stop)
            await sandbox.start()
            to_browsee |= {"BROWSEE_API_KEY": "sandbox", "BROWSEE_URL": f"http://127.0.0.1:{sandbox.port}/api/v1"}
        replicas = []
        for number in range(1, REPLICAS + 1):
            name = f"replica-{number}"
            serve = ["serve", "--host", "127.0.0.1", "--port", str(ports[number])]
            own = {"ADAPTER_QUEUE": queue, "ADAPTER_STATE_DIR": str(folder / name)}
            replicas.append(_command(name, serve, folder=folder, environ=to_browsee | own))
        stack.push_async_callback(_stop_all, replicas)
        await asyncio.gather(*(replica.start() for replica in replicas))
        # After the first start each keeps its port, for the proxy.
        for replica in replicas:
            replica.arguments = ["serve", "--host", "127.0.0.1", "--port", str(replica.port)]
        proxy = Proxy([replica.port for replica in replicas])
        port = await stack.enter_async_context(proxy.serving(host="127.0.0.1", port=ports[0]))
        watching = [asyncio.create_task(replica.keep_running(say)) for replica in replicas]
        stack.push_async_callback(_cancel, watching)
        started(Cluster(server, folder, queue, sandbox, replicas, proxy, f"http://127.0.0.1:{port}"))
        await stop.wait()
        say("Stopping: calls under way end first ...")


async def _stop_all(commands: Sequence[Command]) -> None:
    await asyncio.gather(*(command.stop() for command in commands))


async def _cancel(tasks: Sequence[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def main() -> None:
    """Run until SIGINT or SIGTERM."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    is_shown = sys.stdout.isatty()
    key = os.environ.get("ADAPTER_WRITE_KEY", "") if is_shown else "<key>"
    token = f"#/sign-in?token={os.environ.get('ADAPTER_ADMIN_TOKEN', '')}" if is_shown else ""

    def started(cluster: Cluster) -> None:
        for line in cluster.greeting(key=key, token=token):
            say(line)

    await run(os.environ, stop=stop, started=started)
    say("Stopped.")


if __name__ == "__main__":
    if programs() is None:
        sys.exit(HOW_TO_GET_IT)
    try:
        asyncio.run(main())
    except (ServerError, CommandError, OSError) as error:
        sys.exit(f"{error}")
