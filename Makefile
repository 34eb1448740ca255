# Everything to run, test and keep trio-chat, from a fresh clone on a machine that has only Python and make.
#
#   make run | chat | guest | test | cover | lint | fmt | fuzz | fuzz-session | torture | bench | pictures | wheel | clean
#   ARGS='...' is handed on; PYTHON=... picks another Python
#
# The virtual environment is made once; stamps in it tell what is installed, and pyproject.toml makes them old.

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
FLAKE8_ASYNC := $(BIN)/flake8-async --enable ASYNC,ASYNC106,ASYNC900 --startable-in-context-manager _catch_signals,_heed_signals
CLIENT := $(BIN)/python -m client_repl
WORKERS := $(shell echo $$((2 * $$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2))))
NEED := trio-chat needs Python 3.11 or newer

.PHONY: run chat guest test cover lint fmt fuzz fuzz-session torture bench pictures wheel clean
.DELETE_ON_ERROR:

run: $(VENV)/run.stamp  ## start a server; it prints the lines that join it
	@exec $(BIN)/python -m trio_chat $(ARGS)

chat: $(VENV)/run.stamp  ## join the server of `make run`
	@$(if $(ARGS),exec $(CLIENT) $(ARGS),line=$$($(BIN)/python -m trio_chat fingerprint --line) && exec $(CLIENT) "$$line")

guest: $(VENV)/run.stamp  ## join as somebody else, with a key that is thrown away
	@$(if $(ARGS),exec $(CLIENT) --guest $(ARGS),line=$$($(BIN)/python -m trio_chat fingerprint --line) && exec $(CLIENT) --guest "$$line")

test: $(VENV)/test.stamp  ## the whole suite, on all cores: two tests a core, since many wait for processes
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

cover: $(VENV)/test.stamp  ## the whole suite, with branch coverage
	@$(BIN)/python -m pytest --cov $(ARGS)

lint: $(VENV)/test.stamp  ## style, trio's own traps, the layers, types
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(FLAKE8_ASYNC) $$(find wire trio_chat client_repl -name '*.py')
	$(FLAKE8_ASYNC) --disable ASYNC124,ASYNC910,ASYNC911,ASYNC912,ASYNC913 $$(find tests examples -name '*.py')
	$(BIN)/lint-imports
	$(BIN)/mypy

fmt: $(VENV)/test.stamp  ## what ruff can repair by itself
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

fuzz: $(VENV)/test.stamp  ## a million inputs against the wire's parser
	@$(BIN)/python -m tests.wire.fuzz $(ARGS)

fuzz-session: $(VENV)/test.stamp  ## a million frames of hostile clients against a whole server
	@$(BIN)/python -m tests.server.fuzz $(ARGS)

torture: $(VENV)/test.stamp  ## kill -9, a hundred times, under load: nothing may be lost or doubled
	@$(BIN)/python -m tests.e2e.torture $(ARGS)

bench: $(VENV)/bench.stamp  ## beside ngircd, inspircd and others: docs/performance.md
	@$(BIN)/python -m bench.compare $(ARGS)
	@$(BIN)/python -m bench.works $(ARGS)
	@$(BIN)/python -m bench.report

pictures: $(VENV)/test.stamp  ## docs/pictures, from a real server and four real clients
	@$(BIN)/python -m tests.e2e.pictures $(ARGS)

wheel: $(VENV)/test.stamp  ## dist/trio_chat-*.whl, which a friend's uvx or pipx runs
	@$(BIN)/python -m build --wheel --outdir dist .

clean:
	rm -rf $(VENV) build dist *.egg-info .coverage .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache

$(VENV)/run.stamp: pyproject.toml $(BIN)/python
	@echo "Installing trio-chat into $(VENV) ..."
	@$(PIP) --editable .
	@touch $@

$(VENV)/test.stamp: pyproject.toml $(BIN)/python
	@echo "Installing trio-chat and what its tests need into $(VENV) ..."
	@$(PIP) --editable '.[test]'
	@touch $(VENV)/run.stamp $@

$(VENV)/bench.stamp: pyproject.toml $(BIN)/python
	@echo "Installing trio-chat and what its benchmarks need into $(VENV) ..."
	@$(PIP) --editable '.[bench]'
	@touch $(VENV)/run.stamp $@

$(BIN)/python:
	@command -v '$(PYTHON)' >/dev/null 2>&1 || { \
	  echo "$(NEED), and there is no '$(PYTHON)' here: install one, or name it: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@'$(PYTHON)' -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "$(NEED), and '$(PYTHON)' is $$('$(PYTHON)' --version 2>&1): name another: make $(MAKECMDGOALS) PYTHON=/path/to/python3" >&2; exit 1; }
	@'$(PYTHON)' -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "trio-chat needs Python's venv and ensurepip, and '$(PYTHON)' comes without: on Debian and Ubuntu, apt install python3-venv" >&2; exit 1; }
	@'$(PYTHON)' -m venv --clear $(VENV)
