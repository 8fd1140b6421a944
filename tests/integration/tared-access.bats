#!/usr/bin/env bats
# Who may do what with tared: rules by socket, by user and by certificate; the roles full, read-only, own and none.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  cd "$BATS_FILE_TMPDIR" || return 1
  cat >rules.json <<END
{ "tare-authorization": [
  { "socket": "unix://$PWD/full.sock", "role": "full" },
  { "socket": "unix://$PWD/look.sock", "role": "read-only" },
  { "socket": "unix://$PWD/anna.sock", "role": "own", "owner": "anna" },
  { "socket": "unix://$PWD/bert.sock", "user": "root", "role": "own" },
  { "socket": "unix://$PWD/users.sock", "user": 65534, "role": "read-only" }
] }
END
  local hosts=()
  for s in full look anna bert users other; do hosts+=(-H "unix://$PWD/$s.sock"); done
  "$TARE_BIN/tared" "${hosts[@]}" --config rules.json 2>log 3>&- &
  echo $! >pid
  for _ in $(seq 200); do [ "$(grep -c listening log)" -lt 6 ] || break; sleep 0.02; done
  tare run -d --name theirs busybox sleep 1000
}
teardown_file() {
  kill "$(cat "$BATS_FILE_TMPDIR/pid")" || true
  tare_teardown_file
}
setup() { cd "$BATS_FILE_TMPDIR" || return 1; }

# ask SOCKET METHOD TARGET [JSON]: the status, then the body.
ask() {
  curl -s -w '%{stderr}%{http_code} ' -X "$2" --unix-socket "$1.sock" ${4:+-H 'Content-Type: application/json' -d "$4"} "http://x$3" 2>&1 |
    sed 's/\(.*\)\([0-9][0-9][0-9]\) $/\2 \1/'
}
code() { curl -s -o /dev/null -w '%{http_code}' -X "$2" --unix-socket "$1.sock" ${4:+-H 'Content-Type: application/json' -d "$4"} "http://x$3"; }
on() { docker -H "unix://$PWD/$1.sock" "${@:2}"; }

@test "full does everything, none only what is public" {
  [ "$(code full GET /containers/json)" = 200 ]
  [ "$(code other GET /_ping)" = 200 ]
  [ "$(code other GET /version)" = 200 ]
  [ "$(code other GET /containers/json)" = 403 ]
  run -0 curl -s --unix-socket other.sock http://x/info
  [ "$output" = '{"message":"not allowed to you, whose role is none: GET /info (tare-authorization in the server'\''s settings)"}' ]
}

@test "read-only looks, and changes nothing" {
  for t in /info /containers/json /containers/theirs/json /images/json /networks /volumes /containers/theirs/top '/containers/theirs/logs?stdout=1'; do
    [ "$(code look GET "$t")" = 200 ]
  done
  for t in /containers/theirs/stop /containers/theirs/attach /containers/theirs/exec /containers/create /containers/prune /images/create /build /networks/create /volumes/create \
    /commit /images/prune /containers/theirs/kill /containers/theirs/rename?name=x; do
    [ "$(code look POST "$t" '{}')" = 403 ]
  done
  [ "$(code look DELETE '/containers/theirs?force=1')" = 403 ]
  [ "$(code look GET '/containers/theirs/attach/ws')" = 403 ]
  [ "$(tare inspect -f '{{.State.Status}}' theirs)" = running ]
}

@test "by user: the rule of the one who is there" {
  chmod 711 "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR"; chmod 666 users.sock
  [ "$(code users GET /containers/json)" = 403 ]
  run -0 setpriv --reuid 65534 --clear-groups curl -s -o /dev/null -w '%{http_code}' --unix-socket "$PWD/users.sock" http://x/containers/json
  [ "$output" = 200 ]
  run -0 setpriv --reuid 65534 --clear-groups curl -s -o /dev/null -w '%{http_code}' -X POST --unix-socket "$PWD/users.sock" http://x/containers/theirs/stop
  [ "$output" = 403 ]
}

@test "own: containers of his own, from run to rm, and others' are not there" {
  [ "$(on anna run --rm busybox echo hello)" = hello ]
  on anna run -d --name annas busybox sleep 1000
  on bert run -d --name berts busybox sleep 1000
  [ "$(tare inspect -f '{{index .Config.Labels "tare.owner"}}' annas berts)" = "anna
user:0" ]
  [ "$(on anna ps -a --format '{{.Names}}')" = annas ]
  [ "$(on bert ps -a --format '{{.Names}}')" = berts ]
  [ "$(on anna ps -a --filter label=tare.owner=user:0 --format '{{.Names}}')" = "" ]
  [ "$(on full ps -a --format '{{.Names}}' | sort)" = "annas
berts
theirs" ]
  [ "$(on anna exec annas echo in it)" = "in it" ]
  echo text >f && on anna cp f annas:/f && on anna cp annas:/f back && [ "$(cat back)" = text ]
  for who in berts theirs; do
    for c in "inspect $who" "logs $who" "exec $who true" "stop $who" "rm $who" "cp $who:/etc/passwd -" "rename $who x" "update -m 64m $who" "export $who" "top $who"; do
      # shellcheck disable=SC2086
      run on anna $c
      [ "$status" -ne 0 ] || { echo "$c: $output"; return 1; }
      [[ ${output,,} == *"no such"* ]] || { echo "$c: $output"; return 1; }
    done
  done
  on anna stop -t 0 annas
  [ "$(on anna events --since 1h --until 0s --format '{{.Actor.Attributes.name}}' | sort -u | grep -c -E '^(berts|theirs)$')" = 0 ]
  [ "$(on anna events --since 1h --until 0s --filter type=network --format '{{.Type}}' | sort -u)" = container ]
  on anna container prune -f
  [ "$(on full ps -a --format '{{.Names}}' | sort)" = "berts
theirs" ]
  on bert rm -f berts
}

@test "own: nothing of the machine, by whatever name" {
  mine() { code anna POST /containers/create "{\"Image\":\"busybox\",\"Cmd\":[\"true\"],$1}"; }
  for h in '"Privileged":true' '"Binds":["/:/host"]' '"Binds":["./x:/v"]' '"Binds":["a/b:/v"]' '"Binds":["/v"]' '"Binds":["mine:/v:rshared"]' '"Binds":["mine:/v:ro,idmap"]' '"VolumeDriver":"x"' '"NetworkMode":"host"' '"NetworkMode":"container:theirs"' '"PidMode":"host"' \
    '"PidMode":"container:theirs"' '"IpcMode":"host"' '"UTSMode":"host"' '"UsernsMode":"host"' '"CgroupnsMode":"host"' '"CapAdd":["SYS_ADMIN"]' \
    '"Devices":[{"PathOnHost":"/dev/null","PathInContainer":"/dev/x","CgroupPermissions":"rwm"}]' '"DeviceCgroupRules":["a *:* rwm"]' '"SecurityOpt":["seccomp=unconfined"]' \
    '"SecurityOpt":"x"' '"MaskedPaths":[]' '"ReadonlyPaths":[]' '"VolumesFrom":["theirs"]' '"Links":["theirs:x"]' '"Sysctls":{"kernel.msgmax":"1"}' '"CgroupParent":"/x"' \
    '"ContainerIDFile":"/tmp/x"' '"Annotations":{"a":"b"}' '"OomScoreAdj":-999' '"LogConfig":{"Type":"syslog"}' '"LogConfig":{"Type":"json-file","Config":{"path":"/x"}}' \
    '"Mounts":[{"Type":"bind","Source":"/","Target":"/h"}]' '"Mounts":[{"Type":"volume","Target":"/h","VolumeOptions":{"Labels":{"tare.owner":"user:0"}}}]' \
    '"Mounts":[{"Type":"volume","Target":"/h","VolumeOptions":{"DriverConfig":{"Options":{"device":"/","o":"bind","type":"none"}}}}]' \
    '"Mounts":[{"Type":"image","Source":"busybox","Target":"/h"}]' '"NewMember":1'; do
    [ "$(mine "\"HostConfig\":{$h}")" = 403 ] || { echo "$h"; return 1; }
  done
  [ "$(mine '"HostConfig":[1]')" = 400 ]
  [ "$(mine '"NetworkingConfig":{"EndpointsConfig":{"host":{}}}')" = 403 ]
  [ "$(mine '"NetworkingConfig":{"EndpointsConfig":[1]}')" = 400 ]
  # a name of another's, and an image's label, make nothing his or another's
  [ "$(code anna POST '/containers/create?name=signed' '{"Image":"busybox","Labels":{"tare.owner":"user:0","other":"label"}}')" = 201 ]
  [ "$(tare inspect -f '{{json .Config.Labels}}' signed | jq -c 'to_entries | sort_by(.key) | map(.value)')" = '["label","anna"]' ]
  [ "$(code anna POST /containers/create '{"Image":"busybox","Labels":{"tare.owner=user:0":""}}')" = 400 ]
  printf 'FROM busybox\nLABEL tare.owner=anna kept=yes\n' | tare build -q -t labelled - >/dev/null
  tare create --name from-labelled labelled true
  [ "$(tare inspect -f '{{index .Config.Labels "tare.owner"}}{{index .Config.Labels "kept"}}' from-labelled)" = yes ]
  [ "$(code anna GET /containers/from-labelled/json)" = 404 ]
  for p in Privileged privileged PRIVILEGED; do [ "$(code anna POST /containers/signed/exec "{\"Cmd\":[\"true\"],\"$p\":true}")" = 403 ]; done
  [ "$(code anna POST /containers/signed/update '{"Devices":[{"PathOnHost":"/dev/sda"}]}')" = 403 ]
  for t in '/commit?container=signed' /build /images/load '/images/busybox/tag?repo=x' /images/prune; do
    [ "$(code anna POST "$t" '{}')" = 403 ] || { echo "$t"; return 1; }
  done
  [ "$(code anna DELETE /images/busybox)" = 403 ]
  # an import would put his own under others' names, and have the server fetch what it alone may reach
  tar -cf layer.tar pid
  [ "$(curl -s -o /dev/null -w '%{http_code}' --unix-socket anna.sock -X POST --data-binary @layer.tar 'http://x/images/create?fromSrc=-&repo=busybox&tag=latest')" = 403 ]
  for t in 'fromSrc=http://127.0.0.1:1/' 'fromImage=busybox&fromSrc=-' 'fromSrc=&fromSrc=-'; do
    [ "$(code anna POST "/images/create?$t")" != 200 ] || { echo "$t"; return 1; }
  done
  [ "$(code anna POST '/images/create?fromSrc=x')" = 403 ]
  [ "$(code anna DELETE '/containers/theirs/alias?link=1')" = 403 ]
  [ "$(code anna GET /images/json)" = 200 ]
  tare rm from-labelled; tare rmi labelled >/dev/null; on anna rm signed
}

@test "own: volumes of his own, and others' are not there" {
  tare volume create named >/dev/null
  on bert volume create berts >/dev/null
  [ "$(on anna volume create annas)" = annas ]
  [ "$(on anna run --rm -v annas:/v -v fresh:/w:ro --mount type=volume,source=third,target=/x busybox sh -c 'echo text >/v/f; ls -d /v /w /x' | xargs)" = '/v /w /x' ]
  [ "$(on anna volume ls -q | xargs)" = 'annas fresh third' ]
  [ "$(on anna run --rm -v annas:/v busybox cat /v/f)" = text ]
  [ "$(tare volume inspect -f '{{index .Labels "tare.owner"}}' annas fresh third berts | xargs)" = 'anna anna anna user:0' ]
  for v in named berts; do
    run ! on anna run --rm -v "$v:/v" busybox true
    [[ $output == *"not allowed to you, who are kept to volumes of your own: $v"* ]] || { echo "$output"; return 1; }
    run ! on anna run --rm --mount "type=volume,source=$v,target=/v" busybox true
    [ "$(code anna GET "/volumes/$v")" = 404 ]
    [ "$(code anna DELETE "/volumes/$v")" = 404 ]
    [ "$(code anna POST /volumes/create "{\"Name\":\"$v\"}")" = 403 ]
  done
  [ "$(code anna POST /volumes/create null)" = 400 ]
  # what a volume would be of the machine, or somebody else's
  for b in '"DriverOpts":{"type":"none","o":"bind","device":"/"}' '"DriverOpts":{"o":"size=1g"}' '"ClusterVolumeSpec":{"a":1}' '"New":1'; do
    [ "$(code anna POST /volumes/create "{\"Name\":\"other\",$b}")" = 403 ] || { echo "$b"; return 1; }
  done
  [ "$(code anna POST /volumes/create '{"Name":"signed","Labels":{"tare.owner":"user:0","k":"v"}}')" = 201 ]
  [ "$(tare volume inspect -f '{{json .Labels}}' signed | jq -c 'to_entries | sort_by(.key) | map(.value)')" = '["v","anna"]' ]
  [ "$(code anna POST /volumes/create)" = 400 ]
  on anna volume rm signed
  [ "$(code anna POST '/volumes/prune?filters=%7B%22all%22%3A%5B%22true%22%5D%7D')" = 200 ]
  [ "$(tare volume ls -q | xargs)" = 'berts named' ]
  tare volume rm named berts >/dev/null
}

@test "own: networks of his own; everybody's are used, and others' are not there" {
  on bert network create berts >/dev/null
  tare network create common >/dev/null
  [ "$(on anna network create annas | wc -c)" = 65 ]
  [ "$(tare network inspect -f '{{index .Labels "tare.owner"}}' annas berts common | xargs)" = 'anna user:0' ]
  on anna run -d --name box --network annas busybox sleep 1000
  on anna network connect common box
  [ "$(tare exec box ls /sys/class/net | xargs)" = 'eth0 eth1 lo' ]
  run ! on anna network connect berts box
  [[ $output == *'network berts not found'* ]] || { echo "$output"; return 1; }
  run ! on anna network connect "$(tare network inspect -f '{{.Id}}' berts)" box
  run ! on anna network connect host box
  run ! on anna network connect annas theirs
  [[ $output == *'No such container: theirs'* ]]
  run ! on anna network disconnect bridge theirs
  run ! on anna run --rm --network berts busybox true
  [[ $output == *'network berts not found'* ]] || { echo "$output"; return 1; }
  [ "$(code anna POST /containers/create '{"Image":"busybox","NetworkingConfig":{"EndpointsConfig":{"berts":{}}}}')" = 403 ]
  [ "$(code anna GET /networks/berts)" = 404 ]
  [ "$(on anna network ls --format '{{.Name}}' --filter driver=bridge | sort | xargs)" = 'annas bridge common' ]
  tare run -d --name unseen busybox sleep 1000 >/dev/null; on anna run -d --name seen busybox sleep 1000
  [ "$(on anna network inspect -f '{{range .Containers}}{{.Name}} {{end}}' bridge)" = 'seen ' ]
  tare rm -f seen unseen >/dev/null
  # a name that is an id would stand between a network and its containers
  [ "$(code anna POST /networks/create "{\"Name\":\"$(tare network inspect -f '{{.Id}}' bridge)\"}")" = 400 ]
  # one that is called as his was is not his
  on anna network create passing >/dev/null; on anna create --name late --network passing busybox true >/dev/null
  on anna network rm passing; on bert network create passing >/dev/null
  run ! on anna start late
  [[ $output == *"network passing is somebody else's by now"* ]] || { echo "$output"; return 1; }
  on anna rm late; on bert network rm passing
  [ "$(code anna GET /networks/common)" = 200 ]
  [ "$(code anna DELETE /networks/berts)" = 404 ]
  [ "$(code anna DELETE /networks/common)" = 403 ]
  [ "$(code anna DELETE /networks/bridge)" = 403 ]
  # no subnet and no device of the machine's that he names
  for b in '"IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}' '"IPAM":{"Options":{"a":"b"}}' '"Driver":"macvlan"' '"Driver":"host"' '"Options":{"com.docker.network.bridge.name":"x"}' \
    '"ConfigFrom":{"Network":"x"}' '"New":1'; do
    [ "$(code anna POST /networks/create "{\"Name\":\"other\",$b}")" = 403 ] || { echo "$b"; return 1; }
  done
  on anna network disconnect common box
  on anna rm -f box
  on anna network create other >/dev/null
  on anna network rm other
  on anna network prune -f
  [ "$(tare network ls --format '{{.Name}}' | grep -E '^(annas|berts|common)$' | xargs)" = 'berts common' ]
  tare network rm berts common
}

@test "rules that are none end the start" {
  for r in '{"role":"boss"}' '{"role":"full","who":1}' '{"role":"full","user":"nobody-of-that-name"}' '{"role":"full","owner":"x"}' '1' '{"role":"full","socket":1}'; do
    echo "{\"tare-authorization\":[$r]}" >bad.json
    run -1 "$TARE_BIN/tared" --config bad.json --validate
    [[ $output == "tared: bad.json: tare-authorization, rule 1: "* ]] || { echo "$output"; return 1; }
  done
}
