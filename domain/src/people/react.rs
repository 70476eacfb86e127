//! Checks of users that other capabilities refer to.

use super::model::{AccessWatches, PeopleEvent, UserCache};
use super::queries;
use crate::auth::model::AuthEvent;
use crate::catalogue::model::CatalogueEvent;
use crate::credentials::model::CredentialEvent;
use crate::kernel::{Code, Result, UserId, boxed, refuse};
use crate::msg;
use crate::runtime::{AnyEvent, App, Tx};

/// Refuses an owner who is disabled or does not exist, because the owner receives alerts.
async fn on_owner(tx: &mut Tx, owner: UserId) -> Result<()> {
    let user = queries::user(tx.conn(), owner).await?;
    if user.is_some_and(|user| user.disabled_at.is_none()) {
        return Ok(());
    }
    Err(refuse(Code::NotFound, "ownerId", msg!("people-owner-cannot-sign-in", owner = owner)).into())
}

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    match event.get() {
        Some(CredentialEvent::Saved { owner: Some(owner), .. }) => on_owner(tx, *owner).await,
        _ => Ok(()),
    }
}

/// In memory: who may do what has changed.
pub fn observe(app: &App, event: &AnyEvent) {
    let ended = matches!(event.get(), Some(AuthEvent::SessionEnded { .. } | AuthEvent::ApiKeyRevoked { .. }));
    // Nothing cached is about a person who is new.
    let people = event.get().is_some_and(|event| !matches!(event, PeopleEvent::ContactCreated { .. }));
    if ended || people || event.get::<CatalogueEvent>().is_some() {
        app.state::<UserCache>().invalidate_all();
    }
    // Behind the cache: whoever is woken reads it.
    let changed = match (event.get(), event.get()) {
        (Some(AuthEvent::SessionEnded { user, .. } | AuthEvent::ApiKeyRevoked { user, .. }), _)
        | (_, Some(PeopleEvent::UserChanged { user, .. } | PeopleEvent::UserRedacted { user })) => *user,
        _ => return,
    };
    app.state::<AccessWatches>().notify(changed);
}
