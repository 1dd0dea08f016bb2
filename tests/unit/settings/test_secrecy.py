"""Settings may end in a traceback or a log: no secret of theirs does."""

import pytest

from adapter.errors import ConfigError
from tests.unit.settings.folders import BROWSEE_KEY, KEY, Folder

FILE = f"""
queue: sqlite:////data/adapter.db
sources:
  shop: {{keys: [{KEY}, second-{KEY}], signing_secrets: [{KEY}], limit: 5/s, vars: {{currency: EUR}}}}
hash_key: {KEY}
admin_token: {KEY}
"""


def test_no_secret_is_in_any_form_of_the_settings(folder: Folder) -> None:
    """Neither as text nor as the repr that a traceback shows."""
    settings = folder.load(FILE)
    shown = f"{settings!r} {settings}"
    assert KEY not in shown
    assert BROWSEE_KEY not in shown


@pytest.mark.parametrize("url", ["postgresql://me:S3CRET/x@db/x", "postgresql://me:S3CRET@db/x?schema=A"])
def test_an_error_in_an_address_shows_no_password(folder: Folder, url: str) -> None:
    """The excerpt of the file hides it, also if a character in it should have been escaped."""
    with pytest.raises(ConfigError, match=r"queue: \*\*\*") as raised:
        folder.load(FILE.replace("sqlite:////data/adapter.db", url))
    assert "S3CRET" not in str(raised.value)


@pytest.mark.parametrize("url", ["postgresql://me:S3CRET@db/x", "postgresql://me@db/x?sslpassword=S3CRET"])
def test_the_password_of_a_database_is_in_no_form_of_the_settings(folder: Folder, url: str) -> None:
    """Neither in what a traceback shows, nor where operators see which settings are in force."""
    settings = folder.load(FILE.replace("sqlite:////data/adapter.db", url))
    shown = f"{settings!r} {settings} {settings.queue} {settings.in_force}"
    assert "S3CRET" not in shown
    assert str(settings.queue) == "postgresql://me@db/x"
