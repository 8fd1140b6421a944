#!/usr/bin/env bats
# create start stop restart kill wait rm ps rename pause top inspect, system
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }

loop='trap "exit 7" TERM; echo ready; while :; do sleep 0.05; done'

@test "create, start, stop, start again, wait, rm" {
  id=$(tare create --name life busybox sh -c "$loop")
  is_state life created
  [ "$(tare start life)" = life ]
  is_state life running
  tare start life
  wait_until 5 bash -c "'$TARE_BIN/tare' logs life | grep -q ready"
  tare stop life
  is_state life exited
  [ "$(tare wait life)" = 7 ]
  [ "$(tare inspect "$id" | jq '.[0].State.ExitCode')" = 7 ]
  tare start "${id:0:6}"
  run -1 tare rm life
  [[ "$output" == *"is running"* ]]
  tare rm -f life
  run -1 tare inspect life
}

@test "stop: its signal, -s another, the time, then KILL" {
  tare run -d --name st --stop-signal USR1 busybox sh -c 'trap "exit 5" USR1; trap "exit 6" USR2; echo ready; while :; do sleep 0.05; done'
  wait_until 5 bash -c "'$TARE_BIN/tare' logs st | grep -q ready"
  tare stop st
  [ "$(tare wait st)" = 5 ]
  tare start st
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' logs st | grep -c ready) = 2 ]"
  tare stop -s USR2 st
  [ "$(tare wait st)" = 6 ]
  tare rm st
  tare run -d --name deaf --stop-timeout 1 busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done'
  tare stop deaf
  [ "$(tare wait deaf)" = 137 ]
  tare rm deaf
}

@test "stop: the image's STOPSIGNAL, -t -1 and the largest number wait as long as it takes, one that is paused" {
  printf 'FROM busybox\nSTOPSIGNAL USR2\n' | tare build -q -t stops -
  tare run -d --name st stops sh -c 'trap "sleep 1; exit 8" USR2; echo ready; while :; do sleep 0.05; done'
  wait_until 5 bash -c "'$TARE_BIN/tare' logs st | grep -q ready"
  tare stop -t -1 st
  [ "$(tare wait st)" = 8 ]
  tare start st
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' logs st | grep -c ready) = 2 ]"
  tare stop -t 9223372036854775807 st
  [ "$(tare wait st)" = 8 ]
  tare start st
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' logs st | grep -c ready) = 3 ]"
  tare pause st
  tare stop -t 0 st
  is_state st exited
  tare rm st
  run -125 tare run -d --stop-signal NOSUCH busybox true
}

@test "kill sends any signal; a stopped container cannot be killed" {
  tare run -d --name kk busybox sh -c 'trap "exit 3" HUP; echo ready; while :; do sleep 0.05; done'
  wait_until 5 bash -c "'$TARE_BIN/tare' logs kk | grep -q ready"
  tare kill -s HUP kk
  [ "$(tare wait kk)" = 3 ]
  run -1 tare kill kk
  [[ "$output" == *"not running"* ]]
  run -1 tare kill -s NOSUCH kk
  tare rm kk
}

@test "ps --format json has Docker's fields; -s tells what was written" {
  tare run --name fields -v "$BATS_TEST_TMPDIR:/m" -v /own --network host -l a=b busybox sh -c 'head -c 300000 /dev/zero >/f; sync'
  row=$(tare ps -a --filter name=fields --format json)
  [ "$(jq -r 'keys | join(" ")' <<<"$row")" = "Command CreatedAt ID Image Labels LocalVolumes Mounts Names Networks Ports RunningFor Size State Status" ]
  [[ "$(tare ps -a --no-trunc --filter name=fields --format json | jq -r .Mounts)" == "$BATS_TEST_TMPDIR,"* ]]
  [[ "$(jq -r .Mounts <<<"$row")" == "${BATS_TEST_TMPDIR:0:14}…,"* ]]
  [ "$(jq -r .LocalVolumes <<<"$row")" = 1 ]
  [ "$(jq -r .Networks <<<"$row")" = host ]
  [ "$(jq -r .Size <<<"$row")" = 0B ]
  [[ "$(tare ps -as --filter name=fields --format json | jq -r .Size)" =~ ^3[0-9]+kB\ \(virtual\ [0-9.]+MB\)$ ]]
  [[ "$(tare ps -as | head -1)" == *NAMES*SIZE ]]
  [[ "$(tare ps -a | head -1)" == *NAMES ]]
  tare rm fields
}

@test "top -o: ps's columns, as \`docker top CONTAINER -o pid,cmd\`" {
  tare run -d --name cols busybox sleep 100
  run -0 tare top cols -o pid,cmd
  [[ "${lines[0]}" =~ ^PID\ +CMD$ ]]
  [[ "${lines[1]}" =~ ^$(live cols pid)\ +sleep\ 100$ ]]
  [ "$(tare top -o args,ppid --format json cols | jq -c 'keys_unsorted')" = '["CMD","PPID"]' ]
  for o in , '' ppid,wchan; do
    run -1 tare top cols -o "$o"
    [[ "$output" == "tare: ps: "* || "$output" == *"no column PID: add pid"* ]]
    run -1 tare top cols -o "$o" --format json
    [[ "$output" == *"not supported"* ]]
  done
  tare rm -f cols
}

@test "top CONTAINER with options of ps: its lines of the container's processes, as docker" {
  tare run -d --name psed busybox sh -c 'sleep 100 & exec sleep 101'
  local pid; pid=$(live psed pid)
  for o in '-eo pid,comm' '-o pid,comm' 'axo pid,comm' '-eo pid,comm --sort=-pid' '-o comm,pid -e'; do
    # shellcheck disable=SC2086
    run -0 tare top psed $o
    [ ${#lines[@]} = 3 ] || { echo "$o: $output"; return 1; }
    grep -qE "(^| )$pid( |$)" <<<"$output"
  done
  run -0 tare top psed aux
  [[ "${lines[0]}" == USER*COMMAND ]]
  [ "$(grep -c 'sleep 10[01]' <<<"$output")" = 2 ]
  [ ${#lines[@]} = 3 ]
  run -0 tare top psed -eLf
  [ ${#lines[@]} = 3 ]
  run -1 tare top psed --nonsense
  [[ "$output" == "tare: ps: "* ]]
  run -1 tare top psed -eo comm
  [[ "$output" == *"no column PID"* ]]
  # which lines are the container's is not for the options to say
  local shown; shown=$(tare top psed -e -o etimes=PID -o args | tail -n +2)
  [ "$(wc -l <<<"$shown")" = 2 ]
  [ "$(grep -c 'sleep 10[01]' <<<"$shown")" = 2 ]
  for o in 'h -eo etimes,args' '-e -o etimes= -o args=' '-O pid,etimes=PID h' 'aux h'; do
    # shellcheck disable=SC2086
    run -1 tare top psed $o
    [[ "$output" == "tare: ps: "* || "$output" == *"no column PID"* ]]
  done
  run -1 tare top --format json psed -ef
  [[ "$output" == *"options of ps stand alone"* ]]
  PATH=/nowhere run -1 "$TARE_BIN/tare" top psed -ef
  [[ "$output" == *"ps is not on this machine"* ]]
  tare rm -f psed
}

@test "start -a of one that runs attaches to it" {
  tare run -d -i --name twice busybox sh -c 'read x; echo "got $x"; exit 7'
  run -7 bash -c 'echo word | "$TARE_BIN/tare" start -ai twice'
  [ "$output" = "got word" ]
  tare rm twice
}

@test "start makes a -v source that went since, as run does" {
  tare create --name lost -v "$BATS_TEST_TMPDIR/src/deep:/v" busybox touch /v/f
  rm -r "$BATS_TEST_TMPDIR/src"
  tare start -a lost
  [ -e "$BATS_TEST_TMPDIR/src/deep/f" ]
  tare rm lost
}

@test "restart gives a new process and the same files" {
  tare run -d --name re busybox sh -c 'echo x >>/count; sleep 100'
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' exec re wc -l /count | cut -d' ' -f1) = 1 ]"
  first=$(live re pid)
  tare restart -t 0 re
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' exec re wc -l /count | cut -d' ' -f1) = 2 ]"
  [ "$(live re pid)" != "$first" ]
  tare rm -f re
}

@test "wait for one that runs, for one that ended, for several" {
  tare run -d --name w1 busybox sh -c 'sleep 0.5; exit 11'
  tare run -d --name w2 busybox sh -c 'exit 12'
  [ "$(tare wait w1 w2 | tr '\n' ' ')" = "11 12 " ]
  [ "$(tare wait w1)" = 11 ]
  tare rm w1 w2
}

@test "pause freezes, unpause lets go on; exec and stop meet a paused one" {
  tare run -d --name pp busybox sh -c 'while :; do date +%s%N; sleep 0.02; done'
  tare pause pp
  is_state pp paused
  no_more_lines() { local a; a=$(tare logs pp | wc -l); sleep 0.3; b=$(tare logs pp | wc -l); [ "$a" = "$b" ]; }
  wait_until 5 no_more_lines # its last ones may be on their way
  run -1 tare exec pp true
  run -1 tare pause pp
  tare unpause pp
  is_state pp running
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' logs pp | wc -l) -gt $b ]"
  tare pause pp
  tare stop -t 1 pp
  is_state pp exited
  tare rm pp
}

@test "ps of many: who is paused, whose health is checked, whose monitor was killed" {
  local i id
  for i in 0 1 2 3 4 5 6 7 8; do tare run -d --name "many$i" busybox sleep 100; done
  tare run -d --name many9 --health-cmd true --health-interval 1s busybox sleep 100
  tare run -d --name many10 busybox sleep 100
  tare pause many0 many10
  states() { tare ps -a --filter name=many --format '{{.Names}} {{.Status}}' | sed -n "s/^$1 Up [a-zA-Z0-9 ]*//p"; }
  all() { tare ps | sed -n "s/.* Up [a-zA-Z0-9 ]*[a-z]  *\((.*)\)* *$1\$/\1/p" | xargs; }
  for i in 0 10; do [ "$(all "many$i")" = "(Paused)" ]; [ "$(states "many$i")" = "(Paused)" ]; done
  for i in 1 8; do [ "$(all "many$i")" = "" ]; [ "$(tare ps | grep -c " Up .* many$i\$")" = 1 ]; done
  wait_until 10 bash -c "'$TARE_BIN/tare' ps | grep -q '(healthy) .*many9\$'"
  tare unpause many10
  [ "$(all many10)" = "" ]
  [ "$(tare info --format '{{.ContainersRunning}} {{.ContainersPaused}}')" = "10 1" ]
  # one whose monitor is gone has another by the time that it is listed
  id=$(tare inspect -f '{{.Id}}' many3)
  local halves; halves=$(jq -r '.keeper, .worker' "$TARE_STATE/$id/state.json")
  kill -9 $halves
  wait_until 5 bash -c "! kill -0 $(head -1 <<<"$halves") 2>/dev/null"
  [ "$(tare ps -q | wc -l)" = 11 ]
  [ "$(jq -r .keeper "$TARE_STATE/$id/state.json")" != "$(head -1 <<<"$halves")" ]
  tare rm -f $(tare ps -q --filter name=many) >/dev/null
}

@test "rm -f of a paused container" {
  local _
  for _ in 1 2 3 4 5; do # its cgroup may go while it is being thawed
    tare run -d --name pf busybox sleep 100
    tare pause pf
    tare rm -f pf
  done
}

@test "rename; names and prefixes find, ambiguous ones do not" {
  a=$(tare create --name old busybox true); b=$(tare create --name other busybox true)
  tare rename old new
  run -1 tare inspect old
  [ "$(tare inspect new | jq -r '.[0].Id')" = "$a" ]
  run -1 tare rename new other
  [[ "$output" == *"in use"* ]]
  tare inspect "${a:0:10}" >/dev/null
  run -1 tare inspect ""
  tare rm new "$b"
}

@test "ps: columns, -a -q -n -l --no-trunc --filter --format json" {
  tare run -d --name up --label tier=web --label empty busybox sleep 100
  tare run --name down busybox sh -c 'exit 4' || true
  run -0 tare ps
  [[ "${lines[0]}" == "CONTAINER ID"*IMAGE*COMMAND*CREATED*STATUS*NAMES ]]
  [ "${#lines[@]}" -eq 2 ]
  [ "$(tare ps -aq | wc -l)" -eq 2 ]
  [ "$(tare ps -aq --filter status=exited)" = "$(tare ps -aq --filter name=down)" ]
  [ "$(tare ps -q --filter label=tier=web)" = "$(tare ps -q)" ]
  [ -z "$(tare ps -q --filter label=tier=db)" ]
  [ "$(tare ps -aq --filter ancestor=busybox | wc -l)" -eq 2 ]
  [ "$(tare ps -aq --filter exited=4 | wc -l)" -eq 1 ]
  [ "$(tare ps -q -n 1 --no-trunc)" = "$(tare inspect down | jq -r '.[0].Id')" ]
  [ "$(tare ps -a --format json | jq -r .Names | sort | tr '\n' ' ')" = "down up " ]
  [[ "$(tare ps -a --format json | jq -r 'select(.Names == "down") | .Status')" == "Exited (4)"* ]]
  run -1 tare ps --filter nonsense=1
  run -1 tare ps --format yaml
  [[ "$output" == *"there are table, json, and templates"* ]]
  tare rm -f up down
}

@test "top lists the processes, with the users of the container" {
  tare run -d --name tt --user 1000 busybox sleep 100
  run -0 tare top tt
  [[ "${lines[0]}" == UID*PID*PPID*CMD ]]
  [[ "${lines[1]}" == "1000 "*"sleep 100" ]]
  tare exec -d --user 2 tt sleep 101 # bin, on the host, which a container with ids of its own has nothing to do with
  tare exec -d --user 0 tt sleep 102
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' top tt | wc -l) = 4 ]"
  [ "$(tare top tt --format '{{.UID}}' | sort | xargs)" = "1000 2 root" ]
  tare rm -f tt
  tare run -d --name tt --userns host busybox sleep 100
  for user in 2 4242 0; do tare exec -d --user "$user" tt sleep 100; done
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' top tt | wc -l) = 5 ]"
  [ "$(tare top tt --format '{{.UID}}' | sort | xargs)" = "4242 bin root root" ]
  tare rm -f tt
}

@test "inspect shows what was asked for and what lives" {
  tare run -d --name ins -e K=V -v "$BATS_TEST_TMPDIR:/mnt:ro" --memory 64m --cap-add NET_ADMIN busybox sleep 100
  run -0 tare inspect ins
  for q in '.[0].State.Running == true' '.[0].State.Pid > 0' '.[0].HostConfig.Memory == 67108864' '.[0].HostConfig.CapAdd == ["NET_ADMIN"]' \
    '.[0].Config.Env | index("K=V") != null' '.[0].Mounts[0].RW == false' '.[0].IdMap.Size >= 65536' '.[0].Path == "sleep"'; do
    jq -e "$q" <<<"$output" >/dev/null || { echo "not so: $q"; return 1; }
  done
  tare rm -f ins
}

@test "a machine that restarted: the end is recorded as unknown, and the container starts again" {
  tare run -d --name reboot busybox sleep 100
  id=$(tare inspect reboot | jq -r '.[0].Id'); pid=$(live reboot pid); keeper=$(live reboot keeper); worker=$(live reboot worker)
  kill -9 "$keeper" "$worker" "$pid"
  rm -rf "${TARE_STATE:?}/$id"
  sqlite3 "$TARE_ROOT/catalog.db" "UPDATE containers SET boot_id = 'another'"
  is_state reboot exited
  [ "$(tare inspect reboot | jq '.[0].State.ExitKnown')" = false ]
  tare start reboot
  is_state reboot running
  tare rm -f reboot
}

@test "both halves of the monitor killed: the next command takes over, exec and stop work" {
  tare run -d --name adopted busybox sh -c 'while :; do echo tick; sleep 0.1; done'
  kill -9 "$(half adopted keeper)" "$(half adopted worker)"
  is_state adopted running
  tare exec adopted true
  n=$(tare logs adopted | wc -l)
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' logs adopted | wc -l) -gt $n ]"
  tare stop -t 0 adopted
  is_state adopted exited
  tare rm adopted
}

@test "--rm: what it writes is not synced, and outlives a restart and a start that fails" {
  synced='grep " / overlay .*volatile" /proc/mounts'
  run -1 tare run --name synced busybox sh -c "$synced"
  tare rm synced
  tare run --rm busybox sh -c "$synced"
  tare run -d --rm --name fleeting busybox sh -c 'echo once more >>/w; exec sleep 60'
  wait_until 5 tare exec fleeting test -s /w
  tare restart -t 0 fleeting
  wait_until 5 bash -c "[ \$('$TARE_BIN/tare' exec fleeting grep -c more /w) = 2 ]"
  tare exec fleeting sh -c "$synced"
  tare rm -f fleeting
  tare create --rm --name never busybox /nowhere
  for _ in 1 2; do
    run -1 tare start never
    [[ "$output" == *'"/nowhere": no such file'* ]] || { echo "got: $output"; return 1; }
    tare cp /etc/hostname never:/w
  done
  tare cp never:/w - | tar -t | grep -x w
  tare rm never
}

@test "--rm still happens when the monitor was killed" {
  tare run -d --rm --name orphan busybox sleep 5
  kill -9 "$(half orphan keeper)" "$(half orphan worker)"
  tare ps >/dev/null
  wait_until 20 bash -c "! '$TARE_BIN/tare' inspect orphan >/dev/null 2>&1"
}

@test "version tells the platform as images name it; system info the memory with its unit" {
  case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) skip "no name for $(uname -m) here" ;; esac
  [[ "$(tare version)" =~ OS/Arch:\ +linux/$arch ]]
  [ "$(tare version --format json | jq -r '.Os + "/" + .Arch')" = "linux/$arch" ]
  [[ "$(tare system info)" =~ Memory:\ +[0-9.]+[MGT]iB ]]
  [ "$(tare system info --format json | jq '.MemTotal / 1024')" -eq "$(awk '/MemTotal/ { print $2 }' /proc/meminfo)" ]
}

@test "system info, df, prune, version" {
  [ "$(tare system info --format json | jq -r .TareRootDir)" = "$TARE_ROOT" ]
  tare run --name gone busybox true
  run -0 tare system df
  [[ "${lines[0]}" == TYPE*TOTAL*ACTIVE*SIZE*RECLAIMABLE ]]
  mkdir "$TARE_ROOT/containers/$(printf 'f%.0s' {1..64})"
  touch "$TARE_ROOT/containers/$(printf 'f%.0s' {1..64})/lock"
  run -0 tare system prune -f
  [[ "$output" == *"Total reclaimed space"* ]]
  [ -z "$(tare ps -aq)" ]
  [ -z "$(ls "$TARE_ROOT/containers")" ]
  tare images -q | grep -q .
  tare version --format json | jq -e .Version
  tare --version
}

@test "a mistyped command or option is one line with what was probably meant" {
  run -1 tare strat
  [[ "$output" == *'"tare start"'* ]]
  run -125 tare ps --quite
  [[ "$output" == *"--quiet"* ]]
}

deep='mkdir /d; cd /d; i=0; while [ $i -lt 300 ]; do mkdir d && cd d; i=$((i+1)); done'

@test "a container with folders deeper than descriptors or paths count is removed" {
  tare run --name deep busybox sh -c "$deep"
  tare rm deep
  tare run --rm busybox sh -c "$deep"
  [ -z "$(ls "$TARE_ROOT/containers")" ]
}

@test "garbage that cannot be removed is a warning; the rest goes on" {
  local stuck loose d
  stuck=$(printf 'a%.0s' {1..64}) loose=$(printf 'b%.0s' {1..64}) d=$TARE_ROOT/containers
  mkdir -p "$d/$stuck/mnt" "$d/$loose"; touch "$d/$stuck/lock" "$d/$loose/lock"
  mount -t tmpfs none "$d/$stuck/mnt"
  tare create --name seen busybox true
  run --separate-stderr tare ps -a --format json
  run_status=$status run_out=$output run_err=$stderr
  run tare system prune -f
  umount "$d/$stuck/mnt"; rm -r "${d:?}/$stuck"
  [ "$status" -eq 0 ]
  [[ "$output" == *"Total reclaimed space"* ]]
  [ "$run_status" -eq 0 ]
  [[ "$run_out" == *'"Names":"seen"'* ]]
  [[ "$run_err" == *"aaaaaaaaaaaa"* ]]
  [ ! -e "$d/$loose" ] || wait_until 15 bash -c "'$TARE_BIN/tare' ps; [ ! -e '$d/$loose' ]"
}

@test "what is written down about containers is for root alone, whatever the umask" {
  local f
  (umask 0; tare run -d --name priv -e SECRET=1 busybox sleep 1000)
  for f in "$TARE_ROOT"/catalog.db* "$TARE_STATE"/*/state.json "$TARE_ROOT"/containers/*/config.json "$TARE_ROOT"/catalog.lock; do
    [ "$(stat -c %a "$f")" = 600 ] || { stat -c '%a %n' "$f"; false; }
  done
  chmod 644 "$TARE_ROOT"/catalog.db*
  tare ps >/dev/null
  [ "$(stat -c %a "$TARE_ROOT"/catalog.db* | sort -u)" = 600 ]
  tare rm -f priv
}

@test "exit codes: as Docker has them" {
  tare run -d --name codes busybox sleep 1000
  run -126 tare exec -u nosuch codes true
  [[ "$output" == *nosuch* ]]
  run -127 tare run --rm busybox ""
  run -1 tare run --rm -it busybox true </dev/null
  [[ "$output" == *"not a TTY"* ]]
  run -1 tare exec -it codes true </dev/null
  run -0 tare rm -f nosuch
  [[ "$output" == *"no such container: nosuch"* ]]
  run -1 tare rm nosuch
  run -1 tare rename codes codes
  [[ "$output" == *"already"* ]]
  run -1 tare bogus
  run -1 tare container bogus
  run -125 tare ps --bogus
  run -1 tare exec nosuch true
  run -1 tare start nosuch
  run -125 tare run --bogus
  tare rm -f codes
}

@test "a message is one line, and a terminal acts on nothing in it" {
  local esc=$'\e[31m' c1=$'\xc2\x9b'
  run -125 tare run "nosuch$esc" true
  [[ "$output" != *"$esc"* && "$output" == *'nosuch\x1b[31m'* && "${#lines[@]}" = 1 ]]
  run -1 tare rm "${esc}X$c1"
  [[ "$output" != *"$esc"* && "$output" != *"$c1"* ]]
  run -1 tare load -i $'a\nb'
  [ "${#lines[@]}" = 1 ]
  run -1 tare rm "é"
  [[ "$output" == *é* ]]
}

alive() { [ -n "$(find /sys/fs/cgroup -type d -path "*/tare/$1*" -exec cat {}/cgroup.procs \; 2>/dev/null)" ]; }
@test "the state folder is wiped while containers live: they are running, stop and rm -f end them, system check tells" {
  one=$(tare run -d --name wiped1 busybox sleep 1000)
  two=$(tare run -d --name wiped2 --restart always busybox sh -c 'trap "echo stopped; exit 3" TERM; echo ready; while :; do sleep 0.05; done')
  three=$(tare run -d --name wiped3 --rm busybox sleep 1000)
  wait_until 5 bash -c "'$TARE_BIN/tare' logs wiped2 | grep -q ready"
  wipe "$TARE_STATE"
  is_state wiped1 running
  [ "$(tare ps -q | wc -l)" = 3 ]
  run -1 tare system check
  [ "$(grep -c "container wiped[123]: .*${TARE_STATE}.* tare rm -f" <<<"$output")" = 3 ]
  run -1 tare exec wiped1 true
  [[ "$output" == *"wiped1 runs, but "*"is gone"*"tare rm -f wiped1"* ]]
  run -1 tare start wiped1
  run -1 tare rm wiped1
  [[ "$output" == *"is running"* ]]
  alive "$one"; alive "$two"; alive "$three"

  tare stop -t 10 wiped2
  run ! alive "$two"
  is_state wiped2 exited
  tare logs wiped2 | grep -q stopped
  run -0 tare rm -f wiped1 wiped3
  [[ "$output" != *warning* ]]
  run ! alive "$one"
  run ! alive "$three"
  tare start wiped2
  is_state wiped2 running
  tare rm -f wiped2
  [ -z "$(tare ps -aq)" ]
}

@test "the state folder is wiped, and the container ends by itself: its row says so" {
  id=$(tare run -d --name wiped busybox sh -c 'while [ ! -e /end ]; do sleep 0.05; done')
  local pid; pid=$(tare inspect -f '{{.State.Pid}}' "$id") # not the lowest number in its cgroup: these begin anew at 32768
  wipe "$TARE_STATE"
  kill -9 "$pid"
  ended() { [ "$(tare inspect wiped | jq -r '.[0].State.Status')" = exited ]; }
  wait_until 5 ended
  tare start wiped
  is_state wiped running
  tare rm -f wiped
}

@test "the state folder is wiped, and the container ends by itself: its row says so to who comes before its monitor, too" {
  id=$(tare run -d --name wiped busybox sleep 1000)
  local pid halves; pid=$(tare inspect -f '{{.State.Pid}}' "$id"); halves=("$(half wiped keeper)" "$(half wiped worker)")
  kill -STOP "${halves[@]}"
  wipe "$TARE_STATE"
  kill -9 "$pid"
  ended() { [ "$(tare inspect wiped | jq -r '.[0].State.Status')" != running ]; }
  run wait_until 5 ended
  state=$(tare inspect -f '{{.State.Status}} {{.State.Error}}' wiped)
  kill -CONT "${halves[@]}"
  [ "$state" = "exited " ]
  over() { [ ! -e "/proc/${halves[0]}" ] && [ ! -e "/proc/${halves[1]}" ]; }
  wait_until 5 over
  is_state wiped exited
  tare start wiped
  is_state wiped running
  tare rm -f wiped
}

@test "stop, kill, pause and rm of several: at the same time, names in the order that was asked for, each failure told" {
  local i names=()
  for i in 0 1 2 3 4; do tare run -d --name "several$i" --stop-timeout 2 busybox sh -c 'trap "" TERM; while :; do sleep 0.05; done' >/dev/null; names+=("several$i"); done
  run -0 tare pause "${names[@]}"
  [ "${lines[*]}" = "${names[*]}" ]
  run -0 tare unpause several4 several3 several2 several1 several0
  [ "${lines[*]}" = "several4 several3 several2 several1 several0" ]
  local begun=$SECONDS
  run -1 --separate-stderr tare stop several1 nosuch several0 several2 several3 several4
  [ "${lines[*]}" = "several1 several0 several2 several3 several4" ]
  [[ "$stderr" == *"no such container: nosuch"* ]]
  [ $((SECONDS - begun)) -lt 8 ] # one after the other: 10
  tare start "${names[@]}" >/dev/null
  run -0 tare kill "${names[@]}"
  [ "${lines[*]}" = "${names[*]}" ]
  run -0 --separate-stderr tare rm -f several0 nosuch "${names[@]:1}"
  [ "${lines[*]}" = "${names[*]}" ]
  [ -z "$(tare ps -aq --filter name=several)" ]
  # that there is no store is said once
  : >"$BATS_TEST_TMPDIR/file"
  run -1 --separate-stderr tare --root "$BATS_TEST_TMPDIR/file" stop a b c
  [ "${#stderr_lines[@]}" = 1 ]
}
