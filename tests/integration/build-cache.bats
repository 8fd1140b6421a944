#!/usr/bin/env bats
# tare build --cache-to, --cache-from: what steps gave goes to another machine (here: another store), and nothing else can come from there.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() {
  ctx=$BATS_TEST_TMPDIR/ctx cache=$BATS_TEST_TMPDIR/cache
  mkdir -p "$ctx"; echo content >"$ctx/file"
  # what RUN writes is random: who has the same has it from the cache
  cat >"$ctx/Dockerfile" <<'D'
FROM busybox AS tools
RUN head -c 20 /dev/urandom | base64 >/tool
FROM busybox
COPY file /
RUN head -c 20 /dev/urandom | base64 >/made
COPY --from=tools /tool /
WORKDIR /place
D
}
teardown() { registry_stop; tare builder prune -af >/dev/null; }
# elsewhere COMMAND...: in a store of its own
elsewhere() (
  export TARE_ROOT=$BATS_TEST_TMPDIR/root${N:-2} TARE_STATE=$BATS_TEST_TMPDIR/run${N:-2}
  [ -e "$TARE_ROOT" ] || load_busybox >&2
  "$@"
)
built() { tare images --digests --no-trunc "$1" | awk 'NR == 2 { print $3 }'; }
cached() { grep -c 'from the cache' <<<"$output"; }
config_of() { # FOLDER: of its cache
  local m
  m=$(jq -r '.manifests[0].digest' "$1/index.json")
  echo "$1/blobs/sha256/$(jq -r '.config.digest' "$1/blobs/sha256/${m#sha256:}" | sed 's/sha256://')"
}
# reseal FOLDER JQ: its configuration changed, and everything that names it again as it should be
reseal() {
  local d=$1 c m new
  m=$d/blobs/sha256/$(jq -r '.manifests[0].digest' "$d/index.json" | sed 's/sha256://')
  c=$(config_of "$d")
  jq -c "$2" "$c" >"$d/new"
  new=$(sha256sum <"$d/new" | cut -c1-64)
  jq -c --arg d "sha256:$new" --argjson s "$(stat -c %s "$d/new")" '.config.digest = $d | .config.size = $s' "$m" >"$d/newm"
  mv "$d/new" "$d/blobs/sha256/$new"
  new=$(sha256sum <"$d/newm" | cut -c1-64)
  jq -c --arg d "sha256:$new" --argjson s "$(stat -c %s "$d/newm")" '.manifests[0].digest = $d | .manifests[0].size = $s' "$d/index.json" >"$d/newi"
  mv "$d/newm" "$d/blobs/sha256/$new"; mv "$d/newi" "$d/index.json"
}

@test "type=local: another store takes the steps from the folder; min has the image's, max all" {
  run -0 tare build -t t --cache-to "type=local,dest=$cache/min" --cache-to "type=local,dest=$cache/max,mode=max" "$ctx"
  [ "$(jq '."tare.buildcache.v1" | length' "$(config_of "$cache/min")")" = 4 ]
  [ "$(jq '."tare.buildcache.v1" | length' "$(config_of "$cache/max")")" = 5 ]
  want=$(built t)
  run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache/max" "$ctx"
  [ "$(cached)" = 5 ]
  [ "$(grep -c -- '---> *--->' <<<"$output")" = 0 ]
  [ "$(elsewhere built t)" = "$want" ]
  run -0 elsewhere tare image verify t
  # what came is kept as if it had been built there
  run -0 elsewhere tare build -t t "$ctx"
  [ "$(grep -c 'using the cache' <<<"$output")" = 5 ]
  # of min the tools are not there: built anew, and what depends on them, too
  N=3 run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache/min" "$ctx"
  [ "$(cached)" = 2 ]
  [ "$(N=3 elsewhere built t)" != "$want" ]
}

@test "the same cache twice is the same bytes, in the place of the older; nothing cached is nothing written" {
  run -0 tare build --cache-to "type=local,dest=$cache" "$ctx"
  before=$(sha256sum "$cache/index.json")
  run -0 tare build --cache-to "type=local,dest=$cache" "$ctx"
  [ "$(sha256sum "$cache/index.json")" = "$before" ]
  run -0 tare build --no-cache --cache-to "type=local,dest=$cache" "$ctx"
  [ "$(sha256sum "$cache/index.json")" != "$before" ]
  run -0 tare build --no-cache --cache-from "type=local,src=$cache" "$ctx"
  [ "$(cached)" = 0 ]
}

@test "which stage is done first has no part in what a cache is" {
  printf '%s\n' 'FROM busybox AS a' 'RUN sleep 1; echo a >/a' 'FROM busybox AS b' 'RUN echo b >/b' 'FROM busybox AS c' 'RUN sleep 2; echo c >/c' \
    'FROM busybox' 'COPY --from=a /a /' 'COPY --from=b /b /' 'COPY --from=c /c /' >"$ctx/Dockerfile"
  run -0 tare build --no-cache --jobs 1 --cache-to "type=local,dest=$cache/1,mode=max" "$ctx"
  run -0 tare build --no-cache --jobs 3 --cache-to "type=local,dest=$cache/3,mode=max" "$ctx"
  cmp "$cache/1/index.json" "$cache/3/index.json"
}

@test "type=registry: only what a step asks for is fetched" {
  registry_start
  ref=$(registry)/cache/app:1
  run -0 tare build -t t --cache-to "type=registry,ref=$ref,mode=max" "$ctx"
  want=$(built t)
  echo other >"$ctx/other"; echo 'COPY other /' >>"$ctx/Dockerfile"
  registry_log_clear
  run -0 elsewhere tare build --jobs 1 -t t --cache-from "$ref" "$ctx"
  [ "$(cached)" = 5 ]
  # its document (each process of a stage asks for it) and four layers: what COPY takes of the tools is the layer that made them
  [ "$(registry_count GET /blobs/)" = 5 ]
  registry_log_clear
  run -0 elsewhere tare build -t t --cache-from "$ref" "$ctx"
  [ "$(registry_count '' '')" = 0 ]
  sed -i '/urandom.*tool/s/20/21/' "$ctx/Dockerfile"
  N=3 run -0 elsewhere tare build -t t --cache-from "type=registry,ref=$ref" "$ctx"
  [ "$(cached)" = 2 ]
  # it is an image that others can copy
  skopeo copy -q --src-tls-verify=false "docker://$ref" "oci:$BATS_TEST_TMPDIR/copy:1"
  [ -n "$want" ]
}

@test "type=inline: the image brings its cache along" {
  registry_start
  ref=$(registry)/team/app:1
  run -0 tare build --push -t "$ref" --cache-to type=inline "$ctx"
  want=$(built "$ref")
  sed -i 's/^FROM busybox$/FROM busybox AS last/' "$ctx/Dockerfile"
  run -0 elsewhere tare build -t t --cache-from "$ref" --target last "$ctx"
  [ "$(cached)" = 2 ]
  run -0 elsewhere tare pull -q "$ref"
  [ "$(elsewhere tare run --rm "$ref" cat /made)" = "$(elsewhere tare run --rm t cat /made)" ]
  run -0 tare build -t plain "$ctx"
  [ "$(built plain)" != "$want" ]
}

@test "a cache that lies: its layers are what it says they are, or are not taken" {
  run -0 tare build --cache-to "type=local,dest=$cache,mode=max" "$ctx"
  # a blob that is another's
  cp -a "$cache" "$cache.blob"
  one=$(find "$cache.blob/blobs" -type f -exec sh -c 'gzip -t "$1" 2>/dev/null && echo "$1"' _ {} \; | sort | tail -n 1)
  printf '%b' "\\x$(printf %02x $(($(od -An -tu1 -j30 -N1 "$one") ^ 1)))" | dd of="$one" bs=1 seek=30 conv=notrunc 2>/dev/null
  run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache.blob" "$ctx"
  [[ "$output" == *"warning: --cache-from"* ]]
  [ "$(cached)" -lt 5 ]
  # a diff id that is another's
  cp -a "$cache" "$cache.diff"
  reseal "$cache.diff" '.rootfs.diff_ids |= map("sha256:" + ("ab" * 32))'
  N=3 run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache.diff" "$ctx"
  [[ "$output" == *"warning: --cache-from"* ]]
  N=3 run -0 elsewhere tare image verify t
  # a document that was changed, and one that is none
  cp -a "$cache" "$cache.doc"
  echo ' ' >>"$(config_of "$cache.doc")"
  N=4 run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache.doc" "$ctx"
  [[ "$output" == *"damaged"* ]]
  # numbers that mean nothing, keys that are none, a link for a blob
  cp -a "$cache" "$cache.odd"
  reseal "$cache.odd" '."tare.buildcache.v1" |= (map(.layer = 99) + [1, "x", {}, {"key": 3}, {"key": "x", "layer": -1}])'
  N=4 run -0 elsewhere tare build -t t --cache-from "type=local,src=$cache.odd" "$ctx"
  [ "$(cached)" = 0 ]
  for f in "$cache"/blobs/sha256/*; do mv "$f" "$f.real"; ln -s "$f.real" "$f"; done
  N=4 run -0 elsewhere tare build --no-cache -t t --cache-from "type=local,src=$cache" "$ctx"
  [ "$(elsewhere find "$BATS_TEST_TMPDIR/root4/ingest" -mindepth 1 -maxdepth 1 -type d | wc -l)" = 0 ]
}

@test "a cache that is not there is a warning, one that cannot be written an error" {
  run -0 tare build --cache-from "type=local,src=$cache" "$ctx"
  [[ "$output" == *"warning: --cache-from type=local,src=$cache: "*"No such file"* ]]
  tare builder prune -af
  run -0 tare build --jobs 1 --cache-from 127.0.0.1:1/none "$ctx"
  [ "$(grep -c 'warning: --cache-from 127.0.0.1:1/none' <<<"$output")" = 1 ]
  tare builder prune -af
  registry_start
  run -0 tare build --cache-from "$(registry)/none:1" "$ctx"
  [[ "$output" == *"warning: --cache-from"* ]]
  run ! tare build --cache-to "type=local,dest=/proc/none" "$ctx"
  [[ "$output" == *"--cache-to type=local,dest=/proc/none: "* ]]
  run -0 tare build --cache-to "type=local,dest=/proc/none,ignore-error=true" "$ctx"
  [[ "$output" == *"warning: --cache-to"* ]]
  run ! tare build --cache-to 127.0.0.1:1/none "$ctx"
}

@test "a cache that is not there is warned of once for all stages" {
  cat >"$ctx/Dockerfile" <<'D'
FROM busybox AS a
RUN echo a >/a
FROM busybox AS b
RUN echo b >/b
FROM busybox AS c
RUN echo c >/c
FROM busybox
COPY --from=a /a /
COPY --from=b /b /
COPY --from=c /c /
RUN true
D
  run -0 tare build --jobs 4 --cache-from "type=local,src=$cache" --cache-from 127.0.0.1:1/none "$ctx"
  [ "$(grep -c "warning: --cache-from type=local,src=$cache" <<<"$output")" = 1 ]
  [ "$(grep -c 'warning: --cache-from 127.0.0.1:1/none' <<<"$output")" = 1 ]
  tare builder prune -af
  run -0 tare build --jobs 4 --cache-to "type=local,dest=$cache,mode=max" "$ctx"
  N=2 run -0 elsewhere tare build --jobs 4 --cache-from "type=local,src=$cache" "$ctx"
  [ "$(grep -c 'using the cache' <<<"$output")" = 7 ]
  [ "$(grep -c 'warning' <<<"$output")" = 0 ]
}

@test "an image without a cache inside, and BuildKit's own cache, are told apart" {
  registry_start
  ref=$(registry)/plain:1
  tare tag busybox "$ref"; tare push -q "$ref"
  run -0 tare build --cache-from "$ref" "$ctx"
  [[ "$output" == *"there is no cache in it"* ]]
  tare builder prune -af; tare rmi "$ref"
  mkdir -p "$cache/blobs/sha256"
  blob() { local h; h=$(sha256sum <<<"$1" | cut -c1-64); echo "$1" >"$cache/blobs/sha256/$h"; echo "$h"; }
  c=$(blob '{"layers":[],"records":[]}')
  m=$(blob "{\"schemaVersion\":2,\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"config\":{\"mediaType\":\"application/vnd.buildkit.cacheconfig.v0\",\"digest\":\"sha256:$c\",\"size\":28},\"layers\":[]}")
  echo '{"imageLayoutVersion":"1.0.0"}' >"$cache/oci-layout"
  echo "{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\",\"digest\":\"sha256:$m\",\"size\":$(stat -c %s "$cache/blobs/sha256/$m")}]}" >"$cache/index.json"
  run -0 tare build --cache-from "type=local,src=$cache" "$ctx"
  [[ "$output" == *"BuildKit's own cache"* ]]
}

@test "what is wrong with a cache's text is said before anything is built" {
  for bad in type=s3,bucket=x type=registry type=local,src=x,mode=max type=inline type=local,ref=x ref=x src=x,type=registry type=local 'type=local,"src=x'; do
    run ! tare build --cache-from "$bad" "$ctx"
    [[ "$output" == *"--cache-from $bad"* ]] || { echo "$bad: $output"; false; }
  done
  for bad in type=gha type=inline,mode=max type=inline,dest=x type=local,dest=x,mode=more type=local,src=x type=registry,ref=a,compression=zstd; do
    run ! tare build --cache-to "$bad" "$ctx"
    [[ "$output" == *"--cache-to $bad"* ]] || { echo "$bad: $output"; false; }
  done
}

@test "type=local: a blob of the folder that is damaged is written anew" {
  local blob
  run -0 tare build -t t --cache-to "type=local,dest=$cache" "$ctx"
  for blob in "$cache"/blobs/sha256/*; do printf '%s' "$(head -c 1 "$blob" | tr '\0-\377' '\1-\377\0')" | dd of="$blob" conv=notrunc status=none; done
  run -0 tare build -t t --cache-to "type=local,dest=$cache" "$ctx"
  for blob in "$cache"/blobs/sha256/*; do [ "$(sha256sum <"$blob" | cut -c1-64)" = "${blob##*/}" ]; done
}
