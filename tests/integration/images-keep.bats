#!/usr/bin/env bats
# Images that are kept: save, verify and repair, tree, prune, what `images` is asked for, the format's number, what pulls left.
load ../lib/common
load ../lib/images
load ../lib/registry

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  registry_start
  python3 "$TARE_TESTS/lib/layers.py" whiteouts "$W/lower.l" "$W/upper.l"
  python3 "$TARE_TESTS/lib/layers.py" odd "$W/odd.l"
  docker_archive "$W/two.tar" two:1,two:b,example.org/x/two:1 "$W/lower.l" "$W/upper.l"
  docker_archive "$W/one.tar" one:1 "$W/lower.l"
  docker_archive "$W/odd.tar" odd:1 "$W/odd.l"
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_client "$BATS_TEST_TMPDIR"; }
teardown() {
  remove_all
  registry_faults_clear || true
  tare system prune -af >/dev/null
  [ -z "$(ls -A "$TARE_ROOT/layers")" ]
}

blob_file() { echo "$TARE_ROOT/content/blobs/sha256/${1#sha256:}"; }
manifest_of() { tare image inspect "$1" | jq -r '.[0].Manifest'; }
# blobs_of IMAGE: its layers' digests, bottom first
blobs_of() { jq -r '.layers[].digest' "$(blob_file "$(manifest_of "$1")")"; }
# tree_of IMAGE: the folder of its topmost layer, by the rule of the image specification
tree_of() {
  local chain='' diff
  for diff in $(tare image inspect "$1" | jq -r '.[0].RootFS.Layers[]'); do
    [ -z "$chain" ] && chain=$diff || chain=sha256:$(printf '%s %s' "$chain" "$diff" | sha256sum | cut -d' ' -f1)
  done
  echo "$TARE_ROOT/layers/${chain#sha256:}"
}
spoil() { printf X | dd of="$1" bs=1 seek="${2:-20}" conv=notrunc status=none; }
checked() { # nothing but notes about this machine is to be said of the store
  [ -z "$(tare system check --format json | jq -r 'select(.About == "store")')" ]
}

# ---- save ----

@test "save: the same bytes by file and by pipe, which skopeo reads both ways; nothing of the image changes" {
  load_busybox
  tare save -o "$BATS_TEST_TMPDIR/a.tar" busybox
  tare save busybox | cmp - "$BATS_TEST_TMPDIR/a.tar"
  [ "$(stat -c %a "$BATS_TEST_TMPDIR/a.tar")" = 600 ]
  digest=$(manifest_of busybox) id=$(tare images -q --no-trunc)
  [ "$(skopeo inspect --format '{{.Digest}}' "oci-archive:$BATS_TEST_TMPDIR/a.tar")" = "$digest" ]
  [ "$(skopeo inspect --format '{{.Digest}}' "docker-archive:$BATS_TEST_TMPDIR/a.tar:busybox:latest" | cut -c1-7)" = sha256: ]
  # all of its bytes, checked
  skopeo copy -q "docker-archive:$BATS_TEST_TMPDIR/a.tar" "dir:$BATS_TEST_TMPDIR/d1"
  [ "$(jq -r .config.digest "$BATS_TEST_TMPDIR/d1/manifest.json")" = "$id" ]
  skopeo copy -q "oci-archive:$BATS_TEST_TMPDIR/a.tar" "dir:$BATS_TEST_TMPDIR/d2"
  sha256sum "$BATS_TEST_TMPDIR/d2/manifest.json" | grep -q "^${digest#sha256:}"
  TARE_ROOT=$BATS_TEST_TMPDIR/other tare load -q -i "$BATS_TEST_TMPDIR/a.tar"
  [ "$(TARE_ROOT=$BATS_TEST_TMPDIR/other tare image inspect busybox | jq -r '.[0] | "\(.Id) \(.Manifest)"')" = "$id $digest" ]
  TARE_ROOT=$BATS_TEST_TMPDIR/other tare save busybox | cmp - "$BATS_TEST_TMPDIR/a.tar"
  # as docker's own reader of its archives would take it
  tar -xOf "$BATS_TEST_TMPDIR/a.tar" manifest.json | jq -e '.[0] | .RepoTags == ["busybox:latest"] and (.Config | startswith("blobs/sha256/"))'
}

@test "save: several images in one archive, what they share once; all tags of a repository, one tag, an id" {
  for a in one two; do tare load -q -i "$W/$a.tar"; done
  tare save -o "$BATS_TEST_TMPDIR/a.tar" two one:1
  tar -tf "$BATS_TEST_TMPDIR/a.tar" | sort >"$BATS_TEST_TMPDIR/names"
  [ -z "$(uniq -d "$BATS_TEST_TMPDIR/names")" ]
  [ "$(grep -c blobs/ "$BATS_TEST_TMPDIR/names")" = 6 ]
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/a.tar" manifest.json | jq -c '[.[].RepoTags]')" = '[["two:1","two:b"],["one:1"]]' ]
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/a.tar" index.json | jq -c '[.manifests[].annotations["io.containerd.image.name"]] | sort')" = \
    '["docker.io/library/one:1","docker.io/library/two:1","docker.io/library/two:b"]' ]
  [ "$(tare save two:b | tar -xO manifest.json | jq -c '.[0].RepoTags')" = '["two:b"]' ]
  [ "$(tare save "$(tare images -q two:1)" | tar -xO manifest.json | jq -c '.[0].RepoTags')" = '[]' ]
  [ "$(tare save example.org/x/two:1 | tar -xO manifest.json | jq -c '.[0].RepoTags')" = '["example.org/x/two:1"]' ]
  [ "$(tare save two:1 two:1 "$(tare images -q two:1)" | sha256sum)" = "$(tare save two:1 | sha256sum)" ]
  tare save --format oci two:1 | tar -t >"$BATS_TEST_TMPDIR/names"
  grep -q index.json "$BATS_TEST_TMPDIR/names"
  run ! grep -q manifest.json "$BATS_TEST_TMPDIR/names"
  TARE_ROOT=$BATS_TEST_TMPDIR/other tare load -q -i "$BATS_TEST_TMPDIR/a.tar"
  [ "$(TARE_ROOT=$BATS_TEST_TMPDIR/other tare images --format json | jq -r '.Repository + ":" + .Tag' | sort | xargs)" = "one:1 two:1 two:b" ]
}

@test "save: gzip and zstd layers stay what they are; zstd is told of" {
  gzip -nc "$W/lower.l" >"$BATS_TEST_TMPDIR/l.gz"; zstd -qc "$W/lower.l" >"$BATS_TEST_TMPDIR/l.zst"
  for kind in gz zst; do
    docker_archive "$BATS_TEST_TMPDIR/$kind.tar" "packed:$kind" "$BATS_TEST_TMPDIR/l.$kind"
    tare load -q -i "$BATS_TEST_TMPDIR/$kind.tar"
    tare save -o "$BATS_TEST_TMPDIR/out.$kind" "packed:$kind" 2>"$BATS_TEST_TMPDIR/err.$kind"
    layer=$(tar -xOf "$BATS_TEST_TMPDIR/out.$kind" manifest.json | jq -r '.[0].Layers[0]')
    tar -xOf "$BATS_TEST_TMPDIR/out.$kind" "$layer" | cmp - "$BATS_TEST_TMPDIR/l.$kind"
    skopeo copy -q "docker-archive:$BATS_TEST_TMPDIR/out.$kind" "dir:$BATS_TEST_TMPDIR/d.$kind"
  done
  [ ! -s "$BATS_TEST_TMPDIR/err.gz" ]
  grep -q "docker reads from version 23 on" "$BATS_TEST_TMPDIR/err.zst"
}

@test "save: the file appears whole or not at all, and what was there stays until then" {
  load_busybox
  full=$BATS_TEST_TMPDIR/full; mkdir "$full"; mount -t tmpfs -o size=300k tmpfs "$full"
  echo before >"$full/a.tar"
  run -1 tare save -o "$full/a.tar" busybox
  left=$(cd "$full" && ls -A) old=$(cat "$full/a.tar")
  umount "$full"
  [[ "$output" == *"No space left"* && "${#lines[@]}" = 1 ]]
  [ "$left $old" = "a.tar before" ]
  echo before >"$BATS_TEST_TMPDIR/b.tar"
  run -1 tare save -o "$BATS_TEST_TMPDIR/b.tar" nosuch
  [ "$(cat "$BATS_TEST_TMPDIR/b.tar")" = before ]
  run -1 tare save -o "$BATS_TEST_TMPDIR" busybox
  [[ "$output" == *"Is a directory"* ]]
  run -1 tare save -o "$BATS_TEST_TMPDIR/no/such/a.tar" busybox
  tare save -o /dev/null busybox; [ -c /dev/null ]
  (cd "$BATS_TEST_TMPDIR" && tare save -o b.tar busybox && tar -tf b.tar >/dev/null)
  run -1 script -qec "'$TARE_BIN/tare' save busybox" /dev/null
  [[ "$output" == *"is a terminal"* ]]
  # nobody reads to the end
  tare save busybox | head -c 1000 >/dev/null || true
}

# ---- verify ----

@test "verify: each kind of damage to a file is named; repair mends it; the image is whole again" {
  tare load -q -i "$W/odd.tar"
  run -0 tare image verify odd:1
  [ "$output" = "odd:1: good" ]
  fs=$(tree_of odd:1)/fs
  cp -a "$fs" "$BATS_TEST_TMPDIR/good"
  damage() { # COMMAND TEXT
    (cd "$fs" && eval "$1")
    run -1 tare image verify odd:1
    [[ "$output" == *"odd:1: layer "*": $2"* ]] || { echo "after '$1': $output"; return 1; }
    run -0 tare image verify --repair odd:1
    [[ "$output" == *"unpacked again from its blob"*"odd:1: good"* ]]
    diff <(tree "$BATS_TEST_TMPDIR/good") <(tree "$fs")
    run -0 tare image verify -q odd:1
    [ -z "$output" ]
  }
  touch -d 2001-01-01 "$BATS_TEST_TMPDIR/t"
  damage 'cp -p twice k; printf X | dd of=twice bs=1 seek=3 conv=notrunc status=none; touch -r k twice; rm k' "twice has another content from byte 3 on"
  damage 'echo more >>twice' "twice has 11 bytes, must have 6"
  damage 'chmod 755 suid' "suid has the mode 0755, must have 6755"
  damage 'chown 5:6 sgid' "sgid belongs to 5:6, must to 0:42"
  damage "touch -r '$BATS_TEST_TMPDIR/t' no/parents/here" "no/parents/here was changed at 9"
  damage 'rm dot/s/lash' "dot/s/lash is missing"
  damage 'echo x >dot/new' "dot/new is not of the image"
  damage 'ln -sfn /etc/shadow link-abs' "link-abs leads to another place, must to '/etc/passwd'"
  damage 'rm fifo; echo x >fifo' "fifo is a file, must be a FIFO"
  damage 'rm null; mknod null c 1 5' "null is device 1:5, must be 1:3"
  damage 'rm hard2; cp -p hard1 hard2' "hard2 has 1 names, must have 3"
  damage "set_xattr suid user.x y" "suid has the attribute user.x, which the image has not"
  damage 'rm -rf was-file; echo x >was-file' "was-file is a file, must be a folder"
  damage 'rm -r ../fs' "its unpacked tree is missing"
  damage 'echo "{}" >../info.json' "info.json layers/"
  damage 'touch -d 2001-01-01 .' ". was changed at"
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}

@test "verify: opaque folders and whiteouts are the layer's; what is not in it is found" {
  tare load -q -i "$W/two.tar"
  run -0 tare image verify --all
  [ "$output" = "two:1: good" ]
  fs=$(tree_of two:1)/fs
  python3 -c 'import os, sys; os.removexattr(sys.argv[1], "trusted.overlay.opaque")' "$fs/opaque"
  rm "$fs/gone"
  run -1 tare image verify two:1
  [[ "$output" == *"opaque lacks the attribute trusted.overlay.opaque"* && "$output" == *"gone is missing"* ]]
  : >"$(tree_of two:1)/../$(blobs_of two:1 | head -1 | cut -d: -f2)/fs/new" # the lowest one's diff id is its chain id
  run -0 tare image verify --all --repair
  [ "$(grep -c "unpacked again" <<<"$output")" = 2 ]
  run -0 tare image verify --all
}

@test "verify: a layer that two images have is looked at once; not more than 20 differences are told" {
  for a in one two; do tare load -q -i "$W/$a.tar"; done
  fs=$(tree_of one:1)/fs
  for i in $(seq 40); do : >"$fs/new$i"; done
  run -1 tare image verify --all
  [ "$(grep -c "is not of the image" <<<"$output")" = 20 ] || [ "$(grep -c "is not of the image" <<<"$output")" = 19 ]
  [ "$(grep -c "is damaged, as was said above" <<<"$output")" = 1 ]
  [[ "$output" != *good* ]]
  run -1 tare image verify
  [[ "$output" == *"name images, or give --all"* ]]
  run -1 tare image verify nosuch
  [[ "$output" == *"no such image"* ]]
}

@test "verify: a layer that a container runs on is not exchanged under it" {
  load_busybox
  tare run -d --name holder busybox sleep 100
  echo x >"$(tree_of busybox)/fs/new"
  run -1 tare image verify --repair busybox
  [[ "$output" == *"is not repaired while container holder runs on it"* ]]
  tare exec holder true
  tare rm -f holder >/dev/null
  run -0 tare image verify --repair busybox
  tare run --rm busybox sh -c '[ ! -e /new ]'
}

@test "verify: a catalog that has other layers than the manifest is told of, and mended" {
  tare load -q -i "$W/two.tar"
  before=$(rows)
  for change in "UPDATE image_layers SET blob = 'sha256:$(printf 1%.0s {1..64})' WHERE position = 1" \
    "UPDATE image_layers SET blob = (SELECT blob FROM image_layers WHERE position = 0)" "DELETE FROM image_layers WHERE position = 1"; do
    python3 -c 'import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()' "$TARE_ROOT/catalog.db" "$change"
    run -1 tare image verify two:1
    [[ "$output" == *"catalog"*"has other layers of it than its manifest and configuration"* ]]
    run -0 tare image verify --repair two:1
    [[ "$output" == *"catalog"*"has the layers of manifest and configuration again"* ]]
    [ "$(rows)" = "$before" ]
    tare image verify two:1
    checked
  done
}
rows() { python3 -c 'import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("SELECT * FROM image_layers ORDER BY position").fetchall())' "$TARE_ROOT/catalog.db"; }

@test "repair: bad and missing blobs come from the registry that the name says" {
  registry_put keep:1 "$(busybox_archive)" >/dev/null
  NAME=$(registry)/keep:1
  tare pull -q "$NAME"
  manifest=$(manifest_of "$NAME") id=$(tare images -q --no-trunc) layer=$(blobs_of "$NAME")
  before=$(tare images --format json | jq -c 'del(.CreatedSince)')
  for what in "$layer" "$id" "$manifest"; do
    for how in spoil cut rm; do
      case $how in
        spoil) spoil "$(blob_file "$what")" ;;
        cut) truncate -s -1 "$(blob_file "$what")" ;;
        rm) rm "$(blob_file "$what")" ;;
      esac
      run -1 tare image verify "$NAME"
      [[ "$output" == *"$NAME: "* ]] || { echo "$what $how"; return 1; }
      run -0 tare image verify --repair "$NAME"
      [[ "$output" == *"blob $what fetched again"* ]] || { echo "$what $how: $output"; return 1; }
      sha256sum "$(blob_file "$what")" | grep -q "^${what#sha256:}"
      run -0 tare image verify -q "$NAME"
      checked
    done
  done
  # blob and tree
  rm "$(blob_file "$layer")"; rm -r "$(tree_of "$NAME")"
  run -0 tare image verify --repair "$NAME"
  [ "$(tare run --rm "$NAME" echo whole)" = whole ]
  [ "$(tare images --format json | jq -c 'del(.CreatedSince)')" = "$before" ]
}

@test "an image that comes again with its layers packed otherwise: what its manifest names stays, also after prune" {
  gzip -nc "$W/lower.l" >"$BATS_TEST_TMPDIR/l.gz"
  for kind in gz plain; do
    [ "$kind" = gz ] && l=$BATS_TEST_TMPDIR/l.gz || l=$W/lower.l
    docker_archive "$BATS_TEST_TMPDIR/$kind.tar" packed:1 "$l"
    tare load -q -i "$BATS_TEST_TMPDIR/$kind.tar"
    tare system check >/dev/null # what the manifest before named is a note
    tare image prune -f >/dev/null
    checked
    [ -e "$(blob_file "$(blobs_of packed:1)")" ]
    tare image verify packed:1
    tare save packed:1 | tar -xO "blobs/sha256/$(blobs_of packed:1 | cut -d: -f2)" | cmp - "$l"
  done
  [ "$(find "$TARE_ROOT/content/blobs/sha256" -type f | wc -l)" = 3 ]
}

@test "repair: what no registry has is told, and a load brings it" {
  NAME=$(registry)/nosuch:1
  docker_archive "$BATS_TEST_TMPDIR/a.tar" "$NAME" "$W/lower.l"
  tare load -q -i "$BATS_TEST_TMPDIR/a.tar"
  spoil "$(blob_file "$(blobs_of "$NAME")")" 700
  run -1 tare image verify --repair "$NAME"
  [[ "$output" == *"cannot be fetched: "*"tare load or tare pull the image again"* ]]
  run -1 tare save -o "$BATS_TEST_TMPDIR/b.tar" "$NAME"
  [[ "$output" == *"is missing: tare image verify --repair"* ]]
  [ ! -e "$BATS_TEST_TMPDIR/b.tar" ]
  tare load -q -i "$BATS_TEST_TMPDIR/a.tar"
  run -0 tare image verify "$NAME"
  id=$(tare images -q "$NAME")
  tare load -q -i "$W/one.tar"
  tare rmi one:1 >/dev/null
  checked
  [ -n "$id" ]
}

# ---- system check ----

@test "system check: what the catalog says is there, of its size, with its facts; what nobody knows is a note" {
  tare load -q -i "$W/two.tar"
  checked
  layer=$(blobs_of two:1 | tail -1)
  problem() { # TEXT
    run -1 tare system check
    [[ "$output" == *"problem: store: image "*"$1"* ]] || { echo "$output"; return 1; }
  }
  mv "$(blob_file "$layer")" "$BATS_TEST_TMPDIR/blob"
  problem "lacks its blob ${layer:0:19}"
  head -c 100 "$BATS_TEST_TMPDIR/blob" >"$(blob_file "$layer")"
  problem "has 100 bytes of its blob ${layer:0:19}"
  mv "$BATS_TEST_TMPDIR/blob" "$(blob_file "$layer")"
  checked
  mv "$(tree_of two:1)" "$BATS_TEST_TMPDIR/tree"
  problem "lacks the unpacked layer"
  mv "$BATS_TEST_TMPDIR/tree" "$(tree_of two:1)"
  cp "$(tree_of two:1)/info.json" "$BATS_TEST_TMPDIR/info"
  jq -c '.size += 1' "$BATS_TEST_TMPDIR/info" >"$(tree_of two:1)/info.json"
  problem "has other facts of layer"
  cp "$BATS_TEST_TMPDIR/info" "$(tree_of two:1)/info.json"
  manifest=$(blob_file "$(manifest_of two:1)"); cp "$manifest" "$BATS_TEST_TMPDIR/manifest"
  jq -c '.layers |= reverse' "$BATS_TEST_TMPDIR/manifest" >"$manifest"
  problem "has another layer 1 in the catalog"
  echo nonsense >"$manifest"
  problem "has no usable manifest"
  cp "$BATS_TEST_TMPDIR/manifest" "$manifest"
  checked
  stray=$(blob_file "$(printf 0%.0s {1..64})"); : >"$stray"
  run tare system check
  [[ "$output" == *"note: store: $TARE_ROOT: has 0 layers and 1 blobs of no image"* ]]
  tare image prune -f >/dev/null
  [ ! -e "$stray" ]
  checked
}

# ---- tree, prune, filters ----

@test "tree: what images share stands once" {
  for a in one two odd; do tare load -q -i "$W/$a.tar"; done
  run -0 tare image tree
  [ "${#lines[@]}" = 3 ]
  lower=$(grep -n "one:1" <<<"$output" | cut -d: -f1) upper=$(grep -n "two:1 two:b" <<<"$output" | cut -d: -f1)
  [ "$upper" = $((lower + 1)) ]
  [[ "${lines[$upper - 1]}" == "└─ "* ]]
  run -0 tare image tree two:b
  [ "${#lines[@]}" = 2 ]
  [[ "$output" != *one:1* ]]
  run -1 tare image tree nosuch
}

@test "tree: what lies on a layer is further right than what lies beside it" {
  for l in a b c; do echo $l >"$BATS_TEST_TMPDIR/$l"; tar -C "$BATS_TEST_TMPDIR" -cf "$BATS_TEST_TMPDIR/$l.l" "$l"; done
  cd "$BATS_TEST_TMPDIR"
  docker_archive ab.tar t:ab "$W/lower.l" a.l b.l
  docker_archive abc.tar t:abc "$W/lower.l" a.l b.l c.l
  docker_archive ac.tar t:ac "$W/lower.l" a.l c.l
  for i in ab abc ac; do tare load -q -i $i.tar; done
  run -0 tare image tree
  marks=$(sed -E 's/[0-9a-f]{12} .*//' <<<"$output")
  [ "$marks" = $'\n└─ \n   ├─ \n   │  └─ \n   └─ ' ] || [ "$marks" = $'\n└─ \n   ├─ \n   └─ \n      └─ ' ] || { echo "$output"; return 1; }
}

@test "prune: without a name; -a: without a container; filters" {
  load_busybox
  for a in one two; do tare load -q -i "$W/$a.tar"; done
  id=$(tare images -q one:1)
  tare image prune -f
  [ "$(tare images -q | sort -u | wc -l)" = 3 ]
  tare load -q -i "$W/one.tar"
  # another image takes the name over
  docker_archive "$BATS_TEST_TMPDIR/x.tar" one:1 "$W/upper.l"
  tare load -q -i "$BATS_TEST_TMPDIR/x.tar"
  [ "$(tare images -q -f dangling=true)" = "$id" ]
  run -0 tare image prune -f --filter until=2019-01-01
  [ "$(tare images -q -f dangling=true)" = "$id" ]
  # as old as it says that it is, but here since a moment ago
  run -0 tare image prune -f --filter until=1m
  [ "$(tare images -q -f dangling=true)" = "$id" ]
  run -0 tare image prune -f --filter until=0s
  [[ "$output" == *"deleted: sha256:$id"*"Total reclaimed space: "* ]]
  tare create --name user busybox true >/dev/null
  run -0 tare image prune -af
  [ "$(tare images --format json | jq -r .Repository)" = busybox ]
  run -1 tare image prune -f --filter dangling=true
  [[ "$output" == *"the keys are label label! until"* ]]
  echo n | run -1 tare image prune -a
}

@test "prune and images: labels" {
  layout=$BATS_TEST_TMPDIR/oci
  mkdir "$layout"; tar -C "$layout" -xf "$(busybox_archive)"
  umoci config --image "$layout:latest" --tag v1 --config.label a=b --config.label c=d
  jq -c 'del(.manifests[].annotations["io.containerd.image.name"])' "$layout/index.json" >"$layout/new" && mv "$layout/new" "$layout/index.json"
  tare load -q -i "$layout" >/dev/null
  name=$(tare images --format json | jq -r 'select(.Tag == "v1") | .Repository + ":" + .Tag')
  [ "$(tare images -q -f label=a | wc -l)" = 1 ]
  [ "$(tare images -q -f label=a=b -f label=c=d "$name" | wc -l)" = 1 ]
  [ -z "$(tare images -q -f label=a=x)" ]
  [ -z "$(tare images -q -f label=a=b -f label=c=x)" ]
  tare image prune -af --filter 'label!=a' >/dev/null
  [ "$(tare images --format json | jq -r .Tag)" = v1 ]
  tare image prune -af --filter label=c=d >/dev/null
  [ -z "$(tare images -q)" ]
}

@test "images: before, since, until, reference, digest, dangling; others are named" {
  load_busybox
  for a in one two; do tare load -q -i "$W/$a.tar"; done
  names() { tare images "$@" --format json | jq -r '.Repository + ":" + .Tag' | sort | xargs; }
  [ "$(names -f before=one:1)" = busybox:latest ]
  [ "$(names -f since=busybox)" = "example.org/x/two:1 one:1 two:1 two:b" ]
  [ "$(names -f until=2000-01-01)" = busybox:latest ]
  [ "$(names -f 'reference=t*')" = "two:1 two:b" ]
  [ "$(names -f 'reference=*:1')" = "one:1 two:1" ]
  [ "$(names -f 'reference=*/*/two')" = example.org/x/two:1 ]
  [ "$(names -f reference=two:b -f reference=one)" = "one:1 two:b" ]
  [ -z "$(names -f reference=w)" ]
  [ "$(names -f "digest=$(manifest_of busybox)")" = busybox:latest ]
  [ -z "$(names -f dangling=true)" ]
  run -1 tare images -f before=nosuch
  [[ "$output" == *"no such image: nosuch"* ]]
  run -1 tare images -f size=3
  [[ "$output" == *"the keys are dangling reference label"* ]]
  run -1 tare images -f dangling=maybe
}

# ---- the store ----

@test "the format's number: made with the store, added to an older one, another one is refused and nothing touched" {
  root=$BATS_TEST_TMPDIR/store
  tare --root "$root" load -q -i "$W/one.tar"
  [ "$(cat "$root/format")" = 1 ]
  rm "$root/format"
  [ "$(tare --root "$root" images --format json | jq -r .Repository)" = one ]
  [ "$(cat "$root/format")" = 1 ]
  for bad in 2 0 11 '' x '1 ' $'1\n1'; do
    echo "$bad" >"$root/format"
    before=$(find "$root" -printf '%p %T@ %s\n' | sort | sha256sum)
    run -1 tare --root "$root" images
    [ "${#lines[@]}" = 1 ]
    [[ "$output" == *format* ]]
    run -1 tare --root "$root" load -q -i "$W/two.tar"
    run -125 tare --root "$root" run one:1 true
    [ "$(find "$root" -printf '%p %T@ %s\n' | sort | sha256sum)" = "$before" ]
  done
  echo 2 >"$root/format"
  run -1 tare --root "$root" images
  [[ "$output" == *"$root has the format 2, this tare has 1: use the tare that made it"* ]]
  mkdir "$BATS_TEST_TMPDIR/new"; echo 2 >"$BATS_TEST_TMPDIR/new/format"
  run -1 tare --root "$BATS_TEST_TMPDIR/new" images
  [ "$(ls -A "$BATS_TEST_TMPDIR/new")" = format ]
}

@test "a folder that is Docker's, containerd's or podman's is no place for a store" {
  local there
  for there in image/overlay2 io.containerd.content.v1.content overlay-images; do
    mkdir -p "$BATS_TEST_TMPDIR/theirs/$there"
    run -125 "$TARE_BIN/tare" --root "$BATS_TEST_TMPDIR/theirs" --state "$BATS_TEST_TMPDIR/theirs-state" run --rm busybox true
    [[ "$output" == "tare: $BATS_TEST_TMPDIR/theirs is a store of "*", and nothing of tare's is made in there: use another --root" ]]
    [ "$(ls -A "$BATS_TEST_TMPDIR/theirs")" = "${there%%/*}" ]
    rm -rf "$BATS_TEST_TMPDIR/theirs"
  done
}

@test "what pulls left half fetched: counted by df, gone a week after the last byte, never while somebody has it" {
  partial=$TARE_ROOT/content/partial; mkdir -p "$partial"
  one=$(printf 1%.0s {1..64}) two=$(printf 2%.0s {1..64}) three=$(printf 3%.0s {1..64}) four=$(printf 4%.0s {1..64})
  for p in "$one" "$two" "$three"; do head -c 1000000 /dev/zero >"$partial/$p"; head -c 16 /dev/zero >"$partial/$p.map"; done
  : >"$partial/$four.map"
  [ "$(tare system df --format json | jq -r 'select(.Type == "Images").Size')" != 0B ]
  touch -d '8 days ago' "$partial"/*
  touch -d '6 days ago' "$partial/$one.map"
  exec 8<"$partial/$two"
  flock 8
  tare image prune -f >"$BATS_TEST_TMPDIR/out"
  [ "$(cd "$partial" && echo *)" = "$one $one.map $two $two.map" ]
  grep -q "Total reclaimed space: 1" "$BATS_TEST_TMPDIR/out"
  exec 8<&-
  tare system prune -f >/dev/null
  [ "$(cd "$partial" && echo *)" = "$one $one.map" ]
  touch -d '8 days ago' "$partial"/*
  tare system prune -f >/dev/null
  [ -z "$(ls "$partial")" ]
}

@test "what pulls left half fetched: system prune --all takes it at once, but not what somebody has" {
  partial=$TARE_ROOT/content/partial; mkdir -p "$partial"
  one=$(printf 1%.0s {1..64}) two=$(printf 2%.0s {1..64})
  for p in "$one" "$two"; do head -c 1000000 /dev/zero >"$partial/$p"; head -c 16 /dev/zero >"$partial/$p.map"; done
  tare system prune -f >/dev/null
  [ "$(find "$partial" -type f | wc -l)" = 4 ]
  exec 8<"$partial/$two"
  flock 8
  run -0 tare system prune -af 8<&-
  [[ "$output" == *"Total reclaimed space: 1"* ]]
  [ "$(cd "$partial" && echo *)" = "$two $two.map" ]
  exec 8<&-
  tare system prune -af >/dev/null
  [ -z "$(ls "$partial")" ]
}

@test "df: the build cache has a row of its own; reclaimable is what prune takes" {
  df_of() { tare system df --format json | jq -r "select(.Type == \"$1\").$2"; }
  tare builder prune -af >/dev/null
  tare load -q -i "$W/two.tar"
  printf 'FROM one:1\nCOPY big /big\n' >"$BATS_TEST_TMPDIR/Dockerfile"
  head -c 3000000 /dev/urandom >"$BATS_TEST_TMPDIR/big"
  tare load -q -i "$W/one.tar"
  tare build -q -t built:1 "$BATS_TEST_TMPDIR" >/dev/null
  [ "$(df_of "Build Cache" TotalCount) $(df_of "Build Cache" Active) $(df_of "Build Cache" Size)" = "1 1 0B" ]
  tare rmi built:1 >/dev/null
  tare image prune -f >/dev/null
  [ "$(df_of "Build Cache" Active)" = 0 ]
  [[ "$(df_of "Build Cache" Size)" == 6*MB ]]
  [ "$(df_of "Build Cache" Reclaimable)" = "$(df_of "Build Cache" Size) (100%)" ]
  # without containers all images are; what one holds is not
  [ "$(df_of Images Reclaimable)" = "$(df_of Images Size) (100%)" ]
  tare create --name holder one:1 x >/dev/null
  before=$(df_of Images Reclaimable)
  [ "$before" != "$(df_of Images Size) (100%)" ]
  run -0 tare image prune -af
  [[ "$output" == *"Total reclaimed space: ${before% *}" ]]
  [ "$(df_of Images Reclaimable)" = "0B (0%)" ]
  reclaimable=$(df_of "Build Cache" Reclaimable)
  run -0 tare builder prune -af
  [[ "$output" == *"Total reclaimed space: ${reclaimable% *}" ]]
  [ "$(df_of "Build Cache" TotalCount)" = 0 ]
  tare rm holder >/dev/null
}
