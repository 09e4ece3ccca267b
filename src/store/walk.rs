//! Random histories through everything that keeps them (P7): the transition function, the projection, the log's line, the
//! state file. The model is the table of design/transitions, as text.

use std::collections::BTreeMap;

use super::{line, state_file};
use crate::model::event::{EVENT_VERSION, EventKind, RunEvent};
use crate::model::id::{StepName, TicketId};
use crate::model::phase::Phase;
use crate::model::projection::{self, field};
use crate::model::release::{ReleaseState, Status};

/// A row an event; what cannot happen leaves the status as it is (`.`).
const TABLE: &str = "
            C P R H X F I U K S V  VX VI VU T  D
planned     P . . . . . . . . . .  .  .  .  .  .
started     . R . R . R R . . . .  .  V  .  V  .
resumed     . R . R . R R . . . .  .  V  .  V  .
held        . H H . . . . . . . .  .  .  .  .  .
approved    . . . H . . . . . . .  .  .  .  .  .
succeeded   . . S . S . I . . . D  D  VI .  .  .
reverted    . . S . S . I . . . D  D  VI .  .  .
failed      F F F . F . F . . . T  T  T  .  .  .
stuck       F F F . F . F . . . T  T  T  .  .  .
undecided   . . U . U . U . . . VU VU VU .  .  .
marked-done . . . . . . . I . . .  .  .  VI VI .
run-again   . . . . . . . I . . .  .  .  VI VI .
cancel-requested K K X K X . . . . . VX VX . . . .
canceled    . . . . K . . . . . .  VI .  .  .  .
interrupted I I I . I . . . . . VI VI .  .  .  .
reverting   . . . V . V V . V V .  .  V  .  V  D
";

fn status(letters: &str) -> Status {
    let all = [
        ("C", Status::Created),
        ("P", Status::Planned),
        ("R", Status::Running),
        ("H", Status::Held),
        ("X", Status::Cancelling),
        ("F", Status::Failed),
        ("I", Status::Interrupted),
        ("U", Status::Undecided),
        ("K", Status::Canceled),
        ("S", Status::Succeeded),
        ("V", Status::Reverting),
        ("VX", Status::RevertCancelling),
        ("VI", Status::RevertInterrupted),
        ("VU", Status::RevertUndecided),
        ("T", Status::Stuck),
        ("D", Status::Reverted),
    ];
    all.into_iter().find(|(word, _)| *word == letters).unwrap().1
}

/// Status and event → status, for every pair that changes something.
fn table() -> BTreeMap<(Status, String), Status> {
    let mut lines = TABLE.trim().lines();
    let columns: Vec<Status> = lines.next().unwrap().split_whitespace().map(status).collect();
    let mut table = BTreeMap::new();
    for row in lines {
        let mut cells = row.split_whitespace();
        let event = cells.next().unwrap();
        for (from, cell) in columns.iter().zip(cells) {
            if cell != "." {
                table.insert((*from, event.to_owned()), status(cell));
            }
        }
    }
    table
}

/// Chance, the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(limit).unwrap()).unwrap()
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn text(&mut self) -> String {
        let words =
            ["plain", "", "a b", "x=y", "\"q\"", "\\", "\n", "\u{1b}[2J", "é…", "\u{202e}", "event=failed"];
        (0..self.below(4)).map(|_| *self.one(&words)).collect()
    }

    fn event(&mut self, seq: u64, ticket: &TicketId, kind: EventKind, attempt: u32) -> RunEvent {
        let mut details = BTreeMap::new();
        let mut put = |name: &str, value: String| details.insert(name.to_owned(), value);
        let digit = ["a", "b", "c"][self.below(3)];
        if kind == EventKind::Created {
            put(field::BASE, digit.repeat(40));
            put(field::BRANCH, "main".to_owned());
            put(field::SERVICES, "wikijs redmine".to_owned());
            put(field::HOST, "prod1".to_owned());
            put(field::CYCLE, attempt.to_string());
        } else if self.below(3) == 0 {
            put(field::HEAD, digit.repeat(40));
            put(field::SERVICE, "wikijs".to_owned());
            put(field::BACKUP, format!("2026051{}_153012", self.below(9)));
            put(field::SNAPSHOT, format!("sha256:{}", digit.repeat(64)));
            put(field::BY, format!("1234@{attempt}"));
        }
        let phases = [Phase::Prepare, Phase::Migrate, Phase::Ticket, Phase::Verify];
        let reason = (self.below(3) == 0).then(|| self.text());
        let msg = (self.below(3) == 0).then(|| self.text());
        RunEvent {
            v: EVENT_VERSION,
            seq,
            at: chrono::DateTime::from_timestamp(1_779_118_212 + i64::try_from(seq).unwrap(), 0).unwrap(),
            ticket: ticket.clone(),
            attempt,
            phase: (self.below(3) > 0).then(|| *self.one(&phases)),
            event: kind,
            rc: (self.below(2) == 0).then(|| i32::try_from(self.below(256)).unwrap()),
            step: (self.below(2) == 0)
                .then(|| StepName::new(["wikijs", ["health", "recreate"][self.below(2)]])),
            operator: "deploy".to_owned(),
            ms: None,
            reason,
            details: details.into(),
            msg,
        }
    }
}

#[test]
fn random_histories_are_as_the_table_says_and_survive_log_and_state_file() {
    let steps = if all_cases_wanted!() { 100_000 } else { 3_000 };
    let (table, ticket): (_, TicketId) = (table(), "1234".parse().unwrap());
    assert_eq!(table.len(), 79, "{table:#?}");
    let mut dice = Dice(0x2026_1121_dead_beef);
    let mut log: Vec<RunEvent> = Vec::new();
    let (mut chain, mut attempt) = (line::first_chain(&ticket), 0);
    let mut state: Option<ReleaseState> = None;
    let mut model = Status::Created;
    let mut seen = std::collections::BTreeSet::new();
    for step in 0..steps {
        let kind = if state.is_none() || dice.below(25) == 0 {
            EventKind::Created
        } else {
            dice.one(EventKind::KNOWN).clone()
        };
        attempt += u32::from(kind == EventKind::Created);
        let seq = u64::try_from(log.len()).unwrap() + 1;
        let event = dice.event(seq, &ticket, kind.clone(), attempt);
        // The log says it again as it was.
        let (text, head) = line::render(&event, &chain).unwrap();
        let read = line::parse(text.trim_end_matches('\n')).unwrap();
        assert_eq!(read.event, event, "step {step}");
        chain = head.chain;
        match &mut state {
            Some(state) => projection::apply(state, &read.event),
            None => state = projection::created(&read.event),
        }
        model = match kind {
            EventKind::Created => Status::Created,
            ref kind => table.get(&(model, kind.word().to_owned())).copied().unwrap_or(model),
        };
        seen.insert((model, kind.word().to_owned()));
        log.push(event);
        let known = state.as_mut().unwrap();
        assert_eq!(
            known.status,
            model,
            "step {step}: {kind} in {log:#?}",
            log = &log[log.len().saturating_sub(5)..]
        );
        known.log_chain.clone_from(&chain);
        assert_eq!(state_file::parse(&state_file::render(known)), Ok((known.clone(), 1)), "step {step}");
        assert_eq!(state_file::again(&state_file::render(known)).as_ref(), Some(&*known), "step {step}");
        // Projecting the whole log gives what the steps gave; a new log is begun before that takes long.
        if log.len() == 500 {
            let mut whole = projection::project(&log).unwrap();
            whole.log_chain.clone_from(&chain);
            assert_eq!(Some(&whole), state.as_ref(), "step {step}");
            (log, state, chain, attempt) = (Vec::new(), None, line::first_chain(&ticket), 0);
        }
    }
    assert!(seen.len() > 150, "{} pairs were tried", seen.len());
    count_cases!("P7", "random events through the table, log and state file", steps);
}
