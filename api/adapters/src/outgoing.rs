//! The HTTP client for all outgoing requests: with time-outs, without redirects.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, LazyLock};

use domain::kernel::{Locale, Message};
use domain::msg;
use domain::runtime::ports::{HttpClient, HttpError, HttpMethod, HttpRequest, HttpResponse, Outcome};
use futures::future::BoxFuture;
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::HeaderValue;
use reqwest::redirect::Policy;
use reqwest::{Client, ClientBuilder, Url};
use serde_json::Value as Json;

use super::{REQUEST_TIMEOUT, auth_failed, rejected, retry_later};

/// Bytes of a provider's response that are read.
const RESPONSE_BYTES_MAX: usize = 64 * 1024;

/// Installs ring as the TLS provider of the process. Later calls have no effect.
pub fn install_tls_provider() {
    let _ = rustls::crypto::ring::default_provider().install_default();
}

fn builder() -> ClientBuilder {
    install_tls_provider();
    Client::builder()
        .timeout(REQUEST_TIMEOUT)
        .redirect(Policy::none())
        .user_agent(concat!("Buoy/", env!("CARGO_PKG_VERSION")))
}

/// Networks that are not the public internet: <https://www.iana.org/assignments/iana-ipv4-special-registry>, and addresses of
/// cloud providers that reach into the machine's own network.
const SPECIAL_PURPOSE_IPV4: [&str; 16] = [
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
    // Azure: the host of the virtual machine.
    "168.63.129.16/32",
];
/// All that is allocated for the public internet. What is outside of it leads to the machine, to its network, or by a translator
/// (`64:ff9b::/96`, `::ffff:0:0:0/96`) to any IPv4 address.
const GLOBAL_UNICAST_IPV6: &str = "2000::/3";
/// Inside of that: <https://www.iana.org/assignments/iana-ipv6-special-registry>.
const SPECIAL_PURPOSE_IPV6: [&str; 4] = ["2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"];

fn network(text: &str) -> IpNet {
    text.parse().expect("a network")
}

static SPECIAL_NETWORKS: LazyLock<Vec<IpNet>> =
    LazyLock::new(|| SPECIAL_PURPOSE_IPV4.into_iter().chain(SPECIAL_PURPOSE_IPV6).map(network).collect());
static GLOBAL_UNICAST: LazyLock<IpNet> = LazyLock::new(|| network(GLOBAL_UNICAST_IPV6));

fn is_public(ip: IpAddr) -> bool {
    (ip.is_ipv4() || GLOBAL_UNICAST.contains(&ip)) && !SPECIAL_NETWORKS.iter().any(|network| network.contains(&ip))
}

pub fn parse_url(url: &str) -> Result<Url, Message> {
    Url::parse(url).map_err(|error| msg!("url-malformed", error = error))
}

/// Restricts requests to addresses that users give: only the public internet, and private networks that an administrator allows.
/// The check runs when the connection is made, so that DNS rebinding cannot bypass it.
#[derive(Clone, Default)]
pub struct Guard(Arc<Vec<IpNet>>);

impl Guard {
    pub fn allowing(networks: &[IpNet]) -> Self {
        Self(Arc::new(networks.to_vec()))
    }

    fn allows(&self, ip: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&ip.to_canonical()))
    }

    fn may_connect(&self, ip: IpAddr) -> bool {
        self.allows(ip) || is_public(ip.to_canonical())
    }

    /// Checks a URL; host names are checked again when they are resolved. Plain HTTP is permitted only in an allowed private
    /// network.
    fn permits(&self, url: &Url) -> Result<(), Message> {
        let literal = url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
        if literal.is_some_and(|ip| !self.may_connect(ip)) {
            return Err(msg!("url-private"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(msg!("url-user-info"));
        }
        if url.scheme() == "https" || literal.is_some_and(|ip| self.allows(ip)) {
            return Ok(());
        }
        Err(msg!("url-not-https"))
    }

    /// A client that applies the guard to every connection. It uses no proxy, which would bypass the guard.
    fn client(&self) -> Client {
        let guarded = builder().no_proxy().dns_resolver(self.clone());
        guarded.build().expect("a client with a time-out, without redirects and proxies can be built")
    }
}

/// A name that resolves to private addresses only.
#[derive(Debug)]
struct PrivateName;

impl std::fmt::Display for PrivateName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&msg!("url-private-name").text(Locale::En))
    }
}

impl std::error::Error for PrivateName {}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let this = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0))
                .await?
                .filter(|address| this.may_connect(address.ip()))
                .collect();
            if found.is_empty() {
                return Err(PrivateName.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Makes all outgoing requests.
#[derive(Clone)]
pub struct Http {
    client: Client,
    /// `None`: every address is allowed.
    guard: Option<Guard>,
}

impl Http {
    /// For addresses of the configuration.
    pub fn unguarded() -> Self {
        let client = builder().build().expect("a client with a time-out and without redirects can be built");
        Self { client, guard: None }
    }

    /// For addresses that users give.
    pub fn guarded(guard: &Guard) -> Self {
        Self { client: guard.client(), guard: Some(guard.clone()) }
    }
}

impl HttpClient for Http {
    fn check_url(&self, url: &str) -> Result<(), Message> {
        let Some(guard) = &self.guard else { return Ok(()) };
        guard.permits(&parse_url(url)?)
    }

    fn send(&self, request: HttpRequest) -> BoxFuture<'static, Result<HttpResponse, HttpError>> {
        let (client, checked) = (self.client.clone(), self.check_url(&request.url));
        Box::pin(async move {
            checked.map_err(HttpError::UrlRefused)?;
            exchange(&client, request).await
        })
    }
}

async fn exchange(client: &Client, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let HttpRequest { method, url, headers, body, response_bytes_max } = request;
    let mut request = match method {
        HttpMethod::Get => client.get(url),
        HttpMethod::Post => client.post(url),
    };
    for (name, value) in headers {
        request = request.header(name, value);
    }
    if !body.is_empty() {
        request = request.body(body);
    }
    let mut response = request.send().await.map_err(http_error)?;
    let text = |value: &HeaderValue| value.to_str().map(str::to_owned).ok();
    let headers =
        response.headers().iter().filter_map(|(name, value)| Some((name.as_str().to_owned(), text(value)?))).collect();
    let (status, mut body) = (response.status().as_u16(), Vec::new());
    while response_bytes_max > 0
        && let Some(chunk) = response.chunk().await.map_err(http_error)?
    {
        body.extend_from_slice(&chunk);
        if body.len() > response_bytes_max {
            return Err(HttpError::ResponseTooLong);
        }
    }
    Ok(HttpResponse { status, headers, body })
}

/// A request without a response: nothing was sent if no connection was made, otherwise that is not known.
fn http_error(error: reqwest::Error) -> HttpError {
    use std::error::Error as _;
    let connected = !(error.is_connect() || error.is_builder());
    // The root cause is at the end of the chain.
    let mut cause = error.source();
    while let Some(deeper) = cause.and_then(std::error::Error::source) {
        cause = Some(deeper);
    }
    if cause.is_some_and(|cause| cause.is::<PrivateName>()) {
        return HttpError::NotSent(msg!("url-private-name"));
    }
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    // The URL may contain a token.
    let error = format!("{}{cause}", error.without_url());
    if connected {
        HttpError::Ambiguous(msg!("http-no-response", error = error))
    } else {
        HttpError::NotSent(msg!("http-no-connection", error = error))
    }
}

/// The outcome of a message whose request has no response.
pub fn outcome_of_error(error: HttpError) -> Outcome {
    match error {
        HttpError::NotSent(why) => retry_later(why),
        HttpError::Ambiguous(why) => Outcome::Ambiguous { why },
        error @ (HttpError::UrlRefused(_) | HttpError::ResponseTooLong) => rejected(error.into_message()),
    }
}

/// Makes a request and reads the response as JSON; a failure is returned as the outcome of the message.
pub async fn request_json(http: &dyn HttpClient, mut request: HttpRequest) -> Result<Json, Outcome> {
    request.response_bytes_max = RESPONSE_BYTES_MAX;
    let HttpResponse { status, headers: _, body } = http.send(request).await.map_err(outcome_of_error)?;
    let why = || {
        let excerpt: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        Message::plain(format!("HTTP {status}: {excerpt}"))
    };
    if status == 429 || status >= 500 {
        return Err(retry_later(why()));
    }
    match serde_json::from_slice(&body) {
        Ok(json) => Ok(json),
        Err(_) if (200..300).contains(&status) => Ok(Json::Null),
        Err(_) if status == 401 => Err(auth_failed(why())),
        Err(_) => Err(rejected(why())),
    }
}

/// The URL with these parameters; one that does not parse stays as it is, and the request fails.
pub fn with_query(url: &str, query: &[(&str, &str)]) -> String {
    Url::parse_with_params(url, query).map_or_else(|_| url.to_owned(), String::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(guard: &Guard, url: &str) -> bool {
        guard.permits(&url.parse().unwrap_or_else(|error| panic!("{url}: {error}"))).is_ok()
    }

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
            // An allowed IPv4 network is not allowed by way of a translator.
            ("https://[::ffff:0:127.0.0.1]/", false),
            ("https://[64:ff9b::127.0.0.1]/", false),
        ] {
            assert_eq!(permits(&guard, url), permitted, "{url}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_that_is_not_public_is_refused() {
        let guard = Guard::default();
        for host in [
            // IPv4 in IPv6: mapped, compatible, translated (SIIT), NAT64 and its local prefix, 6to4, Teredo.
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "[::ffff:0:127.0.0.1]",
            "[::ffff:0:a9fe:a9fe]",
            "[64:ff9b::127.0.0.1]",
            "[64:ff9b:1::a00:1]",
            "[64:ff9b:1:ffff::10.0.0.1]",
            "[2002:7f00:1::]",
            "[2001:0:7f00:1::1]",
            // Discard-only, dummy, documentation, benchmarking, ORCHID, segment routing.
            "[100::1]",
            "[100:0:0:1::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[2001:2::1]",
            "[2001:20::1]",
            "[5f00::1]",
            // Unique and site local, link local, multicast, unspecified, not allocated.
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fec0::1]",
            "[fe80::1]",
            "[ff02::1]",
            "[::]",
            "[::1]",
            "[4000::1]",
            "[e000::1]",
            // The metadata services and hosts of clouds.
            "169.254.169.254",
            "168.63.129.16",
            "[::ffff:168.63.129.16]",
            "100.100.100.200",
            "192.0.0.192",
            // Other spellings of IPv4.
            "127.1",
            "0",
            "0x7f.1",
            "017700000001",
            "2130706433",
            "127.0.0.1.",
            "１２７.0.0.1",
            "255.255.255.255",
            "224.0.0.1",
            "198.19.0.1",
        ] {
            assert!(!permits(&guard, &format!("https://{host}/")), "{host}");
        }
        for host in
            ["[2606:4700:4700::1111]", "[2a00:1450:4001:82b::200e]", "[2620:4f:8000::1]", "1.1.1.1", "168.63.129.17"]
        {
            assert!(permits(&guard, &format!("https://{host}/")), "{host}");
        }
    }

    #[test]
    fn an_address_with_a_user_name_or_a_password_is_refused() {
        for (url, permitted) in [
            ("https://erp.example/hook?user=a", true),
            ("https://a@erp.example/", false),
            ("https://a:b@erp.example/", false),
            ("https://:b@erp.example/", false),
            ("https://@erp.example/", true),
        ] {
            assert_eq!(permits(&Guard::default(), url), permitted, "{url}");
        }
    }
}
