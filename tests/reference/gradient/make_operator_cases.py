"""Writes operator_cases.jsonl, the test cases of the gradient rules.

There is a case for every operator, attribute branch and operand position that the rules handle. A case
is a tiny model, its inputs, a cotangent, and the gradient.

The gradient is computed by central finite differences of onnx.reference in float64, unless a case says
otherwise. At ties and kinks, PyTorch's gradient is the reference.

    python make_operator_cases.py        (needs onnx, numpy, torch)
"""

from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper

import reference as r

CASES = []


def spread(*shape, low=-2.0, high=2.0, seed=0):
    """Distinct numbers in random order. None is near 0, and they are far enough apart for finite differences."""
    count = int(np.prod(shape))
    grid = np.linspace(low, high, count + 2)[1:-1] + 0.013
    return np.random.default_rng(seed + count).permutation(grid).round(3).reshape(shape).astype("f")


def positive(*shape, seed=0):
    return spread(*shape, low=0.3, high=2.3, seed=seed)


def cotangent(shape):
    values = np.random.default_rng(7 + int(np.prod(shape))).uniform(-1, 1, shape)
    return values.round(2).astype("f")


def output_of(model, inputs, name):
    wide = {k: v.astype(np.float64) for k, v in inputs.items()}
    return r.ReferenceEvaluator(r.in_float64(model)).run([name], wide)[0]


def network(name, operator, nodes, inputs, weights, opset, layers=None, logits="y", shape=None,
            gradients=None, reference=None, step=1e-5):
    """A case of several nodes. `gradients` is given if finite differences are not the reference."""
    model = r.graph(nodes, inputs, weights, [logits], opset)
    if shape is None:
        shape = output_of(model, inputs, logits).shape
    case = r.Case(name, operator, model, inputs, layers or list(inputs), logits, cotangent(shape))
    if gradients is None:
        r.finite_differences(case, step)
    else:
        case.gradients = gradients(case.seed)
        case.reference = reference
    if name in {c.name for c in CASES}:
        raise ValueError(f"{name} is there twice")
    CASES.append(case)


def case(operator, about="", x=None, *weights, opset=17, outputs=("y",), logits="y", more=None,
         gradients=None, reference=None, shape=None, **attributes):
    """A case of one node: y = operator(x, *weights) for input x, further inputs `more`."""
    names, inputs, constants = ["x"], {"x": x}, {}
    for index, weight in enumerate(weights):
        if weight is None:
            names.append("")
            continue
        name = f"w{index}"
        names.append(name)
        constants[name] = weight
    for name, value in (more or {}).items():
        names.append(name)
        inputs[name] = value
    node = helper.make_node(operator, names, list(outputs), **attributes)
    label = f"{operator} opset {opset}" + (f": {about}" if about else "")
    network(label, operator, [node], inputs, constants, opset, logits=logits, shape=shape,
            gradients=gradients, reference=reference)


def ints(*values):
    return np.array(values, np.int64)


def scalar(value):
    return np.array(value, np.float32)


def with_torch(function, *inputs):
    """Gradients by torch: function of float64 tensors, inputs by name."""

    def gradients(seed):
        tensors = {k: torch.tensor(v.astype("d"), requires_grad=True) for k, v in inputs[0].items()}
        function(**tensors).backward(torch.tensor(seed.astype("d")))
        return {k: v.grad.numpy() for k, v in tensors.items()}

    return dict(gradients=gradients, reference=r.TORCH)


def activations():
    x = spread(2, 12)
    # onnx.reference computes Erf and Gelu in float32, and Celu with another definition of alpha.
    case("Erf", x=x, opset=13, **with_torch(lambda x: torch.erf(x), {"x": x}))
    for name in ["Relu", "Sigmoid", "Tanh", "Softplus", "Softsign", "HardSwish", "Exp", "Abs",
                 "Neg", "Sin", "Cos"]:
        case(name, x=x, opset=14)
    for name in ["Sqrt", "Log", "Reciprocal"]:
        case(name, x=positive(2, 6), opset=13)
    for name in ["Atan", "Asinh", "Sinh", "Cosh", "Ceil", "Floor", "Sign"]:
        case(name, x=x, opset=13)
    for name in ["Asin", "Acos", "Atanh", "Tan"]:
        case(name, x=spread(2, 6, low=-0.9, high=0.9), opset=13)
    case("Acosh", x=positive(2, 6) + np.float32(1), opset=13)
    case("Shrink", x=x)
    case("Shrink", "attributes", x, lambd=0.9, bias=0.3)
    case("LeakyRelu", x=x)
    case("LeakyRelu", "alpha", x, alpha=0.3)
    case("LeakyRelu", "negative alpha", x, alpha=-0.5)
    case("LeakyRelu", "alpha 0", x, alpha=0.0)
    case("PRelu", "slope a channel", spread(1, 3, 2, 2), positive(3, 1, 1))
    case("PRelu", "one slope", x, positive(1))
    case("PRelu", "old", spread(1, 3, 4), positive(3, 1), opset=7)
    case("PRelu", "slope from the picture", spread(1, 3, 4), more={"s": positive(3, 1)})
    case("Elu", x=x)
    case("Elu", "alpha", x, alpha=0.6)
    case("Selu", x=x)
    case("Selu", "attributes", x, alpha=1.2, gamma=0.8)
    case("Celu", x=x)
    case("Celu", "alpha", x, alpha=1.7, **with_torch(lambda x: torch.nn.functional.celu(x, 1.7), {"x": x}))
    case("HardSigmoid", x=x)
    case("HardSigmoid", "outside too", spread(2, 12, low=-4, high=4), alpha=0.3, beta=0.4)
    case("HardSwish", "outside too", spread(2, 12, low=-5, high=5), opset=14)
    case("ThresholdedRelu", x=x)
    case("ThresholdedRelu", "alpha", x, alpha=0.4, opset=10)
    case("Mish", x=x, opset=18)
    case("Gelu", x=x, opset=20, **with_torch(lambda x: torch.nn.functional.gelu(x), {"x": x}))
    case("Gelu", "tanh", x, opset=20, approximate="tanh")
    case("Swish", x=x, opset=24,
         **with_torch(lambda x: torch.nn.functional.silu(x), {"x": x}), shape=x.shape)
    case("Swish", "alpha", x, opset=24, alpha=1.7)
    case("Swish", "negative alpha", x, opset=24, alpha=-0.6)
    case("Clip", "attributes", x, opset=7, min=-0.7, max=0.9)
    case("Clip", "only min", x, opset=7, min=-0.7)
    case("Clip", "inputs", x, scalar(-0.7), scalar(0.9), opset=11)
    case("Clip", "only max", x, None, scalar(0.9), opset=13)
    case("Clip", "only min", x, scalar(0.2), opset=13)
    case("Clip", "nothing", x, opset=13)
    kink = np.array([[-1, -0.0, 0.0, 1, 6, 7]], "f")
    functional = lambda name: lambda x: getattr(torch.nn.functional, name)(x)
    for operator, function in [("Relu", "relu"), ("LeakyRelu", "leaky_relu"), ("Elu", "elu"),
                               ("HardSwish", "hardswish"), ("Abs", None)]:
        about = functional(function) if function else (lambda x: x.abs())
        case(operator, "at the kink", np.where(kink == 6, 3, np.where(kink == -1, -3, kink)).astype("f"),
             opset=16, **with_torch(about, {"x": np.where(kink == 6, 3, np.where(kink == -1, -3, kink))}))
    case("Clip", "at the bounds", kink, scalar(0), scalar(6), **with_torch(functional("relu6"), {"x": kink}))
    for operator in ["Softmax", "LogSoftmax"]:
        case(operator, x=spread(2, 5))
        case(operator, "axis 1", spread(1, 3, 2, 2), axis=1)
        case(operator, "negative axis", spread(1, 3, 4), axis=-2, opset=13)
        # onnx.reference computes the old operator by the new definition.
        function = {"Softmax": torch.softmax, "LogSoftmax": torch.log_softmax}[operator]
        for about, shape, axis, rows in [("", (2, 3, 2), None, 2), (" from axis 2", (2, 3, 2, 2), 2, 6),
                                         (" from the last axis", (2, 3, 2), -1, 6)]:
            x, attribute = spread(*shape), {} if axis is None else {"axis": axis}
            flat = lambda x, f=function, n=rows: f(x.reshape(n, -1), 1).reshape(x.shape)
            case(operator, f"flattens{about}", x, opset=11, shape=shape, **attribute, **with_torch(flat, {"x": x}))


def arithmetic():
    full, row, column, plane = spread(2, 3, 4), positive(4), positive(3, 1), positive(1, 3, 1)
    for name in ["Add", "Sub", "Mul", "Div"]:
        case(name, "same shape", full, more={"b": positive(2, 3, 4)})
        case(name, "right broadcasts", full, more={"b": column})
        case(name, "left broadcasts", row, more={"b": positive(2, 3, 4)})
        case(name, "both broadcast", row, more={"b": column})
        case(name, "constant", full, plane, opset=7)
        case(name, "by a number", full, scalar(1.7), opset=13)
    for name, nodes in {
        "Div by the picture": helper.make_node("Div", ["w", "x"], ["y"]),
        "Sub the picture": helper.make_node("Sub", ["w", "x"], ["y"]),
    }.items():
        network(name, nodes.op_type, [nodes], {"x": positive(2, 3)}, {"w": spread(3)}, 14)
    case("Mul", "one batch of a larger rank", spread(3), more={"b": positive(2, 1, 3)})
    case("Pow", "square", full, scalar(2), opset=13)
    case("Pow", "first power", full, scalar(1), opset=13)
    case("Pow", "cube", full, scalar(3), opset=12)
    case("Pow", "root", positive(2, 3), scalar(0.5), opset=15)
    case("Pow", "negative", positive(2, 3), scalar(-1.5), opset=7)
    case("Pow", "exponents", positive(2, 3), np.array([2, 3, 0.5], "f"))
    case("Pow", "exponent from the picture", positive(2, 3), more={"p": positive(3)})
    for name in ["Min", "Max"]:
        case(name, "two", spread(2, 3), more={"b": spread(2, 3, seed=1)})
        case(name, "three", spread(2, 3), more={"b": spread(3, seed=1), "c": spread(2, 1, seed=2)}, opset=8)
        case(name, "constant", spread(2, 6), scalar(0.3), opset=12)
        case(name, "one", spread(2, 3))
        tie = {"x": np.array([[1, 2, 3]], "f"), "b": np.array([[1, 3, 2]], "f")}
        torch_name = {"Min": "minimum", "Max": "maximum"}[name]
        case(name, "a tie", tie["x"], more={"b": tie["b"]},
             **with_torch(lambda x, b, n=torch_name: getattr(torch, n)(x, b), tie))
    case("Sum", "three", spread(2, 3), more={"b": spread(3, seed=1), "c": spread(2, 1, seed=2)})
    case("Mean", "three", spread(2, 3), more={"b": spread(3, seed=1), "c": spread(2, 1, seed=2)})
    case("Identity", x=full)
    case("Dropout", "opset 7", full, opset=7, ratio=0.3)
    case("Dropout", "ratio an input", full, scalar(0.4), opset=12)
    case("Dropout", "not training", full, scalar(0.4), np.array(False), opset=13)
    condition = np.array([[True, False, True]])
    where = lambda names: [helper.make_node("Where", names, ["y"])]
    network("Where opset 16: both branches", "Where", where(["c", "x", "b"]),
            {"x": spread(2, 3), "b": spread(2, 1, seed=1)}, {"c": condition}, 16)
    network("Where opset 9: constant branch", "Where", where(["c", "x", "w"]),
            {"x": spread(2, 3)}, {"c": condition, "w": scalar(0.5)}, 9)
    network("Where opset 16: condition from the picture", "Where",
            [helper.make_node("Greater", ["x", "w"], ["c"]),
             helper.make_node("Mul", ["x", "x"], ["a"]),
             helper.make_node("Where", ["c", "a", "x"], ["y"])],
            {"x": spread(2, 3)}, {"w": scalar(0.5)}, 16)
    network("Cast opset 13: to float16 and back", "Cast",
            [helper.make_node("Cast", ["x"], ["h"], to=TensorProto.DOUBLE),
             helper.make_node("Mul", ["h", "h"], ["q"]),
             helper.make_node("Cast", ["q"], ["y"], to=TensorProto.FLOAT)],
            {"x": spread(2, 3)}, {}, 13)
    CASES[-1].name = "Cast opset 13: to float64 and back"


def quantizations():
    # The derivative is 0 almost everywhere. The rule is the straight-through estimator.
    case("Round", x=spread(2, 6), gradients=lambda seed: {"x": seed}, reference=r.HAND)


def convolutions():
    x, w = spread(1, 4, 6, 7), spread(6, 4, 3, 3, low=-0.7, high=0.7)
    for opset in (7, 11, 17):
        case("Conv", "3×3", x, w, opset=opset)
    case("Conv", "bias", x, w, spread(6))
    case("Conv", "pads", x, w, pads=[1, 1, 1, 1])
    case("Conv", "uneven pads", x, w, pads=[0, 1, 2, 0])
    case("Conv", "stride 2", x, w, strides=[2, 2])
    case("Conv", "stride 2, pads", x, w, strides=[2, 2], pads=[1, 1, 1, 1])
    case("Conv", "uneven strides and pads", x, w, strides=[3, 2], pads=[0, 2, 1, 1])
    case("Conv", "rows that no window reaches", spread(1, 4, 8, 8), w, strides=[3, 3])
    case("Conv", "stride beyond the kernel", spread(1, 4, 8, 9), w, strides=[4, 5])
    case("Conv", "dilation", x, w, dilations=[2, 1])
    case("Conv", "dilation, pads", x, w, dilations=[2, 3], pads=[2, 3, 2, 3])
    case("Conv", "dilation and stride", spread(1, 4, 9, 9), w, dilations=[2, 2], strides=[2, 3], pads=[1, 0, 1, 2])
    case("Conv", "groups", x, spread(6, 2, 3, 3), group=2, pads=[1, 1, 1, 1])
    case("Conv", "groups, stride 2", x, spread(6, 2, 3, 3), group=2, strides=[2, 2], pads=[1, 1, 1, 1])
    case("Conv", "depthwise", x, spread(4, 1, 3, 3), group=4, pads=[1, 1, 1, 1])
    case("Conv", "depthwise, stride 2", x, spread(4, 1, 3, 3), group=4, strides=[2, 2], pads=[1, 1, 1, 1])
    case("Conv", "depthwise, dilation", x, spread(4, 1, 3, 3), group=4, dilations=[2, 2], pads=[2, 2, 2, 2])
    case("Conv", "depthwise with a multiplier", x, spread(8, 1, 3, 3), group=4)
    case("Conv", "1×1", x, spread(6, 4, 1, 1))
    case("Conv", "1×1, stride 2", x, spread(6, 4, 1, 1), strides=[2, 2])
    case("Conv", "1×1, pads", x, spread(6, 4, 1, 1), pads=[1, 1, 1, 1])
    case("Conv", "1×7", x, spread(3, 4, 1, 7), pads=[0, 3, 0, 3])
    case("Conv", "even kernel", x, spread(3, 4, 2, 4), pads=[1, 1, 0, 2])
    case("Conv", "pads beyond the kernel", x, spread(3, 4, 2, 2), pads=[2, 3, 3, 2])
    case("Conv", "whole picture", x, spread(3, 4, 6, 7, low=-0.7, high=0.7))
    for auto_pad in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        case("Conv", auto_pad, x, w, auto_pad=auto_pad)
        case("Conv", f"{auto_pad}, stride 2", x, w, auto_pad=auto_pad, strides=[2, 2])
        case("Conv", f"{auto_pad}, even kernel", x, spread(3, 4, 2, 4), auto_pad=auto_pad)
    case("Conv", "one dimension", spread(1, 3, 9), spread(4, 3, 3), pads=[1, 1], strides=[2])
    case("Conv", "one dimension, stride 1", spread(1, 3, 9), spread(4, 3, 3), pads=[1, 1])
    case("Conv", "three dimensions", spread(1, 2, 4, 4, 3), spread(3, 2, 3, 3, 2), pads=[1, 1, 0, 1, 1, 1])
    case("Conv", "three dimensions, stride 2", spread(1, 2, 4, 4, 3), spread(3, 2, 2, 2, 2), strides=[2, 2, 1])
    half = w.astype(np.float16)
    cast = helper.make_node("Cast", ["w"], ["f"], to=TensorProto.FLOAT)
    for about, attributes in {"": {}, ", stride 2": {"strides": [2, 2]}}.items():
        network(f"Conv opset 17: float16 weights{about}", "Conv",
                [cast, helper.make_node("Conv", ["x", "f"], ["y"], **attributes)], {"x": x}, {"w": half}, 17)
        network(f"Conv opset 17: computed weights{about}", "Conv",
                [helper.make_node("Mul", ["w", "s"], ["f"]),
                 helper.make_node("Conv", ["x", "f"], ["y"], **attributes)],
                {"x": x}, {"w": w, "s": positive(6, 1, 1, 1)}, 17)
    network("Conv opset 13: weights of a Constant node", "Conv",
            [helper.make_node("Constant", [], ["f"], value=r.numpy_helper.from_array(w)),
             helper.make_node("Conv", ["x", "f"], ["y"])], {"x": x}, {}, 13)

    x, w = spread(1, 4, 4, 5), spread(4, 3, 3, 3, low=-0.7, high=0.7)
    case("ConvTranspose", "3×3", x, w)
    case("ConvTranspose", "stride 2", x, w, strides=[2, 2])
    case("ConvTranspose", "stride, pads, output_padding", x, w, strides=[2, 3], pads=[1, 0, 1, 2], output_padding=[1, 2])
    case("ConvTranspose", "dilation", x, w, dilations=[2, 1], pads=[1, 1, 1, 1])
    case("ConvTranspose", "groups", x, spread(4, 2, 2, 2), group=2, strides=[2, 2], opset=11, shape=(1, 4, 8, 10),
         **with_torch(lambda x: torch.nn.functional.conv_transpose2d(
             x, torch.tensor(spread(4, 2, 2, 2).astype("d")), stride=2, groups=2), {"x": x}))
    case("ConvTranspose", "bias", x, w, spread(3), opset=7)


def pools():
    x = spread(1, 2, 6, 7)
    for opset in (7, 8, 10, 12):
        case("MaxPool", "2×2 stride 2", x, opset=opset, kernel_shape=[2, 2], strides=[2, 2])
    case("MaxPool", "3×3 stride 2", x, kernel_shape=[3, 3], strides=[2, 2])
    case("MaxPool", "3×3 stride 2, pads", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case("MaxPool", "3×3 stride 1, pads", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1])
    case("MaxPool", "3×2, uneven", x, kernel_shape=[3, 2], strides=[1, 3], pads=[1, 0, 2, 1])
    case("MaxPool", "stride beyond the kernel", x, kernel_shape=[2, 2], strides=[3, 4])
    case("MaxPool", "ceil_mode", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)
    case("MaxPool", "ceil_mode, no overlap", x, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1)
    case("MaxPool", "ceil_mode, pads", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 0], ceil_mode=1)
    case("MaxPool", "dilation", x, kernel_shape=[2, 3], dilations=[3, 2])
    case("MaxPool", "dilation and stride", x, kernel_shape=[2, 2], dilations=[2, 3], strides=[2, 2], pads=[1, 1, 1, 1])
    case("MaxPool", "indices too", x, kernel_shape=[2, 2], strides=[2, 2], outputs=("y", "i"))
    case("MaxPool", "one dimension", spread(1, 3, 9), kernel_shape=[3], strides=[2], pads=[1, 1])
    case("MaxPool", "three dimensions", spread(1, 2, 4, 4, 3), kernel_shape=[2, 2, 2], strides=[2, 2, 1])
    for auto_pad in ["SAME_UPPER", "VALID"]:
        case("MaxPool", auto_pad, x, kernel_shape=[3, 2], strides=[2, 2], auto_pad=auto_pad)
    # onnx.reference computes one column too few for SAME_LOWER.
    padded = lambda x: torch.nn.functional.pad(x, (1, 0, 1, 0), value=-torch.inf)
    case("MaxPool", "SAME_LOWER", x, kernel_shape=[3, 2], strides=[2, 2], auto_pad="SAME_LOWER", shape=(1, 2, 3, 4),
         **with_torch(lambda x: torch.nn.functional.max_pool2d(padded(x), (3, 2), 2), {"x": x}))
    ties = np.array([[0, 0, 1, 1, 0, 2], [0, 0, 1, 1, 2, 0], [3, 1, 0, 0, 2, 2], [1, 3, 0, 0, 2, 2]], "f")
    ties = np.stack([ties, np.zeros_like(ties)])[None]
    pool = lambda **kw: lambda x: torch.nn.functional.max_pool2d(x, **kw)
    case("MaxPool", "ties", ties, kernel_shape=[2, 2], strides=[2, 2],
         **with_torch(pool(kernel_size=2, stride=2), {"x": ties}))
    case("MaxPool", "ties of overlapping windows", ties, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1],
         **with_torch(pool(kernel_size=3, stride=2, padding=1), {"x": ties}))
    case("MaxPool", "ties, stride 1", ties, kernel_shape=[2, 2],
         **with_torch(pool(kernel_size=2, stride=1), {"x": ties}))
    for include in (0, 1):
        some = dict(count_include_pad=include)
        case("AveragePool", f"2×2 stride 2, {include}", x, kernel_shape=[2, 2], strides=[2, 2], **some)
        case("AveragePool", f"3×3 pads, {include}", x, kernel_shape=[3, 3], pads=[1, 1, 1, 1], **some)
        case("AveragePool", f"3×3 stride 2 uneven pads, {include}", x, kernel_shape=[3, 3], strides=[2, 2], pads=[0, 1, 1, 2], **some)
        ceil = dict(ceil_mode=True, count_include_pad=bool(include))
        average = lambda kw: lambda x: torch.nn.functional.avg_pool2d(x, **kw)
        case("AveragePool", f"ceil_mode, {include}", x, kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, shape=(1, 2, 3, 3),
             **some, **with_torch(average(dict(kernel_size=3, stride=2, **ceil)), {"x": x}))
        case("AveragePool", f"ceil_mode, pads, {include}", x, kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1,
             shape=(1, 2, 4, 4), **some, **with_torch(average(dict(kernel_size=3, stride=2, padding=1, **ceil)), {"x": x}))
    case("AveragePool", "whole picture", x, kernel_shape=[6, 7])
    case("AveragePool", "opset 7", x, kernel_shape=[2, 3], opset=7)
    case("AveragePool", "dilation", x, kernel_shape=[2, 3], dilations=[2, 2], opset=19)
    case("AveragePool", "one dimension", spread(1, 3, 9), kernel_shape=[3], strides=[2], pads=[1, 1])
    for auto_pad in ["SAME_UPPER", "SAME_LOWER", "VALID"]:
        case("AveragePool", auto_pad, x, kernel_shape=[3, 2], strides=[2, 2], auto_pad=auto_pad)
    case("GlobalAveragePool", x=x)
    case("GlobalAveragePool", "one dimension", spread(1, 3, 5), opset=7)
    case("GlobalMaxPool", x=x)
    x = spread(1, 2, 2, 3, 2)
    case("GlobalMaxPool", "three dimensions", x, shape=(1, 2, 1, 1, 1),
         **with_torch(lambda x: x.amax((2, 3, 4), keepdim=True), {"x": x}))
    flat = lambda x: torch.nn.functional.adaptive_max_pool2d(x, 1)
    case("GlobalMaxPool", "ties", ties, **with_torch(flat, {"x": ties}))


def normalizations():
    x = spread(1, 4, 3, 2)
    four = lambda s: positive(4, seed=s)
    for opset in (7, 9, 14, 15):
        node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"], epsilon=1e-3)
        network(f"BatchNormalization opset {opset}", "BatchNormalization", [node], {"x": x},
                {"s": four(1), "b": four(2), "m": four(3), "v": four(4)}, opset, shape=x.shape,
                gradients=lambda seed: {"x": seed * (four(1) / np.sqrt(four(4) + 1e-3)).reshape(4, 1, 1)},
                reference=r.HAND)
    node = helper.make_node("BatchNormalization", ["x", "s", "b", "m", "v"], ["y"])
    network("BatchNormalization opset 15: of a vector", "BatchNormalization", [node], {"x": spread(2, 4)},
            {"s": four(1), "b": four(2), "m": four(3), "v": four(4)}, 15)
    case("InstanceNormalization", "", x, four(1), four(2))
    case("InstanceNormalization", "epsilon", spread(1, 4, 6), four(1), four(2), opset=7, epsilon=0.1)
    case("LayerNormalization", "last axis", spread(1, 3, 4), four(1), four(2))
    case("LayerNormalization", "no bias", spread(1, 3, 4), four(1), epsilon=0.01)
    case("LayerNormalization", "two axes", spread(2, 3, 4), positive(3, 4), positive(3, 4, seed=1), axis=1)
    case("GroupNormalization", "opset 18", x, positive(2), spread(2), opset=18, num_groups=2,
         **with_torch(lambda x: torch.nn.functional.group_norm(
             x, 2, torch.tensor(np.repeat(positive(2), 2).astype("d"))), {"x": x}), shape=x.shape)
    case("GroupNormalization", "opset 21", x, four(1), four(2), opset=21, num_groups=2,
         **with_torch(lambda x: torch.nn.functional.group_norm(
             x, 2, torch.tensor(four(1).astype("d"))), {"x": x}), shape=x.shape)
    whiten = lambda dim: lambda x: (x - x.mean(dim, keepdim=True)) / x.std(dim, unbiased=False, keepdim=True)
    x = spread(1, 2, 3, 2)
    case("MeanVarianceNormalization", "", x, opset=13, shape=x.shape, **with_torch(whiten((0, 2, 3)), {"x": x}))
    case("MeanVarianceNormalization", "axes", x, opset=9, axes=[1, 2], shape=x.shape,
         **with_torch(whiten((1, 2)), {"x": x}))
    for size in (1, 3, 4, 5):
        # onnx.reference also sums over positions.
        def lrn(x, size=size):
            squares = torch.nn.functional.pad(x.square(), (0, 0, 0, 0, (size - 1) // 2, size // 2))
            total = sum(squares[:, i : i + x.shape[1]] for i in range(size))
            return x / (1.5 + 0.3 / size * total) ** 0.6

        x = spread(1, 6, 2, 2)
        case("LRN", f"size {size}", x, size=size, alpha=0.3, beta=0.6, bias=1.5, shape=x.shape, **with_torch(lrn, {"x": x}))
    for p in (1, 2):
        torch_norm = lambda x, p=p: torch.nn.functional.normalize(x, p=p, dim=1)
        case("LpNormalization", f"p = {p}", spread(2, 3, 2), p=p, axis=1, shape=(2, 3, 2),
             **with_torch(torch_norm, {"x": spread(2, 3, 2)}))


def reductions():
    x = spread(2, 3, 4)
    for name in ["ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceL1", "ReduceL2",
                 "ReduceSumSquare", "ReduceLogSumExp", "ReduceLogSum"]:
        value = positive(2, 3, 4) if name == "ReduceLogSum" else x
        case(name, "axes an attribute", value, opset=11, axes=[1, -1])
        case(name, "not kept", value, opset=7, axes=[1], keepdims=0)
        case(name, "all", value, opset=11)
        newer = 13 if name == "ReduceSum" else 18
        case(name, "axes an input", value, ints(2, 0), opset=newer, keepdims=0)
        case(name, "nothing", value, opset=newer, noop_with_empty_axes=1,
             **with_torch(NOTHING[name], {"x": value}), shape=value.shape)
    tie = np.array([[1, 2, 2], [3, 3, 3]], "f")
    case("ReduceMax", "ties", tie, opset=13, axes=[1], **with_torch(lambda x: x.amax(1, keepdim=True), {"x": tie}))
    case("ReduceMin", "ties", tie, opset=13, axes=[0], **with_torch(lambda x: x.amin(0, keepdim=True), {"x": tie}))
    zero = np.zeros((2, 3), "f")
    case("ReduceL2", "of zeros", zero, opset=13, axes=[1],
         **with_torch(lambda x: x.norm(dim=1, keepdim=True), {"x": zero}))


# What each reduction computes without axes and with noop_with_empty_axes.
NOTHING = {
    "ReduceSum": lambda x: x, "ReduceMean": lambda x: x, "ReduceMax": lambda x: x, "ReduceMin": lambda x: x,
    "ReduceL1": lambda x: x.abs(), "ReduceL2": lambda x: x.abs(), "ReduceSumSquare": lambda x: x * x,
    "ReduceLogSumExp": lambda x: x, "ReduceLogSum": lambda x: x.log(),
}


def matrices():
    a, b = spread(3, 4), spread(4, 2)
    for left in (0, 1):
        for right in (0, 1):
            x, w = (a.T.copy() if left else a), (b.T.copy() if right else b)
            case("Gemm", f"transA {left}, transB {right}", x, transA=left, transB=right, alpha=0.7, beta=1.3,
                 more={"b": w, "c": spread(2)})
    case("Gemm", "weights", a, b, spread(1, 2), opset=7)
    case("Gemm", "transposed weights", a, b.T.copy(), spread(2), opset=9, transB=1)
    case("Gemm", "no bias", a, b, opset=11)
    case("MatMul", "matrices", a, more={"b": b})
    case("MatMul", "weights", spread(1, 3, 4), b, opset=9)
    case("MatMul", "batches", spread(2, 3, 4), more={"b": spread(2, 4, 2)})
    case("MatMul", "left broadcasts", spread(3, 4), more={"b": spread(2, 4, 2)})
    case("MatMul", "right broadcasts", spread(2, 2, 3, 4), more={"b": spread(2, 1, 4, 2)})
    case("MatMul", "row vector", spread(4), more={"b": b})
    case("MatMul", "column vector", a, more={"b": spread(4)})
    case("MatMul", "vectors", spread(4), more={"b": spread(4, seed=1)})
    case("MatMul", "row vector, batches", spread(4), more={"b": spread(2, 4, 2)})
    case("MatMul", "column vector, batches", spread(2, 3, 4), more={"b": spread(4)})
    network("MatMul opset 13: computed weights", "MatMul",
            [helper.make_node("Transpose", ["w"], ["t"]), helper.make_node("MatMul", ["x", "t"], ["y"])],
            {"x": a}, {"w": b.T.copy()}, 13)


def einsums():
    """The last label of "ijk" is summed by itself."""
    x, w = spread(2, 3, 4), spread(4, 5)
    case("Einsum", "stored matrix", x, w, equation="ijk,kl->ijl")
    case("Einsum", "both from the picture", spread(2, 3, 4), more={"b": spread(2, 5, 4)}, equation="bik,bjk->bij")
    case("Einsum", "one operand, label summed alone", x, equation="ijk->ji")
    case("Einsum", "outer product and spaces", spread(3), more={"b": spread(4)}, equation="i, j -> ji")


def rearrangements():
    x = spread(2, 3, 4)
    case("Reshape", "", x, ints(4, -1))
    case("Reshape", "0 and −1", x, ints(0, -1), opset=7)
    case("Flatten", x=x)
    case("Flatten", "axis 2", x, axis=2, opset=9)
    case("Flatten", "negative axis", x, axis=-1, opset=11)
    one = spread(1, 3, 1, 2)
    case("Squeeze", "axes an attribute", one, opset=7, axes=[0])
    case("Squeeze", "axes an input", one, ints(-2), opset=13)
    case("Squeeze", "all", one, opset=13)
    case("Unsqueeze", "axes an attribute", x, opset=11, axes=[0, 3])
    case("Unsqueeze", "axes an input", x, ints(1, -1), opset=13)
    case("Transpose", "", x, perm=[2, 0, 1])
    case("Transpose", "reversed", x, opset=7)
    case("Transpose", "NHWC", spread(1, 2, 3, 4), perm=[0, 2, 3, 1])
    case("Expand", "", spread(3, 1), ints(2, 3, 4))
    case("Expand", "to a smaller target", spread(2, 3, 4), ints(3, 1), opset=8)
    case("Tile", "", spread(2, 3), ints(2, 3))
    case("Concat", "channels", spread(1, 2, 3), axis=1, more={"b": spread(1, 4, 3)}, opset=7)
    case("Concat", "negative axis", spread(1, 2, 3), axis=-1, more={"b": spread(1, 2, 1), "c": spread(1, 2, 2)}, opset=11)
    case("Concat", "a constant", spread(1, 2, 3), spread(1, 1, 3), axis=1)
    network("Concat opset 13: a value twice", "Concat", [helper.make_node("Concat", ["x", "x"], ["y"], axis=0)],
            {"x": spread(2, 3)}, {}, 13)
    for mode in ("DCR", "CRD"):
        case("DepthToSpace", mode, spread(1, 8, 2, 3), blocksize=2, mode=mode)
    case("DepthToSpace", "old", spread(1, 9, 2, 1), blocksize=3, opset=7)
    case("SpaceToDepth", "", spread(1, 2, 4, 6), blocksize=2)
    pieces = lambda given, **kw: [
        helper.make_node("Split", ["x"] + (["s"] if given else []), ["a", "b", "c"], **kw),
        helper.make_node("Mul", ["a", "b"], ["m"]), helper.make_node("Concat", ["m", "c"], ["y"], axis=1)]
    network("Split opset 7: equal", "Split", pieces(False, axis=1), {"x": spread(1, 6, 2)}, {}, 7)
    network("Split opset 11: an attribute", "Split", pieces(False, axis=1, split=[2, 2, 3]), {"x": spread(1, 7, 2)}, {}, 11)
    network("Split opset 13: an input", "Split", pieces(True, axis=-2), {"x": spread(1, 5, 2)}, {"s": ints(2, 2, 1)}, 13)
    network("Split opset 18: num_outputs", "Split", pieces(False, axis=1, num_outputs=3), {"x": spread(1, 6, 2)}, {}, 18)
    network("Split opset 13: one part unused", "Split",
            [helper.make_node("Split", ["x"], ["a", "b", "c"], axis=1), helper.make_node("Mul", ["c", "a"], ["y"])],
            {"x": spread(1, 6, 2)}, {}, 13)
    network("Split opset 13: first part unused", "Split",
            [helper.make_node("Split", ["x"], ["a", "b"], axis=1), helper.make_node("Mul", ["b", "b"], ["y"])],
            {"x": spread(1, 6, 2)}, {}, 13)


def selections():
    x = spread(1, 5, 6)
    case("Slice", "attributes", x, opset=9, starts=[1, -4], ends=[4, 100], axes=[1, 2])
    case("Slice", "attributes without axes", x, opset=7, starts=[0, 1, 0], ends=[1, 3, -1])
    case("Slice", "inputs", x, ints(1, 2), ints(-1, 5), ints(1, -1), opset=10)
    case("Slice", "no axes", x, ints(0, 2), ints(1, 4), opset=13)
    case("Slice", "steps", x, ints(1, 0), ints(100, 6), ints(1, 2), ints(2, 3), opset=13)
    case("Slice", "backwards", x, ints(-1, 4), ints(-100, 0), ints(1, 2), ints(-1, -2), opset=13)
    case("Slice", "one element, far step", x, ints(2), ints(5), ints(2), ints(7), opset=13)
    case("Pad", "attributes", spread(1, 2, 3), opset=7, pads=[0, 1, 2, 0, 0, 1])
    case("Pad", "inputs", spread(1, 2, 3), ints(0, 1, 2, 0, 0, 1), opset=11)
    case("Pad", "a value", spread(1, 2, 3), ints(0, 1, 2, 0, 0, 1), scalar(0.7), opset=13)
    x = spread(1, 4, 5)
    case("Pad", "crops", x, ints(0, -1, -2, 0, 1, -1), opset=13, shape=(1, 4, 2),
         **with_torch(lambda x: torch.nn.functional.pad(x, (-2, -1, -1, 1)), {"x": x}))
    case("Pad", "reflect", spread(1, 3, 4), ints(0, 1, 3, 0, 2, 2), opset=13, mode="reflect")
    case("Pad", "reflect, attribute", spread(1, 3, 4), opset=10, mode="reflect", pads=[0, 0, 3, 0, 0, 2])
    case("Pad", "edge", spread(1, 3, 4), ints(0, 1, 3, 0, 2, 2), opset=13, mode="edge")
    case("Pad", "axes", spread(1, 3, 4), ints(1, 2), None, ints(-1), opset=18)
    case("Pad", "wrap", spread(1, 3, 4), ints(0, 1, 3, 0, 2, 2), opset=19, mode="wrap")
    x = spread(1, 5, 6)
    case("Gather", "a number", x, np.array(2, np.int64), axis=1)
    case("Gather", "a run", x, ints(2, 3, 4), axis=2, opset=11)
    case("Gather", "twice the same", x, ints(4, 0, 4, -2), axis=1)
    case("Gather", "a matrix", x, np.array([[0, 5], [1, 1]], np.int64), axis=-1, opset=7)
    case("Gather", "last axis", spread(3, 4), ints(3, 0), axis=1)
    case("Gather", "axis 0", spread(3, 4), ints(2, 0, 2), opset=13)


def scatterings():
    x = spread(1, 5, 6)
    case("TopK", "last axis", x, ints(3), opset=11, outputs=("y", "i"))
    case("TopK", "least of an axis", x, ints(2), opset=11, outputs=("y", "i"), axis=1, largest=0)
    case("TopK", "opset 10", x, ints(2), opset=10, outputs=("y", "i"), axis=-2)
    at = np.array([[[0, 4, 0], [3, -1, 2], [5, 1, 4], [2, 0, 3], [1, 1, 1]]], np.int64)
    once = np.array([[[0, 4, 1], [3, 5, 2], [5, 1, 4], [2, 0, 3], [1, 3, 2]]], np.int64)
    case("GatherElements", "twice the same", x, at, opset=13, axis=2)
    case("GatherElements", "axis 0", spread(3, 2), np.array([[2, 0], [2, 2]], np.int64), opset=11)
    case("GatherND", "elements", x, np.array([[0, 1, 2], [0, 4, 5], [0, 1, 2]], np.int64), opset=13)
    case("GatherND", "rows", x, np.array([[[0, 4]], [[0, 0]]], np.int64), opset=12)
    rows, places = spread(2, 6, seed=3), np.array([[0, 4], [0, 1]], np.int64)
    node = helper.make_node
    network("ScatterND opset 16: rows", "ScatterND", [node("ScatterND", ["x", "i", "u"], ["y"])],
            {"x": x, "u": rows}, {"i": places}, 16)
    network("ScatterElements opset 16: axis 2", "ScatterElements", [node("ScatterElements", ["x", "i", "u"], ["y"], axis=2)],
            {"x": x, "u": spread(1, 5, 3, seed=4)}, {"i": once}, 16)
    network("Gather opset 13: at the largest of each row", "Gather",
            [node("ArgMax", ["x"], ["i"], axis=2, keepdims=0), node("Gather", ["x", "i"], ["y"], axis=2)], {"x": x}, {}, 13)
    network("GatherElements opset 13: at the largest of each row", "GatherElements",
            [node("ArgMax", ["x"], ["i"], axis=2), node("GatherElements", ["x", "i"], ["y"], axis=2)], {"x": x}, {}, 13)
    for reverse, exclusive in [(0, 0), (0, 1), (1, 0), (1, 1)]:
        case("CumSum", f"reverse {reverse}, exclusive {exclusive}", x, np.array(2, np.int64), opset=14,
             reverse=reverse, exclusive=exclusive)
    case("Trilu", x=spread(2, 4, 4), opset=14)
    case("Trilu", "lower, below the diagonal", spread(4, 5), np.array(-1, np.int64), opset=14, upper=0)


def samplings():
    """Pictures that are read at places of a grid. Some places are outside."""
    x, grid = spread(2, 3, 4, 5), spread(2, 3, 2, 2, low=-1.3, high=1.3)
    for mode in ["bilinear", "nearest"]:
        for padding in ["zeros", "border"]:
            for corners in [0, 1]:
                sample = lambda x, grid, mode=mode, padding=padding, corners=corners: torch.nn.functional.grid_sample(
                    x, grid, mode, padding, align_corners=bool(corners))
                inputs = {"x": x, "grid": grid}
                name = f"{mode}, {padding}, align_corners {corners}"
                new = mode.replace("bilinear", "linear")
                for opset in [16, 20] if padding == "zeros" else [16]:
                    network(f"GridSample opset {opset}: {name}", "GridSample",
                            [helper.make_node("GridSample", ["x", "grid"], ["y"], mode=new if opset == 20 else mode,
                                              padding_mode=padding, align_corners=corners)],
                            inputs, {}, opset, shape=(2, 3, 3, 2), **with_torch(sample, inputs))


GATES = {"LSTM": [0, 3, 1, 2], "GRU": [1, 0, 2], "RNN": [0]}
"""The gates of ONNX as indices of PyTorch's."""


def recurrent():
    """Recurrent layers of PyTorch: 4 steps, a batch of 2, 3 numbers in, 2 out."""
    for name in GATES:
        for direction in ["forward", "bidirectional", "reverse"]:
            recurrent_case(name, direction, "every state")
        recurrent_case(name, "bidirectional", "the last state")
    recurrent_case("RNN", "forward", "every state", nonlinearity="relu")
    x, h = spread(4, 2, 3), spread(1, 2, 2, seed=1)
    weights = [spread(1, 6, 3, seed=2), spread(1, 6, 2, seed=3), spread(1, 12, seed=4)]
    case("GRU", "linear after reset", x, *weights, None, h, opset=14, hidden_size=2)


def recurrent_case(name, direction, read, nonlinearity="tanh"):
    torch.manual_seed(5)
    two = direction == "bidirectional"
    options = {"nonlinearity": nonlinearity} if name == "RNN" else {}
    layer = getattr(torch.nn, name)(3, 2, bidirectional=two, **options).double()
    ends = ["", "_reverse"][: 1 + two]

    def ordered(label):
        parts = [getattr(layer, f"{label}_l0{end}").detach().numpy().astype("f") for end in ends]
        gates = [np.split(part, len(GATES[name])) for part in parts]
        return np.stack([np.concatenate([gate[index] for index in GATES[name]]) for gate in gates])

    biases = np.concatenate([ordered("bias_ih"), ordered("bias_hh")], 1)
    with torch.no_grad():
        for weight in layer.parameters():
            weight.copy_(weight.float())  # the case has float32
    inputs = {"x": spread(4, 2, 3)}

    def run(x):
        steps, last = layer(x.flip(0) if direction == "reverse" else x)
        if read == "the last state":
            return last[0] if name == "LSTM" else last
        steps = steps.flip(0) if direction == "reverse" else steps
        return steps.reshape(4, 2, len(ends), 2).transpose(1, 2)

    attributes = {"hidden_size": 2, "direction": direction}
    if name == "GRU":
        attributes["linear_before_reset"] = 1
    if nonlinearity == "relu":
        attributes["activations"] = ["Relu"]
    outputs = ["y"] if read == "every state" else ["", "y"]
    node = helper.make_node(name, ["x", "w", "r", "b"], outputs, **attributes)
    weights = {"w": ordered("weight_ih"), "r": ordered("weight_hh"), "b": biases}
    shape = (4, len(ends), 2, 2) if read == "every state" else (2, 2, 2)
    network(f"{name} opset 14: {direction}, {read}, {nonlinearity}", name, [node], inputs, weights, 14, shape=shape,
            **with_torch(run, inputs))


def interpolations():
    x = spread(1, 2, 3, 4)
    up, none = np.array([1, 1, 2, 2], "f"), np.array([], "f")
    case("Upsample", "attribute", x, opset=7, scales=[1.0, 1.0, 2.0, 3.0], shape=(1, 2, 6, 12),
         **with_torch(lambda x: torch.nn.functional.interpolate(x, scale_factor=(2, 3)), {"x": x}))
    case("Upsample", "input", x, up, opset=9, mode="nearest", shape=(1, 2, 6, 8),
         **with_torch(lambda x: torch.nn.functional.interpolate(x, scale_factor=2), {"x": x}))
    case("Upsample", "linear", x, up, opset=9, mode="linear", shape=(1, 2, 6, 8), **linear_asymmetric(x, 2))
    case("Resize", "opset 10", x, up, opset=10, shape=(1, 2, 6, 8),
         **with_torch(lambda x: torch.nn.functional.interpolate(x, scale_factor=2), {"x": x}))
    case("Resize", "opset 10, linear", x, up, opset=10, mode="linear", shape=(1, 2, 6, 8), **linear_asymmetric(x, 2))
    odd = np.array([1, 1, 1.7, 2.4], "f")
    for coordinates in ["half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel"]:
        for mode in ["nearest", "linear", "cubic"]:
            # For align_corners, onnx.reference uses the fractional extent; other programs use the rounded one.
            scales = np.array([1, 1, 2, 2.5], "f") if coordinates == "align_corners" else odd
            case("Resize", f"{mode}, {coordinates}", x, none, scales, opset=13, mode=mode, coordinate_transformation_mode=coordinates)
    for rounding in ["floor", "ceil", "round_prefer_ceil", "round_prefer_floor"]:
        case("Resize", f"nearest, {rounding}", x, none, odd, opset=11, nearest_mode=rounding)
    case("Resize", "sizes", x, none, none, ints(1, 2, 5, 7), opset=13, mode="linear")
    case("Resize", "sizes, nearest", x, none, none, ints(1, 2, 2, 8), opset=11, mode="nearest",
         coordinate_transformation_mode="asymmetric", nearest_mode="floor")
    case("Resize", "shrinks", spread(1, 1, 5, 6), none, np.array([1, 1, 0.6, 0.5], "f"), opset=13, mode="linear")
    case("Resize", "align_corners to one", x, none, none, ints(1, 2, 1, 2), opset=13, mode="linear",
         coordinate_transformation_mode="align_corners")
    case("Resize", "cubic_coeff_a", x, none, odd, opset=13, mode="cubic", cubic_coeff_a=-0.5)
    case("Resize", "exclude_outside", x, none, odd, opset=13, mode="cubic", exclude_outside=1)
    case("Resize", "axes", x, None, np.array([2, 3], "f"), opset=18, mode="linear", axes=[3, 2])
    case("Resize", "half_pixel_symmetric", x, None, odd, opset=19, mode="linear",
         coordinate_transformation_mode="half_pixel_symmetric")


def linear_asymmetric(x, factor):
    """Linear interpolation with x_original = x_resized / scale, as matrices."""

    def matrix(extent):
        at = np.arange(extent * factor) / factor
        low = np.floor(at).astype(int)
        m = np.zeros((extent * factor, extent))
        for row, (l, t) in enumerate(zip(low, at - low)):
            m[row, l] += 1 - t
            m[row, min(l + 1, extent - 1)] += t
        return m

    rows, columns = matrix(x.shape[2]), matrix(x.shape[3])
    gradients = lambda seed: {"x": np.einsum("ph,ncpq,qw->nchw", rows, seed.astype("d"), columns)}
    return dict(gradients=gradients, reference=r.HAND)


def graphs():
    """Values used twice, branches, constant subgraphs, values that do not lead to the logits."""
    node = helper.make_node
    x = {"x": spread(1, 2, 3)}
    network("a value used three times", "Mul",
            [node("Relu", ["x"], ["a"]), node("Mul", ["a", "x"], ["b"]), node("Add", ["b", "a"], ["c"]),
             node("Mul", ["c", "x"], ["y"])], x, {}, 13)
    network("x · x", "Mul", [node("Mul", ["x", "x"], ["y"])], x, {}, 13)
    network("x / x²", "Div", [node("Mul", ["x", "x"], ["b"]), node("Div", ["x", "b"], ["y"])], x, {}, 13)
    network("a shape computed from the picture", "Reshape",
            [node("Shape", ["x"], ["s"]), node("Gather", ["s", "i"], ["d"]), node("Concat", ["d", "m"], ["t"], axis=0),
             node("Reshape", ["x", "t"], ["y"])], x, {"i": ints(0), "m": ints(-1)}, 13)
    network("a constant made of a shape", "Mul",
            [node("Shape", ["x"], ["s"]), node("ConstantOfShape", ["s"], ["o"], value=r.numpy_helper.from_array(np.array([2.5], "f"))),
             node("Mul", ["x", "o"], ["y"])], x, {}, 13)
    network("argmax stops the gradient", "Mul",
            [node("ArgMax", ["x"], ["i"], axis=2), node("Cast", ["i"], ["f"], to=TensorProto.FLOAT),
             node("Mul", ["x", "f"], ["y"])], x, {}, 13)
    network("a branch that does not reach the logits", "Relu",
            [node("Exp", ["x"], ["z"]), node("Relu", ["x"], ["y"])], x, {}, 13)
    network("an unused output of the network", "Relu",
            [node("Relu", ["x"], ["a"]), node("Det", ["q"], ["z"]), node("Neg", ["a"], ["y"])],
            x, {"q": np.eye(2, dtype="f")}, 13)


def main():
    for family in [activations, arithmetic, quantizations, convolutions, pools, normalizations, reductions,
                   matrices, einsums, rearrangements, selections, scatterings, samplings, recurrent,
                   interpolations, graphs]:
        family()
    path = Path(__file__).parent / "operator_cases.jsonl"
    r.write(path, CASES)
    print(len(CASES), "cases,", path.stat().st_size, "bytes")


main()
