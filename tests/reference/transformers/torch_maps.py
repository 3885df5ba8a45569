"""Maps of transformers in PyTorch, written from the papers' formulas.

Attention goes through `scaled_dot_product_attention` or through a softmax; both are replaced while a network runs, so
that the weights of every attention are at hand. Everything is computed in the precision of the network and its input.
"""

import contextlib
from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch.nn import functional


class Half(torch.autograd.Function):
    """The identity, whose gradient is halved."""

    @staticmethod
    def forward(_, x: Tensor) -> Tensor:
        return x.clone()

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return gradient * 0.5


@contextlib.contextmanager
def attentions(halved: bool = False) -> Iterator[list[Tensor]]:
    """The weights of every attention, in the order of evaluation."""
    found: list[Tensor] = []
    original = functional.scaled_dot_product_attention

    def attention(query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **_):
        factor = query.shape[-1] ** -0.5 if scale is None else scale
        if halved:
            query, key, value = Half.apply(query), Half.apply(key), Half.apply(value)
        scores = query @ key.transpose(-2, -1) * factor
        if attn_mask is not None:
            scores = scores + attn_mask
        weights = scores.softmax(-1)
        if weights.requires_grad:
            weights.retain_grad()
        found.append(weights)
        return (Half.apply(weights) if halved else weights) @ value

    functional.scaled_dot_product_attention = attention
    try:
        yield found
    finally:
        functional.scaled_dot_product_attention = original


def reads(count: int, prefix: int) -> Tensor:
    """1 at the class token; without one, the mean over all tokens."""
    if prefix == 0:
        return torch.full((count,), 1 / count, dtype=torch.float64)
    return torch.eye(count, dtype=torch.float64)[0]


def rollout(network: Callable, x: Tensor, grid: tuple[int, int], prefix: int) -> Tensor:
    """Abnar and Zuidema 2020: the product of ½(mean over heads + I) over all blocks."""
    with torch.no_grad(), attentions() as found:
        network(x)
    count = found[0].shape[-1]
    product = torch.eye(count, dtype=torch.float64)
    for weights in found:
        product = 0.5 * (weights[0].double().mean(0) + torch.eye(count)) @ product
    return (reads(count, prefix) @ product)[prefix:].reshape(grid)


def chefer(network: Callable, x: Tensor, target: int, grid: tuple[int, int], prefix: int) -> Tensor:
    """Chefer et al. 2021 (arXiv:2103.15679), equations 5 and 6 for one modality."""
    with attentions() as found:
        logit = network(x.clone().requires_grad_())[0, target]
        gradients = torch.autograd.grad(logit, found)
    count = found[0].shape[-1]
    relevance = torch.eye(count, dtype=torch.float64)
    for weights, gradient in zip(found, gradients, strict=True):
        product = (gradient[0] * weights[0]).clamp(min=0).double().mean(0)
        relevance = relevance + product @ relevance
    return (reads(count, prefix) @ relevance)[prefix:].reshape(grid).detach()


def legrad(
    network: Callable, blocks: list, head: Callable, x: Tensor, target: int, grid: tuple[int, int], prefix: int
) -> Tensor:
    """Bousselham et al. 2024: `head` takes the mean token of each block to the logits."""
    outputs: list[Tensor] = []
    hooks = [block.register_forward_hook(lambda _m, _i, output: outputs.append(output)) for block in blocks]
    with attentions() as found:
        network(x.clone().requires_grad_())
    total = 0
    for weights, tokens in zip(found, outputs, strict=True):
        tokens = tokens[0] if isinstance(tokens, tuple) else tokens
        logit = head(tokens.mean(1))[0, target]
        gradient = torch.autograd.grad(logit, weights, retain_graph=True)[0][0]
        total = total + gradient.clamp(min=0).mean(dim=(0, 1))
    for hook in hooks:
        hook.remove()
    return (total / len(blocks))[prefix:].reshape(grid).detach()


@contextlib.contextmanager
def lrp_rules() -> Iterator[None]:
    """Normalizations with a constant denominator, and activations with the slope y/x (Achtibat et al. 2024)."""
    layer_norm, gelu = functional.layer_norm, functional.gelu

    def constant_norm(x, shape, weight=None, bias=None, eps=1e-5):
        axes = tuple(range(-len(shape), 0))
        centered = x - x.mean(axes, keepdim=True)
        deviation = (centered.square().mean(axes, keepdim=True) + eps).sqrt().detach()
        y = centered / deviation
        y = y if weight is None else y * weight
        return y if bias is None else y + bias

    def constant_slope(x, approximate="none"):
        return x * (gelu(x, approximate=approximate) / x).detach()

    functional.layer_norm, functional.gelu = constant_norm, constant_slope
    try:
        yield
    finally:
        functional.layer_norm, functional.gelu = layer_norm, gelu


def attnlrp(network: Callable, x: Tensor, target: int) -> Tensor:
    """Achtibat et al. 2024 with ε = 0: the relevance of the pixels, channels × height × width."""
    x = x.clone().requires_grad_()
    with lrp_rules(), attentions(halved=True):
        logit = network(x)[0, target]
    return (x * torch.autograd.grad(logit, x)[0])[0].detach()


def tokens_of(value: Tensor, grid: tuple[int, int], prefix: int) -> Tensor:
    """A value as channels × height × width: tokens, channels-last or channels-first."""
    value = value[0]
    if value.ndim == 2:
        return value[prefix:].reshape(*grid, -1).permute(2, 0, 1)
    return value.permute(2, 0, 1) if tuple(value.shape[:2]) == grid else value


def cams(network: Callable, layer, x: Tensor, target: int, grid: tuple[int, int], prefix: int) -> dict[str, Tensor]:
    """Grad-CAM (the mean over positions, as convscope has it), HiResCAM and LayerCAM of the logit."""
    held: list[Tensor] = []

    def keep(_module, _inputs, output):
        output = output[0] if isinstance(output, tuple) else output
        held.append(output)

    hook = layer.register_forward_hook(keep)
    with attentions():
        logit = network(x.clone().requires_grad_())[0, target]
        gradient = torch.autograd.grad(logit, held[0])[0]
    hook.remove()
    a = tokens_of(held[0].detach(), grid, prefix)
    g = tokens_of(gradient, grid, prefix)
    return {
        "gradcam": (g.mean((1, 2), keepdim=True) * a).mean(0),
        "hirescam": (g * a).sum(0),
        "layercam": (g.clamp(min=0) * a).sum(0),
    }
