#!/usr/bin/env bash
# Three nodes that find each other, each on a machine of its own as far as it can tell: a network namespace.
#
#   tests/net/peers.sh target/release/animica-p2p [target/debug/examples/misbehave]
#
# Needs root, iproute2 and python3. Four scenes: the nodes meet by mDNS (a value outlives its writer, and a flood of
# mDNS passes), by a DNS server, by a signed list; then a peer that lies is judged. A line says what each step found.
# Namespaces and processes go away with the script, however it ends; `KEEP=1` keeps logs and data directories.
set -euo pipefail

bin=$(realpath "${1:?path of the animica-p2p binary}")
misbehave=$(realpath "${2:-$(dirname "$bin")/examples/misbehave}")
here=$(dirname "$(realpath "$0")")
certificates=$here/../../src/network/seeds/testdata

# How long anything may take, far beyond what it does take.
patience=40
# The place of whoever is no node: floods, answers DNS, lies.
other=4
flood_rate=10000 flood_seconds=5
# Most that a flood may leave behind in a node's memory, in KiB.
flood_growth=16384

work=$(mktemp -d)
bridge=anim$$
mkdir "$work/bin" "$work/run"
ln -s "$bin" "$work/bin/animica-p2p"
export HOME=$work XDG_DATA_HOME=$work/share XDG_RUNTIME_DIR=$work/run NO_COLOR=1 PATH=$work/bin:$PATH
pids=()

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
namespace() { echo "anim-$$-$1"; }

# within N COMMAND…: on machine N.
within() {
  local n=$1
  shift
  ip netns exec "$(namespace "$n")" "$@"
}

# node N COMMAND…: asks the node that runs on machine N in this scene.
node() {
  local n=$1
  shift
  animica-p2p "$@" --data-dir "$work/$scene-$n"
}

stop_all() {
  for pid in "${pids[@]}"; do kill -KILL "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  pids=()
}

clean() {
  local code=$?
  set +e
  stop_all
  if [ "$code" -ne 0 ]; then tail -n 30 "$work"/*.log >&2; fi
  for n in 1 2 3 $other; do ip netns del "$(namespace "$n")" 2>/dev/null; done
  ip link del "$bridge" 2>/dev/null
  if [ "${KEEP:-0}" = 1 ]; then say "kept: $work"; else rm -rf "$work"; fi
  exit "$code"
}

# await WHAT COMMAND…: runs the command until it succeeds.
await() {
  local what=$1 end=$((SECONDS + patience))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || fail "not within $patience s: $what"
    sleep 0.1
  done
}

# json FILTER: what a Python expression about `it`, the JSON on standard input, comes to.
json() { python3 -c "import json, sys; it = json.load(sys.stdin); print($1)"; }

# begin N LOG COMMAND…: runs it on machine N in the background, until it says `ready`.
begin() {
  local n=$1 log=$work/$2.log
  shift 2
  # Not what an earlier one of that name said.
  : >"$log"
  # In the background, `ip` becomes the command: the process id is its own.
  ip netns exec "$(namespace "$n")" "$@" >"$log" 2>&1 </dev/null &
  pids+=($!)
  await "ready: $*" said_ready "$log" $!
}
said_ready() {
  if grep -q '^ready' "$1"; then return; fi
  kill -0 "$2" 2>/dev/null || fail "ended at once: $(cat "$1")"
  return 1
}

# listen N FLAGS…: starts the node of machine N, as a person would.
listen() {
  local n=$1
  shift
  begin "$n" "$scene-$n" animica-p2p listen --data-dir "$work/$scene-$n" "$@"
  ids[n]=$(node "$n" status --json | json 'it["peer_id"]')
}

peers_of() { node "$1" peer list --json | json '" ".join(p["peer_id"] for p in it)'; }

# all_meet N…: every one of these nodes is connected to the others.
all_meet() {
  local a b list
  for a; do
    list=$(peers_of "$a") || return 1
    for b; do
      if [ "$a" != "$b" ]; then case $list in *"${ids[b]}"*) ;; *) return 1 ;; esac; fi
    done
  done
}

# source_of N NAME FIELD: what `discovery status` says about a source.
source_of() {
  node "$1" discovery status --json | json "next(s['$3'] for s in it['sources'] if s['name'].startswith('$2'))"
}

# Machines on a private network, 10.77.0.N.
build() {
  ip link add "$bridge" type bridge
  # Without a querier, snooping bridges forget who listens to multicast.
  ip link set "$bridge" type bridge mcast_snooping 0
  ip link set "$bridge" up
  for n in 1 2 3 $other; do
    ip netns add "$(namespace "$n")"
    ip link add "v$n-$$" type veth peer name eth0 netns "$(namespace "$n")"
    ip link set "v$n-$$" master "$bridge" up
    within "$n" ip addr add "10.77.0.$n/24" dev eth0
    within "$n" ip link set eth0 up
    within "$n" ip link set lo up
    # Multicast needs a route.
    within "$n" ip route add default dev eth0
  done
}

# The same machines on the internet, as far as they can tell: each in an address group of its own.
go_public() { for n in 1 2 3 $other; do within "$n" ip addr add "11.$n.0.1/8" dev eth0; done; }

scene() {
  stop_all
  scene=$1 ids=()
  say "$2"
}

# What a node's own addresses are, as it tells others.
announced() { node "$1" discovery status --json | json '" ".join(it["announced"])'; }
announces_itself() { case $(announced "$1") in *"/ip4/10.77.0.$1/tcp/41000"*) ;; *) return 1 ;; esac; }

memory() { awk '/^VmRSS/ {print $2}' "/proc/$1/status"; }
# Hundredths of seconds of processor time so far.
busy() { awk '{print $14 + $15}' "/proc/$1/stat"; }
# is_calm PID: less than a fifth of a core over a second.
is_calm() {
  local before after
  before=$(busy "$1")
  sleep 1
  after=$(busy "$1")
  [ $((after - before)) -lt 20 ]
}
is_paused() { grep -q 'mDNS is flooded' "$work/$scene-$1.log"; }

# --- the scenes ------------------------------------------------------------------------------------------------------

by_mdns() {
  scene lan "three nodes on one network, by mDNS: animica-p2p listen"
  for n in 1 2 3; do listen "$n"; done
  await "they meet" all_meet 1 2 3
  say "   each is connected to both others, found by mDNS: $(for n in 1 2 3; do source_of $n lan found; done | paste -sd ' ')"
  for n in 1 2 3; do
    await "node $n knows its address" announces_itself "$n"
    case $(announced "$n") in *0.0.0.0*) fail "node $n announces 0.0.0.0" ;; esac
  done
  say "   listening on 0.0.0.0, node 1 announces $(announced 1)"
  await "the value has a copy" put_colour
  kill -KILL "${pids[0]}"
  wait "${pids[0]}" 2>/dev/null || true
  await "the value is read" get_colour
  say "   node 3 reads '$(cat "$work/value")', which node 1 wrote before it was killed"
  flood
}
put_colour() { node 1 dht put colour blue --ttl 1h >/dev/null 2>&1; }
get_colour() {
  node 3 dht get colour --author "${ids[1]}" >"$work/value" 2>/dev/null && [ "$(cat "$work/value")" = blue ]
}

flood() {
  local before=() grown n pid
  for n in 2 3; do before[n]=$(memory "${pids[n - 1]}"); done
  say "   flood: $(within $other python3 "$here/mdns_flood.py" --interface 10.77.0.$other \
    --rate $flood_rate --seconds $flood_seconds)"
  all_meet 2 3 || fail "the nodes lost each other in the flood"
  for n in 2 3; do
    pid=${pids[n - 1]}
    node "$n" health >/dev/null || fail "node $n does not answer"
    await "node $n pauses mDNS" is_paused "$n"
    grown=$(($(memory "$pid") - before[n]))
    [ "$grown" -lt $flood_growth ] || fail "node $n has grown by $grown KiB"
    await "node $n is calm again" is_calm "$pid"
    say "   node $n paused mDNS, kept its peer, is calm again; memory ${before[n]} + $grown KiB"
  done
  rm -rf "$work/$scene-1"
  listen 1
  await "the newcomer is found" all_meet 1 2 3
  say "   a newcomer was found by mDNS after it"
}

by_dns() {
  scene dns "three nodes by a DNS server: animica-p2p listen --no-mdns --seed dns://seeds.test"
  local records=() n
  for n in 1 2 3; do
    mkdir "$work/dns-$n"
    ids[n]=$(animica-p2p key generate "$work/dns-$n/identity.key" --json | json 'it["peer_id"]')
    records+=(seeds.test TXT "ma=/ip4/11.$n.0.1/tcp/41000/p2p/${ids[n]},w=20" plain.test A "11.$n.0.1")
  done
  begin $other dns-server python3 -u "$here/dns_server.py" --bind 11.$other.0.1 "${records[@]}"
  export ANIMICA_P2P_DISCOVERY__DNS_SERVERS=11.$other.0.1
  for n in 1 2; do listen "$n" --no-mdns --seed dns://seeds.test; done
  # One that is told addresses only.
  listen 3 --no-mdns --seed dns://plain.test:41000
  unset ANIMICA_P2P_DISCOVERY__DNS_SERVERS
  await "they meet" all_meet 1 2 3
  say "   each is connected to both others; $(grep -c asked "$work/dns-server.log") questions answered"
}

by_list() {
  scene list "three nodes by a signed list: animica-p2p listen --no-mdns --seed file:///…, https://…"
  local entries=() n key url list=$work/www/list.json
  mkdir "$work/www"
  for n in 1 2 3; do
    mkdir "$work/list-$n"
    ids[n]=$(animica-p2p key generate "$work/list-$n/identity.key" --json | json 'it["peer_id"]')
    entries+=("{\"addrs\": [\"/ip4/11.$n.0.1/tcp/41000\"], \"peerId\": \"${ids[n]}\"}")
  done
  (IFS=,; echo "{\"entries\": [${entries[*]}]}") >"$work/plain.json"
  key=$(animica-p2p seeds keygen --out "$work/seeds.key" --json | json 'it["public_key"]')
  animica-p2p seeds sign "$work/plain.json" --key "$work/seeds.key" --out "$list" >/dev/null
  animica-p2p seeds verify "$list" --key "$key" >/dev/null
  begin 3 https python3 -u "$here/https_server.py" "$work/www" 8443 "$certificates/server.pem" "$certificates/server.key"
  export ANIMICA_P2P_DISCOVERY__SEED_KEYS=$key ANIMICA_P2P_DISCOVERY__TLS_CA=$certificates/ca.pem
  for n in 1 2; do listen "$n" --no-mdns --seed "file://$list"; done
  listen 3 --no-mdns --seed https://127.0.0.1:8443/list.json
  unset ANIMICA_P2P_DISCOVERY__SEED_KEYS ANIMICA_P2P_DISCOVERY__TLS_CA
  await "they meet" all_meet 1 2 3
  grep -q '"GET /list.json.sig HTTP/1.1" 200' "$work/https.log" || fail "nobody fetched the list"
  say "   each is connected to both others; node 3 fetched list and signature over HTTPS"
}

# villain KEY WHAT: a peer with that key says it to node 1; what became of it.
villain() {
  within $other "$misbehave" /ip4/11.1.0.1/tcp/41000 --key "$work/$1.key" --say "$2" >"$work/villain-$1.log" 2>&1 ||
    fail "the misbehaving peer failed"
  tail -n 1 "$work/villain-$1.log"
}
becomes() {
  local became
  became=$(villain "$1" "$2")
  [ "$became" = "$3" ] || fail "$1, which says $2, is $became, not $3"
}
score() { node 1 trust show "$1" --json | json 'it["score"]'; }
bans() { node 1 peer bans --json | json '" ".join(b["subject"] for b in it)'; }
# unban ID: what node 1 says that it cleared.
unban() {
  node 1 peer unban "$1" --json |
    json '"%s; score from %s to %s" % (", ".join(b["kind"] for b in it["lifted"]), it["trust_before"], it["trust_after"])'
}
is_banned() { case " $(bans) " in *" $1 "*) ;; *) return 1 ;; esac; }
name_of() { awk '/^id/ {print $2}' "$work/villain-$1.log"; }

judged() {
  say "a peer that misbehaves, against node 1 of these"
  local id before n
  becomes first nothing accepted
  id=$(name_of first)
  becomes first malformed dropped
  is_banned "$id" && fail "banned for what a bug could do"
  before=$(score "$id")
  say "   malformed: disconnected, score $before"
  becomes first lie dropped
  await "the liar is banned" is_banned "$id"
  becomes first nothing refused
  say "   a lie: banned and refused, score $(score "$id")"
  node 1 peer explain "$id" >"$work/explain.txt"
  grep -q "non_canonical_cbor" "$work/explain.txt" || fail "explain does not say why"
  grep -q "peer unban" "$work/explain.txt" || fail "explain does not say what to do"
  say "   explain: $(head -n 1 "$work/explain.txt")"
  say "   unban: $(unban "$id")"
  becomes first nothing accepted
  say "   it is accepted again"
  for n in 1 2 3; do becomes "name-$n" lie dropped; done
  await "the address is banned" is_banned "11.$other.0.1"
  becomes innocent nothing refused
  say "   three new names from one address: the address is banned, also for a fourth"
  say "   unban of the third: $(unban "$(name_of name-3)")"
  is_banned "11.$other.0.1" && fail "its address is still banned"
  becomes innocent nothing accepted
  all_meet 1 2 3 || fail "the honest nodes lost each other"
  say "   the fourth is accepted; the honest nodes are connected"
}

[ "$(id -u)" = 0 ] || fail "network namespaces need root"
trap clean EXIT
trap 'exit 130' INT TERM
build || fail "network namespaces are not possible here"
by_mdns
go_public
by_dns
by_list
judged
say "done in $SECONDS s"
