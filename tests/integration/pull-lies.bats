#!/usr/bin/env bats
# Registries that stall, fail for ever, send something else, or send us elsewhere; layers as others pack them, and as nobody should.
load ../lib/common
load ../lib/registry

setup_file() { tare_setup_file; registry_start; }
teardown_file() { registry_stop; tare_teardown_file; }
setup() { registry_test_setup l; OCI=application/vnd.oci.image.layer.v1.tar; }
teardown() {
  [ -z "${PROXY:-}" ] || kill "$PROXY"
  registry_test_teardown
}
image() { registry_image "l$BATS_TEST_NUMBER:${1:-1}" "${@:2}" >/dev/null; }
# fails in one line within a time, leaves nothing, and the next pull works
fails_then_works() { # SECONDS MESSAGE
  run -1 timeout "$1" "$TARE_BIN/tare" pull -q "$NAME:1"
  [[ "$output" == *"$2"* ]] || { echo "$output"; return 1; }
  [ "$(wc -l <<<"$output")" = 1 ]
  [ -z "$(tare images -q "$NAME:1")" ]
  registry_faults_clear
  run -0 tare pull -q "$NAME:1"
  tare rmi -f "$NAME:1" >/dev/null
}
layer_file() { /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/layer_files.py" "$1" "$BATS_TEST_TMPDIR/$1.tar" "$BATS_TEST_TMPDIR/$1.packed"; }

@test "a registry that goes silent is asked again, and given up in one line" {
  image 1 300000
  registry_fault stall GET /blobs/ nth=2 after=100000 seconds=60
  TARE_REGISTRY_PATIENCE=1 timeout 20 "$TARE_BIN/tare" pull -q "$NAME:1"
  tare rmi "$NAME:1" >/dev/null
  registry_faults_clear
  export TARE_REGISTRY_PATIENCE=1
  registry_fault stall GET /blobs/ nth=2 after=0 seconds=60 times=0
  fails_then_works 40 "Operation too slow"
  registry_fault stall GET /manifests/ after=0 seconds=60 times=0
  fails_then_works 40 "Operation too slow"
  for bad in 0 -1 x 4000; do
    TARE_REGISTRY_PATIENCE=$bad run -1 tare pull -q "$NAME:1"
    [[ "$output" == *"TARE_REGISTRY_PATIENCE is the number of seconds, 1 to 3600"* ]]
  done
}

@test "an error that stays, before a blob and in the middle of it" {
  image 1 20000000
  registry_fault status GET /blobs/ nth=2 code=500 times=0
  fails_then_works 60 "answers 500"
  registry_fault cut GET /blobs/ nth=2 after=0 times=0
  fails_then_works 60 "$(registry)"
  # one that comes after some of it has come
  registry_fault cut GET /blobs/ nth=2 after=3000000
  registry_fault status GET /blobs/ nth=3 code=503 times=0
  fails_then_works 60 "answers 503"
}

@test "a page for people instead of a blob, of the configuration and of a layer" {
  image 1 300000
  registry_fault html GET /blobs/ times=0
  fails_then_works 30 "digest"
  registry_fault html GET /blobs/ nth=2 times=0
  fails_then_works 30 "its manifest says"
  registry_fault status GET /blobs/ nth=2 code=403 times=0
  fails_then_works 30 "refuses it"
}

@test "a layer whose bytes are others though it unpacks the same, and one that is not what the configuration says" {
  image 1 300000
  registry_fault wrong-bytes GET /blobs/ nth=2 at=4 times=0 # a byte of the time in gzip's head
  fails_then_works 30 "its bytes have the digest"
  mkdir "$BATS_TEST_TMPDIR/in"
  for i in one two; do echo $i >"$BATS_TEST_TMPDIR/in/f"; tar -C "$BATS_TEST_TMPDIR/in" -cf "$BATS_TEST_TMPDIR/$i.tar" f; done
  gzip -c "$BATS_TEST_TMPDIR/one.tar" >"$BATS_TEST_TMPDIR/one.gz"
  registry_file "l$BATS_TEST_NUMBER:other" "$OCI+gzip" "$BATS_TEST_TMPDIR/one.gz" "$BATS_TEST_TMPDIR/two.tar" >/dev/null
  run -1 tare pull -q "$NAME:other"
  [ "$(wc -l <<<"$output")" = 1 ]
  [[ "$output" == *"its content has the digest"* ]]
  [ -z "$(tare images -q "$NAME:other")" ]
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
}

@test "sent to files, to sockets, to what is no address: refused, and nothing is asked" {
  image 1 300000
  /usr/bin/python3 -c 'import socket, sys, os
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o777); s.listen(9)
while True:
    s.accept(); open(sys.argv[1] + ".asked", "w")' "$BATS_TEST_TMPDIR/other.sock" & PROXY=$!
  wait_until 5 test -S "$BATS_TEST_TMPDIR/other.sock"
  for to in file:///etc/shadow "unix://$BATS_TEST_TMPDIR/other.sock" "http+unix://$BATS_TEST_TMPDIR/other.sock" gopher://127.0.0.1/ ftp://127.0.0.1/x data:text/plain,x; do
    registry_fault redirect GET /blobs/ "to=$to" times=0
    fails_then_works 30 "which is no address"
  done
  # of a registry on a socket, too
  registry_start -n sock --unix "$BATS_TEST_TMPDIR/r.sock"
  R=sock registry_image app:1 300000 >/dev/null
  printf '[[registry]]\nprefix = "by.socket"\nlocation = "unix://%s"\n' "$BATS_TEST_TMPDIR/r.sock" >"$CONTAINERS_REGISTRIES_CONF"
  chmod 600 "$BATS_TEST_TMPDIR/r.sock"
  R=sock registry_fault redirect GET /blobs/ "to=unix://$BATS_TEST_TMPDIR/other.sock" times=0
  run -1 tare pull -q by.socket/app:1
  [[ "$output" == *"which is no address"* ]]
  R=sock registry_faults_clear
  tare pull -q by.socket/app:1
  [ ! -e "$BATS_TEST_TMPDIR/other.sock.asked" ]
  # several layers at once by it, and one that went away
  R=sock registry_image app:2 20000000 300000 400000 >/dev/null
  tare pull -q by.socket/app:2
  rm "$BATS_TEST_TMPDIR/r.sock"
  run -1 tare pull -q by.socket/app:1
  [ "$(wc -l <<<"$output")" = 1 ]
}

@test "who is asked on a registry's socket is nobody, and can make no other" {
  registry_start -n sock --unix "$BATS_TEST_TMPDIR/r.sock"
  R=sock registry_image app:1 3000000 >/dev/null
  chmod 600 "$BATS_TEST_TMPDIR/r.sock"
  printf '[[registry]]\nprefix = "by.socket"\nlocation = "unix://%s"\n' "$BATS_TEST_TMPDIR/r.sock" >"$CONTAINERS_REGISTRIES_CONF"
  R=sock registry_fault slow GET /blobs/ nth=2 rate=1000000 times=0
  "$TARE_BIN/tare" pull -q by.socket/app:1 & one=$!
  wait_until 10 pgrep -P "$one" -x tare-transfer
  pid=$(pgrep -P "$one" -x tare-transfer)
  wait_until 10 grep -q '^Seccomp:.*2' "/proc/$pid/status"
  grep -qP '^Uid:\t65534\t65534\t65534\t65534' "/proc/$pid/status"
  wait "$one"
}

@test "hosts that a registry sends us to have the proxy of the environment, but for NO_PROXY's" {
  image 1 300000
  registry_start -n far
  cp -a "$(registry_dir main)/store/." "$(registry_dir far)/store/"
  /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/proxy.py" "$BATS_TEST_TMPDIR/ready" "$BATS_TEST_TMPDIR/asked" "$(registry far)" & PROXY=$!
  wait_until 5 test -e "$BATS_TEST_TMPDIR/ready"
  registry_fault redirect GET /blobs/ to=http://blobs.far.test times=0
  HTTP_PROXY=http://$(cat "$BATS_TEST_TMPDIR/ready") tare pull -q "$NAME:1"
  grep -q "^GET http://blobs.far.test/v2/" "$BATS_TEST_TMPDIR/asked"
  # the registry itself is on loopback: nobody is asked for it
  run ! grep -q "$(registry)" "$BATS_TEST_TMPDIR/asked"
  tare rmi "$NAME:1" >/dev/null
  : >"$BATS_TEST_TMPDIR/asked"
  HTTP_PROXY=http://$(cat "$BATS_TEST_TMPDIR/ready") NO_PROXY=.far.test run -1 tare pull -q "$NAME:1"
  [[ "$output" == *blobs.far.test* ]]
  [ ! -s "$BATS_TEST_TMPDIR/asked" ]
  HTTP_PROXY=nonsense:// run -1 tare pull -q "$NAME:1"
  [ "$(wc -l <<<"$output")" = 1 ]
}

@test "a layer that grows to a terabyte ends early; the disk is not filled" {
  for kind in terabyte files; do
    layer_file $kind
    registry_file "l$BATS_TEST_NUMBER:$kind" "$OCI+zstd" "$BATS_TEST_TMPDIR/$kind.packed" >/dev/null
    before=$(df --output=used -k "$TARE_ROOT" | tail -1)
    run -1 timeout 120 "$TARE_BIN/tare" pull -q "$NAME:$kind"
    [ "$(wc -l <<<"$output")" = 1 ] || { echo "$output"; return 1; }
    [[ "$output" == *"(limit '"* ]] || { echo "$output"; return 1; }
    [ $(($(df --output=used -k "$TARE_ROOT" | tail -1) - before)) -lt 200000 ]
    [ -z "$(tare images -q "$NAME:$kind")" ]
    [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -type d)" ]
  done
}

@test "eStargz and zstd:chunked are layers like any other" {
  for kind in estargz chunked; do
    layer_file $kind
    [ $kind = estargz ] && type=$OCI+gzip || type=$OCI+zstd
    registry_file "l$BATS_TEST_NUMBER:$kind" "$type" "$BATS_TEST_TMPDIR/$kind.packed" "$BATS_TEST_TMPDIR/$kind.tar" >/dev/null
    tare pull -q "$NAME:$kind"
    mkdir "$BATS_TEST_TMPDIR/$kind"
    tare image export "$NAME:$kind" | tar -xC "$BATS_TEST_TMPDIR/$kind"
    [ "$(cat "$BATS_TEST_TMPDIR/$kind/etc/greeting")" = hello ]
    [ "$(stat -c %s "$BATS_TEST_TMPDIR/$kind/big")" = 512000 ]
    # and go on as they came
    tare tag "$NAME:$kind" "$NAME-copy:$kind"
    tare push -q "$NAME-copy:$kind"
    [ "$(skopeo inspect --raw --tls-verify=false "docker://$NAME-copy:$kind" | sha256sum)" = "$(skopeo inspect --raw --tls-verify=false "docker://$NAME:$kind" | sha256sum)" ]
  done
}

@test "another host that we are sent to and that wants a login gets none, nor does who it names for tokens" {
  for kind in basic token; do
    registry_start -n mine-$kind --auth basic --user me:secret
    registry_start -n thief-$kind --auth $kind --user me:secret
    R=mine-$kind registry_image app:1 300000 >/dev/null
    login_file "$(registry mine-$kind)" me:secret
    R=mine-$kind registry_fault redirect GET /blobs/ "to=http://localhost:$(registry thief-$kind | cut -d: -f2)" times=0
    run -1 tare pull -q "$(registry mine-$kind)/app:1"
    [ "$(wc -l <<<"$output")" = 1 ]
    [ "$(R=thief-$kind registry_count GET /blobs/)" -ge 1 ]
    [ "$(R=thief-$kind registry_count '' '' '.auth != null')" = 0 ]
    [ "$(R=thief-$kind registry_count '' /token)" = 0 ]
  done
}
