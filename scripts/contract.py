#!/usr/bin/env python3
"""Starts a server and checks it against openapi.yaml with schemathesis.

Every operation gets the examples, the boundary values of each schema, and values that are invalid
by the schema. openapi.yaml must describe every answer, and no answer may be a server error. The
script does not check that valid requests are accepted: random bytes are a valid request by the
schema, but no picture.

    pip install schemathesis==4.32.5
    cargo build --release && python3 scripts/contract.py
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def address(log):
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        lines = [json.loads(line) for line in pathlib.Path(log).read_text().splitlines() if line.endswith("}")]
        messages = {line.get("message"): line for line in lines}
        if "ready" in messages:
            return messages["listening"]["address"]
        time.sleep(0.05)
    sys.exit("the server is not ready")


def main():
    binary = ROOT / "target/release/convscope"
    with tempfile.NamedTemporaryFile(suffix=".log") as log, tempfile.TemporaryDirectory() as reports:
        no_models = pathlib.Path(reports, "models")
        no_models.mkdir()
        # Large answers only cost time here. A queue of 16 is enough for two clients.
        flags = ["--max-output-pixels", "4000000", "--queue", "16", "--models", no_models, "--log-json"]
        server = subprocess.Popen([binary, "serve", "--listen", "127.0.0.1:0", *flags], stderr=log)
        try:
            schemathesis = pathlib.Path(sys.executable).with_name("schemathesis")
            command = [schemathesis, "run", ROOT / "openapi.yaml", "--url", f"http://{address(log.name)}"]
            command += ["--phases", "examples,coverage,fuzzing", "--max-examples", "60", "--seed", "1"]
            command += ["--exclude-checks", "positive_data_acceptance,missing_required_header,ignored_auth"]
            command += ["--request-timeout", "70", "--continue-on-failure", *sys.argv[1:]]
            result = subprocess.run(command, cwd=reports).returncode
            alive = server.poll() is None
        finally:
            server.terminate()
            server.wait(60)
    if not alive:
        print("the server exited")
    sys.exit(result or not alive)


main()
