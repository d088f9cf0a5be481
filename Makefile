# Every target sets up what it needs first; a second run finds it done. Needs Python 3.11 or later and a network.
# PYTHON=python3.12 picks an interpreter; PYTEST_ARGS="-k name" goes to pytest.

SHELL := bash
.DEFAULT_GOAL := help
.PHONY: help setup dashboards demo demo-kafka test test-fast test-faults lint format audit fuzz bench bench-linking bench-model bench-replay bench-stories bench-detection bench-latency clean

BIN := .venv/bin
READY := .venv/.ready
PYTEST_ARGS ?=
BENCH_ARGS ?=
FUZZ_ARGS ?=

help: ## Show this list.
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do printf '  make %-12s %s\n' "$$name" "$$text"; done

setup: $(READY) ## Make .venv with everything in it, and fetch the base encoder.

$(READY): pyproject.toml constraints.txt scripts/setup
	@scripts/setup

demo: $(READY) ## Show the monitor at work on invented news: nothing else is needed.
	@$(BIN)/tapewatch demo

demo-kafka: $(READY) ## The same over a real Kafka broker and PostgreSQL, started and stopped here.
	@$(BIN)/tapewatch demo --kafka

test: $(READY) ## Run every test; those that need servers say so when they cannot have them.
	@$(BIN)/python -m pytest $(PYTEST_ARGS)

test-fast: $(READY) ## Run the unit tests alone.
	@$(BIN)/python -m pytest tests/unit $(PYTEST_ARGS)

test-faults: $(READY) ## The long form of the fault tests (two hours): kill -9, outages, poison, soak; prints what it counted.
	@TAPEWATCH_FAULTS=full $(BIN)/python -m pytest tests/faults -s --durations=0 $(PYTEST_ARGS)

lint: $(READY) ## ruff, mypy --strict and the import rules.
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: $(READY) ## Put the code into the house's form.
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

dashboards: $(READY) ## Make the JSON of Grafana's dashboards from their code, and the tables of docs/metrics.md.
	@$(BIN)/python -m scripts.dashboards
	@$(BIN)/python scripts/list_metrics.py --write

audit: $(READY) ## Look up known vulnerabilities of what is installed (pip-audit, apart from .venv); needs pypi.org.
	@mkdir -p .cache
	@$(BIN)/uv pip freeze --quiet --python $(BIN)/python --exclude-editable > .cache/installed.txt
	@$(BIN)/uv tool run --quiet --from 'pip-audit>=2.10,<3' pip-audit --strict --requirement .cache/installed.txt --no-deps --disable-pip --progress-spinner off

fuzz: $(READY) ## Fuzz every door by coverage (atheris, apart from .venv); FUZZ_ARGS=--help says more.
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --target .cache/fuzz/packages 'atheris>=3,<4'
	@PYTHONPATH=.cache/fuzz/packages $(BIN)/python -m tests.fuzz $(FUZZ_ARGS)

bench: $(READY) ## Measure, interleaved, and print the table of the README.
	@$(BIN)/python -m tests.bench

bench-model: $(READY) ## Measure the classifier against others and the hardware; BENCH_ARGS=--help says more.
	@$(BIN)/python -W ignore -m tests.bench.model $(BENCH_ARGS)

bench-linking: $(READY) ## Measure the linking of text to entities: speed, precision and recall.
	@$(BIN)/python -m tests.bench.linking

bench-replay: $(READY) ## Measure how long a replay takes; BENCH_ARGS=--help says more.
	@$(BIN)/python -m tests.bench.replay $(BENCH_ARGS)

bench-stories: $(READY) ## Measure how fast stories are found among a million texts; BENCH_ARGS=--help says more.
	@$(BIN)/python -m tests.bench.stories $(BENCH_ARGS)

bench-detection: $(READY) ## Measure detection: quiet streams, bursts, labelled windows, 5,000 series at once.
	@$(BIN)/python -m tests.bench.detection

bench-latency: $(READY) ## Measure publication to label and to alert at half load on Kafka and PostgreSQL, idle processor, memory.
	@$(BIN)/python -m tests.bench.latency

clean: ## Remove what the targets above have made, .venv too.
	@rm -rf .venv .cache .demo build dist ./*.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
