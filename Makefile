# Everything runs in .venv, installed from requirements.lock: the same versions everywhere.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE = echo 'torch==2.13.0' | $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-annotate pyproject.toml --constraint -
CUDA := ^(nvidia-|cuda-|triton)

.PHONY: help install demo test check format accuracy faults gpu bench lock clean

help:  ## Show what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## Make .venv and install bakeoff: .venv/bin/bakeoff then works

.venv/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bakeoff needs Python 3.11 or newer: make PYTHON=python3.12")'
	$(PYTHON) -m venv .venv

.venv/installed: requirements.lock pyproject.toml | .venv/bin/python
	$(PIP) -r requirements.lock
	$(PIP) --no-deps --editable .
	touch $@

.venv/installed-dev: requirements-dev.lock .venv/installed
	$(PIP) -r requirements-dev.lock
	touch $@

demo: install  ## Compare four networks on handwritten digits and write the report
	$(BIN)/bakeoff run --store demo.db
	$(BIN)/bakeoff report --store demo.db --output demo.html

test: .venv/installed-dev  ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not accuracy and not faults"

check: .venv/installed-dev  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev  ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

accuracy: .venv/installed-dev  ## Slow tests that assert a band of accuracy or compare with other frameworks
	$(PIP) --editable '.[keras]' --constraint requirements-dev.lock
	$(BIN)/python -m pytest -m accuracy

faults: .venv/installed-dev  ## Slow campaigns that kill, corrupt and fuzz
	$(BIN)/python -m pytest -m faults

gpu: .venv/installed-dev  ## Check networks, resuming, precisions and speed on a GPU, and write docs/gpu.md
	$(BIN)/python benchmarks/gpu.py --output docs/gpu.md
	$(BIN)/python -m pytest -m gpu tests/test_gpu.py tests/data/test_batches.py

bench: .venv/installed-dev  ## Compare speed with other frameworks, each in an environment of its own
	benchmarks/make_peers.sh
	$(BIN)/python benchmarks/peers.py

lock: .venv/bin/python  ## Write the lock files anew from pyproject.toml (torch brings its own CUDA packages)
	$(PIP) uv
	$(COMPILE) | grep -vE '$(CUDA)' > requirements.lock
	$(COMPILE) --extra dev | grep -vE '$(CUDA)' > requirements-dev.lock

clean:  ## Remove what was built
	rm -rf .venv .venvs .pytest_cache .ruff_cache .mypy_cache
