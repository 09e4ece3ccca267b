//! The three keys of an agent: `agents/HOST/order`, which it reads, and `agents/HOST/answer` and `agents/HOST/alive`, which it
//! writes. Where the ledger has users an agent's may do just that.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::fleet::ledger::{Expect, Item, Ledger, LedgerError};
use crate::model::gather::Gather;
use crate::model::rollout::{HostName, Order, Word};

/// What all of them begin with.
const AGENTS: &str = "agents/";

pub(super) fn all_of(host: &HostName) -> String {
    format!("{AGENTS}{host}/")
}

pub(super) fn order(host: &HostName) -> String {
    format!("{AGENTS}{host}/order")
}

pub(super) fn answer(host: &HostName) -> String {
    format!("{AGENTS}{host}/answer")
}

pub(super) fn alive(host: &HostName) -> String {
    format!("{AGENTS}{host}/alive")
}

/// The item of exactly this key.
pub(super) fn one(ledger: &dyn Ledger, key: &str) -> Result<(Option<Item>, u64), LedgerError> {
    let range = ledger.range(key)?;
    Ok((range.items.into_iter().find(|item| item.key == key), range.rev))
}

/// That a key still is what was read.
pub(super) fn unchanged(key: &str, item: Option<&Item>) -> Expect {
    item.map_or_else(|| Expect::Absent(key.to_owned()), |item| Expect::Rev(key.to_owned(), item.mod_rev))
}

/// What a key holds. What cannot be read was written by another version, and counts as nothing.
pub(super) fn read<T: DeserializeOwned>(item: Option<&Item>) -> Option<T> {
    serde_json::from_str(&item?.value).ok()
}

pub(super) fn text(value: &impl Serialize) -> String {
    // Our own records hold nothing that JSON cannot say.
    serde_json::to_string(value).unwrap_or_default()
}

/// Everything that stands there of one host.
#[derive(Debug, Default)]
pub(super) struct Post {
    /// The key of the order, as it is.
    pub(super) item: Option<Item>,
    /// The order.
    pub(super) order: Option<Order>,
    /// What its agent said last.
    pub(super) word: Option<Word>,
    /// The machine that its agent runs on; none: no agent is connected.
    pub(super) alive: Option<String>,
}

impl Post {
    pub(super) fn of(ledger: &dyn Ledger, host: &HostName) -> Result<Self, LedgerError> {
        let mut items: BTreeMap<String, Item> = BTreeMap::new();
        for item in ledger.range(&all_of(host))?.items {
            items.insert(item.key.clone(), item);
        }
        let order_item = items.remove(&order(host));
        Ok(Self {
            order: read(order_item.as_ref()),
            item: order_item,
            word: read(items.get(&answer(host))),
            alive: items.remove(&alive(host)).map(|item| item.value),
        })
    }
}

/// The agents that are connected, and the machine that each runs on.
///
/// # Errors
/// What the ledger says.
pub fn agents(ledger: &dyn Ledger) -> Result<BTreeMap<HostName, String>, LedgerError> {
    let items = ledger.range(AGENTS)?.items;
    Ok(items
        .into_iter()
        .filter_map(|item| {
            let host = item.key.strip_prefix(AGENTS)?.strip_suffix("/alive")?;
            Some((host.parse().ok()?, item.value))
        })
        .gather())
}
