# Networks around tare's: the tests run in a network namespace of their own (own-net), which is "the host". Beside it stands a machine
# "outside", on a link of its own:   outside 192.0.2.2 ── 192.0.2.1 host ── containers
# shellcheck shell=bash

world_up() { # in setup_file
  [ "$(readlink /proc/self/ns/net)" != "$(readlink /proc/1/ns/net)" ] || { echo "run bats by tests/lib/own-net" >&2; return 1; }
  unshare -n sleep 100000 3>&- &
  export OUTSIDE=$!
  wait_until 5 in_own_net
  ip link add name up0 type veth peer name eth0 netns "$OUTSIDE"
  ip addr add 192.0.2.1/24 dev up0; ip addr add 2001:db8::1/64 dev up0 nodad; ip link set up0 up
  outside ip link set lo up
  outside ip addr add 192.0.2.2/24 dev eth0
  outside ip addr add 2001:db8::2/64 dev eth0 nodad
  outside ip link set eth0 up
}
in_own_net() { [ "$(readlink "/proc/$OUTSIDE/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }
world_down() { # with what still runs out there
  local there p; there=$(readlink "/proc/$OUTSIDE/ns/net")
  for p in /proc/[0-9]*; do [ "$(readlink "$p/ns/net" 2>/dev/null)" != "$there" ] || kill "${p#/proc/}" 2>/dev/null || true; done
  ip link del up0 2>/dev/null || true
}

outside() { nsenter --net="/proc/$OUTSIDE/ns/net" "$@"; }

# serve NAME PORT TEXT [OPTION...]: a container that answers TEXT on a TCP port of its own.
serve() {
  local name=$1 port=$2 text=$3; shift 3
  tare run -d --name "$name" "$@" busybox sh -c "echo '$text \$\$' >/tmp/said; exec nc -ll -p $port -e cat /tmp/said" >/dev/null
  wait_until 5 tare exec "$name" sh -c "netstat -ltn | grep -q ':$port '"
}

# ask HOST PORT: what is answered there, with who asks in front: `ask`, `outside ask_there`.
ask() { timeout 3 busybox nc -w 2 "$1" "$2" </dev/null 2>/dev/null; }
ask_from_outside() { outside timeout 3 busybox nc -w 2 "$1" "$2" </dev/null 2>/dev/null; }
ask_from() { tare exec "$1" timeout 3 nc -w 2 "$2" "$3" </dev/null 2>/dev/null; } # CONTAINER HOST PORT

# The address of a container in its first network.
ip6_of() { tare inspect "$1" | jq -r '.[0].NetworkSettings.GlobalIPv6Address'; }
address_of() { tare inspect "$1" | jq -r '.[0].NetworkSettings.IPAddress'; }

# What tare has in the firewall: elements, one a line.
elements() { nft -j list ruleset | jq -c '.nftables[] | (.set, .map) | select(. and .elem) | .name as $n | .elem[] | [$n, .]'; }

# killed N COMMAND...: SIGKILL at the N-th system call of the command itself (not of what it starts), counted round and round. Which calls
# it makes is found out by the first run of each kind of command in a test, which is not killed; a call that is not made again is missed.
# strace counts each kind of call by itself, and acts upon those alone that it traces.
killed() {
  local n=$1 calls; shift
  calls=$BATS_TEST_TMPDIR/calls-$(tr -c 'a-z0-9\n' - <<<"${*:2}")
  if [ ! -s "$calls" ]; then
    timeout 20 strace -qq -o "$calls.all" "$@" >/dev/null 2>&1 </dev/null 3>&- || true
    sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$calls.all" | awk '$1 != "execve" && $1 != "exit_group" { print $1, ++n[$1] }' >"$calls"
    return 0
  fi
  read -r call n < <(sed -n "$((n % $(wc -l <"$calls") + 1))p" "$calls")
  timeout 20 strace -qq -o /dev/null -e trace="$call" -e inject="$call:signal=KILL:when=$n" "$@" >/dev/null 2>&1 </dev/null 3>&- || true
}
# The name of tare's tables, which goes by the state folder (net/firewall.h).
our_table() { echo "tare-$(printf %s "$TARE_STATE" | sha256sum | cut -c1-8)"; }

# The healer (tare-netd heal) of this file's state: what a test breaks on purpose stays broken while it is held.
healer() { pgrep -f "^tare-netd heal .* $TARE_STATE " || false; }
no_healer() { ! healer >/dev/null; }
hold_healer() { wait_until 10 healer >/dev/null; kill -STOP "$(healer)"; }
let_healer_go() { local pid; ! pid=$(healer) || kill -CONT "$pid"; }
