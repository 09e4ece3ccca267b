//! What a person sees, without what differs from run to run: places, commits, times, ports.

use std::collections::BTreeMap;

use regex::{Captures, Regex};

use super::host::Host;
use super::output::Output;

impl Host {
    /// A text with everything that differs from run to run under a name of its own. Commits are `commit-1`, `commit-2`… in
    /// the order in which they appear.
    pub(crate) fn plain(&self, text: &str) -> String {
        let mut text = text.replace(&self.root().display().to_string(), "HOST");
        let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
        text = text.replace(name.trim(), "prod1");
        for person in people() {
            let word = Regex::new(&format!(r"\b{}\b", regex::escape(&person))).unwrap();
            text = word.replace_all(&text, "deploy").into_owned();
        }
        let mut known: BTreeMap<String, usize> = BTreeMap::new();
        text = Regex::new(r"sha256 [0-9a-f]{12}").unwrap().replace_all(&text, "sha256 SHA").into_owned();
        let oid = Regex::new(r"\b[0-9a-f]{40}\b|\b[0-9a-f]{12}\b").unwrap();
        text = oid
            .replace_all(&text, |found: &Captures<'_>| {
                let next = known.len() + 1;
                format!("commit-{}", known.entry(found[0][..12].to_owned()).or_insert(next))
            })
            .into_owned();
        for (pattern, name) in [
            (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?", "TIME"),
            (r"\d{4}-\d\d-\d\d", "DAY"),
            (r"\d{8}_\d{6}(-\d+)?", "STAMP"),
            (r"\b[0-9a-f]{64}\b", "SHA256"),
            (r"\b[0-9a-f]{16}\b", "ID"),
            (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
            (r"\b(\d+h)?(\d+m)?\d+(\.\d+)?(s|ms)\b", "SPAN"),
            (r"\bms=\d+", "ms=N"),
            (r"\b(pid|process) \d+", "$1 N"),
        ] {
            text = Regex::new(pattern).unwrap().replace_all(&text, name).into_owned();
        }
        text
    }

    /// The last words of a run that halted: from its first `✗` on. What stands above them differs in order and width.
    pub(crate) fn last_words(&self, output: &Output) -> String {
        let screen = self.screen(output);
        let lines = screen.lines().skip_while(|line| !line.starts_with('✗'));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Both streams of a program as a person sees them, see [`Host::plain`].
    pub(crate) fn screen(&self, output: &Output) -> String {
        let text = format!("{}{}", output.stdout, output.stderr);
        // Columns are as wide as their widest cell, which differs from run to run.
        let columns = Regex::new(r"(\S) {2,}").unwrap();
        let lines = self.plain(&text);
        let lines = lines.lines().map(|line| columns.replace_all(line.trim_end(), "$1  ").into_owned());
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Who the program may think we are: the login behind this session, and the user.
fn people() -> Vec<String> {
    let login = std::fs::read_to_string("/proc/self/loginuid").unwrap_or_default();
    let name = |arguments: &[&str]| {
        let output = std::process::Command::new("id").args(arguments).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let names = [name(&["-un", login.trim()]), name(&["-un"])];
    names.into_iter().filter(|name| !name.is_empty()).collect()
}
