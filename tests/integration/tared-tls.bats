#!/usr/bin/env bats
# TLS of tared: who is let in, what goes through, and what the process that does it may do.
load ../lib/common

setup_file() {
  tare_setup_file
  cd "$BATS_FILE_TMPDIR" || return 1
  cp "$TARE_BUILD/tests/lib/http-probe" . && ln -s "$(realpath "$TARE_BIN/tare-tls")" . # it is looked for beside the program
  authority ca && authority other
  certificate server ca localhost && certificate client ca alice && certificate stranger other mallory
}
teardown_file() { tare_teardown_file; }

authority() { # NAME
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.pem" -subj "/CN=$1" -days 2 2>/dev/null
}
certificate() { # NAME AUTHORITY CN
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout "$1.key" -out "$1.csr" -subj "/O=tests/CN=$3" 2>/dev/null
  printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n' >"$1.ext"
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -out "$1.pem" -extfile "$1.ext" 2>/dev/null
}

setup() {
  cd "$BATS_FILE_TMPDIR" || return 1
  export PYTHONPATH=$BATS_TEST_DIRNAME/../lib
  pid=
}

teardown() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  [ -z "$pid" ] || wait "$pid" || true
}

serve() {
  "$@" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  pid=$!
  for _ in $(seq 200); do
    ! grep -q listening "$BATS_TEST_TMPDIR/log" || return 0
    kill -0 "$pid" || break
    sleep 0.02
  done
  cat "$BATS_TEST_TMPDIR/log"
  return 1
}
probe() { PROBE_CERT=server.pem PROBE_KEY=server.key PROBE_CA=ca.pem serve ./http-probe tcp://127.0.0.1:2376; }
as() { curl -s --cacert ca.pem --cert "$1.pem" --key "$1.key" "${@:2}"; }
python() { python3 -c "import os, ssl, sys, time
from http_raw import *
pid = int('${pid:-0}')
context = ssl.create_default_context(cafile='ca.pem')
context.load_cert_chain('client.pem', 'client.key')
def secure():
    return context.wrap_socket(socket.create_connection(('127.0.0.1', 2376), timeout=20), server_hostname='localhost')
$1"; }

@test "clients with a certificate of ours, and no others" {
  probe
  [ "$(as client https://localhost:2376/_ping)" = OK ]
  [ "$(as client https://localhost:2376/things/x | jq -c '[.name, .peer]')" = '["alice",-1]' ]
  run -0 as client --tls-max 1.2 https://localhost:2376/_ping
  [ "$output" = OK ]
  run as client --tls-max 1.1 https://localhost:2376/_ping
  [ "$status" -ne 0 ]
  run as stranger https://localhost:2376/_ping
  [ "$status" -ne 0 ] && [ -z "$output" ]
  run curl -s --cacert ca.pem https://localhost:2376/_ping
  [ "$status" -ne 0 ] && [ -z "$output" ]
  run curl -s http://localhost:2376/_ping
  [ "$status" -ne 0 ] && [ -z "$output" ]
  # who was refused left nothing, and the next one is served
  [ "$(as client https://localhost:2376/_ping)" = OK ]
  grep -q 'tare-tls: a client of TLS: ' "$BATS_TEST_TMPDIR/log"
}

@test "without --tlsverify: anybody, who has no name" {
  PROBE_CERT=server.pem PROBE_KEY=server.key serve ./http-probe tcp://127.0.0.1:2376
  [ "$(curl -s --cacert ca.pem https://localhost:2376/things/x | jq -c '[.name, .peer]')" = '[null,-1]' ]
  [ "$(as stranger https://localhost:2376/things/x | jq -c '[.name, .peer]')" = '[null,-1]' ]
}

@test "what goes through: requests one after another, large bodies both ways, a hijacked connection that is half closed" {
  probe
  python '
c = http.client.HTTPSConnection("localhost", 2376, context=context, timeout=20)
def ask(*what):
    c.request(*what)
    return c.getresponse().read()
data = os.urandom(1_200_000)
for _ in range(3):
    assert ask("POST", "/echo", data) == data
    assert ask("GET", "/_ping") == b"OK"
    assert ask("GET", "/stream?n=100") == b"{\"line\":1}\r\n" * 100
# by hand: a half close is a close_notify, and what the other side still says comes behind it
tcp = socket.create_connection(("127.0.0.1", 2376), timeout=20)
coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
t = context.wrap_bio(coming, going, server_hostname="localhost")
def until_done(what, *args):
    while True:
        try:
            r = what(*args)
            tcp.sendall(going.read())
            return r
        except ssl.SSLWantReadError:
            tcp.sendall(going.read())
            coming.write(tcp.recv(65536))
until_done(t.do_handshake)
until_done(t.write, b"POST /hijack HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
assert until_done(t.read, 10000).startswith(b"HTTP/1.1 101 ")
until_done(t.write, b"hello")
assert until_done(t.read, 100) == b"hello"
try:
    t.unwrap()
except ssl.SSLWantReadError:
    pass
tcp.sendall(going.read())
assert until_done(t.read, 100) == b"bye\n"
'
}

@test "the front is killed: what is at work goes on through TLS" {
  probe
  python '
s = secure()
s.sendall(b"POST /hijack HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n")
until(s, b"\r\n\r\n")
os.kill(pid, 9)
s.sendall(b"still")
assert s.recv(100) == b"still"
'
}

@test "its process: nobody, no rights, no files, few system calls, and gone with its connection" {
  [ -z "$TARE_SANITIZED" ] || skip "a sanitizer does without the filter"
  probe
  python '
s = secure()
s.sendall(b"GET /_ping HTTP/1.1\r\n\r\n")
until(s, b"OK")
tls = children(pid)
assert len(tls) == 1, tls
status = dict(line.split(":\t", 1) for line in open("/proc/%d/status" % tls[0]).read().splitlines() if ":\t" in line)
assert status["Name"] == "tare-tls" and status["Uid"].split() == ["65534"] * 4 and status["Groups"].strip() == "", status
assert status["NoNewPrivs"] == "1" and status["Seccomp"] == "2" and all(int(status[c], 16) == 0 for c in ("CapEff", "CapPrm", "CapInh", "CapAmb")), status
assert sorted(os.listdir("/proc/%d/fd" % tls[0])) == ["0", "1", "2", "3", "4"]
before = fds(pid)
more = [secure() for _ in range(30)]
for m in more:
    m.sendall(b"GET /_ping HTTP/1.1\r\n\r\n")
for m in more:
    until(m, b"OK")
assert len(children(pid)) == 31
for m in more:
    m.close()
wait_for(lambda: len(children(pid)) == 1 and fds(pid) <= before)
os.kill(tls[0], 9)
assert rest(s) == b""
wait_for(lambda: not children(pid))
'
}

@test "many who connect and say nothing: so many processes and no more, others get in all the same, and they end with their connections" {
  probe
  python '
held = [socket.create_connection(("127.0.0.1", 2376), timeout=20) for _ in range(250)]
wait_for(lambda: len(children(pid)) >= 120)
time.sleep(0.3)
assert len(children(pid)) < 160, len(children(pid)) # 128, and those that were ended just now
s = secure() # behind all of them: the oldest have to go
s.sendall(b"GET /_ping HTTP/1.1\r\n\r\n")
assert until(s, b"OK").startswith(b"HTTP/1.1 200 OK")
for h in held:
    h.close()
wait_for(lambda: len(children(pid)) == 1 and fds(pid) < 40)
'
}

@test "connections are counted for each name" {
  probe
  certificate bob ca bob
  python '
s = secure()
s.sendall(b"GET /things/x HTTP/1.1\r\n\r\n")
assert b"alice" in until(s, b"}")
other = ssl.create_default_context(cafile="ca.pem")
other.load_cert_chain("bob.pem", "bob.key")
t = other.wrap_socket(socket.create_connection(("127.0.0.1", 2376), timeout=20), server_hostname="localhost")
t.sendall(b"GET /things/x HTTP/1.1\r\n\r\n")
assert b"bob" in until(t, b"}")
s.close()
t.sendall(b"GET /things/x HTTP/1.1\r\nConnection: close\r\n\r\n")
assert b"bob" in rest(t)
wait_for(lambda: not children(pid))
'
}

@test "files that are not fit end the start" {
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tls
  [ "$output" = "tared: TLS: name the server's certificate and its key, --tlscert and --tlskey" ]
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tlsverify --tlscert server.pem --tlskey server.key
  [ "$output" = "tared: TLS: name who signs the certificates of clients, --tlscacert" ]
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tls --tlscert server.pem --tlskey client.key
  [ "$output" = "tared: TLS: the key (tlskey): key values mismatch" ]
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tls --tlscert server.key --tlskey server.key
  [[ $output == "tared: TLS: the server's certificate (tlscert): "* ]]
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tls --tlscert none.pem --tlskey server.key
  [[ $output == "tared: TLS: read none.pem: No such file"* ]]
  run -1 "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tlsverify --tlscacert server.key --tlscert server.pem --tlskey server.key
  [[ $output == "tared: TLS: who signs clients (tlscacert): "* ]]
}

@test "docker itself: a container's streams, input that ends, an exit code; and rules by certificate" {
  load_busybox
  cat >rules.json <<END
{ "tare-authorization": [ { "certificate": "alice", "role": "full" }, { "certificate": "looker", "role": "read-only" } ] }
END
  certificate looker ca looker
  serve "$TARE_BIN/tared" -H tcp://127.0.0.1:2376 --tlsverify --tlscacert ca.pem --tlscert server.pem --tlskey server.key --config rules.json
  secure() { docker -H tcp://127.0.0.1:2376 --tlsverify --tlscacert ca.pem --tlscert "$1.pem" --tlskey "$1.key" "${@:2}"; }
  [ "$(echo input | secure client run --rm -i busybox sh -c 'cat; echo more')" = "input
more" ]
  run -7 secure client run --rm busybox sh -c 'exit 7'
  secure client create --name kept busybox true
  [ "$(secure looker ps -a --format '{{.Names}}')" = kept ]
  run secure looker rm kept
  [[ $output == *"whose role is read-only: DELETE"* ]]
  run secure stranger ps
  [ "$status" -ne 0 ]
  secure client rm kept
}
