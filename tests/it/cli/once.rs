//! `once`

use crate::support::{Host, binary};

#[test]
fn once_is_for_scripts_of_a_release() {
    let host = Host::new();
    host.run(["once", "import", "--", "true"]).fails().shows("ticket script");
}

#[test]
fn a_command_that_failed_is_not_done_and_one_that_ended_well_is() {
    let host = Host::new();
    let root = host.root().display();
    let holdpoint = binary();
    host.script(
        "1234",
        "x",
        &format!(
            "{holdpoint} once first -- sh -c 'echo first >>{root}/ran'\n\
             {holdpoint} once second -- sh -c 'echo second >>{root}/ran; test -e {root}/ready'\n\
             {holdpoint} once 'odd key $(id)' -- true"
        ),
    );
    host.push();
    host.run(["run", "1234"]).exits(1);
    std::fs::write(host.root().join("ready"), "").unwrap();
    host.run(["run", "1234", "--from=ticket"]);
    assert_eq!(std::fs::read_to_string(host.root().join("ran")).unwrap(), "first\nsecond\nsecond\n");
}
