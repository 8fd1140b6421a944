#!/usr/bin/env bats
# An image's files, looked at: what differs between two images, an image mounted at a place of the host.
load ../lib/common
load ../lib/images

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  mkdir -p "$W/a/same/deep" "$W/a/gone/deep" "$W/a/turned" "$W/a/emptied"
  echo one >"$W/a/same/deep/file"; echo one >"$W/a/content"; echo one >"$W/a/mode"; echo one >"$W/a/owner"; echo one >"$W/a/removed"
  echo one >"$W/a/gone/deep/file"; echo one >"$W/a/turned/file"; ln -s content "$W/a/link"; echo one >"$W/a/emptied/file"; echo one >"$W/a/times"
  find "$W/a" -exec touch -h -d 2020-01-01 {} +
  cp -a "$W/a" "$W/b"
  # the same size and time, other bytes
  echo two >"$W/b/content"; touch -d 2020-01-01 "$W/b/content"
  chmod 600 "$W/b/mode"; chown 5:6 "$W/b/owner"; rm "$W/b/removed"; rm -r "$W/b/gone" "$W/b/turned" "$W/b/emptied/file"
  echo now a file >"$W/b/turned"; ln -sfn mode "$W/b/link"; mkdir -p "$W/b/new/deep"; echo x >"$W/b/new/deep/file"; touch -d 2021-01-01 "$W/b/times"
  printf 'x' >"$W/b/line"$'\n'"break"
  find "$W/b/new" "$W/b/turned" "$W/b/line"* -exec touch -h -d 2022-01-01 {} +
  find "$W/b/same" "$W/b/link" "$W/b/emptied" -exec touch -h -d 2020-01-01 {} +
  for i in a b; do tar --numeric-owner -C "$W/$i" -cf "$W/$i.tar" .; tare import "$W/$i.tar" "look:$i" >/dev/null; done
}
teardown_file() { tare_teardown_file; }
teardown() { [ -z "${other:-}" ] || { kill "$other" && wait "$other" || true; }; tare image umount --all -f >/dev/null || true; [ ! -e "$TARE_STATE/image-mounts" ]; }

@test "diff: added, changed, deleted, as docker writes it; contents count, not sizes and times" {
  run -0 tare image diff look:a look:b
  diff - <(echo "$output") <<'X'
C /content
C /emptied
D /emptied/file
D /gone
A /line\x0abreak
C /link
C /mode
A /new
A /new/deep
A /new/deep/file
C /owner
D /removed
C /times
C /turned
X
  [ "$(tare image diff look:a look:b --format json | jq -s length)" = 14 ]
  [ "$(tare image diff look:a look:b --format json | jq -r 'select(.Kind == "A") | .Path' | head -2)" = "$(printf '/line\nbreak')" ]
  run -0 tare image diff look:b look:a
  [[ "$output" == *"A /gone/deep/file"*"A /removed"*"C /turned"*"A /turned/file"* ]]
  run -0 tare image diff look:a look:a
  [ -z "$output" ]
}

@test "diff: of one image what its topmost layer did: whiteouts, opaque folders" {
  python3 "$TARE_TESTS/lib/layers.py" whiteouts "$W/lower.l" "$W/upper.l"
  docker_archive "$W/two.tar" two:1 "$W/lower.l" "$W/upper.l"
  docker_archive "$W/one.tar" one:1 "$W/lower.l"
  tare load -q -i "$W/two.tar"; tare load -q -i "$W/one.tar"
  run -0 tare image diff two:1
  [ "$output" = "$(tare image diff one:1 two:1)" ]
  [[ "$output" == *"D /gone"* ]]
  run -0 tare image diff one:1
  [ "$(grep -vc ^A <<<"$output")" = 0 ]
  run -1 tare image diff one:1 nosuch
  [[ "$output" == *"no such image: nosuch"* ]]
}

@test "mount: its files for reading, at a place of ours or a given one; listed; the image stays while it is" {
  at=$(tare image mount look:a)
  [[ "$at" == "$TARE_STATE/image-mounts/"*/fs ]]
  diff -r "$W/a" "$at"
  run ! touch "$at/x"
  findmnt -no OPTIONS "$at" | grep -q "ro,nosuid,nodev"
  mkdir "$BATS_TEST_TMPDIR/here"
  [ "$(cd "$BATS_TEST_TMPDIR" && tare image mount look:b here)" = "$BATS_TEST_TMPDIR/here" ]
  diff -r "$W/b" "$BATS_TEST_TMPDIR/here"
  [ "$(tare image mount --format json | jq -r '"\(.Names) \(.Path)"' | sort)" = "$(printf '%s\n' "look:a $at" "look:b $BATS_TEST_TMPDIR/here" | sort)" ]
  tare image mount | grep -q "look:b *$BATS_TEST_TMPDIR/here"
  run -1 tare rmi look:a
  [[ "$output" == *"image look:a is mounted at $at: tare image umount it first"* ]]
  tare system prune -af >/dev/null; tare image prune -af >/dev/null
  diff -r "$W/a" "$at"
  echo x >"$TARE_ROOT/layers/$(tare image inspect look:a | jq -r '.[0].RootFS.Layers[0]' | cut -d: -f2)/fs/odd"
  run -1 tare image verify --repair look:a
  [[ "$output" == *"is not repaired while it is mounted at $at: umount that first"* ]]
  [ "$(tare image umount "$at")" = "$at" ]
  run -0 tare image verify --repair look:a
  [ "$(tare image umount look:b)" = "$BATS_TEST_TMPDIR/here" ]
  run ! mountpoint -q "$BATS_TEST_TMPDIR/here"
  run -1 tare image umount look:b
  [[ "$output" == *"no image is mounted as look:b"* ]]
}

@test "mount: one that umount(8) took away is forgotten, and so is one whose namespace ended; busy, and what makes no sense" {
  at=$(tare image mount look:a)
  umount "$at"
  [ -z "$(tare image mount --format json)" ]
  [ ! -e "$TARE_STATE/image-mounts" ]
  unshare -m --propagation private bash -c "'$TARE_BIN/tare' image mount look:a >'$BATS_TEST_TMPDIR/at'; touch '$BATS_TEST_TMPDIR/ready'; exec sleep 60" 3>&- & other=$!
  wait_until 10 test -e "$BATS_TEST_TMPDIR/ready"
  run -1 tare rmi look:a
  [[ "$output" == *"is mounted at $(cat "$BATS_TEST_TMPDIR/at")"* ]]
  run -1 tare image umount look:a
  [[ "$output" == *"is mounted in another mount namespace"* ]]
  kill "$other"; wait "$other" || true; other=
  [ -z "$(tare image mount --format json)" ]
  at=$(tare image mount look:a)
  cd "$at"
  run -1 tare image umount look:a
  [[ "$output" == *"$at is in use"*"-f takes it away all the same"* ]]
  tare image umount -f look:a
  cd /
  run -1 tare image mount look:a "$BATS_TEST_TMPDIR/nosuch"
  [[ "$output" == *"$BATS_TEST_TMPDIR/nosuch: No such file"* ]]
  run -1 tare image mount look:a /etc/passwd
  [ "${#lines[@]}" = 1 ]
  run -1 tare image mount nosuch
  run -1 tare image umount
  [[ "$output" == *"or give --all"* ]]
}

@test "mount: at a relative folder, which umount takes, too; not twice at one place" {
  cd "$BATS_TEST_TMPDIR"
  mkdir mm look
  tare image mount look:a mm
  run -1 tare image mount look:b mm
  [[ "$output" == *"an image is mounted at $BATS_TEST_TMPDIR/mm already: tare image umount it first"* ]]
  [ "${#lines[@]}" = 1 ]
  diff -r "$W/a" mm
  [ "$(tare image mount --format json | wc -l)" = 1 ]
  [ "$(tare image umount mm)" = "$BATS_TEST_TMPDIR/mm" ]
  run ! mountpoint -q mm
  # a folder whose name is an image's, too
  tare tag look:a mm; tare image mount mm mm; tare image mount look:a look
  [ "$(tare image umount mm)" = "$BATS_TEST_TMPDIR/mm" ]
  [ "$(tare image umount mm)" = "$BATS_TEST_TMPDIR/look" ]
  tare rmi mm
  [ ! -e "$TARE_STATE/image-mounts" ]
}

@test "export: the image's tree as a tar, to a file or through a pipe" {
  tare image export -o "$BATS_TEST_TMPDIR/a.tar" look:b
  tare image export look:b | cmp - "$BATS_TEST_TMPDIR/a.tar"
  mkdir "$BATS_TEST_TMPDIR/x"; tar -C "$BATS_TEST_TMPDIR/x" -xpf "$BATS_TEST_TMPDIR/a.tar"
  diff <(tree "$W/b" no-folder-times) <(tree "$BATS_TEST_TMPDIR/x" no-folder-times)
  tare import "$BATS_TEST_TMPDIR/a.tar" look:again >/dev/null
  [ -z "$(tare image diff look:b look:again)" ]
  tare rmi look:again >/dev/null
  run -1 tare image export -o "$BATS_TEST_TMPDIR/none.tar" nosuch
  [ ! -e "$BATS_TEST_TMPDIR/none.tar" ]
}

@test "diff of a container: what it did, running and stopped; what was made to mount onto is nothing" {
  load_busybox
  mkdir "$BATS_TEST_TMPDIR/v"
  tare run -d --name doer --network none -v "$BATS_TEST_TMPDIR/v:/made/for/it" busybox sh -c \
    'echo x >/new; mkdir -p /d/e; echo y >/d/e/f; rm /etc/group; chmod 700 /tmp; rm -r /var; echo z >/made/for/it/inside; touch /ready; exec sleep 100' >/dev/null
  wait_until 10 tare exec doer test -e /ready
  run -0 tare diff doer
  [ "$output" = "$(printf '%s\n' "A /d" "A /d/e" "A /d/e/f" "C /etc" "D /etc/group" "A /new" "A /ready" "C /tmp" "D /var")" ]
  tare stop -t 0 doer >/dev/null
  [ "$(tare container diff doer)" = "$output" ]
  [ "$(tare diff --format json doer | jq -s 'map(.Kind) | join("")')" = '"AAACDAACD"' ]
  tare rm doer >/dev/null
  tare create --name nothing busybox true >/dev/null
  [ -z "$(tare diff nothing)" ]
  tare rm nothing >/dev/null
  mkdir -p "$BATS_TEST_TMPDIR/r"
  tare create --name folder --rootfs "$BATS_TEST_TMPDIR/r" true >/dev/null
  run -1 tare diff folder
  [[ "$output" == *"was made of a folder"* ]]
  tare rm folder >/dev/null
  run -1 tare diff nosuch
  [ "${#lines[@]}" = 1 ]
}
