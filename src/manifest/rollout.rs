//! A rollout plan: checked, `serial` written out, and every host of every stage chosen from the inventory.

use std::collections::{BTreeMap, BTreeSet};

use super::check::{command, http_status, label, longer_than_nothing, shown, url};
use super::error::ManifestError;
use super::raw_rollout::{
    RawAmount, RawGate, RawGateKind, RawHosts, RawPlan, RawStage, RawUnreachable, TicketRuns,
};
use super::settings::SourceFile;
use super::spot::Spot;
use super::text::nearest;
use super::toml_text::TomlDocument;
use crate::model::gather::Gather;
use crate::model::id::{Oid, TicketId};
use crate::model::quantity::Span;
use crate::model::rollout::{
    Amount, FailureCap, Gate, GateKind, HostName, HostSpec, Inventory, Limit, OnHarm, OnHostFailure,
    Reintroduce, StageId, StagePlan, Unreachable,
};

/// Name of the schema that lists the keys.
const SCHEMA: &str = "rollout";

/// How often a gate may be inconclusive in a row, by default.
const INCONCLUSIVE: u32 = 3;

/// A plan as its author wrote it, every host chosen: all of a rollout but its id and who made it.
#[derive(Debug, Clone, PartialEq)]
pub struct Draft {
    /// What people call it.
    pub name: String,
    /// Ticket.
    pub ticket: TicketId,
    /// Commit, or what has to be looked up once.
    pub reference: Reference,
    /// What happens once it does harm.
    pub on_harm: OnHarm,
    /// Whether a rollback restores data.
    pub rollback_data: bool,
    /// The one host on which the ticket's scripts run; none: on each.
    pub ticket_host: Option<HostName>,
    /// What was taken back and comes back with it.
    pub reintroduce: Option<Reintroduce>,
    /// Failures that are no harm yet.
    pub max_failures: FailureCap,
    /// What a host does with its own failed release.
    pub on_host_failure: OnHostFailure,
    /// Hosts that do not answer.
    pub unreachable: Unreachable,
    /// Stopping the line does not stop it.
    pub hotfix: bool,
    /// Stages.
    pub stages: Vec<StagePlan>,
    /// The hosts of all stages.
    pub hosts: BTreeMap<HostName, HostSpec>,
}

/// What `ref` names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// A commit.
    Commit(Oid),
    /// A tag, unless the repository says otherwise.
    Tag(String),
}

/// The tag nearest to what was written, when it is near enough to be a slip.
pub fn near_tag<'a>(given: &str, tags: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    nearest(given, tags)
}

/// Reads a plan for this fleet.
///
/// # Errors
/// The first [`ManifestError`] met, with its place.
pub fn draft(file: &SourceFile, fleet: &Inventory) -> Result<Draft, ManifestError> {
    let document = TomlDocument::parse_as(file, SCHEMA)?;
    let raw: RawPlan = document.read()?;
    let top = Spot::top(&document);
    let ticket_host = ticket_host(&top, &raw, fleet)?;
    let mut stages = stages(&top, &raw, fleet)?;
    if let Some(host) = &ticket_host {
        stages = ticket_first(&top.key("ticket_host"), stages, host)?;
    }
    let chosen: BTreeSet<&HostName> = stages.iter().flat_map(|stage| &stage.hosts).gather();
    let hosts = fleet.hosts.iter().filter(|(name, _)| chosen.contains(name));
    Ok(Draft {
        name: label(&top.key("name"), &raw.name)?,
        ticket: raw.ticket.clone(),
        reference: reference(&top.key("ref"), &raw.commit)?,
        on_harm: raw.on_harm,
        rollback_data: raw.rollback_data,
        ticket_host,
        reintroduce: reintroduced(&top.key("reintroduce"), &raw)?,
        max_failures: cap(&top.key("max_failures"), &raw)?,
        on_host_failure: raw.on_host_failure,
        unreachable: unreachable(&top.key("unreachable"), raw.unreachable.as_ref())?,
        hotfix: raw.hotfix,
        hosts: hosts.map(|(name, spec)| (name.clone(), spec.clone())).gather(),
        stages,
    })
}

/// The host on which the ticket's scripts run, where they run on one alone.
fn ticket_host(top: &Spot<'_>, raw: &RawPlan, fleet: &Inventory) -> Result<Option<HostName>, ManifestError> {
    let spot = top.key("ticket_host");
    match (raw.ticket_runs, &raw.ticket_host) {
        (Some(TicketRuns::EveryHost), None) => Ok(None),
        (Some(TicketRuns::EveryHost), Some(_)) => {
            Err(spot.rule("stands beside `ticket_runs = \"every-host\"`: write `\"once\"` there, or take it out"))
        }
        (Some(TicketRuns::Once), None) => {
            Err(top.key("ticket_runs").rule("is `once`: name the one host, `ticket_host = \"NAME\"`"))
        }
        (Some(TicketRuns::Once), Some(host)) => {
            is_known(&spot, host, fleet)?;
            Ok(Some(host.clone()))
        }
        (None, _) => Err(top.rule(
            "`ticket_runs` is missing: write `ticket_runs = \"every-host\"` when the ticket's scripts, if it has any, \
             may run on each host, or `\"once\"` with a `ticket_host`",
        )),
    }
}

/// The tickets that come back, and why: each host records it as a person's own word.
fn reintroduced(spot: &Spot<'_>, raw: &RawPlan) -> Result<Option<Reintroduce>, ManifestError> {
    let Some(wanted) = &raw.reintroduce else { return Ok(None) };
    if wanted.tickets.is_empty() {
        return Err(spot.key("tickets").rule("names none: write those that were taken back, or take it out"));
    }
    if wanted.tickets.contains(&raw.ticket) {
        return Err(spot
            .key("tickets")
            .rule("names the ticket of the plan, which may come back anyway: name others"));
    }
    let reason = &wanted.reason;
    if reason.trim().is_empty() || reason.chars().any(char::is_control) || reason.len() > 500 {
        let why = "should be one line of 1 to 500 characters: write why they may come back";
        return Err(spot.key("reason").rule(why));
    }
    Ok(Some(wanted.clone()))
}

/// A stage of its own for the one host on which the ticket's scripts run, before all others.
fn ticket_first(
    spot: &Spot<'_>,
    mut stages: Vec<StagePlan>,
    host: &HostName,
) -> Result<Vec<StagePlan>, ManifestError> {
    for stage in &mut stages {
        stage.hosts.retain(|one| one != host);
        if stage.hosts.is_empty() && (!stage.gates.is_empty() || !stage.bake.0.is_zero()) {
            return Err(spot.rule(format!(
                "is the only host of stage `{}`, whose gates would then be asked of nobody: give that stage another host, \
                 or name another one here",
                stage.id
            )));
        }
    }
    stages.retain(|stage| !stage.hosts.is_empty());
    let is_taken = |id: &str| stages.iter().any(|stage| stage.id.as_str() == id);
    let numbered = (2..).map(|number| format!("ticket-{number}"));
    let id =
        std::iter::once("ticket".to_owned()).chain(numbered).find(|id| !is_taken(id)).unwrap_or_default();
    let gate =
        Gate { kind: GateKind::HostsVerified { min: 100 }, critical: true, inconclusive: INCONCLUSIVE };
    let first = StagePlan {
        id: id.parse().map_err(|error: crate::model::id::IdError| spot.rule(error.to_string()))?,
        hosts: vec![host.clone()],
        parallel: Amount::Count(1),
        bake: Span::secs(0),
        deadline: None,
        per_zone: false,
        gates: vec![gate],
    };
    stages.insert(0, first);
    Ok(stages)
}

fn reference(spot: &Spot<'_>, text: &str) -> Result<Reference, ManifestError> {
    if let Ok(oid) = text.parse() {
        return Ok(Reference::Commit(oid));
    }
    let name = text.strip_prefix("refs/tags/").unwrap_or(text);
    // What git takes for the name of a ref, and nothing that it takes for a pattern or a revision.
    let good = |c: char| !c.is_whitespace() && !c.is_control() && !"~^:?*[\\".contains(c);
    let part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && part.strip_suffix(".lock").is_none();
    let whole = name.len() <= 200 && name.chars().all(good) && name.split('/').all(part);
    if !whole || name.starts_with('-') || name.ends_with('.') || name.contains("..") || name.contains("@{") {
        return Err(spot.rule(format!(
            "is `{}`: write the whole object id of the commit, as `git rev-parse v2.6^{{commit}}` prints it, or the name of a tag",
            shown(text)
        )));
    }
    if name.starts_with("refs/") {
        return Err(spot.rule(format!("is `{}`, which is no tag: what else has a name moves", shown(text))));
    }
    Ok(Reference::Tag(name.to_owned()))
}

fn cap(spot: &Spot<'_>, raw: &RawPlan) -> Result<FailureCap, ManifestError> {
    let Some(raw) = &raw.max_failures else { return Ok(FailureCap::default()) };
    if raw.count.is_none() && raw.percent.is_none() {
        return Err(spot.rule("says no number: write `count`, `percent` or both"));
    }
    if raw.percent.is_some_and(|share| share > 100) {
        return Err(spot.key("percent").rule("is more than all: write 0 to 100"));
    }
    Ok(FailureCap { count: raw.count, percent: raw.percent })
}

fn unreachable(spot: &Spot<'_>, raw: Option<&RawUnreachable>) -> Result<Unreachable, ManifestError> {
    let Some(raw) = raw else { return Ok(Unreachable::default()) };
    if raw.wait.is_some() && !raw.defer {
        return Err(spot.key("wait").rule(
            "stands beside `defer = false`, with which no stage goes on without them: write `defer = true`, or take it out",
        ));
    }
    let wait = raw.wait.map(|wait| longer_than_nothing(&spot.key("wait"), wait)).transpose()?;
    Ok(Unreachable { defer: raw.defer, budget: raw.budget.0, wait })
}

fn stages(top: &Spot<'_>, raw: &RawPlan, fleet: &Inventory) -> Result<Vec<StagePlan>, ManifestError> {
    let mut taken = BTreeSet::new();
    let mut stages = match (&raw.serial, &raw.stage[..]) {
        (Some(_), [_, ..]) => {
            return Err(top.key("serial").rule("stands beside `[[stage]]`: write one of the two"));
        }
        (None, []) => {
            return Err(
                top.rule("the plan has no stage: write `[[stage]]`, or `serial = [1, \"10%\", \"100%\"]`")
            );
        }
        (Some(sizes), []) => serial(&top.key("serial"), sizes, fleet, &mut taken)?,
        (None, written) => {
            let mut stages: Vec<StagePlan> = Vec::new();
            for (at, raw) in written.iter().enumerate() {
                let spot = top.key("stage").item(at);
                if stages.iter().any(|stage| stage.id == raw.id) {
                    return Err(spot
                        .key("id")
                        .rule(format!("is `{}` twice: give each stage a name of its own", raw.id)));
                }
                stages.push(stage(&spot, raw, fleet, &mut taken)?);
            }
            stages
        }
    };
    stages.retain(|stage| !stage.hosts.is_empty());
    Ok(stages)
}

/// Each size is a stage: a number is so many more hosts, a share reaches that share of the fleet.
fn serial(
    spot: &Spot<'_>,
    sizes: &[RawAmount],
    fleet: &Inventory,
    taken: &mut BTreeSet<HostName>,
) -> Result<Vec<StagePlan>, ManifestError> {
    let mut stages = Vec::new();
    for (at, size) in sizes.iter().enumerate() {
        let wanted = match size.0 {
            Amount::Count(_) => size.0.of(fleet.hosts.len()),
            Amount::Percent(_) => size.0.of(fleet.hosts.len()).saturating_sub(taken.len()),
        };
        let hosts = next(fleet, wanted, taken);
        if hosts.is_empty() {
            return Err(spot
                .item(at)
                .rule("adds no host to the stages before it: write a larger number, or take it out"));
        }
        let id = format!("stage-{:02}", at + 1);
        let id = id.parse::<StageId>().map_err(|error| spot.rule(error.to_string()))?;
        let parallel = Amount::Count(u32::try_from(hosts.len()).unwrap_or(u32::MAX));
        let (bake, deadline) = (Span::secs(0), None);
        stages.push(StagePlan { id, hosts, parallel, bake, deadline, per_zone: false, gates: Vec::new() });
    }
    if taken.len() < fleet.hosts.len() {
        let left = fleet.hosts.len() - taken.len();
        return Err(spot.rule(format!("leaves {left} of the fleet's hosts out: end it with `\"100%\"`")));
    }
    Ok(stages)
}

/// The next hosts that no earlier stage has, by name.
fn next(fleet: &Inventory, wanted: usize, taken: &mut BTreeSet<HostName>) -> Vec<HostName> {
    let free = fleet.hosts.keys().filter(|host| !taken.contains(host));
    let hosts: Vec<HostName> = free.take(wanted).cloned().collect();
    taken.extend(hosts.iter().cloned());
    hosts
}

fn stage(
    spot: &Spot<'_>,
    raw: &RawStage,
    fleet: &Inventory,
    taken: &mut BTreeSet<HostName>,
) -> Result<StagePlan, ManifestError> {
    let hosts = chosen(&spot.key("hosts"), &raw.hosts, fleet, taken)?;
    let mut gates = Vec::new();
    for (at, raw) in raw.gates.iter().enumerate() {
        gates.push(gate(&spot.key("gates").item(at), raw)?);
    }
    Ok(StagePlan {
        id: raw.id.clone(),
        hosts,
        parallel: raw.parallel.map_or(Amount::Count(1), |amount| amount.0),
        bake: raw.bake.unwrap_or(Span::secs(0)),
        deadline: raw.deadline.map(|span| longer_than_nothing(&spot.key("deadline"), span)).transpose()?,
        per_zone: raw.per_zone,
        gates,
    })
}

fn chosen(
    spot: &Spot<'_>,
    raw: &RawHosts,
    fleet: &Inventory,
    taken: &mut BTreeSet<HostName>,
) -> Result<Vec<HostName>, ManifestError> {
    match (&raw.labels, &raw.list, raw.share) {
        (Some(labels), None, None) => labelled(&spot.key("labels"), labels, fleet, taken),
        (None, Some(list), None) => listed(&spot.key("list"), list, fleet, taken),
        (None, None, Some(share)) => {
            let Amount::Percent(_) = share.0 else {
                return Err(spot
                    .key("share")
                    .rule("is a number: write a share such as `\"30%\"`, or name hosts in `list`"));
            };
            let wanted = share.0.of(fleet.hosts.len()).saturating_sub(taken.len());
            let hosts = next(fleet, wanted, taken);
            if hosts.is_empty() {
                return Err(spot
                    .key("share")
                    .rule("is reached by the stages before it: write a larger share"));
            }
            Ok(hosts)
        }
        (None, None, None) => Err(spot.rule("says no hosts: write one of `labels`, `list`, `share`")),
        _ => Err(spot.rule("says its hosts in more than one way: write one of `labels`, `list`, `share`")),
    }
}

fn labelled(
    spot: &Spot<'_>,
    labels: &BTreeMap<String, String>,
    fleet: &Inventory,
    taken: &mut BTreeSet<HostName>,
) -> Result<Vec<HostName>, ManifestError> {
    let fits = |spec: &HostSpec| labels.iter().all(|(key, value)| spec.labels.get(key) == Some(value));
    let all: Vec<HostName> =
        fleet.hosts.iter().filter(|(_, spec)| fits(spec)).map(|(name, _)| name.clone()).collect();
    if labels.is_empty() || all.is_empty() {
        return Err(spot.rule("fits no host of fleet.toml: look at the labels there"));
    }
    let hosts: Vec<HostName> = all.into_iter().filter(|host| !taken.contains(host)).collect();
    if hosts.is_empty() {
        return Err(spot.rule("fits only hosts of earlier stages: take the stage out"));
    }
    taken.extend(hosts.iter().cloned());
    Ok(hosts)
}

fn listed(
    spot: &Spot<'_>,
    list: &[HostName],
    fleet: &Inventory,
    taken: &mut BTreeSet<HostName>,
) -> Result<Vec<HostName>, ManifestError> {
    for (at, host) in list.iter().enumerate() {
        let spot = spot.item(at);
        is_known(&spot, host, fleet)?;
        if !taken.insert(host.clone()) {
            return Err(
                spot.rule(format!("names `{host}`, which is in a stage already: take it out of one of them"))
            );
        }
    }
    if list.is_empty() {
        return Err(spot.rule("names no host"));
    }
    Ok(list.to_vec())
}

fn is_known(spot: &Spot<'_>, host: &HostName, fleet: &Inventory) -> Result<(), ManifestError> {
    if fleet.hosts.contains_key(host) {
        return Ok(());
    }
    let near = nearest(host.as_str(), fleet.hosts.keys().map(HostName::as_str));
    let way =
        near.map_or_else(|| "write its table there".to_owned(), |near| format!("did you mean `{near}`?"));
    Err(spot.rule(format!("names `{host}`, which is no host of fleet.toml: {way}")))
}

fn gate(spot: &Spot<'_>, raw: &RawGate) -> Result<Gate, ManifestError> {
    let kind = match raw.kind {
        RawGateKind::HostsVerified => GateKind::HostsVerified { min: share(&spot.key("min"), raw.min)? },
        RawGateKind::Http => GateKind::Http {
            url: url(&spot.key("url"), needs(spot, raw.url.as_ref(), "url")?)?,
            status: http_status(&spot.key("status"), raw.status.unwrap_or(200))?,
        },
        RawGateKind::Command => {
            GateKind::Command { run: command(&spot.key("run"), needs(spot, raw.run.as_ref(), "run")?)? }
        }
        RawGateKind::TimeSoak => GateKind::TimeSoak {
            span: longer_than_nothing(&spot.key("for"), *needs(spot, raw.span.as_ref(), "for")?)?,
        },
        RawGateKind::Manual => GateKind::Manual,
        RawGateKind::Prometheus => GateKind::Prometheus {
            url: url(&spot.key("url"), needs(spot, raw.url.as_ref(), "url")?)?,
            query: needs(spot, raw.query.as_ref(), "query")?.clone(),
            below: Limit::new(*needs(spot, raw.below.as_ref(), "below")?).ok_or_else(|| {
                spot.key("below").rule("is no number with an end: write one such as `0.05`")
            })?,
            window: raw.window.map(|window| longer_than_nothing(&spot.key("window"), window)).transpose()?,
        },
    };
    foreign(spot, raw, &kind)?;
    Ok(Gate {
        kind,
        critical: raw.critical.unwrap_or(true),
        inconclusive: raw.inconclusive.unwrap_or(INCONCLUSIVE),
    })
}

/// Refuses keys of another kind of gate: they would be read by nobody.
fn foreign(spot: &Spot<'_>, raw: &RawGate, kind: &GateKind) -> Result<(), ManifestError> {
    let given = [
        ("min", raw.min.is_some(), matches!(kind, GateKind::HostsVerified { .. })),
        ("url", raw.url.is_some(), matches!(kind, GateKind::Http { .. } | GateKind::Prometheus { .. })),
        ("status", raw.status.is_some(), matches!(kind, GateKind::Http { .. })),
        ("run", raw.run.is_some(), matches!(kind, GateKind::Command { .. })),
        ("for", raw.span.is_some(), matches!(kind, GateKind::TimeSoak { .. })),
        ("query", raw.query.is_some(), matches!(kind, GateKind::Prometheus { .. })),
        ("below", raw.below.is_some(), matches!(kind, GateKind::Prometheus { .. })),
        ("window", raw.window.is_some(), matches!(kind, GateKind::Prometheus { .. })),
    ];
    match given.iter().find(|(_, there, fits)| *there && !fits) {
        Some((key, ..)) => {
            Err(spot.key(key).rule(format!("means nothing to a gate of kind `{}`: take it out", kind.word())))
        }
        None => Ok(()),
    }
}

fn needs<'r, T: ?Sized>(spot: &Spot<'_>, given: Option<&'r T>, key: &str) -> Result<&'r T, ManifestError> {
    given.ok_or_else(|| spot.rule(format!("needs `{key}` for a gate of this kind")))
}

fn share(spot: &Spot<'_>, min: Option<RawAmount>) -> Result<u32, ManifestError> {
    match min.map(|amount| amount.0) {
        None => Ok(100),
        Some(Amount::Percent(share)) => Ok(share),
        Some(Amount::Count(_)) => Err(spot.rule("is a number: write a share such as `\"100%\"`")),
    }
}
