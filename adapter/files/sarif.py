"""Findings as SARIF 2.1.0, which code scanning of GitHub, GitLab and Azure DevOps reads. Pure.

Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from adapter.files.finding import Finding, Severity
from adapter.model import JsonObject
from adapter.printable import printable
from adapter.version import VERSION

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_HOME = "https://github.com/browsee/browsee-adapter"
_LEVELS = {Severity.ERROR: "error", Severity.FAILED: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_sarif(findings: Sequence[Finding], *, codes: Mapping[str, str]) -> JsonObject:
    """One run with every finding. `codes` has what each code means; a finding without a code is a rule by its
    severity, such as `test-failed`.
    """
    meanings = {_rule(finding): codes.get(finding.code, str(finding.severity)) for finding in findings}
    rules = [{"id": rule, "shortDescription": {"text": meaning}} for rule, meaning in meanings.items()]
    driver = {"name": "browsee-adapter", "version": VERSION, "informationUri": _HOME, "rules": rules}
    # Columns of a finding count characters, as Python does; the default of SARIF is UTF-16.
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(one) for one in findings]}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(finding: Finding) -> str:
    return finding.code or str(finding.severity).replace(" ", "-")


def _result(finding: Finding) -> JsonObject:
    place: dict[str, Any] = {"artifactLocation": {"uri": quote(finding.file, safe="/.", errors="surrogateescape")}}
    if finding.line:
        place["region"] = {"startLine": finding.line, "startColumn": finding.column}
    return {
        "ruleId": _rule(finding),
        "level": _LEVELS[finding.severity],
        "message": {"text": printable(finding.message)},
        "locations": [{"physicalLocation": place}],
    }
