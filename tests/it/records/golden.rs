//! Records of released formats open in this version (P15).

use crate::support::Host;
use crate::support::tally::Tally;

#[test]
fn records_of_format_1_are_read_by_every_verb_that_looks() {
    let host = Host::new();
    let (log, state) =
        (include_str!("../../golden/format-1/1234.log"), include_str!("../../golden/format-1/1234.env"));
    host.write(".asd/workspace/releases/1234.log", log);
    host.write(".asd/workspace/releases/1234.env", state);
    let mut tally = Tally::new("P15", "verbs that look at records of format 1");
    tally.case("log --verify", || host.run(["log", "1234", "--verify"]).exits(0));
    let records = host.run(["log", "1234", "--json"]).exits(0).stdout;
    let kinds = log.lines().map(|line| line.split_once(" event=").unwrap().1.split(' ').next().unwrap());
    for kind in kinds {
        tally.case(kind, || assert!(records.contains(&format!("\"{kind}\"")), "{kind}: {records}"));
    }
    tally.case("state --export", || {
        assert_eq!(host.run(["state", "1234", "--export"]).exits(0).stdout, state);
    });
    tally.case("state", || host.run(["state", "1234"]).exits(0).hides("rebuilt"));
    tally.case("list", || host.run(["list", "--all"]).exits(0).shows("1234@1"));
    tally.end();
}
