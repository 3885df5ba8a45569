"""Turn a PyTorch image classifier into a model folder.

    python export_torch.py resnet18 ../resnet18                       # torchvision's own weights
    python export_torch.py resnet18 out --weights none --seed 0       # random weights
    python export_torch.py resnet18 out --weights my_state_dict.pt --classes 12 --labels classes.txt
    python export_torch.py program.pt2 out --preprocess torch         # saved by torch.export.save
    python export_torch.py scripted.pt out --size 224 224             # saved by torch.jit.save

Values have the names that torchvision's `feature_extraction` gives them:

- A value has its module path (`layer4.1.conv2`). The second call of a module is `layer4.1.relu_1`.
- An operation that is not a module has the path of the block that performs it (`layer4.1.add`).
- A batch norm is folded into its convolution, and the value has the batch norm's name (`layer4.1.bn2`).
- The card's aliases name the outputs of whole blocks (`layer4`).

Programs and torchvision models are exported with `torch.export`. It records the module of each node, and leaves no
Identity and no stray constant. TorchScript files work only with the older exporter, which traces.
"""

import argparse
import ast
import io
import re
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnx_graph
import onnxscript.optimizer
import torch
import torchvision
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
from onnx import ModelProto, NodeProto, numpy_helper
from PIL import Image

OPSET = 18
LIMIT = 1e-4
PREPROCESSING = {  # scale, mean, std
    "torch": (1 / 255, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "tf": (1 / 127.5, (1.0, 1.0, 1.0), ()),
    "rescale": (1 / 255, (), ()),
    "none": (1.0, (), ()),
}


@dataclass
class Source:
    """A network to export: how to run it, how to make its ONNX graph, and what is known of its preprocessing."""

    title: str
    origin: str
    forward: Callable[[torch.Tensor], torch.Tensor]
    to_onnx: Callable[[], ModelProto]
    card: Card
    labels: dict | list | None
    constants: set[str]


def torchvision_source(arguments: argparse.Namespace) -> Source:
    """A torchvision model by name, with its preprocessing and, for published weights, its labels."""
    name = arguments.model
    published = torchvision.models.get_model_weights(name).DEFAULT
    weights, labels = None, None
    origin = f"torchvision's `{name}` architecture with random weights, seed {arguments.seed}: for trying out only."
    torch.manual_seed(arguments.seed)
    if arguments.weights in ("DEFAULT", *type(published).__members__):
        weights = published if arguments.weights == "DEFAULT" else type(published)[arguments.weights]
        published, labels = weights, weights.meta["categories"]
        origin = f"torchvision's `{name}` with its published weights `{weights}`; their licence is torchvision's."
    options = {} if arguments.classes is None else {"num_classes": arguments.classes}
    if weights is None and name in ("googlenet", "inception_v3"):
        options["init_weights"] = False  # torchvision's own takes a minute, for the same distribution, truncated
        if arguments.weights != "none":
            options["transform_input"] = True
    module = torchvision.models.get_model(name, weights=weights, **options).eval()
    if weights is None and arguments.weights != "none":
        module.load_state_dict(torch.load(arguments.weights, weights_only=True, map_location="cpu"))
        origin = f"torchvision's `{name}` architecture with the weights of `{Path(arguments.weights).name}`."
    card = torchvision_card(published.transforms(), arguments.size)
    size = card.size
    if arguments.randomize_bn:
        randomize_statistics(module, size)
    program = export_program(module, size)
    return Source(name, origin, module, lambda: program_to_onnx(program), card, labels, set(module.state_dict()))


def torchvision_card(transforms: torch.nn.Module, size: list[int] | None) -> Card:
    """The preprocessing of published weights. For another size, it is scaled in proportion."""
    (side,) = transforms.crop_size
    size = tuple(size or (side, side))
    return Card(
        size=size,
        scale=1 / 255,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
        resize=transforms.interpolation.value,
        crop="center",
        resize_to=round(transforms.resize_size[0] * max(size) / side),
    )


def file_source(arguments: argparse.Namespace) -> Source:
    """A file written by `torch.export.save` or `torch.jit.save`."""
    path = Path(arguments.model)
    try:
        program = torch.export.load(path)
    except Exception as not_a_program:
        try:
            module = torch.jit.load(path, map_location="cpu").eval()
        except RuntimeError:
            raise SystemExit(
                f"{path} is neither an exported program nor TorchScript; save it with torch.export.save or "
                "torch.jit.save, or give a torchvision architecture and the file as --weights"
            ) from not_a_program
        if arguments.size is None:
            raise SystemExit("TorchScript does not state the input's size; give --size HEIGHT WIDTH") from None
        size = arguments.size
        to_onnx, forward = (lambda: script_to_onnx(module, size)), module
    else:
        shape = [node.meta["val"].shape for node in program.graph.nodes if node.name in program.graph_signature.user_inputs]
        size = tuple(int(length) for length in shape[0][2:])
        to_onnx, forward = (lambda: program_to_onnx(program)), program.module()
    scale, mean, std = PREPROCESSING[arguments.preprocess]
    card = Card(size=size, scale=scale, mean=mean, std=std, resize="bilinear", crop="center", resize_to=arguments.resize_to)
    return Source(path.stem, f"Exported from `{path.name}`.", forward, to_onnx, card, None, set())


def randomize_statistics(module: torch.nn.Module, size: tuple[int, int]) -> None:
    """Make a freshly initialized network behave like a trained one, with no neutral parameters.

    Batch norms get random scales and offsets, and the statistics of random pictures. Layer scales (ConvNeXt starts
    them at 1e-6) and matrices that start at zero (the head of ViT) get values large enough to matter.
    """
    norms = [layer for layer in module.modules() if isinstance(layer, torch.nn.modules.batchnorm._BatchNorm)]
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            if name.endswith("layer_scale"):
                parameter.uniform_(0.1, 0.5)
            elif parameter.ndim > 1 and not parameter.any():
                parameter.normal_(std=0.02)
        for layer in norms:
            layer.weight.uniform_(0.7, 1.3)
            layer.bias.normal_(std=0.1)
            layer.momentum = 1.0
            layer.train()
        if norms:
            module(varied_pictures(8, size))
        module.eval()


def varied_pictures(count: int, size: tuple[int, int]) -> torch.Tensor:
    """Random pictures that differ in tint, shapes and grain.

    With similar pictures, deep channels would be almost constant, and normalizing those amplifies rounding errors.
    """
    strength = torch.linspace(0, 1.2, count).reshape(-1, 1, 1, 1)
    tint = torch.randn(count, 3, 1, 1)
    shapes = torch.nn.functional.interpolate(torch.randn(count, 3, 7, 7), size, mode="bilinear")
    return tint + shapes + strength[torch.randperm(count)] * torch.randn(count, 3, *size)


def export_program(module: torch.nn.Module, size: tuple[int, int]) -> torch.export.ExportedProgram:
    """The module as a graph of torch operators, of any batch size."""
    batch = torch.export.Dim("batch", min=1, max=4096)
    return torch.export.export(module, (torch.rand(2, 3, *size),), dynamic_shapes=({0: batch},))


def program_to_onnx(program: torch.export.ExportedProgram) -> ModelProto:
    """An exported program as ONNX, batch norms folded."""
    exported = torch.onnx.export(program, dynamo=True, opset_version=OPSET, input_names=["input"], verbose=False)
    return exported.model_proto


def script_to_onnx(module: torch.jit.ScriptModule, size: tuple[int, int]) -> ModelProto:
    """TorchScript as ONNX.

    `PRESERVE` keeps the exporter from folding batch norms, because it would give the result the convolution's name.
    The optimizer folds them afterwards, under the batch norm's name.
    """
    buffer = io.BytesIO()
    torch.onnx.export(
        module,
        (torch.rand(2, 3, *size),),
        buffer,
        dynamo=False,
        opset_version=OPSET,
        input_names=["input"],
        dynamic_axes={"input": {0: "batch"}},
        training=torch.onnx.TrainingMode.PRESERVE,
    )
    return onnxscript.optimizer.optimize(onnx.load_from_string(buffer.getvalue()))


def scope_of(node: NodeProto) -> tuple[str, str]:
    """The module path of a node, and the operation inside that module."""
    noted = {item.key: item.value for item in node.metadata_props}
    if "pkg.torch.onnx.name_scopes" in noted:
        *_, path, operation = ["", *ast.literal_eval(noted["pkg.torch.onnx.name_scopes"])]
        return path, operation
    traced = node.output[0] if node.output[0].startswith("/") else node.name
    path = ""
    before = ""
    for part in traced.split("/")[1:-1]:  # "/layer4/layer4.1/relu_1/Relu"; with TorchScript "/layer4/1/relu_1/Relu"
        piece = part.removeprefix(f"{before}.")
        path = f"{path}.{piece}" if path else piece
        before = part
    return path, node.op_type.lower()


def is_inside(path: str, container: str) -> bool:
    """Whether a module is the container or inside it."""
    return path == container or path.startswith(f"{container}.")


def name_layers(model: ModelProto) -> tuple[dict[str, str], list[str]]:
    """Value → layer name, and the module path of every node.

    Consecutive nodes of one module, or of one operation inside a block, are one layer. The layer's name goes to its
    last value.
    """
    scopes = [scope_of(node) for node in model.graph.node]
    paths = {path for path, _ in scopes}
    blocks = {path for path in paths if any(other != path and is_inside(other, path) for other in paths)} | {""}
    taken, names = Counter(), {}
    for position, (node, (path, operation)) in enumerate(zip(model.graph.node, scopes)):
        following = scopes[position + 1] if position + 1 < len(scopes) else None
        layer = (path, operation) if path in blocks else path
        if following is not None and layer == (following if path in blocks else following[0]):
            continue
        name = path
        if path in blocks:
            operation = re.sub(r"_\d+$", "", operation)
            name = f"{path}.{operation}".removeprefix(".")
        names[node.output[0]] = onnx_graph.unique(name, taken)
    return names, [path for path, _ in scopes]


def block_outputs(model: ModelProto, names: dict[str, str], paths: list[str], deepest: int = 2) -> dict[str, str]:
    """Block → the layer that is its output.

    A block has an output if only its last value is read outside the block.
    """
    readers = onnx_graph.consumers(model)
    path_of = {id(node): path for node, path in zip(model.graph.node, paths)}
    outputs = {output.name for output in model.graph.output}
    aliases = {}
    depths = range(1, deepest + 1)
    for block in dict.fromkeys(".".join(path.split(".")[:depth]) for path in paths if path for depth in depths):
        inside = [node for node in model.graph.node if is_inside(path_of[id(node)], block)]
        leaving = {
            value
            for node in inside
            for value in node.output
            if value in outputs or any(not is_inside(path_of[id(reader)], block) for reader in readers[value])
        }
        last = inside[-1].output[0] if inside else None
        if leaving == {last} and last in names and block not in names.values():
            aliases[block] = names[last]
    return aliases


def move_constants(model: ModelProto) -> None:
    """Turn Constant nodes into initializers, where all programs look for constants."""
    constants = [node for node in model.graph.node if node.op_type == "Constant"]
    for node in constants:
        model.graph.initializer.append(
            numpy_helper.from_array(numpy_helper.to_array(onnx_graph.attribute(node, "value")), node.output[0])
        )
        model.graph.node.remove(node)


def plain_graph(source: Source) -> tuple[ModelProto, list[str], dict[str, str]]:
    """The network as ONNX with readable names, the names of its layers in order, and the aliases of its blocks."""
    model = source.to_onnx()
    move_constants(model)
    onnx_graph.make_reshapes_constant(model, onnx_graph.infer_shapes(model))
    onnx_graph.drop_unused(model)
    names, paths = name_layers(model)
    aliases = block_outputs(model, names, paths)
    others = {tensor.name for tensor in model.graph.initializer} | {v for node in model.graph.node for v in node.output}
    in_the_way = {value: f"{value}/other" for value in others.intersection(names.values()) - names.keys()}
    onnx_graph.rename_values(model, in_the_way | names)
    layers = list(names.values())
    onnx_graph.name_the_rest(model, layers, source.constants)
    for node in model.graph.node:
        del node.metadata_props[:]
    for described in (*model.graph.value_info, *model.graph.input, *model.graph.output, *model.graph.initializer):
        del described.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.metadata_props[:]
    onnx.checker.check_model(model, full_check=True)
    return model, layers, aliases


def relative_difference(model: ModelProto, source: Source, pictures: np.ndarray) -> float:
    """Largest difference between ONNX Runtime and torch, relative to torch's largest value."""
    with torch.no_grad():
        wanted = source.forward(torch.from_numpy(pictures)).numpy()
    return float(np.abs(run(open_session(model), pictures) - wanted).max() / np.abs(wanted).max())


def export(arguments: argparse.Namespace) -> None:
    """Write the model folder. On failure, exit with the reason."""
    is_name = arguments.model in torchvision.models.list_models(module=torchvision.models)
    if not is_name and not Path(arguments.model).is_file():
        raise SystemExit(f"{arguments.model} is neither a file nor a torchvision classifier")
    source = torchvision_source(arguments) if is_name else file_source(arguments)
    model, layers, aliases = plain_graph(source)
    card, classes = source.card, class_count(model)
    card.show, card.gradcam = onnx_graph.choose_layers(model, layers, classes)
    card.show, card.gradcam = arguments.show or card.show, arguments.gradcam or card.gradcam
    card.aliases = ({"last_conv": card.gradcam} if card.gradcam else {}) | aliases
    card.activation = arguments.activation or final_activation(model)
    noise = np.random.default_rng(0).standard_normal((2, 3, *card.size), np.float32)
    photograph = Image.open(arguments.picture) if arguments.picture else test_picture()
    picture = np.ascontiguousarray(card.tensor(photograph).transpose(0, 3, 1, 2))
    labels = read_labels(arguments.labels) if arguments.labels else source.labels
    if labels:
        check_labels(labels, classes)
    with new_folder(arguments.out) as folder:
        require_close("random input", relative_difference(model, source, noise), LIMIT)
        require_close("picture", relative_difference(model, source, picture), LIMIT)
        if arguments.float16:
            onnx_graph.store_float16(model)
            require_close("float16 weights", relative_difference(model, source, picture), 1e-2)
        if labels:
            card.labels = write_labels(folder, labels)
        onnx.save(model, folder / "model.onnx")
        (folder / "model.toml").write_text(card.toml(), encoding="utf-8")
        write_readme(folder, source.title, source.origin, rebuild_command(arguments), card, [])
    print(f"{arguments.out}: {len(model.graph.node)} nodes, {len(layers)} layers, Grad-CAM at {card.gradcam}")


def rebuild_command(arguments: argparse.Namespace) -> str:
    """The command line that rebuilds this folder."""
    parts = ["export_torch.py", Path(arguments.model).name, arguments.out.name, f"--weights {arguments.weights}"]
    if arguments.weights == "none":
        parts.append(f"--seed {arguments.seed}")
    parts += ["--randomize-bn"] * arguments.randomize_bn + ["--float16"] * arguments.float16
    return " ".join(parts)


def parse_arguments(arguments: list[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", help="a torchvision classifier's name, or a file of torch.export or TorchScript")
    parser.add_argument("out", type=Path, help="the model folder to write")
    parser.add_argument("--weights", default="DEFAULT", help="torchvision weights, `none`, or a state dict's file")
    parser.add_argument("--seed", type=int, default=0, help="seed of random weights")
    parser.add_argument("--randomize-bn", action="store_true", help="with random weights: give batch norms random parameters and statistics")
    parser.add_argument("--classes", type=int, help="number of classes, if it differs from torchvision's")
    parser.add_argument("--labels", type=Path, help=".json or .txt")
    parser.add_argument("--preprocess", choices=PREPROCESSING, default="torch", help="preprocessing of a file; torchvision networks have their own")
    parser.add_argument("--resize-to", type=int, metavar="SIDE", help="of a file: shorter side before the center crop")
    parser.add_argument("--activation", choices=("softmax", "sigmoid", "logits"), help="activation after the logits, if the network ends in logits")
    parser.add_argument("--size", type=int, nargs=2, metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--show", nargs="+", metavar="LAYER", help="layers that the card lists")
    parser.add_argument("--gradcam", metavar="LAYER", help="layer that Grad-CAM explains")
    parser.add_argument("--float16", action="store_true", help="store weights as float16; compute in float32")
    parser.add_argument("--picture", type=Path, help="photograph for the comparison, instead of a drawn picture")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> None:
    """Export what the command line asks for."""
    warnings.filterwarnings("ignore", category=UserWarning, module="torch")
    warnings.filterwarnings("ignore", category=DeprecationWarning)
    export(parse_arguments(arguments))


if __name__ == "__main__":
    main()
