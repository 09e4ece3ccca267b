//! A rollout plan and `fleet.toml` as they are written: the forms that serde reads and that the JSON schemas describe.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

use super::raw::RawFreeze;
use crate::model::id::TicketId;
use crate::model::quantity::Span;
use crate::model::rollout::{Amount, HostName, OnHarm, OnHostFailure, Reintroduce, StageId};
use crate::model::spec::CommandLine;

/// A release over the hosts of `fleet.toml`.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "rollout plan")]
pub(super) struct RawPlan {
    /// What people call it.
    pub(super) name: String,
    /// Ticket that is released on each host.
    #[schemars(with = "String")]
    pub(super) ticket: TicketId,
    /// Commit that is released: its whole object id, or a tag, which is looked up once, when the plan is made.
    #[serde(rename = "ref")]
    pub(super) commit: String,
    /// What happens by itself once it does harm: `pause` or `rollback`.
    #[serde(default)]
    pub(super) on_harm: OnHarm,
    /// Whether a rollback restores data, too.
    #[serde(default)]
    pub(super) rollback_data: bool,
    /// Where the ticket's scripts run: `every-host`, or `once`, on `ticket_host`.
    pub(super) ticket_runs: Option<TicketRuns>,
    /// Of `once`: the host on which they run, before every other.
    #[schemars(with = "Option<String>")]
    pub(super) ticket_host: Option<HostName>,
    /// A ticket that was taken back and comes back with this commit; a host that took it back refuses otherwise.
    pub(super) reintroduce: Option<Reintroduce>,
    /// Failures that are no harm yet; default: none.
    pub(super) max_failures: Option<RawCap>,
    /// What a host does with its own failed release: `halt` or `revert`.
    #[serde(default)]
    pub(super) on_host_failure: OnHostFailure,
    /// What is done about hosts that do not answer.
    pub(super) unreachable: Option<RawUnreachable>,
    /// Stopping the line does not stop it.
    #[serde(default)]
    pub(super) hotfix: bool,
    /// Shorthand for stages that share everything but their size: `[1, "10%", "100%"]`.
    pub(super) serial: Option<Vec<RawAmount>>,
    /// Its stages, in order.
    #[serde(default)]
    pub(super) stage: Vec<RawStage>,
}

/// Where the ticket's scripts run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum TicketRuns {
    /// On every host, as part of its release.
    EveryHost,
    /// On one host.
    Once,
}

/// Failures that are no harm yet: the smaller of both.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCap {
    /// So many hosts.
    pub(super) count: Option<u32>,
    /// So many percent of the plan's hosts.
    #[schemars(range(max = 100))]
    pub(super) percent: Option<u32>,
}

/// Hosts that do not answer.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawUnreachable {
    /// Go on without them, and list them at the end.
    pub(super) defer: bool,
    /// How many of the plan's hosts may be away for that.
    pub(super) budget: RawAmount,
    /// How long they are waited for once every stage is past; default: not at all.
    pub(super) wait: Option<Span>,
}

/// A group of hosts, and what must be true before the next one.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStage {
    /// Its name.
    #[schemars(with = "String")]
    pub(super) id: StageId,
    /// Its hosts: exactly one of `labels`, `list`, `share`.
    pub(super) hosts: RawHosts,
    /// How many are worked on at once; default: 1.
    pub(super) parallel: Option<RawAmount>,
    /// How long it is watched after its last host; default: not at all.
    pub(super) bake: Option<Span>,
    /// How long it may go without progress before the plan counts as stuck; default: 30m.
    pub(super) deadline: Option<Span>,
    /// One zone after the other.
    #[serde(default)]
    pub(super) per_zone: bool,
    /// What must be true before the next stage.
    #[serde(default)]
    pub(super) gates: Vec<RawGate>,
}

/// Which hosts. None of them is in an earlier stage.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHosts {
    /// Hosts that have all of these labels.
    pub(super) labels: Option<BTreeMap<String, String>>,
    /// These hosts.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) list: Option<Vec<HostName>>,
    /// As many as make this share of the whole fleet, earlier stages counted in.
    pub(super) share: Option<RawAmount>,
}

/// A rule between stages.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGate {
    /// What is asked.
    pub(super) kind: RawGateKind,
    /// Of `hosts-verified`: percent that must be active.
    pub(super) min: Option<RawAmount>,
    /// Of `http` and `prometheus`: address.
    pub(super) url: Option<String>,
    /// Of `http`: status; default: 200.
    #[schemars(range(min = 100, max = 599))]
    pub(super) status: Option<u16>,
    /// Of `command`: program and arguments.
    pub(super) run: Option<CommandLine>,
    /// Of `time-soak`: how long.
    #[serde(rename = "for")]
    pub(super) span: Option<Span>,
    /// Whether its failing is harm; default: it is.
    pub(super) critical: Option<bool>,
    /// How often in a row it may be inconclusive before the plan counts as stuck; default: 3.
    pub(super) inconclusive: Option<u32>,
    /// Of `prometheus`: what is asked, in its own language.
    pub(super) query: Option<String>,
    /// Of `prometheus`: what every value must be below.
    pub(super) below: Option<f64>,
    /// Of `prometheus`: how far back; default: the values of now.
    pub(super) window: Option<Span>,
}

/// What a gate asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawGateKind {
    /// Enough hosts of the stage are active.
    HostsVerified,
    /// An address answers with a status.
    Http,
    /// What is measured is below a limit.
    Prometheus,
    /// A program ends with 0.
    Command,
    /// Time passes.
    TimeSoak,
    /// A person approves.
    Manual,
}

/// Hosts of a fleet.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "fleet.toml")]
pub(super) struct RawFleet {
    /// Hosts, by the name they are given here.
    #[schemars(with = "BTreeMap<String, RawHost>")]
    pub(super) hosts: BTreeMap<HostName, RawHost>,
    /// Where tags are looked up that a plan names: a URL, or a path from the folder of this file; default: the git repository
    /// that this file lies in.
    pub(super) repository: Option<String>,
    /// Calendar rules: while one holds no plan begins anything new; taking back goes on.
    #[serde(default)]
    pub(super) freeze: Vec<RawFreeze>,
    /// Where rollouts are remembered; default: in `.asd/workspace/rollouts.sqlite` beside this file.
    pub(super) ledger: Option<RawLedger>,
}

/// Where rollouts are remembered.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawLedger {
    /// On etcd, for coordinators on more than one machine.
    pub(super) etcd: RawEtcd,
}

/// A ledger on etcd. Files are looked for from the folder of `fleet.toml`.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEtcd {
    /// Its members, each as `https://HOST:PORT`; `http://` only on this machine.
    pub(super) endpoints: Vec<String>,
    /// File with the certificate of the authority that signed its members' certificates.
    pub(super) ca: Option<String>,
    /// File with our certificate. It must name no CN: the gateway refuses it otherwise.
    pub(super) cert: Option<String>,
    /// File with our certificate's key.
    pub(super) key: Option<String>,
    /// User that we are.
    pub(super) user: Option<String>,
    /// File with that user's password.
    pub(super) password_file: Option<String>,
    /// What every key begins with; default: `holdpoint/`.
    pub(super) prefix: Option<String>,
}

/// What `holdpoint agent` reads on its host.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "agent.toml")]
pub(super) struct RawAgent {
    /// This host, by its name in `fleet.toml`.
    #[schemars(with = "String")]
    pub(super) host: HostName,
    /// Its project folder, as `fleet.toml` has it.
    pub(super) folder: String,
    /// Where its orders stand; files are looked for from the folder of this file.
    pub(super) ledger: RawLedger,
}

/// A host.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHost {
    /// How it is reached: `local`, `ssh`, or `agent`, which needs a ledger on etcd.
    pub(super) transport: RawTransport,
    /// Of `ssh`: what `ssh` is given, for example `deploy@web1` or a name of `~/.ssh/config`; default: the host's name here.
    pub(super) address: Option<String>,
    /// Its project folder there.
    pub(super) folder: String,
    /// Of `ssh`: the program there; default: `holdpoint`.
    pub(super) program: Option<String>,
    /// What stages choose by.
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    /// What fails together.
    pub(super) zone: Option<String>,
}

/// How a host is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawTransport {
    /// Another project folder on this machine.
    Local,
    /// Over ssh.
    Ssh,
    /// By `holdpoint agent` on that host, which watches the ledger on etcd.
    Agent,
}

/// So many, or a share such as `"10%"`.
#[derive(Debug, Clone, Copy)]
pub(super) struct RawAmount(pub(super) Amount);

impl<'de> Deserialize<'de> for RawAmount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(AmountVisitor)
    }
}

struct AmountVisitor;

impl Visitor<'_> for AmountVisitor {
    type Value = RawAmount;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a whole number from 1 up, or a share such as `\"10%\"`")
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<RawAmount, E> {
        let count = u32::try_from(count).ok().filter(|count| *count > 0);
        count.map(|count| RawAmount(Amount::Count(count))).ok_or_else(|| {
            E::custom("is no number of hosts: write a whole number from 1 up, or a share such as `\"10%\"`")
        })
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawAmount, E> {
        let share = text.strip_suffix('%').and_then(|share| share.trim().parse::<u32>().ok());
        share.filter(|share| (1..=100).contains(share)).map(|share| RawAmount(Amount::Percent(share))).ok_or_else(
            || {
                let given: String = text.chars().take(40).flat_map(char::escape_debug).collect();
                E::custom(format!(
                    "is `{given}`: write a share from `\"1%\"` to `\"100%\"`, or a whole number without quotes"
                ))
            },
        )
    }
}

impl JsonSchema for RawAmount {
    fn schema_name() -> Cow<'static, str> {
        "Amount".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "So many, or a share in percent.",
            "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "^(100|[1-9][0-9]?)%$" }]
        })
    }
}
