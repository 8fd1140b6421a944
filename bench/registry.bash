# A registry on loopback and the image that goes to it and comes from it: five layers, some 300 MB packed.
# shellcheck shell=bash disable=SC2034
export BATS_FILE_TMPDIR=$BENCH_WORK
. tests/lib/registry.bash
REGISTRY_PORT=5056
BIG_IMAGE=127.0.0.1:$REGISTRY_PORT/bench/big:1

# Debian's docker-registry; its folder is $BENCH_WORK/registry, and it can be taken away under it.
start_registry() {
  printf '%s\n' "version: 0.1" "storage: {filesystem: {rootdirectory: $BENCH_WORK/registry}}" "http: {addr: 127.0.0.1:$REGISTRY_PORT}" \
    "log: {level: error, accesslog: {disabled: true}}" >"$BENCH_WORK/registry.yml"
  "$(docker_registry_program)" serve "$BENCH_WORK/registry.yml" >"$BENCH_WORK/registry.log" 2>&1 </dev/null &
  namespaces+=($!) # ended with those
}

# layer TAR-ARGUMENT…: one more, gzip-compressed.
layout=$BENCH_WORK/layout
layers=() diffs=()
layer() {
  local t=$BENCH_WORK/layer digest
  tar --sort=name --numeric-owner -cf "$t" "$@"
  diffs+=("sha256:$(sha256sum <"$t" | cut -d' ' -f1)")
  gzip -n -1 "$t"
  digest=$(sha256sum <"$t.gz" | cut -d' ' -f1)
  layers+=("$(jq -nc --arg d "sha256:$digest" --argjson s "$(stat -c %s "$t.gz")" '{mediaType: "application/vnd.oci.image.layer.v1.tar+gzip", digest: $d, size: $s}')")
  mv "$t.gz" "$layout/blobs/sha256/$digest"
}
put() { # FILE: prints its descriptor without a type
  local digest; digest=$(sha256sum <"$1" | cut -d' ' -f1)
  cp "$1" "$layout/blobs/sha256/$digest"
  jq -nc --arg d "sha256:$digest" --argjson s "$(stat -c %s "$1")" '{digest: $d, size: $s}'
}
# bytes that do not pack, for what images have of archives, models and binaries
noise() { openssl enc -aes-128-ctr -nosalt -K "$(printf '%032d' "$1")" -iv 00000000000000000000000000000000 -in /dev/zero 2>/dev/null | head -c "$2" >"$BENCH_WORK/noise-$1" || true; }

# Sends it to the registry as BIG_IMAGE; BIG_BYTES is its layers' size.
make_big_image() {
  make_debian_root
  mkdir -p "$layout/blobs/sha256"
  noise 1 90000000; noise 2 70000000
  layer -C "$DEBIAN_ROOT" usr/lib
  layer -C "$DEBIAN_ROOT" usr/share
  layer -C "$DEBIAN_ROOT" --exclude=./usr/lib --exclude=./usr/share --exclude=./.made .
  layer -C "$BENCH_WORK" noise-1
  layer -C "$BENCH_WORK" noise-2
  jq -nc '{architecture: "amd64", os: "linux", config: {}, rootfs: {type: "layers", diff_ids: $ARGS.positional}}' --args "${diffs[@]}" >"$BENCH_WORK/config"
  jq -nc --argjson c "$(put "$BENCH_WORK/config")" --argjson l "$(printf '%s\n' "${layers[@]}" | jq -sc .)" \
    '{schemaVersion: 2, mediaType: "application/vnd.oci.image.manifest.v1+json", config: ({mediaType: "application/vnd.oci.image.config.v1+json"} + $c), layers: $l}' >"$BENCH_WORK/manifest"
  jq -nc --argjson m "$(put "$BENCH_WORK/manifest")" '{schemaVersion: 2, manifests: [{mediaType: "application/vnd.oci.image.manifest.v1+json"} + $m]}' >"$layout/index.json"
  echo '{"imageLayoutVersion":"1.0.0"}' >"$layout/oci-layout"
  skopeo copy -q --dest-tls-verify=false "oci:$layout" "docker://$BIG_IMAGE"
  BIG_BYTES=$(jq '[.layers[].size] | add' "$BENCH_WORK/manifest")
  rm -rf "$layout" "$BENCH_WORK"/noise-*
}
