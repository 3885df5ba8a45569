"""Make `models/vit_cats_dogs`: a small vision transformer that separates cats from dogs.

    python build_vit_cats_dogs.py --data FOLDER     # needs torch, timm, numpy, onnx, onnxruntime and pillow

`FOLDER` holds `train.tar` and `validation.tar`, each with `<split>/cats/*.jpg` and `<split>/dogs/*.jpg`.

The patches are not pixels but the 14×14 positions of `block5c_add`, a layer of `models/efficientnet_lite0`. Its
weights are kept as they are. The transformer reads them: class token, position embedding, three blocks. It is trained
on pictures whose left, right, upper or lower part is that of another picture (CutMix, Yun et al. 2019), so that it
must look for either animal everywhere.
"""

import argparse
import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from model_folder import (
    Card,
    check_labels,
    new_folder,
    open_session,
    require_close,
    run,
    test_picture,
    write_labels,
)
from onnx import TensorProto, compose, helper
from onnx_graph import store_float16
from PIL import Image
from timm.models.vision_transformer import VisionTransformer

REPOSITORY = Path(__file__).resolve().parents[2]
TARGET = REPOSITORY / "models/vit_cats_dogs"
BACKBONE = REPOSITORY / "models/efficientnet_lite0/model.onnx"
FEATURES = "block5c_add"
CHANNELS, SIDE, SIZE = 112, 14, 224
WIDTH, BLOCKS, HEADS = 96, 3, 3
LABELS = ["cat", "dog"]
SMALLEST_KERNEL = 1281  # number of values; smaller tensors stay float32
FLOAT32_LIMIT, FLOAT16_LIMIT = 1e-4, 1e-2  # difference of probabilities

CARD = Card(
    size=(SIZE, SIZE),
    mean=(127.0, 127.0, 127.0),
    std=(128.0, 128.0, 128.0),
    resize="bicubic",
    activation="softmax",
    labels="labels.json",
)


def transformer() -> VisionTransformer:
    """timm's ViT with patches of one position."""
    return VisionTransformer(
        img_size=SIDE, patch_size=1, in_chans=CHANNELS, num_classes=len(LABELS),
        embed_dim=WIDTH, depth=BLOCKS, num_heads=HEADS, mlp_ratio=3.0, drop_path_rate=0.1,
    )


def backbone(folder: Path) -> onnxruntime.InferenceSession:
    """The part of EfficientNet-Lite0 that computes the patches."""
    part = folder / "backbone.onnx"
    onnx.utils.extract_model(str(BACKBONE), str(part), ["input_1"], [FEATURES])
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(part), options)


def features(archive: Path, limit: int, session: onnxruntime.InferenceSession) -> tuple[torch.Tensor, torch.Tensor]:
    """The patches of at most `limit` pictures of each class, float16, and their labels."""
    patches, labels, counts = [], [], [0, 0]
    with tarfile.open(archive) as pictures:
        for member in pictures:
            label = 0 if "/cats/" in member.name else 1
            if not member.isfile() or counts[label] == limit:
                continue
            counts[label] += 1
            picture = Image.open(io.BytesIO(pictures.extractfile(member).read())).convert("RGB")
            pixels = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.float32)
            tensor = ((pixels - 127.0) / 128.0).transpose(2, 0, 1)[None]  # as the card says
            patches.append(session.run(None, {"input_1": tensor})[0].astype(np.float16)[0])
            labels.append(label)
    return torch.from_numpy(np.stack(patches)), torch.tensor(labels)


def mixed(x: torch.Tensor, y: torch.Tensor, generator: np.random.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Flips half of the pictures, and puts a part of each picture into another one. Labels are mixed alike."""
    target = torch.nn.functional.one_hot(y, 2).float()
    if generator.random() < 0.5:
        x = x.flip(3)
    if generator.random() < 0.3:
        return x, target
    other = torch.from_numpy(generator.permutation(len(x)))
    cut = int(generator.integers(4, SIDE - 3))
    # The other half of a picture is in the place that it had there, or its middle is.
    shift = int(generator.integers(-3, 4))
    source = torch.roll(x[other], shift, dims=3)
    axis, near = int(generator.integers(2)) + 2, bool(generator.integers(2))
    keep = torch.arange(SIDE) < cut if near else torch.arange(SIDE) >= cut
    mask = keep.view(1, 1, -1, 1) if axis == 2 else keep.view(1, 1, 1, -1)
    share = keep.float().mean().item()
    return torch.where(mask, x, source), share * target + (1 - share) * target[other]


def train(x: torch.Tensor, y: torch.Tensor, epochs: int) -> VisionTransformer:
    torch.manual_seed(0)
    generator = np.random.default_rng(0)
    model = transformer().train()
    batch = 64
    steps = epochs * (len(x) // batch)
    optimizer = torch.optim.AdamW(model.parameters(), 1e-3, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.15)
    for epoch in range(epochs):
        order, total = generator.permutation(len(x)), 0.0
        for first in range(0, len(x) - batch + 1, batch):
            chosen = torch.from_numpy(order[first : first + batch])
            inputs, targets = mixed(x[chosen].float(), y[chosen], generator)
            loss = torch.nn.functional.cross_entropy(model(inputs), targets)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / (len(x) // batch):.4f}", flush=True)
    return model.eval()


@torch.no_grad()
def accuracy(model: VisionTransformer, x: torch.Tensor, y: torch.Tensor) -> float:
    predicted = torch.cat([model(part.float()).argmax(1) for part in x.split(64)])
    return (predicted == y).float().mean().item()


def joined(model: VisionTransformer, folder: Path) -> onnx.ModelProto:
    """The backbone, the transformer and a softmax in one graph."""
    part = folder / "transformer.onnx"
    torch.onnx.export(
        model, torch.zeros(1, CHANNELS, SIDE, SIDE), str(part), opset_version=17, dynamo=False,
        input_names=["patches"], output_names=["logits"],
    )
    head, body = onnx.load(str(part)), onnx.load(str(folder / "backbone.onnx"))
    head.ir_version = body.ir_version
    whole = compose.merge_models(body, head, io_map=[(FEATURES, "patches")])
    whole.graph.node.append(helper.make_node("Softmax", ["logits"], ["predictions"], axis=-1))
    del whole.graph.output[:]
    whole.graph.output.append(helper.make_tensor_value_info("predictions", TensorProto.FLOAT, ["batch", 2]))
    whole.graph.input[0].type.tensor_type.shape.dim[0].dim_param = ""
    whole.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    whole.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 1
    whole.graph.name = "vit_cats_dogs"
    onnx.checker.check_model(whole)
    return whole


def write(model: VisionTransformer, folder: Path, target: Path) -> None:
    """Write the model folder if the stored network agrees with PyTorch. `folder` holds the backbone."""
    check_labels(LABELS, len(LABELS))
    whole = joined(model, folder)
    picture = CARD.tensor(test_picture()).transpose(0, 3, 1, 2)
    patches = backbone(folder).run(None, {"input_1": picture})[0]
    with torch.no_grad():
        wanted = torch.softmax(model(torch.from_numpy(patches)), 1).numpy()
    require_close("probabilities, float32", np.abs(run(open_session(whole), picture) - wanted).max(), FLOAT32_LIMIT)
    store_float16(whole, SMALLEST_KERNEL)
    stored = run(open_session(whole), picture)
    require_close("probabilities, float16 kernels", np.abs(stored - wanted).max(), FLOAT16_LIMIT)
    with new_folder(target) as draft:
        onnx.save(whole, draft / "model.onnx")
        write_labels(draft, LABELS)
        (draft / "model.toml").write_text(CARD.toml(), encoding="utf-8")
    print(f"{target / 'model.onnx'}: {(target / 'model.onnx').stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=REPOSITORY / "../shared/data/cats_dogs", help="folder with the two archives"
    )
    parser.add_argument("--limit", type=int, default=3000, help="training pictures of each class")
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--out", type=Path, default=TARGET, help="folder to write")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        session = backbone(folder)
        x, y = features(arguments.data / "train.tar", arguments.limit, session)
        held = features(arguments.data / "validation.tar", 500, session)
        model = train(x, y, arguments.epochs)
        print(f"accuracy on {len(held[0])} validation pictures: {accuracy(model, *held):.4f}", flush=True)
        write(model, folder, arguments.out)


if __name__ == "__main__":
    main()
