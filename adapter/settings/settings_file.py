"""Reads a settings file into a layer: strict YAML, `${NAME}` replaced, every problem with its place. Pure.

A file may contain secrets in plain text, also in wrong places. So a finding shows only the part of its source line that
is not a secret according to the schema.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from adapter.files.document import Document, DocumentPath, read_document
from adapter.files.finding import Finding, Severity
from adapter.model import JsonObject
from adapter.settings.environment import text_of
from adapter.settings.layers import Layer, layer_of
from adapter.settings.shape import SettingProblem, SettingsShape, ValueReader, has_login

_REFERENCE = re.compile(r"\$\{([^}]*)\}?")
_REFERENCE_ONLY = re.compile(r"\$\{[A-Za-z0-9_]+\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_LINE_START = re.compile(r"[\s-]*")


@dataclass(frozen=True, slots=True)
class FileLayer:
    """A file's layer. `names` are the variables it uses; `unset` are the places of unset ones; `data` is the file as
    written, and `line_of` returns the line of a path.
    """

    layer: Layer
    names: frozenset[str]
    unset: tuple[SettingProblem, ...]
    data: JsonObject = field(default_factory=dict)
    line_of: Callable[[DocumentPath], int] = lambda _: 0


def read_layer(
    text: str, shape: SettingsShape, *, file: str, environ: Mapping[str, str], reading: Mapping[str, ValueReader]
) -> FileLayer:
    """Read the text of a settings file; `file` is its name in findings. Never raises for what is in it."""
    document = read_document(text, file=file)
    veil = _Veil(document, shape)
    of_yaml = tuple(map(veil.over, document.findings))
    if any(finding.blocks for finding in of_yaml):
        return FileLayer(Layer({}, of_yaml, veil.place), frozenset(), ())
    names: set[str] = set()
    unset: list[SettingProblem] = []
    data = _expanded(document.data, (), partial(_replaced, environ, names, unset))
    layer = layer_of(data, shape, reading=reading, place=veil.place, unset=frozenset(problem.path for problem in unset))
    layer = replace(layer, findings=(*of_yaml, *layer.findings))
    written = document.data if isinstance(document.data, dict) else {}
    return FileLayer(layer, frozenset(names), tuple(unset), written, lambda path: document.mark_of_key(path).line)


def _replaced(
    environ: Mapping[str, str],
    names: set[str],
    unset: list[SettingProblem],
    path: DocumentPath,
    reference: re.Match[str],
) -> str:
    name = reference[1]
    if not _NAME.fullmatch(name) or not reference[0].endswith("}"):
        unset.append(SettingProblem("E302", path, "`${` begins the name of an environment variable: write ${NAME}"))
        return reference[0]
    names.add(name)
    text = text_of(environ, name)
    if not text:
        unset.append(SettingProblem("E304", path, f"the environment variable {name} is not set"))
    # The name of an unset variable replaces its value, so that the rest of the file can be checked.
    return text or name


def _expanded(value: Any, path: DocumentPath, replaced: Any) -> Any:
    if isinstance(value, str):
        return _REFERENCE.sub(partial(replaced, path), value)
    if isinstance(value, list):
        return [_expanded(inner, (*path, index), replaced) for index, inner in enumerate(value)]
    if isinstance(value, dict):
        return {key: _expanded(inner, (*path, key), replaced) for key, inner in value.items()}
    return value


class _Veil:
    """Removes possible secrets from findings."""

    def __init__(self, document: Document, shape: SettingsShape) -> None:
        self._document = document
        self._shape = shape
        self._starts: set[tuple[int, int]] = set()
        self._secret_from: dict[int, int] = {}
        for path, value in _walk((), document.data):
            mark = document.mark_of(path)
            key = document.mark_of_key(path)
            self._starts |= {(mark.line, mark.column), (key.line, key.column)}
            if self._is_veiled(path, value):
                self._secret_from[mark.line] = min(mark.column, self._secret_from.get(mark.line, mark.column))

    def place(self, problem: SettingProblem) -> Finding:
        """`problem` as a finding at its place in the file."""
        mark_of = self._document.mark_of_key if problem.at_key else self._document.mark_of
        severity = Severity.WARNING if problem.code.startswith("W") else Severity.ERROR
        return self.over(self._document.finding(severity, problem.code, mark_of(problem.path), problem.message))

    def over(self, finding: Finding) -> Finding:
        """`finding` without possible secrets, in its source line and in its words."""
        message = finding.message
        if finding.code == "W201":
            message = "everything after ` #` is a comment; quote the value if the # belongs to it"
        return replace(finding, message=message, source=self._shown(finding))

    def _shown(self, finding: Finding) -> str:
        if finding.code == "E101":
            return ""
        start = _LINE_START.match(finding.source)
        column = start.end() + 1 if start is not None else 1
        if (finding.line, column) not in self._starts:
            # The line continues a text that begins above.
            return ""
        secret_from = self._secret_from.get(finding.line)
        if secret_from is None:
            return finding.source
        # A caret further right would be beyond the text.
        return f"{finding.source[: secret_from - 1]}***" if finding.column <= secret_from else ""

    def _is_veiled(self, path: DocumentPath, value: object) -> bool:
        if isinstance(value, list):
            return False
        if isinstance(value, dict):
            return not self._shape.is_group(path)
        if isinstance(value, str) and _REFERENCE_ONLY.fullmatch(value):
            return False
        return self._shape.is_secret(path) or has_login(value)


def _walk(path: DocumentPath, value: Any) -> Iterator[tuple[DocumentPath, Any]]:
    yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _walk((*path, key), inner)
    if isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _walk((*path, index), inner)
