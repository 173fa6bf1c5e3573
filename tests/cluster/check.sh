#!/bin/bash
# Checks that the running cluster supports what Convene needs: pods on both nodes, host ports over UDP from outside, pods across
# nodes, a NodePort, logs, Pod Security, deletion. Creates one namespace and removes it. About 15 seconds.
set -euo pipefail
# shellcheck source=tests/cluster/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
NAMESPACE=cluster-check
PORT=45999
export KUBECONFIG=$ADMIN_KUBECONFIG

echo_pod() { # NODE
  cat <<END
apiVersion: v1
kind: Pod
metadata: {name: echo-$1, namespace: $NAMESPACE, labels: {app: echo}}
spec:
  nodeName: $1
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 0
  containers:
    - name: echo
      image: localhost/udp-echo:1
      imagePullPolicy: Never
      args: ["$PORT"]
      ports: [{containerPort: $PORT, hostPort: $PORT, protocol: UDP}]
      securityContext: {runAsNonRoot: true, readOnlyRootFilesystem: true}
END
}

# answers ADDRESS PORT: a datagram is echoed.
answers() {
  python3 - "$1" "$2" <<'END'
import socket, sys
client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
client.settimeout(1)
client.sendto(b"hello", (sys.argv[1], int(sys.argv[2])))
assert client.recv(100) == b"hello"
END
}

check() { # WHAT COMMAND...
  local what=$1
  shift
  wait_for 30 "$@" || fail "does not work: $what"
  say "works: $what"
}

refuses_host_port() {
  kubectl label --overwrite namespace "$NAMESPACE" pod-security.kubernetes.io/enforce=baseline
  ! echo_pod node-1 | sed 's/name: echo-/name: refused-/' | kubectl apply --dry-run=server -f -
}

namespace_is_gone() { ! kubectl get namespace "$NAMESPACE"; }

main() {
  need python3 python3
  is_up || fail "the cluster is not up; run $CLUSTER_SOURCE/up.sh"
  "$CLUSTER_SOURCE/load-images.sh" udp-echo
  trap 'kubectl delete namespace "$NAMESPACE" --ignore-not-found --wait=false >/dev/null' EXIT
  kubectl create namespace "$NAMESPACE" >/dev/null
  wait_for 30 kubectl -n "$NAMESPACE" get serviceaccount default || fail "the controller manager makes no service accounts"
  local node
  for node in node-1 node-2; do echo_pod "$node" | kubectl apply -f - >/dev/null; done
  kubectl -n "$NAMESPACE" wait --for=condition=Ready pod --all --timeout=60s >/dev/null || fail "pods do not start"
  kubectl -n "$NAMESPACE" create service nodeport echo --tcp=1:1 --dry-run=client -o json |
    python3 -c "import json,sys; s=json.load(sys.stdin); s['spec']['ports']=[dict(port=$PORT,protocol='UDP',nodePort=30999)]; json.dump(s,sys.stdout)" |
    kubectl apply -f - >/dev/null
  check "UDP host port on node-1 from outside" answers "$(node_address 1)" "$PORT"
  check "UDP host port on node-2 from outside" answers "$(node_address 2)" "$PORT"
  check "pod address from outside" answers "$(kubectl -n "$NAMESPACE" get pod echo-node-2 -o 'jsonpath={.status.podIP}')" "$PORT"
  check "NodePort over UDP" answers "$(node_address 1)" 30999
  check "logs" kubectl -n "$NAMESPACE" logs echo-node-1
  check "Pod Security refuses host ports under baseline" refuses_host_port
  kubectl delete namespace "$NAMESPACE" --wait=false >/dev/null
  check "deletion of a namespace" namespace_is_gone
}
main
