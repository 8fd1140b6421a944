#!/usr/bin/env bats
# libcni, as Debian's podman has it, as the oracle: what plugins are told, and what is in the cache.

load ../lib/common
load ../lib/docker
load ../lib/engines
load ../lib/cni

setup_file() {
  engine_setup_file
  load_busybox
  cni_up
  export CONTAINERS_CONF=$W/containers.conf
  cat >"$CONTAINERS_CONF" <<X
[containers]
default_ulimits = []
[network]
network_backend = "cni"
cni_plugin_dirs = ["$W/plugins", "/usr/lib/cni"]
network_config_dir = "$TARE_CNI_CONF_DIR"
default_network = "chain"
[engine]
events_logger = "none"
lock_type = "file"
[engine.runtimes]
crun = ["$W/tare-oci"]
X
  conflist 1.conflist chain 0.4.0 <<<'{"type":"fake-a","own":{"x":[1,null]},"capabilities":{"portMappings":true}},{"type":"fake-b"},{"type":"fake-c","capabilities":{"dns":true}}'
  peer_podman load -q -i "$(docker_busybox)"
}
teardown_file() {
  peer_podman rm -a -f -t 0 >/dev/null 2>&1 || true
  rmdir /var/lib/cni/results /var/lib/cni 2>/dev/null || true # podman's, if nobody else has them
  engine_teardown_file
}
teardown() { remove_all; }

# Without what depends on the container, and what a result has that no specification knows: libcni drops that.
normal() { jq -S 'walk(if type == "string" then gsub("/[^ ]*/netns[^ \"]*"; "NETNS") | gsub("[0-9a-f]{64}"; "ID") else . end) | del(.runtimeConfig.portMappings[]?.hostIP, .prevResult.passed, .passed)' "$@"; }
keep() { # WHO: what the plugins were told by whom
  mkdir -p "$W/$1"
  cp "$FAKES"/* "$W/$1/"
}

@test "ADD and DEL: the same order, the same requests, the same environment" {
  peer_podman run -d --name peer --network chain -p 8080:80 busybox sleep 1000
  cp /var/lib/cni/results/chain-*-eth0 "$W/peer-cache"
  peer_podman rm -f -t 0 peer
  keep peer; forget_fakes
  tare run -d --name ours --network chain -p 8080:80 busybox sleep 1000
  cp "$TARE_CNI_CACHE_DIR"/results/chain-*-eth0 "$W/ours-cache"
  tare rm -f ours
  keep ours
  diff <(grep -v VERSION "$W/peer/asked") "$W/ours/asked" # which podman asks before
  for what in ADD.fake-a ADD.fake-b ADD.fake-c DEL.fake-a DEL.fake-c; do
    # the specification says that capabilities are not passed on, which libcni does
    diff <(jq 'del(.capabilities)' "$W/peer/$what.json" | normal) <(normal "$W/ours/$what.json") || { echo "$what"; return 1; }
    diff <(grep -o '^CNI_[A-Z]*' "$W/peer/$what.env" | sort) <(grep -o '^CNI_[A-Z]*' "$W/ours/$what.env" | sort)
  done
  diff <(jq -r 'keys[]' "$W/peer-cache") <(jq -r 'keys[] | select(. != "netns")' "$W/ours-cache")
  diff <(jq -S '.config | @base64d | fromjson' "$W/peer-cache") <(jq -S '.config | @base64d | fromjson' "$W/ours-cache")
  diff <(jq -S .result "$W/peer-cache" | normal) <(jq -S .result "$W/ours-cache" | normal)
}
