#!/bin/bash
# tare run --rm --network none against docker and podman: the same image, seccomp on, private namespaces, foreground.
# What differs: tare also makes a user namespace; docker and podman do not.
. bench/lib.bash
make_images
start_dockerd
/usr/bin/docker load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
$PODMAN load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
$TARE load -i "$BENCH_WORK/busybox.tar" >/dev/null
rounds "${BENCH_ROUNDS:-20}" \
  tare "$TARE run --rm --network none busybox true" \
  tare-userns-host "$TARE run --rm --network none --userns=host busybox true" \
  docker "/usr/bin/docker run --rm --network none busybox true" \
  podman "$PODMAN --runtime runc run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=4096:4096 busybox true" |
  jq --argjson v "$(versions)" '{name: "start", what: "run --rm --network none busybox true", versions: $v, results: .,
    ratios: {docker_over_tare: (.docker.median_ms / .tare.median_ms), podman_over_tare: (.podman.median_ms / .tare.median_ms)},
    target: "docker / tare >= 10"}'
