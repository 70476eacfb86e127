//! Reads of the hub.

mod corrections;
mod divergence;
mod panorama;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

pub use self::corrections::{CorrectionPosition, by_ids, dead_letters, due_for, due_since, outstanding};
pub use self::divergence::{Divergence, Pair, Point, Share, divergence};
pub use self::panorama::{ConflictView, Panorama, SourcedReport, SystemView, panorama};
use super::model::{CorrectionState, System, SystemCache, SystemDetails, Systems, UnmappedStatus};
use super::store::{self, correction, hub_holding};
use crate::auth;
use crate::kernel::{Actor, Error, Result, SystemId, TicketId, Timestamp, UserId, boxed};
use crate::runtime::{App, Ctx, Executor};
use crate::tickets::store::entities::external_ref;

/// All systems, from the cache.
#[boxed]
pub async fn systems(app: &App) -> Result<Arc<Systems>> {
    let load = async |_| {
        let systems = store::systems(app.db.read()).await?;
        let systems: Systems = systems.into_iter().map(|system| (system.id, Arc::new(system))).collect();
        Ok(vec![((), Arc::new(systems))])
    };
    Ok(app.state::<SystemCache>().0.get_or_load(vec![()], load).await?.remove(&()).unwrap_or_default())
}

pub fn invalidate_systems(app: &App) {
    app.state::<SystemCache>().invalidate();
}

/// The system with this account.
#[boxed]
pub async fn system_of(app: &App, account: UserId) -> Result<Option<Arc<System>>> {
    Ok(systems(app).await?.values().find(|system| system.account == account).cloned())
}

/// All systems, ordered by key, from the database; for administrators.
#[boxed]
pub async fn list(cx: &Ctx) -> Result<Vec<System>> {
    administrators_only(cx)?;
    store::systems(cx.read()).await
}

fn administrators_only(cx: &Ctx) -> Result<()> {
    match &cx.actor {
        Actor::Anonymous => Err(Error::unauthenticated()),
        actor => actor.require_admin().map_err(|_| Error::forbidden()),
    }
}

/// Details of systems, for administrators.
#[boxed]
pub async fn details(cx: &Ctx, systems: &[(SystemId, UserId)]) -> Result<HashMap<SystemId, SystemDetails>> {
    let accounts: Vec<UserId> = systems.iter().map(|(_, account)| *account).collect();
    let keys = auth::queries::api_keys_of(cx.read(), &accounts).await?;
    let counts = |rows: Vec<(SystemId, i64)>| rows.into_iter().collect::<HashMap<_, _>>();
    let dead = counts(store::correction_counts(cx.read(), CorrectionState::Dead).await?);
    let due = counts(store::correction_counts(cx.read(), CorrectionState::Due).await?);
    let secrets = counts(store::secret_counts(cx.read(), cx.now()).await?);
    let unmapped = store::unmapped_statuses(cx.read()).await?;
    let of = |id: SystemId, account: UserId| SystemDetails {
        keys: keys.iter().filter(|key| key.user == account).cloned().collect(),
        unmapped: unmapped
            .iter()
            .filter(|(of, _)| *of == id)
            .map(|(_, status)| status.clone())
            .collect::<Vec<UnmappedStatus>>(),
        dead: dead.get(&id).copied().unwrap_or(0),
        due: due.get(&id).copied().unwrap_or(0),
        secrets: secrets.get(&id).copied().unwrap_or(0),
    };
    Ok(systems.iter().map(|(id, account)| (*id, of(*id, *account))).collect())
}

/// Tickets linked to a system at a time.
pub const LINK_MAX: u64 = 100;

/// Tickets that reference a system and are not linked to it yet.
pub async fn unlinked_tickets(conn: &Executor, system: &System) -> Result<Vec<TicketId>> {
    let mut linked = Query::select();
    linked
        .expr(Expr::val(1))
        .from(hub_holding::Entity)
        .and_where(
            Expr::col((hub_holding::Entity, hub_holding::Column::TicketId))
                .equals((external_ref::Entity, external_ref::Column::TicketId)),
        )
        .and_where(hub_holding::Column::SystemId.eq(system.id));
    Ok(external_ref::Entity::find()
        .select_only()
        .distinct()
        .column(external_ref::Column::TicketId)
        .filter(external_ref::Column::System.eq(&system.key))
        .filter(Expr::exists(linked).not())
        .order_by_asc(external_ref::Column::TicketId)
        .limit(LINK_MAX)
        .into_tuple()
        .all(conn)
        .await?)
}

/// Systems with due corrections.
pub async fn systems_with_due(conn: &Executor, now: Timestamp) -> Result<Vec<SystemId>> {
    Ok(correction::Entity::find()
        .select_only()
        .distinct()
        .column(correction::Column::SystemId)
        .filter(correction::Column::State.eq(CorrectionState::Due.as_str()))
        .filter(Expr::col(correction::Column::DueAt).lte(now))
        .into_tuple()
        .all(conn)
        .await?)
}
