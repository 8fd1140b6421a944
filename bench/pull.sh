#!/bin/bash
# Pulling one image of five layers, some 300 MB packed, from Debian's docker-registry on loopback. A fresh store each round, same file system,
# caches equally warm, tare's fsyncs included. Processor time is that of all who take part but the registry: of docker also its daemon's.
# Also the unpacker's peak memory.
. bench/lib.bash
export BATS_FILE_TMPDIR=$BENCH_WORK
. tests/lib/registry.bash
make_debian_root
program=$(docker_registry_program)
port=5056 image=127.0.0.1:5056/bench/big:1
printf '%s\n' "version: 0.1" "storage: {filesystem: {rootdirectory: $BENCH_WORK/registry}}" "http: {addr: 127.0.0.1:$port}" \
  "log: {level: error, accesslog: {disabled: true}}" >"$BENCH_WORK/registry.yml"
"$program" serve "$BENCH_WORK/registry.yml" >"$BENCH_WORK/registry.log" 2>&1 </dev/null &
namespaces+=($!) # ended with those

# layer NAME TAR-ARGUMENT…: one more, gzip-compressed.
layout=$BENCH_WORK/layout; mkdir -p "$layout/blobs/sha256"
layers=() diffs=()
layer() {
  local t=$BENCH_WORK/layer digest
  tar --sort=name --numeric-owner -cf "$t" "$@"
  diffs+=("sha256:$(sha256sum <"$t" | cut -d' ' -f1)")
  gzip -n -1 "$t"
  digest=$(sha256sum <"$t.gz" | cut -d' ' -f1)
  layers+=("$(jq -nc --arg d "sha256:$digest" --argjson s "$(stat -c %s "$t.gz")" '{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $d, size: $s}')")
  mv "$t.gz" "$layout/blobs/sha256/$digest"
}
put() { # FILE: prints its descriptor without a type
  local digest; digest=$(sha256sum <"$1" | cut -d' ' -f1)
  cp "$1" "$layout/blobs/sha256/$digest"
  jq -nc --arg d "sha256:$digest" --argjson s "$(stat -c %s "$1")" '{digest: $d, size: $s}'
}
# bytes that do not pack, for what images have of archives, models and binaries
noise() { openssl enc -aes-128-ctr -nosalt -K "$(printf '%032d' "$1")" -iv 00000000000000000000000000000000 -in /dev/zero 2>/dev/null | head -c "$2" >"$BENCH_WORK/noise-$1" || true; }
noise 1 90000000; noise 2 70000000
layer -C "$DEBIAN_ROOT" usr/lib
layer -C "$DEBIAN_ROOT" usr/share
layer -C "$DEBIAN_ROOT" --exclude=./usr/lib --exclude=./usr/share --exclude=./.made .
layer -C "$BENCH_WORK" noise-1
layer -C "$BENCH_WORK" noise-2
jq -nc '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: $ARGS.positional}}' --args "${diffs[@]}" >"$BENCH_WORK/config"
jq -nc --argjson c "$(put "$BENCH_WORK/config")" --argjson l "$(printf '%s\n' "${layers[@]}" | jq -sc .)" \
  '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: ({mediaType: "application/vnd.oci.image.config.v1+json"} + $c), layers: $l}' >"$BENCH_WORK/manifest"
jq -nc --argjson m "$(put "$BENCH_WORK/manifest")" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json"} + $m]}' >"$layout/index.json"
echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
skopeo copy -q --dest-tls-verify=false "oci:$layout" "docker://$image"
packed=$(jq '[.layers[].size] | add' "$BENCH_WORK/manifest")
rm -rf "$layout" "$BENCH_WORK"/noise-*

start_dockerd
PREPARE[tare]="rm -rf $BENCH_WORK/tare"
PREPARE[docker]="/usr/bin/docker image rm -f $image"
PREPARE[podman]="$PODMAN rmi -f $image"
results=$(rounds "${BENCH_PULL_ROUNDS:-5}" \
  tare "$TARE pull -q $image" \
  docker "/usr/bin/docker pull -q $image" \
  podman "$PODMAN pull -q --tls-verify=false $image")
# the daemon's part, which docker's own processor time leaves out: once more, beside the rounds
eval "${PREPARE[docker]}" >/dev/null 2>&1
before=$(tree_cpu_ms "$DOCKERD_PID")
/usr/bin/docker pull -q "$image" >/dev/null
daemon=$(($(tree_cpu_ms "$DOCKERD_PID") - before))
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
jq -n --argjson v "$(versions)" --argjson r "$results" --argjson daemon "$daemon" --argjson peak "$peak" --argjson packed "$packed" \
  '($r | .docker.cpu_ms += $daemon) as $r | {name: "pull", what: "pull of an image of five layers, \($packed) bytes packed, from docker-registry on loopback",
   versions: $v, results: ($r + {worker_peak_kb: $peak}),
   ratios: {docker_over_tare: ($r.docker.median_ms / $r.tare.median_ms), podman_over_tare: ($r.podman.median_ms / $r.tare.median_ms),
            tare_cpu_of_docker: ($r.tare.cpu_ms / $r.docker.cpu_ms), tare_cpu_of_podman: ($r.tare.cpu_ms / $r.podman.cpu_ms)},
   target: "docker, podman / tare >= 2; processor time <= half of docker\u0027s; worker < 65536 kB"}'
