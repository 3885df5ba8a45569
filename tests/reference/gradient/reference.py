"""Shared by the scripts of this folder: a case, its float64 reference, its file."""

import base64
import json
from dataclasses import dataclass, field

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

FINITE = "central finite differences of onnx.reference in float64"
TORCH = "torch autograd in float64"
HAND = "by hand"


@dataclass
class Case:
    """One graph, its inputs, a cotangent of `logits`, and the gradients expected at `layers`."""

    name: str
    operator: str
    model: onnx.ModelProto
    inputs: dict
    layers: list
    logits: str
    seed: np.ndarray
    gradients: dict = field(default_factory=dict)
    reference: str = FINITE

    def line(self):
        numbers = lambda a, digits: {
            "shape": list(a.shape),
            "values": [float(f"{v:.{digits}g}") for v in np.asarray(a, np.float64).ravel()],
        }
        return json.dumps(
            {
                "name": self.name,
                "operator": self.operator,
                "reference": self.reference,
                "model": base64.b64encode(self.model.SerializeToString()).decode(),
                "inputs": {k: numbers(v, 9) for k, v in self.inputs.items()},
                "layers": self.layers,
                "logits": self.logits,
                "seed": numbers(self.seed, 9),
                "gradients": {k: numbers(v, 9) for k, v in self.gradients.items()},
            },
            separators=(",", ":"),
        )


def write(path, cases):
    with open(path, "w") as file:
        for case in cases:
            file.write(case.line() + "\n")


def read(path):
    array = lambda a: np.array(a["values"], np.float32).reshape(a["shape"])
    with open(path) as file:
        for line in file:
            raw = json.loads(line)
            yield Case(
                name=raw["name"],
                operator=raw["operator"],
                model=onnx.load_from_string(base64.b64decode(raw["model"])),
                inputs={k: array(v) for k, v in raw["inputs"].items()},
                layers=raw["layers"],
                logits=raw["logits"],
                seed=array(raw["seed"]),
                gradients={k: array(v) for k, v in raw["gradients"].items()},
                reference=raw["reference"],
            )


def graph(nodes, inputs, weights, outputs, opset, ir_version=None):
    """A model of float32 `inputs` (name → array) and constant `weights`."""
    info = lambda name, shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    body = helper.make_graph(
        nodes,
        "case",
        [info(name, value.shape) for name, value in inputs.items()],
        [info(name, None) for name in outputs],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    # Before opset 9 an initializer also had to be an input. IR version 4 removed this rule.
    return helper.make_model(
        body,
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=ir_version or (10 if opset > 20 else 8),
    )


def in_float64(model):
    """The same model in float64."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    floats = (TensorProto.FLOAT, TensorProto.FLOAT16)
    widen = lambda t: numpy_helper.from_array(
        numpy_helper.to_array(t).astype(np.float64), t.name
    )
    for tensor in model.graph.initializer:
        if tensor.data_type in floats:
            tensor.CopyFrom(widen(tensor))
    for value in [*model.graph.input, *model.graph.output]:
        if value.type.tensor_type.elem_type in floats:
            value.type.tensor_type.elem_type = TensorProto.DOUBLE
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t") and attribute.t.data_type in floats:
                attribute.t.CopyFrom(widen(attribute.t))
            if node.op_type == "Cast" and attribute.name == "to" and attribute.i in floats:
                attribute.i = TensorProto.DOUBLE
    return model


def finite_differences(case, step=1e-5):
    """∂⟨seed, logits⟩/∂layer by central differences; the layers must be graph inputs."""
    evaluator = ReferenceEvaluator(in_float64(case.model))
    inputs = {k: v.astype(np.float64) for k, v in case.inputs.items()}
    seed = case.seed.astype(np.float64)
    score = lambda: float((seed * evaluator.run([case.logits], inputs)[0]).sum())
    for layer in case.layers:
        gradient = np.zeros_like(inputs[layer])
        flat, x = gradient.reshape(-1), inputs[layer].reshape(-1)
        for i in range(x.size):
            here = x[i]
            x[i] = here + step
            above = score()
            x[i] = here - step
            flat[i] = (above - score()) / (2 * step)
            x[i] = here
        case.gradients[layer] = gradient
