//! Shows that the fixture itself is true: its services run, its troubles trouble, and its assertions can fail.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rustix::process::Signal;

use super::{Host, Output, Port, Scene, Service, Trouble, manifest, wait_until};

fn healthy(url: &str) -> bool {
    ureq::get(url).call().is_ok_and(|answer| answer.status() == 200)
}

#[test]
fn a_host_runs_its_services_and_stops_them_when_it_goes() {
    let service = Service::new("wikijs");
    let url = service.url();
    let host = Scene::new().service(service).build();
    assert!(healthy(&url));
    assert_eq!(host.image("wikijs"), "wikijs:1");
    assert_eq!(host.calls(), [""; 0]);
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "");
    drop(host);
    assert!(!healthy(&url));
}

#[test]
fn a_new_image_arrives_by_push_and_pull() {
    let host = Host::new();
    let before = host.head();
    let commit = host.bump("1234", "wikijs", "2");
    host.push();
    host.git(["pull", "-q"]).exits(0);
    assert_ne!(host.head(), before);
    assert_eq!(host.head(), commit);
    host.service("wikijs", "recreate").exits(1).shows("No such image: wikijs:2");
    host.service("wikijs", "pull").exits(0);
    host.service("wikijs", "recreate").exits(0);
    assert_eq!(host.image("wikijs"), "wikijs:2");
    assert_eq!(
        host.calls(),
        ["wikijs recreate wikijs:2", "wikijs pull wikijs:2", "wikijs recreate wikijs:2"]
    );
    assert!(host.read(".asd/release.toml").contains("image = \"wikijs:2\""));
}

#[test]
fn troubles_hold_until_they_are_repaired() {
    let service = Service::new("wikijs").deadline("1s");
    let url = service.url();
    let host = Scene::new().service(service).build();
    host.trouble("wikijs", Trouble::PullDenied, Some("wikijs:1"));
    host.service("wikijs", "pull").exits(1).shows("pull access denied for wikijs");
    host.trouble("wikijs", Trouble::PullDenied, Some("wikijs:2"));
    host.service("wikijs", "pull").exits(0);
    host.trouble("wikijs", Trouble::StartFails, None);
    host.service("wikijs", "recreate").exits(1).shows("exec format error");
    host.service("wikijs", "status").exits(3);
    host.repair("wikijs");
    host.trouble("wikijs", Trouble::Unhealthy, None);
    host.service("wikijs", "start").exits(0);
    wait_until("it answers", || matches!(ureq::get(&url).call(), Err(ureq::Error::StatusCode(404))));
    host.service("wikijs", "status").exits(0);
    host.repair("wikijs");
    assert!(healthy(&url));
    host.trouble("wikijs", Trouble::HealthyAfter(Duration::from_millis(700)), None);
    host.service("wikijs", "recreate").exits(0);
    assert!(!healthy(&url));
    wait_until("it is well", || healthy(&url));
}

#[test]
fn the_configuration_says_what_was_asked_for() {
    let host = Scene::new()
        .service(Service::new("postgres").without_pull().without_health())
        .service(
            Service::new("wikijs")
                .after("postgres")
                .backup("{ kind = \"none\", reason = \"no data\" }")
                .extra("# more"),
        )
        .config("[run]\nparallel = 1")
        .file("packages/wikijs/readme", "x")
        .recipes()
        .build();
    let settings = host.read(".asd/release.toml");
    for line in ["depends_on = [\"postgres\"]", "parallel = 1", "reason = \"no data\"", "# more"] {
        assert!(settings.contains(line), "{line}\n{settings}");
    }
    assert!(!settings.contains("\"postgres\", \"pull\""), "{settings}");
    assert!(host.read("release.just").contains("release-run"));
    assert_eq!(host.read("packages/wikijs/readme"), "x");
}

#[test]
fn records_are_read_as_a_person_would() {
    let host = Scene::new().build();
    host.script("1234", "fix", "echo fixed");
    assert!(host.dev().join("releases/1234-fix.sh").exists());
    host.write(".asd/workspace/releases/1234.env", "TICKET=1234\nSERVICES='a b'\n#end crc32=0\n");
    assert_eq!(host.state("1234", "SERVICES"), "a b");
    assert_eq!(host.state("1234", "BACKUPS"), "");
    host.write(
        ".asd/workspace/releases/1234.log",
        "T ticket=1234 phase=prepare event=step-start rc=0 step=git.merge\n",
    );
    assert_eq!(host.events("1234"), ["prepare step-start git.merge"]);
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "");
}

#[test]
fn a_manifest_sees_content_and_mode() {
    let host = Host::new();
    let before = manifest(&host.data("wikijs"));
    std::fs::write(host.data("wikijs").join("pages/home.md"), "# Gone\n").unwrap();
    assert_ne!(manifest(&host.data("wikijs")), before);
    assert!(host.data("wikijs").starts_with(host.root()));
}

#[test]
fn the_program_is_started_signalled_and_awaited() {
    let host = Scene::new().build();
    host.run(["--version"]).exits(0);
    let mut running = host.start(["--version"]);
    running.child.wait().unwrap();
    running = host.start(["--version"]);
    assert!(running.so_far().len() < 1_000);
    running.wait().exits(0);
    let mut sleeper = host.command("sleep", host.root());
    sleeper.arg("30");
    let streams = (host.root().join("a"), host.root().join("b"));
    std::fs::write(&streams.0, "said").unwrap();
    std::fs::write(&streams.1, "").unwrap();
    for signal in [Signal::INT, Signal::TERM] {
        let child = sleeper.spawn().unwrap();
        let running = super::Running {
            command: "sleep".to_owned(),
            child,
            stdout: streams.0.clone(),
            stderr: streams.1.clone(),
        };
        if signal == Signal::INT {
            running.interrupt();
        } else {
            running.signal(signal);
        }
        let output = running.wait();
        assert_eq!((output.code, output.stdout.as_str()), (None, "said"));
    }
}

fn output(code: i32, stdout: &str) -> Output {
    Output {
        command: "holdpoint run 1".to_owned(),
        code: Some(code),
        stdout: stdout.to_owned(),
        stderr: "on the other stream".to_owned(),
        scene: "--- what was recorded".to_owned(),
    }
}

/// The message of an assertion that must fail.
fn complaint(assertion: impl FnOnce(Output)) -> String {
    let result = catch_unwind(AssertUnwindSafe(|| assertion(output(1, "one two"))));
    *result.expect_err("the assertion did not fail").downcast::<String>().unwrap()
}

#[test]
fn assertions_fail_and_then_show_everything() {
    output(0, "one two").exits(0).shows("two").shows("other").hides("three").shows_in_order(&["one", "two"]);
    assert_eq!(output(0, "{\"a\":1}\n").json()["a"], 1);
    assert_eq!(output(0, "1\n\n2\n").json_lines().len(), 2);
    let complaints = [
        complaint(|said| drop(said.exits(0))),
        complaint(|said| drop(said.hides("two").fails().hides("one"))),
        complaint(|said| drop(said.shows("three"))),
        complaint(|said| drop(said.hides("two"))),
        complaint(|said| drop(said.shows_in_order(&["two", "one"]))),
        complaint(|said| drop(said.json())),
        complaint(|said| drop(said.json_lines())),
    ];
    for message in complaints {
        for part in ["holdpoint run 1", "one two", "on the other stream", "what was recorded"] {
            assert!(message.contains(part), "{part} is not in:\n{message}");
        }
    }
}

#[test]
fn two_ports_are_never_the_same() {
    let ports: Vec<Port> = (0..20).map(|_| Port::free()).collect();
    let numbers: std::collections::BTreeSet<u16> = ports.iter().map(Port::number).collect();
    assert_eq!(numbers.len(), 20);
}
