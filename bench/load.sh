#!/bin/bash
# Loading one docker-archive that all three read: its one layer is gzip-compressed and holds /usr of a Debian root made
# by debootstrap. A fresh store each round, same file system, caches equally warm, tare's fsyncs included. Where unpigz
# is installed docker uses it; the run says which. Also the unpacker's peak memory.
. bench/lib.bash
with_journal
make_debian_root
root=$DEBIAN_ROOT
# the archive: manifest.json, config, one gzip-compressed layer.tar
work=$BENCH_WORK/archive; mkdir -p "$work"
tar --sort=name --numeric-owner -cf "$BENCH_WORK/layer" -C "$root" usr
diff_id=$(sha256sum <"$BENCH_WORK/layer" | cut -d' ' -f1)
unpacked=$(stat -c %s "$BENCH_WORK/layer"); files=$(find "$root/usr" | wc -l)
mkdir "$work/$diff_id"; gzip -n <"$BENCH_WORK/layer" >"$work/$diff_id/layer.tar"; rm "$BENCH_WORK/layer"
printf '{"architecture":"amd64","os":"linux","config":{"Cmd":["/bin/sh"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]},"history":[{"created_by":"debootstrap"}]}' "$diff_id" >"$work/config.json"
printf '[{"Config":"config.json","RepoTags":["usr:latest"],"Layers":["%s/layer.tar"]}]' "$diff_id" >"$work/manifest.json"
tar -cf "$BENCH_WORK/usr.tar" -C "$work" config.json "$diff_id" manifest.json
start_dockerd
PREPARE[tare]="rm -rf $BENCH_WORK/tare; sync"
PREPARE[docker]="/usr/bin/docker image rm -f usr:latest; sync"
PREPARE[podman]="$PODMAN rmi -f usr:latest; sync"
results=$(rounds "${BENCH_LOAD_ROUNDS:-5}" \
  tare "$TARE load -q -i $BENCH_WORK/usr.tar" \
  docker "/usr/bin/docker load -q -i $BENCH_WORK/usr.tar" \
  podman "$PODMAN load -q -i $BENCH_WORK/usr.tar")
# the worker's peak: it is tare's only child
rm -rf "$BENCH_WORK/tare"
$TARE load -q -i "$BENCH_WORK/usr.tar" >/dev/null &
peak=0
while kill -0 $! 2>/dev/null; do
  for p in $(pgrep -P $! 2>/dev/null || true); do
    kb=$(awk '/^VmHWM/ { print $2 }' "/proc/$p/status" 2>/dev/null || echo 0)
    [ "${kb:-0}" -le "$peak" ] || peak=$kb
  done
done
jq -n --argjson v "$(versions)" --argjson r "$results" --argjson peak "$peak" --argjson bytes "$unpacked" --argjson files "$files" \
  --arg unpigz "$(command -v unpigz || echo none)" '{name: "load", what: "load of a docker-archive: /usr of a Debian root, \($files) entries, \($bytes) bytes unpacked; unpigz: \($unpigz)",
   versions: $v, results: ($r + {worker_peak_kb: $peak}),
   ratios: {docker_over_tare: ($r.docker.median_ms / $r.tare.median_ms), podman_over_tare: ($r.podman.median_ms / $r.tare.median_ms)},
   target: "docker, podman / tare >= 1.5; worker < 65536 kB"}'
