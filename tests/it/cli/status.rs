//! `status`: since when a service is up, as far as anybody knows.

use crate::support::{Host, Scene, Service};

#[test]
fn since_when_a_service_is_up_is_told_or_said_to_be_unknown() {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let row = |host: &Host, name: &str| {
        let view = host.run(["status", "--json"]).exits(0).json();
        let rows = view["services"].as_array().unwrap().clone();
        rows.into_iter().find(|row| row["service"] == name).unwrap()
    };
    let wiki = row(&host, "wikijs");
    assert!(wiki["since"].is_string() && wiki["sinceBy"] == "record", "{wiki}");
    let started = host.record("1234", "event=step-start");
    assert!(started.contains("verify"), "{started}");
    assert!(row(&host, "redmine")["since"].is_null());
    let screen = host.run(["status"]).exits(0);
    let line = |name: &str| screen.stdout.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(line("wikijs").contains("≤ "), "{}", line("wikijs"));
    assert!(line("redmine").contains("unknown"), "{}", line("redmine"));
    host.service("redmine", "stop").exits(0);
    let screen = host.run(["status", "redmine"]).exits(0);
    assert!(!screen.stdout.contains("unknown"), "what is stopped is not up: {screen}");
}
