# The two commands of the README are `make run` and `make test`; each sets up what it needs, once.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# An empty environment variable silences pip's advice to upgrade itself: the versions are pinned.
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/pip install --quiet --require-hashes
OSLS_PATH := PATH="$(CURDIR)/.build/deploy/bin:$(CURDIR)/.build/deploy/node_modules/.bin:$$PATH"
AWS_STAGE = $(if $(STAGE),$(STAGE),$(error Which stage? Name it, such as STAGE=prod))

.PHONY: run serve test lint bench chaos faults safety stage package deploy rollback remove aws-test requirements clean

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

bench: $(VENV)/ready-dev .build/runtime/ready
	@$(BIN)/python -m bench

chaos: $(VENV)/ready-dev  ## the failure suite, ten minutes with a fresh seed; SEED=… MINUTES=… ROUND=… repeat
	@$(BIN)/python -m tests.chaos $(if $(SEED),--seed $(SEED)) $(if $(MINUTES),--minutes $(MINUTES)) $(if $(ROUND),--round $(ROUND))

faults: $(VENV)/ready-dev ## disks that fail, power cuts and FloKit's whole list, the long way (make test has it short)
	@FAULTS=long $(BIN)/pytest -s tests/faults

safety: $(VENV)/ready-dev ## delete each safety line in a copy of the program, and see that a test fails
	@$(BIN)/python -m tests.safety

stage:                    # asked for before anything is built
	@: $(AWS_STAGE)

package: $(VENV)/ready-package   ## .build/bridge.zip, for AWS Lambda on arm64
	@$(BIN)/python -m bridge.aws.package

deploy: stage package .build/deploy/ready   ## the bridge to AWS, as STAGE (docs/aws.md)
	@$(OSLS_PATH) osls deploy --force --stage $(AWS_STAGE)

rollback: stage .build/deploy/ready   ## to an earlier deployment: TO=<timestamp>; without it, which ones there are
	@$(OSLS_PATH) osls $(if $(TO),rollback --timestamp $(TO),deploy list) --stage $(AWS_STAGE)

remove: stage .build/deploy/ready     ## the bridge from AWS; its ledger stays
	@$(OSLS_PATH) osls remove --stage $(AWS_STAGE)

aws-test: $(VENV)/ready-dev package .build/cloud/ready .build/deploy/ready   ## deploy to an AWS on this machine, and use it
	@$(BIN)/python -m bridge.aws.package --platform x86_64 --to .build/bridge-x86_64.zip
	@BRIDGE_AWS_TEST=1 $(BIN)/pytest tests/aws tests/test_ledger_dynamodb*.py

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

$(VENV)/ready-package: $(VENV)/ready requirements-package.txt
	@$(PIP) -r requirements-package.txt
	@touch $@

# Lambda's own runtime, beside which the functions find nothing but what is in the zip.
.build/runtime/ready: $(VENV)/ready-package requirements-runtime.txt
	@$(BIN)/uv venv --quiet --clear --python "$$($(BIN)/python -c 'from bridge.aws.package.interpreter import interpreter; print(interpreter())')" .build/runtime
	@$(BIN)/uv pip install --quiet --python .build/runtime --compile-bytecode --require-hashes --requirement requirements-runtime.txt
	@touch $@

# An AWS on this machine, with an interpreter of its own: functions must find nothing there that is not in the zip.
.build/cloud/ready: .build/runtime/ready requirements-cloud.txt
	@$(BIN)/uv venv --quiet --clear --python .build/runtime/bin/python .build/cloud
	@$(BIN)/uv pip install --quiet --python .build/cloud --require-hashes --requirement requirements-cloud.txt
	@touch $@

# osls is the open-source Serverless Framework; its Node.js comes as a wheel, so that nobody has to have one.
.build/deploy/ready: $(VENV)/ready-package requirements-deploy.txt
	@$(BIN)/uv venv --quiet --clear .build/deploy
	@$(BIN)/uv pip install --quiet --python .build/deploy --require-hashes --requirement requirements-deploy.txt
	@$(OSLS_PATH) npm install --silent --no-audit --no-fund --no-save --prefix .build/deploy osls@4.3.1
	@touch $@

requirements:             ## pin anew what pyproject.toml asks for (needs uv)
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade pyproject.toml -o requirements.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra build pyproject.toml -c requirements.txt -o requirements-build.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --extra dev --extra build pyproject.toml -c requirements.txt -o requirements-dev.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --group package -o requirements-package.txt
	uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --group runtime -o requirements-runtime.txt
	uv pip compile --quiet --universal --python-version 3.13 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --group cloud -o requirements-cloud.txt
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate --upgrade --group deploy -o requirements-deploy.txt

clean:
	rm -rf $(VENV) .build .mypy_cache .ruff_cache .pytest_cache .hypothesis
