#!/usr/bin/env bats
# Loading what other tools write: formats, trees, names, platforms; the store afterwards.

load ../lib/common
load ../lib/images

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  python3 "$TARE_TESTS/lib/layers.py" odd "$W/odd.tar"
  python3 "$TARE_TESTS/lib/layers.py" whiteouts "$W/lower.tar" "$W/upper.tar"
  mkdir "$W/odd"
  tar --numeric-owner --recursive-unlink --xattrs --xattrs-include='user.*' -xpf "$W/odd.tar" -C "$W/odd"
  chown 7:8 "$W/odd"; chmod 751 "$W/odd" # GNU tar leaves the folder it unpacks into alone when told to unlink
  set_xattr "$W/odd/was-file" trusted.overlay.opaque y # it was a file for a moment: what is below it is hidden
}

setup() { R=$BATS_TEST_TMPDIR/root; }

fs() { echo "$R/layers/${1#sha256:}/fs"; }
chain() { jq -r ".layers[${1:-0}].chainId" <<<"$output"; }

same_tree() { # EXPECTED GOT [no-folder-times]
  tree "$1" "${3:-}" >"$BATS_TEST_TMPDIR/a"; tree "$2" "${3:-}" >"$BATS_TEST_TMPDIR/b"
  diff "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" | head -20
  cmp -s "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b"
}

@test "an OCI archive from a file, from standard input, from a pipe, packed with gzip and zstd: the same image" {
  local tar id
  tar=$(busybox_archive)
  run image_store "$R" load "$tar"; [ "$status" = 0 ]
  id=$(jq -r .id <<<"$output")
  [ "$(jq -r '.names[0]' <<<"$output")" = docker.io/library/busybox:latest ]
  [ "$id" = "sha256:$(sha256sum "$R/content/blobs/sha256/${id#sha256:}" | cut -d' ' -f1)" ]
  gzip -c "$tar" >"$BATS_TEST_TMPDIR/b.tar.gz"; zstd -qc "$tar" >"$BATS_TEST_TMPDIR/b.tar.zst"
  [ "$(image_store "$R-1" load - <"$tar" | jq -r .id)" = "$id" ]
  [ "$(cat "$tar" | image_store "$R-2" load - | jq -r .id)" = "$id" ]
  [ "$(image_store "$R-3" load "$BATS_TEST_TMPDIR/b.tar.gz" | jq -r .id)" = "$id" ]
  [ "$(image_store "$R-4" load "$BATS_TEST_TMPDIR/b.tar.zst" | jq -r .id)" = "$id" ]
  for i in 1 2 3 4; do
    diff -r "$R/content" "$R-$i/content"
    same_tree "$(fs "$(chain)")" "$(R=$R-$i; fs "$(chain)")"
    [ "$(find "$R-$i/ingest" -type d | wc -l)" = 1 ]
  done
}

@test "skopeo's docker-archive, OCI archive and OCI layout give one image" {
  local tar id
  tar=$(busybox_archive)
  skopeo copy -q "oci-archive:$tar" "docker-archive:$BATS_TEST_TMPDIR/d.tar:example.com/a/b:v1"
  skopeo copy -q "oci-archive:$tar" "oci-archive:$BATS_TEST_TMPDIR/o.tar:busy:box"
  skopeo copy -q "oci-archive:$tar" "oci:$BATS_TEST_TMPDIR/layout:v2"
  run image_store "$R" load "$BATS_TEST_TMPDIR/d.tar"; [ "$status" = 0 ]
  id=$(jq -r .id <<<"$output")
  [ "$(jq -r '.names[0]' <<<"$output")" = example.com/a/b:v1 ]
  run image_store "$R" load "$BATS_TEST_TMPDIR/o.tar"; [ "$status" = 0 ]
  [ "$(jq -r .id <<<"$output")" = "$id" ]
  [ "$(jq -r '.names[0]' <<<"$output")" = docker.io/library/busy:box ]
  [ "$(jq -r '.layers[0].existed' <<<"$output")" = true ]
  run image_store "$R" load "$BATS_TEST_TMPDIR/layout"; [ "$status" = 0 ]
  [ "$(jq -r .id <<<"$output")" = "$id" ]
  [ "$(jq -r '.names[0]' <<<"$output")" = docker.io/library/layout:v2 ]
}

@test "umoci's layout of two layers, unpacked as umoci unpacks it" {
  local layout=$BATS_TEST_TMPDIR/layout
  oci_layout "$layout" two "$W/lower.tar" "$W/upper.tar"
  run image_store "$R" load "$layout"; [ "$status" = 0 ]
  umoci unpack --image "$layout:two" "$BATS_TEST_TMPDIR/bundle" >/dev/null
  mkdir "$BATS_TEST_TMPDIR/merged"
  # the kernel's own reading of our whiteouts; umoci gives what the image must look like
  unshare -m sh -c "mount -t overlay overlay -o lowerdir=$(fs "$(chain 1)"):$(fs "$(chain 0)") $BATS_TEST_TMPDIR/merged &&
    cd $BATS_TEST_TMPDIR/merged && find . -printf '%y %p %l\n' | sort >$BATS_TEST_TMPDIR/ours"
  (cd "$BATS_TEST_TMPDIR/bundle/rootfs" && find . -printf '%y %p %l\n' | sort) >"$BATS_TEST_TMPDIR/theirs"
  # umoci 0.4.7 neither empties a folder that was a file for a moment nor leaves AUFS' own files out
  grep -vE 'file2dir/lower|\.wh\.\.wh\.plnk' "$BATS_TEST_TMPDIR/theirs" | diff "$BATS_TEST_TMPDIR/ours" -
}

@test "what umoci insert writes: tars that end with the last file's last byte" {
  local layout=$BATS_TEST_TMPDIR/layout
  oci_layout "$layout" in "$W/lower.tar"
  mkdir -p "$BATS_TEST_TMPDIR/tree/sub"; echo inner >"$BATS_TEST_TMPDIR/tree/sub/file"; printf hello >"$BATS_TEST_TMPDIR/hello"
  umoci insert --image "$layout:in" "$BATS_TEST_TMPDIR/hello" /etc/hello
  umoci insert --image "$layout:in" "$BATS_TEST_TMPDIR/tree" /kept
  umoci insert --image "$layout:in" --whiteout /gone
  umoci insert --image "$layout:in" --opaque "$BATS_TEST_TMPDIR/tree" /opaque
  run image_store "$R" load "$layout"; [ "$status" = 0 ]
  [ "$(cat "$(fs "$(chain 1)")/etc/hello")" = hello ]
  [ "$(cat "$(fs "$(chain 2)")/kept/sub/file")" = inner ]
  [ "$(stat -c %F:%t:%T "$(fs "$(chain 3)")/gone")" = "character special file:0:0" ]
  xattrs "$(fs "$(chain 4)")" | grep -q '/opaque trusted.overlay.opaque'
}

@test "whiteouts and opaque folders are overlayfs' own" {
  docker_archive "$BATS_TEST_TMPDIR/a.tar" wh:1 "$W/lower.tar" "$W/upper.tar"
  run image_store "$R" load "$BATS_TEST_TMPDIR/a.tar"; [ "$status" = 0 ]
  local up; up=$(fs "$(chain 1)")
  [ "$(stat -c %F:%t:%T "$up/gone")" = "character special file:0:0" ]
  [ "$(stat -c %F:%t:%T "$up/kept/lower")" = "character special file:0:0" ]
  [ "$(xattrs "$up" | sed "s|$up/||" | grep trusted.overlay.opaque | cut -d' ' -f1 | sort | xargs)" = "again file2dir implied opaque" ]
  [ -z "$(find "$up" -name '.wh.*')" ]
  [ ! -e "$up/../opaque" ]
}

@test "every odd entry comes out as GNU tar makes it" {
  run image_store "$R" import "$W/odd.tar"; [ "$status" = 0 ]
  [ "$(jq -r '.layers[0].maxId' <<<"$output")" = 3000000000 ]
  same_tree "$W/odd" "$(fs "$(chain)")" no-folder-times
  local fs; fs=$(fs "$(chain)")
  [ "$(stat -c %a:%u:%g:%Y "$fs")" = 751:7:8:1000000000 ]
  [ "$(stat -c %Y "$fs/times")" = 1111111111 ]
  [ "$(stat -c %h "$fs/hard1")" = 3 ]
}

@test "a Debian root, plain, gzip and zstd: equal to tar's unpacking, small memory" {
  local tar f
  tar=$(debian_root_tar)
  mkdir "$BATS_TEST_TMPDIR/want"
  tar --numeric-owner --xattrs --xattrs-include='*' -xpf "$tar" -C "$BATS_TEST_TMPDIR/want"
  gzip -1c "$tar" >"$BATS_TEST_TMPDIR/l.gz"; zstd -qc "$tar" >"$BATS_TEST_TMPDIR/l.zst"
  for f in "$tar" "$BATS_TEST_TMPDIR/l.gz" "$BATS_TEST_TMPDIR/l.zst"; do
    docker_archive "$BATS_TEST_TMPDIR/a.tar" debian:12 "$f"
    rm -rf "$R"
    run image_store "$R" load "$BATS_TEST_TMPDIR/a.tar"; [ "$status" = 0 ]
    same_tree "$BATS_TEST_TMPDIR/want" "$(fs "$(chain)")"
  done
}

@test "several layers, tags and images in one archive; layers that are links to others; any order of members" {
  docker_archive "$BATS_TEST_TMPDIR/a.tar" one:1,one:latest,example.org/x/one:2 "$W/lower.tar" "$W/upper.tar" "$W/lower.tar" --links --order first
  run image_store "$R" load "$BATS_TEST_TMPDIR/a.tar"; [ "$status" = 0 ]
  [ "$(jq -r '.names | join(" ")' <<<"$output")" = "docker.io/library/one:1 docker.io/library/one:latest example.org/x/one:2" ]
  [ "$(jq -r '.layers | length' <<<"$output")" = 3 ]
  [ "$(ls "$R/layers" | wc -l)" = 3 ]
  same_tree "$(fs "$(chain 0)")" "$(fs "$(chain 2)")"
  [ "$(cat "$BATS_TEST_TMPDIR/a.tar" | image_store "$R-pipe" load - | jq -r .id)" = "$(jq -r .id <<<"$output")" ]
  local layout=$BATS_TEST_TMPDIR/layout
  oci_layout "$layout" a "$W/lower.tar"
  umoci new --image "$layout:b"
  umoci raw add-layer --image "$layout:b" "$W/upper.tar"
  run image_store "$R-two" load "$layout"; [ "$status" = 0 ]
  [ "$(wc -l <<<"$output")" = 2 ]
}

@test "an image for several platforms: the machine's is taken, --platform takes another" {
  local layout=$BATS_TEST_TMPDIR/layout
  python3 "$TARE_TESTS/lib/platforms.py" "$layout" linux/s390x linux/amd64 linux/arm64/v8 linux/arm/v6
  run image_store "$R" load "$layout"
  [ "$status" = 0 ]
  [ "$(jq -r .architecture <<<"$output")" = "$(dpkg --print-architecture)" ]
  [ "$(image_store "$R" load "$layout" --platform linux/s390x | jq -r .architecture)" = s390x ]
  [ "$(image_store "$R" load "$layout" --platform linux/arm/v7 | jq -r .architecture)" = arm ]
  [ "$(image_store "$R" load "$layout" --platform aarch64 | jq -r .architecture)" = arm64 ]
  run image_store "$R" load "$layout" --platform linux/riscv64
  [ "$status" = 125 ]
  [[ $output == *"it has no image for linux/riscv64 (--platform), only for linux/s390x, linux/amd64, linux/arm64/v8, linux/arm/v6"* ]]
}

@test "import makes an image of a root file system's tar, packed or not, from a pipe too" {
  gzip -c "$W/odd.tar" >"$BATS_TEST_TMPDIR/o.gz"
  run image_store "$R" import "$BATS_TEST_TMPDIR/o.gz"; [ "$status" = 0 ]
  local first z; first=$(chain)
  for z in bzip2 xz; do # the blob is what is in it: images know neither
    run bash -c "$z -c '$W/odd.tar' | '$TARE_BUILD/tests/image/image-store' '$TARE_BIN/tare-worker' '$R' import -"; [ "$status" = 0 ]
    [ "$(chain)" = "$first" ]
    [ "$(jq -r '.layers[0].blob' <<<"$output")" = "sha256:$(sha256sum <"$W/odd.tar" | cut -d' ' -f1)" ]
    run bash -c "$z -c '$W/odd.tar' | head -c 700 | '$TARE_BUILD/tests/image/image-store' '$TARE_BIN/tare-worker' '$R' import -"; [ "$status" != 0 ]
    [[ $output == *"damaged or truncated"* ]]
  done
  run bash -c "cat '$W/odd.tar' | '$TARE_BUILD/tests/image/image-store' '$TARE_BIN/tare-worker' '$R' import -"; [ "$status" = 0 ]
  [ "$(chain)" = "$first" ]
  [ "$(jq -r '.layers[0].existed' <<<"$output")" = true ]
  jq -e '.rootfs.diff_ids | length == 1' "$R/content/blobs/sha256/$(jq -r .id <<<"$output" | cut -d: -f2)"
}

@test "gc removes what nobody refers to, and what a killed load left" {
  run image_store "$R" load "$(busybox_archive)"; [ "$status" = 0 ]
  local keep; keep=$(jq -r '.id, .manifest, .layers[].blob, .layers[].chainId' <<<"$output" | xargs)
  image_store "$R" import "$W/lower.tar"
  mkdir -p "$R/ingest/00112233445566778899aabbccddeeff/layers"
  : >"$R/ingest/00112233445566778899aabbccddeeff/lock"
  # shellcheck disable=SC2086
  run image_store "$R" gc $keep; [ "$status" = 0 ]
  [ "$(jq -c . <<<"$output")" = '{"blobs":3,"layers":1,"ingests":1,"busy":false}' ]
  # shellcheck disable=SC2086
  [ "$(image_store "$R" gc $keep | jq -c .)" = '{"blobs":0,"layers":0,"ingests":0,"busy":false}' ]
  image_store "$R" gc
  [ -z "$(store_things "$R")" ]
}

@test "a layer comes with its facts, and a second load reads them" {
  run image_store "$R" import "$W/lower.tar"; [ "$status" = 0 ]
  local size; size=$(jq '.layers[0].size' <<<"$output")
  [ "$size" = "$(find "$(fs "$(chain)")" -type f -printf '%s\n' | awk '{ n += $1 } END { print n }')" ]
  [ "$(image_store "$R" import "$W/lower.tar" | jq '.layers[0].size')" = "$size" ]
}
