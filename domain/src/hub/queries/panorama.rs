//! 客户工单全景视图: the status of one ticket in every system.

use std::collections::HashMap;

use super::super::decide::{StatusFold, colour};
use super::super::model::{BUOY, Colour, Correction, Digest, Settings, StatusReport, SystemState};
use super::super::store;
use super::systems;
use crate::kernel::text::has_no_control_chars;
use crate::kernel::{Error, ReportId, Result, Role, TicketId, Timestamp, boxed};
use crate::msg;
use crate::runtime::Ctx;
use crate::tickets::decide::token;
use crate::tickets::model::{Access, TicketStatus, View};
use crate::tickets::queries::{self as tickets, TicketKey};

pub struct Panorama {
    pub view: View,
    /// The authoritative status of the ticket.
    pub truth: TicketStatus,
    pub colour: Colour,
    pub systems: Vec<SystemView>,
    pub conflicts: Vec<ConflictView>,
    /// Reports of systems, newest first in the total order.
    pub history: Vec<SourcedReport>,
    /// Local changes, newest first.
    pub changes: Vec<SourcedReport>,
    pub corrections: Vec<(String, Correction)>,
}

/// A report, and the key of its system.
#[derive(Clone)]
pub struct SourcedReport {
    pub system: String,
    pub report: StatusReport,
}

pub struct SystemView {
    pub system: String,
    pub external_id: Option<String>,
    pub source_status: Option<String>,
    pub status: Option<TicketStatus>,
    pub reported_at: Option<Timestamp>,
    pub agrees: bool,
    pub acknowledged: bool,
    /// Its open correction.
    pub correction: Option<Correction>,
}

pub struct ConflictView {
    pub id: ReportId,
    pub from: Timestamp,
    pub to: Timestamp,
    pub reports: Vec<SourcedReport>,
}

/// Finds a ticket by its token, its number, or another system's reference.
async fn find(cx: &Ctx, reference: &str, system: Option<&str>) -> Result<View> {
    let reference = reference.trim();
    if !has_no_control_chars(reference) || reference.is_empty() {
        return Err(Error::not_found());
    }
    if system.is_none() {
        if token::parse(reference).is_some() {
            return tickets::view(cx, TicketKey::Token(reference)).await;
        }
        if let Ok(number) = reference.trim_start_matches('#').parse::<i64>() {
            match tickets::view(cx, TicketKey::Number(number)).await {
                Ok(view) if view.access == Access::Full => return Ok(view),
                Ok(_) => {}
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let mut named = tickets::refs_by_external_id(cx.read(), reference).await?;
    named.retain(|(_, of)| system.is_none_or(|system| system == of));
    let ids: Vec<TicketId> = named.iter().map(|(id, _)| *id).collect();
    let mut views = tickets::views_by_id(cx, ids).await?;
    views.retain(|_, view| view.access == Access::Full);
    if views.len() > 1 {
        let of: Vec<&str> = named.iter().filter(|(id, _)| views.contains_key(id)).map(|(_, of)| of.as_str()).collect();
        let of = of.join(", ");
        return Err(Error::bad_input(msg!("hub-reference-ambiguous", reference = reference, systems = of)));
    }
    views.into_values().next().ok_or_else(Error::not_found)
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Top { code: crate::kernel::TopCode::NotFound, .. })
}

/// Whether the viewer may see reports of systems at all.
fn may_see(cx: &Ctx) -> bool {
    cx.actor.is_staff() || cx.actor.is(Role::ProductManager) || cx.actor.is(Role::Partner)
}

#[boxed]
pub async fn panorama(cx: &Ctx, reference: &str, system: Option<&str>) -> Result<Panorama> {
    if cx.actor.user_id().is_none() {
        return Err(Error::unauthenticated());
    }
    if !may_see(cx) {
        return Err(Error::forbidden());
    }
    let view = find(cx, reference, system).await?;
    if view.access != Access::Full {
        return Err(Error::not_found());
    }
    let (id, conn) = (view.ticket.id, cx.read());
    let known = systems(&cx.app).await?;
    let key = |of: Option<crate::kernel::SystemId>| {
        of.and_then(|id| known.get(&id)).map_or_else(|| BUOY.to_owned(), |system| system.key.clone())
    };
    let reports = store::reports_of(conn, &[id]).await?;
    let fold = StatusFold::from_entries(
        reports
            .iter()
            .map(|report| report.entry(report.system.is_some().then(|| key(report.system)).as_deref()))
            .collect(),
        view.ticket.times.created_at,
    );
    let by_key: HashMap<(Timestamp, Digest), &StatusReport> =
        reports.iter().map(|report| ((report.at, report.digest), report)).collect();
    // In the total order.
    let ordered: Vec<SourcedReport> = fold
        .entries()
        .iter()
        .filter_map(|entry| by_key.get(&(entry.at, entry.digest)))
        .map(|report| SourcedReport { system: key(report.system), report: (*report).clone() })
        .collect();
    let truth = fold.truth();
    let status = if truth.by.is_some() { truth.status } else { view.ticket.status };
    let system_states = store::system_states_of(conn, &[id]).await?;
    let corrections = store::all_corrections_of(conn, id).await?;
    let refs = tickets::refs_of(conn, id).await?;
    let mut system_views: Vec<SystemView> = system_states
        .iter()
        .filter_map(|state| Some((state, known.get(&state.system)?)))
        .map(|(state, system)| {
            let SystemState { report, correction: acknowledged, status: current, .. } = state;
            let latest = report.and_then(|report| reports.iter().find(|one| one.id == report));
            let open = corrections.iter().rfind(|one| one.system == system.id && one.is_open()).cloned();
            let source_status = match acknowledged {
                Some(_) => current.and_then(|status| system.source_status_for(status)).map(str::to_owned),
                None => latest.map(|report| report.source_status.clone()),
            };
            SystemView {
                system: system.key.clone(),
                external_id: refs.iter().find(|one| one.system == system.key).map(|one| one.external_id.clone()),
                source_status,
                status: *current,
                reported_at: latest.map(|report| report.at),
                agrees: *current == Some(status),
                acknowledged: open.is_none(),
                correction: open,
            }
        })
        .collect();
    system_views.sort_by(|a, b| a.system.cmp(&b.system));
    let mut statuses: Vec<Option<TicketStatus>> =
        system_states.iter().filter(|state| state.report.is_some()).map(|state| state.status).collect();
    if let Some(local) = fold.local_status() {
        statuses.push(Some(local));
        system_views.push(SystemView {
            system: BUOY.to_owned(),
            external_id: Some(view.ticket.number.to_string()),
            source_status: None,
            status: Some(local),
            reported_at: truth.by.as_ref().map(|by| by.at),
            agrees: true,
            acknowledged: true,
            correction: None,
        });
    }
    let conflicts = fold
        .conflicts(cx.app.state::<Settings>().conflict_within())
        .into_iter()
        .filter_map(|conflict| {
            let in_conflict = |one: &&SourcedReport| {
                (conflict.from..=conflict.to).contains(&one.report.at) && conflict.reports.contains(&one.report.digest)
            };
            let reports: Vec<SourcedReport> = ordered.iter().filter(in_conflict).cloned().collect();
            let id = reports.first()?.report.id;
            Some(ConflictView { id, from: conflict.from, to: conflict.to, reports })
        })
        .collect();
    let (mut history, mut changes): (Vec<SourcedReport>, Vec<SourcedReport>) =
        ordered.into_iter().partition(|one| one.report.system.is_some());
    history.reverse();
    changes.reverse();
    let corrections =
        corrections.into_iter().rev().map(|correction| (key(Some(correction.system)), correction)).collect();
    Ok(Panorama {
        view,
        truth: status,
        colour: colour(&statuses),
        systems: system_views,
        conflicts,
        history,
        changes,
        corrections,
    })
}
