//! The host's side: one key is watched, whatever is ordered there is told to this machine as `local` and `ssh` tell it, and
//! what it says is written beside it. All that has to be remembered, the host's own records do.

use std::time::Duration;

use thiserror::Error;

use super::keys;
use crate::fleet::ledger::{Change, Committed, Expect, Ledger, LedgerError, Op, Watched};
use crate::model::rollout::{AgentNews, Heard, HostAnswer, HostName, Offer, Order, Wish, Word};
use crate::sys::clock::Clock;
use crate::sys::signal::Stop;

/// How long an agent that is gone still counts as connected.
const LEASE: Duration = Duration::from_secs(20);

/// How often that is kept up. It also finds out which member of the ledger still answers.
const KEEP_EVERY: Duration = Duration::from_secs(4);

/// How often a host that is at work is asked, and one that waits for a person.
const ASK_EVERY: Duration = Duration::from_millis(250);
const ASK_HELD_EVERY: Duration = Duration::from_secs(2);

/// How long a watch waits where nothing is at work: a signal is seen as late as that.
const IDLE: Duration = Duration::from_millis(500);

/// How long is waited after no member of the ledger answered.
const AGAIN: Duration = Duration::from_secs(1);

/// Exit status of a host that does not take what it is told, and changed nothing.
const REFUSED: i32 = 4;

/// Why an agent ended.
#[derive(Debug, Error)]
pub enum AgentError {
    /// The ledger says no.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Another machine says that it is this host.
    #[error("an agent of `{host}` is connected from {machine}")]
    Elsewhere {
        /// The host.
        host: HostName,
        /// That machine.
        machine: String,
    },
}

/// What an agent has around it.
pub struct Around<'a> {
    /// Where orders stand.
    pub ledger: &'a dyn Ledger,
    /// The host.
    pub host: &'a HostName,
    /// Its project folder.
    pub folder: &'a str,
    /// This machine, as others are told of it.
    pub machine: &'a str,
    /// Tells this machine.
    pub tells: &'a dyn Fn(&Offer) -> Heard,
    /// Time.
    pub clock: &'a dyn Clock,
    /// Whether to end.
    pub stop: &'a Stop,
    /// Sees what happens.
    pub shows: &'a dyn Fn(&AgentNews),
}

/// Watches until it is asked to stop. What the host is at work on then goes on without it.
///
/// # Errors
/// [`AgentError`]: a ledger that does not answer is none, it is asked again.
pub fn watch(around: &Around<'_>) -> Result<(), AgentError> {
    let mut agent = Agent::new(around);
    let mut silent = false;
    while around.stop.level() == 0 {
        match agent.round() {
            Ok(()) => silent = false,
            Err(AgentError::Ledger(LedgerError::Unavailable { why })) => {
                if !silent {
                    agent.says("silence", None, format!("no member of the ledger answers: {why}"));
                }
                silent = true;
                around.clock.sleep(AGAIN);
            }
            Err(error) => {
                agent.leave();
                return Err(error);
            }
        }
    }
    agent.leave();
    Ok(())
}

/// That we are the one agent of the host.
#[derive(Debug, Clone, Copy)]
struct Connected {
    lease: u64,
    rev: u64,
    /// When that was found to be so; none: it is to be found out.
    kept: Option<Duration>,
}

struct Agent<'a> {
    around: &'a Around<'a>,
    connected: Option<Connected>,
    /// Up to where we have seen our key; none: it has to be read.
    seen: Option<u64>,
    order: Option<Order>,
    word: Option<Word>,
    asked: Option<Duration>,
}

impl<'a> Agent<'a> {
    fn new(around: &'a Around<'a>) -> Self {
        Self { around, connected: None, seen: None, order: None, word: None, asked: None }
    }

    fn round(&mut self) -> Result<(), AgentError> {
        if !self.connect()? {
            return Ok(());
        }
        let after = match self.seen {
            Some(after) => after,
            None => self.read()?,
        };
        self.obey()?;
        let key = keys::order(self.around.host);
        let wait = self.next_look().map_or(IDLE, |left| left.min(IDLE));
        match self.around.ledger.watch(&key, after, wait)? {
            Watched::Compacted => self.seen = None,
            Watched::Changes(changes, rev) => {
                self.seen = Some(rev);
                if let Some(Change { value, .. }) = changes.into_iter().rfind(|change| change.key == key) {
                    self.take(value.as_deref());
                }
            }
        }
        Ok(())
    }

    /// Becomes, or stays, the one agent of the host. False: it is tried again.
    fn connect(&mut self) -> Result<bool, AgentError> {
        let Around { ledger, host, machine, clock, .. } = *self.around;
        let key = keys::alive(host);
        let now = clock.monotonic();
        if let Some(mine) = self.connected {
            if mine.kept.is_some_and(|kept| now < kept + KEEP_EVERY) {
                return Ok(true);
            }
            match ledger.keep_alive(mine.lease) {
                Ok(()) => {}
                Err(LedgerError::LeaseGone { .. }) => {
                    self.connected = None;
                    return Ok(false);
                }
                Err(error) => return Err(error.into()),
            }
            return match keys::one(ledger, &key)?.0 {
                Some(item) if item.mod_rev == mine.rev => {
                    self.connected = Some(Connected { kept: Some(now), ..mine });
                    Ok(true)
                }
                // Another machine of this name, a copy of this one.
                Some(item) => Err(AgentError::Elsewhere { host: host.clone(), machine: item.value }),
                None => {
                    self.connected = None;
                    Ok(false)
                }
            };
        }
        let (item, _) = keys::one(ledger, &key)?;
        if let Some(other) = item.as_ref().filter(|item| item.value != machine) {
            return Err(AgentError::Elsewhere { host: host.clone(), machine: other.value.clone() });
        }
        let lease = ledger.lease(LEASE)?;
        let put = Op::Put(key.clone(), machine.to_owned());
        let Committed::At(rev) =
            ledger.commit(&[keys::unchanged(&key, item.as_ref())], &[put], Some(lease))?
        else {
            ledger.end_lease(lease)?;
            return Ok(false);
        };
        self.connected = Some(Connected { lease, rev, kept: Some(now) });
        self.says("watches", None, format!("orders for {}", self.around.folder));
        Ok(true)
    }

    /// Reads what stands there: at the beginning, and where the ledger no longer tells what happened since.
    fn read(&mut self) -> Result<u64, AgentError> {
        let Around { ledger, host, .. } = *self.around;
        // What is said is ours alone: it does not change between the two.
        let (answer, _) = keys::one(ledger, &keys::answer(host))?;
        self.word = keys::read(answer.as_ref());
        let (order, rev) = keys::one(ledger, &keys::order(host))?;
        self.take(order.map(|item| item.value).as_deref());
        self.seen = Some(rev);
        Ok(rev)
    }

    /// Takes in what stands in our key by now. It may be what we know already.
    fn take(&mut self, value: Option<&str>) {
        let order = value.and_then(|text| match serde_json::from_str::<Order>(text) {
            Ok(order) => Some(order),
            Err(error) => {
                self.says("unreadable", None, format!("its order is left alone: {error}"));
                None
            }
        });
        let generation = |order: &Option<Order>| order.as_ref().map(|order| order.offer.generation);
        if let (Some(before), None) = (generation(&self.order), &order)
            && !self.is_through(before)
        {
            self.says("withdrawn", Some(before), "nobody stands behind it any more".to_owned());
        }
        if generation(&self.order) != generation(&order) {
            self.asked = None;
        }
        self.order = order;
    }

    /// Whether our last word on an order of that generation is said.
    fn is_through(&self, generation: u64) -> bool {
        self.word.as_ref().is_some_and(|word| word.order == generation && word.is_last())
    }

    /// How long until this machine is told, or asked, again; none: nothing is ordered, or all is said.
    fn next_look(&self) -> Option<Duration> {
        let generation = self.order.as_ref()?.offer.generation;
        if self.is_through(generation) {
            return None;
        }
        let word = self.word.as_ref().filter(|word| word.order == generation);
        let waits = word.is_some_and(|word| !matches!(&word.heard, Heard::Answer(answer) if answer.at_work));
        let every = if waits { ASK_HELD_EVERY } else { ASK_EVERY };
        let due = self.asked.map_or(Duration::ZERO, |asked| asked + every);
        Some(due.saturating_sub(self.around.clock.monotonic()))
    }

    /// Tells this machine what is ordered, or asks it how far it is: that is the same. What it says that is new is written.
    fn obey(&mut self) -> Result<(), AgentError> {
        if self.next_look().is_none_or(|left| left > Duration::ZERO) {
            return Ok(());
        }
        let Some(order) = self.order.clone() else { return Ok(()) };
        let generation = order.offer.generation;
        if self.asked.is_none() {
            let Offer { plan_id, ticket, wish, .. } = &order.offer;
            let verb = if *wish == Wish::Release { "release" } else { "take back" };
            self.says("told", Some(generation), format!("to {verb} {ticket}, by {plan_id}"));
        }
        self.asked = Some(self.around.clock.monotonic());
        let heard = if order.folder == self.around.folder {
            (self.around.tells)(&order.offer)
        } else {
            Heard::Answer(elsewhere(generation, &order.folder, self.around.folder))
        };
        let word = Word { order: generation, heard };
        if self.word.as_ref() == Some(&word) {
            return Ok(());
        }
        self.say(word)
    }

    fn say(&mut self, word: Word) -> Result<(), AgentError> {
        let Around { ledger, host, .. } = *self.around;
        let Some(mine) = self.connected else { return Ok(()) };
        let still = Expect::Rev(keys::alive(host), mine.rev);
        let put = Op::Put(keys::answer(host), keys::text(&word));
        if let Committed::Conflict(_) = ledger.commit(&[still], &[put], None)? {
            // We count as gone, or somebody else speaks for this host: the next round finds out.
            self.connected = Some(Connected { kept: None, ..mine });
            return Ok(());
        }
        self.says("answers", Some(word.order), in_words(&word.heard));
        self.word = Some(word);
        Ok(())
    }

    /// Nobody has to wait until we count as gone. Where that cannot be said, the lease says it.
    fn leave(&mut self) {
        let _ = self.connected.take().map(|mine| self.around.ledger.end_lease(mine.lease));
    }

    fn says(&self, what: &'static str, generation: Option<u64>, detail: String) {
        let host = self.around.host.clone();
        (self.around.shows)(&AgentNews { host, what, generation, detail });
    }
}

fn elsewhere(generation: u64, ordered: &str, ours: &str) -> HostAnswer {
    let said = format!("its agent works in {ours}, and fleet.toml says {ordered}: nothing was done");
    HostAnswer { generation, at_work: false, exit: Some(REFUSED), attempt: None, said: Some(said) }
}

fn in_words(heard: &Heard) -> String {
    match heard {
        Heard::Nothing { why } => why.clone(),
        Heard::Answer(HostAnswer { at_work: true, .. }) => "at work".to_owned(),
        Heard::Answer(HostAnswer { exit, said, .. }) => {
            let exit = exit.map_or_else(|| "no exit status".to_owned(), |exit| format!("exit {exit}"));
            said.as_ref().map_or_else(|| exit.clone(), |said| format!("{exit}: {said}"))
        }
    }
}
