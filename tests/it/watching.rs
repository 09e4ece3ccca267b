//! What a release shows while it runs and after it: to a person, to a program, to whoever joins later, to nobody at all.

use std::fs::File;

use super::support::{Host, Output, binary, wait_until};

#[test]
fn a_full_device_behind_stdout_does_not_stop_a_release() {
    let host = Host::new();
    host.bump("1240", "wikijs", "2");
    host.push();
    let mut command = host.command(binary(), &host.prod());
    command.args(["run", "1240"]).stdout(File::options().write(true).open("/dev/full").unwrap());
    Output::of(command).exits(0);
    assert_eq!(host.state("1240", "STATUS"), "succeeded");
    assert_eq!(host.image("wikijs"), "wikijs:2");
}

#[test]
fn a_program_reads_one_event_a_line_and_then_the_end() {
    let host = Host::new();
    host.bump("1240", "wikijs", "2");
    host.push();
    let lines = host.run(["run", "1240", "--json"]).exits(0).json_lines();
    let (end, events) = lines.split_last().unwrap();
    let seqs: Vec<u64> = events.iter().filter_map(|event| event["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>(), "{events:#?}");
    assert_eq!(end["ending"], "ok");
    assert_eq!(end["attempt"], "1240@1");
    assert_eq!(end["status"], "succeeded");
    let log = host.run(["log", "1240", "--json"]).exits(0).json_lines();
    assert_eq!(log, events, "the log says what was shown");
}

#[test]
fn a_halt_tells_what_failed_and_both_ways_out() {
    let host = Host::new();
    host.script("1240", "fix", "echo 'half of it'; echo 'ERROR: Forbidden' >&2; exit 3");
    host.push();
    host.run(["run", "1240"])
        .exits(1)
        .shows_in_order(&[
            "✗ ticket failed",
            "ERROR: Forbidden",
            "release-run failed in phase ticket. To roll back:\n    holdpoint revert 1240\n",
            "To go on once the cause is fixed:\n    holdpoint run 1240 --from=ticket\n",
        ])
        .hides("\u{1b}");
    host.run(["state", "1240"]).exits(0).shows("1240@1 failed in ticket").shows("--from=ticket");
    let end = host.run(["run", "1240", "--from=ticket", "--json"]).exits(1).json_lines().pop().unwrap();
    assert_eq!(end["failure"]["phase"], "ticket");
    assert_eq!(end["failure"]["goOn"], "holdpoint run 1240 --from=ticket");
}

#[test]
fn whoever_joins_a_live_run_ends_as_it_ends() {
    let host = Host::new();
    host.script("1240", "slow", "sleep 2; exit 3");
    host.push();
    let run = host.start(["run", "1240"]);
    wait_until("the script runs", || run.so_far().contains("git.merge"));
    host.run(["log", "-f", "1240"]).exits(1).shows("1240-slow.sh").shows("1240@1 failed in ticket");
    run.wait().exits(1);
}

#[test]
fn a_report_is_one_file_for_whoever_was_not_there() {
    let host = Host::new();
    host.bump("1240", "wikijs", "2");
    host.push();
    host.run(["run", "1240"]).exits(0);
    host.run(["report", "1240", "-o", "../1240.html"]).exits(0).shows("wrote ../1240.html");
    let page = std::fs::read_to_string(host.root().join("1240.html")).unwrap();
    assert!(page.contains("<svg class=\"timeline\"") && page.contains("git.merge"));
    host.run(["report", "1240", "-o", "-"]).exits(0).shows("</html>");
}

#[test]
fn without_a_terminal_taking_back_needs_its_consent_on_the_command_line() {
    let host = Host::new();
    host.bump("1240", "wikijs", "2");
    host.push();
    host.run(["run", "1240"]).exits(0);
    host.run(["revert", "1240"]).exits(2).shows("--yes");
    assert_eq!(host.image("wikijs"), "wikijs:2");
}
