#!/usr/bin/env bats
# Networks and their users killed at any moment, and many at once. After each the catalog, the firewall and the devices say the same, and
# nobody has what another had before it was taken away.
load ../lib/common
load ../lib/network
load ../lib/faults

setup_file() { tare_setup_file; load_busybox; world_up; tare network create fault >/dev/null; }
teardown_file() {
  remove_all
  tare network rm fault
  world_down; tare_teardown_file
}

teardown() {
  remove_all
}

rows() { sqlite3 "$TARE_ROOT/catalog.db" "$1" | sort; }
# What the firewall knows of containers: ids of senders and of ports.
known() { elements | jq -r 'select(.[0] | test("senders|ports|ranges")) | .[1] | .. | .comment? // empty' | sort -u; }
devices() { ip -o link | sed -n 's/^[0-9]*: \(ta[0-9a-f]*\)@.*/\1/p' | sort; }
relays_agree() { # each of one that runs leads to an address of its own
  local f id to
  for f in "$TARE_STATE"/*/relays; do
    [ -e "$f" ] || continue
    id=${f%/relays}; id=${id##*/}
    [ -n "$(rows "SELECT 1 FROM containers WHERE id = '$id' AND status = 'running'")" ] || continue # nobody reads it any more
    while read -r _ _ _ _ to _; do rows "SELECT ip FROM endpoints WHERE container = '$id'" | grep -q "^$to/" || return 1; done <"$f"
  done
}
same_devices() { [ "$(devices)" = "$(rows 'SELECT host FROM endpoints')" ]; }
# A child of a killed command may still hold the container's lock for a moment (spawn_close()): whoever looks then leaves it alone.
same_elements() { tare ps -a >/dev/null; diff <(rows 'SELECT DISTINCT container FROM endpoints') <(known) >"$BATS_TEST_TMPDIR/diff"; }
agree() {
  tare ps -a >/dev/null
  [ -z "$(rows "SELECT c.name FROM endpoints e JOIN containers c ON c.id = e.container WHERE c.status != 'running'")" ] || { tare ps -a; return 1; }
  wait_until 5 same_elements || { cat "$BATS_TEST_TMPDIR/diff"; echo "rows and elements differ"; return 1; }
  relays_agree || { echo "a relay leads to an address that is not its container's"; return 1; }
  wait_until 5 same_devices || { rows 'SELECT host FROM endpoints'; devices; return 1; }
  if [ -n "$(rows "SELECT 1 FROM endpoints e JOIN networks n ON n.id = e.network WHERE n.name = 'fault' LIMIT 1")" ]; then
    [ -S "$TARE_STATE/netd.sock" ]
  else
    [ ! -e "$TARE_STATE/netd.sock" ]
  fi
}

# At which system calls (`killed`): some, by a printed seed, of those a command makes; all of them under make test-long.
moments() {
  local seed=${TARE_TEST_SEED:-$RANDOM}
  echo "# seed $seed" >&3
  RANDOM=$seed
  if [ -n "${TARE_TEST_LONG:-}" ]; then seq 0 600; else for _ in 1 2 3 4 5 6 7 8 9 10 11; do echo "$RANDOM"; done; fi
}

@test "tare run and tare rm killed at any moment" {
  for n in $(moments); do
    killed "$n" "$TARE_BIN/tare" run -d --name victim --network fault --network bridge -p 8080:80 -p 9000-9010:9000-9010 busybox sleep 1000
    agree
    tare rm -f victim >/dev/null 2>&1 || true
    agree
    tare run -d --name victim --network fault -p 8080:80 busybox sleep 1000 >/dev/null
    killed "$n" "$TARE_BIN/tare" rm -f victim
    agree
    tare rm -f victim >/dev/null 2>&1 || true
    agree
  done
}

@test "connect and disconnect killed at any moment" {
  tare run -d --name both busybox sleep 1000 >/dev/null
  for n in $(moments); do
    killed "$n" "$TARE_BIN/tare" network connect fault both
    tare ps >/dev/null
    tare network connect fault both >/dev/null 2>&1 || true
    agree
    [ "$(tare exec both sh -c 'ls /sys/class/net | wc -l')" = 3 ]
    killed "$n" "$TARE_BIN/tare" network disconnect fault both
    tare network disconnect fault both >/dev/null 2>&1 || true
    agree
    [ "$(tare exec both sh -c 'ls /sys/class/net | wc -l')" = 2 ]
  done
  tare rm -f both
}

stopped() { ! kill -0 "$1" 2>/dev/null || grep -q '^State:.*[Tt] ' "/proc/$(pgrep -P "$1" | head -1)/status" 2>/dev/null; }
# ends_of_looks FILE: which of strace's fcntl lines end a statement that reads the catalog; nothing is locked there that a writer waits for.
ends_of_looks() { awk '/F_UNLCK.*l_start=12[3-7],/ && before ~ /F_RDLCK.*l_start=12[3-7],/ { print NR } { before = $0 }' "$1"; }

@test "a list that is read while a container ends: it is in it or not, at whatever moment its rows go" {
  local n calls=$BATS_TEST_TMPDIR/calls pid rc looks=0
  local going=(run -d --name going --network fault --network bridge -p 8080:80 busybox sleep 1000)
  tare "${going[@]}" >/dev/null
  strace -qq -o "$calls" -e trace=fcntl "$TARE_BIN/tare" ps -a >/dev/null
  for n in $(ends_of_looks "$calls"); do
    strace -qq -o /dev/null -e trace=fcntl -e inject="fcntl:signal=STOP:when=$n" "$TARE_BIN/tare" ps -a --format '{{.Names}} {{.Networks}} {{.Ports}}' \
      >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- & pid=$!
    wait_until 10 stopped "$pid"
    tare rm -f going >/dev/null
    pkill -CONT -P "$pid" || true
    rc=0; wait "$pid" || rc=$?
    [ "$rc" = 0 ] || { echo "$rc at call $n: $(cat "$BATS_TEST_TMPDIR/out")"; return 1; }
    grep -vE '^going (fault,bridge)? ?(0.0.0.0:8080->80/tcp.*)?$' "$BATS_TEST_TMPDIR/out" && return 1
    tare "${going[@]}" >/dev/null
    looks=$((looks + 1))
  done
  [ "$looks" -gt 5 ]
  tare rm -f going
  agree
}

# Catalog, configuration and firewall of the published ports, as one text.
ports_known() {
  tare port victim | sort
  rows "SELECT json_extract(config, '$.Publish') FROM containers WHERE name = 'victim'"
  elements | jq -c 'select(.[0] | test("ports|ranges"))' | sort
}
# state as $1 (a file of ports_known's) or as $2
is_one_of() { tare ps >/dev/null; ports_known >"$BATS_TEST_TMPDIR/now"; cmp -s "$BATS_TEST_TMPDIR/now" "$1" || cmp -s "$BATS_TEST_TMPDIR/now" "$2"; }
as_one_of() { wait_until 3 is_one_of "$@" || { cat "$BATS_TEST_TMPDIR/now"; return 1; }; }

@test "tare update killed at any moment: its ports are as they were, or as they were to be" {
  local before=$BATS_TEST_TMPDIR/before after=$BATS_TEST_TMPDIR/after
  local there=(--publish-rm 9003-9004 --publish-rm 8081 --publish-add 8080:80 --publish-add 8082-8083:80-81 --publish-add 8081:82)
  local back=(--publish-rm 9000-9010 --publish-rm 8080-8083 --publish-add 9000-9010:9000-9010 --publish-add 8081:81)
  tare run -d --name victim -p 9000-9010:9000-9010 -p 8081:81 busybox sleep 1000 >/dev/null
  ports_known >"$before"
  tare update "${there[@]}" victim; ports_known >"$after"
  tare update "${back[@]}" victim; ports_known | diff "$before" -
  for n in $(moments); do
    killed "$n" "$TARE_BIN/tare" update "${there[@]}" victim
    as_one_of "$before" "$after" || { echo "killed at $n"; return 1; }
    cmp -s "$BATS_TEST_TMPDIR/now" "$after" || tare update "${there[@]}" victim
    killed "$n" "$TARE_BIN/tare" update "${back[@]}" victim
    as_one_of "$before" "$after" || { echo "killed at $n on the way back"; return 1; }
    cmp -s "$BATS_TEST_TMPDIR/now" "$before" || tare update "${back[@]}" victim
  done
  [ -z "$(find "$TARE_STATE" -name ports)" ]
  tare restart -t 0 victim
  agree
  tare rm -f victim
  agree
}

# The monitor makes the devices: whoever it was killed before or behind.
@test "a monitor killed while it starts a container" {
  local seed=${TARE_TEST_SEED:-$RANDOM} pid
  echo "# seed $seed" >&3
  RANDOM=$seed
  for _ in 1 2 3 4 5 6 7 8; do
    tare run -d --name victim --network fault -p 8080:80 busybox sleep 1000 >/dev/null 2>&1 3>&- & pid=$!
    sleep "0.0$((RANDOM % 4))$((RANDOM % 10))"
    pkill -9 -x tare-monitor || true
    wait "$pid" || true
    agree
    tare rm -f victim >/dev/null 2>&1 || true
    agree
  done
}

one_is_left() { [ "$(tare ps -q | wc -l)" = 1 ]; }

@test "monitors and tare-netd killed: containers go on, and what they had is given back" {
  for i in 1 2 3; do tare run -d --name "kc$i" --network fault -p "808$i:80" busybox sleep 1000 >/dev/null; done
  pkill -9 -x tare-netd
  for i in 1 2 3; do kill -9 "$(jq .keeper "$TARE_STATE/$(tare inspect kc$i | jq -r '.[0].Id')/state.json")" || true; done
  agree
  [ "$(tare ps -q | wc -l)" = 3 ]
  tare exec kc1 nslookup -type=a kc2 | grep -q "$(address_of kc2)"
  for i in 1 2; do kill -9 "$(tare inspect kc$i | jq '.[0].State.Pid')"; done
  wait_until 5 one_is_left
  agree
  tare rm -f kc1 kc2 kc3
  agree
}

@test "fifty started at one instant, and removed at one instant" {
  local pids=()
  for i in $(seq 50); do
    tare run -d --name "many$i" --network "$([ $((i % 2)) = 0 ] && echo fault || echo bridge)" -p 80 busybox sleep 1000 >/dev/null 3>&- & pids+=($!)
  done
  for p in "${pids[@]}"; do wait "$p"; done
  agree
  [ "$(rows 'SELECT ip FROM endpoints' | uniq | wc -l)" = 50 ]
  [ "$(rows 'SELECT first FROM ports' | uniq | wc -l)" = 50 ]
  [ "$(for i in $(seq 50); do tare exec "many$i" hostname -i; done | sort -u | wc -l)" = 50 ]
  pids=()
  for i in $(seq 50); do tare rm -f "many$i" >/dev/null 3>&- & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  agree
  [ -z "$(rows 'SELECT * FROM endpoints')" ]
}

# Its rows are kept for it, and its next device has another name.
@test "one that waits for its restart has nothing in the firewall, whoever heals meanwhile" {
  local id
  tare network create other >/dev/null
  tare run -d --name other --network other busybox sleep 1000 >/dev/null # without anybody in a network there is nothing to heal
  tare run -d --name waits --restart always --network fault -p 8080:80 busybox false >/dev/null
  id=$(tare inspect -f '{{.Id}}' waits)
  wait_until 20 eval '[ "$(tare inspect -f "{{.RestartCount}} {{.State.Status}}" waits)" = "6 restarting" ]' # for six seconds
  run ! grep -q "$id" <(elements)
  tare internal heal
  run ! grep -q "$id" <(elements)
  nft flush ruleset
  tare internal heal
  run ! grep -q "$id" <(elements)
  is_state waits restarting
  tare rm -f waits other
  agree
  tare network rm other
}

@test "a device, the bridge, the rules taken away while containers run: they can be removed and started again" {
  tare run -d --name hurt --network fault -p 8080:80 busybox sleep 1000 >/dev/null
  ip link del "$(rows 'SELECT host FROM endpoints')"
  tare rm -f hurt
  agree
  tare run -d --name hurt --network fault -p 8080:80 busybox sleep 1000 >/dev/null
  ip link del "$(tare network inspect fault | jq -r '.[0].Device')"
  nft flush ruleset
  tare restart -t 0 hurt
  agree
  serve after 80 after --network fault -p 8081:80
  [[ "$(ask 127.0.0.1 8081)" == after* ]]
  tare rm -f hurt after
  agree
}

# Two containers race for one address: it is only ever one's, and whoever has it is who answers there.
@test "an address goes from one container to the next, and no packet goes astray" {
  tare network create --subnet 10.99.9.0/30 tiny >/dev/null
  for i in $(seq 8); do
    tare run -d --name "turn$i" --network tiny -p 8085:80 busybox sh -c "exec nc -ll -p 80 -e echo turn$i" >/dev/null
    wait_until 5 tare exec "turn$i" sh -c 'netstat -ltn | grep -q ":80 "'
    [ "$(ask 127.0.0.1 8085)" = "turn$i" ]
    run tare run --rm --network tiny busybox true
    [ "$status" = 125 ]
    [ "$(ask_from_outside 192.0.2.1 8085)" = "turn$i" ]
    tare rm -f "turn$i"
  done
  tare network rm tiny
  agree
}

tracked() { grep -c "dst=$1 " /proc/net/nf_conntrack; }
a_connection_to() { # IP: that the kernel tracks, for nobody answers it
  python3 -c 'import socket, sys; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", (sys.argv[1], 9))' "$1"
  [ "$(tracked "$1")" -gt 0 ]
}

@test "what the kernel tracks of an address is forgotten before somebody else has it, whoever was killed" {
  tare network create --subnet 10.79.0.0/24 net
  # as ever: the monitor does it at its end
  tare run -d --name aa --network net --ip 10.79.0.9 busybox sleep 1000 >/dev/null
  a_connection_to 10.79.0.9
  tare rm -f aa >/dev/null
  wait_until 5 eval '[ "$(tracked 10.79.0.9)" = 0 ]'
  wait_until 5 eval '[ ! -e "$TARE_STATE/stale" ]'
  # the monitor was killed
  tare run -d --name aa --network net --ip 10.79.0.9 busybox sleep 1000 >/dev/null
  a_connection_to 10.79.0.9
  local pids; pids=$(jq '.keeper, .worker' "$TARE_STATE"/*/state.json)
  # shellcheck disable=SC2086
  kill -9 $pids $(tare inspect aa | jq .[0].State.Pid)
  tare rm -f aa >/dev/null
  wait_until 5 eval '[ "$(tracked 10.79.0.9)" = 0 ]'
  # it was killed between the engine's word and its own
  tare run -d --name aa --network net busybox sleep 1000 >/dev/null
  a_connection_to 10.79.0.9
  mkdir "$TARE_STATE/stale" && ln -s nobody "$TARE_STATE/stale/10.79.0.9"
  tare run -d --name bb --network net --ip 10.79.0.9 busybox sleep 1000 >/dev/null
  [ "$(tracked 10.79.0.9)" = 0 ]
  [ ! -e "$TARE_STATE/stale" ]
  tare rm -f aa bb >/dev/null
  tare network rm net
}

@test "many that end at the same time: the connections of all are forgotten, and where whose turn it is comes to nothing the next look does it" {
  local i
  tare network create --subnet 10.78.0.0/24 net
  for i in 11 12 13 14 15 16; do
    tare run -d --rm --network net --ip "10.78.0.$i" busybox sleep 1000 >/dev/null
    a_connection_to "10.78.0.$i"
  done
  # shellcheck disable=SC2046
  tare kill $(tare ps -q) >/dev/null
  wait_until 10 eval '! grep -q "dst=10.78.0.1[1-6] " /proc/net/nf_conntrack'
  wait_until 5 eval '[ ! -e "$TARE_STATE/stale" ]'
  # one has its turn, and comes to nothing
  flock "$TARE_STATE/stale.lock" sleep 1000 3>&- & local other=$!
  wait_until 5 eval '! flock -n "$TARE_STATE/stale.lock" true'
  tare run -d --rm --name aa --network net --ip 10.78.0.11 busybox sleep 1000 >/dev/null
  a_connection_to 10.78.0.11
  tare kill aa >/dev/null
  wait_until 10 eval '[ -z "$(tare ps -aq)" ]'
  wait_until 5 eval '[ "$(tracked 10.78.0.11)" = 0 ]'
  wait_until 5 eval '[ ! -e "$TARE_STATE/stale" ]'
  # shellcheck disable=SC2046
  kill -9 $(pgrep -P "$other") "$other"
  wait "$other" || true
  tare network rm net
}

@test "a network's device whose making was killed is finished by the next start" {
  tare network create dev >/dev/null
  local device; device=$(tare network inspect dev | jq -r '.[0].Device')
  for n in 1 2 3 4 5 6 7 8 9 10 12 14 16; do
    ip link del "$device" 2>/dev/null || true
    strace -f -o /dev/null -e trace=sendto -e inject=sendto:signal=KILL:when="$n" "$TARE_BIN/tare" run --rm --network dev busybox true >/dev/null 2>&1 || true
    run -0 tare run --rm --network dev busybox ip route
    [[ "$output" == *"default via "* ]]
    ip -o addr show dev "$device" | grep -q "inet $(tare network inspect dev | jq -r '.[0].IPAM.Config[0].Gateway')/"
    [ "$(ip -j link show "$device" | jq -r '.[0].group')" != default ]
  done
  remove_all
  tare network rm dev
}

@test "disconnect killed, or a monitor that does not answer: no port leads to whoever has the address next" {
  tare network create n1 --subnet 10.79.0.0/24 >/dev/null
  for n in 1 2 3 4 5 6 7 8 9; do
    serve va 80 va --network n1 --ip 10.79.0.60 -p 8300:80
    [[ "$(ask ::1 8300)" == va* ]]
    strace -f -o /dev/null -e trace=faccessat2,unlinkat,renameat -e inject=faccessat2,unlinkat,renameat:signal=KILL:when="$n" "$TARE_BIN/tare" network disconnect n1 va >/dev/null 2>&1 || true
    if tare run -d --name vb --network n1 --ip 10.79.0.60 busybox sh -c 'exec nc -ll -p 80 -e echo vb' >/dev/null 2>&1; then
      sleep 0.2
      [[ "$(ask ::1 8300)" != vb* ]]
    fi
    relays_agree
    tare rm -f va >/dev/null
    tare rm -f vb >/dev/null 2>&1 || true
  done
  serve va 80 va --network n1 --ip 10.79.0.60 -p 8300:80
  kill -STOP "$(jq .worker "$TARE_STATE/$(tare inspect va | jq -r '.[0].Id')/state.json")"
  run -1 tare network disconnect n1 va
  [[ "$output" == *"its monitor does not answer"* ]]
  kill -CONT "$(jq .worker "$TARE_STATE/$(tare inspect va | jq -r '.[0].Id')/state.json")"
  tare network disconnect n1 va
  run ask ::1 8300
  [ -z "$output" ]
  tare rm -f va >/dev/null
  tare network rm n1
}

@test "network connect is killed while it writes /etc/hosts: there is always one" {
  local id n call status
  tare network create hostsnet
  tare run -d --name hosts --network bridge busybox sleep 1000
  id=$(tare inspect -f '{{.Id}}' hosts)
  for call in write ftruncate; do
    status=137
    for ((n = 1; status == 137 && n < 60; n++)); do
      status=0
      killed_at "$call" "$n" "$TARE_BIN/tare" network connect hostsnet hosts >/dev/null 2>&1 3>&- || status=$?
      grep -q localhost "$TARE_ROOT/containers/$id/hosts" || { echo "$call $n: hosts is cut"; return 1; }
      grep -q . "$TARE_ROOT/containers/$id/resolv.conf" || { echo "$call $n: resolv.conf is cut"; return 1; }
      tare network disconnect hostsnet hosts >/dev/null 2>&1 || true
    done
    [ "$status" = 0 ]
    [ "$n" -gt 2 ]
  done
  tare rm -f hosts
  tare network rm hostsnet
}
