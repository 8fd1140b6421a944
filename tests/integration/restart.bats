#!/usr/bin/env bats
# Restart policies: --restart of run, create and update, and what starts after the machine did.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { remove_all; }

state() { tare inspect "$1" | jq -r ".[0].$2"; }
is() { [ "$(state "$1" "$2")" = "$3" ]; } # NAME MEMBER VALUE
restarts() { [ "$(state "$1" RestartCount)" -ge "$2" ]; }
# What waits for the restart of a container is there.
waiter_of() { pgrep -f "^tare-monitor rest .* $1\$"; }
# The pause that it is in takes minutes; whoever looks has somebody wait for that.
rests_long() {
  pkill -KILL -f "^tare-monitor rest .* $(state "$1" Id)\$" || true
  sqlite3 -cmd ".timeout 10000" "$TARE_ROOT/catalog.db" "UPDATE containers SET restart_due = restart_due + 100000000000, restart_wait = 100000000000 WHERE name = '$1' AND status = 'restarting'"
  is "$1" State.Status restarting
}
said() { [ "$(tare logs "$1" | grep -c "$2")" -ge "$3" ]; }

@test "update --restart of one with --rm is refused while it is being restarted, too" {
  local pid
  tare run -d --rm --name both --network none busybox sh -c 'trap "" TERM; while :; do sleep 0.1; done'
  "$TARE_BIN/tare" restart -t 2 both 3>&- &
  pid=$!
  wait_until 2 bash -c "'$TARE_BIN/tare' events --since 1m --until 0s --filter container=both --filter event=kill | grep -q kill"
  run -1 tare update --restart always both
  [[ "$output" == *"--rm"* ]]
  wait "$pid"
  [ "$(tare inspect -f '{{.HostConfig.AutoRemove}} {{.HostConfig.RestartPolicy.Name}}' both)" = "true no" ]
  tare rm -f both
}

@test "always: started again with another pause, the log goes on; State and ps say so; stop ends it for good" {
  tare run -d --name al --restart always busybox sh -c 'echo here; exit 3'
  wait_until 20 restarts al 3
  wait_until 20 said al here 4
  wait_until 10 is al 'State | [.Status, .Restarting, .Running, .ExitCode] | join(" ")' "restarting true true 3"
  [ "$(state al HostConfig.RestartPolicy.Name)" = always ]
  wait_until 20 rests_long al
  [[ "$(tare ps --filter name=al --format '{{.Status}} {{.State}}')" == "Restarting (3) "*" ago restarting" ]]
  [ "$(tare ps -q --filter status=restarting | wc -l)" = 1 ]
  run -1 tare rm al
  [[ "$output" == *"is restarting"* ]]
  run -1 tare exec al true
  [[ "$output" == *"is restarting"* ]]
  id=$(state al Id)
  waiter_of "$id"
  tare stop al
  is al State.Status exited
  is al State.ExitCode 3
  run -0 tare ps -q
  [ -z "$output" ]
  wait_until 3 bash -c "! pgrep -f '^tare-monitor rest .* $id\$'"
  n=$(state al RestartCount)
  sleep 0.5
  is al RestartCount "$n"
}

@test "a policy's container that is stopped or killed stays so; start begins anew" {
  tare run -d --name st --restart unless-stopped busybox sleep 1000
  tare stop -t 0 st
  is st State.Status exited
  tare start st
  is st State.Status running
  tare kill st
  is st State.Status exited
  tare start st
  # its own end, whoever else sent the signal
  kill -9 "$(state st State.Pid)"
  wait_until 10 restarts st 1
  wait_until 10 is st State.Status running
  tare restart -t 0 st
  is st State.Status running
  is st RestartCount 0
  # a signal that is no stop of it leaves the policy alone
  tare kill -s USR1 st || true
  tare rm -f st
  run -1 tare inspect st
}

@test "on-failure: so many times, not after exit 0; its codes" {
  tare run -d --name of --restart on-failure:2 busybox sh -c 'echo x; exit 4'
  wait_until 20 is of State.Status exited
  is of RestartCount 2
  is of State.ExitCode 4
  [ "$(tare logs of | wc -l)" = 3 ]
  is of HostConfig.RestartPolicy.MaximumRetryCount 2
  tare run -d --name fine --restart on-failure busybox true
  [ "$(tare wait fine)" = 0 ]
  wait_until 5 is fine State.Status exited
  is fine RestartCount 0
  # one that could not be started at all is not tried again
  run -127 tare run -d --name nocmd --restart always busybox /no/such
  is nocmd State.Status created
}

@test "what is no policy, and --rm with one" {
  run -125 tare run -d --restart sometimes busybox true
  [[ "$output" == *"--restart sometimes"* ]]
  run -125 tare run -d --restart always:3 busybox true
  run -125 tare run -d --restart on-failure:x busybox true
  run -125 tare run --rm --restart always busybox true
  [[ "$output" == *"--rm"*"--restart"* ]]
  tare create --name rr --rm busybox true
  run -1 tare update --restart always rr
  [[ "$output" == *"--rm"* ]]
  run -0 tare create --restart no busybox true
}

@test "update --restart, while it runs; rm -f of one that waits" {
  tare run -d --name up busybox sleep 1000
  tare update --restart always up
  is up HostConfig.RestartPolicy.Name always
  kill -9 "$(state up State.Pid)"
  wait_until 10 restarts up 1
  wait_until 10 is up State.Status running
  tare update --restart no up
  kill -9 "$(state up State.Pid)"
  wait_until 10 is up State.Status exited
  tare run -d --name gone --restart always busybox false
  wait_until 20 restarts gone 4
  id=$(state gone Id)
  tare rm -f gone
  run -1 tare inspect gone
  wait_until 3 bash -c "! pgrep -f '^tare-monitor rest .* $id\$'"
}

@test "wait: of one that waits for its restart it is the next end; start of it does not wait" {
  tare run -d --name ww --restart always busybox sh -c 'sleep 0.3; exit 9'
  [ "$(tare wait ww)" = 9 ]
  wait_until 20 restarts ww 5
  wait_until 10 is ww State.Status restarting
  [ "$(tare wait ww)" = 9 ]
  restarts ww 6
  wait_until 10 is ww State.Status restarting
  tare start ww
  is ww RestartCount 0
  tare stop ww
}

greets() { [ "$(busybox nc -w 2 "${1%:*}" "${1##*:}" </dev/null)" = hello ]; }

@test "addresses and ports stay over a restart" {
  tare run -d --name net --restart always -p 127.0.0.1::80 busybox nc -ll -p 80 -e echo hello
  ip=$(state net NetworkSettings.IPAddress) port=$(tare port net 80)
  [ -n "$ip" ]
  for i in 1 2; do
    kill -9 "$(state net State.Pid)"
    wait_until 10 restarts net $i
    wait_until 10 is net State.Status running
    [ "$(state net NetworkSettings.IPAddress)" = "$ip" ]
    [ "$(tare port net 80)" = "$port" ]
    [[ "$(tare exec net ip -o -4 addr show eth0)" == *" $ip/"* ]]
    wait_until 5 greets "$port"
  done
}

@test "addresses and ports stay over a restart, also of one whose files were looked at in the pause before it" {
  tare run -d --name seen --restart always -p 127.0.0.1::80 busybox sh -c '[ -e /go ] && exec sleep 1000; sleep 1; exit 1'
  ip=$(state seen NetworkSettings.IPAddress) port=$(tare port seen 80)
  [ -n "$ip" ]
  wait_until 20 restarts seen 4
  wait_until 10 is seen State.Status restarting
  tare diff seen
  touch "$BATS_TEST_TMPDIR/go"
  tare cp "$BATS_TEST_TMPDIR/go" seen:/
  wait_until 10 is seen State.Status running
  [ "$(state seen NetworkSettings.IPAddress)" = "$ip" ]
  [ "$(tare port seen 80)" = "$port" ]
}

# The pause before the next start is a process of ours, too.
@test "the one that waits is killed: the next command has another; monitors killed: as always" {
  tare run -d --name kk --restart always busybox sh -c 'sleep 0.1; exit 1'
  wait_until 20 restarts kk 5
  wait_until 10 is kk State.Status restarting
  id=$(state kk Id)
  n=$(state kk RestartCount)
  kill -9 "$(waiter_of "$id")"
  wait_until 10 restarts kk $((n + 1))
  tare rm -f kk
  tare run -d --name mm --restart always busybox sleep 1000
  for half in keeper worker; do
    n=$(state mm RestartCount)
    kill -9 "$(half mm $half)"
    kill -9 "$(state mm State.Pid)"
    wait_until 10 restarts mm $((n + 1))
    wait_until 10 is mm State.Status running
  done
  n=$(state mm RestartCount)
  # both, and the container: nobody sees the end but the next command
  kill -9 "$(half mm keeper)" "$(half mm worker)" "$(state mm State.Pid)"
  wait_until 10 restarts mm $((n + 1))
  wait_until 10 is mm State.Status running
}

# As lifecycle.bats does: everything of them is killed, and the catalog is told of another boot.
machine_restarts() {
  jq -r '.keeper, .worker, .pid' "$TARE_STATE"/*/state.json | awk '$1 > 1' | xargs -r kill -9 2>/dev/null || true
  pkill -KILL -f "^tare-monitor rest .* --root $TARE_ROOT " || true
  wipe "$TARE_STATE"
  sqlite3 -cmd ".timeout 10000" "$TARE_ROOT/catalog.db" "UPDATE containers SET boot_id = 'another'"
}

@test "start --all-enabled after the machine started: always, unless-stopped that was not, on-failure that ran" {
  tare run -d --name a1 --restart always busybox sleep 1000
  tare run -d --name a2 --restart always busybox sleep 1000
  tare run -d --name u1 --restart unless-stopped busybox sleep 1000
  tare run -d --name u2 --restart unless-stopped busybox sleep 1000
  tare run -d --name f1 --restart on-failure busybox sleep 1000
  tare run -d --name f2 --restart on-failure busybox true
  tare run -d --name no busybox sleep 1000
  tare run -d --name waiting --restart always busybox sh -c '[ ! -e /second ] || exec sleep 1000; sleep 0.2; exit 1'
  tare create --name never --restart always busybox sleep 1000
  tare stop -t 0 a2 u2
  wait_until 5 is f2 State.Status exited
  wait_until 20 restarts waiting 5
  wait_until 5 is waiting State.Status restarting
  machine_restarts
  # who looks first changes nothing
  is u1 State.Status exited
  is waiting State.Status exited
  run -1 tare start --all-enabled a1
  run -1 tare start
  tare start --all-enabled
  for c in a1 a2 u1 f1; do is $c State.Status running; done
  for c in u2 f2 no; do is $c State.Status exited; done
  is never State.Status created
  wait_until 5 restarts waiting 1
  before=$(state a1 State.Pid)
  tare start --all-enabled # they run: nothing happens
  is a1 State.Pid "$before"
}

# As Docker: it is the one that it was, and not one that never ran.
@test "a start by hand that fails: what ran before has exited, and is started after the machine was" {
  local src=$BATS_TEST_TMPDIR/source
  mkdir "$src"
  tare run -d --name ran --restart always --network none --mount "type=bind,source=$src,target=/bin" busybox sleep 1000 || true
  is ran State.Status created # its first start: there is no such command
  cp -a "$(command -v busybox)" "$src/sleep"
  tare start ran
  is ran State.Status running
  tare stop -t 0 ran
  rm "$src/sleep"
  run -1 tare start ran
  is ran State.Status exited
  is ran State.ExitCode 127
  [[ "$(state ran State.Error)" == *sleep* ]]
  [[ "$(tare ps -a --filter name=ran --format '{{.Status}}')" == "Exited (127) "* ]]
  cp -a "$(command -v busybox)" "$src/sleep"
  machine_restarts
  tare start --all-enabled
  is ran State.Status running
  # killed in the middle of a start it is that, too
  tare stop -t 0 ran
  rm "$TARE_STATE/$(state ran Id)/state.json"
  sqlite3 -cmd ".timeout 10000" "$TARE_ROOT/catalog.db" "UPDATE containers SET status = 'running', stopped = 0, restart_wait = 0 WHERE name = 'ran'"
  wait_until 5 is ran State.Status exited
}

@test "on-failure:N has N restarts after the machine started, too" {
  tare run -d --name n2 --restart on-failure:2 busybox sh -c '[ -e /second ] && { echo x; exit 4; }; touch /second; exec sleep 1000'
  machine_restarts
  tare start --all-enabled
  wait_until 20 is n2 State.Status exited
  is n2 RestartCount 2
  [ "$(tare logs n2 | grep -c x)" = 3 ]
  # it has had them: as Docker
  machine_restarts
  tare start --all-enabled
  is n2 State.Status exited
}

@test "stop --for-shutdown: all that run, at the same time; none is restarted before the machine is, and then those that are to be" {
  local begun
  for c in always unless-stopped on-failure no; do
    tare run -d --name "s-$c" --restart $c --stop-timeout 3 busybox sleep 1000 # which does not mind TERM
  done
  tare run -d --name fine --restart on-failure busybox sh -c 'trap "exit 0" TERM; echo ready; while :; do sleep 0.1; done'
  tare run -d --name usr --restart always --stop-signal USR1 busybox sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.1; done'
  tare run -d --name paused --restart always --stop-timeout 0 busybox sleep 1000
  tare run -d --name gone --rm --stop-timeout 0 busybox sleep 1000
  tare run -d --name hand --restart unless-stopped busybox sleep 1000
  tare run -d --name waits --restart always busybox sh -c '[ ! -e /second ] || exec sleep 1000; sleep 0.2; exit 1'
  tare stop -t 0 hand
  wait_until 5 said fine ready 1
  wait_until 5 said usr ready 1
  wait_until 20 restarts waits 5
  wait_until 5 is waits State.Status restarting
  tare pause paused
  run -1 tare stop --for-shutdown hand
  run -1 tare stop --for-shutdown -t 1
  run -1 tare stop
  begun=$(date +%s%N)
  tare stop --for-shutdown
  [ $((($(date +%s%N) - begun) / 1000000)) -lt 9000 ] # four of three seconds, one after the other, would be twelve
  [ -z "$(tare ps -q)" ]
  run -1 tare inspect gone
  is usr State.ExitCode 9
  is fine State.ExitCode 0
  is s-no State.ExitCode 137
  sleep 0.5
  [ -z "$(tare ps -q)" ]
  tare events --since 1h --until 0s --filter container=usr --format '{{.Status}}' | grep -x stop
  machine_restarts
  tare start --all-enabled
  for c in s-always s-unless-stopped s-on-failure usr paused; do is $c State.Status running; done
  for c in s-no fine hand; do is $c State.Status exited; done
  wait_until 5 restarts waits 1
  tare stop --for-shutdown # that is no stop by hand the second time either
  machine_restarts
  tare start --all-enabled
  is s-unless-stopped State.Status running
}

@test "one that cannot be started is told, the others are" {
  mkdir "$BATS_TEST_TMPDIR/root"
  cp -a "$(command -v busybox)" "$BATS_TEST_TMPDIR/root/busybox"
  tare run -d --name bad --restart always --network none --rootfs "$BATS_TEST_TMPDIR/root" /busybox sleep 1000
  tare run -d --name good --restart always busybox sleep 1000
  machine_restarts
  rm -r "$BATS_TEST_TMPDIR/root"
  run -1 tare start --all-enabled
  [[ "$output" == *"container bad"* ]]
  is good State.Status running
  wait_until 10 is bad State.Status restarting # until it can be
  wait_until 10 bash -c "'$TARE_BIN/tare' inspect bad | jq -r '.[0].State.Error' | grep -q '$BATS_TEST_TMPDIR/root'"
  mkdir "$BATS_TEST_TMPDIR/root"
  cp -a "$(command -v busybox)" "$BATS_TEST_TMPDIR/root/busybox"
  wait_until 20 is bad State.Status running
}

# It fails before anything of the start is written down.
@test "what is missing when the machine starts is waited for; after a clock that was set back, too" {
  local src=$BATS_TEST_TMPDIR/source n
  mkdir "$src"
  tare run -d --name late --restart always --network none --mount "type=bind,source=$src,target=/source" busybox sleep 1000
  machine_restarts
  rmdir "$src"
  run -1 tare start --all-enabled
  [[ "$output" == *"container late"*"$src"* ]]
  wait_until 10 is late State.Status restarting
  wait_until 10 restarts late 4
  sqlite3 -cmd ".timeout 10000" "$TARE_ROOT/catalog.db" "UPDATE containers SET restart_due = restart_due + 3600000000000 WHERE name = 'late' AND status = 'restarting'"
  n=$(state late RestartCount)
  wait_until 20 restarts late $((n + 2))
  [[ "$(state late State.Error)" == *"$src"* ]]
  mkdir "$src"
  wait_until 30 is late State.Status running
}
