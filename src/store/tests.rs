//! The records as files: what stands in them is read back, whatever a crash, a person or a newer version did to them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use proptest::prelude::*;
use tempfile::TempDir;

use super::audit_log::{Check, Head};
use super::journal::Durability;
use super::line;
use super::lock::HolderText;
use super::locked::LockedStore;
use super::{Layout, Sharing, Store, StoreError, state_file};
use crate::model::event::{EVENT_VERSION, EventDraft, EventKind, RunEvent};
use crate::model::id::{StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::projection::{self, field};
use crate::model::release::{Direction, ReleaseState, Status};
use crate::sys::fake::FakeClock;
use crate::sys::{files, process};

const GOLDEN_LOG: &str = include_str!("../../tests/golden/format-1/1234.log");
const GOLDEN_STATE: &str = include_str!("../../tests/golden/format-1/1234.env");

fn ticket() -> TicketId {
    "1234".parse().unwrap()
}

struct Bench {
    _folder: TempDir,
    store: LockedStore,
}

impl Bench {
    fn new() -> Self {
        let folder = files::temporary_folder("holdpoint-store-").unwrap();
        let store = Self::lock(&folder);
        Self { _folder: folder, store }
    }

    fn lock(folder: &TempDir) -> LockedStore {
        let layout = Layout::new(folder.path(), &PathBuf::from(".asd/workspace/backups"));
        files::make_folders(&folder.path().join(".asd"), 0o755).unwrap();
        let since = "2026-05-18T15:30:12.345Z".parse().unwrap();
        let holder = HolderText { operator: "deploy".into(), ticket: None, phase: None, since };
        Store::open(layout, Sharing::Alone).lock(&holder).unwrap()
    }

    /// Writes records one after the other, a second apart.
    fn write(&self, drafts: impl IntoIterator<Item = EventDraft>) -> Head {
        let clock = Arc::new(FakeClock::at("2026-05-18T15:30:12.345Z".parse().unwrap()));
        let journal = self.store.journal(&ticket(), 1, "deploy", Arc::clone(&clock) as _).unwrap();
        for draft in drafts {
            journal.record(draft, Durability::Ride).unwrap();
            clock.advance(std::time::Duration::from_secs(1));
        }
        journal.sync().unwrap();
        let (seq, chain) = journal.head();
        Head { seq, chain }
    }

    fn log(&self) -> String {
        files::read_text(&self.store.layout().log(&ticket()), 1 << 30).unwrap()
    }

    fn put_log(&self, bytes: &[u8]) {
        files::write(&self.store.layout().log(&ticket()), bytes, 0o640).unwrap();
    }

    /// Projects the log and saves it, as a runner does.
    fn save(&self, head: &Head) -> ReleaseState {
        let mut state = projection::project(self.store.log(&ticket()).unwrap().iter()).unwrap();
        (state.log_seq, state.log_chain) = (head.seq, head.chain.clone());
        self.store.save_state(&state).unwrap();
        state
    }
}

fn created(services: usize) -> EventDraft {
    let name = |n: usize| format!("service-{n:03}-{}", "x".repeat(50));
    let names: Vec<String> = (0..services).map(name).collect();
    let backups: Vec<String> = names.iter().map(|name| format!("{name}=20260518_153012")).collect();
    EventDraft::new(EventKind::Created)
        .detail(field::BASE, "a".repeat(40))
        .detail(field::BRANCH, "main")
        .detail(field::CYCLE, "1")
        .detail(field::HOST, "prod1")
        .detail(field::SERVICES, names.join(" "))
        .detail(field::BACKUPS, backups.join(" "))
}

/// One record of every kind that this version writes, in an order that a release may have had.
fn one_of_each() -> Vec<EventDraft> {
    let about = |kind: &EventKind| {
        let draft = EventDraft::new(kind.clone());
        match kind {
            EventKind::Created => created(2).phase(Phase::Prepare),
            EventKind::Planned => draft.detail(field::SNAPSHOT, format!("sha256:{}", "0".repeat(64))),
            EventKind::StepStart | EventKind::StepSkipped | EventKind::StepVerified => draft
                .phase(Phase::Migrate)
                .step(StepName::new(["wikijs", "recreate"]))
                .detail(field::INPUTS, "00"),
            EventKind::StepDone => {
                draft.step(StepName::new(["git", "merge"])).detail(field::HEAD, "b".repeat(40))
            }
            EventKind::StepFailed => draft
                .phase(Phase::Migrate)
                .step(StepName::new(["wikijs", "health"]))
                .rc(1)
                .ms(812)
                .reason("unhealthy")
                .msg("it said \"no\" = 1\nand \\ \u{1b}[31m\u{202e} é …"),
            EventKind::Superseded => draft.detail(field::BY, "1234@2"),
            EventKind::Failed => draft.phase(Phase::Migrate).rc(-1),
            _ => draft.reason("a word"),
        }
    };
    let last = [EventKind::Superseded, EventKind::Closed, EventKind::Archived];
    let known = EventKind::KNOWN.iter();
    let first = known.clone().filter(|kind| **kind == EventKind::Created);
    let middle = known.filter(|kind| **kind != EventKind::Created && !last.contains(kind));
    first.chain(middle).chain(&last).map(about).collect()
}

/// With `HOLDPOINT_GOLDEN=new` it prints, instead, what the files of a new format would be if they were made today.
#[test]
fn records_of_format_1_are_read_as_they_were_meant_and_written_the_same() {
    if process::env("HOLDPOINT_GOLDEN").as_deref() == Some("new") {
        let bench = Bench::new();
        let head = bench.write(one_of_each());
        println!("{}\n---\n{}", bench.log(), state_file::render(&bench.save(&head)));
        return;
    }
    let mut chain = line::first_chain(&ticket());
    let mut events = Vec::new();
    for line in GOLDEN_LOG.lines() {
        let read = line::parse(line).unwrap_or_else(|why| panic!("{why}: {line}"));
        let (text, head) = line::render(&read.event, &chain).unwrap();
        assert_eq!(text, format!("{line}\n"));
        chain = head.chain;
        events.push(read.event);
    }
    for kind in EventKind::KNOWN {
        assert!(
            events.iter().any(|event| event.event == *kind),
            "`{kind}` has no line in tests/golden: the file of a released format is never changed, only added to"
        );
    }
    let (state, format) = state_file::parse(GOLDEN_STATE).unwrap();
    assert_eq!((state_file::render(&state).as_str(), format), (GOLDEN_STATE, 1));
    let mut projected = projection::project(&events).unwrap();
    projected.log_chain = chain;
    assert_eq!(projected, state, "the state file is the projection of the log");
    count_cases!("P15", "records of format 1, each read and written the same", events.len() + 1);
}

#[test]
fn a_release_of_many_services_is_recorded_in_lines_of_their_length_and_rebuilt_exactly() {
    let bench = Bench::new();
    let head = bench.write([
        created(120).detail("flags", "--with-tickets ".to_owned() + &"1,".repeat(5000)).msg("m".repeat(9000)),
        EventDraft::new(EventKind::Planned).detail(field::SNAPSHOT, "sha256:00"),
        EventDraft::new(EventKind::Started).phase(Phase::Prepare),
    ]);
    let log = bench.log();
    assert!(log.split_inclusive('\n').all(|line| line.len() <= line::LINE_LIMIT), "a line is too long");
    assert!(log.contains("event=continued") && head.seq > 5);
    let saved = bench.save(&head);
    assert_eq!((saved.services.len(), saved.backups.len()), (120, 120));
    assert_eq!(bench.store.verify_log(&ticket()).unwrap().findings, []);
    files::remove_file(&bench.store.layout().state(&ticket())).unwrap();
    let (rebuilt, why) = bench.store.state_or_why(&ticket()).unwrap().unwrap();
    assert_eq!(rebuilt, saved, "{why:?}");
}

#[test]
fn what_the_writer_projects_is_what_a_reader_projects_also_of_a_long_record() {
    let bench = Bench::new();
    let clock = Arc::new(FakeClock::at("2026-05-18T15:30:12.345Z".parse().unwrap()));
    let journal = bench.store.journal(&ticket(), 1, "deploy", clock).unwrap();
    let event = journal.record(created(120), Durability::Sync).unwrap();
    let mut written = projection::created(&event).unwrap();
    (written.log_seq, written.log_chain) = journal.head();
    assert_eq!(bench.store.state(&ticket()).unwrap(), Some(written));
}

#[test]
fn a_long_record_that_lost_some_of_its_lines_was_never_written() {
    let bench = Bench::new();
    let before = bench.write([created(1), EventDraft::new(EventKind::Planned)]);
    let saved = bench.save(&before);
    let short = bench.log().len();
    bench.write([created(120)]);
    let whole = bench.log();
    let ends: Vec<usize> =
        whole.match_indices('\n').map(|(at, _)| at + 1).filter(|end| *end > short).collect();
    assert!(ends.len() > 3);
    for end in ends[..ends.len() - 1].iter().flat_map(|end| [*end, *end + 1, *end + 200]) {
        bench.put_log(&whole.as_bytes()[..end]);
        assert_eq!(bench.store.state(&ticket()).unwrap(), Some(saved.clone()), "cut at byte {end}");
        bench.write([EventDraft::new(EventKind::Closed)]);
        let log = bench.log();
        assert!(log.contains("reason=torn-tail") && !log.contains("event=continued"), "{log}");
        assert_eq!(bench.store.verify_log(&ticket()).unwrap().findings, []);
    }
}

// ---------------------------------------------------------------- tampering (P11)

fn log_of_200() -> (Bench, Head, Vec<String>) {
    let bench = Bench::new();
    let step = |n: usize| {
        let kind = if n.is_multiple_of(2) { EventKind::StepStart } else { EventKind::StepDone };
        EventDraft::new(kind)
            .phase(Phase::Migrate)
            .step(StepName::new([format!("s{n}").as_str()]))
            .msg("a = \"é\"")
    };
    let head = bench.write(std::iter::once(created(2)).chain((1..200).map(step)));
    let lines: Vec<String> = bench.log().split_inclusive('\n').map(ToOwned::to_owned).collect();
    assert_eq!((lines.len(), head.seq), (200, 200));
    (bench, head, lines)
}

/// A check is a fold over lines, so what is changed in one line is looked for where the fold stands before it, through
/// that line and the next; what follows is not touched by the change.
#[test]
fn every_bit_flipped_in_every_byte_of_a_log_is_found() {
    let (_bench, head, lines) = log_of_200();
    let ticket = ticket();
    let mut before = Check::new(&ticket, Some(&head));
    let mut tried = 0;
    for (at, line) in lines.iter().enumerate() {
        let next = lines.get(at + 1).map_or("", String::as_str);
        for byte in 0..line.len() {
            // One bit, another one from byte to byte; all eight when asked for more cases.
            let bits = if all_cases_wanted!() { 0..8 } else { byte % 8..byte % 8 + 1 };
            for bit in bits {
                let mut bytes = [line.as_bytes(), next.as_bytes()].concat();
                bytes[byte] ^= 1 << bit;
                let mut check = before.clone();
                check.read(&bytes);
                assert!(check.found_something(), "line {} byte {byte} bit {bit}", at + 1);
                tried += 1;
            }
        }
        before.read(line.as_bytes());
    }
    assert_eq!(before.end().findings, [], "and a log that nobody touched is whole");
    count_cases!("P11", "bits flipped in a log of 200 records", tried);
}

#[test]
fn every_line_cut_swapped_dropped_or_doubled_is_found() {
    let (bench, head, lines) = log_of_200();
    bench.save(&head);
    let texts: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut tried = 0;
    let mut is_found = |text: &[&str], what: &str, at: usize| {
        tried += 1;
        bench.put_log(text.concat().as_bytes());
        let found = bench.store.verify_log(&ticket()).unwrap();
        assert!(!found.findings.is_empty(), "line {} {what}", at + 1);
        let read = bench.store.log(&ticket());
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "line {} {what}: readers stop", at + 1);
    };
    for at in 0..lines.len() {
        is_found(&texts[..at], "and all after it cut", at);
        let half = &texts[at][..texts[at].len() / 2];
        is_found(&[&texts[..at], &[half]].concat(), "cut in its middle", at);
        is_found(&[&texts[..at], &texts[at + 1..]].concat(), "dropped", at);
        is_found(&[&texts[..=at], &texts[at..]].concat(), "doubled", at);
        if at + 1 < lines.len() {
            let mut swapped = texts.clone();
            swapped.swap(at, at + 1);
            is_found(&swapped, "swapped", at);
        }
    }
    count_cases!("P11", "lines cut, swapped, dropped, doubled", tried);
}

/// A cut inside what the state file saw is damage; it is never taken for a torn tail and mended.
#[test]
fn a_log_cut_at_any_byte_is_found() {
    let (bench, head, lines) = log_of_200();
    bench.save(&head);
    let whole = lines.concat();
    let step = if all_cases_wanted!() { 1 } else { 97 };
    let mut tried = 0;
    for end in (0..whole.len()).step_by(step) {
        bench.put_log(&whole.as_bytes()[..end]);
        let read = bench.store.log(&ticket());
        assert!(matches!(read, Err(StoreError::Damaged { .. })), "cut at byte {end}: {read:?}");
        tried += 1;
    }
    count_cases!("P11", "a log cut at a byte", tried);
}

/// Two bytes change places, wherever they stand: next to each other, or anywhere.
#[test]
fn bytes_that_change_places_are_found() {
    let (bench, head, lines) = log_of_200();
    bench.save(&head);
    let whole = lines.concat().into_bytes();
    let step = if all_cases_wanted!() { 1 } else { 97 };
    let mut tried = 0;
    for at in (0..whole.len() - 1).step_by(step) {
        for other in [at + 1, (at * 7919 + 13) % whole.len()] {
            if whole[at] == whole[other] {
                continue;
            }
            let mut bytes = whole.clone();
            bytes.swap(at, other);
            bench.put_log(&bytes);
            let read = bench.store.log(&ticket());
            assert!(matches!(read, Err(StoreError::Damaged { .. })), "bytes {at} and {other}: {read:?}");
            tried += 1;
        }
    }
    count_cases!("P11", "bytes of a log that changed places", tried);
}

// ---------------------------------------------------------------- parse and render

fn time() -> impl Strategy<Value = chrono::DateTime<chrono::Utc>> {
    (0_i64..4_000_000_000_000).prop_map(|ms| chrono::DateTime::from_timestamp_millis(ms).unwrap())
}

fn phase() -> impl Strategy<Value = Phase> {
    prop::sample::select(vec![Phase::Prepare, Phase::Migrate, Phase::Ticket, Phase::Verify, Phase::Revert])
}

fn step() -> impl Strategy<Value = StepName> {
    "[a-z0-9._-]{1,30}".prop_map(|name| StepName::new([name.as_str()]))
}

prop_compose! {
    fn event()(
        at in time(),
        seq in 1_u64..1_000_000,
        attempt in 0_u32..100,
        phase in prop::option::of(phase()),
        kind in prop::sample::select(EventKind::KNOWN.to_vec()),
        rc in prop::option::of(any::<i32>()),
        step in prop::option::of(step()),
        operator in ".{0,40}",
        ms in prop::option::of(any::<u64>()),
        reason in prop::option::of(".{0,40}"),
        details in prop::collection::btree_map("d[a-z0-9_]{1,8}", ".{0,40}", 0..4),
        msg in prop::option::of(".{0,200}"),
    ) -> RunEvent {
        RunEvent {
            v: EVENT_VERSION, seq, at, ticket: ticket(), attempt, phase, event: kind, rc, step, operator, ms, reason,
            details: details.into(), msg,
        }
    }
}

prop_compose! {
    fn state()(
        (started_at, updated_at) in (time(), time()),
        attempt in any::<u32>(),
        phase in phase(),
        status in prop::sample::select(Status::ALL.to_vec()),
        rc in any::<i32>(),
        failed_step in prop::option::of(step()),
        (operator, host) in ("[ -~é]{0,40}", "[ -~]{0,20}"),
        services in prop::collection::vec("[a-z][a-z0-9]{0,20}", 0..5),
        snapshot in prop::option::of("sha256:[0-9a-f]{8}"),
        (merge, revert, closed, archived) in any::<(bool, bool, bool, bool)>(),
        (log_seq, log_chain) in (any::<u64>(), "[0-9a-f]{16}"),
        extra in prop::collection::btree_map("X[A-Z0-9_]{0,8}", "[ -~]{0,30}", 0..3),
    ) -> ReleaseState {
        let services: Vec<crate::model::id::ServiceName> =
            services.iter().filter_map(|name| name.parse().ok()).collect();
        ReleaseState {
            ticket: ticket(),
            base: "a".repeat(40).parse().unwrap(),
            merge: merge.then(|| "b".repeat(40).parse().unwrap()),
            backups: services.iter().map(|name| (name.clone(), "20260518_153012-2".parse().unwrap())).collect(),
            services,
            branch: "main".parse().unwrap(),
            attempt, cycle: attempt, phase, status, rc, failed_step, operator, host, started_at, updated_at, snapshot,
            trigger: crate::model::release::Trigger::ALL[if attempt % 7 == 0 { 4 } else { 0 }],
            direction: if revert { Direction::Revert } else { Direction::Forward },
            approved: merge.then_some(phase),
            ticket_ran_on: revert.then(|| "web1".parse().unwrap()),
            superseded_by: closed.then(|| "1234@2".to_owned()),
            closed, archived, log_seq, log_chain,
            extra: extra.into_iter().collect::<BTreeMap<_, _>>(),
        }
    }
}

/// A text with a few characters of another put over it, between it, or taken away.
fn edited(text: &str, edits: &[(usize, u8, char)]) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    for (at, how, c) in edits {
        let at = at % chars.len().max(1);
        match how % 4 {
            0 => chars.insert(at, *c),
            1 if at < chars.len() => chars[at] = *c,
            2 if at < chars.len() => drop(chars.remove(at)),
            _ => {
                let from = chars.iter().position(|other| other == c).unwrap_or(0);
                chars.swap(at, from);
            }
        }
    }
    chars.into_iter().collect()
}

fn edits() -> impl Strategy<Value = Vec<(usize, u8, char)>> {
    let c = prop_oneof![
        prop::sample::select("0123456789+-. =\"'\\\n\t{}uxABCTZ#".chars().collect::<Vec<_>>()),
        any::<char>()
    ];
    prop::collection::vec((any::<usize>(), any::<u8>(), c), 1..4)
}

parser! {
    "log lines and state files";

    #[test]
    fn a_record_is_read_back_as_it_was_written(event in event(), prev in "[0-9a-f]{16}") {
        let (text, head) = line::render(&event, &prev).unwrap();
        prop_assert!(text.len() <= line::LINE_LIMIT && text.matches('\n').count() == 1);
        let read = line::parse(text.trim_end_matches('\n')).unwrap();
        prop_assert_eq!(&read.chain, &head.chain);
        let shortened = read.event.operator != event.operator || read.event.reason != event.reason
            || read.event.msg != event.msg;
        if shortened {
            prop_assert!(text.contains('…'));
            prop_assert_eq!(line::render(&read.event, &prev).unwrap().0, text);
        } else {
            prop_assert_eq!(read.event, event);
        }
    }

    #[test]
    fn a_record_of_any_length_is_lines_that_fit(event in event(), word in "[a-z= é]{1,40}", count in 0_usize..250) {
        let mut event = event;
        Arc::make_mut(&mut event.details).insert("z".to_owned(), word.repeat(count));
        let (text, head) = line::render(&event, "0123456789abcdef").unwrap();
        let mut seqs = event.seq..;
        for line in text.split_inclusive('\n') {
            prop_assert!(line.len() <= line::LINE_LIMIT);
            prop_assert_eq!(Some(line::parse(line.trim_end_matches('\n')).unwrap().event.seq), seqs.next());
        }
        prop_assert_eq!(Some(head.seq + 1), seqs.next());
    }

    #[test]
    fn no_text_is_read_as_a_record_that_is_written_otherwise(event in event(), edits in edits()) {
        let (text, _) = line::render(&event, "0123456789abcdef").unwrap();
        let text = edited(text.trim_end_matches('\n'), &edits);
        if let Ok(read) = line::parse(&text) {
            let (written, _) = line::render(&read.event, "0123456789abcdef").unwrap();
            prop_assert_eq!(written.split_once(" chain=").unwrap().0, &text[..read.bound]);
        }
    }

    #[test]
    fn no_text_at_all_makes_a_reader_fall(text in "\\PC{0,300}|.{0,300}") {
        let _ = (line::parse(&text).is_ok(), state_file::parse(&text).is_ok());
    }

    #[test]
    fn a_state_is_read_back_as_it_was_written(state in state()) {
        let text = state_file::render(&state);
        prop_assert_eq!(state_file::parse(&text), Ok((state, 1)));
    }

    #[test]
    fn no_text_is_read_as_a_state_that_is_written_otherwise(state in state(), edits in edits()) {
        let text = state_file::render(&state);
        let body = edited(text.split_once("#end").unwrap().0, &edits);
        let text = format!("{body}#end crc32={:08x}\n", crc32fast::hash(body.as_bytes()));
        if let Ok((state, 1)) = state_file::parse(&text) {
            let written = state_file::render(&state);
            for line in body.lines() {
                prop_assert!(written.lines().any(|other| other == line), "{line}");
            }
        }
    }
}
