"""Edits of an ONNX model that simplify an exported graph and make its names readable.

Both exporters tell this module which value is which layer. The values get those names. Everything else gets a name
derived from its layer (`block1_conv1/Conv`, `block1_conv1/kernel`). Unused parts are removed.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

import numpy as np
import onnx
from onnx import ModelProto, NodeProto, TensorProto, helper, numpy_helper

ACTIVATIONS = {"Relu", "LeakyRelu", "PRelu", "Elu", "Selu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Clip", "Gelu"}
POOLS = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean", "ReduceMax"}
LARGE = 1024  # number of values; shapes and lists of axes have fewer
TO_CHANNELS_FIRST, TO_CHANNELS_LAST = [0, 3, 1, 2], [0, 2, 3, 1]


def producers(model: ModelProto) -> dict[str, NodeProto]:
    """Value name → the node that computes it."""
    return {value: node for node in model.graph.node for value in node.output}


def consumers(model: ModelProto) -> dict[str, list[NodeProto]]:
    """Value name → the nodes that read it."""
    readers = defaultdict(list)
    for node in model.graph.node:
        for value in node.input:
            readers[value].append(node)
    return readers


def initializers(model: ModelProto) -> dict[str, TensorProto]:
    """Name → constant of the graph."""
    return {tensor.name: tensor for tensor in model.graph.initializer}


def attribute(node: NodeProto, name: str, default=None):
    """The value of a node's attribute."""
    for candidate in node.attribute:
        if candidate.name == name:
            return helper.get_attribute_value(candidate)
    return default


def rename_values(model: ModelProto, names: dict[str, str]) -> None:
    """Rename values wherever they are written, read or described."""
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(value, value) for value in node.input]
        node.output[:] = [names.get(value, value) for value in node.output]
    for described in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        described.name = names.get(described.name, described.name)


def drop_unused(model: ModelProto) -> None:
    """Remove nodes, constants and shape annotations that no output depends on."""
    needed = {output.name for output in model.graph.output}
    kept = []
    for node in reversed(model.graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed.update(node.input)
    kept.reverse()
    for field, items in (
        (model.graph.node, kept),
        (model.graph.initializer, [tensor for tensor in model.graph.initializer if tensor.name in needed]),
        (model.graph.value_info, [info for info in model.graph.value_info if info.name in needed]),
    ):
        items = list(items)
        del field[:]
        field.extend(items)


def without_weights(model: ModelProto) -> ModelProto:
    """A copy in which large constants are inputs.

    Shape inference copies the model several times, and needs only the shapes of large constants.
    """
    light = ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.graph.name = model.graph.name
    for field in ("node", "input", "output", "value_info"):
        getattr(light.graph, field).extend(getattr(model.graph, field))
    for tensor in model.graph.initializer:
        if math.prod(tensor.dims) < LARGE:
            light.graph.initializer.append(tensor)
        else:
            light.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return light


def infer_shapes(model: ModelProto) -> dict[str, list[int | None]]:
    """Value name → shape, with None for a dimension that is not fixed. Values of unknown rank are absent."""
    inferred = onnx.shape_inference.infer_shapes(without_weights(model), data_prop=True).graph
    shapes = {}
    for info in (*inferred.input, *inferred.value_info, *inferred.output):
        if info.type.tensor_type.HasField("shape"):
            dims = info.type.tensor_type.shape.dim
            shapes[info.name] = [dim.dim_value if dim.HasField("dim_value") else None for dim in dims]
    return shapes


def make_reshapes_constant(model: ModelProto, shapes: dict[str, list[int | None]]) -> None:
    """Give the constant target [-1, ...] to each Reshape whose result varies only in its first dimension.

    Exporters compute such targets at run time from the input's shape, with half a dozen nodes per Reshape.
    """
    constants = initializers(model)
    for node in model.graph.node:
        shape = shapes.get(node.output[0]) if node.op_type == "Reshape" else None
        if shape and node.input[1] not in constants and None not in shape[1:]:
            target = helper.make_tensor(f"{node.output[0]}/shape", TensorProto.INT64, [len(shape)], [-1, *shape[1:]])
            model.graph.initializer.append(target)
            node.input[1] = target.name


def cancel_layout_changes(model: ModelProto) -> None:
    """Skip pairs that cancel: a Transpose that undoes the Transpose before it, or a Reshape the Reshape."""
    made_by, shapes = producers(model), infer_shapes(model)
    replaced = {}
    for node in model.graph.node:
        node.input[:] = [replaced.get(value, value) for value in node.input]
        before = made_by.get(node.input[0]) if node.op_type in ("Transpose", "Reshape") else None
        if before is None or before.op_type != node.op_type:
            continue
        if node.op_type == "Transpose":
            first, second = attribute(before, "perm"), attribute(node, "perm")
            undone = [first[axis] for axis in second] == list(range(len(first)))
        else:
            original, result = shapes.get(before.input[0]), shapes.get(node.output[0])
            undone = original is not None and original == result and None not in original[1:]
        if undone:
            replaced[node.output[0]] = before.input[0]


def fold_into_convolutions(model: ModelProto, layers: set[str]) -> None:
    """Fold a Mul or Add with one constant per channel into the Conv before it.

    Exporters turn batch normalizations into such nodes. The Conv gets the name of the result. It must not be a layer,
    and nothing else may read it.
    """
    changed = True
    while changed:
        changed = False
        constants, readers = initializers(model), consumers(model)
        for conv in [node for node in model.graph.node if node.op_type == "Conv"]:
            after = readers[conv.output[0]]
            if conv.output[0] in layers or len(after) != 1 or after[0].op_type not in ("Mul", "Add"):
                continue
            value = next((name for name in after[0].input if name in constants), None)
            kernel = constants.get(conv.input[1])
            if value is None or kernel is None or (len(conv.input) > 2 and conv.input[2] not in constants):
                continue
            kernel, factor = numpy_helper.to_array(kernel), numpy_helper.to_array(constants[value])
            if factor.size != kernel.shape[0] or (factor.size > 1 and factor.shape[-3:] != (kernel.shape[0], 1, 1)):
                continue
            bias = numpy_helper.to_array(constants[conv.input[2]]) if len(conv.input) > 2 else np.zeros(len(kernel))
            if after[0].op_type == "Mul":
                kernel, bias = kernel * factor.reshape(-1, 1, 1, 1), bias * factor.reshape(-1)
            else:
                bias = bias + factor.reshape(-1)
            result = after[0].output[0]
            for array, name in ((kernel, f"{result}/folded_kernel"), (bias, f"{result}/folded_bias")):
                model.graph.initializer.append(numpy_helper.from_array(array.astype(np.float32), name))
            conv.input[1:] = [f"{result}/folded_kernel", f"{result}/folded_bias"]
            conv.output[0] = result
            model.graph.node.remove(after[0])
            changed = True
            break


def name_batch(model: ModelProto, name: str = "batch") -> None:
    """Name the first dimension of input and output `batch`, and drop the redundant shape annotations."""
    for described in (*model.graph.input, *model.graph.output):
        described.type.tensor_type.shape.dim[0].dim_param = name
    del model.graph.value_info[:]


def channels_last_values(model: ModelProto) -> set[str]:
    """Values that hold pictures as height × width × channels: results of a Transpose to that layout, and all that
    follows."""
    found = set()
    constants = initializers(model)
    for described in model.graph.input:
        dims = [dim.dim_value for dim in described.type.tensor_type.shape.dim]
        if len(dims) == 4 and dims[3] in (1, 3) and dims[1] not in (1, 3):
            found.add(described.name)
    for node in model.graph.node:
        perm = attribute(node, "perm") if node.op_type == "Transpose" else None
        if perm == TO_CHANNELS_FIRST:
            continue
        if perm == TO_CHANNELS_LAST or any(value in found for value in node.input if value not in constants):
            found.update(node.output)
    return found


def unique(name: str, taken: Counter) -> str:
    """`name`, or `name_1`, `name_2` … if it was used before."""
    count = taken[name]
    taken[name] += 1
    if count == 0:
        return name
    return unique(f"{name}_{count}", taken)


CONSTANT_ROLES = {
    "Conv": ("", "kernel", "bias"),
    "ConvTranspose": ("", "kernel", "bias"),
    "Gemm": ("", "kernel", "bias"),
    "MatMul": ("kernel", "kernel"),
    "BatchNormalization": ("", "gamma", "beta", "moving_mean", "moving_variance"),
    "LayerNormalization": ("", "gamma", "beta"),
    "Reshape": ("", "shape"),
    "Add": ("bias", "bias"),
}


def name_the_rest(model: ModelProto, layers: Iterable[str], keep: Iterable[str] = ()) -> None:
    """Derive names for nodes, constants and inner values from the layer that they are computed for.

    A node belongs to the next named layer that depends on it. The value that a final Softmax or Sigmoid reads is
    called `<layer>/logits`. Constants in `keep` keep their names.
    """
    layers = set(layers)
    owner = {}
    readers = consumers(model)
    for node in reversed(model.graph.node):
        named = [value for value in node.output if value in layers]
        after = [owner[reader.output[0]] for value in node.output for reader in readers[value]]
        owner[node.output[0]] = named[0] if named else (after[0] if after else node.output[0])
    taken = Counter({*layers, *keep})
    taken.update(value.name for value in (*model.graph.input, *model.graph.output))
    constants = initializers(model)
    final = model.graph.node[-1]
    names = {}
    for node in model.graph.node:
        prefix = owner[node.output[0]]
        node.name = unique(f"{prefix}/{node.op_type}", Counter())
        roles = CONSTANT_ROLES.get(node.op_type, ())
        for position, value in enumerate(node.input):
            if value in constants and value not in names and value not in taken:
                role = roles[position] if position < len(roles) else "constant"
                names[value] = unique(f"{prefix}/{role}", taken)
        for value in node.output:
            if value not in taken and value:
                logits = value == final.input[0] and final.op_type in ("Softmax", "Sigmoid")
                names[value] = unique(f"{prefix}/{'logits' if logits else node.op_type}", taken)
    rename_values(model, names)
    repeated = Counter()
    for node in model.graph.node:
        node.name = unique(node.name, repeated)


def store_float16(model: ModelProto, smallest: int = 256) -> None:
    """Halve the file: store float32 constants of at least `smallest` values as float16, each followed by a Cast.

    Computation stays in float32. A runtime folds the Casts when it loads the model.
    """
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= smallest:
            if np.abs(values).max() > np.finfo(np.float16).max:
                raise SystemExit(f"{tensor.name} has values beyond float16's 65504; export without --float16")
            name, stored = tensor.name, f"{tensor.name}/float16"
            tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
            casts.append(helper.make_node("Cast", [stored], [name], f"{name}/Cast", to=TensorProto.FLOAT))
    for position, cast in enumerate(casts):
        graph.node.insert(position, cast)


def feature_layers(model: ModelProto, layers: list[str], classes: int) -> list[str]:
    """The named values that are worth showing, in order of computation.

    They are maps with more than one position, after their normalization and activation. Paddings, copies, and a final
    map with one channel per class are left out.
    """
    shapes = infer_shapes(model)
    made_by, readers = producers(model), consumers(model)
    channels_last = channels_last_values(model)
    wanted = []
    for name in layers:
        shape = shapes.get(name, [])
        node = made_by[name]
        if len(shape) != 4 or name in channels_last or None in shape[1:]:
            continue
        if max(shape[2:]) == 1 or shape[1] == classes or node.op_type in ("Pad", "Identity", "Transpose", "Reshape"):
            continue
        if len(readers[name]) == 1 and readers[name][0].op_type in ACTIVATIONS | {"BatchNormalization"}:
            continue
        wanted.append(name)
    return wanted


def choose_layers(model: ModelProto, layers: list[str], classes: int, most: int = 20) -> tuple[list[str], str | None]:
    """The layers that a card lists, and the layer that Grad-CAM explains.

    The card lists all feature layers of a small network, and the last one of each resolution of a large network.
    Grad-CAM explains the last feature layer that is not a pool: the most abstract one that still has positions.
    """
    features = feature_layers(model, layers, classes)
    made_by, shapes = producers(model), infer_shapes(model)
    unpooled = [name for name in features if made_by[name].op_type not in POOLS]
    if len(features) > most:
        last_of_size = {tuple(shapes[name][2:]): name for name in features}
        features = [name for name in features if name in last_of_size.values()]
    return features, unpooled[-1] if unpooled else None
