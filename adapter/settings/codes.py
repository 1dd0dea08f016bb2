"""The codes of findings in settings: what each means, what to do, and an example. A code never changes its meaning.

What is wrong with a settings file as YAML (E100 to E104, W201) has the codes of `adapter.mapping.language.codes`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True)
class SettingsCode:
    """`means` is a title, `cure` sentences, `example` a settings file with that mistake and no other."""

    means: str
    cure: str
    example: str


SETTINGS_CODES: Final[Mapping[str, SettingsCode]] = MappingProxyType({
    "E301": SettingsCode(
        "Not a setting",
        "Write the name as docs/settings.md has it; the message suggests the nearest one.",
        "sources:\n  shop: {key: made-with-openssl-rand}\n",
    ),
    "E302": SettingsCode(
        "A value that the setting cannot have",
        "The message says what is allowed. A value of an environment variable or an option is refused the same way.",
        "retry: {for: 3 weeks}\n",
    ),
    "E304": SettingsCode(
        "An environment variable that is not set",
        "Set the variable where `serve` runs, or in `.env` in its directory. There it is an error, E304; `check` warns "
        "with W304, because a file may be checked where its secrets are not.",
        'sources:\n  shop: {keys: ["${SHOP_KEY}"]}\n',
    ),
    "E306": SettingsCode(
        "A key of two sources",
        "Give each source a key of its own: the key says which source a message is of.",
        "sources:\n  shop: {keys: [made-with-openssl-rand]}\n  app: {keys: [made-with-openssl-rand]}\n",
    ),
    "E307": SettingsCode(
        "Two settings of which the smaller one makes the other useless",
        "Raise the one or lower the other.",
        "retry: {for: 1m, max: 5m}\n",
    ),
    "E308": SettingsCode(
        "Private storage without `hash_key`",
        "Make a key with `openssl rand -hex 32` and set it as `hash_key` or ADAPTER_HASH_KEY. For `serve` this is an "
        "error, E308; `check` warns with W308, because a file may be checked where its secrets are not.",
        "sources:\n  shop: {store: private}\n",
    ),
    "E309": SettingsCode(
        "A text that is both an id and none",
        "Take the text out of `is_id` or out of `not_ids`.",
        "sources:\n  shop: {not_ids: [nan], is_id: [nan]}\n",
    ),
    "E310": SettingsCode(
        "`honour` and `consent`, one without the other",
        "`honour: [consent]` needs the list `consent` of the same source; the list does nothing without it.",
        "sources:\n  shop: {honour: [consent]}\n",
    ),
    "E311": SettingsCode(
        "An admin token that is too short for the console",
        "Make a token with `openssl rand -hex 32`, or serve no console with `console: off`.",
        "admin_token: short\n",
    ),
    "W301": SettingsCode(
        "A secret that can be guessed",
        "Make a new secret with `openssl rand -hex 32`. For a key of a source list the old one beside it until the "
        "sender uses the new one.",
        "sources:\n  shop: {keys: [letmein]}\n",
    ),
    "W302": SettingsCode(
        "Every address is a trusted proxy",
        "Name the addresses of your proxies only: from a trusted proxy X-Forwarded-For is believed.",
        "trusted_proxies: [0.0.0.0/0]\n",
    ),
})  # fmt: skip

SAME_AS: Final[Mapping[str, str]] = MappingProxyType({"W304": "E304", "W308": "E308"})
"""Warnings of `check`, and the error that each is in `serve`."""
