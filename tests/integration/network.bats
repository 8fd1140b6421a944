#!/usr/bin/env bats
# The default network: addresses, the way out, published ports, and that nothing of it stays.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() { remove_all; }

@test "a container has an address, a gateway, a line in hosts, and a way out with the host's address" {
  echo 0 >/proc/sys/net/ipv4/ip_forward # as on a machine that nobody has asked yet
  outside sh -c 'busybox nc -ll -p 8000 -e sh -c "read x; netstat -tn | grep :8000" 3>&- >/dev/null 2>&1 & echo $! >'"$BATS_TEST_TMPDIR/pid"
  run -0 tare run --rm --hostname me busybox sh -c 'ip -4 -o addr show eth0; ip route; grep me /etc/hosts; nc 192.0.2.2 8000 </dev/null'
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
  echo "$output"
  [[ "$output" == *"inet 10.210.0."*"/16 "* ]]
  [[ "$output" == *"default via 10.210.0.1 dev eth0"* ]]
  [[ "$output" == *"10.210.0."*"me"* ]]
}

@test "published ports: from the host's loopback, its own address, outside, and other containers" {
  serve web 80 hello -p 8080:80
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  [[ "$(ask 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  tare run -d --name other busybox sleep 1000 >/dev/null
  [[ "$(ask_from other 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from other "$(address_of web)" 80)" == hello* ]]
  [[ "$(ask_from web 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from web 10.210.0.1 8080)" == hello* ]]
}

@test "published ports: of one address, ranges, shifted ranges, random ones" {
  serve one 80 one -p 127.0.0.1:8081:80
  [[ "$(ask 127.0.0.1 8081)" == one* ]]
  run ask_from_outside 192.0.2.1 8081
  [ -z "$output" ]
  serve range 9005 range -p 9000-9999:9000-9999
  [[ "$(ask_from_outside 192.0.2.1 9005)" == range* ]]
  [ "$(elements | grep -c ranges4)" = 1 ]
  serve shifted 7002 shifted -p 6000-6004:7000-7004
  [[ "$(ask 127.0.0.1 6002)" == shifted* ]]
  serve any 80 any -p 80
  port=$(tare port any 80/tcp | head -1 | sed "s/.*://")
  [[ "$(ask 127.0.0.1 "$port")" == any* ]]
}

@test "a port that somebody has is refused, by name, and nothing is left of the start" {
  serve web 80 web -p 8080:80
  run -125 tare run --rm --name second -p 8080:80 busybox true
  [[ "$output" == *"port 8080/tcp of the host is in use"* ]]
  run -125 tare run --rm -p 8070-8090:8070-8090 busybox true
  [[ "$output" == *"in use"* ]]
  busybox nc -ll -p 8099 -e true 3>&- & local pid=$!
  wait_until 5 sh -c 'netstat -ltn 2>/dev/null | grep -q :8099 || ss -ltn | grep -q :8099'
  run -125 tare run --rm -p 8099:80 busybox true
  kill $pid
  [[ "$output" == *"port 8099/tcp of the host is in use"* ]]
  [ "$(tare ps -aq | wc -l)" = 1 ]
  tare run --rm -p 8080:80/udp busybox true
}

@test "nothing of a container's network stays: elements, devices, routes" {
  tare run --rm busybox true
  wait_until 5 sh -c '! ip -o link | grep -q " ta[0-9a-f]*@"'
  ip -o link | sed 's/@.*//; s/^[0-9]*: //' | sort >"$BATS_TEST_TMPDIR/before"
  elements | grep -v gateways4 | sort >"$BATS_TEST_TMPDIR/elements"
  serve web 80 web -p 8080:80 -p 8000-8010:8000-8010
  tare run --rm busybox true
  tare run --rm busybox nosuch || true
  tare rm -f web
  wait_until 5 sh -c '! ip -o link | grep -q " ta[0-9a-f]*@"'
  elements | grep -v gateways4 | sort | diff "$BATS_TEST_TMPDIR/elements" -
  [ -z "$(ip route | grep " ta")" ]
  run ask 127.0.0.1 8080
  [ -z "$output" ]
}

@test "start, stop, start: the port leads to the new address" {
  tare create --name again -p 8080:80 busybox sh -c 'exec nc -ll -p 80 -e echo here' >/dev/null
  for _ in 1 2; do
    tare start again >/dev/null
    wait_until 5 tare exec again sh -c 'netstat -ltn | grep -q ":80 "'
    [ "$(ask 127.0.0.1 8080)" = here ]
    [ "$(tare port again | head -1)" = "80/tcp -> 0.0.0.0:8080" ]
    tare stop -t 0 again >/dev/null
  done
  [ -z "$(tare port again)" ]
}

@test "the rules flushed by somebody are there again with the next start, for everybody" {
  serve web 80 web -p 8080:80
  nft flush ruleset
  run ask 127.0.0.1 8080
  [ -z "$output" ]
  tare run --rm busybox true
  [[ "$(ask 127.0.0.1 8080)" == web* ]]
}

@test "a container cannot speak with another's address, and a neighbour does not reach the host's 127/8 (CVE-2020-8558)" {
  serve web 80 web
  tare run -d --name liar --cap-add NET_ADMIN busybox sleep 1000 >/dev/null
  [[ "$(ask_from liar "$(address_of web)" 80)" == web* ]]
  tare exec liar sh -c "ip addr add 10.210.77.77/16 dev eth0; ip route replace default via 10.210.0.1 src 10.210.77.77; ip route replace 10.210.0.0/16 via 10.210.0.1 src 10.210.77.77"
  run ask_from liar "$(address_of web)" 80
  [ -z "$output" ]
  busybox nc -ll -p 8055 -s 127.0.0.1 -e echo secret 3>&- 2>/dev/null & local pid=$!
  outside ip route add 127.0.0.9/32 via 192.0.2.1 2>/dev/null || true
  run ask_from_outside 127.0.0.9 8055
  kill $pid 2>/dev/null || true
  [ -z "$output" ]
}

@test "--add-host, --dns and their like" {
  run -0 tare run --rm --add-host db:10.1.1.1 --add-host host.docker.internal:host-gateway --add-host v6=fd00::1 --dns 9.9.9.9 --dns-search example.org \
    --dns-option ndots:2 busybox cat /etc/hosts /etc/resolv.conf
  [[ "$output" == *$'10.1.1.1\tdb'* ]]
  [[ "$output" == *$'10.210.0.1\thost.docker.internal'* ]]
  [[ "$output" == *$'fd00::1\tv6'* ]]
  [[ "$output" == *"nameserver 9.9.9.9"*"search example.org"*"options ndots:2"* ]]
  for bad in "--add-host x" "--add-host x:y" "--dns nine" "--dns-search a.test,b.test" "--dns-search a..test" "--dns-search .test" "--publish 80:80:80:80" "--publish 80/icmp" "--publish 1-3:1-2" "--ip 10.210.0.9" \
    "--mac-address 1:2" "--network nosuch" "--network none -p 80:80"; do
    # shellcheck disable=SC2086
    run -125 tare run --rm $bad busybox true
    [ "${#lines[@]}" = 1 ]
  done
}

@test "--publish as Docker takes it" {
  tare run -d --name web -p ::1:8083:80 -p 0:81 -p 8089:82/UDP -p published=8080,target=83,protocol=udp busybox sleep 1000 >/dev/null
  run -0 tare port web
  [[ "$output" == *"80/tcp -> [::1]:8083"* ]]
  [[ "$output" =~ 81/tcp\ -\>\ 0.0.0.0:[1-9][0-9]{4} ]]
  [[ "$output" == *"82/udp -> 0.0.0.0:8089"* ]]
  [[ "$output" == *"83/udp -> 0.0.0.0:8080"* ]]
  run -125 tare run --rm -p target=80,mode=host busybox true
  [[ "$output" == *'"mode" is not supported'* ]]
  run -125 tare run --rm --expose target=80 busybox true
}

@test "--dns and --add-host without a network and with the host's" {
  run -0 tare run --rm --network none --dns 1.1.1.1 --dns-search a.test --dns-option ndots:3 --add-host y:1.2.3.4 busybox cat /etc/resolv.conf /etc/hosts
  [[ "$output" == $'nameserver 1.1.1.1\nsearch a.test\noptions ndots:3\n127.0.0.1'*$'1.2.3.4\ty'* ]]
  [ "$(tare run --rm --network none busybox cat /etc/resolv.conf)" = "# no network, no name servers" ]
  [ "$(tare run --rm --network host busybox cat /etc/resolv.conf)" = "$(cat /etc/resolv.conf)" ]
  [ "$(tare run --rm --network host busybox cat /etc/hosts)" = "$(cat /etc/hosts)" ]
  run -0 tare run --rm --network host --dns 9.9.9.9 --dns-search b.test busybox cat /etc/resolv.conf
  [[ "$output" == $'nameserver 9.9.9.9\nsearch b.test'* ]]
  run -0 tare run --rm --network host --dns-option ndots:4 busybox cat /etc/resolv.conf
  [ "$(grep ^nameserver <<<"$output")" = "$(grep ^nameserver /etc/resolv.conf)" ]
  [[ "$output" == *"options ndots:4"* ]]
  run -0 tare run --rm --network host --add-host y:1.2.3.4 --add-host me:host-gateway busybox cat /etc/hosts
  [ "$output" = "$(cat /etc/hosts; printf '1.2.3.4\ty\n127.0.0.1\tme')" ]
  run -125 tare run --rm --network none --add-host h:host-gateway busybox true
  [ "$output" = "tare: --add-host h:host-gateway: with --network none there is no way to the host" ]
  run -125 tare run --rm --network-alias x busybox true
  [[ "$output" == *"--network-alias x: the default network has no names"* ]]
  tare run -d --name web busybox sleep 1000 >/dev/null
  tare network disconnect bridge web
  run -1 tare network connect --alias x bridge web
}

@test "who leaves its last network has no address in its files" {
  tare run -d --name web --hostname me --add-host y:1.2.3.4 busybox sleep 1000 >/dev/null
  address=$(address_of web)
  tare exec web grep -q "$address" /etc/hosts
  tare network disconnect bridge web
  run ! tare exec web grep -q "$address" /etc/hosts
  tare exec web grep -q '^127.0.0.1.*me$' /etc/hosts
  tare exec web grep -q '^1.2.3.4' /etc/hosts
  [ "$(tare exec web cat /etc/resolv.conf)" = "# no network, no name servers" ]
  tare network connect bridge web
  tare exec web grep -q "$(address_of web)" /etc/hosts
  run ! tare exec web grep -q "no network" /etc/resolv.conf
}

# serve_udp NAME TEXT: in the network namespace of a container, for the image has nothing that could.
serve_udp() {
  nsenter --net="/proc/$(tare inspect "$1" | jq '.[0].State.Pid')/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/udp.py" serve 53 "$2" 3>&- &
  echo $! >>"$BATS_TEST_TMPDIR/servers"
}
ask_udp() { outside python3 "$BATS_TEST_DIRNAME/../lib/udp.py" ask 192.0.2.1 5353 4000; }

@test "UDP: the same sender reaches whoever has the port now, not who had it" {
  [ -z "$(ask_udp)" ] # tracked by now, to the host itself
  tare run -d --name first -p 5353:53/udp busybox sleep 1000 >/dev/null
  serve_udp first one
  wait_until 5 sh -c "nsenter --net=/proc/$(tare inspect first | jq '.[0].State.Pid')/ns/net ss -lun | grep -q :53"
  [ "$(ask_udp)" = "one 192.0.2.2" ]
  tare rm -f first
  tare run -d --name second -p 5353:53/udp busybox sleep 1000 >/dev/null
  serve_udp second two
  wait_until 5 sh -c "nsenter --net=/proc/$(tare inspect second | jq '.[0].State.Pid')/ns/net ss -lun | grep -q :53"
  [ "$(ask_udp)" = "two 192.0.2.2" ]
  xargs kill <"$BATS_TEST_TMPDIR/servers"
}

@test "a port is published: who asks the world at the same port gets his answer" {
  local answer=$BATS_TEST_TMPDIR/answer asker outside
  tare run -d --name asker busybox sleep 1000 >/dev/null
  outside python3 -c '
import os, socket, sys, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("0.0.0.0", 8001)); s.settimeout(15)
_, who = s.recvfrom(9)
open(sys.argv[1], "w").close()
while not os.path.exists(sys.argv[1] + ".go"): time.sleep(0.05)
s.sendto(b"late", who)' "$answer" 3>&- & outside=$!
  sleep 0.5
  nsenter --net="/proc/$(tare inspect asker | jq '.[0].State.Pid')/ns/net" python3 -c '
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
s.sendto(b"?", ("192.0.2.2", 8001))
print(s.recv(9).decode())' >"$answer.got" 3>&- & asker=$!
  wait_until 10 test -e "$answer"
  tare run -d --name server -p 8001:53/udp busybox sleep 1000 >/dev/null
  : >"$answer.go"
  wait $outside $asker || true
  [ "$(cat "$answer.got")" = late ]
}

@test "who has a route to a container gets in by its published ports alone" {
  serve web 80 web -p 127.0.0.1:8500:80
  outside ip route add 10.210.0.0/16 via 192.0.2.1
  run ask_from_outside "$(address_of web)" 80
  [ -z "$output" ]
  tare update --publish-add 8501:80 web
  [[ "$(ask_from_outside 192.0.2.1 8501)" == web* ]]
  run ask_from_outside "$(address_of web)" 80
  outside ip route del 10.210.0.0/16
  [ -z "$output" ]
  [[ "$(ask "$(address_of web)" 80)" == web* ]]
}

@test "subnets that no container can be reached by are refused" {
  for bad in 0.0.0.0/8 0.1.0.0/16 127.0.0.0/8 127.5.0.0/24 169.254.0.0/16 169.254.7.0/24 224.0.0.0/24 239.0.0.0/8 240.0.0.0/4 255.255.255.0/24 128.0.0.0/1 \
    ::/96 ::ffff:0:0/96 ::ffff:10.1.0.0/112 fe80::/64 ff02::/64; do
    run -1 tare network create --subnet "$bad" bad
    echo "$bad: $output"
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == *"--subnet $bad"*"not for containers"* ]]
  done
}
