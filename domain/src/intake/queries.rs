//! Reads of what failed its check.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

use super::model::{Gateway, Quarantined};
use super::store::quarantined_submission;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Actor, Connection, Direction, Error, Page, Result};
use crate::runtime::Ctx;

/// Submissions that did not pass, newest first, released ones too: for administrators.
pub async fn list(cx: &Ctx, gateway: Option<Gateway>, page: &Page) -> Result<Connection<Quarantined>> {
    match &cx.actor {
        Actor::Anonymous => return Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden())?,
    }
    let list = "quarantined";
    let keys = [Key::id(Expr::col(quarantined_submission::Column::Id), Direction::Desc)];
    let keyset = page.keyset(list, &keys)?;
    let mut select = quarantined_submission::Entity::find().filter(keyset.cond).limit(keyset.limit);
    if let Some(gateway) = gateway {
        select = select.filter(quarantined_submission::Column::Gateway.eq(gateway.word()));
    }
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows = select.all(cx.read()).await?;
    let rows: Vec<Quarantined> = rows.into_iter().map(Quarantined::try_from).collect::<Result<_, _>>()?;
    Ok(page.connection(list, rows, |row| vec![Part::Id(row.id.0)]))
}
