"""Settings from environment variables: one table of those that are a setting, and one of the others. Pure.

Reads only the environment that it is given, and quotes no value: it may be a secret in the wrong variable. An empty
variable counts as not set, because container tools pass unset variables on as empty ones.
"""

import re
from collections.abc import Callable, Container, Iterator, Mapping
from typing import Any

from adapter.files.document import DocumentPath
from adapter.files.finding import Finding, Severity, did_you_mean
from adapter.model import JsonObject
from adapter.printable import printable
from adapter.settings.layers import Layer, layer_of
from adapter.settings.quantities import address
from adapter.settings.shape import SettingProblem, SettingsShape, ValueReader

DEFAULT_SOURCE = "default"

MAPPING_VARIABLE = "ADAPTER_MAPPING"
"""The variable that names the mapping of the source `default`."""

VARIABLES: Mapping[str, DocumentPath] = {
    "ADAPTER_BROWSEE_URL": ("browsee", "url"),
    "BROWSEE_URL": ("browsee", "url"),
    "ADAPTER_QUEUE": ("queue",),
    "ADAPTER_STATE_DIR": ("state_dir",),
    "ADAPTER_HASH_KEY": ("hash_key",),
    "ADAPTER_GEO_DATABASE": ("geo", "database"),
    "ADAPTER_ADMIN_TOKEN": ("admin_token",),
    "ADAPTER_ADMIN_LISTEN": ("admin_listen",),
    "ADAPTER_TRUSTED_PROXIES": ("trusted_proxies",),
}
"""Variables that are a setting; of two for one setting the later has precedence."""

SOURCE_VARIABLES: Mapping[str, DocumentPath] = {
    "BROWSEE_API_KEY": ("sources", DEFAULT_SOURCE, "browsee_api_key"),
    "ADAPTER_WRITE_KEY": ("sources", DEFAULT_SOURCE, "keys"),
    "ADAPTER_SIGNING_SECRET": ("sources", DEFAULT_SOURCE, "signing_secrets"),
    MAPPING_VARIABLE: ("sources", DEFAULT_SOURCE, "mapping"),
}
"""Variables that are a setting of the source `default`."""

CONFIG_VARIABLE = "ADAPTER_CONFIG"
"""The variable that names the settings file."""

SEND_KEY_VARIABLE = "ADAPTER_SEND_KEY"
"""The variable with the key for `send`."""

SEND_SECRET_VARIABLE = "ADAPTER_SEND_SECRET"  # noqa: S105 - a name, not a secret
"""The variable with the signing secret for `send --sign`."""

_OF_KUBERNETES = re.compile(r"_SERVICE_HOST$|_SERVICE_PORT(_.+)?$|_PORT_\d+_(TCP|UDP|SCTP)(_.+)?$|.+_PORT$")
"""The variables that Kubernetes sets in each container for a service, such as one called `adapter` or
`browsee-adapter`.

Source: https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
"""

_SERVICE_LINK = re.compile(r"(tcp|udp|sctp)://\S+")
"""The value that Kubernetes (same source) sets in `ADAPTER_PORT` for a service called `adapter`, and Docker for a
linked container. The variable then names the address of another container, and is not a setting.
"""

LISTS = ("keys", "signing_secrets", "trusted_proxies")
"""Settings that are lists: several values in one variable are separated by commas."""

_MAX_PORT = 65535


def text_of(environ: Mapping[str, str], name: str) -> str:
    """The variable's text, without the spaces and line breaks that remain when a secret is read from a file."""
    return environ.get(name, "").strip()


def read_host(text: str) -> str:
    """The host to listen on. Raises ValueError with what is allowed."""
    host = text.strip("[]")
    return address(f"[{host}]:0" if ":" in host else f"{host}:0").host


def read_port(text: str) -> int:
    """The port to listen on, 0 for any. Raises ValueError with what is allowed."""
    if not (text.isascii() and text.isdigit() and int(text) <= _MAX_PORT):
        raise ValueError(f"a port is a number from 0 to {_MAX_PORT}")
    return int(text)


def read_log_format(text: str) -> str:
    """The format of log lines. Raises ValueError with what is allowed."""
    if text not in ("json", "text"):
        raise ValueError("json or text")
    return text


def read_log_level(text: str) -> str:
    """The level from which on lines are logged. Raises ValueError with what is allowed."""
    if text not in ("debug", "info"):
        raise ValueError("debug or info")
    return text


def read_role(text: str) -> str:
    """The role of this replica. Raises ValueError with what is allowed."""
    if text not in ("all", "ingest", "deliver"):
        raise ValueError("all, ingest or deliver")
    return text


PROCESS_VARIABLES: Mapping[str, Callable[[str], Any]] = {
    "ADAPTER_HOST": read_host,
    "ADAPTER_PORT": read_port,
    "ADAPTER_LOG_FORMAT": read_log_format,
    "ADAPTER_LOG_LEVEL": read_log_level,
    "ADAPTER_ROLE": read_role,
}
"""Variables that are part of a setting or not a setting, each with its reader."""

_OPTIONS = {"ADAPTER_HOST": "--host", "ADAPTER_PORT": "--port", "ADAPTER_ROLE": "--role"}
"""Options of the command line that override a variable."""

_OF_LISTEN = ("ADAPTER_HOST", "ADAPTER_PORT")


def unknown_variables(environ: Mapping[str, str], used: Container[str]) -> Iterator[str]:
    """A sentence for each variable that has our prefix and is unknown; `used` has those that the settings name."""
    known = (
        *VARIABLES,
        *SOURCE_VARIABLES,
        *PROCESS_VARIABLES,
        CONFIG_VARIABLE,
        SEND_KEY_VARIABLE,
        SEND_SECRET_VARIABLE,
    )
    for name in sorted(environ):
        is_ours = name.startswith(("ADAPTER_", "BROWSEE_")) and not _OF_KUBERNETES.search(name)
        if is_ours and name not in known and name not in used and text_of(environ, name):
            yield printable(f"{name} is set but not used: there is no such variable{did_you_mean(name, known)}")


def environment_layer(
    environ: Mapping[str, str], shape: SettingsShape, *, reading: Mapping[str, ValueReader], with_source: bool
) -> Layer:
    """The settings in the environment. `with_source`: also those of the source `default`, which then exists."""
    data: JsonObject = {"sources": {DEFAULT_SOURCE: {}}} if with_source else {}
    for path, (_, value) in stated(environ, with_source=with_source).items():
        _put(data, path, value)
    return layer_of(data, shape, reading=reading, place=in_environment)


def stated(environ: Mapping[str, str], *, with_source: bool) -> dict[DocumentPath, tuple[str, Any]]:
    """The variable and its text, for each setting that the environment sets."""
    found: dict[DocumentPath, tuple[str, Any]] = {}
    for name, path in {**VARIABLES, **(SOURCE_VARIABLES if with_source else {})}.items():
        text = text_of(environ, name)
        if text:
            found[path] = name, [part.strip() for part in text.split(",")] if path[-1] in LISTS else text
    return found


def process_origins(environ: Mapping[str, str], options: Mapping[str, str]) -> str:
    """The options and variables that set the address to listen on; "" if none does."""
    names = [
        _OPTIONS[name] if options.get(name) else name
        for name in _OF_LISTEN
        if options.get(name) or text_of(environ, name)
    ]
    return ", ".join(names)


def read_process_variables(
    environ: Mapping[str, str], options: Mapping[str, str]
) -> tuple[dict[str, Any], list[Finding]]:
    """The values of the PROCESS_VARIABLES that are set, and the problems of the others.

    `options` has, by the name of a variable, the value of the command line that overrides it.
    """
    values: dict[str, Any] = {}
    findings: list[Finding] = []
    for name, read in PROCESS_VARIABLES.items():
        text = options.get(name) or _text_of_process(environ, name)
        if not text:
            continue
        try:
            values[name] = read(text)
        except ValueError as cause:
            findings.append(_finding(_OPTIONS[name] if name in options else name, "E302", str(cause)))
    return values, findings


def _text_of_process(environ: Mapping[str, str], name: str) -> str:
    """The variable's text; "" for a service link, which Kubernetes or Docker set rather than the operator."""
    text = text_of(environ, name)
    return "" if name == "ADAPTER_PORT" and _SERVICE_LINK.fullmatch(text) else text


def in_environment(problem: SettingProblem) -> Finding:
    """A problem with the name of its variable."""
    names = {path: name for name, path in {**VARIABLES, **SOURCE_VARIABLES}.items()}
    path = problem.path
    while path and path not in names:
        path = path[:-1]
    return _finding(names.get(path, "environment"), problem.code, problem.message)


def _finding(name: str, code: str, message: str) -> Finding:
    severity = Severity.WARNING if code.startswith("W") else Severity.ERROR
    return Finding(severity, code, name, 0, 0, message)


def _put(data: JsonObject, path: DocumentPath, value: object) -> None:
    for key in path[:-1]:
        data = data.setdefault(str(key), {})
    data[str(path[-1])] = value
