# etcd, API server, controller manager and scheduler, on the host. Sourced by up.sh.
# shellcheck shell=bash

# start NAME COMMAND...: in the background, with log and process id stored under that name.
start() {
  local name=$1
  shift
  # 9 is the lock: processes that outlive the script must not hold it.
  setsid "$@" >"$STATE/log/$name.log" 2>&1 </dev/null 9>&- &
  echo $! >"$STATE/pids/$name"
}

# await NAME SECONDS COMMAND...: stops with the log of NAME if NAME exits, or the command does not succeed in time.
await() {
  local name=$1 seconds=$2 deadline=$((SECONDS + $2)) problem=
  shift 2
  until "$@" >/dev/null 2>&1; do
    runs "$name" || problem="$name ended"
    [ "$SECONDS" -lt "$deadline" ] || problem="$name does not answer after $seconds s"
    [ -z "$problem" ] || explain "$name" "$problem"
    sleep 0.2
  done
}

runs() { kill -0 "$(cat "$STATE/pids/$1")" 2>/dev/null; }

explain() { # NAME PROBLEM
  echo "--- last lines of $STATE/log/$1.log" >&2
  tail -n 25 "$STATE/log/$1.log" >&2
  fail "$2, so the cluster did not come up; logs are in $STATE/log, and down.sh cleans up"
}

start_etcd() {
  start etcd etcd --data-dir "$STATE/etcd" --unsafe-no-fsync \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380
  await etcd 30 curl --fail --silent http://127.0.0.1:2379/health
}

start_apiserver() {
  cd "$PKI" || return
  start apiserver kube-apiserver --etcd-servers=http://127.0.0.1:2379 \
    --secure-port=6443 --bind-address=0.0.0.0 --advertise-address="$HOST_ADDRESS" \
    --service-cluster-ip-range=10.96.0.0/16 --service-account-issuer=https://kubernetes.default.svc \
    --service-account-key-file=sa.pub --service-account-signing-key-file=sa.key --client-ca-file=ca.crt \
    --tls-cert-file=apiserver.crt --tls-private-key-file=apiserver.key \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --kubelet-client-certificate=admin.crt --kubelet-client-key=admin.key --kubelet-certificate-authority=ca.crt \
    --kubelet-preferred-address-types=InternalIP --allow-privileged
  await apiserver 60 kubectl --kubeconfig="$ADMIN_KUBECONFIG" get --raw=/readyz
}

start_control_plane() {
  start_etcd
  start_apiserver
  start kcm kube-controller-manager --kubeconfig="$PKI/kcm.conf" --service-account-private-key-file="$PKI/sa.key" \
    --root-ca-file="$PKI/ca.crt" --use-service-account-credentials --leader-elect=false
  start scheduler kube-scheduler --kubeconfig="$PKI/scheduler.conf" --leader-elect=false
}
