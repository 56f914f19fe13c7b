"""Decompress black-and-white TIFF segments with the codes of fax machines (ITU-T T.4 and T.6).

A row is described by the places at which its colour changes: the first white run ends at the first place, the black run
behind it at the second, and so on. T.4 codes the lengths of the runs. T.6, and every second kind of row of T.4, codes
the places relative to those of the row above.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

__all__ = ["decode_fax"]

# codes of the runs of 0 to 63 pixels, then of 64, 128, ... 1728, then, the same for both colours, of 1792, ... 2560
WHITE = """
00110101 000111 0111 1000 1011 1100 1110 1111 10011 10100 00111 01000 001000 000011 110100 110101 101010
101011 0100111 0001100 0001000 0010111 0000011 0000100 0101000 0101011 0010011 0100100 0011000 00000010
00000011 00011010 00011011 00010010 00010011 00010100 00010101 00010110 00010111 00101000 00101001 00101010
00101011 00101100 00101101 00000100 00000101 00001010 00001011 01010010 01010011 01010100 01010101 00100100
00100101 01011000 01011001 01011010 01011011 01001010 01001011 00110010 00110011 00110100 11011 10010 010111
0110111 00110110 00110111 01100100 01100101 01101000 01100111 011001100 011001101 011010010 011010011
011010100 011010101 011010110 011010111 011011000 011011001 011011010 011011011 010011000 010011001 010011010
011000 010011011
"""
BLACK = """
0000110111 010 11 10 011 0011 0010 00011 000101 000100 0000100 0000101 0000111 00000100 00000111 000011000
0000010111 0000011000 0000001000 00001100111 00001101000 00001101100 00000110111 00000101000 00000010111
00000011000 000011001010 000011001011 000011001100 000011001101 000001101000 000001101001 000001101010
000001101011 000011010010 000011010011 000011010100 000011010101 000011010110 000011010111 000001101100
000001101101 000011011010 000011011011 000001010100 000001010101 000001010110 000001010111 000001100100
000001100101 000001010010 000001010011 000000100100 000000110111 000000111000 000000100111 000000101000
000001011000 000001011001 000000101011 000000101100 000001011010 000001100110 000001100111 0000001111
000011001000 000011001001 000001011011 000000110011 000000110100 000000110101 0000001101100 0000001101101
0000001001010 0000001001011 0000001001100 0000001001101 0000001110010 0000001110011 0000001110100
0000001110101 0000001110110 0000001110111 0000001010010 0000001010011 0000001010100 0000001010101
0000001011010 0000001011011 0000001100100 0000001100101
"""
BOTH = """
00000001000 00000001100 00000001101 000000010010 000000010011 000000010100 000000010101 000000010110
000000010111 000000011100 000000011101 000000011110 000000011111
"""
LENGTHS = [*range(64), *range(64, 2561, 64)]
VERTICAL = {"1": 0, "011": 1, "000011": 2, "0000011": 3, "010": -1, "000010": -2, "0000010": -3}  # from the row above
PASS, HORIZONTAL = 100, 101
LONGEST = 13  # bits of a code
END_OF_LINE_ZEROS = 11

Table = list[tuple[int, int] | None]  # by the next 13 bits: what they mean, and the bits of the code


def _table(codes: dict[str, int]) -> Table:
    table: Table = [None] * (1 << LONGEST)
    for code, meaning in codes.items():
        rest = LONGEST - len(code)
        first = int(code, 2) << rest
        table[first : first + (1 << rest)] = [(meaning, len(code))] * (1 << rest)
    return table


RUNS = tuple(_table(dict(zip((codes + BOTH).split(), LENGTHS, strict=True))) for codes in (WHITE, BLACK))
MODES = _table(VERTICAL | {"0001": PASS, "001": HORIZONTAL})


def decode_fax(data: bytes, width: int, rows: int, compression: int, options: int) -> npt.NDArray[np.uint8]:
    """Return the pixels (rows, width) of a segment, 0 for white and 1 for black.

    Parameters
    ----------
    data : bytes
        Highest bit first.
    compression : {2, 3, 4}
        T.4 with rows at whole bytes and without ends of lines, T.4, or T.6.
    options : int
        Value of the tag T4Options; its lowest bit tells of rows that are coded by the row above.

    Raises
    ------
    ValueError
        If the data holds other codes, runs that do not fill a row, or fewer rows.
    """
    reader = _Reader(data)
    changes: list[int] = []
    places: list[int] = []
    for row in range(rows):
        by_row_above = compression == 4
        if compression == 2:
            reader.place = -(-reader.place // 8) * 8
        elif compression == 3 and reader.skip_end_of_line():
            by_row_above = bool(options & 1) and not reader.bit()
        changes = _row_by_row_above(reader, changes, width) if by_row_above else _row_of_runs(reader, width)
        places += [row * (width + 1) + change for change in changes]
    if reader.is_beyond_end:
        raise ValueError("fax data ends early")
    toggles = np.bincount(np.array(places, np.int64), minlength=rows * (width + 1)) & 1
    return (np.cumsum(toggles.reshape(rows, width + 1), axis=1)[:, :width] & 1).astype(np.uint8)


class _Reader:
    """Bits of a segment, from a place on."""

    def __init__(self, data: bytes) -> None:
        padded = np.frombuffer(data + bytes(3), np.uint8).astype(np.int64)
        self._words = ((padded[:-2] << 16) | (padded[1:-1] << 8) | padded[2:]).tolist()  # 24 bits from each byte on
        self.place, self._end = 0, 8 * len(data)

    @property
    def is_beyond_end(self) -> bool:
        """Whether a code was read that the data only began."""
        return self.place > self._end

    def meaning(self, table: Table) -> int:
        """Return what the next code means, and go behind it."""
        found = table[self._next(LONGEST)]
        if found is None:
            raise ValueError("fax data has a code that does not exist")
        self.place += found[1]
        return found[0]

    def run(self, colour: int) -> int:
        """Return the length of the next run."""
        length = part = self.meaning(RUNS[colour])
        while part >= 64:
            part = self.meaning(RUNS[colour])
            length += part
        return length

    def bit(self) -> int:
        """Return the next bit."""
        value = self._next(1)
        self.place += 1
        return value

    def skip_end_of_line(self) -> bool:
        """Go behind the end of a line, if there is one: at least 11 zeros and a one."""
        if self._next(END_OF_LINE_ZEROS):
            return False
        while not self.bit():
            pass
        return True

    def _next(self, count: int) -> int:
        if self.place >= self._end:
            raise ValueError("fax data ends early")
        return (self._words[self.place >> 3] >> (24 - (self.place & 7) - count)) & ((1 << count) - 1)


def _row_of_runs(reader: _Reader, width: int) -> list[int]:
    """Return the changes of a row that is coded by its runs."""
    changes: list[int] = []
    place = 0
    while place < width:
        place += reader.run(len(changes) % 2)
        changes.append(place)
    return _checked(changes, width)


def _row_by_row_above(reader: _Reader, above: list[int], width: int) -> list[int]:
    """Return the changes of a row that is coded by those of the row above."""
    above = [*above, width, width, width]
    changes: list[int] = []
    place, k = -1, 0  # `above[k]` is the first change behind the place to the colour that the row does not have there
    while place < width:
        k = max(k - 2, 0)
        k += (k + len(changes)) % 2
        while above[k] <= place and above[k] < width:
            k += 2
        mode = reader.meaning(MODES)
        if mode == PASS:
            place = above[k + 1]
        elif mode == HORIZONTAL:
            colour = len(changes) % 2
            changes.append(max(place, 0) + reader.run(colour))
            place = changes[-1] + reader.run(1 - colour)
            changes.append(place)
        else:
            place = above[k] + mode
            changes.append(place)
    return _checked(changes, width)


def _checked(changes: list[int], width: int) -> list[int]:
    """Return the changes of a row, which must not go back nor beyond its end."""
    if changes and (changes[0] < 0 or changes[-1] > width or changes != sorted(changes)):
        raise ValueError("fax data has runs that do not fill a row")
    return changes
