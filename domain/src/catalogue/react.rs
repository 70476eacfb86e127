//! The catalogue is kept in memory; a new installation begins with the tags that attribution needs.

use super::commands;
use super::model::{CatalogueCache, CatalogueEvent};
use crate::kernel::{Result, boxed};
use crate::runtime::{AnyEvent, App, Tx, sweep};

#[boxed]
pub async fn start(tx: &mut Tx) -> Result<()> {
    if sweep::is_first_start(tx).await? { commands::seed(tx).await } else { Ok(()) }
}

pub fn observe(app: &App, event: &AnyEvent) {
    if event.get::<CatalogueEvent>().is_some() {
        app.state::<CatalogueCache>().invalidate();
    }
}
