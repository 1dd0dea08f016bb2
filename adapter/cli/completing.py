"""Completions beside options and files: sources, mappings, recipes, event types, codes of findings.

A completion is a word that a shell takes unchanged. Text of a sender is never offered: the name of an event could be a
command. If a file cannot be read there are no completions: an error would appear in the middle of a command line.
"""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

import click
from click.shell_completion import CompletionItem

from adapter.bundled import bundled
from adapter.errors import AdapterError

_TYPES: Final = ("track", "identify", "page", "screen", "group", "alias")


def source_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click passes all three
    """Names of sources in the settings file that the command would read."""
    # Imported here: shells ask for other completions too, and these are slow to import.
    from adapter.files.document import read_document  # noqa: PLC0415 - as said above
    from adapter.files.regular_file import read_regular  # noqa: PLC0415 - as said above
    from adapter.settings.environment import CONFIG_VARIABLE  # noqa: PLC0415 - as said above
    from adapter.settings.load import FILE_NAME, settings_schema  # noqa: PLC0415 - as said above

    file = Path(ctx.params.get("config") or os.environ.get(CONFIG_VARIABLE) or FILE_NAME)
    with suppress(AdapterError, OSError, ValueError):
        data = read_document(read_regular(file).decode(), file="").data
        sources = data.get("sources") if isinstance(data, dict) else None
        if isinstance(sources, dict):
            allowed = re.compile(settings_schema()["properties"]["sources"]["propertyNames"]["pattern"])
            return [name for name in _beginning(incomplete, sources) if allowed.fullmatch(name)]
    return []


def event_types(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click passes all three
    """The types of events."""
    return _beginning(incomplete, _TYPES)


def mappings(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:  # noqa: ARG001 - click passes all three
    """Mappings that come with the adapter, and files."""
    names = _beginning(incomplete, _stems("mappings"))
    return [*map(CompletionItem, names), CompletionItem(incomplete, type="file")]


def mappings_and_codes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The same, and codes of findings once their first letter is typed."""
    return [*(_codes(incomplete.upper()) if incomplete else ()), *mappings(ctx, param, incomplete)]


def recipes(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 - click passes all three
    """Recipes that come with the adapter."""
    return _beginning(incomplete, _stems("mappings/recipes"))


def _codes(begun: str) -> list[CompletionItem]:
    from adapter.mapping.language.codes import CODES  # noqa: PLC0415 - as above
    from adapter.settings.codes import SETTINGS_CODES  # noqa: PLC0415 - as said above

    meanings = {**CODES, **{code: about.means for code, about in SETTINGS_CODES.items()}}
    return [CompletionItem(code, help=means) for code, means in meanings.items() if code.startswith(begun)]


def _stems(folder: str) -> list[str]:
    return sorted(file.stem for file in bundled(folder).iterdir() if file.suffix == ".yaml")


def _beginning(incomplete: str, words: Iterable[str]) -> list[str]:
    return [word for word in words if word.startswith(incomplete)]
