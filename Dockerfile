# syntax=docker/dockerfile:1

# ---- build: everything that needs a compiler stays here -------------------------------------
FROM rust:1.95-bookworm AS build
WORKDIR /src

# Shown by `animica-p2p version --json`.
ARG COMMIT=""
ENV ANIMICA_P2P_COMMIT=${COMMIT}

COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin animica-p2p \
    && install -D target/release/animica-p2p /out/animica-p2p \
    && mkdir /out/data

# ---- run: the binary, libc and nothing to log in to -----------------------------------------
FROM gcr.io/distroless/cc-debian12:nonroot

ARG COMMIT=""
ARG VERSION="0.1.0"
LABEL org.opencontainers.image.title="animica-p2p" \
      org.opencontainers.image.description="A post-quantum peer-to-peer node: hybrid handshake, headers-first sync" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${COMMIT}" \
      org.opencontainers.image.base.name="gcr.io/distroless/cc-debian12:nonroot"

COPY --from=build /out/animica-p2p /usr/local/bin/animica-p2p
# The volume belongs to the user the node runs as (65532, "nonroot").
COPY --from=build --chown=65532:65532 --chmod=0700 /out/data /data

USER 65532:65532
VOLUME ["/data"]

# Every key of the configuration has such a variable. Metrics listen on every interface here, so
# that a scraper in another container reaches them; publish the port only where that is meant.
ENV ANIMICA_P2P_DATA_DIR=/data \
    ANIMICA_P2P_METRICS=0.0.0.0:9464

EXPOSE 41000/tcp 9464/tcp

# The node says goodbye to its peers and ends within five seconds.
STOPSIGNAL SIGTERM

HEALTHCHECK --interval=15s --timeout=6s --start-period=10s --retries=3 \
    CMD ["/usr/local/bin/animica-p2p", "health"]

ENTRYPOINT ["/usr/local/bin/animica-p2p"]
CMD ["listen"]
