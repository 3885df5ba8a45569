"""A model folder: `model.onnx`, its card `model.toml`, `labels.json` and `README.md`.

A folder is written as a whole or not at all. Everything is made and checked in a temporary folder beside the target.
The files move to the target only if the exported network computes the same as the original.
"""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageDraw

RESIZE = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}


@dataclass
class Card:
    """What the graph does not say about its use. `mean` and `std` are in the order of `color`; see `tensor`."""

    size: tuple[int, int]
    color: str = "rgb"
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    resize: str = "nearest"
    crop: str = "none"
    resize_to: int | None = None
    activation: str = "logits"
    labels: str | None = None
    show: list[str] = field(default_factory=list)
    gradcam: str | None = None
    aliases: dict[str, str] = field(default_factory=dict)

    def toml(self) -> str:
        """The card as TOML. JSON strings and JSON lists of strings or numbers are valid TOML."""
        lines = ["[input]", f"size = {json.dumps(list(self.size))}", f'color = "{self.color}"']
        lines.append(f"scale = {self.scale!r}")
        if self.mean:
            lines.append(f"mean = {json.dumps(list(self.mean))}")
        if self.std:
            lines.append(f"std = {json.dumps(list(self.std))}")
        lines += [f'resize = "{self.resize}"', f'crop = "{self.crop}"']
        if self.resize_to:
            lines.append(f"resize_to = {self.resize_to}")
        lines += ["", "[output]"]
        lines.append(f'activation = "{self.activation}"')
        if self.labels:
            lines.append(f'labels = "{self.labels}"')
        lines += ["", "[layers]"]
        if self.show:
            lines += ["show = [", *(f"    {json.dumps(name)}," for name in self.show), "]"]
        if self.gradcam:
            lines.append(f"gradcam = {json.dumps(self.gradcam)}")
        if self.aliases:
            lines += ["", "[layers.aliases]"]
            lines += [f"{json.dumps(alias)} = {json.dumps(name)}" for alias, name in self.aliases.items()]
        return "\n".join(lines) + "\n"

    def tensor(self, picture: Image.Image) -> np.ndarray:
        """The network's input for a picture, float32 [1, height, width, channels], by the card's preprocessing."""
        height, width = self.size
        picture = picture.convert("L" if self.color == "gray" else "RGB")
        full = self.full_size(picture)
        left, top = round((full[0] - width) / 2), round((full[1] - height) / 2)
        picture = picture.resize(full, RESIZE[self.resize]).crop((left, top, left + width, top + height))
        values = np.asarray(picture, np.float32).reshape(1, height, width, -1)
        if self.color == "bgr":
            values = values[..., ::-1]
        values = values * np.float32(self.scale)
        if self.mean:
            values = values - np.array(self.mean, np.float32)
        if self.std:
            values = values / np.array(self.std, np.float32)
        return np.ascontiguousarray(values, np.float32)

    def full_size(self, picture: Image.Image) -> tuple[int, int]:
        """Width and height before cropping: as torchvision's `Resize(resize_to)`, or the smallest that covers
        `size`."""
        height, width = self.size
        if self.crop == "none":
            return width, height
        short, long = sorted(picture.size)
        if self.resize_to:
            sides = self.resize_to, self.resize_to * long // short
            return sides if picture.width == short else sides[::-1]
        if picture.width * height // picture.height >= width:
            return picture.width * height // picture.height, height
        return width, picture.height * width // picture.width


def final_activation(model: onnx.ModelProto) -> str:
    """The activation in which the graph ends. If it ends in logits: softmax, or sigmoid for a single logit."""
    found = {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(model.graph.node[-1].op_type)
    return found or ("sigmoid" if class_count(model) == 1 else "softmax")


def test_picture() -> Image.Image:
    """A drawn picture with edges, a gradient and colours, for use without a photograph."""
    ramp = np.linspace(0, 255, 320, dtype=np.float32)
    picture = Image.fromarray(np.stack(np.broadcast_arrays(ramp, ramp[::-1, None][:240], 128), -1).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.ellipse((40, 30, 180, 210), fill=(210, 140, 60), outline=(20, 20, 20), width=5)
    draw.polygon([(200, 220), (250, 40), (310, 200)], fill=(30, 90, 200))
    draw.rectangle((90, 90, 120, 130), fill=(250, 250, 250))
    return picture


def open_session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    """An ONNX Runtime session for a model in memory, on the CPU."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, pictures: np.ndarray) -> np.ndarray:
    """The first output of the session for a batch."""
    return session.run(None, {session.get_inputs()[0].name: pictures})[0]


def class_count(model: onnx.ModelProto) -> int:
    """The last dimension of the output."""
    return model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value


def check_labels(labels: dict | list, classes: int) -> None:
    """Refuse labels whose number does not match the output. One sigmoid unit has two classes."""
    wanted = 2 if classes == 1 else classes
    if len(labels) != wanted:
        raise SystemExit(f"{len(labels)} labels for a network of {wanted} classes; give --labels a file with as many")


def read_labels(path: Path) -> dict | list:
    """Labels from a .json file (a list, or index → label or [id, label]) or a .txt file (one per line)."""
    text = path.read_text(encoding="utf-8")
    return json.loads(text) if path.suffix == ".json" else text.splitlines()


def write_labels(folder: Path, labels: dict | list) -> str:
    """Write labels, one per line, and return the file's name for the card."""
    items = labels.items() if isinstance(labels, dict) else enumerate(labels)
    lines = [f"  {json.dumps(str(index))}: {json.dumps(label, ensure_ascii=False)}" for index, label in items]
    (folder / "labels.json").write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    return "labels.json"


@contextlib.contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A temporary folder. Its files move to `target` if the block succeeds, and are deleted if it fails.

    An existing README.md in `target` is kept, because it says more than a generated one.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        yield draft
        target.mkdir(exist_ok=True)
        for path in draft.iterdir():
            if path.name != "README.md" or not (target / path.name).exists():
                os.replace(path, target / path.name)
    finally:
        shutil.rmtree(draft)


def require_close(what: str, difference: float, limit: float) -> None:
    """Print the difference between the export and the original. Exit if it is above the limit."""
    print(f"{what}: difference {difference:.2e} (limit {limit:.0e})")
    if not difference <= limit:
        raise SystemExit(f"the exported network differs from the original by {difference:.2e}; nothing was written")


def write_readme(folder: Path, title: str, source: str, command: str, card: Card, notes: list[str]) -> None:
    """Write where the weights come from and how to rebuild the folder."""
    height, width = card.size
    lines = [
        f"# {title}",
        "",
        source,
        "",
        f"Input {height}×{width} {card.color}; preprocessing, labels and layers are in `model.toml`. Rebuild with",
        "",
        f"    {command}",
        "",
        *notes,
    ]
    (folder / "README.md").write_text("\n".join(lines).rstrip() + "\n", encoding="utf-8")
