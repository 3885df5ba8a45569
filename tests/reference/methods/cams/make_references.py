"""Makes the networks, the pictures and the maps of tests/attribution/cam_reference.rs.

Four small networks with random weights and an input that is not square: a VGG, a ResNet with basic blocks, a
MobileNetV2 whose linear bottlenecks have negative values, and a Swin transformer without shifted windows, whose layers
are channels-last. Each is explained at a middle and at its last layer, for two pictures, two classes, the logit and the
probability. The maps are those of pytorch-grad-cam in float64, before its ReLU and scaling, with these exceptions:

- gradcam++: pytorch-grad-cam adds 1e-6 to the denominator of equation 19, which makes the map depend on the scale of
  the score. Here nothing is added. For the probability the derivation's S is its log-odds.
- eigencam and eigengradcam: pytorch-grad-cam centres the channels. Those maps are `eigencam/center` and
  `eigengradcam/center`. The maps that are not centred, and `layercam/eigen_smooth`, are from NumPy's SVD.
- finercam: pytorch-grad-cam's Grad-CAM of the logit less 0.6 times the mean logit of the 3 nearest classes, as in
  torchcam. pytorch-grad-cam weights the classes by their probability instead.
- layercam/aug_smooth: pytorch-grad-cam scales the maps of the altered inputs before it takes their mean. Here the mean
  is of its maps before scaling.
- The sign of a principal component is arbitrary and is chosen here so that it agrees with the mean over channels.

`tolerance` of each map is ten times what the peer's own map in float32 moves when the weights are moved by 1e-7 of the
largest, as a part of the largest value. HiResCAM of the Swin transformer's last layer moves by 14 %: a normalisation
follows the layer, and along its channels the gradient of a normalisation is orthogonal to the activations, so the map
is the rest of a sum that nearly cancels. That map is not compared.

    python make_references.py   (versions: grad-cam 1.5.7, numpy 2.4.6, onnx 1.23.2, pillow 13.0.0, torch 2.15.0,
                                 torchvision 0.29.2)
"""

import copy
from pathlib import Path

import numpy as np
import onnx
import torch
from PIL import Image
from pytorch_grad_cam import (FEM, EigenCAM, EigenGradCAM, GradCAM, GradCAMElementWise, GradCAMPlusPlus, HiResCAM,
                              LayerCAM, XGradCAM)
from torch import nn
from torch.nn import functional
from torchvision.models import SwinTransformer

HERE = Path(__file__).parent
HEIGHT, WIDTH, CLASSES = 32, 48, 5
EXPLAINED = [1, 3]
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0]
CARD = f"""[input]
size = [{HEIGHT}, {WIDTH}]
color = "rgb"
scale = 1.0
mean = {MEAN}
std = {STD}

[output]
activation = "softmax"
"""


def conv(inputs, outputs, stride=1, kernel=3, groups=1):
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups)


class Vgg(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(conv(3, 6), nn.ReLU(), nn.MaxPool2d(2), nn.MaxPool2d(2))
        self.middle = nn.Sequential(conv(6, 8), nn.ReLU())
        self.last = nn.Sequential(nn.MaxPool2d(2), conv(8, 8), nn.ReLU())
        self.head = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(48, 16), nn.ReLU(), nn.Linear(16, CLASSES))

    def forward(self, x):
        return self.head(self.last(self.middle(self.first(x))))


class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.body = nn.Sequential(conv(inputs, outputs, 2), nn.BatchNorm2d(outputs), nn.ReLU(), conv(outputs, outputs),
                                  nn.BatchNorm2d(outputs))
        self.shortcut = nn.Sequential(conv(inputs, outputs, 2, 1), nn.BatchNorm2d(outputs))

    def forward(self, x):
        return functional.relu(self.body(x) + self.shortcut(x))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(conv(3, 6, 2), nn.BatchNorm2d(6), nn.ReLU())
        self.middle = BasicBlock(6, 8)
        self.last = BasicBlock(8, 10)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(10, CLASSES))

    def forward(self, x):
        return self.head(self.last(self.middle(self.first(x))))


class Bottleneck(nn.Module):
    """An inverted residual block. Its value has both signs."""

    def __init__(self, inputs, outputs, stride):
        super().__init__()
        hidden = 3 * inputs
        self.body = nn.Sequential(conv(inputs, hidden, 1, 1), nn.BatchNorm2d(hidden), nn.ReLU6(),
                                  conv(hidden, hidden, stride, 3, hidden), nn.BatchNorm2d(hidden), nn.ReLU6(),
                                  conv(hidden, outputs, 1, 1), nn.BatchNorm2d(outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x):
        return x + self.body(x) if self.adds else self.body(x)


class Mobilenet(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(conv(3, 6, 2), nn.BatchNorm2d(6), nn.ReLU6())
        self.middle = nn.Sequential(Bottleneck(6, 8, 2), Bottleneck(8, 8, 1))
        self.last = Bottleneck(8, 10, 2)
        self.head = nn.Sequential(conv(10, 20, 1, 1), nn.BatchNorm2d(20), nn.ReLU6(), nn.AdaptiveAvgPool2d(1),
                                  nn.Flatten(), nn.Linear(20, CLASSES))

    def forward(self, x):
        return self.head(self.last(self.middle(self.first(x))))


class Swin(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = SwinTransformer(patch_size=[4, 4], embed_dim=8, depths=[2, 2], num_heads=[2, 2], window_size=[4, 4],
                                    mlp_ratio=2.0, stochastic_depth_prob=0.0, num_classes=CLASSES)
        _, self.middle, _, self.last = self.body.features
        for module in self.body.modules():
            if hasattr(module, "shift_size"):
                # Shifted windows are exported with a mask in float64.
                module.shift_size = [0, 0]

    def forward(self, x):
        return self.body(x)


def random_weights(network):
    """Weights larger than PyTorch's initial ones, and normalisations that do something, as the ONNX file has them."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.uniform_(-0.3, 0.3)
                module.running_var.uniform_(0.5, 1.5)
            if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
                module.weight.uniform_(0.7, 1.3)
                module.bias.uniform_(-0.3, 0.3)
            if isinstance(module, (nn.Linear, nn.Conv2d)):
                module.weight.normal_(0, (1.8 / module.weight[0].numel())**0.5)
                if module.bias is not None:
                    module.bias.uniform_(-0.3, 0.3)
    return network.float().eval()


class WithLayers(nn.Module):
    """A network that also gives its layers, so that the ONNX file has names for them."""

    def __init__(self, network):
        super().__init__()
        self.network = network

    def forward(self, x):
        values = []
        hooks = [layer.register_forward_hook(lambda _, __, value: values.append(value))
                 for layer in (self.network.middle, self.network.last)]
        probabilities = functional.softmax(self.network(x), 1)
        for hook in hooks:
            hook.remove()
        return probabilities, *values


def write_onnx(network, folder):
    folder.mkdir(exist_ok=True)
    program = torch.onnx.export(WithLayers(network), (torch.zeros(1, 3, HEIGHT, WIDTH),), dynamo=True, verbose=False,
                                input_names=["x"], output_names=["probabilities", "middle", "last"])
    model = program.model_proto
    del model.graph.output[1:]
    del model.graph.value_info[:], model.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
    onnx.checker.check_model(model)
    onnx.save(model, folder / "model.onnx")
    (folder / "model.toml").write_text(CARD)


def pictures():
    """Smooth random colours."""
    found = []
    for index in range(2):
        coarse = torch.rand(1, 3, 5, 6)
        smooth = functional.interpolate(coarse, (HEIGHT, WIDTH), mode="bicubic", align_corners=False)
        pixels = (smooth[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy()
        Image.fromarray(pixels).save(HERE / f"{index}.png")
        found.append(pixels)
    return found


class PaperGradCAMPlusPlus(GradCAMPlusPlus):
    """Equation 19 without pytorch-grad-cam's 1e-6."""

    def get_cam_weights(self, input_tensor, target_layers, target_category, activations, grads):
        total = activations.sum(axis=(2, 3), keepdims=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            alpha = grads**2 / (2 * grads**2 + total * grads**3)
        return np.where(grads > 0, alpha * grads, 0).sum(axis=(2, 3))


def component(matrix, centred):
    """The first principal component of channels × height × width."""
    flat = matrix.reshape(len(matrix), -1).T
    flat = flat - flat.mean(0) if centred else flat
    return (flat @ np.linalg.svd(flat)[2][0]).reshape(matrix.shape[1:])


class PlainEigenCAM(EigenCAM):
    def get_cam_image(self, input_tensor, target_layer, target_category, activations, grads, eigen_smooth):
        return component(activations[0], False)[None]


class PlainEigenGradCAM(EigenGradCAM):
    def get_cam_image(self, input_tensor, target_layer, target_category, activations, grads, eigen_smooth):
        return component(activations[0] * grads[0], False)[None]


class SmoothLayerCAM(LayerCAM):
    def get_cam_image(self, input_tensor, target_layer, target_category, activations, grads, eigen_smooth):
        return component(activations[0] * np.maximum(grads[0], 0), False)[None]


METHODS = {
    "gradcam++": PaperGradCAMPlusPlus,
    "xgradcam": XGradCAM,
    "hirescam": HiResCAM,
    "layercam": LayerCAM,
    "gradcamelementwise": GradCAMElementWise,
    "eigencam": PlainEigenCAM,
    "eigencam/center": EigenCAM,
    "eigengradcam": PlainEigenGradCAM,
    "eigengradcam/center": EigenGradCAM,
    "layercam/eigen_smooth": SmoothLayerCAM,
    "fem": FEM,
    "finercam": GradCAM,
}
# Neither depends on the score.
WITHOUT_SCORE = ["eigencam", "eigencam/center", "fem", "finercam"]


def target(name, score, number):
    """The score that is differentiated, as a function of the logits."""
    def finer(logits):
        near = (logits - logits[number]).abs().argsort()[1:4]
        return logits[number] - 0.6 * logits[near].mean()

    def log_odds(logits):
        others = [other for other in range(CLASSES) if other != number]
        return logits[number] - torch.logsumexp(logits[others], 0)

    if name == "finercam":
        return finer
    if score == "logit":
        return lambda logits: logits[number]
    return log_odds if name == "gradcam++" else lambda logits: functional.softmax(logits, 0)[number]


def is_component(name):
    return "eigen" in name


def smooth_map(network, layer, score, number, x):
    """The mean over the input times 0.9, 1 and 1.1, as it is and mirrored."""
    maps = []
    for factor in (0.9, 1.0, 1.1):
        maps.append(raw_map(network, layer, "layercam", score, number, factor * x))
        maps.append(raw_map(network, layer, "layercam", score, number, factor * x.flip(3))[:, ::-1])
    return np.mean(maps, axis=0)


def raw_map(network, layer, name, score, number, x):
    """The peer's map before ReLU and scaling."""
    def channels_first(value):
        return value.permute(0, 3, 1, 2)

    transform = channels_first if isinstance(network, Swin) else None
    cam = METHODS[name](network, [layer], transform)
    seen = []
    original = cam.get_cam_image

    def record(input_tensor, target_layer, targets, activations, grads, eigen_smooth=False):
        found = original(input_tensor, target_layer, targets, activations, grads, eigen_smooth)
        seen.append((found[0], activations[0], None if grads is None else grads[0]))
        return found

    cam.get_cam_image = record
    # Methods without a gradient get none from pytorch-grad-cam.
    cam(input_tensor=x.clone(), targets=[target(name, score, number)])
    found, activations, gradient = seen[0]
    cam.activations_and_grads.release()
    if is_component(name):
        summed = activations
        if name.startswith("eigengradcam"):
            summed = activations * gradient
        elif name.startswith("layercam"):
            summed = activations * np.maximum(gradient, 0)
        found = found if (found * summed.mean(0)).sum() >= 0 else -found
    if name == "gradcam++" and score == "probability":
        with torch.no_grad():
            p = functional.softmax(network(x)[0], 0)[number].item()
        found = found * (p * (1 - p))
    return np.asarray(found, dtype=np.float64)


def shaken(network):
    moved = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in moved.parameters():
            parameter.add_(1e-7 * parameter.abs().max() * torch.randn_like(parameter))
    return moved


def main():
    torch.set_num_threads(1)
    torch.manual_seed(5)
    inputs = []
    for pixels in pictures():
        x = torch.tensor(pixels, dtype=torch.float64).permute(2, 0, 1)
        inputs.append(((x - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None])[None].double())
    found = {}
    for make in (Vgg, Resnet, Mobilenet, Swin):
        single = random_weights(make())
        write_onnx(single, HERE / make.__name__.lower())
        double, moved = copy.deepcopy(single).double(), shaken(single)
        for x in inputs:
            print(make.__name__, [round(p, 3) for p in functional.softmax(double(x), 1)[0].tolist()])
        for layer in ("middle", "last"):
            for name in [*METHODS, "layercam/aug_smooth"]:
                for score in ("logit",) if name in WITHOUT_SCORE else ("logit", "probability"):
                    def map_of(network, number, x):
                        at = getattr(network, layer)
                        if name == "layercam/aug_smooth":
                            return smooth_map(network, at, score, number, x)
                        return raw_map(network, at, name, score, number, x)

                    def maps(network, dtype):
                        return np.array([[map_of(network, number, x.to(dtype)) for number in EXPLAINED] for x in inputs])

                    exact = maps(double, torch.float64)
                    move = np.abs(maps(moved, torch.float32) - maps(single, torch.float32)).max() / np.abs(exact).max()
                    key = f"{make.__name__.lower()}/{layer}/{score}/{name}"
                    found[key] = exact.astype(np.float32)
                    found[f"tolerance/{key}"] = np.float32(10 * move)
                    if move > 1e-4:
                        print(f"{key}: moves by {move:.1e}")
    np.savez_compressed(HERE / "maps.npz", **found)


if __name__ == "__main__":
    main()
