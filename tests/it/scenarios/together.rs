//! Two people at once: one holds the host, the other is told who.

use crate::support::Host;

#[test]
fn of_many_that_start_at_once_one_releases() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let runs: Vec<_> = (0..6).map(|_| host.start(["run", "1234"])).collect();
    let mut codes: Vec<i32> = runs.into_iter().map(|run| run.wait().code.unwrap()).collect();
    codes.sort_unstable();
    assert_eq!(codes.iter().filter(|code| **code == 0).count(), 1, "{codes:?}");
    assert!(codes.iter().all(|code| [0, 3, 4, 5].contains(code)), "{codes:?}");
    assert_eq!(host.calls(), ["wikijs pull wikijs:2", "wikijs recreate wikijs:2"]);
    host.run(["log", "1234", "--verify"]).exits(0);
}
