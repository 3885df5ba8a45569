"""Measures how the pixels of JPEG files differ from Pillow's.

    cargo build --release --example decode
    python tests/reference/pictures/check_jpeg.py target/release/examples/decode PHOTO.png FILE.jpg…

It prints one row for the files, and one row for a sweep: PHOTO saved by Pillow in several sizes, at every quality
from 1 to 100 in steps of 3, with every subsampling that Pillow writes, baseline and progressive. Files that Pillow or
convscope refuses are listed and do not count. It needs numpy and Pillow 13 (libjpeg-turbo 3).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps


def sweep(photo: Path, folder: Path) -> list[Path]:
    files = []
    for width, height in ((451, 300), (97, 65), (16, 16), (17, 9), (2, 500), (1, 1)):
        picture = Image.open(photo).convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
        for quality in range(1, 101, 3):
            for subsampling in range(3):
                for progressive in (False, True):
                    file = folder / f"{width}x{height}_{quality}_{subsampling}_{progressive}.jpg"
                    picture.save(file, quality=quality, subsampling=subsampling, progressive=progressive)
                    files.append(file)
    return files


def compare(name: str, program: str, files: list[Path]) -> None:
    count = largest = total = samples = differing = pixels = differing_pixels = 0
    largest_mean, refused = 0.0, []
    with tempfile.TemporaryDirectory() as folder:
        for number, file in enumerate(files):
            # Names may repeat in other folders.
            copy = Path(folder) / f"{number}{file.suffix}"
            copy.write_bytes(file.read_bytes())
            subprocess.run([program, "--save", folder, copy], check=True, stdout=subprocess.DEVNULL)
            decoded = Path(f"{copy}.png")
            try:
                expected = np.asarray(ImageOps.exif_transpose(Image.open(file)).convert("RGB")).astype(int)
            except OSError:
                refused.append(f"{file.name} by Pillow")
                continue
            if not decoded.exists():
                refused.append(f"{file.name} by convscope")
                continue
            difference = np.abs(np.asarray(Image.open(decoded).convert("RGB")).astype(int) - expected)
            count += 1
            largest = max(largest, int(difference.max()))
            largest_mean = max(largest_mean, float(difference.mean()))
            total, samples = total + int(difference.sum()), samples + difference.size
            differing += int((difference > 0).sum())
            pixels, differing_pixels = pixels + difference[..., 0].size, differing_pixels + int((difference.max(2) > 0).sum())
    print(
        f"{name}: {count} files, largest difference {largest} of 255, mean {total / samples:.3f}, largest mean of a file "
        f"{largest_mean:.3f}, samples that differ {differing / samples:.1%}, pixels {differing_pixels / pixels:.1%}"
    )
    for line in refused:
        print(f"  refused: {line}")


def main() -> None:
    program, photo, *files = sys.argv[1:]
    if files:
        compare("files", program, [Path(file) for file in files])
    with tempfile.TemporaryDirectory() as folder:
        compare("sweep", program, sweep(Path(photo), Path(folder)))


main()
