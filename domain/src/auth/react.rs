//! Signing keys are rotated by timer; what has expired is deleted.

use super::commands;
use super::model::{AuthEvent, SIGNING_KEY_ROTATION, SigningKeys};
use crate::kernel::{Result, boxed};
use crate::runtime::jobs::{self, IfScheduled, Job, Next, Schedule};
use crate::runtime::{AnyEvent, App, Tx};

/// The signing key gets a successor.
pub const ROTATE: &str = "auth.rotate_signing_key";

#[boxed]
pub async fn on_rotate(tx: &mut Tx, _: &Job) -> Result<Next> {
    commands::rotate_signing_key(tx).await?;
    Ok(Next::At(tx.now + SIGNING_KEY_ROTATION))
}

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    let at = tx.now + SIGNING_KEY_ROTATION;
    jobs::schedule(tx, &[Schedule::new(ROTATE, "", at).if_scheduled(IfScheduled::Keep)]).await
}

/// In memory: another node has rotated the keys.
pub fn observe(app: &App, event: &AnyEvent) {
    if let Some(AuthEvent::SigningKeyRotated { .. }) = event.get() {
        app.state::<SigningKeys>().request_reload();
    }
}
