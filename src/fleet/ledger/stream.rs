//! A watch that stays open beside us, for as long as somebody asks it.

use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::Builder;
use std::time::Duration;

use super::contract::Change;
use super::wire::{Piece, WatchSaid};

/// What came over it.
#[derive(Debug)]
pub(super) enum Came {
    /// These changes.
    Changes(Vec<Change>),
    /// What was asked for is no longer known.
    Compacted,
    /// It ended: it has to be opened again.
    Ended,
}

/// An open watch.
#[derive(Debug)]
pub(super) struct Stream {
    /// What is watched.
    pub(super) prefix: String,
    /// The turn of the member that it is open at.
    pub(super) turn: usize,
    /// Everything up to this revision was handed out, or was never asked for.
    pub(super) handed: u64,
    came: Receiver<Came>,
}

impl Stream {
    /// Opens it beside us. None: this machine has no thread left.
    pub(super) fn open(
        (prefix, turn, handed): (String, usize, u64),
        cut: usize,
        open: impl FnOnce() -> Result<Box<dyn Read + Send>, String> + Send + 'static,
    ) -> Option<Self> {
        let (sender, came) = sync_channel(64);
        // It outlasts us by no more than its life: nobody can take an open question back.
        let begun = Builder::new().spawn(move || {
            if let Ok(reader) = open() {
                follow(reader, cut, &sender);
            }
            let _ = sender.send(Came::Ended);
        });
        begun.ok().map(|_| Self { prefix, turn, handed, came })
    }

    /// What came, or nothing within this time.
    pub(super) fn next(&self, wait: Duration) -> Option<Came> {
        match self.came.recv_timeout(wait) {
            Ok(came) => Some(came),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => Some(Came::Ended),
        }
    }
}

fn follow(reader: Box<dyn Read + Send>, cut: usize, sender: &SyncSender<Came>) {
    for line in BufReader::new(reader).lines() {
        let Ok(line) = line else { return };
        let Ok(Piece::Result(said)) = serde_json::from_str::<Piece<WatchSaid>>(&line) else { return };
        let canceled = said.canceled;
        let came =
            if said.compact_revision.0 > 0 { Came::Compacted } else { Came::Changes(changes(said, cut)) };
        let over = canceled || matches!(came, Came::Compacted);
        let nothing = matches!(&came, Came::Changes(changes) if changes.is_empty());
        if !nothing && sender.send(came).is_err() || over {
            return;
        }
    }
}

/// The changes, their keys without the first `cut` bytes. What is not text is not ours.
fn changes(said: WatchSaid, cut: usize) -> Vec<Change> {
    let change = |event: super::wire::Event| {
        let value = if event.kind == "DELETE" { None } else { Some(event.kv.value.text()?) };
        Some(Change { rev: event.kv.mod_revision.0, key: event.kv.key.text()?.get(cut..)?.to_owned(), value })
    };
    said.events.into_iter().filter_map(change).collect()
}
