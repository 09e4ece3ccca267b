//! Rollouts as they stand in the ledger: `plan/ID`, `state/ID`, `status/ID/HOST`, `desired/HOST`, `exclude/HOST`,
//! `line`, `leader/ID`, `audit/ID/…`. State, audit and what hosts are told change in one commit.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::ledger::{Committed, Expect, Item, Ledger, LedgerError, Op};
use crate::decide::rollout::Commit;
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
    #[error("fence-lost: somebody else drives {plan_id} by now; nothing more was written from here")]
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
    /// Its hosts.
    pub rows: BTreeMap<HostName, HostRow>,
    /// What its hosts were told last, by whichever plan.
    pub desired: BTreeMap<HostName, Desired>,
    /// Who drives it.
    pub leader: Option<String>,
    /// Revision that all of this was read at.
    pub rev: u64,
}

/// Key of the stopped line.
pub const LINE: &str = "line";

fn plan_key(plan: &PlanId) -> String {
    format!("plan/{plan}")
}

fn state_key(plan: &PlanId) -> String {
    format!("state/{plan}")
}

pub(super) fn leader_key(plan: &PlanId) -> String {
    format!("leader/{plan}")
}

fn status_prefix(plan: &PlanId) -> String {
    format!("status/{plan}/")
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
    let mut all = BTreeMap::new();
    for item in ledger.range(prefix)?.items {
        let name = item.key[prefix.len()..].parse::<HostName>();
        let name =
            name.map_err(|error| FleetError::Damaged { key: item.key.clone(), why: error.to_string() })?;
        all.insert(name, read(&item)?);
    }
    Ok(all)
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
    let rows = by_host(ledger, &status_prefix(plan_id))?;
    let desired = desired(ledger, &plan)?;
    let leader = one(ledger, &leader_key(plan_id))?.map(|item| item.value);
    // Not the revision of the state: what is that old may be compacted, and could not be watched from.
    let rev = found.rev;
    Ok(Rollout { state: read(&state)?, state_rev: state.mod_rev, plan, rows, desired, leader, rev })
}

/// Every plan's id, oldest first.
///
/// # Errors
/// As [`load`].
pub fn plans(ledger: &dyn Ledger) -> Result<Vec<PlanId>, FleetError> {
    let mut items = ledger.range("plan/")?.items;
    items.sort_by_key(|item| item.create_rev);
    items.iter().map(|item| Ok(read::<RolloutPlan>(item)?.plan_id)).collect()
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
/// It is one commit where the ledger takes as much. Where not, rows go before the state that counts them, and hosts are let
/// go of after it: whoever finds only a part of it decides the rest anew ([`free_left`]).
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
    let guard = |state_rev| -> Vec<Expect> {
        [Expect::Rev(state_key(id), state_rev)].into_iter().chain(fence.clone()).collect()
    };
    let mut head = vec![Op::Put(state_key(id), text(&commit.state))];
    for (at, note) in commit.notes.iter().enumerate() {
        let record = AuditRecord {
            at: now,
            by: by.to_owned(),
            what: note.what.to_owned(),
            about: note.about.clone(),
            reason: note.reason.clone(),
        };
        head.push(Op::Put(format!("audit/{id}/{:012}-{at:04}", rollout.state_rev), text(&record)));
    }
    let (mut words, mut free) = (Vec::new(), Vec::new());
    match told(ledger, rollout, commit)? {
        Err(key) => return Ok(Committed::Conflict(key)),
        Ok(told) => {
            for (released, expect, op) in told {
                if released { free.push((expect, op)) } else { words.push((expect, op)) }
            }
        }
    }
    let row = |(host, row)| Op::Put(format!("{}{host}", status_prefix(id)), text(row));
    let mut rows: Vec<Op> = commit.rows.iter().map(row).collect();
    let most = ledger.most_ops();
    while head.len() + words.len() + rows.len() > most && !rows.is_empty() {
        let part = rows.split_off(rows.len().saturating_sub(most));
        if let Committed::Conflict(key) = ledger.commit(&guard(rollout.state_rev), &part, None)? {
            return Ok(Committed::Conflict(key));
        }
    }
    let later = free.split_off(free.len().min(most.saturating_sub(head.len() + words.len() + rows.len())));
    let mut expect = guard(rollout.state_rev);
    let mut ops = head;
    ops.extend(rows);
    for (as_known, op) in words.into_iter().chain(free) {
        expect.push(as_known);
        ops.push(op);
    }
    let written = ledger.commit(&expect, &ops, None)?;
    let Committed::At(rev) = written else { return Ok(written) };
    for part in later.chunks(most) {
        let (known, ops): (Vec<Expect>, Vec<Op>) = part.iter().cloned().unzip();
        ledger.commit(&[guard(rev), known].concat(), &ops, None)?;
    }
    Ok(written)
}

/// What hosts are told: whether that is that they are let go of, what has to stand there before, and the word. Or the key of
/// a host that another plan has taken meanwhile.
type Told = Result<Vec<(bool, Expect, Op)>, String>;

fn told(ledger: &dyn Ledger, rollout: &Rollout, commit: &Commit) -> Result<Told, FleetError> {
    let id = &rollout.plan.plan_id;
    if commit.desired.is_empty() {
        return Ok(Ok(Vec::new()));
    }
    // Two plans that offer to one host at the same moment: the second finds the first one's word there.
    let items = match commit.desired.keys().next() {
        Some(host) if commit.desired.len() == 1 => {
            one(ledger, &format!("desired/{host}"))?.into_iter().collect()
        }
        _ => ledger.range("desired/")?.items,
    };
    let there: BTreeMap<&str, &Item> = items.iter().map(|item| (item.key.as_str(), item)).collect();
    let mut told = Vec::new();
    for (host, desired) in &commit.desired {
        let known = rollout.desired.get(host);
        let key = format!("desired/{host}");
        let expect = match there.get(key.as_str()) {
            None => Expect::Absent(key.clone()),
            Some(item) if known == Some(&read::<Desired>(item)?) => Expect::Rev(key.clone(), item.mod_rev),
            Some(_) => return Ok(Err(key)),
        };
        // A host that another plan has is that plan's.
        if known.is_none_or(|known| known.plan_id == *id || known.released) {
            told.push((desired.released, expect, Op::Put(key, text(desired))));
        }
    }
    Ok(Ok(told))
}

/// Lets go of hosts that plans which are over still hold: whoever ended them was cut off in the middle.
///
/// # Errors
/// As [`load`].
pub fn free_left(ledger: &dyn Ledger, rollout: &Rollout) -> Result<(), FleetError> {
    let held =
        || rollout.desired.iter().filter(|(_, word)| !word.released && word.plan_id != rollout.plan.plan_id);
    let plans: BTreeSet<&PlanId> = held().map(|(_, word)| &word.plan_id).collect();
    for plan in plans {
        let Some(state) = one(ledger, &state_key(plan))? else { continue };
        if !read::<RolloutState>(&state)?.phase.is_terminal() {
            continue;
        }
        for (host, word) in held().filter(|(_, word)| word.plan_id == *plan) {
            let Some(item) = one(ledger, &format!("desired/{host}"))? else { continue };
            if read::<Desired>(&item)? == *word {
                let free = Desired { released: true, ..word.clone() };
                let expect = [Expect::Rev(item.key.clone(), item.mod_rev)];
                ledger.commit(&expect, &[Op::Put(item.key, text(&free))], None)?;
            }
        }
    }
    Ok(())
}

/// What hosts were told last, by whichever plan.
///
/// # Errors
/// As [`load`].
pub fn desired(ledger: &dyn Ledger, plan: &RolloutPlan) -> Result<BTreeMap<HostName, Desired>, FleetError> {
    let mut desired: BTreeMap<HostName, Desired> = by_host(ledger, "desired/")?;
    desired.retain(|host, _| plan.hosts.contains_key(host));
    Ok(desired)
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
    let prefix = match plan {
        None => "audit/".to_owned(),
        Some(plan) => format!("audit/{plan}/"),
    };
    let mut items = ledger.range(&prefix)?.items;
    if let Some(plan) = plan.filter(|_| items.is_empty()) {
        return Err(FleetError::NoPlan { plan_id: plan.clone() });
    }
    // A revision is given once in a ledger, whichever plan it is about; the records of one commit stand in the order of their keys.
    items.sort_by(|a, b| (b.create_rev, &b.key).cmp(&(a.create_rev, &a.key)));
    items.truncate(limit);
    let row = |item: &Item| {
        let name = item.key["audit/".len()..].split('/').next().unwrap_or_default();
        let damaged = |why: String| FleetError::Damaged { key: item.key.clone(), why };
        let plan_id = name.parse().map_err(|error: IdError| damaged(error.to_string()))?;
        Ok(AuditRow { plan_id, record: read(item)? })
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

/// Takes a host out, or brings it back.
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn exclude(
    ledger: &dyn Ledger,
    host: &HostName,
    exclusion: Option<&Exclusion>,
) -> Result<(), FleetError> {
    let key = format!("exclude/{host}");
    let op = exclusion.map_or_else(|| Op::Delete(key.clone()), |found| Op::Put(key.clone(), text(found)));
    ledger.commit(&[], &[op], None)?;
    Ok(())
}

/// The stopped line, where it is.
///
/// # Errors
/// As [`load`].
pub fn line(ledger: &dyn Ledger) -> Result<Option<Line>, FleetError> {
    one(ledger, LINE)?.as_ref().map(read).transpose()
}

/// Stops the line, or lets it go.
///
/// # Errors
/// [`FleetError::Ledger`].
pub fn set_line(ledger: &dyn Ledger, line: Option<&Line>) -> Result<(), FleetError> {
    let op = line.map_or_else(|| Op::Delete(LINE.to_owned()), |line| Op::Put(LINE.to_owned(), text(line)));
    ledger.commit(&[], &[op], None)?;
    Ok(())
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
