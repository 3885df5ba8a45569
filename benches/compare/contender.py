"""One of the programs that convscope is compared with.

    python contender.py KIND NAME FOLDER THREADS

The script prints `ready`. For every line on standard input it does one run and prints its milliseconds. KIND is one of:

    onnxruntime        FOLDER/model.onnx, forward
    torch              torchvision's NAME, forward without gradients
    torchcam           Grad-CAM of torchcam, forward and backward, to the map at the layer's resolution
    pytorch-grad-cam   the same of pytorch-grad-cam, which resizes the map to the input

The input is a tensor that is already in memory. Reading, resizing and drawing pictures are not measured.
"""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

KIND, NAME, FOLDER, THREADS = sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])
CLASS = 281


def onnxruntime_forward() -> Callable[[], object]:
    """The forward pass of ONNX Runtime, with the settings that its documentation recommends for the CPU."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    session = onnxruntime.InferenceSession(FOLDER / "model.onnx", options, providers=["CPUExecutionProvider"])
    (model_input,) = session.get_inputs()
    x = np.random.default_rng(0).standard_normal([dim if isinstance(dim, int) else 1 for dim in model_input.shape])
    feed = {model_input.name: x.astype(np.float32)}
    return lambda: session.run(None, feed)


def torch_network():  # noqa: ANN201
    """The network with random weights, as models/export/export_torch.py makes it, and an input."""
    import torch
    import torchvision

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    network = torchvision.models.get_model(NAME, weights=None).eval()
    return network, torch.randn(1, 3, 224, 224)


def torch_forward() -> Callable[[], object]:
    """The forward pass of PyTorch, without gradients."""
    import torch

    network, x = torch_network()

    def run() -> object:
        with torch.inference_mode():
            return network(x)

    return run


def torchcam() -> Callable[[], object]:
    """torchcam's Grad-CAM at the last convolution of VGG16, after its activation."""
    from torchcam.methods import GradCAM

    network, x = torch_network()
    explainer = GradCAM(network, target_layer=network.features[29])
    return lambda: explainer(CLASS, network(x))


def pytorch_grad_cam() -> Callable[[], object]:
    """pytorch-grad-cam's Grad-CAM at the same layer."""
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    network, x = torch_network()
    explainer = GradCAM(model=network, target_layers=[network.features[29]])
    return lambda: explainer(input_tensor=x, targets=[ClassifierOutputTarget(CLASS)])


KINDS = {
    "onnxruntime": onnxruntime_forward,
    "torch": torch_forward,
    "torchcam": torchcam,
    "pytorch-grad-cam": pytorch_grad_cam,
}

run = KINDS[KIND]()
print("ready", flush=True)
for _ in sys.stdin:
    start = time.perf_counter()
    run()
    print(f"{(time.perf_counter() - start) * 1e3:.3f}", flush=True)
