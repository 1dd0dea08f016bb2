"""What compiling a file gives: the ruleset, what was found on the way, and what it used and lacked."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.files.document import DocumentPath
from adapter.files.finding import Finding
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Compiled:
    """A ruleset and what was found while compiling; with a blocking finding the ruleset must not be used.

    `unkeyed` are the places of keyed hashes that had no key to work with, `unlocated`
    those of steps that had no database of places.
    """

    ruleset: Ruleset
    findings: Sequence[Finding]
    used_tables: frozenset[str]
    used_shared: frozenset[str]
    used_derived: frozenset[str]
    unkeyed: frozenset[DocumentPath]
    unlocated: frozenset[DocumentPath]

    @classmethod
    def of(cls, ruleset: Ruleset, reader: Reader) -> "Compiled":
        """What `reader` found on the way to `ruleset`."""
        return cls(
            ruleset,
            tuple(dict.fromkeys(reader.findings)),
            frozenset(reader.used_tables),
            frozenset(reader.used_shared),
            frozenset(reader.used_derived),
            frozenset(reader.wants_hash_key),
            frozenset(reader.unlocated),
        )
