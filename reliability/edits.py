"""Edits of a mapping file: good ones, bad ones, and replacements as Kubernetes makes them in a ConfigMap's mount."""

from collections.abc import Callable, Mapping
from pathlib import Path

from reliability.oracle import MAPPING

NAME = "mapping.yaml"
EDIT = "edit"
"""The property that says which edit's mapping made a call."""


def text_of(edit: int) -> str:
    """The kit's mapping; each of its calls names the edit."""
    named = f"properties: {{{EDIT}: {{value: {edit}}}}}"
    lines = []
    for line in MAPPING.splitlines():
        lines.append(line)
        body = line.lstrip()
        if body.removeprefix("- ").startswith("track:"):
            lines.append(" " * (len(line) - len(body.removeprefix("- "))) + named)
    return "\n".join(lines) + "\n"


def broken_text_of(edit: int) -> str:
    """The same with a typo in one of two calls; the reported problem names the edit."""
    return text_of(edit).replace("track: ORDER_COMPLETED", f"{misspelt(edit)}: ORDER_COMPLETED")


def misspelt(edit: int) -> str:
    """The word in place of `track`."""
    return f"track{edit}"


class ConfigMap:
    """A folder as Kubernetes mounts it: the file is a link into `..data`, itself a link that is swapped as a whole."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / NAME
        self._folder = folder
        folder.mkdir()
        self._count = 0
        self.swapped(text_of(0))
        self.file.symlink_to(Path("..data") / NAME)

    def written(self, text: str) -> None:
        """Written in place, as an editor may do it."""
        self.file.write_text(text, encoding="utf-8")

    def swapped(self, text: str) -> None:
        """A new folder beside the old one, then the link replaced in one step."""
        self._count += 1
        data = self._folder / f"..{self._count}"
        data.mkdir()
        (data / NAME).write_text(text, encoding="utf-8")
        link = self._folder / "..data_tmp"
        link.symlink_to(data.name)
        link.replace(self._folder / "..data")


KINDS: Mapping[str, tuple[Callable[[int], str], Callable[[ConfigMap, str], None]]] = {
    "good": (text_of, ConfigMap.written),
    "swapped": (text_of, ConfigMap.swapped),
    "broken": (broken_text_of, ConfigMap.written),
}
"""The texts that are written, and how."""
