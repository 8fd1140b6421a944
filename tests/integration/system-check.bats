#!/usr/bin/env bats
# tare system check: what is done to the machine here is found, and nothing else is.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
setup() { echo 1 >/proc/sys/net/ipv4/ip_forward; }
teardown() {
  [ ! -e "$BATS_TEST_TMPDIR/listener" ] || kill "$(cat "$BATS_TEST_TMPDIR/listener")" || true
  remove_all
  tare network prune -f >/dev/null
  nft flush ruleset
  echo 1 >/proc/sys/net/ipv4/ip_forward
}

fine() {
  run -0 tare system check
  echo "$output"
  [ "$output" = "nothing is wrong" ]
  [ -z "$(tare system check --format json)" ]
}
# finds TEXT...: one problem in one line, with all of the texts, and exit code 1; as JSON, too.
finds() {
  local text
  run -1 tare system check
  echo "$output"
  [ "$(grep -c ^problem: <<<"$output")" = 1 ]
  for text; do [[ "$output" == *"$text"* ]]; done
  run -1 tare system check --format json
  [ "$(jq -s '[.[] | select(.Level == "problem")] | length' <<<"$output")" = 1 ]
  jq -se '[.[] | select(.Level == "problem")][0] | (.Where | length) > 0 and (.What | length) > 0 and (.Advice | length) > 0' <<<"$output"
}

@test "a machine where nothing is wrong, with nothing running and with something" {
  fine
  serve web 80 hello -p 8080:80
  tare network create --ipv6 side
  tare run -d --network side busybox sleep 1000
  fine
}

machine() { nft list ruleset; ip -o link | sed 's/ state [A-Z]*//'; ip route; ls "$TARE_STATE"; }
@test "it changes nothing" {
  tare network create side
  tare run -d --name web --network side busybox sleep 1000
  nft delete table inet "$(our_table)"
  echo 0 >/proc/sys/net/ipv4/ip_forward
  machine >"$BATS_TEST_TMPDIR/before"
  run -1 tare system check
  machine | diff "$BATS_TEST_TMPDIR/before" -
  [ "$(cat /proc/sys/net/ipv4/ip_forward)" = 0 ]
}

@test "forwarding switched off" {
  serve web 80 hello
  echo 0 >/proc/sys/net/ipv4/ip_forward
  finds net.ipv4.ip_forward "sysctl -w net.ipv4.ip_forward=1"
}

@test "the ruleset flushed while containers run" {
  serve web 80 hello -p 8080:80
  nft flush ruleset
  finds "tables inet and bridge tare" "start any container"
  tare run --rm busybox true
  fine
}

@test "a container's device or route deleted by hand" {
  serve web 80 hello
  host=$(ip -o link | sed -n 's/^[0-9]*: \(ta[0-9a-f]*\)@.*/\1/p' | tail -1)
  ip route del "$(address_of web)"
  finds "container web, network bridge: the route to it through $host is gone" "tare restart web"
  ip link del "$host"
  finds "container web, network bridge: its device $host is gone" "tare restart web"
  tare restart -t 0 web
  fine
}

@test "a network's device deleted by hand" {
  tare network create side
  tare run -d --name web --network side busybox sleep 1000
  ip link del "$(ip -o link show type bridge | sed -n 's/^[0-9]*: \(tn[0-9a-f]*\):.*/\1/p' | tail -1)"
  finds "network side: its device tn" "is gone"
}

@test "a container's element gone from the firewall" {
  serve web 80 hello
  nft flush set inet "$(our_table)" senders4
  finds "container web" "is not in the firewall" "tare restart web"
}

@test "a new route of the host into a network (a VPN)" {
  tare network create --subnet 10.99.0.0/24 side
  ip route add 10.99.0.128/25 via 192.0.2.2
  finds "network side, 10.99.0.0/24: a route of this machine, 10.99.0.128/25 through up0"
  ip route del 10.99.0.128/25
  fine
}

@test "a program that listens on a published port since" {
  serve web 80 hello -p 8080-8082:80-82
  python3 -c 'import socket, time; s = socket.create_server(("0.0.0.0", 8081)); time.sleep(1000)' 3>&- & echo $! >"$BATS_TEST_TMPDIR/listener"
  wait_until 5 sh -c "ss -ltn | grep -q '0.0.0.0:8081 '"
  finds "container web, port 8081/tcp: a program of this machine listens there"
}

@test "tare-netd killed" {
  tare network create side
  tare run -d --name web --network side busybox sleep 1000
  fine
  kill -9 "$(pgrep -x tare-netd | while read -r p; do [ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || echo "$p"; done)"
  finds tare-netd "does not live"
  tare ps >/dev/null
  fine
}

@test "a chain of somebody's that drops: which, and a rule for it that helps" {
  serve web 80 hello -p 8080:80
  nft -f - <<<"table inet mine { chain forwarding { type filter hook forward priority filter; policy drop; }
}"
  finds "chain inet mine forwarding" "drops what containers send" "accept"
  rules=$(tare system check --format json | jq -r 'select(.Level == "problem").Advice | split(": ")[1]' | sed 's/and for published ports of your choice//; s/$//')
  group=$(grep -o 'meta iifgroup.*accept' <<<"$rules" | sed 's/;.*//')
  nft add rule inet mine forwarding ct state established,related accept
  eval "nft 'add rule inet mine forwarding $group'"
  outside busybox nc -ll -p 8000 -e echo world 3>&- & echo $! >"$BATS_TEST_TMPDIR/listener"
  wait_until 5 outside sh -c "ss -ltn | grep -q ':8000 '"
  [ "$(ask_from web 192.0.2.2 8000)" = world ]
  run -0 tare system check
  [[ "$output" == "note: "*"chain inet mine forwarding"* ]]
}

@test "iptables' FORWARD that drops, and our chain taken out of it" {
  iptables-nft -P FORWARD DROP
  serve web 80 hello
  run -0 tare system check
  [[ "$output" == *"note: firewall: iptables, chain FORWARD"*"not Docker's"* ]]
  iptables-nft -F FORWARD
  finds "iptables, chain FORWARD" "our chain"
}

@test "input that is refused: said, not wrong" {
  nft -f - <<<"table inet mine { chain in { type filter hook input priority filter; policy drop; iif lo accept; }
}"
  run -0 tare system check
  [[ "$output" == "note: firewall: chain inet mine in: "* ]]
}

@test "no nft" {
  mkdir "$BATS_TEST_TMPDIR/bin"
  PATH=$BATS_TEST_TMPDIR/bin run -1 "$TARE_BIN/tare" system check
  [[ "$output" == *"nftables"* ]]
}
