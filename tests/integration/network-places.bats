#!/usr/bin/env bats
# What --network name=…, network connect and network create say of a place: gw-priority, link-local-ip, driver-opt, attachable.
load ../lib/common
load ../lib/network

setup_file() { tare_setup_file; load_busybox; world_up; }
teardown_file() { world_down; tare_teardown_file; }
teardown() {
  remove_all
  tare network prune -f >/dev/null
}

way_out() { tare exec "$1" ip route | sed -n 's/^default .*dev \([^ ]*\).*/\1/p'; }

@test "gw-priority: the network with the highest leads out, and ports lead there" {
  tare network create one; tare network create two
  tare run -d --name plain --network one --network two busybox sleep 1000
  [ "$(way_out plain)" = eth0 ]
  serve box 80 hello --network one --network name=two,gw-priority=1 -p 18080:80
  [ "$(way_out box)" = eth1 ]
  [ "$(tare inspect -f '{{.NetworkSettings.Networks.one.GwPriority}} {{.NetworkSettings.Networks.two.GwPriority}}' box)" = "0 1" ]
  wait_until 10 answers
  # one that comes while it runs takes over, its going gives back
  tare network create three
  tare network connect --gw-priority 7 three box
  [ "$(way_out box)" = eth2 ]
  wait_until 10 answers
  tare network disconnect three box
  [ "$(way_out box)" = eth1 ]
  wait_until 10 answers
  # one that fails gives back what it took
  run -1 tare network connect --gw-priority 7 --driver-opt com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.nosuch=1 three box
  [ "$(way_out box)" = eth1 ]
  wait_until 10 answers
  tare network connect --gw-priority -3 three plain
  [ "$(way_out plain)" = eth0 ]
  tare restart -t 0 box
  [ "$(way_out box)" = eth1 ]
}
answers() { [[ "$(ask_from_outside 192.0.2.1 18080)" == hello* ]]; }

@test "link-local-ip, of the first network or of any" {
  tare network create one; tare network create two
  tare run -d --name box --link-local-ip 169.254.7.7 --network one --network name=two,link-local-ip=169.254.8.8,link-local-ip=fe80::77 busybox sleep 1000
  tare exec box ip -4 addr show dev eth0 | grep -F "inet 169.254.7.7/16"
  tare exec box ip -4 addr show dev eth1 | grep -F "inet 169.254.8.8/16"
  tare exec box ip -6 addr show dev eth1 | grep -F "inet6 fe80::77/64"
  [ "$(tare inspect -f '{{json .NetworkSettings.Networks.two.IPAMConfig.LinkLocalIPs}}' box)" = '["169.254.8.8","fe80::77"]' ]
  tare network create three
  tare network connect --link-local-ip 169.254.9.9 three box
  tare exec box ip -4 addr show dev eth2 | grep -F "inet 169.254.9.9/16"
  tare run --rm --link-local-ip 169.254.7.7 busybox ip -4 addr show dev eth0 | grep -F "inet 169.254.7.7/16"
}

@test "driver-opt: the name of the device, and its settings" {
  tare network create one; tare network create two
  o=com.docker.network.endpoint
  tare run -d --name box --network "name=one,driver-opt=$o.ifname=front0,driver-opt=$o.sysctls=net.ipv4.conf.IFNAME.log_martians=1" busybox sleep 1000
  tare exec box ip addr show dev front0 | grep -F "inet $(address_of box)/"
  [ "$(tare exec box cat /proc/sys/net/ipv4/conf/front0/log_martians /proc/sys/net/ipv4/conf/lo/log_martians | xargs)" = "1 0" ]
  [ "$(way_out box)" = front0 ]
  tare network connect --driver-opt $o.ifname=back0 --driver-opt "$o.sysctls=net.ipv4.conf.IFNAME.log_martians=1,net.ipv4.neigh.IFNAME.base_reachable_time_ms=20000" two box
  [ "$(tare exec box cat /proc/sys/net/ipv4/conf/back0/log_martians /proc/sys/net/ipv4/neigh/back0/base_reachable_time_ms | xargs)" = "1 20000" ]
  [ "$(tare inspect -f '{{index .NetworkSettings.Networks.two.DriverOpts "com.docker.network.endpoint.ifname"}}' box)" = back0 ]
  tare network disconnect two box
  run ! tare exec box ip link show dev back0
  tare restart -t 0 box
  tare exec box ip addr show dev front0 | grep -F "inet $(address_of box)/"
}

@test "driver-opt said twice: settings of both" {
  tare network create one
  o=com.docker.network.endpoint
  tare run -d --name box --network "name=one,driver-opt=$o.sysctls=net.ipv4.conf.IFNAME.log_martians=1,driver-opt=$o.sysctls=net.ipv4.neigh.IFNAME.base_reachable_time_ms=20000" busybox sleep 1000
  [ "$(tare exec box cat /proc/sys/net/ipv4/conf/eth0/log_martians /proc/sys/net/ipv4/neigh/eth0/base_reachable_time_ms | xargs)" = "1 20000" ]
  [ "$(tare inspect -f '{{.State.Status}}' box)" = running ]
}

@test "attachable is shown, and means nothing else" {
  tare network create --attachable open
  tare network create usual
  [ "$(tare network inspect -f '{{.Attachable}}' open) $(tare network inspect -f '{{.Attachable}}' usual)" = "true false" ]
}

@test "what cannot be is refused, and nothing is made" {
  tare network create one
  refused() { # MESSAGE OPTION...
    local message=$1; shift
    run -125 tare run --name refused "$@" busybox true
    [[ "$output" == *"$message"* && "${#lines[@]}" = 1 ]] || { echo "$output"; return 1; }
    run -1 tare inspect refused
  }
  o=com.docker.network.endpoint
  refused "--gw-priority high: want a number" --network name=one,gw-priority=high
  refused "--link-local-ip 10.0.0.1: want an address of 169.254.0.0/16" --network one --link-local-ip 10.0.0.1
  refused "--link-local-ip needs a network" --network none --link-local-ip 169.254.1.1
  refused "--driver-opt other=1 is not supported ($o.ifname=NAME and" --network name=one,driver-opt=other=1
  refused "ifname=a/b: want a name of a device" --network "name=one,driver-opt=$o.ifname=a/b"
  refused "ifname=lo: want a name of a device" --network "name=one,driver-opt=$o.ifname=lo"
  refused "sysctls=net.core.x=1: want net.ipv4.conf.IFNAME.NAME=VALUE" --network "name=one,driver-opt=$o.sysctls=net.core.x=1"
  refused "want net.ipv4.conf.IFNAME" --network "name=one,driver-opt=$o.sysctls=net.ipv4.conf.IFNAME../../x=1"
  refused '"speed=9" is not supported (name, alias, ip' --network name=one,speed=9
  run -125 tare run --rm --network "name=one,driver-opt=$o.sysctls=net.ipv4.conf.IFNAME.nosuch=1" busybox true
  [[ "$output" == *"/proc/sys/net/ipv4/conf/eth0/nosuch"*"No such file"* ]]
  tare create --name box busybox true
  run -1 tare network connect --gw-priority x one box
  [[ "$output" == *"--gw-priority x: want a number"* ]]
}
