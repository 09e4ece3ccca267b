//! Whom a host is told by, chosen by how the inventory says that it is reached.

use std::path::Path;
use std::time::Duration;

use super::local;
use super::ssh::Connections;
use crate::fleet::agent::Orders;
use crate::model::rollout::{Heard, HostAnswer, HostName, HostSpec, Offer, Reach};
use crate::sys::process::{Capture, Captured, Ends, ProcessError, base_environment, capture};

/// The hidden word under which a host is told something.
pub const FLEET: &str = "__fleet";

/// How long a host may take to answer: it begins its work and answers at once. Less than a lease lasts.
pub(super) const PATIENCE: Duration = Duration::from_secs(12);

/// Bytes of an answer.
const LIMIT: u64 = 1 << 20;

/// Tells hosts things.
pub trait Transport: Sync {
    /// Tells a host once, and waits for its answer.
    fn tell(&self, host: &HostName, spec: &HostSpec, offer: &Offer) -> Heard;
}

/// The ways that are built.
#[derive(Debug)]
pub struct Hands {
    connections: Connections,
    /// Orders to agents; none: the ledger is not one that agents can watch.
    orders: Option<Orders>,
}

impl Hands {
    /// Connections are kept as long as this value is.
    pub fn new(orders: Option<Orders>) -> Self {
        Self { connections: Connections::default(), orders }
    }
}

impl Transport for Hands {
    fn tell(&self, host: &HostName, spec: &HostSpec, offer: &Offer) -> Heard {
        match &spec.reach {
            Reach::Local => local::tell(&spec.folder, offer),
            Reach::Ssh { address, program } => {
                self.connections.tell(host, address, program, &spec.folder, offer)
            }
            Reach::Agent => match &self.orders {
                Some(orders) => orders.tell(host, &spec.folder, offer),
                None => Heard::Nothing { why: "fleet.toml has no `[ledger.etcd]` any more".to_owned() },
            },
        }
    }
}

/// Starts a program with the offer as its input.
pub(super) fn start(argv: Vec<String>, offer: &Offer) -> Result<Captured, ProcessError> {
    let stdin = serde_json::to_vec(offer).unwrap_or_default();
    capture(&Capture {
        argv,
        cwd: Path::new("/").to_owned(),
        env: base_environment(&[]),
        stdin: Some(stdin),
        limit_bytes: LIMIT,
        timeout: Some(PATIENCE),
        // A Ctrl-C at the coordinator's terminal is not for a host.
        ends: Ends::Group,
    })
}

/// What the program on the host said. Where it ran and could not do as told, that is an answer: nothing was changed.
pub(super) fn understood(said: &Captured, offer: &Offer) -> Heard {
    if said.code == Some(0)
        && let Ok(answer) = serde_json::from_slice::<HostAnswer>(&said.stdout)
    {
        return Heard::Answer(answer);
    }
    let Some(code) = said.code else {
        return Heard::Nothing { why: "what was started there was killed".to_owned() };
    };
    let text = String::from_utf8_lossy(&said.stderr);
    let first =
        text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it said nothing that can be read");
    let said = Some(first.trim_start_matches("error: ").to_owned());
    // 0 without an answer is another program, or another version.
    let exit = Some(if code == 0 { 2 } else { code });
    Heard::Answer(HostAnswer { generation: offer.generation, at_work: false, exit, attempt: None, said })
}
