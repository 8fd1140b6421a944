#!/usr/bin/env bats
# IPv6: networks that have it, and published ports that are asked for by it, also of containers that have none.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  # in a container's network, which own-net does not see
  kill ${UDP:+"$UDP"} ${SCRIPT:+"$SCRIPT"} 2>/dev/null || true
  remove_all
  tare network ls -q --no-trunc | while read -r id; do tare network rm "$id" >/dev/null 2>&1 || true; done
}

# reply HOST PORT FROM: what a UDP port answers.
reply() { timeout 5 python3 "$TARE_TESTS/lib/udp.py" ask "$@" 4; }
serve_datagrams() { # NAME PORT TEXT: from inside the container
  nsenter --net="/proc/$(tare inspect "$1" | jq .[0].State.Pid)/ns/net" python3 "$TARE_TESTS/lib/udp.py" serve "$2" "$3" 3>&- &
  UDP=$!
  wait_until 5 tare exec "$1" sh -c "netstat -lun | grep -q ':$2 '"
}

@test "a network with IPv6: addresses of both families, a way out with the host's address, neighbours, names" {
  [ "$(cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/up0/accept_ra | xargs)" = "0 1" ]
  tare network create --ipv6 --subnet 10.77.0.0/24 --subnet fd00:77::/64 six
  tare run -d --name one --network six busybox sleep 1000 >/dev/null
  # the host forwards from now on, and still listens to routers
  [ "$(cat /proc/sys/net/ipv6/conf/all/forwarding /proc/sys/net/ipv6/conf/up0/accept_ra | xargs)" = "1 2" ]
  run -0 tare exec one sh -c 'ip -6 -o addr show eth0; ip -6 route; cat /etc/hosts'
  echo "$output"
  [[ "$output" == *"inet6 fd00:77::2/64 scope global"* ]]
  [[ "$output" == *"default via fd00:77::1 dev eth0"* ]]
  [[ "$output" == *"fd00:77::2"*"$(tare exec one hostname)"* ]]
  [[ "$(ip6_of one)" = fd00:77::2 ]]
  serve two 80 two --network six
  [[ "$(ask_from one fd00:77::3 80)" == two* ]]
  [[ "$(ask_from one two 80)" == two* ]]
  [[ "$(tare exec one nslookup -type=aaaa two)" == *fd00:77::3* ]]
  [[ "$(tare exec one nslookup fd00:77::3)" == *two* ]]
  outside sh -c 'busybox nc -ll -p 8000 -e sh -c "read x; netstat -tn | grep :8000" 3>&- >/dev/null 2>&1 & echo $! >'"$BATS_TEST_TMPDIR/pid"
  run -0 tare exec one nc -w 2 2001:db8::2 8000 </dev/null
  kill "$(cat "$BATS_TEST_TMPDIR/pid")"
  [[ "$output" == *2001:db8::1* && "$output" != *fd00:77* ]]
  run -0 tare network inspect six
  [ "$(jq -r '.[0].IPAM.Config[1].Subnet' <<<"$output")" = fd00:77::/64 ]
  [ "$(jq -r '.[0].EnableIPv6' <<<"$output")" = true ]
  [ "$(jq -r '.[0].Containers[] | select(.Name == "one").IPv6Address' <<<"$output")" = fd00:77::2/64 ]
}

@test "published ports of a container with IPv6: from outside, the host, its loopback, other containers" {
  tare network create --ipv6 six
  serve web 80 hello --network six -p 8080:80
  for host in 127.0.0.1 ::1 192.0.2.1 2001:db8::1; do
    echo "$host"
    [[ "$(ask $host 8080)" == hello* ]]
  done
  [[ "$(ask_from_outside 2001:db8::1 8080)" == hello* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  [[ "$(ask_from web 2001:db8::1 8080)" == hello* ]]
  tare run -d --name other --network six busybox sleep 1000 >/dev/null
  [[ "$(ask_from other 2001:db8::1 8080)" == hello* ]]
  tare network create --ipv6 apart
  tare run -d --name far --network apart busybox sleep 1000 >/dev/null
  [[ "$(ask_from far 2001:db8::1 8080)" == hello* ]]
  run ask_from far "$(ip6_of web)" 80
  [ -z "$output" ]
}

@test "published ports of a container without IPv6: by IPv6 from outside and from ::1, TCP and UDP" {
  serve web 80 hello -p 8080:80
  [[ "$(ask ::1 8080)" == hello* ]]
  [[ "$(ask 2001:db8::1 8080)" == hello* ]]
  [[ "$(ask_from_outside 2001:db8::1 8080)" == hello* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == hello* ]]
  run -0 tare port web
  [[ "$output" == *"80/tcp -> 0.0.0.0:8080"* && "$output" == *"80/tcp -> [::]:8080"* ]]
  tare rm -f web
  run ask ::1 8080
  [ -z "$output" ]
  tare run -d --name udp -p 5353:5300/udp busybox sleep 1000 >/dev/null
  serve_datagrams udp 5300 hello
  [[ "$(reply ::1 5353 4001)" == "hello 10.210.0.1" ]]
  [[ "$(reply 2001:db8::1 5353 4001)" == hello* ]]
  [[ "$(outside timeout 5 python3 "$TARE_TESTS/lib/udp.py" ask 2001:db8::1 5353 4001 4)" == hello* ]]
  [[ "$(reply 127.0.0.1 5353 4001)" == hello* ]]
  kill "$UDP"
}

@test "ports of one address: 127.0.0.1 is not ::1, and ::1 is not the world" {
  serve four 80 four -p 127.0.0.1:8081:80
  [[ "$(ask 127.0.0.1 8081)" == four* ]]
  run ask ::1 8081
  [ -z "$output" ]
  serve six 80 six -p '[::1]:8082:80'
  [[ "$(ask ::1 8082)" == six* ]]
  run ask 127.0.0.1 8082
  [ -z "$output" ]
  run ask_from_outside 2001:db8::1 8082
  [ -z "$output" ]
  serve any 80 any -p 0.0.0.0:8084:80 -p '[::]:8085:80'
  [[ "$(ask_from_outside 192.0.2.1 8084)" == any* && "$(ask_from_outside 2001:db8::1 8085)" == any* ]]
  run ask ::1 8084
  [ -z "$output" ]
  run ask 127.0.0.1 8085
  [ -z "$output" ]
  tare run --rm -p 0.0.0.0:8085:80 busybox true
  run -125 tare run --rm -p '[::1]:8085:80' busybox true
  [[ "$output" == *"port 8085/tcp of the host is in use"* ]]
  serve at 80 at -p '[2001:db8::1]:8083:80'
  [[ "$(ask_from_outside 2001:db8::1 8083)" == at* ]]
  run ask ::1 8083
  [ -z "$output" ]
}

@test "ranges: each port, a thousand of them by one socket" {
  serve short 7002 short -p 6000-6004:7000-7004
  [[ "$(ask ::1 6002)" == short* ]]
  serve long 9555 long -p 9000-9999:9000-9999
  [[ "$(ask ::1 9555)" == long* ]]
  [[ "$(ask_from_outside 2001:db8::1 9555)" == long* ]]
  run ask ::1 9556
  [ -z "$output" ]
  [ "$(ss -Hltn6 | grep -c ':9[0-9][0-9][0-9] ')" = 1 ]
  [ "$(elements | grep -c relays6)" = 1 ]
}

@test "a port that a program has by IPv6 is refused" {
  python3 -c '
import socket, time
s = socket.socket(socket.AF_INET6); s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1); s.bind(("::", 8099)); s.listen(); time.sleep(100)' 3>&- &
  local pid=$!
  wait_until 5 sh -c 'ss -Hltn6 | grep -q :8099'
  run -125 tare run --rm -p 8099:80 busybox true
  kill $pid
  [[ "$output" == *"port 8099/tcp of the host is in use"* ]]
}

@test "a UDP port whose program would share it is refused, too" {
  python3 -c '
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); s.bind(("127.0.0.1", 8098)); time.sleep(100)' 3>&- &
  local pid=$!
  wait_until 5 sh -c 'ss -Hlun4 | grep -q :8098'
  run -125 tare run --rm -p 8098:80/udp busybox true
  kill $pid
  [[ "$output" == *"port 8098/udp of the host is in use"* ]]
}

@test "a lot of bytes, both ways, half closed; many at once" {
  tare run -d --name sum -p 8080:80 busybox nc -ll -p 80 -e md5sum >/dev/null
  wait_until 5 tare exec sum sh -c 'netstat -ltn | grep -q :80'
  head -c 20000000 /dev/urandom >"$BATS_TEST_TMPDIR/bytes"
  sum=$(md5sum <"$BATS_TEST_TMPDIR/bytes")
  run -0 python3 - "$BATS_TEST_TMPDIR/bytes" <<'PY'
import socket, sys, threading
data = open(sys.argv[1], "rb").read()
out = []
def ask():
    s = socket.create_connection(("::1", 8080), 10)
    s.sendall(data); s.shutdown(socket.SHUT_WR)
    b = b""
    while True:
        c = s.recv(4096)
        if not c: break
        b += c
    out.append(b.decode())
t = [threading.Thread(target=ask) for _ in range(8)]
[x.start() for x in t]; [x.join() for x in t]
print(len(out), set(out))
PY
  [[ "$output" == "8 {'${sum%% *}"* ]]
}

# in_it NAME: a script of Python from stdin, in its network namespace, in the background.
in_it() { nsenter --net="/proc/$(tare inspect "$1" | jq '.[0].State.Pid')/ns/net" python3 - <&0 3>&- & SCRIPT=$!; }

@test "who resets a connection is seen to have done so, on both sides; who reads slowly gets it all" {
  tare run -d --name web -p 8080:80 busybox sleep 1000 >/dev/null
  in_it web >"$BATS_TEST_TMPDIR/saw" <<'PY'
import socket, struct
l = socket.create_server(("0.0.0.0", 80))
for what in range(3):
    s, _ = l.accept()
    try:
        if what == 0:
            while True:
                if not s.recv(65536): print("end"); break
        elif what == 1:
            s.recv(4)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            s.sendall(bytes(range(256)) * 32768)
    except ConnectionResetError: print("reset", flush=True)
    s.close()
PY
  wait_until 5 tare exec web sh -c 'netstat -ltn | grep -q ":80 "'
  run -0 timeout 20 python3 - <<'PY'
import socket, struct, time
def ask():
    return socket.create_connection(("::1", 8080), 10)
s = ask(); s.sendall(b"x" * 100000); time.sleep(0.3)
s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)); s.close()
s = ask(); s.sendall(b"done")
try: print("end", s.recv(1))
except ConnectionResetError: print("reset")
s = ask(); time.sleep(1)
b = b""
while len(b) < 8388608 + 1:
    c = s.recv(65536)
    if not c: break
    b += c
print(b == bytes(range(256)) * 32768)
PY
  [ "$output" = "reset"$'\n'"True" ]
  wait "$SCRIPT"
  [ "$(cat "$BATS_TEST_TMPDIR/saw")" = reset ]
}

@test "datagrams from one port to two addresses are answered by the one that each asked" {
  tare run -d --name web -p 5353:53/udp busybox sleep 1000 >/dev/null
  serve_datagrams web 53 hello
  ip addr add 2001:db8::3/64 dev up0 nodad
  run -0 outside timeout 10 python3 - <<'PY'
import socket
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("2001:db8::2", 4005)); s.settimeout(3)
for at in ("2001:db8::1", "2001:db8::3"):
    s.sendto(b"?", (at, 5353))
    print(s.recvfrom(99)[1][0])
PY
  kill "$UDP"
  ip addr del 2001:db8::3/64 dev up0
  [ "$output" = "2001:db8::1"$'\n'"2001:db8::3" ]
}

@test "the relay: its worker killed it is there again; start, stop, connect and disconnect move it" {
  serve web 80 hello -p 8080:80
  [[ "$(ask ::1 8080)" == hello* ]]
  kill -9 "$(jq .worker "$TARE_STATE/$(tare inspect -f json web 2>/dev/null | jq -r '.[0].Id')/state.json")"
  wait_until 5 eval '[[ "$(ask ::1 8080)" == hello* ]]'
  tare network create one
  tare network connect one web
  tare network disconnect bridge web
  [[ "$(ask ::1 8080)" == hello* ]]
  [[ "$(ask 127.0.0.1 8080)" == hello* ]]
  tare network disconnect one web
  run ask ::1 8080
  [ -z "$output" ]
}

@test "bad ones are refused in one line" {
  tare network create four
  tare network create --ipv6 --subnet fd00:88::/64 six
  for bad in "network create --subnet fd00:88::/80 x2" "network create --subnet fd00:1::/64 --subnet fd00:2::/64 x2" "network create --subnet fe80::/64 x2" \
    "network create --subnet ff00::/64 x2" "network create --subnet fd00:1::/127 x2" "network create --gateway fd00::1 x2" "network create --ipv6 --subnet fd00:1::/64 --gateway fd00:2::1 x2" \
    "network create --ipv6 --opt mtu=1000 x2" "run --rm --network four --ip6 fd00::5 busybox true" "run --rm --network six --ip6 fd00:88::1 busybox true" \
    "run --rm --network six --ip6 fd00:89::1 busybox true" "run --rm --ip6 fd00:88::5 busybox true" "run --rm --network six --ip6 10.0.0.1 busybox true"; do
    # shellcheck disable=SC2086
    run ! tare $bad
    echo "$bad: $output"
    [ "${#lines[@]}" = 1 ]
  done
  tare run -d --name aa --network six --ip6 fd00:88::99 busybox sleep 1000 >/dev/null
  [ "$(ip6_of aa)" = fd00:88::99 ]
  run -125 tare run --rm --network six --ip6 fd00:88::99 busybox true
  [[ "$output" == *"--ip6 fd00:88::99 is in use in network six"* ]]
}

@test "pools: --ip-range and --aux-address" {
  tare network create --subnet 10.78.0.0/24 --ip-range 10.78.0.128/30 --aux-address router=10.78.0.129 pool
  for i in 1 2 3; do tare run -d --name "p$i" --network pool busybox sleep 1000 >/dev/null; done
  for i in 1 2 3; do address_of "p$i"; done | sort >"$BATS_TEST_TMPDIR/got"
  printf '10.78.0.%d\n' 128 130 131 | diff - "$BATS_TEST_TMPDIR/got"
  run -125 tare run --rm --network pool busybox true
  [[ "$output" == *"network pool has no free address"* ]]
  run -125 tare run --rm --network pool --ip 10.78.0.129 busybox true
  [[ "$output" == *"needs that address itself"* ]]
  tare run --rm --network pool --ip 10.78.0.5 busybox true
  run -0 tare network inspect pool
  [ "$(jq -r '.[0].IPAM.Config[0].AuxiliaryAddresses.router' <<<"$output")" = 10.78.0.129 ]
  # of nothing but the subnet's own address
  tare network create --subnet 10.79.0.0/24 --ip-range 10.79.0.0/32 nothing
  run -125 tare run --rm --network nothing busybox true
  [[ "$output" == *"network nothing has no free address: 0 are"* ]]
  # the IPv4 address is free, the one of the same number is not
  tare network create --subnet 10.80.0.0/24 --subnet fd80::/64 both
  tare run -d --name six --network both --ip6 fd80::9 busybox sleep 1000
  run -125 tare run --rm --network both --ip 10.80.0.9 busybox true
  [[ "$output" == *"--ip 10.80.0.9: the IPv6 address that goes with it is in use"* ]]
  tare run --rm --network both --ip 10.80.0.9 --ip6 fd80::10 busybox true
}

@test "an --ip-range of IPv6: what is chosen lies in it, beside the IPv4 address where that is free; a full one is an error" {
  tare network create --subnet 10.78.1.0/24 --ip-range 10.78.1.64/26 --subnet fd00:5::/64 --ip-range fd00:5::100/126 --aux-address x=fd00:5::101 six
  for i in 1 2 3; do
    tare run -d --name "p$i" --network six busybox sleep 1000 >/dev/null
    tare inspect "p$i" | jq -r '.[0].NetworkSettings.Networks.six.GlobalIPv6Address'
  done | sort >"$BATS_TEST_TMPDIR/got"
  printf 'fd00:5::%d\n' 100 102 103 | diff - "$BATS_TEST_TMPDIR/got"
  nsenter --net="/proc/$(tare inspect p3 | jq '.[0].State.Pid')/ns/net" busybox ping -6 -c 1 -w 4 "$(tare inspect p1 | jq -r '.[0].NetworkSettings.Networks.six.GlobalIPv6Address')"
  run -125 tare run --rm --network six busybox true
  [ "${#lines[@]}" = 1 ]
  [[ "$output" == *"network six has no free IPv6 address"* ]]
  tare run --rm --network six --ip6 fd00:5::5 busybox true
  tare rm -f p2
  tare run -d --name p4 --network six busybox sleep 1000 >/dev/null
  [ "$(tare inspect p4 | jq -r '.[0].NetworkSettings.Networks.six.GlobalIPv6Address')" = fd00:5::102 ]
}

@test "more connections than there are descriptors: some are turned away, nothing spins, and later ones come in" {
  (ulimit -n 200; serve web 80 hello -p 8080:80)
  local worker; worker=$(jq .worker "$TARE_STATE/$(tare inspect web | jq -r '.[0].Id')/state.json")
  run -0 python3 - "$worker" <<'PY'
import socket, sys, time
def ticks():
    f = open(f"/proc/{sys.argv[1]}/stat").read().rsplit(")", 1)[1].split()
    return int(f[11]) + int(f[12])
open_ones = []
for _ in range(60):
    s = socket.socket(socket.AF_INET6)
    s.settimeout(3)
    try:
        s.connect(("::1", 8080))
        open_ones.append(s)
    except OSError:
        s.close()
before = ticks()
time.sleep(1)
print("ticks", ticks() - before)
PY
  [ "${output#ticks }" -lt 20 ]
  wait_until 5 eval '[[ "$(ask ::1 8080)" == hello* ]]'
}

@test "datagrams from everywhere leave descriptors for connections" {
  (ulimit -n 200; serve web 80 hello -p 8080:80 -p 5353:53/udp)
  serve_datagrams web 53 hello
  run -0 timeout 20 python3 - <<'PY'
import socket
n = 0
for port in range(10000, 10300):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM); s.bind(("::1", port)); s.settimeout(0.5)
    s.sendto(b"?", ("::1", 5353))
    try: n += s.recv(99).startswith(b"hello")
    except OSError: pass
    s.close()
print(n)
PY
  kill "$UDP"
  [[ "$(ask ::1 8080)" == hello* ]]
  [ "$output" -gt 290 ]
}
