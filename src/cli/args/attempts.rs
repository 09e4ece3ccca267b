//! Verbs that begin a new attempt of what is recorded, and those that shelve one.

use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};

use super::preview::PreviewCleanupArgs;
use super::release::{Act, CancelArgs};
use super::source::RelinkArgs;
use super::values;
use crate::model::gather::Gather;
use crate::model::id::{AttemptId, ServiceName};
use crate::model::quantity::Span;
use crate::model::request::{Anew, RunRequest};
use crate::ops::recover::{Admission, PruneWish, Wish};

/// `1234`, or `1234@2`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRef {
    /// The ticket.
    pub ticket: crate::model::id::TicketId,
    /// Which of its attempts; none: the newest.
    pub number: Option<u32>,
}

fn attempt_ref(text: &str) -> Result<AttemptRef, String> {
    if text.contains('@') {
        let attempt: AttemptId = text.parse().map_err(|error| format!("{error}"))?;
        return Ok(AttemptRef { ticket: attempt.ticket, number: Some(attempt.number) });
    }
    let ticket = text.parse().map_err(|error| format!("{error}"))?;
    Ok(AttemptRef { ticket, number: None })
}

/// `readiness ID`
#[derive(Debug, Clone, Args)]
pub struct ReadinessArgs {
    /// Ticket, or one of its attempts: 1234, 1234@2
    #[arg(value_name = "ID", value_parser = attempt_ref)]
    pub attempt: AttemptRef,
}

/// Flags of every verb that begins a new attempt of what is recorded.
#[derive(Debug, Clone, Default, Args)]
pub struct AnewFlags {
    /// Refuse unless it still stands as `readiness` said, by its `stateVersion`
    #[arg(long, value_name = "V", value_parser = values::plan_id)]
    pub if_version: Option<String>,
    /// Refuse unless the plan is still the one of that dry run
    #[arg(long, value_name = "ID", value_parser = values::plan_id)]
    pub plan: Option<String>,
    /// Go on although nothing has proven this host clean since a release stopped half-way
    #[arg(long, requires = "reason")]
    pub accept_untrusted: bool,
    /// Accept a backup much smaller than the last one
    #[arg(long)]
    pub accept_small_backup: bool,
    /// Wait this long for health, in this attempt only: DUR or SERVICE=DUR
    #[arg(long, value_name = "[SERVICE=]DUR", value_parser = values::health_deadline)]
    pub health_deadline: Vec<(Option<ServiceName>, Span)>,
    /// Who else agreed, for the audit log; nobody checks it
    #[arg(long, value_name = "NAME")]
    pub approved_by: Option<String>,
}

/// `retry ID`
#[derive(Debug, Clone, Args)]
pub struct RetryArgs {
    /// Ticket, or its newest attempt: 1234, 1234@2
    #[arg(value_name = "ID", value_parser = attempt_ref)]
    pub attempt: AttemptRef,
    #[command(flatten)]
    /// What every new attempt takes.
    pub flags: AnewFlags,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `redeploy [ID]`
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["attempt", "services", "all"]))]
pub struct RedeployArgs {
    /// Ticket, or its newest attempt: its services are deployed again
    #[arg(value_name = "ID", value_parser = attempt_ref)]
    pub attempt: Option<AttemptRef>,
    /// These services, separated by commas
    #[arg(long = "service", value_name = "NAME", value_delimiter = ',')]
    pub services: Vec<ServiceName>,
    /// Every service that is configured
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    /// What every new attempt takes.
    pub flags: AnewFlags,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `rollback ID --candidate ID`
#[derive(Debug, Clone, Args)]
pub struct RollbackArgs {
    /// Ticket, or its newest attempt, that is rolled back
    #[arg(value_name = "ID", value_parser = attempt_ref)]
    pub attempt: AttemptRef,
    /// The older attempt that is put back, as `readiness` names it
    #[arg(long, value_name = "ID")]
    pub candidate: AttemptId,
    /// Use today's environment values where they are not the candidate's any more
    #[arg(long, requires = "reason")]
    pub accept_environment: bool,
    /// Run the older version on data of today's schema
    #[arg(long, requires = "reason")]
    pub accept_schema: bool,
    #[command(flatten)]
    /// What every new attempt takes.
    pub flags: AnewFlags,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `archive ID --confirm ID`, `unarchive ID`
#[derive(Debug, Clone, Args)]
pub struct ShelveArgs {
    /// The attempt, with its number: 1234@1
    #[arg(value_name = "ID")]
    pub attempt: AttemptId,
    /// The same id once more, instead of a yes
    #[arg(long, value_name = "ID")]
    pub confirm: Option<AttemptId>,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

/// `prune --before ISO`
#[derive(Debug, Clone, Args)]
pub struct PruneRecordsArgs {
    /// Attempts that ended before this moment, for example 2026-01-31 or 2026-01-31T12:00:00Z
    #[arg(long, value_name = "ISO", value_parser = moment)]
    pub before: DateTime<Utc>,
    /// Really throw away what the dry run showed
    #[arg(long, requires = "plan")]
    pub no_dry_run: bool,
    /// The plan that the dry run named
    #[arg(long, value_name = "ID", value_parser = values::plan_id, requires = "no_dry_run")]
    pub plan: Option<String>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

/// A day, or a moment with its offset.
fn moment(text: &str) -> Result<DateTime<Utc>, String> {
    let day = || text.parse::<chrono::NaiveDate>().ok()?.and_hms_opt(0, 0, 0).map(|at| at.and_utc());
    let whole = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.with_timezone(&Utc));
    whole()
        .or_else(day)
        .ok_or_else(|| "it is no day and no moment: 2026-01-31, or 2026-01-31T12:00:00Z".to_owned())
}

impl PruneRecordsArgs {
    /// What is to be thrown away.
    pub fn wish(&self) -> PruneWish {
        PruneWish { before: self.before, plan: self.plan.clone() }
    }
}

fn wish(attempt: Option<AttemptRef>, anew: Anew, flags: AnewFlags, act: &Act) -> Wish {
    let (ticket, number) = attempt.map_or((None, None), |attempt| (Some(attempt.ticket), attempt.number));
    let name = ticket.clone().unwrap_or_else(crate::model::id::TicketId::baseline);
    Wish {
        ticket,
        number,
        services: Vec::new(),
        request: anew,
        flags: RunRequest {
            plan: flags.plan,
            accept_untrusted: flags.accept_untrusted,
            accept_small_backup: flags.accept_small_backup,
            health_deadline: flags.health_deadline.into_iter().gather(),
            reason: act.reason.clone(),
            approved_by: flags.approved_by,
            ..RunRequest::new(name)
        },
        admission: Admission { if_version: flags.if_version },
    }
}

impl RetryArgs {
    /// What is wanted.
    pub fn wish(self) -> Wish {
        wish(Some(self.attempt), Anew::Retry, self.flags, &self.act)
    }
}

impl RedeployArgs {
    /// What is wanted; `every` are all services that are configured.
    pub fn wish(self, every: impl FnOnce() -> Vec<ServiceName>) -> Wish {
        let services = if self.all { every() } else { self.services };
        Wish { services, ..wish(self.attempt, Anew::Redeploy, self.flags, &self.act) }
    }
}

impl RollbackArgs {
    /// What is wanted.
    pub fn wish(self) -> Wish {
        let anew = Anew::Rollback {
            candidate: self.candidate,
            accept_environment: self.accept_environment,
            accept_schema: self.accept_schema,
        };
        wish(Some(self.attempt), anew, self.flags, &self.act)
    }
}

/// `deployments …`: the same verbs under the names that other runbooks know.
#[derive(Debug, Clone, Subcommand)]
pub enum DeploymentsVerb {
    /// As `readiness ID`
    #[command(after_help = "Example:\n  holdpoint deployments recovery-readiness 1234@1")]
    RecoveryReadiness(ReadinessArgs),
    /// As `retry ID`
    #[command(after_help = "Example:\n  holdpoint deployments retry 1234@1 --if-version VERSION")]
    Retry(RetryArgs),
    /// As `redeploy --service NAME`
    #[command(after_help = "Example:\n  holdpoint deployments redeploy wikijs --if-version VERSION")]
    Redeploy(ResourceArgs),
    /// As `rollback ID --candidate ID`
    #[command(
        after_help = "Example:\n  holdpoint deployments rollback 1234@1 --candidate 1201@1 --if-version VERSION"
    )]
    Rollback(RollbackArgs),
    /// As `cancel ID --confirm ID`
    #[command(after_help = "Example:\n  holdpoint deployments cancel 1234@1 --confirm 1234@1")]
    Cancel(CancelArgs),
    /// As `archive ID --confirm ID`
    #[command(after_help = "Example:\n  holdpoint deployments archive 1201@1 --confirm 1201@1")]
    Archive(ShelveArgs),
    /// As `preview cleanup --type TYPE --id ID`
    #[command(after_help = "Example:\n  holdpoint deployments cleanup-preview --type pr --id 12")]
    CleanupPreview(PreviewCleanupArgs),
    /// As `source relink SOURCE`
    #[command(
        after_help = "Example:\n  holdpoint deployments relink git.remote --to upstream --expect-current origin"
    )]
    Relink(RelinkArgs),
    /// As `prune --before ISO`
    #[command(after_help = "Example:\n  holdpoint deployments prune --before 2026-01-31")]
    Prune(PruneRecordsArgs),
}

/// `deployments redeploy RESOURCE`
#[derive(Debug, Clone, Args)]
pub struct ResourceArgs {
    /// The service
    #[arg(value_name = "RESOURCE")]
    pub service: ServiceName,
    #[command(flatten)]
    /// What every new attempt takes.
    pub flags: AnewFlags,
    #[command(flatten)]
    /// What every acting verb takes.
    pub act: Act,
}

impl ResourceArgs {
    /// What is wanted.
    pub fn redeploy(self) -> RedeployArgs {
        RedeployArgs {
            attempt: None,
            services: vec![self.service],
            all: false,
            flags: self.flags,
            act: self.act,
        }
    }
}
