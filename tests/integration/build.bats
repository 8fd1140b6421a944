#!/usr/bin/env bats
# tare build: what each instruction makes of an image, what is done anew and what is not, and how a build fails.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; }
teardown() { ! mountpoint -q "$BATS_TEST_TMPDIR/small" || full_disk_end; }

dockerfile() { cat >"$ctx/Dockerfile"; }
build() { tare build -t t "$@" "$ctx"; }
config() { jq -c "$1" "$TARE_ROOT/content/blobs/sha256/$(tare images -q --no-trunc "${2:-t}" | sed 's/sha256://')"; }
files() { tare run --rm --entrypoint /bin/sh t -c "$1"; }
blob_of_last() { echo "$TARE_ROOT/content/blobs/sha256/$(jq -r '.layers[-1].digest' "$TARE_ROOT/content/blobs/sha256/$(manifest t | sed 's/sha256://')" | sed 's/sha256://')"; }
# manifest NAME: its digest
manifest() { tare images --digests --no-trunc "$1" | awk 'NR == 2 { print $3 }'; }

@test "FROM, RUN, CMD: an image that runs" {
  dockerfile <<'D'
FROM busybox
RUN echo hello >/greeting
CMD ["cat", "/greeting"]
D
  run -0 build
  [[ "$output" == *"Successfully built"*"Successfully tagged t:latest"* ]]
  [ "$(tare run --rm t)" = hello ]
  [ -z "$(tare ps -aq)" ]
}

@test "what was built is what image verify makes of its blobs" {
  printf 'FROM busybox\nRUN mkdir -p /d/e && rm /bin/ls && echo 1 >/d/e/f\nRUN rm -r /d && mkdir /d && chown 5 /d\nCOPY Dockerfile /d/\nWORKDIR /w\n' | dockerfile
  run -0 build
  run -0 tare image verify t
}

@test "-q prints the id alone, --iidfile keeps it" {
  printf 'FROM busybox\nRUN echo noise\n' | dockerfile
  id=$(tare build -q --iidfile "$BATS_TEST_TMPDIR/iid" "$ctx" 2>"$BATS_TEST_TMPDIR/err")
  [[ "$id" =~ ^sha256:[0-9a-f]{64}$ ]]
  [ "$(cat "$BATS_TEST_TMPDIR/iid")" = "$id" ]
  [ ! -s "$BATS_TEST_TMPDIR/err" ]
}

@test "instructions of the configuration" {
  dockerfile <<'D'
FROM busybox
MAINTAINER somebody
ENV A=1 B="two words"
ENV C=$A-3
LABEL x=y
EXPOSE 80 53/udp
VOLUME /data
USER 5:6
ARG UNUSED=1
WORKDIR /place
WORKDIR deeper
STOPSIGNAL SIGINT
SHELL ["/bin/sh", "-ec"]
HEALTHCHECK --interval=5s --retries=2 CMD true
ONBUILD RUN echo later
ENTRYPOINT ["env"]
CMD echo $A
D
  run -0 build --label l=m
  [ "$(config .author)" = '"somebody"' ]
  [ "$(config '.config.Env[1:]')" = '["A=1","B=two words","C=1-3"]' ]
  [ "$(config .config.Labels)" = '{"x":"y","l":"m"}' ]
  [ "$(config '.config.ExposedPorts | keys')" = '["53/udp","80/tcp"]' ]
  [ "$(config '.config.Volumes')" = '{"/data":{}}' ]
  [ "$(config .config.User)" = '"5:6"' ]
  [ "$(config .config.WorkingDir)" = '"/place/deeper"' ]
  [ "$(config .config.StopSignal)" = '"SIGINT"' ]
  [ "$(config .config.Healthcheck)" = '{"Test":["CMD-SHELL","true"],"Interval":5000000000,"Retries":2}' ]
  [ "$(config .config.OnBuild)" = '["RUN echo later"]' ]
  [ "$(config .config.Entrypoint)" = '["env"]' ]
  [ "$(config .config.Cmd)" = '["/bin/sh","-ec","echo $A"]' ]
  [ "$(config '.history | length')" = 17 ]
  [ "$(config '.history[] | select(.created_by == "ARG UNUSED=1") | .empty_layer')" = true ]
}

@test "a new ENTRYPOINT is not given the base's CMD; ONBUILD of a base is done" {
  printf 'FROM busybox\nCMD ["base"]\nONBUILD RUN echo $WHO >/triggered\n' | dockerfile
  run -0 tare build -t base "$ctx"
  printf 'FROM base\nENV WHO=late\nENTRYPOINT ["echo"]\n' | dockerfile
  run -0 build
  [ "$(config .config.Cmd)" = null ]
  [ "$(config .config.OnBuild)" = null ]
  run -0 files 'cat /triggered'
}

@test "RUN: environment, arguments, user, working folder, forms" {
  dockerfile <<'D'
FROM busybox
ARG V=default
ENV E=env
WORKDIR /w
RUN echo "$V $E $(pwd)" >/w/shell
RUN ["/bin/sh", "-c", "echo exec >/w/exec"]
RUN chmod 777 /w
USER 1000:1001
RUN id -u >user; id -g >>user
RUN <<EOF
echo one >doc
echo two >>doc
EOF
D
  run -0 build --build-arg V=given
  [ "$(files 'cat /w/shell')" = "given env /w" ]
  [ "$(files 'cat /w/exec')" = exec ]
  [ "$(files 'cat /w/user' | tr '\n' ' ')" = "1000 1001 " ]
  [ "$(files 'cat /w/doc' | tr '\n' ' ')" = "one two " ]
  [ "$(files 'stat -c %u:%g /w/user')" = 1000:1001 ]
  [ "$(config '.config.Env | map(select(startswith("V=")))')" = '[]' ]
}

@test "what a RUN removes, replaces and links" {
  dockerfile <<'D'
FROM busybox
RUN mkdir -p /d/sub && echo 1 >/d/a && echo 2 >/d/sub/b && echo 3 >/kept
RUN rm /d/a && rm -rf /d/sub && mkdir /d/sub && echo new >/d/sub/c && ln /kept /linked && ln -s kept /soft && chmod 4755 /kept
D
  run -0 build
  [ "$(files 'ls /d /d/sub' | tr '\n' ' ')" = "/d: sub  /d/sub: c " ]
  [ "$(files 'stat -c "%h %a" /linked')" = "2 4755" ]
  [ "$(files 'readlink /soft')" = kept ]
  # overlayfs leaves notes of its own, and whiteouts that are the mounter's
  run -0 tare image verify -q t
  [ -z "$output" ]
  # what the runtime mounts onto is no part of it
  layer=$(jq -r '.layers[-1].digest' "$TARE_ROOT/content/blobs/sha256/$(manifest t | sed 's/sha256://')")
  tar tzf "$TARE_ROOT/content/blobs/sha256/${layer#sha256:}" >"$BATS_TEST_TMPDIR/names"
  run -1 grep -E 'resolv.conf|hosts|^proc|^sys|^dev' "$BATS_TEST_TMPDIR/names"
  grep -q '^d/.wh.a$' "$BATS_TEST_TMPDIR/names"
  grep -q '^d/sub/.wh..wh..opq$' "$BATS_TEST_TMPDIR/names"
}

@test "what tare built is read by another's unpacker the same" {
  dockerfile <<'D'
FROM busybox
RUN mkdir -p /d/sub && echo 1 >/d/a && ln /d/a /d/hard && echo 2 >/d/sub/b && chown -R 60000:60001 /d/sub && touch /d/$(printf 'n%0200d' 1)
RUN rm -rf /d/sub && mkdir /d/sub && chmod 1777 /d/sub
D
  run -0 build
  files 'find /d -exec stat -c "%n %a %u %g %h %s" {} +' | sort >"$BATS_TEST_TMPDIR/here"
  mkdir "$BATS_TEST_TMPDIR/out"
  for layer in $(jq -r '.layers[].digest' "$TARE_ROOT/content/blobs/sha256/$(manifest t | sed 's/sha256://')"); do
    tar xpzf "$TARE_ROOT/content/blobs/sha256/${layer#sha256:}" --numeric-owner -C "$BATS_TEST_TMPDIR/out"
    find "$BATS_TEST_TMPDIR/out" -name '.wh.*' | while read -r mark; do
      case $mark in
        */.wh..wh..opq) find "${mark%/*}" -mindepth 1 ! -newer "$mark" ! -name '.wh.*' -delete 2>/dev/null || true; rm "$mark" ;;
        *) rm -rf "${mark%/*}/./${mark##*/.wh.}" "$mark" ;;
      esac
    done
  done
  (cd "$BATS_TEST_TMPDIR/out" && find d -exec stat -c '/%n %a %u %g %h %s' {} + | grep -v '/d/sub/b' | sort) >"$BATS_TEST_TMPDIR/there"
  # a folder's size is its file system's matter
  diff <(awk '{ $NF = ""; if ($1 ~ /d$|sub$/) $5 = ""; print }' "$BATS_TEST_TMPDIR/here") <(awk '{ $NF = ""; if ($1 ~ /d$|sub$/) $5 = ""; print }' "$BATS_TEST_TMPDIR/there")
}

@test "COPY: files, folders, patterns, names, owners, modes" {
  mkdir -p "$ctx/dir/sub"; echo a >"$ctx/a.txt"; echo b >"$ctx/b.txt"; echo c >"$ctx/dir/sub/c"; chmod 750 "$ctx/dir/sub"
  ln -s ../a.txt "$ctx/dir/link"; mkfifo "$ctx/dir/fifo"
  dockerfile <<'D'
FROM busybox
RUN echo 'joe:x:70:71::/:' >>/etc/passwd && mkdir -p /real && ln -s /real /alias && mkdir /is-folder
COPY a.txt /one
COPY a.txt b.txt /two/
COPY *.txt /glob/
COPY dir /dir
COPY a.txt /alias/
COPY a.txt /is-folder
COPY --chown=joe --chmod=u=rwX,go=r dir/sub /owned
COPY --chown=5:6 a.txt /made/on/the/way
WORKDIR /w
COPY a.txt ./here
COPY <<one <<"two" /docs/
value $HOME
one
value $HOME
two
D
  run -0 build
  [ "$(files 'cat /one; ls /two /glob' | tr '\n' ' ')" = "a /glob: a.txt b.txt  /two: a.txt b.txt " ]
  [ "$(files 'stat -c "%u %a" /dir/sub; readlink /dir/link; cat /dir/sub/c; test -p /dir/fifo && echo fifo' | tr '\n' ' ')" = "0 750 ../a.txt c fifo " ]
  [ "$(files 'cat /real/a.txt /is-folder/a.txt; readlink /alias' | tr '\n' ' ')" = "a a /real " ]
  [ "$(files 'stat -c "%u:%g %a" /owned /owned/c /made/on /made/on/the/way' | tr '\n' ' ')" = "70:70 755 70:70 644 5:6 755 5:6 644 " ]
  [ "$(files 'cat /w/here /docs/one /docs/two' | tr '\n' ' ')" = 'a value  value $HOME ' ]
}

@test "COPY --from and ADD: several names of one file stay that, and are a part of the key" {
  mkdir -p "$ctx/h/d"; echo h >"$ctx/h/1"; ln "$ctx/h/1" "$ctx/h/2"; ln "$ctx/h/1" "$ctx/h/d/3"; ln -s 1 "$ctx/h/soft"
  tar -C "$ctx" -cf "$ctx/h.tar" h
  dockerfile <<'D'
FROM busybox AS one
ADD h.tar /
ARG SECOND
RUN [ -z "$SECOND" ] || { cp /h/2 /h/apart && mv /h/apart /h/2; }
FROM busybox
COPY --from=one /h /from
ADD h.tar /unpacked
COPY --from=one /h/1 /h/2 /apart/
COPY h /context
D
  run -0 build
  for d in from unpacked/h; do
    [ "$(files "stat -c %h /$d/1 /$d/2 /$d/d/3; stat -c %i /$d/* /$d/d/3 | sort -u | wc -l" | tr '\n' ' ')" = "3 3 3 3 " ]
  done
  # of the context it is none of the image's matter: a copy of the folder may have lost it
  [ "$(files 'stat -c %h /apart/1 /apart/2 /context/1' | tr '\n' ' ')" = "1 1 1 " ]
  run -0 build --build-arg SECOND=1
  [ "$(files 'stat -c %h /from/1 /from/2 /from/d/3' | tr '\n' ' ')" = "2 1 2 " ]
}

@test "COPY to a link of the image's goes where that leads, never out of the image" {
  echo new >"$ctx/a"
  dockerfile <<'D'
FROM busybox
RUN echo old >/file && ln -s file /link && ln -s /made/by/copy /dangling && ln -s ../../../etc/outside /up && mkdir /d && ln -s /file /d/a && ln -s y /x && ln -s x /y
COPY a /link
COPY a /dangling
COPY a /up
COPY a /d/
COPY <<EOF /link
doc
EOF
D
  run -0 build
  [ "$(files 'cat /file /made/by/copy /etc/outside /d/a; for l in /link /dangling /up; do readlink $l; done; test -L /d/a || echo replaced' | tr '\n' ' ')" = \
    "doc new new new file /made/by/copy ../../../etc/outside replaced " ]
  [ ! -e /etc/outside ]
  printf 'FROM t\nCOPY a /x\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 2: COPY a /x: /x: "*"symbolic links"* ]]
}

@test "VOLUME wants an absolute path; ONBUILD --from a stage that is not built says so" {
  printf 'FROM busybox\nARG V=data\nVOLUME /ok $V\nRUN echo reached\n' | dockerfile
  run -1 build
  [[ "$output" == *'line 3: VOLUME /ok $V: "data": want an absolute path'* ]]
  [[ "$output" != *reached* ]]
  printf 'FROM busybox\nONBUILD COPY --from=tools /f /f\n' | dockerfile
  run -0 tare build -t triggers "$ctx"
  printf 'FROM busybox AS tools\nRUN echo f >/f\nFROM triggers\n' | dockerfile
  run -1 build
  [[ "$output" == *"--from=tools: ONBUILD cannot take from a stage that nothing else here needs"* ]]
  printf 'FROM busybox AS tools\nRUN echo f >/f\nFROM triggers\nCOPY --from=tools /f /g\n' | dockerfile
  run -0 build
  [ "$(files 'cat /f /g' | tr '\n' ' ')" = "f f " ]
}

@test "COPY: a pattern that fits nothing is fine beside something else" {
  echo 1 >"$ctx/package.json"
  printf 'FROM busybox\nCOPY package.json lock* /app/\nCOPY package.json /plain/.\n' | dockerfile
  run -0 build
  [ "$(files 'ls /app; cat /plain' | tr '\n' ' ')" = "package.json 1 " ]
  printf 'FROM busybox\nCOPY lock* *.none /app/\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 2: COPY lock* *.none /app/: lock*: no file fits it"* ]]
  printf 'FROM busybox\nRUN --mount=type=bind,source=lock*,target=/m true\n' | dockerfile
  run -1 build
  [[ "$output" == *"lock*: no file fits it"* ]]
}

@test "COPY keeps times of files and of the folders that were there" {
  echo a >"$ctx/a"; touch -d '2001-02-03 04:05:06.789' "$ctx/a"
  printf 'FROM busybox\nCOPY a /var/a\nCOPY a /new/a\n' | dockerfile
  run -0 build
  [ "$(files 'stat -c %Y /var/a /var /new' | tr '\n' ' ')" = "$(date -d '2001-02-03 04:05:06' +%s) 0 0 " ]
}

@test "COPY --from: a stage, by name and number, an image, an older stage's links" {
  dockerfile <<'D'
FROM busybox AS first
RUN mkdir /x && echo 1 >/x/f && chown 9:9 /x/f && ln -s /x /l
FROM busybox AS unneeded
RUN exit 1
FROM first AS third
RUN echo 3 >/x/g
FROM scratch
COPY --from=busybox /bin /bin
COPY --from=first /l /from-link
COPY --from=2 /x/g /g
D
  run -0 build
  [[ "$output" != *unneeded* ]]
  [ "$(files 'cat /from-link/f /g; stat -c %u /from-link/f' | tr '\n' ' ')" = "1 3 9 " ]
  run -1 tare build --target unneeded "$ctx"
  [[ "$output" == *"Dockerfile: line 4: RUN exit 1"*"exit code 1"* ]]
}

@test ".dockerignore, and one of the Dockerfile's own" {
  mkdir -p "$ctx/keep" "$ctx/drop/in"; touch "$ctx/keep/a.log" "$ctx/keep/b" "$ctx/drop/c" "$ctx/drop/in/d"
  printf '**/*.log\ndrop\n!drop/in\n' >"$ctx/.dockerignore"
  printf 'FROM busybox\nCOPY . /all\n' | dockerfile
  run -0 build
  [ "$(files 'cd /all && find . | sort' | tr '\n' ' ')" = ". ./.dockerignore ./Dockerfile ./drop ./drop/in ./drop/in/d ./keep ./keep/b " ]
  echo keep >"$ctx/Dockerfile.dockerignore"
  run -0 build
  [ "$(files 'ls -d /all/keep /all/drop/c' 2>/dev/null)" = /all/drop/c ]
  printf 'FROM busybox\nCOPY keep/b /b\n' | dockerfile
  run -1 build
  [[ "$output" == *"keep/b: .dockerignore leaves it out"* ]]
}

@test "links lead nowhere out of the context" {
  ln -s /etc/passwd "$ctx/abs"; ln -s ../../../../../../etc/passwd "$ctx/rel"; ln -s / "$ctx/root"; mkdir "$ctx/d"; ln -s /etc "$ctx/d/etc"
  for source in abs rel root/etc/passwd d/etc/passwd ../../etc/passwd; do
    printf 'FROM busybox\nCOPY %s /stolen\n' "$source" | dockerfile
    run -1 build
    [[ "$output" == *"there is no such file"* || "$output" == *": $source is a link that leads to nothing in the context" ]]
  done
  printf 'FROM busybox\nCOPY d /d\n' | dockerfile
  run -0 build
  [ "$(files 'readlink /d/etc')" = /etc ]
}

@test "links of the image lead nowhere out of it" {
  echo x >"$ctx/x"
  printf 'FROM busybox\nRUN ln -s ../../../../../../../../tmp /up && mkdir -p %s && ln -s %s /abs\nCOPY x /up/escaped\nCOPY x /abs/escaped\n' "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR" | dockerfile
  run -0 build
  [ ! -e "$BATS_TEST_TMPDIR/escaped" ] && [ ! -e /tmp/escaped ]
  [ "$(files 'cat /tmp/escaped')" = x ]
}

@test "a socket of the context is refused" {
  python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$ctx/s"
  printf 'FROM busybox\nCOPY . /all\n' | dockerfile
  run -1 build
  [[ "$output" == *"s: it is a socket"* ]]
}

@test "the cache: by content, not by time; what follows a change is done anew" {
  echo 1 >"$ctx/f"
  printf 'FROM busybox\nCOPY f /f\nRUN cat /proc/sys/kernel/random/uuid >/when\nENV A=1\n' | dockerfile
  run -0 build
  first=$(files 'cat /when')
  touch "$ctx/f"
  run -0 build
  [ "$(grep -c 'using the cache' <<<"$output")" -eq 2 ]
  [ "$(files 'cat /when')" = "$first" ]
  run -0 build --no-cache
  [[ "$output" != *"using the cache"* ]]
  second=$(files 'cat /when')
  [ "$second" != "$first" ]
  echo 2 >"$ctx/f"
  run -0 build
  [[ "$output" != *"using the cache"* ]]
  echo 1 >"$ctx/f"; chmod 600 "$ctx/f"
  run -0 build
  [[ "$output" != *"using the cache"* ]]
}

@test "the cache: build arguments count where they are known, and gc leaves it alone" {
  printf 'FROM busybox\nRUN echo before\nARG V\nRUN echo "$V" >/v\n' | dockerfile
  run -0 build --build-arg V=1
  run -0 build --build-arg V=2
  [ "$(grep -c 'using the cache' <<<"$output")" -eq 1 ]
  [ "$(files 'cat /v')" = 2 ]
  tare rmi -f t
  tare image prune -f
  run -0 build --build-arg V=1
  [ "$(grep -c 'using the cache' <<<"$output")" -eq 2 ]
  [ "$(files 'cat /v')" = 1 ]
}

@test "the same build in two stores, two folders and at two times has one digest" {
  mkdir -p "$ctx/d"; echo a >"$ctx/d/a"; touch -d @1000000000 "$ctx/d/a" "$ctx/d"
  dockerfile <<'D'
FROM busybox
COPY d /d
RUN echo x >/x && mkdir /new && touch -d @1200000000 /old && rm /etc/group && ln /x /y
WORKDIR /made
COPY --from=busybox /etc/passwd /p/
D
  run -0 build
  one=$(manifest t)
  cp -a "$ctx" "$BATS_TEST_TMPDIR/elsewhere"
  sleep 1.1
  (
    export TARE_ROOT=$BATS_TEST_TMPDIR/root2 TARE_STATE=$BATS_TEST_TMPDIR/run2
    load_busybox
    tare build -t t "$BATS_TEST_TMPDIR/elsewhere"
    [ "$(manifest t)" = "$one" ]
  )
  [ "$(files 'stat -c %Y /x /old' | tr '\n' ' ')" = "0 1200000000 " ]
  SOURCE_DATE_EPOCH=900000000 run -0 build
  [ "$(files 'stat -c %Y /x /old /d/a /made' | tr '\n' ' ')" = "900000000 900000000 900000000 900000000 " ]
  [[ "$(config .created)" == '"1998-07-09T16:00:00'* ]]
}

@test "a RUN that fails: its line, its exit code, what it said last; nothing is tagged" {
  tare rmi -f t 2>/dev/null || true
  printf 'FROM busybox\n\nRUN true\nRUN echo "the reason" >&2; \\\n  exit 7\n' | dockerfile
  run -1 build
  [[ "$output" == *"Dockerfile: line 4: RUN echo \"the reason\""*"exit code 7: the reason"* ]]
  run -125 tare run --rm t
  [ -z "$(tare ps -aq)" ]
}

@test "a Dockerfile that is none, or not there, or asks for what there is not" {
  printf 'FROM busybox\nRUNN x\n' | dockerfile
  run -1 build
  [[ "$output" == *"Dockerfile: line 2"*RUN* ]]
  rm "$ctx/Dockerfile"
  run -1 build
  [[ "$output" == *"neither a Dockerfile nor a Containerfile"* ]]
  printf 'FROM busybox\nCOPY nothing /\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 2: COPY nothing /"*"no such file"* ]]
  run -1 build --target nope
  run -125 build --isolation process
  run -125 build --no-such-option
  run -1 tare build "$BATS_TEST_TMPDIR/nowhere"
}

@test "the network of RUN" {
  printf 'FROM busybox\nRUN --network=none ls /sys/class/net >/none\nRUN ls /sys/class/net >/usual\nRUN --network=host ls /sys/class/net >/host\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 4: RUN --network=host"*"not allowed: --allow network.host does that"* ]]
  run -0 build --allow network.host
  [ "$(files 'cat /none')" = lo ]
  [[ "$(files 'cat /usual')" == *eth0* ]]
  run -0 build --network none --allow network.host
  [ "$(files 'cat /usual')" = lo ]
}

@test "a build that is killed: its container ends, what it made stays of use" {
  printf 'FROM busybox\nRUN echo done >/first\nRUN echo ready; exec sleep 1000\n' | dockerfile
  "$TARE_BIN/tare" build "$ctx" >"$BATS_TEST_TMPDIR/out" 2>&1 &
  pid=$!
  wait_until 10 grep -q '^ready' "$BATS_TEST_TMPDIR/out"
  [ "$(tare ps -q | wc -l)" -eq 1 ]
  kill -9 $pid
  wait_until 10 bash -c "[ -z \"\$('$TARE_BIN/tare' ps -aq)\" ]"
  tare image prune -f
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
  printf 'FROM busybox\nRUN echo done >/first\n' | dockerfile
  run -0 build
  [[ "$output" == *"using the cache"* ]]
}

@test "two builds of one folder at once" {
  printf 'FROM busybox\nRUN sleep 0.3; echo x >/x\nCOPY . /c\n' | dockerfile
  tare build -t p1 "$ctx" >"$BATS_TEST_TMPDIR/1" 2>&1 &
  one=$!
  run -0 tare build -t p2 "$ctx"
  wait $one
  [ "$(manifest p1)" = "$(manifest p2)" ]
}

@test "RUN --mount: a folder of the context, a stage, a cache, memory, a secret" {
  mkdir "$ctx/in"; echo data >"$ctx/in/f"; echo '**/*.no' >"$ctx/.dockerignore"; touch "$ctx/in/x.no" "$ctx/y.no"
  dockerfile <<'D'
FROM busybox AS other
RUN echo other >/of-other && mkdir /o && echo deep >/o/deep
FROM busybox
RUN --mount=type=bind,source=in,target=/in ls /in >/names && cat /in/f >/got
RUN --mount=type=bind,source=in,target=/in,rw echo changed >/in/f
RUN --mount=type=bind,target=/ctx ls /ctx >/all
RUN --mount=from=other,source=/o,target=/o cat /o/deep >/deep; run=1
RUN --mount=type=bind,source=in,target=/in ! touch /in/new 2>/dev/null
RUN --mount=type=cache,target=/c echo x >>/c/log
RUN --mount=type=cache,target=/c echo x >>/c/log && cat /c/log | wc -l >/lines
RUN --mount=type=tmpfs,target=/t,size=1m touch /t/x && df /t | grep -q tmpfs
RUN --mount=type=secret,id=s --mount=type=secret,id=e,env=WORD cat /run/secrets/s >/leak && echo "$WORD" >>/leak && stat -c %a:%u /run/secrets/s >>/leak
RUN --mount=type=secret,id=absent test ! -e /run/secrets/absent
D
  printf 'file secret\n' >"$BATS_TEST_TMPDIR/s"
  SECRET=env-secret run -0 build --secret "id=s,src=$BATS_TEST_TMPDIR/s" --secret id=e,env=SECRET
  [ "$(files 'cat /names /got /deep /lines' | tr '\n' ' ')" = "f data deep 2 " ]
  [ "$(files 'cat /all' | tr '\n' ' ')" = "Dockerfile in " ]
  [ "$(files 'cat /leak' | tr '\n' ' ')" = "file secret env-secret 400:0 " ]
  [ "$(cat "$ctx/in/f")" = data ]
  # where things were mounted nothing is left
  run -1 files 'ls -d /in /ctx /o /c /t /run'
  run -1 grep -rl 'env-secret' "$TARE_ROOT/catalog.db"
  echo new >"$ctx/in/f"
  SECRET=other run -0 build --secret "id=s,src=$BATS_TEST_TMPDIR/s" --secret id=e,env=SECRET
  [ "$(files 'cat /got')" = new ]
  printf 'FROM busybox\nRUN --mount=type=secret,id=x,required true\n' | dockerfile
  run -1 build
  [[ "$output" == *"secret x is required"* ]]
  # of whom the value is: type says it, as in buildx
  printf 'FROM busybox\nRUN --mount=type=secret,id=WORD cat /run/secrets/WORD >/leak\n' | dockerfile
  echo of-a-file >"$BATS_TEST_TMPDIR/WORD"
  SECRET=of-env run -0 build --no-cache --secret id=WORD,type=env,src=SECRET; [ "$(files 'cat /leak')" = of-env ]
  cd "$BATS_TEST_TMPDIR"
  WORD=of-env run -0 build --no-cache --secret id=WORD; [ "$(files 'cat /leak')" = of-env ]
  WORD=of-env run -0 build --no-cache --secret id=WORD,type=file; [ "$(files 'cat /leak')" = of-a-file ]
  run -1 build --secret id=WORD,type=file,env=WORD; [[ "$output" == *"--secret id=WORD,type=file,env=WORD: want"* ]]
  # without a target it is the working folder, which must not be /
  for t in type=cache type=bind type=tmpfs; do
    printf 'FROM busybox\nRUN --mount=%s true\n' "$t" | dockerfile
    run -1 build
    [[ "$output" == *"line 2: RUN --mount=$t true: --mount: nothing can be mounted over /: want a target=PATH"* ]] || { echo "$output"; false; }
    printf 'FROM busybox\nWORKDIR /w\nRUN --mount=%s grep -q " /w " /proc/self/mounts\n' "$t" | dockerfile
    run -0 build
  done
}

@test "a cache that a RUN has twice is one, and waits for nobody" {
  dockerfile <<'D'
FROM busybox
RUN --mount=type=cache,id=x,target=/a,sharing=locked --mount=type=cache,id=x,target=/b,sharing=locked touch /a/f && ls /b/f
RUN --mount=type=cache,id=x,target=/a --mount=type=cache,id=x,target=/b,sharing=locked ls /a/f /b/f
D
  run -0 timeout 30 "$TARE_BIN/tare" build "$ctx"
}

@test "caches: locked and private ones" {
  dockerfile <<'D'
FROM busybox
ARG N
RUN --mount=type=cache,id=locked,target=/c,sharing=locked echo $N; test ! -e /c/busy && touch /c/busy && sleep 0.5 && rm /c/busy
RUN --mount=type=cache,id=own,target=/c,sharing=private test ! -e /c/busy && touch /c/busy && sleep 0.5 && rm /c/busy
D
  tare build --build-arg N=1 "$ctx" >"$BATS_TEST_TMPDIR/1" 2>&1 &
  one=$!
  run -0 tare build --build-arg N=2 "$ctx"
  wait $one
}

full_disk_end() {
  TARE_ROOT=$BATS_TEST_TMPDIR/small/root TARE_STATE=$BATS_TEST_TMPDIR/small/run remove_all
  wait_until 10 umount "$BATS_TEST_TMPDIR/small"
}

@test "a full disk is one clear line, and nothing is broken" {
  mkdir -p "$BATS_TEST_TMPDIR/small"
  mount -t tmpfs -o size=12m tmpfs "$BATS_TEST_TMPDIR/small"
  (
    export TARE_ROOT=$BATS_TEST_TMPDIR/small/root TARE_STATE=$BATS_TEST_TMPDIR/small/run
    load_busybox
    head -c 20000000 /dev/urandom >"$ctx/big"
    printf 'FROM busybox\nCOPY big /big\n' | dockerfile
    run -1 build
    [[ "$output" == *"full"* || "$output" == *"No space left"* ]]
    printf 'FROM busybox\nRUN head -c 20000000 /dev/zero >/big\n' | dockerfile
    run -1 build
    [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
    rm "$ctx/big"
    printf 'FROM busybox\nRUN echo small >/small\n' | dockerfile
    run -0 build
    [ "$(tare run --rm t cat /small)" = small ]
    [ -z "$(tare system check --format json | jq -c 'select(.About == "store" and .Level == "problem")')" ]
  )
  full_disk_end
}

@test "ADD: a tar is unpacked, packed or not; what is none is copied" {
  mkdir -p "$BATS_TEST_TMPDIR/t/d"; echo in >"$BATS_TEST_TMPDIR/t/d/f"; ln -s f "$BATS_TEST_TMPDIR/t/d/l"
  for z in "" .gz .bz2 .xz; do tar -C "$BATS_TEST_TMPDIR/t" --owner=3 --group=4 --mtime=@1000 -caf "$ctx/a.tar$z" d; done
  echo plain | gzip >"$ctx/plain.gz"; echo plain | xz >"$ctx/plain.xz"; echo text >"$ctx/text"
  dockerfile <<'D'
FROM busybox
ADD a.tar /tar/
ADD a.tar.gz /gz
ADD a.tar.bz2 /bz2
ADD a.tar.xz /xz
ADD --unpack=false a.tar /kept/
ADD plain.gz plain.xz text /files/
ADD --chown=9:9 a.tar /owned/
D
  run -0 build
  [ "$(files 'cat /tar/d/f /gz/d/l /bz2/d/f /xz/d/l; stat -c %u:%g:%Y /tar/d/f; stat -c %u /owned /owned/d/f; ls /kept /files' | tr '\n' ' ')" = "in in in in 3:4:1000 9 3 /files: plain.gz plain.xz text  /kept: a.tar " ]
  head -c 700 "$ctx/a.tar.gz" | head -c 60 >"$ctx/broken.tar.gz"
  printf 'FROM busybox\nADD text broken.tar.gz /x/\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 2: ADD text broken.tar.gz /x/: broken.tar.gz: "* ]]
  head -c 60 "$ctx/a.tar.xz" >"$ctx/broken.txz"
  printf 'FROM busybox\nADD broken.txz /x/\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 2: ADD broken.txz"*"damaged or truncated"* ]]
  # names that say nothing of a tar
  for n in data.txt.gz page.tmpl.gz a.tsv; do gzip <"$ctx/text" >"$ctx/$n"; done
  printf 'FROM busybox\nADD data.txt.gz page.tmpl.gz a.tsv /x/\n' | dockerfile
  run -0 build
  [ "$(files 'ls /x' | tr '\n' ' ')" = "a.tsv data.txt.gz page.tmpl.gz " ]
  # a hostile one
  python3 - "$ctx/evil.tar" <<'P'
import sys, tarfile
t = tarfile.open(sys.argv[1], "w")
i = tarfile.TarInfo("../../../../../../tmp/evil-of-a-tar"); t.addfile(i)
t.close()
P
  printf 'FROM busybox\nADD evil.tar /x/\n' | dockerfile
  run -1 build
  [ ! -e /tmp/evil-of-a-tar ]
}

@test "a context on standard input: a tar, packed or not, or a Dockerfile alone" {
  echo x >"$ctx/x"; mkdir "$ctx/sub"
  printf 'FROM busybox\nCOPY x /x\n' | dockerfile
  printf 'FROM busybox\nCOPY x /of-sub\n' >"$ctx/sub/other"
  tar -C "$ctx" -c . | tare build -t t -
  [ "$(files 'cat /x')" = x ]
  tar -C "$ctx" -cz . | tare build -t t -f sub/other -
  [ "$(files 'cat /of-sub')" = x ]
  printf 'FROM busybox\nRUN echo alone >/alone\n' | tare build -t t -
  [ "$(files 'cat /alone')" = alone ]
  printf 'FROM busybox\nRUN echo alone >/alone\nCOPY x /x\n' | tare build -t t -f - "$ctx"
  [ "$(files 'cat /x')" = x ]
  run -1 tare build - <<<'FROM busybox
COPY x /x'
  run -1 tare build - </dev/null
  tar -C "$ctx" -c . | head -c 2000 >"$BATS_TEST_TMPDIR/cut"
  run -1 tare build - <"$BATS_TEST_TMPDIR/cut"; [[ "$output" == "tare: standard input: "* ]]
  # which of two Dockerfiles?
  run -1 tare build -f "$ctx/Dockerfile" - <"$ctx/Dockerfile"; [[ "$output" == *"-f $ctx/Dockerfile"*"standard input"* ]]
}

@test "RUN: a here-document that names its interpreter" {
  printf 'FROM busybox\nRUN <<EOF\n#!/bin/sh\necho "$0" >/by\nEOF\n' | dockerfile
  run -0 build
  [ "$(files 'cat /by')" = /.tare-script ]
  run -1 files 'ls -a / | grep tare'
  # to a shell the same words say something else
  printf 'FROM busybox\nRUN ["/bin/sh", "-c", "#!/bin/echo hi\\ntouch /x\\n"]\n' | dockerfile
  run -0 build; run -0 files 'ls /x'
  printf 'FROM busybox\nRUN <<EOF\n#!/bin/echo hi\ntouch /x\nEOF\n' | dockerfile
  run -0 build; run -1 files 'ls /x'
}

@test "builder prune: by use, by age, by size; what images use stays" {
  tare builder prune -af
  printf 'FROM busybox\nRUN echo kept >/x\n' | dockerfile
  run -0 build
  printf 'FROM busybox\nRUN --mount=type=cache,target=/c head -c 3000000 /dev/urandom >/big\n' | dockerfile
  tare rmi -f "$(tare build -q "$ctx")"
  run -0 tare builder prune -f --filter until=10m
  [[ "$output" == *"space: 0B"* ]]
  run -0 tare builder prune -f --keep-storage 100m
  [[ "$output" == *"space: 0B"* ]]
  run -0 tare builder prune -f
  [[ "$output" == *"MB"* ]]
  [ -n "$(ls "$TARE_ROOT/build-cache")" ]
  printf 'FROM busybox\nRUN echo kept >/x\n' | dockerfile
  run -0 build
  [[ "$output" == *"using the cache"* ]]
  tare builder prune -af
  [ -z "$(ls "$TARE_ROOT/build-cache")" ]
  run -0 build
  [[ "$output" != *"using the cache"* ]]
}

@test "builder du: what there is, whose it is, what it takes" {
  tare builder prune -af
  printf 'FROM busybox\nRUN head -c 2000000 /dev/urandom >/used\n' | dockerfile
  run -0 build
  printf 'FROM busybox\nRUN --mount=type=cache,target=/c head -c 3000000 /dev/urandom | tee /big >/c/big\n' | dockerfile
  tare rmi -f "$(tare build -q "$ctx")"
  run -0 tare builder du --format json
  [ "$(jq -rs 'map([.Type, .Reclaimable, .Description[:20]] | join(" ")) | sort | .[]' <<<"$output")" = \
    $'exec.cachemount true RUN --mount=type=cac\nregular false RUN head -c 2000000 \nregular true RUN --mount=type=cac' ]
  run -0 tare builder du
  [[ "$output" == *"Reclaimable: 9"*"MB"*"Total: 13"* ]]
  [ "$(tare builder du -q | wc -l)" = 3 ]
  tare builder prune -f
  [ "$(tare builder du -q | wc -l)" = 2 ]
}

@test "what is wrong with the command line is said before anything is done" {
  printf 'FROM busybox\nRUN echo ran >&2\n' | dockerfile
  run -1 tare build -t 'Bad Name' "$ctx"
  [[ "$output" == *"Bad Name"* && "$output" != *ran* ]]
  run -1 tare build -t "name@sha256:$(printf '%064d' 1)" "$ctx"
  [[ "$output" == *"a digest is no name"* && "$output" != *ran* ]]
  run -1 tare build -o type=image,name=BAD "$ctx"; [[ "$output" == "tare: BAD: "* ]]
  run -1 build --label =x; [[ "$output" == *'--label "=x"'* && "$output" != *ran* ]]
  run -1 build --platform linux/amd64,linux/arm64; [[ "$output" == *"several are not supported"* && "$output" != *ran* ]]
  run -1 build --secret id=a,src=/x --secret id=a,src=/y; [[ "$output" == *"id=a was there already"* ]]
  run -1 build --ssh a=/x --ssh a=/y; [[ "$output" == *"a was there already"* ]]
  run -1 tare build --platform nonsense/nothing/at/all "$ctx"
  run -1 build --platform foo; [[ "$output" == "tare: platform 'foo': there is no operating system or architecture foo (amd64, arm64, "* && "$output" != *ran* ]]
  run -1 build --platform lunix/amd64; [[ "$output" == "tare: platform 'lunix/amd64': there is no operating system lunix (linux, windows, "* ]]
  run -1 build --platform linux/amd46; [[ "$output" == "tare: platform 'linux/amd46': there is no architecture amd46 (amd64, "* ]]
  SOURCE_DATE_EPOCH=soon run -1 build
  [[ "$output" == *"SOURCE_DATE_EPOCH=soon"* ]]
  run -0 build --build-arg NOBODY=1
  [[ "$output" == *"NOBODY"*"no ARG"* ]]
}

@test "ONBUILD of a stage is done for the stage that stands on it" {
  printf 'FROM busybox AS a\nONBUILD RUN echo x >/by-trigger\nFROM a\nRUN test -e /by-trigger\n' | dockerfile
  run -0 build
  [ "$(config .config.OnBuild)" = null ]
}

@test "a build while gc runs again and again" {
  printf 'FROM busybox\nRUN echo 1 >/1; sleep 0.2\nRUN echo 2 >/2; sleep 0.2\nCOPY . /c\n' | dockerfile
  (while [ ! -e "$BATS_TEST_TMPDIR/stop" ]; do tare system prune -f; tare builder prune -af; done) >/dev/null 2>&1 3>&- &
  gc=$!
  for i in 1 2 3; do run -0 tare build --no-cache -t "g$i" "$ctx"; done
  touch "$BATS_TEST_TMPDIR/stop"
  wait $gc
  [ "$(tare run --rm g3 cat /1 /2 | tr '\n' ' ')" = "1 2 " ]
}

@test "COPY --parents, --exclude" {
  mkdir -p "$ctx/x/y" "$ctx/z"; echo 1 >"$ctx/x/y/f"; echo 2 >"$ctx/z/f"; echo 3 >"$ctx/x/g.o"
  dockerfile <<'D'
FROM busybox
COPY --parents x/y/f z/f /p1/
COPY --parents ./x/./y/f /p2/
COPY --parents */f x/*/f /p3/
COPY --parents x /p4/
COPY --exclude=**/*.o x /p5
D
  run -0 build
  [ "$(files 'cd / && find p1 p2 p3 p4 p5 -type f | sort' | tr '\n' ' ')" = "p1/x/y/f p1/z/f p2/y/f p3/x/y/f p3/z/f p4/x/g.o p4/x/y/f p5/y/f " ]
}

@test "COPY --exclude of what the sources themselves name" {
  mkdir -p "$ctx/home.d" "$ctx/assets/app1" "$ctx/assets/testapp" "$ctx/x/y/keep"
  for f in home.txt home.md home.png home.d/a.txt home.d/a.png assets/app1/icons32 assets/testapp/icons32 assets/app1/notes x/y/f x/y/keep/g; do
    echo $f >"$ctx/$f"
  done
  dockerfile <<'D'
FROM busybox
COPY --exclude=*.txt --exclude=*.md home.* /1/
COPY --exclude=home.txt home.txt home.png /2/
COPY --exclude=home.txt home.txt /3/
COPY --parents --exclude=testapp assets/./**/icons* /4/
COPY --parents --exclude=assets/testapp assets /5/
COPY --parents --exclude=y --exclude=!y/keep ./x/./y /6/
COPY --exclude=y --exclude=!y/keep x /7/
COPY --parents --exclude=home.txt home.txt home.md /8/
D
  run -0 build
  [ "$(files 'cd / && find 1 2 3 4 5 6 7 8 -type f | sort' | tr '\n' ' ')" = "1/a.png 1/home.png 2/home.png 4/app1/icons32 5/assets/app1/icons32 5/assets/app1/notes 6/y/keep/g 7/y/keep/g 8/home.md " ]
  # what is left out is no part of the key, what is taken is
  echo new >"$ctx/home.txt"
  run -0 build
  [[ "$output" != *"RUN"* && "$(grep -c 'using the cache' <<<"$output")" = 8 ]]
  sed -i 's/--exclude=home.txt home.txt home.png/home.txt home.png/' "$ctx/Dockerfile"
  run -0 build
  [ "$(files 'cat /2/home.txt')" = new ]
}

@test "COPY of a link that leads nowhere says so" {
  ln -s /etc/hostname "$ctx/abs"; ln -s ../../up "$ctx/up"; ln -s loop "$ctx/loop"; ln -s real "$ctx/to"; echo 1 >"$ctx/real"
  for link in abs up loop; do
    printf 'FROM busybox\nCOPY %s /x\n' $link | dockerfile
    run -1 build
    [[ "$output" == *"line 2: COPY $link /x: $link is a link that leads to nothing in the context" ]]
  done
  printf 'FROM busybox AS a\nRUN ln -s /nowhere /l\nFROM busybox\nCOPY --from=a /l /x\n' | dockerfile
  run -1 build
  [[ "$output" == *"/l is a link that leads to nothing in the image"* || "$output" == *": l is a link that leads to nothing in the image"* ]]
  printf 'FROM busybox\nCOPY nope /x\n' | dockerfile
  run -1 build
  [[ "$output" == *"nope: there is no such file" ]]
  printf 'FROM busybox\nCOPY to /x\n' | dockerfile
  run -0 build
  [ "$(files 'cat /x')" = 1 ]
}

@test "# check= is said to have no effect" {
  printf '# syntax=docker/dockerfile:1\n# check=error=true\nFROM busybox\n' | dockerfile
  run -0 build
  [[ "$output" == *"warning: Dockerfile:2: # check= has no effect"*"not supported"* ]]
  printf '# check=skip=all\nFROM busybox\n' | dockerfile
  run -0 build
  [[ "$output" == *"warning: Dockerfile:1: # check= has no effect"* ]]
}

@test "an error of an ONBUILD trigger says whose it is, and no trigger is a step of the file's" {
  printf 'FROM busybox\nONBUILD RUN echo one >/one\nONBUILD COPY nope /\n' | dockerfile
  run -0 tare build -t ob1 "$ctx"
  printf 'FROM busybox\nONBUILD ENV X=${A:?none}\n' | dockerfile
  run -0 tare build -t ob2 "$ctx"
  for jobs in 1 2; do
    printf 'FROM busybox AS other\nRUN echo y >/y\nFROM ob1\nCOPY --from=other /y /\nRUN true\n' | dockerfile
    run -1 build --jobs $jobs
    [[ "$output" == *"line 3: FROM ob1: ONBUILD COPY nope /: nope: there is no such file"* ]]
    echo here >"$ctx/nope"
    run -0 build --no-cache --jobs $jobs
    [ "$(grep -o '\[stage-1 ./.\]' <<<"$output" | tr '\n' ' ')" = "[stage-1 1/3] [stage-1 1/3] [stage-1 1/3] [stage-1 2/3] [stage-1 3/3] " ]
    rm "$ctx/nope"
  done
  printf 'FROM ob2\n' | dockerfile
  run -1 build
  [[ "$output" == *"line 1: FROM ob2: ONBUILD ENV X=\${A:?none}: "*none* ]]
}

@test "ADD --keep-git-dir of what is no repository" {
  echo 1 >"$ctx/f"
  for what in f http://127.0.0.1:1/a.tar; do
    printf 'FROM busybox\nADD --keep-git-dir=true %s /x\n' $what | dockerfile
    run -1 build
    [[ "$output" == *"line 2: ADD --keep-git-dir=true ${what:0:16}"*": --keep-git-dir is for a git repository: "* ]]
  done
}

@test "-f -: errors name standard input, and no .dockerignore is its own" {
  run -1 build -f - </dev/null
  [[ "$output" == "tare: standard input: no FROM in it: "* ]]
  echo f >"$ctx/-.dockerignore"; echo 1 >"$ctx/f"
  run -0 build -f - <<<$'FROM busybox\nCOPY f /d/'
  [ "$(files 'cat /d/f')" = 1 ]
}

@test "a Dockerfile's name: in lower case, too, and Containerfile" {
  echo 1 >"$ctx/f"
  printf 'FROM busybox\nCOPY f /lower\n' >"$ctx/dockerfile"
  printf 'FROM busybox\nCOPY f /container\n' >"$ctx/Containerfile"
  run -0 build; [ "$(files 'cat /lower')" = 1 ]
  printf 'FROM busybox\nCOPY f /upper\n' | dockerfile
  run -0 build; [ "$(files 'cat /upper')" = 1 ]
  rm "$ctx/Dockerfile" "$ctx/dockerfile"
  run -0 build; [ "$(files 'cat /container')" = 1 ]
  rm "$ctx/Containerfile"
  run -1 build; [[ "$output" == *"neither a Dockerfile nor a Containerfile"* ]]
}

@test "file capabilities stay, in RUN, in the layer, in COPY --from" {
  command -v setcap >/dev/null || skip "no setcap"
  mkdir "$ctx/lib" "$ctx/lib64"
  cp "$(command -v setcap)" "$(command -v getcap)" "$ctx/"
  for l in $(ldd "$(command -v setcap)" | grep -o '/[^ ]*\.so[^ ]*'); do cp -L "$l" "$ctx/lib/"; done
  cp -L /lib64/ld-linux-x86-64.so.2 "$ctx/lib64/" || skip "another architecture"
  dockerfile <<'D'
FROM busybox
COPY setcap getcap /caps/
COPY lib /lib/x86_64-linux-gnu/
COPY lib64 /lib64/
RUN cp /bin/busybox /bb && chown 5:6 /bb && /caps/setcap cap_net_raw+ep /bb
RUN /caps/getcap /bb | grep -q cap_net_raw=ep
FROM busybox
COPY --from=0 /bb /bb
D
  run -0 build
  layer=$(blob_of_last)
  zcat "$layer" | grep -aq 'SCHILY.xattr.security.capability='
  # version 2: of no user namespace
  mkdir "$BATS_TEST_TMPDIR/out"
  tar --xattrs --xattrs-include='*' -xzf "$layer" -C "$BATS_TEST_TMPDIR/out"
  [ "$(getcap -n "$BATS_TEST_TMPDIR/out/bb")" = "$BATS_TEST_TMPDIR/out/bb cap_net_raw=ep" ]
}

@test "the monitor of a RUN is killed: the build fails, and its container is gone" {
  printf 'FROM busybox\nRUN echo ready; exec sleep 1000\n' | dockerfile
  "$TARE_BIN/tare" build "$ctx" >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
  pid=$!
  wait_until 10 grep -q '^ready' "$BATS_TEST_TMPDIR/out"
  id=$(tare ps -q --no-trunc)
  kill -9 $(jq -r '.keeper, .worker' "$TARE_STATE/$id/state.json")
  code=0; wait $pid || code=$?
  [ "$code" -eq 1 ]
  grep -q 'line 2: RUN echo ready.*the monitor was killed' "$BATS_TEST_TMPDIR/out"
  [ -z "$(tare ps -aq)" ]
}

@test "COPY does not exchange files and folders, nor links of the image for folders" {
  mkdir -p "$ctx/r/lib" "$ctx/r/f"; echo x >"$ctx/r/lib/x"; rmdir "$ctx/r/f"
  printf 'FROM busybox\nRUN mkdir -p /usr/lib && ln -s usr/lib /lib\nCOPY r /\n' | dockerfile
  run -1 build
  [[ "$output" == *"in its place is a link"* ]]
  printf 'FROM busybox\nRUN mkdir -p /d/lib/x\nCOPY r /d\n' | dockerfile
  run -1 build
  [[ "$output" == *"there is a folder in its place"* ]]
  printf 'FROM busybox\nRUN mkdir -p /usr/lib && ln -s usr/lib /lib\nCOPY r/lib /lib\n' | dockerfile
  run -0 build
  [ "$(files 'cat /usr/lib/x; readlink /lib' | tr '\n' ' ')" = "x usr/lib " ]
}

@test "builds killed at any instant: nothing is left, nothing is broken" {
  head -c 3000000 /dev/urandom >"$ctx/f"
  printf 'FROM busybox AS a\nCOPY f /f\nRUN cp /f /g && rm /etc/group\nFROM a\nWORKDIR /w\nCOPY --from=a /g /h\nRUN echo x >/x\n' | dockerfile
  for i in 1 2 3 4 5 6 7 8 9 10; do
    "$TARE_BIN/tare" build --no-cache -t killed "$ctx" >/dev/null 2>&1 3>&- &
    pid=$!
    sleep "0.$(printf %02d $((i * 5)))"
    kill -9 $pid 2>/dev/null || true
    wait $pid || true
  done
  wait_until 10 bash -c "[ -z \"\$('$TARE_BIN/tare' ps -aq)\" ]"
  run -0 build
  [ "$(files "cmp /f /h && cat /x")" = x ]
  tare system prune -f
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]
  # what stands under its name is whole
  for b in "$TARE_ROOT"/content/blobs/sha256/*; do [ "$(sha256sum <"$b" | cut -d' ' -f1)" = "${b##*/}" ]; done
  for l in "$TARE_ROOT"/layers/*; do [ -e "$l/info.json" ] && [ -d "$l/fs" ]; done
}

# syncs TRACE: which calls waited for a disk.
syncs() { grep -oE '^[0-9]+ +(sync|syncfs|fsync|fdatasync)\(' "$1" | sed 's/.* //; s/(//' | sort -u | tr '\n' ' '; }

@test "a build waits for what it wrote, not for the whole disk; one from the cache for nothing" {
  printf 'FROM busybox\nRUN echo %s >/greeting\n' "$RANDOM" | dockerfile
  strace -qq -f -e trace=sync,syncfs,fsync,fdatasync -o "$BATS_TEST_TMPDIR/first" "$TARE_BIN/tare" build -q -t t --network none "$ctx" 3>&-
  [ "$(syncs "$BATS_TEST_TMPDIR/first")" = "fdatasync fsync " ]
  # whoever is the last at the catalog may sync it when it closes it; a monitor on its way out can leave that to us
  for _ in 1 2 3 4 5; do
    strace -qq -f -e trace=sync,syncfs,fsync,fdatasync -o "$BATS_TEST_TMPDIR/second" "$TARE_BIN/tare" build -q -t t --network none "$ctx" 3>&-
    [ -n "$(syncs "$BATS_TEST_TMPDIR/second")" ] || break
  done
  [ "$(syncs "$BATS_TEST_TMPDIR/second")" = "" ]
  strace -qq -f -e trace=sync,syncfs,fsync,fdatasync -o "$BATS_TEST_TMPDIR/named" "$TARE_BIN/tare" build -q -t another --network none "$ctx" 3>&-
  [[ "$(syncs "$BATS_TEST_TMPDIR/named")" == "fdatasync "* ]] # the catalog's
  run ! grep syncfs "$BATS_TEST_TMPDIR/named"
}

@test "--limit: whatever becomes of the files that it lets through" {
  dockerfile <<'D'
FROM busybox
RUN p=$(printf '/d%.0s' $(seq 140)) && mkdir -p $p && echo deep >$p/f
RUN touch /second
D
  local cache=$BATS_TEST_TMPDIR/cache deep; deep=$(printf 'd/%.0s' $(seq 140))f
  run -1 build; [[ "$output" == *"more than 128 components"* ]]
  run -0 build --limit depth=200 --squash
  run -0 build --limit depth=200 -o "$BATS_TEST_TMPDIR/out" --cache-to "type=local,dest=$cache"
  [ "$(cat "$BATS_TEST_TMPDIR/out/$deep")" = deep ]
  run -0 build --limit depth=200 -o "type=tar,dest=$BATS_TEST_TMPDIR/tar"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/tar" "$deep")" = deep ]
  tare builder prune -af; tare rmi -f t
  run -0 build --limit depth=200 --cache-from "type=local,src=$cache"
  [[ "$output" != *warning* && "$output" == *"from the cache"* ]]
}

@test "--squash: one layer over the base image that shows the same files; the history stays" {
  dockerfile <<'D'
FROM busybox AS under
RUN mkdir -p /d/kept /d/gone /opaque && echo 1 >/d/gone/f && echo 1 >/d/kept/f && ln /d/kept/f /d/kept/hard && echo 1 >/opaque/a && touch /file && chmod 4711 /d/kept/f
FROM under
ENV X=1
RUN rm -r /d/gone /opaque /file && mkdir /opaque /file && chown 5:6 /opaque && echo 2 >/opaque/b
RUN rm /bin/ls && rm -r /root && mkdir /root && echo 3 >/root/new && echo 3 >>/d/kept/f
RUN rm -r /file && ln -s d /file && rm -r /tmp && rm /bin/cat && echo new >/bin/cat
D
  run -0 build
  run -0 tare build -t plain "$ctx"
  run -0 build --squash
  [[ "$output" == *"squashing 4 layers"* ]]
  [ "$(config '.rootfs.diff_ids|length')" = 2 ]
  [ "$(config '[.history[]|select(.empty_layer|not)]|length')" = 2 ]
  [ "$(config '.history[-1].created_by')" = '"--squash"' ]
  [ "$(config '.history|length')" = "$(config '.history|length+1' plain)" ]
  list='find / -mindepth 1 -xdev ! -path "/proc*" ! -path "/sys*" ! -path "/dev*" -exec stat -c "%n %a %u:%g %Y %h %s" {} + | sort; busybox cat /d/kept/f /root/new /opaque/b /bin/cat'
  tare run --rm plain sh -c "$list" | grep -v /etc >"$BATS_TEST_TMPDIR/plain"
  tare run --rm t sh -c "$list" | grep -v /etc >"$BATS_TEST_TMPDIR/squashed"
  sed -i 's/ \([0-9]*\) [0-9]* \([0-9]*\)$/ \1 \2/' "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/squashed"
  diff "$BATS_TEST_TMPDIR/plain" "$BATS_TEST_TMPDIR/squashed"
  run -0 tare image verify t plain
  run -0 build --squash
  [[ "$output" == *"using the cache"* ]]
  first=$(manifest t)
  # a folder of the base image's that was made anew hides what it has there
  printf 'FROM busybox\nRUN mkdir /full && echo x >/full/x\n' >"$ctx/Base"
  run -0 tare build -f "$ctx/Base" -t full "$ctx"
  printf 'FROM full\nRUN rm -r /full && mkdir /full && echo y >/full/y\nRUN touch /full/z\n' >"$ctx/Anew"
  run -0 tare build --squash -f "$ctx/Anew" -t anew "$ctx"
  [ "$(tare run --rm anew ls /full | tr '\n' ' ')" = "y z " ]
  tare rmi -f anew full
  printf 'FROM busybox\nRUN echo 1 >/only\nRUN rm /only\n' >"$ctx/Nothing"
  run -0 tare build --squash -f "$ctx/Nothing" -t nothing "$ctx"
  [ "$(config '.rootfs.diff_ids|length' nothing)" = 1 ]
  run -0 tare run --rm nothing sh -c 'test ! -e /only'
  tare rmi -f t plain; tare builder prune -af
  run -0 build --no-cache --squash
  [ "$(manifest t)" = "$first" ]
}

@test "what the cache alone needs is no stray: system check says nothing of it" {
  printf 'FROM busybox\nRUN echo %s >/a\nRUN echo b >/b\n' "$RANDOM" | dockerfile
  build -q
  tare rmi t
  run -0 tare system check
  [[ "$output" != *"of no image"* ]]
}
