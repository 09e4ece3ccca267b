//! Calendar freezes: `from` and `until`, or `days` with `after` and `zone`.

use chrono::{NaiveTime, Weekday};

use super::check::{label, shown};
use super::error::ManifestError;
use super::raw::{RawDay, RawFreeze};
use super::spot::Spot;
use super::text::nearest;
use crate::model::settings::{Freeze, FreezeWhen};
use crate::model::zone;

/// Checks one freeze.
pub(super) fn freeze(spot: &Spot<'_>, raw: &RawFreeze) -> Result<Freeze, ManifestError> {
    let name = label(&spot.key("name"), &raw.name)?;
    let between = raw.from.is_some() || raw.until.is_some();
    let weekly = raw.days.is_some() || raw.after.is_some() || raw.zone.is_some();
    let when = match (between, weekly) {
        (true, false) => span_of(spot, raw)?,
        (false, true) => weekly_of(spot, raw)?,
        (true, true) => {
            let why = "has both forms: write `from` and `until`, or `days` with `after` and `zone`";
            return Err(spot.rule(why));
        }
        (false, false) => {
            let why = "says no time: write `from` and `until`, or `days` with `after` and `zone`";
            return Err(spot.rule(why));
        }
    };
    Ok(Freeze { name, when })
}

fn span_of(spot: &Spot<'_>, raw: &RawFreeze) -> Result<FreezeWhen, ManifestError> {
    let (Some(from), Some(until)) = (raw.from, raw.until) else {
        let lacks = if raw.from.is_none() { "from" } else { "until" };
        return Err(spot.rule(format!("needs `{lacks}` too: write it as `2026-12-20T00:00:00Z`")));
    };
    if until.0 <= from.0 {
        return Err(spot.key("until").rule("is not after `from`: write the first moment after the freeze"));
    }
    Ok(FreezeWhen::Between { from: from.0, until: until.0 })
}

fn weekly_of(spot: &Spot<'_>, raw: &RawFreeze) -> Result<FreezeWhen, ManifestError> {
    let days: Vec<Weekday> = raw.days.iter().flatten().copied().map(weekday).collect();
    if days.is_empty() {
        return Err(spot.rule("needs `days`: write which, for example `days = [\"fri\"]`"));
    }
    let after = raw.after.as_deref().map(|text| time_of_day(&spot.key("after"), text)).transpose()?;
    let zone = zone_of(&spot.key("zone"), raw.zone.as_deref().unwrap_or("UTC"))?;
    Ok(FreezeWhen::Weekly { days, after, zone })
}

fn weekday(day: RawDay) -> Weekday {
    match day {
        RawDay::Mon => Weekday::Mon,
        RawDay::Tue => Weekday::Tue,
        RawDay::Wed => Weekday::Wed,
        RawDay::Thu => Weekday::Thu,
        RawDay::Fri => Weekday::Fri,
        RawDay::Sat => Weekday::Sat,
        RawDay::Sun => Weekday::Sun,
    }
}

fn time_of_day(spot: &Spot<'_>, text: &str) -> Result<NaiveTime, ManifestError> {
    NaiveTime::parse_from_str(text, "%H:%M")
        .map_err(|_| spot.rule(format!("is `{}`: write a time of day, for example `15:00`", shown(text))))
}

fn zone_of(spot: &Spot<'_>, text: &str) -> Result<String, ManifestError> {
    if zone::names().any(|zone| zone == text) {
        return Ok(text.to_owned());
    }
    let way = match nearest(text, zone::names()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "write an IANA zone, for example `Europe/Amsterdam`".to_owned(),
    };
    Err(spot.rule(format!("is `{}`, which is no time zone: {way}", shown(text))))
}
