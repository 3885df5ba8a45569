"""The memory of the server over time, and how fast it grows."""

import asyncio
import collections
import math
import statistics
import time

# Seconds between two samples.
INTERVAL = 5
Sample = collections.namedtuple("Sample", "seconds resident unread")


class MemoryLog:
    """Samples of the resident memory and of the bytes of unread answers, in MiB."""

    def __init__(self, server):
        self.server, self.samples, self.began = server, [], time.monotonic()

    async def watch(self):
        while True:
            await asyncio.sleep(INTERVAL)
            unread = await self.server.metric("convscope_unread_bytes") / 2**20
            self.samples.append(Sample(time.monotonic() - self.began, self.server.memory(), unread))

    def by_minute(self):
        """For each minute: the mean, least and greatest resident memory, and the mean of unread answers."""
        minutes = collections.defaultdict(list)
        for sample in self.samples:
            minutes[int(sample.seconds // 60)].append(sample)
        for minute, samples in sorted(minutes.items()):
            resident = [sample.resident for sample in samples]
            unread = sum(sample.unread for sample in samples) / len(samples)
            yield minute, sum(resident) / len(samples), min(resident), max(resident), unread

    def write(self, file):
        """Every sample, as CSV."""
        lines = (",".join(f"{figure:.2f}" for figure in sample) for sample in self.samples)
        file.write_text("\n".join([",".join(Sample._fields), *lines, ""]))

    def growth(self, begin):
        """Percent an hour after `begin` seconds, and the standard error. See `slope`.

        It is that of the medians of each minute, without the answers that clients have not read:
        these come and go, and so do the two versions of a model while it is reloaded.
        """
        minutes = collections.defaultdict(list)
        for sample in self.samples:
            if sample.seconds >= begin:
                minutes[int(sample.seconds // 60)].append(sample.resident - sample.unread)
        if len(minutes) < 4:
            return float("nan"), float("nan")
        sizes = [statistics.median(sizes) for sizes in minutes.values()]
        per_hour, error = slope([minute / 60 for minute in minutes], sizes)
        mean = sum(sizes) / len(sizes)
        return 100 * per_hour / mean, 100 * error / mean


def slope(x, y):
    """The slope of the line of least squares, and its standard error.

    Figures in a row are alike, which makes the usual error too small. With r, the correlation of a
    residual with the next one, n figures count as n (1 - r) / (1 + r) independent ones.
    """
    n = len(x)
    x_mean, y_mean = sum(x) / n, sum(y) / n
    spread = sum((a - x_mean) ** 2 for a in x)
    slope = sum((a - x_mean) * (b - y_mean) for a, b in zip(x, y)) / spread
    residuals = [b - y_mean - slope * (a - x_mean) for a, b in zip(x, y)]
    squares = sum(residual**2 for residual in residuals)
    correlation = sum(a * b for a, b in zip(residuals, residuals[1:])) / squares if squares else 0.0
    independent = n * (1 - max(correlation, 0.0)) / (1 + max(correlation, 0.0))
    variance = squares / n * independent / max(independent - 2, 1)
    return slope, math.sqrt(variance / (spread * independent / n))
