//! What later releases read.

use clap::{Args, Subcommand};

use super::release::Act;
use crate::model::source::{RelinkRequest, RelinkTo, SourceName};

/// `source …`
#[derive(Debug, Clone, Subcommand)]
pub enum SourceVerb {
    /// What the next releases read, from where, and whether it can be read
    #[command(after_help = "Examples:\n  holdpoint source show\n  holdpoint source show --json")]
    Show,
    /// Have later releases read something from elsewhere
    ///
    /// For a repository, branch or folder that moved and an image from another registry. It is no retry: nothing is
    /// released by it, and no file of the checkout changes. What it is now has to be named, and the new one is read before
    /// anything is stored.
    #[command(
        after_help = "Examples:\n  holdpoint source relink git.remote --to https://git.example.com/app.git --expect-current origin --dry-run\n  holdpoint source relink wikijs.folder --to services/wikijs --expect-current packages/wikijs --reason 'it moved'\n  holdpoint source relink git.remote --reset --expect-current https://git.example.com/app.git"
    )]
    Relink(RelinkArgs),
}

/// `source relink`
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("new").required(true).args(["to", "reset", "fingerprint"]))]
pub struct RelinkArgs {
    /// Which source: git.remote, git.branch, SERVICE.folder or SERVICE.image
    pub source: SourceName,
    /// What is read from now on
    #[arg(long, value_name = "VALUE")]
    pub to: Option<String>,
    /// Read again what the configuration says
    #[arg(long)]
    pub reset: bool,
    /// Keep what is read although its fingerprint is not the recorded one any more
    #[arg(long)]
    pub fingerprint: bool,
    /// What it is now, as `source show` says; with --fingerprint the recorded one
    #[arg(long, value_name = "VALUE")]
    pub expect_current: String,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

impl RelinkArgs {
    /// What is wanted.
    pub fn request(&self) -> RelinkRequest {
        let to = match &self.to {
            Some(value) => RelinkTo::Value(value.clone()),
            None if self.reset => RelinkTo::Reset,
            None => RelinkTo::Fingerprint,
        };
        RelinkRequest { source: self.source.clone(), to, expect_current: self.expect_current.clone() }
    }
}
