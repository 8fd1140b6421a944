#!/usr/bin/env bats
# Names under attack: by containers, by name servers, and by SIGKILL at any step of tare-netd's.
load ../lib/common
load ../lib/network

DNS=$BATS_TEST_DIRNAME/../lib/dns.py
setup_file() {
  tare_setup_file; load_busybox; world_up
  tare network create net >/dev/null
  nsenter --net="/proc/$OUTSIDE/ns/net" python3 "$DNS" serve 192.0.2.2 3>&- & export WORLD=$!
  wait_until 5 sh -c "nsenter --net=/proc/$OUTSIDE/ns/net ss -lun | grep -q :53"
}
teardown_file() {
  kill "$WORLD"
  remove_all
  tare network rm net; world_down; tare_teardown_file
}
teardown() {
  # shellcheck disable=SC2046
  kill $(jobs -p | grep -v "^$OUTSIDE$" | grep -v "^$WORLD$") 2>/dev/null || true
  remove_all
  wait_until 5 nothing_left
}
netd() { pgrep -x tare-netd | while read -r p; do [ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || echo "$p"; done; }
nothing_left() { [ -z "$(netd)" ] && [ ! -e "$TARE_STATE/netd.sock" ] && [ ! -e "$TARE_STATE/healer.sock" ]; }

# up NAME: a container that asks the world outside; its network namespace is $NAME.
# shellcheck disable=SC2154 # the names it declares
up() { tare run -d --name "$1" --network net --dns 192.0.2.2 busybox sleep 1000 >/dev/null; declare -g "$1=/proc/$(tare inspect "$1" | jq '.[0].State.Pid')/ns/net"; }
dns() { nsenter --net="$1" timeout 20 python3 "$DNS" "${@:2}" | xargs; } # NETNS ARGUMENT...
ask() { dns "$1" ask 127.0.0.11 "${@:2}"; }

@test "hostile answers: only the one that belongs to the question, by whom it was sent to, gets through" {
  up aa
  local was; was=$(netd)
  nsenter --net="$aa" timeout 20 python3 "$DNS" tcp 127.0.0.11 slow.example >"$BATS_TEST_TMPDIR/slow" 2>/dev/null 3>&- & local slow=$!
  for how in good id question source query short empty; do
    [ "$(ask "$aa" $how.example)" = "0 198.51.100.7" ] || { echo "$how: $(ask "$aa" $how.example)"; return 1; }
  done
  # what it says, and be it nonsense, is who asked to judge
  [ "$(ask "$aa" loop.example)" = "0 type 5" ]
  # longer than who asked can take
  [ "$(ask "$aa" big.example)" = "0 tc" ]
  [ "$(ask "$aa" big.example a 4096)" = "0 tc" ]
  [ "$(ask "$aa" big.example a 65000)" = "0 198.51.100.7" ]
  [ "$(dns "$aa" tcp 127.0.0.11 big.example show)" = "0 198.51.100.7" ]
  [ "$(ask "$aa" silent.example)" = 2 ]
  [ "$(ask "$aa" aa)" = "0 $(address_of aa)" ]
  # a connection that is used is not cut off
  [ "$(dns "$aa" again 127.0.0.11 3 6 aa)" = "0 0 0" ]
  # a byte a second is not waited for
  run ! wait $slow
  [ ! -s "$BATS_TEST_TMPDIR/slow" ]
  [ "$(netd)" = "$was" ]
}

# bad ADDRESS CODE: another name server out there, which the test's end ends.
bad() {
  outside ip addr replace "$1/24" dev eth0
  nsenter --net="/proc/$OUTSIDE/ns/net" python3 "$DNS" serve "$1" "$2" 3>&- &
  wait_until 5 sh -c "nsenter --net=/proc/$OUTSIDE/ns/net ss -lun | grep -q $1:53"
}

@test "name servers that refuse, fail, or say nothing: the next one is asked, by UDP and TCP; the last one's word counts" {
  local n code aa
  bad 192.0.2.12 2; bad 192.0.2.15 5; bad 192.0.2.10 mute; bad 192.0.2.13 3
  for n in 12 15 10 11; do # and one that nobody has
    tare run -d --name aa --network net --dns "192.0.2.$n" --dns 192.0.2.2 busybox sleep 1000 >/dev/null
    aa=/proc/$(tare inspect aa | jq '.[0].State.Pid')/ns/net
    [ "$(ask "$aa" host.example)" = "0 198.51.100.7" ] || { echo "$n"; return 1; }
    [ "$(dns "$aa" tcp 127.0.0.11 host.example show)" = "0 198.51.100.7" ] || { echo "$n by TCP"; return 1; }
    tare rm -f aa >/dev/null
  done
  for n in 12:2 15:5 13:3; do
    code=${n#*:}
    tare run -d --name aa --network net --dns 192.0.2.12 --dns "192.0.2.${n%:*}" busybox sleep 1000 >/dev/null
    aa=/proc/$(tare inspect aa | jq '.[0].State.Pid')/ns/net
    [ "$(ask "$aa" host.example)" = "$code" ]
    [ "$(dns "$aa" tcp 127.0.0.11 host.example show)" = "$code" ]
    tare rm -f aa >/dev/null
  done
  # that there is no such name is an answer
  tare run -d --name aa --network net --dns 192.0.2.13 --dns 192.0.2.2 busybox sleep 1000 >/dev/null
  aa=/proc/$(tare inspect aa | jq '.[0].State.Pid')/ns/net
  [ "$(ask "$aa" host.example)" = 3 ]
  [ "$(dns "$aa" tcp 127.0.0.11 host.example show)" = 3 ]
}

@test "hostile questions are answered with what is wrong, or not at all; other types of a name of ours go nowhere" {
  up aa
  local was ip long; was=$(netd) ip=$(address_of aa)
  raw() { dns "$aa" raw 127.0.0.11 "$(tr -d ' ' <<<"$1")"; }
  long=$(printf '3f%0126d' 0 | sed 's/0/1/g'); long=$long$long$long$long$long
  [ "$(raw "1234 0100 0002 0000 0000 0000 03776562 00 0001 0001 03776562 00 0001 0001")" = 1 ]
  [ "$(raw "1234 0100 0000 0000 0000 0000")" = 1 ]
  [ "$(raw "1234 0100 0001 0000 0000 0000 $long 00 0001 0001")" = 1 ]
  [ "$(raw "1234 0100 0001 0000 0000 0000 c00c 0001 0001")" = 1 ]
  [ "$(raw "1234 0100 0001 0000 0000 0000 03776562")" = 1 ]
  [ "$(raw "1234 2800 0001 0000 0000 0000 03776562 00 0001 0001")" = 4 ]
  [ -z "$(raw "1234 8100 0001 0000 0000 0000 03776562 00 0001 0001")" ]
  [ -z "$(raw "1234")" ]
  [ -z "$(raw "")" ]
  [ "$(ask "$aa" aa any)" = "0 $ip" ]
  [ "$(ask "$aa" aa aaaa)" = 0 ] # there is none, and nobody else is asked: the world has an answer to everything
  [ "$(ask "$aa" "$(awk -F. '{ print $4 "." $3 "." $2 "." $1 ".in-addr.arpa" }' <<<"$ip")" ptr)" = "0 type 12" ]
  for kind in axfr ixfr; do
    [ "$(ask "$aa" aa $kind)" = 5 ]
    [ "$(ask "$aa" example $kind)" = 5 ]
  done
  # what only root could say, and is told off for
  python3 -c 'import socket, sys; s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.connect(sys.argv[1]); s.send(b"X"); assert s.recv(9) == b"e"' \
    "$TARE_STATE/netd.sock"
  [ "$(netd)" = "$was" ]
  grep -qE '^Seccomp:\s+2' "/proc/$was/status" || [ -n "$TARE_SANITIZED" ]
}

@test "a container that floods, or leaves connections open, does not keep the others from being answered" {
  up bad; up good
  local ip i; ip=$(address_of good)
  for i in 1 2; do nsenter --net="$bad" python3 "$DNS" flood 127.0.0.11 8 good 3>&- >>"$BATS_TEST_TMPDIR/rate" & done
  sleep 0.5
  for i in 1 2 3 4 5 6 7 8 9 10; do [ "$(ask "$good" good)" = "0 $ip" ]; done
  wait %1 %2 || true
  echo "# flooded with $(xargs <"$BATS_TEST_TMPDIR/rate") questions a second" >&3
  # questions that nobody answers fill its own share alone
  nsenter --net="$bad" python3 "$DNS" flood 127.0.0.11 4 silent.example 3>&- >/dev/null & sleep 0.5
  for i in 1 2 3 4 5; do [ "$(ask "$good" host.example)" = "0 198.51.100.7" ]; done
  # connections
  nsenter --net="$bad" python3 "$DNS" half 127.0.0.11 100 3 3>&- >"$BATS_TEST_TMPDIR/open" & sleep 1
  [ "$(dns "$good" tcp 127.0.0.11 host.example show)" = "0 198.51.100.7" ]
  [ "$(dns "$good" tcp 127.0.0.11 good show)" = "0 $ip" ]
  wait $!
  [ "$(cat "$BATS_TEST_TMPDIR/open")" -gt 0 ]
  [ "$(cat "$BATS_TEST_TMPDIR/open")" -le 40 ] # 16, and those that wait to be accepted
  [ "$(dns "$bad" tcp 127.0.0.11 good show)" = "0 $ip" ]
}

@test "many containers that flood together leave everybody his share" {
  local i name
  for i in $(seq 17); do up "bad$i"; done
  up good
  for i in $(seq 17); do
    name=bad$i
    nsenter --net="${!name}" python3 "$DNS" drip 127.0.0.11 14 silent.example 3>&- >/dev/null &
    nsenter --net="${!name}" python3 "$DNS" half 127.0.0.11 16 14 3>&- >/dev/null &
  done
  sleep 4
  for i in 1 2 3 4 5; do
    [ "$(ask "$good" host.example)" = "0 198.51.100.7" ] || { echo "$i"; return 1; }
    [ "$(dns "$good" tcp 127.0.0.11 host.example show)" = "0 198.51.100.7" ] || { echo "$i by TCP"; return 1; }
  done
}

@test "a forged answer does not reach another container: 127.0.0.11 is nobody's sender on the wire" {
  up bad; up good
  nsenter --net="$good" python3 "$DNS" listen 4444 6 3>&- >"$BATS_TEST_TMPDIR/heard" &
  wait_until 5 sh -c "nsenter --net=$good ss -lun | grep -q :4444"
  for from in 127.0.0.11 127.0.0.1 "$(address_of bad)"; do nsenter --net="$bad" python3 "$DNS" spoof "$from" "$(address_of good)" 4444; done
  wait $!
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = "$(address_of bad)" ] # its own address: the wire works
}

# Clock ticks of the processor that a process has used.
ticks() { awk '{ print $14 + $15 }' "/proc/$1/stat"; }
listens() { nsenter --net="$1" ss -Hlnt | grep -q 127.0.0.11; }

@test "a container's administrator ends tare-netd's sockets in it: that is the end of nobody else's names" {
  up bad; up good
  local was before; was=$(netd)
  listens "$bad"
  nsenter --net="$bad" ss -K -n -l -t >/dev/null
  nsenter --net="$bad" ss -K -n -u -a >/dev/null
  ! listens "$bad" || skip "this kernel ends no sockets on demand (CONFIG_INET_DIAG_DESTROY)"
  before=$(ticks "$was")
  sleep 1
  [ "$(netd)" = "$was" ]
  [ $(($(ticks "$was") - before)) -lt 20 ] # nor does it turn in circles
  [ "$(ask "$good" good)" = "0 $(address_of good)" ]
  [ "$(dns "$good" tcp 127.0.0.11 good show)" = "0 $(address_of good)" ]
}

@test "the host's name server is a stub on 127.0.0.53: containers with names reach it through tare-netd" {
  python3 "$DNS" serve 127.0.0.53 3>&- & local pid=$!
  wait_until 5 sh -c "ss -lun | grep -q 127.0.0.53:53"
  printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch example\n' >"$BATS_TEST_TMPDIR/stub"
  printf 'nameserver 192.0.2.2\n' >"$BATS_TEST_TMPDIR/real"
  # as with systemd-resolved
  with_stub() {
    unshare -m sh -c 'mount --bind "$1/stub" /etc/resolv.conf && mount -t tmpfs none /run && mkdir -p /run/systemd/resolve && cp "$1/real" /run/systemd/resolve/resolv.conf &&
      shift && exec "$@"' sh "$BATS_TEST_TMPDIR" "$TARE_BIN/tare" "$@"
  }
  with_stub run -d --name aa --network net busybox sleep 1000 >/dev/null
  local aa; aa=/proc/$(live_pid aa)/ns/net
  [ "$(ask "$aa" host.example)" = "0 198.51.100.7" ]
  [ "$(dns "$aa" tcp 127.0.0.11 host.example show)" = "0 198.51.100.7" ]
  kill $pid; wait $pid || true
  [ "$(ask "$aa" host.example)" = 2 ] # it was that one
  # without names: what the stub asks itself
  [ "$(with_stub run --rm busybox cat /etc/resolv.conf | xargs)" = "nameserver 192.0.2.2 search example options edns0 trust-ad" ]
  with_stub run --rm --network net --dns-search a.example --dns-search b.example --dns-option ndots:2 busybox cat /etc/resolv.conf >"$BATS_TEST_TMPDIR/said"
  [ "$(xargs <"$BATS_TEST_TMPDIR/said")" = "nameserver 127.0.0.11 search a.example b.example options ndots:2" ]
}
live_pid() { jq .pid "$TARE_STATE/$(sqlite3 "$TARE_ROOT/catalog.db" "SELECT id FROM containers WHERE name = '$1'")/state.json"; }

@test "a tare-netd in other hands: tare looks for nobody but containers at its word" {
  up aa
  local id; id=$(tare inspect aa | jq -r '.[0].Id')
  hold_healer
  kill -9 "$(netd)"
  # a folder that looks like a container's, and leads to somebody who is none
  mkdir "$TARE_STATE/../evil"
  jq --argjson pid $$ --argjson start "$(awk '{ print $22 }' /proc/$$/stat)" '.pid = $pid | .startTime = $start' "$TARE_STATE/$id/state.json" >"$TARE_STATE/../evil/state.json"
  python3 - "$TARE_STATE/netd.sock" "$id" >"$BATS_TEST_TMPDIR/told" <<'END' 3>&- &
import os, socket, sys, threading
def serve(c, _):
    while m := c.recv(100):
        print(m.decode(), flush=True)
        c.send(b"k" + b"../".ljust(60, b"/") + b"evil" + sys.argv[2].encode() if m == b"T" else b"k")
os.unlink(sys.argv[1])
l = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
l.bind(sys.argv[1])
l.listen()
while True:
    threading.Thread(target=serve, args=l.accept(), daemon=True).start()
END
  local fake=$!
  wait_until 5 sh -c "ss -Hlx | grep -q $TARE_STATE/netd.sock"
  tare run --rm --network net busybox true
  kill $fake
  [ "$(sort -u "$BATS_TEST_TMPDIR/told" | grep -c "^S$id")" = 1 ]
  run ! grep evil "$BATS_TEST_TMPDIR/told"
  let_healer_go
  rm -r "$TARE_STATE/../evil"
}

@test "a tare-netd that answers nobody holds up no command and no start for long" {
  up aa
  local was; was=$(netd)
  kill -STOP "$was"
  python3 - "$TARE_STATE/netd.sock" "$BATS_TEST_TMPDIR/full" 3>&- <<'END' &
import socket, sys, time
held = []
while True:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.setblocking(False)
    held.append(s)
    try:
        s.connect(sys.argv[1])
    except BlockingIOError:
        open(sys.argv[2], "w")
        time.sleep(100)
END
  local full=$!
  wait_until 5 [ -e "$BATS_TEST_TMPDIR/full" ]
  local ps=0; timeout 2 "$TARE_BIN/tare" ps >/dev/null || ps=$?
  run timeout 20 "$TARE_BIN/tare" run --rm --network net busybox echo goes
  kill -CONT "$was"
  [ "$ps" = 0 ]
  [ "$status" = 0 ]
  [[ "$output" == *"connect to tare-netd"*"goes"* ]]
  kill $full
  tare ps >/dev/null
  [ "$(ask "$aa" aa)" = "0 $(address_of aa)" ]
  [ "$(netd)" = "$was" ]
}

# Our programs, with a tare-netd that is killed at its N-th call of a kind, once: when says CALL:N, or nothing.
programs() {
  export FAULTY=$BATS_FILE_TMPDIR/bin
  mkdir -p "$FAULTY"
  cp -L "$TARE_BIN"/tare* "$FAULTY"
  mv "$FAULTY/tare-netd" "$FAULTY/real-netd"
  cat >"$FAULTY/tare-netd" <<EOF
#!/bin/sh
when=\$(cat "$FAULTY/when"); : >"$FAULTY/when"
[ "\$#" = 0 ] && [ -n "\$when" ] || exec "$FAULTY/real-netd" "\$@"
exec strace -q -o "$FAULTY/log.\$when" -e inject="\${when%:*}":signal=KILL:when="\${when#*:}" "$FAULTY/real-netd"
EOF
  chmod +x "$FAULTY/tare-netd"
}
every_step() {
  for call in execve:1 fcntl:3 brk:2 mmap:8 epoll_create1:1 epoll_ctl:8 setgroups:1 setresuid:1 prctl:2 landlock_restrict_self:1 seccomp:1 \
    epoll_pwait:16 accept4:4 recvmsg:8 lseek:3 munmap:3 sendto:10 recvfrom:6 close:6; do
    seq -f "${call%:*}:%.0f" "${call#*:}"
  done
}
knows() { nsenter --net="$1" timeout 3 busybox nslookup -type=a "$2" 127.0.0.11 2>/dev/null | grep -q "Address.* $3\$"; }
answered() { [ "$(ask "$1" "$2")" = "0 $3" ]; }
mended() { "$FAULTY/tare" ps >/dev/null && answered "$@" 2>/dev/null; }

@test "tare-netd killed at any step: containers start, and names are there after the next command" {
  local seed=${TARE_TEST_SEED:-$RANDOM} step
  echo "# seed $seed" >&3
  programs
  for step in $(every_step | shuf --random-source=<(yes "$seed") -n "$([ -n "${TARE_TEST_LONG:-}" ] && echo 1000 || echo 12)"); do
    echo "$step" >"$FAULTY/when"
    "$FAULTY/tare" run -d --name aa --network net busybox sleep 1000 >/dev/null
    "$FAULTY/tare" run -d --name bb --network net busybox sleep 1000 >/dev/null
    aa=/proc/$(live_pid aa)/ns/net
    ask "$aa" bb >/dev/null 2>&1 || true
    : >"$FAULTY/when"
    wait_until 15 mended "$aa" bb "$("$FAULTY/tare" inspect bb | jq -r '.[0].NetworkSettings.IPAddress')" || { echo "killed at $step"; return 1; }
    "$FAULTY/tare" rm -f aa bb >/dev/null
    wait_until 5 nothing_answers || { echo "killed at $step"; return 1; }
  done
  grep -q "killed by SIGKILL" "$FAULTY"/log.*
}
nothing_answers() { [ ! -e "$TARE_STATE/netd.sock" ] && ! pgrep -f "^$FAULTY/real-netd$" >/dev/null; }

@test "fifty containers start at once while tare-netd is killed again and again" {
  local pids=() i
  (while :; do p=$(netd); [ -z "$p" ] || kill -9 $p 2>/dev/null; sleep "0.$((RANDOM % 3))$((RANDOM % 10))"; done) 3>&- & local killer=$!
  for i in $(seq 50); do tare run -d --name "n$i" --network net busybox sleep 1000 >/dev/null 3>&- 2>>"$BATS_TEST_TMPDIR/said" & pids+=($!); done
  for p in "${pids[@]}"; do wait "$p"; done
  kill $killer; wait $killer || true
  [ "$(sqlite3 "$TARE_ROOT/catalog.db" "SELECT count(*) FROM containers WHERE status = 'running'")" = 50 ]
  # whoever had no one to give his sockets to has them given for him; without a command
  local ip; ip=$(sqlite3 "$TARE_ROOT/catalog.db" "SELECT ip FROM endpoints e JOIN containers c ON c.id = e.container WHERE c.name = 'n33'")
  for i in $(seq 50); do
    aa=/proc/$(live_pid "n$i")/ns/net
    wait_until 10 knows "$aa" n33 "${ip%/*}" || { echo "n$i"; return 1; }
  done
}
