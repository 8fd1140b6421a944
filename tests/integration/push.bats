#!/usr/bin/env bats
# tare push, tare tag: against the tests' registry, which lies where it is told to, and Debian's docker-registry; skopeo says what is there.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; registry_start; }
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_test_setup p; }
teardown() { registry_test_teardown; }
# $NAME:1: an image of so many layers of random bytes; the registry has them in none of the repositories that tare knows of
image() { # SIZE…
  local made="made$BATS_TEST_NUMBER-$*"
  made=$(registry)/${made// /-}:1
  registry_image "${made#*/}" "$@" >/dev/null
  tare pull -q "$made" >/dev/null
  tare tag "$made" "$NAME:1"
  tare rmi "$made" >/dev/null
  registry_log_clear
}
digest_here() { tare images --format json "$1" | jq -r .Digest; }
digest_there() { skopeo inspect --tls-verify=false --format '{{.Digest}}' "docker://$1"; }
# bytes that the registry was sent
received() { registry_log | jq -s "map(select(${1:-true}) | .received) | add // 0"; }
# what failed says so in one line and leaves no name there; the next push is none the worse
fails_then_works() { # MESSAGE
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"$1"* ]] || { echo "$output"; return 1; }
  [ "$(wc -l <<<"$output")" = 1 ]
  registry_faults_clear
  [ "$(digest_there "$NAME:1" 2>/dev/null)" != "$(digest_here "$NAME:1")" ]
  run -0 tare push -q "$NAME:1"
  [ "$(digest_there "$NAME:1")" = "$(digest_here "$NAME:1")" ]
}

@test "tag: another name for an image, which stays; another image's name goes over; a digest is none" {
  load_busybox
  id=$(tare images -q busybox)
  tare tag busybox team/app:2
  tare tag "$id" localhost:5000/x
  [ "$(tare images -q team/app:2)" = "$id" ]
  [ "$(tare images -q localhost:5000/x:latest)" = "$id" ]
  image 5000
  tare image tag "$NAME:1" team/app:2
  [ "$(tare images -q team/app:2)" = "$(tare images -q "$NAME:1")" ]
  [ "$(tare images -q busybox)" = "$id" ]
  run -1 tare tag busybox "team/app@sha256:$(printf 0%.0s {1..64})"
  [[ "$output" == *"a digest is no name that can be given"* ]]
  run -1 tare tag busybox Team/App
  [[ "$output" == *"lower-case"* ]]
  run -1 tare tag nosuch team/app
  [[ "$output" == *"no such image: nosuch"* ]]
}

@test "what is pushed has its digest there, is not sent twice, and comes back as it was" {
  load_busybox
  tare tag busybox "$NAME:1"
  run -0 --separate-stderr tare push "$NAME:1"
  digest=$(digest_there "$NAME:1")
  [ "$digest" = "$(digest_here "$NAME:1")" ]
  [ "${lines[0]}" = "The push refers to repository [$NAME]" ]
  [[ "${lines[1]}" == "1: digest: $digest size: "* ]]
  [ "${#lines[@]}" = 2 ]
  [[ "$stderr" == *": Pushed"* ]]
  skopeo copy -q --src-tls-verify=false "docker://$NAME:1" "oci:$BATS_TEST_TMPDIR/back:1"
  [ "$(jq -r '.manifests[0].digest' "$BATS_TEST_TMPDIR/back/index.json")" = "$digest" ]
  registry_log_clear
  run -0 tare push "$NAME:1"
  [[ "$output" == *": Layer already exists"* ]]
  [ "$(received '.path | test("/blobs/")')" = 0 ]
  tare rmi -f "$NAME:1" busybox >/dev/null
  tare pull -q "$NAME:1"
  [ "$(tare run --rm "$NAME:1" echo hello)" = hello ]
  # the manifest is the last thing that is said
  [ "$(registry_log | jq -rs 'map(select(.method == "PUT")) | last | .path')" = "/v2/p$BATS_TEST_NUMBER/manifests/1" ]
}

@test "words: quiet, json, all tags, a platform, and what cannot be pushed" {
  image 3000
  run -0 tare push -q "$NAME:1"
  [ "$output" = "$NAME:1" ]
  tare tag "$NAME:1" "$NAME:2"
  tare tag "$NAME:1" "$NAME-other:3"
  run -0 tare image push --all-tags "$NAME"
  [[ "$output" == *"1: digest: "*"2: digest: "* ]]
  [ "$(skopeo list-tags --tls-verify=false "docker://$NAME" | jq -c .Tags)" = '["1","2"]' ]
  run -1 tare push -a "$NAME:1"
  [[ "$output" == *"without a tag"* ]]
  run -1 tare push -a "$NAME-none"
  [[ "$output" == *"no image has a name in the repository $NAME-none"* ]]
  run -0 --separate-stderr tare push --progress json "$NAME-other:3"
  jq -es 'map(.status) | index("Pushed") or index("Mounted from p'"$BATS_TEST_NUMBER"'")' <<<"$stderr"
  tare push -q --platform "$(tare inspect "$NAME:1" | jq -r '.[0] | .Os + "/" + .Architecture')" "$NAME:2"
  run -1 tare push -q --platform linux/s390x "$NAME:2"
  [[ "$output" == *"there is nothing for linux/s390x"* ]]
  run -1 tare push -q "$NAME:nosuch"
  [[ "$output" == *"no image has the name $NAME:nosuch"* ]]
  run -1 tare push -q "$(tare images -q "$NAME:1")"
  [[ "$output" == *"no image has the name"* ]]
  run -1 tare push -q "$NAME@$(digest_here "$NAME:1")"
  [[ "$output" == *"a digest says what is pushed"* ]]
  tare tag "$NAME:1" 127.0.0.1:1/none
  run -1 tare push -q 127.0.0.1:1/none
  [[ "$output" == *"127.0.0.1:1"*"connect"* ]]
}

@test "a blob of another repository of the same registry is taken from there; where that is refused it is sent" {
  image 300000 200000
  tare push -q "$NAME:1"
  tare tag "$NAME:1" "$NAME-b:1"
  registry_log_clear
  run -0 tare push "$NAME-b:1"
  [ "$(grep -c ": Mounted from p$BATS_TEST_NUMBER" <<<"$output")" = 2 ]
  [ "$(received '.path | test("/blobs/")')" = 0 ]
  [ "$(digest_there "$NAME-b:1")" = "$(digest_here "$NAME:1")" ]
  tare rmi "$NAME-b:1" >/dev/null
  tare tag "$NAME:1" "$NAME-c:1"
  registry_fault no-mount POST /blobs/uploads/ times=0
  registry_log_clear
  run -0 tare push "$NAME-c:1"
  [[ "$output" == *Pushed* ]]
  [ "$(received '.path | test("/blobs/")')" -gt 500000 ]
  # a mount that is a lie
  registry_faults_clear
  tare tag "$NAME:1" "$NAME-d:1"
  registry_fault wrong-digest POST mount= times=0
  run -1 tare push -q "$NAME-d:1"
  [[ "$output" == *"says that it has got sha256:"* ]]
}

@test "small blobs go in one piece, big ones in parts, several at once" {
  image 5000 40000000 40000000
  tare push -q "$NAME:1"
  [ "$(digest_there "$NAME:1")" = "$(digest_here "$NAME:1")" ]
  [ "$(registry_count PATCH /blobs/ '.content_range != null')" = 4 ]
  [ "$(registry_count PUT /blobs/)" = 4 ]
  [ "$(registry_log | jq -s 'map(select(.method == "PATCH") | .connection) | unique | length')" = 2 ]
}

@test "what was cut off goes on where it was" {
  image 40000000
  registry_fault drop PATCH /blobs/ nth=2 after=5000000
  registry_fault drop PUT /blobs/ nth=2 after=1000000
  tare push -q "$NAME:1"
  [ "$(digest_there "$NAME:1")" = "$(digest_here "$NAME:1")" ]
  [ "$(registry_count GET /blobs/uploads/)" -ge 2 ]
  [ "$(received '.path | test("/blobs/")')" -lt 42000000 ]
}

@test "what passes: busy, answers that got lost, an upload that the registry forgot, other ways to say where it is" {
  image 20000000 9000
  registry_fault status POST /blobs/uploads/ code=503 retry-after=1
  registry_fault status PATCH /blobs/ code=500
  registry_fault status PUT /blobs/ code=502 times=2
  registry_fault status PUT /manifests/ code=429
  tare push -q "$NAME:1"
  [ "$(digest_there "$NAME:1")" = "$(digest_here "$NAME:1")" ]
  registry_faults_clear
  image 20000001
  tare tag "$NAME:1" "$NAME:2"
  registry_fault status PATCH /blobs/ code=404
  registry_fault status GET /blobs/uploads/ code=404
  registry_fault header POST /blobs/ name=Docker-Content-Digest times=0
  registry_fault header PUT /blobs/ name=Docker-Content-Digest times=0
  registry_fault header PUT /manifests/ name=Docker-Content-Digest times=0
  registry_fault header PATCH /blobs/ name=Range times=0
  tare push -q "$NAME:2"
  [ "$(digest_there "$NAME:2")" = "$(digest_here "$NAME:2")" ]
}

@test "lies and refusals are told in one line, name nothing there, and do no harm to the next push" {
  image 100000
  registry_fault header POST /blobs/uploads/ name=Location value=ftp://elsewhere/x times=0
  fails_then_works "sends us to 'ftp://elsewhere/x', which is no address"
  image 110000; registry_fault header POST /blobs/uploads/ name=Location times=0
  fails_then_works "does not say where"
  image 120000; registry_fault status POST /blobs/uploads/ code=404 times=0
  fails_then_works "has no place for it"
  image 20000000; registry_fault status PATCH /blobs/uploads/ code=404 times=0
  registry_fault status GET /blobs/uploads/ code=404 times=0
  fails_then_works "404"
  image 20000001; registry_fault header PATCH /blobs/uploads/ name=Range value=0-99999999 times=0
  fails_then_works "says that it has 100000000 bytes of it"
  image 20000002; registry_fault header PATCH /blobs/uploads/ name=Range value=0-0 times=0
  registry_fault header GET /blobs/uploads/ name=Range value=0-0 times=0
  fails_then_works "answers 416"
  image 130000; registry_fault status PUT /blobs/uploads/ code=413 times=0
  registry_fault status HEAD /blobs/ code=404 times=0
  fails_then_works "it is too large for $(registry) (413)"
  image 140000; registry_fault wrong-digest PUT /blobs/uploads/ times=0
  fails_then_works "says that it has got sha256:"
  image 150000; registry_fault header PUT /blobs/ name=Docker-Content-Digest times=0
  registry_fault status HEAD /blobs/ code=404 times=0
  fails_then_works "says that it has taken it, and does not have it"
  image 160000; registry_fault status POST /blobs/uploads/ code=401 times=0
  fails_then_works "login"
  image 170000; registry_fault status PUT /blobs/uploads/ code=202 times=0
  fails_then_works "does not end its upload"
  image 180000; registry_fault status HEAD /blobs/ code=403 times=0
  fails_then_works "refuses it"
}

@test "a manifest that is taken and is another's, or refused" {
  image 100000
  registry_fault wrong-digest PUT /manifests/ times=0
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"manifest: $(registry) says that it has got sha256:"* ]]
  registry_faults_clear
  registry_fault status PUT /manifests/ code=400 times=0
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"manifest: $(registry) answers 400: TOOMANYREQUESTS: as told"* ]]
}

@test "a registry that always fails is given up" {
  image 100000
  registry_fault drop PUT /blobs/ after=0 times=0
  run -1 timeout 60 "$TARE_BIN/tare" push -q "$NAME:1"
  [ "$(wc -l <<<"$output")" = 1 ]
  [ "$(registry_count PUT /blobs/)" -le 30 ]
}

@test "a killed push has changed no name, and the next one sends what is missing" {
  image 3000000 40000000
  registry_fault delay PATCH /blobs/ seconds=1 times=0
  "$TARE_BIN/tare" push --progress json "$NAME:1" >"$BATS_TEST_TMPDIR/out" 2>&1 & one=$!
  wait_until 10 grep -q '"Pushed"' "$BATS_TEST_TMPDIR/out"
  kill -KILL "$one"; wait "$one" || true
  run -1 skopeo inspect --tls-verify=false "docker://$NAME:1"
  registry_faults_clear; registry_log_clear
  run -0 tare push "$NAME:1"
  [ "$(grep -c "Layer already exists" <<<"$output")" = 1 ]
  [ "$(digest_there "$NAME:1")" = "$(digest_here "$NAME:1")" ]
}

@test "what the store lacks is told before anything is sent" {
  image 5000
  store=$TARE_ROOT/content/blobs/sha256
  manifest=$(digest_here "$NAME:1")
  layer=$(jq -r '.layers[0].digest' "$store/${manifest#sha256:}")
  truncate -s 4999 "$store/${layer#sha256:}"
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"blob $layer has 4999 bytes in the store, its manifest says "* ]]
  rm "$store/${layer#sha256:}"
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"the store lacks a part of the image (pull or load it again): blob $layer"* ]]
  echo >>"$store/${manifest#sha256:}"
  run -1 tare push -q "$NAME:1"
  [[ "$output" == *"its manifest in the store is damaged"* ]]
  [ "$(registry_count "" .)" = 0 ]
}

@test "a login with a password, and one that may only read" {
  registry_start -n locked --auth basic --user me:secret --user reader:only:pull
  image 5000
  name=$(registry locked)/app:1
  tare tag "$NAME:1" "$name"
  run -1 tare push -q "$name"
  [[ "$output" == *"wants a login: tare login $(registry locked)"* ]]
  login_file "$(registry locked)" reader:only
  run -1 tare push -q "$name"
  [[ "$output" == *"refuses it"* ]]
  login_file "$(registry locked)" me:secret
  tare push -q "$name"
  [ "$(skopeo inspect --tls-verify=false --creds me:secret --format '{{.Digest}}' "docker://$name")" = "$(digest_here "$name")" ]
}

@test "tokens: such that end in the middle of an upload, and two repositories' for a mount" {
  registry_start -n token --auth token --user me:secret --token-expires 300 --token-lives 1.5
  image 60000000
  name=$(registry token)/app
  tare tag "$NAME:1" "$name:1"
  tare tag "$NAME:1" "$name-b:1"
  run -1 tare push -q "$name:1"
  [[ "$output" == *login* ]]
  login_file "$(registry token)" me:secret
  R=token registry_fault delay PATCH /blobs/ seconds=1 times=0
  tare push -q "$name:1"
  [ "$(R=token registry_count PATCH /blobs/ '.status == 401')" -ge 1 ]
  R=token registry_faults_clear; R=token registry_log_clear
  run -0 tare push "$name-b:1"
  [[ "$output" == *"Mounted from app"* ]]
  [ "$(R=token registry_log | jq -s 'map(select(.path | test("/blobs/")) | .received) | add')" = 0 ]
}

@test "through a unix socket; to the registry itself and not to its mirror" {
  image 5000
  registry_start -n sock --unix "$BATS_TEST_TMPDIR/r.sock"
  printf '[[registry]]\nprefix = "by.socket"\nlocation = "unix://%s"\n' "$BATS_TEST_TMPDIR/r.sock" >"$CONTAINERS_REGISTRIES_CONF"
  tare tag "$NAME:1" by.socket/team/app:1
  tare push -q by.socket/team/app:1
  [ "$(R=sock registry_count PUT '^/v2/team/app/manifests/1$')" = 1 ]
  registry_start -n mirror
  printf '[[registry]]\nprefix = "far.away.test"\nlocation = "%s"\n[[registry.mirror]]\nlocation = "%s"\ninsecure = true\n' \
    "$(registry)/hub" "$(registry mirror)" >"$CONTAINERS_REGISTRIES_CONF"
  tare tag "$NAME:1" far.away.test/app:1
  tare push -q far.away.test/app:1
  [ "$(R=mirror registry_count "" .)" = 0 ]
  [ "$(digest_there "$(registry)/hub/app:1")" = "$(digest_here "$NAME:1")" ]
}

@test "Debian's docker-registry: plain, and with TLS and a password" {
  image 5000 40000000
  docker_registry_start docker
  tare tag "$NAME:1" "$(registry docker)/team/app:1"
  tare tag "$NAME:1" "$(registry docker)/team/other:1"
  tare push -q "$(registry docker)/team/app:1"
  [ "$(digest_there "$(registry docker)/team/app:1")" = "$(digest_here "$NAME:1")" ]
  run -0 tare push "$(registry docker)/team/other:1"
  [ "$(grep -c "Mounted from team/app" <<<"$output")" = 2 ]
  registry_certificate "$BATS_TEST_TMPDIR/pki"
  DOCKER_REGISTRY_PORT=5056 docker_registry_start closed --tls "$BATS_TEST_TMPDIR/pki/tls.crt" "$BATS_TEST_TMPDIR/pki/tls.key" --user me:secret
  name=localhost:5056/team/app:1
  tare tag "$NAME:1" "$name"
  printf '[[registry]]\nlocation = "localhost:5056"\ninsecure = false\n' >"$CONTAINERS_REGISTRIES_CONF"
  login_file localhost:5056 me:secret
  run -1 tare push -q "$name"
  [[ "$output" == *certificate* ]]
  mkdir -p "$TARE_CERTS_DIR/localhost:5056"
  cp "$BATS_TEST_TMPDIR/pki/ca.crt" "$TARE_CERTS_DIR/localhost:5056/"
  tare push -q "$name"
  [ "$(skopeo inspect --cert-dir "$BATS_TEST_TMPDIR/pki/client" --creds me:secret --format '{{.Digest}}' "docker://$name")" = "$(digest_here "$name")" ]
}
