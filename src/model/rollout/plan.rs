//! What was planned: immutable from its creation on, every host already chosen.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{EtcdSpec, HostName, PlanId, StageId};
use crate::model::id::{Oid, TicketId};
use crate::model::quantity::Span;
use crate::model::settings::Freeze;
use crate::model::spec::CommandLine;

/// So many, or a share in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Amount {
    /// So many.
    Count(u32),
    /// A share, 1 to 100; of anything at all it is at least one.
    Percent(u32),
}

impl Amount {
    /// How many of `total` that is, rounded up.
    pub fn of(self, total: usize) -> usize {
        match self {
            Amount::Count(count) => usize::try_from(count).unwrap_or(usize::MAX),
            Amount::Percent(share) => (total * usize::try_from(share).unwrap_or(100)).div_ceil(100),
        }
    }
}

/// What happens by itself once a rollout does harm.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnHarm {
    /// The plan pauses: a person decides.
    #[default]
    Pause,
    /// Every touched host is taken back.
    Rollback,
}

/// What a host does with its own failed release.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnHostFailure {
    /// It halts where it failed, as a release on a single host does.
    #[default]
    Halt,
    /// It is taken back at once; it still counts as failed.
    Revert,
}

/// How many hosts of the plan may fail before that is harm. Without either none may.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailureCap {
    /// So many hosts.
    pub count: Option<u32>,
    /// So many percent of the plan's hosts.
    pub percent: Option<u32>,
}

impl FailureCap {
    /// Failures that are still no harm among so many hosts: the smaller of both.
    pub fn allowed(self, hosts: usize) -> usize {
        let count = self.count.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
        // Rounded down: 5 % of ten hosts is none.
        let percent = self.percent.map(|share| hosts * usize::try_from(share).unwrap_or(0) / 100);
        match (count, percent) {
            (Some(count), Some(percent)) => count.min(percent),
            (one, other) => one.or(other).unwrap_or(0),
        }
    }
}

/// What is done about hosts that do not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Unreachable {
    /// Go on without them, and list them at the end.
    pub defer: bool,
    /// How many of the plan's hosts may be away at once for that.
    pub budget: Amount,
    /// How long they are waited for past the last stage; none: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<Span>,
}

impl Default for Unreachable {
    fn default() -> Self {
        Self { defer: false, budget: Amount::Count(0), wait: None }
    }
}

/// A rule between stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gate {
    /// What is asked.
    #[serde(flatten)]
    pub kind: GateKind,
    /// Whether its failing is harm; over a gate that is not, `skip_failed` needs no confirmation.
    pub critical: bool,
    /// How often in a row it may say neither yes nor no before the plan counts as stuck.
    pub inconclusive: u32,
}

/// A finite number that others are held against.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Limit(f64);

/// It is never NaN.
impl Eq for Limit {}

impl Limit {
    /// The limit; none for what is no number or has no end.
    pub fn new(number: f64) -> Option<Self> {
        number.is_finite().then_some(Self(number))
    }

    /// The number.
    pub const fn number(self) -> f64 {
        self.0
    }
}

/// What a gate asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum GateKind {
    /// Enough hosts of the stage are active; deferred and excluded ones are left out.
    HostsVerified {
        /// Percent that must be.
        min: u32,
    },
    /// An address answers with a status.
    Http {
        /// Address, asked from where the coordinator runs.
        url: String,
        /// Status it must answer with.
        status: u16,
    },
    /// Every value that a Prometheus has for a query is below a limit.
    Prometheus {
        /// The server, asked from where the coordinator runs.
        url: String,
        /// What is asked, in its own language.
        query: String,
        /// What every value must be below.
        below: Limit,
        /// How far back the values are looked at; none: as they are now.
        window: Option<Span>,
    },
    /// A program ends with 0; 75 means that it cannot tell yet.
    Command {
        /// Program and arguments, started in the folder of `fleet.toml`.
        run: CommandLine,
    },
    /// Time passes.
    TimeSoak {
        /// How long, once everything else in the stage is settled.
        #[serde(rename = "for")]
        span: Span,
    },
    /// A person approves.
    Manual,
}

impl GateKind {
    /// Its word in a plan.
    pub const fn word(&self) -> &'static str {
        match self {
            GateKind::HostsVerified { .. } => "hosts-verified",
            GateKind::Http { .. } => "http",
            GateKind::Prometheus { .. } => "prometheus",
            GateKind::Command { .. } => "command",
            GateKind::TimeSoak { .. } => "time-soak",
            GateKind::Manual => "manual",
        }
    }
}

/// A group of hosts, and what must be true before the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StagePlan {
    /// Its name.
    pub id: StageId,
    /// Its hosts, in the order in which they are offered the release.
    pub hosts: Vec<HostName>,
    /// How many are worked on at once.
    pub parallel: Amount,
    /// How long it is watched after its last host.
    pub bake: Span,
    /// How long it may go without progress before the plan counts as stuck.
    pub deadline: Option<Span>,
    /// One zone after the other.
    pub per_zone: bool,
    /// What must be true before the next stage.
    pub gates: Vec<Gate>,
}

/// How a host is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "transport", rename_all = "snake_case")]
pub enum Reach {
    /// Another project folder on this machine.
    Local,
    /// Over ssh, with the user's own configuration.
    Ssh {
        /// What `ssh` is given: a name of its configuration, or `user@host`.
        address: String,
        /// The program on that host.
        program: String,
    },
    /// By its own agent, which watches the ledger.
    Agent,
}

/// A host of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct HostSpec {
    /// How it is reached.
    #[serde(flatten)]
    pub reach: Reach,
    /// Its project folder.
    pub folder: String,
    /// What stages choose by.
    pub labels: BTreeMap<String, String>,
    /// What fails together.
    pub zone: Option<String>,
}

/// `fleet.toml`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Inventory {
    /// Hosts, in the order of their names.
    pub hosts: BTreeMap<HostName, HostSpec>,
    /// When nothing new is begun.
    pub freezes: Vec<Freeze>,
    /// Where tags are looked up; none: in the repository that it lies in.
    pub repository: Option<String>,
    /// Where rollouts are remembered; none: in a file beside it.
    pub etcd: Option<EtcdSpec>,
}

/// Tickets that were taken back on hosts and come back with a later one, because somebody says so.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reintroduce {
    /// The tickets that were taken back: one at least.
    #[schemars(with = "Vec<String>")]
    pub tickets: Vec<TicketId>,
    /// Why they may come back.
    pub reason: String,
}

/// A release over many hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RolloutPlan {
    /// Its id, made from its digest.
    pub plan_id: PlanId,
    /// What people call it.
    pub name: String,
    /// The ticket that is released on each host.
    pub ticket: TicketId,
    /// The commit that is released: every host stops there, or releases nothing.
    #[serde(rename = "ref")]
    pub commit: Oid,
    /// The tag that stood for that commit when the plan was made; none: the commit was named itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// What happens once it does harm.
    pub on_harm: OnHarm,
    /// Whether a rollback restores data, too.
    pub rollback_data: bool,
    /// The one host on which the ticket's scripts run, before every other; none: they run on each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket_host: Option<HostName>,
    /// What was taken back on its hosts and comes back with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reintroduce: Option<Reintroduce>,
    /// Failures that are no harm yet.
    pub max_failures: FailureCap,
    /// What a host does with its own failed release.
    pub on_host_failure: OnHostFailure,
    /// What is done about hosts that do not answer.
    pub unreachable: Unreachable,
    /// Stopping the line does not stop it.
    pub hotfix: bool,
    /// Its stages, in order. No host is in two of them.
    pub stages: Vec<StagePlan>,
    /// How each of its hosts is reached, as the inventory said at its creation.
    pub hosts: BTreeMap<HostName, HostSpec>,
    /// Digest of all of this but the id, who made it and when.
    pub digest: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// By whom.
    pub created_by: String,
}

impl RolloutPlan {
    /// The stage that a host is in.
    pub fn stage_of(&self, host: &HostName) -> Option<usize> {
        self.stages.iter().position(|stage| stage.hosts.contains(host))
    }
}
