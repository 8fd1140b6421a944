"""press_tab.py bash|zsh SCRIPT FOLDER: an interactive shell on a terminal in FOLDER with the completions of SCRIPT (zsh: the folder
it lies in, as _tare); lines of standard input are TYPED<blank bar blank>FULL: after TYPED, in which ^ is the key that completes, the
line must begin with FULL."""
import os
import pty
import select
import sys
import termios
import time

shell, script, folder = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0:
    os.chdir(folder)
    terminal = termios.tcgetattr(0)
    terminal[6][termios.VKILL] = b"\0"  # the key that removes a line is the shell's, also when it comes before the terminal is
    termios.tcsetattr(0, termios.TCSANOW, terminal)
    os.environ.update(TERM="dumb", LC_ALL="C.UTF-8", PS1="READY>")
    args = {"bash": ["bash", "--norc", "--noprofile", "-i"], "zsh": ["zsh", "-f", "-i"]}[shell]
    os.execvp(shell, args)


got = b""  # what it has written behind what was waited for


def until(what, seconds=60):
    global got
    end = time.time() + seconds
    while what.encode() not in got:
        left = end - time.time()
        if left <= 0 or not select.select([fd], [], [], left)[0]:
            sys.exit("%s: no %r in %r" % (shell, what, got))
        got = (got + os.read(fd, 4096)).replace(b"\r", b"").replace(b"\a", b"")
    got = got[got.index(what.encode()) + len(what.encode()):]


setup = {"bash": "bind 'set enable-bracketed-paste off'; source '%s'; PS1='NE''XT>'\n" % script,
         "zsh": "fpath=('%s' $fpath); autoload -Uz compinit; compinit -u -D; unsetopt zle_bracketed_paste prompt_sp; unset "
                "zle_bracketed_paste; tell() { zle expand-or-complete; zle -I; print -r -- \"LINE:$BUFFER\" }; zle -N tell; "
                "bindkey '^I' tell; PS1='NE''XT>'\n" % os.path.dirname(script)}
until("READY>")
os.write(fd, setup[shell].encode())
until("NEXT>")
for line in sys.stdin.read().splitlines():
    typed, full = line.split(" | ")
    pieces = typed.split("^")
    for i, piece in enumerate(pieces[:-1], 2):
        os.write(fd, (piece + "\t").encode())
        if shell == "zsh":  # it draws only what changes, and a key that is pressed meanwhile ends its search
            until("LINE:" + full if i == len(pieces) else "LINE:")
            until("NEXT>")  # the terminal is zle's again: before, the kernel takes the key that removes the line
    os.write(fd, pieces[-1].encode())
    if shell == "bash":
        until(full)
    os.write(fd, b"\x15\n")  # away with the line
    until("NEXT>")
os.write(fd, b"exit\n")
os.waitpid(pid, 0)
