#!/usr/bin/env python3
"""Starts a server, loads it, and prints the tables of docs/reliability.md.

Three phases follow one another:

1. capacity: two clients, each sending one request after the other;
2. overload: requests at four times that rate, whatever happens to them;
3. mixed: requests at 0.8 times that rate. Among them are bad requests, clients that hang up, and
   clients that send or read slowly or not at all. The models are reloaded.

It exits with 1 if a guarantee is not kept. It needs Python's standard library only, and sends to
127.0.0.1 only.

    cargo build --release && python3 scripts/soak --minutes 20
"""

import argparse
import asyncio
import itertools
import pathlib
import sys
import time

from clients import Clients, unexpected
from memory import MemoryLog
from messages import ROOT, Pictures, message
from server import Server

# Seconds of each of the first two phases.
SHORT = 60
# Until the caches are full, memory grows. Its growth counts from this second on.
SETTLED = 300
# The shares of the mixed phase, of 20 requests.
MIX = ["computed_request"] * 13 + ["cheap_request"] * 2 + ["bad_request"] * 2
MIX += ["while sending", "while waiting", "while reading"]
# Seconds from one to the next.
EVERY = {
    "sends_slowly": 3,
    "headers": 5,
    "body": 5,
    "never_reads": 15,
    "trickles": 20,
    "reads_slowly": 10,
    "reload": 30,
}


async def capacity(clients, seconds):
    began = time.monotonic()

    async def client():
        while time.monotonic() - began < seconds:
            await clients.computed_request()

    await asyncio.gather(client(), client())
    clients.tally.seconds = time.monotonic() - began
    return clients.tally


async def at_rate(per_second, seconds, start):
    """Calls `start` so often, and waits for all tasks that it makes. Returns the seconds of sending."""
    began, sent, tasks = time.monotonic(), 0, set()
    while (now := time.monotonic() - began) < seconds:
        while sent < now * per_second:
            sent += 1
            task = asyncio.create_task(start())
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        await asyncio.sleep(0.005)
    await asyncio.gather(*tasks)
    return now


async def overload(clients, probes, seconds, per_second):
    probe = message("GET", "/healthz")
    health = at_rate(10, seconds, lambda: probes.timed("/healthz", probes.ask(probe)))
    sending = at_rate(per_second, seconds, clients.computed_request)
    clients.tally.seconds, _ = await asyncio.gather(sending, health)
    return clients.tally


async def mixed(clients, seconds, per_second):
    """Returns the tally and the number of reloads that were asked for."""
    server, turns, reloads = clients.server, itertools.cycle(range(len(MIX))), itertools.count()

    async def next_client():
        # 7 and 20 have no common divisor, so the shares are spread evenly.
        name = MIX[7 * next(turns) % len(MIX)]
        await (clients.hangs_up(name.removeprefix("while ")) if name.startswith("while") else getattr(clients, name)())

    async def reload():
        # In turn: all models, the touched one when the folder is polled, and both.
        turn = next(reloads)
        if turn % 3 > 0:
            server.touch(turn // 3)
        if turn % 3 != 1:
            server.reload()

    def start(name):
        if name in ("headers", "body"):
            return clients.stops_sending(name)
        return reload() if name == "reload" else getattr(clients, name)()

    per_second -= sum(1 / every for name, every in EVERY.items() if name != "reload")
    others = [at_rate(1 / every, seconds, lambda name=name: start(name)) for name, every in EVERY.items()]
    clients.tally.seconds, *_ = await asyncio.gather(at_rate(per_second, seconds, next_client), *others)
    return clients.tally, next(reloads)


class Pause:
    """The longest time in which this process itself did not run. Lost requests may be due to it."""

    longest = 0.0

    async def watch(self):
        while True:
            before = time.monotonic()
            await asyncio.sleep(0.02)
            self.longest = max(self.longest, time.monotonic() - before - 0.02)


def table(*rows):
    for index, row in enumerate(rows):
        print(f"| {' | '.join(str(cell) for cell in row)} |")
        if index == 0:
            print("|" + "---|" * len(row))
    print()


def phase_row(name, tally):
    total, times = tally.total(), (tally.percentile(end, percent) for end in (200, 503) for percent in (50, 99))
    other = sum(total.values()) - total[200] - total[503]
    counts = sum(total.values()), total[200], total[503], other
    return name, f"{tally.seconds:.0f}", *counts, f"{tally.good():.1f}", *(f"{time:.0f}" for time in times)


def kind_rows(tally):
    for kind, ends in sorted(tally.ends.items()):
        others = [f"{count} {end}" for end, count in ends.most_common() if end not in (200, 503)]
        yield kind, sum(ends.values()), ends[200], ends[503], ", ".join(others)


async def run(server, minutes, models, files, samples):
    failures, pictures, loaded = [], Pictures(), server.memory()

    def guarantee(holds, text):
        print(f"{'kept' if holds else 'BROKEN'}: {text}")
        if not holds:
            failures.append(text)

    pause = Pause()
    watching = [asyncio.create_task(pause.watch())]
    await capacity(Clients(server, models, pictures), 10)
    base = await capacity(Clients(server, models, pictures), SHORT)
    probes = Clients(server, models, pictures)
    full = await overload(Clients(server, models, pictures), probes, SHORT, 4 * base.good())
    memory = MemoryLog(server)
    watching.append(asyncio.create_task(memory.watch()))
    mix, reloads = await mixed(Clients(server, models, pictures), 60 * minutes, 0.8 * base.good())
    for task in watching:
        task.cancel()

    heads = "phase", "seconds", "requests", "200", "503", "other", "200 per s"
    times = "p50 ms", "p99 ms", "503 p50 ms", "503 p99 ms"
    phases = (("capacity, 2 clients", base), ("overload, 4 × that rate", full), ("mixed, 0.8 × that rate", mix))
    table((*heads, *times), *(phase_row(*phase) for phase in phases))
    table(("kind", "requests", "200", "503", "other"), *kind_rows(mix))
    minutes = ((minute, *(f"{figure:.0f}" for figure in figures)) for minute, *figures in memory.by_minute())
    table(("minute", "mean MiB", "least", "greatest", "unread answers, mean"), *minutes)

    if samples:
        memory.write(samples)
    idle = await server.seconds_until_idle()
    cancelled, panics = [await server.metric(f"convscope_{name}_total") for name in ("cancelled", "panics")]
    done = await server.metric("convscope_reloads_total")
    peak, limit = server.memory("VmHWM"), 2 * loaded + 512
    growth, error = memory.growth(SETTLED)
    print(f"refusals of the mixed phase: {dict(mix.refusals)}; {cancelled:.0f} requests cancelled; "
          f"{reloads} reloads asked for, {done:.0f} done; this script itself paused for {pause.longest:.1f} s at most")
    print(f"memory after loading {loaded:.0f} MiB; files of the models {files:.0f} MiB; growth of memory after "
          f"{SETTLED} s: {growth:.1f} ± {error:.1f} % an hour (one standard error)\n")

    odd = unexpected(base) + unexpected(full) + unexpected(probes.tally) + unexpected(mix)
    guarantee(not odd, f"no request ended in an unexpected way ({dict(odd)})")
    ratio = full.good() / base.good()
    guarantee(ratio >= 0.9, f"goodput under four times the load is {ratio:.2f} of that at capacity (at least 0.9)")
    alive, probe = probes.tally.total(), probes.tally
    guarantee(alive.keys() == {200}, f"every probe under overload was answered: p50 {probe.percentile(200, 50):.0f} ms, "
                                     f"p99 {probe.percentile(200, 99):.0f} ms")
    guarantee(panics == 0, f"nothing panicked ({panics:.0f})")
    guarantee(peak <= limit, f"the memory was {peak:.0f} MiB at most (limit {limit:.0f}: twice the loaded models, and 512)")
    guarantee(not growth - 2 * error > 1, "memory does not grow by more than 1 % an hour (two standard errors)")
    guarantee(idle < 2, f"the process is idle {idle:.1f} s after the last request")
    status, took = server.end()
    guarantee(status == 0 and took < 30, f"on SIGTERM it exited with {status} after {took:.1f} s")
    return failures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=2, help="length of the mixed phase")
    parser.add_argument("--binary", default=str(ROOT / "target/release/convscope"))
    parser.add_argument("--models", type=pathlib.Path, default=ROOT / "models", help="folder of NAME/model.onnx")
    parser.add_argument("--samples", type=pathlib.Path, help="write the samples of the memory to this CSV file")
    parser.add_argument("flags", nargs="*", help="flags of the server, behind --")
    arguments = parser.parse_args()
    # The largest last: its answers are those that nobody reads.
    files = sorted(arguments.models.glob("*/model.onnx"), key=lambda file: file.stat().st_size)
    size = sum(file.stat().st_size for file in files) / 2**20
    server = Server(arguments.binary, arguments.models, arguments.flags)
    try:
        models = [file.parent.name for file in files]
        failures = asyncio.run(run(server, arguments.minutes, models, size, arguments.samples))
    finally:
        server.kill()
    sys.exit(bool(failures))


main()
