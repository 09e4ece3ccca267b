//! The contract: keys with revisions, commits that compare before they write, leases that take their keys with them, and
//! changes since a revision.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

/// A key, its value, and when it was made and last changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Key.
    pub key: String,
    /// Value.
    pub value: String,
    /// Revision that made it: it stays while the key is there, and is never given again.
    pub create_rev: u64,
    /// Revision that changed it last.
    pub mod_rev: u64,
}

/// Keys under a prefix, at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    /// The keys, in their order.
    pub items: Vec<Item>,
    /// The revision they were read at.
    pub rev: u64,
}

/// What must be so for a commit to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expect {
    /// The key is not there.
    Absent(String),
    /// The key was last changed by this revision.
    Rev(String, u64),
    /// The key was made by this revision: a fence.
    Made(String, u64),
}

impl Expect {
    /// The key that it is about.
    pub fn key(&self) -> &str {
        match self {
            Expect::Absent(key) | Expect::Rev(key, _) | Expect::Made(key, _) => key,
        }
    }
}

/// What a commit does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// Writes a key.
    Put(String, String),
    /// Takes a key away.
    Delete(String),
}

/// What became of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is written, and stays written whatever happens: at this revision.
    At(u64),
    /// Nothing is written: this key is not as expected.
    Conflict(String),
}

/// A change of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Revision.
    pub rev: u64,
    /// Key.
    pub key: String,
    /// Its value; none: it was taken away.
    pub value: Option<String>,
}

/// What happened since a revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Watched {
    /// These changes, in order; the revision that they were read up to.
    Changes(Vec<Change>, u64),
    /// The ledger no longer knows: read the range again.
    Compacted,
}

/// Why the ledger gave no answer.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// Its file could not be used.
    #[error("`{}` could not be {verb}: {why}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        verb: &'static str,
        /// What the library says.
        why: String,
    },
    /// It is in a newer form than this program writes.
    #[error("`{}` is in form {form}, which is newer than this program", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its form.
        form: u32,
    },
    /// No member of it answers.
    #[error("engine-unavailable: no member of the ledger answers: {why}")]
    Unavailable {
        /// What came of asking each.
        why: String,
    },
    /// It answers, and does not let us.
    #[error("the ledger refuses: {why}")]
    Refused {
        /// What it says.
        why: String,
    },
    /// What `fleet.toml` says about it cannot be used.
    #[error("the ledger cannot be asked: {why}")]
    Settings {
        /// Which file, and why.
        why: String,
    },
    /// More is to be written at once than it takes.
    #[error("{ops} writes in one commit are more than the ledger takes")]
    TooMany {
        /// How many.
        ops: usize,
    },
    /// A lease is gone.
    #[error("fence-lost: lease {lease} is gone: somebody else may drive by now")]
    LeaseGone {
        /// The lease.
        lease: u64,
    },
}

/// Where rollouts are remembered.
pub trait Ledger {
    /// Writes that one commit may hold.
    fn most_ops(&self) -> usize {
        usize::MAX
    }

    /// Every key that begins with a prefix.
    ///
    /// # Errors
    /// [`LedgerError`] when nobody can say.
    fn range(&self, prefix: &str) -> Result<Range, LedgerError>;

    /// Writes all of it if all of it is as expected, else nothing. Keys that are put with a lease go away with it.
    ///
    /// # Errors
    /// [`LedgerError`] when it is not known whether it was written, or the lease is gone.
    fn commit(&self, expect: &[Expect], ops: &[Op], lease: Option<u64>) -> Result<Committed, LedgerError>;

    /// What happened to keys under a prefix after a revision; waits for something to happen, at most so long.
    ///
    /// # Errors
    /// [`LedgerError`] when nobody can say.
    fn watch(&self, prefix: &str, after: u64, wait: Duration) -> Result<Watched, LedgerError>;

    /// A lease that ends after so long unless it is kept alive.
    ///
    /// # Errors
    /// [`LedgerError`].
    fn lease(&self, ttl: Duration) -> Result<u64, LedgerError>;

    /// Keeps a lease alive for its whole length again.
    ///
    /// # Errors
    /// [`LedgerError::LeaseGone`] when it has ended.
    fn keep_alive(&self, lease: u64) -> Result<(), LedgerError>;

    /// Ends a lease, and takes its keys away.
    ///
    /// # Errors
    /// [`LedgerError`].
    fn end_lease(&self, lease: u64) -> Result<(), LedgerError>;
}
