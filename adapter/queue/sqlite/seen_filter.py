"""Says in which spans of time an id may have been seen: eight Bloom filters in one array of bytes. Pure.

Bit n of every byte belongs to span n, so that one look-up, a few bytes ANDed, answers for all spans. An id has six
places, made of the words of its digest, which is a hash. The array's size is a power of two, and a place is taken
modulo it: when the array is doubled, the second half a copy of the first, whatever was added is still found.
"""

from collections.abc import Iterable, Iterator, Sequence
from struct import Struct

SPANS = 8
BYTES_AN_ID = 13
"""How large the array has to be for each id of the fullest span: then some 0.2 % of other ids hit a span."""
_PIECE = 1 << 20
_WORDS = Struct("<IIII").unpack


class SpanFilter:
    """See the module. `bits` is changed by it; its length is a power of two."""

    def __init__(self, bits: bytearray) -> None:
        self.bits = bits

    def add(self, digests: Iterable[bytes], span: int) -> None:
        """Have the digests found in `span` from now on."""
        bits, mask, bit = self.bits, len(self.bits) - 1, 1 << span
        for digest in digests:
            # The last word tells type and name, which many ids share: it only changes where the others lead.
            a, b, c, name = _WORDS(digest)
            bits[(a ^ name) & mask] |= bit
            bits[(b ^ name) & mask] |= bit
            bits[(c ^ name) & mask] |= bit
            bits[(a + b) & mask] |= bit
            bits[(b + c) & mask] |= bit
            bits[(c + a) & mask] |= bit

    def hits(self, digests: Iterable[bytes], spans: int) -> Iterator[tuple[bytes, int]]:
        """Of the digests those that may be in one of `spans`, a bit for each, and in which."""
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
        """Have nothing found in `spans`, a bit for each, any more."""
        kept = bytes(byte & ~spans for byte in range(256))
        # In pieces: `translate` makes a copy, and holds the interpreter's lock for the time.
        for start in range(0, len(self.bits), _PIECE):
            end = start + _PIECE
            self.bits[start:end] = self.bits[start:end].translate(kept)

    def grow(self, at_least_bytes: int) -> None:
        """Double the array until it is so large; what was added stays."""
        doublings = max(0, at_least_bytes - 1).bit_length() - (len(self.bits) - 1).bit_length()
        # In place: to have both arrays for a moment would be a third more memory at the largest size.
        self.bits *= 1 << max(0, doublings)


def spans_in(spans: int) -> Sequence[int]:
    """The numbers of the bits that are set."""
    return [span for span in range(SPANS) if spans >> span & 1]
