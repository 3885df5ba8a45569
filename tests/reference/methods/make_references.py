"""Makes the network, the picture and the maps of tests/attribution/reference.rs.

The network has random weights, two convolutions, a residual block and two dense layers, and an input that is not
square. The maps are computed in float64: by Captum, and where Captum has no such method, by the paper's formula with
forward hooks.
The maps of methods of chance are means over many samples.

    python make_references.py   (versions: captum 0.9.0, numpy 2.4.6, onnx 1.23.2, pillow 13.0.0, torch 2.15.0)
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from captum.attr import GradientShap, InputXGradient, IntegratedGradients, Occlusion, Saliency, ShapleyValues
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
HEIGHT, WIDTH, CLASSES = 20, 24, 4
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0]
CLASS = 2
SAMPLES = 40_000
NOISE, CELLS = 0.15, 7


class Network(nn.Module):
    """Two convolutions, a residual block and two dense layers. `block` is the layer that is explained."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1)
        self.second = nn.Conv2d(6, 8, 3, padding=1)
        self.third = nn.Conv2d(8, 8, 3, padding=1)
        self.hidden = nn.Linear(8 * (HEIGHT // 4) * (WIDTH // 4), 32)
        self.logits = nn.Linear(32, CLASSES)
        self.block = nn.Identity()

    def forward(self, x):
        x = functional.max_pool2d(functional.relu(self.first(x)), 2)
        x = functional.relu(self.second(x))
        x = self.block(functional.relu(x + self.third(x)))
        x = functional.avg_pool2d(x, 2).flatten(1)
        return self.logits(functional.relu(self.hidden(x)))


def write_onnx(network, path):
    """The same network as an ONNX file whose batch axis is free."""
    weights = {name.replace(".weight", "/w").replace(".bias", "/b"): value.float().numpy()
               for name, value in network.state_dict().items()}
    conv = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}
    pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        helper.make_node("Conv", ["x", "first/w", "first/b"], ["first"], **conv),
        helper.make_node("Relu", ["first"], ["first_relu"]),
        helper.make_node("MaxPool", ["first_relu"], ["pool"], **pool),
        helper.make_node("Conv", ["pool", "second/w", "second/b"], ["second"], **conv),
        helper.make_node("Relu", ["second"], ["second_relu"]),
        helper.make_node("Conv", ["second_relu", "third/w", "third/b"], ["third"], **conv),
        helper.make_node("Add", ["second_relu", "third"], ["sum"]),
        helper.make_node("Relu", ["sum"], ["block"]),
        helper.make_node("AveragePool", ["block"], ["average"], **pool),
        helper.make_node("Flatten", ["average"], ["flat"], axis=1),
        helper.make_node("Gemm", ["flat", "hidden/w", "hidden/b"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["hidden_relu"]),
        helper.make_node("Gemm", ["hidden_relu", "logits/w", "logits/b"], ["logits"], transB=1),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 3, HEIGHT, WIDTH])
    y = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES])
    stored = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    graph = helper.make_graph(nodes, "network", [x], [y], stored)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def picture():
    """Smooth random colours."""
    coarse = torch.rand(1, 3, 5, 6, dtype=torch.float64)
    smooth = functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic", align_corners=False)
    return (smooth[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()


def cells(grid):
    """The index of the cell of each pixel, for Captum."""
    row, column = torch.arange(HEIGHT) * grid // HEIGHT, torch.arange(WIDTH) * grid // WIDTH
    return (row[:, None] * grid + column).expand(1, 3, HEIGHT, WIDTH).contiguous()


def from_layer(network, x, alter):
    """The logits where the layer's value is what `alter` makes of it. `alter` gives a batch."""
    hook = network.block.register_forward_hook(lambda _, __, value: alter(value))
    try:
        return network(x)
    finally:
        hook.remove()


def masks(count):
    """The masks of RISE: random cells, enlarged bilinearly, cut out at a random place."""
    cell = [-(-side // CELLS) for side in (HEIGHT, WIDTH)]
    grid = (torch.rand(count, 1, CELLS, CELLS, dtype=torch.float64) < 0.5).double()
    size = [(CELLS + 1) * side for side in cell]
    large = functional.interpolate(grid, size, mode="bilinear", align_corners=False)[:, 0]
    top, left = (torch.randint(0, side, (count,)).tolist() for side in cell)
    return torch.stack([mask[t:t + HEIGHT, l:l + WIDTH] for mask, t, l in zip(large, top, left)])


def maps(network, x, score):
    """Every map of one score, by the name of the method."""
    def of(logits):
        return (functional.softmax(logits, 1) if score == "probability" else logits)[:, CLASS]

    def forward(x):
        return of(network(x))

    found = {
        "saliency": Saliency(forward).attribute(x)[0],
        "input_x_gradient": InputXGradient(forward).attribute(x)[0],
        "integrated_gradients": IntegratedGradients(forward).attribute(x, n_steps=50, method="gausslegendre")[0],
        "occlusion": Occlusion(forward).attribute(x, (3, 5, 5), (3, 3, 3), baselines=0)[0, 0],
    }
    # Captum gives every pixel the value of its cell.
    found["kernel_shap"] = ShapleyValues(forward).attribute(x, feature_mask=cells(2))[0, 0] * 4 / HEIGHT / WIDTH
    with torch.no_grad():
        value = []
        from_layer(network, x, lambda a: value.append(a) or a)
        activations, own = value[0][0], forward(x)
        channels, height, width = activations.shape
        ablated = activations.repeat(channels, 1, 1, 1)
        ablated[range(channels), range(channels)] = 0
        weights = (own - of(from_layer(network, x, lambda _: ablated))) / own.abs()
        found["ablationcam"] = torch.einsum("k,kij->ij", weights, activations)
        positions = torch.eye(height * width, dtype=torch.float64).reshape(-1, 1, height, width)
        alone = of(from_layer(network, x, lambda _: activations * positions))
        found["reciprocam"] = alone.reshape(height, width)
        # Score-CAM as in the authors' code: enlarged, scaled, softmax over the logits.
        large = functional.interpolate(activations[None], (HEIGHT, WIDTH), mode="bilinear", align_corners=False)[0]
        low, high = large.amin((1, 2), keepdim=True), large.amax((1, 2), keepdim=True)
        varying = activations.flatten(1).amax(1) > activations.flatten(1).amin(1)
        scaled = ((large - low) / (high - low))[varying]
        weights = functional.softmax(network(x * scaled[:, None])[:, CLASS], 0)
        found["scorecam"] = torch.einsum("k,kij->ij", weights, activations[varying])
        drawn = masks(SAMPLES)
        scores = torch.cat([forward(x * part[:, None]) for part in drawn.split(1000)])
        found["rise"] = torch.einsum("n,nij->ij", scores, drawn) / SAMPLES / 0.5
    deviation = NOISE * (x.max() - x.min())
    total, squares = torch.zeros_like(x[0]), torch.zeros_like(x[0])
    for _ in range(SAMPLES // 1000):
        noisy = (x + deviation * torch.randn(1000, *x.shape[1:], dtype=torch.float64)).requires_grad_()
        gradient, = torch.autograd.grad(forward(noisy).sum(), noisy)
        total += gradient.sum(0)
        squares += (gradient**2).sum(0)
    found["smoothgrad"] = total / SAMPLES
    found["smoothgrad_squared"] = squares / SAMPLES
    found["vargrad"] = squares / SAMPLES - (total / SAMPLES)**2
    levels = torch.cat([(level - torch.tensor(MEAN)) / torch.tensor(STD) for level in (0.0, 255.0)])
    levels = torch.cat([levels, x.mean((0, 2, 3))]).double().reshape(3, 3, 1, 1).expand(3, *x.shape[1:])
    sums = torch.zeros_like(x[0])
    for _ in range(SAMPLES // 1000):
        sums += GradientShap(forward).attribute(x, levels, n_samples=1000, stdevs=0.0)[0]
    found["expected_gradients"] = sums / (SAMPLES // 1000)
    return {f"{score}/{name}": map.detach().numpy() for name, map in found.items()}


def main():
    torch.manual_seed(1)
    network = Network().double()
    with torch.no_grad():
        for parameter in network.parameters():
            # Larger than PyTorch's initial weights, and rounded as the ONNX file has them.
            parameter.copy_((parameter * 1.7).float().double())
    folder = HERE / "network"
    folder.mkdir(exist_ok=True)
    write_onnx(network, folder / "model.onnx")
    pixels = picture()
    Image.fromarray(pixels).save(HERE / "picture.png")
    x = (torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1) - torch.tensor(MEAN)[:, None, None])
    x = (x / torch.tensor(STD)[:, None, None])[None]
    print("probabilities", functional.softmax(network(x), 1).tolist())
    found = {}
    for score in ("probability", "logit"):
        found |= maps(network, x, score)
    np.savez_compressed(HERE / "maps.npz", **{name: map.astype(np.float32) for name, map in found.items()})


if __name__ == "__main__":
    main()
