"""What the kit edits mappings with: good edits name themselves in every call, broken ones are broken."""

from pathlib import Path

import pytest

from adapter.errors import MappingError
from adapter.mapping.load import load
from adapter.mapping.run.ruleset import Ruleset
from adapter.model import Calls, JsonObject
from adapter.service.mappings import read_message
from reliability.edits import EDIT, ConfigMap, broken_text_of, misspelt, text_of
from reliability.oracle import CLICK, ORDER, Message


def ruleset(text: str) -> Ruleset:
    return load(text, file="mapping.yaml", read=read_message, hash_key=None)


@pytest.mark.parametrize("event", [ORDER, CLICK])
def test_a_good_edit_is_the_kits_mapping_with_its_number(event: str) -> None:
    """Each call is what the oracle expects, but for the number."""
    message = Message("ann", 0, event)
    rendered = ruleset(text_of(7)).render(read_message(message.body))
    assert isinstance(rendered, Calls)
    assert [call.body for call in rendered.calls] == [_numbered(body, 7) for body in message.calls]


def _numbered(body: JsonObject, edit: int) -> JsonObject:
    return {**body, "properties": {**body["properties"], EDIT: edit}}


def test_a_broken_edit_is_refused_and_reported_by_its_number() -> None:
    """The experiment would show nothing if every edit were good."""
    with pytest.raises(MappingError, match=misspelt(7)):
        ruleset(broken_text_of(7))


def test_a_swap_leaves_the_file_where_it_was(tmp_path: Path) -> None:
    """As Kubernetes does it: the path stays, what lies behind it is another file, and the old one is not written to."""
    mounted = ConfigMap(tmp_path / "config")
    before = mounted.file.resolve()
    mounted.swapped("version: 1\n")
    assert mounted.file.read_text() == "version: 1\n"
    assert mounted.file.resolve() != before
    assert before.read_text() == text_of(0)
