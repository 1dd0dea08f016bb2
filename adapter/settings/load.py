"""Loads the settings: option over environment over file over default, every problem reported in one run.

Reads the settings file and looks which mapping files exist; writes nothing and talks to nobody. What nobody gave and
has to be made is the business of `generated_secrets`.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from adapter.bundled import bundled
from adapter.errors import ConfigError
from adapter.files.finding import Finding, Severity, as_text
from adapter.files.regular_file import read_regular
from adapter.model import JsonObject, Secret
from adapter.printable import printable
from adapter.settings import build, checks
from adapter.settings.environment import (
    CONFIG_VARIABLE,
    DEFAULT_SOURCE,
    SOURCE_VARIABLES,
    environment_layer,
    in_environment,
    process_origins,
    read_process_variables,
    stated,
    text_of,
    unknown_variables,
)
from adapter.settings.in_force import WrittenFile, in_force
from adapter.settings.layers import Layer, Stack, has, layer_of, stacked
from adapter.settings.mapping_choice import MAPPINGS_FOLDER
from adapter.settings.settings import Settings
from adapter.settings.settings_file import FileLayer, read_layer
from adapter.settings.shape import SettingProblem, SettingsShape, ValueReader

FILE_NAME = "adapter.yaml"
"""The settings file that is read without being named."""


def settings_schema() -> JsonObject:
    """The JSON Schema of the settings file."""
    schema: JsonObject = json.loads(bundled("schemas/adapter/settings.json").read_text(encoding="utf-8"))
    return schema


def load_settings(
    *,
    file: Path | None,
    environ: Mapping[str, str],
    host: str | None = None,
    port: int | None = None,
    role: str | None = None,
    sandbox: bool = False,
    folder: Path = Path(),
    mappings: Path = MAPPINGS_FOLDER,
) -> Settings:
    """The settings in force. `file`, `host`, `port` and `role` are the options of the command line.

    Without `file` it is ADAPTER_CONFIG, else `adapter.yaml` in `folder` if there is one. `folder` is where relative
    paths of options and environment count from, `mappings` where a mapping is looked for that nobody named. With
    `sandbox` no key of Browsee is asked for, and the queue is a file of its own beside the one configured.

    Raises ConfigError whose text lists every problem with its place.
    """
    shape = SettingsShape(settings_schema())
    path = _chosen_file(file, environ, folder)
    read = None if path is None else _read_file(path, shape, environ=environ, mappings=mappings)
    with_source = read is None or _is_default_open(read.layer)
    reading = build.readers(folder=folder, mappings=mappings)
    over = environment_layer(environ, shape, reading=reading, with_source=with_source)
    stack = _stacked(shape, [*([] if read is None else [read.layer]), over], reading)
    options = _options(host=host, port=port, role=role)
    process, process_findings = read_process_variables(environ, options)
    findings = _sorted([*_unset(read, sandbox=sandbox), *_judged(stack, read), *process_findings])
    if any(finding.blocks for finding in findings):
        raise ConfigError("\n".join(as_text(found) for found in findings if found.blocks), is_listing=True)

    notes = [finding.headline for finding in findings] + _notes(read, environ, with_source=with_source)
    key = Secret(text) if (text := text_of(environ, "BROWSEE_API_KEY")) else None
    settings = build.built(stack.values, process=process, file=path, mappings=mappings, browsee_api_key=key)
    shown = in_force(
        shape,
        file=_written(path, read),
        environment=stated(environ, with_source=with_source),
        listening=process_origins(environ, options),
    )
    settings = replace(settings, notes=(*notes, *settings.notes), in_force=tuple(shown))
    if sandbox:
        return build.in_sandbox(settings)
    build.require_browsee_keys(settings)
    return settings


def _notes(read: FileLayer | None, environ: Mapping[str, str], *, with_source: bool) -> list[str]:
    """Sentences about variables that are set and not used."""
    names = frozenset() if read is None else read.names
    unused = [] if read is None or with_source else list(_unused(environ, names))
    return [*unused, *unknown_variables(environ, names)]


def _written(path: Path | None, read: FileLayer | None) -> WrittenFile | None:
    return None if path is None or read is None else (path.name, read.data, read.line_of)


def check_settings(text: str, *, file: Path, environ: Mapping[str, str]) -> list[Finding]:
    """Every problem of a settings file, for somebody who checks it where it will not run.

    Its secrets are not there, so an unset variable is a warning.
    """
    shape = SettingsShape(settings_schema())
    reading = build.readers(folder=file.parent, mappings=MAPPINGS_FOLDER)
    read = read_layer(text, shape, file=str(file), environ=environ, reading=reading)
    findings = [*_unset(read, sandbox=False), *_judged(_stacked(shape, [read.layer], reading), read)]
    return _sorted(_mild(finding) if finding.code in _LACKING else finding for finding in findings)


def _mild(finding: Finding) -> Finding:
    return replace(finding, severity=Severity.WARNING, code=f"W{finding.code[1:]}")


_LACKING = ("E304", "E308")
"""What is wrong only if the environment does not bring it where the settings are used."""


def _chosen_file(option: Path | None, environ: Mapping[str, str], folder: Path) -> Path | None:
    if option is not None:
        return folder / option
    if named := text_of(environ, CONFIG_VARIABLE):
        return folder / named
    unnamed = folder / FILE_NAME
    return unnamed if unnamed.exists() else None


def _read_file(path: Path, shape: SettingsShape, *, environ: Mapping[str, str], mappings: Path) -> FileLayer:
    try:
        text = read_regular(path).decode()
    except OSError as cause:
        raise ConfigError(printable(f"cannot read the settings file {path}: {cause.strerror}")) from cause
    except UnicodeDecodeError as cause:
        raise ConfigError(f"the settings file {path} is not UTF-8 text, from byte {cause.start} on") from None
    reading = build.readers(folder=path.parent, mappings=mappings)
    return read_layer(text, shape, file=str(path), environ=environ, reading=reading)


def _stacked(shape: SettingsShape, layers: Sequence[Layer], reading: Mapping[str, ValueReader]) -> Stack:
    defaults = layer_of(shape.defaults(), shape, reading=reading, place=in_environment)
    source_defaults, _ = shape.read({"sources": {"": shape.source_defaults()}}, reading)
    return stacked([defaults, *layers], source_defaults=source_defaults["sources"][""])


def _is_default_open(layer: Layer) -> bool:
    """The file leaves room for the source that environment variables describe."""
    return not has(layer.values, ("sources",)) or has(layer.values, ("sources", DEFAULT_SOURCE))


def _judged(stack: Stack, read: FileLayer | None) -> list[Finding]:
    unknown = () if read is None else {trouble.path for trouble in read.unset}
    crossed = (trouble for trouble in checks.troubles(stack.values) if trouble.path not in unknown)
    return [*stack.findings, *map(stack.place, crossed)]


def _sorted(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: (finding.line, finding.column))


def _unset(read: FileLayer | None, *, sandbox: bool) -> list[Finding]:
    if read is None:
        return []
    # The sandbox calls nobody, so the keys it would not show need not be there.
    troubles = [trouble for trouble in read.unset if not (sandbox and _is_api_key(trouble))]
    return [read.layer.place(_with_ways_on(trouble)) for trouble in troubles]


def _with_ways_on(trouble: SettingProblem) -> SettingProblem:
    if not _is_api_key(trouble):
        return trouble
    return replace(trouble, message=f"{trouble.message}; set it, or add --sandbox to try the adapter without Browsee")


def _is_api_key(trouble: SettingProblem) -> bool:
    # A file that is one text has its problems at the empty path.
    return trouble.path[-1:] == ("browsee_api_key",)


def _unused(environ: Mapping[str, str], used: Collection[str]) -> Iterator[str]:
    for name in SOURCE_VARIABLES:
        # A key of Browsee also stands in for each source that names none.
        if text_of(environ, name) and name not in used and name != "BROWSEE_API_KEY":
            yield f"{name} is set and not used: it is for the source `{DEFAULT_SOURCE}`, and the settings name others"


def _options(*, host: str | None, port: int | None, role: str | None) -> dict[str, str]:
    given = {"ADAPTER_HOST": host, "ADAPTER_PORT": None if port is None else str(port), "ADAPTER_ROLE": role}
    return {name: text for name, text in given.items() if text is not None}
