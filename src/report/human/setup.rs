//! What a verb wrote, recorded or removed, or would: `init`, `adopt`, `backup prune`; and `check --diff`.

use super::failure;
use crate::model::view::{ChangeView, DiffRow, DiffView};
use crate::report::columns::{Cell, Columns};
use crate::report::text::{Add, Ink, clean, clean_lines};

/// What somebody is asked about: each change, and what to know.
pub fn asked(view: &ChangeView) -> String {
    listed(view)
}

/// Each change, then what to know and what to type next.
pub fn changes(view: &ChangeView) -> String {
    let mut out = listed(view);
    if view.dry_run {
        out.push_str("Nothing was changed: this was a dry run.\n");
    }
    out + &failure::next(&view.next)
}

fn listed(view: &ChangeView) -> String {
    let mut table = Columns::bare();
    for change in &view.changes {
        let verb = if view.dry_run { would(&change.verb) } else { clean(&change.verb) };
        table.row([
            Cell::new(verb).ink(Ink::Good),
            Cell::new(clean(&change.what)).ink(Ink::Strong),
            Cell::new(clean(&change.detail)).ink(Ink::Faint),
        ]);
    }
    let mut out = table.render();
    for change in &view.changes {
        if let Some(content) = &change.content {
            out.add(format_args!("\n{}\n", Ink::Faint.paint(&format!("── {}", clean(&change.what)))));
            for line in clean_lines(content) {
                out.add(format_args!("{line}\n"));
            }
            out.push('\n');
        }
    }
    for note in view.notes.iter().flat_map(|note| clean_lines(note)) {
        out.add(format_args!("{} {note}\n", Ink::Warn.paint("!")));
    }
    out
}

/// What a dry run says instead of what was done.
fn would(verb: &str) -> String {
    match verb {
        "wrote" => "would write".to_owned(),
        "rewrote" => "would rewrite".to_owned(),
        "recorded" => "would record".to_owned(),
        "removed" => "would remove".to_owned(),
        "relinked" => "would relink".to_owned(),
        "kept" => "keeps".to_owned(),
        other if other.ends_with("ed") => format!("would have {}", clean(other)),
        // What is asked of somebody already says what it would do.
        other => format!("would {}", clean(other)),
    }
}

/// `check --diff REF`.
pub fn diff(view: &DiffView, reference: &str) -> String {
    let mut out = String::new();
    if view.is_empty() {
        out.add(format_args!("nothing differs from {}\n", clean(reference)));
    } else {
        let heading = format!("differs from {}", clean(reference));
        out.add(format_args!("{}\n", Ink::Strong.paint(&heading)));
        differences(&mut out, &view.settings);
    }
    if !view.steps.is_empty() {
        out.add(format_args!("\n{}\n", Ink::Strong.paint("a release of every service would do otherwise")));
        differences(&mut out, &view.steps);
    }
    for note in view.notes.iter().flat_map(|note| clean_lines(note)) {
        out.add(format_args!("{} {note}\n", Ink::Warn.paint("!")));
    }
    out
}

/// Each difference: what it is about, what was, what is.
pub(super) fn differences(out: &mut String, rows: &[DiffRow]) {
    for row in rows {
        out.add(format_args!("  {}\n", clean(&row.what)));
        for (sign, ink, side) in [("-", Ink::Bad, &row.before), ("+", Ink::Good, &row.after)] {
            for line in side.iter().flat_map(|side| clean_lines(side)) {
                out.add(format_args!("    {}\n", ink.paint(&format!("{sign} {line}"))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::view::{Change, NextCommand};

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn a_dry_run_shows_what_would_have_been_written() {
        let view = ChangeView {
            changes: vec![
                Change {
                    verb: "wrote".to_owned(),
                    what: ".asd/release.toml".to_owned(),
                    detail: "3 services found running".to_owned(),
                    content: Some("[git]\nbranch = \"main\"".to_owned()),
                },
                Change {
                    verb: "kept".to_owned(),
                    what: "release.just".to_owned(),
                    detail: "it is yours".to_owned(),
                    content: None,
                },
            ],
            notes: vec!["`mailer` has no backup: say how its data is saved".to_owned()],
            next: vec![NextCommand {
                when: "look it over, then".to_owned(),
                command: "holdpoint doctor".to_owned(),
            }],
            dry_run: true,
        };
        insta::assert_snapshot!(plain(&changes(&view)), @r#"
        would write  .asd/release.toml  3 services found running
        keeps        release.just       it is yours

        ── .asd/release.toml
        [git]
        branch = "main"

        ! `mailer` has no backup: say how its data is saved
        Nothing was changed: this was a dry run.
        look it over, then:
            holdpoint doctor
        "#);
    }

    #[test]
    fn who_is_asked_is_told_what_would_be_done_and_not_that_it_was_a_dry_run() {
        let change = Change {
            verb: "archive".to_owned(),
            what: "1003@1".to_owned(),
            detail: "it is reverted; nothing of it is deleted".to_owned(),
            content: None,
        };
        let view = ChangeView { changes: vec![change], dry_run: true, ..ChangeView::default() };
        let told = "would archive  1003@1  it is reverted; nothing of it is deleted\n";
        assert_eq!(plain(&asked(&view)), told);
        assert_eq!(plain(&changes(&view)), format!("{told}Nothing was changed: this was a dry run.\n"));
    }

    #[test]
    fn differences_stand_side_by_side() {
        let view = DiffView {
            settings: vec![DiffRow {
                what: "services.wikijs.image".to_owned(),
                before: Some("wiki:2.4\u{1b}".to_owned()),
                after: Some("wiki:2.5".to_owned()),
            }],
            steps: vec![DiffRow {
                what: "wikijs.pull".to_owned(),
                before: None,
                after: Some("pull wikijs\n$ docker compose pull wikijs".to_owned()),
            }],
            notes: Vec::new(),
        };
        insta::assert_snapshot!(plain(&diff(&view, "main~1")), @r"
        differs from main~1
          services.wikijs.image
            - wiki:2.4\u{1b}
            + wiki:2.5

        a release of every service would do otherwise
          wikijs.pull
            + pull wikijs
            + $ docker compose pull wikijs
        ");
        assert_eq!(diff(&DiffView::default(), "main"), "nothing differs from main\n");
    }
}
