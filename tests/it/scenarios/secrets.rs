//! Secrets of the host reach neither screen nor record, whatever fails.

use std::path::Path;

use crate::support::{Host, Scene, Service};

const CANARIES: [&str; 3] = ["cn4ry-T0ken/with+signs=", "p4ss w0rd \"quoted\"", "hunter2-of-the-database"];

/// A host whose `.env` holds secrets and whose programs tell them to everybody.
fn telling() -> Host {
    let host = Scene::new()
        .service(Service::new("wikijs"))
        .file(".gitignore", ".env\n")
        .config("[secrets]\nenv_files = [\".env\"]\n\n[[notify]]\non = [\"failed\", \"succeeded\"]\ncommand = [\"sh\", \"-c\", \"cat >>../news\"]")
        .build();
    host.write(
        ".env",
        &format!(
            "API_TOKEN={}\nADMIN_PASSWORD='{}'\nDATABASE_URL=postgres://wiki:{}@localhost/wiki\nDB_PASS={}\n",
            CANARIES[0], CANARIES[1], CANARIES[2], CANARIES[2]
        ),
    );
    host.script(
        "1234",
        "tell",
        "echo \"token $API_TOKEN\"\necho \"password $ADMIN_PASSWORD\" >&2\nprintf 'url %s\\n' \"$DATABASE_URL\"\n\
         printf '%s' \"${DB_PASS%?}\"; sleep 0.1; echo \"${DB_PASS: -1}\"\nexit 1",
    );
    host.ships("1234", "wikijs", "2");
    host
}

/// Files below a folder in which a canary stands, in any of the forms that are looked for.
fn leaks(folder: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            leaks(&path, found);
        } else {
            let text = String::from_utf8_lossy(&std::fs::read(&path).unwrap()).into_owned();
            found.extend(
                CANARIES
                    .iter()
                    .filter(|canary| tells(&text, canary))
                    .map(|canary| format!("{}: {canary}", path.display())),
            );
        }
    }
}

fn tells(text: &str, canary: &str) -> bool {
    let json = serde_json::to_string(canary).unwrap();
    text.contains(canary) || text.contains(json.trim_matches('"'))
}

#[test]
fn no_secret_of_the_environment_file_is_told() {
    let host = telling();
    let mut said = Vec::new();
    for line in [
        ["run", "1234", "--dry-run"].as_slice(),
        &["run", "1234", "--dry-run", "--json"],
        &["run", "1234"],
        &["run", "1234", "--from=ticket", "--json"],
        &["state", "1234"],
        &["state", "1234", "--json"],
        &["log", "1234"],
        &["log", "1234", "--json"],
        &["revert", "1234", "--dry-run", "--json"],
        &["report", "1234", "-o", "-"],
        &["doctor", "--json"],
        &["status", "--json"],
    ] {
        said.push(host.run(line));
    }
    said[2].clone().exits(1).shows("token ***").shows("password ***");
    for output in &said {
        for canary in CANARIES {
            assert!(
                !tells(&output.stdout, canary) && !tells(&output.stderr, canary),
                "{canary} in\n{output}"
            );
        }
    }
    let mut found = Vec::new();
    leaks(&host.workspace(""), &mut found);
    assert_eq!(found, [""; 0]);
    let news = std::fs::read_to_string(host.root().join("news")).unwrap();
    assert!(news.contains("\"failed\"") && CANARIES.iter().all(|canary| !tells(&news, canary)), "{news}");
}

#[test]
fn a_persons_own_reason_tells_no_secret_either() {
    let host = telling();
    host.run(["run", "1234"]).exits(1);
    let reason = format!("the token {} was wrong", CANARIES[0]);
    let closed = host.run(["close", "1234", "--reason", &reason]).exits(0);
    assert!(!tells(&closed.stdout, CANARIES[0]) && !tells(&closed.stderr, CANARIES[0]), "{closed}");
    assert!(host.record("1234", "event=closed").contains("the token *** was wrong"), "{}", host.log("1234"));
    let mut found = Vec::new();
    leaks(&host.workspace(""), &mut found);
    assert_eq!(found, [""; 0]);
}

#[test]
fn a_backup_of_the_configuration_keeps_the_secrets_that_it_is_for() {
    let host = Scene::new()
        .service(
            Service::new("wikijs").backup("[{ kind = \"config\", file = \".env\", names = [\"WIKI_*\"] }]"),
        )
        .file(".gitignore", ".env\n")
        .build();
    host.write(".env", "WIKI_TOKEN=cn4ry-one\nOTHER=stays\n");
    host.ships("1234", "wikijs", "2");
    host.script("1234", "renew", "sed -i s/cn4ry-one/cn4ry-two/ .env\nfalse");
    host.push();
    host.run(["run", "1234"]).exits(1).hides("cn4ry");
    assert!(host.read(".env").contains("cn4ry-two"));
    host.write(".env", &host.read(".env").replace("stays", "changed-since"));
    host.run(["revert", "1234", "--yes"]).exits(0).hides("cn4ry");
    assert_eq!(host.read(".env"), "WIKI_TOKEN=cn4ry-one\nOTHER=changed-since\n");
}

#[test]
fn dangerous_names_in_an_environment_file_reach_no_program() {
    let host = Scene::new().service(Service::new("wikijs")).file(".gitignore", ".env\n").build();
    let trap = host.root().join("trap.sh");
    std::fs::write(&trap, format!("touch {}/sprung\n", host.root().display())).unwrap();
    host.write(
        ".env",
        &format!(
            "BASH_ENV={0}\nLD_PRELOAD=/nowhere.so\nGIT_DIR=/nowhere\nIFS=x\nPATH=/nowhere\nFINE=yes\n",
            trap.display()
        ),
    );
    host.script(
        "1234",
        "sees",
        "test -z \"${LD_PRELOAD-}${GIT_DIR-}\"\ntest \"$FINE\" = yes\ngit rev-parse HEAD >/dev/null",
    );
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    assert!(!host.root().join("sprung").exists());
}

#[test]
fn the_operators_own_environment_reaches_a_script_only_by_name() {
    let host = Scene::new().service(Service::new("wikijs")).config("[run]\nenv = [\"WANTED\"]").build();
    host.script(
        "1234",
        "sees",
        "test \"${WANTED-}\" = yes\ntest -z \"${UNWANTED-}\"\ntest -z \"${GIT_DIR-}\"",
    );
    host.ships("1234", "wikijs", "2");
    let mut command = host.command(crate::support::binary(), &host.prod());
    command.args(["run", "1234"]).env("WANTED", "yes").env("UNWANTED", "yes").env("GIT_DIR", "/nowhere");
    command.env("BASH_ENV", "/nowhere").env("LD_LIBRARY_PATH", "/nowhere");
    crate::support::Output::of(command).exits(0);
}
