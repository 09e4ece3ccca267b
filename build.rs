//! Lists the shipped playbooks, so that a file laid into `recovery/playbooks/` is in the next binary without being named
//! anywhere else. Only names are written: the texts are read by the compiler, from where the crate stands.

#![expect(clippy::disallowed_methods, reason = "a build script is no part of the program")]

use std::path::{Path, PathBuf};
use std::{env, fs, io};

fn main() -> io::Result<()> {
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
