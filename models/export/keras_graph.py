"""A Keras model as a plain ONNX graph whose values have the layers' names.

tf2onnx converts a traced call of the model, and its names are unreadable. So every layer's output is recorded while
tracing and made an output of the graph. There it can be found and renamed.
"""

import contextlib
import gc
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import keras
import numpy as np
import onnx
import onnx_graph
import tensorflow as tf
import tf2onnx
from onnx import ModelProto, helper, numpy_helper

OPSET = 17
LARGE_KERNEL = 1 << 20  # values


def leaf_layers(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Layers with their paths (`outer/inner`), without the models that only contain other layers."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield f"{prefix}{layer.name}", layer


def layer_names(model: keras.Model) -> dict[str, keras.Layer]:
    """Name → layer. The name is the layer's own if it is unique, otherwise the path."""
    layers = list({id(layer): (path, layer) for path, layer in leaf_layers(model)}.values())
    times = Counter(layer.name for _, layer in layers)
    return {layer.name if times[layer.name] == 1 else path: layer for path, layer in layers}


@dataclass
class Recording:
    """What a traced call of the model reveals.

    `outputs` has each layer's output by name, in order of computation. `copies` maps names to the layer whose value
    they copy.
    """

    outputs: dict[str, tf.Tensor]
    copies: dict[str, str]


@contextlib.contextmanager
def recorded(layers: dict[str, keras.Layer]) -> Iterator[Recording]:
    """Record every layer's output while the model is called.

    This also works for nested models, subclassed models and repeated calls. A model's list of outputs does not.
    """
    recording, taken = Recording({}, {}), Counter()
    makers: dict[int, tuple[str, keras.Layer]] = {}

    def watch(name: str, layer: keras.Layer) -> None:
        call = layer.call

        def call_and_record(*arguments, **options):
            output = call(*arguments, **options)
            key = onnx_graph.unique(name, taken)
            if not tf.is_tensor(output):
                return output
            source_name, source = makers.get(id(arguments[0]) if arguments else 0, (None, None))
            if output is (arguments[0] if arguments else None) and source_name is not None:
                recording.copies[key] = source_name
                makers[id(output)] = (key, source)
                return output
            if isinstance(layer, keras.layers.BatchNormalization) and is_foldable(source):
                recording.outputs.pop(source_name, None)
            recording.outputs[key] = output
            makers[id(output)] = (key, layer)
            return output

        layer.call = call_and_record

    for name, layer in layers.items():
        watch(name, layer)
    try:
        yield recording
    finally:
        for layer in layers.values():
            del layer.call


def is_foldable(layer: keras.Layer | None) -> bool:
    """Whether a batch normalization can be folded into this layer: a convolution without activation."""
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return isinstance(layer, kinds) and layer.activation is keras.activations.linear


def large_kernels(layers: dict[str, keras.Layer]) -> dict[str, keras.Variable]:
    """Name → kernel of each large dense layer.

    A traced call takes these kernels as arguments. If they were constants, TensorFlow and tf2onnx would hold dozens of
    copies: more than 20 GB for VGG16.
    """
    dense = {id(layer): (name, layer) for name, layer in layers.items() if isinstance(layer, keras.layers.Dense)}
    kernels = {f"{name}/kernel": layer.weights[0] for name, layer in dense.values()}
    return {name: kernel for name, kernel in kernels.items() if math.prod(kernel.shape) >= LARGE_KERNEL}


def store_inputs(graph: ModelProto, values: dict[str, np.ndarray]) -> None:
    """Turn all inputs except the picture into constants."""
    for described in list(graph.graph.input)[1:]:
        graph.graph.initializer.append(numpy_helper.from_array(values[described.name], described.name))
        graph.graph.input.remove(described)


def captured(function: tf.types.experimental.ConcreteFunction) -> dict[str, np.ndarray]:
    """Name → value of the tensors in layers that are not variables, such as Normalization's mean."""
    tensors = function.captured_inputs
    names = [tensor.name for tensor in function.inputs[len(function.inputs) - len(tensors) :]]
    return {name: tensor.numpy() for name, tensor in zip(names, tensors) if tensor.dtype != tf.resource}


def trace(model: keras.Model, shape: list[int | None]) -> tuple[ModelProto, Recording, str]:
    """Convert the model with tf2onnx, with every layer's output as an output.

    Returns the ONNX model, the recording, and the last layer's name.
    """
    layers = layer_names(model)
    for layer in layers.values():  # a network trained in mixed precision is exported in float32
        layer.dtype_policy = keras.DTypePolicy("float32")
    recordings = []
    kernels = large_kernels(layers)

    def call(picture, *values):
        with recorded(layers) as recording, keras.StatelessScope(list(zip(kernels.values(), values))):
            result = model(picture, training=False)
        recordings.append((recording, [name for name, value in recording.outputs.items() if value is result]))
        return recording.outputs

    signature = [tf.TensorSpec(shape, tf.float32, name=model.inputs[0]._keras_history.operation.name)]
    signature += [tf.TensorSpec(kernel.shape, tf.float32, name=name) for name, kernel in kernels.items()]
    function = tf.function(call, input_signature=signature)
    converted, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    gc.collect()  # frees graphs of TensorFlow and tf2onnx: reference cycles that hold copies of the weights
    values = captured(function.get_concrete_function())
    store_inputs(converted, values | {name: kernel.numpy() for name, kernel in kernels.items()})
    recording, last = recordings[-1]
    if not last:
        raise SystemExit("the output of this model is not the output of a layer; let the model end in a layer")
    order = list(recording.outputs)
    outputs = sorted(converted.graph.output, key=lambda output: order.index(output.name))
    del converted.graph.output[:]
    converted.graph.output.extend(outputs)
    return converted, recording, last[-1]


def separate_copies(model: ModelProto, order: list[str]) -> dict[str, str]:
    """Layers that tf2onnx found equal to another layer, as copy → original. The earlier layer is the original."""
    copies = {}
    made_by = onnx_graph.producers(model)
    layers = {output.name for output in model.graph.output}
    for name in layers:
        node = made_by[name]
        if node.op_type == "Identity" and node.input[0] in layers:
            original = node.input[0]
            if order.index(name) < order.index(original):
                onnx_graph.rename_values(model, {name: original, original: name})
                name, original = original, name
            copies[name] = original
    return copies


def name_compute_values(model: ModelProto) -> None:
    """Move each output's name from the layout change to the value that was computed.

    tf2onnx computes channels first. Then it adds a Transpose, or a Reshape for one position, to get Keras' layout.
    """
    made_by = onnx_graph.producers(model)
    shapes = onnx_graph.infer_shapes(model)
    layers = {output.name for output in model.graph.output}
    names = {}
    for name in layers:
        node = made_by[name]
        same_rank = len(shapes.get(name, [])) == 4 == len(shapes.get(node.input[0], []))
        is_layout = node.op_type == "Transpose" or (node.op_type == "Reshape" and same_rank)
        if is_layout and node.input[0] in made_by and node.input[0] not in layers | set(names):
            names |= {node.input[0]: name, name: f"{name}/channels_last"}
    onnx_graph.rename_values(model, names)


def add_copies(model: ModelProto, copies: dict[str, str]) -> None:
    """Add an Identity for each layer that returns its input. The nodes that read the value then read the copy."""
    for copy, original in copies.items():
        position = next(i for i, node in enumerate(model.graph.node) if original in node.output)
        for node in model.graph.node:
            node.input[:] = [copy if value == original else value for value in node.input]
        model.graph.node.insert(position + 1, helper.make_node("Identity", [original], [copy]))


def plain_graph(model: keras.Model, shape: list[int | None]) -> tuple[ModelProto, list[str]]:
    """The network as ONNX with Keras' names, and the names of its layers in order of computation."""
    graph, recording, last = trace(model, shape)
    order = [output.name for output in graph.graph.output]
    copies = recording.copies | separate_copies(graph, order)
    name_compute_values(graph)
    result = next(output for output in graph.graph.output if output.name == last)
    del graph.graph.output[:]
    graph.graph.output.append(result)
    onnx_graph.cancel_layout_changes(graph)
    onnx_graph.make_reshapes_constant(graph, onnx_graph.infer_shapes(graph))
    onnx_graph.drop_unused(graph)
    onnx_graph.fold_into_convolutions(graph, set(order))
    onnx_graph.drop_unused(graph)
    add_copies(graph, copies)
    layers = [value for node in graph.graph.node for value in node.output if value in {*order, *copies}]
    onnx_graph.name_the_rest(graph, layers)
    onnx_graph.name_batch(graph)
    graph.graph.name = model.name
    onnx.checker.check_model(graph, full_check=True)
    return graph, layers
