//! Calendar freezes, by the wall clock of their own zone; and the one release that may come in while they hold.

use chrono::{DateTime, NaiveTime, Utc, Weekday};
use jiff::{Timestamp, Zoned};

use super::Case;
use super::checkout::shown;
use crate::model::reason::{Blocker, ReasonCode};
use crate::model::settings::{Freeze, FreezeWhen};
use crate::model::zone;

/// The configuration, as a path in the project.
const RELEASE_TOML: &str = ".asd/release.toml";

/// Freezes that hold now. They refuse whatever releases something, never `revert`.
pub(super) fn freezes(case: &Case<'_>) -> Vec<Blocker> {
    // The configuration on the host counts: no content comes in together with what lifts the freeze that refuses it.
    let facts = case.facts;
    let standing = active(&facts.base_settings.freezes, facts.now);
    let lifted = only_configuration(case) && active(&facts.target_settings.freezes, facts.now).is_empty();
    if lifted { Vec::new() } else { standing }
}

/// Whether what comes in is the configuration alone and touches no service: how a freeze is lifted in a commit of its own.
fn only_configuration(case: &Case<'_>) -> bool {
    let changed = &case.facts.git.changed;
    case.course.brings_content()
        && !changed.is_empty()
        && changed.iter().all(|path| path == RELEASE_TOML)
        && case.classified.touched.is_empty()
}

/// Which of these freezes hold at this moment, and until when.
pub fn active(freezes: &[Freeze], now: DateTime<Utc>) -> Vec<Blocker> {
    let active = freezes.iter().filter_map(|freeze| Some((freeze, end(freeze, now)?)));
    active
        .map(|(freeze, until)| {
            let fact = format!("freeze `{}` holds until {}", freeze.name, shown(until));
            Blocker::new(ReasonCode::FreezeActive, fact)
                .way_out(format!("wait until {}", shown(until)))
                .way_out("in an emergency: take it out of .asd/release.toml in a commit of its own, and release that commit alone before the others: `holdpoint run TICKET --at COMMIT`")
        })
        .collect()
}

/// When an active freeze ends; none when it does not hold.
fn end(freeze: &Freeze, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    match &freeze.when {
        FreezeWhen::Between { from, until } => (*from <= now && now < *until).then_some(*until),
        FreezeWhen::Weekly { days, after, zone } => {
            let local = Timestamp::from_second(now.timestamp()).ok()?.to_zoned(zone::zone(zone)?);
            let part = |number: i8| u32::try_from(number).unwrap_or(0);
            let (hour, minute, second) = (part(local.hour()), part(local.minute()), part(local.second()));
            let weekday = Weekday::try_from(local.weekday().to_monday_zero_offset().unsigned_abs()).ok()?;
            let begins = after.unwrap_or(NaiveTime::MIN);
            let holds = days.contains(&weekday) && NaiveTime::from_hms_opt(hour, minute, second)? >= begins;
            holds.then(|| midnight_after(&local)).flatten()
        }
    }
}

/// The first instant of the next local day: where clocks jump over midnight, the first that exists.
fn midnight_after(local: &Zoned) -> Option<DateTime<Utc>> {
    let tomorrow = local.tomorrow().and_then(|day| day.start_of_day()).ok()?;
    DateTime::from_timestamp(tomorrow.timestamp().as_second(), 0)
}

#[cfg(test)]
mod tests {
    use chrono::{NaiveTime, Weekday};

    use super::{end, shown};
    use crate::decide::testing::{Scene, plain, run, said, scene};
    use crate::model::facts::Facts;
    use crate::model::reason::ReasonCode;
    use crate::model::settings::{Freeze, FreezeWhen};

    fn friday_evening() -> Freeze {
        Freeze {
            name: "no friday evenings".into(),
            when: FreezeWhen::Weekly {
                days: vec![Weekday::Fri],
                after: NaiveTime::from_hms_opt(15, 0, 0),
                zone: "Europe/Amsterdam".into(),
            },
        }
    }

    fn ends(freeze: &Freeze, now: &str) -> Option<String> {
        end(freeze, now.parse().unwrap()).map(shown)
    }

    #[test]
    fn a_freeze_between_two_instants_ends_with_the_second() {
        let freeze = Freeze {
            name: "year end".into(),
            when: FreezeWhen::Between {
                from: "2026-12-20T00:00:00Z".parse().unwrap(),
                until: "2027-01-03T00:00:00Z".parse().unwrap(),
            },
        };
        assert_eq!(ends(&freeze, "2026-12-19T23:59:59Z"), None);
        assert_eq!(ends(&freeze, "2026-12-20T00:00:00Z").as_deref(), Some("2027-01-03T00:00:00Z"));
        assert_eq!(ends(&freeze, "2027-01-03T00:00:00Z"), None);
    }

    #[test]
    fn a_weekly_freeze_goes_by_the_clock_on_the_wall() {
        // Three in the afternoon in Amsterdam is 13:00 UTC in summer and 14:00 UTC in winter.
        assert_eq!(ends(&friday_evening(), "2026-07-03T12:59:59Z"), None);
        assert_eq!(ends(&friday_evening(), "2026-07-03T13:00:00Z").as_deref(), Some("2026-07-03T22:00:00Z"));
        assert_eq!(ends(&friday_evening(), "2026-01-09T13:30:00Z"), None);
        assert_eq!(ends(&friday_evening(), "2026-01-09T14:00:00Z").as_deref(), Some("2026-01-09T23:00:00Z"));
        assert_eq!(
            ends(&friday_evening(), "2026-07-03T22:30:00Z"),
            None,
            "saturday by the clock on the wall"
        );
    }

    #[test]
    fn clocks_that_jump_over_midnight_still_have_a_next_day() {
        // In Santiago clocks go from 23:59:59 on 2026-09-05 to 01:00:00 on 2026-09-06.
        let saturdays = Freeze {
            name: "saturdays".into(),
            when: FreezeWhen::Weekly {
                days: vec![Weekday::Sat],
                after: None,
                zone: "America/Santiago".into(),
            },
        };
        assert_eq!(ends(&saturdays, "2026-09-06T03:30:00Z").as_deref(), Some("2026-09-06T04:00:00Z"));
    }

    #[test]
    fn a_freeze_refuses_a_run_and_says_until_when() {
        let mut facts = scene().with(plain("web")).changed("web/x");
        facts.base_settings.freezes = vec![friday_evening()];
        facts.now = "2026-07-03T13:00:00Z".parse().unwrap();
        insta::assert_snapshot!(said(&crate::decide::plan_run(&facts, &run("1234"))), @r#"
        freeze-active: freeze `no friday evenings` holds until 2026-07-03T22:00:00Z
          → wait until 2026-07-03T22:00:00Z
          → in an emergency: take it out of .asd/release.toml in a commit of its own, and release that commit alone before the others: `holdpoint run TICKET --at COMMIT`
        "#);
    }

    #[test]
    fn the_commit_that_lifts_a_freeze_comes_in_alone() {
        let mut facts = scene().with(plain("web")).changed(".asd/release.toml");
        facts.base_settings.freezes = vec![friday_evening()];
        facts.now = "2026-07-03T13:00:00Z".parse().unwrap();
        let codes =
            |facts: &Facts| crate::decide::testing::codes(&crate::decide::plan_run(facts, &run("1234")));
        assert!(crate::decide::plan_run(&facts, &run("1234")).is_ok(), "the target has none");
        facts.git.changed.push("web/x".to_owned());
        assert_eq!(codes(&facts), [ReasonCode::FreezeActive], "content does not come in together with it");
        facts.git.changed.pop();
        facts.target_settings.freezes = vec![friday_evening()];
        assert_eq!(codes(&facts), [ReasonCode::FreezeActive], "another key was changed");
    }
}
