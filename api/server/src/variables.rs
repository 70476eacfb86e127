//! Environment variables with the prefix of the configuration: which name a key, and which do not.

use std::fmt;
use std::sync::LazyLock;

use figment::Figment;
use figment::providers::{Format as _, Toml};
use figment::value::{Dict, Value};

/// The default file is also the reference documentation.
pub const DEFAULT: &str = include_str!("config.default.toml");

pub const PREFIX: &str = "BUOY_";

/// Variables of tests and tools, which are not configuration.
const OF_TOOLS: [&str; 2] = ["test_database_url", "binary"];

/// Keys of later versions: they cause a notice, so that one environment fits several versions.
const OF_LATER_VERSIONS: [&str; 1] = ["nats_url"];

/// The configuration's keys, from the default file, which contains all.
struct Keys {
    /// Such as `org.time_zone`.
    values: Vec<String>,
    /// Such as `org`: a variable may set a whole section.
    sections: Vec<String>,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    fn collect(table: Dict, path: &str, keys: &mut Keys) {
        for (name, value) in table {
            let key = format!("{path}{name}");
            match value {
                Value::Dict(_, section) => {
                    collect(section, &format!("{key}."), keys);
                    keys.sections.push(key);
                }
                _ => keys.values.push(key),
            }
        }
    }
    let mut keys = Keys { values: Vec::new(), sections: Vec::new() };
    let defaults = Figment::from(Toml::string(DEFAULT)).extract();
    collect(defaults.expect("the default configuration is valid TOML"), "", &mut keys);
    keys
});

/// Whether the configuration has this key, such as `org.time_zone`; upper and lower case are the same.
pub fn is_key(key: &str) -> bool {
    KEYS.values.iter().chain(&KEYS.sections).any(|known| known.eq_ignore_ascii_case(key.trim()))
}

/// The keys and sections that are in no section.
pub fn top_level() -> &'static [&'static str] {
    static TOP_LEVEL: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let keys = KEYS.values.iter().chain(&KEYS.sections).map(String::as_str);
        keys.filter(|key| !key.contains('.')).collect()
    });
    &TOP_LEVEL
}

pub fn of_later_versions() -> impl Iterator<Item = String> {
    OF_LATER_VERSIONS.into_iter().map(variable)
}

/// The variable of a key.
fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.to_ascii_uppercase().replace('.', "__"))
}

/// A variable with our prefix that names no key.
#[derive(Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    name: String,
    nearest: String,
}

impl fmt::Display for UnknownVariable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, nearest } = self;
        write!(f, "the environment variable {name} has no effect: no setting has this name; the nearest is {nearest}")
    }
}

/// The unknown variables of this process, by name.
pub fn unknown() -> Vec<UnknownVariable> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let mut unknown: Vec<_> = names.filter_map(check).collect();
    unknown.sort_by(|a, b| a.name.cmp(&b.name));
    unknown
}

/// `None`: the variable is a setting, or none of ours.
fn check(name: String) -> Option<UnknownVariable> {
    let upper = name.trim().to_ascii_uppercase();
    let rest = upper.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let expected = OF_TOOLS.contains(&rest.as_str())
        || OF_LATER_VERSIONS.contains(&rest.as_str())
        || is_key(&rest.replace("__", "."))
        || is_of_kubernetes(&rest);
    if expected {
        return None;
    }
    let known = KEYS.values.iter().map(|key| variable(key));
    let nearest = known.min_by_key(|known| strsim::levenshtein(known, &upper))?;
    Some(UnknownVariable { name, nearest })
}

/// Whether Kubernetes sets this variable in every pod beside a service called `buoy`:
/// <https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables>.
fn is_of_kubernetes(rest: &str) -> bool {
    if matches!(rest, "port" | "service_host" | "service_port") {
        return true;
    }
    if let Some(port_name) = rest.strip_prefix("service_port_") {
        return !port_name.is_empty();
    }
    let Some(rest) = rest.strip_prefix("port_") else { return false };
    match rest.split('_').collect::<Vec<_>>().as_slice() {
        [port, protocol] | [port, protocol, "addr" | "port" | "proto"] => {
            port.parse::<u16>().is_ok() && ["tcp", "udp", "sctp"].contains(protocol)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_variable_is_reported_with_the_nearest_known_name() {
        for (name, nearest) in [
            ("BUOY_ORG__TIMEZONE", "BUOY_ORG__TIME_ZONE"),
            ("BUOY_TIME_ZONE", "BUOY_ORG__TIME_ZONE"),
            ("BUOY_TICKETS_CLOSE_AFTER_DAYS", "BUOY_TICKETS__CLOSE_AFTER_DAYS"),
            ("BUOY_DATABASEURL", "BUOY_DATABASE_URL"),
            ("buoy_listn", "BUOY_LISTEN"),
            ("BUOY_CHANNELS__EMAIL__SMTPURL", "BUOY_CHANNELS__EMAIL__SMTP_URL"),
            ("BUOY_HTTP__WORKER", "BUOY_HTTP__WORKERS"),
            // Below a value.
            ("BUOY_LISTEN__PORT", "BUOY_LISTEN"),
        ] {
            let unknown = check(name.to_owned()).unwrap_or_else(|| panic!("{name} is known"));
            assert_eq!(unknown, UnknownVariable { name: name.to_owned(), nearest: nearest.to_owned() });
            let text = unknown.to_string();
            assert!(text.contains(name) && text.contains(nearest), "{text}");
        }
        for name in
            ["BUOY_", "BUOY__LISTEN", "BUOY_SERVICE_PORT_", "BUOY_PORT_", "BUOY_PORT_X_TCP", "BUOY_PORT_80_TCP_X"]
        {
            assert!(check(name.to_owned()).is_some(), "{name}");
        }
    }

    #[test]
    fn settings_and_variables_of_others_are_not_reported() {
        let settings = KEYS.values.iter().chain(&KEYS.sections).map(|key| variable(key));
        let others = [
            // Kubernetes, beside a service called buoy.
            "BUOY_PORT",
            "BUOY_SERVICE_HOST",
            "BUOY_SERVICE_PORT",
            "BUOY_SERVICE_PORT_HTTP",
            "BUOY_SERVICE_PORT_MAIL_LMTP",
            "BUOY_PORT_8080_TCP",
            "BUOY_PORT_8080_TCP_ADDR",
            "BUOY_PORT_8080_TCP_PORT",
            "BUOY_PORT_8080_TCP_PROTO",
            "BUOY_PORT_53_UDP",
            "BUOY_PORT_53_UDP_PROTO",
            "BUOY_PORT_7_SCTP_ADDR",
            // Our tools, and later versions.
            "BUOY_TEST_DATABASE_URL",
            "BUOY_BINARY",
            "BUOY_NATS_URL",
            // Other spellings of keys.
            "buoy_listen",
            "BUOY_org.time_zone",
            // Of others.
            "PATH",
            "BUOY",
            "BUOYANCY",
        ];
        for name in settings.chain(others.map(str::to_owned)) {
            assert_eq!(check(name.clone()), None, "{name}");
        }
    }

    #[test]
    fn no_variable_of_kubernetes_names_a_key() {
        for key in KEYS.values.iter().chain(&KEYS.sections) {
            assert!(
                !is_of_kubernetes(&key.replace('.', "__")),
                "{key} could not be told from a variable of Kubernetes"
            );
        }
    }

    #[test]
    fn a_key_is_a_value_or_a_section() {
        for (key, expected) in [
            ("listen", true),
            ("LISTEN", true),
            ("org", true),
            ("channels.email", true),
            ("channels.email.smtp_url", true),
            ("org.timezone", false),
            ("listen.port", false),
            ("test_database_url", false),
            ("nats_url", false),
            ("port", false),
            ("", false),
        ] {
            assert_eq!(is_key(key), expected, "{key}");
        }
    }
}
