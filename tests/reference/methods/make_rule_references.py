"""Makes the maps of the methods with backward rules of their own, for tests/attribution/reference.rs.

The network and the picture are those of make_references.py. Captum and Zennit compute the maps of the logit in float64.

    python make_rule_references.py   (versions: as in check_rules.py)
"""

import copy

import numpy as np
import onnx
import torch
from check_rules import METHODS, Add, attributions
from make_references import CLASS, CLASSES, HEIGHT, HERE, MEAN, STD, WIDTH
from onnx import numpy_helper
from PIL import Image
from torch import nn


class Network(nn.Module):
    """The network of make_references.py as modules, each of which is used once."""

    def __init__(self):
        super().__init__()
        self.first, self.first_relu, self.pool = nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        self.second, self.second_relu = nn.Conv2d(6, 8, 3, padding=1), nn.ReLU()
        self.third, self.add, self.block = nn.Conv2d(8, 8, 3, padding=1), Add(), nn.ReLU()
        self.average, self.flatten = nn.AvgPool2d(2), nn.Flatten()
        self.hidden, self.hidden_relu = nn.Linear(8 * (HEIGHT // 4) * (WIDTH // 4), 32), nn.ReLU()
        self.logits = nn.Linear(32, CLASSES)
        self.layer = "block"

    def __getitem__(self, name):
        return getattr(self, name)

    def forward(self, x):
        x = self.second_relu(self.second(self.pool(self.first_relu(self.first(x)))))
        x = self.flatten(self.average(self.block(self.add(x, self.third(x)))))
        return self.logits(self.hidden_relu(self.hidden(x)))


def main():
    stored = {tensor.name: numpy_helper.to_array(tensor)
              for tensor in onnx.load(HERE / "network" / "model.onnx").graph.initializer}
    network = Network().eval()
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            layer, kind = name.split(".")
            parameter.copy_(torch.tensor(stored[f"{layer}/{kind[0]}"]))
    pixels = np.asarray(Image.open(HERE / "picture.png"))
    x = torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1) - torch.tensor(MEAN)[:, None, None]
    x = (x / torch.tensor(STD)[:, None, None])[None]
    maps = {method: attributions(peer, copy.deepcopy(network), x, CLASS) for method, (peer, _) in METHODS.items()}
    np.savez_compressed(HERE / "rule_maps.npz", **{name: map.astype(np.float32) for name, map in maps.items()})


if __name__ == "__main__":
    main()
