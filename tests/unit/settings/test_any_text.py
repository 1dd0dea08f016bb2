"""Whatever stands in a settings file, it is read or refused with a place, and no secret gets out."""

import re
from pathlib import Path

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from adapter.files.finding import as_text
from adapter.settings.load import check_settings

SECRET = "S3CRET-that-nobody-may-see"
LINES = [
    "listen: 0.0.0.0:8080",
    "queue: sqlite:///data/adapter.db",
    "browsee: {url: 'https://api.browsee.io/api/v1', rate: auto, identify: true}",
    "sources:",
    "  shop:",
    f"    keys: [{SECRET}, '${{SHOP_KEY}}']",
    "    signing_secrets:",
    f"      - {SECRET}",
    f"    browsee_api_key: {SECRET}",
    "    order: user",
    "    vars: {currency: EUR}",
    "retry: {for: 72h, max: 5m}",
    "limits: {body: 5MB, pending: 1000}",
    f"hash_key: {SECRET}",
    f"admin_token: '{SECRET}'",
]
WORDS = [
    "",
    "x",
    ":",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "'",
    '"',
    "#",
    " #1",
    "&a",
    "*a",
    "!t",
    "${",
    "${X}",
    "\t",
    "\n",
    "  ",
    "|",
    "0",
    "72",
    "null",
]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A settings file with a few things put in, taken out or moved, as people do when they edit."""
    lines = list(LINES)
    for _ in range(draw(st.integers(0, 4))):
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        start = draw(st.integers(0, len(line)))
        end = draw(st.integers(start, min(len(line), start + 6)))
        # A secret stays whole: half of one would not be found in what is shown.
        kept = line if SECRET in line[:end] and SECRET not in line[:start] else line[:start] + line[end:]
        cut = min(start, len(kept)) if SECRET not in kept else 0 if start < kept.index(SECRET) else len(kept)
        lines[number] = kept[:cut] + draw(st.sampled_from(WORDS)) + kept[cut:]
        if draw(st.booleans()):
            lines.insert(draw(st.integers(0, len(lines))), lines.pop(number))
    return "\n".join(lines)


@settings(deadline=None)
@given(text=damaged())
def test_no_damage_raises_or_tells_a_secret(text: str) -> None:
    """Every finding has a place in the file, and neither its words nor its line hold a secret."""
    # What stands before a colon is a name, and a name that nobody knows has to be shown.
    assume(re.search(rf"{SECRET}[^\w\n]*:", text) is None)
    findings = check_settings(text, file=Path("adapter.yaml"), environ={})
    for finding in findings:
        assert finding.line >= 1
        assert finding.column >= 1
        assert SECRET not in as_text(finding)


@settings(deadline=None)
@example(text="${")
@given(text=st.text())
def test_no_text_raises(text: str) -> None:
    """A file of anything at all is judged, not stumbled over."""
    for finding in check_settings(text, file=Path("adapter.yaml"), environ={}):
        assert finding.file == "adapter.yaml"
