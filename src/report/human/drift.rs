//! `drift`: each difference, and what clears it.

use crate::model::drift::{DriftRow, DriftView};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, clean, count};

/// `drift`.
pub fn drift(view: &DriftView) -> String {
    let mut out = rows(&view.rows);
    for note in &view.notes {
        out.add(format_args!("{} {}\n", Ink::Warn.paint("!"), clean(note)));
    }
    let looked = format!(
        "{}, {}, {} looked at",
        count(view.services, "service"),
        count(view.containers, "container"),
        count(view.scripts, "ticket script")
    );
    let verdict = match view.rows.len() {
        0 => Ink::Good.paint("what runs is what is meant to run"),
        some => Ink::Bad.paint(&count(some, "difference")),
    };
    out.add(format_args!("{verdict}: {looked}\n"));
    out
}

/// The rows alone: what is meant, what is, and below each what clears it.
pub fn rows(rows: &[DriftRow]) -> String {
    let mut table = Columns::headed(["", "code", "service", "intended", "running"]);
    for row in rows {
        let text = |text: &Option<String>| text.as_deref().map_or("-".to_owned(), clean);
        table.row([
            Cell::new("✗").ink(Ink::Bad),
            Cell::new(row.code.word()).ink(Ink::Strong),
            Cell::new(row.service.as_ref().map_or("-", |service| service.as_str())),
            Cell::new(text(&row.intended)),
            Cell::new(text(&row.running)),
        ]);
    }
    if rows.is_empty() {
        return String::new();
    }
    let mut out = String::new();
    let rendered = table.render();
    let mut lines = rendered.lines();
    out.extend(lines.next().map(|head| format!("{head}\n")));
    for (line, row) in lines.zip(rows) {
        out.add(format_args!("{line}\n"));
        for way in &row.clears {
            out.add(format_args!("     {}\n", Ink::Command.paint(&format!("→ {}", clean(way)))));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::drift::DriftCode;

    #[test]
    fn a_difference_stands_with_what_clears_it() {
        let row = |code, service: Option<&str>, running: &str| DriftRow {
            code,
            service: service.map(|name| name.parse().unwrap()),
            intended: Some("wikijs:2".into()),
            running: Some(running.into()),
            clears: vec!["holdpoint run 1234 --from=migrate".into()],
        };
        let view = DriftView {
            clean: false,
            services: 1,
            containers: 2,
            scripts: 0,
            rows: vec![
                row(DriftCode::ImageDiffers, Some("wikijs"), "wikijs:1\u{1b}[2J"),
                row(DriftCode::HeadMoved, None, "bbbbbbbbbbbb"),
            ],
            notes: vec!["a run is at work here".into()],
        };
        let plain = |view: &DriftView| anstream::adapter::strip_str(&drift(view)).to_string();
        insta::assert_snapshot!(plain(&view), @r"
           code           service  intended  running
        ✗  image-differs  wikijs   wikijs:2  wikijs:1\u{1b}[2J
             → holdpoint run 1234 --from=migrate
        ✗  head-moved     -        wikijs:2  bbbbbbbbbbbb
             → holdpoint run 1234 --from=migrate
        ! a run is at work here
        2 differences: 1 service, 2 containers, 0 ticket scripts looked at
        ");
        let clean = DriftView { clean: true, services: 1, ..DriftView::default() };
        insta::assert_snapshot!(plain(&clean), @"what runs is what is meant to run: 1 service, 0 containers, 0 ticket scripts looked at");
    }
}
