//! Kernel locks on files: they die with whoever holds the file open. A lock is given back by closing, never by unlocking.

use std::fs::File;
use std::io;
use std::path::Path;

use fs2::FileExt;

use super::{FileError, failed};

/// Takes a file for us alone; false when somebody else has it.
///
/// # Errors
/// When the system cannot say: that is neither held nor free.
pub fn try_take(file: &File, path: &Path) -> Result<bool, FileError> {
    held_or(FileExt::try_lock_exclusive(file), path)
}

/// Whether a file could be shared right now, which it cannot while somebody has it alone. Held until it is closed.
///
/// # Errors
/// As [`try_take`].
pub fn try_share(file: &File, path: &Path) -> Result<bool, FileError> {
    held_or(FileExt::try_lock_shared(file), path)
}

/// Takes a file for us alone, after whoever else has it.
///
/// # Errors
/// As [`try_take`].
pub fn take(file: &File, path: &Path) -> Result<(), FileError> {
    loop {
        match FileExt::lock_exclusive(file) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other.map_err(failed("locked", path)),
        }
    }
}

fn held_or(result: io::Result<()>, path: &Path) -> Result<bool, FileError> {
    match result {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        Err(error) => Err(failed("locked", path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_lock_of_somebody_else_reads_as_held() {
        let path = Path::new("x");
        let says = |errno: rustix::io::Errno| held_or(Err(errno.into()), path);
        assert!(!says(rustix::io::Errno::WOULDBLOCK).unwrap());
        for errno in [rustix::io::Errno::NOLCK, rustix::io::Errno::IO, rustix::io::Errno::NOSYS] {
            assert_eq!(says(errno).unwrap_err().to_string(), "`x` could not be locked");
        }
    }
}
