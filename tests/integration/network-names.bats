#!/usr/bin/env bats
# Names in networks that users make: tare-netd.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

netd() { pgrep -x tare-netd | while read -r p; do [ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || echo "$p"; done; }
# names CONTAINER NAME: the addresses it gets, sorted.
names() { tare exec "$1" nslookup -type=a "$2" 2>&1 | awk '/^Name:/ { on = 1 } on && /^Address/ { print $NF }' | sort | xargs; }

@test "containers find each other by name, short id and alias, and at once when one starts or stops" {
  tare network create one
  tare run -d --name web --network one --network-alias site --network-alias WWW busybox sleep 1000 >/dev/null
  tare run -d --name asks --network one busybox sleep 1000 >/dev/null
  [ "$(tare exec asks cat /etc/resolv.conf | grep nameserver)" = "nameserver 127.0.0.11" ]
  web=$(address_of web)
  [ "$(names asks web)" = "$web" ]
  [ "$(names asks site)" = "$web" ]
  [ "$(names asks wWw)" = "$web" ]
  [ "$(names asks "$(tare inspect web | jq -r '.[0].Id[0:12]')")" = "$web" ]
  [ "$(names asks asks)" = "$(address_of asks)" ]
  tare exec asks nslookup "$web" | grep -q 'name = web'
  tare exec asks ping -c 1 -W 2 web 2>/dev/null || tare exec asks sh -c 'nc -w 1 web 9; [ $? = 1 ]'
  tare stop -t 0 web >/dev/null
  [ -z "$(names asks web)" ]
  tare start web >/dev/null
  [ "$(names asks web)" = "$(address_of web)" ]
  # the first question of a container is answered, too
  for _ in 1 2 3; do [ "$(tare run --rm --network one busybox nslookup -type=a web | grep -c "$(address_of web)")" = 1 ]; done
}

@test "a name is known in its network alone; several of one name; connect and disconnect" {
  tare network create one; tare network create two
  tare run -d --name aa --network one --network-alias both busybox sleep 1000 >/dev/null
  tare run -d --name bb --network one --network-alias both busybox sleep 1000 >/dev/null
  tare run -d --name cc --network two busybox sleep 1000 >/dev/null
  tare run -d --name dd busybox sleep 1000 >/dev/null
  [ "$(names aa both)" = "$(printf '%s\n' "$(address_of aa)" "$(address_of bb)" | sort | xargs)" ]
  [ -z "$(names cc aa)" ]
  run ! tare exec dd grep -q 127.0.0.11 /etc/resolv.conf
  tare network connect --alias extra one cc
  [ "$(names cc aa)" = "$(address_of aa)" ]
  [ "$(names aa extra)" = "$(tare inspect cc | jq -r '.[0].NetworkSettings.Networks.one.IPAddress')" ]
  tare network disconnect one cc
  [ -z "$(names aa extra)" ]
  [ -z "$(names cc aa)" ]
  tare network connect one dd
  [ "$(names dd aa)" = "$(address_of aa)" ]
  tare exec dd grep -q 127.0.0.11 /etc/resolv.conf
}

@test "a name with its network behind it is asked of that network, and of nobody in the world" {
  nsenter --net="/proc/$OUTSIDE/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" serve 0.0.0.0 3>&- & local pid=$!
  wait_until 5 sh -c "nsenter --net=/proc/$OUTSIDE/ns/net ss -lun | grep -q :53"
  tare network create One; tare network create two; tare network create three
  tare run -d --name web --network One --network-alias site --network two --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  tare run -d --name asks --network One --network two --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  tare run -d --name none --network three --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  [ "$(names asks web.one)" = "$(tare inspect web | jq -r '.[0].NetworkSettings.Networks.One.IPAddress')" ]
  [ "$(names asks WEB.Two)" = "$(tare inspect web | jq -r '.[0].NetworkSettings.Networks.two.IPAddress')" ]
  [ "$(names asks site.One)" = "$(names asks web.one)" ]
  [ -z "$(names asks site.two)" ]
  [ -z "$(names asks nobody.two)" ]
  # not in that network, or a domain of the world that is called as it is
  [ "$(names none web.two)" = 198.51.100.7 ]
  [ "$(names asks www.example.two)" = 198.51.100.7 ]
  kill $pid
}

@test "tare-netd lives only while somebody has a name; killed, it is there again with the next command" {
  [ -z "$(netd)" ]
  tare network create one
  tare run --rm busybox true
  [ -z "$(netd)" ]
  tare run -d --name aa --network one busybox sleep 1000 >/dev/null
  tare run -d --name bb --network one busybox sleep 1000 >/dev/null
  [ "$(netd | wc -l)" = 1 ]
  grep -qE '^Uid:\s+65534\s+65534' "/proc/$(netd)/status"
  grep -qE '^CapEff:\s+0+$' "/proc/$(netd)/status"
  kill_netd
  tare ps >/dev/null
  [ "$(names aa bb)" = "$(address_of bb)" ]
  [ "$(names bb aa)" = "$(address_of aa)" ]
  tare rm -f aa bb
  [ ! -e "$TARE_STATE/netd.sock" ]
  wait_until 5 no_netd
}
no_netd() { [ -z "$(netd)" ]; }
# Another one can be there at once: the healer, who has looked after it since the containers are some seconds old, starts it.
kill_netd() {
  local was; was=$(netd)
  kill -9 "$was"
  wait_until 5 other_netd "$was"
}
other_netd() { [ "$(netd)" != "$1" ]; }
@test "other names are asked of --dns or the host's name servers, by UDP and TCP; not from an internal network" {
  nsenter --net="/proc/$OUTSIDE/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" serve 0.0.0.0 3>&- & local pid=$!
  wait_until 5 sh -c "nsenter --net=/proc/$OUTSIDE/ns/net ss -lun | grep -q :53"
  tare network create one; tare network create --internal in
  tare run -d --name asks --network one --dns 192.0.2.9 --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  tare run -d --name shut --network in --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  [ "$(names asks host.example)" = 198.51.100.7 ]
  ns=$(tare inspect asks | jq '.[0].State.Pid')
  [ "$(nsenter --net="/proc/$ns/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" tcp 127.0.0.11 host.example)" = 198.51.100.7 ]
  [ "$(nsenter --net="/proc/$ns/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" tcp 127.0.0.11 asks)" = "$(address_of asks)" ]
  [ -z "$(names shut host.example)" ]
  [ "$(names shut shut)" = "$(address_of shut)" ]
  # one that is in another network as well asks by that, even if it is one without names
  tare run -d --name both --network in --network bridge --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  [ "$(names both host.example)" = 198.51.100.7 ]
  [ "$(names both shut)" = "$(address_of shut)" ]
  tare network disconnect bridge both
  [ -z "$(names both host.example)" ]
  tare network connect bridge both
  [ "$(names both host.example)" = 198.51.100.7 ]
  kill $pid
}

@test "an alias that nobody can ask for is refused: it would take everybody's names away" {
  tare network create one
  tare run -d --name aa --network one busybox sleep 1000 >/dev/null
  tare run -d --name dd busybox sleep 1000 >/dev/null
  for alias in $'x\ny' 'x y' 'x,y' x/y .x x. x..y xü '' "$(printf 'x%.0s' {1..64})"; do
    run -125 tare run --rm --network one --network-alias "$alias" busybox true
    [[ "$output" == *"is no name for a container in a network"* ]]
    run -1 tare network connect --alias "$alias" one dd
    [[ "$output" == *"is no name for a container in a network"* ]]
  done
  tare network connect --alias x.y_Z-1 one dd
  [ "$(names aa x.Y_z-1)" = "$(tare inspect dd | jq -r '.[0].NetworkSettings.Networks.one.IPAddress')" ]
}

@test "a container's own name server can have port 53" {
  tare network create one
  tare run -d --name dns --network one busybox sleep 1000 >/dev/null
  ns=$(tare inspect dns | jq '.[0].State.Pid')
  nsenter --net="/proc/$ns/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/dns.py" serve 0.0.0.0 3>&- & local pid=$!
  wait_until 5 sh -c "nsenter --net=/proc/$ns/ns/net ss -lun | grep -q 0.0.0.0:53"
  [ "$(names dns dns)" = "$(address_of dns)" ]
  kill $pid
}

@test "where the host's name servers are on loopback alone, tare-netd asks them for containers of the default network as well" {
  echo "nameserver 192.0.2.2" >"$BATS_TEST_TMPDIR/resolv.conf"
  # a mount namespace with another resolv.conf, in which all commands run: the healer reads what the one who starts it does
  unshare -m sh -c "mount --bind '$BATS_TEST_TMPDIR/resolv.conf' /etc/resolv.conf &&
    { [ ! -e /run/systemd/resolve ] || mount -t tmpfs none /run/systemd/resolve; } && exec sleep 1000" 3>&- & local there=$!
  wait_until 5 grep -q /etc/resolv.conf /proc/$there/mountinfo
  python3 "$BATS_TEST_DIRNAME/../lib/dns.py" serve 127.0.0.1 3>&- & local server=$!
  wait_until 5 sh -c "ss -lun | grep -q 127.0.0.1:53"
  there() { nsenter -m -t "$there" "$TARE_BIN/tare" "$@"; }
  there run -d --name before busybox sleep 1000 >/dev/null
  echo "nameserver 127.0.0.1" >"$BATS_TEST_TMPDIR/resolv.conf"
  there run -d --name aa busybox sleep 1000 >/dev/null
  there run -d --name own --dns 192.0.2.9 busybox sleep 1000 >/dev/null
  [ "$(there exec aa grep nameserver /etc/resolv.conf)" = "nameserver 127.0.0.11" ]
  [ "$(there exec own grep nameserver /etc/resolv.conf)" = "nameserver 192.0.2.9" ]
  [ "$(there run --rm busybox nslookup -type=a host.example | grep -c 198.51.100.7)" = 1 ]
  in_aa() { there exec aa nslookup -type=a host.example 2>&1 | grep -c 198.51.100.7; }
  [ "$(in_aa)" = 1 ]
  # killed, told anew, stopped and started: it keeps it
  kill_netd
  there ps >/dev/null
  [ "$(in_aa)" = 1 ]
  there stop -t 0 aa >/dev/null; there start aa >/dev/null
  [ "$(in_aa)" = 1 ]
  # nobody has a name in it
  [ "$(there exec aa nslookup -type=a own 2>&1 | grep -c 198.51.100.7)" = 1 ] # the world's answer
  there network create one
  there network connect one aa
  there run -d --name bb --network one busybox sleep 1000 >/dev/null
  [ "$(there exec bb nslookup -type=a aa | grep -c "$(tare inspect aa | jq -r '.[0].NetworkSettings.Networks.one.IPAddress')")" = 1 ]
  there network disconnect one aa
  [ "$(in_aa)" = 1 ]
  there rm -f bb
  there network disconnect bridge aa
  wait_until 5 no_netd
  there network connect bridge aa
  [ "$(in_aa)" = 1 ]
  there rm -f aa
  wait_until 5 no_netd
  kill $there $server
}
