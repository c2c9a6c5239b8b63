//! Times: what people write after `--since` and `--until`, and how times are shown.
//!
//! Absent on purpose: order. Times are labels; only stamps order events.

use jiff::civil::DateTime;
use jiff::{Span, Timestamp, Zoned};

/// Text that is no time.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time; write 10m, 2h, 3d, a date such as 2026-11-22, or RFC 3339 such as 2026-11-22T14:00:00Z")]
pub struct NotATime(String);

/// Milliseconds since the Unix epoch of a time written by a person: RFC 3339, a date (its midnight) or a date and time
/// of this machine's zone, or a span before now (`10m`, `2h`, `3d`, `1h 30m`; `m` is minutes).
pub fn parse(text: &str, now: &Zoned) -> Result<u64, NotATime> {
    let fail = || NotATime(text.chars().take(80).collect());
    let written = text.trim();
    let timestamp = if let Ok(timestamp) = written.parse::<Timestamp>() {
        timestamp
    } else if let Ok(civil) = written.parse::<DateTime>() {
        civil.to_zoned(now.time_zone().clone()).map_err(|_| fail())?.timestamp()
    } else {
        let span = written.parse::<Span>().map_err(|_| fail())?.abs();
        now.checked_sub(span).map_err(|_| fail())?.timestamp()
    };
    u64::try_from(timestamp.as_millisecond()).map_err(|_| fail())
}

/// For people: the time of today, the date and time of other days, in this machine's zone.
pub fn show(at_ms: u64, now: &Zoned) -> String {
    match at(at_ms) {
        Some(timestamp) => {
            let there = timestamp.to_zoned(now.time_zone().clone());
            let shape = if there.date() == now.date() { "%H:%M:%S" } else { "%Y-%m-%d %H:%M:%S" };
            there.strftime(shape).to_string()
        }
        None => "?".to_owned(),
    }
}

/// For narrow places: the minute of today, the date of other days, in this machine's zone.
pub fn brief(at_ms: u64, now: &Zoned) -> String {
    match at(at_ms) {
        Some(timestamp) => {
            let there = timestamp.to_zoned(now.time_zone().clone());
            let shape = if there.date() == now.date() { "%H:%M" } else { "%Y-%m-%d" };
            there.strftime(shape).to_string()
        }
        None => "?".to_owned(),
    }
}

/// For columns of equal width: date and minute in this machine's zone.
pub fn minute(at_ms: u64, now: &Zoned) -> String {
    match at(at_ms) {
        Some(timestamp) => timestamp.to_zoned(now.time_zone().clone()).strftime("%Y-%m-%d %H:%M").to_string(),
        None => "?".to_owned(),
    }
}

/// For programs: RFC 3339 with milliseconds, in UTC.
pub fn rfc3339(at_ms: u64) -> String {
    match at(at_ms) {
        Some(timestamp) => format!("{timestamp:.3}"),
        None => "?".to_owned(),
    }
}

fn at(ms: u64) -> Option<Timestamp> {
    Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Zoned {
        "2026-11-22T12:00:00+01:00[Europe/Berlin]"
            .parse()
            .or_else(|_| "2026-11-22T12:00:00+01:00[+01:00]".parse())
            .unwrap()
    }

    #[test]
    fn what_people_write() {
        // 2026-11-22T11:00:00Z
        let noon = 1_795_345_200_000u64;
        assert_eq!(now().timestamp().as_millisecond() as u64, noon);
        let minute = 60_000;
        for (text, expected) in [
            ("10m", noon - 10 * minute),
            (" 2h ", noon - 120 * minute),
            ("2h ago", noon - 120 * minute),
            ("1h 30m", noon - 90 * minute),
            ("3d", noon - 3 * 24 * 60 * minute),
            ("45s", noon - 45_000),
            ("1 week", noon - 7 * 24 * 60 * minute),
            ("2026-11-22", noon - 12 * 60 * minute),
            ("2026-11-22 11:30", noon - 30 * minute),
            ("2026-11-22T11:00:00Z", noon),
            ("2026-11-22T11:00:00.5Z", noon + 500),
            ("2026-11-22T06:00:00-05:00", noon),
        ] {
            assert_eq!(parse(text, &now()), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_time() {
        for text in
            ["", "soon", "10", "10 parsecs", "2026-13-01", "2026-02-30", "99999999 years", "1960-01-01", "-", "\x1b[2J"]
        {
            assert!(parse(text, &now()).is_err(), "{text}");
        }
        assert!(parse("soon", &now()).unwrap_err().to_string().contains("3d"));
    }

    #[test]
    fn how_times_are_shown() {
        let noon = 1_795_345_200_000;
        assert_eq!(show(noon, &now()), "12:00:00");
        assert_eq!(show(noon - 86_400_000, &now()), "2026-11-21 12:00:00");
        assert_eq!(minute(noon, &now()), "2026-11-22 12:00");
        assert_eq!(brief(noon, &now()), "12:00");
        assert_eq!(brief(noon - 86_400_000, &now()), "2026-11-21");
        assert_eq!(rfc3339(noon + 7), "2026-11-22T11:00:00.007Z");
        assert_eq!(rfc3339(u64::MAX), "?");
    }
}
