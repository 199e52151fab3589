#!/usr/bin/env bash
# Runs every command line of the README as it is written there, on the real binary.
#
#   tests/readme.sh target/release/animica-p2p
#
# `listen` lines run in the background until their `ready` line; all others must end with 0, and
# some must print what the README says they show. A block behind a paragraph that says "Stop the
# nodes" starts without nodes. The ports are the README's, so everything runs in a network
# namespace of its own where the system permits one, else directly.
set -euo pipefail

# Lines that this script does not run: they build, or need a container engine.
skipped=(
  'cargo run --release -- listen'
  'cargo test'
  'cargo run --release --example bars'
  'docker build -t animica-p2p .'
  'docker run --name node -p 41000:41000 -v animica:/data animica-p2p'
  'docker exec node /usr/local/bin/animica-p2p status'
)

say() { printf -- '-- %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

# lo_up: switches the loopback interface of a fresh network namespace on.
lo_up() {
  ip link set lo up 2>/dev/null || python3 - <<'PY'
import fcntl, socket, struct
SIOCSIFFLAGS, UP = 0x8914, 0x49
fcntl.ioctl(socket.socket(), SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", UP))
PY
}

if [ "${1:-}" = --probe ]; then lo_up; exit; fi
bin=$(realpath "${1:?path of the animica-p2p binary}")
if [ -z "${README_NAMESPACE:-}" ]; then
  export README_NAMESPACE=none
  for how in "unshare --net" "unshare --net --map-root-user"; do
    if $how "$0" --probe 2>/dev/null; then
      README_NAMESPACE=own exec $how "$0" "$bin"
    fi
  done
  say "no network namespace of its own: the ports of the README must be free"
fi
if [ "$README_NAMESPACE" = own ]; then lo_up; fi

readme=$(realpath "$(dirname "$0")/../README.md")
work=$(mktemp -d)
mkdir "$work/bin" "$work/run" "$work/here"
ln -s "$bin" "$work/bin/animica-p2p"
export HOME=$work XDG_DATA_HOME=$work/share XDG_RUNTIME_DIR=$work/run NO_COLOR=1 PATH=$work/bin:$PATH
cd "$work/here"
nodes=() used=() ran=0

stop_nodes() {
  for pid in "${nodes[@]}"; do kill -"$1" "$pid" 2>/dev/null || true; done
  for pid in "${nodes[@]}"; do wait "$pid" 2>/dev/null || true; done
  nodes=()
}

cleanup() {
  local code=$?
  stop_nodes KILL
  if [ "$code" -ne 0 ]; then tail -n 20 "$work"/*.log >&2 || true; fi
  cd /
  rm -rf "$work"
  exit "$code"
}
trap cleanup EXIT

is_skipped() {
  local known
  for known in "${skipped[@]}"; do
    if [ "$1" = "$known" ]; then used+=("$1"); return 0; fi
  done
  return 1
}

# listen LINE: starts a node and waits until it says `ready`.
listen() {
  local log=$work/node-$ran.log
  eval "exec $1" >"$log" 2>&1 </dev/null &
  nodes+=($!)
  for _ in $(seq 200); do
    if grep -q '^ready' "$log"; then return; fi
    kill -0 "${nodes[-1]}" 2>/dev/null || fail "ended at once: $1"
    sleep 0.05
  done
  fail "no ready line: $1"
}

# shows TEXT LINE: what the last line printed has a line that begins with TEXT.
shows() { grep -q "^$1" "$work/out" || { cat "$work/out" >&2; fail "'$2' prints no line '$1…'"; }; }

# shows_soon TEXT LINE: the same, perhaps only after a while of running the line again.
shows_soon() {
  for _ in $(seq 100); do
    if grep -q "^$1" "$work/out"; then break; fi
    sleep 0.1
    eval "$2" >"$work/out" 2>/dev/null </dev/null
  done
  shows "$1" "$2"
}

# check LINE: whether the last line printed what the README says it shows.
check() {
  case $1 in
    # A person's next line comes when the process is gone.
    kill*) wait -n "${nodes[@]}" || true ;;
    curl*/metrics*)
      for family in $(sed -n 's/.*p2p_(\(.*\)).*/\1/p' <<<"$1" | tr '|' ' '); do
        shows "p2p_$family" "$1"
      done
      # With somebody connected, and not only names.
      shows 'p2p_peers.* [1-9]' "$1" ;;
    curl*/readyz*) shows '\[+\] store' "$1"; shows ready "$1" ;;
    *"chain head"*) heads+=("$(grep '^hash' "$work/out")") ;;
    # A node that has just started may not have reached the other yet.
    *"peer list"*) shows_soon ".*127.0.0.1.*x25519+${ANIMICA_P2P_KEM:-ml-kem-768}" "$1" ;;
    *"peer explain"*) shows 'to change it' "$1"; shows 'peer id' "$1" ;;
    *"ping "*" --signed"*) shows 'signed by' "$1" ;;
    *"dht get colour"*) shows 'blue$' "$1" ;;
    *"peer bans"*) shows '.*to show it' "$1" ;;
    *"peer unban"*) shows 'lifted: ' "$1" ;;
    *"p2p messages"*) shows_soon '\[app\] .*: hello' "$1" ;;
    *"gossip stats"*) shows_soon ' *txs  *[1-9]' "$1" ;;
    *"config print"*) grep -q 600 "$work/out" || fail "'$1' does not show its value" ;;
  esac
}

# run LINE: one command line, as a shell at a prompt takes it.
run() {
  say "$1"
  ran=$((ran + 1))
  case $1 in
    "animica-p2p listen"*) listen "$1" ;;
    *)
      local code=0
      eval "$1" >"$work/out" 2>"$work/command-$ran.log" </dev/null || code=$?
      [ "$code" = 0 ] || { cat "$work/out" >&2; fail "ended with $code: $1"; }
      check "$1" ;;
  esac
}

# end_of_block: what a block as a whole must have come to.
end_of_block() {
  if [ ${#heads[@]} -gt 1 ] && [ "$(printf '%s\n' "${heads[@]}" | sort -u | wc -l)" != 1 ]; then
    fail "different heads: ${heads[*]}"
  fi
}

inside=no before='' heads=()
while IFS= read -r line; do
  case $inside,$line in
    no,'```sh')
      inside=yes heads=()
      if grep -q 'Stop the nodes' <<<"$before"; then stop_nodes TERM; fi ;;
    no,*) if [ -n "$line" ]; then before=$line; fi ;;
    yes,'```') inside=no before=''; end_of_block ;;
    yes,) ;;
    yes,*) is_skipped "$line" || run "$line" ;;
  esac
done <"$readme"

[ "$ran" -ge 20 ] || fail "only $ran command lines found"
[ ${#used[@]} = ${#skipped[@]} ] || fail "a line that is skipped is no longer in the README"

# The node that was killed in the middle has caught up and holds together.
stop_nodes TERM
unset ANIMICA_P2P_KEM ANIMICA_P2P_SIGN_ALG
animica-p2p chain verify --data-dir b
say "$ran command lines"
