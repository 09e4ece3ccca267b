//! Regular expressions from a playbook: text of others, so both the text and what it becomes are limited.

use regex::{Regex, RegexBuilder, bytes};

/// Characters that an expression may have.
const LENGTH: usize = 1_000;

/// Bytes that a compiled expression, and what it remembers while it searches, may take.
const SIZE: usize = 1 << 20;

/// Brackets within brackets.
const NEST: u32 = 50;

/// Compiles an expression.
///
/// # Errors
/// Why it cannot be used, in one line.
pub(super) fn compile(pattern: &str) -> Result<Regex, String> {
    within_length(pattern)?;
    let mut builder = RegexBuilder::new(pattern);
    builder.size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(NEST).multi_line(true);
    builder.build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "grows too large: write smaller repetitions".to_owned(),
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.trim_start_matches("error: ").to_owned()
        }
    })
}

fn within_length(pattern: &str) -> Result<(), String> {
    let length = pattern.chars().count();
    if length > LENGTH {
        return Err(format!("has {length} characters: write it with {LENGTH} at most"));
    }
    Ok(())
}

/// Compiles an expression that is looked for in many lines. Where it can do without Unicode's tables it is without them:
/// hundreds of these are compiled while somebody waits, and errors are told in ASCII.
///
/// # Errors
/// As [`compile`].
pub(super) fn compile_for_lines(pattern: &str) -> Result<bytes::Regex, String> {
    let build = |unicode| {
        let mut builder = bytes::RegexBuilder::new(pattern);
        builder.size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(NEST).multi_line(true).unicode(unicode);
        builder.build()
    };
    within_length(pattern)?;
    build(false).or_else(|_| build(true)).map_err(|_| compile(pattern).err().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_that_costs_too_much_is_refused_with_its_reason() {
        assert!(compile(r"port is already (allocated|in use)").is_ok());
        assert_eq!(compile("a(").unwrap_err(), "unclosed group");
        for (pattern, line) in [("(?i)ERROR .* é", "error x é"), ("[✗│] no", "✗ no"), (r"\bno\b", "say no")]
        {
            assert!(compile_for_lines(pattern).unwrap().is_match(line.as_bytes()), "{pattern}");
        }
        for costly in [r"\w{1000}{1000}", &"a".repeat(1_001), &("(".repeat(60) + &")".repeat(60))] {
            assert!(compile(costly).is_err() && compile_for_lines(costly).is_err());
        }
    }
}
