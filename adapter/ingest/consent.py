"""Decides whether the sender of a message objects to its delivery to Browsee. Pure.

Applied only to libraries that send directly, and only if the settings say so: a platform checks consent before its
webhook delivers, and replays carry `All: false` beside the destination that they are for.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from adapter.model import Dropped, JsonObject, Reason
from adapter.wire.integrations import is_false, is_switched_on

OWN_NAME = "Browsee"
"""Browsee's name in `integrations` if the mapping does not set it."""

_NO_CONSENT = Dropped(Reason.CONSENT, "", "the sender has no consent to a category of `consent`")


@dataclass(frozen=True, slots=True)
class Objections:
    """The objections that a source honours: `integrations`, and `consent` by categories. `name` returns Browsee's name
    in `integrations`.
    """

    integrations: bool
    consent: frozenset[str]
    name: Callable[[], str]

    @classmethod
    def of(cls, honour: Collection[str], consent: Collection[str], *, name: Callable[[], str]) -> "Objections":
        """The objections that the settings of a source name."""
        categories = consent if "consent" in honour else ()
        return cls("integrations" in honour, frozenset(map(_folded, categories)), name)

    def find(self, body: JsonObject) -> Dropped | None:
        """The outcome of a message whose sender objects; None if it may be delivered."""
        if self.integrations:
            name, said = self.name(), body.get("integrations")
            on = is_switched_on(said, name)
            if on is False or (on is None and is_switched_on(said, "All") is False):
                return Dropped(Reason.INTEGRATIONS, "", f"the sender switched {name} off")
        if self.consent and self._is_denied(body.get("context")):
            return _NO_CONSENT
        return None

    def _is_denied(self, context: object) -> bool:
        if not isinstance(context, dict):
            return False
        # Segment sends a value for each category, RudderStack the denied categories.
        segment, rudder = context.get("consent"), context.get("consentManagement")
        given = segment.get("categoryPreferences") if isinstance(segment, dict) else None
        if isinstance(given, dict) and any(is_false(on) and _folded(key) in self.consent for key, on in given.items()):
            return True
        denied = rudder.get("deniedConsentIds") if isinstance(rudder, dict) else None
        return any(isinstance(key, str) and _folded(key) in self.consent for key in _members(denied))


def _members(value: object) -> Collection[object]:
    """The members of a list, however it was sent: PHP sends a list as an object, and a form a single member as
    itself.
    """
    if isinstance(value, str):
        return (value,)
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def _folded(category: str) -> str:
    return category.strip().casefold()
