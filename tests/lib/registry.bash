# The tests' registry (registry.py says what it can do): started on loopback in the tests' network namespace, told what to do wrong,
# asked what it saw. Several may run: `registry_start -n other`; the helpers act on the one that R names ("main"), as in
# `R=other registry_count GET /blobs/`.
#
#   registry_start [-n NAME] [OPTION…]; skopeo copy … "docker://$(registry)/app:1"; registry_stop in teardown
# shellcheck shell=bash

# shellcheck source=tests/lib/unpacked.bash
source "${BASH_SOURCE[0]%/*}/unpacked.bash"
REGISTRY_LIB=$(realpath "${BASH_SOURCE[0]%/*}")

# What was started in setup_file is the file's, what in a test the test's.
registry_dir() { # [NAME]
  local d name=${1:-${R:-main}}
  for d in "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}" "$BATS_FILE_TMPDIR"; do
    [ ! -d "$d/registry-$name" ] || { echo "$d/registry-$name"; return; }
  done
  echo "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/registry-$name"
}

# Its HOST:PORT. What registry_image and registry_put lay down before registry_start is there when it starts.
registry() { cat "$(registry_dir "${1:-}")/ready"; }
registry_ready() { [ -e "$1/ready" ] || ! kill -0 "$(cat "$1/pid")" 2>/dev/null; }

registry_start() {
  local name=${R:-main} dir i=0
  [ "${1:-}" != -n ] || { name=$2; shift 2; }
  dir=$(registry_dir "$name")
  mkdir -p "$dir"; rm -f "$dir/ready" "$dir/control.sock"
  /usr/bin/python3 "$REGISTRY_LIB/registry.py" serve "$dir" "$@" >"$dir/err" 2>&1 </dev/null 3>&- 4>&- &
  echo $! >"$dir/pid"
  until registry_ready "$dir" || [ $((++i)) -gt 200 ]; do sleep 0.05; done
  [ -e "$dir/ready" ] || { echo "the registry does not start:" >&2; cat "$dir/err" >&2; return 1; }
}

# registry_stop: all that were started where it is called (in a test or in setup_file); their stores stay. Fails when one has complained:
# what a test saw may have been a fault of the registry that nobody had asked for.
registry_stop() {
  local p failed=0
  for p in "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}"/registry-*/pid; do
    [ -e "$p" ] || continue
    kill "$(cat "$p")" 2>/dev/null || true
    wait "$(cat "$p")" 2>/dev/null || true
    rm -f "$p" "${p%pid}ready"
    grep -A 30 Traceback "${p%pid}err" >&2 && failed=1
  done
  return "$failed"
}

registry_control() { /usr/bin/python3 "$REGISTRY_LIB/registry.py" control "$(registry_dir)" "$@"; }

# registry_fault KIND METHOD REGEX [KEY=VALUE…]: e.g. registry_fault status GET /blobs/ nth=2 code=503 retry-after=1
# What is wrong with a fault that there is none like is printed, and fails.
registry_fault() {
  local json
  json=$(jq -nc '$ARGS.positional | {kind: .[0], method: .[1], path: .[2]} +
    (.[3:] | map(split("=") | {key: .[0], value: (.[1:] | join("=") | (tonumber? // .))}) | from_entries)' --args "$@")
  registry_control POST faults "$json"
}
registry_faults_clear() { registry_control DELETE faults; }

# registry_log: a line of JSON for each request; registry_count METHOD REGEX [JQ]: how many there were of method ("" is any) and path,
# and for which the jq condition holds too, e.g. '.auth == "bearer"'.
registry_log() { registry_control GET log; }
registry_log_clear() { registry_control DELETE log; }
registry_count() {
  registry_log | jq -s --arg m "$1" --arg p "$2" "map(select((\$m == \"\" or .method == \$m) and (.path | test(\$p)) and (${3:-true}))) | length"
}
# registry_most: how many blobs were under way at once, at most.
registry_most() { registry_control GET stats | jq .max_blobs; }
registry_expire_tokens() { registry_control DELETE tokens; }

# registry_image NAME:TAG SIZE…: an image of so many layers; registry_put NAME:TAG LAYOUT|ARCHIVE [REF]. Both print the digest.
registry_image() { registry_fill make "$@"; }
registry_put() { registry_fill put "$@"; }
registry_file() { registry_fill file "$@"; } # NAME:TAG MEDIA-TYPE PACKED [TAR]
registry_fill() { /usr/bin/python3 "$REGISTRY_LIB/registry_fill.py" "$1" "$(registry_dir)" "${@:2}"; }

# registry_certificate DIR [NAME…]: DIR/ca.crt, and a certificate of it for 127.0.0.1, localhost and NAMEs: DIR/tls.crt, DIR/tls.key;
# and what a client needs in a folder as containers/image has them (--cert-dir): DIR/client/ca.crt, client.cert, client.key.
registry_certificate() {
  local dir=$1 names=IP:127.0.0.1,DNS:localhost n; shift
  for n in "$@"; do names+=,DNS:$n; done
  mkdir -p "$dir/client"
  {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test-ca -days 30 -keyout "$dir/ca.key" -out "$dir/ca.crt"
    certificate_of "$dir" tls.crt tls.key server "$names"
    certificate_of "$dir" client/client.cert client/client.key client DNS:client
    cp "$dir/ca.crt" "$dir/client"
  } >"$dir/openssl.log" 2>&1 || { cat "$dir/openssl.log" >&2; return 1; }
}
certificate_of() { # DIR CERT KEY NAME SUBJECT-ALT-NAMES
  openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$4" -keyout "$1/$3" -out "$1/$4.csr" &&
    openssl x509 -req -in "$1/$4.csr" -CA "$1/ca.crt" -CAkey "$1/ca.key" -CAcreateserial -days 30 -extfile <(echo "subjectAltName=$5") -out "$1/$2"
}

# registry_client DIR: what tare and skopeo know of registries, logins and certificates is what lies in DIR: at first nothing.
registry_client() {
  mkdir -p "$1"
  export DOCKER_CONFIG=$1/docker CONTAINERS_REGISTRIES_CONF=$1/registries.conf TARE_CERTS_DIR=$1/certs.d
  unset REGISTRY_AUTH_FILE
  : >"$CONTAINERS_REGISTRIES_CONF"
}
# Around each test of a file whose registry runs all the time: $NAME, a repository of its own, named PREFIX and the test's number.
registry_test_setup() { # PREFIX
  registry_client "$BATS_TEST_TMPDIR"
  NAME=$(registry)/$1$BATS_TEST_NUMBER
  registry_log_clear; registry_faults_clear
}
registry_test_teardown() {
  registry_faults_clear || true
  tare images -q | xargs -r "$TARE_BIN/tare" rmi -f >/dev/null 2>&1 || true
  registry_stop || true
}

# registry_ask [-X METHOD] [-H HEADER]… PATH: one request without a client of registries; see http_ask.py.
registry_ask() { /usr/bin/python3 "$REGISTRY_LIB/http_ask.py" "${@:1:$#-1}" "http://$(registry "${R:-main}")${*: -1}"; }

# Debian's docker-registry, unpacked and not installed, for an installed one starts: the program. Fails where there is none.
docker_registry_program() { local to; to=$(debian_unpacked docker-registry) && [ -x "$to/usr/bin/docker-registry" ] && echo "$to/usr/bin/docker-registry"; }

# docker_registry_start [NAME] [--tls CERT KEY] [--user NAME:PASSWORD]: it listens where `registry NAME` says, and registry_stop ends it.
docker_registry_start() {
  local dir program name=docker tls="" auth="" port=${DOCKER_REGISTRY_PORT:-5055}
  [ $# = 0 ] || [[ "$1" == --* ]] || { name=$1; shift; }
  program=$(docker_registry_program) || return 1
  dir=$(registry_dir "$name")
  mkdir -p "$dir"
  while [ $# -gt 0 ]; do
    case $1 in
    --tls) tls=", tls: {certificate: $2, key: $3}"; shift 3 ;;
    --user)
      # bcrypt, of libxcrypt: the only kind that it takes
      perl -e '($u, $p) = split /:/, $ARGV[0]; print "$u:", crypt($p, q($2y$05$abcdefghijklmnopqrstuu)), "\n"' "$2" >"$dir/htpasswd"
      auth="auth: {htpasswd: {realm: registry.test, path: $dir/htpasswd}}"; shift 2 ;;
    *) echo "docker_registry_start: $1?" >&2; return 1 ;;
    esac
  done
  # skopeo's REGISTRY_AUTH_FILE would be taken for a part of the configuration
  printf '%s\n' "version: 0.1" "storage: {filesystem: {rootdirectory: $dir/store}, delete: {enabled: true}}" "http: {addr: 127.0.0.1:$port$tls}" "$auth" \
    "log: {level: error, accesslog: {disabled: true}}" >"$dir/config.yml"
  env -u REGISTRY_AUTH_FILE "$program" serve "$dir/config.yml" >"$dir/err" 2>&1 </dev/null 3>&- 4>&- &
  echo $! >"$dir/pid"
  echo "127.0.0.1:$port" >"$dir/ready"
  wait_until 10 docker_registry_listens "$port" || { cat "$dir/err" >&2; return 1; }
}
docker_registry_listens() { : 2>/dev/null </dev/tcp/127.0.0.1/"$1"; }

# What docker login leaves, in $DOCKER_CONFIG.
login_file() { # REGISTRY USER:PASSWORD
  mkdir -p "$DOCKER_CONFIG"
  jq -n --arg r "$1" --arg a "$(printf %s "$2" | base64 -w0)" '{auths: {($r): {auth: $a}}}' >"$DOCKER_CONFIG/config.json"
}
