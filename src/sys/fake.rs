//! A clock that tests set and move by hand.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::clock::Clock;

/// Stands still until somebody moves it; sleeping moves it at once.
#[derive(Debug)]
pub struct FakeClock {
    time: Mutex<(DateTime<Utc>, Duration)>,
}

impl FakeClock {
    /// A clock that shows this moment.
    pub fn at(now: DateTime<Utc>) -> Self {
        Self { time: Mutex::new((now, Duration::ZERO)) }
    }

    /// Lets time pass, on the wall and monotonically.
    pub fn advance(&self, by: Duration) {
        let mut time = self.time();
        time.0 += TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        time.1 += by;
    }

    /// Sets the wall clock, also backwards; monotonic time is not touched.
    pub fn set(&self, now: DateTime<Utc>) {
        self.time().0 = now;
    }

    fn time(&self) -> MutexGuard<'_, (DateTime<Utc>, Duration)> {
        self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for FakeClock {
    fn now(&self) -> DateTime<Utc> {
        self.time().0
    }

    fn monotonic(&self) -> Duration {
        self.time().1
    }

    fn sleep(&self, wait: Duration) {
        self.advance(wait);
    }
}
