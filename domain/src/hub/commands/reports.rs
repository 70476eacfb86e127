//! Status reports of systems.

use std::collections::HashSet;

use super::super::decide::{Ingestion, ValidReport, clock_offset, unknown_token, validate};
use super::super::model::{
    HubEvent, HubFact, Outcome, REPORTS_MAX, ReportResult, ReportStatuses, Settings, StatusReport, System,
};
use super::super::{queries, store};
use super::calling_system;
use super::ticket_sync::{LoadScope, TicketSyncBatch};
use crate::kernel::{ApiScope, Code, Refusal, Result, TicketId, boxed, refuse};
use crate::msg;
use crate::runtime::{Command, Tx};
use crate::tickets;

fn refused_result(index: usize, token: &str, refusal: Refusal) -> ReportResult {
    ReportResult {
        index,
        token: token.to_owned(),
        outcome: Outcome::Refused,
        code: Some(refusal.code),
        message: Some(refusal.message),
        truth: None,
    }
}

impl Command for ReportStatuses {
    const NAME: &'static str = "reportStatuses";
    type Output = Vec<ReportResult>;

    #[boxed]
    async fn run(&self, tx: &mut Tx) -> Result<Vec<ReportResult>> {
        let system = calling_system(tx, ApiScope::Report).await?;
        let Self { reports, sent_at } = self;
        if reports.is_empty() {
            return Err(refuse(Code::Required, "reports", msg!("hub-report-required")).into());
        }
        if reports.len() > REPORTS_MAX {
            let n = reports.len();
            return Err(refuse(
                Code::LimitExceeded,
                "reports",
                msg!("hub-reports-too-many", count = n, max = REPORTS_MAX),
            )
            .into());
        }
        if let Some(offset) = clock_offset(&system, *sent_at, tx.now) {
            store::save_clock_offset(tx.conn(), system.id, offset, tx.now).await?;
            queries::invalidate_systems(tx.app());
        }
        let skew_max = tx.app().state::<Settings>().skew_max();
        let valid = reports.iter().enumerate().map(|(index, given)| validate(given, index, tx.now, skew_max));
        let valid: Vec<Result<ValidReport, Refusal>> = valid.collect();
        let tokens: HashSet<String> = valid.iter().flatten().map(|report| report.token.clone()).collect();
        let ids = tickets::queries::ids_by_tokens(tx.conn(), tokens.into_iter().collect()).await?;
        let event_ids: Vec<String> = valid.iter().flatten().filter_map(|report| report.event_id.clone()).collect();
        let all: Vec<TicketId> = ids.values().copied().collect();
        let mut batch = TicketSyncBatch::load(tx, &all, LoadScope::All).await?;
        let by_event_id = store::reports_by_event_id(tx.conn(), system.id, &event_ids).await?;
        let echoes = store::corrections_by_echo_event(tx.conn(), system.id, &event_ids).await?;
        // A report may also name a correction that was acknowledged long ago.
        let causes = valid.iter().flatten().filter_map(|report| report.cause.as_deref()?.parse().ok()).collect();
        batch.load_corrections(tx, system.id, causes).await?;
        let mut ingestion =
            Ingestion::new(&system, tx.now, tx.app().state::<Settings>().echo_within(), by_event_id, echoes);
        let mut results: Vec<(ReportResult, Option<TicketId>)> = Vec::with_capacity(reports.len());
        for (index, (given, valid)) in reports.iter().zip(valid).enumerate() {
            let ingested = valid.and_then(|valid| {
                let sync = ids.get(&valid.token).and_then(|id| batch.get(*id)).ok_or_else(unknown_token)?;
                ingestion.ingest(sync, valid, &|| tx.new_uuid()).map(|outcome| (outcome, sync.ticket_id()))
            });
            results.push(match ingested {
                Ok((outcome, id)) => {
                    let token = given.token.clone();
                    (ReportResult { index, token, outcome, code: None, message: None, truth: None }, Some(id))
                }
                Err(refusal) => (refused_result(index, &given.token, refusal), None),
            });
        }
        for (result, id) in &mut results {
            result.truth = id.and_then(|id| batch.get(id)).map(|sync| sync.truth());
        }
        let Ingestion { unmapped, facts, .. } = ingestion;
        record_facts(tx, &batch, &system, unmapped, facts).await?;
        batch.save(tx).await?;
        Ok(results.into_iter().map(|(result, _)| result).collect())
    }
}

async fn record_facts(
    tx: &mut Tx,
    batch: &TicketSyncBatch,
    system: &System,
    unmapped: HashSet<String>,
    facts: Vec<(TicketId, HubFact)>,
) -> Result<()> {
    for (id, fact) in facts {
        let Some(ticket) = batch.ticket(id) else { continue };
        tickets::commands::append_fact_to(tx, ticket, fact.into()).await?;
    }
    for source_status in unmapped {
        if !store::has_unmapped_report(tx.conn(), system.id, &source_status).await? {
            let event = HubEvent::UnknownWord { system: system.id, key: system.key.clone(), word: source_status };
            tx.record(event).await?;
        }
    }
    Ok(())
}

/// Tickets rebuilt at a time after a change of a status map.
const REBUILD_MAX: u64 = 100;

/// Rebuilds some tickets whose reports use statuses that are mapped only now; returns whether there are more.
pub(super) async fn rebuild(tx: &mut Tx, system: &System) -> Result<bool> {
    let mapped: Vec<String> = system.status_map.iter().map(|mapping| mapping.source_status.clone()).collect();
    let ids = store::tickets_with_unmapped(tx.conn(), system.id, &mapped, REBUILD_MAX).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    // Locks the tickets: no report is added meanwhile.
    tickets::commands::load_for_update(tx, &ids).await?;
    for mapping in &system.status_map {
        store::apply_mapping(tx.conn(), &ids, system.id, mapping).await?;
    }
    let reports = store::reports_of(tx.conn(), &ids).await?;
    let mut batch = TicketSyncBatch::load(tx, &ids, LoadScope::All).await?;
    for id in &ids {
        if let Some(sync) = batch.get(*id) {
            let of: Vec<StatusReport> = reports.iter().filter(|report| report.ticket == *id).cloned().collect();
            sync.reapply_mapping(&of);
        }
    }
    batch.save(tx).await?;
    Ok(ids.len() as u64 == REBUILD_MAX)
}
