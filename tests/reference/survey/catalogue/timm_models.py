"""Architectures of timm: one small variant each."""

from collections.abc import Iterator
from functools import partial

import timm

from network import Network, Row, dynamo, randomize, torchscript

NAMES = """
    beit_base_patch16_224 botnet26t_256 caformer_s18 cait_xxs24_224 coat_lite_tiny coatnet_nano_rw_224 convformer_s18
    convit_tiny convnext_atto convnextv2_atto crossvit_tiny_240 cs3darknet_s davit_tiny deit3_small_patch16_224
    deit_tiny_patch16_224 eca_botnext26ts_256 eca_nfnet_l0 edgenext_xx_small efficientformer_l1 efficientformerv2_s0
    efficientvit_b0 efficientvit_m0 eva02_tiny_patch14_224 fastvit_t8 fasternet_t0 focalnet_tiny_srf gcvit_xxtiny
    ghostnet_050 ghostnetv2_100 gmixer_24_224 gmlp_ti16_224 hgnetv2_b0 hiera_tiny_224 lambda_resnet26t lcnet_035
    levit_128s levit_conv_128s mambaout_femto maxvit_tiny_rw_224 mobilenetv3_small_050 mobileone_s0 mobilevit_xxs
    mobilevitv2_050 mvitv2_tiny nest_tiny nextvit_small pit_ti_224 pit_ti_distilled_224 poolformerv2_s12 pvt_v2_b0
    regnetz_b16 repvgg_a0 repvit_m0_9 resmlp_12_224 resnest14d resnet26t resnetblur18 rexnet_100 sebotnet33ts_256
    sequencer2d_s shvit_s1 starnet_s1 swiftformer_xs swin_tiny_patch4_window7_224 swinv2_tiny_window8_256
    tf_efficientnetv2_b0 tiny_vit_5m_224 tnt_s_legacy_patch16_224 twins_svt_small visformer_tiny vit_tiny_patch16_224
    vit_medium_patch16_reg4_gap_256 vit_relpos_small_patch16_224 xcit_nano_12_p16_224 vit_base_mci_224
    vitamin_small_224 vit_pwee_patch16_reg1_gap_256 csatv2
""".split()
SHALLOW = {
    name: {"depth": 3}
    for name in """
        beit_base_patch16_224 cait_xxs24_224 convit_tiny deit3_small_patch16_224 deit_tiny_patch16_224
        eva02_tiny_patch14_224 tnt_s_legacy_patch16_224 vit_tiny_patch16_224 vit_medium_patch16_reg4_gap_256
        vit_relpos_small_patch16_224 vit_base_mci_224 vit_pwee_patch16_reg1_gap_256 xcit_nano_12_p16_224
    """.split()
} | {name: {"num_blocks": 3} for name in ("gmixer_24_224", "gmlp_ti16_224", "resmlp_12_224")}
"""Networks of many equal blocks, with three of them."""
SIDES = (64, 96, 128, 160, 224, 256)


def create(name: str):
    """The module and the smallest side that it takes."""
    for side in SIDES:
        for options in ({"img_size": side}, {}):
            try:
                module = timm.create_model(name, pretrained=False, num_classes=10, **options, **SHALLOW.get(name, {}))
                shape = (1, 3, side, side)
                return randomize(module, shape), shape
            except (TypeError, AssertionError, RuntimeError, ValueError, AttributeError, IndexError) as error:
                cause = error
    raise cause


def build(name: str) -> Network:
    return Network(*create(name))


def rows() -> Iterator[Row]:
    known = set(timm.list_models())
    for index, name in enumerate(name for name in NAMES if name in known):
        if index % 4 == 3:
            yield Row("timm", name, partial(build, name), dynamo(), "dynamo")
        else:
            yield Row("timm", name, partial(build, name), torchscript(17), "TorchScript, opset 17")
