"""Bare peers as processes: `python -m bench.servers ack` answers events, `… browsee` answers calls and times them.

`… browsee FILE` answers over TLS too, with the certificate and key in that file; `… collector` takes traces.
"""

import asyncio
import ssl
import sys
import time

import orjson
import uvloop
from aiohttp import web


async def acknowledge(request: web.Request) -> web.Response:
    """The least that any handler must do: read, parse, answer."""
    orjson.loads(await request.read())
    return web.Response(body=b'{"success":true}', content_type="application/json")


async def collect(request: web.Request) -> web.Response:
    """What a collector of traces has to do at least: read, and answer that it took them."""
    await request.read()
    return web.Response(content_type="application/x-protobuf")


class Calls:
    """Answers as Browsee does and records the times."""

    def __init__(self) -> None:
        self._at_s: list[float] = []

    async def take(self, request: web.Request) -> web.Response:
        """One call."""
        orjson.loads(await request.read())
        self._at_s.append(time.monotonic())
        return web.Response(body=b'{"status":"success"}', content_type="application/json")

    async def seen(self, _: web.Request) -> web.Response:
        """The number of calls, and the rate between the first tenth and the last, without start and end."""
        count = len(self._at_s)
        first, last = count // 10, count - count // 10 - 1
        rate = (last - first) / (self._at_s[last] - self._at_s[first]) if count >= 100 else 0.0
        return web.json_response({"count": count, "rate": rate})

    async def forget(self, _: web.Request) -> web.Response:
        """Reset."""
        self._at_s.clear()
        return web.json_response({})


async def serve(mode: str, certificate: str | None = None) -> None:
    """Serve on ports that the system chooses, print the addresses, and end with standard input."""
    app, calls = web.Application(client_max_size=16 * 1024 * 1024), Calls()
    if mode == "ack":
        app.router.add_post("/", acknowledge)
    elif mode == "collector":
        app.router.add_post("/v1/traces", collect)
    else:
        app.router.add_post("/api/v1/{kind}", calls.take)
        app.router.add_get("/calls", calls.seen)
        app.router.add_delete("/calls", calls.forget)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    addresses = f"http://127.0.0.1:{runner.addresses[0][1]}"
    if certificate is not None:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        addresses += f" https://127.0.0.1:{runner.addresses[1][1]}"
    print(addresses, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
