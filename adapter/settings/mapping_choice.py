"""Chooses the mapping file of a source: by the configured name, else by the files in the mappings folder.

Never guesses between several files and never reads one.
"""

from dataclasses import dataclass
from pathlib import Path

from adapter.bundled import bundled
from adapter.errors import ConfigError
from adapter.printable import printable

MAPPINGS_FOLDER = Path("/mappings")
"""The folder of mapping files in the container image."""

OWN_MAPPING = Path("data/mapping.yaml")
"""Where `make run` puts a first mapping; every command that runs in the same folder then uses the same file."""

_SUFFIXES = (".yaml", ".yml")
_DEFAULT = "default.yaml"


@dataclass(frozen=True, slots=True)
class MappingChoice:
    """The file to use; `note` is a sentence for the operator if the file was not configured, else empty."""

    file: Path
    note: str = ""


def named_mapping(name: str, *, folder: Path, mappings: Path = MAPPINGS_FOLDER) -> Path:
    """The file that `name` means, relative to `folder`, else to `mappings`.

    A plain word such as `default`, without folder and suffix, is one of the mappings that come with the adapter. Raises
    ConfigError if there is no such file.
    """
    if "/" not in name and not name.endswith(_SUFFIXES):
        return _shipped(name, folder=folder)
    places = (folder / name, mappings / name)
    for place in places:
        if place.is_file():
            return place
    raise ConfigError(printable(f"no mapping file {places[0]}"))


def found_mapping(mappings: Path = MAPPINGS_FOLDER, *, own: Path | None = None) -> MappingChoice:
    """`default.yaml` of `mappings`, else the only file there, else the file `own`, else the shipped default.

    Raises ConfigError that lists the files if there are several and none is called default.yaml.
    """
    found = _files(mappings)
    if mappings / _DEFAULT in found:
        return MappingChoice(mappings / _DEFAULT)
    if len(found) == 1:
        return MappingChoice(found[0])
    if found:
        names = ", ".join(file.name for file in found)
        raise ConfigError(
            f"{mappings} contains several mappings and none is named {_DEFAULT}: {names}; "
            "name one with ADAPTER_MAPPING, or in the settings with sources.<name>.mapping"
        )
    if own is not None and own.is_file():
        return MappingChoice(own)
    shipped = bundled(f"mappings/{_DEFAULT}")
    return MappingChoice(shipped, f"no mapping was named, so the one that comes with the adapter is used: {shipped}")


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix in _SUFFIXES and file.is_file() and not file.name.startswith(".")
    )


def _shipped(word: str, *, folder: Path) -> Path:
    files = {file.stem: file for file in _files(bundled("mappings"))}
    if word not in files:
        is_file = (folder / word).is_file()
        own = f"The file of that name here: ./{word}" if is_file else f"A file of your own: {word}.yaml"
        raise ConfigError(
            printable(f"no mapping called {word} comes with the adapter; there are {', '.join(files)}. {own}")
        )
    return files[word]
