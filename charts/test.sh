#!/bin/bash
# Tests of both charts without a cluster: lint, rendering with several sets of values, what the schema refuses, what the rendered
# objects must hold, and the exact rights. `charts/test.sh --update` writes the expected rights anew. About 10 seconds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
PATH=${CONVENE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/convene}/cluster/bin:$PATH
fail() {
  echo "charts: $*" >&2
  exit 1
}

render() { # VALUES-FILE...
  local options=() file
  for file in "$@"; do options+=(--values "$file"); done
  helm template convene convene --namespace convene-system --include-crds "${options[@]}"
}

check_definitions() {
  local file
  for file in ../crds/yaml/*.yaml; do
    cmp "$file" "convene-crds/files/$(basename "$file")" || fail "the chart's definitions are not crdgen's; run: cargo run -p convene-crds --bin crdgen"
  done
  helm template convene-crds convene-crds | python3 tests/assert.py definitions
  helm template convene-crds convene-crds --set keep=true | python3 tests/assert.py definitions --kept
}

check_refusals() {
  local setting word message
  while read -r setting word; do
    case $setting in '' | '#'*) continue ;; esac
    message=$(helm template convene convene --set "$setting" 2>&1 >/dev/null) && fail "$setting is not refused"
    grep -q "$word" <<<"$message" || fail "the message about $setting does not name $word: $message"
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
  helm lint --strict --quiet convene convene-crds
  local values
  render | python3 tests/assert.py objects
  for values in tests/values/*.yaml; do
    helm lint --strict --quiet convene --values "$values"
    render "$values" | python3 tests/assert.py objects --values "$values"
  done
  check_definitions
  check_refusals
  check_rights "${1:-}"
  echo "charts: $(ls tests/values | wc -l) sets of values, $(grep -cv '^#' tests/refused.txt) refusals, rights and definitions are as they should be"
}
main "$@"
