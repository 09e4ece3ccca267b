//! Backups that are read and written in-process: trees of files, SQLite databases, slices of an environment file.
//!
//! Trees are walked by folder descriptors and never followed out through a symlink; archives are put back the same way,
//! never by a tar crate's `unpack` (design/08). Content, owner, group, mode, modification time to the second, symlinks,
//! hard links, pipes, devices, and of the extended attributes `user.*`, capabilities and POSIX ACLs are kept. Sockets are
//! not: their programs make them again.
//!
//! Files that are taken are written but not synced: whoever closes the set does that for all of them at once. What is
//! put back is on the disk when the call returns.

mod archive;
mod compare;
mod config;
mod outcome;
mod put;
mod sqlite;
mod take;
#[cfg(test)]
mod tests;

pub use compare::{Difference, check_tree, compare_tree};
pub use config::{check_config, put_config, take_config};
pub use outcome::{BackupError, OnBytes, Taken};
pub use put::put_tree;
pub use sqlite::{check_sqlite, put_sqlite, take_sqlite};
pub use take::{size_of_tree, take_tree};
