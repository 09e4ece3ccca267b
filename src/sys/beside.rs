//! Work beside ours: in a thread of its own or, where the system starts none, by ourselves. A host that is at its limit of
//! processes must not make a release fall over.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// Work that was begun.
#[derive(Debug)]
pub enum Beside<'scope, T> {
    /// It is done by this thread.
    There(ScopedJoinHandle<'scope, Option<T>>),
    /// It was done at once.
    Here(Option<T>),
}

impl<T> Beside<'_, T> {
    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        match self {
            Self::There(thread) => thread.is_finished(),
            Self::Here(_) => true,
        }
    }

    /// What came of it.
    ///
    /// # Panics
    /// With what the thread panicked with: a defect is ours wherever it happens.
    pub fn join(self) -> T {
        let done = match self {
            Self::There(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Self::Here(done) => done,
        };
        done.expect("either the thread or we take the work")
    }
}

/// Has something done beside us, or does it at once.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Beside<'scope, T> {
    match hand_over(scope, work) {
        Ok(thread) => Beside::There(thread),
        Err(work) => Beside::Here(work.map(|work| work())),
    }
}

/// Has something done beside us; the work comes back where no thread can be started.
///
/// # Errors
/// With the work.
pub fn hand_over<'scope, T: Send + 'scope, W: FnOnce() -> T + Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: W,
) -> Result<ScopedJoinHandle<'scope, Option<T>>, Option<W>> {
    let shared = Arc::new(Mutex::new(Some(work)));
    let theirs = Arc::clone(&shared);
    let take = |work: &Mutex<Option<W>>| work.lock().unwrap_or_else(PoisonError::into_inner).take();
    let begun = Builder::new().spawn_scoped(scope, move || take(&theirs).map(|work| work()));
    begun.map_err(|_| take(&shared))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_beside_us_comes_back() {
        let text = "borrowed".to_owned();
        let (there, here) = std::thread::scope(|scope| {
            let there = beside(scope, || text.len());
            (there.join(), Beside::Here(Some(text.len())).join())
        });
        assert_eq!((there, here), (8, 8));
        let failing = || std::thread::scope(|scope| beside(scope, || panic!("no")).join());
        assert!(std::panic::catch_unwind(failing).is_err());
    }
}
