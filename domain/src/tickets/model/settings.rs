//! The section `tickets` of the configuration.

use std::time::Duration;

use serde::Deserialize;

use crate::kernel::days;
use crate::runtime::ConfigSection;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// A RESOLVED ticket is closed after this time.
    pub close_after_days: u64,
    /// The link by which a requester follows a ticket without signing in is valid for this time.
    pub link_days: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "tickets";
}

impl Settings {
    pub const fn close_after(&self) -> Duration {
        days(self.close_after_days)
    }

    pub const fn link_valid_for(&self) -> Duration {
        days(self.link_days)
    }
}
