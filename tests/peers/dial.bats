#!/usr/bin/env bats
# DOCKER_HOST=ssh://: docker's client runs `docker system dial-stdio` at the other end, where there is tare alone. The ssh here is a stand-in that runs it.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  export W=$BATS_FILE_TMPDIR SSH=$BATS_FILE_TMPDIR/bin
  mkdir -p "$SSH"
  # what comes before the command is for ssh
  printf '#!/bin/sh\nwhile [ "$1" != docker ]; do shift; done\necho "$*" >>%q\nshift; exec %q "$@"\n' "$W/asked" "$TARE_BIN/tare" >"$SSH/ssh"
  chmod 755 "$SSH/ssh"
  echo "{}" >"$W/daemon.json"
  "$TARE_BIN/tared" --host "unix://$W/tared.sock" --config "$W/daemon.json" 2>"$W/tared.log" 3>&- &
  export TARED=$!
  wait_until 10 [ -S "$W/tared.sock" ]
}
teardown_file() {
  [ -z "${TARED:-}" ] || kill "$TARED" || true
  tare_teardown_file
}

# Every docker there is on this machine.
clients() { which -a docker | xargs -n 1 readlink -f | sort -u; }
by_ssh() { PATH=$SSH:$PATH TARE_HOST=unix://$W/tared.sock DOCKER_HOST=ssh://somebody@machine DOCKER_CONFIG=$W/none timeout 60 "$@"; }

@test "docker speaks with tared through ssh: what it says comes back, its end of input arrives" {
  for docker in $(clients); do
    [ "$(echo 'through and back' | by_ssh "$docker" run -i --rm --network none busybox cat)" = 'through and back' ]
    head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/much"
    by_ssh "$docker" run -i --rm --network none busybox cat <"$BATS_TEST_TMPDIR/much" | cmp - "$BATS_TEST_TMPDIR/much"
    [ "$(by_ssh "$docker" version --format '{{.Server.Os}}')" = linux ]
    by_ssh "$docker" create --name made --network none busybox sh -c 'echo said; exit 3' >/dev/null
    run -3 by_ssh "$docker" start -a made
    [ "$output" = said ]
    by_ssh "$docker" rm made >/dev/null
  done
  grep -qx 'docker system dial-stdio' "$W/asked"
}

@test "the server's end of the connection is the end; where nobody listens the error says what to do" {
  mkfifo "$BATS_TEST_TMPDIR/in"
  exec 4<>"$BATS_TEST_TMPDIR/in" # the input stays open
  printf 'GET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' >&4
  run -0 timeout 10 "$TARE_BIN/tare" system dial-stdio --host "unix://$W/tared.sock" <&4 4>&-
  exec 4>&-
  [[ "$output" == *"200 OK"*OK ]]
  run -1 tare system dial-stdio --host "unix://$W/nobody.sock"
  [[ "$output" == *"nobody listens at $W/nobody.sock: systemctl start tared.socket"* ]]
  run -1 tare system dial-stdio --host tcp://127.0.0.1:1
  [[ "$output" == *"unix:///PATH"* ]]
}
