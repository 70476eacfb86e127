//! Reads of surveys.

use std::collections::HashMap;

use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter};

use super::model::{LINK_DAYS, Survey};
use super::store::{self, survey};
use crate::kernel::{Result, TicketId, Timestamp, UserId, days};
use crate::notifications::decide::link;
use crate::runtime::{App, Ctx, Vault};
use crate::tickets;
use crate::tickets::model::Ticket;

/// The surveys of these tickets.
pub async fn of_tickets(conn: &impl ConnectionTrait, ids: &[TicketId]) -> Result<HashMap<TicketId, Survey>> {
    let rows = survey::Entity::find().filter(survey::Column::TicketId.is_in(ids.iter().copied())).all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.ticket_id, row.into())).collect())
}

/// What a link of a survey lets answer, and as whom; `None`: it is none, or too old.
pub(super) async fn invitation(
    app: &App,
    conn: &impl ConnectionTrait,
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

/// What a link of a survey is about, for whoever has it.
pub async fn invited(cx: &Ctx, token: &str) -> Result<Option<(Ticket, Survey)>> {
    let Some((id, _)) = invitation(&cx.app, cx.read(), token, cx.now()).await? else { return Ok(None) };
    let ticket = tickets::queries::by_ids(cx.read(), &[id]).await?.remove(&id);
    Ok(ticket.zip(store::of(cx.read(), id).await?))
}
