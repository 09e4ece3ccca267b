//! Previews: `preview list`, `preview cleanup`.

use crate::model::preview::{CleanupView, PreviewRow};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, names};

/// `preview list`.
pub fn list(rows: &[PreviewRow]) -> String {
    if rows.is_empty() {
        return "no preview is on this host\n".to_owned();
    }
    let mut table = Columns::headed(["", "preview", "state", "url", "age", "commit", "services", "by"]);
    for row in rows {
        let (sign, ink) = if row.state == "up" { ("✓", Ink::Good) } else { ("✗", Ink::Warn) };
        let branch = row.branch.as_ref().map(|branch| format!(" ({branch})")).unwrap_or_default();
        table.row([
            Cell::new(sign).ink(ink),
            Cell::new(row.id.to_string()).ink(Ink::Strong),
            Cell::new(row.state).ink(ink),
            Cell::new(names(row.urls.iter().map(String::as_str), "-")),
            Cell::new(age(row.age_seconds)),
            Cell::new(format!("{}{branch}", row.commit.short())),
            Cell::new(names(row.services.iter().map(crate::model::id::ServiceName::as_str), "-")),
            Cell::new(clean(&row.operator)).ink(Ink::Faint),
        ]);
    }
    table.render()
}

/// `preview cleanup`: what was proved.
pub fn cleaned(view: &CleanupView) -> String {
    let mut out = String::new();
    for row in &view.proof {
        let (sign, ink) = if row.holds { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
        out.add(format_args!("{} {}  {}\n", ink.paint(sign), row.what, Ink::Faint.paint(&clean(&row.seen))));
    }
    if view.clean {
        out.add(format_args!("preview {} is gone\n", view.id));
    } else {
        out.add(format_args!("preview {} was removed, and not all of that can be proved\n", view.id));
    }
    out
}
