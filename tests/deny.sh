#!/bin/bash
# Checks the dependencies with cargo-deny: known vulnerabilities, licenses, versions and sources, by the rules in deny.toml.
#
#   tests/deny.sh
#
# The advisory database is fetched by cargo-deny itself. Without a network it uses the copy of an earlier run; without one it says so and checks the
# rest. Without cargo-deny it says how to install it and checks nothing. Exit codes: 0 checked without errors (or cargo-deny is missing), 1 errors.
# CONVENE_DENY_STRICT=1: skipping anything is an error too, for CI with a network.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
OUTPUT=$(mktemp)
trap 'rm -f "$OUTPUT"' EXIT

say() { echo "deny: $*"; }

# skipped WHAT: fails where nothing may be skipped.
skipped() {
  say "SKIPPED: $*"
  [ "${CONVENE_DENY_STRICT:-}" != 1 ]
}

duplicates() {
  local count
  count=$(grep --count '^warning\[duplicate\]' "$OUTPUT") && echo " ($count crates in more than one version)"
}

# Duplicate versions are warnings; their trees are long and are in the log only with an error.
check() { # NAME OPTION... -- CHECK...
  local name=$1
  shift
  if cargo deny --locked --workspace "$@" >"$OUTPUT" 2>&1; then
    say "$name: ok$(duplicates)"
  else
    cat "$OUTPUT"
    say "$name: FAILED"
    return 1
  fi
}

# Whether there is an advisory database: a fresh one, or else that of an earlier run, with which an offline check comes to a result.
fetch_advisories() {
  cargo deny --locked fetch db >"$OUTPUT" 2>&1 && return
  sed -n 's/.*\(fatal: .*\)/deny: \1/p' "$OUTPUT" | tail -n 1
  { cargo deny --locked --offline check advisories || true; } 2>&1 | grep --quiet --extended-regexp '^advisories (ok|FAILED)'
}

main() {
  if ! cargo deny --version >/dev/null 2>&1; then
    skipped "cargo-deny is not installed, so nothing was checked; install it with: cargo install cargo-deny --locked"
    return
  fi
  local failed=0
  check 'licenses, versions, sources' --offline check licenses bans sources || failed=1
  if fetch_advisories; then
    check 'advisories' --offline check advisories || failed=1
  else
    skipped 'the advisory database could not be fetched and there is no earlier copy: vulnerabilities were not checked' || failed=1
  fi
  return $failed
}
main
