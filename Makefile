# `make help` lists what can be typed. Every target makes .venv from requirements.lock first where that is needed.

.DEFAULT_GOAL := help
.PHONY: help run test test-fast check format bench bench-data doctor venv lock clean
export TF_USE_LEGACY_KERAS := 0

ARGS ?=
BIN := .venv/bin
# The first Python 3.11 there is, .venv's own before others since it starts quickest; PYTHON=... names another.
IS_3_11 := import sys; raise SystemExit(sys.version_info[:2] != (3, 11))
PYTHON ?= $(or $(shell for each in $(BIN)/python python3.11 python3 python; do \
	"$$each" -ISc '$(IS_3_11)' 2>/dev/null && echo "$$each" && break; done),python3)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## /\1 /p' Makefile | while read -r name text; do printf '  make %-11s %s\n' "$$name" "$$text"; done

run: venv ## trains, judges and pushes a model of Chicago taxi trips; ARGS="--data FILES --label COLUMN" for your own
	$(BIN)/python pipeline/run_local.py $(ARGS)

test: venv ## the whole test suite; ARGS="-k word" for a part of it
	$(BIN)/python -m pytest $(ARGS)

test-fast: venv ## the tests that take seconds, within a minute, in up to four processes
	$(BIN)/python -m pytest -m "not slow" --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

check: venv ## ruff, mypy and the direction of imports
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: venv ## lets ruff lay out the code and mend what it can
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format .

bench: venv ## the default run beside TFX's template, its model beside scikit-learn's
	$(BIN)/python benchmarks/taxi.py $(ARGS)

bench-data: venv ## from CSV to a transform graph beside TFX's own way, on 327,346 flights
	$(BIN)/python benchmarks/data_path.py $(ARGS)

doctor: ## what is installed, what was replaced and why, and what to do about each problem
	@$(PYTHON) -S -m environment.doctor

venv: ## makes .venv, or brings it up to date
	@$(PYTHON) -S -m environment.bootstrap

# The platform is the one that the two packages with native code ask for; environment/bootstrap.py says more.
lock: venv ## resolves pyproject.toml anew; ARGS="--upgrade" for new versions
	$(BIN)/uv pip compile --quiet pyproject.toml --group dev --python-version 3.11 \
		--python-platform x86_64-manylinux_2_39 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock" --output-file requirements.lock $(ARGS)

clean: ## removes caches and build leftovers; .venv and runs/ stay
	rm -rf build *.egg-info .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
