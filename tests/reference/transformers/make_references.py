"""Make small transformers with random weights, and their maps in PyTorch's float64.

    python make_references.py     # torch 2.15.0, timm 1.0.31, onnx, onnxscript, numpy

`vit.onnx` is exported by TorchScript, `vit_dynamo.onnx` is the same network by the newer exporter. `registers.onnx` has
four registers beside the class token, `pooled.onnx` none of them and a mean over the patches, `swin.onnx` windows.
Grids are rectangles, so that rows and columns cannot be mistaken for each other.
"""

import os
from pathlib import Path

import numpy as np
import onnx

os.environ["TIMM_FUSED_ATTN"] = "2"  # every attention goes through one function
import torch
from PIL import Image
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch_maps import attnlrp, cams, chefer, legrad, rollout

HERE = Path(__file__).parent
TARGET = 2


def vit(**options) -> VisionTransformer:
    return VisionTransformer(
        img_size=(32, 48), patch_size=8, embed_dim=16, depth=2, num_heads=2, mlp_ratio=2.0, num_classes=5, **options
    )


def shaken(network: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Every weight is random, those included that start as zero or one."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator) * 0.25
            parameter.copy_(noise + 1 if name.endswith("norm.weight") or ".norm" in name and "weight" in name else noise)
    return network.eval()


def export(network: torch.nn.Module, name: str, picture: torch.Tensor, dynamo: bool) -> None:
    path = HERE / f"{name}.onnx"
    options = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False, "opset_version": 17}
    torch.onnx.export(
        network.float(), (picture.float(),), str(path), input_names=["input"], output_names=["logits"], **options
    )
    network.double()
    model = onnx.load(path)
    for node in model.graph.node:
        kept = [entry for entry in node.metadata_props if entry.key != "pkg.torch.onnx.stack_trace"]
        del node.metadata_props[:]
        node.metadata_props.extend(kept)
    onnx.save(model, path)


def main() -> None:
    torch.manual_seed(0)
    pixels = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(HERE / "picture.png")
    picture = torch.from_numpy(pixels).double().permute(2, 0, 1)[None] / 255
    maps: dict[str, np.ndarray] = {}
    cases = {
        "vit": (vit(), (4, 6), 1, lambda net: net.blocks[-1].norm1),
        "registers": (vit(reg_tokens=4, no_embed_class=True), (4, 6), 5, lambda net: net.blocks[-1].norm1),
        "pooled": (vit(class_token=False, global_pool="avg", fc_norm=False), (4, 6), 0, lambda net: net.norm),
    }
    for seed, (name, (network, grid, prefix, layer)) in enumerate(cases.items()):
        network = shaken(network, seed).double()
        with torch.no_grad():
            maps[f"{name}/logits"] = network(picture).numpy()
        found = cams(network, layer(network), picture, TARGET, grid, prefix)
        found["rollout"] = rollout(network, picture, grid, prefix)
        found["chefer"] = chefer(network, picture, TARGET, grid, prefix)

        def head(tokens, network=network):
            return network.head(network.fc_norm(network.norm(tokens)))

        found["legrad"] = legrad(network, list(network.blocks), head, picture, TARGET, grid, prefix)
        found["attnlrp"] = attnlrp(network, picture, TARGET).sum(0)
        maps |= {f"{name}/{method}": map.numpy() for method, map in found.items()}
        export(network, name, picture, dynamo=False)
        if name == "vit":
            export(network, "vit_dynamo", picture, dynamo=True)
    swin = SwinTransformer(
        img_size=(32, 48), patch_size=2, embed_dim=8, depths=(2, 2), num_heads=(2, 2), window_size=4, num_classes=5
    )
    swin = shaken(swin, 9).double()
    with torch.no_grad():
        maps["swin/logits"] = swin(picture).numpy()
    found = cams(swin, swin.norm, picture, TARGET, (8, 12), 0)
    found["attnlrp"] = attnlrp(swin, picture, TARGET).sum(0)
    maps |= {f"swin/{method}": map.numpy() for method, map in found.items()}
    export(swin, "swin", picture, dynamo=False)
    np.savez(HERE / "maps.npz", **{name: value.astype(np.float32) for name, value in maps.items()})


if __name__ == "__main__":
    main()
