# syntax=docker/dockerfile:1
# docker build -t sip-analyzer .
# docker run --rm --user "$(id -u)" -v "$PWD:/captures" sip-analyzer calls trace.pcapng

# The release of Rust that rust-toolchain.toml names; the same Debian below, so that the wheel finds its glibc.
FROM rust:1.95.0-slim-trixie AS wheel
# Debian keeps one version, that with the latest fixes: none to pin.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends python3-venv \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY .ci/constraints.txt .ci/
RUN python3 -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --constraint .ci/constraints.txt maturin
COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY analyzer analyzer
RUN /venv/bin/maturin build --release --locked --interpreter /venv/bin/python --out /wheels

FROM python:3.13-slim-trixie
RUN useradd --create-home --uid 1000 analyst
RUN --mount=type=bind,from=wheel,source=/wheels,target=/wheels \
    --mount=type=bind,source=.ci/constraints.txt,target=/constraints.txt \
    pip install --no-cache-dir --constraint /constraints.txt /wheels/*.whl
USER 1000
WORKDIR /captures
ENTRYPOINT ["sip-analyzer"]
CMD ["--help"]
