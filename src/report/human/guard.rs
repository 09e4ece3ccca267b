//! `check --guard`: what the guardrail said and how it ended.

use super::blockers;
use crate::model::view::GuardView;
use crate::report::text::{Add, Ink, clean, clean_lines, duration};

/// Its output as it came, then how it ended.
pub fn guard(view: &GuardView) -> String {
    let mut out = String::new();
    for line in view.output.iter().flat_map(|line| clean_lines(line)) {
        out.add(format_args!("{line}\n"));
    }
    if let Some(blocker) = &view.blocker {
        return out + &blockers::render(std::slice::from_ref(blocker), &[]);
    }
    let command = clean(&view.command.join(" "));
    let line = format!("the guardrail passes: `{command}` exited 0 after {}", duration(view.ms));
    out + &format!("{} {line}\n", Ink::Good.paint("✓"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::reason::{Blocker, ReasonCode};

    #[test]
    fn its_words_cannot_reach_the_terminal_raw_and_its_end_stands_last() {
        let failed = GuardView {
            passed: false,
            exit: Some(3),
            command: vec!["scripts/guard.sh".to_owned()],
            ms: 12,
            output: vec!["port 80 is taken\u{1b}[2J".to_owned()],
            blocker: Some(
                Blocker::new(ReasonCode::GuardFailed, "`scripts/guard.sh` exited 3").way_out("mend it"),
            ),
        };
        let text = anstream::adapter::strip_str(&guard(&failed)).to_string();
        insta::assert_snapshot!(text, @r"
        port 80 is taken\u{1b}[2J
        ✗ guard-failed: `scripts/guard.sh` exited 3
          → mend it
        ");
        let passed = GuardView { passed: true, exit: Some(0), blocker: None, output: Vec::new(), ..failed };
        let text = anstream::adapter::strip_str(&guard(&passed)).to_string();
        insta::assert_snapshot!(text, @"✓ the guardrail passes: `scripts/guard.sh` exited 0 after 12ms");
    }
}
