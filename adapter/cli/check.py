"""`browsee-adapter check`: every problem of mapping and settings files, and the tests inside mappings."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from adapter.activation import read_message
from adapter.cli.at_queue import settings_of, waiting_deletions
from adapter.cli.reading import text_of
from adapter.cli.show import coloured, say, show, show_json
from adapter.errors import AdapterError, ConfigError
from adapter.mapping import load as mapping
from adapter.mapping.document import read_document
from adapter.mapping.finding import Finding, Severity, as_github, as_json, as_text
from adapter.settings.environment import CONFIG_VARIABLE, unknown_variables
from adapter.settings.load import FILE_NAME, check_settings, settings_schema
from adapter.settings.mapping_choice import named_mapping

_MAPPING_WORDS = frozenset({"version", "rules"})


@click.command()
@click.argument("files", nargs=-1, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    show_default=True,
    help="github: annotations beside the lines of a pull request.",
)
@click.option("--strict", is_flag=True, help="Warnings and notes are problems too.")
def check(files: tuple[Path, ...], form: str, strict: bool) -> None:
    """Find every problem of your files.

    FILES are mappings and settings; which of them a file is, its content tells. Without any, they are the settings that
    `serve` would read here and the mappings that these name. Each problem is shown with its line and column, and the
    tests inside mappings are run. Ends with 1 if there is an error or a failed test.

    \b
    Examples:
      browsee-adapter check
      browsee-adapter check adapter.yaml mappings/*.yaml --strict
    """
    is_own, files = not files, files or tuple(_own_files(os.environ))
    findings = [finding for file in files for finding in findings_of(file, environ=os.environ)]
    _FORMATS[form](findings, len(files))
    if is_own:
        for sentence in unknown_variables(os.environ, text_of(files[0])):
            say(f"note: {sentence}", err=True)
        _say_what_waits()
    if any(strict or finding.blocks for finding in findings):
        raise SystemExit(1)


def _say_what_waits() -> None:
    """Deletion requests that wait are nobody's fault, so they are no finding, but somebody should know."""
    # What is wrong with the settings or the queue is told by the findings, and by doctor.
    with suppress(AdapterError):
        for sentence in waiting_deletions(settings_of(None, sandbox=False)):
            say(f"note: {sentence}", err=True)


def _own_files(environ: Mapping[str, str]) -> Iterator[Path]:
    """The settings file that `serve` would read, then each mapping file that it names, once.

    Raises UsageError if there is no settings file. One that cannot be read names no mappings; its own check says why.
    """
    settings = Path(environ.get(CONFIG_VARIABLE) or FILE_NAME)
    if not settings.is_file():
        raise click.UsageError(f"there is no {settings} here; name the FILES to check")
    yield settings
    data = read_document(text_of(settings), file="").data
    sources = data.get("sources") if isinstance(data, dict) else None
    of_sources = sources.values() if isinstance(sources, dict) else ()
    named = [source.get("mapping") for source in of_sources if isinstance(source, dict)]
    for name in dict.fromkeys(name for name in named if isinstance(name, str)):
        # One that is not there is a problem of the settings, and told by their own check.
        with suppress(ConfigError):
            yield named_mapping(name, folder=settings.parent)


def findings_of(file: Path, *, environ: Mapping[str, str]) -> list[Finding]:
    """What is wrong with `file`. Raises ConfigError if it cannot be read."""
    text = text_of(file)
    if _is_settings(text):
        return check_settings(text, file=file, environ=environ)
    return mapping.check(text, file=str(file), read=read_message)


def _is_settings(text: str) -> bool:
    data: Any = read_document(text, file="").data
    if not isinstance(data, dict) or _MAPPING_WORDS & data.keys():
        return False
    # `settings` and other words of mappings are none of settings files, so one known word decides.
    return bool(settings_schema()["properties"].keys() & data.keys())


def _as_text(findings: Sequence[Finding], files: int) -> None:
    for finding in findings:
        show(coloured(as_text(finding)))
    show(_summary(findings, files))


def _summary(findings: Sequence[Finding], files: int) -> str:
    checked = "1 file" if files == 1 else f"{files} files"
    if not findings:
        return f"{checked}: nothing to complain about"
    counts = Counter(finding.severity for finding in findings)
    return f"{checked}: " + ", ".join(_counted(counts[severity], severity) for severity in Severity if counts[severity])


def _counted(count: int, severity: Severity) -> str:
    if severity is Severity.FAILED:
        return f"{count} failed test" if count == 1 else f"{count} failed tests"
    return f"{count} {severity}" if count == 1 else f"{count} {severity}s"


def _as_json(findings: Sequence[Finding], files: int) -> None:
    report = {"files": files, "findings": [as_json(finding) for finding in findings]}
    show_json(report, indented=True)


def _as_github(findings: Sequence[Finding], files: int) -> None:  # noqa: ARG001 - one signature for all formats
    for finding in findings:
        say(as_github(finding))


_FORMATS: dict[str, Callable[[Sequence[Finding], int], None]] = {
    "text": _as_text,
    "json": _as_json,
    "github": _as_github,
}
