"""Checks a running server against ONNX Runtime and Pillow: every model, every route, every format of the answers.

    convscope serve --models FOLDER --listen 127.0.0.1:9200
    python tests/reference/server/check_server.py http://127.0.0.1:9200 FOLDER PICTURE.png…

For each model and picture:

- Pillow makes the input tensor as `GET /models/{model}` describes it.
- The activations of all layers may differ from ONNX Runtime's by 1e-4 of each layer's maximum.
- The probabilities are compared with ONNX Runtime's output.
- The raw map is compared with the mean of activation times gradient. ONNX Runtime computes the gradient from the
  gradient graph that the server returns.
- PNGs are opened. The statistics in the JSON answer are compared with the arrays.

It needs onnx, onnxruntime, numpy and pillow.
"""

import io
import json
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from PIL import Image, ImageOps

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "models/export"))
from model_folder import Card  # noqa: E402

LIMIT = 1e-4
onnxruntime.set_default_logger_severity(4)


def ask(url: str, accept: str = "*/*", picture: bytes | None = None) -> bytes:
    """The body of an answer. An error answer ends the check of the model."""
    headers = {"Accept": accept} | ({"Content-Type": "application/octet-stream"} if picture else {})
    try:
        return urllib.request.urlopen(urllib.request.Request(url, picture, headers)).read()
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"{error.code} from {urllib.parse.urlparse(url).path}: {error.read().decode()}") from None


def tensor(recipe: dict, picture: bytes) -> np.ndarray:
    """The model's input for a picture, made by Pillow and NumPy."""
    keys = ("color", "scale", "resize", "crop", "resize_to")
    mean, std = tuple(recipe["mean"]), tuple(recipe["std"])
    if recipe["color"] == "gray":
        mean, std = mean[:1], std[:1]
    card = Card(size=tuple(recipe["size"]), mean=mean, std=std, **{key: recipe[key] for key in keys})
    values = card.tensor(ImageOps.exif_transpose(Image.open(io.BytesIO(picture))))
    return values if recipe["layout"] == "nhwc" else np.ascontiguousarray(values.transpose(0, 3, 1, 2))


def session(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])


def compute(model: onnx.ModelProto, names: list[str], feed: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of a graph by name, including inner ones."""
    exposed = onnx.ModelProto.FromString(model.SerializeToString())
    there = {value.name for value in exposed.graph.output} | set(feed)
    exposed.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names if name not in there)
    computed = [name for name in names if name not in feed]
    return dict(zip(computed, session(exposed).run(computed, feed))) | {n: feed[n] for n in names if n in feed}


def channels_first(value: np.ndarray, shape: list[int]) -> np.ndarray:
    """A value of the graph as channels × height × width; `shape` is height, width, channels."""
    value = value[0]
    if len(shape) == 3 and list(value.shape) == shape and value.shape != (shape[2], *shape[:2]):
        return value.transpose(2, 0, 1)
    return value


def relative(found: np.ndarray, wanted: np.ndarray) -> float:
    largest = np.abs(wanted).max()
    return float(np.abs(found - wanted.reshape(found.shape)).max() / (largest or 1))


def probabilities(values: np.ndarray, activation: str | None) -> np.ndarray:
    values = values.reshape(-1).astype(float)
    if activation == "softmax":
        values = np.exp(values - values.max())
        return values / values.sum()
    return 1 / (1 + np.exp(-values)) if activation == "sigmoid" else values


def check(server: str, folder: Path, name: str, picture: bytes) -> str:
    """Compare one model's answers for one picture. Returns the result as text; raises on the first wrong answer."""
    told = json.loads(ask(f"{server}/models/{name}"))
    bare, carded = folder / f"{name}.onnx", folder / name / "model.onnx"
    model = onnx.load(bare if bare.exists() else carded)
    x = tensor(told["input"], picture)
    feed = {told["input"]["name"]: x}
    layers = {layer["name"]: layer["shape"] for layer in told["layers"]}
    value_of = {layer["name"]: layer["value"] for layer in told["layers"]}
    wanted = [*value_of.values(), told["output"]["name"], told["output"]["logits"]]
    values = compute(model, list(dict.fromkeys(wanted)), feed)

    chosen = [layer for layer in layers if len(layers[layer]) == 3][:256]
    query = urllib.parse.urlencode([("model", name), *(("layer", layer) for layer in chosen)])
    url = f"{server}/activations?{query}"
    arrays = np.load(io.BytesIO(ask(url, "application/x-npz", picture)))
    expected = {layer: channels_first(values[value_of[layer]], layers[layer]) for layer in chosen}
    errors = {layer: relative(arrays[layer], expected[layer]) for layer in chosen}
    worst = max(errors, key=errors.get)
    if not errors[worst] <= LIMIT:
        raise RuntimeError(f"activations of {worst} differ by {errors[worst]:.1e}")

    shown = f"{server}/activations?{urllib.parse.urlencode({'model': name})}"
    Image.open(io.BytesIO(ask(shown, "image/png", picture))).load()
    with zipfile.ZipFile(io.BytesIO(ask(shown, "application/zip", picture))) as archive:
        for entry in archive.namelist():
            Image.open(io.BytesIO(archive.read(entry))).load()
    for layer in json.loads(ask(shown, "application/json", picture))["layers"]:
        if layer["name"] in chosen:
            means = [channel["mean"] for channel in layer["channels"]]
            found = relative(np.array(means), arrays[layer["name"]].mean((1, 2), dtype=float))
            if not found <= LIMIT:
                raise RuntimeError(f"means of {layer['name']} differ by {found:.1e}")

    output = told["output"]
    if model.graph.node[-1].op_type in ("Softmax", "Sigmoid"):
        wanted = values[output["name"]].reshape(-1).astype(float)
    else:
        wanted = probabilities(values[output["logits"]], output["activation"])
    answer = json.loads(ask(f"{server}/predict?model={name}&top={min(len(wanted), 1000)}", "*/*", picture))
    if len(wanted) == 1:
        wanted = np.array([1 - wanted[0], wanted[0]])
    found = np.array([line["probability"] for line in answer["predictions"]], float)
    classes = [line["class"] for line in answer["predictions"]]
    probability = relative(found, wanted[classes])
    if not probability <= LIMIT or classes[0] not in np.flatnonzero(wanted >= wanted.max() * (1 - LIMIT)):
        raise RuntimeError(f"probabilities differ by {probability:.1e}")

    Image.open(io.BytesIO(ask(f"{server}/gradcam?model={name}", "image/png", picture))).load()
    url = f"{server}/gradcam?{urllib.parse.urlencode({'model': name, 'class': classes[0], 'score': 'logit'})}"
    raw = np.load(io.BytesIO(ask(url, "application/x-npy", picture)))
    at = json.loads(ask(url, "application/json", picture))["layer"]
    gradient = onnx.ModelProto.FromString(
        ask(f"{server}/models/{name}/gradient?{urllib.parse.urlencode({'layer': at})}")
    )
    onnx.checker.check_model(gradient, full_check=True)
    residuals = [value.name for value in gradient.graph.input if value.name != "seed"]
    seed = np.zeros(values[output["logits"]].shape, np.float32)
    seed.reshape(-1)[classes[0] if seed.size > 1 else 0] = 1 if seed.size > 1 or classes[0] == 1 else -1
    value = value_of[at]
    exposed = compute(model, list(dict.fromkeys([*residuals, value])), feed)
    given = {residual: exposed[residual] for residual in residuals} | {"seed": seed}
    gradients = compute(gradient, [f"grad/{value}"], given)[f"grad/{value}"]
    pooled = channels_first(gradients, layers[at]).mean((1, 2), dtype=float)
    wanted = (pooled[:, None, None] * channels_first(exposed[value], layers[at])).mean(0)
    cam = relative(raw, wanted)
    if not cam <= LIMIT:
        raise RuntimeError(f"the raw map at {at} differs by {cam:.1e}")
    return f"{len(chosen)} layers | {errors[worst]:.1e} ({worst}) | {probability:.1e} | {cam:.1e} ({at})"


def main() -> None:
    server, folder, *pictures = sys.argv[1:]
    failed = 0
    print("model | picture | layers | activations (worst layer) | probabilities | raw map (layer)")
    for told in json.loads(ask(f"{server}/models"))["models"]:
        if not any((Path(folder) / found).exists() for found in (told["name"], f"{told['name']}.onnx")):
            continue  # the embedded model
        for picture in pictures:
            try:
                text = check(server, Path(folder), told["name"], Path(picture).read_bytes())
            except Exception as error:
                failed += 1
                text = f"FAILED {type(error).__name__}: {error}"
            print(f"{told['name']} | {Path(picture).name} | {text}", flush=True)
    sys.exit(bool(failed))


main()
