//! Instants exactly as RFC 3339 writes them: <https://www.rfc-editor.org/rfc/rfc3339#section-5.6>.

use jiff::SignedDuration;
use jiff::civil::DateTime;

/// 1970-01-01T00:00:00Z.
const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);
/// Beyond nanoseconds the digits of a fraction are cut off.
const FRACTION_DIGITS_MAX: usize = 9;
/// Days whose last minute may have a second 60, in UTC: month and day.
const LEAP_SECOND_DAYS: [(i8, i8); 2] = [(6, 30), (12, 31)];

/// The time since 1970-01-01T00:00:00Z; `None`: the text is not in the format, or its year in UTC is not one of 0000 to
/// 9999. A leap second is the last nanosecond of its minute, so that it is between its neighbours.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let mut text = Reader(text.as_bytes());
    let year = text.number(4)?;
    text.one_of(b"-")?;
    let month = text.number(2)?;
    text.one_of(b"-")?;
    let day = text.number(2)?;
    text.one_of(b"Tt")?;
    let hour = text.number(2)?;
    text.one_of(b":")?;
    let minute = text.number(2)?;
    text.one_of(b":")?;
    let second: i8 = text.number(2)?;
    let nanosecond = if text.one_of(b".").is_some() { text.fraction()? } else { 0 };
    let offset = text.offset()?;
    if !text.0.is_empty() {
        return None;
    }
    let is_leap = second == 60;
    let (second, nanosecond) = if is_leap { (59, 999_999_999) } else { (second, nanosecond) };
    let local = DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
    let utc = local.checked_sub(offset).ok().filter(|utc| utc.year() >= 0)?;
    let may_be_leap = || (utc.hour(), utc.minute()) == (23, 59) && LEAP_SECOND_DAYS.contains(&(utc.month(), utc.day()));
    (!is_leap || may_be_leap()).then(|| utc.duration_since(EPOCH))
}

/// The instant in UTC.
pub fn format(since_epoch: SignedDuration) -> String {
    format!("{}Z", EPOCH.saturating_add(since_epoch))
}

/// The rest of a text.
struct Reader<'t>(&'t [u8]);

impl Reader<'_> {
    /// The next byte, if it is one of these.
    fn one_of(&mut self, expected: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| expected.contains(*first))?;
        self.0 = rest;
        Some(*first)
    }

    /// The next digits, exactly so many.
    fn number<N: TryFrom<i32>>(&mut self, digits: usize) -> Option<N> {
        let mut number = 0;
        for _ in 0..digits {
            number = number * 10 + i32::from(self.one_of(b"0123456789")? - b'0');
        }
        N::try_from(number).ok()
    }

    /// The digits after the point, at least one, as nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let (fraction, rest) = self.0.split_at(digits);
        let given = fraction.iter().chain(std::iter::repeat(&b'0')).take(FRACTION_DIGITS_MAX);
        self.0 = rest;
        Some(given.fold(0, |number, digit| number * 10 + i32::from(digit - b'0')))
    }

    /// The difference between local time and UTC.
    fn offset(&mut self) -> Option<SignedDuration> {
        let sign = match self.one_of(b"Zz+-")? {
            b'+' => 1,
            b'-' => -1,
            _ => return Some(SignedDuration::ZERO),
        };
        let hours: i64 = self.number(2)?;
        self.one_of(b":")?;
        let minutes: i64 = self.number(2)?;
        (hours < 24 && minutes < 60).then(|| SignedDuration::from_secs(sign * 60 * (60 * hours + minutes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_format_allows_is_accepted() {
        for (text, seconds, nanos) in [
            ("1970-01-01T00:00:00Z", 0, 0),
            ("2026-11-23T08:00:00Z", 1_795_420_800, 0),
            ("2026-11-23t08:00:00z", 1_795_420_800, 0),
            ("2026-11-23T16:00:00+08:00", 1_795_420_800, 0),
            ("2026-11-23T07:30:00-00:30", 1_795_420_800, 0),
            ("2026-11-23T08:00:00-00:00", 1_795_420_800, 0),
            ("1970-01-01T00:00:01.5Z", 1, 500_000_000),
            ("1970-01-01T00:00:01.1234567899999999999999Z", 1, 123_456_789),
            ("2024-02-29T00:00:00Z", 1_709_164_800, 0),
            ("9999-12-31T23:59:59Z", 253_402_300_799, 0),
            ("9999-12-31T23:59:59.999999999Z", 253_402_300_799, 999_999_999),
            ("0000-01-01T00:00:00Z", -62_167_219_200, 0),
            // Leap seconds, also of other time zones.
            ("2016-12-31T23:59:60Z", 1_483_228_799, 999_999_999),
            ("2016-12-31T23:59:60.25Z", 1_483_228_799, 999_999_999),
            ("2017-01-01T07:59:60+08:00", 1_483_228_799, 999_999_999),
            ("2015-06-30T23:59:60Z", 1_435_708_799, 999_999_999),
        ] {
            assert_eq!(parse(text), Some(SignedDuration::new(seconds, nanos)), "{text}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in [
            "",
            "2026-11-23",
            "2026-11-23T08:00:00",
            "2026-11-23T08:00Z",
            "2026-11-23T08Z",
            "2026-11-23 08:00:00Z",
            "2026-11-23T08:00:00 Z",
            " 2026-11-23T08:00:00Z",
            "2026-11-23T08:00:00Z ",
            "20261123T080000Z",
            "2026-11-23T080000Z",
            "2026-W48-1T08:00:00Z",
            "2026-327T08:00:00Z",
            "+002026-11-23T08:00:00Z",
            "-000001-11-23T08:00:00Z",
            "26-11-23T08:00:00Z",
            "2026-1-23T08:00:00Z",
            "2026-11-23T08:00:00+08",
            "2026-11-23T08:00:00+0800",
            "2026-11-23T08:00:00+08:00:00",
            "2026-11-23T08:00:00+24:00",
            "2026-11-23T08:00:00+08:60",
            "2026-11-23T08:00:00\u{2212}08:00",
            "2026-11-23T08:00:00+08:00[Asia/Shanghai]",
            "2026-11-23T08:00:00Z[UTC]",
            "2026-11-23T08:00:00[Asia/Shanghai]",
            "2026-11-23T08:00:00,5Z",
            "2026-11-23T08:00:00.Z",
            "2026-11-23T08:00.5Z",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:60:00Z",
            "2026-11-23T08:00:61Z",
            "2026-02-29T08:00:00Z",
            "2026-13-01T08:00:00Z",
            "2026-00-01T08:00:00Z",
            "２０２６-11-23T08:00:00Z",
            "1795420800",
            "now",
            // Of other years in UTC.
            "9999-12-31T23:59:59-00:01",
            "0000-01-01T00:00:00+00:01",
            // Not the end of a day that may have a leap second.
            "2016-12-31T12:59:60Z",
            "2016-12-31T23:59:60+08:00",
            "2016-11-30T23:59:60Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_leap_second_is_between_its_neighbours() {
        let texts = [
            "2016-12-31T23:59:59Z",
            "2016-12-31T23:59:59.2Z",
            "2016-12-31T23:59:60Z",
            "2017-01-01T00:00:00Z",
            "2017-01-01T00:00:00.2Z",
        ];
        assert!(texts.map(parse).is_sorted_by(|a, b| a < b));
    }

    #[test]
    fn the_last_day_is_written_as_it_is_read() {
        for text in
            ["9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z", "0000-01-01T00:00:00Z", "1969-12-31T23:59:59.5Z"]
        {
            assert_eq!(format(parse(text).unwrap()), text);
        }
    }
}
