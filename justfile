# The everyday commands. `just` alone lists them.

_list:
    @just --list --unsorted

# Serve http://localhost:8080
serve *flags:
    cargo run --release -- {{flags}}

# Draw every layer of the bundled network for a picture
show picture output="grid.png":
    cargo run --release -- activations cats_and_dogs_small_1 {{picture}} -o {{output}}

# Run all tests, or those whose path contains a word: just test http
test *filter:
    cargo test --release -- {{filter}}

# Test the page in Chromium, by the binary that there is
test-page:
    npm ci --prefix examples/frontend && npm ci --prefix tests/web && npm test --prefix tests/web

# Format
format:
    cargo fmt

# What must be clean before a commit
lint:
    cargo fmt --check
    cargo clippy --release --all-targets -- -D warnings

# Open the documentation of the code
doc:
    cargo doc --release --no-deps --open

# Measure; a word chooses: just bench decode
bench *filter:
    cargo bench -- {{filter}}

# Test the exporters against Keras and PyTorch: 7 GB of packages under target/, four minutes
export-test:
    for framework in keras torch; do \
        venv=target/export-$framework; \
        { [ -d $venv ] || python3 -m venv $venv; } && \
        $venv/bin/pip install --quiet -r models/export/requirements-$framework.txt && \
        $venv/bin/python -m pytest --quiet models/export/test_export.py || exit 1; \
    done

# Load a server of its own and print what it did: just soak 20
soak minutes="2":
    cargo build --release
    python3 scripts/soak.py --minutes {{minutes}}

# Fuzz decode, load, derive, multipart or request for some seconds
fuzz target seconds="60":
    fuzz/run.sh {{target}} {{seconds}}

# The tests of the unsafe code under a sanitizer: just sanitize address, just sanitize thread
sanitize which="thread":
    scripts/sanitize.sh {{which}}

# What traces a collector gets
otlp:
    cargo build --release --features otlp
    [ -d target/ci-otlp ] || python3 -m venv target/ci-otlp
    target/ci-otlp/bin/pip install --quiet opentelemetry-proto==1.45.2
    target/ci-otlp/bin/python scripts/otlp.py target/release/convscope

# All that the CI runs
ci:
    .ci/run
