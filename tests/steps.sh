# The test steps. Sourced by run.sh, which captures the output. A step ends at its first failing command, and calls
# `count` with what its runner reported.
# shellcheck shell=bash disable=SC2034

# shellcheck source=tests/cluster/lib.sh
source "$REPOSITORY/tests/cluster/lib.sh"
set -euo pipefail

# Tests and the programs that they start: one profile and one set of features, so that nothing is compiled twice.
COMPILED_AS=(--profile ci --workspace --features convene-cli/livekit)
PROGRAMS=${CONVENE_PROGRAMS:-$REPOSITORY/target/ci}
# The C code of crates, in each target directory, and in the next run.
if command -v ccache >/dev/null; then export HOST_CC='ccache cc' HOST_CXX='ccache c++'; fi

declare -A DESCRIPTIONS=(
  [lint]='rustfmt, clippy, rustdoc, one version of tokio, axum and kube'
  [check]='formatter, clippy and unit tests of what has changed since the last commit on the main branch (with warm caches 2 minutes)'
  [lint-scripts]='shell scripts, retired words, dependencies, and whether failed tests are named'
  [walls]='dependencies between crates, no cycles of modules'
  [walls-alone]='every crate compiles without the others (10 minutes)'
  [lint-web]='web app and end-to-end tests: types, style, unused code'
  [web]='unit tests and build of the web app'
  [rust]='unit and integration tests of all crates, with real media workers (the first time this compiles the C++ of the worker: 8 minutes more)'
  [worker-suite]="the media worker's own C++ tests of what our patches change (the first time this compiles them: 5 minutes)"
  [fuzz]='parsers of what strangers send, with random input (the first time this compiles them with coverage counters: 3 minutes)'
  [drift]='definitions, their reference and TypeScript types are what the Rust types say; no Rust file is left out'
  [attack]="every attack against one media pod under the chart's memory limit, with an honest pair in a call beside it (4 minutes)"
  [soak]='the attacks for longer, then 10 minutes each of random signaling in rooms with media and of random faults for the operator (35 minutes)'
  [charts]='Helm charts'
  [programs]='all programs, as the tests start them (mostly compiled by the step rust)'
  [simulation]='the operator in a simulated cluster: ends after every second of its writes, loses answers, hears late (2 minutes)'
  [api-server]='operator, routers and definitions against a real API server and etcd'
  [e2e-gallery]='every screen of the web app with fixed data: layout at four sizes, accessibility (6 minutes)'
  [e2e-dev]='up to five browsers against one media pod without a cluster'
  [e2e-browsers]='Firefox as it is delivered and Chromium in one call, in a network of their own; WebKitGTK, which has no WebRTC'
  [e2e-conformance]="other people's clients: mediasoup demo old and new, ffmpeg and GStreamer, against one media pod (5 minutes)"
  [cluster-build]='Kubernetes, etcd, containerd and helm, from Go modules (12 minutes the first time, seconds later on)'
  [images]='container images, and onto the nodes of the test cluster when it is up'
  [cluster]='a real Kubernetes with two nodes on this machine, and whether it works'
  [e2e-cluster]='helm, kubectl, three browsers and a fleet of 200 meetings on that Kubernetes (8 minutes)'
  [measure]='time to the first picture, start of a pod, memory, image sizes (10 minutes)'
  [measure-moves]='how long pictures and sound stop in moves and faults, on the test cluster (1 hour; CONVENE_MEASURE_ROUNDS=5: 10 minutes)'
  [measure-weak]='what arrives over slow and lossy links: of emulated ones, and in browsers between two networks (15 minutes; root)'
  [measure-operator]='the operator with ten thousand meetings against a real API server (15 minutes)'
  [measure-router]='what the router costs: look-ups, latency, sockets, and how soon it knows of an assignment (2 minutes, and 10 to compile it)'
  [measure-livekit]='a media pod and a LiveKit server with the same clients, one table (35 minutes; CONVENE_MEASURE_SHORT=1: 4)'
  [screenshots]='pictures of the running call into docs/images'
)

uses_own_cluster() { [ -z "${CONVENE_TEST_KUBECONFIG:-}" ]; }

# count PASSED FAILED SKIPPED
count() { echo "$1 $2 $3" >>"$COUNT_FILE"; }

# Sums the `test result:` lines of cargo; fields 4, 6 and 8 are passed, failed and ignored.
count_cargo() { # OUTPUT-FILE
  local numbers
  read -r -a numbers < <(awk '/^test result: / {p += $4; f += $6; i += $8} END {print p + 0, f + 0, i + 0}' "$1")
  count "${numbers[@]}"
}

# Ignored here means: run in a separate step, which provides what they need.
count_cargo_without_ignored() { # OUTPUT-FILE
  local numbers
  read -r -a numbers < <(awk '/^test result: / {p += $4; f += $6} END {print p + 0, f + 0}' "$1")
  count "${numbers[@]}" 0
}

count_vitest() { # JSON-FILE
  local numbers
  read -r -a numbers < <(jq -r '"\(.numPassedTests) \(.numFailedTests) \(.numPendingTests + .numTodoTests)"' "$1")
  count "${numbers[@]}"
}

count_playwright() { # JSON-FILE; a test that passed only at a second try is no pass, and we allow none
  local numbers
  read -r -a numbers < <(jq -r '.stats | "\(.expected) \(.unexpected + .flaky) \(.skipped)"' "$1")
  count "${numbers[@]}"
}

# Our own shell tests end with a line `N passed, N failed`.
count_closing_line() { # OUTPUT-FILE
  local numbers
  read -r -a numbers < <(sed -nE 's/^([0-9]+) passed, ([0-9]+) failed$/\1 \2/p' "$1" | tail -n 1)
  [ "${#numbers[@]}" = 0 ] || count "${numbers[@]}" 0 # without the line it failed, which its exit code says
}

# The test of the cluster itself prints `cluster: works: …` for each check, and stops at the first failure.
count_works() { count "$(grep -c '^cluster: works:' "$1")" 0 0; }

# counted COUNTER FILE COMMAND...: runs it, copies the output to FILE, counts in any case, and exits with the status of the command.
counted() {
  local counter=$1 file=$2 status=0
  shift 2
  "$@" 2>&1 | tee "$file" || status=$?
  "$counter" "$file"
  return $status
}

# npm_install FOLDER: only if the lock file is newer than npm's record of the last installation. Steps that run side by side wait for each other here.
npm_install() (
  exec {lock}>"$RESULTS/npm.lock"
  flock "$lock"
  [ "$1/node_modules/.package-lock.json" -nt "$1/package-lock.json" ] && exit
  (cd "$1" && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --no-audit --no-fund)
  touch "$1/node_modules/.package-lock.json"
)

shell_scripts() {
  git ls-files -z | xargs -0 grep --files-with-matches --null --extended-regexp '^#!.*\b(ba)?sh$|^# shellcheck shell=' | xargs -0 -n 1 echo |
    grep -vE '\.(ts|rs|md)$'
}

step_lint_scripts() {
  local files
  mapfile -t files < <(shell_scripts)
  shellcheck --external-sources --source-path=SCRIPTDIR --source-path="$REPOSITORY" --severity=warning "${files[@]}"
  echo "${#files[@]} shell scripts are clean"
  python3 -B tests/failures_test.py
  python3 -B tests/measure-livekit/figures_test.py
  tests/words.sh
  tests/deny.sh
}

# Two versions of these in one program mean two runtimes, or types that do not fit each other.
assert_single_version() { # CRATE
  local versions
  versions=$(cargo tree --workspace --edges normal --prefix none | awk -v crate="$1" '$1 == crate {print $2}' | sort -u)
  [ "$(wc -l <<<"$versions")" = 1 ] || { echo "more than one version of $1:" "$versions"; return 1; }
}

# The files that differ from where this branch left the main branch; on it, from the commit before.
changed_files() {
  local base
  base=$(git merge-base HEAD origin/main 2>/dev/null || true)
  if [ -z "$base" ] || [ "$base" = "$(git rev-parse HEAD)" ]; then base=$(git rev-parse --verify --quiet HEAD~1 || git rev-parse HEAD); fi
  { git diff --name-only --diff-filter=d "$base"; git ls-files --others --exclude-standard; } | sort -u
}

# The packages of the workspace that these files (from standard input) belong to.
packages_of() {
  jq -rn --rawfile changed /dev/stdin --argjson metadata "$(cargo metadata --no-deps --format-version 1)" --arg root "$REPOSITORY/" '
    [$metadata.packages[] | {name, folder: (.manifest_path | ltrimstr($root) | rtrimstr("Cargo.toml"))}] as $packages |
    $changed | split("\n")[] as $file | [$packages[] | select(.folder as $folder | $file | startswith($folder))] |
    max_by(.folder | length) | select(. != null) | .name' | sort -u
}

has_library() { # PACKAGE
  cargo metadata --no-deps --format-version 1 |
    jq --exit-status --arg name "$1" 'any(.packages[] | select(.name == $name) | .targets[].kind[]; . == "lib")' >/dev/null
}

step_check() {
  local changed packages package arguments=() libraries=()
  changed=$(changed_files)
  cargo fmt --all --check
  mapfile -t packages < <(packages_of <<<"$changed")
  for package in "${packages[@]}"; do
    arguments+=(--package "$package")
    if has_library "$package"; then libraries+=(--package "$package"); fi
  done
  if [ ${#packages[@]} -gt 0 ]; then
    cargo clippy --all-targets "${arguments[@]}" -- -D warnings
  fi
  if [ ${#libraries[@]} -gt 0 ]; then
    counted count_cargo_without_ignored "$RESULTS/check.log" cargo test --lib "${libraries[@]}"
  fi
  if grep --quiet '^web/' <<<"$changed"; then check_web; fi
}

check_web() (
  npm_install web
  cd web
  npm run --silent typecheck
  npx vitest run --changed "$(git merge-base HEAD origin/main 2>/dev/null || echo HEAD~1)"
)

# That every crate compiles alone takes ten minutes, since shared dependencies are compiled again with other features: `make walls`, and a job of its
# own in the workflow.
step_walls() { tests/walls.sh; }

step_walls_alone() { tests/walls.sh alone; }

# With the feature that no program has by default. Clippy and rustdoc need no media worker: with DOCS_RS its build script skips the C++. They have a target directory of their own, so that they can run
# beside the tests.
step_lint() {
  local crate
  cargo fmt --all --check
  for crate in tokio axum kube; do assert_single_version "$crate"; done
  export DOCS_RS=1 CARGO_TARGET_DIR=$REPOSITORY/target/lint
  cargo clippy "${COMPILED_AS[@]}" --all-targets -- -D warnings
  RUSTDOCFLAGS='-D warnings' cargo doc --profile ci --workspace --no-deps --quiet
}

step_lint_web() {
  npm_install web
  npm_install tests/e2e
  (cd tests/e2e && npm run --silent typecheck && npm run --silent lint)
  cd web
  npm run --silent typecheck
  npm run --silent lint
  npm run --silent format:check
  npm run --silent knip
}

step_web() {
  npm_install web
  cd web
  rm -f "$RESULTS/vitest.json"
  local status=0
  npx vitest run --reporter=default --reporter=json --outputFile.json="$RESULTS/vitest.json" || status=$?
  count_vitest "$RESULTS/vitest.json"
  [ $status = 0 ]
  npm run --silent build
}

step_rust() { counted count_cargo_without_ignored "$RESULTS/cargo.log" cargo test "${COMPILED_AS[@]}" --no-fail-fast; }

# Against the worker that the step `rust` has compiled.
step_worker_suite() { counted count_closing_line "$RESULTS/worker-suite.log" tests/worker-suite/run.py; }

# A separate workspace, compiled only as set in fuzz/.cargo/config.toml.
lint_fuzz() {
  cd fuzz
  unset CARGO_TARGET_DIR CARGO_ENCODED_RUSTFLAGS RUSTFLAGS
  cargo fmt --check
  cargo clippy --release --locked -- -D warnings
}

step_fuzz() {
  (lint_fuzz)
  counted count_closing_line "$RESULTS/fuzz.log" tests/fuzz.sh
}

# Alone, since the tests simulate many clusters in parallel, with time limits. Half of the crash points, still more than 500; `make soak` plays all.
step_simulation() {
  CONVENE_SIM_CRASH_EVERY=${CONVENE_SIM_CRASH_EVERY:-2} counted count_cargo "$RESULTS/simulation.log" cargo test "${COMPILED_AS[@]}" --test simulation -- --ignored --test-threads=4 --nocapture
}

step_api_server() {
  counted count_cargo "$RESULTS/api-server.log" cargo test "${COMPILED_AS[@]}" --test api_server --test propagation -- --ignored --skip scale::
}

# The files that the compiler read for the crates of this workspace, including tests: the roots of the artifacts, and the dependency files next to them.
compiled_rust_files() {
  local root artifact list
  cargo test "${COMPILED_AS[@]}" --no-run --quiet --message-format=json |
    jq -r --arg root "$REPOSITORY/" 'select(.reason == "compiler-artifact" and (.manifest_path | startswith($root))) | "\(.target.src_path) \(.filenames[])"' |
    while read -r root artifact; do
      echo "$root"
      list=$(dirname "$artifact")/$(basename "$artifact" | sed -E 's/^lib(.*)\.(rlib|rmeta|so)$/\1/').d
      [ -f "$list" ] && sed -nE 's/^([^ ]+\.rs):$/\1/p' "$list"
    done | xargs realpath --canonicalize-missing --relative-to="$REPOSITORY" | sort -u
}

# The step `fuzz` compiles these.
fuzz_rust_files() {
  cargo metadata --manifest-path fuzz/Cargo.toml --no-deps --format-version 1 | jq -r '.packages[].targets[].src_path' |
    sed "s|^$REPOSITORY/||"
}

step_drift() {
  require_file target/ci/crdgen "run tests/run.sh programs"
  target/ci/crdgen --check
  # Rewrites the types; they must equal the index.
  cargo test --quiet "${COMPILED_AS[@]}" --lib export_bindings
  git diff --exit-code -- web/src/generated crds/yaml charts/convene-crds/files docs/reference.md
  local forgotten
  forgotten=$(comm -23 <(git ls-files '*.rs' | sort) <({ compiled_rust_files; fuzz_rust_files; } | sort -u))
  [ -z "$forgotten" ] || { echo "no crate includes these files, so they are never compiled:"; echo "$forgotten"; return 1; }
}

# With the features of the tests: without tests, cargo would compile dependencies again that have fewer features then.
step_programs() { cargo build "${COMPILED_AS[@]}" --bins --tests; }

# attack NAME ARGUMENTS...: the suite is compiled like the pod, so that it is not the bottleneck.
attack() {
  local name=$1
  shift
  require_programs convene-media-pod convene-attack
  counted count_closing_line "$RESULTS/$name.log" "$PROGRAMS/convene-attack" --pod "$PROGRAMS/convene-media-pod" "$@"
}

# In the short form most of the time is waiting for the pod to drop idle connections and for rooms to end.
# The limit of 50 ms is for `make attack` on an idle machine with a release; here the programs are hardly optimized, and compilers may run beside it, if with
# the lowest priority.
step_attack() { attack attack --p99 "${CONVENE_ATTACK_P99:-1000}" --seconds "${CONVENE_ATTACK_SECONDS:-60}" --seed "${CONVENE_ATTACK_SEED:-1}"; }

step_soak() {
  local seed=${CONVENE_ATTACK_SEED:-$RANDOM}
  attack soak-attacks --seconds "${CONVENE_ATTACK_SECONDS:-600}" --seed "$seed"
  attack soak-fuzz fuzz --seconds "${CONVENE_FUZZ_SECONDS:-600}" --seed "$seed"
  # More seeds than the minute of them in `make test`, and all crash points.
  CONVENE_SIM_SECONDS=${CONVENE_SIM_SECONDS:-600} counted count_cargo "$RESULTS/soak-simulation.log" \
    cargo test "${COMPILED_AS[@]}" --test simulation -- --ignored --nocapture the_end_is_the_same
}

step_charts() { counted count_closing_line "$RESULTS/charts.log" charts/test.sh; }

step_cluster_build() { tests/cluster/build.sh; }

step_images() {
  if uses_own_cluster; then CONVENE_PROGRAMS=$PROGRAMS tests/cluster/images.sh; else echo "that cluster gets its images from elsewhere"; fi
}

step_cluster() {
  if ! uses_own_cluster; then
    kubectl --kubeconfig="$CONVENE_TEST_KUBECONFIG" get nodes
    return
  fi
  tests/cluster/up.sh
  counted count_works "$RESULTS/cluster.log" tests/cluster/check.sh
}

# playwright NAME ARGUMENTS...
# Prefix of the browsers' command, or nothing.
RUN_IN=()

playwright() {
  local name=$1 status=0
  shift
  npm_install tests/e2e
  cd tests/e2e
  rm -f "$RESULTS/$name.json"
  PLAYWRIGHT_JSON_OUTPUT_FILE="$RESULTS/$name.json" "${RUN_IN[@]}" npx playwright test "$@" || status=$?
  [ -f "$RESULTS/$name.json" ] || { echo "the tests of $name did not start"; return 1; }
  count_playwright "$RESULTS/$name.json"
  return $status
}

require_file() { [ -e "$1" ] || { echo "$1 is missing: $2"; return 1; }; }

require_programs() { # NAME...
  local name
  for name in "$@"; do require_file "$PROGRAMS/$name" "run tests/run.sh programs"; done
}

# The end-to-end tests start these.
use_programs() {
  require_programs convene-media-pod convene
  require_file "$REPOSITORY/web/dist/index.html" "run tests/run.sh web"
  export CONVENE_PROGRAMS=$PROGRAMS
}

# What is measured is what is delivered.
require_release() {
  require_file "$REPOSITORY/target/release/convene-media-pod" "run make build"
  require_file "$REPOSITORY/web/dist/index.html" "run make build"
}

step_e2e_gallery() {
  npm_install web
  (cd web && npm run --silent gallery)
  playwright e2e-gallery --project=gallery
}

step_e2e_dev() {
  use_programs
  playwright e2e-dev --project=dev
}

# Firefox sends no media to the loopback interface, so it gets a network interface; and it shares a screen only if there is one. WebKitGTK needs
# the screen too.
step_e2e_browsers() {
  use_programs
  npm_install tests/e2e
  RUN_IN=("$REPOSITORY/tests/in-network.sh" xvfb-run --auto-servernum --server-args='-screen 0 1280x800x24')
  playwright e2e-browsers --project=browsers
}

step_e2e_conformance() {
  use_programs
  playwright e2e-conformance --project=conformance
}

step_e2e_cluster() {
  use_programs
  playwright e2e-cluster --project=cluster
}

step_measure() {
  require_release
  (cd web && npm run --silent gallery)
  playwright measure --project=measure
}

step_measure_moves() { playwright measure-moves --project=moves; }

# The emulated links first: without browsers, so they are exact where these are realistic.
step_measure_weak() {
  require_release
  cargo test "${COMPILED_AS[@]}" --test integration -- --ignored --nocapture weak::table
  RUN_IN=("$REPOSITORY/tests/between-networks.sh")
  playwright measure-weak --project=weak
}

# The program is built separately: for the test the compiler would enable features that only tests need.
step_measure_operator() {
  cargo build --release -p convene-operator
  cargo test --release -p convene-operator --test api_server -- --ignored --nocapture scale::
}

# Thousands of sockets: both ends are separate processes, so that memory and open files of the third are the router's.
step_measure_router() {
  ulimit -n "$(ulimit -Hn)"
  cargo test --release -p convene-router --lib tests::measure -- --ignored --nocapture --test-threads=1
  CONVENE_MEASURE_ASSIGNMENTS=300 cargo test --release -p convene-router --test propagation -- --ignored --nocapture
}

step_measure_livekit() {
  local form=(--output "$REPOSITORY/docs/measurements/livekit.json")
  if [ "${CONVENE_MEASURE_SHORT:-}" = 1 ]; then
    form=(--rounds 2 --seconds 4 --settle 2 --ramp 50 --newcomers 4 --output "$RESULTS/measure-livekit.json")
  fi
  # With the features of the whole workspace, so that little is compiled again; afterwards `target/release/convene` is the program without LiveKit again.
  cargo build --release --workspace --bin convene --features convene-cli/livekit
  install -D target/release/convene target/livekit/convene
  cargo build --release --workspace --bin convene --bin convene-media-pod
  python3 -B tests/measure-livekit/measure.py "${form[@]}" >"$RESULTS/measure-livekit.md"
}

step_screenshots() {
  require_release
  npm_install web
  (cd web && npm run --silent gallery)
  playwright screenshots --project=screenshots
}
