# Needs Python 3.11 or 3.12 with pip and venv, and make. Installing uses a package registry; after that nothing here
# uses a network. `make demo` is the main job; CONTRIBUTING.md explains the rest.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --constraint constraints.txt
PACKAGE := pyproject.toml constraints.txt $(VENV)/.made

.PHONY: help demo test lint docs bench evidence evidence-quick soak
.DELETE_ON_ERROR:

help:
	@echo "make demo    generate data, train, sweep the guidance weight, write a report"
	@echo "make test    the tests          make lint    ruff and pyright"
	@echo "make docs    the documentation  make bench   speed"
	@echo "make soak    long runs under faults"
	@echo "make evidence   the sweeps behind docs/results, hours; make evidence-quick   their small forms, minutes"

demo: $(VENV)/.demo
	@$(BIN)/cfgrl demo

test: $(VENV)/.dev
	@$(BIN)/python -m pytest --numprocesses 2 --dist loadfile --no-loadscope-reorder

lint: $(VENV)/.dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@PYRIGHT_PYTHON_IGNORE_WARNINGS=1 $(BIN)/pyright --pythonpath $(BIN)/python

docs: $(VENV)/.dev
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict
	@echo "The pages are in site/index.html; their search needs a server: python -m http.server --directory site"

bench: $(VENV)/.dev
	@for benchmark in start training acting judging presets growth; do \
	  echo "== $$benchmark"; $(BIN)/python benchmarks/$$benchmark.py --save || exit 1; done
	@$(BIN)/python benchmarks/page.py
	@$(BIN)/python benchmarks/evidence.py --check
	@$(BIN)/python benchmarks/lines.py
	@$(BIN)/python benchmarks/same_bits.py --write /dev/null
	@for benchmark in plain_loop memory sources bandit; do \
	  echo "== $$benchmark"; $(BIN)/python benchmarks/$$benchmark.py || exit 1; done

SWEEPS := free-improvement fair-table two-dials labels what-w-costs data-quality

# Each takes less than 90 minutes on two cores; what is finished is not run again.
evidence: $(VENV)/.dev
	@for sweep in $(SWEEPS); do \
	  $(BIN)/cfgrl sweep $$sweep && $(BIN)/python benchmarks/evidence.py runs/sweeps/$$sweep || exit 1; done

evidence-quick: $(VENV)/.dev
	@for sweep in $(SWEEPS); do $(BIN)/cfgrl sweep $$sweep --quick || exit 1; done

soak: $(VENV)/.dev
	@$(BIN)/python -m pytest -m soak -s

# One environment, filled in two steps, so that the demo does not wait for the tools of development.
$(VENV)/.demo: $(PACKAGE)
	@echo "Installing cfgrl into $(VENV); the first time this takes a few minutes."
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --editable '.[plot]'
	@touch $@

$(VENV)/.dev: $(PACKAGE)
	@echo "Installing cfgrl and its development tools into $(VENV); the first time this takes a few minutes."
	@$(PIP) hatchling editables
	@$(PIP) --no-build-isolation --editable '.[dev,docs]'
	@touch $(VENV)/.demo $@

# A name on the path is not enough: a version manager's shim exists and fails. So each candidate is run.
$(VENV)/.made:
	@for python in $(or $(PYTHON),python3.12 python3.11 python3); do \
	  if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 13))' 2>/dev/null; then \
	    "$$python" -m venv $(VENV) && touch $@ && exit 0; \
	    echo "$$python could not make a virtual environment; on Debian install the package python3-venv." >&2; exit 1; \
	  fi; \
	done; \
	echo "cfgrl needs Python 3.11 or 3.12, and none was found as: $(or $(PYTHON),python3.12 python3.11 python3)." >&2; \
	echo "Install one, or say where it is: make PYTHON=/path/to/python3.12 $(or $(MAKECMDGOALS),demo)" >&2; exit 1
