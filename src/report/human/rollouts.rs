//! Rollouts: plans, where they stand, why they wait, and what happens while one is driven.

use crate::model::id::TicketId;
use crate::model::rollout::{
    AgentNews, AuditRow, DescribeView, HostListRow, HostName, HostState, HostView, Line, News, PlanId,
    PlanPhase, PlanRow, PreviewView, RecoverView, Reintroduce, RolloutPlan, StuckView, VerdictWord,
};
use crate::model::view::NextCommand;
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, clean, clock, count, moment};

fn ink_of(phase: PlanPhase) -> Ink {
    match phase {
        PlanPhase::Completed | PlanPhase::Active => Ink::Good,
        PlanPhase::RolledBack | PlanPhase::Cancelled | PlanPhase::Draft => Ink::Faint,
        PlanPhase::RollbackIncomplete => Ink::Bad,
        _ => Ink::Warn,
    }
}

fn ink_of_host(state: HostState) -> Ink {
    match state {
        HostState::Active => Ink::Good,
        HostState::Failed | HostState::RevertFailed => Ink::Bad,
        HostState::Pending | HostState::Reverted => Ink::Faint,
        _ => Ink::Warn,
    }
}

/// `rollout plan list`.
pub fn list(rows: &[PlanRow]) -> String {
    if rows.is_empty() {
        return "there is no plan: `holdpoint rollout plan create FILE` makes one\n".to_owned();
    }
    let mut table = Columns::headed(["plan", "phase", "stage", "active", "ticket", "made", "name"]);
    for row in rows {
        table.row([
            Cell::new(row.plan_id.to_string()).ink(Ink::Strong),
            Cell::new(row.phase.word()).ink(ink_of(row.phase)),
            Cell::new(row.current_stage_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
            Cell::new(format!("{}/{}", row.active, row.hosts)),
            Cell::new(row.ticket.clone()),
            Cell::new(moment(row.created_at)),
            Cell::new(clean(&row.name)),
        ]);
    }
    table.render()
}

/// That the line is stopped, where it is: whoever looks at plans would else wonder why none begins.
pub fn line(line: Option<&Line>) -> String {
    let Some(line) = line else { return String::new() };
    format!(
        "the line is stopped by {}: {}\n  to let it go: holdpoint rollout stop-the-line --lift --reason TEXT\n",
        clean(&line.by),
        clean(&line.reason)
    )
}

/// `rollout plan create`: stages and hosts, and what was decided for later.
pub fn planned(plan: &RolloutPlan) -> String {
    let mut out = String::new();
    let title = format!("{}  {}", plan.plan_id, clean(&plan.name));
    out.add(format_args!("{}\n", Ink::Strong.paint(&title)));
    out.add(format_args!(
        "  ticket {} at {}, digest {}\n",
        plan.ticket,
        commit(plan.commit.as_str(), plan.tag.as_deref()),
        &plan.digest[..12]
    ));
    for stage in &plan.stages {
        let hosts: Vec<&str> = stage.hosts.iter().map(HostName::as_str).collect();
        let at_once = stage.parallel.of(stage.hosts.len()).clamp(1, stage.hosts.len().max(1));
        out.add(format_args!(
            "  {}: {}, {at_once} at once: {}\n",
            stage.id,
            count(hosts.len(), "host"),
            hosts.join(" ")
        ));
        let gates: Vec<&str> = stage.gates.iter().map(|gate| gate.kind.word()).collect();
        if !stage.bake.0.is_zero() || !gates.is_empty() {
            let gates = if gates.is_empty() { "no gate".to_owned() } else { gates.join(", ") };
            out.add(format_args!("      watched for {}, then: {gates}\n", stage.bake));
        }
    }
    if let Some(host) = &plan.ticket_host {
        out.add(format_args!("  the ticket's scripts run on {host} alone, before every other host\n"));
    }
    if let Some(back) = &plan.reintroduce {
        out.add(format_args!("  what was taken back may come back: {}\n", coming_back(back)));
    }
    let allowed = plan.max_failures.allowed(plan.hosts.len());
    let harm = match plan.on_harm {
        crate::model::rollout::OnHarm::Pause => "the plan pauses",
        crate::model::rollout::OnHarm::Rollback => "every touched host is taken back",
    };
    out.add(format_args!(
        "  {} may fail; beyond that, or when a gate says no, {harm}\n",
        count(allowed, "host")
    ));
    if let Some(wait) = plan.unreachable.wait {
        out.add(format_args!("  hosts that it goes on without are waited for, {wait} past the last stage\n"));
    }
    let data = if plan.rollback_data {
        "restores data, too: what was written since is lost"
    } else {
        "leaves data as it is"
    };
    out.add(format_args!("  a rollback {data}\n"));
    out
}

fn coming_back(back: &Reintroduce) -> String {
    let tickets: Vec<&str> = back.tickets.iter().map(TicketId::as_str).collect();
    format!("{} ({})", tickets.join(" "), clean(&back.reason))
}

/// A commit, and the tag that it came from.
fn commit(oid: &str, tag: Option<&str>) -> String {
    let short = oid.get(..12).unwrap_or_default();
    tag.map_or_else(|| short.to_owned(), |tag| format!("{short} (tag {})", clean(tag)))
}

/// `rollout plan preview`.
pub fn preview(view: &PreviewView) -> String {
    let at = commit(&view.commit, view.tag.as_deref());
    let mut out = format!("{} is {}, at {at}\n", view.plan_id, view.phase);
    if view.next_phase != view.phase {
        out.add(format_args!("  it would become {}\n", view.next_phase));
    }
    for host in &view.hosts {
        let what = match host.wish {
            crate::model::rollout::Wish::Release => "would release",
            crate::model::rollout::Wish::Revert => "would be taken back",
        };
        out.add(format_args!("  {} {what}\n", host.host));
    }
    if view.hosts.is_empty() {
        out.add(format_args!("  no host would be told anything\n"));
    }
    if let Some(wait) = &view.waits_for {
        out.add(format_args!("  then it waits: {}\n", clean(wait)));
    }
    out
}

/// `rollout plan describe`.
pub fn describe(view: &DescribeView) -> String {
    let mut out = String::new();
    let title = format!("{}  {}", view.plan_id, clean(&view.name));
    out.add(format_args!("{}\n", Ink::Strong.paint(&title)));
    out.add(format_args!("  phase    {}\n", ink_of(view.phase).paint(view.phase.word())));
    let at = commit(&view.commit, view.tag.as_deref());
    out.add(format_args!("  ticket   {} at {at}\n", view.ticket));
    if let Some(host) = &view.ticket_host {
        out.add(format_args!("  scripts  on {host} alone\n"));
    }
    if let Some(back) = &view.reintroduce {
        out.add(format_args!("  back     what was taken back may come back: {}\n", coming_back(back)));
    }
    if let Some(wait) = view.waits_for.as_ref().filter(|_| !view.phase.is_terminal()) {
        out.add(format_args!("  waits    {}\n", clean(wait)));
    }
    if let Some(harm) = &view.harm {
        out.add(format_args!("  harm     {}\n", Ink::Bad.paint(&clean(harm))));
    }
    if let Some(until) = view.until.as_ref().filter(|_| !view.phase.is_terminal()) {
        out.add(format_args!("  until    stage {until} is past, then it pauses\n"));
    }
    if let Some(stuck) = &view.stuck {
        let since = moment(stuck.stuck_since);
        out.add(format_args!("  stuck    since {since}: {}\n", Ink::Warn.paint(&clean(&stuck.stuck_reason))));
    }
    let driver = view.coordinator.as_deref().unwrap_or("nobody");
    out.add(format_args!("  driven   by {}\n", clean(driver)));
    for stage in &view.stages {
        out.add(format_args!(
            "{}  {}  {}/{} active\n",
            stage.stage_id, stage.phase, stage.active, stage.hosts
        ));
        for gate in &stage.gates {
            let sign = match gate.verdict {
                VerdictWord::Pass => Ink::Good.paint("✓"),
                VerdictWord::Fail => Ink::Bad.paint("✗"),
                VerdictWord::Inconclusive => Ink::Warn.paint("?"),
            };
            out.add(format_args!("  {sign} {}: {}\n", gate.gate, clean(&gate.detail)));
        }
        let hosts = view.hosts.iter().filter(|host| host.stage_id.as_ref() == Some(&stage.stage_id));
        out.push_str(&host_rows(hosts));
    }
    out + &ways_on(&view.next)
}

/// What can be typed next, and when.
pub fn ways_on(next: &[NextCommand]) -> String {
    let mut out = String::new();
    for next in next {
        out.add(format_args!("{}: {}\n", clean(&next.when), Ink::Command.paint(&clean(&next.command))));
    }
    out
}

fn host_rows<'v>(hosts: impl Iterator<Item = &'v HostView>) -> String {
    let mut table = Columns::bare().indent(2);
    for host in hosts {
        table.row([
            Cell::new(host.host.to_string()),
            Cell::new(host.state.word()).ink(ink_of_host(host.state)),
            Cell::new(host.attempt.as_deref().map(clean).unwrap_or_default()),
            Cell::new(host.reason.as_deref().map(clean).unwrap_or_default()).ink(Ink::Faint),
        ]);
    }
    table.render()
}

/// `rollout stuck`.
pub fn stuck(view: &StuckView) -> String {
    if view.stuck_plans.is_empty() {
        return "no plan is stuck\n".to_owned();
    }
    let mut out = String::new();
    for plan in &view.stuck_plans {
        let stage = plan.current_stage_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let head = format!("{}  {}  stage {stage}", plan.plan_id, plan.phase);
        out.add(format_args!("{}\n", Ink::Strong.paint(&head)));
        out.add(format_args!("  since {}: {}\n", moment(plan.stuck_since), clean(&plan.stuck_reason)));
        let describe = format!("holdpoint rollout plan describe --plan-id {}", plan.plan_id);
        out.add(format_args!("  {}\n", Ink::Command.paint(&describe)));
    }
    out
}

/// `rollout audit`.
pub fn audit(rows: &[AuditRow]) -> String {
    if rows.is_empty() {
        return "there is no plan: `holdpoint rollout plan create FILE` makes one\n".to_owned();
    }
    let mut table = Columns::headed(["when", "plan", "by", "what", "about", "why"]);
    for AuditRow { plan_id, record } in rows {
        let plan = plan_id.as_ref().map_or("-", PlanId::as_str);
        let about = if record.about == plan { "-".to_owned() } else { clean(&record.about) };
        table.row([
            Cell::new(moment(record.at)),
            Cell::new(plan.to_owned()),
            Cell::new(clean(&record.by)),
            Cell::new(clean(&record.what)).ink(Ink::Strong),
            Cell::new(about),
            Cell::new(record.reason.as_deref().map(clean).unwrap_or_default()).ink(Ink::Faint),
        ]);
    }
    table.render()
}

/// An act: what became of the plan.
pub fn acted(view: &RecoverView) -> String {
    let mut out = format!("{}: {} → {}\n", view.plan_id, view.previous_phase, view.new_phase);
    if let Some(skipped) = &view.skipped_stage_id {
        out.add(format_args!("  stage {skipped} is skipped\n"));
    }
    if let Some(next) = &view.next_stage_id {
        out.add(format_args!("  next comes stage {next}\n"));
    }
    if let Some(hosts) = view.hosts_to_revert.as_ref().filter(|hosts| !hosts.is_empty()) {
        let names: Vec<&str> = hosts.iter().map(HostName::as_str).collect();
        out.add(format_args!("  to be taken back: {}\n", names.join(" ")));
    }
    out
}

/// What one commit of a coordinator changed.
pub fn news(news: &News) -> String {
    let mut out = String::new();
    for record in &news.records {
        let reason = record.reason.as_deref().map(|why| format!("  {}", Ink::Faint.paint(&clean(why))));
        let what = format!("{:<13}", record.what);
        let line =
            format!("{}  {what} {}{}", clock(record.at), clean(&record.about), reason.unwrap_or_default());
        out.add(format_args!("{line}\n"));
    }
    if let Some(wait) = news.waits_for.as_ref().filter(|_| !news.phase.is_terminal()) {
        out.add(format_args!("          {}\n", Ink::Faint.paint(&format!("waits: {}", clean(wait)))));
    }
    out
}

/// What an agent does, in its host's journal.
pub fn agent(news: &AgentNews) -> String {
    let which = news.generation.map(|generation| format!(" (generation {generation})")).unwrap_or_default();
    format!("{}: {}{which}: {}\n", news.host, news.what, clean(&news.detail))
}

/// `fleet host list`.
pub fn hosts(rows: &[HostListRow]) -> String {
    let mut table = Columns::headed(["host", "reached", "zone", "labels", "plan", "excluded", "folder"]);
    for row in rows {
        let labels: Vec<String> = row.labels.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let excluded =
            row.excluded.as_ref().map(|out| format!("until {}: {}", moment(out.until), out.reason));
        table.row([
            Cell::new(row.host.to_string()).ink(Ink::Strong),
            Cell::new(clean(&row.reached)),
            Cell::new(row.zone.as_deref().map_or_else(|| "-".to_owned(), clean)),
            Cell::new(clean(&labels.join(" "))),
            Cell::new(row.plan_id.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string)),
            Cell::new(clean(excluded.as_deref().unwrap_or("-"))).ink(Ink::Warn),
            Cell::new(clean(&row.folder)).ink(Ink::Faint),
        ]);
    }
    table.render()
}
