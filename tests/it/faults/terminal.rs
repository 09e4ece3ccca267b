//! Whoever watched a release is gone, or nothing can be shown to anybody: the release goes on to its end, and its log tells
//! everything.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::tally::{Tally, full};
use crate::support::{Host, Output, Scene, Service, begun, let_go, wait_until, waiting};

/// The release is over and well, and its log is whole.
#[track_caller]
fn well(host: &Host) {
    assert_eq!(host.state("1234", "STATUS"), "succeeded", "{}", host.log("1234"));
    let log = host.log("1234");
    for event in ["event=created", "step=git.merge", "phase=verify event=done", "event=succeeded"] {
        assert!(log.contains(event), "{event}\n{log}");
    }
    host.run(["log", "1234", "--verify"]).exits(0);
}

/// A pipe whose other end is closed.
fn nobody_reads() -> OwnedFd {
    let (_, writer) = std::io::pipe().unwrap();
    writer.into()
}

fn full_device() -> OwnedFd {
    File::options().write(true).open("/dev/full").unwrap().into()
}

/// Gives a command its streams.
type Prepare = fn(&mut Command) -> &mut Command;

/// A command of the program in a shell, which closes descriptors before it.
fn closing(host: &Host, line: &str) -> Command {
    let mut shell = host.command("bash", &host.prod());
    shell.args(["-c", &format!("{line}; exec \"$0\" run 1234"), host.program()]).stdin(Stdio::null());
    shell
}

#[test]
fn nobody_who_reads_is_needed() {
    let mut tally =
        Tally::new("P10", "nothing can be shown: a closed pipe, a full device, closed descriptors");
    let pieces: [(&str, Prepare); 4] = [
        ("closed pipe behind stdout", |command| command.stdout(nobody_reads())),
        ("closed pipe behind stderr", |command| command.stderr(nobody_reads())),
        ("closed pipes behind both", |command| command.stdout(nobody_reads()).stderr(nobody_reads())),
        ("full device behind both", |command| command.stdout(full_device()).stderr(full_device())),
    ];
    let lines = ["exec >&-", "exec 2>&-", "exec <&- >&- 2>&-"];
    for json in [false, true] {
        let tried = if json && !full() { 1 } else { pieces.len() };
        for (name, prepare) in pieces.into_iter().take(tried) {
            tally.case(&format!("{name}, json {json}"), || {
                let host = Host::new();
                host.script("1234", "says", "seq 2000; seq 2000 >&2");
                host.ships("1234", "wikijs", "2");
                let mut command = host.command(host.program(), &host.prod());
                command.args(["run", "1234"]).args(json.then_some("--json")).stdin(Stdio::null());
                prepare(&mut command);
                Output::of(command).exits(0);
                well(&host);
            });
        }
    }
    for line in lines {
        tally.case(line, || {
            let host = Host::new();
            host.ships("1234", "wikijs", "2");
            Output::of(closing(&host, line)).exits(0);
            well(&host);
        });
    }
    tally.end();
}

#[test]
fn a_reader_that_goes_away_in_the_middle_does_not_stop_it() {
    let mut tally = Tally::new("P10", "the reader of the output goes away in the middle");
    for take in [0, 1, 5] {
        tally.case(&format!("after {take} lines"), || {
            let host = waiting();
            let mut shell = host.command("bash", &host.prod());
            let line = format!("{{ \"$0\" run 1234; echo $? >../code; }} | head -n {take}");
            shell.args(["-c", &line, host.program()]);
            let running = host.starts(shell);
            wait_until("the script began", || host.root().join("began").exists());
            let_go(&host, 0);
            drop(running.wait());
            wait_until("it ended", || host.root().join("code").exists());
            assert_eq!(std::fs::read_to_string(host.root().join("code")).unwrap(), "0\n");
            well(&host);
        });
    }
    tally.end();
}

#[test]
fn after_the_line_is_lost_another_terminal_sees_the_end() {
    let mut tally =
        Tally::new("P10", "the terminal is lost in the middle, and `log -f` elsewhere sees the end");
    for status in [0, 3] {
        tally.case(&format!("closed, and the script exits {status}"), || {
            let host = waiting();
            let mut run = host.at_terminal(["run", "1234"]);
            wait_until("the script began", || {
                run.screen();
                host.root().join("began").exists()
            });
            run.hangs_up();
            let joined = host.start(["log", "-f", "1234"]);
            wait_until("it shows what was", || joined.so_far().contains("git.merge"));
            let_go(&host, status);
            let code = i32::from(status != 0);
            joined.wait().exits(code).shows("1234-a-waits.sh");
            run.ends().exits(code);
            if status == 0 {
                well(&host);
            } else {
                assert_eq!(host.state("1234", "STATUS"), "failed");
                host.run(["log", "1234", "--verify"]).exits(0);
            }
        });
    }
    tally.case("a revert", || {
        let stop = "[ ! -e ../slow ] || { touch ../inside; until [ -e ../go ]; do sleep 0.02; done; }";
        let hook = format!(
            "[{{ kind = \"command\", take = [\"cp\", \"-a\", \"../data/wikijs\", \"../kept\"], check = [\"true\"], \
             restore = [\"bash\", \"-c\", \"{stop}\"] }}]"
        );
        let host = Scene::new().service(Service::new("wikijs").backup(&hook)).build();
        host.ships("1234", "wikijs", "2");
        host.run(["run", "1234"]).exits(0);
        std::fs::remove_dir_all(host.root().join("kept")).unwrap();
        std::fs::write(host.root().join("slow"), "").unwrap();
        let mut revert = host.at_terminal(["revert", "1234", "--yes"]);
        wait_until("the restore began", || {
            revert.screen();
            host.root().join("inside").exists()
        });
        revert.hangs_up();
        std::fs::write(host.root().join("go"), "").unwrap();
        revert.ends().exits(0);
        assert_eq!(host.state("1234", "STATUS"), "reverted");
        assert_eq!(host.image("wikijs"), "wikijs:1");
    });
    tally.end();
}

#[test]
fn signals_of_a_lost_line_are_survived() {
    let mut tally = Tally::new("P10", "HUP and PIPE, sent to a run at work, are survived");
    for signal in [Signal::HUP, Signal::PIPE] {
        tally.case(&format!("{signal:?}"), || {
            let host = waiting();
            let running = begun(&host);
            for _ in 0..5 {
                running.signal(signal);
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
            let_go(&host, 0);
            running.wait().exits(0);
            well(&host);
        });
    }
    tally.end();
}

/// A host whose backup is larger than what may be written to one file.
fn limited(blocks: u32) -> (Host, Output) {
    let host = Host::new();
    std::fs::write(host.data("wikijs").join("large"), vec![7_u8; 4 << 20]).unwrap();
    host.ships("1234", "wikijs", "2");
    let output = Output::of(closing(&host, &format!("ulimit -f {blocks}")));
    (host, output)
}

#[test]
fn a_limit_on_the_size_of_files_is_a_failure_and_no_end_by_a_signal() {
    let mut tally =
        Tally::new("P10", "a limit on the size of files (SIGXFSZ) is a failure that is on record");
    // In KiB: too little for any record, for most of them, and for the backup alone.
    for blocks in [0, 1, 4, 16, 1024] {
        tally.case(&format!("{blocks} KiB"), || {
            let (host, output) = limited(blocks);
            assert!(matches!(output.code, Some(1 | 4)), "{output}");
            assert!(!output.stderr.contains("panicked"), "{output}");
            assert_eq!(host.image("wikijs"), "wikijs:1", "{output}");
            if blocks == 1024 {
                assert!(host.log("1234").contains("event=failed"), "{output}");
            }
            host.run(["run", "1234"]).exits(0);
            well(&host);
        });
    }
    tally.end();
}
