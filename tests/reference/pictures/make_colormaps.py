"""Writes the colour maps: the table that the program embeds, and the strips that its tests compare with.

    python make_colormaps.py ROOT      # numpy, matplotlib, opencv-python-headless

The table (src/render/colormaps.bin) has 8 maps of 256 rows of RGB, in the order of `Colormap::ALL`. The strips are not made
from the table. The libraries' own functions draw them: `cv2.applyColorMap` and `matplotlib.image.imsave`.
"""

import pathlib
import sys

import cv2
import matplotlib
import matplotlib.image
import numpy as np

NAMES = ["viridis", "jet", "inferno", "magma", "plasma", "cividis", "turbo", "gray"]

root = pathlib.Path(sys.argv[1])
ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
table = []
for name in NAMES:
    strip = str(root / "tests/reference/pictures" / f"colormap_{name}.png")
    if name == "jet":
        bgr = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)
        table.append(bgr[0, :, ::-1])
        cv2.imwrite(strip, bgr)
    else:
        rows = matplotlib.colormaps[name](np.arange(256), bytes=True)[:, :3]
        table.append(rows)
        matplotlib.image.imsave(strip, ramp, cmap=name, vmin=0, vmax=255)
(root / "src/render/colormaps.bin").write_bytes(np.stack(table).astype(np.uint8).tobytes())
