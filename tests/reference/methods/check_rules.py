"""Compares the methods that have backward rules of their own with Captum and Zennit, in float64.

    cargo build --release
    python check_rules.py CONVSCOPE   (versions: captum 0.9.0, numpy 2.4.6, onnx 1.23.2, onnxruntime 1.32.0,
                                       pillow 13.0.0, torch 2.15.0, zennit 0.5.1)

Three kinds of networks with random weights (a VGG, a ResNet and a MobileNetV2, none of them with a square input) are
exported by torch.onnx. `CONVSCOPE explain` gives the attributions of two pictures and two classes. Each is compared
with the peer's. A figure is the largest difference, relative to the largest value. It must be at most 2e-4, or ten
times as much as the peer's own map moves in float32 when its weights are changed by 1e-7 of their size.

`CONVSCOPE gradient` gives the same graphs as ONNX files. They must pass onnx.checker, and ONNX Runtime must compute
the same attributions from them.
"""

import copy
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
import zennit.composites
from captum.attr import Deconvolution, DeepLift, GuidedBackprop, GuidedGradCam
from PIL import Image
from scipy.ndimage import uniform_filter1d
from torch import nn
from zennit.attribution import Gradient
from zennit.composites import LayerMapComposite, layer_map_base
from zennit.layer import Sum
from zennit.rules import Epsilon
from zennit.types import Linear

CLASSES, PICTURES = [1, 7], 2
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0]
TOLERANCE = 2e-4
warnings.filterwarnings("ignore")


class Add(nn.Module):
    """a + b, by a module that Zennit knows."""

    def __init__(self):
        super().__init__()
        self.sum = Sum()

    def forward(self, a, b):
        return a + b if torch.onnx.is_in_onnx_export() else self.sum(torch.stack([a, b], -1))


class Vgg(nn.Sequential):
    size, layer, value = (40, 56), 8, "/8/Relu_output_0"

    def __init__(self):
        def conv(inputs, outputs):
            return [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]

        def pool():
            return [nn.MaxPool2d(2)]

        features = [*conv(3, 8), *conv(8, 8), *pool(), *conv(8, 16), *conv(16, 16), *pool(), *conv(16, 24), *pool()]
        dense = [nn.Flatten(), nn.Linear(24 * 5 * 7, 48), nn.ReLU(), nn.Linear(48, 10)]
        super().__init__(*features, *dense)


class Block(nn.Module):
    """The basic block of a ResNet, its batch norms merged into the convolutions."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.shortcut = nn.Identity() if stride == 1 else nn.Conv2d(inputs, outputs, 1, stride)
        self.relu, self.add, self.last = nn.ReLU(), Add(), nn.ReLU()

    def forward(self, x):
        return self.last(self.add(self.shortcut(x), self.second(self.relu(self.first(x)))))


class ResNet(nn.Sequential):
    size, layer, value = (48, 40), 4, "/4/last/Relu_output_0"

    def __init__(self, pool=True):
        super().__init__(
            nn.Conv2d(3, 12, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1) if pool else nn.Identity(),
            Block(12, 12, 1), Block(12, 24, 2), Block(24, 24, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
            nn.Linear(24, 10))


class Bottleneck(nn.Module):
    """The inverted residual of MobileNetV2."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        hidden = 3 * inputs
        self.body = nn.Sequential(
            nn.Conv2d(inputs, hidden, 1), nn.ReLU6(), nn.Conv2d(hidden, hidden, 3, stride, 1, groups=hidden),
            nn.ReLU6(), nn.Conv2d(hidden, outputs, 1))
        self.add = Add() if stride == 1 and inputs == outputs else None

    def forward(self, x):
        return self.body(x) if self.add is None else self.add(x, self.body(x))


class MobileNet(nn.Sequential):
    size = (48, 64)

    def __init__(self):
        super().__init__(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU6(), Bottleneck(8, 8, 1), Bottleneck(8, 12, 2), Bottleneck(12, 12, 1),
            nn.Conv2d(12, 32, 1), nn.ReLU6(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10))


NETWORKS = {"vgg": Vgg, "resnet": ResNet, "resnet_unpooled": lambda: ResNet(False), "mobilenet": MobileNet}


def made(name):
    """A network whose activations keep their size, with weights as the ONNX file has them."""
    torch.manual_seed(3)
    network = NETWORKS[name]().eval()
    for module in network.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.normal_(module.bias, std=0.3)
    return network


def exported(network, folder):
    x = torch.zeros(1, 3, *network.size)
    torch.onnx.export(network, (x,), folder / "model.onnx", input_names=["x"], output_names=["logits"], dynamo=False)
    lines = [f"size = {list(network.size)}", 'color = "rgb"', "scale = 1.0", f"mean = {MEAN}", f"std = {STD}"]
    (folder / "model.toml").write_text("\n".join(["[input]", *lines, "", "[output]", 'activation = "softmax"', ""]))


def pictures(size):
    generator = np.random.default_rng(5)
    for _ in range(PICTURES):
        coarse = Image.fromarray(generator.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        yield np.asarray(coarse.resize(size[::-1], Image.Resampling.BICUBIC))


def tensor(pixels, dtype):
    x = torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1)
    x = (x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    return x[None].to(dtype)


def by_zennit(composite):
    def attribute(network, x, target):
        with Gradient(model=network, composite=composite(x)) as attributor:
            start = lambda z: torch.eye(z.shape[1], dtype=z.dtype)[[target]] * z
            _, relevance = attributor(x, start)
        return relevance
    return attribute


def box(x):
    ends = [torch.tensor([(level - m) / s for m, s in zip(MEAN, STD)], dtype=x.dtype) for level in (0, 255)]
    return zennit.composites.EpsilonGammaBox(*(end[None, :, None, None] for end in ends))


def by_hooks(rule):
    """A rule for every ReLU and ReLU6. Captum replaces those of ReLU alone."""
    def attribute(network, x, target):
        relus = [module for module in network.modules() if isinstance(module, (nn.ReLU, nn.ReLU6))]
        hooks = [relu.register_full_backward_hook(lambda _, to, of: (rule(to[0], of[0]),)) for relu in relus]
        gradient, = torch.autograd.grad(network(x)[0, target], x)
        [hook.remove() for hook in hooks]
        return gradient
    return attribute


def by_captum(method, **parameters):
    return lambda network, x, target: method(network).attribute(x, target=target, **parameters)


def guided_gradcam(network, x, target):
    explainer = GuidedGradCam(network, network[network.layer])
    return explainer.attribute(x, target=target, interpolate_mode="bilinear")


def blurred(x):
    """Three box filters along each side, as `baseline=blur`."""
    deviation = max(x.shape[2:]) / 16
    radius = round((deviation**2 + 0.25)**0.5 - 0.5)
    values = x.detach().double().numpy()
    for axis in (2, 3):
        for _ in range(3):
            values = uniform_filter1d(values, 2 * radius + 1, axis=axis, mode="nearest")
    return torch.tensor(values, dtype=x.dtype)


class Slope(torch.autograd.Function):
    """The rescale rule for an activation or a maximum pool, from the values at the baseline."""

    @staticmethod
    def forward(ctx, x, x0, module):
        ctx.values, ctx.module = (x, x0), module
        return module.forward(x)

    @staticmethod
    def backward(ctx, g):
        x, x0 = ctx.values
        module, change = ctx.module, x - x0
        with torch.enable_grad():
            gradient, = torch.autograd.grad(module.forward(x.requires_grad_()), x, g)
        if isinstance(module, nn.MaxPool2d):
            (y, at), (y0, at0) = (nn.functional.max_pool2d(
                v, module.kernel_size, module.stride, module.padding, return_indices=True) for v in (x, x0))
            larger = torch.maximum(y, y0)
            gain = torch.zeros_like(x).flatten(2)
            gain.scatter_add_(2, at.flatten(2), (g * (larger - y0)).flatten(2))
            gain.scatter_add_(2, at0.flatten(2), (g * (y - larger)).flatten(2))
            gain = gain.reshape(x.shape)
        else:
            gain = g * (module.forward(x) - module.forward(x0))
        return torch.where(change.abs() < 1e-10, gradient, gain / change), None, None


def rescale(network, x, target):
    """DeepLIFT. Captum's is not complete where a maximum pool follows a ReLU: its own convergence delta says so."""
    at_baseline, start = {}, blurred(x)
    kinds = (nn.ReLU, nn.ReLU6, nn.MaxPool2d)
    modules = [module for module in network.modules() if isinstance(module, kinds)]
    hooks = [module.register_forward_hook(lambda module, v, _: at_baseline.update({module: v[0]})) for module in modules]
    with torch.no_grad():
        network(start)
    [hook.remove() for hook in hooks]
    hooks = [module.register_forward_hook(lambda module, v, _: Slope.apply(v[0], at_baseline[module], module))
             for module in modules]
    multipliers, = torch.autograd.grad(network(x)[0, target], x)
    [hook.remove() for hook in hooks]
    return (x - start) * multipliers


def deeplift(network, x, target):
    if any(isinstance(module, (nn.MaxPool2d, nn.ReLU6)) for module in network.modules()):
        return rescale(network, x, target)
    found = DeepLift(network).attribute(x, blurred(x), target=target)
    assert torch.allclose(found, rescale(network, x, target), atol=1e-6 * found.abs().max().item())
    return found


def epsilon(_):
    return LayerMapComposite(layer_map_base() + [(Linear, Epsilon())])


METHODS = {
    "guided_backprop": (by_captum(GuidedBackprop), {}),
    "deconvnet": (by_captum(Deconvolution), {}),
    "guided_gradcam": (guided_gradcam, {}),
    "deeplift": (deeplift, {"baseline": "blur"}),
    "lrp/epsilon": (by_zennit(epsilon), {}),
    "lrp/epsilon_plus": (by_zennit(lambda _: zennit.composites.EpsilonPlus()), {}),
    "lrp/epsilon_plus_flat": (by_zennit(lambda _: zennit.composites.EpsilonPlusFlat()), {}),
    "lrp/epsilon_gamma_box": (by_zennit(box), {}),
    "lrp/epsilon_alpha2_beta1": (by_zennit(lambda _: zennit.composites.EpsilonAlpha2Beta1()), {}),
}
OF_RELU6 = {
    "guided_backprop": by_hooks(lambda to, of: to * (of > 0)),
    "deconvnet": by_hooks(lambda _, of: of.clamp(min=0)),
}


def attributions(peer, network, x, target):
    network, x = copy.deepcopy(network).to(x.dtype), x.clone().requires_grad_()
    return peer(network, x, target)[0].detach().double().numpy()


def error(found, expected):
    return np.abs(found - expected).max() / np.abs(expected).max()


def shaken(network, generator):
    network = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.from_numpy(generator.standard_normal(parameter.shape)).float()
            parameter.add_(noise * 1e-7 * parameter.abs().max())
    return network


def command(*arguments):
    done = subprocess.run([str(argument) for argument in arguments], stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)


def by_onnxruntime(convscope, folder, rules, x, target):
    """What the gradient graph gives in ONNX Runtime."""
    path = folder / "graphs" / "gradient.onnx"
    path.parent.mkdir(exist_ok=True)
    command(convscope, "gradient", folder / "model.onnx", "--layer", "input", "--rules", rules, "-o", path)
    onnx.checker.check_model(str(path), full_check=True)
    gradient = onnxruntime.InferenceSession(path)
    model = onnx.load(folder / "model.onnx")
    references = {"": x, "baseline/": blurred(torch.tensor(x)).numpy()}
    for prefix, of in (("low/", min), ("high/", max)):
        ends = [of((0 - m) / s, (255 - m) / s) for m, s in zip(MEAN, STD)]
        references[prefix] = np.broadcast_to(np.float32(ends)[:, None, None], x.shape[1:])[None]
    prefixes = [prefix for prefix in references if prefix]
    plain = {name: "" for name in (value.name for value in gradient.get_inputs()) if name != "seed"}
    plain = {name: next((p for p in prefixes if name.startswith(p)), "") for name in plain}
    there = {"x", *(value.name for value in model.graph.output)}
    for name in {name.removeprefix(prefix) for name, prefix in plain.items()} - there:
        model.graph.output.append(onnx.ValueInfoProto(name=name))
    forward = onnxruntime.InferenceSession(model.SerializeToString())
    outputs = [value.name for value in forward.get_outputs()]
    values = {prefix: dict(zip(outputs, forward.run(None, {"x": np.ascontiguousarray(at, np.float32)})))
              | {"x": np.ascontiguousarray(at, np.float32)} for prefix, at in references.items()}
    feed = {name: values[prefix][name.removeprefix(prefix)] for name, prefix in plain.items()}
    feed["seed"] = np.zeros((1, 10), np.float32)
    feed["seed"][0, target] = values[""]["logits"][0, target] if rules.startswith("lrp") else 1
    found, = gradient.run(None, feed)
    return (found * (x - references["baseline/"] if rules == "deeplift" else 1))[0].astype(np.float64)


def check(convscope, name, folder):
    network, generator, failed = made(name), np.random.default_rng(11), 0
    exported(network, folder)
    for method, (peer, parameters) in METHODS.items():
        if name == "resnet_unpooled" and method != "deeplift":
            continue
        if name == "mobilenet":
            if method == "guided_gradcam":
                continue
            peer = OF_RELU6.get(method, peer)
        short, _, composite = method.partition("/")
        parameters = {**parameters, **({"composite": composite} if composite else {})}
        if method == "guided_gradcam":
            parameters["layer"] = network.value
        worst, allowed, by_runtime = 0, TOLERANCE, 0
        for pixels in pictures(network.size):
            Image.fromarray(pixels).save(folder / "picture.png")
            for target in CLASSES:
                options = [part for key, value in parameters.items() for part in (f"--{key}", value)]
                command(convscope, "explain", folder / "model.onnx", folder / "picture.png", "--method", short,
                        "--class", target, "--score", "logit", *options, "-o", folder / "map.npz")
                found = np.load(folder / "map.npz")[f"{short}/{target}/channels"]
                expected = attributions(peer, network, tensor(pixels, torch.float64), target)
                single = tensor(pixels, torch.float32)
                moved = attributions(peer, shaken(network, generator), single, target)
                worst = max(worst, error(found, expected))
                allowed = max(allowed, 10 * error(moved, attributions(peer, network, single, target)))
                if method != "guided_gradcam":
                    rules = method.replace("/", "_")
                    run = by_onnxruntime(convscope, folder, rules, single.numpy(), target)
                    by_runtime = max(by_runtime, error(run, found))
        passes = worst <= allowed and by_runtime <= allowed
        failed += not passes
        print(f"{name:16} {method:26} {worst:7.0e} of {allowed:7.0e}, ONNX Runtime {by_runtime:7.0e}"
              f"{'' if passes else '  FAILED'}", flush=True)
    return failed


def main():
    convscope, failed = Path(sys.argv[1]).resolve(), 0
    for name in NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            failed += check(convscope, name, Path(folder))
    sys.exit(f"{failed} failed" if failed else 0)


if __name__ == "__main__":
    main()
