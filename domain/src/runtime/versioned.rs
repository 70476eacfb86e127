//! Versioned things, such as policies and calendars: each save inserts a version, and the newest one is current.

use std::sync::Arc;

use sea_orm::sea_query::{Alias, Expr, ExprTrait as _, Query, SimpleExpr};
use sea_orm::{ActiveModelTrait, ColumnTrait as _, EntityTrait, SqlErr};

use super::{Executor, LookupCache};
use crate::kernel::{Error, Result};

/// Caches the newest version of every `T`.
pub struct CurrentVersions<T>(LookupCache<(), Arc<Vec<T>>>);

impl<T: Send + Sync + 'static> Default for CurrentVersions<T> {
    fn default() -> Self {
        Self(LookupCache::new(1))
    }
}

impl<T: Send + Sync + 'static> CurrentVersions<T> {
    /// After a save.
    pub fn invalidate(&self) {
        self.0.invalidate_all();
    }

    /// The cached versions; `load` reads them if there are none.
    pub async fn get_or_load(&self, load: impl Future<Output = Result<Vec<T>>>) -> Result<Arc<Vec<T>>> {
        let load = |_| async move { Ok(vec![((), Arc::new(load.await?))]) };
        let mut found = self.0.get_or_load(vec![()], load).await?;
        Ok(found.remove(&()).unwrap_or_default())
    }
}

/// The condition that a row is the newest version of its key.
pub fn is_newest<E: EntityTrait>(key: E::Column, version: E::Column) -> SimpleExpr {
    let newer = Alias::new("newer");
    let last = Query::select()
        .expr(Expr::col((newer.clone(), version)).max())
        .from_as(E::default().table_ref(), newer.clone())
        .and_where(Expr::col((newer, key)).equals(key.as_column_ref()))
        .to_owned();
    Expr::col(version.as_column_ref()).in_subquery(last)
}

/// Inserts a version; a concurrent save of the same version is a conflict.
pub async fn insert_version<A: ActiveModelTrait>(conn: &Executor, row: A) -> Result<()> {
    match <A::Entity as EntityTrait>::insert(row).exec_without_returning(conn).await {
        Ok(_) => Ok(()),
        Err(e) if matches!(e.sql_err(), Some(SqlErr::UniqueConstraintViolation(_))) => Err(Error::Conflict),
        Err(e) => Err(e.into()),
    }
}
