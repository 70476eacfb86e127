//! Configuration.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Deserialize;

use super::{DISMISSED_DAYS_MAX, RAW_DAYS_MAX};
use crate::kernel::text::email;
use crate::kernel::{days, minutes};
use crate::runtime::ConfigSection;

/// Configuration: the section `intake`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The address that mail is delivered to; empty: none is received.
    pub mail_listen: String,
    /// The mail address of the support mailbox.
    pub mail_address: String,
    /// Networks that may deliver mail.
    pub mail_allow: Vec<IpNet>,
    /// The interval of canaries and of the detection of silence; 0: never.
    pub watch_minutes: u64,
    /// The time between sending a canary and its final check.
    pub canary_stands_minutes: u64,
    /// Payloads of dismissed submissions are deleted after this time.
    pub dismissed_days: u64,
    /// A message belongs to a ticket until this time after its end; a later one is a new request.
    pub reopen_within_days: u64,
    /// Submissions are kept as they were received for this time, sealed.
    pub raw_days: u64,
}

impl ConfigSection for Settings {
    const NAME: &'static str = "intake";

    fn validate(&self) -> Result<(), String> {
        let at = &self.mail_listen;
        if !at.is_empty() && self.mail_listen().is_none() {
            return Err(format!(
                "intake.mail_listen: {at:?} is no address; write host and port, such as 127.0.0.1:2525"
            ));
        }
        if self.dismissed_days > DISMISSED_DAYS_MAX {
            let days = self.dismissed_days;
            return Err(format!("intake.dismissed_days: {days} is too long; at most {DISMISSED_DAYS_MAX} are allowed"));
        }
        if !(1..=RAW_DAYS_MAX).contains(&self.raw_days) {
            let days = self.raw_days;
            return Err(format!("intake.raw_days: {days} is not allowed; write a number from 1 to {RAW_DAYS_MAX}"));
        }
        match self.mail_address() {
            Some(address) if !is_bare_address(address) => {
                Err(format!("intake.mail_address: {address:?} is no mail address; write one such as help@example.com"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether a text is `name@host` and nothing else: no display name, no list, no empty part between dots.
fn is_bare_address(text: &str) -> bool {
    let parts_are_present = text.split(['@', '.']).all(|part| !part.is_empty());
    let valid = email("mailAddress", text).is_ok_and(|valid| valid == text.to_lowercase());
    valid && parts_are_present && !text.contains(['<', '>', '(', ')', ',', ';', '"'])
}

impl Settings {
    pub fn mail_listen(&self) -> Option<SocketAddr> {
        self.mail_listen.parse().ok()
    }

    /// The address that receives requests by mail, if mail is received.
    pub fn mail_address(&self) -> Option<&str> {
        self.mail_listen().map(|_| self.mail_address.as_str())
    }

    pub fn monitor_interval(&self) -> Option<Duration> {
        (self.watch_minutes > 0).then(|| minutes(self.watch_minutes))
    }

    pub const fn keep_dismissed(&self) -> Duration {
        days(self.dismissed_days)
    }

    pub const fn reopen_within(&self) -> Duration {
        days(self.reopen_within_days)
    }

    pub const fn keep_originals(&self) -> Duration {
        days(self.raw_days)
    }

    pub const fn canary_check_after(&self) -> Duration {
        minutes(self.canary_stands_minutes)
    }
}
