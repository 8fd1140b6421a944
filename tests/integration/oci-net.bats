# linux.netDevices: devices of the host move into the container.

load ../lib/common
load ../lib/bundle

setup_file() {
  bundle_setup_file
  # PID of the shell makes the names this run's own; 15 bytes at most
  export NET_A=tva$$ NET_B=tvb$$
  ip link add "$NET_A" type veth peer name "$NET_B" 2>/dev/null || export NET_SKIP="this kernel has no veth"
  ip link del "$NET_A" 2>/dev/null || true
}
teardown_file() { bundle_teardown_file; }
setup() {
  [ -z "${NET_SKIP:-}" ] || skip "$NET_SKIP"
  ip link add "$NET_A" mtu 1400 address 02:11:22:33:44:55 type veth peer name "$NET_B"
  ip addr add 10.99.1.5/24 dev "$NET_A"
  ip addr add 10.99.2.5 peer 10.99.2.6/32 dev "$NET_A"
  ip addr add 10.99.3.5/24 scope link dev "$NET_A"
  ip addr add fd99::5/64 nodad dev "$NET_A" 2>/dev/null || true
  ip link set "$NET_A" up
}
teardown() {
  bundle_teardown
  ip link del "$NET_A" 2>/dev/null || ip link del "$NET_B" 2>/dev/null || true
}

LOOK='busybox ip -o addr show dev eth9; busybox ip -o link show dev eth9'

@test "netDevices: the device, renamed, up, with its mtu, hardware address and global addresses" {
  OCI_COMMAND=$LOOK bundle "$BATS_TEST_TMPDIR/b" '.linux.netDevices = {"'"$NET_A"'": {name: "eth9"}}'
  v6=$(ip -6 -o addr show dev "$NET_A" scope global | wc -l)
  run -0 oci run -b "$BATS_TEST_TMPDIR/b" net </dev/null
  says "inet 10.99.1.5/24"
  says "inet 10.99.2.5 peer 10.99.2.6/32"
  [ "$v6" = 0 ] || says "inet6 fd99::5/64 scope global"
  [[ "$output" != *10.99.3.5* ]]
  says "mtu 1400"
  says "02:11:22:33:44:55"
  [[ "$output" == *",UP"* ]]
  # the namespace is gone, and a virtual device with it
  wait_until 10 ip_gone "$NET_A"
}
ip_gone() { ! ip link show "$1" >/dev/null 2>&1; }

@test "netDevices: into a namespace by path, under its own name" {
  unshare -n sleep 1000 3>&- &
  holder=$!
  wait_until 5 test "$(readlink /proc/self/ns/net)" != "$(readlink /proc/$holder/ns/net)" || true
  OCI_COMMAND=true bundle "$BATS_TEST_TMPDIR/b" '(.linux.namespaces[] | select(.type == "network")).path = "/proc/'$holder'/ns/net"
    | .linux.netDevices = {"'"$NET_A"'": {}}'
  sleep 0.3
  run oci run -b "$BATS_TEST_TMPDIR/b" joined </dev/null
  there=$(nsenter -n -t $holder ip -o addr show dev "$NET_A" || true)
  kill $holder
  echo "$output"
  [ "$status" = 0 ]
  [[ "$there" == *"inet 10.99.1.5/24"* ]]
}

@test "netDevices: what cannot be is told, by name, and leaves no container" {
  bundle "$BATS_TEST_TMPDIR/b" '.linux.netDevices = {"nosuch0": {}}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" none </dev/null
  says "linux.netDevices.nosuch0: there is no such network device"
  bundle "$BATS_TEST_TMPDIR/b" '.linux.netDevices = {"'"$NET_A"'": {name: "lo"}}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" none </dev/null
  says 'the container has a network device "lo" already'
  bundle "$BATS_TEST_TMPDIR/b" 'del(.linux.namespaces[] | select(.type == "network")) | .linux.netDevices = {"'"$NET_A"'": {}}'
  run -1 oci run -b "$BATS_TEST_TMPDIR/b" none </dev/null
  says "needs a network namespace"
  [ ! -e "$OCI_ROOT/none" ]
}
