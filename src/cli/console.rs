//! The person at the terminal: sees plans, is asked, answers.

use super::terminal::{Terminal, To};
use crate::model::plan::Plan;
use crate::model::view::{ChangeView, Consent, Person, Question};
use crate::report::human::plan::{self, Detail};
use crate::report::human::setup;
use crate::sys::clock::{Clock, SystemClock};

/// What the command line said about asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asking {
    /// Ask.
    Ask,
    /// `--yes`: go ahead where that is consent enough.
    Yes,
}

/// A person, as far as this terminal reaches one.
pub struct Console<'a> {
    /// Where they read and answer.
    pub terminal: &'a Terminal,
    /// What they said beforehand.
    pub asking: Asking,
    /// How much of a plan they want to see; none: a program reads, and is never asked.
    pub detail: Option<Detail>,
    /// Whether a signal has ended the wait for an answer.
    pub stopped: &'a dyn Fn() -> bool,
}

impl Person for Console<'_> {
    fn decide(&self, plan: &Plan, question: Question) -> Consent {
        if self.asking == Asking::Yes && question != Question::WriteWindow {
            return Consent::Go;
        }
        self.show(plan);
        if !self.is_there() {
            return Consent::NobodyThere;
        }
        let text = match question {
            Question::GoAhead => "Go ahead? [y/N] ",
            Question::PlanChanged => "The host changed meanwhile: this is the new plan. Go ahead? [y/N] ",
            Question::WriteWindow => {
                "Type `restore` to throw these writes away, `keep` to keep the data, or quit: "
            }
        };
        let answer = self.terminal.ask(text, self.stopped).unwrap_or_default();
        meant(question, &answer)
    }

    fn confirm(&self, changes: &ChangeView) -> Consent {
        if self.asking == Asking::Yes {
            return Consent::Go;
        }
        if !self.is_there() {
            return Consent::NobodyThere;
        }
        self.terminal.write(To::Out, &setup::asked(changes));
        let answer = self.terminal.ask("Go ahead? [y/N] ", self.stopped).unwrap_or_default();
        meant(Question::GoAhead, &answer)
    }

    fn is_there(&self) -> bool {
        self.detail.is_some() && self.terminal.can_ask()
    }

    fn show(&self, plan: &Plan) {
        if let Some(detail) = self.detail {
            self.terminal.write(To::Out, &plan::render(plan, detail, SystemClock::new().now()));
        }
    }
}

/// What an answer means; whatever is not plainly a yes is a no.
fn meant(question: Question, answer: &str) -> Consent {
    match (question, answer) {
        (Question::GoAhead | Question::PlanChanged, "y" | "yes") | (Question::WriteWindow, "restore") => {
            Consent::Go
        }
        (Question::WriteWindow, "keep") => Consent::KeepData,
        _ => Consent::Quit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_a_yes() {
        for answer in ["", "n", "no", "ye", "restore", "j", "y y"] {
            assert_eq!(meant(Question::GoAhead, answer), Consent::Quit, "{answer:?}");
        }
        assert_eq!(meant(Question::GoAhead, "y"), Consent::Go);
        for answer in ["", "y", "yes", "quit", "r"] {
            assert_eq!(meant(Question::WriteWindow, answer), Consent::Quit, "{answer:?}");
        }
        assert_eq!(meant(Question::WriteWindow, "keep"), Consent::KeepData);
        assert_eq!(meant(Question::WriteWindow, "restore"), Consent::Go);
    }
}
