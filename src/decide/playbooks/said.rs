//! What was said in a failure, line by line: without colours and prefixes of others, within limits, and with how near the
//! end it stands.

use std::sync::LazyLock;

use regex::Regex;

use crate::model::matching::Symptom;

/// Bytes of one line that are looked at.
const LINE: usize = 4_096;

/// Bytes of all that was printed that are looked at: the last ones, because a program says last why it ends.
const TOTAL: usize = 256 << 10;

/// Lines that are looked at.
const LINES: usize = 4_000;

/// A line that was said.
#[derive(Debug)]
pub(super) struct Line {
    /// As it is shown.
    pub(super) text: String,
    /// Without time, container name and `remote:` before it; none where there was nothing to take off.
    bare: Option<String>,
    /// How many lines of the same speaker come after it.
    pub(super) to_the_end: usize,
    /// Who said it.
    pub(super) by: Speaker,
}

/// Who said a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Speaker {
    /// Our own record of the failure.
    Record,
    /// The program.
    Program,
}

impl Line {
    /// The forms in which an error may be found in it.
    pub(super) fn forms(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.text.as_str()).chain(self.bare.as_deref())
    }

    /// Whether it warns, informs or tries again: the program went on after it.
    pub(super) fn is_mild(&self) -> bool {
        self.by == Speaker::Program && self.forms().any(|form| MILD.is_match(form))
    }

    /// Whether it counts none of what it names, or says that it went well in the end.
    pub(super) fn tells_of_no_error(&self) -> bool {
        self.by == Speaker::Program && NONE.is_match(&self.text)
    }

    /// Whether it tells of an error.
    pub(super) fn is_error(&self) -> bool {
        self.by == Speaker::Program && ERROR.is_match(&self.text) && !self.is_mild()
    }
}

/// The lines of a failure: what the program said, then what our records say.
pub(super) fn lines(symptom: &Symptom) -> Vec<Line> {
    let mut lines = of(&symptom.said, Speaker::Program);
    lines.extend(of(&symptom.told, Speaker::Record));
    if let (true, Some(rc)) = (lines.is_empty(), symptom.rc) {
        // A program that was killed, or is not there, may end without a word: then its status is all that is known.
        lines = of(&[format!("no output, exit status {rc}")], Speaker::Record);
    }
    lines
}

/// Whether they are a report of tests in which one found something else than it wanted. What failed is what the tests are
/// about, and words of any failure may stand there as data.
pub(super) fn compares(lines: &[Line]) -> bool {
    let has = |pattern: &Regex| {
        let mut printed = lines.iter().filter(|line| line.by == Speaker::Program);
        printed.any(|line| line.forms().any(|form| pattern.is_match(form)))
    };
    has(&VERDICT) && has(&COMPARISON)
}

fn of(texts: &[String], by: Speaker) -> Vec<Line> {
    let mut left = TOTAL;
    let mut newest_first: Vec<Line> = Vec::new();
    for line in texts.iter().rev().flat_map(|text| text.rsplit(['\n', '\r'])) {
        if left < line.len().min(LINE) || newest_first.len() == LINES {
            break;
        }
        left -= line.len().min(LINE);
        let text = shown(line);
        if !text.is_empty() {
            let bare = Some(bare(&text)).filter(|bare| *bare != text).map(str::to_owned);
            newest_first.push(Line { bare, to_the_end: newest_first.len(), by, text });
        }
    }
    newest_first.reverse();
    newest_first
}

/// A line without colours and the marks that it is shown with, and no longer than is worth looking at.
pub(super) fn shown(line: &str) -> String {
    let mut end = line.len().min(LINE);
    while !line.is_char_boundary(end) {
        end -= 1;
    }
    let plain = anstream::adapter::strip_str(&line[..end]).to_string();
    plain.trim().trim_start_matches(['✗', '│']).trim().to_owned()
}

fn bare(mut line: &str) -> &str {
    for _ in 0..3 {
        let Some(prefix) = PREFIX.find(line) else { break };
        line = line[prefix.end()..].trim_start();
    }
    line
}

/// A pattern of ours: that it compiles is seen by the tests below.
fn ours(pattern: &str) -> Regex {
    Regex::new(pattern).unwrap_or_else(|_| unreachable!("a pattern of ours compiles"))
}

static PREFIX: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"^(\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d[^ \]]*\]?( [A-Z]{3,4}\b)?|[a-z0-9][a-z0-9_.-]* +\||remote:)\s+",
    )
});

static MILD: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)^\W*(npm )?(warn|warning|notice|info|debug|hint|note|deprecated)\b|\blevel=(warning|warn|info|debug)\b|\x22(level|lvl|severity)\x22 ?: ?\x22(warning|warn|info|debug)\x22|\b(retrying|will retry|trying again|attempt \d+ ?(of|/) ?\d+)\b|^\++ |(?-i:^\d+ [a-z][a-z ]{3,60}$)",
    )
});

static NONE: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b(events?|errors?|failures?|failed|failing|time-?outs?|warnings?|kill(s|ed)|restarts?|denials?|counts?|total|matches|hits|times|retries|entries|occurrences|messages|lines|incidents|alerts|refused|denied|timed out)\W{0,3}[:=]\s*0$|[,;] ?(since )?recovered\)?\.?$|\b(connected|succeeded|up|ok|ready)\b.{0,20} after \d+ (retries|tries|attempts)\b",
    )
});

/// How a runner of tests ends its report.
static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b\d+ (failed|passed|errors?)\b.{0,60} in \d+(\.\d+)? ?s|short test summary info|^FAILED \((failures|errors)=|\b\d+ (examples?|tests|runs|specs), \d+ (failures?|assertions|failed)|^Tests: +\d+(, Assertions| failed| passed)|^(#|ℹ) fail \d+$|^not ok \d+ |^\d+ failing$|^test result: FAILED|\bTests run: \d+, Failures: \d+|^-{3} FAIL: |^Failed! +- Failed: +\d+",
    )
});

/// How a report of tests sets what was wanted against what was there.
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)^(E +|FAILED .{1,200} - )?(\S*\.)?Assertion(Failed)?Error\b|\bERR_ASSERTION\b|^E +assert |^Failure/Error: .*(expect|should|assert)|^(expected|received|actual|got|want(ed)?)\b[^:]{0,20}:|^-{1,3} (expected|actual|want|got)\b|^Failed asserting that|^assertion .{0,40}failed|^(left|right): |\bgot\b.{1,200}\b(want|expected)\b|\bwant(ed)?\b.{1,200}\bgot\b|\bexpected\b.{1,200}\b(but (was|got)|to (be|equal|eq|contain|include|match)|got)\b|^Not equal:",
    )
});

static ERROR: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b(error|fatal|failed|failure|panic|denied|forbidden|cannot|can't|could not|unable|invalid|no such|not found|refused|exception|traceback|abort(ed|ing)?|differs?|mismatch|not passed)\b",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Vec<Line> {
        lines(&Symptom { said: vec![text.to_owned()], ..Symptom::default() })
    }

    #[test]
    fn a_line_is_looked_at_with_and_without_what_stands_before_it() {
        let forms = |text: &str| said(text)[0].forms().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(forms("\u{1b}[31m✗ port\u{1b}[0m taken "), ["port taken"]);
        assert_eq!(
            forms("wiki-1  | 2026-05-18 10:00:00.123 UTC FATAL: no"),
            ["wiki-1  | 2026-05-18 10:00:00.123 UTC FATAL: no", "FATAL: no"]
        );
        assert_eq!(forms("remote: denied"), ["remote: denied", "denied"]);
    }

    #[test]
    fn warnings_and_further_tries_are_no_errors() {
        for mild in [
            "WARN[0000] The \"X\" variable is not set",
            "time=\"…\" level=warning msg=\"connection refused\"",
            "connection refused, retrying in 5s",
            "[INFO] connection refused",
            "npm WARN deprecated x",
            "+ docker pull denied",
            "2026/05/18 10:00:00 [notice] upstream timed out",
            "{\"level\":\"info\",\"msg\":\"connection refused\"}",
            "      3 permission denied",
        ] {
            assert!(said(mild)[0].is_mild() && !said(mild)[0].is_error(), "{mild}");
        }
        for error in [
            "3 errors: permission denied",
            "Error: informed",
            "fatal: could not read",
            "Error response from daemon: no such image",
            "row count differs",
        ] {
            assert!(said(error)[0].is_error(), "{error}");
        }
    }

    #[test]
    fn a_count_of_none_and_what_recovered_tell_of_no_error() {
        for none in [
            "journal: out of memory events: 0",
            "(cache: connection reset by peer x2, recovered)",
            "connected after 2 retries (connection refused)",
        ] {
            assert!(said(none)[0].tells_of_no_error(), "{none}");
        }
        for told in ["out of memory events: 10", "http-health: HTTP 0", "exit status: 0"] {
            assert!(!said(told)[0].tells_of_no_error(), "{told}");
        }
    }

    #[test]
    fn a_report_of_tests_is_known_by_its_verdict_and_what_it_compares() {
        for report in [
            "E       AssertionError: assert 'No space left on device' == 'full'\n1 failed in 0.04s",
            "expected: \"permission denied\"\n     got: \"403 Forbidden\"\n2 examples, 1 failure",
            "--- FAIL: TestLogin (0.00s)\n    a_test.go:9: got \"permission denied\", want \"ok\"",
            "FAILED tests/a.py::b - AssertionError: assert 'database is locked' in 'ok'\n1 failed in 0.1s",
            "Expected: \"ok\"\nReceived: \"ECONNREFUSED\"\nTests:       1 failed, 3 passed, 4 total",
            "Failed asserting that 'disk full' is true.\nTests: 2, Assertions: 2, Failures: 1.",
        ] {
            assert!(compares(&said(report)), "{report}");
        }
        for other in [
            "E   ConnectionRefusedError: [Errno 111] Connection refused\n1 failed in 0.04s",
            "AssertionError: no space left on device",
            "expected: 200\ngot: 503",
        ] {
            assert!(!compares(&said(other)), "{other}");
        }
    }

    #[test]
    fn the_end_of_a_long_output_is_what_counts() {
        let lines = said(&("first\n".to_owned() + &"x\n".repeat(LINES) + "last\r\n"));
        assert_eq!(lines.len(), LINES);
        assert_eq!((lines[LINES - 1].text.as_str(), lines[LINES - 1].to_the_end), ("last", 0));
        assert!(said(&"y".repeat(TOTAL * 2))[0].text.len() <= LINE);
    }
}
