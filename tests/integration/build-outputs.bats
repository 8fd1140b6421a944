#!/usr/bin/env bats
# tare build --output, --push, --load, --metadata-file: what a build leaves besides, or instead of, an image of the store.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() {
  ctx=$BATS_TEST_TMPDIR/ctx; out=$BATS_TEST_TMPDIR/out
  mkdir -p "$ctx"
  cat >"$ctx/Dockerfile" <<'D'
FROM busybox AS work
RUN mkdir -p /made/deep && echo hello >/made/deep/file && chown 5:6 /made/deep/file && chmod 4755 /made/deep/file && ln -s file /made/deep/link
FROM scratch
COPY --from=work /made /
D
}
teardown() { registry_stop; }
images() { tare images -aq | wc -l; }

@test "-o DIR: the files, the caller's, without set-id bits; no image" {
  before=$(images)
  mkdir -p "$out/deep"; echo old >"$out/deep/old"; echo old >"$out/deep/file"
  run -0 tare build -o "$out" "$ctx"
  [ "$(cat "$out/deep/file")" = hello ]
  [ "$(stat -c %u:%g:%a "$out/deep/file")" = 0:0:755 ]
  [ "$(readlink "$out/deep/link")" = file ]
  [ "$(cat "$out/deep/old")" = old ]
  [ "$(images)" = "$before" ]
  run -0 tare build -o "type=local,dest=$out/new/below" "$ctx"
  [ "$(cat "$out/new/below/deep/file")" = hello ]
}

@test "-o DIR: no link leads out of it, devices are left out and told of" {
  mkdir -p "$out" "$BATS_TEST_TMPDIR/victim"
  ln -s "$BATS_TEST_TMPDIR/victim" "$out/deep"
  run ! tare build -o "$out" "$ctx"
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/victim")" ]
  rm "$out/deep"
  ln -s ../victim/file "$out/rel"
  printf 'FROM busybox\nRUN mkdir /r && echo new >/r/rel\nFROM scratch\nCOPY --from=0 /r/ /\n' >"$ctx/Dockerfile"
  run -0 tare build -o "$out" "$ctx"
  [ -z "$(ls -A "$BATS_TEST_TMPDIR/victim")" ]
  [ ! -L "$out/rel" ]
  mkdir "$BATS_TEST_TMPDIR/fs"; echo x >"$BATS_TEST_TMPDIR/fs/x"
  mknod "$BATS_TEST_TMPDIR/fs/disk" b 7 0
  tar -C "$BATS_TEST_TMPDIR/fs" -cf "$BATS_TEST_TMPDIR/fs.tar" .
  tare import "$BATS_TEST_TMPDIR/fs.tar" withdevice
  printf 'FROM withdevice\n' >"$ctx/Dockerfile"
  run -0 tare build -o "$out/d" "$ctx"
  [[ "$output" == *"/disk is a device"*"left out"* ]]
  [ -e "$out/d/x" ]
  [ ! -e "$out/d/disk" ]
}

@test "-o type=tar and -o -: a tar that depends on nothing but the files" {
  before=$(images)
  run -0 tare build -o "type=tar,dest=$out.tar" "$ctx"
  run -0 tar -tvf "$out.tar"
  [[ "$output" == *"-rwsr-xr-x 5/6"*"deep/file"* ]]
  [[ "$output" == *"deep/link -> file"* ]]
  tare build --no-cache -o - "$ctx" >"$out.2.tar" 2>"$BATS_TEST_TMPDIR/err"
  cmp "$out.tar" "$out.2.tar"
  grep -q 'Successfully built' "$BATS_TEST_TMPDIR/err"
  [ "$(images)" = "$before" ]
  printf 'FROM busybox\nRUN mkdir /d && echo 2 >/d/two\nRUN rm -r /d && mkdir /d && echo 1 >/d/one\n' >"$ctx/Dockerfile"
  tare build -o - "$ctx" 2>/dev/null >"$out.3.tar"
  [ "$(tar -tf "$out.3.tar" | grep ^d/ | xargs)" = "d/ d/one" ]
  run ! grep -q '\.wh\.' <(tar -tf "$out.3.tar")
  tar -tf "$out.3.tar" | grep -qx bin/busybox
}

@test "-o type=oci, type=docker: archives with the names, which others read; --load makes it an image here, too" {
  printf 'FROM busybox\nRUN echo 1 >/one\nCMD ["cat", "/one"]\n' >"$ctx/Dockerfile"
  before=$(images)
  run -0 tare build -t arch:1 -o "\"type=oci\",dest=$out.oci" -o "type=docker,dest=$out.docker,name=other:2" "$ctx"
  [ "$(images)" = "$before" ]
  [[ "$output" != *"Successfully tagged"* ]]
  skopeo inspect --config "oci-archive:$out.oci" | jq -e '.config.Cmd == ["cat", "/one"]'
  tar -xOf "$out.docker" manifest.json | jq -e '.[0].RepoTags == ["arch:1", "other:2"]'
  run -0 tare load -i "$out.docker"
  [ "$(tare run --rm other:2)" = 1 ]
  run -0 tare rmi arch:1 other:2
  run -0 tare build -t arch:1 --load -o "type=oci,dest=$out.oci2" "$ctx"
  [ "$(tare run --rm arch:1)" = 1 ]
  cmp "$out.oci" "$out.oci2"
  run -0 tare system check
  run -0 tare rmi arch:1
}

@test "-o type=docker and type=image alone are images of the store" {
  run -0 tare build -o type=docker -t dck "$ctx"
  run -0 tare inspect dck
  run -0 tare build -o '"type=image","name=img:1,img:2"' "$ctx"
  run -0 tare inspect img:1 img:2
  run -0 tare rmi dck img:1 img:2
}

@test "--push: to the registry, and its digest is that of --metadata-file" {
  registry_start
  run -0 tare build --push -t "$(registry)/team/app:1" --metadata-file "$out.json" --iidfile "$out.iid" "$ctx"
  [ "$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$(registry)/team/app:1")" = "$(jq -r '."containerimage.digest"' "$out.json")" ]
  jq -e --arg n "$(registry)/team/app:1" --arg i "$(cat "$out.iid")" \
    '."image.name" == $n and ."containerimage.config.digest" == $i and ."containerimage.descriptor".size > 100' "$out.json"
  run -0 tare build -o "type=image,name=$(registry)/team/app:2,push=true" "$ctx"
  run -0 skopeo inspect --tls-verify=false "docker://$(registry)/team/app:2"
}

@test "what is wrong with an output is said before anything is built" {
  run ! tare build --push "$ctx"
  [[ "$output" == *"needs a name: -t"* ]]
  for bad in type=cake dest=x type=local type=oci,tar=false type=image,dest=x 'type=tar,"dest=x' type=oci,push=true type=tar,name=x type=image,push=maybe type=oci,dest=x,dest=y type=tar,type=oci \
    type=image,push=true,push=true type=oci,name=a,name=b; do
    run ! tare build -o "$bad" "$ctx"
    [[ "$output" == *"--output $bad"* ]] || { echo "$bad: $output"; false; }
    [[ "$output" != *"[stage"* ]]
  done
  run ! tare build -o - -q "$ctx"
  [[ "$output" == *"--iidfile"* ]]
  run ! tare build -o "type=oci,dest=$out/there/is/none" "$ctx"
  [[ "$output" == *"No such file"* ]]
  [[ "$output" != *"[work"* ]]
  : >"$out.file"
  run ! tare build -o "$out.file" "$ctx"
  [[ "$output" == *"Not a directory"* ]]
}

@test "an archive has the mode that the umask leaves to a new file" {
  for mask in 022 077 002; do
    for type in tar oci docker; do
      (umask $mask; tare build -q -o "type=$type,dest=$out.$mask.$type" "$ctx")
      [ "$(stat -c %a "$out.$mask.$type")" = "$(printf %o $((0666 & ~mask)))" ]
    done
  done
}

@test "a build that fails leaves no archive, and the one that was there" {
  printf 'FROM busybox\nRUN false\n' >"$ctx/Dockerfile"
  echo precious >"$out.tar"
  run ! tare build -o "type=tar,dest=$out.tar" --iidfile "$out.iid" "$ctx"
  [ "$(cat "$out.tar")" = precious ]
  [ ! -e "$out.iid" ]
  [ "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name '.out*' | wc -l)" = 0 ]
}

@test "an archive into a pipe that nobody reads any more is one line" {
  printf 'FROM busybox\n' >"$ctx/Dockerfile"
  run ! bash -c "'$TARE_BIN/tare' build -q --iidfile '$out.iid' -o type=tar,dest=/dev/full '$ctx'"
  [[ "$output" == *"file system is full"* ]]
  run bash -c "set -o pipefail; '$TARE_BIN/tare' build -o - '$ctx' 2>'$out.err' | head -c 100 >/dev/null"
  [ "$status" -ne 0 ]
  grep -q 'Broken pipe' "$out.err"
}
