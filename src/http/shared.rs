//! What every request shares.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use tokio::sync::Semaphore;

use crate::ops::access::Doorkeeper;
use crate::ops::{Host, OpsError};

use super::api::host::{Health, health};
use super::auth::Sessions;
use super::problem::Problem;
use super::router::blocking;
use super::stream::Feeds;

/// Requests of one address in a second, and at once: far beyond a person or a script, far below a flood.
const A_SECOND: std::num::NonZeroU32 = std::num::NonZeroU32::new(200).unwrap();
const AT_ONCE: std::num::NonZeroU32 = std::num::NonZeroU32::new(600).unwrap();

/// Turned-away requests of one address in a minute: who guesses tokens waits.
const REFUSALS: std::num::NonZeroU32 = std::num::NonZeroU32::new(60).unwrap();

/// Threads that may block: for acts, some of which wait a minute and a half for their end; for looks, some of which start a
/// service's own program; and a rest that neither can take, for asking the store who somebody is, and for the record of
/// each request.
pub(super) const THREADS: usize = 64;
const ACTS: usize = 20;
const LOOKS: usize = 28;

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
    looking: tokio::sync::Mutex<()>,
    /// Places for acts, and for looks.
    pub(super) acts: Semaphore,
    pub(super) looks: Semaphore,
    pub(super) readers: AtomicU64,
}

impl Shared {
    /// For the project at this folder.
    pub fn new(root: PathBuf, doors: Doors) -> Self {
        Self {
            root,
            opened: Mutex::default(),
            keeper: Doorkeeper::default(),
            sessions: Sessions::new(doors.tls),
            doors,
            feeds: Feeds::default(),
            pace: RateLimiter::keyed(Quota::per_second(A_SECOND).allow_burst(AT_ONCE)),
            refusals: RateLimiter::keyed(Quota::per_minute(REFUSALS)),
            answered: Mutex::default(),
            seen: Mutex::default(),
            looking: tokio::sync::Mutex::default(),
            acts: Semaphore::new(ACTS),
            looks: Semaphore::new(LOOKS),
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

    /// Is it well: looked at when the last look is old, by one at a time, however often it is asked. Whoever asks meanwhile
    /// hears what was seen last, and where nothing was seen yet waits without taking a thread.
    ///
    /// # Errors
    /// A host that cannot be opened.
    pub(super) async fn health(self: &Arc<Self>) -> Result<Health, Problem> {
        let looking = self.looking.try_lock();
        let seen = self.seen();
        if let Some((at, health)) = seen
            && (looking.is_err() || at.elapsed() < FRESH)
        {
            return Ok(health);
        }
        let _looking = match looking {
            Ok(looking) => looking,
            Err(_) => self.looking.lock().await,
        };
        match self.seen() {
            Some((at, health)) if at.elapsed() < FRESH => Ok(health),
            _ => {
                let health = blocking(self, |host| Ok(health(host))).await?;
                *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = Some((now(), health));
                Ok(health)
            }
        }
    }

    fn seen(&self) -> Option<(Instant, Health)> {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[expect(clippy::disallowed_methods, reason = "an age of something in memory, which no record ever names")]
fn now() -> Instant {
    Instant::now()
}
