//! Addresses of the server: nothing that was meant for another address is answered by the web app's page.

use regex::Regex;
use tests::Desk;

const APP: &str = include_str!("../../web/src/App.tsx");

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_address_or_method_is_an_error() {
    let desk = Desk::start().await;
    let http = reqwest::Client::new();
    for (method, path, status, allow) in [
        ("POST", "/graphql/", 404, None),
        ("POST", "/graphql/x", 404, None),
        ("POST", "//graphql", 404, None),
        ("GET", "/graphql/", 404, None),
        ("PUT", "/graphql", 405, Some("GET, POST")),
        ("POST", "/intake/api/", 404, None),
        ("POST", "/intake/wecom/x", 404, None),
        ("POST", "/intake", 404, None),
        ("GET", "/intake/api/", 404, None),
        ("PUT", "/intake/api", 405, Some("GET, POST")),
        ("DELETE", "/intake/wecom", 405, Some("GET, POST")),
        ("POST", "/", 405, Some("GET, HEAD")),
        ("POST", "/tickets/5", 405, Some("GET, HEAD")),
        ("PUT", "/tickets/5", 405, Some("GET, HEAD")),
        ("OPTIONS", "/request", 405, Some("GET, HEAD")),
        ("POST", "/nosuch", 404, None),
        ("GET", "/nosuch", 404, None),
        ("GET", "/tickets", 404, None),
        ("GET", "/assets/nosuch.js", 404, None),
        ("POST", "/healthz", 405, Some("GET, HEAD")),
        ("PATCH", "/graphiql", 405, Some("GET, HEAD")),
        ("HEAD", "/healthz", 200, None),
    ] {
        let url = format!("{}{path}", desk.address());
        let response = http.request(method.parse().unwrap(), url).body("{}").send().await.unwrap();
        assert_eq!(response.status(), status, "{method} {path}");
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(header("allow").as_deref(), allow, "{method} {path}");
        assert!(!header("content-type").unwrap_or_default().contains("html"), "{method} {path}");
    }
    desk.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_app_answers_its_page() {
    let desk = Desk::start().await;
    let http = reqwest::Client::new();
    let route = Regex::new(r#"(?:path="|useRoute(?:<[^>]*>)?\(')(/[^"']*)"#).unwrap();
    let parameter = Regex::new(r":\w+\??").unwrap();
    let mut routes: Vec<String> = route.captures_iter(APP).map(|found| found[1].to_owned()).collect();
    assert!(routes.len() > 10, "{routes:?}");
    routes.push("/panorama".to_owned());
    for route in routes {
        let url = format!("{}{}", desk.address(), parameter.replace_all(&route, "SO-1.5"));
        let page = http.get(&url).send().await.unwrap().text().await.unwrap();
        assert!(!page.starts_with("Not found"), "{route}: add it to ROUTES of api/server/src/http/assets.rs");
        let method = http.post(&url).send().await.unwrap().status();
        assert_eq!(method, 405, "{route}");
        assert_eq!(http.head(&url).send().await.unwrap().text().await.unwrap(), "", "{route}");
    }
    desk.close().await;
}
