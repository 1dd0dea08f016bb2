"""A missing key or token is generated once and stays the same."""

import json
import stat
from collections.abc import Callable
from itertools import count
from pathlib import Path

import pytest

from adapter.errors import ConfigError
from adapter.model import Secret
from adapter.settings.generated_secrets import FILE_NAME, Generated, fill_in_secrets, generated_token
from tests.unit.settings.folders import BROWSEE_KEY, KEY, Folder


def numbered() -> Callable[[], str]:
    numbers = count(1)
    return lambda: f"made-{next(numbers)}"


def test_what_is_missing_is_made_and_kept(folder: Folder) -> None:
    """Senders keep their key and operators their token across restarts."""
    settings, made = fill_in_secrets(folder.load())
    assert made == Generated(folder.folder / "data" / FILE_NAME, ("default",), admin_token=True)
    again, _ = fill_in_secrets(folder.load())
    assert again == settings
    assert len(settings.sources[0].keys[0].reveal()) == 32
    assert settings.admin_token is not None
    assert settings.admin_token != settings.sources[0].keys[0]


def test_the_file_is_for_its_owner_only(folder: Folder) -> None:
    """No other user of the machine can read the keys."""
    _, made = fill_in_secrets(folder.load())
    assert made.file is not None
    assert stat.S_IMODE(made.file.stat().st_mode) == 0o600


def test_what_was_given_is_left_alone(folder: Folder) -> None:
    """With a key for every source and a token nothing is made, and no file is written."""
    environ = {"BROWSEE_API_KEY": BROWSEE_KEY, "ADAPTER_WRITE_KEY": KEY, "ADAPTER_ADMIN_TOKEN": KEY}
    settings = folder.load(environ=environ)
    assert fill_in_secrets(settings) == (settings, Generated(folder.folder / "data" / FILE_NAME, (), admin_token=False))
    assert not (folder.folder / "data").exists()


def test_a_source_that_comes_later_gets_its_own_key(folder: Folder) -> None:
    """Adding a source changes no other source's key; one that has a key of its own is not given another."""
    make = numbered()
    first, _ = fill_in_secrets(folder.load("sources: {shop: {}}\n"), make=make)
    both, made = fill_in_secrets(
        folder.load("sources: {shop: {}, app: {}, web: {keys: [given-to-web-by-hand]}}\n"), make=make
    )
    assert made.key_of == ("shop", "app")
    assert both.sources[0].keys == first.sources[0].keys
    assert both.admin_token == first.admin_token
    assert len({source.keys for source in both.sources}) == 3
    assert both.sources[2].keys == (Secret("given-to-web-by-hand"),)


def test_a_queue_in_memory_keeps_nothing(folder: Folder) -> None:
    """There is no place beside a queue in memory, so each start makes new ones and says so."""
    settings, made = fill_in_secrets(folder.load("queue: 'memory:'\n"))
    assert made.file is None
    assert settings.sources[0].keys != ()


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"{", b"[]", b'{"admin_token": 1, "keys": {}}', b'{"admin_token": "a", "keys": []}'),
        *(b"\x00\xff\xfe", b"[" * 100_000, b"9" * 5_000),
    ],
)
def test_a_damaged_file_is_not_written_over(folder: Folder, content: bytes) -> None:
    """New keys would lock out every sender that has the old ones, so a person decides."""
    file = folder.write(f"data/{FILE_NAME}", "")
    file.write_bytes(content)
    with pytest.raises(ConfigError, match="fix it, or remove it"):
        fill_in_secrets(folder.load())
    assert file.read_bytes() == content


def test_a_place_that_cannot_be_written_is_named(folder: Folder) -> None:
    """The operator learns the path, the cause and the two ways on."""
    folder.write("data", "a file where the folder should be")
    with pytest.raises(ConfigError, match=r"cannot keep .*generated-secrets\.json: .*; make the folder writable"):
        fill_in_secrets(folder.load())


def test_a_crash_while_writing_leaves_no_trap(folder: Folder) -> None:
    """A half-written file left behind is neither read nor in the way."""
    folder.write(f"data/{FILE_NAME}.new", '{"admin_')
    _, made = fill_in_secrets(folder.load())
    assert made.file is not None
    assert set(json.loads(Path(made.file).read_text())) == {"admin_token", "keys"}


def test_a_file_of_the_old_name_is_renamed(folder: Folder) -> None:
    """Senders keep their keys and the operator the token, before the next start and after it."""
    old = folder.write("data/made-secrets.json", '{"admin_token": "the-token", "keys": {"default": "the-key"}}')
    assert generated_token(folder.load()) == "the-token"
    settings, _ = fill_in_secrets(folder.load())
    assert settings.admin_token is not None
    assert settings.admin_token.reveal() == "the-token"
    assert [key.reveal() for source in settings.sources for key in source.keys][:1] == ["the-key"]
    assert not old.exists()
    assert json.loads((old.parent / FILE_NAME).read_text())["admin_token"] == "the-token"


def test_a_file_of_the_new_name_goes_first(folder: Folder) -> None:
    """A copy of an old backup beside it changes nothing."""
    folder.write("data/made-secrets.json", '{"admin_token": "old", "keys": {}}')
    folder.write(f"data/{FILE_NAME}", '{"admin_token": "new", "keys": {}}')
    settings, _ = fill_in_secrets(folder.load())
    assert settings.admin_token is not None
    assert settings.admin_token.reveal() == "new"


def test_replicas_are_given_their_secrets(folder: Folder) -> None:
    """Each would generate others: what is missing is named, and nothing is written."""
    shared = f"queue: postgresql://db/x\nstate_dir: state\nsources: {{shop: {{}}, app: {{keys: [{KEY}]}}}}"
    settings = folder.load(shared)
    with pytest.raises(ConfigError, match=r"set sources\.shop\.keys, admin_token \(or ADAPTER_ADMIN_TOKEN\)"):
        fill_in_secrets(settings)
    assert settings.state_dir is not None
    assert not settings.state_dir.exists()
