"""Telemetry of operators' actions in the console and over the API: who and how many, never a value of an event."""

from adapter.observe.telemetry import Telemetry


class OperatorSignedIn(Telemetry, frozen=True):
    """`address` is the operator's, "" if a proxy hides it."""

    text = "an operator signed in to the console"
    address: str


class OperatorSignedOut(Telemetry, frozen=True):
    """`address` as in OperatorSignedIn."""

    text = "an operator signed out of the console"
    address: str


class KeyShown(Telemetry, frozen=True):
    """A key of a source was shown to an operator; `fingerprint` is 8 digits of its hash, `address` as in
    OperatorSignedIn.
    """

    text = "a key of a source was shown to an operator"
    address: str
    source: str
    fingerprint: str


class EventsRequeued(Telemetry, frozen=True):
    """`events` and `rejections` are how many became pending, `address` as in OperatorSignedIn."""

    text = "an operator requeued events"
    address: str
    events: int
    rejections: int


class DeadLettersDiscarded(Telemetry, frozen=True):
    """`events` and `rejections` are how many were deleted, `address` as in OperatorSignedIn."""

    text = "an operator discarded dead letters"
    address: str
    events: int
    rejections: int


class UserErased(Telemetry, frozen=True):
    """`events` lost their content and `rejections` were deleted, `address` as in OperatorSignedIn."""

    text = "an operator erased the data of a user"
    address: str
    events: int
    rejections: int


class MappingWritten(Telemetry, frozen=True):
    """`version` is the active one afterwards, `address` as in OperatorSignedIn."""

    text = "an operator wrote a mapping file"
    address: str
    file: str
    version: str
