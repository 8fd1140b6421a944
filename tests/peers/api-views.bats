#!/usr/bin/env bats
# What the API says of things that are there: every member that docker's answer to the same request has, tared's has, too, and of the same type; an empty
# list is none where docker has null, and the other way round. Where that is not so is data: api-views.differences.

load ../lib/common
load ../lib/images
load ../lib/docker
load ../lib/members

setup_file() {
  tare_setup_file
  export W=$BATS_FILE_TMPDIR
  start_dockerd
  [ -z "$NO_DOCKERD" ] || return 0
  "$TARE_BIN/tared" -H "unix://$W/tared.sock" --root "$TARE_ROOT" --state "$TARE_STATE" 2>"$W/tared.log" 3>&- &
  export TARED_PID=$!
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$W/busybox.tar:busybox:latest"
  peer_docker load -q -i "$W/busybox.tar"
  load_busybox
  make_all peer_docker 201.9 1810
  make_all tare 202.9 1811
  wait_until 10 test -S "$W/tared.sock"
}

setup() { [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"; }

teardown_file() {
  [ -z "${TARED_PID:-}" ] || kill "$TARED_PID"
  stop_dockerd
  unmount_peers
  tare volume rm -f named bound >/dev/null || true
  tare network rm net >/dev/null || true
  tare_teardown_file
}

ask() { # SOCKET PATH [curl's...]
  local s=$1 p=$2
  shift 2
  curl -sS -m 10 --globoff --unix-socket "$W/$s.sock" "$@" "http://d/v1.41$p"
}

# What docker has and tared has not, or of another type. A member that is null somewhere is null in both.
lacking_exactly() { # DOCKER'S TARED'S
  awk 'NR == FNR { has[$1] = has[$1] " " $2; next }
    !($1 in has) { print "missing " $1; next }
    has[$1] !~ (" " $2) { print "type " $1 " " $2 ":" has[$1] }' "$2" "$1" |
    awk '$1 == "missing" { for (p in gone) if (index($2, p ".") == 1 || index($2, p "[") == 1) next; gone[$2] = 1 } { print }' | sort -u
}

same_members() { # PART PATH
  ask docker "$2" >"$W/docker.json"
  ask tared "$2" >"$W/tared.json"
  members <"$W/docker.json" >"$W/docker.members"
  members <"$W/tared.json" >"$W/tared.members"
  [ -s "$W/docker.members" ]
  lacking_exactly "$W/docker.members" "$W/tared.members" >"$W/lacking"
  awk -v p="$1" -F ' # ' '$1 !~ /^#/ { split($1, w, " "); if (w[1] == p) { sub(/^[a-z-]+ /, "", $1); print $1 } }' \
    "$BATS_TEST_DIRNAME/api-views.differences" | sort -u >"$W/known"
  comm -23 "$W/lacking" "$W/known" >"$W/unknown"
  [ ! -s "$W/unknown" ] || { echo "not explained, of $1 ($2):"; sed "s/^/$1 /" "$W/unknown"; return 1; }
}

# STATUS PATH: both answer with it, and with a message.
both_refuse() {
  [ "$(ask docker "$2" -o "$W/docker.json" -w '%{http_code}')" = "$1" ]
  [ "$(ask tared "$2" -o "$W/tared.json" -w '%{http_code}')" = "$1" ]
  [ -n "$(jq -r .message "$W/tared.json")" ]
}

@test "containers: the list" { same_members list "/containers/json?all=1&size=1"; }
@test "a container" { for c in plain made ended joined will full; do same_members container "/containers/$c/json"; done; }
@test "its processes" {
  same_members top /containers/plain/top
  same_members top "/containers/plain/top?ps_args=-o%20pid,comm"
}
@test "what it changed" { same_members changes /containers/full/changes; }
@test "what it uses" {
  same_members stats "/containers/full/stats?stream=0"
  same_members stats "/containers/made/stats?stream=0"
}
@test "images" {
  same_members images "/images/json?shared-size=1"
  same_members image /images/busybox/json
  same_members history /images/busybox/history
}
@test "networks" {
  same_members networks /networks
  for n in net host none; do same_members network "/networks/$n"; done
}
@test "volumes" {
  same_members volumes /volumes
  for v in named bound; do same_members volume "/volumes/$v"; done
}
@test "info, version, df" {
  same_members info /info
  same_members version /version
  same_members df /system/df
}
@test "events" { same_members events "/events?since=1&until=$(date +%s)"; }
@test "what is not there, and filters that are none" {
  for p in /containers/nobody/json /containers/nobody/top /containers/nobody/changes /containers/nobody/stats?stream=0 /images/nobody/json /images/nobody/history \
    /networks/nobody /volumes/nobody; do both_refuse 404 "$p"; done
  for p in /containers/json /images/json /networks /volumes; do both_refuse 400 "$p?filters={\"nobody\":[\"1\"]}"; done
  [ "$(ask tared '/events?filters={"nobody":["1"]}' -o /dev/null -w '%{http_code}')" = 400 ] # docker 20.10 takes anything there
  for p in /swarm /services /nodes /tasks /secrets /configs; do both_refuse 503 "$p"; done
  [ "$(ask tared /containers/nobody/json | jq -r .message)" = "$(ask docker /containers/nobody/json | jq -r .message)" ]
  [ "$(ask tared /images/nobody/json | jq -r .message)" = "No such image: nobody:latest" ] # docker 20.10 says it twice
  [ "$(ask tared /networks/nobody | jq -r .message)" = "$(ask docker /networks/nobody | jq -r .message)" ]
  [ "$(ask tared /volumes/nobody | jq -r .message)" = "$(ask docker /volumes/nobody | jq -r .message)" ]
}
