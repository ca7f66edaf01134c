# What a person types. Every target installs what it lacks by itself: Debian packages as root, else with rustup.
#
#   make run                   build everything and serve the plugins on http://127.0.0.1:8080
#   make run LISTEN=...        the same on another address
#   make test                  every test, real clients included
#   make lint                  formatting, clippy, documentation, licences
#   make conformance           the suites and clients of other people, into CONFORMANCE.md; may install Debian packages as root
#   make conformance-check     the same, compared with CONFORMANCE.md
#   make bench                 requests per second and CPU time per request, against a native server
#   make plugins               only the plugins, into target/plugins
#   make conformance-plugins   the plugins that tests and suites are pointed at, into target/conformance-plugins
#   make examples              the orders of examples/ in JavaScript, Python and C, into target/examples
#   make clean                 remove everything that was built

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

# A fresh rustup is in PATH only after the next login.
export PATH := $(PATH):$(HOME)/.cargo/bin

LISTEN ?= 127.0.0.1:8080
# `make LOCKED=--locked ...` refuses a Cargo.lock that would have to change.
LOCKED ?=
TARGET_DIRECTORY := $(or $(CARGO_TARGET_DIR),target)

# Two workspaces: the host, and what runs in the sandbox (sdk/Cargo.toml). Always the whole of each, so that no package is
# compiled twice with different features.
CARGO_FLAGS := --release --workspace $(LOCKED)
GUEST_FLAGS := --manifest-path sdk/Cargo.toml --target-dir $(TARGET_DIRECTORY)/sdk $(CARGO_FLAGS)
# And one that only the benchmark needs (host/benches/jsonrpsee/Cargo.toml).
BASELINE_FLAGS := --manifest-path host/benches/jsonrpsee/Cargo.toml --target-dir $(TARGET_DIRECTORY)/jsonrpsee --release $(LOCKED)
BENCH ?= cargo bench --workspace $(LOCKED) --bench '*'

GUESTHOUSE := $(TARGET_DIRECTORY)/release/guesthouse
PLUGINS := $(patsubst %/Cargo.toml,%,$(wildcard plugins/*/Cargo.toml))
CONFORMANCE_PLUGINS := $(patsubst %/Cargo.toml,%,$(wildcard tests/plugins/*/Cargo.toml examples/*/Cargo.toml))
VENV := target/venv

.PHONY: run test lint bench plugins conformance-plugins examples conformance conformance-check clients host clean

run: plugins
	exec $(GUESTHOUSE) serve target/plugins --listen $(LISTEN)

host:
	.ci/install compiler rust
	cargo build $(CARGO_FLAGS)

plugins: host
	$(if $(PLUGINS),,$(error there are no plugins in plugins/))
	$(GUESTHOUSE) build --install $(LOCKED) --target-dir $(TARGET_DIRECTORY)/guest --out target/plugins $(PLUGINS)

conformance-plugins: host
	$(if $(CONFORMANCE_PLUGINS),,$(error there are no plugins in tests/plugins))
	$(GUESTHOUSE) build --install $(LOCKED) --target-dir $(TARGET_DIRECTORY)/guest --out target/conformance-plugins $(CONFORMANCE_PLUGINS)

# Their tools go below target/, too: some 900 MB, once.
examples: host
	examples/build $(GUESTHOUSE) target/examples

# The clients that tests use, in a Python environment of their own; made again when the list of them changes.
clients: $(VENV)/requirements.txt

$(VENV)/requirements.txt: tests/requirements.txt
	.ci/install python
	rm -rf $(VENV)
	python3 -m venv $(VENV)
	$(VENV)/bin/pip install --quiet --disable-pip-version-check --requirement $<
	cp $< $@

# Where the tests find what was built. Absolute, because cargo runs each test in its package's folder.
test: export GUESTHOUSE_TEST_PLUGINS := $(CURDIR)/target/plugins
test: export GUESTHOUSE_TEST_CONFORMANCE_PLUGINS := $(CURDIR)/target/conformance-plugins
test: export GUESTHOUSE_TEST_PYTHON := $(CURDIR)/$(VENV)/bin/python
test: plugins conformance-plugins clients
	.ci/install curl wrk
	cargo test $(GUEST_FLAGS)
	cargo test $(CARGO_FLAGS)

conformance: plugins conformance-plugins examples
	.ci/install python
	python3 tests/conformance/run.py --binary $(GUESTHOUSE) --write CONFORMANCE.md

conformance-check: plugins conformance-plugins examples
	.ci/install python
	python3 tests/conformance/run.py --binary $(GUESTHOUSE) --check CONFORMANCE.md

lint:
	.ci/install compiler rust rust-lints
	cargo fmt --all --check
	cargo fmt --manifest-path sdk/Cargo.toml --all --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	cargo clippy $(GUEST_FLAGS) --all-targets -- -D warnings
	cargo fmt --manifest-path host/benches/jsonrpsee/Cargo.toml --check
	cargo clippy $(BASELINE_FLAGS) -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps
	RUSTDOCFLAGS="-D warnings" cargo doc $(GUEST_FLAGS) --no-deps
	.ci/licences

bench: export GUESTHOUSE_TEST_PLUGINS := $(CURDIR)/target/plugins
bench: export GUESTHOUSE_TEST_CONFORMANCE_PLUGINS := $(CURDIR)/target/conformance-plugins
bench: export GUESTHOUSE_BENCH_JSONRPSEE := $(abspath $(TARGET_DIRECTORY))/jsonrpsee/release/jsonrpsee-baseline
bench: plugins conformance-plugins
	cargo build $(BASELINE_FLAGS)
	$(BENCH)

clean:
	cargo clean
	rm -rf target
