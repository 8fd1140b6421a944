"""What of tare's is on the machine, as lines: before there was a container and after the last one they are the same."""
import json
import os
import re
import sqlite3
import subprocess

from killer import processes

# Tables whose rows containers bring and take away, and the volumes that nobody named.
OF_CONTAINERS = ("containers", "endpoints", "ports", "id_ranges", "named_ranges", "joined", "cni", "volume_uses")
# What stays, of those who came by, in the store and in the state.
STAYS = re.compile(r"(^|/)(catalog\.(db|lock)|events(\.1)?$|[a-z0-9-]+\.lock$|format$)")


def output(*words):
    return subprocess.run(words, capture_output=True, text=True, check=False).stdout


def elements():
    """(set or map, element) of all tables: of our own network namespace."""
    text = output("nft", "-j", "list", "ruleset")
    for item in json.loads(text or '{"nftables":[]}')["nftables"]:
        s = item.get("set") or item.get("map")
        for e in (s or {}).get("elem", []):
            yield s["name"], json.dumps(e, sort_keys=True)


def links():
    return [link["ifname"] for link in json.loads(output("ip", "-j", "link") or "[]")]


def files(top):
    for folder, folders, names in os.walk(top):
        for n in folders + names:
            path = os.path.relpath(os.path.join(folder, n), top)
            if not path.startswith(("content/", "layers/")) and not STAYS.search(path):
                yield path


def rows(root, statement):
    with sqlite3.connect(f"file:{root}/catalog.db?mode=ro", uri=True, timeout=20) as db:
        return db.execute(statement).fetchall()


def cgroups(ids):
    for folder, folders, _ in os.walk("/sys/fs/cgroup"):
        for n in folders:
            if n in ids:
                yield os.path.join(folder, n)


def mounts(*tops):
    with open("/proc/self/mountinfo", encoding="utf-8") as f:
        for line in f:
            if line.split()[4].startswith(tops):
                yield line.split()[4]


def with_mark(mark):
    """Processes of containers: what they started has it in its environment, too."""
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            with open(f"/proc/{pid}/environ", "rb") as f:
                if b"\0HARNESS=" + mark.encode() + b"\0" in b"\0" + f.read() + b"\0":
                    yield int(pid)
        except OSError:
            continue


def snapshot(root, state, ids, mark):
    out = {f"element of {n}: {e}" for n, e in elements()}
    out |= {"link " + n for n in links()}
    out |= {"in the store: " + n for n in files(root)}
    out |= {"in the state: " + n for n in files(state)}
    out |= {f"row of {t}: {r}" for t in OF_CONTAINERS for r in rows(root, f"SELECT * FROM {t}")}
    out |= {f"volume {n}" for n, in rows(root, "SELECT name FROM volumes")}
    out |= {"cgroup " + p for p in cgroups(ids)}
    out |= {"mount " + p for p in mounts(root, state)}
    out |= {f"process {pid} {kind} {' '.join(words[:4])}" for pid, kind, _, words in processes()}
    out |= {f"process {pid} of a container" for pid in with_mark(mark)}
    out |= {"netns " + n for n in (os.listdir("/run/netns") if os.path.isdir("/run/netns") else [])}
    return out
