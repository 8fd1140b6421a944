# Containers that take all they can get, on pure v2: a process from outside is kept to their limits, too.
# shellcheck shell=sh
[ -x /usr/local/bin/tare ] || return 0

ab() { timeout 60 tare "$@"; }
ab_is_full() { [ "$(cat "/sys/fs/cgroup/tare/$(ab inspect -f '{{.Id}}' full)/pids.current")" = 10 ]; }
ab_health() { [ "$(ab inspect -f '{{.State.Health.Status}}' full)" = "$1" ]; }
ab_until() { # SECONDS COMMAND…
  left=$1; shift
  while [ "$left" -gt 0 ]; do
    "$@" && return 0
    left=$((left - 1))
    sleep 1
  done
  fail "still not true: $*"
}

ab_exec() {
  tare images -q | grep -q . || tare load -q -i /tests/busybox.tar || return 1
  ab run -d --name full --network none --pids-limit 10 --health-cmd true --health-interval 1s --health-retries 2 busybox \
    sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1000 & done; wait' || return 1
  ab_until 10 ab_is_full || return 1
  ab exec full true >/root/ab-said 2>&1
  code=$?
  cat /root/ab-said
  echo "exit code $code"
  [ $code = 1 ] && [ "$(wc -l </root/ab-said)" = 1 ] && grep -q 'pids' /root/ab-said
}
ab_checks() {
  ab_until 30 ab_health unhealthy || return 1
  ab update --pids-limit 30 full && ab_until 30 ab_health healthy
}
ab_stops() { ab stop -t 1 full && [ "$(ab inspect -f '{{.State.ExitCode}}' full)" = 137 ] && ab rm full; }

check "abuse: exec where there is no process left is an error in a line" ab_exec
check "abuse: a health check there has failed, until there is room" ab_checks
check "abuse: stop works there" ab_stops
