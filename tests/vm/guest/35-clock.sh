# The clock is set, forwards and back, by hours and days: nothing waits for a time that will not come, and nothing spins.
# shellcheck shell=sh
[ -x /usr/local/bin/tare ] || return 0

ck() { timeout 60 tare "$@"; }
set_clock() { # SECONDS: from what it is now
  date -s "@$(($(date +%s) + $1))" >/dev/null
}
ck_status() { ck inspect -f '{{.State.Status}}' "$1"; }
ck_until() { # TENTHS COMMAND…: uptime's clock is not set
  left=$1; shift
  while [ "$left" -gt 0 ]; do
    "$@" >/dev/null 2>&1 && return 0
    left=$((left - 1))
    sleep 0.1
  done
  fail "still not true: $*"
}
seconds_up() { cut -d. -f1 /proc/uptime; }
restarts() { ck inspect -f '{{.RestartCount}}' "$1"; }
checks() { ck exec checked sh -c 'wc -l </checks'; }

ck_begin() {
  tare images -q | grep -q . || tare load -q -i /tests/busybox.tar || return 1
  ck run -d --name talker --network none busybox sh -c 'i=0; while :; do i=$((i+1)); echo line $i; sleep 0.5; done' &&
    ck run -d --name checked --network none --health-cmd 'echo >>/checks' --health-interval 1s busybox sleep 100000 &&
    ck run -d --name again --network none --restart always busybox sh -c 'sleep 0.3; exit 3'
}

more_checks() { n_checks=$(checks) && [ "$n_checks" -gt "$1" ]; }
more_lines() { [ "$(wc -l </root/clock-follow)" -gt "$1" ]; }
more_restarts() { [ "$(restarts again)" -gt "$1" ]; }
told() { grep -q "$1" /root/clock-events; }

# What goes on by itself goes on: checks, restarts, who follows a log, and who follows events.
ck_goes_on() { # SECONDS that the clock is set by
  tare logs -f talker >/root/clock-follow 2>&1 &
  follower=$!
  tare events >/root/clock-events 2>&1 &
  listener=$!
  ck_until 100 more_lines 2 && ck_until 300 more_checks 0 || return 1
  set_clock "$1"
  c=$(checks) r=$(restarts again) l=$(wc -l </root/clock-follow)
  ck_until 300 more_checks "$c" || return 1
  ck_until 300 more_lines "$l" || return 1
  ck run --rm --name "told$2" --network none busybox true && ck_until 100 told "name=told$2" || return 1
  # the pause before a restart is at most doubled each time: it comes to its end
  ck_until 600 more_restarts "$r" || return 1
  kill "$follower" "$listener"; wait "$follower" "$listener" 2>/dev/null
  ck ps -a; ck inspect -f '{{.State.Health.Status}}' checked | grep -x healthy
}

# What a command waits for is so many seconds, whatever the clock says.
ck_waits() { # SECONDS that the clock is set by, meanwhile
  ck run -d --name "stubborn$2" --network none busybox sh -c 'trap "" TERM; while :; do sleep 1; done' || return 1
  ck run -d --name "short$2" --network none busybox sh -c 'sleep 4; exit 6' || return 1
  ck wait "short$2" >/root/clock-wait &
  waiter=$!
  begin=$(seconds_up)
  ck stop -t 5 "stubborn$2" >/dev/null &
  stopper=$!
  sleep 1
  set_clock "$1"
  wait "$stopper" || fail "stop: $?" || return 1
  took=$(($(seconds_up) - begin))
  echo "stop took $took s"
  [ "$took" -ge 4 ] && [ "$took" -le 20 ] || return 1
  wait "$waiter" || fail "wait: $?" || return 1
  [ "$(cat /root/clock-wait)" = 6 ] && [ "$(ck inspect -f '{{.State.ExitCode}}' "short$2")" = 6 ] && [ "$(ck_status "stubborn$2")" = exited ]
}

# Lists and logs by time end, and take no more than a moment.
ck_looks() {
  for words in "logs --since 10s talker" "logs --until 1s talker" "logs -n 3 -t talker" "events --since 5s --until 0s" "events --until 2s" \
    "ps -a" "top talker" "stats --no-stream" "system df" "container prune -f --filter until=1h" "exec talker true"; do
    # shellcheck disable=SC2086
    ck $words >/root/clock-said 2>&1 || fail "$words: $?: $(cat /root/clock-said)" || return 1
  done
  ck logs -n 3 talker | grep -q 'line '
}

# The monitors, who were there all the time, have taken no more processor time than those who wait.
ck_idles() {
  # shellcheck disable=SC2009
  for p in $(ps -o pid,comm | sed -n 's/^ *\([0-9]*\) tare-monitor$/\1/p'); do
    before=$(cut -d' ' -f14,15 "/proc/$p/stat" 2>/dev/null) && eval "ticks_$p=\$((${before% *} + ${before#* }))"
  done
  sleep 5
  # shellcheck disable=SC2009
  for p in $(ps -o pid,comm | sed -n 's/^ *\([0-9]*\) tare-monitor$/\1/p'); do
    eval "before=\${ticks_$p:-}"
    after=$(cut -d' ' -f14,15 "/proc/$p/stat" 2>/dev/null) && [ -n "$before" ] || continue
    used=$((${after% *} + ${after#* } - before))
    echo "process $p: $used ticks of 500"
    [ "$used" -lt 250 ] || return 1
  done
}

ck_end() {
  # shellcheck disable=SC2046
  ck rm -f $(tare ps -aq) >/dev/null && [ -z "$(tare ps -aq)" ]
}

check "clock: containers for it" ck_begin
check "clock: set two days ahead, what goes on goes on" ck_goes_on 172800 1
check "clock: lists and logs after that" ck_looks
check "clock: set a day ahead while stop and wait wait" ck_waits 86400 1
check "clock: set five days back, what goes on goes on" ck_goes_on -432000 2
check "clock: lists and logs after that" ck_looks
check "clock: set an hour back while stop and wait wait" ck_waits -3600 2
check "clock: nobody spins" ck_idles
check "clock: the end" ck_end
set_clock 349200 # as it was
