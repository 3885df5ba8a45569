"""Makes the pictures of tests/filters: the code of *Deep Learning with Python* 5.4.2 in PyTorch.

The weights are those of the models in models/. The start is the same for every channel. The pictures are those of the
network's part up to the layer, at 64 × 64, after 40 steps.

    python make_references.py   (versions: numpy 2.4.6, onnx 1.23.2, pillow 13.0.0, torch 2.15.0)
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image
from torch.nn import functional

HERE = Path(__file__).parent
MODELS = HERE.parents[2] / "models"
SIZE, STEPS = 64, 40
CASES = {
    "vgg16_cats_dogs": [("block1_conv1", 3), ("block3_conv1", 0), ("block3_conv1", 17), ("block4_conv1", 5)],
    "cats_and_dogs_small_1": [("conv2d_1", 2)],
}


def weights(model):
    """Kernel and bias of each convolution, in the order of the graph, as float32."""
    graph = onnx.load(MODELS / model / "model.onnx").graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    casts = {node.output[0]: node.input[0] for node in graph.node if node.op_type in ("Cast", "Identity")}

    def read(name):
        while name not in stored:
            name = casts[name]
        return torch.from_numpy(stored[name].astype(np.float32))

    return [[read(name) for name in node.input[1:3]] for node in graph.node if node.op_type == "Conv"]


def layers(model):
    """Name, convolution, padding, and whether a pool comes before it."""
    convolutions = weights(model)
    if model == "cats_and_dogs_small_1":
        return [(f"conv2d_{i + 1}", *convolutions[i], 0, i > 0) for i in range(4)]
    named = [(block, index) for block, count in enumerate([2, 2, 3, 3, 3], 1) for index in range(1, count + 1)]
    return [(f"block{block}_conv{index}", *convolutions[i], 1, index == 1 and block > 1)
            for i, (block, index) in enumerate(named)]


def output(x, network, wanted):
    for name, kernel, bias, padding, pools in network:
        x = functional.max_pool2d(x, 2) if pools else x
        x = functional.relu(functional.conv2d(x, kernel, bias, padding=padding))
        if name == wanted:
            return x
    raise KeyError(wanted)


def deprocess(x):
    x = x - x.mean()
    x = x / (x.std() + 1e-5) * 0.1 + 0.5
    return (np.clip(x, 0, 1) * 255).clip(0, 255).astype("uint8")


def pattern(network, layer, channel, start):
    x = start.copy()
    for _ in range(STEPS):
        tensor = torch.from_numpy(x.transpose(2, 0, 1)[None].astype(np.float32)).requires_grad_()
        loss = output(tensor, network, layer)[:, channel].mean()
        gradient = torch.autograd.grad(loss, tensor)[0]
        gradient = gradient / (torch.sqrt(torch.mean(torch.square(gradient))) + 1e-5)
        x += gradient[0].numpy().transpose(1, 2, 0)
    return deprocess(x)


def main():
    start = np.random.default_rng(0).random((SIZE, SIZE, 3), dtype=np.float32) * np.float32(20) + np.float32(128)
    np.save(HERE / "start.npy", start)
    for model, cases in CASES.items():
        network = layers(model)
        for layer, channel in cases:
            Image.fromarray(pattern(network, layer, channel, start.astype(np.float64))).save(
                HERE / f"{model}.{layer}.{channel}.png")


if __name__ == "__main__":
    main()
