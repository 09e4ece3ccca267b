//! What configuration means, and what a person sees when it is wrong, rule by rule.

use std::collections::BTreeMap;

use chrono::{NaiveTime, TimeZone, Utc, Weekday};
use insta::assert_snapshot;
use proptest::prelude::*;

use super::read::parse;
use crate::manifest::ManifestError;
use crate::manifest::settings::*;
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::quantity::{ByteSize, Span};
use crate::model::settings::{
    FreezeWhen, News, NotifyBy, OnFailure, RerunFailed, Settings, SignaturePolicy, SurfaceKind,
};
use crate::model::spec::{BackupKind, DriverSpec, HookSpec, PullPolicy, Quiesce, ServiceSpec};

fn release_toml(text: &str) -> SourceFile {
    SourceFile { path: ".asd/release.toml".to_owned(), text: text.to_owned() }
}

fn try_read(text: &str) -> Result<Settings, ManifestError> {
    parse(text, &OtherSources::default())
}

fn read(text: &str) -> Settings {
    try_read(text).unwrap_or_else(|error| panic!("{error}"))
}

fn wrong(text: &str) -> String {
    try_read(text).map_or_else(|error| error.to_string(), |_| "it was read".to_owned())
}

/// One service `a` in a compose file, with further lines.
fn with_a(lines: &str) -> String {
    format!("[services.a]\ncompose.file = \"c.yaml\"\n{lines}")
}

fn wrong_a(lines: &str) -> String {
    wrong(&with_a(lines))
}

fn a(lines: &str) -> ServiceSpec {
    read(&with_a(lines)).services.into_values().next().unwrap()
}

/// The example of design/04, with the parts that it leaves out.
const EXAMPLE: &str = r#"
[git]
remote = "origin"
branch = "main"
verify_signatures = "off"

[paths]
releases = "releases"
playbooks = "recovery/playbooks"
discover = "packages/*/manifest.yaml"

[workspace]
backups = "/var/backups/app"
group = "deploy"
allow_network_fs = false

[run]
parallel = 4
hold_before = ["migrate"]
on_failure = "halt"
timeout = "30m"
silence = "10m"
env = ["MY_VAR"]
confirm = false
rerun_failed = "ask"

[disk]
floor = { percent = 5, bytes = "1GiB" }

[[freeze]]
name = "year end"
from = "2026-12-20T00:00:00Z"
until = 2027-01-03T00:00:00+01:00

[[freeze]]
name = "weekend"
days = ["fri", "sat"]
after = "15:00"
zone = "Europe/Amsterdam"

[[notify]]
on = ["failed", "stuck"]
webhook = "https://chat.example.com/hook"

[[notify]]
on = ["started"]
command = ["scripts/tell.sh"]

[[surface]]
name = "readiness"
kind = "observability"
url = "http://127.0.0.1:8080/api/v1/observability/readiness"
expect = { status = 200, json = { "/ready" = true } }

[owners]
stack = "platform team"
environment = "ops"
deployment = "release team"

[secrets]
env_files = [".env"]
names = ["*_TOKEN", "*_PASSWORD"]

[backup]
max_age = "0s"
min_ratio = 0.5

[recovery]
evidence_max_age = "15m"

[guard]
command = ["scripts/guardrails.sh"]

[compose]
command = ["docker", "compose"]

[[verify]]
name = "smoke"
run = ["scripts/smoke.sh"]

[services.wikijs]
driver = "compose"
compose = { file = "packages/wikijs/docker-compose.yaml", project = "asd", project_directory = ".", env_file = ".env", profiles = [], services = ["wikijs"], pull = "missing" }
paths = ["packages/wikijs/**", "src/wikijs/**"]
image = "requarks/wiki:2.5"
depends_on = ["postgres"]
health = { url = "http://127.0.0.1:3000/healthz", status = 200, deadline = "90s", interval = "1s", stay = "5s" }
hooks = { pre_start = ["scripts/pre.sh"], post_start = [], ensure_config = [] }
schema = { command = ["scripts/schema.sh"] }
owner = { team = "wiki", contact = "wiki@example.com", runbook = "docs/wiki.md" }
access = { local = "http://127.0.0.1:3000/", proxy = "http://127.0.0.1/wiki", domain = "https://wiki.example.com/" }
backup = [
  { kind = "volume", volume = "wikijs_data", quiesce = "pause", keep = 5 },
  { kind = "postgres", in = "postgres", database = "wikijs" },
]

[services.postgres]
compose = { file = "packages/postgres/docker-compose.yaml" }
backup = { kind = "none", reason = "each database is saved by the service that owns it" }

[services.worker]
driver = "command"
commands = { start = ["systemctl", "start", "worker"], stop = ["systemctl", "stop", "worker"], status = ["scripts/status.sh"] }
"#;

#[test]
fn the_example_of_the_design_means_what_it_says() {
    let settings = read(EXAMPLE);
    assert_eq!(settings.git.branch.as_str(), "main");
    assert_eq!(settings.paths.discover.as_deref(), Some("packages/*/manifest.yaml"));
    assert_eq!(settings.workspace.group.as_deref(), Some("deploy"));
    assert_eq!(settings.run.hold_before, [Phase::Migrate]);
    assert_eq!(settings.run.rerun_failed, RerunFailed::Ask);
    let until = Utc.with_ymd_and_hms(2027, 1, 2, 23, 0, 0).unwrap();
    let from = Utc.with_ymd_and_hms(2026, 12, 20, 0, 0, 0).unwrap();
    assert_eq!(settings.freezes[0].when, FreezeWhen::Between { from, until });
    let weekly = FreezeWhen::Weekly {
        days: vec![Weekday::Fri, Weekday::Sat],
        after: NaiveTime::from_hms_opt(15, 0, 0),
        zone: "Europe/Amsterdam".to_owned(),
    };
    assert_eq!(settings.freezes[1].when, weekly);
    assert_eq!(settings.notify[0].on, [News::Failed, News::Stuck]);
    assert_eq!(settings.notify[1].by, NotifyBy::Command(vec!["scripts/tell.sh".to_owned()]));
    assert_eq!(settings.surfaces[0].kind, SurfaceKind::Observability);
    assert_eq!(settings.surfaces[0].probe.json["/ready"], serde_json::Value::Bool(true));
    assert_eq!(settings.owners["environment"], "ops");
    assert_eq!(settings.guard, Some(vec!["scripts/guardrails.sh".to_owned()]));
    assert_eq!(settings.compose_command, Some(vec!["docker".to_owned(), "compose".to_owned()]));
    assert_eq!(settings.verify[0].name, "smoke");
    assert_eq!(settings.sources.keys().collect::<Vec<_>>(), [".asd/release.toml"]);
    assert_eq!(settings.sources[".asd/release.toml"].len(), 64);
}

#[test]
fn a_service_of_the_example_means_what_it_says() {
    let settings = read(EXAMPLE);
    let wikijs = &settings.services[&"wikijs".parse().unwrap()];
    let DriverSpec::Compose(compose) = &wikijs.driver else { panic!("{:?}", wikijs.driver) };
    assert_eq!(compose.project.as_deref(), Some("asd"));
    assert_eq!(compose.pull, PullPolicy::Missing);
    assert_eq!(
        wikijs.hooks.pre_start,
        [HookSpec { run: vec!["scripts/pre.sh".into()], ..HookSpec::default() }]
    );
    assert_eq!(wikijs.health.as_ref().map(|probe| probe.stay), Some(Span::secs(5)));
    assert_eq!(wikijs.backup[0].quiesce, Quiesce::Pause);
    assert_eq!(wikijs.backup[1].quiesce, Quiesce::None);
    assert_eq!(wikijs.backup[1].keep, 5);
    let BackupKind::Postgres { within, database, .. } = &wikijs.backup[1].kind else { panic!() };
    assert_eq!((within.as_ref().map(ServiceName::as_str), database.as_str()), (Some("postgres"), "wikijs"));
    let postgres = &settings.services[&"postgres".parse().unwrap()];
    assert_eq!(postgres.paths, ["packages/postgres/**"]);
    assert_eq!(postgres.backup.len(), 1);
    let worker = &settings.services[&"worker".parse().unwrap()];
    assert!(
        matches!(&worker.driver, DriverSpec::Command(commands) if commands.status == ["scripts/status.sh"])
    );
    assert!(worker.backup.is_empty(), "silence is kept, so that a run can refuse it");
}

#[test]
fn an_empty_file_means_every_default() {
    let settings = read("");
    assert_eq!((settings.git.remote.as_str(), settings.git.branch.as_str()), ("origin", "main"));
    assert_eq!(settings.git.verify_signatures, SignaturePolicy::Off);
    assert_eq!(settings.paths.releases.to_str(), Some("releases"));
    assert_eq!(settings.paths.playbooks.to_str(), Some("recovery/playbooks"));
    assert_eq!(settings.paths.discover, None);
    assert_eq!(settings.workspace.backups.to_str(), Some(".asd/workspace/backups"));
    assert_eq!(settings.run.parallel, 4);
    assert_eq!((settings.run.timeout, settings.run.silence), (Span::secs(1800), Span::secs(600)));
    assert_eq!(settings.run.rerun_failed, RerunFailed::Run);
    assert!(!settings.run.confirm && settings.run.hold_before.is_empty() && settings.run.env.is_empty());
    assert_eq!((settings.disk.percent, settings.disk.bytes), (5, ByteSize(1 << 30)));
    assert_eq!(settings.secrets.env_files, [std::path::Path::new(".env")]);
    assert_eq!(settings.backup.max_age, Span::secs(0));
    assert!((settings.backup.min_ratio - 0.5).abs() < f64::EPSILON);
    let recovery = settings.recovery;
    assert_eq!(recovery.evidence_max_age, Span::secs(900));
    assert_eq!((recovery.give_up, recovery.owner_approval), (Span::secs(3600), false));
    assert!(settings.guard.is_none() && settings.compose_command.is_none() && settings.services.is_empty());
}

#[test]
fn the_outline_says_what_else_must_be_read() {
    let file = release_toml(EXAMPLE);
    let outline = ReleaseToml::read(&file).unwrap().outline().unwrap();
    assert_eq!(outline.discover.as_deref(), Some("packages/*/manifest.yaml"));
    assert_eq!(outline.env_files, [std::path::Path::new(".env")]);
}

#[test]
fn hooks_may_be_written_in_every_form() {
    let hooks = a("[services.a.hooks]\npre_start = \"a.sh\"\npost_start = [\"a.sh\", [\"b\", \"--all\"]]\n\
                   ensure_config = { run = [\"c\"], check = [\"d\"], idempotent = true, timeout = \"5m\" }\n")
    .hooks;
    let runs = |hooks: &[HookSpec]| hooks.iter().map(|hook| hook.run.join(" ")).collect::<Vec<_>>();
    assert_eq!(runs(&hooks.pre_start), ["a.sh"]);
    assert_eq!(runs(&hooks.post_start), ["a.sh", "b --all"]);
    let last = &hooks.ensure_config[0];
    assert_eq!((last.check.clone(), last.idempotent), (Some(vec!["d".to_owned()]), true));
    assert_eq!(last.timeout, Some(Span::secs(300)));
}

#[test]
fn a_compose_service_is_quiet_by_default_where_data_could_tear() {
    let quiet = |line: &str| a(line).backup[0].quiesce;
    assert_eq!(quiet("backup = { kind = \"volume\", volume = \"v\" }"), Quiesce::Pause);
    assert_eq!(quiet("backup = { kind = \"files\", paths = [\"data\"] }"), Quiesce::Pause);
    assert_eq!(quiet("backup = { kind = \"volume\", volume = \"v\", quiesce = \"stop\" }"), Quiesce::Stop);
    assert_eq!(quiet("backup = { kind = \"sqlite\", path = \"x.db\" }"), Quiesce::None);
    assert_eq!(quiet("backup = { kind = \"config\" }"), Quiesce::None);
    let spoken =
        "backup = { kind = \"volume\", volume = \"v\", quiesce = \"none\", reason = \"append only\" }";
    assert_eq!(quiet(spoken), Quiesce::None);
}

#[test]
fn a_compose_file_at_the_root_is_its_own_path() {
    assert_eq!(a("").paths, ["c.yaml"]);
    assert_eq!(a("paths = [\"src/**\"]").paths, ["src/**"]);
    assert_eq!(
        read("[services.a]\ncompose.file = 'x[1]/\\/c.yaml'\n").services.into_values().next().unwrap().paths,
        ["x[[]1[]]/?/**"]
    );
}

#[test]
fn unknown_keys_show_where_and_what_was_meant() {
    assert_snapshot!(wrong("[run]\nparralel = 4\n"), @r"
    .asd/release.toml:2:1: unknown key `parralel` in `run`: did you mean `parallel`? `holdpoint schema release` prints every key
      |
    2 | parralel = 4
      | ^^^^^^^^
    ");
    assert_snapshot!(wrong("[run]\ncolour = 4\n"), @r"
    .asd/release.toml:2:1: unknown key `colour` in `run`: `holdpoint schema release` prints every key
      |
    2 | colour = 4
      | ^^^^^^
    ");
    assert_snapshot!(wrong("rum = 1"), @r"
    .asd/release.toml:1:1: unknown key `rum`: did you mean `run`? `holdpoint schema release` prints every key
      |
    1 | rum = 1
      | ^^^
    ");
    assert_snapshot!(wrong_a("[[services.a.backup]]\nkin = \"volume\"\n"), @r#"
    .asd/release.toml:4:1: unknown key `kin` in `services.a.backup`: did you mean `kind`? `holdpoint schema release` prints every key
      |
    4 | kin = "volume"
      | ^^^
    "#);
    assert_snapshot!(wrong_a("hooks = { pre_start = [{ rum = [\"a.sh\"] }] }\n"), @r#"
    .asd/release.toml:3:26: unknown key `rum` in `services.a.hooks.pre_start`: did you mean `run`? `holdpoint schema release` prints every key
      |
    3 | hooks = { pre_start = [{ rum = ["a.sh"] }] }
      |                          ^^^
    "#);
    assert_snapshot!(wrong_a("health.ulr = \"x\"\n"), @r#"
    .asd/release.toml:3:8: unknown key `ulr` in `services.a.health`: did you mean `url`? `holdpoint schema release` prints every key
      |
    3 | health.ulr = "x"
      |        ^^^
    "#);
    assert_snapshot!(wrong("[owners]\nnetwork = \"x\"\n"), @r#"
    .asd/release.toml:2:1: unknown key `network` in `owners`: `holdpoint schema release` prints every key
      |
    2 | network = "x"
      | ^^^^^^^
    "#);
}

#[test]
fn wrong_values_say_what_is_wanted() {
    assert_snapshot!(wrong("[run]\nparallel = \"x\"\n"), @r#"
    .asd/release.toml:2:12: `run.parallel` should be a whole number from 0 up, not the text "x"
      |
    2 | parallel = "x"
      |            ^^^
    "#);
    assert_snapshot!(wrong("[run]\nparallel = -1\n"), @r"
    .asd/release.toml:2:12: `run.parallel` should be a whole number from 0 up, not `-1`
      |
    2 | parallel = -1
      |            ^^
    ");
    assert_snapshot!(wrong("[run]\nparallel = 0\n"), @r"
    .asd/release.toml:2:12: `run.parallel` is 0: write a number from 1 to 64
      |
    2 | parallel = 0
      |            ^
    ");
    assert_snapshot!(wrong("[run]\ntimeout = \"10\"\n"), @r#"
    .asd/release.toml:2:11: `run.timeout`: `10` is not a duration: write `500ms`, `90s`, `30m`, `2h`, `7d` or `1h30m`
      |
    2 | timeout = "10"
      |           ^^^^
    "#);
    assert_snapshot!(wrong("[run]\ntimeout = 10\n"), @r"
    .asd/release.toml:2:11: `run.timeout` should be text in quotes, not `10`
      |
    2 | timeout = 10
      |           ^^
    ");
    assert_snapshot!(wrong("[run]\ntimeout = \"0s\"\n"), @r#"
    .asd/release.toml:2:11: `run.timeout` is no time at all: write how long, for example `30m`
      |
    2 | timeout = "0s"
      |           ^^^^
    "#);
    assert_snapshot!(wrong("[run]\nconfirm = \"yes\"\n"), @r#"
    .asd/release.toml:2:11: `run.confirm` should be `true` or `false`, not the text "yes"
      |
    2 | confirm = "yes"
      |           ^^^^^
    "#);
    assert_snapshot!(wrong("[run]\nhold_before = [\"ticket\", \"verfy\"]\n"), @r#"
    .asd/release.toml:2:26: `run.hold_before` is `verfy`: did you mean `verify`?
      |
    2 | hold_before = ["ticket", "verfy"]
      |                          ^^^^^^^
    "#);
    assert_snapshot!(wrong("[run]\nrerun_failed = \"perhaps\"\n"), @r#"
    .asd/release.toml:2:16: `run.rerun_failed` is `perhaps`: write `run` or `ask`
      |
    2 | rerun_failed = "perhaps"
      |                ^^^^^^^^^
    "#);
    assert_snapshot!(wrong("run = 3\n"), @r"
    .asd/release.toml:1:7: `run` should be a table, not `3`
      |
    1 | run = 3
      |       ^
    ");
}

#[test]
fn wrong_names_shares_and_commands_say_what_to_write() {
    assert_snapshot!(wrong("[git]\nbranch = \"-x\"\n"), @r#"
    .asd/release.toml:2:10: `git.branch`: `-x` is not a branch name: it may not begin with `-`
      |
    2 | branch = "-x"
      |          ^^^^
    "#);
    assert_snapshot!(wrong("[git]\nremote = \"ext::sh -c x\"\n"), @r#"
    .asd/release.toml:2:10: `git.remote` is `ext::sh -c x`: write a name that `git remote` lists
      |
    2 | remote = "ext::sh -c x"
      |          ^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[disk]\nfloor = { percent = 95 }\n"), @r"
    .asd/release.toml:2:21: `disk.floor.percent` is 95: write a number from 0 to 90
      |
    2 | floor = { percent = 95 }
      |                     ^^
    ");
    assert_snapshot!(wrong("[disk]\nfloor = { bytes = \"1GB\" }\n"), @r#"
    .asd/release.toml:2:19: `disk.floor.bytes`: `1GB` is not a size: write bytes, or `512KiB`, `64MiB`, `1GiB`, `2TiB`
      |
    2 | floor = { bytes = "1GB" }
      |                   ^^^^^
    "#);
    assert_snapshot!(wrong("[backup]\nmin_ratio = 1.5\n"), @r"
    .asd/release.toml:2:13: `backup.min_ratio` is 1.5: write a number from 0 to 1, for example `0.5`
      |
    2 | min_ratio = 1.5
      |             ^^^
    ");
    assert_snapshot!(wrong("[backup]\nmin_ratio = nan\n"), @r"
    .asd/release.toml:2:13: `backup.min_ratio` is NaN: write a number from 0 to 1, for example `0.5`
      |
    2 | min_ratio = nan
      |             ^^^
    ");
    assert_snapshot!(wrong("[guard]\ncommand = []\n"), @r#"
    .asd/release.toml:2:1: `guard.command` is empty: write the program and its arguments, `["scripts/check.sh", "--all"]`
      |
    2 | command = []
      | ^^^^^^^
    "#);
    assert_snapshot!(wrong("[guard]\ncommand = \"scripts/guard.sh\"\n"), @r#"
    .asd/release.toml:2:11: `guard.command` should be a list, not the text "scripts/guard.sh"
      |
    2 | command = "scripts/guard.sh"
      |           ^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[[verify]]\nname = \"smoke\"\n"), @r"
    .asd/release.toml:1:1: `verify` needs the key `run`: `holdpoint schema release` says what it means
      |
    1 | [[verify]]
      | ^^^^^^^^^^
    ");
}

#[test]
fn a_failed_run_halts_or_takes_itself_back() {
    assert_eq!(read("[run]\non_failure = \"revert\"\n").run.on_failure, OnFailure::Revert);
    assert_eq!(read("").run.on_failure, OnFailure::Halt);
    assert_snapshot!(wrong("[run]\non_failure = \"hlat\"\n"), @r#"
    .asd/release.toml:2:14: `run.on_failure` is `hlat`: did you mean `halt`?
      |
    2 | on_failure = "hlat"
      |              ^^^^^^
    "#);
}

#[test]
fn names_paths_and_addresses_cannot_become_something_else() {
    assert_snapshot!(wrong("[run]\nenv = [\"A\", \"A B\"]\n"), @r#"
    .asd/release.toml:2:13: `run.env` is `A B`: write a variable name: letters, digits and `_`
      |
    2 | env = ["A", "A B"]
      |             ^^^^^
    "#);
    assert_snapshot!(wrong("[run]\nenv = [\"LD_PRELOAD\"]\n"), @r#"
    .asd/release.toml:2:8: `run.env` names `LD_PRELOAD`, which steps never get: take it out
      |
    2 | env = ["LD_PRELOAD"]
      |        ^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[paths]\nreleases = \"../x\"\n"), @r#"
    .asd/release.toml:2:12: `paths.releases` is `../x`: write the path without `..`
      |
    2 | releases = "../x"
      |            ^^^^^^
    "#);
    assert_snapshot!(wrong("[paths]\nreleases = \"/x\"\n"), @r#"
    .asd/release.toml:2:12: `paths.releases` is `/x`: write a path inside the project, relative to its root
      |
    2 | releases = "/x"
      |            ^^^^
    "#);
    assert_snapshot!(wrong("[paths]\nreleases = \"\"\n"), @r#"
    .asd/release.toml:2:12: `paths.releases` is empty: write a path
      |
    2 | releases = ""
      |            ^^
    "#);
    assert_snapshot!(wrong("[paths]\ndiscover = \"packages/[\"\n"), @r#"
    .asd/release.toml:2:12: `paths.discover` has the pattern `packages/[`: unclosed character class; missing ']', for example `packages/wikijs/**`
      |
    2 | discover = "packages/["
      |            ^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[workspace]\ngroup = \"a:b\"\n"), @r#"
    .asd/release.toml:2:9: `workspace.group` is `a:b`: write a group name of this host
      |
    2 | group = "a:b"
      |         ^^^^^
    "#);
    assert_snapshot!(wrong("[[notify]]\non = [\"failed\"]\nwebhook = \"file:///etc/passwd\"\n"), @r#"
    .asd/release.toml:3:11: `notify.webhook` is `file:///etc/passwd`: write an address that begins with `http://` or `https://`
      |
    3 | webhook = "file:///etc/passwd"
      |           ^^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[[notify]]\non = [\"failed\"]\nwebhook = \"https://me:pw@example.com/\"\n"), @".asd/release.toml:3:11: `notify.webhook` has a user or a password in it: write the address without them");
    assert_snapshot!(wrong("[services.\"a b\"]\n"), @r#"
    .asd/release.toml:1:11: `services.a b`: `a b` is not a service name: only letters, digits, `_` and `-` may stand in it
      |
    1 | [services."a b"]
      |           ^^^^^
    "#);
    assert_snapshot!(wrong_a("compose.project = \"ASD\"\n"), @r#"
    .asd/release.toml:3:19: `services.a.compose.project` is `ASD`: write a compose project name: lower-case letters, digits, `_` and `-`
      |
    3 | compose.project = "ASD"
      |                   ^^^^^
    "#);
    assert_snapshot!(wrong_a("compose.services = [\"*\", \"b\"]\n"), @r#"
    .asd/release.toml:3:9: `services.a.compose.services` has `*` beside names: write `["*"]` for every service of the file, or the names
      |
    3 | compose.services = ["*", "b"]
      |         ^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("image = \"-x\"\n"), @r#"
    .asd/release.toml:3:9: `services.a.image` is `-x`: write an image reference, for example `requarks/wiki:2.5`
      |
    3 | image = "-x"
      |         ^^^^
    "#);
    assert_snapshot!(wrong_a("paths = [\"/etc/**\"]\n"), @r#"
    .asd/release.toml:3:10: `services.a.paths` is `/etc/**`: write a path inside the project, relative to its root
      |
    3 | paths = ["/etc/**"]
      |          ^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"postgres\", database = \"host=evil\" }\n"), @r#"
    .asd/release.toml:3:42: `services.a.backup.database` is `host=evil`: write a name of letters, digits, `_`, `-`, `.` and `$`
      |
    3 | backup = { kind = "postgres", database = "host=evil" }
      |                                          ^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"volume\", volume = \"/etc\" }\n"), @r#"
    .asd/release.toml:3:38: `services.a.backup.volume` is `/etc`: write a name of letters, digits, `_`, `-` and `.`
      |
    3 | backup = { kind = "volume", volume = "/etc" }
      |                                      ^^^^^^
    "#);
    assert_snapshot!(wrong_a("access.local = \"127.0.0.1\"\n"), @r#"
    .asd/release.toml:3:16: `services.a.access.local` is `127.0.0.1`: write an address that begins with `http://` or `https://`
      |
    3 | access.local = "127.0.0.1"
      |                ^^^^^^^^^^^
    "#);
}

#[test]
fn a_service_says_what_runs_it() {
    assert_snapshot!(wrong("[services.wikijs]\n"), @r#"
    .asd/release.toml:1:11: `services.wikijs` does not say what runs it: write `compose = { file = "…" }`, or `driver = "command"` with `commands`
      |
    1 | [services.wikijs]
      |           ^^^^^^
    "#);
    assert_snapshot!(wrong("[services.wikijs]\ncompose = { }\n"), @r"
    .asd/release.toml:2:1: `services.wikijs.compose` needs the key `file`: `holdpoint schema release` says what it means
      |
    2 | compose = { }
      | ^^^^^^^
    ");
    assert_snapshot!(wrong("[services.wikijs]\ndriver = \"compose\"\n"), @r"
    .asd/release.toml:1:11: `services.wikijs` needs the key `compose`: `holdpoint schema release` says what it means
      |
    1 | [services.wikijs]
      |           ^^^^^^
    ");
    assert_snapshot!(wrong("[services.wikijs]\ndriver = \"command\"\n"), @r#"
    .asd/release.toml:1:11: `services.wikijs` needs `commands` for `driver = "command"`: write `commands = { start = […], stop = […], status = […] }`
      |
    1 | [services.wikijs]
      |           ^^^^^^
    "#);
    assert_snapshot!(wrong("[services.wikijs]\ndriver = \"systemd\"\n"), @r#"
    .asd/release.toml:2:10: `services.wikijs.driver` is `systemd`: write `compose` or `command`
      |
    2 | driver = "systemd"
      |          ^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[services.wikijs]\ncommands = { start = [\"a\"], stop = [\"b\"] }\n"), @r#"
    .asd/release.toml:2:12: `services.wikijs.commands` needs the key `status`: `holdpoint schema release` says what it means
      |
    2 | commands = { start = ["a"], stop = ["b"] }
      |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[services.wikijs.commands]\nstart = [\"a\"]\nstop = [\"b\"]\nstatus = []\n"), @r#"
    .asd/release.toml:4:1: `services.wikijs.commands.status` is empty: write the program and its arguments, `["scripts/check.sh", "--all"]`
      |
    4 | status = []
      | ^^^^^^
    "#);
    assert_snapshot!(wrong("[services.wikijs.commands]\nstart = [\"a\"]\nstop = \"b\"\n"), @r#"
    .asd/release.toml:3:8: `services.wikijs.commands.stop` should be a list, not the text "b"
      |
    3 | stop = "b"
      |        ^^^
    "#);
    let both = "commands = { start = [\"a\"], stop = [\"b\"], status = [\"c\"] }\n";
    assert_snapshot!(wrong_a(both), @r"
    .asd/release.toml:1:11: `services.a` has both `compose` and `commands`: write `driver` and take the other one out
      |
    1 | [services.a]
      |           ^
    ");
    assert_snapshot!(wrong_a(&format!("driver = \"compose\"\n{both}")), @r#"
    .asd/release.toml:4:1: `services.a.commands` belongs to `driver = "command"`: take one of them out
      |
    4 | commands = { start = ["a"], stop = ["b"], status = ["c"] }
      | ^^^^^^^^
    "#);
    assert_snapshot!(wrong_a(&format!("driver = \"command\"\n{both}")), @r#"
    .asd/release.toml:2:1: `services.a.compose` belongs to `driver = "compose"`: take one of them out
      |
    2 | compose.file = "c.yaml"
      | ^^^^^^^
    "#);
}

#[test]
fn dependencies_are_known_and_nobody_waits_for_himself() {
    assert_snapshot!(wrong_a("depends_on = [\"postgers\"]\n[services.postgres]\ncompose.file = \"c.yaml\"\n"), @r#"
    .asd/release.toml:3:15: `services.a.depends_on` names `postgers`, which is no service here: did you mean `postgres`?
      |
    3 | depends_on = ["postgers"]
      |               ^^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("depends_on = [\"redis\"]\n"), @r#"
    .asd/release.toml:3:15: `services.a.depends_on` names `redis`, which is no service here: write `[services.redis]`, or take the name out
      |
    3 | depends_on = ["redis"]
      |               ^^^^^^^
    "#);
    assert_snapshot!(wrong_a("depends_on = [\"a\"]\n"), @r#"
    .asd/release.toml:3:15: `services.a.depends_on` names `a` itself: take it out
      |
    3 | depends_on = ["a"]
      |               ^^^
    "#);
    let circle = "depends_on = [\"b\"]\n[services.b]\ncompose.file = \"c.yaml\"\ndepends_on = [\"c\"]\n\
                  [services.c]\ncompose.file = \"c.yaml\"\ndepends_on = [\"b\"]\n";
    assert_snapshot!(wrong_a(circle), @r#"
    .asd/release.toml:6:1: `services.b.depends_on` goes in a circle, `b` → `c` → `b`: take one of them out
      |
    6 | depends_on = ["c"]
      | ^^^^^^^^^^
    "#);
}

#[test]
fn a_long_chain_of_services_is_walked_without_a_deep_stack() {
    let mut text = String::new();
    for number in 0..5_000 {
        let next = if number == 4_999 { String::new() } else { format!("\"s{}\"", number + 1) };
        text.extend([format!("[services.s{number}]\ncompose.file = \"c\"\ndepends_on = [{next}]\n")]);
    }
    assert_eq!(read(&text).services.len(), 5_000);
}

#[test]
fn a_diamond_is_no_circle() {
    let text = "depends_on = [\"b\", \"c\"]\n[services.b]\ncompose.file = \"c\"\ndepends_on = [\"d\"]\n\
                [services.c]\ncompose.file = \"c\"\ndepends_on = [\"d\"]\n[services.d]\ncompose.file = \"c\"\n";
    assert_eq!(read(&with_a(text)).services.len(), 4);
}

#[test]
fn backups_say_what_they_save_and_how_quiet_it_is() {
    assert_snapshot!(wrong_a("backup = { kind = \"none\" }\n"), @r#"
    .asd/release.toml:3:1: `services.a.backup` needs a `reason` beside `kind = "none"`: write why there is nothing to save
      |
    3 | backup = { kind = "none" }
      | ^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"none\", reason = \" \" }\n"), @r#"
    .asd/release.toml:3:1: `services.a.backup` needs a `reason` beside `kind = "none"`: write why there is nothing to save
      |
    3 | backup = { kind = "none", reason = " " }
      | ^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"none\", reason = \"x\", keep = 2 }\n"), @r#"
    .asd/release.toml:3:48: `services.a.backup.keep` means nothing for `kind = "none"`, which takes `reason` alone
      |
    3 | backup = { kind = "none", reason = "x", keep = 2 }
      |                                                ^
    "#);
    assert_snapshot!(wrong_a("backup = [{ kind = \"none\", reason = \"x\" }, { kind = \"config\" }]\n"), @r#"
    .asd/release.toml:3:20: `services.a.backup.kind` says that there is no data, beside entries that save some: take one of them out
      |
    3 | backup = [{ kind = "none", reason = "x" }, { kind = "config" }]
      |                    ^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"volume\", volume = \"x\", quiesce = \"none\" }\n"), @r#"
    .asd/release.toml:3:53: `services.a.backup.quiesce` is `none`, which needs a `reason`: write why nothing can change while it is read
      |
    3 | backup = { kind = "volume", volume = "x", quiesce = "none" }
      |                                                     ^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = [{ kind = \"volume\", volume = \"x\", database = \"y\" }]\n"), @r#"
    .asd/release.toml:3:55: `services.a.backup.database` means nothing for `kind = "volume"`, which takes `volume`
      |
    3 | backup = [{ kind = "volume", volume = "x", database = "y" }]
      |                                                       ^^^
    "#);
    assert_snapshot!(wrong_a("[[services.a.backup]]\nkind = \"volume\"\n"), @r#"
    .asd/release.toml:3:1: `services.a.backup` with `kind = "volume"` needs the key `volume`: `holdpoint schema release` says what it means
      |
    3 | [[services.a.backup]]
      | ^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"files\", paths = [] }\n"), @r#"
    .asd/release.toml:3:28: `services.a.backup.paths` is empty: write the files and folders to save
      |
    3 | backup = { kind = "files", paths = [] }
      |                            ^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"command\", take = [\"a\"], check = [\"b\"] }\n"), @r#"
    .asd/release.toml:3:1: `services.a.backup` with `kind = "command"` needs the key `restore`: `holdpoint schema release` says what it means
      |
    3 | backup = { kind = "command", take = ["a"], check = ["b"] }
      | ^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"config\", keep = 0 }\n"), @r#"
    .asd/release.toml:3:36: `services.a.backup.keep` is 0: keep at least 1 set, or take the entry out
      |
    3 | backup = { kind = "config", keep = 0 }
      |                                    ^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"postgress\" }\n"), @r#"
    .asd/release.toml:3:19: `services.a.backup.kind` is `postgress`: did you mean `postgres`?
      |
    3 | backup = { kind = "postgress" }
      |                   ^^^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("backup = 3\n"), @r"
    .asd/release.toml:3:10: `services.a.backup` should be an entry or a list of entries, not `3`
      |
    3 | backup = 3
      |          ^
    ");
    assert_snapshot!(wrong_a("backup = [3]\n"), @r"
    .asd/release.toml:3:11: `services.a.backup` should be a table, not `3`
      |
    3 | backup = [3]
      |           ^
    ");
}

#[test]
fn a_database_lives_in_a_service_with_containers() {
    assert_snapshot!(wrong_a("backup = { kind = \"postgres\", in = \"db\", database = \"x\" }\n"), @r#"
    .asd/release.toml:3:36: `services.a.backup.in` names `db`, which is no service here: write `[services.db]`, or take the name out
      |
    3 | backup = { kind = "postgres", in = "db", database = "x" }
      |                                    ^^^^
    "#);
    let worker = "[services.w]\ncommands = { start = [\"a\"], stop = [\"b\"], status = [\"c\"] }\n";
    assert_snapshot!(wrong_a(&format!("backup = {{ kind = \"mysql\", in = \"w\", database = \"x\" }}\n{worker}")), @r#"
    .asd/release.toml:3:33: `services.a.backup.in` names `w`, which has no containers: take it out to use the tools of this host
      |
    3 | backup = { kind = "mysql", in = "w", database = "x" }
      |                                 ^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"postgres\", in = \"a\", database = \"x\", host = \"y\" }\n"), @r#"
    .asd/release.toml:3:64: `services.a.backup.host` means nothing beside `in`: the database is reached inside that service's container
      |
    3 | backup = { kind = "postgres", in = "a", database = "x", host = "y" }
      |                                                                ^^^
    "#);
    assert_snapshot!(wrong_a("backup = { kind = \"postgres\", in = \"a\", database = \"x\", quiesce = \"pause\" }\n"), @r#"
    .asd/release.toml:3:67: `services.a.backup.quiesce` would silence the server that the dump is read from: take it out of `a`
      |
    3 | backup = { kind = "postgres", in = "a", database = "x", quiesce = "pause" }
      |                                                                   ^^^^^^^
    "#);
    assert_snapshot!(wrong(&format!("{worker}backup = {{ kind = \"files\", paths = [\"x\"], quiesce = \"pause\" }}\n")), @r#"
    .asd/release.toml:3:53: `services.w.backup.quiesce` is `pause`, and only containers can be paused: write `stop`, or take it out
      |
    3 | backup = { kind = "files", paths = ["x"], quiesce = "pause" }
      |                                                     ^^^^^^^
    "#);
}

#[test]
fn hooks_that_look_like_arguments_are_refused() {
    assert_snapshot!(wrong_a("hooks = { pre_start = [\"a.sh\", \"--all\"] }\n"), @r#"
    .asd/release.toml:3:32: `services.a.hooks.pre_start` has the hook `--all`: an argument list stands in a list of its own, `[["scripts/pre.sh", "--all"]]`
      |
    3 | hooks = { pre_start = ["a.sh", "--all"] }
      |                                ^^^^^^^
    "#);
    assert_snapshot!(wrong_a("hooks = { pre_start = [[]] }\n"), @r#"
    .asd/release.toml:3:24: `services.a.hooks.pre_start` is empty: write the program and its arguments, `["scripts/check.sh", "--all"]`
      |
    3 | hooks = { pre_start = [[]] }
      |                        ^^
    "#);
    assert_snapshot!(wrong_a("hooks = { pre_start = 3 }\n"), @r"
    .asd/release.toml:3:23: `services.a.hooks.pre_start` should be an entry or a list of entries, not `3`
      |
    3 | hooks = { pre_start = 3 }
      |                       ^
    ");
    assert_snapshot!(wrong_a("hooks = { pre_start = [{ run = [\"a\"], timeout = \"0s\" }] }\n"), @r#"
    .asd/release.toml:3:49: `services.a.hooks.pre_start.timeout` is no time at all: write how long, for example `30m`
      |
    3 | hooks = { pre_start = [{ run = ["a"], timeout = "0s" }] }
      |                                                 ^^^^
    "#);
}

#[test]
fn probes_can_be_asked() {
    assert_snapshot!(wrong_a("health = { url = \"ftp://x\" }\n"), @r#"
    .asd/release.toml:3:18: `services.a.health.url` is `ftp://x`: write an address that begins with `http://` or `https://`
      |
    3 | health = { url = "ftp://x" }
      |                  ^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("health = { url = \"http://\" }\n"), @r#"
    .asd/release.toml:3:18: `services.a.health.url` is `http://`: write a host after `//`, for example `http://127.0.0.1:3000/healthz`
      |
    3 | health = { url = "http://" }
      |                  ^^^^^^^^^
    "#);
    assert_snapshot!(wrong_a("health = { url = \"http://x/\", status = 99 }\n"), @r#"
    .asd/release.toml:3:40: `services.a.health.status` is no HTTP status: write one from 100 to 599
      |
    3 | health = { url = "http://x/", status = 99 }
      |                                        ^^
    "#);
    assert_snapshot!(wrong_a("health = { url = \"http://x/\", stay = \"90s\" }\n"), @r#"
    .asd/release.toml:3:38: `services.a.health.stay` is not shorter than `deadline` (1m30s): it could never be reached
      |
    3 | health = { url = "http://x/", stay = "90s" }
      |                                      ^^^^^
    "#);
    assert_snapshot!(wrong_a("health = { url = \"http://x/\", json = { ready = true } }\n"), @r#"
    .asd/release.toml:3:48: `services.a.health.json.ready` has the pointer `ready`: begin it with `/`, for example `/ready`
      |
    3 | health = { url = "http://x/", json = { ready = true } }
      |                                                ^^^^
    "#);
    assert_eq!(a("health = { url = \"/healthz\" }").health.unwrap().url, "/healthz");
    let worker = "[services.w]\ncommands = { start = [\"a\"], stop = [\"b\"], status = [\"c\"] }\n";
    assert_snapshot!(wrong(&format!("{worker}health = {{ url = \"/healthz\" }}\n")), @r#"
    .asd/release.toml:3:18: `services.w.health.url` is the path `/healthz`, and only compose publishes ports: write `http://127.0.0.1:PORT/healthz`
      |
    3 | health = { url = "/healthz" }
      |                  ^^^^^^^^^^
    "#);
}

#[test]
fn freezes_say_when_in_one_form() {
    let freeze = |lines: &str| wrong(&format!("[[freeze]]\nname = \"x\"\n{lines}"));
    assert_snapshot!(freeze(""), @r"
    .asd/release.toml:1:1: `freeze` says no time: write `from` and `until`, or `days` with `after` and `zone`
      |
    1 | [[freeze]]
      | ^^^^^^^^^^
    ");
    assert_snapshot!(freeze("from = 2026-12-20T00:00:00Z\n"), @r"
    .asd/release.toml:1:1: `freeze` needs `until` too: write it as `2026-12-20T00:00:00Z`
      |
    1 | [[freeze]]
      | ^^^^^^^^^^
    ");
    assert_snapshot!(freeze("from = 2026-12-20T00:00:00Z\nuntil = \"2026-12-19T00:00:00Z\"\n"), @r#"
    .asd/release.toml:4:9: `freeze.until` is not after `from`: write the first moment after the freeze
      |
    4 | until = "2026-12-19T00:00:00Z"
      |         ^^^^^^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(freeze("from = 2026-12-20T00:00:00Z\ndays = [\"fri\"]\n"), @r"
    .asd/release.toml:1:1: `freeze` has both forms: write `from` and `until`, or `days` with `after` and `zone`
      |
    1 | [[freeze]]
      | ^^^^^^^^^^
    ");
    assert_snapshot!(freeze("from = \"yesterday\"\n"), @r#"
    .asd/release.toml:3:8: `freeze.from`: `yesterday` is not a moment: write it as `2026-12-20T00:00:00Z`
      |
    3 | from = "yesterday"
      |        ^^^^^^^^^^^
    "#);
    assert_snapshot!(freeze("from = 2026-12-20\n"), @r"
    .asd/release.toml:3:8: `freeze.from`: `2026-12-20` is not a moment: write it as `2026-12-20T00:00:00Z`
      |
    3 | from = 2026-12-20
      |        ^^^^^^^^^^
    ");
    assert_snapshot!(freeze("days = [\"friday\"]\n"), @r#"
    .asd/release.toml:3:9: `freeze.days` is `friday`: write `mon`, `tue`, `wed`, `thu`, `fri`, `sat` or `sun`
      |
    3 | days = ["friday"]
      |         ^^^^^^^^
    "#);
    assert_snapshot!(freeze("days = []\n"), @r#"
    .asd/release.toml:1:1: `freeze` needs `days`: write which, for example `days = ["fri"]`
      |
    1 | [[freeze]]
      | ^^^^^^^^^^
    "#);
    assert_snapshot!(freeze("days = [\"fri\"]\nafter = \"25:00\"\n"), @r#"
    .asd/release.toml:4:9: `freeze.after` is `25:00`: write a time of day, for example `15:00`
      |
    4 | after = "25:00"
      |         ^^^^^^^
    "#);
    assert_snapshot!(freeze("days = [\"fri\"]\nzone = \"Europe/Amsterdm\"\n"), @r#"
    .asd/release.toml:4:8: `freeze.zone` is `Europe/Amsterdm`, which is no time zone: did you mean `Europe/Amsterdam`?
      |
    4 | zone = "Europe/Amsterdm"
      |        ^^^^^^^^^^^^^^^^^
    "#);
    assert_snapshot!(freeze("days = [\"fri\"]\nzone = \"Nowhere\"\n"), @r#"
    .asd/release.toml:4:8: `freeze.zone` is `Nowhere`, which is no time zone: write an IANA zone, for example `Europe/Amsterdam`
      |
    4 | zone = "Nowhere"
      |        ^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[[freeze]]\ndays = [\"fri\"]\n"), @r"
    .asd/release.toml:1:1: `freeze` needs the key `name`: `holdpoint schema release` says what it means
      |
    1 | [[freeze]]
      | ^^^^^^^^^^
    ");
}

#[test]
fn notifications_reach_somebody() {
    assert_snapshot!(wrong("[[notify]]\non = [\"failed\"]\n"), @r#"
    .asd/release.toml:1:1: `notify` says nobody: write `webhook = "https://…"` or `command = ["…"]`
      |
    1 | [[notify]]
      | ^^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[[notify]]\non = []\nwebhook = \"https://x/\"\n"), @r#"
    .asd/release.toml:2:1: `notify.on` is empty: write which news, for example `["failed", "stuck"]`
      |
    2 | on = []
      | ^^
    "#);
    assert_snapshot!(wrong("[[notify]]\non = [\"failled\"]\nwebhook = \"https://x/\"\n"), @r#"
    .asd/release.toml:2:7: `notify.on` is `failled`: did you mean `failed`?
      |
    2 | on = ["failled"]
      |       ^^^^^^^^^
    "#);
    assert_snapshot!(wrong("[[notify]]\non = [\"failed\"]\nwebhook = \"https://x/\"\ncommand = [\"a\"]\n"), @r"
    .asd/release.toml:1:1: `notify` has both `webhook` and `command`: write two `[[notify]]`
      |
    1 | [[notify]]
      | ^^^^^^^^^^
    ");
}

#[test]
fn what_is_no_toml_says_where() {
    assert_snapshot!(wrong("[git\n"), @r"
    .asd/release.toml:1:5: the file is not valid TOML here: unclosed table, expected `]`
      |
    1 | [git
      |     ^
    ");
    assert_snapshot!(wrong("a = 1\na = 2\n"), @r"
    .asd/release.toml:2:1: the file is not valid TOML here: duplicate key
      |
    2 | a = 2
      | ^
    ");
    assert_snapshot!(wrong("[run]\nconfirm = true\n\n[run]\nparallel = 2\n"), @r"
    .asd/release.toml:4:2: the file is not valid TOML here: duplicate key
      |
    4 | [run]
      |  ^^^
    ");
    assert_snapshot!(wrong("[run]\nparallel = 4\0\n"), @r"
    .asd/release.toml:2:12: the file is not valid TOML here: string values must be quoted, expected literal string
      |
    2 | parallel = 4\u{0}
      |            ^^^^^^
    ");
    assert_snapshot!(wrong("[run]\n\u{1b}[31mparallel = 4\n"), @r"
    .asd/release.toml:2:2: the file is not valid TOML here: key with no value, expected `=`
      |
    2 | \u{1b}[31mparallel = 4
      |       ^
    ");
}

#[test]
fn hostile_files_are_refused_quickly() {
    assert_snapshot!(wrong(&format!("# {}", "x".repeat(1 << 20))), @".asd/release.toml: the file has 1048578 bytes and may have 1048576: move what is not configuration elsewhere");
    assert_snapshot!(wrong(&format!("a = {}1{}", "[".repeat(100_000), "]".repeat(100_000))), @r"
    .asd/release.toml:1:85: the file is nested deeper than 64 levels: flatten it
      |
    1 | …[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[
      |                                                              ^
    ");
    assert_snapshot!(wrong(&format!("a = {}1{}", "[".repeat(70), "]".repeat(70))), @r"
    .asd/release.toml:1:1: the file is nested deeper than 64 levels: flatten it
      |
    1 | a = [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]
      | ^
    ");
    assert_snapshot!(wrong(&format!("{}b = 1", "a.".repeat(70))), @r"
    .asd/release.toml:1:1: the file is nested deeper than 64 levels: flatten it
      |
    1 | a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.b = 1
      | ^
    ");
    assert!(wrong(&"[services.a.compose]\n".repeat(40_000)).contains("duplicate key"));
    assert!(wrong(&format!("[run]\n{} = 1\n", "k".repeat(900_000))).contains("unknown key"));
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_read() {
    assert_eq!(read("\u{feff}[run]\r\nparallel = 2\r\n").run.parallel, 2);
    assert_snapshot!(wrong("\u{feff}[run]\r\nparalel = 2\r\n"), @r"
    .asd/release.toml:2:1: unknown key `paralel` in `run`: did you mean `parallel`? `holdpoint schema release` prints every key
      |
    2 | paralel = 2
      | ^^^^^^^
    ");
}

/// Texts near to configuration: pieces of it in any order, or anything at all.
fn any_text() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "[run]\n",
        "[services.a]\n",
        "[[freeze]]\n",
        "backup = ",
        "[",
        "]",
        "{ ",
        " }",
        "kind = \"volume\"",
        ", ",
        "\n",
        "\"",
        "'",
        "\"\"\"",
        "= ",
        "name = ",
        "3",
        "true",
        "2026-12-20",
        "é",
        "\0",
        "\r\n",
        "\\u0000",
        "depends_on = ",
        "a.b",
        "[\"a\"]",
        "compose.file = \"c\"",
        "#",
        "hooks = ",
        "url = \"http://x\"",
        "services",
        ".",
        "inf",
        "-",
    ]);
    let near = prop::collection::vec(pieces, 0..24).prop_map(|pieces| pieces.concat());
    prop_oneof![near, "(?s).{0,120}"]
}

parser! {
"release.toml";

    #[test]
    fn no_text_makes_it_panic(text in any_text()) {
        if let Err(error) = try_read(&text) {
            let shown = error.to_string();
            prop_assert!(!shown.replace('\n', "").chars().any(crate::model::escape::is_unsafe), "{shown:?}");
            prop_assert!(error.place.is_some(), "without a place: {shown}");
        }
        let _ = ReleaseToml::read(&release_toml(&text)).and_then(|read| read.outline());
    }

    #[test]
    fn a_cut_or_changed_example_never_panics(at in 0..EXAMPLE.len(), with in "(?s).{0,3}") {
        if EXAMPLE.is_char_boundary(at) {
            let _ = try_read(&format!("{}{with}{}", &EXAMPLE[..at], &EXAMPLE[at..]));
            let _ = try_read(&EXAMPLE[..at]);
        }
    }
}

#[test]
fn the_hash_of_each_source_is_that_of_its_text() {
    let expected = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    assert_eq!(read("").sources, BTreeMap::from([(".asd/release.toml".to_owned(), expected.to_owned())]));
}
