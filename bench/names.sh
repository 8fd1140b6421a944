#!/bin/bash
# tare-netd with 500 containers' names against Debian's dnsmasq with the same names, and what its other half, the healer, takes.
# A processor each for who asks and who answers; in a network namespace of the benchmark's own.
[ -n "${BENCH_OWN_NET:-}" ] || BENCH_OWN_NET=1 exec tests/lib/own-net bash "$0"
. bench/lib.bash
ninja -C "$TARE_BUILD" --quiet bench/bench-names >/dev/null
others=()
end_names() { kill "${others[@]}" 2>/dev/null || true; end_bench; }
trap end_names EXIT
chmod 711 "$BENCH_WORK" # dnsmasq is nobody
n=500 s=${BENCH_SECONDS:-5}
names() { "$TARE_BUILD/bench/bench-names" "$TARE_BIN/tare-netd" $n "$s" "$@"; }
for ((i = 0; i < n; i++)); do printf '10.1.%d.%d container-%d %012x\n' $((i >> 8)) $((i & 255)) $i $i; done >"$BENCH_WORK/hosts"
dnsmasq --keep-in-foreground --conf-file=/dev/null --no-resolv --no-hosts --addn-hosts="$BENCH_WORK/hosts" --port=5300 --listen-address=127.0.0.1 \
  --bind-interfaces --pid-file= --cache-size=10000 --local-ttl=1 --user=nobody 2>"$BENCH_WORK/dnsmasq.log" & dnsmasq=$!
others+=($!)
mkdir "$BENCH_WORK/state"
exec 8>"$BENCH_WORK/state/healer.lock"
flock 8
# as many monitors as containers hold a connection to it
python3 -c 'import os, socket, sys, time
path = sys.argv[1] + "/healer.sock"
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); s.bind(path); s.listen(128)
if os.fork():
    s.close(); os.close(8); held = []
    for _ in range(int(sys.argv[3])):
        c = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); c.connect(path); held.append(c)
    time.sleep(1000)
os.set_inheritable(s.fileno(), True); os.dup2(s.fileno(), 3); os.dup2(8, 4)
os.execv(sys.argv[2], ["tare-netd", "heal", "/bin/true", "/", sys.argv[1], "none"])' "$BENCH_WORK/state" "$TARE_BIN/tare-netd" $n & monitors=$!
others+=("$monitors")
sleep 1
healer=$(pgrep -P "$monitors")
others+=("$healer")
private() { awk '/^Private_/ { n += $2 } END { print n }' "/proc/$1/smaps_rollup"; }
jq -n --argjson one "$(names 1)" --argjson many "$(names $n)" --argjson one_d "$(names 1 5300 $dnsmasq)" --argjson many_d "$(names $n 5300 $dnsmasq)" \
  --argjson healer "$(private $healer)" --argjson v "$(versions)" --arg d "$(dnsmasq --version | head -1 | cut -d' ' -f1-3)" --argjson n $n \
  '{name: "names", what: "questions for \($n) containers'"'"' names: answers a second, a second of processor time, private memory", versions: ($v + {dnsmasq: $d}),
    results: {one_asks: $one, all_ask: $many, dnsmasq_one_asks: $one_d, dnsmasq_500_sockets: $many_d, healer_private_kb: $healer,
      tare_private_kb: ($many.private_kb + $healer)},
    ratios: {one_over_dnsmasq: ($one.answers_per_s / $one_d.answers_per_s), all_over_dnsmasq: ($many.answers_per_s / $many_d.answers_per_s),
      cpu_all_over_dnsmasq: ($many.answers_per_cpu_s / $many_d.answers_per_cpu_s)},
    target: "20000 answers a second on one core, tare_private_kb < 1000"}'
