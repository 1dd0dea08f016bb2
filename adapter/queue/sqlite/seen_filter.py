"""Says in which spans of time an id may have been seen: eight Bloom filters in one array of bytes. Pure.

Bit n of every byte belongs to span n, so one look-up, a few bytes ANDed, answers for all spans. An id has six places,
made of the words of its digest, which is a hash. The size of the array is a power of two, and a place is taken modulo
the size: an array that is doubled, with its second half a copy of the first, still has every id.
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

SPANS = 8
BYTES_AN_ID = 13
"""Bytes of the array for each id of the fullest span: then about 0.2 % of other ids hit a span."""
_PIECE = 1 << 20
_WORDS = Struct("<IIII").unpack


class SpanFilter:
    """See the module. Changes `bits`, whose length is a power of two."""

    def __init__(self, bits: bytearray) -> None:
        self.bits = bits

    def add(self, digests: Iterable[bytes], span: int) -> None:
        """Add the digests to `span`."""
        bits, mask, bit = self.bits, len(self.bits) - 1, 1 << span
        for digest in digests:
            # The last word is of type and name, which many ids share, so it only shifts the places of the others.
            a, b, c, name = _WORDS(digest)
            bits[(a ^ name) & mask] |= bit
            bits[(b ^ name) & mask] |= bit
            bits[(c ^ name) & mask] |= bit
            bits[(a + b) & mask] |= bit
            bits[(b + c) & mask] |= bit
            bits[(c + a) & mask] |= bit

    def hits(self, digests: Iterable[bytes], spans: int) -> Iterator[tuple[bytes, int]]:
        """The digests that may be in one of `spans`, a bit for each, with the spans that they may be in."""
        bits, mask = self.bits, len(self.bits) - 1
        for digest in digests:
            a, b, c, name = _WORDS(digest)
            found = bits[(a ^ name) & mask] & bits[(b ^ name) & mask] & spans
            if found:
                found &= bits[(c ^ name) & mask] & bits[(a + b) & mask]
                if found:
                    found &= bits[(b + c) & mask] & bits[(c + a) & mask]
                    if found:
                        yield digest, found

    def clear(self, spans: int) -> None:
        """Remove all ids from `spans`, a bit for each."""
        kept = bytes(byte & ~spans for byte in range(256))
        # In pieces: `translate` makes a copy, and holds the interpreter's lock meanwhile.
        for start in range(0, len(self.bits), _PIECE):
            end = start + _PIECE
            self.bits[start:end] = self.bits[start:end].translate(kept)

    def grow(self, at_least_bytes: int) -> None:
        """Double the array until it has this size; the ids in it stay."""
        doublings = max(0, at_least_bytes - 1).bit_length() - (len(self.bits) - 1).bit_length()
        # In place: both arrays at once would be a third more memory at the largest size.
        self.bits *= 1 << max(0, doublings)


def spans_in(spans: int) -> Sequence[int]:
    """The numbers of the bits that are set."""
    return [span for span in range(SPANS) if spans >> span & 1]
