//! What systems say of tickets.

use std::collections::{HashMap, HashSet};

use super::super::decide::{SKEW_MAX, echo_of, is_timely};
use super::super::model::{
    Given, HubEvent, Outcome, REPORTS_MAX, REPORTS_PER_TICKET_MAX, Report, ReportStatuses, Reported, StatusReport,
    System,
};
use super::super::{queries, store};
use super::calling_system;
use super::dossier::{Dossiers, Take};
use crate::event::Event;
use crate::kernel::text::{self, KEY_CHARS_MAX, NAME_CHARS_MAX};
use crate::kernel::{ApiScope, Code, Refusal, ReportId, Result, TicketId, Timestamp, hours, refuse};
use crate::runtime::{Command, Tx};
use crate::tickets;
use crate::tickets::decide::token;
use crate::tickets::model::{Fact, TicketStatus};

const EVENT_ID_CHARS_MAX: usize = 128;

/// A report whose every field is in order.
struct Checked {
    token: String,
    word: String,
    at: Timestamp,
    operator: String,
    event_id: Option<String>,
    cause: Option<String>,
}

fn check(given: &Given, now: Timestamp) -> Result<Checked, Refusal> {
    let Given { token: uuid, word, at, operator, event_id, cause } = given;
    let token = token::parse(uuid).ok_or_else(|| {
        refuse(
            Code::TokenInvalid,
            "uuid",
            "uuid is no ticket token: check it against TKN-XXXXXX-XXXXX, letter by letter.",
            "uuid 不是有效的工单令牌，请逐字核对（格式 TKN-XXXXXX-XXXXX）。",
        )
    })?;
    let word = text::line("status", word, KEY_CHARS_MAX)?;
    let operator = text::line("operator", operator, NAME_CHARS_MAX)?;
    let event_id = event_id.as_deref().map(|id| text::line("eventId", id, EVENT_ID_CHARS_MAX)).transpose()?;
    let cause = cause.as_deref().map(|id| text::line("causeId", id, KEY_CHARS_MAX)).transpose()?;
    if !is_timely(now, *at) {
        let (ahead, max) = (at.seconds_since(now), SKEW_MAX.as_secs());
        return Err(refuse(
            Code::Invalid,
            "timestamp",
            format!(
                "timestamp lies {ahead} s ahead of Buoy's clock ({now}); at most {max} s are allowed: check this system's clock (NTP)."
            ),
            format!("timestamp 比服务器时间（{now}）超前 {ahead} 秒，最多允许 {max} 秒，请检查该系统的时钟（NTP）。"),
        ));
    }
    Ok(Checked { token, word, at: *at, operator, event_id, cause })
}

fn refused(token: &str, refusal: Refusal) -> Reported {
    Reported {
        token: token.to_owned(),
        outcome: Outcome::Refused,
        code: Some(refusal.code),
        message: Some(refusal.message),
        truth: None,
    }
}

fn unknown_token() -> Refusal {
    refuse(
        Code::TokenInvalid,
        "uuid",
        "No ticket has this token: check it letter by letter.",
        "没有使用该令牌的工单，请逐字核对。",
    )
}

impl Command for ReportStatuses {
    const NAME: &'static str = "reportStatuses";
    type Output = Vec<Reported>;

    async fn run(&self, tx: &mut Tx) -> Result<Vec<Reported>> {
        let system = calling_system(tx, ApiScope::Report).await?;
        let Self { reports, sent_at } = self;
        if reports.is_empty() {
            return Err(refuse(Code::Required, "reports", "Give at least one report.", "请至少提供一条上报。").into());
        }
        if reports.len() > REPORTS_MAX {
            let n = reports.len();
            return Err(refuse(
                Code::LimitExceeded,
                "reports",
                format!("{n} reports in one call; at most {REPORTS_MAX} are taken: send several calls."),
                format!("单次上报 {n} 条，最多 {REPORTS_MAX} 条，请分批上报。"),
            )
            .into());
        }
        note_clock(tx, &system, reports, *sent_at).await?;
        let checked: Vec<Result<Checked, Refusal>> = reports.iter().map(|given| check(given, tx.now)).collect();
        let tokens: HashSet<String> = checked.iter().flatten().map(|report| report.token.clone()).collect();
        let ids = tickets::queries::ids_by_tokens(tx.conn(), tokens.into_iter().collect()).await?;
        let names: Vec<String> = checked.iter().flatten().filter_map(|report| report.event_id.clone()).collect();
        let all: Vec<TicketId> = ids.values().copied().collect();
        let mut dossiers = Dossiers::load(tx, &all, Take::All).await?;
        let named = store::reports_named(tx.conn(), system.id, &names).await?;
        let echoed = store::echoes_named(tx.conn(), system.id, &names).await?;
        // Of a correction that was acknowledged long ago the echo comes, too.
        let causes = checked.iter().flatten().filter_map(|report| report.cause.as_deref()?.parse().ok()).collect();
        dossiers.recall(tx, system.id, causes).await?;
        let mut intake = Intake {
            system: &system,
            named: named.into_iter().filter_map(|report| Some((report.event_id.clone()?, report))).collect(),
            echoed: echoed.into_iter().filter_map(|one| Some((one.echo_event?, (one.ticket, one.status)))).collect(),
            unknown: HashSet::new(),
            facts: Vec::new(),
        };
        let mut results: Vec<(Reported, Option<TicketId>)> = Vec::with_capacity(reports.len());
        for (given, checked) in reports.iter().zip(checked) {
            let taken = checked.and_then(|checked| {
                let id = *ids.get(&checked.token).ok_or_else(unknown_token)?;
                intake.take(tx, &mut dossiers, id, checked).map(|outcome| (outcome, id))
            });
            results.push(match taken {
                Ok((outcome, id)) => {
                    let token = given.token.clone();
                    (Reported { token, outcome, code: None, message: None, truth: None }, Some(id))
                }
                Err(refusal) => (refused(&given.token, refusal), None),
            });
        }
        for (result, id) in &mut results {
            result.truth = id.and_then(|id| dossiers.get(id)).map(|dossier| dossier.merge.truth().status);
        }
        let Intake { unknown, facts, .. } = intake;
        tell(tx, &mut dossiers, &system, unknown, facts).await?;
        Box::pin(dossiers.settle(tx)).await?;
        Ok(results.into_iter().map(|(result, _)| result).collect())
    }
}

struct Intake<'s> {
    system: &'s System,
    /// What the system has said by these names of its own.
    named: HashMap<String, StatusReport>,
    /// The corrections that it has repeated by such names.
    echoed: HashMap<String, (TicketId, TicketStatus)>,
    /// Words that its map does not know.
    unknown: HashSet<String>,
    facts: Vec<(TicketId, Fact)>,
}

impl Intake<'_> {
    fn take(&mut self, tx: &Tx, dossiers: &mut Dossiers, id: TicketId, checked: Checked) -> Result<Outcome, Refusal> {
        let Checked { token, word, at, operator, event_id, cause } = checked;
        let dossier = dossiers.get(id).ok_or_else(unknown_token)?;
        if let Some(event_id) = &event_id
            && let Some(said) = self.named.get(event_id)
        {
            let same = (said.ticket, &said.word, said.at, &said.operator) == (id, &word, at, &operator);
            return if same { Ok(Outcome::Duplicate) } else { Err(said_otherwise(event_id)) };
        }
        let known = self.system.word(&word);
        let status = known.map(|known| known.status);
        if let Some(event_id) = &event_id
            && let Some(echoed) = self.echoed.get(event_id)
        {
            let same = Some(*echoed) == status.map(|status| (id, status));
            return if same { Ok(Outcome::Duplicate) } else { Err(said_otherwise(event_id)) };
        }
        let corrections = dossier.echoed(self.system.id, cause.is_some());
        let echo = echo_of(cause.as_deref(), status, tx.now, &corrections).map(|one| (one.id, one.status));
        match (echo, &cause) {
            (Some((correction, status)), _) => {
                if dossier.acknowledge(correction, event_id.clone()) {
                    let fact = Fact::CorrectionAcknowledged { system: self.system.key.clone(), status };
                    self.facts.push((id, fact));
                }
                let agrees = dossier.merge.truth().status == status;
                self.echoed.extend(event_id.map(|event_id| (event_id, (id, status))));
                return Ok(if agrees { Outcome::Agreed } else { Outcome::Stale });
            }
            (None, Some(cause)) => return Err(no_such_cause(cause)),
            (None, None) => {}
        }
        if dossier.merge.entries().len() >= REPORTS_PER_TICKET_MAX {
            return Err(refuse(
                Code::LimitExceeded,
                "uuid",
                format!("This ticket has {REPORTS_PER_TICKET_MAX} reports; no more are kept."),
                format!("该工单的上报已达 {REPORTS_PER_TICKET_MAX} 条上限。"),
            ));
        }
        let (reopens, rank) = (known.is_some_and(|known| known.reopens), self.system.rank);
        let digest =
            Report { system: &self.system.key, token: &token, word: &word, event_id: event_id.as_deref(), at }.digest();
        let report = StatusReport {
            id: ReportId(tx.new_uuid()),
            ticket: id,
            system: Some(self.system.id),
            rank,
            word: word.clone(),
            status,
            reopens,
            by_person: false,
            at,
            received_at: tx.now,
            operator,
            event_id: event_id.clone(),
            digest,
            // As it turns out.
            outcome: Outcome::Stale,
        };
        let outcome = dossier.insert(report.clone(), self.system);
        if outcome == Outcome::Duplicate {
            return Ok(outcome);
        }
        if let Some(event_id) = event_id {
            self.named.insert(event_id, report);
        }
        if outcome == Outcome::UnknownWord {
            self.unknown.insert(word.clone());
        }
        let system = self.system.key.clone();
        self.facts.push((id, Fact::StatusReported { system, word, status, outcome: outcome.word().to_owned() }));
        Ok(outcome)
    }
}

fn said_otherwise(event_id: &str) -> Refusal {
    refuse(
        Code::IdempotencyMismatch,
        "eventId",
        format!("This system has reported something else as {event_id}: use a new eventId for a new event."),
        format!("该系统已用 {event_id} 上报过其他内容，新的事件请使用新的 eventId。"),
    )
}

fn no_such_cause(cause: &str) -> Refusal {
    refuse(
        Code::NotFound,
        "causeId",
        format!(
            "{cause} is no correction of this ticket for this system that still matters: leave it out to report something new."
        ),
        format!("{cause} 不是发给该系统的、仍有效的工单更正；如需上报新状态，请不要填写 causeId。"),
    )
}

async fn tell(
    tx: &mut Tx,
    dossiers: &mut Dossiers,
    system: &System,
    unknown: HashSet<String>,
    facts: Vec<(TicketId, Fact)>,
) -> Result<()> {
    for (id, fact) in facts {
        let Some(ticket) = dossiers.get(id).map(|dossier| dossier.ticket.clone()) else { continue };
        tickets::commands::note_of(tx, &ticket, fact).await?;
    }
    for word in unknown {
        if !store::has_said(tx.conn(), system.id, &word).await? {
            let event = HubEvent::UnknownWord { system: system.id, key: system.key.clone(), word };
            tx.record(Event::Hub(event)).await?;
        }
    }
    Ok(())
}

/// A clock that is seen anew is noted where it differs from what was known by so much, or after so long.
const CLOCK_MOVED_MILLIS: i64 = 500;

/// How far the system's clock runs ahead: by what it says itself, or by its latest report, which cannot lie ahead of it.
async fn note_clock(tx: &Tx, system: &System, reports: &[Given], sent_at: Option<Timestamp>) -> Result<()> {
    let latest = reports.iter().map(|given| given.at).max();
    let Some(at) = sent_at.or(latest) else { return Ok(()) };
    let seen = at.millis() - tx.now.millis();
    let (known, old) = (system.clock_offset_millis, system.clock_seen_at.is_none_or(|at| at + hours(1) <= tx.now));
    let better = match known {
        None => true,
        // A report may have waited: only one that lies further ahead says more, until what is known has grown old.
        Some(known) if sent_at.is_none() => old || seen > known + CLOCK_MOVED_MILLIS,
        Some(known) => old || (seen - known).abs() > CLOCK_MOVED_MILLIS,
    };
    if better {
        store::note_clock(tx.conn(), system.id, seen, tx.now).await?;
        queries::forget(tx.app());
    }
    Ok(())
}

/// Tickets that are folded anew at a time, where words are known now that were not.
const REFOLD_MAX: u64 = 100;

/// One step of making the fold anew where words are known now; whether there is more.
pub(super) async fn refold(tx: &mut Tx, system: &System) -> Result<bool> {
    let words: Vec<String> = system.words.iter().map(|word| word.word.clone()).collect();
    let ids = store::tickets_with_unknown(tx.conn(), system.id, &words, REFOLD_MAX).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    // Nobody reports on them meanwhile.
    tickets::commands::take(tx, &ids).await?;
    for word in &system.words {
        store::define_word(tx.conn(), &ids, system.id, &word.word, word.status, word.reopens).await?;
    }
    let reports = store::reports_of(tx.conn(), &ids).await?;
    let mut dossiers = Dossiers::load(tx, &ids, Take::All).await?;
    for id in &ids {
        if let Some(dossier) = dossiers.get(*id) {
            let of: Vec<StatusReport> = reports.iter().filter(|report| report.ticket == *id).cloned().collect();
            dossier.hold_anew(&of);
        }
    }
    Box::pin(dossiers.settle(tx)).await?;
    Ok(ids.len() as u64 == REFOLD_MAX)
}
