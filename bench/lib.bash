# Shared by the benchmarks: interleaved rounds timed by hyperfine, and the peers started and stopped by hand.
# Every benchmark runs as root on an otherwise quiet machine and writes one JSON document to $BENCH_OUT/NAME.json.
# shellcheck shell=bash
set -euo pipefail

BENCH_WORK=$(mktemp -d /tmp/tare-bench.XXXXXX)
DOCKERD_PID=
namespaces=() # processes that hold one
end_hooks=()  # commands
end_bench() {
  local c
  for c in "${end_hooks[@]}"; do $c >/dev/null 2>&1 || true; done
  [ -z "$DOCKERD_PID" ] || { kill "$DOCKERD_PID" 2>/dev/null && wait "$DOCKERD_PID" 2>/dev/null; } || true
  [ ${#namespaces[@]} -eq 0 ] || kill "${namespaces[@]}" 2>/dev/null || true
  # what containerd and the layers left mounted below our own folder, deepest first
  awk -v d="$BENCH_WORK/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r | while read -r m; do umount -l "$m"; done
  ! mountpoint -q "$BENCH_WORK" || umount "$BENCH_WORK" 2>/dev/null || { sleep 1; umount -l "$BENCH_WORK"; } # monitors on their way out
  rm -f "$BENCH_WORK.disk"
  rm -rf --one-file-system "$BENCH_WORK" 2>/dev/null || { sleep 1; rm -rf --one-file-system "$BENCH_WORK"; }
  # the peers leave their (empty) parent cgroups behind
  find /sys/fs/cgroup -depth -type d \( -path '*/docker/*' -o -name docker -o -path '*/libpod_parent/*' -o -name libpod_parent \) \
    -exec rmdir {} + 2>/dev/null || true
}
trap end_bench EXIT

declare -A PREPARE=()

# with_journal: everybody's stores on an ext4 with a journal, as people have it. Without one ext4 looks for each new file at the inodes
# that were removed in the last minutes, and what a round removed is paid for in the next.
with_journal() {
  truncate -s 24G "$BENCH_WORK.disk"
  mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0 "$BENCH_WORK.disk"
  mount -o loop "$BENCH_WORK.disk" "$BENCH_WORK"
  losetup --direct-io=on "$(losetup -j "$BENCH_WORK.disk" | cut -d: -f1)" # else what it writes waits for the disk's own cache, too
}

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

# A Docker daemon of our own: no bridge, no iptables (unless options say otherwise), overlay2, data below $BENCH_WORK. In the network
# namespace DOCKERD_NET, if there is one.
start_dockerd() { # [OPTION...]
  export DOCKER_HOST=unix://$BENCH_WORK/docker.sock
  nsenter "--net=${DOCKERD_NET:-/proc/self/ns/net}" dockerd --data-root "$BENCH_WORK/docker" --exec-root "$BENCH_WORK/docker-exec" --pidfile "$BENCH_WORK/docker.pid" \
    -H "$DOCKER_HOST" --bridge=none --iptables=false --storage-driver overlay2 "$@" >"$BENCH_WORK/dockerd.log" 2>&1 &
  DOCKERD_PID=$!
  for _ in $(seq 100); do /usr/bin/docker version >/dev/null 2>&1 && return 0; sleep 0.1; done
  tail -5 "$BENCH_WORK/dockerd.log" >&2; return 1
}

# Docker as it comes, with its bridge, its rules and its proxy, on a host of its own.
start_dockerd_beside() {
  another_net DOCKERD_NET
  start_dockerd --bridge= --iptables=true
}

# another_net VARIABLE: a network namespace with nothing but loopback; VARIABLE becomes its file.
another_net() {
  unshare -n sh -c 'ip link set lo up && exec sleep 100000' >/dev/null 2>&1 &
  namespaces+=($!)
  until [ "$(cat "/proc/$!/comm")" = sleep ]; do sleep 0.01; done
  printf -v "$1" %s "/proc/$!/ns/net"
}

# wire NETNS ADDRESS OTHER-NETNS ITS-ADDRESS: a veth between the two.
wire() {
  local name=w${2//./}
  name=${name:0:14}
  nsenter "--net=$1" ip link add name "$name" type veth peer name "$name" netns "$3"
  nsenter "--net=$1" sh -c "ip addr add $2/24 dev $name && ip link set $name up"
  nsenter "--net=$3" sh -c "ip addr add $4/24 dev $name && ip link set $name up"
}

PODMAN="podman --root $BENCH_WORK/podman --runroot $BENCH_WORK/podman-run --cgroup-manager cgroupfs"
TARE="$TARE_BIN/tare --root $BENCH_WORK/tare --state $BENCH_WORK/tare-run"

# The same small image for everybody, as an OCI archive and as a docker-archive.
make_images() {
  tools/make-image "$BENCH_WORK/busybox-oci.tar" busybox:latest
  skopeo copy -q "oci-archive:$BENCH_WORK/busybox-oci.tar" "docker-archive:$BENCH_WORK/busybox.tar:busybox:latest"
}

# make_server_image OUT: a docker-archive "server" of Debian's nginx, iperf3 and what they link with; /start runs both.
make_server_image() {
  local root=$BENCH_WORK/server-root f
  mkdir -p "$root"/{bin,etc,dev,proc,sys,tmp,run,var/log/nginx,var/lib/nginx,www}
  cp "$(command -v busybox)" "$root/bin/busybox"; ln -s busybox "$root/bin/sh"
  for f in /usr/sbin/nginx /usr/bin/iperf3; do
    { echo "$f"; ldd "$f" | grep -o '/[^ ]*'; } | sort -u | xargs -I{} cp --parents -L {} "$root"
  done
  echo 'root:x:0:0:root:/:/bin/sh' >"$root/etc/passwd"; echo 'root:x:0:' >"$root/etc/group"
  head -c 1024 /dev/zero | tr '\0' x >"$root/www/index.html"
  cat >"$root/etc/nginx.conf" <<'N'
daemon off; master_process off; user root; pid /run/nginx.pid; error_log /dev/null;
events { worker_connections 4096; }
http { access_log off; keepalive_requests 1000000000; sendfile on; tcp_nopush on; server { listen 80 backlog=1024; root /www; } }
N
  printf '#!/bin/sh\n/usr/bin/iperf3 -s >/dev/null 2>&1 &\nexec /usr/sbin/nginx -c /etc/nginx.conf\n' >"$root/start"; chmod 755 "$root/start"
  tar --numeric-owner -cf "$BENCH_WORK/server-layer.tar" -C "$root" .
  python3 tests/lib/docker_archive.py "$1" server:latest "$BENCH_WORK/server-layer.tar"
}

# DEBIAN_ROOT: a Debian root with some big packages, made once per build folder.
make_debian_root() {
  DEBIAN_ROOT=${TARE_BIN%/bin}/cache/bench-root
  [ ! -e "$DEBIAN_ROOT/.made" ] || return 0
  say "debootstrap (once)"
  rm -rf "$DEBIAN_ROOT"; mkdir -p "${DEBIAN_ROOT%/*}"
  debootstrap --variant=minbase --include=perl,python3,git,vim-runtime bookworm "$DEBIAN_ROOT" >"$BENCH_WORK/debootstrap.log" 2>&1 ||
    { tail -5 "$BENCH_WORK/debootstrap.log" >&2; return 1; }
  touch "$DEBIAN_ROOT/.made"
}

# tree_cpu_ms PID: processor time so far of a process, those below it, and those that they have reaped.
tree_cpu_ms() {
  local p ms
  ms=$(sed 's/.*) //' "/proc/$1/stat" | awk -v hz="$(getconf CLK_TCK)" '{ print int(($12 + $13 + $14 + $15) * 1000 / hz) }')
  for p in $(pgrep -P "$1" || true); do ms=$((ms + $(tree_cpu_ms "$p"))); done
  echo "$ms"
}

# docker_daemon_cpu_ms COMMAND…: what the daemon takes for it, which docker's own processor time leaves out: once more, beside the rounds.
docker_daemon_cpu_ms() {
  local before
  eval "${PREPARE[docker]:-}" >/dev/null 2>&1
  before=$(tree_cpu_ms "$DOCKERD_PID")
  "$@" >/dev/null
  echo $(($(tree_cpu_ms "$DOCKERD_PID") - before))
}

versions() {
  jq -n --arg kernel "$(uname -r)" --arg docker "$(dockerd --version | cut -d, -f1)" --arg podman "$(podman --version)" \
    --arg runc "$(runc --version | head -1)" --arg crun "$(crun --version | head -1)" --arg tare "$("$TARE_BIN/tare" --version)" \
    --arg load "$(cut -d' ' -f1-3 /proc/loadavg)" '$ARGS.named'
}
