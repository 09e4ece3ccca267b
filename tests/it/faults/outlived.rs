//! A runner is gone and its step is not: nobody starts a second one, and what became of it is known.

use std::process::Stdio;

use super::{kill, lives, orphaned, pid_in, runs, step_folder};
use crate::support::{Host, Output, Scene, Service, begun, binary, let_go, wait_until, waiting};

#[test]
fn what_still_works_holds_the_host_and_says_so() {
    let host = orphaned();
    host.run(["state", "1234"])
        .exits(0)
        .shows("1234@1 running")
        .shows("still works while its runner is gone");
    host.run(["run", "1234", "--from=ticket"])
        .exits(3)
        .shows("step `1234-a-waits.sh` of `1234@1`, which still works while its runner is gone")
        .shows("holdpoint cancel 1234@1 --confirm 1234@1")
        .shows("--lock-wait");
    assert_eq!(runs(&host), 1, "never a second one beside it");
    let_go(&host, 0);
}

#[test]
fn a_step_that_ended_well_after_its_runner_is_done_and_not_run_again() {
    let host = orphaned();
    let_go(&host, 0);
    wait_until("it ended", || !lives(pid_in(&host, "pid")));
    host.run(["state", "1234"]).exits(0).shows("1234@1 interrupted");
    host.run(["list"]).exits(0).shows("interrupted");
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(runs(&host), 1);
    assert!(host.root().join("after").exists());
    assert!(host.record("1234", "event=interrupted").contains("reason=runner-gone"));
    assert!(host.record("1234", "reason=found").contains("event=step-done rc=0"), "{}", host.log("1234"));
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_step_that_failed_after_its_runner_is_failed_and_may_run_again() {
    let host = orphaned();
    let_go(&host, 5);
    wait_until("it ended", || !lives(pid_in(&host, "pid")));
    let_go(&host, 0);
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(runs(&host), 2);
    assert!(host.record("1234", "event=step-failed").contains("rc=5"), "{}", host.log("1234"));
    assert!(host.record("1234", "event=failed").contains("reason=found"));
}

#[test]
fn the_next_run_may_wait_for_it() {
    let host = orphaned();
    let next = host.start(["run", "1234", "--from=ticket", "--lock-wait", "2m"]);
    wait_until("it says for what it waits", || next.so_far().contains("waiting for the host"));
    let_go(&host, 0);
    next.wait().exits(0);
    assert_eq!(runs(&host), 1);
}

#[test]
fn a_step_whose_end_nobody_saw_is_asked_about() {
    let host = waiting();
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    kill(shim);
    kill(child);
    wait_until("both are gone", || !lives(shim) && !lives(child));
    host.run(["run", "1234", "--from=ticket"])
        .exits(8)
        .shows("step-undecided")
        .shows("--mark-done=1234-a-waits.sh")
        .shows("--run-again=1234-a-waits.sh");
    assert!(!host.root().join("after").exists());
    host.run(["run", "1234", "--from=ticket", "--mark-done=1234-a-waits.sh"]).exits(0);
    assert!(host.root().join("after").exists());
    assert_eq!(runs(&host), 1);
    assert!(host.log("1234").contains("event=marked-done"), "{}", host.log("1234"));
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_runner_that_loses_its_shim_does_not_guess() {
    let host = waiting();
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    kill(shim);
    running.wait().exits(8).shows("how").shows("1234-a-waits.sh");
    assert_eq!(host.state("1234", "STATUS"), "undecided");
    // It may even still work: then nothing is started beside it.
    assert!(lives(child));
    host.run(["run", "1234", "--from=ticket", "--run-again=1234-a-waits.sh"])
        .exits(3)
        .shows("still works")
        .shows(&format!("or end it: kill {child}"));
    kill(child);
    wait_until("it is gone", || !lives(child));
    let_go(&host, 0);
    host.run(["run", "1234", "--from=ticket"]).exits(8);
    host.run(["run", "1234", "--from=ticket", "--run-again=1234-a-waits.sh"]).exits(0);
    assert_eq!(runs(&host), 2);
}

#[test]
fn what_a_step_says_after_it_lost_its_shim_is_kept() {
    let host = waiting();
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    kill(shim);
    running.wait().exits(8);
    let again = ["run", "1234", "--from=ticket", "--run-again=1234-a-waits.sh"];
    host.run(again).exits(3);
    let_go(&host, 0);
    wait_until("it ended", || !lives(child));
    host.run(again).exits(0);
    let step = host.workspace("releases/1234/1/steps");
    let folders = std::fs::read_dir(step).unwrap().map(|entry| entry.unwrap().path());
    let said = folders.filter_map(|folder| std::fs::read_to_string(folder.join("transcript")).ok());
    assert_eq!(said.collect::<String>().matches("was let go").count(), 2, "of both runs");
}

#[test]
fn two_steps_whose_end_nobody_saw_are_answered_one_after_the_other() {
    let waits =
        |name: &str| Service::new(name).extra("hooks = { ensure_config = [{ run = [\"bin/waits.sh\"] }] }");
    let body = "echo once >>../../began\nuntil [ -e ../../go ]; do sleep 0.02; done\n";
    let body = format!("cd \"$(dirname \"$0\")\"\n{body}");
    let host = Scene::new().service(waits("wikijs")).service(waits("blog")).file("bin/waits.sh", &body);
    let host = host.build();
    host.bump("1234", "blog", "2");
    host.ships("1234", "wikijs", "2");
    let running = host.start(["run", "1234"]);
    let began = || std::fs::read_to_string(host.root().join("began")).unwrap_or_default().lines().count();
    wait_until("both began", || began() == 2);
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    let steps: Vec<_> = std::fs::read_dir(host.workspace("releases/1234/1/steps")).unwrap().collect();
    for step in steps.into_iter().map(|step| step.unwrap().path()).filter(|path| !path.join("exit").exists())
    {
        for file in ["pid", "child"] {
            let Ok(text) = std::fs::read_to_string(step.join(file)) else { continue };
            kill(text.lines().find_map(|line| line.strip_prefix("pid=")).unwrap().parse().unwrap());
        }
    }
    std::fs::write(host.root().join("go"), "").unwrap();
    wait_until("the host is free", || host.run(["run", "1234", "--from=migrate"]).code == Some(8));
    let [blog, wikijs] = ["blog", "wikijs"].map(|name| format!("--run-again={name}.ensure_config"));
    host.run(["run", "1234", "--from=migrate"]).exits(8).shows(&blog).shows(&wikijs);
    host.run(["run", "1234", "--from=migrate", &blog])
        .exits(8)
        .hides(&blog)
        .shows(&wikijs)
        .shows("what you said of `blog.ensure_config` is recorded");
    host.run(["run", "1234", "--from=migrate", &wikijs]).exits(0);
    assert_eq!(began(), 4);
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn what_a_step_left_running_in_a_session_of_its_own_is_for_a_person_to_judge() {
    let host = Host::new();
    let root = host.root().display().to_string();
    let body = format!(
        "echo once more >>{root}/runs\nif [ ! -e {root}/daemon ]; then\nsetsid sleep 300 >/dev/null 2>&1 </dev/null &\n\
         echo $! >{root}/daemon\nfi\ntouch {root}/began\nuntil [ -e {root}/go ]; do sleep 0.02; done"
    );
    host.script("1234", "a-waits", &body);
    host.ships("1234", "wikijs", "2");
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    kill(shim);
    running.wait().exits(8);
    // As long as its program works, it is never a second time beside it.
    host.run(["run", "1234", "--from=ticket"]).exits(3).shows("still works");
    let_go(&host, 0);
    wait_until("its program ended", || !lives(child));
    let daemon = std::fs::read_to_string(host.root().join("daemon")).unwrap().trim().to_owned();
    host.run(["run", "1234", "--from=ticket"])
        .exits(8)
        .shows(&format!("what it started still runs: process {daemon}"))
        .shows(&format!("ps -fp {daemon}"))
        .shows("--mark-done=1234-a-waits.sh");
    host.run(["run", "1234", "--from=ticket", "--mark-done=1234-a-waits.sh"]).exits(0);
    assert_eq!(runs(&host), 1);
    kill(daemon.parse().unwrap());
}

/// As in a container: what its runtime starts there is in a session that has no number inside.
#[test]
fn a_process_whose_session_is_out_of_sight_may_be_the_steps_own() {
    let host = waiting();
    let running = begun(&host);
    let (shim, child) = (pid_in(&host, "pid"), pid_in(&host, "child"));
    running.signal(rustix::process::Signal::KILL);
    drop(running);
    kill(shim);
    kill(child);
    wait_until("both are gone", || !lives(shim) && !lives(child));
    let inside = "HOLDPOINT_STEP_DIR=\"$0\" sleep 300 &\n\
                  until grep -q HOLDPOINT_STEP_DIR /proc/$!/environ; do sleep 0.02; done\n\
                  \"$@\"";
    let mut command = host.command("unshare", &host.prod());
    command
        .args(["--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside])
        .arg(step_folder(&host))
        .args([binary(), "run", "1234", "--from=ticket"]);
    command.stdin(Stdio::null());
    Output::of(command).exits(3).shows("still works");
    // Those processes ended with the place that they were in.
    host.run(["run", "1234", "--from=ticket"]).exits(8).shows("step-undecided");
}

/// As an upgrade does it: another version takes the file's place while a release is under way.
#[test]
fn a_release_goes_on_by_the_program_that_began_it_when_its_file_is_replaced() {
    let host = waiting();
    let program = host.root().join("bin-of-ours");
    std::fs::copy(binary(), &program).unwrap();
    let mut command = host.command(program.to_str().unwrap(), &host.prod());
    command.args(["run", "1234"]);
    let running = host.starts(command);
    wait_until("the script began", || host.root().join("began").exists());
    let next = host.root().join("next");
    std::fs::write(&next, "#!/bin/sh\nexit 99\n").unwrap();
    std::fs::set_permissions(&next, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::fs::rename(&next, &program).unwrap();
    let_go(&host, 0);
    running.wait().exits(0);
    assert!(host.root().join("after").exists(), "the script after it");
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn an_undecided_step_whose_end_is_found_after_all_is_no_longer_asked_about() {
    let host = waiting();
    let running = begun(&host);
    let end = {
        let folder = step_folder(&host);
        // Its runner cannot read how it ended, for a while.
        std::fs::create_dir(folder.join("exit")).unwrap();
        folder.join("exit")
    };
    let_go(&host, 0);
    running.wait().exits(8);
    assert_eq!(host.state("1234", "STATUS"), "undecided");
    std::fs::remove_dir(&end).unwrap();
    std::fs::rename(end.with_file_name("exit.new"), &end).unwrap();
    host.run(["run", "1234", "--from=ticket"]).exits(0);
    assert_eq!(runs(&host), 1);
    assert!(host.record("1234", "reason=found").contains("event=step-done"), "{}", host.log("1234"));
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}

#[test]
fn what_a_script_printed_and_could_not_be_kept_does_not_make_it_fail() {
    let host = Host::new();
    let root = host.root().display().to_string();
    // In the place of the transcript stands something that cannot be written to.
    host.script(
        "1234",
        "a-waits",
        &format!("echo once more >>{root}/runs\nmkdir $HOLDPOINT_STEP_DIR/transcript"),
    );
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0).shows("what `1234-a-waits.sh` printed was not kept");
    assert_eq!((runs(&host), host.state("1234", "STATUS")), (1, "succeeded".to_owned()));
}
