"""Writes the seed corpora of the fuzz targets.

They hold pictures and small models from the tests, classifiers of one operator each, multipart
forms and requests.
"""

import base64
import json
import pathlib
import struct
import zlib

from onnx_models import classifiers

FUZZ = pathlib.Path(__file__).resolve().parent
REFERENCE = FUZZ.parent / "tests/reference"
MODEL = "cats_and_dogs_small_1"


def write(target, name, data):
    folder = FUZZ / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)


def png(width, height, depth, color, interlaced=0, extra=()):
    """A PNG of zeros and ones. `extra` are chunks before its data."""

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    samples = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[color]
    rows = b"".join(b"\0" + b"\x55" * ((width * samples * depth + 7) // 8) for _ in range(height))
    header = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*it) for it in chunks)


def bmp(bits, compression, data, width=4, height=4):
    palette = bytes(4 << bits) if bits <= 8 else b""
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, 0, 0)
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data


def tiff(order, compression, photometric, samples, data, *more):
    """A TIFF of 4 × 4 pixels in one strip. `more` are further tags."""
    tags = [(256, 3, 4), (257, 3, 4), (258, 3, 8), (259, 3, compression), (262, 3, photometric), (273, 4, None),
            (277, 3, samples), (278, 3, 4), (279, 4, len(data)), *more]
    start = 8 + 2 + 12 * len(tags) + 4
    out = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8) + struct.pack(order + "H", len(tags))
    for tag, kind, value in sorted(tags):
        value = start if value is None else value
        out += struct.pack(order + "HHI", tag, kind, 1) + struct.pack(order + ("Hxx" if kind == 3 else "I"), value)
    return out + bytes(4) + data


def pictures():
    """A few small pictures of each format: name → bytes."""
    ones = bytes(range(48))
    small = {f"tiny-{depth}-{color}-{i}.png": png(5, 5, depth, color, i, [(b"PLTE", bytes(range(12)))] if color == 3 else ())
             for depth, color in ((1, 0), (2, 0), (4, 0), (8, 0), (16, 0), (8, 2), (16, 2), (1, 3), (2, 3), (8, 4), (16, 6))
             for i in (0, 1)}
    small |= {
        "rle8.bmp": bmp(8, 1, b"\4\1\0\0\0\3\1\2\3\0\1\4\0\0\0\2\1\1\2\7\0\1"),
        "rle4.bmp": bmp(4, 2, b"\4\x12\0\0\0\4\x12\x34\0\1"),
        "1.bmp": bmp(1, 0, bytes(16)), "16.bmp": bmp(16, 0, bytes(32)), "32.bmp": bmp(32, 0, bytes(64)),
        "flipped.bmp": bmp(24, 0, ones, height=-4),
        "raw.tiff": tiff("<", 1, 2, 3, ones), "big-endian.tiff": tiff(">", 1, 1, 1, ones[:16]),
        "packbits.tiff": tiff("<", 32773, 1, 1, b"\xf1\x07"), "white.tiff": tiff("<", 1, 0, 1, ones[:16]),
        "deflate-predicted.tiff": tiff("<", 8, 2, 3, zlib.compress(ones), (317, 3, 2), (274, 3, 6)),
        "cmyk.tiff": tiff("<", 1, 5, 4, bytes(64)),
        "planar.tiff": tiff(">", 1, 2, 3, ones, (284, 3, 2)),
    }
    return small


def form(parts):
    out = b""
    for name, file, content in parts:
        file = f'; filename="{file}"' if file else ""
        head = f'--b\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        out += head.encode() + content + b"\r\n"
    return out + b"--b--\r\n"


def requests(image):
    """Requests: name → bytes of method and target, headers, an empty line, the body."""
    text = base64.b64encode(image).decode()
    multipart = {"content-type": "multipart/form-data; boundary=b"}
    own, file = {"content-type": "application/json"}, ("image", "a.png", image)
    tensor = len(image).to_bytes(4, "little") + image
    binary = {"name": "image", "datatype": "BYTES", "shape": [1], "parameters": {"binary_data_size": len(tensor)}}
    tensor_request = json.dumps({"inputs": [binary], "parameters": {"binary_data_output": True}}).encode()
    gets = ("/ /docs /openapi.yaml /info /metrics /healthz /readyz /models /v1/models /v2 /v2/health/ready "
            f"/models/{MODEL} /models/{MODEL}/gradient?layer=conv2d_4 /models/other/gradient /v1/models/{MODEL} "
            f"/v2/models/{MODEL} /v2/models/{MODEL}/ready /no/such").split()
    asked = [("GET", target, {"accept-encoding": "gzip", "if-none-match": "*"}, b"") for target in gets]
    asked += [
        ("OPTIONS", "/predict", {"origin": "http://a", "access-control-request-method": "POST"}, b""),
        ("HEAD", "/", {"traceparent": f"00-{'4b' * 16}-{'a1' * 8}-01", "x-request-id": "a-1"}, b""),
        ("PUT", "/predict", {}, image),
        ("POST", "/predict?top=2", {"content-type": "image/png"}, image),
        ("POST", "/predict", {"content-type": "image/png", "content-encoding": "gzip"}, image),
        ("POST", "/gradcam?layer=conv2d_4&class=cat&view=mask", {"accept": "image/png"}, image),
        ("POST", "/gradcam?top=2&score=logit&sign=negative&alpha=0.5", {"accept": "application/json"}, image),
        ("POST", "/gradcam?class=0&class=1", {"accept": "application/x-npy;q=0.5, */*;q=0.1"}, image),
        ("POST", "/activations?layer=conv2d_4&channel=1,2&zoom=3&titles=true", {"accept": "image/png"}, image),
        ("POST", "/activations?layer=max_pooling2d_1&normalize=minmax&order=std&limit=5", {"accept": "application/json"}, image),
        ("POST", "/activations?columns=4&colormap=gray", {"accept": "application/zip"}, image),
        ("POST", "/activations?layer=dense_1", {"accept": "application/x-npz"}, image),
        ("POST", "/activations", multipart, form([file, ("columns", None, b"4"), ("layer", None, b"conv2d_4")])),
        ("POST", "/predict", own, json.dumps({"image": text, "top": 2}).encode()),
        ("POST", "/gradcam", own, json.dumps({"image": f"data:image/png;base64,{text}", "class": ["cat", 1]}).encode()),
        ("POST", f"/v1/models/{MODEL}:predict", own, json.dumps({"instances": [{"image": {"b64": text}, "top": 1}]}).encode()),
        ("POST", f"/v1/models/{MODEL}:explain", own, json.dumps({"instances": [{"image": text, "view": "mask"}]}).encode()),
        ("POST", f"/v2/models/{MODEL}/infer", own, json.dumps({"id": "1", "inputs": [
            {"name": "image", "datatype": "BYTES", "shape": [1], "data": [text]}], "outputs": [{"name": "probabilities"}]}).encode()),
        ("POST", f"/v2/models/{MODEL}/infer", {**own, "inference-header-content-length": "2"}, b"{}" + image),
        ("POST", f"/v2/models/{MODEL}/infer", {"inference-header-content-length": str(len(tensor_request))}, tensor_request + tensor),
        ("POST", f"/v1/models/{MODEL}:predict", own, json.dumps({"instances": [{"b64": text}]}).encode()),
    ]
    for number, (method, target, headers, body) in enumerate(asked):
        lines = [f"{method} {target}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
        yield f"{number:02}", "\n".join(lines).encode() + body


def main():
    for picture in (REFERENCE / "pictures/decode").iterdir():
        if not picture.name.endswith(".expected.png"):
            write("decode", picture.name, picture.read_bytes())
    small = pictures()
    for name, data in small.items():
        write("decode", name, data)

    for name, model in classifiers().items():
        write("load", name, model)
        write("derive", name, model)
    for cases in ("operator_cases.jsonl", "network_cases.jsonl"):
        for number, line in enumerate((REFERENCE / "gradient" / cases).read_text().splitlines()):
            case = json.loads(line)
            if "model" not in case:
                continue
            model = base64.b64decode(case["model"])
            name = f"{cases.split('_')[0]}-{number}"
            rank = len(next(iter(case["inputs"].values()))["shape"])
            if rank == 4:
                write("load", name, model)
            write("derive", name, model)

    image = small["tiny-8-2-0.png"]
    write("multipart", "picture", b"b\n" + form([("image", "a.png", image)]))
    write("multipart", "parameters", b"b\n" + form([("image", "a.png", image), ("top", None, b"2"), ("model", None, MODEL.encode())]))
    write("multipart", "quoted", b'"b"; charset=utf-8\npreamble\r\n' + form([("image", "a.png", image)]) + b"epilogue")
    write("multipart", "typed", b"b\n" + form([("image", "a.png", image)]).replace(b"\r\n\r\n", b"\r\nContent-Type: image/png\r\n\r\n", 1))
    write("multipart", "unended", b"b\n" + form([("image", "a.png", image)])[:-6])
    write("multipart", "twice", b"b\n" + form([("image", "a.png", image), ("image", "b.png", image)]))
    for name, data in requests(image):
        write("request", name, data)


main()
