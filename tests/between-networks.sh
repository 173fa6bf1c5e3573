#!/bin/bash
# Runs a command in a network namespace that is connected to another one, both of which are removed afterwards. The command finds the name of the other
# in CONVENE_FAR_NETWORK; its own address is 10.212.0.1, that of the other 10.212.0.2. Neither has a way out.
#
#   tests/between-networks.sh COMMAND...        needs root
set -euo pipefail

NEAR=convene-$$-near
FAR=convene-$$-far

clean_up() {
  ip netns delete "$NEAR" 2>/dev/null || true
  ip netns delete "$FAR" 2>/dev/null || true
}
trap clean_up EXIT

ip netns add "$NEAR"
ip netns add "$FAR"
ip -netns "$NEAR" link set lo up
ip -netns "$FAR" link set lo up
ip -netns "$NEAR" link add link0 type veth peer name link0 netns "$FAR"
ip -netns "$NEAR" address add 10.212.0.1/24 dev link0
ip -netns "$FAR" address add 10.212.0.2/24 dev link0
# The media worker sends the packets of a frame as one message (UDP GSO), which iptables would drop or pass as a whole.
ip -netns "$NEAR" link set link0 gso_max_segs 1
ip -netns "$FAR" link set link0 gso_max_segs 1
ip -netns "$NEAR" link set link0 up
ip -netns "$FAR" link set link0 up
# Browsers use the interface of the default route.
ip -netns "$NEAR" route add default via 10.212.0.254 dev link0
ip -netns "$FAR" route add default via 10.212.0.254 dev link0
CONVENE_FAR_NETWORK=$FAR ip netns exec "$NEAR" "$@"
