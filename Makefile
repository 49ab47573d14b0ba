# Two commands: `make serve` starts a server on ./data, `make test` runs every check.
# Both make .venv first; nothing outside this folder is touched.

DATA ?= ./data
LISTEN ?= 127.0.0.1:7707
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin

.PHONY: help serve test check unit soak bench clean

help:
	@echo "make serve   install into .venv and serve $(DATA) on $(LISTEN)"
	@echo "make test    install into .venv and run every check (lint, types, tests)"
	@echo "make soak    the long tests: kills, state machines, with a fixed bound"
	@echo "make bench   side by side with what is installed, an hour and a half; ARGS=... for a part (docs/benchmarks.md)"
	@echo "make clean   remove .venv and what was built; data stays"

.venv/serve.stamp: pyproject.toml
	@test -n "$(PYTHON)" || { echo "objserver needs Python 3.11 or newer; install python3 and python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) tools/make_venv.py .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	@touch $@

.venv/test.stamp: .venv/serve.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[test]'
	@touch $@

.venv/bench.stamp: .venv/test.stamp
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	@touch $@

serve: .venv/serve.stamp
	@exec $(BIN)/objserver serve --data $(DATA) --listen $(LISTEN)

test: check unit

check: .venv/test.stamp
	$(BIN)/ruff check .
	$(BIN)/mypy

unit: .venv/test.stamp
	$(BIN)/python -m pytest -n logical --maxprocesses 4 -m "not long"

soak: .venv/test.stamp
	$(BIN)/python -m pytest -n logical --maxprocesses 4 -m long

bench: .venv/bench.stamp
	$(BIN)/python -m benchmarks --full $(ARGS)

clean:
	rm -rf .venv build benchmarks/build benchmarks/results *.egg-info .pytest_cache .mypy_cache .ruff_cache
