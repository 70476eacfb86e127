//! Which reports of a system are valid, and what each of them means.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use uuid::Uuid;

use super::{TicketSync, echo_of, is_timely};
use crate::hub::model::{
    Correction, HubFact, Outcome, REPORTS_PER_TICKET_MAX, Report, ReportInput, ReportTime, StatusReport, System,
};
use crate::kernel::text::{self, KEY_CHARS_MAX, NAME_CHARS_MAX};
use crate::kernel::{Code, Refusal, ReportId, TicketId, Timestamp, hours, refuse};
use crate::msg;
use crate::tickets::decide::token;
use crate::tickets::model::TicketStatus;

const EVENT_ID_CHARS_MAX: usize = 128;

/// A report whose fields are valid.
pub struct ValidReport {
    /// In its batch, from 0.
    pub position: u32,
    pub token: String,
    pub source_status: String,
    pub at: Timestamp,
    pub operator: String,
    pub event_id: Option<String>,
    pub cause: Option<String>,
}

pub fn validate(
    given: &ReportInput,
    position: usize,
    now: Timestamp,
    skew_max: Duration,
) -> Result<ValidReport, Refusal> {
    let ReportInput { token: uuid, source_status, at, operator, event_id, cause } = given;
    let token = token::parse(uuid).ok_or_else(|| refuse(Code::TokenInvalid, "uuid", msg!("hub-token-malformed")))?;
    let source_status = text::line("status", source_status, KEY_CHARS_MAX)?;
    let operator = text::line("operator", operator, NAME_CHARS_MAX)?;
    let event_id = event_id.as_deref().map(|id| text::line("eventId", id, EVENT_ID_CHARS_MAX)).transpose()?;
    let cause = cause.as_deref().map(|id| text::line("causeId", id, KEY_CHARS_MAX)).transpose()?;
    let at = match at {
        ReportTime::Instant(at) => *at,
        ReportTime::Malformed(given) => {
            let given: String = given.chars().take(KEY_CHARS_MAX).collect();
            return Err(refuse(Code::Invalid, "timestamp", msg!("hub-timestamp-malformed", timestamp = given)));
        }
    };
    if !is_timely(now, at, skew_max) {
        let (ahead, max) = (at.seconds_since(now), skew_max.as_secs());
        return Err(refuse(
            Code::Invalid,
            "timestamp",
            msg!("hub-timestamp-ahead", seconds = ahead, now = now, seconds_max = max),
        ));
    }
    let position = u32::try_from(position).unwrap_or(u32::MAX);
    Ok(ValidReport { position, token, source_status, at, operator, event_id, cause })
}

pub fn unknown_token() -> Refusal {
    refuse(Code::TokenInvalid, "uuid", msg!("hub-token-unknown"))
}

/// What one call of `reportStatuses` knows of its system and collects.
pub struct Ingestion<'s> {
    system: &'s System,
    now: Timestamp,
    /// A report that repeats a correction within this time after it was sent is its echo.
    echo_within: Duration,
    /// Reports of the system with these event ids.
    by_event_id: HashMap<String, StatusReport>,
    /// Corrections that reports with these event ids acknowledged.
    echoes: HashMap<String, (TicketId, TicketStatus)>,
    /// Source statuses that its status map does not contain.
    pub unmapped: HashSet<String>,
    pub facts: Vec<(TicketId, HubFact)>,
}

impl<'s> Ingestion<'s> {
    /// `reports`, `acknowledged`: what the system reported, or acknowledged by a report, with one of the given event ids.
    pub fn new(
        system: &'s System,
        now: Timestamp,
        echo_within: Duration,
        reports: Vec<StatusReport>,
        acknowledged: Vec<Correction>,
    ) -> Self {
        let by_event_id = reports.into_iter().filter_map(|report| Some((report.event_id.clone()?, report)));
        let echoes = acknowledged.into_iter().filter_map(|one| Some((one.echo_event?, (one.ticket, one.status))));
        Self {
            system,
            now,
            echo_within,
            by_event_id: by_event_id.collect(),
            echoes: echoes.collect(),
            unmapped: HashSet::new(),
            facts: Vec::new(),
        }
    }

    /// Decides what a report of a ticket is: a repetition, an acknowledgement, or a new report.
    pub fn ingest(
        &mut self,
        sync: &mut TicketSync,
        report: ValidReport,
        new_id: &impl Fn() -> Uuid,
    ) -> Result<Outcome, Refusal> {
        let ValidReport { position, token, source_status, at, operator, event_id, cause } = report;
        let id = sync.ticket_id();
        if let Some(event_id) = &event_id
            && let Some(earlier) = self.by_event_id.get(event_id)
        {
            let same = (earlier.ticket, &earlier.source_status, &earlier.operator) == (id, &source_status, &operator)
                && is_same_instant(earlier.at, at);
            return if same { Ok(Outcome::Duplicate) } else { Err(event_id_reused(event_id)) };
        }
        let mapping = self.system.mapping_of(&source_status);
        let status = mapping.map(|mapping| mapping.status);
        if let Some(event_id) = &event_id
            && let Some(echoed) = self.echoes.get(event_id)
        {
            let same = Some(*echoed) == status.map(|status| (id, status));
            return if same { Ok(Outcome::Duplicate) } else { Err(event_id_reused(event_id)) };
        }
        let corrections = sync.echo_candidates(self.system.id, cause.is_some());
        let echo = echo_of(cause.as_deref(), status, self.now, &corrections, self.echo_within);
        let echo = echo.map(|one| (one.id, one.status));
        match (echo, &cause) {
            (Some((correction, status)), _) => {
                if sync.acknowledge(correction, event_id.clone()) {
                    let fact = HubFact::CorrectionAcknowledged { system: self.system.key.clone(), status };
                    self.facts.push((id, fact));
                }
                let agrees = sync.truth() == status;
                self.echoes.extend(event_id.map(|event_id| (event_id, (id, status))));
                return Ok(if agrees { Outcome::Agreed } else { Outcome::Stale });
            }
            (None, Some(cause)) => return Err(no_such_cause(cause)),
            (None, None) => {}
        }
        if sync.report_count() >= REPORTS_PER_TICKET_MAX {
            return Err(refuse(
                Code::LimitExceeded,
                "uuid",
                msg!("hub-ticket-reports-too-many", max = REPORTS_PER_TICKET_MAX),
            ));
        }
        let (reopens, rank) = (mapping.is_some_and(|mapping| mapping.reopens), self.system.rank);
        let digest = Report {
            system: &self.system.key,
            token: &token,
            source_status: &source_status,
            event_id: event_id.as_deref(),
            at,
        }
        .digest();
        let report = StatusReport {
            id: ReportId(new_id()),
            ticket: id,
            system: Some(self.system.id),
            rank,
            position,
            source_status: source_status.clone(),
            status,
            reopens,
            by_person: false,
            at,
            received_at: self.now,
            operator,
            event_id: event_id.clone(),
            digest,
            // Set by `insert`.
            outcome: Outcome::Stale,
        };
        let outcome = sync.insert(report.clone(), self.system);
        if outcome == Outcome::Duplicate {
            return Ok(outcome);
        }
        if let Some(event_id) = event_id {
            self.by_event_id.insert(event_id, report);
        }
        if outcome == Outcome::UnmappedStatus {
            self.unmapped.insert(source_status.clone());
        }
        let system = self.system.key.clone();
        self.facts.push((
            id,
            HubFact::StatusReported { system, word: source_status, status, outcome: outcome.as_str().to_owned() },
        ));
        Ok(outcome)
    }
}

/// Whether a stored instant is the given one. Reports of older programs were stored in milliseconds.
fn is_same_instant(stored: Timestamp, given: Timestamp) -> bool {
    stored == given || stored == given.whole_millis()
}

fn event_id_reused(event_id: &str) -> Refusal {
    refuse(Code::IdempotencyMismatch, "eventId", msg!("hub-event-id-reused", event_id = event_id))
}

fn no_such_cause(cause: &str) -> Refusal {
    refuse(Code::NotFound, "causeId", msg!("hub-cause-not-found", cause = cause))
}

/// A measured clock offset is saved if it differs from the saved one by more than this, or if that one is an hour old.
const CLOCK_CHANGE_MILLIS: i64 = 500;

/// How far the system's clock is ahead, in milliseconds, by the time at which it sent the call. Reports without that time say nothing
/// of its clock: they may have waited. `None`: the saved offset stays.
pub fn clock_offset(system: &System, sent_at: Option<Timestamp>, now: Timestamp) -> Option<i64> {
    let measured = sent_at?.millis() - now.millis();
    let is_old = system.clock_seen_at.is_none_or(|at| at + hours(1) <= now);
    let has_changed = system.clock_offset_millis.is_none_or(|saved| (measured - saved).abs() > CLOCK_CHANGE_MILLIS);
    (is_old || has_changed).then_some(measured)
}
