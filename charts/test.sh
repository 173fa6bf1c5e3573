#!/bin/bash
# Tests of both charts without a cluster: lint, rendering with several sets of values, values that the schema must reject, properties of the
# rendered objects, the examples, the exact RBAC rules, and that the docs explain every reason. `charts/test.sh --update` rewrites the expected rules. About 10 seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=${CONVENE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/convene}/cluster/bin:$PATH
PASSED=0

# passes COMMAND...: runs one check and counts it.
passes() {
  "$@" || exit 1
  PASSED=$((PASSED + 1))
}

# The first failure ends the test; the caller parses this line.
summary() {
  local status=$?
  echo "$PASSED passed, $((status > 0)) failed"
}

fail() {
  echo "charts: $*" >&2
  exit 1
}

# plain OPTION...: the output of helm template for a user.
plain() {
  helm template convene convene --namespace convene-system "$@"
}

# render VALUES-FILE...: everything, including objects that exist only if helm talks to a cluster.
render() {
  local options=() file
  for file in "$@"; do options+=(--values "$file"); done
  plain --set uninstall.hook=Always "${options[@]}"
}

same_definition() {
  cmp "$1" "convene-crds/files/$(basename "$1")" || fail "the chart's definitions are not crdgen's; run: cargo run -p convene-crds --bin crdgen"
}

check_definitions() {
  local file
  for file in ../crds/yaml/*.yaml; do
    passes same_definition "$file"
  done
  passes python3 tests/assert.py definitions < <(helm template convene-crds convene-crds)
  passes python3 tests/assert.py definitions --kept < <(helm template convene-crds convene-crds --set keep=true)
}

refuses() { # SETTING WORD
  local message
  message=$(helm template convene convene --set "$1" 2>&1 >/dev/null) && fail "$1 is not refused"
  grep -q "$2" <<<"$message" || fail "the message about $1 does not name $2: $message"
}

check_refusals() {
  local setting word
  while read -r setting word; do
    case $setting in '' | '#'*) continue ;; esac
    passes refuses "$setting" "$word"
  done <tests/refused.txt
}

check_rights() {
  local rendered
  rendered=$(render | python3 tests/assert.py rights)
  if [ "${1:-}" = --update ]; then echo "$rendered" >tests/rbac.golden.yaml; fi
  diff -u tests/rbac.golden.yaml - <<<"$rendered" || fail "the rights changed; if that is meant: charts/test.sh --update"
}

main() {
  command -v helm >/dev/null || fail "helm is missing; build it with tests/cluster/build.sh"
  python3 -c 'import yaml' 2>/dev/null || fail "the Python package yaml is missing; install it with: apt-get install python3-yaml"
  trap summary EXIT
  local values
  passes helm lint --strict --quiet convene convene-crds
  passes python3 tests/assert.py objects < <(render)
  for values in tests/values/*.yaml; do
    passes helm lint --strict --quiet convene --values "$values"
    passes python3 tests/assert.py objects --values "$values" < <(render "$values")
  done
  passes python3 tests/assert.py plain < <(plain)
  passes python3 tests/assert.py plain < <(plain --set uninstall.hook=Never)
  # As with --reuse-values after a release of an older chart that had none or only some of these values.
  passes python3 tests/assert.py plain < <(plain --set uninstall=null)
  passes python3 tests/assert.py objects < <(plain --set uninstall.hook=Always,uninstall.drain=null,uninstall.timeoutSeconds=null)
  check_definitions
  passes python3 tests/examples.py ../examples/*.yaml < <(helm template convene-crds convene-crds)
  passes python3 tests/reasons.py ../docs/operations.md ../crds/src/{names,reason}.rs ../operator/src/pods/reach.rs ../operator/src/{metrics,leader}.rs \
    ../router/src/metrics.rs ../router/src/metrics/*.rs ../media-pod/src/metrics.rs ../media-pod/src/metrics/*.rs \
    ../crates/service/src/log/health.rs
  check_refusals
  passes check_rights "${1:-}"
}
main "$@"
