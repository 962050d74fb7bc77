# syntax=docker/dockerfile:1
# Builds the images from the locks, which have the hash of every package:
#
#   docker build -t skewless .                           && docker run --rm -it -v "$PWD/runs:/app/runs" skewless
#   docker build -t skewless-gpu --build-arg VARIANT=cuda .    with the CUDA libraries of TensorFlow
#   docker build -t skewless-worker --target worker .    for Beam's --sdk_container_image or --environment_config
#   docker build -t skewless-serve --target serve .      batch prediction with TensorFlow, without TFX and Beam
#
# The steps of Kubeflow Pipelines and Vertex AI run in the first one. All run as a user without rights, as any other user
# id with group 0 too, and with a read-only root file system: /tmp alone is written to, and /app/runs where a volume is.
#
# The base is named by its tag, so that a rebuild includes Debian's security fixes. Debian 13 has glibc 2.41, so no native
# module has to be replaced. TFX has packages for x86-64 only; on other processors Docker emulates it.
ARG BASE=python:3.11-slim-trixie

FROM --platform=linux/amd64 ${BASE} AS base
WORKDIR /app
# HOME is a folder that every user may write to, and the names are for libraries that ask for those of the user.
ENV HOME=/tmp \
    LOGNAME=skewless \
    USER=skewless \
    PATH=/app/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    TF_USE_LEGACY_KERAS=0
ARG VERSION=development
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Skewless" \
      org.opencontainers.image.description="An ML pipeline for tabular data: TFX, Beam, Keras and DuckDB" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"

FROM --platform=linux/amd64 ${BASE} AS build
WORKDIR /app
# The environment depends on these files alone, so its layer is reused when the project's code changes.
COPY requirements.lock ./
COPY environment environment
RUN --mount=type=cache,target=/root/.cache python -m environment.bootstrap
ARG VARIANT=cpu
RUN --mount=type=cache,target=/root/.cache if [ "$VARIANT" = cuda ]; then \
      .venv/bin/uv pip install --require-hashes -r environment/locks/cuda.txt; fi

FROM --platform=linux/amd64 ${BASE} AS build-serve
WORKDIR /app
COPY environment/locks/serve.txt ./
RUN --mount=type=cache,target=/root/.cache python -m venv .venv \
 && .venv/bin/pip install --no-deps --require-hashes -r serve.txt \
 && .venv/bin/pip uninstall --yes pip

FROM base AS serve
COPY --from=build-serve /app/.venv .venv
COPY core core
COPY ingest ingest
COPY models models
COPY pipeline pipeline
RUN python -m compileall -q core ingest models pipeline
USER 1000:0
HEALTHCHECK --interval=5m --timeout=30s CMD ["python", "pipeline/predict.py", "--help"]
ENTRYPOINT ["python", "pipeline/predict.py"]

# A Beam worker is started by Beam's launcher, in the version of requirements.lock.
FROM --platform=linux/amd64 apache/beam_python3.11_sdk:2.77.0 AS beam

FROM base AS pipeline
RUN apt-get update \
 && apt-get install --yes --no-install-recommends make \
 && rm -rf /var/lib/apt/lists/* \
 && install --directory --owner=1000 --group=0 --mode=775 runs
COPY --from=build /app/.venv .venv
COPY --from=beam /opt/apache/beam /opt/apache/beam
COPY . .
RUN python -m compileall -q components core environment ingest models pipeline
# It keeps Beam's launcher from making another environment.
ENV RUN_PYTHON_SDK_IN_DEFAULT_ENVIRONMENT=1
USER 1000:0
HEALTHCHECK --interval=5m --timeout=30s CMD ["python", "-S", "-m", "environment.doctor"]
# No ENTRYPOINT: Kubeflow and TFX start `python -m tfx.orchestration...`, users `make` or a shell.
CMD ["make", "run"]

FROM pipeline AS worker
HEALTHCHECK NONE
ENTRYPOINT ["/opt/apache/beam/boot"]

# The default target of `docker build`.
FROM pipeline
