#!/bin/bash
# Compiles the LiveKit server of `make measure-livekit` from Go modules, into the cache beside the test cluster's programs, and prints its path. From
# scratch it takes 3 minutes on 2 cores; go.mod has the version.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
CACHE=$(realpath --canonicalize-missing "${CONVENE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/convene}/livekit")
PROGRAM=$CACHE/livekit-server

command -v go >/dev/null || { echo 'Go 1.26 or later is missing; see https://go.dev/doc/install' >&2; exit 1; }

# Different contents require another build.
fingerprint() { { cat build.sh go.mod go.sum; go env GOOS GOARCH GOVERSION; } | sha256sum | cut -d' ' -f1; }

if [ -x "$PROGRAM" ] && [ "$(cat "$CACHE/.fingerprint" 2>/dev/null)" = "$(fingerprint)" ]; then
  echo "$PROGRAM"
  exit
fi
mkdir -p "$CACHE"
echo 'compiling the LiveKit server: 3 minutes the first time' >&2
CGO_ENABLED=0 GOFLAGS=-buildvcs=false nice -n 10 \
  go build -trimpath -ldflags '-s -w' -o "$PROGRAM" github.com/livekit/livekit-server/cmd/server
fingerprint >"$CACHE/.fingerprint"
echo "$PROGRAM"
