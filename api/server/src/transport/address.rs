//! Where a request comes from: the unit by which strangers are counted.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use actix_web::http::header::HeaderMap;

const FORWARDED_FOR: &str = "x-forwarded-for";
/// Bits of the network that one IPv6 client has to itself; it may use any address in it.
const IPV6_NETWORK_BITS: u32 = 64;

/// The client's address: behind trusted proxies, the last address that none of them added. All header lines count as one
/// list: a proxy may add its address to the client's line, or as another line.
pub fn client_address(peer: IpAddr, headers: &HeaderMap, trusted_proxies: &[IpAddr]) -> IpAddr {
    let is_trusted = |ip: IpAddr| trusted_proxies.iter().any(|trusted| trusted.to_canonical() == ip);
    let lines: Vec<_> =
        headers.get_all(FORWARDED_FOR).map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned()).collect();
    let mut client = peer.to_canonical();
    for hop in lines.join(",").rsplit(',') {
        if !is_trusted(client) {
            break;
        }
        let Some(ip) = parse_hop(hop.trim()) else { break };
        client = ip.to_canonical();
    }
    client
}

/// An address as proxies write it: alone, in brackets, or with a port.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(hop);
    bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

/// By what a client is counted and named: its IPv4 address, or its IPv6 network.
pub fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) if ip.is_loopback() => ip.to_string(),
        IpAddr::V6(ip) => {
            let network = Ipv6Addr::from_bits(ip.to_bits() & !(u128::MAX >> IPV6_NETWORK_BITS));
            format!("{network}/{IPV6_NETWORK_BITS}")
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn client(peer: &str, lines: &[&str]) -> String {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let trusted_proxies = [ip("10.0.0.1"), ip("10.0.0.2"), ip("fd00::1")];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(HeaderName::from_static(FORWARDED_FOR), HeaderValue::from_str(line).unwrap());
        }
        client_address(ip(peer), &headers, &trusted_proxies).to_string()
    }

    #[test]
    fn forwarded_for_is_one_list_read_from_the_right_and_only_from_trusted_proxies() {
        for (peer, lines, expected) in [
            ("203.0.113.7", &[][..], "203.0.113.7"),
            ("203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["6.6.6.6, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            // The client's line, and the proxy's.
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", "203.0.113.9", "10.0.0.2"], "203.0.113.9"),
            ("10.0.0.1", &["6.6.6.6", ""], "10.0.0.1"),
            ("10.0.0.1", &["nonsense"], "10.0.0.1"),
            ("10.0.0.1", &["6.6.6.6, nonsense"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::7]:443"], "2001:db8::7"),
            ("10.0.0.1", &["[2001:db8::7]"], "2001:db8::7"),
            ("::ffff:10.0.0.1", &["::ffff:198.51.100.1"], "198.51.100.1"),
            ("fd00::1", &["2001:db8::7"], "2001:db8::7"),
        ] {
            assert_eq!(client(peer, lines), expected, "{peer} {lines:?}");
        }
    }

    #[test]
    fn an_ipv6_client_is_counted_by_its_network() {
        for (ip, expected) in [
            ("203.0.113.7", "203.0.113.7"),
            ("::ffff:203.0.113.7", "203.0.113.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
            ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
            ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
            ("::1", "::1"),
        ] {
            assert_eq!(network(ip.parse().unwrap()), expected, "{ip}");
        }
    }
}
