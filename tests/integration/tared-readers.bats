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

# Twice each time: what is told by the text of before (api/docker/again.c) is what there is, too. What is not in the catalog changes without it.
state() {
  local want=$1 n=$2
  for _ in 1 2 3; do
    ask /containers/json?all=1 | jq -e --arg s "$want" --arg n "/$n" 'any(.Names == [$n] and .State == $s)'
    ask "/containers/$n/json" | jq -e --arg s "$want" '.State.Status == $s'
  done
}

@test "a container that changes: told as it is, however often it was told before" {
  tare run -d --name c1 --network none --health-interval 100ms --health-retries 1 --health-cmd 'test -e /well' busybox sleep 1000 >/dev/null
  sleep 2 # what was made just now is not told by its text yet
  ask /containers/c1/json >"$BATS_TEST_TMPDIR/one"
  was=$(readers)
  state running c1
  ask /containers/c1/json | jq -S 'del(.State.Health)' | diff - <(tare inspect c1 | jq -S '.[0] | del(.State.Health)')
  wait_until() { for _ in $(seq 100); do ! "$@" || return 0; sleep 0.05; done; false; }
  health() { ask /containers/json | jq -e --arg s "$1" '.[0].Status | contains($s)' && ask /containers/c1/json | jq -e --arg h "$2" '.State.Health.Status == $h'; }
  wait_until health '(unhealthy)' unhealthy
  tare exec c1 touch /well
  wait_until health '(healthy)' healthy
  tare pause c1; state paused c1
  tare unpause c1; state running c1
  tare exec -d c1 sleep 100
  ask /containers/c1/json | jq -e '.ExecIDs | length == 1'
  tare update --memory 64m c1 >/dev/null
  ask /containers/c1/json | jq -e '.HostConfig.Memory == 67108864'
  tare rename c1 d1
  state running d1
  curl -s --unix-socket "$SOCKET" "http://x/v1.41/containers/c1/json" | jq -e '.message | contains("No such container")'
  kill -9 "$(ask /containers/d1/json | jq .State.Pid)" # nobody but its monitor is told
  gone() { ask /containers/json | jq -e '. == []' && ask /containers/d1/json | jq -e '.State.ExitCode == 137 and .State.Pid == 0'; }
  wait_until gone
  state exited d1
  tare start d1 >/dev/null
  state running d1
  tare rm -f d1 >/dev/null
  [ "$(ask /containers/json?all=1)" = '[]' ]
  [ "$(readers)" = "$was" ]
}

@test "thousands of questions: neither who answers nor the front has more memory or descriptors afterwards" {
  tare create --name box --network none busybox true >/dev/null
  python3 - "$SOCKET" "$pid" "$BATS_TEST_DIRNAME/../lib" <<'P' >&3
import os, sys, time
sys.path.insert(0, sys.argv[3])
from http_raw import *
path, pid = sys.argv[1], int(sys.argv[2])
c = Unix(path)
def some(n):
    for i in range(n):
        want, target = ((200, "/containers/json?all=1"), (200, "/containers/box/json"), (404, "/containers/nope/json"), (200, "/images/json"), (200, "/version"))[i % 5]
        assert c.ask("GET", "/v1.41" + target)[0] == want
some(100)
front, seen = (rss(pid), fds(pid)), {}
for _ in range(10):
    some(320)
    wait_for(lambda: len(children(pid)) == 1)
    time.sleep(0.05) # it lets go of a connection behind the answer
    for r in children(pid):
        seen.setdefault(r, []).append((rss(r), fds(r)))
after = rss(pid), fds(pid)
print("# the front, kB and descriptors:", front, after, "who answers:", list(seen.values()))
room = 1 << 20 if os.environ.get("TARE_SANITIZED") else 256
assert after[0] <= front[0] + room and after[1] == front[1], (front, after)
assert len(seen) >= 3, seen # it was another's turn
assert max(v[-1][0] - v[0][0] for v in seen.values()) <= room, seen
assert len({n for v in seen.values() for _, n in v}) == 1, seen
P
  tare rm box >/dev/null
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
