"""python3 harness: containers that run, commands that change them, and SIGKILL for any process of tare meanwhile; then what must hold.

  HARNESS_SEED        of all choices (they are the same then; what the machine makes of them is not); printed
  HARNESS_SECONDS     how long processes are killed (60)
  HARNESS_CONTAINERS  how many there are at a time (30)
  HARNESS_HANDS       how many commands at a time (4)
  HARNESS_PAUSE       seconds between two kills, on the average, besides commands that are killed by who runs them (0.05)

TARE_BIN, TARE_ROOT, TARE_STATE: the programs, a store with busybox, a state folder. Runs in a network namespace that is nobody else's
(tests/lib/own-net). Prints a report; ends with 1 when something that must hold does not."""
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time

import checks
import machine
from actions import Hand, Stage
from killer import Killer


def setting(name, default, kind=int):
    return kind(os.environ.get("HARNESS_" + name) or default)


class Events(threading.Thread):
    """`tare events`, all the time: it is none of those that are killed."""

    def __init__(self, tare, killer):
        super().__init__(daemon=True)
        self.told, self.killer = [], killer
        self.p = subprocess.Popen([tare, "events", "--format", "json"], stdout=subprocess.PIPE, text=True)
        killer.spared.add(self.p.pid)

    def run(self):
        for line in self.p.stdout:
            self.told.append(json.loads(line))

    def end(self):
        self.p.terminate()
        self.p.wait()
        self.join(5)


def tare(stage, *words):
    return subprocess.run([stage.tare, *words], capture_output=True, text=True, errors="replace", timeout=300, check=False)


def warm_up(stage):
    """What the first container leaves behind for the others: rules, the networks' devices, folders."""
    for net in ("hn1", "hn2", "bridge"):
        if net != "bridge":
            tare(stage, "network", "create", net)
        o = tare(stage, "run", "--rm", "--network", net, "-v", "warm:/warm", "busybox", "true")
        if o.returncode:
            stage.violation(f"the first container in {net}: {o.stderr}")
    tare(stage, "volume", "rm", "warm")


def play(stage, rng, killer, seconds, n, hands):
    """The containers are started, and then things happen."""
    made = [Hand(random.Random(rng.random()), stage, range(i, n, hands), time.monotonic() + 1e9) for i in range(hands)]
    starters = [threading.Thread(target=lambda h=h: [h.make(s, sure=True) for s in h.slots]) for h in made]
    for t in starters:
        t.start()
    for t in starters:
        t.join()
    print(f"# {n} containers started", flush=True)
    killer.start()
    end = time.monotonic() + seconds
    for i, h in enumerate(made):
        h.end = end
        h.slots = range(n) if i % 2 else h.slots # some have slots of their own, others come across them
        h.start()
    for h in made:
        h.join(seconds + 200)
    killer.stop_it.set()
    stage.stop_it.set()
    killer.join()


def judge(stage, killer, events):
    root, state = os.environ["TARE_ROOT"], os.environ["TARE_STATE"]
    checks.settled(stage, killer.spared)
    there = {a for a in tare(stage, "ps", "-a", "--format", "{{.Names}}").stdout.split()}
    tare(stage, "unpause", *there)
    # those that restart by themselves and end by themselves would go on while they are looked at: what runs stays, what comes and goes is stopped
    restless = [n for n in there if stage.all[n].kind in ("restarted", "exiter", "removed", "front")]
    if restless:
        tare(stage, "stop", "-t", "10", *restless)
    checks.settled(stage, killer.spared)
    checks.finish_connects(stage, root)
    there = set(tare(stage, "ps", "-a", "--format", "{{.Names}}").stdout.split())
    seen = checks.inspected(stage, sorted(there)) if there else []
    if len(seen) != len(there):
        stage.violation(f"ps knows {len(there)} containers, inspect {len(seen)}")
    checks.check_lives(stage, root, state, seen)
    # a clean end of those that run, so that their logs can be complete
    if there:
        tare(stage, "stop", "-t", "10", *sorted(there))
    checks.settled(stage, killer.spared)
    time.sleep(0.5)
    codes = checks.ends_by_events(stage, events.told)
    ids = {c["Name"].lstrip("/"): c["Id"] for c in seen}
    lines = sum(checks.check_log(stage, stage.all[n], ids.get(n) in killer.alone) for n in sorted(there))
    for c in checks.inspected(stage, sorted(there)) if there else []:
        checks.check_row(stage, c, codes.get(c["Name"].lstrip("/"), []), c["Id"] in killer.alone)
    alone = {n for n, i in ids.items() if i in killer.alone} | set(stage.all) - there
    for n in sorted(stage.all):
        checks.check_ends(stage, n, codes.get(n, []), n in alone)
    for n, code, who in stage.waited:
        checks.check_waited(stage, n, code, who, codes)
    for n, out, err in stage.followed:
        checks.check_followed(stage, n, out, err)
    checks.check_system(stage)
    return lines, sum(len(c) for c in codes.values())


def clean_up(stage, killer, before):
    """All are removed; then the machine is as it was before."""
    root, state = os.environ["TARE_ROOT"], os.environ["TARE_STATE"]
    there = tare(stage, "ps", "-aq", "--no-trunc").stdout.split()
    if there:
        o = tare(stage, "rm", "-f", *there)
        if o.returncode:
            stage.violation(f"rm -f of all: {o.stderr[:500]}")
    named = [v for v in tare(stage, "volume", "ls", "-q").stdout.split() if len(v) < 64]
    if named:
        o = tare(stage, "volume", "rm", *named)
        if o.returncode:
            stage.violation(f"volume rm: {o.stderr[:500]}")
    # anonymous volumes whose containers were removed without -v stay, as they do with docker; so does nothing else
    tare(stage, "volume", "prune", "-f")
    tare(stage, "image", "prune", "-f") # what a killed cp was unpacking goes with the next collection
    end = time.monotonic() + 20
    while True:
        after = machine.snapshot(root, state, killer.ids, stage.truth)
        if after <= before or time.monotonic() > end:
            break
        time.sleep(0.3)
    for what in sorted(after - before):
        stage.violation("left: " + what)


def report(stage, killer, seed, seconds, n, lines, ends):
    with_verbs = {v: f"{c} ({stage.killed.get(v, 0)} killed, {stage.failed.get(v, 0)} failed)" for v, c in sorted(stage.counts.items())}
    print(f"# seed {seed}, {seconds} s, {n} containers at a time, {len(stage.all)} in all, {sum(stage.counts.values())} commands")
    print(f"# {sum(killer.kills.values())} kills: " + ", ".join(f"{k} {c}" for k, c in sorted(killer.kills.items())))
    print("# commands: " + ", ".join(f"{v} {c}" for v, c in with_verbs.items()))
    print(f"# {lines} lines of logs compared, {ends} ends told")
    if os.environ.get("HARNESS_SAID"):
        for text, c in sorted(stage.said.items(), key=lambda x: -x[1]):
            print(f"# said {c} times: {text[:250]}")
    for v in stage.violations:
        print("violation: " + v)
    print(f"# {len(stage.violations)} violations")


def main():
    seed = setting("SEED", random.randrange(1 << 30))
    seconds, n, hands = setting("SECONDS", 60), setting("CONTAINERS", 30), setting("HANDS", 4)
    print(f"# HARNESS_SEED={seed}", flush=True)
    rng = random.Random(seed)
    truth = tempfile.mkdtemp(prefix="harness-")
    os.chmod(truth, 0o777)
    killer = Killer(random.Random(rng.random()), os.environ["TARE_STATE"], setting("PAUSE", 0.05, float))
    stage = Stage(os.path.join(os.environ["TARE_BIN"], "tare"), truth, killer, n)
    warm_up(stage)
    before = machine.snapshot(os.environ["TARE_ROOT"], os.environ["TARE_STATE"], set(), truth)
    events = Events(stage.tare, killer)
    events.start()
    play(stage, rng, killer, seconds, n, hands)
    try:
        lines, ends = judge(stage, killer, events)
    finally:
        events.end()
    clean_up(stage, killer, before)
    report(stage, killer, seed, seconds, n, lines, ends)
    subprocess.run(["rm", "-rf", truth], check=False)
    return 1 if stage.violations else 0


if __name__ == "__main__":
    sys.exit(main())
