//! A playbook for a failure that no playbook knows yet, filled in as far as the record goes.

use super::lint::UNSAID;
use super::said::{self, Line};
use crate::model::escape::neutralise;
use crate::model::id::{ServiceName, StepName, TicketId};
use crate::model::matching::Symptom;
use crate::model::phase::Phase;

/// Lines that a draft quotes.
const QUOTED: usize = 5;

/// Lines of a drafted sample.
const SAMPLE: usize = 60;

/// A drafted playbook and the sample beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Its id.
    pub id: String,
    /// The YAML of its file.
    pub playbook: String,
    /// The recorded failure.
    pub sample: String,
}

/// Drafts a playbook from how a ticket's failure looked. What only a person can say stands as `TODO`, and `lint` finds it.
pub fn draft(ticket: &TicketId, service: Option<&ServiceName>, symptom: &Symptom) -> Draft {
    let id = id_of(ticket, symptom);
    let lines = said::lines(symptom);
    let quoted = telling(&lines);
    let mut text = vec![
        format!("# {UNSAID}: one line for whoever reads the folder. Drafted from {ticket}."),
        format!("- id: {id}"),
        "  symptom: |".to_owned(),
        format!("    {UNSAID}: what the operator sees. The lines to grep for:"),
    ];
    text.extend(quoted.iter().map(|line| format!("      {line}")));
    text.push("  match:".to_owned());
    text.extend(symptom.phase.map(|phase| format!("    phase: {phase}")));
    text.extend(symptom.step.as_ref().map(|step| {
        let (own, before) = of_step(ticket, symptom.phase, step.as_str());
        format!("    step: {}", single(&format!("{before}{}$", regex::escape(own))))
    }));
    text.extend(symptom.rc.map(|rc| format!("    rc: {rc}")));
    let program = symptom.tool.as_deref().and_then(|tool| tool.split_whitespace().next());
    text.extend(program.map(|path| {
        let name = path.rsplit('/').next().unwrap_or(path);
        format!("    tool: {}", single(&regex::escape(name)))
    }));
    text.push("    output:".to_owned());
    text.extend(quoted.last().map(|line| format!("      - {}", single(&general(line)))));
    text.push(rest(service));
    Draft { playbook: text.join("\n"), sample: sample(&id, ticket, symptom, &lines), id }
}

fn rest(service: Option<&ServiceName>) -> String {
    let services = service.map_or(String::new(), ToString::to_string);
    format!(
        "  detection:
    - command: holdpoint status {{{{service}}}}
      expect: '{UNSAID}: rc=N, /expression/, or lines that must appear'
  root_cause: |
    {UNSAID}: why it happens, and which layer is at fault.
  fix:
    bootstrap_script: '{UNSAID}: the file, and the function in it'
    bootstrap_change: |
      {UNSAID}: what to change there, so that it does not come back.
    adhoc: |
      # {UNSAID}: in one line, what helps now
      holdpoint status {{{{service}}}}
  verify:
    - holdpoint status {{{{service}}}}
  services: [{services}]
  tags: [release]
"
    )
}

/// The part of a step's name that other releases have as well, and the expression for what stands before it: what is done to
/// a service, or a script's name without its ticket, whose dots are its own.
fn of_step<'s>(ticket: &TicketId, phase: Option<Phase>, step: &'s str) -> (&'s str, &'static str) {
    if phase != Some(Phase::Ticket) {
        return (step.rsplit('.').next().unwrap_or(step), "(^|\\.)");
    }
    let script = step.strip_prefix("ticket.").unwrap_or(step);
    let own = script.strip_prefix(ticket.as_str()).and_then(|rest| rest.strip_prefix('-'));
    (own.unwrap_or(script), "(^|[.-])")
}

/// `release-1234-recreate`: a person gives it a better name.
fn id_of<'s>(ticket: &TicketId, symptom: &'s Symptom) -> String {
    let own = |step: &'s StepName| of_step(ticket, symptom.phase, step.as_str()).0.trim_end_matches(".sh");
    let step = symptom.step.as_ref().map_or("failure", own);
    let kebab = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
    let text: String = format!("release-{ticket}-{step}").chars().map(kebab).collect();
    text.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-").chars().take(60).collect()
}

/// The lines that tell of the failure: errors, the last of them; where none looks like one, the last lines.
fn telling(lines: &[Line]) -> Vec<String> {
    let errors: Vec<&Line> = lines.iter().filter(|line| line.is_error()).collect();
    let chosen = if errors.is_empty() { lines.iter().collect() } else { errors };
    let last = &chosen[chosen.len().saturating_sub(QUOTED)..];
    let mut quoted: Vec<String> = last.iter().map(|line| plain(&line.text)).collect();
    quoted.dedup();
    quoted
}

/// A line that can stand in YAML and in a patch.
fn plain(line: &str) -> String {
    neutralise(line, false).chars().take(200).collect()
}

/// A line as an expression: numbers are any number.
fn general(line: &str) -> String {
    let mut pattern = String::new();
    let mut in_number = false;
    for c in line.chars() {
        if c.is_ascii_digit() {
            if !in_number {
                pattern.push_str("[0-9]+");
            }
        } else {
            pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4])));
        }
        in_number = c.is_ascii_digit();
    }
    pattern
}

/// Text in YAML's single quotes.
fn single(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn sample(id: &str, ticket: &TicketId, symptom: &Symptom, lines: &[Line]) -> String {
    let facts = [
        ("playbook", Some(id.to_owned())),
        ("phase", symptom.phase.map(|phase| phase.to_string())),
        ("step", symptom.step.as_ref().map(ToString::to_string)),
        ("rc", symptom.rc.map(|rc| rc.to_string())),
        ("tool", symptom.tool.as_deref().map(plain)),
        ("made-by", Some(format!("the failure of {ticket}"))),
    ];
    let header = facts.into_iter().filter_map(|(key, value)| Some(format!("{key}: {}", value?)));
    let said = &lines[lines.len().saturating_sub(SAMPLE)..];
    let said = said.iter().map(|line| plain(&line.text));
    let all: Vec<String> = header.chain(std::iter::once(String::new())).chain(said).collect();
    all.join("\n") + "\n"
}

/// New files as a patch that `git apply` takes.
pub fn patch(files: &[(String, &str)]) -> String {
    let one = |(path, text): &(String, &str)| {
        let mut lines = vec![
            format!("diff --git a/{path} b/{path}"),
            "new file mode 100644".to_owned(),
            "--- /dev/null".to_owned(),
            format!("+++ b/{path}"),
            format!("@@ -0,0 +1,{} @@", text.lines().count()),
        ];
        lines.extend(text.lines().map(|line| format!("+{line}")));
        lines.join("\n") + "\n"
    };
    files.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::decide::playbooks::{Picked, Prepared, lint, matching};
    use crate::manifest::playbook::book;
    use crate::manifest::settings::SourceFile;
    use crate::model::matching::Strength;

    fn read(draft: &Draft) -> crate::manifest::playbook::Book {
        let path = format!("recovery/playbooks/{}.yaml", draft.id);
        book(&SourceFile { path, text: draft.playbook.clone() })
            .unwrap_or_else(|error| panic!("{error}\n{}", draft.playbook))
    }

    fn failed(said: &str) -> Symptom {
        Symptom {
            phase: Some(Phase::Migrate),
            step: Some(crate::model::id::StepName::new(["wiki", "recreate"])),
            rc: Some(1),
            tool: Some("docker compose up -d".to_owned()),
            told: vec!["`docker compose up -d` exited 1".to_owned()],
            said: vec![said.to_owned()],
        }
    }

    #[test]
    fn a_script_is_known_by_its_name_without_its_ticket() {
        let ticket: TicketId = "1002".parse().unwrap();
        let step = Some(StepName::new(["1002-import-users.sh"]));
        let symptom = Symptom { phase: Some(Phase::Ticket), step, ..failed("Error: no luck") };
        let draft = draft(&ticket, None, &symptom);
        assert_eq!(draft.id, "release-1002-import-users");
        assert!(draft.playbook.contains(r"step: '(^|[.-])import\-users\.sh$'"), "{}", draft.playbook);
    }

    #[test]
    fn a_draft_is_a_playbook_that_matches_its_own_failure_and_says_what_is_missing() {
        let ticket: TicketId = "1234".parse().unwrap();
        let symptom = failed("Creating\nError: it's the 17th: \u{1b}[31mno luck\n");
        let draft = draft(&ticket, "wiki".parse().ok().as_ref(), &symptom);
        assert_eq!(draft.id, "release-1234-recreate");
        let book = read(&draft);
        let found = matching(&Prepared::new(&book.playbooks), &symptom, Picked::One);
        assert_eq!((found[0].strength, &found[0].id), (Strength::Strong, &draft.id));
        let known = [draft.id.clone()].into();
        let findings = lint(&[book], &known);
        assert!(
            !findings.is_empty() && findings.iter().all(|finding| finding.what.contains(UNSAID)),
            "{findings:?}"
        );
        assert!(
            draft
                .sample
                .starts_with("playbook: release-1234-recreate\nphase: migrate\nstep: wiki.recreate\nrc: 1\n")
        );
        assert!(patch(&[("a".to_owned(), "x\ny\n")]).ends_with("@@ -0,0 +1,2 @@\n+x\n+y\n"));
    }

    proptest! {
        #[test]
        fn whatever_was_printed_the_draft_can_be_read(said in r"(?s)([ -~]{0,40}\n|.{0,40}){0,6}") {
            read(&draft(&"1234".parse().unwrap(), None, &failed(&said)));
        }
    }
}
