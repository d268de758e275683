# Everything runs in .venv, installed from requirements.lock: the same versions everywhere.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: help install demo test check format accuracy faults bench lock clean

help:  ## Show what there is
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

install: .venv/installed  ## Make .venv and install bakeoff: .venv/bin/bakeoff then works

.venv/installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "bakeoff needs Python 3.11 or newer; try make PYTHON=python3.12")'
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	touch $@

demo: install  ## Compare four networks on handwritten digits and write the report
	$(BIN)/bakeoff run --store demo.db
	$(BIN)/bakeoff report --store demo.db --output demo.html

test: install  ## Run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not accuracy and not faults"

check: install  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: install  ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

accuracy: install  ## Slow tests that assert a band of accuracy or compare with other frameworks
	$(BIN)/python -m pytest -m accuracy

faults: install  ## Slow campaigns that kill, corrupt and fuzz
	$(BIN)/python -m pytest -m faults

bench: install  ## Compare speed with other frameworks, each in an environment of its own
	benchmarks/make_peers.sh
	$(BIN)/python benchmarks/peers.py

lock:  ## Write requirements.lock anew from pyproject.toml
	$(BIN)/uv pip compile pyproject.toml --extra dev --extra browser --constraint torch.pin --no-header --no-annotate \
		--output-file requirements.lock

clean:  ## Remove what was built
	rm -rf .venv .venvs .pytest_cache .ruff_cache .mypy_cache
