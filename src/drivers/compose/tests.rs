//! Promises of the compose driver, kept against recorded answers of compose 1.29, compose 2.26 and docker 20.10.

#![expect(clippy::disallowed_methods, reason = "tests make real files")]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::{Value, json};

use super::read::resolved;
use super::*;
use crate::drivers::Surroundings;
use crate::model::facts::{Compose, ComposeFlavour, ResolvedService, RunState, ServiceState};
use crate::model::id::ServiceName;
use crate::model::reason::ReasonCode;
use crate::model::spec::ComposeSpec;
use crate::sys::process::base_environment;

const V1: &str = r#"
services:
  db:
    build:
      context: /srv/app/packages/wiki
    command:
    - sleep
    - '1000'
    environment:
      POSTGRES_DB: wiki
      POSTGRES_PASSWORD: x
    healthcheck:
      test:
      - NONE
    image: h3test/web:1
  wiki:
    container_name: p_wiki
    depends_on:
      db:
        condition: service_started
    environment:
      A: '1'
      EMPTY: null
      PW: s3cret
    healthcheck:
      interval: 2s
      test:
      - CMD
      - /bin/busybox
      - "true"
    image: h3test/web:1
    ports:
    - 127.0.0.1:18080:8080/tcp
    - target: 9090
    volumes:
    - data:/data:rw
    - /srv/app/conf:/conf:ro
    - /anon
    - source: ext
      target: /ext
      type: volume
    - shared:/shared:rw
version: '3.7'
volumes:
  data: {}
  ext:
    name: my_ext
  shared:
    external: true
    name: shared
"#;

const V2: &str = r#"{"name": "asd", "services": {
  "db": {"build": {"context": "/srv/app/packages/wiki", "dockerfile": "Dockerfile"}, "command": ["sleep", "1000"],
    "entrypoint": null, "environment": {"POSTGRES_DB": "wiki", "POSTGRES_PASSWORD": "x"},
    "healthcheck": {"disable": true}, "image": "h3test/web:1", "networks": {"default": null}},
  "wiki": {"container_name": "p_wiki", "depends_on": {"db": {"condition": "service_started", "required": true}},
    "entrypoint": null, "environment": {"A": "1", "EMPTY": null, "PW": "s3cret"},
    "healthcheck": {"test": ["CMD", "/bin/busybox", "true"], "interval": "2s"}, "image": "h3test/web:1",
    "ports": [{"mode": "ingress", "host_ip": "127.0.0.1", "target": 8080, "published": "18080", "protocol": "tcp"},
      {"mode": "ingress", "target": 9090, "protocol": "tcp"}],
    "volumes": [{"type": "volume", "source": "data", "target": "/data", "volume": {}},
      {"type": "bind", "source": "/srv/app/conf", "target": "/conf", "read_only": true},
      {"type": "volume", "target": "/anon", "volume": {}}, {"type": "volume", "source": "ext", "target": "/ext"},
      {"type": "volume", "source": "shared", "target": "/shared", "volume": {}}]}},
  "volumes": {"data": {"name": "asd_data"}, "ext": {"name": "my_ext"}, "shared": {"name": "shared", "external": true}}}"#;

#[test]
fn both_generations_resolve_to_the_same_service() {
    let v1 = resolved(&serde_saphyr::from_str::<Value>(V1).unwrap(), "asd", Path::new("/")).unwrap();
    let v2 = resolved(&serde_json::from_str(V2).unwrap(), "overruled", Path::new("/")).unwrap();
    assert_eq!((v1.project.as_str(), v2.project.as_str()), ("asd", "asd"));
    let bare = |read: &super::read::Resolved| -> Vec<_> {
        let mut parts: Vec<_> = read.parts.clone().into_iter().collect();
        for (_, part) in &mut parts {
            part.config_hash.clear();
        }
        parts
    };
    assert_eq!(bare(&v1), bare(&v2));
    let wiki = &v2.parts["wiki"];
    assert_eq!(wiki.image.as_deref(), Some("h3test/web:1"));
    assert_eq!(wiki.container_name.as_deref(), Some("p_wiki"));
    let volumes: Vec<_> = wiki.volumes.iter().map(|(name, at)| format!("{name} {at}")).collect();
    assert_eq!(volumes, ["asd_data /data", "my_ext /ext", "shared /shared"]);
    assert_eq!(wiki.binds.iter().collect::<Vec<_>>(), [(&"/srv/app/conf".to_owned(), &"/conf".to_owned())]);
    assert_eq!(wiki.ports, [18080]);
    assert!(wiki.healthcheck && !v2.parts["db"].healthcheck);
    assert!(v2.parts["db"].build && !wiki.build);
    assert_eq!(format!("{:?}", v2.parts["db"].database), r#"{"POSTGRES_DB": "wiki"}"#);
}

#[test]
fn a_relative_mount_begins_at_the_projects_folder() {
    let text = r#"{"services":{"a":{"volumes":["../../conf:/conf:ro","./x:/x"]}}}"#;
    let read =
        resolved(&serde_json::from_str(text).unwrap(), "p", Path::new("/srv/app/packages/wiki")).unwrap();
    let binds: Vec<_> = read.parts["a"].binds.keys().collect();
    assert_eq!(binds, ["/srv/app/conf", "/srv/app/packages/wiki/x"]);
}

#[test]
fn the_hash_of_a_configuration_does_not_depend_on_the_order_of_its_keys() {
    let hash = |text: &str| {
        resolved(&serde_json::from_str(text).unwrap(), "p", Path::new("/")).unwrap().parts["a"]
            .config_hash
            .clone()
    };
    let one = hash(r#"{"services":{"a":{"image":"x","environment":{"A":"1","B":"2"}}}}"#);
    assert_eq!(one, hash(r#"{"services":{"a":{"environment":{"B":"2","A":"1"},"image":"x"}}}"#));
    assert_ne!(one, hash(r#"{"services":{"a":{"image":"x","environment":{"A":"1","B":"3"}}}}"#));
    assert_ne!(
        hash(r#"{"services":{"a":{"command":["x","y"]}}}"#),
        hash(r#"{"services":{"a":{"command":["y","x"]}}}"#)
    );
}

/// A project root with programs of its own making in front of the search path.
struct Bench {
    folder: tempfile::TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path("bin")).unwrap();
        fs::create_dir(bench.path("app")).unwrap();
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs::write(self.path(name), text).unwrap();
    }

    /// A program that notes its arguments and does this.
    fn program(&self, name: &str, script: &str) {
        let note = self.path("calls").display().to_string();
        self.write(&format!("bin/{name}"), &format!("#!/bin/sh\necho \"{name} $*\" >> {note}\n{script}\n"));
        fs::set_permissions(self.path(&format!("bin/{name}")), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What was called, sorted: some are called side by side.
    fn calls(&self) -> Vec<String> {
        let calls = fs::read_to_string(self.path("calls")).unwrap_or_default();
        let mut calls: Vec<String> = calls
            .replace(&self.folder.path().display().to_string(), "…")
            .lines()
            .map(ToOwned::to_owned)
            .collect();
        calls.sort();
        calls
    }

    /// A compose of the second generation that answers with a file, and with these hashes.
    fn v2(&self, answer: &str, hashes: &str) {
        self.write("v2.json", answer);
        let file = self.path("v2.json").display().to_string();
        self.program("docker", &format!("case \"$*\" in *--hash*) printf '{hashes}';; *) cat {file};; esac"));
    }

    fn surroundings(&self) -> Surroundings {
        let mut env = base_environment(&[]);
        env.insert("PATH".to_owned(), format!("{}:/usr/bin:/bin", self.path("bin").display()));
        env.remove("COMPOSE_PROJECT_NAME");
        Surroundings { root: self.path("app"), env }
    }

    /// Without the programs that this machine may really have.
    fn alone(&self) -> Surroundings {
        for tool in ["sh", "echo", "cat"] {
            let _ = std::os::unix::fs::symlink(format!("/bin/{tool}"), self.path(&format!("bin/{tool}")));
        }
        let mut surroundings = self.surroundings();
        surroundings.env.insert("PATH".to_owned(), self.path("bin").display().to_string());
        surroundings
    }
}

fn name(text: &str) -> ServiceName {
    text.parse().unwrap()
}

fn spec() -> ComposeSpec {
    let file = PathBuf::from("packages/wiki/docker-compose.yaml");
    ComposeSpec { file, project: Some("asd".to_owned()), ..ComposeSpec::default() }
}

#[test]
fn the_first_compose_that_answers_is_taken() {
    let bench = Bench::new();
    let found = find(None, &bench.alone());
    assert_eq!((found.compose, found.engine, found.troubles.len()), (None, None, 2));

    bench.program("docker", "echo 'unknown flag: --short' >&2; exit 125");
    bench.program("podman-compose", "echo 'podman-compose version: 1.0.3'");
    let found = find(None, &bench.alone());
    let compose = found.compose.unwrap();
    assert_eq!((compose.flavour, compose.version.as_str()), (ComposeFlavour::Podman, "1.0.3"));

    bench.program("docker-compose", "echo 1.29.2");
    let compose = find(None, &bench.alone()).compose.unwrap();
    assert_eq!((compose.flavour, compose.command), (ComposeFlavour::V1, vec!["docker-compose".to_owned()]));

    bench.program("docker-compose", "echo v2.26.1-4");
    assert_eq!(find(None, &bench.alone()).compose.unwrap().flavour, ComposeFlavour::V2);

    bench.program("docker", "[ \"$1\" = compose ] && echo 5.0.1");
    let found = find(None, &bench.alone());
    assert_eq!(found.engine.as_deref(), Some("docker"));
    let compose = found.compose.unwrap();
    assert_eq!((compose.flavour, compose.command.join(" ").as_str()), (ComposeFlavour::V2, "docker compose"));
    assert_eq!(found.troubles, []);
}

#[test]
fn a_configured_command_is_taken_or_complained_about() {
    let bench = Bench::new();
    bench.program("docker", "exit 0");
    bench.program("docker-compose", "echo 1.29.2");
    let command = ["no-such-compose".to_owned()];
    let found = find(Some(&command), &bench.alone());
    assert_eq!(found.compose, None);
    let blocker = found.troubles[0].blocker();
    assert_eq!(
        (blocker.code, blocker.fact.as_str()),
        (ReasonCode::Tools, "`[compose] command` is `no-such-compose`, which does not answer")
    );
    let command = [bench.path("bin/docker-compose").display().to_string()];
    assert_eq!(find(Some(&command), &bench.alone()).compose.unwrap().flavour, ComposeFlavour::V1);
}

#[test]
fn a_podman_compose_that_is_too_old_is_told_apart_from_none() {
    let bench = Bench::new();
    bench.program("podman", "exit 0");
    // As Debian 12's does.
    bench.program(
        "podman-compose",
        "[ \"$1\" = --version ] && exec echo 'podman-composer version  1.0.3'; echo 'unrecognized arguments' >&2; exit 2",
    );
    for configured in [None, Some(["podman-compose".to_owned()])] {
        let found = find(configured.as_ref().map(<[String; 1]>::as_slice), &bench.alone());
        assert_eq!((found.compose, found.troubles.len()), (None, 1));
        let blocker = found.troubles[0].blocker();
        assert_eq!(
            (blocker.code, blocker.fact.as_str()),
            (ReasonCode::Tools, "`podman-compose` is too old: it cannot show its configuration (`config`)")
        );
    }
}

fn compose(flavour: ComposeFlavour) -> Compose {
    let command = match flavour {
        ComposeFlavour::V2 => vec!["docker".to_owned(), "compose".to_owned()],
        ComposeFlavour::V1 => vec!["docker-compose".to_owned()],
        ComposeFlavour::Podman => vec!["podman-compose".to_owned()],
    };
    Compose { command, flavour, version: String::new() }
}

fn one(
    bench: &Bench,
    flavour: ComposeFlavour,
    spec: ComposeSpec,
    files: &Path,
) -> Result<ResolvedService, ComposeError> {
    let questions = [Question { service: name("wiki"), spec }];
    resolve(&compose(flavour), &questions, files, &bench.surroundings()).remove(&name("wiki")).unwrap()
}

#[test]
fn services_that_share_a_file_share_one_reading() {
    let bench = Bench::new();
    bench.write("app/packages/wiki/.env", "");
    bench.write("app/packages/wiki/docker-compose.yaml", "services: {wiki: {image: x}, db: {env_file: x}}");
    bench.v2(V2, "wiki 04f4f7\\ndb c9b183\\n");
    let mut all = spec();
    all.services = vec!["*".to_owned()];
    let question = |service: &str, spec: ComposeSpec| Question { service: name(service), spec };
    let questions =
        [question("wiki", spec()), question("db", spec()), question("stack", all), question("other", spec())];
    let answers =
        resolve(&compose(ComposeFlavour::V2), &questions, &bench.path("app"), &bench.surroundings());
    let parts =
        |service: &str| answers[&name(service)].as_ref().unwrap().parts.keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        (parts("wiki"), parts("db"), parts("stack")),
        (vec!["wiki".into()], vec!["db".into()], vec!["db".into(), "wiki".into()])
    );
    let error = answers[&name("other")].as_ref().unwrap_err();
    assert_eq!(
        error.to_string(),
        "compose file `packages/wiki/docker-compose.yaml`: it has no service `other`, only db, wiki: see `services` of `other`"
    );
    assert_eq!(
        bench.calls(),
        ["--format json", "--hash *"].map(|how| format!("docker compose -p asd -f …/app/packages/wiki/docker-compose.yaml --project-directory …/app/packages/wiki --env-file …/app/packages/wiki/.env config {how}"))
    );
    let label = |part: &str| answers[&name("stack")].as_ref().unwrap().parts[part].label_hash.clone();
    assert_eq!((label("wiki").as_deref(), label("db")), (Some("04f4f7"), None));
}

#[test]
fn an_export_is_read_with_the_real_environment_and_its_paths_begin_at_the_project_root() {
    let bench = Bench::new();
    let export = bench.path("app/.asd/workspace/export");
    bench.write("app/packages/wiki/secret.env", "A=1");
    bench.write("app/live.env", "B=1");
    bench.write(
        "app/.asd/workspace/export/packages/wiki/docker-compose.yaml",
        "services: {wiki: {env_file: [secret.env, ../../../../../../etc/passwd]}}",
    );
    bench.v2(&V2.replace("/srv/app", &export.display().to_string()), "wiki 1\\ndb 2\\n");
    let mut spec = spec();
    spec.env_file = Some(PathBuf::from("live.env"));
    spec.profiles = vec!["blue".to_owned()];
    let service = one(&bench, ComposeFlavour::V2, spec, &export).unwrap();
    let conf = bench.path("app/conf").display().to_string();
    assert_eq!(service.parts["wiki"].binds.keys().collect::<Vec<_>>(), [&conf]);
    assert_eq!(
        bench.calls(),
        [("", "--hash *"), ("/.asd/workspace/export", "--format json")].map(|(from, how)| format!("docker compose -p asd -f …/app/.asd/workspace/export/packages/wiki/docker-compose.yaml --project-directory …/app{from}/packages/wiki --env-file …/app/live.env --profile blue config {how}")).into_iter().rev().collect::<Vec<_>>()
    );
    let linked = fs::read_link(export.join("packages/wiki/secret.env")).unwrap();
    assert_eq!(linked, bench.path("app/packages/wiki/secret.env"));
}

#[test]
fn podman_compose_is_called_in_the_projects_folder() {
    let bench = Bench::new();
    bench.write("v1.yaml", V1);
    bench.write("app/packages/wiki/docker-compose.yaml", "");
    bench.program(
        "podman-compose",
        &format!("pwd >> {}; cat {}", bench.path("calls").display(), bench.path("v1.yaml").display()),
    );
    let service = one(&bench, ComposeFlavour::Podman, spec(), &bench.path("app")).unwrap();
    assert_eq!(service.project, "asd");
    assert_eq!(
        bench.calls(),
        ["podman-compose -p asd -f …/app/packages/wiki/docker-compose.yaml config", "…/app/packages/wiki"]
    );
    assert!(hashes(&compose(ComposeFlavour::Podman), &spec(), &bench.surroundings()).unwrap().is_empty());
}

#[test]
fn what_compose_complains_about_is_said_in_its_words() {
    let bench = Bench::new();
    bench.program("docker", "echo 'services.wiki.imag Additional property imag is not allowed' >&2; exit 15");
    let error = one(&bench, ComposeFlavour::V2, spec(), &bench.path("app")).unwrap_err();
    assert_eq!(error.blocker().code, ReasonCode::SourceUnavailable);
    assert_eq!(
        error.to_string(),
        "compose file `packages/wiki/docker-compose.yaml`: services.wiki.imag Additional property imag is not allowed"
    );
    let error = one(&bench, ComposeFlavour::V1, spec(), Path::new("/nowhere")).unwrap_err();
    assert!(matches!(error, ComposeError::File { .. } | ComposeError::Tools { .. }), "{error:?}");
}

#[test]
fn hashes_are_read_from_either_generation() {
    let bench = Bench::new();
    bench.program("docker-compose", "printf 'db 13b0da\\nwiki c36963'");
    let hashes = hashes(&compose(ComposeFlavour::V1), &spec(), &bench.surroundings()).unwrap();
    assert_eq!(format!("{hashes:?}"), r#"{"db": "13b0da", "wiki": "c36963"}"#);
}

#[test]
fn hashes_of_the_second_generation_are_not_trusted_where_variables_come_from_outside() {
    let bench = Bench::new();
    bench.program("docker", "printf 'a 1\\nb 2\\nc 3\\nd 4\\n'");
    let hashes = || hashes(&compose(ComposeFlavour::V2), &spec(), &bench.surroundings()).unwrap();
    assert!(hashes().is_empty());
    let file = "services:\n  a: {environment: {A: 1}}\n  b: {environment: {A: }}\n  c: {env_file: x}\n  d: {environment: [A=1]}\n";
    bench.write("app/packages/wiki/docker-compose.yaml", file);
    assert_eq!(format!("{:?}", hashes()), r#"{"a": "1", "d": "4"}"#);
}

#[test]
fn the_project_name_is_the_one_that_compose_would_take() {
    let bench = Bench::new();
    let mut surroundings = bench.surroundings();
    let mut spec =
        ComposeSpec { file: PathBuf::from("packages/My.Wiki_1/compose.yaml"), ..ComposeSpec::default() };
    assert_eq!(project_name(&spec, &surroundings), "mywiki_1");
    spec.project_directory = Some(PathBuf::from("."));
    assert_eq!(project_name(&spec, &surroundings), "app");
    bench.write("app/packages/My.Wiki_1/compose.yaml", "name: \"inner\" # why\nservices: {}\n");
    assert_eq!(project_name(&spec, &surroundings), "inner");
    bench.write("app/.env", "X=1\nCOMPOSE_PROJECT_NAME=from-file\n");
    assert_eq!(project_name(&spec, &surroundings), "from-file");
    surroundings.env.insert("COMPOSE_PROJECT_NAME".to_owned(), "outer".to_owned());
    assert_eq!(project_name(&spec, &surroundings), "outer");
    spec.project = Some("asd".to_owned());
    assert_eq!(project_name(&spec, &surroundings), "asd");
}

/// A container as `docker inspect` shows it.
fn container(name: &str, project: &str, part: &str, status: &str, files: &str) -> Value {
    json!({
        "Id": format!("{name}-id"), "Name": format!("/{name}"), "Image": "sha256:84468d", "RestartCount": 2,
        "Created": "2026-11-21T04:12:47.897740477Z",
        "State": {"Status": status, "ExitCode": i32::from(!name.contains("job")),
            "StartedAt": "2026-11-21T04:12:48.498502976Z", "Health": {"Status": "healthy"}},
        "Config": {"Image": "h3test/web:1", "Labels": {
            "com.docker.compose.project": project, "com.docker.compose.service": part,
            "com.docker.compose.oneoff": if name.contains("run") { "True" } else { "False" },
            "com.docker.compose.config-hash": "04f4f7", "com.docker.compose.project.config_files": files,
            "com.docker.compose.project.working_dir": "/srv/app"}},
        "Mounts": [{"Type": "volume", "Name": "my_ext", "Destination": "/ext"}, {"Type": "bind", "Source": "/a", "Destination": "/b"}]
    })
}

fn seen(spec: &ComposeSpec, containers: &[Value]) -> ServiceState {
    let surroundings =
        Surroundings { root: PathBuf::from("/srv/app"), env: std::collections::BTreeMap::new() };
    let service = name("wiki");
    let members = super::membership::Membership::new(&service, spec, &surroundings);
    let containers = super::containers::containers(&Value::from(containers.to_vec()).to_string()).unwrap();
    super::containers::state(&members, &containers)
}

const FILE: &str = "/srv/app/packages/wiki/docker-compose.yaml";

#[test]
fn a_running_container_is_seen_with_all_that_matters() {
    let state = seen(
        &spec(),
        &[container("p_wiki", "asd", "wiki", "running", FILE), container("x", "asd", "db", "running", FILE)],
    );
    assert_eq!((state.run, state.containers.len()), (RunState::Running, 1));
    let wiki = &state.containers[0];
    assert_eq!(
        (wiki.name.as_str(), wiki.part.as_str(), wiki.image.as_str()),
        ("p_wiki", "wiki", "h3test/web:1")
    );
    assert_eq!((wiki.health.as_deref(), wiki.exit_code, wiki.restarts), (Some("healthy"), None, 2));
    assert_eq!(wiki.created_at.unwrap().to_rfc3339(), "2026-11-21T04:12:47.897740477+00:00");
    assert_eq!(format!("{:?}", wiki.volumes), r#"{"my_ext": "/ext"}"#);
    assert_eq!(wiki.config_hash, "04f4f7");
}

#[test]
fn partly_stopped_and_absent_are_told_apart_and_a_job_that_ended_well_is_done() {
    let mut two = spec();
    two.services = vec!["wiki".to_owned(), "job".to_owned()];
    let run = |spec: &ComposeSpec, states: &[(&str, &str, &str)]| {
        let containers: Vec<Value> =
            states.iter().map(|(name, part, status)| container(name, "asd", part, status, FILE)).collect();
        seen(spec, &containers).run
    };
    assert_eq!(run(&two, &[]), RunState::Absent);
    assert_eq!(run(&two, &[("a", "wiki", "running"), ("job", "job", "exited")]), RunState::Running);
    assert_eq!(run(&two, &[("a", "wiki", "running"), ("b", "job", "exited")]), RunState::Partly);
    assert_eq!(run(&two, &[("a", "wiki", "running")]), RunState::Partly);
    assert_eq!(run(&two, &[("a", "wiki", "exited"), ("job", "job", "exited")]), RunState::Stopped);
    assert_eq!(run(&spec(), &[("a", "wiki", "paused")]), RunState::Partly);
    assert_eq!(run(&spec(), &[("a", "wiki", "restarting")]), RunState::Partly);
    let mut listed = spec();
    listed.services = vec!["*".to_owned()];
    listed.containers = vec!["p_wiki".to_owned(), "p_db".to_owned()];
    assert_eq!(run(&listed, &[("p_wiki", "wiki", "running")]), RunState::Partly);
    assert_eq!(run(&listed, &[("p_wiki", "wiki", "running"), ("p_db", "db", "running")]), RunState::Running);
}

#[test]
fn leftovers_of_a_recreate_are_named_and_one_off_containers_are_not_ours() {
    let state = seen(
        &spec(),
        &[
            container("0123456789ab_p_wiki", "asd", "wiki", "exited", FILE),
            container("p_wiki", "asd", "wiki", "running", FILE),
            container("p_wiki_run_1", "asd", "wiki", "running", FILE),
        ],
    );
    assert_eq!((state.run, state.leftover), (RunState::Running, vec!["0123456789ab_p_wiki".to_owned()]));
    assert_eq!(state.containers.len(), 1);
}

#[test]
fn the_same_file_under_another_project_name_is_listed_but_does_not_count_as_running() {
    for files in [FILE, "packages/wiki/docker-compose.yaml", "docker-compose.yaml"] {
        let state = seen(&spec(), &[container("other_wiki_1", "other", "wiki", "running", files)]);
        assert_eq!((state.run, state.containers.len()), (RunState::Absent, 1), "{files}");
        assert_eq!(state.containers[0].project, "other");
    }
    let state = seen(
        &spec(),
        &[container("other_wiki_1", "other", "wiki", "running", "/elsewhere/docker-compose.yaml")],
    );
    assert_eq!(state, ServiceState { run: RunState::Absent, ..ServiceState::default() });
}

#[test]
fn an_engine_that_is_down_or_not_ours_is_a_matter_of_tools() {
    let bench = Bench::new();
    let wiki = name("wiki");
    let spec = spec();
    for (said, wanted) in [
        (
            "Cannot connect to the Docker daemon at unix:///x. Is the docker daemon running?",
            "the docker daemon does not answer",
        ),
        (
            "permission denied while trying to connect to the Docker daemon socket",
            "the docker socket may not be used by this user",
        ),
    ] {
        bench.program("docker", &format!("echo '{said}' >&2; exit 1"));
        let error = states("docker", &[(&wiki, &spec)], &bench.surroundings()).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.blocker().code), (wanted, ReasonCode::Tools));
    }
    assert!(states("no-such-engine", &[(&wiki, &spec)], &bench.surroundings()).is_err());
}

#[test]
fn containers_are_listed_and_inspected_in_two_processes() {
    let bench = Bench::new();
    bench.write("inspect.json", &json!([container("p_wiki", "asd", "wiki", "running", FILE)]).to_string());
    let answer = bench.path("inspect.json").display().to_string();
    bench.program("docker", &format!("case \"$1\" in ps) echo abc; echo def;; *) cat {answer}; echo 'Error: No such container: def' >&2; exit 1;; esac"));
    let (wiki, db) = (name("wiki"), name("db"));
    let spec = spec();
    let states = states("docker", &[(&wiki, &spec), (&db, &spec)], &bench.surroundings()).unwrap();
    assert_eq!((states[&wiki].run, states[&db].run), (RunState::Running, RunState::Absent));
    assert_eq!(
        bench.calls(),
        [
            "docker container inspect -- abc def",
            "docker ps --all --quiet --no-trunc --filter label=com.docker.compose.project"
        ]
    );
}

#[test]
fn images_are_found_under_every_spelling() {
    let bench = Bench::new();
    bench.program(
        "docker",
        r#"echo '[{"Id":"sha256:aaa","RepoTags":["redis:latest","reg:5000/wiki:2"],"RepoDigests":["reg:5000/wiki@sha256:ddd"]},'
        echo '{"Id":"bbb","RepoTags":["localhost/holdpoint-keep:1.1.wiki.wiki","localhost/own:1"],"RepoDigests":null}]'
        echo 'no such image: x' >&2; exit 1"#,
    );
    let asked = [
        "redis",
        "docker.io/library/redis:latest",
        "reg:5000/wiki:2",
        "reg:5000/wiki",
        "reg:5000/wiki:1@sha256:ddd",
        "sha256:aaa",
        "redis:7",
        "holdpoint-keep:1.1.wiki.wiki",
        "own:1",
    ];
    let asked: BTreeSet<String> = asked.map(ToOwned::to_owned).into();
    let found = images("docker", &asked, &bench.surroundings()).unwrap();
    let names: Vec<&str> = found.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "docker.io/library/redis:latest",
            "holdpoint-keep:1.1.wiki.wiki",
            "redis",
            "reg:5000/wiki:1@sha256:ddd",
            "reg:5000/wiki:2",
            "sha256:aaa"
        ]
    );
    let ours = |(name, id): (&String, &String)| (id == "bbb") == name.starts_with("holdpoint-keep");
    assert!(found.iter().all(ours), "{found:?}");
}

#[test]
fn only_volumes_that_lie_on_this_host_are_read_directly() {
    let bench = Bench::new();
    let here = bench.path("app").display().to_string();
    let volume = |name: &str, driver: &str, options: Value, folder: &str| json!({"Name": name, "Driver": driver, "Options": options, "Mountpoint": folder});
    let answer = json!([
        volume("plain", "local", Value::Null, &here),
        volume("nfs", "local", json!({"type": "nfs", "device": ":/x", "o": "addr=1"}), &here),
        volume("far", "rexray", Value::Null, &here),
        volume("hidden", "local", Value::Null, "/no/such/folder"),
    ]);
    bench.write("volumes.json", &answer.to_string());
    bench.program(
        "docker",
        &format!(
            "cat {}; echo 'Error: No such volume: gone' >&2; exit 1",
            bench.path("volumes.json").display()
        ),
    );
    let asked = ["plain", "nfs", "far", "hidden", "gone"].map(ToOwned::to_owned).into();
    let found = mountpoints("docker", &asked, &bench.surroundings()).unwrap();
    assert_eq!(found.into_keys().collect::<Vec<_>>(), ["plain"]);
}

#[test]
fn the_runtime_asks_nothing_that_is_not_in_question() {
    let bench = Bench::new();
    bench.program("docker", "exit 1");
    let found = Found { engine: Some("docker".to_owned()), ..Found::default() };
    let (facts, troubles) = runtime(found, &BTreeSet::new(), &BTreeSet::new(), &bench.surroundings());
    assert_eq!((facts.engine.as_deref(), troubles.len(), bench.calls().len()), (Some("docker"), 0, 0));
}

/// What an engine or a compose might say, and things that are nearly that.
fn any_answer() -> impl Strategy<Value = Value> {
    let word = prop::sample::select(vec![
        "services",
        "name",
        "volumes",
        "image",
        "ports",
        "depends_on",
        "healthcheck",
        "build",
        "environment",
        "Id",
        "Name",
        "State",
        "Status",
        "ExitCode",
        "Config",
        "Labels",
        "Mounts",
        "Type",
        "volume",
        "bind",
        "Source",
        "Destination",
        "target",
        "published",
        "source",
        "external",
        "RestartCount",
        "StartedAt",
        "com.docker.compose.project",
        "running",
        "exited",
    ]);
    let text = prop_oneof![word.prop_map(str::to_owned), "[0-9./:~-]{0,12}", ".{0,20}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.clone().prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|table| Value::Object(table.into_iter().collect())),
        ]
    })
}

parser! {
    "compose and engine JSON";

    #[test]
    fn any_answer_is_read_or_refused(answer in any_answer(), cut in 0_usize..200) {
        let _ = resolved(&answer, "p", Path::new("/srv"));
        let services = json!({ "services": answer.clone() });
        let _ = resolved(&services, "p", Path::new("/srv"));
        let _ = resolved(&json!({ "services": { "web": answer.clone() }, "volumes": answer.clone() }), "p", Path::new("/srv"));
        for value in [answer.clone(), json!([answer])] {
            let text = value.to_string();
            let _ = containers::containers(&text);
            let _ = containers::containers(text.get(..cut).unwrap_or_default());
        }
    }
}
