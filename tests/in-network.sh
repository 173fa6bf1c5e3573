#!/bin/bash
# Runs a command in a network namespace that is removed afterwards: the loopback interface and one network interface, without a route out.
#
#   tests/in-network.sh COMMAND...        needs root
set -euo pipefail

NAME=convene-$$
ADDRESS=10.211.0.1/24

clean_up() { ip netns delete "$NAME" 2>/dev/null || true; }
trap clean_up EXIT

inside() { ip netns exec "$NAME" "$@"; }

ip netns add "$NAME"
inside ip link set lo up
inside ip link add card0 type veth peer name card1
inside ip address add "$ADDRESS" dev card0
inside ip link set card0 up
inside ip link set card1 up
inside ip route add default via 10.211.0.254 dev card0
inside "$@"
