//! `{{ticket}}` and `{{service}}` in a playbook's commands.

use std::borrow::Cow;

use crate::model::matching::Placeholders;

/// A command that cannot be filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfilled {
    /// The word between the braces.
    pub word: String,
}

/// The words that a command may have between braces.
const KNOWN: [&str; 2] = ["ticket", "service"];

/// A command with its values in place of its placeholders, quoted for a shell. Other words in double braces are left as they
/// are: `docker inspect --format '{{.State}}'` has them.
///
/// # Errors
/// The first placeholder whose value is not known.
pub fn fill(command: &str, values: &Placeholders) -> Result<String, Unfilled> {
    let ticket = values.ticket.as_ref().map(ToString::to_string);
    let service = values.service.as_ref().map(ToString::to_string);
    let mut filled = command.to_owned();
    for (word, value) in KNOWN.into_iter().zip([ticket, service]) {
        let placeholder = format!("{{{{{word}}}}}");
        if !filled.contains(&placeholder) {
            continue;
        }
        let quoted = value.as_deref().and_then(|value| shlex::try_quote(value).ok().map(Cow::into_owned));
        let quoted = quoted.ok_or_else(|| Unfilled { word: word.to_owned() })?;
        filled = filled.replace(&placeholder, &quoted);
    }
    Ok(filled)
}

/// Words in double braces that look like placeholders and are none: plain words of letters.
pub(super) fn unknown(command: &str) -> Vec<&str> {
    let inner = command.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    let plain = |c: char| c.is_ascii_lowercase() || matches!(c, '_' | '-');
    inner.filter(|word| !word.is_empty() && word.chars().all(plain) && !KNOWN.contains(word)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_take_the_place_of_placeholders_and_nothing_else() {
        let values = Placeholders { ticket: "1234".parse().ok(), service: None };
        let filled =
            fill("holdpoint check {{ticket}} && docker inspect --format '{{.State}}' {{ticket}}", &values);
        assert_eq!(filled.unwrap(), "holdpoint check 1234 && docker inspect --format '{{.State}}' 1234");
        assert_eq!(fill("status {{service}}", &values).unwrap_err().word, "service");
        assert_eq!(unknown("{{ticket}} {{tikcet}} {{.X}} {{json .}}"), ["tikcet"]);
    }
}
