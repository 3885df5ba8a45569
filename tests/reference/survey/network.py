"""A network of the survey: a seeded module, the picture that it takes, and how it becomes a file."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import onnx
import torch
from torch import nn


@dataclass
class Network:
    """What a row of the catalogue builds.

    `module` takes `shape` (batch first) and gives what the file gives. `logits` takes the same and gives the scores
    that are explained; it differs from `module` where the file ends in more than scores.
    """

    module: nn.Module
    shape: tuple[int, ...] = (1, 3, 64, 64)
    logits: nn.Module | None = None
    card: str | None = None

    def scores(self, x: torch.Tensor) -> torch.Tensor:
        return (self.logits or self.module)(x)

    def scores_in_double(self, x: torch.Tensor) -> torch.Tensor:
        return copy.deepcopy(self.logits or self.module).double()(x)


@dataclass
class Row:
    """One file of the survey."""

    group: str
    name: str
    build: Callable[[], Network | None]
    write: Callable[[Network, Path], None]
    exporter: str
    tolerance: float = 1e-4
    map_tolerance: float = 1e-2
    refused: str | None = None
    """A part of the error with which this file must be refused."""
    remark: str = ""

    @property
    def key(self) -> str:
        return f"{self.group}/{self.name}/{self.exporter}"


class Scores(nn.Module):
    """The scores of a module that gives an object or a tuple."""

    def __init__(self, module: nn.Module):
        super().__init__()
        self.module = module

    def forward(self, x):
        found = self.module(x)
        return found if isinstance(found, torch.Tensor) else found[0] if isinstance(found, tuple) else found.logits


def randomize(module: nn.Module, shape: tuple[int, ...], seed: int = 3) -> nn.Module:
    """Lets every weight matter.

    Weights that are all alike (norms, layer scales that begin at 1e-6, residual branches that begin at 0) become
    random. So do the matrices and filters, with a variance that keeps the size of the values: frameworks begin with
    smaller ones, with which deep networks hardly depend on the picture. The statistics of batch norms become those of
    four random pictures.
    """
    torch.manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.Linear | nn.Conv1d | nn.Conv2d) and part.weight.dim() > 1:
            nn.init.kaiming_normal_(part.weight, nonlinearity="linear")
    with torch.no_grad():
        for name, weight in module.named_parameters():
            if weight.numel() > 1 and bool((weight == weight.flatten()[0]).all()):
                low, high = (-0.1, 0.1) if name.endswith("bias") or weight.flatten()[0] == 0 else (0.5, 1.5)
                nn.init.uniform_(weight, low, high)
    norms = [
        it for it in module.modules() if isinstance(it, nn.modules.batchnorm._BatchNorm) and it.running_var is not None
    ]
    for norm in norms:
        norm.momentum = 1.0
    if norms:
        module.train()
        for part in module.modules():
            if "Drop" in type(part).__name__:
                part.eval()
        with torch.no_grad():
            module(torch.rand(4, *shape[1:]))
    return module.eval().requires_grad_(False)


def torchscript(opset: int) -> Callable[[Network, Path], None]:
    """The exporter that traces a module."""

    def write(network: Network, path: Path) -> None:
        torch.onnx.export(network.module, torch.rand(network.shape), path, dynamo=False, opset_version=opset)

    return write


def dynamo(opset: int | None = None, **options) -> Callable[[Network, Path], None]:
    """The default exporter of PyTorch 2.9 and later."""

    def write(network: Network, path: Path) -> None:
        options.setdefault("external_data", False)
        torch.onnx.export(
            network.module,
            (torch.rand(network.shape),),
            path,
            dynamo=True,
            opset_version=opset,
            verbose=False,
            **options,
        )

    return write


def edited(write: Callable[[Network, Path], None], edit: Callable[[onnx.ModelProto], onnx.ModelProto]):
    """A file that another program has changed."""

    def write_edited(network: Network, path: Path) -> None:
        write(network, path)
        onnx.save(edit(onnx.load(path)), path)

    return write_edited
