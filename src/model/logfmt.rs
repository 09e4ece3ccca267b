//! The grammar of one audit log line: `name=value` fields, values bare or quoted, nothing that could forge another field.
//!
//! Bare values are `[A-Za-z0-9._:/@+,-]+`. Anything else is quoted, with `\"`, `\\`, `\n`, `\t` and `\u{…}` as the only
//! escapes; `=` inside quotes is `\u{3d}`, so that no message can forge `event=failed` (design/03).

use std::fmt::Write as _;

use thiserror::Error;

use super::escape::is_unsafe;

/// Why a line could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("at byte {at}: {why}")]
pub struct LineError {
    /// Byte position in the line, from 0.
    pub at: usize,
    /// What is wrong there.
    pub why: &'static str,
}

/// Appends ` name=value` (without the leading blank at the start of a line).
pub fn push(line: &mut String, name: &str, value: &str) {
    if !line.is_empty() {
        line.push(' ');
    }
    line.push_str(name);
    line.push('=');
    if !value.is_empty() && value.bytes().all(is_bare) {
        line.push_str(value);
        return;
    }
    line.push('"');
    for c in value.chars() {
        match c {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\t' => line.push_str("\\t"),
            c if c == '=' || is_unsafe(c) => {
                // Writing to a string cannot fail.
                let _ = write!(line, "\\u{{{:x}}}", u32::from(c));
            }
            c => line.push(c),
        }
    }
    line.push('"');
}

const fn is_bare(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b':' | b'/' | b'@' | b'+' | b',' | b'-')
}

/// The fields of a line, in order. Names are `[a-z][a-z0-9_]*` and appear once.
///
/// # Errors
/// [`LineError`] with the byte where the grammar is left; every form but the one [`push`] writes is refused.
pub fn fields(line: &str) -> Result<Vec<(String, String)>, LineError> {
    let mut reader = Reader { line, at: 0 };
    let mut fields: Vec<(String, String)> = Vec::new();
    loop {
        let began = reader.at;
        let name = reader.name()?;
        if fields.iter().any(|(known, _)| *known == name) {
            return Err(LineError { at: began, why: "the field appears twice" });
        }
        let value = reader.value()?;
        fields.push((name, value));
        match reader.next() {
            None => return Ok(fields),
            Some(' ') => {}
            Some(_) => return Err(reader.error("a single blank must stand between two fields")),
        }
    }
}

struct Reader<'a> {
    line: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.line[self.at..].chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn error(&self, why: &'static str) -> LineError {
        LineError { at: self.at, why }
    }

    fn name(&mut self) -> Result<String, LineError> {
        let rest = &self.line[self.at..];
        let end = rest.find('=').ok_or_else(|| self.error("`=` is missing"))?;
        let name = &rest[..end];
        let good = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_');
        if !good || !name.starts_with(|c: char| c.is_ascii_lowercase()) {
            return Err(self.error("a field's name is lower-case letters, digits and `_`"));
        }
        self.at += end + 1;
        Ok(name.to_owned())
    }

    fn value(&mut self) -> Result<String, LineError> {
        if self.peek() == Some('"') {
            self.at += 1;
            return self.quoted();
        }
        let rest = &self.line[self.at..];
        let end = rest.bytes().position(|b| !is_bare(b)).unwrap_or(rest.len());
        if end == 0 {
            return Err(self.error("a value is missing"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn quoted(&mut self) -> Result<String, LineError> {
        let mut value = String::new();
        loop {
            match self.next() {
                None => return Err(self.error("the closing quote is missing")),
                Some('"') => break,
                Some('\\') => value.push(self.escape()?),
                Some(c) if c == '=' || is_unsafe(c) => {
                    return Err(self.error("this character must be escaped"));
                }
                Some(c) => value.push(c),
            }
        }
        if !value.is_empty() && value.bytes().all(is_bare) {
            return Err(self.error("a value that can stand bare is not quoted"));
        }
        Ok(value)
    }

    fn escape(&mut self) -> Result<char, LineError> {
        match self.next() {
            Some('"') => Ok('"'),
            Some('\\') => Ok('\\'),
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('u') => {
                let rest = &self.line[self.at..];
                let end = rest.find('}').ok_or_else(|| self.error("an escape is not closed"))?;
                let digits =
                    rest[..end].strip_prefix('{').ok_or_else(|| self.error("an escape is not opened"))?;
                let plain = !digits.is_empty() && !digits.starts_with('0') || digits == "0";
                let lower = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                let c = code
                    .filter(|_| plain && lower)
                    .ok_or_else(|| self.error("an escape names no character"))?;
                if c != '=' && !is_unsafe(c) || matches!(c, '\n' | '\t') {
                    return Err(self.error("this character is not escaped in this way"));
                }
                self.at += end + 1;
                Ok(c)
            }
            _ => Err(self.error("an unknown escape")),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_message_cannot_forge_a_field() {
        let mut line = String::new();
        push(&mut line, "msg", "x\" event=failed\nrc=1 \u{1b}[31m\u{202e}");
        assert_eq!(line, r#"msg="x\" event\u{3d}failed\nrc\u{3d}1 \u{1b}[31m\u{202e}""#);
        assert_eq!(fields(&line).unwrap()[0].1, "x\" event=failed\nrc=1 \u{1b}[31m\u{202e}");
    }

    #[test]
    fn there_is_one_spelling() {
        for bad in [
            "",
            "a",
            "a=",
            "A=1",
            "a=1 a=2",
            "a=1  b=2",
            "a=\"b\"",
            "a=\"=\"",
            "a=\"\\x\"",
            "a=\"b",
            "a=b c",
            "a=\"\\u{61}\"",
            "a=\"\\u{03d}\"",
            "a=\"\\u{a}\"",
            " a=1",
            "a=1 ",
        ] {
            assert!(fields(bad).is_err(), "{bad:?}");
        }
    }

    parser! {
    "logfmt";

        #[test]
        fn what_is_written_is_read_back(values in prop::collection::vec(".*", 1..5)) {
            let mut line = String::new();
            for (n, value) in values.iter().enumerate() {
                push(&mut line, &format!("f{n}"), value);
            }
            prop_assert!(!line.contains('\n'));
            let read: Vec<String> = fields(&line).unwrap().into_iter().map(|(_, v)| v).collect();
            prop_assert_eq!(read, values);
        }

        #[test]
        fn no_line_panics(line in ".{0,200}") {
            let _ = fields(&line);
        }
    }
}
