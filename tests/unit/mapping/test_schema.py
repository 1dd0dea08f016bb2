"""The JSON Schema of mapping files: generated from the table of words, and never stricter than the compiler."""

import json
from pathlib import Path

import jsonschema
import pytest

from adapter.mapping import schema
from tests.unit.mapping.reading import parsed
from tests.unit.mapping.test_cases import FILES, ROOT

WRITTEN = ROOT / "schemas/adapter/mapping.json"


def test_the_written_schema_is_the_table_of_words() -> None:
    """Editors and `schema mapping` show the file; renew it with `adapter.mapping.schema.written()`."""
    assert WRITTEN.read_text() == schema.written()


@pytest.mark.parametrize("draft", [jsonschema.Draft202012Validator, jsonschema.Draft7Validator])
@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_whole_files_fit_under_both_drafts(file: Path, draft: type[jsonschema.Draft202012Validator]) -> None:
    """Editors with older plug-ins read the schema by draft-07; it means the same there."""
    written = json.loads(WRITTEN.read_text())
    draft.check_schema(written)
    assert list(draft(written).iter_errors(parsed(file.read_text()))) == []
