//! Verbs that recover: what was seen, what it was, what to do, and whether it helped.

use clap::{Args, Subcommand};

use super::release::Act;
use crate::model::evidence::{EvidenceOf, EvidenceRef};
use crate::model::id::ReleaseRef;

/// `diagnose TICKET`
#[derive(Debug, Clone, Args)]
pub struct DiagnoseArgs {
    /// Ticket, or its newest attempt
    #[arg(value_name = "TICKET")]
    pub release: ReleaseRef,
    /// Do not run the detection commands of playbooks that fit
    #[arg(long)]
    pub no_detect: bool,
}

/// `evidence …`
#[derive(Debug, Clone, Subcommand)]
pub enum EvidenceVerb {
    /// Keep all there is to see of a release, or of the host, in a bundle that is never written over
    #[command(
        after_help = "Examples:\n  holdpoint evidence capture 1234\n  holdpoint evidence capture --host --symptom 'slow since ten'"
    )]
    Capture(CaptureArgs),
    /// List the bundles that are kept
    #[command(
        after_help = "Examples:\n  holdpoint evidence list 1234\n  holdpoint evidence list --host --json"
    )]
    List(EvidenceListArgs),
    /// What changed from one bundle to another; exit status 6 when something did
    #[command(
        after_help = "Example:\n  holdpoint evidence compare 1234@1/20260518_153112 1234@1/20260518_160240"
    )]
    Compare(CompareArgs),
}

/// Whose evidence.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct EvidenceOfArgs {
    /// Ticket (its newest attempt), or one attempt of it
    #[arg(value_name = "TICKET")]
    pub release: Option<ReleaseRef>,
    /// The host as a whole instead of a release
    #[arg(long)]
    pub host: bool,
}

impl EvidenceOfArgs {
    /// Whose evidence was meant.
    pub fn of(&self) -> EvidenceOf {
        self.release.clone().map_or(EvidenceOf::Host, EvidenceOf::Release)
    }
}

/// `evidence capture`
#[derive(Debug, Clone, Args)]
pub struct CaptureArgs {
    #[command(flatten)]
    /// Whose evidence.
    pub of: EvidenceOfArgs,
    /// What is wrong, in the words of whoever saw it
    #[arg(long, value_name = "TEXT")]
    pub symptom: Option<String>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `evidence list`
#[derive(Debug, Clone, Args)]
pub struct EvidenceListArgs {
    #[command(flatten)]
    /// Whose evidence.
    pub of: EvidenceOfArgs,
}

/// `evidence compare`
#[derive(Debug, Clone, Args)]
pub struct CompareArgs {
    /// The older bundle, as `evidence list` shows it
    #[arg(value_name = "BEFORE")]
    pub before: EvidenceRef,
    /// The newer one
    #[arg(value_name = "AFTER")]
    pub after: EvidenceRef,
}
