# For the tests of images under fire: a program killed at the nth of its calls, a store with little room, what must hold afterwards.
# shellcheck shell=bash

# killed_at CALLS N PROGRAM ARGUMENT…: it is killed when it enters its nth call of these; its children are not counted. Its status.
killed_at() {
  local calls=$1 n=$2; shift 2
  strace -qq -o /dev/null -e trace="$calls" -e inject="$calls:signal=KILL:when=$n" "$@"
}

# program_killed_at NAME CALLS N COMMAND…: as much with one that tare starts: tare runs from a folder where NAME is a script. strace comes to
# the script, without its pipes: an end that it kept open would keep a reader waiting for ever. The script's few reads count, too.
program_killed_at() {
  local name=$1 calls=$2 n=$3 bin=$BATS_TEST_TMPDIR/bin p; shift 3
  if [ ! -e "$bin/tare" ]; then
    mkdir -p "$bin"; cp "$TARE_BIN/tare" "$bin" # a copy: tare looks beside its own file
  fi
  for p in "$TARE_BIN"/tare-*; do ln -sf "$p" "$bin"; done
  rm "$bin/$name"
  cat >"$bin/$name" <<X
#!/bin/sh
[ "\$1" != adopt ] || exec $TARE_BIN/$name "\$@" # who repairs what this has done is left alone
/bin/bash -c 'for fd in /proc/self/fd/*; do fd=\${fd##*/}; [ "\$fd" -lt 3 ] || eval "exec \$fd>&-"; done; exec "\$@"' - \\
  /usr/bin/strace -f -qq -o /dev/null -e trace=$calls -e inject=$calls:signal=KILL:when=$n -p \$\$ >/dev/null 2>&1 &
traced() { while read -r what pid; do [ "\$what" != TracerPid: ] || [ "\$pid" = 0 ] || return 0; done </proc/\$\$/status; return 1; }
until traced; do :; done
exec $TARE_BIN/$name "\$@"
X
  chmod +x "$bin/$name"
  timeout 60 "$bin/tare" "$@"
}

# Which of the calls are tried: the first ones, then fewer and fewer; all of them in the long run.
kill_points() { if [ -n "${TARE_TEST_LONG:-}" ]; then seq 200; else echo 1 2 3 5 8 12 17 24 35 52 80 120; fi; }

# Whatever has its final name in the store of this folder is whole.
store_is_whole() {
  local f
  for f in "$1"/content/blobs/sha256/*; do
    [ ! -e "$f" ] || [ "$(sha256sum <"$f" | cut -d' ' -f1)" = "${f##*/}" ] || { echo "damaged: $f"; return 1; }
  done
  for f in "$1"/layers/*; do
    [ ! -e "$f" ] || { [ -d "$f/fs" ] && [ -s "$f/info.json" ] && [ ! -e "$f/opaque" ]; } || { echo "half a layer: $f"; ls -la "$f"; return 1; }
  done
}

# The store and the catalog say the same, and what is there is whole.
store_consistent() {
  local wrong
  wrong=$(tare system check --format json | jq -c 'select(.About == "store" and .Level == "problem")')
  [ -z "$wrong" ] || { echo "system check: $wrong"; return 1; }
  [ "$(sqlite3 "$TARE_ROOT/catalog.db" 'PRAGMA integrity_check')" = ok ] || return 1
  store_is_whole "$TARE_ROOT"
}

# Nothing that is being made, once everybody has ended and a collector came by.
nothing_staged() {
  tare system prune -f >/dev/null
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ] || { find "$TARE_ROOT/ingest"; return 1; }
  [ -z "$(tare ps -aq)" ]
}

# With every file compared, and nothing half-made left.
store_sound() { store_consistent && tare image verify --all -q && nothing_staged; }

# small_store SIZE: a store of its own on a file system of that size; small_store_end.
small_store() {
  export TARE_ROOT=$BATS_TEST_TMPDIR/small/root TARE_STATE=$BATS_TEST_TMPDIR/small-run
  mkdir -p "$BATS_TEST_TMPDIR/small" "$TARE_STATE"
  mount -t tmpfs -o "size=$1" tmpfs "$BATS_TEST_TMPDIR/small"
  mkdir -p "$TARE_ROOT"
}
small_store_grows() { mount -o "remount,size=$1" "$BATS_TEST_TMPDIR/small"; }
small_store_end() { # also of a teardown
  ! mountpoint -q "$BATS_TEST_TMPDIR/small" || { remove_all; wait_until 10 umount "$BATS_TEST_TMPDIR/small"; }
}

# The last command (bats' run) said in one line that there is no room.
# shellcheck disable=SC2154 # bats sets output and lines
says_full() {
  [ "${#lines[@]}" = 1 ] || { echo "not one line: $output"; return 1; }
  [[ "$output" == "tare: "*"file system is full"* || "$output" == "tare: "*"No space left on device"* ]] || { echo "does not say it: $output"; return 1; }
}

# on_small_store SIZE COMMAND…: tare's, in a small_store that stays. Where there is no room for it, it says so in one line and leaves no
# layer, and it is one of failures; with room the next one works.
# shellcheck disable=SC2154 # bats sets status
on_small_store() {
  local size=$1; shift
  echo "on a disk of $size:"
  small_store "$size"
  run tare "$@"
  if [ "$status" != 0 ]; then
    [ "$status" = 1 ] || { echo "$status: $output"; return 1; }
    says_full || return 1
    [ -z "$(ls "$TARE_ROOT"/layers 2>/dev/null)" ] || { ls "$TARE_ROOT/layers"; return 1; }
    failures=$((failures + 1))
  fi
  small_store_grows 64m
  store_consistent || return 1
  run -0 tare "$@"
}

# fault_image NAME:TAG SIZE…: in the registry, an image that runs (busybox), with layers of random bytes on top.
fault_image() {
  local name=$1 d n layers=(); shift
  d=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/image.XXXXXX")
  mkdir -p "$d/root/bin"
  cp "$(command -v busybox)" "$d/root/bin/busybox"; ln -s busybox "$d/root/bin/sh"
  tar --numeric-owner -cf "$d/0.tar" -C "$d/root" .
  for n; do
    mkdir "$d/$n"; head -c "$n" /dev/urandom >"$d/$n/random-$n"
    tar --numeric-owner -cf "$d/layer-$n.tar" -C "$d/$n" "random-$n"
    layers+=("$d/layer-$n.tar")
  done
  python3 "$TARE_TESTS/lib/docker_archive.py" "$d/archive.tar" app:1 "$d/0.tar" "${layers[@]}"
  skopeo copy -q --dest-tls-verify=false "docker-archive:$d/archive.tar" "docker://$(registry)/$name"
  rm -rf "$d"
}

# Every manifest that the registry has is one whose blobs it has.
registry_whole() {
  local store repo m b
  store=$(registry_dir)/store
  find "$store/repos" -path '*/_manifests/*' | while read -r m; do
    repo=${m%/_manifests/*} m=${m##*:}
    jq -r '(.config, .layers[]?) | .digest' "$store/blobs/sha256/$m" | while read -r b; do
      [ -e "$repo/_blobs/$b" ] && [ -s "$store/blobs/${b/://}" ] || echo "$m lacks $b"
    done
  done | { ! grep .; }
}

# images_differ A B: in what, of two archives that save made: manifest and configuration as text, of each layer what tar and sha256sum say.
images_differ() {
  local d; d=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/differ.XXXXXX")
  image_as_text "$1" >"$d/a"; image_as_text "$2" >"$d/b"
  diff -U 3 --label "$1" --label "$2" "$d/a" "$d/b"
}
image_as_text() {
  local d blob; d=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/image.XXXXXX")
  tar -xf "$1" -C "$d"
  blob=$(jq -r '.manifests[0].digest' "$d/index.json")
  jq -S . "$d/blobs/${blob/:/\/}"
  jq -S . "$d/blobs/$(jq -r '.config.digest | sub(":"; "/")' "$d/blobs/${blob/:/\/}")"
  jq -r '.layers[].digest | sub(":"; "/")' "$d/blobs/${blob/:/\/}" | while read -r blob; do
    echo "layer $blob"
    tar --numeric-owner --full-time --xattrs --xattrs-include='*' -tvvf "$d/blobs/$blob"
    # shellcheck disable=SC2016 # is tar's to expand
    tar -xf "$d/blobs/$blob" --to-command='echo "$(sha256sum | cut -c1-64) $TAR_FILENAME"'
  done
  rm -rf "$d"
}
