//! Archives that lead astray, in the place of a verified backup: its hash is found to be another's; and where somebody made that
//! fit, too, nothing outside the service's data changes.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tar::{EntryType, Header};

use super::harmless;
use crate::faults::tally::Tally;
use crate::support::{Host, manifest};

/// Kind, name and target of an entry that comes after the data's own folder.
const MEMBERS: [(EntryType, &str, &str); 22] = [
    (EntryType::Regular, "../../outside/evil", ""),
    (EntryType::Regular, "/../outside/evil", ""),
    (EntryType::Regular, "DATA/../../outside/evil", ""),
    (EntryType::Regular, "DATA/../../../../../../../../tmp/holdpoint-evil", ""),
    (EntryType::Regular, "OUTSIDE/evil", ""),
    (EntryType::Regular, "DATA/./x/../../../outside/evil", ""),
    (EntryType::Regular, "DATA//..//..//outside/evil", ""),
    (EntryType::Directory, "DATA/..", ""),
    (EntryType::Directory, "..", ""),
    (EntryType::Directory, "OUTSIDE", ""),
    (EntryType::Symlink, "DATA/link", "OUTSIDE"),
    (EntryType::Symlink, "DATA/link", "../../outside"),
    (EntryType::Symlink, "DATA", "OUTSIDE"),
    (EntryType::Symlink, "DATA/../x", "OUTSIDE"),
    (EntryType::Link, "DATA/hard", "../../outside/keep"),
    (EntryType::Link, "DATA/hard", "OUTSIDE/keep"),
    (EntryType::Link, "DATA/hard", "/etc/passwd"),
    (EntryType::Regular, "DATA/\u{1b}[2J", ""),
    (EntryType::Regular, "DATA/a\nb", ""),
    (EntryType::Regular, "DATA/\u{202e}x", ""),
    (EntryType::Char, "OUTSIDE/null", ""),
    (EntryType::Regular, "DATA/once", ""),
];

/// An archive with the service's own folder, the member, and a file behind the member (through a link that it may have made).
fn archive(data: &Path, outside: &Path, member: &(EntryType, &str, &str)) -> Vec<u8> {
    let inside = |text: &str| {
        let [data, outside] =
            [data, outside].map(|path| path.to_str().unwrap().trim_start_matches('/').to_owned());
        text.replace("DATA", &data).replace("OUTSIDE", &outside)
    };
    let mut builder = tar::Builder::new(Vec::new());
    let (kind, name, target) = member;
    for (kind, name, target, content) in [
        (EntryType::Directory, inside("DATA/"), String::new(), ""),
        (
            *kind,
            inside(name),
            target.replace("OUTSIDE", outside.to_str().unwrap()),
            if *kind == EntryType::Regular { "evil" } else { "" },
        ),
        (EntryType::Regular, inside("DATA/link/evil"), String::new(), "evil"),
    ] {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1_779_118_212);
        let old = header.as_old_mut();
        // Not through `set_path`, which would refuse them.
        let bytes = name.as_bytes();
        if bytes.len() > old.name.len() || target.len() > old.linkname.len() {
            continue;
        }
        old.name[..bytes.len()].copy_from_slice(bytes);
        old.linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_cksum();
        builder.append(&header, content.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn only(folder: &Path, what: &str) -> PathBuf {
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.to_string_lossy().contains(what));
    found.sort();
    found.remove(0)
}

#[test]
fn members_of_archives() {
    let host = Host::new();
    host.ships("1234", "wikijs", "2");
    host.run(["run", "1234"]).exits(0);
    let outside = host.root().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("keep"), "kept").unwrap();
    let set = only(&host.workspace("backups/wikijs"), "_");
    let stamp = set.file_name().unwrap().to_str().unwrap().to_owned();
    let file = only(&only(&set, "1-"), "");
    let (good, about) =
        (std::fs::read(&file).unwrap(), std::fs::read_to_string(set.join("manifest.toml")).unwrap());
    assert!(about.contains(&sha256(&good)), "{about}");
    let mut tally = Tally::new("P12", "hostile members of archives");
    let elsewhere = || (manifest(&outside), Path::new("/tmp/holdpoint-evil").exists());
    let before = elsewhere();
    for member in &MEMBERS {
        let bad = archive(&host.data("wikijs"), &outside, member);
        for fits in [false, true] {
            tally.case(&format!("{member:?}, hash fits: {fits}"), || {
                std::fs::write(&file, &bad).unwrap();
                let hash = if fits { sha256(&bad) } else { sha256(&good) };
                std::fs::write(set.join("manifest.toml"), about.replace(&sha256(&good), &hash)).unwrap();
                let output = host.run(["backup", "restore", "wikijs", &stamp, "--yes", "--discard-writes"]);
                harmless(&output);
                if !fits {
                    assert_ne!(output.code, Some(0), "{output}");
                }
                assert_eq!(elsewhere(), before, "{output}");
            });
        }
        std::fs::write(&file, &good).unwrap();
        std::fs::write(set.join("manifest.toml"), &about).unwrap();
        host.run(["backup", "restore", "wikijs", &stamp, "--yes"]);
    }
    tally.end();
}
