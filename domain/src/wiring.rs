//! All capabilities, in the order in which they react to an event. A new capability is a folder, its `pub mod` and a line here.

use std::sync::Arc;

use crate::auth;
use crate::kernel::{Result, boxed};
use crate::notifications::model::Senders;
use crate::runtime::app::States;
use crate::runtime::settings::SectionVisitor;
use crate::runtime::{App, Ctx, Modules, Vault, sweep};

/// Defines [`MODULES`] and [`visit_settings`] from the capabilities, each with the settings in its model if it has any. The sweep is
/// last.
macro_rules! modules {
    ($($module:ident $(with $settings:ident)?),* $(,)?) => {
        pub const MODULES: Modules = Modules(&[$(crate::$module::MODULE,)* sweep::MODULE]);

        /// Visits the section of each capability, in the order of [`MODULES`].
        pub fn visit_settings<V: SectionVisitor>(visitor: &mut V) -> Result<(), V::Error> {
            $($(visitor.visit::<crate::$module::model::$settings>()?;)?)*
            Ok(())
        }
    };
}

modules! {
    auth,
    calendar with Settings,
    catalogue,
    credentials with Settings,
    people,
    tickets with Settings,
    sla with Settings,
    knowledge with Settings,
    notifications with Settings,
    recommend,
    satisfaction,
    reports with Settings,
    dispatch with Settings,
    escalation with Settings,
    hub with Settings,
    intake with Settings,
    import,
    metrics with Settings,
}

/// What capabilities keep in memory; their settings are added to it.
pub fn states(vault: Vault, senders: Senders) -> States {
    let mut states = MODULES.states();
    states.insert(vault);
    states.insert(senders);
    states
}

/// What every start does: it loads the signing keys, then runs the `start` of each module in one transaction.
#[boxed]
pub async fn start(app: &Arc<App>) -> Result<()> {
    auth::commands::load_signing_keys(app).await?;
    let mut tx = Ctx::system(app).begin().await?;
    MODULES.start(&mut tx).await?;
    tx.commit().await
}
