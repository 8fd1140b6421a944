#!/usr/bin/env bats
# Health checks: --health-… and the image's HEALTHCHECK, run by the monitor.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { remove_all; }

state() { tare inspect "$1" | jq -r ".[0].$2"; }
is() { [ "$(state "$1" "$2")" = "$3" ]; }
checks() { [ "$(state "$1" 'State.Health.Log | length')" -ge "$2" ]; }
quick=(--health-interval 100ms --health-timeout 5s)

@test "healthy, then not, then again: State.Health, ps and its filter" {
  tare run -d --name he "${quick[@]}" --health-retries 2 --health-cmd 'echo looked; test -e /ok' busybox sh -c 'touch /ok; exec sleep 1000'
  is he Config.Healthcheck.Test[0] CMD-SHELL
  is he Config.Healthcheck.Interval 100000000
  wait_until 10 is he State.Health.Status healthy
  is he State.Health.FailingStreak 0
  tare inspect he | jq -e '.[0].State.Health.Log[0] | .ExitCode == 0 and .Output == "looked\n" and .Start < .End' >/dev/null
  [[ "$(tare ps --filter name=he --format '{{.Status}}')" == "Up "*" (healthy)" ]]
  [ "$(tare ps -q --filter health=healthy | wc -l)" = 1 ]
  [ "$(tare ps -q --filter health=unhealthy | wc -l)" = 0 ]
  told=$(date +%s.%N)
  tare exec he rm /ok
  wait_until 10 is he State.Health.Status unhealthy
  [ "$(state he State.Health.FailingStreak)" -ge 2 ]
  wait_until 5 bash -c "'$TARE_BIN/tare' events --since $told --until 0s --filter event=health_status | grep -q 'container health_status: unhealthy .*name=he'"
  [[ "$(tare ps --filter name=he --format '{{.Status}}')" == "Up "*" (unhealthy)" ]]
  wait_until 10 checks he 5
  sleep 0.5
  is he 'State.Health.Log | length' 5
  tare exec he touch /ok
  wait_until 10 is he State.Health.Status healthy
  tare stop -t 0 he
  [[ "$(tare ps -a --filter name=he --format '{{.Status}}')" == "Exited"* ]]
}

@test "it runs as the container does: user, environment, folder; CMD of an image; its output is cut" {
  printf 'FROM busybox\nENV WHO=me\nWORKDIR /tmp\nUSER 7:8\nHEALTHCHECK --interval=100ms --retries=1 CMD ["sh", "-c", "id -u; id -g; echo $WHO; pwd; exit 3"]\n' |
    tare build -q -t checked -
  tare run -d --name im checked sleep 1000
  wait_until 10 is im State.Health.Status unhealthy
  is im 'State.Health.Log[0].Output' $'7\n8\nme\n/tmp'
  is im 'State.Health.Log[0].ExitCode' 3
  is im Config.Healthcheck.Test[0] CMD
  tare rm -f im
  # an option replaces what it names
  tare run -d --name im --health-cmd 'yes | head -c 9000; exit 0' checked sleep 1000
  wait_until 10 is im State.Health.Status healthy
  is im 'State.Health.Log[0].Output | length' 4096
  is im Config.Healthcheck.Retries 1
  tare rm -f im
  tare run -d --name im --no-healthcheck checked sleep 1000
  is im State.Health null
  is im Config.Healthcheck.Test[0] NONE
  [ "$(tare ps -q --filter health=none | wc -l)" = 1 ]
}

@test "a check that takes too long is killed with what it started" {
  tare run -d --name slow --health-interval 100ms --health-timeout 300ms --health-retries 1 \
    --health-cmd 'echo begun; sleep 7777 & (sleep 7778 & sleep 7779) & sleep 7780' busybox sleep 1000
  wait_until 10 is slow State.Health.Status unhealthy
  is slow 'State.Health.Log[0].ExitCode' -1
  [[ "$(state slow 'State.Health.Log[0].Output')" == "Health check exceeded timeout (300ms): begun"* ]]
  wait_until 10 checks slow 4
  # never more than one check's
  [ "$(tare top slow | grep -c 'sleep 77[78]')" -le 4 ]
  tare stop -t 0 slow
}

@test "the start period: failures in it do not count, its interval is another" {
  tare run -d --name sp --health-interval 10m --health-start-period 10m --health-start-interval 100ms --health-retries 1 \
    --health-cmd 'test -e /up' busybox sleep 1000
  wait_until 10 checks sp 3
  is sp State.Health.Status starting
  is sp State.Health.FailingStreak 0
  [[ "$(tare ps --filter name=sp --format '{{.Status}}')" == "Up "*" (health: starting)" ]]
  tare exec sp touch /up
  wait_until 10 is sp State.Health.Status healthy
}

@test "what cannot be run, and options that are wrong" {
  tare run -d --name bad "${quick[@]}" --health-retries 1 --health-cmd '/no/such' busybox sleep 1000
  wait_until 10 is bad State.Health.Status unhealthy
  is bad 'State.Health.Log[0].ExitCode' 127
  printf 'FROM scratch\nCOPY busybox /busybox\nHEALTHCHECK --interval=100ms --retries=1 CMD true\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/busybox"
  tare build -q -t noshell "$BATS_TEST_TMPDIR"
  tare run -d --name ns noshell /busybox sleep 1000
  wait_until 10 is ns State.Health.Status unhealthy
  is ns 'State.Health.Log[0].ExitCode' -1
  [[ "$(state ns 'State.Health.Log[0].Output')" == *"/bin/sh"* ]]
  run -125 tare run -d --health-interval 1us --health-cmd true busybox true
  [[ "$output" == *"--health-interval"* ]]
  run -125 tare run -d --health-retries -1 --health-cmd true busybox true
  run -125 tare run -d --health-interval 1s busybox true
  [[ "$output" == *"--health-cmd"* ]]
  run -125 tare run -d --no-healthcheck --health-cmd true busybox true
}

# Its last one becomes last.
no_new_check() { last=$(state "$1" 'State.Health.Log[-1].End'); sleep 0.6; is "$1" 'State.Health.Log[-1].End' "$last"; }

@test "a paused container is not checked" {
  tare run -d --name pa "${quick[@]}" --health-cmd 'date +%s%N >>/n' busybox sleep 1000
  wait_until 10 is pa State.Health.Status healthy
  tare pause pa
  wait_until 10 no_new_check pa # one may have been under way
  tare unpause pa
  wait_until 10 bash -c "[ \"\$('$TARE_BIN/tare' inspect pa | jq -r '.[0].State.Health.Log[-1].End')\" != '$last' ]"
  is pa State.Health.Status healthy
}

@test "the worker killed, between checks and in one: the next goes on, and ends what hangs" {
  tare run -d --name wk "${quick[@]}" --health-retries 1000 --health-cmd 'exit 1' busybox sleep 1000
  wait_until 10 checks wk 2
  kill -9 "$(half wk worker)"
  n=$(state wk State.Health.FailingStreak)
  [ "$n" -ge 2 ]
  wait_until 10 bash -c "[ \$('$TARE_BIN/tare' inspect wk | jq '.[0].State.Health.FailingStreak') -gt $n ]"
  tare rm -f wk
  tare run -d --name hang --health-interval 100ms --health-timeout 10m --health-cmd 'test -e /2 || { touch /2; sleep 7777; }' busybox sleep 1000
  wait_until 10 bash -c "'$TARE_BIN/tare' top hang | grep -q 'sleep 7777'"
  kill -9 "$(half hang worker)"
  wait_until 10 is hang State.Health.Status healthy
  run ! grep -q 'sleep 7777' <(tare top hang)
}

@test "started again it begins anew; many checks leave nothing" {
  tare run -d --name again --health-interval 20ms --health-cmd true busybox sleep 1000
  wait_until 10 is again State.Health.Status healthy
  sleep 2
  [ "$(pgrep -fc "^tare-monitor exec")" -le 2 ]
  [ "$(find "$TARE_STATE/$(state again Id)/exec" -type f | wc -l)" -le 1 ]
  worker=$(half again worker)
  [ "$(find "/proc/$worker/fd" -mindepth 1 | wc -l)" -le 40 ]
  [ "$(ps -o stat= --ppid "$worker" | grep -c Z)" -le 1 ]
  tare restart -t 0 again
  wait_until 10 is again State.Health.Status healthy
}

@test "who tells of another status may take long: the container's output waits for nobody" {
  local holder before
  tare run -d --name late --network none --health-cmd 'test $(($(date +%s) % 2)) = 0' --health-interval 200ms --health-retries 1 busybox \
    sh -c 'while sleep 0.1; do echo here; done'
  wait_until 10 eval '[ "$(tare events --since 1h --until 0s --filter container=late --filter event=health_status | wc -l)" -ge 2 ]'
  flock "$TARE_STATE/events" sleep 7 3>&- & holder=$!
  sleep 3.5
  before=$(tare logs late | wc -l)
  sleep 2
  [ $(($(tare logs late | wc -l) - before)) -ge 8 ]
  wait "$holder"
  before=$(tare events --since 1h --until 0s --filter container=late --filter event=health_status | wc -l)
  wait_until 10 eval '[ "$(tare events --since 1h --until 0s --filter container=late --filter event=health_status | wc -l)" -gt "$before" ]'
}
