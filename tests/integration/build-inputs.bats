#!/usr/bin/env bats
# tare build: what is fetched — ADD of URLs and git repositories, contexts from elsewhere.
load ../lib/common
load ../lib/web
load ../lib/registry
load ../lib/git

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; }
teardown() { web_stop; git_stop; [ -z "${AGENT_PID:-}" ] || agent_stop; }

dockerfile() { cat >"$ctx/Dockerfile"; }
build() { tare build -t t "$@" "$ctx"; }
files() { tare run --rm --entrypoint /bin/sh t -c "$1"; }
put() { printf '%s' "$2" >"$(web_dir)/www/$1"; touch -d @"${3:-1000000000}" "$(web_dir)/www/$1"; }
digest() { echo "sha256:$(sha256sum <"$(web_dir)/www/$1" | cut -d' ' -f1)"; }

@test "ADD of a URL: name, mode, owner, time" {
  web_start; put a.txt one; put 'b c' two 1100000000
  dockerfile <<D
FROM busybox
ADD $(web)/f/a.txt?x=1 /d/
ADD $(web)/f/a.txt /named
ADD --chmod=755 --chown=5:6 $(web)/f/a.txt $(web)/to/3/f/b%20c /e/
ADD $(web)/f/a.txt /d
COPY Dockerfile /d/
D
  run -0 build
  [ "$(files 'cat /d/a.txt /named "/e/b c"; stat -c " %n %a %u:%g %Y" /d/a.txt /named "/e/a.txt"; stat -c " %a %Y" "/e/b c"')" = "oneonetwo /d/a.txt 600 0:0 1000000000
 /named 600 0:0 1000000000
 /e/a.txt 755 5:6 1000000000
 755 1100000000" ]
}

@test "ADD of a URL that is an archive: unpacked only when asked to" {
  web_start; mkdir "$BATS_TEST_TMPDIR/in"; echo x >"$BATS_TEST_TMPDIR/in/x"
  tar -C "$BATS_TEST_TMPDIR/in" -czf "$(web_dir)/www/a.tgz" x
  printf 'FROM busybox\nADD %s /kept/\nADD --unpack %s /out/\n' "$(web)/f/a.tgz" "$(web)/f/a.tgz" | dockerfile
  run -0 build
  [ "$(files 'ls /kept /out | tr "\n" " "')" = "/kept: a.tgz  /out: x " ]
}

@test "--checksum: right, wrong, of a page that is none; a known one is not fetched for what is there" {
  web_start; put a one
  printf 'FROM busybox\nADD --checksum=%s %s /a\n' "$(digest a)" "$(web)/f/a" | dockerfile
  run -0 build
  run -0 build
  [ "$(web_count 'GET /f/a 200')" = 1 ]
  put a two
  run -1 build --no-cache
  [[ "$output" == *"Dockerfile: line 2: ADD --checksum"*"its digest is $(digest a), and --checksum=sha256:"* ]]
  printf 'FROM busybox\nADD --checksum=%s %s/html /a\n' "$(digest a)" "$(web)" | dockerfile
  run -1 build
  [[ "$output" == *"25 bytes of text/html"* ]]
  [ "$(wc -l <<<"$(grep -v '^\[' <<<"$output" | grep -v -- '--->')")" = 1 ]
}

@test "what is fetched is known by its content: a hit for the same, a miss for another" {
  web_start; put a one
  printf 'FROM busybox\nADD %s /a\nRUN cat /a >/b; cat /proc/sys/kernel/random/uuid >/when\n' "$(web)/f/a" | dockerfile
  run -0 build; first=$(files 'cat /when')
  put a one 1200000000
  run -0 build; [ "$(files 'cat /when')" = "$first" ]
  put a two
  run -0 build; [ "$(files 'cat /b')" = two ]
}

@test "a server that names versions is asked only whether it still is that one" {
  web_start; put a one
  printf 'FROM busybox\nADD %s /a\n' "$(web)/v/a" | dockerfile
  run -0 build
  run -0 build
  [ "$(web_count 'GET /v/a 200')$(web_count 'GET /v/a 304')" = 11 ]
  # known, but what was made of it is not: it is fetched again
  printf 'FROM busybox\nADD %s /other\n' "$(web)/v/a" | dockerfile
  run -0 build; [ "$(files 'cat /other')" = one ]
  put a two
  run -0 build; [ "$(files 'cat /other')" = two ]
  tare builder prune -af
  : >"$(web_dir)/log"
  run -0 build; [ "$(web_count 'GET /v/a 200')$(web_count 304)" = 10 ]
}

@test "a connection that breaks is tried again" {
  web_start; put a "$(seq 1000)"
  printf 'FROM busybox\nADD --checksum=%s %s/cut/2/a /a\n' "$(digest a)" "$(web)" | dockerfile
  run -0 build
  [ "$(web_count '/cut/2/a cut')$(web_count '/cut/2/a 200')" = 21 ]
  printf 'FROM busybox\nADD %s/cut/99/a /a\n' "$(web)" | dockerfile
  run -1 build
  [[ "$output" == *"line 2: ADD http"*"/cut/99/a"* ]]
}

@test "a server that says no more is given up" {
  web_start; put a "$(seq 1000)"
  printf 'FROM busybox\nADD %s/stall/1/a /a\n' "$(web)" | dockerfile
  TARE_REGISTRY_PATIENCE=2 run -0 timeout 100 "$TARE_BIN/tare" build -t t "$ctx"
  [ "$(web_count '/stall/1/a 200')" = 1 ]
}

@test "errors of ADD of a URL: each one line that says which" {
  web_start; put a one
  local url want
  while read -r url want; do
    printf 'FROM busybox\n\nADD %s /x\n' "$(web)$url" | dockerfile
    run -1 timeout 60 "$TARE_BIN/tare" build -t t --limit file=1m "$ctx"
    [[ "$output" == *"Dockerfile: line 3: ADD "*$want* ]] || { echo "$url: $output"; false; }
  done <<'T'
/f/none the server does not have it (404)
/status/401 the server wants a login
/status/403 the server refuses it
/status/500 the server answers 500
/loop sends us on more than 10 times
/endless it has more than 1048576 bytes
T
  printf 'FROM busybox\nADD http://user:secret@%s/f/a /x\n' "$(web | cut -d/ -f3)" | dockerfile
  run -1 build; [[ "$output" == *"a URL with a login in it"* ]]
  printf 'FROM busybox\nADD http://127.0.0.1:1/f/a /x\n' | dockerfile
  run -1 build; [[ "$output" == *"line 2: ADD"*"127.0.0.1"* ]]
  printf 'FROM busybox\nADD %s /x/\n' "$(web)" | dockerfile
  run -1 build
  printf 'FROM busybox\nCOPY %s /x/\n' "$(web)/f/a" | dockerfile
  run -1 build; [[ "$output" == *"no such file"* ]]
  # a file that is not there leaves nothing behind
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -maxdepth 1 -type d)" ]
}

@test "a URL that names no file, into a folder" {
  web_start; put a one
  printf '%s/f/a' "$(web)" >"$(web_dir)/elsewhere"
  printf 'FROM busybox\nADD %s/name/ /x/\n' "$(web)" | dockerfile
  run -1 build; [[ "$output" == *"names no file"*"name the file there"* ]]
  printf 'FROM busybox\nADD %s/name/ /x/a\n' "$(web)" | dockerfile
  run -0 build; [ "$(files 'cat /x/a')" = one ]
}

@test "https: an authority that nobody knows is refused; from https nobody is sent to http" {
  registry_certificate "$BATS_TEST_TMPDIR/tls"
  web_start "$BATS_TEST_TMPDIR/tls/tls.crt" "$BATS_TEST_TMPDIR/tls/tls.key"; put a one
  printf 'FROM busybox\nADD %s/f/a /x\n' "$(WEB_SCHEME=https web)" | dockerfile
  run -1 build; [[ "$output" == *"line 2: ADD https"*certificate* ]]
  # an authority that the system knows, for this build alone
  trusting() { unshare -m sh -c 'mount --bind "$1" /etc/ssl/certs/ca-certificates.crt; shift; exec "$@"' sh "$BATS_TEST_TMPDIR/tls/ca.crt" "$TARE_BIN/tare" build -t t "$ctx"; }
  run -0 trusting
  [ "$(files 'cat /x')" = one ]
  W=plain web_start; W=plain put a two
  W=plain web | sed 's,$,/f/a,' >"$(web_dir)/elsewhere"
  printf 'FROM busybox\nADD %s/name /x\n' "$(WEB_SCHEME=https web)" | dockerfile
  run -1 trusting; [[ "$output" == *"line 2: ADD https"*"sends us from https to"* ]]
}

@test "ADD of a URL goes through the proxy of the environment" {
  web_start; put a one
  printf 'FROM busybox\nADD http://nowhere.invalid/f/a /x\n' | dockerfile
  http_proxy=http://127.0.0.1:1 run -1 build
  [[ "$output" == *"line 2: ADD"*"127.0.0.1"* ]]
  http_proxy=$(web) run -0 build
  [ "$(files 'cat /x')" = one ]
  [ "$(web_count 'GET http://nowhere.invalid/f/a 200')" = 1 ]
}

# ---- git ----

@test "ADD of a git repository: branch, tag, commit, folder; times are the commit's, .git stays away" {
  git_start; git_repository r
  first=$(git_commit r f one); in_git r tag -a -m x v1; git_commit r d/g two >/dev/null
  in_git r branch grün
  in_git r checkout -q -b other; GIT_WHEN=1600000000 git_commit r f three >/dev/null; in_git r checkout -q main
  ln -s d/g "$(git_dir)/r/l"; chmod 755 "$(git_dir)/r/f"; git_commit r x x >/dev/null
  dockerfile <<D
FROM busybox
ADD $(git_url r) /head
ADD $(git_url r)#other /other
ADD $(git_url r)#v1 /v1
ADD $(git_url r)#grün:d /green
ADD $(git_url r)?ref=$first /commit/
ADD $(git_url r)#main:d /folder
ADD --keep-git-dir=true --chown=3:4 $(git_url r)#other /kept
D
  run -0 build
  [ "$(files 'cd /; cat head/f head/l other/f v1/f commit/f folder/g green/g; echo; ls -A head v1 | tr "\n" " "; stat -c "%a %u:%g %Y" head/f other/f; test -d kept/.git; stat -c "%u:%g" kept/f')" = "onetwothreeoneonetwotwo
head: d f l x  v1: f 755 0:0 1500000000
644 0:0 1600000000
3:4" ]
}

@test "ADD of a git repository: known by its commit" {
  git_start; git_repository r; one=$(git_commit r f one)
  printf 'FROM busybox\nADD %s /r\nRUN cat /proc/sys/kernel/random/uuid >/when\n' "$(git_url r)" | dockerfile
  run -0 build; when=$(files 'cat /when'); first=$(tare images -q --no-trunc t)
  asked=$(git_count "Request upload-pack")
  run -0 build; [ "$(files 'cat /when')" = "$when" ]
  [ "$(git_count "Request upload-pack")" = $((asked + 1)) ]
  git_commit r f two >/dev/null
  run -0 build; [ "$(files 'cat /r/f')" = two ]
  printf 'FROM busybox\nADD --checksum=%s %s /r\n' "$one" "$(git_url r)" | dockerfile
  run -1 build; [[ "$output" == *"line 2: ADD"*"HEAD is commit"*"$one is wanted"* ]]
  printf 'FROM busybox\nADD %s#%s /r\n' "$(git_url r)" "$one" | dockerfile
  run -0 build --no-cache; id=$(tare images -q --no-trunc t)
  run -0 build --no-cache; [ "$(tare images -q --no-trunc t)" = "$id" ]
}

@test "ADD of a git repository by HTTP without git behind it" {
  git_dir() { echo "$(web_dir)/www"; }
  web_start; git_repository r; one=$(git_commit r f one); git_commit r f two >/dev/null
  git clone -q --bare "$(web_dir)/www/r" "$(web_dir)/www/r.git"; git -C "$(web_dir)/www/r.git" update-server-info
  printf 'FROM busybox\nADD %s/f/r.git#%s /one\nADD %s/f/r.git /two\n' "$(web)" "$one" "$(web)" | dockerfile
  run -0 build
  [ "$(files 'cat /one/f /two/f')" = onetwo ]
}

@test "ADD of a git repository: submodules, which reach nothing that the repository must not" {
  git_start; git_repository sub; git_commit sub s inner >/dev/null
  git_repository r; git_commit r f one >/dev/null
  in_git r submodule -q add -- ../sub sub; in_git r config -f .gitmodules submodule.sub.url ../sub; git_commit r g two >/dev/null
  printf 'FROM busybox\nADD %s /with\nADD %s?submodules=false /without\n' "$(git_url r)" "$(git_url r)" | dockerfile
  run -0 build
  [ "$(files 'cat /with/sub/s; ls -A /with/sub /without/sub | tr "\n" " "')" = "inner/with/sub: s  /without/sub: " ]
  in_git r config -f .gitmodules submodule.sub.url "file://$(git_dir)/sub"; git_commit r g three >/dev/null
  run -1 build
  [[ "$output" == *"fetch its submodules"* ]]
}

@test "git is confined: nobody, without the host's files" {
  mkdir -p "$BATS_TEST_TMPDIR/folder"
  run "$TARE_BIN/tare" internal confined 1000 sh -c 'id -u; pwd; echo >x || echo no; cat /etc/shadow; ls /root; ls /var/lib/dpkg; echo >/var/tmp/evil; head -c 2000 /dev/zero >big; stat -c %s big' 3<"$BATS_TEST_TMPDIR/folder"
  [ "${lines[0]}" = 65534 ]
  [ "${lines[1]}" = /tmp ]
  [ "$(grep -c 'ermission denied' <<<"$output")" -ge 4 ]
  [ "$(tail -1 <<<"$output")" = 1000 ]
  [ -e "$BATS_TEST_TMPDIR/folder/x" ]
  # what it started ends with it, and all of it with who waits for it
  local one=1$$.7 two=1$$.8 # seconds that nobody else on this machine sleeps
  run -3 "$TARE_BIN/tare" internal confined 1000 sh -c "sleep $one & sleep $two & exit 3" 3<"$BATS_TEST_TMPDIR/folder"
  "$TARE_BIN/tare" internal confined 1000 sh -c "sleep $one & sleep $two" 3<"$BATS_TEST_TMPDIR/folder" 4>&- & local pid=$!
  wait_until 5 pgrep -f "^sleep 1$$[.][78]\$"
  kill -9 "$pid"; wait "$pid" || true
  wait_until 5 eval '! pgrep -f "^sleep 1$$[.][78]\$"'
  # no socket of D-Bus's, docker's or an agent's; what names are resolved by is seen
  cat >"$BATS_TEST_TMPDIR/around" <<'S'
mount -t tmpfs tmpfs /run; mkdir -p /run/systemd/resolve; echo nameserver 9.8.7.6 >/run/systemd/resolve/stub-resolv.conf
exec 3<"$2" # of this namespace
exec /usr/bin/python3 -c '
import socket, subprocess, sys
s = socket.socket(socket.AF_UNIX); s.bind("/run/socket"); s.listen()
__import__("os").chmod("/run/socket", 0o777)
sys.exit(subprocess.run(sys.argv[1:], pass_fds=[3]).returncode)' "$TARE_BIN/tare" internal confined 1000 sh -c "$1"
S
  run -0 unshare -m bash "$BATS_TEST_TMPDIR/around" 'cat /run/systemd/resolve/stub-resolv.conf; test -e /run/socket || echo hidden;
    /usr/bin/python3 -c "import socket; socket.socket(socket.AF_UNIX).connect(\"/run/socket\")" 2>&1 | tail -1' "$BATS_TEST_TMPDIR/folder"
  [ "$output" = "nameserver 9.8.7.6
hidden
FileNotFoundError: [Errno 2] No such file or directory" ] || { echo "$output"; false; }
  run -127 "$TARE_BIN/tare" internal confined 1000 no-such-program 3<"$BATS_TEST_TMPDIR/folder"
  [[ "$output" == *"no-such-program"* ]]
}

@test "a git repository that wants a login: a secret for that host; one for any is for what the command line names" {
  git_dir() { echo "$(web_dir)/www"; }
  web_start; git_repository r; git_commit r Dockerfile "$(printf 'FROM busybox\nCOPY . /c/\n')" >/dev/null
  git clone -q --bare "$(web_dir)/www/r" "$(web_dir)/www/r.git"; git -C "$(web_dir)/www/r.git" update-server-info
  echo "Basic $(printf 'x-access-token:tok' | base64)" >"$(web_dir)/login"
  printf 'FROM busybox\nADD %s/auth/r.git /r\n' "$(web)" | dockerfile
  echo tok >"$BATS_TEST_TMPDIR/token"
  run -1 build; [[ "$output" == *"line 2: ADD"*"git cannot ask it"* ]]
  run -1 build --secret id=GIT_AUTH_TOKEN,src="$BATS_TEST_TMPDIR/token"
  run -0 build --secret id=GIT_AUTH_TOKEN.127.0.0.1,src="$BATS_TEST_TMPDIR/token"
  run -1 build --no-cache --secret id=GIT_AUTH_TOKEN.elsewhere,src="$BATS_TEST_TMPDIR/token"
  TOK=tok run -0 tare build -t t --secret id=GIT_AUTH_TOKEN,env=TOK "$(web)/auth/r.git"
  [ "$(files 'ls /c')" = Dockerfile ]
  H=$(cat "$(web_dir)/login") run -0 tare build --secret id=GIT_AUTH_HEADER,env=H "$(web)/auth/r.git"
}

@test "errors of ADD of a git repository" {
  git_start; git_repository r; git_commit r f one >/dev/null
  local what want
  while IFS='|' read -r what want; do
    printf 'FROM busybox\nADD %s /x\n' "git://127.0.0.1/$what" | dockerfile
    run -1 build
    [[ "$output" == *"Dockerfile: line 2: ADD git"*"$want"* ]] || { echo "$what: $output"; false; }
  done <<'T'
nothing|git cannot ask it
r#nope|it has no branch or tag nope
r#main:nope|there is no such file
r#main:f|f is no folder
r#--upload-pack=x|no branch or tag begins with -
r?commit=abc|a commit is 40 hex digits
r#0123456789012345678901234567890123456789|git cannot
T
}

# Processes of these names in our network namespace, which is this file's alone.
fetchers() {
  local p
  for p in $(pgrep -x 'tare-transfer|git|git-remote-http|ssh'); do
    [ "$(readlink "/proc/$p/ns/net" 2>/dev/null)" != "$(readlink /proc/self/ns/net)" ] || [ "$p" = "$(cat "$(git_dir)/pid" 2>/dev/null)" ] || echo "$p"
  done
}
no_fetchers() { [ -z "$(fetchers)" ]; }
some_fetchers() { [ -n "$(fetchers)" ]; }

# fake_git PYTHON: a server of git's protocol on port 9419; c is the connection when the request was read, line() a packet
fake_git() {
  /usr/bin/python3 -c "
import socket, sys, time
def line(text): return b'%04x' % (len(text) + 4) + text
s = socket.create_server(('127.0.0.1', 9419))
while True:
    c, _ = s.accept(); c.recv(4096)
    try: exec(sys.argv[1]); c.recv(4096)
    except OSError: pass
    c.close()" "$1" 3>&- 4>&- & FAKE_GIT=$!
  wait_until 10 bash -c ': </dev/tcp/127.0.0.1/9419' 2>/dev/null
}
fake_git_stop() { kill "$FAKE_GIT"; wait "$FAKE_GIT" || true; }

@test "a git repository that is too large, says too much or nothing is given up" {
  git_start; git_repository r; head -c 3000000 /dev/urandom >"$(git_dir)/r/big"; git_commit r f one >/dev/null
  printf 'FROM busybox\nADD %s /x\n' "$(git_url r)" | dockerfile
  run -1 build --limit unpacked=2m
  [[ "$output" == *"line 2: ADD git://127.0.0.1/r /x: git://127.0.0.1/r: git makes more than 2097152 bytes; if that is right: --limit unpacked=N" ]] || { echo "$output"; false; }
  run -1 build --limit entries=10
  [[ "$output" == *"git makes more than 10 files; if that is right: --limit entries=N" ]]
  run -0 build
  printf 'FROM busybox\nADD git://127.0.0.1:9419/r /x\n' | dockerfile
  fake_git 'c.sendall(line(b"1" * 40 + b" HEAD\0 \n")); [c.sendall(line(b"1" * 40 + b" refs/heads/" + b"x" * 4000 + b"%d/HEAD\n" % n)) for n in range(2000)]; c.sendall(b"0000")'
  run -1 build
  fake_git_stop
  [[ "$output" == *"git://127.0.0.1:9419/r: git says more than 1048576 bytes" ]] || { echo "$output"; false; }
  fake_git 'time.sleep(100)'
  TARE_GIT_PATIENCE=2 run -1 timeout 60 "$TARE_BIN/tare" build -t t "$ctx"
  fake_git_stop
  [[ "$output" == *"git://127.0.0.1:9419/r: git was given up: nothing came of it for 2 s" ]] || { echo "$output"; false; }
  TARE_GIT_PATIENCE=x run -1 build; [[ "$output" == *"TARE_GIT_PATIENCE is the number of seconds"* ]]
  wait_until 10 no_fetchers
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -maxdepth 1 -type d)" ]
}

@test "a build that is killed while it fetches: nothing goes on, and the next one is whole" {
  local url pid silent
  web_start; put a one
  # who takes connections and says nothing
  /usr/bin/python3 -c 'import socket, time; s = socket.create_server(("127.0.0.1", 9419)); time.sleep(300)' 3>&- 4>&- & silent=$!
  for url in "$(web)/stall/1/a" git://127.0.0.1:9419/r "http://127.0.0.1:9419/r.git"; do
    printf 'FROM busybox\nADD %s /x\n' "$url" | dockerfile
    "$TARE_BIN/tare" build -t t "$ctx" 3>&- 4>&- & pid=$!
    wait_until 10 some_fetchers
    sleep 0.3; kill -9 "$pid"; wait "$pid" || true
    wait_until 10 no_fetchers
  done
  kill "$silent"; wait "$silent" || true
  printf 'FROM busybox\nADD %s /x\n' "$(web)/stall/1/a" | dockerfile
  run -0 build; [ "$(files 'cat /x')" = one ]
  [ -z "$(find "$TARE_ROOT/ingest" -mindepth 1 -maxdepth 1 -type d)" ]
}

# ---- contexts from elsewhere ----

@test "a context by URL: a tar, packed or not, or a Dockerfile alone; -f by URL" {
  web_start
  echo x >"$ctx/x"; mkdir "$ctx/sub"
  printf 'FROM busybox\nCOPY x /x\n' | dockerfile
  printf 'FROM busybox\nCOPY x /of-sub\n' >"$ctx/sub/other"
  tar -C "$ctx" -cJf "$(web_dir)/www/c.txz" .
  run -0 tare build -t t "$(web)/f/c.txz"; [ "$(files 'cat /x')" = x ]
  run -0 tare build -t t -f sub/other "$(web)/f/c.txz"; [ "$(files 'cat /of-sub')" = x ]
  put D 'FROM busybox
RUN echo alone >/alone'
  run -0 tare build -t t "$(web)/f/D"; [ "$(files 'cat /alone')" = alone ]
  run -0 build -f "$(web)/f/D"; [ "$(files 'cat /alone')" = alone ]
  put D 'FROM busybox
COPY none /'
  run -1 tare build -t t "$(web)/f/D"; [[ "$output" == *"$(web)/f/D: line 2: COPY none /"* ]]
  run -1 tare build "$(web)/f/nothing"; [[ "$output" == *"does not have it (404)"* ]]
  run -1 tare build ftp://127.0.0.1/x; [[ "$output" == *"want a folder, a URL by http or https, or a git repository"* ]]
}

@test "a context that is a git repository: branch and folder, .dockerignore, no .git" {
  git_start; git_repository r
  git_commit r Dockerfile "$(printf 'FROM busybox\nCOPY . /c/\n')" >/dev/null
  git_commit r .dockerignore skip >/dev/null; git_commit r skip s >/dev/null
  git_commit r sub/Dockerfile "$(printf 'FROM busybox\nCOPY . /sub/\n')" >/dev/null
  run -0 tare build -t t "$(git_url r)"
  [ "$(files 'ls -A /c | tr "\n" " "; stat -c "%u %Y" /c/Dockerfile')" = ".dockerignore Dockerfile sub 0 1500000000" ]
  id=$(tare images -q --no-trunc t); sleep 1
  run -0 tare build -t t --no-cache "$(git_url r)"; [ "$(tare images -q --no-trunc t)" = "$id" ]
  run -0 tare build -t t "$(git_url r)#main:sub"; [ "$(files 'ls -A /sub')" = Dockerfile ]
  run -0 tare build -t t "$(git_url r)?keep-git-dir=1"; run -0 files 'test -d /c/.git'
  run -0 tare build -t t --build-arg BUILDKIT_CONTEXT_KEEP_GIT_DIR=1 "$(git_url r)"; run -0 files 'test -d /c/.git'
  local sub
  for sub in "none|it has no folder none" "../..|../.. leads out of the repository" "..|.. leads out of the repository" "skip|skip is no folder"; do
    run -1 tare build "$(git_url r)#:${sub%|*}"
    [ "$(tail -n 1 <<<"$output")" = "tare: $(git_url r): ${sub#*|}" ] || { echo "$output"; false; }
  done
  # a link that leads out of a stranger's context leads to nothing
  rm "$(git_dir)/r/Dockerfile"; ln -s /etc/shadow "$(git_dir)/r/Dockerfile"; git_commit r x x >/dev/null
  run -1 tare build "$(git_url r)"
  [[ "$output" == *"Dockerfile is a link that leads to nothing in the context"* ]]
}

# ---- ssh ----

agent_start() { # an agent with one key; its socket is AGENT
  AGENT=$BATS_TEST_TMPDIR/agent
  ssh-agent -D -a "$AGENT" >/dev/null 2>&1 </dev/null 3>&- 4>&- & AGENT_PID=$!
  wait_until 5 test -S "$AGENT"
  ssh-keygen -q -t ed25519 -N "${1:-}" -f "$BATS_TEST_TMPDIR/key"
  [ -n "${1:-}" ] || SSH_AUTH_SOCK=$AGENT ssh-add -q "$BATS_TEST_TMPDIR/key" 2>/dev/null
}
agent_stop() { kill "$AGENT_PID"; wait "$AGENT_PID" 2>/dev/null || true; AGENT_PID=; }

@test "RUN --mount=type=ssh: an agent for that command, to list and to sign and for nothing else" {
  agent_start; cp "$TARE_BUILD/tests/lib/ask-agent" "$ctx"
  # 11 lists, 13 signs (of an empty request nobody signs), 19 removes all keys, 22 locks, 27 is an extension
  dockerfile <<'D'
FROM busybox
COPY ask-agent /
RUN --mount=type=ssh /ask-agent 11 19 22 27 13 11 >/said; echo "$SSH_AUTH_SOCK" >>/said; stat -c '%a %u' $SSH_AUTH_SOCK >>/said
RUN --mount=type=ssh,id=default,uid=7,mode=640,target=/a/sock --mount=type=ssh stat -c '%n %a %u' "$SSH_AUTH_SOCK" /run/buildkit/ssh_agent.1 >>/said
RUN --mount=type=ssh,required /ask-agent 11 >>/said
USER 7
RUN --mount=type=ssh,uid=7 /ask-agent 11
RUN --mount=type=ssh ! /ask-agent 11
USER 0
ENV SSH_AUTH_SOCK=/mine
RUN --mount=type=ssh echo $SSH_AUTH_SOCK >>/said
RUN /ask-agent 11 || ls /run /a >>/said 2>&1; true
D
  SSH_AUTH_SOCK=$AGENT run build --ssh default; [ "$status" = 0 ] || { echo "$output"; false; }
  [ "$(files 'cat /said')" = "11: 12 1 keys
19: 5
22: 5
27: 5
13: 5
11: 12 1 keys
/run/buildkit/ssh_agent.0
600 0
/a/sock 640 7
/run/buildkit/ssh_agent.1 600 0
11: 12 1 keys
/mine
ls: /run: No such file or directory
ls: /a: No such file or directory" ] || { files 'cat /said'; false; }
  [ "$(SSH_AUTH_SOCK=$AGENT ssh-add -l | wc -l)" = 1 ]
  # by the socket's name; by a key, which an agent of tare's own holds
  printf 'FROM busybox\nCOPY ask-agent /\nRUN --mount=type=ssh,id=x,required /ask-agent 11 >/said\n' | dockerfile
  run -0 build --no-cache --ssh "x=$AGENT"; [ "$(files 'cat /said')" = "11: 12 1 keys" ]
  agent_stop
  run -0 build --no-cache --ssh "x=$BATS_TEST_TMPDIR/key"; [ "$(files 'cat /said')" = "11: 12 1 keys" ]
}

@test "what stands before the agent: it passes on two kinds of requests, whatever it is sent" {
  run -0 /usr/bin/python3 "$BATS_TEST_DIRNAME/../lib/agent.py" "$TARE_BIN/tare"
  [ -z "$output" ]
}

@test "RUN --mount=type=ssh: without an agent, and with one that is none" {
  agent_start secret; agent_stop
  printf 'FROM busybox\nRUN --mount=type=ssh echo "<$SSH_AUTH_SOCK>" >/said\n' | dockerfile
  run -0 build; [ "$(files 'cat /said')" = "<>" ]
  SSH_AUTH_SOCK='' run -1 build --no-cache --ssh default; [[ "$output" == *"line 2: RUN"*"SSH_AUTH_SOCK names no agent"* ]]
  SSH_AUTH_SOCK=/nowhere run -1 build --no-cache --ssh default; [[ "$output" == *"the ssh agent at /nowhere"* ]]
  run -1 build --no-cache --ssh "default=$BATS_TEST_TMPDIR/key"; [[ "$output" == *"cannot be used as a key"*"passphrase"* ]]
  run -1 build --no-cache --ssh "default=$BATS_TEST_TMPDIR/none"; [[ "$output" == *"none"* ]]
  chmod 644 "$BATS_TEST_TMPDIR/key"; run -1 build --no-cache --ssh "default=$BATS_TEST_TMPDIR/key"; [[ "$output" == *"cannot be used as a key: Permissions 0644"* ]]
  printf 'FROM busybox\nRUN --mount=type=ssh,required true\n' | dockerfile
  run -1 build; [[ "$output" == *"line 2: RUN"*"the ssh agent default is required: --ssh default gives it"* ]]
  run -1 build --ssh =x; [[ "$output" == *"--ssh =x: want ID"* ]]
}

# ---- named contexts ----

@test "--build-context: folders, tars and repositories for --from; .dockerignore there" {
  web_start; git_start; git_repository r; git_commit r g git >/dev/null
  mkdir "$BATS_TEST_TMPDIR/more"; echo one >"$BATS_TEST_TMPDIR/more/f"; echo no >"$BATS_TEST_TMPDIR/more/skip"
  echo skip >"$BATS_TEST_TMPDIR/more/.dockerignore"; chown 9:9 "$BATS_TEST_TMPDIR/more/f"
  tar -C "$BATS_TEST_TMPDIR/more" -czf "$(web_dir)/www/m.tgz" f
  dockerfile <<'D'
FROM busybox AS stage
RUN echo wrong >/f
FROM busybox
COPY --from=more . /more/
COPY --from=tar f /tar
COPY --from=git g /git
COPY --from=stage f /stage
RUN --mount=from=more,target=/m ls /m >/mounted
RUN cat /proc/sys/kernel/random/uuid >/when
D
  local with=(--build-context more="$BATS_TEST_TMPDIR/more" --build-context tar="$(web)/f/m.tgz" --build-context git="$(git_url r)"
    --build-context stage="$BATS_TEST_TMPDIR/more")
  run build "${with[@]}"; [ "$status" = 0 ] || { echo "$output"; false; }
  run -1 grep -q wrong <<<"$output"
  [ "$(files 'cat /more/f /tar /git; cat /stage /mounted; stat -c %u /more/f; ls /more' | tr '\n' ' ')" = "one one gitone f 0 f " ]
  when=$(files 'cat /when')
  run -0 build "${with[@]}"; [ "$(files 'cat /when')" = "$when" ]
  echo two >"$BATS_TEST_TMPDIR/more/f"
  run -0 build "${with[@]}"; [ "$(files 'cat /more/f')" = two ]
  run -1 build --build-context more; [[ "$output" == *"want NAME=PATH"* ]]
  run -1 build --build-context "more=$BATS_TEST_TMPDIR/none"; [[ "$output" == *"--build-context more"*"none"* ]]
  printf 'FROM more\n' | dockerfile
  run -1 build "${with[@]}"; [[ "$output" == *"line 1: FROM more"*"COPY --from=more / /"* ]]
}

@test "--build-context: images in place of others" {
  printf 'FROM busybox\nRUN echo mine >/mine\n' | dockerfile
  run -0 tare build -t mine "$ctx"
  printf 'FROM example.com/none:1\nFROM nobody\nCOPY --from=docker.io/library/other:latest /mine /other\n' | dockerfile
  run -0 build --build-context nobody=docker-image://mine --build-context other=docker-image://mine:latest
  [ "$(files 'cat /mine /other')" = "mine
mine" ]
  mkdir "$BATS_TEST_TMPDIR/oci"; tare save mine | tar -C "$BATS_TEST_TMPDIR/oci" -x
  tare rmi -f t mine >/dev/null; tare builder prune -af >/dev/null
  printf 'FROM nobody:latest\nRUN cat /mine >/again\n' | dockerfile
  run build --build-context nobody="oci-layout://$BATS_TEST_TMPDIR/oci"; [ "$status" = 0 ] || { echo "$output"; false; }
  [ "$(files 'cat /again')" = mine ]
  run -0 build --build-context nobody="oci-layout://$BATS_TEST_TMPDIR/oci:latest"
  # as most tools name it: the tag and nothing else
  sed -i 's/"org.opencontainers.image.ref.name":"[^"]*"/"org.opencontainers.image.ref.name":"mine-1"/; s/"io.containerd.image.name":"[^"]*",*//' "$BATS_TEST_TMPDIR/oci/index.json"
  run -0 build --build-context nobody="oci-layout://$BATS_TEST_TMPDIR/oci:mine-1"
  run -1 build --build-context nobody="oci-layout://$BATS_TEST_TMPDIR/oci:wrong"
  [[ "$output" == *"--build-context nobody"*"it has not one image of wrong"* ]]
}
