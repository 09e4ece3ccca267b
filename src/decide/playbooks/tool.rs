//! Which program failed, as far as its argument list tells: a shell or a script may have run any other.

use regex::Regex;

use super::patterns::compile;

/// Whether a known fact is the one that a playbook names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agrees {
    /// It is.
    Yes,
    /// It is not.
    No,
    /// Nobody knows.
    Open,
}

/// Programs that only start another one, with the arguments of theirs that stand alone before it.
const BEFORE: [&str; 8] = ["sudo", "env", "nice", "ionice", "timeout", "chrt", "stdbuf", "command"];

/// Programs that run whatever they are told: what failed inside them is not known.
const ANYTHING: [&str; 14] = [
    "sh", "bash", "dash", "zsh", "ash", "make", "just", "npm", "npx", "yarn", "node", "python", "python3",
    "php",
];

/// Options of `exec` that take a word of their own.
const WITH_VALUE: [&str; 8] = ["-e", "--env", "-u", "--user", "-w", "--workdir", "--env-file", "--index"];

/// Whether the program that failed is the one that a playbook's `tool` names.
pub(super) fn agrees(pattern: &str, tool: Option<&str>) -> Agrees {
    let Some(tool) = tool else { return Agrees::Open };
    let Ok(pattern) = compile(&format!("^(?:{pattern})(?:\\s|$)")) else { return Agrees::Open };
    let words = shlex::split(tool).unwrap_or_else(|| tool.split_whitespace().map(str::to_owned).collect());
    look(&words, &pattern)
}

fn look(words: &[String], pattern: &Regex) -> Agrees {
    let Some((path, rest)) = program(words) else { return Agrees::Open };
    let name = path.rsplit('/').next().unwrap_or(path);
    let typed = std::iter::once(name).chain(rest.iter().map(String::as_str)).collect::<Vec<_>>().join(" ");
    let engine = matches!(name, "docker" | "podman");
    let composed = engine && rest.first().is_some_and(|word| word == "compose");
    // `docker compose` is what `docker-compose` was.
    if pattern.is_match(&typed) || (composed && pattern.is_match(&typed.replacen(' ', "-", 1))) {
        return Agrees::Yes;
    }
    let is_script = name.contains('.') || (path.contains('/') && !path.starts_with('/'));
    if ANYTHING.contains(&name) || is_script {
        return Agrees::Open;
    }
    if engine || matches!(name, "docker-compose" | "podman-compose") {
        return inside(rest).map_or(Agrees::No, |inner| look(inner, pattern));
    }
    Agrees::No
}

/// The program and its arguments, without what only starts it.
pub(super) fn program(words: &[String]) -> Option<(&str, &[String])> {
    let mut words = words;
    let mut started = false;
    while let Some((first, rest)) = words.split_first() {
        let name = first.rsplit('/').next().unwrap_or(first);
        let is_starter = BEFORE.contains(&name);
        let is_argument = started && (first.starts_with(['-', '+']) || first.parse::<f64>().is_ok());
        let is_variable = !first.starts_with('/') && first.split_once('=').is_some_and(|(n, _)| is_name(n));
        if !is_starter && !is_argument && !is_variable {
            return Some((first, rest));
        }
        started = true;
        words = rest;
    }
    None
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// What `exec` or `run` starts inside a container.
pub(super) fn inside(words: &[String]) -> Option<&[String]> {
    let at = words.iter().position(|word| word == "exec")?;
    let mut rest = &words[at + 1..];
    while let Some(first) = rest.first().filter(|word| word.starts_with('-')) {
        let taken = if WITH_VALUE.contains(&first.as_str()) { 2 } else { 1 };
        rest = rest.get(taken..)?;
    }
    rest.get(1..).filter(|inner| !inner.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_is_looked_for_behind_what_starts_it() {
        for (pattern, tool) in [
            ("git", "git fetch origin"),
            ("git (fetch|pull)", "/usr/bin/git fetch origin"),
            ("docker", "docker compose up -d wiki"),
            ("docker-compose", "docker compose -p x up"),
            ("docker compose", "docker compose -p x up"),
            ("pg_dump", "docker exec -i -e PGUSER=x db-1 pg_dump -Fc wiki"),
            ("pg_dump", "sudo -n PGHOST=db timeout 10 pg_dump wiki"),
        ] {
            assert_eq!(agrees(pattern, Some(tool)), Agrees::Yes, "{pattern} in {tool}");
        }
    }

    #[test]
    fn another_program_is_another_and_a_script_may_be_any() {
        for (pattern, tool, wanted) in [
            ("git", "docker compose up", Agrees::No),
            ("git", "digit x", Agrees::No),
            ("docker-compose", "docker ps", Agrees::No),
            ("psql", "docker exec db pg_dump wiki", Agrees::No),
            ("git", "bash releases/1234-x.sh", Agrees::Open),
            ("git", "releases/1234-x", Agrees::Open),
            ("git", "docker exec db sh -c 'pg_dump | gzip'", Agrees::Open),
            ("git(", "git fetch", Agrees::Open),
            ("git", "", Agrees::Open),
        ] {
            assert_eq!(agrees(pattern, Some(tool)), wanted, "{pattern} in {tool}");
        }
        assert_eq!(agrees("git", None), Agrees::Open);
    }
}
