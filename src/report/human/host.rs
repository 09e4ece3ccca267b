//! The host: `status` and `doctor`.

use chrono::{DateTime, Utc};

use super::releases::{holder_line, status_ink};
use crate::model::facts::RunState;
use crate::model::view::{DoctorRow, SinceBy, StatusRow, StatusView, Verdict};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, clean_lines, count, seconds_since};

/// `status [SERVICE…]`.
pub fn status(view: &StatusView, now: DateTime<Utc>) -> String {
    let mut out = posture(view, now);
    if view.services.is_empty() {
        out.push_str("no service is configured\n");
    }
    out.push_str(&service_table(&view.services, now));
    out.push_str(&remarks(view));
    out
}

/// The services as a table; nothing where there are none.
pub(super) fn service_table(rows: &[StatusRow], now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let mut table =
        Columns::headed(["", "service", "runs", "health", "image", "up for", "restarts", "last release"]);
    for row in rows {
        table.row(service_cells(row, now));
    }
    table.render()
}

fn posture(view: &StatusView, now: DateTime<Utc>) -> String {
    let branch = view.branch.as_ref().map_or("no branch", |branch| branch.as_str());
    let head = view.head.as_ref().map_or("no commit", |head| head.short());
    let mut out = format!("{}  {head} on {branch}\n", Ink::Strong.paint(&clean(&view.host)));
    if let Some(holder) = &view.runner {
        out.add(format_args!("  held by {}\n", holder_line(holder, now)));
    }
    if let Some(release) = &view.release {
        out.add(format_args!(
            "  last release {} {}, {} ago\n",
            release.attempt,
            status_ink(release.status).paint(release.status.word()),
            age(seconds_since(release.updated_at, now))
        ));
    }
    out
}

fn service_cells(row: &StatusRow, now: DateTime<Utc>) -> [Cell<'_>; 8] {
    let (word, ink) = match row.run {
        RunState::Running => ("running", Ink::Good),
        RunState::Partly => ("partly", Ink::Warn),
        RunState::Stopped => ("stopped", Ink::Bad),
        RunState::Absent => ("absent", Ink::Bad),
        RunState::Unknown => ("unknown", Ink::Warn),
    };
    let well = row.well && row.run == RunState::Running;
    let (sign, sign_ink) = if well { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
    let health_ink = if row.well { Ink::Good } else { Ink::Bad };
    [
        Cell::new(sign).ink(sign_ink),
        Cell::new(row.service.as_str()).ink(Ink::Strong),
        Cell::new(word).ink(ink),
        Cell::new(row.health.as_deref().map_or("-".to_owned(), clean)).ink(health_ink),
        Cell::new(image(row)),
        Cell::new(up_for(row, now)),
        Cell::new(row.restarts.map_or("-".to_owned(), |count| count.to_string())),
        Cell::new(row.last_release.as_deref().map_or("-".to_owned(), clean)),
    ]
}

/// How long it is up: `4h`; `≤ 4h` where only the record of its last start says so, because somebody may have started it
/// again since.
fn up_for(row: &StatusRow, now: DateTime<Utc>) -> String {
    let span = row.since.map(|since| age(seconds_since(since, now)));
    match (row.run, span, row.since_by) {
        (RunState::Stopped | RunState::Absent, _, _) => "-".to_owned(),
        (_, Some(span), Some(SinceBy::Record)) => format!("≤ {span}"),
        (_, Some(span), _) => span,
        (_, None, _) => "unknown".to_owned(),
    }
}

/// What runs, with the first digits of its identity, and what is wanted where that is something else.
fn image(row: &StatusRow) -> String {
    let short = |id: &str| id.trim_start_matches("sha256:").chars().take(12).collect::<String>();
    let identities: Vec<String> = row.digest.iter().flat_map(|all| all.split(' ')).map(short).collect();
    let runs = |image: &str| {
        if identities.is_empty() {
            return clean(image);
        }
        format!("{}@{}", clean(image), clean(&identities.join(" ")))
    };
    match (row.image.as_deref(), row.intended.as_deref()) {
        (Some(image), Some(wanted)) if image != wanted => {
            format!("{} (wanted {})", runs(image), clean(wanted))
        }
        (Some(image), _) => runs(image),
        (None, Some(wanted)) => format!("- (wanted {})", clean(wanted)),
        (None, None) => "-".to_owned(),
    }
}

fn remarks(view: &StatusView) -> String {
    let mut out = String::new();
    for row in &view.services {
        if let Some(trouble) = &row.trouble {
            for line in clean_lines(trouble) {
                out.add(format_args!("{} {}: {line}\n", Ink::Warn.paint("!"), row.service));
            }
        }
    }
    for note in &view.notes {
        out.add(format_args!("{} {}\n", Ink::Warn.paint("!"), clean(note)));
    }
    out
}

/// `doctor`.
pub fn doctor(rows: &[DoctorRow]) -> String {
    let mut table = Columns::bare();
    for row in rows {
        let (sign, ink) = match row.verdict {
            Verdict::Well => ("✓", Ink::Good),
            Verdict::Warn => ("!", Ink::Warn),
            Verdict::Bad => ("✗", Ink::Bad),
        };
        let mut lines = clean_lines(&row.fact);
        let first = lines.next().unwrap_or_default();
        table.row([Cell::new(sign).ink(ink), Cell::new(clean(&row.check)), Cell::new(first)]);
        for line in lines {
            table.row([Cell::default(), Cell::default(), Cell::new(line)]);
        }
        for way in row.ways_out.iter().flat_map(|way| clean_lines(way)) {
            table.row([Cell::default(), Cell::default(), Cell::new(format!("→ {way}")).ink(Ink::Command)]);
        }
    }
    table.render() + &verdict(rows)
}

fn verdict(rows: &[DoctorRow]) -> String {
    let of = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    match (of(Verdict::Bad), of(Verdict::Warn)) {
        (0, 0) => format!("\n{}\n", Ink::Good.paint("this host is fit to release")),
        (0, warnings) => {
            let line = format!("this host is fit to release, with {}", count(warnings, "warning"));
            format!("\n{}\n", Ink::Good.paint(&line))
        }
        (bad, _) => {
            let line = format!("this host is not fit to release: {}", count(bad, "finding"));
            format!("\n{}\n", Ink::Bad.paint(&line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample;

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    fn row(service: &str, run: RunState) -> StatusRow {
        StatusRow {
            service: service.parse().unwrap(),
            driver: "compose".to_owned(),
            run,
            health: Some("healthy".to_owned()),
            well: true,
            image: Some("redmine:5.1.3".to_owned()),
            intended: Some("redmine:5.1.3".to_owned()),
            digest: None,
            restarts: None,
            since: Some(sample::began()),
            since_by: Some(SinceBy::Container),
            last_release: Some("1234@1".to_owned()),
            containers: Vec::new(),
            trouble: None,
        }
    }

    #[test]
    fn the_posture_shows_what_is_not_well_at_a_glance() {
        let view = StatusView {
            host: "prod1".to_owned(),
            head: Some(sample::oid('b')),
            branch: "main".parse().ok(),
            runner: None,
            release: None,
            services: vec![
                StatusRow {
                    digest: Some("sha256:0123456789abcdef".to_owned()),
                    restarts: Some(2),
                    ..row("redmine", RunState::Running)
                },
                StatusRow { since_by: Some(SinceBy::Record), ..row("search", RunState::Running) },
                StatusRow { since: None, since_by: None, ..row("index", RunState::Running) },
                StatusRow {
                    health: Some("HTTP 503".to_owned()),
                    well: false,
                    intended: Some("redmine:5.2".to_owned()),
                    trouble: Some("leftover container `3f2a_wikijs`\u{1b}[1m".to_owned()),
                    ..row("wikijs", RunState::Partly)
                },
                StatusRow {
                    health: None,
                    image: None,
                    intended: None,
                    since: None,
                    last_release: None,
                    ..row("mailer", RunState::Stopped)
                },
            ],
            notes: vec!["this host is untrusted".to_owned()],
        };
        insta::assert_snapshot!(plain(&status(&view, sample::now())), @r"
        prod1  bbbbbbbbbbbb on main
           service  runs     health    image                               up for   restarts  last release
        ✓  redmine  running  healthy   redmine:5.1.3@0123456789ab          4h       2         1234@1
        ✓  search   running  healthy   redmine:5.1.3                       ≤ 4h     -         1234@1
        ✓  index    running  healthy   redmine:5.1.3                       unknown  -         1234@1
        ✗  wikijs   partly   HTTP 503  redmine:5.1.3 (wanted redmine:5.2)  4h       -         1234@1
        ✗  mailer   stopped  -         -                                   -        -         -
        ! wikijs: leftover container `3f2a_wikijs`\u{1b}[1m
        ! this host is untrusted
        ");
    }

    #[test]
    fn a_doctor_says_what_to_do_about_each_finding() {
        let rows = [
            DoctorRow {
                check: "git".to_owned(),
                verdict: Verdict::Well,
                fact: "2.39.5".to_owned(),
                ways_out: Vec::new(),
            },
            DoctorRow {
                check: "volume of wikijs".to_owned(),
                verdict: Verdict::Bad,
                fact: "the configuration names `wikijs_data`\nits container mounts `app_wikijs_data`"
                    .to_owned(),
                ways_out: vec!["write `volume = \"app_wikijs_data\"` in .asd/release.toml".to_owned()],
            },
            DoctorRow {
                check: "disk".to_owned(),
                verdict: Verdict::Warn,
                fact: "9% free".to_owned(),
                ways_out: Vec::new(),
            },
        ];
        insta::assert_snapshot!(plain(&doctor(&rows)), @r#"
        ✓  git               2.39.5
        ✗  volume of wikijs  the configuration names `wikijs_data`
                             its container mounts `app_wikijs_data`
                             → write `volume = "app_wikijs_data"` in .asd/release.toml
        !  disk              9% free

        this host is not fit to release: 1 finding
        "#);
    }
}
