//! Which known failures a failure looks like, and how much.
//!
//! A playbook fits where its error is found: one of its `output` expressions in a line, or, without them, a quoted line of
//! its symptom. It fits strongly where nothing that is known speaks against it, the program did not go on after it or end by
//! something else, as many of its expressions were found as are `enough`, and no narrower cause (`over`) fits as well. Among strong ones that know nothing of each other, the
//! heaviest stays strong: what more known facts speak for, then what stands nearer the end, because a program says last why
//! it ends, then what more of the line was recognised. If all that is equal, the text does not tell them apart and none is
//! strong: a wrong strong match costs an hour at night. Thin words (`possible`), which other causes have, too, make a
//! playbook possible where nothing fits strongly, so that an operator has a page to read and no false certainty.

use std::cell::OnceCell;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::errors::{Errors, Found};
use super::patterns::compile;
use super::said::{self, Line, Speaker};
use super::tool::{self, Agrees};
use crate::model::arrange::Arrange;
use crate::model::gather::Gather;
use crate::model::matching::{PlaybookMatch, Strength, Symptom};
use crate::model::playbook::{MatchRule, Playbook};

/// Points of an error that was found as it is known.
const FOUND: u8 = 60;

/// Points of a quoted line that stands inside a longer one.
const INSIDE: u8 = 30;

/// The most that anything but a strong match may have.
const BELOW_STRONG: u8 = FOUND - 1;

/// Lines shown of each match.
const SHOWN: usize = 5;

/// A playbook that fits, before it is known whether another one fits better.
#[derive(Debug, Clone)]
struct Fit<'p> {
    playbook: &'p Playbook,
    strength: Strength,
    score: u8,
    /// Lines between its last error and the end.
    to_the_end: usize,
    /// Letters and digits of the longest error that was recognised.
    recognised: usize,
    lines: Vec<String>,
    weighed: Vec<String>,
    /// Fewer of its expressions were found than are enough.
    is_too_little: bool,
}

/// Whether one strong match is picked where several fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Picked {
    /// The best one.
    One,
    /// None: all that fit strongly are named, for whoever tests playbooks.
    All,
}

/// Playbooks made ready for comparing: each is compiled once, when the first failure could be its own.
pub struct Prepared<'p> {
    each: Vec<(&'p Playbook, OnceCell<Errors<'p>>)>,
    below: BTreeMap<&'p str, BTreeSet<&'p str>>,
}

impl<'p> Prepared<'p> {
    /// Makes playbooks ready.
    pub fn new(playbooks: &'p [Playbook]) -> Self {
        let each = playbooks.iter().map(|playbook| (playbook, OnceCell::new())).collect();
        Self { each, below: rivals(playbooks) }
    }

    /// Whether one expression of this playbook is not enough to be sure.
    pub(super) fn is_careful(&self, id: &str) -> bool {
        let of = |playbook: &Playbook| playbook.when.as_ref().and_then(|when| when.enough).unwrap_or(1);
        self.each.iter().any(|(playbook, _)| playbook.id == id && of(playbook) > 1)
    }

    /// Whether there is a playbook of this id.
    pub fn knows(&self, id: &str) -> bool {
        self.each.iter().any(|(playbook, _)| playbook.id == id)
    }
}

/// Playbooks that fit a failure, the best first.
pub fn matching(known: &Prepared<'_>, symptom: &Symptom, picked: Picked) -> Vec<PlaybookMatch> {
    let lines = said::lines(symptom);
    let surely = weighed(known, symptom, &lines, picked, Thin::LeftOut);
    let is_sure = surely.first().is_some_and(|first| first.strength == Strength::Strong);
    let fits = if is_sure { surely } else { weighed(known, symptom, &lines, picked, Thin::Too) };
    fits.into_iter().map(shown).collect()
}

/// Whether words count that other causes have, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thin {
    LeftOut,
    Too,
}

fn weighed<'p>(
    known: &Prepared<'p>,
    symptom: &Symptom,
    lines: &[Line],
    picked: Picked,
    thin: Thin,
) -> Vec<Fit<'p>> {
    let each = known.each.iter();
    let mut fits: Vec<Fit<'p>> =
        each.filter_map(|(playbook, errors)| fit(playbook, errors, symptom, lines, thin)).collect();
    narrower_first(&known.below, &mut fits);
    fits.arrange_by_key(|fit| {
        (
            Reverse(fit.strength),
            Reverse(fit.score),
            fit.to_the_end,
            Reverse(fit.recognised),
            fit.playbook.id.clone(),
        )
    });
    if picked == Picked::One {
        pick(&mut fits);
    }
    // After that: what comes first by so little evidence is not sure, and leaves nothing that is.
    for fit in fits.iter_mut().filter(|fit| fit.is_too_little && fit.strength == Strength::Strong) {
        weaken(fit, "its words are said of other things, too".to_owned());
    }
    fits
}

/// Playbooks that each playbook is narrower than, through others as well. Two that name each other say nothing.
pub(super) fn rivals(playbooks: &[Playbook]) -> BTreeMap<&str, BTreeSet<&str>> {
    let named: BTreeMap<&str, &[String]> = playbooks
        .iter()
        .map(|playbook| (playbook.id.as_str(), playbook.when.as_ref().map_or(&[][..], |when| &when.over[..])))
        .gather();
    let below = |id: &str| {
        let mut found: BTreeSet<&str> = BTreeSet::new();
        let mut open: Vec<&str> =
            named.get(id).into_iter().flat_map(|ids| ids.iter()).map(String::as_str).collect();
        while let Some(next) = open.pop() {
            if found.insert(next) {
                open.extend(named.get(next).into_iter().flat_map(|ids| ids.iter()).map(String::as_str));
            }
        }
        found
    };
    named.keys().map(|id| (*id, below(id))).gather()
}

fn fit<'p>(
    playbook: &'p Playbook,
    errors: &OnceCell<Errors<'p>>,
    symptom: &Symptom,
    lines: &[Line],
    thin: Thin,
) -> Option<Fit<'p>> {
    let anything = MatchRule::default();
    let rule = playbook.when.as_ref().unwrap_or(&anything);
    let elsewhere = symptom.phase.is_some_and(|phase| !rule.phase.is_empty() && !rule.phase.contains(&phase));
    let has_thin = thin == Thin::Too && !rule.possible.is_empty();
    if elsewhere && !has_thin {
        return None;
    }
    let errors = errors.get_or_init(|| Errors::of(playbook));
    let found = if elsewhere { None } else { errors.find(lines) };
    let found = found.or_else(|| has_thin.then(|| errors.find_thin(lines)).flatten())?;
    let mut weighed = Vec::new();
    let (for_it, against) = facts(rule, symptom, &mut weighed);
    if found.thin {
        weighed.push("other causes have these words, too".to_owned());
    }
    let last = found.hits.iter().map(|hit| &lines[hit.line]).min_by_key(|line| distance(line))?;
    let recognised = found.hits.iter().map(|hit| hit.recognised).max().unwrap_or_default();
    let base = if found.whole { FOUND } else { INSIDE };
    let score =
        base + for_it + nearness(last) + u8::try_from(recognised / 5).map_or(8, |points| points.min(8));
    let doubts = doubts(&found, rule, symptom, lines);
    let is_printed = found.hits.iter().all(|hit| lines[hit.line].by == Speaker::Program);
    let is_too_little = is_printed && found.expressions < rule.enough.unwrap_or(1);
    let strong = found.whole && against == 0 && doubts.is_empty();
    weighed.extend(doubts.into_iter().map(str::to_owned));
    let score = if strong { score.min(100) } else { score.saturating_sub(against).min(BELOW_STRONG) };
    let hits = found.hits.iter().rev().take(SHOWN).map(|hit| lines[hit.line].text.clone());
    let mut shown: Vec<String> = hits.collect();
    shown.reverse();
    Some(Fit {
        playbook,
        strength: if strong { Strength::Strong } else { Strength::Possible },
        score: score.max(1),
        to_the_end: distance(last),
        recognised,
        lines: shown,
        weighed,
        is_too_little,
    })
}

/// What makes it unlikely that the failure ended by this error, though it stands there as it is known.
fn doubts(found: &Found, rule: &MatchRule, symptom: &Symptom, lines: &[Line]) -> Vec<&'static str> {
    let at: Vec<usize> = found.hits.iter().map(|hit| hit.line).collect();
    // What our own record says of a service holds, whatever the service printed.
    let is_printed = at.iter().all(|line| lines[*line].by == Speaker::Program);
    let each = [
        (is_only_mild(found, lines), "only a warning, and another error follows"),
        (is_printed && said::compares(lines), "it stands in a report of tests"),
        // What ended well says that it tried again.
        (symptom.rc == Some(0) && !rule.rc.contains(&0), "it ended with status 0"),
        (is_printed && said::has_other_defect(lines, &at), "the program ended by a defect of its own"),
        (at.last().is_some_and(|last| said::goes_on_after(lines, *last)), "the program went on without it"),
    ];
    each.into_iter().filter(|(holds, _)| *holds).map(|(_, why)| why).collect()
}

/// Points that the known facts speak for a playbook, and against it.
fn facts(rule: &MatchRule, symptom: &Symptom, weighed: &mut Vec<String>) -> (u8, u8) {
    let phase = symptom.phase.filter(|_| !rule.phase.is_empty());
    let step = rule.step.as_deref().zip(symptom.step.as_ref()).and_then(|(pattern, step)| {
        let pattern = compile(pattern).ok()?;
        Some((format!("step {step}"), pattern.is_match(step.as_str())))
    });
    let rc = symptom.rc.filter(|_| !rule.rc.is_empty());
    let tool = match rule.tool.as_deref().map(|pattern| tool::agrees(pattern, symptom.tool.as_deref())) {
        None | Some(Agrees::Open) => None,
        Some(agrees) => Some((format!("tool {}", program_name(symptom)), agrees == Agrees::Yes)),
    };
    let known = [
        (phase.map(|phase| (format!("phase {phase}"), rule.phase.contains(&phase))), 4),
        (step, 7),
        (rc.map(|rc| (format!("rc {rc}"), rule.rc.contains(&rc))), 4),
        (tool, 7),
    ];
    let (mut for_it, mut against) = (0, 0);
    for (fact, points) in known {
        match fact {
            None => {}
            Some((name, true)) => {
                weighed.push(name);
                for_it += points;
            }
            Some((name, false)) => {
                weighed.push(format!("not {name}"));
                against += 3 * points;
            }
        }
    }
    (for_it, against)
}

fn program_name(symptom: &Symptom) -> &str {
    let first = symptom.tool.as_deref().and_then(|tool| tool.split_whitespace().next()).unwrap_or_default();
    first.rsplit('/').next().unwrap_or(first)
}

/// Whether its error stands only in lines after which the program went on, to an error that it does not know.
fn is_only_mild(found: &Found, lines: &[Line]) -> bool {
    let Some(last) = found.hits.last().map(|hit| hit.line) else { return false };
    found.hits.iter().all(|hit| lines[hit.line].is_mild()) && lines[last + 1..].iter().any(Line::is_error)
}

/// Lines to the end. What our own record says stands beside the program's last lines, not below them.
fn distance(line: &Line) -> usize {
    if line.by == Speaker::Record { 8 } else { line.to_the_end }
}

/// 0–10 points: full within the last five lines, none from fifty-five on.
fn nearness(line: &Line) -> u8 {
    let beyond = distance(line).saturating_sub(5) / 5;
    10 - u8::try_from(beyond).map_or(10, |beyond| beyond.min(10))
}

/// Where a narrower cause fits strongly, the more general ones do not.
fn narrower_first(below: &BTreeMap<&str, BTreeSet<&str>>, fits: &mut [Fit<'_>]) {
    let is_below = |general: &str, narrow: &str| below.get(narrow).is_some_and(|ids| ids.contains(general));
    let strong: Vec<&str> = fits
        .iter()
        .filter(|fit| fit.strength == Strength::Strong)
        .map(|fit| fit.playbook.id.as_str())
        .collect();
    for fit in fits.iter_mut().filter(|fit| fit.strength == Strength::Strong) {
        let id = fit.playbook.id.as_str();
        let by = strong.iter().find(|other| **other != id && is_below(id, other) && !is_below(other, id));
        if let Some(by) = by {
            weaken(fit, format!("{by} is narrower"));
        }
    }
}

/// Leaves one strong match, the first; none where two weigh the same.
fn pick(fits: &mut [Fit<'_>]) {
    let weight = |fit: &Fit<'_>| (fit.score, fit.to_the_end, fit.recognised);
    let Some(first) = fits.first().filter(|fit| fit.strength == Strength::Strong) else { return };
    let (best, id) = (weight(first), first.playbook.id.clone());
    let is_strong = |fit: &&mut Fit<'_>| fit.strength == Strength::Strong;
    let mut tied = false;
    for fit in fits[1..].iter_mut().filter(is_strong) {
        tied |= weight(fit) == best;
        weaken(fit, format!("{id} weighs more, or as much"));
    }
    if tied {
        weaken(&mut fits[0], "another one fits as well".to_owned());
    }
}

fn weaken(fit: &mut Fit<'_>, why: String) {
    fit.strength = Strength::Possible;
    fit.score = fit.score.min(BELOW_STRONG);
    fit.weighed.push(why);
}

fn shown(fit: Fit<'_>) -> PlaybookMatch {
    PlaybookMatch {
        id: fit.playbook.id.clone(),
        strength: fit.strength,
        score: fit.score,
        lines: fit.lines,
        weighed: fit.weighed,
        headline: fit.playbook.fix.adhoc.headline().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::phase::Phase;
    use crate::model::playbook::{Adhoc, Fix};

    fn playbook(id: &str, symptom: &str, when: Option<MatchRule>) -> Playbook {
        Playbook {
            id: id.to_owned(),
            symptom: symptom.to_owned(),
            detection: Vec::new(),
            root_cause: String::new(),
            fix: Fix {
                bootstrap_script: String::new(),
                bootstrap_change: String::new(),
                adhoc: Adhoc::Text("# do this\nholdpoint doctor\n".to_owned()),
            },
            verify: Vec::new(),
            services: vec!["wikijs".to_owned()],
            tags: Vec::new(),
            when,
        }
    }

    fn says(id: &str, output: &str) -> Playbook {
        playbook(id, "", Some(rule(output)))
    }

    fn rule(output: &str) -> MatchRule {
        MatchRule { output: vec![output.to_owned()], ..MatchRule::default() }
    }

    fn over(mut playbook: Playbook, others: &[&str]) -> Playbook {
        let when = playbook.when.get_or_insert_default();
        when.over = others.iter().map(|id| (*id).to_owned()).collect();
        playbook
    }

    fn text(said: &str) -> Symptom {
        Symptom { said: vec![said.to_owned()], ..Symptom::default() }
    }

    fn names(playbooks: &[Playbook], symptom: &Symptom) -> Vec<String> {
        let each = matching(&Prepared::new(playbooks), symptom, Picked::One);
        each.iter()
            .map(|one| format!("{} {:?}", one.id.trim_start_matches("release-"), one.strength))
            .collect()
    }

    #[test]
    fn another_service_and_another_number_are_the_same_failure() {
        let known = [playbook(
            "release-x",
            "It breaks:\n  ✗ wikijs.healthy: unhealthy\n  ✗ http-health: HTTP 0\n",
            None,
        )];
        assert_eq!(names(&known, &text("redmine.healthy: unhealthy")), ["x Strong"]);
        assert_eq!(names(&known, &text("✗ http-health: HTTP 502")), ["x Strong"]);
        assert_eq!(names(&known, &text("well ✗ http-health: HTTP 502 of late")), ["x Possible"]);
        assert!(
            names(&known, &text("It breaks:\nwikijs.unhealthy: no")).is_empty(),
            "prose and parts of words"
        );
    }

    #[test]
    fn thin_words_make_it_possible_in_any_phase_and_give_way_to_a_strong_match() {
        let thin = |id: &str| {
            let phase = vec![Phase::Migrate];
            let when = MatchRule { possible: vec!["refused".to_owned()], phase, ..rule("table is gone") };
            playbook(id, "", Some(when))
        };
        let known = [thin("release-a"), says("release-b", "out of paper")];
        assert_eq!(names(&known, &text("access refused")), ["a Possible"]);
        assert_eq!(names(&known, &text("access refused\ntable is gone")), ["a Strong"]);
        assert_eq!(names(&known, &text("access refused\nout of paper")), ["b Strong"], "nothing beside it");
        let elsewhere = Symptom { phase: Some(Phase::Verify), ..text("table is gone, access refused") };
        assert_eq!(
            names(&known, &elsewhere),
            ["a Possible"],
            "what is surely its own counts in its phase only"
        );
        let elsewhere = Symptom { phase: Some(Phase::Verify), ..text("table is gone") };
        assert!(names(&known, &elsewhere).is_empty());
    }

    #[test]
    fn where_nothing_was_said_the_exit_status_is_looked_at() {
        let known = [says("release-oom", r"\bexit status 137\b")];
        let ended = |said: &str| Symptom { rc: Some(137), ..text(said) };
        assert_eq!(names(&known, &ended("")), ["oom Strong"]);
        assert!(names(&known, &ended("something")).is_empty());
    }

    #[test]
    fn an_expression_is_strong_on_its_own_and_its_line_is_shown() {
        let known = [says("release-port-taken", "port is already allocated")];
        let said = text("Creating\nError: Bind for 0.0.0.0:80 failed: port is already allocated\n");
        let found = matching(&Prepared::new(&known), &said, Picked::One);
        assert_eq!(found[0].strength, Strength::Strong);
        assert!((60..=100).contains(&found[0].score), "{found:?}");
        assert_eq!(found[0].lines, ["Error: Bind for 0.0.0.0:80 failed: port is already allocated"]);
        assert_eq!(found[0].line(), "release-port-taken (strong match): do this");
        assert!(names(&known, &text("the port is free")).is_empty());
    }

    #[test]
    fn a_line_that_tells_of_another_state_takes_the_match_away() {
        let when = MatchRule { unless: vec!["^HEAD is what".to_owned()], ..rule("nothing to release") };
        let known = [playbook("release-x", "", Some(when))];
        assert_eq!(names(&known, &text("nothing to release")), ["x Strong"]);
        assert!(names(&known, &text("nothing to release\n  HEAD is what the last release left")).is_empty());
    }

    #[test]
    fn what_is_known_speaks_for_a_playbook_or_takes_its_strength() {
        let when = MatchRule {
            phase: vec![Phase::Migrate],
            step: Some(r"\.recreate$".to_owned()),
            rc: vec![1],
            tool: Some("docker".to_owned()),
            ..rule("boom")
        };
        let known = [playbook("release-x", "", Some(when))];
        let all = Symptom {
            phase: Some(Phase::Migrate),
            step: Some(crate::model::id::StepName::new(["wiki", "recreate"])),
            rc: Some(1),
            tool: Some("docker compose up".to_owned()),
            ..text("boom")
        };
        let alone = matching(&Prepared::new(&known), &text("boom"), Picked::One).remove(0);
        let found = matching(&Prepared::new(&known), &all, Picked::One).remove(0);
        assert_eq!((alone.strength, found.strength), (Strength::Strong, Strength::Strong));
        assert!(found.score > alone.score);
        assert_eq!(found.weighed, ["phase migrate", "step wiki.recreate", "rc 1", "tool docker"]);
        assert!(names(&known, &Symptom { phase: Some(Phase::Verify), ..all.clone() }).is_empty());
        for against in [
            Symptom { step: Some(crate::model::id::StepName::new(["wiki", "pull"])), ..all.clone() },
            Symptom { rc: Some(2), ..all.clone() },
            Symptom { tool: Some("git fetch".to_owned()), ..all.clone() },
        ] {
            assert_eq!(names(&known, &against), ["x Possible"]);
        }
        let scripted = Symptom { tool: Some("bash releases/1.sh".to_owned()), ..all };
        assert_eq!(names(&known, &scripted), ["x Strong"], "a script may have run anything");
    }

    #[test]
    fn a_narrower_cause_beats_a_general_one_through_others_too() {
        let known = [
            says("release-general", "failed"),
            over(says("release-middle", "middle"), &["release-general"]),
            over(says("release-narrow", "no space"), &["release-middle"]),
        ];
        let said = text("pg_dump: no space left on device\nbackup failed");
        assert_eq!(names(&known, &said), ["narrow Strong", "general Possible"]);
        assert_eq!(names(&known, &text("backup failed")), ["general Strong"]);
        let all = matching(&Prepared::new(&known), &said, Picked::All);
        assert_eq!(all.iter().filter(|one| one.strength == Strength::Strong).count(), 1);
    }

    #[test]
    fn two_that_name_each_other_do_not_hide_each_other() {
        let known = [
            over(says("release-a", "aaaa"), &["release-b"]),
            over(says("release-b", "bbbb"), &["release-a"]),
        ];
        assert_eq!(
            matching(&Prepared::new(&known), &text("aaaa\nbbbb"), Picked::All)[1].strength,
            Strength::Strong
        );
    }

    #[test]
    fn of_two_that_know_nothing_of_each_other_the_later_and_longer_error_is_it_and_equals_are_neither() {
        let known = [says("release-a", "first thing"), says("release-b", "other thing")];
        let far = format!("first thing\n{}other thing\n", "x\n".repeat(30));
        assert_eq!(names(&known, &text(&far)), ["b Strong", "a Possible"]);
        let same = [says("release-a", "some"), says("release-b", "thing is wrong here")];
        assert_eq!(names(&same, &text("something is wrong here")), ["b Strong", "a Possible"]);
        let equal = [says("release-a", "boom"), says("release-b", "boom")];
        assert_eq!(names(&equal, &text("boom")), ["a Possible", "b Possible"]);
    }

    #[test]
    fn a_warning_before_another_error_is_only_possible() {
        let known = [says("release-env-missing", "variable is not set")];
        let warned = "WARN[0000] The \"TAG\" variable is not set. Defaulting to a blank string.\n";
        assert_eq!(names(&known, &text(warned)), ["env-missing Strong"], "nothing else is said");
        let then = warned.to_owned() + "Error response from daemon: no such container\n";
        assert_eq!(names(&known, &text(&then)), ["env-missing Possible"]);
        assert_eq!(
            names(
                &[says("release-refused", "connection refused")],
                &text("connection refused, retrying\nError: syntax\n")
            ),
            ["refused Possible"]
        );
    }

    #[test]
    fn what_tests_compare_is_possible_and_what_stopped_them_is_strong() {
        let known = [says("release-disk-full", "No space left")];
        let compared = "E   AssertionError: assert 'No space left' == 'full'\n1 failed in 0.04s\n";
        assert_eq!(names(&known, &text(compared)), ["disk-full Possible"]);
        let stopped = "E   OSError: [Errno 28] No space left on device\n1 failed in 0.04s\n";
        assert_eq!(names(&known, &text(stopped)), ["disk-full Strong"]);
        let told = Symptom { told: vec!["disk: No space left".to_owned()], ..text(compared) };
        assert_eq!(names(&known, &told), ["disk-full Strong"], "our own record is no data of a test");
    }

    #[test]
    fn what_the_program_survived_is_possible_at_most() {
        let known = [says("release-lost", "connection refused")];
        let defect = "connection refused\nTypeError: can only concatenate str\n";
        for survived in [defect, "connection refused\nnot reachable, using the other\nrows differ\n"] {
            assert_eq!(names(&known, &text(survived)), ["lost Possible"], "{survived}");
        }
        let told = Symptom { told: vec!["wikijs: connection refused".to_owned()], ..text(defect) };
        assert_eq!(
            names(&known, &told),
            ["lost Strong"],
            "our own record holds, whatever the service printed"
        );
    }

    #[test]
    fn what_ended_well_is_possible_at_most() {
        let known = [says("release-lost", "Connection refused")];
        let ended = |rc| Symptom { rc: Some(rc), ..text("Connection refused\nup") };
        assert_eq!(names(&known, &ended(0)), ["lost Possible"]);
        assert_eq!(names(&known, &ended(7)), ["lost Strong"]);
    }

    #[test]
    fn words_that_are_said_of_other_things_are_sure_only_together_and_leave_nothing_sure() {
        let output = vec!["smoke".to_owned(), "refused".to_owned()];
        let careful =
            playbook("release-health", "", Some(MatchRule { output, enough: Some(2), ..rule("x") }));
        let known = [careful, says("release-lost", "^curl")];
        assert_eq!(names(&known, &text("smoke\nrefused")), ["health Strong"]);
        assert_eq!(names(&known, &text("smoke\nsmoke")), ["health Possible"]);
        assert_eq!(names(&known, &text("curl\nsmoke test")), ["health Possible", "lost Possible"]);
        let recorded = Symptom { told: vec!["smoke".to_owned()], ..Symptom::default() };
        assert_eq!(names(&known, &recorded), ["health Strong"], "our own record is not doubted");
    }

    #[test]
    fn a_count_of_none_is_no_failure() {
        let known = [says("release-oom", "out of memory")];
        assert!(names(&known, &text("out of memory events: 0")).is_empty());
        assert_eq!(names(&known, &text("out of memory events: 4")), ["oom Strong"]);
    }

    #[test]
    fn hostile_text_is_only_text() {
        let known = [playbook("release-x", "  ((((.*+?[\\ <a b> …\n", None), says("release-y", "(a")];
        let long = "x".repeat(1 << 20);
        for said in [long.as_str(), "é\u{1b}[31m", "((((.*+?[\\ nothing", ""] {
            assert!(names(&known, &text(said)).is_empty());
        }
    }

    proptest! {
        #[test]
        fn no_playbook_and_no_output_panics(
            output in r"[a-z()\[\]{}|*+?^$\\.]{0,20}|.{0,20}",
            symptom in r"(?s)( {2}[a-z<>.*0-9…-]{0,20}\n|.{0,20}){0,3}",
            tool in r#"[a-z'" =/.-]{0,20}|.{0,20}"#,
            said in r"(?s)([a-z0-9:. \r]{0,30}\n|.{0,30}){0,5}",
            rc in any::<i32>(),
        ) {
            let when = MatchRule { tool: Some(output.clone()), step: Some(output.clone()), rc: vec![rc], ..rule(&output) };
            let known = [playbook("release-x", &symptom, Some(when)), playbook("release-y", &symptom, None)];
            let failed = Symptom { tool: Some(tool), rc: Some(rc), told: vec![symptom.clone()], ..text(&said) };
            for found in matching(&Prepared::new(&known), &failed, Picked::One) {
                prop_assert!(found.score <= 100);
                prop_assert_eq!(found.strength == Strength::Strong, found.score >= FOUND);
            }
        }
    }
}
