//! `evidence list` and `evidence compare`.

use chrono::{DateTime, Utc};

use super::setup::differences;
use crate::model::evidence::{EvidenceDiff, EvidenceRow};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, count, seconds_since};

/// `evidence list`.
pub fn list(rows: &[EvidenceRow], now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return "no evidence is kept: `holdpoint evidence capture` keeps some\n".to_owned();
    }
    let mut table = Columns::headed(["evidence", "age", "why", "drift", "symptom"]);
    for row in rows {
        let how_old = row.captured_at.map_or("-".to_owned(), |at| age(seconds_since(at, now)));
        let said = row.trouble.as_ref().or(row.symptom.as_ref()).map_or("-".to_owned(), |text| clean(text));
        let ink = if row.trouble.is_some() { Ink::Bad } else { Ink::Faint };
        table.row([
            Cell::new(clean(&row.name)).ink(Ink::Strong),
            Cell::new(how_old),
            Cell::new(clean(&row.trigger)),
            Cell::new(row.differences.to_string()),
            Cell::new(said).ink(ink),
        ]);
    }
    table.render()
}

/// `evidence compare`.
pub fn compared(diff: &EvidenceDiff) -> String {
    let mut out = String::new();
    let heading = format!("{} → {}", clean(&diff.before), clean(&diff.after));
    out.add(format_args!("{}\n", Ink::Strong.paint(&heading)));
    differences(&mut out, &diff.rows);
    let verdict = if diff.rows.is_empty() {
        "nothing differs".to_owned()
    } else {
        count(diff.rows.len(), "difference")
    };
    out.add(format_args!("{verdict}\n"));
    out
}
