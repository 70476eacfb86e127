//! One HTTP client for all that leaves the process: with time-outs, without redirects.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

use domain::kernel::{Clock as _, SystemClock, Timestamp};
use domain::runtime::jobs::Outcome;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, RequestBuilder, StatusCode, Url};
use serde_json::Value as Json;

use super::{GIVE_UP_AFTER, denied, later, refused};

/// Bytes of a provider's answer that are read.
const ANSWER_MAX: usize = 64 * 1024;

/// TLS is ring's, for every library of this process. Whoever comes second finds it chosen.
pub fn choose_tls() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn builder() -> ClientBuilder {
    choose_tls();
    Client::builder()
        .timeout(GIVE_UP_AFTER)
        .redirect(Policy::none())
        .user_agent(concat!("Buoy/", env!("CARGO_PKG_VERSION")))
}

/// For addresses that an administrator has configured.
pub fn client() -> Client {
    builder().build().expect("a client with a time-out and without redirects can be built")
}

/// Networks that are not the public internet: <https://www.iana.org/assignments/iana-ipv4-special-registry> and -ipv6-.
const SPECIAL: [&str; 28] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "::/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "2001::/23",
    "2001:db8::/32",
    "2002::/16",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "fec0::/10",
    "ff00::/8",
];
static SPECIAL_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| SPECIAL.iter().map(|network| network.parse().expect("a network")).collect());

/// Where requests to addresses that users give may go: to the public internet, and to the private networks that an
/// administrator allows. Looked at when the connection is made, so that no name leads elsewhere afterwards.
#[derive(Clone, Default)]
pub struct Guard(Arc<Vec<IpNet>>);

impl Guard {
    pub fn allowing(networks: &[IpNet]) -> Self {
        Self(Arc::new(networks.to_vec()))
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    fn reaches(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allows(ip) || !SPECIAL_NETWORKS.iter().any(|network| network.contains(&ip))
    }

    /// Whether an address may be asked at all; names are looked at once more when they are resolved. Without TLS only in
    /// a private network that is allowed.
    pub fn permits(&self, url: &Url) -> Result<(), String> {
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|ip| !self.reaches(ip)) {
            return Err("the address is private: outgoing.allow_private does not name its network".to_owned());
        }
        if url.scheme() == "https" || literal.is_some_and(|ip| self.allows(ip)) {
            return Ok(());
        }
        Err("the address is not https".to_owned())
    }

    /// A client that connects nowhere else; and through no proxy, which would connect for it.
    pub fn client(&self) -> Client {
        let guarded = builder().no_proxy().dns_resolver(self.clone());
        guarded.build().expect("a client with a time-out, without redirects and proxies can be built")
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| this.reaches(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(
                    "the name leads to private addresses alone: outgoing.allow_private names allowed ones".into()
                );
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Sends a request whose answer is its status alone.
pub async fn status_of(request: RequestBuilder) -> Result<StatusCode, Outcome> {
    request.send().await.map(|answer| answer.status()).map_err(unsent)
}

/// What comes of a message for which no answer came: where the other side was never reached it did not go; otherwise nobody
/// knows. Without the address, which may carry a token.
pub fn unsent(error: reqwest::Error) -> Outcome {
    use std::error::Error as _;
    let reached = !(error.is_connect() || error.is_builder());
    // The resolver's own words are at the end of the chain.
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let why = format!("{}{cause}", error.without_url());
    if reached { Outcome::Unknown { why } } else { later(why) }
}

/// Sends a request and reads its answer as JSON; a failure is told as what comes of the message.
pub async fn ask(request: RequestBuilder) -> Result<Json, Outcome> {
    let mut answer = request.send().await.map_err(unsent)?;
    let status = answer.status();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.map_err(unsent)? {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER_MAX {
            return Err(refused("the answer is too long"));
        }
    }
    let said = || String::from_utf8_lossy(&body).chars().take(200).collect::<String>();
    if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
        return Err(later(format!("HTTP {}: {}", status.as_u16(), said())));
    }
    match serde_json::from_slice(&body) {
        Ok(json) => Ok(json),
        Err(_) if status.is_success() => Ok(Json::Null),
        Err(_) if status == StatusCode::UNAUTHORIZED => Err(denied(format!("HTTP 401: {}", said()))),
        Err(_) => Err(refused(format!("HTTP {}: {}", status.as_u16(), said()))),
    }
}

/// An access token of a provider, kept while it lasts.
#[derive(Default)]
pub struct Tokens(Mutex<Option<(String, Timestamp)>>);

/// A token is fetched anew so long before it ends.
const TOKEN_MARGIN: Duration = Duration::from_secs(300);

/// System busy, or too many requests: of WeCom, DingTalk and Feishu.
const BUSY: [i64; 6] = [-1, 45_009, 88, 90_018, 9_499, 99_991_400];

impl Tokens {
    /// The token, or what comes of the message for want of one.
    pub async fn get(&self, fetch: impl FnOnce() -> RequestBuilder, field: &str) -> Result<String, Outcome> {
        let now = SystemClock.now();
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, _)) = kept.filter(|(_, until)| now < *until) {
            return Ok(token);
        }
        let answer = ask(fetch()).await.map_err(|outcome| match outcome {
            // Whatever became of this request: no message has gone.
            Outcome::Unknown { why } => later(why),
            outcome => outcome,
        })?;
        let Some(token) = answer[field].as_str().filter(|token| !token.is_empty()) else {
            let code = [&answer["errcode"], &answer["code"]].into_iter().find(|code| !code.is_null());
            let said = [&answer["errmsg"], &answer["msg"]].into_iter().find_map(|text| text.as_str());
            let why = format!("no access token: {} {}", code.unwrap_or(&Json::Null), said.unwrap_or_default());
            // It is busy, or asked too often: that says nothing of the secret.
            let busy = code.and_then(Json::as_i64).is_none_or(|code| BUSY.contains(&code));
            return Err(if busy { later(why) } else { denied(why) });
        };
        let lasts = [&answer["expires_in"], &answer["expire"]].into_iter().find_map(Json::as_u64).unwrap_or(7_200);
        let until = now + Duration::from_secs(lasts).saturating_sub(TOKEN_MARGIN);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((token.to_owned(), until));
        Ok(token.to_owned())
    }

    /// Whether a new token is given: what is kept proves nothing of the secret.
    pub async fn probe(&self, fetch: impl FnOnce() -> RequestBuilder, field: &str) -> Result<String, Outcome> {
        self.forget();
        self.get(fetch, field).await
    }

    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_addresses_are_refused_unless_they_are_allowed() {
        let guard = Guard::allowing(&["127.0.0.0/8".parse().unwrap(), "fd00::/16".parse().unwrap()]);
        for (url, permitted) in [
            ("https://push.example.com/x", true),
            ("http://push.example.com/x", false),
            ("https://8.8.8.8/x", true),
            ("https://10.1.2.3/x", false),
            ("https://169.254.169.254/latest/meta-data", false),
            ("https://192.168.0.1/", false),
            ("https://[::1]/", false),
            ("https://[::ffff:10.0.0.1]/", false),
            ("https://[64:ff9b::a00:1]/", false),
            ("https://[fe80::1]/", false),
            ("https://0x0a000001/", false),
            ("http://127.0.0.1:80/", true),
            ("https://[::ffff:127.0.0.1]/", true),
            ("http://[fd00::1]/", true),
            ("https://[fd01::1]/", false),
        ] {
            assert_eq!(guard.permits(&url.parse().unwrap()).is_ok(), permitted, "{url}");
        }
    }
}
