"""What delivery needs of a mapping."""

from typing import Protocol

from adapter.model import Event, Rendered


class Renderer(Protocol):
    """A mapping that is active, such as a `Ruleset`; `version` changes with what it does."""

    @property
    def version(self) -> str: ...

    def render(self, event: Event) -> Rendered:
        """What the event becomes. Never raises and changes nothing in the event."""
        ...
