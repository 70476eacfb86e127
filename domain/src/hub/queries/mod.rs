//! Reads of the hub.

mod corrections;
mod divergence;
mod panorama;

use std::collections::HashMap;
use std::sync::Arc;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QueryOrder as _, QuerySelect};

pub use self::corrections::{Place, by_ids, dead_letters, due_for, due_since, outstanding};
pub use self::divergence::{Divergence, Pair, Point, Share, divergence};
pub use self::panorama::{ConflictView, Kept, Panorama, SystemView, panorama};
use super::model::{CorrectionState, System, SystemDetails, Systems, UnknownWord};
use super::store::{self, correction, hub_holding};
use crate::auth;
use crate::kernel::{Actor, Error, Result, SystemId, TicketId, Timestamp, UserId};
use crate::runtime::{App, Ctx};
use crate::tickets::store::entities::external_ref;

/// All systems, from memory.
pub async fn systems(app: &App) -> Result<Arc<HashMap<SystemId, Arc<System>>>> {
    let load = async |_| {
        let systems = store::systems(app.db.read()).await?;
        let systems: HashMap<SystemId, Arc<System>> =
            systems.into_iter().map(|system| (system.id, Arc::new(system))).collect();
        Ok(vec![((), Arc::new(systems))])
    };
    Ok(app.state::<Systems>().0.get_or_load(vec![()], load).await?.remove(&()).unwrap_or_default())
}

pub fn forget(app: &App) {
    app.state::<Systems>().forget();
}

/// The system whose account this is.
pub async fn system_of(app: &App, account: UserId) -> Result<Option<Arc<System>>> {
    Ok(systems(app).await?.values().find(|system| system.account == account).cloned())
}

/// All systems, by their keys, as they are now: for administrators.
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

/// What an administrator sees beside each.
pub async fn details(cx: &Ctx, systems: &[(SystemId, UserId)]) -> Result<HashMap<SystemId, SystemDetails>> {
    let accounts: Vec<UserId> = systems.iter().map(|(_, account)| *account).collect();
    let keys = auth::queries::api_keys_of(cx.read(), &accounts).await?;
    let counts = |rows: Vec<(SystemId, i64)>| rows.into_iter().collect::<HashMap<_, _>>();
    let dead = counts(store::correction_counts(cx.read(), CorrectionState::Dead).await?);
    let due = counts(store::correction_counts(cx.read(), CorrectionState::Due).await?);
    let secrets = counts(store::secret_counts(cx.read(), cx.now()).await?);
    let unknown = store::unknown_words(cx.read()).await?;
    let of = |id: SystemId, account: UserId| SystemDetails {
        keys: keys.iter().filter(|key| key.user == account).cloned().collect(),
        unknown: unknown.iter().filter(|(of, _)| *of == id).map(|(_, word)| word.clone()).collect::<Vec<UnknownWord>>(),
        dead: dead.get(&id).copied().unwrap_or(0),
        due: due.get(&id).copied().unwrap_or(0),
        secrets: secrets.get(&id).copied().unwrap_or(0),
    };
    Ok(systems.iter().map(|(id, account)| (*id, of(*id, *account))).collect())
}

/// Tickets that are linked to a system at a time.
pub const LINK_MAX: u64 = 100;

/// Tickets that name a system and are not linked to it yet.
pub async fn named_and_not_linked(conn: &impl ConnectionTrait, system: &System) -> Result<Vec<TicketId>> {
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

/// Systems for which something is due.
pub async fn with_due(conn: &impl ConnectionTrait, now: Timestamp) -> Result<Vec<SystemId>> {
    Ok(correction::Entity::find()
        .select_only()
        .distinct()
        .column(correction::Column::SystemId)
        .filter(correction::Column::State.eq(CorrectionState::Due.word()))
        .filter(Expr::col(correction::Column::DueAt).lte(now))
        .into_tuple()
        .all(conn)
        .await?)
}
