//! `KEY=value` files as compose and shells read them (`.env`): comments, `export`, quotes, values over several lines.
//!
//! Values are given as they stand: `$NAME` in them is not replaced. An error never shows the line: it may be a secret.

use super::error::{ManifestError, Place, Problem};
use super::settings::SourceFile;
use super::text::within_limit;

/// Reads every name and value, in the file's order; of a name that stands there twice the later one counts.
///
/// A name without `=` says "as in the environment" and gives no pair. Errors: a line that is no pair, a name that is no
/// variable name, a quote that is never closed, text after a closing quote, a NUL character.
pub fn parse(file: &SourceFile) -> Result<Vec<(String, String)>, ManifestError> {
    within_limit(file)?;
    let mut rest = file.text.trim_start_matches('\u{feff}');
    let (mut line, mut pairs) = (1, Vec::new());
    while !rest.is_empty() {
        let wrong = |what: &str| refuse(file, line, what);
        let (first, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let text = first.trim();
        if text.is_empty() || text.starts_with('#') {
            (rest, line) = (after, line + 1);
            continue;
        }
        let text = text.strip_prefix("export ").map_or(text, str::trim_start);
        let (key, value) = match text.split_once('=') {
            Some((key, value)) => (key.trim_end(), Some(value.trim_start())),
            None => (text.split(" #").next().unwrap_or(text).trim_end(), None),
        };
        if !is_name(key) {
            let what =
                "is no `NAME=value`: begin it with a variable name of letters, digits and `_`, or with `#`";
            return Err(wrong(what));
        }
        let Some(value) = value else {
            (rest, line) = (after, line + 1);
            continue;
        };
        let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
        let Some(quote) = quote else {
            pairs.push((key.to_owned(), checked(bare(value), &wrong)?));
            (rest, line) = (after, line + 1);
            continue;
        };
        // The value may go on over the line's end: read on from the quote in the whole rest.
        let opened = rest.find('=').map_or(rest, |at| rest[at + 1..].trim_start());
        let inner = opened.strip_prefix(quote).unwrap_or(opened);
        let Some(end) = closing(inner, quote) else {
            return Err(wrong(&format!(
                "opens a value with {quote} and never closes it: close it, or take the quote out"
            )));
        };
        let value = if quote == '"' { unescaped(&inner[..end]) } else { inner[..end].to_owned() };
        pairs.push((key.to_owned(), checked(value, &wrong)?));
        let (tail, next) = inner[end + 1..].split_once('\n').unwrap_or((&inner[end + 1..], ""));
        if !matches!(tail.trim().chars().next(), None | Some('#')) {
            return Err(wrong("has text after the closing quote: take it out, or begin it with `#`"));
        }
        line += rest[..rest.len() - next.len()].matches('\n').count().max(1);
        rest = next;
    }
    Ok(pairs)
}

fn checked(value: String, wrong: &dyn Fn(&str) -> ManifestError) -> Result<String, ManifestError> {
    if value.contains('\0') { Err(wrong("has a NUL character in its value: take it out")) } else { Ok(value) }
}

fn refuse(file: &SourceFile, line: usize, what: &str) -> ManifestError {
    let place = Place { line, column: 1, text: String::new(), indent: 0, width: 1 };
    ManifestError::new(&file.path, Some(place), Problem::Line { what: format!("the line {what}") })
}

fn is_name(key: &str) -> bool {
    let mut chars = key.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-'))
}

/// A value without quotes ends at ` #` and loses the space around it.
fn bare(value: &str) -> String {
    if value.starts_with('#') {
        return String::new();
    }
    let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
    value[..end].trim_end().to_owned()
}

/// Where the closing quote stands; a backslash hides one only between double quotes.
fn closing(inner: &str, quote: char) -> Option<usize> {
    let mut hidden = false;
    for (at, c) in inner.char_indices() {
        match c {
            _ if hidden => hidden = false,
            '\\' if quote == '"' => hidden = true,
            c if c == quote => return Some(at),
            _ => {}
        }
    }
    None
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some(c @ ('"' | '\\' | '$')) => out.push(c),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { path: ".env".to_owned(), text: text.to_owned() }
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(&file(text)).unwrap()
    }

    fn wrong(text: &str) -> String {
        parse(&file(text)).unwrap_err().to_string()
    }

    #[test]
    fn values_read_as_compose_reads_them() {
        let text = "\u{feff}# first\r\n\nA=1\r\nexport B = two words # not this\nC='a # \"b\" \\n'\nD=\"x\\n\\\"y\\\" \\d\"\n\
                    E=\nF\nG=#none\nURL=http://x/#frag\nKEY=\"-----BEGIN\nabc\n-----END\" # pem\nLAST=z";
        let found = pairs(text);
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "a # \"b\" \\n"),
            ("D", "x\n\"y\" \\d"),
            ("E", ""),
            ("G", ""),
            ("URL", "http://x/#frag"),
            ("KEY", "-----BEGIN\nabc\n-----END"),
            ("LAST", "z"),
        ];
        let expected: Vec<_> = expected.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn of_a_name_that_stands_there_twice_both_are_given_in_order() {
        assert_eq!(pairs("A=1\nA=2\n"), [("A".into(), "1".into()), ("A".into(), "2".into())]);
    }

    #[test]
    fn an_error_says_the_line_and_never_shows_it() {
        insta::assert_snapshot!(wrong("A=1\nhunter2 is secret\n"), @".env:2:1: the line is no `NAME=value`: begin it with a variable name of letters, digits and `_`, or with `#`");
        insta::assert_snapshot!(wrong("A=\"x\ny\"\nB='hunter2\n"), @".env:3:1: the line opens a value with ' and never closes it: close it, or take the quote out");
        insta::assert_snapshot!(wrong("A=\"x\" hunter2\n"), @".env:1:1: the line has text after the closing quote: take it out, or begin it with `#`");
        insta::assert_snapshot!(wrong("A=hun\0ter2\n"), @".env:1:1: the line has a NUL character in its value: take it out");
        insta::assert_snapshot!(wrong("=x\n"), @".env:1:1: the line is no `NAME=value`: begin it with a variable name of letters, digits and `_`, or with `#`");
    }

    #[test]
    fn more_than_a_mebibyte_is_refused() {
        insta::assert_snapshot!(wrong(&"A=1\n".repeat(300_000)), @".env: the file has 1200000 bytes and may have 1048576: move what is not configuration elsewhere");
    }

    parser! {
    "dotenv";

        #[test]
        fn no_text_makes_it_panic(text in r#"(?s)[A-Z=#"'\\\n\r $a-z]{0,80}|.{0,80}"#) {
            let _ = parse(&file(&text));
        }

        #[test]
        fn a_value_in_single_quotes_comes_back_as_it_is(value in "[^'\0]{0,60}") {
            prop_assert_eq!(pairs(&format!("A='{value}'\nB=1\n")), [("A".into(), value), ("B".to_owned(), "1".to_owned())]);
        }
    }
}
