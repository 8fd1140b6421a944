#!/usr/bin/env bats
# tared's server: HTTP as clients, fools and enemies send it; processes, limits, sockets. What is said of containers is elsewhere. The server of
# http-probe is the same one with requests of these tests.
load ../lib/common

setup_file() { tare_setup_file; }
teardown_file() { tare_teardown_file; }

setup() {
  export SOCKET=$BATS_TEST_TMPDIR/s.sock PYTHONPATH=$BATS_TEST_DIRNAME/../lib
  pid=
}

teardown() {
  [ -z "$pid" ] || kill "$pid" 2>/dev/null || true
  [ -z "$pid" ] || wait "$pid" || true
}

# serve PROGRAM ARG...: in the background, listening when this comes back.
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
probe() { serve "$TARE_BUILD/tests/lib/http-probe" "unix://$SOCKET"; }
tared() { serve "$TARE_BIN/tared" -H "unix://$SOCKET" "$@"; }
python() { python3 -c "import os, sys, time, json, threading
from http_raw import *
path, pid = os.environ['SOCKET'], int('${pid:-0}')
$1"; }

@test "ping: its headers, GET and HEAD, with a version and without; versions we do not know" {
  tared
  run -0 curl -sI --unix-socket "$SOCKET" http://x/_ping
  for h in 'HTTP/1.1 200 OK' 'Api-Version: 1.51' 'Ostype: linux' 'Docker-Experimental: false' 'Builder-Version: 1' 'Content-Length: 0' 'Pragma: no-cache' \
    'Cache-Control: no-cache, no-store, must-revalidate' 'Server: tare/'; do
    grep -q "^$h" <<<"$output"
  done
  [ "$(curl -s --unix-socket "$SOCKET" http://x/_ping)" = OK ]
  [ "$(curl -s --unix-socket "$SOCKET" http://x/v1.24/_ping)" = OK ]
  [ "$(curl -s -w '%{http_code}' --unix-socket "$SOCKET" http://x/v1.99/_ping)" = '{"message":"client version 1.99 is too new. Maximum supported API version is 1.51"}
400' ]
  [ "$(curl -s -w '%{http_code}' --unix-socket "$SOCKET" http://x/v1.23/info)" = '{"message":"client version 1.23 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version"}
400' ]
  [ "$(curl -s -w '%{http_code}' --unix-socket "$SOCKET" http://x/v1.41/no/such)" = '{"message":"page not found"}
404' ]
  [ "$(curl -s -w '%{http_code}' -X DELETE --unix-socket "$SOCKET" http://x/_ping)" = '{"message":"page not found"}
404' ]
}

@test "what is no HTTP, or more of it than we take: a status, a message, and the end of the connection" {
  probe
  python '
head = b"GET /things/x HTTP/1.1\r\n"
for want, data in (
    (400, b"garbage\r\n\r\n"),
    (400, b"\x16\x03\x01\x02\x00\x01\x00"),
    (505, b"GET /things/x\r\n\r\n"),
    (505, b"GET /things/x HTTP/2.0\r\n\r\n"),
    (400, head + b"a b: c\r\n\r\n"),
    (400, head + b" folded: c\r\n\r\n"),
    (400, head + b"name : c\r\n\r\n"),
    (400, head + b": c\r\n\r\n"),
    (400, head + b"a: b\r\n: c\r\n\r\n"),
    (400, head + b":\r\n\r\n"),
    (400, head + b"a: b\0c\r\n\r\n"),
    (400, b"POST /json HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd"),
    (400, b"POST /json HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
    (400, b"POST /json HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n"),
    (400, b"POST /json HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (501, b"POST /json HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\nabc"),
    (501, b"POST /json HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"),
    (501, b"POST /json HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    (505, b"GET /things/x HTTP/3.0\r\n\r\n"),
    (505, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    (431, head + b"a: " + b"x" * 70000 + b"\r\n\r\n"),
    (431, b"GET /" + b"x" * 70000 + b" HTTP/1.1\r\n\r\n"),
    (431, head + b"a: b\r\n" * 200 + b"\r\n"),
    (400, b"GET /things/x?a=%zz HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (400, b"GET /things/x?a=%00 HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (400, b"GET /things/%00 HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (400, b"GET /things/%4 HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (404, b"GET /things// HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (404, b"GET " + b"/x" * 1000 + b" HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (404, b"OPTIONS * HTTP/1.1\r\nConnection: close\r\n\r\n"),
    (400, b"POST /json HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n"),
):
    answer = raw(path, data)
    assert status(answer) == want, (data[:60], answer)
    body = answer.split(b"\r\n\r\n", 1)[1]
    assert list(json.loads(body)) == ["message"] and body.endswith(b"}\n"), answer
'
  # and it goes on
  [ "$(curl -s --unix-socket "$SOCKET" http://x/_ping)" = OK ]
}

@test "what is unusual, and is HTTP: an empty Host or none, HTTP/1.0, a target with a host, empty lines before, byte by byte" {
  probe
  python '
assert status(raw(path, b"GET /things/x HTTP/1.1\r\nHost: \r\nConnection: close\r\n\r\n")) == 200
assert status(raw(path, b"GET /things/x HTTP/1.1\r\nConnection: close\r\n\r\n")) == 200
assert status(raw(path, b"\r\n\r\nGET http://engine/things/x HTTP/1.1\r\nConnection: close\r\n\r\n")) == 200
assert status(raw(path, b"GET /things/x HTTP/1.1\r\nA:\r\nB:\r\nX-Test:\r\nC: d\r\nConnection: close\r\n\r\n")) == 200
old = raw(path, b"GET /stream HTTP/1.0\r\n\r\n")
assert old.endswith(b"\r\n\r\n" + b"{\"line\":1}\r\n" * 3) and b"Transfer-Encoding" not in old, old
assert raw(path, b"GET /_ping HTTP/1.0\r\n\r\n").endswith(b"\r\n\r\nOK")
s = connect(path)
for b in b"GET /things/x?k=1 HTTP/1.1\r\nX-Test: slow\r\nConnection: close\r\n\r\n":
    s.send(bytes([b]))
assert b"\"header\":\"slow\"" in rest(s)
# three at once, on one connection, and the client says that there will be no more
for target in (b"/_ping", b"/things/x"):
    answer = raw(path, b"GET " + target + b" HTTP/1.1\r\n\r\n" * 1 + b"GET " + target + b" HTTP/1.1\r\n\r\n" + b"GET /_ping HTTP/1.1\r\n\r\n", True)
    assert answer.count(b"HTTP/1.1 200 OK") == 3, answer
'
}

@test "thousands of pings in one write, and of what a process answers between them: each has its answer, and the front goes on" {
  probe
  python '
s = connect(path)
ping = b"GET /_ping HTTP/1.1\r\n\r\n"
heads = ping * 1000 + b"GET /things/x HTTP/1.1\r\n\r\n" + ping * 700 + b"GET /_ping HTTP/1.1\r\nConnection: close\r\n\r\n"
sender = threading.Thread(target=s.sendall, args=(heads,))
sender.start()
answers = rest(s)
sender.join()
assert answers.count(b"HTTP/1.1 200 OK") == 1702, answers.count(b"HTTP/1.1 200 OK")
# nobody reads the answers: no more of them are made than there is room for
s = connect(path)
try:
    s.sendall(ping * 100000)
except OSError:
    pass
assert Unix(path).ask("GET", "/_ping")[0] == 200
'
  kill -0 "$pid"
}

@test "path, query, header, version and peer as the handler sees them" {
  probe
  python '
c = Unix(path)
def show(target, **h):
    code, body, _ = c.ask("GET", target, headers=h)
    assert code == 200, body
    return json.loads(body)
r = show("/v1.41/things/127.0.0.1:5003/a%2Fb%25/x/show?k=1&k=two+words&k=%26&number=-7&yes=False", **{"X-Test": "v"})
assert r == {"api": 141, "param": "127.0.0.1:5003/a/b%/x", "header": "v", "k": ["1", "two words", "&"], "yes": False, "number": -7, "peer": os.getuid(), "name": None}, r
r = show("/things/show")
assert r["api"] == 151 and r["param"] == "show" and r["k"] == [] and r["yes"] is True and r["number"] == -1 and r["header"] is None, r
assert show("/things/show/show/show")["param"] == "show/show"
for no in ("", "0", "no", "NONE", "false", "+none+"):
    assert show("/things/x?yes=" + no)["yes"] is False, no
for yes in ("1", "true", "x", "True"):
    assert show("/things/x?yes=" + yes)["yes"] is True, yes
assert c.ask("GET", "/things/x?number=1x")[:2] == (400, b"{\"message\":\"number=1x: want a whole number\"}\n")
assert c.ask("GET", "/absent")[:2] == (503, b"{\"message\":\"there are no swarms here\"}\n")
'
}

@test "JSON bodies: by length, in chunks, none, too large, of another type, asked for with Expect" {
  probe
  python '
c = Unix(path)
js = {"Content-Type": "application/json; charset=utf-8"}
assert c.ask("POST", "/json", b"{\"a\": [1, null]}", js)[:2] == (200, b"{\"body\":{\"a\":[1,null]}}\n")
assert c.ask("POST", "/json", iter([b"{\"a\"", b":", b"true}"]), js, encode_chunked=True)[:2] == (200, b"{\"body\":{\"a\":true}}\n")
assert c.ask("POST", "/json")[:2] == (200, b"{}\n")
assert c.ask("POST", "/json", b"", {"Content-Type": "text/plain"})[:2] == (200, b"{}\n")
code, body, r = c.ask("POST", "/json", b"{\"a\"", js)
assert code == 400 and b"invalid JSON" in body, body
code, body, r = c.ask("POST", "/json", b"{}", {"Content-Type": "text/plain"})
assert (code, body) == (400, b"{\"message\":\"unsupported Content-Type header (text/plain): must be \x27application/json\x27\"}\n"), body
code, body, r = c.ask("POST", "/json", b"[" + b"1," * 2000 + b"1]", js)
assert code == 413 and b"larger than 1000 bytes" in body, body
code, body, r = c.ask("POST", "/json", iter([b"[" + b"1," * 900, b"1," * 900 + b"1]"]), js, encode_chunked=True)
assert code == 413 and body == b"{\"message\":\"the body of the request is larger than 1000 bytes\"}\n", (code, body)
code, body, r = c.ask("POST", "/json", b"[" * 400 + b"]" * 400, js)
assert code == 400 and b"invalid JSON" in body, body
s = connect(path)
s.sendall(b"POST /json HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n")
assert until(s, b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
s.sendall(b"[]")
assert rest(s).endswith(b"\r\n\r\n{\"body\":[]}\n")
# the body is not wanted: no 100, the answer, and the end, for nobody knows whether it still comes
answer = raw(path, b"POST /no HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
assert status(answer) == 404 and b"Connection: close" in answer, answer
# a body that no handler asks for does not disturb the next request
assert c.ask("POST", "/no", b"x" * 5000)[0] == 404
assert c.ask("GET", "/things/x")[0] == 200
'
}

@test "streams in and out: whole, cut off, and with a client that goes away amid them" {
  probe
  python '
c = Unix(path)
data = os.urandom(1_200_000) # what pipes and sockets hold: this client reads when it has sent all
pieces = [data[i:i + 70001] for i in range(0, len(data), 70001)]
for _ in range(2):
    assert c.ask("POST", "/echo", iter(pieces), encode_chunked=True)[1] == data
    assert c.ask("POST", "/echo", data)[1] == data
    assert c.ask("POST", "/count", data)[1] == b"1200000\n"
assert c.ask("POST", "/echo")[1] == b""
sock = c.sock
assert c.ask("GET", "/stream?n=100")[1] == b"{\"line\":1}\r\n" * 100
assert c.ask("HEAD", "/stream")[1] == b"" and c.sock is sock
for target in (("POST", "/echo?cut=1", b"abc"), ("GET", "/stream?fail=1", None)):
    try:
        c.ask(*target)
        sys.exit("%s was whole" % target[1])
    except http.client.IncompleteRead:
        c.close()
# half a body, by length and in chunks
for head in (b"Content-Length: 100\r\n\r\nabc", b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"):
    answer = raw(path, b"POST /count HTTP/1.1\r\n" + head, True)
    assert status(answer) == 503 and b"did not come whole" in answer, answer
# nobody reads what is sent, and goes away: the process ends
s = connect(path)
s.sendall(b"POST /echo HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n" + b"x" * 300000)
wait_for(lambda: len(children(pid)) == 1)
s.close()
wait_for(lambda: not children(pid))
'
}

@test "a connection is hijacked: by 101 and by 200, with early bytes, half closed" {
  probe
  python '
up = b"Connection: Upgrade\r\nUpgrade: tcp\r\n"
answer = raw(path, b"POST /hijack HTTP/1.1\r\n" + up + b"\r\nearly", True)
head, body = answer.split(b"\r\n\r\n", 1)
assert head.startswith(b"HTTP/1.1 101 UPGRADED\r\n") and b"\r\nUpgrade: tcp" in head and b"\r\nConnection: Upgrade" in head and b"Content-Type: application/vnd.docker.raw-stream" in head, head
assert body == b"earlybye\n", body
# a body, as exec start has one
answer = raw(path, b"POST /hijack HTTP/1.1\r\n" + up + b"Content-Length: 2\r\n\r\n{}early", True)
assert answer.startswith(b"HTTP/1.1 101 ") and answer.endswith(b"\r\n\r\nearlybye\n"), answer
answer = raw(path, b"POST /hijack HTTP/1.1\r\nContent-Length: 0\r\n\r\nearly", True)
assert answer.startswith(b"HTTP/1.1 200 OK\r\n") and answer.endswith(b"\r\n\r\nearlybye\n"), answer
s = connect(path)
s.sendall(b"POST /hijack HTTP/1.1\r\n" + up + b"\r\n")
until(s, b"\r\n\r\n")
for i in range(3):
    s.sendall(b"turn %d" % i)
    assert s.recv(100) == b"turn %d" % i
# the front is killed: it goes on
os.kill(pid, 9)
s.sendall(b"still")
assert s.recv(100) == b"still"
s.shutdown(socket.SHUT_WR)
assert rest(s) == b"bye\n"
'
}

@test "the front is killed while a request is at work: its answer comes" {
  probe
  python '
s = connect(path)
s.sendall(b"GET /later?ms=300 HTTP/1.1\r\n\r\n")
wait_for(lambda: children(pid))
os.kill(pid, 9)
assert rest(s).endswith(b"\r\n\r\nat last\n")
'
}

@test "a handler that dies, and one that says nothing, cost their own request alone" {
  probe
  python '
assert raw(path, b"GET /crash HTTP/1.1\r\n\r\n") == b""
c = Unix(path)
assert c.ask("GET", "/nothing")[:2] == (500, b"{\"message\":\"this request was not answered\"}\n")
assert c.ask("GET", "/things/x")[0] == 200
for code in (204, 304):
    status, body, r = c.ask("GET", "/empty?status=%d" % code)
    assert status == code and body == b"" and r.getheader("Content-Length") is None
assert c.ask("GET", "/things/x")[0] == 200
'
  grep -q 'GET /nothing: this request was not answered' "$BATS_TEST_TMPDIR/log"
}

@test "a client that goes away is noticed by who waits, and by the front" {
  probe
  python '
told = os.environ["SOCKET"] + ".told"
before = fds(pid)
s = connect(path)
s.sendall(b"GET /gone?path=" + told.encode() + b" HTTP/1.1\r\n\r\n")
until(s, b"\r\n\r\n")
s.close()
wait_for(lambda: os.path.exists(told) and open(told).read() == "gone\n")
wait_for(lambda: fds(pid) <= before + 1) # and a timer
held = [connect(path) for _ in range(50)]
for s in held[:25]:
    s.sendall(b"GET /things")
wait_for(lambda: fds(pid) >= before + 50)
for s in held:
    s.close()
wait_for(lambda: fds(pid) <= before + 1) # and a timer
'
}

@test "1,000 pings and 200 requests at the same time; 10,000 after one another, and no more memory or descriptors than before" {
  tared
  python >&3 '
ping = b"GET /_ping HTTP/1.1\r\n\r\n"
many = [connect(path) for _ in range(1000)]
for s in many:
    s.sendall(ping)
for s in many:
    assert until(s, b"\r\n\r\nOK").count(b"200 OK") == 1
    s.close()
many = [connect(path) for _ in range(200)]
for s in many:
    s.sendall(b"GET /no/such HTTP/1.1\r\nConnection: close\r\n\r\n")
for s in many:
    assert status(rest(s)) == 404
c = Unix(path)
def some(n):
    for i in range(n):
        assert c.ask("GET", "/no/such" if i % 20 == 0 else "/_ping")[0] in (200, 404)
some(200)
wait_for(lambda: not children(pid))
before = rss(pid), fds(pid)
some(10000)
wait_for(lambda: not children(pid))
after = rss(pid), fds(pid)
print("# the front, kB and descriptors: before", before, "after", after)
room = 1 << 20 if os.environ.get("TARE_SANITIZED") else 64 # a sanitizer keeps what was freed
assert after[0] <= before[0] + room and after[1] <= before[1], (before, after)
'
}

@test "one user has so many connections, and a head that does not come is not waited for" {
  probe
  python '
slow = connect(path)
slow.sendall(b"GET /thi")
many = [connect(path) for _ in range(2047)]
wait_for(lambda: fds(pid) > 2048)
s = connect(path)
answer = rest(s)
assert status(answer) == 503 and b"too many connections of yours" in answer, answer
for m in many:
    m.close()
wait_for(lambda: fds(pid) < 50)
assert Unix(path).ask("GET", "/_ping")[0] == 200
'
}

@test "heads that are half here: who has too many of them is refused, nobody else; those of requests at work are none" {
  probe
  chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR" && chmod 666 "$SOCKET"
  python '
large = b"X: " + b"x" * 60000 + b"\r\n"
# of these there is more than what may be half here, but they are whole
work = [connect(path) for _ in range(280)]
for s in work:
    s.sendall(b"GET /gone?path=/dev/null HTTP/1.1\r\n" + large + b"\r\n")
for s in work:
    until(s, b"\r\n\r\n")
other, told = os.pipe(), os.pipe()
if os.fork() == 0:
    os.close(other[1])
    os.setgid(65534)
    os.setuid(65534)
    held = [connect(path) for _ in range(400)]
    try:
        for s in held:
            s.sendall(b"GET /things/x HTTP/1.1\r\n" + large)
    except OSError:
        pass
    refused = 0
    for s in held[-100:]:
        s.settimeout(2)
        refused += status(rest(s)) == 503
    os.write(told[1], b"%d" % refused)
    os.read(other[0], 1)
    os._exit(0)
assert os.read(told[0], 10) == b"100"
s = connect(path)
s.sendall(b"GET /things/x HTTP/1.1\r\nConnection: close\r\n" + large)
time.sleep(0.2)
s.sendall(b"\r\n")
answer = rest(s)
assert status(answer) == 200, answer
os.write(other[1], b"x")
os.wait()
'
}

@test "a client by TCP is asked every 15 seconds whether it is there" {
  serve "$TARE_BUILD/tests/lib/http-probe" tcp://127.0.0.1:2375
  python '
s = socket.create_connection(("127.0.0.1", 2375), timeout=20)
s.sendall(b"GET /_ping HTTP/1.1\r\n\r\n")
until(s, b"OK")
rows = [line.split() for line in open("/proc/net/tcp") if " 0100007F:0947 " in line and " 01 " in line] # proc_net_tcp(5): ours, established
mine = [r for r in rows if r[1] == "0100007F:0947"]
assert len(mine) == 1, rows
kind, ticks = mine[0][5].split(":") # 02: a timer of keepalive, in hundredths of a second
assert kind == "02" and int(ticks, 16) <= 1500, mine
'
}

@test "slow heads: ended after 30 seconds" {
  [ -n "${TARE_TEST_LONG:-}" ] || skip "takes 30 seconds: make test-long"
  probe
  python '
s = connect(path, 40)
s.sendall(b"GET /thi")
begin = time.monotonic()
answer = rest(s)
assert status(answer) == 408 and 28 < time.monotonic() - begin < 36, answer
'
}

@test "the store: opened, and one that cannot be read is told" {
  probe
  [ "$(curl -s --unix-socket "$SOCKET" http://x/store)" = "$TARE_ROOT" ]
  kill "$pid"; wait "$pid" || true
  echo >"$BATS_TEST_TMPDIR/file"
  TARE_ROOT=$BATS_TEST_TMPDIR/file/store probe
  run -0 curl -s -w '%{http_code}' --unix-socket "$SOCKET" http://x/store
  [[ $output == *'"message":"'*"$BATS_TEST_TMPDIR/file/store"*500 ]] || [[ $output == *"$BATS_TEST_TMPDIR/file/store"*40? ]]
}

@test "sockets: two servers at one, what a killed one left, mode, group, and gone at the end" {
  tared --group daemon
  [ "$(stat -c '%a %G' "$SOCKET")" = "660 daemon" ]
  run -1 "$TARE_BIN/tared" -H "unix://$SOCKET"
  [ "$output" = "tared: $SOCKET: another server listens there; end it, or name another socket with -H" ]
  [ "$(curl -s --unix-socket "$SOCKET" http://x/_ping)" = OK ]
  kill -9 "$pid"; wait "$pid" || true
  [ -S "$SOCKET" ]
  tared
  [ "$(curl -s --unix-socket "$SOCKET" http://x/_ping)" = OK ]
  kill "$pid"; wait "$pid"
  [ ! -e "$SOCKET" ]
  pid=
  echo mine >"$SOCKET"
  run -1 "$TARE_BIN/tared" -H "unix://$SOCKET"
  [ "$output" = "tared: $SOCKET is there, and no socket" ]
  [ "$(cat "$SOCKET")" = mine ]
  run -1 "$TARE_BIN/tared" -H "unix://$SOCKET" --group no-such-group
  [[ $output == *no-such-group* ]]
  run -1 "$TARE_BIN/tared" -H http://x
  [ "$output" = "tared: http://x: want unix://PATH, tcp://ADDRESS:PORT or fd://" ]
  run -1 "$TARE_BIN/tared" -H fd://
  [ "$output" = "tared: fd://: no service manager gave us a socket (LISTEN_FDS)" ]
}

@test "tcp: served, with a warning" {
  serve "$TARE_BIN/tared" -H tcp://127.0.0.1:2375 -H "unix://$SOCKET"
  [ "$(curl -s http://127.0.0.1:2375/_ping)" = OK ]
  [ "$(curl -s --unix-socket "$SOCKET" http://x/_ping)" = OK ]
  grep -q 'tcp://127.0.0.1:2375 is served without TLS: whoever reaches it is root of this machine' "$BATS_TEST_TMPDIR/log"
}

@test "a service manager's socket: taken, told of, and given back when nobody needs us" {
  python '
import subprocess
l = socket.socket(socket.AF_UNIX)
l.bind(path)
l.listen(10)
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
n.bind(path + ".notify")
n.settimeout(10)
tared = os.environ["TARE_BIN"] + "/tared"
env = dict(os.environ, LISTEN_FDS="1", NOTIFY_SOCKET=path + ".notify")
start = "import os,sys; os.dup2(%d, 3); os.environ[\"LISTEN_PID\"] = str(os.getpid()); os.execv(sys.argv[1], sys.argv[1:])" % l.fileno()
for _ in range(2):
    p = subprocess.Popen([sys.executable, "-c", start, tared, "-H", "fd://", "--idle-exit", "300ms"], env=env, pass_fds=[l.fileno()])
    assert n.recv(100) == b"READY=1"
    c = Unix(path)
    for _ in range(5):
        time.sleep(0.1)
        assert c.ask("GET", "/_ping")[0] == 200
    time.sleep(0.5)
    assert p.poll() is None, "it ended with a connection"
    c.close()
    assert p.wait(10) == 0
assert os.path.exists(path)
'
  run -1 "$TARE_BIN/tared" -H "unix://$SOCKET.other" --idle-exit 1s
  [[ $output == *"only with fd://" ]]
}
