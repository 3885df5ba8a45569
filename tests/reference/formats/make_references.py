"""Writes small classifiers in the number formats that exporters and tools write, and what they give.

Each file is one network: a convolution, a residual block, two linear layers. `references.json` has for each
file the picture's logits by ONNX Runtime, or by PyTorch where ONNX Runtime has no kernels of that type. It has
HiResCAM's map of class 1 at the last convolution by PyTorch in float32. Quantization passes gradients straight
through, so the map of a quantized file is the same up to the rounding of weights and values.

    python make_references.py        (numpy 2.4.6, onnx 1.23.2, onnxruntime 1.32.0,
                                      onnxconverter-common 1.16.0, torch 2.15.0, Pillow)
"""

import json
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxconverter_common import float16
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_dynamic, quantize_static
from PIL import Image

HERE = Path(__file__).parent
SIDE, CLASSES = 16, 5
CPU = ["CPUExecutionProvider"]


def picture():
    rng = np.random.default_rng(5)
    coarse = rng.integers(0, 256, (4, 4, 3), dtype=np.uint8)
    image = Image.fromarray(coarse).resize((SIDE, SIDE), Image.BICUBIC)
    image.save(HERE / "picture.png")
    return np.asarray(image)


class Network(torch.nn.Module):
    """Its values have the names that the export gives them."""

    def __init__(self):
        super().__init__()
        self.stem = torch.nn.Conv2d(3, 8, 3, padding=1)
        self.depthwise = torch.nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.last = torch.nn.Conv2d(8, 8, 1)
        self.hidden = torch.nn.Linear(8, 8)
        self.head = torch.nn.Linear(8, CLASSES)

    def forward(self, x):
        x = torch.nn.functional.max_pool2d(self.stem(x).relu(), 2)
        x = x + self.depthwise(x)
        features = self.last(x).relu()
        return self.head(self.hidden(features.mean((2, 3))).relu())


def run(model, x):
    """The logits that ONNX Runtime gives."""
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=CPU)
    return session.run(None, {session.get_inputs()[0].name: x})[0]


def converted(model, data_type, cast):
    """The model with every float32 in another type."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values, name, dims = cast(numpy_helper.to_array(tensor)), tensor.name, list(tensor.dims)
            tensor.CopyFrom(helper.make_tensor(name, data_type, dims, values.tobytes(), raw=True))
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        value.type.tensor_type.elem_type = data_type
    return model


def with_half_weights(model):
    """The model with weights in float16, each behind a cast."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            values, name = numpy_helper.to_array(tensor).astype(np.float16), tensor.name
            tensor.CopyFrom(numpy_helper.from_array(values, name + "_half"))
            casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def with_byte_input(model, data_type, offset):
    """The model with an input of 8-bit integers and the scaling to 0..1 in the graph."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    (given,) = model.graph.input
    name = given.name
    given.name, given.type.tensor_type.elem_type = "pixels", data_type
    constants = {"offset": np.float32(offset), "range": np.float32(255)}
    model.graph.initializer.extend(numpy_helper.from_array(v, k) for k, v in constants.items())
    scaling = [
        helper.make_node("Cast", ["pixels"], ["pixels_float"], to=TensorProto.FLOAT),
        helper.make_node("Add", ["pixels_float", "offset"], ["pixels_from_0"]),
        helper.make_node("Div", ["pixels_from_0", "range"], [name]),
    ]
    nodes = [*scaling, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


class Calibration(CalibrationDataReader):
    def __init__(self, x):
        self.rest = [x, x[..., ::-1].copy(), 1 - x]

    def get_next(self):
        return {"x": self.rest.pop()} if self.rest else None


def quantized(path, x, **options):
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "model.onnx"
        quantize_static(path, out, Calibration(x), **options)
        return onnx.load(out)


def optimized(path, level):
    with tempfile.TemporaryDirectory() as folder:
        options = ort.SessionOptions()
        options.graph_optimization_level, options.log_severity_level = level, 3
        options.optimized_model_filepath = str(Path(folder) / "model.onnx")
        ort.InferenceSession(path, options, providers=CPU)
        return onnx.load(options.optimized_model_filepath)


def hirescam(network, x):
    """The map of class 1 by its logit at the last ReLU with positions: the sum over channels of gradient · value."""
    kept = []
    hook = network.last.register_forward_hook(lambda m, i, o: kept.append(o.relu()) or None)
    network(x)
    hook.remove()
    features = kept[0].detach().requires_grad_()
    network.head(network.hidden(features.mean((2, 3))).relu())[0, 1].backward()
    return (features * features.grad).sum(1)[0].detach()


def main():
    torch.manual_seed(3)
    pixels = picture()
    x = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None]).astype(np.float32) / np.float32(255)
    network = Network().eval()
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "float32.onnx")
        torch.onnx.export(network, torch.from_numpy(x), path, dynamo=False, opset_version=17,
                          input_names=["x"], output_names=["logits"])
        model = onnx.load(path)
        bfloat16 = lambda a: torch.from_numpy(a).bfloat16().view(torch.int16).numpy()
        levels = ort.GraphOptimizationLevel
        static = dict(quant_format=QuantFormat.QOperator)
        dynamic = Path(folder) / "dynamic.onnx"
        quantize_dynamic(path, dynamic)
        models = {
            "float32": model,
            "float16": float16.convert_float_to_float16(onnx.load(path)),
            "float16_inside": float16.convert_float_to_float16(onnx.load(path), keep_io_types=True),
            "float16_mixed": float16.convert_float_to_float16(onnx.load(path), op_block_list=["Gemm", "ReduceMean"]),
            "float16_weights": with_half_weights(model),
            "bfloat16": converted(model, TensorProto.BFLOAT16, bfloat16),
            "float64": converted(model, TensorProto.DOUBLE, lambda a: a.astype(np.float64)),
            "uint8_input": with_byte_input(model, TensorProto.UINT8, 0),
            "int8_input": with_byte_input(model, TensorProto.INT8, 128),
            "qdq": quantized(path, x, quant_format=QuantFormat.QDQ),
            "qdq_channels": quantized(path, x, quant_format=QuantFormat.QDQ, per_channel=True,
                                      activation_type=QuantType.QInt8, weight_type=QuantType.QInt8),
            "qdq_weights": quantized(path, x, quant_format=QuantFormat.QDQ,
                                     extra_options={"AddQDQPairToWeight": True}),
            "qoperator": quantized(path, x, **static),
            "qoperator_channels": quantized(path, x, per_channel=True, **static),
            "dynamic": onnx.load(dynamic),
            "onnxruntime_basic": optimized(path, levels.ORT_ENABLE_BASIC),
            "onnxruntime_extended": optimized(path, levels.ORT_ENABLE_EXTENDED),
            "onnxruntime_all": optimized(path, levels.ORT_ENABLE_ALL),
        }
    inputs = {"float16": np.float16, "float16_mixed": np.float16, "float64": np.float64}
    offsets = {"uint8_input": (np.uint8, 0), "int8_input": (np.int8, 128)}
    map_of_class_1 = hirescam(network, torch.from_numpy(x)).tolist()
    references = {}
    for name, model in models.items():
        onnx.save(model, HERE / f"{name}.onnx")
        given = x.astype(inputs.get(name, np.float32))
        if name in offsets:
            data_type, offset = offsets[name]
            given = (pixels.transpose(2, 0, 1)[None].astype(np.int16) - offset).astype(data_type)
        # ONNX Runtime has no convolution of these types on the CPU.
        if name == "bfloat16":
            half = Network().eval()
            half.load_state_dict({k: v.bfloat16().float() for k, v in network.state_dict().items()})
            logits = half(torch.from_numpy(x)).detach().numpy()
        elif name == "float64":
            logits = Network().eval().double()
            logits.load_state_dict(network.state_dict())
            logits = logits(torch.from_numpy(given)).detach().numpy()
        else:
            logits = run(model, given)
        references[name] = [float(v) for v in logits.astype(np.float64).ravel()]
    (HERE / "references.json").write_text(json.dumps({"logits": references, "hirescam": map_of_class_1}) + "\n")


if __name__ == "__main__":
    main()
