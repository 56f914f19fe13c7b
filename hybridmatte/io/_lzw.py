"""Decompress the LZW segments of TIFF files.

A code stands for a byte, or for a string that occurred before: entry 258 + m of the table is the string of code m and
the byte behind it. So the lengths and sources of all strings follow from the codes alone, and NumPy decodes a table's
codes at once.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hybridmatte.io._picture import UnsupportedPicture

__all__ = ["decode_lzw"]

CLEAR, END, FIRST = 256, 257, 258  # codes: empty the table, end of the data, first string of the table
MAX_CODES = 4096 + 1024 - FIRST  # in a table: some writers clear it late
LONG = 16  # bytes a string, on average, above which strings are copied one by one
Integers = npt.NDArray[np.int64]

_next_entry = FIRST - 1 + np.arange(MAX_CODES)  # of the table, when a code is read
WIDTHS = 9 + sum((_next_entry >= 2**bits - 1).astype(np.int64) for bits in (9, 10, 11))
FIRST_WIDTH = 9  # bits of the codes behind one that empties the table
PLACES = np.cumsum(WIDTHS) - WIDTHS  # in bits, behind the code that empties the table


def decode_lzw(data: bytes, size: int) -> bytes:
    """Return the `size` bytes that a segment holds; refuse one that is damaged, or shorter.

    Parameters
    ----------
    data : bytes
        Codes of 9 to 12 bits, highest bit first, as TIFF 6.0 defines them.
    size : int
        Bytes of the decompressed segment.

    Raises
    ------
    ValueError
        If a code refers to a string that is not in the table, or the data ends before `size` bytes.
    """
    if data[:1] == b"\0" and data[1:2] and data[1] & 1:
        raise UnsupportedPicture("has LZW codes with the lowest bit first, as written before 1988, expected TIFF 6.0")
    padded = np.concatenate([np.frombuffer(data, np.uint8), np.zeros(2, np.uint8)]).astype(np.int64)
    words = (padded[:-2] << 16) | (padded[1:-1] << 8) | padded[2:]  # the 24 bits that begin at each byte
    out, place = bytearray(), 0
    while len(out) < size:
        if _is_clear(words, place):  # a run of them is passed over one by one, without a look at what follows
            place += FIRST_WIDTH
            continue
        codes = _codes_at(words, place)
        special = np.flatnonzero((codes == CLEAR) | (codes == END))
        count = int(special[0]) if len(special) else len(codes)
        out += _strings(codes[:count], size - len(out))
        if count == len(codes) or codes[count] == END:
            break
        place += int(PLACES[count] + WIDTHS[count])
    if len(out) < size:
        raise ValueError("LZW data ends early")
    return bytes(out[:size])


def _is_clear(words: Integers, place: int) -> bool:
    """Return whether the first code after a clear one, of 9 bits, is a clear one too."""
    index = place >> 3
    return index < len(words) and int(words[index]) >> (24 - FIRST_WIDTH - (place & 7)) & 511 == CLEAR


def _codes_at(words: Integers, place: int) -> Integers:
    """Return the codes that begin at a bit, as if none of them emptied the table."""
    places = place + PLACES
    n_whole = int(np.searchsorted(places + WIDTHS, 8 * len(words), side="right"))
    places, widths = places[:n_whole], WIDTHS[:n_whole]
    return (words[places >> 3] >> (24 - (places & 7) - widths)) & ((1 << widths) - 1)


def _strings(codes: Integers, size: int) -> bytes | bytearray:
    """Return the strings of a table's codes, joined; all those that begin within the first `size` bytes."""
    numbers = np.arange(len(codes))
    is_string = codes >= FIRST
    if (codes - FIRST >= numbers).any():
        raise ValueError("LZW data refers to a string that does not exist")
    origins = np.where(is_string, codes - FIRST, numbers)  # the code whose string, and the byte behind it, is repeated
    lengths = 1 + _chain_lengths(origins, is_string)
    starts = np.cumsum(lengths) - lengths
    n_needed = int(np.searchsorted(starts, size))
    codes, lengths, starts, is_string = (part[:n_needed] for part in (codes, lengths, starts, is_string))
    sources = starts[origins[:n_needed]]
    if lengths.sum() > LONG * n_needed:
        return _copied(codes, sources, lengths, is_string)
    owners = np.repeat(np.arange(n_needed), lengths)
    found = sources[owners] + np.arange(len(owners)) - starts[owners]
    while True:
        further = found[found]
        if np.array_equal(further, found):
            return codes[owners[found]].astype(np.uint8).tobytes()
        found = further


def _chain_lengths(origins: Integers, is_string: npt.NDArray[np.bool_]) -> Integers:
    """Return how many steps to origins lead from each code to a single byte."""
    steps = is_string.astype(np.int64)
    while is_string[origins].any():
        steps, origins = steps + steps[origins], origins[origins]
    return steps


def _copied(codes: Integers, sources: Integers, lengths: Integers, is_string: npt.NDArray[Any]) -> bytearray:
    """Return the strings, joined, one copy after the other."""
    out = bytearray()
    for code, source, length, repeats in zip(
        codes.tolist(), sources.tolist(), lengths.tolist(), is_string.tolist(), strict=True
    ):
        string = out[source : source + length] if repeats else bytes((code,))
        out += string
        if len(string) < length:  # a string that repeats the one just before it ends with its own first byte
            out.append(string[0])
    return out
