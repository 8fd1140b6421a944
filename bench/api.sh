#!/bin/bash
# The same client (Debian's docker) by tared and by dockerd: run --rm with the bridge network, exec, ps; the API itself without a client's start (one connection,
# requests one after the other); 200 clients at once; what the servers and all that stays with a container hold, idle and with 200 running ones, 50 of them attached to.
# BENCH_ROUNDS, BENCH_RUNNING (200), BENCH_ATTACHED (50), BENCH_ONCE (200); BENCH_PARTS: some of "client latency once memory".
. bench/lib.bash
n=${BENCH_ROUNDS:-20} parts=${BENCH_PARTS:-client latency once memory} running=${BENCH_RUNNING:-200} attached=${BENCH_ATTACHED:-50} once=${BENCH_ONCE:-200}
results='{}' TARED_PID=
part() { [[ " $parts " == *" $1 "* ]]; }
note() { results=$(jq --arg k "$1" --argjson v "$2" '. + {($k): $v}' <<<"$results"); say "$1: $(jq -c . <<<"$2")"; }
end_api() {
  $TARE ps -aq | xargs -r $TARE rm -f >/dev/null 2>&1 || true
  [ -z "$DOCKERD_PID" ] || $DOCKER ps -aq | xargs -r $DOCKER rm -f >/dev/null 2>&1 || true
  [ -z "$TARED_PID" ] || kill "$TARED_PID" 2>/dev/null || true
  end_bench
}
trap end_api EXIT

with_journal
make_images
$TARE load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
"$TARE_BIN/tared" -H "unix://$BENCH_WORK/tared.sock" --root "$BENCH_WORK/tare" --state "$BENCH_WORK/tare-run" >"$BENCH_WORK/tared.log" 2>&1 &
TARED_PID=$!
start_dockerd_beside
DOCKER="/usr/bin/docker -H $DOCKER_HOST" OURS="/usr/bin/docker -H unix://$BENCH_WORK/tared.sock"
unset DOCKER_HOST
$DOCKER load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
$OURS version >/dev/null

pss_kb() {
  local p
  for p in "$@"; do cat "/proc/$p/smaps_rollup" 2>/dev/null || true; done | awk '/^Pss:/ { s += $2 } END { print s + 0 }'
}
descend() { echo "$1"; local c; for c in $(pgrep -P "$1" || true); do descend "$c"; done; }
shims() { pgrep -f "containerd-shim.*-address $BENCH_WORK/docker-exec" || true; }

bench_client() {
  local d
  note run "$(rounds "$n" tare "$OURS run --rm busybox true" docker "$DOCKER run --rm busybox true" client "/usr/bin/docker --version")"
  for d in "$OURS" "$DOCKER"; do $d run -d --name bench busybox sleep 100000 >/dev/null; done
  note exec "$(rounds "$n" tare "$OURS exec bench true" docker "$DOCKER exec bench true")"
  note ps "$(rounds "$n" tare "$OURS ps" docker "$DOCKER ps")"
  for d in "$OURS" "$DOCKER"; do $d rm -f bench >/dev/null; done
}

# p50 and p90 of a request, in ms, of both in turn; beside 20 running containers
bench_latency() {
  local d i
  for d in "$OURS" "$DOCKER"; do
    for i in $(seq 20); do $d run -d --name "bench$i" busybox sleep 100000 >/dev/null; done
  done
  note latency "$(python3 - "$BENCH_WORK/tared.sock" "$BENCH_WORK/docker.sock" <<'P'
import http.client, json, socket, sys, time
class Unix(http.client.HTTPConnection):
    def __init__(self, path):
        super().__init__("localhost")
        self.path = path
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(self.path)
servers = {"tare": Unix(sys.argv[1]), "docker": Unix(sys.argv[2])}
out = {}
for what, path in (("ps", "/v1.41/containers/json"), ("inspect", "/v1.41/containers/bench1/json"), ("ping", "/_ping")):
    took = {k: [] for k in servers}
    for i in range(220):
        for k, c in servers.items():
            t = time.perf_counter()
            c.request("GET", path)
            r = c.getresponse()
            r.read()
            assert r.status == 200, (k, path, r.status)
            if i >= 20:
                took[k].append((time.perf_counter() - t) * 1000)
    for k, v in took.items():
        v.sort()
        out[f"{what} {k}"] = {"p50_ms": round(v[len(v) // 2], 3), "p90_ms": round(v[len(v) * 9 // 10], 3), "min_ms": round(v[0], 3)}
print(json.dumps(out))
P
)"
  for d in "$OURS" "$DOCKER"; do $d ps -aq | xargs $d rm -f >/dev/null; done
}

# once_of CLIENT: {"ms", "failed"} of so many at the same instant
once_of() {
  local i s failed=0 pids=()
  s=$(date +%s%N)
  for ((i = 0; i < once; i++)); do $1 run --rm busybox true >/dev/null 2>>"$BENCH_WORK/once.err" & pids+=($!); done
  for i in "${pids[@]}"; do wait "$i" || failed=$((failed + 1)); done
  jq -n --argjson ms $((($(date +%s%N) - s) / 1000000)) --argjson failed $failed '$ARGS.named'
}
bench_once() {
  note once_tare "$(once_of "$OURS")"
  note once_docker "$(once_of "$DOCKER")"
}

# shellcheck disable=SC2046
bench_memory() {
  local i d
  note idle_kb "$(jq -n --argjson tare "$(pss_kb $(descend "$TARED_PID"))" --argjson rss "$(awk '/^VmRSS/ { print $2 }' "/proc/$TARED_PID/status")" --argjson docker "$(pss_kb $(descend "$DOCKERD_PID"))" '$ARGS.named')"
  for d in "$OURS" "$DOCKER"; do
    for ((i = 0; i < running; i++)); do $d run -d --name "bench$i" --network none busybox sleep 100000 >/dev/null; done
    for ((i = 0; i < attached; i++)); do $d attach --no-stdin "bench$i" >/dev/null 2>&1 & namespaces+=($!); done
  done
  sleep 5
  note busy_kb "$(jq -n --argjson tare "$(pss_kb $(descend "$TARED_PID"))" --argjson rss "$(awk '/^VmRSS/ { print $2 }' "/proc/$TARED_PID/status")" \
    --argjson monitors "$(pss_kb $(jq -r '.keeper, .worker' "$BENCH_WORK"/tare-run/*/state.json))" \
    --argjson docker "$(pss_kb $(descend "$DOCKERD_PID"))" --argjson shims "$(pss_kb $(shims))" '$ARGS.named')"
}

for p in $parts; do "bench_$p"; done
jq -n --argjson r "$results" --argjson v "$(versions)" '
  def over($what; $of): if $r[$what] then {"\($what): docker/tare": ($r[$what].docker[$of] / $r[$what].tare[$of])} else {} end;
  {name: "api", what: "docker'"'"'s client by tared and by dockerd; requests alone; many at once; memory", versions: $v,
   results: ([$r | to_entries[] | .key as $k | if (.value | to_entries[0].value | type) == "object" then .value | to_entries[] | {key: "\($k) \(.key)", value: .value} else . end] | from_entries),
   ratios: (over("run"; "median_ms") + over("exec"; "median_ms") + over("ps"; "median_ms")
     + (if $r.run then {"run: of it the client itself": ($r.run.client.median_ms / $r.run.tare.median_ms)} else {} end)
     + (if $r.latency then {"GET containers: docker/tare, p50": ($r.latency["ps docker"].p50_ms / $r.latency["ps tare"].p50_ms),
                            "GET container: docker/tare, p50": ($r.latency["inspect docker"].p50_ms / $r.latency["inspect tare"].p50_ms)} else {} end)
     + (if $r.once_tare then {"many at once: docker/tare": ($r.once_docker.ms / $r.once_tare.ms)} else {} end)
     + (if $r.idle_kb then {"idle: docker/tare": ($r.idle_kb.docker / $r.idle_kb.tare), "busy: docker/tare": (($r.busy_kb.docker + $r.busy_kb.shims) / $r.busy_kb.tare)} else {} end)),
   target: "run >= 5; exec >= 4; p50 of a request >= 3; at once >= 10 with none failing; tared < 8 MB idle, < 12 MB busy"}'
