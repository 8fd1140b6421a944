#!/usr/bin/env python3
"""terminal.py STEP... -- COMMAND...: runs a command on a terminal of its own and says what stands on its screen.

size=ROWSxCOLUMNS   of the terminal, before anything; later: it is resized (its lines are broken anew, as most terminals do)
wait=TEXT           until the screen, or what has scrolled off it, shows that
send=TEXT           typed (escapes as in Python)
show                prints the screen
all                 prints what has scrolled off, and the screen
raw=FILE            all that the command wrote, into a file
end                 until it has ended; prints "exit CODE"

Fails when something takes longer than 30 s, or the command uses a sequence that is not known here."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


class Screen:
    def __init__(self, rows, cols):
        self.rows, self.cols = rows, cols
        self.text = [""]  # rows, all that ever were; the last are on the screen
        self.soft = [False]  # whether a row goes on in the next
        self.y = self.x = 0
        self.pending = b""

    def top(self):
        return max(0, len(self.text) - self.rows)

    def newline(self, soft):
        self.soft[self.y] = soft
        self.y += 1
        if self.y == len(self.text):
            self.text.append("")
            self.soft.append(False)

    def put(self, c):
        if self.x == self.cols:
            self.newline(True)
            self.x = 0
        row = self.text[self.y].ljust(self.x)
        self.text[self.y] = row[:self.x] + c + row[self.x + 1:]
        self.x += 1

    def resize(self, rows, cols):
        """Lines are broken anew; the cursor stays where it is in its line."""
        self.rows = rows
        if cols == self.cols:
            return
        logical, at, y = [""], (0, 0), 0
        for i, row in enumerate(self.text):
            if i == self.y:
                at = (len(logical) - 1, len(logical[-1]) + self.x)
            logical[-1] += row.ljust(self.cols) if self.soft[i] else row
            if not self.soft[i] and i + 1 < len(self.text):
                logical.append("")
        self.cols = cols
        self.text, self.soft = [], []
        for i, line in enumerate(logical):
            line = line.rstrip()
            parts = [line[k:k + cols] for k in range(0, len(line), cols)] or [""]
            if i == at[0]:
                y = len(self.text) + min(at[1] // cols, len(parts) - 1)
            self.text += parts
            self.soft += [True] * (len(parts) - 1) + [False]
        self.y, self.x = y, at[1] % cols

    def feed(self, data):
        data = self.pending + data
        self.pending = b""
        if b"\x1b" in data[-16:]:
            cut = data.rindex(b"\x1b")
            if not re.match(rb"\x1b\[[0-9;?]*[A-Za-z]", data[cut:]):
                self.pending, data = data[cut:], data[:cut]
        text = data.decode("utf-8", "replace")
        for m in re.finditer(r"\x1b\[([0-9;?]*)([A-Za-z])|\x1b(.)|([\s\S])", text):
            if m[4]:
                self.character(m[4])
            elif m[2]:
                self.sequence(m[1], m[2])
            else:
                sys.exit(f"unknown escape {m[0]!r}")

    def character(self, c):
        if c == "\n":
            self.newline(False)
        elif c == "\r":
            self.x = 0
        elif c == "\a":
            pass
        elif ord(c) < 32 or ord(c) == 127:
            sys.exit(f"control character {c!r}")
        else:
            self.put(c)

    def sequence(self, arg, what):
        if what == "A":
            self.y = max(self.top(), self.y - int(arg or 1))
        elif what == "K" and arg in ("", "0"):
            self.text[self.y] = self.text[self.y][:self.x]
            self.soft[self.y] = False
        elif what == "K" and arg == "2":
            self.text[self.y] = ""
            self.soft[self.y] = False
        elif what == "J" and arg in ("", "0"):
            self.text[self.y] = self.text[self.y][:self.x]
            del self.text[self.y + 1:], self.soft[self.y + 1:]
            self.soft[self.y] = False
        else:
            sys.exit(f"unknown sequence {arg}{what}")

    def show(self, everything):
        return "\n".join(t.rstrip() for t in self.text[0 if everything else self.top():])


class Run:
    def __init__(self, rows, cols, argv):
        self.screen = Screen(rows, cols)
        self.raw = b""
        self.code = None
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            time.sleep(0.2)  # until it has its size
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            os.execvp(argv[0], argv)
        self.size(rows, cols)

    def size(self, rows, cols):
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))

    def some(self):
        if not select.select([self.fd], [], [], 0.1)[0]:
            return True
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return False
        self.raw += data
        self.screen.feed(data)
        return bool(data)

    def until(self, done, what):
        end = time.time() + 30
        while not done():
            if not self.some() or time.time() > end:
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(f"{what}: not on the screen:\n{self.screen.show(True)}")

    def end(self):
        end = time.time() + 30
        while self.some():
            if time.time() > end:
                os.kill(self.pid, signal.SIGKILL)
                sys.exit(f"it does not end:\n{self.screen.show(True)}")
        _, status = os.waitpid(self.pid, 0)
        print("exit", os.waitstatus_to_exitcode(status))


def main():
    cut = sys.argv.index("--")
    steps, argv = sys.argv[1:cut], sys.argv[cut + 1:]
    run = None
    for step in steps:
        name, _, value = step.partition("=")
        if name == "size":
            rows, cols = map(int, value.split("x"))
            if run:
                run.screen.resize(rows, cols)
                run.size(rows, cols)
            else:
                run = Run(rows, cols, argv)
        elif name == "wait":
            run.until(lambda: value in run.screen.show(True), value)
        elif name == "send":
            os.write(run.fd, value.encode().decode("unicode_escape").encode())
        elif name in ("show", "all"):
            print(run.screen.show(name == "all"))
        elif name == "raw":
            with open(value, "wb") as f:
                f.write(run.raw)
        elif name == "end":
            run.end()
        else:
            sys.exit(f"no such step: {step}")


main()
