"""Writes the colour maps: the table that the program embeds, and the strips that its tests compare with.

    python make_colormaps.py ROOT      # numpy, matplotlib, opencv-python-headless

The table (src/render/colormaps.bin) holds 256 rows of RGB for each map, in the order of
`Colormap::ALL`. The strips are made by the libraries' own ways to a picture, `cv2.applyColorMap`
and `matplotlib.image.imsave`, not from the table.
"""

import pathlib
import sys

import cv2
import matplotlib
import matplotlib.image
import numpy as np

# The name in the API, and the name in matplotlib. None: OpenCV's COLORMAP_JET.
NAMES = {
    "viridis": "viridis",
    "jet": None,
    "inferno": "inferno",
    "magma": "magma",
    "plasma": "plasma",
    "cividis": "cividis",
    "turbo": "turbo",
    "gray": "gray",
    "rdbu": "RdBu_r",
    "coolwarm": "coolwarm",
    "seismic": "seismic",
}

root = pathlib.Path(sys.argv[1])
ramp = np.tile(np.arange(256, dtype=np.uint8), (16, 1))
table = []
for name, of_matplotlib in NAMES.items():
    strip = str(root / "tests/reference/pictures" / f"colormap_{name}.png")
    if of_matplotlib is None:
        bgr = cv2.applyColorMap(ramp, cv2.COLORMAP_JET)
        table.append(bgr[0, :, ::-1])
        cv2.imwrite(strip, bgr)
    else:
        rows = matplotlib.colormaps[of_matplotlib](np.arange(256), bytes=True)[:, :3]
        table.append(rows)
        matplotlib.image.imsave(strip, ramp, cmap=of_matplotlib, vmin=0, vmax=255)
(root / "src/render/colormaps.bin").write_bytes(np.stack(table).astype(np.uint8).tobytes())
