#!/usr/bin/env bats
# Devices by name (CDI): a made-up vendor's files, --device and --gpus.
load ../lib/common

setup_file() {
  tare_setup_file; load_busybox
  export TARE_CONFIG=$BATS_FILE_TMPDIR/config.json CDI=$BATS_FILE_TMPDIR/cdi
  mkdir -p "$CDI"/{etc,run,lib}
  echo "{\"cdi-spec-dirs\":[\"$CDI/etc\",\"$CDI/run\"]}" >"$TARE_CONFIG"
  echo driver >"$CDI/lib/libvendor.so"
  printf '#!/bin/sh\ncat >"%s/$1.$2"\n' "$CDI" >"$CDI/hook"
  chmod +x "$CDI/hook"
  cat >"$CDI/etc/vendor.json" <<END
{ "cdiVersion": "0.7.0", "kind": "vendor.com/gpu", "annotations": { "a": "b" },
  "containerEdits": {
    "env": ["VENDOR_DRIVER=1", "BOTH=all"],
    "mounts": [{ "hostPath": "$CDI/lib/libvendor.so", "containerPath": "/usr/lib/libvendor.so", "options": ["ro", "nosuid", "rbind", "rprivate"] }],
    "hooks": [{ "hookName": "createRuntime", "path": "$CDI/hook", "args": ["hook", "created", "one"], "env": ["PATH=/bin:/usr/bin"], "timeout": 10 },
              { "hookName": "poststop", "path": "$CDI/hook", "args": ["hook", "stopped", "one"] }] },
  "devices": [
    { "name": "0", "containerEdits": { "env": ["BOTH=zero"], "additionalGids": [4242, 0],
      "deviceNodes": [{ "path": "/dev/vendor0", "hostPath": "/dev/fuse", "permissions": "r", "fileMode": 292, "uid": 7, "gid": 8 }] } },
    { "name": "1", "containerEdits": { "deviceNodes": [{ "path": "/dev/vendor1", "type": "c", "major": 1, "minor": 11 }] } },
    { "name": "serial-0", "containerEdits": { "deviceNodes": [{ "path": "/dev/vendor0", "hostPath": "/dev/fuse" }] } },
    { "name": "nic", "containerEdits": { "netDevices": [{ "hostInterfaceName": "eth7", "name": "eth0" }] } } ] }
END
}
teardown_file() { tare_teardown_file; }

# one KIND NAME VALUE FILE: a file with one device that sets a variable.
one() { echo "{\"cdiVersion\":\"1.0.0\",\"kind\":\"$1\",\"devices\":[{\"name\":\"$2\",\"containerEdits\":{\"env\":[\"ONE=$3\"]}}]}" >"$CDI/$4"; }

# fails MESSAGE DEVICE
fails() {
  run -125 --separate-stderr tare run --rm --name never --device "$2" busybox true
  [[ "$stderr" == *"$1"* ]] || { echo "$stderr"; return 1; }
}

@test "--device VENDOR/CLASS=NAME: nodes, variables, mounts, groups and hooks of its file" {
  [ -e /dev/fuse ] || skip "no /dev/fuse here"
  rm -f "$CDI"/{created,stopped}.*
  id=$(tare create -e BOTH=mine -e MINE=1 --name web --device vendor.com/gpu=0 --device vendor.com/gpu=serial-0 busybox sh -c \
    'env; stat -c "%F %a %u %g %t %T" /dev/vendor0; cat /usr/lib/libvendor.so; ! touch /usr/lib/libvendor.so; id -G; (: </dev/vendor0) && echo reads; (: >/dev/vendor0) || echo shut')
  [ "$(tare inspect web | jq -c '.[0].HostConfig.DeviceRequests')" = '[{"Driver":"cdi","DeviceIDs":["vendor.com/gpu=0","vendor.com/gpu=serial-0"]}]' ]
  [ "$(tare inspect web | jq -c '.[0].HostConfig.Devices')" = '[]' ]
  run -0 tare start -a web
  for line in VENDOR_DRIVER=1 BOTH=zero MINE=1 'character special file 444 7 8 a e5' driver reads shut; do
    [[ $'\n'"$output" == *$'\n'"$line"* ]] || { echo "no $line in $output"; return 1; }
  done
  [[ "$output" == *4242* ]]
  [ "$(jq -r .id "$CDI/created.one")" = "$id" ]
  [ "$(jq -r .status "$CDI/created.one")" = creating ]
  wait_until 5 test -s "$CDI/stopped.one"
  tare rm web
  [ "$(tare run --rm --device vendor.com/gpu=1 busybox sh -c 'stat -c "%t %T" /dev/vendor1; ls /dev/vendor0' 2>&1 | head -1)" = "1 b" ]
}

@test "--gpus: all, a number, single ones, whose" {
  [ "$(tare run --rm --gpus 2 busybox sh -c 'ls /dev | grep vendor' | xargs)" = "vendor0 vendor1" ]
  [ "$(tare run --rm --gpus 1 busybox sh -c 'ls /dev | grep vendor' | xargs)" = vendor0 ]
  [ "$(tare run --rm --gpus device=1 busybox sh -c 'ls /dev | grep vendor' | xargs)" = vendor1 ]
  [ "$(tare run --rm --gpus all busybox sh -c 'ls /dev | grep vendor' | xargs)" = "vendor0 vendor1" ]
  [ "$(tare run --rm --gpus '"device=0,1",driver=vendor,capabilities=gpu' busybox sh -c 'ls /dev | grep vendor' | xargs)" = "vendor0 vendor1" ]
  run -125 --separate-stderr tare run --rm --gpus 3 busybox true
  [[ "$stderr" == *"--gpus 3: vendor.com/gpu has 2 devices by number"* ]]
  for bad in 0 none 'count=x' 'device=0,count=1' '"device=0' 'colour=red' 'all,capabilities=video' driver=other device=9; do
    run -125 --separate-stderr tare run --rm --gpus "$bad" busybox true
    [[ "$stderr" == tare:*"gpu"* ]] || { echo "$bad: $stderr"; return 1; }
  done
  one other.com/gpu x 1 etc/other.json
  run -125 --separate-stderr tare run --rm --gpus all busybox true
  [[ "$stderr" == *"say which by driver=VENDOR"* ]]
  [[ "$(tare run --rm --gpus driver=other.com busybox env)" == *ONE=1* ]]
  rm "$CDI/etc/other.json"
}

@test "of two folders the last counts; twice in one is an error" {
  one two.com/x a first etc/two.json; one two.com/x a second run/two.json
  [[ "$(tare run --rm --device two.com/x=a busybox env)" == *ONE=second* ]]
  rm "$CDI/run/two.json"
  [[ "$(tare run --rm --device two.com/x=a busybox env)" == *ONE=first* ]]
  one two.com/x a again etc/three.json
  fails "two files describe it" two.com/x=a
  rm "$CDI"/etc/{two,three}.json
}

# As `nvidia-ctk cdi generate` writes them, and with what people write.
@test "files in YAML: .yaml, .yml" {
  cat >"$CDI/etc/y.yaml" <<'END'
---
cdiVersion: 0.5.0
kind: yaml.com/gpu
containerEdits:
  env:
  - FOR_ALL=yes
devices:
- name: "0"
  containerEdits: &edits
    deviceNodes:
    - path: /dev/yaml0
      type: c
      major: 1
      minor: 11
      fileMode: 0640 # octal
      uid: 7
    env: [ "ONE=a b", 'TWO="2"' ]
- name: all
  containerEdits: *edits
END
  run -0 tare run --rm --device yaml.com/gpu=all busybox sh -c 'stat -c "%a %u %t %T" /dev/yaml0; env'
  [ "${lines[0]}" = "640 7 1 b" ]
  for line in FOR_ALL=yes 'ONE=a b' 'TWO="2"'; do [[ $'\n'"$output" == *$'\n'"$line"* ]]; done
  # the later folder's counts, whatever the form
  one yaml.com/gpu 0 json run/y.json
  [[ "$(tare run --rm --device yaml.com/gpu=0 busybox env)" == *ONE=json* ]]
  rm "$CDI/run/y.json"; mv "$CDI/etc/y.yaml" "$CDI/etc/y.yml"
  tare run --rm --gpus driver=yaml.com busybox test -c /dev/yaml0
  rm "$CDI/etc/y.yml"
}

@test "what is missing or wrong is named, with the nearest there is; nothing is made" {
  fails 'vendor.com/gpu=serial-1: vendor.com/gpu has no device "serial-1"' vendor.com/gpu=serial-1
  fails 'did you mean serial-0?' vendor.com/gpu=serial-1
  fails 'did you mean vendor.com/gpu?' vendor.com/gpo=0
  fails 'netDevices of a device is not supported' vendor.com/gpu=nic
  printf 'kind: yaml.com/x\ncdiVersion: 0.6.0\ndevices:\n- name: 0\n  containerEdits: {}\n' >"$CDI/run/y.yml"
  fails "y.yml: a device.name: must be a string" yaml.com/x=0
  printf 'kind: yaml.com/x\nkind: yaml.com/y\n' >"$CDI/run/y.yml"
  fails 'y.yml: line 2: "kind" is given twice' yaml.com/x=0
  rm "$CDI/run/y.yml"
  while IFS='|' read -r why edits; do
    echo "{\"cdiVersion\":\"0.6.0\",\"kind\":\"bad.com/x\",\"devices\":[{\"name\":\"a\",\"containerEdits\":$edits}]}" >"$CDI/etc/bad.json"
    fails "$why" bad.com/x=a
    fails "etc/bad.json" bad.com/x=a
  done <<'END'
has no key "enw"; did you mean env?|{"enw":[]}
NAME=VALUE|{"env":["X"]}
want a list|{"env":{}}
no absolute path|{"deviceNodes":[{"path":"dev/x"}]}
is no device of this machine|{"deviceNodes":[{"path":"/dev/nosuch-vendor"}]}
type "p"|{"deviceNodes":[{"path":"/dev/x","type":"p","major":1,"minor":1}]}
permissions "z"|{"deviceNodes":[{"path":"/dev/x","hostPath":"/dev/kmsg","permissions":"z"}]}
did you mean hostPath?|{"mounts":[{"hostpath":"/x","containerPath":"/y"}]}
no absolute path|{"mounts":[{"hostPath":"x","containerPath":"/y"}]}
over /proc|{"mounts":[{"hostPath":"/tmp","containerPath":"/proc/x"}]}
hookName "later"|{"hooks":[{"hookName":"later","path":"/bin/true"}]}
number of a group|{"additionalGids":[-1]}
END
  echo '{"cdiVersion":"0.6.0","kind":"bad.com/x","devices":[],' >"$CDI/etc/bad.json"
  fails "no devices of bad.com/x; $CDI/etc/bad.json: line" bad.com/x=a
  echo '{"cdiVersion":"2.0.0","kind":"bad.com/x","devices":[{"name":"a","containerEdits":{}}]}' >"$CDI/etc/bad.json"
  fails 'cdiVersion "2.0.0"' bad.com/x=a
  # others are not concerned
  tare run --rm --device vendor.com/gpu=1 busybox true
  rm "$CDI/etc/bad.json"
  run -1 tare inspect never
}
