//! Commands that are known to change something: a detection command may be none of them. A list of what is known can miss
//! one that nobody thought of; what it names is surely wrong.

use std::sync::LazyLock;

use regex::Regex;

use super::shell::{Parsed, simple_commands};
use super::tool::{inside, program};

/// Programs that change something however they are called.
const ALWAYS: [&str; 48] = [
    "rm",
    "rmdir",
    "mv",
    "cp",
    "dd",
    "mkdir",
    "touch",
    "ln",
    "chmod",
    "chown",
    "chgrp",
    "truncate",
    "tee",
    "install",
    "kill",
    "pkill",
    "killall",
    "reboot",
    "shutdown",
    "halt",
    "poweroff",
    "mount",
    "umount",
    "swapoff",
    "swapon",
    "apt",
    "apt-get",
    "dpkg",
    "yum",
    "dnf",
    "apk",
    "pip",
    "pip3",
    "useradd",
    "usermod",
    "userdel",
    "groupadd",
    "crontab",
    "iptables",
    "rsync",
    "scp",
    "sftp",
    "pg_restore",
    "dropdb",
    "createdb",
    "patch",
    "unlink",
    "shred",
];

/// Programs that only look with these words; with any other they count as changing.
const LOOKING: [(&str, &[&str]); 10] = [
    (
        "git",
        &[
            "status",
            "log",
            "diff",
            "show",
            "rev-parse",
            "rev-list",
            "ls-files",
            "ls-tree",
            "ls-remote",
            "cat-file",
            "merge-base",
            "describe",
            "for-each-ref",
            "show-ref",
            "blame",
            "fsck",
            "count-objects",
            "check-ignore",
            "name-rev",
            "shortlog",
            "grep",
            "version",
            "var",
            "reflog",
            "branch",
            "tag",
            "remote",
            "config",
            "stash list",
            "worktree list",
            "symbolic-ref",
            "fetch --dry-run",
            "diff-tree",
            "diff-index",
            "cherry",
        ],
    ),
    (
        "docker",
        &[
            "ps",
            "inspect",
            "logs",
            "images",
            "image ls",
            "image inspect",
            "image history",
            "info",
            "version",
            "stats",
            "top",
            "port",
            "diff",
            "events",
            "history",
            "network ls",
            "network inspect",
            "volume ls",
            "volume inspect",
            "container ls",
            "container inspect",
            "container logs",
            "container top",
            "container stats",
            "system df",
            "system info",
            "manifest inspect",
            "search",
            "context ls",
            "context show",
            "context inspect",
            "buildx ls",
            "buildx inspect",
            "buildx du",
            "buildx imagetools",
            "compose ps",
            "compose config",
            "compose logs",
            "compose ls",
            "compose version",
            "compose images",
            "compose top",
            "compose port",
            "compose events",
        ],
    ),
    ("docker-compose", &["ps", "config", "logs", "ls", "version", "images", "top", "port", "events"]),
    (
        "systemctl",
        &[
            "status",
            "show",
            "is-active",
            "is-enabled",
            "is-failed",
            "list-units",
            "list-timers",
            "cat",
            "--failed",
        ],
    ),
    (
        "holdpoint",
        &[
            "list",
            "state",
            "log",
            "check",
            "status",
            "logs",
            "drift",
            "doctor",
            "diagnose",
            "readiness",
            "schema",
            "playbook list",
            "playbook show",
            "playbook match",
            "playbook lint",
            "playbook test",
            "backup list",
            "backup verify",
            "evidence compare",
            "source show",
            "preview list",
            "incident show",
            "incident list",
            "--version",
        ],
    ),
    ("just", &["status", "logs", "release-state", "--list", "--summary", "--show", "--dry-run"]),
    ("ip", &["addr", "a", "route", "r", "link", "-br", "neigh"]),
    ("zfs", &["list", "get"]),
    ("kubectl", &["get", "describe", "logs", "version", "top"]),
    ("timedatectl", &["status", "show", "timesync-status"]),
];

/// Options and words with which a program that otherwise looks changes something.
const WITH: [(&str, &str); 10] = [
    (
        "git",
        r"(^| )(branch|tag|remote|config|reflog|symbolic-ref)( .*)? (-[dDmMfcC]|--delete|--move|--force|--unset\S*|--add|--replace-all|add|remove|rm|rename|set-url|prune|expire|delete)( |$)",
    ),
    ("sed", r"(^| )(-i\S*|-[a-z]*i|--in-place\S*)( |$)"),
    ("perl", r"(^| )-\S*i"),
    ("find", r"(^| )(-delete|-fprint\S*)( |$)"),
    (
        "curl",
        r"(^| )(-X ?(POST|PUT|PATCH|DELETE)|--request[ =](POST|PUT|PATCH|DELETE)|-d|--data\S*|-F|--form|-T|--upload-file|-O|--remote-name)( |$)",
    ),
    ("journalctl", r"--(vacuum|rotate|flush)"),
    ("psql", SQL),
    ("mysql", SQL),
    ("mariadb", SQL),
    ("sqlite3", SQL),
];

const SQL: &str = r"(?i)\b(insert|update|delete|drop|alter|create|truncate|grant|revoke|vacuum|reindex|pg_terminate_backend|pg_cancel_backend)\b";

/// The first part of a command that is known to change something, as it stands there.
pub fn changing(command: &str) -> Option<String> {
    of_parsed(&simple_commands(command))
}

/// Whether a line calls a verb of ours that changes something, under its own name or as a recipe.
pub fn is_verb_of_ours(line: &str) -> bool {
    let ours = |words: &Vec<String>| {
        let name = program(words).map(|(path, _)| path.rsplit('/').next().unwrap_or(path));
        matches!(name, Some("holdpoint" | "just")) && of_words(words).is_some()
    };
    simple_commands(line).commands.iter().any(ours)
}

fn of_parsed(parsed: &Parsed) -> Option<String> {
    let written = parsed.written.first().map(|file| format!("> {file}"));
    written.or_else(|| parsed.commands.iter().find_map(|words| of_words(words)))
}

fn of_words(words: &[String]) -> Option<String> {
    let (path, rest) = program(words)?;
    let name = path.rsplit('/').next().unwrap_or(path);
    if ALWAYS.contains(&name) || name.starts_with("mkfs") {
        return Some(name.to_owned());
    }
    if let Some(inner) = handed_on(name, rest) {
        return of_parsed(&inner);
    }
    let typed = rest.join(" ");
    let with = WITHS.iter().find(|(of, pattern)| *of == name && pattern.is_match(&typed));
    if let Some((_, pattern)) = with {
        let found = pattern.find(&typed).map(|found| found.as_str().trim()).unwrap_or_default();
        return Some(format!("{name} {found}"));
    }
    let known = match name {
        "podman" => "docker",
        "podman-compose" => "docker-compose",
        name => name,
    };
    let (_, allowed) = LOOKING.iter().find(|(of, _)| *of == known)?;
    let spoken = spoken(rest);
    let looks = spoken.is_empty()
        || rest.iter().any(|word| word == "--dry-run" || word == "--help")
        || allowed.iter().any(|words| spoken == *words || spoken.starts_with(&format!("{words} ")));
    let verb: Vec<&str> = spoken.split(' ').filter(|word| !word.starts_with('-')).take(2).collect();
    (!looks).then(|| format!("{name} {}", verb.join(" ")))
}

/// What a program has another one do: `bash -c`, `docker exec`, `ssh HOST`, `xargs`, `find -exec`. None where it does its
/// own work.
fn handed_on(name: &str, rest: &[String]) -> Option<Parsed> {
    let one = |words: &[String]| Parsed { commands: vec![words.to_vec()], written: Vec::new() };
    match name {
        "bash" | "sh" | "dash" | "zsh" => {
            let at = rest.iter().position(|word| word.starts_with('-') && word.ends_with('c'))?;
            rest.get(at + 1).map(|script| simple_commands(script))
        }
        "docker" | "podman" | "docker-compose" | "podman-compose" => inside(rest).map(one),
        "xargs" => rest.iter().position(|word| !word.starts_with('-')).map(|at| one(&rest[at..])),
        "find" => {
            let at = rest.iter().position(|word| word.starts_with("-exec") || word.starts_with("-ok"))?;
            rest.get(at + 1..).map(one)
        }
        "ssh" => {
            let is_value =
                |at: usize| at > 0 && ["-o", "-i", "-p", "-l", "-F", "-J"].contains(&rest[at - 1].as_str());
            let host = (0..rest.len()).find(|at| !rest[*at].starts_with('-') && !is_value(*at))?;
            let there = rest.get(host + 1..).filter(|there| !there.is_empty())?;
            Some(simple_commands(&there.join(" ")))
        }
        _ => None,
    }
}

/// The words that say what a program shall do: without options before and between them, and their values.
fn spoken(rest: &[String]) -> String {
    const VALUED: [&str; 10] = [
        "-C",
        "-c",
        "-p",
        "-f",
        "-H",
        "--project-name",
        "--file",
        "--project-directory",
        "--context",
        "--env-file",
    ];
    let mut words = Vec::new();
    let mut rest = rest.iter();
    while let Some(word) = rest.next() {
        if words.is_empty() || words == ["compose"] {
            if VALUED.contains(&word.as_str()) {
                rest.next();
                continue;
            }
            if word.starts_with('-')
                && !matches!(word.as_str(), "--failed" | "--version" | "--list" | "--summary" | "--show")
            {
                continue;
            }
        }
        words.push(word.as_str());
    }
    words.join(" ")
}

static WITHS: LazyLock<Vec<(&str, Regex)>> = LazyLock::new(|| {
    WITH.iter().filter_map(|(name, pattern)| Some((*name, Regex::new(pattern).ok()?))).collect()
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_is_let_through() {
        for command in [
            "holdpoint check {{ticket}}",
            "holdpoint run {{ticket}} --services x --dry-run",
            "git diff --name-only HEAD refs/holdpoint/incoming/main -- src packages",
            "git -C /srv/app status --porcelain | head -n 5",
            "git remote -v && git config --get remote.origin.url",
            "docker compose -p asd -f x.yaml ps --format json",
            "docker inspect --format '{{.State.OOMKilled}}' x",
            "docker exec db psql -c 'select count(*) from pg_locks'",
            "ls -l 2>&1 | grep -c x >/dev/null 2>/dev/null",
            "test -e x || echo 'rm -rf /'",
            "curl -sS -o /dev/null -w '%{http_code}' http://127.0.0.1/healthz",
            "df -h . ; stat -c %U . ; id -un",
            "ssh -o BatchMode=yes host df -h",
            "journalctl -u docker -n 20 --no-pager",
            "podman image inspect x",
            "just --show {{service}}-configure",
        ] {
            assert_eq!(changing(command), None, "{command}");
        }
    }

    #[test]
    fn what_changes_something_is_named() {
        for (command, named) in [
            ("rm -f x", "rm"),
            ("sudo -n /bin/rm x", "rm"),
            ("ls; X=1 kill 1", "kill"),
            ("echo $(touch x)", "touch"),
            ("echo \"`touch x`\"", "touch"),
            ("bash -ec 'cd x; mv a b'", "mv"),
            ("docker exec -i db rm x", "rm"),
            ("docker compose -p a up -d", "docker compose up"),
            ("docker rm -f x", "docker rm x"),
            ("git -c a=b reset --hard", "git reset"),
            ("git branch -D x", "git branch -D"),
            ("holdpoint revert 1234 --yes", "holdpoint revert 1234"),
            ("find . -name x -delete", "find -delete"),
            ("find . -exec rm {} +", "rm"),
            ("echo x | xargs -n1 rm", "rm"),
            ("sed -i s/a/b/ x", "sed -i"),
            ("echo x > file", "> file"),
            ("psql -c 'DROP TABLE x'", "psql DROP"),
            ("ssh -o BatchMode=yes host 'rm x'", "rm"),
            ("systemctl restart docker", "systemctl restart docker"),
            ("curl -X POST http://x", "curl -X POST"),
        ] {
            assert_eq!(changing(command).as_deref(), Some(named), "{command}");
        }
    }
}
