"""A small Keras network as tf2onnx writes it, with the output of every layer.

    python tests/reference/models/make_keras.py

writes `keras.onnx` and `keras.npz`. Written with Keras 3.15, TensorFlow 2.21 and tf2onnx 1.17.
"""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tf2onnx
from keras import layers

FOLDER = Path(__file__).parent


def network():
    picture = keras.Input((16, 16, 3), name="picture")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="rescaling")(picture)
    x = layers.Conv2D(4, 3, padding="same", activation="relu", name="conv1")(x)
    y = layers.Conv2D(4, 3, padding="same", use_bias=False, name="block_conv")(x)
    y = layers.BatchNormalization(name="block_bn")(y)
    x = layers.Add(name="block_add")([x, y])
    x = layers.ReLU(name="block_out")(x)
    x = layers.MaxPooling2D(name="pool")(x)
    x = layers.GlobalAveragePooling2D(name="gap")(x)
    return keras.Model(picture, layers.Dense(5, activation="softmax", name="predictions")(x), name="small")


def main():
    keras.utils.set_random_seed(7)
    model = network()
    picture = np.random.default_rng(7).uniform(0, 255, (1, 16, 16, 3)).astype(np.float32)
    named = {layer.name: layer.output for layer in model.layers[1:]}
    outputs = keras.Model(model.inputs, named)(picture)
    outputs = {name: np.asarray(value) for name, value in outputs.items()}
    np.savez_compressed(FOLDER / "keras.npz", input=picture, **outputs)
    spec = (tf.TensorSpec((1, 16, 16, 3), tf.float32, name="picture"),)
    call = tf.function(lambda picture: model(picture), input_signature=spec)
    tf2onnx.convert.from_function(call, input_signature=spec, output_path=FOLDER / "keras.onnx")


if __name__ == "__main__":
    main()
