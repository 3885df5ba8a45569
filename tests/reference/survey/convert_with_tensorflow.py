"""Writes an architecture of Keras with given weights as an ONNX file, by TensorFlow and tf2onnx.

    python convert_with_tensorflow.py NAME HEIGHT WIDTH CHANNELS WEIGHTS.npz FILE.onnx

Written with tensorflow 2.21, keras 3.15 and tf2onnx 1.17.
"""

import sys

import keras
import numpy as np
import tensorflow as tf
import tf2onnx

name, height, width, channels, weights, path = sys.argv[1:]
shape = int(height), int(width), int(channels)
model = getattr(keras.applications, name)(weights=None, classes=10, input_shape=shape)
with np.load(weights) as arrays:
    model.set_weights([arrays[key] for key in arrays.files])
call = tf.function(
    lambda x: model(x, training=False), input_signature=[tf.TensorSpec((1, *shape), tf.float32, "input")]
)
tf2onnx.convert.from_function(call, input_signature=call.input_signature, opset=17, output_path=path)
