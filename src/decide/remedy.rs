//! What a playbook would do now, as plans for the engine (design/05): its own commands one by one or as a whole, and those
//! that prove it.

use super::Refusal;
use super::blockers;
use super::planning::{chained, commands, fingerprint, named, step};
use super::playbooks::{Unfilled, fill, is_verb_of_ours};
use super::side::plan;
use crate::model::facts::Facts;
use crate::model::id::ServiceName;
use crate::model::matching::{Placeholders, Remedy};
use crate::model::phase::Phase;
use crate::model::plan::{Plan, PlanVerb, Step, WhenUnknown};
use crate::model::playbook::{Adhoc, Playbook};
use crate::model::spec::CommandSpec;

/// What a playbook does now. A text block is run whole; verbs of ours at its end are left to a person, and where they stand
/// in its midst, all of it is.
///
/// # Errors
/// The first placeholder whose value is not known.
pub fn remedy(playbook: &Playbook, values: &Placeholders) -> Result<Remedy, Unfilled> {
    let filled = |lines: &[&str]| -> Result<Vec<String>, Unfilled> {
        lines.iter().map(|line| fill(line.trim(), values)).collect()
    };
    let (run, typed) = match &playbook.fix.adhoc {
        Adhoc::List(list) => {
            let first = list.iter().position(|line| is_verb_of_ours(line)).unwrap_or(list.len());
            let lines: Vec<&str> = list.iter().map(String::as_str).collect();
            (filled(&lines[..first])?, filled(&lines[first..])?)
        }
        Adhoc::Text(text) => {
            let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            let end = lines.iter().rposition(|line| !is_verb_of_ours(line)).map_or(0, |last| last + 1);
            let (block, verbs) = lines.split_at(end);
            let block = block.join("\n");
            let says_more = block.lines().any(|line| !line.trim_start().starts_with('#'));
            match (is_verb_of_ours(&block), says_more) {
                (true, _) => (Vec::new(), filled(&lines)?),
                (false, true) => (vec![fill(&block, values)?], filled(verbs)?),
                (false, false) => (Vec::new(), filled(verbs)?),
            }
        }
    };
    let proof: Vec<&str> = playbook.verify.iter().map(String::as_str).collect();
    let proof = filled(&proof)?;
    let plan = fingerprint(&(&run, &typed, &proof));
    Ok(Remedy { plan, run, typed, proof })
}

/// The plan of one command of a playbook; `number` says which of `count` it is.
///
/// # Errors
/// What makes this host unfit for any run.
pub fn plan_remedy(
    facts: &Facts,
    id: &str,
    command: &str,
    place: (usize, usize),
    service: Option<&ServiceName>,
) -> Result<Plan, Refusal> {
    let (number, count) = place;
    let title = if count == 1 {
        format!("what {id} does now")
    } else {
        format!("what {id} does now, {number} of {count}")
    };
    let number = number.to_string();
    let notes = command.lines().map(|line| format!("$ {line}")).collect();
    let only = Step {
        when_unknown: WhenUnknown::Ask,
        changes: true,
        ..shell(facts, &["playbook", &number], title, command, service)
    };
    ready(facts, vec![only], notes)
}

/// The plan of the commands that prove a playbook's remedy: they look, and each must exit 0.
///
/// # Errors
/// What makes this host unfit for any run.
pub fn plan_proof(
    facts: &Facts,
    id: &str,
    proof: &[String],
    service: Option<&ServiceName>,
) -> Result<Plan, Refusal> {
    let one = |(at, command): (usize, &String)| {
        let number = (at + 1).to_string();
        shell(facts, &["playbook", "verify", &number], format!("whether {id} helped"), command, service)
    };
    let notes = proof.iter().map(|line| format!("$ {line}")).collect();
    ready(facts, proof.iter().enumerate().map(one).collect(), notes)
}

fn ready(facts: &Facts, steps: Vec<Step>, notes: Vec<String>) -> Result<Plan, Refusal> {
    let blockers: Vec<_> = blockers::of_ground(facts).into_iter().collect();
    if !blockers.is_empty() {
        return Err(Refusal::Blocked { blockers, notes: Vec::new() });
    }
    Ok(plan(facts, PlanVerb::Playbook, chained(steps), notes))
}

fn shell(facts: &Facts, name: &[&str], title: String, command: &str, service: Option<&ServiceName>) -> Step {
    let spec = CommandSpec::new(["bash", "-eu", "-c", command], &facts.host.root);
    Step {
        service: service.filter(|name| facts.base_settings.services.contains_key(*name)).cloned(),
        timeout: Some(facts.target_settings.run.timeout),
        ..step(named(name.iter().copied()), Phase::Migrate, title, commands(vec![spec]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::*;
    use crate::manifest::playbook::parse;
    use crate::manifest::settings::SourceFile;

    fn playbook(adhoc: &str) -> Playbook {
        let text = format!(
            "- id: release-x\n  symptom: s\n  detection: []\n  root_cause: r\n  fix:\n    bootstrap_script: a\n    \
             bootstrap_change: b\n    adhoc: {adhoc}\n  verify: ['holdpoint status {{{{service}}}}']\n  services: []\n  \
             tags: []\n"
        );
        let file = SourceFile { path: "release-x.yaml".to_owned(), text };
        parse(&file).unwrap_or_else(|error| panic!("{error}")).remove(0)
    }

    fn sorted(adhoc: &str) -> (Vec<String>, Vec<String>) {
        let values = Placeholders { ticket: "1234".parse().ok(), service: Some(service("web")) };
        let remedy = remedy(&playbook(adhoc), &values).unwrap();
        assert_eq!(remedy.proof, ["holdpoint status web"]);
        assert_eq!(remedy.plan.len(), 16);
        (remedy.run, remedy.typed)
    }

    #[test]
    fn verbs_of_ours_that_take_the_host_are_left_to_a_person() {
        for (adhoc, run, typed) in [
            (
                "['docker start {{service}}', 'holdpoint status']",
                &["docker start web", "holdpoint status"][..],
                &[][..],
            ),
            (
                "['a', 'holdpoint run {{ticket}} --from=verify', 'b']",
                &["a"],
                &["holdpoint run 1234 --from=verify", "b"],
            ),
            (
                "\"# say\\na\\nb {{service}}\\nholdpoint run {{ticket}}\\n\"",
                &["# say\na\nb web"],
                &["holdpoint run 1234"],
            ),
            ("\"# say\\nholdpoint run {{ticket}}\"", &[], &["holdpoint run 1234"]),
            ("\"if a; then\\n  just release-run 1\\nfi\"", &[], &["if a; then", "just release-run 1", "fi"]),
            ("\"a\\nholdpoint run 1 --dry-run\"", &["a\nholdpoint run 1 --dry-run"], &[]),
        ] {
            assert_eq!(
                sorted(adhoc),
                (
                    run.iter().map(ToString::to_string).collect(),
                    typed.iter().map(ToString::to_string).collect()
                ),
                "{adhoc}"
            );
        }
        assert_eq!(remedy(&playbook("['x']"), &Placeholders::default()).unwrap_err().word, "service");
    }

    #[test]
    fn the_id_is_that_of_the_commands_as_they_are_filled_in() {
        let of = |adhoc: &str, name: &str| {
            let values = Placeholders { ticket: None, service: Some(service(name)) };
            remedy(&playbook(adhoc), &values).unwrap().plan
        };
        assert_eq!(of("['a', 'b']", "web"), of("['a', 'b']", "web"));
        for (adhoc, name) in [("['a', 'c']", "web"), ("['ab']", "web"), ("['a', 'b']", "db")] {
            assert_ne!(of("['a', 'b']", "web"), of(adhoc, name), "{adhoc} of {name}");
        }
    }

    #[test]
    fn a_command_is_a_step_that_changes_and_its_proof_are_steps_that_look() {
        let facts = scene().with(plain("web"));
        let one =
            plan_remedy(&facts, "release-x", "docker start web", (1, 2), Some(&service("web"))).unwrap();
        insta::assert_snapshot!(sketch(&one), @"
        audit@1 create cycle 1 from migrate: a → a on main
          web changed - → - ()
        migrate playbook.1 (ask)
            $ bash -eu -c 'docker start web'
        note: $ docker start web
        ");
        let proof = ["true".to_owned(), "holdpoint status web".to_owned()];
        let proof = plan_proof(&facts, "release-x", &proof, None).unwrap();
        insta::assert_snapshot!(sketch(&proof), @r"
        audit@1 create cycle 1 from migrate: a → a on main
        migrate playbook.verify.1
            $ bash -eu -c true
        migrate playbook.verify.2 after playbook.verify.1
            $ bash -eu -c 'holdpoint status web'
        note: $ true
        note: $ holdpoint status web
        ");
        assert!(one.steps[0].changes && proof.steps.iter().all(|step| !step.changes));
    }
}
