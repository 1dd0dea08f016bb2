"""The generated parts of `docs/settings.md`: every setting from its schema, every variable from its table. Pure.

A part is between `<!-- part: settings -->` and `<!-- end -->`; `renewed` replaces it by the current one.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

from adapter.model import JsonObject
from adapter.settings.codes import SAME_AS, SETTINGS_CODES
from adapter.settings.environment import (
    CONFIG_VARIABLE,
    DEFAULT_SOURCE,
    LISTS,
    PROCESS_VARIABLES,
    SOURCE_VARIABLES,
    VARIABLES,
)

_MARKED: Final = re.compile(r"(<!-- part: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
_SOURCE: Final = "sources.<name>"
# A description ends with its variables and options, for editors; the page shows them in another place.
_VARIABLES_TOLD: Final = re.compile(r" Environment\b.*$")
_OF_LISTEN: Final = ("ADAPTER_HOST", "ADAPTER_PORT")
_OTHERS: Final[Mapping[str, str]] = MappingProxyType({
    CONFIG_VARIABLE: "the settings file, else `adapter.yaml` in the current directory",
    "ADAPTER_HOST": "the host of [`listen`](#listen)",
    "ADAPTER_PORT": "the port of [`listen`](#listen); `tcp://…`, as Kubernetes sets for a service, is ignored",
    "ADAPTER_LOG_FORMAT": "`json` or `text`; else text on a terminal and JSON elsewhere",
    "ADAPTER_ROLE": "what this replica of a queue in PostgreSQL does: `all`, `ingest` or `deliver`; else `all`",
    "ADAPTER_LOG_LEVEL": "`info`, or `debug` for a line each event; `debug` if not set, in a sandbox off a terminal",
})  # fmt: skip
"""Variables that are not a setting, or a part of one."""


def renewed(page: str, schema: JsonObject) -> str:
    """The page with its parts renewed from the schema and the tables. An unknown part is a KeyError."""
    return _MARKED.sub(lambda match: f"{match[1]}\n{PARTS[match[2]](schema)}\n{match[3]}", page)


def _settings(schema: JsonObject) -> str:
    return "\n".join(_section(path, node, schema) for path, node in _nodes(schema, schema, ""))


def _variables(_: JsonObject) -> str:
    rows = {name: f"[`{_shown(path)}`](#{_anchor(_shown(path))}){_several(path)}" for name, path in VARIABLES.items()}
    for name, path in SOURCE_VARIABLES.items():
        setting = _shown((_SOURCE, *path[2:]))
        of = "each source that names none" if name == "BROWSEE_API_KEY" else f"the source `{DEFAULT_SOURCE}`"
        rows[name] = f"[`{setting}`](#{_anchor(setting)}) of {of}{_several(path)}"
    rows |= {name: _OTHERS[name] for name in (*PROCESS_VARIABLES, CONFIG_VARIABLE)}
    lines = [f"| `{name}` | {sets} |\n" for name, sets in sorted(rows.items())]
    return "| variable | what it sets |\n| --- | --- |\n" + "".join(lines)


def _codes(_: JsonObject) -> str:
    names = {code: [code, *(other for other, same in SAME_AS.items() if same == code)] for code in SETTINGS_CODES}
    rows = (f"| {', '.join(names[code])} | {about.means} | {about.cure} |\n" for code, about in SETTINGS_CODES.items())
    return "| code | what it means | what to do |\n| --- | --- | --- |\n" + "".join(rows)


def _several(path: tuple[str | int, ...]) -> str:
    return ", several with commas between" if path[-1] in LISTS else ""


PARTS: Final[Mapping[str, Callable[[JsonObject], str]]] = MappingProxyType({
    "settings": _settings,
    "variables": _variables,
    "codes": _codes,
})  # fmt: skip
"""Every generated part, by its name in the page."""


def _nodes(node: JsonObject, schema: JsonObject, prefix: str) -> Iterator[tuple[str, JsonObject]]:
    """Each setting and each group with its dotted path, in the order of the schema."""
    for key, inner in node["properties"].items():
        path = f"{prefix}{key}"
        yield path, inner
        if key == "sources":
            yield from _nodes(schema["$defs"]["source"], schema, f"{_SOURCE}.")
        elif "properties" in inner:
            yield from _nodes(inner, schema, f"{path}.")


def _section(path: str, node: JsonObject, schema: JsonObject) -> str:
    # `<name>` would be HTML.
    described = _VARIABLES_TOLD.sub("", node["description"]).replace("<", "\\<")
    text = f"### `{path}`\n\n{described}\n"
    if "properties" in node:
        return text
    facts = [f"- Allowed: {_allowed(node, schema)}"]
    if "default" in node:
        facts.append(f"- Default: `{_written(node['default'])}`")
    facts += [f"- Variable: {names}" for names in (_variables_of(path),) if names]
    return text + "\n" + "\n".join(facts) + "\n"


def _allowed(node: JsonObject, schema: JsonObject) -> str:
    """The schema's sentence about what is allowed: the node's own, else that of its definition."""
    if "title" in node:
        return str(node["title"])
    (reference,) = node["allOf"]
    return str(schema["$defs"][reference["$ref"].rpartition("/")[2]]["title"])


def _variables_of(path: str) -> str:
    if path == "listen":
        return ", ".join(f"`{name}`" for name in _OF_LISTEN)
    paths = {name: _shown(where) for name, where in VARIABLES.items()}
    paths |= {name: _shown((_SOURCE, *where[2:])) for name, where in SOURCE_VARIABLES.items()}
    return ", ".join(f"`{name}`" for name, setting in paths.items() if setting == path)


def _shown(path: tuple[str | int, ...]) -> str:
    return ".".join(str(key) for key in path)


def _anchor(setting: str) -> str:
    return re.sub(r"[^\w\-]", "", setting)


def _written(value: Any) -> str:
    """A default as written in a file."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value)
