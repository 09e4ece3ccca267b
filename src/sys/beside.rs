//! Work beside ours: in a thread of its own or, where the system starts none, by ourselves. A host that is at its limit of
//! processes must not make a release fall over.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Result, Scope, ScopedJoinHandle};

/// Work that was begun.
#[derive(Debug)]
pub enum Beside<'scope, T> {
    /// It is done by this thread.
    There(ScopedJoinHandle<'scope, Option<T>>),
    /// It was done at once.
    Here(Option<T>),
}

impl<T> Beside<'_, T> {
    /// What came of it.
    ///
    /// # Errors
    /// What the thread panicked with.
    pub fn join(self) -> Result<T> {
        let done = match self {
            Self::There(thread) => thread.join()?,
            Self::Here(done) => done,
        };
        done.ok_or_else(|| Box::new("this work was never begun") as Box<dyn std::any::Any + Send>)
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
) -> std::result::Result<ScopedJoinHandle<'scope, Option<T>>, Option<W>> {
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
            (there.join().unwrap(), Beside::Here(Some(text.len())).join().unwrap())
        });
        assert_eq!((there, here), (8, 8));
        assert!(std::thread::scope(|scope| beside(scope, || panic!("no")).join()).is_err());
    }
}
