# The third boot, after the power cut.
# shellcheck shell=sh
. /tests/reboot/common

rb_started() { is "$(running | sed 's/late //')" "ends-well fails lives stopped-always talks was-paused web"; }
# as Docker has it: what died with the machine has 255, and so failed
rb_stay() {
  is "$(state no-policy State.Status) $(state no-policy State.ExitCode)" "exited 255" && is "$(state stopped State.Status) $(state stopped State.ExitCode)" "exited 137" &&
    is "$(state never-ran State.Status)" created && ! tare inspect removed
}
# Made in the second before, and not yet on the disk: there, and then whole, or not at all.
rb_late() {
  if tare inspect late >/dev/null 2>&1; then
    echo "# the container that was made last is there"
    is "$(state late State.Status)" running && tare exec late ls -d /late && tare rm -f late && tare volume rm late
  else
    echo "# the container that was made last is not"
    ! tare volume inspect late >/dev/null 2>&1 || tare volume rm late
  fi
}
rb_user() {
  he_begins && is "$(he tare ps -a --format '{{.Names}} {{.State}}')" "his exited" && is "$(he tare inspect his | jq -r '.[0].State.ExitCode')" 255 &&
    he tare start --all-enabled && within 10 his_lives "mine mine mine" && he tare rm -f his
}
rb_ends() {
  tare ps -aq | xargs tare rm -f -v && tare network rm app && tare volume prune -af && is "$(tare ps -aq)$(tare volume ls -q)" "" && nothing_leaked &&
    ! nft list ruleset | grep -E '10\.9\.0|8080'
}

show cat /tests/reboot/said
check "tare-restart has started what is to be" restarted
check "always, unless-stopped, on-failure" rb_started
check "what stays as it was, exit codes, --rm" rb_stay
show tare ps -a --format 'table {{.Names}}\t{{.Status}}\t{{.Ports}}'
check "a container that was made as the power went" rb_late
check "address, port, name, health" serves
check "volume and log: a third life" lived 3
show tare logs lives
check "each line of a log that was written when the power went" talked 3
check "a user's container" rb_user
check "nothing leaked" nothing_leaked
show tare system check
check "all of it is removed" rb_ends
