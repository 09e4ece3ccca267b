//! Questions at a real terminal: what is asked, what each answer does, and that silence in any form is a no.

use rustix::process::Signal;

use super::support::{AtTerminal, Host, Output, Scene, Service, manifest};

const GO_AHEAD: &str = "Go ahead? [y/N] ";
const WRITE_WINDOW: &str = "Type `restore` to throw these writes away, `keep` to keep the data, or quit: ";

/// Ten minutes: beyond what is thrown away without asking.
const EARLIER: i64 = -600;

/// What a question must leave alone until it is answered, and a no for ever.
#[derive(Debug, PartialEq)]
struct Untouched {
    head: String,
    data: Vec<String>,
    image: String,
    status: String,
    calls: Vec<String>,
}

fn untouched(host: &Host) -> Untouched {
    Untouched {
        head: host.head(),
        data: manifest(&host.data("wikijs")),
        image: host.image("wikijs"),
        status: host.state("1234", "STATUS"),
        calls: host.calls(),
    }
}

/// A host with a release that is over, and a page written since.
fn released(seconds: i64) -> Host {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run_at(seconds, ["run", "1234"]).exits(0);
    std::fs::write(host.data("wikijs").join("pages/written.md"), "# Written since\n").unwrap();
    host
}

fn written(host: &Host) -> bool {
    host.data("wikijs").join("pages/written.md").exists()
}

/// Asks the question of a revert, lets somebody do something about it, and answers with how it ended; nothing may have
/// happened by then.
#[track_caller]
fn refuses(seconds: i64, question: &str, reaction: impl FnOnce(&mut AtTerminal)) -> Output {
    let host = released(seconds);
    let before = untouched(&host);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees(question);
    assert_eq!(untouched(&host), before, "the question itself changes nothing");
    reaction(&mut revert);
    let output = revert.ends();
    assert_eq!(untouched(&host), before, "\n{output}");
    host.run(["revert", "1234", "--yes", "--skip-data"]).exits(0);
    output
}

#[test]
fn a_yes_takes_the_release_back() {
    let host = released(0);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees(GO_AHEAD);
    assert!(revert.screen().contains("Take back 1234@1"), "{}", revert.screen());
    revert.presses("y\n");
    revert.ends().exits(0).shows("safety copy of wikijs");
    assert_eq!((host.image("wikijs"), written(&host)), ("wikijs:1".into(), false));
    assert_eq!(host.state("1234", "STATUS"), "reverted");
}

#[test]
fn whatever_is_not_plainly_a_yes_is_a_no() {
    for keys in ["\n", "n\n", "yess\n", "restore\n", "\u{4}"] {
        refuses(0, GO_AHEAD, |revert| revert.presses(keys)).exits(4).shows("nothing was done");
    }
}

#[test]
fn writes_that_a_restore_throws_away_are_asked_about_and_restore_means_it() {
    let host = released(EARLIER);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees(WRITE_WINDOW);
    assert!(revert.screen().contains("is thrown away"), "{}", revert.screen());
    revert.presses("restore\n");
    revert.ends().exits(0).shows("safety copy of wikijs");
    assert_eq!((host.image("wikijs"), written(&host)), ("wikijs:1".into(), false));
}

#[test]
fn writes_that_are_kept_stay_and_the_rest_goes_back() {
    let host = released(EARLIER);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees(WRITE_WINDOW);
    revert.presses("keep\n");
    revert.ends().exits(0).hides("safety copy");
    assert_eq!((host.image("wikijs"), written(&host)), ("wikijs:1".into(), true));
    assert_eq!(host.state("1234", "STATUS"), "reverted");
}

#[test]
fn a_yes_is_no_consent_to_throw_writes_away() {
    for keys in ["quit\n", "y\n", "\n", "\u{4}"] {
        refuses(EARLIER, WRITE_WINDOW, |revert| revert.presses(keys)).exits(4).shows("nothing was done");
    }
    // `--yes` leaves this question open.
    let host = released(EARLIER);
    let mut revert = host.at_terminal(["revert", "1234", "--yes"]);
    revert.sees(WRITE_WINDOW);
    revert.presses("quit\n");
    revert.ends().exits(4);
    assert!(written(&host));
}

#[test]
fn a_line_that_goes_dead_at_the_question_is_a_no() {
    for (seconds, question) in [(0, GO_AHEAD), (EARLIER, WRITE_WINDOW)] {
        refuses(seconds, question, AtTerminal::hangs_up).exits(4);
    }
}

#[test]
fn a_hang_up_at_the_question_is_a_no_even_where_the_terminal_stays() {
    refuses(0, GO_AHEAD, |revert| revert.signal(Signal::HUP)).exits(4).shows("nothing was done");
}

#[test]
fn ctrl_c_at_the_question_ends_it_as_an_interruption() {
    for (seconds, question) in [(0, GO_AHEAD), (EARLIER, WRITE_WINDOW)] {
        refuses(seconds, question, |revert| revert.presses("\u{3}"))
            .exits(130)
            .shows("^C\nerror: nothing was done: stopped by INT");
    }
    refuses(0, GO_AHEAD, |revert| revert.signal(Signal::TERM)).exits(143).shows("nothing was done");
}

#[test]
fn a_run_asks_where_the_host_wants_it_to() {
    let host = Scene::new().service(Service::new("wikijs")).config("[run]\nconfirm = true").build();
    host.ships("1234", "wikijs", "2");
    let base = host.head();

    for keys in ["n\n", "\u{4}"] {
        let mut run = host.at_terminal(["run", "1234"]);
        run.sees(GO_AHEAD);
        assert!(run.screen().contains("wikijs:1 → wikijs:2"), "{}", run.screen());
        run.presses(keys);
        run.ends().exits(4).shows("nothing was done");
    }
    let mut run = host.at_terminal(["run", "1234"]);
    run.sees(GO_AHEAD);
    run.hangs_up();
    run.ends().exits(4);
    assert_eq!((host.head(), host.calls()), (base, vec![]));
    assert!(!host.workspace("releases/1234.env").exists(), "what was not wanted is no release");
    host.run(["run", "1234"]).exits(2).shows("--yes");

    let mut run = host.at_terminal(["run", "1234"]);
    run.sees(GO_AHEAD);
    run.presses("y\n");
    run.ends().exits(0);
    assert_eq!((host.state("1234", "STATUS"), host.image("wikijs")), ("succeeded".into(), "wikijs:2".into()));
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235", "--yes"]).exits(0).hides(GO_AHEAD);
}

#[test]
fn the_host_is_free_while_a_question_stands() {
    let host = released(0);
    let mut revert = host.at_terminal(["revert", "1234"]);
    revert.sees(GO_AHEAD);
    host.ships("1235", "wikijs", "3");
    host.run(["run", "1235"]).exits(0);
    // What was shown is no longer what would be done: a yes to it is none to the new one.
    revert.presses("y\n");
    revert.ends().exits(4);
    assert_eq!((host.image("wikijs"), host.state("1234", "STATUS")), ("wikijs:3".into(), "succeeded".into()));
}

#[test]
fn a_line_that_goes_dead_later_does_not_stop_a_release() {
    let host = Host::new();
    let (inside, go) = (host.root().join("inside"), host.root().join("go"));
    let waits = format!(": >{}\nuntil test -e {}; do sleep 0.05; done", inside.display(), go.display());
    host.script("1234", "slow", &waits);
    host.ships("1234", "wikijs", "2");
    let mut run = host.at_terminal(["run", "1234"]);
    super::support::wait_until("the script runs", || {
        run.screen();
        inside.exists()
    });
    run.hangs_up();
    std::fs::write(go, "").unwrap();
    run.ends().exits(0);
    assert_eq!((host.state("1234", "STATUS"), host.image("wikijs")), ("succeeded".into(), "wikijs:2".into()));
}
