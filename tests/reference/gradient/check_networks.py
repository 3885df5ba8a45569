"""Whole networks: the derived gradient under ONNX Runtime and under tract against torch autograd, at
the last convolution, one in the middle, and the picture.

    cargo build --release --example derive
    python check_networks.py [NAME…]    (needs onnx, onnxruntime, onnxscript, torch, torchvision)
"""

import re
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

ROOT = Path(__file__).parents[3]
DERIVE = ROOT / "target/release/examples/derive"
sys.path.insert(0, str(ROOT / "models/export"))
import export_torch  # noqa: E402

TOLERANCE = 1e-4
NETWORKS = """
    alexnet vgg11_bn vgg16_bn resnet18 resnet50 wide_resnet50_2 resnext50_32x4d densenet121 googlenet
    inception_v3 squeezenet1_1 mobilenet_v2 mobilenet_v3_large shufflenet_v2_x1_0 mnasnet1_0
    efficientnet_b0 efficientnet_v2_s regnet_y_400mf convnext_tiny vit_b_16 swin_t
""".split()

warnings.filterwarnings("ignore")
onnxruntime.set_default_logger_severity(4)


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def pick_layers(module, values):
    """The last convolution, or for transformers the last norm, and the middle one, as they are
    called in the graph: with a folded batch norm under that one's name."""
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    names = [n for n, m in module.named_modules() if isinstance(m, kinds) and n in values]
    if len(names) < 4:
        names = [n for n, m in module.named_modules() if isinstance(m, torch.nn.LayerNorm) and n in values][:-1]
    return [names[-1], names[len(names) // 2]]


def autograd(module, layers, picture, seed):
    """Gradients of ⟨seed, logits⟩ at modules' outputs and at the picture."""
    captured = {}

    def keep(name):
        def hook(_, __, output):
            captured[name] = output
            return output.clone()  # what works in place on the output must not change what is kept

        return hook

    modules = dict(module.named_modules())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in layers]
    x = torch.from_numpy(picture).requires_grad_()
    score = (module(x) * torch.from_numpy(seed)).sum()
    gradients = torch.autograd.grad(score, [captured[name] for name in layers] + [x])
    for hook in hooks:
        hook.remove()
    return [gradient.numpy() for gradient in gradients]


def fixed_batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def check(name, folder):
    arguments = export_torch.parse_arguments([name, "out", "--weights", "none", "--randomize-bn"])
    source = export_torch.torchvision_source(arguments)
    module = source.forward
    model = export_torch.plain_graph(source)[0]
    fixed_batch(model)
    logits, x = model.graph.output[0].name, model.graph.input[0].name
    values = {output for node in model.graph.node for output in node.output}
    layers = pick_layers(module, values)
    rng = np.random.default_rng(0)
    picture = rng.standard_normal((1, 3, *source.card.size), np.float32)
    seed = rng.standard_normal((1, 1000)).astype("f")
    expected = autograd(module, layers, picture, seed)
    np.save(folder / "input.npy", picture)
    np.save(folder / "seed.npy", seed)
    forward, gradient = folder / "model.onnx", folder / "gradient.onnx"
    onnx.save(model, forward)
    command = [DERIVE, forward, gradient, logits, *layers, x, "--run", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return False, done.stderr.strip()
    onnx.checker.check_model(gradient, full_check=True)
    tract = [np.load(folder / f"grad{i}.npy") for i in range(3)]

    residuals = [value.name for value in onnx.load(gradient).graph.input][1:]
    wanted = [r for r in residuals if r != x]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(r) for r in wanted)
    onnx.save(model, forward)
    feed = dict(zip(wanted, session(forward).run(wanted, {x: picture}))) if wanted else {}
    feed = {k: v for k, v in (feed | {x: picture, "seed": seed}).items() if k in residuals + ["seed"]}
    runner = session(gradient)
    start = time.perf_counter()
    ort = runner.run([f"grad/{layer}" for layer in [*layers, x]], feed)
    took = time.perf_counter() - start
    errors = [
        [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(engine, expected)] for engine in (tract, ort)
    ]
    times = ", ".join(re.findall(r"\w+ [\d.]+m?s", done.stderr)) + f", ORT backward {took * 1000:.0f}ms"
    shown = " ".join(f"{e:.0e}" for e in errors[0]), " ".join(f"{e:.0e}" for e in errors[1])
    return bool(np.max(errors) <= TOLERANCE), f"{shown[0]} | {shown[1]} | {layers[0]}, {layers[1]} | {len(residuals)} residuals | {times}"


def main():
    failed = 0
    names = sys.argv[1:] or NETWORKS
    print("network | tract: last, middle, picture | ONNX Runtime | layers | residuals | times")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            passed, text = check(name, Path(folder))
        failed += not passed
        print(f"{name} | {'' if passed else 'FAILED '}{text}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(bool(failed))


main()
