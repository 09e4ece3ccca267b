//! The power is cut wherever something is about to become durable, or has just become so: what was shown as done is there
//! when the power is back, no file is half of anything, and the release goes on to its end.

mod disk;

use self::disk::{Disk, Moment};
use super::held::Prepare;
use super::onward::{Verb, goes_on};
use super::tally::{Tally, attempt, full, seed, side_by_side};
use crate::support::{Host, Scene, Service};

/// A host with two services, on a disk that can lose its power, about to release 1234.
struct Ground {
    host: Host,
    disk: Disk,
    base: String,
    target: String,
    boots: usize,
}

impl Ground {
    fn new(kind: &'static str, verb: Verb) -> Option<Self> {
        let scene = Scene::new().service(Service::new("wikijs")).service(Service::new("blog"));
        let host = scene.config("[disk]\nfloor = { percent = 0, bytes = \"64KiB\" }").build();
        let base = host.head();
        host.script("1234", "moves", "echo once >>../ran; echo moved >../data/wikijs/pages/home.md; sync");
        host.bump("1234", "wikijs", "2");
        host.ships("1234", "blog", "2");
        let target = host.git_at(&host.dev(), ["rev-parse", "HEAD"]).exits(0).stdout.trim().to_owned();
        let disk = Disk::under(&host, kind)?;
        let ground = Self { host, disk, base, target, boots: 0 };
        if verb == Verb::Revert {
            ground.host.run(["run", "1234"]).exits(0);
        }
        ground.disk.keep();
        Some(ground)
    }

    /// The host as it was before the first cut; its services run.
    fn again(&self, verb: Verb) {
        self.disk.again();
        let _ = std::fs::remove_file(self.host.root().join("ran"));
        std::fs::write(self.host.root().join("calls"), "").unwrap();
        for service in ["wikijs", "blog"] {
            if verb == Verb::Run {
                let _ = std::fs::remove_file(self.host.root().join("images").join(format!("{service}:2")));
            }
            self.host.service(service, "start").exits(0);
        }
    }

    fn words(verb: Verb) -> &'static [&'static str] {
        match verb {
            Verb::Run => &["run", "1234", "--json"],
            Verb::Revert => &["revert", "1234", "--yes", "--discard-writes", "--json"],
        }
    }

    /// How often something becomes durable from the beginning to the end.
    fn calls(&self, verb: Verb) -> usize {
        self.again(verb);
        let never = Moment { after: false, call: usize::MAX >> 1 };
        assert!(self.disk.run_and_cut(&self.host, Self::words(verb), never).is_none());
        let report = std::fs::read_to_string(self.host.root().join("report")).unwrap();
        let calls = report.split(' ').next().unwrap().parse().unwrap();
        assert!(calls > 20, "{report}");
        calls
    }

    /// One cut. False: the program ended before that call.
    fn case(&mut self, verb: Verb, moment: Moment) -> bool {
        self.again(verb);
        let cut = self.disk.run_and_cut(&self.host, Self::words(verb), moment);
        let Some((said, at)) = cut else { return false };
        self.boots += 1;
        self.disk.power_on(self.boots);
        self.kept(&said, &at);
        for service in ["wikijs", "blog"] {
            // What restarts with the machine.
            self.disk.later(&self.host, "../service.sh", &[service, "start"]);
        }
        self.goes_on(verb, &at);
        true
    }

    /// What the disk kept: whole files, and everything that was shown.
    #[track_caller]
    fn kept(&self, said: &str, at: &str) {
        let state = std::fs::read(self.host.workspace("releases/1234.env")).ok();
        assert!(state.as_deref().is_none_or(is_whole), "{at}: half a state file: {state:?}");
        let shown: Vec<serde_json::Value> =
            said.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        let results = shown.iter().filter(|event| is_result(event));
        let log = self.disk.run_later(&self.host, &["log", "1234", "--json"]);
        let there: Vec<serde_json::Value> =
            log.stdout.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        for event in results {
            assert!(there.contains(event), "{at}: shown, and not there: {event}\n{log}");
        }
        if self.host.root().join("ran").exists() && !said.is_empty() {
            let named = there.iter().any(|event| event["step"] == "1234-moves.sh");
            assert!(named, "{at}: it ran, and the log did not name it first\n{log}");
        }
    }

    /// The way on that the program itself names, to the end.
    #[track_caller]
    fn goes_on(&self, verb: Verb, at: &str) {
        match goes_on(verb, |words| self.disk.run_later(&self.host, words)) {
            Ok(last) => self.ended(verb, at, &last.to_string()),
            Err(why) => panic!("{at}: {why}\n{}", self.scene()),
        }
    }

    /// Everything is as if the power had never failed.
    #[track_caller]
    fn ended(&self, verb: Verb, at: &str, last: &str) {
        let (status, image, head) = match verb {
            Verb::Run => ("succeeded", "2", &self.target),
            Verb::Revert => ("reverted", "1", &self.base),
        };
        let about = || format!("{at}:\n{last}\n{}", self.scene());
        let state = self.disk.run_later(&self.host, &["state", "1234", "--json"]).json();
        assert_eq!(state["state"]["status"], status, "{}", about());
        assert_eq!(state["state"]["base"], self.base.as_str(), "{}", about());
        for service in ["wikijs", "blog"] {
            assert_eq!(self.host.image(service), format!("{service}:{image}"), "{}", about());
        }
        if verb == Verb::Run {
            assert_eq!(self.host.head(), *head, "{}", about());
            assert!(self.host.root().join("ran").exists(), "{}", about());
        } else {
            let same = self.host.git(["diff", "--stat", head, "HEAD"]).exits(0).stdout;
            assert_eq!(same, "", "{}", about());
            let page = std::fs::read_to_string(self.host.data("wikijs").join("pages/home.md")).unwrap();
            assert_eq!(page, "# Home\n", "{}", about());
        }
        assert_eq!(self.host.git(["status", "--porcelain"]).exits(0).stdout, "", "{}", about());
        self.host.git(["fsck", "--no-dangling"]).exits(0);
        self.disk.run_later(&self.host, &["log", "1234", "--verify"]).exits(0);
        self.disk.run_later(&self.host, &["backup", "verify"]).exits(0);
    }

    /// The log, and what the steps printed last.
    fn scene(&self) -> String {
        let mut all = std::fs::read_to_string(self.host.workspace("releases/1234.log")).unwrap_or_default();
        let steps = std::fs::read_dir(self.host.workspace("releases/1234/1/steps")).into_iter().flatten();
        for step in steps.map(|step| step.unwrap().path()) {
            for file in ["transcript", "spool"] {
                let printed = std::fs::read_to_string(step.join(file)).unwrap_or_default();
                if !printed.is_empty() {
                    all.extend(["--- ", &step.file_name().unwrap().to_string_lossy(), "\n", &printed, "\n"]);
                }
            }
        }
        all
    }
}

/// Ends in its own checksum.
fn is_whole(state: &[u8]) -> bool {
    let text = String::from_utf8_lossy(state);
    let Some((body, end)) = text.rsplit_once("#end crc32=") else { return false };
    end.trim_end_matches('\n') == format!("{:08x}", crc32fast::hash(body.as_bytes()))
}

/// A record that is shown only once it is durable. An intent that nothing waits for is shown at once: it is no result.
fn is_result(event: &serde_json::Value) -> bool {
    event["seq"].is_u64() && !matches!(event["event"].as_str(), Some("start" | "step-start"))
}

/// The moments in an order that chance decides, the same for the same seed.
fn shuffled(calls: usize) -> Vec<Moment> {
    let mut moments: Vec<Moment> =
        (1..=calls).flat_map(|call| [false, true].map(|after| Moment { after, call })).collect();
    let mut chance = seed() | 1;
    for at in (1..moments.len()).rev() {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        moments.swap(at, usize::try_from(chance % (at as u64 + 1)).unwrap());
    }
    moments
}

/// Cuts at moments that chance chooses, as often as it says; none where this machine does not let us.
fn cuts(
    kind: &'static str,
    verb: Verb,
    (shard, shards): (usize, usize),
    tally: &mut Tally,
    enough: impl Fn(&Tally) -> bool,
    prepare: Prepare<'_>,
) {
    let Some(mut ground) = Ground::new(kind, verb) else { return };
    prepare(&mut ground.host);
    let (mut tried, mut missed) = (0, 0);
    let moments = shuffled(ground.calls(verb)).into_iter().enumerate();
    for (_, moment) in moments.filter(|(at, _)| at % shards == shard) {
        if enough(tally) {
            break;
        }
        match attempt(|| ground.case(verb, moment)) {
            Ok(false) => missed += 1,
            Ok(true) => tally.add(1, []),
            Err(why) => tally.add(1, [why]),
        }
        tried += 1;
    }
    // Steps side by side share their syncs, so a release has now and then a few less, and a cut at one of the last comes
    // too late; never far less.
    if missed > 2 + tried / 4 {
        tally.add(1, [format!("{missed} of {tried} cuts came too late")]);
    }
}

fn cut_everywhere(kind: &'static str, verb: Verb, what: &'static str, short: usize) {
    let tries = |shard| {
        let mut tally = Tally::new("P1", what);
        cuts(kind, verb, shard, &mut tally, |tally| !full() && tally.cases() == short, &|_| ());
        Vec::from_iter(Disk::can(kind).then_some(tally))
    };
    Tally::end_all(side_by_side((0, 1), tries));
}

/// Cuts until something does not hold, for a bug that was planted.
pub(super) fn until_found(prepare: Prepare<'_>) -> Vec<Tally> {
    let mut tally = Tally::new("P1", "the power is cut in a release, on ext4");
    cuts("ext4", Verb::Run, (0, 1), &mut tally, |tally| !tally.broken().is_empty(), prepare);
    vec![tally]
}

/// Whether the power can be cut here.
pub(super) fn can() -> bool {
    Disk::can("ext4")
}

#[test]
fn a_release_on_ext4() {
    cut_everywhere("ext4", Verb::Run, "the power is cut in a release, on ext4", 10);
}

#[test]
fn a_release_on_xfs() {
    cut_everywhere("xfs", Verb::Run, "the power is cut in a release, on XFS", 5);
}

#[test]
fn a_revert_on_ext4() {
    cut_everywhere("ext4", Verb::Revert, "the power is cut while a release is taken back, on ext4", 6);
}

#[test]
fn a_revert_on_xfs() {
    cut_everywhere("xfs", Verb::Revert, "the power is cut while a release is taken back, on XFS", 3);
}
