"""Writes the corpora that the targets start from, out of what the tests have anyway: pictures and small models."""

import base64
import json
import pathlib
import shutil

FUZZ = pathlib.Path(__file__).resolve().parent
REFERENCE = FUZZ.parent / "tests/reference"


def folder(target):
    path = FUZZ / "corpus" / target
    path.mkdir(parents=True, exist_ok=True)
    return path


for picture in (REFERENCE / "pictures/decode").iterdir():
    shutil.copy(picture, folder("decode") / picture.name)

for cases in ("operator_cases.jsonl", "network_cases.jsonl"):
    for number, line in enumerate((REFERENCE / "gradient" / cases).read_text().splitlines()):
        case = json.loads(line)
        if "model" not in case:
            continue
        model = base64.b64decode(case["model"])
        name = f"{cases.split('_')[0]}-{number}"
        (folder("load") / name).write_bytes(model)
        # The first byte is the rank that every value is given.
        (folder("derive") / name).write_bytes(b"\x04" + model)

for target in ("multipart", "request"):
    (folder(target) / "empty").write_bytes(b"")
