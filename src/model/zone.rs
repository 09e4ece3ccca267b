//! Time zones, as data in the program: a decision must not depend on what the host has installed.

use std::ops::Range;
use std::str;
use std::sync::LazyLock;

use jiff::tz::TimeZone;

use super::packed;

struct Zones {
    /// Each name, and where its data is.
    names: Vec<(&'static str, Range<usize>)>,
    data: &'static [u8],
}

/// The zones of the IANA database, as `build.rs` packed them.
static ZONES: LazyLock<Zones> = LazyLock::new(|| {
    let all = packed::bytes(include_bytes!(concat!(env!("OUT_DIR"), "/zones.packed"))).leak();
    let end = all.windows(2).position(|pair| pair == b"\n\n").unwrap_or_default();
    let (lines, data) = (str::from_utf8(&all[..end]).unwrap_or_default(), &all[end + 2..]);
    let one = |line: &'static str| {
        let mut words = line.split(' ');
        let name = words.next()?;
        Some((name, words.next()?.parse().ok()?..words.next()?.parse().ok()?))
    };
    Zones { names: lines.lines().filter_map(one).collect(), data }
});

/// The names that there are.
pub fn names() -> impl Iterator<Item = &'static str> {
    ZONES.names.iter().map(|(name, _)| *name)
}

/// The zone of exactly that name.
pub fn zone(name: &str) -> Option<TimeZone> {
    let (_, at) = ZONES.names.iter().find(|(known, _)| *known == name)?;
    TimeZone::tzif(name, ZONES.data.get(at.clone())?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    #[test]
    fn every_zone_of_the_database_is_here() {
        assert!(names().count() > 500);
        for name in names() {
            assert!(zone(name).is_some(), "{name}");
        }
        assert!(zone("Europe/Nowhere").is_none());
    }

    #[test]
    fn a_zone_knows_its_summer() {
        let amsterdam = zone("Europe/Amsterdam").unwrap();
        let offset = |moment: &str| amsterdam.to_offset(moment.parse::<Timestamp>().unwrap()).seconds();
        assert_eq!((offset("2026-01-01T00:00:00Z"), offset("2026-07-01T00:00:00Z")), (3600, 7200));
        // Beyond what is listed, by the rule at the end.
        assert_eq!(offset("2090-07-01T00:00:00Z"), 7200);
    }
}
