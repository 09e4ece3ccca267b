//! A plan that takes more than a day: what its coordinator keeps in memory does not grow with the rounds that it takes.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use chrono::DateTime;

use super::coordinator::{Around, Ended, drive};
use super::ledger::{Committed, Expect, Ledger, LedgerError, Op, Range, SqliteLedger, Watched};
use super::records;
use super::transport::Transport;
use crate::decide::rollout::tests::{plan, stage};
use crate::decide::rollout::{Asked, act};
use crate::model::quantity::Span;
use crate::model::rollout::{
    Act, Amount, AuditRecord, Gate, GateKind, Heard, HostAnswer, HostName, HostSpec, Offer, PlanPhase,
    RolloutPlan, StagePlan, Unreachable, VerdictWord,
};
use crate::sys::clock::Clock;
use crate::sys::fake::FakeClock;
use crate::sys::files;
use crate::sys::signal::Stop;

const HOUR: Duration = Duration::from_hours(1);

/// A ledger whose waits let the simulated time pass; at each full hour it looks at the memory of this process.
struct Hours<'a> {
    ledger: SqliteLedger,
    clock: &'a FakeClock,
    tick: Duration,
    /// KiB after each hour.
    resident: RefCell<Vec<u64>>,
}

/// What of this process is in memory and of no file (code comes in as it is entered), in KiB.
fn resident() -> u64 {
    let status = files::read_text(Path::new("/proc/self/status"), 1 << 16).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

impl Ledger for Hours<'_> {
    fn most_ops(&self) -> usize {
        self.ledger.most_ops()
    }

    fn range(&self, prefix: &str) -> Result<Range, LedgerError> {
        self.ledger.range(prefix)
    }

    fn commit(&self, expect: &[Expect], ops: &[Op], lease: Option<u64>) -> Result<Committed, LedgerError> {
        self.ledger.commit(expect, ops, lease)
    }

    fn watch(&self, prefix: &str, after: u64, _: Duration) -> Result<Watched, LedgerError> {
        self.clock.advance(self.tick);
        let mut resident_kib = self.resident.borrow_mut();
        if self.clock.monotonic() >= HOUR * u32::try_from(resident_kib.len() + 1).unwrap() {
            resident_kib.push(resident());
        }
        self.ledger.watch(prefix, after, Duration::ZERO)
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

/// Hosts that take an hour for a release; every tenth is away for four before it takes one up.
struct Slow<'a> {
    clock: &'a FakeClock,
    /// When each was told first, and its generation then.
    told: Mutex<BTreeMap<(HostName, u64), Duration>>,
}

impl Transport for Slow<'_> {
    fn tell(&self, host: &HostName, _: &HostSpec, offer: &Offer) -> Heard {
        let now = self.clock.monotonic();
        let generation = offer.generation;
        let first = *self.told.lock().unwrap().entry((host.clone(), generation)).or_insert(now);
        let since = now.saturating_sub(first);
        let away = if host.as_str().ends_with('7') { HOUR * 4 } else { Duration::ZERO };
        if since < away {
            return Heard::Nothing { why: "no route to host".to_owned() };
        }
        let at_work = since < away + HOUR;
        let exit = (!at_work).then_some(0);
        Heard::Answer(HostAnswer { generation, at_work, exit, attempt: None, said: None })
    }
}

/// 200 hosts: two, then twenty, then the rest, eighteen at once, watched for six hours at the end.
fn a_day() -> RolloutPlan {
    let names: Vec<String> = (0..200).map(|at| format!("h{at:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let gate = |kind| Gate { kind, critical: true, inconclusive: 3 };
    let answers = GateKind::Http { url: "http://status/healthz".to_owned(), status: 200 };
    let soak = GateKind::TimeSoak { span: Span::secs(6 * 3600) };
    let stages = vec![
        stage("canary", &names[..2], Amount::Percent(100)),
        StagePlan { bake: Span::secs(3600), ..stage("early", &names[2..22], Amount::Count(5)) },
        StagePlan {
            bake: Span::secs(2 * 3600),
            gates: vec![gate(answers), gate(soak)],
            ..stage("rest", &names[22..], Amount::Count(18))
        },
    ];
    let away = Unreachable { defer: false, budget: Amount::Count(200), wait: None };
    RolloutPlan { unreachable: away, ..plan(stages) }
}

#[test]
fn a_coordinator_that_drives_for_more_than_a_day_does_not_grow() {
    let folder = tempfile::tempdir().unwrap();
    let clock = FakeClock::at(DateTime::UNIX_EPOCH);
    // A coordinator looks every 150 ms; the short form has a sixtieth of its rounds.
    let tick = Duration::from_millis(if all_cases_wanted!() { 150 } else { 9000 });
    let ledger = SqliteLedger::open(&folder.path().join("rollouts.sqlite")).unwrap();
    let ledger = Hours { ledger, clock: &clock, tick, resident: RefCell::default() };
    let plan = a_day();
    let by = "lead".to_owned();
    let what = "created".to_owned();
    let about = plan.plan_id.to_string();
    let audit = AuditRecord { at: DateTime::UNIX_EPOCH, by, what, about, reason: None };
    assert!(records::create(&ledger, &plan, &audit).unwrap());
    let made = records::load(&ledger, &plan.plan_id).unwrap();
    let start = act(&made.plan, &made.state, &made.hosts, &Act::START, ("lead", None), clock.now()).unwrap();
    records::commit(&ledger, &made, &start.commit, None, ("lead", clock.now())).unwrap();

    let around = Around {
        ledger: &ledger,
        transport: &Slow { clock: &clock, told: Mutex::default() },
        gate: &|_| Asked { verdict: VerdictWord::Pass, detail: "200".to_owned() },
        frozen: &|_| None,
        clock: &clock,
        stop: &Stop::never(),
        by: "lead",
        from: "here",
        shows: &|_, _| {},
    };
    assert_eq!(drive(&around, &plan.plan_id).unwrap(), Ended::Over(PlanPhase::Completed));

    let kib = ledger.resident.into_inner();
    println!("resident KiB after each hour: {kib:?}");
    assert!(kib.len() >= 24, "the plan took {} hours", kib.len());
    // SQLite keeps up to 2 MB of the ledger's pages; once they are read, a round leaves nothing.
    let (first, half, last) = (kib[0], kib[kib.len() / 2], kib[kib.len() - 1]);
    assert!(last <= first + 4096, "{kib:?}");
    assert!(last <= half + 192, "{half} KiB after half of it, {last} at its end: {kib:?}");
}
