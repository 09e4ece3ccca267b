//! Releases as they stand: `state`, `list`, `log`.

use chrono::{DateTime, Utc};

use super::{events, failure};
use crate::model::id::ServiceName;
use crate::model::release::{Class, ReleaseState, Status};
use crate::model::view::{HolderView, ListRow, LogView, PhaseRow, StateView, VerificationView};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, clean_lines, count, duration, moment, names, seconds_since};

/// The colour of a status.
pub fn status_ink(status: Status) -> Ink {
    match status {
        Status::Succeeded => Ink::Good,
        Status::Failed | Status::Stuck | Status::Undecided | Status::RevertUndecided => Ink::Bad,
        Status::Canceled | Status::Reverted => Ink::Faint,
        _ => Ink::Warn,
    }
}

/// `state TICKET`.
pub fn state(view: &StateView, now: DateTime<Utc>) -> String {
    let state = &view.state;
    let mut out = format!(
        "{} {}",
        Ink::Strong.paint(&format!("{}@{}", state.ticket, state.attempt)),
        status_ink(state.status).paint(state.status.word())
    );
    if state.status.class() == Class::Halted || state.status == Status::Held {
        out.add(format_args!(" in {}", state.phase));
    }
    out.add(format_args!("{}\n", flags(state)));
    out.push_str(&fields(view, now));
    out.push_str(&phases(&view.phases));
    if let Some(failure) = &view.failure {
        for line in clean_lines(failure) {
            out.add(format_args!("  {}\n", Ink::Bad.paint(&line)));
        }
    }
    for cause in &view.causes {
        out.add(format_args!("{} its cause is open: {}\n", Ink::Warn.paint("!"), clean(cause)));
    }
    if let Some(why) = &view.rebuilt {
        let line = format!("the state file was rebuilt from the audit log: {}", clean(why));
        out.add(format_args!("{} {line}\n", Ink::Warn.paint("!")));
    }
    out.push_str(&failure::next(&view.next));
    out
}

fn flags(state: &ReleaseState) -> String {
    let mut words = Vec::new();
    words.extend(state.superseded_by.as_deref().map(|by| format!("superseded by {}", clean(by))));
    words.extend(state.closed.then(|| "closed".to_owned()));
    words.extend(state.archived.then(|| "archived".to_owned()));
    words.extend(state.approved.map(|phase| format!("{phase} approved")));
    if words.is_empty() { String::new() } else { Ink::Faint.paint(&format!(" ({})", words.join(", "))) }
}

fn fields(view: &StateView, now: DateTime<Utc>) -> String {
    let state = &view.state;
    let mut table = Columns::bare().indent(2);
    let mut field = |name: &'static str, value: String| {
        if !value.is_empty() {
            table.row([Cell::new(name).ink(Ink::Faint), Cell::new(value)]);
        }
    };
    let to = state.merge.as_ref().map_or("not merged".to_owned(), |merge| merge.short().to_owned());
    field("commits", format!("{} → {to} on {}", state.base.short(), state.branch));
    field("services", names(state.services.iter().map(ServiceName::as_str), "none"));
    let backups: Vec<String> =
        state.backups.iter().map(|(service, stamp)| format!("{service} {stamp}")).collect();
    field("backups", backups.join(", "));
    field("failed step", state.failed_step.as_ref().map_or(String::new(), |step| clean(step.as_str())));
    field("operator", format!("{} on {}", clean(&state.operator), clean(&state.host)));
    field("started", ago(state.started_at, now));
    field("updated", ago(state.updated_at, now));
    if state.cycle > 1 {
        field("cycle", state.cycle.to_string());
    }
    field("runner", view.runner.as_ref().map_or(String::new(), |holder| holder_line(holder, now)));
    field("state", clean(&view.state_file));
    field("log", clean(&view.log_file));
    field("attempt", clean(&view.folder));
    table.render()
}

/// Who holds the host, in one line.
pub fn holder_line(holder: &HolderView, now: DateTime<Utc>) -> String {
    if !holder.left.is_empty() {
        return clean(&holder.left.join("; "));
    }
    let on = holder.ticket.as_ref().map_or(String::new(), |ticket| format!(" on {ticket}"));
    let phase = holder.phase.map_or(String::new(), |phase| format!(", {phase}"));
    format!(
        "{} (pid {}){on}{phase}, for {}",
        clean(&holder.operator),
        holder.pid,
        age(seconds_since(holder.since, now))
    )
}

fn ago(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let mut text = moment(at);
    for part in [" (", &age(seconds_since(at, now)), " ago)"] {
        text.push_str(part);
    }
    text
}

fn phases(rows: &[PhaseRow]) -> String {
    let mut table = Columns::bare().indent(2);
    for row in rows {
        let (sign, ink) = match row.word.as_str() {
            "done" => ("✓", Ink::Good),
            "failed" => ("✗", Ink::Bad),
            "start" => ("▸", Ink::Warn),
            _ => ("·", Ink::Faint),
        };
        let word = match row.word.as_str() {
            "start" => "begun",
            "-" => "",
            "skipped" => "left out",
            "skipped-no-script" => "no script",
            "skipped-ran-elsewhere" => "ran elsewhere",
            word => word,
        };
        table.row([
            Cell::new(sign).ink(ink),
            Cell::new(row.phase.word()),
            Cell::new(clean(word)),
            Cell::new(row.ms.map_or(String::new(), duration)),
            Cell::new(row.reason.as_deref().map_or(String::new(), clean)).ink(Ink::Faint),
        ]);
    }
    table.render()
}

/// `list`.
pub fn list(rows: &[ListRow], now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return "no release is recorded on this host\n".to_owned();
    }
    let head = ["release", "status", "phase", "commit", "services", "operator", "started", "took", ""];
    let mut table = Columns::headed(head);
    for row in rows {
        let took = u64::try_from((row.updated_at - row.started_at).num_milliseconds()).unwrap_or(0);
        table.row([
            Cell::new(row.attempt.to_string()).ink(Ink::Strong),
            Cell::new(row.status.word()).ink(status_ink(row.status)),
            Cell::new(row.phase.word()),
            Cell::new(row.merge.as_ref().map_or("-", |merge| merge.short())).ink(Ink::Faint),
            Cell::new(names(row.services.iter().map(ServiceName::as_str), "-")),
            Cell::new(clean(&row.operator)),
            Cell::new(ago(row.started_at, now)),
            Cell::new(duration(took)),
            Cell::new(list_flags(row)).ink(Ink::Faint),
        ]);
    }
    table.render()
}

fn list_flags(row: &ListRow) -> String {
    let mut words = Vec::new();
    words.extend(row.superseded_by.as_deref().map(|by| format!("superseded by {}", clean(by))));
    words.extend(row.closed.then(|| "closed".to_owned()));
    words.extend(row.archived.then(|| "archived".to_owned()));
    words.join(", ")
}

/// `log TICKET`.
pub fn log(view: &LogView) -> String {
    let mut out = events::table(&view.events);
    if let Some(verification) = &view.verification {
        out.push_str(&verified(verification));
    }
    out
}

/// What checking the chain found.
pub fn verified(view: &VerificationView) -> String {
    let head = format!("head seq={} chain={}", view.head_seq, clean(&view.head_chain));
    if view.findings.is_empty() {
        let sound = format!(
            "✓ {}, the chain is whole",
            count(usize::try_from(view.records).unwrap_or(usize::MAX), "record")
        );
        return format!("{}  {}\n", Ink::Good.paint(&sound), Ink::Faint.paint(&head));
    }
    let mut out = format!("{}  {}\n", Ink::Bad.paint("✗ the audit log is damaged"), Ink::Faint.paint(&head));
    for finding in &view.findings {
        out.add(format_args!("  {}\n", clean(finding)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::phase::Phase;
    use crate::model::view::NextCommand;
    use crate::report::sample;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_state_says_where_it_stands_and_what_to_type() {
        let mut view = sample::state_view(Status::Failed);
        view.state.phase = Phase::Ticket;
        view.failure = Some("1234-theming.sh exited 1\u{1b}[0m".to_owned());
        view.rebuilt = Some("it was missing".to_owned());
        view.runner = Some(HolderView {
            pid: 4711,
            operator: "ada".to_owned(),
            since: sample::began(),
            ticket: "1234".parse().ok(),
            phase: Some(Phase::Ticket),
            left: Vec::new(),
        });
        view.next = vec![NextCommand {
            when: "to go on once the cause is fixed".to_owned(),
            command: "just release-run 1234 --from=ticket".to_owned(),
        }];
        insta::assert_snapshot!(plain(&state(&view, sample::now())), @r"
        1234@1 failed in ticket
          commits   aaaaaaaaaaaa → bbbbbbbbbbbb on main
          services  redmine, wikijs
          backups   redmine 20260518_153012, wikijs 20260518_153012-2
          operator  deploy on prod1
          started   2026-05-18 15:30:12Z (4h ago)
          updated   2026-05-18 16:11:37Z (3h ago)
          runner    ada (pid 4711) on 1234, ticket, for 4h
          state     .asd/workspace/releases/1234.env
          log       .asd/workspace/releases/1234.log
          attempt   .asd/workspace/releases/1234/1
          ✓  prepare  done    4.0s
          ✓  migrate  done    13.8s
          ✗  ticket   failed  1.8s
          ·  verify
          1234-theming.sh exited 1\u{1b}[0m
        ! the state file was rebuilt from the audit log: it was missing
        to go on once the cause is fixed:
            just release-run 1234 --from=ticket
        ");
    }

    #[test]
    fn a_list_is_one_line_an_attempt() {
        let state = sample::state(Status::Succeeded);
        let row = |attempt: &str, status| ListRow {
            attempt: attempt.parse().unwrap(),
            status,
            phase: Phase::Verify,
            branch: state.branch.clone(),
            merge: state.merge.clone(),
            services: state.services.clone(),
            operator: "deploy\u{1b}".to_owned(),
            started_at: state.started_at,
            updated_at: state.updated_at,
            superseded_by: None,
            closed: false,
            archived: false,
        };
        let rows = [
            row("1234@1", Status::Succeeded),
            ListRow { superseded_by: Some("OPS-17@3".to_owned()), ..row("OPS-17@2", Status::Failed) },
            ListRow { merge: None, services: Vec::new(), closed: true, ..row("7@1", Status::Interrupted) },
        ];
        insta::assert_snapshot!(plain(&list(&rows, sample::now())), @r"
        release   status       phase   commit        services         operator      started                        took
        1234@1    succeeded    verify  bbbbbbbbbbbb  redmine, wikijs  deploy\u{1b}  2026-05-18 15:30:12Z (4h ago)  41m25s
        OPS-17@2  failed       verify  bbbbbbbbbbbb  redmine, wikijs  deploy\u{1b}  2026-05-18 15:30:12Z (4h ago)  41m25s  superseded by OPS-17@3
        7@1       interrupted  verify  -             -                deploy\u{1b}  2026-05-18 15:30:12Z (4h ago)  41m25s  closed
        ");
    }

    #[test]
    fn a_damaged_chain_is_said_plainly() {
        let sound = VerificationView {
            records: 53,
            head_seq: 53,
            head_chain: "0123456789abcdef".to_owned(),
            findings: Vec::new(),
        };
        let damaged = VerificationView { findings: vec!["line 17: wrong chain".to_owned()], ..sound.clone() };
        insta::assert_snapshot!(plain(&(verified(&sound) + &verified(&damaged))), @"
        ✓ 53 records, the chain is whole  head seq=53 chain=0123456789abcdef
        ✗ the audit log is damaged  head seq=53 chain=0123456789abcdef
          line 17: wrong chain
        ");
    }
}
