//! What every request shares.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::ops::access::Doorkeeper;
use crate::ops::{Host, OpsError};

use super::api::host::{Health, health};
use super::auth::Sessions;
use super::stream::Feeds;

/// Requests of one address in a second, and at once: far beyond a person or a script, far below a flood.
const A_SECOND: std::num::NonZeroU32 = std::num::NonZeroU32::new(200).unwrap();
const AT_ONCE: std::num::NonZeroU32 = std::num::NonZeroU32::new(600).unwrap();

/// Turned-away requests of one address in a minute: who guesses tokens waits.
const REFUSALS: std::num::NonZeroU32 = std::num::NonZeroU32::new(60).unwrap();

/// How long one look at the health of the host is good for.
const FRESH: Duration = Duration::from_secs(2);

/// What was said of doors and names on the command line.
#[derive(Debug, Clone, Default)]
pub struct Doors {
    /// The three surfaces answer without a token: words and counts.
    pub public_read: bool,
    /// A header in which a trusted proxy names the person.
    pub proxy_user: Option<String>,
    /// Names under which this server may be asked (`Host`), besides its own address.
    pub names: Vec<String>,
    /// What is said travels over TLS, ours or a proxy's.
    pub tls: bool,
}

/// What every request shares.
pub struct Shared {
    root: PathBuf,
    opened: Mutex<Option<Arc<Host>>>,
    pub(super) doors: Doors,
    pub(super) keeper: Doorkeeper,
    pub(super) sessions: Sessions,
    pub(super) feeds: Feeds,
    pub(super) pace: DefaultKeyedRateLimiter<std::net::IpAddr>,
    pub(super) refusals: DefaultKeyedRateLimiter<std::net::IpAddr>,
    answered: Mutex<BTreeMap<(String, u16), u64>>,
    seen: Mutex<Option<(Instant, Health)>>,
    pub(super) readers: AtomicU64,
}

impl Shared {
    /// For the project at this folder.
    pub fn new(root: PathBuf, doors: Doors) -> Self {
        Self {
            root,
            opened: Mutex::default(),
            doors,
            keeper: Doorkeeper::default(),
            sessions: Sessions::default(),
            feeds: Feeds::default(),
            pace: RateLimiter::keyed(Quota::per_second(A_SECOND).allow_burst(AT_ONCE)),
            refusals: RateLimiter::keyed(Quota::per_minute(REFUSALS)),
            answered: Mutex::default(),
            seen: Mutex::default(),
            readers: AtomicU64::new(0),
        }
    }

    /// The host as it is configured now.
    pub(super) fn host(&self) -> Result<Host, OpsError> {
        Host::open(&self.root)
    }

    /// The host as it was opened first: for whoever asks it often, and only for what its configuration cannot change.
    pub(super) fn once_opened(&self) -> Result<Arc<Host>, OpsError> {
        if let Some(host) = &*self.opened.lock().unwrap_or_else(PoisonError::into_inner) {
            return Ok(Arc::clone(host));
        }
        let host = Arc::new(self.host()?);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&host));
        Ok(host)
    }

    /// Counts an answer.
    pub(super) fn count(&self, route: &str, status: u16) {
        let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        *answered.entry((route.to_owned(), status)).or_default() += 1;
    }

    /// How often each route answered with each status.
    pub(super) fn counts(&self) -> Vec<((String, u16), u64)> {
        let answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
        answered.iter().map(|(key, count)| (key.clone(), *count)).collect()
    }

    /// Readers of streams.
    pub(super) fn readers(&self) -> u64 {
        self.readers.load(Ordering::Relaxed)
    }

    /// Is it well: looked at when the last look is old, however often it is asked.
    pub(super) fn health(&self, host: &Host) -> Health {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        match *seen {
            Some((at, health)) if at.elapsed() < FRESH => health,
            _ => {
                let health = health(host);
                *seen = Some((now(), health));
                health
            }
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "an age of something in memory, which no record ever names")]
fn now() -> Instant {
    Instant::now()
}
