# The two commands of the README are `make run` and `make test`; each sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An empty environment variable silences pip's advice to upgrade itself: the versions are pinned.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --require-hashes

.PHONY: run serve test lint bench requirements clean

run: $(VENV)/ready        ## the demo: signed webhooks in, priced events out, then how to serve your own
	@$(BIN)/bridge demo

serve: $(VENV)/ready      ## the bridge itself, set by environment variables
	@$(BIN)/bridge serve

test: $(VENV)/ready-dev lint   ## every check and every test
	@$(BIN)/pytest

lint: $(VENV)/ready-dev
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

bench: $(VENV)/ready-dev
	@$(BIN)/python -m bench

$(VENV)/ready: requirements-build.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.11") if sys.version_info < (3, 11) else None'
	@echo "Setting up $(VENV) (once, about half a minute)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) -r requirements-build.txt
	@PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/ready-dev: $(VENV)/ready requirements-dev.txt
	@echo "Setting up the development tools (once)"
	@$(PIP) -r requirements-dev.txt
	@touch $@

requirements:             ## pin anew what pyproject.toml asks for (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra build pyproject.toml -c requirements.txt -o requirements-build.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra dev --extra build pyproject.toml -c requirements.txt -o requirements-dev.txt

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
