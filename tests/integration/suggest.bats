#!/usr/bin/env bats
# A name that is none: the message has the nearest that is one.
load ../lib/common

setup_file() {
  tare_setup_file; load_busybox
  tare create --name frontend busybox true
  tare network create backbone
  tare volume create database
}
teardown_file() {
  tare network rm backbone
  tare volume rm database
  tare_teardown_file
}

# says TEXT ARG...: fails, with TEXT on one line of standard error.
says() {
  local text=$1; shift
  run --separate-stderr tare "$@"
  [ "$status" -ne 0 ]
  [[ "$stderr" == *"$text"* ]] || { echo "$stderr"; return 1; }
  [ "$(wc -l <<<"$stderr")" -eq 1 ]
}

@test "commands and options, also of groups" {
  says 'did you mean "tare start"?' strat
  says 'did you mean "tare network create"?' network craete
  says 'did you mean --privileged?' run --priviledged busybox true
  says 'did you mean --name?' create --nane x busybox true
  says 'unknown command "xyzzy", see' xyzzy
}

@test "containers" {
  for c in start stop rm logs 'exec frontedn true' pause wait port top; do
    read -r -a words <<<"$c"
    [ "${#words[@]}" -gt 1 ] || words+=(frontedn)
    says 'did you mean "frontend"?' "${words[@]}"
  done
  says 'did you mean "frontend"?' rename Frontedn other
  says 'no such container: nobody (tare ps -a lists them)' start nobody
  says 'container:frontnd' run --rm --network container:frontnd busybox true
  says 'did you mean "frontend"?' run --rm --network container:frontnd busybox true
}

@test "images" {
  says 'did you mean "busybox"?' rmi busybx
  says 'did you mean "busybox"?' create --pull never busyboxx true
  says 'did you mean "busybox"?' history busybix
}

@test "networks, also those that nobody made" {
  says 'did you mean backbone?' network rm backbon
  says 'did you mean backbone?' run --rm --network bakcbone busybox true
  says 'did you mean host?' run --rm --network hots busybox true
  says 'did you mean bridge?' run --rm --network brigde busybox true
  says '(tare network ls lists them)' network inspect nobody
}

@test "volumes" {
  says 'did you mean "database"?' volume rm databse
  says 'did you mean "database"?' volume inspect datbase
}

@test "inspect looks among containers, images, networks and volumes" {
  says 'did you mean frontend?' inspect frontent
  says 'did you mean busybox?' inspect busyboc
  says 'did you mean backbone?' inspect backbonne
  says 'did you mean database?' inspect databaes
  says 'no container, image, network or volume is called nobody (' inspect nobody
}
