# Everything a developer or a newcomer types. `make setup` needs only python3.
PYTHON ?= python3
UV := .venv/bin/uv
UV_VERSION := 0.13.8
RUN := .venv/bin
# The build without GPU libraries, which are gigabytes; its own index has it, or a folder that PIP_FIND_LINKS names.
TORCH ?= torch==2.13.0 --retries 1 --extra-index-url https://download.pytorch.org/whl/cpu
# What the shipped models were made from (docs/models.md): PRICES are Parquet files, TWEETS a folder, FINENTITY a CSV file;
# NOTE says where they come from.
PRICES ?=
TWEETS ?=
FINENTITY ?=
NOTE ?=
TRAINING_DATA = $(addprefix --data ,$(PRICES)) $(addprefix --tweets ,$(TWEETS)) $(addprefix --finentity ,$(FINENTITY))

# All that compiled code can come from.
KERNEL_SOURCES := $(shell find market_data pattern_engine strategy_engine suggestion_engine -name '*.py')

# Every process imports a thousand modules; without bytecode each would compile them anew.
unexport PYTHONDONTWRITEBYTECODE

# How many runs of `make faults`, from which seed, with how many jobs; WRITE names a page that takes the table.
SEEDS ?= 20
SEED ?= 1
JOBS ?= 2000
WRITE ?=
VERBOSE ?=
# These are for this file: what is given on the command line would else be in the environment of every process, where
# JOBS is the name of a group of settings.
unexport SEEDS SEED JOBS WRITE VERBOSE

.PHONY: help setup setup-dev setup-train lock demo up test faults mutants check train train-eval bench bench-models bench-jobs bench-backtest soak clean

help:  ## Show these targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  \1\t\2/' | expand -t 14

setup: .venv/.kernels  ## Make .venv with all that the product needs

setup-dev: .venv/.dev

setup-train: .venv/.train

demo: setup  ## Start everything, run every job type on real prices, stay up until Ctrl-C
	@$(RUN)/aitrader demo

up: setup  ## Start everything and stay up until Ctrl-C
	@$(RUN)/aitrader up

test: setup setup-dev setup-train  ## Run every test on servers that the tests start themselves
	@$(RUN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

faults: setup-dev  ## Kill, freeze and restart everything under load, and check that no promise is broken
	@$(RUN)/python -m tests.faults --seeds $(SEEDS) --first-seed $(SEED) --jobs $(JOBS) \
		$(if $(WRITE),--write $(WRITE)) $(if $(VERBOSE),--verbose)

mutants: setup-dev  ## Break kernels in small ways, and see whether the tests notice (FAMILY=simulation, AT_MOST=400)
	@$(RUN)/python -m tests.mutation --family $(or $(FAMILY),simulation) $(if $(AT_MOST),--at-most $(AT_MOST))

check: setup-dev setup-train  ## Format, lint, types, import directions
	@$(RUN)/ruff format --check .
	@$(RUN)/ruff check .
	@$(RUN)/lint-imports --no-cache
	@$(RUN)/mypy

train: setup-train  ## Train all models and write them to models/ (PRICES=..., TWEETS=..., FINENTITY=...)
	@$(RUN)/python -m training all $(TRAINING_DATA) --data-note "$(NOTE)" --out models

train-eval: setup-train  ## Score the shipped models again, and compare with what their cards say
	@$(RUN)/python -m training evaluate $(TRAINING_DATA) --models models

bench: setup-dev  ## Measure the product beside its peers
	@$(RUN)/python -m benchmarks

bench-models: setup-dev setup-train  ## Measure features, suggestion models and sentiment beside their peers
	@$(RUN)/python -m benchmarks models

bench-jobs: setup-dev  ## Measure the job system beside a naive one, about 10 minutes (QUICK=1: 2; MARKDOWN=file)
	@$(RUN)/python -m benchmarks.jobs $(if $(QUICK),--quick) $(if $(MARKDOWN),--markdown $(MARKDOWN))

bench-backtest: setup-dev  ## Measure backtests beside three peers and a C loop (QUICK=1: two rounds; MARKDOWN=file)
	@$(RUN)/python -m benchmarks.backtests $(if $(QUICK),--quick) $(if $(MARKDOWN),--markdown $(MARKDOWN))

soak: setup-dev  ## Run jobs at half the peak rate (MINUTES=10); tables and memory must stop growing
	@$(RUN)/python -m benchmarks.jobs.soak $(or $(MINUTES),10)

lock: .venv/.uv  ## Choose versions anew and pin them with hashes
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 pyproject.toml -o requirements.lock
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock
	$(UV) pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra train -c requirements-dev.lock pyproject.toml -o requirements-train.lock

clean:  ## Remove the virtual environment and all caches (never data)
	rm -rf .venv .mypy_cache .ruff_cache .hypothesis build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.uv:
	$(PYTHON) -m venv .venv
	$(RUN)/python -m pip install -q --disable-pip-version-check uv==$(UV_VERSION)
	@touch $@

.venv/.runtime: .venv/.uv requirements.lock pyproject.toml
	$(UV) pip install -q --compile-bytecode --require-hashes -r requirements.lock
	$(UV) pip install -q --no-deps -e .
	@touch $@

# Compiled where every process of this user finds them (docs/configuration.md), so that no start has to wait for it.
.venv/.kernels: .venv/.runtime $(KERNEL_SOURCES)
	@echo "Compiling ..."
	$(RUN)/python -c "from workers.warm import warm; warm()"
	@touch $@

.venv/.dev: .venv/.runtime requirements-dev.lock
	$(UV) pip install -q --compile-bytecode --require-hashes -r requirements-dev.lock
	@touch $@

.venv/.train: .venv/.runtime requirements-train.lock
	$(UV) pip install -q --no-deps --compile-bytecode --require-hashes -r requirements-train.lock
	$(RUN)/python -m pip install -q --disable-pip-version-check --no-deps $(TORCH)
	$(RUN)/python -c "import torch"
	@touch $@
