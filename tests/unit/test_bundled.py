"""Shipped files are found by one name, wherever the adapter is installed."""

import pytest

from adapter.bundled import bundled
from adapter.errors import AdapterError


def test_a_shipped_schema_is_found() -> None:
    """A name as the project's tree spells it leads to a readable file."""
    assert '"$schema"' in bundled("schemas/adapter/settings.json").read_text(encoding="utf-8")


def test_a_folder_is_found() -> None:
    """Folders are found like files, so that a caller may list them."""
    assert bundled("schemas/adapter").is_dir()


def test_what_is_missing_is_named() -> None:
    """A broken installation says which file it lacks and what to do."""
    with pytest.raises(AdapterError, match=r"lacks schemas/nowhere\.json; install"):
        bundled("schemas/nowhere.json")
