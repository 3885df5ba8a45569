"""Small networks as PyTorch's two exporters write them, with the output of every module.

    python tests/reference/models/make_torch.py

writes for each exporter `<name>.onnx` and `<name>.npz`. The archive has the input, and under each
module's path what a forward hook saw at the module's last call. Written with torch 2.15 and
onnxscript 0.7.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

FOLDER = Path(__file__).parent


class Block(nn.Module):
    """A residual block that calls one ReLU twice, as torchvision's BasicBlock does."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        return self.relu(x + self.bn2(self.conv2(y)))


class Gate(nn.Module):
    """A squeeze-and-excitation gate in a container, as torchvision's MobileNetV3 has it."""

    def __init__(self, channels):
        super().__init__()
        self.block = nn.Sequential(
            nn.Sequential(nn.Conv2d(channels, channels, 1), nn.Hardswish()),
            nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, channels, 1), nn.Sigmoid()),
        )

    def forward(self, x):
        y = self.block[0](x)
        return x + y * self.block[1](y)


class Network(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.SiLU())
        self.pool = nn.MaxPool2d(2)
        self.layer1 = nn.Sequential(Block(4), Block(4))
        self.features = nn.Sequential(Gate(4))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4, 5)

    def forward(self, x):
        x = self.features(self.layer1(self.pool(self.stem(x))))
        return self.fc(torch.flatten(self.avgpool(x), 1))


def drop_stack_traces(path):
    """Removes the stack traces, which hold the paths of the exporting machine."""
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if "stack_trace" not in entry.key]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


def main():
    torch.manual_seed(7)
    network = Network().eval()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.running_mean, -0.5, 0.5)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    picture = torch.rand(1, 3, 16, 16)
    outputs = {"input": picture.numpy()}
    hooks = []
    for name, module in network.named_modules():
        if name:
            hook = lambda *call, name=name: outputs.update({name: call[2].numpy().copy()})
            hooks.append(module.register_forward_hook(hook))
    with torch.no_grad():
        network(picture)
    for hook in hooks:
        hook.remove()
    np.savez_compressed(FOLDER / "torch.npz", **outputs)
    for name, dynamo in [("torch_dynamo", True), ("torch_torchscript", False)]:
        path = FOLDER / f"{name}.onnx"
        if dynamo:
            torch.onnx.export(network, picture, path, dynamo=True, external_data=False, verbose=False)
            drop_stack_traces(path)
        else:
            torch.onnx.export(network, picture, path, dynamo=False)


if __name__ == "__main__":
    main()
