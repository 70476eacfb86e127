//! Configuration: a file over the commented default, each key overridable by the environment.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use domain::kernel::{days, hours, minutes};
use domain::notifications::model::{Senders, Tongue};
use figment::Figment;
use figment::providers::{Env, Format as _, Toml};
use serde::Deserialize;

use crate::channels::{Channels, Guard, KeyPair, postman, senders};
use crate::transport::Limits;

/// The default file is also the reference.
pub const DEFAULT: &str = include_str!("config.default.toml");

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub database_url: String,
    pub master_key_file: String,
    pub model_dir: String,
    pub log_json: bool,
    pub log: String,
    pub org: Org,
    pub tickets: Tickets,
    pub sla: Sla,
    pub dispatch: Dispatch,
    pub escalation: Escalation,
    pub hub: Hub,
    pub intake: Intake,
    pub credentials: Credentials,
    pub knowledge: Knowledge,
    pub reports: Reports,
    pub metrics: Metrics,
    pub notifications: Notifications,
    pub channels: Channels,
    pub http: Http,
    pub outgoing: Outgoing,
    pub widget: Widget,
    pub websocket: WebSocket,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Org {
    pub time_zone: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tickets {
    pub close_after_days: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sla {
    pub risk_share: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dispatch {
    pub automatic: bool,
    pub skill_points: i32,
    pub assignments_max: i32,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Escalation {
    pub unopened_after_hours: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hub {
    pub disable_after_hours: u64,
    pub grace_minutes: u64,
    pub divergence_target: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Intake {
    /// Empty: none.
    pub mail_listen: String,
    pub mail_address: String,
    pub mail_allow: Vec<ipnet::IpNet>,
    pub watch_minutes: u64,
    pub canary_stands_minutes: u64,
}

impl Intake {
    /// Where mail is brought. Loading has checked that it is an address.
    pub fn mail_listen(&self) -> Option<std::net::SocketAddr> {
        self.mail_listen.parse().ok()
    }

    fn check(&self) -> Result<(), String> {
        if self.mail_listen.is_empty() {
            return Ok(());
        }
        let at = &self.mail_listen;
        if self.mail_listen().is_none() {
            return Err(format!(
                "intake.mail_listen: {at:?} is no address; write host and port, such as 127.0.0.1:2525"
            ));
        }
        if self.mail_address.parse::<lettre::Address>().is_err() {
            let address = &self.mail_address;
            return Err(format!(
                "intake.mail_address: {address:?} is no mail address; write one such as help@example.com"
            ));
        }
        Ok(())
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    pub change_alarm: bool,
    pub probe_minutes: u64,
    pub warned_days: Vec<u16>,
}

impl Credentials {
    fn warned_days(&self) -> Vec<u64> {
        let mut days: Vec<u64> = self.warned_days.iter().copied().map(u64::from).collect();
        days.sort_unstable_by(|a, b| b.cmp(a));
        days.dedup();
        days
    }
}

/// Every so many minutes; 0: never.
fn every(count: u64) -> Option<Duration> {
    (count > 0).then(|| minutes(count))
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Knowledge {
    pub occurrences_in_week: usize,
    pub occurrences_in_gap: usize,
    pub recurs_within_days: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reports {
    pub knowledge_gap_below: f64,
    pub root_cause_convergence_target: f64,
    pub solution_reuse_target: f64,
    pub l3_escape_target: f64,
    pub recurrence_target: f64,
    pub link_rate_target: f64,
    pub csat_target: f64,
    pub response_rate_target: f64,
    pub escape_change_target: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notifications {
    pub public_url: String,
    pub language: String,
    pub active_within_minutes: u64,
    pub acknowledged_within_secs: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Metrics {
    pub first_response_minutes: u64,
    pub reopened_within_days: u64,
    pub first_response_compliance_target: f64,
    pub first_time_resolution_target: f64,
    pub root_cause_closure_target: f64,
    pub small_sample: u64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    pub body_bytes_max: usize,
    pub execution_timeout_secs: u64,
    pub workers: usize,
    pub trusted_proxies: Vec<std::net::IpAddr>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    pub allow_private: Vec<ipnet::IpNet>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Widget {
    pub origins: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSocket {
    pub frame_bytes_max: usize,
    pub operations_max: usize,
}

/// Variables of the environment that begin like ours and are not configuration.
const NOT_CONFIGURATION: [&str; 2] = ["test_database_url", "binary"];

/// Fixed names of what later versions bring: said so, not refused, so that one environment serves several versions.
const NOT_YET: [&str; 1] = ["nats_url"];

impl Config {
    /// Default, then the file, then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let mut figment = Figment::from(Toml::string(DEFAULT));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(format!("{}: there is no such configuration file", file.display()));
            }
            figment = figment.merge(Toml::file(file));
        }
        for name in NOT_YET.map(|key| format!("BUOY_{}", key.to_uppercase())) {
            if std::env::var_os(&name).is_some_and(|value| !value.is_empty()) {
                eprintln!("{name} has no effect in this version of Buoy");
            }
        }
        let environment = Env::prefixed("BUOY_").ignore(&NOT_CONFIGURATION).ignore(&NOT_YET).split("__");
        let config: Self = figment.merge(environment).extract().map_err(|e| format!("configuration: {e}"))?;
        config.check()?;
        Ok(config)
    }

    fn check(&self) -> Result<(), String> {
        let zone = &self.org.time_zone;
        domain::kernel::time::zone(zone).map(drop).ok_or_else(|| {
            format!("org.time_zone: {zone:?} is no IANA time zone; write one such as Asia/Shanghai or Europe/Berlin")
        })?;
        let language = &self.notifications.language;
        Tongue::parse(language)
            .map(drop)
            .ok_or_else(|| format!("notifications.language: {language:?} is neither zh-CN nor en"))?;
        for origin in &self.widget.origins {
            let is_origin = reqwest::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
            if !is_origin {
                return Err(format!(
                    "widget.origins: {origin:?} is no origin; write scheme, host and port alone, such as https://erp.example.com"
                ));
            }
        }
        self.intake.check()?;
        self.senders([0; 32]).map(drop)
    }

    /// What carries messages out of the process.
    pub fn senders(&self, web_push_secret: [u8; 32]) -> Result<Senders, String> {
        senders(&self.channels, &KeyPair::of(web_push_secret), &Guard::allowing(&self.outgoing.allow_private))
    }

    /// The way to the endpoints of other systems.
    pub fn postman(&self) -> domain::hub::model::Postman {
        postman(&Guard::allowing(&self.outgoing.allow_private))
    }

    /// The key with which browsers subscribe to pushes; `None` where none are sent.
    pub fn web_push_key(&self, secret: [u8; 32]) -> Option<String> {
        (!self.channels.web_push.subject.is_empty()).then(|| KeyPair::of(secret).public())
    }

    pub fn database_url(&self) -> Option<&str> {
        (!self.database_url.is_empty()).then_some(&self.database_url)
    }

    /// The organisation's time zone. Loading has checked that there is one of this name.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        domain::kernel::time::zone(&self.org.time_zone).unwrap_or(jiff::tz::TimeZone::UTC)
    }

    pub fn master_key_file(&self) -> PathBuf {
        if self.master_key_file.is_empty() {
            self.data_dir.join("master.key")
        } else {
            PathBuf::from(&self.master_key_file)
        }
    }

    /// An administrator's choices, as the capabilities take them.
    /// Of the encoder of meanings, where there is one.
    pub fn model_dir(&self) -> Option<PathBuf> {
        Some(&self.model_dir).filter(|dir| !dir.is_empty()).map(PathBuf::from)
    }

    pub fn settings(&self) -> domain::wiring::Settings {
        domain::wiring::Settings {
            tickets: domain::tickets::react::Settings { close_after: days(self.tickets.close_after_days) },
            organisation: domain::calendar::model::Organisation { zone: self.zone() },
            notifications: domain::notifications::model::Settings {
                active_within: minutes(self.notifications.active_within_minutes),
                acknowledged_within: Duration::from_secs(self.notifications.acknowledged_within_secs),
                tongue: Tongue::parse(&self.notifications.language).unwrap_or(Tongue::Chinese),
                public_url: Some(self.notifications.public_url.clone()).filter(|url| !url.is_empty()),
                ..domain::notifications::model::Settings::default()
            },
            dispatch: domain::dispatch::model::Settings {
                automatic: self.dispatch.automatic,
                skill_points: self.dispatch.skill_points,
                assignments_max: self.dispatch.assignments_max,
            },
            escalation: domain::escalation::model::Settings {
                unopened_after: hours(self.escalation.unopened_after_hours),
            },
            hub: domain::hub::model::Settings {
                disable_after: hours(self.hub.disable_after_hours),
                grace: minutes(self.hub.grace_minutes),
                divergence_target: self.hub.divergence_target,
            },
            intake: domain::intake::model::Settings {
                watched_every: every(self.intake.watch_minutes),
                canary_stands_for: minutes(self.intake.canary_stands_minutes),
                mail_address: self.intake.mail_listen().map(|_| self.intake.mail_address.clone()),
                zone: self.zone(),
            },
            credentials: domain::credentials::model::Settings {
                change_alarm: self.credentials.change_alarm,
                probed_every: every(self.credentials.probe_minutes),
                warned_days: self.credentials.warned_days(),
            },
            sla: domain::sla::model::Settings {
                risk_share: self.sla.risk_share,
                first_response_within: minutes(self.metrics.first_response_minutes),
            },
            knowledge: domain::knowledge::model::Settings {
                occurrences_in_week: self.knowledge.occurrences_in_week,
                occurrences_in_gap: self.knowledge.occurrences_in_gap,
                recurs_within: days(self.knowledge.recurs_within_days),
            },
            metrics: self.metrics(),
            reports: self.reports(),
            model_dir: self.model_dir(),
        }
    }

    fn reports(&self) -> domain::reports::model::Settings {
        let Reports {
            knowledge_gap_below,
            root_cause_convergence_target,
            solution_reuse_target,
            l3_escape_target,
            recurrence_target,
            link_rate_target,
            csat_target,
            response_rate_target,
            escape_change_target,
        } = self.reports;
        let targets = domain::reports::model::Targets {
            root_cause_convergence: root_cause_convergence_target,
            solution_reuse: solution_reuse_target,
            l3_escape: l3_escape_target,
            recurrence: recurrence_target,
            link_rate: link_rate_target,
            csat: csat_target,
            response_rate: response_rate_target,
            escape_change: escape_change_target,
        };
        domain::reports::model::Settings { targets, gap_below: knowledge_gap_below }
    }

    fn metrics(&self) -> domain::metrics::model::Settings {
        use domain::metrics::model::{Settings, Targets};
        let Metrics {
            first_response_minutes,
            reopened_within_days,
            first_response_compliance_target,
            first_time_resolution_target,
            root_cause_closure_target,
            small_sample,
        } = self.metrics;
        Settings {
            first_response_within: minutes(first_response_minutes),
            reopened_within: days(reopened_within_days),
            targets: Targets {
                first_response_compliance: first_response_compliance_target,
                first_time_resolution: first_time_resolution_target,
                root_cause_closure: root_cause_closure_target,
            },
            small_sample,
            zone: self.zone(),
        }
    }

    pub fn limits(&self) -> Limits {
        Limits {
            body_bytes_max: self.http.body_bytes_max,
            origins: self.widget.origins.clone(),
            own_origin: reqwest::Url::parse(&self.notifications.public_url)
                .ok()
                .map(|url| url.origin().ascii_serialization()),
            trusted_proxies: self.http.trusted_proxies.clone(),
            execution_timeout: Duration::from_secs(self.http.execution_timeout_secs),
            ws_frame_bytes_max: self.websocket.frame_bytes_max,
            ws_operations_max: self.websocket.operations_max,
            ..Limits::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_complete_and_known() {
        let config: Config = Figment::from(Toml::string(DEFAULT)).extract().unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.org.time_zone, "Asia/Shanghai");
        config.check().unwrap();
        let typo = Figment::from(Toml::string(DEFAULT)).merge(Toml::string("[org]\ntimezone = \"UTC\""));
        assert!(typo.extract::<Config>().unwrap_err().to_string().contains("timezone"));
    }
}
