//! Secrets: whatever shows text from outside hands it through a [`Redactor`] first (design/08).
//!
//! A secret is found as it is, in base64 wherever it stands in the encoded text, URL-escaped and JSON-escaped. The password
//! of an address is one even where nobody named it.

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::ops::Range;
use std::sync::OnceLock;

use regex::bytes::Regex;

use super::arrange::Arrange;
use super::gather::Gather;

/// Stands where a secret stood.
pub const MASK: &str = "***";

/// Names whose values are always secrets, in lower case; `*` is any text.
const SECRET_NAMES: [&str; 16] = [
    "*token*",
    "*password*",
    "*passwd*",
    "*passphrase*",
    "*secret*",
    "*credential*",
    "*_pass",
    "*_pwd",
    "pass",
    "pwd",
    "*_key",
    "*apikey*",
    "*api_key*",
    "*private_key*",
    "*_salt",
    "*_dsn",
];

/// Names whose values every error message must be able to show: versions, places, people.
const PLAIN_NAMES: [&str; 17] = [
    "*_tag",
    "*_image",
    "*_version",
    "*_port",
    "*_host",
    "*_hostname",
    "*_domain",
    "*_dir",
    "*_path",
    "*_user",
    "*_name",
    "*_prefix",
    "*_url",
    "*_uri",
    "*_env",
    "tz",
    "compose_*",
];

/// A secret that is named as one is masked from this many bytes on; a shorter one would shred every text.
const SHORTEST_NAMED: usize = 4;

/// Any other value from this many bytes on.
const SHORTEST: usize = 8;

/// Knows the secrets of a host. `Debug` shows none of them.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<Vec<u8>>,
    pattern: OnceLock<Option<Regex>>,
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({MASK})")
    }
}

impl Redactor {
    /// From names and values, as environment files hold them. `names` are globs (`*_TOKEN`, case does not matter) that add
    /// to the built-in ones.
    ///
    /// Values of secret names are masked from 4 bytes on. Other values are masked too, because nobody can know, from 8
    /// bytes on: but not numbers, and not those whose names say that they are a version, a place or a person. The password
    /// of an address is masked here, by itself too, and wherever an address with one is shown.
    pub fn new(values: impl IntoIterator<Item = (String, String)>, names: &[String]) -> Self {
        let added: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        let mut secrets = BTreeSet::new();
        for (name, value) in values {
            let name = name.to_lowercase();
            let fits =
                |globs: &[&str]| globs.iter().any(|glob| matches_glob(glob.as_bytes(), name.as_bytes()));
            let secret = fits(&SECRET_NAMES) || added.iter().any(|glob| fits(&[glob]));
            if let Some(password) = password_in(&value) {
                secrets.insert(password.as_bytes().to_vec());
            }
            if secret {
                add(&mut secrets, &value, SHORTEST_NAMED);
            } else if !fits(&PLAIN_NAMES) && !is_number(&value) {
                add(&mut secrets, &value, SHORTEST);
            }
        }
        Self { secrets: secrets.into_iter().collect(), pattern: OnceLock::new() }
    }

    /// The text with every secret masked.
    pub fn redact(&self, text: &str) -> String {
        let masked = self.mask(text.as_bytes());
        String::from_utf8(masked)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn mask(&self, text: &[u8]) -> Vec<u8> {
        let mut masked = Vec::with_capacity(text.len());
        let mut from = 0;
        for range in self.found(text) {
            masked.extend_from_slice(&text[from..range.start]);
            masked.extend_from_slice(MASK.as_bytes());
            from = range.end;
        }
        masked.extend_from_slice(&text[from..]);
        masked
    }

    /// Where secrets stand, in order, not overlapping.
    fn found(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.plainly(text);
        for decode in [percent, percent_with_plus, json] {
            if let Some(decoded) = Decoded::of(text, decode) {
                found.extend(self.plainly(&decoded.bytes).into_iter().map(|range| decoded.source(&range)));
            }
        }
        merged(found)
    }

    /// Where secrets stand in a text that is taken as it is.
    fn plainly(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.pattern().map_or(Vec::new(), |pattern| matches(pattern, text));
        found.extend(passwords_in(text));
        found
    }

    fn pattern(&self) -> Option<&Regex> {
        let compile = || {
            let mut literals: BTreeSet<Vec<u8>> = self.secrets.iter().cloned().gather();
            literals.extend(self.secrets.iter().flat_map(|secret| base64_forms(secret)));
            let mut literals: Vec<Vec<u8>> = literals.into_iter().collect();
            literals.arrange_by_key(|literal| std::cmp::Reverse(literal.len()));
            let escaped: Vec<String> = literals.iter().map(|literal| escaped(literal)).collect();
            if escaped.is_empty() {
                return None;
            }
            regex::bytes::RegexBuilder::new(&escaped.join("|"))
                .unicode(false)
                .size_limit(256 << 20)
                .build()
                .ok()
        };
        self.pattern.get_or_init(compile).as_ref()
    }
}

/// The value, and each longer line of one with several: output is often shown line by line.
fn add(secrets: &mut BTreeSet<Vec<u8>>, value: &str, shortest: usize) {
    let value = value.trim();
    if value.len() >= shortest {
        secrets.insert(value.as_bytes().to_vec());
    }
    if value.contains('\n') {
        let lines = value.lines().map(str::trim).filter(|line| line.len() >= SHORTEST);
        secrets.extend(lines.map(|line| line.as_bytes().to_vec()));
    }
}

/// The password of `scheme://user:password@host`.
fn password_in(value: &str) -> Option<&str> {
    let (_, rest) = value.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let (user, _) = authority.rsplit_once('@')?;
    let (_, password) = user.split_once(':')?;
    (password.len() >= SHORTEST_NAMED).then_some(password)
}

/// The passwords of addresses in a text, whoever they belong to.
fn passwords_in(text: &[u8]) -> Vec<Range<usize>> {
    static ADDRESS: OnceLock<Option<Regex>> = OnceLock::new();
    let address = ADDRESS.get_or_init(|| {
        regex::bytes::RegexBuilder::new(r#"[a-z][a-z0-9+.-]*://[^\s/?\#:@"'<>`]*:([^\s/?\#"'<>`]+)@"#)
            .unicode(false)
            .case_insensitive(true)
            .build()
            .ok()
    });
    let Some(address) = address else { return Vec::new() };
    address.captures_iter(text).filter_map(|hit| Some(hit.get(1)?.range())).collect()
}

fn is_number(value: &str) -> bool {
    value.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b',' | b'-' | b'+'))
}

fn matches_glob(glob: &[u8], text: &[u8]) -> bool {
    match (glob.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => {
            matches_glob(rest, text) || text.split_first().is_some_and(|(_, text)| matches_glob(glob, text))
        }
        (Some((wanted, glob)), Some((seen, text))) => wanted == seen && matches_glob(glob, text),
        _ => false,
    }
}

/// A literal for a pattern of bytes.
fn escaped(literal: &[u8]) -> String {
    literal.iter().fold(String::with_capacity(literal.len() * 4), |mut text, byte| {
        let _ = write!(text, "\\x{byte:02x}");
        text
    })
}

/// What of a secret shows in base64, whichever of three places in a group its first byte falls on, in both alphabets.
/// Digits at the borders that also depend on its neighbours are left out.
fn base64_forms(secret: &[u8]) -> Vec<Vec<u8>> {
    const FEWEST_DIGITS: usize = 6;
    let mut forms = Vec::new();
    for shift in 0..3 {
        let bytes: Vec<u8> = std::iter::repeat_n(0, shift).chain(secret.iter().copied()).collect();
        let from = (shift * 8).div_ceil(6);
        let to = bytes.len() * 8 / 6;
        for alphabet in [BASE64, BASE64_URL] {
            let digits: Vec<u8> = (from..to).map(|at| alphabet[sextet(&bytes, at)]).collect();
            if digits.len() >= FEWEST_DIGITS {
                forms.push(digits);
            }
        }
    }
    forms
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE64_URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// The six bits of base64 digit `at`.
fn sextet(bytes: &[u8], at: usize) -> usize {
    let bit = at * 6;
    let pair = u16::from(bytes[bit / 8]) << 8 | u16::from(bytes.get(bit / 8 + 1).copied().unwrap_or(0));
    usize::from(pair >> (10 - bit % 8) & 63)
}

/// Every match, those that overlap an earlier one too.
fn matches(pattern: &Regex, text: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(hit) = pattern.find_at(text, from) {
        found.push(hit.range());
        from = hit.start() + 1;
    }
    found
}

fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.arrange_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for range in found {
        match merged.last_mut() {
            Some(last) if range.start < last.end => last.end = last.end.max(range.end),
            _ => merged.push(range),
        }
    }
    merged
}

/// A text with its escapes undone, and where each byte of it came from.
struct Decoded {
    bytes: Vec<u8>,
    /// Where each byte began in the source, and where the source ended.
    starts: Vec<usize>,
}

/// What the escape at the beginning of a text stands for, and how long it is.
type Decode = fn(&[u8]) -> Option<(Vec<u8>, usize)>;

impl Decoded {
    /// None when there is nothing to undo.
    fn of(text: &[u8], decode: Decode) -> Option<Self> {
        let mut decoded =
            Decoded { bytes: Vec::with_capacity(text.len()), starts: Vec::with_capacity(text.len() + 1) };
        let mut at = 0;
        let mut escapes = false;
        while at < text.len() {
            let (bytes, length) = match decode(&text[at..]) {
                Some(escape) => {
                    escapes = true;
                    escape
                }
                None => (vec![text[at]], 1),
            };
            decoded.starts.extend(std::iter::repeat_n(at, bytes.len()));
            decoded.bytes.extend(bytes);
            at += length;
        }
        decoded.starts.push(text.len());
        escapes.then_some(decoded)
    }

    fn source(&self, range: &Range<usize>) -> Range<usize> {
        let last = self.starts[range.end - 1];
        // A byte may share its escape with the ones after it: the escape ends where the next other one begins.
        let end = self.starts[range.end..].iter().find(|start| **start > last).copied().unwrap_or(last + 1);
        self.starts[range.start]..end
    }
}

fn percent(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let digits = text.strip_prefix(b"%")?.get(..2)?;
    Some((vec![u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?], 3))
}

fn percent_with_plus(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    if text.first() == Some(&b'+') { Some((vec![b' '], 1)) } else { percent(text) }
}

fn json(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let plain = match text.strip_prefix(b"\\")?.first()? {
        c @ (b'"' | b'\\' | b'/') => *c,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return json_number(text),
        _ => return None,
    };
    Some((vec![plain], 2))
}

/// `\u00e9`, or two of them where one is not enough.
fn json_number(text: &[u8]) -> Option<(Vec<u8>, usize)> {
    let unit = |text: &[u8]| {
        let digits = std::str::from_utf8(text.strip_prefix(b"\\u")?.get(..4)?).ok()?;
        u16::from_str_radix(digits, 16).ok()
    };
    let first = unit(text)?;
    let (units, length) = match text.get(6..).and_then(unit) {
        Some(second) if (0xd800..0xdc00).contains(&first) => (vec![first, second], 12),
        _ => (vec![first], 6),
    };
    Some((String::from_utf16(&units).ok()?.into_bytes(), length))
}

#[cfg(test)]
mod tests;
