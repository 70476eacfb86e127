//! Instants in whole milliseconds (stored as integers on both engines) and the clock that a test may hold.

use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

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

    pub fn parse(text: &str) -> Option<Self> {
        let instant: jiff::Timestamp = text.parse().ok()?;
        Some(Self(instant.as_millisecond()))
    }

    /// Whole seconds since `earlier`, 0 where that lies ahead.
    pub fn seconds_since(self, earlier: Self) -> i64 {
        (self.0 - earlier.0).max(0) / 1000
    }

    pub fn to_jiff(self) -> jiff::Timestamp {
        jiff::Timestamp::from_millisecond(self.0).unwrap_or(jiff::Timestamp::MAX)
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_jiff().fmt(f)
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

pub const fn minutes(n: u64) -> Duration {
    seconds(n * 60)
}

pub const fn hours(n: u64) -> Duration {
    minutes(n * 60)
}

pub const fn days(n: u64) -> Duration {
    hours(n * 24)
}

/// The one place where time comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Time since some instant of this process: nobody can set it.
    fn steady(&self) -> Duration;
    /// Resolves once `steady() >= until`.
    fn sleep_until_steady(&self, until: Duration) -> BoxFuture<'_, ()>;
    /// Resolves once `now() >= until`.
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()>;
}

/// The machine's clock.
pub struct SystemClock;

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// The machine's clock may be set while somebody sleeps: nobody sleeps longer than this without another look.
const LONGEST_SLEEP: Duration = seconds(30);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_millisecond())
    }

    fn steady(&self) -> Duration {
        BEGAN.elapsed()
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until_steady(&self, until: Duration) -> BoxFuture<'_, ()> {
        Box::pin(tokio::time::sleep(until.saturating_sub(self.steady())))
    }

    #[expect(clippy::disallowed_methods, reason = "this is the clock")]
    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            loop {
                let left = until.0 - self.now().0;
                let Ok(left @ 1..) = u64::try_from(left) else { return };
                tokio::time::sleep(Duration::from_millis(left).min(LONGEST_SLEEP)).await;
            }
        })
    }
}

/// A clock in somebody's hand: it stands still until it is advanced.
pub struct ManualClock {
    now: watch::Sender<Timestamp>,
    steady: watch::Sender<Duration>,
    // Serialises `advance`, so that two hands never turn it back.
    hand: Mutex<()>,
}

impl ManualClock {
    pub fn at(now: Timestamp) -> Self {
        Self { now: watch::Sender::new(now), steady: watch::Sender::new(Duration::ZERO), hand: Mutex::new(()) }
    }

    pub fn advance(&self, by: Duration) {
        let _hand = self.hand.lock();
        self.now.send_modify(|now| *now = *now + by);
        self.steady.send_modify(|steady| *steady += by);
    }

    /// Somebody sets it; no time passes.
    pub fn set(&self, now: Timestamp) {
        let _hand = self.hand.lock();
        self.now.send_replace(now);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.now.borrow()
    }

    fn steady(&self) -> Duration {
        *self.steady.borrow()
    }

    fn sleep_until_steady(&self, until: Duration) -> BoxFuture<'_, ()> {
        let mut steady = self.steady.subscribe();
        Box::pin(async move {
            // The sender lives in self, as below.
            let _ = steady.wait_for(|steady| *steady >= until).await;
        })
    }

    fn sleep_until(&self, until: Timestamp) -> BoxFuture<'_, ()> {
        let mut now = self.now.subscribe();
        Box::pin(async move {
            // The sender lives in self: waiting ends only by reaching `until`.
            let _ = now.wait_for(|now| *now >= until).await;
        })
    }
}

/// A span of time as people read it, for messages ("2 h 5 min").
pub fn spoken(duration: SignedDuration) -> String {
    let minutes = duration.as_secs() / 60;
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{} s", duration.as_secs()),
        (0, m) => format!("{m} min"),
        (h, 0) => format!("{h} h"),
        (h, m) => format!("{h} h {m} min"),
    }
}

/// The time zone of an IANA name, from the machine's database or the one built in.
pub fn zone(name: &str) -> Option<jiff::tz::TimeZone> {
    jiff::tz::TimeZone::get(name).ok()
}
