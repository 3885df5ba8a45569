#!/usr/bin/env python3
"""Starts a server, loads it for some minutes, and prints the tables of docs/reliability.md.

It repeats three phases in rotation, so that other load on the machine affects all of them alike: as
many requests as the server can answer; four times that rate; good requests mixed with disconnects,
bad requests and reloads. At the end it measures the memory. It exits with 1 if a guarantee is not
kept. It uses Python's standard library only, and sends to 127.0.0.1 only.

    cargo build --release && python3 scripts/soak.py --minutes 20
"""

import argparse
import asyncio
import collections
import json
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import shutil
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PICTURE = ROOT / "docs/photos/cat_and_dog.png"
MODEL = "cats_and_dogs_small_1"
# A realistic mix: mostly Grad-CAM and activations.
ROUTES = ["/predict", "/gradcam?class=cat", "/gradcam?top=2", "/activations?layer=conv2d_4", "/activations"]


class Server:
    def __init__(self, binary, models):
        command = [binary, "serve", "--listen", f"{HOST}:0", "--models", models, "--log-json"]
        command += ["--cache-bytes", "0", "--reload-interval", "0"]
        # All clients of this script have one address.
        command += ["--max-connections-per-address", "0"]
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        self.process = subprocess.Popen(command, stderr=self.log)
        self.port = int(self.wait_for("listening")["address"].rsplit(":", 1)[1])
        self.wait_for("ready")

    def lines(self, message):
        text = pathlib.Path(self.log.name).read_text()
        return [json.loads(line) for line in text.splitlines() if f'"message":"{message}"' in line]

    def wait_for(self, message, count=1):
        deadline = time.monotonic() + 60
        while len(found := self.lines(message)) < count:
            assert time.monotonic() < deadline, f"the log has no {message}"
            time.sleep(0.02)
        return found[-1]

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / 100

    def end(self):
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40), time.monotonic() - began


class Tally:
    """How requests ended, and how long they took by their status."""

    def __init__(self):
        self.counts = collections.Counter()
        self.times = collections.defaultdict(list)
        self.seconds = 0
        self.began = time.monotonic()

    def __iadd__(self, other):
        self.counts += other.counts
        self.seconds += other.seconds
        for status, times in other.times.items():
            self.times[status] += times
        return self

    def good(self):
        return self.counts[200] / self.seconds

    def add(self, status, seconds):
        self.counts[status] += 1
        self.times[status].append(seconds)

    def percentile(self, status, percent):
        times = sorted(self.times[status])
        return 1e3 * times[min(len(times) - 1, int(len(times) * percent / 100))] if times else float("nan")


def message(path, body, headers=""):
    head = f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: image/png\r\nConnection: close\r\n"
    return f"{head}Content-Length: {len(body)}\r\n{headers}\r\n".encode() + body


async def ask(port, request):
    """The status, or the name of the error that broke the connection."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(HOST, port), 70)
        try:
            writer.write(request)
            await writer.drain()
            answer = await asyncio.wait_for(reader.read(), 70)
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            if not length or int(length[1]) != len(body):
                return "cut short"
            return int(head.split(b" ", 2)[1])
        finally:
            writer.close()
    except (OSError, asyncio.TimeoutError, ValueError, IndexError) as error:
        return type(error).__name__


async def timed(tally, port, request):
    began = time.monotonic()
    status = await ask(port, request)
    tally.add(status, time.monotonic() - began)
    return status


def requests(picture):
    good = [message(path, picture) for path in ROUTES]
    while True:
        yield from good


async def carry(server, picture, seconds, callers):
    """Measures the capacity: a fixed number of clients, each sending one request after the other."""
    tally, stream = Tally(), requests(picture)
    end = time.monotonic() + seconds

    async def caller():
        while time.monotonic() < end:
            await timed(tally, server.port, next(stream))

    await asyncio.gather(*(caller() for _ in range(callers)))
    tally.seconds = time.monotonic() - tally.began
    return tally


async def overload(server, picture, seconds, per_second):
    """Sends requests at a fixed rate, whatever happens to them, and ten health probes a second."""
    tally, probes, stream, tasks = Tally(), Tally(), requests(picture), []
    probe = f"GET /healthz HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    began, sent, probed = time.monotonic(), 0, 0
    while (now := time.monotonic() - began) < seconds:
        while sent < now * per_second:
            tasks.append(asyncio.create_task(timed(tally, server.port, next(stream))))
            sent += 1
        while probed < now * 10:
            tasks.append(asyncio.create_task(timed(probes, server.port, probe)))
            probed += 1
        await asyncio.sleep(0.005)
    tally.seconds = time.monotonic() - began
    await asyncio.gather(*tasks)
    return tally, probes


BAD = [
    (message("/predict?x=1", b"x"), 400),
    (message("/predict", b"hello"), 415),
    (message("/gradcam?class=tabby", b"x"), 422),
    (message("/nowhere", b"x" * 100_000), 404),
    (message("/predict", b"", "Content-Encoding: gzip\r\n"), 415),
]


async def mix(server, picture, seconds, per_second):
    """Sends requests below the capacity.

    Every fifth client hangs up, every seventh request is bad.
    """
    tally, wrong, gone, tasks = Tally(), [], 0, []
    stream, began, sent, reloads = requests(picture), time.monotonic(), 0, 0

    async def leave():
        try:
            _, writer = await asyncio.open_connection(HOST, server.port)
            writer.write(message("/activations", picture))
            await writer.drain()
            await asyncio.sleep(0.03)
            writer.close()
        except OSError:
            pass

    async def err(request, expected):
        status = await ask(server.port, request)
        # A full queue is checked before anything else.
        if status not in (expected, 503):
            wrong.append((status, expected))

    while (now := time.monotonic() - began) < seconds:
        while sent < now * per_second:
            sent += 1
            if sent % 5 == 0:
                gone += 1
                tasks.append(asyncio.create_task(leave()))
            elif sent % 7 == 0:
                tasks.append(asyncio.create_task(err(*BAD[sent // 7 % len(BAD)])))
            else:
                tasks.append(asyncio.create_task(timed(tally, server.port, next(stream))))
        if now > 10 * (reloads + 1):
            reloads += 1
            server.process.send_signal(signal.SIGHUP)
        tasks = [task for task in tasks if not task.done()]
        await asyncio.sleep(0.01)
    await asyncio.gather(*tasks)
    tally.seconds = time.monotonic() - began
    return tally, wrong, gone, reloads


class Pause:
    """The longest time in which this process itself did not run.

    Requests that are lost then are not the fault of the server.
    """

    longest = 0.0

    async def watch(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.longest = max(self.longest, time.monotonic() - before - 0.02)


async def metric(port, name):
    request = f"GET /metrics HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(request)
    text = (await reader.read()).decode()
    writer.close()
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))


async def quiet(server):
    """Seconds until the server is idle after the last request, by its processor time."""
    began = time.monotonic()
    while time.monotonic() - began < 20:
        before = server.cpu()
        await asyncio.sleep(0.2)
        if server.cpu() - before <= 0.01:
            return time.monotonic() - began
    return float("inf")


def row(name, tally):
    good, busy = tally.counts[200], tally.counts[503]
    other = sum(tally.counts.values()) - good - busy
    print(
        f"| {name} | {tally.seconds:.0f} | {sum(tally.counts.values())} | {good} | {busy} | {other} "
        f"| {good / tally.seconds:.1f} | {tally.percentile(200, 50):.0f} | {tally.percentile(200, 99):.0f} "
        f"| {tally.percentile(503, 50):.1f} | {tally.percentile(503, 99):.1f} |"
    )
    return other


async def run(server, minutes, picture):
    failures = []

    def guarantee(holds, text):
        print(f"{'kept' if holds else 'BROKEN'}: {text}")
        if not holds:
            failures.append(text)

    await carry(server, picture, min(15 * minutes, 10), 2)
    before = server.memory()
    rounds = max(1, round(minutes / 2))
    part = minutes * 60 / rounds / 3
    base, full, mixed, probes = Tally(), Tally(), Tally(), Tally()
    wrong, gone, reloads = [], 0, 0
    pause = Pause()
    watching = asyncio.create_task(pause.watch())
    for _ in range(rounds):
        carried = await carry(server, picture, part, 2)
        base += carried
        flooded, probed = await overload(server, picture, part, 4 * carried.good())
        full += flooded
        probes += probed
        good, odd, left, renewed = await mix(server, picture, part, 0.8 * carried.good())
        mixed += good
        wrong, gone, reloads = wrong + odd, gone + left, reloads + renewed
    print("| phase | seconds | requests | 200 | 503 | other | 200 per s | p50 ms | p99 ms | 503 p50 ms | 503 p99 ms |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    other = row("capacity, 2 clients", base)
    other += row("overload, 4 × that rate", full) + row("mixed, 0.8 × that rate", mixed)
    idle = await quiet(server)
    cancelled = await metric(server.port, "convscope_cancelled_total")
    panics = await metric(server.port, "convscope_panics_total")
    after = server.memory()
    print()
    print(f"memory {before:.0f} MiB before, {after:.0f} MiB after; {gone} clients hung up, {cancelled:.0f} of them "
          f"noticed before the answer; {reloads} reloads; {panics:.0f} panics; idle {idle:.1f} s after the last request; "
          f"probes under overload p50 {probes.percentile(200, 50):.1f} ms, p99 {probes.percentile(200, 99):.1f} ms, "
          f"{sum(probes.counts.values()) - probes.counts[200]} unanswered; longest pause of this script itself "
          f"{pause.longest:.1f} s")
    watching.cancel()
    ratio = full.good() / base.good()
    guarantee(other == 0, f"every good request ended in 200 or 503 ({other} did not: "
            f"{[key for key in (base.counts | full.counts | mixed.counts) if key not in (200, 503)]})")
    guarantee(ratio >= 0.9, f"goodput under four times the load is {ratio:.2f} of that at capacity (at least 0.9)")
    guarantee(not wrong, f"bad requests ended as described ({wrong[:5]})")
    guarantee(probes.counts[200] == sum(probes.counts.values()), "every probe was answered")
    guarantee(panics == 0, "nothing panicked")
    guarantee(after <= 1.25 * before + 32, "memory did not accumulate")
    guarantee(idle < 2, "the process is idle without requests")
    status, took = server.end()
    guarantee(status == 0 and took < 30, f"it exited with {status} after {took:.1f} s")
    return failures


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=2)
    parser.add_argument("--binary", default=str(ROOT / "target/release/convscope"))
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as models:
        shutil.copytree(ROOT / "models" / MODEL, pathlib.Path(models) / MODEL)
        server = Server(arguments.binary, models)
        try:
            failures = asyncio.run(run(server, min(arguments.minutes, 120), PICTURE.read_bytes()))
        finally:
            if server.process.poll() is None:
                server.process.kill()
    sys.exit(bool(failures))


main()
