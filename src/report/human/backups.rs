//! Backup sets: `backup list`, `backup verify`.

use crate::model::view::{BackupRow, BackupVerifyRow};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, age, clean, count, size};

/// `backup list`: sets by service, as they come.
pub fn list(rows: &[BackupRow]) -> String {
    if rows.is_empty() {
        return "no backup set is kept on this host\n".to_owned();
    }
    let mut table = Columns::headed(["", "service", "set", "age", "size", "kinds", "taken for", "kept"]);
    for row in rows {
        let (sign, ink) = if row.verified { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
        table.row([
            Cell::new(sign).ink(ink),
            Cell::new(row.service.as_str()).ink(Ink::Strong),
            Cell::new(row.stamp.as_str()),
            Cell::new(age(row.age_seconds)),
            Cell::new(size(row.bytes)),
            Cell::new(row.kinds.iter().map(|kind| clean(kind)).collect::<Vec<_>>().join(", ")),
            Cell::new(clean(&row.taken_for)),
            Cell::new(row.kept_for.as_deref().map_or("may go".to_owned(), clean)).ink(Ink::Faint),
        ]);
    }
    let bytes = rows.iter().map(|row| row.bytes).sum();
    let sum = format!("{}, {}", count(rows.len(), "set"), size(bytes));
    format!("{}{}\n", table.render(), Ink::Faint.paint(&sum))
}

/// `backup verify`: each set against its own record.
pub fn verified(rows: &[BackupVerifyRow]) -> String {
    if rows.is_empty() {
        return "no backup set is kept on this host\n".to_owned();
    }
    let mut out = String::new();
    for row in rows {
        let (sign, ink) = if row.findings.is_empty() { ("✓", Ink::Good) } else { ("✗", Ink::Bad) };
        let read = format!(
            "{}, {}",
            count(usize::try_from(row.files).unwrap_or(usize::MAX), "file"),
            size(row.bytes)
        );
        out.add(format_args!(
            "{} {} {}  {}\n",
            ink.paint(sign),
            row.service,
            row.stamp,
            Ink::Faint.paint(&read)
        ));
        for finding in &row.findings {
            out.add(format_args!("    {}\n", clean(finding)));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::release::Status;
    use crate::report::sample;

    #[test]
    fn sets_show_their_age_their_size_and_what_keeps_them() {
        let mut rows = sample::report(Status::Succeeded).backups;
        rows[1].verified = false;
        rows[1].kept_for = None;
        let checked = [
            BackupVerifyRow {
                service: rows[0].service.clone(),
                stamp: rows[0].stamp.clone(),
                files: 2,
                bytes: 48_234_496,
                findings: Vec::new(),
            },
            BackupVerifyRow {
                service: rows[1].service.clone(),
                stamp: rows[1].stamp.clone(),
                files: 1,
                bytes: 10,
                findings: vec!["1-volume/data.tar\u{1b}: sha256 differs".to_owned()],
            },
        ];
        let text = list(&rows) + "\n" + &verified(&checked);
        insta::assert_snapshot!(anstream::adapter::strip_str(&text).to_string(), @r"
           service  set                age  size   kinds             taken for  kept
        ✓  redmine  20260518_153012    4h   46MiB  volume, postgres  1234@1     named by 1234
        ✗  wikijs   20260518_153012-2  4h   1GiB   volume, postgres  1234@1     may go
        2 sets, 1.0GiB

        ✓ redmine 20260518_153012  2 files, 46MiB
        ✗ wikijs 20260518_153012-2  1 file, 10B
            1-volume/data.tar\u{1b}: sha256 differs
        ");
    }
}
