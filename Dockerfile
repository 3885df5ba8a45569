# syntax=docker/dockerfile:1

FROM rust:1-slim-trixie AS build
WORKDIR /convscope
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/convscope/target \
    cargo build --release --locked && cp target/release/convscope /usr/local/bin/

FROM debian:trixie-slim
COPY --from=build /usr/local/bin/convscope /usr/local/bin/
COPY models /models
ENV CONVSCOPE_LISTEN=0.0.0.0:8080 CONVSCOPE_MODELS=/models
EXPOSE 8080
# A number, so that a cluster can see that it is not root.
USER 65532:65532
# No HEALTHCHECK: the orchestrator asks GET /healthz and GET /readyz.
ENTRYPOINT ["convscope"]
