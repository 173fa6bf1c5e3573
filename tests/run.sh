#!/bin/bash
# Runs the test steps, prints progress and durations, and counts the tests of all runners.
#
#   tests/run.sh all            every step, in two lanes side by side; removes the test cluster at the end
#   tests/run.sh STEP...        only these, one after the other: check lint-scripts lint-web web lint walls walls-alone rust drift programs simulation
#                               worker-suite fuzz attack e2e-gallery e2e-dev e2e-browsers e2e-conformance charts api-server cluster-build cluster images e2e-cluster
#                               measure measure-moves measure-weak measure-operator measure-router measure-livekit screenshots soak
#
# The output of each step goes to test-results/logs/STEP.log; when it fails, its last lines are shown here.
#   CONVENE_KEEP_CLUSTER=1         leaves the test cluster running after `all`
#   CONVENE_KEEP_GOING=1           runs the other steps after one has failed; the run fails in the end
#   CONVENE_TEST_KUBECONFIG=FILE   uses that cluster instead of the built-in one (requirements: docs/development.md)
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
REPOSITORY=$PWD
RESULTS=$REPOSITORY/test-results
LOGS=$RESULTS/logs
ENDED=$RESULTS/ended
source tests/steps.sh

# Two lanes run side by side. The first has the tests that depend on time, and what they need. The second has what can wait for idle processors: its
# priority is the lowest, and its target directories are its own, so that the first never waits for a lock of cargo.
FIRST_LANE=(lint-scripts web rust programs drift simulation attack e2e-dev e2e-browsers e2e-conformance charts api-server cluster images e2e-cluster)
SECOND_LANE=(cluster-build walls lint-web e2e-gallery lint worker-suite fuzz)
# What a step of one lane needs from the other.
declare -A NEEDS=([e2e-gallery]=web [worker-suite]=rust [charts]=cluster-build)
BEGAN=${CONVENE_RUN_BEGAN:-$(date +%s)}
SECOND=''

seconds() { echo $(($(date +%s) - BEGAN)); }

elapsed() { local now; now=$(seconds); printf '%02d:%02d' $((now / 60)) $((now % 60)); }

# run_step NAME: runs step_NAME with its output in a log, and stores its duration and the tests it reports by `count`.
run_step() {
  local name=$1 began log=$LOGS/$1.log
  began=$(seconds)
  describe "$name"
  COUNT_FILE=$RESULTS/$name.count
  rm -f "$COUNT_FILE" "$ENDED/$name"
  # A subshell with its own `set -e`: a step ends at its first failing command.
  set +e
  (
    set -euo pipefail
    "step_${name//-/_}"
  ) >"$log" 2>&1 </dev/null
  local status=$?
  set -e
  local took=$(($(seconds) - began))
  # Before the other lane learns of it, and ends this one.
  [ $status = 0 ] || show_failure "$name" "$log"
  store_end "$name" $status "$took"
  [ $status = 0 ] || keeps_going || exit 1
}

keeps_going() { [ "${CONVENE_KEEP_GOING:-}" = 1 ]; }

describe() {
  local text=${DESCRIPTIONS[$1]:-}
  [ -n "$text" ] || { echo "tests/run.sh: there is no step $1; see the top of tests/run.sh" >&2; exit 2; }
  echo "[$(elapsed)] $1: $text"
}

# One file for each step that has ended: its status, its duration, and the tests that passed, failed and were skipped.
store_end() { # NAME STATUS SECONDS
  local passed=0 failed=0 skipped=0 p f s
  if [ -f "$COUNT_FILE" ]; then
    while read -r p f s; do passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s)); done <"$COUNT_FILE"
  fi
  [ "$2" = 0 ] || [ "$failed" -gt 0 ] || failed=1
  echo "$2 $3 $passed $failed $skipped" >"$ENDED/.$1"
  mv "$ENDED/.$1" "$ENDED/$1"
}

show_failure() { # NAME LOG
  echo
  tail -n 80 "$2"
  echo
  name_failures "$1" "$2"
  echo "FAILED: $1, after $(elapsed). The whole log is ${2#"$REPOSITORY"/}; browsers, pods and events are in test-results/."
}

# The failed tests of a step with their messages; few enough lines for a place that shows only the end of this output.
name_failures() { # NAME LOG
  echo "failed in $1:"
  python3 -B tests/failures.py "$2" || true
}

has_passed() { [ -f "$ENDED/$1" ] && { keeps_going || [ "$(cut -d' ' -f1 "$ENDED/$1")" = 0 ]; }; }

any_failed() { grep --quiet --no-messages --invert-match '^0 ' "$ENDED"/*; }

# Whether a step of either lane has failed; a lane sees only failures of the other, since its own end it.
must_end() { ! keeps_going && any_failed; }

# await STEP: until the step has passed; false once any has failed.
await() {
  local said=''
  until has_passed "$1"; do
    if must_end; then return 1; fi
    [ -n "$said" ] || { echo "[$(elapsed)] waiting for $1"; said=1; }
    sleep 1
  done
}

# lane STEP...: sequentially, until one fails here or in the other lane. Never part of a condition, where `set -e` has no effect.
lane() {
  local name
  for name in "$@"; do
    if [ -n "${NEEDS[$name]:-}" ]; then await "${NEEDS[$name]}" || return 1; fi
    if must_end; then return 1; fi
    run_step "$name"
  done
}

# Sessions are scheduled as groups: nice compares only the processes of one group, so the group needs the low priority too.
lower_priority() {
  renice --priority 19 $BASHPID >/dev/null
  echo 19 2>/dev/null >/proc/self/autogroup || true
}

# `setsid` makes a process group of its own, which the cleanup can terminate as a whole.
start_second_lane() {
  CONVENE_RUN_BEGAN=$BEGAN setsid tests/run.sh second-lane </dev/null &
  SECOND=$!
}

second_lane() {
  lower_priority
  lane "${SECOND_LANE[@]}"
}

first_lane() {
  lane "${FIRST_LANE[@]}"
  wait "$SECOND"
  if any_failed; then return 1; fi
}

# The steps in the order in which they ended, with their times, what failed in them, and the sums.
finish() {
  local passed=0 failed=0 skipped=0 name status took p f s failures=()
  echo
  while read -r _ name; do
    read -r status took p f s <"$ENDED/$name"
    passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
    [ "$status" = 0 ] || failures+=("$name")
    printf '%-18s %5d s  %s\n' "$name" "$took" "$([ $((p + f)) = 0 ] || echo "$p passed")$([ "$status" = 0 ] || echo "  FAILED")"
  done < <(find "$ENDED" -type f -printf '%T@ %f\n' | sort -n)
  for name in "${failures[@]}"; do name_failures "$name" "$LOGS/$name.log"; done
  echo "ran in $(($(seconds) / 60)) min $(($(seconds) % 60)) s"
  echo "$passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
}

# However the run ends, it leaves no process behind.
clean_up() {
  local status=$?
  trap - EXIT
  [ -z "$SECOND" ] || kill -- "-$SECOND" 2>/dev/null || true
  finish
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
  start_second_lane
  first_lane
}

run_steps() {
  local name
  trap finish EXIT
  for name in "$@"; do run_step "$name"; done
  if any_failed; then return 1; fi
}

main() {
  [ $# -gt 0 ] || { sed -n '2,12s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 2; }
  mkdir -p "$LOGS" "$ENDED"
  case "$*" in
  all) rm -f "$ENDED"/*; run_everything ;;
  second-lane) second_lane ;;
  *) rm -f "$ENDED"/*; run_steps "$@" ;;
  esac
}
main "$@"
