#!/usr/bin/env bats
# Networks that users make: bridges, isolated from each other.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

@test "create, ls, inspect, rm" {
  run -0 tare network create --label a=b --opt mtu=1400 one
  [[ "$output" =~ ^[0-9a-f]{64}$ ]]
  id=$output
  tare network ls
  tare network ls | grep -qE "^${id:0:12} +one +bridge +local +10\.211\.0\.0/24"
  tare network ls | grep -qE ' bridge +routed +local +10\.210\.0\.0/16'
  [ "$(tare network ls --format json | jq -r 'select(.Name == "one").Driver')" = bridge ]
  [ "$(tare network inspect one | jq -r '.[0] | .Labels.a + " " + (.Mtu | tostring) + " " + .IPAM.Config[0].Gateway')" = "b 1400 $(tare network inspect "${id:0:6}" | jq -r '.[0].IPAM.Config[0].Gateway')" ]
  run -1 tare network create one
  [[ "$output" == *"called one already"* ]]
  tare run -d --name in --network one busybox sleep 1000 >/dev/null
  [ "$(tare exec in cat /sys/class/net/eth0/mtu)" = 1400 ]
  [ "$(tare inspect in | jq -r '.[0].NetworkSettings.Networks.one.NetworkID')" = "$id" ]
  [ "$(tare network inspect one | jq -r '.[0].Containers[].Name')" = in ]
  run -1 tare network rm one
  [[ "$output" == *"in use by container in"* ]]
  tare rm -f in
  [ "$(tare network rm one)" = one ]
  run -1 tare network inspect one
  [[ "$output" == *"no network is called one"* ]]
  tare network rm -f one
  run -1 tare network rm bridge
  [ -z "$(ip -o link | grep ' tn' | grep -v "$(ip -o addr | awk '$4 == "10.210.0.1/16" { print $2 }')")" ]
}

# Those that were made, and the default one; host and none are always there.
names() { tare network ls --format json "$@" | jq -r "select(.Name != \"host\" and .Name != \"none\").Name" | tr "\n" " "; }

@test "ls and prune --filter, inspect --format, disconnect --force" {
  tare network create --label color=red --label big one
  tare network create --label color=blue two
  tare network create --internal three
  id=$(tare network inspect --format json one | jq -r '.[0].Id')
  [ "$(names)" = "bridge one three two " ]
  [ "$(names --filter name=o)" = "one two " ]
  [ "$(names -f name=one -f name=thr)" = "one three " ]
  [ "$(names -f id="${id:0:10}")" = "one " ]
  [ "$(names -f driver=bridge -f name=t)" = "three two " ]
  [ "$(names -f driver=routed)" = "bridge " ]
  [ "$(names -f label=color)" = "one two " ]
  [ "$(names -f label=color -f label=big)" = "one " ]
  [ "$(names -f label=color=blue)" = "two " ]
  [ "$(names -f type=builtin)" = "bridge " ]
  [ "$(names -f type=custom)" = "one three two " ]
  [ "$(names -f scope=local)" = "bridge one three two " ]
  [ -z "$(names -f scope=swarm)" ]
  tare run -d --name in --network one busybox sleep 1000 >/dev/null
  [ "$(names -f dangling=true)" = "three two " ]
  [ "$(names -f dangling=false)" = "bridge one " ]
  [ "$(tare network ls -q -f name=one -f type=custom)" = "${id:0:12}" ]
  for bad in color=red name type=x dangling=perhaps; do
    run -1 tare network ls --filter $bad
    [ "${#lines[@]}" = 1 ]
  done
  run -1 tare network disconnect two in
  tare network disconnect -f two in
  tare network disconnect -f one nosuch
  tare network disconnect -f one in
  [ "$(tare exec in ls /sys/class/net)" = lo ]
  tare network prune -f --filter until=1h
  [ "$(names)" = "bridge one three two " ]
  run -1 tare network prune -f --filter color=red
  [ "$(tare network prune -f --filter label=color --filter label!=big)" = $'Deleted Networks:\ntwo' ]
  [ "$(tare network prune -f --filter until=2000-01-01)" = "" ]
  tare network prune -f --filter label=big
  [ "$(names)" = "bridge three " ]
  tare network prune -f --filter until="$(date -d '+1 minute' +%s)"
  [ "$(names)" = "bridge " ]
}

@test "create says what is so anyway, and names the bridge" {
  tare network create --ipv4 --ipam-opt com.docker.network.ipam.serial=true -o com.docker.network.bridge.name=brnamed -o com.docker.network.bridge.enable_icc=true named
  [ "$(tare network inspect -f '{{.Device}} {{json .IPAM.Options}}' named)" = 'brnamed {"com.docker.network.ipam.serial":"true"}' ]
  tare run --rm --network named busybox true
  ip link show brnamed >/dev/null
  tare network create -o name=brother other
  run -1 tare network create -o name=brother third
  [[ "$output" == *"--opt name=brother: that is the device of network other"* ]]
  run -1 tare network create -o name=lo third
  [[ "$output" == *"--opt name=lo: this machine has a device called that"* ]]
  run -1 tare network create -o name=sixteen-letters-x third
  [[ "$output" == *"is no name of a device"* ]]
  run -1 tare network create --ipv4=false third
  [[ "$output" == *"a network without IPv4 is not supported"* ]]
  run -1 tare network create --ipam-opt a=b third
  [[ "$output" == *"--ipam-opt a=b is not supported"* ]]
  run -1 tare network create -o com.docker.network.bridge.enable_icc=false third
  [[ "$output" == *"want com.docker.network.bridge.enable_icc=true"* ]]
  tare network rm named other
  run ! ip link show brnamed
}

@test "bad networks are refused in one line" {
  tare network create --subnet 10.99.0.0/24 taken
  for bad in "--subnet 10.99.0.128/25 x2" "--subnet 192.0.2.0/25 x2" "--subnet 10.1/8 x2" "--subnet 10.98.0.0/31 x2" "--subnet 10.98.0.0/24 --gateway 10.97.0.1 x2" \
    "--subnet 10.98.0.0/24 --gateway 10.98.0.255 x2" "--opt mtu=1 x2" "--opt color=red x2" "--driver overlay x2" "host" "none" "default" "a/b"; do
    # shellcheck disable=SC2086
    run ! tare network create $bad
    echo "$bad: $output"
    [ "${#lines[@]}" = 1 ]
  done
  run -1 tare network rm takn
  [[ "$output" == *"did you mean taken?"* ]]
}

# A bridge passes through the firewall or does not: net.bridge.bridge-nf-call-iptables.
reachable() { # 0|1
  [ ! -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || echo "$1" >/proc/sys/net/bridge/bridge-nf-call-iptables
  tare network create one; tare network create two
  serve ca 80 from-a --network one -p 8080:80
  serve cb 80 from-b --network one
  serve cc 80 from-c --network two
  serve cd 80 from-d
  [[ "$(ask_from cb "$(address_of ca)" 80)" == from-a* ]]
  [[ "$(ask_from ca "$(address_of cb)" 80)" == from-b* ]]
  for pair in "cc ca" "cc cd" "cd ca" "ca cc" "ca cd"; do
    run ask_from "${pair% *}" "$(address_of "${pair#* }")" 80
    [ -z "$output" ]
  done
  for who in ca cb cc cd; do
    [[ "$(ask_from $who 192.0.2.1 8080)" == from-a* ]] || { echo "$who does not reach the published port"; return 1; }
  done
  [[ "$(ask 127.0.0.1 8080)" == from-a* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == from-a* ]]
}

@test "within a network containers reach each other, from one to another they do not, but through a published port" { reachable 0; }
@test "the same where bridges pass through the firewall" {
  [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || skip "br_netfilter is not in this kernel"
  reachable 1
}

@test "an internal network has no way out, and nobody comes in" {
  outside sh -c 'busybox nc -ll -p 8000 -e echo out 3>&- >/dev/null 2>&1 & echo $! >'"$BATS_TEST_TMPDIR/pid"
  tare network create --internal quiet
  serve ca 80 from-a --network quiet
  serve cb 80 from-b --network quiet
  tare run -d --name loud busybox sleep 1000 >/dev/null
  [ "$(ask_from loud 192.0.2.2 8000)" = out ]
  [[ "$(ask_from ca "$(address_of cb)" 80)" == from-b* ]]
  run ask_from ca 192.0.2.2 8000
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
  [ -z "$output" ]
  tare exec ca ip route
  [ -z "$(tare exec ca ip route | grep default)" ]
  # not even what others publish, at its own gateway's address or with a way out that it gave itself
  serve pub 80 published -p 8080:80
  [[ "$(ask_from loud 192.0.2.1 8080)" == published* ]]
  run ask_from ca "$(tare network inspect quiet | jq -r '.[0].IPAM.Config[0].Gateway')" 8080
  [ -z "$output" ]
  nsenter --net="/proc/$(tare inspect ca | jq .[0].State.Pid)/ns/net" ip route add default via "$(tare network inspect quiet | jq -r '.[0].IPAM.Config[0].Gateway')"
  for host in 192.0.2.1 "$(address_of pub)"; do
    run ask_from ca "$host" 8080
    [ -z "$output" ]
  done
}

@test "an internal network does not reach what is relayed by IPv6" {
  tare network create --internal --ipv6 quiet
  tare run -d --name ca --network quiet busybox sleep 1000 >/dev/null
  serve pub 80 published -p 8080:80
  [[ "$(ask ::1 8080)" == published* ]]
  run ask_from ca "$(tare network inspect quiet | jq -r '.[0].IPAM.Config[1].Gateway')" 8080
  [ -z "$output" ]
}

@test "addresses: static ones, in turn, and a subnet that is used up" {
  tare network create --subnet 10.99.1.0/29 small
  tare run -d --name fixed --network small --ip 10.99.1.5 --mac-address 02:00:00:00:00:05 busybox sleep 1000 >/dev/null
  [ "$(address_of fixed)" = 10.99.1.5 ]
  [ "$(tare exec fixed cat /sys/class/net/eth0/address)" = 02:00:00:00:00:05 ]
  run -125 tare run --rm --network small --ip 10.99.1.5 busybox true
  [[ "$output" == *"10.99.1.5 is in use in network small"* ]]
  for ip in 10.99.1.1 10.99.1.0 10.99.1.7 10.99.2.2; do
    run -125 tare run --rm --network small --ip $ip busybox true
    [ "${#lines[@]}" = 1 ]
  done
  first=$(tare run --rm --network small busybox sh -c 'hostname -i')
  second=$(tare run --rm --network small busybox sh -c 'hostname -i')
  [ "$first" != "$second" ]
  for i in 1 2 3 4; do tare run -d --name "n$i" --network small busybox sleep 1000 >/dev/null; done
  run -125 tare run --rm --network small busybox true
  [[ "$output" == *"no free address"* ]]
  [ "$(tare ps -q | wc -l)" = 5 ]
  tare rm -f n2
  tare run --rm --network small busybox true
}

@test "a device of ours that somebody deleted is made again" {
  tare network create again
  tare run --rm --network again busybox true
  dev=$(tare network inspect again | jq -r '.[0].Device')
  ip link del "$dev"
  serve ca 80 from-a --network again -p 8080:80
  [[ "$(ask 127.0.0.1 8080)" == from-a* ]]
  # and who was there comes back to it
  ip link del "$dev"
  run ask 127.0.0.1 8080
  [ -z "$output" ]
  tare run --rm --network again busybox true
  [[ "$(ask 127.0.0.1 8080)" == from-a* ]]
  serve usual 80 usual -p 8081:80
  ip link del "$(tare network inspect bridge | jq -r '.[0].Device')"
  tare run --rm busybox true
  [[ "$(ask 127.0.0.1 8081)" == usual* ]]
}

shown() { tare ps -a --format json | jq -r "select(.Names == \"$1\").$2"; } # CONTAINER COLUMN

@test "ps shows the networks that a container is in now or, when it does not run, would join" {
  tare network create one; tare network create two
  tare run -d --name ca --network one busybox sleep 1000 >/dev/null
  tare run -d --name cb --network none busybox sleep 1000 >/dev/null
  tare create --name cc --network "$(tare network inspect two | jq -r '.[0].Id')" --network one busybox true >/dev/null
  tare run -d --name cd busybox sleep 1000 >/dev/null
  [ "$(shown ca Networks)" = one ]
  [ "$(shown cb Networks)" = none ]
  [ "$(shown cc Networks)" = two,one ]
  [ "$(shown cd Networks)" = bridge ]
  tare network connect two ca
  [ "$(shown ca Networks)" = one,two ]
  tare network disconnect one ca
  [ "$(shown ca Networks)" = two ]
  tare stop -t 0 ca
  [ "$(shown ca Networks)" = two ]
  tare network disconnect two ca
  [ -z "$(shown ca Networks)" ]
  tare network connect one cb
  [ "$(shown cb Networks)" = one ]
  tare network disconnect bridge cd
  [ -z "$(shown cd Networks)" ]
}

@test "several networks, connect and disconnect while running and not" {
  tare network create one; tare network create two
  serve ca 80 from-a --network one --network two -p 8080:80
  serve cb 80 from-b --network two
  tare run -d --name cc busybox sleep 1000 >/dev/null
  [ "$(tare exec ca sh -c 'ls /sys/class/net | wc -l')" = 3 ]
  [ "$(tare exec ca ip route | grep -c default)" = 1 ]
  [[ "$(ask_from ca "$(address_of cb)" 80)" == from-b* ]]
  run ask_from cc "$(address_of cb)" 80
  [ -z "$output" ]
  tare network connect --ip "$(tare network inspect two | jq -r '.[0].IPAM.Config[0].Gateway' | sed 's/1$/99/')" two cc
  [[ "$(ask_from cc "$(address_of cb)" 80)" == from-b* ]]
  tare exec cc ip -4 -o addr | grep -q "\.99/24"
  [ "$(tare exec cc ip route | grep -c default)" = 1 ]
  run -1 tare network connect two cc
  [[ "$output" == *"is in network two already"* ]]
  tare network disconnect bridge cc
  [ "$(tare exec cc ip route | grep default)" = "default via $(tare network inspect two | jq -r '.[0].IPAM.Config[0].Gateway') dev eth1 " ]
  [[ "$(ask_from cc "$(address_of cb)" 80)" == from-b* ]]
  tare network disconnect two cc
  [ "$(tare exec cc ls /sys/class/net)" = lo ]
  run -1 tare network disconnect two cc
  [[ "$output" == *"is not in network two"* ]]
  # the ports go to where it still is
  tare network disconnect one ca
  [[ "$(ask 127.0.0.1 8080)" == from-a* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == from-a* ]]
  tare stop -t 0 ca; tare network connect one ca; tare start ca
  [ "$(tare inspect ca | jq -c '.[0].NetworkSettings.Networks | keys')" = '["one","two"]' ]
  tare network rm one && return 1
  run -1 tare network connect nosuch ca
  run -1 tare network connect one nosuch
  run -1 tare network connect host ca
  [ "${#lines[@]}" = 1 ]
}

@test "what is meant is said of what is not understood" {
  tare network create one
  while IFS='|' read -r command said; do
    # shellcheck disable=SC2086
    run ! tare $command
    echo "$command: $output"
    [ "$output" = "tare: $said" ]
  done <<'EOF'
run --rm --network one:alias=a,ip=10.1.2.3 busybox true|--network one:alias=a,ip=10.1.2.3: write it as --network name=one,alias=a,ip=10.1.2.3
run --rm --network one,two busybox true|--network one,two: one --network for each: --network one --network two
run --rm --network one,alias=a busybox true|--network one,alias=a: write it as --network name=one,alias=a
run --rm --network container: busybox true|--network container: needs a name: container:NAME
run --rm --pid container: busybox true|--pid container: needs a name: container:NAME
network create --gateway 10.99.9.1 x2|--gateway 10.99.9.1: give --subnet, too
network create --ip-range 10.99.9.0/28 x2|--ip-range 10.99.9.0/28: give --subnet, too
network create --ipv6 --gateway fd00:9::1 x2|--gateway fd00:9::1: give --subnet, too
network create a/b|"a/b" is no name for a network: 1 to 128 letters, digits, '_', '.', '-', '+', '@', '~' or blanks between, a letter or digit first
create --name a/b busybox|"a/b" is no name for a container: 2 to 128 letters, digits, '_', '.' or '-', a letter or digit first
EOF
}

@test "a hardware address is one container's alone in a network" {
  tare network create --subnet 10.99.1.0/24 one; tare network create two
  tare run -d --name fixed --network one --ip 10.99.1.5 --mac-address 02:42:0A:63:01:04 busybox sleep 1000
  run -125 tare run --rm --network one --mac-address 02:42:0a:63:01:04 busybox true
  [ "$output" = "tare: --mac-address 02:42:0a:63:01:04 is in use in network one by fixed" ]
  tare run -d --name other --network two --mac-address 02:42:0a:63:01:04 busybox sleep 1000
  run -1 tare network connect --mac-address 02:42:0a:63:01:04 one other
  [[ "$output" == *"is in use in network one by fixed" ]]
  tare network connect one other
  tare create --name later --network one --mac-address 02:42:0a:63:01:04 busybox sleep 1000
  run -1 tare start later
  [[ "$output" == *"is in use in network one by fixed" ]]
  # one that is chosen is another one
  tare run --rm --network one --ip 10.99.1.4 busybox sh -c 'cat /sys/class/net/eth0/address; ping -c 1 10.99.1.1 || wget -T 2 -O - http://10.99.1.1' >"$BATS_TEST_TMPDIR/mac" 2>&1 || true
  grep -q '^02:' "$BATS_TEST_TMPDIR/mac"
  run ! grep -qi 02:42:0a:63:01:04 "$BATS_TEST_TMPDIR/mac"
  tare stop -t 0 fixed
  tare start later
}

@test "a hardware address that nobody can have" {
  tare network create one
  tare run -d --name web busybox sleep 1000
  for bad in 00:00:00:00:00:00 01:00:5e:00:00:01 ff:ff:ff:ff:ff:ff 02:00 nonsense; do
    run -125 tare run --rm --mac-address $bad busybox true
    [ "$output" = "tare: --mac-address $bad: six pairs of hex digits are wanted, neither all zero nor a multicast address" ]
    run -1 tare network connect --mac-address $bad one web
    [ "$output" = "tare: --mac-address $bad: six pairs of hex digits are wanted, neither all zero nor a multicast address" ]
  done
}

@test "forwarding that was switched off is said at a start, where it is needed" {
  tare network create --ipv6 six; tare network create --internal inside
  tare run --rm -p 8080:80 busybox true
  tare run --rm --network six busybox true
  tare run --rm --network inside busybox true
  echo 0 >/proc/sys/net/ipv4/ip_forward
  run -0 tare run --rm -p 8080:80 busybox true
  [[ "${#lines[@]}" = 1 && "$output" == *"net.ipv4.ip_forward is off"*"sysctl -w net.ipv4.ip_forward=1"* ]]
  [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
  run -0 tare run --rm --network inside busybox true
  [ -z "$output" ]
  echo 1 >/proc/sys/net/ipv4/ip_forward
  echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
  run -0 tare run --rm --network six busybox true
  [[ "${#lines[@]}" = 1 && "$output" == *"net.ipv6.conf.all.forwarding is off"* ]]
  run -0 tare run --rm -p 8080:80 busybox true
  [ -z "$output" ]
}

@test "the host's network with user ids of one's own: a port below 1024 is said to be out of reach" {
  for what in "--expose 80" "--expose 8080 --expose 1000-1030/udp"; do
    # shellcheck disable=SC2086
    run -0 tare run --rm --network host $what busybox true
    [[ "${#lines[@]}" = 1 && "$output" == *"--network host: "*"--userns=host"* ]]
  done
  for what in "--expose 8080" "--userns=host --expose 80" "-p 8080:80 --userns=host"; do
    # shellcheck disable=SC2086
    run -0 tare run --rm --network host $what busybox true
    [[ "$output" != *"below"* ]]
  done
  run -0 tare run --rm --expose 80 busybox true
  [ -z "$output" ]
}
