"""Exceptions are for operators and machines; faults of senders and of Browsee are values (see model.py).

AdapterError
├── ConfigError    a file or option a person wrote cannot be used; the text says where, what was found, what is allowed
│   └── MappingError    … and the file is a mapping
└── QueueError     the queue could not promise durability: nothing was stored, or stored and idempotent; put again
    └── QueueFull      … because it is at its limit, not because it is broken
        └── SourceFull … because this source holds its whole share; other sources are stored
"""


class AdapterError(Exception):
    """Base of every error that the adapter raises on purpose. The text is one line, and may quote text from outside: it
    is shown through `printable`. With `is_listing` the text has several lines, each made printable where it was
    written.
    """

    def __init__(self, text: str = "", *, is_listing: bool = False) -> None:
        super().__init__(text)
        self.is_listing = is_listing


class ConfigError(AdapterError):
    """A settings file, option or environment variable cannot be used."""


class MappingError(ConfigError):
    """A mapping file cannot be used; the text lists every problem found, each with its position."""


class MappingFileMissingError(MappingError):
    """There is no mapping file where the settings say."""


class QueueError(AdapterError):
    """The queue could not promise durability."""


class QueueFull(QueueError):  # noqa: N818 - "full" is a state of the queue, not a fault
    """The queue is at its limit and accepts nothing until delivery makes room."""


class SourceFull(QueueFull):
    """One source holds its whole share of the queue; other sources are not affected."""
