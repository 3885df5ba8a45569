"""Writes the inputs and expected outputs that the tests of preprocess, explain and render compare
with.

    python make_references.py CHELSEA_PNG

Needs numpy, Pillow 13, opencv-python-headless, matplotlib and mpmath; CHELSEA_PNG is
`skimage.data.chelsea()` as a file. Everything expected is made by those libraries, nothing by this
project.
"""

import io
import json
import pathlib
import struct
import sys
import zlib

import cv2
import matplotlib
import matplotlib.image
import mpmath
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.colors import Normalize
from PIL import Image, ImageOps

matplotlib.use("agg")

here = pathlib.Path(__file__).parent
random = np.random.default_rng(5)


def folder(name):
    (here / name).mkdir(exist_ok=True)
    return here / name


# --- pictures: every format that is decoded, and what Pillow makes of it --------------------------

decode = folder("decode")
cat = Image.open(sys.argv[1]).convert("RGB")
cat.resize((200, 133), Image.Resampling.LANCZOS).save(here / "cat.png")
small = cat.resize((60, 40), Image.Resampling.LANCZOS)
alpha = Image.fromarray(np.tile(np.linspace(0, 255, 60).astype(np.uint8), (40, 1)))
with_alpha = small.copy()
with_alpha.putalpha(alpha)
wide = np.asarray(small).astype(np.uint16) * 257 ^ 0x5A


def exif(orientation):
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def without_adobe(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    start, body = buffer.getvalue().split(b"\xff\xee\0\x0eAdobe")
    return start + body[7:]


def ycck(picture):
    """The same samples, declared to be YCCK."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=95)
    start, body = buffer.getvalue().split(b"\xff\xee\0\x0eAdobe")
    return start + b"\xff\xee\0\x0eAdobe" + body[:6] + b"\2" + body[7:]


def png_chunks(width, height, depth, color, raw, extra=()):
    chunk = lambda kind, body: (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
    )
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, 0))
        + b"".join(chunk(*pair) for pair in extra)
        + chunk(b"IDAT", zlib.compress(raw))
        + chunk(b"IEND", b"")
    )


rows16 = b"".join(b"\0" + row.astype(">u2").tobytes() for row in wide)
saved = {
    "rgb.png": lambda f: small.save(f),
    "rgba.png": lambda f: with_alpha.save(f),
    "grey.png": lambda f: small.convert("L").save(f),
    "grey_alpha.png": lambda f: with_alpha.convert("LA").save(f),
    "one_bit.png": lambda f: small.convert("1").save(f),
    "palette.png": lambda f: small.quantize(64).save(f),
    "palette_alpha.png": lambda f: small.quantize(64).save(f, transparency=3),
    "grey_key.png": lambda f: small.convert("L").save(f, transparency=100),
    "rgb_key.png": lambda f: small.save(f, transparency=small.getpixel((3, 3))),
    "rgb16.png": lambda f: f.write(png_chunks(60, 40, 16, 2, rows16)),
    "turned.png": lambda f: small.save(f, exif=exif(6)),
    "progressive.jpg": lambda f: small.save(f, quality=90, progressive=True),
    "plain_444.jpg": lambda f: small.save(f, quality=95, subsampling=0),
    "grey.jpg": lambda f: small.convert("L").save(f, quality=90),
    "cmyk.jpg": lambda f: small.convert("CMYK").save(f, quality=95),
    "cmyk_422.jpg": lambda f: small.convert("CMYK").save(f, quality=95, subsampling=1),
    "cmyk_420.jpg": lambda f: small.convert("CMYK").save(f, quality=95, subsampling=2),
    "cmyk_not_adobe.jpg": lambda f: f.write(without_adobe(small.convert("CMYK"))),
    "ycck.jpg": lambda f: f.write(ycck(small.convert("CMYK"))),
    "lossless.webp": lambda f: small.save(f, lossless=True),
    "lossy.webp": lambda f: small.save(f, quality=80),
    "alpha.webp": lambda f: with_alpha.save(f, lossless=True, exact=True),
    "turned.webp": lambda f: small.save(f, lossless=True, exif=exif(5)),
    "plain.gif": lambda f: small.quantize(64).save(f),
    "transparent.gif": lambda f: small.quantize(64).save(f, transparency=7),
    "rgb.bmp": lambda f: small.save(f),
    "palette.bmp": lambda f: small.quantize(64).save(f),
    "lzw.tiff": lambda f: small.save(f, compression="tiff_lzw"),
    "deflate.tiff": lambda f: with_alpha.save(f, compression="tiff_adobe_deflate"),
    "turned.tiff": lambda f: small.save(f, exif=exif(8)),
}
for orientation in range(1, 9):
    saved[f"turned_{orientation}.jpg"] = lambda f, o=orientation: small.save(
        f, quality=90, subsampling=0, exif=exif(o)
    )
for name, save in saved.items():
    buffer = io.BytesIO()
    pil_format = {"jpg": "JPEG", "tiff": "TIFF"}.get(name.split(".")[1], name.split(".")[1].upper())
    buffer.name = name
    save(buffer)
    (decode / name).write_bytes(buffer.getvalue())
    opened = Image.open(io.BytesIO(buffer.getvalue()))
    assert opened.format == pil_format, name
    ImageOps.exif_transpose(opened).convert("RGB").save(decode / f"{name}.expected.png")

# 16-bit grey: the high byte, computed by numpy, because Pillow clips at 255 instead.
grey16 = random.integers(0, 65536, (40, 60), dtype=np.uint16)
Image.fromarray(grey16).save(decode / "grey16.png")
Image.fromarray((grey16 >> 8).astype(np.uint8)).convert("RGB").save(
    decode / "grey16.png.expected.png"
)

# --- files that must be refused, or read without trouble ------------------------------------------

bad = folder("bad")
pixel = b"\0\x40\x80\xc0"
bomb = zlib.compress(bytes(20_000_000), 9)
(bad / "iccp_bomb.png").write_bytes(png_chunks(1, 1, 8, 2, pixel, [(b"iCCP", b"p\0\0" + bomb)]))
text = b"Raw profile type exif\0\0" + bomb
(bad / "text_bomb.png").write_bytes(png_chunks(1, 1, 8, 2, pixel, [(b"zTXt", text)]))

# --- resizing -------------------------------------------------------------------------------------

resize = folder("resize")
filters = {"nearest": Image.NEAREST, "bilinear": Image.BILINEAR, "bicubic": Image.BICUBIC}
picture = Image.open(here / "cat.png")
for name, kernel in filters.items():
    for height, width in [(50, 50), (224, 60), (133, 71), (30, 240)]:
        picture.resize((width, height), kernel).save(resize / f"{name}_{height}x{width}.png")
    # torchvision's Resize(60) and CenterCrop(56)
    width, height = picture.size
    long = int(60 * max(width, height) / min(width, height))
    scaled = picture.resize((long, 60) if width > height else (60, long), kernel)
    top, left = (int(round((side - 56) / 2.0)) for side in (scaled.height, scaled.width))
    scaled.crop((left, top, left + 56, top + 56)).save(resize / f"{name}_center_60_56.png")
    picture.convert("L").resize((50, 50), kernel).save(resize / f"{name}_grey_50x50.png")

# --- layers ---------------------------------------------------------------------------------------

layers = folder("layers")
y, x = np.mgrid[0:12, 0:17].astype(np.float32)
layer = np.stack(
    [
        np.maximum(np.sin(x * (0.2 + 0.07 * k)) * np.cos(y * (0.9 - 0.03 * k)) - 0.02 * k, 0)
        * (1.5**k / 100)
        + random.normal(0, 1e-3 * 1.5**k, (12, 17))
        for k in range(20)
    ]
).astype(np.float32)
layer[5] = 0.25  # a dead channel
np.save(layers / "activations.npy", layer)

# Chollet, Deep Learning with Python, 5.4.1. The number of rows is rounded up instead of down, so
# that no channel is dropped.
columns, (channels, height, width) = 16, layer.shape
grid = np.zeros((-(-channels // columns) * height, columns * width))
for k in range(channels):
    image = layer[k].copy()
    image -= image.mean()
    with np.errstate(invalid="ignore"):
        image /= image.std()
        image *= 64
        image += 128
        image = np.clip(image, 0, 255).astype("uint8")
    row, column = divmod(k, columns)
    grid[row * height :][:height, column * width :][:, :width] = image
viridis = matplotlib.colormaps["viridis"]


def imshow(array, cmap="viridis"):
    """The pixels of `plt.imshow(array)` on a figure of the array's own size.

    imshow stretches the array from its least to its greatest value.
    """
    dpi = 64  # A power of two, so that the figure's size in pixels is exact.
    figure = plt.figure(figsize=(array.shape[1] / dpi, array.shape[0] / dpi), dpi=dpi)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.axis("off")
    axes.imshow(array, aspect="auto", cmap=cmap)
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    expected = matplotlib.colormaps[cmap](Normalize()(array), bytes=True)[..., :3]
    assert pixels.shape == expected.shape and (pixels == expected).all()
    return pixels


# The whole grid: an incomplete last row, so its least level is 0.
Image.fromarray(imshow(grid)).save(layers / "grid_standard.png")
# The levels themselves, before imshow stretches them.
Image.fromarray(grid.astype(np.uint8)).save(layers / "levels_standard.png")
# Five channels in one full row, and with the dead channel among them.
for name, first in [("grid_6_to_10", 6), ("grid_4_to_8", 4)]:
    tiles = [
        grid[k // columns * height :][:height, k % columns * width :][:, :width]
        for k in range(first, first + 5)
    ]
    Image.fromarray(imshow(np.concatenate(tiles, axis=1))).save(layers / f"{name}.png")

matplotlib.image.imsave(layers / "channel_3_minmax.png", layer[3], cmap="viridis")
matplotlib.image.imsave(
    layers / "channel_3_layer.png", layer[3], cmap="viridis", vmin=layer.min(), vmax=layer.max()
)
statistics = [
    {"mean": float(c.mean()), "std": float(c.std()), "min": float(c.min()), "max": float(c.max())}
    for c in layer.astype(np.float64)
]
(layers / "statistics.json").write_text(json.dumps(statistics, indent=1) + "\n")

# --- Grad-CAM -------------------------------------------------------------------------------------

cams = folder("cam")
gradients = random.normal(0, 1e-3, layer.shape).astype(np.float32)
np.save(cams / "gradients.npy", gradients)
weights = gradients.mean(axis=(1, 2))
weighted = layer.copy()
for k in range(channels):
    weighted[k] *= weights[k]
raw = weighted.mean(axis=0)
np.save(cams / "raw.npy", raw)
np.save(cams / "heat.npy", np.maximum(raw, 0) / raw.max())

# Seeds from the closed form, in 200 digits.
mpmath.mp.dps = 200
seeds = []
cases = [
    [0.5, -1, 2],
    [3, 3, 3, 3],
    [18, 0.25, -4],
    [0, 17, 16.5, 2],
    [200, 0, -3, 1],
    [-200, 0, 5],
]
for logits in cases:
    for c in range(len(logits)):
        z = [mpmath.mpf(v) for v in logits]
        total = sum(mpmath.exp(v) for v in z)
        p = [mpmath.exp(v) / total for v in z]
        gradient = [p[c] * ((1 if j == c else 0) - p[j]) for j in range(len(z))]
        scale = p[c] * (sum(p) - p[c])
        seeds.append(
            {
                "logits": logits,
                "class": c,
                "probability": float(p[c]),
                "ln_scale": float(mpmath.log(scale)),
                "cotangent": [float(g / scale) for g in gradient],
            }
        )
(cams / "softmax_seeds.json").write_text(json.dumps(seeds, indent=1) + "\n")

# --- heat maps ------------------------------------------------------------------------------------

heat = folder("heat")
small_map = np.maximum(np.sin(np.mgrid[0:5, 0:7].sum(0) * 0.9) + 0.2, 0).astype(np.float32)
small_map /= small_map.max()
np.save(heat / "map.npy", small_map)
for width, height in [(31, 23), (200, 133), (7, 5), (3, 2), (5, 60)]:
    np.save(heat / f"resized_{height}x{width}.npy", cv2.resize(small_map, (width, height)))

# The book's overlay: resize, uint8(255 ·), JET, · 0.4 + picture, imwrite. OpenCV's order is BGR.
bgr = cv2.imread(str(here / "cat.png"))
resized = cv2.resize(small_map, (bgr.shape[1], bgr.shape[0]))
levels = np.uint8(255 * resized)
for alpha in [0.4, 0.5]:
    superimposed = cv2.applyColorMap(levels, cv2.COLORMAP_JET) * alpha + bgr
    cv2.imwrite(str(heat / f"overlay_{alpha}.png"), superimposed)
Image.fromarray(viridis(levels, bytes=True)[..., :3]).save(heat / "heatmap.png")

# The map as cells: plt.matshow is imshow with square blocks.
cells = (0.25 + 0.75 * small_map).astype(np.float32)  # Its least value is not 0.
np.save(heat / "cells.npy", cells)
Image.fromarray(imshow(cells)).save(heat / "cells.png")

# A signed map: matplotlib's diverging colours from -1 to 1, alone and blended with the picture.
signed = np.sin(np.mgrid[0:5, 0:7].sum(0) * 0.9).astype(np.float32)
signed /= np.abs(signed).max()
np.save(heat / "signed.npy", signed)
resized = cv2.resize(signed, (bgr.shape[1], bgr.shape[0]))
rgb = bgr[..., ::-1].astype(np.float64)
for name, of_matplotlib in [("rdbu", "RdBu_r"), ("coolwarm", "coolwarm"), ("seismic", "seismic")]:
    colors = matplotlib.colormaps[of_matplotlib](Normalize(-1, 1)(resized), bytes=True)[..., :3]
    Image.fromarray(colors).save(heat / f"signed_{name}.png")
    opacity = 0.8 * np.sqrt(np.abs(resized))[..., None]
    blended = opacity * colors + (1 - opacity) * rgb
    Image.fromarray(np.round(blended).astype(np.uint8)).save(heat / f"signed_overlay_{name}.png")
