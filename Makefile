# Every development task. .ci/run calls only these targets.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Node from target/node, if scripts/ensure installed it there.
export PATH := $(CURDIR)/target/node/bin:$(PATH)

WEB_SOURCES := $(shell find web/src web/public web/widget sdk -type f 2>/dev/null | grep -v '^web/src/gql/') \
	$(wildcard web/*.json web/vite.config.ts web/vite.widget.config.ts web/vite.sdk.config.ts web/codegen.js web/*.html) schema.graphql

.PHONY: help model run release build-times test test-web test-browser test-clients test-sqlite test-postgres lint web schema reference-figures truths soak bench services clean

help: ## Lists the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 20

model: ## Downloads the sentence encoder (33 MB) into target/model
	scripts/ensure model

run: web model ## Builds Buoy (not optimised), starts it with demo data in ./data and prints its address
	scripts/ensure rust
	BUOY_MODEL_DIR="$${BUOY_MODEL_DIR:-target/model}" BUOY_DATA_DIR="$${BUOY_DATA_DIR:-data}" cargo run --bin buoy -- serve --demo

release: web ## Builds the optimised program, target/release/buoy
	scripts/ensure rust
	cargo build --release --locked --bin buoy

web: web/dist/index.html ## Builds the web app, which the program embeds

web/dist/index.html: $(WEB_SOURCES) web/node_modules/.installed
	cd web && npm run build

web/node_modules/.installed: web/package-lock.json
	scripts/ensure node
	cd web && npm ci --no-audit --no-fund
	touch $@

test: test-web test-sqlite test-postgres test-browser test-clients ## Runs every test: web, SQLite, PostgreSQL, browser, clients
	@echo "all tests passed: web, SQLite, PostgreSQL, browser, clients"

test-web: web
	cd web && npm test

test-browser: web ## Tests the web app in a browser, against a server with demo data
	scripts/ensure rust chromium
	cargo build --workspace --bin buoy
	cd web && npm run test:browser

test-clients: web clients/node_modules/.installed ## Tests third-party clients (Apollo, urql, Relay, code generators, Python, curl) against a server
	scripts/ensure rust clients
	cargo build --workspace --bin buoy
	cd clients && npm test

clients/node_modules/.installed: clients/package-lock.json
	scripts/ensure node
	cd clients && npm ci --no-audit --no-fund
	touch $@

test-sqlite: web model
	scripts/ensure rust python
	@echo "== every test, on SQLite"
	env -u BUOY_TEST_DATABASE_URL cargo test --workspace

test-postgres: web model
	scripts/ensure rust python
	@echo "== the integration tests once more, on a private PostgreSQL"
	scripts/services run cargo test --workspace --test it

lint: web ## Checks formatting, lints, licences, duplicate crates and that schema.graphql is current
	scripts/ensure rust lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd web && npm run typecheck && npm run lint
	shellcheck scripts/services scripts/ensure scripts/build-times .ci/run clients/curl/walk.sh
	target/lint/bin/hadolint --ignore DL3008 docker/Dockerfile
	target/lint/bin/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yml
	target/lint/bin/cargo-deny --locked check --deny unmatched-skip --deny unnecessary-skip \
		--deny license-exception-not-encountered licenses bans sources
	node scripts/npm-licenses.mjs web/package-lock.json
	cargo build --quiet --workspace --bin buoy
	target/debug/buoy schema | diff -u schema.graphql - \
		|| { echo "schema.graphql is stale: run make schema" >&2; exit 1; }
	cd web && npm run lint:schema

schema: ## Writes schema.graphql from the code
	mkdir -p web/dist && { [ -e web/dist/index.html ] || touch -d @0 web/dist/index.html; }
	cargo run --quiet --bin buoy -- schema > schema.graphql.part
	mv schema.graphql.part schema.graphql

reference-figures: web ## Compares metrics of an incident log (LOG=file, UCI data set 498) and, optionally, a fault register (REGISTER=file) with independent scripts
	scripts/ensure rust python
	@[ -r "$${LOG:-}" ] || { echo "make $@ LOG=incident_event_log.csv.gz: the log of UCI data set 498 is missing" >&2; exit 1; }
	env TRUTHS_LOG=$$(realpath "$$LOG") $${REGISTER:+TRUTHS_REGISTER=$$(realpath "$$REGISTER")} $${TRUTHS:+TRUTHS_JSON=$$(realpath "$$TRUTHS")} cargo test -p tests reference_figures:: -- --nocapture

truths: reference-figures ## The old name of reference-figures

soak: web ## Kills the program with kill -9 hundreds of times (ROUNDS=200), on SQLite
	scripts/ensure rust
	SOAK_ROUNDS=$${ROUNDS:-200} cargo test -p tests -- acknowledged_writes_survive_kill_9 escalation_levels_interrupted_by_kill_9 --nocapture

bench: web ## Measures load and speed as ratios to limits of the same run; ONLY=name for one benchmark
	scripts/ensure rust bench
	cargo build --release -p bench
	BENCH_PYTHON=target/bench/bin/python target/release/bench $${ONLY:-}

build-times: web ## Measures build times from a cold target folder, and from a changed file to a running program
	scripts/ensure rust
	scripts/build-times $${ONLY:-}

services: ## Runs a private PostgreSQL and prints its address, until Ctrl-C
	scripts/services

clean: ## Removes build output
	rm -rf target web/dist web/node_modules web/src/gql
