#!/usr/bin/env bats
# tare image copy: between registries, OCI layouts, archives and the store; artifacts, and what refers to an image.
load ../lib/common
load ../lib/registry

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS W=$BATS_FILE_TMPDIR
  registry_start
  /usr/bin/python3 "$TARE_TESTS/lib/platforms.py" -n "$W/multi" linux/amd64 linux/s390x
}
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_test_setup c; T=$BATS_TEST_TMPDIR REPO=c$BATS_TEST_NUMBER; }
teardown() {
  registry_test_teardown
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}
raw() { skopeo inspect --raw --tls-verify=false "docker://$1" | sha256sum | sed 's/^\([0-9a-f]*\).*/sha256:\1/'; }
one_line() { [ "$(wc -l <<<"$output")" = 1 ] || { echo "$output"; return 1; }; }
# put_manifest REPO REFERENCE JSON: lays a manifest into the registry; prints its digest
put_manifest() {
  registry_ask -X PUT -H "Content-Type: $(jq -r .mediaType <<<"$3")" -d "$3" "/v2/$1/manifests/$2" | jq -e '.status == 201' >/dev/null
  printf 'sha256:%s\n' "$(printf %s "$3" | sha256sum | cut -d' ' -f1)"
}
# put_blob REPO TEXT: prints its descriptor without a media type
put_blob() {
  local d; d=sha256:$(printf %s "$2" | sha256sum | cut -d' ' -f1)
  registry_ask -X POST -d "$2" "/v2/$1/blobs/uploads/?digest=$d" | jq -e '.status == 201' >/dev/null
  jq -nc --arg d "$d" --argjson n ${#2} '{digest: $d, size: $n}'
}
# artifact REPO REFERENCE SUBJECT-JSON: of types that nobody knows
artifact() {
  put_manifest "$1" "$2" "$(jq -nc --argjson c "$(put_blob "$1" '{}')" --argjson l "$(put_blob "$1" "some $2 text")" --argjson s "${3:-null}" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", artifactType: "application/vnd.test.thing",
      config: ($c + {mediaType: "application/vnd.test.config"}), layers: [$l + {mediaType: "text/x-test"}]} + if $s then {subject: $s} else {} end')"
}

@test "registry to registry: an index with everything that it lists, byte for byte, nothing of it in the store" {
  index=$(registry_put "$REPO:1" "$W/multi")
  registry_start -n other
  to=$(registry other)/team/app
  run -0 tare image copy -q "docker://$NAME:1" "docker://$to:1"
  [ "$output" = "$index" ]
  [ "$(raw "$to:1")" = "$index" ]
  skopeo copy -q --all --src-tls-verify=false "docker://$to:1" "dir:$T/dir" || [ -e "$T/dir/manifest.json" ]
  [ -z "$(tare images -q)" ]
  [ -z "$(ls -A "$TARE_ROOT/content/blobs/sha256")" ]
  # what is there already is not sent again; by digest; one platform
  R=other registry_log_clear
  tare image copy -q "docker://$NAME@$index" "docker://$to:2"
  [ "$(R=other registry_log | jq -s 'map(select(.path | test("/blobs/")) | .received) | add')" = 0 ]
  run -0 tare image copy -q --platform linux/s390x "docker://$NAME:1" "docker://$to:z"
  [ "$(raw "$to:z")" = "$output" ]
  [ "$output" != "$index" ]
  for from in "docker://$to:z" "oci:$T/z:x" mine:1; do
    case $from in oci:*) tare image copy -q "docker://$to:z" "$from" ;; mine:*) tare image copy -q --platform linux/s390x "docker://$to:z" mine:1 ;; esac
    for there in "docker://$to:y" "oci:$T/y:x" mine:2; do
      run -1 tare image copy -q --platform linux/amd64 "$from" "$there"
      one_line; [[ "$output" == *"linux/s390x"*"linux/amd64"* || "$output" == *"linux/amd64"*"linux/s390x"* ]]
    done
  done
  tare rmi mine:1 >/dev/null
  run -1 tare image copy -q --platform linux/riscv64 "docker://$NAME:1" "docker://$to:z"
  [[ "$output" == *"no image for linux/riscv64"* ]]
  run -1 tare image copy -q "docker://$NAME:nosuch" "docker://$to:1"
  one_line; [[ "$output" == *"docker://$NAME:nosuch: manifest: "*"does not have it"* ]]
}

@test "layouts and archives, there and back; other tools read them" {
  digest=$(registry_put "$REPO:1" "$(busybox_archive)")
  [ "$(tare image copy -q "docker://$NAME:1" "oci:$T/layout:one")" = "$digest" ]
  [ "$(skopeo inspect --format '{{.Digest}}' "oci:$T/layout:one")" = "$digest" ]
  index=$(registry_put "$REPO:2" "$W/multi")
  tare image copy -q "docker://$NAME:2" "oci:$T/layout:two"
  [ "$(jq -r '[.manifests[].annotations["org.opencontainers.image.ref.name"]] | sort | join(" ")' "$T/layout/index.json")" = "one two" ]
  [ "$(tare image copy -q "oci:$T/layout:one" "docker://$NAME:back")" = "$digest" ]
  [ "$(tare image copy -q "oci:$T/layout:two" "docker://$NAME:back2")" = "$index" ]
  run -1 tare image copy -q "oci:$T/layout" "docker://$NAME:x"
  one_line; [[ "$output" == *"say which, :NAME; there are: one, two"* ]]
  # the same name again: in its place
  tare image copy -q "docker://$NAME:1" "oci:$T/layout:two"
  [ "$(jq '.manifests | length' "$T/layout/index.json")" = 2 ]
  [ "$(tare image copy -q "oci:$T/layout:one" "oci-archive:$T/a.tar:one")" = "$digest" ]
  skopeo copy -q "oci-archive:$T/a.tar:one" "dir:$T/d"
  [ "sha256:$(sha256sum "$T/d/manifest.json" | cut -d' ' -f1)" = "$digest" ]
  [ "$(tare image copy -q "oci-archive:$T/a.tar" "docker://$NAME:from-archive")" = "$digest" ]
  skopeo copy -q "oci-archive:$(busybox_archive)" "docker-archive:$T/docker.tar:busybox:1"
  tare image copy -q "docker-archive:$T/docker.tar" "docker://$NAME:from-docker"
  tare pull -q "$NAME:from-docker"
  [ "$(tare run --rm "$NAME:from-docker" echo hello)" = hello ]
  [ -z "$(find "$T/layout/blobs" -name '.*' -type f)" ]
}

@test "the store: from everywhere under a name, and to everywhere" {
  digest=$(registry_put "$REPO:1" "$(busybox_archive)")
  tare image copy -q "docker://$NAME:1" mine:1
  [ "$(tare images --format json | jq -r '.Repository + ":" + .Tag' | xargs)" = mine:1 ]
  [ "$(tare run --rm mine:1 echo hello)" = hello ]
  [ "$(tare image copy -q mine:1 "oci:$T/l:x")" = "$digest" ]
  [ "$(tare image copy -q mine:1 "docker://$NAME:again")" = "$digest" ]
  tare image copy -q mine:1 "docker-archive:$T/d.tar"
  [ "$(skopeo inspect --format '{{.Architecture}}' "docker-archive:$T/d.tar:mine:1")" != "" ]
  tare image copy -q mine:1 mine:2
  tare rmi mine:1 mine:2 >/dev/null
  tare image copy -q "oci:$T/l:x" mine:3
  [ "$(tare image inspect mine:3 | jq -r '.[0].Manifest')" = "$digest" ]
  tare rmi mine:3 >/dev/null
  run -1 tare image copy -q "docker://$NAME:1" "docker-archive:$T/e.tar"
  one_line; [[ "$output" == *"copy it to a name of the store first"* ]]
  run -1 tare image copy -q nosuch "oci:$T/l:x"
  one_line
  for bad in dir:x docker-daemon:x oci: "docker://Not/A/Name"; do
    run -1 tare image copy -q "$bad" mine:4
    one_line
  done
}

@test "artifacts go as they are, and are not taken for images" {
  digest=$(artifact "$REPO" thing)
  registry_start -n other
  [ "$(tare image copy -q "docker://$NAME:thing" "docker://$(registry other)/a/b:1")" = "$digest" ]
  [ "$(raw "$(registry other)/a/b:1")" = "$digest" ]
  tare image copy -q "docker://$NAME:thing" "oci:$T/l:thing"
  [ "$(tare image copy -q "oci:$T/l:thing" "docker://$(registry other)/a/b:2")" = "$digest" ]
  run -1 tare pull -q "$NAME:thing"
  one_line; [[ "$output" == *"it is an artifact ('application/vnd.test.thing'), no image: tare image copy docker://$NAME:thing oci:DIR takes it"* ]]
  put_manifest "$REPO" chart "$(jq -nc --argjson c "$(put_blob "$REPO" '{}')" --argjson l "$(put_blob "$REPO" chart)" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: ($c + {mediaType: "application/vnd.cncf.helm.config.v1+json"}), layers: [$l + {mediaType: "text/x-test"}]}')"
  run -1 tare pull -q "$NAME:chart"
  one_line; [[ "$output" == *"it is an artifact ('application/vnd.cncf.helm.config.v1+json'), no image: tare image copy "* ]]
  run -1 tare image copy -q "docker://$NAME:thing" mine:1
  one_line
  [ -z "$(tare images -q)" ]
}

@test "--referrers: signatures go with the image, by the API and by the tag that stands for it" {
  digest=$(registry_image "$REPO:1" 3000)
  subject=$(jq -nc --arg d "$digest" '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 1}')
  first=$(artifact "$REPO" one "$subject"); second=$(artifact "$REPO" two "$subject")
  registry_start -n other
  to=$(registry other)/team/app
  tare image copy -q "docker://$NAME:1" "docker://$to:1"
  [ "$(R=other registry_ask "/v2/team/app/referrers/$digest" | jq '.text | fromjson | .manifests | length')" = 0 ]
  run -0 tare image copy -q --referrers "docker://$NAME:1" "docker://$to:1"
  [ "$output" = "$digest" ]
  [ "$(R=other registry_ask "/v2/team/app/referrers/$digest" | jq -r '.text | fromjson | [.manifests[].digest] | sort | join(" ")')" = \
    "$(printf '%s\n' "$first" "$second" | sort | xargs)" ]
  tare image copy -q --referrers "docker://$NAME:1" "oci:$T/l:x"
  [ "$(jq '.manifests | length' "$T/l/index.json")" = 3 ]
  # a registry without the API
  registry_fault status GET /referrers/ code=404 times=0
  put_manifest "$REPO" "sha256-${digest#sha256:}" "$(jq -nc --arg d "$first" '{schemaVersion: 2, mediaType: "application/vnd.oci.image.index.v1+json",
    manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 1}]}')" >/dev/null
  run -0 tare image copy -q --referrers "docker://$NAME:1" "docker://$to-b:1"
  [ "$(R=other registry_ask "/v2/team/app-b/referrers/$digest" | jq -r '.text | fromjson | .manifests[0].digest')" = "$first" ]
  # a registry that does not see what a manifest refers to gets the tag that says it, with one entry more each time
  registry_faults_clear
  tag=$to-c:sha256-${digest#sha256:}
  R=other registry_fault header PUT /manifests/ name=OCI-Subject times=0
  for i in 1 2; do
    tare image copy -q --referrers "docker://$NAME:1" "docker://$to-c:1"
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$tag" | jq -r '[.manifests[].digest] | sort | join(" ")')" = "$(printf '%s\n' "$first" "$second" | sort | xargs)" ]
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$tag" | jq -r '.manifests[0].artifactType')" = application/vnd.test.thing ]
  done
  run -1 tare image copy --referrers "oci:$T/l:x" "docker://$to:1"
  one_line; [[ "$output" == *"--referrers is for copies from a registry"* ]]
}

@test "tree --referrers: what refers to an image, where its registries know it" {
  digest=$(registry_image "$REPO:1" 3000)
  tare pull -q "$NAME:1"
  run -0 tare image tree --referrers
  [ "${#lines[@]}" = 1 ]
  first=$(artifact "$REPO" one "$(jq -nc --arg d "$digest" '{mediaType: "application/vnd.oci.image.manifest.v1+json", digest: $d, size: 1}')")
  run -0 tare image tree --referrers "$NAME:1"
  [ "${#lines[@]}" = 2 ]
  [ "${lines[1]}" = "   * application/vnd.test.thing ${first:0:19} of $NAME@$digest" ]
  run -0 tare image tree
  [ "${#lines[@]}" = 1 ]
  registry_fault status GET /referrers/ code=500 times=0
  run -0 --separate-stderr tare image tree --referrers
  [ "${#lines[@]}" = 1 ]
  [[ "$stderr" == *"$NAME@$digest: referrers/"*"answers 500"* ]]
}

@test "what lies, stalls, is cut off or damaged: one line, no name, nothing staged; what passes" {
  registry_image "$REPO:1" 3000000 5000 >/dev/null
  registry_start -n other
  to=$(registry other)/x/y
  registry_fault cut GET /blobs/ nth=1 after=1000000
  registry_fault status GET /blobs/ nth=3 code=503
  tare image copy -q "docker://$NAME:1" "docker://$to:ok"
  fails() { # MESSAGE
    run -1 tare image copy -q "docker://$NAME:1" "docker://$to:bad"
    one_line && [[ "$output" == *"$1"* ]] || { echo "$output"; return 1; }
    registry_faults_clear; R=other registry_faults_clear
    run ! skopeo inspect --tls-verify=false "docker://$to:bad"
  }
  registry_fault wrong-bytes GET /blobs/ times=0; fails "it is damaged"
  registry_fault long GET /blobs/ extra=5 times=0; fails "more than the"
  registry_fault less GET /blobs/ bytes=100 times=0; fails "only 100 bytes come"
  registry_fault html GET /blobs/ times=0; fails "its manifest says"
  registry_fault html GET /manifests/ times=0; fails "expected a value"
  registry_fault status GET /blobs/ code=404 times=0; fails "does not have it"
  R=other registry_fault status POST /blobs/uploads/ code=400 times=0
  run -1 tare image copy -q "docker://$NAME:1" "docker://$to-b:1"
  one_line; [[ "$output" == *"docker://$to-b:1: blob "*"answers 400"* ]]
  R=other registry_faults_clear
  digest=$(tare image copy -q "docker://$NAME:1" "oci:$T/l:x")
  registry_fault wrong-bytes GET /manifests/ times=0
  run -1 tare image copy -q "docker://$NAME@$digest" "docker://$to:bad"
  one_line; [[ "$output" == *"sends bytes with the digest"*"asked was for $digest"* ]]
  registry_faults_clear
  run -1 tare image copy -q "docker://$NAME:1" "docker://$to@sha256:$(printf 0%.0s {1..64})"
  one_line; [[ "$output" == *"what is copied has the digest $digest"* ]]
  cp -a "$T/l" "$T/doc"
  sed -i 's/"schemaVersion"/"schemaversion"/' "$T/doc/blobs/sha256/${digest#sha256:}"
  run -1 tare image copy -q "oci:$T/doc:x" "docker://$to:bad"
  one_line; [[ "$output" == *"blob $digest has the digest"*"it is damaged"* ]]
  blob=$(find "$T/l/blobs/sha256" -size +1M)
  printf X | dd of="$blob" bs=1 seek=100 conv=notrunc status=none
  run -1 tare image copy -q "oci:$T/l:x" "oci:$T/other:x"
  one_line; [[ "$output" == *"it is damaged"* ]]
  [ ! -e "$T/other/index.json" ]
  run -1 tare image copy -q "oci:$T/l:x" "oci-archive:$T/o.tar"
  one_line
  [ ! -e "$T/o.tar" ]
  rm "$blob"
  run -1 tare image copy -q "oci:$T/l:x" "docker://$to:bad"
  one_line
}

@test "a blob of the layout that is damaged is written anew" {
  local d=$BATS_TEST_TMPDIR/damaged blob
  registry_put "$REPO:1" "$W/multi"
  tare image copy -q "docker://$NAME:1" "oci:$d"
  for blob in "$d"/blobs/sha256/*; do printf '%s' "$(head -c 1 "$blob" | tr '\0-\377' '\1-\377\0')" | dd of="$blob" conv=notrunc status=none; done
  tare image copy -q "docker://$NAME:1" "oci:$d"
  for blob in "$d"/blobs/sha256/*; do [ "$(sha256sum <"$blob" | cut -c1-64)" = "${blob##*/}" ]; done
}

@test "more blobs than tare-transfer is given files at once" {
  /usr/bin/python3 - "$T/many" <<'P'
import hashlib, json, os, sys
top = sys.argv[1]; os.makedirs(top + "/blobs/sha256")
def put(data, kind):
    digest = hashlib.sha256(data).hexdigest()
    open(top + "/blobs/sha256/" + digest, "wb").write(data)
    return {"mediaType": kind, "digest": "sha256:" + digest, "size": len(data)}
manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "config": put(b"{}", "application/vnd.test.config"),
            "layers": [put(b"%d" % n, "text/x-test") for n in range(250)]}
open(top + "/index.json", "w").write(json.dumps({"schemaVersion": 2, "manifests": [put(json.dumps(manifest).encode(), manifest["mediaType"])]}))
open(top + "/oci-layout", "w").write('{"imageLayoutVersion":"1.0.0"}')
P
  tare image copy -q "oci:$T/many" "docker://$NAME:1"
  (ulimit -n 512; "$TARE_BIN/tare" image copy -q "docker://$NAME:1" "oci:$T/there")
  diff -r "$T/many/blobs" "$T/there/blobs"
}
