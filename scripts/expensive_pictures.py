#!/usr/bin/env python3
"""Writes pictures of at most 10 MB that cost a decoder as much as possible.

    pip install numpy==2.4.6 pillow==13.0.0
    cargo build --release --example decode
    python3 scripts/expensive_pictures.py FOLDER [jpegs|pngs|gifs|bmps|webps|tiffs…]
    for file in FOLDER/*; do target/release/examples/decode "$file"; done

docs/reliability.md has the results. The pictures of each format are made by one function.
"""

import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageFile

BYTES = 10_000_000
# Just within the default limit of 32 megapixels.
SIDE = 5648
ImageFile.MAXBLOCK = 1 << 28
random = np.random.default_rng(1)


def saved(picture, kind, **options):
    file = io.BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def finest(picture, kind, **options):
    """The picture at the best quality that fits."""
    return next(
        file for quality in (20, 5, 1, 0) if len(file := saved(picture, kind, quality=quality, **options)) <= BYTES
    )


def fill(unit, used=2000):
    return unit * ((BYTES - used) // len(unit))


def noise(side=SIDE, levels=256, mode="RGB"):
    shape = (side, side, 3) if mode == "RGB" else (side, side)
    return Image.fromarray((random.integers(0, levels, shape) * (255 // (levels - 1))).astype(np.uint8))


def zeros(head, size):
    """A zlib stream of `head` and zeros. It has about `size` bytes and expands a thousandfold."""
    count = 50_000_000
    start, unit = zlib.compressobj(9, zlib.DEFLATED, -15), zlib.compressobj(9, zlib.DEFLATED, -15)
    first = start.compress(head) + start.flush(zlib.Z_FULL_FLUSH)
    more = unit.compress(bytes(count)) + unit.flush(zlib.Z_FULL_FLUSH)
    times = size // len(more)
    sums = zlib.adler32(head)
    low, high = sums & 0xFFFF, (sums >> 16) + (sums & 0xFFFF) * count * times
    return b"\x78\x9c" + first + more * times + b"\3\0" + struct.pack(">I", high % 65521 << 16 | low)


# --- JPEG -----------------------------------------------------------------------------------------


def segment(marker, body):
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def huffman(kind, symbols):
    """A table with one symbol of each length from 1."""
    return bytes([kind] + [1] * len(symbols) + [0] * (16 - len(symbols)) + symbols)


def progressive(scans, components, side, header, first, later):
    """A progressive file. `later` is the data of every scan but the first."""
    frame = struct.pack(">BHHB", 8, side, side, components) + b"".join(bytes([c, 0x11, 0]) for c in range(components))
    start, end, position = header
    names = [components, *(byte for c in range(components) for byte in (c, 0))] if start == 0 else [1, 0, 0]
    file = b"\xff\xd8" + segment(0xDB, b"\0" + b"\1" * 64) + segment(0xC2, frame)
    file += segment(0xC4, huffman(0x00, [0]) + huffman(0x10, [0x00, 0xE0]))
    file += segment(0xDA, bytes([components, *(byte for c in range(components) for byte in (c, 0)), 0, 0, 0])) + first
    scan = segment(0xDA, bytes([*names, start, end, position])) + later
    return file + scan * min(scans - 1, (BYTES - len(file)) // len(scan)) + b"\xff\xd9"


def jpegs():
    large, medium = noise(), noise(5456)
    yield "baseline, 4:4:4", finest(large, "JPEG", subsampling=0)
    yield "baseline, a restart after every block", finest(large, "JPEG", subsampling=0, restart_marker_blocks=1)
    yield "progressive, 4:4:4", finest(medium, "JPEG", subsampling=0, progressive=True)
    blocks = (SIDE // 8) ** 2
    bits = bytes(blocks // 8 + 1)
    # A run of 32767 empty blocks: the code 10 and 14 bits.
    runs = np.packbits(([1, 0] + [1] * 14) * (blocks // 32767) + [0] * (blocks % 32767)).tobytes()
    runs = runs.replace(b"\xff", b"\xff\0")
    yield "50 scans of empty blocks, each with a code", progressive(50, 1, SIDE, (1, 63, 0x10), bits, bits)
    yield "50 scans of runs of empty blocks", progressive(50, 1, SIDE, (1, 63, 0x10), bits, runs)
    three = bytes(3 * (5400 // 8) ** 2 // 8 + 1)
    yield "50 scans of the first coefficients", progressive(50, 3, 5400, (0, 0, 0x00), three, three)
    yield "8,000 scans", progressive(8000, 1, SIDE, (1, 63, 0x10), bits, runs[:1100])
    small = saved(Image.new("RGB", (64, 64), "green"), "JPEG")
    xmp = b"http://ns.adobe.com/xmp/extension/\0" + bytes(32) + b"\xff\xff\xff\xff"
    segments = b"".join(segment(0xE1, xmp + struct.pack(">I", number)) for number in range(BYTES // 90))
    tables = segment(0xC4, huffman(0x13, [1]) * 3000)
    for name, body in (
        ("110,000 segments of extended XMP", segments),
        ("500,000 Huffman tables", fill(tables)),
        ("2,500,000 comments", fill(segment(0xFE, b""))),
    ):
        yield name, small[:2] + body + small[2:]


# --- PNG ------------------------------------------------------------------------------------------


def chunk(kind, body):
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(side, depth, color, data, interlaced=0, before=b"", after=b""):
    header = struct.pack(">IIBBBBB", side, side, depth, color, 0, 0, interlaced)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + data + after + chunk(b"IEND", b"")


def adam7(side, bits):
    passes = ((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2))
    for left, top, right, down in passes:
        width, height = -(-(side - left) // right), -(-(side - top) // down)
        yield (b"\4" + bytes(-(-width * bits // 8))) * height


def pngs():
    pixel = b"\0\x40\x80\xc0"
    data = chunk(b"IDAT", zlib.compress(pixel))
    profile = b"Raw profile type exif\0\0" + zlib.compress(bytes(1 << 20), 9)
    yield "9,000 zTXt chunks of 1 MB", png(1, 8, 2, data, before=fill(chunk(b"zTXt", profile)))
    yield "20 iCCP chunks of 500 MB", png(1, 8, 2, data, before=fill(chunk(b"iCCP", b"p\0\0" + zeros(b"", 480_000))))
    yield "800,000 tEXt chunks", png(1, 8, 2, data, before=fill(chunk(b"tEXt", b"a\0")))
    yield "800,000 empty IDAT chunks", png(1, 8, 2, fill(chunk(b"IDAT", b"")) + data)
    yield "10 GB behind the pixels", png(1, 8, 2, chunk(b"IDAT", zeros(pixel, BYTES - 500_000)))
    for name, depth, color, bits in (("16-bit RGBA", 16, 6, 64), ("8-bit RGB", 8, 2, 24), ("1-bit grey", 1, 0, 1)):
        rows = (b"\4" + bytes(SIDE * bits // 8)) * SIDE
        yield f"{name}, Paeth", png(SIDE, depth, color, chunk(b"IDAT", zlib.compress(rows, 9)))
        rows = b"".join(adam7(SIDE, bits))
        yield f"{name}, Paeth, interlaced", png(SIDE, depth, color, chunk(b"IDAT", zlib.compress(rows, 9)), 1)


# --- GIF, BMP, WebP, TIFF -------------------------------------------------------------------------


def blocks(data):
    return b"".join(bytes([len(part := data[at : at + 255])]) + part for at in range(0, len(data), 255)) + b"\0"


def gif(side, data, before=b"", after=b""):
    frame = b"," + struct.pack("<HHHHB", 0, 0, side, side, 0) + b"\2" + data
    return b"GIF89a" + struct.pack("<HHBBB", side, side, 0xF0, 0, 0) + bytes(6) + before + frame + after + b";"


def gifs():
    # Code 4 in 3 bits, least significant bit first.
    clear = np.packbits(np.array([0, 0, 1] * 8, np.uint8), bitorder="little").tobytes() * (BYTES // 3 - 50_000)
    yield "32 megapixels of one color", saved(Image.new("P", (SIDE, SIDE)), "GIF")
    yield "26 million clear codes", gif(SIDE, blocks(clear))
    yield "5 million blocks of a byte", gif(SIDE, fill(b"\1\x24") + b"\0")
    yield "2 million comments", gif(1, blocks(b"\x44\1"), before=fill(b"!\xfe\1a\0"))
    frame = gif(1, blocks(b"\x44\1"))[19:-1]
    yield "600,000 frames", gif(1, blocks(b"\x44\1"), after=fill(frame))


def bmps():
    def bmp(bits, compression, data):
        palette = bytes(4 << bits)
        header = struct.pack("<IiiHHIIiiII", 40, SIDE, SIDE, 1, bits, compression, len(data), 0, 0, 1 << bits, 0)
        return b"BM" + struct.pack("<IHHI", 54 + len(palette) + len(data), 0, 0, 54 + len(palette)) + header + palette + data

    yield "RLE, long runs", bmp(8, 1, (b"\xff\1" * (SIDE // 255) + bytes([SIDE % 255, 1]) + b"\0\0") * SIDE + b"\0\1")
    yield "RLE, runs of a pixel", bmp(8, 1, fill(b"\1\1") + b"\0\1")
    yield "RLE, moves by nothing", bmp(8, 1, fill(b"\0\2\0\0") + b"\0\1")
    yield "1 bit", bmp(1, 0, bytes(-(-SIDE // 32) * 4 * SIDE))


def groups(count):
    """A lossless WebP stream of 16 × 16 pixels with so many groups of five prefix codes, each with a table of 4 KiB."""

    def field(value, size):
        return [value >> bit & 1 for bit in range(size)]

    # Eleven symbols have lengths from 1 to 10. The lengths are coded with 3 bits up to 6, and then with 4.
    lengths = (0, 0, 0, 3, 3, 3, 3, 3, 0, 3, 4, 4, 4, 4)
    codes = (0b000, 0b100, 0b010, 0b110, 0b001, 0b101, 0b0011, 0b1011, 0b0111, 0b1111)
    code = field(0, 1) + field(len(lengths) - 4, 4) + [bit for length in lengths for bit in field(length, 3)]
    code += field(1, 1) + field(1, 3) + field(9, 4)
    code += [bit for length in (*range(1, 11), 10) for bit in field(codes[length - 1], 3 if length < 7 else 4)]
    # One pixel says which group all pixels have.
    head = field(0x2F, 8) + field(15, 14) + field(15, 14) + field(0, 6) + field(1, 1) + field(0, 4)
    for symbol in ((count - 1) & 255, (count - 1) >> 8, 0, 255, 0):
        head += field(0b101, 3) + field(symbol, 8)
    bits = np.array(head + 5 * code * count + [0] * 4096, np.uint8)
    return np.packbits(bits, bitorder="little").tobytes()


def webps():
    def part(name, body):
        return name + struct.pack("<I", len(body)) + body + bytes(len(body) & 1)

    def extended(flags, side, body):
        size = struct.pack("<I", side - 1)[:3]
        body = part(b"VP8X", bytes([flags, 0, 0, 0]) + size + size) + body
        return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body

    large = noise()
    yield "lossy", finest(large, "WEBP", method=0)
    medium = noise(4928)
    medium.putalpha(noise(4928, levels=2, mode="L"))
    yield "lossy with alpha", finest(medium, "WEBP", method=0)
    yield "lossless, noise", saved(noise(1700), "WEBP", lossless=True, quality=0, method=0)
    yield "lossless, little noise", saved(noise(5000, levels=2), "WEBP", lossless=True, quality=0, method=0)
    pixel = saved(Image.new("RGB", (1, 1)), "WEBP", lossless=True)[12:]
    frame = part(b"ANMF", bytes(16) + pixel)
    yield "170,000 frames", extended(2, 1, part(b"ANIM", bytes(6)) + fill(frame))
    yield "65,536 groups of codes", extended(0, 16, part(b"VP8L", groups(65536)))
    yield "800,000 EXIF chunks", extended(8, 1, pixel + fill(part(b"EXIF", b"II*\0")))


def tiff(width, height, compression, parts, rows=None, tile=None, copies=1, samples=3, bits=8, more=()):
    """One page. With `copies`, every strip or tile is the same bytes."""
    tags = {256: [width], 257: [height], 258: [bits] * samples, 259: [compression], 262: [2], 277: [samples], **dict(more)}
    offsets, lengths = (324, 325) if tile else (273, 279)
    tags |= {322: [tile], 323: [tile]} if tile else {278: [rows or height]}
    sizes = [len(part) for part in parts] * copies
    tags |= {offsets: [0] * len(sizes), lengths: sizes}
    start = 8 + 2 + 12 * len(tags) + 4
    data = start + sum(4 * len(values) for values in tags.values() if len(values) > 1)
    tags[offsets] = [data + at for at in np.cumsum([0, *sizes[:-1]])] if copies == 1 else [data] * copies
    entries, lists = b"", b""
    for tag, values in sorted(tags.items()):
        packed = np.array(values, "<u4").tobytes()
        if len(values) == 1 and values[0] < 65536:
            entries += struct.pack("<HHIHxx", tag, 3, 1, values[0])
        else:
            entries += struct.pack("<HHI", tag, 4, len(values)) + (packed if len(values) == 1 else struct.pack("<I", start + len(lists)))
            lists += packed if len(values) > 1 else b""
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(4) + lists + b"".join(parts)


def tiffs():
    yield "a strip a row, deflate", tiff(1950, 16384, 8, [zlib.compress(bytes(1950 * 3), 9)] * 16384, rows=1)
    yield "one strip, LZW", saved(Image.new("RGB", (SIDE, SIDE)), "TIFF", compression="tiff_lzw")
    yield "fax, group 4", saved(noise(SIDE, 2, "L").convert("1"), "TIFF", compression="group4")[:BYTES]
    alpha = {317: [2], 338: [2]}
    deep = zlib.compress(bytes(4000 * 4000 * 8), 9)
    yield "16-bit RGBA, predictor", tiff(4000, 4000, 8, [deep], samples=4, bits=16, more=alpha.items())
    yield "tiles of 16 × 16, deflate", tiff(5632, 5632, 8, [zlib.compress(bytes(768), 9)] * 352**2, tile=16)
    yield "1,200,000 tiles of a pixel, overlapping", tiff(1200, 1000, 1, [b"abc"], tile=1, copies=1_200_000)
    yield "10 GB behind the pixels", tiff(1, 1, 8, [zeros(b"abc", BYTES - 500_000)])
    yield "16,384 strips of the same 9 GB", tiff(1950, 16384, 8, [zeros(b"", 9_000_000)], rows=1, copies=16384)
    jpeg = saved(Image.new("RGB", (5600, 5600)), "JPEG")
    yield "16,384 strips of the same JPEG", tiff(1950, 16384, 7, [jpeg], rows=1, copies=16384)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for kind in (jpegs, pngs, gifs, bmps, webps, tiffs):
        if sys.argv[2:] and kind.__name__ not in sys.argv[2:]:
            continue
        extension = kind.__name__[:-1]
        for name, file in kind():
            assert len(file) <= BYTES, (name, len(file))
            (folder / f"{extension}: {name.replace('/', ' ')}.{extension}").write_bytes(file)


main()
