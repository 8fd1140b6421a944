#!/usr/bin/env bats
# tare login, tare logout: what is asked, tried at a registry and kept.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; }
teardown_file() { tare_teardown_file; }
setup() {
  registry_client "$BATS_TEST_TMPDIR"
  export XDG_RUNTIME_DIR=$BATS_TEST_TMPDIR/run
  CONFIG=$DOCKER_CONFIG/config.json
}
teardown() { registry_stop || true; }
entry() { jq -r --arg r "$(registry)" ".auths[\$r].$1" "$CONFIG"; }
# at_terminal COMMAND…: runs it with a terminal and types the lines that stand in answers[], each when the terminal has been quiet
at_terminal() {
  python3 - "${answers[@]}" -- "$@" <<'PY'
import os, pty, select, sys, time
i = sys.argv.index("--")
answers, command = sys.argv[1:i], sys.argv[i + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(command[0], command)
said = b""
while True:
    if select.select([fd], [], [], 0.3)[0]:
        try:
            data = os.read(fd, 4096)
        except OSError:
            break
        if not data:
            break
        said += data
    elif said.endswith(b": ") and answers:
        a = answers.pop(0)
        said += b"|"
        os.write(fd, b"\x03" if a == "^C" else a.encode() + b"\n")
sys.stdout.write(said.decode())
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

@test "a password that is right is kept, as docker keeps it, and pull, push and skopeo use it" {
  registry_start --auth basic --user me:s3cret
  run -0 --separate-stderr tare login "$(registry)" -u me --password-stdin <<<s3cret
  [ "$output" = "Login Succeeded: $(registry), kept in $CONFIG" ]
  [[ "$stderr" == *"unencrypted in $CONFIG"* ]]
  [ "$(entry auth | base64 -d)" = me:s3cret ]
  [ "$(stat -c %a "$CONFIG")" = 600 ]
  [ "$(registry_count GET '^/v2/$' '.user == "me"')" = 1 ]
  run -0 tare login --get-login "$(registry)"
  [ "$output" = me ]
  load_busybox
  tare tag busybox "$(registry)/a:1"
  tare push -q "$(registry)/a:1"
  skopeo inspect --authfile "$CONFIG" --tls-verify=false "docker://$(registry)/a:1" >/dev/null
  tare rmi -f busybox "$(registry)/a:1" >/dev/null
}

@test "what is wrong is not kept: password, server, command line" {
  registry_start --auth basic --user me:s3cret
  run -1 tare login "$(registry)" -u me --password-stdin <<<wrong
  [[ "$output" == *"$(registry) does not accept this user name and password"* ]]
  [ ! -e "$CONFIG" ]
  run -1 tare login 127.0.0.1:1 -u me --password-stdin <<<x
  [[ "$output" == *"127.0.0.1:1"* ]]
  run -1 tare login nohost -u me --password-stdin <<<x
  [[ "$output" == *"'nohost' is no registry"* ]]
  run -1 tare login "$(registry)" -u a:b --password-stdin <<<x
  [[ "$output" == *"':'"* ]]
  run -1 tare login "$(registry)" --password-stdin <<<x
  [[ "$output" == *"needs --username"* ]]
  run -1 tare login "$(registry)" -u me -p x --password-stdin <<<x
  [[ "$output" == *"cannot both"* ]]
  run -1 tare login "$(registry)" -u me --password-stdin </dev/null
  [[ "$output" == *"no password"* ]]
  run -1 tare login "$(registry)" </dev/null
  [[ "$output" == *"no terminal to ask at: give --username, and the password by --password-stdin"* ]]
  run -1 tare login --get-login "$(registry)"
  [[ "$output" == *"nobody is logged in to $(registry)"* ]]
  registry_fault status GET '^/v2/$' code=404 times=0
  run -1 tare login "$(registry)" -u me --password-stdin <<<s3cret
  [[ "$output" == *"no registry answers there"* ]]
  [ ! -e "$CONFIG" ]
}

@test "a wrong password leaves the right one that was kept, and the rest of the file" {
  registry_start --auth basic --user me:s3cret
  mkdir -p "$DOCKER_CONFIG"
  echo '{"psFormat": "x", "auths": {"other.test": {"auth": "YTpi"}}}' >"$CONFIG"
  tare login "$(registry)" -u me -p s3cret 2>"$BATS_TEST_TMPDIR/err"
  grep -q -- "--password can be seen by everybody" "$BATS_TEST_TMPDIR/err"
  run -1 tare login "$(registry)" -u me --password-stdin <<<wrong
  [ "$(entry auth | base64 -d)" = me:s3cret ]
  [ "$(jq -r '.psFormat + .auths["other.test"].auth' "$CONFIG")" = xYTpi ]
}

@test "at a terminal it asks, and does not show the password; ^C leaves things as they were" {
  registry_start --auth basic --user me:s3cret
  answers=(me s3cret)
  run -0 at_terminal "$TARE_BIN/tare" login "$(registry)"
  [[ "$output" == *"Username: |me"*"Password: |"*"Login Succeeded"* ]]
  [[ "$output" != *s3cret* ]]
  [ "$(entry auth | base64 -d)" = me:s3cret ]
  answers=(s3cret)
  run -0 at_terminal "$TARE_BIN/tare" login -u me "$(registry)"
  [[ "$output" != *Username* ]]
  rm "$CONFIG"
  answers=(me "")
  run -1 at_terminal "$TARE_BIN/tare" login "$(registry)"
  [[ "$output" == *"nothing was typed"* ]]
  answers=(me ^C)
  run at_terminal "$TARE_BIN/tare" login "$(registry)"
  [ "$status" -ne 0 ]
  [ ! -e "$CONFIG" ]
  # the terminal is as it was
  answers=(^C)
  run -0 at_terminal /bin/sh -c "trap : INT; '$TARE_BIN/tare' login -u me $(registry); echo code=\$?; stty -a"
  [[ "$output" == *code=130* ]]
  [[ "$output" == *" echo "* && "$output" != *"-isig"* ]]
}

@test "tokens: a password is tried at the token endpoint, and a refresh token kept instead of it" {
  registry_start --auth token --user me:s3cret
  run -1 tare login "$(registry)" -u me --password-stdin <<<wrong
  [[ "$output" == *"does not accept this user name and password"* ]]
  run -0 tare login "$(registry)" -u me --password-stdin <<<s3cret
  [ -n "$(entry identitytoken)" ]
  [ "$(entry identitytoken)" != null ]
  [[ "$(cat "$CONFIG")" != *"$(printf me:s3cret | base64)"* ]]
  load_busybox
  tare tag busybox "$(registry)/a:1"
  tare push -q "$(registry)/a:1"
  [ "$(registry_count POST ^/token)" -ge 1 ]
  tare rmi -f busybox "$(registry)/a:1" >/dev/null
}

@test "a credential helper keeps it where one is named" {
  registry_start --auth basic --user me:s3cret
  mkdir -p "$DOCKER_CONFIG" "$BATS_TEST_TMPDIR/bin"
  printf '#!/bin/sh\ncat >"%s/helped-$1"\n' "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/bin/docker-credential-box"
  chmod +x "$BATS_TEST_TMPDIR/bin/docker-credential-box"
  echo '{"credsStore": "box"}' >"$CONFIG"
  PATH=$BATS_TEST_TMPDIR/bin:$PATH run -0 --separate-stderr tare login "$(registry)" -u me --password-stdin <<<s3cret
  [[ "$output" == *"kept in docker-credential-box" ]]
  [ -z "$stderr" ]
  [ "$(jq -r .Secret "$BATS_TEST_TMPDIR/helped-store")" = s3cret ]
  [[ "$(cat "$CONFIG")" != *"$(printf me:s3cret | base64)"* ]]
}

@test "logout forgets, says so, and what it cannot forget" {
  registry_start --auth basic --user me:s3cret
  tare login "$(registry)" -u me --password-stdin <<<s3cret
  run -0 tare logout "$(registry)"
  [ "$output" = "Removing login credentials for $(registry)" ]
  [ "$(entry auth)" = null ]
  run -0 tare logout "$(registry)"
  [ "$output" = "Not logged in to $(registry)" ]
  mkdir -p "$XDG_RUNTIME_DIR/containers"
  jq -n --arg r "$(registry)" '{auths: {($r): {auth: "YTpi"}}}' >"$XDG_RUNTIME_DIR/containers/auth.json"
  run -0 tare logout "$(registry)"
  [[ "$output" == *"auth.json still has a login for $(registry)"* ]]
  run -0 tare logout
  [ "$output" = "Not logged in to docker.io" ]
}
