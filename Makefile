# Each target makes what it needs; on a fresh machine the first run takes a minute or two.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PANEL := api/panel/vendor/.made
.PHONY: run test lint bench bench-check format clean

run: $(VENV)/.run $(PANEL)
	@# On a terminal Ctrl-C is for the server alone: make would end by the signal, and not with 0.
	@if [ -t 0 ]; then set -m; $(BIN)/awazpulse serve; else exec $(BIN)/awazpulse serve; fi

test: $(VENV)/.dev $(PANEL) node_modules/.made
	@tests/prepare
	$(BIN)/pytest $(ARGS)

lint: $(VENV)/.dev $(PANEL) node_modules/.made
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	@$(BIN)/python api/panel_packages.py lint

format: $(VENV)/.dev node_modules/.made
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	@$(BIN)/python api/panel_packages.py format

# The whole suite, 9 minutes; `make bench ARGS=--short`, `make bench ARGS=fan_out` are less.
bench: $(VENV)/.bench
	@benchmarks/prepare
	$(BIN)/python -m benchmarks $(ARGS)

# In CI: fails when a ratio to Icecast, nginx or the C floor has become 30 % worse.
bench-check: $(VENV)/.bench
	@benchmarks/prepare
	$(BIN)/python -m benchmarks --check $(ARGS)

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "AwazPulse needs Python 3.11 or later; name one: make PYTHON=python3.12 $(MAKECMDGOALS)" >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || \
	  { rm -rf $(VENV); echo "Python cannot make environments; on Debian: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.run: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@ $(VENV)/.run

$(VENV)/.bench: $(VENV)/.dev
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,bench]'
	@touch $@

# What browsers load of npm's packages. Without a network the server starts all the same, and says so at `/`.
$(PANEL): package.json package-lock.json api/panel_packages.py | $(VENV)/bin/python
	@$(BIN)/python api/panel_packages.py vendor || { [ -z "$$CI" ] && \
	  echo "the panel is not complete: run 'make run' again when there is a network" >&2; }

node_modules/.made: package.json package-lock.json | $(VENV)/bin/python
	@$(BIN)/python api/panel_packages.py install

clean:
	rm -rf $(VENV) node_modules api/panel/vendor .mypy_cache .ruff_cache .pytest_cache
