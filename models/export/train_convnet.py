"""Train the small cats-and-dogs convnet of Chollet, *Deep Learning with Python*, chapter 5.

    python train_convnet.py --out convnet.keras

After every epoch the script prints the accuracy on the validation split and saves the network if it is the best so
far. So a usable model exists early. `export_keras.py convnet.keras OUT_DIR` turns it into a model folder.

The book trains on 2,000 pictures and reaches about 82 %. The architecture here is exactly the book's. The higher
accuracy comes from more pictures and from the training: augmentation, AdamW with a cosine schedule, label smoothing,
and batch normalization *during training only*. A normalization without a learned scale multiplies by a positive number
and adds a constant. Therefore it commutes with max-pooling and folds exactly into the weights before it. `fold` uses
this to turn the trained network into the book's.

Training takes an hour on two cores. The first half of the time uses small pictures (102×102), where a step costs less
than half. Then the convolutions are kept, and the dense layer's kernel is stretched from 4×4 positions to 7×7.
Convolutions run in bfloat16 while training. The stored weights are float32.
"""

import argparse
import io
import math
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from PIL import Image

REPOSITORY = Path(__file__).resolve().parents[2]
INPUT_SIZE = 150
SMALL_SIZE = 102
CLASSES = ("cats", "dogs")  # the index is the label; the sigmoid unit gives the probability of a dog
PARAMETERS = 3_453_121


def build_convnet() -> keras.Sequential:
    """The book's network. The layer names are part of the API: users ask for `conv2d_4` by name."""
    model = keras.Sequential(name="cats_and_dogs_small_1")
    model.add(keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="conv2d_1_input"))
    for index, filters in enumerate((32, 64, 128, 128), start=1):
        model.add(layers.Conv2D(filters, 3, activation="relu", name=f"conv2d_{index}"))
        model.add(layers.MaxPooling2D(2, name=f"max_pooling2d_{index}"))
    model.add(layers.Flatten(name="flatten_1"))
    model.add(layers.Dropout(0.5, name="dropout_1"))
    model.add(layers.Dense(512, activation="relu", name="dense_1"))
    model.add(layers.Dense(1, activation="sigmoid", dtype="float32", name="dense_2"))
    assert model.count_params() == PARAMETERS
    return model


def build_trainee(size: int) -> keras.Model:
    """The network that is trained: the convnet with each ReLU after its pool, and a normalization before the ReLU.

    Pooling first makes the normalization and the ReLU four times cheaper. It gives the same values, because the
    normalization is increasing (`scale=False`: no learned factor that could become negative).
    """
    picture = values = keras.Input((size, size, 3))
    for index, filters in enumerate((32, 64, 128, 128), start=1):
        values = layers.Conv2D(filters, 3, use_bias=False, name=f"conv2d_{index}")(values)
        values = layers.MaxPooling2D(2)(values)
        values = layers.BatchNormalization(scale=False, momentum=0.98, name=f"conv2d_{index}_norm")(values)
        values = layers.ReLU()(values)
    values = layers.Dropout(0.5)(layers.Flatten()(values))
    values = layers.Dense(512, use_bias=False, name="dense_1")(values)
    values = layers.BatchNormalization(scale=False, momentum=0.98, name="dense_1_norm")(values)
    values = layers.Dense(1, activation="sigmoid", dtype="float32", name="dense_2")(layers.ReLU()(values))
    return keras.Model(picture, values)


def grow(trainee: keras.Model) -> keras.Model:
    """The network for full pictures, with the weights of the network for small pictures.

    Only the first dense kernel has another shape; its positions are interpolated. The normalization after it absorbs
    the change of scale.
    """
    grown = build_trainee(INPUT_SIZE)
    positions = [int(model.get_layer("conv2d_4_norm").output.shape[1]) for model in (trainee, grown)]
    for small, full in zip(trainee.layers, grown.layers):
        weights = small.get_weights()
        if small.name == "dense_1":
            maps = weights[0].reshape(positions[0], positions[0], -1)
            weights = [tf.image.resize(maps, [positions[1]] * 2).numpy().reshape(full.kernel.shape)]
        full.set_weights(weights)
    return grown


def fold(trainee: keras.Model) -> keras.Sequential:
    """The convnet that computes the same as `trainee`: kernels w/√(var+ε), biases β − mean/√(var+ε)."""
    policy = keras.mixed_precision.global_policy()
    keras.mixed_precision.set_global_policy("float32")
    convnet = build_convnet()
    keras.mixed_precision.set_global_policy(policy)
    convnet.get_layer("dense_2").set_weights(trainee.get_layer("dense_2").get_weights())
    for name in ("conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4", "dense_1"):
        norm = trainee.get_layer(f"{name}_norm")
        beta, mean, variance = norm.get_weights()
        scale = 1 / np.sqrt(variance + norm.epsilon)
        (kernel,) = trainee.get_layer(name).get_weights()
        convnet.get_layer(name).set_weights([kernel * scale, beta - mean * scale])
    return convnet


def read_split(data: Path, split: str) -> Iterator[tuple[str, Image.Image]]:
    """Yield (path inside the split, picture), from the folder `data/split` if it exists, otherwise from
    `data/split.tar`."""
    folder, archive = data / split, data / f"{split}.tar"
    if folder.is_dir():
        for path in sorted(folder.rglob("*.jpg")):
            yield path.relative_to(data).as_posix(), Image.open(path)
    elif archive.is_file():
        with tarfile.open(archive) as tar:
            for member in sorted(tar, key=lambda member: member.name):
                if member.isfile():
                    yield member.name, Image.open(io.BytesIO(tar.extractfile(member).read()))
    else:
        raise SystemExit(f"no {split} pictures: neither {folder}/ nor {archive} exists; set --data")


def load_split(data: Path, split: str, size: int) -> tuple[np.ndarray, np.ndarray]:
    """A split as uint8 [n, size, size, 3] and labels float32 [n], resized as Keras' `load_img` does (PIL's nearest)."""
    pictures, labels = [], []
    for name, picture in read_split(data, split):
        picture = picture.convert("RGB")
        if picture.size != (size, size):
            picture = picture.resize((size, size), Image.Resampling.NEAREST)
        pictures.append(np.asarray(picture))
        labels.append(CLASSES.index(name.split("/")[-2]))
    return np.stack(pictures), np.array(labels, np.float32)


def random_views(count: int, source_size: int, size: int) -> tf.Tensor:
    """Random affine maps [count, 8] from output pixels to source pixels, in the format of `ImageProjectiveTransformV3`.

    Flip, rotation, anisotropic zoom and shift are one map, so each pixel is sampled only once. Sampling is nearest
    neighbour, as when the network is used.
    """
    angle = tf.random.uniform([count], -0.17, 0.17)  # 10 degrees
    zoom = tf.random.uniform([count], 0.75, 1.03)
    stretch = tf.exp(tf.random.uniform([count], -0.1, 0.1))
    flip = tf.where(tf.random.uniform([count]) < 0.5, -1.0, 1.0)
    scale = zoom * source_size / size
    cos, sin = tf.cos(angle), tf.sin(angle)
    a, b = flip * scale * stretch * cos, -scale / stretch * sin
    d, e = flip * scale * stretch * sin, scale / stretch * cos
    reach = source_size * (tf.abs(1 - zoom) / 2 + 0.03)
    centre = (source_size - 1) / 2
    centre_x = centre + reach * tf.random.uniform([count], -1.0, 1.0)
    centre_y = centre + reach * tf.random.uniform([count], -1.0, 1.0)
    middle = (size - 1) / 2
    c = centre_x - (a + b) * middle
    f = centre_y - (d + e) * middle
    zero = tf.zeros([count])
    return tf.stack([a, b, c, d, e, f, zero, zero], axis=1)


def jitter_colours(pictures: tf.Tensor) -> tf.Tensor:
    """Values 0..255 → 0..1 with random saturation, contrast, white balance and brightness.

    All four are affine in the colour, so each picture's pixels go through one 3×3 matrix and one offset.
    """
    count = tf.shape(pictures)[0]
    mean = tf.reduce_mean(pictures[:, ::4, ::4], axis=[1, 2])
    saturation = tf.random.uniform([count, 1, 1], 0.7, 1.3)
    gain = tf.random.uniform([count, 1, 1], 0.8, 1.2) * tf.random.uniform([count, 1, 3], 0.95, 1.05)
    matrix = (saturation * tf.eye(3) + (1 - saturation) / 3) * gain / 255
    brightness = tf.random.uniform([count, 1], -0.1, 0.1)
    offset = mean / 255 - tf.linalg.matvec(matrix, mean, transpose_a=True) + brightness
    pixels = tf.reshape(pictures, [count, -1, 3]) @ matrix + offset[:, None]
    return tf.reshape(tf.clip_by_value(pixels, 0.0, 1.0), tf.shape(pictures))


def augment(pictures: tf.Tensor, size: int) -> tf.Tensor:
    """uint8 [n, s, s, 3] → float32 [n, size, size, 3] in 0..1, each picture with its own random view."""
    views = tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=random_views(tf.shape(pictures)[0], pictures.shape[1], size),
        output_shape=[size, size],
        fill_value=0.0,
        interpolation="NEAREST",
        fill_mode="REFLECT",
    )
    return jitter_colours(tf.cast(tf.ensure_shape(views, [None, size, size, 3]), tf.float32))


def training_batches(pictures: np.ndarray, labels: np.ndarray, size: int, arguments: argparse.Namespace) -> tf.data.Dataset:
    """Shuffled, augmented batches. The pictures stay in memory as uint8; a batch is gathered by index."""
    with tf.device("cpu"):
        pictures, labels = tf.constant(pictures), tf.constant(labels[:, None])
    indices = tf.data.Dataset.range(len(labels)).shuffle(len(labels), seed=arguments.seed)
    indices = indices.batch(arguments.batch, drop_remainder=True)
    return indices.map(lambda i: (augment(tf.gather(pictures, i), size), tf.gather(labels, i))).prefetch(4)


class Cosine(keras.callbacks.Callback):
    """Learning rate: a short rise, then a part of a cosine that falls from `peak` to zero.

    The part lies between two shares of the training. It ends after `steps` or after `minutes`, whichever comes first.
    So on a busy machine the schedule has fewer epochs, but still ends with the small steps that matter most.
    """

    def __init__(self, peak: float, begin: float, end: float, steps: int, minutes: float):
        super().__init__()
        self.peak, self.begin, self.end = peak, begin, end
        self.steps, self.seconds = steps, 60 * minutes
        self.start, self.step = time.monotonic(), 0

    def on_train_batch_begin(self, batch: int, logs: dict | None = None) -> None:
        self.step += 1
        done = min(1.0, max(self.step / self.steps, (time.monotonic() - self.start) / self.seconds))
        progress = self.begin + (self.end - self.begin) * done
        rise = min(1.0, self.step / 150)
        self.model.optimizer.learning_rate = self.peak * rise * 0.5 * (1 + math.cos(math.pi * progress))
        if done == 1:
            self.model.stop_training = True


class SaveBest(keras.callbacks.Callback):
    """Measures the folded float32 network after every epoch and saves the best one."""

    def __init__(self, pictures: np.ndarray, labels: np.ndarray, out: Path):
        super().__init__()
        self.pictures, self.labels, self.out = pictures, labels, out
        self.best = 0.0

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        convnet = fold(self.model)
        share = accuracy(convnet, self.pictures, self.labels)
        if share > self.best:
            self.best = share
            convnet.save(self.out)
        print(f"epoch {epoch + 1}: validation accuracy {share:.4f}, best {self.best:.4f}", flush=True)


def accuracy(model: keras.Model, pictures: np.ndarray, labels: np.ndarray) -> float:
    """Share of the pictures (uint8) that are classified correctly: on the right side of one half."""
    right = 0
    for start in range(0, len(labels), 50):
        part = slice(start, start + 50)
        probability = model.predict_on_batch(pictures[part].astype(np.float32) / 255)[:, 0]
        right += int(((probability > 0.5) == (labels[part] == 1)).sum())
    return right / len(labels)


def train(arguments: argparse.Namespace) -> None:
    """Read the data, train on small and then on full pictures, and leave the best checkpoint in `arguments.out`."""
    keras.utils.set_random_seed(arguments.seed)
    pictures, labels = load_split(arguments.data, "train", 200)
    save_best = SaveBest(*load_split(arguments.data, "validation", INPUT_SIZE), arguments.out)
    keras.mixed_precision.set_global_policy(arguments.precision)

    def fit(model: keras.Model, epochs: int, begin: float, end: float, callbacks: list) -> None:
        steps = epochs * (len(labels) // arguments.batch)
        model.compile(
            keras.optimizers.AdamW(arguments.learning_rate, weight_decay=arguments.weight_decay),
            keras.losses.BinaryCrossentropy(label_smoothing=0.05),
            metrics=["accuracy"],
        )
        schedule = Cosine(arguments.learning_rate, begin, end, steps, arguments.minutes / 2)
        batches = training_batches(pictures, labels, model.input_shape[1], arguments)
        model.fit(batches, epochs=epochs, callbacks=[schedule, *callbacks], verbose=2)

    small = build_trainee(SMALL_SIZE)
    fit(small, arguments.small_epochs, 0.0, 0.5, [])
    fit(grow(small), arguments.epochs, 0.5, 1.0, [save_best])


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=REPOSITORY / "../shared/data/cats_dogs",
        help="folder with train/ and validation/, or train.tar and validation.tar, each holding cats/ and dogs/",
    )
    parser.add_argument("--out", type=Path, default=Path("convnet.keras"), help="checkpoint to write")
    parser.add_argument("--small-epochs", type=int, default=20, help="on small pictures")
    parser.add_argument("--epochs", type=int, default=12, help="on full pictures")
    parser.add_argument("--minutes", type=float, default=math.inf, help="time limit; if necessary, fewer epochs are trained")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--learning-rate", type=float, default=1e-3, help="largest learning rate of the schedule")
    parser.add_argument("--weight-decay", type=float, default=0.02)
    parser.add_argument("--precision", choices=("float32", "mixed_bfloat16"), default="mixed_bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


if __name__ == "__main__":
    train(parse_arguments())
