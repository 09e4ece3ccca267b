#!/usr/bin/env python3
"""How a host with very many releases is listed, read and recovered (G13): the whole list, the last twenty, the index made
again, and what is asked about one release among them.

One small release is really made; its records are then copied under other tickets, each with its own chain and checksum,
so that every one of them would pass `holdpoint log TICKET --verify`.

    benches/many.py                    100,000 releases
    benches/many.py --releases 1000    fewer
    benches/many.py --keep FOLDER      made there and left there, to look at one command by itself

Medians of seven whole commands, of the time that passed and of the processor time with all that the command started: on a
machine that others use, too, only the second means much. Goals: `list --all` ≤ 150 ms, `list` ≤ 15 ms, `list --reindex` ≤ 6 s.
"""

import argparse
import hashlib
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
import zlib

TOP = pathlib.Path(__file__).resolve().parent.parent
SETTINGS = """[disk]
floor = { percent = 0, bytes = "1MiB" }

[services.web]
driver = "command"
paths = ["web"]
commands = { start = ["true"], stop = ["true"], status = ["true"], recreate = ["true"] }
backup = { kind = "none", reason = "holds no data" }
"""


def hex16(*parts):
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def sh(*argv, cwd):
    subprocess.run(argv, cwd=cwd, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def released(root, binary):
    """A host on which ticket 1 was released."""
    host, origin = root / "host", root / "origin.git"
    sh("git", "init", "-q", "--bare", "-b", "main", str(origin), cwd=root)
    sh("git", "clone", "-q", str(origin), str(host), cwd=root)
    for name, value in [("user.name", "bench"), ("user.email", "bench@example.invalid")]:
        sh("git", "config", name, value, cwd=host)
    (host / ".asd").mkdir()
    (host / ".asd/release.toml").write_text(SETTINGS)
    (host / ".gitignore").write_text("/.asd/workspace\n")
    (host / "web").write_text("1\n")
    sh("git", "add", "-A", cwd=host)
    sh("git", "commit", "-q", "-m", "begin", cwd=host)
    sh("git", "push", "-q", "origin", "HEAD:main", cwd=host)
    (host / "web").write_text("2\n")
    sh("git", "commit", "-qam", "1: change web", cwd=host)
    sh("git", "push", "-q", "origin", "HEAD:main", cwd=host)
    sh("git", "reset", "-q", "--hard", "HEAD~1", cwd=host)
    sh(binary, "run", "1", cwd=host)
    return host


def copy(releases, lines, state, ticket, second):
    """The records of ticket 1 as those of another ticket, begun at another second."""
    chain = hex16(f"holdpoint-log/1 {ticket}".encode())
    at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
    log = []
    for line in lines:
        body = line.rsplit(b" chain=", 1)[0].replace(b" ticket=1 ", b" ticket=%s " % ticket.encode(), 1)
        body = at + body[19:]
        chain = hex16(chain.encode(), body)
        log.append(b"%s chain=%s\n" % (body, chain.encode()))
    text = re.sub(r"^TICKET=.*$", f"TICKET={ticket}", state, flags=re.M)
    text = re.sub(r"^LOG_CHAIN=.*$", f"LOG_CHAIN={chain}", text, flags=re.M)
    text = re.sub(r"^((?:STARTED|UPDATED)_AT)=.{19}", rf"\1={at.decode()}", text, flags=re.M)
    text += f"#end crc32={zlib.crc32(text.encode()):08x}\n"
    for name, content in ((f"{ticket}.env", text.encode()), (f"{ticket}.log", b"".join(log))):
        descriptor = os.open(releases / name, os.O_WRONLY | os.O_CREAT, 0o640)
        os.write(descriptor, content)
        os.close(descriptor)


def timed(argv, cwd):
    """Milliseconds that passed, and of the processor, of one run."""
    began = time.monotonic()
    child = subprocess.Popen(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    said = child.stderr.read()
    _, status, used = os.wait4(child.pid, 0)
    took = (time.monotonic() - began) * 1000
    if os.waitstatus_to_exitcode(status) != 0:
        sys.exit(f"{argv} failed:\n{said.decode(errors='replace')}")
    return took, (used.ru_utime + used.ru_stime) * 1000


def asked(number):
    """Command, goal in ms, how often."""
    return [
        ("list --reindex", 6000, 3), ("list", 15, 7), ("list --all", 150, 7), ("list --all --json", None, 7),
        (f"state {number}", None, 7), (f"readiness {number}", None, 7), (f"diagnose {number}", None, 7),
    ]


def measure(root, binary, number):
    host = released(root, binary)
    releases = host / ".asd/workspace/releases"
    lines = (releases / "1.log").read_bytes().splitlines()
    state = (releases / "1.env").read_text().rsplit("#end", 1)[0]
    for ticket in range(2, number + 1):
        copy(releases, lines, state, str(ticket), 1_600_000_000 + ticket)
    for ticket in ("2", str(number)):
        sh(binary, "log", ticket, "--verify", cwd=host)
        sh(binary, "state", ticket, cwd=host)
    print(f"{number} releases of {len(lines)} records")
    for what, goal, rounds in asked(number):
        runs = [timed([binary, *what.split()], host) for _ in range(rounds)]
        wall, cpu = (statistics.median(column) for column in zip(*runs))
        wanted = f"   goal ≤ {goal} ms (G13)" if goal else ""
        print(f"  {what:<20}{wall:9.1f} ms{cpu:9.1f} ms of CPU{wanted}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--binary", default=str(TOP / "target/release/holdpoint"))
    parser.add_argument("--keep", type=pathlib.Path)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    if options.keep:
        options.keep.mkdir(parents=True)
        return measure(options.keep, binary, options.releases)
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as root:
        measure(pathlib.Path(root), binary, options.releases)


if __name__ == "__main__":
    main()
