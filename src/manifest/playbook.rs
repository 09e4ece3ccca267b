//! Playbooks: known failures in seed 003's own entry format, a list of entries a file.

use super::error::ManifestError;
use super::settings::SourceFile;
use super::yaml_text::YamlDocument;
use crate::model::playbook::Playbook;

/// Playbooks that come with the binary: file name and text of everything in `recovery/playbooks/`, listed by `build.rs`.
pub const SHIPPED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/shipped_playbooks.rs"));

/// Reads `recovery/playbooks/release-<topic>.yaml`.
///
/// # Errors
/// [`ManifestError`] with its place: no YAML, more than a playbook needs, an entry without one of its fields, or with one
/// that means nothing.
pub fn parse(file: &SourceFile) -> Result<Vec<Playbook>, ManifestError> {
    YamlDocument::parse(file)?.read()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "recovery/playbooks/release-x.yaml".to_owned(), text: text.to_owned() }
    }

    /// The text of one that is shipped.
    fn race() -> &'static str {
        SHIPPED.iter().find(|(name, _)| *name == "release-verify-race.yaml").unwrap().1
    }

    #[test]
    fn the_shipped_playbooks_are_whole() {
        for (name, text) in SHIPPED {
            for playbook in parse(&file(text)).map_err(|error| error.to_string()).unwrap() {
                assert!(
                    !playbook.fix.adhoc.headline().is_empty() && !playbook.detection.is_empty(),
                    "{name}"
                );
            }
        }
    }

    #[test]
    fn an_entry_that_lacks_a_field_or_has_one_too_many_is_shown_with_its_place() {
        let text = race();
        for (from, to) in
            [("root_cause:", "cause:"), ("  services: []\n", ""), ("    phase: verify", "    phase: dinner")]
        {
            assert!(text.contains(from), "{from}");
            let error = parse(&file(&text.replace(from, to))).expect_err("refused");
            assert!(error.to_string().starts_with("recovery/playbooks/release-x.yaml"), "{error}");
        }
        assert!(parse(&file("id: x\n")).is_err(), "a list of entries is wanted");
        assert!(parse(&file("- id: &a x\n  symptom: *a\n")).is_err(), "no anchors");
    }

    #[test]
    fn a_rule_takes_one_value_or_a_list() {
        let text =
            race().replace("    phase: verify", "    phase: [migrate, verify]\n    rc: 1\n    output: boom");
        let rule = parse(&file(&text)).unwrap().remove(0).when.unwrap();
        assert_eq!((rule.phase.len(), rule.rc, rule.output), (2, vec![1], vec!["boom".to_owned()]));
        for bad in ["    phase: [verify, dinner]", "    phase: verify\n    rc: one", "    phase: {a: b}"] {
            let error =
                parse(&file(&race().replace("    phase: verify", bad))).expect_err("refused").to_string();
            assert!(error.starts_with("recovery/playbooks/release-x.yaml:"), "{error}");
        }
    }

    parser! {
        "playbooks";

        #[test]
        fn a_cut_or_changed_playbook_is_read_or_refused(at in 0_usize..2000, with in r##"(?s)[-:{}\[\]&*!|>'"#? \n\ta-z]{0,6}|.{0,3}"##, cut in any::<bool>()) {
            let text = SHIPPED[at % SHIPPED.len()].1;
            let at = (0..=at % text.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let text = format!("{}{with}{}", &text[..at], if cut { "" } else { &text[at..] });
            if let Err(error) = parse(&file(&text)) {
                let shown = error.to_string();
                prop_assert!(!shown.replace('\n', "").chars().any(crate::model::escape::is_unsafe), "{shown:?}");
            }
        }
    }
}
