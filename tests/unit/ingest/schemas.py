"""The shipped schemas of events, as the composition root hands them over."""

import json
from pathlib import Path

from adapter.ingest.validate import Validator
from adapter.model import JsonObject

FOLDER = Path(__file__).parents[3] / "schemas" / "event"


def event_schemas() -> dict[str, JsonObject]:
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def event_validator() -> Validator:
    return Validator(event_schemas())
