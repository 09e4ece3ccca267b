//! Verbs that set up a host or this program.

use clap::{Args, ValueEnum};
use clap_complete::Shell;

use super::release::Act;

/// `init`
#[derive(Debug, Clone, Args)]
pub struct InitArgs {
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `adopt`
#[derive(Debug, Clone, Args)]
pub struct AdoptArgs {
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `demo`
#[derive(Debug, Clone, Args)]
pub struct DemoArgs {
    /// Leave the folder behind, to repeat each command by hand
    #[arg(long)]
    pub keep: bool,
    /// A release over five hosts instead, and a canary that turns bad
    #[arg(long)]
    pub fleet: bool,
}

/// `completions SHELL`
#[derive(Debug, Clone, Args)]
pub struct CompletionsArgs {
    /// Shell
    pub shell: Shell,
}

/// `man`
#[derive(Debug, Clone, Args)]
pub struct ManArgs {
    /// Verb whose page is wanted; the program's own when none is named
    pub verb: Vec<String>,
}

/// `schema NAME`
#[derive(Debug, Clone, Args)]
pub struct SchemaArgs {
    /// Which file's schema
    pub name: SchemaName,
}

/// Files with a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// `.asd/release.toml`
    Release,
    /// `packages/*/manifest.yaml`
    Manifest,
    /// `fleet.toml`
    Fleet,
    /// `agent.toml`
    Agent,
    /// A rollout plan
    Rollout,
    /// `recovery/playbooks/*.yaml`
    Playbook,
}

impl SchemaName {
    /// The word that was typed.
    pub const fn word(self) -> &'static str {
        match self {
            SchemaName::Release => "release",
            SchemaName::Manifest => "manifest",
            SchemaName::Fleet => "fleet",
            SchemaName::Agent => "agent",
            SchemaName::Rollout => "rollout",
            SchemaName::Playbook => "playbook",
        }
    }
}
