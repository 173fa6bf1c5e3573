#!/bin/bash
# Compiles Kubernetes, etcd, containerd and helm from Go modules, and two tiny static programs (the pause container and an
# echo server for check.sh) into images. If that is already done, it says so and exits. From scratch it takes about 12 minutes on 2 cores.
set -euo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

KUBERNETES=v1.36.3
HELM=v4.3.1
CONTAINERD=2.4.2
KUBERNETES_PROGRAMS=(kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl)
CONTAINERD_PROGRAMS=(containerd containerd-shim-runc-v2 ctr)

# build MODULE-FOLDER PACKAGE PROGRAM [LINKER-FLAGS]
build() {
  say "building $3"
  (cd "$CLUSTER_SOURCE/$1" && CGO_ENABLED=0 GOFLAGS=-buildvcs=false nice -n 10 \
    go build -trimpath -ldflags "-s -w ${4:-}" -o "$BIN/$3" "$2")
}

# Without its own version, `kubectl version`, Helm's kubeVersion check and feature gates misbehave.
build_kubernetes() {
  local program package=k8s.io/component-base/version minor=${KUBERNETES#v1.}
  for program in "${KUBERNETES_PROGRAMS[@]}"; do
    build kubernetes "k8s.io/kubernetes/cmd/$program" "$program" \
      "-X $package.gitVersion=$KUBERNETES -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
  done
}

build_containerd() {
  local program
  for program in "${CONTAINERD_PROGRAMS[@]}"; do
    build containerd "github.com/containerd/containerd/v2/cmd/$program" "$program" \
      "-X github.com/containerd/containerd/v2/version.Version=$CONTAINERD"
  done
}

# static_image NAME: compiles NAME.c statically and packs it as the only file of the image localhost/NAME:1.
static_image() {
  local context
  context=$(mktemp -d)
  gcc -static -Os -s -o "$context/$1" "$CLUSTER_SOURCE/$1.c"
  printf 'FROM scratch\nCOPY %s /%s\nUSER 65532:65532\nENTRYPOINT ["/%s"]\n' "$1" "$1" "$1" >"$context/Dockerfile"
  "$CLUSTER_SOURCE/build-image.sh" "localhost/$1:1" "$context" --file "$context/Dockerfile"
  rm -rf "$context"
}

# The inputs of the programs; different contents require another build.
fingerprint() {
  (cd "$CLUSTER_SOURCE" && cat build.sh ./*.c ./*/go.mod ./*/go.sum && go env GOOS GOARCH) | sha256sum | cut -d' ' -f1
}

is_built() {
  local program
  [ "$(cat "$BIN/.fingerprint" 2>/dev/null)" = "$(fingerprint)" ] || return 1
  for program in "${KUBERNETES_PROGRAMS[@]}" "${CONTAINERD_PROGRAMS[@]}" etcd helm; do [ -x "$BIN/$program" ] || return 1; done
  [ -f "$IMAGES/pause.tar" ] && [ -f "$IMAGES/udp-echo.tar" ]
}

# Two simultaneous builds would only be slower, and write the same files.
build_lock() {
  exec 8>"$CLUSTER_CACHE/build.lock"
  flock --nonblock 8 && return
  say "another build is running; waiting for it"
  flock 8
}

main() {
  command -v go >/dev/null || fail "Go 1.26 or later is missing; see https://go.dev/doc/install"
  need gcc "gcc libc6-dev"
  need buildah buildah
  mkdir -p "$BIN" "$IMAGES"
  build_lock
  if is_built; then
    say "Kubernetes $KUBERNETES is built already in $BIN"
    return
  fi
  say "compiling Kubernetes $KUBERNETES, etcd, containerd and helm into $BIN: about 12 minutes on 2 cores the first time"
  build_kubernetes
  build etcd go.etcd.io/etcd/server/v3 etcd
  build helm helm.sh/helm/v4/cmd/helm helm "-X helm.sh/helm/v4/internal/version.version=$HELM"
  build_containerd
  static_image pause
  static_image udp-echo
  fingerprint >"$BIN/.fingerprint"
  say "built in $((SECONDS / 60)) min $((SECONDS % 60)) s"
}
main
