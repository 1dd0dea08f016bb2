"""Sends what `calls.json` holds by one of the Python libraries, as a customer's own program would.

    python send.py segment.analytics|rudderstack.analytics HOST KEY CALLS.json

Runs in the library's own environment, so it needs nothing of this project. What the library says, with the status of
each answer, goes to stderr. Exit code 1 if the library gave up on anything.
"""

import importlib
import json
import logging
import sys
from pathlib import Path
from typing import Any


def main(library: str, host: str, key: str, calls: str) -> int:
    """Make every call, wait until the library is through, and tell whether it gave up on any."""
    logging.basicConfig(level=logging.DEBUG, stream=sys.stderr)
    given_up: list[Exception] = []
    client = importlib.import_module(library).Client(
        key, host=host, gzip=True, upload_size=10, on_error=lambda error, _: given_up.append(error)
    )
    for call in json.loads(Path(calls).read_text(encoding="utf-8")):
        _make(client, call)
    client.flush()
    client.join()
    return int(bool(given_up))


def _make(client: Any, call: dict[str, Any]) -> None:
    """One call, in the names that Python's libraries have for what a message holds."""
    names = {"userId": "user_id", "groupId": "group_id", "previousId": "previous_id"}
    arguments = {names.get(name, name): value for name, value in call.items() if name != "type"}
    getattr(client, call["type"])(**arguments)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
