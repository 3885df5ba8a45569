"""Tests of the exporters: they name the right values, preserve outputs, and write nothing when they fail.

Run with pytest. The tests of a framework that is not installed are skipped. Every named value is compared with the
framework's own value: Keras' outputs of single layers, PyTorch's forward hooks.
"""

import importlib
import json
import subprocess
import sys
import tomllib
from pathlib import Path

import model_folder
import numpy as np
import onnx
import pytest


def framework(module: str, exporter: str):
    """The framework and its exporter. Skips the test if the framework is not installed."""
    return pytest.importorskip(module), importlib.import_module(exporter)


def values_of(folder: Path, names: list[str], pictures: np.ndarray) -> dict[str, np.ndarray]:
    """The named values of a folder's network, computed by ONNX Runtime."""
    model = onnx.load(folder / "model.onnx")
    del model.graph.output[:]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in names)
    session = model_folder.open_session(model)
    return dict(zip(names, session.run(names, {session.get_inputs()[0].name: pictures})))


def values_in(folder: Path) -> list[str]:
    """All values that a folder's network computes."""
    return [value for node in onnx.load(folder / "model.onnx").graph.node for value in node.output]


def card_of(folder: Path) -> dict:
    """The card, parsed as TOML."""
    return tomllib.loads((folder / "model.toml").read_text(encoding="utf-8"))


def assert_same_value(name: str, ours: np.ndarray, theirs: np.ndarray) -> None:
    """Compare two values after matching their layouts: in the graph, pictures are channels first."""
    if theirs.ndim == 4 and ours.shape != theirs.shape:
        theirs = theirs.transpose(0, 3, 1, 2)
    assert ours.shape == theirs.shape, name
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(theirs).max(), err_msg=name)


class TestKeras:
    """Folders made by export_keras.py."""

    @pytest.fixture(autouse=True)
    def _load(self):
        self.keras, self.exporter = framework("keras", "export_keras")
        self.keras.utils.set_random_seed(0)
        self.keras.config.set_dtype_policy("float32")

    def export(self, source: str | Path, out: Path, *flags: str) -> Path:
        self.exporter.export(self.exporter.parse_arguments([str(source), str(out), *flags]))
        return out

    def save(self, model, path: Path) -> Path:
        """Save a model whose parameters are all different from zero, so that no node is folded away."""
        random = np.random.default_rng(0)
        for variable in model.variables:
            if variable.dtype.startswith("float"):
                spread = random.uniform(0.5, 1.5, variable.shape)
                shifted = variable.path.endswith(("variance", "gamma"))
                variable.assign(spread if shifted else np.asarray(variable) + 0.1 * (spread - 1))
        model.save(path)
        return path

    def assert_layers(self, folder: Path, model, missing: tuple[str, ...] = ()) -> None:
        """Check that the graph has every layer under its name with Keras' values, except the given layers."""
        layers = [layer for layer in model.layers if not isinstance(layer, self.keras.layers.InputLayer)]
        assert {layer.name for layer in layers} - set(values_in(folder)) == set(missing)
        pictures = np.random.default_rng(1).random((2, *model.input_shape[1:]), np.float32)
        layers = [layer for layer in layers if layer.name not in missing]
        theirs = self.keras.Model(model.inputs, [layer.output for layer in layers])(pictures, training=False)
        ours = values_of(folder, [layer.name for layer in layers], pictures)
        for layer, value in zip(layers, theirs):
            assert_same_value(layer.name, ours[layer.name], np.asarray(value))

    def two_branches(self):
        layers = self.keras.layers
        picture = self.keras.Input((24, 24, 3), name="picture")
        values = layers.Rescaling(1 / 127.5, -1, name="scaled")(picture)
        values = layers.Normalization(mean=(0.1, 0.2, 0.3), variance=(0.5, 0.6, 0.7), name="standard")(values)
        left = layers.Conv2D(16, 3, strides=2, padding="same", name="left")(values)
        left = layers.BatchNormalization(name="left_norm")(left)
        left = layers.Activation("relu", name="left_relu")(left)
        right = layers.Conv2D(16, 3, strides=2, padding="same", activation="swish", name="right")(values)
        squeezed = layers.GlobalAveragePooling2D(keepdims=True, name="squeeze")(right)
        squeezed = layers.Conv2D(2, 1, activation="relu", name="reduce")(squeezed)
        squeezed = layers.Conv2D(16, 1, activation="sigmoid", name="expand")(squeezed)
        right = layers.Multiply(name="excite")([right, squeezed])
        values = layers.Add(name="add")([left, right])
        values = layers.Concatenate(name="concat")([values, left])
        values = layers.DepthwiseConv2D(3, name="depthwise")(values)
        values = layers.BatchNormalization(name="depthwise_norm")(values)
        values = layers.GlobalAveragePooling2D(name="mean")(values)
        values = layers.Dropout(0.2, name="dropout")(values)
        return self.keras.Model(picture, layers.Dense(5, activation="softmax", name="probabilities")(values))

    def test_two_branches(self, tmp_path):
        model = self.two_branches()
        folder = self.export(self.save(model, tmp_path / "two.keras"), tmp_path / "two")
        self.assert_layers(folder, model, missing=("left", "depthwise"))
        graph = onnx.load(folder / "model.onnx").graph
        assert [graph.input[0].name, graph.output[0].name] == ["picture", "probabilities"]
        assert graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
        assert graph.node[-1].op_type == "Softmax"
        assert graph.node[-1].input[0] == "probabilities/logits"
        card = card_of(folder)
        assert card["input"]["scale"] == 1.0
        assert card["output"]["activation"] == "softmax"
        assert card["layers"]["gradcam"] == "depthwise_norm"
        assert set(card["layers"]["show"]) == {"left_relu", "right", "excite", "add", "concat", "depthwise_norm"}

    def test_mobilenet(self, tmp_path):
        model = self.keras.applications.MobileNetV2((96, 64, 3), alpha=0.35, weights=None, classes=7)
        folder = self.export(self.save(model, tmp_path / "m.keras"), tmp_path / "m", "--preprocess", "tf")
        folded = tuple(
            layer.name
            for layer in model.layers
            if "Conv" in type(layer).__name__ and layer.name != "predictions"
        )
        self.assert_layers(folder, model, missing=folded)
        assert card_of(folder)["layers"]["gradcam"] == "out_relu"
        assert {node.op_type for node in onnx.load(folder / "model.onnx").graph.node} == {
            "Transpose", "Conv", "Clip", "Pad", "Add", "GlobalAveragePool", "Squeeze", "MatMul", "Softmax",
        }  # fmt: skip

    def test_large_dense_layers(self, tmp_path):
        """Large kernels reach the graph in another way. This includes layers on maps and layers called twice."""
        layers = self.keras.layers
        picture = self.keras.Input((8, 8, 3), name="picture")
        values = layers.Conv2D(1024, 3, strides=2, activation="relu", name="conv")(picture)
        twice = layers.Dense(1024, activation="relu", name="twice")
        values = layers.Flatten(name="flat")(twice(twice(values)))
        model = self.keras.Model(picture, layers.Dense(120, activation="softmax", name="score")(values))
        assert all(np.prod(model.get_layer(name).kernel.shape) >= 1 << 20 for name in ("twice", "score"))
        folder = self.export(self.save(model, tmp_path / "d.keras"), tmp_path / "d", "--preprocess", "none")
        self.assert_layers(folder, model)
        graph = onnx.load(folder / "model.onnx").graph
        assert [value.name for value in graph.input] == ["picture"]
        assert {"twice/kernel", "score/kernel"} <= {tensor.name for tensor in graph.initializer}

    def test_vgg16(self, tmp_path):
        """VGG16, with 138 million parameters, can be exported on a small machine."""
        command = [sys.executable, self.exporter.__file__, "vgg16", str(tmp_path / "vgg16"), "--seed", "3"]
        measure = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); "
        measure += "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
        done = subprocess.run([sys.executable, "-c", measure, *command], check=True, capture_output=True, text=True)
        assert int(done.stdout.split()[-1]) < 8_000_000  # kilobytes
        folder = tmp_path / "vgg16"
        blocks = [(block, conv) for block, count in enumerate((2, 2, 3, 3, 3), 1) for conv in [*range(1, count + 1), None]]
        names = [f"block{block}_{f'conv{conv}' if conv else 'pool'}" for block, conv in blocks]
        assert [value for value in values_in(folder) if "/" not in value] == [
            *names, "flatten", "fc1", "fc2", "predictions",
        ]  # fmt: skip
        card = card_of(folder)
        assert card["input"] == {
            "size": [224, 224], "color": "bgr", "scale": 1.0, "mean": [103.939, 116.779, 123.68],
            "resize": "nearest", "crop": "none",
        }  # fmt: skip
        assert card["layers"]["gradcam"] == "block5_conv3"

    def test_nested_and_repeated(self, tmp_path):
        layers = self.keras.layers
        inner = self.keras.Sequential(name="inner")
        inner.add(self.keras.Input((12, 12, 3)))
        inner.add(layers.Conv2D(3, 3, padding="same", activation="relu", name="conv"))
        inner.add(layers.MaxPooling2D(name="pool"))
        picture = self.keras.Input((12, 12, 3), name="picture")
        twice = layers.Conv2D(3, 3, padding="same", activation="relu", name="twice")
        values = layers.Flatten(name="flat")(inner(twice(twice(picture))))
        model = self.keras.Model(picture, layers.Dense(1, activation="sigmoid", name="score")(values))
        folder = self.export(self.save(model, tmp_path / "n.keras"), tmp_path / "n", "--preprocess", "none")
        assert [value for value in values_in(folder) if "/" not in value] == [
            "twice", "twice_1", "conv", "pool", "flat", "score",
        ]  # fmt: skip

    def test_mixed_precision_becomes_float32(self, tmp_path):
        self.keras.config.set_dtype_policy("mixed_bfloat16")
        path = self.save(self.two_branches(), tmp_path / "two.keras")
        folder = self.export(path, tmp_path / "two")
        assert "Cast" not in {node.op_type for node in onnx.load(folder / "model.onnx").graph.node}

    def test_float16_halves_the_file(self, tmp_path):
        path = self.save(self.two_branches(), tmp_path / "two.keras")
        plain = self.export(path, tmp_path / "plain")
        half = self.export(path, tmp_path / "half", "--float16")
        names = [value for value in values_in(plain) if "/" not in value]
        assert set(names) <= set(values_in(half))
        types = {tensor.data_type for tensor in onnx.load(half / "model.onnx").graph.initializer}
        assert onnx.TensorProto.FLOAT16 in types

    def test_the_books_file(self, tmp_path):
        """A Sequential model in the format of Keras 2.0.8, with its optimizer's state."""
        path = tmp_path / "cats_and_dogs_small_1.h5"
        kernels = write_book_file(path)
        labels = tmp_path / "labels.json"
        labels.write_text('{"0": "cat", "1": "dog"}', encoding="utf-8")
        folder = self.export(path, tmp_path / "book", "--labels", str(labels))
        assert [value for value in values_in(folder) if "/" not in value] == BOOK_LAYERS
        graph = onnx.load(folder / "model.onnx").graph
        assert graph.input[0].name == "conv2d_1_input"
        stored = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
        np.testing.assert_array_equal(stored["conv2d_4/kernel"].transpose(2, 3, 1, 0), kernels["conv2d_4"])
        assert sum(stored[name].size for name in stored if name.endswith(("kernel", "bias"))) == 3_453_121
        card = card_of(folder)
        assert card["input"]["size"] == [150, 150]
        assert card["layers"]["show"] == BOOK_LAYERS[:8]
        assert card["layers"]["gradcam"] == "conv2d_4"
        assert json.loads((folder / "labels.json").read_text()) == {"0": "cat", "1": "dog"}

    def test_a_wrong_export_leaves_nothing(self, tmp_path, monkeypatch):
        path = self.save(self.two_branches(), tmp_path / "two.keras")
        monkeypatch.setattr(self.exporter, "difference", lambda *_: 2e-4)
        with pytest.raises(SystemExit, match="differs from the original"):
            self.export(path, tmp_path / "two")
        assert [item.name for item in tmp_path.iterdir()] == ["two.keras"]

    def test_two_outputs_are_refused(self, tmp_path):
        picture = self.keras.Input((8, 8, 3))
        flat = self.keras.layers.Flatten()(picture)
        outputs = [self.keras.layers.Dense(2, name=name)(flat) for name in ("a", "b")]
        path = self.save(self.keras.Model(picture, outputs), tmp_path / "two.keras")
        with pytest.raises(SystemExit, match="one input and one output; this has 1 and 2"):
            self.export(path, tmp_path / "out")


BOOK_LAYERS = [
    *(f"{kind}_{index}" for index in range(1, 5) for kind in ("conv2d", "max_pooling2d")),
    "flatten_1",
    "dropout_1",
    "dense_1",
    "dense_2",
]
BOOK_SHAPES = {
    "conv2d_1": (3, 3, 3, 32),
    "conv2d_2": (3, 3, 32, 64),
    "conv2d_3": (3, 3, 64, 128),
    "conv2d_4": (3, 3, 128, 128),
    "dense_1": (6272, 512),
    "dense_2": (512, 1),
}


def book_layer(name: str) -> dict:
    """A layer's config as Keras 2.0.8 wrote it."""
    kind = name.rsplit("_", 1)[0]
    weighted = {"use_bias": True, "kernel_regularizer": None, "bias_initializer": {"class_name": "Zeros", "config": {}}}
    uniform = {"scale": 1.0, "mode": "fan_avg", "distribution": "uniform", "seed": None}
    weighted["kernel_initializer"] = {"class_name": "VarianceScaling", "config": uniform}
    config = {"name": name, "trainable": True}
    if kind == "conv2d":
        config |= weighted | {"filters": BOOK_SHAPES[name][-1], "kernel_size": [3, 3], "strides": [1, 1]}
        config |= {"padding": "valid", "data_format": "channels_last", "dilation_rate": [1, 1], "activation": "relu"}
    elif kind == "max_pooling2d":
        config |= {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_last"}
    elif kind == "dropout":
        config |= {"rate": 0.5, "noise_shape": None, "seed": None}
    elif kind == "dense":
        config |= weighted | {"units": BOOK_SHAPES[name][-1], "activation": "relu" if name == "dense_1" else "sigmoid"}
    if name == "conv2d_1":
        config |= {"batch_input_shape": [None, 150, 150, 3], "dtype": "float32"}
    classes = {"conv2d": "Conv2D", "max_pooling2d": "MaxPooling2D"}
    return {"class_name": classes.get(kind, kind.capitalize()), "config": config}


def write_book_file(path: Path) -> dict[str, np.ndarray]:
    """Write the file that the book's listing 5.9 saves, with random weights, and return its kernels."""
    import h5py

    random = np.random.default_rng(0)
    kernels = {
        name: random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)
        for name, shape in BOOK_SHAPES.items()
    }
    optimizer = {"class_name": "RMSprop", "config": {"lr": 1e-4, "rho": 0.9, "decay": 0.0, "epsilon": 1e-8}}
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.0.8"
        file.attrs["backend"] = b"tensorflow"
        config = {"class_name": "Sequential", "config": [book_layer(name) for name in BOOK_LAYERS]}
        file.attrs["model_config"] = json.dumps(config).encode()
        training = {"optimizer_config": optimizer, "loss": "binary_crossentropy", "metrics": ["acc"]}
        file.attrs["training_config"] = json.dumps(training).encode()
        weights = file.create_group("model_weights")
        weights.attrs["layer_names"] = [name.encode() for name in BOOK_LAYERS]
        weights.attrs["backend"], weights.attrs["keras_version"] = b"tensorflow", b"2.0.8"
        for name in BOOK_LAYERS:
            group = weights.create_group(name)
            has_weights = name in kernels
            group.attrs["weight_names"] = [f"{name}/{part}:0".encode() for part in ("kernel", "bias")] * has_weights
            if has_weights:
                group[f"{name}/kernel:0"] = kernels[name]
                group[f"{name}/bias:0"] = random.normal(0, 0.05, kernels[name].shape[-1]).astype(np.float32)
        state = file.create_group("optimizer_weights")
        state.attrs["weight_names"] = [b"training/RMSprop/Variable:0"]
        state["training/RMSprop/Variable:0"] = np.zeros(BOOK_SHAPES["conv2d_1"], np.float32)
    return kernels


class TestTorch:
    """Folders made by export_torch.py."""

    @pytest.fixture(autouse=True)
    def _load(self):
        self.torch, self.exporter = framework("torch", "export_torch")
        self.torch.manual_seed(0)

    def export(self, source: str | Path, out: Path, *flags: str) -> Path:
        self.exporter.main([str(source), str(out), *flags])
        return out

    def small_network(self):
        """Two convolutions with batch norms, one ReLU module called twice, a functional sum, and a classifier."""
        nn = self.torch.nn

        class Block(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv1, self.bn1 = nn.Conv2d(8, 8, 3, padding=1), nn.BatchNorm2d(8)
                self.conv2, self.relu = nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()

            def forward(self, values):
                inner = self.relu(self.bn1(self.conv1(values)))
                return self.relu(self.conv2(inner) + values)

        network = nn.Sequential()
        network.stem, network.block = nn.Conv2d(3, 8, 3), Block()
        network.pool, network.flat, network.head = nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4)
        network.block.bn1.running_mean.normal_()
        network.block.bn1.running_var.uniform_(0.5, 2)
        return network.eval()

    def assert_hooks(self, folder: Path, network, size: int, modules: dict[str, str]) -> None:
        """Check that values of the graph equal those in forward hooks. `modules`: value name → module path."""
        seen = {}
        for name, path in modules.items():
            call = int(name.rsplit("_", 1)[1]) if name != path else 0
            calls = seen.setdefault(path, [])
            if call == 0:
                network.get_submodule(path).register_forward_hook(lambda _m, _i, out, calls=calls: calls.append(out.clone()))
        pictures = self.torch.randn(2, 3, size, size)
        with self.torch.no_grad():
            network(pictures)
        ours = values_of(folder, list(modules), pictures.numpy())
        for name, path in modules.items():
            call = int(name.rsplit("_", 1)[1]) if name != path else 0
            assert_same_value(name, ours[name], seen[path][call].numpy())

    SMALL = ("stem", "block.bn1", "block.relu", "block.conv2", "block.add", "block.relu_1", "pool", "flat", "head")

    def test_program(self, tmp_path):
        network = self.small_network()
        batch = {0: self.torch.export.Dim("batch")}
        program = self.torch.export.export(network, (self.torch.rand(2, 3, 16, 16),), dynamic_shapes=({**batch},))
        self.torch.export.save(program, tmp_path / "small.pt2")
        folder = self.export(tmp_path / "small.pt2", tmp_path / "small", "--preprocess", "rescale")
        assert [value for value in values_in(folder) if "/" not in value] == list(self.SMALL)
        modules = {name: name for name in self.SMALL if name != "block.add"} | {"block.relu_1": "block.relu"}
        self.assert_hooks(folder, network, 16, modules)
        card = card_of(folder)
        assert card["input"]["size"] == [16, 16]
        assert card["output"]["activation"] == "softmax"
        assert card["layers"]["gradcam"] == "block.relu_1"
        assert card["layers"]["aliases"]["block"] == "block.relu_1"

    def test_script(self, tmp_path):
        network = self.small_network()
        self.torch.jit.script(network).save(tmp_path / "small.pt")
        folder = self.export(tmp_path / "small.pt", tmp_path / "small", "--size", "16", "16")
        assert set(self.SMALL) <= set(values_in(folder))
        modules = {name: name for name in self.SMALL if name != "block.add"} | {"block.relu_1": "block.relu"}
        self.assert_hooks(folder, network, 16, modules)

    def test_resnet18(self, tmp_path):
        flags = ("--weights", "none", "--seed", "3", "--randomize-bn", "--classes", "5", "--size", "64", "64")
        folder = self.export("resnet18", tmp_path / "resnet18", *flags)
        network = self.exporter.torchvision_source(
            self.exporter.parse_arguments(["resnet18", str(tmp_path), *flags])
        ).forward
        names = ("maxpool", "layer2.0.downsample.1", "layer3.0.bn2", "layer4.1.relu", "layer4.1.relu_1", "fc")
        self.assert_hooks(folder, network, 64, {name: name.removesuffix("_1") for name in names})
        graph = onnx.load(folder / "model.onnx").graph
        assert {node.op_type for node in graph.node} == {
            "Conv", "Relu", "MaxPool", "Add", "ReduceMean", "Reshape", "Gemm",
        }  # fmt: skip
        card = card_of(folder)
        assert card["layers"]["aliases"]["layer4"] == "layer4.1.relu_1"
        assert (card["input"]["crop"], card["input"]["resize_to"]) == ("center", 73)  # 256 / 224 of 64
        assert card["output"]["activation"] == "softmax"
        assert card["input"]["mean"] == [0.485, 0.456, 0.406]

    def test_several_labels_for_one_picture(self, tmp_path):
        """A network with independent classes also ends in logits. Only the user knows the activation."""
        self.torch.jit.script(self.small_network()).save(tmp_path / "small.pt")
        flags = ("--size", "16", "16", "--activation", "sigmoid", "--resize-to", "20")
        card = card_of(self.export(tmp_path / "small.pt", tmp_path / "small", *flags))
        assert card["output"]["activation"] == "sigmoid"
        assert card["input"]["resize_to"] == 20

    @pytest.mark.parametrize("name", ["resnet18", "inception_v3", "efficientnet_b0", "swin_t"])
    def test_preprocessing_is_torchvisions(self, name):
        """For pictures of any shape, the card's tensor equals that of the published weights' own transforms."""
        transforms = self.exporter.torchvision.models.get_model_weights(name).DEFAULT.transforms()
        card = self.exporter.torchvision_card(transforms, None)
        for size in ((640, 480), (333, 500), (227, 225), (100, 301)):
            picture = model_folder.test_picture().resize(size)
            wanted = transforms(picture).numpy().transpose(1, 2, 0)
            np.testing.assert_allclose(card.tensor(picture)[0], wanted, atol=1e-5, err_msg=str(size))

    def test_a_wrong_export_leaves_nothing(self, tmp_path, monkeypatch):
        monkeypatch.setattr(self.exporter, "relative_difference", lambda *_: float("nan"))
        with pytest.raises(SystemExit, match="differs from the original"):
            self.export("squeezenet1_1", tmp_path / "out", "--weights", "none", "--size", "64", "64")
        assert list(tmp_path.iterdir()) == []

    def test_a_pickle_is_refused(self, tmp_path):
        self.torch.save(self.small_network().state_dict(), tmp_path / "state.pt")
        with pytest.raises(SystemExit, match="neither an exported program nor TorchScript"):
            self.export(tmp_path / "state.pt", tmp_path / "out")


def test_a_card_reads_back():
    """The TOML of a card reads back unchanged, also for names with quotes."""
    card = model_folder.Card((4, 6), scale=1 / 255, mean=(0.5,), color="gray", show=['a"b'], aliases={"x.y": "z"})
    assert tomllib.loads(model_folder.Card((4, 6), crop="center", resize_to=9).toml())["input"]["resize_to"] == 9
    read = tomllib.loads(card.toml())
    assert read["input"] == {
        "size": [4, 6], "color": "gray", "scale": 1 / 255, "mean": [0.5], "resize": "nearest", "crop": "none",
    }  # fmt: skip
    assert read["layers"] == {"show": ['a"b'], "aliases": {"x.y": "z"}}


def test_preprocessing_crops_and_reorders():
    """Computed by hand: the middle 2×2 of a 2×4 picture, blue first, scaled, minus the mean, divided by std."""
    from PIL import Image

    pixels = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    card = model_folder.Card((2, 2), color="bgr", scale=0.5, mean=(1, 2, 3), std=(2, 4, 8), crop="center")
    expected = (pixels[:, 1:3, ::-1] * 0.5 - [1, 2, 3]) / [2, 4, 8]
    np.testing.assert_array_equal(card.tensor(Image.fromarray(pixels))[0], expected.astype(np.float32))
