//! Recorded failures: a header of `key: value` lines, an empty line, then what was printed, as it was.

use super::error::{ManifestError, Problem};
use super::settings::SourceFile;
use super::text::{nearest, place, within_limit};
use crate::model::id::StepName;
use crate::model::lint::Sample;
use crate::model::matching::Symptom;
use crate::model::phase::{Phase, UnknownPhase};

/// What a header may say.
const KEYS: [&str; 6] = ["playbook", "phase", "step", "rc", "tool", "made-by"];

/// Reads `recovery/samples/<playbook>/<name>.txt`.
///
/// # Errors
/// [`ManifestError`] with its place: too long, a header without `playbook`, with a line that is none of the keys, or with a
/// value that its key does not take.
pub fn parse(file: &SourceFile) -> Result<Sample, ManifestError> {
    within_limit(file)?;
    let (header, said) = file.text.split_once("\n\n").unwrap_or((&file.text, ""));
    let mut sample = Sample {
        file: file.path.clone(),
        playbook: None,
        symptom: Symptom { said: vec![said.to_owned()], ..Symptom::default() },
    };
    let mut named = None;
    let mut at = 0;
    for line in header.split('\n') {
        let refuse = |what: String| {
            let place = place(&file.text, at..at + line.len());
            ManifestError::new(&file.path, Some(place), Problem::Line { what })
        };
        let Some((key, value)) = line.split_once(':').map(|(key, value)| (key.trim(), value.trim())) else {
            return Err(refuse("a header's line is `key: value`; an empty line ends the header".to_owned()));
        };
        match key {
            "playbook" => named = Some(value.to_owned()),
            "phase" => {
                let phase: Phase = value.parse().map_err(|error: UnknownPhase| refuse(error.to_string()))?;
                sample.symptom.phase = Some(phase);
            }
            "step" => sample.symptom.step = Some(StepName::new([value])),
            "rc" => {
                let rc =
                    value.parse().map_err(|_| refuse("`rc` is an exit status: write a number".to_owned()))?;
                sample.symptom.rc = Some(rc);
            }
            "tool" => sample.symptom.tool = Some(value.to_owned()),
            "made-by" => {}
            other => {
                let near = nearest(other, KEYS).unwrap_or("playbook");
                return Err(refuse(format!("a header has no such key: did you mean `{near}`?")));
            }
        }
        at += line.len() + 1;
    }
    let named = named.filter(|named| !named.is_empty()).ok_or_else(|| {
        let what = "the header does not say whose failure it is: write `playbook: ID`, or `playbook: none`"
            .to_owned();
        ManifestError::new(&file.path, None, Problem::Line { what })
    })?;
    sample.playbook = (named != "none").then_some(named);
    Ok(sample)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Sample, String> {
        let file = SourceFile { path: "recovery/samples/x/a.txt".to_owned(), text: text.to_owned() };
        parse(&file).map_err(|error| error.to_string())
    }

    #[test]
    fn a_sample_is_its_header_and_what_was_printed() {
        let text = "playbook: release-x\nphase: migrate\nstep: wiki.recreate\nrc: 1\ntool: docker compose up\nmade-by: 2.26: two\n\na\n\nb\n";
        let sample = read(text).unwrap();
        assert_eq!(sample.playbook.as_deref(), Some("release-x"));
        assert_eq!((sample.symptom.phase, sample.symptom.rc), (Some(Phase::Migrate), Some(1)));
        assert_eq!(sample.symptom.said, ["a\n\nb\n"]);
        assert_eq!(read("playbook: none\n\nx").unwrap().playbook, None);
    }

    #[test]
    fn a_header_that_says_nothing_or_too_much_is_shown_with_its_place() {
        for (text, said) in [
            ("phase: migrate\n\nx", "whose failure"),
            ("playbook: x\nphse: migrate\n\nx", "a.txt:2:1: a header has no such key: did you mean `phase`?"),
            ("playbook: x\nphase: dinner\n\nx", "a.txt:2:1: `dinner` is not a phase"),
            ("playbook: x\nrc: one\n\nx", "a.txt:2:1: `rc` is an exit status"),
            ("playbook: x\nError\n\nx", "a.txt:2:1: a header's line"),
            ("", "a header's line"),
        ] {
            let error = read(text).expect_err(text);
            assert!(error.contains(said), "{error}");
        }
    }
}
