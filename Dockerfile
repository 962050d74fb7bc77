# syntax=docker/dockerfile:1
# The image of a pipeline, and of its Beam workers, from the same lock as everywhere:
#
#   docker build -t skewless .                           && docker run --rm -it -v "$PWD/runs:/app/runs" skewless
#   docker build -t skewless-worker --target worker .    for Beam's --sdk_container_image or --environment_config
#
# The base is named by its tag, so that a rebuild takes in Debian's security fixes; Debian 13's glibc is 2.41, which fits
# the locked packages as they are. TFX has packages for x86-64 only: elsewhere Docker emulates it.
ARG BASE=python:3.11-slim-trixie

FROM --platform=linux/amd64 ${BASE} AS build
WORKDIR /app
# The environment depends on these alone: a change of the project's code leaves its layer as it is.
COPY requirements.lock ./
COPY environment environment
RUN --mount=type=cache,target=/root/.cache python -m environment.bootstrap

FROM --platform=linux/amd64 ${BASE} AS pipeline
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 1000 skewless \
 && install --directory --owner=skewless --group=skewless /app /app/runs
WORKDIR /app
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TF_USE_LEGACY_KERAS=0
COPY --from=build /app/.venv .venv
COPY --chown=skewless:skewless . .
USER skewless
# No ENTRYPOINT: Kubeflow and TFX start `python -m tfx.orchestration...` in it, a person `make` or a shell.
CMD ["make", "run"]

# A Beam worker starts with Beam's own launcher, of the version that requirements.lock names. It must run in the
# environment that is here, not in a new one.
FROM --platform=linux/amd64 apache/beam_python3.11_sdk:2.77.0 AS beam

FROM pipeline AS worker
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

# What a plain `docker build` gives.
FROM pipeline
