# The menu. `make demo` and `make test` need only Python 3.11 or newer, make and git.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready

# What the demo measures of its search: all but known objects, of which a simulated sky has none, and the sweep.
MEASURES := recovery,confusion,injection,reliability,measured,detection_rate,attrition

# Tests of `make test`, and the folders of about half of their time.
HERE       := "not survey and not services"
FIRST_HALF := astrophysics chain cli datasets descriptions evaluation filters

.DEFAULT_GOAL := help
.PHONY: help install demo test test-first-half test-second-half test-fast test-survey test-services tap-server lint format types bench lineage tracking lock clean

help:  ## what there is to make
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

install: $(READY)  ## the environment, from the lock file

$(READY): requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("MALCA needs Python 3.11 or newer" if sys.version_info < (3, 11) else 0)'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	touch $@

demo: install  ## simulate the sample survey, search it, show what was found beside the truth
	$(BIN)/kedro run --env demo --pipelines simulation
	$(BIN)/kedro run --env demo
	$(BIN)/kedro run --env demo --pipelines evaluation --tags $(MEASURES)
	@echo
	@tail -n 5 data/08_reporting/13_13.5/recovery.txt
	@echo "found dippers beside the truth: data/08_reporting/13_13.5/recovery.txt; figures beside it (dipper.png,"
	@echo "recovery.png, efficiency_averages.png, reliability.png …); a page of everything: summary.html; a page a candidate:"
	@echo "dossiers/index.html; all candidates as a table: candidate_table.parquet, .csv, .vot, .ecsv"

test: install lint  ## lint and every test, but for those of test-survey and test-services
	$(MAKE) --no-print-directory -j2 --output-sync=line test-first-half test-second-half

# Two processes, for two cores; a new folder of tests belongs to the second without being named.
test-first-half: install
	$(BIN)/python -m pytest -m $(HERE) $(addprefix tests/,$(FIRST_HALF))

test-second-half: install
	$(BIN)/python -m pytest -m $(HERE) $(addprefix --ignore=tests/,$(FIRST_HALF)) tests

test-fast: install  ## the tests that take no time
	$(BIN)/python -m pytest -m "not slow and not services" -x -q

test-survey: install  ## whole runs, killed and resumed, on both engines, and with services that fail
	$(BIN)/python -m pytest -m survey

test-services: install  ## a real TAP server, killed and brought back, and a real browser (Debian 12, root the first time)
	$(BIN)/python -m pytest -m services

tap-server: install  ## serve the demo's catalogues for `kedro run --env dachs`
	$(BIN)/python -m tests.services.serve_catalogues

lint: install  ## style, types and who may import whom
	$(BIN)/ruff check src tests benchmarks
	$(BIN)/ruff format --check src tests benchmarks
	$(BIN)/lint-imports
	$(BIN)/mypy

format: install  ## mend what can be mended
	$(BIN)/ruff check --fix src tests benchmarks
	$(BIN)/ruff format src tests benchmarks

bench: install  ## speed, each against a peer in the same run
	$(BIN)/python -m pytest benchmarks --benchmark-only --benchmark-columns=min,median,max,rounds
	$(BIN)/python benchmarks/scaling.py

lineage: install  ## the graph of everything, in a browser
	$(BIN)/kedro viz run

tracking: install  ## the record of every run, in a browser
	MLFLOW_DISABLE_TELEMETRY=true $(BIN)/mlflow ui --backend-store-uri sqlite:///mlflow.db

lock: install  ## resolve the lock file anew (needs the package uv)
	$(BIN)/python -m uv pip compile --universal --python-version 3.11 --upgrade --no-header --no-annotate \
	  --no-emit-index-url --group dev pyproject.toml -o requirements.lock

clean:  ## remove the environment and what runs wrote
	rm -rf $(VENV) .pytest_cache .ruff_cache .mypy_cache build .viz
