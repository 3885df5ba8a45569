# syntax=docker/dockerfile:1

FROM rust:1-slim-trixie AS build
ARG TARGETARCH
WORKDIR /convscope
COPY . .
# A static binary needs no other files in the image. It is built for the machine's own architecture. With
# a named target, the flag does not apply to build scripts and macros.
ENV RUSTFLAGS="-C target-feature=+crt-static"
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/convscope/target,id=target-$TARGETARCH \
    target="$(rustc -vV | sed -n 's/^host: //p')" \
    && cargo build --release --locked --target "$target" \
    && strip --strip-debug -o /usr/local/bin/convscope "target/$target/release/convscope"

FROM scratch
COPY --from=build /usr/local/bin/convscope /convscope
COPY models /models
ENV CONVSCOPE_LISTEN=0.0.0.0:8080 CONVSCOPE_MODELS=/models
EXPOSE 8080
# A number lets Kubernetes verify that the user is not root. convscope writes no files, so the root file
# system may be read-only.
USER 65532:65532
HEALTHCHECK --interval=10s --timeout=5s --start-period=120s CMD ["/convscope", "healthcheck"]
ENTRYPOINT ["/convscope"]
