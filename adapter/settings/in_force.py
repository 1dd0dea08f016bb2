"""The settings in force and the origin of each, for people. Pure; shows no secret."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from adapter.files.document import DocumentPath
from adapter.model import JsonObject
from adapter.settings.settings import SettingInForce
from adapter.settings.shape import SettingsShape, has_login

NOT_SET = "not set"
BY_DEFAULT = "default"
SET = "(set)"

WrittenFile: TypeAlias = tuple[str, JsonObject, Callable[[DocumentPath], int]]
"""The name of a file, its data as written, and the line of a path."""


def in_force(
    shape: SettingsShape,
    *,
    file: WrittenFile | None,
    environment: Mapping[DocumentPath, tuple[str, Any]],
    listening: str,
) -> Iterator[SettingInForce]:
    """Every setting, those of the service first. `environment` has the variable and value of each setting that it sets;
    `listening` names the variables and options that set a host or port.
    """
    written = {} if file is None else dict(_leaves(file[1], (), shape))
    name_of: dict[DocumentPath, str] = {}
    if file is not None:
        name_of = {path: f"{file[0]}:{file[2](path)}" for path in written}
    origins = {**name_of, **{path: name for path, (name, _) in environment.items()}}
    values = {**written, **{path: value for path, (_, value) in environment.items()}}
    sources = dict.fromkeys(str(path[1]) for path in values if path[0] == "sources" and len(path) > 1)
    of_sources = [path for source in sources for path in shape.paths(source)]
    defaults = dict(_leaves(shape.defaults(), (), shape))
    for source in sources:
        defaults |= dict(_leaves(shape.source_defaults(), ("sources", source), shape))
    own = [path for path in (*shape.paths(), *values) if path[0] != "sources"]
    theirs = [path for path in (*of_sources, *values) if path[0] == "sources" and len(path) > 2]
    known = dict.fromkeys([*own, *(path for name in sources for path in theirs if path[1] == name)])
    for path in known:
        if any(path[:length] in values for length in range(1, len(path))):
            continue  # of a group that is off as a whole: `console: off` leaves nothing to set
        default = defaults.get(path)
        origin = origins.get(path, BY_DEFAULT if path in defaults else NOT_SET)
        if path == ("listen",) and listening:
            origin = listening
        value = values.get(path, default)
        is_secret = shape.is_secret(path) or has_login(value)
        shown = value if not is_secret else SET if value else None
        yield SettingInForce(".".join(map(str, path)), shown, default, origin, is_secret)


def _leaves(node: Any, path: DocumentPath, shape: SettingsShape) -> Iterator[tuple[DocumentPath, Any]]:
    if isinstance(node, dict) and (not path or shape.is_group(path)):
        for key, inner in node.items():
            yield from _leaves(inner, (*path, key), shape)
    else:
        yield path, node
