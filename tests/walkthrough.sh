#!/usr/bin/env bash
# Runs the product as the README shows it, on the real binary: two nodes, ten thousand blocks,
# metrics, a kill in the middle, the round-3 family, the walk-through of the original network, and
# wrong inputs with their exit codes.
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
cmd a chain mine --count 20000 --txs 2 --tx-bytes 2000 --seed 2
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
  for _ in $(seq 100); do grep -q '^ready' "$work/orig$n.log" && break; sleep 0.05; done
done
"$bin" peer connect --addr "tcp://127.0.0.1:$pa"
[ "$("$bin" peer list --json 2>/dev/null | json 'len(d)')" = 1 ] || fail "not one peer"
cd "$work"
cmd a publish headers --count 5

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

say "done"
