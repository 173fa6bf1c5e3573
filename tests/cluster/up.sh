#!/bin/bash
# A real Kubernetes on one machine: the control plane on the host, every node (containerd, kubelet, kube-proxy) in a network
# namespace, connected by a bridge. The host is "outside": browsers and load run there. Exits immediately if the cluster is up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=tests/cluster/lib.sh
source ./lib.sh
# shellcheck source=tests/cluster/pki.sh
source ./pki.sh
# shellcheck source=tests/cluster/control-plane.sh
source ./control-plane.sh
# shellcheck source=tests/cluster/node.sh
source ./node.sh

NODES=2

check_machine() {
  need_root
  need ip iproute2
  need iptables iptables
  need conntrack conntrack
  need runc runc
  need openssl openssl
  need curl curl
  need nsenter util-linux
  [ -x /usr/lib/cni/bridge ] || fail "the CNI plugins are missing; install them with: apt-get install containernetworking-plugins"
  [ -f "$BIN/.fingerprint" ] || fail "Kubernetes is not built yet; run $CLUSTER_SOURCE/build.sh"
  refuse_foreign_cluster
}

make_bridge() {
  ip link add "$BRIDGE" type bridge
  ip addr add "$HOST_ADDRESS/24" dev "$BRIDGE"
  ip link set "$BRIDGE" up
  sysctl -qw net.ipv4.ip_forward=1
  allow_forwarding
}

# Docker drops packets that it does not forward itself, including our nodes' if the kernel passes bridged traffic to iptables.
allow_forwarding() {
  local direction
  if ! iptables -S FORWARD | grep -q -- '-P FORWARD DROP'; then return; fi
  for direction in -i -o; do iptables -I FORWARD "$direction" "$BRIDGE" -j ACCEPT; done
}

start_everything() {
  local number
  mkdir -p "$STATE"/{log,pids}
  echo "$STATE" >"$OWNER_FILE"
  make_bridge
  make_authority
  make_cluster_identities
  make_router_tls
  start_control_plane
  for number in $(seq "$NODES"); do start_containers "$number" "$NODES"; done
  for number in $(seq "$NODES"); do start_kubelet "$number"; done
  for number in $(seq "$NODES"); do
    await "node-$number-kubelet" 30 kubectl --kubeconfig="$ADMIN_KUBECONFIG" get node "node-$number"
  done
  await node-1-kubelet 60 kubectl --kubeconfig="$ADMIN_KUBECONFIG" wait --for=condition=Ready node --all --timeout=5s
}

main() {
  check_machine
  lock
  if is_up; then
    say "is up already"
  else
    if [ -e "$STATE" ] || ip link show "$BRIDGE" >/dev/null 2>&1; then
      say "removing what is left of an earlier cluster"
      ./down.sh --locked
    fi
    start_everything
    say "$NODES nodes ready after $SECONDS s"
  fi
  say "router certificate for tests: $STATE/tls/{ca.crt,router.crt,router.key}"
  say "to use it by hand:"
  print_how_to_use
}
main
