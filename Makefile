# Every target works from a clean clone and may be run twice.
# CARGO_PROFILE_FLAG can be emptied to try the demo with an unoptimised build.

CARGO ?= cargo
CARGO_PROFILE_FLAG ?= --release
ALLO = target/$(if $(CARGO_PROFILE_FLAG),release,debug)/allo

# Features with tests of their own; what is built without them is checked as well.
TESTED_FEATURES = otel,mic

# Folder with evaluation sets, each with a manifest.tsv (columns file, lang, transcript).
EVAL ?=

.PHONY: help demo test check lint docs examples deny fixtures setup setup-test build models bench clean

help:
	@echo "make demo      install what is missing, build, pull the models, play the fixture calls"
	@echo "make test      the same set-up, then every test"
	@echo "make check     fmt, clippy, tests, docs, examples, licences, advisories: what a change must pass"
	@echo "make fixtures  render fixtures/audio again from fixtures/scripts"
	@echo "make bench EVAL=FOLDER   measure against faster-whisper on your sets (see BENCHMARKS.md)"

setup:
	@scripts/setup run

setup-test:
	@scripts/setup test

build: setup
	$(CARGO) build $(CARGO_PROFILE_FLAG)

models: build
	$(ALLO) models pull

demo: models
	$(ALLO) demo

# With CI set a test whose model or voice is missing fails instead of being skipped. Plain `cargo test` runs the same tests
# without those of the features.
test: setup-test
	$(CARGO) build --features $(TESTED_FEATURES)
	target/debug/allo models pull
	target/debug/allo models pull whisper-tiny.en pico-en-US
	CI=1 $(CARGO) test --features $(TESTED_FEATURES)

# The features and the fuzz targets are compiled with every change, so that they do not rot; running the targets needs a
# nightly compiler.
lint: setup-test docs
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets -- -D warnings
	$(CARGO) clippy --all-targets --features $(TESTED_FEATURES) -- -D warnings
	$(CARGO) check --manifest-path fuzz/Cargo.toml --target-dir target/fuzz --locked

docs: setup
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps

examples: setup
	$(CARGO) build --examples

deny:
	@scripts/deny

check: lint test examples deny

fixtures: models
	$(ALLO) models pull pico-en-US
	$(ALLO) fixtures render

bench: setup-test models
	@[ -n "$(EVAL)" ] || { echo "bench: no evaluation sets are named" >&2; \
	  echo "hint: make bench EVAL=FOLDER, see the head of benches/against_faster_whisper.sh" >&2; exit 2; }
	benches/against_faster_whisper.sh "$(EVAL)"

clean:
	$(CARGO) clean
