# Shared by the benchmarks: interleaved rounds timed by hyperfine, and the peers started and stopped by hand.
# Every benchmark runs as root on an otherwise quiet machine and writes one JSON document to $BENCH_OUT/NAME.json.
# shellcheck shell=bash
set -euo pipefail

BENCH_WORK=$(mktemp -d /tmp/tare-bench.XXXXXX)
DOCKERD_PID=
end_bench() {
  [ -z "$DOCKERD_PID" ] || { kill "$DOCKERD_PID" 2>/dev/null && wait "$DOCKERD_PID" 2>/dev/null; } || true
  # what containerd and the layers left mounted below our own folder, deepest first
  awk -v d="$BENCH_WORK/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
  rm -rf --one-file-system "$BENCH_WORK"
  # the peers leave their (empty) parent cgroups behind
  find /sys/fs/cgroup -depth -type d \( -path '*/docker/*' -o -name docker -o -path '*/libpod_parent/*' -o -name libpod_parent \) \
    -exec rmdir {} + 2>/dev/null || true
}
trap end_bench EXIT

declare -A PREPARE=()

say() { echo "   $*" >&2; }

# rounds ROUNDS LABEL COMMAND [LABEL COMMAND...]: runs the commands in turn (A B A B ...), ROUNDS times each, after one
# unmeasured round. PREPARE[LABEL], when set, is run by a shell before each run, unmeasured. Prints {"LABEL": {"median_ms", "p90_ms", "min_ms", "cpu_ms", "rounds"}, ...}.
rounds() {
  local n=$1 i k f; shift
  local labels=() commands=()
  while [ $# -gt 0 ]; do labels+=("$1"); commands+=("$2"); shift 2; done
  for k in "${!labels[@]}"; do : >"$BENCH_WORK/r.$k"; done
  for ((i = 0; i <= n; i++)); do
    for k in "${!labels[@]}"; do
      f=$BENCH_WORK/one.json
      [ -z "${PREPARE[${labels[$k]}]:-}" ] || bash -c "${PREPARE[${labels[$k]}]}" >/dev/null 2>&1
      hyperfine -N -r 1 --style none --export-json "$f" "${commands[$k]}" >/dev/null 2>"$BENCH_WORK/err" ||
        { echo "bench: '${commands[$k]}' failed:" >&2; cat "$BENCH_WORK/err" >&2; return 1; }
      [ "$i" -eq 0 ] || jq -c '.results[0] | [.mean, .user + .system]' "$f" >>"$BENCH_WORK/r.$k"
    done
  done
  for k in "${!labels[@]}"; do
    jq -s --arg l "${labels[$k]}" '
      def ms: . * 100000 | round / 100;
      (map(.[0]) | sort) as $w | (map(.[1]) | sort) as $c | ($w | length) as $n |
      {($l): {median_ms: ($w[($n / 2 | floor)] | ms), p90_ms: ($w[($n * 0.9 | floor)] | ms), min_ms: ($w[0] | ms),
              cpu_ms: ($c[($n / 2 | floor)] | ms), rounds: $n}}' "$BENCH_WORK/r.$k"
  done | jq -s add
}

# A Docker daemon of our own: no bridge, no iptables, overlay2, data below $BENCH_WORK.
start_dockerd() {
  export DOCKER_HOST=unix://$BENCH_WORK/docker.sock
  dockerd --data-root "$BENCH_WORK/docker" --exec-root "$BENCH_WORK/docker-exec" --pidfile "$BENCH_WORK/docker.pid" \
    -H "$DOCKER_HOST" --bridge=none --iptables=false --storage-driver overlay2 >"$BENCH_WORK/dockerd.log" 2>&1 &
  DOCKERD_PID=$!
  for _ in $(seq 100); do /usr/bin/docker version >/dev/null 2>&1 && return 0; sleep 0.1; done
  tail -5 "$BENCH_WORK/dockerd.log" >&2; return 1
}

PODMAN="podman --root $BENCH_WORK/podman --runroot $BENCH_WORK/podman-run --cgroup-manager cgroupfs"
TARE="$TARE_BIN/tare --root $BENCH_WORK/tare --state $BENCH_WORK/tare-run"

# The same small image for everybody, as an OCI archive and as a docker-archive.
make_images() {
  tools/make-image "$BENCH_WORK/busybox-oci.tar" busybox:latest
  skopeo copy -q "oci-archive:$BENCH_WORK/busybox-oci.tar" "docker-archive:$BENCH_WORK/busybox.tar:busybox:latest"
}

versions() {
  jq -n --arg kernel "$(uname -r)" --arg docker "$(dockerd --version | cut -d, -f1)" --arg podman "$(podman --version)" \
    --arg runc "$(runc --version | head -1)" --arg crun "$(crun --version | head -1)" --arg tare "$("$TARE_BIN/tare" --version)" \
    --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" '$ARGS.named'
}
