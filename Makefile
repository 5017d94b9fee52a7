# Two commands for newcomers: `make demo` and `make test`; for a change `make check`. Everything they need lands in .venv
# and analyzer/_rust/target.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# The Rust that rust-toolchain.toml names may be installed under another name, as "stable": then that one is used.
PINNED_RUST := $(shell sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
ifeq ($(PINNED_RUST),$(shell cd / && rustc --version 2>/dev/null | cut -d' ' -f2))
RUSTUP_TOOLCHAIN ?= $(shell cd / && rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)
RUSTUP_TOOLCHAIN := $(RUSTUP_TOOLCHAIN)
export RUSTUP_TOOLCHAIN
endif

# `make develop` brings both at once; what needs them follows it.
DEVELOPED := $(VENV)/.installed $(VENV)/.develop

# The versions that the project is tested with; pyproject.toml has the ranges that users may have.
LOCKED := --constraint .ci/constraints.txt

RUST := analyzer/_rust
MANIFEST := $(RUST)/Cargo.toml
SAMPLE := sample_pcaps/volte_call.pcap
FUZZ_SECONDS ?= 10

# One profile for all that is built: the editable install, the wheel, the Rust tests and Clippy share what they depend on.
# Cargo has no part in the jobs of make.
CARGO := cd $(RUST) && MAKEFLAGS= cargo
PROFILE := --quiet --locked --release --workspace
PYTEST := POLARS_MAX_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --dist loadgroup --no-loadscope-reorder

.PHONY: demo test test-rust test-python test-python-run prepared check rust-check install develop rust-test python-test lint rust-lint python-lint
.PHONY: python-types python-stubs generated docs man samples reports notebooks fuzz bench profile wheel-test clean

## Installs the package and shows one sample capture: summary, calls, the ladder of one call.
demo: install
	$(BIN)/sip-analyzer summary $(SAMPLE)
	$(BIN)/sip-analyzer calls $(SAMPLE)
	$(BIN)/sip-analyzer ladder 1 $(SAMPLE)

# Two jobs for two processors. The core compiles and Rust is checked in the one; in the other pip installs, types are
# checked, and pytest begins as soon as there is a core. The wheel is tried before Clippy, which has other settings of
# PyO3: behind it the wheel would be compiled anew.
## Every test and check, Rust and Python.
test:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync test-rust test-python

test-rust: $(VENV)/.installed
	@$(MAKE) --no-print-directory wheel-test
	@$(MAKE) --no-print-directory rust-lint
	@$(MAKE) --no-print-directory rust-test

test-python: python-types $(DEVELOPED)
	@$(MAKE) --no-print-directory test-python-run

test-python-run: $(DEVELOPED)
	@$(MAKE) --no-print-directory python-stubs licences generated
	@$(MAKE) --no-print-directory --output-sync=none python-test

# What .ci/run begins with: types are checked while one compiler works at the end of the core.
prepared:
	@$(MAKE) --no-print-directory --jobs=2 --output-sync $(VENV)/.compiled python-types
	@$(MAKE) --no-print-directory $(VENV)/.installed

## What to run at each change: lints, types and one case of each fast test, in a minute and a half once everything is built.
check: develop
	$(MAKE) --no-print-directory --jobs=2 --output-sync python-lint rust-check
	$(PYTEST) -m "not slow and not sweep and not tshark and not browser and not shared"

rust-check:
	$(CARGO) fmt --check
	$(CARGO) check $(PROFILE)

$(BIN)/python:
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade $(LOCKED) pip

RUST_SOURCES := $(shell find $(RUST) -name '*.rs' -not -path '*/target/*') $(shell find $(RUST) -name 'Cargo.*' -not -path '*/target/*')

# One compiler works at the end of the core alone, and pip is one process: what Python needs comes meanwhile.
install:
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/.compiled $(VENV)/.needs
	@$(MAKE) --no-print-directory $(VENV)/.installed

develop:
	@$(MAKE) --no-print-directory --jobs=2 $(VENV)/.compiled $(VENV)/.develop
	@$(MAKE) --no-print-directory $(VENV)/.installed

$(BIN)/maturin: $(BIN)/python
	$(BIN)/pip install --quiet $(LOCKED) maturin

$(VENV)/.compiled: $(BIN)/maturin pyproject.toml $(RUST_SOURCES)
	$(BIN)/maturin build --quiet --release --locked --interpreter $(BIN)/python --out $(RUST)/target/wheels
	touch $@

$(VENV)/.needs: $(BIN)/maturin pyproject.toml .ci/constraints.txt
	$(BIN)/pip install --quiet $(LOCKED) --no-build-isolation --only-deps .
	touch $@

$(VENV)/.develop: $(VENV)/.needs
	$(BIN)/pip install --quiet $(LOCKED) --group dev
	touch $@

$(VENV)/.installed: $(VENV)/.compiled $(VENV)/.needs
	$(BIN)/pip install --quiet --no-build-isolation --no-deps --editable .
	$(BIN)/python -m compileall -q -x _rust analyzer
	touch $@

# Of two pips at once in one environment neither knows what the other does.
ifneq ($(filter test-python,$(MAKECMDGOALS)),)
$(VENV)/.installed: | $(VENV)/.develop
endif

rust-test:
	$(CARGO) --config tests.toml test $(PROFILE)

python-test: $(DEVELOPED)
	$(PYTEST)

lint: rust-lint python-lint generated

rust-lint:
	$(CARGO) fmt --check
	$(CARGO) clippy $(PROFILE) --all-targets -- -D warnings
	cd $(RUST)/fuzz && cargo fmt --check && $(FUZZ_LINT) cargo clippy --quiet --locked --release -- -D warnings

# The fuzz targets are no members of the workspace (analyzer/_rust/fuzz/Cargo.toml). Nothing is linked here: libFuzzer,
# which is C++, is not built.
FUZZ_LINT = CUSTOM_LIBFUZZER_PATH=/none/libfuzzer.a CARGO_TARGET_DIR=$${CARGO_TARGET_DIR:-$$PWD/../target}

python-lint: python-types python-stubs

# These need no core.
python-types: $(VENV)/.develop
	$(BIN)/ruff check . && $(BIN)/ruff format --check .
	$(BIN)/mypy

# The stub is held against the core alone: by way of the package mypy would read all of it a second time.
python-stubs: $(DEVELOPED)
	cd analyzer && ../$(BIN)/python -m mypy.stubtest _core

## What is generated is what its makers make today.
generated: $(DEVELOPED)
	$(BIN)/python docs/make_reference.py --check
	$(BIN)/python docs/make_properties.py --check
	$(BIN)/python docs/make_examples.py --check
	$(BIN)/python sample_pcaps/make.py --check

## The wheel as a user gets it: built, looked into, and tried from an empty directory.
wheel-test: $(DEVELOPED)
	$(BIN)/python tests/wheel/try_wheel.py

## Regenerates what is generated.
docs: $(DEVELOPED)
	$(BIN)/python docs/make_reference.py
	$(BIN)/python docs/make_properties.py
	$(BIN)/python docs/make_examples.py
	$(BIN)/python docs/make_public_names.py

## The manual page of the command: build/man/sip-analyzer.1.
man: $(DEVELOPED)
	$(BIN)/python docs/make_man.py

samples: $(DEVELOPED)
	$(BIN)/python sample_pcaps/make.py

reports: $(DEVELOPED)
	$(BIN)/python reports/make.py

notebooks: $(DEVELOPED)
	$(BIN)/python notebooks/make.py

## Each fuzz target for FUZZ_SECONDS (needs a C++ compiler; says so and goes on where there is none).
fuzz:
	$(RUST)/fuzz/run.sh $(FUZZ_SECONDS)

## Speed and memory beside whatever rivals are installed; see benchmarks/README.md for its options.
bench: $(VENV)/.installed
	$(BIN)/python benchmarks/race.py --json $(RUST)/target/race.json $(BENCH)
	$(BIN)/python benchmarks/history.py add $(RUST)/target/race.json
	$(BIN)/python benchmarks/tunnels.py
	$(BIN)/python benchmarks/tls.py

## Where the time of `calls` goes, stage by stage: make profile PROFILED=night.pcap
PROFILED ?= benchmarks/captures/udp-100k.pcap
profile: $(VENV)/.installed
	test -e $(PROFILED) || $(BIN)/python benchmarks/write_captures.py --sizes 100k --transports udp
	$(BIN)/python benchmarks/stages.py $(PROFILED)

## What a store costs, in one table: memory, time, size, queries, workers; SCALE has options of benchmarks/scale.py.
bench-scale: $(VENV)/.installed
	$(BIN)/python benchmarks/scale.py $(SCALE)

## Fails if the last `make bench` was more than a tenth slower than the one before on this kind of machine.
bench-compare:
	$(PYTHON) benchmarks/history.py compare

.PHONY: help bench-scale bench-compare lock hooks format-rust licences deny release wheels site coverage

## Lists the targets.
help:
	@awk '/^## /{text = substr($$0, 4)} /^[a-z-]+:/ && text {sub(":.*", ""); printf "%-14s %s\n", $$0, text; text = ""}' Makefile

## Pins the newest versions that pyproject.toml allows in .ci/constraints.txt.
lock: $(BIN)/python
	$(BIN)/python .ci/lock.py

## Runs quick checks before each commit (.pre-commit-config.yaml).
hooks: $(DEVELOPED)
	$(BIN)/pip install --quiet --group hooks
	$(BIN)/pre-commit install

format-rust:
	cd $(RUST) && cargo fmt

## No crate under a licence that deny.toml does not allow, no Python package under the GPL but scapy.
licences: $(DEVELOPED)
	$(BIN)/python .ci/licences.py

lint python-lint: licences

# Known vulnerabilities need the network: `make deny DENY=advisories` fetches their database.
## Licences, sources and duplicates of the crates, by cargo-deny (docs/licences.md).
DENY ?= licenses bans sources
deny:
	@command -v cargo-deny >/dev/null || { echo "cargo-deny is missing: cargo install cargo-deny --locked"; exit 1; }
	cd $(RUST) && cargo deny --locked check $(DENY)

## Wheels and the sdist, each tried in an empty environment, in dist/ (docs/release.md).
release: $(DEVELOPED)
	$(BIN)/pip install --quiet --group release
	$(BIN)/python .ci/release.py $(RELEASE)

## A wheel for CPython 3.11 and newer on this machine, and the sdist, each tried in an empty environment, in dist/.
wheels: $(DEVELOPED)
	$(BIN)/python .ci/release.py --native

## README and docs as a site in build/site, with search; it needs no network (docs/make_site.py).
site: $(BIN)/python
	$(BIN)/pip install --quiet --group site
	$(BIN)/python docs/make_site.py

## Which lines and branches the tests reach, module by module: a report, not a bar (TESTS=tests/sip for some).
coverage: $(DEVELOPED)
	$(BIN)/pip install --quiet --group coverage
	POLARS_MAX_THREADS=1 $(BIN)/python -m coverage run -m pytest --numprocesses 0 $(TESTS)
	$(BIN)/python -m coverage report

clean:
	rm -rf $(VENV) $(RUST)/target dist build
