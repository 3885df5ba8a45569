"""The gradients of a module's scores at any value that it computes, by PyTorch's autograd.

A value is found by its elements: every tensor that a function of PyTorch returns is kept, and the one that equals a
layer of the file is differentiated. So layers without a module, such as the sums of residual blocks, are found too.
"""

import numpy as np
import torch
from torch.overrides import TorchFunctionMode


class Keep(TorchFunctionMode):
    """Keeps every float tensor that a function returns.

    Operations in place are replaced by others unless `in_place`, because they change values that were kept.
    """

    def __init__(self, in_place: bool):
        super().__init__()
        self.in_place = in_place
        self.tensors: dict[int, torch.Tensor] = {}

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        keywords = dict(keywords or {})
        if not self.in_place:
            function = OUT_OF_PLACE.get(getattr(function, "__name__", ""), function)
            if keywords.get("inplace"):
                keywords["inplace"] = False
        result = function(*arguments, **keywords)
        for tensor in result if isinstance(result, (tuple, list)) else [result]:
            if isinstance(tensor, torch.Tensor) and tensor.requires_grad and tensor.numel() > 1:
                self.tensors.setdefault(id(tensor), tensor)
        return result


OUT_OF_PLACE = {f"__i{name}__": getattr(torch, name) for name in ("add", "sub", "mul")} | {
    f"{name}_": getattr(torch, name) for name in ("add", "sub", "mul", "div", "relu", "clamp", "sigmoid", "tanh")
}
OUT_OF_PLACE["__itruediv__"] = torch.div


class Reference:
    """The values of one picture's forward pass, and maps from the gradients of one class's score."""

    def __init__(self, scores, x: np.ndarray, chosen: int, count: int, activation: str, in_place: bool = False):
        self.x = torch.from_numpy(x).requires_grad_()
        with Keep(in_place) as kept:
            found = scores(self.x * 1.0).reshape(-1)
        self.tensors = list(kept.tensors.values())
        self.batch = found.numel() // count or 1
        self.scores = found[:count]
        if activation == "probabilities":
            self.scores = self.scores.softmax(0)
        one = self.scores[0] if chosen or count < 2 else -self.scores[0]
        self.score = self.scores[chosen] if self.scores.numel() > 1 else one

    def maps(self, method: str, layer: np.ndarray | None, x: np.ndarray, layout: str) -> list[tuple[np.ndarray, float]]:
        """The maps of a method, each with the norm of what was summed. `layer` is the layer's value.

        There are several where an operator of the module changes nothing, such as a dropout.
        """
        if layer is None:
            (gradient,) = torch.autograd.grad(self.score, [self.x], retain_graph=True)
            products = gradient.numpy().reshape(-1, *x.shape)[0] * x
            axis = 3 if layout == "nhwc" else 1
            return [(products.sum(axis)[0], np.linalg.norm(np.abs(products).sum(axis)))]
        found = []
        for gradient in self.gradients(layer):
            weights = gradient.mean((1, 2), keepdims=True) if method == "gradcam" else gradient
            size = np.abs(gradient).mean((1, 2), keepdims=True) if method == "gradcam" else np.abs(gradient)
            over = np.mean if method == "gradcam" else np.sum
            found.append((over(weights * layer, 0), np.linalg.norm(over(size * np.abs(layer), 0))))
        return found

    def gradients(self, layer: np.ndarray) -> list[np.ndarray]:
        """The gradients at the tensors that equal `layer` (channels × height × width), in its order of axes."""
        found = []
        for tensor in self.tensors:
            first = slice(None) if self.batch == 1 or tensor.shape[0] != self.batch else slice(1)
            with torch.no_grad():
                arrange = arrangement(tensor[first].detach(), layer)
            if arrange is None:
                continue
            (gradient,) = torch.autograd.grad(self.score, [tensor], retain_graph=True, allow_unused=True)
            if gradient is not None:
                found.append(arrange(gradient.detach()[first]).numpy())
        return found


PREFIX = 8
"""The most tokens before those of the patches."""


def arrangement(tensor: torch.Tensor, layer: np.ndarray):
    """How `tensor` is arranged to be equal to `layer`. None if it is another value."""
    channels, height, width = layer.shape
    if not layer.size <= tensor.numel() <= layer.size + PREFIX * channels:
        return None

    def tokens(value):
        return value[:, value.shape[1] - height * width :].transpose(1, 2).reshape(layer.shape)

    candidates = []
    if tensor.numel() == layer.size:
        candidates.append(lambda value: value.reshape(layer.shape))
        candidates.append(lambda value: value.reshape(height, width, channels).permute(2, 0, 1))
    if tensor.dim() == 3 and tensor.shape[0] == 1 and tensor.shape[2] == channels and tensor.shape[1] >= height * width:
        candidates.append(tokens)
    largest = np.abs(layer).max() or 1
    for candidate in candidates:
        if np.abs(candidate(tensor).numpy() - layer).max() <= 1e-3 * largest:
            return candidate
    return None
