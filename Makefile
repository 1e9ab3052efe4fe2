# `make serve` and `make test` set up .venv by themselves; nothing else is needed than Python >= 3.11 with venv.
# .venv belongs to this file: whenever a set-up did not reach its end, the next one starts from an empty folder.

PYTHON  ?= python3
WORKERS ?= 4
BIN     := .venv/bin
ARGS    ?=

# The user's pip configuration stays in force (indexes, certificates), but for what would install elsewhere or not at all.
export PIP_DISABLE_PIP_VERSION_CHECK := 1
export PIP_REQUIRE_HASHES := 0
export PIP_USER := 0
unexport PIP_PREFIX PIP_ROOT PIP_TARGET
PIP := $(BIN)/python -I -m pip
PYTEST := $(BIN)/pytest -n $(WORKERS) --dist worksteal
COMPILE := $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--custom-compile-command "make lock" pyproject.toml

.PHONY: help serve test test-web test-long soak coverage lint format schema bench lock clean FORCE
.NOTPARALLEL:
.DEFAULT_GOAL := help

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-9s %s\n", $$1, $$2 }' Makefile

serve: .venv/for-serve  ## run the server; ARGS="--port 9000" are its options
	@exec $(BIN)/jmap-oauth serve $(ARGS)

test: .venv/for-test lint  ## lint, then all tests in parallel; ARGS="-k query" go to pytest
	@$(PYTEST) $(ARGS)

# Part of `make test` where there is a browser; pictures of each screen are left in screenshots/.
test-web: .venv/for-test  ## the tests of the admin page, in a browser; ARGS as for test
	@$(PYTEST) tests/web $(ARGS)

# Tests that `make test` runs too, with larger numbers; the requests of the fuzz are others each time.
test-long: export JMAP_OAUTH_TEST_STEPS := 10000
test-long: export JMAP_OAUTH_TEST_EXAMPLES := 1000
test-long: export JMAP_OAUTH_TEST_KILLS := 100
test-long: .venv/for-test  ## long random histories, much fuzz, many kills; ARGS as for test
	@$(PYTEST) --timeout 1800 tests/stateful tests/fuzz tests/process/test_kill.py $(ARGS)

soak: export JMAP_OAUTH_TEST_SOAK := 600
soak: .venv/for-test  ## ten minutes of mixed load on each database, with backups and an outage; ARGS as for test
	@$(PYTEST) tests/process/test_soak.py $(ARGS)

# Apart from `make test`, because counting lines takes 1.8 times the processor time.
coverage: .venv/for-test  ## all tests, failing where less than 90 % of lines and branches are run
	@$(PYTEST) --cov=jmap_oauth --cov-branch --cov-fail-under=90 $(ARGS)

lint: .venv/for-test  ## check format, lint rules and types
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy

format: .venv/for-test  ## format the code and repair what ruff can
	@$(BIN)/ruff check --fix-only
	@$(BIN)/ruff format

schema: .venv/for-test  ## write schema/objects.json anew
	$(BIN)/python -m tests.support.write_schema

bench: .venv/for-test  ## measure requests among up to 1,000,000 clients; ARGS="--clients 10000" go to it
	@$(BIN)/python -m tests.bench $(ARGS)

lock: .venv/for-test  ## write requirements*.txt anew; ARGS=--upgrade takes the newest versions
	@$(PIP) install --quiet uv
	$(COMPILE) --group editable --output-file requirements.txt $(ARGS)
	$(COMPILE) --group dev --constraint requirements.txt --output-file requirements-dev.txt $(ARGS)

clean:  ## remove .venv, caches and build results; data/ stays
	rm -rf .venv build dist .coverage .coverage.* htmlcov .hypothesis .mypy_cache .pytest_cache .ruff_cache screenshots
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# --- the set-up ---

# .venv/sound is there while no installation is under way, and holds the path of the checkout: a venv cannot be moved.
SOUND := $(shell test "$$(cat .venv/sound 2>/dev/null)" = "$$(pwd -P)" && $(BIN)/python -I -c "import pip; print(1)" 2>/dev/null)

.venv/for-serve: requirements.txt pyproject.toml Makefile $(if $(SOUND),,FORCE)
	$(call set-up,requirements.txt)
	@touch $@

.venv/for-test: requirements.txt requirements-dev.txt pyproject.toml Makefile $(if $(SOUND),,FORCE)
	$(call set-up,requirements-dev.txt)
	@touch .venv/for-serve $@

define set-up
$(if $(SOUND),,$(if $(PYTHON_FAULT),$(error $(PYTHON_FAULT))))
@echo "Setting up .venv from $(1)"
@rm -f .venv/sound
$(if $(SOUND),,@$(PYTHON) -m venv --clear .venv)
@$(PIP) install --quiet --require-hashes -r $(1)
@$(PIP) install --quiet --no-build-isolation --no-deps --editable .
@pwd -P > .venv/sound
endef

# Says in one line what is missing, or nothing.
PYTHON_FAULT = $(shell \
	if ! command -v $(PYTHON) >/dev/null; then \
		echo "$(PYTHON) is not installed: Python 3.11 or newer is needed (another name: make PYTHON=python3.12)"; \
	elif ! $(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" 2>/dev/null; then \
		echo "$(PYTHON) is older than Python 3.11 or does not run (another one: make PYTHON=python3.12)"; \
	elif ! $(PYTHON) -c "import ensurepip, venv" 2>/dev/null; then \
		echo "$(PYTHON) lacks venv or ensurepip (on Debian and Ubuntu: apt install python3-venv)"; \
	fi)
