#!/usr/bin/env bats
# tare update --publish-add and --publish-rm: ports of a container change while it runs, and stay changed.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

rows() { sqlite3 "$TARE_ROOT/catalog.db" "$1"; }
# `tare port` shows what every address has once for each family.
port4() { tare port "$@" | grep -vF '[::]:' || true; }
ports() { port4 "$1" | sort | tr '\n' ' '; }
# What the firewall knows of ports, one a line.
known() { elements | jq -c 'select(.[0] | test("ports|ranges")) | .[1]' | sed 's/,"comment":"[0-9a-f]*"//' | sort; }
changing() { [ -n "$(find "$TARE_STATE" -name ports)" ]; }

@test "a port comes and goes while it runs, and is as it was at the next start" {
  serve main 80 from-main
  [ -z "$(ask 127.0.0.1 8080)" ]
  [ "$(tare update --publish-add 8080:80 main)" = main ]
  [[ "$(ask 127.0.0.1 8080)" == from-main* ]]
  [[ "$(ask ::1 8080)" == from-main* ]]
  [[ "$(ask_from_outside 192.0.2.1 8080)" == from-main* ]]
  [ "$(port4 main)" = "80/tcp -> 0.0.0.0:8080" ]
  [[ "$(tare ps --format json | jq -r .Ports)" == "0.0.0.0:8080->80/tcp"* ]]
  [ "$(tare inspect main | jq -r '.[0].NetworkSettings.Ports["80/tcp"][0].HostPort')" = 8080 ]
  tare update --publish-add 8080:80 main # once more is nothing more
  [ "$(port4 main | wc -l)" = 1 ]
  tare restart -t 0 main
  wait_until 5 tare exec main sh -c "netstat -ltn | grep -q ':80 '"
  [[ "$(ask 127.0.0.1 8080)" == from-main* ]]
  [[ "$(ask ::1 8080)" == from-main* ]]
  tare update --publish-rm 8080 main
  [ -z "$(ask 127.0.0.1 8080)" ]
  [ -z "$(ask ::1 8080)" ]
  [ -z "$(tare port main)" ]
  [ -z "$(known)" ]
  tare restart -t 0 main
  [ -z "$(tare port main)" ]
  run ! changing
}

@test "one that does not run: at its next start" {
  tare create --name main -p 8080:80 -p 80 busybox sleep 1000 >/dev/null
  tare update --publish-add 127.0.0.1:8081:81/udp --publish-add 9000-9003:9000-9003 main
  tare update --publish-rm 9001-9002 --publish-rm 80 main
  [ -z "$(known)" ]
  tare start main
  [ "$(ports main)" = "80/tcp -> 0.0.0.0:8080 81/udp -> 127.0.0.1:8081 9000/tcp -> 0.0.0.0:9000 9003/tcp -> 0.0.0.0:9003 " ]
  tare stop -t 0 main
  run -1 tare update --publish-add 8080:81 main
  [[ "$output" == *"8080:81: a port of the host leads to port 80 of container main already"* ]]
  run -1 tare update --publish-rm 8082 main
  [[ "$output" == *"publishes no such port"* ]]
  tare update --publish-rm :80 --publish-rm 9000:9000 --publish-rm 9003 --publish-rm 8081/udp main
  tare start main
  [ -z "$(tare port main)" ]
}

@test "every form of -p is taken, and each is taken away by what shows it" {
  for form in 80 80/udp 8080:80 8080:80/udp 127.0.0.1:8080:80 127.0.0.1::80 192.0.2.1:8080:80/tcp 9000-9009:80 9000-9009:9000-9009 9000-9009:7000-7009/udp 7000-7003 '[::1]:8080:80' '[::]:8080:80' 0.0.0.0:8080:80 9000-9040:9000-9040; do
    tare run -d --name main busybox sleep 1000 >/dev/null
    for way in same port ps; do
      tare update --publish-add "$form" main
      case $way in
        same) how=$form ;;
        port) how=$(tare port main | head -1) ;;
        ps) how=$(tare ps --format json | jq -r .Ports | sed 's/, .*//') ;;
      esac
      echo "$form: $how"
      [ -n "$(tare port main)" ]
      if [ $way = port ]; then # one at a time
        while [ -n "$how" ]; do tare update --publish-rm "$how" main; how=$(tare port main | head -1); done
      else
        tare update --publish-rm "$how" main
      fi
      [ -z "$(tare port main)" ]
      [ -z "$(known)" ]
      [ "$(rows "SELECT json_extract(config, '\$.Publish') FROM containers")" = "[]" ]
    done
    tare rm -f main
  done
}

@test "random ports: taken away by port of the host, of the container, or as they were asked for" {
  tare run -d --name main -p 80 -p 80 -p 81 busybox sleep 1000 >/dev/null
  one=$(tare port main 80 | sed -n 's/.*://p;q')
  tare update --publish-rm "$one" main
  [ "$(port4 main 80 | wc -l)" = 1 ]
  [ "$(rows "SELECT json_extract(config, '\$.Publish') FROM containers")" = '["80","81"]' ]
  tare update --publish-rm 80 main
  [ "$(port4 main | cut -d' ' -f1)" = 81/tcp ]
  tare update --publish-rm :81 --publish-add 8000-8010:81 main
  [ "$(port4 main)" = "81/tcp -> 0.0.0.0:8000" ]
  tare restart -t 0 main
  [ "$(port4 main)" = "81/tcp -> 0.0.0.0:8000" ]
  tare update --publish-rm 8000 main
  [ "$(rows "SELECT json_extract(config, '\$.Publish') FROM containers")" = "[]" ]
}

@test "a part of a range: the rest goes on, in the firewall as in the configuration" {
  serve main 9004 from-main -p 9000-9010:9000-9010 -p 9100-9110:9000-9010 -p 9200-9205:9000-9005/udp
  tare update --publish-rm 9002-9003 --publish-rm 9104 --publish-rm 9200-9201/udp main
  [[ "$(ask 127.0.0.1 9004)" == from-main* ]]
  [ -z "$(ask 127.0.0.1 9104)" ]
  [ "$(port4 main 9002 | tr '\n' ' ')" = "0.0.0.0:9102 " ]
  tare update --publish-rm 9004 main
  [ -z "$(ask 127.0.0.1 9004)" ]
  tare update --publish-add 9004:9004 main
  [[ "$(ask 127.0.0.1 9004)" == from-main* ]]
  before=$(ports main) elements=$(known)
  tare restart -t 0 main
  [ "$(ports main)" = "$before" ]
  [ "$(known | sed 's/10\.[0-9]*\.[0-9]*\.[0-9]*//g')" = "$(sed 's/10\.[0-9]*\.[0-9]*\.[0-9]*//g' <<<"$elements")" ]
  [ "$(rows "SELECT json_extract(config, '\$.Publish') FROM containers")" = \
    '["9000-9001:9000-9001/tcp","9005-9010:9005-9010/tcp","9100-9103:9000-9003/tcp","9105-9110:9005-9010/tcp","9202-9205:9002-9005/udp","9004:9004"]' ]
  tare update --publish-rm 1-65535 --publish-rm 1-65535/udp main
  [ -z "$(known)" ]
}

@test "a long range that shifts is an element per port: all come, and all go, whatever of them is there" {
  serve main 22999 shifted -p 10000-12999:20000-22999
  [[ "$(ask 127.0.0.1 12999)" == shifted* ]]
  [ "$(known | wc -l)" = 3000 ]
  tare update --publish-rm 11000-11999 main
  [ "$(known | wc -l)" = 2000 ]
  tare rm -f main
  [ -z "$(known)" ]
  run ! grep published <<<"$(elements)"
}

@test "somebody took some elements of a port: the others go with the container all the same" {
  serve main 80 from-main -p 8080:80 -p 9000-9003:9100-9103
  hold_healer
  nft delete element inet "$(our_table)" published4 "{ tcp . 8080, tcp . 9002 }"
  tare rm -f main
  let_healer_go
  [ -z "$(known)" ]
  run ! grep published <<<"$(elements)"
  serve other 80 from-other -p 8080:80
  [[ "$(ask 127.0.0.1 8080)" == from-other* ]]
}

@test "all of it or nothing" {
  tare run -d --name other -p 8090:80 busybox sleep 1000 >/dev/null
  serve main 80 from-main -p 8080:80
  busybox nc -ll -p 8070 -e true 3>&- & program=$!
  wait_until 5 sh -c 'netstat -ltn 2>/dev/null | grep -q ":8070 " || ss -ltn | grep -q ":8070 "'
  for bad in "--publish-add 8081:81 --publish-add 8090:90" "--publish-rm 8080 --publish-add 8090:90" "--publish-add 8081:81 --publish-rm 8082" "--publish-add 8085-8095:85-95" \
    "--publish-add 8070:70" "--publish-add 8081:81 --publish-add 8081:82" "--publish-add 8080:81" "--publish-add x" "--publish-rm x" "--publish-add 0.0.0.0:8080:81"; do
    # shellcheck disable=SC2086
    run -1 tare update $bad main
    echo "$bad: $output"
    [ "${#lines[@]}" = 1 ]
    [ "$(ports main)" = "80/tcp -> 0.0.0.0:8080 " ]
    [ "$(known | wc -l)" = 2 ]
    [[ "$(ask 127.0.0.1 8080)" == from-main* ]]
    run ! changing
  done
  kill "$program"
  # what goes makes room for what comes
  tare update --publish-rm 8080 --publish-add 8080:81 --publish-add 8079:80 main
  [ "$(ports main)" = "80/tcp -> 0.0.0.0:8079 81/tcp -> 0.0.0.0:8080 " ]
  [[ "$(ask 127.0.0.1 8079)" == from-main* ]]
  [[ "$(ask ::1 8079)" == from-main* ]]
  [ -z "$(ask ::1 8080)" ]
  run -1 tare update --publish-rm 8079 nosuch main
  [[ "$output" == *"no such container: nosuch"* ]]
  [ "$(ports main)" = "81/tcp -> 0.0.0.0:8080 " ]
  tare update --publish-add 8079:80 other
}

@test "connections to a port that goes are cut, others are not" {
  tare run -d --name main -p 8080:80 -p 8081:80 busybox nc -ll -p 80 -e cat >/dev/null
  wait_until 5 tare exec main sh -c "netstat -ltn | grep -q ':80 '"
  exec {gone}<>/dev/tcp/127.0.0.1/8080 {stays}<>/dev/tcp/127.0.0.1/8081
  for c in $gone $stays; do echo before >&"$c"; read -rt 2 line <&"$c"; [ "$line" = before ]; done
  tare update --publish-rm 8080 main
  echo after >&"$gone" || true
  run ! read -rt 2 line <&"$gone"
  echo after >&"$stays"; read -rt 2 line <&"$stays"; [ "$line" = after ]
  exec {gone}>&- {stays}>&-
}

udp() { nsenter --net="/proc/$(tare inspect "$1" | jq '.[0].State.Pid')/ns/net" python3 "$BATS_TEST_DIRNAME/../lib/udp.py" serve 53 "$2" 3>&- & echo $! >>"$BATS_TEST_TMPDIR/pids"; }
ask_udp() { outside python3 "$BATS_TEST_DIRNAME/../lib/udp.py" ask 192.0.2.1 5353 4000; }
answers() { [[ "$(ask_udp)" == "$1"* ]]; }

@test "a UDP flow follows its port at once" {
  tare run -d --name aa -p 5353:53/udp busybox sleep 1000 >/dev/null
  tare run -d --name bb busybox sleep 1000 >/dev/null
  udp aa from-a; udp bb from-b
  wait_until 5 answers from-a
  tare update --publish-rm 5353/udp aa
  [ -z "$(ask_udp)" ]
  tare update --publish-add 5353:53/udp bb
  wait_until 5 answers from-b
  kill $(cat "$BATS_TEST_TMPDIR/pids")
}

@test "who has no network of his own is told so; other changes are refused by name" {
  tare run -d --name hosted --network host busybox sleep 1000 >/dev/null
  tare run -d --name alone --network none busybox sleep 1000 >/dev/null
  tare run -d --name main busybox sleep 1000 >/dev/null
  tare run -d --name side --network container:main busybox sleep 1000 >/dev/null
  run -1 tare update --publish-add 80 hosted; [[ "$output" == *"shares the host's network"* ]]
  run -1 tare update --publish-add 80 alone; [[ "$output" == *"is in no network"* ]]
  run -1 tare update --publish-add 80 side; [[ "$output" == *"publish on that one"* ]]
  run tare update --kernel-memory 1m main; [ "$status" -ne 0 ]; [[ "$output" == *"--kernel-memory"* ]]
  run tare update main; [[ "$output" == *"--publish-add"* ]]
  tare network disconnect bridge main
  run -1 tare update --publish-add 80 main; [[ "$output" == *"is in no network"* ]]
  tare network connect bridge main
  tare update --publish-add 8080:80 main
}

@test "the rules were flushed: a change brings them back, for everybody" {
  serve other 80 from-other -p 8090:80
  serve main 80 from-main -p 8000-8003:80-83
  nft flush ruleset
  tare update --publish-rm 8001 main
  [[ "$(ask 127.0.0.1 8000)" == from-main* ]]
  [[ "$(ask 127.0.0.1 8090)" == from-other* ]]
  nft flush map inet "$(nft list tables | sed -n 's/^table inet \(tare[^ ]*\)$/\1/p')" ports4
  tare update --publish-rm 8003 --publish-add 8080:80 main
  [[ "$(ask 127.0.0.1 8080)" == from-main* ]]
}

@test "several at once on one container, and while it stops and starts" {
  tare run -d --name main busybox sleep 1000 >/dev/null
  pids=()
  for i in $(seq 10); do tare update --publish-add "80$((10 + i)):80" main >/dev/null 3>&- & pids+=($!); done
  (for _ in 1 2 3; do tare restart -t 0 main; done) >/dev/null 3>&- & pids+=($!)
  for p in "${pids[@]}"; do wait "$p"; done
  [ "$(port4 main | wc -l)" = 10 ]
  [ "$(known | wc -l)" = 10 ]
  pids=()
  for i in $(seq 10); do tare update --publish-rm "80$((10 + i))" main >/dev/null 3>&- & pids+=($!); done
  tare network create one >/dev/null
  (tare network connect one main; tare network disconnect bridge main) 3>&- & pids+=($!)
  for p in "${pids[@]}"; do wait "$p"; done
  [ -z "$(tare port main)" ]
  [ -z "$(known)" ]
}

bindings() { tare inspect "$1" | jq -c '.[0].NetworkSettings.Ports'; }

@test "ports are shown while they lead to the container, and not while it is in internal networks or in none" {
  tare network create --internal quiet; tare network create loud
  run -0 --separate-stderr tare run -d --name main --network quiet -p 9090:80 busybox sleep 1000
  # shellcheck disable=SC2154
  [[ "$stderr" == *"network quiet is internal: -p 9090:80 leads nowhere"* && "$stderr" != *$'\n'* ]]
  run -0 --separate-stderr tare create --name stopped --network quiet -p 9091:80 busybox true
  [[ "$stderr" == *"network quiet is internal: -p 9091:80 leads nowhere"* ]]
  run -0 --separate-stderr tare create --network quiet --network loud -p 9092:80 busybox true
  [ -z "$stderr" ]
  for way in quiet none; do
    [ -z "$(tare port main)" ]
    [ -z "$(tare ps --format json | jq -r .Ports)" ]
    [ "$(bindings main)" = "$(if [ $way = none ]; then echo '{}'; else echo '{"80/tcp":null}'; fi)" ]
    tare network connect loud main
    [ "$(port4 main)" = "80/tcp -> 0.0.0.0:9090" ]
    [[ "$(tare ps --format json | jq -r .Ports)" == "0.0.0.0:9090->80/tcp"* ]]
    [ "$(bindings main | jq -r '.["80/tcp"][0].HostPort')" = 9090 ]
    tare network disconnect loud main
    [ $way = none ] || tare network disconnect quiet main
  done
  [ -z "$(tare port main)" ]
}

@test "[::] is shown of ports alone that are reached by IPv6" {
  tare run -d --name main -p 8000-8015:8000-8015/udp -p 9000-9016:9000-9016/udp -p 7000-7100:7000-7100 -p 80:80/sctp busybox sleep 1000 >/dev/null
  run -0 tare port main
  [[ "$output" == *"8000/udp -> [::]:8000"* && "$output" == *"7050/tcp -> [::]:7050"* && "$output" == *"9000/udp -> 0.0.0.0:9000"* && "$output" == *"80/sctp -> 0.0.0.0:80"* ]]
  [[ "$output" != *"9000/udp -> [::]"* && "$output" != *"80/sctp -> [::]"* ]]
  run -0 tare ps
  [[ "$output" == *"[::]:8000-8015->"* && "$output" != *"[::]:9000-9016->"* ]]
  tare network create --ipv6 six
  tare run -d --name six --network six -p 9100-9116:9100-9116/udp -p 81:80/sctp busybox sleep 1000 >/dev/null
  run -0 tare port six
  [[ "$output" == *"9100/udp -> [::]:9100"* && "$output" == *"80/sctp -> [::]:81"* ]]
}

@test "a stopped container that would be in no network with ports is given none" {
  tare network create --internal quiet; tare network create loud
  tare network create -d macvlan --internal wire
  for network in quiet wire none host; do
    tare create --name "at-$network" --network $network busybox true >/dev/null
    run -1 tare update --publish-add 8080:80 "at-$network"
    echo "$network: $output"
    [ "${#lines[@]}" = 1 ]
    [ "$(rows "SELECT json_extract(config, '\$.Publish') FROM containers WHERE name = 'at-$network'")" = "[]" ]
  done
  tare create --name both --network quiet --network loud busybox true >/dev/null
  tare update --publish-add 8080:80 both
  tare create --name usual busybox true >/dev/null
  tare update --publish-add 8081:80 usual
}

@test "a port of an address that this host has not is refused" {
  run -125 tare run --rm -p 203.0.113.9:8081:80 busybox true
  [[ "$output" == *"this host has no address 203.0.113.9"* && "${#lines[@]}" = 1 ]]
  run -125 tare run --rm -p '[2001:db8:1::9]:8081:80/udp' busybox true
  [[ "$output" == *"this host has no address 2001:db8:1::9"* && "${#lines[@]}" = 1 ]]
  tare create --name later -p 203.0.113.9:8081:80 busybox sleep 1000 >/dev/null
  run -1 tare start later
  [[ "$output" == *"this host has no address 203.0.113.9"* ]]
  ip addr add 203.0.113.9/32 dev up0
  tare start later
  ip addr del 203.0.113.9/32 dev up0
  tare run -d --name main busybox sleep 1000 >/dev/null
  run -1 tare update --publish-add 203.0.113.9:8082:80 main
  [[ "$output" == *"this host has no address 203.0.113.9"* && "${#lines[@]}" = 1 ]]
  [ -z "$(tare port main)" ]
}
