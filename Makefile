# Spindle. `make help` lists the targets; the first two are all that a new machine needs.
PYTHON ?= python3
PORT ?= 8080
DATA ?= .run
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV := $(VENV)/.installed-dev
SOURCES := hub spoke udf schemas infra tests

.DEFAULT_GOAL := help
.PHONY: help run test check lint types contracts units format bench setup packages clean images

help: ## List the targets
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | sort | awk -F'\t' '{printf "  make %-10s %s\n", $$1, $$2}'

run: $(STAMP) ## Start the whole system with simulated PLCs on this machine (PORT=8080 DATA=.run)
	@exec $(BIN)/spindle-local --data "$(DATA)" --port "$(PORT)"

test: packages check ## Everything that CI checks: lint, types, contracts and all tests
	@$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --reruns 2

check: lint types contracts ## Lint, types and import contracts, without the tests

lint: $(DEV)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)

types: $(DEV)
	@$(BIN)/mypy

contracts: $(DEV)
	@$(BIN)/lint-imports --no-cache

units: $(DEV) ## Only the fast tests: no servers, no browser
	@$(BIN)/python -m pytest tests/unit tests/architecture

format: $(DEV) ## Format and sort imports
	@$(BIN)/ruff format $(SOURCES)
	@$(BIN)/ruff check --fix $(SOURCES)

bench: $(DEV) ## Measure CPU-seconds per million values through the whole chain
	@$(BIN)/python -m tests.bench.chain

images: ## Build the Docker images (needs a Docker engine)
	@infra/docker/build.sh

setup: $(DEV) ## Only install: what Spindle needs and what its tests need, into .venv

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "Spindle needs Python 3.11 or newer: apt install python3 (or make PYTHON=/path/to/python3.11)"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
	  { echo "The Python package venv is missing: apt install python3-venv"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing Spindle and its libraries into $(VENV) ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[spoke,hub,local]'
	@touch $@

$(DEV): $(STAMP)
	@echo "Installing the tools of the tests ..."
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -e '.[spoke,hub,local,dev]'
	@touch $@

packages: $(DEV)
	@infra/local/packages.sh

clean: ## Remove caches and the environment; the data in DATA stays
	@rm -rf $(VENV) .cache .pytest_cache .mypy_cache .ruff_cache build *.egg-info
