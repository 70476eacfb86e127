//! Configuration: the default file, overridden by a file and by the environment. Each section belongs to a capability or
//! to a part of the server, which names its keys and checks them.

use std::any::{Any, TypeId};
use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::notifications::model::Senders;
use domain::recommend::model::EmbeddingService;
use domain::runtime::ConfigSection;
use domain::runtime::app::States;
use domain::runtime::ports::HttpClient;
use domain::runtime::settings::SectionVisitor;
use domain::{calendar, notifications, wiring};
use figment::providers::{Env, Format as _, Toml};
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile, Provider};
use ipnet::IpNet;
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};

use crate::transport::settings::{Http, WebSocket, Widget, origin_of};
use crate::transport::{Limits, cost};
use crate::variables;
use adapters::{Channels, Guard, KeyPair, senders};

#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub data_dir: PathBuf,
    pub listen: SocketAddr,
    pub database_url: String,
    pub master_key_file: String,
    pub model_dir: String,
    pub log_json: bool,
    pub log: String,
    pub channels: Channels,
    pub http: Http,
    pub outgoing: Outgoing,
    pub widget: Widget,
    pub websocket: WebSocket,
    /// The sections of capabilities, by type.
    #[serde(skip)]
    settings: HashMap<TypeId, Arc<dyn Any + Send + Sync>>,
    /// The keys of all other fields: the sections of capabilities and what is unknown.
    #[serde(flatten)]
    other_keys: BTreeMap<String, IgnoredAny>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outgoing {
    /// Private networks that addresses given by users may lead to.
    pub allow_private: Vec<IpNet>,
}

impl Config {
    /// Default, then the file, then the environment.
    pub fn load(file: Option<&Path>) -> Result<Self, String> {
        let mut figment = Figment::from(Toml::string(variables::DEFAULT));
        if let Some(file) = file {
            if !file.is_file() {
                return Err(format!("{}: there is no such configuration file", file.display()));
            }
            figment = figment.merge(Toml::file(file));
        }
        for name in variables::of_later_versions() {
            if std::env::var_os(&name).is_some_and(|value| !value.is_empty()) {
                eprintln!("{name} has no effect in this version of Buoy");
            }
        }
        // Unknown variables are a warning, not an error: the environment is not ours alone.
        let environment = Env::prefixed(variables::PREFIX).split("__");
        let environment = environment.filter(|key| variables::is_key(key.as_str()));
        let defaults = Figment::from(Toml::string(variables::DEFAULT));
        Self::read(&figment.merge(Variables { environment, defaults }))
    }

    fn read(figment: &Figment) -> Result<Self, String> {
        let mut config: Self = figment.extract().map_err(describe)?;
        wiring::visit_settings(&mut ReadSections { figment, config: &mut config })?;
        if let Some(unknown) = config.other_keys.keys().next() {
            let mut error = figment::Error::unknown_field(unknown, variables::top_level()).with_path(unknown);
            error.profile = Some(figment.profile().clone());
            error.metadata = figment.find_metadata(unknown).cloned();
            return Err(describe(error));
        }
        config.validate()?;
        Ok(config)
    }

    fn validate(&self) -> Result<(), String> {
        self.http.validate()?;
        self.widget.validate()?;
        self.websocket.validate()?;
        self.senders([0; 32]).map(drop)
    }

    /// The settings of a capability.
    pub fn settings<S: ConfigSection>(&self) -> &S {
        let settings = self.settings.get(&TypeId::of::<S>()).and_then(|settings| settings.downcast_ref());
        settings.expect("the sections of all capabilities were read")
    }

    pub fn settings_mut<S: ConfigSection>(&mut self) -> &mut S {
        // A clone of this configuration shares the settings.
        let own = Arc::new(self.settings::<S>().clone());
        self.settings.insert(TypeId::of::<S>(), own);
        let settings = self.settings.get_mut(&TypeId::of::<S>()).and_then(Arc::get_mut);
        settings.and_then(|settings| settings.downcast_mut()).expect("it was inserted and is not shared")
    }

    /// The senders of all channels.
    pub fn senders(&self, web_push_secret: [u8; 32]) -> Result<Senders, String> {
        let mailbox = self.settings::<domain::intake::model::Settings>().mail_address();
        let guard = Guard::allowing(&self.outgoing.allow_private);
        senders(&self.channels, mailbox, &KeyPair::of(web_push_secret), &guard)
    }

    /// The client for addresses that users give, such as the endpoints of other systems.
    pub fn guarded_http(&self) -> Arc<dyn HttpClient> {
        Arc::new(adapters::Http::guarded(&Guard::allowing(&self.outgoing.allow_private)))
    }

    /// The public key for web push subscriptions; `None` if web push is disabled.
    pub fn web_push_key(&self, secret: [u8; 32]) -> Option<String> {
        (!self.channels.web_push.subject.is_empty()).then(|| KeyPair::of(secret).public())
    }

    pub fn database_url(&self) -> Option<&str> {
        (!self.database_url.is_empty()).then_some(&self.database_url)
    }

    /// The organisation's time zone; validated on loading.
    pub fn zone(&self) -> jiff::tz::TimeZone {
        self.settings::<calendar::model::Settings>().organisation().zone
    }

    pub fn master_key_file(&self) -> PathBuf {
        if self.master_key_file.is_empty() {
            self.data_dir.join("master.key")
        } else {
            PathBuf::from(&self.master_key_file)
        }
    }

    /// The folder of the sentence encoder, if one is configured.
    pub fn model_dir(&self) -> Option<PathBuf> {
        Some(&self.model_dir).filter(|dir| !dir.is_empty()).map(PathBuf::from)
    }

    /// The settings of all capabilities, for `App::state`.
    pub fn insert_settings(&self, states: &mut States) {
        let Ok(()) = wiring::visit_settings(&mut InsertSections { config: self, states });
        states.insert(EmbeddingService::new(self.model_dir()));
    }

    pub fn limits(&self) -> Limits {
        Limits {
            http: self.http.clone(),
            websocket: self.websocket.clone(),
            widget: self.widget.clone(),
            own_origin: origin_of(&self.settings::<notifications::model::Settings>().public_url),
            cost: cost::Limits::default(),
        }
    }
}

/// The environment. What is a text by default is read as one: alone, figment takes `1000001` for a number.
struct Variables {
    environment: Env,
    defaults: Figment,
}

impl Provider for Variables {
    fn metadata(&self) -> Metadata {
        self.environment.metadata()
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let mut values = Dict::new();
        for (key, text) in self.environment.iter() {
            let is_text = matches!(self.defaults.find_value(key.as_str()), Ok(Value::String(..)));
            insert(&mut values, key.as_str(), variable(&text, is_text));
        }
        Ok(Profile::Default.collect(values))
    }
}

fn variable(text: &str, is_text: bool) -> Value {
    match text.parse() {
        Ok(value @ Value::String(..)) => value,
        Ok(value) if !is_text => value,
        _ => Value::from(text),
    }
}

fn insert(values: &mut Dict, key: &str, value: Value) {
    let Some((section, rest)) = key.split_once('.') else {
        values.insert(key.to_owned(), value);
        return;
    };
    let section = values.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
    if let Value::Dict(_, section) = section {
        insert(section, rest, value);
    }
}

fn describe(error: figment::Error) -> String {
    format!("configuration: {error}")
}

/// Reads and validates the section of each capability.
struct ReadSections<'a> {
    figment: &'a Figment,
    config: &'a mut Config,
}

impl SectionVisitor for ReadSections<'_> {
    type Error = String;

    fn visit<S: ConfigSection>(&mut self) -> Result<(), String> {
        let section: S = self.figment.extract_inner(S::NAME).map_err(|mut error| {
            // figment puts the section at the end of the key.
            if let Some(section) = error.path.pop() {
                error.path.insert(0, section);
            }
            describe(error)
        })?;
        section.validate()?;
        self.config.settings.insert(TypeId::of::<S>(), Arc::new(section));
        self.config.other_keys.remove(S::NAME);
        Ok(())
    }
}

struct InsertSections<'a> {
    config: &'a Config,
    states: &'a mut States,
}

impl SectionVisitor for InsertSections<'_> {
    type Error = Infallible;

    fn visit<S: ConfigSection>(&mut self) -> Result<(), Infallible> {
        self.config.settings::<S>().insert_into(self.states);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use domain::kernel::{days, hours, minutes, seconds};
    use domain::{credentials, dispatch, escalation, hub, intake, knowledge, metrics, tickets};

    fn with(file: &str) -> Result<Config, String> {
        Config::read(&Figment::from(Toml::string(variables::DEFAULT)).merge(Toml::string(file)))
    }

    #[test]
    fn the_default_configuration_is_complete_and_valid() {
        let config = with("").unwrap();
        assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(config.settings::<calendar::model::Settings>().time_zone, "Asia/Shanghai");
        // What unit tests of the domain take for the defaults.
        assert_eq!(*config.settings::<dispatch::model::Settings>(), Default::default());
        assert_eq!(*config.settings::<metrics::model::Settings>(), Default::default());
        assert_eq!(*config.settings::<notifications::model::Settings>(), Default::default());
    }

    #[test]
    fn an_unknown_key_in_any_section_is_an_error_that_names_it() {
        fn sections(table: &Dict, path: &str, found: &mut Vec<String>) {
            for (key, value) in table {
                if let Value::Dict(_, inner) = value {
                    found.push(format!("{path}{key}"));
                    sections(inner, &format!("{path}{key}."), found);
                }
            }
        }
        let mut found = Vec::new();
        sections(&Figment::from(Toml::string(variables::DEFAULT)).extract().unwrap(), "", &mut found);
        assert!(found.len() > 20, "{found:?}");
        let keys = found.iter().map(|section| format!("{section}.nonsense")).chain(["nonsense".to_owned()]);
        for key in keys {
            let error = with(&format!("{key} = 1")).unwrap_err();
            assert!(error.starts_with("configuration: unknown field: found `nonsense`"), "{key}: {error}");
            assert!(error.ends_with(&format!(" for key \"default.{key}\" in TOML source string")), "{key}: {error}");
        }
    }

    #[test]
    fn a_wrong_value_is_an_error_that_names_the_key_and_what_would_be_right() {
        for (file, expected) in [
            (
                "org.time_zone = \"Mars/Olympus\"",
                "org.time_zone: \"Mars/Olympus\" is no IANA time zone; write one such as Asia/Shanghai or Europe/Berlin",
            ),
            ("notifications.language = \"fr\"", "notifications.language: \"fr\" is neither zh-CN nor en"),
            (
                "widget.origins = [\"https://erp.example.com/page\"]",
                "widget.origins: \"https://erp.example.com/page\" is no origin; write scheme, host and port alone, such as https://erp.example.com",
            ),
            (
                "intake.mail_listen = \"everywhere\"",
                "intake.mail_listen: \"everywhere\" is no address; write host and port, such as 127.0.0.1:2525",
            ),
            (
                "[intake]\nmail_listen = \"127.0.0.1:2525\"\nmail_address = \"help\"",
                "intake.mail_address: \"help\" is no mail address; write one such as help@example.com",
            ),
            (
                "[intake]\nmail_listen = \"127.0.0.1:2525\"\nmail_address = \"Help <help@example.com>\"",
                "intake.mail_address: \"Help <help@example.com>\" is no mail address; write one such as help@example.com",
            ),
            (
                "[intake]\nmail_listen = \"127.0.0.1:2525\"\nmail_address = \"help@example..com\"",
                "intake.mail_address: \"help@example..com\" is no mail address; write one such as help@example.com",
            ),
            ("http.body_timeout_secs = 0", "http.body_timeout_secs: 0 would refuse everybody; write at least 1"),
            (
                "http.metrics_token = \"secret\"",
                "http.metrics_token: 6 characters can be guessed; write at least 16 random ones, such as the output of `openssl rand -hex 16`",
            ),
            (
                "websocket.pong_timeout_secs = 0",
                "websocket.pong_timeout_secs: 0 would refuse everybody; write at least 1",
            ),
            (
                "tickets.close_after_days = \"soon\"",
                "configuration: invalid type: found string \"soon\", expected u64 for key \"default.tickets.close_after_days\" in TOML source string",
            ),
        ] {
            assert_eq!(with(file).unwrap_err(), expected);
        }
        // Without mail, its address does not matter.
        with("intake.mail_address = \"help\"").unwrap();
    }

    #[test]
    fn a_variable_is_a_text_where_the_default_is_one() {
        for (text, is_text, expected) in [
            ("1000001", true, Value::from("1000001")),
            ("1000001", false, Value::from(1_000_001_usize)),
            ("0138", true, Value::from("0138")),
            ("true", true, Value::from("true")),
            ("1e5", true, Value::from("1e5")),
            ("{a}", true, Value::from("{a}")),
            ("\"quoted\"", true, Value::from("quoted")),
            ("", true, Value::from("")),
        ] {
            assert_eq!(variable(text, is_text), expected, "{text}");
        }
        let mut values = Dict::new();
        insert(&mut values, "channels.wecom.agent_id", Value::from("1"));
        insert(&mut values, "channels.wecom.corp_id", Value::from("2"));
        insert(&mut values, "log", Value::from("3"));
        let found = Figment::from(figment::providers::Serialized::defaults(values));
        for (key, expected) in [("channels.wecom.agent_id", "1"), ("channels.wecom.corp_id", "2"), ("log", "3")] {
            assert_eq!(found.extract_inner::<String>(key).unwrap(), expected);
        }
    }

    #[test]
    fn values_are_read_in_their_units() {
        let config = with(
            "tickets.close_after_days = 2
            escalation.unopened_after_hours = 3
            hub.disable_after_hours = 4
            hub.grace_minutes = 5
            knowledge.recurs_within_days = 6
            metrics.first_response_minutes = 7
            metrics.reopened_within_days = 8
            notifications.active_within_minutes = 9
            notifications.acknowledged_within_secs = 10
            credentials.probe_minutes = 11
            credentials.warned_days = [1, 7, 1, 3]
            intake.watch_minutes = 12
            intake.canary_stands_minutes = 13
            [http]
            execution_timeout_secs = 14
            head_timeout_secs = 15
            body_timeout_secs = 16
            keep_alive_secs = 21
            [websocket]
            init_timeout_secs = 17
            guest_idle_secs = 18
            ping_secs = 19
            pong_timeout_secs = 20",
        )
        .unwrap();
        for (read, expected) in [
            (config.settings::<tickets::model::Settings>().close_after(), days(2)),
            (config.settings::<escalation::model::Settings>().unopened_after(), hours(3)),
            (config.settings::<hub::model::Settings>().disable_after(), hours(4)),
            (config.settings::<hub::model::Settings>().grace(), minutes(5)),
            (config.settings::<knowledge::model::Settings>().recurs_within(), days(6)),
            (config.settings::<metrics::model::Settings>().first_response_within(), minutes(7)),
            (config.settings::<metrics::model::Settings>().reopened_within(), days(8)),
            (config.settings::<notifications::model::Settings>().active_within(), minutes(9)),
            (config.settings::<notifications::model::Settings>().acknowledged_within(), seconds(10)),
            (config.settings::<credentials::model::Settings>().probe_interval().unwrap(), minutes(11)),
            (config.settings::<intake::model::Settings>().monitor_interval().unwrap(), minutes(12)),
            (config.settings::<intake::model::Settings>().canary_check_after(), minutes(13)),
            (config.http.execution_timeout(), seconds(14)),
            (config.http.head_timeout(), seconds(15)),
            (config.http.body_timeout(), seconds(16)),
            (config.http.keep_alive(), seconds(21)),
            (config.websocket.init_timeout(), seconds(17)),
            (config.websocket.guest_idle(), seconds(18)),
            (config.websocket.ping_interval(), seconds(19)),
            (config.websocket.pong_timeout(), seconds(20)),
        ] {
            assert_eq!(read, expected);
        }
        assert_eq!(config.settings::<credentials::model::Settings>().warned_days(), [7, 3, 1]);
        let never = with("credentials.probe_minutes = 0\nintake.watch_minutes = 0").unwrap();
        assert_eq!(
            (
                never.settings::<credentials::model::Settings>().probe_interval(),
                never.settings::<intake::model::Settings>().monitor_interval()
            ),
            (None, None)
        );
        let for_ever = with("tickets.close_after_days = 9223372036854775807").unwrap();
        assert_eq!(for_ever.settings::<tickets::model::Settings>().close_after(), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn empty_texts_mean_that_there_is_none() {
        let config = with("").unwrap();
        assert_eq!(config.settings::<notifications::model::Settings>().public_url(), None);
        assert_eq!(config.limits().own_origin, None);
        assert_eq!(config.settings::<intake::model::Settings>().mail_address(), None);
        let config = with(
            "notifications.public_url = \"https://buoy.example.com/help\"
            intake.mail_listen = \"127.0.0.1:2525\"
            intake.mail_address = \"help@example.com\"",
        )
        .unwrap();
        assert_eq!(
            config.settings::<notifications::model::Settings>().public_url(),
            Some("https://buoy.example.com/help")
        );
        assert_eq!(config.limits().own_origin.as_deref(), Some("https://buoy.example.com"));
        assert_eq!(config.settings::<intake::model::Settings>().mail_address(), Some("help@example.com"));
    }
}
