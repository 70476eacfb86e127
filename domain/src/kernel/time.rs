//! Instants in whole milliseconds (stored as integers on both engines), and the clock, which tests can control.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::rfc3339;

/// An instant: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    pub const fn millis(self) -> i64 {
        self.0
    }

    /// An instant in any of the forms that files have, such as one with a space before the time. What comes by the API is
    /// read by [`Self::from_rfc3339`].
    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// An instant exactly as RFC 3339 writes it.
    pub fn from_rfc3339(text: &str) -> Option<Self> {
        let since_epoch = rfc3339::parse(text)?;
        i64::try_from(since_epoch.as_nanos().div_euclid(1_000_000)).ok().map(Self::from_millis)
    }

    /// Whole seconds since `earlier`; 0 if that is in the future.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0) / 1000
    }

    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let instant = self.to_jiff();
        // The library's instants end a day before the format's.
        if instant == jiff::Timestamp::MAX {
            f.write_str(&rfc3339::format(jiff::SignedDuration::from_millis(self.millis())))
        } else {
            instant.fmt(f)
        }
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl From<Timestamp> for sea_orm::Value {
    fn from(at: Timestamp) -> Self {
        at.0.into()
    }
}

impl sea_orm::TryGetable for Timestamp {
    fn try_get_by<I: sea_orm::ColIdx>(row: &sea_orm::QueryResult, index: I) -> Result<Self, sea_orm::TryGetError> {
        <i64 as sea_orm::TryGetable>::try_get_by(row, index).map(Timestamp)
    }
}

impl sea_orm::sea_query::ValueType for Timestamp {
    fn try_from(value: sea_orm::Value) -> Result<Self, sea_orm::sea_query::ValueTypeErr> {
        <i64 as sea_orm::sea_query::ValueType>::try_from(value).map(Timestamp)
    }
    fn type_name() -> String {
        "Timestamp".to_owned()
    }
    fn array_type() -> sea_orm::sea_query::ArrayType {
        <i64 as sea_orm::sea_query::ValueType>::array_type()
    }
    fn column_type() -> sea_orm::sea_query::ColumnType {
        sea_orm::sea_query::ColumnType::BigInteger
    }
}

impl sea_orm::TryFromU64 for Timestamp {
    fn try_from_u64(_: u64) -> Result<Self, sea_orm::DbErr> {
        Err(sea_orm::DbErr::ConvertFromU64("Timestamp"))
    }
}

impl sea_orm::sea_query::Nullable for Timestamp {
    fn null() -> sea_orm::Value {
        <i64 as sea_orm::sea_query::Nullable>::null()
    }
}

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
        Timestamp(jiff::Timestamp::now().as_millisecond())
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
                let left = until.0 - self.now().0;
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(SLEEP_MAX)).await;
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
            assert_eq!(Timestamp::from_rfc3339(text).map(|at| at.to_string()).as_deref(), Some(answered), "{text}");
        }
        assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999999999Z");
    }
}
