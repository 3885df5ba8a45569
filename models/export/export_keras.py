"""Turn a Keras image classifier into a model folder.

    python export_keras.py convnet.keras ../cats_and_dogs_small_1 --preprocess rescale
    python export_keras.py cats_and_dogs_small_1.h5 out              # also reads the book's file of 2017
    python export_keras.py vgg16:imagenet ../vgg16                   # makes models/vgg16; downloads 528 MB
    python export_keras.py mobilenetv2 out --seed 0                  # keras.applications, random weights

Instead of a file, give the name of a `keras.applications` network, in upper or lower case. Add `:imagenet` or
`:PATH` of a weight file for its weights. The preprocessing of these networks is known. The labels of ImageNet
are Keras' own `imagenet_class_index.json`.

Names and layout of the ONNX graph:

- The output of a Keras layer, after the layer's own activation, has the layer's name, without prefix or `:0`.
- The input keeps Keras' layout. All other pictures in the graph are channels × height × width.
- A batch normalization is folded into the convolution before it, and the value has the name of the
  normalization. The convolution's own output is in the graph only if something else reads it.
- Layers in a nested model have their own names, or `<model>/<layer>` if two models use the same name.
- A layer that is called several times gives `name`, `name_1`, …
- A layer that does nothing in prediction (Dropout) is an Identity.
"""

import argparse
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["KERAS_BACKEND"] = "tensorflow"  # the backend that tf2onnx reads

import h5py
import keras
import keras_graph
import numpy as np
import onnx
import onnx_graph
from model_folder import (
    Card,
    check_labels,
    class_count,
    final_activation,
    new_folder,
    open_session,
    read_labels,
    require_close,
    run,
    test_picture,
    write_labels,
    write_readme,
)
from onnx import ModelProto
from PIL import Image

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
    """A network to export, and what is known from its origin."""

    model: keras.Model
    title: str
    origin: str
    application: str | None = None
    is_random: bool = False


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
        raise SystemExit(f"{name} is neither a .keras or .h5 file nor a keras.applications network: {', '.join(known.values())}")
    keras.utils.set_random_seed(seed)
    architecture = known[architecture.lower()]
    model = getattr(keras.applications, architecture)(weights=weights or None)
    origin = f"`keras.applications.{architecture}(weights={weights!r})`; the weights' licence is their authors'."
    if not weights:
        origin = f"`keras.applications.{architecture}` with random weights, seed {seed}: for trying out only."
    return Source(model, architecture, origin, architecture.lower(), not weights)


def randomize(model: keras.Model, picture: np.ndarray, seed: int) -> None:
    """Set random weights with which activations neither vanish nor explode in a deep network.

    Kernels have variance 2 / fan-in (He et al. 2015). Biases are not zero. If the last layer is dense, the logits
    of the picture have a standard deviation of 2.
    """
    random = np.random.default_rng(seed)
    for layer in keras_graph.layer_names(model).values():
        for weight in layer.trainable_weights:
            if len(weight.shape) == 1 and not isinstance(layer, keras.layers.BatchNormalization):
                weight.assign(random.normal(0, 0.05, weight.shape))
            elif len(weight.shape) > 1:
                last = 2 if isinstance(layer, keras.layers.DepthwiseConv2D) else -1
                spread = np.sqrt(2 / np.prod(weight.shape[:last]))
                weight.assign(random.standard_normal(weight.shape, np.float32) * np.float32(spread))
    last = model.layers[-1]
    if isinstance(last, keras.layers.Dense):
        values = np.asarray(keras.Model(model.input, last.input)(picture, training=False))
        last.kernel.assign(last.kernel * (2 / np.std(values @ np.asarray(last.kernel))))


def load_file(path: Path) -> keras.Model:
    """A Keras file of any version from 2.0, without the optimizer's state."""
    if path.suffix == ".keras":
        return keras.models.load_model(path, compile=False)
    with h5py.File(path) as file:
        if "model_config" not in file.attrs:
            raise SystemExit(f"{path} holds weights only; build the model in Keras, load them, and save it as .keras")
        config = json.loads(file.attrs["model_config"])
    if isinstance(config["config"], list):
        return load_list_of_layers(path, config["config"])
    return keras.models.load_model(path, compile=False)


def load_list_of_layers(path: Path, layers: list[dict]) -> keras.Model:
    """A Sequential model in the format of Keras before 2.2.3.

    There the config is a bare list of layers, which Keras 3 refuses. So Keras loads a copy of the file whose config is
    in the later form. The input gets the name that Keras gave it then.
    """
    first = layers[0]["config"]
    shape = first.pop("batch_input_shape", None)
    if shape is None:
        raise SystemExit(f"{path} does not state the shape of its input; load it in Keras 2 and save it again")
    entrance = {"name": f"{first['name']}_input", "batch_shape": shape}
    layers = [{"class_name": "InputLayer", "config": entrance}, *layers]
    config = {"class_name": "Sequential", "config": {"name": path.stem, "layers": layers}}
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copy(path, Path(folder) / path.name)
        with h5py.File(copy, "r+") as file:
            file.attrs["model_config"] = json.dumps(config)
        return keras.models.load_model(copy, compile=False)


def input_shape(model: keras.Model, size: tuple[int, int] | None) -> list[int | None]:
    """The input's shape: an open batch first, and `size` if the model leaves the size open."""
    if len(model.inputs) != 1 or len(model.outputs) != 1:
        raise SystemExit(f"a classifier has one input and one output; this has {len(model.inputs)} and {len(model.outputs)}")
    shape = list(model.inputs[0].shape)
    if len(shape) != 4 or len(model.outputs[0].shape) != 2:
        raise SystemExit(f"a picture classifier maps 4 dimensions to 2; this maps {shape} to {list(model.outputs[0].shape)}")
    if shape[3] not in (1, 3):
        raise SystemExit(f"pictures have 1 or 3 channels in the last axis; the model's input is {shape}")
    if None in shape[1:3]:
        if size is None:
            raise SystemExit(f"the model takes pictures of any size ({shape}); give --size HEIGHT WIDTH")
        shape[1:3] = size
    return [None, *shape[1:]]


def guess_preprocessing(source: Source, shape: list[int | None]) -> tuple[str, str]:
    """The preprocessing of a network, and how it is known."""
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
    if any(isinstance(layer, inside) for layer in keras_graph.layer_names(source.model).values()):
        return "none", "assumed: the network scales its input itself"
    return "rescale", "assumed: value/255, as for the book's networks; --preprocess changes it"


def imagenet_labels() -> list | None:
    """Keras' own class index: [WordNet id, label] per class. None if it is not cached and cannot be downloaded."""
    falling = np.arange(1000, 0, -1, np.float32)[None]
    try:
        (classes,) = keras.applications.imagenet_utils.decode_predictions(falling, top=1000)
    except Exception as error:
        print(f"no labels: Keras' class index cannot be downloaded ({error}); give --labels FILE")
        return None
    return [[identifier, label] for identifier, label, _ in classes]


def make_card(source: Source, shape: list[int | None], arguments: argparse.Namespace) -> tuple[Card, str]:
    """The card's input and output, and a sentence on how the preprocessing is known."""
    kind, reason = guess_preprocessing(source, shape)
    if arguments.preprocess:
        kind, reason = arguments.preprocess, "set by --preprocess"
    color, scale, mean, std = PREPROCESSING[kind]
    if shape[3] == 1:
        color, mean, std = "gray", mean[:1], std[:1]
    card = Card(
        size=(shape[1], shape[2]),
        color=color,
        scale=scale,
        mean=mean,
        std=std,
        resize=arguments.resize,
        crop=arguments.crop,
        resize_to=arguments.resize_to,
    )
    return card, f"Preprocessing `{kind}`, {reason}."


def difference(graph: ModelProto, model: keras.Model, pictures: np.ndarray) -> float:
    """Largest difference between ONNX Runtime's and Keras' outputs.

    With several classes it is relative to the largest output, because a thousand probabilities may all be small.
    """
    wanted = np.asarray(model(pictures, training=False))
    largest = np.abs(wanted).max() if wanted.shape[1] > 1 else 1
    return float(np.abs(run(open_session(graph), pictures) - wanted).max() / largest)


def export(arguments: argparse.Namespace) -> Source:
    """Write the model folder and return its source. On failure, exit with the reason."""
    source = load_source(arguments.model, arguments.seed)
    shape = input_shape(source.model, arguments.size)
    card, known_how = make_card(source, shape, arguments)
    print(known_how)
    noise = card.tensor(Image.fromarray(np.random.default_rng(0).integers(0, 256, (*card.size, 3), np.uint8)))
    picture = card.tensor(Image.open(arguments.picture) if arguments.picture else test_picture())
    if source.is_random:
        randomize(source.model, picture, arguments.seed)
    graph, layers = keras_graph.plain_graph(source.model, shape)
    classes = class_count(graph)
    card.activation = arguments.activation or final_activation(graph)
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
    return source


def rebuild_command(arguments: argparse.Namespace) -> str:
    """The command line that rebuilds this folder."""
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
    parser.add_argument("--preprocess", choices=PREPROCESSING, help="the preprocessing that the network was trained with")
    parser.add_argument("--resize", choices=("nearest", "bilinear", "bicubic"), default="nearest")
    parser.add_argument("--crop", choices=("none", "center"), default="none")
    parser.add_argument("--resize-to", type=int, metavar="SIDE", help="with --crop center: shorter side before the crop")
    parser.add_argument("--activation", choices=("softmax", "sigmoid", "logits"), help="activation after the logits, if the network ends in logits")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"), help="input size, if the model leaves it open")
    parser.add_argument("--labels", type=Path, help=".json or .txt")
    parser.add_argument("--show", nargs="+", metavar="LAYER", help="layers that the card lists")
    parser.add_argument("--gradcam", metavar="LAYER", help="layer that Grad-CAM explains")
    parser.add_argument("--float16", action="store_true", help="store weights as float16; compute in float32")
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights")
    parser.add_argument("--picture", type=Path, help="photograph for the comparison, instead of a drawn picture")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    export(parse_arguments())
