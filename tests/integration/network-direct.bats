#!/usr/bin/env bats
# Networks that lie on a device of the host's (macvlan, ipvlan), and SCTP. What this kernel has not is an error that says so, and is
# tested in the VM lane, whose kernel has it.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

kernel_has() { # KIND OF LINK
  ip link add name probe0 link up0 type "$1" 2>/dev/null || return 1
  ip link del probe0
}
outside_answers() { # PORT TEXT
  outside sh -c 'busybox nc -ll -p "$1" -e echo "$2" 3>&- >/dev/null 2>&1 & echo $!' sh "$1" "$2" >"$BATS_TEST_TMPDIR/pid"
  wait_until 5 outside sh -c "ss -ltn | grep -q ':$1 '"
}

# on_the_wire DRIVER [OPTION...]: containers with addresses of the wire that the host's uplink is on
on_the_wire() {
  local driver=$1; shift
  outside ip neigh flush all # an address of the test before was another device's
  tare network create -d "$driver" --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26 --subnet 2001:db8::/64 --gateway 2001:db8::2 -o parent=up0 "$@" wire
  serve one 80 one --network wire
  run -0 tare exec one ip -4 -o addr show eth0
  [[ "$output" == *"inet 192.0.2.6"*"/24"* ]]
  outside_answers 8000 out
  [[ "$(ask_from one 192.0.2.2 8000)" == out ]]
  [[ "$(ask_from one 2001:db8::2 8000)" == out ]]
  [[ "$(ask_from_outside "$(address_of one)" 80)" == one* ]]
  [[ "$(ask_from_outside "$(ip6_of one)" 80)" == one* ]]
  serve two 80 two --network wire --ip 192.0.2.100
  [[ "$(ask_from one two 80)" == two* ]]
  wait_until 10 eval '[[ "$(ask_from_outside 192.0.2.100 80)" == two* ]]'
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
}

@test "macvlan: on the wire of the host's device, both families, names" {
  on_the_wire macvlan
  run -0 tare network ls
  [[ "$output" == *"wire"*"macvlan"* ]]
  [ "$(tare network inspect wire | jq -r '.[0].Device')" = up0 ]
  [ "$(tare inspect one | jq -r .[0].NetworkSettings.Networks.wire.Gateway)" = 192.0.2.2 ]
  tare network create -d bridge other
  tare network connect other one
  tare network disconnect wire one
  run -0 tare exec one sh -c 'ip -o link; ip route'
  [[ "$output" != *eth0* && "$output" == *"default via 10.211."*" dev eth1"* ]]
  tare network connect --ip 192.0.2.90 wire one
  [[ "$(ask_from_outside 192.0.2.90 80)" == one* ]]
  tare rm -f one two
  tare network rm wire
  [ -z "$(ip -o link show type macvlan)" ]
}

@test "macvlan: modes; without a parent containers have each other and nobody else" {
  tare network create -d macvlan -o parent=up0 -o macvlan_mode=private --subnet 192.0.2.0/24 --gateway 192.0.2.2 --ip-range 192.0.2.64/26 apart
  serve one 80 one --network apart
  tare run -d --name two --network apart busybox sleep 1000 >/dev/null
  run ask_from two "$(address_of one)" 80
  [ -z "$output" ]
  [[ "$(ask_from_outside "$(address_of one)" 80)" == one* ]]
  tare rm -f one two >/dev/null
  tare network create -d macvlan --internal alone
  serve one 80 one --network alone
  tare run -d --name two --network alone busybox sleep 1000 >/dev/null
  [[ "$(ask_from two one 80)" == one* ]]
  run tare exec two ip route
  [[ "$output" != *default* ]]
  run -0 tare run --rm --network alone --add-host h:host-gateway busybox true
  [[ "$output" == *"--add-host h:host-gateway: the host has no address in the container's networks"* ]]
}

@test "ipvlan: on the wire of the host's device; l3 is routed" {
  if ! kernel_has ipvlan; then
    tare network create -d ipvlan -o parent=up0 --subnet 192.0.2.0/24 wire
    run -125 tare run --rm --network wire busybox true
    [[ "${lines[-1]}" == "tare: network: this kernel has no ipvlan devices (module ipvlan)" ]]
    return
  fi
  on_the_wire ipvlan
  tare rm -f one two >/dev/null
  tare network rm wire
  tare network create -d ipvlan -o parent=up0 -o ipvlan_mode=l3 --subnet 10.90.0.0/24 routed
  outside ip route add 10.90.0.0/24 dev eth0
  serve one 80 one --network routed
  [[ "$(tare exec one ip route)" == *"default dev eth0"* ]]
  tare run -d --name two --network routed busybox sleep 1000 >/dev/null
  [[ "$(ask_from two one 80)" == one* ]]
}

@test "a dummy device as the parent" {
  if ! ip link add dummy1 type dummy 2>/dev/null; then
    # what takes its place here: a bridge without ports
    ip link add dummy1 type bridge
  fi
  ip link set dummy1 up
  tare network create -d macvlan -o parent=dummy1 --subnet 10.91.0.0/24 quiet
  serve one 80 one --network quiet
  tare run -d --name two --network quiet busybox sleep 1000 >/dev/null
  [[ "$(ask_from two one 80)" == one* ]]
  tare rm -f one two >/dev/null
  ip link del dummy1
}

@test "what cannot be is refused in one line" {
  tare network create -d macvlan -o parent=up0 --subnet 192.0.2.0/24 --ip-range 192.0.2.64/26 wire
  for bad in "run --rm --network wire -p 8080:80 busybox true" "network create -d macvlan -o mode=l2 x2" "network create -d ipvlan -o ipvlan_mode=bridge x2" \
    "network create -o parent=up0 x2" "network create -d macvlan -o parent=a-very-long-name-of-a-device x2" "network create -d macvlan --subnet 192.0.2.0/25 x2" \
    "network create -d ipvlan -o ipvlan_mode=l3 -o mode=l2 x2" "network create -o mtu=1400 -o com.docker.network.driver.mtu=1300 x2"; do
    # shellcheck disable=SC2086
    run ! tare $bad
    echo "$bad: $output"
    [ "${#lines[@]}" = 1 ]
  done
  [[ "$(tare network create -d ipvlan -o ipvlan_mode=l3 -o mode=l2 x2 2>&1)" == *"--opt mode=l2 contradicts ipvlan_mode=l3"* ]]
  run -1 tare network create -d macvlan -o parent=nowhere0 nowhere
  [ "$output" = "tare: --opt parent=nowhere0: this machine has no device nowhere0 (ip link lists them)" ]
  run -1 tare network create -d ipvlan -o parent=up0.50 nowhere
  [[ "$output" == *"has no device up0.50"*"ip link add link up0 name up0.50 type vlan id 50"* ]]
  # one that goes later is missed at a start
  ip link add later0 type bridge
  tare network create -d macvlan -o parent=later0 nowhere
  ip link del later0
  run -125 tare run --rm --network nowhere busybox true
  [[ "$output" == *"this machine has no device later0"* ]]
  [ -z "$(tare ps -aq)" ]
}

@test "SCTP: a published port" {
  python3 -c 'import socket; socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)' 2>/dev/null || skip "this kernel has no SCTP; the VM lane's has"
  tare run -d --name web -p 8080:80/sctp busybox sleep 1000 >/dev/null
  [ "$(tare port web | head -1)" = "80/sctp -> 0.0.0.0:8080" ]
  nsenter --net="/proc/$(tare inspect web | jq .[0].State.Pid)/ns/net" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.bind(("", 80)); s.listen()
c, _ = s.accept(); c.send(b"hello"); c.close()' 3>&- &
  wait_until 5 sh -c "grep -q ' 80 ' /proc/$(tare inspect web | jq .[0].State.Pid)/net/sctp/eps"
  run -0 outside timeout 10 python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132); s.settimeout(5); s.connect(("192.0.2.1", 8080)); print(s.recv(100).decode())'
  [ "$output" = hello ]
}
