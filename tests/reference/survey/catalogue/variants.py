"""Small networks in the forms that other programs write: number formats, quantization, optimizers, operator sets."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import onnxsim
import torch
import torchvision
from onnxconverter_common import float16
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from torch import nn

from network import Network, Row, dynamo, edited, randomize, torchscript

SHAPE = (1, 3, 64, 64)


def convnet() -> Network:
    """Convolutions with batch norms and a residual sum."""
    torch.manual_seed(1)

    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU())
            self.branch = nn.Sequential(nn.Conv2d(16, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU6())
            self.last = nn.Sequential(nn.Conv2d(16, 32, 3, 2, 1), nn.Hardswish(), nn.AvgPool2d(2))
            self.head = nn.Linear(32, 10)

        def forward(self, x):
            x = self.first(x)
            x = self.last(x + self.branch(x))
            return self.head(x.mean((2, 3)))

    return Network(randomize(Residual(), SHAPE), SHAPE)


def of_torchvision(name: str) -> Network:
    return Network(randomize(torchvision.models.get_model(name, num_classes=10), SHAPE), SHAPE)


class Pictures(CalibrationDataReader):
    """Random pictures, from which the quantizer takes its ranges."""

    def __init__(self, name: str):
        generator = np.random.default_rng(0)
        self.pictures = iter([{name: generator.random(SHAPE, np.float32)} for _ in range(8)])

    def get_next(self):
        return next(self.pictures, None)


def quantized(format: QuantFormat, per_channel: bool, network: Network, path: Path) -> None:
    plain = path.with_name("plain.onnx")
    torchscript(17)(network, plain)
    pictures = Pictures(onnx.load(plain).graph.input[0].name)
    quantize_static(
        plain, path, pictures, quant_format=format, per_channel=per_channel, activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
    )  # fmt: skip
    plain.unlink()


def dynamically_quantized(network: Network, path: Path) -> None:
    plain = path.with_name("plain.onnx")
    torchscript(17)(network, plain)
    quantize_dynamic(plain, path, weight_type=QuantType.QUInt8)
    plain.unlink()


def optimized(level: str, network: Network, path: Path) -> None:
    plain = path.with_name("plain.onnx")
    torchscript(17)(network, plain)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.optimized_model_filepath = str(path)
    onnxruntime.InferenceSession(plain, options, providers=["CPUExecutionProvider"])
    plain.unlink()


def in_double(network: Network, path: Path) -> None:
    module = network.module.double()
    torch.onnx.export(module, torch.rand(network.shape, dtype=torch.float64), path, dynamo=False, opset_version=17)
    network.module.float()


def in_half(network: Network, path: Path) -> None:
    module = network.module.half()
    torch.onnx.export(module, torch.rand(network.shape).half(), path, dynamo=False, opset_version=17)
    network.module.float()


def half(model: onnx.ModelProto) -> onnx.ModelProto:
    return float16.convert_float_to_float16(model)


def half_inside(model: onnx.ModelProto) -> onnx.ModelProto:
    return float16.convert_float_to_float16(model, keep_io_types=True)


def simplified(model: onnx.ModelProto) -> onnx.ModelProto:
    return onnxsim.simplify(model)[0]


def rows() -> Iterator[Row]:
    networks = {"convnet": convnet} | {
        name: partial(of_torchvision, name) for name in ("mobilenet_v3_small", "shufflenet_v2_x0_5")
    }
    for name, build in networks.items():

        def row(exporter: str, write, **options) -> Row:
            return Row("forms", name, build, write, exporter, **options)

        for opset in (9, 11, 14, 16, 20):
            if not (opset < 14 and name == "mobilenet_v3_small"):
                yield row(f"TorchScript, opset {opset}", torchscript(opset))
        for opset in (18, 21, 23):
            yield row(f"dynamo, opset {opset}", dynamo(opset))
        yield row("dynamo, weights in a second file", dynamo(external_data=True))
        yield row("dynamo, open batch", open_batch)
        yield row("TorchScript, open batch and size", open_size)
        yield row("onnxsim", edited(torchscript(17), simplified))
        yield row("dynamo, onnxsim", edited(dynamo(), simplified))
        for level in ("ORT_ENABLE_BASIC", "ORT_ENABLE_EXTENDED"):
            yield row(f"ONNX Runtime, {level}", partial(optimized, level))
        yield row("float16 by onnxconverter-common", edited(torchscript(17), half), tolerance=5e-2, map_tolerance=0.1)
        yield row("float16 inside", edited(torchscript(17), half_inside), tolerance=5e-2, map_tolerance=0.1)
        yield row("float16 by torch", in_half, tolerance=5e-2, map_tolerance=0.1)
        yield row("float64", in_double)
        rounded = {"tolerance": 0.1, "map_tolerance": 0.5}
        yield row("QDQ", partial(quantized, QuantFormat.QDQ, False), **rounded)
        yield row("QDQ, one scale a channel", partial(quantized, QuantFormat.QDQ, True), **rounded)
        yield row("QOperator", partial(quantized, QuantFormat.QOperator, False), **rounded)
        yield row("quantized dynamically", dynamically_quantized, **rounded)
    refusal = "one kind of machine"
    yield Row(
        "forms",
        "convnet",
        convnet,
        partial(optimized, "ORT_ENABLE_ALL"),
        "ONNX Runtime, ORT_ENABLE_ALL",
        refused=refusal,
    )


def open_batch(network: Network, path: Path) -> None:
    batch = torch.export.Dim("batch")
    torch.onnx.export(
        network.module, (torch.rand(2, *network.shape[1:]),), path, dynamo=True, verbose=False, external_data=False,
        dynamic_shapes=({0: batch},),
    )  # fmt: skip


def open_size(network: Network, path: Path) -> None:
    axes = {"input": {0: "batch", 2: "height", 3: "width"}, "output": {0: "batch"}}
    torch.onnx.export(
        network.module, torch.rand(network.shape), path, dynamo=False, opset_version=17, input_names=["input"],
        output_names=["output"], dynamic_axes=axes,
    )  # fmt: skip
