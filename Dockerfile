# syntax=docker/dockerfile:1
# Builds the image of the pipeline, and that of its Beam workers, from requirements.lock:
#
#   docker build -t skewless .                           && docker run --rm -it -v "$PWD/runs:/app/runs" skewless
#   docker build -t skewless-worker --target worker .    for Beam's --sdk_container_image or --environment_config
#
# The base is named by its tag, so that a rebuild includes Debian's security fixes. Debian 13 has glibc 2.41, so no native
# module has to be replaced. TFX has packages for x86-64 only; on other processors Docker emulates it.
ARG BASE=python:3.11-slim-trixie

FROM --platform=linux/amd64 ${BASE} AS build
WORKDIR /app
# The environment depends on these files alone, so its layer is reused when the project's code changes.
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
USER 1000
# No ENTRYPOINT: Kubeflow and TFX start `python -m tfx.orchestration...`, users `make` or a shell.
CMD ["make", "run"]

# A Beam worker is started by Beam's launcher, in the version of requirements.lock. The variable keeps it from making
# another environment.
FROM --platform=linux/amd64 apache/beam_python3.11_sdk:2.77.0 AS beam

FROM pipeline AS worker
COPY --from=beam /opt/apache/beam /opt/apache/beam
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
ENTRYPOINT ["/opt/apache/beam/boot"]

# The default target of `docker build`.
FROM pipeline
