"""Writes Keras's input tensors for cat.png: `load_img`, then `preprocess_input` in its three modes.

python make_tensors.py      # numpy, Pillow, keras with any backend
"""

import pathlib

import numpy as np
from keras.applications import imagenet_utils
from keras.utils import img_to_array, load_img

here = pathlib.Path(__file__).parent
(here / "tensors").mkdir(exist_ok=True)
loaded = img_to_array(load_img(here / "cat.png", target_size=(24, 32)))
for mode in ["caffe", "tf", "torch"]:
    tensor = imagenet_utils.preprocess_input(loaded.copy()[None], mode=mode)
    np.save(here / "tensors" / f"{mode}.npy", tensor.astype(np.float32))
