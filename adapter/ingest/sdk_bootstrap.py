"""The GET requests of pages: the pixel, and the settings that browser SDKs fetch before they send. Pure.

Shapes as analytics.js 1.84 and rudder-sdk-js 3.34 were seen to need them; without such an answer they send nothing.
"""

import base64
import binascii
from collections.abc import Sequence

from adapter.ingest.decode import MAX_DEPTH, Body, decode
from adapter.model import JsonObject, Problem

GIF = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")
"""A transparent image of one pixel."""

_NO_PATH = frozenset({"writeKey", "data"})


def pixel_body(query: Sequence[tuple[str, str]]) -> tuple[bytes, Body | Problem]:
    """The contents of a pixel's query: the bytes to keep of it, and its message, whose values are all text.

    Either `data`, JSON in base64 (Segment), or each name a path of its own: `properties.a=1` (both).
    """
    data = next((value for name, value in query if name == "data"), None)
    if data is not None:
        return data.encode(), _from_base64(data)
    said = [(name, value) for name, value in query if name not in _NO_PATH]
    kept = "&".join(f"{name}={value}" for name, value in said).encode()
    return kept, _from_paths(said)


def _from_base64(data: str) -> Body | Problem:
    # An unescaped + in a query is read as a space; senders use both alphabets, with padding or without.
    standard = data.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return decode(base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True))
    except (binascii.Error, ValueError):
        return Problem("", "base64", "`data` must be JSON in base64")


def _from_paths(said: Sequence[tuple[str, str]]) -> Body | Problem:
    message: JsonObject = {}
    for path, value in said:
        *above, name = path.split(".")
        if len(above) >= MAX_DEPTH:
            return Problem("", "depth", f"a name must not have more than {MAX_DEPTH} parts")
        held = message
        for part in above:
            inner = held.get(part)
            if not isinstance(inner, dict):
                inner = held[part] = {}
            held = inner
        held[name] = value
    return Body((message,), {}, is_single=True, repaired=0)


def segment_settings(*, key: str, host: str) -> JsonObject:
    """The settings for analytics.js: itself as the only integration, pointed at `host`, and no metrics.

    The entry must exist, or analytics.js sends to Segment; any second one would make it load Segment's code.
    """
    return {"integrations": {"Segment.io": {"apiKey": key, "apiHost": f"{host}/v1"}}, "metrics": {"sampleRate": 0}}


def rudder_source_config(*, key: str, source: str) -> JsonObject:
    """The configuration for rudder-sdk-js: an enabled source without destinations."""
    return {
        "source": {
            "id": source,
            "name": source,
            "writeKey": key,
            "enabled": True,
            "workspaceId": source,
            "config": {},
            "destinations": [],
        }
    }
