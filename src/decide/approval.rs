//! `[recovery] owner_approval`: what puts something back waits until a second operator agreed to exactly that (design/05).

use crate::model::approval::{Approvals, Approving, Wanted, Word};
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::release::{ReleaseState, Status};

/// What stands against a verb that wants a second operator, and has none. Taking back that began goes on: it was agreed to.
pub fn against_unapproved(state: &ReleaseState, wanted: &Wanted, approvals: &Approvals) -> Option<Blocker> {
    let goes_on = state.status.is_backward() && state.status != Status::Reverted;
    if wanted.verb() == "revert" && goes_on || approvals.standing(wanted).is_some() {
        return None;
    }
    let ticket = &state.ticket;
    let asked = approvals.asked.iter().rfind(|asked| asked.wanted == *wanted);
    Some(match asked {
        None => {
            let fact =
                format!("`{}` needs a second operator, and nobody has asked for one yet", wanted.typed);
            Blocker::new(ReasonCode::ApprovalWanted, fact)
                .way_out(format!("type it, which asks: holdpoint {}", wanted.typed))
                .way_out(format!("then somebody else: {}", typed(ticket.as_str(), wanted)))
        }
        Some(asked) => {
            let fact = format!(
                "`{}` waits for a second operator: {} asked for it at {}",
                wanted.typed,
                asked.by,
                asked.at.format("%F %T UTC")
            );
            Blocker::new(ReasonCode::ApprovalWanted, fact)
                .way_out(typed(ticket.as_str(), wanted))
                .way_out(format!("once somebody else typed that: holdpoint {}", wanted.typed))
        }
    })
}

fn typed(ticket: &str, wanted: &Wanted) -> String {
    format!("holdpoint approve {ticket} --for {} --reason '…'", wanted.verb())
}

/// What a person agrees to who approves; none: the hold point, or what waits after a rollback.
///
/// # Errors
/// Nobody asked for that, nobody but themselves did, or it is not said which of several is meant.
pub fn to_agree<'a>(approvals: &'a Approvals, by: &Approving<'_>) -> Result<Option<&'a Word>, Blocker> {
    let ticket = by.ticket;
    let of_verb = |word: &&Word| by.verb.is_none_or(|verb| word.wanted.verb() == verb);
    let open: Vec<&Word> = approvals.open().filter(of_verb).collect();
    let Some(newest) = open.last() else {
        let Some(verb) = by.verb else { return Ok(None) };
        let fact = format!("nobody asked for a `{verb}` of `{ticket}` that waits for a second operator");
        return Err(Blocker::new(ReasonCode::AttemptStatusNotRecoverable, fact)
            .way_out(format!("holdpoint log {ticket}")));
    };
    let verb = newest.wanted.verb();
    if by.verb.is_none() && (by.is_held || open.iter().any(|word| word.wanted.verb() != verb)) {
        let fact = format!("more than one thing waits on `{ticket}`: it must be said which is approved");
        let ways = open.iter().map(|word| typed(ticket.as_str(), &word.wanted));
        return Err(ways.fold(Blocker::new(ReasonCode::ApprovalWanted, fact), Blocker::way_out));
    }
    let of_another = open.iter().rfind(|word| word.wanted == newest.wanted && word.by != by.operator);
    of_another.copied().map(Some).ok_or_else(|| {
        let fact =
            format!("`{}` is what {} asked for: somebody else has to agree", newest.wanted.typed, newest.by);
        Blocker::new(ReasonCode::ApprovalWanted, fact)
            .way_out(format!("another operator: {}", typed(ticket.as_str(), &newest.wanted)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::testing::release;

    fn word(typed: &str, by: &str) -> Word {
        let wanted = Wanted { typed: typed.to_owned(), commit: None };
        Word { wanted, by: by.to_owned(), at: "2026-05-18T15:30:12Z".parse().unwrap() }
    }

    fn approving<'a>(
        ticket: &'a crate::model::id::TicketId,
        verb: Option<&'a str>,
        by: &'a str,
    ) -> Approving<'a> {
        Approving { ticket, verb, operator: by, is_held: false }
    }

    #[test]
    fn consent_holds_for_exactly_what_was_asked_and_comes_from_somebody_else() {
        let failed = release("1234", Status::Failed);
        let wanted = word("revert 1234", "alice").wanted;
        let mut known = Approvals::default();
        let code =
            |known: &Approvals| against_unapproved(&failed, &wanted, known).map(|blocker| blocker.code);
        assert_eq!(code(&known), Some(ReasonCode::ApprovalWanted));
        known.asked.push(word("revert 1234", "alice"));
        assert_eq!(code(&known), Some(ReasonCode::ApprovalWanted));
        known.given.push(word("revert 1234", "alice"));
        assert_eq!(code(&known), Some(ReasonCode::ApprovalWanted), "one person is one person");
        known.given.push(word("revert 1234 --skip-data", "bob"));
        assert_eq!(code(&known), Some(ReasonCode::ApprovalWanted), "that is another one");
        known.given.push(word("revert 1234", "bob"));
        assert_eq!(code(&known), None);
        let stuck = release("1234", Status::Stuck);
        assert_eq!(against_unapproved(&stuck, &wanted, &Approvals::default()), None, "it goes on");
    }

    #[test]
    fn what_is_approved_must_be_asked_for_plain_and_not_ones_own() {
        let ticket = "1234".parse().unwrap();
        let mut known = Approvals::default();
        assert_eq!(to_agree(&known, &approving(&ticket, None, "bob")), Ok(None));
        assert!(to_agree(&known, &approving(&ticket, Some("revert"), "bob")).is_err());
        known.asked.push(word("revert 1234", "alice"));
        assert!(to_agree(&known, &approving(&ticket, None, "alice")).is_err());
        assert_eq!(to_agree(&known, &approving(&ticket, None, "bob")), Ok(known.asked.first()));
        assert!(to_agree(&known, &Approving { is_held: true, ..approving(&ticket, None, "bob") }).is_err());
        known.asked.push(word("rollback 1234 --candidate 1201@1", "alice"));
        assert!(to_agree(&known, &approving(&ticket, None, "bob")).is_err(), "which?");
        assert_eq!(to_agree(&known, &approving(&ticket, Some("revert"), "bob")), Ok(known.asked.first()));
        known.given.push(word("revert 1234", "bob"));
        assert!(to_agree(&known, &approving(&ticket, Some("revert"), "eve")).is_err(), "that is answered");
    }
}
