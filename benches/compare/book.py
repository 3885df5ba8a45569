"""Times the book's code for the activations of the convnet (Chollet, Deep Learning with Python, 5.4.1).

    python book.py PICTURES THREADS [figures]

The script prints `ready`. For every line on standard input it does one run and prints its milliseconds. A run reads a
picture of the folder PICTURES with Keras, calls `predict` for the eight layers (listing 5.26), and draws one figure per
layer (listing 5.27). It saves each figure as PNG in memory where the book shows it. With `figures`, a run is listing
5.27 only, with activations computed before.

It needs tests/reference/convnet/requirements.txt.
"""

import io
import itertools
import os
import sys
import time
import warnings
from pathlib import Path

PICTURES, THREADS = Path(sys.argv[1]), int(sys.argv[2])
FIGURES_ALONE = sys.argv[3:] == ["figures"]
os.environ |= {"OMP_NUM_THREADS": str(THREADS), "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests/reference/convnet"))

import keras  # noqa: E402
import matplotlib  # noqa: E402
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402

matplotlib.use("Agg")
tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)

import make_references  # noqa: E402
import matplotlib.pyplot as plt  # noqa: E402

warnings.filterwarnings("ignore", category=RuntimeWarning)  # the book divides dead channels by 0
NETWORK = make_references.load()
NAMES = [layer.name for layer in NETWORK.layers[:8]]
ACTIVATIONS = keras.Model(NETWORK.inputs, [layer.output for layer in NETWORK.layers[:8]])


def activations(path: Path) -> list[np.ndarray]:
    """Listings 5.25 and 5.26."""
    picture = keras.utils.load_img(path, target_size=make_references.SIZE)
    tensor = np.expand_dims(keras.utils.img_to_array(picture), axis=0) / 255.0
    return ACTIVATIONS.predict(tensor, verbose=0)


def figures(layers: list[np.ndarray]) -> list[bytes]:
    """Listing 5.27. It overwrites the activations."""
    files, images_per_row = [], 16
    for name, activation in zip(NAMES, layers, strict=True):
        size = activation.shape[1]
        rows = activation.shape[-1] // images_per_row
        display_grid = np.zeros((size * rows, images_per_row * size))
        for row in range(rows):
            for column in range(images_per_row):
                channel_image = activation[0, :, :, row * images_per_row + column]
                channel_image -= channel_image.mean()
                channel_image /= channel_image.std()
                channel_image *= 64
                channel_image += 128
                channel_image = np.clip(channel_image, 0, 255).astype("uint8")
                display_grid[row * size : (row + 1) * size, column * size : (column + 1) * size] = channel_image
        scale = 1.0 / size
        plt.figure(figsize=(scale * display_grid.shape[1], scale * display_grid.shape[0]))
        plt.title(name)
        plt.grid(False)
        plt.imshow(display_grid, aspect="auto", cmap="viridis")
        file = io.BytesIO()
        plt.savefig(file, format="png")
        plt.close()
        files.append(file.getvalue())
    return files


paths = itertools.cycle(sorted(PICTURES.glob("*.jpg")))
computed = [np.array(layer) for layer in activations(next(paths))]
figures([layer.copy() for layer in computed])
print("ready", flush=True)
for _ in sys.stdin:
    copies = [layer.copy() for layer in computed]
    start = time.perf_counter()
    figures(copies if FIGURES_ALONE else activations(next(paths)))
    print(f"{(time.perf_counter() - start) * 1e3:.3f}", flush=True)
