//! After a halt (design/04): what failed, where to look, and the ways on and back.

use crate::model::outcome::Ending;
use crate::model::phase::Phase;
use crate::model::view::{FailureView, NextCommand, RunView, ServiceEnd, ServiceNow};
use crate::report::text::{Add, Ink, clean, clean_lines, duration, names};

/// The block of design/04, in its order. The seed's lines are printed exactly as the seed has them.
pub fn render(failure: &FailureView) -> String {
    let mut out = format!("{}\n", Ink::Bad.paint(&format!("✗ {}", clean(&failure.headline))));
    for cause in &failure.causes {
        out.push_str(&cause_line(cause));
    }
    for line in &failure.output {
        out.add(format_args!("  {} {}\n", Ink::Faint.paint("│"), clean(line)));
    }
    out.push_str(&field("services", &services(&failure.services)));
    out.push_str(&field("look", &joined(&failure.look)));
    out.push_str(&field("evidence", &clean(failure.evidence.as_deref().unwrap_or_default())));
    for playbook in &failure.playbooks {
        out.push_str(&field("playbook", &clean(playbook)));
    }
    for note in &failure.notes {
        for line in clean_lines(note) {
            out.add(format_args!("  {line}\n"));
        }
    }
    out.push_str(&ways(failure));
    out
}

/// The last words of a verb that changed something.
pub fn last_words(view: &RunView) -> String {
    let mut out = String::new();
    if let Some(failure) = &view.failure {
        out.push('\n');
        out.push_str(&render(failure));
    } else if let Some(line) = closing(view) {
        out.add(format_args!("{line}\n"));
    }
    for line in view.lines.iter().flat_map(|line| clean_lines(line)) {
        out.add(format_args!("{line}\n"));
    }
    out.push_str(&next(&view.next));
    out
}

/// Commands with the moment to type them.
pub fn next(commands: &[NextCommand]) -> String {
    let mut out = String::new();
    for next in commands {
        out.add(format_args!("{}:\n{}", clean(&next.when), typed(&next.command)));
    }
    out
}

fn closing(view: &RunView) -> Option<String> {
    let attempt = view.attempt.as_ref()?;
    let status = view.status.map_or("ended", |status| status.word());
    let took = duration(view.ms);
    let line = match view.ending {
        Ending::Ok => Ink::Good.paint(&format!("✓ {attempt} {status} in {took}")),
        Ending::Held => Ink::Warn.paint(&format!("‖ {attempt} is held after {took}")),
        Ending::Interrupted | Ending::Terminated => {
            Ink::Warn.paint(&format!("! {attempt} was interrupted after {took}"))
        }
        _ => Ink::Bad.paint(&format!("✗ {attempt} {status} after {took}")),
    };
    Some(line)
}

fn cause_line(cause: &str) -> String {
    let mut out = String::new();
    for (i, line) in clean_lines(cause).enumerate() {
        if i == 0 {
            let line = if line.starts_with(['✗', '[']) { line } else { format!("✗ {line}") };
            out.add(format_args!("{}\n", Ink::Bad.paint(&line)));
        } else {
            out.add(format_args!("    {line}\n"));
        }
    }
    out
}

fn field(name: &str, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    format!("  {} {value}\n", Ink::Faint.paint(&format!("{name:<10}")))
}

fn services(services: &[ServiceEnd]) -> String {
    let each = |end: &ServiceEnd| {
        let ink = match end.now {
            ServiceNow::New => Ink::Good,
            ServiceNow::Old | ServiceNow::Untouched => Ink::Faint,
            ServiceNow::Stopped | ServiceNow::Unknown => Ink::Bad,
        };
        format!("{} {}", end.name, ink.paint(end.now.word()))
    };
    services.iter().map(each).collect::<Vec<_>>().join(" · ")
}

fn joined(commands: &[String]) -> String {
    commands.iter().map(|c| Ink::Command.paint(&clean(c))).collect::<Vec<_>>().join(" · ")
}

fn ways(failure: &FailureView) -> String {
    let mut out = format!("{} failed in phase {}.", names([failure.what.as_str()], "run"), failure.phase);
    match &failure.roll_back {
        Some(command) => out.add(format_args!(" To roll back:\n{}", typed(command))),
        None if failure.phase == Phase::Prepare => out.push_str(left_by_prepare(failure)),
        None => out.push('\n'),
    }
    if let Some(command) = &failure.go_on {
        out.add(format_args!("To go on once the cause is fixed:\n{}", typed(command)));
    }
    out
}

fn left_by_prepare(failure: &FailureView) -> &'static str {
    // Git replaces the checkout's files one by one.
    let in_git = failure.step.as_ref().is_some_and(|step| step.as_str().starts_with("git."));
    if in_git {
        " No service was touched; `git status` says how the tree is.\n"
    } else {
        " Nothing was changed.\n"
    }
}

fn typed(command: &str) -> String {
    let mut out = String::new();
    for line in clean_lines(command) {
        out.add(format_args!("    {}\n", Ink::Command.paint(&line)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::id::{ServiceName, StepName};
    use crate::model::release::Status;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn service(name: &str, now: ServiceNow) -> ServiceEnd {
        ServiceEnd { name: name.parse::<ServiceName>().unwrap(), now }
    }

    fn verify() -> FailureView {
        FailureView {
            what: "release-run".to_owned(),
            phase: Phase::Verify,
            step: None,
            headline: "verify failed: 2 of 9 checks".to_owned(),
            causes: vec!["wikijs.healthy: unhealthy".to_owned(), "http-health: HTTP 0 (wikijs)".to_owned()],
            output: Vec::new(),
            services: vec![service("wikijs", ServiceNow::New), service("redmine", ServiceNow::Untouched)],
            look: vec!["just status wikijs".to_owned(), "just logs wikijs".to_owned()],
            evidence: Some(".asd/workspace/releases/1234/1/evidence/1".to_owned()),
            playbooks: vec!["release-verify-race (strong match): re-run just verify".to_owned()],
            notes: Vec::new(),
            roll_back: Some("just release-revert 1234".to_owned()),
            go_on: Some("just release-run 1234 --from=verify".to_owned()),
        }
    }

    #[test]
    fn a_failure_reads_as_the_design_shows_it() {
        insta::assert_snapshot!(plain(&render(&verify())), @r"
        ✗ verify failed: 2 of 9 checks
        ✗ wikijs.healthy: unhealthy
        ✗ http-health: HTTP 0 (wikijs)
          services   wikijs new · redmine untouched
          look       just status wikijs · just logs wikijs
          evidence   .asd/workspace/releases/1234/1/evidence/1
          playbook   release-verify-race (strong match): re-run just verify
        release-run failed in phase verify. To roll back:
            just release-revert 1234
        To go on once the cause is fixed:
            just release-run 1234 --from=verify
        ");
    }

    #[test]
    fn a_failure_of_prepare_says_that_nothing_was_changed_and_shows_what_the_step_printed() {
        let failure = FailureView {
            phase: Phase::Prepare,
            headline: "backup.redmine.1 failed: `pg_dump` exited 1".to_owned(),
            causes: Vec::new(),
            output: vec!["pg_dump: error: \u{1b}[31mconnection refused".to_owned()],
            services: Vec::new(),
            look: Vec::new(),
            evidence: None,
            playbooks: Vec::new(),
            roll_back: None,
            go_on: Some("just release-run 1234".to_owned()),
            ..verify()
        };
        insta::assert_snapshot!(plain(&render(&failure)), @r"
        ✗ backup.redmine.1 failed: `pg_dump` exited 1
          │ pg_dump: error: \u{1b}[31mconnection refused
        release-run failed in phase prepare. Nothing was changed.
        To go on once the cause is fixed:
            just release-run 1234
        ");
    }

    #[test]
    fn what_git_left_is_said_of_prepare_alone() {
        let failed = |phase| FailureView {
            phase,
            step: Some(StepName::new(["git", "revert"])),
            roll_back: None,
            go_on: None,
            ..verify()
        };
        let said = |phase| plain(&ways(&failed(phase)));
        assert!(said(Phase::Prepare).contains("No service was touched; `git status`"));
        assert_eq!(
            said(Phase::Revert),
            "release-run failed in phase revert.\n",
            "services were stopped by then"
        );
    }

    #[test]
    fn a_good_end_is_one_line_and_what_comes_next() {
        let view = RunView {
            ending: Ending::Ok,
            attempt: "1234@1".parse().ok(),
            status: Some(Status::Reverted),
            ms: 14_200,
            lines: vec!["safety copy of wikijs: backups/wikijs/20260518_160000".to_owned()],
            failure: None,
            next: Vec::new(),
        };
        insta::assert_snapshot!(plain(&last_words(&view)), @r"
        ✓ 1234@1 reverted in 14.2s
        safety copy of wikijs: backups/wikijs/20260518_160000
        ");
    }
}
