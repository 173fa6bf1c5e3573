# The test certificate authority, the client certificates of the cluster's components, and the router's TLS files. Sourced by up.sh.
# shellcheck shell=bash

make_authority() {
  mkdir -p "$PKI"
  cd "$PKI" || return
  openssl req -x509 -newkey rsa:2048 -nodes -days 365 -subj /CN=convene-test-ca -keyout ca.key -out ca.crt 2>/dev/null
  openssl genrsa -out sa.key 2048 2>/dev/null
  openssl rsa -in sa.key -pubout -out sa.pub 2>/dev/null
}

# certificate FILE SUBJECT [ALTERNATIVE-NAMES]
certificate() {
  openssl req -newkey rsa:2048 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$PKI/ca.crt" -CAkey "$PKI/ca.key" -CAcreateserial -days 365 -out "$1.crt" \
    -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "${3:-DNS:none}") 2>/dev/null
  rm "$1.csr"
}

# kubeconfig NAME: for the user whose certificate has that name.
kubeconfig() {
  local config=(kubectl config --kubeconfig="$1.conf")
  "${config[@]}" set-cluster test --server="https://$HOST_ADDRESS:6443" --certificate-authority=ca.crt --embed-certs
  "${config[@]}" set-credentials "$1" --client-certificate="$1.crt" --client-key="$1.key" --embed-certs
  "${config[@]}" set-context test --cluster=test --user="$1"
  "${config[@]}" use-context test
} >/dev/null

make_cluster_identities() {
  cd "$PKI" || return
  certificate apiserver /CN=kube-apiserver \
    "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:$HOST_ADDRESS"
  certificate admin /O=system:masters/CN=admin
  certificate kcm /CN=system:kube-controller-manager
  certificate scheduler /CN=system:kube-scheduler
  certificate proxy /CN=system:kube-proxy
  local user
  for user in admin kcm scheduler proxy; do kubeconfig "$user"; done
}

# make_node_identity NODE ADDRESS
make_node_identity() {
  cd "$PKI" || return
  certificate "$1" "/O=system:nodes/CN=system:node:$1" "DNS:$1,IP:$2"
  kubeconfig "$1"
}

# Files for `kubectl create secret tls` and the browsers: ca.crt, router.crt, router.key.
make_router_tls() {
  mkdir -p "$STATE/tls"
  cp "$PKI/ca.crt" "$STATE/tls/ca.crt"
  certificate "$STATE/tls/router" /CN=convene-router "DNS:localhost,IP:127.0.0.1,IP:$(node_address 1),IP:$(node_address 2)"
}
