"""Files that are damaged a little."""

from collections.abc import Iterator


def one_bit_flipped(content: bytes) -> Iterator[bytes]:
    """The content with one bit flipped, at many places; each of the eight bits of a byte has its turn."""
    for bit in range(0, 8 * len(content), 7):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        yield bytes(damaged)
