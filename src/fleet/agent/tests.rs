//! Orders and agents over one ledger: what is told, what comes back, and what becomes of it when either side is gone.

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::fleet::ledger::{Committed, Ledger, Op, SqliteLedger};
use crate::model::quantity::Span;
use crate::model::rollout::{Heard, HostAnswer, HostName, Offer, Order, Wish};
use crate::sys::beside;
use crate::sys::clock::{SystemClock, pause};
use crate::sys::signal::{Signal, Stop};

const FOLDER: &str = "/srv/site";

fn host() -> HostName {
    "web1".parse().unwrap()
}

fn offer(generation: u64) -> Offer {
    Offer {
        plan_id: "plan-1".parse().unwrap(),
        generation,
        wish: Wish::Release,
        ticket: "1234".parse().unwrap(),
        commit: "1".repeat(40).parse().unwrap(),
        data: false,
        operator: "alice".to_owned(),
        lock_wait: Span::secs(1),
        ticket_ran_on: None,
        reintroduce: None,
    }
}

fn at_work(offer: &Offer) -> Heard {
    let generation = offer.generation;
    Heard::Answer(HostAnswer { generation, at_work: true, exit: None, attempt: None, said: None })
}

fn ended(offer: &Offer, exit: i32) -> Heard {
    let generation = offer.generation;
    Heard::Answer(HostAnswer { generation, at_work: false, exit: Some(exit), attempt: None, said: None })
}

/// Ends the agent also where a test fails.
struct Ends(Stop);

impl Drop for Ends {
    fn drop(&mut self) {
        self.0.raise(Signal::Term);
    }
}

/// A ledger that a coordinator and agents have in common.
struct Ground {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Ground {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rollouts.sqlite");
        drop(SqliteLedger::open(&path).unwrap());
        Self { _folder: folder, path }
    }

    fn ledger(&self) -> SqliteLedger {
        SqliteLedger::open(&self.path).unwrap()
    }

    fn orders(&self) -> Orders {
        let path = self.path.clone();
        Orders::new(move || Ok(Box::new(SqliteLedger::open(&path)?)))
    }

    fn stands(&self) -> bool {
        !self.ledger().range("agents/web1/order").unwrap().items.is_empty()
    }

    fn agent(&self, machine: &str, stop: &Stop, tells: &dyn Fn(&Offer) -> Heard) -> Result<(), AgentError> {
        watch(&Around {
            ledger: &self.ledger(),
            host: &host(),
            folder: FOLDER,
            machine,
            tells,
            clock: &SystemClock::new(),
            stop,
            shows: &|_| {},
        })
    }

    /// Does something while an agent is connected.
    fn while_watched<T>(
        &self,
        tells: &(dyn Fn(&Offer) -> Heard + Sync),
        work: impl FnOnce() -> T,
    ) -> Result<T, AgentError> {
        std::thread::scope(|scope| {
            let stop = Stop::never();
            let ends = Ends(stop.clone());
            let agent = beside(scope, move || self.agent("m1", &stop, tells));
            while agents(&self.ledger()).unwrap().is_empty() {
                pause(std::time::Duration::from_millis(5));
            }
            let done = work();
            drop(ends);
            agent.join().map(|()| done)
        })
    }
}

/// Tells a host until it is through with it.
fn told(orders: &Orders, folder: &str, offer: &Offer) -> HostAnswer {
    loop {
        match orders.tell(&host(), folder, offer) {
            Heard::Answer(answer) if answer.exit.is_some() => return answer,
            _ => pause(std::time::Duration::from_millis(5)),
        }
    }
}

#[test]
fn what_is_ordered_is_told_to_the_machine_and_its_word_comes_back() {
    let ground = Ground::new();
    let asked = AtomicU32::new(0);
    let tells = |offer: &Offer| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => at_work(offer),
        _ => ended(offer, 1),
    };
    let orders = ground.orders();
    let answer = ground.while_watched(&tells, || told(&orders, FOLDER, &offer(3))).unwrap();
    assert_eq!((answer.generation, answer.exit), (3, Some(1)));
    assert!(!ground.stands(), "nobody has to do it any more");
    assert!(agents(&ground.ledger()).unwrap().is_empty(), "one that ended is not connected");
    // The word stands: the host is not asked for it again.
    let again = ground.while_watched(&tells, || told(&orders, FOLDER, &offer(3))).unwrap();
    assert_eq!((again, asked.load(Ordering::SeqCst)), (answer, 2));
    // Nor by an agent that is started again and finds the order still there.
    let order = Order { folder: FOLDER.to_owned(), offer: offer(3) };
    let put = Op::Put("agents/web1/order".to_owned(), serde_json::to_string(&order).unwrap());
    ground.ledger().commit(&[], &[put], None).unwrap();
    ground.while_watched(&tells, || told(&orders, FOLDER, &offer(4))).unwrap();
    assert_eq!(asked.load(Ordering::SeqCst), 3);
}

#[test]
fn an_agent_that_is_started_again_goes_on_with_what_stands_there() {
    let ground = Ground::new();
    let orders = ground.orders();
    let first = ground.while_watched(&at_work, || {
        loop {
            if let heard @ Heard::Answer(_) = orders.tell(&host(), FOLDER, &offer(1)) {
                return heard;
            }
        }
    });
    assert_eq!(first.unwrap(), at_work(&offer(1)));
    // What it said last is no news of a host whose agent is gone.
    let Heard::Nothing { why } = orders.tell(&host(), FOLDER, &offer(1)) else { panic!("it was heard") };
    assert!(why.contains("no agent of it is connected"), "{why}");
    assert!(ground.stands());
    let asked = Mutex::new(Vec::new());
    let tells = |offer: &Offer| {
        asked.lock().unwrap().push(offer.generation);
        ended(offer, 0)
    };
    // Nobody tells it again: it stands there.
    ground
        .while_watched(&tells, || {
            while ground.ledger().range("agents/web1/answer").unwrap().items[0]
                .value
                .contains("\"exit\":null")
            {
                pause(std::time::Duration::from_millis(5));
            }
        })
        .unwrap();
    assert_eq!(*asked.lock().unwrap(), [1]);
    assert_eq!(orders.tell(&host(), FOLDER, &offer(1)), ended(&offer(1), 0));
}

#[test]
fn what_nobody_stands_behind_any_more_is_not_begun_by_an_agent_that_was_away() {
    let ground = Ground::new();
    let orders = ground.orders();
    assert!(matches!(orders.tell(&host(), FOLDER, &offer(1)), Heard::Nothing { .. }));
    assert!(ground.stands());
    drop(orders);
    assert!(!ground.stands());
    let asked = Mutex::new(Vec::new());
    let tells = |offer: &Offer| {
        asked.lock().unwrap().push(offer.generation);
        ended(offer, 0)
    };
    ground.while_watched(&tells, || told(&ground.orders(), FOLDER, &offer(2))).unwrap();
    assert_eq!(*asked.lock().unwrap(), [2]);
}

#[test]
fn a_coordinator_that_was_deposed_does_not_order_over_the_next_one() {
    let ground = Ground::new();
    let (next, deposed) = (ground.orders(), ground.orders());
    assert!(matches!(next.tell(&host(), FOLDER, &offer(5)), Heard::Nothing { .. }));
    let Heard::Answer(answer) = deposed.tell(&host(), FOLDER, &offer(4)) else { panic!("it was laid") };
    assert_eq!(answer.generation, 5);
    assert!(ground.ledger().range("agents/").unwrap().items[0].value.contains("\"generation\":5"));
    // One who takes over from it orders the same, and it stands when the first one is gone.
    let third = ground.orders();
    assert!(matches!(third.tell(&host(), FOLDER, &offer(5)), Heard::Nothing { .. }));
    drop(next);
    assert!(ground.stands());
}

#[test]
fn an_order_for_another_folder_is_refused_and_nothing_is_told() {
    let ground = Ground::new();
    let tells = |_: &Offer| panic!("it was told");
    let answer = ground.while_watched(&tells, || told(&ground.orders(), "/srv/other", &offer(1))).unwrap();
    let said = answer.said.unwrap();
    assert_eq!(answer.exit, Some(4));
    assert!(said.contains("works in /srv/site") && said.contains("says /srv/other"), "{said}");
}

#[test]
fn an_order_of_another_version_is_left_alone_and_the_next_is_done() {
    let ground = Ground::new();
    let tells = |offer: &Offer| ended(offer, 0);
    let put = Op::Put("agents/web1/order".to_owned(), "{\"folder\": 7}".to_owned());
    assert!(matches!(ground.ledger().commit(&[], &[put], None).unwrap(), Committed::At(_)));
    let answer = ground.while_watched(&tells, || told(&ground.orders(), FOLDER, &offer(1))).unwrap();
    assert_eq!(answer.exit, Some(0));
}

#[test]
fn a_host_has_one_agent() {
    let ground = Ground::new();
    let tells = |offer: &Offer| ended(offer, 0);
    let other = ground.while_watched(&tells, || ground.agent("m2", &Stop::never(), &tells)).unwrap();
    let Err(AgentError::Elsewhere { machine, .. }) = other else { panic!("{other:?}") };
    assert_eq!(machine, "m1");
    // One that took its place ends it: two machines of one name are seen.
    let stop = Stop::never();
    let over = std::thread::scope(|scope| {
        let agent = beside(scope, || ground.agent("m1", &stop, &tells));
        while agents(&ground.ledger()).unwrap().is_empty() {
            pause(std::time::Duration::from_millis(5));
        }
        let put = Op::Put("agents/web1/alive".to_owned(), "m1".to_owned());
        ground.ledger().commit(&[], &[put], None).unwrap();
        agent.join()
    });
    assert!(matches!(over, Err(AgentError::Elsewhere { .. })), "{over:?}");
}
