//! Ports on loopback that no other test has, also across test processes.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;

/// Below the ports that the kernel gives to outgoing connections.
const RANGE: std::ops::Range<u16> = 21_000..32_000;

/// A port on 127.0.0.1, ours until dropped.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _held: File,
}

impl Port {
    /// A port that nobody listens on and no other test holds.
    pub(crate) fn free() -> Self {
        let folder = std::env::temp_dir().join("holdpoint-test-ports");
        std::fs::create_dir_all(&folder).unwrap();
        let spread = u16::try_from(std::process::id() % 10_000).unwrap();
        let candidates =
            (0..RANGE.end - RANGE.start).map(|n| RANGE.start + (n * 7 + spread) % (RANGE.end - RANGE.start));
        for number in candidates {
            let held =
                OpenOptions::new().create(true).append(true).open(folder.join(number.to_string())).unwrap();
            if held.try_lock().is_ok() && TcpListener::bind(("127.0.0.1", number)).is_ok() {
                return Self { number, _held: held };
            }
        }
        panic!("no free port between {} and {}", RANGE.start, RANGE.end);
    }

    /// Its number.
    pub(crate) fn number(&self) -> u16 {
        self.number
    }
}
