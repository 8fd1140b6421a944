#!/bin/bash
# tare run --rm with network and one published port against docker's, each on a host of its own (a network namespace), docker with its rules
# and its proxy. Beside it what tare takes without a port and without a network: the difference is what the network costs.
[ -n "${BENCH_OWN_NET:-}" ] || BENCH_OWN_NET=1 exec tests/lib/own-net bash "$0"
. bench/lib.bash
make_images
start_dockerd_beside
/usr/bin/docker load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
$TARE load -q -i "$BENCH_WORK/busybox.tar" >/dev/null
rounds "${BENCH_ROUNDS:-20}" \
  tare-port "$TARE run --rm -p 8080:80 busybox true" \
  tare-net "$TARE run --rm busybox true" \
  tare-none "$TARE run --rm --network none busybox true" \
  docker-port "/usr/bin/docker run --rm -p 8080:80 busybox true" |
  jq --argjson v "$(versions)" '{name: "start-port", what: "run --rm -p 8080:80 busybox true", versions: $v, results: .,
    ratios: {docker_over_tare: (."docker-port".median_ms / ."tare-port".median_ms), port_over_none: (."tare-port".median_ms / ."tare-none".median_ms)},
    target: "docker / tare >= 20"}'
