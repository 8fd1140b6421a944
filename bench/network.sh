#!/bin/bash
# A container's network made and taken away: tare's own way against Debian's CNI plugins bridge (with masquerading) and portmap, in a
# network namespace of the benchmark's own. Both: a new network namespace, an address, a default route, one published port.
[ -n "${BENCH_OWN_NET:-}" ] || BENCH_OWN_NET=1 exec tests/lib/own-net bash "$0"
. bench/lib.bash
ninja -C "$TARE_BUILD" --quiet bench/bench-net-cycle >/dev/null
cycle() { "$TARE_BUILD/bench/bench-net-cycle" "$@"; }
ip link add name bench0 type bridge; ip addr add 10.9.0.1/16 dev bench0; ip link set bench0 up
echo 1 >/proc/sys/net/ipv4/ip_forward

cni=/usr/lib/cni conf=$BENCH_WORK/cni
mkdir -p "$conf"
jq -n --arg dir "$conf/ipam" '{cniVersion: "1.0.0", name: "bench", type: "bridge", bridge: "cni-bench", isGateway: true, ipMasq: true,
  ipam: {type: "host-local", dataDir: $dir, ranges: [[{subnet: "10.8.0.0/16"}]], routes: [{dst: "0.0.0.0/0"}]}}' >"$conf/bridge"
plugin() { CNI_COMMAND=$1 CNI_CONTAINERID=bench CNI_NETNS=$ns CNI_IFNAME=eth0 CNI_PATH=$cni "$cni/$2"; }
portmap() { jq --slurpfile r "$conf/result" '{cniVersion: "1.0.0", name: "bench", type: "portmap", capabilities: {portMappings: true}, prevResult: $r[0],
  runtimeConfig: {portMappings: [{hostPort: 9999, containerPort: 80, protocol: "tcp"}]}}' -n; }
cni_cycles() {
  local i start
  for i in $(seq "$1"); do
    unshare -n sleep 100 & ns=/proc/$!/ns/net
    until [ "$(readlink "$ns")" != "$(readlink /proc/self/ns/net)" ]; do sleep 0.01; done
    start=$(date +%s%N)
    plugin ADD bridge <"$conf/bridge" >"$conf/result"
    portmap >"$conf/portmap"
    plugin ADD portmap <"$conf/portmap" >/dev/null
    plugin DEL portmap <"$conf/portmap"
    plugin DEL bridge <"$conf/bridge"
    echo $((($(date +%s%N) - start) / 1000))
    kill $!; wait $! 2>/dev/null || true
  done | sort -n | awk '{ v[NR] = $1 } END { printf "{\"median_us\": %d, \"p90_us\": %d}\n", v[int(NR / 2) + 1], v[int(NR * 0.9)] }'
}
n=${BENCH_ROUNDS:-30}
jq -n --argjson one "$(cycle "$n" 0)" --argjson thousand "$(cycle "$n" 1000)" --argjson cni "$(cni_cycles "$((n / 3))")" --argjson v "$(versions)" \
  '{name: "network", what: "network add + delete, microseconds", versions: $v,
    results: {tare_add: $one.add, tare_delete: $one.delete, tare: $one.both, tare_beside_1000: $thousand.both, cni: $cni},
    ratios: {cni_over_tare: ($cni.median_us / $one.both.median_us), beside_1000_over_alone: ($thousand.both.median_us / $one.both.median_us)},
    target: "cni / tare >= 50, tare <= 2000 us, the same beside 1000"}'
