"""The mapping as delivery needs it."""

from typing import Protocol

from adapter.model import Event, Rendered


class Renderer(Protocol):
    """An active mapping, such as a `Ruleset`; `version` changes with what it does."""

    @property
    def version(self) -> str: ...

    def render(self, event: Event) -> Rendered:
        """The calls of the event, or why there are none. Never raises and never changes the event."""
        ...
