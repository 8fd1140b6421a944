#!/usr/bin/env bats
# The same Dockerfile and context by tare and by Debian's buildah: the same tree and the same configuration, or a
# difference that is explained here.
load ../lib/common

setup_file() {
  tare_setup_file
  command -v buildah >/dev/null || skip "no buildah"
  load_busybox
  export B=$BATS_FILE_TMPDIR/buildah
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$BATS_FILE_TMPDIR/bb.tar:docker.io/library/busybox:latest"
  buildah_ pull -q "docker-archive:$BATS_FILE_TMPDIR/bb.tar" >/dev/null
  context "$BATS_FILE_TMPDIR/ctx"
}
teardown_file() {
  buildah_ rmi -af >/dev/null 2>&1 || true
  tare_teardown_file
}

buildah_() { buildah --storage-driver vfs --root "$B/root" --runroot "$B/run" "$@"; }

context() {
  mkdir -p "$1/dir/sub" "$1/drop"
  echo a >"$1/a.txt"; echo b >"$1/b.txt"; echo c >"$1/dir/sub/c"; echo 'sp' >"$1/sp ace"; touch "$1/x.md" "$1/dir/y.md" "$1/drop/in"
  chmod 750 "$1/dir/sub"; echo '#!/bin/sh' >"$1/dir/exec"; chmod 755 "$1/dir/exec"; ln -s ../a.txt "$1/dir/link"; ln -s nowhere "$1/dir/dangling"
  tar -C "$1" --owner=3 --group=4 -cf "$1/t.tar" dir/sub a.txt; gzip -nk "$1/t.tar"
  printf '*.md\ndrop\n!dir/y.md\n' >"$1/.dockerignore"
}

# corpus: the names; dockerfile NAME: its text
corpus() { sed -n 's/^=== //p' "$TARE_TESTS/lib/build_corpus"; }
dockerfile() { awk -v n="=== $1" '/^=== / { on = $0 == n; next } on' "$TARE_TESTS/lib/build_corpus"; }

listing() { (cd "$1" && find . -xdev \( -path ./proc -o -path ./sys -o -path ./dev \) -prune -o -printf '%p\t%y %m %U:%G %s %l\n' | sort); }
# what a folder takes is its file system's matter
without_sizes() { sed -E 's/(\td [0-7]+ [0-9:]+) [0-9]+ $/\1/'; }
contents() { (cd "$1" && find . -xdev -type f ! -path './bin/*' ! -path './proc/*' ! -path './sys/*' ! -path './dev/*' -exec sha256sum {} + | sort -k2); }

# of_tare IMAGE DIR: mounts its layers there
of_tare() {
  local lowers='' chain='' diff
  for diff in $(blob "$1" | jq -r '.rootfs.diff_ids[]'); do
    if [ -z "$chain" ]; then chain=$diff; else chain=sha256:$(printf '%s %s' "$chain" "$diff" | sha256sum | cut -d' ' -f1); fi
    lowers=$TARE_ROOT/layers/${chain#sha256:}/fs${lowers:+:$lowers}
  done
  case $lowers in *:*) mount -t overlay -o "lowerdir=$lowers" overlay "$2" ;; *) mount --bind "$lowers" "$2" ;; esac
}
blob() { cat "$TARE_ROOT/content/blobs/sha256/$(tare images -q --no-trunc "$1" | sed 's/sha256://')"; }

# What buildah writes besides: what it mounted onto, its own label, members without a value.
theirs() {
  grep -vE $'^\\./(etc/(hosts|hostname|resolv.conf)|run|run/secrets|etc/mtab)\t'
}
config() {
  jq -S '{Env, Cmd, Entrypoint, User, WorkingDir, ExposedPorts, Volumes, Labels, StopSignal, Shell, Healthcheck, OnBuild}
    | .Labels |= ((. // {}) | del(."io.buildah.version"))
    | .WorkingDir |= (if . == "/" then "" else . // "" end) | .User |= (. // "") | .Env |= ((. // []) | map(select(startswith("PATH=") | not)))
    | with_entries(select(.value != null and .value != [] and .value != {} and .value != ""))'
}

# explained NAME FILE: buildah's FILE of that Dockerfile as it would be
explained() {
  case $1/${2##*/} in
    # SHELL holds for ENTRYPOINT, too (Dockerfile reference, SHELL)
    config-2/theirs.conf) sed -i 's/"-c"/"-ec"/' "$2" ;;
    # with another escape character \ means nothing (Dockerfile reference, escape)
    escape/theirs.conf) sed -i 's/C:dir/C:\\\\dir/' "$2" ;;
    # the root of a working container made from nothing
    scratch/theirs.tree) sed -i 's/^\.\td 555/.\td 755/' "$2" ;;
  esac
}

compare() {
  local name=$1 out=$BATS_TEST_TMPDIR ctx=$BATS_FILE_TMPDIR/ctx c r=0
  dockerfile "$name" >"$out/Dockerfile"
  mkdir -p "$out/m"
  buildah_ bud -q --isolation chroot --format docker --pull-never -t "theirs-$name" -f "$out/Dockerfile" "$ctx" >"$out/theirs.log" 2>&1 || { tail -3 "$out/theirs.log"; return 1; }
  tare build -q -t "ours-$name" -f "$out/Dockerfile" "$ctx" >"$out/ours.log" 2>&1 || { tail -3 "$out/ours.log"; return 1; }
  c=$(buildah_ from --pull-never "theirs-$name")
  m=$(buildah_ mount "$c")
  listing "$m" | theirs | without_sizes >"$out/theirs.tree"; contents "$m" | grep -vE ' \./etc/(hosts|hostname|resolv.conf)$' >"$out/theirs.sum"
  buildah_ inspect --type image "theirs-$name" | jq .Docker.config | config >"$out/theirs.conf"
  buildah_ rm "$c" >/dev/null
  of_tare "ours-$name" "$out/m" || return 1
  listing "$out/m" | theirs | without_sizes >"$out/ours.tree"; contents "$out/m" >"$out/ours.sum"
  umount "$out/m"
  blob "ours-$name" | jq .config | config >"$out/ours.conf"
  for f in tree sum conf; do explained "$name" "$out/theirs.$f"; done
  for f in tree sum conf; do diff -u "$out/theirs.$f" "$out/ours.$f" || r=1; done
  return $r
}

@test "every Dockerfile of the corpus: the same tree and configuration as buildah's" {
  local name bad=''
  for name in $(corpus); do
    compare "$name" >"$BATS_TEST_TMPDIR/said" 2>&1 || { bad+=" $name"; echo "--- $name"; cat "$BATS_TEST_TMPDIR/said"; }
  done
  [ -z "$bad" ]
}
