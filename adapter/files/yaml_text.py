"""Values as YAML on one line, as the reader of mappings reads them again. Pure."""

import json
import re
from typing import Any, Final

from adapter.printable import escape_unprintable

_PLAIN: Final = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _-]*[A-Za-z0-9])?")
_OWN_MEANING: Final = frozenset({"true", "false", "null"})


def flow_text(value: Any) -> str:
    """A JSON value in YAML's flow style."""
    if type(value) is dict:
        return "{" + ", ".join(f"{quoted(name)}: {flow_text(member)}" for name, member in value.items()) + "}"
    if type(value) is list:
        return "[" + ", ".join(map(flow_text, value)) + "]"
    return quoted(value) if type(value) is str else json.dumps(value)


def quoted(text: str) -> str:
    """Text, bare where that is safe."""
    if _PLAIN.fullmatch(text) and text.lower() not in _OWN_MEANING:
        return text
    return escape_unprintable(json.dumps(text, ensure_ascii=False), escape=_yaml_escape)


def _yaml_escape(character: str) -> str:
    return f"\\U{ord(character):08x}"
