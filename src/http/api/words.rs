//! A command line, made from what was asked. Every value stays behind its option, so that none can become one.

use std::fmt::Display;

/// A command line.
pub(in crate::http) struct Words(Vec<String>);

impl Words {
    /// The verb and what it is about: words of ours, or names that were parsed.
    pub(in crate::http) fn of<const N: usize>(verb: [&str; N]) -> Self {
        Self(verb.map(str::to_owned).into())
    }

    /// An option with its value, where there is one.
    pub(in crate::http) fn with(mut self, option: &str, value: Option<impl Display>) -> Self {
        self.0.extend(value.map(|value| format!("{option}={value}")));
        self
    }

    /// An option for each value.
    pub(in crate::http) fn each(mut self, option: &str, values: &[impl Display]) -> Self {
        self.0.extend(values.iter().map(|value| format!("{option}={value}")));
        self
    }

    /// An option that stands alone.
    pub(in crate::http) fn on(mut self, option: &str, on: bool) -> Self {
        self.0.extend(on.then(|| option.to_owned()));
        self
    }

    /// The command line.
    pub(in crate::http) fn line(self) -> Vec<String> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_becomes_an_option() {
        let line = Words::of(["run", "1234"])
            .with("--reason", Some("--yes\n-x"))
            .with("--from", None::<&str>)
            .each("--service", &["a", "--all"])
            .on("--yes", true)
            .on("--skip-data", false)
            .line();
        assert_eq!(line, ["run", "1234", "--reason=--yes\n-x", "--service=a", "--service=--all", "--yes"]);
    }
}
