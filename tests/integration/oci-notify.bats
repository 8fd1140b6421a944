# NOTIFY_SOCKET: a service manager hears from a program in a container of tare-oci that it is ready, and nothing else.

load ../lib/common
load ../lib/bundle

setup_file() { bundle_setup_file; }
teardown_file() { bundle_teardown_file; }
teardown() {
  [ -z "${manager:-}" ] || kill "$manager" 2>/dev/null || true
  bundle_teardown
}

# Listens at ADDRESS and writes each message as one line to FILE; confirms barriers.
manager() { # ADDRESS FILE
  cat >"$BATS_TEST_TMPDIR/manager.py" <<'X'
import array, os, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\0' + sys.argv[1][1:] if sys.argv[1][0] == '@' else sys.argv[1])
out = open(sys.argv[2], 'w')
out.write('listening\n'); out.flush()
while True:
    text, anc, *_ = s.recvmsg(4096, 64)
    out.write(text.decode().strip().replace('\n', ' ') + '\n'); out.flush()
    for _, _, data in anc:
        for fd in array.array('i', data): os.close(fd)
X
  python3 "$BATS_TEST_TMPDIR/manager.py" "$1" "$2" 3>&- &
  manager=$!
  wait_until 10 grep -q listening "$2"
}

# A bundle whose program, the host's perl, sends each MESSAGE and stays, also when nobody hears it any more (after READY).
teller() { # MESSAGE...
  bundle "$BATS_TEST_TMPDIR/b" '.mounts += [("/usr", "/lib", "/lib64") | {destination: ., source: ., type: "bind", options: ["rbind", "ro"]}]'
  jq '.process.args = ["/usr/bin/perl", "-e", "use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0);
      connect(S, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; for (@ARGV) { send(S, $_, 0) } sleep 1000"] + $ARGS.positional' \
    "$BATS_TEST_TMPDIR/b/config.json" --args "$@" >"$BATS_TEST_TMPDIR/b/new"
  mv "$BATS_TEST_TMPDIR/b/new" "$BATS_TEST_TMPDIR/b/config.json"
}

@test "start returns when the program is ready; the manager hears of nothing but that, and of the main process" {
  manager "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/heard"
  teller STATUS=hello "MAINPID=1" $'STATUS=now\nREADY=1' STATUS=late
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m oci create -b "$BATS_TEST_TMPDIR/b" ready </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m timeout 20 "$TARE_BIN/tare-oci" --root "$OCI_ROOT" start ready
  diff "$BATS_TEST_TMPDIR/heard" - <<<"listening
READY=1 MAINPID=$(oci_pid ready)
BARRIER=1"
}

@test "run -d waits the same way, at an abstract address and with a relative root" {
  manager "@tare-oci-test-$$" "$BATS_TEST_TMPDIR/heard"
  teller READY=1
  cd "$BATS_FILE_TMPDIR"
  NOTIFY_SOCKET=@tare-oci-test-$$ timeout 20 "$TARE_BIN/tare-oci" --root oci run -d -b "$BATS_TEST_TMPDIR/b" rel </dev/null \
    >"$BATS_TEST_TMPDIR/out" 2>&1
  grep -qx "READY=1 MAINPID=$(oci_pid rel)" "$BATS_TEST_TMPDIR/heard"
}

@test "a program that ends without being ready ends the wait; other commands work during it" {
  manager "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/heard"
  teller STATUS=never
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m oci run -d -b "$BATS_TEST_TMPDIR/b" never </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  runner=$!
  wait_until 10 is_oci_status never running
  oci pause never
  oci resume never
  kill -0 $runner
  oci kill never KILL
  wait $runner
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = listening ]
}

@test "run in the foreground passes it on and stays the main process" {
  manager "$BATS_TEST_TMPDIR/m" "$BATS_TEST_TMPDIR/heard"
  teller READY=1 READY=1
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m oci run -b "$BATS_TEST_TMPDIR/b" front </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  runner=$!
  wait_until 10 grep -q READY "$BATS_TEST_TMPDIR/heard"
  oci kill front KILL
  wait $runner || [ $? = 137 ]
  [ "$(cat "$BATS_TEST_TMPDIR/heard")" = $'listening\nREADY=1' ]
}

@test "the container's socket is its own, also for another user in a user namespace, and read-only" {
  chmod 755 "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
  OCI_COMMAND='echo $NOTIFY_SOCKET; rm /run/notify/notify.sock 2>&1; stat -c "%F %a" $NOTIFY_SOCKET; grep -c /run/notify /proc/self/mountinfo' \
    bundle "$BATS_TEST_TMPDIR/b" '.process.env += ["NOTIFY_SOCKET=/other"] | .linux.namespaces += [{type: "user"}]
      | .linux.uidMappings = [{containerID: 0, hostID: 700000, size: 65536}] | .linux.gidMappings = .linux.uidMappings'
  mkdir -p "$OCI_ROOTFS/run/notify"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m run -0 oci run -b "$BATS_TEST_TMPDIR/b" own </dev/null
  [ "$output" = "/run/notify/notify.sock
rm: can't remove '/run/notify/notify.sock': Read-only file system
socket 777
1" ]
  run oci run -b "$BATS_TEST_TMPDIR/b" own </dev/null
  [[ "$output" == /other* ]]
}

@test "a start with NOTIFY_SOCKET of what was created without says so" {
  OCI_COMMAND='exec sleep 1000' bundle "$BATS_TEST_TMPDIR/b"
  oci create -b "$BATS_TEST_TMPDIR/b" without </dev/null >"$BATS_TEST_TMPDIR/out" 2>&1
  NOTIFY_SOCKET=/nosuch run -0 oci start without
  says "NOTIFY_SOCKET: it was not set at create"
}
