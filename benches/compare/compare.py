"""Measure convscope side by side with ONNX Runtime, PyTorch, torchcam and pytorch-grad-cam.

    python3 benches/compare/compare.py                     # sets up its own Python under target/
    python3 benches/compare/compare.py --python venv/bin/python --rounds 20

Needs nothing but Python and cargo. All contenders run at the same time, each waiting for its turn: one round is one run
of each, in an order that changes from round to round, so that whatever else the machine does meets all of them alike.
Prints a table of medians with the quartiles, as docs/performance.md holds it.
"""

import argparse
import atexit
import http.client
import io
import itertools
import json
import os
import random
import resource
import subprocess
import sys
import threading
import time
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "benches/compare"
MODELS = ("vgg16", "resnet50", "mobilenet_v2", "efficientnet_lite0")
CAMS = ("torchcam", "pytorch-grad-cam")
PAUSE = 0.1  # seconds between runs
BINARY = ROOT / "target/release/convscope"


class Process:
    """A contender: answers a line with the milliseconds that one run took."""

    def __init__(self, *command: object) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([str(part) for part in command], stdin=pipe, stdout=pipe, text=True)

    def wait(self) -> None:
        """Until it is ready."""
        line = self.process.stdout.readline().strip()
        if line != "ready":
            sys.exit(f"{self.process.args} said {line!r}")

    def run(self) -> float:
        """Milliseconds of one run."""
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        """For good."""
        self.process.stdin.close()
        self.process.wait()


class Server:
    """A convscope server."""

    def __init__(self, port: int, models: Path, model: str, *flags: str) -> None:
        self.port, self.model = port, model
        started = time.perf_counter()
        log = subprocess.DEVNULL
        command = [BINARY, "serve", "--listen", f"127.0.0.1:{port}", "--models", models, *flags]
        self.process = subprocess.Popen([str(part) for part in command], stderr=log)
        atexit.register(self.process.kill)
        while True:
            try:
                if self.status("/readyz") == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"the server ended; is port {port} free?")
            time.sleep(0.01)
        self.ready = time.perf_counter() - started

    def status(self, path: str) -> int:
        """Of a page."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path)
        return connection.getresponse().status

    def post(self, path: str, picture: bytes, **parameters: object) -> float:
        """Milliseconds of one request, on a connection of its own."""
        query = urlencode({"model": self.model, **parameters}, doseq=True)
        headers = {"Content-Type": "application/octet-stream", "Accept": "image/png"}
        start = time.perf_counter()
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("POST", f"{path}?{query}", picture, headers)
        answer = connection.getresponse()
        body = answer.read()
        took = (time.perf_counter() - start) * 1e3
        if answer.status != 200:
            sys.exit(f"{path}: {answer.status} {body[:500]}")
        return took

    def resident(self) -> int:
        """Resident memory in bytes."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * resource.getpagesize()

    def seconds(self) -> float:
        """Processor time so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """For good."""
        self.process.terminate()
        self.process.wait()


def own_python() -> Path:
    """A Python with everything in requirements.txt."""
    folder = ROOT / "target/compare"
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    requirements = HERE / "requirements.txt"
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return python


def build() -> Path:
    """The server, and the program that times bare forward passes."""
    subprocess.run(["cargo", "build", "--release", "--bin", "convscope"], cwd=ROOT, check=True)
    command = ["cargo", "build", "--release", "--bench", "forward", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    built = [message for message in map(json.loads, lines) if message.get("target", {}).get("name") == "forward"]
    return Path(built[-1]["executable"])


def model_folders(python: Path) -> Path:
    """A folder of models with random weights; EfficientNet-Lite0 is the project's own."""
    folder = ROOT / "target/compare-models"
    folder.mkdir(parents=True, exist_ok=True)
    for name in MODELS[:-1]:
        if not (folder / name / "model.onnx").exists():
            export = [python, "export_torch.py", name, folder / name, "--weights", "none", "--seed", "0"]
            subprocess.run(export, cwd=ROOT / "models/export", check=True)
    own = folder / MODELS[-1]
    if not own.exists():
        own.symlink_to(ROOT / "models" / MODELS[-1])
    return folder


def pictures(python: Path) -> list[bytes]:
    """Photographs of 640×480 as JPEG, each a little different, so that no answer is remembered."""
    script = """
import io, sys
from PIL import Image, ImageEnhance
photo = Image.open(sys.argv[1]).convert("RGB").resize((640, 480), Image.BICUBIC)
for step in range(32):
    file = io.BytesIO()
    ImageEnhance.Brightness(photo).enhance(0.8 + step / 80).save(file, "JPEG", quality=90)
    sys.stdout.buffer.write(len(file.getvalue()).to_bytes(4, "big") + file.getvalue())
"""
    photo = ROOT / "docs/photos/cat_and_dog.png"
    run = subprocess.run([python, "-c", script, photo], check=True, capture_output=True)
    stream, found = io.BytesIO(run.stdout), []
    while size := stream.read(4):
        found.append(stream.read(int.from_bytes(size, "big")))
    return found


def interleave(runs: dict[str, object], rounds: int) -> dict[str, list[float]]:
    """Rounds in which each runs once; the first three warm up."""
    order, times = list(runs), {name: [] for name in runs}
    for turn in range(rounds + 3):
        random.Random(turn).shuffle(order)
        for name in order:
            # Threads that spin after their work, as others' do, would take a core from the next.
            time.sleep(PAUSE)
            took = runs[name]()
            if turn >= 3:
                times[name].append(took)
    return times


def show(title: str, times: dict[str, list[float]], reference: str) -> None:
    """One table."""
    print(f"\n{title}\n\n| | median ms | quartiles | ratio to {reference} |\n|---|---|---|---|")
    base = median(times[reference])
    for name, values in times.items():
        low, _, high = quantiles(values, n=4)
        print(f"| {name} | {median(values):.1f} | {low:.1f} – {high:.1f} | {median(values) / base:.2f} |", flush=True)


def throughput(server: Server, files: list[bytes], clients: int, seconds: float) -> float:
    """Requests a second that `clients` callers get answered."""
    until, counts = time.perf_counter() + seconds, [0] * clients

    def call(index: int) -> None:
        for picture in itertools.cycle(files[index::clients]):
            if time.perf_counter() > until:
                return
            server.post("/gradcam", picture)
            counts[index] += 1

    callers = [threading.Thread(target=call, args=(index,)) for index in range(clients)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    return sum(counts) / seconds


def forward_passes(options: argparse.Namespace, timer: Path, folder: Path, photo: Path) -> None:
    """Bare forward passes of every model."""
    threads = options.threads
    for name in options.models:
        contenders = {"convscope": Process(timer, folder / name, photo, threads)}
        contender = [options.python, HERE / "contender.py"]
        contenders["ONNX Runtime"] = Process(*contender, "onnxruntime", name, folder / name, threads)
        if name != "efficientnet_lite0":
            contenders["PyTorch"] = Process(*contender, "torch", name, folder / name, threads)
        for process in contenders.values():
            process.wait()
        times = interleave({key: process.run for key, process in contenders.items()}, options.rounds)
        show(f"{name}, forward, {threads} threads", times, "ONNX Runtime")
        for process in contenders.values():
            process.stop()


def grad_cam(options: argparse.Namespace, folder: Path, files: list[bytes]) -> None:
    """Whole requests for Grad-CAM of VGG16."""
    threads = options.threads
    server = Server(options.port, folder, "vgg16", "--workers", str(threads))
    # Asked for one picture alone, so that it remembers that.
    second = Server(options.port + 1, folder, "vgg16", "--workers", str(threads))
    weights = (folder / "vgg16/model.onnx").stat().st_size
    contender = [options.python, HERE / "contender.py"]
    names = ("onnxruntime", *CAMS)
    others = {name: Process(*contender, name, "vgg16", folder / "vgg16", threads) for name in names}
    for process in others.values():
        process.wait()
    fresh, classes = itertools.cycle(files), itertools.count()

    def new_picture() -> float:
        # What follows the end of a JPEG is not read, but it is another file.
        return server.post("/gradcam", next(fresh) + os.urandom(8))

    def other_class() -> float:
        return second.post("/gradcam", files[0], **{"class": next(classes) % 1000})

    runs = {"POST /gradcam, new picture": new_picture, "the same picture, another class": other_class}
    runs["ONNX Runtime, forward alone"] = others.pop("onnxruntime").run
    runs |= {f"{name}, map alone": process.run for name, process in others.items()}
    times = interleave(runs, options.rounds)
    show(f"vgg16, Grad-CAM, {threads} threads", times, "ONNX Runtime, forward alone")
    for process in others.values():
        process.stop()
    server.stop()
    second.stop()
    server = Server(options.port, folder, "vgg16", "--workers", str(threads), "--cache-bytes", "0")
    print(f"\nready after {server.ready:.2f} s, all models of the folder")
    for picture in files[:8]:
        server.post("/gradcam", picture)
    used, idle = server.resident(), server.seconds()
    time.sleep(5)
    print(f"resident after 8 requests: {used >> 20} MiB; weights of vgg16: {weights >> 20} MiB")
    print(f"processor time of 5 idle seconds: {server.seconds() - idle:.2f} s")
    server.stop()


def load(options: argparse.Namespace, folder: Path, files: list[bytes]) -> None:
    """Throughput of several workers against one."""
    flags = ("--cache-bytes", "0", "--queue", "64")
    rates: dict[int, list[float]] = {1: [], options.threads: []}
    servers = {n: Server(options.port + n, folder, "vgg16", "--workers", str(n), *flags) for n in rates}
    for turn in range(6):
        for workers, server in servers.items():
            rate = throughput(server, files, 2 * workers, 4)
            if turn:
                rates[workers].append(rate)
    for server in servers.values():
        server.stop()
    print("\nvgg16, POST /gradcam, requests a second, twice as many callers as workers\n")
    for workers, values in rates.items():
        print(f"- {workers} workers: {median(values):.2f} ({min(values):.2f} – {max(values):.2f})")
    print(f"- ratio: {median(rates[options.threads]) / median(rates[1]):.2f}")


def main() -> None:
    """Everything, or what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", type=Path, help="one that has requirements.txt; default: set up under target/")
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--only", choices=("forward", "gradcam", "load"), help="one of the three parts")
    options = parser.parse_args()
    options.python = options.python or own_python()
    timer, folder = build(), model_folders(options.python)
    files = pictures(options.python)
    photo = ROOT / "target/compare-photo.jpg"
    photo.write_bytes(files[0])
    if options.only in (None, "forward"):
        forward_passes(options, timer, folder, photo)
    if options.only in (None, "gradcam"):
        only = ROOT / "target/compare-vgg16"
        only.mkdir(exist_ok=True)
        if not (only / "vgg16").exists():
            (only / "vgg16").symlink_to(folder / "vgg16")
        grad_cam(options, only, files)
    if options.only in (None, "load"):
        load(options, ROOT / "target/compare-vgg16", files)


if __name__ == "__main__":
    main()
