//! A plan, before it is carried out: what changes, in which order, by which argument lists, and what it costs.

use chrono::{DateTime, Utc};

use crate::model::backup::{PutMethod, TakeMethod};
use crate::model::id::BackupStamp;
use crate::model::phase::Phase;
use crate::model::plan::{Action, Plan, PlanVerb, PlannedService, ServiceChange, Step};
use crate::model::release::Trigger;
use crate::model::spec::{CommandSpec, DriverSpec};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{
    Add, Ink, age, clean, clean_lines, command, count, duration, names, seconds_since,
};

/// How much of a plan is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Detail {
    /// What changes and what it costs.
    Brief,
    /// Every step with its argument lists, too.
    Full,
}

/// The plan as text. `now` turns backup stamps into ages.
pub fn render(plan: &Plan, detail: Detail, now: DateTime<Utc>) -> String {
    let mut out = heading(plan);
    out.push_str(&commits(plan, detail));
    out.push_str(&services(&plan.services));
    out.push_str(&kept_backups(plan, now));
    out.push_str(&write_window(plan, now));
    match detail {
        Detail::Brief => out.push_str(&outline(plan)),
        Detail::Full => out.push_str(&steps(plan, now)),
    }
    for note in &plan.notes {
        for (i, line) in clean_lines(note).enumerate() {
            let sign = if i == 0 { Ink::Warn.paint("!") } else { " ".to_owned() };
            out.add(format_args!("{sign} {line}\n"));
        }
    }
    out
}

/// What stands below a dry run: that nothing happened, and how to have exactly this plan.
pub fn dry_run_footer(typed: Option<&str>) -> String {
    typed.map_or("Nothing was changed.\n".to_owned(), |typed| {
        let typed = Ink::Command.paint(&clean(typed));
        format!("Nothing was changed. To do exactly this, with the same options:\n    {typed}\n")
    })
}

fn heading(plan: &Plan) -> String {
    let what = match plan.verb {
        PlanVerb::Run => match plan.brought_by() {
            Trigger::Retry => "Retry, as",
            Trigger::Redeploy => "Redeploy, as",
            Trigger::Rollback => "Roll back, as",
            _ => "Release",
        },
        PlanVerb::Revert => "Take back",
        PlanVerb::ReturnToMain => "Return to main after",
        PlanVerb::Configure => "Configure, as",
        PlanVerb::BackupTake => "Back up, as",
        PlanVerb::BackupRestore => "Restore, as",
        PlanVerb::Playbook => "Apply a playbook, as",
        PlanVerb::PreviewUp => "Bring a preview up, as",
        PlanVerb::PreviewCleanup => "Take a preview away, as",
    };
    // What belongs to no release is an attempt of nothing.
    let aside = plan.attempt.ticket.is_audit();
    let title =
        if aside { what.trim_end_matches(", as").to_owned() } else { format!("{what} {}", plan.attempt) };
    let from = if aside || plan.from == Phase::Prepare || plan.from == Phase::Revert {
        String::new()
    } else {
        format!(" from {}", plan.from)
    };
    let head = format!(
        "{}{from}  {}\n",
        Ink::Strong.paint(&title),
        Ink::Faint.paint(&format!("plan {}", clean(&plan.id)))
    );
    let from_commit = plan.commits.first().map_or(&plan.base, |commit| &commit.oid);
    let moves = if plan.brought_by() == Trigger::Rollback {
        let (from, to) = (from_commit.short(), plan.target.short());
        format!("  {from} back to the content of {to} on {}\n", plan.branch)
    } else if plan.base == plan.target {
        format!("  {} on {}\n", plan.target.short(), plan.branch)
    } else if plan.verb == PlanVerb::Revert {
        format!("  {} back to {} on {}\n", plan.target.short(), plan.base.short(), plan.branch)
    } else {
        format!("  {} → {} on {}\n", plan.base.short(), plan.target.short(), plan.branch)
    };
    let supersedes = plan.supersedes.as_deref().map(|old| format!("  takes over from {}\n", clean(old)));
    let also =
        names(plan.also.iter().map(ToString::to_string).collect::<Vec<_>>().iter().map(String::as_str), "");
    let also = if also.is_empty() { also } else { format!("  with it: {also}\n") };
    head + &moves + &supersedes.unwrap_or_default() + &also
}

fn commits(plan: &Plan, detail: Detail) -> String {
    if plan.commits.is_empty() {
        return String::new();
    }
    let shown = if detail == Detail::Full { 20 } else { 5 };
    let goes_back = plan.verb == PlanVerb::Revert || plan.brought_by() == Trigger::Rollback;
    let verb = if goes_back { "taken back" } else { "coming in" };
    let mut out = format!("\n{} {verb}\n", Ink::Strong.paint(&count(plan.commits.len(), "commit")));
    let mut table = Columns::bare().indent(2);
    for commit in plan.commits.iter().take(shown) {
        table.row([
            Cell::new(commit.oid.short()).ink(Ink::Faint),
            Cell::new(commit.at.format("%Y-%m-%d").to_string()),
            Cell::new(clean(&commit.author)),
            Cell::new(clean(&commit.subject)),
        ]);
    }
    out.push_str(&table.render());
    if plan.commits.len() > shown {
        out.add(format_args!("  … and {} more\n", plan.commits.len() - shown));
    }
    out
}

fn services(services: &[PlannedService]) -> String {
    if services.is_empty() {
        return String::new();
    }
    let mut table = Columns::bare().indent(2);
    for service in services {
        let (word, ink) = match service.change {
            ServiceChange::Added => ("added", Ink::Good),
            ServiceChange::Changed => ("changed", Ink::Warn),
            ServiceChange::Removed => ("removed", Ink::Bad),
        };
        table.row([
            Cell::new(service.name.as_str()).ink(Ink::Strong),
            Cell::new(word).ink(ink),
            Cell::new(image_move(service)),
            Cell::new(because(&service.because)).ink(Ink::Faint),
        ]);
    }
    format!("\n{}\n{}", Ink::Strong.paint(&count(services.len(), "service")), table.render())
}

fn image_move(service: &PlannedService) -> String {
    match (service.image_before.as_deref(), service.image_after.as_deref()) {
        (Some(before), Some(after)) if before == after => clean(after),
        (Some(before), Some(after)) => format!("{} → {}", clean(before), clean(after)),
        (None, Some(after)) => clean(after),
        (Some(before), None) if service.change == ServiceChange::Removed => {
            format!("{} → nothing", clean(before))
        }
        (Some(before), None) => clean(before),
        (None, None) => String::new(),
    }
}

fn because(reasons: &[String]) -> String {
    match reasons {
        [] => String::new(),
        [first, rest @ ..] if rest.len() < 2 => {
            rest.iter().fold(clean(first), |all, next| all + ", " + &clean(next))
        }
        [first, rest @ ..] => format!("{} and {} more", clean(first), rest.len()),
    }
}

/// Backup sets that count for this attempt and are not taken anew.
fn kept_backups(plan: &Plan, now: DateTime<Utc>) -> String {
    if plan.backups.is_empty() || plan.verb != PlanVerb::Run {
        return String::new();
    }
    let mut table = Columns::bare().indent(2);
    for (service, stamp) in &plan.backups {
        table.row([
            Cell::new(service.as_str()).ink(Ink::Strong),
            Cell::new(stamp.as_str()),
            Cell::new(stamp_age(stamp, now)).ink(Ink::Faint),
        ]);
    }
    format!("\n{}\n{}", Ink::Strong.paint("backups that count already"), table.render())
}

/// The cost of a revert: which backups come back, how old they are, and what was written since.
fn write_window(plan: &Plan, now: DateTime<Utc>) -> String {
    let restores: Vec<_> = plan
        .steps
        .iter()
        .filter_map(|step| match &step.action {
            Action::Restore(job) => Some(job),
            _ => None,
        })
        .collect();
    let mut out = String::new();
    if !restores.is_empty() {
        let mut table = Columns::bare().indent(2);
        for job in restores {
            table.row([
                Cell::new(job.service.as_str()).ink(Ink::Strong),
                Cell::new(clean(&job.source)),
                Cell::new(format!("from {}", job.stamp)),
                Cell::new(stamp_age(&job.stamp, now)).ink(Ink::Warn),
            ]);
        }
        out.add(format_args!("\n{}\n{}", Ink::Strong.paint("data put back"), table.render()));
    }
    if let Some(seconds) = plan.write_window_seconds {
        let lost = format!("everything written in the last {} is thrown away", duration(seconds * 1_000));
        out.add(format_args!("  {}\n", Ink::Bad.paint(&lost)));
    }
    out
}

/// How old a backup set is, from its name; empty where the name is no time of this calendar.
pub fn stamp_age(stamp: &BackupStamp, now: DateTime<Utc>) -> String {
    let text = stamp.as_str().split('-').next().unwrap_or_default();
    chrono::NaiveDateTime::parse_from_str(text, "%Y%m%d_%H%M%S")
        .map(|at| format!("{} old", age(seconds_since(at.and_utc(), now))))
        .unwrap_or_default()
}

fn outline(plan: &Plan) -> String {
    let mut table = Columns::bare().indent(2);
    for phase in phases(plan) {
        let mine = || plan.steps.iter().filter(move |step| step.phase == phase);
        let done = mine().filter(|step| step.already_done).count();
        let skipped = plan.skipped.iter().find(|skip| skip.phase == phase);
        let what = match skipped {
            Some(skip) => format!("left out: {}", clean(&skip.reason)),
            None if done > 0 => format!("{}, {done} already done", count(mine().count(), "step")),
            None => count(mine().count(), "step"),
        };
        let hold = if plan.hold_before.contains(&phase) { "waits for approve" } else { "" };
        table.row([Cell::new(phase.word()), Cell::new(what), Cell::new(hold).ink(Ink::Warn)]);
    }
    format!("\n{}\n{}\n", Ink::Strong.paint("phases"), table.render())
}

fn phases(plan: &Plan) -> Vec<Phase> {
    let used = |phase: &Phase| {
        plan.steps.iter().any(|step| step.phase == *phase) || plan.skipped.iter().any(|s| s.phase == *phase)
    };
    [Phase::Prepare, Phase::Migrate, Phase::Ticket, Phase::Verify, Phase::Revert]
        .into_iter()
        .filter(used)
        .collect()
}

fn steps(plan: &Plan, now: DateTime<Utc>) -> String {
    let mut out = String::new();
    let mut number = 0;
    for phase in phases(plan) {
        out.add(format_args!("\n{}", Ink::Strong.paint(phase.word())));
        if plan.hold_before.contains(&phase) {
            let hold = format!("  waits until `approve {}`", plan.attempt.ticket);
            out.push_str(&Ink::Warn.paint(&hold));
        }
        if let Some(skip) = plan.skipped.iter().find(|skip| skip.phase == phase) {
            out.push_str(&Ink::Warn.paint(&format!("  left out: {}", clean(&skip.reason))));
        }
        out.push('\n');
        let mine: Vec<&Step> = plan.steps.iter().filter(|step| step.phase == phase).collect();
        let width = mine.iter().map(|step| step.name.as_str().len()).max().unwrap_or(0);
        for step in mine {
            number += 1;
            out.push_str(&one_step(step, number, width, now));
        }
    }
    out.push('\n');
    out
}

fn one_step(step: &Step, number: usize, width: usize, now: DateTime<Utc>) -> String {
    let done = if step.already_done { Ink::Good.paint("  already done") } else { String::new() };
    let mut out = format!(
        "  {} {:<width$}  {}{done}\n",
        Ink::Faint.paint(&format!("{number:>2}")),
        step.name.as_str(),
        Ink::Faint.paint(&clean(&step.title)),
    );
    if !step.already_done {
        for line in action_lines(&step.action, now) {
            out.add(format_args!("       {line}\n"));
        }
    }
    out
}

/// What a step does, a line each, without colours: commands begin with `$`.
pub fn does(action: &Action, now: DateTime<Utc>) -> Vec<String> {
    let plain = |line: String| {
        // Everything from outside was neutralised: what escapes there are, are ours.
        let parts = line.split('\u{1b}').enumerate();
        parts
            .map(|(i, part)| if i == 0 { part } else { part.split_once('m').map_or("", |(_, rest)| rest) })
            .collect()
    };
    action_lines(action, now).into_iter().map(plain).collect()
}

fn action_lines(action: &Action, now: DateTime<Utc>) -> Vec<String> {
    match action {
        Action::Snapshot | Action::VerifyService(_) => Vec::new(),
        Action::Backup(job) => {
            let mut lines = commands(&job.before);
            lines.extend(take_lines(&job.method));
            lines.extend(commands(&job.after));
            lines
        }
        Action::Restore(job) => {
            let mut lines = vec![format!("from {} ({})", job.stamp, stamp_age(&job.stamp, now))];
            if let PutMethod::Commands { commands: argvs, .. } = &job.method {
                lines.extend(commands(argvs));
            }
            if let PutMethod::Custom { restore } = &job.method {
                lines.push(shown(restore));
            }
            lines
        }
        Action::Commands { commands: argvs, .. } => commands(argvs),
        Action::Health(job) => {
            let own = match job.driver {
                DriverSpec::Compose(_) => "its containers",
                DriverSpec::Command(_) => "its status command",
            };
            let asks = job.probe.as_ref().map_or(own.to_owned(), |probe| clean(&probe.url));
            let stay = if job.stay.0.is_zero() { String::new() } else { format!(" for {}", job.stay) };
            vec![format!("asks {asks} until well{stay}, at most {}", job.deadline)]
        }
        Action::VerifyHead { head } => vec![format!("HEAD is {}", head.short())],
        Action::Surface(surface) => {
            vec![format!("asks {}, wants {}", clean(&surface.probe.url), surface.probe.status)]
        }
    }
}

fn take_lines(method: &TakeMethod) -> Vec<String> {
    match method {
        TakeMethod::Tree { paths } => {
            paths.iter().map(|path| format!("reads {}", clean(&path.to_string_lossy()))).collect()
        }
        TakeMethod::Stream { file, produce, check } => {
            let mut lines = vec![format!("{} > {}", shown(produce), clean(file))];
            lines.extend(check.iter().map(|check| format!("{} < {}", shown(check), clean(file))));
            lines
        }
        TakeMethod::Sqlite { path } => vec![format!("copies {} online", clean(&path.to_string_lossy()))],
        TakeMethod::Config { file, .. } => vec![format!("copies {}", clean(&file.to_string_lossy()))],
        TakeMethod::Custom { take, check } => vec![shown(take), shown(check)],
    }
}

fn commands(specs: &[CommandSpec]) -> Vec<String> {
    specs.iter().map(shown).collect()
}

fn shown(spec: &CommandSpec) -> String {
    Ink::Command.paint(&format!("$ {}", command(&spec.argv)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::backup::{PutMethod, RestoreJob};
    use crate::report::sample;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_dry_run_shows_every_step_with_its_argument_list() {
        let plan = sample::plan();
        let text = render(&plan, Detail::Full, sample::now())
            + &dry_run_footer(Some("holdpoint run 1234 --plan 3f2a9c0d11e07b55"));
        insta::assert_snapshot!(plain(&text), @"
        Release 1234@1  plan 3f2a9c0d11e07b55
          aaaaaaaaaaaa → bbbbbbbbbbbb on main

        2 commits coming in
          bbbbbbbbbbbb  2026-05-18  Ada Lovelace  Theme the wiki as the new house style wants it
          cccccccccccc  2026-05-18  Grace Hopper  Bump wikijs to 2.5.300 and redmine to 5.1.3

        3 services
          redmine  changed  redmine:5.1.2 → redmine:5.1.3                  packages/redmine/docker-compose.yml
          wikijs   changed  requarks/wiki:2.5.299 → requarks/wiki:2.5.300  packages/wikijs/docker-compose.yml and 2 more
          mailer   added    mailer:1                                       packages/mailer/docker-compose.yml

        prepare
           1 snapshot   store what is intended
           2 git.merge  fast-forward to the target
               $ git merge --ff-only --end-of-options bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb

        migrate
           3 wikijs.recreate  recreate its containers
               $ docker compose up --force-recreate -d 'wiki js'
           4 wikijs.health    wait until it is well
               asks http://127.0.0.1:3000/healthz until well for 5s, at most 1m30s

        ticket  left out: --skip-ticket: done by hand

        verify  waits until `approve 1234`
           5 verify.head  HEAD is the released commit
               HEAD is bbbbbbbbbbbb

        ! no release is recorded on this host: HEAD is taken as it is
        Nothing was changed. To do exactly this, with the same options:
            holdpoint run 1234 --plan 3f2a9c0d11e07b55
        ");
    }

    #[test]
    fn a_run_shows_what_changes_before_it_goes_on() {
        let mut plan = sample::plan();
        plan.steps[0].already_done = true;
        insta::assert_snapshot!(plain(&render(&plan, Detail::Brief, sample::now())), @"
        Release 1234@1  plan 3f2a9c0d11e07b55
          aaaaaaaaaaaa → bbbbbbbbbbbb on main

        2 commits coming in
          bbbbbbbbbbbb  2026-05-18  Ada Lovelace  Theme the wiki as the new house style wants it
          cccccccccccc  2026-05-18  Grace Hopper  Bump wikijs to 2.5.300 and redmine to 5.1.3

        3 services
          redmine  changed  redmine:5.1.2 → redmine:5.1.3                  packages/redmine/docker-compose.yml
          wikijs   changed  requarks/wiki:2.5.299 → requarks/wiki:2.5.300  packages/wikijs/docker-compose.yml and 2 more
          mailer   added    mailer:1                                       packages/mailer/docker-compose.yml

        phases
          prepare  2 steps, 1 already done
          migrate  2 steps
          ticket   left out: --skip-ticket: done by hand
          verify   1 step                                 waits for approve

        ! no release is recorded on this host: HEAD is taken as it is
        ");
    }

    #[test]
    fn a_revert_shows_what_it_costs() {
        let mut plan = sample::plan();
        plan.verb = PlanVerb::Revert;
        plan.from = Phase::Revert;
        plan.write_window_seconds = Some(16_188);
        plan.steps = vec![Step {
            action: Action::Restore(Box::new(RestoreJob {
                service: "wikijs".parse().unwrap(),
                stamp: "20260518_153012-2".parse().unwrap(),
                number: 1,
                kind: "volume".to_owned(),
                source: "volume wikijs_data".to_owned(),
                method: PutMethod::Tree { paths: Vec::new() },
            })),
            phase: Phase::Revert,
            ..plan.steps[1].clone()
        }];
        insta::assert_snapshot!(plain(&render(&plan, Detail::Brief, sample::now())), @"
        Take back 1234@1  plan 3f2a9c0d11e07b55
          bbbbbbbbbbbb back to aaaaaaaaaaaa on main

        2 commits taken back
          bbbbbbbbbbbb  2026-05-18  Ada Lovelace  Theme the wiki as the new house style wants it
          cccccccccccc  2026-05-18  Grace Hopper  Bump wikijs to 2.5.300 and redmine to 5.1.3

        3 services
          redmine  changed  redmine:5.1.2 → redmine:5.1.3                  packages/redmine/docker-compose.yml
          wikijs   changed  requarks/wiki:2.5.299 → requarks/wiki:2.5.300  packages/wikijs/docker-compose.yml and 2 more
          mailer   added    mailer:1                                       packages/mailer/docker-compose.yml

        data put back
          wikijs  volume wikijs_data  from 20260518_153012-2  4h old
          everything written in the last 4h29m is thrown away

        phases
          ticket  left out: --skip-ticket: done by hand
          revert  1 step

        ! no release is recorded on this host: HEAD is taken as it is
        ");
    }

    #[test]
    fn a_hostile_subject_or_path_stays_on_its_line() {
        let mut plan = sample::plan();
        plan.commits[0].subject = "x\u{1b}[2J\r\nforged line\u{202e}".to_owned();
        plan.services[0].because = vec!["a\nb\u{7}".to_owned()];
        plan.notes = vec!["n\u{9b}31m".to_owned()];
        let text = plain(&render(&plan, Detail::Full, sample::now()));
        assert!(!text.chars().any(|c| c != '\n' && crate::model::escape::is_unsafe(c)), "{text}");
        assert!(!text.lines().any(|line| line.starts_with("forged")), "{text}");
    }
}
