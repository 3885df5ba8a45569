"""Writes network_cases.jsonl: small whole networks as PyTorch exports them, with their gradients.

PyTorch's autograd computes the gradients in float64, at the picture and at inner values.

    python make_network_cases.py        (needs onnx, onnxscript, numpy, torch)
"""

import io
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn

import reference as r

warnings.filterwarnings("ignore")


def conv(inputs, outputs, kernel=3, stride=1, groups=1, activation=nn.ReLU):
    layers = [
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return nn.Sequential(*layers, *([activation()] if activation else []))


class Residual(nn.Module):
    """ResNet: stem with overlapping max-pool, a block whose shortcut is a strided convolution."""

    def __init__(self):
        super().__init__()
        self.stem, self.pool = conv(3, 4), nn.MaxPool2d(3, 2, 1)
        self.one, self.two = conv(4, 6, stride=2), conv(6, 6, activation=None)
        self.shortcut, self.head = conv(4, 6, 1, 2, activation=None), nn.Linear(6, 5)

    def forward(self, x):
        a = self.pool(self.stem(x))
        b = torch.relu(self.two(self.one(a)) + self.shortcut(a))
        return self.head(b.mean((2, 3))), a, b


class SqueezeExcite(nn.Module):
    """MobileNetV3: inverted residual, strided depthwise convolution, gate by HardSigmoid."""

    def __init__(self):
        super().__init__()
        self.expand = conv(3, 8, 1, activation=nn.Hardswish)
        self.depthwise = conv(8, 8, 5, 2, groups=8, activation=nn.Hardswish)
        self.squeeze, self.excite = nn.Conv2d(8, 2, 1), nn.Conv2d(2, 8, 1)
        self.project, self.head = conv(8, 4, 1, activation=None), nn.Linear(4, 5)

    def forward(self, x):
        a = self.depthwise(self.expand(x))
        gate = self.excite(torch.relu(self.squeeze(nn.functional.adaptive_avg_pool2d(a, 1))))
        b = self.project(a * nn.functional.hardsigmoid(gate))
        return self.head(b.mean((2, 3))), a, b


class Branches(nn.Module):
    """Inception: branches of convolutions and of padded pools, joined."""

    def __init__(self):
        super().__init__()
        self.stem = conv(3, 4, 3, 2)
        self.point, self.square = conv(4, 2, 1), nn.Sequential(conv(4, 2, 1), conv(2, 3))
        self.row = nn.Sequential(nn.Conv2d(4, 2, (1, 5), padding=(0, 2)), nn.ReLU())
        self.average, self.maximum = nn.AvgPool2d(3, 1, 1, count_include_pad=False), nn.MaxPool2d(3, 1, 1)
        self.shrink, self.head = nn.MaxPool2d(2, 2, ceil_mode=True), nn.Linear(15 * 9, 5)

    def forward(self, x):
        a = self.stem(x)
        b = torch.cat([self.point(a), self.square(a), self.row(a), self.average(a), self.maximum(a)], 1)
        return self.head(nn.functional.dropout(self.shrink(b).flatten(1), training=False)), a, b


class Dense(nn.Module):
    """DenseNet: every layer reads all earlier layers; a transition with an average pool; a deep concat."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 3, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(3 + 2 * i) for i in range(3))
        self.convs = nn.ModuleList(nn.Conv2d(3 + 2 * i, 2, 3, padding=1) for i in range(3))
        self.transition, self.head = nn.AvgPool2d(2, 2), nn.Linear(9, 5)

    def forward(self, x):
        a = self.stem(x)
        features = [a]
        for norm, layer in zip(self.norms, self.convs):
            features.append(layer(torch.relu(norm(torch.cat(features, 1)))))
        b = self.transition(torch.cat(features, 1))
        return torch.log_softmax(self.head(torch.relu(b).mean((2, 3))), 1), a, b


class Attention(nn.Module):
    """ViT: patches, class token, LayerNorm, attention of two heads, GELU."""

    def __init__(self):
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, 8, 4, 4), nn.Parameter(torch.randn(1, 1, 8))
        self.place = nn.Parameter(torch.randn(1, 10, 8))
        self.before, self.after = nn.LayerNorm(8), nn.LayerNorm(8)
        self.mix, self.out = nn.Linear(8, 24), nn.Linear(8, 8)
        self.wide, self.narrow, self.head = nn.Linear(8, 16), nn.Linear(16, 8), nn.Linear(8, 5)

    def forward(self, x):
        a = self.patches(x)
        t = torch.cat([self.token, a.flatten(2).transpose(1, 2)], 1) + self.place
        q, k, v = self.mix(self.before(t)).reshape(1, 10, 3, 2, 4).permute(2, 0, 3, 1, 4).unbind(0)
        weights = torch.softmax(q @ k.transpose(-2, -1) * 0.5, -1)
        b = t + self.out((weights @ v).transpose(1, 2).reshape(1, 10, 8))
        c = b + self.narrow(nn.functional.gelu(self.wide(self.after(b))))
        return self.head(c[:, 0]), a, b


class Decoder(nn.Module):
    """Operators of encoders and decoders: transposed convolution, interpolation, split, roll, PReLU."""

    def __init__(self):
        super().__init__()
        self.down, self.up = conv(3, 6, 3, 2, activation=nn.PReLU), nn.ConvTranspose2d(6, 4, 3, 2, 1, 1)
        self.norm, self.group = nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4)
        self.head = nn.Linear(4, 5)

    def forward(self, x):
        a = self.down(x)
        b = self.norm(self.up(a)) * torch.sigmoid(nn.functional.interpolate(a[:, :4], scale_factor=2, mode="bilinear"))
        left, right = self.group(torch.roll(b, (1, -2), (2, 3))).chunk(2, 1)
        c = torch.cat([nn.functional.leaky_relu(right, 0.2), nn.functional.elu(left)], 1)
        return self.head(nn.functional.adaptive_max_pool2d(c, 1).flatten(1)), a, b


class Flattened(nn.Module):
    """VGG: a pool with overlapping windows, then pools, and dense layers that read every position."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.small = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 6, 3, padding=1), nn.MaxPool2d(3, 2)
        self.maximum, self.average = nn.MaxPool2d(2, 2), nn.AvgPool2d(2, 1)
        self.wide, self.head = nn.Linear(24, 7), nn.Linear(7, 5)

    def forward(self, x):
        a = torch.relu(self.one(x))
        b = torch.relu(self.two(self.small(a)))
        c = nn.functional.dropout(self.average(self.maximum(b)).flatten(1), training=False)
        return self.head(torch.relu(self.wide(c))), a, b


class ChannelsLast(nn.Module):
    """Keras: channels are last, also where positions and channels are flattened into one vector."""

    def __init__(self):
        super().__init__()
        self.conv, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(36, 5)

    def forward(self, x):
        a = torch.tanh(self.conv(x))
        b = a.permute(0, 2, 3, 1) * 1.5
        c = nn.functional.max_pool2d(b.permute(0, 3, 1, 2), 2)
        return self.head(c.permute(0, 2, 3, 1).reshape(1, 36)), a, b


def with_statistics(network, size):
    """Batch norms as after training: scales differ from 1 and means from 0."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.weight.data.uniform_(0.5, 1.5)
            module.bias.data.normal_(std=0.2)
            module.running_mean.normal_(std=0.3)
            module.running_var.uniform_(0.3, 1.5)
    return network.eval()


def export(network, picture, dynamo):
    names = ["logits", "a", "b"]
    if dynamo:
        model = torch.onnx.export(network, (picture,), dynamo=True, input_names=["x"], output_names=names,
                                  opset_version=18, verbose=False).model_proto
    else:
        buffer = io.BytesIO()
        torch.onnx.export(network, (picture,), buffer, dynamo=False, input_names=["x"], output_names=names,
                          opset_version=13, training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
        model = onnx.load_from_string(buffer.getvalue())
    for part in [*model.graph.node, *model.graph.value_info, *model.graph.initializer]:
        del part.metadata_props[:]
        part.doc_string = ""
    del model.graph.value_info[:]
    return model


def main():
    cases = []
    for network, size in [(Residual, 10), (SqueezeExcite, 9), (Branches, 10), (Dense, 6), (Attention, 12), (Decoder, 8),
                          (Flattened, 14), (ChannelsLast, 6)]:
        torch.manual_seed(3)
        module = with_statistics(network(), size)
        picture, seed = torch.randn(1, 3, size, size), torch.randn(1, 5).round(decimals=2)
        picture = picture.round(decimals=2)
        for exporter in ("tracing", "dynamo"):
            model = export(module.float(), picture, exporter == "dynamo")
            x = picture.double().requires_grad_()
            logits, a, b = module.double()(x)
            gradients = torch.autograd.grad((logits * seed.double()).sum(), [x, a, b])
            case = r.Case(f"{network.__name__}, {exporter} exporter", "", model, {"x": picture.numpy()},
                          ["x", "a", "b"], "logits", seed.numpy(), reference=r.TORCH)
            case.gradients = dict(zip(case.layers, (g.numpy() for g in gradients)))
            cases.append(case)
    path = Path(__file__).parent / "network_cases.jsonl"
    r.write(path, cases)
    print(len(cases), "networks,", path.stat().st_size, "bytes")


main()
