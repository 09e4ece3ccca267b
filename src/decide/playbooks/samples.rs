//! Whether recorded failures match the playbooks that they name, and no other.

use super::weigh::{Picked, Prepared, matching};
use crate::model::lint::{Finding, Sample};
use crate::model::matching::{PlaybookMatch, Strength};

/// Samples that each playbook needs: one alone may hold a wording that no other version has.
const WANTED: usize = 2;

/// What is wrong with a sample: the playbook that it names must match first and, unless one of its expressions is not enough,
/// strongly; and no other strongly, even before the heaviest is picked; where it names none, nothing may match strongly.
pub fn sample_findings(known: &Prepared<'_>, sample: &Sample) -> Vec<Finding> {
    let say = |what: String| Finding { file: sample.file.clone(), line: 1, column: 1, what };
    let matches = matching(known, &sample.symptom, Picked::All);
    let strong = || matches.iter().filter(|one| one.strength == Strength::Strong);
    let Some(named) = &sample.playbook else {
        let wrong = |one: &PlaybookMatch| {
            say(format!("nothing may match this strongly, and `{}` does: {}", one.id, seen(one)))
        };
        return strong().map(wrong).collect();
    };
    if !known.knows(named) {
        return vec![say(format!("it names `{named}`, and there is no such playbook"))];
    }
    let mut findings = Vec::new();
    match matches.iter().find(|one| one.id == *named) {
        None => findings.push(say(format!("`{named}` does not match"))),
        Some(one) if one.strength == Strength::Possible && !known.is_careful(named) => {
            findings.push(say(format!("`{named}` matches weakly ({}): {}", one.score, seen(one))));
        }
        Some(_) => {
            let first = matches.first().filter(|first| first.id != *named);
            findings.extend(
                first.map(|first| say(format!("`{}` comes before `{named}`: {}", first.id, seen(first)))),
            );
        }
    }
    let others =
        strong().filter(|one| one.id != *named && matches.first().map(|first| &first.id) != Some(&one.id));
    findings.extend(others.map(|one| {
        let advice = "narrow it, or name it in `over`";
        say(format!("`{}` matches strongly, too ({}): {}; {advice}", one.id, one.score, seen(one)))
    }));
    findings
}

/// Playbooks of which too few failures are recorded.
pub fn too_few<'p>(
    playbooks: impl IntoIterator<Item = &'p (String, String)>,
    samples: &[Sample],
) -> Vec<Finding> {
    let of = |id: &str| samples.iter().filter(|sample| sample.playbook.as_deref() == Some(id)).count();
    let one = |(file, id): &(String, String)| {
        let count = of(id);
        (count < WANTED).then(|| Finding {
            file: file.clone(),
            line: 1,
            column: 1,
            what: format!(
                "`{id}` has {count} of {WANTED} samples: record a failure, its wording differs by version"
            ),
        })
    };
    playbooks.into_iter().filter_map(one).collect()
}

fn seen(one: &PlaybookMatch) -> String {
    let line = one.lines.last().map(|line| format!("in `{line}`"));
    line.into_iter().chain(one.weighed.iter().cloned()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::playbook::parse;
    use crate::manifest::settings::SourceFile;
    use crate::model::matching::Symptom;
    use crate::model::phase::Phase;
    use crate::model::playbook::Playbook;

    const KNOWN: &str = "\
- {id: release-race, symptom: \"\\n  ✗ <service>.healthy: starting\", match: {phase: verify}, detection: [], root_cause: r,
   fix: {bootstrap_script: a, bootstrap_change: b, adhoc: c}, verify: [], services: [], tags: []}
- {id: release-other, symptom: s, match: {output: 'other|both'}, detection: [], root_cause: r,
   fix: {bootstrap_script: a, bootstrap_change: b, adhoc: c}, verify: [], services: [], tags: []}
- {id: release-third, symptom: s, match: {output: both}, detection: [], root_cause: r,
   fix: {bootstrap_script: a, bootstrap_change: b, adhoc: c}, verify: [], services: [], tags: []}
";

    fn known() -> Vec<Playbook> {
        let file = SourceFile { path: "release-x.yaml".to_owned(), text: KNOWN.to_owned() };
        parse(&file).unwrap_or_else(|error| panic!("{error}"))
    }

    fn findings(playbook: Option<&str>, phase: Phase, said: &str) -> Vec<String> {
        let symptom = Symptom { phase: Some(phase), said: vec![said.to_owned()], ..Symptom::default() };
        let sample = Sample { file: "a.txt".to_owned(), playbook: playbook.map(str::to_owned), symptom };
        sample_findings(&Prepared::new(&known()), &sample).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn a_sample_that_matches_another_or_none_is_found() {
        let race = "✗ wikijs.healthy: starting";
        assert!(findings(Some("release-race"), Phase::Verify, race).is_empty());
        for (playbook, phase, said, wanted) in [
            (Some("release-race"), Phase::Migrate, race, "does not match"),
            (
                Some("release-race"),
                Phase::Verify,
                "it says ✗ wiki.healthy: starting, or so",
                "matches weakly",
            ),
            (Some("release-other"), Phase::Verify, race, "does not match"),
            (Some("release-other"), Phase::Verify, "both", "`release-third` matches strongly, too"),
            (Some("release-other"), Phase::Verify, "other\n✗ wikijs.healthy: starting", "comes before"),
            (Some("release-nothing"), Phase::Verify, race, "no such playbook"),
            (None, Phase::Verify, race, "nothing may match this strongly"),
        ] {
            let all = findings(playbook, phase, said);
            assert!(all.iter().any(|what| what.contains(wanted)), "{wanted}: {all:?}");
        }
    }

    #[test]
    fn a_playbook_needs_two_recorded_failures() {
        let asked = [("x.yaml".to_owned(), "release-x".to_owned())];
        assert!(too_few(&asked, &[])[0].what.contains("0 of 2"));
    }
}
