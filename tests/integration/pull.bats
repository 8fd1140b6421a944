#!/usr/bin/env bats
# tare pull: against the tests' registry, which lies where it is told to (tests/lib/registry.py), and Debian's docker-registry.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; registry_start; }
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_test_setup t; }
teardown() { registry_test_teardown; }
image() { registry_image "t$BATS_TEST_NUMBER:${1:-1}" "${@:2}" >/dev/null; }
blobs_fetched() { registry_count GET /blobs/ "${1:-true}"; }
# what failed leaves no image, no layer, and nothing that the next pull stumbles over
fails_then_works() { # MESSAGE
  tare rmi -f "$NAME:1" >/dev/null 2>&1 || true
  run -1 tare pull -q "$NAME:1"
  [[ "$output" == *"$1"* ]]
  [ "$(wc -l <<<"$output")" = 1 ]
  [ -z "$(tare images -q "$NAME:1")" ]
  registry_faults_clear
  run -0 tare pull -q "$NAME:1"
  tare inspect "$NAME:1" | jq -e '.[0].RootFS.Layers | length > 0'
}
some_arrived() { find "$TARE_ROOT/content/partial" -type f ! -name '*.map' -size +200k 2>/dev/null | grep -q .; }

@test "an image of another tool: the digest is the registry's, it runs, and is not fetched again" {
  registry_put "t$BATS_TEST_NUMBER:1" "$(busybox_archive)" >/dev/null
  run -0 tare pull "$NAME:1"
  digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$NAME:1")
  [[ "$output" == *"Digest: $digest"*"Status: Downloaded newer image for $NAME:1"*"$NAME:1" ]]
  [ "$(tare run --rm "$NAME:1" echo hello)" = hello ]
  registry_log_clear
  run -0 tare pull "$NAME:1"
  [[ "$output" == *"Already exists"*"Status: Image is up to date for $NAME:1"* ]]
  [ "$(registry_count GET /blobs/ '.sent > 100000')" = 0 ]
}

@test "by digest, and what is not there" {
  image 1 3000
  digest=$(skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$NAME:1")
  run -0 tare pull -q "$NAME@$digest"
  [ "$output" = "$NAME@$digest" ]
  tare inspect "$NAME@$digest" >/dev/null
  run -1 tare pull -q "$NAME:nosuch"
  [[ "$output" == *"$NAME:nosuch: manifest: $(registry) does not have it"* ]]
  run -1 tare pull -q "$NAME@sha256:$(printf 0%.0s {1..64})"
  [[ "$output" == *"does not have it"* ]]
  run -1 tare pull -q 127.0.0.1:1/none
  [[ "$output" == *"127.0.0.1:1"*"connect"* ]]
}

@test "layers that another image brought are not fetched" {
  image 1 50000 60000
  tare pull -q "$NAME:1"
  skopeo copy -q --src-tls-verify=false --dest-tls-verify=false "docker://$NAME:1" "docker://$NAME-copy:2"
  registry_log_clear
  run -0 tare pull "$NAME-copy:2"
  [ "$(grep -c "Already exists" <<<"$output")" = 2 ]
}

@test "one layer several times in an image, and its first place is here already" {
  image 1 5000
  image 2 5000 =0 6000 =0
  tare pull -q "$NAME:1"
  tare pull -q "$NAME:2"
  tare inspect "$NAME:2" | jq -e '.[0].RootFS.Layers | length == 4'
  tare rmi -f "$NAME:1" "$NAME:2" >/dev/null
  tare pull -q "$NAME:2"
  image 3 0 =0 =0
  tare pull -q "$NAME:3"
}

@test "more layers than are fetched at once, two pulls in opposite order" {
  image 1 {1000..1129}
  run -0 tare pull "$NAME:1"
  [ "$(grep -c 'Pull complete' <<<"$output")" = 130 ]
  tare inspect "$NAME:1" | jq -e '.[0].RootFS.Layers | length == 130'
  image 2 300000 310000 320000
  name=t$BATS_TEST_NUMBER-turned
  registry_image "$name:1" 300000 310000 320000 >/dev/null
  registry_fault slow GET /blobs/ rate=300000 times=0
  tare pull -q "$NAME:2" & one=$!
  run -0 timeout 60 "$TARE_BIN/tare" pull -q "$(registry)/$name:1"
  wait "$one"
}

@test "sizes that no layer has are refused before anything is made for them" {
  image 1 5000@1000000000000000
  run -1 tare pull -q "$NAME:1"
  [[ "$output" == *"larger than 137438953472 bytes, packed"*"--limit unpacked=N" ]]
  image 2 5000@18446744073709551615 6000
  run -1 tare pull -q "$NAME:2"
  [ "$(wc -l <<<"$output")" = 1 ]
  image 3 5000@6000
  run -1 tare pull -q "$NAME:3"
  [[ "$output" == *"its manifest says 6000"* ]]
  [ -z "$(ls -A "$TARE_ROOT/content/partial")" ]
}

@test "two pulls of one image at once: one fetches, both have it" {
  image 1 3000000 2000000
  registry_fault slow GET /blobs/ rate=2000000 times=0
  tare pull "$NAME:1" >"$BATS_TEST_TMPDIR/one" 2>&1 & one=$!
  wait_until 10 grep -q Downloading "$BATS_TEST_TMPDIR/one"
  run -0 tare pull "$NAME:1"
  wait "$one"
  [[ "$output" == *"Waiting for another pull"* ]]
  # each layer once, the configuration twice
  [ "$(registry_log | jq -s '[.[] | select(.method == "GET" and (.path | test("/blobs/"))) | (.sent)] | add > 4900000 and add < 5200000')" = true ]
}

@test "a killed pull goes on from where it was" {
  image 1 6000000
  registry_fault slow GET /blobs/ rate=3000000 times=0
  "$TARE_BIN/tare" pull --progress json "$NAME:1" >"$BATS_TEST_TMPDIR/out" 2>&1 & one=$!
  wait_until 10 grep -q '"Downloading"' "$BATS_TEST_TMPDIR/out"
  sleep 0.7
  kill -KILL "$one"; wait "$one" || true
  registry_faults_clear; registry_log_clear
  tare pull -q "$NAME:1"
  [ "$(registry_count GET /blobs/ '.range != null')" -ge 1 ]
  [ "$(registry_log | jq -s '[.[] | select(.method == "GET" and (.path | test("/blobs/"))) | (.sent)] | add < 5900000')" = true ]
  [ -z "$(ls -A "$TARE_ROOT/content/partial")" ]
}

@test "a big layer is fetched in parts, several at once, and in one piece from who gives none" {
  image 1 40000000
  tare pull -q "$NAME:1"
  [ "$(registry_count GET /blobs/ '.range != null')" -ge 4 ]
  [ "$(registry_most)" -ge 2 ]
  tare rmi -f "$NAME:1" >/dev/null
  registry_log_clear
  registry_fault no-range GET /blobs/ times=0
  tare pull -q "$NAME:1"
  [ "$(registry_log | jq -s '[.[] | select(.path | test("/blobs/"))] | length')" -le 3 ]
}

@test "all of it at first, and after it was cut off in parts" {
  image 1 30000000
  registry_fault no-range GET /blobs/ nth=2
  registry_fault cut GET /blobs/ nth=2 after=9000000
  tare pull -q "$NAME:1"
}

@test "what is killed is told by its name, and the next pull goes on" {
  image 1 6000000
  for program in tare-transfer tare-worker; do
    registry_fault slow GET /blobs/ rate=2000000 times=0
    "$TARE_BIN/tare" pull -q "$NAME:1" >"$BATS_TEST_TMPDIR/out" 2>&1 & one=$!
    wait_until 10 some_arrived
    kill -KILL "$(pgrep -P "$one" -x "$program")"
    code=0; wait "$one" || code=$?
    [ "$code" = 1 ]
    grep "$program was killed by signal 9 (Killed)" "$BATS_TEST_TMPDIR/out"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/out")" = 1 ]
    registry_faults_clear
    tare pull -q "$NAME:1"
    tare rmi -f "$NAME:1" >/dev/null
  done
}

@test "a full disk is told, and with more room the next pull goes on" {
  image 1 30000000 3000000
  mkdir "$BATS_TEST_TMPDIR/small"
  mount -t tmpfs -o size=10m small "$BATS_TEST_TMPDIR/small"
  run "$TARE_BIN/tare" --root "$BATS_TEST_TMPDIR/small" pull -q "$NAME:1"
  mount -o remount,size=200m "$BATS_TEST_TMPDIR/small"
  again=0
  "$TARE_BIN/tare" --root "$BATS_TEST_TMPDIR/small" pull -q "$NAME:1" || again=$?
  umount "$BATS_TEST_TMPDIR/small"
  [ "$status" = 1 ]
  [[ "$output" == *"the store's file system is full"* ]]
  [ "$(wc -l <<<"$output")" = 1 ]
  [ "$again" = 0 ]
}

@test "a terminal with few rows and columns is not written full" {
  image 1 {2000..2029}
  run -0 script -qec "TERM=xterm; stty rows 8 cols 30; '$TARE_BIN/tare' pull '$NAME:1'" /dev/null
  [[ "$output" == *"of 30 layers complete"* ]]
  # never further up than there are rows, never a line that is broken
  [ "$(grep -o $'\033\\[[0-9]*A' <<<"$output" | tr -dc '0-9\n' | sort -n | tail -1)" -le 7 ]
  [ "$(grep $'\033\\[2K' <<<"$output" | sed 's/\x1b\[[0-9]*[A-Z]//g; s/\r//g' | awk '{ if (length > n) n = length } END { print n }')" -le 29 ]
}

@test "what passes: busy, cut off, a redirection to another host" {
  image 1 300000
  registry_fault status GET /manifests/ code=503 retry-after=1
  registry_fault status GET /blobs/ code=429
  registry_fault cut GET /blobs/ nth=3 after=100000
  tare pull -q "$NAME:1"
  tare rmi -f "$NAME:1" >/dev/null
  registry_start -n other
  cp -a "$(registry_dir main)/store/." "$(registry_dir other)/store/"
  registry_fault redirect GET /blobs/ "to=http://localhost:$(registry other | cut -d: -f2)" times=0
  tare pull -q "$NAME:1"
  [ "$(R=other registry_count GET /blobs/)" -ge 1 ]
}

@test "lies: wrong bytes, lengths and parts are told in one line, and the next pull is none the worse" {
  image 1 200000
  registry_fault wrong-bytes GET /blobs/ times=0
  fails_then_works "digest"
  image 1 210000
  registry_fault long GET /blobs/ nth=2 extra=10 times=0
  fails_then_works "its manifest says"
  image 1 230000
  registry_fault html GET /manifests/ times=0
  fails_then_works "$NAME:1: $(registry): what it sends as the manifest is no JSON (text/html): the host may be no registry"
  image 1 240000
  registry_fault huge GET /manifests/ bytes=100000000 times=0
  fails_then_works "larger than 4194304 bytes"
  image 1 250000
  registry_fault loop GET /manifests/ times=0
  fails_then_works "sends us on more than 10 times"
  image 1 20000000
  registry_fault wrong-range GET /blobs/ nth=2 times=0
  fails_then_works "another part"
}

@test "a body without end is cut off behind the blob, whose digest decides" {
  image 1 220000
  registry_fault endless GET /blobs/ nth=2 limit=200000000 times=0
  run -0 tare pull -q "$NAME:1"
  [ "$(registry_log | jq -s 'map(.sent) | max < 20000000')" = true ]
}

@test "a login with a password: kept by docker, missing, wrong" {
  registry_start -n locked --auth basic --user me:secret
  R=locked registry_image app:1 5000 >/dev/null
  name=$(registry locked)/app:1
  run -1 tare pull -q "$name"
  [[ "$output" == *"wants a login: tare login $(registry locked)"* ]]
  login_file "$(registry locked)" me:wrong
  run -1 tare pull -q "$name"
  [[ "$output" == *"refuses the login that is kept for it"* ]]
  login_file "$(registry locked)" me:secret
  tare pull -q "$name"
}

@test "who answers by TLS is not asked without it, with a password or to hide what was wrong" {
  registry_certificate "$BATS_TEST_TMPDIR/pki"
  registry_start -n tls --tls "$BATS_TEST_TMPDIR/pki/tls.crt" "$BATS_TEST_TMPDIR/pki/tls.key" --auth basic --user me:secret
  R=tls registry_image app:1 5000 >/dev/null
  run -1 tare pull -q "$(registry tls)/app:1"
  [[ "$output" == *"wants a login: tare login $(registry tls)"* ]]
  login_file "$(registry tls)" me:secret
  tare pull -q "$(registry tls)/app:1"
  run -1 tare pull -q "$(registry tls)/app:2"
  [[ "$output" == *"does not have it"* ]]
}

@test "TLS that fails says what to do: an authority that is not known, a registry that speaks plain HTTP" {
  image 1 5000
  registry_certificate "$BATS_TEST_TMPDIR/pki"
  registry_start -n tls --tls "$BATS_TEST_TMPDIR/pki/tls.crt" "$BATS_TEST_TMPDIR/pki/tls.key"
  for r in "$(registry)" "$(registry tls)"; do printf '[[registry]]\nlocation = "%s"\ninsecure = false\n' "$r"; done >"$CONTAINERS_REGISTRIES_CONF"
  run -1 tare pull -q "$NAME:1"
  [[ "$output" == *"$(registry)"*"insecure = true in registries.conf"* ]]
  run -1 tare pull -q "$(registry tls)/app:1"
  [[ "$output" == *"$(registry tls)"*"certs.d/"* ]]
}

@test "tokens: of a login, anonymous, and such that end in the middle; they stay behind at another host" {
  registry_start -n token --auth token --user me:secret --anonymous '^open/' --token-expires 1
  R=token registry_image app:1 3000000 3000000 >/dev/null
  R=token registry_image open/app:1 5000 >/dev/null
  tare pull -q "$(registry token)/open/app:1"
  run -1 tare pull -q "$(registry token)/app:1"
  [[ "$output" == *login* ]]
  login_file "$(registry token)" me:secret
  R=token registry_fault slow GET /blobs/ rate=2000000 times=0
  tare pull -q "$(registry token)/app:1"
  registry_log_clear
  tare rmi -f "$(registry token)/app:1" >/dev/null
  R=token registry_faults_clear
  cp -a "$(registry_dir token)/store/." "$(registry_dir main)/store/"
  R=token registry_fault redirect GET /blobs/ "to=http://localhost:$(registry main | cut -d: -f2)" times=0
  tare pull -q "$(registry token)/app:1"
  [ "$(registry_count GET /blobs/)" -ge 1 ]
  [ "$(registry_count GET /blobs/ '.auth != null')" = 0 ]
}

@test "TLS: an authority of the registry's folder, none, a client's certificate; a unix socket; mirrors" {
  registry_certificate "$BATS_TEST_TMPDIR/pki" reg.test
  registry_start -n tls --tls "$BATS_TEST_TMPDIR/pki/tls.crt" "$BATS_TEST_TMPDIR/pki/tls.key" --client-ca "$BATS_TEST_TMPDIR/pki/ca.crt"
  R=tls registry_image app:1 5000 >/dev/null
  port=$(registry tls | cut -d: -f2)
  # 127.0.0.1 need not show a certificate that we know; a name must
  grep -q reg.test /etc/hosts || printf '[[registry]]\nprefix = "reg.test"\nlocation = "localhost:%s"\n' "$port" >"$CONTAINERS_REGISTRIES_CONF"
  mkdir -p "$TARE_CERTS_DIR/localhost:$port"
  cp "$BATS_TEST_TMPDIR"/pki/client/* "$TARE_CERTS_DIR/localhost:$port/"
  tare pull -q "reg.test/app:1"
  [ "$(tare images -q reg.test/app:1 | wc -l)" = 1 ]
  registry_start -n sock --unix "$BATS_TEST_TMPDIR/r.sock"
  R=sock registry_image team/app:1 5000 >/dev/null
  printf '[[registry]]\nprefix = "by.socket"\nlocation = "unix://%s"\n' "$BATS_TEST_TMPDIR/r.sock" >"$CONTAINERS_REGISTRIES_CONF"
  tare pull -q by.socket/team/app:1
  image 1 7000
  printf '[[registry]]\nprefix = "far.away.test"\nlocation = "far.away.test"\n[[registry.mirror]]\nlocation = "127.0.0.1:1"\ninsecure = true\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' \
    "$(registry)" >"$CONTAINERS_REGISTRIES_CONF"
  tare pull -q "far.away.test/t$BATS_TEST_NUMBER:1"
  [ "$(tare images -q "far.away.test/t$BATS_TEST_NUMBER:1" | wc -l)" = 1 ]
}

@test "Debian's docker-registry, Docker's manifests, an index for several machines" {
  docker_registry_start docker
  name=$(registry docker)/team/app
  skopeo copy -q --format v2s2 --dest-tls-verify=false "oci-archive:$(busybox_archive)" "docker://$name:v2s2"
  tare pull -q "$name:v2s2"
  [ "$(tare run --rm "$name:v2s2" echo hello)" = hello ]
}

@test "run and create fetch an image that is missing, always when told so, and never" {
  registry_put "t$BATS_TEST_NUMBER:1" "$(busybox_archive)" >/dev/null
  run -125 tare run --rm --pull never "$NAME:1" true
  [[ "$output" == *"no such image: $NAME:1"* ]]
  run -0 --separate-stderr tare run --rm "$NAME:1" echo hello
  [ "$output" = hello ]
  [[ "$stderr" == *"Unable to find image '$NAME:1' locally"* ]]
  registry_log_clear
  [ "$(tare run --rm "$NAME:1" echo hello)" = hello ]
  [ "$(registry_count GET /v2/)" = 0 ]
  [ "$(tare run --rm --pull always "$NAME:1" echo hello 2>/dev/null)" = hello ]
  [ "$(registry_count GET /manifests/)" = 1 ]
  # one that is mounted, too
  load_busybox
  tare rmi "$NAME:1"
  run -125 tare run --rm --pull never --mount "type=image,src=$NAME:1,dst=/x" busybox true
  [[ "$output" == *"no such image: $NAME:1"* ]]
  [ "$(tare run --rm --mount "type=image,src=$NAME:1,dst=/x" busybox sh -c 'cmp /x/bin/busybox /bin/busybox && echo same' 2>/dev/null)" = same ]
  tare rmi "$NAME:1"
  tare run -d --name "c$BATS_TEST_NUMBER" busybox sleep 1000
  tare update --mount-add "type=image,src=$NAME:1,dst=/x" "c$BATS_TEST_NUMBER"
  tare exec "c$BATS_TEST_NUMBER" cmp /x/bin/busybox /bin/busybox
  tare rm -f "c$BATS_TEST_NUMBER"
  tare rmi busybox
  run -125 tare run --rm "$NAME:nosuch" true
  [[ "${lines[-1]}" == *"no such image: $NAME:nosuch"*"; nor can it be pulled: $NAME:nosuch: manifest: $(registry) does not have it"* ]]
}
