//! Rollouts as they stand in the ledger: `plan/ID`, `state/ID`, `status/ID/HOST`, `rest/ID`, `desired/HOST`, `exclude/HOST`,
//! `line`, `leader/ID`, `audit/ID/…`, `audit-fleet/…`. State, audit, hosts and what they are told change in one commit.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::ledger::{Committed, Expect, Item, Ledger, LedgerError, Op};
use crate::decide::rollout::{Commit, Hosts, is_driven};
use crate::model::arrange::Arrange;
use crate::model::gather::Gather;
use crate::model::id::IdError;
use crate::model::rollout::{
    AuditRecord, AuditRow, Desired, Exclusion, HostName, HostRow, Line, PlanId, RolloutPlan, RolloutState,
};

/// Why a rollout could not be read, written or driven.
#[derive(Debug, Error)]
pub enum FleetError {
    /// The ledger gave no answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// There is no such plan.
    #[error("plan-not-found: there is no plan `{plan_id}`")]
    NoPlan {
        /// Its id.
        plan_id: PlanId,
    },
    /// A record cannot be read.
    #[error("`{key}` in the ledger cannot be read: {why}")]
    Damaged {
        /// Its key.
        key: String,
        /// Why.
        why: String,
    },
    /// Somebody else drives it.
    #[error("{plan_id} is driven by {by}")]
    Driven {
        /// The plan.
        plan_id: PlanId,
        /// Who drives it.
        by: String,
    },
    /// Somebody else took over.
    #[error(
        "fence-lost: our lease ended, and somebody else may drive {plan_id} by now; nothing more was written from here"
    )]
    FenceLost {
        /// The plan.
        plan_id: PlanId,
    },
    /// Others kept changing it.
    #[error("revision-conflict: {plan_id} is changed by others all the time")]
    Conflict {
        /// The plan.
        plan_id: PlanId,
    },
    /// There is no room for what connections need.
    #[error(transparent)]
    File(#[from] crate::sys::FileError),
}

/// A plan and all that is known of it.
#[derive(Debug, Clone)]
pub struct Rollout {
    /// The plan.
    pub plan: RolloutPlan,
    /// Where it stands.
    pub state: RolloutState,
    /// Revision of the state: every commit changes it.
    pub state_rev: u64,
    /// Its hosts, and what they were told last, by whichever plan.
    pub hosts: Hosts,
    /// Revision of each of these words.
    pub told_at: BTreeMap<HostName, u64>,
    /// Hosts of its last commit that are not in their own places yet; `hosts` has them.
    pub rest: Option<Rest>,
    /// Who drives it.
    pub leader: Option<String>,
    /// Revision that all of this was read at.
    pub rev: u64,
}

/// Hosts that were too many for the commit that changed them: they count from it on, and are put in their places after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    rev: u64,
    rows: BTreeMap<HostName, HostRow>,
}

/// Key of the stopped line.
pub const LINE: &str = "line";

/// What the keys of the records begin with that are about no single plan.
const FLEET_AUDIT: &str = "audit-fleet/";

/// What the keys of the words to hosts begin with.
const DESIRED: &str = "desired/";

fn plan_key(plan: &PlanId) -> String {
    format!("plan/{plan}")
}

/// What the keys of states begin with, and those of who drives.
const STATE: &str = "state/";
const LEADER: &str = "leader/";

fn state_key(plan: &PlanId) -> String {
    format!("{STATE}{plan}")
}

pub(super) fn leader_key(plan: &PlanId) -> String {
    format!("{LEADER}{plan}")
}

fn status_prefix(plan: &PlanId) -> String {
    format!("status/{plan}/")
}

fn rest_key(plan: &PlanId) -> String {
    format!("rest/{plan}")
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, FleetError> {
    serde_json::from_str(&item.value)
        .map_err(|error| FleetError::Damaged { key: item.key.clone(), why: error.to_string() })
}

fn text(value: &impl Serialize) -> String {
    // Our own records hold nothing that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

fn one(ledger: &dyn Ledger, key: &str) -> Result<Option<Item>, FleetError> {
    Ok(ledger.range(key)?.items.into_iter().find(|item| item.key == key))
}

fn by_host<T: DeserializeOwned>(
    ledger: &dyn Ledger,
    prefix: &str,
) -> Result<BTreeMap<HostName, T>, FleetError> {
    ledger.range(prefix)?.items.iter().map(|item| Ok((name_in(item, prefix)?, read(item)?))).try_gather()
}

fn name_in(item: &Item, prefix: &str) -> Result<HostName, FleetError> {
    let name = item.key[prefix.len()..].parse::<HostName>();
    name.map_err(|error| FleetError::Damaged { key: item.key.clone(), why: error.to_string() })
}

/// A plan with everything that is known of it.
///
/// # Errors
/// [`FleetError::NoPlan`], [`FleetError::Damaged`], [`FleetError::Ledger`].
pub fn load(ledger: &dyn Ledger, plan_id: &PlanId) -> Result<Rollout, FleetError> {
    let no_plan = || FleetError::NoPlan { plan_id: plan_id.clone() };
    // The state's revision is read first: what is read later is at least as new, and a commit compares with it.
    let found = ledger.range(&state_key(plan_id))?;
    let state = found.items.into_iter().find(|item| item.key == state_key(plan_id)).ok_or_else(no_plan)?;
    let plan: RolloutPlan = read(&one(ledger, &plan_key(plan_id))?.ok_or_else(no_plan)?)?;
    // Before the hosts: whoever puts them in their places takes this away last.
    let rest = match one(ledger, &rest_key(plan_id))? {
        Some(item) => Some(Rest { rev: item.mod_rev, rows: read(&item)? }),
        None => None,
    };
    let mut rows: BTreeMap<HostName, HostRow> = by_host(ledger, &status_prefix(plan_id))?;
    rows.extend(rest.iter().flat_map(|rest| rest.rows.clone()));
    let leader = one(ledger, &leader_key(plan_id))?.map(|item| item.value);
    // Not the revision of the state: what is that old may be compacted, and could not be watched from.
    let rev = found.rev;
    let (words, told_at) = words(ledger, &plan)?;
    let hosts = Hosts::new(&plan, rows, words);
    let (state, state_rev) = (read(&state)?, state.mod_rev);
    Ok(Rollout { plan, state, state_rev, hosts, told_at, rest, leader, rev })
}

/// Looks anew at what its hosts were told last, by whichever plan.
///
/// # Errors
/// As [`load`].
pub fn look_whose(ledger: &dyn Ledger, rollout: &mut Rollout) -> Result<(), FleetError> {
    let (words, told_at) = words(ledger, &rollout.plan)?;
    rollout.hosts.take_words(words);
    rollout.told_at = told_at;
    Ok(())
}

type Words = (BTreeMap<HostName, Desired>, BTreeMap<HostName, u64>);

/// What the hosts of a plan were told last, and at which revision.
fn words(ledger: &dyn Ledger, plan: &RolloutPlan) -> Result<Words, FleetError> {
    let (mut words, mut told_at) = (BTreeMap::new(), BTreeMap::new());
    for item in ledger.range(DESIRED)?.items {
        let host = name_in(&item, DESIRED)?;
        if plan.hosts.contains_key(&host) {
            words.insert(host.clone(), read(&item)?);
            told_at.insert(host, item.mod_rev);
        }
    }
    Ok((words, told_at))
}

/// Every plan's id, oldest first.
///
/// # Errors
/// As [`load`].
pub fn plans(ledger: &dyn Ledger) -> Result<Vec<PlanId>, FleetError> {
    let mut items = ledger.range("plan/")?.items;
    items.arrange_by_key(|item| item.create_rev);
    items.iter().map(|item| Ok(read::<RolloutPlan>(item)?.plan_id)).collect()
}

/// The plans that somebody has to drive and that nobody drives, by two reads however many hosts and plans there are.
///
/// # Errors
/// As [`load`].
pub fn left(ledger: &dyn Ledger) -> Result<Vec<PlanId>, FleetError> {
    let (states, leaders) = (ledger.range(STATE)?.items, ledger.range(LEADER)?.items);
    let driven: BTreeSet<&str> = leaders.iter().map(|item| &item.key[LEADER.len()..]).gather();
    let mut left = Vec::new();
    for item in &states {
        let name = &item.key[STATE.len()..];
        if is_driven(read::<RolloutState>(item)?.phase) && !driven.contains(name) {
            let damaged =
                |error: IdError| FleetError::Damaged { key: item.key.clone(), why: error.to_string() };
            left.push(name.parse().map_err(damaged)?);
        }
    }
    Ok(left)
}

/// Keeps a new plan. False: the very plan is there already.
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn create(ledger: &dyn Ledger, plan: &RolloutPlan, audit: &AuditRecord) -> Result<bool, FleetError> {
    let state = RolloutState::new(plan);
    let mut ops = vec![
        Op::Put(plan_key(&plan.plan_id), text(plan)),
        Op::Put(state_key(&plan.plan_id), text(&state)),
        Op::Put(format!("audit/{}/{:012}-{:04}", plan.plan_id, 0, 0), text(audit)),
    ];
    let row = text(&HostRow::new(plan.created_at));
    let key = |host: &HostName| format!("{}{host}", status_prefix(&plan.plan_id));
    let mut rows: Vec<Op> = plan.hosts.keys().map(|host| Op::Put(key(host), row.clone())).collect();
    // Rows of a plan that is not there are read by nobody: what is too much for one commit goes before it.
    while ops.len() + rows.len() > ledger.most_ops() {
        let part = rows.split_off(rows.len().saturating_sub(ledger.most_ops()));
        ledger.commit(&[Expect::Absent(plan_key(&plan.plan_id))], &part, None)?;
    }
    ops.extend(rows);
    let expect = [Expect::Absent(plan_key(&plan.plan_id))];
    Ok(matches!(ledger.commit(&expect, &ops, None)?, Committed::At(_)))
}

/// Writes what was decided, if the rollout is still the one it was decided on, and whoever writes still leads.
///
/// It is one commit. Where the ledger does not take as much, its hosts go into one value of that commit, from which they are put
/// in their places after it; and a plan that is over lets go of hosts after it. Cut off in between, the first is made good by
/// the next commit, and counts until then ([`load`]), the second by whoever wants these hosts ([`free_left`]).
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn commit(
    ledger: &dyn Ledger,
    rollout: &Rollout,
    commit: &Commit,
    fence: Option<u64>,
    (by, now): (&str, DateTime<Utc>),
) -> Result<Committed, FleetError> {
    let id = &rollout.plan.plan_id;
    let fence = fence.map(|made| Expect::Made(leader_key(id), made));
    if let Some(rest) = &rollout.rest {
        put_in_place(ledger, id, rest, fence.as_ref())?;
    }
    let guard = |state_rev| -> Vec<Expect> {
        fence.iter().cloned().chain([Expect::Rev(state_key(id), state_rev)]).collect()
    };
    let mut ops = vec![Op::Put(state_key(id), text(&commit.state))];
    for (at, note) in commit.notes.iter().enumerate() {
        let record = AuditRecord {
            at: now,
            by: by.to_owned(),
            what: note.what.to_owned(),
            about: note.about.clone(),
            reason: note.reason.clone(),
        };
        ops.push(Op::Put(format!("audit/{id}/{:012}-{at:04}", rollout.state_rev), text(&record)));
    }
    let mut expect = guard(rollout.state_rev);
    // Nobody writes past hosts that are not in their places yet: they would go back to what they were before.
    expect.push(Expect::Absent(rest_key(id)));
    let (mut free, words): (Vec<_>, Vec<_>) =
        told(rollout, commit).into_iter().partition(|(released, ..)| *released);
    let most = ledger.most_ops();
    let in_one = ops.len() + words.len() + commit.rows.len() <= most;
    if in_one {
        let row = |(host, row)| Op::Put(format!("{}{host}", status_prefix(id)), text(row));
        ops.extend(commit.rows.iter().map(row));
    } else {
        ops.push(Op::Put(rest_key(id), text(&commit.rows)));
    }
    let later = free.split_off(free.len().min(most.saturating_sub(ops.len() + words.len())));
    for (_, as_known, op) in words.into_iter().chain(free) {
        expect.push(as_known);
        ops.push(op);
    }
    let written = ledger.commit(&expect, &ops, None)?;
    let Committed::At(rev) = written else { return Ok(written) };
    // It is decided and acknowledged. What fails from here on is made good by whoever comes next.
    if !in_one {
        let _ = put_in_place(ledger, id, &Rest { rev, rows: commit.rows.clone() }, fence.as_ref());
    }
    for part in later.chunks(most) {
        let (known, ops): (Vec<Expect>, Vec<Op>) =
            part.iter().map(|(_, known, op)| (known.clone(), op.clone())).unzip();
        if ledger.commit(&[guard(rev), known].concat(), &ops, None).is_err() {
            break;
        }
    }
    Ok(written)
}

/// Puts hosts in their places. Nothing else is written of a rollout before all of them are there; who is too late for that
/// writes nothing.
fn put_in_place(
    ledger: &dyn Ledger,
    id: &PlanId,
    rest: &Rest,
    fence: Option<&Expect>,
) -> Result<(), FleetError> {
    let key = rest_key(id);
    let expect: Vec<Expect> =
        fence.cloned().into_iter().chain([Expect::Rev(key.clone(), rest.rev)]).collect();
    let row = |(host, row)| Op::Put(format!("{}{host}", status_prefix(id)), text(row));
    let ops: Vec<Op> = rest.rows.iter().map(row).chain([Op::Delete(key)]).collect();
    for part in ops.chunks(ledger.most_ops()) {
        if let Committed::Conflict(_) = ledger.commit(&expect, part, None)? {
            break;
        }
    }
    Ok(())
}

/// What hosts are told: whether that is that they are let go of, what has to stand there before, and the word. Of two plans
/// that offer to one host at the same moment the second finds the first one's word there.
fn told(rollout: &Rollout, commit: &Commit) -> Vec<(bool, Expect, Op)> {
    let id = &rollout.plan.plan_id;
    // A host that another plan has is that plan's; so is one that it has let go of, for whoever only lets go.
    let mine = |host: &HostName, desired: &Desired| {
        let known = rollout.hosts.desired().get(host);
        known.is_none_or(|known| known.plan_id == *id || (known.released && !desired.released))
    };
    let word = |(host, desired): (&HostName, &Desired)| {
        let key = format!("{DESIRED}{host}");
        let expect = match rollout.told_at.get(host) {
            None => Expect::Absent(key.clone()),
            Some(rev) => Expect::Rev(key.clone(), *rev),
        };
        (desired.released, expect, Op::Put(key, text(desired)))
    };
    commit.desired.iter().filter(|(host, desired)| mine(host, desired)).map(word).collect()
}

/// Lets go of hosts that plans which are over still hold: whoever ended them was cut off in the middle.
///
/// # Errors
/// As [`load`].
pub fn free_left(ledger: &dyn Ledger, rollout: &Rollout) -> Result<(), FleetError> {
    let is_theirs = |word: &Desired| !word.released && word.plan_id != rollout.plan.plan_id;
    let held = || rollout.hosts.desired().iter().filter(|(_, word)| is_theirs(word));
    let mut over = BTreeSet::new();
    for plan in held().map(|(_, word)| &word.plan_id).gather::<BTreeSet<_>>() {
        if let Some(state) = one(ledger, &state_key(plan))?
            && read::<RolloutState>(&state)?.phase.is_terminal()
        {
            over.insert(plan);
        }
    }
    // Many at once: a lease does not last for thousands of commits.
    let free = held().filter(|(_, word)| over.contains(&word.plan_id)).filter_map(|(host, word)| {
        let key = format!("{DESIRED}{host}");
        let free = Desired { released: true, ..word.clone() };
        Some((Expect::Rev(key.clone(), *rollout.told_at.get(host)?), Op::Put(key, text(&free))))
    });
    let free: Vec<(Expect, Op)> = free.collect();
    for part in free.chunks(ledger.most_ops()) {
        let (expect, ops): (Vec<Expect>, Vec<Op>) = part.iter().cloned().unzip();
        // Where somebody was quicker, the next look finds the rest.
        ledger.commit(&expect, &ops, None)?;
    }
    Ok(())
}

/// The last records of a plan's audit, oldest first.
///
/// # Errors
/// As [`load`].
pub fn audit(ledger: &dyn Ledger, plan: &PlanId) -> Result<Vec<AuditRecord>, FleetError> {
    ledger.range(&format!("audit/{plan}/"))?.items.iter().map(read).collect()
}

/// The last records of one plan's audit or of every plan's, newest first, at most so many.
///
/// # Errors
/// [`FleetError::NoPlan`] for one that is not there; else as [`load`].
pub fn audits(ledger: &dyn Ledger, plan: Option<&PlanId>, limit: usize) -> Result<Vec<AuditRow>, FleetError> {
    let mut items = match plan {
        None => [ledger.range("audit/")?.items, ledger.range(FLEET_AUDIT)?.items].concat(),
        Some(plan) => ledger.range(&format!("audit/{plan}/"))?.items,
    };
    if let Some(plan) = plan.filter(|_| items.is_empty()) {
        return Err(FleetError::NoPlan { plan_id: plan.clone() });
    }
    // A revision is given once in a ledger, whichever plan it is about; the records of one commit stand in the order of their keys.
    items.arrange_by(|a, b| (b.create_rev, &b.key).cmp(&(a.create_rev, &a.key)));
    items.truncate(limit);
    let row = |item: &Item| {
        let Some(rest) = item.key.strip_prefix("audit/") else {
            return Ok(AuditRow { plan_id: None, record: read(item)? });
        };
        let name = rest.split('/').next().unwrap_or_default();
        let damaged = |why: String| FleetError::Damaged { key: item.key.clone(), why };
        let plan_id = name.parse().map_err(|error: IdError| damaged(error.to_string()))?;
        Ok(AuditRow { plan_id: Some(plan_id), record: read(item)? })
    };
    items.iter().map(row).collect()
}

/// Hosts that are taken out at this moment.
///
/// # Errors
/// As [`load`].
pub fn exclusions(
    ledger: &dyn Ledger,
    now: DateTime<Utc>,
) -> Result<BTreeMap<HostName, Exclusion>, FleetError> {
    let mut all: BTreeMap<HostName, Exclusion> = by_host(ledger, "exclude/")?;
    all.retain(|_, exclusion| exclusion.until > now);
    Ok(all)
}

/// Takes a host out, or brings it back; and says so in the audit.
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn exclude(
    ledger: &dyn Ledger,
    host: &HostName,
    exclusion: Option<&Exclusion>,
    audit: &AuditRecord,
) -> Result<(), FleetError> {
    let key = format!("exclude/{host}");
    let op = exclusion.map_or_else(|| Op::Delete(key.clone()), |found| Op::Put(key.clone(), text(found)));
    done_to_the_fleet(ledger, op, audit)
}

/// Does something to the fleet, and records it in the same commit.
fn done_to_the_fleet(ledger: &dyn Ledger, op: Op, audit: &AuditRecord) -> Result<(), FleetError> {
    let (ops, mut at) = ([op], audit.at.timestamp_micros());
    loop {
        let key = format!("{FLEET_AUDIT}{at:020}");
        let record = Op::Put(key.clone(), text(audit));
        let written = ledger.commit(&[Expect::Absent(key)], &[&ops[..], &[record]].concat(), None)?;
        if let Committed::At(_) = written {
            return Ok(());
        }
        // Somebody else did something in the very same microsecond.
        at += 1;
    }
}

/// The stopped line, where it is.
///
/// # Errors
/// As [`load`].
pub fn line(ledger: &dyn Ledger) -> Result<Option<Line>, FleetError> {
    one(ledger, LINE)?.as_ref().map(read).transpose()
}

/// Stops the line, or lets it go; and says so in the audit.
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn set_line(ledger: &dyn Ledger, line: Option<&Line>, audit: &AuditRecord) -> Result<(), FleetError> {
    let op = line.map_or_else(|| Op::Delete(LINE.to_owned()), |line| Op::Put(LINE.to_owned(), text(line)));
    done_to_the_fleet(ledger, op, audit)
}

/// Takes the lead of a plan under a lease: the revision that made the key is the fence.
///
/// # Errors
/// [`FleetError::Driven`] when somebody has it.
pub fn lead(ledger: &dyn Ledger, plan: &PlanId, by: &str, lease: u64) -> Result<u64, FleetError> {
    let key = leader_key(plan);
    let ops = [Op::Put(key.clone(), by.to_owned())];
    match ledger.commit(&[Expect::Absent(key.clone())], &ops, Some(lease))? {
        Committed::At(rev) => Ok(rev),
        Committed::Conflict(_) => {
            let by = one(ledger, &key)?.map_or_else(|| "somebody".to_owned(), |item| item.value);
            Err(FleetError::Driven { plan_id: plan.clone(), by })
        }
    }
}
