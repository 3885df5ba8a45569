"""Turn a Keras image classifier into a model folder.

    python export_keras.py convnet.keras ../cats_and_dogs_small_1 --preprocess rescale
    python export_keras.py cats_and_dogs_small_1.h5 out              # the book's file of 2017, too
    python export_keras.py vgg16:imagenet ../vgg16                   # makes models/vgg16; downloads 528 MB
    python export_keras.py mobilenetv2 out --seed 0                  # keras.applications, random weights

In place of a file stands the name of a `keras.applications` network, in any case, with `:imagenet` (or a weight file's
path) for its weights; its preprocessing is known, and ImageNet's labels are Keras' own `imagenet_class_index.json`.

Each ONNX value that is a Keras layer's output, after the layer's own activation, has the layer's name, without
prefix or `:0`. Inside the graph pictures are channels × height × width whatever Keras has; the input stays as Keras
has it. A batch normalization is folded into the convolution before it and the value carries the name of the
normalization, for that is what it is; the convolution's own output is in the graph only where something else reads
it. Layers inside a nested model have their own names, or `<model>/<layer>` where two models use the same one. A
layer called several times gives `name`, `name_1`, … A layer that does nothing when predicting (Dropout) is an Identity.
"""

import argparse
import contextlib
import json
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"  # what tf2onnx reads

import h5py
import keras
import numpy as np
import onnx
import onnx_graph
import tensorflow as tf
import tf2onnx
from model_folder import (
    Card,
    check_labels,
    class_count,
    new_folder,
    open_session,
    read_labels,
    require_close,
    run,
    test_picture,
    write_labels,
    write_readme,
)
from onnx import ModelProto, helper, numpy_helper
from PIL import Image

OPSET = 17
LIMIT = 1e-4
PREPROCESSING = {  # color, scale, mean in the order of color, std
    "caffe": ("bgr", 1.0, (103.939, 116.779, 123.68), ()),
    "tf": ("rgb", 1 / 127.5, (1.0, 1.0, 1.0), ()),
    "torch": ("rgb", 1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "rescale": ("rgb", 1 / 255, (), ()),
    "none": ("rgb", 1.0, (), ()),
}
APPLICATION_PREPROCESSING = {
    "caffe": ("vgg", "resnet"),
    "tf": ("mobilenet", "inception", "xception", "nasnet"),
    "torch": ("densenet",),
    "none": ("efficientnet", "convnext", "mobilenetv3"),
}


@dataclass
class Source:
    """A network to export and what its origin tells about it."""

    model: keras.Model
    title: str
    origin: str
    application: str | None = None


def load_source(name: str, seed: int) -> Source:
    """A model file, or a `keras.applications` network by name."""
    path = Path(name)
    if path.suffix in (".keras", ".h5", ".hdf5"):
        if not path.is_file():
            raise SystemExit(f"{path} does not exist")
        return Source(load_file(path), path.stem, f"Exported from the Keras model `{path.name}`.")
    architecture, _, weights = name.partition(":")
    known = {key.lower(): key for key, value in vars(keras.applications).items() if callable(value)}
    if architecture.lower() not in known:
        raise SystemExit(f"{name} is no .keras or .h5 file and no keras.applications network: {', '.join(known.values())}")
    keras.utils.set_random_seed(seed)
    architecture = known[architecture.lower()]
    model = getattr(keras.applications, architecture)(weights=weights or None)
    origin = f"`keras.applications.{architecture}` with random weights, seed {seed}: for trying out only."
    if weights:
        origin = f"`keras.applications.{architecture}(weights={weights!r})`; the weights' licence is their authors'."
    return Source(model, architecture, origin, architecture.lower())


def load_file(path: Path) -> keras.Model:
    """A Keras file of any version from 2.0. The optimizer's state is of no interest."""
    if path.suffix == ".keras":
        return keras.models.load_model(path, compile=False)
    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise SystemExit(f"{path} holds weights alone; build the model in Keras, load them, and save it as .keras")
        config = json.loads(file.attrs["model_config"])
    if isinstance(config["config"], list):
        return load_list_of_layers(path, config["config"])
    return keras.models.load_model(path, compile=False)


def load_list_of_layers(path: Path, layers: list[dict]) -> keras.Model:
    """A Sequential model as Keras wrote it before 2.2.3, its config the bare list of layers, which Keras 3 refuses.

    Keras loads a copy of the file with the config in its later form; the input has the name that Keras gave it then.
    """
    first = layers[0]["config"]
    shape = first.pop("batch_input_shape", None)
    if shape is None:
        raise SystemExit(f"{path} does not tell the shape of its input; load it in Keras 2 and save it again")
    entrance = {"name": f"{first['name']}_input", "batch_shape": shape}
    layers = [{"class_name": "InputLayer", "config": entrance}, *layers]
    config = {"class_name": "Sequential", "config": {"name": path.stem, "layers": layers}}
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, Path(folder) / path.name)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        return keras.models.load_model(copy, compile=False)


def leaf_layers(model: keras.Model, prefix: str = "") -> Iterator[tuple[str, keras.Layer]]:
    """Layers with their paths (`outer/inner`), without the models that merely contain others."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from leaf_layers(layer, f"{prefix}{layer.name}/")
        elif not isinstance(layer, keras.layers.InputLayer):
            yield f"{prefix}{layer.name}", layer


def layer_names(model: keras.Model) -> dict[str, keras.Layer]:
    """Name → layer: the layer's own name where it is the only one of that name, else its path."""
    layers = list({id(layer): (path, layer) for path, layer in leaf_layers(model)}.values())
    times = Counter(layer.name for _, layer in layers)
    return {layer.name if times[layer.name] == 1 else path: layer for path, layer in layers}


@dataclass
class Recording:
    """What a traced call of the model shows: each layer's output by name, in order of computation, and which names are
    copies of another's value."""

    outputs: dict[str, tf.Tensor]
    copies: dict[str, str]


@contextlib.contextmanager
def recorded(layers: dict[str, keras.Layer]) -> Iterator[Recording]:
    """Record every layer's output while the model is called.

    This sees through nested and subclassed models and repeated calls, which a model's list of outputs does not.
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
    """Whether a batch normalization after this layer becomes part of it: a linear convolution."""
    kinds = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
    return isinstance(layer, kinds) and layer.activation is keras.activations.linear


def input_shape(model: keras.Model, size: tuple[int, int] | None) -> list[int | None]:
    """The input's shape, batch first and open, with the size given where the model leaves it open."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise SystemExit(f"a classifier has one input and one output; this has {len(model.inputs)} and {len(model.outputs)}")
    shape = list(model.inputs[0].shape)
    if len(shape) != 4 or len(model.outputs[0].shape) != 2:
        raise SystemExit(f"a picture classifier maps 4 dimensions to 2; this maps {shape} to {list(model.outputs[0].shape)}")
    if shape[3] not in (1, 3):
        raise SystemExit(f"pictures have 1 or 3 channels, last; the model's input is {shape}")
    if None in shape[1:3]:
        if size is None:
            raise SystemExit(f"the model takes pictures of any size ({shape}); give --size HEIGHT WIDTH")
        shape[1:3] = size
    return [None, *shape[1:]]


def store_captured(graph: ModelProto, function: tf.types.experimental.ConcreteFunction) -> None:
    """Make constants of the tensors that a layer holds without their being variables, such as Normalization's mean:
    tf2onnx takes them for inputs."""
    captured = function.captured_inputs
    values = dict(zip([tensor.name for tensor in function.inputs[len(function.inputs) - len(captured) :]], captured))
    for described in list(graph.graph.input)[1:]:
        graph.graph.initializer.append(numpy_helper.from_array(values[described.name].numpy(), described.name))
        graph.graph.input.remove(described)


def trace(model: keras.Model, shape: list[int | None]) -> tuple[ModelProto, Recording, str]:
    """The model as tf2onnx gives it with every layer's output as an output, what was recorded, and the last layer's name."""
    layers = layer_names(model)
    for layer in layers.values():  # a network trained in mixed precision is exported in float32
        layer.dtype_policy = keras.DTypePolicy("float32")
    recordings = []

    def call(picture):
        with recorded(layers) as recording:
            result = model(picture, training=False)
        recordings.append((recording, [name for name, value in recording.outputs.items() if value is result]))
        return recording.outputs

    signature = [tf.TensorSpec(shape, tf.float32, name=model.inputs[0]._keras_history.operation.name)]
    function = tf.function(call, input_signature=signature)
    converted, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=OPSET)
    store_captured(converted, function.get_concrete_function())
    recording, last = recordings[-1]
    if not last:
        raise SystemExit("the output of this model is no layer's output; end it in a layer")
    order = list(recording.outputs)
    outputs = sorted(converted.graph.output, key=lambda output: order.index(output.name))
    del converted.graph.output[:]
    converted.graph.output.extend(outputs)
    return converted, recording, last[-1]


def separate_copies(model: ModelProto, order: list[str]) -> dict[str, str]:
    """Layers that tf2onnx found to equal another, as copy → original; of two names the earlier layer's is the original."""
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
    """Move each output's name from the layout change that was made for it to the value that was computed.

    tf2onnx computes channels first and adds a Transpose, or a Reshape of one position, to give Keras' layout.
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
    """An Identity for each layer that merely hands on what it gets; the readers of the value read the copy."""
    for copy, original in copies.items():
        position = next(i for i, node in enumerate(model.graph.node) if original in node.output)
        for node in model.graph.node:
            node.input[:] = [copy if value == original else value for value in node.input]
        model.graph.node.insert(position + 1, helper.make_node("Identity", [original], [copy]))


def plain_graph(model: keras.Model, shape: list[int | None]) -> tuple[ModelProto, list[str]]:
    """The network as ONNX with Keras' names in place, and the names of its layers in order of computation."""
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


def guess_preprocessing(source: Source, shape: list[int | None]) -> tuple[str, str]:
    """The preprocessing of a network and how it is known."""
    if source.application:
        matches = [
            (len(prefix), kind)
            for kind, prefixes in APPLICATION_PREPROCESSING.items()
            for prefix in prefixes
            if source.application.startswith(prefix)
        ]
        kind = "tf" if source.application.startswith("resnet") and source.application.endswith("v2") else max(matches)[1]
        return kind, "as keras.applications documents it"
    inside = (keras.layers.Rescaling, keras.layers.Normalization)
    if any(isinstance(layer, inside) for layer in layer_names(source.model).values()):
        return "none", "assumed: the network scales its input itself"
    return "rescale", "assumed: value/255, as the book's networks; --preprocess says otherwise"


def imagenet_labels() -> list | None:
    """Keras' own class index, [WordNet id, label] a class; nothing where it is neither cached nor to be downloaded."""
    falling = np.arange(1000, 0, -1, np.float32)[None]
    try:
        (classes,) = keras.applications.imagenet_utils.decode_predictions(falling, top=1000)
    except Exception as error:
        print(f"no labels: Keras' class index cannot be had here ({error}); give --labels FILE")
        return None
    return [[identifier, label] for identifier, label, _ in classes]


def make_card(source: Source, shape: list[int | None], arguments: argparse.Namespace) -> tuple[Card, str]:
    """The card's input and output, and a sentence on how the preprocessing is known."""
    kind, reason = guess_preprocessing(source, shape)
    if arguments.preprocess:
        kind, reason = arguments.preprocess, "as --preprocess says"
    color, scale, mean, std = PREPROCESSING[kind]
    if shape[3] == 1:
        color, mean, std = "gray", mean[:1], std[:1]
    card = Card(
        size=(shape[1], shape[2]), color=color, scale=scale, mean=mean, std=std, resize=arguments.resize, crop=arguments.crop
    )
    return card, f"Preprocessing `{kind}`, {reason}."


def difference(graph: ModelProto, model: keras.Model, pictures: np.ndarray) -> float:
    """Largest difference between ONNX Runtime's and Keras' outputs."""
    wanted = np.asarray(model(pictures, training=False))
    return float(np.abs(run(open_session(graph), pictures) - wanted).max())


def export(arguments: argparse.Namespace) -> None:
    """Make the model folder, or end with the reason why not."""
    source = load_source(arguments.model, arguments.seed)
    shape = input_shape(source.model, arguments.size)
    card, known_how = make_card(source, shape, arguments)
    print(known_how)
    graph, layers = plain_graph(source.model, shape)
    classes = class_count(graph)
    card.activation = {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(graph.graph.node[-1].op_type, "logits")
    card.show, card.gradcam = onnx_graph.choose_layers(graph, layers, classes)
    for name in (*(arguments.show or ()), arguments.gradcam):
        if name and name not in layers:
            raise SystemExit(f"there is no layer {name}; there are {', '.join(layers)}")
    card.show, card.gradcam = arguments.show or card.show, arguments.gradcam or card.gradcam
    card.aliases = {"last_conv": card.gradcam} if card.gradcam else {}
    labels = read_labels(arguments.labels) if arguments.labels else None
    if labels is None and source.application and ":imagenet" in arguments.model:
        labels = imagenet_labels()
    if labels:
        check_labels(labels, classes)
    noise = card.tensor(Image.fromarray(np.random.default_rng(0).integers(0, 256, (*card.size, 3), np.uint8)))
    picture = card.tensor(Image.open(arguments.picture) if arguments.picture else test_picture())
    with new_folder(arguments.out) as folder:
        require_close("random input", difference(graph, source.model, noise), LIMIT)
        require_close("picture", difference(graph, source.model, picture), LIMIT)
        if arguments.float16:
            onnx_graph.store_float16(graph)
            require_close("float16 weights", difference(graph, source.model, picture), 1e-2)
        if labels:
            card.labels = write_labels(folder, labels)
        onnx.save(graph, folder / "model.onnx")
        (folder / "model.toml").write_text(card.toml(), encoding="utf-8")
        write_readme(folder, source.title, source.origin, rebuild_command(arguments), card, [known_how])
    print(f"{arguments.out}: {len(graph.graph.node)} nodes, {len(layers)} layers, Grad-CAM at {card.gradcam}")


def rebuild_command(arguments: argparse.Namespace) -> str:
    """The command line that makes this folder again."""
    parts = ["export_keras.py", Path(arguments.model).name, arguments.out.name]
    if arguments.preprocess:
        parts.append(f"--preprocess {arguments.preprocess}")
    if arguments.labels:
        parts.append(f"--labels {arguments.labels.name}")
    return " ".join(parts + ["--float16"] * arguments.float16)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a .keras or .h5 file, or the name of a keras.applications network[:weights]")
    parser.add_argument("out", type=Path, help="the model folder to write")
    parser.add_argument("--preprocess", choices=PREPROCESSING, help="what the network was trained with")
    parser.add_argument("--resize", choices=("nearest", "bilinear", "bicubic"), default="nearest")
    parser.add_argument("--crop", choices=("none", "center"), default="none")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="where the model leaves it open")
    parser.add_argument("--labels", type=Path, help=".json or .txt")
    parser.add_argument("--show", nargs="+", metavar="LAYER", help="layers that the card shows")
    parser.add_argument("--gradcam", metavar="LAYER", help="layer that Grad-CAM explains")
    parser.add_argument("--float16", action="store_true", help="store weights as float16; compute in float32")
    parser.add_argument("--seed", type=int, default=0, help="of random weights")
    parser.add_argument("--picture", type=Path, help="photograph for the comparison, in place of a drawn one")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    export(parse_arguments())
