# Quintet's everyday commands. `make` alone lists them.
#
#   make run                     serve on the embedded defaults (or on ./config.toml where there is one)
#   make run CONFIG=my.toml      serve with this config file
#   make test ARGS="-k chat"     hand arguments to pytest
#   make PYTHON=python3.13 test  with another interpreter (the environment is made anew)

PYTHON ?= python3
CONFIG ?= $(wildcard config.toml)
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST := $(BIN)/python -m pytest
FAST := not slow and not browser
BESIDE := unhurried or ($(FAST))
PYTHON_VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)

# Stamps: each names a finished step, so that a second run starts at once.
MADE := $(VENV)/.made-with-python$(PYTHON_VERSION)
INSTALLED := $(VENV)/.installed
INSTALLED_DEV := $(VENV)/.installed-dev

.PHONY: help run test test-fast test-packages check bench clean

help:
	@echo "make run        install into $(VENV) and start the server (CONFIG=file)"
	@echo "make test       the whole test suite, with the Debian packages it needs"
	@echo "make test-fast  the tests without browsers, processes and long waits, four at a time"
	@echo "make check      ruff, ruff format, mypy --strict"
	@echo "make bench      measure (see bench/README.md)"
	@echo "make clean      remove what the other commands made (keeps data/)"

run: $(INSTALLED)
	$(BIN)/quintet serve $(if $(CONFIG),--config $(CONFIG)) $(ARGS)

# What is right on a busy machine, too, runs four at a time, and what waits long begins first; browsers,
# processes and most floods have the machine to themselves.
test: $(INSTALLED_DEV) test-packages
ifeq ($(ARGS),)
	@failed=0; set -x; \
	$(PYTEST) --numprocesses 4 --dist worksteal -m "$(BESIDE)" || failed=1; \
	$(PYTEST) -m "not ($(BESIDE))" || failed=1; \
	exit $$failed
else
	$(PYTEST) $(ARGS)
endif

test-fast: $(INSTALLED_DEV)
	$(PYTEST) --numprocesses 4 --hypothesis-profile fast -m "$(FAST)" $(ARGS)

test-packages:
	@scripts/test-packages

check: $(INSTALLED_DEV)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: $(INSTALLED_DEV)
	$(BIN)/python -m bench $(ARGS)

clean:
	rm -rf $(VENV) build dist *.egg-info artifacts .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(MADE):
	@scripts/python-hint $(PYTHON)
	@$(PYTHON) -m venv --clear $(VENV)
	@touch $@

# Editable, so that an edited or pulled source file needs no new install.
$(INSTALLED): pyproject.toml $(MADE)
	@echo "Installing Quintet and what it needs into $(VENV); a minute or two, this time only."
	@$(PIP) install --quiet --editable .
	@touch $@

$(INSTALLED_DEV): pyproject.toml $(MADE)
	@echo "Installing Quintet and what its tests need into $(VENV); a minute or two, this time only."
	@$(PIP) install --quiet --editable '.[dev]'
	@touch $(INSTALLED) $@
