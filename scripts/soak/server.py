"""The server under load: its process, its log, its memory and its metrics."""

import asyncio
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

HOST = "127.0.0.1"


class Server:
    """A convscope server with a copy of a models folder and its default limits, but for `flags`."""

    def __init__(self, binary, models, flags):
        self.folder = tempfile.TemporaryDirectory()
        for model in sorted(path.parent for path in models.glob("*/model.onnx")):
            shutil.copytree(model, pathlib.Path(self.folder.name) / model.name)
        command = [binary, "serve", "--listen", f"{HOST}:0", "--models", self.folder.name, "--log-json"]
        # All clients of this script have one address.
        command += ["--max-connections-per-address", "0", *flags]
        self.log = tempfile.NamedTemporaryFile("w+", suffix=".log")
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONVSCOPE_")}
        self.process = subprocess.Popen(command, stderr=self.log, env=kept)
        self.port = int(self.wait_for("listening")["address"].rsplit(":", 1)[1])
        self.wait_for("ready")

    def lines(self, message):
        text = pathlib.Path(self.log.name).read_text()
        return [json.loads(line) for line in text.splitlines() if f'"message":"{message}"' in line]

    def wait_for(self, message):
        deadline = time.monotonic() + 120
        while not (found := self.lines(message)):
            assert self.process.poll() is None, "the server does not start"
            assert time.monotonic() < deadline, f"the log has no {message}"
            time.sleep(0.02)
        return found[-1]

    def memory(self, field="VmRSS"):
        """Resident memory in MiB: at present, or with `VmHWM` at most so far."""
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(rf"{field}:\s+(\d+)", status)[1]) / 1024

    def cpu(self):
        """Seconds of processor time."""
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def reload(self):
        """SIGHUP: all models are loaded again."""
        self.process.send_signal(signal.SIGHUP)

    def touch(self, index):
        """Gives a model's file a new time. The poll of the folder finds it."""
        files = sorted(pathlib.Path(self.folder.name).glob("*/model.onnx"))
        files[index % len(files)].touch()

    async def metric(self, name):
        """The sum of a metric over its labels."""
        reader, writer = await asyncio.open_connection(HOST, self.port)
        writer.write(f"GET /metrics HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        text = (await reader.read()).decode()
        writer.close()
        return sum(float(value) for value in re.findall(rf"^{name}(?:\{{[^}}]*\}})? (\S+)$", text, re.M))

    async def seconds_until_idle(self):
        """By its processor time."""
        began = time.monotonic()
        while time.monotonic() - began < 20:
            before = self.cpu()
            await asyncio.sleep(0.2)
            if self.cpu() - before <= 0.01:
                return time.monotonic() - began
        return float("inf")

    def end(self):
        """The exit code after SIGTERM, and the seconds until the process ended."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(40), time.monotonic() - began

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
