# Builds the image of Roomcast: `docker build -t roomcast .`

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
RUN cargo build --release --locked --package roomcast --bin roomcast

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --create-home --home-dir /data roomcast
COPY --from=build /src/target/release/roomcast /usr/local/bin/roomcast
USER roomcast
WORKDIR /data
ENV NODE_ENV=production DATABASE_URL=sqlite:///data/roomcast.db
VOLUME /data
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s CMD ["roomcast", "doctor", "--quick"]
CMD ["roomcast"]
