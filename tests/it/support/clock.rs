//! Another time of day for one program: what was recorded ten minutes ago, or tomorrow.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Starts the program with its wall clock shifted. What it starts itself has the true time again.
pub(super) fn shift(command: &mut Command, seconds: i64) {
    command.env("LD_PRELOAD", library()).env("CLOCK_SHIFT", seconds.to_string());
}

/// Built with the compiler that links Rust programs, once for all test processes.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let built = folder.join("holdpoint-test-clock.so");
        if !built.exists() {
            let own = folder.join(format!("holdpoint-test-clock.{}.so", std::process::id()));
            let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/support/clock.c");
            let compiled =
                Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&own).arg(source).status();
            assert!(compiled.is_ok_and(|status| status.success()), "`cc` cannot compile {source}");
            std::fs::rename(&own, &built).unwrap();
        }
        built
    })
}
