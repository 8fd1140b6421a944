#!/usr/bin/env bats
# What a container with NET_RAW and NET_ADMIN does to its neighbours on a bridge. Each attack is first shown to work on a plain bridge, as
# `ip link add type bridge` makes it, and must then fail on one of tare's.
load ../lib/common
load ../lib/network

setup_file() {
  tare_setup_file; load_busybox; world_up
  [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
  plain_wire; tare_wire
}
teardown_file() {
  # shellcheck disable=SC2086
  kill $PLAIN_PIDS; ip link del plain 2>/dev/null || true
  remove_all; tare network rm -f wire >/dev/null
  world_down; tare_teardown_file
}

has_own_net() { [ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/self/ns/net)" ]; }

# Three on a bridge: victim, neighbour and liar are 2, 3 and 4 of 10.77.0.0/24, the host is 1.
plain_wire() {
  local i pids=
  ip link add plain type bridge; ip addr add 10.77.0.1/24 dev plain; ip link set plain up
  for i in 2 3 4; do
    unshare -n sleep 100000 3>&- & pids="$pids $!"
    wait_until 5 has_own_net $!
    ip link add name "plain$i" type veth peer name eth0 netns $!
    ip link set "plain$i" master plain up
    nsenter --net=/proc/$!/ns/net sh -c "ip link set lo up; ip addr add 10.77.0.$i/24 dev eth0; ip -6 addr add fd00:77::$i/64 dev eth0 nodad; ip link set eth0 up"
  done
  export PLAIN_PIDS=$pids
}
tare_wire() {
  local i
  tare network create --ipv6 --subnet 10.78.0.0/24 --subnet fd00:77::/64 wire >/dev/null
  for i in 2 3 4; do tare run -d --name "m$i" --network wire --ip "10.78.0.$i" --ip6 "fd00:77::$i" --cap-add NET_ADMIN --cap-add NET_RAW busybox sleep 100000 >/dev/null; done
}

# on plain|tare: who is who from now on.
on() {
  local pids
  if [ "$1" = plain ]; then pids=$PLAIN_PIDS NET=10.77.0; else pids=$(for i in 2 3 4; do tare inspect "m$i" | jq '.[0].State.Pid'; done) NET=10.78.0; fi
  # shellcheck disable=SC2086
  set -- $pids
  VICTIM=$1 NEIGHBOUR=$2 LIAR=$3
  V_IP=$NET.2 N_IP=$NET.3 L_IP=$NET.4 G_IP=$NET.1
  V_MAC=$(mac_of "$VICTIM") N_MAC=$(mac_of "$NEIGHBOUR") L_MAC=$(mac_of "$LIAR")
}
in_net() { local pid=$1; shift; nsenter --net="/proc/$pid/ns/net" "$@"; }
mac_of() { in_net "$1" ip -o link show eth0 | sed 's/.*ether \([0-9a-f:]*\).*/\1/'; }
lie() { in_net "$LIAR" python3 "$BATS_TEST_DIRNAME/../lib/spoof.py" send "$@"; }

# sees PID TEXT COMMAND...: whether a frame with TEXT comes to PID's eth0 when COMMAND is done.
sees() {
  local pid=$1 text=$2 out=$BATS_TEST_TMPDIR/seen watcher; shift 2
  in_net "$pid" python3 "$BATS_TEST_DIRNAME/../lib/spoof.py" see 1.5 "$text" >"$out" 3>&- & watcher=$!
  wait_until 5 grep -q ready "$out"
  "$@"
  wait "$watcher"
  grep -q seen "$out"
}

# must_fail_on_tare ATTACK: it works on the plain bridge, where what is honest may be quicker once or twice.
must_fail_on_tare() {
  on plain; "$@" || "$@" || "$@" || { echo "$* does not work on a plain bridge: this test shows nothing" >&2; return 1; }
  on tare; "$@" && { echo "$* works" >&2; return 1; }
  return 0
}

tell() { in_net "$1" bash -c "echo '$4' >/dev/udp/$2/$3" 2>/dev/null || true; } # PID IP PORT TEXT
neighbour_of_victim() { in_net "$VICTIM" ip neigh show "$1" | sed -n 's/.*lladdr \([0-9a-f:]*\).*/\1/p'; }
meet() { in_net "$VICTIM" busybox ping -c 1 -w 2 "$1" >/dev/null; }
# What is known for a second or more may be said otherwise (net.ipv4.neigh.*.locktime).
knows() { meet "$1"; sleep 1.1; }

@test "what is honest passes: ping, TCP, to the gateway and to neighbours" {
  on tare
  meet "$N_IP"; meet "$L_IP"; meet "$G_IP"
  tare exec -d m3 sh -c 'exec nc -ll -p 80 -e echo honest'
  wait_until 5 tare exec m3 sh -c 'netstat -ltn | grep -q ":80 "'
  [ "$(ask_from m4 "$N_IP" 80)" = honest ]
  sees "$VICTIM" hello tell "$LIAR" "$V_IP" 5000 hello
  sees "$VICTIM" told lie udp "$L_MAC" "$L_IP" 5000 "$V_MAC" "$V_IP" 5000 told
}

other_address() { sees "$VICTIM" i-am-3 lie udp "$L_MAC" "$N_IP" 5000 "$V_MAC" "$V_IP" 5000 i-am-3; }
@test "with a neighbour's address" { must_fail_on_tare other_address; }

unknown_address() { sees "$VICTIM" i-am-9 lie udp "$L_MAC" 9.9.9.9 5000 "$V_MAC" "$V_IP" 5000 i-am-9; }
@test "with an address of the world" { must_fail_on_tare unknown_address; }

loopback_address() { sees "$VICTIM" i-am-lo lie udp "$L_MAC" 127.0.0.1 5000 "$V_MAC" "$V_IP" 5000 i-am-lo; }
loopback_target() { sees "$VICTIM" to-lo lie udp "$L_MAC" "$L_IP" 5000 "$V_MAC" 127.0.0.1 5000 to-lo; }
@test "from and to 127/8" { must_fail_on_tare loopback_address; must_fail_on_tare loopback_target; }

# The bridge learns that the neighbour is where the liar is: the neighbour's frames go there.
other_mac() {
  meet "$N_IP"
  lie raw "$N_MAC" ff:ff:ff:ff:ff:ff 88b5 learn-this
  in_net "$VICTIM" ip neigh replace "$N_IP" lladdr "$N_MAC" dev eth0 nud reachable
  sees "$LIAR" for-my-neighbour tell "$VICTIM" "$N_IP" 5000 for-my-neighbour
}
@test "with a neighbour's hardware address, to get what is sent to it" { must_fail_on_tare other_mac; }

own_mac_within() { sees "$VICTIM" other-mac lie udp 02:00:00:00:00:99 "$L_IP" 5000 "$V_MAC" "$V_IP" 5000 other-mac; }
@test "with a hardware address of its own making" { must_fail_on_tare own_mac_within; }

claims() { # IP
  knows "$1"
  lie arp "$L_MAC" "$L_MAC" "$1" "$V_MAC" "$V_IP"
  [ "$(neighbour_of_victim "$1")" = "$L_MAC" ]
}
claims_neighbour() { claims "$N_IP"; }
claims_gateway() { claims "$G_IP"; }
@test "ARP: I am your neighbour, I am the gateway" { must_fail_on_tare claims_neighbour; must_fail_on_tare claims_gateway; }

# The frame is honest, the message in it is not.
claims_within() {
  knows "$N_IP"
  lie arp "$L_MAC" 02:00:00:00:00:99 "$N_IP" "$V_MAC" "$V_IP"
  [ "$(neighbour_of_victim "$N_IP")" = 02:00:00:00:00:99 ]
}
sends_to_nowhere() {
  knows "$L_IP"
  lie arp "$L_MAC" "$N_MAC" "$L_IP" "$V_MAC" "$V_IP"
  [ "$(neighbour_of_victim "$L_IP")" = "$N_MAC" ]
}
@test "ARP: the frame's addresses and the message's are compared" { must_fail_on_tare claims_within; must_fail_on_tare sends_to_nowhere; }

dhcp() { sees "$VICTIM" your-gateway-is-me lie udp "$L_MAC" "$L_IP" 67 ff:ff:ff:ff:ff:ff 255.255.255.255 68 your-gateway-is-me; }
@test "as a DHCP server" { must_fail_on_tare dhcp; }

router() {
  in_net "$VICTIM" sh -c 'echo 2 >/proc/sys/net/ipv6/conf/eth0/accept_ra; ip -6 addr add fe80::2/64 dev eth0 nodad' 2>/dev/null || true
  in_net "$VICTIM" ip -6 route show default >"$BATS_TEST_TMPDIR/routes"
  lie ra "$L_MAC" "$1"
  sleep 0.2
  in_net "$VICTIM" ip -6 route show default | grep -q "via $1"
}
router_own() { router "$(own_link_address)"; }
own_link_address() { in_net "$LIAR" ip -6 -o addr show dev eth0 scope link | sed 's/.*inet6 \([^/]*\).*/\1/'; }
@test "IPv6: as a router, with an address of somebody and with its own" {
  must_fail_on_tare router fe80::66
  must_fail_on_tare router_own
}

meet6() { in_net "$VICTIM" busybox ping -6 -c 1 -w 2 "$1" >/dev/null; }
# claims6 SOURCE TARGET: the frame's address and the message's
claims6() {
  in_net "$VICTIM" ip -6 neigh replace "$2" lladdr "$N_MAC" dev eth0 nud stale
  lie na "$L_MAC" "$1" "$2" "$L_MAC" "$V_MAC" fd00:77::2
  in_net "$VICTIM" ip -6 neigh show "$2" | grep -q "$L_MAC"
}
@test "IPv6: I am your neighbour, I am the gateway, in its name and in one's own" {
  must_fail_on_tare claims6 fd00:77::3 fd00:77::3
  must_fail_on_tare claims6 fd00:77::4 fd00:77::3
  must_fail_on_tare claims6 fd00:77::4 fd00:77::1
  on tare
  in_net "$VICTIM" ip -6 neigh flush dev eth0
  meet6 fd00:77::3; meet6 fd00:77::1; meet6 fd00:77::4
}

other_type() { sees "$VICTIM" odd-type lie raw "$L_MAC" "$V_MAC" 88b5 odd-type; }
with_vlan() { sees "$VICTIM" in-a-vlan lie raw "$L_MAC" "$V_MAC" 8100000a86dd in-a-vlan; }
@test "frames that are neither IP nor ARP, or of a VLAN" { must_fail_on_tare other_type; must_fail_on_tare with_vlan; }

@test "the wall flushed by somebody is there again with the next start, for everybody" {
  hold_healer
  nft delete table bridge "$(our_table)"
  on tare
  other_address
  let_healer_go
  tare run --rm --network wire busybox true
  run ! other_address
  meet "$N_IP"
}
