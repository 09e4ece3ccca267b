//! What the usual tools say in other languages, in the English that playbooks know: the phrases of `recovery/tongues.txt`.

use std::cmp::Reverse;
use std::sync::LazyLock;

use regex::{Captures, Regex, RegexSet};

use crate::model::arrange::Arrange;
use crate::model::packed::shipped;

/// Phrases, the longest first: a short one may be a part of a long one.
static PHRASES: LazyLock<Phrases> = LazyLock::new(|| Phrases::of(&shipped!("tongues.txt")));

/// Letters and words that English lacks: most outputs have none, and need no phrase to be made ready.
static FOREIGN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"[À-ÖØ-öø-ÿ]|(?i)\b(nicht|kein|keine|kann|kommando|datei|beim|zeile|fehler|impossible|commande|erreur|aucun|connexion|le|les|de|permiso|queda|existe|orden|fichero|archivo|se|conexi|impossibile|errore|comando|permesso|connessione|erro|arquivo)\b",
    )
    .unwrap_or_else(|_| unreachable!("a pattern of ours compiles"))
});

static BLANK: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\s+:").unwrap_or_else(|_| unreachable!("a pattern of ours compiles")));

struct Phrases {
    which: RegexSet,
    each: Vec<(Regex, String)>,
}

/// Whether a line may be in another language.
pub(super) fn is_foreign(line: &str) -> bool {
    FOREIGN.is_match(line)
}

/// A line in English, as far as its phrases are known; none where nothing of it is.
pub(super) fn english(line: &str) -> Option<String> {
    let mut said = line.to_owned();
    for at in PHRASES.which.matches(line) {
        let (phrase, english) = &PHRASES.each[at];
        let put = |found: &Captures<'_>| filled(english, found);
        said = phrase.replace_all(&said, put).into_owned();
    }
    // French sets a blank before a colon.
    (said != line).then(|| BLANK.replace_all(&said, ":").into_owned())
}

/// The English phrase with what stood at each `%`.
fn filled(english: &str, found: &Captures<'_>) -> String {
    let mut pieces = english.split('%');
    let mut out = pieces.next().unwrap_or_default().to_owned();
    for (at, piece) in pieces.enumerate() {
        out.push_str(found.get(at + 1).map_or("", |word| word.as_str()));
        out.push_str(piece);
    }
    out
}

impl Phrases {
    fn of(text: &str) -> Self {
        let mut pairs = pairs(text);
        pairs.arrange_by_key(|(phrase, _)| Reverse(phrase.chars().count()));
        let patterns: Vec<String> = pairs.iter().map(|(phrase, _)| pattern(phrase)).collect();
        let ours = "a phrase of ours compiles";
        let which = RegexSet::new(&patterns).unwrap_or_else(|_| unreachable!("{ours}"));
        let each = patterns.iter().zip(&pairs).map(|(pattern, (_, english))| {
            (Regex::new(pattern).unwrap_or_else(|_| unreachable!("{ours}")), (*english).to_owned())
        });
        Self { which, each: each.collect() }
    }
}

/// Each phrase with its English.
fn pairs(text: &str) -> Vec<(&str, &str)> {
    let mut pairs = Vec::new();
    let mut english = "";
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix("  ") {
            Some(phrase) => pairs.push((phrase, english)),
            None => english = line,
        }
    }
    pairs
}

/// A phrase as an expression.
fn pattern(phrase: &str) -> String {
    const QUOTE: &str = "[‘’“”„«»'\"`]";
    let mut out = "(?i)".to_owned();
    let mut before = ' ';
    let mut rest = phrase.chars().peekable();
    if rest.peek().is_some_and(|first| first.is_alphabetic()) {
        out.push_str(r"\b");
    }
    while let Some(one) = rest.next() {
        let after = rest.peek().copied().unwrap_or(' ');
        match one {
            '%' if before == '\'' => out.push_str(r"\s?([^‘’“”„«»'\x22`]*?)\s?"),
            '%' => out.push_str(r"([^\s:]+|'[^']*'|«[^»]*»|„[^“”]*[“”])"),
            '\'' if before == '%' || after == '%' => out.push_str(QUOTE),
            '\'' => out.push_str("['’]"),
            ':' => out.push_str(r"\s*:"),
            ' ' => out.push_str(r"\s+"),
            other => out.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
        before = one;
    }
    if before.is_alphabetic() {
        out.push_str(r"\b");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_tools_say_in_other_languages_is_said_in_english() {
        for (said, wanted) in [
            (
                "bash: ligne 3\u{a0}: rsnap\u{a0}: commande introuvable",
                "bash: line 3: rsnap: command not found",
            ),
            (
                "cp: error al escribir en '/mnt/x': No queda espacio en el dispositivo",
                "cp: error writing '/mnt/x': No space left on device",
            ),
            ("cat: x: Keine Berechtigung", "cat: x: Permission denied"),
            (
                "PSQL:  FEHLER:  Relation »konto« existiert nicht",
                "PSQL:  ERROR:  relation \"konto\" does not exist",
            ),
            (
                "erreur de syntaxe près du symbole inattendu «\u{a0}fi\u{a0}»",
                "syntax error near unexpected token `fi'",
            ),
            ("tar : f : open impossible: Permission non accordée", "tar: f: Cannot open: Permission denied"),
            ("fatal : Impossible de lire le dépôt distant.", "fatal: Could not read from remote repository."),
        ] {
            assert!(is_foreign(said), "{said}");
            assert_eq!(english(said).as_deref(), Some(wanted));
        }
        for same in ["permission denied", "le deploy is done", "Kein Ding"] {
            assert_eq!(english(same), None);
        }
        assert!(!is_foreign("fatal: could not read from remote repository"));
    }

    #[test]
    fn every_phrase_is_found_by_its_own_expression_and_has_as_many_gaps_as_its_english() {
        for (phrase, english) in pairs(&shipped!("tongues.txt")) {
            assert_eq!(phrase.matches('%').count(), english.matches('%').count(), "{phrase}");
            assert!(PHRASES.which.is_match(&phrase.replace('%', "x1")), "{phrase}");
        }
    }
}
