#!/usr/bin/env bats
# Repositories that a real sshd serves: who may fetch them, by whose agent, from hosts that are known.
load ../lib/common
load ../lib/git
load ../lib/unpacked

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; }
teardown() { [ ! -e "$BATS_TEST_TMPDIR/sshd.pid" ] || kill "$(cat "$BATS_TEST_TMPDIR/sshd.pid")"; }

# Its user is in a /etc/passwd that it alone sees.
sshd_start() {
  local at=$BATS_TEST_TMPDIR top
  top=$(debian_unpacked openssh-server libwrap0)
  ssh-keygen -q -t ed25519 -N '' -f "$at/host"; ssh-keygen -q -t ed25519 -N '' -f "$at/key"
  { cat /etc/passwd; echo 'sshd:x:199:65534::/run/sshd:/usr/sbin/nologin'; } >"$at/passwd"
  printf '%s\n' 'Port 2222' 'ListenAddress 127.0.0.1' "HostKey $at/host" "AuthorizedKeysFile $at/key.pub" 'StrictModes no' 'PidFile none' \
    'UsePAM no' 'PermitRootLogin yes' >"$at/conf"
  LD_LIBRARY_PATH=$(find "$top" -name 'libwrap.so.0' -printf '%h') unshare -m sh -c 'mount --bind "$1/passwd" /etc/passwd
    mount -t tmpfs run /run; mkdir /run/sshd; exec "$2/usr/sbin/sshd" -D -e -f "$1/conf"' sh "$at" "$top" 2>"$at/sshd.log" 3>&- 4>&- &
  echo $! >"$at/sshd.pid"
  wait_until 10 grep -qs listening "$at/sshd.log"
  mkdir -p "$at/home/.ssh"; echo "[127.0.0.1]:2222 $(cat "$at/host.pub")" >"$at/home/.ssh/known_hosts"
}

@test "a repository by ssh: with the agent that is lent, from a host that is known" {
  debian_unpacked openssh-server libwrap0 >/dev/null || skip "the package openssh-server cannot be had here"
  sshd_start; git_repository r; git_commit r f hello >/dev/null
  printf 'FROM busybox\nADD ssh://root@127.0.0.1:2222%s /r\n' "$(git_dir)/r" >"$ctx/Dockerfile"
  run -1 tare build "$ctx"
  [[ "$output" == *"line 2: ADD ssh"*"git needs an ssh agent: --ssh default lends yours"* ]]
  HOME=$BATS_TEST_TMPDIR/home run tare build -t t --ssh default="$BATS_TEST_TMPDIR/key" "$ctx"
  [ "$status" = 0 ] || { echo "$output"; cat "$BATS_TEST_TMPDIR/sshd.log"; false; }
  [ "$(tare run --rm t cat /r/f)" = hello ]
  HOME=/nowhere run -1 tare build --no-cache --ssh default="$BATS_TEST_TMPDIR/key" "$ctx"
  [[ "$output" == *"line 2: ADD ssh"*"Host key verification failed"* ]]
  ssh-keygen -q -t ed25519 -N '' -f "$BATS_TEST_TMPDIR/other"
  HOME=$BATS_TEST_TMPDIR/home run -1 tare build --no-cache --ssh default="$BATS_TEST_TMPDIR/other" "$ctx"
  [[ "$output" == *"Permission denied"* ]]
  # as a context; the file of scp's form
  git_commit r Dockerfile "$(printf 'FROM busybox\nCOPY f /of-context\n')" >/dev/null
  HOME=$BATS_TEST_TMPDIR/home run -0 tare build -t t --ssh default="$BATS_TEST_TMPDIR/key" "ssh://root@127.0.0.1:2222$(git_dir)/r"
  [ "$(tare run --rm t cat /of-context)" = hello ]
  # its agent is the build's: processes of stages have their own, and leave that
  cp "$TARE_BUILD/tests/lib/ask-agent" "$(git_dir)/r"
  git_commit r Dockerfile "$(printf '%s\n' 'FROM busybox AS a' 'COPY ask-agent /' 'RUN --mount=type=ssh --network=none /ask-agent 11 >/said' \
    'FROM busybox AS b' 'RUN --mount=type=bind,from=a,target=/a --mount=type=ssh --network=none /a/ask-agent 11 >/said' \
    'FROM busybox' 'COPY --from=a /said /a' 'COPY --from=b /said /b' "ADD ssh://root@127.0.0.1:2222$(git_dir)/r /r")" >/dev/null
  HOME=$BATS_TEST_TMPDIR/home run -0 tare build --jobs 2 -t t --ssh default="$BATS_TEST_TMPDIR/key" "ssh://root@127.0.0.1:2222$(git_dir)/r"
  [ "$(tare run --rm t cat /a /b /r/f)" = $'11: 12 1 keys\n11: 12 1 keys\nhello' ]
}
