//! What a system is told, as it takes it by subscription; and what could not be told.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

use super::super::model::{Correction, CorrectionState, HubEvent, System};
use super::super::store::{self, correction};
use crate::event::Event;
use crate::kernel::page::{Key, Part};
use crate::kernel::{Connection, CorrectionId, Direction, Page, Result, SystemId};
use crate::runtime::store::event_log;
use crate::runtime::{App, Ctx, Cursor, Row, log};

/// A correction, and its place in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub cursor: Cursor,
    pub correction: CorrectionId,
}

/// The correction of an event, where it is one of this system.
pub fn due_for(system: SystemId, row: &Row) -> Option<Place> {
    match &*row.event {
        Event::Hub(HubEvent::CorrectionDue { system: of, correction, .. }) if *of == system => {
            Some(Place { cursor: row.cursor, correction: *correction })
        }
        _ => None,
    }
}

/// Corrections that became due for a system behind a place of the log, and below the horizon.
pub async fn due_since(app: &App, system: SystemId, after: Cursor, max: u64) -> Result<Vec<Place>> {
    use event_log::Column::{Seq, Subject, Xid};
    let behind = Expr::col(Xid).gt(after.xid).or(Expr::col(Xid).eq(after.xid).and(Expr::col(Seq).gt(after.seq)));
    let rows = event_log::Entity::find()
        .filter(Subject.eq(system.0))
        .filter(event_log::Column::Kind.eq("CorrectionDue"))
        .filter(behind)
        .filter(log::below_horizon(app.db.engine))
        .order_by_asc(Xid)
        .order_by_asc(Seq)
        .limit(max)
        .all(app.db.read())
        .await?;
    let rows: Vec<Row> = rows.into_iter().map(Row::try_from).collect::<Result<_>>()?;
    Ok(rows.iter().filter_map(|row| due_for(system, row)).collect())
}

/// Corrections of these ids, as they are now.
pub async fn by_ids(app: &App, ids: &[CorrectionId]) -> Result<Vec<Correction>> {
    store::corrections(app.db.read(), ids).await
}

/// What a system has not taken yet, oldest first.
pub async fn outstanding(cx: &Ctx, system: &System, page: &Page) -> Result<Connection<Correction>> {
    let open = [CorrectionState::Due.word(), CorrectionState::Dead.word()];
    list(cx, "outstanding", Direction::Asc, page, |select| {
        select.filter(correction::Column::SystemId.eq(system.id)).filter(correction::Column::State.is_in(open))
    })
    .await
}

/// What could not be told, newest first: for administrators.
pub async fn dead_letters(cx: &Ctx, system: Option<SystemId>, page: &Page) -> Result<Connection<Correction>> {
    super::administrators_only(cx)?;
    list(cx, "dead_letters", Direction::Desc, page, |select| {
        let dead = select.filter(correction::Column::State.eq(CorrectionState::Dead.word()));
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
