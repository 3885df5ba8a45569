"""Makes the maps of tests/attribution/fullgrad.rs: FullGrad of the networks and pictures of ../cams, in float64.

`bias_products` is the decomposition of the authors' program (idiap/fullgrad-saliency): the gradient at the output of
every convolution and dense layer, by a hook, times its bias. The networks are those of the ONNX files: their batch
normalisations are merged into the convolutions. `fullgrad` is the authors' map, with two differences: nothing is added
to the denominator (the program adds 1e-6), and maps are enlarged with the pixels' areas aligned, as OpenCV does (the
program aligns the corners). `channel` scales each channel by itself, as pytorch-grad-cam does.

The script also prints how far this is from the peers: the correlation with the authors' map as it is, and with
pytorch-grad-cam's FullGrad, with which `channel` must agree. (It pairs the biases, in the order of definition, with
the gradients, in the order of execution. This has no effect, because the size of a bias cancels where each channel
is scaled by itself.) It also prints what the products lack of the logit. A ReLU6 above 6 adds 6, which is no bias
of a layer, so the products of the MobileNetV2 need not sum to the logit.

`tolerance` of each map is ten times what the map in float32 moves when the weights are moved by 1e-7 of the largest, as
a part of the largest value.

    python make_references.py   (versions: grad-cam 1.5.7, numpy 2.4.6, onnx 1.23.2, pillow 13.0.0, torch 2.15.0,
                                 torchvision 0.29.2)
"""

import copy
import sys
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from PIL import Image
from pytorch_grad_cam import FullGrad
from torch import nn
from torch.nn import functional

HERE = Path(__file__).parent
CAMS = HERE.parent / "cams"
sys.path.insert(0, str(CAMS))
from make_references import EXPLAINED, MEAN, STD, Mobilenet, Resnet, Vgg, shaken  # noqa: E402


def without_norms(module):
    """Every batch normalisation is part of the convolution before it."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, nn.Identity())
        without_norms(child)
    return module


def of_file(make):
    """The network with the weights of its ONNX file."""
    network = without_norms(make())
    model = onnx.load(CAMS / make.__name__.lower() / "model.onnx")
    stored = {tensor.name.removeprefix("network."): numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    own = set(network.state_dict())
    network.load_state_dict({name: torch.tensor(value) for name, value in stored.items() if name in own})
    return network.eval()


def bias_products(network, x, number):
    """The logit, x ⊙ ∂s/∂x, and b ⊙ ∂s/∂b of every layer."""
    outputs = []
    layers = [module for module in network.modules() if isinstance(module, (nn.Conv2d, nn.Linear))]
    hooks = [layer.register_forward_hook(lambda layer, _, y: outputs.append((layer, y))) for layer in layers]
    x = x.clone().requires_grad_()
    logit = network(x)[0, number]
    gradients = torch.autograd.grad(logit, [x, *(y for _, y in outputs)])
    for hook in hooks:
        hook.remove()
    products = [gradients[0] * x]
    for (layer, y), gradient in zip(outputs, gradients[1:]):
        products.append(gradient * layer.bias.view(1, -1, *[1] * (y.dim() - 2)))
    return logit.item(), [product.detach() for product in products]


def rescaled(products, by_channel, epsilon=0.0):
    magnitudes = products.abs()
    axes = (2, 3) if by_channel else (1, 2, 3)
    least, greatest = magnitudes.amin(axes, keepdim=True), magnitudes.amax(axes, keepdim=True)
    spread = greatest - least
    return torch.where(spread > 0, (magnitudes - least) / (spread + epsilon), 0)


def fullgrad(network, x, number, by_channel=False, epsilon=0.0, align_corners=False):
    total = 0
    for products in bias_products(network, x, number)[1]:
        if products.dim() == 4:
            maps = rescaled(products, by_channel, epsilon)
            size = x.shape[2:]
            total += functional.interpolate(maps, size, mode="bilinear", align_corners=align_corners).sum(1)
    return total[0].numpy()


def by_pytorch_grad_cam(network, x, number):
    """Its map, before it is scaled."""
    cam = FullGrad(network, [])
    found = []
    original = cam.compute_cam_per_layer
    cam.compute_cam_per_layer = lambda *given: found.append(original(*given)) or found[0]
    cam(input_tensor=x.clone(), targets=[lambda logits: logits[number]])
    cam.activations_and_grads.release()
    return found[0][0, 0]


def correlation(a, b):
    return np.corrcoef(np.ravel(a), np.ravel(b))[0, 1]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(7)
    inputs = []
    for index in range(2):
        pixels = torch.tensor(np.asarray(Image.open(CAMS / f"{index}.png")), dtype=torch.float64).permute(2, 0, 1)
        inputs.append(((pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None])[None].double())
    found = {}
    for make in (Vgg, Resnet, Mobilenet):
        single = of_file(make)
        double, moved = copy.deepcopy(single).double(), shaken(single)
        name = make.__name__.lower()
        sums, logits = np.zeros((2, len(inputs), len(EXPLAINED)))
        for i, x in enumerate(inputs):
            for j, number in enumerate(EXPLAINED):
                logits[i, j], products = bias_products(double, x, number)
                sums[i, j] = sum(product.sum().item() for product in products)
        found[f"{name}/sums"], found[f"{name}/logits"] = sums, logits
        print(name, "residues of the logits", logits.ravel(), (logits - sums).ravel())
        for by_channel, key in ((False, "layer"), (True, "channel")):
            def maps(network, dtype):
                return np.array([[fullgrad(network, x.to(dtype), number, by_channel) for number in EXPLAINED]
                                 for x in inputs])

            exact = maps(double, torch.float64)
            move = np.abs(maps(moved, torch.float32) - maps(single, torch.float32)).max() / np.abs(exact).max()
            found[f"{name}/{key}"] = exact.astype(np.float32)
            found[f"tolerance/{name}/{key}"] = np.float32(10 * move)
            print(name, key, f"moves by {move:.1e}")
        x, number = inputs[0], EXPLAINED[0]
        authors = fullgrad(double, x, number, epsilon=1e-6, align_corners=True)
        peer = by_pytorch_grad_cam(double, x, number)
        by_channel = found[f"{name}/channel"][0, 0]
        print(name, "correlation with the authors' map", correlation(authors, found[f"{name}/layer"][0, 0]))
        print(name, "correlation with pytorch-grad-cam's", correlation(peer, by_channel), "by channel,",
              correlation(peer, found[f"{name}/layer"][0, 0]), "by layer")
        assert np.abs(peer - by_channel).max() < 1e-3 * np.abs(by_channel).max()
    np.savez_compressed(HERE / "maps.npz", **found)


if __name__ == "__main__":
    main()
