//! Rows of credentials and their secrets.

pub mod credential {
    use crate::kernel::{CredentialId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credential")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: CredentialId,
        pub key: String,
        pub kind: String,
        pub name: String,
        pub owner_id: UserId,
        pub expires_at: Option<Timestamp>,
        pub created_at: Timestamp,
        pub rotated_at: Option<Timestamp>,
        /// The last warning that was sent, in days before the expiry.
        pub warned_days: Option<i64>,
        pub failing_since: Option<Timestamp>,
        pub failure: Option<String>,
        pub probed_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod credential_secret {
    use crate::kernel::{CredentialId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "credential_secret")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: Uuid,
        pub credential_id: CredentialId,
        pub sealed: Vec<u8>,
        pub created_at: Timestamp,
        pub expires_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue::Set, ColumnTrait, Condition, DbErr, EntityTrait, IntoActiveModel as _,
    QueryFilter, QueryOrder as _,
};

use super::model::{Credential, CredentialKind, Parts};
use crate::kernel::{CredentialId, Error, Message, Result, Timestamp};
use crate::runtime::{App, Executor, Tx, Vault};

impl TryFrom<credential::Model> for Credential {
    type Error = DbErr;

    fn try_from(row: credential::Model) -> Result<Self, DbErr> {
        let credential::Model {
            id,
            key,
            kind,
            name,
            owner_id,
            expires_at,
            created_at,
            rotated_at,
            warned_days: _,
            failing_since,
            failure,
            probed_at,
        } = row;
        let kind = kind
            .parse::<CredentialKind>()
            .map_err(|_| DbErr::Type(format!("credential {key}: {kind:?} is no kind of this program")))?;
        Ok(Self {
            id,
            key,
            kind,
            name,
            owner: owner_id,
            expires_at,
            created_at,
            rotated_at,
            failing_since,
            failure: failure.as_deref().map(Message::from_stored),
            probed_at,
        })
    }
}

pub(super) async fn by_key(conn: &Executor, key: &str) -> Result<Option<credential::Model>> {
    Ok(credential::Entity::find().filter(credential::Column::Key.eq(key)).one(conn).await?)
}

pub(super) async fn by_id(conn: &Executor, id: CredentialId) -> Result<Option<credential::Model>> {
    Ok(credential::Entity::find_by_id(id).one(conn).await?)
}

pub(super) async fn all(conn: &Executor) -> Result<Vec<Credential>> {
    let rows = credential::Entity::find().order_by_asc(credential::Column::Key).all(conn).await?;
    Ok(rows.into_iter().map(Credential::try_from).collect::<Result<_, _>>()?)
}

pub(super) async fn put(conn: &Executor, row: credential::Model, is_new: bool) -> Result<()> {
    let row = row.into_active_model().reset_all();
    if is_new {
        credential::Entity::insert(row).exec_without_returning(conn).await?;
    } else {
        credential::Entity::update(row).exec(conn).await?;
    }
    Ok(())
}

pub(super) async fn update_health(
    tx: &Tx,
    id: CredentialId,
    failing_since: Option<Timestamp>,
    failure: Option<&Message>,
) -> Result<()> {
    credential::Entity::update_many()
        .col_expr(credential::Column::ProbedAt, Expr::value(tx.now))
        .col_expr(credential::Column::FailingSince, Expr::value(failing_since))
        .col_expr(credential::Column::Failure, Expr::value(failure.map(Message::to_stored)))
        .filter(credential::Column::Id.eq(id))
        .exec(tx.conn())
        .await?;
    Ok(())
}

const PURPOSE: &str = "credential";

pub(super) async fn insert_secret(tx: &Tx, of: CredentialId, parts: &Parts) -> Result<()> {
    let plain = serde_json::to_vec(&parts.0).map_err(Error::internal)?;
    let sealed = tx.app().state::<Vault>().seal(PURPOSE, of.0.as_bytes(), &plain, &*tx.app().entropy);
    let row = credential_secret::ActiveModel {
        id: Set(tx.new_uuid()),
        credential_id: Set(of),
        sealed: Set(sealed),
        created_at: Set(tx.now),
        expires_at: Set(None),
    };
    credential_secret::Entity::insert(row).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Limits the validity of all secrets to `at`, and deletes expired ones.
pub(super) async fn end_secrets(tx: &Tx, of: CredentialId, at: Timestamp) -> Result<()> {
    credential_secret::Entity::update_many()
        .col_expr(credential_secret::Column::ExpiresAt, Expr::value(at))
        .filter(credential_secret::Column::CredentialId.eq(of))
        .filter(
            Condition::any()
                .add(credential_secret::Column::ExpiresAt.is_null())
                .add(credential_secret::Column::ExpiresAt.gt(at)),
        )
        .exec(tx.conn())
        .await?;
    credential_secret::Entity::delete_many()
        .filter(credential_secret::Column::ExpiresAt.lte(tx.now))
        .exec(tx.conn())
        .await?;
    Ok(())
}

/// The valid secrets, newest first.
pub(super) async fn secrets(app: &App, conn: &Executor, of: CredentialId) -> Result<Vec<Parts>> {
    let rows = credential_secret::Entity::find()
        .filter(credential_secret::Column::CredentialId.eq(of))
        .order_by_desc(credential_secret::Column::Id)
        .all(conn)
        .await?;
    let valid = rows.into_iter().filter(|row| row.expires_at.is_none_or(|at| app.now() < at));
    valid
        .map(|row| {
            let plain = app.state::<Vault>().unseal(PURPOSE, of.0.as_bytes(), &row.sealed)?;
            Ok(Parts(serde_json::from_slice(&plain).map_err(Error::internal)?))
        })
        .collect()
}
