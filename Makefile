# The usual ways in. `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help train prepare test test-slow lint types ui clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# torch is asked for alone and first: only the exact pin takes the CPU build where an index offers one.
$(READY): constraints.txt
	@command -v $(PYTHON) >/dev/null || { echo "error: $(PYTHON) is not there; install Python 3.11 or say where it is: make PYTHON=..." >&2; exit 2; }
	@echo "Setting up $(VENV): about 2.3 GB, a minute or two ..."
	@$(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check "$$(grep '^torch==' constraints.txt)"
	@$(RUN) -m pip install --quiet --disable-pip-version-check -r constraints.txt
	@touch $(READY)

venv: $(READY) ## set up the environment, pinned by constraints.txt

train: $(READY) ## train on drawn squats: videos, poses, images, network, run; minutes on two cores
	$(RUN) src/train.py $(ARGS)

prepare: $(READY) ## the data stages alone
	$(RUN) src/prepare.py $(ARGS)

test: $(READY) ## the tests, without the slow ones
	$(RUN) -m pytest -q -m "not slow" $(ARGS)

test-slow: $(READY) ## the slow tests: whole sweeps, kills
	$(RUN) -m pytest -q -m slow $(ARGS)

lint: $(READY) ## style of the code
	$(RUN) -m ruff check src tests
	$(RUN) -m ruff format --check src tests

types: $(READY) ## types of the package
	$(RUN) -m mypy

# Two processes instead of fifteen, and on loopback alone.
ui: $(READY) ## MLflow's pages over the runs, http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(VENV)/bin/mlflow ui --host 127.0.0.1 --port 5000 --workers 1

clean: ## remove caches; data, runs and the environment stay
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
