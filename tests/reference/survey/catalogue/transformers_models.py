"""Classifiers of transformers, with small configurations."""

from collections.abc import Iterator
from functools import partial

import transformers

from network import Network, Row, Scores, dynamo, randomize, torchscript

VIT = {
    "image_size": 64,
    "patch_size": 8,
    "hidden_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "intermediate_size": 96,
}
SWIN = {"image_size": 64, "patch_size": 4, "embed_dim": 24, "depths": [2, 2], "num_heads": [2, 4], "window_size": 4}
STAGES = {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]}
CONFIGURATIONS: dict[str, dict] = {
    "Beit": VIT | {"use_mean_pooling": True},
    "Bit": {"embedding_size": 16, **STAGES, "num_groups": 8},
    "Clip": {},
    "ConvNext": STAGES,
    "ConvNextV2": STAGES,
    "Cvt": {"depth": [1, 2, 3], "embed_dim": [16, 32, 48], "num_heads": [1, 2, 3]},
    "Data2VecVision": VIT,
    "Deit": VIT,
    "Dinov2": VIT | {"mlp_ratio": 2},
    "Dinov2WithRegisters": VIT | {"mlp_ratio": 2, "num_register_tokens": 4},
    "DonutSwin": SWIN,
    "EfficientNet": {"image_size": 64, "width_coefficient": 0.5, "depth_coefficient": 0.5, "hidden_dim": 640},
    "FocalNet": {"image_size": 64, "embed_dim": 24, "depths": [1, 1, 2, 1], "focal_levels": [2, 2, 2, 2]},
    "HGNetV2": {},
    "Hiera": {"image_size": [64, 64], "embed_dim": 24, "depths": [1, 1, 2, 1], "num_heads": [1, 2, 4, 8]},
    "IJepa": VIT,
    "Levit": {"image_size": 64},
    "MetaClip2": {},
    "MobileNetV1": {"image_size": 64, "depth_multiplier": 0.5},
    "MobileNetV2": {"image_size": 64, "depth_multiplier": 0.5},
    "MobileViT": {"image_size": 64, "hidden_sizes": [32, 40, 48], "neck_hidden_sizes": [8, 16, 24, 32, 40, 48, 64]},
    "MobileViTV2": {"image_size": 64, "width_multiplier": 0.5},
    "PoolFormer": {"hidden_sizes": [16, 24, 32, 48], "depths": [1, 1, 2, 1]},
    "Pvt": {"image_size": 64},
    "PvtV2": {"image_size": 64, "hidden_sizes": [16, 32, 40, 64], "depths": [1, 1, 1, 1]},
    "RegNet": {"embedding_size": 16, **STAGES, "groups_width": 8},
    "ResNet": {"embedding_size": 16, **STAGES, "layer_type": "basic"},
    "Segformer": {"hidden_sizes": [16, 32, 40, 64], "depths": [1, 1, 1, 1], "decoder_hidden_size": 64},
    "Siglip": {},
    "SwiftFormer": {"image_size": 64},
    "Swin": SWIN,
    "Swinv2": SWIN,
    "TextNet": {},
    "Van": {"hidden_sizes": [16, 32, 40, 64], "depths": [1, 1, 1, 1]},
    "ViT": VIT,
    "ViTMSN": VIT,
}
VISION = {"Clip", "MetaClip2", "Siglip"}
LATE = {"Dinov2WithRegisters", "MobileViTV2"}
"""Classifiers with operators that TorchScript's exporter does not have in operator set 17."""


def names(name: str) -> tuple[str, str]:
    """The classes of the configuration and of the classifier."""
    fixed = {"Clip": "CLIP", "Deit": "DeiT"}.get(name, name)
    return f"{fixed}Config", f"{fixed}ForImageClassification"


def build(name: str) -> Network:
    configuration, classifier = (getattr(transformers, each) for each in names(name))
    options = CONFIGURATIONS[name]
    if name in VISION:
        options = {"vision_config": VIT}
    shape = (1, 3, 64, 64)
    module = classifier(configuration(num_labels=10, **options))
    if hasattr(module.config, "return_dict"):
        module.config.return_dict = True
    return Network(randomize(Scores(module), shape), shape)


def rows() -> Iterator[Row]:
    for index, name in enumerate(CONFIGURATIONS):
        if not all(hasattr(transformers, each) for each in names(name)):
            continue
        if index % 4 == 3 or name in LATE:
            yield Row("transformers", name, partial(build, name), dynamo(), "dynamo")
        else:
            yield Row("transformers", name, partial(build, name), torchscript(17), "TorchScript, opset 17")
