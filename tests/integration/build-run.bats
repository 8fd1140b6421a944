#!/usr/bin/env bats
# tare build: what the containers of RUN may use and what they see, by options of the command line.
load ../lib/common

setup_file() { tare_setup_file; load_busybox; }
teardown_file() { tare_teardown_file; }
setup() { ctx=$BATS_TEST_TMPDIR/ctx; mkdir -p "$ctx"; }

dockerfile() { cat >"$ctx/Dockerfile"; }
build() { tare build -t t "$@" "$ctx"; }
files() { tare run --rm --entrypoint /bin/sh t -c "$1"; }

@test "--add-host, --shm-size, --ulimit: in every RUN, and a part of its key" {
  printf 'FROM busybox\nRUN cat /etc/hosts >/h; ulimit -n >/n; df -k /dev/shm | tail -1 | awk "{ print \\$2 }" >/s\n' | dockerfile
  run -0 build --add-host there:10.9.8.7 --ulimit nofile=77:77 --shm-size 3m
  [ "$(files 'grep -c "^10.9.8.7.*there" /h; cat /n /s' | tr '\n' ' ')" = "1 77 3072 " ]
  run -0 build --add-host there:10.9.8.8 --ulimit nofile=77:77 --shm-size 3m
  [ "$(files 'grep -c "^10.9.8.8.*there" /h')" = 1 ]
  run -1 build --ulimit nofile; [[ "$output" == *ulimit* ]]
  run -1 build --add-host there; [[ "$output" == *add-host* ]]
}

@test "limits of memory and processors, and where the cgroup is" {
  printf 'FROM busybox\nRUN cat /proc/self/cgroup >/c; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null >/m; true\n' | dockerfile
  run -0 build --no-cache -m 64m --cpu-shares 100 --cpu-quota 50000 --cpu-period 100000 --cpuset-cpus 0
  [ "$(files 'cat /m')" = 67108864 ]
  printf 'FROM busybox\nRUN tail /dev/zero\n' | dockerfile
  run -1 build -m 16m --memory-swap 16m; [[ "$output" == *"line 2: RUN tail"* ]]
  run -1 build -m 1x; [[ "$output" == *memory* ]]
}

@test "what no RUN could be run with is said before anything is built, also where there is no RUN" {
  echo 1 >"$ctx/f"
  # ERR is what the line begins with
  bad() {
    run -1 --separate-stderr build "${@:2}"
    [[ "$output" = "" && "$stderr" == "tare: $1"* && "$(wc -l <<<"$stderr")" = 1 ]] || { echo "$*: $stderr"; false; }
  }
  all() {
    bad "--shm-size foo: " --shm-size foo
    bad "--ulimit foo: " --ulimit foo
    bad "--add-host x: " --add-host x
    bad "--security-opt foo " --security-opt foo
    bad "--network nosuch: no network is called nosuch" --network nosuch
    bad "--memory 1: " -m 1
    bad "--memory-swap x: " --memory-swap x
    bad "--cpuset-cpus 9999: this machine has the CPUs 0" --cpuset-cpus 9999
    bad "--cpuset-cpus 0-9999: this machine has the CPUs 0" --cpuset-cpus 0-9999
    for list in x 1- , 0,,1 2-1 0,; do bad "--cpuset-cpus $list: want a list" --cpuset-cpus "$list"; done
    bad "--cpuset-mems y: want a list" --cpuset-mems y
    bad "--cgroup-parent rel/../x: " --cgroup-parent rel/../x
    bad "--cpu-quota: " --cpu-quota 5
    bad "--cpu-period: " --cpu-period 1
  }
  printf 'FROM busybox\nCOPY f /\n' | dockerfile
  all
  printf 'FROM busybox\nRUN true\nRUN true\n' | dockerfile
  all
  run -0 build --cpuset-cpus 0 --cpuset-mems 0 --cgroup-parent /tare --network none --add-host a:1.2.3.4
}

@test "RUN --security=insecure and --network=host only when they are allowed" {
  printf 'FROM busybox\nRUN --security=insecure grep CapEff /proc/self/status >/c; mount -t tmpfs x /tmp\nRUN --security=sandbox grep CapEff /proc/self/status >/d\n' | dockerfile
  run -1 build; [[ "$output" == *"line 2: RUN --security=insecure"*"not allowed: --allow security.insecure does that"* ]]
  run -1 build --allow network.host
  run -1 build --allow all; [[ "$output" == *"--allow all: there are network.host and security.insecure"* ]]
  run -0 build --allow security.insecure
  run -1 files 'cmp -s /c /d'
  printf 'FROM busybox\nRUN --network=host true\n' | dockerfile
  run -1 build; [[ "$output" == *"--allow network.host does that"* ]]
  run -0 build --network host
}

@test "--no-cache-filter: stages that are done anew" {
  printf 'FROM busybox AS one\nRUN cat /proc/sys/kernel/random/uuid >/one\nFROM busybox\nCOPY --from=one /one /\nRUN cat /proc/sys/kernel/random/uuid >/two\n' | dockerfile
  run -0 build --build-arg x=1; one=$(files 'cat /one'); two=$(files 'cat /two')
  run -0 build --no-cache-filter ONE
  [ "$(files 'cat /one')" != "$one" ]
  one=$(files 'cat /one'); run -0 build; two=$(files 'cat /two')
  run -0 build --no-cache-filter one,1
  [ "$(files 'cat /one')" != "$one" ]; [ "$(files 'cat /two')" != "$two" ]
  run -1 build --no-cache-filter three; [[ "$output" == *"there is no stage \"three\""* ]]
}

@test "--security-opt, --force-rm, --compress; what there is not" {
  printf 'FROM busybox\nRUN grep NoNewPrivs /proc/self/status >/n\n' | dockerfile
  run -0 build --security-opt no-new-privileges=false --force-rm --compress
  [ "$(files 'cat /n')" = "$(printf 'NoNewPrivs:\t0')" ]
  run -0 build --security-opt no-new-privileges
  [ "$(files 'cat /n')" = "$(printf 'NoNewPrivs:\t1')" ]
  run -0 build --rm=true --disable-content-trust
  run -125 build --rm=false; [[ "$output" == *"--rm=false is not supported"* ]]
  run -125 build --isolation default
}

@test "RUN --mount=type=cache,from=: what a new cache begins with" {
  dockerfile <<'D'
FROM busybox AS seed
RUN mkdir -p /s/d && echo one >/s/d/f && chown 5:6 /s/d/f && chmod 640 /s/d/f
FROM busybox
RUN --mount=type=cache,id=c,target=/c,from=seed,source=/s stat -c '%a %u:%g' /c/d/f >/said; cat /c/d/f >>/said; echo more >>/c/d/f
RUN --mount=type=cache,id=c,target=/c,from=seed,source=/s,uid=7,mode=700 cat /c/d/f >>/said
RUN --mount=type=cache,id=c,target=/c ls /c >>/said
D
  run -0 build
  [ "$(files 'cat /said')" = "640 5:6
one
one
more" ]
  # another begin is another cache
  sed -i 's/echo one/echo two/' "$ctx/Dockerfile"
  run -0 build
  [ "$(files 'tail -n 2 /said')" = "two
more" ]
  printf 'FROM busybox\nRUN --mount=type=cache,target=/c,source=/s true\n' | dockerfile
  run -1 build; [[ "$output" == *"line 2: RUN"*"source is a folder of from"* ]]
  printf 'FROM busybox AS a\nFROM busybox\nRUN --mount=type=cache,target=/c,from=a,source=/bin/busybox true\n' | dockerfile
  run -1 build; [[ "$output" == *"is no folder, and a cache is one"* ]]
}
