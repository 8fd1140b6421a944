#!/usr/bin/env bats
# Beside other firewalls: what is theirs stays as it is, and what containers may is what the host's rules say.
load ../lib/common
load ../lib/network
load ../lib/firewalld

setup_file() {
  tare_setup_file; load_busybox; world_up
  nsenter --net="/proc/$OUTSIDE/ns/net" busybox nc -ll -p 8000 -e echo world 3>&- & export WORLD=$!
  wait_until 5 sh -c '[ "$(nsenter --net=/proc/$OUTSIDE/ns/net busybox nc -w 1 127.0.0.1 8000 </dev/null)" = world ]'
}
teardown_file() { kill "$WORLD"; world_down; tare_teardown_file; }
teardown() {
  let_healer_go
  stop_services
  remove_all
  tare network prune -f >/dev/null
  stop_firewalld
  nft flush ruleset
  for t in iptables-legacy ip6tables-legacy; do $t -P FORWARD ACCEPT; $t -P INPUT ACCEPT; $t -F; $t -X; done
}

# reaches_world CONTAINER; in_from_outside PORT: who is outside gets an answer, at once or by asking again as TCP does.
reaches_world() { [ "$(ask_from "$1" 192.0.2.2 8000)" = world ]; }
in_from_outside() { [ -n "$(outside timeout 3 busybox nc -w 3 192.0.2.1 "$1" </dev/null 2>/dev/null)" ]; }
host_service() { busybox nc -ll -p "$1" -e echo host 3>&- & echo $! >>"$BATS_TEST_TMPDIR/services"; wait_until 5 sh -c "ss -ltn | grep -q ':$1 '"; }
stop_services() { [ ! -e "$BATS_TEST_TMPDIR/services" ] || xargs kill <"$BATS_TEST_TMPDIR/services" 2>/dev/null || true; }

our_chain() { "${1:-iptables-nft}" -S FORWARD | grep -c -- '-j TARE' || true; }

# As dockerd 20.10 writes them, but for its own networks' address translation. dockers PROGRAM
dockers() {
  ${1:-iptables-nft}-restore -n <<'END'
*filter
:FORWARD DROP [0:0]
:DOCKER - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-ISOLATION-STAGE-1
-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A FORWARD -o docker0 -j DOCKER
-A FORWARD -i docker0 ! -o docker0 -j ACCEPT
-A FORWARD -i docker0 -o docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-1 -j RETURN
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-ISOLATION-STAGE-2 -j RETURN
-A DOCKER-USER -j RETURN
COMMIT
END
}

all_ways() { # of a published container and one in a network of its own beside it: every way there is
  reaches_world web
  reaches_world mate
  in_from_outside 8080
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from mate 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from mate "$(address_of pal)" 80)" == pal* ]]
  [[ "$(ask_from web "$(address_of web2)" 80)" == two* ]]
}
everybody() {
  tare network create side >/dev/null
  serve web 80 hello -p 8080:80
  serve web2 80 two
  serve mate 80 mate --network side
  serve pal 80 pal --network side
}

for_docker() { # PROGRAM
  dockers "$1"
  everybody
  hold_healer
  all_ways
  [ "$(our_chain "$1")" = 1 ]
  tare system info | grep -q '^Other firewalls: *.*Docker'
  # Docker's other chains, and its word, are as they were
  dockers_before=$("$1" -S | grep -v TARE)
  [ "$(grep -c DOCKER <<<"$dockers_before")" = 12 ]
  # it is at the end: an administrator's rule counts first
  "$1" -I DOCKER-USER -p tcp --dport 8000 -j DROP
  run ! reaches_world web
  "$1" -D DOCKER-USER -p tcp --dport 8000 -j DROP
  reaches_world web
  # taken away by somebody, it is there again with the next start, once
  "$1" -D FORWARD -j "$("$1" -S FORWARD | sed -n 's/.*-j \(TARE.*\)/\1/p')"
  run ! reaches_world web
  tare run --rm busybox true
  all_ways
  [ "$(our_chain "$1")" = 1 ]
  "$1" -F "$("$1" -S FORWARD | sed -n 's/.*-j \(TARE.*\)/\1/p')"
  tare run --rm busybox true
  all_ways
  # with the last container it goes
  let_healer_go
  remove_all
  run -0 "$1" -S
  [[ "$output" != *TARE* ]]
  [ "$(grep -v TARE <<<"$output")" = "$dockers_before" ]
}
@test "Docker's rules: every way is open, and Docker's own chains stay as they are" { for_docker iptables-nft; }
@test "Docker's rules by iptables-legacy" {
  for_docker iptables-legacy
  [ -z "$(iptables-nft -S | grep -v '^-P .* ACCEPT')" ]
}

@test "Docker's networks stay closed to containers of ours" {
  dockers iptables-nft
  ip link add docker0 type bridge; ip addr add 172.31.0.1/24 dev docker0; ip link set docker0 up
  unshare -n sleep 1000 3>&- & pid=$!
  echo $pid >>"$BATS_TEST_TMPDIR/services"
  wait_until 5 sh -c "[ \$(readlink /proc/$pid/ns/net) != \$(readlink /proc/self/ns/net) ]"
  ip link add name dk0 type veth peer name eth0 netns $pid; ip link set dk0 master docker0 up
  nsenter --net=/proc/$pid/ns/net sh -c 'ip link set lo up; ip addr add 172.31.0.2/24 dev eth0; ip link set eth0 up; ip route add default via 172.31.0.1; exec busybox nc -ll -p 80 -e echo dockers' 3>&- & echo $! >>"$BATS_TEST_TMPDIR/services"
  wait_until 5 sh -c "[ \"\$(busybox nc -w 1 172.31.0.2 80 </dev/null)\" = dockers ]"
  serve web 80 hello -p 8080:80
  reaches_world web
  run ask_from web 172.31.0.2 80
  ip link del docker0; ip link del dk0
  [ -z "$output" ]
}

@test "50 starts and ends at once put one chain there, and nothing is left" {
  dockers iptables-nft
  for i in $(seq 20); do tare run --rm busybox true 3>&- & done
  wait_for_all
  tare run -d --name stays busybox sleep 1000 >/dev/null
  [ "$(our_chain)" = 1 ]
  for i in $(seq 30); do tare run --rm busybox true 3>&- & done
  wait_for_all
  [ "$(our_chain)" = 1 ]
  reaches_world stays
  tare rm -f stays
  [ "$(iptables-nft -S | grep -c TARE)" = 0 ]
}
wait_for_all() { local p; for p in $(jobs -p); do [ "$p" = "$WORLD" ] || wait "$p"; done; }

@test "tare killed at any instant of a start or an end: the next ones put the chain right, and take it away" {
  local i
  dockers iptables-nft
  for i in $(seq 25); do
    timeout -s KILL "0.0$((i * 37 % 90 + 10))" "$TARE_BIN/tare" run --rm busybox true 3>&- || true
  done
  serve web 80 hello -p 8080:80
  reaches_world web
  in_from_outside 8080
  [ "$(our_chain)" = 1 ]
  remove_all
  wait_until 10 nobody_runs
  tare run --rm busybox true
  [ "$(iptables-nft -S | grep -c TARE)" = 0 ]
}
nobody_runs() { [ -z "$(tare ps -q)" ]; }

@test "an empty firewall costs no program and leaves no trace" {
  tare run --rm busybox true
  [ "$(tare system info --format json | jq -r .OtherFirewalls)" = none ]
  [ ! -e "$TARE_STATE/firewall.others" ]
  [ -z "$(nft list tables | grep -v tare)" ]
}

# Whether the host's own service hears a datagram from outside that says to come from 10.210.9.9.
hears_borrowed() {
  local out=$BATS_TEST_TMPDIR/heard pid
  python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 8091)); s.settimeout(2); print("ready", flush=True); s.recv(9); print("heard")' >"$out" 2>/dev/null 3>&- & pid=$!
  wait_until 5 grep -q ready "$out"
  outside python3 -c 'import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.210.9.9", 9)); s.sendto(b"x", ("192.0.2.1", 8091))'
  wait "$pid" || true
  grep -q heard "$out"
}
@test "nobody comes from outside with an address of a network of ours, which firewalld trusts" {
  outside ip addr add 10.210.9.9/32 dev lo
  tare run -d --name web busybox sleep 1000 >/dev/null
  run ! hears_borrowed
  hold_healer
  table=$(our_table)
  nft flush chain inet "$table" coming
  hears_borrowed
  let_healer_go
  outside ip addr del 10.210.9.9/32 dev lo
}

# ufw's own program, with files of this test's.
ufw() { /usr/sbin/ufw --rootdir=/ --datadir="$BATS_TEST_TMPDIR/ufw" "$@"; }
ufw_on() { # [default for what is routed]
  mkdir -p "$BATS_TEST_TMPDIR/ufw/etc/default" "$BATS_TEST_TMPDIR/ufw/lib" "$BATS_TEST_TMPDIR/ufw/run"
  cp -r /etc/ufw "$BATS_TEST_TMPDIR/ufw/etc/"; cp -r /lib/ufw "$BATS_TEST_TMPDIR/ufw/lib/"
  sed "s/^IPT_SYSCTL=.*/IPT_SYSCTL=/; s/^IPT_MODULES=.*/IPT_MODULES=/; s/^DEFAULT_FORWARD_POLICY=.*/DEFAULT_FORWARD_POLICY=\"${1:-DROP}\"/" /etc/default/ufw >"$BATS_TEST_TMPDIR/ufw/etc/default/ufw"
  ufw --force enable
}

@test "ufw: containers get out, to published ports ufw says who comes" {
  ufw_on
  everybody
  reaches_world web; reaches_world mate
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask_from mate "$(address_of pal)" 80)" == pal* ]]
  run ! in_from_outside 8080
  ufw route allow proto tcp from 192.0.2.0/24 to any port 80
  in_from_outside 8080
  ufw route delete allow proto tcp from 192.0.2.0/24 to any port 80
  run ! in_from_outside 8080
  ufw reload
  tare run --rm busybox true
  reaches_world web
  run ! in_from_outside 8080
  ufw route deny proto tcp from any to 192.0.2.2 port 8000
  run ! reaches_world web
  ufw --force disable
  in_from_outside 8080
}

@test "ufw that routes all, and denies what comes in: its word about a service is its word about a published port" {
  ufw_on ACCEPT
  host_service 8090
  serve web 80 hello -p 8080:80
  reaches_world web
  run ! in_from_outside 8080
  run ! in_from_outside 8090
  ufw allow from 192.0.2.2 to any port 8080 proto tcp
  in_from_outside 8080
  [[ "$(outside timeout 3 busybox nc -w 1 192.0.2.1 8080 </dev/null)" == hello* ]] # and at once the second time
  ufw allow 8090
  in_from_outside 8090
}

plain() { nft -f - <<<"table inet filter { chain input { type filter hook input priority filter; policy $1; ct state established,related accept; iif lo accept; }
  chain forward { type filter hook forward priority filter; policy $2; ct state established,related accept; }
}"; }

@test "nft rules with a policy of drop for input: a published port is reached when they say so" {
  plain drop accept
  host_service 8090
  serve web 80 hello -p 8080:80 -p 9000-9010:9000-9010 -p 192.0.2.1:8070:80 -p 7000-7001:80-81
  reaches_world web
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  for p in 8080 8070 8090 7000; do run ! in_from_outside $p; done
  tare exec -d web sh -c 'exec nc -ll -p 9005 -e echo range'
  run ! in_from_outside 9005
  nft add rule inet filter input ip saddr 192.0.2.2 tcp dport '{ 8080, 8070, 7000, 9000-9010 }' accept
  for p in 8080 8070 7000 9005; do in_from_outside $p; done
  run ! in_from_outside 8090
  [[ "$(outside timeout 3 busybox nc -w 1 192.0.2.1 8080 </dev/null)" == hello* ]]
  # the port of a container that is gone is the host's again
  tare rm -f web
  nft add rule inet filter input tcp dport 8090 accept
  in_from_outside 8090
  run ! in_from_outside 8080
  # somebody writes that all may come in: the next start sees it
  nft delete table inet filter
  serve web 80 hello -p 8080:80
  [[ "$(outside timeout 3 busybox nc -w 1 192.0.2.1 8080 </dev/null)" == hello* ]]
}

in_by_ipv6() { [ -n "$(outside timeout 3 busybox nc -w 3 2001:db8::1 "$1" </dev/null 2>/dev/null)" ]; }
@test "the same by IPv6, where it is translated and where a socket answers" {
  plain drop accept
  nft add rule inet filter input icmpv6 type '{ nd-neighbor-solicit, nd-neighbor-advert }' accept
  tare network create --ipv6 six >/dev/null
  serve web 80 hello --network six -p 8080:80 -p 7000-7001:80-81
  serve four 80 four -p 8070:80
  for p in 8080 7000 8070; do run ! in_by_ipv6 $p; run ! in_from_outside $p; done
  [[ "$(ask ::1 8080)" == hello* ]]
  nft add rule inet filter input ip6 saddr 2001:db8::2 tcp dport '{ 8080, 7000, 8070 }' accept
  for p in 8080 7000 8070; do in_by_ipv6 $p; run ! in_from_outside $p; done
  [[ "$(outside timeout 3 busybox nc -w 1 2001:db8::1 8080 </dev/null)" == hello* ]]
}

@test "nft rules that refuse by a rule, not by policy" {
  plain accept accept
  nft add rule inet filter input tcp dport != 22 reject
  serve web 80 hello -p 8080:80
  run ! in_from_outside 8080
  nft insert rule inet filter input tcp dport 8080 accept
  in_from_outside 8080
  # whatever they are called
  nft delete table inet filter
  local long; long=$(printf 'a%.0s' {1..200})
  nft -f - <<<"table inet $long { chain $long { type filter hook input priority filter; tcp dport != 22 reject; }
}"
  serve other 80 other -p 8081:80
  run ! in_from_outside 8081
  nft delete table inet "$long"
}

@test "UDP: the first datagram asks, the next one arrives" {
  plain drop accept
  nft add rule inet filter input udp dport 5353 accept
  tare run -d --name web -p 5353:53/udp busybox sleep 1000 >/dev/null
  nsenter --net="/proc/$(tare inspect web | jq '.[0].State.Pid')/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/udp.py" serve 53 one 3>&- &
  echo $! >>"$BATS_TEST_TMPDIR/services"
  wait_until 5 sh -c "nsenter --net=/proc/$(tare inspect web | jq '.[0].State.Pid')/ns/net ss -lun | grep -q :53"
  [ -z "$(outside python3 "$BATS_TEST_DIRNAME/../lib/udp.py" ask 192.0.2.1 5353 4000)" ]
  [ "$(outside python3 "$BATS_TEST_DIRNAME/../lib/udp.py" ask 192.0.2.1 5353 4001 4)" = "one 192.0.2.2" ]
}

@test "nft rules with a policy of drop for what is forwarded: they decide, and a start says so, once" {
  wait_until 20 no_healer # of the test before, which would have said it
  plain drop drop
  run -0 tare run --rm busybox true
  [[ "$output" == *"chain inet filter forward drops what containers send"* ]]
  serve web 80 hello -p 8080:80
  run -0 tare run --rm busybox true
  [ -z "$output" ]
  run ! reaches_world web
  run ! in_from_outside 8080
  nft add rule inet filter forward iifname '"ta*"' accept
  reaches_world web
  run ! in_from_outside 8080
  nft add rule inet filter forward meta l4proto tcp ct status dnat ct original proto-dst 8080 accept
  in_from_outside 8080
}

@test "firewalld: containers get out and its zones say who comes to published ports" {
  start_firewalld
  everybody
  reaches_world web; reaches_world mate
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask_from mate "$(address_of pal)" 80)" == pal* ]]
  [ "$(firewall-cmd --zone=trusted --list-sources | tr ' ' '\n' | sort | xargs)" = "$(tare network inspect bridge side | jq -r '.[].IPAM.Config[0].Subnet' | sort | xargs)" ]
  run ! in_from_outside 8080
  firewall-cmd -q --add-port=8080/tcp
  in_from_outside 8080
  # forgotten by firewalld, told again by the next start
  firewall-cmd -q --reload
  run ! reaches_world web
  run -1 tare system check
  [[ "$output" == *firewalld* ]]
  run -0 tare run --rm busybox true
  [ -z "$output" ]
  reaches_world web; reaches_world mate
  tare rm -f mate pal
  subnet=$(tare network inspect side | jq -r '.[0].IPAM.Config[0].Subnet')
  tare network rm side
  [[ "$(firewall-cmd --zone=trusted --list-sources)" != *"$subnet"* ]]
}
