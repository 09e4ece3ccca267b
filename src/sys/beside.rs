//! Work beside ours: in a thread of its own or, where the system starts none, by ourselves. A host that is at its limit of
//! processes must not make a release fall over.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, Scope, ScopedJoinHandle};

/// What a thread can be started for. Behind a box, so that all that starts one is in the program once.
pub type Work<'scope> = Box<dyn FnOnce() + Send + 'scope>;

/// Work that was begun.
pub struct Beside<'scope, T> {
    /// The thread that does it; none: it was done at once.
    thread: Option<ScopedJoinHandle<'scope, ()>>,
    /// What came of it.
    done: Arc<Mutex<Option<T>>>,
}

impl<T> Beside<'_, T> {
    /// Whether it is done.
    pub fn is_done(&self) -> bool {
        self.thread.as_ref().is_none_or(ScopedJoinHandle::is_finished)
    }

    /// What came of it.
    ///
    /// # Panics
    /// With what the thread panicked with: a defect is ours wherever it happens.
    pub fn join(self) -> T {
        if let Some(Err(panic)) = self.thread.map(ScopedJoinHandle::join) {
            std::panic::resume_unwind(panic);
        }
        taken(&self.done).expect("either the thread or we take the work")
    }
}

impl<T> fmt::Debug for Beside<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Beside").field("thread", &self.thread).finish_non_exhaustive()
    }
}

/// Has something done beside us, or does it at once.
pub fn beside<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Beside<'scope, T> {
    let done = Arc::new(Mutex::new(None));
    let there = Arc::clone(&done);
    let work: Work<'scope> = Box::new(move || {
        let done = work();
        *there.lock().unwrap_or_else(PoisonError::into_inner) = Some(done);
    });
    let thread = hand_over(scope, work).map_err(|work| work.map(|work| work())).ok();
    Beside { thread, done }
}

/// Has something done beside us; the work comes back where no thread can be started.
///
/// # Errors
/// With the work.
pub fn hand_over<'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: Work<'scope>,
) -> Result<ScopedJoinHandle<'scope, ()>, Option<Work<'scope>>> {
    let shared = Arc::new(Mutex::new(Some(work)));
    let theirs = Arc::clone(&shared);
    let begun = Builder::new().spawn_scoped(scope, move || {
        if let Some(work) = taken(&theirs) {
            work();
        }
    });
    begun.map_err(|_| taken(&shared))
}

fn taken<T>(from: &Mutex<Option<T>>) -> Option<T> {
    from.lock().unwrap_or_else(PoisonError::into_inner).take()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_beside_us_comes_back() {
        let text = "borrowed".to_owned();
        let (there, here) = std::thread::scope(|scope| {
            let there = beside(scope, || text.len());
            let here = Beside { thread: None, done: Arc::new(Mutex::new(Some(text.len()))) };
            (there.join(), here.join())
        });
        assert_eq!((there, here), (8, 8));
        let failing = || std::thread::scope(|scope| beside(scope, || panic!("no")).join());
        assert!(std::panic::catch_unwind(failing).is_err());
    }
}
