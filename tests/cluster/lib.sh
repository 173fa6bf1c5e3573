# Shared by the scripts of this folder: paths, messages, waiting. Sourced, never run.
# shellcheck shell=bash disable=SC2034

CLUSTER_SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPOSITORY=$(cd "$CLUSTER_SOURCE/../.." && pwd)
CLUSTER_CACHE=$(realpath --canonicalize-missing "${CONVENE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/convene}/cluster")
BIN=$CLUSTER_CACHE/bin       # compiled programs, kept between runs
IMAGES=$CLUSTER_CACHE/images # image archives and their ids, kept between runs
STATE=$CLUSTER_CACHE/state   # everything of the running cluster; `down.sh` removes it
PKI=$STATE/pki
ADMIN_KUBECONFIG=$PKI/admin.conf

# Network: the host is "outside" (browsers, load), every node is a network namespace on one bridge.
BRIDGE=convene0
HOST_ADDRESS=10.200.0.1
node_address() { echo "10.200.0.$((10 + $1))"; }
pod_subnet() { echo "10.244.$1"; }

# One cluster per machine: bridge, addresses and cgroups have fixed names. This file records the owner.
OWNER_FILE=/run/convene-cluster
LOCK_FILE=/run/lock/convene-cluster.lock

# Debian's iptables, sysctl and CNI helpers are in sbin, which may be missing in PATH. Our own kubectl comes first.
export PATH=$BIN:$PATH:/usr/sbin:/sbin

# The names of the images: in charts, Dockerfile targets, archives.
COMPONENTS=(operator router media-pod)
# Every image: the nodes run the components, people run the command line.
EVERY_IMAGE=("${COMPONENTS[@]}" cli)
REGISTRY=ghcr.io/convene-dev
image_version() { awk '/^appVersion:/ {gsub(/"/, "", $2); print $2}' "$REPOSITORY/charts/convene/Chart.yaml"; }
image_name() { echo "$REGISTRY/convene-$1:$(image_version)"; }

say() { echo "cluster: $*"; }
fail() {
  echo "cluster: $*" >&2
  exit 1
}

# need COMMAND PACKAGE: stops with the Debian package to install when the command is missing.
need() { command -v "$1" >/dev/null || fail "$1 is missing; install it with: apt-get install $2"; }

need_root() { [ "$(id -u)" = 0 ] || fail "this needs root (network namespaces, containers): run it with sudo -E"; }

# wait_for SECONDS COMMAND...: polls until the command succeeds.
wait_for() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || return 1
    sleep 0.2
  done
}

# Only one up, down or import at a time. The lock is released when the script ends, and is not inherited by its child processes.
lock() {
  exec 9>"$LOCK_FILE"
  flock --wait 300 9 || fail "another cluster script has held $LOCK_FILE for more than 5 minutes"
}

# is_ours PID: the process runs a program of our bin folder, so the id was not reused by another program.
is_ours() {
  local program
  program=$(readlink "/proc/$1/exe" 2>/dev/null) || return 1
  [[ $program == "$BIN"/* ]]
}

refuse_foreign_cluster() {
  [ -f "$OWNER_FILE" ] || return 0
  local owner
  owner=$(cat "$OWNER_FILE")
  [ "$owner" = "$STATE" ] || fail "a cluster with the state in $owner runs on this machine; stop it first (down.sh with that CONVENE_CACHE)"
}

is_up() {
  [ -f "$ADMIN_KUBECONFIG" ] || return 1
  local file
  for file in "$STATE"/pids/*; do is_ours "$(cat "$file" 2>/dev/null)" || return 1; done
  kubectl --kubeconfig="$ADMIN_KUBECONFIG" wait --for=condition=Ready node --all --timeout=2s >/dev/null 2>&1
}

node_count() { find "$STATE" -maxdepth 1 -name 'node-*' 2>/dev/null | wc -l; }

print_how_to_use() {
  echo "export KUBECONFIG=$ADMIN_KUBECONFIG"
  echo "export PATH=$BIN:\$PATH"
}

# import_image NUMBER FILE: into one node, from the archive, unless the node already has that image id.
import_image() {
  local seen=$STATE/node-$1/imported/$2.id log=$STATE/log/import.log
  mkdir -p "$STATE/node-$1/imported"
  if cmp --silent "$IMAGES/$2.id" "$seen"; then return; fi
  ctr --address "$STATE/node-$1/containerd.sock" --namespace k8s.io images import "$IMAGES/$2.tar" >"$log" 2>&1 ||
    fail "node-$1 could not import $IMAGES/$2.tar: $(tail -n 1 "$log")"
  cp "$IMAGES/$2.id" "$seen"
  say "node-$1 imported $2"
}
