# `make` lists what there is to do.

.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Made of the lock file's content: nothing is installed again while it has not changed.
stamp = $(VENV)/.installed-$(1)-$(firstword $(shell cksum requirements-$(1).txt))

define venv
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; this is " + sys.version if sys.version_info < (3, 11) else 0)'
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) \
	  || { rm -rf $(VENV); echo "python3 cannot make a virtual environment. On Debian: apt-get install python3-venv"; exit 1; }
endef

# Installs a lock file: pip only uv, as the file pins it; uv the rest, in parallel and with a progress bar.
define install
	@echo "Installing $(1) into $(VENV) ..."
	@awk '/^[a-z]/ { found = /^uv==/ } found' $(1) > $(VENV)/uv.txt
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $(VENV)/uv.txt
	@$(BIN)/uv pip install --python $(BIN)/python --require-hashes -r $(1)
endef

.PHONY: help
help: ## what there is to do
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{ printf "  make %-13s %s\n", $$1, $$2 }'

# --- the product on this machine -------------------------------------------------------------------------------------

.PHONY: run
run: $(call stamp,local) ## start everything on this machine; Ctrl-C stops it (options: ARGS="--profile zero --port 8080")
	@$(BIN)/python -m local run $(ARGS)

.PHONY: screenshots
screenshots: $(call stamp,dev) ## make the pictures of the console in docs/images/ anew (needs Debian's chromium)
	@$(BIN)/python -m local.console.screenshots

.PHONY: sync
sync: $(call stamp,local) ## run the nightly student sync and purge on what `make run` started (options: ARGS="--students 3000")
	@$(BIN)/python -m local sync $(ARGS)

# Tests that share an expensive fixture stay together in one worker: tests/selection.py.
.PHONY: test
test: $(call stamp,dev) ## all tests, on all cores (options: ARGS="-n0 tests/e2e")
	@$(BIN)/pytest -n logical --dist loadscope --no-loadscope-reorder $(ARGS)

.PHONY: test-fast
test-fast: $(call stamp,dev) ## the tests that start no server and no process
	@$(BIN)/pytest -n logical --dist worksteal -m fast --hypothesis-profile few-examples $(ARGS)

.PHONY: fuzz
fuzz: $(call stamp,dev) ## fuzz what reads messages, answers and requests, a minute each (options: ARGS="--seconds 600 webhook")
	@$(BIN)/python -c 'import atheris' 2>/dev/null \
	  || $(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-fuzz.txt
	@$(BIN)/python -m tests.fuzz $(ARGS)

.PHONY: check
check: $(call stamp,dev) ## formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

.PHONY: layers
layers: $(call stamp,dev) ## build what is deployed to Lambda, and print the sizes beside their limits
	@$(BIN)/python -m infra.packaging

# --- dependencies ----------------------------------------------------------------------------------------------------

$(call stamp,local):
	$(venv)
	$(call install,requirements-local.txt)
	@rm -f $(VENV)/.installed-local-* && touch $@

# Holds everything that requirements-local.txt does, in the same versions.
$(call stamp,dev):
	$(venv)
	$(call install,requirements-dev.txt)
	@rm -f $(VENV)/.installed-dev-* $(VENV)/.installed-local-* && touch $@ $(call stamp,local)

# Universal: the same lock serves every platform and every Python from 3.11 on.
LOCK := $(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --python-version 3.11

.PHONY: lock
lock: $(call stamp,dev) ## pin the dependencies anew, within what pyproject.toml and functions/layers/*.in allow
	$(LOCK) --group dev -o requirements-dev.txt
	$(LOCK) -c requirements-dev.txt --group local -o requirements-local.txt
	$(LOCK) -c requirements-dev.txt --group deploy -o requirements.txt
	$(LOCK) --group fuzz -o requirements-fuzz.txt
	$(LOCK) -c requirements-dev.txt functions/layers/core.in -o functions/layers/core.txt
	for layer in ai graph pdf; do \
	  $(LOCK) -c requirements-dev.txt -c functions/layers/core.txt functions/layers/$$layer.in -o functions/layers/$$layer.txt; \
	done
	@$(MAKE) --no-print-directory loaded

.PHONY: loaded
loaded: $(call stamp,dev)
	@$(BIN)/python -m infra.packaging find-loaded-modules

-include infra/infra.mk bench/bench.mk
