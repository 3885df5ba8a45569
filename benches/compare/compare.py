"""Measure convscope, ONNX Runtime, PyTorch, torchcam, pytorch-grad-cam and the book's matplotlib code in one run.

    python3 benches/compare/compare.py                     # sets up its own Python under target/
    python3 benches/compare/compare.py --python venv/bin/python --rounds 20
    python3 benches/compare/compare.py --only activations --binary path/of/convscope

It needs only Python and cargo. All programs are started first and then run one at a time. A round is one run of each,
in an order that changes from round to round, so that other load on the machine affects all of them alike. The script
prints the tables of docs/performance.md, with medians and quartiles. At the end it prints every goal as passed, missed
or not measured, with the reason.
"""

import argparse
import atexit
import http.client
import io
import itertools
import json
import os
import random
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
FORWARD_GOALS = {"vgg16": 0.45, "resnet50": 1.05, "mobilenet_v2": 1.5, "efficientnet_lite0": 1.5}
CONVNET = "cats_and_dogs_small_1"
MEMORY_AFTER = (8, 32)  # requests
PAUSE = 0.1  # seconds between runs
BINARY = ROOT / "target/release/convscope"


class Process:
    """A program to compare with. For each line it does one run and prints its milliseconds."""

    def __init__(self, *command: object) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen([str(part) for part in command], stdin=pipe, stdout=pipe, text=True)

    def wait(self) -> None:
        """Wait until it is ready."""
        line = self.process.stdout.readline().strip()
        if line != "ready":
            sys.exit(f"{self.process.args} said {line!r}")

    def run(self) -> float:
        """Do one run; returns its milliseconds."""
        print(file=self.process.stdin, flush=True)
        return float(self.process.stdout.readline())

    def stop(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


class Server:
    """A convscope server as a process."""

    binary = BINARY
    further: list[str] = []

    def __init__(self, port: int, models: Path, model: str, *flags: str) -> None:
        self.port, self.model, self.stages = port, model, []
        started = time.perf_counter()
        log = subprocess.DEVNULL
        command = [Server.binary, "serve", "--listen", f"127.0.0.1:{port}", "--models", models, *flags, *Server.further]
        self.process = subprocess.Popen([str(part) for part in command], stderr=log)
        atexit.register(self.process.kill)
        while True:
            try:
                if self.status("/readyz") == 200:
                    break
            except OSError:
                pass
            if self.process.poll() is not None:
                sys.exit(f"the server exited; is port {port} free?")
            time.sleep(0.01)
        self.ready = time.perf_counter() - started

    def status(self, path: str) -> int:
        """The status of a GET request."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port)
        connection.request("GET", path)
        return connection.getresponse().status

    def post(self, path: str, picture: bytes, **parameters: object) -> float:
        """Send one request on a new connection; returns its milliseconds."""
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
        parts = [part.strip().split(";dur=") for part in answer.getheader("Server-Timing", "").split(",")]
        self.stages.append({name: float(milliseconds) for name, milliseconds in parts})
        return took

    def timings(self, last: int) -> dict[str, float]:
        """Median milliseconds of each stage of the last requests, from `Server-Timing`."""
        return {name: median(stages[name] for stages in self.stages[-last:]) for name in self.stages[-1]}

    def resident(self) -> int:
        """Resident memory in bytes."""
        return self.rollup("Rss")

    def rollup(self, key: str) -> int:
        """One value of the process's smaps_rollup, in bytes."""
        lines = Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines()
        (line,) = [line for line in lines if line.startswith(f"{key}:")]
        return int(line.split()[1]) << 10

    def seconds(self) -> float:
        """Processor time so far, in seconds."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self) -> None:
        """End the process."""
        self.process.terminate()
        self.process.wait()


def own_python(name: str, requirements: Path) -> Path:
    """A Python environment under target/ with the requirements installed."""
    folder = ROOT / "target" / name
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "-r", requirements], check=True)
    return python


def build_server() -> None:
    """Build the server."""
    subprocess.run(["cargo", "build", "--release", "--bin", "convscope"], cwd=ROOT, check=True)


def build_timer() -> Path:
    """Build the program that times forward passes."""
    command = ["cargo", "build", "--release", "--bench", "forward", "--message-format", "json"]
    lines = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    built = [message for message in map(json.loads, lines) if message.get("target", {}).get("name") == "forward"]
    return Path(built[-1]["executable"])


def model_folders(python: Path) -> Path:
    """A folder of models with random weights, and the project's EfficientNet-Lite0."""
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


def trained(python: Path, folder: Path) -> Path:
    """A folder with a VGG16 that has trained convolutions."""
    with_trained = ROOT / "target/compare-trained"
    if not (with_trained / "vgg16/model.onnx").exists():
        subprocess.run([python, HERE / "trained.py", folder / "vgg16", with_trained / "vgg16"], check=True)
    return with_trained


def pictures(python: Path) -> list[bytes]:
    """Photographs of 640×480 as JPEG, each a little different, so that none is in the cache."""
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
    """The milliseconds of every run, in rounds in which each runs once. The first three rounds are warm-up."""
    order, times = list(runs), {name: [] for name in runs}
    for index in range(rounds + 3):
        random.Random(index).shuffle(order)
        for name in order:
            # Some programs' threads spin after their work, which would take a core from the next run.
            time.sleep(PAUSE)
            took = runs[name]()
            if index >= 3:
                times[name].append(took)
    return times


class Goals:
    """The goals, and whether they were reached."""

    def __init__(self) -> None:
        self.rows: list[str] = []

    def at_most(self, goal: str, limit: float, measured: float, unit: str = "×") -> None:
        """The goal is reached if the figure is at most the limit."""
        self.row(goal, f"{measured:.2f} {unit}", measured <= limit)

    def at_least(self, goal: str, limit: float, measured: float, unit: str = "×") -> None:
        """The goal is reached if the figure is at least the limit."""
        self.row(goal, f"{measured:.2f} {unit}", measured >= limit)

    def row(self, goal: str, measured: str, reached: bool) -> None:
        """Add one line to the table."""
        self.rows.append(f"| {goal} | {measured} | {'passed' if reached else 'missed'} |")

    def not_measured(self, goal: str, reason: str) -> None:
        """Add a goal that could not be measured, and why."""
        self.rows.append(f"| {goal} | {reason} | not measured |")

    def show(self) -> None:
        """Print the table."""
        print("\n| goal | measured | result |\n|---|---|---|")
        print("\n".join(self.rows), flush=True)


def show(title: str, times: dict[str, list[float]], reference: str) -> None:
    """Print one table."""
    print(f"\n{title}\n\n| | median ms | quartiles | ratio to {reference} |\n|---|---|---|---|")
    base = median(times[reference])
    for name, values in times.items():
        low, _, high = quantiles(values, n=4)
        print(f"| {name} | {median(values):.1f} | {low:.1f} – {high:.1f} | {median(values) / base:.2f} |", flush=True)


def throughput(server: Server, files: list[bytes], clients: int, seconds: float) -> float:
    """Answered requests per second with `clients` clients at a time."""
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


def forward_passes(options: argparse.Namespace, timer: Path, folder: Path, photo: Path, goals: Goals) -> None:
    """Measure the forward pass of every model."""
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
        limit = FORWARD_GOALS[name]
        ratio = median(times["convscope"]) / median(times["ONNX Runtime"])
        goals.at_most(f"{name} forward ≤ {limit} × ONNX Runtime", limit, ratio)
        for process in contenders.values():
            process.stop()


def grad_cam(options: argparse.Namespace, folder: Path, kind: str, files: list[bytes], goals: Goals) -> None:
    """Measure whole requests for Grad-CAM of VGG16, with the given kind of weights."""
    threads = options.threads
    server = Server(options.port, folder, "vgg16", "--workers", str(threads))
    # This server gets only one picture, so that the picture stays in its cache.
    second = Server(options.port + 1, folder, "vgg16", "--workers", str(threads))
    contender = [options.python, HERE / "contender.py"]
    names = ("onnxruntime", *CAMS)
    others = {name: Process(*contender, name, "vgg16", folder / "vgg16", threads) for name in names}
    for process in others.values():
        process.wait()
    fresh, classes = itertools.cycle(files), itertools.count()

    def new_picture() -> float:
        # Decoders ignore bytes after the end of a JPEG, but the cache sees a new file.
        return server.post("/gradcam", next(fresh) + os.urandom(8))

    def other_class() -> float:
        return second.post("/gradcam", files[0], **{"class": next(classes) % 1000})

    runs = {"POST /gradcam, new picture": new_picture, "the same picture, another class": other_class}
    runs["ONNX Runtime, forward alone"] = others.pop("onnxruntime").run
    runs |= {f"{name}, map alone": process.run for name, process in others.items()}
    times = interleave(runs, options.rounds)
    show(f"vgg16, {kind}, Grad-CAM, {threads} threads", times, "ONNX Runtime, forward alone")
    show_stages("new picture", server.timings(options.rounds))
    ours, other, bare, *cams = [median(times[name]) for name in runs]
    goals.at_most(f"vgg16, {kind}: POST /gradcam ≤ 0.6 × ONNX Runtime's forward", 0.6, ours / bare)
    for name, limit, cam in zip(CAMS, (3, 9), cams):
        goals.at_least(f"{kind}: {name} takes ≥ {limit} × a whole request", limit, cam / ours)
    goals.at_most(f"{kind}: another class of the same picture ≤ 0.2 × the first", 0.2, other / ours)
    for process in others.values():
        process.stop()
    server.stop()
    second.stop()


def startup_memory_idle(options: argparse.Namespace, folder: Path, files: list[bytes], goals: Goals) -> None:
    """Measure VGG16's start time, its memory, and its processor time while idle."""
    threads = options.threads
    weights = (folder / "vgg16/model.onnx").stat().st_size
    starts = []
    for _ in range(5):
        server = Server(options.port, folder, "vgg16", "--workers", str(threads), "--cache-bytes", "0")
        starts.append(server.ready)
        server.stop()
    low, middle, high = min(starts), median(starts), max(starts)
    print(f"\nstart to ready, 5 times: least {low:.2f} s, median {middle:.2f} s, most {high:.2f} s")
    goals.at_most("vgg16 ready within 3 s (median of 5)", 3, middle, "s")
    server = Server(options.port, folder, "vgg16", "--workers", str(threads), "--cache-bytes", "0")
    for count, picture in enumerate(files[:MEMORY_AFTER[-1]], 1):
        server.post("/gradcam", picture)
        if count in MEMORY_AFTER:
            used, shared = server.resident(), server.rollup("Pss")
            print(f"after {count} requests: resident {used >> 20} MiB, proportional {shared >> 20} MiB")
    allowed = weights * 1.4 + (150 << 20)
    print(f"weights of vgg16: {weights >> 20} MiB")
    goal = f"resident memory ≤ 1.4 × weights + 150 MiB ({allowed / 2**20:.0f} MiB)"
    goals.at_most(goal, allowed / 2**20, used / 2**20, "MiB")
    idle = server.seconds()
    time.sleep(5)
    spent = server.seconds() - idle
    print(f"processor time of 5 idle seconds: {spent:.2f} s")
    goals.at_most("an idle server uses no processor time (5 s)", 0, spent, "s")
    server.stop()


def show_stages(title: str, stages: dict[str, float]) -> None:
    """Print the time of each stage of requests."""
    print(f"\n{title}, Server-Timing, medians in ms: " + ", ".join(f"{k} {v:.2f}" for k, v in stages.items()))


def activations(options: argparse.Namespace, files: list[bytes], goals: Goals) -> None:
    """Measure all layers of the convnet as one picture, and the book's code with Keras and matplotlib."""
    threads = options.threads
    only, photos = ROOT / "target/compare-convnet", ROOT / "target/compare-pictures"
    only.mkdir(parents=True, exist_ok=True)
    photos.mkdir(exist_ok=True)
    if not (only / CONVNET).exists():
        (only / CONVNET).symlink_to(ROOT / "models" / CONVNET)
    for index, file in enumerate(files):
        (photos / f"{index:02}.jpg").write_bytes(file)
    server = Server(options.port, only, CONVNET, "--workers", str(threads), "--cache-bytes", "0")
    book = [options.book_python, HERE / "book.py", photos, threads]
    whole, figures = Process(*book), Process(*book, "figures")
    for process in (whole, figures):
        process.wait()
    fresh = itertools.cycle(files)
    runs = {"POST /activations": lambda: server.post("/activations", next(fresh))}
    runs["the book: Keras and matplotlib"] = whole.run
    runs["the book: matplotlib alone"] = figures.run
    times = interleave(runs, options.rounds)
    show(f"{CONVNET}, activations of 8 layers, {threads} threads", times, "POST /activations")
    stages = server.timings(options.rounds)
    show_stages("POST /activations", stages)
    for process in (whole, figures):
        process.stop()
    server.stop()
    ours, all_of_it, drawn = [median(times[name]) for name in runs]
    goals.at_least("the book's code for activations takes ≥ 30 × POST /activations", 30, all_of_it / ours)
    goals.at_least("the book's matplotlib alone takes ≥ 30 × POST /activations", 30, drawn / ours)
    goal = "convnet POST /activations ≤ 1.5 × (forward + encoding the finished pixels)"
    if "encode" in stages:
        goals.at_most(goal, 1.5, ours / (stages["forward"] + stages["encode"]))
    else:
        goals.not_measured(goal, f"forward {stages['forward']:.2f} ms; Server-Timing has no stage `encode`")


def load(options: argparse.Namespace, folder: Path, files: list[bytes], goals: Goals) -> None:
    """Compare the throughput of several workers with that of one."""
    flags = ("--cache-bytes", "0", "--queue", "64")
    rates: dict[int, list[float]] = {1: [], options.threads: []}
    servers = {n: Server(options.port + n, folder, "vgg16", "--workers", str(n), *flags) for n in rates}
    for index in range(6):
        for workers, server in servers.items():
            rate = throughput(server, files, 2 * workers, 4)
            if index:  # the first round is warm-up
                rates[workers].append(rate)
    for server in servers.values():
        server.stop()
    print("\nvgg16, POST /gradcam, requests per second, twice as many clients as workers\n")
    for workers, values in rates.items():
        print(f"- workers {workers}: {median(values):.2f} ({min(values):.2f} – {max(values):.2f})")
    ratio = median(rates[options.threads]) / median(rates[1])
    print(f"- ratio: {ratio:.2f}")
    if options.threads == 2:
        goals.at_least("throughput of two workers ≥ 1.9 × that of one", 1.9, ratio)


def main() -> None:
    """Measure everything, or what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    own = "a Python with requirements.txt installed; default: set up under target/"
    parser.add_argument("--python", type=Path, help=own)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--models", nargs="*", default=MODELS)
    parser.add_argument("--flags", default="", help="further flags of every server, such as '--dense-weights f16'")
    parser.add_argument("--binary", type=Path, help="a server that is already built; default: build it")
    parser.add_argument("--timer", type=Path, help="the bench `forward`, already built; default: build it")
    book = "a Python with tests/reference/convnet/requirements.txt installed; default: set up under target/"
    parser.add_argument("--book-python", type=Path, help=book)
    parts = ("forward", "gradcam", "load", "activations")
    parser.add_argument("--only", choices=parts, help="measure only one of the four parts")
    options = parser.parse_args()
    wanted = (options.only,) if options.only else parts
    # Everything that may fail or take long comes before the first measurement.
    options.python = options.python or own_python("compare", HERE / "requirements.txt")
    if "activations" in wanted:
        needs = ROOT / "tests/reference/convnet/requirements.txt"
        options.book_python = options.book_python or own_python("compare-book", needs)
    Server.further = options.flags.split()
    if options.binary:
        Server.binary = options.binary.resolve()
    elif wanted != ("forward",):
        build_server()
    timer = options.timer or (build_timer() if "forward" in wanted else None)
    folder, goals = model_folders(options.python), Goals()
    files = pictures(options.python)
    photo = ROOT / "target/compare-photo.jpg"
    photo.write_bytes(files[0])
    only = ROOT / "target/compare-vgg16"
    only.mkdir(exist_ok=True)
    if not (only / "vgg16").exists():
        (only / "vgg16").symlink_to(folder / "vgg16")
    if "forward" in wanted:
        forward_passes(options, timer, folder, photo, goals)
    if "gradcam" in wanted:
        grad_cam(options, only, "random weights", files, goals)
        grad_cam(options, trained(options.python, folder), "trained convolutions", files, goals)
        startup_memory_idle(options, only, files, goals)
    if "load" in wanted:
        load(options, only, files, goals)
    if "activations" in wanted:
        activations(options, files, goals)
    goals.show()


if __name__ == "__main__":
    main()
