"""Serves one file and compares the answers with ONNX Runtime and PyTorch."""

import contextlib
import io
import json
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image

from autograd import Reference
from network import Network, Row

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "models/export"))
from model_folder import Card  # noqa: E402

onnxruntime.set_default_logger_severity(4)

LOOSE = 1e-2
"""How far the scores of the module and of its file may be apart, relative to the largest. Otherwise the exporter has
written another network, or the module needs operations in place."""
NOISE = 1e-4
"""A map below this share of what was summed is zero but for rounding."""
COLOURED = re.compile(r"\x1b\[[0-9;]*m")


class Server:
    """A server with the models of a folder. Requests are for one of them."""

    def __init__(self, program: str, folder: Path, model: str, log: Path):
        self.model, self.log = model, log
        command = [program, "serve", "--strict", "--models", folder, "--listen", "127.0.0.1:0", "--workers", "1"]
        with log.open("wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT)

    def wait(self, seconds: float = 120) -> None:
        """Waits until the model is loaded. Raises with the reason if it is refused."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            text = COLOURED.sub("", self.log.read_text(errors="replace"))
            if listening := re.search(r"127\.0\.0\.1:(\d+)", text):
                self.url = f"http://{listening.group()}"
                with contextlib.suppress(urllib.error.URLError, OSError):
                    urllib.request.urlopen(f"{self.url}/readyz").read()
                    return
            if self.process.poll() is not None:
                raise Refused(text.strip().splitlines()[-1] if text.strip() else f"exit code {self.process.returncode}")
            time.sleep(0.02)
        raise Refused("not loaded in time")

    def ask(self, route: str, accept: str, picture: bytes | None = None, **query) -> bytes:
        headers = {"Accept": accept} | ({"Content-Type": "application/octet-stream"} if picture else {})
        if not route.startswith("/models"):
            query["model"] = self.model
        url = f"{self.url}{route}?{urllib.parse.urlencode(query, doseq=True)}"
        try:
            return urllib.request.urlopen(urllib.request.Request(url, picture, headers), timeout=120).read()
        except urllib.error.HTTPError as error:
            body = error.read().decode(errors="replace")
            with contextlib.suppress(json.JSONDecodeError):
                body = json.loads(body)["detail"]
            raise Answer(error.code, f"{error.code} from {route}: {body}") from None

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


class Refused(Exception):
    """The model was not loaded."""


class Answer(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, text: str):
        super().__init__(text)
        self.status = status


def picture(height: int, width: int) -> bytes:
    """A PNG with edges, gradients and colours."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    waves = np.stack([np.sin(9 * x + 3 * y), np.cos(11 * y - 5 * x), np.sin(14 * x * y + 1)], -1)
    noise = np.random.default_rng(5).normal(0, 0.15, waves.shape)
    values = np.clip(127 + 110 * (0.8 * waves + noise), 0, 255).astype(np.uint8)
    values[height // 4 : height // 2, width // 3 : width // 2, 0] //= 2
    file = io.BytesIO()
    Image.fromarray(values).save(file, "PNG")
    return file.getvalue()


def tensor(recipe: dict, file: bytes) -> np.ndarray:
    """The input as `GET /models/{model}` describes it, made by Pillow and NumPy."""
    keys = ("color", "scale", "resize", "crop", "resize_to")
    mean, std = tuple(recipe["mean"]), tuple(recipe["std"])
    if recipe["color"] == "gray":
        mean, std = mean[:1], std[:1]
    card = Card(size=tuple(recipe["size"]), mean=mean, std=std, **{key: recipe[key] for key in keys})
    values = card.tensor(Image.open(io.BytesIO(file)))
    return values if recipe["layout"] == "nhwc" else np.ascontiguousarray(values.transpose(0, 3, 1, 2))


class File:
    """The file as ONNX Runtime computes it, without optimizations."""

    def __init__(self, path: Path):
        self.folder = path.parent
        self.model = onnx.load(path)

    def values(self, names: list[str], x: np.ndarray) -> dict[str, np.ndarray]:
        model = onnx.ModelProto.FromString(self.model.SerializeToString())
        computed = {output for node in model.graph.node for output in node.output}
        names = [name for name in names if name in computed]
        there = {output.name for output in model.graph.output}
        model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        given = session.get_inputs()[0]
        kinds = {"float": "float32", "float16": "float16", "double": "float64", "uint8": "uint8", "int8": "int8"}
        kind = kinds[re.search(r"\((\w+)\)", given.type).group(1)]
        dims = [dim if isinstance(dim, int) else None for dim in given.shape]
        found = session.run(names, {given.name: shaped(x, dims).astype(kind)})
        return {name: np.asarray(value, np.float32) for name, value in zip(names, found)}


def shaped(x: np.ndarray, dims: list[int | None]) -> np.ndarray:
    """`x` for an input of `dims`: without its batch axis, or once for each picture of a fixed batch."""
    if len(dims) < x.ndim:
        return x.reshape([dim or extent for dim, extent in zip(dims, x.shape[-len(dims) :])])
    return np.repeat(x, dims[0], 0) if dims[0] and dims[0] > 1 else x


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference, relative to the largest value."""
    if not np.isfinite(found).all():
        return float("inf")
    return float(np.abs(found - wanted).max() / (np.abs(wanted).max() or 1))


def distance(found: np.ndarray, wanted: np.ndarray, least: float) -> float:
    """The difference by the norm, relative to that of `wanted`, or to `least` if that is larger."""
    return float(np.linalg.norm(found - wanted) / (max(np.linalg.norm(wanted), least) or 1))


def probabilities(values: np.ndarray, activation: str) -> np.ndarray:
    values = values.reshape(-1).astype(float)
    if activation == "softmax":
        values = np.exp(values - values.max())
        return values / values.sum()
    return 1 / (1 + np.exp(-values)) if activation == "sigmoid" else values


def as_channels(value: np.ndarray, found: np.ndarray) -> float:
    """How `found`, channels × height × width, differs from the value of the file, in the order of axes that fits."""
    value = value[:1]
    errors = [float("inf")]
    channels, height, width = found.shape
    if value.size == found.size:
        errors.append(relative(found, value.reshape(found.shape)))
        errors.append(relative(found, value.reshape(height, width, channels).transpose(2, 0, 1)))
    if value.ndim == 3 and value.shape[2] == channels and value.shape[1] > height * width:
        tokens = value[0, value.shape[1] - height * width :]
        errors.append(relative(found, tokens.T.reshape(found.shape)))
    return min(errors)


def examine(row: Row, network: Network | None, path: Path, program: str, log: Path) -> dict:
    """One line of the survey."""
    server = Server(program, path.parents[1], path.parent.name, log)
    line = {"key": row.key}
    try:
        try:
            server.wait()
        except Refused as error:
            return line | {"loads": False, "error": str(error)}
        line["loads"] = True
        return line | compare(row, network, path, server, line)
    except Answer as error:
        return line | {"error": str(error), "status": error.status}
    finally:
        server.stop()


def compare(row: Row, network: Network | None, path: Path, server: Server, line: dict) -> dict:
    told = json.loads(server.ask(f"/models/{server.model}", "*/*"))
    recipe, output = told["input"], told["output"]
    file = picture(*recipe["size"])
    x = tensor(recipe, file)
    layers = [layer for layer in told["layers"] if len(layer["shape"]) == 3][:256]
    line |= {"layers": len(told["layers"]), "layer": told["gradcam"], "classes": output["classes"]}
    line["refused_layers"] = sum(
        not layer["explainable"] and layer["shape"][0] * layer["shape"][1] > 1 for layer in layers
    )
    arrays, line["undrawable"] = activations(server, [layer["name"] for layer in layers], file)
    model = File(path)
    values = model.values([layer["value"] for layer in layers] + [output["logits"], output["name"]], x)
    kept = [layer for layer in layers if layer["name"] in arrays and layer["value"] in values]
    errors = {layer["name"]: as_channels(values[layer["value"]], arrays[layer["name"]]) for layer in kept}
    if errors:
        line["worst_layer"] = max(errors, key=errors.get)
        line["activations"] = errors[line["worst_layer"]]
    answer = json.loads(server.ask("/predict", "*/*", file, top=min(output["classes"], 1000)))
    classes = [entry["class"] for entry in answer["predictions"]]
    found = np.array([entry["probability"] for entry in answer["predictions"]])
    wanted = scores(values, output)
    if wanted is not None:
        line["predictions"] = relative(found, wanted[classes])
    server.ask("/activations", "image/png", file)
    if told["gradcam"] is None:
        return line | {"error": told["gradcam_why"]}
    server.ask("/gradcam", "image/png", file)
    if network is not None:
        logits = values.get(output["logits"])
        logits = None if logits is None else logits.ravel()[: output["classes"]]
        line |= maps(network, server, file, x, classes[0], told, arrays, logits)
    return line


def activations(server: Server, names: list[str], file: bytes) -> tuple[dict[str, np.ndarray], list[str]]:
    """The channels of the layers, and the names of those that cannot be drawn."""
    ask = lambda chosen: dict(np.load(io.BytesIO(server.ask("/activations", "application/x-npz", file, layer=chosen))))
    try:
        return (ask(names), []) if names else ({}, [])
    except Answer:
        found, refused = {}, []
    for name in names:
        try:
            found |= ask([name])
        except Answer:
            refused.append(name)
    return found, refused


def scores(values: dict[str, np.ndarray], output: dict) -> np.ndarray | None:
    """The probabilities by ONNX Runtime. None if the file has no value of that name."""
    if output["logits"] not in values:
        return None
    found = probabilities(values[output["logits"]].ravel()[: output["classes"]], output["activation"])
    return np.array([1 - found[0], found[0]]) if len(found) == 1 else found


def maps(network: Network, server: Server, file: bytes, x, chosen: int, told: dict, arrays: dict, wanted) -> dict:
    """How the raw maps at the default layer, at a middle layer and at the input differ from those by autograd.

    `wanted` are the scores by ONNX Runtime. A map that differs is compared with one of float64 too. `…_rounding` is
    how much autograd's own map differs between float32 and float64: kinks and maxima that rounding moves.
    """
    at, line = told["gradcam"], {}
    usable = [layer["name"] for layer in told["layers"] if layer["explainable"] and layer["name"] in arrays]
    usable = [name for name in usable if name != at]
    found = {"map": (raw_map(server, file, chosen, method="gradcam", layer=at), "gradcam", at)}
    if usable:
        middle = usable[len(usable) // 2]
        found["middle_map"] = (raw_map(server, file, chosen, method="hirescam", layer=middle), "hirescam", middle)
        line["middle"] = middle
    found["input_map"] = (raw_map(server, file, chosen, method="input_x_gradient"), "input_x_gradient", None)

    count, activation = told["output"]["classes"], told["output"]["activation"]
    given = shaped(x, list(network.shape))
    reference = Reference(network.scores, given, chosen, count, activation)
    if wanted is not None:
        line["reference"] = relative(reference.scores.detach().numpy(), wanted)
        if line["reference"] > LOOSE:
            reference = Reference(network.scores, given, chosen, count, activation, in_place=True)
            line["reference"] = relative(reference.scores.detach().numpy(), wanted)
    exact = None
    for key, (values, method, layer) in found.items():
        expected = reference.maps(method, arrays.get(layer), x, told["input"]["layout"])
        line[key] = nearest(values, expected)
        if line[key] is not None and line[key] > MAP:
            if exact is None:
                exact = Reference(network.scores_in_double, given.astype(float), chosen, count, activation)
            precise = exact.maps(method, arrays.get(layer), x, told["input"]["layout"])
            line[f"{key}_rounding"] = min((nearest(one, precise) or 0.0 for one, _ in expected), default=None)
            line[key] = min(line[key], nearest(values, precise) or line[key])
    return line


MAP = 1e-2
"""The largest difference of a map by its norm."""


def raw_map(server: Server, file: bytes, chosen: int, **query) -> np.ndarray:
    query |= {"class": chosen, "score": "logit"}
    return np.load(io.BytesIO(server.ask("/explain", "application/x-npy", file, **query)))


def nearest(found: np.ndarray, expected: list[tuple[np.ndarray, float]]) -> float | None:
    """The difference from the nearest of the expected maps. None if there is none."""
    return min((distance(found, wanted, NOISE * summed) for wanted, summed in expected), default=None)
