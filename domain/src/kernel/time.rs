//! Instants, and the clock, which tests can control.
//!
//! An instant has microseconds. The clock and what is derived from it are whole milliseconds, and a column of a [`Timestamp`] stores
//! milliseconds, as an integer on both engines; what another system says of its own events is exact, in a column of [`Micros`].

use std::fmt;
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde::de::{Error, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tokio::sync::watch;

use super::rfc3339;

const MICROS_PER_MILLI: i64 = 1_000;
const MICROS_PER_SECOND: i64 = 1_000_000;

/// An instant: microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(MICROS_PER_MILLI))
    }

    /// Whole milliseconds; a fraction is cut off.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(MICROS_PER_MILLI)
    }

    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// In whole milliseconds, in any of the forms that files have, such as one with a space before the time. What comes by the
    /// API is read by [`Self::from_rfc3339`].
    pub fn parse(text: &str) -> Option<Self> {
        Self::parse_exact(text).map(Self::whole_millis)
    }

    /// In microseconds; further digits are cut off.
    pub fn parse_exact(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_microsecond()))
    }

    pub const fn whole_millis(self) -> Self {
        Self::from_millis(self.millis())
    }

    pub const fn start_of_second(self) -> Self {
        Self(self.0.div_euclid(MICROS_PER_SECOND) * MICROS_PER_SECOND)
    }

    /// The next instant.
    pub const fn next_instant(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// An instant exactly as RFC 3339 writes it, in microseconds.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let since_epoch = rfc3339::parse(text)?;
        i64::try_from(since_epoch.as_nanos().div_euclid(1_000)).ok().map(Self)
    }

    /// Whole seconds since `earlier`; 0 if that is in the future.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0).max(0) / MICROS_PER_SECOND
    }

    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_microsecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

/// RFC 3339 in UTC: with the digits that it has, and with six of them where there is a fraction of a millisecond.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let instant = self.to_jiff();
        // The library's instants end a day before the format's.
        if instant == jiff::Timestamp::MAX {
            f.write_str(&rfc3339::format(jiff::SignedDuration::from_micros(self.0)))
        } else if *self == self.whole_millis() {
            instant.fmt(f)
        } else {
            write!(f, "{instant:.6}")
        }
    }
}

/// The microseconds of a duration in whole milliseconds, so that an instant of whole milliseconds remains one.
fn micros_of(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX).saturating_mul(MICROS_PER_MILLI)
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros_of(duration)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros_of(duration)))
    }
}

/// In stored JSON: a number of milliseconds, or, where there is a fraction of one, a text of RFC 3339.
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == self.whole_millis() {
            serializer.serialize_i64(self.millis())
        } else {
            serializer.collect_str(self)
        }
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StoredTimestamp)
    }
}

struct StoredTimestamp;

impl Visitor<'_> for StoredTimestamp {
    type Value = Timestamp;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("milliseconds since 1970, or an instant of RFC 3339")
    }

    fn visit_i64<E: Error>(self, millis: i64) -> Result<Timestamp, E> {
        Ok(Timestamp::from_millis(millis))
    }

    fn visit_u64<E: Error>(self, millis: u64) -> Result<Timestamp, E> {
        let invalid = || E::invalid_value(Unexpected::Unsigned(millis), &self);
        i64::try_from(millis).map(Timestamp::from_millis).map_err(|_| invalid())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Timestamp, E> {
        Timestamp::parse_exact(text).ok_or_else(|| E::invalid_value(Unexpected::Str(text), &self))
    }
}

/// An instant in a column of microseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Micros(pub Timestamp);

/// An integer in a column.
macro_rules! column {
    ($type:ty, $write:expr, $read:expr) => {
        impl From<$type> for sea_orm::Value {
            fn from(at: $type) -> Self {
                let write: fn($type) -> i64 = $write;
                write(at).into()
            }
        }

        impl sea_orm::TryGetable for $type {
            fn try_get_by<I: sea_orm::ColIdx>(
                row: &sea_orm::QueryResult,
                index: I,
            ) -> Result<Self, sea_orm::TryGetError> {
                <i64 as sea_orm::TryGetable>::try_get_by(row, index).map($read)
            }
        }

        impl sea_orm::sea_query::ValueType for $type {
            fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
                <i64 as sea_orm::sea_query::ValueType>::try_from(value).map($read)
            }
            fn type_name() -> String {
                stringify!($type).to_owned()
            }
            fn array_type() -> sea_orm::sea_query::ArrayType {
                <i64 as sea_orm::sea_query::ValueType>::array_type()
            }
            fn column_type() -> sea_orm::sea_query::ColumnType {
                sea_orm::sea_query::ColumnType::BigInteger
            }
        }

        impl sea_orm::TryFromU64 for $type {
            fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
                Err(sea_orm::DbErr::ConvertFromU64(stringify!($type)))
            }
        }

        impl sea_orm::sea_query::Nullable for $type {
            fn null() -> sea_orm::Value {
                <i64 as sea_orm::sea_query::Nullable>::null()
            }
        }
    };
}

column!(Timestamp, Timestamp::millis, Timestamp::from_millis);
column!(Micros, |at| at.0.micros(), |micros| Micros(Timestamp::from_micros(micros)));

pub const fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

// These saturate: n may come from the configuration.

pub const fn minutes(n: u64) -> Duration {
    seconds(n.saturating_mul(60))
}

pub const fn hours(n: u64) -> Duration {
    minutes(n.saturating_mul(60))
}

pub const fn days(n: u64) -> Duration {
    hours(n.saturating_mul(24))
}

/// The only source of time.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Monotonic time since an arbitrary instant of this process; unaffected when the clock is set.
    fn monotonic(&self) -> Duration;
    /// Resolves once `monotonic() >= until`.
    fn sleep_until_monotonic(&self, until: Duration) -> BoxFuture<'_, ()>;
    /// Resolves once `now() >= until`.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
pub struct SystemClock(());

impl SystemClock {
    /// Only where a process starts: everything else takes the time as an argument.
    pub const fn of_machine() -> Self {
        Self(())
    }
}

static PROCESS_START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock may be set during a sleep, so a sleeper checks it at least this often.
const SLEEP_MAX: Duration = seconds(30);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(jiff::Timestamp::now().as_millisecond())
    }

    fn monotonic(&self) -> Duration {
        PROCESS_START.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until_monotonic(&self, until: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(until.saturating_sub(self.monotonic())))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = until.0.saturating_sub(self.now().0);
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(Duration::from_micros(left).min(SLEEP_MAX)).await;
            }
        })
    }
}

/// A clock for tests: it does not move until it is advanced.
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    monotonic: watch::Sender<Duration>,
    // Serialises `advance` and `set`, so that concurrent callers never turn it back.
    lock: Mutex<()>,
}

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), monotonic: watch::Sender::new(Duration::ZERO), lock: Mutex::new(()) }
    }

    pub fn advance(&self, by: Duration) {
        let _guard = self.lock.lock();
        self.now.send_modify(|now| *now = *now + by);
        self.monotonic.send_modify(|monotonic| *monotonic += by);
    }

    /// Sets the clock; monotonic time does not change.
    pub fn set(&self, now: Timestamp) {
        let _guard = self.lock.lock();
        self.now.send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn monotonic(&self) -> Duration {
        *self.monotonic.borrow()
    }

    fn sleep_until_monotonic(&self, until: Duration) -> BoxFuture<'_, ()> {
        let mut monotonic = self.monotonic.subscribe();
        Box::pin(async move {
            // The sender is in self, so waiting ends only by reaching `until`.
            let _ = monotonic.wait_for(|monotonic| *monotonic >= until).await;
        })
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // As above.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }
}

/// The time zone of an IANA name, from the machine's database or the built-in one.
pub fn zone(name: &str) -> Option<jiff::tz::TimeZone> {
    jiff::tz::TimeZone::get(name).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_has_microseconds_and_its_text_has_them() {
        let at = Timestamp::parse_exact("2026-03-02T01:00:00.123456789+00:00").unwrap();
        assert_eq!((at.micros() % MICROS_PER_SECOND, at.millis() % 1_000), (123_456, 123));
        assert_eq!(at.to_string(), "2026-03-02T01:00:00.123456Z");
        assert_eq!(at.whole_millis(), Timestamp::parse("2026-03-02T01:00:00.123456Z").unwrap());
        assert_eq!(at.next_instant().to_string(), "2026-03-02T01:00:00.123457Z");
        assert_eq!(at.start_of_second().to_string(), "2026-03-02T01:00:00Z");
        // Also before 1970.
        let early = Timestamp::from_micros(-1);
        assert_eq!((early.millis(), early.whole_millis().micros()), (-1, -1_000));
        assert_eq!(early.start_of_second().millis(), -1_000);
    }

    #[test]
    fn whole_milliseconds_remain_whole() {
        let at = Timestamp::from_millis(5) + Duration::from_nanos(1_999_999);
        assert_eq!(at, Timestamp::from_millis(6));
        assert_eq!(at - Duration::from_micros(1_500), Timestamp::from_millis(5));
        assert_eq!(Timestamp::from_micros(5_007) + seconds(1), Timestamp::from_micros(1_005_007));
        assert_eq!((at + seconds(2)).seconds_since(at.next_instant()), 1);
    }

    #[test]
    fn stored_json_is_milliseconds_or_a_text() {
        for (at, json) in [
            (Timestamp::from_millis(1_500), "1500"),
            (Timestamp::from_millis(-1), "-1"),
            (Timestamp::from_micros(1_500_001), "\"1970-01-01T00:00:01.500001Z\""),
        ] {
            assert_eq!(serde_json::to_string(&at).unwrap(), json);
            assert_eq!(serde_json::from_str::<Timestamp>(json).unwrap(), at);
        }
        assert!(serde_json::from_str::<Timestamp>("\"soon\"").is_err());
    }

    #[test]
    fn a_column_stores_milliseconds_or_microseconds() {
        let at = Timestamp::from_micros(1_500_001);
        assert_eq!(sea_orm::Value::from(at), sea_orm::Value::from(1_500_i64));
        assert_eq!(sea_orm::Value::from(Micros(at)), sea_orm::Value::from(1_500_001_i64));
    }

    #[test]
    fn an_instant_of_the_api_is_written_as_it_was_read() {
        for text in
            ["2026-11-23T08:00:00Z", "2026-11-23T08:00:00.25Z", "1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59Z"]
        {
            assert_eq!(Timestamp::from_rfc3339(text).map(|at| at.to_string()).as_deref(), Some(text));
        }
        for (text, answered) in [
            ("2026-11-23T16:00:00+08:00", "2026-11-23T08:00:00Z"),
            ("2016-12-31T23:59:60Z", "2016-12-31T23:59:59.999Z"),
            ("1969-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.999Z"),
        ] {
            let at = Timestamp::from_rfc3339(text).map(Timestamp::whole_millis);
            assert_eq!(at.map(|at| at.to_string()).as_deref(), Some(answered), "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999999999Z");
    }
}
