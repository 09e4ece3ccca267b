//! Lists the shipped playbooks, so that a file laid into `recovery/playbooks/` is in the next binary without being named
//! anywhere else: only names are written, the texts are read by the compiler, from where the crate stands. And says how the
//! program is linked.

#![expect(clippy::disallowed_methods, reason = "a build script is no part of the program")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
    stand_at_one_address();
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
        format!(
            "    ({name:?}, include_str!(concat!(env!(\"CARGO_MANIFEST_DIR\"), \"/recovery/playbooks/\", {name:?}))),\n"
        )
    };
    let table = format!("&[\n{}]\n", names.iter().map(one).collect::<String>());
    let out = env::var_os("OUT_DIR")
        .map(PathBuf::from)
        .ok_or_else(|| io::Error::other("cargo names no OUT_DIR"))?;
    fs::write(out.join("shipped_playbooks.rs"), table)
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
