//! Messages that people wrote by a channel.

use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel as _, QueryFilter, QueryOrder, QuerySelect};

use super::entities::{channel_message, notification_delivery};
use crate::kernel::{DeliveryId, Result, TicketId, Timestamp, UserId};
use crate::notifications::model::{Channel, ChannelMessage};
use crate::runtime::Executor;

/// Messages of one writer that are looked at, newest first.
const RECENT_MAX: u64 = 50;

impl channel_message::Model {
    fn into_message(self) -> Option<ChannelMessage> {
        let Self { channel, message_id, ticket_id, user_id, conversation, subject, at } = self;
        let channel = channel.parse().ok()?;
        Some(ChannelMessage { channel, id: message_id, ticket: ticket_id, user: user_id, conversation, subject, at })
    }
}

/// Inserts a message; a provider may repeat one.
pub async fn insert(conn: &Executor, message: ChannelMessage) -> Result<()> {
    let ChannelMessage { channel, id, ticket, user, conversation, subject, at } = message;
    let row = channel_message::Model {
        channel: channel.as_str().to_owned(),
        message_id: id,
        ticket_id: ticket,
        user_id: user,
        conversation,
        subject,
        at,
    };
    let key = [channel_message::Column::Channel, channel_message::Column::MessageId];
    channel_message::Entity::insert(row.into_active_model())
        .on_conflict_do_nothing_on(key)
        .exec_without_returning(conn)
        .await?;
    Ok(())
}

pub async fn by_ids(conn: &Executor, channel: Channel, ids: &[String]) -> Result<Vec<ChannelMessage>> {
    let rows = channel_message::Entity::find()
        .filter(channel_message::Column::Channel.eq(channel.as_str()))
        .filter(channel_message::Column::MessageId.is_in(ids.iter().cloned()))
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(channel_message::Model::into_message).collect())
}

/// What a person wrote by a channel since then, newest first.
pub async fn recent(conn: &Executor, user: UserId, channel: Channel, since: Timestamp) -> Result<Vec<ChannelMessage>> {
    let rows = channel_message::Entity::find()
        .filter(channel_message::Column::UserId.eq(user))
        .filter(channel_message::Column::Channel.eq(channel.as_str()))
        .filter(channel_message::Column::At.gte(since))
        .order_by_desc(channel_message::Column::At)
        .limit(RECENT_MAX)
        .all(conn)
        .await?;
    Ok(rows.into_iter().filter_map(channel_message::Model::into_message).collect())
}

/// The last message about a ticket that a person wrote by a channel.
pub async fn last(conn: &Executor, ticket: TicketId, user: UserId, channel: Channel) -> Result<Option<ChannelMessage>> {
    let row = channel_message::Entity::find()
        .filter(channel_message::Column::TicketId.eq(ticket))
        .filter(channel_message::Column::UserId.eq(user))
        .filter(channel_message::Column::Channel.eq(channel.as_str()))
        .order_by_desc(channel_message::Column::At)
        .one(conn)
        .await?;
    Ok(row.and_then(channel_message::Model::into_message))
}

/// The deliveries that a provider knows by these ids.
pub async fn deliveries_by_provider_ids(conn: &Executor, channel: Channel, ids: &[String]) -> Result<Vec<DeliveryId>> {
    let select = notification_delivery::Entity::find()
        .select_only()
        .column(notification_delivery::Column::Id)
        .filter(notification_delivery::Column::ProviderId.is_in(ids.iter().cloned()))
        .filter(notification_delivery::Column::Channel.eq(channel.as_str()))
        .limit(RECENT_MAX);
    Ok(select.into_tuple().all(conn).await?)
}
