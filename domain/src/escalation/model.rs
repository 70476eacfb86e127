//! Policies, levels, and what a rehearsal finds.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::{TicketId, Timestamp, UserId, hours, words};
use crate::notifications::model::Channel;
use crate::runtime::Shelf;
use crate::tickets::model::Priority;

words! {
    /// By which time levels are measured.
    Measure {
        AroundTheClock = "AROUND_THE_CLOCK",
        /// The assignee's.
        WorkingHours = "WORKING_HOURS",
    }
}

words! {
    State {
        Planned = "PLANNED",
        Fired = "FIRED",
        /// A higher level fired in its place, after downtime.
        Skipped = "SKIPPED",
        /// Somebody answered before.
        Stopped = "STOPPED",
    }
}

/// The highest level: here the ticket is given to somebody else.
pub const LEVEL_MAX: i32 = 3;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    pub level: i32,
    pub after_secs: u64,
    pub channels: Vec<Channel>,
}

impl Level {
    pub const fn after(&self) -> Duration {
        Duration::from_secs(self.after_secs)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub priority: Priority,
    pub version: i32,
    pub measure: Measure,
    /// In their order.
    pub levels: Vec<Level>,
}

#[derive(Clone, Debug, Serialize)]
pub struct SavePolicy {
    pub priority: Priority,
    pub measure: Measure,
    pub levels: Vec<LevelGiven>,
}

/// A level as somebody writes it.
#[derive(Clone, Debug, Serialize)]
pub struct LevelGiven {
    pub level: i32,
    pub after_secs: i32,
    pub channels: Vec<Channel>,
}

/// A level of an epoch of a ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escalation {
    pub ticket: TicketId,
    pub epoch: i32,
    pub level: i32,
    /// Whose answer it waits for; `None`: anybody's.
    pub watched: Option<UserId>,
    /// Measured from here.
    pub since: Timestamp,
    pub due_at: Timestamp,
    pub state: State,
    pub fired_at: Option<Timestamp>,
    pub priority: Priority,
    pub policy_version: i32,
    pub channels: Vec<Channel>,
    /// Nobody was eligible: it is tried again when the roster changes.
    pub retry: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum EscalationEvent {
    PolicySaved { priority: Priority, version: i32 },
}

/// An administrator's choices.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What nobody opened for so long is marked.
    pub unopened_after: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { unopened_after: hours(48) }
    }
}

/// The newest policies, in memory.
pub struct Policies(pub(super) Shelf<(), Arc<Vec<Policy>>>);

impl Default for Policies {
    fn default() -> Self {
        Self(Shelf::new(1))
    }
}

impl Policies {
    pub fn forget(&self) {
        self.0.forget_all();
    }
}

/// How late levels fired, since this process began: seconds up to each of [`LATENESS_SECS`], and beyond.
#[derive(Debug, Default)]
pub struct Lateness {
    buckets: [AtomicU64; LATENESS_SECS.len() + 1],
    sum_millis: AtomicU64,
}

pub const LATENESS_SECS: [f64; 8] = [0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 600.0, 3_600.0];

impl Lateness {
    pub fn observe(&self, late: Duration) {
        let place = LATENESS_SECS.partition_point(|edge| *edge < late.as_secs_f64());
        self.buckets[place].fetch_add(1, Ordering::Relaxed);
        self.sum_millis.fetch_add(u64::try_from(late.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts of the buckets, and the sum of all in seconds.
    pub fn read(&self) -> (Vec<u64>, f64) {
        let counts = self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).collect();
        (counts, Duration::from_millis(self.sum_millis.load(Ordering::Relaxed)).as_secs_f64())
    }
}

/// What a rehearsal found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub kind: FindingKind,
    pub level: Option<i32>,
    pub user: Option<UserId>,
    pub skill: Option<String>,
}

words! {
    FindingKind {
        /// Nobody is told at a level.
        EmptyLevel = "EMPTY_LEVEL",
        /// A level reaches this person by none of its channels.
        UnreachablePerson = "UNREACHABLE_PERSON",
        /// Their level 2 has no supervisor.
        NoSupervisor = "NO_SUPERVISOR",
        /// One person only has this skill: level 3 finds nobody else.
        SingleSkillHolder = "SINGLE_SKILL_HOLDER",
        /// A level goes by a channel for which no sender is configured.
        NoSender = "NO_SENDER",
    }
}

/// A level of a rehearsal, on a virtual clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsed {
    pub level: i32,
    pub due_at: Option<Timestamp>,
    /// Who would be told, of all whose ticket it might be.
    pub reached: u64,
    pub of: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rehearsal {
    pub levels: Vec<Rehearsed>,
    pub findings: Vec<Finding>,
}
