"""What must hold when everything is quiet, whoever was killed."""
import json
import subprocess
import time
from collections import Counter

import machine
from cast import Truth

ENDED_BY_KILL = 137


def tare_json(stage, *words):
    o = subprocess.run([stage.tare, *words], capture_output=True, text=True, errors="replace", timeout=120, check=False)
    if o.returncode:
        stage.violation(f"{' '.join(words)}: {o.returncode}: {o.stderr.strip()[:300]}")
        return []
    return [json.loads(line) for line in o.stdout.splitlines()]


def inspected(stage, names):
    o = subprocess.run([stage.tare, "inspect", *names], capture_output=True, text=True, errors="replace", timeout=120, check=False)
    return json.loads(o.stdout) if o.returncode == 0 else []


# ---- lives: what is said to run does, and nothing else does ----

def alive(pid, start=None):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            fields = f.read().rsplit(") ", 1)[1].split()
    except OSError:
        return False
    return fields[0] != "Z" and (start is None or fields[19] == str(start))


def check_lives(stage, root, state, seen):
    running = {}
    for c in seen:
        if c["State"]["Status"] in ("running", "paused"):
            running[c["Id"]] = c["Name"].lstrip("/")
            if not alive(c["State"]["Pid"]):
                stage.violation(f"{c['Name']} is said to run, and its process {c['State']['Pid']} does not")
    for pid in machine.with_mark(stage.truth):
        cid = container_of(pid)
        if cid and cid not in running and alive(pid):
            stage.violation(f"process {pid} of container {cid[:12]}, which is not said to run")
    monitors = Counter((k, c) for _, k, c, _ in machine.processes() if k in ("keeper", "worker"))
    for (kind, cid), n in monitors.items():
        if n > 1:
            stage.violation(f"{n} processes are the {kind} of {cid[:12]}")
        if cid not in running:
            stage.violation(f"the {kind} of {cid[:12]}, which is not said to run")
    for cid in running:
        if not monitors.get(("worker", cid)):
            stage.violation(f"{running[cid]} runs without a worker")
    check_networks(stage, root, set(running), {c["Id"] for c in seen if c["State"]["Status"] == "restarting"})


def container_of(pid):
    try:
        with open(f"/proc/{pid}/cgroup", encoding="ascii") as f:
            for line in f:
                for part in line.strip().split("/"):
                    if len(part) == 64:
                        return part
    except OSError:
        pass
    return None


def finish_connects(stage, root):
    """A connect that was killed half way is finished by the next one, which is what it says: so it is given again."""
    devices = set(machine.links())
    for cid, host, network in machine.rows(root, "SELECT container, host, n.name FROM endpoints e JOIN networks n ON n.id = e.network "
                                                 "JOIN containers c ON c.id = e.container AND c.status = 'running'"):
        if host not in devices:
            subprocess.run([stage.tare, "network", "connect", network, cid], capture_output=True, timeout=120, check=False)


def check_networks(stage, root, running, resting):
    """Catalog, firewall and devices say the same, of those that run alone; one that waits for its restart keeps its rows."""
    endpoints = [e for e in machine.rows(root, "SELECT container, host, ip FROM endpoints") if e[0] not in resting]
    for cid, _, ip in endpoints:
        if cid not in running:
            stage.violation(f"{cid[:12]} has address {ip} and does not run")
    for cid, in machine.rows(root, "SELECT DISTINCT container FROM ports"):
        if cid not in running and cid not in resting:
            stage.violation(f"{cid[:12]} has ports and does not run")
    twice = [ip for ip, n in Counter(ip for _, _, ip in endpoints).items() if n > 1]
    if twice:
        stage.violation(f"addresses that two have: {twice}")
    hosts = {h for _, h, _ in endpoints}
    devices = {n for n in machine.links() if n.startswith("ta") and n[2:3] in "0123456789abcdef"}
    if devices - hosts:
        stage.violation(f"devices of nobody: {sorted(devices - hosts)}")
    if hosts - devices:
        stage.violation(f"endpoints without a device: {sorted(hosts - devices)}")
    known = {find_comment(json.loads(e)) for n, e in machine.elements() if n.startswith(("senders", "ports", "ranges"))}
    known.discard(None)
    if known != {c for c, _, _ in endpoints}:
        stage.violation(f"the firewall knows {sorted(k[:12] for k in known)}, the catalog {sorted({c[:12] for c, _, _ in endpoints})}")


def find_comment(e):
    if isinstance(e, dict):
        if "comment" in e:
            return e["comment"]
        e = list(e.values())
    if isinstance(e, list):
        for x in e:
            found = find_comment(x)
            if found:
                return found
    return None


# ---- logs ----

def lines_of(text, letter):
    """{life: [number…]} of the lines "LETTER LIFE NUMBER…"."""
    out = {}
    for line in text.replace("\r", "").split("\n"):
        words = line.split(" ")
        if len(words) >= 3 and words[0] == letter and words[1].isdigit() and words[2].isdigit():
            out.setdefault(int(words[1]), []).append(int(words[2]))
    return out


def check_numbers(stage, who, numbers, step, at_least, begins, gaps=False):
    """Numbers of one life and stream: without a gap (but for gaps), none twice, not fewer than were written. Gives how many are there
    twice."""
    expected = numbers[0] if numbers and not begins else step
    repeated = 0
    seen = 0
    for n in numbers:
        if n == expected or (gaps and n > expected):
            expected = n + step
            seen = n
        elif n < expected:
            repeated += 1
        else:
            stage.violation(f"{who}: {expected} is missing, then {n}")
            return repeated
    if repeated:
        stage.violation(f"{who}: {repeated} lines are there twice, of {len(numbers)}")
    if seen < at_least:
        stage.violation(f"{who}: ends with {seen}, written was {at_least}")
    return repeated


def check_log(stage, actor, tainted):
    o = subprocess.run([stage.tare, "logs", actor.name], capture_output=True, text=True, errors="replace", timeout=120, check=False)
    if o.returncode:
        stage.violation(f"logs {actor.name}: {o.stderr.strip()[:300]}")
        return 0
    if "could not be written to this log" in o.stderr:
        stage.violation(f"logs {actor.name}: {o.stderr[:300]}")
    truth = Truth(stage.truth, actor.name)
    total = 0
    outs, errs = lines_of(o.stdout, "o"), lines_of(o.stdout if actor.terminal else o.stderr, "e")
    last = truth.lives()
    for life in range(1, last + 1):
        written = 0 if tainted else truth.written(life)
        whole = not actor.rotated
        out, err = outs.get(life, []), errs.get(life, [])
        if not whole and (not out or not err):
            continue  # rotated away
        total += len(out)
        check_numbers(stage, f"log of {actor.name}, life {life}, stdout", out, 1, written, whole)
        check_numbers(stage, f"log of {actor.name}, life {life}, stderr", err, 3, written // 3 * 3, whole)
    return total


def check_followed(stage, name, text, err):
    for letter, step, what in (("o", 1, text), ("e", 3, err)):
        for life, numbers in lines_of(what[:what.rfind("\n") + 1], letter).items():
            actor = stage.all[name]
            if actor.terminal and letter == "e":
                continue
            # one burst of a flooder is as much as all files of a rotated log hold: whoever reads slower misses some
            gaps = actor.rotated and actor.kind == "flooder"
            check_numbers(stage, f"logs -f of {name}, life {life}, {letter}", numbers, step, 0, False, gaps)


# ---- ends ----

def check_ends(stage, name, codes, tainted):
    """What the container said of its ends is what was told of them: of each life the code, or KILL's when it was killed at its exit."""
    truth = Truth(stage.truth, name)
    told = Counter(codes)
    lives = truth.lives()
    said = [truth.code(life) for life in range(1, lives + 1)]
    for life, code in enumerate(said, 1):
        if code is None:
            continue
        if told[code] > 0:
            told[code] -= 1
        elif told[ENDED_BY_KILL] > 0:
            told[ENDED_BY_KILL] -= 1
        elif not (life == lives and len(codes) < lives) and not tainted:
            stage.violation(f"{name} ended life {life} with {code}; told was {codes}")
    for code in told.elements():
        # killed, before it could say anything
        if code not in (ENDED_BY_KILL, 143) and not (tainted and code == 255):
            stage.violation(f"{name}: an end with {code} was told that it did not have: {said}, told {codes}")
    return told


def ends_by_events(stage, events):
    codes, when = {}, {}
    for ev in events:
        if ev.get("Type") == "container" and ev.get("Action") == "die":
            a = ev["Actor"]["Attributes"]
            codes.setdefault(a["name"], []).append(int(a.get("exitCode", -1)))
            when.setdefault(ev["Actor"]["ID"], []).append(ev["time"])
    return codes


def check_row(stage, c, codes, tainted):
    """Of one that has ended: what inspect says is its last end."""
    s, name = c["State"], c["Name"].lstrip("/")
    if s["Status"] == "exited" and codes and not s.get("Error"):
        if not s.get("ExitKnown", True) and not tainted:
            stage.violation(f"{name}: its exit code is not known")
        if s["ExitCode"] != codes[-1]:
            stage.violation(f"{name}: inspect says {s['ExitCode']}, events {codes}")
        truth = Truth(stage.truth, name)
        last = truth.code(truth.lives())
        if last is not None and s["ExitCode"] not in (last, ENDED_BY_KILL) and not tainted:
            stage.violation(f"{name}: inspect says {s['ExitCode']}, it ended with {last}")


def check_waited(stage, name, code, who, codes):
    """A code that was told of one of its ends; or of none: it had not run yet, or it could not be started."""
    if code not in codes.get(name, []) and code not in ((125,) if who == "run" else (0, 125)):
        stage.violation(f"{who} {name} gave {code}; told was {codes.get(name)}")


def check_system(stage):
    for row in tare_json(stage, "system", "check", "--format", "json"):
        if row["Level"] == "problem":
            stage.violation(f"system check: {row}")


def settled(stage, spared, seconds=20):
    """Until no command is at work any more, and the rows are settled."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        subprocess.run([stage.tare, "ps", "-a"], capture_output=True, timeout=120, check=False)
        busy = [p for p in machine.processes() if p[1] in ("run", "adopt", "internal", "mounts", "command") and p[0] not in spared]
        if not busy:
            return
        time.sleep(0.2)
    stage.violation(f"still at work after {seconds} s: {busy}")
