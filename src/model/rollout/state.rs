//! Where a rollout stands: its phase, its stages, its hosts, and what it waits for.

use std::fmt;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{HostName, RolloutPlan, StageId};
use crate::model::quantity::{Span, counted};

macro_rules! words {
    ($name:ident { $($variant:ident => $word:literal),+ $(,)? }) => {
        impl $name {
            /// Its word.
            pub const fn word(self) -> &'static str {
                match self { $($name::$variant => $word),+ }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.word())
            }
        }
    };
}

/// Phase of a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlanPhase {
    /// Made, and not begun.
    Draft,
    /// Under way.
    Active,
    /// Begins nothing until somebody says so.
    Paused,
    /// Begins nothing until a freeze ends.
    Frozen,
    /// Every touched host is on its way back.
    RollingBack,
    /// Every host is active.
    Completed,
    /// Over, and hosts are named that are not active.
    CompletedWithExceptions,
    /// Every touched host confirmed that it is back.
    RolledBack,
    /// Over, and hosts are named that are not known to be back.
    RollbackIncomplete,
    /// Given up; hosts stay as they are.
    Cancelled,
}
words!(PlanPhase {
    Draft => "draft", Active => "active", Paused => "paused", Frozen => "frozen", RollingBack => "rolling_back",
    Completed => "completed", CompletedWithExceptions => "completed_with_exceptions", RolledBack => "rolled_back",
    RollbackIncomplete => "rollback_incomplete", Cancelled => "cancelled",
});

impl PlanPhase {
    /// Whether nothing comes after it.
    pub const fn is_terminal(self) -> bool {
        use PlanPhase::{Cancelled, Completed, CompletedWithExceptions, RollbackIncomplete, RolledBack};
        matches!(self, Completed | CompletedWithExceptions | RolledBack | RollbackIncomplete | Cancelled)
    }
}

/// Phase of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StagePhase {
    /// Not begun.
    Pending,
    /// Its hosts release.
    Activating,
    /// All settled; it is watched.
    Baking,
    /// Its gates are asked.
    Gated,
    /// Every gate passed.
    Promoted,
    /// A person went on without its gates.
    Skipped,
    /// A person ended it.
    Halted,
    /// It did harm.
    Failed,
}
words!(StagePhase {
    Pending => "pending", Activating => "activating", Baking => "baking", Gated => "gated", Promoted => "promoted",
    Skipped => "skipped", Halted => "halted", Failed => "failed",
});

impl StagePhase {
    /// Whether the plan has gone past it.
    pub const fn is_past(self) -> bool {
        matches!(self, StagePhase::Promoted | StagePhase::Skipped | StagePhase::Halted)
    }
}

/// What is known of a host in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostState {
    /// Not told anything.
    Pending,
    /// Told; it has not answered yet.
    Offered,
    /// It releases.
    Activating,
    /// It released, or had already.
    Active,
    /// It said no, and nothing changed there.
    Refused,
    /// Its release failed.
    Failed,
    /// It does not answer: what it does is not known.
    Unreachable,
    /// A person took it out.
    Excluded,
    /// It goes back.
    Reverting,
    /// It confirmed that it is back.
    Reverted,
    /// It could not go back.
    RevertFailed,
}
words!(HostState {
    Pending => "pending", Offered => "offered", Activating => "activating", Active => "active", Refused => "refused",
    Failed => "failed", Unreachable => "unreachable", Excluded => "excluded", Reverting => "reverting",
    Reverted => "reverted", RevertFailed => "revert_failed",
});

impl HostState {
    /// Whether it may be at work on what it was told.
    pub const fn in_flight(self) -> bool {
        matches!(self, HostState::Offered | HostState::Activating | HostState::Reverting)
    }

    /// Whether no more is to be expected of it by itself.
    pub const fn is_settled(self) -> bool {
        use HostState::{Active, Excluded, Failed, Refused, RevertFailed, Reverted};
        matches!(self, Active | Refused | Failed | Excluded | Reverted | RevertFailed)
    }
}

/// What a host is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// Release the plan's ticket.
    Release,
    /// Take it back.
    Revert,
}

/// What a host is told, under its own key of the ledger. A generation only rises, whichever plan tells.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Desired {
    /// The plan that tells.
    pub plan_id: super::PlanId,
    /// Which telling this is.
    pub generation: u64,
    /// What.
    pub wish: Wish,
    /// Whether the plan has no more to say to it: another plan may take it.
    pub released: bool,
}

/// A host in a plan.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostRow {
    /// What is known of it.
    pub state: HostState,
    /// What it was last told; none: nothing.
    pub wish: Option<Wish>,
    /// The telling that its answers must be about; 0: none.
    pub generation: u64,
    /// Whether a release of the plan may have changed something there: a rollback has to ask it.
    pub touched: bool,
    /// Whether that was so before it was last told. What it then refuses leaves it as it was.
    #[serde(default = "not_known_to_be_spared")]
    pub touched_before: bool,
    /// Whether its release failed since it was last retried: counted against the cap.
    pub failed: bool,
    /// Its attempt, where it began one.
    pub attempt: Option<String>,
    /// Why it is as it is, in its own words.
    pub reason: Option<String>,
    /// Since when it is in this state.
    pub since: DateTime<Utc>,
}

/// In records of a program that did not write it down.
const fn not_known_to_be_spared() -> bool {
    true
}

impl HostRow {
    /// A host that was told nothing.
    pub fn new(now: DateTime<Utc>) -> Self {
        Self {
            state: HostState::Pending,
            wish: None,
            generation: 0,
            touched: false,
            touched_before: false,
            failed: false,
            attempt: None,
            reason: None,
            since: now,
        }
    }
}

/// What a gate says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum VerdictWord {
    /// Yes.
    Pass,
    /// No.
    Fail,
    /// Neither: it never promotes.
    Inconclusive,
}
words!(VerdictWord { Pass => "pass", Fail => "fail", Inconclusive => "inconclusive" });

/// What a gate said last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Verdict {
    /// Its kind.
    pub gate: String,
    /// What it said.
    pub verdict: VerdictWord,
    /// Why, for a person.
    pub detail: String,
    /// Whether a fail is harm.
    pub critical: bool,
    /// How often in a row it was inconclusive.
    pub inconclusive: u32,
}

/// Who approved a manual gate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// A stage of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StageState {
    /// Its name.
    pub id: StageId,
    /// Its phase.
    pub phase: StagePhase,
    /// The plan's clock when it came into this phase, in milliseconds.
    pub since_ms: u64,
    /// The plan's clock at its last progress.
    pub progress_ms: u64,
    /// The most hosts that were settled at once: only more of them is progress.
    pub settled: usize,
    /// What its gates said last, in the plan's order.
    pub verdicts: Vec<Verdict>,
    /// Who approved it.
    pub approval: Option<Approval>,
}

/// A rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutState {
    /// Its phase.
    pub phase: PlanPhase,
    /// Its stages.
    pub stages: Vec<StageState>,
    /// Milliseconds that it was under way: stands still while paused or frozen.
    pub clock_ms: u64,
    /// The moment at which the clock was read.
    pub clock_at: DateTime<Utc>,
    /// What it waits for.
    pub wait: Option<Wait>,
    /// Since when it waits for that.
    pub wait_since: DateTime<Utc>,
    /// What it did harm by.
    pub harm: Option<String>,
    /// Why it is in its phase, and who said so.
    pub reason: Option<String>,
    /// When it came into its phase.
    pub since: DateTime<Utc>,
    /// Its clock when it came into its phase.
    pub phase_ms: u64,
    /// The stage after which it pauses, until a person goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<StageId>,
}

impl RolloutState {
    /// A plan that was not started.
    pub fn new(plan: &RolloutPlan) -> Self {
        let stage = |id: &StageId| StageState {
            id: id.clone(),
            phase: StagePhase::Pending,
            since_ms: 0,
            progress_ms: 0,
            settled: 0,
            verdicts: Vec::new(),
            approval: None,
        };
        Self {
            phase: PlanPhase::Draft,
            stages: plan.stages.iter().map(|planned| stage(&planned.id)).collect(),
            clock_ms: 0,
            clock_at: plan.created_at,
            wait: Some(Wait::NotStarted),
            wait_since: plan.created_at,
            harm: None,
            reason: None,
            since: plan.created_at,
            phase_ms: 0,
            until: None,
        }
    }

    /// The stage it is in: the first that it has not gone past. None: it has gone past all.
    pub fn current(&self) -> Option<usize> {
        self.stages.iter().position(|stage| !stage.phase.is_past())
    }

    /// The stage that it was to go on until, once it is past that one and others are to come.
    pub fn reached(&self) -> Option<&StageId> {
        let until = self.until.as_ref()?;
        let at = self.stages.iter().position(|stage| stage.id == *until)?;
        (self.current()? > at).then_some(until)
    }
}

/// What a rollout waits for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "kebab-case")]
pub enum Wait {
    /// It was not started.
    NotStarted,
    /// A person changed what it goes by, and no coordinator has looked since.
    Coordinator,
    /// A person paused it, or harm did.
    Paused {
        /// Why.
        why: String,
    },
    /// A freeze holds.
    Frozen {
        /// Which, and until when.
        why: String,
    },
    /// Hosts are at work.
    HostsAtWork {
        /// How many.
        count: usize,
        /// One of them.
        host: HostName,
    },
    /// A host waits at a hold point of its own.
    AwaitingApproval {
        /// The host.
        host: HostName,
    },
    /// Another plan has not let go of a host.
    HostLocked {
        /// The host.
        host: HostName,
        /// The plan.
        by: super::PlanId,
    },
    /// Hosts do not answer.
    Unreachable {
        /// How many.
        count: usize,
        /// How many may be away.
        budget: usize,
        /// One of them.
        host: HostName,
    },
    /// Hosts said no.
    Refused {
        /// How many.
        count: usize,
        /// One of them.
        host: HostName,
        /// Why that one did.
        why: String,
    },
    /// The stage is watched.
    Baking {
        /// How long still.
        left: Span,
    },
    /// A gate wants more time to pass.
    Soaking {
        /// How long still.
        left: Span,
    },
    /// A gate was not asked yet.
    GateUnasked {
        /// Its kind.
        gate: String,
    },
    /// A gate can say neither yes nor no.
    GateInconclusive {
        /// Its kind.
        gate: String,
        /// Why.
        detail: String,
        /// How often in a row.
        times: u32,
    },
    /// A gate that is not critical says no.
    GateFailed {
        /// Its kind.
        gate: String,
        /// Why.
        detail: String,
    },
    /// A person has to approve the stage.
    ManualGate {
        /// The stage.
        stage: StageId,
    },
    /// Hosts are on their way back.
    HostsReverting {
        /// How many.
        count: usize,
        /// One of them.
        host: HostName,
    },
    /// Hosts that are to be taken back, and that a person took out.
    HostsExcluded {
        /// How many.
        count: usize,
        /// One of them.
        host: HostName,
    },
    /// Past the last stage, and hosts that were gone on without may still come back.
    Latecomers {
        /// How many.
        count: usize,
        /// One of them.
        host: HostName,
        /// How long they are waited for still.
        left: Span,
    },
    /// The ticket's scripts run on one host alone, and have not run there.
    TicketHost {
        /// That host.
        host: HostName,
        /// What is known of it.
        state: HostState,
    },
    /// It is over.
    Terminal,
}

impl fmt::Display for Wait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Wait::NotStarted => f.write_str("it was not started"),
            Wait::Coordinator => f.write_str("a coordinator has to look at it anew"),
            Wait::Paused { why } => write!(f, "it is paused: {why}"),
            Wait::Frozen { why } => write!(f, "nothing new is begun: {why}"),
            Wait::HostsAtWork { count, host } => {
                write!(f, "{} at work, among them {host}", counted(*count, "host"))
            }
            Wait::AwaitingApproval { host } => write!(f, "{host} waits at a hold point of its own release"),
            Wait::HostLocked { host, by } => write!(f, "{host} still belongs to {by}"),
            Wait::Unreachable { count, budget, host } => {
                let hosts = counted(*count, "host");
                write!(f, "{hosts} unreachable, among them {host}; {budget} may be")
            }
            Wait::Refused { count, host, why } => {
                write!(f, "{} refused, among them {host}: {why}", counted(*count, "host"))
            }
            Wait::Baking { left } => write!(f, "the stage is watched for {left} more"),
            Wait::Soaking { left } => write!(f, "gate `time-soak` wants {left} more"),
            Wait::GateUnasked { gate } => write!(f, "gate `{gate}` was not asked yet"),
            Wait::GateInconclusive { gate, detail, times } => {
                let times = if *times == 1 { String::new() } else { format!(", {times} times in a row") };
                write!(f, "gate `{gate}` cannot tell{times}: {detail}")
            }
            Wait::GateFailed { gate, detail } => write!(f, "gate `{gate}` says no: {detail}"),
            Wait::ManualGate { stage } => write!(f, "stage {stage} waits for a person's approval"),
            Wait::HostsReverting { count, host } => {
                write!(f, "{} not back yet, among them {host}", counted(*count, "host"))
            }
            Wait::HostsExcluded { count, host } => {
                write!(f, "{} excluded and not back, among them {host}", counted(*count, "host"))
            }
            Wait::Latecomers { count, host, left } => {
                let hosts = counted(*count, "host");
                write!(
                    f,
                    "every stage is past; {hosts} not back yet, among them {host}: waited for {left} more"
                )
            }
            Wait::TicketHost { host, state } => {
                write!(
                    f,
                    "the ticket's scripts run on {host} alone, which is {state}: nobody else comes before it"
                )
            }
            Wait::Terminal => f.write_str("it is over"),
        }
    }
}
