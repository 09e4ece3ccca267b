//! In which order a release writes, waits for the disk, and shows: read off its system calls, with the disk in order.

use std::path::Path;

use super::nth::{self, Call, Strike, Who};
use super::tally::Tally;
use crate::support::Host;

/// Releases a ticket and takes it back, and judges each call that has its place. P1: a file is replaced by one that is on
/// disk, and the name after it. P2: nothing is shown before it is on disk.
pub(super) fn judge(host: &Host) -> Option<[Tally; 2]> {
    let mut tallies = [
        Tally::new("P1", "order of writes, syncs and renames"),
        Tally::new("P2", "order of syncs and results"),
    ];
    host.script("1234", "fix", "true");
    host.ships("1234", "wikijs", "2");
    for arguments in [["run", "1234", "--json"].as_slice(), &["revert", "1234", "--yes", "--json"]] {
        let struck = nth::run(host, Who::Runner, &Strike::None, arguments)?;
        let calls = struck.calls;
        struck.output.exits(0);
        let [replaced, shown] = &mut tallies;
        for call in &calls {
            let name = || format!("{} {} {}", arguments[0], call.number, call.name);
            if call.name.starts_with("rename") && is_temporary(&call.file) {
                replaced.case(&name(), || is_on_disk_before_it_has_its_name(call, &calls));
                replaced.case(&name(), || its_name_is_on_disk_before_the_next(call, &calls));
            }
            if is_record(&call.file) && changes_content(call) {
                replaced.case(&name(), || panic!("{} is written over", call.file));
            }
            if let Some(seq) = result_shown(call) {
                shown.case(&name(), || {
                    assert!(durable(call, &calls) >= seq, "result {seq} is shown too early");
                });
                shown.case(&name(), || the_log_has_its_name(call, &calls));
            }
        }
    }
    Some(tallies)
}

fn is_temporary(file: &str) -> bool {
    Path::new(file).extension().is_some_and(|ending| ending == "tmp")
}

/// Each result was on disk when it was shown.
pub(super) fn nothing_is_shown_too_early(calls: &[Call]) {
    for call in calls {
        if let Some(seq) = result_shown(call) {
            assert!(durable(call, calls) >= seq, "result {seq} is shown too early, by call {}", call.number);
            the_log_has_its_name(call, calls);
        }
    }
}

/// The state file, under its own name.
fn is_record(file: &str) -> bool {
    file.ends_with("/releases/1234.env")
}

fn changes_content(call: &Call) -> bool {
    matches!(call.name.as_str(), "write" | "pwrite64" | "ftruncate")
}

/// Whether a call was made and had ended well before another one began.
fn ended_before(call: &Call, next: &Call) -> bool {
    call.result.is_some_and(|(result, begun)| result >= 0 && begun < next.number)
}

fn is_on_disk_before_it_has_its_name(rename: &Call, calls: &[Call]) {
    let about = |call: &&Call| call.file == rename.file && call.number < rename.number;
    let last = calls.iter().filter(about).rfind(|call| changes_content(call)).expect("nothing was written");
    let synced = calls
        .iter()
        .filter(about)
        .any(|call| call.name == "fsync" && call.number > last.number && ended_before(call, rename));
    assert!(synced, "{} is not synced before it is renamed", rename.file);
}

fn its_name_is_on_disk_before_the_next(rename: &Call, calls: &[Call]) {
    let folder = Path::new(&rename.file).parent().unwrap().to_str().unwrap();
    // The next state that is saved, or the end.
    let later = |call: &&Call| call.number > rename.number;
    let next = calls.iter().filter(later).find(|call| call.name.starts_with("rename"));
    let synced = calls.iter().filter(later).any(|call| {
        call.name == "fsync" && call.file == folder && next.is_none_or(|next| ended_before(call, next))
    });
    assert!(synced, "{folder} is not synced after {} got its name", rename.file);
}

/// The number of the result that is shown to a program; intents may be shown before they are on disk.
fn result_shown(call: &Call) -> Option<u64> {
    let event: serde_json::Value = (call.name == "write" && call.file.ends_with("/stdout"))
        .then(|| serde_json::from_str(call.text.trim_end_matches("\\n")).ok())??;
    let intent = matches!(event["event"].as_str()?, "start" | "step-start");
    event["seq"].as_u64().filter(|_| !intent)
}

/// The last record that is on disk when a call begins.
fn durable(now: &Call, calls: &[Call]) -> u64 {
    let ours = || calls.iter().filter(|call| call.file.ends_with("/1234.log"));
    let Some(sync) = ours().rfind(|call| call.name == "fdatasync" && ended_before(call, now)) else {
        return 0;
    };
    let written = ours().filter(|call| call.name == "write" && ended_before(call, sync));
    let seqs = written.flat_map(|call| call.text.split(' ').filter_map(|pair| pair.strip_prefix("seq=")));
    seqs.filter_map(|seq| seq.parse().ok()).max().unwrap_or(0)
}

fn the_log_has_its_name(now: &Call, calls: &[Call]) {
    let made = |call: &&Call| call.file.ends_with("/releases/1234.log") && call.flags.contains("creat");
    let Some(made) = calls.iter().find(made) else { return };
    let synced = calls.iter().any(|call| {
        call.name == "fsync"
            && call.file.ends_with("/releases")
            && call.number > made.number
            && ended_before(call, now)
    });
    assert!(synced, "the log's name is not on disk");
}

#[test]
fn what_is_shown_is_on_disk_and_what_is_replaced_is_whole() {
    let Some(tallies) = judge(&Host::new()) else { return };
    tallies.into_iter().for_each(Tally::end);
}
