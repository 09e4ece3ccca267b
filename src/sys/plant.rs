//! Bugs planted on purpose, so that whatever looks for one is first seen to find it. They exist in the `faults` build alone;
//! elsewhere the question is answered when the program is compiled, and nothing of them is left.

/// A bug that a test can plant, by its word in `HOLDPOINT_PLANTED_BUG`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// `no-sync`: files are not synced.
    NoSync,
    /// `no-folder-sync`: folders are not synced.
    NoFolderSync,
    /// `sync-error-ignored`: a failed sync counts as a good one.
    SyncErrorIgnored,
    /// `early-acknowledgement`: a result is shown before its record is durable.
    EarlyAcknowledgement,
    /// `no-reconcile`: what an earlier runner left undone is not looked at.
    NoReconcile,
    /// `in-place-write`: a file is written over instead of being replaced.
    InPlaceWrite,
    /// `fence-unlocked`: the fence is unlocked once a shim has it, which frees it for every holder.
    FenceUnlocked,
    /// `process-group`: the shim leads a process group, so it cannot leave the session.
    ProcessGroup,
    /// `no-descriptor-sweep`: a step inherits our descriptors.
    NoDescriptorSweep,
    /// `exit-without-end`: half an `exit` file counts.
    ExitWithoutEnd,
}

/// Where the word stands.
pub const VARIABLE: &str = "HOLDPOINT_PLANTED_BUG";

/// Whether this bug was planted.
#[cfg(feature = "faults")]
pub fn planted(bug: Bug) -> bool {
    let word = match bug {
        Bug::NoSync => "no-sync",
        Bug::NoFolderSync => "no-folder-sync",
        Bug::SyncErrorIgnored => "sync-error-ignored",
        Bug::EarlyAcknowledgement => "early-acknowledgement",
        Bug::NoReconcile => "no-reconcile",
        Bug::InPlaceWrite => "in-place-write",
        Bug::FenceUnlocked => "fence-unlocked",
        Bug::ProcessGroup => "process-group",
        Bug::NoDescriptorSweep => "no-descriptor-sweep",
        Bug::ExitWithoutEnd => "exit-without-end",
    };
    super::process::env(VARIABLE).is_some_and(|planted| planted == word)
}

/// Never: this is not the `faults` build.
#[cfg(not(feature = "faults"))]
pub const fn planted(_: Bug) -> bool {
    false
}
