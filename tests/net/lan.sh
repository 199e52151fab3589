#!/bin/sh
# Nodes on a local network that exists only while this runs: a bridge, and a network namespace for each node.
#
#   lan.sh BINARY [NODES]        needs root and iproute2
#
# Starts NODES (2) nodes that know nothing of each other, waits until each has a peer, then floods the network with
# mDNS answers of peers that do not exist and waits until the nodes have paused mDNS and still have their peers.
# Environment: FLOOD=0 leaves the flood out; KEEP=1 keeps the data directories.
set -eu

binary=$(realpath "$1")
nodes=${2:-2}
here=$(dirname "$(realpath "$0")")
work=$(mktemp -d)
bridge=animlan$$
bridge=$(printf %s "$bridge" | cut -c1-15)

namespace() { echo "anim-lan-$$-$1"; }

within() {
    n=$1
    shift
    ip netns exec "$(namespace "$n")" "$@"
}

clean() {
    set +e
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    wait 2>/dev/null
    for n in $(seq $((nodes + 1))); do ip netns del "$(namespace "$n")" 2>/dev/null; done
    ip link del "$bridge" 2>/dev/null
    if [ "${KEEP:-0}" = 1 ]; then echo "kept: $work"; else rm -rf "$work"; fi
}
pids=
trap clean EXIT
trap 'exit 130' INT TERM

ip link add "$bridge" type bridge
ip link set "$bridge" up
# One namespace more than nodes: the flood's.
for n in $(seq $((nodes + 1))); do
    ip netns add "$(namespace "$n")"
    ip link add "v$n-$$" type veth peer name eth0 netns "$(namespace "$n")"
    ip link set "v$n-$$" master "$bridge" up
    within "$n" ip addr add "10.77.0.$n/24" dev eth0
    within "$n" ip link set eth0 up
    within "$n" ip link set lo up
    # Multicast needs a route.
    within "$n" ip route add default dev eth0
done

for n in $(seq "$nodes"); do
    mkdir "$work/$n"
    within "$n" "$binary" listen --data-dir "$work/$n" --listen "/ip4/10.77.0.$n/tcp/41000" \
        >"$work/$n/out" 2>"$work/$n/log" &
    pids="$pids $!"
done

# Until `peer list` of every node names somebody, at most 30 s.
connected() {
    for n in $(seq "$nodes"); do
        within "$n" "$binary" peer list --json --data-dir "$work/$n" 2>/dev/null | grep -q 14QGS || return 1
    done
}
paused() {
    for n in $(seq "$nodes"); do
        grep -q 'mDNS is flooded' "$work/$n/log" || return 1
    done
}
await() {
    for _ in $(seq 60); do
        if "$1"; then return 0; fi
        sleep 0.5
    done
    echo "not $1 within 30 s; the logs:" >&2
    tail -n 20 "$work"/*/log >&2
    exit 1
}

await connected
echo "$nodes nodes have found each other by mDNS"
[ "${FLOOD:-1}" = 0 ] && exit 0

flooder=$((nodes + 1))
within "$flooder" python3 "$here/mdns_flood.py" --interface "10.77.0.$flooder" --seconds 5
await paused
connected || { echo "a node lost its peers in the flood" >&2; exit 1; }
echo "the nodes paused mDNS in the flood and kept their peers"
