//! Signals: a release that is asked to stop does, in order; one whose terminal is gone goes on.

use rustix::process::Signal;

use crate::support::{Scene, Service, begun, let_go, wait_until, waiting};

#[test]
fn the_first_int_waits_for_the_step_and_starts_no_other() {
    let host = waiting();
    let running = begun(&host);
    running.interrupt();
    wait_until("it says what it waits for", || running.so_far().contains("again to stop it now"));
    assert!(running.so_far().contains("1234-a-waits.sh"), "{}", running.so_far());
    let_go(&host, 0);
    running.wait().exits(130).shows("interrupted").shows("holdpoint run 1234 --from=ticket");
    assert!(!host.root().join("after").exists());
    assert_eq!(
        (host.state("1234", "STATUS"), host.state("1234", "PHASE")),
        ("interrupted".into(), "ticket".into())
    );
    assert!(host.record("1234", "event=interrupted").contains("rc=130"));

    // What had ended well is not run again.
    std::fs::remove_file(host.root().join("began")).unwrap();
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert!(host.root().join("after").exists() && !host.root().join("began").exists());
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn the_second_int_ends_the_step() {
    let host = waiting();
    let running = begun(&host);
    running.interrupt();
    wait_until("it says what it waits for", || running.so_far().contains("again to stop it now"));
    running.interrupt();
    running.wait().exits(130);
    assert_eq!(host.state("1234", "STATUS"), "interrupted");
    // Nobody knows how far it came.
    let_go(&host, 0);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert!(host.root().join("after").exists());
}

#[test]
fn term_is_143() {
    let host = waiting();
    let running = begun(&host);
    running.signal(Signal::TERM);
    wait_until("it says what it waits for", || running.so_far().contains("again to stop it now"));
    let_go(&host, 0);
    running.wait().exits(143);
    assert_eq!(host.state("1234", "STATUS"), "interrupted");
    assert!(host.record("1234", "event=interrupted").contains("rc=143"));
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:1");
}

#[test]
fn a_dropped_line_does_not_stop_a_release() {
    let host = waiting();
    let running = begun(&host);
    running.signal(Signal::HUP);
    running.signal(Signal::PIPE);
    std::thread::sleep(std::time::Duration::from_millis(100));
    let_go(&host, 0);
    running.wait().exits(0);
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
    assert!(host.root().join("after").exists());
}

#[test]
fn a_terminal_that_takes_nothing_any_more_does_not_stop_a_release() {
    let host = waiting();
    let_go(&host, 0);
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(["run", "1234"]).stdin(std::process::Stdio::null());
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    command.stdout(full()).stderr(full());
    assert_eq!(command.status().unwrap().code(), Some(0));
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn a_reader_that_went_away_does_not_stop_a_release() {
    let host = waiting();
    let_go(&host, 0);
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(["run", "1234"]).stdin(std::process::Stdio::null());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop((child.stdout.take(), child.stderr.take()));
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn a_backup_has_nothing_to_lose_and_is_ended_at_once() {
    let slow = "[{ kind = \"command\", take = [\"bash\", \"-c\", \"echo begun; sleep 30\"], check = [\"true\"], restore = [\"true\"] }]";
    let host = Scene::new().service(Service::new("wikijs").backup(slow)).build();
    let base = host.head();
    host.ships("1234", "wikijs", "2");
    let running = host.start(["run", "1234"]);
    wait_until("the backup began", || {
        host.workspace("releases/1234.log").exists()
            && host.log("1234").contains("step-start step=backup.wikijs.1")
            || host.workspace("releases/1234.log").exists()
                && host.log("1234").contains("step=backup.wikijs.1")
    });
    let began = std::time::Instant::now();
    running.interrupt();
    running.wait().exits(130);
    assert!(began.elapsed() < std::time::Duration::from_secs(12), "{:?}", began.elapsed());
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    assert_eq!(
        (host.state("1234", "STATUS"), host.state("1234", "PHASE")),
        ("interrupted".into(), "prepare".into())
    );
    host.run(["revert", "1234", "--yes"]).exits(0).shows("nothing was changed");
}
