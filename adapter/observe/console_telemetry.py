"""What operators do in the console and over the API: who and how many, never a value of an event."""

from adapter.observe.telemetry import Telemetry


class OperatorSignedIn(Telemetry, frozen=True):
    """`address` is the operator's, "" if a proxy hides it."""

    text = "an operator signed in to the console"
    address: str


class OperatorSignedOut(Telemetry, frozen=True):
    """`address` as of OperatorSignedIn."""

    text = "an operator signed out of the console"
    address: str


class KeyShown(Telemetry, frozen=True):
    """An operator had a key of a source shown; `fingerprint` is 8 digits of its hash, `address` as of
    OperatorSignedIn.
    """

    text = "a key of a source was shown to an operator"
    address: str
    source: str
    fingerprint: str
