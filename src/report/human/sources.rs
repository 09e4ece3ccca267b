//! What later releases read: `source show`, `source relink`.

use chrono::{DateTime, Utc};

use super::{blockers, failure};
use crate::model::source::{Relink, RelinkView, SourceRow, SourcesView};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, clean_lines, moment, seconds_since};

/// `source show`.
pub fn show(view: &SourcesView, now: DateTime<Utc>) -> String {
    let place = format!("{} on {}", view.root.display(), view.host);
    let mut out =
        format!("{}\n", Ink::Faint.paint(&format!("what the next release of {} reads", clean(&place))));
    let mut table = Columns::headed(["", "source", "is", "from", "fingerprint", ""]);
    for row in &view.sources {
        table.row(cells(row));
    }
    out.push_str(&table.render());
    for link in view.sources.iter().filter_map(|row| row.relink.as_ref()) {
        let why = link.reason.as_deref().map(|why| format!(": {}", clean(why))).unwrap_or_default();
        out.add(format_args!(
            "{} was relinked by {} {} ago, from {}; the configuration said {}{why}\n",
            link.source,
            clean(&link.by),
            age(seconds_since(link.at, now)),
            clean(&link.from),
            clean(&link.own),
        ));
    }
    history(&mut out, view);
    if !view.troubles.is_empty() {
        out.add(format_args!("\n{}", blockers::render(&view.troubles, &[])));
    }
    out
}

fn cells(row: &SourceRow) -> [Cell<'static>; 6] {
    let (sign, ink) = match (row.readable, row.valid) {
        (Some(false), _) | (_, false) => ("✗", Ink::Bad),
        (Some(true), true) => ("✓", Ink::Good),
        (None, true) => ("·", Ink::Faint),
    };
    let is = match (&row.current, &row.address) {
        (Some(current), Some(address)) if current != address => {
            format!("{} ({})", clean(current), clean(address))
        }
        (Some(current), _) => clean(current),
        (None, _) => "-".to_owned(),
    };
    let fingerprint =
        if row.valid { row.fingerprint.clone() } else { format!("{} (not valid)", row.fingerprint) };
    let detail = row.detail.lines().next().unwrap_or_default();
    [
        Cell::new(sign).ink(ink),
        Cell::new(row.source.to_string()).ink(Ink::Strong),
        Cell::new(is),
        Cell::new(clean(&row.provenance)).ink(if row.relink.is_some() { Ink::Warn } else { Ink::Faint }),
        Cell::new(fingerprint).ink(if row.valid { Ink::Faint } else { Ink::Bad }),
        Cell::new(clean(detail)).ink(Ink::Faint),
    ]
}

fn history(out: &mut String, view: &SourcesView) {
    let in_force = |link: &&Relink| view.sources.iter().any(|row| row.relink.as_ref() == Some(*link));
    let earlier: Vec<&Relink> = view.history.iter().filter(|link| !in_force(link)).collect();
    if earlier.is_empty() {
        return;
    }
    out.push_str("earlier relinks, newest first:\n");
    let mut table = Columns::bare();
    for link in earlier {
        let to = link.to.as_deref().map_or_else(|| format!("{} (as configured)", clean(&link.own)), clean);
        table.row([
            Cell::new(format!("  {}", moment(link.at))).ink(Ink::Faint),
            Cell::new(link.source.to_string()),
            Cell::new(format!("{} → {to}", clean(&link.from))),
            Cell::new(clean(&link.by)),
            Cell::new(link.reason.as_deref().map(clean).unwrap_or_default()).ink(Ink::Faint),
        ]);
    }
    out.push_str(&table.render());
}

/// `source relink`: what was changed, or would be.
pub fn relinked(view: &RelinkView) -> String {
    let head = if view.dry_run { "would be relinked" } else { "is relinked" };
    let mut out = format!("{} {head}\n", Ink::Strong.paint(&view.source.to_string()));
    let mut table = Columns::bare();
    let new = if view.is_reset { format!("{} (as configured)", clean(&view.new)) } else { clean(&view.new) };
    for (name, value) in [
        ("  current", clean(&view.current)),
        ("  new", new),
        ("  environment", clean(&view.environment)),
        ("  found", clean(&view.found)),
        ("  fingerprint", view.fingerprint.clone()),
    ] {
        table.row([Cell::new(name).ink(Ink::Faint), Cell::new(value)]);
    }
    out.push_str(&table.render());
    for note in view.notes.iter().flat_map(|note| clean_lines(note)) {
        out.add(format_args!("{} {note}\n", Ink::Warn.paint("!")));
    }
    if view.dry_run {
        out.push_str("Nothing was changed: this was a dry run.\n");
        return out;
    }
    out.push_str("Nothing was released: the next release reads it.\n");
    out + &failure::next(&view.next)
}
