"""dockerfiles.py SEED N FOLDER: N texts in FOLDER that look like Dockerfiles less or more: bytes of chance, words of chance in an order of
chance, and a good one with some bytes changed, cut out or doubled."""
import random
import sys

GOOD = b"""# syntax=docker/dockerfile:1
# escape=\\
ARG BASE=scratch
FROM ${BASE:-scratch} AS one
ENV A=1 B="two words" C=$A
LABEL x="y z" \\
  # a comment within
  w=v
COPY --chown=1:2 --chmod=u+x <<EOF <<-"OTHER" /docs/
text $A
EOF
\tmore
\tOTHER
SHELL ["/bin/sh", "-c"]
HEALTHCHECK --interval=5s --retries=2 CMD ["true"]
ONBUILD COPY . /later
FROM scratch
COPY --from=one --exclude=*.o /docs /docs
ENTRYPOINT ["/x", "\\u00e9"]
EXPOSE 80/tcp 8000-8010
VOLUME ["/v"]
USER 1:2
WORKDIR /w/$A
STOPSIGNAL SIGTERM
"""
WORDS = GOOD.split() + [b"\n"] * 30 + [b" ", b"\t", b"\\", b"\\\n", b"<<E", b"\nE\n", b"${", b"${A:-", b"}", b"$", b'"', b"'", b"[", b"]", b"--", b"=", b"#", b"\x1b[31m",
                                      b"\x00", b"\xff\xfe", b"\xc2\x9b2J", b"\r", b"\x07", b"RUN", b"ADD", b"ARG", b"CMD", b"MAINTAINER", b"--mount=type=cache,target=/"]


def bytes_of_chance(r):
    return r.randbytes(r.choice((1, 10, 100, 1000, 20000)))


def words_of_chance(r):
    return r.choice((b"", b"FROM scratch\n", b"FROM scratch\nRUN ")) + b" ".join(r.choice(WORDS) for _ in range(r.randrange(1, 120)))


def changed(r):
    text = bytearray(GOOD)
    for _ in range(r.randrange(1, 4)):
        at, n = r.randrange(len(text)), r.randrange(1, 12)
        how = r.randrange(4)
        if how == 0:
            text[at:at + n] = r.randbytes(n)
        elif how == 1:
            del text[at:at + n]
        elif how == 2:
            text[at:at] = text[at:at + n] * r.randrange(1, 5)
        else:
            text[at:at] = r.choice(WORDS)
        text = text or bytearray(b"\n")
    return bytes(text)


def main():
    seed, n, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    r = random.Random(seed)
    for i in range(n):
        with open(f"{folder}/{i}", "wb") as f:
            f.write((bytes_of_chance, words_of_chance, changed)[i % 3](r))


if __name__ == "__main__":
    main()
