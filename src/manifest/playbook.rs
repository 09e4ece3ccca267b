//! Playbooks: known failures in seed 003's own entry format, a list of entries a file.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use super::error::ManifestError;
use super::settings::SourceFile;
use super::yaml_text::YamlDocument;
use crate::model::packed::shipped;
use crate::model::playbook::Playbook;

/// Playbooks that come with the binary: file name and text of everything in `recovery/playbooks/`, packed by `build.rs`.
pub static SHIPPED: LazyLock<Vec<(&str, &str)>> = LazyLock::new(|| {
    let mut words = shipped!("playbooks").leak().split_terminator('\0');
    std::iter::from_fn(|| Some((words.next()?, words.next()?))).collect()
});

/// Name of the schema that lists the keys of a playbook.
const SCHEMA: &str = "playbook";

/// A playbook file that knows where its values stand.
#[derive(Debug, Clone)]
pub struct Book {
    /// The file.
    pub file: String,
    /// Its entries.
    pub playbooks: Vec<Playbook>,
    places: BTreeMap<String, (usize, usize)>,
}

impl Book {
    /// Line and column of a value, by the way that leads to it: `0.match.output.1`; of the nearest one around it where it is
    /// not there.
    pub fn place(&self, way: &str) -> (usize, usize) {
        let mut ends = way.match_indices('.').map(|(at, _)| at).chain([way.len()]).rev();
        ends.find_map(|end| self.places.get(&way[..end])).copied().unwrap_or((1, 1))
    }
}

/// Reads `recovery/playbooks/release-<topic>.yaml`.
///
/// # Errors
/// [`ManifestError`] with its place: no YAML, more than a playbook needs, an entry without one of its fields, or with one
/// that means nothing.
pub fn parse(file: &SourceFile) -> Result<Vec<Playbook>, ManifestError> {
    YamlDocument::parse_as(file, SCHEMA)?.read()
}

/// Reads the same, and where everything stands.
///
/// # Errors
/// As [`parse`].
pub fn book(file: &SourceFile) -> Result<Book, ManifestError> {
    let document = YamlDocument::parse_as(file, SCHEMA)?;
    Ok(Book { file: file.path.clone(), playbooks: document.read()?, places: document.places() })
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
        for (name, text) in SHIPPED.iter() {
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
    fn a_value_is_found_by_the_way_that_leads_to_it() {
        let text = "- id: release-x\n  symptom: s\n  detection:\n    - command: c\n      expect: e\n  root_cause: r\n  fix: \
                    {bootstrap_script: a, bootstrap_change: b, adhoc: c}\n  verify: [v]\n  services: []\n  tags: []\n";
        let book = book(&file(text)).unwrap();
        assert_eq!((book.place("0.id"), book.place("0.detection.0.command")), ((1, 7), (4, 16)));
        assert_eq!(book.place("0.match.output.3"), (1, 3));
    }

    #[test]
    fn a_rule_takes_one_value_or_a_list() {
        let with = |rule: &str| {
            file(&format!(
                "- id: release-x\n  symptom: s\n  match: {rule}\n  detection: []\n  root_cause: r\n  fix: {{bootstrap_script: a, \
                 bootstrap_change: b, adhoc: c}}\n  verify: []\n  services: []\n  tags: []\n"
            ))
        };
        let rule =
            parse(&with("{phase: [migrate, verify], rc: 1, output: boom}")).unwrap().remove(0).when.unwrap();
        assert_eq!((rule.phase.len(), rule.rc, rule.output), (2, vec![1], vec!["boom".to_owned()]));
        for bad in ["{phase: [verify, dinner]}", "{rc: one}", "{phase: {a: b}}", "{over: x}"] {
            let error = parse(&with(bad)).expect_err(bad).to_string();
            assert!(error.starts_with("recovery/playbooks/release-x.yaml:3:"), "{error}");
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
