//! What was said in a failure, line by line: without colours and prefixes of others, within limits, and with how near the
//! end it stands.

use std::sync::LazyLock;

use regex::Regex;

use super::tongues;
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
    /// In English, as far as it is known; none where it is in English.
    english: Option<String>,
    /// How many lines of the same speaker come after it.
    pub(super) to_the_end: usize,
    /// Who said it.
    pub(super) by: Speaker,
    /// It explains how the program is to be used, or repeats what ended an earlier run.
    is_quoted: bool,
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
        std::iter::once(self.text.as_str()).chain(self.bare.as_deref()).chain(self.english.as_deref())
    }

    /// Whether it warns, informs or tries again: the program went on after it.
    pub(super) fn is_mild(&self) -> bool {
        self.by == Speaker::Program && self.forms().any(|form| MILD.is_match(form))
    }

    /// Whether it counts none of what it names, says that it went well in the end, sums up tests, explains an option, or repeats
    /// what is past.
    pub(super) fn tells_of_no_error(&self) -> bool {
        self.by == Speaker::Program
            && (self.is_quoted || NONE.is_match(&self.text) || VERDICT.is_match(&self.text))
    }

    /// Whether the program ended there by a defect of its own, such as a type that does not fit.
    fn is_defect(&self) -> bool {
        self.by == Speaker::Program && DEFECT.is_match(&self.text)
    }

    /// Whether it tells of an error.
    pub(super) fn is_error(&self) -> bool {
        self.by == Speaker::Program && self.forms().any(|form| ERROR.is_match(form)) && !self.is_mild()
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

/// Whether a program ended by a defect of its own, and none of these lines is that one.
pub(super) fn has_other_defect(lines: &[Line], known: &[usize]) -> bool {
    let has_defect = lines.iter().any(Line::is_defect) && !known.iter().any(|at| lines[*at].is_defect());
    // A python trace that hands nothing on: whatever stands above it was survived.
    let raised = || lines.iter().rposition(|line| line.by == Speaker::Program && RAISED.is_match(&line.text));
    let has = |pattern: &Regex| lines.iter().any(|line| pattern.is_match(&line.text));
    has_defect
        || has(&TRACE)
            && !has(&HANDED_ON)
            && raised().is_some_and(|raised| known.iter().all(|at| *at < raised))
}

/// Whether the program said that it goes on without what failed, in this line or below, and said more after that.
pub(super) fn goes_on_after(lines: &[Line], last: usize) -> bool {
    let printed = || lines[last..].iter().filter(|line| line.by == Speaker::Program);
    let goes_on = printed().position(|line| GOES_ON.is_match(&line.text));
    goes_on.is_some_and(|at| {
        let mut rest = printed().skip(at + 1).peekable();
        rest.peek().is_some() && !rest.any(|line| GIVES_UP.is_match(&line.text))
    })
}

fn of(texts: &[String], by: Speaker) -> Vec<Line> {
    let mut left = TOTAL;
    let mut newest_first: Vec<Line> = Vec::new();
    let mut set_in: Vec<bool> = Vec::new();
    for line in texts.iter().rev().flat_map(|text| text.rsplit(['\n', '\r'])) {
        if left < line.len().min(LINE) || newest_first.len() == LINES {
            break;
        }
        left -= line.len().min(LINE);
        let text = shown(line);
        if !text.is_empty() {
            let bare = Some(bare(&text)).filter(|bare| *bare != text).map(str::to_owned);
            set_in.push(line.starts_with([' ', '\t']));
            newest_first.push(Line {
                bare,
                english: None,
                to_the_end: newest_first.len(),
                by,
                text,
                is_quoted: false,
            });
        }
    }
    newest_first.reverse();
    if newest_first.iter().any(|line| tongues::is_foreign(&line.text)) {
        for line in &mut newest_first {
            line.english = tongues::english(line.bare.as_ref().unwrap_or(&line.text));
        }
    }
    // What is set in below `usage:` and the headings that follow it, and below `the last run ended with:`.
    let (mut in_help, mut in_past) = (false, false);
    for (line, is_set_in) in newest_first.iter_mut().zip(set_in.into_iter().rev()) {
        line.is_quoted = (in_help || in_past) && is_set_in;
        in_help = USAGE.is_match(&line.text) || in_help && (is_set_in || line.text.ends_with(':'));
        in_past = PAST.is_match(&line.text) || in_past && is_set_in;
    }
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
        r"(?i)\b(events?|errors?|failures?|failed|failing|time-?outs?|warnings?|kill(s|ed)|restarts?|denials?|counts?|total|matches|hits|times|retries|entries|occurrences|messages|lines|incidents|alerts|refused|denied|timed out)\W{0,3}[:=]\s*0$|[,;] ?(since )?recovered\)?\.?$|\bnothing (has )?(diverged|failed|missing|refused|denied|changed)\b|\b(connected|succeeded|up|ok|ready)\b.{0,20} after \d+ (retries|tries|attempts)\b|^\S+ +: ok=\d+ +changed=\d+ ",
    )
});

static USAGE: LazyLock<Regex> =
    LazyLock::new(|| ours(r"(?i)^(usage|aufruf|syntax|utilisation|verwendung) ?:"));

static PAST: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b(last|previous|earlier|former|old|yesterday('s)?|letzte[rsn]?|vorige[rsn]?|frühere[rsn]?|dernier|dernière|précédente?)\b.{0,80}:$",
    )
});

static DEFECT: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"^(Uncaught )?TypeError: ([^f]|f[^e])|^(KeyError|ValueError|AttributeError|IndexError|NameError|UnboundLocalError|ZeroDivisionError|AssertionError|OverflowError|RecursionError|NotImplementedError|LookupError|json\.decoder\.JSONDecodeError|Unicode\w+Error|decimal\.\w+)(:|$)|^(Uncaught )?(ReferenceError|RangeError): |^(Exception in thread .{1,60} )?java\.(lang\.(NullPointer|ClassCast|NumberFormat|Arithmetic|(Array|String)?IndexOutOfBounds|IllegalArgument|IllegalState)|util\.NoSuchElement)\w*Exception\b|\((NoMethodError|ZeroDivisionError|TypeError|ArgumentError|NameError)\)$|^panic: runtime error: |PHP Fatal error: +Uncaught (TypeError|ValueError|DivisionByZeroError|ArgumentCountError)",
    )
});

static TRACE: LazyLock<Regex> = LazyLock::new(|| ours(r"^Traceback \(most recent call last\):$"));

static RAISED: LazyLock<Regex> = LazyLock::new(|| ours(r"^[A-Za-z_][\w.]*(Error|Exception)(:|$)"));

static HANDED_ON: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"^(During handling of the above exception|The above exception was the direct cause)|^[\w.]*(ProcessError|CommandError|CommandFailed|RuntimeError|ExitError)\b",
    )
});

static GOES_ON: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)^\W*(retrying|trying again)\b|[,;:(–-] *(now |so )?(using|asking|trying|taking|falling back|continuing|going on|carrying on|skipping|proceeding|resuming|ignoring|ignored|waiting)\b|\b(continuing|proceeding|going on|carrying on|falling back|went on) (anyway|without|with|to|on)\b|\(ignored\)$|\b(not fatal|non-fatal|never mind)\b|\x22?(status|health)\x22? ?[:=] ?\x22?(up|ok|healthy|pass)\b|\b(accepting connections|(answered|answers|returned) 200|ok (at|after|on) (try|attempt))\b",
    )
});

static GIVES_UP: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b(giv(es?|ing|en)|gave) up\b|\b(not|never|no)\b.{0,30}\b(within|after|in time)\b|\btimed? ?out\b|\bdeadline\b|\b(no more|all|out of) (\w+ )?(tries|attempts|retries|hosts|mirrors|members)\b|\bexhausted\b",
    )
});

/// How a runner of tests ends its report.
static VERDICT: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)\b\d+ (failed|passed|errors?)\b.{0,60} in \d+(\.\d+)? ?s|short test summary info|^FAILED \((failures|errors)=|\b\d+ (examples?|tests|runs|specs), \d+ (failures?|assertions|failed)|^Tests: +\d+(, Assertions| failed| passed)|^(#|ℹ) fail \d+$|^not ok \d+ |^\d+ failing$|^test result: FAILED|\bTests run: \d+, Failures: \d+|^-{3} FAIL: |^Failed! +- Failed: +\d+|^\*{3}Test Failed\*{3}",
    )
});

/// How a report of tests sets what was wanted against what was there.
static COMPARISON: LazyLock<Regex> = LazyLock::new(|| {
    ours(
        r"(?i)^(E +|FAILED .{1,200} - )?(\S*\.)?Assertion(Failed)?Error\b|\bERR_ASSERTION\b|^E +assert |^Failure/Error: .*(expect|should|assert)|^(expected|received|actual|got|want(ed)?)\b[^:]{0,20}:|^-{1,3} (expected|actual|want|got)\b|^Failed asserting that|^assertion .{0,40}failed|^(left|right): |\bgot\b.{1,200}\b(want|expected)\b|\bwant(ed)?\b.{1,200}\bgot\b|= \S+, want \S+|\bexpected\b.{1,200}\b(but (was|got)|to (be|equal|eq|contain|include|match)|got)\b|^Not equal:",
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
    fn what_explains_options_tells_of_no_error() {
        let lines = said(
            "error: unknown option `x'\nusage: git merge [<options>]\n\n    -F    for a non-fast-forward merge\n\
             Options:\n  --force  permission denied\nfatal: permission denied\n  at here",
        );
        let help: Vec<&str> =
            lines.iter().filter(|line| line.tells_of_no_error()).map(|line| line.text.as_str()).collect();
        assert_eq!(help, ["-F    for a non-fast-forward merge", "--force  permission denied"]);
    }

    #[test]
    fn what_ended_an_earlier_run_is_past() {
        let lines =
            said("the last release ended with:\n    could not resolve host\n    -> solved\nno sign-off");
        let past: Vec<bool> = lines.iter().map(Line::tells_of_no_error).collect();
        assert_eq!(past, [false, true, true, false]);
        assert!(said("last error:\nno space left").iter().all(|line| !line.tells_of_no_error()), "its own");
    }

    #[test]
    fn a_program_that_says_that_it_goes_on_did_not_end_there() {
        for goes_on in [
            "no route to host\nwarning: mirror not reachable, using origin\nversions differ",
            "connection refused\nport 1 is not up, asking the other\nnull",
            "make: [clean] Error 1 (ignored)\nmake: *** [check] Error 2",
            "connection refused\nretrying in 2s (1/3)\ngot 34 bytes\nno title",
        ] {
            assert!(goes_on_after(&said(goes_on), 0), "{goes_on}");
        }
        for ends in [
            "connection refused\nnot reachable, trying the next\nall hosts failed: giving up",
            "no route to host, trying 10.0.0.2",
            "main still contains it, not continuing\nstopped",
            "connection refused",
        ] {
            assert!(!goes_on_after(&said(ends), 0), "{ends}");
        }
    }

    #[test]
    fn a_defect_of_the_program_itself_is_told_apart() {
        let defect = said("token expired\nTypeError: can only concatenate str\nrc 1");
        assert!(has_other_defect(&defect, &[0]) && !has_other_defect(&defect, &[0, 1]));
        let trace =
            "refused\nTraceback (most recent call last):\n  File \"x\"\nredis.ResponseError: WRONGTYPE";
        assert!(has_other_defect(&said(trace), &[0]) && !has_other_defect(&said(trace), &[3]));
        let handed_on = trace.replace("redis.ResponseError", "subprocess.CalledProcessError");
        assert!(!has_other_defect(&said(&handed_on), &[0]));
        // As node's fetch says of a connection that failed, and python of whatever it was told.
        for other in ["TypeError: fetch failed", "subprocess.CalledProcessError: status 1", "OSError: no"] {
            assert!(!has_other_defect(&said(other), &[]), "{other}");
        }
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
            "working tree clean, nothing diverged",
            "12 tests, 1 failure: testLockTimeoutIsShown",
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
            "Expected:\n    'disk full'\nGot:\n    'almost'\n***Test Failed*** 1 failures.",
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
