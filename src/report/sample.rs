//! A release to look at: what the tests of this layer render.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use crate::model::event::{EVENT_VERSION, EventKind, RunEvent};
use crate::model::facts::Commit;
use crate::model::id::{Oid, StepName};
use crate::model::phase::Phase;
use crate::model::plan::{
    Action, HealthJob, PLAN_FORMAT, Plan, PlanVerb, PlannedService, ServiceChange, SkippedPhase, Step,
    WhenUnknown,
};
use crate::model::quantity::Span;
use crate::model::release::{Direction, ReleaseState, Status};
use crate::model::spec::{CommandDriverSpec, CommandSpec, DriverSpec, ProbeSpec};
use crate::model::view::{
    BackupRow, NextCommand, PhaseRow, ReportView, StateView, TranscriptView, VerificationView,
};

/// The moment at which everything here is looked at.
pub(super) fn now() -> DateTime<Utc> {
    "2026-05-18T20:00:00Z".parse().unwrap()
}

pub(super) fn began() -> DateTime<Utc> {
    "2026-05-18T15:30:12Z".parse().unwrap()
}

pub(super) fn oid(digit: char) -> Oid {
    std::iter::repeat_n(digit, 40).collect::<String>().parse().unwrap()
}

/// A night: prepare and migrate done, the script failed, repaired 41 minutes later, a health wait, done.
const NIGHT: &str = "\
0 - created
2 - planned
4 - started
10 prepare start
12 prepare step-start snapshot
30 prepare step-done snapshot
32 prepare step-start backup.postgres.1
33 prepare step-start backup.redmine.1
34 prepare step-start backup.wikijs.1
1450 prepare step-done backup.redmine.1
2210 prepare step-done backup.wikijs.1
3900 prepare step-done backup.postgres.1
3910 prepare step-start git.merge
4020 prepare step-done git.merge
4030 prepare done
4040 migrate start
4050 migrate step-start redmine.pull
4051 migrate step-start wikijs.pull
6300 migrate step-done redmine.pull
8700 migrate step-done wikijs.pull
8710 migrate step-start redmine.recreate
8711 migrate step-start wikijs.recreate
9900 migrate step-done redmine.recreate
9910 migrate step-start redmine.health
10400 migrate step-done wikijs.recreate
10410 migrate step-start wikijs.health
12100 migrate step-done redmine.health
12110 migrate step-start redmine.ensure_config
12300 migrate step-done redmine.ensure_config
16800 migrate step-done wikijs.health
16810 migrate step-start wikijs.post_start
17900 migrate step-done wikijs.post_start
17910 migrate done
17920 ticket start
17930 ticket step-start 1234-theming.sh
19800 ticket step-failed 1234-theming.sh|rc=1 [WIKIJS] ERROR: could not read theming config: Forbidden
19810 ticket failed |rc=1 1234-theming.sh exited 1
2480000 ticket resumed
2480010 ticket start
2480020 ticket step-start 1234-theming.sh
2483300 ticket step-done 1234-theming.sh
2483310 ticket done
2483320 verify start
2483330 verify step-start verify.head
2483350 verify step-done verify.head
2483360 verify step-start verify.redmine
2483361 verify step-start verify.wikijs
2483900 verify step-done verify.redmine
2485600 verify step-done verify.wikijs
2485610 verify step-start surface.readiness
2485700 verify step-done surface.readiness
2485710 verify done
2485720 verify succeeded
";

/// How the night goes on when it is taken back in the morning.
const MORNING: &str = "\
57485720 revert reverting
57485730 revert start
57485740 revert step-start safety.wikijs.1
57487200 revert step-done safety.wikijs.1
57487210 revert step-start wikijs.stop
57488400 revert step-done wikijs.stop
57488410 revert step-start revert.git
57488500 revert step-done revert.git
57488510 revert step-start restore.wikijs.1
57490900 revert step-done restore.wikijs.1
57490910 revert step-start wikijs.start
57491900 revert interrupted |the runner was stopped by TERM
";

/// Events from lines of `ms phase event [step][|rc=N message]`.
pub(super) fn events(script: &str) -> Vec<RunEvent> {
    script.lines().zip(1..).map(|(line, seq)| event(line, seq)).collect()
}

fn event(line: &str, seq: u64) -> RunEvent {
    let (words, told) = line.split_once('|').unwrap_or((line, ""));
    let mut words = words.split_whitespace();
    let ms: i64 = words.next().unwrap().parse().unwrap();
    let phase: Option<Phase> = words.next().unwrap().parse().ok();
    let kind = EventKind::from(words.next().unwrap().to_owned());
    let (rc, msg) = match told.strip_prefix("rc=").and_then(|rest| rest.split_once(' ')) {
        Some((rc, msg)) => (rc.parse().ok(), msg),
        None => (None, told),
    };
    RunEvent {
        v: EVENT_VERSION,
        seq,
        at: began() + TimeDelta::milliseconds(ms),
        ticket: "1234".parse().unwrap(),
        attempt: 1,
        phase,
        event: kind,
        rc,
        step: words.next().map(|step| StepName::new([step])),
        operator: "deploy".to_owned(),
        ms: None,
        reason: None,
        details: Arc::default(),
        msg: Some(msg.to_owned()).filter(|msg| !msg.is_empty()),
    }
}

pub(super) fn state(status: Status) -> ReleaseState {
    ReleaseState {
        ticket: "1234".parse().unwrap(),
        base: oid('a'),
        merge: Some(oid('b')),
        services: vec!["redmine".parse().unwrap(), "wikijs".parse().unwrap()],
        backups: BTreeMap::from([
            ("redmine".parse().unwrap(), "20260518_153012".parse().unwrap()),
            ("wikijs".parse().unwrap(), "20260518_153012-2".parse().unwrap()),
        ]),
        branch: "main".parse().unwrap(),
        attempt: 1,
        cycle: 1,
        phase: Phase::Verify,
        status,
        rc: 0,
        failed_step: None,
        operator: "deploy".to_owned(),
        host: "prod1".to_owned(),
        started_at: began(),
        updated_at: began() + TimeDelta::milliseconds(2_485_720),
        snapshot: None,
        trigger: crate::model::release::Trigger::Create,
        direction: Direction::Forward,
        approved: None,
        ticket_ran_on: None,
        superseded_by: None,
        closed: false,
        archived: false,
        log_seq: 53,
        log_chain: "0123456789abcdef".to_owned(),
        extra: BTreeMap::new(),
    }
}

pub(super) fn state_view(status: Status) -> StateView {
    let row = |phase, word: &str, ms| PhaseRow { phase, word: word.to_owned(), ms, reason: None };
    StateView {
        causes: Vec::new(),
        state: state(status),
        runner: None,
        phases: vec![
            row(Phase::Prepare, "done", Some(4_020)),
            row(Phase::Migrate, "done", Some(13_870)),
            row(Phase::Ticket, "failed", Some(1_890)),
            row(Phase::Verify, "-", None),
        ],
        failure: None,
        state_file: ".asd/workspace/releases/1234.env".to_owned(),
        log_file: ".asd/workspace/releases/1234.log".to_owned(),
        folder: ".asd/workspace/releases/1234/1".to_owned(),
        rebuilt: None,
        next: Vec::new(),
    }
}

fn step(name: &str, phase: Phase, title: &str, action: Action) -> Step {
    Step {
        name: StepName::new([name]),
        phase,
        service: None,
        title: title.to_owned(),
        after: Vec::new(),
        action,
        when_unknown: WhenUnknown::Repeat,
        changes: true,
        already_done: false,
        timeout: None,
        script: None,
        unknown_since: None,
    }
}

fn commands(argv: &[&str]) -> Action {
    Action::Commands { commands: vec![CommandSpec::new(argv.iter().copied(), "/srv/app")], done_when: None }
}

fn service(name: &str, change: ServiceChange, images: [Option<&str>; 2], because: &[&str]) -> PlannedService {
    let [before, after] = images;
    PlannedService {
        name: name.parse().unwrap(),
        change,
        because: because.iter().map(|path| (*path).to_owned()).collect(),
        image_before: before.map(str::to_owned),
        image_after: after.map(str::to_owned),
    }
}

fn commit(digit: char, author: &str, subject: &str) -> Commit {
    Commit {
        oid: oid(digit),
        author: author.to_owned(),
        at: began(),
        subject: subject.to_owned(),
        reverts: None,
        also_reverts: Vec::new(),
    }
}

fn steps() -> Vec<Step> {
    let health = HealthJob {
        service: "wikijs".parse().unwrap(),
        driver: DriverSpec::Command(CommandDriverSpec::default()),
        probe: Some(ProbeSpec {
            url: "http://127.0.0.1:3000/healthz".to_owned(),
            status: 200,
            json: BTreeMap::new(),
            deadline: Span::secs(90),
            interval: Span::secs(1),
            stay: Span::secs(5),
        }),
        deadline: Span::secs(90),
        interval: Span::secs(1),
        stay: Span::secs(5),
        logs: None,
    };
    vec![
        step("snapshot", Phase::Prepare, "store what is intended", Action::Snapshot),
        step(
            "git.merge",
            Phase::Prepare,
            "fast-forward to the target",
            commands(&["git", "merge", "--ff-only", "--end-of-options", oid('b').as_str()]),
        ),
        step(
            "wikijs.recreate",
            Phase::Migrate,
            "recreate its containers",
            commands(&["docker", "compose", "up", "--force-recreate", "-d", "wiki js"]),
        ),
        step("wikijs.health", Phase::Migrate, "wait until it is well", Action::Health(Box::new(health))),
        step(
            "verify.head",
            Phase::Verify,
            "HEAD is the released commit",
            Action::VerifyHead { head: oid('b') },
        ),
    ]
}

pub(super) fn plan() -> Plan {
    Plan {
        format: PLAN_FORMAT,
        id: "3f2a9c0d11e07b55".to_owned(),
        verb: PlanVerb::Run,
        attempt: "1234@1".parse().unwrap(),
        cycle: 1,
        trigger: "create".to_owned(),
        from: Phase::Prepare,
        base: oid('a'),
        target: oid('b'),
        branch: "main".parse().unwrap(),
        commits: vec![
            commit('b', "Ada Lovelace", "Theme the wiki as the new house style wants it"),
            commit('c', "Grace Hopper", "Bump wikijs to 2.5.300 and redmine to 5.1.3"),
        ],
        services: vec![
            service(
                "redmine",
                ServiceChange::Changed,
                [Some("redmine:5.1.2"), Some("redmine:5.1.3")],
                &["packages/redmine/docker-compose.yml"],
            ),
            service(
                "wikijs",
                ServiceChange::Changed,
                [Some("requarks/wiki:2.5.299"), Some("requarks/wiki:2.5.300")],
                &[
                    "packages/wikijs/docker-compose.yml",
                    "packages/wikijs/theme.css",
                    "packages/wikijs/scripts/x",
                ],
            ),
            service(
                "mailer",
                ServiceChange::Added,
                [None, Some("mailer:1")],
                &["packages/mailer/docker-compose.yml"],
            ),
        ],
        steps: steps(),
        skipped: vec![SkippedPhase {
            phase: Phase::Ticket,
            reason: "--skip-ticket: done by hand".to_owned(),
            ran_on: None,
        }],
        hold_before: vec![Phase::Verify],
        parallel: 4,
        notes: vec!["no release is recorded on this host: HEAD is taken as it is".to_owned()],
        write_window_seconds: None,
        supersedes: None,
        head: None,
        snapshot: None,
        backups: BTreeMap::new(),
        also: Vec::new(),
    }
}

/// The whole report: released at night, or taken back in the morning as well.
pub(super) fn report(status: Status) -> ReportView {
    let morning = status == Status::RevertInterrupted;
    let script = if morning { format!("{NIGHT}{MORNING}") } else { NIGHT.to_owned() };
    let backup = |service: &str, stamp: &str, bytes| BackupRow {
        service: service.parse().unwrap(),
        stamp: stamp.parse().unwrap(),
        started_at: began(),
        age_seconds: 16_188,
        bytes,
        kinds: vec!["volume".to_owned(), "postgres".to_owned()],
        taken_for: "1234@1".to_owned(),
        verified: true,
        kept_for: Some("named by 1234".to_owned()),
        path: format!(".asd/workspace/backups/{service}/{stamp}"),
    };
    let mut state = state_view(status);
    if morning {
        state.failure =
            Some("revert was interrupted in wikijs.start\nthe runner was stopped by TERM".to_owned());
        state.next = vec![NextCommand {
            when: "to go on taking it back".to_owned(),
            command: "just release-revert 1234".to_owned(),
        }];
    }
    ReportView {
        made_at: now(),
        state,
        plan: Some(Box::new(plan())),
        events: events(&script),
        verification: VerificationView {
            records: 53,
            head_seq: 53,
            head_chain: "0123456789abcdef".to_owned(),
            findings: Vec::new(),
        },
        transcripts: vec![TranscriptView {
            step: StepName::new(["1234-theming.sh"]),
            seq: 34,
            path: ".asd/workspace/releases/1234/1/steps/34-1234-theming.sh/transcript".to_owned(),
            lines: vec![
                "+ theme apply house-style".to_owned(),
                "[WIKIJS] ERROR: could not read theming config: Forbidden".to_owned(),
                "<script>alert('\u{1b}[2J')</script> & \"quoted\"".to_owned(),
            ],
        }],
        backups: vec![
            backup("redmine", "20260518_153012", 48_234_496),
            backup("wikijs", "20260518_153012-2", 1 << 30),
        ],
    }
}
