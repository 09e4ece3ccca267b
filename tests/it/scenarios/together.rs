//! Two people at once: one holds the host, the other is told who.

use crate::support::{Host, wait_until};

#[test]
fn the_second_run_is_told_who_holds_the_host() {
    let host = Host::new();
    let (inside, go) = (host.root().join("inside"), host.root().join("go"));
    let waits = format!(": >{}\nuntil test -e {}; do sleep 0.05; done", inside.display(), go.display());
    host.script("1234", "slow", &waits);
    host.ships("1234", "wikijs", "2");
    let first = host.start(["run", "1234"]);
    wait_until("the first is inside its script", || inside.exists());
    let (log, calls) = (host.log("1234"), host.calls());

    let second = host.run(["run", "1235"]).exits(3);
    insta::assert_snapshot!(host.screen(&second), @"
    ✗ locked: this host is held by `deploy` since TIME, on `1234` from phase prepare (process N)
      → watch it: `holdpoint log 1234 -f`
      → wait for it: the same command with `--lock-wait 10m`
    ");
    host.run(["revert", "1234", "--yes"]).exits(3).shows("1234");
    let told = host.run(["run", "1235", "--json"]).exits(3);
    insta::assert_snapshot!(host.screen(&told), @r#"{"error":{"ending":"locked","exit":3,"code":"locked","message":"this host is held by `deploy` since TIME, on `1234` from phase prepare (process N)","causes":[],"hints":["watch it: `holdpoint log 1234 -f`","wait for it: the same command with `--lock-wait 10m`"]}}"#);
    assert_eq!((host.log("1234"), host.calls()), (log, calls), "to be told changes nothing");
    assert!(!host.workspace("releases/1235.log").exists(), "nor is it a release of its own");

    std::fs::write(go, "").unwrap();
    first.wait().exits(0);
    host.run(["run", "1235"]).exits(5);
}

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
