//! The same thing twice at the same moment.

use crate::support::{Host, binary};

#[test]
fn the_same_key_twice_at_once_runs_its_command_once() {
    let host = Host::new();
    let (root, holdpoint) = (host.root().display(), binary());
    let one = format!("{holdpoint} once key -- sh -c 'echo ran >>{root}/ran; sleep 1' &");
    host.script("1234", "x", &format!("{one}\n{one}\n{one}\nwait\n{holdpoint} once key -- false"));
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(std::fs::read_to_string(host.root().join("ran")).unwrap(), "ran\n");
}

#[test]
fn whoever_waited_runs_it_when_the_first_one_failed() {
    let host = Host::new();
    let (root, holdpoint) = (host.root().display(), binary());
    let one = format!(
        "{holdpoint} once key -- sh -c 'echo ran >>{root}/ran; sleep 0.5; mkdir {root}/first && exit 1; exit 0'"
    );
    host.script("1234", "x", &format!("{one} & {one} || true\nwait || true"));
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(std::fs::read_to_string(host.root().join("ran")).unwrap(), "ran\nran\n");
}
