//! What every ledger keeps to. Written against the contract alone.

use std::time::Duration;

use super::{Change, Committed, Expect, Ledger, LedgerError, Op, SqliteLedger, Watched};

/// Opens the same ledger once more, as another process would.
type Opens<'a> = &'a (dyn Fn() -> Box<dyn Ledger> + Sync);

const LONG: Duration = Duration::from_mins(10);

fn put(key: &str, value: &str) -> Op {
    Op::Put(key.to_owned(), value.to_owned())
}

fn at(committed: Committed) -> u64 {
    match committed {
        Committed::At(rev) => rev,
        Committed::Conflict(key) => panic!("conflict over {key}"),
    }
}

fn keys(ledger: &dyn Ledger, prefix: &str) -> Vec<String> {
    ledger.range(prefix).unwrap().items.into_iter().map(|item| item.key).collect()
}

fn revisions_only_rise(opens: Opens<'_>) {
    let ledger = opens();
    let one = at(ledger.commit(&[], &[put("r/a", "1"), put("r/b", "1")], None).unwrap());
    let two = at(ledger.commit(&[], &[put("r/a", "2")], None).unwrap());
    assert!(two > one);
    let range = opens().range("r/").unwrap();
    assert_eq!(range.rev, two);
    let seen: Vec<_> = range
        .items
        .iter()
        .map(|item| (item.key.as_str(), item.value.as_str(), item.create_rev, item.mod_rev))
        .collect();
    assert_eq!(seen, [("r/a", "2", one, two), ("r/b", "1", one, one)]);
    assert_eq!(keys(&*ledger, "r/b"), ["r/b"]);
    assert_eq!(keys(&*ledger, "nothing/"), [""; 0]);
}

fn a_commit_compares_before_it_writes(opens: Opens<'_>) {
    let ledger = opens();
    let made = at(ledger.commit(&[Expect::Absent("c/a".into())], &[put("c/a", "1")], None).unwrap());
    let conflict = Committed::Conflict("c/a".into());
    let absent = ledger.commit(&[Expect::Absent("c/a".into())], &[put("c/b", "x")], None).unwrap();
    assert_eq!(absent, conflict);
    let changed = at(ledger.commit(&[Expect::Rev("c/a".into(), made)], &[put("c/a", "2")], None).unwrap());
    let stale = opens().commit(&[Expect::Rev("c/a".into(), made)], &[put("c/b", "x")], None).unwrap();
    assert_eq!(stale, conflict);
    assert_eq!(keys(&*ledger, "c/"), ["c/a"], "nothing of a refused commit is written");
    at(ledger.commit(&[Expect::Made("c/a".into(), made)], &[], None).unwrap());
    // Taken away and made again it is another key: a fence that was lost stays lost.
    at(ledger.commit(&[Expect::Rev("c/a".into(), changed)], &[Op::Delete("c/a".into())], None).unwrap());
    at(ledger.commit(&[], &[put("c/a", "3")], None).unwrap());
    assert_eq!(
        ledger.commit(&[Expect::Made("c/a".into(), made)], &[put("c/b", "x")], None).unwrap(),
        conflict
    );
}

fn racing_commits_are_made_one_after_the_other(opens: Opens<'_>) {
    opens().commit(&[], &[put("race", "0")], None).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            let work = || {
                let ledger = opens();
                let mut made = 0;
                while made < 25 {
                    let item = ledger.range("race").unwrap().items.remove(0);
                    let next = item.value.parse::<u32>().unwrap() + 1;
                    let expect = Expect::Rev("race".into(), item.mod_rev);
                    let done = ledger.commit(&[expect], &[put("race", &next.to_string())], None).unwrap();
                    made += u32::from(matches!(done, Committed::At(_)));
                }
            };
            let _ = std::thread::Builder::new().spawn_scoped(scope, work).unwrap();
        }
    });
    assert_eq!(opens().range("race").unwrap().items[0].value, "100");
}

fn a_watch_tells_everything_in_order(opens: Opens<'_>) {
    let ledger = opens();
    let before = ledger.range("w/").unwrap().rev;
    assert_eq!(ledger.watch("w/", before, Duration::ZERO).unwrap(), Watched::Changes(Vec::new(), before));
    let one = at(opens().commit(&[], &[put("w/a", "1"), put("other", "x")], None).unwrap());
    let two =
        at(opens().commit(&[], &[Op::Delete("w/a".into()), Op::Delete("w/never".into())], None).unwrap());
    let change =
        |rev, value: Option<&str>| Change { rev, key: "w/a".into(), value: value.map(str::to_owned) };
    let (mut seen, mut after) = (Vec::new(), before);
    while after < two {
        let Watched::Changes(more, rev) = ledger.watch("w/", after, LONG).unwrap() else {
            panic!("compacted")
        };
        seen.extend(more);
        after = rev;
    }
    assert_eq!(seen, [change(one, Some("1")), change(two, None)]);
    let rest = Watched::Changes(vec![change(two, None)], two);
    assert_eq!(opens().watch("w/", one, LONG).unwrap(), rest, "it can be resumed");
    // What we wrote ourselves is not told when we ask from there; what comes later, is.
    let mine = at(ledger.commit(&[], &[put("w/b", "1")], None).unwrap());
    let after = mine;
    assert_eq!(ledger.watch("w/", after, Duration::ZERO).unwrap(), Watched::Changes(Vec::new(), after));
    let theirs = at(opens().commit(&[], &[put("w/c", "2")], None).unwrap());
    let change = Change { rev: theirs, key: "w/c".into(), value: Some("2".into()) };
    assert_eq!(ledger.watch("w/", after, LONG).unwrap(), Watched::Changes(vec![change], theirs));
}

fn a_range_is_whole_however_long(opens: Opens<'_>) {
    let ledger = opens();
    for part in 0..13 {
        let ops: Vec<Op> = (0..100).map(|n| put(&format!("many/{part:02}-{n:02}"), "x")).collect();
        assert!(ops.len() <= ledger.most_ops());
        at(ledger.commit(&[], &ops, None).unwrap());
    }
    at(ledger.commit(&[], &[put("many0", "behind it")], None).unwrap());
    let found = keys(&*ledger, "many/");
    assert_eq!((found.len(), found.is_sorted()), (1_300, true));
}

fn a_lease_takes_its_keys_with_it(opens: Opens<'_>) {
    let ledger = opens();
    let lease = ledger.lease(LONG).unwrap();
    at(ledger.commit(&[Expect::Absent("l/leader".into())], &[put("l/leader", "one")], Some(lease)).unwrap());
    at(ledger.commit(&[], &[put("l/stays", "x")], None).unwrap());
    let made = ledger.range("l/leader").unwrap().items[0].create_rev;
    ledger.keep_alive(lease).unwrap();
    opens().end_lease(lease).unwrap();
    assert_eq!(keys(&*ledger, "l/"), ["l/stays"]);
    assert!(matches!(ledger.keep_alive(lease), Err(LedgerError::LeaseGone { .. })));
    let late = ledger.commit(&[], &[put("l/leader", "one")], Some(lease));
    assert!(matches!(late, Err(LedgerError::LeaseGone { .. })));
    // A deposed leader writes nothing, whoever leads now.
    let next = ledger.lease(LONG).unwrap();
    at(opens().commit(&[Expect::Absent("l/leader".into())], &[put("l/leader", "two")], Some(next)).unwrap());
    let deposed =
        ledger.commit(&[Expect::Made("l/leader".into(), made)], &[put("l/stays", "y")], None).unwrap();
    assert_eq!(deposed, Committed::Conflict("l/leader".into()));
    assert_eq!(ledger.range("l/stays").unwrap().items[0].value, "x");
}

fn a_lease_that_is_not_kept_ends(opens: Opens<'_>) {
    let ledger = opens();
    let lease = ledger.lease(Duration::from_millis(50)).unwrap();
    let kept = ledger.lease(LONG).unwrap();
    let rev = at(ledger.commit(&[], &[put("e/short", "x")], Some(lease)).unwrap());
    at(ledger.commit(&[], &[put("e/long", "x")], Some(kept)).unwrap());
    let Watched::Changes(changes, _) = opens().watch("e/short", rev, LONG).unwrap() else {
        panic!("compacted")
    };
    assert_eq!((changes[0].key.as_str(), &changes[0].value), ("e/short", &None));
    assert_eq!(keys(&*ledger, "e/"), ["e/long"]);
    assert!(matches!(ledger.keep_alive(lease), Err(LedgerError::LeaseGone { .. })));
}

/// How many rules that are.
pub(crate) const RULES: usize = 7;

/// Everything that a ledger keeps to.
pub(crate) fn conforms(opens: Opens<'_>) {
    revisions_only_rise(opens);
    a_commit_compares_before_it_writes(opens);
    racing_commits_are_made_one_after_the_other(opens);
    a_watch_tells_everything_in_order(opens);
    a_range_is_whole_however_long(opens);
    a_lease_takes_its_keys_with_it(opens);
    a_lease_that_is_not_kept_ends(opens);
}

#[test]
fn the_embedded_ledger_keeps_the_contract() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollouts.sqlite");
    conforms(&|| Box::new(SqliteLedger::open(&path).unwrap()));
    count_cases!("P16", "rules of the ledger's contract, embedded", RULES);
}

#[test]
fn a_file_of_a_newer_form_is_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rollouts.sqlite");
    drop(SqliteLedger::open(&path).unwrap());
    let connection = rusqlite::Connection::open(&path).unwrap();
    connection.pragma_update(None, "user_version", 99).unwrap();
    drop(connection);
    assert!(matches!(SqliteLedger::open(&path), Err(LedgerError::Newer { form: 99, .. })));
}
