#!/usr/bin/env bats
# Short questions to tared are answered by a few processes that stay (api/server/readers.c): what is told is what there is now, whoever changed it, and
# their ends cost nobody more than an answer.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { remove_all; tare_teardown_file; }

setup() {
  export SOCKET=$BATS_TEST_TMPDIR/s.sock
  "$TARE_BIN/tared" -H "unix://$SOCKET" --root "$TARE_ROOT" --state "$TARE_STATE" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  pid=$!
  for _ in $(seq 200); do ! grep -q listening "$BATS_TEST_TMPDIR/log" || break; sleep 0.02; done
}
teardown() { kill "$pid" 2>/dev/null || true; wait "$pid" || true; }

ask() { curl -sf --unix-socket "$SOCKET" "http://x/v1.41$1"; }
readers() { pgrep -P "$pid" | tr '\n' ' '; }

@test "the same process answers again and again, and says what there is now" {
  ask /containers/json?all=1 >/dev/null
  was=$(readers)
  [ -n "$was" ]
  for i in 1 2 3; do
    tare create --name "now$i" --network none busybox true >/dev/null
    ask /containers/json?all=1 | jq -e --arg n "/now$i" 'any(.Names == [$n])'
    ask "/containers/now$i/json" | jq -e '.State.Status == "created"'
  done
  tare rename now1 later >/dev/null
  ask /containers/later/json | jq -e '.Name == "/later"'
  tare rm later now2 now3 >/dev/null
  [ "$(ask /containers/json?all=1)" = '[]' ]
  [ "$(readers)" = "$was" ]
}

@test "it is killed: who asks next is answered by another" {
  ask /version >/dev/null
  was=$(readers)
  # shellcheck disable=SC2086
  kill -9 $was
  for _ in 1 2 3; do ask /version | jq -e .ApiVersion; done
  ask /containers/json >/dev/null
  [ "$(readers)" != "$was" ]
}

@test "more questions at once than there are processes: all are answered" {
  for i in $(seq 40); do ask /containers/json?all=1 >"$BATS_TEST_TMPDIR/$i" & done
  for j in $(jobs -p); do [ "$j" = "$pid" ] || wait "$j"; done
  for i in $(seq 40); do [ "$(cat "$BATS_TEST_TMPDIR/$i")" = '[]' ]; done
}

@test "a client that does not read its answer holds up nobody else" {
  python3 - "$SOCKET" <<'P'
import socket, sys, time
held = []
for i in range(4):
    s = socket.socket(socket.AF_UNIX)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    s.connect(sys.argv[1])
    s.sendall(b"GET /v1.41/info HTTP/1.1\r\nHost: x\r\n\r\n" * 200)
    held.append(s)
t = time.time()
s = socket.socket(socket.AF_UNIX)
s.settimeout(10)
s.connect(sys.argv[1])
s.sendall(b"GET /v1.41/info HTTP/1.1\r\nHost: x\r\n\r\n")
assert s.recv(15) == b"HTTP/1.1 200 OK"
P
}

@test "how many files may be open: what is started for a request has the limit that the server was started with, not the server's own" {
  kill "$pid"; wait "$pid" || true
  (ulimit -Sn 777 && exec "$TARE_BIN/tared" -H "unix://$SOCKET" --root "$TARE_ROOT" --state "$TARE_STATE" 2>"$BATS_TEST_TMPDIR/log2" 3>&-) &
  pid=$!
  for _ in $(seq 200); do ! grep -q listening "$BATS_TEST_TMPDIR/log2" || break; sleep 0.02; done
  soft() { awk '/^Max open files/ { print $4 }' "/proc/$1/limits"; }
  ask /version >/dev/null
  [ "$(soft "$pid")" -gt 777 ]
  for p in $(readers); do [ "$(soft "$p")" = 777 ]; done
  curl -sf --unix-socket "$SOCKET" -H 'Content-Type: application/json' -d '{"Image":"busybox","Cmd":["sh","-c","ulimit -Sn"],"HostConfig":{"NetworkMode":"none"}}' \
    http://x/v1.41/containers/create?name=limit >/dev/null
  curl -sf --unix-socket "$SOCKET" -X POST http://x/v1.41/containers/limit/start
  curl -sf --unix-socket "$SOCKET" -X POST http://x/v1.41/containers/limit/wait >/dev/null
  run -0 tare logs limit
  tare rm -f limit
  [ "$output" = "$(ulimit -Sn 777; tare run --rm --network none busybox sh -c 'ulimit -Sn')" ]
}

@test "the store is another one now: that one is told of" {
  root=$BATS_TEST_TMPDIR/store state=$BATS_TEST_TMPDIR/state
  kill "$pid"; wait "$pid" || true
  "$TARE_BIN/tared" -H "unix://$SOCKET" --root "$root" --state "$state" 2>"$BATS_TEST_TMPDIR/log2" 3>&- &
  pid=$!
  for _ in $(seq 200); do ! grep -q listening "$BATS_TEST_TMPDIR/log2" || break; sleep 0.02; done
  "$TARE_BIN/tare" --root "$root" --state "$state" volume create one >/dev/null
  ask /volumes | jq -e '[.Volumes[].Name] == ["one"]'
  rm -rf "$root" "$state"
  "$TARE_BIN/tare" --root "$root" --state "$state" volume create two >/dev/null
  ask /volumes | jq -e '[.Volumes[].Name] == ["two"]'
}

@test "idle, it goes" {
  ask /version >/dev/null
  [ -n "$(readers)" ]
  for _ in $(seq 250); do [ -n "$(readers)" ] || return 0; sleep 0.1; done
  false
}
