# For the tests that drive tare-monitor alone, by tests/lib/monitor-client.
# shellcheck shell=bash disable=SC2154

: "${TARE_BIN:?TARE_BIN must name the folder of the built programs}"

monitor_setup_file() {
  bats_require_minimum_version 1.5.0
  [ "$(id -u)" = 0 ] || skip "needs root"
  command -v busybox python3 jq >/dev/null || skip "needs busybox, python3 and jq"
  local root=$BATS_FILE_TMPDIR/rootfs
  mkdir -p "$root/bin" "$root/sbin" "$root/usr/bin" "$root/usr/sbin" "$root/proc" "$root/dev" "$root/tmp"
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  chroot "$root" /bin/busybox --install -s
}

# Fails when a monitor or a cgroup of these tests is still there.
monitor_teardown_file() {
  local i
  for i in 1 2 3 4 5 6 7 8 9 10; do
    left | grep -q . || return 0
    sleep "0.$i"
  done
  echo "left on the machine:" >&2
  left >&2
  return 1
}

monitors() { ps -eo stat=,comm=,pid=,args= | awk '$1 !~ /^Z/ && $2 == "tare-monitor" && /ef5a/ { print $3, $4, $5, $6 }'; }
cgroups() { find /sys/fs/cgroup -type d -path '*/tare/monitor-test-*' 2>/dev/null; }
left() { { monitors; cgroups; } | sort | cat; }

# A container's folder $D with the file's busybox root, and its id.
monitor_setup() {
  D=$BATS_TEST_TMPDIR
  ln -s "$BATS_FILE_TMPDIR/rootfs" "$D/rootfs"
  ID=ef5a$(printf '%060d' "$((BATS_SUITE_TEST_NUMBER * 100000 + $$ % 100000))")
  CG=/tare/monitor-test-$BATS_TEST_NUMBER-$$
}

# Ends what a test left running; the leak check is the file's.
monitor_teardown() {
  local pid p
  if [ -e "$D/s/state.json" ]; then
    pid=$(field pid)
    if [ "$(field status)" != exited ] && [ "$pid" -gt 0 ] && [ "$(start_of "$pid")" = "$(field startTime)" ]; then
      kill -9 "$pid" 2>/dev/null || true
    fi
    ended || true
  fi
  for p in $(monitors | awk -v id="$ID" '$0 ~ id { print $1 }'); do kill -9 "$p" 2>/dev/null || true; done
  wait_until 3 cgroups_removed 2>/dev/null || true
  ! mountpoint -q "$D/c" || umount "$D/c"
}

# What a monitor that was killed leaves; its last process may be on its way out.
cgroups_removed() { find /sys/fs/cgroup -depth -type d -path "*$CG*" -exec rmdir {} \; ; [ -z "$(find /sys/fs/cgroup -type d -path "*$CG*" -print -quit)" ]; }

client() { timeout "${CLIENT_TIMEOUT:-30}" "$BATS_TEST_DIRNAME/../lib/monitor-client" "$@"; }
start() { client run "$D" --id "$ID" --cgroup "$CG" "$@"; }
field() { jq -r ".$1" "$D/s/state.json"; }
# half keeper|worker: its pid once it is up; never 0, which is to kill everybody of our own process group.
half() { wait_until 10 half_named "$1" && field "$1"; }
half_named() { [ "$(field "$1")" -gt 0 ]; }
start_of() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
# The text of the log, all of it or one stream's.
log_text() { jq -j "select(.stream == \"${1:-stdout}\") | .log" "$D/c/log.json"; }

# As common.bash's.
wait_until() {
  local end=$(($(date +%s%N) + $1 * 1000000000)) looks=$(($1 * 4)); shift
  until "$@"; do
    looks=$((looks - 1))
    [ "$(date +%s%N)" -lt "$end" ] || [ $looks -gt 0 ] || { echo "still not true: $*" >&2; return 1; }
    sleep 0.02
  done
}
# For containers that wait: sh -c "$(until_go); …".
until_go() { echo "until [ -e /tmp/go-$ID ]; do sleep 0.1; done"; }
go() { touch "$BATS_FILE_TMPDIR/rootfs/tmp/go-$ID"; }
# How many sockets the worker holds: a client more is one more.
sockets() { find "/proc/$(field worker)/fd" -lname 'socket:*' | wc -l; }
sockets_are() { [ "$(sockets)" = "$1" ]; }
is_exited() { [ "$(field status)" = exited ]; }
no_monitor() { ! monitors | grep -q "$ID"; }
# The container's end is recorded and its monitor gone.
ended() { wait_until 20 is_exited && wait_until 20 no_monitor; }
log_has() { grep -qF "$1" "$D/c/log.json" 2>/dev/null; }
# state.json names this half as a process that lives (not the one killed before).
half_is_up() { local p; p=$(field "$1"); [ "$p" != "$2" ] && [ "$p" -gt 0 ] && [ -d "/proc/$p" ]; }
# A monitor ends after its last frame: wait for it.
nothing_left() { wait_until 10 is_clean; }
is_clean() {
  local names
  names=$(cd "$D/s" && echo *)
  [ -z "$(find /sys/fs/cgroup -type d -path "*$CG*" -print -quit 2>/dev/null)" ] &&
    { [ "$names" = "lock state.json" ] || [ "$names" = "exec lock state.json" ]; }
}
