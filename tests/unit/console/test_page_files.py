"""The files of the console's page: what they must not hold, and that the bundles are those that were built."""

import re
from hashlib import sha256
from pathlib import Path

import pytest

from adapter.console.web import FOLDER

ROOT = Path(__file__).parents[3]
OWN = sorted(file for file in FOLDER.rglob("*.js") if "vendor" not in file.parts)
MAX_FILE_LINES, MAX_LINES = 300, 4000
FORBIDDEN = {
    "innerHTML": r"innerHTML|outerHTML|insertAdjacentHTML|document\.write",
    "code made of text": r"\beval\(|new Function|setTimeout\(\s*[\"'`]",
    "an address elsewhere": r"https?://(?!www\.w3\.org|adapter\.example\.com)",
    "a style attribute": r"<[^>]*\sstyle=",
    "HTML as a property": r"dangerouslySetInnerHTML",
}


@pytest.mark.parametrize("file", OWN, ids=lambda file: str(file.relative_to(FOLDER)))
def test_a_file_is_short_and_makes_no_markup_of_text(file: Path) -> None:
    """Values of events become text nodes, so no name of an event can be a script."""
    text = file.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MAX_FILE_LINES
    assert {what for what, pattern in FORBIDDEN.items() if re.search(pattern, text)} == set()


def test_the_page_has_few_lines() -> None:
    """Of its own; what is bundled is not counted."""
    assert OWN
    assert sum(len(file.read_text(encoding="utf-8").splitlines()) for file in OWN) <= MAX_LINES


def test_the_bundles_are_those_that_were_built() -> None:
    """By the sums that the build wrote, over its inputs and outputs: `make console` renews them."""
    vendor = FOLDER / "vendor"
    lines = (vendor / "SUMS").read_text(encoding="utf-8").splitlines()
    sums = {name: digest for digest, name in (line.split("  ") for line in lines)}
    assert {name: sha256((ROOT / name).read_bytes()).hexdigest() for name in sums} == sums
    built = {f"adapter/console/web/vendor/{file.name}" for file in vendor.iterdir()} - {
        "adapter/console/web/vendor/SUMS"
    }
    entries = {f"scripts/console-vendor/entries/{file.name}" for file in ROOT.glob("scripts/console-vendor/entries/*")}
    assert built | entries | {"scripts/console-vendor/package-lock.json", "scripts/console-vendor/build.mjs"} == set(
        sums
    )


def test_every_bundled_package_has_its_licence_and_no_registry_is_named() -> None:
    """The lock holds hashes, not addresses."""
    lock = (ROOT / "scripts/console-vendor/package-lock.json").read_text(encoding="utf-8")
    licences = (FOLDER / "vendor/LICENSES.txt").read_text(encoding="utf-8")
    assert "resolved" not in lock
    assert '"integrity"' in lock
    for name in ("preact", "htm", "@preact/signals", "uplot", "@codemirror/view", "@lezer/yaml"):
        assert f"\n{name} " in f"\n{licences}"


def test_bundles_make_no_code_of_text() -> None:
    """The content security policy would refuse it."""
    for file in (FOLDER / "vendor").glob("*.js"):
        assert not re.search(r"\beval\(|new Function\(", file.read_text(encoding="utf-8")), file.name
