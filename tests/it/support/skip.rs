//! Skipping that is heard: a test that cannot run here says why, and the gate treats that as a failure.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

/// Whether a program is on the path.
pub(crate) fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether one of these programs is missing; then the test is recorded as skipped and should return at once.
pub(crate) fn lacks(programs: &[&str]) -> bool {
    let missing: Vec<&str> = programs.iter().copied().filter(|program| !has(program)).collect();
    if !missing.is_empty() {
        skip(&format!("not here: {}", missing.join(", ")));
    }
    !missing.is_empty()
}

/// Records that the current test does not run here; panics where skipping is forbidden.
pub(crate) fn skip(reason: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let forbidden = std::env::var_os("HOLDPOINT_FORBID_SKIPS").is_some_and(|value| value == "1");
    let list = std::env::var_os("HOLDPOINT_TEST_SKIPS");
    record(&test, reason, forbidden, list.as_deref().map(Path::new));
}

fn record(test: &str, reason: &str, forbidden: bool, list: Option<&Path>) {
    assert!(!forbidden, "{test} may not be skipped here: {reason}: ./test.sh installs what is missing");
    if let Some(list) = list {
        let mut list = OpenOptions::new().create(true).append(true).open(list).unwrap();
        writeln!(list, "{test}: {reason}").unwrap();
    }
    println!("skipped: {reason}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_skip_is_listed_with_its_reason() {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join("skips");
        record("a::test", "no engine", false, Some(&list));
        record("b::test", "no disk", false, Some(&list));
        assert_eq!(std::fs::read_to_string(list).unwrap(), "a::test: no engine\nb::test: no disk\n");
    }

    #[test]
    #[should_panic(expected = "a::test may not be skipped here: no engine")]
    fn a_forbidden_skip_is_a_failure() {
        record("a::test", "no engine", true, None);
    }

    #[test]
    fn missing_programs_are_noticed() {
        assert!(has("sh"));
        assert!(!has("no-such-program-anywhere"));
        assert!(!lacks(&["sh", "git"]));
    }
}
