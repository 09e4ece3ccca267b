//! Many releases started at once on one host: never two of them at work, also where a runner is killed and its step is not.

use std::path::Path;

use super::held::Prepare;
use super::tally::{Tally, short_or_full};
use crate::support::{Host, Output, Running, Scene, Service, wait_until};

/// Starts at once.
const WAVE: usize = 20;

/// What the host does for every release, whoever's: it takes something that only one can have, and says so loudly when
/// another one has it. While `gate` is there it waits for `go`.
const ALONE: &str = "set -u
mkdir ROOT/alone || { echo $$ >>ROOT/overlaps; exit 9; }
echo $$ >>ROOT/worked
until [ ! -e ROOT/gate ] || [ -e ROOT/go ]; do sleep 0.02; done
sleep 0.05
rmdir ROOT/alone
";

fn host() -> Host {
    let host = Scene::new()
        .service(Service::new("wikijs").extra("hooks = { ensure_config = [{ run = [\"bin/alone.sh\"] }] }"))
        .file("bin/alone.sh", "exec bash \"$(dirname \"$0\")/../../alone.sh\"\n")
        .build();
    let root = host.root().display().to_string();
    std::fs::write(host.root().join("alone.sh"), ALONE.replace("ROOT", &root)).unwrap();
    host
}

fn lines(path: &Path) -> Vec<String> {
    std::fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

/// Nobody ever found somebody else at work.
#[track_caller]
fn never_two(host: &Host) {
    let overlaps = lines(&host.root().join("overlaps"));
    assert!(overlaps.is_empty(), "two releases at work at once: {overlaps:?}");
}

/// Two tickets that ask for the same release, so that whoever comes first has work and the others have none.
fn tickets(wave: usize) -> [String; 2] {
    [format!("{}", 2000 + wave), format!("{}", 7000 + wave)]
}

fn starts(host: &Host, wave: usize, more: &[&str]) -> Vec<Running> {
    let tickets = tickets(wave);
    host.ships(&tickets[0], "wikijs", &(wave + 2).to_string());
    let start = |number: usize| {
        let mut words = vec!["run", tickets[number % 2].as_str()];
        // A few wait for their turn, so that the host goes from hand to hand at once.
        words.extend(if number % 4 == 3 { more } else { &[] });
        host.start(words)
    };
    (0..WAVE).map(start).collect()
}

/// A loser: another one has the host, and it says who.
#[track_caller]
fn lost(output: Output) {
    output.exits(3).shows("held").shows("`root`").shows("(process ");
}

/// One has the host for as long as we like; each of the others is turned away meanwhile.
fn held_wave(host: &Host, wave: usize) {
    let worked = lines(&host.root().join("worked")).len();
    std::fs::write(host.root().join("gate"), "").unwrap();
    let _ = std::fs::remove_file(host.root().join("go"));
    let mut running = starts(host, wave, &[]);
    wait_until("all but one are turned away", || {
        running.iter_mut().map(Running::is_over).filter(|over| *over).count() == WAVE - 1
    });
    let winner = running.iter_mut().position(|one| !one.is_over()).unwrap();
    let winner = running.remove(winner);
    running.into_iter().map(Running::wait).for_each(lost);
    wait_until("its step works", || lines(&host.root().join("worked")).len() == worked + 1);
    std::fs::write(host.root().join("go"), "").unwrap();
    winner.wait().exits(0);
    std::fs::remove_file(host.root().join("gate")).unwrap();
}

/// Everybody at once, as fast as they can; some wait for their turn. One releases, the others lose or find nothing to do.
fn free_wave(host: &Host, wave: usize) {
    let worked = lines(&host.root().join("worked")).len();
    let ended: Vec<Output> =
        starts(host, wave, &["--lock-wait", "2m"]).into_iter().map(Running::wait).collect();
    let count = |code| ended.iter().filter(|output| output.code == Some(code)).count();
    let odd = ended.iter().find(|output| !matches!(output.code, Some(0 | 3 | 5)));
    assert!(odd.is_none(), "{}", odd.unwrap());
    assert_eq!(count(0), 1, "one of them releases");
    assert_eq!(lines(&host.root().join("worked")).len(), worked + 1, "and it alone works");
}

/// The winner is killed while its step works: all others are turned away until the step has ended, and it does not run
/// twice.
fn killed_wave(host: &Host, wave: usize) {
    let ticket = &tickets(wave)[0];
    host.ships(ticket, "wikijs", &(wave + 2).to_string());
    std::fs::write(host.root().join("gate"), "").unwrap();
    let _ = std::fs::remove_file(host.root().join("go"));
    let worked = lines(&host.root().join("worked")).len();
    let winner = host.start(["run", ticket]);
    wait_until("its step works", || lines(&host.root().join("worked")).len() == worked + 1);
    winner.signal(rustix::process::Signal::KILL);
    drop(winner);
    let tickets = tickets(wave);
    let others: Vec<Running> = (0..WAVE)
        .map(|number| match number % 2 {
            0 => host.start(["run", &tickets[1]]),
            _ => host.start(["run", ticket, "--from=migrate"]),
        })
        .collect();
    for output in others.into_iter().map(Running::wait) {
        output.exits(3).shows("still works while its runner is gone").shows("wikijs.ensure_config");
    }
    // Two that wait for their turn: one of them goes on with it.
    let waiting: Vec<Running> =
        (0..2).map(|_| host.start(["run", ticket, "--from=migrate", "--lock-wait", "2m"])).collect();
    std::fs::write(host.root().join("go"), "").unwrap();
    let ended: Vec<Output> = waiting.into_iter().map(Running::wait).collect();
    let codes: Vec<Option<i32>> = ended.iter().map(|output| output.code).collect();
    assert_eq!(codes.iter().filter(|code| **code == Some(0)).count(), 1, "{}\n{}", ended[0], ended[1]);
    assert_eq!(lines(&host.root().join("worked")).len(), worked + 1, "what ended well is not repeated");
    std::fs::remove_file(host.root().join("gate")).unwrap();
}

/// Waves of starts.
pub(super) fn races(waves: usize, prepare: Prepare<'_>) -> Tally {
    let mut tally =
        Tally::new("P6", "releases started at the same moment, 20 at a time: one has the host, never two");
    let mut host = host();
    prepare(&mut host);
    for wave in 0..waves {
        let started = tally.case(&format!("wave {wave}"), || {
            match wave % 3 {
                0 => killed_wave(&host, wave),
                1 => held_wave(&host, wave),
                _ => free_wave(&host, wave),
            }
            never_two(&host);
        });
        if started.is_none() {
            break;
        }
        // Each start of the wave is a case.
        tally.add(WAVE - 1 + 3 * usize::from(wave % 3 == 0), []);
    }
    tally
}

#[test]
fn of_many_starts_at_once_one_has_the_host() {
    // 48 waves and what their killed winners are asked about: more than a thousand starts.
    races(short_or_full(6, 48), &|_| ()).end();
}
