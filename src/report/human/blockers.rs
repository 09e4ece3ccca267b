//! Refusals are answers: each gate names its code, the fact it saw, and the way out (design/01).

use crate::model::reason::Blocker;
use crate::model::view::RefusedView;
use crate::report::text::{Add, Ink, clean, clean_lines, count};

/// All blockers, in the order given. Lines of the seed (`[ERROR] …`) stand alone and exactly as the seed has them; ours
/// begin with the code.
pub fn render(blockers: &[Blocker], notes: &[String]) -> String {
    let mut out = String::new();
    for (i, blocker) in blockers.iter().enumerate() {
        if i > 0 {
            out.push('\n');
        }
        out.push_str(&one(blocker));
    }
    for note in notes {
        out.add(format_args!("{} {}\n", Ink::Warn.paint("!"), clean(note)));
    }
    out
}

/// A whole refusal: the blockers, the playbooks that fit, and that nothing was changed.
pub fn refused(view: &RefusedView) -> String {
    let mut out = render(&view.blockers, &view.notes);
    for playbook in &view.playbooks {
        out.add(format_args!("  playbook   {}\n", clean(playbook)));
    }
    out + &footer(&view.blockers)
}

/// What stands below refused blockers: how many there were and that nothing happened.
fn footer(blockers: &[Blocker]) -> String {
    format!("\nrefused for {}, nothing was changed\n", count(blockers.len(), "reason"))
}

fn one(blocker: &Blocker) -> String {
    let mut lines = clean_lines(&blocker.fact);
    let first = lines.next().unwrap_or_default();
    let mut out = if first.starts_with("[ERROR]") {
        format!("{}\n    {}\n", Ink::Bad.paint(&first), Ink::Faint.paint(blocker.code.word()))
    } else {
        format!("{} {first}\n", Ink::Bad.paint(&format!("✗ {}:", blocker.code)))
    };
    for line in lines {
        out.add(format_args!("    {line}\n"));
    }
    for way in &blocker.ways_out {
        for (i, line) in clean_lines(way).enumerate() {
            let sign = if i == 0 { "→" } else { " " };
            out.add(format_args!("  {} {}\n", Ink::Command.paint(sign), line));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason::ReasonCode;

    #[test]
    fn the_seeds_lines_stand_exactly_as_the_seed_has_them() {
        let dirty = Blocker::new(
            ReasonCode::TreeDirty,
            "[ERROR] Working tree is dirty. Commit, stash or discard before release.\n M app.py (ada, 3h ago)",
        )
        .way_out("look first: `git status`");
        let nothing = Blocker::new(
            ReasonCode::NothingToRelease,
            "[ERROR] already up-to-date with origin/main — nothing to release",
        );
        let text = anstream::adapter::strip_str(&render(&[dirty, nothing], &[])).to_string();
        insta::assert_snapshot!(text, @r"
        [ERROR] Working tree is dirty. Commit, stash or discard before release.
            tree-dirty
             M app.py (ada, 3h ago)
          → look first: `git status`

        [ERROR] already up-to-date with origin/main — nothing to release
            nothing-to-release
        ");
    }

    #[test]
    fn hostile_text_cannot_forge_a_line_or_reach_the_terminal() {
        let hostile = Blocker::new(ReasonCode::Diverged, "one commit: \u{1b}[2Jx\u{202e}y\u{200b}\r")
            .way_out("git log \u{7}\nsecond line");
        let text =
            anstream::adapter::strip_str(&render(&[hostile], &["n\u{1b}]0;t\u{7}".to_owned()])).to_string();
        insta::assert_snapshot!(text, @r"
        ✗ diverged: one commit: \u{1b}[2Jx\u{202e}y\u{200b}\u{d}
          → git log \u{7}
            second line
        ! n\u{1b}]0;t\u{7}
        ");
    }
}
