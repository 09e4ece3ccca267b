//! `evidence list`, `evidence show` and `evidence compare`.

use chrono::{DateTime, Utc};

use super::setup::differences;
use serde_json::Value;

use crate::model::evidence::{EvidenceDiff, EvidenceRow, EvidenceView};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, count, seconds_since};

/// `evidence list`; `of` is what was typed behind it.
pub fn list(rows: &[EvidenceRow], of: &str, now: DateTime<Utc>) -> String {
    if rows.is_empty() {
        return format!("no evidence is kept: `holdpoint evidence capture {}` keeps some\n", clean(of));
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

/// `evidence show`: every field that has a value, indented as it is nested.
pub fn bundle(view: &EvidenceView) -> String {
    let mut out = String::new();
    out.add(format_args!("{}\n", Ink::Strong.paint(&clean(&view.name))));
    out.add(format_args!("  kept in {}\n", clean(&view.path)));
    fields(&mut out, &view.bundle, 1);
    out
}

/// What a bundle holds, for a page: names and what stands behind them.
#[derive(Debug, Default)]
pub struct Held {
    /// What is said in a word.
    pub words: Vec<(String, String)>,
    /// Each part that holds more, as text.
    pub parts: Vec<(String, String)>,
}

/// What a bundle holds.
pub fn held(bundle: &Value) -> Held {
    let mut held = Held::default();
    for (name, value) in bundle.as_object().into_iter().flatten() {
        match plain(value) {
            Some(text) => held.words.push((name.clone(), text)),
            None if is_empty(value) => {}
            None => {
                let mut text = String::new();
                fields(&mut text, value, 0);
                held.parts.push((name.clone(), text));
            }
        }
    }
    held
}

/// What a value holds, a line each; what holds nothing is left out.
fn fields(out: &mut String, value: &Value, depth: usize) {
    let indent = "  ".repeat(depth);
    let named = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (clean(name), value)).collect(),
        Value::Array(items) => items.iter().map(|item| ("-".to_owned(), item)).collect(),
        _ => Vec::new(),
    };
    for (name, value) in named {
        match plain(value) {
            Some(text) => out.add(format_args!("{indent}{name}  {text}\n")),
            None if is_empty(value) => {}
            None => {
                out.add(format_args!("{indent}{name}\n"));
                fields(out, value, depth + 1);
            }
        }
    }
}

/// A single value as text; none: nothing, or one that holds others.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(clean(text)),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        Value::Null | Value::Object(_) | Value::Array(_) => None,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        value => value.is_null(),
    }
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
