# make demo   a sample university, its timetable and the console, in one command
# make test   all tests
# make check  format, lint, types, import rules, tests: what CI runs
# make docs   write the pages of docs/reference that the program can tell
# make lock   pin every dependency anew

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Tests of one file share servers, so a file stays with one process. Four processes
# keep two cores at work, as tests of real servers mostly wait.
IN_PARALLEL := --numprocesses 4 --dist loadfile --no-loadscope-reorder

# Compiled modules are kept, whatever the environment says: tests start some hundred
# programs, and each would compile all of ours again.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check format lint docs lock clean

demo: $(VENV)/.run
	$(BIN)/collegium demo

test: $(VENV)/.dev
	$(BIN)/python -m pytest $(IN_PARALLEL) -m "not alone"
	# What is promised about time has the machine to itself.
	$(BIN)/python -m pytest -m alone

check: lint test

lint: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(VENV)/.dev
	$(BIN)/python scripts/reference_pages.py

$(VENV)/.run: requirements/run.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/run.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.dev: $(VENV)/.run requirements/dev.lock
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.lock
	touch $@

lock:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet "uv>=0.9"
	$(BIN)/uv pip compile $(LOCK_FLAGS) requirements/run.in pyproject.toml --output-file requirements/run.lock
	$(BIN)/uv pip compile $(LOCK_FLAGS) --constraint requirements/run.lock --group dev --output-file requirements/dev.lock

LOCK_FLAGS := --quiet --universal --python-version 3.11 --generate-hashes \
	--no-emit-index-url --no-emit-find-links --no-header --no-annotate $(UPGRADE)

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache
