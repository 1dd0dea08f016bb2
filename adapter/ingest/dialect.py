"""The differences between a platform's webhook and an SDK that sends directly. Pure; the path decides, never the
body.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from adapter.model import JsonObject


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a path's messages are read.

    `is_direct` messages come from the clock and the address of a user, and their `writeKey` is a credential. `type` is
    that of a message without one; None if the path does not imply it.
    """

    is_direct: bool
    type: str | None


WEBHOOK = Dialect(is_direct=False, type=None)
BATCH = Dialect(is_direct=True, type=None)

KINDS = ("track", "identify", "page", "screen", "group", "alias")

SDK_PATHS: Mapping[str, Dialect] = {
    **{kind: Dialect(is_direct=True, type=kind) for kind in KINDS},
    # analytics.js appends the first letter of the type.
    **{kind[0]: Dialect(is_direct=True, type=kind) for kind in KINDS},
    **dict.fromkeys(("batch", "b", "import"), BATCH),
    # RudderStack's name for it.
    "merge": Dialect(is_direct=True, type="alias"),
}
"""The last part of `/v1/…` → how its messages are read."""

JITSU_PATHS: Mapping[str, Dialect] = {name: SDK_PATHS[name] for name in (*KINDS, "batch")}
"""The last part of `/api/s/…` and `/api/s/s2s/…`, as @jitsu/js 1.11 was seen to use them → how its messages are
read.
"""

_MOBILE = ("android", "ios", "swift", "kotlin", "react-native", "react_native", "flutter")
"""Parts of the names that mobile SDKs have in `context.library.name`: analytics-kotlin, rudder-ios-library …"""


_PHONES = ("android", "ios", "iphone", "ipad", "watchos", "tvos", "visionos", "harmonyos")
"""Beginnings of `context.device.type` and `context.os.name` as libraries of phones, tablets and watches write them."""


def merged(under: JsonObject, over: object) -> object:
    """`over` merged over `under`, first level only; `over` unchanged if the two cannot be merged.

    Absent, null and PHP's `[]` are empty, so `under` stays.
    """
    if over is None or over == []:
        return under
    if isinstance(over, dict) and under:
        return {**under, **over}
    return over


def speaks_for_its_user(context: object, *, has_origin: bool) -> bool:
    """Whether the peer's address is the user's: the sender is a page in a browser or an app on a phone, not a
    server.
    """
    if has_origin:
        return True
    library = context.get("library") if isinstance(context, dict) else None
    name = library.get("name") if isinstance(library, dict) else None
    return isinstance(name, str) and any(part in name.lower() for part in _MOBILE)


def is_on_a_phone(context: object) -> bool:
    """Whether `context.device` or `context.os` is a phone's: then a library on the phone wrote `sentAt` when it sent.

    The name of the library does not show that: analytics-kotlin runs on servers too, and names no device there.
    """
    if not isinstance(context, dict):
        return False
    device, system = context.get("device"), context.get("os")
    if isinstance(device, dict):
        kind = device.get("type")
        if isinstance(kind, str) and kind:
            return kind.lower().startswith(_PHONES)
        if device.get("manufacturer") or device.get("model"):
            return True
    name = system.get("name") if isinstance(system, dict) else None
    return isinstance(name, str) and name.lower().startswith(_PHONES)
