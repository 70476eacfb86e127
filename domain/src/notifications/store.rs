//! Tables of notifications and of what reaches whom.

pub mod notification {
    use crate::kernel::{NotificationId, TicketId, Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: NotificationId,
        pub cause: String,
        pub cause_key: String,
        pub ticket_id: Option<TicketId>,
        pub recipient_id: UserId,
        /// Channels separated by commas; empty: by what the person uses.
        pub via: String,
        /// `Params` as JSON.
        pub params: String,
        pub decided_at: Timestamp,
        pub opened_at: Option<Timestamp>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod notification_delivery {
    use crate::kernel::{DeliveryId, NotificationId, Timestamp};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification_delivery")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub id: DeliveryId,
        pub notification_id: NotificationId,
        pub position: i32,
        pub channel: String,
        pub address: String,
        pub state: String,
        pub attempts: i32,
        pub queued_at: Timestamp,
        pub sent_at: Option<Timestamp>,
        pub delivered_at: Option<Timestamp>,
        pub failure: Option<String>,
        pub provider_id: Option<String>,
        pub digest_id: Option<NotificationId>,
        pub repeated: bool,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod terminal {
    use crate::kernel::{Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "terminal")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel: String,
        pub address: String,
        pub is_primary: bool,
        pub bound_at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod channel_activity {
    use crate::kernel::{Timestamp, UserId};
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "channel_activity")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        #[sea_orm(primary_key, auto_increment = false)]
        pub channel: String,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod notification_preference {
    use crate::kernel::UserId;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "notification_preference")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub user_id: UserId,
        pub language: Option<String>,
        pub quiet_from: Option<i32>,
        pub quiet_to: Option<i32>,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

pub mod send_bucket {
    use crate::kernel::Timestamp;
    use sea_orm::entity::prelude::*;

    #[derive(Clone, Debug, PartialEq, DeriveEntityModel)]
    #[sea_orm(table_name = "send_bucket")]
    pub struct Model {
        #[sea_orm(primary_key, auto_increment = false)]
        pub account: String,
        /// Thousandths.
        pub tokens: i64,
        pub at: Timestamp,
    }

    #[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
    pub enum Relation {}

    impl ActiveModelBehavior for ActiveModel {}
}

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveValue::Set, ColumnTrait, ConnectionTrait, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder,
};

use super::decide::Bucket;
use super::model::{Cause, Channel, Delivery, DeliveryState, Notification, Preference, Terminal, Tongue, Via};
use crate::kernel::{Error, NotificationId, Result, UserId};
use crate::runtime::{Engine, Tx};

fn broken(what: &str, word: &str) -> Error {
    Error::internal(format!("{word:?} is no {what} of this program"))
}

impl Via {
    pub(super) fn word(&self) -> String {
        match self {
            Self::Preferred => String::new(),
            Self::All(channels) => channels.iter().map(|channel| channel.word()).collect::<Vec<_>>().join(","),
        }
    }

    fn parse(word: &str) -> Self {
        let channels: Vec<Channel> = word.split(',').filter_map(Channel::parse).collect();
        if channels.is_empty() { Self::Preferred } else { Self::All(channels) }
    }
}

impl TryFrom<notification_delivery::Model> for Delivery {
    type Error = Error;

    fn try_from(row: notification_delivery::Model) -> Result<Self> {
        let notification_delivery::Model {
            id,
            notification_id,
            position,
            channel,
            address,
            state,
            attempts,
            queued_at,
            sent_at,
            delivered_at,
            failure,
            provider_id,
            digest_id,
            repeated,
        } = row;
        Ok(Self {
            id,
            notification: notification_id,
            position,
            channel: Channel::parse(&channel).ok_or_else(|| broken("channel", &channel))?,
            address,
            state: DeliveryState::parse(&state).ok_or_else(|| broken("state", &state))?,
            attempts,
            queued_at,
            sent_at,
            delivered_at,
            failure,
            provider_id,
            digest: digest_id,
            repeated,
        })
    }
}

impl From<Delivery> for notification_delivery::Model {
    fn from(delivery: Delivery) -> Self {
        let Delivery {
            id,
            notification,
            position,
            channel,
            address,
            state,
            attempts,
            queued_at,
            sent_at,
            delivered_at,
            failure,
            provider_id,
            digest,
            repeated,
        } = delivery;
        Self {
            id,
            notification_id: notification,
            position,
            channel: channel.word().to_owned(),
            address,
            state: state.word().to_owned(),
            attempts,
            queued_at,
            sent_at,
            delivered_at,
            failure,
            provider_id,
            digest_id: digest,
            repeated,
        }
    }
}

/// Rows with their deliveries, in the order of the rows: one more statement.
pub(super) async fn with_deliveries(
    conn: &impl ConnectionTrait,
    rows: Vec<notification::Model>,
) -> Result<Vec<Notification>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let found = notification_delivery::Entity::find()
        .filter(notification_delivery::Column::NotificationId.is_in(rows.iter().map(|row| row.id)))
        .order_by_asc(notification_delivery::Column::Position)
        .all(conn)
        .await?;
    let mut deliveries: HashMap<NotificationId, Vec<Delivery>> = HashMap::new();
    for row in found {
        deliveries.entry(row.notification_id).or_default().push(row.try_into()?);
    }
    let whole = |row: notification::Model| {
        let notification::Model { id, cause, cause_key, ticket_id, recipient_id, via, params, decided_at, opened_at } =
            row;
        Ok(Notification {
            id,
            cause: Cause::parse(&cause).ok_or_else(|| broken("cause", &cause))?,
            cause_key,
            ticket: ticket_id,
            recipient: recipient_id,
            via: Via::parse(&via),
            params: serde_json::from_str(&params).map_err(Error::internal)?,
            decided_at,
            opened_at,
            deliveries: deliveries.remove(&id).unwrap_or_default(),
        })
    };
    rows.into_iter().map(whole).collect()
}

/// A notification, unless this cause has told this person already.
pub(super) async fn insert(conn: &impl ConnectionTrait, notification: &Notification) -> Result<bool> {
    let Notification { id, cause, cause_key, ticket, recipient, via, params, decided_at, opened_at, deliveries: _ } =
        notification;
    let row = notification::ActiveModel {
        id: Set(*id),
        cause: Set(cause.word().to_owned()),
        cause_key: Set(cause_key.clone()),
        ticket_id: Set(*ticket),
        recipient_id: Set(*recipient),
        via: Set(via.word()),
        params: Set(serde_json::to_string(params).map_err(Error::internal)?),
        decided_at: Set(*decided_at),
        opened_at: Set(*opened_at),
    };
    let inserted = notification::Entity::insert(row)
        .on_conflict_do_nothing_on([notification::Column::CauseKey, notification::Column::RecipientId])
        .exec_without_returning(conn)
        .await?;
    Ok(matches!(inserted, sea_orm::TryInsertResult::Inserted(1..)))
}

pub(super) async fn insert_deliveries(conn: &impl ConnectionTrait, deliveries: Vec<Delivery>) -> Result<()> {
    if deliveries.is_empty() {
        return Ok(());
    }
    let rows = deliveries.into_iter().map(|delivery| notification_delivery::Model::from(delivery).into_active_model());
    notification_delivery::Entity::insert_many(rows).exec_without_returning(conn).await?;
    Ok(())
}

pub(super) async fn save_delivery(conn: &impl ConnectionTrait, delivery: Delivery) -> Result<()> {
    let id = delivery.id;
    let mut change = notification_delivery::Model::from(delivery).into_active_model();
    change.id = sea_orm::NotSet;
    let change = sea_orm::ActiveModelTrait::reset_all(change);
    notification_delivery::Entity::update_many()
        .set(change)
        .filter(notification_delivery::Column::Id.eq(id))
        .exec(conn)
        .await?;
    Ok(())
}

impl terminal::Model {
    pub(super) fn into_terminal(self) -> Option<Terminal> {
        let Self { user_id, channel, address, is_primary, bound_at: _ } = self;
        Some(Terminal { user: user_id, channel: Channel::parse(&channel)?, address, primary: is_primary })
    }
}

impl From<notification_preference::Model> for Preference {
    fn from(row: notification_preference::Model) -> Self {
        let minute = |minute: Option<i32>| minute.and_then(|minute| u16::try_from(minute).ok());
        Self {
            language: row.language.as_deref().and_then(Tongue::parse),
            quiet: minute(row.quiet_from).zip(minute(row.quiet_to)),
        }
    }
}

/// What an account may still send, locked until this transaction ends. A row that is not there cannot be locked: the first
/// one of an account is put there first, so that two at once do not both take from a full bucket.
pub(super) async fn bucket(tx: &Tx, account: &str, full: Bucket) -> Result<Bucket> {
    if let Some(bucket) = locked_bucket(tx, account).await? {
        return Ok(bucket);
    }
    let Bucket { tokens, at } = full;
    let row = send_bucket::ActiveModel { account: Set(account.to_owned()), tokens: Set(tokens), at: Set(at) };
    let keep = OnConflict::column(send_bucket::Column::Account).do_nothing().to_owned();
    send_bucket::Entity::insert(row).on_conflict(keep).exec_without_returning(tx.conn()).await?;
    Ok(locked_bucket(tx, account).await?.unwrap_or(full))
}

async fn locked_bucket(tx: &Tx, account: &str) -> Result<Option<Bucket>> {
    use sea_orm::QuerySelect as _;
    let mut select = send_bucket::Entity::find_by_id(account.to_owned());
    if tx.app().db.engine == Engine::Postgres {
        select = select.lock_exclusive();
    }
    Ok(select.one(tx.conn()).await?.map(|row| Bucket { tokens: row.tokens, at: row.at }))
}

pub(super) async fn put_bucket(conn: &impl ConnectionTrait, account: &str, bucket: Bucket) -> Result<()> {
    let Bucket { tokens, at } = bucket;
    let row = send_bucket::ActiveModel { account: Set(account.to_owned()), tokens: Set(tokens), at: Set(at) };
    let mut replace = OnConflict::column(send_bucket::Column::Account);
    replace.update_columns([send_bucket::Column::Tokens, send_bucket::Column::At]);
    send_bucket::Entity::insert(row).on_conflict(replace).exec_without_returning(conn).await?;
    Ok(())
}

/// In the place of a channel: a page is open, whether anybody looks at it or not.
pub(super) const PAGE_OPEN: &str = "PAGE_OPEN";

/// `what`: a channel, or [`PAGE_OPEN`].
pub(super) async fn note_activity(tx: &Tx, user: UserId, what: &str) -> Result<()> {
    let row = channel_activity::ActiveModel { user_id: Set(user), channel: Set(what.to_owned()), at: Set(tx.now) };
    let mut replace = OnConflict::columns([channel_activity::Column::UserId, channel_activity::Column::Channel]);
    replace.update_column(channel_activity::Column::At);
    channel_activity::Entity::insert(row).on_conflict(replace).exec_without_returning(tx.conn()).await?;
    Ok(())
}

/// Every account may send as much as in the beginning.
pub(super) async fn forget_buckets(conn: &impl ConnectionTrait) -> Result<()> {
    send_bucket::Entity::delete_many().exec(conn).await?;
    Ok(())
}
