//! Rust text with everything that is not code blanked out, so that a rule can look for words without a parser.

/// The source with comments and the insides of string and character literals replaced by spaces.
/// Lines and columns stay where they are.
pub(super) fn code_only(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    while at < chars.len() {
        let Some(end) = literal_at(&chars, at) else {
            out.push(chars[at]);
            at += 1;
            continue;
        };
        out.extend(chars[at..end].iter().map(|c| if *c == '\n' { '\n' } else { ' ' }));
        at = end;
    }
    out
}

/// Where the comment or literal that starts here ends; none: code.
fn literal_at(chars: &[char], at: usize) -> Option<usize> {
    let next = chars.get(at + 1).copied();
    match (chars[at], next) {
        ('/', Some('/')) => Some(until(chars, at, |c| c == '\n')),
        ('/', Some('*')) => Some(block_comment(chars, at)),
        ('"', _) => Some(string(chars, at)),
        ('r', Some('"' | '#')) if !continues_word(chars, at) => raw_string(chars, at),
        ('\'', _) => character(chars, at),
        _ => None,
    }
}

/// Whether the character here is the later part of a longer word (`br"…"` still starts a raw string).
fn continues_word(chars: &[char], at: usize) -> bool {
    let before = |n: usize| at.checked_sub(n).map(|i| chars[i]);
    let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    word(before(1)) && (!matches!(before(1), Some('b' | 'c')) || word(before(2)))
}

fn until(chars: &[char], at: usize, stop: impl Fn(char) -> bool) -> usize {
    (at..chars.len()).find(|i| stop(chars[*i])).unwrap_or(chars.len())
}

fn block_comment(chars: &[char], start: usize) -> usize {
    let (mut at, mut depth) = (start, 0);
    while at < chars.len() {
        match (chars[at], chars.get(at + 1)) {
            ('/', Some('*')) => (depth, at) = (depth + 1, at + 2),
            ('*', Some('/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    chars.len()
}

fn string(chars: &[char], start: usize) -> usize {
    let mut at = start + 1;
    while at < chars.len() {
        match chars[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    chars.len()
}

fn raw_string(chars: &[char], start: usize) -> Option<usize> {
    let quote = until(chars, start + 1, |c| c != '#');
    if chars.get(quote) != Some(&'"') {
        return None;
    }
    let hashes = quote - start - 1;
    let closes = |i: usize| {
        chars[i] == '"' && chars[i + 1..].iter().take(hashes).filter(|c| **c == '#').count() == hashes
    };
    let end = (quote + 1..chars.len()).find(|i| closes(*i)).map_or(chars.len(), |i| i + 1 + hashes);
    Some(end)
}

/// A character literal; a lifetime has no closing quote one character later.
fn character(chars: &[char], start: usize) -> Option<usize> {
    match (chars.get(start + 1), chars.get(start + 2)) {
        (Some('\\'), _) => Some((until(chars, start + 3, |c| c == '\'') + 1).min(chars.len())),
        (Some(_), Some('\'')) => Some(start + 3),
        _ => None,
    }
}

/// A path into a crate as the source spells it: the first name after `crate::`, and the line it stands on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Use {
    /// First name after the root, for example `store`.
    pub(super) name: String,
    /// Line, from 1.
    pub(super) line: usize,
}

/// Every name that code reaches below a root word such as `crate`: in `use` lines, in groups, and in paths within code.
pub(super) fn uses_of(code: &str, root: &str) -> Vec<Use> {
    let mut found = Vec::new();
    for at in words(code, root) {
        let rest = &code[at + root.len()..];
        let Some(path) = rest.trim_start().strip_prefix("::") else { continue };
        let line = code[..at].matches('\n').count() + 1;
        let names = first_names(path);
        found.extend(names.into_iter().map(|name| Use { name, line }));
    }
    found
}

/// Where a word stands by itself in code, as byte offsets.
pub(super) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let part_of_word = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(word).map(|(at, _)| at).filter(move |at| {
        !code[..*at].chars().next_back().is_some_and(part_of_word)
            && !code[at + word.len()..].chars().next().is_some_and(part_of_word)
    })
}

/// `a::b` → `a`; `{a::b, c as d, e::{f, g}}` → `a`, `c`, `e`; `*` → `*`.
fn first_names(path: &str) -> Vec<String> {
    let path = path.trim_start();
    let Some(group) = path.strip_prefix('{') else {
        return vec![leading_name(path)];
    };
    let (mut depth, mut names, mut item) = (0_usize, Vec::new(), String::new());
    for c in group.chars() {
        match c {
            ',' if depth == 0 => names.push(std::mem::take(&mut item)),
            '}' if depth == 0 => break,
            _ => {
                depth = match c {
                    '{' => depth + 1,
                    '}' => depth - 1,
                    _ => depth,
                };
                item.push(c);
            }
        }
    }
    names.push(item);
    names.iter().map(|item| leading_name(item)).filter(|name| !name.is_empty()).collect()
}

fn leading_name(path: &str) -> String {
    let path = path.trim_start();
    if path.starts_with('*') {
        return "*".to_owned();
    }
    path.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(code: &str) -> Vec<String> {
        uses_of(&code_only(code), "crate").into_iter().map(|found| found.name).collect()
    }

    #[test]
    fn names_are_found_in_lines_groups_and_paths() {
        assert_eq!(names("use crate::store::Lock;"), ["store"]);
        assert_eq!(
            names("use crate::{model::{id, plan}, sys::files,\n    decide as d};"),
            ["model", "sys", "decide"]
        );
        assert_eq!(names("fn f() { crate::engine::run(crate :: ops::x) }"), ["engine", "ops"]);
        assert_eq!(names("use crate::*;"), ["*"]);
    }

    #[test]
    fn comments_and_literals_are_not_code() {
        assert_eq!(
            names("/// see [`crate::engine`]\n// crate::ops\n/* crate::a /* crate::b */ crate::c */"),
            [""; 0]
        );
        assert_eq!(
            names(r##"let x = ("crate::a \" crate::b", r#"crate::c " "#, br"crate::d", '"', '\'');"##),
            [""; 0]
        );
        assert_eq!(names("fn f<'a>(x: &'a str) -> char { crate::x::y('\"') }"), ["x"]);
        assert_eq!(names("let r = 1; for_r\"x\"; crate::y"), ["y"]);
    }

    #[test]
    fn lines_stay_where_they_were() {
        let code = code_only("//! one\n\"two\nthree\"; crate::four");
        assert_eq!(uses_of(&code, "crate"), [Use { name: "four".into(), line: 3 }]);
    }
}
