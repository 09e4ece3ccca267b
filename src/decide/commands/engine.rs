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

    /// A verb of several words on ids.
    pub(in crate::decide) fn on_all(&self, verb: &[&str], ids: &[String]) -> CommandSpec {
        self.with(verb.iter().copied().chain(ids.iter().map(String::as_str)))
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

/// Local tag that keeps the image which ran before a release, so that nobody prunes it:
/// `holdpoint-keep:<checkout>.<ticket>.<cycle>.…`. One engine may serve several checkouts with the same ticket and service
/// names, so the tag says whose it is: by the checkout's own folder.
pub fn keep_reference(
    root: &Path,
    ticket: &TicketId,
    cycle: u32,
    service: &ServiceName,
    part: &str,
) -> String {
    const LONGEST_TAG: usize = 128;
    let checkout = short_hash(root.as_os_str().as_encoded_bytes(), 4);
    let readable = format!("{checkout}.{ticket}.{cycle}.{service}.{part}");
    let fits = readable.len() <= LONGEST_TAG
        && readable.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if fits {
        return format!("holdpoint-keep:{readable}");
    }
    let short = short_hash(readable.as_bytes(), 8);
    format!("holdpoint-keep:{checkout}.{ticket}.{cycle}.{short}")
}

/// The first bytes of a sha256, in hexadecimal digits.
fn short_hash(bytes: &[u8], length: usize) -> String {
    Sha256::digest(bytes).iter().take(length).fold(String::new(), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_checkouts_on_one_engine_keep_their_own_images() {
        let tag = |root: &str, part: &str| {
            keep_reference(Path::new(root), &"1234".parse().unwrap(), 1, &"wikijs".parse().unwrap(), part)
        };
        let (one, other) = (tag("/srv/prod", "wikijs"), tag("/srv/staging", "wikijs"));
        assert_ne!(one, other);
        assert!(one.starts_with("holdpoint-keep:") && one.ends_with(".1234.1.wikijs.wikijs"), "{one}");
        let long = tag("/srv/prod", &"p".repeat(200));
        assert_ne!(long, tag("/srv/staging", &"p".repeat(200)));
        assert!(long.len() < 100 && long.contains(".1234.1."), "{long}");
    }
}
