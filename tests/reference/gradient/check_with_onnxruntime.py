"""Derives the gradient graph of every case and checks it.

onnx.checker must accept the graph, and ONNX Runtime must compute the reference gradient from it.

    cargo build --release --example derive
    python check_with_onnxruntime.py        (needs onnx, onnxruntime, numpy)
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

import reference as r

HERE = Path(__file__).parent
DERIVE = HERE.parents[2] / "target/release/examples/derive"
TOLERANCE = 2e-5

onnxruntime.set_default_logger_severity(4)


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def check(case, folder):
    source, target = folder / "model.onnx", folder / "gradient.onnx"
    onnx.save(case.model, source)
    command = [DERIVE, source, target, case.logits, *case.layers]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return done.stderr.strip()
    onnx.checker.check_model(onnx.load(target), full_check=True)
    gradient = onnx.load(target)
    if any(node.domain for node in gradient.graph.node):
        return "a node outside the default domain"
    residuals = [value.name for value in gradient.graph.input][1:]
    forward = onnx.ModelProto.FromString(case.model.SerializeToString())
    del forward.graph.output[:]
    forward.graph.output.extend(
        onnx.helper.make_empty_tensor_value_info(name)
        for name in residuals
        if name not in case.inputs
    )
    values = dict(case.inputs)
    if forward.graph.output:
        names = [value.name for value in forward.graph.output]
        needed = {value.name for value in forward.graph.input}
        inputs = {k: v for k, v in case.inputs.items() if k in needed}
        try:
            outputs = session(forward).run(names, inputs)
        except Exception as error:  # ONNX Runtime does not implement some old and some rare operators
            wide = {k: v.astype(np.float32) for k, v in inputs.items()}
            outputs = r.ReferenceEvaluator(forward).run(names, wide)
        values.update(zip(names, outputs))
    feed = {name: np.asarray(values[name]) for name in residuals} | {"seed": case.seed}
    outputs = [f"grad/{layer}" for layer in case.layers]
    actual = session(gradient).run(outputs, feed)
    for layer, array in zip(case.layers, actual):
        expected = case.gradients[layer]
        if array.shape != expected.shape:
            return f"grad/{layer} has shape {array.shape}"
        error = np.abs(array - expected).max() / max(np.abs(expected).max(), 1e-3)
        if not error <= TOLERANCE:
            return f"grad/{layer}: error {error:.1e}"
    return None


def main():
    failures, count = [], 0
    with tempfile.TemporaryDirectory() as folder:
        for file in sorted(HERE.glob("*_cases.jsonl")):
            for case in r.read(file):
                count += 1
                try:
                    reason = check(case, Path(folder))
                except Exception as error:
                    reason = f"{type(error).__name__}: {error}"
                if reason:
                    failures.append(f"{case.name}: {reason}")
    print(*failures, sep="\n")
    print(f"{count - len(failures)} passed, {len(failures)} failed")
    sys.exit(bool(failures))


main()
