#!/usr/bin/env bash
# Runs the product as the README shows it, on the real binary: two nodes, ten thousand blocks,
# metrics, a kill in the middle, the round-3 family, the walk-through of the original network, five
# nodes that gossip and are cut apart, and wrong inputs with their exit codes.
#
#   tests/walkthrough.sh target/release/animica-p2p
set -euo pipefail

bin=$(realpath "${1:?path of the animica-p2p binary}")
work=$(mktemp -d)
export HOME=$work XDG_DATA_HOME=$work/share XDG_RUNTIME_DIR=$work/run NO_COLOR=1
mkdir -p "$work/run"
nodes=()

cleanup() {
  local code=$?
  for pid in "${nodes[@]}"; do kill -9 "$pid" 2>/dev/null || true; done
  if [ "$code" -ne 0 ]; then tail -n 20 "$work"/*.log >&2 || true; fi
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }
# json EXPRESSION: evaluates a Python expression on the JSON read from standard input, as `d`.
json() { python3 -c 'import json,sys; d=json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"; }

# start NAME ARGS…: a node with data in $work/NAME; waits for its ready line.
start() {
  local name=$1; shift
  # A node that starts again must not be taken for ready by the line of its last run.
  : >"$work/$name.log"
  "$bin" listen --data-dir "$work/$name" "$@" >"$work/$name.log" 2>&1 &
  nodes+=($!)
  eval "${name}_pid=$!"
  for _ in $(seq 100); do
    grep -q '^ready' "$work/$name.log" && return
    kill -0 "${nodes[-1]}" 2>/dev/null || { cat "$work/$name.log"; fail "$name ended"; }
    sleep 0.05
  done
  cat "$work/$name.log"; fail "$name printed no ready line"
}

cmd() { local name=$1; shift; "$bin" --data-dir "$work/$name" "$@"; }
head_of() { cmd "$1" chain head --json | json 'd["hash"]'; }
address_of() { cmd "$1" status --json | json 'd["addresses"][0]'; }
metrics_of() { curl -sf "$(cmd "$1" status --json | json 'd["metrics"]')"; }

# until_head NAME HASH SECONDS: waits until NAME has imported HASH.
until_head() {
  local deadline=$((SECONDS + $3))
  until [ "$(head_of "$1")" = "$2" ]; do
    [ $SECONDS -lt $deadline ] || { cmd "$1" status; fail "$1 did not reach $2"; }
    sleep 0.1
  done
}

# await CMD EXPRESSION SECONDS NAMES…: asks the control sockets of the nodes until the expression
# holds of the answer, as `d`, of each. Prints the milliseconds it took.
await() {
  (cd "$work" && exec python3 - "$@" <<'PY'
import json, socket, sys, time
cmd, expression, seconds, *names = sys.argv[1:]
begin = time.monotonic()
for name in names:
    control = socket.socket(socket.AF_UNIX)
    control.connect(name + "/control.sock")
    lines = control.makefile("rw")
    while True:
        print(json.dumps({"cmd": cmd}), file=lines, flush=True)
        d = json.loads(lines.readline())["ok"]
        if eval(expression):
            break
        if time.monotonic() - begin > float(seconds):
            sys.exit(f"{name}: not {expression} within {seconds} s: {json.dumps(d)[:1000]}")
        time.sleep(0.002)
print(int((time.monotonic() - begin) * 1000))
PY
  ) || fail "waited in vain"
}

# since NANOSECONDS: milliseconds since then, those of the commands between included.
since() { echo $((($(date +%s%N) - $1) / 1000000)); }

# expect CODE COMMAND…: the command ends with that exit code and says something on stderr.
expect() {
  local want=$1 got=0; shift
  "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" = "$want" ] || { cat "$work/out" "$work/err"; fail "'$*' ended with $got, not $want"; }
  [ -s "$work/err" ] || fail "'$*' failed silently"
}

say "a first node is ready within two seconds, from nothing"
begin=$(date +%s%N)
start a --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0
took=$((($(date +%s%N) - begin) / 1000000))
say "ready after ${took} ms"
[ "$took" -lt 2000 ] || fail "ready after ${took} ms"

say "ten thousand blocks"
cmd a chain mine --count 10000 --seed 1
head=$(head_of a)

say "a second node syncs them"
start b --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0 --bootstrap "$(address_of a)"
until_head b "$head" 60

say "metrics of both show peers, bytes, handshakes, sync"
for name in a b; do
  metrics_of "$name" >"$work/$name.metrics"
  for family in p2p_peers p2p_bytes_total p2p_handshake p2p_rtt_seconds p2p_sync; do
    grep -q "^$family" "$work/$name.metrics" || fail "$name shows no $family"
  done
  grep 'p2p_peers{' "$work/$name.metrics" | grep -q ' [1-9]' || fail "$name counts no peer"
done
cmd a peer list --json | json '[(p["kem"], p["signature"], p["aead"]) for p in d]'
[ "$(cmd a peer list --json | json 'd[0]["kem"]')" = "x25519+ml-kem-768" ] || fail "wrong kem"

say "kill -9 in the middle loses nothing"
kill -9 "$b_pid"; wait "$b_pid" 2>/dev/null || true
cmd a chain mine --count 20000 --txs 4 --tx-bytes 4000 --seed 2
head=$(head_of a)
start b --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0 --bootstrap "$(address_of a)"
for _ in $(seq 200); do
  [ "$(cmd b chain head --json | json 'd["height"]')" -gt 10500 ] && break
  sleep 0.02
done
kill -9 "$b_pid"; wait "$b_pid" 2>/dev/null || true
at=$(cmd b chain head --json | json 'd["height"]')
say "killed at height $at of 30000"
[ "$at" -gt 10000 ] || fail "nothing of the second sync was kept"
cmd b chain verify
start b --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0 --bootstrap "$(address_of a)"
until_head b "$head" 120

say "SIGTERM ends a node within five seconds, with code 0"
kill -TERM "$b_pid"
code=0; timeout 5 tail --pid="$b_pid" -f /dev/null || fail "still there after 5 s"
wait "$b_pid" || code=$?
[ "$code" = 0 ] || fail "ended with $code"

say "the same with the round-3 family"
cat >"$work/round3.toml" <<'TOML'
kem = "kyber768"
sign_alg = "dilithium3"
TOML
start c --config "$work/round3.toml" --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0
cmd c chain mine --count 2000 --seed 3
start d --config "$work/round3.toml" --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0 --bootstrap "$(address_of c)"
until_head d "$(head_of c)" 60
[ "$(cmd d peer list --json | json 'd[0]["kem"]')" = "x25519+kyber768" ] || fail "wrong kem"

say "the two families refuse each other, by name"
expect 1 cmd d peer connect "$(address_of a)"
grep -qi policy "$work/err" || { cat "$work/err"; fail "the refusal does not name the policy"; }

say "the walk-through of the original network"
mkdir "$work/orig"; cd "$work/orig"
port() { python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'; }
pa=$(port) pb=$(port)
for n in A B; do
  [ $n = A ] && p=$pa || p=$pb
  "$bin" listen --db "sqlite:///node$n.db" --listen "tcp://127.0.0.1:$p" --chain-id 1 --metrics 127.0.0.1:0 >"$work/orig$n.log" 2>&1 &
  nodes+=($!)
  for _ in $(seq 100); do grep -qs '^ready' "$work/orig$n.log" && break; sleep 0.05; done
done
"$bin" peer connect --addr "tcp://127.0.0.1:$pa"
[ "$("$bin" peer list --json 2>/dev/null | json 'len(d)')" = 1 ] || fail "not one peer"
cd "$work"
cmd a publish headers --count 5

say "five nodes in a line"
# They would find each other, and the line would be a mesh.
export ANIMICA_P2P_DISCOVERY__MDNS=false ANIMICA_P2P_DISCOVERY__DHT=false ANIMICA_P2P_DISCOVERY__EXCHANGE=false
start g1 --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0
for n in 2 3 4 5; do
  start "g$n" --listen /ip4/127.0.0.1/tcp/0 --metrics 127.0.0.1:0 --bootstrap "$(address_of "g$((n - 1))")"
done
all=(g1 g2 g3 g4 g5)
meshed='all(len(t["mesh"]) > 0 for t in d if t["topic"] in ("headers", "blocks", "txs", "app"))'
took=$(await gossip_mesh "$meshed" 30 "${all[@]}")
say "meshes built after ${took} ms"
cmd g3 gossip mesh

say "a block mined on one is imported by all"
begin=$(date +%s%N)
mined=$(cmd g1 publish headers --count 1 --json | json 'd["head"]["hash"]')
await chain_head "d['hash'] == '$mined'" 10 "${all[@]}" >/dev/null
say "imported by all five $(since "$begin") ms after the command began"

say "a thousand transactions published on one are in every pool, and then in the next block"
begin=$(date +%s%N)
cmd g2 publish txs --count 1000 --seed 1
await mempool 'd["transactions"] == 1000' 10 "${all[@]}" >/dev/null
say "in all five pools $(since "$begin") ms after the command began"
begin=$(date +%s%N)
mined=$(cmd g5 publish headers --count 1 --json | json 'd["head"]["hash"]')
await chain_head "d['hash'] == '$mined'" 10 "${all[@]}" >/dev/null
say "the block that has them imported by all five $(since "$begin") ms after the command began"
await mempool 'd["transactions"] == 0' 10 "${all[@]}" >/dev/null
[ "$(cmd g1 chain show "$mined" --json | json 'd["body"]["txs"]')" = 1000 ] || fail "the block has not all"

say "a direct message has a receipt"
cmd g1 send "$(cmd g2 status --json | json 'd["peer_id"]')" "hello, neighbour"
for _ in $(seq 50); do grep -q 'hello, neighbour' "$work/g2.log" && break; sleep 0.1; done
grep -q 'hello, neighbour' "$work/g2.log" || fail "g2 did not log the message"

say "two groups cut apart, fed different data, and rejoined"
kill -TERM "$g3_pid"; wait "$g3_pid" || fail "g3 ended with $?"
await peer_list 'len(d) == 1' 30 g1 g2 g4 g5 >/dev/null
cmd g1 publish headers --count 2
cmd g5 publish headers --count 1
cmd g1 publish txs --count 300 --seed 11
cmd g5 publish txs --count 200 --seed 12
cmd g1 broadcast "from one side"
cmd g5 broadcast "from the other side"
await mempool 'd["transactions"] == 300' 10 g1 g2 >/dev/null
await mempool 'd["transactions"] == 200' 10 g4 g5 >/dev/null
pushed() { cmd "$1" gossip stats --json | json '[t["received"] for t in d["topics"] if t["topic"] == "txs"][0]'; }
before="$(pushed g1) $(pushed g5)"
begin=$(date +%s%N)
cmd g4 peer connect "$(address_of g2)" >/dev/null
await mempool 'd["transactions"] == 500' 30 g1 g2 g4 g5 >/dev/null
say "500 transactions in all four pools $(since "$begin") ms after the command began"
await chain_head "d['hash'] == '$(head_of g1)'" 30 g1 g2 g4 g5 >/dev/null
say "the heavier chain imported by all four $(since "$begin") ms after the command began"
for n in 1 2 4 5; do
  for text in "from one side" "from the other side"; do
    for _ in $(seq 100); do
      cmd "g$n" messages 2>/dev/null | grep -q "$text" && continue 2
      sleep 0.1
    done
    fail "g$n has no message '$text'"
  done
done
cmd g1 messages
[ "$(cmd g1 mempool --ids --json | json 'sorted(d["ids"])')" = "$(cmd g5 mempool --ids --json | json 'sorted(d["ids"])')" ] ||
  fail "the pools differ"
after="$(pushed g1) $(pushed g5)"
say "transactions pushed to g1 and g5: $before before, $after after"
[ "$before" = "$after" ] || fail "the pools were flooded again, not reconciled"

say "counters and metrics show it"
cmd g2 gossip stats
metrics_of g2 >"$work/g2.metrics"
grep -E '^p2p_(gossip|compact|reconciliation)' "$work/g2.metrics"
# Pools are compared by sketches, and what is missing is fetched.
for message in GET_SKETCH SKETCH GETDATA TX; do
  grep -q "^p2p_msgs_total{topic=\"$message\"} [1-9]" "$work/g2.metrics" || fail "the metrics count no $message"
done

say "wrong inputs say what to do"
expect 2 "$bin" listen --no-such-flag
expect 2 "$bin" peer connect not-an-address
printf 'lisen = ["/ip4/127.0.0.1/tcp/0"]\n' >"$work/wrong.toml"
expect 3 "$bin" listen --data-dir "$work/x" --config "$work/wrong.toml"
grep -q 'listen' "$work/err" || { cat "$work/err"; fail "no suggestion"; }
expect 4 "$bin" listen --data-dir "$work/a"
expect 4 "$bin" listen --data-dir "$work/x" --listen "$(address_of a | sed 's#/p2p/.*##')" --metrics 127.0.0.1:0
chmod 644 "$work/a/identity.key"
expect 5 "$bin" key show --data-dir "$work/a"
grep -q 'chmod' "$work/err" || fail "no chmod in the hint"
expect 7 "$bin" --data-dir "$work/nobody" status
expect 1 cmd a send "$(cmd d status --json | json 'd["peer_id"]')" x
expect 1 cmd a broadcast x --topic "$(printf 't%.0s' $(seq 65))"
expect 1 cmd a publish txs --file "$work/wrong.toml"
grep -q 'not a transaction' "$work/err" || { cat "$work/err"; fail "no reason"; }

say "done"
