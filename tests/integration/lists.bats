#!/usr/bin/env bats
# What scripts ask for: filters of ps, formats, what inspect adds.
load ../lib/common
load ../lib/network

setup_file() {
  tare_setup_file
  world_up
  load_busybox
  tare network create side >/dev/null
  tare run -d --name first -p 8080:80 -p 9000-9002:7000-7002/udp --label com.example.some-thing=a,b=c --label team=web busybox sleep 1000
  tare run -d --name second --network side --expose 5000 -v /tmp:/here:noidmap busybox sleep 1000
  tare create --name third --network none busybox true
}
teardown_file() {
  tare rm -f first second third >/dev/null
  tare network rm side >/dev/null
  world_down
  tare_teardown_file
}

names() { tare ps -a --format '{{.Names}}' "$@" | sort | paste -sd' '; }

@test "ps --filter name: a regular expression, with the slash of inspect or without" {
  [ "$(names --filter name=ir)" = "first third" ]
  [ "$(names --filter 'name=^first$')" = first ]
  [ "$(names --filter 'name=^/first$')" = first ]
  [ "$(names --filter 'name=^(first|second)$')" = "first second" ]
  [ "$(names --filter 'name=^irst')" = "" ]
  run -1 tare ps --filter 'name=('
  [[ "$output" == *"no regular expression"* ]]
}

@test "ps --filter before, since: by other containers" {
  [ "$(names --filter before=second)" = first ]
  [ "$(names --filter since=first)" = "second third" ]
  [ "$(names --filter since=first --filter before=third)" = second ]
  run -1 tare ps --filter since=nobody
  [[ "$output" == *"--filter since=nobody"* ]]
}

@test "ps --filter network, volume, publish, expose, isolation, is-task" {
  [ "$(names --filter network=side)" = second ]
  [ "$(names --filter "network=$(tare network ls -q --filter name=side)")" = second ]
  [ "$(names --filter network=none)" = third ]
  [ "$(names --filter network=bridge)" = first ]
  [ "$(names --filter network=sid)" = "" ]
  [ "$(names --filter volume=/here)" = second ]
  [ "$(names --filter volume=/tmp)" = second ]
  [ "$(names --filter publish=8080)" = first ]
  [ "$(names --filter publish=8080/udp)" = "" ]
  [ "$(names --filter publish=9001-9005/udp)" = first ]
  [ "$(names --filter expose=80)" = first ]
  [ "$(names --filter expose=5000)" = second ]
  [ "$(names --filter expose=7002/udp)" = first ]
  [ "$(names --filter expose=7003/udp)" = "" ]
  [ "$(names --filter is-task=false)" = "first second third" ]
  [ "$(names --filter is-task=true)" = "" ]
  [ "$(names --filter isolation=default)" = "first second third" ]
  # also where no container is asked
  for bad in publish=x publish=1:2 expose=99999 status=sleeping exited=x health=fine is-task=maybe nonsense=1 before=nobody; do
    run -1 tare ps --filter "$bad"
    [[ "$output" == *"--filter $bad"* ]] || { echo "$bad: $output"; return 1; }
    run -1 tare --root "$BATS_TEST_TMPDIR/none" --state "$BATS_TEST_TMPDIR/state" ps --filter "$bad"
    [[ "$output" == *"--filter $bad"* ]] || { echo "$bad: $output"; return 1; }
  done
}

@test "ps --filter network=bridge makes no network" {
  t() { tare --root "$BATS_TEST_TMPDIR/new" --state "$BATS_TEST_TMPDIR/new-state" "$@"; }
  t load -q -i "$(busybox_archive)" >/dev/null
  t create --name some --network none busybox true >/dev/null
  [ "$(t ps -aq --filter network=bridge --filter network=default)" = "" ]
  [ "$(sqlite3 "$BATS_TEST_TMPDIR/new/catalog.db" 'SELECT count(*) FROM networks')" = 0 ]
  [ -n "$(t ps -aq --filter network=none)" ]
  t rm some >/dev/null
}

@test "ps --format: .Label, titles, .Size without -s, widths, pad, truncate, slice" {
  f() { tare ps --filter name=first --format "$1"; }
  [ "$(f '{{.Label "team"}}/{{.Label "com.example.some-thing"}}/{{.Label "none"}}')" = "web/a,b=c/" ]
  [ "$(f 'table {{.Names}}\t{{.Label "com.example.some-thing"}}' | head -1)" = "NAMES     some thing" ]
  [[ "$(f '{{.Size}}')" == *"(virtual "* ]]
  [ "$(f '{{printf "%-7s|%7s|%3s" .Names .Names .Names}}')" = "first  |  first|first" ]
  [ "$(f '<{{pad .Names 1 2}}>')" = "< first  >" ]
  [ "$(f '{{truncate .Names 2}} {{truncate .Names 9}}')" = "fi first" ]
  [ "$(f '{{slice .Names 1 3}} {{slice .Names 3}}')" = "ir st" ]
  [ "$(f '{{.State}} {{upper .Names}}')" = "running FIRST" ]
  [ "$(tare ps --filter name=first --format json | jq -c '[has("Label"), .Size, .State]')" = '[false,"0B","running"]' ]
  [ "$(tare ps --filter name=first --format '{{json .}}' | jq -c 'has("Label")')" = false ]
  for bad in '{{slice .Names 9}}' '{{truncate .Names "x"}}' '{{pad .Names 1}}' '{{.Names "x"}}' '{{printf "%-99999s" .Names}}'; do
    run -1 f "$bad"
    [[ "$output" == tare:* ]] || { echo "$bad: $output"; return 1; }
  done
}

@test "network ls, volume ls: docker's members, .Label" {
  tare network create --ipv6 --label com.example.team=web --label b=2 labelled >/dev/null
  [ "$(tare network ls -f name=labelled --format '{{.Name}} {{.Scope}} {{.IPv4}} {{.IPv6}} {{.Internal}} {{.Label "b"}}{{.Label "none"}}')" = "labelled local true true false 2" ]
  [ "$(tare network ls -f name=labelled --format '{{.Labels}}')" = "b=2,com.example.team=web" ]
  [ "$(tare network ls -f name=side --format '[{{.Labels}}] {{.IPv6}} [{{.Label "b"}}]')" = "[] false []" ]
  [ "$(tare network ls -f name=labelled --format json | jq -c '[.Labels != "", has("Label")]')" = '[true,false]' ]
  tare network rm labelled
  tare volume create --label b=3 labelled
  [ "$(tare volume ls -f name=labelled --format '{{.Labels}} {{.Label "b"}}')" = "b=3 3" ]
  tare volume rm labelled
}

@test "inspect: ExposedPorts one by one, -s" {
  [ "$(tare inspect first | jq -c '.[0].Config.ExposedPorts')" = '{"7000/udp":{},"7001/udp":{},"7002/udp":{},"80/tcp":{}}' ] ||
    [ "$(tare inspect first | jq -cS '.[0].Config.ExposedPorts')" = '{"7000/udp":{},"7001/udp":{},"7002/udp":{},"80/tcp":{}}' ]
  [ "$(tare inspect second | jq -c '.[0].Config.ExposedPorts')" = '{"5000/tcp":{}}' ]
  [ "$(tare inspect third | jq -c '.[0].Config.ExposedPorts')" = null ]
  [ "$(tare inspect first | jq '.[0].SizeRw')" = null ]
  [ "$(tare inspect -s first | jq '.[0] | .SizeRootFs > .SizeRw')" = true ]
}

@test "inspect finds networks and volumes, too, in docker's order; --type; templates of network inspect" {
  [ "$(tare inspect -f '{{.Name}} {{.Driver}}' side)" = "side bridge" ]
  [ "$(tare network inspect -f '{{.Name}} {{(index .IPAM.Config 0).Subnet}}' side)" = "side $(tare network inspect side | jq -r '.[0].IPAM.Config[0].Subnet')" ]
  [ "$(tare inspect -f '{{.Name}}' bridge)" = bridge ]
  tare volume create data
  [ "$(tare inspect -f '{{.Name}} {{.Driver}}' data)" = "data local" ]
  tare volume create first
  [ "$(tare inspect -f '{{.Name}}' first)" = /first ]
  [ "$(tare inspect --type volume -f '{{.Name}}' first)" = first ]
  tare volume rm data first
  run -1 tare inspect --type volume first
  run -1 tare inspect nobody
  [[ "$output" == *"no container, image, network or volume is called nobody"* ]]
  run -1 tare network inspect nobody side
  [[ "$output" == *nobody*'"Name": "side"'* ]]
  run -1 tare network inspect -f '{{.Nothing}}' side
}

@test "version, info, system df, builder du, top: by templates" {
  [ "$(tare version -f '{{.Server.Version}} {{.Client.Version}} {{.Version}}')" = "$(tare version --format json | jq -r '"\(.Version) \(.Version) \(.Version)"')" ]
  [ "$(tare system info -f '{{.OSType}} {{.ContainersRunning}} {{.ContainersPaused}} {{.Name}}')" = "linux 2 0 $(hostname)" ]
  [ "$(tare info -f '{{.OSType}} {{.ContainersRunning}}')" = "linux 2" ]
  [ "$(tare system df --format '{{.Type}}' | head -2)" = $'Images\nContainers' ]
  [ "$(tare builder du --format '{{.ID}}')" = "" ]
  [ "$(tare top --format '{{.CMD}}' first)" = "sleep 1000" ]
  run -1 tare version -f '{{.Nothing}}'
  [[ "$output" == tare:* ]]
}

@test "commands that look do not make a store where there is none; they see an empty one" {
  local none=$BATS_TEST_TMPDIR/none tmp=$BATS_TEST_TMPDIR/tmp
  mkdir "$tmp"
  look() { TMPDIR=$tmp "$TARE_BIN/tare" --root "$none/root" --state "$none/run" "$@"; }
  while read -r line; do
    # shellcheck disable=SC2086
    run -0 look $line
  done <<'LINES'
ps -a
images
volume ls
network ls
info
system df
system check
builder du
stats --no-stream
LINES
  run -0 look ps
  [[ "$output" == "CONTAINER ID"* ]]
  [ "${#lines[@]}" = 1 ]
  run -0 look info
  [[ "$output" == *"$none/root"* ]]
  for line in "logs no" "inspect no" "top no" "port no" "diff no" "history no" "volume inspect no" "network inspect no" "image tree no"; do
    # shellcheck disable=SC2086
    run -1 look $line
    [[ "$output" != *tare-none* ]]
  done
  [ ! -e "$none" ]
  [ -z "$(ls -A "$tmp")" ]
  look volume create made
  [ "$(look volume ls -q)" = made ]
}
