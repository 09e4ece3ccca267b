//! A small host for tests of decisions: facts that hold together, and short renderings of what is decided.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::Refusal;
use crate::model::backup::{BackupEntry, BackupSet, PutMethod, TakeMethod};
use crate::model::facts::{
    Commit, Compose, ComposeFlavour, ComposePart, ContainerState, DirtyFile, DiskSpace, Facts, GitFacts,
    HeadMove, HostFacts, Releases, ResolvedService, RunState, RuntimeFacts, ScriptHeader, ServiceState,
    StepEnd, StepRecord, TicketHistory, TicketScript,
};
use crate::model::id::{BackupStamp, Oid, ServiceName, StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::plan::{Action, Plan, Step, WhenUnknown};
use crate::model::quantity::{ByteSize, Span};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{Direction, ReleaseState, Status, Trigger};
use crate::model::request::RunRequest;
use crate::model::settings::{
    BackupSettings, DiskFloor, GitSettings, OnFailure, PathSettings, RecoverySettings, RerunFailed,
    RunSettings, SecretSettings, Settings, SignaturePolicy, WorkspaceSettings,
};
use crate::model::spec::{
    AccessSpec, BackupKind, BackupSpec, CommandDriverSpec, CommandSpec, ComposeSpec, DriverSpec,
    GIT_HARDENING, HooksSpec, OwnerSpec, ProbeSpec, Quiesce, ServiceSpec,
};

/// BASE of the usual scene.
pub(super) const BASE: char = 'a';
/// Its target.
pub(super) const TARGET: char = 'b';

/// A commit id of one digit.
pub(super) fn oid(digit: char) -> Oid {
    digit.to_string().repeat(40).parse().expect("an object id")
}

pub(super) fn ticket(name: &str) -> TicketId {
    name.parse().expect("a ticket id")
}

pub(super) fn service(name: &str) -> ServiceName {
    name.parse().expect("a service name")
}

pub(super) fn stamp(text: &str) -> BackupStamp {
    text.parse().expect("a backup stamp")
}

/// A moment on the day of the usual scene, `12:30:00`.
pub(super) fn at(time: &str) -> DateTime<Utc> {
    format!("2026-05-18T{time}Z").parse().expect("a time of day")
}

/// A host at noon with one new commit on `origin/main`, nothing configured and nothing recorded.
pub(super) fn scene() -> Facts {
    let space = DiskSpace { total: 100 << 30, free: 50 << 30, inodes: u64::MAX };
    Facts {
        now: at("12:00:00"),
        host: HostFacts {
            name: "prod1".into(),
            operator: "deploy".into(),
            root: "/srv/app".into(),
            workspace: "/srv/app/.asd/workspace".into(),
            backups: "/srv/app/.asd/workspace/backups".into(),
            network_fs: None,
            workspace_space: space,
            backups_space: space,
            backup_estimate: BTreeMap::new(),
            container_prefix: String::new(),
            just_recipes: false,
        },
        git: checkout(),
        base_settings: settings(),
        target_settings: settings(),
        base_compose: BTreeMap::new(),
        target_compose: BTreeMap::new(),
        target_export: None,
        services: BTreeMap::new(),
        runtime: RuntimeFacts {
            compose: Some(Compose {
                command: vec!["docker".into(), "compose".into()],
                flavour: ComposeFlavour::V2,
                version: "2.26.1".into(),
            }),
            engine: Some("docker".into()),
            ..RuntimeFacts::default()
        },
        releases: Releases::default(),
        candidates: Vec::new(),
        history: None,
        scripts: Vec::new(),
        environment: BTreeMap::new(),
        backups: BTreeMap::new(),
        untrusted: None,
        troubles: Vec::new(),
    }
}

fn checkout() -> GitFacts {
    GitFacts {
        head: oid(BASE),
        branch: Some("main".parse().expect("a branch")),
        release_branch: "main".parse().expect("a branch"),
        target: Some(oid(TARGET)),
        dirty: Vec::new(),
        ahead: Vec::new(),
        incoming: vec![commit(TARGET, "Bump wikijs")],
        changed: Vec::new(),
        last_move: None,
        unrevert_to: None,
        contains: BTreeMap::new(),
        undone: BTreeSet::new(),
        trees: BTreeMap::new(),
        branches: BTreeMap::new(),
        unreleased: Vec::new(),
        changed_since_head: Vec::new(),
        cut_off: None,
        verify_signatures: SignaturePolicy::Off,
        badly_signed: Vec::new(),
    }
}

pub(super) fn commit(digit: char, subject: &str) -> Commit {
    Commit {
        oid: oid(digit),
        author: "Ann".into(),
        at: at("09:00:00"),
        subject: subject.into(),
        reverts: None,
        also_reverts: Vec::new(),
    }
}

pub(super) fn settings() -> Settings {
    Settings {
        git: GitSettings {
            remote: "origin".into(),
            branch: "main".parse().expect("a branch"),
            verify_signatures: SignaturePolicy::Off,
            allowed_signers: None,
        },
        paths: PathSettings {
            releases: "releases".into(),
            playbooks: "recovery/playbooks".into(),
            discover: None,
        },
        workspace: WorkspaceSettings {
            backups: ".asd/workspace/backups".into(),
            group: None,
            allow_network_fs: false,
        },
        run: RunSettings {
            parallel: 4,
            hold_before: Vec::new(),
            timeout: Span::secs(1800),
            silence: Span::secs(600),
            env: Vec::new(),
            confirm: false,
            rerun_failed: RerunFailed::Run,
            on_failure: OnFailure::Halt,
        },
        disk: DiskFloor { percent: 5, bytes: ByteSize(1 << 30) },
        freezes: Vec::new(),
        notify: Vec::new(),
        surfaces: Vec::new(),
        owners: BTreeMap::new(),
        secrets: SecretSettings { env_files: vec![".env".into()], names: Vec::new() },
        backup: BackupSettings { max_age: Span::secs(0), min_ratio: 0.5 },
        recovery: RecoverySettings {
            evidence_max_age: Span::secs(900),
            give_up: Span::secs(3600),
            owner_approval: false,
        },
        guard: None,
        compose_command: None,
        verify: Vec::new(),
        services: BTreeMap::new(),
        sources: BTreeMap::from([(".asd/release.toml".to_owned(), "sha-of-configuration".to_owned())]),
    }
}

/// A service of the host's own programs, with one folder of data and `paths = ["NAME/**"]`.
pub(super) fn plain(name: &str) -> ServiceSpec {
    let program = |verb: &str| vec![format!("bin/{name}"), verb.to_owned()];
    ServiceSpec {
        name: service(name),
        display_name: None,
        driver: DriverSpec::Command(CommandDriverSpec {
            start: program("start"),
            stop: program("stop"),
            status: program("status"),
            ..CommandDriverSpec::default()
        }),
        paths: vec![format!("{name}/**")],
        image: None,
        depends_on: Vec::new(),
        health: None,
        hooks: HooksSpec::default(),
        schema: None,
        owner: OwnerSpec::default(),
        access: AccessSpec::default(),
        backup: vec![saved(BackupKind::Files { paths: vec![format!("data/{name}").into()] }, Quiesce::None)],
        claim: None,
        defined_in: ".asd/release.toml".into(),
    }
}

/// A service that compose runs, with a volume `NAME_data` and `paths = ["packages/NAME/**"]`.
pub(super) fn composed(name: &str) -> ServiceSpec {
    ServiceSpec {
        driver: DriverSpec::Compose(ComposeSpec {
            file: format!("packages/{name}/docker-compose.yaml").into(),
            project: Some("asd".into()),
            ..ComposeSpec::default()
        }),
        paths: vec![format!("packages/{name}/**")],
        health: Some(probe(&format!("http://127.0.0.1:3000/{name}"))),
        backup: vec![saved(BackupKind::Volume { volume: format!("{name}_data") }, Quiesce::Pause)],
        ..plain(name)
    }
}

pub(super) fn saved(kind: BackupKind, quiesce: Quiesce) -> BackupSpec {
    BackupSpec { kind, quiesce, reason: None, keep: 5, timeout: None }
}

pub(super) fn probe(url: &str) -> ProbeSpec {
    ProbeSpec {
        url: url.into(),
        status: 200,
        json: BTreeMap::new(),
        deadline: Span::secs(90),
        interval: Span::secs(1),
        stay: Span::secs(5),
    }
}

/// What tests change about a scene.
pub(super) trait Scene: Sized {
    /// Configures a service of our own programs, up, on both sides.
    fn with(self, spec: ServiceSpec) -> Self;
    /// Configures a compose service with one container, on both sides: image before and after.
    fn with_compose(self, spec: ServiceSpec, before: &str, after: &str) -> Self;
    /// A file changed between BASE and the target.
    fn changed(self, path: &str) -> Self;
    /// A release is recorded.
    fn released(self, state: ReleaseState) -> Self;
    /// The ticket in question is recorded: its release, phases done, and steps.
    fn history(self, state: ReleaseState, done: &[Phase], steps: &[(&str, Phase, StepEnd)]) -> Self;
    /// A backup set lies on the shelf.
    fn shelved(self, set: BackupSet) -> Self;
    /// HEAD is elsewhere.
    fn head(self, digit: char) -> Self;
    /// A ticket script at the target.
    fn script(self, of: &str, path: &str, header: ScriptHeader) -> Self;
}

impl Scene for Facts {
    fn with(mut self, spec: ServiceSpec) -> Self {
        let up = ServiceState { run: RunState::Running, ..ServiceState::default() };
        self.services.insert(spec.name.clone(), up);
        self.base_settings.services.insert(spec.name.clone(), spec.clone());
        self.target_settings.services.insert(spec.name.clone(), spec);
        self
    }

    fn with_compose(mut self, spec: ServiceSpec, before: &str, after: &str) -> Self {
        let name = spec.name.clone();
        let state = ServiceState {
            run: RunState::Running,
            containers: vec![container(name.as_str(), before)],
            ..ServiceState::default()
        };
        let resolved = |image: &str| ResolvedService {
            project: "asd".into(),
            parts: BTreeMap::from([(name.to_string(), part(name.as_str(), image))]),
        };
        self.base_compose.insert(name.clone(), resolved(before));
        self.target_compose.insert(name.clone(), resolved(after));
        self.runtime.images.insert(before.into(), format!("id-of-{before}"));
        self.runtime.mountpoints.insert(format!("{name}_data"), format!("/volumes/{name}_data").into());
        let mut facts = self.with(spec);
        facts.services.insert(name, state);
        facts
    }

    fn changed(mut self, path: &str) -> Self {
        self.git.changed.push(path.into());
        self
    }

    fn released(mut self, state: ReleaseState) -> Self {
        Arc::make_mut(&mut self.releases).push(state);
        self
    }

    fn history(mut self, state: ReleaseState, done: &[Phase], steps: &[(&str, Phase, StepEnd)]) -> Self {
        let record = |(name, phase, end): &(&str, Phase, StepEnd)| {
            let record = StepRecord { ms: Some(1_500), ..StepRecord::new(*phase, *end, at("10:00:00")) };
            (StepName::new([*name]), record)
        };
        let releases = Arc::make_mut(&mut self.releases);
        releases.retain(|known| known.ticket != state.ticket);
        releases.push(state.clone());
        self.history = Some(TicketHistory {
            state,
            phases_done: done.iter().copied().collect(),
            steps: steps.iter().map(record).collect(),
            snapshot: None,
            snapshot_lost: None,
            changed_inputs: Vec::new(),
            scripts_run: BTreeMap::new(),
            once_done: BTreeSet::new(),
        });
        self
    }

    fn shelved(mut self, set: BackupSet) -> Self {
        self.backups.entry(set.service.clone()).or_default().push(set);
        self
    }

    fn head(mut self, digit: char) -> Self {
        self.git.head = oid(digit);
        if self.git.target.as_ref() == Some(&self.git.head) {
            self.git.incoming.clear();
        }
        self
    }

    fn script(mut self, of: &str, path: &str, header: ScriptHeader) -> Self {
        self.scripts.push(TicketScript {
            ticket: ticket(of),
            path: path.into(),
            sha256: format!("sha-of-{path}"),
            tracked: true,
            incoming: true,
            ran: false,
            header,
        });
        self
    }
}

pub(super) fn part(name: &str, image: &str) -> ComposePart {
    ComposePart {
        image: Some(image.into()),
        volumes: BTreeMap::from([(format!("{name}_data"), "/data".to_owned())]),
        config_hash: format!("hash-of-{image}"),
        label_hash: Some(format!("hash-of-{image}")),
        ..ComposePart::default()
    }
}

pub(super) fn container(name: &str, image: &str) -> ContainerState {
    ContainerState {
        id: format!("cid-{name}"),
        name: format!("asd-{name}-1"),
        part: name.into(),
        image: image.into(),
        image_id: format!("id-of-{image}"),
        state: "running".into(),
        project: "asd".into(),
        config_hash: format!("hash-of-{image}"),
        volumes: BTreeMap::from([(format!("{name}_data"), "/data".to_owned())]),
        ..ContainerState::default()
    }
}

pub(super) fn dirty(path: &str) -> DirtyFile {
    DirtyFile {
        path: path.into(),
        code: "??".into(),
        owner: Some("ann".into()),
        changed_at: Some(at("08:00:00")),
    }
}

pub(super) fn pull(from: char, to: char) -> HeadMove {
    HeadMove {
        from: oid(from),
        to: oid(to),
        who: "ann".into(),
        at: at("11:00:00"),
        what: "pull: Fast-forward".into(),
    }
}

/// A release that stands at this status: BASE `a`, MERGE `b`, begun at ten.
pub(super) fn release(of: &str, status: Status) -> ReleaseState {
    ReleaseState {
        ticket: ticket(of),
        base: oid(BASE),
        merge: Some(oid(TARGET)),
        services: Vec::new(),
        backups: BTreeMap::new(),
        branch: "main".parse().expect("a branch"),
        attempt: 1,
        cycle: 1,
        phase: Phase::Verify,
        status,
        rc: 0,
        failed_step: None,
        operator: "deploy".into(),
        host: "prod1".into(),
        started_at: at("10:00:00"),
        updated_at: at("10:05:00"),
        snapshot: Some("sha256:5a".into()),
        trigger: Trigger::Create,
        direction: Direction::Forward,
        approved: None,
        ticket_ran_on: None,
        superseded_by: None,
        closed: false,
        archived: false,
        log_seq: 9,
        log_chain: "0000000000000000".into(),
        extra: BTreeMap::new(),
    }
}

/// A verified set with one entry of this kind, begun at this time of day.
pub(super) fn set(of: &str, kind: &str, begun: &str, bytes: u64) -> BackupSet {
    let started_at = at(begun);
    let file = if kind == "files" || kind == "volume" { "tree.tar" } else { "database.dump" };
    BackupSet {
        format: 1,
        service: service(of),
        stamp: stamp(&started_at.format("%Y%m%d_%H%M%S").to_string()),
        started_at,
        finished_at: started_at,
        taken_for: "1234@1".into(),
        entries: vec![BackupEntry {
            number: 1,
            kind: kind.into(),
            source: format!("{kind} of {of}"),
            bytes,
            ms: 5,
            verified: true,
            command: None,
            files: BTreeMap::from([(file.to_owned(), "sha".to_owned())]),
        }],
    }
}

pub(super) fn run(of: &str) -> RunRequest {
    RunRequest::new(ticket(of))
}

/// Codes of a refusal.
pub(super) fn codes(decided: &Result<Plan, Refusal>) -> Vec<ReasonCode> {
    blockers(decided).iter().map(|blocker| blocker.code).collect()
}

/// Blockers of a refusal; none for a plan.
pub(super) fn blockers(decided: &Result<Plan, Refusal>) -> Vec<Blocker> {
    match decided {
        Err(Refusal::Blocked { blockers, .. }) => blockers.clone(),
        _ => Vec::new(),
    }
}

/// One blocker as a person sees it.
pub(super) fn said(decided: &Result<Plan, Refusal>) -> String {
    let mut text = String::new();
    for blocker in blockers(decided) {
        let _ = writeln!(text, "{}: {}", blocker.code, blocker.fact.replace('\n', "\n    "));
        for way in &blocker.ways_out {
            let _ = writeln!(text, "  → {way}");
        }
    }
    if let Err(Refusal::Nothing { fact }) = decided {
        let _ = writeln!(text, "nothing: {fact}");
    }
    text
}

/// A plan in short lines: its head, services, each step with what it waits for, then what it runs.
pub(super) fn sketch(plan: &Plan) -> String {
    let mut text = format!(
        "{} {} cycle {} from {}: {} → {} on {}\n",
        plan.attempt,
        plan.trigger,
        plan.cycle,
        plan.from,
        plan.base.short().chars().next().unwrap_or('-'),
        plan.target.short().chars().next().unwrap_or('-'),
        plan.branch
    );
    for planned in &plan.services {
        let change = format!("{:?}", planned.change).to_lowercase();
        let images =
            [&planned.image_before, &planned.image_after].map(|image| image.as_deref().unwrap_or("-"));
        let because = planned.because.join(", ");
        let _ = writeln!(text, "  {} {change} {} → {} ({because})", planned.name, images[0], images[1]);
    }
    for step in &plan.steps {
        sketch_step(&mut text, step);
    }
    for skipped in &plan.skipped {
        let _ = writeln!(text, "skipped {}: {}", skipped.phase, skipped.reason);
    }
    for note in &plan.notes {
        let _ = writeln!(text, "note: {note}");
    }
    text
}

fn sketch_step(text: &mut String, step: &Step) {
    let marks = [
        step.already_done.then_some(" (already done)"),
        step.unknown_since.map(|_| " (unknown: look first)"),
        (step.when_unknown == WhenUnknown::Ask).then_some(" (ask)"),
    ];
    let marks: String = marks.into_iter().flatten().collect();
    let after: Vec<&str> = step.after.iter().map(StepName::as_str).collect();
    let after = if after.is_empty() { String::new() } else { format!(" after {}", after.join(" ")) };
    let _ = writeln!(text, "{} {}{marks}{after}", step.phase, step.name);
    for command in commands_of(step) {
        let _ = writeln!(text, "    $ {}", shown(&command));
    }
}

/// Everything a step runs.
pub(super) fn commands_of(step: &Step) -> Vec<CommandSpec> {
    match &step.action {
        Action::Commands { commands, .. } => commands.clone(),
        Action::Backup(job) => {
            let method = match &job.method {
                TakeMethod::Stream { produce, check, .. } => {
                    [Some(produce), check.as_ref()].into_iter().flatten().cloned().collect()
                }
                TakeMethod::Custom { take, check } => vec![take.clone(), check.clone()],
                _ => Vec::new(),
            };
            [job.before.clone(), method, job.after.clone()].concat()
        }
        Action::Restore(job) => match &job.method {
            PutMethod::Commands { commands, .. } => commands.clone(),
            PutMethod::Custom { restore } => vec![restore.clone()],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// A command in one line, with git's hardening and the project root left out.
pub(super) fn shown(command: &CommandSpec) -> String {
    let hardened = GIT_HARDENING.len();
    let is_git = command.argv.iter().zip(GIT_HARDENING).filter(|(a, b)| a == b).count() == hardened;
    let words: Vec<&str> = if is_git {
        std::iter::once("git").chain(command.argv[hardened..].iter().map(String::as_str)).collect()
    } else {
        command.argv.iter().map(String::as_str).collect()
    };
    shlex::try_join(words).unwrap_or_default().replace("/srv/app/", "")
}
