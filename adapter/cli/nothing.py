"""What commands say when there is nothing to show: what was looked for, and how far back it could be found. Pure."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from adapter.cli.table import plain

NOTHING_YET = (
    "no event is kept: none arrived, or all ended longer ago than retention.history; "
    "`serve` prints a command that sends one"
)
NOTHING_DEAD = "no dead letters and no rejections"


def nothing_matches(narrowed: Mapping[str, Any]) -> str:
    """No event matches the options `narrowed`, by name; an option without a value was not given."""
    given = {name: value for name, value in narrowed.items() if value and name != "limit"}
    if not given:
        return NOTHING_YET
    if narrowed.get("where"):
        given["where"] = "=".join(narrowed["where"])
    looked = " ".join(
        f"--{name}{'' if value is True else f' {plain(_as_given(value))}'}" for name, value in given.items()
    )
    names = "; names match with their case: browsee-adapter events names lists them" if narrowed.get("name") else ""
    return f"no event matches {looked}; ended events are kept for retention.history (24h unless set){names}"


def nothing_dead(cause: str | None) -> str:
    """There is no dead letter or rejection, or none with that cause."""
    return NOTHING_DEAD if cause is None else f"{NOTHING_DEAD} whose cause contains {plain(cause)}"


def _as_given(value: object) -> str:
    match value:
        case datetime():
            return f"{value.astimezone():%Y-%m-%d %H:%M:%S}"
        case tuple():
            return ",".join(map(str, value))
        case _:
            return str(value)
