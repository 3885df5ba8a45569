"""Architectures of Keras with the backend torch: exported by Keras, and from TensorFlow by tf2onnx.

TensorFlow belongs to a second Python, which the variable TENSORFLOW_PYTHON names. It gets the same weights.
"""

import os
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from network import Network, Row

try:
    import keras
except ImportError:
    keras = None

NAMES = """
    ConvNeXtTiny DenseNet121 EfficientNetB0 EfficientNetV2B0 InceptionV3 MobileNet MobileNetV2 MobileNetV3Small
    NASNetMobile ResNet50 ResNet50V2 VGG16 Xception
""".split()
CONVERT = Path(__file__).parents[1] / "convert_with_tensorflow.py"


def shape(name: str) -> tuple[int, int, int]:
    side = 32 if name == "VGG16" else 96 if name in ("InceptionV3", "Xception") else 64
    return side, side, 3


def build(name: str) -> Network:
    keras.utils.set_random_seed(3)
    create = getattr(keras.applications, name)
    options = {"weights": None, "classes": 10, "input_shape": shape(name)}
    model = create(**options)
    for weight in model.weights:
        if "moving_mean" in weight.path:
            weight.assign(keras.random.uniform(weight.shape, -0.2, 0.2))
        if "moving_variance" in weight.path or weight.path.endswith("gamma"):
            weight.assign(keras.random.uniform(weight.shape, 0.5, 1.5))
    logits = create(**options, classifier_activation=None)
    logits.set_weights(model.get_weights())
    return Network(model.eval(), (1, *shape(name)), logits.eval())


def export(network: Network, path: Path) -> None:
    network.module(np.zeros(network.shape, np.float32))
    network.module.export(path, format="onnx", verbose=False)


def convert(name: str, python: str, network: Network, path: Path) -> None:
    weights = path.parent / "weights.npz"
    np.savez(weights, *network.module.get_weights())
    sides = [str(side) for side in shape(name)]
    subprocess.run(
        [python, CONVERT, name, *sides, weights, path], check=True, env=os.environ | {"KERAS_BACKEND": "tensorflow"}
    )


def rows() -> Iterator[Row]:
    if keras is None:
        return
    for name in NAMES:
        yield Row("Keras", name, partial(build, name), export, "Keras, backend torch")
    if python := os.environ.get("TENSORFLOW_PYTHON"):
        for name in NAMES[::2]:
            yield Row("Keras", name, partial(build, name), partial(convert, name, python), "tf2onnx, opset 17")
