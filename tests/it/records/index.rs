//! The listing index may be lost, break or fall behind: it is made again, and that is said.

use crate::support::Host;

fn released() -> Host {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    host
}

#[test]
fn an_index_that_a_release_left_is_true_and_nothing_is_said() {
    let host = released();
    host.run(["list"]).exits(0).shows("1234@1").hides("index");
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    host.run(["close", "1234", "--reason", "x"]);
    host.run(["list"]).exits(0).shows("1235@1").hides("index");
}

#[test]
fn a_lost_or_broken_index_is_made_again_and_that_is_said_once() {
    type Harm = fn(&std::path::Path);
    let harms: [(&str, Harm); 3] = [
        ("was missing", |path| std::fs::remove_file(path).unwrap()),
        ("could not be read", |path| {
            std::fs::write(path, "no database, and long enough to be sure of that\n").unwrap();
        }),
        ("did not say what it had seen", |path| std::fs::write(path, "").unwrap()),
    ];
    for (said, harm) in harms {
        let host = released();
        harm(&host.workspace("index.sqlite"));
        host.run(["list"]).exits(0).shows("1234@1").shows(said);
        host.run(["list"]).exits(0).shows("1234@1").hides("index");
    }
}

#[test]
fn an_index_that_fell_behind_catches_up_and_that_is_said_once() {
    let host = released();
    let (index, old) = (host.workspace("index.sqlite"), host.root().join("old"));
    std::fs::copy(&index, &old).unwrap();
    host.run(["revert", "1234", "--yes", "--discard-writes"]).exits(0);
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235", "--reintroduce", "1234", "--reason", "x"]).exits(0);
    // As after a crash between the state's save and the index.
    std::fs::copy(&old, &index).unwrap();
    let listed = host.run(["list"]).exits(0).shows("fallen behind for `1234`, `1235`");
    assert!(listed.stdout.contains("reverted") && listed.stdout.contains("1235@1"), "{listed}");
    host.run(["list"]).exits(0).hides("fallen behind");
    // A ticket whose records are gone is no row any more.
    for end in ["env", "log"] {
        std::fs::remove_file(host.workspace(&format!("releases/1235.{end}"))).unwrap();
    }
    host.run(["list"]).exits(0).shows("1234@1").hides("1235@1");
}

#[test]
fn a_damaged_record_or_an_index_that_cannot_be_made_does_not_stop_the_list() {
    let host = released();
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    let log = host.log("1234").replacen("event=done", "event=dune", 1);
    host.write(".asd/workspace/releases/1234.log", &log);
    std::fs::remove_file(host.workspace("index.sqlite")).unwrap();
    host.run(["list"]).exits(0).shows("1235@1").shows("without `1234`, which is damaged");
    std::fs::remove_file(host.workspace("index.sqlite")).unwrap();
    std::fs::create_dir(host.workspace("index.sqlite")).unwrap();
    host.run(["list"]).exits(0).shows("1235@1");
    host.run(["close", "1235", "--reason", "x"]).hides("panicked");
}
