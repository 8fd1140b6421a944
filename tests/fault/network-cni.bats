#!/usr/bin/env bats
# Networks of CNI and whoever runs their plugins killed at any moment. After each, every ADD has had its DEL, and the catalog, the cache,
# the address management of the plugins and the mounts say that nothing is left.
load ../lib/common
load ../lib/network
load ../lib/cni

setup_file() {
  tare_setup_file; load_busybox; world_up; cni_up
  conflist 1.conflist real <<<"{\"type\":\"bridge\",\"bridge\":\"cnif0\",\"isGateway\":true,$(host_local 10.87.0.0/24)},{\"type\":\"fake-b\"}"
  conflist 2.conflist fakes <<<'{"type":"fake-a"},{"type":"fake-b"}'
}
teardown_file() { remove_all; ip link del cnif0 2>/dev/null || true; world_down; tare_teardown_file; }
setup() { forget_fakes; }
teardown() { remove_all; }

moments() { # FIRST LAST
  local seed=${TARE_TEST_SEED:-$RANDOM}
  echo "# seed $seed" >&3
  RANDOM=$seed
  if [ -n "${TARE_TEST_LONG:-}" ]; then seq "$1" "$2"; else for _ in 1 2 3 4 5 6 7 8; do echo $(($1 + RANDOM % ($2 - $1))); done; fi
}
killed() { # N COMMAND...: SIGKILL at the N-th system call of the command itself
  local n=$1; shift
  timeout 20 strace -qq -o /dev/null -e trace=none -e inject=all:signal=KILL:when="$n" "$@" >/dev/null 2>&1 </dev/null 3>&- || true
}

# Everybody that lives has its rows, and the others have none; with nobody there nothing is left.
agree() {
  tare ps -a >/dev/null
  diff <(rows "SELECT id FROM containers WHERE status = 'running' ORDER BY 1") \
    <(rows 'SELECT DISTINCT container FROM cni ORDER BY 1')
}
gone() {
  tare rm -f victim >/dev/null 2>&1 || true
  tare system prune -f >/dev/null
  nothing_left
}
devices() { tare exec victim ls /sys/class/net | sort | tr '\n' ' '; }

@test "tare run and tare rm killed at any moment" {
  for n in $(moments 60 460); do
    killed "$n" "$TARE_BIN/tare" run -d --name victim --network real busybox sleep 1000
    agree
    gone
    tare run -d --name victim --network real busybox sleep 1000 >/dev/null
    killed "$n" "$TARE_BIN/tare" rm -f victim
    agree
    gone
  done
}

@test "connect and disconnect killed at any moment" {
  for n in $(moments 60 360); do
    tare run -d --name victim busybox sleep 1000 >/dev/null
    killed "$n" "$TARE_BIN/tare" network connect real victim
    tare ps >/dev/null
    tare network connect real victim >/dev/null 2>&1 || true
    [ "$(devices)" = "eth0 eth1 lo " ]
    tare inspect victim | jq -e '.[0].NetworkSettings.Networks.real.IPAddress | startswith("10.87.0.")' >/dev/null
    killed "$n" "$TARE_BIN/tare" network disconnect real victim
    tare network disconnect real victim >/dev/null 2>&1 || true
    [ "$(devices)" = "eth0 lo " ]
    gone
  done
}

# Ours alone: those of this network namespace.
kill_monitors() {
  local p
  for p in $(pgrep -x tare-monitor); do
    [ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || kill -9 "$p" 2>/dev/null || true
  done
}

@test "a monitor killed while it starts a container" {
  local seed=${TARE_TEST_SEED:-$RANDOM} pid
  echo "# seed $seed" >&3
  RANDOM=$seed
  for _ in 1 2 3 4 5 6; do
    tare run -d --name victim --network real busybox sleep 1000 >/dev/null 2>&1 3>&- & pid=$!
    sleep "0.$((RANDOM % 2))$((RANDOM % 10))"
    kill_monitors
    wait "$pid" || true
    agree
    gone
  done
}

# Served without plugins: the store of host-local says what the catalog says.
same_store() {
  diff <(rows "SELECT substr(ip, 1, instr(ip, '/') - 1) FROM endpoints e JOIN networks n ON n.id = e.network WHERE n.name = 'own' ORDER BY 1") \
    <(find "$BATS_FILE_TMPDIR/ipam/own" -name '[!l]*' -type f -printf '%f\n' 2>/dev/null | sort)
}

@test "a network that is served without plugins: tare run, connect, rm killed at any moment" {
  conflist 4.conflist own <<<"{\"type\":\"bridge\",\"bridge\":\"cnifo0\",\"isGateway\":true,\"ipMasq\":true,$(host_local 10.86.0.0/24)},{\"type\":\"portmap\"}"
  for n in $(moments 60 560); do
    killed "$n" "$TARE_BIN/tare" run -d --name victim --network own -p 8087:80 busybox sleep 1000
    tare ps -a >/dev/null
    same_store
    tare rm -f victim >/dev/null 2>&1 || true
    same_store
    tare run -d --name victim busybox sleep 1000 >/dev/null
    killed "$n" "$TARE_BIN/tare" network connect own victim
    tare network connect own victim >/dev/null 2>&1 || true
    tare network inspect own | jq -e '.[0].Driver == "bridge"' >/dev/null
    same_store
    killed "$n" "$TARE_BIN/tare" rm -f victim
    tare ps -a >/dev/null
    tare rm -f victim >/dev/null 2>&1 || true
    same_store
  done
  tare network rm own
}

# The plugin kills who runs it, and who runs that: what it did itself is undone all the same.
@test "whoever runs the plugins is killed by one of them" {
  for who in orphan monitor; do
    conflist 3.conflist killer <<<"{\"type\":\"fake-a\"},{\"type\":\"fake-b\",\"on\":\"ADD\",\"do\":\"$who\"}"
    forget_fakes
    run tare run -d --name victim --network killer busybox sleep 1000
    [ "$status" != 0 ]
    tare ps -a >/dev/null
    gone
    [ "$(fakes | tr '\n' ' ')" = "ADD fake-a ADD fake-b DEL fake-b DEL fake-a " ]
  done
  conflist 3.conflist killer <<<'{"type":"fake-a"},{"type":"fake-b","on":"DEL","do":"orphan-once"}'
  forget_fakes
  tare run -d --name victim --network killer busybox sleep 1000
  tare rm -f victim || true
  gone
  [ "$(fakes | grep DEL | tr '\n' ' ')" = "DEL fake-b DEL fake-b DEL fake-a " ]
}

@test "a reboot: addresses are given back without the namespace" {
  tare run -d --name victim --network real busybox sleep 1000 >/dev/null
  id=$(tare inspect victim | jq -r '.[0].Id')
  [ -n "$(find "$BATS_FILE_TMPDIR/ipam" -name '10.87.0.*')" ]
  kill -9 "$(live victim keeper)" "$(live victim worker)" "$(live victim pid)"
  umount "$TARE_STATE/$id/netns"
  rm -rf "${TARE_STATE:?}"/*
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE containers SET boot_id = 'another'"
  tare ps -a | grep -q victim
  [ -z "$(did DEL fake-b CNI_NETNS)" ]
  [ -z "$(find "$BATS_FILE_TMPDIR/ipam" -name '10.87.0.*')" ]
  nothing_left
  tare start victim
  [ "$(devices)" = "eth0 lo " ]
  gone
}

@test "twenty started at one instant, and removed at one instant" {
  local pids=()
  for i in $(seq 20); do tare run -d --name "many$i" --network real busybox sleep 1000 >/dev/null 3>&- & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  agree
  [ "$(for i in $(seq 20); do address_of "many$i"; done | sort -u | wc -l)" = 20 ]
  pids=()
  for i in $(seq 20); do tare rm -f "many$i" >/dev/null 3>&- & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  gone
}
