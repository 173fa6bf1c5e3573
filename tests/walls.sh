#!/bin/bash
# Checks the walls between the crates, by what cargo says of them:
#
#   tests/walls.sh          who depends on whom, what the programs must not contain, no cycles of modules
#   tests/walls.sh alone    compiles every crate without the others, with the features that it requests itself
#
# A program depends on no other program, and the crates that everything else may use know no runtime and no client.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
PROGRAMS=(convene-operator convene-router convene-media-pod convene-cli)
# Crates that programs and tools of every kind may use.
PURE=(convene-crds convene-protocol convene-join-token convene-admission-keys)
PROBLEMS=0

problem() {
  echo "walls: $*" >&2
  PROBLEMS=$((PROBLEMS + 1))
}

# The crates that PACKAGE links in the end, without those of its tests.
dependencies() { # PACKAGE
  cargo tree --package "$1" --edges normal --prefix none | awk 'NR > 1 {print $1}' | sort -u
}

forbid() { # PACKAGE CRATE...
  local package=$1 found
  shift
  found=$(comm -12 <(dependencies "$package") <(printf '%s\n' "$@" | sort -u))
  [ -z "$found" ] || problem "$package depends on" "$(tr "\n" " " <<<"$found")"
}

check_programs() {
  local program other
  for program in "${PROGRAMS[@]}"; do
    for other in "${PROGRAMS[@]}"; do [ "$program" = "$other" ] || forbid "$program" "$other"; done
  done
  forbid convene-operator axum-server governor utoipa jsonwebtoken mediasoup convene-join-token
  forbid convene-router mediasoup
  forbid convene-media-pod kube kube-client kube-runtime k8s-openapi convene-crds
  forbid convene-cli kube-runtime axum mediasoup utoipa governor
}

check_pure() {
  local crate
  for crate in "${PURE[@]}"; do forbid "$crate" tokio kube-client kube-runtime hyper axum; done
  for crate in "${PURE[@]}" convene-service; do forbid "$crate" "${PROGRAMS[@]}"; done
  forbid convene-load mediasoup kube kube-client axum convene-crds convene-service "${PROGRAMS[@]}"
  forbid convene-service convene-crds convene-protocol convene-join-token convene-admission-keys
}

packages() { cargo metadata --no-deps --format-version 1 | jq -r '.packages[].name' | sort; }

check_alone() {
  local package
  for package in $(packages); do
    echo "walls: $package"
    cargo check --quiet --package "$package" --all-targets || problem "$package does not compile alone"
  done
}

if [ "${1:-}" = alone ]; then
  check_alone
else
  check_programs
  check_pure
  tests/circles.py || problem "modules use each other in circles"
fi
[ "$PROBLEMS" = 0 ] || { echo "walls: $PROBLEMS problems" >&2; exit 1; }
echo "walls: all hold"
