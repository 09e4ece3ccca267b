//! Compose commands of one service, for each generation of compose.

use std::path::Path;

use chrono::SecondsFormat;

use crate::model::facts::{Compose, ComposeFlavour};
use crate::model::request::LogLines;
use crate::model::spec::{CommandSpec, ComposeSpec};

/// Compose, called for one slice of a project whose tracked files stand in the project root.
#[derive(Clone, Copy)]
pub(in crate::decide) struct Call<'a> {
    pub(in crate::decide) compose: &'a Compose,
    pub(in crate::decide) spec: &'a ComposeSpec,
    pub(in crate::decide) root: &'a Path,
}

impl Call<'_> {
    fn with<'s>(&self, verb: &[&str], parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        let mut argv = self.spec.invocation(self.compose, self.root, self.root);
        argv.extend(verb.iter().map(|word| (*word).to_owned()));
        argv.extend(parts.into_iter().map(str::to_owned));
        CommandSpec::new(argv, self.root)
    }

    pub(in crate::decide) fn pull<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        self.with(&["pull"], parts)
    }

    pub(in crate::decide) fn build<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        self.with(&["build"], parts)
    }

    /// Exactly these containers are replaced, none of those they depend on.
    pub(in crate::decide) fn recreate<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        self.with(&["up", "-d", "--force-recreate", "--no-deps"], parts)
    }

    /// Containers and volumes are made, nothing is started.
    pub(in crate::decide) fn create<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        self.with(&["up", "--no-start", "--force-recreate", "--no-deps"], parts)
    }

    pub(in crate::decide) fn remove<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        self.with(&["rm", "-f", "-s"], parts)
    }

    /// Its own last lines, and with `follow` each new one. The first generation knows no `--since`: it prints the time of
    /// each line instead, and whoever reads them leaves the older ones out.
    pub(in crate::decide) fn logs<'s>(
        &self,
        lines: &LogLines,
        parts: impl IntoIterator<Item = &'s str>,
    ) -> CommandSpec {
        let mut verb = vec!["logs".to_owned()];
        if self.compose.flavour != ComposeFlavour::Podman {
            verb.push("--no-color".to_owned());
        }
        verb.extend(lines.at_most().map(|tail| format!("--tail={tail}")));
        match (lines.since, self.compose.flavour) {
            (Some(_), ComposeFlavour::V1) => verb.push("--timestamps".to_owned()),
            (Some(since), _) => {
                verb.push(format!("--since={}", since.to_rfc3339_opts(SecondsFormat::Secs, true)));
            }
            (None, _) => {}
        }
        if lines.follow {
            verb.push("--follow".to_owned());
        }
        let verb: Vec<&str> = verb.iter().map(String::as_str).collect();
        self.with(&verb, parts)
    }

    /// A program inside a running container, without a terminal.
    pub(in crate::decide) fn exec(&self, part: &str, argv: &[String]) -> CommandSpec {
        self.with(&["exec", "-T", part], argv.iter().map(String::as_str))
    }
}
