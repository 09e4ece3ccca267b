//! The coordinator's side: an order stands in its host's key for as long as somebody keeps telling it. One that nobody stands
//! behind any more, of a plan that is over or was given up, is taken out of an agent's sight by its lease.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::keys::{self, Post};
use crate::fleet::ledger::{Committed, Ledger, LedgerError, Op};
use crate::model::rollout::{Heard, HostAnswer, HostName, Offer, Order};
use crate::sys::clock::{Clock, SystemClock};

/// How long an order stands when it is not told again.
const STANDS: Duration = Duration::from_secs(20);

/// How often one that is told again is kept.
const KEEP_EVERY: Duration = Duration::from_secs(4);

/// How long an agent that is connected may take for its first word. Less than a coordinator's lease.
const PATIENCE: Duration = Duration::from_secs(12);

/// How often its word is looked for meanwhile.
const LOOK_EVERY: Duration = Duration::from_millis(50);

type Connection = Box<dyn Ledger + Send>;

/// Orders to hosts with agents.
pub struct Orders {
    open: Box<dyn Fn() -> Result<Connection, LedgerError> + Send + Sync>,
    /// Connections that nobody uses at this moment: each thread that tells has one for itself.
    idle: Mutex<Vec<Connection>>,
    standing: Mutex<BTreeMap<HostName, Standing>>,
    clock: SystemClock,
}

impl fmt::Debug for Orders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Orders").field("standing", &self.standing).finish_non_exhaustive()
    }
}

/// An order that we told.
#[derive(Debug, Clone, Copy)]
struct Standing {
    generation: u64,
    lease: u64,
    kept: Duration,
}

/// Nothing in here is ever left half changed.
fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Orders {
    /// Orders in the ledger that `open` opens; nobody is asked before the first.
    pub fn new(open: impl Fn() -> Result<Connection, LedgerError> + Send + Sync + 'static) -> Self {
        Self {
            open: Box::new(open),
            idle: Mutex::default(),
            standing: Mutex::default(),
            clock: SystemClock::new(),
        }
    }

    /// Tells a host, and hears what its agent says.
    pub fn tell(&self, host: &HostName, folder: &str, offer: &Offer) -> Heard {
        let idle = held(&self.idle).pop();
        let connection = match idle.map_or_else(|| (self.open)(), Ok) {
            Ok(connection) => connection,
            Err(error) => return Heard::Nothing { why: error.to_string() },
        };
        let heard = self.told(&*connection, host, folder, offer);
        held(&self.idle).push(connection);
        heard.unwrap_or_else(|error| Heard::Nothing { why: error.to_string() })
    }

    fn told(
        &self,
        ledger: &dyn Ledger,
        host: &HostName,
        folder: &str,
        offer: &Offer,
    ) -> Result<Heard, LedgerError> {
        let until = self.clock.monotonic() + PATIENCE;
        loop {
            let post = Post::of(ledger, host)?;
            let word = post.word.as_ref().filter(|word| word.order == offer.generation);
            if let Some(word) = word.filter(|word| word.is_last()) {
                self.withdraw(ledger, host);
                return Ok(word.heard.clone());
            }
            if let Some(newer) = post.order.as_ref().filter(|order| order.offer.generation > offer.generation)
            {
                // Whoever told that has told it: this host hears nothing older any more.
                let generation = newer.offer.generation;
                let answer = HostAnswer { generation, at_work: true, exit: None, attempt: None, said: None };
                return Ok(Heard::Answer(answer));
            }
            self.stand(ledger, host, &post, &Order { folder: folder.to_owned(), offer: offer.clone() })?;
            let Some(machine) = &post.alive else {
                let why = "no agent of it is connected to the ledger: is `holdpoint agent` up there?";
                return Ok(Heard::Nothing { why: why.to_owned() });
            };
            if let Some(word) = word {
                return Ok(word.heard.clone());
            }
            if self.clock.monotonic() >= until {
                let why = format!("its agent, connected from {machine}, has not taken its order");
                return Ok(Heard::Nothing { why });
            }
            self.clock.sleep(LOOK_EVERY);
        }
    }

    /// Sees to it that an order stands there, and goes on standing there.
    fn stand(
        &self,
        ledger: &dyn Ledger,
        host: &HostName,
        post: &Post,
        order: &Order,
    ) -> Result<(), LedgerError> {
        let generation = order.offer.generation;
        let before = held(&self.standing).get(host).copied();
        let now = self.clock.monotonic();
        // One that somebody else told stands under a lease of theirs: it is laid there anew, under ours.
        if let Some(mine) = before.filter(|mine| mine.generation == generation && post.item.is_some()) {
            if now < mine.kept + KEEP_EVERY {
                return Ok(());
            }
            match ledger.keep_alive(mine.lease) {
                Ok(()) => {
                    held(&self.standing).insert(host.clone(), Standing { kept: now, ..mine });
                    return Ok(());
                }
                Err(LedgerError::LeaseGone { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        let lease = ledger.lease(STANDS)?;
        let key = keys::order(host);
        let put = Op::Put(key.clone(), keys::text(order));
        let laid = ledger.commit(&[keys::unchanged(&key, post.item.as_ref())], &[put], Some(lease))?;
        if laid == Committed::Conflict(keys::order(host)) {
            // Somebody else was there first: what stands there now is looked at before anything is said.
            return ledger.end_lease(lease);
        }
        held(&self.standing).insert(host.clone(), Standing { generation, lease, kept: now });
        // The key is under the new lease by now.
        before.map_or(Ok(()), |before| ledger.end_lease(before.lease))
    }

    /// Takes an order away that its host is through with. Where that fails, its lease does it.
    fn withdraw(&self, ledger: &dyn Ledger, host: &HostName) {
        let mine = held(&self.standing).remove(host);
        let _ = mine.map(|mine| ledger.end_lease(mine.lease));
    }
}

impl Drop for Orders {
    /// Nobody stands behind what was told any more: an agent that was away does not begin it when it comes back.
    fn drop(&mut self) {
        let Some(ledger) = held(&self.idle).pop() else { return };
        for standing in std::mem::take(&mut *held(&self.standing)).into_values() {
            if ledger.end_lease(standing.lease).is_err() {
                return;
            }
        }
    }
}
