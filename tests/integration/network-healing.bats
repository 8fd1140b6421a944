#!/usr/bin/env bats
# What others take away of the networks comes back by itself: no test here runs a tare command between the damage and the repair.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  [ -z "${SERVER:-}" ] || kill "$SERVER" 2>/dev/null || true
  remove_all
  wait_until 5 no_healer
  tare network prune -f >/dev/null
}

# Those of this file's network namespace.
ours() { pgrep -x "$1" | while read -r p; do [ "$(readlink "/proc/$p/ns/net")" != "$(readlink /proc/self/ns/net)" ] || echo "$p"; done; }
healer() { ours tare-healer; }
netd() { ours tare-netd; }
no_healer() { [ -z "$(healer)" ] && [ ! -e "$TARE_STATE/healer.sock" ]; }
one_healer() { [ "$(healer | wc -l)" = 1 ] && [ -S "$TARE_STATE/healer.sock" ]; }
another_healer() { one_healer && [ "$(healer)" != "$1" ]; }
answers() { [[ "$(ask 127.0.0.1 "$1")" == "$2"* ]] && [[ "$(ask_from_outside 192.0.2.1 "$1")" == "$2"* ]]; }
pid_of() { tare inspect "$1" | jq '.[0].State.Pid'; }
# in the container's namespace, without tare
inside() { nsenter --net="/proc/$1/ns/net" "${@:2}"; }
reaches() { inside "$1" timeout 3 busybox nc -w 2 "$2" "$3" </dev/null 2>/dev/null; }
name_of() { inside "$1" timeout 4 busybox nslookup "$2" 127.0.0.11 2>/dev/null | awk '/^Name:/ { on = 1 } on && /^Address/ { print $NF }'; }
knows() { [ "$(name_of "$1" "$2")" = "$3" ]; }

@test "a container that ends soon starts no healer; one that stays has it, until the last has ended" {
  tare run --rm -p 8080:80 busybox true
  no_healer
  tare run -d --name aa -p 8080:80 busybox sleep 1000 >/dev/null
  tare run -d --name bb busybox sleep 1000 >/dev/null
  tare run -d --name cc --network none busybox sleep 1000 >/dev/null
  no_healer
  wait_until 8 one_healer
  tare rm -f aa >/dev/null
  sleep 2
  one_healer
  tare rm -f bb >/dev/null
  wait_until 5 no_healer
  # one whose monitor knows of no network
  tare network connect bridge cc
  one_healer
  sleep 2
  one_healer
}

@test "rules flushed, a chain, a rule, a set, a single element taken away: published ports and the way out work again" {
  nsenter --net="/proc/$OUTSIDE/ns/net" busybox nc -ll -p 90 -e echo world 3>&- & SERVER=$!
  serve web 80 web -p 8080:80 -p 9000-9010:9000-9010
  local ns; ns=$(pid_of web)
  wait_until 8 one_healer
  wait_until 5 answers 8080 web
  local before; before=$(rules)
  for how in "flush ruleset" "delete table bridge T" "flush chain inet T publish" "flush set inet T senders4" \
    "flush chain inet T source; delete chain inet T source" "delete element inet T ranges4 { 0.0.0.0-255.255.255.255 . tcp . 9000-9010 }"; do
    t=$(table)
    [ "$(rules)" = "$before" ]
    nft "${how//T/$t}" || { echo "$how"; nft list ruleset; return 1; }
    wait_until 3 answers 8080 web || { echo "$how"; return 1; }
    [ "$(reaches "$ns" 192.0.2.2 90)" = world ] || { echo "$how"; return 1; }
    wait_until 3 same_rules "$before" || { echo "$how"; diff <(echo "$before") <(rules); return 1; }
    sleep 4 # what comes again and again is put back later and later
  done
  # where nothing is missing nothing is loaded
  t=$(generation)
  tare internal heal
  [ "$(generation)" = "$t" ]
}

@test "whoever takes the rules away again and again is given up to, more and more" {
  serve web 80 web -p 8080:80
  wait_until 8 one_healer
  local t end n=0; t=$(table); end=$((SECONDS + 6))
  while [ "$SECONDS" -lt "$end" ]; do
    if nft delete table inet "$t" 2>/dev/null; then n=$((n + 1)); fi
    sleep 0.02
  done
  echo "# deleted $n times" >&3
  [ "$n" -ge 2 ]
  [ "$n" -le 12 ] # 0.1, 0.2, 0.2, 0.4, 0.4 … s
  wait_until 12 answers 8080 web
}

@test "tare-netd killed: names are there again without any command; so does the healer, killed with it" {
  tare network create one >/dev/null
  tare run -d --name aa --network one busybox sleep 1000 >/dev/null
  tare run -d --name bb --network one -p 8080:80 busybox sh -c 'exec nc -ll -p 80 -e echo web' >/dev/null
  local ns ip; ns=$(pid_of aa); ip=$(address_of bb)
  wait_until 8 one_healer
  knows "$ns" bb "$ip"
  kill -9 "$(netd)"
  wait_until 3 knows "$ns" bb "$ip"
  local was; was=$(healer)
  kill -9 "$was"
  wait_until 6 another_healer "$was"
  was=$(healer)
  kill -9 "$was" "$(netd)"
  wait_until 8 knows "$ns" bb "$ip"
  wait_until 5 one_healer
  # and with the rules: nobody notices at once, the next healer finds out
  was=$(healer)
  kill -9 "$was"
  nft flush ruleset
  wait_until 8 answers 8080 web
  another_healer "$was"
  # monitors whose worker or keeper is killed hold on to it
  kill -9 "$(half aa worker)" "$(half bb keeper)"
  sleep 3
  one_healer
  tare rm -f aa bb >/dev/null
  wait_until 5 no_healer
  [ -z "$(netd)" ]
}

@test "a monitor that took over a container sees to the healer, too" {
  tare run -d --name aa busybox sleep 1000 >/dev/null
  local keeper worker; keeper=$(half aa keeper) worker=$(half aa worker)
  kill -9 "$keeper" "$worker"
  wait_until 5 no_monitor "$keeper"
  tare ps >/dev/null
  wait_until 8 one_healer
}
no_monitor() { [ ! -e "/proc/$1" ]; }

rules() { { nft list table inet "$(table)"; nft list table bridge "$(table)"; } 2>/dev/null | sed 's/elements = { //; s/ }$//; s/, $//; s/,$//; s/, /\n/g' | sed 's/^[ \t]*//' | sort; }
generation() { nft -j list tables | jq -c '[.nftables[].table.handle?]'; }
same_rules() { [ "$(rules)" = "$1" ]; }
table() { basename "$(tr '\0' '\n' <"/proc/$(healer)/cmdline" | tail -1)"; }
