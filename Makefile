# Every command sets itself up: only python3, make and a package registry are needed.
PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
RUN := $(VENV)/bin/python

.PHONY: help demo test test-slow lint docs bench clean
help: ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: $(VENV)/.ready ## simulate a region with known truth, evaluate it, write demo-report/report.html
	$(RUN) -m clustereffects.cli demo --out demo-report

test: $(VENV)/.ready-test ## all tests, simulations in their smaller grid
	$(RUN) -m pytest -n $(WORKERS) -m "not slow"

test-slow: $(VENV)/.ready-test ## simulations in full size
	$(RUN) -m pytest -n $(WORKERS) -m slow

lint: $(VENV)/.ready-lint ## format, lint, types, import contracts
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports

docs: $(VENV)/.ready-docs ## documentation into site/, every warning an error
	$(VENV)/bin/mkdocs build --strict

bench: $(VENV)/.ready-test ## benchmarks; peers only where they are installed
	$(RUN) benchmarks/run.py

clean: ## remove what the other commands made
	rm -rf $(VENV) site demo-report .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --upgrade pip

$(VENV)/.ready: $(VENV)/bin/python pyproject.toml constraints.txt
	$(RUN) -m pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/.ready-%: $(VENV)/.ready
	$(RUN) -m pip install --quiet -c constraints.txt -e ".[$*]"
	touch $@
