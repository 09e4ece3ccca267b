//! How many may be connected: fewer than this process may have files open, so that it can always open its own; and nobody's
//! address so many that nobody else can come in.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::process::most_open_files;

/// Files that are kept for ourselves, at most.
const OWN_FILES: u64 = 256;

/// Connections where nothing limits open files.
const MOST: u64 = 65_536;

/// Who is connected.
#[derive(Debug)]
pub(super) struct Crowd {
    most: usize,
    of_one: usize,
    now: Mutex<BTreeMap<IpAddr, usize>>,
}

impl Crowd {
    /// As many as this process may have files open.
    pub(super) fn within_limits() -> Arc<Self> {
        let files = most_open_files().unwrap_or(MOST).min(MOST);
        Self::of(usize::try_from(files - OWN_FILES.min(files / 4)).unwrap_or(usize::MAX))
    }

    fn of(most: usize) -> Arc<Self> {
        Arc::new(Self { most, of_one: most.div_ceil(2), now: Mutex::default() })
    }

    /// Takes a place; none: there are too many, or too many from there.
    pub(super) fn enter(self: &Arc<Self>, from: IpAddr) -> Option<Place> {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        let (all, own) = (now.values().sum::<usize>(), now.get(&from).copied().unwrap_or_default());
        if all >= self.most || own >= self.of_one {
            return None;
        }
        now.insert(from, own + 1);
        Some(Place { crowd: Arc::clone(self), from })
    }
}

/// A place in the crowd, as long as it is held.
#[derive(Debug)]
pub(super) struct Place {
    crowd: Arc<Crowd>,
    from: IpAddr,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut now = self.crowd.now.lock().unwrap_or_else(PoisonError::into_inner);
        match now.get_mut(&self.from) {
            Some(own) if *own > 1 => *own -= 1,
            _ => _ = now.remove(&self.from),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_all_places_and_a_place_that_is_left_is_free_again() {
        let crowd = Crowd::of(5);
        let (one, other) = ([192, 0, 2, 1].into(), [192, 0, 2, 2].into());
        let held: Vec<_> = (0..9).filter_map(|_| crowd.enter(one)).collect();
        assert_eq!(held.len(), 3, "more than half of them is nobody's");
        let others: Vec<_> = (0..9).filter_map(|_| crowd.enter(other)).collect();
        assert_eq!(others.len(), 2);
        drop(held);
        assert_eq!((0..9).filter_map(|_| crowd.enter(other)).map(std::mem::forget).count(), 1);
        drop(others);
        assert!(crowd.enter(one).is_some());
        assert!(Crowd::within_limits().most >= 16);
    }
}
