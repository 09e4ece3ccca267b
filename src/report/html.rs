//! `report TICKET -o FILE`: one self-contained page for whoever was not there. No script, no request to anywhere.

use chrono::{DateTime, Utc};

use super::svg;
use super::text::{Add, clean, count, duration, moment, names, size};
use super::timeline::{Outcome, Timeline};
use crate::model::event::{EventKind, RunEvent};
use crate::model::id::ServiceName;
use crate::model::phase::Phase;
use crate::model::plan::{Plan, ServiceChange};
use crate::model::release::{Class, Status};
use crate::model::view::{NextCommand, ReportView};

const STYLE: &str = concat!(include_str!("report.css"), include_str!("timeline.css"));

/// How the drawing of a timeline looks, for pages that show one. Its colours are the page's own: `--prepare`, `--bad`, ….
pub const TIMELINE_STYLE: &str = include_str!("timeline.css");

/// The drawing of these events with its legend: a lane for the host and for each of these services. Empty where nothing
/// ran.
pub fn timeline(events: &[RunEvent], services: &[String]) -> String {
    drawing(&Timeline::fold(events, services))
}

/// The page.
pub fn render(view: &ReportView) -> String {
    let timeline = Timeline::fold(&view.events, &services(view));
    let state = &view.state.state;
    let title = format!("{}@{} {}", state.ticket, state.attempt, state.status);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title)
    );
    out.push_str(&header(view, &timeline));
    out.push_str(&failure(view));
    out.push_str(&picture(&timeline));
    out.push_str(&facts(view));
    if let Some(plan) = &view.plan {
        out.push_str(&changes(plan));
    }
    out.push_str(&steps(&timeline));
    out.push_str(&backups(view));
    out.push_str(&transcripts(view));
    out.push_str(&log(view));
    out.push_str(&footer(view));
    out + "</main>\n</body>\n</html>\n"
}

/// Text as HTML text or as a quoted attribute; what could hide or reorder is shown as what it is.
pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clean(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn services(view: &ReportView) -> Vec<String> {
    let mut names: Vec<String> = view.state.state.services.iter().map(ToString::to_string).collect();
    let planned = view.plan.iter().flat_map(|plan| &plan.services).map(|service| service.name.to_string());
    let saved = view.events.iter().filter_map(|event| {
        let mut parts = event.step.as_ref()?.as_str().split('.');
        matches!(parts.next()?, "backup" | "safety" | "restore").then(|| parts.next().map(str::to_owned))?
    });
    for name in planned.chain(saved) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

fn pill(status: Status) -> &'static str {
    match (status, status.class()) {
        (Status::Succeeded, _) => "good",
        (Status::Failed | Status::Stuck | Status::Undecided | Status::RevertUndecided, _) => "bad",
        (_, Class::Live | Class::Halted | Class::Final) => "warn",
    }
}

fn header(view: &ReportView, timeline: &Timeline) -> String {
    let state = &view.state.state;
    let mut told = vec![format!("{} on {}", state.operator, state.host)];
    if let Some((from, to)) = timeline.span() {
        told.push(moment(from));
        let worked: i64 = timeline.waits.iter().map(|wait| (wait.to - wait.from).num_milliseconds()).sum();
        let ms = u64::try_from((to - from).num_milliseconds() - worked).unwrap_or(0);
        told.push(format!("{} of work", duration(ms)));
    }
    told.push(count(state.services.len(), "service"));
    format!(
        "<header><h1>{}@{}</h1><span class=\"pill {}\">{}</span><p class=\"sub\">{}</p></header>\n",
        escape(state.ticket.as_str()),
        state.attempt,
        pill(state.status),
        state.status,
        escape(&told.join(" · "))
    )
}

fn failure(view: &ReportView) -> String {
    let Some(failure) = &view.state.failure else { return next_card(&view.state.next) };
    let mut out = String::from("<section class=\"card failure\">");
    for (i, line) in failure.lines().enumerate() {
        let tag = if i == 0 { "h2" } else { "p" };
        out.add(format_args!("<{tag}>{}</{tag}>", escape(line)));
    }
    out + &next(&view.state.next) + "</section>\n"
}

fn next_card(commands: &[NextCommand]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    format!("<section class=\"card\"><h2>What to type next</h2>{}</section>\n", next(commands))
}

fn next(commands: &[NextCommand]) -> String {
    if commands.is_empty() {
        return String::new();
    }
    let one = |next: &NextCommand| {
        format!("<div><span>{}</span><code>{}</code></div>", escape(&next.when), escape(&next.command))
    };
    format!("<div class=\"next\">{}</div>", each(commands, one))
}

fn picture(timeline: &Timeline) -> String {
    let drawn = drawing(timeline);
    if drawn.is_empty() {
        return drawn;
    }
    format!("<section class=\"card tight\"><h2>Timeline</h2>{drawn}</section>\n")
}

/// The picture and its legend.
fn drawing(timeline: &Timeline) -> String {
    let drawn = svg::render(timeline);
    if drawn.is_empty() {
        return String::new();
    }
    let used = |phase: Phase| timeline.bands.iter().any(|band| band.phase == phase);
    let bars = timeline.bars();
    let has = |outcome| bars.iter().any(|bar| bar.outcome == outcome);
    let mut keys: Vec<(&str, &str)> =
        [Phase::Prepare, Phase::Migrate, Phase::Ticket, Phase::Verify, Phase::Revert]
            .into_iter()
            .filter(|phase| used(*phase))
            .map(|phase| (phase.word(), phase.word()))
            .collect();
    keys.extend(has(Outcome::Failed).then_some(("failed", "failed")));
    keys.extend(has(Outcome::Open).then_some(("open", "end unknown or stopped")));
    keys.extend((!timeline.waits.is_empty()).then_some(("wait", "nothing ran (not to scale)")));
    let legend = each(&keys, |(class, word)| format!("<span><i class=\"{class}\"></i>{word}</span>"));
    format!("<div class=\"picture\">{drawn}</div><div class=\"legend\">{legend}</div>")
}

fn facts(view: &ReportView) -> String {
    let state = &view.state.state;
    let mut items: Vec<(&str, String)> = vec![
        ("Before", mono(state.base.short())),
        ("After", mono(state.merge.as_ref().map_or("not merged", |merge| merge.short()))),
        ("Branch", mono(state.branch.as_str())),
        ("Services", escape(&names(state.services.iter().map(ServiceName::as_str), "none"))),
        ("Started", escape(&moment(state.started_at))),
        ("Last change", escape(&moment(state.updated_at))),
    ];
    items.extend(state.failed_step.as_ref().map(|step| ("Failed step", mono(step.as_str()))));
    items.extend(state.superseded_by.as_deref().map(|by| ("Superseded by", mono(by))));
    items.extend(state.closed.then(|| ("Closed", "by a person".to_owned())));
    items.extend(
        view.state
            .runner
            .as_ref()
            .map(|runner| ("Runner", escape(&format!("{} (pid {})", runner.operator, runner.pid)))),
    );
    items.push(("State file", mono(&view.state.state_file)));
    items.push(("Audit log", mono(&view.state.log_file)));
    let rows = each(&items, |(name, value)| format!("<div><dt>{name}</dt><dd>{value}</dd></div>"));
    format!("<section class=\"card\"><h2>Release</h2><dl>{rows}</dl></section>\n")
}

fn mono(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

fn changes(plan: &Plan) -> String {
    let mut out = String::new();
    if !plan.services.is_empty() {
        let row = |service: &crate::model::plan::PlannedService| {
            let (word, class) = match service.change {
                ServiceChange::Added => ("added", "good"),
                ServiceChange::Changed => ("changed", "warn"),
                ServiceChange::Removed => ("removed", "bad"),
            };
            vec![
                format!("<b>{}</b>", escape(service.name.as_str())),
                format!("<span class=\"{class}\">{word}</span>"),
                mono(service.image_before.as_deref().unwrap_or("-")),
                mono(service.image_after.as_deref().unwrap_or("-")),
                format!("<span class=\"soft\">{}</span>", escape(&service.because.join(", "))),
            ]
        };
        let rows: Vec<Vec<String>> = plan.services.iter().map(row).collect();
        out.push_str(&card(
            "Services",
            &table(&["Service", "Change", "Image before", "Image after", "Because of"], &rows),
        ));
    }
    if !plan.commits.is_empty() {
        let row = |commit: &crate::model::facts::Commit| {
            vec![
                mono(commit.oid.short()),
                format!("<span class=\"soft\">{}</span>", commit.at.format("%Y-%m-%d")),
                escape(&commit.author),
                escape(&commit.subject),
            ]
        };
        let rows: Vec<Vec<String>> = plan.commits.iter().map(row).collect();
        out.push_str(&card(
            &count(plan.commits.len(), "commit"),
            &table(&["Commit", "Date", "Author", "Subject"], &rows),
        ));
    }
    out
}

fn steps(timeline: &Timeline) -> String {
    let bars = timeline.bars();
    let longest = bars.iter().map(|bar| bar.ms()).max().unwrap_or(0).max(1);
    let mut rows = Vec::new();
    for bar in &bars {
        let class = match bar.outcome {
            Outcome::Done => "good",
            Outcome::Failed => "bad",
            Outcome::Open => "warn",
        };
        let tint = if bar.outcome == Outcome::Failed { "failed" } else { bar.phase.word() };
        let told = if bar.outcome == Outcome::Done { "soft" } else { class };
        let percent = (bar.ms() * 100 / longest).max(1);
        let scale = format!("<span class=\"took {tint}\" style=\"width:{percent}%\"></span>");
        rows.push(format!(
            "<tr><td class=\"{class}\">{}</td><td class=\"mono nowrap\">{}</td><td>{}</td><td class=\"mono nowrap soft\">{}</td>\
             <td class=\"num\">{}</td><td class=\"scale\">{scale}</td><td class=\"{told}\">{}</td></tr>",
            svg::sign(bar.outcome),
            escape(bar.step.as_str()),
            bar.phase,
            super::text::clock(bar.from),
            duration(bar.ms()),
            escape(&bar.told)
        ));
    }
    if rows.is_empty() {
        return String::new();
    }
    let head = "<tr><th></th><th>Step</th><th>Phase</th><th>Began</th><th class=\"num\">Took</th><th></th><th></th></tr>";
    card(
        &count(rows.len(), "step"),
        &format!("<div class=\"scroll\"><table>{head}{}</table></div>", rows.concat()),
    )
}

fn backups(view: &ReportView) -> String {
    if view.backups.is_empty() {
        return String::new();
    }
    let row = |row: &crate::model::view::BackupRow| {
        let verified = if row.verified {
            "<span class=\"good\">✓ verified</span>"
        } else {
            "<span class=\"bad\">✗ not verified</span>"
        };
        vec![
            format!("<b>{}</b>", escape(row.service.as_str())),
            mono(row.stamp.as_str()),
            escape(&size(row.bytes)),
            escape(&row.kinds.join(", ")),
            verified.to_owned(),
            escape(&row.taken_for),
            mono(&row.path),
        ]
    };
    let rows: Vec<Vec<String>> = view.backups.iter().map(row).collect();
    card("Backups", &table(&["Service", "Set", "Size", "Kinds", "", "Taken for", "Folder"], &rows))
}

fn transcripts(view: &ReportView) -> String {
    let mut out = String::new();
    for transcript in &view.transcripts {
        let lines: Vec<String> = transcript.lines.iter().map(|line| escape(line)).collect();
        out.add(format_args!(
            "<section class=\"card\"><details open><summary>What {} printed</summary><span class=\"soft\">{}</span><pre>{}</pre></details></section>\n",
            escape(transcript.step.as_str()),
            escape(&transcript.path),
            lines.join("\n")
        ));
    }
    out
}

fn log(view: &ReportView) -> String {
    let verification = &view.verification;
    let (class, verdict) = if verification.findings.is_empty() {
        (
            "good",
            format!(
                "✓ {}, the chain is whole",
                count(usize::try_from(verification.records).unwrap_or(usize::MAX), "record")
            ),
        )
    } else {
        ("bad", format!("✗ the audit log is damaged: {}", verification.findings.join("; ")))
    };
    let rows: Vec<Vec<String>> = view.events.iter().map(log_row).collect();
    format!(
        "<section class=\"card\"><details><summary>Audit log <span class=\"{class}\">{}</span></summary>\
         <p class=\"soft\">head seq={} chain={}</p>{}</details></section>\n",
        escape(&verdict),
        verification.head_seq,
        mono(&verification.head_chain),
        table(&["", "At", "Attempt", "Phase", "Event", "Step", "Operator", "", ""], &rows)
    )
}

fn log_row(event: &RunEvent) -> Vec<String> {
    let class = match event.event {
        EventKind::Failed | EventKind::StepFailed | EventKind::Stuck | EventKind::Undecided => "bad",
        EventKind::Done | EventKind::StepDone | EventKind::Succeeded => "good",
        _ => "",
    };
    let told: Vec<&str> = [event.reason.as_deref(), event.msg.as_deref()].into_iter().flatten().collect();
    vec![
        format!("<span class=\"soft\">{}</span>", event.seq),
        format!("<span class=\"mono soft\">{}</span>", event.at.format("%m-%d %H:%M:%S%.3f")),
        format!("@{}", event.attempt),
        event.phase.map_or("", |phase| phase.word()).to_owned(),
        format!("<span class=\"{class}\">{}</span>", escape(event.event.word())),
        event
            .step
            .as_ref()
            .map_or(String::new(), |step| format!("<span class=\"mono\">{}</span>", escape(step.as_str()))),
        escape(&event.operator),
        event.ms.map_or(String::new(), duration),
        escape(&told.join("  ")),
    ]
}

fn footer(view: &ReportView) -> String {
    let made: DateTime<Utc> = view.made_at;
    format!(
        "<footer>holdpoint {} · made {} · times are UTC</footer>\n",
        env!("CARGO_PKG_VERSION"),
        moment(made)
    )
}

fn each<T>(items: &[T], render: impl Fn(&T) -> String) -> String {
    items.iter().map(render).collect::<Vec<_>>().concat()
}

fn card(title: &str, body: &str) -> String {
    format!("<section class=\"card\"><h2>{}</h2>{body}</section>\n", escape(title))
}

/// A table of cells that are HTML already.
fn table(head: &[&str], rows: &[Vec<String>]) -> String {
    let head = each(head, |word| format!("<th>{word}</th>"));
    let row = |cells: &Vec<String>| format!("<tr>{}</tr>\n", each(cells, |cell| format!("<td>{cell}</td>")));
    let rows = each(rows, row);
    format!("<div class=\"scroll\"><table><tr>{head}</tr>\n{rows}</table></div>")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    #[test]
    fn the_page_needs_nothing_from_anywhere_and_runs_nothing() {
        let page = render(&sample::report(Status::RevertInterrupted));
        for outside in ["<script", "src=", "href=", "url(http", "@import", "onerror", "javascript:"] {
            assert!(!page.contains(outside), "{outside}");
        }
        assert!(page.contains("&lt;script&gt;alert(&#39;\\u{1b}[2J&#39;)&lt;/script&gt;"));
        assert!(!page.contains('\u{1b}'));
        assert!(page.contains("prefers-color-scheme: dark"));
    }

    #[test]
    fn every_tag_that_opens_closes() {
        let page = render(&sample::report(Status::Succeeded));
        for tag in ["section", "table", "tr", "td", "svg", "g", "details", "div", "span", "dl", "code", "pre"]
        {
            let opened =
                page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
            assert_eq!(opened, page.matches(&format!("</{tag}>")).count(), "{tag}");
        }
    }
}
