"""A real `serve --sandbox` for the console's page, with sources, mappings and messages that meet every outcome."""

import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

TOKEN = "token-of-the-operator"
START_S = 60.0
SETTLED_S = 60.0
KEY = "key-of-the-shop"

SETTINGS = f"""\
listen: 127.0.0.1:0
queue: sqlite:///adapter.db
sources:
  shop: {{keys: [{KEY}], mapping: shop.yaml, browsee_api_key: unused}}
  app: {{keys: [{KEY}-app], mapping: default, browsee_api_key: unused}}
"""

MAPPING = """\
version: 1
settings: {flatten: _, names: folded, lists: text, blanks: omit}

rules:
  - name: Identify
    when: {type: identify}
    identify: true

  - name: Page views are in the recording
    when: {type: page}
    drop: the recording shows it

  - name: A finished order
    when: {type: track, event: Order Completed}
    track: ORDER_COMPLETED
    properties:
      order_id: {from: properties.order_id, apply: [string]}
      total: {from: properties.total, apply: [number], required: true}
      currency: properties.currency

  - name: A product was added
    when: {type: track, event: Product Added}
    track: PRODUCT_ADDED
    properties:
      sku: properties.sku

tests:
  - name: An order with its total
    given:
      {type: track, event: Order Completed, userId: u-1, properties: {order_id: o-1, total: "27.50", currency: EUR}}
    expect:
      - track: ORDER_COMPLETED
        properties: {order_id: o-1, total: 27.5, currency: EUR}
"""


def track(event: str, user: str, **properties: Any) -> dict[str, Any]:
    """A message of type track."""
    return {"type": "track", "event": event, "userId": user, "properties": properties}


SEED: tuple[dict[str, Any], ...] = (
    {"type": "identify", "userId": "u-1042", "traits": {"name": "Ada Berg", "email": "ada@example.com"}},
    {"type": "page", "userId": "u-1042", "name": "Checkout", "properties": {"path": "/checkout"}},
    track("Product Added", "u-1042", sku="SKU-204"),
    track("Order Completed", "u-1042", order_id="o-777", total="1,234.50", currency="EUR"),
    track("Order Completed", "u-1042", order_id="o-778", total=27.5, currency="EUR"),
    track("Order Completed", "u-2077", order_id="o-779", currency="EUR"),
    track("Product Added", "u-2077", sku="SKU-119"),
    track("Subscription Started", "u-3011", plan="team"),
    track("Subscription Started", "u-3012", plan="solo"),
    track("Order Completed", "u-3013", order_id="o-780", total="n/a", currency="USD"),
    {"type": "track", "userId": "u-4000", "properties": {"total": 3}},
    {"type": "track", "event": "Order Completed", "properties": {"total": 3}},
)
"""Delivered, dropped, unmatched, dead by two causes, rejected by two."""


@dataclass(slots=True)
class Service:
    """A started service. `url` is where it listens; `folder` holds its settings, mappings and queue."""

    folder: Path
    url: str = ""
    process: subprocess.Popen[bytes] | None = None
    environ: Mapping[str, str] = field(default_factory=dict)

    @property
    def console(self) -> str:
        """The address of the page."""
        return f"{self.url}/console/"

    @property
    def log(self) -> str:
        """What the service wrote."""
        return (self.folder / "log").read_text(encoding="utf-8", errors="replace")

    def start(self, *, port: int = 0) -> None:
        """Start it, and wait until it says where it listens."""
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ADAPTER_", "BROWSEE_"))}
        command = [
            sys.executable,
            "-m",
            "adapter",
            "serve",
            "--sandbox",
            "--config",
            "adapter.yaml",
            "--port",
            str(port),
        ]
        before = len(self.log) if (self.folder / "log").exists() else 0
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.folder,
                env={**clean, "PYTHONUNBUFFERED": "1", "ADAPTER_ADMIN_TOKEN": TOKEN, **self.environ},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        found = until(lambda: re.search(r"Console: (http://[^/]+)/console/", self.log[before:]), START_S, self._ended)
        self.url = found.group(1)

    def _ended(self) -> str:
        return self.log[-2000:]

    def stop(self, sent: signal.Signals = signal.SIGTERM) -> None:
        """Stop it and wait for its end."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(sent)
            self.process.wait(40)

    def ask(self, path: str, *, body: Any = None, method: str = "") -> Any:
        """The answer of the API to its token."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method or None)
        with urllib.request.urlopen(request, timeout=20) as answer:
            return json.load(answer)

    def send(self, *messages: Any, source: str = "shop") -> None:
        """Send messages to the webhook of a source, each alone, so that their order is theirs."""
        key = KEY if source == "shop" else f"{KEY}-{source}"
        for message in messages:
            body = message if isinstance(message, bytes) else json.dumps(message).encode()
            headers = {"Content-Type": "application/json"}
            request = urllib.request.Request(f"{self.url}/webhooks/{source}/{key}", body, headers)
            try:
                urllib.request.urlopen(request, timeout=20).close()
            except urllib.error.HTTPError as refused:
                # What does not fit its schema is kept and answered 400.
                refused.close()
                assert refused.code == 400, refused  # noqa: PT017 - a helper, not a test

    def refuse(self) -> None:
        """Send a message with a wrong key, which is answered 401."""
        request = urllib.request.Request(f"{self.url}/webhooks/shop/wrong", b"{}", {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=20).close()
        except urllib.error.HTTPError as refused:
            refused.close()

    def settle(self) -> None:
        """Wait until nothing is pending."""
        # Of the rows: the summary's count may be some seconds old.
        until(lambda: not self.events(outcome="pending", limit=1), SETTLED_S, self._ended)

    def settle_soon(self) -> None:
        """Wait until all that was sent is listed; delivery at the learned rate may go on."""
        until(lambda: self.events(limit=1), SETTLED_S, self._ended)

    def replace_mapping(self, text: str) -> None:
        """Write the shop's mapping, and wait until it is active."""
        before = self.ask("/api/summary")["mappings"]["shop"]
        (self.folder / "shop.yaml").write_text(text, encoding="utf-8")
        until(lambda: self.ask("/api/summary")["mappings"]["shop"] != before, SETTLED_S, self._ended)

    def events(self, **query: Any) -> list[dict[str, Any]]:
        """Entries of `GET /api/events`, newest first."""
        asked = urllib.parse.urlencode(query, doseq=True)
        entries: list[dict[str, Any]] = self.ask(f"/api/events?{asked}")["entries"]
        return entries


def until(is_so: Callable[[], Any], within_s: float, why: Callable[[], str] = str) -> Any:
    """Ask until the answer is true, and give it; fails after `within_s`."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        found = is_so()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {within_s:g} s: {why()}")


@contextmanager
def service_in(
    folder: Path,
    *,
    settings: str = SETTINGS,
    seed: Sequence[Any] = SEED,
    environ: Mapping[str, str] | None = None,
    port: int = 0,
) -> Iterator[Service]:
    """A service in `folder` that has had the messages of `seed`, until the end of the block.

    One that is to be started again has its `port` from `lasting_port`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "adapter.yaml").write_text(settings, encoding="utf-8")
    (folder / "shop.yaml").write_text(MAPPING, encoding="utf-8")
    service = Service(folder, environ=environ or {})
    try:
        service.start(port=port)
        if seed:
            service.send(*seed)
            service.settle()
        yield service
    finally:
        service.stop()


def lasting_port() -> int:
    """A free port with a free one after it, for the stand-in, that no program is handed while the service is down: it
    lies below those that the system gives away (32768 and up, /proc/sys/net/ipv4/ip_local_port_range).
    """
    for port in random.sample(range(20_000, 32_000, 2), 100):
        try:
            for each in (port, port + 1):
                with socket.socket() as taken:
                    taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    taken.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port
    raise AssertionError("no two ports in a row are free")


def address(service: Service, pattern: str) -> str:
    """`#/events/{dead}` with the id of the newest event of that outcome."""
    return re.sub(r"{(\w+)}", lambda found: str(service.events(outcome=found[1], limit=1)[0]["id"]), pattern)
