//! Commands of the container engine itself, for what compose cannot name: single containers, images, volumes.

use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::model::id::{ServiceName, TicketId};
use crate::model::spec::{CommandSpec, Payload};

/// The engine (`docker` or `podman`), called in the project root.
#[derive(Clone, Copy)]
pub(in crate::decide) struct Engine<'a> {
    pub(in crate::decide) program: &'a str,
    pub(in crate::decide) root: &'a Path,
}

impl Engine<'_> {
    fn with<'s>(&self, args: impl IntoIterator<Item = &'s str>) -> CommandSpec {
        let args = args.into_iter().map(str::to_owned);
        CommandSpec::new([self.program.to_owned()].into_iter().chain(args), self.root)
    }

    /// A verb on containers: `stop`, `start`, `pause`, `unpause`.
    pub(in crate::decide) fn on<'s>(
        &self,
        verb: &'s str,
        names: impl IntoIterator<Item = &'s str>,
    ) -> CommandSpec {
        self.with(std::iter::once(verb).chain(names))
    }

    pub(in crate::decide) fn tag(&self, image: &str, reference: &str) -> CommandSpec {
        self.with(["tag", image, reference])
    }

    pub(in crate::decide) fn pull(&self, reference: &str) -> CommandSpec {
        self.with(["pull", reference])
    }

    /// Content of a folder in a container, as a tar archive on standard output; it need not run.
    pub(in crate::decide) fn copy_out(&self, container: &str, folder: &str) -> CommandSpec {
        let from = format!("{container}:{}/.", folder.trim_end_matches('/'));
        CommandSpec { stdout: Payload::Backup, ..self.with(["cp", &from, "-"]) }
    }

    /// A tar archive from standard input into a folder of a container, with the owners that stand in the archive.
    pub(in crate::decide) fn copy_in(&self, container: &str, folder: &str) -> CommandSpec {
        let to = format!("{container}:{folder}");
        CommandSpec { stdin: Payload::Backup, ..self.with(["cp", "-", &to]) }
    }

    pub(in crate::decide) fn remove_volume(&self, volume: &str) -> CommandSpec {
        self.with(["volume", "rm", volume])
    }

    /// An empty volume with the labels compose would give it, so that it counts as the project's own.
    pub(in crate::decide) fn create_volume(&self, volume: &str, project: &str) -> CommandSpec {
        let short = volume.strip_prefix(&format!("{project}_")).unwrap_or(volume);
        let owner = format!("com.docker.compose.project={project}");
        let name = format!("com.docker.compose.volume={short}");
        self.with(["volume", "create", "--label", &owner, "--label", &name, volume])
    }
}

/// Local tag that keeps the image which ran before a release, so that nobody prunes it: `holdpoint-keep:<ticket>.<cycle>.…`.
pub fn keep_reference(ticket: &TicketId, cycle: u32, service: &ServiceName, part: &str) -> String {
    const LONGEST_TAG: usize = 128;
    let readable = format!("{ticket}.{cycle}.{service}.{part}");
    let fits = readable.len() <= LONGEST_TAG
        && readable.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if fits {
        return format!("holdpoint-keep:{readable}");
    }
    let digest = Sha256::digest(readable.as_bytes());
    let short = digest.iter().take(8).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("holdpoint-keep:{ticket}.{cycle}.{short}")
}
