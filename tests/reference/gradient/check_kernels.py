"""Checks that whole networks give the same maps, probabilities and layers with convscope's kernels and with tract's.

Two servers of one binary, `--fast-conv on` and `off`, get the same three photographs and two classes each. A
difference is relative to the largest value of the map or the layer, and the largest one is shown. The reference is
PyTorch in float64. The differences of PyTorch in float32 and of ONNX Runtime from it are shown for comparison.

`operator` checks the kernels' own guarantee. Every convolution is computed again in float64 from the input that the
server reports, so errors do not add up.

    python check_kernels.py CONVSCOPE [NAME…]   (needs onnx, onnxruntime, onnxscript, pillow, torch, torchvision)
"""

import atexit
import contextlib
import io
import json
import subprocess
import sys
import tempfile
import time
import tomllib
import urllib.request
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import numpy as np
import onnx
import torch
from check_networks import NETWORKS, ROOT, export_torch, in_float32, session
from model_folder import Card
from PIL import Image

OWN = ("cats_and_dogs_small_1", "efficientnet_lite0", "vgg16_cats_dogs")
PHOTOS = [ROOT / "docs/photos/cat_and_dog.png", ROOT / "tests/reference/convnet/chelsea.png", None]
PORT = 9180
OPERATOR_LIMIT = 2e-5
KINDS = (torch.nn.Conv2d, torch.nn.BatchNorm2d, torch.nn.ReLU, torch.nn.ReLU6, torch.nn.SiLU, torch.nn.Hardswish,
         torch.nn.MaxPool2d, torch.nn.AvgPool2d)


class Server:
    """A convscope server for one folder of models."""

    def __init__(self, binary, models, name, port, fast):
        self.name, self.base = name, f"http://127.0.0.1:{port}"
        command = [binary, "serve", "--listen", f"127.0.0.1:{port}", "--models", models, "--fast-conv", fast,
                   "--max-layers", "4000", "--workers", "1", "--request-timeout", "600", "--reload-interval", "0"]
        self.process = subprocess.Popen([str(part) for part in command], stderr=subprocess.DEVNULL)
        atexit.register(self.process.kill)
        for _ in range(1200):
            try:
                if urllib.request.urlopen(f"{self.base}/readyz").status == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"the server exited with {self.process.returncode}; is port {port} free?")
            time.sleep(0.05)
        raise RuntimeError("the server is not ready after a minute")

    def post(self, path, picture, accept, **parameters):
        query = urlencode({"model": self.name, **parameters}, doseq=True)
        headers = {"Content-Type": "application/octet-stream", "Accept": accept}
        request = urllib.request.Request(f"{self.base}{path}?{query}", picture, headers)
        try:
            return urllib.request.urlopen(request, timeout=600).read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{path}: {error.code} {error.read()[:300]}") from error

    def maps(self, picture, layer, classes):
        body = self.post("/gradcam", picture, "application/x-npy", layer=layer, **{"class": classes})
        return np.load(io.BytesIO(body))

    def values(self, picture, names):
        """Values of the graph by name. Each request asks for a few, because the query must fit in the headers."""
        found = {}
        for start in range(0, len(names), 100):
            body = self.post("/activations", picture, "application/x-npz", layer=names[start : start + 100])
            found |= np.load(io.BytesIO(body))
        return found

    def probabilities(self, picture):
        """Class → probability of the likeliest classes."""
        answer = json.loads(self.post("/predict", picture, "application/json", top=2))
        return {item["class"]: item["probability"] for item in answer["predictions"]}

    def stop(self):
        self.process.terminate()
        self.process.wait()


def photographs(size):
    """PNG files of the network's input size, so that resizing is not compared. The third is the first, rotated."""
    for path in PHOTOS:
        photo = Image.open(path or PHOTOS[0]).convert("RGB").resize(size[::-1], Image.Resampling.BICUBIC)
        file = io.BytesIO()
        (photo if path else photo.transpose(Image.Transpose.ROTATE_90)).resize(size[::-1]).save(file, "PNG")
        yield file.getvalue()


def relative(actual, expected):
    if actual.shape != expected.shape:
        raise RuntimeError(f"shapes {actual.shape} and {expected.shape}")
    if np.array_equal(actual, expected):
        return 0.0
    return float(np.abs(actual - expected).max() / np.abs(expected).max())


def watched(module, run):
    """The result of `run`, and every module's output by the name of its value in the graph.

    The second call of a module has the name name_1.
    """
    outputs, calls = {}, Counter()

    def keep(name):
        def hook(_, __, output):
            calls[name] += 1
            outputs[name if calls[name] == 1 else f"{name}_{calls[name] - 1}"] = output
            return output.clone()  # in-place operations must not change the stored output

        return hook

    hooks = [m.register_forward_hook(keep(n)) for n, m in module.named_modules() if isinstance(m, KINDS)]
    result = run()
    for hook in hooks:
        hook.remove()
    return result, outputs


def explained(module, x, layers, classes):
    """PyTorch's layers, and its Grad-CAM of the probability of each class, in the precision of `x`."""
    logits, outputs = watched(module, lambda: module(x))
    probabilities, maps = logits.softmax(1)[0], {}
    for layer in layers:
        of_layer = []
        for index in classes:
            (gradient,) = torch.autograd.grad(probabilities[index], outputs[layer], retain_graph=True)
            cam = (gradient.mean((2, 3), keepdim=True) * outputs[layer]).mean(1)[0]
            of_layer.append(cam.detach().numpy())
        maps[layer] = np.stack(of_layer)
    return {name: value.detach()[0].numpy() for name, value in outputs.items()}, maps


@contextlib.contextmanager
def forced(module, graph, values):
    """Force the ReLUs and pools of `module` to the server's decisions, which are in `values`.

    A ReLU is active where the server's was, and a pool takes the server's position. So a remaining difference does not
    come from a switched path. Yields the names of the values that were forced.
    """
    functional, inside, calls, done = torch.nn.functional, [], Counter(), set()
    hooks, before = [], {name: getattr(functional, name) for name in ("relu", "relu6", "hardtanh", "max_pool2d")}
    for path, part in module.named_modules():
        hooks.append(part.register_forward_pre_hook(lambda _, __, path=path: inside.append((path, part_is_own[path]))))
        hooks.append(part.register_forward_hook(lambda *_: void(inside.pop())))
    part_is_own = {path: isinstance(part, KINDS) for path, part in module.named_modules()}
    inputs = {node.output[0]: node.input[0] for node in graph.node if node.op_type == "MaxPool"}
    void = lambda _: None

    def value_of(operation):
        path, own = inside[-1]
        name = path if own else f"{path}.{operation}".lstrip(".")
        calls[name] += 1
        name = name if calls[name] == 1 else f"{name}_{calls[name] - 1}"
        done.add(name)
        return name

    def opened(operation, x):
        value = values[value_of(operation)]
        full = (value >= 6) & (operation == "relu6")
        return x * torch.from_numpy((value > 0) & ~full) + 6 * torch.from_numpy(full)

    def pooled(x, *arguments, **options):
        source = torch.from_numpy(values[inputs[value_of("max_pool2d")]])[None]
        options["return_indices"] = False
        indices = functional.max_pool2d_with_indices(source, *arguments, **options)[1]
        return x.flatten(2).gather(2, indices.flatten(2)).reshape(indices.shape)

    functional.relu = lambda x, inplace=False: opened("relu", x)
    functional.relu6 = functional.hardtanh = lambda x, *_, **__: opened("relu6", x)
    functional.max_pool2d = pooled
    try:
        yield done
    finally:
        for name, function in before.items():
            setattr(functional, name, function)
        for hook in hooks:
            hook.remove()


def convolution(node, weights, x):
    """A Conv node in float64."""
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    kernel, *bias = [torch.from_numpy(weights[name]).double() for name in node.input[1:] if name]
    rank = kernel.ndim - 2
    stride, dilation = attributes.get("strides", [1] * rank), attributes.get("dilations", [1] * rank)
    pads = attributes.get("pads", [0] * 2 * rank)
    kind = attributes.get("auto_pad", b"NOTSET").decode()
    if kind in ("SAME_UPPER", "SAME_LOWER"):
        pads = [[], []]
        for side, step, spread, length in zip(x.shape[1:], stride, dilation, kernel.shape[2:]):
            whole = max((-(-side // step) - 1) * step + spread * (length - 1) + 1 - side, 0)
            pads[kind == "SAME_LOWER"].append(whole // 2)
            pads[kind != "SAME_LOWER"].append(whole - whole // 2)
        pads = pads[0] + pads[1]
    padding = [pads[1], pads[rank + 1], pads[0], pads[rank]]
    x = torch.nn.functional.pad(torch.from_numpy(x).double()[None], padding)
    group = attributes.get("group", 1)
    y = torch.nn.functional.conv2d(x, kernel, *bias, stride=stride, dilation=dilation, groups=group)
    return y[0].numpy()


def convolutions(graph):
    weights = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for node in graph.node:  # weights stored in half precision
        if node.op_type == "Cast" and node.input[0] in weights:
            weights[node.output[0]] = weights[node.input[0]].astype(np.float32)
    return weights, [node for node in graph.node if node.op_type == "Conv" and node.input[1] in weights]


def exported(name, folder):
    """A model folder of a torchvision network with random weights, and the network."""
    torch.set_default_dtype(torch.float64)
    source = export_torch.torchvision_source(
        export_torch.parse_arguments([name, "out", "--weights", "none", "--randomize-bn"])
    )
    model = in_float32(export_torch.plain_graph(source)[0])
    card = source.card
    card.crop, card.resize, card.resize_to, card.activation = "none", "nearest", None, "softmax"
    card.scale, card.mean, card.std = 1 / 64, (2.0, 2.0, 2.0), ()  # exact in float32, in any order of operations
    (folder / name).mkdir()
    onnx.save(model, folder / name / "model.onnx")
    (folder / name / "model.toml").write_text(card.toml())
    torch.set_default_dtype(torch.float32)
    return source.forward, card


def own(name, folder):
    """One of the project's models, without resizing."""
    (folder / name).mkdir()
    (folder / name / "model.onnx").symlink_to(ROOT / "models" / name / "model.onnx")
    settings = tomllib.loads((ROOT / "models" / name / "model.toml").read_text())
    given, layers = settings["input"], settings["layers"]
    fields = {key: given[key] for key in ("color", "scale", "mean", "std") if key in given}
    card = Card(size=tuple(given["size"]), activation=settings["output"]["activation"], show=layers["show"], **fields)
    card.gradcam = layers["gradcam"]
    (folder / name / "model.toml").write_text(card.toml())
    return card


def under_onnxruntime(model, names, tensor):
    """Values of the graph, computed by ONNX Runtime."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    there = {value.name for value in model.graph.output}
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(n) for n in names if n not in there)
    run = session(model.SerializeToString())
    return dict(zip(names, (v[0] for v in run.run(names, {run.get_inputs()[0].name: tensor}))))


def with_positions(model):
    """Values with more than one row or column."""
    inferred = onnx.shape_inference.infer_shapes(model).graph
    sides = {v.name: [d.dim_value for d in v.type.tensor_type.shape.dim][2:] for v in inferred.value_info}
    return {name for name, side in sides.items() if len(side) == 2 and max(side) > 1}


def check(binary, name, folder, verbose):
    module = None
    if name in OWN:
        card = own(name, folder)
    else:
        module, card = exported(name, folder)
    model = onnx.load(folder / name / "model.onnx")
    given = model.graph.input[0]
    weights, nodes = convolutions(model.graph)
    produced = [output for node in model.graph.node for output in node.output]
    if module is None:
        layers, at = list(dict.fromkeys([*card.show, card.gradcam])), [card.gradcam, card.show[len(card.show) // 2]]
    else:
        kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
        placed = with_positions(model)
        at = [n for n, m in module.named_modules() if isinstance(m, kinds) and n in placed]
        at = list(dict.fromkeys([at[-1], at[len(at) // 2]]))
        layers = None
        relus = {n for n, m in module.named_modules() if isinstance(m, (torch.nn.ReLU, torch.nn.ReLU6))}
    errors, culprits, paths = {}, [], Counter()

    def note(key, value):
        if not np.isfinite(value):
            raise RuntimeError(f"{key}: {value}")
        errors[key] = max(errors.get(key, 0.0), value)

    servers = {}
    try:
        for index, fast in enumerate(("on", "off")):
            servers[fast] = Server(binary, folder, name, PORT + index, fast)
        for picture in photographs(card.size):
            tensor = card.tensor(Image.open(io.BytesIO(picture)))
            if given.type.tensor_type.shape.dim[-1].dim_value != 3:
                tensor = np.ascontiguousarray(tensor.transpose(0, 3, 1, 2))
            found = {fast: server.probabilities(picture) for fast, server in servers.items()}
            classes = list(found["on"])[:2]
            for index, p in found["on"].items():
                # With equal probabilities, the servers may rank a class differently.
                note("p", abs(p - found["off"][index]))
            maps = {fast: {layer: s.maps(picture, layer, classes) for layer in at} for fast, s in servers.items()}
            exact = None
            if module is not None:
                exact, exact_maps = explained(module.double(), torch.from_numpy(tensor).double(), at, classes)
                single, single_maps = explained(module.float(), torch.from_numpy(tensor), at, classes)
                layers = [n for n in exact if n in produced]
            kinked = [n for n in model.graph.node if n.op_type in ("Relu", "Clip", "MaxPool")]
            switches = [v for n in kinked for v in (n.input[0], n.output[0])]
            inputs = [node.input[0] for node in nodes if node.input[0] != given.name]
            wanted = list(dict.fromkeys([*layers, *switches, *inputs, *(node.output[0] for node in nodes)]))
            values = {fast: server.values(picture, wanted) for fast, server in servers.items()}
            ort = under_onnxruntime(model, wanted, tensor)
            for found in values.values():
                for value, array in found.items():
                    if array.shape[:2] == (1, 1):  # the server returns a vector as one row
                        found[value] = array.reshape(ort[value].shape)
            for layer in layers:
                base = exact[layer] if exact else ort[layer]
                on, off = values["on"][layer], values["off"][layer]
                note("layers", relative(on, off))
                note("layers on", relative(on, base))
                note("layers off", relative(off, base))
                if exact:
                    note("layers ort", relative(ort[layer], base))
                    note("layers torch", relative(single[layer], base))
                    if layer in relus or layer.rsplit("_", 1)[0] in relus:  # ReLUs decide whether the gradient passes
                        for key, value in (("on", on), ("off", off), ("torch", single[layer])):
                            paths.setdefault(key, 0)
                            switched = (value > 0) != (base > 0)
                            paths[key] += int(switched.sum())
                            if switched.any():
                                note(f"path {key}", float(np.abs(value - base)[switched].max() / base.max()))
            for fast in servers if exact else ():
                with forced(module.double(), model.graph, values[fast]) as done:
                    along = explained(module, torch.from_numpy(tensor).double(), at, classes)[1]
                if missed := {n.output[0] for n in kinked} - done:
                    raise RuntimeError(f"not forced: {sorted(missed)[:5]}")
                for place, layer in zip(("last", "middle"), at):
                    for ours, theirs in zip(maps[fast][layer], along[layer]):
                        note(f"{place} along {fast}", relative(ours, theirs))
            for place, layer in zip(("last", "middle"), at):
                for k in range(len(classes)):
                    on, off = maps["on"][layer][k], maps["off"][layer][k]
                    note(place, relative(on, off))
                    if exact:
                        base = exact_maps[layer][k]
                        note(f"{place} on", relative(on, base))
                        note(f"{place} off", relative(off, base))
                        note(f"{place} torch", relative(single_maps[layer][k], base))
            for fast in servers:
                for node in nodes:
                    x = values[fast].get(node.input[0])
                    if x is None:
                        x = tensor[0]
                    y = values[fast][node.output[0]]
                    error = relative(y, convolution(node, weights, x))
                    culprits.append((error, fast, node.output[0]))
                    note(f"operator {fast}", error)
    finally:
        for server in servers.values():
            server.stop()
    if verbose:
        for error, fast, value in sorted(culprits, reverse=True)[:6]:
            print(f"    {error:.1e} {fast} {value}", file=sys.stderr)
    show = lambda *keys: " ".join(f"{errors[key]:.0e}" if key in errors else "–" for key in keys)
    path = " ".join(str(paths[key]) for key in ("on", "off", "torch")) if paths else "–"
    path += f" ({show('path on', 'path off', 'path torch')})" if paths else ""
    columns = [show("operator on", "operator off"), show("layers", "layers on", "layers off", "layers ort", "layers torch")]
    columns += [show(place, f"{place} on", f"{place} off", f"{place} torch",
                     f"{place} along on", f"{place} along off") for place in ("last", "middle")]
    return errors["operator on"] <= OPERATOR_LIMIT, " | ".join([*columns, show("p"), path])


def main():
    binary, *names = sys.argv[1:]
    torch.set_num_threads(1)
    failed = 0
    names = names or [*NETWORKS, *OWN]
    print("| network | operator: on, off | layers: on–off; on, off, ONNX Runtime, PyTorch | "
          "map, last: on–off; on, off, PyTorch | map, middle: the same | probability | switched ReLUs: on, off, PyTorch |\n"
          "|---|---|---|---|---|---|---|")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            passed, text = check(Path(binary).resolve(), name, Path(folder), True)
        failed += not passed
        print(f"| {name} | {text} |{'' if passed else ' FAILED'}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
