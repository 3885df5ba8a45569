"""Architectures of torchvision, by both exporters."""

from collections.abc import Iterator
from functools import partial

import torchvision

from network import Network, Row, dynamo, randomize, torchscript

SIDES = {
    "alexnet": 96, "inception_v3": 96, "vit_b_32": 64, "swin_t": 64, "swin_v2_t": 64, "maxvit_t": 64,
}  # fmt: skip
OPTIONS = {
    "inception_v3": {"transform_input": True, "init_weights": False, "aux_logits": False},
    "googlenet": {"init_weights": False, "aux_logits": False},
    "vit_b_32": {"image_size": 64},
    "maxvit_t": {"input_size": (64, 64)},
}
NAMES = """
    alexnet convnext_tiny densenet121 efficientnet_b0 efficientnet_v2_s googlenet inception_v3 maxvit_t mnasnet0_5
    mobilenet_v2 mobilenet_v3_small regnet_x_400mf regnet_y_400mf resnet18 resnet50 resnext50_32x4d shufflenet_v2_x0_5
    squeezenet1_1 swin_t swin_v2_t vgg11 vgg11_bn vit_b_32 wide_resnet50_2
""".split()


def build(name: str) -> Network:
    shape = (1, 3, SIDES.get(name, 64), SIDES.get(name, 64))
    module = torchvision.models.get_model(name, num_classes=10, **OPTIONS.get(name, {}))
    return Network(randomize(module, shape), shape)


def rows() -> Iterator[Row]:
    for index, name in enumerate(NAMES):
        for opset in [(9, 11, 13, 17)[index % 4]] if name not in LATE else [17]:
            yield Row("torchvision", name, partial(build, name), torchscript(opset), f"TorchScript, opset {opset}")
        if index % 2:
            yield Row("torchvision", name, partial(build, name), dynamo(), "dynamo")


LATE = {"swin_t", "swin_v2_t", "maxvit_t", "vit_b_32", "convnext_tiny", "efficientnet_v2_s", "inception_v3"}
"""Architectures with operators that TorchScript's exporter has from opset 14 or 16 on."""
