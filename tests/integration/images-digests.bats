#!/usr/bin/env bats
# What images are called by digest: the registry's digest is kept, and the index that it is of; all tags of a repository at once.
load ../lib/common
load ../lib/registry

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  registry_start
  HERE=linux/$(tare version --format json | jq -r '.Arch // "amd64"')
  export HERE
  /usr/bin/python3 "$TARE_TESTS/lib/platforms.py" -n "$W/two" "$HERE" linux/s390x
  /usr/bin/python3 "$TARE_TESTS/lib/platforms.py" "$W/noted" "$HERE"
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_test_setup d; }
teardown() { registry_test_teardown; tare system prune -af >/dev/null; [ -z "$(ls -A "$TARE_ROOT/layers")" ]; [ -z "$(ls -A "$TARE_ROOT/content/blobs/sha256")" ]; }

put() { registry_put "d$BATS_TEST_NUMBER:$1" "$2"; } # TAG LAYOUT; prints the index' digest
of() { tare image inspect "$1" | jq -r ".[0]$2"; }
there() { skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }

@test "an image by an index has the index' digest, beside its manifest's, and is found by both" {
  index=$(put 1 "$W/two")
  run -0 tare pull "$NAME:1"
  [[ "$output" == *"Digest: $index"* ]]
  [ "$(of "$NAME:1" .RepoDigests)" = "$(jq -n --arg d "$NAME@$index" '[$d]')" ]
  manifest=$(of "$NAME:1" .Manifest)
  [ "$manifest" != "$index" ]
  for name in "$NAME@$index" "$NAME@$manifest"; do [ "$(of "$name" .Id)" = "$(of "$NAME:1" .Id)" ]; done
  [ "$(tare images --format json "$NAME" | jq -r .Digest)" = "$index" ]
  tare images --digests | grep -q "$index"
  [ "$(tare images -q --filter "digest=$index")" = "$(tare images -q "$NAME:1")" ]
  tare tag "$NAME:1" other:2
  [ "$(of other:2 '.RepoTags | length')" = 2 ]
  [ "$(tare images --format json other:2 | jq -r .Digest)" = "$manifest" ]
  # with the last tag of the repository goes what it is called there by digest
  run -0 tare rmi "$NAME:1"
  [ "$output" = "Untagged: $NAME:1
Untagged: $NAME@$index" ]
  [ "$(of other:2 '.RepoDigests | length')" = 0 ]
  [ "$(tare system check --format json | jq -r 'select(.About == "store")')" = "" ]
  run -0 tare rmi other:2
  [[ "$output" == *"Deleted: sha256:"* ]]
}

@test "by digest: no tag, a row of its own, found, run by, removed; pruned as one without a name" {
  index=$(put 1 "$W/two")
  tare pull -q "$NAME@$index"
  [ "$(of "$NAME@$index" '.RepoTags | length')" = 0 ]
  [ "$(tare images --format json | jq -r '"\(.Repository) \(.Tag) \(.Digest)"')" = "$NAME <none> $index" ]
  [ "$(tare images "$NAME" --format json | jq -r .Tag)" = "<none>" ]
  [ "$(tare images -q "$NAME@$index" | wc -l)" = 1 ]
  [ "$(tare images -q "$NAME:1" | wc -l)" = 0 ]
  run -0 tare pull "$NAME@$index"
  [[ "$output" == *"Image is up to date for $NAME@$index"* ]]
  tare pull -q "$NAME:1"
  run -0 tare rmi "$NAME@$index"
  [ "$output" = "Untagged: $NAME@$index" ]
  tare image inspect "$NAME:1" >/dev/null
  tare rmi "$NAME:1" >/dev/null
  tare pull -q "$NAME@$index"
  tare create --name by "$NAME@$index" x >/dev/null
  run -1 tare rmi "$NAME@$index"
  [[ "$output" == *"in use by container by"* ]]
  tare rm by >/dev/null
  run -0 tare image prune -f
  [[ "$output" == *"untagged: $NAME@$index"*"deleted: sha256:"* ]]
}

@test "push and save: the index' digest where all its platforms are here, else the manifest's, and that is said" {
  index=$(put 1 "$W/two")
  tare pull -q "$NAME:1"
  tare tag "$NAME:1" "$NAME-copy:1"
  run -0 --separate-stderr tare push "$NAME-copy:1"
  [[ "$stderr" == *"$NAME-copy:1: its index lists more than is here: only the manifest of this one goes"* ]]
  [ "$(there "$NAME-copy:1")" = "$(of "$NAME:1" .Manifest)" ]
  [ "$(of "$NAME-copy:1" '.RepoDigests | length')" = 2 ]
  [ "$(tare save "$NAME:1" | tar -xO index.json | jq -r '.manifests[0].digest')" = "$(of "$NAME:1" .Manifest)" ]
  tare pull -q --platform linux/s390x "$NAME:1"
  tare tag "$NAME:1" "$NAME-whole:1"
  registry_log_clear
  run -0 --separate-stderr tare push "$NAME-whole:1"
  [[ "$output" == *"1: digest: $index size: "* ]]
  [[ "$stderr" != *"its index"* ]]
  [ "$(there "$NAME-whole:1")" = "$index" ]
  # the tag comes last
  [ "$(registry_log | jq -rs 'map(select(.method == "PUT" and (.path | test("/manifests/"))) | .path | split("/") | last) | last')" = 1 ]
  skopeo copy -q --all --src-tls-verify=false "docker://$NAME-whole:1" "oci:$BATS_TEST_TMPDIR/back:1"
  tare save -o "$BATS_TEST_TMPDIR/a.tar" "$NAME-whole:1"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/a.tar" index.json | jq -r '.manifests[0].digest')" = "$index" ]
  skopeo copy -q --all "oci-archive:$BATS_TEST_TMPDIR/a.tar" "dir:$BATS_TEST_TMPDIR/dir"
  [ "sha256:$(sha256sum "$BATS_TEST_TMPDIR/dir/manifest.json" | cut -d' ' -f1)" = "$index" ]
  [ "$(skopeo inspect --format '{{.Architecture}}' "docker-archive:$BATS_TEST_TMPDIR/a.tar:$NAME-whole:1")" = s390x ]
  # a platform that is asked for is one manifest's
  tare push -q --platform linux/s390x "$NAME-whole:1"
  [ "$(there "$NAME-whole:1")" = "$(of "$NAME-whole:1" .Manifest)" ]
}

@test "what an index lists beside images is not fetched, and it is not taken for whole" {
  index=$(put 1 "$W/noted")
  tare pull -q "$NAME:1"
  [ "$(tare images --format json "$NAME" | jq -r .Digest)" = "$index" ]
  tare tag "$NAME:1" "$NAME-copy:1"
  run -0 --separate-stderr tare push -q "$NAME-copy:1"
  [[ "$stderr" == *"lists more than is here"* ]]
}

@test "a push says what the registry calls the image from then on; a moved tag leaves the other its digest" {
  one=$(registry_image "d$BATS_TEST_NUMBER:1" 3000)
  tare pull -q "$NAME:1"
  tare tag "$NAME:1" "$NAME-b:x"
  tare push -q "$NAME-b:x"
  [ "$(of "$NAME:1" '.RepoDigests | sort | join(" ")')" = "$NAME-b@$one $NAME@$one" ]
  two=$(registry_image "d$BATS_TEST_NUMBER:1" 4000)
  tare pull -q "$NAME:1"
  [ "$(of "$NAME@$one" .RepoTags)" = "$(jq -n --arg n "$NAME-b:x" '[$n]')" ]
  [ "$(of "$NAME:1" '.RepoDigests[0]')" = "$NAME@$two" ]
  [ "$(tare images --digests --format json "$NAME" | jq -r '"\(.Tag) \(.Digest)"' | sort)" = "$(printf '%s\n' "1 $two" "<none> $one" | sort)" ]
}

@test "an image by two manifests is found and removed by the digest of either" {
  skopeo copy -q --dest-tls-verify=false "oci-archive:$(busybox_archive)" "docker://$NAME:oci"
  skopeo copy -q --dest-tls-verify=false --format v2s2 "oci-archive:$(busybox_archive)" "docker://$NAME:docker"
  one=$(there "$NAME:oci") two=$(there "$NAME:docker")
  [ "$one" != "$two" ]
  for d in "$one" "$two"; do tare pull -q "$NAME@$d"; done
  for d in "$one" "$two"; do
    [ "$(tare images -q "$NAME@$d" | wc -l)" = 1 ]
    [ "$(of "$NAME@$d" '.RepoDigests | length')" = 2 ]
  done
  run -0 tare rmi "$NAME@$one"
  [ "$output" = "Untagged: $NAME@$one" ]
  run -1 tare image inspect "$NAME@$one"
  run -0 tare rmi "$NAME@$two"
  [[ "$output" == *"Deleted: sha256:"* ]]
}

@test "a tag is pushed by the manifest that it came by, whatever brought the image since" {
  skopeo copy -q --dest-tls-verify=false --format v2s2 "oci-archive:$(busybox_archive)" "docker://$NAME:docker"
  skopeo copy -q --dest-tls-verify=false "oci-archive:$(busybox_archive)" "docker://$NAME:oci"
  one=$(there "$NAME:docker") two=$(there "$NAME:oci")
  tare pull -q "$NAME:docker"
  tare tag "$NAME:docker" "$NAME:copy"
  tare pull -q "$NAME:oci"
  [ "$(tare images -q --no-trunc "$NAME" | sort -u | wc -l)" = 1 ]
  tare image prune -f >/dev/null
  tare save "$NAME:docker" >"$BATS_TEST_TMPDIR/a.tar"
  [ "$(tar -xOf "$BATS_TEST_TMPDIR/a.tar" index.json | jq -r '.manifests[0].digest')" = "$one" ]
  run -0 --separate-stderr tare push -q "$NAME:docker"
  [ "$stderr" = "" ]
  tare push -q --platform "$HERE" "$NAME:docker"
  tare push -q -a "$NAME"
  [ "$(there "$NAME:docker") $(there "$NAME:oci") $(there "$NAME:copy")" = "$one $two $one" ]
  # what the store has lost of it
  rm "$TARE_ROOT/content/blobs/sha256/${one#sha256:}"
  run -0 --separate-stderr tare push "$NAME:copy"
  [[ "$stderr" == *"$NAME:copy: of the manifest that it came by something is not here: it goes by another, with another digest"* ]]
  [ "$(there "$NAME:copy")" = "$two" ]
  # an archive's tag is by its own
  tare pull -q "$NAME:docker"
  skopeo copy -q "docker-archive:$BATS_TEST_TMPDIR/a.tar:$NAME:docker" "docker-archive:$BATS_TEST_TMPDIR/b.tar:$NAME:copy"
  tare load -q -i "$BATS_TEST_TMPDIR/b.tar"
  tare push -q -a "$NAME"
  [ "$(there "$NAME:docker") $(there "$NAME:oci")" = "$one $two" ]
  # layers packed otherwise stay for as long as a tag means them
  tare rmi "$NAME:copy" "$NAME:docker" >/dev/null
  tare image prune -f >/dev/null
  [ ! -e "$TARE_ROOT/content/blobs/sha256/${one#sha256:}" ]
  tare image verify "$NAME:oci"
}

@test "rmi by a digest takes nothing away that the name has no part in" {
  tare load -q -i "$(busybox_archive)"
  digest=$(of busybox .Manifest)
  for force in "" -f; do
    # shellcheck disable=SC2086
    run -1 tare rmi $force "nosuch/name@$digest"
    [[ "$output" == *"no such image: nosuch/name@$digest"* ]]
  done
  [ "$(of busybox '.RepoTags[0]')" = busybox:latest ]
  run -0 tare rmi "busybox@$digest"
  [[ "$output" == *"Deleted: sha256:"* ]]
}

@test "pull --all-tags: page by page; one that cannot be had does not keep the others away" {
  registry_start -n paged --page 2
  for i in 1 2 3 4 5; do R=paged registry_image "app:$i" $((1000 + i)) >/dev/null; done
  name=$(registry paged)/app
  run -0 tare pull -q -a "$name"
  [ "$output" = "$(printf "$name:%s\n" 1 2 3 4 5)" ]
  [ "$(R=paged registry_count GET /tags/list)" = 3 ]
  [ "$(tare images -q "$name" | wc -l)" = 5 ]
  R=paged registry_fault status GET /manifests/3 code=404 times=0
  run -1 tare pull -q --all-tags "$name"
  [ "$(grep -c "^$name:" <<<"$output")" = 4 ]
  [[ "$output" == *"$name:3: manifest: $(registry paged) does not have it"* ]]
  run -1 tare pull -q -a "$name:1"
  [[ "$output" == *"--all-tags takes a name without tag and digest"* ]]
  run -1 tare pull -q -a "$(registry paged)/nosuch"
  [[ "$output" == *"does not have it"* ]]
  R=paged registry_faults_clear
  R=paged registry_fault html GET /tags/ times=0
  run -1 tare pull -q -a "$name"
  [ "$(wc -l <<<"$output")" = 1 ]
}

@test "a catalog of an older tare: what was called by digest is not a tag any more" {
  registry_image "d$BATS_TEST_NUMBER:1" 3000 >/dev/null
  tare pull -q "$NAME:1"
  python3 - "$TARE_ROOT/catalog.db" "$NAME@$(of "$NAME:1" .Manifest)" <<'X'
import sqlite3, sys
c = sqlite3.connect(sys.argv[1])
c.executescript("DROP TABLE repo_digests; DROP TABLE documents; ALTER TABLE tags DROP COLUMN document;"
                + "".join("ALTER TABLE containers DROP COLUMN %s;" % n for n in ("stopped", "restarts", "restart_wait", "restart_due")) +
                "DROP TABLE volume_uses; DROP TABLE volumes; DROP TABLE manifest_blobs; ALTER TABLE tags DROP COLUMN manifest;"
                "ALTER TABLE images DROP COLUMN tagged; ALTER TABLE images DROP COLUMN parent; DROP INDEX containers_checked; PRAGMA user_version=7;")
c.execute("INSERT INTO tags(ref, image) SELECT ?, id FROM images", sys.argv[2:])
c.commit()
X
  [ "$(of "$NAME:1" '.RepoTags | join(" ")')" = "$NAME:1" ]
  [ "$(of "$NAME:1" '.RepoDigests | join(" ")')" = "$NAME@$(of "$NAME:1" .Manifest)" ]
}
