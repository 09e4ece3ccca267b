//! Kernel locks on files: they die with whoever holds the file open. A lock is given back by closing, never by unlocking.

use std::fs::File;

use fs2::FileExt;

/// Takes a file for us alone; false when somebody else has it.
pub fn try_take(file: &File) -> bool {
    FileExt::try_lock_exclusive(file).is_ok()
}

/// Whether a file could be shared right now, which it cannot while somebody has it alone. Held until it is closed.
pub fn try_share(file: &File) -> bool {
    FileExt::try_lock_shared(file).is_ok()
}
