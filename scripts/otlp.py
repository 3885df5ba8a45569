#!/usr/bin/env python3
"""Starts a server and a trace collector, and checks the traces. Exits with 1 if they are wrong.

The collector speaks OTLP/HTTP and decodes with OpenTelemetry's own messages. Two more cases must
not disturb the server: no collector, and a collector that accepts connections but never answers.

    cargo build --release --features otlp
    pip install opentelemetry-proto && python3 scripts/otlp.py target/release/convscope
"""

import concurrent.futures
import http.server
import json
import os
import pathlib
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURE = (ROOT / "docs/photos/cat_and_dog.png").read_bytes()
# A folder without models, so that the server has the one that is compiled in.
NO_MODELS = tempfile.TemporaryDirectory()
BINARY = sys.argv[1] if len(sys.argv) > 1 else str(ROOT / "target/release/convscope")


class Collector(http.server.ThreadingHTTPServer):
    """Stores the spans that it receives, each with the attributes of its resource."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans, self.odd = [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def named(self, name):
        return [span for span, _ in self.spans if span.name == name]

    def children(self, parent):
        spans = [span for span, _ in self.spans if span.parent_span_id == parent.span_id]
        return sorted(spans, key=lambda span: span.start_time_unix_nano)


class Receiver(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        if self.path != "/v1/traces" or self.headers["content-type"] != "application/x-protobuf":
            self.server.odd.append((self.path, dict(self.headers)))
        for group in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource = attributes(group.resource)
            self.server.spans += [(span, resource) for scope in group.scope_spans for span in scope.spans]
        answer = ExportTraceServiceResponse().SerializeToString()
        self.send_response(200)
        self.send_header("content-type", "application/x-protobuf")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


def attributes(message):
    return {it.key: getattr(it.value, it.value.WhichOneof("value")) for it in message.attributes}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A convscope server. Its log is off by default: traces must not depend on the log."""

    def __init__(self, *flags, log="off", **variables):
        self.address = f"127.0.0.1:{free_port()}"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "CONVSCOPE_"))}
        environment = {**kept, "CONVSCOPE_LOG": log, **variables}
        command = [BINARY, "serve", "--listen", self.address, "--models", NO_MODELS.name, "--cache-bytes", "0", *flags]
        self.process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        deadline = time.monotonic() + 60
        while self.ask("/readyz")[0] != 200:
            assert time.monotonic() < deadline, "the server is not ready"
            time.sleep(0.05)

    def ask(self, target, body=None, headers=()):
        """Sends a request; returns status and seconds."""
        request = urllib.request.Request(f"http://{self.address}{target}", body, dict(headers))
        if body is not None:
            request.add_header("content-type", "application/octet-stream")
        began = time.monotonic()
        try:
            with urllib.request.urlopen(request) as answer:
                answer.read()
                return answer.status, time.monotonic() - began
        except urllib.error.HTTPError as error:
            return error.code, time.monotonic() - began
        except OSError:
            return 0, time.monotonic() - began

    def end(self):
        """Sends SIGTERM; returns exit code, seconds and log."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        log = self.process.communicate(timeout=60)[1]
        return self.process.returncode, time.monotonic() - began, log


failures = []


def check(holds, *what):
    print("ok  " if holds else "FAIL", *what)
    if not holds:
        failures.append(what)


def traceparent(trace, flags="01"):
    return {"traceparent": f"00-{trace}-{PARENT}-{flags}"}


PARENT = "00f067aa0ba902b7"
GOOD, BAD, UNSAMPLED, OVERLOAD = ("4bf92f3577b34da6a3ce929d0e0e473" + digit for digit in "6789")


def contents():
    """Checks the spans, and that the server sends all of them before it exits."""
    collector = Collector()
    endpoint = f"http://127.0.0.1:{collector.server_port}"
    server = Server("--workers", "1", "--queue", "1", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    check(server.ask("/gradcam", PICTURE, traceparent(GOOD))[0] == 200, "a good request")
    check(server.ask("/predict", b"no picture", traceparent(BAD))[0] == 415, "a bad request")
    check(server.ask("/predict", PICTURE, traceparent(UNSAMPLED, "00"))[0] == 200, "a request whose client does not sample")
    server.ask("/no/such")
    server.ask("/metrics")
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        overload = pool.map(lambda _: server.ask("/activations", PICTURE, traceparent(OVERLOAD))[0], range(24))
        overload = list(overload)
    check(503 in overload and 200 in overload, "many requests at once:", {status: overload.count(status) for status in set(overload)})
    code, seconds, _ = server.end()
    check(code == 0 and seconds < 4, f"it exits with {code} after {seconds:.2f} s")
    check(not collector.odd, "posted to /v1/traces as protobuf", *collector.odd)

    resources = {json.dumps(resource) for _, resource in collector.spans}
    check(len(resources) == 1, "one resource:", *resources)
    check(json.loads(min(resources)).get("service.name") == "convscope", "its service.name is convscope")
    good = collector.named("POST /gradcam")
    check(len(good) == 1, "one span per request, named by method and route")
    good, told = good[0], attributes(good[0])
    check(good.trace_id.hex() == GOOD and good.parent_span_id.hex() == PARENT, "a child of the client's span")
    check(good.kind == Span.SPAN_KIND_SERVER, "its kind is server")
    expected = {"http.request.method": "POST", "http.route": "/gradcam", "url.path": "/gradcam",
                "http.response.status_code": 200, "convscope.model": "cats_and_dogs_small_1"}
    check(expected.items() <= told.items(), "attributes:", told)
    check(good.status.code == Status.STATUS_CODE_UNSET, "it is not marked as an error")
    stages = collector.children(good)
    names = [stage.name for stage in stages]
    check({"read", "queue", "decode", "forward", "backward", "render", "encode"} <= set(names), "stages:", *names)
    check(all(stage.trace_id == good.trace_id for stage in stages), "all in the same trace")
    ends = [stage.end_time_unix_nano for stage in stages]
    begins = [stage.start_time_unix_nano for stage in stages]
    check(all(end <= begin for end, begin in zip(ends, begins[1:])), "each starts after the previous one")
    slack = 2_000_000
    check(good.start_time_unix_nano <= begins[0] + slack and ends[-1] <= good.end_time_unix_nano + slack, "all within the request")

    bad = [span for span in collector.named("POST /predict") if span.trace_id.hex() == BAD]
    check(len(bad) == 1 and bad[0].status.code == Status.STATUS_CODE_UNSET, "4xx is not marked as an error")
    check(bool(attributes(bad[0]).get("convscope.code")), "it has the problem code:", attributes(bad[0]).get("convscope.code"))
    check(UNSAMPLED not in {span.trace_id.hex() for span, _ in collector.spans}, "a trace that the client does not sample is not sent")
    check(len(collector.named("GET")) == 1, "a request without a route is named by its method")
    names = {span.name for span, _ in collector.spans}
    check(not any("readyz" in name or "metrics" in name for name in names), "probes and scrapes are not sent")
    sent = [span for span in collector.named("POST /activations") if span.trace_id.hex() == OVERLOAD]
    refused = [span for span in sent if attributes(span)["http.response.status_code"] == 503]
    check(len(sent) == len(overload) and len(refused) == overload.count(503), "every one of the many requests is sent")
    check(all(span.status.code == Status.STATUS_CODE_ERROR and attributes(span)["error.type"] for span in refused), "503 is marked as an error")


def naming():
    collector = Collector()
    endpoint = f"http://127.0.0.1:{collector.server_port}/v1/traces"
    server = Server(OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=endpoint, OTEL_SERVICE_NAME="eyes")
    server.ask("/models")
    server.end()
    names = [resource["service.name"] for _, resource in collector.spans]
    check(names == ["eyes"], "OTEL_SERVICE_NAME and OTEL_EXPORTER_OTLP_TRACES_ENDPOINT are used:", names)


def median(server, count=300):
    answers = [server.ask("/models") for _ in range(count)]
    check({status for status, _ in answers} == {200}, f"{count} answers")
    return 1000 * statistics.median(seconds for _, seconds in answers)


def without_collector():
    """Compares a server without traces with one whose collector is missing or never answers."""
    quiet = Server()
    usual = median(quiet)
    quiet.end()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:
        cases = {"no collector": free_port(), "a silent collector": silent.getsockname()[1]}
        for name, port in cases.items():
            server = Server(log="warn", OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}", OTEL_BSP_SCHEDULE_DELAY="200")
            took = median(server)
            check(took < 2 * usual + 2, f"{name}: {took:.2f} ms per request, {usual:.2f} ms without traces")
            check(server.ask("/gradcam", PICTURE)[0] == 200, "Grad-CAM works")
            code, seconds, log = server.end()
            check(code == 0 and seconds < 7, f"it exits with {code} after {seconds:.2f} s")
            check("xport" in log or "trace" in log, "the log reports it:", (log.splitlines() or [""])[0][:160])


contents()
naming()
without_collector()
sys.exit(f"{len(failures)} failed" if failures else 0)
