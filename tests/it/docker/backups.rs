//! The backup verbs on a real volume of a real container, apart from any release.

use super::both;
use super::engine::{Generation, Well};
use super::stack::{Piece, Stack};
use crate::support::manifest;

/// The sets of `db`, oldest first.
fn sets(stack: &Stack) -> Vec<String> {
    let rows = stack.host.run(["backup", "list", "db", "--json"]).exits(0).json();
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row["stamp"].as_str().unwrap().to_owned()).collect()
}

/// Takes a set with the volume as it is; answers with its stamp.
fn take(stack: &Stack) -> String {
    stack.host.run(["backup", "take", "db"]).exits(0);
    sets(stack).pop().unwrap()
}

both!(sets_of_a_volume_are_taken_proven_put_back_and_pruned, |generation: Generation| {
    let kept = "[{ kind = \"volume\", volume = \"PROJECT_db_data\", keep = 2 }]";
    let stack = Stack::of(generation, "", vec![Piece::db().backup(kept)]);
    let host = &stack.host;
    stack.get("db", "/cgi-bin/put?colour=green");
    let green = manifest(&stack.volume());
    let container = stack.container("db");
    let first = take(&stack);
    assert_eq!(stack.container("db"), container, "a backup leaves the container alone");
    assert_eq!(stack.get("db", "/data/colour"), "green", "and it goes on afterwards");
    host.run(["backup", "list"]).exits(0).shows(&first).shows("db");
    host.run(["backup", "verify", "db", &first]).exits(0);

    // Put back: the running container stops for it, and runs again.
    stack.get("db", "/cgi-bin/put?colour=red");
    stack.get("db", "/cgi-bin/put?added=new");
    host.run(["backup", "restore", "db", &first, "--dry-run"]).exits(0).shows("db_data");
    assert_eq!(stack.get("db", "/data/colour"), "red");
    host.run(["backup", "restore", "db", &first, "--yes"]).exits(0).shows("safety copy of db");
    assert_eq!(manifest(&stack.volume()), green);
    assert_eq!(stack.get("db", "/data/colour"), "green");
    assert_eq!(stack.get("db", "/version"), "db:1");

    // A release that can be taken back names its set; whatever comes after it does not push it out.
    stack.publish("db", "2", Well::AtOnce);
    stack.release("1234", "db", "2");
    host.run(["run", "1234"]).exits(0);
    let named = host.state("1234", "BACKUPS").strip_prefix("db=").unwrap().to_owned();
    let later: Vec<String> = (0..3).map(|_| take(&stack)).collect();
    host.run(["backup", "prune", "--yes"]).exits(0);
    assert_eq!(sets(&stack), [named.clone(), later[1].clone(), later[2].clone()]);
    let shelf = host.workspace("backups/db");
    assert!(!shelf.join(&first).exists() && !shelf.join(&later[0]).exists(), "they are really gone");
    host.run(["backup", "prune", "--yes"]).exits(0).shows("nothing may go");

    host.run(["backup", "verify"]).exits(0);
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(manifest(&stack.volume()), green);
    assert_eq!(stack.get("db", "/version"), "db:1");
    host.run(["logs", "db"]).exits(0).shows("server db:1");
});
