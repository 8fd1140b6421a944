#!/bin/bash
# Published ports: the same server (nginx and iperf3, one image) in a container of tare's and in one of docker's, each on a host of its own,
# a network namespace, so that neither meets the other's rules. Asked from outside (one namespace, a veth to each host), from the host's
# 127.0.0.1 and from its ::1; at the last two docker has a proxy, tare the firewall and the monitor's relay.
# Docker's address is 10.77.2.1, tare's 10.77.1.1. Interleaved rounds, so that a busy machine is busy for both.
# Each way has a server of its own: tens of thousands of connections that have ended wait in it for a minute, and who comes by another way
# from the same address and port would meet them.
[ -n "${BENCH_OWN_NET:-}" ] || BENCH_OWN_NET=1 exec tests/lib/own-net bash "$0"
. bench/lib.bash
n=${BENCH_PORT_ROUNDS:-7} seconds=${BENCH_PORT_SECONDS:-1}
outside=
start_dockerd_beside
another_net outside
wire "$DOCKERD_NET" 10.77.2.1 "$outside" 10.77.2.2
wire /proc/$$/ns/net 10.77.1.1 "$outside" 10.77.1.2

make_server_image "$BENCH_WORK/server.tar"
/usr/bin/docker load -q -i "$BENCH_WORK/server.tar" >/dev/null
$TARE load -q -i "$BENCH_WORK/server.tar" >/dev/null
ways=(outside ipv4-loopback ipv6-loopback)
declare -A web=([outside]=8080 [ipv4-loopback]=8081 [ipv6-loopback]=8082) iperf=([outside]=5201 [ipv4-loopback]=5202 [ipv6-loopback]=5203)
for way in "${ways[@]}"; do
  /usr/bin/docker run -d --name "$way" -p "${web[$way]}:80" -p "${iperf[$way]}:5201" server /start >/dev/null
  $TARE run -d --name "$way" -p "${web[$way]}:80" -p "${iperf[$way]}:5201" server /start >/dev/null
  end_hooks+=("$TARE rm -f $way")
done

# WAY PEER: the network namespace to ask from, and the address to ask
where() {
  local host=/proc/$$/ns/net address=10.77.1.1
  [ "$2" = tare ] || host=$DOCKERD_NET address=10.77.2.1
  case $1 in outside) echo "$outside $address" ;; ipv4-loopback) echo "$host 127.0.0.1" ;; ipv6-loopback) echo "$host [::1]" ;; esac
}
# wrk says the median latency in us or ms
latency_us() { awk '$1 == "50%" { v = $2 + 0; if ($2 ~ /ms$/) v *= 1000; else if ($2 ~ /[0-9]s$/) v *= 1000000; print v }'; }
rate() { awk '$1 == "Requests/sec:" { v = $2 } /Socket errors|Non-2xx/ { bad = 1; print > "/dev/stderr" } END { if (bad || !v) exit 1; print v }'; }
# iperf3's server takes a moment until it is ready for the next
asked() { # COMMAND...: its value, within three attempts
  local v
  for _ in 1 2 3; do
    ! v=$("$@" 2>"$BENCH_WORK/asked") || [ -z "$v" ] || { echo "$v"; return; }
    sleep 0.5
  done
  echo "bench: $*: no answer: $(tail -n 1 "$BENCH_WORK/asked")" >&2; return 1
}
stream() { nsenter "--net=$1" iperf3 -c "$(tr -d '[]' <<<"$2")" -p "${iperf[$way]}" -t "$seconds" -J | jq '.end.sum_received.bits_per_second / 1e6 | round'; }
requests() { nsenter "--net=$1" wrk -t1 -c16 -d"$seconds" "${@:3}" "http://$2:${web[$way]}/" | rate; }
latency() { nsenter "--net=$1" wrk -t1 -c1 -d"$seconds" --latency "http://$2:${web[$way]}/" | latency_us; }
measure() { # WAY PEER: lines "WAY MEASURE PEER VALUE"
  local net address v
  read -r net address < <(where "$1" "$2")
  v=$(asked stream "$net" "$address"); echo "$1 mbit_per_second $2 $v"
  v=$(asked requests "$net" "$address"); echo "$1 requests_per_second $2 $v"
  v=$(asked requests "$net" "$address" -H "Connection: close"); echo "$1 connections_per_second $2 $v"
  v=$(asked latency "$net" "$address"); echo "$1 latency_us $2 $v"
}
for way in "${ways[@]}"; do
  for peer in tare docker; do
    read -r net address < <(where "$way" "$peer")
    for _ in $(seq 50); do nsenter "--net=$net" wrk -t1 -c1 -d1 "http://$address:${web[$way]}/" 2>/dev/null | rate >/dev/null 2>&1 && continue 2; sleep 0.2; done
    echo "bench: no answer from $peer by $way" >&2; exit 1
  done
done
for i in $(seq "$n"); do
  say "round $i of $n"
  for way in "${ways[@]}"; do for peer in tare docker; do measure "$way" "$peer"; done; done
done >"$BENCH_WORK/lines"
jq -R -s --argjson v "$(versions)" '
  def at($p): sort | .[(length * $p | floor)];
  def paired($a; $b): [range($a | length) | $a[.] / $b[.]] | at(0.5); # of what was measured one after the other
  [split("\n")[] | select(. != "") | split(" ")] | group_by(.[0:3]) | map({way: .[0][0], what: .[0][1], peer: .[0][2], v: map(.[3] | tonumber)})
  | . as $all
  | {name: "ports", what: "published ports: nginx and iperf3 in a container", versions: $v,
    results: (map({("\(.way), \(.what), \(.peer)"): {median: (.v | at(0.5)), p10: (.v | at(0.1)), p90: (.v | at(0.9))}}) | add),
    ratios: ([$all | group_by([.way, .what])[] | (map({(.peer): .v}) | add) as $m | .[0] |
      if .what == "latency_us" then {("\(.way), latency, docker/tare"): paired($m.docker; $m.tare)}
      else {("\(.way), \(.what), tare/docker"): paired($m.tare; $m.docker)} end] | add),
    target: "all >= 1"}' "$BENCH_WORK/lines"
