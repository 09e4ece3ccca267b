//! Going on after whatever happened, as a person does who types what the program names, and nothing else.

use crate::support::Output;

/// What is brought to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Run,
    Revert,
}

/// Types the way on that the program names until ticket 1234 is released, or taken back. Answers with what it said last, or
/// with why there is no way on.
pub(super) fn goes_on(verb: Verb, mut types: impl FnMut(&[&str]) -> Output) -> Result<Output, String> {
    let mut last = String::new();
    for _ in 0..6 {
        let command = next(verb, &last, &mut types);
        let words: Vec<&str> = command.split(' ').collect();
        let output = types(&words);
        last = format!("{}{}", output.stdout, output.stderr);
        match output.code {
            Some(0) => return Ok(output),
            // The end of a step is unknown: two commands to type, of which the next one is the careful one.
            Some(8) => {}
            // A lock that git left is named with the command that takes it away.
            Some(4) if last.contains(".lock` is there since") => {
                let locks = last.lines().filter_map(|line| line.split_once("if it does not: rm "));
                for (_, path) in locks {
                    std::fs::remove_file(path.trim()).map_err(|why| format!("{path}: {why}"))?;
                }
            }
            _ => return Err(format!("it does not go on:\n{output}")),
        }
    }
    Err(format!("it goes on for ever:\n{last}"))
}

fn next(verb: Verb, last: &str, types: &mut impl FnMut(&[&str]) -> Output) -> String {
    let again = last.lines().find_map(|line| {
        let (_, command) = line.split_once("holdpoint ")?;
        command.contains("--run-again=").then(|| command.trim().to_owned())
    });
    // Nobody sits here to be asked.
    let agreed = if verb == Verb::Revert { " --yes --discard-writes" } else { "" };
    if let Some(again) = again {
        return again + agreed;
    }
    if verb == Verb::Revert {
        return format!("revert 1234{agreed}");
    }
    let state = types(&["state", "1234", "--json"]);
    if state.code != Some(0) {
        return "run 1234".to_owned();
    }
    let state = state.json();
    if state["state"]["status"] == "succeeded" {
        return "state 1234".to_owned();
    }
    let ways = state["next"].as_array().cloned().unwrap_or_default();
    let mut commands = ways.iter().filter_map(|way| way["command"].as_str()?.strip_prefix("holdpoint "));
    commands.find(|command| command.starts_with("run ")).unwrap_or("run 1234").to_owned()
}
