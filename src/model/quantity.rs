//! Durations and sizes as people write them: `90s`, `1h30m`, `1GiB`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Why a duration or a size could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum QuantityError {
    /// Not a duration.
    #[error("`{given}` is not a duration: write `500ms`, `90s`, `30m`, `2h`, `7d` or `1h30m`")]
    Span {
        /// What was written.
        given: String,
    },
    /// Not a size.
    #[error("`{given}` is not a size: write bytes, or `512KiB`, `64MiB`, `1GiB`, `2TiB`")]
    Bytes {
        /// What was written.
        given: String,
    },
}

/// A length of time, written `90s` or `1h30m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct Span(pub Duration);

impl Span {
    /// So many seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Duration::from_secs(seconds))
    }
}

impl FromStr for Span {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let refuse = || QuantityError::Span { given: text.escape_debug().to_string() };
        let mut total = Duration::ZERO;
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(refuse());
        }
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(refuse)?;
            let count: u64 = rest[..digits].parse().map_err(|_| refuse())?;
            rest = &rest[digits..];
            let unit = rest.find(|c: char| c.is_ascii_digit()).unwrap_or(rest.len());
            let each = match &rest[..unit] {
                "ms" => Duration::from_millis(1),
                "s" => Duration::from_secs(1),
                "m" => Duration::from_mins(1),
                "h" => Duration::from_hours(1),
                "d" => Duration::from_hours(24),
                _ => return Err(refuse()),
            };
            let count = u32::try_from(count).map_err(|_| refuse())?;
            total = each.checked_mul(count).and_then(|d| total.checked_add(d)).ok_or_else(refuse)?;
            rest = &rest[unit..];
        }
        Ok(Self(total))
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.subsec_millis();
        let seconds = self.0.as_secs();
        let counts = [seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60, u64::from(ms)];
        let mut wrote = false;
        for (count, unit) in counts.into_iter().zip(["d", "h", "m", "s", "ms"]) {
            if count > 0 {
                write!(f, "{count}{unit}")?;
                wrote = true;
            }
        }
        if wrote { Ok(()) } else { f.write_str("0s") }
    }
}

impl TryFrom<String> for Span {
    type Error = QuantityError;
    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

/// `1 file`, `2 files`.
pub fn counted(number: usize, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{number} {one}s") }
}

/// A number of bytes, written `1GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(with = "String")]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = QuantityError;
    fn from_str(text: &str) -> Result<Self, QuantityError> {
        let refuse = || QuantityError::Bytes { given: text.escape_debug().to_string() };
        let trimmed = text.trim();
        let digits = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
        let count: u64 = trimmed[..digits].parse().map_err(|_| refuse())?;
        let each: u64 = match trimmed[digits..].trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            "TiB" => 1 << 40,
            _ => return Err(refuse()),
        };
        count.checked_mul(each).map(Self).ok_or_else(refuse)
    }
}

impl fmt::Display for ByteSize {
    /// Rounded down to one decimal for a person; exact when it is a whole number of units.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (shift, unit) in [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")] {
            let each = 1u64 << shift;
            if self.0 >= each {
                let tenths = (self.0 % each) / (each / 10).max(1);
                return if self.0.is_multiple_of(each) {
                    write!(f, "{}{unit}", self.0 / each)
                } else {
                    write!(f, "{}.{}{unit}", self.0 / each, tenths.min(9))
                };
            }
        }
        write!(f, "{}B", self.0)
    }
}

impl TryFrom<String> for ByteSize {
    type Error = QuantityError;
    fn try_from(text: String) -> Result<Self, QuantityError> {
        text.parse()
    }
}

impl From<ByteSize> for String {
    /// Exact, so that it can be read again: in the largest unit of which it is a whole number.
    fn from(size: ByteSize) -> String {
        let units = [(40, "TiB"), (30, "GiB"), (20, "MiB"), (10, "KiB")];
        let whole = units.into_iter().find(|(shift, _)| size.0 > 0 && size.0.trailing_zeros() >= *shift);
        whole.map_or_else(|| format!("{}B", size.0), |(shift, unit)| format!("{}{unit}", size.0 >> shift))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, seconds) in [("90s", 90), ("30m", 1_800), ("1h30m", 5_400), ("7d", 604_800), ("0s", 0)] {
            assert_eq!(text.parse::<Span>().map(|s| s.0.as_secs()), Ok(seconds), "{text}");
        }
        assert_eq!(Span::secs(90).to_string(), "1m30s");
        for bad in ["", "10", "s", "1w", "-1s", "1.5h", "99999999999999999999s"] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn sizes_read_and_print() {
        assert_eq!("1GiB".parse(), Ok(ByteSize(1 << 30)));
        assert_eq!(ByteSize(1 << 20).to_string(), "1MiB");
        assert_eq!(ByteSize(1_600_000).to_string(), "1.5MiB");
        assert!("1GB".parse::<ByteSize>().is_err());
    }

    parser! {
        "durations and sizes";

        #[test]
        fn a_duration_comes_back_as_it_was_written(ms in 0_u64..=u64::from(u32::MAX) * 86_400_000) {
            let span = Span(Duration::from_millis(ms));
            prop_assert_eq!(String::from(span).parse::<Span>(), Ok(span));
            prop_assert_eq!(span.to_string().parse::<Span>(), Ok(span));
        }

        #[test]
        fn a_size_comes_back_as_it_was_written(bytes in any::<u64>(), shift in 0_u32..64) {
            for size in [ByteSize(bytes), ByteSize(bytes >> shift), ByteSize(bytes >> shift << shift)] {
                prop_assert_eq!(String::from(size).parse::<ByteSize>(), Ok(size));
            }
        }

        #[test]
        fn what_is_read_is_written_so_that_it_is_read_again(text in "([0-9]{1,11}(ms|s|m|h|d|KiB|MiB|GiB|TiB|B| )?){0,4}|.{0,30}") {
            if let Ok(span) = text.parse::<Span>() {
                prop_assert_eq!(String::from(span).parse::<Span>(), Ok(span), "{:?}", span);
            }
            if let Ok(size) = text.parse::<ByteSize>() {
                prop_assert_eq!(String::from(size).parse::<ByteSize>(), Ok(size), "{:?}", size);
            }
        }
    }
}
