#!/usr/bin/env bats
# tare commit, export, import --change: what a container wrote becomes an image or a tar, and the container stays as it is.
load ../lib/common
load ../lib/web

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
teardown() { web_stop; tare rm -f box >/dev/null 2>&1 || true; }
config() { jq -c "$1" "$TARE_ROOT/content/blobs/sha256/$(tare images -q --no-trunc "${2:-t}" | sed 's/sha256://')"; }
# last_layer NAME: its tar
last_layer() {
  local manifest
  manifest=$(tare images --digests --no-trunc "$1" | awk 'NR == 2 { print $3 }')
  zcat "$TARE_ROOT/content/blobs/sha256/$(jq -r '.layers[-1].digest' "$TARE_ROOT/content/blobs/sha256/${manifest#sha256:}" | sed 's/sha256://')"
}
# made COMMAND: a container "box" that ran it
made() { tare run --name box "${@:2}" busybox sh -c "$1"; }

@test "commit: what was written, changed and removed; users as the image has them; the container is as it was" {
  made 'mkdir /d && echo 1 >/d/one && chown 5:6 /d/one && rm /bin/ls && echo x >>/etc/passwd && ln -s one /d/link && chmod 4711 /d/one'
  before=$(find "$TARE_ROOT/containers" -path '*upper*' -printf '%P %m %U %G %T@\n' | sort)
  run -0 tare commit -a me -m "by hand" box t:1
  [[ "$output" =~ ^sha256:[0-9a-f]{64}$ ]]
  [ "$(find "$TARE_ROOT/containers" -path '*upper*' -printf '%P %m %U %G %T@\n' | sort)" = "$before" ]
  run -0 tare run --rm t:1 sh -c 'cat /d/link; stat -c %u:%g:%a /d/one; test ! -e /bin/ls; tail -1 /etc/passwd'
  [ "${lines[*]}" = "1 5:6:4711 x" ]
  [ "$(last_layer t:1 | tar -t | sort | xargs)" = "bin/ bin/.wh.ls d/ d/link d/one etc/ etc/passwd" ]
  [ "$(config '.history[-1] | [.author, .comment, .created_by, .empty_layer]' t:1)" = '["me","by hand","sh -c mkdir /d && echo 1 >/d/one && chown 5:6 /d/one && rm /bin/ls && echo x >>/etc/passwd && ln -s one /d/link && chmod 4711 /d/one",null]' ]
  [ "$(config .author t:1)" = '"me"' ]
  run -0 tare image verify t:1
  run tare start -a box
  [[ "$output" == *"File exists"* ]]
}

@test "commit: the configuration is the image's, the container's, and the changes'" {
  printf 'FROM busybox\nENV A=image B=image\nLABEL l=image\nEXPOSE 80\nVOLUME /v\nWORKDIR /w\nSTOPSIGNAL SIGINT\nENTRYPOINT ["env"]\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  tare build -q -t base - <"$BATS_TEST_TMPDIR/Dockerfile" >/dev/null
  tare create --name box -e A=run -u 7 -l m=run -v /anon -w /elsewhere base -u X
  run -0 tare commit -c 'ENV B=$A-changed C="new \"\$A\""' -c 'CMD ["a", "b"]' -c 'LABEL l=changed' -c 'EXPOSE 90/udp' -c 'ONBUILD RUN x' \
    -c 'HEALTHCHECK CMD true' -c 'USER 8' -c 'WORKDIR below' -c 'VOLUME /more' -c 'STOPSIGNAL SIGHUP' -c 'SHELL ["/bin/sh", "-e"]' box t:2
  [ "$(config '.config.Env[1:]' t:2)" = '["A=run","B=run-changed","C=new \"$A\""]' ]
  [ "$(config '[.config.Cmd, .config.Entrypoint]' t:2)" = '[["a","b"],["env"]]' ]
  [ "$(config '.config.Labels' t:2)" = '{"l":"changed","m":"run"}' ]
  [ "$(config '.config.ExposedPorts|keys' t:2)" = '["80/tcp","90/udp"]' ]
  [ "$(config '.config.Volumes|keys' t:2)" = '["/anon","/more","/v"]' ]
  [ "$(config '[.config.User,.config.WorkingDir,.config.StopSignal,.config.OnBuild,.config.Healthcheck.Test,.config.Shell]' t:2)" = \
    '["8","/elsewhere/below","SIGHUP",["RUN x"],["CMD-SHELL","true"],["/bin/sh","-e"]]' ]
  run -0 tare commit box t:3
  [ "$(config '[.config.Env[1:],.config.Cmd,.config.User,.config.StopSignal,.config.WorkingDir]' t:3)" = '[["A=run","B=image"],["-u","X"],"7","SIGINT","/elsewhere"]' ]
}

@test "commit: the health check, ports and volumes that the container was given are the image's" {
  tare create --name box -p 127.0.0.1::80 --expose 90/udp -v /anon --health-cmd 'test -e /well' --health-retries 2 busybox true
  run -0 tare commit box t:h
  [ "$(config '[.config.Healthcheck, (.config.ExposedPorts, .config.Volumes | keys)]' t:h)" = \
    '[{"Test":["CMD-SHELL","test -e /well"],"Retries":2},["80/tcp","90/udp"],["/anon"]]' ]
  tare rm -v box
  tare create --name box --no-healthcheck t:h
  run -0 tare commit -c 'EXPOSE 91' box t:none
  [ "$(config '[.config.Healthcheck.Test, (.config.ExposedPorts | keys)]' t:none)" = '[["NONE"],["80/tcp","90/udp","91/tcp"]]' ]
  tare rm -v box
  tare create --name box t:h
  run -0 tare commit -c 'HEALTHCHECK CMD other' box t:other
  [ "$(config '.config.Healthcheck.Test' t:other)" = '["CMD-SHELL","other"]' ]
}

@test "commit: nothing written is no layer; what was made to mount onto is none of it" {
  mkdir "$BATS_TEST_TMPDIR/host"; echo 1 >"$BATS_TEST_TMPDIR/host/f"
  made true -v "$BATS_TEST_TMPDIR/host:/new/place" -v "$BATS_TEST_TMPDIR/host/f:/file" --tmpfs /memory
  run -0 tare commit box t:4
  [ "$(config '.rootfs.diff_ids|length' t:4)" = "$(config '.rootfs.diff_ids|length' busybox)" ]
  [ "$(config '.history[-1].empty_layer' t:4)" = true ]
  tare rm box
  made 'echo 2 >/new/own; echo 3 >/memory/gone' -v "$BATS_TEST_TMPDIR/host:/new/place" --tmpfs /memory
  run -0 tare commit box t:5
  [ "$(last_layer t:5 | tar -t | xargs)" = "new/ new/own" ]
}

@test "commit: file capabilities stay, and are the image's root's" {
  made 'cp /bin/busybox /capable; cp /bin/busybox /old'
  pid_upper=$(echo "$TARE_ROOT"/containers/*/upper)
  # as the container's root would set it: for the root of its own user namespace
  base=$(stat -c %u "$pid_upper/capable")
  python3 - "$pid_upper/capable" "$base" <<'P'
import os, struct, sys
os.setxattr(sys.argv[1], "security.capability", struct.pack("<6I", 0x03000001, 1 << 10, 0, 0, 0, int(sys.argv[2])))
P
  run -0 tare commit box t:6
  chain=$(ls -d "$TARE_ROOT"/layers/*/fs/capable)
  [ "$(python3 -c 'import os,sys; sys.stdout.buffer.write(os.getxattr(sys.argv[1], "security.capability"))' "$chain" | od -An -tx4 | xargs)" = "02000001 00000400 00000000 00000000 00000000" ]
}

# It counts, so it runs.
counts() { local first; first=$(tare exec box cat /count); [ -n "$first" ] && wait_until 10 more_than "$first"; }
more_than() { [ "$(tare exec box cat /count)" != "$1" ]; }
paused() { tare ps | grep -q Paused; }
not_paused() { ! paused; }
paused_or_done() { paused || ! kill -0 "$1" 2>/dev/null; }

@test "commit: a running container stands still meanwhile, and goes on; also when commit is killed" {
  tare run -d --name box busybox sh -c 'dd if=/dev/urandom of=/big bs=1M count=60 2>/dev/null; i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; done'
  wait_until 20 tare exec box test -s /count
  run -0 tare commit box t:7
  not_paused
  counts
  "$TARE_BIN/tare" commit box t:8 >/dev/null 3>&- & pid=$!
  wait_until 10 paused_or_done "$pid"
  paused
  kill -9 "$pid"; wait "$pid" || true
  wait_until 10 not_paused
  counts
  # who pauses it while it is looked at has it paused afterwards
  "$TARE_BIN/tare" commit box t:8 >/dev/null 3>&- & pid=$!
  wait_until 10 paused_or_done "$pid"
  run -0 tare pause box
  wait "$pid"
  paused
  tare unpause box
  counts
  run -0 tare commit --pause=false box t:9
  tare pause box
  run -0 tare commit box t:10
  paused
  tare unpause box
  run -0 tare system prune -f
}

@test "commit and export: what cannot be done is one line" {
  run ! tare commit nobody
  [[ "$output" == *"no such container"* ]]
  made true
  run ! tare commit -c 'RUN x' box
  [[ "$output" == *'--change "RUN x"'*"RUN is not allowed"* ]]
  run ! tare commit -c 'EXPOSE many' box
  [[ "$output" == *"--change"* ]]
  run ! tare commit box 'Bad Name'
  [[ "$output" == *"Bad Name"* ]]
  run ! tare export nobody
  run ! tare export -o /nowhere/x box
}

@test "export: one tree, with the image's users, without what is mounted; import makes an image of it" {
  mkdir "$BATS_TEST_TMPDIR/host"
  made 'mkdir /d && echo 1 >/d/one && chown 5:6 /d/one && rm /bin/ls && mkfifo /d/fifo' -v "$BATS_TEST_TMPDIR/host:/new/place" -h name
  run -0 tare export -o "$BATS_TEST_TMPDIR/x.tar" box
  tare export box >"$BATS_TEST_TMPDIR/y.tar"
  cmp "$BATS_TEST_TMPDIR/x.tar" "$BATS_TEST_TMPDIR/y.tar"
  run -0 tar -tvf "$BATS_TEST_TMPDIR/x.tar" d bin/busybox
  [[ "$output" == *" 5/6 "*" d/one"* ]]
  run -0 tar -tf "$BATS_TEST_TMPDIR/x.tar"
  [[ "$output" != *"bin/ls"$'\n'* ]]
  [[ "$output" != *"new/"* ]]
  [[ "$output" != *".wh."* ]]
  run -0 tare import -c 'CMD ["cat", "/d/one"]' -c 'ENV X=1' -m back --platform linux/arm64 "$BATS_TEST_TMPDIR/x.tar" imp:1
  [ "$(config '[.config.Cmd,.config.Env,.architecture,.history[0].comment]' imp:1)" = '[["cat","/d/one"],["X=1"],"arm64","back"]' ]
  "$TARE_BIN/tare" import -c "CMD cat /d/one" - imp:2 <"$BATS_TEST_TMPDIR/x.tar"
  [ "$(tare run --rm imp:2)" = 1 ]
  run ! tare import -c 'COPY a b' "$BATS_TEST_TMPDIR/x.tar" imp:3
  [[ "$output" == *"COPY is not allowed"* ]]
  run ! tare image tree imp:3
}

@test "export of a container that writes all the time, and of one with its own folder" {
  tare run -d --name box busybox sh -c 'while :; do mkdir -p /x/y; echo 1 >/x/y/z; rm -r /x; done'
  for i in 1 2 3 4 5; do tare export box >"$BATS_TEST_TMPDIR/x.tar"; tar -tf "$BATS_TEST_TMPDIR/x.tar" >/dev/null; done
  tare rm -f box
  tar -C "$BATS_TEST_TMPDIR" --one-top-level=root -xf "$BATS_TEST_TMPDIR/x.tar"
  tare create --name box --rootfs "$BATS_TEST_TMPDIR/root" /bin/true
  tare export box | tar -t | grep -qx bin/busybox
  run ! tare commit box
  [[ "$output" == *"stands on no image"* ]]
}

@test "import by URL" {
  web_start
  made 'echo 1 >/one'
  tare export box | gzip >"$(web_dir)/www/x.tgz"
  run -0 tare import -c 'CMD ["cat", "/one"]' "$(web)/f/x.tgz" imp:4
  [[ "$output" == *"Downloading from $(web)/f/x.tgz"* ]]
  [ "$(tare run --rm imp:4)" = 1 ]
  run ! tare import "$(web)/f/none" imp:5
  [[ "$output" == *"$(web)/f/none"*404* ]]
  echo no tar >"$(web_dir)/www/text"
  run ! tare import "$(web)/f/text" imp:5
  [[ "$output" == *"$(web)/f/text"* ]]
  run ! tare import --limit unpacked=1000 "$(web)/f/x.tgz" imp:5
  run ! tare image tree imp:5
}

@test "commits and exports that are killed at any instant: nobody is paused, nothing is left, nothing is broken" {
  tare run -d --name box busybox sh -c 'head -c 3000000 /dev/urandom >/big; i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; done'
  wait_until 20 tare exec box test -s /count
  for i in 01 02 04 06 08 10 12 15 18 21 25 30 40; do
    { timeout -s KILL "0.$i" "$TARE_BIN/tare" commit box "killed:$i" || true; } >/dev/null 2>&1
    { timeout -s KILL "0.$i" "$TARE_BIN/tare" export -o "$BATS_TEST_TMPDIR/x.tar" box || true; } 2>/dev/null
  done
  wait_until 10 not_paused
  counts
  [ ! -e "$BATS_TEST_TMPDIR/x.tar" ] || tar -tf "$BATS_TEST_TMPDIR/x.tar" >/dev/null
  run -0 tare commit box whole
  run -0 tare image verify --all
  run -0 tare system prune -f
  [ -z "$(tare system check --format json | jq -c 'select(.About == "store" and .Level == "problem")')" ]
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -maxdepth 1 -type d)" ]
}
