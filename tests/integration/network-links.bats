#!/usr/bin/env bats
# --link: Docker's legacy links in the default network, names for one container alone in others.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() {
  local all
  all=$(tare ps -aq)
  # shellcheck disable=SC2086
  [ -z "$all" ] || tare rm -f $all >/dev/null
  for all in $(tare network ls -q --filter type=custom --filter driver=bridge); do tare network rm "$all" >/dev/null; done
}

ip_of() { tare inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' "$1"; }
# The address that a name has for a container. Nobody there may send what ping sends.
says() { tare exec "$1" ping -c 1 -w 1 "$2" 2>/dev/null | sed -n 's/^PING .* (\(.*\)):.*/\1/p'; }
waits_for_lock() { grep -q -- "-> FLOCK *ADVISORY *WRITE $1 " /proc/locks; }
flocked() { ! flock -n "$1" true; }
sleeper() { tare run -d --name "$@" >/dev/null; }

@test "default network: a line of hosts with alias, host name and name; Docker's variables" {
  sleeper my-db -h dbhost -e COLOR=blue -e HOME=/x --expose 5432 --expose 9000-9002/udp -p 127.0.0.1::80 busybox sleep 1000
  local ip; ip=$(ip_of my-db)
  run -0 tare run --rm --name web --link my-db:the-db busybox sh -c 'cat /etc/hosts; env; ping -c 1 the-db 2>/dev/null; true'
  [[ "$output" == *"$ip"$'\t'"the-db dbhost my-db"* ]]
  [[ "$output" == *"PING the-db ($ip)"* ]]
  for line in THE_DB_NAME=/web/the-db THE_DB_ENV_COLOR=blue "THE_DB_PORT=tcp://$ip:80" "THE_DB_PORT_80_TCP=tcp://$ip:80" \
    "THE_DB_PORT_5432_TCP=tcp://$ip:5432" "THE_DB_PORT_5432_TCP_ADDR=$ip" THE_DB_PORT_5432_TCP_PORT=5432 THE_DB_PORT_5432_TCP_PROTO=tcp \
    "THE_DB_PORT_9000_UDP_START=udp://$ip:9000" THE_DB_PORT_9000_UDP_PORT_START=9000 "THE_DB_PORT_9000_UDP_END=udp://$ip:9002" \
    THE_DB_PORT_9000_UDP_PORT_END=9002 "THE_DB_PORT_9001_UDP=udp://$ip:9001"; do
    grep -Fqx "$line" <<<"$output" || { echo "no $line"; echo "$output"; return 1; }
  done
  [[ "$output" != *THE_DB_ENV_HOME* ]]
  # what the user says counts
  [ "$(tare run --rm --link my-db:db -e DB_NAME=mine busybox sh -c 'echo $DB_NAME')" = mine ]
  # without an alias it is the name; exec has the variables, too
  sleeper web --link my-db busybox sleep 1000
  [ "$(tare exec web sh -c 'echo $MY_DB_NAME')" = /web/my-db ]
  [[ "$(tare exec web cat /etc/hosts)" == *"$ip"$'\t'"my-db dbhost"$'\n'* ]]
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = '["/my-db:/web/my-db"]' ]
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' my-db)" = null ]
  # others do not know it
  run -1 tare run --rm busybox grep my-db /etc/hosts
}

@test "default network: the address follows a restart, the link another name" {
  sleeper db busybox sleep 1000
  sleeper web --link db:store busybox sleep 1000
  local before; before=$(ip_of db)
  [[ "$(tare exec web cat /etc/hosts)" == *"$before"$'\t'"store "* ]]
  tare stop -t 0 db
  sleeper thief busybox sleep 1000 # takes an address in between
  tare start db
  local now; now=$(ip_of db)
  [ "$before" != "$now" ] || { tare stop -t 0 db; sleeper thief2 busybox sleep 1000; tare start db; now=$(ip_of db); }
  [[ "$(tare exec web cat /etc/hosts)" == *"$now"$'\t'"store "* ]]
  [ "$before" = "$now" ] || ! tare exec web grep "^$before"$'\t' /etc/hosts
  [ "$(says web store)" = "$now" ]
  tare rename db other
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = '["/other:/web/store"]' ]
  # a linked one that is down holds the next start back
  tare stop -t 0 web other
  run -1 tare start web
  [[ "$output" == *"container web is linked to container other, as store, which does not run: start that first"* ]]
  tare start other web
  [[ "$(tare exec web cat /etc/hosts)" == *"$(ip_of other)"$'\t'"store "* ]]
  tare stop -t 0 web
  tare rm -f other
  run -1 tare start web
  [[ "$output" == *"container web is linked to one, as store, that was removed: make it anew"* ]]
}

@test "default network: two that are linked start in the same instant, and both have their line" {
  sleeper one busybox sleep 1000
  sleeper two busybox sleep 1000
  sleeper web --link one --link two busybox sleep 1000
  tare stop -t 0 one two
  local folder first holder; folder=$TARE_ROOT/containers/$(tare inspect -f '{{.Id}}' web)
  # the first has read what there is, and is about to write it; the second has all its time in between
  flock "$folder" sleep 10 & holder=$!
  wait_until 5 flocked "$folder"
  "$TARE_BIN/tare" start one >/dev/null & first=$!
  wait_until 5 waits_for_lock "$first"
  kill -STOP "$first"
  pkill -P "$holder"
  run tare start two
  kill -CONT "$first"
  [ "$status" -eq 0 ]
  wait "$first"
  local hosts; hosts=$(tare exec web cat /etc/hosts)
  [[ "$hosts" == *"$(ip_of one)"$'\t'"one "* ]]
  [[ "$hosts" == *"$(ip_of two)"$'\t'"two "* ]]
}

@test "a network with names: the alias is the linking container's alone, also before the other one is there" {
  tare network create net
  sleeper web --network net --link db:store --link later busybox sleep 1000
  sleeper plain --network net busybox sleep 1000
  [ -z "$(says web store)" ]
  sleeper db --network net busybox sleep 1000
  local ip; ip=$(ip_of db)
  [ "$(says web store)" = "$ip" ]
  [ "$(says web store.net)" = "$ip" ]
  [ "$(says web STORE)" = "$ip" ]
  [ -z "$(says plain store)" ]
  [ "$(says plain db)" = "$ip" ]
  # an alias comes before what is somebody's name
  sleeper later --network net busybox sleep 1000
  [ "$(says web later)" = "$(ip_of later)" ]
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = null ]
  [ "$(tare inspect -f '{{json .NetworkSettings.Networks.net.Links}}' web)" = '["db:store","later:later"]' ]
  run ! tare exec web grep store /etc/hosts
  run ! tare exec web sh -c "env | grep STORE"
  # over a restart of the other one
  tare restart -t 0 db
  [ "$(says web store)" = "$(ip_of db)" ]
}

@test "rm --link: the link goes, and its line of hosts; the containers stay" {
  sleeper db busybox sleep 1000
  sleeper other busybox sleep 1000
  sleeper web --link db:store --link other busybox sleep 1000
  [ "$(tare rm --link /web/store)" = /web/store ]
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = '["/other:/web/other"]' ]
  run -1 tare exec web grep -w store /etc/hosts
  tare exec web grep -w other /etc/hosts
  tare stop -t 0 web db
  tare start web
  run -1 tare exec web sh -c 'env | grep STORE'
  tare rm --link web/other
  [ "$(tare inspect -f '{{json .HostConfig.Links}}' web)" = null ]
  run -1 tare rm --link web/other
  [[ "$output" == *"container web has no link called other in the default network"* ]]
  run -1 tare rm --link web
  [[ "$output" == *"--link web: want CONTAINER/ALIAS"* ]]
  run -1 tare rm --link nosuch/x
  [[ "$output" == *"no such container: nosuch"* ]]
}

@test "network connect --link, in both kinds of networks" {
  tare network create net
  sleeper db --network net busybox sleep 1000
  sleeper web busybox sleep 1000
  tare network connect --link db:store net web
  [ "$(says web store)" = "$(ip_of db)" ]
  sleeper old busybox sleep 1000
  sleeper two --network net busybox sleep 1000
  tare network connect --link old:o bridge two
  [[ "$(tare exec two cat /etc/hosts)" == *"$(ip_of old)"$'\t'"o "* ]]
  tare network disconnect bridge two
  run ! tare exec two grep "$(ip_of old)" /etc/hosts
  run -1 tare network connect --link nosuch bridge two
  [[ "$output" == *"--link nosuch: "*nosuch* ]]
}

@test "links that cannot be" {
  sleeper db busybox sleep 1000
  sleeper onhost --network host busybox sleep 1000
  tare create --name down busybox true
  tare network create net
  sleeper elsewhere --network net busybox sleep 1000
  refused() { # MESSAGE OPTION...
    local message=$1; shift
    run -125 tare run --name refused "$@" busybox true
    [[ "$output" == *"$message"* && "${#lines[@]}" = 1 ]] || { echo "$output"; return 1; }
    ! tare inspect refused >/dev/null 2>&1 || tare rm refused
  }
  refused '--link nosuch: ' --link nosuch
  refused '--link db:a:b: want CONTAINER or CONTAINER:ALIAS' --link db:a:b
  refused '--link db:: want' --link db:
  refused '--link :x: want' --link :x
  refused "--link db:a b: want" --link 'db:a b'
  refused '--link db:X: another one has that alias already' --link db:x --link db:X
  refused "--link onhost: container onhost shares the host's network" --link onhost
  refused "--link needs a network, and --network is host" --network host --link db
  refused "--link contradicts --network container:db" --network container:db --link db
  refused "is linked to container down, as down, which does not run: start that first" --link down
  refused "is linked to container elsewhere, as elsewhere, which is not in the default network" --link elsewhere
}
