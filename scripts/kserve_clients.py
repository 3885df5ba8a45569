#!/usr/bin/env python3
"""Starts a server and asks it with Triton's and KServe's clients. Exits with 1 if an answer is wrong.

The clients run with their defaults, and with JSON in place of binary tensors. Their answers are
compared with those of `/predict` and `/gradcam`.

    cargo build --release
    pip install -r scripts/requirements-kserve.txt
    pip install --no-deps kserve==0.21.0
    python scripts/kserve_clients.py target/release/convscope
"""

import asyncio
import base64
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tritonclient import http as triton
from tritonclient.utils import InferenceServerException

ROOT = pathlib.Path(__file__).resolve().parent.parent
# A folder without models, so that the server has the one that is compiled in.
NO_MODELS = tempfile.TemporaryDirectory()
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/convscope")
PICTURES = [(ROOT / name).read_bytes() for name in ("docs/photos/cat_and_dog.png", "web/samples/cat.jpg")]
TEXTS = [base64.b64encode(picture).decode() for picture in PICTURES]
MODEL = "cats_and_dogs_small_1"
# The name of an InferenceService, as KServe passes it.
SERVICE = "pets"


class Server:
    """A convscope server with the flags that KServe passes to an explainer."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"127.0.0.1:{port}"
        flags = ["--model_name", SERVICE, "--predictor_host", f"{SERVICE}-predictor.default", "--http_port", str(port)]
        flags += ["--workers", "0", "--models", NO_MODELS.name, "--listen", "127.0.0.1:1"]
        kept = {name: value for name, value in os.environ.items() if not name.startswith("CONVSCOPE_")}
        self.process = subprocess.Popen([BINARY, *flags], env={**kept, "CONVSCOPE_LOG": "off"})
        deadline = time.monotonic() + 60
        while not self.is_ready():
            assert self.process.poll() is None, "the server does not start"
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.05)

    def is_ready(self):
        try:
            return self.post("/readyz", None) is not None
        except OSError:
            return False

    def post(self, target, picture, accept="*/*"):
        request = urllib.request.Request(f"http://{self.address}{target}", picture, {"accept": accept})
        if picture is not None:
            request.add_header("content-type", "application/octet-stream")
        with urllib.request.urlopen(request) as answer:
            return answer.read()


failures = []


def check(holds, *what):
    print("ok  " if holds else "FAIL", *what)
    if not holds:
        failures.append(what)


def attempt(function, *arguments, **options):
    """The result of a call, or its exception."""
    try:
        return function(*arguments, **options)
    except Exception as error:
        return error


def equal(tensor, expected):
    """Whether a tensor has the expected float32 numbers. Binary tensors keep every bit, JSON has the shortest text."""
    return isinstance(tensor, np.ndarray) and tensor.dtype == np.float32 and np.allclose(tensor, expected, rtol=1e-6, atol=1e-7)


class Native:
    """The answers of convscope's own routes."""

    def __init__(self, server):
        self.predictions = [json.loads(server.post("/predict", picture))["predictions"] for picture in PICTURES]
        explanations = [server.post("/gradcam?class=cat", picture, "application/json") for picture in PICTURES]
        self.explanations = [json.loads(explanation) for explanation in explanations]
        by_class = [sorted(classes, key=lambda one: one["class"]) for classes in self.predictions]
        self.probabilities = np.array([[one["probability"] for one in classes] for classes in by_class], np.float32)
        self.logits = np.array([[one["logit"] for one in classes] for classes in by_class], np.float32)


def triton_input(pictures, binary):
    tensor = triton.InferInput("image", [len(pictures)], "BYTES")
    return [tensor.set_data_from_numpy(np.array(pictures, np.object_), binary_data=binary)]


def ask_triton(server, native):
    client = triton.InferenceServerClient(server.address)
    check(attempt(client.is_server_live) is True, "tritonclient: the server is live")
    check(attempt(client.is_server_ready) is True, "tritonclient: the server is ready")
    for name in (MODEL, SERVICE):
        check(attempt(client.is_model_ready, name) is True, "tritonclient: ready:", name)
        check(attempt(client.get_model_metadata, name)["name"] == name, "tritonclient: metadata of", name)
    check(attempt(client.is_model_ready, "vgg61") is False, "tritonclient: an unknown model is not ready")
    metadata = client.get_server_metadata()
    check(metadata["name"] == "convscope" and "binary_tensor_data" in metadata["extensions"], "tritonclient: server metadata:", metadata)
    tensors = client.get_model_metadata(SERVICE)
    check([(it["name"], it["datatype"], it["shape"]) for it in tensors["inputs"]] == [("image", "BYTES", [-1])], "tritonclient: inputs:", tensors["inputs"])
    outputs = {it["name"]: (it["datatype"], it["shape"]) for it in tensors["outputs"]}
    check(outputs == {"probabilities": ("FP32", [-1, 2]), "logits": ("FP32", [-1, 2])}, "tritonclient: outputs:", outputs)

    result = attempt(client.infer, SERVICE, triton_input(PICTURES, True), request_id="mine")
    check(isinstance(result, triton.InferResult), "tritonclient: infer with the defaults:", result)
    if isinstance(result, triton.InferResult):
        answer = result.get_response()
        check(all(it["parameters"] == {"binary_data_size": 16} and "data" not in it for it in answer["outputs"]), "tritonclient: the answer is binary:", answer)
        check(answer["id"] == "mine" and answer["model_name"] == SERVICE, "tritonclient: id and model name are returned")
        check(equal(result.as_numpy("probabilities"), native.probabilities), "tritonclient: probabilities of /predict")
        check(equal(result.as_numpy("logits"), native.logits), "tritonclient: logits of /predict")
    for sends_binary, data in ((True, PICTURES), (False, TEXTS)):
        for binary in (True, False):
            wanted = [triton.InferRequestedOutput("logits", binary_data=binary)]
            result = attempt(client.infer, MODEL, triton_input(data, sends_binary), outputs=wanted)
            case = f"tritonclient: input binary {sends_binary}, output binary {binary}"
            check(isinstance(result, triton.InferResult) and equal(result.as_numpy("logits"), native.logits), case)
            if isinstance(result, triton.InferResult):
                check(("data" in result.get_output("logits")) != binary, case, "is respected")
    mixed = [triton.InferRequestedOutput("logits", binary_data=False), triton.InferRequestedOutput("probabilities")]
    result = attempt(client.infer, MODEL, triton_input(PICTURES[:1], True), outputs=mixed)
    expected = {"logits": native.logits[:1], "probabilities": native.probabilities[:1]}
    right = isinstance(result, triton.InferResult) and all(equal(result.as_numpy(name), values) for name, values in expected.items())
    check(right, "tritonclient: one output as JSON, one binary")

    refused = [
        ("an unknown model", "404", "there is no model", ("vgg61", triton_input(PICTURES, True)), {}),
        ("no picture", "415", "instance 1: ", (MODEL, triton_input([PICTURES[0], b"hello"], True)), {}),
        ("an unknown output", "400", "no output", (MODEL, triton_input(PICTURES, True)), {"outputs": [triton.InferRequestedOutput("x")]}),
        ("classification", "400", "classification", (MODEL, triton_input(PICTURES, True)), {"outputs": [triton.InferRequestedOutput("logits", class_count=1)]}),
        ("a compressed body", "415", "content encoding", (MODEL, triton_input(PICTURES, True)), {"request_compression_algorithm": "gzip"}),
    ]
    for what, status, says, arguments, options in refused:
        error = attempt(client.infer, *arguments, **options)
        right = isinstance(error, InferenceServerException) and error.status() == status and says in error.message()
        check(right and "exception occurred in the client" not in error.message(), f"tritonclient: {what}:", error)
    client.close()


def kserve_input(pictures, binary):
    tensor = InferInput("image", [len(pictures)], "BYTES")
    tensor.set_data_from_numpy(np.array(pictures, np.object_), binary_data=binary)
    return tensor


async def result_of(awaitable):
    """The result of an awaitable, or its exception."""
    try:
        return await awaitable
    except Exception as error:
        return error


async def ask_kserve_v2(server, native):
    url = f"http://{server.address}"
    client = InferenceRESTClient(RESTConfig(protocol="v2"))
    check(await result_of(client.is_server_live(url)) is True, "kserve v2: the server is live")
    check(await result_of(client.is_server_ready(url)) is True, "kserve v2: the server is ready")
    check(await result_of(client.is_model_ready(url, SERVICE)) is True, "kserve v2: the model is ready")
    check(await result_of(client.is_model_ready(url, "vgg61")) is False, "kserve v2: an unknown model is not ready")
    binary = RequestedOutput("probabilities", {"binary_data": True})
    requests = {
        "the defaults": InferRequest(SERVICE, [kserve_input(PICTURES, True)]),
        "JSON": InferRequest(SERVICE, [kserve_input(TEXTS, False)]),
        "a list": InferRequest(SERVICE, [InferInput("image", [2], "BYTES", TEXTS)]),
        "binary outputs": InferRequest(SERVICE, [kserve_input(PICTURES, True)], parameters={"binary_data_output": True}),
        "one binary output": InferRequest(SERVICE, [kserve_input(PICTURES, True)], request_outputs=[binary]),
    }
    for what, request in requests.items():
        answer = await result_of(client.infer(url, request, model_name=SERVICE))
        output = None if isinstance(answer, Exception) else answer.get_output_by_name("probabilities")
        found = None if output is None else output.as_numpy()
        check(equal(found, native.probabilities), f"kserve v2: infer with {what}:", answer if found is None else "")
    error = await result_of(client.infer(url, requests["JSON"], model_name="vgg61"))
    check(isinstance(error, httpx.HTTPStatusError) and str(error).startswith("there is no model"), "kserve v2: an unknown model:", error)
    error = await result_of(client.infer(url, InferRequest(SERVICE, [kserve_input([b"hello"], True)]), model_name=SERVICE))
    check(isinstance(error, httpx.HTTPStatusError) and str(error).startswith("instance 0: "), "kserve v2: no picture:", error)
    await client.close()


async def ask_kserve_v1(server, native):
    url = f"http://{server.address}"
    client = InferenceRESTClient()
    check(await result_of(client.is_server_live(url)) is True, "kserve v1: the server is live")
    check(await result_of(client.is_model_ready(url, SERVICE)) is True, "kserve v1: the model is ready")
    forms = {
        "b64": [{"b64": text} for text in TEXTS],
        "image b64": [{"image": {"b64": text}} for text in TEXTS],
        "image": [{"image": text} for text in TEXTS],
    }
    for what, instances in forms.items():
        answer = await result_of(client.infer(url, {"instances": instances}, model_name=SERVICE))
        right = isinstance(answer, dict) and answer == {"predictions": native.predictions}
        check(right, f"kserve v1: infer with {what}:", "" if right else answer)
    instances = [{**instance, "class": "cat"} for instance in forms["image b64"]]
    answer = await result_of(client.explain(url, SERVICE, {"instances": instances}))
    right = isinstance(answer, dict) and answer == {"predictions": native.predictions, "explanations": native.explanations}
    check(right, "kserve v1: explain:", "" if right else str(answer)[:300])
    answer = await result_of(client.explain(url, MODEL, {"instances": forms["b64"]}))
    right = isinstance(answer, dict) and len(answer["explanations"]) == 2 and answer["predictions"] == native.predictions
    check(right, "kserve v1: explain with b64:", "" if right else str(answer)[:300])
    for what, name, data, says in (
        ("an unknown model", "vgg61", {"instances": forms["b64"]}, "there is no model"),
        ("no picture", SERVICE, {"instances": [{"b64": "aGVsbG8="}]}, "instance 0: "),
        ("no instances", SERVICE, {}, "the body has no list of instances"),
    ):
        for verb, answer in (("infer", client.infer(url, data, model_name=name)), ("explain", client.explain(url, name, data))):
            error = await result_of(answer)
            check(isinstance(error, httpx.HTTPStatusError) and str(error).startswith(says), f"kserve v1: {verb}, {what}:", error)
    await client.close()


def main():
    server = Server()
    try:
        native = Native(server)
        check(len({str(predictions) for predictions in native.predictions}) == 2, "the two pictures have different answers")
        ask_triton(server, native)
        asyncio.run(ask_kserve_v2(server, native))
        asyncio.run(ask_kserve_v1(server, native))
    finally:
        server.process.terminate()
        server.process.wait(60)
    check(server.process.returncode == 0, "the server exits with", server.process.returncode)
    print(f"{len(failures)} failures")
    sys.exit(len(failures) > 0)


main()
