"""Puts the thirteen convolutions trained on ImageNet into a VGG16 with random weights.

The convolutions come from this repository's models/vgg16_cats_dogs, whose README names their origin and licence. The
dense layers stay random, because this repository does not have the trained ones. After trained convolutions, 14 % of
the inputs of the first dense layer are above zero; after random ones, 63 %.

    python trained.py FOLDER TARGET     (needs onnx)
"""

import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

TRAINED = Path(__file__).parents[2] / "models/vgg16_cats_dogs/model.onnx"
# The random network's card subtracts MEAN and divides by DEVIATION, for values 0..1. The trained network's card
# subtracts TRAINED_MEAN, for values 0..255. All are in RGB.
MEAN, DEVIATION = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
TRAINED_MEAN = np.array([123.68, 116.779, 103.939])


def convolutions(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == "Conv"]


def main() -> None:
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    model, trained = onnx.load(source / "model.onnx"), onnx.load(TRAINED)
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in trained.graph.initializer}
    # The trained file stores its kernels as float16, each followed by a Cast.
    stored_name = {node.output[0]: node.input[0] for node in trained.graph.node if node.op_type == "Cast"}
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    for index, (ours, node) in enumerate(zip(convolutions(model), convolutions(trained), strict=True)):
        kernel, bias = (stored[stored_name.get(name, name)].astype(np.float32) for name in node.input[1:])
        if index == 0:
            kernel = kernel[:, ::-1]
            bias = bias + kernel.sum((2, 3)) @ (255 * MEAN - TRAINED_MEAN)
            kernel = kernel * (255 * DEVIATION)[:, None, None]
        kernel, bias = (np.ascontiguousarray(array, np.float32) for array in (kernel, bias))
        assert list(kernel.shape) == list(tensors[ours.input[1]].dims), ours.name
        tensors[ours.input[1]].CopyFrom(numpy_helper.from_array(kernel, ours.input[1]))
        # The exported file has no biases, because they are zero.
        del ours.input[2:]
        ours.input.append(f"{ours.input[1]}.bias")
        model.graph.initializer.append(numpy_helper.from_array(bias, ours.input[2]))
    target.mkdir(parents=True)
    shutil.copy(source / "model.toml", target)
    onnx.save(model, target / "model.onnx")


main()
