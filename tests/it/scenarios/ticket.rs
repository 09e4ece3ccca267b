//! The ticket's script fails half-way with data changed; the release is reverted with that data back, or goes on.

use crate::support::{Host, Scene, Service, binary, manifest};

use super::{damages, three, tree};

#[test]
fn data_that_a_script_changed_half_way_is_put_back() {
    let host = three();
    let (base, services) = (host.head(), ["postgres", "wikijs", "redmine"]);
    let before = services.map(|name| (manifest(&host.data(name)), host.image(name)));
    // The release ships `wikijs`; its script works on what `redmine` keeps, which is saved because the script says so.
    let script = format!("# holdpoint: backup=redmine\n{}", damages(&host, "redmine"));
    host.script("1234", "theme", &script);
    host.ships("1234", "wikijs", "2");

    host.run(["run", "1234"])
        .exits(1)
        .shows("column theme does not exist")
        .shows("release-run failed in phase ticket. To roll back:")
        .shows("holdpoint revert 1234");
    assert_eq!(host.image("wikijs"), "wikijs:2");
    assert_ne!(manifest(&host.data("redmine")), before[2].0, "the script damaged nothing: nothing is proven");

    host.run(["revert", "1234", "--yes"]).exits(0).shows("safety copy of redmine");
    for (name, (data, image)) in services.iter().zip(&before) {
        assert_eq!((&manifest(&host.data(name)), &host.image(name)), (data, image), "{name}");
        host.service(name, "status").exits(0);
    }
    assert_eq!(tree(&host, "HEAD"), tree(&host, &base));
    assert_eq!(host.git(["status", "--porcelain"]).exits(0).stdout, "");
    assert_eq!(host.state("1234", "STATUS"), "reverted");
    host.run(["log", "1234", "--verify"]).exits(0);
}

#[test]
fn a_script_names_further_services_to_back_up() {
    let host = three();
    let data = manifest(&host.data("redmine"));
    host.script("1234", "theme", &format!("# holdpoint: backup=redmine\n{}", damages(&host, "redmine")));
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let backups = host.state("1234", "BACKUPS");
    assert!(backups.contains("redmine=") && backups.contains("wikijs="), "{backups}");
    assert_eq!(host.state("1234", "SERVICES"), "wikijs");
    host.run(["revert", "1234", "--yes"]).exits(0);
    assert_eq!(manifest(&host.data("redmine")), data);
}

#[test]
fn a_failed_script_starts_again_and_finished_ones_do_not() {
    let host = Host::new();
    let (ready, ran) = (host.root().join("ready"), host.root().join("ran"));
    let (ready, ran) = (ready.display(), ran.display());
    let once = format!("{} once import -- sh -c 'echo imported >>{ran}'", binary());
    host.script("1234", "a-first", &format!("echo a >>{ran}"));
    host.script("1234", "b-second", &format!("echo b >>{ran}\n{once}\ntest -e {ready}\necho c >>{ran}"));
    host.push();

    host.run(["run", "1234"]).exits(1).shows("1234-b-second.sh");
    assert_eq!(host.read(&format!("{ran}")), "a\nb\nimported\n");
    host.run(["run", "1234"]).exits(4).shows("--from=ticket");
    std::fs::write(host.root().join("ready"), "").unwrap();
    host.run(["run", "1234", "--from=ticket"])
        .exits(0)
        .shows("1234-b-second.sh ran once")
        .shows("it starts again from its first line");
    assert_eq!(host.read(&format!("{ran}")), "a\nb\nimported\nb\nc\n");
    assert!(host.record("1234", "step=1234-a-first.sh").contains("event=step-skipped"));
}

#[test]
fn a_script_is_told_where_it_stands() {
    let host = Scene::new().service(Service::new("wikijs")).file(".gitignore", ".env\n").build();
    host.write(".env", "GREETING='from the host'\n");
    let told = host.root().join("told");
    let body = format!(
        "printf '%s\\n' \"$1\" \"$TICKET\" \"$BASE_SHA\" \"$MERGE_SHA\" \"$SERVICES\" \"$BACKUPS\" \
         \"$HOLDPOINT_ATTEMPT\" \"$GREETING\" >{0}\ntest -d \"$HOLDPOINT_STEP_DIR\"\ntest \"$(readlink /proc/$$/fd/0)\" = /dev/null",
        told.display()
    );
    let base = host.head();
    host.script("1234", "tell", &body);
    let target = host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let backups = host.state("1234", "BACKUPS");
    let expected =
        ["--yes", "1234", &base, &target, "wikijs", &backups, "1234@1", "from the host"].join("\n") + "\n";
    assert_eq!(std::fs::read_to_string(told).unwrap(), expected);
}

#[test]
fn a_ticket_without_a_script_says_so() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    assert!(host.log("1234").contains("phase=ticket event=skipped-no-script"), "{}", host.log("1234"));
}

#[test]
fn a_failed_script_that_must_be_asked_about_is() {
    let host = Scene::new().service(Service::new("wikijs")).config("[run]\nrerun_failed = \"ask\"").build();
    let ready = host.root().join("ready");
    host.script("1234", "import", &format!("test -e {}", ready.display()));
    host.push();
    host.run(["run", "1234"]).exits(1);
    std::fs::write(&ready, "").unwrap();
    host.run(["run", "1234", "--from=ticket"]).fails().shows("--run-again=1234-import.sh");
    host.run(["run", "1234", "--from=ticket", "--run-again=1234-import.sh"]).exits(0);
}

#[test]
fn a_script_that_hangs_is_ended_with_all_that_it_started() {
    let host = Scene::new().service(Service::new("wikijs")).build();
    let pids = host.root().join("pids");
    let body =
        format!("# holdpoint: timeout=300ms\nsleep 60 & echo $! >{0}\necho $$ >>{0}\nwait", pids.display());
    host.script("1234", "hangs", &body);
    host.push();
    host.run(["run", "1234"]).exits(1).shows("did not end within 300ms");
    assert!(host.log("1234").contains("reason=timeout"), "{}", host.log("1234"));
    for pid in std::fs::read_to_string(pids).unwrap().lines() {
        crate::support::wait_until("what the script started is gone", || !alive(pid));
    }
}

fn alive(pid: &str) -> bool {
    let state = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    state.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}
