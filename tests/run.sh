#!/bin/bash
# Runs the test steps, prints progress and durations, and counts the tests of all runners.
#
#   tests/run.sh all            every step, fastest first; removes the test cluster at the end
#   tests/run.sh STEP...        only these: check lint-scripts lint-web web lint walls walls-alone drift-crds rust simulation fuzz drift release attack
#                               e2e-gallery e2e-dev e2e-browsers e2e-conformance charts api-server cluster images e2e-cluster measure measure-operator
#                               measure-router screenshots soak
#
# The output of each step goes to test-results/logs/STEP.log; when it fails, its last lines are shown here.
#   CONVENE_KEEP_CLUSTER=1         leaves the test cluster running after `all`
#   CONVENE_TEST_KUBECONFIG=FILE   uses that cluster instead of the built-in one (requirements: docs/development.md)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
REPOSITORY=$PWD
RESULTS=$REPOSITORY/test-results
LOGS=$RESULTS/logs
source tests/steps.sh

EVERYTHING=(lint-scripts lint-web web lint walls drift-crds rust simulation fuzz drift release attack e2e-gallery e2e-dev e2e-browsers e2e-conformance charts api-server cluster images e2e-cluster)
PASSED=0 FAILED=0 SKIPPED=0 SUMMARY='' TIMES='' CLUSTER_BUILD=''

elapsed() { printf '%02d:%02d' $((SECONDS / 60)) $((SECONDS % 60)); }

# run_step NAME: runs step_NAME with its output in a log, and adds up the tests it reports by `count`.
run_step() {
  local name=$1 began=$SECONDS log=$LOGS/$1.log
  describe "$name"
  COUNT_FILE=$RESULTS/$name.count
  rm -f "$COUNT_FILE"
  # A subshell with its own `set -e`: a step ends at its first failing command.
  set +e
  (
    set -euo pipefail
    "step_${name//-/_}"
  ) >"$log" 2>&1 </dev/null
  local status=$?
  set -e
  add_counts "$name" $((SECONDS - began))
  [ $status = 0 ] || step_failed "$name" "$log"
}

describe() {
  local text=${DESCRIPTIONS[$1]:-}
  [ -n "$text" ] || { echo "tests/run.sh: there is no step $1; see the top of tests/run.sh" >&2; exit 2; }
  echo "[$(elapsed)] $1: $text"
}

add_counts() { # NAME SECONDS
  local passed=0 failed=0 skipped=0 p f s
  if [ -f "$COUNT_FILE" ]; then
    while read -r p f s; do passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)); done <"$COUNT_FILE"
  fi
  TIMES+=$(printf '%-18s %4d s' "$1" "$2")$'\n'
  PASSED=$((PASSED + passed)) FAILED=$((FAILED + failed)) SKIPPED=$((SKIPPED + skipped))
  [ $((passed + failed)) = 0 ] && SUMMARY+="$1, " || SUMMARY+="$1 ($passed), "
}

step_failed() { # NAME LOG
  echo
  tail -n 80 "$2"
  echo
  echo "FAILED: $1, after $(elapsed). The whole log is ${2#"$REPOSITORY"/}; browsers, pods and events are in test-results/."
  [ "$FAILED" -gt 0 ] || FAILED=1
  finish
  exit 1
}

finish() {
  echo
  printf '%s' "$TIMES"
  echo "ran in $((SECONDS / 60)) min $((SECONDS % 60)) s: ${SUMMARY%, }"
  local closing="$PASSED passed, $FAILED failed"
  [ "$SKIPPED" = 0 ] || closing+=", $SKIPPED skipped"
  echo "$closing"
}

# The test cluster's programs are compiled in parallel with the Rust build: both leave cores idle at times. `setsid` puts the build into a process
# group of its own, which the cleanup can terminate as a whole. The tests of charts and API server use these programs too, with any cluster.
start_cluster_build() {
  setsid nice -n 15 tests/cluster/build.sh >"$LOGS/cluster-build.log" 2>&1 </dev/null &
  CLUSTER_BUILD=$!
}

finish_cluster_build() {
  [ -n "$CLUSTER_BUILD" ] || return 0
  if kill -0 "$CLUSTER_BUILD" 2>/dev/null; then
    echo "[$(elapsed)] cluster-build: waiting for Kubernetes to be compiled (12 minutes in all the first time, seconds later on)"
  fi
  local status=0
  wait "$CLUSTER_BUILD" || status=$?
  CLUSTER_BUILD=
  [ $status = 0 ] || step_failed cluster-build "$LOGS/cluster-build.log"
}

# However the run ends, it leaves no process behind.
clean_up() {
  local status=$?
  trap - EXIT
  [ -z "$CLUSTER_BUILD" ] || kill -- "-$CLUSTER_BUILD" 2>/dev/null || true
  if uses_own_cluster && [ "${CONVENE_KEEP_CLUSTER:-}" != 1 ]; then
    tests/cluster/down.sh >"$LOGS/cluster-down.log" 2>&1 || { echo "the test cluster could not be removed:"; tail "$LOGS/cluster-down.log"; }
  fi
  exit $status
}

run_everything() {
  if uses_own_cluster && [ "$(id -u)" != 0 ]; then
    echo "the test cluster needs root (network namespaces, containers): sudo -E make test, or set CONVENE_TEST_KUBECONFIG" >&2
    exit 1
  fi
  echo "[$(elapsed)] bootstrap: system packages and tools"
  .ci/bootstrap test
  trap clean_up EXIT
  trap 'exit 130' INT TERM HUP
  start_cluster_build
  local name
  for name in "${EVERYTHING[@]}"; do
    [ "$name" != charts ] || finish_cluster_build # the first step that needs helm
    run_step "$name"
  done
  finish
}

main() {
  [ $# -gt 0 ] || { sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
  mkdir -p "$LOGS"
  if [ "$*" = all ]; then
    run_everything
    return
  fi
  local name
  for name in "$@"; do run_step "$name"; done
  finish
}
main "$@"
