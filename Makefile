# The verbs of this project. `make demo` and `make test` need Python >= 3.11, make and a C compiler.
SHELL := /bin/bash
PY := .venv/bin/python
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
export PYTHONPATH := $(CURDIR)

.PHONY: setup demo up test test-slow lint fmt types bench clean

setup: ## virtual environment, locked dependencies, compiled parts
	@./scripts/setup

demo: setup ## from a goal to a disclosed ad in a chat, once through
	@.venv/bin/parley demo $(ARGS)

up: setup ## start everything and leave it running (Ctrl-C stops it)
	@.venv/bin/parley up $(ARGS)

test: setup ## the whole suite on real embedded parts
	$(PY) -m pytest -n $(JOBS) -m "not slow" $(ARGS)

test-slow: setup ## kill -9 enumeration, a newcomer's fresh clone
	$(PY) -m pytest -m slow --timeout 1500 $(ARGS)

lint: setup ## formatting, rules, types, architecture
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

fmt: setup ## format and repair what can be repaired
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

types: setup ## types only
	.venv/bin/mypy

clean: ## remove what was built and the embedded data
	rm -rf build .venv .parley *.egg-info fastpath/*.so .mypy_cache .ruff_cache .pytest_cache
