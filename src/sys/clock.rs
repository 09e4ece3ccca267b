//! Time: what hour it is, how long something took, and waiting.

#![expect(clippy::disallowed_methods, reason = "this is the clock that everything else asks")]

use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

/// Time as the rest of the program sees it; tests hand in `sys::fake::FakeClock`.
pub trait Clock: Send + Sync {
    /// The wall clock, UTC. It may jump, also backwards.
    fn now(&self) -> DateTime<Utc>;
    /// Time since some fixed moment of this process; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits.
    fn sleep(&self, wait: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy)]
pub struct SystemClock {
    origin: Instant,
}

impl SystemClock {
    /// A clock whose monotonic time begins now.
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    fn sleep(&self, wait: Duration) {
        std::thread::sleep(wait);
    }
}

/// Milliseconds since this machine started, its sleep included: every process sees the same, and nobody sets it.
pub fn since_boot_ms() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds = text.split(' ').next().and_then(|word| word.parse::<f64>().ok()).unwrap_or(0.0);
    // Centiseconds is all that the kernel tells here.
    Duration::try_from_secs_f64(seconds).map_or(0, |up| u64::try_from(up.as_millis()).unwrap_or(u64::MAX))
}

/// Waits for an instant, where no clock is at hand and nothing is decided by it.
pub fn pause(instant: Duration) {
    std::thread::sleep(instant);
}
