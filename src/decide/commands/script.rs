//! `migrate.sh`: phase 2 to read, the same commands in the same order.

use std::fmt::Write as _;

use crate::model::phase::Phase;
use crate::model::plan::{Action, Plan};
use crate::model::spec::CommandSpec;

/// Phase 2 as a script to read. Its first line refuses to run: only the engine records, checks and stops in order.
pub fn migrate_script(plan: &Plan) -> String {
    let attempt = &plan.attempt;
    let mut text = format!(
        "echo 'this is for reading: it is run by `holdpoint run {}`' >&2; exit 64\n#\n# Phase migrate of {attempt}: \
         {} to {}.\n# Each command starts in the folder named before it and must exit 0.\n",
        attempt.ticket,
        plan.base.short(),
        plan.target.short()
    );
    for step in plan.steps.iter().filter(|step| step.phase == Phase::Migrate) {
        // Writing to a string cannot fail.
        let _ = write!(text, "\n# {}: {}", step.name, step.title);
        if !step.after.is_empty() {
            let names: Vec<&str> = step.after.iter().map(crate::model::id::StepName::as_str).collect();
            let _ = write!(text, " (after {})", names.join(", "));
        }
        text.push('\n');
        match &step.action {
            Action::Commands { commands, .. } => commands.iter().for_each(|command| push(&mut text, command)),
            Action::Health(job) => {
                let asked = job.probe.as_ref().map_or("its containers' own state", |probe| &probe.url);
                let _ = writeln!(text, "# waits up to {} for {asked}", job.deadline);
            }
            _ => {}
        }
    }
    text
}

fn push(text: &mut String, command: &CommandSpec) {
    let quoted =
        |word: &str| shlex::try_quote(word).map_or_else(|_| "'?'".to_owned(), std::borrow::Cow::into_owned);
    let _ = write!(text, "( cd {} &&", quoted(&command.cwd.to_string_lossy()));
    for (name, value) in &command.env {
        let _ = write!(text, " {name}={}", quoted(value));
    }
    for word in &command.argv {
        let _ = write!(text, " {}", quoted(word));
    }
    text.push_str(" )\n");
}
