"""Compare convscope with PyTorch on whole transformers with random weights, from both exporters.

    python check_transformers.py CONVSCOPE [NAME…]     # torch 2.15.0, torchvision, timm 1.0.31, transformers 5.24.0

For each network it prints the layer that is explained by default, the largest error of Grad-CAM and HiResCAM there
against PyTorch in float64, relative to the largest value, and those of rollout, Chefer and AttnLRP, or why convscope
refuses them. `shake` is how much PyTorch's own HiResCAM moves when every weight moves by 3e-7 of itself: where it is
large, float32 cannot do better.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

os.environ["TIMM_FUSED_ATTN"] = "2"  # every attention goes through one function
import torch
from PIL import Image
from torch_maps import attentions, attnlrp, cams, chefer, rollout

SIDE, TARGET = 224, 3
METHODS = ("gradcam", "hirescam", "rollout", "chefer", "attnlrp")


def of_timm(name: str, **options) -> Callable:
    def make() -> torch.nn.Module:
        import timm

        return timm.create_model(name, pretrained=False, num_classes=10, **options)

    return make


def of_torchvision(name: str) -> Callable:
    def make() -> torch.nn.Module:
        import torchvision

        return getattr(torchvision.models, name)(num_classes=10)

    return make


def of_transformers(kind: str, **options) -> Callable:
    class Logits(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            import transformers

            config = getattr(transformers, f"{kind}Config")(num_labels=10, image_size=SIDE, **options)
            self.model = getattr(transformers, f"{kind}ForImageClassification")(config)
            self.model.set_attn_implementation("sdpa")
            # The library keeps the function of a time before it is replaced.
            for module in self.model.modules():
                if isinstance(module, transformers.activations.GELUActivation):
                    module.act = lambda x: torch.nn.functional.gelu(x)

        def forward(self, pixel_values):
            return self.model(pixel_values).logits

    return Logits


# The network, and the module whose output is explained by default, where a hook finds it.
NETWORKS: dict[str, tuple[Callable, str | None]] = {
    "torchvision vit_b_16": (of_torchvision("vit_b_16"), "encoder.layers.encoder_layer_11.ln_1"),
    "torchvision swin_t": (of_torchvision("swin_t"), "norm"),
    "torchvision swin_v2_t": (of_torchvision("swin_v2_t"), "norm"),
    "torchvision maxvit_t": (of_torchvision("maxvit_t"), None),
    "timm deit_tiny": (of_timm("deit_tiny_patch16_224"), "blocks.11.norm1"),
    "timm deit_tiny_distilled": (of_timm("deit_tiny_distilled_patch16_224"), "blocks.11.norm1"),
    "timm beit_base": (of_timm("beit_base_patch16_224"), None),
    "timm deit3_small": (of_timm("deit3_small_patch16_224"), "blocks.11.norm1"),
    "timm vit_small reg4": (of_timm("vit_small_patch14_reg4_dinov2", img_size=SIDE), "blocks.11.norm1"),
    "timm xcit_nano": (of_timm("xcit_nano_12_p16_224"), "cls_attn_blocks.1.norm1"),
    "timm pvt_v2_b0": (of_timm("pvt_v2_b0"), None),
    "timm levit_128s": (of_timm("levit_128s"), None),
    "timm mobilevit_xxs": (of_timm("mobilevit_xxs"), None),
    "transformers ViT": (of_transformers("ViT", num_hidden_layers=4), None),
    "transformers Swin": (of_transformers("Swin"), None),
    "transformers BEiT": (of_transformers("Beit", num_hidden_layers=4), None),
    "transformers DINOv2": (of_transformers("Dinov2", num_hidden_layers=4, patch_size=14), None),
}


def with_random_zeros(network: torch.nn.Module) -> torch.nn.Module:
    """Heads and layer scales that start as zero would hide everything."""
    with torch.no_grad():
        for parameter in network.parameters():
            if not parameter.any():
                parameter.normal_(std=0.02)
    return network


def shaken(network: torch.nn.Module, size: float) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for parameter in network.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype)
            parameter.add_(noise * parameter.abs() * size)
    return network


def export(network: torch.nn.Module, path: Path, dynamo: bool) -> None:
    options = {"dynamo": True, "external_data": False} if dynamo else {"dynamo": False, "opset_version": 17}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network, (torch.zeros(1, 3, SIDE, SIDE),), str(path),
            input_names=["input"], output_names=["logits"], **options,
        )


def explain(program: str, model: Path, picture: Path, method: str) -> tuple[dict | None, str]:
    """convscope's JSON answer, or why it refuses."""
    command = [program, "explain", str(model), str(picture), "--method", method, "--score", "logit"]
    command += ["--class", str(TARGET), "--preset", "unit", "-o", "-", "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True)
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr.strip().splitlines()[-1])


def error(found: np.ndarray, expected: torch.Tensor) -> float:
    expected = expected.numpy()
    return float(np.abs(found - expected).max() / np.abs(expected).max())


def check(name: str, program: str, folder: Path, picture: Path, x: torch.Tensor) -> Iterator[str]:
    make, layer = NETWORKS[name]
    torch.manual_seed(0)
    network = with_random_zeros(make().eval())
    for dynamo in (False, True):
        path = folder / "model.onnx"
        exporter = "dynamo" if dynamo else "TorchScript"
        try:
            export(network.float(), path, dynamo)
        except Exception as problem:  # the exporter's own
            yield f"{name} | {exporter} | not exported: {str(problem).splitlines()[0][:80]}"
            continue
        network.double()
        maps, notes = {}, []
        for method in METHODS:
            answer, reason = explain(program, path, picture, method)
            if answer is None:
                notes.append(f"{method}: {reason[:90]}")
                continue
            maps[method] = np.array(answer["maps"][0]["map"], np.float64)
            if method == "gradcam":
                shown = answer["layer"]
                height, width, _ = answer["layer_shape"]
        if "gradcam" not in maps:
            yield f"{name} | {exporter} | – | " + "; ".join(notes)
            continue
        figures = {}
        modules = dict(network.named_modules())
        module = modules.get(layer or shown) or modules.get("model." + shown)
        prefix = 0
        if module is not None:
            with torch.no_grad():
                kept = []
                hook = module.register_forward_hook(lambda _m, _i, output: kept.append(output))
                network(x)
                hook.remove()
            value = kept[0][0] if isinstance(kept[0], tuple) else kept[0]
            prefix = value.shape[1] - height * width if value.ndim == 3 else 0
            expected = cams(network, module, x, TARGET, (height, width), prefix)
            for method in ("gradcam", "hirescam"):
                figures[method] = error(maps[method], expected[method])
            state = {key: value.clone() for key, value in network.state_dict().items()}
            moved = cams(shaken(network, 3e-7), module, x, TARGET, (height, width), prefix)
            network.load_state_dict(state)
            figures["shake"] = error(moved["hirescam"].numpy(), expected["hirescam"])
        if "chefer" in maps:
            with torch.no_grad(), attentions() as found:
                network(x)
            tokens = found[0].shape[-1] if found else 0
            prefix = tokens - maps["chefer"].size
            grid = maps["chefer"].shape
            if found:
                figures["rollout"] = error(maps["rollout"], rollout(network, x, grid, prefix))
                figures["chefer"] = error(maps["chefer"], chefer(network, x, TARGET, grid, prefix))
        if "attnlrp" in maps and "chefer" in figures:
            figures["attnlrp"] = error(maps["attnlrp"], attnlrp(network, x, TARGET).sum(0))
        shape = f"{height}×{width}"
        numbers = ", ".join(f"{method} {value:.0e}" for method, value in figures.items())
        yield f"{name} | {exporter} | {shown} {shape}, {prefix} prefix | {numbers} | " + "; ".join(notes)


def main() -> None:
    program, *names = sys.argv[1:]
    # PyTorch's fused attention has no weights to read.
    torch.backends.mha.set_fastpath_enabled(False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        picture = folder / "picture.png"
        pixels = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(picture)
        x = torch.from_numpy(pixels).double().permute(2, 0, 1)[None] / 255
        for network in names or NETWORKS:
            for line in check(network, program, folder, picture, x):
                print(line, flush=True)


if __name__ == "__main__":
    main()
