"""Fixtures of the settings tests."""

from pathlib import Path

import pytest

from tests.unit.settings.folders import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """An empty working folder."""
    return Folder(tmp_path)
