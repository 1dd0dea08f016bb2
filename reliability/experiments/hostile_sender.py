"""Experiment 9: broken and malicious senders. Each gets the right answer, and good senders are served."""

import asyncio
import gzip
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from reliability.checks import Bounds
from reliability.findings import Control, Experiment, Findings, Trial
from reliability.judge import judge
from reliability.oracle import Oracle
from reliability.sender import load, users
from reliability.stage import KEY, SOURCE, Setup, Stage

SLOW_SENDERS = 100
USERS = 10
EACH = 20
MEMORY_BYTES = 200_000_000
_SIGNED = "signed"
_SIGNED_KEY = "signed-key"
_MB = 1_000_000
_BOMB_BYTES = 150 * _MB
_GZIP = {"Content-Encoding": "gzip"}
_SETTINGS = {"limits": {"body": "5MB", "inflated": "20MB"}}
_UNLIMITED = {"limits": {"body": "500MB", "inflated": "2GB", "message": "2GB"}}


@dataclass(frozen=True, slots=True)
class _Request:
    """A request, and the right statuses; 0 is a connection that is closed before everything was sent."""

    name: str
    body: bytes
    expected: frozenset[int]
    path: str = f"/webhooks/{SOURCE}/{KEY}"
    headers: Mapping[str, str] = field(default_factory=dict)


def _requests() -> Sequence[_Request]:
    bad, large = frozenset({400}), frozenset({413, 0})
    signed = f"/webhooks/{_SIGNED}/{_SIGNED_KEY}"
    good = b'{"type":"group","userId":"u","groupId":"g"%s}'
    return (
        _Request("100 MB", b" " * 100 * _MB, large),
        _Request("a bomb", gzip.compress(b" " * _BOMB_BYTES, 1), frozenset({413}), headers=_GZIP),
        _Request("a bomb in a bomb", gzip.compress(gzip.compress(b" " * _BOMB_BYTES, 1)), bad, headers=_GZIP),
        _Request("6 million arrays", gzip.compress(b"[" + b"[]," * 6_000_000 + b"0]"), frozenset({413}), headers=_GZIP),
        _Request("cut gzip", gzip.compress(b'{"type":"track"}')[:-9], bad, headers=_GZIP),
        _Request("deep JSON", b'{"a":' * 100_000 + b"1" + b"}" * 100_000, bad),
        _Request("deep arrays", b"[" * 1_000_000, large),
        _Request("bad UTF-8", b'{"type":"track","event":"\xff\xfe"}', bad),
        _Request("no JSON", b"type=track&event=Clicked", bad),
        _Request("nothing", b"", frozenset({200, 400})),
        _Request("duplicate keys", good % b',"userId":"v","userId":"w"', frozenset({200})),
        _Request("huge numbers", good % b',"traits":{"n":1e999,"m":%s}' % (b"9" * 4000), frozenset({200, 400})),
        _Request("a message of 1 MB", good % b',"traits":{"text":"%s"}' % (b"x" * _MB), bad),
        _Request("a wrong signature", good % b"", frozenset({401}), path=signed, headers={"X-Signature": "0" * 40}),
        _Request("no signature", good % b"", frozenset({401}), path=signed),
        _Request("a wrong key", good % b"", frozenset({401}), path=f"/webhooks/{SOURCE}/wrong"),
        _Request("two keys", good % b"", frozenset({401}), headers={"Authorization": "Bearer wrong"}),
    )


async def run(trial: Trial) -> Findings:
    """With the default limits."""
    return await _attack(trial, _SETTINGS, _requests())


async def run_wrong(trial: Trial) -> Findings:
    """Without limits: a gzip bomb is read into memory."""
    return await _attack(trial, _UNLIMITED, [request for request in _requests() if request.name == "a bomb"])


async def _attack(trial: Trial, settings: Mapping[str, object], requests: Sequence[_Request]) -> Findings:
    oracle, requests = Oracle(), list(requests)
    trial.chance.shuffle(requests)
    sources = {SOURCE: {}, _SIGNED: {"keys": [_SIGNED_KEY], "signing_secrets": ["a-secret"]}}
    async with Stage.opened(trial.folder, Setup(sources=sources, settings=settings, queue=trial.queue)) as stage:
        async with _slow_senders(stage):
            loading = asyncio.create_task(load(stage, oracle, users(USERS), each=EACH))
            broken = [sentence for request in requests for sentence in await _send(stage, request)]
            await loading
        stage.note_memory()
        peak = f"{len(requests)} kinds of bad requests; at most {stage.peak_memory_bytes / _MB:.0f} MB"
        return await judge(stage, oracle, bounds=Bounds(memory_bytes=MEMORY_BYTES), broken=broken, note=peak)


async def _send(stage: Stage, request: _Request) -> list[str]:
    try:
        async with stage.http.post(
            f"{stage.url}{request.path}", data=io.BytesIO(request.body), headers=request.headers
        ) as answer:
            status, body = answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError):
        status, body = 0, b""
    if status not in request.expected:
        return [f"H: {request.name} was answered {status}; expected {sorted(request.expected)}"]
    if status == 400 and b'"code"' not in body:
        return [f"H: {request.name} was not answered why"]
    return []


@asynccontextmanager
async def _slow_senders(stage: Stage) -> AsyncIterator[None]:
    """Connections that begin a request and never end it."""
    async with AsyncExitStack() as stack:
        for number in range(SLOW_SENDERS):
            _, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2]))
            stack.callback(writer.close)
            begun = f"POST /webhooks/{SOURCE}/{KEY} HTTP/1.1\r\nHost: adapter\r\n"
            # Half of them stop within the header, half within the body.
            writer.write((begun if number % 2 else f"{begun}Content-Length: 1000\r\n\r\n{{").encode())
        yield


EXPERIMENT = Experiment(
    number="9",
    what="hostile senders",
    run=run,
    control=Control("without limits", "RH", run_wrong),
)
