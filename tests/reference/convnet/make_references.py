"""Make the reference arrays and pictures of the convnet, by the steps of Chollet's book.

    python make_references.py

Keras runs the network, numpy makes the grids, matplotlib draws them, Keras differentiates, OpenCV
draws the heat map. Nothing here is convscope's. The weights are read from the model folder's ONNX
file and put into a Keras model that is built from the book's listing 5.5, so anybody who has the
repository can make the files again.

Writes beside itself
    activations.npz      every shown layer, uint16: round(value / maximum * 65535), channels x
                         height x width, and the maxima
    grid_<layer>.png     the grid of each layer: the book's listing 5.27, drawn by `plt.imshow`
    gradcam.npz          the raw map, the probability, and the heat map, for either class
    gradcam_<class>.png  the overlay, the book's listings 5.42 to 5.45
    dead.json            the channels of each layer that are constant over the picture

Needs keras, tensorflow, onnx, numpy, pillow, matplotlib, opencv-python-headless (requirements.txt).
"""

import json
from pathlib import Path

import cv2
import keras
import matplotlib
import numpy as np
import onnx
import tensorflow as tf
from keras import layers
from matplotlib import pyplot as plt
from matplotlib.colors import Normalize
from onnx import numpy_helper
from PIL import Image

matplotlib.use("agg")

HERE = Path(__file__).resolve().parent
MODEL = HERE.parents[2] / "models" / "cats_and_dogs_small_1" / "model.onnx"
PICTURE = HERE / "chelsea.png"
SIZE = (150, 150)


def build() -> keras.Model:
    """The book's listing 5.5 with the dropout of listing 5.13."""
    model = keras.Sequential([keras.Input((*SIZE, 3))])
    for index, filters in enumerate((32, 64, 128, 128), start=1):
        model.add(layers.Conv2D(filters, (3, 3), activation="relu", name=f"conv2d_{index}"))
        model.add(layers.MaxPooling2D((2, 2), name=f"max_pooling2d_{index}"))
    model.add(layers.Flatten(name="flatten_1"))
    model.add(layers.Dropout(0.5, name="dropout_1"))
    model.add(layers.Dense(512, activation="relu", name="dense_1"))
    model.add(layers.Dense(1, activation="sigmoid", name="dense_2"))
    return model


def stored_weights() -> list[np.ndarray]:
    """Kernels and biases in the order of the layers, in Keras's axes."""
    graph = onnx.load(MODEL).graph
    tensors = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    weights: list[np.ndarray] = []
    for node in graph.node:
        stored = [tensors[name] for name in node.input if name in tensors]
        if node.op_type == "Conv":
            kernel, *bias = stored
            weights += [kernel.transpose(2, 3, 1, 0), *bias]
        elif node.op_type == "Gemm":
            kernel, *bias = stored
            transposed = any(a.name == "transB" and a.i for a in node.attribute)
            weights += [kernel.T if transposed else kernel, *bias]
        elif node.op_type in ("MatMul", "Add"):
            weights += stored
    return [
        weight.reshape(-1) if weight.ndim != 4 and 1 in weight.shape[:-1] else weight
        for weight in weights
    ]


def load() -> keras.Model:
    model = build()
    weights = [
        w.reshape(variable.shape)
        for w, variable in zip(stored_weights(), model.weights, strict=True)
    ]
    model.set_weights(weights)
    return model


def tensor() -> np.ndarray:
    """Listing 5.25: load_img to the size, with its default interpolation, then divided by 255."""
    picture = keras.utils.load_img(PICTURE, target_size=SIZE)
    return np.expand_dims(keras.utils.img_to_array(picture), axis=0) / 255.0


def display_grid(activation: np.ndarray, columns: int = 16) -> np.ndarray:
    """Listing 5.27. The number of rows is rounded up, so that no channel is dropped.

    As in the book the grid is float64 and holds 8-bit levels. A dead channel is 0 / 0: NaN, which
    the cast to 8 bits makes 0.
    """
    height, width, channels = activation.shape
    rows = -(-channels // columns)
    grid = np.zeros((height * rows, columns * width))
    for channel in range(channels):
        image = activation[:, :, channel].copy()
        image -= image.mean()
        with np.errstate(invalid="ignore"):
            image /= image.std()
            image *= 64
            image += 128
            levels = np.clip(image, 0, 255).astype("uint8")
        row, column = divmod(channel, columns)
        grid[row * height : (row + 1) * height, column * width : (column + 1) * width] = levels
    return grid


def imshow(grid: np.ndarray) -> np.ndarray:
    """The pixels of `plt.imshow(grid, cmap="viridis")`, on a figure of the grid's own size.

    `imshow` stretches the whole grid from its least to its greatest level.
    """
    dpi = 64  # A power of two, so that the figure's size in pixels is exact.
    height, width = grid.shape
    figure = plt.figure(figsize=(width / dpi, height / dpi), dpi=dpi)
    axes = figure.add_axes([0, 0, 1, 1])
    axes.axis("off")
    axes.imshow(grid, aspect="auto", cmap="viridis")
    figure.canvas.draw()
    pixels = np.asarray(figure.canvas.buffer_rgba())[..., :3].copy()
    plt.close(figure)
    colors = matplotlib.colormaps["viridis"](Normalize()(grid), bytes=True)[..., :3]
    assert pixels.shape == colors.shape and (pixels == colors).all(), (
        "the canvas resampled the grid"
    )
    return pixels


def write_activations(model: keras.Model, x: np.ndarray) -> None:
    shown = [layer for layer in model.layers if layer.name.startswith(("conv2d", "max_pooling2d"))]
    outputs = keras.Model(model.inputs, [layer.output for layer in shown]).predict(x, verbose=0)
    arrays, dead = {}, {}
    for layer, activation in zip(shown, outputs, strict=True):
        values = activation[0]
        maximum = np.float32(values.max())
        arrays[layer.name] = np.round(values.transpose(2, 0, 1) / maximum * 65535).astype(np.uint16)
        arrays[f"{layer.name}/maximum"] = maximum
        flat = values.reshape(-1, values.shape[-1])
        dead[layer.name] = [int(k) for k in np.flatnonzero(flat.max(0) == flat.min(0))]
        rgb = imshow(display_grid(values))
        picture = Image.fromarray(rgb).quantize(256, dither=Image.Dither.NONE)
        assert (np.asarray(picture.convert("RGB")) == rgb).all()
        picture.save(HERE / f"grid_{layer.name}.png", optimize=True)
    np.savez_compressed(HERE / "activations.npz", **arrays)
    (HERE / "dead.json").write_text(json.dumps(dead, indent=1) + "\n")


def gradcam(model: keras.Model, x: np.ndarray, class_index: int) -> tuple[np.ndarray, float]:
    """Listings 5.42 and 5.43 by GradientTape: the raw map before ReLU, and the probability."""
    next_layer = model.layers.index(model.get_layer("conv2d_4")) + 1
    activation = keras.Model(model.inputs, model.layers[next_layer - 1].output)(x)
    with tf.GradientTape() as tape:
        tape.watch(activation)
        output = activation
        for layer in model.layers[next_layer:]:
            output = layer(output)
        # One sigmoid unit: the probability of class 0 is the complement.
        probability = output[:, 0] if class_index == 1 else 1.0 - output[:, 0]
    gradients = tape.gradient(probability, activation)
    pooled = tf.reduce_mean(gradients, axis=(0, 1, 2)).numpy()
    return np.mean(activation.numpy()[0] * pooled, axis=-1), float(probability[0])


def write_gradcam(model: keras.Model, x: np.ndarray) -> None:
    arrays = {}
    image = cv2.imread(str(PICTURE))
    for class_index, name in enumerate(("cat", "dog")):
        raw, probability = gradcam(model, x, class_index)
        heatmap = np.maximum(raw, 0)
        if heatmap.max() > 0:
            heatmap /= heatmap.max()
        arrays |= {
            f"{name}/raw": raw,
            f"{name}/probability": np.float64(probability),
            f"{name}/heatmap": heatmap,
        }
        resized = cv2.resize(heatmap, (image.shape[1], image.shape[0]))
        coloured = cv2.applyColorMap(np.uint8(255 * resized), cv2.COLORMAP_JET)
        cv2.imwrite(str(HERE / f"gradcam_{name}.png"), coloured * 0.4 + image)
    np.savez(HERE / "gradcam.npz", **arrays)


def main() -> None:
    model = load()
    x = tensor()
    print("prediction", model.predict(x, verbose=0))
    write_activations(model, x)
    write_gradcam(model, x)


if __name__ == "__main__":
    main()
