"""`check --format sarif`: every output fits the JSON Schema of SARIF 2.1.0, as a package of npm carries it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from jsonschema import Draft4Validator

from tests.clients.installed import needs

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "tests/tools/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
"""The last candidate of the schema, which the standard took over. Draft 4 of JSON Schema."""

FAULTS = {
    "rules that are none": "version: 1\nrules:\n  - when: {typ: track}\n    trak: é🎉\n  - {drop: true, track: T}\n",
    "not YAML": "version: 1\nrules: [\n",
    "a failed test": "version: 1\nrules: [{track: T}]\ntests: [{given: {type: track}, expect: [{track: U}]}]\n",
    "a warning": "version: 1\nderived: {a: type}\nrules: [{track: T}]\n",
    "nothing": "",
}


@pytest.fixture(scope="module")
def schema() -> Draft4Validator:
    if not SCHEMA.exists():
        needs("the schema of SARIF is not installed: scripts/npm-tools does it where there is npm")
    return Draft4Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def test_every_finding_fits_the_schema(schema: Draft4Validator, tmp_path: Path) -> None:
    """Errors, failed tests, warnings, notes and files that cannot be read, under names that a URI has to escape."""
    files = [tmp_path / f"{name} {place} é%.yaml" for place, name in enumerate(FAULTS)]
    for file, text in zip(files, FAULTS.values(), strict=True):
        file.write_text(text, encoding="utf-8")
    files.append(ROOT / "mappings/default.yaml")
    done = subprocess.run(
        [sys.executable, "-m", "adapter", "check", "--format", "sarif", *files],
        cwd=ROOT, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    log = json.loads(done.stdout)
    found = [result for run in log["runs"] for result in run["results"]]
    assert {result["level"] for result in found} == {"error", "warning", "note"}
    assert [f"{error.json_path}: {error.message}" for error in schema.iter_errors(log)] == []


def test_the_schema_refuses_a_result_without_a_message(schema: Draft4Validator) -> None:
    """A control: the schema is the one of results, and is applied."""
    tool = {"driver": {"name": "x"}}
    assert not schema.is_valid({"version": "2.1.0", "runs": [{"tool": tool, "results": [{"ruleId": "E1"}]}]})
