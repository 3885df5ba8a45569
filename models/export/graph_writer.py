"""Write an ONNX classifier node by node, for networks whose weights are plain arrays.

A tensor has the framework's name of its layer. The names of nodes and weights are derived from it, as
`onnx_graph.name_the_rest` does for exported graphs: `block1_conv1/Conv`, `block1_conv1/kernel`.
"""

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

OPSET = 17


class GraphWriter:
    """Collects the nodes and weights of a graph. Pictures in it are [batch, channels, height, width]."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[TensorProto] = []

    def weight(self, name: str, values: np.ndarray) -> str:
        """Add a constant, in float32, and return its name."""
        self.weights.append(numpy_helper.from_array(np.asarray(values, np.float32, order="C"), name))
        return name

    def node(self, operator: str, inputs: list[str], output: str, layer: str | None = None, **attributes) -> str:
        """Add a node that computes `output`, and return `output`. It belongs to `layer`, by default to the layer
        `output`."""
        name = f"{layer or output}/{operator}"
        self.nodes.append(helper.make_node(operator, inputs, [output], name, **attributes))
        return output

    def conv(
        self, x: str, output: str, kernel: np.ndarray, bias: np.ndarray, layer: str | None = None, **attributes
    ) -> str:
        """Add a convolution. `kernel` is [filters, channels / group, height, width]."""
        layer = layer or output
        inputs = [x, self.weight(f"{layer}/kernel", kernel), self.weight(f"{layer}/bias", bias)]
        return self.node("Conv", inputs, output, layer, kernel_shape=list(kernel.shape[2:]), **attributes)

    def pooled_means(self, x: str, output: str) -> str:
        """Add a global average pool: [batch, channels, height, width] → [batch, channels]."""
        means = self.node("GlobalAveragePool", [x], f"{output}/GlobalAveragePool", output)
        return self.node("Flatten", [means], output)

    def softmax_head(self, x: str, output: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Add a dense layer and a softmax. The value between them is `<output>/logits`. `kernel` is [features,
        classes]."""
        inputs = [x, self.weight(f"{output}/kernel", kernel), self.weight(f"{output}/bias", bias)]
        logits = self.node("Gemm", inputs, f"{output}/logits", output)
        return self.node("Softmax", [logits], output, axis=-1)

    def model(self, name: str, source: tuple[str, list[int]], result: tuple[str, list[int]]) -> ModelProto:
        """The checked model. `source` and `result` are a name and a shape without the batch axis, which stays open."""
        (entry, entry_shape), (end, end_shape) = source, result
        inputs = [helper.make_tensor_value_info(entry, TensorProto.FLOAT, ["batch", *entry_shape])]
        outputs = [helper.make_tensor_value_info(end, TensorProto.FLOAT, ["batch", *end_shape])]
        graph = helper.make_graph(self.nodes, name, inputs, outputs, self.weights)
        model = helper.make_model(graph, producer_name="convscope", opset_imports=[helper.make_opsetid("", OPSET)])
        model.ir_version = 8  # the IR version of opset 17; older runtimes refuse newer versions
        onnx.checker.check_model(model, full_check=True)
        return model
