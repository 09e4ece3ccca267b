//! Playbooks: known failures in seed 003's own entry format, a list of entries a file.

use super::error::ManifestError;
use super::settings::SourceFile;
use super::yaml_text::YamlDocument;
use crate::model::playbook::Playbook;

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

    const SHIPPED: [(&str, &str); 3] = [
        ("release-verify-race", include_str!("../../recovery/playbooks/release-verify-race.yaml")),
        (
            "release-run-exit-5-with-drift",
            include_str!("../../recovery/playbooks/release-run-exit-5-with-drift.yaml"),
        ),
        (
            "release-orchestrator-source-drift",
            include_str!("../../recovery/playbooks/release-orchestrator-source-drift.yaml"),
        ),
    ];

    fn file(text: &str) -> SourceFile {
        SourceFile { path: "recovery/playbooks/release-x.yaml".to_owned(), text: text.to_owned() }
    }

    #[test]
    fn the_shipped_playbooks_are_whole() {
        for (id, text) in SHIPPED {
            let playbooks = parse(&file(text)).map_err(|error| error.to_string()).unwrap();
            assert_eq!(playbooks.len(), 1, "{id}");
            let playbook = &playbooks[0];
            assert_eq!(playbook.id, id);
            assert!(!playbook.fix.adhoc.headline().is_empty() && !playbook.detection.is_empty(), "{id}");
            assert!(!playbook.verify.is_empty() && !playbook.root_cause.is_empty(), "{id}");
        }
    }

    #[test]
    fn an_entry_that_lacks_a_field_or_has_one_too_many_is_shown_with_its_place() {
        let (_, text) = SHIPPED[0];
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

    parser! {
        "playbooks";

        #[test]
        fn a_cut_or_changed_playbook_is_read_or_refused(at in 0_usize..2000, with in r##"(?s)[-:{}\[\]&*!|>'"#? \n\ta-z]{0,6}|.{0,3}"##, cut in any::<bool>()) {
            let text = SHIPPED[at % 3].1;
            let at = (0..=at % text.len()).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let text = format!("{}{with}{}", &text[..at], if cut { "" } else { &text[at..] });
            if let Err(error) = parse(&file(&text)) {
                let shown = error.to_string();
                prop_assert!(!shown.replace('\n', "").chars().any(crate::model::escape::is_unsafe), "{shown:?}");
            }
        }
    }
}
