"""A proxy that serves a service under a prefix, which it strips, as many in front of dashboards do."""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@contextmanager
def proxy_under(prefix: str, target: str) -> Iterator[str]:
    """Forward what comes under `prefix` to `target`, without it; everything else is 404."""
    place = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as the library names it
            """Say nothing."""

        def forward(self) -> None:
            """Send the request on, and the answer back as it arrives."""
            self.close_connection = True
            if not self.path.startswith(f"{prefix}/"):
                self.send_error(404)
                return
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            upstream = http.client.HTTPConnection(place.hostname or "", place.port)
            # The name that the browser used goes along, as proxies are set to for consoles.
            upstream.request(self.command, self.path.removeprefix(prefix), body, dict(self.headers))
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):
                while part := answer.read1(65536):
                    self.wfile.write(part)
            upstream.close()

        do_GET = do_POST = do_PUT = do_DELETE = forward  # noqa: N815 - the names that the library asks for

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
