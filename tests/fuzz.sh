#!/bin/bash
# Feeds the parsers of untrusted input with coverage-guided random input (libFuzzer; fuzz/).
#
#   tests/fuzz.sh [TARGET...]   default: all
#
# By default each target gets a fixed number of inputs from a fixed seed, and 10 seconds at most, so that failures are reproducible.
#   CONVENE_FUZZ_SECONDS=N      N seconds for each target from a new seed; the corpus is kept in fuzz/target/corpus
# A crash is stored in test-results/fuzz; its path and the command to run it are printed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../fuzz"
REPOSITORY=$(cd .. && pwd)
FOUND=$REPOSITORY/test-results/fuzz
RUNS=500000 SECONDS_EACH=10
# Limits of one input: time (seconds; not less, since in `make test` other steps have priority), memory (MiB) and length (bytes).
TIMEOUT=30 MEMORY=1024 LENGTH=8192
PASSED=0 FAILED=0

# How these programs are compiled is set in fuzz/.cargo/config.toml only.
unset CARGO_TARGET_DIR CARGO_BUILD_TARGET CARGO_ENCODED_RUSTFLAGS RUSTFLAGS

# Name and program of each target, one per line.
build() {
  cargo build --release --locked --message-format=json-render-diagnostics |
    jq -r 'select(.reason == "compiler-artifact" and .executable and (.target.kind | index("bin"))) | "\(.target.name) \(.executable)"'
}

# run TARGET PROGRAM: seeds come from fuzz/corpus, which is never written to.
run() {
  local target=$1 program=$2 learnt=target/corpus/$1
  local options=(-max_total_time="${CONVENE_FUZZ_SECONDS:-$SECONDS_EACH}")
  if [ -z "${CONVENE_FUZZ_SECONDS:-}" ]; then
    rm -rf "$learnt"
    options+=(-runs="$RUNS" -seed=1)
  fi
  mkdir -p "$learnt"
  options+=(-timeout="$TIMEOUT" -rss_limit_mb="$MEMORY" -max_len="$LENGTH" -dict=dictionary/words.dict)
  options+=(-artifact_prefix="$FOUND/$target-" -print_final_stats=1)
  "$program" "${options[@]}" "$learnt" "corpus/$target"
}

# report TARGET PROGRAM: the input that caused it, and how to run it alone.
report() {
  local input
  input=$(find "$FOUND" -name "$1-*" -newer "$FOUND/.began" | head -n 1)
  if [ -z "$input" ]; then
    echo "fuzz: $1: FAILED without an input; its output is above"
    return
  fi
  echo "fuzz: $1: FAILED; the input is $input"
  echo "fuzz: run it alone: $2 $input"
}

fuzz() { # TARGET PROGRAM
  echo "fuzz: $1: begins"
  touch "$FOUND/.began"
  if run "$1" "$2" 2>&1; then
    PASSED=$((PASSED + 1))
    echo "fuzz: $1: nothing found"
  else
    FAILED=$((FAILED + 1))
    report "$1" "$2"
  fi
}

main() {
  local programs target program wanted=" $* "
  mkdir -p "$FOUND"
  programs=$(build)
  while read -r target program; do
    [ "$wanted" != "  " ] && [[ $wanted != *" $target "* ]] && continue
    fuzz "$target" "$program"
  done < <(sort <<<"$programs")
  [ $((PASSED + FAILED)) -gt 0 ] || { echo "fuzz: there is no target$wanted"; exit 2; }
  echo "$PASSED passed, $FAILED failed"
  [ "$FAILED" = 0 ]
}
main "$@"
