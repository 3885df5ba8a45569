"""The requests that clients send, and how their answers are checked."""

import base64
import json
import pathlib
import random
import re
import struct
import zlib

from server import HOST

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PHOTOGRAPHS = [(ROOT / name).read_bytes() for name in ("docs/photos/cat_and_dog.png", "web/samples/cat.jpg")]


class Pictures:
    """Files of two photographs. Every second one is new to the server, the others are recent ones."""

    def __init__(self):
        self.random, self.count, self.recent = random.Random(12), 0, []

    def next(self):
        self.count += 1
        if self.recent and self.random.random() < 0.5:
            return self.random.choice(self.recent)
        picture = with_comment(PHOTOGRAPHS[self.count % 2], f"{self.count}".encode())
        self.recent = [*self.recent[-7:], picture]
        return picture


def with_comment(picture, text):
    """The same picture in a file of other bytes."""
    if picture.startswith(b"\xff\xd8"):
        return picture[:2] + b"\xff\xfe" + struct.pack(">H", len(text) + 2) + text + picture[2:]
    chunk = b"tEXtComment\0" + text
    header = 8 + 25
    added = struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return picture[:header] + added + picture[header:]


def message(method, path, body=b"", headers=()):
    head = [f"{method} {path} HTTP/1.1", f"Host: {HOST}", "Connection: close", *headers]
    if method == "POST":
        head.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*head, "", ""]).encode() + body


def raw(path, picture, *headers):
    return message("POST", path, picture, ("Content-Type: application/octet-stream", *headers))


def as_json(path, body, *headers):
    return message("POST", path, json.dumps(body).encode(), ("Content-Type: application/json", *headers))


def base64_of(picture):
    return base64.b64encode(picture).decode()


def multipart(path, picture, *fields):
    parts = [f'--x\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields]
    parts.append(b'--x\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n' + picture + b"\r\n--x--\r\n")
    return message("POST", path, b"".join(parts), ("Content-Type: multipart/form-data; boundary=x",))


def v2_binary(model, picture):
    tensor = struct.pack("<I", len(picture)) + picture
    inputs = [{"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(tensor)}}]
    header = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True}}).encode()
    lengths = f"Inference-Header-Content-Length: {len(header)}"
    return raw(f"/v2/models/{model}/infer", header + tensor, lengths)


def v2_json(model, picture):
    tensor = {"name": "image", "datatype": "BYTES", "shape": [1], "data": [base64_of(picture)]}
    return as_json(f"/v2/models/{model}/infer", {"inputs": [tensor]})


JSON, PNG, NPZ = "Accept: application/json", "Accept: image/png", "Accept: application/x-npz"
EVENTS = "Accept: text/event-stream"

# Requests that need a worker. Each is a function of a model's name and a picture.
COMPUTED = {
    "/predict": lambda model, it: raw(f"/predict?model={model}", it),
    "/predict, base64": lambda model, it: as_json("/predict", {"model": model, "image": base64_of(it)}),
    "/gradcam, multipart": lambda model, it: multipart("/gradcam", it, ("model", model), ("top", 2)),
    "/gradcam, HiResCAM too": lambda model, it: raw(f"/explain?model={model}&method=gradcam&method=hirescam", it, JSON),
    "/explain, events": lambda model, it: raw(f"/explain?model={model}", it, EVENTS),
    "/activations": lambda model, it: raw(f"/activations?model={model}", it, PNG),
    "/activations, npz": lambda model, it: raw(f"/activations?model={model}&channel=0,1,2,3,4,5,6,7", it, NPZ),
    "/v1 predict": lambda model, it: as_json(f"/v1/models/{model}:predict", {"instances": [{"image": {"b64": base64_of(it)}}]}),
    "/v1 explain": lambda model, it: as_json(f"/v1/models/{model}:explain", {"instances": [{"b64": base64_of(it)}]}),
    "/v2 infer": v2_json,
    "/v2 infer, binary": v2_binary,
    "gradient graph": lambda model, _: message("GET", f"/models/{model}/gradient"),
    "HEAD of the gradient graph": lambda model, _: message("HEAD", f"/models/{model}/gradient"),
}

# Requests that need none.
CHEAP = ["/healthz", "/readyz", "/metrics", "/info", "/models", "/methods", "/v1/models", "/v2", "/v2/health/ready", "/", "/docs"]

MANY_VALUES = json.dumps({"image": "", "layer": ["x"] * 200_000}).encode()

# Bad requests, each with its status.
BAD = {
    "unknown parameter": (raw("/predict?x=1", b"x"), 400),
    "no picture": (raw("/predict", b"hello"), 415),
    "a cut picture": (raw("/predict", PHOTOGRAPHS[0][:5000]), 422),
    "unknown class": (raw("/gradcam?class=tabby", PHOTOGRAPHS[0]), 422),
    "unknown model": (raw("/predict?model=x", PHOTOGRAPHS[0]), 404),
    "unknown route": (raw("/nowhere", b"x" * 100_000), 404),
    "compressed body": (raw("/predict", b"", "Content-Encoding: gzip"), 415),
    "200,000 values": (message("POST", "/gradcam", MANY_VALUES, ("Content-Type: application/json",)), 400),
    "body of 20 MB": (message("POST", "/predict", b"x" * 20_000_000), 413),
    "wrong method": (message("GET", "/predict"), 405),
    "unknown format": (raw("/predict", PHOTOGRAPHS[0], "Accept: text/html"), 406),
    "no host": (b"GET /models HTTP/1.1\r\nConnection: close\r\n\r\n", 400),
    "no HTTP": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
}


def status_of(answer):
    """The status of a complete and well-formed answer. Otherwise what is wrong with it."""
    head, separator, body = answer.partition(b"\r\n\r\n")
    if not separator:
        return "disconnected" if not answer else "cut in the head"
    status = int(head.split(b" ", 2)[1])
    headers = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if headers.get(b"transfer-encoding") == b"chunked":
        return status if body.endswith(b"0\r\n\r\n") and b"event: result" in body else "cut in the body"
    if body or b"content-length" not in headers:
        if int(headers.get(b"content-length", -1)) != len(body):
            return "cut in the body"
        if not is_well_formed(headers.get(b"content-type", b""), body):
            return f"no {headers[b'content-type'].decode()}"
    return status


def is_well_formed(media_type, body):
    if b"json" in media_type:
        return isinstance(json.loads(body), (dict, list))
    starts = {b"image/png": b"\x89PNG", b"application/x-npz": b"PK", b"application/zip": b"PK"}
    return body.startswith(starts.get(media_type, b""))


def code_of(answer):
    """The code of a problem answer."""
    found = re.search(rb'"code":"([a-z-]+)"', answer)
    return found[1].decode() if found else "HEAD"
