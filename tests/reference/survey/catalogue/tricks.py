"""Small networks with the heads, inputs and operators that classifiers have. Each row is one trick."""

from collections.abc import Callable, Iterator
from functools import partial

import onnx
import torch
from torch import nn
from torch.nn import functional as F

from network import Network, Row, dynamo, edited, randomize, torchscript

SIDE = 32


class Features(nn.Module):
    """Three convolutions; 12 channels at a quarter of the size."""

    def __init__(self, channels: int = 3, activation: Callable = F.relu):
        super().__init__()
        self.first = nn.Conv2d(channels, 8, 3, 2, 1)
        self.second = nn.Conv2d(8, 8, 3, padding=1)
        self.third = nn.Conv2d(8, 12, 3, 2, 1)
        self.activation = activation

    def forward(self, x):
        return self.activation(self.third(self.activation(self.second(self.activation(self.first(x))))))


class Trick(nn.Module):
    """`before` changes the picture, `head` makes scores of the feature maps, `after` makes the output of the scores."""

    def __init__(self, head: nn.Module, before: Callable | None = None, after: Callable | None = None, **features):
        super().__init__()
        self.features = Features(**features)
        self.head, self.before, self.after = head, before, after

    def logits(self, x):
        return self.head(self.features(self.before(x) if self.before else x))

    def forward(self, x):
        scores = self.logits(x)
        return self.after(scores) if self.after else scores


class Logits(nn.Module):
    """What the last softmax of a trick reads: the scores, divided by a temperature."""

    def __init__(self, trick: Trick, temperature: float):
        super().__init__()
        self.trick, self.temperature = trick, temperature

    def forward(self, x):
        return self.trick.logits(x) / self.temperature


class Call(nn.Module):
    """A function as a module."""

    def __init__(self, call: Callable):
        super().__init__()
        self.call = call

    def forward(self, *values):
        return self.call(*values)


class Pooled(nn.Module):
    """A pool and a dense layer."""

    def __init__(self, pool: Callable | None = None, features: int = 12, classes: int = 10):
        super().__init__()
        self.pool = pool or (lambda x: x.mean((2, 3)))
        self.dense = nn.Linear(features, classes)

    def forward(self, x):
        return self.dense(self.pool(x))


def linear(features: int = 12, classes: int = 10) -> nn.Linear:
    return nn.Linear(features, classes)


class Recurrent(nn.Module):
    """A recurrent layer over the rows of the feature maps."""

    def __init__(self, kind: type[nn.RNNBase], **options):
        super().__init__()
        self.layer = kind(96, 10, batch_first=True, **options)
        self.dense = linear(20 if options.get("bidirectional") else 10)

    def forward(self, x):
        rows = x.permute(0, 2, 1, 3).flatten(2)
        return self.dense(self.layer(rows)[0][:, -1])


class Attention(nn.Module):
    """Attention among positions."""

    def __init__(self, causal: bool = False):
        super().__init__()
        self.project = nn.Linear(12, 36)
        self.dense = linear()
        self.causal = causal

    def forward(self, x):
        tokens = self.project(x.flatten(2).transpose(1, 2)).reshape(1, -1, 3, 3, 4).permute(2, 0, 3, 1, 4)
        found = F.scaled_dot_product_attention(*tokens, is_causal=self.causal)
        return self.dense(found.transpose(1, 2).reshape(1, -1, 12).mean(1))


class Deformable(nn.Module):
    """A deformable convolution with learned offsets."""

    def __init__(self):
        super().__init__()
        self.offset = nn.Conv2d(12, 18, 3, padding=1)
        self.weight = nn.Parameter(torch.randn(12, 12, 3, 3) * 0.1)
        self.dense = linear()

    def forward(self, x):
        from torchvision.ops import deform_conv2d

        return self.dense(deform_conv2d(x, self.offset(x), self.weight, padding=1).relu().mean((2, 3)))


class Transformer(nn.Module):
    """A spatial transformer: the picture is sampled at places that depend on it."""

    def __init__(self, mode: str = "bilinear", padding: str = "zeros"):
        super().__init__()
        self.place = nn.Sequential(nn.AvgPool2d(8), nn.Flatten(), nn.Linear(12, 6))
        self.mode, self.padding = mode, padding
        self.dense = linear()

    def forward(self, x):
        theta = 0.2 * self.place(x).reshape(1, 2, 3) + torch.tensor([[[0.8, 0.1, 0.0], [-0.1, 0.9, 0.1]]])
        y, row = torch.meshgrid(torch.linspace(-1, 1, 8), torch.linspace(-1, 1, 8), indexing="ij")
        places = torch.stack([row, y, torch.ones_like(y)], -1).reshape(1, 64, 3) @ theta.transpose(1, 2)
        sampled = F.grid_sample(x, places.reshape(1, 8, 8, 2), self.mode, self.padding, align_corners=False)
        return self.dense((sampled * sampled.tanh()).mean((2, 3)))


class Shuffled(nn.Module):
    """A channel shuffle between two convolutions in groups."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(12, 12, 3, padding=1, groups=3), nn.Conv2d(12, 12, 1, groups=3)
        self.dense = linear()

    def forward(self, x):
        x = nn.functional.channel_shuffle(self.first(x), 3).relu()
        return self.dense(self.second(x).relu().mean((2, 3)))


class Folded(nn.Module):
    """Patches that are put back with overlaps."""

    def __init__(self):
        super().__init__()
        self.mix = nn.Linear(108, 108)
        self.dense = linear()

    def forward(self, x):
        patches = F.unfold(x, 3, padding=1, stride=2)
        mixed = self.mix(patches.transpose(1, 2)).transpose(1, 2)
        return self.dense(F.fold(mixed, (8, 8), 3, padding=1, stride=2).relu().mean((2, 3)))


class Cosine(nn.Module):
    """Cosines between a normalized embedding and normalized classes."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(10, 12))

    def forward(self, x):
        return 16 * F.linear(F.normalize(x.mean((2, 3))), F.normalize(self.weight))


def gem(x, power: float = 3.0):
    """Generalized mean pooling."""
    return x.clamp(min=1e-6).pow(power).mean((2, 3)).pow(1 / power)


def std_pool(x):
    return torch.cat([x.mean((2, 3)), x.std((2, 3))], 1)


def spatial_softmax(x):
    weights = x.flatten(2).softmax(-1)
    places = torch.linspace(-1, 1, 64)
    return (weights * places).sum(-1)


def covariance(x):
    rows = x.flatten(2) - x.flatten(2).mean(-1, keepdim=True)
    return (rows @ rows.transpose(1, 2) / 64).flatten(1)


NORMALIZATION = (
    torch.tensor([0.485, 0.456, 0.406]).reshape(1, 3, 1, 1),
    torch.tensor([0.229, 0.224, 0.225]).reshape(1, 3, 1, 1),
)

HEADS: dict[str, Callable[[], nn.Module]] = {
    "global average pool": lambda: Pooled(lambda x: F.adaptive_avg_pool2d(x, 1).flatten(1)),
    "mean": Pooled,
    "global max pool": lambda: Pooled(lambda x: F.adaptive_max_pool2d(x, 1).flatten(1)),
    "amax": lambda: Pooled(lambda x: x.amax((2, 3))),
    "average and max pool": lambda: Pooled(lambda x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1), 24),
    "generalized mean": lambda: Pooled(gem),
    "standard deviation": lambda: Pooled(std_pool, 24),
    "log-sum-exp pool": lambda: Pooled(lambda x: x.flatten(2).logsumexp(-1)),
    "L2 norm pool": lambda: Pooled(lambda x: x.flatten(2).norm(dim=-1)),
    "L1 norm pool": lambda: Pooled(lambda x: x.flatten(2).norm(p=1, dim=-1)),
    "LpPool": lambda: Pooled(lambda x: F.lp_pool2d(x, 2, 8).flatten(1)),
    "variance": lambda: Pooled(lambda x: x.var((2, 3), unbiased=False)),
    "spatial softmax": lambda: Pooled(spatial_softmax),
    "covariance pool": lambda: Pooled(covariance, 144),
    "top-k positions": lambda: Pooled(lambda x: x.flatten(2).topk(5, -1).values.mean(-1)),
    "sorted positions": lambda: Pooled(lambda x: x.flatten(2).sort(-1).values[..., :4].mean(-1)),
    "median": lambda: Pooled(lambda x: x.flatten(2).topk(32, -1).values[..., -1]),
    "cumulative sum": lambda: Pooled(lambda x: x.flatten(2).cumsum(-1).mean(-1)),
    "product of halves": lambda: Pooled(lambda x: (x[:, :6] * x[:, 6:]).mean((2, 3)), 6),
    "flatten": lambda: nn.Sequential(nn.Flatten(), linear(768)),
    "view": lambda: Pooled(lambda x: x.view(-1, 768), 768),
    "flatten, channels last": lambda: Pooled(lambda x: x.permute(0, 2, 3, 1).flatten(1), 768),
    "convolutional classifier": lambda: nn.Sequential(nn.Conv2d(12, 10, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
    "convolution over everything": lambda: nn.Sequential(nn.Conv2d(12, 10, 8), nn.Flatten()),
    "1 × 1 scores": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 10, 1)),
    "adaptive pool to 3 × 3": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(3), nn.Flatten(), linear(108)),
    "adaptive pool to 2 × 2": lambda: nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), linear(48)),
    "ceil pool": lambda: nn.Sequential(nn.MaxPool2d(3, 2, ceil_mode=True), nn.Flatten(), linear(192)),
    "pyramid pool": lambda: Pooled(
        lambda x: torch.cat([F.adaptive_max_pool2d(x, side).flatten(1) for side in (1, 2, 4)], 1), 252
    ),
    "dilated": lambda: nn.Sequential(nn.Conv2d(12, 12, 3, padding=2, dilation=2), nn.ReLU(), Pooled()),
    "grouped": lambda: nn.Sequential(nn.Conv2d(12, 12, 3, groups=4, padding=1), nn.ReLU(), Pooled()),
    "transposed convolution": lambda: nn.Sequential(nn.ConvTranspose2d(12, 6, 3, 2, 1, 1), nn.ReLU(), Pooled(None, 6)),
    "bilinear upsampling": lambda: nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(12, 12, 3), Pooled()
    ),
    "nearest upsampling": lambda: nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(12, 12, 3), Pooled()),
    "bicubic upsampling": lambda: nn.Sequential(
        nn.Upsample(scale_factor=2, mode="bicubic"), nn.Conv2d(12, 12, 3), Pooled()
    ),
    "pixel shuffle": lambda: nn.Sequential(nn.PixelShuffle(2), nn.Conv2d(3, 6, 3), Pooled(None, 6)),
    "pixel unshuffle": lambda: nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(48, 6, 1), nn.ReLU(), Pooled(None, 6)),
    "channel shuffle": Shuffled,
    "fold": Folded,
    "reflection padding": lambda: nn.Sequential(
        nn.Conv2d(12, 12, 3, padding=1, padding_mode="reflect"), nn.ReLU(), Pooled()
    ),
    "circular padding": lambda: nn.Sequential(
        nn.Conv2d(12, 12, 3, padding=1, padding_mode="circular"), nn.ReLU(), Pooled()
    ),
    "replication padding": lambda: nn.Sequential(nn.ReplicationPad2d(1), nn.Conv2d(12, 12, 3), nn.ReLU(), Pooled()),
    "LSTM": lambda: Recurrent(nn.LSTM),
    "LSTM, both directions": lambda: Recurrent(nn.LSTM, bidirectional=True),
    "LSTM, two layers": lambda: Recurrent(nn.LSTM, num_layers=2),
    "GRU": lambda: Recurrent(nn.GRU),
    "GRU, both directions": lambda: Recurrent(nn.GRU, bidirectional=True),
    "RNN": lambda: Recurrent(nn.RNN),
    "attention": Attention,
    "causal attention": lambda: Attention(True),
    "multi-head attention": lambda: MultiHead(),
    "transformer encoder": lambda: Encoder(),
    "deformable convolution": Deformable,
    "spatial transformer": Transformer,
    "spatial transformer, border": lambda: Transformer(padding="border"),
    "spatial transformer, nearest": lambda: Transformer("nearest"),
    "einsum": lambda: Pooled(lambda x: torch.einsum("bchw,bdhw->bcd", x, x).flatten(1) / 64, 144),
    "bilinear pooling": lambda: Pooled(lambda x: F.normalize(torch.sqrt(covariance(x).abs() + 1e-6)), 144),
    "cosine head": Cosine,
    "cyclic shift": lambda: Pooled(lambda x: (x * x.roll((2, 3), (2, 3))).mean((2, 3))),
    "mirrored": lambda: Pooled(lambda x: (x + x.flip(3) * 0.5).tanh().mean((2, 3))),
    "local response norm": lambda: nn.Sequential(nn.LocalResponseNorm(3), Pooled()),
    "layer norm of channels": lambda: Pooled(lambda x: F.layer_norm(x.permute(0, 2, 3, 1), (12,)).mean((1, 2))),
    "layer norm of everything": lambda: nn.Sequential(nn.LayerNorm((12, 8, 8)), Pooled()),
    "RMS norm": lambda: nn.Sequential(
        Call(lambda x: x.permute(0, 2, 3, 1)), nn.RMSNorm(12), Pooled(lambda x: x.mean((1, 2)))
    ),
    "group norm": lambda: nn.Sequential(nn.GroupNorm(3, 12), nn.ReLU(), Pooled()),
    "instance norm": lambda: nn.Sequential(nn.InstanceNorm2d(12, affine=True), nn.ReLU(), Pooled()),
    "batch norm of a vector": lambda: nn.Sequential(Pooled(None, 12, 16), nn.BatchNorm1d(16), nn.ReLU(), linear(16)),
    "dropout": lambda: nn.Sequential(nn.Dropout2d(), Pooled(), nn.Dropout()),
    "squeeze and excitation": lambda: Excited(),
    "spatial attention": lambda: Pooled(lambda x: (x * torch.sigmoid(x.mean(1, True) + x.amax(1, True))).mean((2, 3))),
    "mixture of experts": lambda: Experts(),
    "maxout": lambda: Pooled(lambda x: x.reshape(1, 6, 2, 8, 8).amax(2).mean((2, 3)), 6),
    "capsules": lambda: Pooled(lambda x: squash(x.flatten(2).reshape(1, 64, 12)).mean(1)),
    "where": lambda: Pooled(lambda x: torch.where(x > 0.1, x * x, x * 0.2).mean((2, 3))),
    "masked fill": lambda: Pooled(lambda x: x.masked_fill(x < 0.05, 0.0).mean((2, 3))),
    "index select": lambda: Pooled(lambda x: x[:, [3, 1, 8, 0]].mean((2, 3)), 4),
    "strided slice": lambda: Pooled(lambda x: x[:, :, ::2, 1::2].mean((2, 3))),
    "chunks": lambda: Pooled(lambda x: (x.chunk(2, 1)[0] * x.chunk(2, 1)[1].sigmoid()).mean((2, 3)), 6),
    "stack": lambda: Pooled(lambda x: torch.stack([x, x * x], 1).mean((1, 3, 4))),
    "repeat": lambda: Pooled(lambda x: (x * x.mean((2, 3), True).repeat(1, 1, 8, 8)).mean((2, 3))),
    "power and root": lambda: Pooled(lambda x: (x.pow(2) + 1e-3).rsqrt().mean((2, 3))),
    "fixed filters": lambda: Pooled(lambda x: F.conv2d(x, torch.ones(12, 1, 3, 3) / 9, groups=12).mean((2, 3))),
    "strings of scores": lambda: nn.Sequential(Pooled(None, 12, 20), Call(lambda x: x.reshape(-1, 2, 10).sum(1))),
    "ensemble": lambda: Ensemble(),
    "gather of rows": lambda: Pooled(lambda x: x.gather(1, (x.argmax(1, True)).expand(1, 12, 8, 8)).mean((2, 3))),
    "two convolutions 1-D": lambda: nn.Sequential(
        Call(lambda x: x.flatten(2)), nn.Conv1d(12, 12, 3), nn.ReLU(), Pooled(lambda x: x.mean(2))
    ),
    "convolution 3-D": lambda: nn.Sequential(
        Call(lambda x: x.unsqueeze(2)), nn.Conv3d(12, 6, (1, 3, 3)), nn.ReLU(), Pooled(lambda x: x.mean((2, 3, 4)), 6)
    ),
}


class MultiHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(12, 3, batch_first=True)
        self.dense = linear()

    def forward(self, x):
        tokens = x.flatten(2).transpose(1, 2)
        return self.dense(self.attention(tokens, tokens, tokens, need_weights=False)[0].mean(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 1, 12))
        self.layer = nn.TransformerEncoderLayer(12, 3, 24, batch_first=True, norm_first=True, activation="gelu")
        self.dense = linear()

    def forward(self, x):
        tokens = torch.cat([self.token, x.flatten(2).transpose(1, 2)], 1)
        return self.dense(self.layer(tokens)[:, 0])


class Excited(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Conv2d(12, 4, 1), nn.ReLU(), nn.Conv2d(4, 12, 1), nn.Hardsigmoid()
        )
        self.head = Pooled()

    def forward(self, x):
        return self.head((x * self.gate(x)).square())


class Experts(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = linear(12, 3)
        self.experts = nn.ModuleList(nn.Conv2d(12, 12, 1) for _ in range(3))
        self.dense = linear()

    def forward(self, x):
        weights = self.gate(x.mean((2, 3))).softmax(-1).reshape(1, 3, 1, 1, 1)
        found = torch.stack([expert(x) for expert in self.experts], 1)
        return self.dense((weights * found).sum(1).relu().mean((2, 3)))


class Ensemble(nn.Module):
    def __init__(self):
        super().__init__()
        self.heads = nn.ModuleList(Pooled() for _ in range(3))

    def forward(self, x):
        return torch.stack([head(x) for head in self.heads]).mean(0)


def squash(x):
    square = x.square().sum(-1, keepdim=True)
    return square / (1 + square) * x / (square + 1e-8).sqrt()


ACTIVATIONS: dict[str, Callable] = {
    "celu": lambda x: F.celu(x, 0.7),
    "elu": F.elu,
    "gelu": F.gelu,
    "gelu by tanh": lambda x: F.gelu(x, approximate="tanh"),
    "glu": lambda x: F.glu(torch.cat([x, x * 0.5], 1), 1),
    "hardshrink": F.hardshrink,
    "hardsigmoid": F.hardsigmoid,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "leaky relu": F.leaky_relu,
    "logsigmoid": F.logsigmoid,
    "mish": F.mish,
    "quick gelu": lambda x: x * torch.sigmoid(1.702 * x),
    "relu6": F.relu6,
    "selu": F.selu,
    "silu": F.silu,
    "sine": torch.sin,
    "softplus": F.softplus,
    "softshrink": F.softshrink,
    "softsign": F.softsign,
    "squared relu": lambda x: F.relu(x).square(),
    "star relu": lambda x: 0.8944 * F.relu(x) ** 2 - 0.4472,
    "tanh": torch.tanh,
    "threshold": lambda x: F.threshold(x, 0.1, 0.0),
    "atan": torch.atan,
    "floor": lambda x: x + torch.floor(x).detach() * 0.1,
}

OUTPUTS: dict[str, Callable] = {
    "softmax": lambda scores: scores.softmax(-1),
    "log-softmax": lambda scores: scores.log_softmax(-1),
    "sigmoid": torch.sigmoid,
    "temperature": lambda scores: (scores / 2).softmax(-1),
    "scores and classes": lambda scores: (scores.argmax(-1), scores),
    "top 5": lambda scores: scores.softmax(-1).topk(5),
    "clamped probabilities": lambda scores: scores.softmax(-1).clamp(1e-7, 1 - 1e-7),
    "squeezed": lambda scores: scores.squeeze(0),
    "scores and probabilities": lambda scores: (scores, scores.softmax(-1)),
}


class Picture(nn.Module):
    """A trick whose file takes the picture in another form than batch × channels × height × width."""

    def __init__(self, before: Callable, channels: int = 3):
        super().__init__()
        self.trick = Trick(Pooled(), before, channels=channels)

    def forward(self, x):
        return self.trick(x)


def normalize(x):
    mean, std = NORMALIZATION
    return (x - mean) / std


INPUTS: dict[str, tuple[Callable, int, tuple[int, ...], str | None]] = {
    "normalization inside": (normalize, 3, (1, 3, SIDE, SIDE), None),
    "0 to 255 inside": (lambda x: x / 255, 3, (1, 3, SIDE, SIDE), None),
    "BGR by reversal": (lambda x: x[:, [2, 1, 0]], 3, (1, 3, SIDE, SIDE), None),
    "BGR by flip": (lambda x: x.flip(1), 3, (1, 3, SIDE, SIDE), None),
    "channels last": (lambda x: x.permute(0, 3, 1, 2), 3, (1, SIDE, SIDE, 3), None),
    "grey": (lambda x: x, 1, (1, 1, SIDE, SIDE), None),
    "grey by sum": (
        lambda x: (x * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1, True),
        1,
        (1, 3, SIDE, SIDE),
        None,
    ),
    "no batch axis": (lambda x: x[None], 3, (3, SIDE, SIDE), None),
    "no batch axis, channels last": (lambda x: x.permute(2, 0, 1)[None], 3, (SIDE, SIDE, 3), None),
    "batch of 4": (lambda x: x, 3, (4, 3, SIDE, SIDE), None),
    "resized inside": (lambda x: F.interpolate(x, (32, 32), mode="bilinear"), 3, (1, 3, 48, 40), None),
    "cropped inside": (lambda x: x[..., 4:36, 4:36], 3, (1, 3, 40, 40), None),
    "rectangular": (lambda x: x[..., :32, :32], 3, (1, 3, 48, 32), None),
    "RGBA": (lambda x: x, 4, (1, 4, SIDE, SIDE), None),
    "13 bands": (lambda x: x, 13, (1, 13, SIDE, SIDE), None),
    "flat": (lambda x: x.reshape(-1, 1, SIDE, SIDE), 1, (1, SIDE * SIDE), None),
}


def build_head(name: str) -> Network:
    torch.manual_seed(11)
    shape = (1, 3, SIDE, SIDE)
    return Network(
        randomize(Trick(HEADS[name]()), shape[:])
        if "norm" not in name
        else Trick(HEADS[name]()).eval().requires_grad_(False),
        shape,
    )


def build_activation(name: str) -> Network:
    torch.manual_seed(11)
    return Network(Trick(Pooled(), activation=ACTIVATIONS[name]).eval().requires_grad_(False), (1, 3, SIDE, SIDE))


def build_output(name: str) -> Network:
    torch.manual_seed(11)
    module = Trick(Pooled(), after=OUTPUTS[name]).eval().requires_grad_(False)
    return Network(module, (1, 3, SIDE, SIDE), Logits(module, 2 if name == "temperature" else 1))


def build_input(name: str) -> Network:
    torch.manual_seed(11)
    before, channels, shape, card = INPUTS[name]
    return Network(Trick(Pooled(), before, channels=channels).eval().requires_grad_(False), shape, card=card)


LATE = {"fold", "adaptive pool to 3 × 3", "deformable convolution", "channel shuffle", "RMS norm"}
"""Tricks whose operators TorchScript's exporter does not have in operator set 17."""


def rows() -> Iterator[Row]:
    for group, names, build in (
        ("heads", HEADS, build_head),
        ("activations", ACTIVATIONS, build_activation),
        ("outputs", OUTPUTS, build_output),
        ("inputs", INPUTS, build_input),
    ):
        for index, name in enumerate(names):
            if index % 4 != 3 and name not in LATE:
                yield Row(group, name, partial(build, name), torchscript(17), "TorchScript, opset 17")
            else:
                yield Row(group, name, partial(build, name), dynamo(), "dynamo")
