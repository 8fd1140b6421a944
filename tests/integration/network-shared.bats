#!/usr/bin/env bats
# --network container:X and --pid container:X: one network, one user namespace, and what becomes of it when X ends.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

id_of() { tare inspect "$1" | jq -r '.[0].Id'; }
pid_of() { tare inspect "$1" | jq '.[0].State.Pid'; }
namespace_of() { readlink "/proc/$(pid_of "$1")/ns/$2"; }
links_of() { tare exec "$1" ls /sys/class/net | tr '\n' ' '; }
host_devices() { ip -o link | sed -n 's/^[0-9]*: \(ta[0-9a-f]*\)@.*/\1/p' | wc -l; }
no_devices() { [ "$(host_devices)" = 0 ]; }
rows() { sqlite3 "$TARE_ROOT/catalog.db" "$1"; }
# guest NAME OF [OPTION...]
guest() {
  local name=$1 of=$2; shift 2
  tare run -d --name "$name" --network "container:$of" "$@" busybox sleep 1000 >/dev/null
}

@test "both speak by way of localhost, and have network, user ids, names and files in common" {
  tare network create one >/dev/null
  serve other 80 from-other --network one
  serve main 80 from-main --network one -p 8080:80 -p 8081:81
  serve side 81 from-side --network container:main
  [[ "$(ask_from side 127.0.0.1 80)" == from-main* ]]
  [[ "$(ask_from main 127.0.0.1 81)" == from-side* ]]
  [[ "$(ask 127.0.0.1 8081)" == from-side* ]]
  [[ "$(ask_from_outside 192.0.2.1 8081)" == from-side* ]]
  [[ "$(ask_from side other 80)" == from-other* ]]
  for ns in net user; do [ "$(namespace_of main $ns)" = "$(namespace_of side $ns)" ]; done
  for ns in pid mnt ipc uts cgroup; do [ "$(namespace_of main $ns)" != "$(namespace_of side $ns)" ]; done
  [ "$(tare inspect main | jq -c '.[0].IdMap')" = "$(tare inspect side | jq -c '.[0].IdMap')" ]
  [ "$(tare exec side stat -c %u / /etc/passwd /etc/hosts | sort -u)" = 0 ]
  [ "$(tare exec side hostname)" = "$(tare exec main hostname)" ]
  for file in hosts resolv.conf hostname; do [ "$(tare exec side cat /etc/$file)" = "$(tare exec main cat /etc/$file)" ]; done
  tare network connect bridge main
  [ "$(tare exec side cat /etc/hosts)" = "$(tare exec main cat /etc/hosts)" ]
  [ "$(links_of side)" = "eth0 eth1 lo " ]
  tare exec -w /tmp side sh -c 'echo x >f && [ "$(stat -c %u f)" = 0 ]'
}

@test "its name is the other one's, with the domain; with --uts host it is the host's" {
  tare run -d --name main --hostname hh --domainname dd busybox sleep 1000 >/dev/null
  [ "$(tare run --rm --network container:main busybox sh -c 'hostname; cat /proc/sys/kernel/domainname /etc/hostname' | tr '\n' ' ')" = "hh dd hh " ]
  [ "$(tare run --rm --network container:main --uts host busybox hostname)" = "$(hostname)" ]
}

@test "inspect, ps, port and rm know it; its user is its own matter" {
  tare run -d --name main -p 8080:80 busybox sleep 1000 >/dev/null
  guest side main --user 1000:1000
  [ "$(tare inspect side | jq -r '.[0].HostConfig.NetworkMode')" = "container:$(id_of main)" ]
  [ "$(tare inspect side | jq -r '.[0].NetworkSettings.IPAddress')" = "" ]
  [ "$(tare ps --format json | jq -r 'select(.Names == "side").Ports')" = "" ]
  [ -z "$(tare port side)" ]
  [ "$(tare exec side id -u)" = 1000 ]
  [ "$(awk '/^Uid/ { print $2 }' "/proc/$(pid_of side)/status")" = $(($(tare inspect main | jq '.[0].IdMap.HostId') + 1000)) ]
  for verb in connect disconnect; do
    run -1 tare network $verb bridge side
    [[ "$output" == *"container side shares the network of container $(id_of main | cut -c1-12)"* ]]
  done
  tare rm -f side
  [[ "$(links_of main)" == "eth0 lo " ]]
}

@test "what belongs to the network's owner is refused in one line" {
  tare run -d --name main busybox sleep 1000 >/dev/null
  for option in "-p 80" "-P" "--expose 80" "--ip 10.1.1.1" "--mac-address 02:00:00:00:00:01" "--network-alias xx" "--dns 1.1.1.1" "--dns-search a.b" \
    "--dns-option ndots:1" "--add-host a:1.1.1.1" "--hostname hh" "--domainname dd" "--network bridge" "--userns=private" "--userns=host" \
    "--userns=range:100000" "--sysctl net.ipv4.ip_forward=1"; do
    # shellcheck disable=SC2086
    run -125 tare run --rm --network container:main $option busybox true
    echo "$option: $output"
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == *main* ]] || [[ "$option" == "--network bridge" ]]
  done
  run -125 tare run --rm --network container:mian busybox true
  [[ "$output" == *'did you mean "main"?'* ]]
  run -125 tare run --rm --ipc container:main busybox true
  [[ "$output" == *"make that one with --ipc shareable"* ]]
}

@test "user ids of others: the host's, a range that was named, one that is too narrow" {
  tare run -d --name root --userns=host busybox sleep 1000 >/dev/null
  guest side root
  [ "$(namespace_of side user)" = "$(readlink /proc/self/ns/user)" ]
  [ "$(namespace_of side net)" = "$(namespace_of root net)" ]
  tare run --rm --userns=host --network container:root busybox true
  tare rm -f side root
  tare run -d --name ranged --userns=range:700000000:65536 busybox sleep 1000 >/dev/null
  guest side ranged --userns=range:700000000:65536
  [ "$(tare inspect side | jq '.[0].IdMap.HostId')" = 700000000 ]
  run -125 tare run --rm --network container:ranged --userns=range:700000000:65535 busybox true
  run -125 tare run --rm --network container:ranged --user 70000 busybox true
  [[ "$output" == *"has 65536"* ]]
  tare run -d --name hosted --network host busybox sleep 1000 >/dev/null
  run -125 tare run --rm --network container:hosted busybox true
  [[ "$output" == *"use --network host"* ]]
  tare run -d --name alone --network none busybox sleep 1000 >/dev/null
  guest quiet alone
  [ "$(links_of quiet)" = "lo " ]
}

@test "it starts only while the other one runs, which is pinned by its id" {
  tare create --name main busybox sleep 1000 >/dev/null
  run -125 tare run -d --name side --network container:main busybox sleep 1000
  [[ "$output" == *"container side shares the network of container main, which does not run"* ]]
  [ "$(tare inspect side | jq -r '.[0].State.Status')" = created ]
  tare start main
  tare start side
  [ "$(namespace_of main net)" = "$(namespace_of side net)" ]
  tare stop -t 0 side main
  tare rename main renamed
  run -1 tare start side
  [[ "$output" == *"container renamed, which does not run"* ]]
  tare start renamed
  tare start side
  [ "$(namespace_of renamed net)" = "$(namespace_of side net)" ]
  tare rm -f side renamed
}

@test "the other one stops: we go on without a way out, and nobody is met at its old address" {
  tare network create --subnet 10.99.7.0/29 small >/dev/null
  for network in bridge small; do
    tare run -d --name main --network $network busybox sleep 1000 >/dev/null
    guest side main
    address=$(address_of main)
    tare stop -t 0 main
    is_state side running
    [ "$(links_of side)" = "lo " ]
    wait_until 5 no_devices
    [ "$(tare exec side hostname)" = "$(tare inspect main | jq -r '.[0].Config.Hostname')" ]
    # whoever has the address next is who answers there
    rows "UPDATE networks SET next = ${address##*.}"
    serve "next" 80 from-next --network $network
    [ "$(address_of next)" = "$address" ]
    [[ "$(ask "$address" 80)" == from-next* ]]
    tare start main
    [ "$(namespace_of main net)" != "$(namespace_of side net)" ]
    [ "$(links_of side)" = "lo " ]
    tare restart -t 0 side
    [ "$(namespace_of main net)" = "$(namespace_of side net)" ]
    [ "$(links_of side)" = "eth0 lo " ]
    tare rm -f main side next
  done
  wait_until 5 no_devices
}

@test "a device that lies on one of the host's goes with its owner, too" {
  tare network create -d macvlan --opt parent=up0 --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.128/25 wire >/dev/null
  tare run -d --name main --network wire busybox sleep 1000 >/dev/null
  guest side main
  guest more side
  [ "$(links_of more)" = "eth0 lo " ]
  tare stop -t 0 main
  [ "$(links_of side)" = "lo " ]
  [ "$(links_of more)" = "lo " ]
  tare start main
  [ "$(links_of main)" = "eth0 lo " ]
  tare restart -t 0 side
  [ "$(links_of side)" = "eth0 lo " ]
  kill -9 "$(half main keeper)" "$(pid_of main)"
  wait_until 5 is_state main exited
  [ "$(links_of side)" = "lo " ]
}

# ranges_at BASE: from where ids are given next.
ranges_at() { rows "UPDATE counters SET value = $1 WHERE name = 'id_range'"; }

@test "a removed one's ids are nobody else's while we are there" {
  tare run -d --name main busybox sleep 1000 >/dev/null
  base=$(tare inspect main | jq '.[0].IdMap.HostId')
  guest side main
  tare rm -f main
  ranges_at "$base"
  tare run -d --name "next" busybox sleep 1000 >/dev/null
  [ "$(tare inspect next | jq '.[0].IdMap.HostId')" != "$base" ]
  tare exec side touch /tmp/mine
  tare stop -t 0 side
  ranges_at "$base"
  tare run -d --name third busybox sleep 1000 >/dev/null
  [ "$(tare inspect third | jq '.[0].IdMap.HostId')" != "$base" ]
  run -1 tare start side
  [[ "$output" == *"is gone: make it anew"* ]]
  tare rm side
  ranges_at "$base"
  tare run -d --name fourth busybox sleep 1000 >/dev/null
  [ "$(tare inspect fourth | jq '.[0].IdMap.HostId')" = "$base" ]
}

@test "a chain: whoever joins one that joined is in the first one's network" {
  serve main 80 from-main
  guest middle main
  guest last middle
  [ "$(namespace_of last net)" = "$(namespace_of main net)" ]
  [ "$(namespace_of last user)" = "$(namespace_of main user)" ]
  [[ "$(ask_from last 127.0.0.1 80)" == from-main* ]]
  tare rm -f middle
  [[ "$(ask_from last "$(address_of main)" 80)" == from-main* ]]
  tare rm -f main
  [ "$(links_of last)" = "lo " ]
  wait_until 5 no_devices
}

@test "--pid container: its processes are seen, and its end is ours" {
  serve main 80 from-main
  tare run -d --name side --pid container:main busybox sleep 1234 >/dev/null
  tare exec main ps | grep -q 'sleep 1234'
  tare exec side ps | grep -q 'nc -ll -p 80'
  [ "$(namespace_of side pid)" = "$(namespace_of main pid)" ]
  [ "$(namespace_of side user)" = "$(namespace_of main user)" ]
  [ "$(namespace_of side net)" != "$(namespace_of main net)" ]
  [ "$(tare inspect side | jq -r '.[0].HostConfig.PidMode')" = "container:$(id_of main)" ]
  tare run --rm --pid container:main --network container:main busybox sh -c 'ps | grep -q "sleep 1234" && nc -w 2 127.0.0.1 80 </dev/null' | grep -q from-main
  tare run -d --name loner busybox sleep 1000 >/dev/null
  run -125 tare run --rm --pid container:main --network container:loner busybox true
  [[ "$output" == *"user ids differ"* ]]
  tare rm -f side
  run -0 tare exec main ps
  [[ "$output" != *'sleep 1234'* ]]
  tare run -d --name side --pid container:main busybox sleep 1234 >/dev/null
  tare kill main
  wait_until 5 is_state side exited
}

@test "monitors killed: both go on, and what they had is given back" {
  tare run -d --name main -p 8080:80 busybox sleep 1000 >/dev/null
  guest side main
  for who in main side; do kill -9 "$(half $who keeper)"; done
  tare ps -q | wc -l
  [ "$(tare ps -q | wc -l)" = 2 ]
  [ "$(links_of side)" = "eth0 lo " ]
  kill -9 "$(half main keeper)" "$(pid_of main)"
  wait_until 5 is_state main exited
  is_state side running
  [ "$(links_of side)" = "lo " ]
  wait_until 5 no_devices
  [ -z "$(rows 'SELECT * FROM endpoints')" ]
}

@test "tare killed at any moment while it makes, starts and removes the two" {
  local seed=${TARE_TEST_SEED:-$RANDOM}
  echo "# seed $seed" >&3
  RANDOM=$seed
  for _ in 1 2 3 4 5 6 7 8; do
    tare run -d --name main busybox sleep 1000 >/dev/null
    killed "$RANDOM" "$TARE_BIN/tare" run -d --name side --network container:main busybox sleep 1000
    tare ps -a >/dev/null
    tare rm -f side >/dev/null 2>&1 || true
    guest side main
    killed "$RANDOM" "$TARE_BIN/tare" rm -f main
    tare ps -a >/dev/null
    tare rm -f main >/dev/null 2>&1 || true
    [ "$(links_of side)" = "lo " ]
    tare rm -f side
    wait_until 5 no_devices
    [ -z "$(rows 'SELECT container FROM endpoints UNION SELECT container FROM joined UNION SELECT container FROM named_ranges')" ]
  done
}

@test "the other one ends while we start: an error, or we run without it" {
  local seed=${TARE_TEST_SEED:-$RANDOM} pid code
  echo "# seed $seed" >&3
  RANDOM=$seed
  for _ in 1 2 3 4 5 6 7 8; do
    tare run -d --name main busybox sleep 1000 >/dev/null
    tare run -d --name side --network container:main busybox sleep 1000 >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- & pid=$!
    sleep "0.0$((RANDOM % 4))$((RANDOM % 10))"
    kill -9 "$(pid_of main)" || true
    code=0; wait "$pid" || code=$?
    wait_until 5 is_state main exited
    if [ $code = 0 ]; then
      [ "$(links_of side)" = "lo " ]
    else
      cat "$BATS_TEST_TMPDIR/said"
      grep -qE 'which does not run|has ended|is gone' "$BATS_TEST_TMPDIR/said"
      [ "$(wc -l <"$BATS_TEST_TMPDIR/said")" = 1 ]
    fi
    wait_until 5 no_devices
    tare rm -f main side >/dev/null 2>&1 || true
  done
}
