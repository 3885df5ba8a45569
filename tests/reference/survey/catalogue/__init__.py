"""Every row of the survey."""

from collections.abc import Iterator

from network import Row

from . import keras_models, timm_models, torchvision_models, transformers_models, tricks, variants


def rows() -> Iterator[Row]:
    for part in (transformers_models, tricks, timm_models, variants, torchvision_models, keras_models):
        yield from part.rows()
