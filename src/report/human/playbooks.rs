//! Playbooks: what is known, what fits, what their commands answered.

use super::failure;
use crate::model::lint::CheckedView;
use crate::model::matching::{
    DetectionRow, DetectionView, KnownPlaybook, MatchView, Origin, Placeholders, PlaybookMatch, Shelf,
    Strength, TriedView, Verdict,
};
use crate::model::playbook::Adhoc;
use crate::model::view::NextCommand;
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, clean, clean_lines, count, names};

/// `playbook list`
pub fn list(shelf: &Shelf) -> String {
    let mut table = Columns::bare();
    for known in &shelf.playbooks {
        let ink = if known.origin == Origin::Uncommitted { Ink::Warn } else { Ink::Faint };
        table.row([
            Cell::new(clean(&known.playbook.id)).ink(Ink::Strong),
            Cell::new(known.origin.word()).ink(ink),
            Cell::new(clean(known.playbook.fix.adhoc.headline())),
        ]);
    }
    table.render() + &notes(&shelf.notes)
}

/// `playbook show`
pub fn show(known: &KnownPlaybook) -> String {
    let playbook = &known.playbook;
    let mut out = format!(
        "{} {}\n",
        Ink::Strong.paint(&clean(&playbook.id)),
        Ink::Faint.paint(&format!("({}, {})", known.origin.word(), clean(&known.file)))
    );
    out.push_str(&block("looks like", &playbook.symptom));
    out.push_str(&block("because", &playbook.root_cause));
    let each = |row: &crate::model::playbook::Detection| {
        format!("{}\n  → {}", row.command.trim(), row.expect.trim())
    };
    let detection: Vec<String> = playbook.detection.iter().map(each).collect();
    out.push_str(&block("to be sure", &detection.join("\n")));
    out.push_str(&block("now", &adhoc(&playbook.fix.adhoc)));
    out.push_str(&block("to see that it helped", &playbook.verify.join("\n")));
    out.push_str(&block(
        "for good",
        &format!("{}\n{}", playbook.fix.bootstrap_script, playbook.fix.bootstrap_change),
    ));
    out.push_str(&block("services", &names(playbook.services.iter().map(String::as_str), "any")));
    out + &block("tags", &names(playbook.tags.iter().map(String::as_str), "none"))
}

/// `playbook match`
pub fn matches(view: &MatchView) -> String {
    let mut out = String::new();
    let facts = [
        view.phase.map(|phase| format!("phase {phase}")),
        view.step.as_ref().map(|step| format!("step {step}")),
        view.rc.map(|rc| format!("rc {rc}")),
        view.tool.as_deref().map(|tool| format!("tool {tool}")),
    ];
    let facts: Vec<String> = facts.into_iter().flatten().map(|fact| clean(&fact)).collect();
    if !facts.is_empty() {
        out.add(format_args!("{}\n", Ink::Faint.paint(&facts.join(", "))));
    }
    if view.matches.is_empty() {
        out.push_str("no playbook fits\n");
    }
    for one in &view.matches {
        out.push_str(&fitting(one));
    }
    out + &notes(&view.notes) + &failure::next(&view.next)
}

fn fitting(one: &PlaybookMatch) -> String {
    let ink = if one.strength == Strength::Strong { Ink::Good } else { Ink::Warn };
    let mut out = format!(
        "{:>3} {} {}\n",
        one.score,
        ink.paint(one.strength.words()),
        Ink::Strong.paint(&clean(&one.id))
    );
    if !one.headline.is_empty() {
        out.add(format_args!("    {}\n", clean(&one.headline)));
    }
    for line in &one.lines {
        out.add(format_args!("    {} {}\n", Ink::Faint.paint("│"), clean(line)));
    }
    if !one.weighed.is_empty() {
        out.add(format_args!("    {}\n", Ink::Faint.paint(&clean(&one.weighed.join(", ")))));
    }
    out
}

/// `playbook run`: each command with its answer, then what they come to.
pub fn detection(view: &DetectionView) -> String {
    let mut out = String::new();
    for row in &view.commands {
        out.push_str(&answered(row));
    }
    let sentence = match view.verdict {
        Verdict::Confirmed => "this is it",
        Verdict::NotConfirmed => "this is another failure, or it is over",
        Verdict::NeedsAnEye => "read what was answered: a program cannot judge all of it",
    };
    let verdict = format!("{} {}: {}", sign(view.verdict), view.verdict.words(), clean(&view.id));
    out.add(format_args!("{}; {sentence}\n", ink(view.verdict).paint(&verdict)));
    out
}

fn answered(row: &DetectionRow) -> String {
    let mut out = String::new();
    let sign = ink(row.verdict).paint(sign(row.verdict));
    let mut lines = clean_lines(&row.command);
    out.add(format_args!("{sign} {}\n", Ink::Command.paint(&lines.next().unwrap_or_default())));
    lines.for_each(|line| out.add(format_args!("  {}\n", Ink::Command.paint(&line))));
    for line in row.output.iter().flat_map(|line| clean_lines(line)) {
        out.add(format_args!("  {} {line}\n", Ink::Faint.paint("│")));
    }
    let rc = row.rc.map(|rc| format!("rc={rc}, ")).unwrap_or_default();
    let how = row.trouble.as_deref().map_or_else(
        || format!("{rc}expected: {}", clean(&row.expect.lines().collect::<Vec<_>>().join(" "))),
        clean,
    );
    out.add(format_args!("  {}\n", Ink::Faint.paint(&how)));
    out
}

/// `playbook run`: its detection, and below it what it would do now.
pub fn tried(view: &TriedView, known: &KnownPlaybook, values: &Placeholders) -> String {
    let plan = view.remedy.as_ref().filter(|remedy| !remedy.run.is_empty());
    let plan = plan.map_or_else(String::new, |remedy| {
        format!("{}\n", Ink::Faint.paint(&format!("plan {}", remedy.plan)))
    });
    // Filled in, as they would run and be typed; as they are written where a value is missing.
    let filled = view
        .remedy
        .as_ref()
        .map(|remedy| remedy.run.iter().chain(&remedy.typed).cloned().collect::<Vec<_>>().join("\n"));
    let now = filled.unwrap_or_else(|| adhoc(&known.playbook.fix.adhoc));
    detection(&view.detection) + &remedy(known, values, &now, &plan)
}

fn remedy(known: &KnownPlaybook, values: &Placeholders, now: &str, plan: &str) -> String {
    let ticket = values.ticket.as_ref().map(|ticket| format!(" --ticket {ticket}")).unwrap_or_default();
    let service = values.service.as_ref().map(|service| format!(" --service {service}")).unwrap_or_default();
    let id = &known.playbook.id;
    let next = [NextCommand {
        when: "to do that, each command shown before it runs".to_owned(),
        command: format!("holdpoint playbook run {id}{ticket}{service} --apply"),
    }];
    block("now", now) + plan + &failure::next(&next)
}

/// `playbook lint` and `playbook test`: findings as editors read them, then how much was looked at.
pub fn checked(view: &CheckedView) -> String {
    let mut out = String::new();
    for finding in &view.findings {
        let file = clean(&finding.file);
        let place =
            if finding.line == 0 { file } else { format!("{file}:{}:{}", finding.line, finding.column) };
        out.add(format_args!("{place}: {}\n", clean(&finding.what)));
    }
    let mut looked = count(view.playbooks, "playbook");
    if view.samples > 0 {
        looked.add(format_args!(", {}", count(view.samples, "sample")));
    }
    if view.findings.is_empty() {
        out.add(format_args!("{} {looked}, nothing is wrong\n", Ink::Good.paint("✓")));
    } else {
        let found = count(view.findings.len(), "finding");
        out.add(format_args!("{} {looked}, {found}\n", Ink::Bad.paint("✗")));
    }
    out
}

/// Commands with the moment to type them.
pub fn next(commands: &[NextCommand]) -> String {
    failure::next(commands)
}

fn notes(notes: &[String]) -> String {
    let mut out = String::new();
    for note in notes {
        out.add(format_args!("{} {}\n", Ink::Warn.paint("!"), clean(note)));
    }
    out
}

fn adhoc(adhoc: &Adhoc) -> String {
    match adhoc {
        Adhoc::Text(text) => text.clone(),
        Adhoc::List(list) => list.join("\n"),
    }
}

fn block(name: &str, text: &str) -> String {
    let mut out = format!("{}\n", Ink::Faint.paint(name));
    for line in clean_lines(text.trim_end()) {
        out.add(format_args!("  {line}\n"));
    }
    out
}

const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Confirmed => "✓",
        Verdict::NotConfirmed => "✗",
        Verdict::NeedsAnEye => "?",
    }
}

const fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Confirmed => Ink::Good,
        Verdict::NotConfirmed => Ink::Bad,
        Verdict::NeedsAnEye => Ink::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::lint::Finding;
    use crate::model::phase::Phase;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_match_shows_its_score_its_lines_and_what_to_type() {
        let one = PlaybookMatch {
            id: "release-port-taken".to_owned(),
            strength: Strength::Strong,
            score: 86,
            lines: vec!["port is already allocated\u{1b}[2J".to_owned()],
            weighed: vec!["phase migrate".to_owned()],
            headline: "stop what holds the port".to_owned(),
        };
        let mut view = MatchView {
            ticket: "1234".parse().ok(),
            phase: Some(Phase::Migrate),
            step: None,
            rc: Some(1),
            tool: None,
            matches: vec![one],
            notes: vec!["release-bad.yaml: no".to_owned()],
            next: vec![NextCommand {
                when: "to be sure".to_owned(),
                command: "holdpoint playbook run x".to_owned(),
            }],
        };
        insta::assert_snapshot!(plain(&matches(&view)), @r"
        phase migrate, rc 1
         86 strong match release-port-taken
            stop what holds the port
            │ port is already allocated\u{1b}[2J
            phase migrate
        ! release-bad.yaml: no
        to be sure:
            holdpoint playbook run x
        ");
        view.matches.clear();
        assert!(matches(&view).contains("no playbook fits"));
    }

    #[test]
    fn an_answer_stands_below_its_command_with_what_was_expected() {
        let row = |verdict, trouble: Option<&str>| DetectionRow {
            command: "holdpoint status wikijs".to_owned(),
            expect: "rc=0".to_owned(),
            verdict,
            rc: trouble.is_none().then_some(1),
            output: vec!["wikijs\u{7} down".to_owned()],
            trouble: trouble.map(str::to_owned),
        };
        let view = DetectionView {
            id: "release-x".to_owned(),
            verdict: Verdict::NotConfirmed,
            commands: vec![
                row(Verdict::NotConfirmed, None),
                row(Verdict::NeedsAnEye, Some("not run: it is not committed")),
            ],
        };
        insta::assert_snapshot!(plain(&detection(&view)), @r"
        ✗ holdpoint status wikijs
          │ wikijs\u{7} down
          rc=1, expected: rc=0
        ? holdpoint status wikijs
          │ wikijs\u{7} down
          not run: it is not committed
        ✗ not confirmed: release-x; this is another failure, or it is over
        ");
    }

    #[test]
    fn findings_stand_as_an_editor_reads_them() {
        let finding = Finding { file: "a.yaml".to_owned(), line: 3, column: 7, what: "no".to_owned() };
        let whole = Finding { line: 0, column: 0, ..finding.clone() };
        let view = CheckedView { playbooks: 2, samples: 1, findings: vec![whole, finding] };
        insta::assert_snapshot!(plain(&checked(&view)), @"
        a.yaml: no
        a.yaml:3:7: no
        ✗ 2 playbooks, 1 sample, 2 findings
        ");
    }
}
