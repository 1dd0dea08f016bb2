"""From `make run` and the link that it prints to a call that is delivered after all, without a second command."""

import json
import os
import pty
import re
import signal
import subprocess
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Console, console_of
from tests.browser.running import START_S, Service, track, until
from tests.browser.test_mapping import checked, editor, write
from tests.docs.scene import checkout_in, environment

RULE = """\
rules:
  - name: A paid order
    when: {type: track, event: Order Paid}
    track: ORDER_PAID
    properties:
      amount: {from: properties.amount, apply: [number], required: true}

"""


TYPED = [
    "- name: A paid order",
    "when: {type: track, event: Order Paid}",
    "track: ORDER_PAID",
    "properties:",
    "amount: {from: properties.amount, apply: [number], required: true}",
]
"""The same rule as a person types it: the editor indents, and closes brackets."""


@dataclass(slots=True)
class Terminal:
    """`make run` on a terminal of its own, where the link holds the token."""

    process: subprocess.Popen[bytes]
    shown: list[str] = field(default_factory=list)

    def read(self, descriptor: int) -> None:
        """Take what is printed until the terminal closes; a full one would stop the service."""
        try:
            while part := os.read(descriptor, 65536):
                self.shown.append(part.decode(errors="replace"))
        except OSError:
            return

    def said(self, pattern: str) -> str:
        """What `pattern` finds first, without colours; waits for it."""

        def found() -> str:
            text = re.sub(r"\x1b\[[0-9;]*m", "", "".join(self.shown))
            match = re.search(pattern, text)
            return match[1] if match else ""

        return str(until(found, START_S, lambda: "".join(self.shown)))


@contextmanager
def make_run(folder: Path) -> Iterator[Terminal]:
    """What a person starts who has a clone, on a port that is free; ended as by Ctrl-C."""
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        ["make", "run", "PORT=0"], cwd=folder, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs,
        start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    terminal = Terminal(process)
    reader = threading.Thread(target=terminal.read, args=(ours,))
    reader.start()
    try:
        yield terminal
    finally:
        os.killpg(process.pid, signal.SIGINT)
        process.wait(40)
        reader.join(40)
        os.close(ours)


def send(webhook: str, message: dict[str, Any]) -> None:
    """As a sender does."""
    request = urllib.request.Request(webhook, json.dumps(message).encode(), {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=20).close()


def activate(page: Page, says: str = "") -> None:
    """Press the button and say yes to what the dialog says."""
    page.get_by_role("button", name="Activate…").click()
    expect(page.get_by_role("dialog")).to_contain_text(says)
    page.get_by_role("dialog").get_by_role("button", name="Activate").click()
    expect(page.get_by_text("is active.")).to_be_visible()


def map_the_event(console: Console) -> None:
    """From the row of a delivered event to a rule of its own that is active."""
    page = console.page
    page.locator("tr[data-row]").get_by_role("link").first.click()
    page.get_by_role("link", name="Try it in the mapping").click()
    console.ready()
    checked(console)
    # The cursor is where the rule of that event begins.
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    for line in TYPED:
        page.keyboard.type(line)
        page.keyboard.press("Enter")
    checked(console)
    activate(page)
    # The event that the page was opened with is delivered: there is nothing to requeue.
    expect(page.get_by_role("button", name="Undo", exact=True)).to_be_visible()
    expect(page.get_by_role("button", name="Requeue")).to_have_count(0)


def requeue(page: Page) -> None:
    """What the mapping was fixed for, once the dialog has said what would become of it."""
    page.get_by_role("button", name="Requeue them…").click()
    expect(page.get_by_role("dialog")).to_contain_text("would be sent")
    page.get_by_role("dialog").get_by_role("button", name=re.compile(r"^Requeue \d+")).click()
    page.get_by_role("dialog").get_by_role("button", name="Done").click()


def test_the_loop(browser: Browser, tmp_path: Path) -> None:
    """Sign in by the link → an event is delivered → a rule refuses another → its cause → the editor with that event →
    "would be sent" → comparison → activate → requeue → delivered.
    """
    with make_run(checkout_in(tmp_path)) as terminal:
        link = terminal.said(r"Console: (http://\S+#/sign-in\?token=\S+)")
        webhook = terminal.said(r"Webhook of default: (\S+)")
        service = Service(tmp_path, url=link.split("/console/")[0])
        with console_of(browser, service, signed_in=False) as console:
            console.expected.append("401")
            page = console.page
            page.goto(link)
            expect(page.get_by_role("heading", name="Overview")).to_be_visible()
            expect(page).not_to_have_url(re.compile("token"))
            send(webhook, track("Order Completed", "u-1", total=27.5))
            page.get_by_role("link", name="Events").first.click()
            expect(page.locator("tr[data-row]", has_text="Order Completed")).to_contain_text("delivered")

            text = (tmp_path / "data/mapping.yaml").read_text(encoding="utf-8")
            map_the_event(console)

            send(webhook, track("Order Paid", "u-1", total=27.5))
            page.get_by_role("link", name="Overview").click()
            expect(page.get_by_text("Delivery works, but 1 event failed.")).to_be_visible()
            page.get_by_role("link", name="See the causes").click()
            cause = page.locator(".cause", has_text="amount")
            expect(cause).to_contain_text("A paid order")
            cause.get_by_role("link", name="Fix the mapping").click()
            console.ready()
            checked(console)
            expect(page.locator(".previewed").first).to_contain_text("refused")
            expect(editor(page)).to_contain_text("A paid order")
            fixed = RULE.replace("from: properties.amount", "from: [properties.amount, properties.total]")
            write(console, text.replace("rules:\n", fixed, 1))
            checked(console)
            expect(page.locator(".previewed-words").first).to_contain_text(re.compile("refused.*→.*sent", re.DOTALL))
            page.get_by_role("tab", name="Changes").click()
            page.get_by_role("button", name="Compare with recorded events").click()
            expect(page.get_by_role("cell", name="refused")).to_be_visible()
            console.shot("mapping-compared")
            activate(page, "would become something else")
            requeue(page)

            row = page.locator("tr[data-row]", has_text="Order Paid")
            expect(row).to_contain_text("delivered")
            row.get_by_role("link").first.click()
            call = page.get_by_role("heading", name=re.compile("Call 1"))
            expect(call).to_contain_text("ORDER_PAID")
            console.shot("loop-delivered")
