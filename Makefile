# `make help` lists the targets. They make .venv from requirements.lock first, or bring it up to date.

.DEFAULT_GOAL := help
.PHONY: help run compare tensorboard test test-fast test-extras check docs format browser prism flink flink-up flink-down spark spark-up spark-down bench bench-data bench-engines bench-column bench-quality bench-monitor bench-load bench-latency bench-spans bench-training bench-search doctor venv extras lock clean
export TF_USE_LEGACY_KERAS := 0

ARGS ?=
RUN ?= runs/taxi
SUDO ?= $(if $(filter-out 0,$(shell id -u)),sudo)
BIN := .venv/bin
# The first Python 3.11 that is found; .venv's own comes first because it starts fastest. PYTHON=... names another one.
IS_3_11 := import sys; raise SystemExit(sys.version_info[:2] != (3, 11))
PYTHON ?= $(or $(shell for python in $(BIN)/python python3.11 python3 python; do \
	"$$python" -ISc '$(IS_3_11)' 2>/dev/null && echo "$$python" && break; done),python3)

help: ## lists the targets
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 /p' Makefile | while read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

run: venv ## trains, evaluates and pushes a model of Chicago taxi trips; ARGS="--data FILES --label COLUMN" for your table
	$(BIN)/python pipeline/run_local.py $(ARGS)

compare: venv ## compares runs; ARGS="runs/one runs/other", or one run with what was served before it
	$(BIN)/python pipeline/compare.py $(ARGS)

tensorboard: venv ## opens TensorBoard on all models of a run, on this machine alone; RUN=runs/NAME
	$(BIN)/tensorboard --host 127.0.0.1 --logdir $(RUN)/tensorboard $(ARGS)

test: venv ## runs all tests; ARGS="-k word" selects some
	$(BIN)/python -m pytest $(ARGS)

test-fast: venv ## runs the fast tests in up to four processes, in about two minutes
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

check: venv ## ruff, mypy, the direction of imports, and whether the generated documentation is up to date
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m docs.generate --check

docs: venv ## the generated files of the documentation
	$(BIN)/python -m docs.generate

format: venv ## formats the code and applies the fixes of ruff
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

# Go compiles the sources of the release that requirements.lock names, and keeps what it made for the next time.
BEAM = $(shell sed -n 's/^apache-beam.*==\([0-9.]*\).*/\1/p' requirements.lock)
PRISM := .prism_cache
prism: ## builds Beam's engine Prism with Go, for the tests of the data stages outside of this process
	@command -v go > /dev/null || { echo "error: Go is missing, and Prism is built with it. Install it (Debian: golang)." >&2; exit 1; }
	GOBIN="$(CURDIR)/$(PRISM)" go install github.com/apache/beam/sdks/v2/go/cmd/prism@v$(BEAM)

# What a cluster consists of is made once, and again when the file that names its versions has changed.
CLUSTER := .beam
.PRECIOUS: $(CLUSTER)/%/jars/job-server.jar $(CLUSTER)/%/dist
$(CLUSTER)/%/jars/job-server.jar: environment/%/pom.xml environment/job_server/pom.xml
	@for tool in java mvn; do command -v $$tool > /dev/null || { echo "error: $$tool is missing, and the cluster needs it. \
	Install Java 11 or 17 and Maven (Debian: openjdk-17-jdk-headless maven)." >&2; exit 1; }; done
	mvn --quiet --batch-mode --file $< package
	@touch $@

$(CLUSTER)/%/dist: environment/%/cluster.txt
	@rm -rf $@ && mkdir -p $@
	$(BIN)/python -m pip download --quiet --no-deps --require-hashes --dest $@ --requirement $<
	tar --extract --gzip --file $@/*.tar.gz --directory $@ --strip-components 2 --wildcards '*/deps/lib/*'
	@rm $@/*.tar.gz && touch $@

flink: venv $(CLUSTER)/flink/jars/job-server.jar $(CLUSTER)/flink/dist

flink-up: flink ## starts a cluster of Flink on this machine alone, and says how to use it
	@$(BIN)/python -m environment.clusters flink up

flink-down: venv ## ends it
	@$(BIN)/python -m environment.clusters flink down

spark: venv $(CLUSTER)/spark/jars/job-server.jar

spark-up: spark ## starts a cluster of Spark on this machine alone, and says how to use it
	@$(BIN)/python -m environment.clusters spark up

spark-down: venv ## ends it
	@$(BIN)/python -m environment.clusters spark down

bench: venv ## compares the default run with TFX's template, and its model with scikit-learn's
	$(BIN)/python benchmarks/taxi.py $(ARGS)

bench-data: venv ## compares the data stages with TFX's own, on 327,346 flights
	$(BIN)/python benchmarks/data_path.py $(ARGS)

bench-engines: venv ## measures the data stages on Beam's engines, and what they would cost for more rows
	$(BIN)/python benchmarks/beam_engines.py $(ARGS)

bench-column: venv ## counts the bytes that move for one column of a 1 GB Parquet file in an object store
	$(BIN)/python benchmarks/column_read.py $(ARGS)

bench-quality: venv ## compares the models of runs with other libraries at their defaults, on 18 real tables
	$(BIN)/python benchmarks/quality.py $(ARGS)

bench-monitor: venv ## checks false alarms, drift, estimated quality and costs of monitor.py, on 327,346 flights
	$(BIN)/python benchmarks/monitoring.py $(ARGS)

bench-load: venv ## puts the model of RUN under load, with a push and a rollback in the middle
	$(BIN)/python benchmarks/load/load.py $(RUN)/serving $(ARGS)

bench-latency: venv ## compares a request to predict with the bare model, and with TFX's template
	$(BIN)/python benchmarks/latency.py $(ARGS)

bench-spans: venv ## trains again month by month on flights, and shows what was pushed and why
	$(BIN)/python benchmarks/spans.py $(ARGS)

bench-training: venv ## measures the training of networks: throughput, memory, and the Tuner's own time
	$(BIN)/python benchmarks/training/networks.py $(ARGS)

bench-search: venv ## counts the trials of screen_bayesian until it is as good as the best of 60 random ones
	$(BIN)/python benchmarks/training/search.py $(ARGS)

browser: ## installs Chromium for the tests of the report, on Debian and Ubuntu, where there is none
	@command -v chromium chromium-browser google-chrome >/dev/null || { $(SUDO) apt-get update --quiet && \
		$(SUDO) apt-get install --yes --quiet --no-install-recommends chromium; }

doctor: ## reports what is installed, what was replaced and why, and a remedy for each problem
	@$(PYTHON) -S -m environment.doctor

venv: ## makes .venv, or brings it up to date
	@$(PYTHON) -S -m environment.bootstrap

# The platform is the one of the two packages with native code; see environment/bootstrap.py. The locks of the images have
# the versions of requirements.lock.
LOCK_FLAGS := --quiet --python-version 3.11 --python-platform x86_64-manylinux_2_39 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock"
lock: venv ## writes the locks from pyproject.toml; ARGS="--upgrade" for new versions
	$(BIN)/uv pip compile pyproject.toml --group dev $(LOCK_FLAGS) --constraint environment/locks/lock.in --output-file requirements.lock $(ARGS)
	$(BIN)/uv pip compile environment/locks/cuda.in --constraint requirements.lock $(LOCK_FLAGS) --output-file environment/locks/cuda.txt
	$(BIN)/uv pip compile environment/locks/serve.in --constraint requirements.lock $(LOCK_FLAGS) \
		--no-emit-package tensorflow --no-emit-package libclang --output-file environment/locks/serve.txt
	before=requirements.lock; for name in $(EXTRAS); do $(BIN)/python -c '$(EXTRA)' $$name | $(BIN)/uv pip compile - \
		$(LOCK_FLAGS) $(GPU_ONLY) --constraint $$before --output-file environment/locks/$$name.txt || exit; \
		before="$$before --constraint environment/locks/$$name.txt"; done

# The packages of the extras lie in an environment of their own, which has those of .venv too.
EXTRAS := challengers mlflow openlineage
EXTRA := import sys, tomllib; project = tomllib.load(open("pyproject.toml", "rb"))["project"]; \
	print(*project["optional-dependencies"][sys.argv[1]], sep="\n")
# PyTorch and XGBoost load these two only where there are GPUs.
GPU_ONLY := --no-emit-package nvidia-nccl-cu12 --no-emit-package triton
extras: venv ## makes .venv-extras: .venv with the libraries of challengers, MLflow and OpenLineage (5 GB); EXTRAS=mlflow for one
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-extras
	$(BIN)/uv pip sync --quiet --python .venv-extras --python-platform x86_64-manylinux_2_39 --require-hashes \
		$(EXTRAS:%=environment/locks/%.txt)
	@echo 'import site; site.addsitedir("$(CURDIR)/.venv/lib/python3.11/site-packages")' \
		> .venv-extras/lib/python3.11/site-packages/skewless.pth

test-extras: extras ## runs the tests that need the libraries of the extras
	.venv-extras/bin/python -m pytest -m extras $(ARGS)

clean: ## removes caches and build output, but not environments and runs/
	rm -rf build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv*' -prune -exec rm -rf {} +
