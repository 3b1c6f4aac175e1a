# make up: the whole system here, ready to use. make test: everything that must hold. make help: the rest.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

PYTHON ?= $(shell command -v python3.11 || command -v python3)
PORT ?= 8080
# Three at a time, a file to one process, the longest first: each process has its own servers, and much of a test is waiting.
PYTEST_ARGS ?= -n 3 --dist loadfile --no-loadscope-reorder

# Half of a service's start, and of what the tests cost before the first one runs, is compiling what stands compiled.
unexport PYTHONDONTWRITEBYTECODE

BIN := .venv/bin
UV := $(BIN)/uv pip
INSTALLED := .venv/.installed
NODE_MODULES := web/node_modules/.installed
WEB := $(if $(wildcard web/package.json),web/dist/.built)
WEB_SOURCES := $(shell find web -type f -not -path 'web/node_modules/*' -not -path 'web/dist/*' -not -name '*.tsbuildinfo' 2>/dev/null)

.PHONY: help
help: ## this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

.PHONY: up
up: $(INSTALLED) $(WEB) ## install what is missing, run everything with the demo (PORT=8080)
	@exec $(BIN)/smartplus up --demo --port $(PORT)

.PHONY: test
test: $(INSTALLED) $(WEB) ## install a browser and Mosquitto if there is none, run every test against real servers (ARGS=tests/accounts: a part)
	@command -v chromium >/dev/null || ops/packages.sh chromium
	@ops/packages.sh mosquitto-clients # another MQTT client than our own, which must be let in
	@ops/packages.sh fonts-noto-core fonts-noto-cjk || true # without them only the screenshots lack letters
	$(BIN)/pytest $(PYTEST_ARGS) $(ARGS)

.PHONY: check
check: $(INSTALLED) $(if $(WEB),$(NODE_MODULES)) ## ruff, mypy, who imports whom, tsc
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(if $(WEB),ops/npm.sh run typecheck)

.PHONY: faults
faults: $(INSTALLED) ## the long run of the fault tests (the short one is in make test)
	SMARTPLUS_FAULTS=long $(BIN)/pytest tests/faults -p no:xdist --timeout 0

.PHONY: bench
bench: $(INSTALLED) ## each figure beside its floor
	$(BIN)/python -m bench

.PHONY: web
web: $(WEB) ## build the console

.PHONY: lock
lock: $(INSTALLED) ## make requirements.lock anew from pyproject.toml
	$(UV) compile pyproject.toml --all-extras --generate-hashes --no-emit-index-url --no-annotate --no-header \
	  --python-version 3.11 --quiet --output-file requirements.lock

.PHONY: clean
clean: ## delete what was installed and built; the data in .data stays
	rm -rf .venv web/node_modules web/dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis

$(BIN)/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "smartplus: Python 3.11 or later is needed; name one with make PYTHON=…" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || ops/packages.sh python3-venv
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==0.13.9

$(INSTALLED): pyproject.toml requirements.lock | $(BIN)/uv
	@[ "$$(uname -s)" != Linux ] || ops/packages.sh libcurl4 || true # when it matters, mongod's start says so
	$(UV) sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(UV) install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

$(NODE_MODULES): web/package.json web/package-lock.json | $(INSTALLED)
	ops/npm.sh install --no-save --no-fund --no-audit --loglevel error
	@touch $@

web/dist/.built: $(NODE_MODULES) $(WEB_SOURCES)
	ops/npm.sh run --silent build
	@touch $@
