# Two commands for newcomers: `make demo` and `make test`. Everything they need lands in .venv and analyzer/_rust/target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUST := analyzer/_rust
MANIFEST := $(RUST)/Cargo.toml
SAMPLE := sample_pcaps/volte_call.pcap
FUZZ_SECONDS ?= 10

.PHONY: demo test install develop rust-test python-test lint docs samples reports notebooks fuzz bench wheel-test clean

## Installs the package and shows one sample capture: summary, calls, the ladder of one call.
demo: $(VENV)/.installed
	$(BIN)/sip-analyzer summary $(SAMPLE)
	$(BIN)/sip-analyzer calls $(SAMPLE)
	$(BIN)/sip-analyzer ladder 1 $(SAMPLE)

## Every test and check, Rust and Python.
test: develop lint rust-test python-test wheel-test

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

RUST_SOURCES := $(shell find $(RUST) -name '*.rs' -not -path '*/target/*') $(shell find $(RUST) -name 'Cargo.*' -not -path '*/target/*')

$(VENV)/.installed: $(BIN)/python pyproject.toml $(RUST_SOURCES)
	$(BIN)/pip install --quiet --editable .
	$(BIN)/python -m compileall -q -x _rust analyzer
	touch $@

install: $(VENV)/.installed

develop: $(VENV)/.installed $(VENV)/.develop

$(VENV)/.develop: $(BIN)/python pyproject.toml
	$(BIN)/pip install --quiet --group dev
	touch $@

rust-test: $(BIN)/python
	cd $(RUST) && cargo test --quiet --locked -p sip-core

python-test: develop
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist worksteal

lint: develop
	cd $(RUST) && cargo fmt --check && cargo clippy --quiet --locked --workspace --all-targets -- -D warnings
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python -m mypy.stubtest analyzer._core
	$(BIN)/python docs/make_reference.py --check
	$(BIN)/python docs/make_examples.py --check
	$(BIN)/python sample_pcaps/make.py --check

## The wheel as a user gets it: built, looked into, and tried from an empty directory.
wheel-test: develop
	$(BIN)/python tests/wheel/try_wheel.py

## Regenerates what is generated.
docs: develop
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_examples.py

samples: develop
	$(BIN)/python sample_pcaps/make.py

reports: develop
	$(BIN)/python reports/make.py

notebooks: develop
	$(BIN)/python notebooks/make.py

## Each fuzz target for FUZZ_SECONDS (needs a C++ compiler; says so and goes on where there is none).
fuzz:
	$(RUST)/fuzz/run.sh $(FUZZ_SECONDS)

## Speed and memory beside whatever rivals are installed; see benchmarks/README.md for its options.
bench: install
	$(BIN)/python benchmarks/race.py $(BENCH)
	$(BIN)/python benchmarks/carriages.py

clean:
	rm -rf $(VENV) $(RUST)/target dist
