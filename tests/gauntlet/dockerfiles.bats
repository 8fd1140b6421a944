#!/usr/bin/env bats
# Dockerfiles and .dockerignores that are noise, far too large, or made to grow: one clear line with the file's, in bounded time and memory.
load ../lib/common

setup_file() {
  tare_setup_file
  TARE_TESTS=$(realpath "$BATS_TEST_DIRNAME/..")
  export TARE_TESTS CONTAINERS_REGISTRIES_CONF=/dev/null
  load_busybox
}
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; }

# build ARGUMENT…: $out, $rc. Within 20 s (or $within) and 1 GiB of addresses.
build() {
  rc=0
  out=$([ -n "${TARE_SANITIZED:-}" ] || ulimit -v 1048576; timeout "${within:-20}" "$TARE_BIN/tare" build -q "$@" "$ctx" 2>&1 >"$BATS_TEST_TMPDIR/id") || rc=$?
}
# No control character, and nothing that is not UTF-8, reaches a terminal.
tame() { [ -z "$(tr -d '\n' <<<"$1" | LC_ALL=C grep -aP '[\x00-\x08\x0a-\x1f\x7f]|\xc2[\x80-\x9f]')" ] && iconv -f UTF-8 -t UTF-8 <<<"$1" >/dev/null; }
# refused PATTERN: the last build was, in one line that fits it.
refused() {
  [ "$rc" = 1 ] && [ "$(wc -l <<<"$out")" = 1 ] && tame "$out" || { echo "$rc, $(wc -l <<<"$out") lines: ${out:0:2000}"; return 1; }
  [[ "$out" =~ $1 ]] || { echo "not $1: ${out:0:2000}"; return 1; }
}
nothing_left() { [ -z "$(tare ps -aq)" ] && tare system prune -f >/dev/null && [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 ! -name '*.lock')" ]; }

@test "noise: 200 Dockerfiles of bytes, words and changes of chance" {
  local seed=${TARE_TEST_SEED:-$RANDOM} i built=0 noise=$BATS_TEST_TMPDIR/noise
  echo "# seed $seed" >&3
  mkdir "$noise"
  python3 "$TARE_TESTS/lib/dockerfiles.py" "$seed" "${TARE_TEST_LONG:+10}200" "$noise"
  for i in $(ls "$noise" | sort -n); do
    build -f "$noise/$i"
    [ "$rc" != 0 ] || { built=$((built + 1)); continue; }
    refused "^tare: $noise/$i: (line [0-9]+: |no FROM in it: )" || { echo "seed $seed, file $i"; return 1; }
  done
  echo "# $built were good enough" >&3
  nothing_left
}

@test "what is said of a line is fit for a terminal, in warnings and steps too" {
  printf '# \033[31mred\nFROM scratch\nLABEL a="\033]0;title\007" b=\302\2332J\nENV x=\033[2J\nNO\033[31mSUCH thing\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 5'
  printf 'FROM busybox\nLABEL a="\033]0;title\007" b=\302\2332J\nENV x="\033[2J"\nRUN : "\033[2J" && false\n' >"$ctx/Dockerfile"
  run -1 tare build "$ctx"
  tame "$output"
}

@test "a Dockerfile of 100 MB, a line of 10 MB, a line of 7 MB, more instructions than anybody writes" {
  head -c 100000000 /dev/zero | tr '\0' a >"$ctx/Dockerfile"
  build; refused 'Dockerfile is larger than 8388608 bytes'
  (printf 'FROM scratch\nENV A='; head -c 10000000 /dev/zero | tr '\0' a) >"$ctx/Dockerfile"
  build; refused 'Dockerfile is larger than'
  (printf 'FROM scratch\nENV A='; head -c 7000000 /dev/zero | tr '\0' a) >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: '
  (echo 'FROM scratch'; yes 'ENV A=1' | head -n 30000) >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line [0-9]+: .*20000'
  truncate -s 5000000 "$ctx/Dockerfile"; printf 'FROM scratch' | dd of="$ctx/Dockerfile" conv=notrunc status=none
  build; refused 'Dockerfile: line [0-9]+: .*NUL'
  (printf 'FROM scratch\nCOPY <<E /x\n'; head -c 7000000 /dev/zero | tr '\0' '\n') >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: '
}

@test "variables that double, defaults within defaults, patterns that could go back and forth" {
  (echo 'FROM scratch'; echo 'ARG V0=xxxxxxxxxxxxxxxx'; for i in $(seq 40); do echo "ARG V$i=\$V$((i - 1))\$V$((i - 1))"; done) >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line [0-9]+: ARG .*(larger|longer|more) than'
  (echo 'ARG V0=xxxxxxxxxxxxxxxx'; for i in $(seq 40); do echo "ARG V$i=\$V$((i - 1))\$V$((i - 1))"; done; echo 'FROM scratch') >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line [0-9]+: ARG .*(larger|longer|more) than'
  (printf 'FROM scratch\nENV A=%s' x; for i in $(seq 5000); do printf '${B:-'; done; for i in $(seq 5000); do printf '}'; done) >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: '
  (echo 'FROM scratch'; printf 'ENV A='; head -c 100000 /dev/zero | tr '\0' a; printf '\nENV B=${A//'; for i in $(seq 500); do printf '*a'; done; echo 'b/x}') >"$ctx/Dockerfile"
  build
  [ "$rc" = 0 ] || refused 'Dockerfile: line 3: '
  (echo 'FROM scratch'; for i in $(seq 5000); do echo "ENV V$i=1"; done) >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 409[0-9]: .*4096'
}

@test ".dockerignore: patterns of many stars, many patterns, noise" {
  local name
  name=$(head -c 200 /dev/zero | tr '\0' a)
  mkdir -p "$ctx/$name/$name"; touch "$ctx/$name/$name/$name" "$ctx/kept"
  printf 'FROM busybox\nCOPY . /c\n' >"$ctx/Dockerfile"
  (for i in $(seq 40); do printf '*a'; done; echo b; for i in $(seq 40); do printf '**/'; done; echo b; for i in $(seq 60); do printf '**/*a*'; done; echo b
    printf '!'; for i in $(seq 200); do printf 'a*'; done; echo b) >"$ctx/.dockerignore"
  build -t i; [ "$rc" = 0 ]
  tare run --rm i test -e "/c/$name/$name/$name"
  (echo '*'; for i in $(seq 9999); do printf '!%s*%s*%s/x\n' "$i" "$i" "$i"; done) >"$ctx/.dockerignore"
  for i in $(seq 300); do touch "$ctx/f$i"; done
  build; [ "$rc" = 0 ]
  yes '*x' | head -n 10001 >"$ctx/.dockerignore"
  build; refused '\.dockerignore: line 10001: .*10000 patterns'
  head -c 2000000 /dev/zero | tr '\0' a >"$ctx/.dockerignore"
  build; refused '\.dockerignore'
  head -c 2000 /dev/urandom >"$ctx/.dockerignore"
  build
  [ "$rc" = 0 ] || refused '\.dockerignore: line [0-9]+: |leaves it out'
  printf 'a\n[\033[31m\n' >"$ctx/.dockerignore"
  build; refused '\.dockerignore: line 2: '
}

@test "stages: in circles, of themselves, ten thousand, each on the one before" {
  printf 'FROM b AS a\nFROM a AS b\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 1: FROM b AS a: '
  printf 'FROM scratch AS a\nCOPY --from=a /x /x\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: COPY --from=a '
  printf 'FROM scratch AS a\nCOPY --from=b /x /x\nFROM a AS b\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: COPY --from=b '
  for i in $(seq 0 9999); do echo "FROM scratch AS s$i"; done >"$ctx/Dockerfile"
  build; [ "$rc" = 0 ]
  (echo 'FROM busybox AS s0'; for i in $(seq 9999); do echo "FROM s$((i - 1)) AS s$i"; done) >"$ctx/Dockerfile"
  build; [ "$rc" = 0 ]
  build --target s5000; [ "$rc" = 0 ]
  (echo 'FROM busybox AS s0'; for i in $(seq 130); do printf 'FROM s%s AS s%s\nCOPY <<E /f%s\nE\n' $((i - 1)) "$i" "$i"; done) >"$ctx/Dockerfile"
  within=200 build; refused 'Dockerfile: line [0-9]+: COPY .*127 layers'
}

@test "ONBUILD of itself, of FROM, of an image whose triggers are noise" {
  printf 'FROM scratch\nONBUILD ONBUILD ENV A=1\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: ONBUILD'
  printf 'FROM scratch\nONBUILD FROM busybox\n' >"$ctx/Dockerfile"
  build; refused 'Dockerfile: line 2: ONBUILD'
  # as an image of somebody else's may have it
  mkdir "$BATS_TEST_TMPDIR/oci"
  for trigger in 'ONBUILD RUN true' 'FROM busybox' '\u001b[31mNO' '' 'COPY <<E /x'; do
    python3 - "$BATS_TEST_TMPDIR/a.tar" "$trigger" <<'P'
import hashlib, io, json, sys, tarfile
empty = bytes(1024)
config = json.dumps({"architecture": "amd64", "os": "linux", "config": {"OnBuild": [json.loads('"%s"' % sys.argv[2])]},
                     "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(empty).hexdigest()]}}).encode()
with tarfile.open(sys.argv[1], "w") as t:
    for name, data in (("l.tar", empty), ("c.json", config), ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["trigger:1"], "Layers": ["l.tar"]}]).encode())):
        i = tarfile.TarInfo(name); i.size = len(data); t.addfile(i, io.BytesIO(data))
P
    tare load -q -i "$BATS_TEST_TMPDIR/a.tar" >/dev/null
    printf 'FROM trigger:1\n' >"$ctx/Dockerfile"
    build
    refused 'Dockerfile: line 1: ' || { echo "trigger: ${trigger:0:100}"; return 1; }
  done
}
