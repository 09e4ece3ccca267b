#!/usr/bin/env python3
"""How listing holds up on a host with very many releases (G13): the whole list, the last twenty, and the index made again.

One small release is really made; its records are then copied under other tickets, each with its own chain and checksum,
so that every one of them would pass `holdpoint log TICKET --verify`.

    benches/many.py                    100,000 releases
    benches/many.py --releases 1000    fewer

Medians of seven whole commands. Goals: `list --all` ≤ 150 ms, `list` ≤ 15 ms, `list --reindex` ≤ 6 s.
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
    began = time.monotonic()
    done = subprocess.run(argv, cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    took = (time.monotonic() - began) * 1000
    if done.returncode != 0:
        sys.exit(f"{argv} failed:\n{done.stderr.decode(errors='replace')}")
    return took


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", type=int, default=100_000)
    parser.add_argument("--binary", default=str(TOP / "target/release/holdpoint"))
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    with tempfile.TemporaryDirectory(prefix="holdpoint-bench-") as root:
        host = released(pathlib.Path(root), binary)
        releases = host / ".asd/workspace/releases"
        lines = (releases / "1.log").read_bytes().splitlines()
        state = (releases / "1.env").read_text().rsplit("#end", 1)[0]
        for number in range(2, options.releases + 1):
            copy(releases, lines, state, str(number), 1_600_000_000 + number)
        for ticket in ("2", str(options.releases)):
            sh(binary, "log", ticket, "--verify", cwd=host)
            sh(binary, "state", ticket, cwd=host)
        print(f"{options.releases} releases of {len(lines)} records")
        for what, goal, rounds in (("list --reindex", 6000, 3), ("list", 15, 7), ("list --all", 150, 7), (f"state {options.releases}", None, 7)):
            walls = [timed([binary, *what.split()], host) for _ in range(rounds)]
            wanted = f"   goal ≤ {goal} ms (G13)" if goal else ""
            print(f"  {what:<16}{statistics.median(walls):9.1f} ms{wanted}")


if __name__ == "__main__":
    main()
