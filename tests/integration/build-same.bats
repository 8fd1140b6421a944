#!/usr/bin/env bats
# tare build: the same inputs give the same image, whoever builds it, where, when, and however much at once.
load ../lib/common

setup_file() {
  tare_setup_file
  load_busybox
  make_context "$BATS_FILE_TMPDIR/ctx"
}
teardown_file() { tare_teardown_file; }

# Something of each kind that a build has.
make_context() {
  mkdir -p "$1/src/deep/er" "$1/conf"
  printf 'int main;\n' >"$1/src/main.c"
  printf 'two\n' >"$1/src/deep/er/two"
  ln "$1/src/deep/er/two" "$1/src/deep/two"
  ln -s ../main.c "$1/src/deep/link"
  printf '#!/bin/sh\necho hello\n' >"$1/conf/tool"; chmod 755 "$1/conf/tool"
  printf 'none\n' >"$1/conf/left.log"; printf '**/*.log\n' >"$1/.dockerignore"
  mkdir "$1.t"; printf 'packed\n' >"$1.t/file"; ln "$1.t/file" "$1.t/hard"
  tar -C "$1.t" --sort=name --owner=7 --group=8 --mtime=@1000 -czf "$1/packed.tar.gz" .
  rm -r "$1.t"
  cat >"$1/Dockerfile" <<'D'
FROM busybox AS base
ENV LANG=C
RUN mkdir -p /opt/tools && echo base >/opt/tools/base
FROM base AS one
WORKDIR /place/one
COPY src /src
RUN cat /src/deep/er/two >made && ln made again && mkfifo pipe && rm -r /src/deep && mkdir /src/deep && touch /src/deep/new
FROM base AS two
ADD packed.tar.gz /packed/
COPY --chown=3:4 --chmod=u=rwX,go=rX conf /conf
RUN --mount=from=one,source=/place/one,target=/o cat /o/made >/from-one && chmod 4755 /conf/tool
FROM busybox AS unneeded
RUN exit 1
FROM base
COPY --from=one /place /place
COPY --from=two /packed /conf /all/
COPY --from=two /from-one /all/
COPY --from=busybox /etc/passwd /etc/of-busybox
COPY . /context
COPY <<doc /docs/doc
a text
doc
WORKDIR /home/user/deep
USER 1000:1001
RUN id -u >/tmp/who && mkdir /tmp/d && echo x >/tmp/d/x && rm /tmp/who
LABEL a=b
CMD ["sh"]
D
  find "$1" -exec touch -h -d @1500000000 {} +
}

manifest() { tare images --digests --no-trunc "$1" | awk 'NR == 2 { print $3 }'; }
# in_store NAME COMMAND...: with a store of its own
in_store() {
  local name=$1; shift
  (
    export TARE_ROOT=$BATS_TEST_TMPDIR/$name TARE_STATE=$BATS_TEST_TMPDIR/$name.run
    load_busybox >/dev/null
    "$@"
    tare system check >"$BATS_TEST_TMPDIR/$name.check" || { cat "$BATS_TEST_TMPDIR/$name.check"; exit 1; }
    remove_all
  )
}
built() { tare build -t same "$@" >"$BATS_TEST_TMPDIR/out" 2>&1 || { cat "$BATS_TEST_TMPDIR/out"; return 1; }; manifest same; }

# A copy made in another order, so with other inodes, and with folders of another age.
copy_context() {
  mkdir -p "$2"
  (cd "$1" && find . -mindepth 1 -type d | sort -r) | while read -r d; do mkdir -p "$2/$d"; done
  (cd "$1" && find . ! -type d | sort -r) | while read -r f; do cp -dp "$1/$f" "$2/$f"; done
  find "$2" -type d -exec touch -d @1600000001 {} +
}

@test "two stores, two folders, another clock, another umask: one digest" {
  one=$(built "$BATS_FILE_TMPDIR/ctx")
  [[ "$one" =~ ^sha256:[0-9a-f]{64}$ ]]
  copy_context "$BATS_FILE_TMPDIR/ctx" "$BATS_TEST_TMPDIR/elsewhere/deeper"
  second=$(date +%s)
  wait_until 5 bash -c "[ \$(date +%s) -gt $((second + 1)) ]"
  umask 077
  two=$(in_store clean built "$BATS_TEST_TMPDIR/elsewhere/deeper")
  umask 022
  [ "$one" = "$two" ]
  # and anew in the store that has it
  three=$(built --no-cache "$BATS_TEST_TMPDIR/elsewhere/deeper")
  [ "$one" = "$three" ]
  # the digest says something
  echo more >>"$BATS_TEST_TMPDIR/elsewhere/deeper/src/deep/er/two"
  four=$(built "$BATS_TEST_TMPDIR/elsewhere/deeper")
  [ "$four" != "$one" ]
}

@test "one stage after the other, or several at a time: one digest" {
  for jobs in 1 2 8; do
    in_store "jobs$jobs" built --jobs "$jobs" "$BATS_FILE_TMPDIR/ctx" >>"$BATS_TEST_TMPDIR/digests"
  done
  [ "$(wc -l <"$BATS_TEST_TMPDIR/digests")" -eq 3 ]
  [ "$(sort -u "$BATS_TEST_TMPDIR/digests" | wc -l)" -eq 1 ]
}

@test "SOURCE_DATE_EPOCH: files of any age" {
  export SOURCE_DATE_EPOCH=1234567890
  one=$(built "$BATS_FILE_TMPDIR/ctx")
  copy_context "$BATS_FILE_TMPDIR/ctx" "$BATS_TEST_TMPDIR/elsewhere"
  find "$BATS_TEST_TMPDIR/elsewhere" -exec touch -h -d @1700000000 {} +
  two=$(in_store clean built "$BATS_TEST_TMPDIR/elsewhere")
  [ "$one" = "$two" ]
  [ "$(tare inspect same | jq -r '.[0].Created')" = 2009-02-13T23:31:30.000000000Z ]
}

@test "SOURCE_DATE_EPOCH where the base is as old: what was built without it does not stand for what is built with it" {
  mkdir "$BATS_TEST_TMPDIR/c"
  printf 'FROM busybox\nRUN mkdir /d && touch -d "2001-01-01 00:00" /f /d\nWORKDIR /d/e\n' >"$BATS_TEST_TMPDIR/c/Dockerfile"
  without=$(built "$BATS_TEST_TMPDIR/c")
  SOURCE_DATE_EPOCH=$(date -d "$(tare inspect busybox | jq -r '.[0].Created')" +%s); export SOURCE_DATE_EPOCH
  with=$(built "$BATS_TEST_TMPDIR/c")
  [ "$with" != "$without" ]
  [ "$with" = "$(built --no-cache "$BATS_TEST_TMPDIR/c")" ]
}

@test "SOURCE_DATE_EPOCH as a build argument, and for who declares it" {
  mkdir "$BATS_TEST_TMPDIR/e"
  printf 'FROM busybox\nARG SOURCE_DATE_EPOCH\nRUN echo "$SOURCE_DATE_EPOCH" >/said\n' >"$BATS_TEST_TMPDIR/e/Dockerfile"
  epoch() { [ "$(tare inspect e | jq -r '.[0].Created')" = "$1.000000000Z" ] && [ "$(tare run --rm e cat /said)" = "$2" ]; }
  run -0 tare build -t e --build-arg SOURCE_DATE_EPOCH=1234567890 "$BATS_TEST_TMPDIR/e"; epoch 2009-02-13T23:31:30 1234567890
  SOURCE_DATE_EPOCH=1300000000 run -0 tare build -t e "$BATS_TEST_TMPDIR/e"; epoch 2011-03-13T07:06:40 1300000000
  SOURCE_DATE_EPOCH=1300000000 run -0 tare build -t e --build-arg SOURCE_DATE_EPOCH=1234567890 "$BATS_TEST_TMPDIR/e"
  epoch 2009-02-13T23:31:30 1234567890
  run -1 tare build --build-arg SOURCE_DATE_EPOCH=soon "$BATS_TEST_TMPDIR/e"; [[ "$output" == *"SOURCE_DATE_EPOCH=soon"* ]]
}

@test "the same Dockerfile as a tar on standard input" {
  one=$(built "$BATS_FILE_TMPDIR/ctx")
  two=$(tar -C "$BATS_FILE_TMPDIR/ctx" -c . | in_store clean built -)
  [ "$one" = "$two" ]
}

@test "two builds of one folder at once, and a third in another store" {
  # its bridge would be in the way of the other store's
  in_store other built --no-cache --network none "$BATS_FILE_TMPDIR/ctx" >"$BATS_TEST_TMPDIR/3" 3>&- &
  three=$!
  export TARE_ROOT=$BATS_TEST_TMPDIR/root TARE_STATE=$BATS_TEST_TMPDIR/run
  load_busybox
  tare build -t p1 "$BATS_FILE_TMPDIR/ctx" >"$BATS_TEST_TMPDIR/1" 2>&1 3>&- &
  one=$!
  run -0 tare build -t p2 "$BATS_FILE_TMPDIR/ctx"
  wait $one
  wait $three || { cat "$BATS_TEST_TMPDIR/3" >&2; return 1; }
  [ "$(manifest p1)" = "$(manifest p2)" ]
  [ "$(manifest p1)" = "$(cat "$BATS_TEST_TMPDIR/3")" ]
  run -0 tare system check
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
  [ -z "$(tare ps -aq)" ]
}
