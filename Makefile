# The one vocabulary; .ci/run calls nothing else.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
# Node from target/node, where scripts/ensure had to put one there.
export PATH := $(CURDIR)/target/node/bin:$(PATH)

WEB_SOURCES := $(shell find web/src web/public web/widget sdk -type f 2>/dev/null | grep -v '^web/src/gql/') \
	$(wildcard web/*.json web/vite.config.ts web/vite.widget.config.ts web/vite.sdk.config.ts web/codegen.js web/*.html) schema.graphql

.PHONY: help model run test test-web test-browser test-clients test-sqlite test-postgres lint web schema truths soak bench services clean

help: ## Says what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /\1\t/' | expand -t 16

model: ## Puts the encoder of meanings (33 MB) into target/model
	scripts/ensure model

run: web model ## Starts Buoy with demo data in ./data and prints its address
	scripts/ensure rust
	BUOY_MODEL_DIR="$${BUOY_MODEL_DIR:-target/model}" BUOY_DATA_DIR="$${BUOY_DATA_DIR:-data}" cargo run --release --bin buoy -- serve --demo

web: web/dist/index.html ## Builds the web app that the binary embeds

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

test-browser: web ## The web app in a real browser, against a server on demo data
	scripts/ensure rust chromium
	cargo build --bin buoy
	cd web && npm run test:browser

test-clients: web clients/node_modules/.installed ## Apollo, urql, Relay, code generators, Python, curl against a real server
	scripts/ensure rust clients
	cargo build --bin buoy
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
	scripts/services run cargo test -p tests

lint: web ## Formatting, lints of every language, freshness of schema.graphql
	scripts/ensure rust lint
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cd web && npm run typecheck && npm run lint
	shellcheck scripts/services scripts/ensure .ci/run clients/curl/walk.sh
	target/lint/bin/hadolint --ignore DL3008 docker/Dockerfile
	target/lint/bin/check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yml
	cargo run --quiet --bin buoy -- schema | diff -u schema.graphql - \
		|| { echo "schema.graphql is stale: run make schema" >&2; exit 1; }

schema: ## Writes schema.graphql from the program
	mkdir -p web/dist && { [ -e web/dist/index.html ] || touch -d @0 web/dist/index.html; }
	cargo run --quiet --bin buoy -- schema > schema.graphql.part
	mv schema.graphql.part schema.graphql

truths: web ## Metrics of a whole incident log (LOG=file, UCI data set 498) and of a register of faults (REGISTER=file) against independent scripts, and what stands twice in it
	scripts/ensure rust python
	@[ -r "$${LOG:-}" ] || { echo "make truths LOG=incident_event_log.csv.gz: the log of UCI data set 498 is missing" >&2; exit 1; }
	env TRUTHS_LOG=$$(realpath "$$LOG") $${REGISTER:+TRUTHS_REGISTER=$$(realpath "$$REGISTER")} $${TRUTHS:+TRUTHS_JSON=$$(realpath "$$TRUTHS")} cargo test -p tests truths:: -- --nocapture

soak: web ## Hundreds of kill -9 of the real program (ROUNDS=200), on SQLite
	scripts/ensure rust
	SOAK_ROUNDS=$${ROUNDS:-200} cargo test -p tests -- what_was_acknowledged levels_that_are_killed --nocapture

bench: web ## Load and speed as ratios to limits measured in the same run; ONLY=name for one
	scripts/ensure rust bench
	cargo build --release -p bench
	BENCH_PYTHON=target/bench/bin/python target/release/bench $${ONLY:-}

services: ## Runs a private PostgreSQL until Ctrl-C and prints its address
	scripts/services

clean: ## Removes what was built
	rm -rf target web/dist web/node_modules web/src/gql
