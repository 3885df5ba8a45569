"""Clients, good and bad. Each returns how its request ended, as `status_of` says it."""

import asyncio
import collections
import random
import re
import socket
import struct
import time

import messages
from server import HOST

# Longer than any timeout of the server.
PATIENCE = 70


class Tally:
    """How the requests of each kind ended, and how long they took."""

    def __init__(self):
        self.ends = collections.defaultdict(collections.Counter)
        self.times = collections.defaultdict(list)
        self.refusals = collections.Counter()
        self.seconds = 0.0

    def __iadd__(self, other):
        for kind, ends in other.ends.items():
            self.ends[kind] += ends
        for end, times in other.times.items():
            self.times[end] += times
        self.refusals += other.refusals
        self.seconds += other.seconds
        return self

    def add(self, kind, end, seconds):
        self.ends[kind][end] += 1
        self.times[end].append(seconds)

    def total(self):
        return sum(self.ends.values(), collections.Counter())

    def good(self):
        return self.total()[200] / self.seconds

    def percentile(self, end, percent):
        """In milliseconds."""
        times = sorted(self.times[end])
        return 1e3 * times[min(len(times) - 1, int(len(times) * percent / 100))] if times else float("nan")


class Clients:
    """All clients of one phase."""

    def __init__(self, server, models, pictures):
        self.server, self.models, self.pictures = server, models, pictures
        self.tally, self.random, self.turn = Tally(), random.Random(5), 0
        self.computed = list(messages.COMPUTED.items())

    async def timed(self, kind, asking):
        began = time.monotonic()
        try:
            end = await asyncio.wait_for(asking, PATIENCE)
        except (OSError, EOFError, ValueError, IndexError, asyncio.TimeoutError) as error:
            end = type(error).__name__
        self.tally.add(kind, end, time.monotonic() - began)

    async def connect(self):
        return await asyncio.open_connection(HOST, self.server.port)

    def next_request(self):
        """One that needs a worker. The kinds come in rotation, with each model."""
        self.turn += 1
        kind, request = self.computed[self.turn % len(self.computed)]
        model = self.models[self.turn // len(self.computed) % len(self.models)]
        return kind, request(model, self.pictures.next())

    async def ask(self, request):
        reader, writer = await self.connect()
        try:
            writer.write(request)
            await writer.drain()
            return self.end_of(await reader.read())
        finally:
            writer.close()

    def end_of(self, answer):
        end = messages.status_of(answer)
        if end == 503:
            self.tally.refusals[messages.code_of(answer)] += 1
        return end

    async def computed_request(self):
        kind, request = self.next_request()
        await self.timed(kind, self.ask(request))

    async def cheap_request(self):
        path = self.random.choice(messages.CHEAP)
        method = self.random.choice(("GET", "GET", "HEAD"))
        await self.timed("GET and HEAD without a worker", self.ask(messages.message(method, path)))

    async def bad_request(self):
        """Its end is `as described` if it has the status that openapi.yaml describes."""
        name, (request, expected) = self.random.choice(list(messages.BAD.items()))

        async def asking():
            end = await self.ask(request)
            return end if end == 503 else "as described" if end == expected else f"{name}: {end}"

        await self.timed("bad request", asking())

    async def hangs_up(self, when):
        """A client that resets its connection: while it sends, while it waits, or while it reads."""

        async def asking():
            _, request = self.next_request()
            reader, writer = await self.connect()
            if when == "sending":
                request = request[: self.random.randrange(len(request))]
            writer.write(request)
            await writer.drain()
            if when == "reading":
                await reader.read(1000)
            else:
                await asyncio.sleep(self.random.uniform(0, 0.1))
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.close()
            return "gone"

        await self.timed(f"hangs up while {when}", asking())

    async def sends_slowly(self):
        """Sends its request in twenty pieces, in three seconds. It stops when it has an answer."""

        async def asking():
            request = messages.raw("/predict", self.pictures.next())
            reader, writer = await self.connect()
            reading = asyncio.create_task(answer_of_known_length(reader))
            try:
                step = -(-len(request) // 20)
                for start in range(0, len(request), step):
                    if not reading.done():
                        writer.write(request[start : start + step])
                        await writer.drain()
                        await asyncio.sleep(0.15)
                return self.end_of(await reading)
            finally:
                reading.cancel()
                writer.close()

        await self.timed("sends slowly", asking())

    async def stops_sending(self, what):
        """Sends half of the headers, or half of the body, and then waits."""

        async def asking():
            picture = self.pictures.next()
            request = messages.raw("/predict", picture)
            half = 60 if what == "headers" else len(request) - len(picture) // 2
            return await self.ask(request[:half])

        await self.timed(f"stops sending its {what}", asking())

    async def reads_at(self, kind, rate, seconds):
        """Asks for all layers of the largest model, and reads `rate` bytes a second for `seconds`.

        Then it reads all that there is, which shows whether the server has given up.
        """

        async def asking():
            with socket.socket() as one:
                one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
                one.setblocking(False)
                loop, answer, began = asyncio.get_running_loop(), bytearray(), time.monotonic()
                await loop.sock_connect(one, (HOST, self.server.port))
                request = messages.raw(f"/activations?model={self.models[-1]}", self.pictures.next(), messages.NPZ)
                await loop.sock_sendall(one, request)
                try:
                    while time.monotonic() - began < seconds:
                        due = rate * (time.monotonic() - began)
                        while len(answer) < due:
                            piece = await loop.sock_recv(one, 1 << 16)
                            answer += piece
                            if not piece:
                                return self.end_of(bytes(answer))
                        await asyncio.sleep(0.25)
                    while piece := await loop.sock_recv(one, 1 << 20):
                        answer += piece
                except ConnectionResetError:
                    pass
                return self.end_of(bytes(answer))

        await self.timed(kind, asking())

    def never_reads(self):
        return self.reads_at("never reads", 0, 45)

    def trickles(self):
        """It reads less than the server demands, and so it is disconnected."""
        return self.reads_at("reads 4 kB a second", 4 << 10, 50)

    def reads_slowly(self):
        """It reads fast enough, even while the limit of unread bytes is reached."""
        return self.reads_at("reads 8 MB a second", 8 << 20, 45)


async def answer_of_known_length(reader):
    """An answer, without waiting for the end of the connection if its length is known."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head)
    return head + await (reader.readexactly(int(length[1])) if length else reader.read())


CUT = {"cut in the head", "cut in the body", "disconnected", "ConnectionResetError"}
# How else than in 200 or 503 the requests of a kind may end.
OTHER_ENDS = {
    "bad request": {"as described"},
    "hangs up while sending": {"gone"},
    "hangs up while waiting": {"gone"},
    "hangs up while reading": {"gone"},
    "stops sending its headers": CUT | {408},
    "stops sending its body": {408},
    "never reads": CUT,
    "reads 4 kB a second": CUT,
}


def unexpected(tally):
    """The ends that no guarantee covers, with their numbers."""
    found = collections.Counter()
    for kind, ends in tally.ends.items():
        allowed = {200, 503} if kind not in OTHER_ENDS else OTHER_ENDS[kind] | {503}
        if kind.startswith("hangs up"):
            allowed = {"gone"}
        found += collections.Counter({(kind, end): count for end, count in ends.items() if end not in allowed})
    return found
