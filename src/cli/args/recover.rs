//! Verbs that recover: what was seen, what it was, what to do, and whether it helped.

use clap::{Args, Subcommand};

use super::release::Act;
use crate::model::evidence::{EvidenceOf, EvidenceRef};
use crate::model::id::{ReleaseRef, TicketId};
use crate::model::incident::{IncidentId, IncidentKind};

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
    /// Show what is in a bundle
    #[command(
        after_help = "Examples:\n  holdpoint evidence show 1234@1/20260518_153112\n  holdpoint evidence show host/20260518_160240 --json"
    )]
    Show(EvidenceShowArgs),
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

/// `evidence show`
#[derive(Debug, Clone, Args)]
pub struct EvidenceShowArgs {
    /// The bundle, as `evidence list` shows it
    #[arg(value_name = "BUNDLE")]
    pub bundle: EvidenceRef,
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

/// `incident …`
#[derive(Debug, Clone, Subcommand)]
pub enum IncidentVerb {
    /// Write down the symptom, before anything else is done
    #[command(
        after_help = "Example:\n  holdpoint incident open --symptom 'nobody can log in' --kind total --path login --probe 'curl -fsS http://127.0.0.1:8080/login'"
    )]
    Open(OpenArgs),
    /// Look at health, readiness, drift and the failing path before recovery, and name scope and verdict
    #[command(after_help = "Example:\n  holdpoint incident capture inc-20260518-1")]
    Capture(IncidentActArgs),
    /// Take the same look again after recovery
    #[command(after_help = "Example:\n  holdpoint incident verify inc-20260518-1")]
    Verify(IncidentActArgs),
    /// End it, where all six conditions hold; otherwise say which do not
    #[command(
        after_help = "Examples:\n  holdpoint incident resolve inc-20260518-1 --playbook release-unhealthy\n  holdpoint incident resolve inc-20260518-1 --path-works --reason 'the owner logged in'"
    )]
    Resolve(ResolveArgs),
    /// One incident, and how the six conditions stand
    #[command(after_help = "Example:\n  holdpoint incident show inc-20260518-1 --json")]
    Show(IncidentArgs),
    /// Every incident on this host, newest first
    #[command(after_help = "Example:\n  holdpoint incident list")]
    List,
}

/// `incident open`
#[derive(Debug, Clone, Args)]
pub struct OpenArgs {
    /// What is wrong, in the words of whoever saw it
    #[arg(long, value_name = "TEXT")]
    pub symptom: String,
    /// How much of it: total, degraded, stale or intermittent
    #[arg(long, value_name = "KIND")]
    pub kind: IncidentKind,
    /// The user, agent or automation path that exposed it
    #[arg(long, value_name = "TEXT")]
    pub path: String,
    /// Tries that path: a program and its arguments, exit 0 is well
    #[arg(long, value_name = "CMD")]
    pub probe: Option<String>,
    /// The release that it belongs to; without it the one that stands unfinished here
    #[arg(long, value_name = "TICKET")]
    pub ticket: Option<TicketId>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `incident show`
#[derive(Debug, Clone, Args)]
pub struct IncidentArgs {
    /// Incident, as `incident list` shows it
    pub incident: IncidentId,
}

/// `incident capture` and `incident verify`
#[derive(Debug, Clone, Args)]
pub struct IncidentActArgs {
    /// Incident, as `incident list` shows it
    pub incident: IncidentId,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `incident resolve`
#[derive(Debug, Clone, Args)]
pub struct ResolveArgs {
    /// Incident, as `incident list` shows it
    pub incident: IncidentId,
    /// The playbook that the recovery went by; otherwise `--reason` says why another way
    #[arg(long, value_name = "ID")]
    pub playbook: Option<String>,
    /// The path that failed works, as somebody saw who tried it
    #[arg(long, requires = "reason")]
    pub path_works: bool,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}
