//! 客户工单全景视图: what every system holds of one ticket.

use std::collections::HashMap;

use super::super::decide::{Merge, colour};
use super::super::model::{BUOY, Colour, Correction, Digest, Holding, StatusReport};
use super::super::store;
use super::systems;
use crate::kernel::text::can_name;
use crate::kernel::{Error, ReportId, Result, Role, TicketId, Timestamp};
use crate::runtime::Ctx;
use crate::tickets::decide::token;
use crate::tickets::model::{Access, TicketStatus, View};
use crate::tickets::queries::{self as tickets, Name};

pub struct Panorama {
    pub view: View,
    /// Where the ticket stands by all that was said of it.
    pub truth: TicketStatus,
    pub colour: Colour,
    pub systems: Vec<SystemView>,
    pub conflicts: Vec<ConflictView>,
    /// What systems reported, newest first, in the total order.
    pub history: Vec<Kept>,
    /// What was done here to a ticket that systems speak of, newest first.
    pub changes: Vec<Kept>,
    pub corrections: Vec<(String, Correction)>,
}

/// A report, and the key of whoever said it.
#[derive(Clone)]
pub struct Kept {
    pub system: String,
    pub report: StatusReport,
}

pub struct SystemView {
    pub system: String,
    pub external_id: Option<String>,
    pub word: Option<String>,
    pub status: Option<TicketStatus>,
    pub reported_at: Option<Timestamp>,
    pub agrees: bool,
    pub acknowledged: bool,
    /// What it was told last and has not taken yet.
    pub correction: Option<Correction>,
}

pub struct ConflictView {
    pub id: ReportId,
    pub from: Timestamp,
    pub to: Timestamp,
    pub reports: Vec<Kept>,
}

/// The ticket of any of its names: its token, its number, or what another system calls it.
async fn find(cx: &Ctx, reference: &str, system: Option<&str>) -> Result<View> {
    let reference = reference.trim();
    if !can_name(reference) || reference.is_empty() {
        return Err(Error::not_found());
    }
    if system.is_none() {
        if token::parse(reference).is_some() {
            return tickets::view(cx, Name::Token(reference)).await;
        }
        if let Ok(number) = reference.trim_start_matches('#').parse::<i64>() {
            match tickets::view(cx, Name::Number(number)).await {
                Ok(view) if view.access == Access::Full => return Ok(view),
                Ok(_) => {}
                Err(error) if is_not_found(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }
    let mut named = tickets::refs_named(cx.read(), reference).await?;
    named.retain(|(_, of)| system.is_none_or(|system| system == of));
    let ids: Vec<TicketId> = named.iter().map(|(id, _)| *id).collect();
    let mut views = tickets::views_by_id(cx, ids).await?;
    views.retain(|_, view| view.access == Access::Full);
    if views.len() > 1 {
        let of: Vec<&str> = named.iter().filter(|(id, _)| views.contains_key(id)).map(|(_, of)| of.as_str()).collect();
        let of = of.join(", ");
        return Err(Error::bad_input(
            format!("{reference} names several tickets: say whose number it is by system, one of {of}."),
            format!("{reference} 对应多张工单，请用 system 指明来源系统：{of}。"),
        ));
    }
    views.into_values().next().ok_or_else(Error::not_found)
}

fn is_not_found(error: &Error) -> bool {
    matches!(error, Error::Top { code: crate::kernel::TopCode::NotFound, .. })
}

/// Whether the viewer may see what systems say at all.
fn may_see(cx: &Ctx) -> bool {
    cx.actor.is_staff() || cx.actor.is(Role::ProductManager) || cx.actor.is(Role::Partner)
}

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
    let merge = Merge::of(
        reports
            .iter()
            .map(|report| report.entry(report.system.is_some().then(|| key(report.system)).as_deref()))
            .collect(),
    );
    let by_place: HashMap<(Timestamp, Digest), &StatusReport> =
        reports.iter().map(|report| ((report.at, report.digest), report)).collect();
    // In the total order.
    let kept: Vec<Kept> = merge
        .entries()
        .iter()
        .filter_map(|entry| by_place.get(&(entry.at, entry.digest)))
        .map(|report| Kept { system: key(report.system), report: (*report).clone() })
        .collect();
    let truth = merge.truth();
    let status = if truth.by.is_some() { truth.status } else { view.ticket.status };
    let holdings = store::holdings_of(conn, &[id]).await?;
    let corrections = store::all_corrections_of(conn, id).await?;
    let refs = tickets::refs_of(conn, id).await?;
    let mut shown: Vec<SystemView> = holdings
        .iter()
        .filter_map(|holding| Some((holding, known.get(&holding.system)?)))
        .map(|(holding, system)| {
            let Holding { report, correction: taken, status: held, .. } = holding;
            let said = report.and_then(|report| reports.iter().find(|one| one.id == report));
            let open = corrections.iter().rfind(|one| one.system == system.id && one.is_open()).cloned();
            let word = match taken {
                Some(_) => held.and_then(|status| system.word_for(status)).map(str::to_owned),
                None => said.map(|report| report.word.clone()),
            };
            SystemView {
                system: system.key.clone(),
                external_id: refs.iter().find(|one| one.system == system.key).map(|one| one.external_id.clone()),
                word,
                status: *held,
                reported_at: said.map(|report| report.at),
                agrees: *held == Some(status),
                acknowledged: open.is_none(),
                correction: open,
            }
        })
        .collect();
    shown.sort_by(|a, b| a.system.cmp(&b.system));
    let mut held: Vec<Option<TicketStatus>> =
        holdings.iter().filter(|holding| holding.report.is_some()).map(|holding| holding.status).collect();
    if let Some(here) = merge.held_here() {
        held.push(Some(here));
        shown.push(SystemView {
            system: BUOY.to_owned(),
            external_id: Some(view.ticket.number.to_string()),
            word: None,
            status: Some(here),
            reported_at: truth.by.as_ref().map(|by| by.at),
            agrees: true,
            acknowledged: true,
            correction: None,
        });
    }
    let conflicts = merge
        .conflicts()
        .into_iter()
        .filter_map(|conflict| {
            let within = |kept: &&Kept| {
                (conflict.from..=conflict.to).contains(&kept.report.at)
                    && conflict.reports.contains(&kept.report.digest)
            };
            let reports: Vec<Kept> = kept.iter().filter(within).cloned().collect();
            let id = reports.first()?.report.id;
            Some(ConflictView { id, from: conflict.from, to: conflict.to, reports })
        })
        .collect();
    let (mut history, mut changes): (Vec<Kept>, Vec<Kept>) =
        kept.into_iter().partition(|kept| kept.report.system.is_some());
    history.reverse();
    changes.reverse();
    let corrections =
        corrections.into_iter().rev().map(|correction| (key(Some(correction.system)), correction)).collect();
    Ok(Panorama {
        view,
        truth: status,
        colour: colour(&held),
        systems: shown,
        conflicts,
        history,
        changes,
        corrections,
    })
}
