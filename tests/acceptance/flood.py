"""Peers that send bytes which are not HTTP, and go on.

`python -m tests.acceptance.flood SHAPE CONNECTIONS SECONDS PORT…` holds so many connections to each port, opens another
for each that was closed, and sends as fast as it is read. Prints how many connections it opened.
"""

import selectors
import socket
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from random import Random

_NOISE = Random(1).randbytes(65_536)  # noqa: S311 - any bytes will do
_HOST = b"Host: adapter\r\n"
_ASK = b"GET /healthz HTTP/1.1\r\n" + _HOST
_POST = b"POST /v1/track HTTP/1.1\r\n" + _HOST
_CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n"

SHAPES: Mapping[str, tuple[bytes, bytes]] = {
    # Name: what is sent once, what is sent again and again.
    "noise": (b"", _NOISE),
    "noise after a request": (_ASK + b"\r\n", _NOISE),
    "noise after a refused upgrade": (_ASK + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n", _NOISE),
    "noise after CONNECT": (b"CONNECT adapter:443 HTTP/1.1\r\n" + _HOST + b"\r\n", _NOISE),
    "noise behind a body": (_POST + b"Content-Length: 10\r\n\r\n{}", _NOISE),
    "an unknown method": (b"STORE / HTTP/1.1\r\n", _NOISE),
    "an endless request line": (b"GET /", b"a" * 65_536),
    "an endless header": (_ASK + b"X-A: ", b"a" * 65_536),
    "headers without end": (_ASK, b"X-A: a\r\n" * 8_192),
    "chunks that are none": (_POST + _CHUNKED + b"nonsense\r\n", _NOISE),
    "a bad chunk after a good one": (_POST + _CHUNKED + b"2\r\n{}\r\n-1\r\n", _NOISE),
    "an endless chunk header": (_POST + _CHUNKED + b"2;a=", b"a" * 65_536),
    "trailers without end": (_POST + _CHUNKED + b"0\r\n", b"X-A: a\r\n" * 8_192),
    "a bad length": (_POST + b"Content-Length: -1\r\n\r\n", _NOISE),
    "two lengths": (_POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n", _NOISE),
    "chunks in HTTP/1.0": (_POST.replace(b"1.1", b"1.0") + _CHUNKED, b"2\r\n{}\r\n" * 8_192),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", _NOISE),
    "HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\0\0\0\x04\0\0\0\0\0" * 7_000),
    "bare line feeds": (b"", b"GET /healthz HTTP/1.1\nHost: adapter\n\n" * 1_800),
    "NULs": (b"", bytes(65_536)),
    "an unknown Expect": (b"", (_POST + b"Expect: more\r\nContent-Length: 2\r\n\r\n{}") * 600),
}


def flood(shape: str, *, connections: int, seconds: float, ports: list[int]) -> int:
    """Send `shape` over so many connections to each of `ports` at once; how many were opened in all."""
    once, again = SHAPES[shape]
    sending, opened = selectors.DefaultSelector(), 0

    def open_one(port: int) -> None:
        peer = socket.socket()
        peer.setblocking(False)
        peer.connect_ex(("127.0.0.1", port))
        sending.register(peer, selectors.EVENT_WRITE, [once, port])

    for port in ports:
        for _ in range(connections):
            open_one(port)
            opened += 1
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        for key, _ in sending.select(0.1):
            peer, state = key.fileobj, key.data
            assert isinstance(peer, socket.socket)
            try:
                sent = peer.send(state[0] or again)
                state[0] = state[0][sent:]
            except BlockingIOError:
                continue
            except OSError:
                sending.unregister(peer)
                peer.close()
                open_one(state[1])
                opened += 1
    for key in list(sending.get_map().values()):
        with suppress(OSError):
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.close()
    return opened


if __name__ == "__main__":
    shape, connections, seconds, *ports = sys.argv[1:]
    opened = flood(shape, connections=int(connections), seconds=float(seconds), ports=[int(port) for port in ports])
    sys.stdout.write(f"{opened}\n")
