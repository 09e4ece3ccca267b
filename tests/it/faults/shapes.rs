//! Steps of every shape end within their limit and the grace, with all that they started; what a step leaves running in
//! order is left alone.

use super::lives;
use crate::support::{Host, lacks};

/// Releases a ticket with one script that may run for a second.
fn releases(body: &str) -> (Host, crate::support::Output) {
    let host = Host::new();
    let root = host.root().display().to_string();
    let body = body.replace("ROOT", &root);
    host.script("1234", "shape", &format!("# holdpoint: timeout=1s\n{body}"));
    host.ships("1234", "wikijs", "2");
    let output = host.run(["run", "1234"]);
    (host, output)
}

/// The process whose number the script wrote to a file.
fn pid(host: &Host, name: &str) -> i32 {
    std::fs::read_to_string(host.root().join(name)).unwrap().trim().parse().unwrap()
}

#[test]
fn a_tree_that_ignores_term_and_left_its_session_is_ended_whole() {
    let stubborn =
        "setsid bash -c 'trap \"\" TERM; echo $$ >ROOT/stubborn; while :; do sleep 1; done' &\nsleep 300";
    let (host, output) = releases(stubborn);
    output.exits(1).shows("did not end within 1s");
    assert!(!lives(pid(&host, "stubborn")));
}

#[test]
fn one_that_stopped_itself_is_ended() {
    let (host, output) = releases("echo $$ >ROOT/stopped\nkill -STOP $$");
    output.exits(1).shows("did not end within 1s");
    assert!(!lives(pid(&host, "stopped")));
}

#[test]
fn many_orphans_are_ended() {
    let many = "for n in $(seq 100); do (setsid sleep 300 & echo $! >>ROOT/many); done\nsleep 300";
    let (host, output) = releases(many);
    output.exits(1);
    let many = std::fs::read_to_string(host.root().join("many")).unwrap();
    let left: Vec<&str> = many.lines().filter(|pid| lives(pid.parse().unwrap())).collect();
    assert_eq!((many.lines().count(), left), (100, vec![]));
}

#[test]
fn endless_output_is_cut_off() {
    let host = Host::new();
    host.script(
        "1234",
        "shape",
        "exec yes 'a line that never ends to come, as long as anybody listens to it'",
    );
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("printed more than 100 MiB");
}

#[test]
fn a_daemon_that_a_step_started_lives_on_and_holds_nothing() {
    let daemon = "setsid sleep 300 >/dev/null 2>&1 </dev/null &\necho $! >ROOT/daemon";
    let (host, output) = releases(daemon);
    output.exits(0);
    let daemon = pid(&host, "daemon");
    assert!(lives(daemon));
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    super::kill(daemon);
}

#[test]
fn a_step_gets_three_descriptors_and_nothing_to_read() {
    let (host, output) = releases("ls /proc/self/fd >ROOT/open\ncat >ROOT/read");
    output.exits(0);
    // The fourth is the folder that `ls` itself has open.
    assert_eq!(std::fs::read_to_string(host.root().join("open")).unwrap(), "0\n1\n2\n3\n");
    assert_eq!(std::fs::read_to_string(host.root().join("read")).unwrap(), "");
}

#[test]
fn one_that_is_another_process_at_every_look_is_ended() {
    if lacks(&["perl"]) {
        return;
    }
    // Each starts its successor and is gone, in the step's group and in a session of its own.
    let hares = "hare='$SIG{TERM} = \"IGNORE\"; select(undef, undef, undef, 0.003), fork and exit while 1'\n\
                 for n in 1 2 3; do perl -e \"$hare\"; done\nsetsid perl -e \"$hare\"\nsleep 300";
    let (host, output) = releases(hares);
    output.exits(1).shows("did not end within 1s");
    let root = host.root().display();
    let steps = format!("HOLDPOINT_STEP_DIR={root}/prod/.asd/workspace/releases/1234/1/steps");
    let of_script = |entry: &[u8]| {
        let entry = String::from_utf8_lossy(entry);
        entry.starts_with(&steps) && entry.ends_with("-1234-shape.sh")
    };
    let of_step = |name: &std::ffi::OsString| {
        let environment = std::fs::read(std::path::Path::new("/proc").join(name).join("environ"));
        environment.is_ok_and(|bytes| bytes.split(|byte| *byte == 0).any(of_script))
    };
    let names = || std::fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().file_name());
    let left = (0..50).map(|_| names().filter(of_step).count()).max();
    assert_eq!(left, Some(0), "still at work");
}
