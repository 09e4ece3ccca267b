//! Compose commands of one service, for each generation of compose.

use std::path::Path;

use crate::model::facts::{Compose, ComposeFlavour};
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

    /// Its own last lines.
    pub(in crate::decide) fn logs<'s>(&self, parts: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        let plain: &[&str] = match self.compose.flavour {
            ComposeFlavour::V1 | ComposeFlavour::V2 => &["logs", "--no-color", "--tail=50"],
            ComposeFlavour::Podman => &["logs", "--tail=50"],
        };
        self.with(plain, parts)
    }

    /// A program inside a running container, without a terminal.
    pub(in crate::decide) fn exec(&self, part: &str, argv: &[String]) -> CommandSpec {
        self.with(&["exec", "-T", part], argv.iter().map(String::as_str))
    }
}
