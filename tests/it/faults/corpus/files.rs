//! Files that people write: configuration, manifests, environment files, script headers, playbooks, addresses of probes.

use std::time::{Duration, Instant};

use holdpoint::manifest::settings::SourceFile;
use holdpoint::manifest::{playbook, script};

use super::{cases, harmless, places, raw};
use crate::faults::tally::Tally;
use crate::support::{Host, Scene, Service};

/// Longer than any file may take to be read, on a busy machine.
const SOON: Duration = Duration::from_secs(20);

/// Puts each input of a kind into a file of the checkout and has the configuration read.
fn in_a_file(kind: &str, what: &'static str, path: &str, host: &Host, make: impl Fn(&str) -> String) {
    let mut tally = Tally::new("P12", what);
    host.write(path, "");
    let before = places(host);
    for case in cases(kind) {
        tally.case(&case.name, || {
            host.write(path, &make(&case.text));
            let began = Instant::now();
            let output = host.run(["list"]);
            assert!(began.elapsed() < SOON, "it took {:?}", began.elapsed());
            harmless(&output);
            match case.verdict.as_str() {
                "refused" => {
                    assert_eq!(output.code, Some(2), "{output}");
                    assert!(output.stderr.contains(path), "no file is named\n{output}");
                }
                "unasked" => {
                    assert_eq!(output.code, Some(0), "{output}");
                    let asked = host.run(["status", "wikijs"]);
                    harmless(&asked);
                    asked.shows("is not asked");
                }
                _ => assert_eq!(output.code, Some(0), "{output}"),
            }
        });
    }
    assert_eq!(places(host), before);
    tally.end();
}

#[test]
fn configuration() {
    let host = Host::new();
    let settings = host.read(".asd/release.toml");
    in_a_file("release-toml", "hostile release.toml", ".asd/release.toml", &host, |text| {
        format!("{settings}\n{text}\n")
    });
}

#[test]
fn addresses_of_probes() {
    let host = Scene::new().service(Service::new("wikijs").deadline("1s")).build();
    let settings = host.read(".asd/release.toml");
    let from = settings.find("http://").unwrap();
    let until = from + settings[from..].find('"').unwrap();
    in_a_file("probe-urls", "hostile addresses of probes", ".asd/release.toml", &host, |url| {
        let url = url.replace('\\', "\\\\").replace('"', "\\\"");
        format!("{}{url}{}", &settings[..from], &settings[until..])
    });
}

#[test]
fn manifests() {
    let host = Scene::new().config("[paths]\ndiscover = \"packages/*/manifest.yaml\"").build();
    host.write("packages/a/docker-compose.yaml", "services: {a: {image: x}}\n");
    in_a_file("manifest-yaml", "hostile manifest.yaml", "packages/a/manifest.yaml", &host, str::to_owned);
}

#[test]
fn environment_files() {
    let host = Host::new();
    in_a_file("dotenv", "hostile .env", ".env", &host, str::to_owned);
    assert!(!host.prod().join("pwned").exists());
}

#[test]
fn scripts_and_playbooks() {
    let mut tally = Tally::new("P12", "hostile script headers and playbooks");
    let file = |text: &str| SourceFile { path: "releases/1234-x.sh".to_owned(), text: text.to_owned() };
    for case in cases("script-headers") {
        tally.case(&case.name, || match script::header(&file(&case.text)) {
            Ok(_) => assert_eq!(case.verdict, "read"),
            Err(error) => {
                assert_eq!((case.verdict.as_str(), raw(&error.to_string())), ("refused", None), "{error}");
                assert!(error.place.is_some(), "{error}");
            }
        });
    }
    for case in cases("playbooks") {
        tally.case(&case.name, || {
            let read = playbook::parse(&file(&case.text)).map(|playbooks| playbooks.len());
            match read {
                Ok(count) => assert_eq!((case.verdict.as_str(), count), ("read", 0)),
                Err(error) => {
                    assert_eq!(
                        (case.verdict.as_str(), raw(&error.to_string())),
                        ("refused", None),
                        "{error}"
                    );
                }
            }
        });
    }
    tally.end();
}
