//! The ledger on real members of etcd: the contract, and what becomes of it when members die, stand still or are cut off.
#![expect(clippy::disallowed_methods, reason = "real members are started and stopped")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread::scope;
use std::time::Duration;

use serde_json::json;

pub(crate) use self::etcd::Etcd;
use self::etcd::Signal;
use self::port::Port;
pub(crate) use self::skip::lacks;
use super::conformance::{RULES, conforms};
use super::{Committed, EtcdLedger, Expect, Ledger, LedgerError, Op, Watched};
use crate::model::rollout::EtcdSpec;

#[path = "../../../tests/it/support/etcd.rs"]
mod etcd;
#[path = "../../../tests/it/support/port.rs"]
mod port;
#[path = "../../../tests/it/support/skip.rs"]
mod skip;

/// A ledger on these members.
pub(crate) fn ledger(endpoints: &[String]) -> EtcdLedger {
    let spec = EtcdSpec {
        endpoints: endpoints.to_vec(),
        ca: None,
        client: None,
        login: None,
        prefix: "t/".to_owned(),
    };
    EtcdLedger::new(&spec, Path::new("/")).unwrap()
}

fn put(ledger: &EtcdLedger, key: &str, value: &str) -> u64 {
    match ledger.commit(&[], &[Op::Put(key.to_owned(), value.to_owned())], None).unwrap() {
        Committed::At(rev) => rev,
        Committed::Conflict(key) => panic!("conflict over {key}"),
    }
}

#[test]
fn a_ledger_on_etcd_keeps_the_contract() {
    if lacks(&["etcd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cluster = Etcd::of(3, folder.path());
    conforms(&|| Box::new(ledger(&cluster.endpoints())));
    count_cases!("P16", "rules of the ledger's contract, etcd", RULES);

    // What was compacted away is said to be gone, and the range tells where to go on.
    let ledger = ledger(&cluster.endpoints());
    let old = put(&ledger, "old", "1");
    let new = put(&ledger, "old", "2");
    cluster.ask(0, "/v3/kv/compaction", &json!({ "revision": new.to_string(), "physical": true }));
    assert_eq!(ledger.watch("old", old - 1, Duration::from_secs(30)).unwrap(), Watched::Compacted);
    let range = ledger.range("old").unwrap();
    assert_eq!((range.items[0].value.as_str(), range.rev), ("2", new));
    let none = Watched::Changes(Vec::new(), new);
    assert_eq!(ledger.watch("old", range.rev, Duration::ZERO).unwrap(), none);
    // More than it takes is refused before it is sent.
    let many: Vec<Op> = (0..=ledger.most_ops()).map(|n| Op::Put(format!("n/{n}"), String::new())).collect();
    assert!(matches!(ledger.commit(&[], &many, None), Err(LedgerError::TooMany { ops: 101 })));
}

#[test]
fn nothing_acknowledged_is_lost_when_the_leader_is_killed() {
    if lacks(&["etcd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cluster = Mutex::new(Etcd::of(3, folder.path()));
    let endpoints = cluster.lock().unwrap().endpoints();
    let first = cluster.lock().unwrap().leader();
    let acknowledged = Mutex::new(BTreeMap::new());
    let count = AtomicUsize::new(0);
    scope(|scope| {
        for writer in 0..4 {
            let (endpoints, acknowledged, count) = (&endpoints, &acknowledged, &count);
            let work = move || {
                let ledger = ledger(endpoints);
                for n in 0.. {
                    if count.load(Ordering::SeqCst) >= 600 {
                        break;
                    }
                    let key = format!("w{writer}/{n:05}");
                    let made = ledger
                        .commit(&[Expect::Absent(key.clone())], &[Op::Put(key.clone(), n.to_string())], None)
                        .unwrap();
                    let Committed::At(rev) = made else { panic!("{key} was written by nobody else") };
                    acknowledged
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .insert(key, (n.to_string(), rev));
                    count.fetch_add(1, Ordering::SeqCst);
                }
            };
            let _ = std::thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
        while count.load(Ordering::SeqCst) < 200 {
            std::thread::sleep(Duration::from_millis(1));
        }
        cluster.lock().unwrap().kill(first);
    });
    // It comes back with what is on its disk, and answers as the others do.
    cluster.lock().unwrap().start(first);
    cluster.lock().unwrap().wait_ready();
    let acknowledged = acknowledged.into_inner().unwrap();
    for endpoint in &endpoints {
        let items = ledger(std::slice::from_ref(endpoint)).range("w").unwrap().items;
        let there: BTreeMap<_, _> =
            items.into_iter().map(|item| (item.key, (item.value, item.mod_rev))).collect();
        let lost: Vec<_> = acknowledged.iter().filter(|(key, said)| there.get(*key) != Some(said)).collect();
        assert!(lost.is_empty(), "{endpoint} lost {lost:?}");
    }
    assert!(acknowledged.len() >= 600);
    count_cases!("P16", "acknowledged writes, leader of etcd killed", acknowledged.len());
}

#[test]
fn a_member_that_is_cut_off_decides_nothing_and_tells_nothing_old() {
    if lacks(&["etcd"]) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let cluster = Etcd::of(3, folder.path());
    let endpoints = cluster.endpoints();
    let cut = cluster.leader();
    let others: Vec<String> =
        endpoints.iter().enumerate().filter(|(at, _)| *at != cut).map(|(_, text)| text.clone()).collect();
    let writer = ledger(&others);
    let rev = put(&writer, "decision", "old");
    // The leader stands still; the others choose another one and go on. Whoever asks it first is answered by them.
    cluster.signal(cut, Signal::STOP);
    let made = writer
        .commit(&[Expect::Rev("decision".into(), rev)], &[Op::Put("decision".into(), "new".into())], None)
        .unwrap();
    let Committed::At(made) = made else { panic!("nobody else decides") };
    let mut order = others.clone();
    order.insert(0, endpoints[cut].clone());
    assert_eq!(ledger(&order).range("decision").unwrap().items[0].value, "new");
    // The others stand still and it goes on, thinking that it leads: alone it says nothing, and writes nothing.
    for at in (0..3).filter(|at| *at != cut) {
        cluster.signal(at, Signal::STOP);
    }
    cluster.signal(cut, Signal::CONT);
    let alone = ledger(std::slice::from_ref(&endpoints[cut]));
    scope(|scope| {
        let read = scope.spawn(|| ledger(std::slice::from_ref(&endpoints[cut])).range("decision"));
        let late = alone.commit(
            &[Expect::Rev("decision".into(), rev)],
            &[Op::Put("decision".into(), "deposed".into())],
            None,
        );
        assert!(matches!(late, Err(LedgerError::Unavailable { .. })), "{late:?}");
        let read = read.join().unwrap();
        assert!(matches!(read, Err(LedgerError::Unavailable { .. })), "{read:?}");
    });
    for at in (0..3).filter(|at| *at != cut) {
        cluster.signal(at, Signal::CONT);
    }
    let item = alone.range("decision").unwrap().items.remove(0);
    assert_eq!((item.value.as_str(), item.mod_rev), ("new", made));
    count_cases!("P16", "rules of a member of etcd that is cut off", 4_usize);
}
