# Everything a developer does, one word each. Needs GNU make and Python >= 3.11; the rest goes into $(VENV).
# An existing pip configuration (mirrors, proxies, certificates) is honoured as it stands.

VENV       ?= .venv
COVERAGE   ?= 90
WORKERS    ?= 2
MINUTES    ?= 30
REPORT     ?= lossmith-report.html
PYTHON     ?=
BIN        := $(VENV)/bin
CANDIDATES := $(if $(PYTHON),$(PYTHON),python3 python3.13 python3.12 python3.11 python)
PIP        := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# Threads inside BLAS only get in each other's way when the tests already run side by side.
QUIET_BLAS := OPENBLAS_NUM_THREADS=1 OMP_NUM_THREADS=1
PYTEST     := $(QUIET_BLAS) $(BIN)/python -m pytest

.PHONY: help demo test check lint types floors nightly peers bench docs clean
.DEFAULT_GOAL := help

help:  ## say what each target does
	@sed -n 's/^\([a-z]*\):[^#]*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{printf "%-16s %s\n", $$1, $$2}'

demo: $(VENV)/.core  ## compare losses on 60,000 flights and write a report
	$(BIN)/lossmith choose examples/flights.parquet --target arr_delay --out $(REPORT) --force
	@echo
	@echo "The report is $(CURDIR)/$(REPORT): open it in a browser."

test: $(VENV)/.test  ## run all tests, with branch coverage of src
	$(PYTEST) -q -n $(WORKERS) --dist worksteal -m "not slow" --cov --cov-report=term --cov-fail-under=$(COVERAGE)

check: lint types floors test  ## what CI runs: style, types, import floors, tests

lint: $(VENV)/.test  ## ruff: style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/.test  ## mypy --strict
	$(BIN)/mypy --strict src

floors: $(VENV)/.test  ## which module may import which
	$(BIN)/python tools/floors.py src/lossmith

nightly: $(VENV)/.test  ## the long tests as well, with many more random examples
	HYPOTHESIS_PROFILE=nightly $(PYTEST) -q -n $(WORKERS) --dist worksteal
	$(QUIET_BLAS) $(BIN)/python tools/every_float32.py --minutes $(MINUTES) --resume build/every_float32.json

peers: $(VENV)/.test  ## install the libraries that judge our losses (PyTorch and others), and let them
	@$(PIP) --editable '.[test,peers]'
	$(PYTEST) -q tests/test_torch.py tests/test_torch_coupled.py tests/test_torch_ends.py tests/test_jax.py tests/test_keras.py \
	  tests/test_export.py tests/test_hosts.py tests/test_host_sweeps.py \
	  tests/test_outside_torch.py tests/test_rosetta.py tests/test_rosetta_boosters.py tests/test_coupled.py tests/test_entropies.py \
	  tests/test_boost.py tests/test_boost_beside.py tests/test_boost_parity.py tests/test_boost_sklearn.py \
	  tests/test_boost_native.py tests/test_boost_options.py tests/test_boost_odd.py tests/test_export_trained.py

bench: $(VENV)/.test  ## time kernels, passes over X, whole fits beside every peer that is installed, and choose
	$(BIN)/python bench/kernels.py
	$(BIN)/python bench/passes.py
	$(BIN)/python bench/solvers.py
	$(BIN)/python bench/choosing.py

docs: $(VENV)/.docs  ## build the documentation into docs/_build/html
	$(BIN)/python tools/layout.py
	$(BIN)/python docs/loss_pages.py docs/losses
	$(BIN)/python -m sphinx -q -W -b html docs docs/_build/html
	@echo "The documentation is $(CURDIR)/docs/_build/html/index.html"

clean:  ## remove what was built; the environment stays (rm -r $(VENV) removes it)
	rm -rf build dist out docs/_build docs/losses .coverage .coverage.* .pytest_cache .mypy_cache .ruff_cache .hypothesis $(REPORT)
	find src tests tools examples docs -name __pycache__ -type d -exec rm -rf {} +

# A stamp is newer than pyproject.toml once what it names is installed, so that nothing is installed twice.
$(BIN)/python:
	@usable=; recent=; \
	for python in $(CANDIDATES); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  recent=$$python; \
	  if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then usable=$$python; break; fi; \
	done; \
	if [ -z "$$recent" ]; then \
	  echo "lossmith needs Python 3.11 or newer; tried: $(CANDIDATES). Name one with: make PYTHON=/path/to/python ..." >&2; exit 1; \
	fi; \
	if [ -z "$$usable" ]; then \
	  echo "$$recent cannot make virtual environments; install its venv module (Debian, Ubuntu: apt install python3-venv)" >&2; exit 1; \
	fi; \
	echo "Making the environment $(VENV) with $$("$$usable" --version)"; \
	"$$usable" -m venv --clear $(VENV)

$(VENV)/.core: pyproject.toml | $(BIN)/python
	@echo "Installing lossmith into $(VENV) (a minute or two, once)"
	@$(PIP) --editable .
	@touch $@

$(VENV)/.test: pyproject.toml | $(BIN)/python
	@echo "Installing lossmith and its test tools into $(VENV) (a minute or two, once)"
	@$(PIP) --editable '.[test]'
	@touch $(VENV)/.core $@

$(VENV)/.docs: pyproject.toml | $(BIN)/python
	@echo "Installing lossmith and its documentation tools into $(VENV) (a minute or two, once)"
	@$(PIP) --editable '.[docs]'
	@touch $(VENV)/.core $@
