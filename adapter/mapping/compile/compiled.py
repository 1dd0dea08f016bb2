"""The result of compiling a file: the ruleset, the findings, and what the file used and lacked."""

from collections.abc import Sequence
from dataclasses import dataclass

from adapter.files.document import DocumentPath
from adapter.files.finding import Finding
from adapter.mapping.compile.reader import Reader
from adapter.mapping.run.ruleset import Ruleset


@dataclass(frozen=True, slots=True)
class Compiled:
    """A ruleset and the findings of its compilation; with a blocking finding the ruleset must not be used.

    `unkeyed` are the places of keyed hashes without a key, `unlocated` those of steps without a database of locations.
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
        """The findings of `reader` with `ruleset`."""
        return cls(
            ruleset,
            tuple(dict.fromkeys(reader.findings)),
            frozenset(reader.used_tables),
            frozenset(reader.used_shared),
            frozenset(reader.used_derived),
            frozenset(reader.wants_hash_key),
            frozenset(reader.unlocated),
        )
