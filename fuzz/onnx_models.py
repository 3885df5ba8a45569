"""Classifiers of 8 × 8 pictures, one per operator.

They are written as protobuf (tags, lengths and bytes) directly, without the onnx package.
"""

import struct

FLOAT, INT64 = 1, 7


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    if isinstance(value, float):
        return varint(number << 3 | 5) + struct.pack("<f", value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def attribute(name, value):
    kind = {int: (3, 2), float: (2, 1), str: (4, 3)}.get(type(value))
    if kind:
        body = field(kind[0], value)
        return field(1, name) + body + field(20, kind[1])
    floats = isinstance(value[0], float)
    body = b"".join(field(7 if floats else 8, item) for item in value)
    return field(1, name) + body + field(20, 6 if floats else 7)


def node(operator, inputs, outputs, attributes):
    body = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    body += field(4, operator)
    return body + b"".join(field(5, attribute(*item)) for item in attributes.items())


def tensor(name, dims, kind, values):
    raw = struct.pack(f"<{len(values)}{'f' if kind == FLOAT else 'q'}", *values)
    return b"".join(field(1, dim) for dim in dims) + field(2, kind) + field(8, name) + field(9, raw)


def floats(name, *dims):
    count = 1
    for dim in dims:
        count *= dim
    return tensor(name, dims, FLOAT, [((7 * index) % 11 - 5) / 16 for index in range(count)])


def ints(name, *values):
    return tensor(name, [len(values)], INT64, values)


def value(name, dims):
    shape = b"".join(field(1, field(1, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def classifier(operator, inputs=("c",), stored=(), opset=17, then=(), outputs=("d",), **attributes):
    """Conv, the operator, the nodes `then` that turn its output back into a picture, and a head."""
    nodes = [
        node("Conv", ["x", "w", "b"], ["c"], {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}),
        node(operator, inputs, outputs, attributes),
        *then,
        node("GlobalAveragePool", [then and "e" or outputs[0]], ["p"], {}),
        node("Flatten", ["p"], ["f"], {}),
        node("Gemm", ["f", "g", "h"], ["l"], {"transB": 1}),
        node("Softmax", ["l"], ["y"], {"axis": 1}),
    ]
    stored = [floats("w", 4, 3, 3, 3), floats("b", 4), floats("g", 3, 4), floats("h", 3), *stored]
    graph = b"".join(field(1, item) for item in nodes) + field(2, "g")
    graph += b"".join(field(5, item) for item in stored)
    graph += field(11, value("x", [1, 3, 8, 8])) + field(12, value("y", [1, 3]))
    return field(1, 8) + field(7, graph) + field(8, field(1, "") + field(2, opset))


def classifiers():
    """Every classifier: name → bytes."""
    two, scalar = [floats("k", 1, 4, 1, 1)], [floats("k", 4)]
    models = {name: classifier(name) for name in PLAIN}
    models |= {name: classifier(name, ("c", "k"), two) for name in ("Add", "Sub", "Mul", "Div", "PRelu", "Max", "Min")}
    for name in ("ReduceMax", "ReduceL1", "ReduceL2", "ReduceMean"):
        models[name] = classifier(name, axes=[2, 3], keepdims=1, opset=13)
    back = node("Transpose", ["d"], ["e"], {"perm": [0, 3, 1, 2]})
    models |= {
        "Conv-strided": classifier("Conv", ("c", "k"), [floats("k", 4, 4, 3, 3)], strides=[2, 2], pads=[1, 0, 1, 0]),
        "Conv-dilated": classifier("Conv", ("c", "k"), [floats("k", 4, 4, 3, 3)], dilations=[2, 2]),
        "Conv-same": classifier("Conv", ("c", "k"), [floats("k", 4, 4, 3, 3)], auto_pad="SAME_UPPER"),
        "Conv-depthwise": classifier("Conv", ("c", "k"), [floats("k", 4, 1, 3, 3)], group=4),
        "Conv-grouped": classifier("Conv", ("c", "k"), [floats("k", 4, 2, 3, 3)], group=2),
        "Conv-pointwise": classifier("Conv", ("c", "k"), [floats("k", 4, 4, 1, 1)]),
        "ConvTranspose": classifier("ConvTranspose", ("c", "k"), [floats("k", 4, 4, 2, 2)], strides=[2, 2]),
        "MaxPool": classifier("MaxPool", kernel_shape=[2, 2], strides=[2, 2]),
        "MaxPool-ceil": classifier("MaxPool", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1, pads=[1, 1, 1, 1]),
        "AveragePool": classifier("AveragePool", kernel_shape=[3, 3], pads=[1, 1, 1, 1], count_include_pad=1),
        "LRN": classifier("LRN", size=3, alpha=0.1, beta=0.75, bias=1.0),
        "BatchNormalization": classifier(
            "BatchNormalization", ("c", "k", "k", "k", "v"), [*scalar, tensor("v", [4], FLOAT, [1.0] * 4)], epsilon=0.1),
        "InstanceNormalization": classifier("InstanceNormalization", ("c", "k", "k"), scalar),
        "LpNormalization": classifier("LpNormalization", axis=1, p=2),
        "Softmax": classifier("Softmax", axis=1),
        "Clip": classifier("Clip", ("c", "low", "high"), [floats("low"), tensor("high", [], FLOAT, [6.0])]),
        "Pad": classifier("Pad", ("c", "k"), [ints("k", 0, 0, 1, 1, 0, 0, 1, 1)], mode="reflect"),
        "Slice": classifier("Slice", ("c", "s", "e", "a"), [ints("s", 0, 1), ints("e", 6, 8), ints("a", 2, 3)]),
        "Resize": classifier("Resize", ("c", "", "s"), [tensor("s", [4], FLOAT, [1, 1, 2, 2])], mode="linear"),
        "Upsample": classifier("Upsample", ("c", "s"), [tensor("s", [4], FLOAT, [1, 1, 2, 2])], opset=9, mode="nearest"),
        "Concat": classifier("Concat", ("c", "c"), axis=2),
        "Split": classifier("Split", axis=2, outputs=("d", "d2"), opset=11, split=[3, 5]),
        "DepthToSpace": classifier("DepthToSpace", blocksize=2, then=[node("Concat", ["d"] * 4, ["e"], {"axis": 1})]),
        "Transpose": classifier("Transpose", perm=[0, 2, 3, 1], then=[back]),
        "MatMul": classifier("MatMul", ("c", "k"), [floats("k", 8, 5)]),
        "Reshape": classifier("Reshape", ("c", "s"), [ints("s", 0, 4, 16, -1)]),
        "Gather": classifier("Gather", ("c", "s"), [ints("s", 3, 0, -1)], axis=3),
        "Expand": classifier("Expand", ("c", "s"), [ints("s", 1, 4, 8, 8)]),
        "Tile": classifier("Tile", ("c", "s"), [ints("s", 1, 1, 2, 1)]),
        "Unsqueeze": classifier("Unsqueeze", ("c", "s"), [ints("s", 0)], then=[node("Squeeze", ["d", "s"], ["e"], {})]),
        "Cast": classifier("Cast", to=1),
    }
    return models


PLAIN = (
    "Relu LeakyRelu Elu Selu Celu Sigmoid HardSigmoid HardSwish Tanh Softplus Softsign Exp Erf Abs Neg Sin Identity Dropout "
    "GlobalMaxPool MeanVarianceNormalization Sqrt Reciprocal"
).split()
