//! Ticket scripts that are none, or nobody's, or two tickets'.

use crate::support::Host;

use super::all_of;

#[test]
fn a_script_that_is_not_tracked_is_refused() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.write("releases/1234-local.sh", "touch ../ran\n");
    let before = all_of(&host);
    host.run(["run", "1234"])
        .exits(4)
        .shows("ticket-script-untracked")
        .shows("releases/1234-local.sh")
        .shows("commit it");
    assert_eq!(all_of(&host), before);
    assert!(!host.root().join("ran").exists());
    // Ignored by git is not tracked either.
    std::fs::write(host.prod().join(".git/info/exclude"), "/.asd/workspace/\n/releases/\n").unwrap();
    host.run(["run", "1234"]).exits(4).shows("ticket-script-untracked").hides("tree-dirty");
}

#[test]
fn a_script_that_is_a_folder_is_refused() {
    let host = Host::new();
    host.commit("1234", &[("releases/1234-folder.sh/run.sh", "true\n")]);
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    host.run(["run", "1234"]).exits(4).shows("ticket-script-invalid").shows("releases/1234-folder.sh");
    assert_eq!(all_of(&host), before);
}

#[test]
fn a_script_that_is_a_link_out_of_the_checkout_is_refused() {
    let host = Host::new();
    std::fs::create_dir(host.dev().join("releases")).unwrap();
    let outside = host.root().join("outside.sh");
    std::fs::write(&outside, format!("touch {}/ran\n", host.root().display())).unwrap();
    std::os::unix::fs::symlink(&outside, host.dev().join("releases/1234-link.sh")).unwrap();
    host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    host.run(["run", "1234"]).exits(4).shows("ticket-script-invalid").shows("releases/1234-link.sh");
    assert_eq!(all_of(&host), before);
    assert!(!host.root().join("ran").exists());
}

#[test]
fn the_longest_ticket_that_exists_owns_a_script() {
    let host = Host::new();
    let ran = host.root().join("ran");
    let says = |word: &str| format!("echo {word} >>{}", ran.display());
    // Only 1234 exists: the script is its own, whatever follows the first dash.
    host.script("1234", "5-theme", &says("first"));
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "first\n");
    // Now 1234-6 exists as well: the longer one owns it.
    host.script("1234-6", "theme", &says("second"));
    host.script("1234", "other", &says("third"));
    host.push();
    host.run(["run", "1234-6", "--without-scripts"]).exits(0);
    assert_eq!(std::fs::read_to_string(&ran).unwrap(), "first\nsecond\n");
}

#[test]
fn a_script_needs_no_permission_to_be_run_and_is_never_run_by_a_shell_line() {
    let host = Host::new();
    let root = host.root().display();
    host.commit(
        "1234",
        &[("releases/1234-$(touch injected); touch injected #'\".sh", &format!("touch {root}/ran\n"))],
    );
    host.push();
    host.run(["run", "1234"]).exits(0);
    assert!(host.root().join("ran").exists());
    assert!(!host.prod().join("injected").exists() && !host.root().join("injected").exists());
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn header_lines_that_nobody_understands_are_refused_with_their_line() {
    for (line, word) in [
        ("# holdpoint: idempotnt", "idempotnt"),
        ("# holdpoint: timeout=soon", "soon"),
        ("# holdpoint: backup=../x", "../x"),
        ("# holdpoint: backup=nobody", "nobody"),
        ("# holdpoint: revert=/etc/passwd", "/etc/passwd"),
    ] {
        let host = Host::new();
        host.script("1234", "theme", &format!("{line}\ntrue"));
        host.ships("1234", "wikijs", "2");
        let before = all_of(&host);
        let refused = host.run(["run", "1234"]);
        assert_eq!(refused.code, Some(4), "{line}\n{refused}");
        refused.shows("releases/1234-theme.sh").shows(word);
        assert_eq!(all_of(&host), before, "{line}");
    }
}

#[test]
fn scripts_of_other_tickets_run_only_when_asked_for() {
    let host = Host::new();
    let ran = host.root().join("ran");
    host.script("1233", "a", &format!("echo 1233 $TICKET >>{}", ran.display()));
    host.script("1234", "a", &format!("echo 1234 $TICKET >>{}", ran.display()));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"])
        .exits(4)
        .shows("other-ticket-scripts")
        .shows("releases/1233-a.sh")
        .shows("--with-tickets 1233")
        .shows("--without-scripts");
    host.run(["run", "1234", "--with-tickets", "1233"]).exits(0);
    assert_eq!(std::fs::read_to_string(ran).unwrap(), "1233 1233\n1234 1234\n");
}

#[test]
fn a_script_that_prints_for_ever_is_ended() {
    let host = Host::new();
    host.script("1234", "loud", "# holdpoint: timeout=20s\nyes");
    host.push();
    host.run(["run", "1234"]).exits(1).shows("100 MiB");
    assert!(host.log("1234").contains("reason=output"), "{}", host.log("1234"));
}

#[test]
fn a_script_that_leaves_a_daemon_ends_when_it_ends() {
    let host = Host::new();
    let pid = host.root().join("daemon");
    host.script("1234", "starts", &format!("setsid sleep 20 & echo $! >{}", pid.display()));
    host.push();
    let began = std::time::Instant::now();
    host.run(["run", "1234"]).exits(0);
    assert!(began.elapsed() < std::time::Duration::from_secs(10), "{:?}", began.elapsed());
    let pid = std::fs::read_to_string(pid).unwrap();
    host.types(&format!("kill {pid}")).exits(0);
}
