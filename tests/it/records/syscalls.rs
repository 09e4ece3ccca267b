//! How often a release waits for the disk (G7): counted with strace, at one service and at five.

use std::fs::File;
use std::path::Path;
use std::process::Stdio;

use crate::support::{Host, Output, Scene, Service, binary, lacks, skip};

/// What the program itself asked of the disk for its workspace; git's own syncs are not ours.
#[derive(Debug, Default)]
struct Counted {
    fsyncs: Vec<String>,
    fdatasyncs: Vec<String>,
    renames: Vec<String>,
}

/// Runs the program under strace; none where that is not allowed.
fn counted(host: &Host, arguments: &[&str]) -> Option<(Output, Counted)> {
    if lacks(&["strace"]) {
        return None;
    }
    let mut probe = host.command("strace", &host.prod());
    probe.args(["-o", "/dev/null", "true"]);
    if Output::of(probe).code != Some(0) {
        skip("strace may not trace here");
        return None;
    }
    let [trace, stdout, stderr] = ["trace", "stdout", "stderr"].map(|name| host.root().join(name));
    let mut command = host.command("strace", &host.prod());
    // The tracer stands aside (`-D`): the services that the release starts live on, and it with them, and neither is
    // waited for. So it gets no pipe of ours either.
    command.args(["-D", "-f", "-y", "-qq", "-e", "trace=fsync,fdatasync,rename,renameat,renameat2", "-o"]);
    command.arg(&trace).arg(binary()).args(arguments).stdin(Stdio::null());
    command.stdout(File::create(&stdout).unwrap()).stderr(File::create(&stderr).unwrap());
    let code = command.status().unwrap().code();
    let said = |path| std::fs::read_to_string(path).unwrap();
    let (stdout, stderr) = (said(&stdout), said(&stderr));
    let output = Output { command: arguments.join(" "), code, stdout, stderr, scene: String::new() };
    Some((output, count(&std::fs::read_to_string(trace).unwrap(), &host.workspace(""))))
}

fn count(trace: &str, workspace: &Path) -> Counted {
    let mut counted = Counted::default();
    let ours = |line: &&str| line.contains(workspace.to_str().unwrap().trim_end_matches('/'));
    for line in trace.lines().filter(ours).filter(|line| !line.contains("resumed>")) {
        let list = match line {
            line if line.contains(" fdatasync(") => &mut counted.fdatasyncs,
            line if line.contains(" fsync(") => &mut counted.fsyncs,
            _ => &mut counted.renames,
        };
        list.push(line.to_owned());
    }
    counted
}

/// Steps of a plan that change something, and those that take a backup.
fn steps(host: &Host, ticket: &str) -> (usize, usize) {
    let plan = format!("releases/{ticket}/1/plan.json");
    let text = std::fs::read_to_string(host.workspace(&plan)).unwrap();
    let plan: serde_json::Value = serde_json::from_str(&text).unwrap();
    let steps = plan["steps"].as_array().unwrap();
    let changing = steps.iter().filter(|step| step["changes"] == true).count();
    let backups = steps.iter().filter(|step| step["name"].as_str().unwrap().starts_with("backup.")).count();
    (changing, backups)
}

/// Syncs of results that waited too long, on a busy machine.
const LATE: usize = 3;

fn release(services: &[&str]) {
    let scene = services.iter().fold(Scene::new(), |scene, name| scene.service(Service::new(name)));
    let host = scene.build();
    // Folders that a host has for ever are made by its first release.
    for service in services {
        host.bump("1", service, "1");
    }
    host.commit("1", &[("packages/first", "x")]);
    host.push();
    host.run(["backup", "take"]).exits(0);
    host.git(["pull", "-q", "--ff-only"]).exits(0);
    // A result that nothing else makes durable is so after 200 ms at the latest: on a busy machine that adds a few syncs,
    // which are no part of the promise. So the least of several releases counts, and up to three of those are forgiven;
    // one sync too many for each service would still be found.
    let mut least: Option<(usize, Counted, &str)> = None;
    for (tag, ticket) in ["1234", "1235", "1236", "1237"].iter().enumerate() {
        host.script(ticket, "x", "true");
        for service in services {
            host.bump(ticket, service, &(tag + 2).to_string());
        }
        host.push();
        let Some((output, counted)) = counted(&host, &["run", ticket]) else { return };
        output.exits(0);
        let syncs = counted.fsyncs.len() + counted.fdatasyncs.len();
        if least.as_ref().is_none_or(|(known, ..)| syncs < *known) {
            least = Some((syncs, counted, ticket));
        }
    }
    let (syncs, counted, ticket) = least.unwrap();
    let (changing, backups) = steps(&host, ticket);
    assert!(changing > services.len() && backups == services.len(), "{changing} {backups}");
    // A set of one entry waits five times (its file, its folder, the manifest, the set, the shelf); what that is too much is
    // saved elsewhere.
    let most = 21 + 2 * changing + 4 * backups;
    println!("{syncs} syncs of {most}");
    assert!(syncs <= most + LATE, "{syncs} syncs are more than {most}: {counted:#?}");
    // A new attempt's folder is made durable with the names in it.
    let of = |path: &str| counted.fsyncs.iter().filter(|line| line.contains(&format!("{path}>"))).count();
    let folder = format!("/releases/{ticket}");
    assert_eq!((of(&folder), of(&format!("{folder}/1"))), (1, 1), "{counted:#?}");
}

#[test]
fn a_release_of_one_service_waits_for_the_disk_no_more_than_it_must() {
    release(&["wikijs"]);
}

#[test]
fn a_release_of_five_services_waits_for_the_disk_no_more_than_it_must() {
    release(&["a1", "b2", "c3", "d4", "e5"]);
}

#[test]
fn one_record_is_one_fdatasync_and_one_state_save_is_two_fsyncs_and_one_rename() {
    let host = Host::new();
    host.script("1234", "x", "false");
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1);
    let Some((output, counted)) = counted(&host, &["close", "1234", "--reason", "x"]) else { return };
    output.exits(0);
    let [fdatasyncs, fsyncs, renames] = [&counted.fdatasyncs, &counted.fsyncs, &counted.renames];
    assert_eq!((fdatasyncs.len(), fsyncs.len(), renames.len()), (1, 2, 1), "{counted:#?}");
    assert!(fdatasyncs[0].contains("1234.log"), "{counted:#?}");
    assert!(fsyncs[0].contains("/.1234.env.") && fsyncs[1].contains("/releases>"), "{counted:#?}");
    assert!(renames[0].contains("1234.env\""), "{counted:#?}");
}

#[test]
fn the_name_of_a_new_log_is_durable_before_its_first_record_is_acknowledged() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.write("README.md", "changed by hand\n");
    // A refused run leaves one record that waits, and no attempt.
    let Some((output, _)) = counted(&host, &["run", "1234"]) else { return };
    output.exits(4);
    let trace = std::fs::read_to_string(host.root().join("trace")).unwrap();
    let mut lines = trace.lines().skip_while(|line| !line.contains("/releases/1234.log>"));
    assert!(lines.next().is_some_and(|line| line.contains("fdatasync(")), "{trace}");
    assert!(
        lines.next().is_some_and(|line| line.contains(" fsync(") && line.contains("/releases>")),
        "{trace}"
    );
}
