//! What follows from an import that is finished.

use super::model::ImportFinished;
use crate::kernel::{Result, boxed};
use crate::knowledge;
use crate::runtime::{AnyEvent, Tx};

/// In the transaction of the event.
#[boxed]
pub async fn on_event(tx: &mut Tx, event: &AnyEvent) -> Result<()> {
    if event.get::<ImportFinished>().is_some() { knowledge::react::on_import_finished(tx).await } else { Ok(()) }
}
