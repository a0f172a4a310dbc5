# The usual ways in. `make help` lists them.
PYTHON ?= python3.11
VENV := .venv
RUN := $(VENV)/bin/python
READY := $(VENV)/.ready
SWEEP ?= depth_l2
STUDY ?= depth_l2-quick-synthetic
KILLS ?= 50
SEED ?= 1
JOBS ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv train prepare test test-slow lint types ui sweep report torture bench bench-keras wheels dashboard clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

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

torture: $(READY) ## kills at random moments, into reports/torture/; half a minute each; KILLS=50 SEED=2 JOBS=2
	$(RUN) tests/torture --kills $(KILLS) --seed $(SEED) --jobs $(JOBS) $(ARGS)

lint: $(READY) ## style of the code, and that imports run down
	$(RUN) -m ruff check src tests bench
	$(RUN) -m ruff format --check src tests bench
	PYTHONPATH=src $(VENV)/bin/lint-imports --no-cache > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

types: $(READY) ## types of the package
	$(RUN) -m mypy

# Two processes instead of fifteen, and on loopback alone.
ui: $(READY) ## MLflow's pages over the runs, http://127.0.0.1:5000
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false $(VENV)/bin/mlflow ui --host 127.0.0.1 --port 5000 --workers 1

sweep: $(READY) ## the grid of the paper's Table 2, quick protocol; SWEEP=kernel_l2 for Table 3
	$(RUN) src/train.py -m sweep=$(SWEEP) $(ARGS)

report: $(READY) ## the paper's tables beside ours, into reports/
	$(RUN) src/report.py $(ARGS)

bench: $(READY) ## speed beside references' from the same run, into reports/; 10 minutes; CHECK=FILE compares
	$(RUN) bench/run.py $(if $(CHECK),check=$(CHECK)) $(ARGS)

# TensorFlow wants other versions than ours, so it has an environment of its own.
bench-keras: $(READY) ## training beside the same network in Keras, which is set up in .venv-keras (1.5 GB)
	@test -x .venv-keras/bin/python || $(PYTHON) -m venv .venv-keras
	@.venv-keras/bin/python -m pip install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 keras==3.15.1
	DEEPSQUAT_BENCH_KERAS=.venv-keras/bin/python $(RUN) bench/run.py rows=[train_keras] $(ARGS)

# What a machine with torch and pytorch-lightning still lacks; all of it is plain Python.
wheels: $(READY) ## the packages that a borrowed GPU machine lacks, into wheels/ (docs/gpu.md)
	@grep -E '^(hydra-core|omegaconf|antlr4-python3-runtime|optuna|colorlog)==' constraints.txt > $(VENV)/carried.txt
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps -w wheels -r $(VENV)/carried.txt

# An extra that most will not need, so it is not in constraints.txt.
dashboard: $(READY) ## Optuna's pages over a study: make dashboard STUDY=depth_l2-quick-synthetic
	$(RUN) -m pip install --quiet --disable-pip-version-check optuna-dashboard==0.21.0
	$(VENV)/bin/optuna-dashboard --host 127.0.0.1 multirun/$(STUDY)/study.journal

clean: ## remove caches; data, runs and the environment stay
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
