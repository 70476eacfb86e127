//! How a person wants to be notified.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Cause, Channel};
use crate::kernel::{Locale, string_enum};

/// A person's notification preferences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preference {
    /// `None`: the organisation's default.
    pub language: Option<Locale>,
    /// Quiet hours in minutes of the day in the organisation's time zone; only critical messages are sent in them. They span
    /// midnight if the second is smaller.
    pub quiet: Option<(u16, u16)>,
    /// How the person hears of a cause; all others as the table says.
    pub ways: BTreeMap<Cause, ChosenWay>,
}

string_enum! {
    /// How a person wants to hear of a cause.
    ChosenWay {
        /// In the web app alone.
        App = "APP",
        /// In a digest, once an hour.
        Digest = "DIGEST",
        Wecom = "WECOM",
        Dingtalk = "DINGTALK",
        Feishu = "FEISHU",
        WebPush = "WEB_PUSH",
        Email = "EMAIL",
        Sms = "SMS",
    }
}

impl ChosenWay {
    /// The channel by which the person wants to hear.
    pub fn channel(self) -> Option<Channel> {
        self.as_str().parse().ok()
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct SavePreference {
    pub language: Option<Locale>,
    pub quiet_from_minute: Option<i32>,
    pub quiet_to_minute: Option<i32>,
}

/// Chooses how the actor hears of a cause; `None`: as the table says.
#[derive(Clone, Debug, Serialize)]
pub struct SaveNotificationWay {
    pub cause: Cause,
    pub way: Option<ChosenWay>,
}
