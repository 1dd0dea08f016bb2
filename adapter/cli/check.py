"""`browsee-adapter check`: every problem of mapping and settings files, and the tests inside mappings."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from adapter.cli.at_queue import settings_of, waiting_deletions
from adapter.cli.reading import replace_text, text_of
from adapter.cli.show import coloured, say, show, show_json
from adapter.cli.watching import watch_files
from adapter.console.wording import counted
from adapter.errors import AdapterError, ConfigError
from adapter.files.document import read_document
from adapter.files.finding import Finding, Severity, as_github, as_json, as_text
from adapter.files.sarif import as_sarif
from adapter.mapping import accepting
from adapter.mapping import load as mapping
from adapter.mapping.language.codes import CODES
from adapter.mapping.load import Checked
from adapter.mapping.table_reader import table_reader
from adapter.service.mappings import read_message
from adapter.settings.codes import SETTINGS_CODES
from adapter.settings.environment import CONFIG_VARIABLE, MAPPING_VARIABLE, unknown_variables
from adapter.settings.load import FILE_NAME, check_settings, settings_schema
from adapter.settings.mapping_choice import OWN_MAPPING, found_mapping, named_mapping

_MAPPING_WORDS = frozenset({"version", "rules"})


@dataclass(frozen=True, slots=True)
class _Count:
    """What was checked. `rules` and `passed` are those of mappings without errors, `mappings` how many these are."""

    files: int
    mappings: int
    rules: int
    passed: int

    @classmethod
    def of(cls, checked: Sequence[Checked]) -> "_Count":
        known = [one.rules for one in checked if one.rules is not None]
        return cls(len(checked), len(known), sum(known), sum(one.passed for one in checked))


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="github: annotations beside the lines of a pull request; sarif: for code scanning.",
)
@click.option("--strict", is_flag=True, help="Warnings and notes are problems too.")
@click.option("--accept", is_flag=True, help="Write what failing tests give now into their `expect`, then check.")
@click.option("--watch", is_flag=True, help="Check again whenever a file is saved, until Ctrl-C.")
def check(files: tuple[Path, ...], form: str, strict: bool, accept: bool, watch: bool) -> None:
    """Find every problem in your files, and run their tests.

    FILES are mappings and settings; the content of a file says which of them it is. Without FILES, the settings that
    `serve` would read here and the mappings that they name are checked; without settings, the mapping that `serve`
    would use. Each problem is shown with its line and column,
    and the tests inside mappings are run. Exits with status 1 if there is an error or a failed test.

    --accept changes the `expect` of failing tests only, and of tests without one. Read the difference before you
    commit it. A file with an error stays as it is.

    \b
    Examples:
      browsee-adapter check
      browsee-adapter check adapter.yaml mappings/*.yaml --strict
      browsee-adapter check mappings/shop.yaml --accept
      browsee-adapter check mappings/shop.yaml --watch
    """
    if watch:
        if accept or form != "text":
            raise click.UsageError("--watch shows text and changes no file; leave out --accept and --format")
        watch_files(lambda: files or tuple(own_files(os.environ)), lambda: _check_once(files, form, strict))
        return
    if accept:
        for file in files or own_files(os.environ):
            _accept(file)
    if not _check_once(files, form, strict):
        raise SystemExit(1)


def _check_once(files: tuple[Path, ...], form: str, strict: bool) -> bool:
    """Check and print; returns whether there is no problem."""
    is_own, files = not files, files or tuple(own_files(os.environ))
    checked = [check_file(file, environ=os.environ) for file in files]
    findings = [finding for one in checked for finding in one.findings]
    _FORMATS[form](findings, _Count.of(checked))
    if is_own:
        for sentence in unknown_variables(os.environ, text if _is_settings(text := text_of(files[0])) else ""):
            say(f"note: {sentence}", err=True)
        _say_what_waits()
    return not any(strict or finding.blocks for finding in findings)


def _accept(file: Path) -> None:
    """Write the results of the tests into the mapping `file`; settings have no tests."""
    text = text_of(file, as_written=True)
    if _is_settings(text):
        return
    accepted = accepting.accept(text, file=str(file), read=read_message, read_table=table_reader(file.parent))
    if not accepted.tests:
        return
    replace_text(file, before=text, after=accepted.text)
    names = ", ".join(f"'{name}'" for name in accepted.tests)
    say(f"{file}: accepted the results of {names}", err=True)


def _say_what_waits() -> None:
    """Show waiting deletion requests. They are not a mistake in a file, so they are not findings."""
    # The findings and `doctor` report problems of the settings and the queue.
    with suppress(AdapterError):
        for sentence in waiting_deletions(settings_of(None, sandbox=False)):
            say(f"note: {sentence}", err=True)


def own_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The settings file that `serve` would read, then each mapping file that it names, once. Without a settings file
    the mapping that `serve` would use.

    Raises UsageError if there is neither. A settings file that cannot be read names no mappings; its own check says
    why.
    """
    settings = Path(environ.get(CONFIG_VARIABLE) or FILE_NAME)
    if not settings.is_file():
        mapping = None if environ.get(CONFIG_VARIABLE) else _mapping_alone(environ.get(MAPPING_VARIABLE))
        if mapping is None:
            raise click.UsageError(f"there is no {settings} here and no mapping; name the FILES to check")
        yield mapping
        return
    yield settings
    data = read_document(text_of(settings), file="").data
    sources = data.get("sources") if isinstance(data, dict) else None
    of_sources = sources.values() if isinstance(sources, dict) else ()
    named = [source.get("mapping") for source in of_sources if isinstance(source, dict)]
    for name in dict.fromkeys(name for name in named if isinstance(name, str)):
        # A missing file is a problem of the settings, and is reported by their check.
        with suppress(ConfigError):
            yield named_mapping(name, folder=settings.parent)


def _mapping_alone(name: str | None) -> Path | None:
    """The mapping that `serve` would use without a settings file; None for the one that comes with the adapter."""
    if name:
        return named_mapping(name, folder=Path())
    found = found_mapping(own=OWN_MAPPING)
    return None if found.note else found.file


def check_file(file: Path, *, environ: Mapping[str, str]) -> Checked:
    """The findings of `file`, the results of its tests and the number of its rules.

    Raises ConfigError if the file cannot be read.
    """
    text = text_of(file)
    if _is_settings(text):
        return Checked(check_settings(text, file=file, environ=environ))
    return mapping.check_with_tests(text, file=str(file), read=read_message, read_table=table_reader(file.parent))


def _is_settings(text: str) -> bool:
    data: Any = read_document(text, file="").data
    if not isinstance(data, dict) or _MAPPING_WORDS & data.keys():
        return False
    # Mappings and settings have no top-level words in common, so one known word decides.
    return bool(settings_schema()["properties"].keys() & data.keys())


def _as_text(findings: Sequence[Finding], count: _Count) -> None:
    for finding in findings:
        show(coloured(as_text(finding)))
    show(_summary(findings, count))


def _summary(findings: Sequence[Finding], count: _Count) -> str:
    """`2 files: 1 warning, 4 rules, 3 tests passed`."""
    counts = Counter(finding.severity for finding in findings)
    parts = [_counted(counts[severity], severity) for severity in Severity if counts[severity]] or ["no problems"]
    if count.mappings:
        parts.append(counted(count.rules, "rule"))
        if count.passed or not counts[Severity.FAILED]:
            parts.append(f"{counted(count.passed, 'test')} passed" if count.passed else "no tests")
    return f"{counted(count.files, 'file')}: {', '.join(parts)}"


def _counted(count: int, severity: Severity) -> str:
    if severity is Severity.FAILED:
        return f"{count} failed test" if count == 1 else f"{count} failed tests"
    return f"{count} {severity}" if count == 1 else f"{count} {severity}s"


def _as_json(findings: Sequence[Finding], count: _Count) -> None:
    report = {
        "files": count.files,
        "rules": count.rules,
        "testsPassed": count.passed,
        "findings": [as_json(finding) for finding in findings],
    }
    show_json(report, indented=True)


def _as_github(findings: Sequence[Finding], count: _Count) -> None:  # noqa: ARG001 - one for all formats
    for finding in findings:
        say(as_github(finding))


def _as_sarif(findings: Sequence[Finding], count: _Count) -> None:  # noqa: ARG001 - one for all formats
    show_json(
        as_sarif(findings, codes={**CODES, **{code: about.means for code, about in SETTINGS_CODES.items()}}),
        indented=True,
    )


_FORMATS: dict[str, Callable[[Sequence[Finding], _Count], None]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
    "sarif": _as_sarif,
}
