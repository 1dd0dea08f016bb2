"""Browsers, devices and crawlers, by the extra `ua`; without it `check` says how to install it."""

import subprocess
import sys
from typing import Any

import pytest

from adapter.mapping.run.absent import ABSENT
from adapter.model import Dropped
from tests.unit.mapping.reading import event, ruleset, value_of

IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_0 like Mac OS X) Version/17.0 Mobile/15E148 Safari/604.1"
CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/126.0.6478.61 Safari/537.36"


@pytest.mark.parametrize(
    ("text", "part", "result"),
    [
        (IPHONE, "browser", "Mobile Safari"),
        (IPHONE, "browser_version", "17.0"),
        (IPHONE, "os", "iOS"),
        (IPHONE, "os_version", "17.0"),
        (IPHONE, "device", "iPhone"),
        (IPHONE, "brand", "Apple"),
        (CHROME, "browser", "Chrome"),
        (CHROME, "browser_version", "126.0.6478"),
        (CHROME, "brand", None),
        ("", "browser", None),
        ("\ud800", "os", None),
        ("a" * 65_536, "browser", None),
    ],
)
def test_a_user_agent_is_read(text: str, part: str, result: Any) -> None:
    """What it does not say is absent, without a warning."""
    found, causes = value_of({"from": "properties.x", "apply": [{"user_agent": part}]}, properties={"x": text})
    assert (found, causes) == (ABSENT if result is None else result, [])


@pytest.mark.parametrize(
    ("text", "is_bot"),
    [
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; SemrushBot/7~bl)", True),
        ("facebookexternalhit/1.1", True),
        ("Mozilla/5.0 (X11; Linux x86_64) HeadlessChrome/142.0.0.0 Safari/537.36", True),
        ("Mozilla/5.0 (Linux; Android 8.1.0; CUBOT X18 Plus) Chrome/70.0 Mobile Safari/537.36", False),
        (IPHONE, False),
        ("", False),
        (None, False),
        (7, False),
    ],
)
def test_bots_are_told_from_people(text: Any, is_bot: bool) -> None:
    """A telephone whose name has `bot` in it is none; what says nothing is none."""
    mapping = ruleset("version: 1\nrules: [{when: {context.userAgent: {bot: true}}, drop: bot}, {track: T}]\n")
    assert isinstance(mapping.render(event(context={"userAgent": text})), Dropped) is is_bot


def test_without_the_extra_check_says_how_to_install_it() -> None:
    """At the word, and the adapter works without these words."""
    code = """
import sys
sys.modules["ua_parser"] = None
from adapter.mapping.load import check
from adapter.service.mappings import read_message
text = "version: 1\\nrules: [{track: T, when: {context.userAgent: {bot: true}}}]\\n"
print([(one.code, one.column, one.message) for one in check(text, file="m.yaml", read=read_message) if one.blocks])
print([one for one in check("version: 1\\nrules: [{track: T}]\\n", file="m.yaml", read=read_message) if one.blocks])
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    first, second = ended.stdout.splitlines()
    assert "'E159', 47, '`bot` needs the extra `ua`: pip install \"browsee-adapter[ua]\"'" in first
    assert second == "[]"
