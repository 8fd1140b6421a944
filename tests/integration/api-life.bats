#!/usr/bin/env bats
# Containers' life over Docker's Engine API: created, attached to, started, waited for, removed; logs, other processes, files.
load ../lib/common
load ../lib/tared

setup_file() {
  tare_setup_file
  load_busybox
  start_tared
}
teardown_file() {
  stop_tared
  tare_teardown_file
}
teardown() { remove_all; }

JSON=(-H 'Content-Type: application/json')
attach() { python3 "$BATS_TEST_DIRNAME/../lib/api_attach.py" "$@"; }
# create NAME JSON: of busybox without a network, unless it says otherwise
create() {
  jq -c '{Image:"busybox",HostConfig:{NetworkMode:"none"}} * .' <<<"$2" >"$BATS_TEST_TMPDIR/create"
  api_is 201 POST "/containers/create?name=$1" "${JSON[@]}" --data-binary "@$BATS_TEST_TMPDIR/create" >/dev/null
}
# asks STATUS MESSAGE METHOD PATH [JSON]
asks() {
  local status=$1 message=$2 got body=()
  [ $# -lt 5 ] || body=("${JSON[@]}" -d "$5")
  got=$(api "$3" "$4" "${body[@]}")
  [ "$(cat "$BATS_TEST_TMPDIR/status") $(jq -r '.message // ""' <<<"${got:-{\}}")" = "$status $message" ] ||
    { printf '%s %s: %s %s\n' "$3" "$4" "$(cat "$BATS_TEST_TMPDIR/status")" "$got" >&2; return 1; }
}
waiting() { [ "$(find "$TARE_STATE"/*/waiting -type s 2>/dev/null | wc -l)" = "$1" ]; }
no_waiting() { waiting 0; }

@test "whoever attaches before the start has the first byte, and wait tells the end" {
  create box '{"Cmd":["sh","-c","echo first; echo other >&2; exit 5"],"HostConfig":{"AutoRemove":true}}'
  attach -u "$SOCKET" '/v1.42/containers/box/attach?stream=1&stdout=1&stderr=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api POST '/containers/box/wait?condition=removed' -D "$BATS_TEST_TMPDIR/head" >"$BATS_TEST_TMPDIR/wait" 3>&- &
  wait_until 5 test -s "$BATS_TEST_TMPDIR/head" # at once, not with the end
  api_is 204 POST /containers/box/start
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = '101 application/vnd.docker.multiplexed-stream
1 first
2 other
end' ]
  [ "$(jq -c . "$BATS_TEST_TMPDIR/wait")" = '{"StatusCode":5,"Error":null}' ]
  asks 404 'No such container: box' POST /containers/box/start
}

@test "a wait that is long enough for its process to have closed the store: the end by any condition" {
  create box '{"Cmd":["sh","-c","trap \"exit 6\" TERM; while :; do sleep 0.1; done"]}'
  api_is 204 POST /containers/box/start
  local c
  for c in '' next-exit removed; do
    curl -s --unix-socket "$SOCKET" -X POST "http://x/containers/box/wait?condition=$c" -D "$BATS_TEST_TMPDIR/head$c" >"$BATS_TEST_TMPDIR/wait$c" 3>&- &
    wait_until 5 test -s "$BATS_TEST_TMPDIR/head$c"
  done
  attach -u "$SOCKET" '/v1.42/containers/box/attach?stream=1&stdout=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  sleep 1
  api_is 204 POST /containers/box/stop
  api_is 204 DELETE /containers/box
  wait
  for c in '' next-exit removed; do
    [ "$(jq -c . "$BATS_TEST_TMPDIR/wait$c")" = '{"StatusCode":6,"Error":null}' ] || { echo "$c: $(cat "$BATS_TEST_TMPDIR/wait$c")"; return 1; }
  done
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = end ]
}

@test "ten who wait, one of them killed: nine have every byte" {
  create box '{"Cmd":["sh","-c","i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done"]}'
  local i pids=()
  for i in 1 2 3 4 5 6 7 8 9 10; do
    python3 "$BATS_TEST_DIRNAME/../lib/api_attach.py" "$SOCKET" '/containers/box/attach?stream=1&stdout=1' >"$BATS_TEST_TMPDIR/out$i" 3>&- &
    pids+=($!)
  done
  wait_until 10 waiting 10
  kill -9 "${pids[9]}"
  # the connection's end is its process's, too
  wait_until 5 waiting 9
  api_is 204 POST /containers/box/start
  wait "${pids[@]:0:9}"
  for i in 1 2 3 4 5 6 7 8 9; do
    [ "$(grep -c line "$BATS_TEST_TMPDIR/out$i")" = 2000 ]
    [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out$i")" = end ]
  done
}

@test "a waiter whose process was killed is no hindrance, and one of a container that goes is let go" {
  create box '{"Cmd":["echo","hello"]}'
  attach "$SOCKET" '/containers/box/attach?stream=1&stdout=1' >/dev/null 3>&- &
  wait_until 5 waiting 1
  local waiter
  waiter=$(fuser "$TARE_STATE"/*/waiting/* 2>/dev/null | tr -d ' ') || waiter=
  [ -n "$waiter" ] || waiter=$(pgrep -P "$TARED_PID" | head -n 1)
  kill -9 "$waiter"
  waiting 1 # its name is left
  attach "$SOCKET" '/containers/box/attach?stream=1&stdout=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 2
  tare start box # by whatever command
  wait_until 5 no_waiting
  wait
  [ "$(sed -n 2p "$BATS_TEST_TMPDIR/out")" = '1 hello' ]
  create gone '{"Cmd":["true"]}'
  attach "$SOCKET" '/containers/gone/attach?stream=1&stdout=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api_is 204 DELETE /containers/gone
  wait
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = end ]
}

@test "input: half a close is its end, and what was sent before the start is not lost" {
  create box '{"Cmd":["cat"],"OpenStdin":true,"StdinOnce":true}'
  attach -u -i 'early\n' "$SOCKET" '/v1.41/containers/box/attach?stream=1&stdout=1&stdin=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api_is 204 POST /containers/box/start
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = '101 application/vnd.docker.raw-stream
1 early
end' ]
  [ "$(api_is 200 POST /containers/box/wait | jq .StatusCode)" = 0 ]
  # again, with what it wrote before
  attach -i 'more\n' "$SOCKET" '/containers/box/attach?stream=1&stdout=1&stdin=1&logs=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api_is 204 POST /containers/box/start
  wait
  [ "$(sed -n '2,$p' "$BATS_TEST_TMPDIR/out")" = '1 early
more
end' ]
}

@test "a terminal: bytes as they are, its size, keys that leave" {
  create box '{"Cmd":["sh","-c","read x; stty size; read x"],"Tty":true,"OpenStdin":true}'
  attach -r -k -s 1 -i 'go\n' "$SOCKET" '/containers/box/attach?stream=1&stdout=1&stdin=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api_is 204 POST /containers/box/start
  wait
  api_is 200 POST '/containers/box/resize?h=31&w=101' >/dev/null
  # ctrl-a is 1: what stands behind it is not the container's
  attach -r -k -i 'x\n\x01' "$SOCKET" '/containers/box/attach?stream=1&stdout=1&stdin=1&detachKeys=ctrl-a' >"$BATS_TEST_TMPDIR/out"
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = end ]
  asks 400 'Invalid detach keys (nonsense) provided' POST '/containers/box/attach?stream=1&detachKeys=nonsense'
}

@test "a websocket has the same" {
  create box '{"Cmd":["cat"],"OpenStdin":true,"StdinOnce":true,"Tty":false}'
  attach -w -s 1 -i 'over the web' "$SOCKET" '/containers/box/attach/ws?stream=1&stdout=1&stdin=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  api_is 204 POST /containers/box/start
  wait
  # the key of RFC 6455, 1.3
  [ "$(head -n 1 "$BATS_TEST_TMPDIR/out")" = '101 s3pPLMBiTxaQ9kYGzzhZRbK+xOo=' ]
  [ "$(sed -n 2p "$BATS_TEST_TMPDIR/out")" = 'over the web' ]
  asks 400 'this is for websockets: Upgrade: websocket, and Sec-WebSocket-Key' GET /containers/box/attach/ws
}

@test "statuses and sentences that clients go by" {
  create box '{"Cmd":["sleep","1000"],"StopSignal":"KILL"}'
  local id; id=$(tare inspect -f '{{.Id}}' box)
  asks 409 "Conflict. The container name \"/box\" is already in use by container \"$id\". You have to remove (or rename) that container to be able to reuse that name." \
    POST '/containers/create?name=box' '{"Image":"busybox"}'
  asks 404 'No such image: nosuch:latest' POST /containers/create '{"Image":"nosuch"}'
  asks 400 'no image specified' POST /containers/create '{}'
  api_is 304 POST /containers/box/stop
  asks 409 "cannot kill container: box: container $id is not running" POST /containers/box/kill
  api_is 204 POST /containers/box/start
  api_is 304 POST /containers/box/start
  asks 409 "cannot remove container \"/box\": container is running: stop the container before removing or force remove" DELETE /containers/box
  asks 500 "Container $id is not paused" POST /containers/box/unpause
  api_is 204 POST /containers/box/pause
  asks 409 "Container $id is already paused" POST /containers/box/pause
  asks 409 "container $id is paused, unpause the container before attach" POST '/containers/box/attach?stream=1&stdout=1'
  api_is 204 POST /containers/box/unpause
  asks 400 'Invalid signal: NOSUCH' POST '/containers/box/kill?signal=NOSUCH'
  asks 400 'invalid condition: "never"' POST '/containers/box/wait?condition=never'
  api_is 204 POST '/containers/box/restart?t=0'
  api_is 204 POST '/containers/box/rename?name=other'
  asks 400 'Neither old nor new names may be empty' POST '/containers/other/rename?name='
  for member in '"Ulimits":[{"Name":"nofile","Soft":5,"Hard":5}]' '"OomKillDisable":true' '"MemorySwappiness":0' '"CgroupParent":"/x"' '"DeviceCgroupRules":["c 1:3 r"]' \
    '"Devices":[{"PathOnHost":"/dev/null"}]' '"DeviceRequests":[{"Count":-1}]' '"BlkioDeviceReadBps":[{"Path":"/dev/null","Rate":1}]' '"BlkioWeightDevice":[{"Path":"/dev/null","Weight":10}]'; do
    name=${member#\"}; name=${name%%\"*}
    asks 400 "update.$name is not supported: it is settled when the container is made" POST /containers/other/update "{\"CpuShares\":99,$member}"
  done
  [ "$(tare inspect -f '{{.HostConfig.CpuShares}}' other)" != 99 ]
  [ "$(api_is 200 POST /containers/other/update "${JSON[@]}" -d '{"Memory":33554432,"MemorySwap":33554432,"RestartPolicy":{"Name":"on-failure","MaximumRetryCount":3}}')" = '{"Warnings":[]}' ]
  [ "$(tare inspect -f '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}' other)" = '33554432 on-failure' ]
  api_is 204 POST '/containers/other/stop?t=0'
  api_is 204 DELETE '/containers/other?v=True&force=False&link=False'
  asks 404 'No such container: other' DELETE /containers/other
  create old '{"Cmd":["true"],"Labels":{"a":"b"}}'
  [ "$(api_is 200 POST '/containers/prune?filters={"label":["a=c"]}' | jq -c .ContainersDeleted)" = '[]' ]
  [ "$(api_is 200 POST '/containers/prune?filters={"label":["a=b"]}' | jq '.ContainersDeleted | length')" = 1 ]
}

@test "a command that is not there: what a client makes 127 and 126 of; with AutoRemove nothing is left" {
  create box '{"Cmd":["nosuch"],"HostConfig":{"AutoRemove":true}}'
  attach "$SOCKET" '/containers/box/attach?stream=1&stdout=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 5 waiting 1
  run -0 api_is 400 POST /containers/box/start
  [[ "$output" == *'executable file not found in $PATH'*': unknown"}' ]]
  wait
  [ "$(tail -n 1 "$BATS_TEST_TMPDIR/out")" = end ]
  run ! tare inspect box
  create box '{"Cmd":["/etc/passwd"]}'
  run -0 api_is 400 POST /containers/box/start
  [[ "$output" == *'permission denied'* ]]
  create there '{"Cmd":["/no/such"]}'
  run -0 api_is 400 POST /containers/there/start
  [[ "$output" == *'no such file or directory'* ]]
}

@test "a container of the API has Docker's defaults, and keeps them; tare's own are as ever" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  [ "$(tare exec box sed -n 's/^CapBnd:\t//p; s/^NoNewPrivs:\t//p' /proc/self/status)" = $'00000000a80425fb\n0' ]
  [ "$(tare exec box awk '{ print $1, $2, $3 }' /proc/self/uid_map)" = '0 0 4294967295' ]
  [ "$(tare inspect -f '{{.HostConfig.Profile}} {{json .HostConfig.PidsLimit}} {{json .HostConfig.UsernsMode}}' box)" = 'docker null ""' ]
  tare exec box sh -c 'mknod /tmp/null c 1 3'
  tare restart -t 0 box
  [ "$(tare exec box sed -n 's/^CapBnd:\t//p' /proc/self/status)" = 00000000a80425fb ]
  [ "$(tare run --rm --network none busybox sed -n 's/^CapBnd:\t//p' /proc/self/status)" != 00000000a80425fb ]
}

@test "what a create says is done, or refused by name" {
  mkdir -p "$BATS_TEST_TMPDIR/shared"; echo of-host >"$BATS_TEST_TMPDIR/shared/f"
  create box "$(cat <<JSON
{"Entrypoint":["sh","-c"],"Cmd":["id -u; pwd; hostname; echo \$A \$B; cat /data/f; ulimit -n; cat /proc/self/oom_score_adj; mount | grep -c ' /t '; ls -d /anon; cat /proc/sys/kernel/shmmax; cat /made/x 2>&1 | head -c 3"],
 "User":"1000","WorkingDir":"/tmp","Hostname":"named","Env":["A=1","B=two words"],"Labels":{"l":"v"},"StopTimeout":0,"Volumes":{"/anon":{},"/data":{}},
 "HostConfig":{"Binds":["$BATS_TEST_TMPDIR/shared:/data:ro"],"Tmpfs":{"/t":"size=1m"},"Ulimits":[{"Name":"nofile","Soft":77,"Hard":88}],"OomScoreAdj":7,
  "Sysctls":{"kernel.shmmax":"65536000"},"Mounts":[{"Type":"bind","Source":"$BATS_TEST_TMPDIR/made","Target":"/made","BindOptions":{"CreateMountpoint":true}}],
  "LogConfig":{"Type":"json-file","Config":{"max-size":"1m"}},"MemorySwappiness":-1,"ConsoleSize":[0,0],"PidsLimit":0,"MaskedPaths":null,"KernelMemory":0,"CapAdd":null}}
JSON
)"
  api_is 204 POST /containers/box/start
  tare wait box
  [ "$(tare logs box)" = '1000
/tmp
named
1 two words
of-host
77
7
1
/anon
65536000
cat' ]
  [ -d "$BATS_TEST_TMPDIR/made" ]
  create top "{\"Cmd\":[\"true\"],\"HostConfig\":{\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"$BATS_TEST_TMPDIR/a:b,c\",\"Target\":\"/made\",\"ReadOnly\":true,
    \"BindOptions\":{\"CreateMountpoint\":true,\"NonRecursive\":true}}]}}"
  [ -d "$BATS_TEST_TMPDIR/a:b,c" ]
  [ "$(api GET /containers/top/json | jq -c '.HostConfig.Mounts[0].BindOptions | .CreateMountpoint, .NonRecursive' | xargs)" = 'true true' ]
  asks 400 'HostConfig.KernelMemory is not supported: the kernel limits its own memory within Memory' POST /containers/create '{"Image":"busybox","HostConfig":{"KernelMemory":4096}}'
  [ "$(api_is 201 POST /containers/create "${JSON[@]}" -d '{"Image":"busybox","Nonsense":1,"Empty":[],"HostConfig":{"More":true,"NetworkMode":"none"}}' | jq -c .Warnings)" = \
    '["Config.Nonsense is not known, and was ignored","HostConfig.More is not known, and was ignored"]' ]
  asks 400 'HostConfig.Memory: want a whole number' POST /containers/create '{"Image":"busybox","HostConfig":{"Memory":"1g"}}'
  asks 400 'unknown or invalid runtime name: kata' POST /containers/create '{"Image":"busybox","HostConfig":{"Runtime":"kata"}}'
  asks 400 "logger: no log driver named 'asdf' is registered" POST /containers/create '{"Image":"busybox","HostConfig":{"LogConfig":{"Type":"asdf"}}}'
  create shown '{"HostConfig":{"Runtime":"tare-oci","Isolation":"default"}}'
  [ "$(tare inspect -f '{{.HostConfig.Runtime}} {{.HostConfig.Isolation}}' shown)" = 'tare-oci default' ]
  asks 400 "maximum retry count cannot be used with restart policy 'always'" POST /containers/create \
    '{"Image":"busybox","HostConfig":{"RestartPolicy":{"Name":"always","MaximumRetryCount":3}}}'
  # [] leaves the image's command, [""] takes it away
  create bare '{"Entrypoint":[],"Cmd":["echo","one"]}'
  asks 400 'no command: the image has none, so give one behind its name' POST /containers/create '{"Image":"busybox","Entrypoint":[""]}'
  # a name alone is not the server's own
  TARED_SECRET=1 create env '{"Env":["HOME","PATH"],"Cmd":["true"]}'
  [ "$(tare inspect -f '{{json .Config.Env}}' env | jq -r '.[]' | grep -c '^HOME=')" = 0 ]
}

@test "variables without a value: shown, and given to no process" {
  printf 'FROM busybox\nENV GONE=1 KEPT=2\n' | tare build -q -t with-env - >/dev/null
  create box '{"Image":"with-env","Env":["GONE","Blank=","A=1"],"Cmd":["sh","-c","env | sort; sleep 1000"]}'
  [ "$(tare inspect -f '{{json .Config.Env}}' box | jq -r '.[]' | grep -v '^PATH=\|^HOSTNAME=' | sort | tr '\n' ' ')" = 'A=1 Blank= GONE KEPT=2 ' ]
  api_is 204 POST /containers/box/start
  wait_until 5 eval '[ "$(tare logs box | grep -c .)" -ge 6 ]'
  [ "$(tare logs box | grep -c '^GONE')" = 0 ]
  [ "$(tare logs box | grep -c '^KEPT=2$\|^Blank=$\|^A=1$')" = 3 ]
  local x; x=$(exec_of '{"Cmd":["env"],"AttachStdout":true,"Env":["A","KEPT","NEW=1"]}')
  run -0 attach "$SOCKET" "/exec/$x/start" '{}'
  [[ "$output" == *Blank=* && "$output" == *NEW=1* ]]
  [[ "$output" != *GONE* && "$output" != *KEPT* && "$output" != *A=* ]]
  tare commit box kept >/dev/null
  [ "$(tare image inspect -f '{{json .Config.Env}}' kept | jq -r '.[]' | grep -c '^GONE')" = 0 ]
  tare rm -f box; tare rmi with-env kept >/dev/null
}

@test "paths that are hidden or read-only: one's own lists, none, the usual ones" {
  create box '{"HostConfig":{"MaskedPaths":["/proc/version","/root","/no/such"],"ReadonlyPaths":["/var"]},"Cmd":["sleep","1000"]}'
  [ "$(tare inspect box | jq -c '.[0].HostConfig | [.MaskedPaths, .ReadonlyPaths, .SecurityOpt]')" = '[["/proc/version","/root","/no/such"],["/var"],null]' ]
  api_is 204 POST /containers/box/start
  # both sides of the seam: what is asked for is hidden, what is usual is not
  [ "$(tare exec box sh -c 'wc -c </proc/version; ls -A /root | wc -l; touch /var/x 2>/dev/null || echo ro; [ -w /proc/sys/kernel/domainname ] && echo rw')" = $'0\n0\nro\nrw' ]
  create none '{"HostConfig":{"MaskedPaths":[],"ReadonlyPaths":null},"Cmd":["true"]}'
  [ "$(tare inspect none | jq -c '.[0].HostConfig | [.MaskedPaths, (.ReadonlyPaths | index("/proc/sys") != null)]')" = '[[],true]' ]
  asks 400 'masked path "etc": must be an absolute path' POST /containers/create '{"Image":"busybox","HostConfig":{"MaskedPaths":["etc"]}}'
  asks 400 'HostConfig.ReadonlyPaths: want a list of texts' POST /containers/create '{"Image":"busybox","HostConfig":{"ReadonlyPaths":[1]}}'
  tare rm -f box none
}

@test "more who wait for the start than a user may have watches of files: all have the first byte, and all who wait the end" {
  for i in 0 1 2; do create "box$i" '{"Cmd":["echo","hi"]}'; done
  python3 - "$SOCKET" <<'P'
import socket, sys
def ask(box, path, head=""):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(30)
    s.connect(sys.argv[1])
    s.sendall(f"POST /v1.41/containers/box{box}/{path} HTTP/1.1\r\nHost: x\r\n{head}Content-Length: 0\r\n\r\n".encode())
    return s
def rest(s):
    data = b""
    while part := s.recv(65536):
        data += part
    return data
up = "Connection: Upgrade\r\nUpgrade: tcp\r\n"
here = [ask(i % 3, "attach?stream=1&stdout=1", up) for i in range(150)]
for s in here:
    assert s.recv(65536).startswith(b"HTTP/1.1 101"), "attach"
waits = [ask(i % 3, "wait?condition=next-exit", "Connection: close\r\n") for i in range(21)]
for s in waits:
    assert s.recv(65536).startswith(b"HTTP/1.1 200"), "wait"
for i in range(3):
    assert ask(i, "start").recv(65536).startswith(b"HTTP/1.1 204")
assert all(rest(s) == b"\1\0\0\0\0\0\0\3hi\n" for s in here)
assert all(b'"StatusCode":0' in rest(s) for s in waits)
P
}

# Scripts that were written where a start takes a while; and clients that lose what comes together with the head of the answer.
@test "logs right after the start; what is attached to never comes together with the head" {
  create box '{"Cmd":["sh","-c","sleep 0.03; echo first"]}'
  api_is 204 POST /containers/box/start
  [ "$(frames '/containers/box/logs?stdout=1')" = '1first ' ]
  python3 - "$SOCKET" <<'P'
import socket, sys
for _ in range(20):
    s = socket.socket(socket.AF_UNIX)
    s.connect(sys.argv[1])
    s.sendall(b"POST /containers/box/attach?logs=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n")
    head = s.recv(65536)
    assert head.endswith(b"\r\n\r\n"), head
    assert s.recv(65536).endswith(b"first\n")
P
}

@test "logs: streams, tail, times, following until the end or until the reader goes" {
  create box '{"Cmd":["sh","-c","echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; sleep 1000"]}'
  api_is 204 POST /containers/box/start
  wait_until 5 has_lines 3
  asks 400 'Bad parameters: you must choose at least one stream' GET /containers/box/logs
  [ "$(frames '/containers/box/logs?stdout=1&stderr=1&tail=all')" = '1one 2two 1three ' ]
  [ "$(frames '/containers/box/logs?stderr=True')" = '2two ' ]
  [ "$(frames '/containers/box/logs?stdout=1&stderr=1&tail=1')" = '1three ' ]
  [[ "$(frames '/containers/box/logs?stdout=1&tail=1&timestamps=1')" =~ ^1[0-9-]+T[0-9:.]{18}Z\ three ]]
  [ -z "$(frames '/containers/box/logs?stdout=1&until=1000.5')" ]
  timeout 1 curl -s --unix-socket "$SOCKET" 'http://docker/containers/box/logs?stdout=1&follow=1' >/dev/null &
  wait_until 5 follower
  wait
  wait_until 5 no_follower
  frames '/containers/box/logs?stdout=1&follow=1' >"$BATS_TEST_TMPDIR/out" 3>&- &
  tare kill box
  wait
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = '1one 1three ' ]
}
@test "stats: a client that goes between its two looks is no fault of ours" {
  create box '{"Cmd":["sleep","100"]}'
  api_is 204 POST /containers/box/start
  local faults
  faults=$(grep -c 'was not answered' "$BATS_FILE_TMPDIR/tared.log") || true
  for _ in 1 2 3; do timeout 0.15 curl -s --unix-socket "$SOCKET" 'http://x/containers/box/stats?stream=0' >/dev/null || true; done
  api_is 200 GET '/containers/box/stats?stream=0' >/dev/null
  [ "$(grep -c 'was not answered' "$BATS_FILE_TMPDIR/tared.log" || true)" = "$faults" ]
}

has_lines() { [ "$(tare logs box 2>&1 | wc -l)" = "$1" ]; }
# one follows a file of events or of a log by inotify; those that stay for short questions do not
follower() { for p in $(pgrep -P "$TARED_PID"); do ! find "/proc/$p/fd" -lname 'anon_inode:inotify' 2>/dev/null | grep -q . || return 0; done; return 1; }
no_follower() { ! follower; }
frames() {
  curl -sS --unix-socket "$SOCKET" "http://docker$1" | python3 -c 'import sys, struct
d = sys.stdin.buffer.read()
while d:
    n = struct.unpack(">I", d[4:8])[0]
    print(d[0], d[8:8 + n].decode().rstrip("\n"), sep="", end=" ")
    d = d[8 + n:]'
}

@test "the server is killed and another takes its place: who was attached, who follows the logs, who attaches anew: no line is lost" {
  cd "$BATS_TEST_TMPDIR"
  create box '{"Cmd":["sh","-c","i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); usleep 10000; done"]}'
  front() {
    "$TARE_BIN/tared" -H "unix://$PWD/s" --root "$TARE_ROOT" --state "$TARE_STATE" 2>log 3>&- &
    other=$!
    wait_until 10 grep -q listening log
  }
  front
  attach -u -k -s 60 s '/containers/box/attach?stream=1&stdout=1' >first 3>&- & local got=($!)
  wait_until 5 waiting 1
  curl -s --unix-socket s -X POST http://x/containers/box/start
  curl -sN --max-time 60 --unix-socket s 'http://x/containers/box/logs?stdout=1&follow=1' >followed 3>&- & got+=($!)
  wait_until 10 test -s followed
  kill -9 "$other"; wait "$other" || true
  run ! curl -s --unix-socket s http://x/_ping
  front
  attach -u -k -s 60 s '/containers/box/attach?stream=1&stdout=1&logs=1' >again 3>&- & got+=($!)
  wait "${got[@]}"
  kill "$other"; wait "$other"
  tare logs box >logs
  [ "$(wc -l <logs)" = 300 ]
  # what is written while it attaches may be there twice, as with docker: in its log, and as it comes
  for f in first again; do sed -n 's/^1 //; /^line/p' "$f" | awk -v f="$f" 'f == "first" || !seen[$0]++' | cmp - logs; done
  tr -d '\000-\010\013-\037' <followed | grep -ao 'line [0-9]*' | cmp - logs
}

@test "exec: asked for, started, looked at; its size, its exit code, once" {
  create box '{"Cmd":["sleep","1000"]}'
  asks 409 "container $(tare inspect -f '{{.Id}}' box) is not running" POST /containers/box/exec '{"Cmd":["true"]}'
  api_is 204 POST /containers/box/start
  asks 400 'No exec command specified' POST /containers/box/exec '{"Cmd":[]}'
  local x; x=$(exec_of '{"Cmd":["sh","-c","echo out; cat; echo err >&2; exit 3"],"AttachStdin":true,"AttachStdout":true,"AttachStderr":true,"Env":["A=b"],"User":"1000","WorkingDir":"/tmp"}')
  [ "$(api_is 200 GET "/exec/$x/json" | jq -c '[.Running,.ExitCode,.Pid,.ProcessConfig.entrypoint,.ProcessConfig.user]')" = '[false,null,0,"sh","1000"]' ]
  [ "$(attach -u -i 'in\n' "$SOCKET" "/v1.45/exec/$x/start" '{"Detach":false,"Tty":false}')" = '101 application/vnd.docker.multiplexed-stream
1 out
in
2 err
end' ]
  [ "$(api_is 200 GET "/exec/$x/json" | jq -c '[.Running,.ExitCode,.Pid]')" = '[false,3,0]' ]
  asks 409 "exec command $x has already run" POST "/exec/$x/start" '{}'
  asks 404 'No such exec instance: nosuch' GET /exec/nosuch/json
  x=$(exec_of '{"Cmd":["sh","-c","sleep 0.5; stty size"],"Tty":true,"AttachStdout":true}')
  attach -r "$SOCKET" "/exec/$x/start" '{"Tty":true}' >"$BATS_TEST_TMPDIR/out" 3>&- &
  api_is 200 POST "/exec/$x/resize?h=33&w=99"
  wait
  [ "$(sed -n 2p "$BATS_TEST_TMPDIR/out")" = $'33 99\r' ]
  # a member's name in another case is the same, as Docker reads JSON
  x=$(exec_of '{"cmd":["sleep","1000"],"detachKeys":"ctrl-a"}')
  [ "$(api_is 200 GET "/exec/$x/json" | jq -r .DetachKeys)" = ctrl-a ]
  api_is 200 POST "/exec/$x/start" "${JSON[@]}" -d '{"Detach":true}'
  [ "$(api_is 200 GET "/exec/$x/json" | jq -c '[.Running,.ExitCode,.Pid > 0]')" = '[true,null,true]' ]
  x=$(exec_of '{"Cmd":["nosuch"],"AttachStdout":true}')
  run -0 attach "$SOCKET" "/exec/$x/start" '{}'
  [[ "$output" == *'1 OCI runtime exec failed'*'executable file not found in $PATH: unknown'* ]]
  [ "$(api_is 200 GET "/exec/$x/json" | jq -c '[.Running,.ExitCode]')" = '[false,127]' ]
  # another server has them, too; the container's end takes them away
  local second=$BATS_TEST_TMPDIR/other.sock
  "$TARE_BIN/tared" -H "unix://$second" --root "$TARE_ROOT" --state "$TARE_STATE" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
  local other=$!
  wait_until 5 grep -q listening "$BATS_TEST_TMPDIR/log"
  [ "$(curl -sS --unix-socket "$second" "http://docker/exec/$x/json" | jq .ExitCode)" = 127 ]
  kill "$other"
  api_is 204 POST '/containers/box/restart?t=0'
  asks 404 "No such exec instance: $x" GET "/exec/$x/json"
}

@test "exec: what a command says at once is there, each time" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  # its first words come together with the news that it runs, more often than not
  for _ in $(seq 25); do
    [ "$(attach -u "$SOCKET" "/exec/$(exec_of '{"Cmd":["echo","out"],"AttachStdout":true}')/start" '{}' | sed -n 2p)" = '1 out' ]
  done
}
@test "exec: what is asked for is bounded, in bytes and in number, and nothing is kept that nobody reads" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  local x id; id=$(tare inspect -f '{{.Id}}' box)
  x=$(exec_of '{"Cmd":["true"],"Nonsense":"unread","User":"1000"}')
  [ "$(jq -c . "$TARE_STATE/$id/exec/$x.kept")" = '{"Cmd":["true"],"User":"1000"}' ]
  jq -nc '{Cmd:["echo",("x"*200000)],AttachStdout:true}' >"$BATS_TEST_TMPDIR/large"
  x=$(api_is 201 POST /containers/box/exec "${JSON[@]}" --data-binary "@$BATS_TEST_TMPDIR/large" | jq -r .Id)
  api_is 200 GET "/exec/$x/json" >/dev/null
  jq -nc '{Cmd:["echo",("x"*300000)]}' >"$BATS_TEST_TMPDIR/large"
  run ! api_is 201 POST /containers/box/exec "${JSON[@]}" --data-binary "@$BATS_TEST_TMPDIR/large"
  # as if 256 were asked for
  for x in $(seq -f '%064.0f' 256); do : >"$TARE_STATE/$id/exec/$x.kept"; done
  asks 409 'container box has 256 processes that nobody has started: start them, or wait an hour' POST /containers/box/exec '{"Cmd":["true"]}'
  touch -d '2 hours ago' "$TARE_STATE/$id/exec/$x.kept" "$TARE_STATE/$id/exec/"*0.kept
  exec_of '{"Cmd":["true"]}'
}

@test "exec: a body that is none" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  for b in '[1]' null '"a"' '[]'; do asks 400 'No exec command specified' POST /containers/box/exec "$b"; done
}

@test "exec: of those that have ended so many are kept, the last ones; who runs or waits is not forgotten" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  local dir id i t last running waits
  id=$(tare inspect -f '{{.Id}}' box) dir=$TARE_STATE/$id/exec
  running=$(exec_of '{"Cmd":["sleep","1000"]}') waits=$(exec_of '{"Cmd":["true"]}') last=$(exec_of '{"Cmd":["true"],"AttachStdout":true}')
  api_is 200 POST "/exec/$running/start" "${JSON[@]}" -d '{"Detach":true}'
  attach "$SOCKET" "/exec/$last/start" '{}'
  t=$(($(date +%s) - 250))
  touch -d "@$((t - 40))" "$dir/$running".* "$dir/$waits".*
  printf '%064d\n' {1..300} | while read -r i; do
    cp "$dir/$last.kept" "$dir/$i.kept"; cp "$dir/$last.json" "$dir/$i.json"; : >"$dir/$i.begun"
  done
  # one whose monitor was killed said that it runs
  sed -i 's/"exited"/"running"/; s/"pid":[0-9]*/"pid":999999/' "$dir/$(printf '%064d' 1).json"
  printf '%064d\n' {1..300} | while read -r i; do touch -d "@$((t + 10#$i / 2))" "$dir/$i".*; done
  exec_of '{"Cmd":["true"]}'
  [ "$(find "$dir" -name '*.begun' | wc -l)" = 128 ]
  for i in "$running" "$waits" "$last" "$(printf %064d 300)" "$(printf %064d 176)"; do api_is 200 GET "/exec/$i/json" >/dev/null; done
  for i in 1 2 170; do api_is 404 GET "/exec/$(printf %064d $i)/json" >/dev/null; done
  [ -z "$(find "$dir" -name "$(printf %064d 1).*")" ]
}
exec_of() { api_is 201 POST /containers/box/exec "${JSON[@]}" -d "$1" | jq -r .Id; }

@test "files in and out: what is there, a tar of it, a tar into it" {
  create box '{"Cmd":["sleep","1000"]}'
  api_is 204 POST /containers/box/start
  mkdir -p "$BATS_TEST_TMPDIR/in/dir"; echo text >"$BATS_TEST_TMPDIR/in/dir/file"; ln -s dir/file "$BATS_TEST_TMPDIR/in/link"; chmod 1751 "$BATS_TEST_TMPDIR/in/dir"
  tar -C "$BATS_TEST_TMPDIR/in" -c . | api_is 200 PUT '/containers/box/archive?path=/tmp&noOverwriteDirNonDir=true' -T -
  [ "$(tare exec box sh -c 'cat /tmp/link; stat -c %a /tmp/dir')" = $'text\n1751' ]
  [ "$(path_stat /tmp/dir | jq -c '[.name,.mode,.linkTarget]')" = "[\"dir\",$((1 << 31 | 1 << 20 | 0751)),\"\"]" ]
  [ "$(path_stat /tmp/link | jq -c '[.name,.mode,.linkTarget]')" = "[\"link\",$((1 << 27 | 0777)),\"/tmp/dir/file\"]" ]
  [ "$(path_stat /dev/null | jq .mode)" = "$((1 << 26 | 1 << 21 | 0666))" ]
  [ "$(api GET '/containers/box/archive?path=/tmp/dir' | tar -t)" = $'dir/\ndir/file' ]
  [ "$(api GET '/containers/box/archive?path=tmp/dir/file' | tar -xO)" = text ]
  asks 404 'Could not find the file /nosuch in container box' GET '/containers/box/archive?path=/nosuch'
  asks 404 'Could not find the file /nosuch in container box' PUT '/containers/box/archive?path=/nosuch'
  asks 400 'extraction point is not a directory' PUT '/containers/box/archive?path=/etc/passwd'
  asks 400 "bad parameter: 'path' cannot be empty" GET /containers/box/archive
  run -0 api PUT '/containers/box/archive?path=/tmp' --data-binary nonsense
  [ "$(cat "$BATS_TEST_TMPDIR/status")" = 400 ]
  api GET /containers/box/export | tar -t >"$BATS_TEST_TMPDIR/list"
  grep -qx 'tmp/dir/file' "$BATS_TEST_TMPDIR/list"
  # whose they become
  create his '{"Cmd":["sleep","1000"],"User":"1000:1001"}'
  tar -C "$BATS_TEST_TMPDIR/in" -c . | api_is 200 PUT '/containers/his/archive?path=/tmp&copyUIDGID=1' -T -
  [ "$(api GET '/containers/his/archive?path=/tmp/dir/file' | tar -tv --numeric-owner | awk '{ print $2 }')" = 1000/1001 ]
}

@test "files in: a file in a folder's place and a folder in a file's, unless that is not to be" {
  create box '{"Cmd":["sleep","1000"],"HostConfig":{"Tmpfs":{"/o/kept/in":""}}}'
  api_is 204 POST /containers/box/start
  local in=$BATS_TEST_TMPDIR/in; mkdir -p "$in/b" "$in/l"; echo new >"$in/a"; echo new >"$in/b/c"; echo new >"$in/l/x"
  tare exec box sh -c 'mkdir -p /w/a/deep /w/real /m/a; echo old >/w/a/deep/f; echo old >/w/b; ln -s real /w/l; echo old >/o/kept/in/f'
  # /w: a is a folder, b a file, l a link
  for flag in 1 true; do
    tar -C "$in" -c . | api_is 400 PUT "/containers/box/archive?path=/w&noOverwriteDirNonDir=$flag" -T -
    [ "$(tare exec box cat /w/a/deep/f /w/b)" = $'old\nold' ]
  done
  tar -C "$in" -c . | api_is 200 PUT '/containers/box/archive?path=/w' -T -
  [ "$(tare exec box sh -c 'cat /w/a /w/b/c /w/l/x; ls /w/real')" = $'new\nnew\nnew' ]
  # a folder that the tar says nothing of is only the way to what is in it, and a mount is nobody's to remove
  tare exec box sh -c 'rm -r /w/l && ln -s real /w/l'
  run ! eval 'tar -C "$in" -c l/x | api_is 200 PUT "/containers/box/archive?path=/w" -T -'
  [ "$(tare exec box readlink /w/l)" = real ]
  mkdir "$in/k"; echo x >"$in/k/kept"
  tar -C "$in/k" -c kept | api_is 409 PUT '/containers/box/archive?path=/o' -T -
  [ "$(tare exec box cat /o/kept/in/f)" = old ]
}

@test "a client that does not read what it asked for keeps nobody from the container" {
  cd "$BATS_TEST_TMPDIR"
  create box '{"Cmd":["sh","-c","[ -e /big ] || head -c 20000000 /dev/zero >/big; sleep 1000"]}'
  api_is 204 POST /containers/box/start
  wait_until 10 tare exec box pidof sleep
  api_stalled /containers/box/export go >export 3>&- &
  wait_until 5 reads_worker
  timeout 20 "$TARE_BIN/tare" stop -t 0 box
  touch go; wait $!; [ "$(cat export)" = whole ]; rm go
  # one that does not run: it can be started, and once it is removed what was sent of it is not whole
  api_stalled /containers/box/export go >export 3>&- &
  wait_until 5 reads_worker
  timeout 20 "$TARE_BIN/tare" start box
  timeout 20 "$TARE_BIN/tare" rm -f box
  touch go; wait $!; [ "$(cat export)" = cut ]; rm go
  # a file of it, which is read as it was, and a volume's, of one that never ran: it has no place for that yet
  create box '{"Cmd":["sleep","1000"],"HostConfig":{"Binds":["'"$PWD"'/there:/not/there"]}}'
  head -c 20000000 /dev/zero >there/big; echo 1 >small
  api_stalled '/containers/box/archive?path=/not/there/big' go >export 3>&- &
  wait_until 5 reads_worker
  limit=$(api_send_limit)
  [ "$limit" -gt 0 ]; [ "$limit" -le 60 ]
  timeout 20 "$TARE_BIN/tare" cp small box:/small
  timeout 20 "$TARE_BIN/tare" start box
  tare exec box sh -c 'echo 2 >/small'
  tare stop -t 0 box
  touch go; wait $!; [ "$(cat export)" = whole ]; rm go
  [ "$(api GET '/containers/box/archive?path=/small' | tar -xO)" = 2 ]
  tare cp there/big box:/big
  api_stalled '/containers/box/archive?path=/big' go >export 3>&- &
  wait_until 5 reads_worker
  tare start box; tare stop -t 0 box
  timeout 20 "$TARE_BIN/tare" rm box
  touch go; wait $!; [ "$(cat export)" = cut ]
  # and nobody from what else is in the store
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}
reads_worker() { pgrep -x tare-worker -P "$(pgrep -d, -P "$TARED_PID")" >/dev/null 2>&1; }

@test "a tar that is cut off between two members: nothing of it is in the container" {
  create box '{"Cmd":["sleep","1000"]}'
  cd "$BATS_TEST_TMPDIR"
  echo text >first
  tar_members cut.tar first
  api_cut PUT '/containers/box/archive?path=/tmp' cut.tar | grep -q 'did not come whole'
  asks 404 'Could not find the file /tmp/first in container box' GET '/containers/box/archive?path=/tmp/first'
  api_is 200 PUT '/containers/box/archive?path=/tmp' --data-binary @cut.tar
  [ "$(api GET '/containers/box/archive?path=/tmp/first' | tar -xO)" = text ]
}
path_stat() { curl -sSI --unix-socket "$SOCKET" "http://docker/containers/box/archive?path=$1" | tr -d '\r' | sed -n 's/^X-Docker-Container-Path-Stat: //p' | base64 -d; }
