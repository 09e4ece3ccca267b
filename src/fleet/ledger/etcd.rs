//! The ledger on etcd, for coordinators on more than one machine: what it acknowledged is on the disks of most of its
//! members. It is spoken to through the JSON gateway that every member has, with the HTTP client that is here anyway.
//!
//! Every read is linearizable: a member that is cut off from the others gives no answer instead of an old one.

use std::cell::RefCell;
use std::path::Path;
use std::time::Duration;

use super::contract::{Committed, Expect, Item, Ledger, LedgerError, Op, Range, Watched};
use super::gateway::{Asked, Gateway, code};
use super::stream::{Came, Stream};
use super::wire::{
    Compare, KeyValue, LeaseAsk, LeaseSaid, Nothing, Num, OpAsk, Piece, RangeAsk, RangeSaid, Refusal, Text,
    TxnAsk, TxnSaid, WatchAsk, WatchCreate,
};
use crate::model::rollout::EtcdSpec;
use crate::sys::clock::{Clock, SystemClock};

/// Writes that one commit may hold: etcd takes 128 by default.
const MOST_OPS: usize = 100;

/// Keys that are read at once.
const PAGE: u64 = 500;

/// How long a watch stays open before it is opened anew.
const WATCH_LIFE: Duration = Duration::from_secs(30);

/// How long is waited before a watch that ended is opened anew.
const AGAIN: Duration = Duration::from_millis(50);

/// A ledger on etcd.
#[derive(Debug)]
pub struct EtcdLedger {
    gateway: Gateway,
    prefix: String,
    stream: RefCell<Option<Stream>>,
}

impl EtcdLedger {
    /// Makes ready; nobody is asked before the first question. Files are looked for from `root`.
    ///
    /// # Errors
    /// [`LedgerError::Settings`] when a certificate, key or password cannot be used.
    pub fn new(spec: &EtcdSpec, root: &Path) -> Result<Self, LedgerError> {
        Ok(Self {
            gateway: Gateway::new(spec, root)?,
            prefix: spec.prefix.clone(),
            stream: RefCell::new(None),
        })
    }

    fn key(&self, key: &str) -> Text {
        Text(format!("{}{key}", self.prefix).into_bytes())
    }

    fn item(&self, found: KeyValue) -> Option<Item> {
        let key = found.key.text()?;
        Some(Item {
            key: key.strip_prefix(&self.prefix)?.to_owned(),
            value: found.value.text()?,
            create_rev: found.create_revision.0,
            mod_rev: found.mod_revision.0,
        })
    }

    /// Every page as of the revision of the first. None: that revision was compacted meanwhile.
    fn pages(&self, prefix: &str) -> Result<Option<Range>, LedgerError> {
        let first = self.key(prefix);
        let end = first.after_prefix();
        let (mut key, mut rev, mut items) = (first, 0, Vec::new());
        loop {
            let ask = RangeAsk { key, range_end: Some(end.clone()), limit: Num(PAGE), revision: Num(rev) };
            let said: RangeSaid = match self.gateway.ask("/v3/kv/range", &ask)? {
                Asked::Said { said, .. } => said,
                Asked::Refused(refusal) if refusal.code == code::OUT_OF_RANGE => return Ok(None),
                Asked::Refused(refusal) => return Err(refused(&refusal)),
            };
            rev = if rev == 0 { said.header.revision.0 } else { rev };
            let last = said.kvs.last().map(|found| found.key.0.clone());
            items.extend(said.kvs.into_iter().filter_map(|found| self.item(found)));
            match last.filter(|_| said.more) {
                None => return Ok(Some(Range { items, rev })),
                Some(mut next) => {
                    next.push(0);
                    key = Text(next);
                }
            }
        }
    }

    fn compare(&self, expect: &Expect) -> Compare {
        let (target, create_revision, mod_revision) = match expect {
            Expect::Absent(_) => ("CREATE", Some(Num(0)), None),
            Expect::Made(_, rev) => ("CREATE", Some(Num(*rev)), None),
            Expect::Rev(_, rev) => ("MOD", None, Some(Num(*rev))),
        };
        let key = self.key(expect.key());
        Compare { key, result: "EQUAL", target, create_revision, mod_revision }
    }

    fn read(&self, key: &str) -> OpAsk {
        OpAsk::Range(RangeAsk { key: self.key(key), range_end: None, limit: Num(0), revision: Num(0) })
    }

    fn txn(&self, ask: &TxnAsk) -> Result<Asked<TxnSaid>, LedgerError> {
        self.gateway.ask("/v3/kv/txn", ask)
    }

    /// Whether an earlier question, whose answer was lost, wrote exactly this: at which revision.
    fn written(&self, ops: &[Op], lease: Option<u64>) -> Result<Option<u64>, LedgerError> {
        let reads = ops.iter().map(|op| match op {
            Op::Put(key, _) | Op::Delete(key) => self.read(key),
        });
        let ask = TxnAsk { compare: Vec::new(), success: reads.collect(), failure: Vec::new() };
        let said = match self.txn(&ask)? {
            Asked::Said { said, .. } => said,
            Asked::Refused(refusal) => return Err(refused(&refusal)),
        };
        let mut rev = None;
        for (op, found) in ops.iter().zip(said.responses) {
            let found = found.response_range.unwrap_or_default().kvs.into_iter().next();
            match (op, found) {
                (Op::Delete(_), None) => {}
                (Op::Put(_, value), Some(found))
                    if found.value == Text::of(value)
                        && found.lease.0 == lease.unwrap_or(0)
                        && rev.is_none_or(|rev| rev == found.mod_revision.0) =>
                {
                    rev = Some(found.mod_revision.0);
                }
                _ => return Ok(None),
            }
        }
        Ok(rev)
    }

    fn arm(&self, prefix: &str, after: u64) -> Result<Stream, LedgerError> {
        let key = self.key(prefix);
        let create_request =
            WatchCreate { range_end: key.after_prefix(), key, start_revision: Num(after.saturating_add(1)) };
        let open = self.gateway.stream("/v3/watch", &WatchAsk { create_request }, WATCH_LIFE);
        Stream::open((prefix.to_owned(), self.gateway.turn(), after), self.prefix.len(), open)
            .ok_or_else(|| LedgerError::Unavailable { why: "this machine has no thread left".to_owned() })
    }
}

/// A refusal that is no answer to what was asked.
fn refused(refusal: &Refusal) -> LedgerError {
    LedgerError::Refused { why: refusal.message.clone() }
}

impl Ledger for EtcdLedger {
    fn most_ops(&self) -> usize {
        MOST_OPS
    }

    fn range(&self, prefix: &str) -> Result<Range, LedgerError> {
        loop {
            if let Some(range) = self.pages(prefix)? {
                return Ok(range);
            }
        }
    }

    fn commit(&self, expect: &[Expect], ops: &[Op], lease: Option<u64>) -> Result<Committed, LedgerError> {
        if ops.len() > MOST_OPS {
            return Err(LedgerError::TooMany { ops: ops.len() });
        }
        let put = |op: &Op| match op {
            Op::Put(key, value) => {
                OpAsk::Put { key: self.key(key), value: Text::of(value), lease: Num(lease.unwrap_or(0)) }
            }
            Op::Delete(key) => OpAsk::Delete { key: self.key(key) },
        };
        let ask = TxnAsk {
            compare: expect.iter().map(|expect| self.compare(expect)).collect(),
            success: ops.iter().map(put).collect(),
            failure: expect.iter().map(|expect| self.read(expect.key())).collect(),
        };
        let (said, again) = match self.txn(&ask)? {
            Asked::Said { said, again } => (said, again),
            Asked::Refused(refusal) if refusal.code == code::NOT_FOUND => {
                return Err(LedgerError::LeaseGone { lease: lease.unwrap_or(0) });
            }
            Asked::Refused(refusal) => return Err(refused(&refusal)),
        };
        if said.succeeded {
            return Ok(Committed::At(said.header.revision.0));
        }
        if again && let Some(rev) = self.written(ops, lease)? {
            return Ok(Committed::At(rev));
        }
        let differs = |expect: &Expect, found: Option<&KeyValue>| match expect {
            Expect::Absent(_) => found.is_some(),
            Expect::Rev(_, rev) => found.is_none_or(|found| found.mod_revision.0 != *rev),
            Expect::Made(_, rev) => found.is_none_or(|found| found.create_revision.0 != *rev),
        };
        let found = said.responses.iter().map(|said| said.response_range.as_ref()?.kvs.first());
        let first = expect.iter().zip(found).find(|(expect, found)| differs(expect, *found));
        let key = first.map_or_else(String::new, |(expect, _)| expect.key().to_owned());
        Ok(Committed::Conflict(key))
    }

    fn watch(&self, prefix: &str, after: u64, wait: Duration) -> Result<Watched, LedgerError> {
        let clock = SystemClock::new();
        let mut held = self.stream.borrow_mut();
        loop {
            let usable = held.as_ref().is_some_and(|stream| {
                stream.prefix == prefix && stream.handed <= after && stream.turn == self.gateway.turn()
            });
            if !usable {
                *held = Some(self.arm(prefix, after)?);
            }
            let Some(stream) = held.as_mut() else { continue };
            let left = wait.saturating_sub(clock.monotonic());
            match stream.next(left) {
                None => return Ok(Watched::Changes(Vec::new(), after)),
                Some(Came::Changes(mut changes)) => {
                    // What the stream sends piece by piece is handed out as it stands there.
                    while let Some(Came::Changes(more)) = stream.next(Duration::ZERO) {
                        changes.extend(more);
                    }
                    stream.handed = changes.last().map_or(stream.handed, |last| last.rev);
                    changes.retain(|change| change.rev > after);
                    if let Some(rev) = changes.last().map(|last| last.rev) {
                        return Ok(Watched::Changes(changes, rev));
                    }
                }
                Some(Came::Compacted) => {
                    *held = None;
                    return Ok(Watched::Compacted);
                }
                Some(Came::Ended) => {
                    *held = None;
                    // The next question finds out which member answers, and renews what the stream cannot.
                    self.range(prefix)?;
                    if wait <= clock.monotonic() {
                        return Ok(Watched::Changes(Vec::new(), after));
                    }
                    clock.sleep(AGAIN);
                }
            }
        }
    }

    fn lease(&self, ttl: Duration) -> Result<u64, LedgerError> {
        let ttl = Num(ttl.as_millis().div_ceil(1_000).try_into().unwrap_or(u64::MAX));
        let said: LeaseSaid =
            match self.gateway.ask("/v3/lease/grant", &LeaseAsk { id: Num(0), ttl: Some(ttl) })? {
                Asked::Said { said, .. } => said,
                Asked::Refused(refusal) => return Err(refused(&refusal)),
            };
        Ok(said.id.0)
    }

    fn keep_alive(&self, lease: u64) -> Result<(), LedgerError> {
        let ask = LeaseAsk { id: Num(lease), ttl: None };
        match self.gateway.ask::<Piece<LeaseSaid>>("/v3/lease/keepalive", &ask)? {
            Asked::Said { said: Piece::Result(said), .. } if said.ttl.0 > 0 => Ok(()),
            Asked::Said { said: Piece::Result(_), .. } => Err(LedgerError::LeaseGone { lease }),
            Asked::Said { said: Piece::Error(refusal), .. } | Asked::Refused(refusal) => {
                Err(refused(&refusal))
            }
        }
    }

    fn end_lease(&self, lease: u64) -> Result<(), LedgerError> {
        match self.gateway.ask::<Nothing>("/v3/lease/revoke", &LeaseAsk { id: Num(lease), ttl: None })? {
            Asked::Said { .. } => Ok(()),
            Asked::Refused(refusal) if refusal.code == code::NOT_FOUND => Ok(()),
            Asked::Refused(refusal) => Err(refused(&refusal)),
        }
    }
}
