"""The history of a mapping file: the texts it was activated with, and when and by whom. Pure."""

from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final

MAX_ACTIVATIONS: Final = 200
"""Activations kept of one file, the newest."""
BY_FILE: Final = "file"
"""The `by` of a change that was made outside of the console."""


@dataclass(frozen=True, slots=True)
class Activation:
    """One activation of the file `name`. `version` changes with what the mapping does, `digest` with any byte of it.

    `by` is BY_FILE or says who activated the text, such as `console 192.0.2.7`. A text that was on disk but never
    active has an empty `version`, and `by` says why it is kept.
    """

    id: int
    name: str
    version: str
    digest: str
    at: datetime
    by: str


def text_digest(text: str) -> str:
    """The digest of a mapping's text: 32 hexadecimal digits of its SHA-256."""
    return sha256(text.encode(errors="surrogatepass")).hexdigest()[:32]
