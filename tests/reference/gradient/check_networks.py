"""Compares derived gradients of whole networks, run by tract and ONNX Runtime, with torch autograd.

The gradients are those at the last convolution, at the middle one, and at the picture.

The decisive check computes everything in float64: model, gradient graph, tract and torch. In float32
the gradient jumps where rounding moves a value across the kink of a ReLU or changes the maximum of a
pool. So float32 errors are shown beside those of torch in float32. tract has no Erf in float64:
networks with Gelu, which is smooth, are checked in float32.

    cargo build --release --example derive
    python check_networks.py [NAME…]    (needs onnx, onnxruntime, onnxscript, torch, torchvision)
"""

import re
import subprocess
import sys
import tempfile
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

TOLERANCE = 1e-6
NARROW_TOLERANCE = 1e-4
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
    """The last and the middle convolution (for transformers: norm), by their names in the graph.

    A convolution with a folded batch norm has the batch norm's name.
    """
    kinds = (torch.nn.Conv2d, torch.nn.BatchNorm2d)
    names = [n for n, m in module.named_modules() if isinstance(m, kinds) and n in values]
    if len(names) < 4:
        names = [n for n, m in module.named_modules() if isinstance(m, torch.nn.LayerNorm) and n in values][:-1]
    return [names[-1], names[len(names) // 2]]


def autograd(module, layers, picture, seed):
    """Torch's gradients of ⟨seed, logits⟩ at modules' outputs and at the picture."""
    captured = {}

    def keep(name):
        def hook(_, __, output):
            captured[name] = output
            return output.clone()  # in-place operations must not change the stored output

        return hook

    modules = dict(module.named_modules())
    hooks = [modules[name].register_forward_hook(keep(name)) for name in layers]
    x = torch.from_numpy(picture).requires_grad_()
    score = (module(x) * torch.from_numpy(seed)).sum()
    gradients = torch.autograd.grad(score, [captured[name] for name in layers] + [x])
    for hook in hooks:
        hook.remove()
    return [gradient.numpy() for gradient in gradients]


def relative(actual, expected):
    return [np.abs(a - b).max() / np.abs(b).max() for a, b in zip(actual, expected)]


def under_tract(folder, model, layers, picture, seed):
    """Tract's gradients, the files model.onnx and gradient.onnx, and the timings."""
    np.save(folder / "input.npy", picture)
    np.save(folder / "seed.npy", seed)
    onnx.save(model, folder / "model.onnx")
    command = [DERIVE, folder / "model.onnx", folder / "gradient.onnx", model.graph.output[0].name, *layers,
               "--run", folder]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr.strip())
    return [np.load(folder / f"grad{i}.npy") for i in range(len(layers))], done.stderr


def under_onnxruntime(folder, model, layers, picture, seed):
    x = model.graph.input[0].name
    residuals = [value.name for value in onnx.load(folder / "gradient.onnx").graph.input][1:]
    wanted = [r for r in residuals if r != x]
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(r) for r in wanted)
    onnx.save(model, folder / "model.onnx")
    feed = dict(zip(wanted, session(folder / "model.onnx").run(wanted, {x: picture}))) if wanted else {}
    feed = {k: v for k, v in (feed | {x: picture, "seed": seed}).items() if k in [*residuals, "seed"]}
    return session(folder / "gradient.onnx").run([f"grad/{layer}" for layer in layers], feed)


def check(name, folder):
    torch.set_default_dtype(torch.float64)
    arguments = export_torch.parse_arguments([name, "out", "--weights", "none", "--randomize-bn"])
    source = export_torch.torchvision_source(arguments)
    module = source.forward
    wide = export_torch.plain_graph(source)[0]
    wide.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    original = onnx.ModelProto.FromString(wide.SerializeToString())
    suit_tract_in_float64(wide)
    values = {output for node in wide.graph.node for output in node.output}
    layers = pick_layers(module, values)
    at = [*layers, wide.graph.input[0].name]
    rng = np.random.default_rng(0)
    size = [int(s) for s in source.card.size]
    picture, seed = rng.standard_normal((1, 3, *size)), rng.standard_normal((1, 1000))
    expected = autograd(module, layers, picture, seed)
    try:
        exact = relative(under_tract(folder, wide, at, picture, seed)[0], expected)
    except RuntimeError as error:
        if "does not support F64" not in str(error):
            raise
        exact = []

    half = autograd(module.float(), layers, picture.astype("f"), seed.astype("f"))
    model = in_float32(original)
    tract, log = under_tract(folder, model, at, picture.astype("f"), seed.astype("f"))
    onnx.checker.check_model(folder / "gradient.onnx", full_check=True)
    ort = under_onnxruntime(folder, model, at, picture.astype("f"), seed.astype("f"))
    tract_errors, ort_errors = relative(tract, expected), relative(ort, expected)
    errors = [" ".join(f"{e:.0e}" for e in each) for each in
              (exact, tract_errors, ort_errors, relative(half, expected))]
    times = " ".join(re.findall(r"[a-z]+ [\d.]+m?s", log))
    passed = max(exact) <= TOLERANCE if exact else max(*tract_errors, *ort_errors) <= NARROW_TOLERANCE
    return passed, " | ".join([*errors, times])


def suit_tract_in_float64(model):
    """Replace what tract computes only in float32 by separate nodes that also work in float64.

    This concerns the bias of Gemm, Sigmoid, HardSigmoid and HardSwish.
    """
    number = lambda name, value: onnx.numpy_helper.from_array(np.array(value), name)
    model.graph.initializer.extend([number("sixth", 1 / 6), number("half", 0.5), number("zero", 0.0), number("one", 1.0)])
    for place, node in reversed(list(enumerate(model.graph.node))):
        if node.op_type == "Gemm" and len(node.input) == 3:
            (output,) = node.output
            node.output[0] = f"{output}/product"
            bias = node.input.pop()
            model.graph.node.insert(place + 1, onnx.helper.make_node("Add", [node.output[0], bias], [output]))
        if node.op_type == "Sigmoid":
            (x,), (y,), make = node.input, node.output, onnx.helper.make_node
            model.graph.node.remove(node)
            for new in (make("Reciprocal", [f"{y}/c"], [y]), make("Add", [f"{y}/b", "one"], [f"{y}/c"]),
                        make("Exp", [f"{y}/a"], [f"{y}/b"]), make("Neg", [x], [f"{y}/a"])):
                model.graph.node.insert(place, new)
        if node.op_type in ("HardSwish", "HardSigmoid"):
            (x,), (y,) = node.input, node.output
            make = onnx.helper.make_node
            gate = [make("Mul", [x, "sixth"], [f"{y}/a"]), make("Add", [f"{y}/a", "half"], [f"{y}/b"]),
                    make("Clip", [f"{y}/b", "zero", "one"], [y if node.op_type == "HardSigmoid" else f"{y}/c"])]
            if node.op_type == "HardSwish":
                gate.append(make("Mul", [x, f"{y}/c"], [y]))
            model.graph.node.remove(node)
            for new in reversed(gate):
                model.graph.node.insert(place, new)


def in_float32(wide):
    model = onnx.ModelProto.FromString(wide.SerializeToString())
    narrow = lambda t: onnx.numpy_helper.from_array(onnx.numpy_helper.to_array(t).astype("f"), t.name)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.DOUBLE:
            tensor.CopyFrom(narrow(tensor))
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == onnx.TensorProto.DOUBLE:
            value.type.tensor_type.elem_type = onnx.TensorProto.FLOAT
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type == onnx.TensorProto.DOUBLE:
                attribute.t.CopyFrom(narrow(attribute.t))
            if node.op_type == "Cast" and attribute.i == onnx.TensorProto.DOUBLE:
                attribute.i = onnx.TensorProto.FLOAT
    return model


def main():
    failed = 0
    names = sys.argv[1:] or NETWORKS
    print("errors at last convolution, middle, picture")
    print("network | tract float64 | tract | ONNX Runtime | torch float32 | times in float32")
    for name in names:
        with tempfile.TemporaryDirectory() as folder:
            try:
                passed, text = check(name, Path(folder))
            except Exception as error:
                passed, text = False, f"{type(error).__name__}: {error}"
        failed += not passed
        print(f"{name} | {'' if passed else 'FAILED '}{text}", flush=True)
    print(f"{len(names) - failed} passed, {failed} failed")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
