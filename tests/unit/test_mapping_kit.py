"""What `make bench` measures against can be installed anywhere, and is given mappings that work."""

import json
from pathlib import Path

import pytest

from adapter.mapping.load import check
from adapter.service.mappings import read_message

KIT = Path(__file__).parents[2] / "bench" / "mapping_kit"


def test_the_lock_pins_what_is_installed_but_not_from_where() -> None:
    """Every package has its hash, and none an address, so that any registry can be used."""
    packages = json.loads((KIT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    locked = {name: package for name, package in packages.items() if name}
    assert locked
    assert [name for name, package in locked.items() if "integrity" not in package or "resolved" in package] == []


@pytest.mark.parametrize("name", ["renamed", "order"])
def test_the_mappings_are_sound(name: str) -> None:
    """What is measured would go live."""
    text = (KIT / f"{name}.yaml").read_text(encoding="utf-8")
    findings = check(text, file=f"{name}.yaml", read=read_message)
    assert [finding for finding in findings if finding.blocks] == []
