#!/bin/bash
# Pulling one image of five layers, some 300 MB packed, from Debian's docker-registry on loopback. A fresh store each round, same file system,
# caches equally warm, tare's fsyncs included. Processor time is that of all who take part but the registry: of docker also its daemon's.
# Also the unpacker's peak memory.
. bench/lib.bash
with_journal
. bench/registry.bash
image=$BIG_IMAGE
start_registry
make_big_image
start_dockerd
PREPARE[tare]="rm -rf $BENCH_WORK/tare; sync"
PREPARE[docker]="/usr/bin/docker image rm -f $image; sync"
PREPARE[podman]="$PODMAN rmi -f $image; sync"
results=$(rounds "${BENCH_PULL_ROUNDS:-5}" \
  tare "$TARE pull -q $image" \
  docker "/usr/bin/docker pull -q $image" \
  podman "$PODMAN pull -q --tls-verify=false $image")
daemon=$(docker_daemon_cpu_ms /usr/bin/docker pull -q "$image")
# the worker's peak
rm -rf "$BENCH_WORK/tare"
$TARE pull -q "$image" >/dev/null &
peak=0
while kill -0 $! 2>/dev/null; do
  for p in $(pgrep -x -P $! tare-worker 2>/dev/null || true); do
    kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$p/status" 2>/dev/null || echo 0)
    [ "${kb:-0}" -le "$peak" ] || peak=$kb
  done
done
jq -n --argjson v "$(versions)" --argjson r "$results" --argjson daemon "$daemon" --argjson peak "$peak" --argjson packed "$BIG_BYTES" \
  '($r | .docker.cpu_ms += $daemon) as $r | {name: "pull", what: "pull of an image of five layers, \($packed) bytes packed, from docker-registry on loopback",
   versions: $v, results: ($r + {worker_peak_kb: $peak}),
   ratios: {docker_over_tare: ($r.docker.median_ms / $r.tare.median_ms), podman_over_tare: ($r.podman.median_ms / $r.tare.median_ms),
            tare_cpu_of_docker: ($r.tare.cpu_ms / $r.docker.cpu_ms), tare_cpu_of_podman: ($r.tare.cpu_ms / $r.podman.cpu_ms)},
   target: "docker, podman / tare >= 2; processor time <= half of docker\u0027s; worker < 65536 kB"}'
