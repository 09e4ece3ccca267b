//! Service manifests in the seed's format: what they mean, what compose adds, and what a person sees when one is wrong.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use proptest::prelude::*;

use super::read::parse;
use crate::manifest::ManifestError;
use crate::manifest::settings::*;
use crate::manifest::settle::settle;
use crate::model::facts::{ComposePart, ResolvedService};
use crate::model::id::ServiceName;
use crate::model::settings::Settings;
use crate::model::spec::{
    BackupKind, ComposeSpec, DataClaim, DataKind, DriverSpec, HookSpec, PullPolicy, Quiesce, ServiceSpec,
};

const WIKIJS: &str = r"# A service in the seed's own format.
name: wikijs
display_name: Wiki.js
description: keys that we do not know are the manifest's own business
image:
  name: requarks/wiki
  tag: 2.5
  env_var: WIKIJS_TAG
containers:
  - { name: wikijs, role: app, required: true }
  - name: wikijs-db
    role: database
  - name: wikijs-debug
    required: false
health:
  endpoint: /healthz
  expected_code: 204
backup:
  enabled: true
  type: volume
  retention: 7
";

fn manifest(text: &str, siblings: &[&str]) -> ManifestSource {
    let file = SourceFile { path: "packages/wikijs/manifest.yaml".to_owned(), text: text.to_owned() };
    ManifestSource { file, siblings: siblings.iter().map(|name| (*name).to_owned()).collect() }
}

fn beside(manifest: ManifestSource, variables: &[(&str, &str)]) -> OtherSources {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    OtherSources {
        manifests: vec![manifest],
        environment: Some(Environment { path: ".env".into(), variables }),
    }
}

const BESIDE: [&str; 4] =
    ["docker-compose.yaml", "scripts/pre_start_init.sh", "scripts/post_start_init.ts", "README.md"];

fn try_read(text: &str) -> Result<Settings, ManifestError> {
    parse("", &beside(manifest(text, &BESIDE), &[]))
}

fn wrong(text: &str) -> String {
    try_read(text).map_or_else(|error| error.to_string(), |_| "it was read".to_owned())
}

fn only(settings: Settings) -> ServiceSpec {
    settings.services.into_values().next().unwrap()
}

fn read(text: &str) -> ServiceSpec {
    only(try_read(text).unwrap_or_else(|error| panic!("{error}")))
}

#[test]
fn a_manifest_means_what_it_says() {
    let variables = [("CONTAINER_PREFIX", "asd-"), ("COMPOSE_PROJECT_NAME", "asd"), ("SECRET", "x")];
    let settings = parse("", &beside(manifest(WIKIJS, &BESIDE), &variables)).unwrap();
    assert_eq!(
        settings.sources.keys().collect::<Vec<_>>(),
        [".asd/release.toml", "packages/wikijs/manifest.yaml"]
    );
    let spec = only(settings);
    assert_eq!((spec.name.as_str(), spec.display_name.as_deref()), ("wikijs", Some("Wiki.js")));
    assert_eq!(spec.image.as_deref(), Some("requarks/wiki:2.5"));
    assert_eq!(spec.paths, ["packages/wikijs/**"]);
    assert_eq!(spec.defined_in, "packages/wikijs/manifest.yaml");
    let compose = ComposeSpec {
        file: "packages/wikijs/docker-compose.yaml".into(),
        project: Some("asd".to_owned()),
        env_file: Some(".env".into()),
        services: vec!["*".to_owned()],
        pull: PullPolicy::Always,
        containers: vec!["asd-wikijs".to_owned(), "asd-wikijs-db".to_owned()],
        ..ComposeSpec::default()
    };
    assert_eq!(spec.driver, DriverSpec::Compose(compose));
    let health = spec.health.unwrap();
    assert_eq!((health.url.as_str(), health.status), ("/healthz", 204));
    let hook = |path: &str| vec![HookSpec { run: vec![path.to_owned()], ..HookSpec::default() }];
    assert_eq!(spec.hooks.pre_start, hook("packages/wikijs/scripts/pre_start_init.sh"));
    assert_eq!(spec.hooks.post_start, hook("packages/wikijs/scripts/post_start_init.ts"));
    assert!(spec.hooks.ensure_config.is_empty());
    assert!(spec.backup.is_empty());
    assert_eq!(spec.claim, Some(DataClaim { kinds: vec![DataKind::Volume], keep: 7 }));
}

#[test]
fn the_environment_file_may_replace_the_tag_or_the_whole_image() {
    let image = |value: &str| {
        let beside = beside(manifest(WIKIJS, &BESIDE), &[("WIKIJS_TAG", value)]);
        only(parse("", &beside).unwrap()).image.unwrap()
    };
    assert_eq!(image("2.6"), "requarks/wiki:2.6");
    assert_eq!(image("mirror.example.com/wiki:2.7"), "mirror.example.com/wiki:2.7");
    assert_eq!(image(""), "requarks/wiki:2.5");
    let digest = "name: a\nimage: { name: x, tag: \"sha256:ab\" }\n";
    assert_eq!(read(digest).image.as_deref(), Some("x@sha256:ab"));
    assert_eq!(read("name: a\nimage: { name: x }\n").image.as_deref(), Some("x"));
}

#[test]
fn release_toml_refines_a_manifest_key_by_key() {
    let toml = "[services.wikijs]\ncompose.project = \"other\"\nbackup = { kind = \"volume\", volume = \"wiki\" }\n\
                [services.redis]\ncompose.file = \"c.yaml\"\ndepends_on = [\"wikijs\"]\n";
    let settings =
        parse(toml, &beside(manifest(WIKIJS, &BESIDE), &[("COMPOSE_PROJECT_NAME", "asd")])).unwrap();
    let spec = &settings.services[&"wikijs".parse::<ServiceName>().unwrap()];
    let DriverSpec::Compose(compose) = &spec.driver else { panic!("{:?}", spec.driver) };
    assert_eq!(compose.project.as_deref(), Some("other"));
    assert_eq!(compose.file.to_str(), Some("packages/wikijs/docker-compose.yaml"));
    assert_eq!(compose.services, ["*"]);
    assert_eq!((spec.claim.clone(), spec.backup.len()), (None, 1));
    assert_eq!(spec.health.as_ref().map(|probe| probe.url.as_str()), Some("/healthz"));
}

#[test]
fn each_type_of_backup_becomes_what_it_is() {
    let backup =
        |lines: &str| read(&format!("name: my-wiki\nimage: {{ name: x, env_var: TAG }}\nbackup: {lines}\n"));
    let config = backup("{ type: config }");
    let kind =
        BackupKind::Config { file: ".env".into(), names: vec!["MY_WIKI_*".to_owned(), "TAG".to_owned()] };
    assert_eq!((config.backup[0].kind.clone(), config.backup[0].keep, config.claim), (kind, 5, None));
    let off = backup("{ enabled: false }");
    assert!(
        matches!(&off.backup[0].kind, BackupKind::None { reason } if reason.contains("`backup.enabled` is false"))
    );
    let several = backup("{ type: [database, workspace, config], retention: 2 }");
    assert_eq!(several.backup.len(), 1);
    let claim = DataClaim { kinds: vec![DataKind::Database, DataKind::Workspace], keep: 2 };
    assert_eq!(several.claim, Some(claim));
    let silent = read("name: a\n");
    assert!(silent.backup.is_empty() && silent.claim.is_none());
}

fn resolved() -> BTreeMap<ServiceName, ResolvedService> {
    let text = |pairs: &[(&str, &str)]| {
        pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect::<BTreeMap<_, _>>()
    };
    let app = ComposePart {
        image: Some("requarks/wiki:2.5".to_owned()),
        volumes: text(&[("asd_wiki", "/data")]),
        binds: text(&[
            ("/srv/wiki/files", "/files"),
            ("/etc/localtime", "/etc/localtime"),
            ("/x/docker.sock", "/s"),
        ]),
        ports: vec![3000, 3001],
        ..ComposePart::default()
    };
    let db = ComposePart {
        image: Some("docker.io/library/postgres:16@sha256:00".to_owned()),
        volumes: text(&[("asd_pg", "/var/lib/postgresql/data")]),
        database: text(&[("POSTGRES_DB", "wiki"), ("POSTGRES_USER", "wiki")]),
        ports: vec![5432],
        ..ComposePart::default()
    };
    let parts = BTreeMap::from([("db".to_owned(), db), ("wikijs".to_owned(), app)]);
    let service = ResolvedService { project: "asd".to_owned(), parts };
    BTreeMap::from([("wikijs".parse().unwrap(), service)])
}

fn settled(backup: &str) -> (ServiceSpec, Vec<String>) {
    let text = format!("name: wikijs\nhealth: {{ endpoint: /healthz }}\nbackup: {backup}\n");
    let mut settings = try_read(&text).unwrap();
    let troubles = settle(&mut settings, &resolved());
    let again = settle(&mut settings, &resolved());
    assert_eq!(again, troubles.clone(), "settling twice says the same");
    (only(settings), troubles.iter().map(ToString::to_string).collect())
}

#[test]
fn compose_says_where_the_data_and_the_port_are() {
    let (spec, troubles) = settled("{ type: [volume, workspace, database, config], retention: 3 }");
    assert_eq!(troubles, [""; 0]);
    assert_eq!(spec.health.unwrap().url, "http://127.0.0.1:3000/healthz");
    assert!(spec.backup.iter().all(|entry| entry.keep == 3 || entry.kind.word() == "config"));
    let said: Vec<String> = spec
        .backup
        .iter()
        .map(|entry| match &entry.kind {
            BackupKind::Volume { volume } => format!("volume {volume}"),
            BackupKind::Files { paths } => format!("files {paths:?}"),
            BackupKind::Postgres { within, database, user, .. } => {
                format!("postgres {within:?} {database} {user:?}")
            }
            other => other.word().to_owned(),
        })
        .collect();
    assert_eq!(
        said,
        [
            "volume asd_pg",
            "volume asd_wiki",
            "files [\"/srv/wiki/files\"]",
            "postgres Some(ServiceName(\"wikijs\")) wiki Some(\"wiki\")",
            "config"
        ]
    );
    assert_eq!(spec.backup[0].quiesce, Quiesce::Pause);
    assert_eq!(spec.backup[3].quiesce, Quiesce::None);
    assert_eq!(spec.claim, None);
}

#[test]
fn what_compose_does_not_say_is_not_guessed() {
    let mut resolved = resolved();
    for service in resolved.values_mut() {
        service.parts = BTreeMap::from([("wikijs".to_owned(), ComposePart::default())]);
    }
    let text = "name: wikijs\nhealth: { endpoint: /healthz }\nbackup: { type: KIND }\n";
    let mut said = Vec::new();
    for kind in ["volume", "workspace", "database"] {
        let mut settings = try_read(&text.replace("KIND", kind)).unwrap();
        let troubles = settle(&mut settings, &resolved);
        said.extend(troubles.iter().map(ToString::to_string));
        assert!(only(settings).backup.is_empty());
    }
    said.dedup();
    assert_snapshot!(said.join("\n"), @r"
    packages/wikijs/manifest.yaml: `wikijs.health` asks the path `/healthz`, and compose publishes no port: write the full address
    packages/wikijs/manifest.yaml: `wikijs.backup` has the type `volume`, and compose mounts no named volume: correct one of them
    packages/wikijs/manifest.yaml: `wikijs.health` asks the path `/healthz`, and compose publishes no port: write the full address
    packages/wikijs/manifest.yaml: `wikijs.backup` has the type `workspace`, and compose mounts no folder of this host: correct one of them
    packages/wikijs/manifest.yaml: `wikijs.health` asks the path `/healthz`, and compose publishes no port: write the full address
    packages/wikijs/manifest.yaml: `wikijs.backup` has the type `database`, and no container of it is a PostgreSQL or MySQL server: write the entry in `.asd/release.toml`
    ");
}

#[test]
fn a_service_that_is_not_resolved_is_left_alone() {
    let mut settings = try_read(WIKIJS).unwrap();
    let before = settings.clone();
    assert_eq!(settle(&mut settings, &BTreeMap::new()), []);
    assert_eq!(settings, before);
}

#[test]
fn a_wrong_manifest_says_where_and_what_to_write() {
    assert_snapshot!(wrong("display_name: x\n"), @r"
    packages/wikijs/manifest.yaml:1:1: the file needs the key `name`: `holdpoint schema manifest` says what it means
      |
    1 | display_name: x
      | ^
    ");
    assert_snapshot!(wrong("name: [a]\n"), @r"
    packages/wikijs/manifest.yaml:1:7: `name` should be text, not a list
      |
    1 | name: [a]
      |       ^
    ");
    assert_snapshot!(wrong("name: wiki js\n"), @r"
    packages/wikijs/manifest.yaml:1:7: `name`: `wiki js` is not a service name: only letters, digits, `_` and `-` may stand in it
      |
    1 | name: wiki js
      |       ^^^^^^^
    ");
    assert_snapshot!(wrong("name: a\nheatlh:\n  endpoint: /x\n"), @r"
    packages/wikijs/manifest.yaml:2:1: unknown key `heatlh`: did you mean `health`? `holdpoint schema manifest` prints every key
      |
    2 | heatlh:
      | ^^^^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup:\n  type: volume\n  retenton: 3\n"), @r"
    packages/wikijs/manifest.yaml:4:3: unknown key `retenton` in `backup`: did you mean `retention`? `holdpoint schema manifest` prints every key
      |
    4 |   retenton: 3
      |   ^^^^^^^^
    ");
    assert_snapshot!(wrong("name: a\ncontainers:\n  - nmae: x\n"), @r"
    packages/wikijs/manifest.yaml:3:5: unknown key `nmae` in `containers`: did you mean `name`? `holdpoint schema manifest` prints every key
      |
    3 |   - nmae: x
      |     ^^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { type: volumes }\n"), @r"
    packages/wikijs/manifest.yaml:2:17: `backup.type` is `volumes`: did you mean `volume`?
      |
    2 | backup: { type: volumes }
      |                 ^^^^^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { type: tape }\n"), @r"
    packages/wikijs/manifest.yaml:2:17: `backup.type` is `tape`: write `database`, `volume`, `workspace` or `config`
      |
    2 | backup: { type: tape }
      |                 ^^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { enabled: true }\n"), @r"
    packages/wikijs/manifest.yaml:2:1: `backup` needs the key `type`: `holdpoint schema manifest` says what it means
      |
    2 | backup: { enabled: true }
      | ^^^^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { type: volume, retention: 30d }\n"), @r"
    packages/wikijs/manifest.yaml:2:36: `backup.retention` should be a whole number from 0 up, not `30d`
      |
    2 | backup: { type: volume, retention: 30d }
      |                                    ^^^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { type: volume, retention: 0 }\n"), @r"
    packages/wikijs/manifest.yaml:2:36: `backup.retention` is 0: keep at least 1 set
      |
    2 | backup: { type: volume, retention: 0 }
      |                                    ^
    ");
    assert_snapshot!(wrong("name: a\nbackup: { type: volume, enabled: maybe }\n"), @r"
    packages/wikijs/manifest.yaml:2:34: `backup.enabled` should be `true` or `false`, not `maybe`
      |
    2 | backup: { type: volume, enabled: maybe }
      |                                  ^^^^^
    ");
}

#[test]
fn wrong_addresses_images_and_names_say_what_to_write() {
    assert_snapshot!(wrong("name: a\nhealth: { endpoint: healthz }\n"), @r"
    packages/wikijs/manifest.yaml:2:21: `health.endpoint` is `healthz`: write a full address, or a path that begins with `/`
      |
    2 | health: { endpoint: healthz }
      |                     ^^^^^^^
    ");
    assert_snapshot!(wrong("name: a\nhealth: { endpoint: \"http://\" }\n"), @r#"
    packages/wikijs/manifest.yaml:2:21: `health.endpoint` is `http://`: write a host after `//`, for example `http://127.0.0.1:3000/healthz`
      |
    2 | health: { endpoint: "http://" }
      |                     ^^^^^^^^^
    "#);
    assert_snapshot!(wrong("name: a\nhealth: { endpoint: /x, expected_code: 20 }\n"), @r"
    packages/wikijs/manifest.yaml:2:40: `health.expected_code` is no HTTP status: write one from 100 to 599
      |
    2 | health: { endpoint: /x, expected_code: 20 }
      |                                        ^^
    ");
    assert_snapshot!(wrong("name: a\nimage: { name: \"a b\" }\n"), @r#"
    packages/wikijs/manifest.yaml:2:1: `image` is `a b`: write an image reference, for example `requarks/wiki:2.5`
      |
    2 | image: { name: "a b" }
      | ^^^^^
    "#);
    assert_snapshot!(wrong("name: a\ncontainers:\n  - name: x\n  - name: ../x\n"), @r"
    packages/wikijs/manifest.yaml:4:11: `containers.name` is `../x`: write a name of letters, digits, `_`, `-` and `.`
      |
    4 |   - name: ../x
      |           ^^^^
    ");
    assert_snapshot!(wrong("- a\n"), @r"
    packages/wikijs/manifest.yaml:1:1: the file should be a table, not a list
      |
    1 | - a
      | ^
    ");
    assert_snapshot!(wrong(""), @"packages/wikijs/manifest.yaml: the file needs the key `name`: `holdpoint schema manifest` says what it means");
}

#[test]
fn what_stands_beside_a_manifest_must_be_clear() {
    let beside = |siblings: &[&str]| {
        let read = parse("", &beside(manifest("name: wikijs\n", siblings), &[]));
        read.map_or_else(|error| error.to_string(), |_| "it was read".to_owned())
    };
    assert_snapshot!(beside(&[]), @r"
    packages/wikijs/manifest.yaml:1:7: `name` names `wikijs`, and no `docker-compose.yaml` stands beside this file: add it
      |
    1 | name: wikijs
      |       ^^^^^^
    ");
    assert_snapshot!(beside(&["docker-compose.yml", "docker-compose.yaml"]), @r"
    packages/wikijs/manifest.yaml:1:7: `name` has a `docker-compose.yaml` and a `docker-compose.yml` beside it: remove one of them
      |
    1 | name: wikijs
      |       ^^^^^^
    ");
    assert_snapshot!(beside(&["docker-compose.yml", "scripts/ensure-config", "scripts/ensure-config.ts"]), @r"
    packages/wikijs/manifest.yaml:1:7: `name` has both `scripts/ensure-config` and `scripts/ensure-config.ts` beside it: remove one of them
      |
    1 | name: wikijs
      |       ^^^^^^
    ");
    assert_eq!(
        beside(&["docker-compose.yml", "scripts/ensure-config.md", "scripts/ensure-config.sh"]),
        "it was read"
    );
}

#[test]
fn two_manifests_of_one_name_are_refused() {
    let mut beside = beside(manifest("name: wikijs\n", &BESIDE), &[]);
    let mut second = beside.manifests[0].clone();
    second.file.path = "packages/wiki2/manifest.yaml".to_owned();
    beside.manifests.push(second);
    assert_snapshot!(parse("", &beside).unwrap_err(), @r"
    packages/wiki2/manifest.yaml:1:7: `name` is `wikijs`, as in `packages/wikijs/manifest.yaml`: give one of them another name
      |
    1 | name: wikijs
      |       ^^^^^^
    ");
}

#[test]
fn anchors_aliases_tags_and_further_documents_are_refused() {
    assert_snapshot!(wrong("name: &a wikijs\n"), @r"
    packages/wikijs/manifest.yaml:1:7: an anchor stands here: write the value itself wherever it is used
      |
    1 | name: &a wikijs
      |       ^^
    ");
    assert_snapshot!(wrong("name: wikijs\nx: *a\n"), @r"
    packages/wikijs/manifest.yaml:2:4: an alias stands here: write the value itself
      |
    2 | x: *a
      |    ^
    ");
    assert_snapshot!(wrong("name: !!str wikijs\n"), @r"
    packages/wikijs/manifest.yaml:1:7: a tag stands here: write the value without it
      |
    1 | name: !!str wikijs
      |       ^^^^^
    ");
    assert_snapshot!(wrong("name: !include /etc/passwd\n"), @r"
    packages/wikijs/manifest.yaml:1:7: a tag stands here: write the value without it
      |
    1 | name: !include /etc/passwd
      |       ^^^^^^^^
    ");
    assert_snapshot!(wrong("base: &b { x: 1 }\nname: a\n"), @r"
    packages/wikijs/manifest.yaml:1:7: an anchor stands here: write the value itself wherever it is used
      |
    1 | base: &b { x: 1 }
      |       ^^
    ");
    assert_snapshot!(wrong("name: a\nimage:\n  <<: { name: x }\n"), @r"
    packages/wikijs/manifest.yaml:3:3: a merge key stands here: write the keys themselves
      |
    3 |   <<: { name: x }
      |   ^^
    ");
    assert_snapshot!(wrong("name: a\n---\nname: b\n"), @r"
    packages/wikijs/manifest.yaml:2:1: a second document begins here: write one document
      |
    2 | ---
      | ^^^
    ");
    assert_snapshot!(wrong("name: a\nname: b\n"), @r"
    packages/wikijs/manifest.yaml:2:1: the key `name` stands there twice: take one of them out
      |
    2 | name: b
      | ^^^^
    ");
    assert_snapshot!(wrong("? [a]\n: b\n"), @r"
    packages/wikijs/manifest.yaml:1:3: a table or list stands where a key is wanted: write a word
      |
    1 | ? [a]
      |   ^
    ");
}

#[test]
fn hostile_manifests_are_refused_quickly() {
    let mut bomb = "a: &a [x]\n".to_owned();
    for (here, before) in ('b'..='z').zip('a'..='y') {
        let aliases = vec![format!("*{before}"); 9].join(",");
        bomb.extend([here.to_string(), format!(": &{here} [{aliases}]\n")]);
    }
    assert_snapshot!(wrong(&bomb), @r"
    packages/wikijs/manifest.yaml:1:4: an anchor stands here: write the value itself wherever it is used
      |
    1 | a: &a [x]
      |    ^^
    ");
    assert_snapshot!(wrong(&"x".repeat((1 << 20) + 1)), @"packages/wikijs/manifest.yaml: the file has 1048577 bytes and may have 1048576: move what is not configuration elsewhere");
    assert_snapshot!(wrong(&format!("name: {}{}", "[".repeat(70), "]".repeat(70))), @r"
    packages/wikijs/manifest.yaml:1:70: the file is nested deeper than 64 levels: flatten it
      |
    1 | name: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      |                                                                      ^
    ");
    assert!(wrong(&"- ".repeat(100_000)).contains("deep"));
    assert!(wrong(&format!("name: a\nx: [{}]", "1,".repeat(200_000))).contains("more than 10000 values"));
    assert!(wrong(&format!("{}: 1", "k".repeat(900_000))).contains("manifest.yaml:1:"));
    assert_snapshot!(wrong("name: a\0b\n"), @r"
    packages/wikijs/manifest.yaml:1:8: the file is not valid YAML here: unexpected character: `\u{0}'
      |
    1 | name: a\u{0}b
      |        ^
    ");
    assert_snapshot!(wrong("name: \"a\n"), @"packages/wikijs/manifest.yaml:2:1: the file is not valid YAML here: invalid indentation in multiline quoted scalar");
    assert_snapshot!(wrong("\tname: a\n"), @"it was read");
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    assert_eq!(read("\u{feff}name: wikijs\r\nbackup:\r\n  type: volume\r\n").name.as_str(), "wikijs");
}

fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "name: ",
        "a",
        "\n",
        "  ",
        "- ",
        "backup:",
        "type: volume",
        "{ ",
        " }",
        "[",
        "]",
        ": ",
        "&x ",
        "*x",
        "!t ",
        "\"",
        "'",
        "|\n",
        ">-\n",
        "#",
        "---\n",
        "...",
        "\t",
        "\r\n",
        "é",
        "\0",
        "? ",
        "<<: ",
        "%YAML 1.2\n",
        "image: { name: x }\n",
        ",",
        "containers:\n  - name: x\n",
        "null",
        "~",
        "1e999",
        "0x",
        "true",
    ]);
    let near = prop::collection::vec(pieces, 0..20).prop_map(|pieces| pieces.concat());
    prop_oneof![near, "(?s).{0,80}"]
}

parser! {
"manifest.yaml";

    #[test]
    fn no_manifest_makes_it_panic(text in any_text()) {
        if let Err(error) = try_read(&text) {
            let shown = error.to_string();
            prop_assert!(!shown.replace('\n', "").chars().any(crate::model::escape::is_unsafe), "{shown:?}");
            // A key that is nowhere, and a file that is another thing altogether, have no place.
            let is_whole = shown.contains("needs the key") || shown.contains("the file should be");
            prop_assert!(error.place.is_some() || is_whole, "without a place: {shown}");
        }
    }

    #[test]
    fn a_cut_or_changed_manifest_never_panics(at in 0..WIKIJS.len(), with in "(?s).{0,3}") {
        let _ = try_read(&format!("{}{with}{}", &WIKIJS[..at], &WIKIJS[at..]));
    }
}
