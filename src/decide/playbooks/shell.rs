//! A line for a shell, taken apart far enough to see which programs it starts and which files it writes.

/// What a line does.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parsed {
    /// The words of each command, quotes taken off.
    pub(super) commands: Vec<Vec<String>>,
    /// Files that output goes to; `/dev/null` and other descriptors are none.
    pub(super) written: Vec<String>,
}

/// Takes a line apart at everything that ends a command: `|`, `;`, `&`, brackets, substitutions, ends of lines. Here
/// documents and the shell's own grammar are not understood: their words are taken for commands, which finds too much
/// rather than too little.
pub(super) fn simple_commands(line: &str) -> Parsed {
    let mut reader = Reader::default();
    let mut quote: Option<char> = None;
    // The quotes that each open substitution stands in, and the sign that ends it.
    let mut around: Vec<(Option<char>, char)> = Vec::new();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), c) => reader.letter(c),
            (None, '\'' | '"') => {
                quote = Some(c);
                reader.in_word = true;
            }
            (_, '\\') => {
                if let Some(next) = chars.next() {
                    reader.letter(next);
                }
            }
            // What a substitution starts is a command of its own, also between double quotes.
            (None, c) if around.last().is_some_and(|(_, end)| *end == c) => {
                reader.end_command();
                quote = around.pop().and_then(|(before, _)| before);
            }
            (_, '`') => {
                reader.end_command();
                around.push((quote.take(), '`'));
            }
            (_, '$') if chars.peek() == Some(&'(') => {
                chars.next();
                reader.end_command();
                around.push((quote.take(), ')'));
            }
            (None, '>') => {
                if chars.peek() == Some(&'>') {
                    chars.next();
                }
                reader.redirect(chars.peek() == Some(&'&'));
                if chars.peek() == Some(&'&') {
                    chars.next();
                }
            }
            (None, '&') if chars.peek() == Some(&'>') => {}
            (None, '|' | ';' | '&' | '(' | ')' | '\n') => reader.end_command(),
            (None, '#') if !reader.in_word => while chars.next_if(|next| *next != '\n').is_some() {},
            (None, c) if c.is_whitespace() => reader.end_word(),
            (_, c) => reader.letter(c),
        }
    }
    reader.end_command();
    reader.parsed
}

#[derive(Default)]
struct Reader {
    parsed: Parsed,
    words: Vec<String>,
    word: String,
    in_word: bool,
    /// The next word is where output goes to: a file, or a descriptor.
    to: Option<To>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    File,
    Descriptor,
}

impl Reader {
    fn letter(&mut self, c: char) {
        self.word.push(c);
        self.in_word = true;
    }

    fn redirect(&mut self, to_descriptor: bool) {
        // `2>`: the number before it belongs to it.
        if self.word.chars().all(|c| c.is_ascii_digit()) {
            self.word.clear();
            self.in_word = false;
        } else {
            self.end_word();
        }
        self.to = Some(if to_descriptor { To::Descriptor } else { To::File });
    }

    fn end_word(&mut self) {
        if !self.in_word {
            return;
        }
        let word = std::mem::take(&mut self.word);
        self.in_word = false;
        match self.to.take() {
            Some(To::File) if word != "/dev/null" => self.parsed.written.push(word),
            Some(_) => {}
            None => self.words.push(word),
        }
    }

    fn end_command(&mut self) {
        self.end_word();
        let words = std::mem::take(&mut self.words);
        // The shell's own words before a command are no programs.
        let own = |word: &String| {
            matches!(word.as_str(), "if" | "then" | "else" | "while" | "do" | "!" | "{" | "time")
        };
        let from = words.iter().position(|word| !own(word)).unwrap_or(words.len());
        if from < words.len() {
            self.parsed.commands.push(words[from..].to_vec());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_line_falls_into_its_commands() {
        let parsed =
            simple_commands("if ! a 'b c' | \"d\" e\\ f; then g $(h i) 2>&1 >x 2>/dev/null & fi # j");
        assert_eq!(
            parsed.commands,
            [vec!["a", "b c"], vec!["d", "e f"], vec!["g"], vec!["h", "i"], vec!["fi"]]
        );
        assert_eq!(parsed.written, ["x"]);
    }

    proptest! {
        #[test]
        fn any_text_is_taken_apart(text in r#"(?s)[a-z'"`$()>&|;\\# \n]{0,40}|.{0,40}"#) {
            let _ = crate::decide::playbooks::changing(&text);
        }
    }
}
