//! Commits of more hosts than a ledger takes at once: they count whole or not at all, wherever whoever makes them is cut off.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::coordinator::{Around, Ended, drive};
use super::ledger::members::{Etcd, lacks, ledger as on_etcd};
use super::ledger::{Committed, Expect, Ledger, LedgerError, Op, Range, SqliteLedger, Watched};
use super::records::{self, Rollout};
use super::transport::Transport;
use crate::decide::rollout::tests::{plan, stage};
use crate::decide::rollout::{Asked, Commit, act};
use crate::model::rollout::{
    Act, Amount, AuditRecord, Desired, Heard, HostAnswer, HostName, HostRow, HostSpec, HostState, Offer,
    PlanId, PlanPhase, RolloutPlan, Strategy, VerdictWord, Wish,
};
use crate::sys::clock::SystemClock;
use crate::sys::signal::Stop;

const HOSTS: usize = 250;

/// What etcd takes.
const MOST: usize = 100;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// A ledger whose line is cut after so many commits.
struct Cut<'a> {
    ledger: &'a dyn Ledger,
    left: Cell<usize>,
}

impl<'a> Cut<'a> {
    fn after(ledger: &'a dyn Ledger, commits: usize) -> Self {
        Self { ledger, left: Cell::new(commits) }
    }

    fn never(ledger: &'a dyn Ledger) -> Self {
        Self::after(ledger, usize::MAX)
    }
}

impl Ledger for Cut<'_> {
    fn most_ops(&self) -> usize {
        MOST
    }

    fn range(&self, prefix: &str) -> Result<Range, LedgerError> {
        self.ledger.range(prefix)
    }

    fn commit(&self, expect: &[Expect], ops: &[Op], lease: Option<u64>) -> Result<Committed, LedgerError> {
        assert!(ops.len() <= MOST && expect.len() <= 128, "{} writes, {} looks", ops.len(), expect.len());
        if self.left.get() == 0 {
            return Err(LedgerError::Unavailable { why: "the line is cut".to_owned() });
        }
        self.left.set(self.left.get() - 1);
        self.ledger.commit(expect, ops, lease)
    }

    fn watch(&self, prefix: &str, after: u64, wait: Duration) -> Result<Watched, LedgerError> {
        self.ledger.watch(prefix, after, wait)
    }

    fn lease(&self, ttl: Duration) -> Result<u64, LedgerError> {
        self.ledger.lease(ttl)
    }

    fn keep_alive(&self, lease: u64) -> Result<(), LedgerError> {
        self.ledger.keep_alive(lease)
    }

    fn end_lease(&self, lease: u64) -> Result<(), LedgerError> {
        self.ledger.end_lease(lease)
    }
}

/// A plan for every host, kept and begun.
fn begun(ledger: &dyn Ledger, id: &str) -> RolloutPlan {
    let names: Vec<String> = (0..HOSTS).map(|at| format!("h{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let plan = RolloutPlan {
        plan_id: id.parse().unwrap(),
        ..plan(vec![stage("all", &names, Amount::Percent(100))])
    };
    let audit = AuditRecord {
        at: NOW,
        by: "lead".to_owned(),
        what: "created".to_owned(),
        about: id.to_owned(),
        reason: None,
    };
    assert!(records::create(ledger, &plan, &audit).unwrap());
    assert!(!records::create(ledger, &plan, &audit).unwrap(), "it is there already");
    let made = load(ledger, &plan.plan_id);
    assert_eq!((made.hosts.rows().len(), made.state.phase), (HOSTS, PlanPhase::Draft));
    write(ledger, &made, &acted(&made, &Act::START));
    plan
}

fn load(ledger: &dyn Ledger, id: &PlanId) -> Rollout {
    records::load(ledger, id).unwrap()
}

fn acted(rollout: &Rollout, wanted: &Act) -> Commit {
    let Rollout { plan, state, hosts, .. } = rollout;
    act(plan, state, hosts, wanted, ("lead", Some("why")), NOW).unwrap().commit
}

fn try_write(ledger: &dyn Ledger, rollout: &Rollout, commit: &Commit) -> Result<Committed, String> {
    records::commit(ledger, rollout, commit, None, ("lead", NOW)).map_err(|error| error.to_string())
}

fn write(ledger: &dyn Ledger, rollout: &Rollout, commit: &Commit) -> u64 {
    match try_write(ledger, rollout, commit).unwrap() {
        Committed::At(rev) => rev,
        Committed::Conflict(key) => panic!("conflict over {key}"),
    }
}

/// A commit that changes hosts alone.
fn only(rollout: &Rollout, rows: BTreeMap<HostName, HostRow>) -> Commit {
    Commit { state: rollout.state.clone(), rows, desired: BTreeMap::new(), notes: Vec::new() }
}

fn with(rows: &BTreeMap<HostName, HostRow>, change: impl Fn(&mut HostRow)) -> BTreeMap<HostName, HostRow> {
    let mut rows = rows.clone();
    rows.values_mut().for_each(change);
    rows
}

/// What stands in the places of a plan's hosts.
fn in_places(ledger: &dyn Ledger, id: &PlanId) -> Vec<HostState> {
    let items = ledger.range(&format!("status/{id}/")).unwrap().items;
    items.iter().map(|item| serde_json::from_str::<HostRow>(&item.value).unwrap().state).collect()
}

fn a_large_commit_counts_whole_or_not_at_all(ledger: &dyn Ledger) {
    let whole = Cut::never(ledger);
    for kept in 0.. {
        let plan = begun(&whole, &format!("plan-{kept}"));
        let id = &plan.plan_id;
        let found = load(&whole, id);
        let failed = with(found.hosts.rows(), |row| (row.state, row.failed) = (HostState::Failed, true));
        write(&whole, &found, &only(&found, failed));
        let before = load(&whole, id);
        assert!(before.hosts.rows().values().all(|row| row.failed) && before.rest.is_none());
        assert_eq!(in_places(ledger, id), [HostState::Failed; HOSTS]);

        let retry = acted(&before, &Act::Recover { strategy: Strategy::Retry, confirm: None });
        assert_eq!(retry.rows.len(), HOSTS);
        let said = try_write(&Cut::after(ledger, kept), &before, &retry);
        let after = load(&whole, id);
        if kept == 0 {
            assert!(said.is_err());
            let same = (&after.state, after.hosts.rows()) == (&before.state, before.hosts.rows());
            assert!(same, "something of it is there");
            continue;
        }
        // What was acknowledged is whole, though not all of it is in its place.
        let Ok(Committed::At(rev)) = said else { panic!("it was decided: {said:?}") };
        let whole_of_it = (&after.state, after.hosts.rows()) == (&retry.state, &retry.rows);
        assert!(whole_of_it, "a part of it is there, after {kept} commits");
        let is_through = after.rest.is_none();
        assert_eq!(is_through, in_places(ledger, id) == [HostState::Pending; HOSTS]);

        // Who decided on the same without having looked anew does not write past it.
        let first: HostName = "h000".parse().unwrap();
        let done = |from: &Rollout| {
            let row = HostRow { state: HostState::Active, ..from.hosts.rows()[&first].clone() };
            only(from, BTreeMap::from([(first.clone(), row)]))
        };
        let blind = Rollout { rest: None, state_rev: rev, ..after.clone() };
        if !is_through {
            let conflict = Committed::Conflict(format!("rest/{id}"));
            assert_eq!(try_write(&whole, &blind, &done(&blind)), Ok(conflict));
        }
        // Who looked puts everything in its place, and writes then.
        write(&whole, &after, &done(&after));
        let end = load(&whole, id);
        assert!(end.rest.is_none());
        let mut wanted = vec![HostState::Pending; HOSTS];
        wanted[0] = HostState::Active;
        assert_eq!(in_places(ledger, id), wanted);
        if is_through {
            assert_eq!(kept, 4, "one for the commit, three for {HOSTS} hosts");
            break;
        }
    }
}

/// Hosts that do at once what they are told.
struct Quick;

impl Transport for Quick {
    fn tell(&self, _: &HostName, _: &HostSpec, offer: &Offer) -> Heard {
        let generation = offer.generation;
        Heard::Answer(HostAnswer { generation, at_work: false, exit: Some(0), attempt: None, said: None })
    }
}

fn driven(ledger: &dyn Ledger, id: &PlanId) -> Ended {
    let around = Around {
        ledger,
        transport: &Quick,
        gate: &|_| Asked { verdict: VerdictWord::Pass, detail: String::new() },
        frozen: &|_| None,
        clock: &SystemClock::new(),
        stop: &Stop::never(),
        by: "lead",
        from: "here",
        shows: &|_, _| {},
    };
    drive(&around, id).unwrap()
}

fn words(ledger: &dyn Ledger, id: &PlanId) -> Vec<(String, bool)> {
    load(ledger, id).hosts.desired().values().map(|word| (word.plan_id.to_string(), word.released)).collect()
}

fn hosts_of_a_plan_that_is_over_are_let_go_of(ledger: &dyn Ledger) {
    let whole = Cut::never(ledger);
    for (kept, left) in [(1, true), (2, true), (usize::MAX, false)] {
        let plan = begun(&whole, &format!("first-{kept}"));
        let id = &plan.plan_id;
        let hosts: Vec<HostName> = plan.hosts.into_keys().collect();
        for hosts in hosts.chunks(90) {
            let found = load(&whole, id);
            let word = |host: &HostName| {
                let generation = found.hosts.desired().get(host).map_or(0, |known| known.generation) + 1;
                let (plan_id, wish) = (id.clone(), Wish::Release);
                (host.clone(), Desired { plan_id, generation, wish, released: false })
            };
            let desired: BTreeMap<HostName, Desired> = hosts.iter().map(word).collect();
            let row = |(host, word): (&HostName, &Desired)| {
                let (wish, state) = (Some(Wish::Release), HostState::Active);
                let row =
                    HostRow { wish, state, generation: word.generation, touched: true, ..HostRow::new(NOW) };
                (host.clone(), row)
            };
            let rows = desired.iter().map(row).collect();
            write(&whole, &found, &Commit { desired, ..only(&found, rows) });
        }
        assert_eq!(words(&whole, id), vec![(id.to_string(), false); HOSTS]);
        // It ends, and whoever ends it is cut off before it has let go of all.
        let found = load(&whole, id);
        let cancel = acted(&found, &Act::Cancel { confirmed: true });
        assert!(matches!(try_write(&Cut::after(ledger, kept), &found, &cancel), Ok(Committed::At(_))));
        assert_eq!(load(&whole, id).state.phase, PlanPhase::Cancelled);
        assert_eq!(words(&whole, id).contains(&(id.to_string(), false)), left);
        // The next plan for the same hosts takes them, and lets go of them, too.
        let next = begun(&whole, &format!("second-{kept}")).plan_id;
        assert_eq!(driven(&whole, &next), Ended::Over(PlanPhase::Completed));
        assert_eq!(words(&whole, &next), vec![(next.to_string(), true); HOSTS]);
        assert_eq!(in_places(ledger, &next), [HostState::Active; HOSTS]);
    }
}

#[test]
fn large_commits_on_a_ledger_that_takes_a_hundred_writes() {
    let folder = tempfile::tempdir().unwrap();
    let ledger = SqliteLedger::open(&folder.path().join("rollouts.sqlite")).unwrap();
    a_large_commit_counts_whole_or_not_at_all(&ledger);
    hosts_of_a_plan_that_is_over_are_let_go_of(&ledger);
}

#[test]
fn large_commits_on_etcd() {
    if lacks(&["etcd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cluster = Etcd::of(3, folder.path());
    let ledger = on_etcd(&cluster.endpoints());
    assert_eq!(ledger.most_ops(), MOST);
    a_large_commit_counts_whole_or_not_at_all(&ledger);
    hosts_of_a_plan_that_is_over_are_let_go_of(&ledger);
    count_cases!("P16", "large commits on etcd, cut off between their parts", 8_usize);
}
