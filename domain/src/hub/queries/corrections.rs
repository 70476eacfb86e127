//! Corrections for subscriptions, and dead letters.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

use super::super::model::{Correction, CorrectionState, HubEvent, System};
use super::super::store::{self, correction};
use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, CorrectionId, Direction, Page, Result, SystemId, boxed};
use crate::runtime::store::event_log;
use crate::runtime::{App, Ctx, Cursor, Row, log};

/// A correction, and its position in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CorrectionPosition {
    pub cursor: Cursor,
    pub correction: CorrectionId,
}

/// The correction of a log row, if the row announces one for this system.
pub fn due_for(system: SystemId, row: &Row) -> Option<CorrectionPosition> {
    match row.event.get() {
        Some(HubEvent::CorrectionDue { system: of, correction, .. }) if *of == system => {
            Some(CorrectionPosition { cursor: row.cursor, correction: *correction })
        }
        _ => None,
    }
}

/// Corrections that became due for a system after a position in the log and below the horizon.
#[boxed]
pub async fn due_since(app: &App, system: SystemId, after: Cursor, max: u64) -> Result<Vec<CorrectionPosition>> {
    use event_log::Column::{Seq, Subject, Xid};
    let is_after = Expr::col(Xid).gt(after.xid).or(Expr::col(Xid).eq(after.xid).and(Expr::col(Seq).gt(after.seq)));
    let rows = event_log::Entity::find()
        .filter(Subject.eq(system.0))
        .filter(event_log::Column::Kind.eq("CorrectionDue"))
        .filter(is_after)
        .filter(log::below_horizon(app.db.engine))
        .order_by_asc(Xid)
        .order_by_asc(Seq)
        .limit(max)
        .all(app.db.read())
        .await?;
    let rows: Vec<Row> = rows.into_iter().map(|row| Row::decode(app, row)).collect::<Result<_>>()?;
    Ok(rows.iter().filter_map(|row| due_for(system, row)).collect())
}

/// The current state of corrections.
#[boxed]
pub async fn by_ids(app: &App, ids: &[CorrectionId]) -> Result<Vec<Correction>> {
    store::corrections(app.db.read(), ids).await
}

/// A system's corrections that are not acknowledged yet, oldest first.
#[boxed]
pub async fn outstanding(cx: &Ctx, system: &System, page: &Page) -> Result<Connection<Correction>> {
    let open = [CorrectionState::Due.as_str(), CorrectionState::Dead.as_str()];
    list(cx, "outstanding", Direction::Asc, page, |select| {
        select.filter(correction::Column::SystemId.eq(system.id)).filter(correction::Column::State.is_in(open))
    })
    .await
}

/// Dead letters, newest first; for administrators.
#[boxed]
pub async fn dead_letters(cx: &Ctx, system: Option<SystemId>, page: &Page) -> Result<Connection<Correction>> {
    super::administrators_only(cx)?;
    list(cx, "dead_letters", Direction::Desc, page, |select| {
        let dead = select.filter(correction::Column::State.eq(CorrectionState::Dead.as_str()));
        match system {
            Some(system) => dead.filter(correction::Column::SystemId.eq(system)),
            None => dead,
        }
    })
    .await
}

async fn list(
    cx: &Ctx,
    name: &str,
    direction: Direction,
    page: &Page,
    narrow: impl FnOnce(sea_orm::Select<correction::Entity>) -> sea_orm::Select<correction::Entity>,
) -> Result<Connection<Correction>> {
    let keys = [Key::id(Expr::col(correction::Column::Id), direction)];
    let keyset = page.keyset(name, &keys)?;
    let mut select = narrow(correction::Entity::find()).filter(keyset.cond).limit(keyset.limit);
    for (expr, order) in keyset.order {
        select = select.order_by(expr, order);
    }
    let rows: Vec<Correction> =
        select.all(cx.read()).await?.into_iter().map(Correction::try_from).collect::<Result<_, _>>()?;
    Ok(page.connection(name, rows, |row| vec![Part::Id(row.id.0)]))
}
