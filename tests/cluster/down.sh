#!/bin/bash
# Stops the cluster and removes everything it left: processes, network namespaces, mounts, cgroups, bridge, state. Kills only processes
# it can prove to be the cluster's: by recorded id and program path, or by membership in a node's cgroup. Compiled programs stay.
set -uo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# stop NAME: kills the recorded process immediately; its state is discarded anyway.
stop() {
  local id
  id=$(cat "$STATE/pids/$1" 2>/dev/null) || return 0
  if is_ours "$id"; then kill -KILL "$id"; fi
}

stop_matching() { # PATTERN
  local file
  for file in "$STATE"/pids/$1; do [ -f "$file" ] && stop "$(basename "$file")"; done
}

# The ids of all processes in our nodes' cgroups.
container_processes() { find /sys/fs/cgroup -path '*/convene-node-*' -name cgroup.procs -exec cat {} + 2>/dev/null | sort -u; }

# Containers are found by cgroup, so that this works even if containerd is dead.
kill_containers() {
  local id
  container_processes | while read -r id; do kill -KILL "$id" 2>/dev/null; done
}

containers_gone() { [ -z "$(container_processes)" ]; }

kill_shims() {
  local entry id
  for entry in /proc/[0-9]*; do
    id=${entry#/proc/}
    if is_ours "$id" && [[ $(readlink "$entry/exe") == */containerd-shim-runc-v2 ]]; then kill -KILL "$id" 2>/dev/null; fi
  done
}

nothing_runs() {
  local file
  for file in "$STATE"/pids/*; do
    if [ -f "$file" ] && is_ours "$(cat "$file")"; then return 1; fi
  done
}

remove_mounts() {
  awk -v state="$STATE/" 'index($2, state) == 1 {print $2}' /proc/mounts | sort -r | xargs -r umount --lazy
}

remove_network() {
  local name
  for name in $(ip netns list 2>/dev/null | awk '/^node-[0-9]+/ {print $1}'); do ip netns delete "$name"; done
  while read -r name; do ip netns delete "$name" 2>/dev/null; done <"$STATE/pod-namespaces"
  ip link delete "$BRIDGE" 2>/dev/null
  for name in -i -o; do iptables -D FORWARD "$name" "$BRIDGE" -j ACCEPT 2>/dev/null; done
}

# Which network namespaces belong to our pods: other container runtimes use the same names (cni-<uuid>), so this checks where the
# processes of our cgroups are, while they exist.
note_pod_namespaces() {
  local id name
  container_processes | while read -r id; do
    for name in /run/netns/cni-*; do
      if [ "/proc/$id/ns/net" -ef "$name" ]; then basename "$name"; fi
    done
  done | sort -u >"$STATE/pod-namespaces"
}

# Records of the CNI plugins about our pods, outside of our folder. The loopback's records have the same container id.
remove_network_notes() {
  local notes=/var/lib/cni/results file id
  for file in "$notes"/convene-pods-*-eth0; do
    [ -f "$file" ] || continue
    id=${file#"$notes/convene-pods-"}
    rm -f "$file" "$notes/cni-loopback-${id%-eth0}-lo"
  done
}

remove_cgroups() {
  local group
  for group in /sys/fs/cgroup/convene-node-* /sys/fs/cgroup/*/convene-node-*; do
    [ -d "$group" ] && find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null
  done
}

main() {
  need_root
  refuse_foreign_cluster
  [ "${1:-}" = --locked ] || lock
  if [ ! -e "$STATE" ] && ! ip link show "$BRIDGE" >/dev/null 2>&1; then
    say "is not up"
    return
  fi
  mkdir -p "$STATE/pids"
  stop_matching '*-kubelet' # first, or it starts the containers again
  note_pod_namespaces
  kill_containers
  kill_shims
  stop_matching '*'
  wait_for 20 nothing_runs || fail "some processes in $STATE/pids do not exit"
  wait_for 20 containers_gone || fail "some containers do not stop; see /sys/fs/cgroup/*/convene-node-*"
  remove_mounts
  remove_network
  remove_network_notes
  remove_cgroups
  rm -rf "$STATE" "$OWNER_FILE"
  say "is down, and nothing is left of it"
}
main "$@"
