# Entry points: `make run` for a call on this machine, `make test` for everything. `make help` lists the rest.
# Test steps live in tests/run.sh, the test cluster in tests/cluster.

PORT ?= 8080
LISTEN ?= 127.0.0.1
MEDIA_POD := target/release/convene-media-pod
WEB_SOURCES := $(shell find web/src web/build web/index.html web/vite.config.ts web/tsconfig.json web/public -type f 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: check walls help bootstrap run build release media-pod generate images cluster-build cluster-up cluster-down test \
  lint drift test-rust test-simulation test-worker test-fuzz attack soak test-web test-charts test-api-server test-e2e-gallery test-e2e-dev test-e2e-browsers test-e2e-conformance test-cluster test-e2e-cluster \
  measure measure-moves measure-weak measure-operator measure-router measure-livekit screenshots

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-21s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: bootstrap web/dist/index.html media-pod ## builds, then serves a call at http://localhost:8080/m/hello (PORT=... for another port, LISTEN=0.0.0.0 for other machines too)
	@exec $(MEDIA_POD) --dev --listen $(LISTEN):$(PORT) --web-dir web/dist

bootstrap:
	@.ci/bootstrap run

build: bootstrap web/dist/index.html ## web app and all programs, optimized
	cargo build --release

release:
	cargo build --release --workspace

media-pod:
	@echo 'building the media pod; the first time its C++ worker takes 5 to 10 minutes'
	# With the features of the whole workspace, so that `make build` does not recompile everything.
	cargo build --release --workspace --bin convene-media-pod

# npm records its installation in this file.
web/node_modules/.package-lock.json: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

web/dist/index.html: web/node_modules/.package-lock.json $(WEB_SOURCES)
	cd web && npm run build

generate: ## regenerates files from the Rust types: definitions in crds/yaml and the chart, docs/reference.md, types in web/src/generated
	cargo run --quiet -p convene-crds --bin crdgen
	cargo test --quiet -p convene-protocol

images: build ## container images of all programs, loaded onto the test cluster if it is up
	@tests/cluster/images.sh

cluster-build: ## compiles the test cluster (Kubernetes and what it needs, from Go modules); 12 minutes the first time
	@.ci/bootstrap test
	@tests/cluster/build.sh

cluster-up: cluster-build build ## starts a real Kubernetes with two nodes on this machine, with Convene's images on it (root)
	@tests/cluster/up.sh
	@tests/cluster/images.sh

cluster-down: ## stops the cluster and removes everything it left
	@tests/cluster/down.sh

test: ## everything below; prints a summary line with the counts at the end
	@tests/run.sh all

check: ## formatter, clippy and unit tests of what has changed: the quick answer while working
	@tests/run.sh check

walls: ## the walls between the crates: dependencies, circles of modules, every crate compiled alone (10 minutes)
	@tests/run.sh walls walls-alone

lint: ## format, clippy, types, unused code, shell scripts
	@tests/run.sh lint-scripts lint-web lint

drift: ## generated files match the types; no Rust file is left out of the build
	@tests/run.sh programs drift

test-rust: ## unit and integration tests of all crates, with real mediasoup workers
	@tests/run.sh rust

test-simulation: ## the operator in a simulated cluster, with crashes and faults of the API server
	@tests/run.sh simulation

test-worker: ## the media worker's own C++ tests of what our patches change
	@tests/run.sh worker-suite

test-fuzz: ## parsers with a bounded amount of random input (CONVENE_FUZZ_SECONDS=N for longer)
	@tests/run.sh fuzz

attack: release ## every attack against one media pod under the chart's memory limit, during a call of an honest pair (10 minutes; root)
	@CONVENE_ATTACK_SECONDS=$${CONVENE_ATTACK_SECONDS:-300} CONVENE_ATTACK_P99=$${CONVENE_ATTACK_P99:-50} CONVENE_PROGRAMS=$(CURDIR)/target/release tests/run.sh attack

soak: release ## the attacks for longer, then 10 minutes each of random signaling and of random faults for the operator (root)
	@CONVENE_PROGRAMS=$(CURDIR)/target/release tests/run.sh soak

test-web: ## unit tests of the web app
	@tests/run.sh web

test-charts: ## charts: schema, rendering, rejected values
	@tests/run.sh charts

test-api-server: cluster-build ## the operator against a real API server and etcd, without nodes
	@tests/run.sh api-server

test-e2e-gallery: ## every screen of the web app with fixed data: layout and accessibility
	@tests/run.sh e2e-gallery

test-e2e-dev: web/dist/index.html ## browsers against one media pod without a cluster
	@tests/run.sh programs e2e-dev

test-e2e-browsers: web/dist/index.html ## Firefox and Chromium in one call; a browser without WebRTC (root)
	@tests/run.sh programs e2e-browsers

test-e2e-conformance: web/dist/index.html ## third-party clients, old and new, against one media pod
	@tests/run.sh programs e2e-conformance

test-cluster: cluster-build ## the test cluster itself: nodes, pods, services, ports
	@tests/run.sh cluster

test-e2e-cluster: cluster-build web/dist/index.html ## helm, kubectl and browsers on a real Kubernetes; the cluster stays up
	@tests/run.sh programs cluster images e2e-cluster

measure: cluster-build build ## takes the measurements of docs/measurements.md (needs an idle machine)
	@CONVENE_PROGRAMS=$(CURDIR)/target/release tests/run.sh cluster images measure

measure-moves: cluster-build build ## measures how long pictures and sound stop in moves and faults (needs an idle machine; 1 hour, CONVENE_MEASURE_ROUNDS=5: 10 minutes)
	@CONVENE_PROGRAMS=$(CURDIR)/target/release tests/run.sh cluster images measure-moves

measure-weak: build ## measures what arrives over slow and lossy links (needs an idle machine; root)
	@tests/run.sh measure-weak

measure-operator: cluster-build ## measures the operator with ten thousand meetings, without nodes (needs an idle machine)
	@tests/run.sh measure-operator

measure-router: ## measures the overhead of the router (needs an idle machine)
	@tests/run.sh measure-router

measure-livekit: bootstrap ## measures a media pod beside a LiveKit server with the same clients (needs an idle machine; 35 minutes, CONVENE_MEASURE_SHORT=1: 4)
	@tests/run.sh measure-livekit
	@cat test-results/measure-livekit.md

screenshots: build ## retakes the screenshots of the docs
	@tests/run.sh screenshots
