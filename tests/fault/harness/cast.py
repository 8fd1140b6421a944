"""The containers of the harness, and what they themselves say of their lives.

A container appends to files of a folder that is mounted into it, so that what tare tells of it can be compared with what was:

  NAME.lives      a line for each start
  NAME.LIFE.n     how many lines had been written, after each burst of them; appended, so that a kill spoils only the last line
  NAME.LIFE.code  the exit code, just before the exit

Its output is "o LIFE NUMBER PADDING" on stdout, and every third number "e LIFE NUMBER" on stderr as well.
"""
import os

# $1 name, $2 lines of a burst, $3 pause between bursts, $4 bursts until it ends by itself (0: never), $5 exit code, $6 length of the padding
SCRIPT = r"""
cd /truth || exit 99
echo >>$1.lives
life=$(grep -c '' $1.lives)
finish() { echo $1 >>$name.$life.code; exit $1; }
name=$1 code=$5
trap 'finish 7' TERM
trap 'finish 9' HUP INT
pad=; while [ ${#pad} -lt $6 ]; do pad=$pad.........; done
i=0 burst=0
while :; do
  n=$2
  while [ $n -gt 0 ]; do
    i=$((i + 1)) n=$((n - 1))
    echo o $life $i $pad
    [ $((i % 3)) != 0 ] || echo e $life $i >&2
  done
  echo $i >>$name.$life.n
  burst=$((burst + 1))
  [ $burst != $4 ] || finish $code
  sleep $3
done
"""

IMAGE = "busybox"
CODES = (0, 1, 2, 3, 42, 126, 127, 137, 200, 255)


class Actor:
    """One container that is to be: options and what is expected of it. A slot has one after the other."""

    def __init__(self, rng, slot, generation, truth):
        self.name = f"s{slot:03}-{generation}"
        self.slot = slot
        self.truth = truth
        self.kind = rng.choices(
            ("logger", "flooder", "exiter", "restarted", "sleeper", "checked", "terminal", "removed", "front"),
            (20, 8, 14, 16, 12, 9, 7, 7, 7))[0]
        self.code = rng.choice(CODES)
        burst, pause, bursts, pad = rng.choice((5, 20, 60)), rng.choice(("0.2", "0.5", "1")), 0, rng.choice((0, 40, 400))
        if self.kind in ("exiter", "restarted", "removed", "front"):
            bursts = rng.randint(1, 8)
        if self.kind == "sleeper":
            burst, pause = 1, "2"
        if self.kind == "flooder":
            burst, pause, pad = 600, "0.1", rng.choice((0, 40))
        if self.kind == "logger" and rng.random() < 0.2:
            burst, pad = 3, 20000  # longer than a record, and two of them longer than half a pipe
        self.terminal = self.kind == "terminal"
        self.front = self.kind == "front"
        self.rotated = False
        self.made = False  # it can be missed
        self.options = self.make_options(rng)
        self.command = ["sh", "-c", SCRIPT, "sh", self.name, str(burst), pause, str(bursts), str(self.code), str(pad)]

    def make_options(self, rng):
        o = ["--name", self.name, "-v", f"{self.truth}:/truth", "-e", "HARNESS=" + self.truth]
        network = rng.choice(("none", "bridge", "bridge", "hn1", "hn2"))
        o += ["--network", network]
        if network != "none" and rng.random() < 0.5:
            o += ["-p", rng.choice(("80", f"{20000 + self.slot}:80", f"{21000 + 10 * self.slot}-{21004 + 10 * self.slot}:80-84"))]
        if network.startswith("hn") and rng.random() < 0.4:
            o += ["--network", "hn2" if network == "hn1" else "hn1"]
        if rng.random() < 0.4:
            o += ["-v", rng.choice((f"hv{rng.randint(0, 4)}:/data", "/data"))]
        if self.terminal:
            o += ["-t"]
        if self.kind == "restarted":
            o += ["--restart", rng.choice(("always", "on-failure", "on-failure:4", "unless-stopped"))]
        if self.kind == "checked":
            o += ["--health-cmd", "true", "--health-interval", "1s", "--health-timeout", "20s"]
        if self.kind in ("removed", "front"):
            o += ["--rm"]
        driver = rng.random()
        if driver < 0.1:
            o += ["--log-driver", "local"]
        elif driver < 0.2:
            o += ["--log-driver", "k8s-file"]
        elif driver < 0.35:
            self.rotated = True
            o += ["--log-opt", "max-size=20k", "--log-opt", "max-file=3"]
        if rng.random() < 0.2:
            o += ["-m", "64m"]
        if rng.random() < 0.1:
            o += ["--init"]
        return o


class Truth:
    """What a container wrote down of itself."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name

    def lines(self, what):
        try:
            with open(os.path.join(self.folder, f"{self.name}.{what}"), encoding="ascii") as f:
                text = f.read()
        except FileNotFoundError:
            return []
        return text.split("\n")[:-1]  # what has no end was being written when it was killed

    def lives(self):
        return len(self.lines("lives"))

    def written(self, life):
        n = self.lines(f"{life}.n")
        return int(n[-1]) if n else 0

    def code(self, life):
        c = self.lines(f"{life}.code")
        return int(c[-1]) if c else None
