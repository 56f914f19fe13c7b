"""A TIFF writer of its own, in plain Python: the table of `test_tiff_table` asks no library what a layout means."""

import struct
import zlib

import numpy as np

BYTE, SHORT, LONG, RATIONAL, UNDEFINED = 1, 3, 4, 5, 7
CODES = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "II", UNDEFINED: "B"}
PHOTOMETRIC = {
    "white is zero": 0,
    "black is zero": 1,
    "RGB": 2,
    "palette": 3,
    "transparency mask": 4,
    "CMYK": 5,
    "YCbCr": 6,
    "CIELab": 8,
    "ICCLab": 9,
    "colour filter": 32803,
    "linear raw": 34892,
}
EXTRA = {"unspecified": 0, "associated": 1, "straight": 2}
FORMAT = {"uint": 1, "int": 2, "float": 3, "void": 4, "complex int": 5, "complex": 6}


def packed(samples, kind, bits, order):
    """Return the bytes of samples (rows, values in a row), each row filled up to whole bytes."""
    if kind == "float" and bits == 24:
        return b"\0" * (3 * samples.size)
    if kind in ("float", "complex", "complex int"):
        letter = "f" if kind == "float" else "c"
        return samples.astype(f"{order}{letter}{bits // 8}").tobytes()
    if bits in (8, 16, 32, 64):
        return samples.astype(f"{order}{'i' if kind == 'int' else 'u'}{bits // 8}").tobytes()
    places = np.arange(bits - 1, -1, -1, dtype=np.uint64)
    digits = (samples.astype(np.uint64)[:, :, None] >> places) & 1
    return np.packbits(digits.reshape(samples.shape[0], -1).astype(np.uint8), axis=1).tobytes()


def write(
    samples, *, photometric, kind="uint", bits=8, planar=1, extra=(), order="<", rows=None, deflate=False, tags=()
):
    """Return a TIFF of samples (H, W, channels), given as stored numbers, in strips of so many rows."""
    height, width, channels = samples.shape
    rows = rows or height
    planes = [samples[:, :, c : c + 1] for c in range(channels)] if planar == 2 else [samples]
    strips = [
        packed(plane[start : start + rows].reshape(-1, width * plane.shape[2]), kind, bits, order)
        for plane in planes
        for start in range(0, height, rows)
    ]
    strips = [zlib.compress(strip) for strip in strips] if deflate else strips
    entries = {
        256: (LONG, [width]),
        257: (LONG, [height]),
        258: (SHORT, [bits] * channels),
        259: (SHORT, [8 if deflate else 1]),
        262: (SHORT, [PHOTOMETRIC.get(photometric, photometric)]),
        273: (LONG, [0] * len(strips)),
        277: (SHORT, [channels]),
        278: (LONG, [rows]),
        279: (LONG, [len(strip) for strip in strips]),
        284: (SHORT, [planar]),
    }
    if kind != "uint":
        entries[339] = (SHORT, [FORMAT[kind]] * channels)
    if extra:
        entries[338] = (SHORT, [EXTRA[name] for name in extra])
    entries |= dict(tags)
    return assemble(entries, strips, order)


def assemble(entries, strips, order):
    """Return a file: header, one directory, its long values, and the strips, whose places are filled in."""
    start = 8 + 2 + 12 * len(entries) + 4
    lengths = {tag: len(values) * struct.calcsize(f"<{CODES[kind][0]}") for tag, (kind, values) in entries.items()}
    places, end = {}, start
    for tag, length in lengths.items():
        if length > 4:
            places[tag] = end
            end += length + length % 2
    for number, strip in enumerate(strips):
        entries[273][1][number] = end
        end += len(strip)
    directory, values = struct.pack(f"{order}H", len(entries)), b""
    for tag, (kind, numbers) in sorted(entries.items()):
        code = CODES[kind]
        body = struct.pack(f"{order}{len(numbers)}{code[0]}", *numbers)
        count = len(numbers) // len(code)
        inline = struct.pack(f"{order}I", places[tag]) if tag in places else body.ljust(4, b"\0")
        directory += struct.pack(f"{order}HHI", tag, kind, count) + inline
    for tag in places:
        kind, numbers = entries[tag]
        body = struct.pack(f"{order}{len(numbers)}{CODES[kind][0]}", *numbers)
        values += body + b"\0" * (len(body) % 2)
    head = struct.pack(f"{order}2sHI", b"II" if order == "<" else b"MM", 42, 8)
    return head + directory + b"\0\0\0\0" + values + b"".join(strips)
