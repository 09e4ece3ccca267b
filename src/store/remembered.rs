//! What is remembered of records beside their rows (`index.sqlite`), so that a host with very many releases need not read
//! every one of them again for each command.
//!
//! It decides nothing that the records would not: an entry counts only while the state file and the log are the very files
//! that it was read from, by number, size and time of change, and only while its own checksum holds. Whatever is not
//! remembered so is read from the records.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::gather::Gather;
use crate::model::id::TicketId;
use crate::model::release::ReleaseState;
use crate::sys::clock::{Clock, SystemClock};
use crate::sys::files::FileMark;

use super::error::StoreError;
use super::index;
use super::listing::each_side_by_side;
use super::workspace::Store;
use super::{history, state_file};

/// Of so few, the records themselves are read sooner than anything that is remembered of them.
const FEW: usize = 64;

/// What changed so short a time ago is not remembered, in nanoseconds: another change may have the same time.
const UNSETTLED: i128 = 2_000_000_000;

/// Path and sha256 of the ticket scripts that ever ran to a good end.
pub type ScriptsRun = BTreeMap<String, String>;

impl Store {
    /// The state of every ticket, in no order.
    ///
    /// # Errors
    /// As [`Store::state`].
    pub fn states(&self) -> Result<Vec<ReleaseState>, StoreError> {
        let states = self.of_all(|said| state_file::again(state_text(said)), |ticket| self.state(ticket))?;
        Ok(states.into_iter().filter_map(|(_, state)| state).collect())
    }

    /// The scripts that ran in each ticket, as in [`super::History::scripts_run`]; tickets without any are left out.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] for a damaged log.
    pub fn scripts_run(&self) -> Result<BTreeMap<TicketId, ScriptsRun>, StoreError> {
        let of_log = |ticket: &TicketId| Ok(Some(history::of(&self.log(ticket)?).scripts_run));
        let scripts = self.of_all(|said| Some(scripts(said)), of_log)?.into_iter();
        let ran = scripts.filter_map(|(ticket, scripts)| Some((ticket, scripts?)));
        Ok(ran.filter(|(_, scripts)| !scripts.is_empty()).gather())
    }

    /// What is asked of each ticket: from what is remembered of it, else from its records.
    fn of_all<T: Send>(
        &self,
        recall: impl Fn(&str) -> Option<T> + Sync,
        read: impl Fn(&TicketId) -> Result<Option<T>, StoreError> + Sync,
    ) -> Result<Vec<(TicketId, Option<T>)>, StoreError> {
        let tickets = self.tickets()?;
        if tickets.len() <= FEW {
            return tickets.into_iter().map(|ticket| read(&ticket).map(|found| (ticket, found))).collect();
        }
        // Looked at before anything is read: what changes meanwhile has other marks afterwards.
        let marks = self.marks(&tickets)?;
        let is_there = self.ground.workspace.exists(&self.layout().index());
        let (mut found, gone) =
            if is_there { self.recalled(&tickets, &marks, &recall) } else { nothing(&tickets) };
        let lacking = |at: &usize| found[*at].is_none();
        let (unread, marks): (Vec<TicketId>, Vec<&Option<Marks>>) =
            (0..tickets.len()).filter(lacking).map(|at| (tickets[at].clone(), &marks[at])).unzip();
        let fresh = each_side_by_side(&unread, |ticket| {
            let said = self.said(ticket);
            let found = said.as_deref().and_then(&recall);
            (said, found.map_or_else(|| read(ticket), |found| Ok(Some(found))))
        });
        let (said, answers): (Vec<_>, Vec<_>) = fresh.into_iter().unzip();
        if is_there {
            self.remember(unread.iter().zip(marks).zip(said), &gone);
        }
        let mut answers = answers.into_iter();
        let mut answer = |found: Option<T>| match found {
            Some(found) => Ok(Some(found)),
            None => answers.next().transpose().map(Option::flatten),
        };
        tickets
            .into_iter()
            .zip(&mut found)
            .map(|(ticket, found)| Ok((ticket, answer(found.take())?)))
            .collect()
    }

    /// What is remembered of each of these tickets (sorted) and still holds; and tickets that are remembered and gone.
    fn recalled<T>(
        &self,
        tickets: &[TicketId],
        marks: &[Option<Marks>],
        recall: impl Fn(&str) -> Option<T>,
    ) -> Recalled<T> {
        let (mut found, mut gone) = nothing(tickets);
        let mut at = 0;
        let told = index::each_entry(&self.layout().index(), |entry| {
            while tickets.get(at).is_some_and(|ticket| ticket.as_str() < entry.ticket) {
                at += 1;
            }
            if tickets.get(at).is_none_or(|ticket| ticket.as_str() != entry.ticket) {
                gone.insert(entry.ticket.to_owned());
            } else if marks[at].as_ref().is_some_and(|marks| marks.bytes() == *entry.marks) {
                found[at] = recall(entry.said);
            }
        });
        // An index that breaks in the middle is as good as none.
        if told.is_ok() { (found, gone) } else { nothing(tickets) }
    }

    /// Remembers what was not. That it cannot be written costs the next one time, and nothing else.
    fn remember<'t>(
        &self,
        fresh: impl Iterator<Item = ((&'t TicketId, &'t Option<Marks>), Option<String>)>,
        gone: &BTreeSet<String>,
    ) {
        let now = SystemClock::default().now().timestamp_nanos_opt().map_or(0, i128::from);
        let entry = |((ticket, marks), said): ((&'t TicketId, &'t Option<Marks>), Option<String>)| {
            let marks = marks.as_ref().filter(|marks| marks.are_settled(now))?;
            Some((ticket.as_str(), marks.bytes(), said?))
        };
        let entries: Vec<(&str, [u8; 64], String)> = fresh.filter_map(entry).collect();
        if !entries.is_empty() || !gone.is_empty() {
            let _ = index::remember(&self.layout().index(), &entries, gone);
        }
    }

    /// What there is to remember of a ticket: nothing of one that is damaged.
    fn said(&self, ticket: &TicketId) -> Option<String> {
        let mut said = state_file::render(&self.state(ticket).ok()??);
        for (path, sha256) in history::of(&self.log(ticket).ok()?).scripts_run {
            // What would not come back as it is, is not remembered, nor is anything of its ticket.
            if path.contains(['\n', '\r']) {
                return None;
            }
            said.extend([sha256.as_str(), " ", path.as_str(), "\n"]);
        }
        Some(said)
    }

    /// The marks of each ticket's files, where both are there.
    fn marks(&self, tickets: &[TicketId]) -> Result<Vec<Option<Marks>>, StoreError> {
        let names: Vec<String> =
            tickets.iter().flat_map(|ticket| [format!("{ticket}.env"), format!("{ticket}.log")]).collect();
        let names = names.iter().map(String::as_str);
        let marks = self.ground.workspace.marks(&self.layout().releases(), names)?;
        let of_ticket = |pair: &[Option<FileMark>]| Some(Marks([pair[0]?, pair[1]?]));
        Ok(marks.chunks_exact(2).map(of_ticket).collect())
    }
}

/// What was recalled of each ticket, and tickets that are gone.
type Recalled<T> = (Vec<Option<T>>, BTreeSet<String>);

fn nothing<T>(tickets: &[TicketId]) -> Recalled<T> {
    (tickets.iter().map(|_| None).collect(), BTreeSet::new())
}

/// Marks of a state file and its log.
struct Marks([FileMark; 2]);

impl Marks {
    fn bytes(&self) -> [u8; 64] {
        let mut bytes = [0; 64];
        for (mark, part) in self.0.iter().zip(bytes.as_chunks_mut::<32>().0) {
            part[..8].copy_from_slice(&mark.inode.to_le_bytes());
            part[8..16].copy_from_slice(&mark.bytes.to_le_bytes());
            part[16..].copy_from_slice(&mark.changed_at.to_le_bytes());
        }
        bytes
    }

    /// Whether nothing changed them just now.
    fn are_settled(&self, now: i128) -> bool {
        self.0.iter().all(|mark| mark.changed_at < now - UNSETTLED)
    }
}

/// The part of what is remembered that is a state file.
fn state_text(said: &str) -> &str {
    let end = said.find("\n#end ").and_then(|at| Some(at + 1 + said[at + 1..].find('\n')? + 1));
    &said[..end.unwrap_or(said.len())]
}

fn scripts(said: &str) -> ScriptsRun {
    let lines = said[state_text(said).len()..].lines();
    lines.filter_map(|line| line.split_once(' ')).map(|(sha256, path)| (path.into(), sha256.into())).gather()
}
