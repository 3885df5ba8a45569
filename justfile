# The everyday commands. `just` without a command lists them.

_list:
    @just --list --unsorted

# Serve http://localhost:8080
serve *flags:
    cargo run --release -- {{flags}}

# Draw every layer of the bundled network for a picture
show picture output="grid.png":
    cargo run --release -- activations cats_and_dogs_small_1 {{picture}} -o {{output}}

# Run all tests, or the tests whose path contains a word: just test http
test *filter:
    cargo test --release -- {{filter}}

# Test the page in Chromium, with the binary in target/release
test-page:
    npm ci --prefix examples/frontend && npm ci --prefix tests/web && npm test --prefix tests/web

# Format the Rust code
format:
    cargo fmt

# Check formatting and lints, before a commit
lint:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings

# Open the documentation of the code
doc:
    cargo doc --release --no-deps --open

# Run all benchmarks, or those whose name contains a word: just bench decode
bench *filter:
    cargo bench -- {{filter}}

# Test the exporters against Keras and PyTorch; takes 7 GB of packages under target/ and four minutes
export-test:
    for framework in keras torch; do \
        venv=target/export-$framework; \
        { [ -d $venv ] || python3 -m venv $venv; } && \
        $venv/bin/pip install --quiet -r models/export/requirements-$framework.txt && \
        $venv/bin/python -m pytest --quiet models/export/test_export.py || exit 1; \
    done

# Start a server, load it for some minutes and print the measurements: just soak 20
soak minutes="2":
    cargo build --release
    python3 scripts/soak --minutes {{minutes}}

# Fuzz one target for some seconds: decode, load, derive, multipart or request
fuzz target seconds="60":
    fuzz/run.sh {{target}} {{seconds}}

# Run the tests of the unsafe code under a sanitizer: just sanitize address, just sanitize thread
sanitize which="thread":
    scripts/sanitize.sh {{which}}

# Check the traces that a collector receives
otlp:
    cargo build --release --features otlp
    [ -d target/ci-otlp ] || python3 -m venv target/ci-otlp
    target/ci-otlp/bin/pip install --quiet opentelemetry-proto==1.45.2
    target/ci-otlp/bin/python scripts/otlp.py target/release/convscope

# Run every check of the CI
ci:
    .ci/run
