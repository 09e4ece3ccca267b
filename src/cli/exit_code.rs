//! Exit statuses as people read them: the table for `--help` and the manual page (design/01).

use crate::model::outcome::Ending;

/// The exit status of an ending.
pub const fn of(ending: Ending) -> u8 {
    ending.status()
}

/// The word and the meaning of an ending, as `--help` and the manual page show them.
pub const fn meaning(ending: Ending) -> (&'static str, &'static str) {
    match ending {
        Ending::Ok => ("ok", "did what was asked"),
        Ending::Failed => {
            ("failed", "a step failed: the release is halted and resumable; or it could not be done")
        }
        Ending::Usage => ("usage", "the command line or a configuration file is wrong"),
        Ending::Locked => ("locked", "another run holds this host"),
        Ending::Refused => ("refused", "a gate said no: dirty tree, wrong branch, freeze, changed inputs…"),
        Ending::Nothing => ("nothing", "nothing to release"),
        Ending::Differs => ("differs", "a check found drift or a difference"),
        Ending::Stuck => ("stuck", "a revert or restore failed; a person must act"),
        Ending::Undecided => ("undecided", "a step's outcome is unknown and its check cannot tell"),
        Ending::Damaged => ("damaged", "state or audit log fails its own checks"),
        Ending::Held => ("held", "waiting at a hold point"),
        Ending::Internal => ("internal", "a defect of ours, with what to report"),
        Ending::Interrupted => ("interrupted", "stopped by INT; resumable"),
        Ending::Terminated => ("interrupted", "stopped by TERM; resumable (HUP is survived)"),
    }
}

/// The table for `--help`.
pub fn table() -> String {
    format!("{}\nSeveral reasons to refuse: 3 before 4 before 5.", table_of(&Ending::ALL))
}

/// The table of some endings, for a verb's own `--help`.
pub fn table_of(endings: &[Ending]) -> String {
    let row = |ending: &Ending| {
        let (word, meaning) = meaning(*ending);
        format!("  {:>3}  {word:<11}  {meaning}\n", of(*ending))
    };
    let rows: String = endings.iter().map(row).collect();
    format!("Exit status:\n{rows}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_one_of_the_design() {
        insta::assert_snapshot!(table(), @"
        Exit status:
            0  ok           did what was asked
            1  failed       a step failed: the release is halted and resumable; or it could not be done
            2  usage        the command line or a configuration file is wrong
            3  locked       another run holds this host
            4  refused      a gate said no: dirty tree, wrong branch, freeze, changed inputs…
            5  nothing      nothing to release
            6  differs      a check found drift or a difference
            7  stuck        a revert or restore failed; a person must act
            8  undecided    a step's outcome is unknown and its check cannot tell
            9  damaged      state or audit log fails its own checks
           10  held         waiting at a hold point
           70  internal     a defect of ours, with what to report
          130  interrupted  stopped by INT; resumable
          143  interrupted  stopped by TERM; resumable (HUP is survived)

        Several reasons to refuse: 3 before 4 before 5.
        ");
    }

    #[test]
    fn no_two_endings_share_an_exit_status() {
        let codes: std::collections::BTreeSet<u8> = Ending::ALL.into_iter().map(of).collect();
        assert_eq!(codes.len(), Ending::ALL.len());
    }
}
