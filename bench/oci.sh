#!/bin/bash
# tare-oci run against runc and crun on the same bundle (runc's default config, no terminal). crun refuses hybrid
# cgroups, so it runs where the unified hierarchy is hidden when the machine is hybrid.
. bench/lib.bash
bundle=$BENCH_WORK/bundle; mkdir -p "$bundle/rootfs/bin"
cp "$(command -v busybox)" "$bundle/rootfs/bin/busybox"; ln -s busybox "$bundle/rootfs/bin/true"
(cd "$bundle" && runc spec && jq '.process.terminal = false | .process.args = ["/bin/true"] | del(.process.rlimits)' config.json >c && mv c config.json)
crun="crun --root $BENCH_WORK/crun run -b $bundle b3"
[ ! -d /sys/fs/cgroup/unified ] || crun="unshare -m sh -c 'umount /sys/fs/cgroup/unified; exec $crun'"
rounds "${BENCH_ROUNDS:-20}" \
  tare-oci "$TARE_BIN/tare-oci --root $BENCH_WORK/oci run -b $bundle b1" \
  runc "runc --root $BENCH_WORK/runc run -b $bundle b2" \
  crun "$crun" |
  jq --argjson v "$(versions)" '{name: "oci", what: "run of one bundle, /bin/true", versions: $v, results: .,
    ratios: {runc_over_tare: (.runc.median_ms / ."tare-oci".median_ms), crun_over_tare: (.crun.median_ms / ."tare-oci".median_ms),
             crun_over_tare_cpu: (.crun.cpu_ms / ."tare-oci".cpu_ms)}}'
