#!/usr/bin/env bats
# Containers as services of a service manager: what tare hands on of NOTIFY_SOCKET, LISTEN_FDS and the like. Here the manager is a socket and
# a program that starts others with descriptors; tests/vm/guest/systemd/40-services.sh has systemd itself.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() {
  [ -z "${manager:-}" ] || kill "$manager" 2>/dev/null || true
  remove_all
}

# Listens at ADDRESS and writes each message as one line to FILE, with the sender's pid; confirms barriers.
manager() { # ADDRESS FILE
  cat >"$BATS_TEST_TMPDIR/manager.py" <<'Y'
import array, os, socket, struct, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
s.bind('\0' + sys.argv[1][1:] if sys.argv[1][0] == '@' else sys.argv[1])
out = open(sys.argv[2], 'w')
out.write('listening\n'); out.flush()
while True:
    text, anc, *_ = s.recvmsg(8192, 256)
    pid = 0
    for _, kind, data in anc:
        if kind == socket.SCM_RIGHTS:
            for fd in array.array('i', data): os.close(fd)
        else:
            pid = struct.unpack('3i', data[:12])[0]
    out.write('%d %s\n' % (pid, text.decode().strip().replace('\n', ' '))); out.flush()
Y
  python3 "$BATS_TEST_TMPDIR/manager.py" "$1" "$2" 3>&- &
  manager=$!
  wait_until 10 grep -qs listening "$2"
}
heard() { sed -n 's/^[0-9]* //p' "$H" | grep -vx BARRIER=1; }

# The host's perl, in a container that has its /usr.
PERL=(-v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro busybox /usr/bin/perl -e)
SAY='use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; $SIG{TERM} = sub { exit 7 };
  for (@ARGV) { send(S, $_, 0) } sleep 1000'

keeper_of() { jq -r .keeper "$TARE_STATE/$(tare inspect -f '{{.Id}}' "$1")/state.json"; }
keeper_is_there() { [ "$(keeper_of "$1")" -gt 0 ]; }
is_over() { [ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"; }
says() { [[ "$output" == *"$1"* ]] || { echo "$output"; false; }; }

@test "the container says that it is ready; of what else it says only what is about itself is passed on" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m tare run -d --name says "${PERL[@]}" "$SAY" MAINPID=1 $'STATUS=warm\nMAINPID=1\nREADY=1\nFDSTORE=1' \
    $'WATCHDOG_USEC=1' "READY=1x" WATCHDOG=1 RELOADING=1 STOPPING=1 $'EXTEND_TIMEOUT_USEC=5\nERRNO=2\nBUSERROR=x' NOTIFYACCESS=all >/dev/null
  wait_until 10 grep -q EXTEND "$H"
  keeper=$(keeper_of says)
  diff <(heard) - <<Y
MAINPID=$keeper
STATUS=warm READY=1
WATCHDOG=1
RELOADING=1
STOPPING=1
EXTEND_TIMEOUT_USEC=5 ERRNO=2
Y
  # in the main process's name, as a manager with NotifyAccess=main wants it
  [ "$(sed -n 's/ STATUS=warm.*//p' "$H")" = "$keeper" ]
}

@test "the main process is an orphan, ends the container as tare stop does when it is told to end, and ends as it did" {
  H=$BATS_TEST_TMPDIR/heard
  manager "@tare-services-$$" "$H"
  # a subreaper stands for the manager: it adopts the keeper, and sees how it ends
  cat >"$BATS_TEST_TMPDIR/reap.py" <<'Y'
import ctypes, os, subprocess, sys
ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)
if subprocess.call(sys.argv[2:]): sys.exit(1)
open(sys.argv[1] + '.up', 'w').write('up')
while True:
    try: pid, status = os.wait()
    except ChildProcessError: break
    with open(sys.argv[1], 'a') as f: f.write('%d %d\n' % (pid, os.waitstatus_to_exitcode(status)))
Y
  NOTIFY_SOCKET=@tare-services-$$ python3 "$BATS_TEST_TMPDIR/reap.py" "$BATS_TEST_TMPDIR/reaped" "$TARE_BIN/tare" run -d --name orphan \
    --stop-signal TERM "${PERL[@]}" "$SAY" READY=1 >/dev/null 3>&- &
  reaper=$!
  wait_until 20 grep -q READY=1 "$H"
  main=$(heard | sed -n 's/^MAINPID=//p')
  [ "$(awk '$1 == "PPid:" { print $2 }' "/proc/$main/status")" = $reaper ]
  kill -TERM "$main"
  wait $reaper
  grep -qx "$main 7" "$BATS_TEST_TMPDIR/reaped"
  [ "$(tare inspect -f '{{.State.Status}} {{.State.ExitCode}}' orphan)" = "exited 7" ]
}

@test "one that does not end by its stop signal is killed after its stop timeout" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m tare run -d --name deaf --restart always --stop-timeout 1 busybox sh -c 'trap "" TERM; while :; do sleep 1; done' >/dev/null
  main=$(heard | sed -n 's/^MAINPID=//p')
  kill -TERM "$main"
  wait_until 20 is_over "$main"
  # by hand: its policy does not want it again
  [ "$(tare inspect -f '{{.State.Status}} {{.State.ExitCode}}' deaf)" = "exited 137" ]
}

@test "the stop reaches a container whose worker was killed" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m tare run -d --name wk "${PERL[@]}" "$SAY" READY=1 >/dev/null
  wait_until 10 grep -q READY=1 "$H"
  main=$(keeper_of wk)
  kill -STOP "$main"
  kill -KILL "$(jq .worker "$TARE_STATE/$(tare inspect -f '{{.Id}}' wk)/state.json")"
  kill -TERM "$main"
  kill -CONT "$main"
  wait_until 20 is_over "$main"
  [ "$(tare inspect -f '{{.State.ExitCode}}' wk)" = 7 ]
}

@test "a worker that was killed leaves what the container says to the next" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m tare run -d --name next "${PERL[@]}" \
    'use Socket; socket(S, AF_UNIX, SOCK_DGRAM, 0); connect(S, sockaddr_un($ENV{NOTIFY_SOCKET})) or die $!; sleep 2; send(S, "READY=1", 0); sleep 1000' >/dev/null
  wait_until 10 keeper_is_there next
  kill -KILL "$(jq .worker "$TARE_STATE/$(tare inspect -f '{{.Id}}' next)/state.json")"
  wait_until 10 grep -q READY=1 "$H"
}

@test "--sdnotify: conmon is ready when it runs, healthy when its check says so, ignore says nothing" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m
  run -0 tare run --rm --sdnotify conmon busybox sh -c 'echo "<$NOTIFY_SOCKET>"; test ! -e /run/notify'
  [ "$output" = "<>" ]
  [[ "$(heard)" =~ ^MAINPID=[0-9]+\ READY=1$ ]]
  run -0 tare run --rm --sdnotify=ignore busybox sh -c 'echo "<$NOTIFY_SOCKET>"'
  [ "$output" = "<>" ]
  [ "$(heard | wc -l)" = 1 ]
  tare run -d --name hc --sdnotify=healthy --health-cmd 'test -e /ok' --health-interval 200ms busybox sleep 1000 >/dev/null
  sleep 1
  [ "$(heard | wc -l)" = 2 ]
  tare exec hc touch /ok
  wait_until 10 grep -qx "$(keeper_of hc) READY=1" "$H"
  [ "$(tare inspect -f '{{.Config.sdNotifyMode}}' hc)" = healthy ]
}

@test "in the foreground, and started again: the same" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m "$TARE_BIN/tare" run --name fg "${PERL[@]}" "$SAY" READY=1 >/dev/null 3>&- &
  wait_until 20 grep -q READY=1 "$H"
  kill -TERM "$(keeper_of fg)"
  rc=0; wait $! || rc=$?
  [ $rc = 7 ]
  NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m tare start fg
  twice() { [ "$(grep -c READY=1 "$H")" = 2 ]; }
  wait_until 20 twice
  tare stop fg
  # and without a manager it has none
  tare start fg
  [ "$(tare wait fg)" != 7 ]
  [ "$(heard | grep -c MAINPID)" = 2 ]
}

@test "the watchdog's interval goes along when it is meant for us" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m WATCHDOG_USEC=3000000
  [ "$(tare run --rm busybox sh -c 'echo $WATCHDOG_USEC $WATCHDOG_PID')" = 3000000 ]
  [ "$(WATCHDOG_PID=1 tare run --rm busybox sh -c 'echo $WATCHDOG_USEC')" = "" ]
}

@test "the container's socket is its own: read-only, for any user, gone with the container" {
  H=$BATS_TEST_TMPDIR/heard
  manager "$BATS_TEST_TMPDIR/m" "$H"
  export NOTIFY_SOCKET=$BATS_TEST_TMPDIR/m
  run -0 tare run --name own -u 1234 -e NOTIFY_SOCKET=/other busybox sh -c 'echo $NOTIFY_SOCKET; rm /run/notify/notify.sock 2>&1; test -w $NOTIFY_SOCKET && stat -c %F $NOTIFY_SOCKET'
  [ "$output" = "/run/notify/notify.sock
rm: can't remove '/run/notify/notify.sock': Read-only file system
socket" ]
  [ ! -e "$TARE_STATE/$(tare inspect -f '{{.Id}}' own)/notify" ]
}

@test "what cannot be is refused" {
  run -125 tare run --sdnotify=maybe busybox true
  says --sdnotify
  run -125 tare run --sdnotify=healthy busybox true
  says "has a health check"
  run ! env NOTIFY_SOCKET=relative "$TARE_BIN/tare" run --rm busybox true
  says 'NOTIFY_SOCKET "relative"'
  run ! env NOTIFY_SOCKET="$BATS_TEST_TMPDIR/nobody" "$TARE_BIN/tare" run --rm busybox true
  says "NOTIFY_SOCKET $BATS_TEST_TMPDIR/nobody"
  run -125 tare run --cgroups=split --restart always busybox true
  says "Restart= in the unit"
  run -125 tare run --cgroups=split --cgroup-parent /x busybox true
  says "contradict"
  run -125 tare run --cgroups=disabled -m 10m busybox true
  says "--cgroups=disabled"
  run -125 tare run --cgroups=disabled --userns=host --cap-add MKNOD busybox true
  says "--cap-drop MKNOD"
}

# activate N NAMES COMMAND...: starts it as systemd does, with N listening sockets whose ports are in $BATS_TEST_TMPDIR/ports
activate() {
  cat >"$BATS_TEST_TMPDIR/activate.py" <<'Y'
import os, socket, sys
n, names, ports = int(sys.argv[1]), sys.argv[2], []
kept = []
for i in range(n):
    s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(5)
    ports.append(str(s.getsockname()[1])); kept.append(s)
high = [os.dup2(s.fileno(), 200 + i) for i, s in enumerate(kept)]
for i, fd in enumerate(high): os.dup2(fd, 3 + i, inheritable=True)
os.closerange(3 + n, 1024)
open(os.environ['PORTS'], 'w').write('\n'.join(ports) + '\n')
os.environ.update(LISTEN_FDS=str(n), LISTEN_PID=str(os.getpid()))
if names: os.environ['LISTEN_FDNAMES'] = names
os.execv(sys.argv[3], sys.argv[3:])
Y
  PORTS=$BATS_TEST_TMPDIR/ports python3 "$BATS_TEST_TMPDIR/activate.py" "$@"
}
# A program that answers one connection at each descriptor, in their order.
ANSWER='$| = 1; printf "%s %s %s\n", $ENV{LISTEN_FDS}, $ENV{LISTEN_PID}, $ENV{LISTEN_FDNAMES} // "-"; printf "pid %s\n", $$;
  for my $fd (3 .. 2 + $ENV{LISTEN_FDS}) { open(my $s, "+<&=", $fd) or die "$fd: $!"; accept(my $c, $s) or die $!; print $c "fd $fd\n"; close $c }
  open(my $x, "<&=", 3 + $ENV{LISTEN_FDS}) and die "one more"; print "done\n"'
ask() { timeout 10 perl -MIO::Socket::INET -e 'print IO::Socket::INET->new("127.0.0.1:$ARGV[0]")->getline' "$1"; }

@test "sockets of the manager are the container's: attached, detached, started again, exec" {
  activate 2 web:admin "$TARE_BIN/tare" run --name sock --network none "${PERL[@]}" "$ANSWER" >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 20 grep -q pid "$BATS_TEST_TMPDIR/out" || { cat "$BATS_TEST_TMPDIR/out"; false; }
  mapfile -t p <"$BATS_TEST_TMPDIR/ports"
  [ "$(ask "${p[0]}")" = "fd 3" ]
  [ "$(ask "${p[1]}")" = "fd 4" ]
  wait $!
  diff "$BATS_TEST_TMPDIR/out" - <<<$'2 1 web:admin\npid 1\ndone'
  activate 1 "" "$TARE_BIN/tare" start sock
  mapfile -t p <"$BATS_TEST_TMPDIR/ports"
  # nobody but the container holds it: keeper and worker neither
  [ "$(ask "${p[0]}")" = "fd 3" ]
  [ "$(tare wait sock)" = 0 ]
  run ! ask "${p[0]}"
  [ "$(tare logs sock | tail -3)" = $'1 1 -\npid 1\ndone' ]
  activate 1 one "$TARE_BIN/tare" run -d --name det --network none "${PERL[@]}" "$ANSWER" >/dev/null
  [ "$(ask "$(cat "$BATS_TEST_TMPDIR/ports")")" = "fd 3" ]
  [ "$(tare wait det)" = 0 ]
  tare run -d --name ex -v /usr:/usr:ro -v /lib:/lib:ro -v /lib64:/lib64:ro busybox sleep 1000 >/dev/null
  activate 2 a:b "$TARE_BIN/tare" exec ex /usr/bin/perl -e "$ANSWER" >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 20 grep -q pid "$BATS_TEST_TMPDIR/out"
  mapfile -t p <"$BATS_TEST_TMPDIR/ports"
  [ "$(ask "${p[0]}") $(ask "${p[1]}")" = "fd 3 fd 4" ]
  wait $!
  read -r n pid names <"$BATS_TEST_TMPDIR/out"
  [ "$n $names" = "2 a:b" ]
  grep -qx "pid $pid" "$BATS_TEST_TMPDIR/out"
}

@test "with --init the command is who they are for" {
  activate 1 web "$TARE_BIN/tare" run --name init "${INIT[@]}" --network none "${PERL[@]}" "$ANSWER" >"$BATS_TEST_TMPDIR/out" 3>&- &
  wait_until 20 grep -q pid "$BATS_TEST_TMPDIR/out"
  [ "$(ask "$(cat "$BATS_TEST_TMPDIR/ports")")" = "fd 3" ]
  wait $!
  read -r _ pid _ <"$BATS_TEST_TMPDIR/out"
  [ "$pid" != 1 ]
  grep -qx "pid $pid" "$BATS_TEST_TMPDIR/out"
}

@test "as many as there can be, and what is not there" {
  activate 100 "" "$TARE_BIN/tare" run --name many --network none "${PERL[@]}" 'for (3 .. 102) { open(my $s, "<&=", $_) or die "$_: $!"; push @k, $s }
    opendir(D, "/proc/self/fd"); print join(" ", sort { $a <=> $b } grep { !/\./ && $_ > 102 && readlink("/proc/self/fd/$_") !~ /proc/ } readdir D), "\n"' >"$BATS_TEST_TMPDIR/out"
  [ "$(cat "$BATS_TEST_TMPDIR/out")" = "" ]
  # for another process
  run -0 env LISTEN_FDS=1 LISTEN_PID=1 "$TARE_BIN/tare" run --rm busybox sh -c 'echo "<$LISTEN_FDS>"'
  [ "$output" = "<>" ]
  run -125 bash -c 'exec 3>&- 4>&-; export LISTEN_FDS=2; LISTEN_PID=$BASHPID exec "$0" run --rm busybox true' "$TARE_BIN/tare"
  says "LISTEN_FDS=2: descriptor 3 is not open"
}

@test "--preserve-fds" {
  echo inside >"$BATS_TEST_TMPDIR/file"
  [ "$(tare run --rm --preserve-fds 2 busybox sh -c 'cat <&4; ls /proc/self/fd | wc -l' 3</dev/null 4<"$BATS_TEST_TMPDIR/file")" = $'inside\n6' ]
  tare run -d --name kept busybox sleep 1000 >/dev/null
  [ "$(tare exec --preserve-fds 1 kept cat /proc/self/fd/3 3<"$BATS_TEST_TMPDIR/file")" = inside ]
  run -125 bash -c 'exec 3>&- 4>&-; exec "$0" run --rm --preserve-fds 1 busybox true' "$TARE_BIN/tare"
  says "--preserve-fds 1: descriptor 3 is not open"
}

cgroups_of() { sort "/proc/$1/cgroup"; }

@test "--cgroups=disabled leaves all in its caller's cgroups, no-conmon the monitor" {
  tare run -d --name none --cgroups=disabled busybox sleep 1000 >/dev/null
  pid=$(tare inspect -f '{{.State.Pid}}' none)
  [ "$(cgroups_of "$pid")" = "$(cgroups_of $$)" ]
  [ "$(cgroups_of "$(keeper_of none)")" = "$(cgroups_of $$)" ]
  tare exec none true
  run ! tare pause none
  says "--cgroups=disabled"
  run ! tare update -m 20m none
  says "--cgroups=disabled"
  [ "$(tare inspect -f '{{.HostConfig.Cgroups}}' none)" = disabled ]
  tare run -d --name noconmon --cgroups=no-conmon busybox sleep 1000 >/dev/null
  id=$(tare inspect -f '{{.Id}}' noconmon)
  grep -q "/tare/$id$" "/proc/$(tare inspect -f '{{.State.Pid}}' noconmon)/cgroup"
  [ "$(cgroups_of "$(keeper_of noconmon)")" = "$(cgroups_of $$)" ]
  tare rm -f none noconmon
}

@test "--cgroups=split where nothing was delegated says so, and leaves nothing" {
  run ! tare run --name split --cgroups=split busybox true
  [[ "$output" == *"not delegated to us"* || "$output" == *"needs cgroup v2"* ]]
  [ "$(tare inspect -f '{{.State.Status}}' split)" = created ]
}
