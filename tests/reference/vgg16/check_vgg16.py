"""Compares the book's heat map on VGG16 by Keras with convscope's, from the export to the overlay.

    cargo build --release
    python tests/reference/vgg16/check_vgg16.py PICTURE                        # random weights, seed 0
    python tests/reference/vgg16/check_vgg16.py PICTURE --weights imagenet     # downloads 528 MB

The script makes the model folder with `models/export/export_keras.py`. Then the binary predicts, explains and derives
the gradient graph. The results are compared with the book's listings 5.40 to 5.45 in Keras, numpy and OpenCV. The
script fails above these limits: the raw map may differ by 1e-4 of its largest value; at most 0.1 % of the overlay's
values may differ by more than 2 levels. It needs models/export/requirements-keras.txt and opencv-python-headless.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[3]
BINARY = ROOT / "target/release/convscope"
sys.path.insert(0, str(ROOT / "models/export"))
import export_keras  # noqa: E402
import keras  # noqa: E402
import tensorflow as tf  # noqa: E402

LAYER = "block5_conv3"
CLASSES = 3


def book_tensor(picture: Path) -> np.ndarray:
    """Listing 5.40: load_img to 224×224, subtract the means of ImageNet, blue first."""
    pixels = keras.utils.img_to_array(keras.utils.load_img(picture, target_size=(224, 224)))
    return keras.applications.vgg16.preprocess_input(pixels[None])


def book_map(model: keras.Model, x: np.ndarray, index: int) -> np.ndarray:
    """Listings 5.42 and 5.43: the mean over channels of activation times pooled gradient, before ReLU."""
    next_layer = model.layers.index(model.get_layer(LAYER)) + 1
    activation = keras.Model(model.input, model.layers[next_layer - 1].output)(x)
    with tf.GradientTape() as tape:
        tape.watch(activation)
        output = activation
        for layer in model.layers[next_layer:]:
            output = layer(output)
        probability = output[:, index]
    pooled = tf.reduce_mean(tape.gradient(probability, activation), axis=(0, 1, 2)).numpy()
    return np.mean(activation.numpy()[0] * pooled, axis=-1)


def book_overlay(raw: np.ndarray, picture: Path) -> np.ndarray:
    """Listings 5.43 to 5.45, rounded as in cv2.imwrite."""
    image = cv2.imread(str(picture))
    heat = np.maximum(raw, 0)
    heat = cv2.resize(heat / heat.max(), (image.shape[1], image.shape[0]))
    coloured = cv2.applyColorMap(np.uint8(255 * heat), cv2.COLORMAP_JET)
    return cv2.imdecode(cv2.imencode(".png", coloured * 0.4 + image)[1], cv2.IMREAD_COLOR)


def convscope(*arguments: object) -> tuple[str, str]:
    """Run the binary. Returns its standard output, and its seconds and peak memory as text."""
    command = [sys.executable, "-c", MEASURE, str(BINARY), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    *output, cost = done.stdout.splitlines()
    return "\n".join(output), cost


MEASURE = """
import resource, subprocess, sys, time
start = time.monotonic()
done = subprocess.run(sys.argv[1:], check=True)
peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
print(f"\\n{time.monotonic() - start:.2f} s, peak {peak:.2f} GB", flush=True)
"""


def check(folder: Path, picture: Path, weights: str, seed: int) -> bool:
    """Export, run and compare. Returns whether everything is within the limits."""
    name = "vgg16" if weights == "none" else f"vgg16:{weights}"
    start = time.monotonic()
    source = export_keras.export(export_keras.parse_arguments([name, str(folder), "--seed", str(seed)]))
    print(f"export: {time.monotonic() - start:.0f} s, {(folder / 'model.onnx').stat().st_size / 1e6:.0f} MB")
    model, x = source.model, book_tensor(picture)
    wanted = np.asarray(model(x, training=False))[0].astype(float)

    answer, cost = convscope("predict", folder, picture, "--top", 1000)
    found = np.zeros(1000)
    for line in json.loads(answer)["predictions"]:
        found[line["class"]] = line["probability"]
    error = np.abs(found - wanted).max() / wanted.max()
    print(f"predict: {cost}; probabilities differ by {error:.1e} of the largest, {wanted.max():.3f}")
    passed = error <= 1e-4

    for index in np.argsort(-wanted)[:CLASSES]:
        raw = book_map(model, x, index)
        _, cost = convscope("gradcam", folder, picture, "--class", index, "-o", folder / "map.npy")
        error = np.abs(np.load(folder / "map.npy") - raw).max() / np.abs(raw).max()
        convscope("gradcam", folder, picture, "--class", index, "-o", folder / "overlay.png")
        overlay = cv2.imread(str(folder / "overlay.png")).astype(int)
        off = np.mean(np.abs(overlay - book_overlay(raw, picture)) > 2)
        print(f"gradcam of class {index} at {LAYER}: {cost}; raw map differs by {error:.1e} of its largest value; ", end="")
        print(f"{off:.3%} of the overlay's values by more than 2 levels")
        passed &= bool(error <= 1e-4 and off <= 1e-3)

    limit = ("--max-output-bytes", 1 << 30)
    _, cost = convscope("gradient", folder, "--layer", LAYER, *limit, "-o", folder / "gradient.onnx")
    print(f"gradient: {cost}")
    return passed


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("picture", type=Path)
    parser.add_argument("--weights", default="none", help="`imagenet`, or a weight file; default: random weights")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder in which the model is kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = arguments.keep or Path(folder) / "vgg16"
        passed = check(folder, arguments.picture, arguments.weights, arguments.seed)
    print("passed" if passed else "FAILED")
    sys.exit(not passed)


main()
