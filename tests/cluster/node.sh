# One node: a network namespace with its own containerd, kubelet and kube-proxy. Sourced by up.sh.
# shellcheck shell=bash

# make_node_network NUMBER NODES: the namespace, its link to the bridge, and routes to the other nodes' pods.
make_node_network() {
  local number=$1 nodes=$2 node=node-$1 other
  ip netns add "$node"
  ip link add "v-$node" type veth peer name eth0 netns "$node"
  ip link set "v-$node" master "$BRIDGE" up
  ip -n "$node" addr add "$(node_address "$number")/24" dev eth0
  ip -n "$node" link set eth0 up
  ip -n "$node" link set lo up
  ip -n "$node" route add default via "$HOST_ADDRESS"
  for other in $(seq "$nodes"); do
    [ "$other" = "$number" ] || ip -n "$node" route add "$(pod_subnet "$other").0/24" via "$(node_address "$other")"
  done
  ip route add "$(pod_subnet "$number").0/24" via "$(node_address "$number")"
  nsenter --net="/run/netns/$node" sysctl -qw net.ipv4.ip_forward=1
  # Not by the bridge plugin, which hides the addresses of pods from pods of other nodes, too: Kubernetes forbids that.
  nsenter --net="/run/netns/$node" iptables -t nat -A POSTROUTING -s "$(pod_subnet "$number").0/24" ! -d 10.244.0.0/16 -j MASQUERADE
}

# The kubelet requires its root group to exist. Version 1 of cgroups has one tree per controller, version 2 a single one.
make_node_cgroups() {
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    echo "+cpu +memory +pids" >/sys/fs/cgroup/cgroup.subtree_control
    mkdir -p "/sys/fs/cgroup/convene-$1"
    return
  fi
  local tree
  for tree in /sys/fs/cgroup/*/; do mkdir -p "$tree/convene-$1" 2>/dev/null || true; done
}

write_cni_config() { # NUMBER FOLDER
  mkdir -p "$2/cni"
  cat >"$2/cni/10-bridge.conflist" <<END
{"cniVersion": "1.0.0", "name": "convene-pods", "plugins": [
  {"type": "bridge", "bridge": "cni0", "isGateway": true, "hairpinMode": true,
   "ipam": {"type": "host-local", "dataDir": "$2/ipam",
            "ranges": [[{"subnet": "$(pod_subnet "$1").0/24"}]], "routes": [{"dst": "0.0.0.0/0"}]}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

# restrict_oom_score_adj: small machines and containers lack CAP_SYS_RESOURCE.
write_containerd_config() { # FOLDER
  cat >"$1/containerd.toml" <<END
version = 3
root = "$1/containerd/root"
state = "$1/containerd/state"
[grpc]
  address = "$1/containerd.sock"
[plugins.'io.containerd.cri.v1.images'.pinned_images]
  sandbox = "localhost/pause:1"
[plugins.'io.containerd.cri.v1.runtime']
  restrict_oom_score_adj = true
[plugins.'io.containerd.cri.v1.runtime'.cni]
  bin_dirs = ["/usr/lib/cni"]
  conf_dir = "$1/cni"
[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
END
}

# oomScoreAdj, enforceNodeAllocatable: for the same reason. Images come from archives only, so they must not be garbage collected.
# clusterDNS: nothing answers there, but without it every pod gets a warning event.
write_kubelet_config() { # NODE FOLDER
  cat >"$2/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
failCgroupV1: false
cgroupDriver: cgroupfs
cgroupRoot: /convene-$1
containerRuntimeEndpoint: unix://$2/containerd.sock
oomScoreAdj: 0
enforceNodeAllocatable: []
authentication:
  anonymous: {enabled: false}
  x509: {clientCAFile: $PKI/ca.crt}
  webhook: {enabled: true}
authorization: {mode: Webhook}
tlsCertFile: $PKI/$1.crt
tlsPrivateKeyFile: $PKI/$1.key
clusterDomain: cluster.local
clusterDNS: [10.96.0.10]
evictionHard: {memory.available: 100Mi}
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
podLogsDir: $2/podlogs
nodeStatusUpdateFrequency: 4s
END
}

# maxPerCore 0: the limit belongs to the machine, not to a network namespace.
write_proxy_config() { # NODE FOLDER
  cat >"$2/proxy.yaml" <<END
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: iptables
clientConnection: {kubeconfig: $PKI/proxy.conf}
clusterCIDR: 10.244.0.0/16
hostnameOverride: $1
conntrack: {maxPerCore: 0}
END
}

# nsenter and not `ip netns exec`: that one hides /sys/fs/cgroup from the kubelet.
inside() { # NODE COMMAND...
  local node=$1
  shift
  start "$node-$(basename "$1")" nsenter "--net=/run/netns/$node" "$@"
}

# start_containers NUMBER NODES: the node's network and its containerd.
start_containers() {
  local node=node-$1 folder=$STATE/node-$1
  mkdir -p "$folder"
  make_node_network "$1" "$2"
  make_node_identity "$node" "$(node_address "$1")"
  make_node_cgroups "$node"
  write_cni_config "$1" "$folder"
  write_containerd_config "$folder"
  inside "$node" containerd -c "$folder/containerd.toml"
}

# start_kubelet NUMBER: waits for containerd, without which the kubelet exits immediately.
start_kubelet() {
  local node=node-$1 folder=$STATE/node-$1
  write_kubelet_config "$node" "$folder"
  write_proxy_config "$node" "$folder"
  await "$node-containerd" 30 ctr --address "$folder/containerd.sock" version
  import_image "$1" pause
  inside "$node" kubelet --config="$folder/kubelet.yaml" --kubeconfig="$PKI/$node.conf" \
    --hostname-override="$node" --node-ip="$(node_address "$1")" --root-dir="$folder/kubelet"
  inside "$node" kube-proxy --config="$folder/proxy.yaml"
}

