#!/usr/bin/env bats
# tare events: what is told, when, to whom; filters and formats as docker has them
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

# What was told of a container, or an image or network, by a name: the actions.
told() { tare events --since 1h --until 0s --filter "$1" --format '{{.Action}}' | paste -sd' '; }
lines_of() { [ "$(wc -l <"$1")" -ge "$2" ]; }

# follow FILE OPTION…: in the background, listening when it returns.
follow() {
  local out=$1; shift
  "$TARE_BIN/tare" events "$@" >"$out" 2>"$out.err" 3>&- &
  FOLLOWER=$!
  wait_until 5 bash -c "ls -l /proc/$FOLLOWER/fd | grep -q inotify"
}
teardown() { [ -z "${FOLLOWER:-}" ] || kill "$FOLLOWER" 2>/dev/null || true; }

@test "a container's life, in docker's order" {
  tare run --rm --name l1 --network none -l a=b busybox true
  [ "$(told container=l1)" = "create attach start die destroy" ]
  tare run -d --name l2 --network none --stop-timeout 0 busybox sleep 100
  tare pause l2; tare unpause l2
  tare rename l2 l3
  tare restart l3
  tare kill -s CONT l3
  tare stop l3
  tare rm l3
  id=$(tare events --since 1h --until 0s --filter container=l3 --filter event=rename --format '{{.Actor.ID}}')
  [ "$(told "container=$id")" = "create start pause unpause rename kill kill die stop start restart kill kill kill die stop destroy" ]
  row=$(tare events --since 1h --until 0s --filter "container=${id:0:8}" --filter event=rename --format json)
  [ "$(jq -c '[.Actor.Attributes | .name, .oldName, .image]' <<<"$row")" = '["l3","/l2","busybox"]' ]
  [ "$(tare events --since 1h --until 0s --filter "container=$id" --filter event=kill --format '{{.Actor.Attributes.signal}}' | paste -sd' ')" = "15 9 18 15 9" ]
}

@test "the end: exit code, how long it lasted; rm -f, a start that fails" {
  run -7 tare run --name e1 --network none busybox sh -c 'sleep 1.1; exit 7'
  row=$(tare events --since 1h --until 0s --filter container=e1 --filter event=die --format json)
  [ "$(jq -r '.Actor.Attributes | .exitCode + " " + .execDuration' <<<"$row")" = "7 1" ]
  tare start e1
  tare rm -f e1
  [ "$(told container=e1)" = "create attach start die start kill die destroy" ]
  run -127 tare run --rm --name e2 --network none busybox no-such-command
  [ "$(told container=e2)" = "create destroy" ]
  run -127 tare run --name e3 --network none busybox no-such-command
  [ "$(told container=e3)" = "create" ]
}

@test "other processes in a container: made, started, ended, by -d and for one that is not there, too" {
  tare run -d --name p1 -l a=b --network none busybox sleep 100
  run -5 tare exec p1 sh -c 'exit 5'
  tare exec -d p1 sleep 0.2
  run -127 tare exec p1 no-such-command
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' events --since 1h --until 0s --filter container=p1 --filter event=exec_die | wc -l) = 3 ]"
  [ "$(tare events --since 1h --until 0s --filter container=p1 --filter event=exec_start --format '{{.Action}}' | paste -sd,)" = \
    "exec_start: sh -c exit 5,exec_start: sleep 0.2,exec_start: no-such-command " ]
  [ "$(told container=p1)" = "create start exec_create: sh -c exit 5 exec_start: sh -c exit 5 exec_die exec_create: sleep 0.2 exec_start: sleep 0.2 exec_create: no-such-command  exec_start: no-such-command  exec_die exec_die" ]
  rows=$(tare events --since 1h --until 0s --filter container=p1 --filter event=exec_die --format json)
  [ "$(jq -r '.Actor.Attributes | [.a, .image, .name, .exitCode] | join(" ")' <<<"$rows" | sort | paste -sd,)" = "b busybox p1 0,b busybox p1 127,b busybox p1 5" ]
  # each has one name in all its events
  [ "$(tare events --since 1h --until 0s --filter container=p1 --format '{{with .Actor.Attributes.execID}}{{.}}{{end}}' | grep . | sort | uniq -c | awk '{ print $1 }' | paste -sd' ')" = "3 3 3" ]
  # those that go with the container
  tare exec -d p1 sleep 50
  tare rm -f p1
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' events --since 1h --until 0s --filter container=p1 --filter event=exec_die | wc -l) = 4 ]"
}

@test "a process whose monitor was killed: its end is told by who was with it, or with the container's" {
  local id worker
  tare run -d --name k1 --network none busybox sleep 100
  id=$(tare inspect -f '{{.Id}}' k1)
  tare exec k1 sleep 50 2>"$BATS_TEST_TMPDIR/said" 3>&- &
  wait_until 5 exec_runs "$id"
  worker=$(jq -r .worker "$TARE_STATE/$id"/exec/*.json)
  kill -STOP "$worker"
  kill -9 "$(jq -r .pid "$TARE_STATE/$id"/exec/*.json)"
  kill -9 "$worker"
  wait $! || true
  [[ "$(cat "$BATS_TEST_TMPDIR/said")" == *"monitor was killed"* ]]
  [ "$(told container=k1)" = "create start exec_create: sleep 50 exec_start: sleep 50 exec_die" ]
  [ -z "$(ls "$TARE_STATE/$id/exec")" ]
  tare exec -d k1 sleep 51
  wait_until 5 exec_runs "$id"
  kill -9 "$(jq -r .worker "$TARE_STATE/$id"/exec/*.json)"
  tare rm -f k1
  [ "$(told container=k1 | cut -d' ' -f10-)" = "exec_create: sleep 51 exec_start: sleep 51 kill exec_die die destroy" ]
  [ "$(tare events --since 1h --until 0s --filter container=k1 --filter event=exec_die --format '{{.Actor.Attributes.exitCode}}' | paste -sd' ')" = "255 255" ]
}
exec_runs() { jq -e '.status == "running"' "$TARE_STATE/$1"/exec/*.json >/dev/null 2>&1; }

@test "top, export, resize, exec_detach, prune, volumes that are mounted" {
  local said
  tare run -d -it --name q1 --network none -v qv:/q -v qr:/r:ro busybox sh -c 'while sleep 0.2; do echo tick; done'
  tare top q1 >/dev/null
  tare export -o "$BATS_TEST_TMPDIR/q.tar" q1
  python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" size=24x80 wait=tick size=30x90 'send=\x10\x11' end -- "$TARE_BIN/tare" attach q1
  python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" size=24x80 wait=tock 'send=\x10\x11' end -- "$TARE_BIN/tare" exec -it q1 sh -c 'echo tock; sleep 1'
  tare rm -f q1
  said=$(told container=q1)
  [[ "$said" == "create start top export attach resize resize detach exec_create: sh -c echo tock; sleep 1 exec_start: sh -c echo tock; sleep 1 exec_detach"*"kill"*"die destroy" ]] || { echo "$said"; return 1; }
  [ "$(tare events --since 1h --until 0s --filter container=q1 --filter event=resize --format '{{.Actor.Attributes.height}}x{{.Actor.Attributes.width}}' | paste -sd' ')" = "24x80 30x90" ]
  [ "$(told volume=qv)" = "create mount unmount" ]
  [ "$(tare events --since 1h --until 0s --filter volume=qr --filter event=mount --format '{{with .Actor.Attributes}}{{.destination}} {{.driver}} {{index . "read/write"}}{{end}}')" = "/r local false" ]
  tare run -d --name q2 --network none busybox sleep 100
  tare update --mount-add type=volume,source=qv,target=/later q2
  tare update --mount-rm /later q2
  tare rm -f q2
  [ "$(told volume=qv)" = "create mount unmount mount unmount" ]
  tare volume rm qv qr
  for what in container volume network image builder system; do tare $what prune -f >/dev/null; done
  [ "$(tare events --since 1h --until 0s --filter event=prune --format '{{.Type}} {{.Actor.Attributes.reclaimed}}' | sed 's/ [0-9]*$//' | paste -sd,)" = \
    "container,volume,network,image,builder,container,image,network,builder" ]
}

@test "detach" {
  tare run -d -it --name d1 --network none busybox sh -c 'while sleep 0.2; do echo tick; done'
  run -0 python3 "$BATS_TEST_DIRNAME/../lib/terminal.py" size=24x80 wait=tick 'send=\x10\x11' end -- "$TARE_BIN/tare" attach d1
  tare rm -f d1
  [ "$(told container=d1)" = "create start attach resize detach kill die destroy" ]
}

@test "attach, update, commit, and images" {
  tare run -d --name i1 --network none busybox sleep 100
  timeout -s KILL 2 "$TARE_BIN/tare" attach --no-stdin i1 </dev/null || true
  tare commit -m why i1 made:1
  tare rm -f i1
  [ "$(told container=i1)" = "create start attach commit kill die destroy" ]
  id=$(tare inspect -f '{{.Id}}' made:1)
  tare tag made:1 made:2
  tare save -o "$BATS_TEST_TMPDIR/a.tar" made:1
  tare rmi made:2
  tare rmi made:1
  tare load -q -i "$BATS_TEST_TMPDIR/a.tar"
  [ "$(tare events --since 1h --until 0s --filter type=image --format '{{.Actor.ID}} {{.Action}}' | sed -n "s/^$id //p" | paste -sd' ')" = "tag tag save untag untag delete load" ]
  [ "$(tare events --since 1h --until 0s --filter type=image --filter event=tag --format '{{.Actor.Attributes.name}}' | paste -sd' ')" = "made:1 made:2" ]
  tare rmi made:1
}

@test "networks: made, joined, left, removed" {
  tare network create evn
  tare run -d --name n1 --network evn busybox sleep 100
  tare network connect bridge n1
  tare network disconnect bridge n1
  tare rm -f n1
  tare network rm evn
  [ "$(told network=evn)" = "create connect disconnect destroy" ]
  [ "$(told network=bridge)" = "connect disconnect" ]
  row=$(tare events --since 1h --until 0s --filter network=evn --filter event=connect --format json)
  [ "$(jq -r '[.Actor.Attributes.name, .Actor.Attributes.type, (.Actor.Attributes.container | length), .status] | @csv' <<<"$row")" = '"evn","bridge",64,' ]
}

@test "volumes: made and removed, those of a container too" {
  stamp=$(date +%s.%N)
  tare volume create evv
  tare run --rm --name v1 --network none -v evv:/a -v evw:/b -v /c busybox true
  tare volume rm evv evw
  [ "$(told volume=evv)" = "create mount unmount destroy" ]
  [ "$(told volume=evw)" = "create mount unmount destroy" ]
  [ "$(tare events --since "$stamp" --until 0s --filter type=volume --format '{{.Action}} {{.Actor.Attributes.driver}}' | sort | uniq -c | awk '{ print $1, $2, $3 }' | paste -sd,)" = \
    "3 create local,3 destroy local,3 mount local,3 unmount local" ]
}

@test "they are followed, by several at once, as they happen; also into the next file" {
  follow "$BATS_TEST_TMPDIR/one" --filter type=container --filter label=follow=yes --format '{{.Action}} {{.Actor.Attributes.name}}'; one=$FOLLOWER
  follow "$BATS_TEST_TMPDIR/two" --format json
  tare run --rm --name f1 --network none -l follow=yes busybox true
  tare run --rm --name f2 --network none busybox true
  wait_until 5 lines_of "$BATS_TEST_TMPDIR/one" 5
  wait_until 5 lines_of "$BATS_TEST_TMPDIR/two" 10
  [ "$(paste -sd, <"$BATS_TEST_TMPDIR/one")" = "create f1,attach f1,start f1,die f1,destroy f1" ]
  # a full file makes way
  { head -c 1048000 /dev/zero | tr '\0' x; echo; } >"$BATS_TEST_TMPDIR/full"
  dd if="$BATS_TEST_TMPDIR/full" of="$TARE_STATE/events" bs=1M oflag=append conv=notrunc status=none
  tare run --rm --name f3 --network none -l follow=yes busybox true
  wait_until 5 lines_of "$BATS_TEST_TMPDIR/one" 10
  [ -e "$TARE_STATE/events.1" ]
  [ "$(stat -c %s "$TARE_STATE/events")" -lt 10000 ]
  [ "$(tail -n 5 "$BATS_TEST_TMPDIR/one" | paste -sd,)" = "create f3,attach f3,start f3,die f3,destroy f3" ]
  [ ! -s "$BATS_TEST_TMPDIR/one.err" ]
  kill "$one"
  # and what came before is still told
  [ "$(told container=f1)" = "create attach start die destroy" ]
}

@test "--since and --until: what is shown, and when it ends" {
  tare create --name s1 busybox true
  [ -z "$(tare events --since 0s --until 0s)" ]
  stamp=$(date +%s.%N)
  tare rm s1
  [ "$(tare events --since "$stamp" --until 0s --format '{{.Action}}')" = destroy ]
  [ "$(tare events --until "$stamp" --filter container=s1 --format '{{.Action}}')" = create ]
  start=$(date +%s%N)
  timeout 20 "$TARE_BIN/tare" events --until "$(date -d '+3 seconds' +%s.%N)" --filter container=s2 >"$BATS_TEST_TMPDIR/o" 3>&- &
  sleep 0.2; tare create --name s2 busybox true
  wait $!
  [ $(($(date +%s%N) - start)) -ge 2900000000 ]
  [[ "$(cat "$BATS_TEST_TMPDIR/o")" =~ ^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}(Z|[+-][0-9:]{5})\ container\ create\ [0-9a-f]{64}\ \(image=busybox,\ name=s2\)$ ]]
  tare rm s2
  run -1 tare events --since 1s --until 1h
  [[ "$output" == *"is later than"* ]]
  run -1 tare events --since yesterday
  [[ "$output" == *"--since yesterday"* ]]
}

@test "JSON has docker's members; what is no filter or template is said at once" {
  tare run --rm --name j1 -l k=v --network none busybox true
  row=$(tare events --since 1h --until 0s --filter container=j1 --filter event=start --format '{{json .}}')
  [ "$(jq -r 'keys_unsorted | join(" ")' <<<"$row")" = "status id from Type Action Actor scope time timeNano" ]
  [ "$(jq -c '[.status, .from, .Type, .scope, .time == (.timeNano / 1000000000 | floor), .id == .Actor.ID, .Actor.Attributes]' <<<"$row")" = \
    '["start","busybox","container","local",true,true,{"k":"v","image":"busybox","name":"j1"}]' ]
  [ "$(tare events --since 1h --until 0s --filter container=j1 --filter event=start --format '{{.ID}} {{.Status}} {{.From}} {{.Scope}} {{.Actor.Attributes.nope}}')" = \
    "$(jq -r '.id + " start busybox local <no value>"' <<<"$row")" ]
  run -1 timeout 5 "$TARE_BIN/tare" events --filter nope=1
  [[ "$output" == *'no filter "nope"'* ]]
  run -1 timeout 5 "$TARE_BIN/tare" events --filter container
  [[ "$output" == *'want KEY=VALUE'* ]]
  run -1 timeout 5 "$TARE_BIN/tare" events --format '{{.Nope}}'
  [[ "$output" == *Nope* ]]
  run -1 timeout 5 "$TARE_BIN/tare" events --format table
  [[ "$output" == *--format* ]]
}

@test "filters: image, its repository, type, event, scope; values are alternatives, keys add up" {
  tare run --rm --name x1 --network none busybox true
  all=$(tare events --since 1h --until 0s --filter container=x1 --format '{{.Action}}' | wc -l)
  [ "$(tare events --since 1h --until 0s --filter image=busybox --filter container=x1 --format '{{.Action}}' | wc -l)" = "$all" ]
  [ -z "$(tare events --since 1h --until 0s --filter image=busybo --filter container=x1)" ]
  [ "$(tare events --since 1h --until 0s --filter container=x1 --filter event=start --filter event=die --format '{{.Action}}' | paste -sd' ')" = "start die" ]
  [ -z "$(tare events --since 1h --until 0s --filter container=x1 --filter type=image)" ]
  [ "$(tare events --since 1h --until 0s --filter container=x1 --filter scope=local --format '{{.Action}}' | wc -l)" = "$all" ]
  [ -z "$(tare events --since 1h --until 0s --filter container=x1 --filter scope=swarm)" ]
  [ -z "$(tare events --since 1h --until 0s --filter daemon=x)" ]
}

@test "what a terminal would act upon is not passed on to it; half a line of a killed writer hides nothing" {
  tare create --name t1 -l evil="$(printf 'a\033[2Jb')" busybox true
  run -0 tare events --since 1h --until 0s --filter container=t1
  [[ "$output" == *"evil=a?[2Jb"* ]]
  printf '{"Type":"container","Act' >>"$TARE_STATE/events"
  tare rm t1
  [ "$(told container=t1)" = "create destroy" ]
}

@test "a build's steps are not told, the names it gives are" {
  printf 'FROM busybox\nRUN true\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  stamp=$(date +%s.%N)
  tare build -q -t evb:1 "$BATS_TEST_TMPDIR"
  [ "$(tare events --since "$stamp" --until 0s --format '{{.Type}} {{.Action}} {{.Actor.Attributes.name}}')" = "image tag evb:1" ]
  tare rmi evb:1
}

@test "out of memory is told before the end, and inspect has it" {
  run tare run --name m1 --network none -m 20m busybox sh -c 'head -c 200m /dev/zero | tail >/dev/null; exit 3'
  [ "$(told container=m1)" = "create attach start oom die" ]
  [ "$(tare inspect -f '{{.State.OOMKilled}}' m1)" = true ]
  tare start -a m1 || true
  [ "$(told container=m1)" = "create attach start oom die attach start oom die" ]
  tare rm m1
  tare run --name m2 --network none -m 20m busybox true
  [ "$(tare inspect -f '{{.State.OOMKilled}}' m2)" = false ]
  [ "$(told container=m2)" = "create attach start die" ]
  tare rm m2
}
