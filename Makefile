# Everything runs in .venv, installed from requirements.lock: the same versions everywhere.
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
COMPILE = echo 'torch==2.13.0' | $(BIN)/python -m uv pip compile --quiet --universal --python-version 3.11 \
	--no-header --no-annotate pyproject.toml --constraint -
CUDA := ^(nvidia-|cuda-|triton)

ZOO ?= .venvs/zoo
CLUSTER ?= .venvs/cluster

# Tests start hundreds of interpreters: without bytecode, each would compile bakeoff anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help install demo test check format docs dist accuracy faults gpu zoo cluster bench reference outputs figures lock clean

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
	$(BIN)/python -m pytest -n auto --dist worksteal -m "not accuracy and not faults and not zoo and not network"

check: .venv/installed-dev  ## Lint, check the format and the types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: .venv/installed-dev  ## Put the code into its format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/installed-dev  ## Build the site into build/site; its commands are run, which takes minutes
	PYTHONPATH=docs $(BIN)/python -m generate --check
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

dist: .venv/installed-dev  ## Build a release, check it, and run the demonstration and a study from its wheel
	rm -rf dist .venvs/dist
	$(BIN)/python -m uv build --quiet --python $(BIN)/python
	$(BIN)/twine check --strict dist/*
	$(BIN)/python -m pytest -m network tests/release
	$(PYTHON) -m venv .venvs/dist
	.venvs/dist/bin/python -m pip install --quiet --disable-pip-version-check dist/*.whl --constraint requirements.lock
	.venvs/dist/bin/python .ci/try_wheel.py $(DEMO)

accuracy: .venv/installed-dev  ## Slow tests that assert a band of accuracy or compare with other frameworks
	$(PIP) --editable '.[keras]' --constraint requirements-dev.lock
	$(BIN)/python -m pytest -m accuracy

faults: .venv/installed-dev  ## Slow campaigns that kill, corrupt and fuzz
	$(BIN)/python -m pytest -m faults

gpu: .venv/installed-dev  ## Check networks, resuming, precisions and speed on a GPU, and write docs/gpu.md
	$(BIN)/python benchmarks/gpu.py --output docs/gpu.md
	$(BIN)/python -m pytest -m gpu tests/test_gpu.py tests/data/test_batches.py

zoo: $(ZOO)/installed  ## Test the networks of timm, torchvision and transformers, in an environment of its own (6 GB)
	PYTHONPATH=src $(ZOO)/bin/python -m pytest -m zoo tests/nets/collections

# Their torch is another one than that of requirements.lock, without which timm and torchvision do not work.
$(ZOO)/installed: pyproject.toml
	test -x $(ZOO)/bin/python || $(PYTHON) -m venv $(ZOO)
	$(ZOO)/bin/python -m pip install --quiet --disable-pip-version-check 'torch==2.14.1' 'torchvision==0.29.1' \
		'timm==1.0.31' 'transformers==5.24.0' --editable '.[test]'
	touch $@

cluster: $(CLUSTER)/installed  ## Test Ray, SLURM, object stores and trackers, in an environment of its own (3 GB)
	PYTHONPATH=src $(CLUSTER)/bin/python -m pytest -n auto -m "not accuracy and not faults and not zoo and not network" \
		tests/execution tests/tracking tests/api/test_running.py

# uv, since pip searches for versions that fit together for more than ten minutes.
$(CLUSTER)/installed: pyproject.toml requirements.lock
	test -x $(CLUSTER)/bin/python || $(PYTHON) -m venv $(CLUSTER)
	$(CLUSTER)/bin/python -m pip install --quiet --disable-pip-version-check uv -r requirements.lock
	$(CLUSTER)/bin/python -m uv pip install --quiet --python $(CLUSTER)/bin/python mlflow 'moto[server]' psycopg2-binary \
		--editable '.[test,ray,slurm,s3,mlflow,tensorboard,wandb]'
	touch $@

bench: .venv/installed-dev  ## Compare speed with other frameworks, and write docs/performance.md anew (up to an hour)
	benchmarks/make_peers.sh
	rm -f benchmarks/measured/speed*.json
	$(BIN)/python benchmarks/peers.py benchmarks/measured/speed.json
	$(BIN)/python benchmarks/peers.py --instructions avx2 benchmarks/measured/speed-avx2.json
	$(BIN)/python benchmarks/peers.py --precision bf16 benchmarks/measured/speed-bf16.json
	$(BIN)/python benchmarks/peers_report.py $(addprefix benchmarks/measured/speed,.json -avx2.json -bf16.json) \
		--into docs/performance.md

reference: .venv/installed-dev  ## Write docs/reference anew from the program
	PYTHONPATH=docs $(BIN)/python -m generate

outputs: .venv/installed-dev  ## Run the commands and the notebook of the pages, and write what they print into them
	PYTHONPATH=docs $(BIN)/python -m generate.outputs --slow
	PYTHONPATH=docs $(BIN)/python -m generate.notebook

figures: .venv/installed-dev  ## Draw the simulations of docs/explanation/statistics.md anew
	PYTHONPATH=docs $(BIN)/python -m generate.figures

lock: .venv/bin/python  ## Write the lock files anew from pyproject.toml (torch brings its own CUDA packages)
	$(PIP) uv
	$(COMPILE) | grep -vE '$(CUDA)' > requirements.lock
	$(COMPILE) --extra dev | grep -vE '$(CUDA)' > requirements-dev.lock

clean:  ## Remove what was built
	rm -rf .venv .venvs build dist .pytest_cache .ruff_cache .mypy_cache
