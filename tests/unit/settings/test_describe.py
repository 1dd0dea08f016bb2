"""What is in force can be shown to anybody."""

from adapter.settings.describe import describe
from tests.unit.settings.folders import BROWSEE_KEY, KEY, Folder

FILE = f"""
queue: sqlite:////data/adapter.db
sources:
  shop: {{keys: [{KEY}, second-{KEY}], signing_secrets: [{KEY}], limit: 5/s, vars: {{currency: EUR}}}}
hash_key: {KEY}
admin_token: {KEY}
"""


def test_settings_are_shown_by_name_with_secrets_masked(folder: Folder) -> None:
    """One sees what is set, in which unit, and that a secret is there."""
    shown = describe(folder.load(FILE))
    assert shown["listen"].endswith(":8080")
    assert shown["queue"] == "sqlite:////data/adapter.db"
    assert shown["retry.for_s"] == "259200"
    assert shown["retention.dead_s"] == "2592000"
    assert shown["limits.pending"] == "5000000"
    assert shown["sources.shop.keys"] == "***, ***"
    assert shown["sources.shop.browsee_api_key"] == "***"
    assert shown["sources.shop.limit_per_s"] == "5"
    assert shown["sources.shop.vars.currency"] == "EUR"
    assert shown["browsee.identify"] == "True"
    assert shown["admin_token"] == "***"


def test_no_secret_is_in_any_form_of_the_settings(folder: Folder) -> None:
    """Neither the description nor a repr that ends in a traceback shows one."""
    settings = folder.load(FILE)
    shown = f"{describe(settings)} {settings!r} {settings}"
    assert KEY not in shown
    assert BROWSEE_KEY not in shown
