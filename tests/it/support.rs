//! What the tests stand on: a whole production host in a temporary folder, and honest skipping.

mod clock;
mod edits;
mod etcd;
mod host;
mod net;
mod output;
mod port;
mod proof;
mod pty;
mod service;
mod shown;
mod skip;
mod small;
pub(crate) mod tally;
mod waiting;

use std::time::{Duration, Instant};

pub(crate) use etcd::Etcd;
pub(crate) use host::{Host, Scene, manifest};
pub(crate) use net::Net;
pub(crate) use output::{Output, Running};
pub(crate) use port::Port;
pub(crate) use pty::AtTerminal;
pub(crate) use service::{Service, Trouble};
pub(crate) use skip::{has, lacks, skip};
pub(crate) use small::Small;
pub(crate) use waiting::{begun, let_go, waiting};

/// The program under test.
pub(crate) fn binary() -> &'static str {
    env!("CARGO_BIN_EXE_holdpoint")
}

/// Waits until something holds, at most half a minute; says what it waited for when it never does.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut pause = Duration::from_millis(1);
    while !holds() {
        assert!(Instant::now() < deadline, "waited half a minute in vain: {what}");
        std::thread::sleep(pause);
        pause = (pause * 2).min(Duration::from_millis(20));
    }
}
