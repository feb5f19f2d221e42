.DEFAULT_GOAL := help
# a distribution's Python before one built by hand: built with a profile it takes a fifth less CPU
PYTHON ?= $(shell for one in /usr/bin/python3 python3; do $$one -c 'import sys, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && break; done; echo $$one)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
DEV_STAMP := $(VENV)/.installed-dev
JOBS ?= 3

.PHONY: help setup run test journey e2e crash bench soak lint format lock migration clean

help: ## Print this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):.*## (.*)/  make \1\t\2/' | expand -t 20

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)

$(STAMP): requirements.lock pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable . 
	@touch $@

$(DEV_STAMP): requirements-dev.lock $(STAMP)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@touch $@

run: $(STAMP) ## Serve on the embedded database and watch this machine
	LANGYAN_CONFIG=$${LANGYAN_CONFIG-examples/quickstart} exec $(BIN)/langyan serve

setup: $(DEV_STAMP) ## Everything a developer needs, in .venv
	@if [ -d .git ]; then $(BIN)/pre-commit install; fi

test: $(DEV_STAMP) ## Every test that needs no foreign program (under 5 minutes)
	$(BIN)/python -m pytest -q -n $(JOBS) -m "not e2e and not crash"

journey: $(DEV_STAMP) ## The stories alone; reads like a manual
	$(BIN)/python -m pytest -v tests/journeys

e2e: $(DEV_STAMP) ## The program as users start it, with the real peers and a browser
	$(BIN)/python -m pytest -q -n 2 --dist loadfile -m "e2e and not crash" tests/e2e

crash: $(DEV_STAMP) ## 100 rounds of kill -9 under load (ROUNDS=n for fewer)
	ROUNDS=$${ROUNDS-100} $(BIN)/python -m pytest -q -s -m crash tests/e2e

bench: $(DEV_STAMP) ## Speed, side by side with the peers (Debian's), written to docs/benchmarks.md
	for name in decode evaluate rules ingest forwarding query detection storm clicks memory disk; do $(BIN)/python benchmarks/$$name.py || exit 1; done

soak: $(DEV_STAMP) ## 30 minutes at half the maximum: memory, lag, no lost sample
	$(BIN)/python benchmarks/soak.py --minutes 30

lint: $(DEV_STAMP) ## Form, types, floors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy tests
	$(BIN)/lint-imports

format: $(DEV_STAMP) ## Put the code into form
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lock: $(DEV_STAMP) ## Pin what pyproject.toml asks for, with hashes
	$(BIN)/uv pip compile -q -U --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url --extra install pyproject.toml -o requirements.lock
	$(BIN)/uv pip compile -q -U --generate-hashes --universal --python-version 3.11 --no-header --no-emit-index-url --extra install --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

migration: $(DEV_STAMP) ## A new migration from the tables: make migration m="add targets"
	$(BIN)/python -m tests.support.migration "$(m)"

clean: ## Remove what was built; the data folder stays
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache *.egg-info
