//! Reading what stands in TOML.

use serde::de::DeserializeOwned;
use serde_json::Value;

/// Reads a value by way of the same in JSON, as which its type is read from the log too: code that reads a type from TOML is
/// in the program for no type at all.
///
/// # Errors
/// What is wrong, in a line.
pub(super) fn read<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    let value: Value = toml::from_str(text).map_err(|error| first_line(error.message()))?;
    serde_json::from_str(&value.to_string()).map_err(|error| {
        let what = first_line(&error.to_string());
        // Where it stands in that JSON helps nobody.
        what.rsplit_once(" at line ").map_or(what.clone(), |(what, _)| what.to_owned())
    })
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, Utc};
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Sample {
        text: String,
        count: u64,
        at: DateTime<Utc>,
    }

    #[test]
    fn a_value_is_read_and_what_is_wrong_is_said_in_a_line() {
        let text = "text = \"a\"\ncount = 18\nat = \"2026-01-02T03:04:05Z\"\n";
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        assert_eq!(read(text), Ok(Sample { text: "a".to_owned(), count: 18, at }));
        for (broken, what) in [
            ("text = \"a\"\ncount = -1\n", "invalid value: integer `-1`, expected u64"),
            ("text = \"a\"\n", "missing field `count`"),
            ("text = \n", "string values must be quoted"),
        ] {
            assert!(read::<Sample>(broken).unwrap_err().contains(what), "{broken}");
        }
    }
}
