"""Makes more than 300 ONNX files, asks convscope about each, and compares with ONNX Runtime and PyTorch.

    cargo build --release
    [TENSORFLOW_PYTHON=PYTHON] python tests/reference/survey/survey.py target/release/convscope FOLDER [PART…]
    python tests/reference/survey/table.py FOLDER > docs/models.md

FOLDER holds one JSON line for each file in `results.jsonl`. Files that have a line are not examined again, unless a
PART of their key is given. Each file is made and examined in a process of its own, and deleted afterwards.
Written with torch 2.15, torchvision 0.30, timm 1.0, transformers 5, onnx, onnxruntime, onnxscript, onnxsim and
onnxconverter-common; Keras 3 with the backend torch. A group whose package is not installed is left out.
"""

import json
import os
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

os.environ.setdefault("KERAS_BACKEND", "torch")
import torch  # noqa: E402

from catalogue import rows  # noqa: E402
from examine import examine  # noqa: E402
from network import Network, Row, dynamo, torchscript  # noqa: E402

SECONDS = 400
MEMORY = 10 << 30


def child(row: Row, folder: Path, program: str) -> dict:
    """Makes and examines one file."""
    path = folder / "model.onnx"
    try:
        network = row.build()
        row.write(network, path)
        if network and network.card:
            (folder / "model.toml").write_text(network.card)
    except Exception as error:
        traceback.print_exc()
        return {"key": row.key, "not_made": f"{type(error).__name__}: {str(error).strip()[:300]}"}
    try:
        return examine(row, network, path, program, folder.parents[1] / "server.log")
    except Exception as error:
        traceback.print_exc()
        return {"key": row.key, "failed": f"{type(error).__name__}: {str(error)[:300]}"}


def in_process(row: Row, folder: Path, program: str) -> dict:
    """The line of one file. A process that dies gives a line too.

    PyTorch sometimes ends a forked process without a reason, so it has a second try.
    """
    for _ in range(2):
        line = one_try(row, folder, program)
        if "the process ended" not in line.get("failed", ""):
            break
    return line


def one_try(row: Row, folder: Path, program: str) -> dict:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    answer = folder / "line.json"
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
        log = os.open(folder.parents[1] / "log.txt", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        print(f"=== {row.key}", flush=True)
        answer.write_text(json.dumps(child(row, folder, program)))
        sys.stdout.flush()
        os._exit(0)
    end = time.monotonic() + SECONDS
    while os.waitpid(process, os.WNOHANG) == (0, 0):
        if time.monotonic() > end:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            break
        time.sleep(0.05)
    line = json.loads(answer.read_text()) if answer.exists() else {"key": row.key, "failed": "the process ended"}
    shutil.rmtree(folder, ignore_errors=True)
    return line


def warm_up() -> None:
    """One export by each exporter, so that the processes that follow begin with what the exporters have loaded."""
    with tempfile.TemporaryDirectory() as folder:
        network = Network(torch.nn.Conv2d(3, 4, 3).eval())
        dynamo()(network, Path(folder) / "a.onnx")
        torchscript(17)(network, Path(folder) / "b.onnx")


def main() -> None:
    program, folder, *parts = sys.argv[1:]
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    warm_up()
    results = Path(folder) / "results.jsonl"
    results.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.loads(text) for text in results.read_text().splitlines()] if results.exists() else []
    known = {line["key"] for line in lines}
    for row in rows():
        if not any(part in row.key for part in parts) and (parts or row.key in known):
            continue
        start = time.monotonic()
        line = in_process(row, Path(folder) / "models/file", program) | {"seconds": round(time.monotonic() - start, 1)}
        with results.open("a") as file:
            file.write(json.dumps(line) + "\n")
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    main()
