"""Finds the schemas and mappings that come with the adapter, in an installed wheel and in a checkout.

Both are top-level folders of the project, where readers expect them. The wheel has them inside the package, an editable
install does not, so there are two places. Never reads a file and never looks elsewhere.
"""

from pathlib import Path

from adapter.errors import AdapterError

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_shipped", _PACKAGE.parent)


def bundled(name: str) -> Path:
    """The path of a shipped file or folder, such as `schemas/event/track.json` or `mappings`.

    Raises AdapterError if this installation lacks it, which happens only if files were deleted.
    """
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    raise AdapterError(f"this installation lacks {name}; install browsee-adapter again")
