"""Makes the figures of tests/evaluation/reference.rs.

The network, the picture and the maps are those of tests/reference/methods: the maps are Captum's, and ONNX Runtime runs
the network. Deletion and insertion are the code of RISE's paper (`CausalMetric`), ROAD and its imputation are
pytorch-grad-cam's, sparseness, complexity, energy and the pointing game are Quantus's, the rank correlation is SciPy's.

    python make_references.py   (versions: grad-cam 1.5.7, numpy 2.4.6, onnxruntime 1.32.0, quantus 0.6.0, scipy 1.17.1,
                                 torch 2.15.0)
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import quantus
import torch
from PIL import Image
from pytorch_grad_cam.metrics.road import NoisyLinearImputer, ROADCombined
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from scipy.ndimage import gaussian_filter
from scipy.stats import spearmanr
from torch import nn

HERE = Path(__file__).parent
METHODS = HERE.parent / "methods"
MEAN, STD = [120.0, 110.0, 100.0], [60.0, 55.0, 50.0]
CLASS, POINTS = 2, 20
# Top, left, height, width, in pixels of the picture, which has the input's size.
BOX = [4, 6, 9, 11]

session = onnxruntime.InferenceSession(str(METHODS / "network/model.onnx"))


class Network(nn.Module):
    """The network as a function of a torch tensor."""

    def forward(self, x):
        rows = [session.run(None, {"x": row[None].numpy().astype(np.float32)})[0] for row in x]
        return torch.from_numpy(np.concatenate(rows))


network = Network()


def score(x):
    return float(network(torch.as_tensor(x)[None])[0, CLASS])


def causal_metric(x, map_, mode):
    """RISE's CausalMetric.single_run: the scores, and the area under them."""
    pixels = map_.size
    step = pixels // POINTS
    salient = np.argsort(map_.reshape(-1))[::-1]
    if mode == "deletion":
        start, finish = x.copy(), np.zeros_like(x)
    else:
        kernel = np.zeros((11, 11))
        kernel[5, 5] = 1
        kernel = torch.from_numpy(gaussian_filter(kernel, 5))
        weight = torch.zeros(3, 3, 11, 11, dtype=torch.float64)
        for channel in range(3):
            weight[channel, channel] = kernel
        start = nn.functional.conv2d(torch.from_numpy(x)[None], weight, padding=5)[0].numpy()
        finish = x.copy()
    scores = []
    for index in range(POINTS + 1):
        scores.append(score(start))
        if index < POINTS:
            coordinates = salient[step * index:step * (index + 1)]
            start.reshape(3, -1)[:, coordinates] = finish.reshape(3, -1)[:, coordinates]
    scores = np.array(scores)
    return {"value": (scores.sum() - scores[0] / 2 - scores[-1] / 2) / POINTS, "scores": scores.tolist()}


def masked(x, map_):
    """The score of the picture, and that of the picture times the map."""
    heat = np.maximum(map_, 0) / map_.max()
    return score(x), score(x * heat)


def quantus_figures(x, map_):
    inside = np.zeros(map_.shape, dtype=bool)
    inside[BOX[0]:BOX[0] + BOX[2], BOX[1]:BOX[1] + BOX[3]] = True
    arguments = dict(model=None, x_batch=x[None], y_batch=np.array([CLASS]), a_batch=map_[None, None])
    plain = dict(abs=False, normalise=False, disable_warnings=True)
    box = dict(s_batch=inside[None, None])
    positive = dict(arguments, a_batch=np.maximum(map_, 0)[None, None])
    return {
        "sparseness": float(quantus.Sparseness(**dict(plain, abs=True))(**arguments)[0]),
        "complexity": float(quantus.Complexity(**dict(plain, abs=True))(**arguments)[0]),
        "energy": float(quantus.RelevanceMassAccuracy(**plain)(**positive, **box)[0]),
        "pointing_game": float(quantus.PointingGame(**plain)(**arguments, **box)[0]),
    }


def main():
    picture = np.asarray(Image.open(METHODS / "picture.png").convert("RGB"), dtype=np.float64)
    x = ((picture - MEAN) / STD).transpose(2, 0, 1)
    stored = np.load(METHODS / "maps.npz")
    maps = {
        "saliency": np.abs(stored["probability/saliency"]).max(0),
        "input_x_gradient": stored["probability/input_x_gradient"].sum(0),
    }
    figures = {}
    for name, map_ in maps.items():
        whole, shown = masked(x, map_)
        tensor, mask = torch.from_numpy(x)[None].float(), torch.from_numpy(map_)[None]
        road = ROADCombined(percentiles=[20, 40, 60, 80])
        road = np.mean([road(tensor, mask.numpy(), [ClassifierOutputTarget(CLASS)], network) for _ in range(20)])
        figures[name] = {
            "deletion": causal_metric(x, map_, "deletion"),
            "insertion": causal_metric(x, map_, "insertion"),
            "average_drop": max(0, whole - shown) / whole,
            "increase": float(shown > whole),
            "road": float(road),
            **quantus_figures(x, map_),
        }
    figures["agreement"] = float(spearmanr(maps["saliency"].ravel(), maps["input_x_gradient"].ravel())[0])
    (HERE / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")

    generator = np.random.default_rng(0)
    removed = np.stack([generator.random(map_.shape) < 0.5, maps["saliency"] >= np.percentile(maps["saliency"], 20)])
    filled = [NoisyLinearImputer(noise=0.0)(torch.from_numpy(x).float(), torch.from_numpy(1.0 * ~mask))
              for mask in removed]
    np.save(HERE / "input.npy", x.astype(np.float32))
    np.save(HERE / "removed.npy", removed.astype(np.float32))
    np.save(HERE / "filled.npy", np.stack([one.numpy() for one in filled]).astype(np.float32))


if __name__ == "__main__":
    main()
