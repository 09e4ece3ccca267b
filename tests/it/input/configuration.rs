//! Configuration that is missing, unreadable, malformed, too large, or says what cannot be.

use crate::support::{Host, Output, Scene, Service};

use super::all_of;

/// Replaces the host's own configuration by hand.
fn with(host: &Host, change: impl FnOnce(String) -> String) {
    let text = host.read(".asd/release.toml");
    host.write(".asd/release.toml", &change(text));
}

/// Every verb that needs the configuration says the same.
fn refused(host: &Host, words: &[&str]) {
    for verb in [
        ["run", "1234"].as_slice(),
        &["revert", "1234", "--yes"],
        &["status"],
        &["check", "1234"],
        &["adopt"],
    ] {
        let output = host.run(verb).exits(2);
        for word in words {
            assert!(output.stderr.contains(word), "does not say: {word}\n{output}");
        }
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
}

#[test]
fn no_configuration_names_the_file_and_init() {
    let host = Host::new();
    std::fs::remove_file(host.prod().join(".asd/release.toml")).unwrap();
    refused(&host, &[".asd/release.toml", "holdpoint init"]);
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn a_host_whose_configuration_is_gone_is_never_taken_for_the_project_around_it() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let around = host.prod().parent().unwrap().join(".asd");
    std::fs::create_dir_all(&around).unwrap();
    std::fs::rename(host.prod().join(".asd/release.toml"), around.join("release.toml")).unwrap();
    refused(&host, &[".asd/release.toml", "git checkout HEAD -- .asd/release.toml"]);
    host.run(["state", "1234"]).exits(2);
    assert!(!around.join("workspace").exists(), "nothing was begun there");
}

#[test]
fn what_is_wrong_is_said_with_its_line_and_column() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    let good = host.read(".asd/release.toml");
    let before = all_of(&host);
    let cases: [(&str, &str, &[&str]); 11] = [
        ("branch = \"main\"", "brnach = \"main\"", &[":3:1", "brnach", "branch"]),
        ("branch = \"main\"", "branch = main", &[":3:", "TOML"]),
        ("branch = \"main\"", "branch = \"--force\"", &[":3:", "--force"]),
        ("branch = \"main\"", "branch = 7", &[":3:", "branch"]),
        ("branch = \"main\"", "branch = \"main\"\nbranch = \"main\"", &[":4:", "branch"]),
        ("driver = \"command\"", "driver = \"systemd\"", &["systemd", "compose"]),
        ("deadline = \"3s\"", "deadline = \"soon\"", &["soon"]),
        ("status = 200", "status = 99999", &["99999"]),
        ("http://127.0.0.1", "file:///127.0.0.1", &["file:///"]),
        ("packages/wikijs/**", "packages/[", &["packages/["]),
        ("[services.wikijs]", "[services.\"../wikijs\"]", &["../wikijs", "service name"]),
    ];
    for (from, to, words) in cases {
        with(&host, |_| good.replacen(from, to, 1));
        let output = host.run(["run", "1234"]);
        assert_eq!(output.code, Some(2), "{to}\n{output}");
        for word in [".asd/release.toml", "error:"].iter().chain(words) {
            assert!(output.stderr.contains(word), "{to}: does not say: {word}\n{output}");
        }
    }
    with(&host, |_| good);
    assert_eq!(all_of(&host), before);
}

#[test]
fn one_mistake_looks_like_this() {
    let host = Host::new();
    with(&host, |text| text.replace("branch = \"main\"", "brnach = \"main\""));
    insta::assert_snapshot!(host.screen(&host.run(["run", "1234"]).exits(2)), @r#"
    error: .asd/release.toml:3:1: unknown key `brnach` in `git`: did you mean `branch`? `holdpoint schema release` prints every key
          |
        3 | brnach = "main"
          | ^^^^^^
    "#);
}

#[test]
fn services_cannot_depend_on_themselves_in_a_circle_or_on_nobody() {
    let host = Scene::new().service(Service::new("wikijs")).service(Service::new("redmine")).build();
    let good = host.read(".asd/release.toml");
    let depends = |whom: &str, on: &str| {
        let table = format!("[services.{whom}]\n");
        good.replace(&table, &format!("{table}depends_on = [\"{on}\"]\n"))
    };
    host.write(".asd/release.toml", &depends("wikijs", "wikijs"));
    refused(&host, &["wikijs", "itself"]);
    host.write(".asd/release.toml", &depends("wikijs", "nobody"));
    refused(&host, &["wikijs", "nobody"]);
    let circle = depends("wikijs", "redmine")
        .replace("[services.redmine]\n", "[services.redmine]\ndepends_on = [\"wikijs\"]\n");
    host.write(".asd/release.toml", &circle);
    refused(&host, &["wikijs", "redmine"]);
}

#[test]
fn what_is_no_file_of_text_is_refused() {
    let host = Host::new();
    let path = host.prod().join(".asd/release.toml");
    std::fs::write(&path, b"[git]\nremote = \"\xff\xfe\"\n").unwrap();
    refused(&host, &[".asd/release.toml"]);
    std::fs::write(&path, format!("# {}\n", "x".repeat(2 << 20))).unwrap();
    refused(&host, &[".asd/release.toml"]);
    std::fs::write(&path, format!("x = {}1{}\n", "[".repeat(5000), "]".repeat(5000))).unwrap();
    refused(&host, &[".asd/release.toml"]);
    std::fs::write(&path, b"\0\0\0\0").unwrap();
    refused(&host, &[".asd/release.toml"]);
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    for verb in [["run", "1234"].as_slice(), &["status"]] {
        host.run(verb).fails().shows(".asd/release.toml").hides("panicked");
    }
    std::fs::remove_dir(&path).unwrap();
    std::os::unix::fs::symlink("release.toml", &path).unwrap();
    host.run(["run", "1234"]).fails().shows(".asd").hides("panicked");
}

#[test]
fn an_empty_configuration_is_one() {
    let host = Host::new();
    host.write(".asd/release.toml", "");
    host.run(["status"]).exits(0);
    host.run(["doctor"]).hides("panicked");
}

#[test]
fn an_incoming_configuration_that_is_wrong_is_refused_before_anything_moves() {
    let host = Host::new();
    host.edit("1234", ".asd/release.toml", |text| text + "\n[surprise]\nx = 1\n");
    let target = host.ships("1234", "wikijs", "2");
    let before = all_of(&host);
    let output = host.run(["run", "1234"]).fails().shows("surprise").shows(".asd/release.toml");
    assert!(matches!(output.code, Some(2 | 4)), "{output}");
    assert!(output.stderr.contains(&target[..12]), "it says in which commit:\n{output}");
    assert_eq!(all_of(&host), before);
    // Mended there, it is released.
    host.edit("1234", ".asd/release.toml", |text| text.replace("[surprise]\nx = 1\n", ""));
    host.push();
    host.run(["run", "1234"]).exits(0);
    // Taken away altogether.
    std::fs::remove_file(host.dev().join(".asd/release.toml")).unwrap();
    host.commit("1235", &[("README.md", "Without.\n")]);
    host.push();
    let output = host.run(["run", "1235"]).fails().shows(".asd/release.toml").hides("panicked");
    assert!(matches!(output.code, Some(2 | 4)), "{output}");
    assert_eq!(host.image("wikijs"), "wikijs:2");
}

/// A host whose services are described by manifests in the seed's own format.
fn with_manifest(text: &str) -> (Host, Output) {
    let host = Scene::new()
        .config("[paths]\ndiscover = \"packages/*/manifest.yaml\"")
        .file("packages/wikijs/docker-compose.yaml", "services:\n  wikijs:\n    image: requarks/wiki:2.5\n")
        .build();
    host.write("packages/wikijs/manifest.yaml", text);
    let output = host.run(["check", "1234"]);
    (host, output)
}

#[test]
fn manifests_that_are_wrong_are_refused_with_their_place() {
    let many: Vec<String> = (0..50_000).map(|n| format!("k{n}: 1")).collect();
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b]\nname: *c\n";
    let cases: [(String, &[&str]); 11] = [
        (String::new(), &["manifest.yaml"]),
        ("name: [wikijs\n".to_owned(), &["manifest.yaml:", "YAML"]),
        ("name: ../../etc\n".to_owned(), &["manifest.yaml:1:", "../../etc"]),
        ("name: \"wiki\\u001b[2Jjs\"\n".to_owned(), &["manifest.yaml:1:"]),
        ("name: wikijs\nname: redmine\n".to_owned(), &["manifest.yaml:", "name"]),
        ("name: !!binary aGk=\n".to_owned(), &["manifest.yaml"]),
        (bomb.to_owned(), &["manifest.yaml"]),
        (format!("{}1{}\n", "[".repeat(500), "]".repeat(500)), &["manifest.yaml"]),
        (format!("# {}\n", "x".repeat(2 << 20)), &["manifest.yaml"]),
        ("name: wikijs\nbackup: { enabled: true, type: tape }\n".to_owned(), &["manifest.yaml:2:", "tape"]),
        (many.join("\n"), &["manifest.yaml"]),
    ];
    for (text, words) in cases {
        let (_host, output) = with_manifest(&text);
        let start: String = text.chars().take(60).collect();
        assert_eq!(output.code, Some(2), "{start}\n{output}");
        for word in words {
            assert!(output.stderr.contains(word), "{start}\ndoes not say: {word}\n{output}");
        }
        assert!(!output.stderr.contains('\u{1b}') && !output.stderr.contains("panicked"), "{output}");
        assert!(output.stderr.len() < 4000, "{output}");
    }
}

#[test]
fn an_environment_file_that_is_wrong_is_refused_without_showing_its_secrets() {
    let host = Scene::new().service(Service::new("wikijs")).file(".gitignore", ".env\n").build();
    host.ships("1234", "wikijs", "2");
    host.write(".env", "FINE=1\nTOKEN='cn4ry-never-closed\nNEXT=cn4ry-two\n");
    host.run(["run", "1234"]).exits(2).shows(".env:2").hides("cn4ry");
    host.write(".env", "FINE=1\nthis is no assignment cn4ry\n");
    host.run(["run", "1234"]).exits(2).shows(".env:2").hides("cn4ry");
    std::fs::remove_file(host.prod().join(".env")).unwrap();
    std::fs::create_dir(host.prod().join(".env")).unwrap();
    host.run(["run", "1234"]).fails().shows(".env").hides("panicked");
    assert_eq!(host.calls(), [""; 0]);
}

#[test]
fn programs_that_are_not_there_fail_with_their_name() {
    let host = Host::new();
    host.edit("1234", ".asd/release.toml", |text| {
        text.replace(
            "[services.wikijs]\n",
            "[services.wikijs]\nhooks = { pre_start = [{ run = [\"scripts/nowhere.sh\"] }] }\n",
        )
    });
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(1).shows("scripts/nowhere.sh");
    assert_eq!(
        (host.image("wikijs"), host.state("1234", "FAILED_STEP")),
        ("wikijs:1".into(), "wikijs.pre_start".into())
    );
}

#[test]
fn a_probe_never_asks_the_metadata_address() {
    let host = Host::new();
    host.edit("1234", ".asd/release.toml", |text| {
        text.replace("http://127.0.0.1:", "http://169.254.169.254:").replace("\"3s\"", "\"300ms\"")
    });
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).fails().shows("169.254.169.254");
}

#[test]
fn an_unattended_notification_that_fails_does_not_change_how_a_release_ends() {
    let news = "[[notify]]\non = [\"succeeded\"]\ncommand = [\"/nowhere/page\"]\n\n[[notify]]\non = [\"succeeded\", \"started\"]\nwebhook = \"http://127.0.0.1:9/\"";
    let host = Scene::new().service(Service::new("wikijs")).config(news).build();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0).shows("nobody could be told");
    assert_eq!(host.state("1234", "STATUS"), "succeeded");
}
