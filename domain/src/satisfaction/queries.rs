//! Reads of surveys.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};

use super::model::{LINK_DAYS, Survey};
use super::store::{self, survey};
use crate::kernel::{Result, TicketId, Timestamp, UserId, boxed, days};
use crate::notifications::decide::link;
use crate::runtime::{App, Ctx, Executor, Vault};
use crate::tickets;
use crate::tickets::model::Ticket;

/// The surveys of these tickets.
#[boxed]
pub async fn of_tickets(conn: &Executor, ids: &[TicketId]) -> Result<HashMap<TicketId, Survey>> {
    let rows = survey::Entity::find().filter(survey::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.ticket_id, row.into())).collect())
}

/// The ticket and recipient of a survey token; `None` if it is invalid or expired.
pub(super) async fn invitation(
    app: &App,
    conn: &Executor,
    token: &str,
    now: Timestamp,
) -> Result<Option<(TicketId, UserId)>> {
    let Some(ticket) = link::survey_of(token) else { return Ok(None) };
    let asked = store::of(conn, ticket).await?.and_then(|survey| survey.asked);
    let valid = |(recipient, at): &(UserId, Timestamp)| {
        link::same(&link::survey(app.state::<Vault>(), ticket, *recipient), token) && now <= *at + days(LINK_DAYS)
    };
    Ok(asked.filter(valid).map(|(recipient, _)| (ticket, recipient)))
}

/// The ticket and survey of a token.
#[boxed]
pub async fn survey_by_token(cx: &Ctx, token: &str) -> Result<Option<(Ticket, Survey)>> {
    let Some((id, _)) = invitation(&cx.app, cx.read(), token, cx.now()).await? else { return Ok(None) };
    let ticket = tickets::queries::by_ids(cx.read(), &[id]).await?.remove(&id);
    Ok(ticket.zip(store::of(cx.read(), id).await?))
}
