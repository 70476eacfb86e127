//! The HTTP server: GraphQL, web app, health, metrics.

mod assets;
mod health;
mod intake;

use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Compress;
use actix_web::{App as HttpApp, HttpServer, Resource, Route, guard, web};
use domain::calendar;
use domain::runtime::{App, Vault};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::mail;
use crate::node::WEB_PUSH;
use crate::transport::{self, GraphqlService};
use graphql::live::Live;
use graphql::{About, DemoAccounts, schema};

/// Time for running requests to finish on shutdown.
const SHUTDOWN_SECS: u64 = 10;
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// An address that is only read.
fn read_only(path: &str, route: Route) -> Resource {
    web::resource(path)
        .route(route.guard(guard::Any(guard::Get()).or(guard::Head())))
        .default_service(web::to(|| async { assets::method_not_allowed("GET, HEAD") }))
}

/// A running server.
pub struct Server {
    pub address: std::net::SocketAddr,
    /// The address that accepts mail.
    pub mail: Option<std::net::SocketAddr>,
    handle: actix_web::dev::ServerHandle,
    running: tokio::task::JoinHandle<std::io::Result<()>>,
    stop: CancellationToken,
}

impl Server {
    pub fn start(config: &Config, app: &Arc<App>, demo: Option<DemoAccounts>) -> std::io::Result<Self> {
        let stop = CancellationToken::new();
        let web_push_key = config.web_push_key(app.state::<Vault>().subkey(WEB_PUSH));
        let is_demo = demo.is_some();
        let time_zone = config.settings::<calendar::model::Settings>().time_zone.clone();
        let about = About { demo, time_zone, web_push_key };
        let live = Arc::new(Live::default());
        tokio::spawn(live.clone().run(app.clone(), stop.clone()));
        let service = web::Data::new(GraphqlService {
            app: app.clone(),
            schema: schema(about, live),
            demo: is_demo,
            limits: config.limits(),
            stop: stop.clone(),
        });
        let app_data = web::Data::from(app.clone());
        let mut server = HttpServer::new(move || {
            let service = service.clone();
            HttpApp::new()
                .wrap(Compress::default())
                .wrap_fn(|request, next| {
                    let call = next.call(request);
                    async move {
                        let mut response = call.await?;
                        for (name, value) in assets::SECURITY_HEADERS {
                            let (headers, name) = (response.headers_mut(), HeaderName::from_static(name));
                            if !headers.contains_key(&name) {
                                headers.insert(name, HeaderValue::from_static(value));
                            }
                        }
                        Ok(response)
                    }
                })
                .app_data(app_data.clone())
                .app_data(service.clone())
                .configure(|config| transport::configure(config, service))
                .service(
                    web::resource("/intake/{gateway}")
                        .route(web::get().to(intake::call))
                        .route(web::post().to(intake::call))
                        .default_service(web::to(|| async { assets::method_not_allowed("GET, POST") })),
                )
                .service(read_only("/healthz", web::to(health::alive)))
                .service(read_only("/readyz", web::to(health::ready)))
                .service(read_only("/metrics", web::to(health::metrics)))
                .service(read_only("/graphiql", web::to(assets::graphiql)))
                .default_service(web::to(assets::serve))
        })
        .keep_alive(KEEP_ALIVE)
        .shutdown_timeout(SHUTDOWN_SECS)
        .disable_signals();
        if config.http.workers > 0 {
            server = server.workers(config.http.workers);
        }
        let server = server.bind(config.listen)?;
        let address = *server.addrs().first().ok_or_else(|| std::io::Error::other("no address was bound"))?;
        let mail = mail::listen(config, app, stop.clone())?;
        let running = server.run();
        let handle = running.handle();
        Ok(Self { address, mail, handle, running: tokio::spawn(running), stop })
    }

    /// Closes sockets, and waits for running requests.
    pub async fn stop(self) {
        self.stop.cancel();
        self.handle.stop(true).await;
        let _ = self.running.await;
    }
}
