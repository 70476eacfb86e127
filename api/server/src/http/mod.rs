//! The HTTP server: GraphQL, web app, health, metrics.

mod assets;
mod headers;
mod health;
mod intake;

use std::sync::Arc;

use actix_web::dev::Service as _;
use actix_web::middleware::Compress;
use actix_web::{App as HttpApp, HttpResponse, HttpServer, Resource, Route, guard, web};
use domain::calendar;
use domain::runtime::{App, Vault};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::mail;
use crate::node::WEB_PUSH;
use crate::transport::budget::WorkBudget;
use crate::transport::connections::{ConnectionPlace, Connections, ResponseBody, raise_file_limit};
use crate::transport::sockets::OpenSockets;
use crate::transport::{self, GraphqlService};
use graphql::live::Live;
use graphql::{About, DemoAccounts, schema};

/// Time for running requests to finish on shutdown.
const SHUTDOWN_SECS: u64 = 10;

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
        raise_file_limit();
        let connections = Connections::new(&config.http);
        tokio::spawn(connections.clone().run(stop.clone()));
        let mut limits = config.limits();
        connections.bound_sockets(&mut limits.websocket);
        let service = web::Data::new(GraphqlService {
            app: app.clone(),
            schema: schema(about, live),
            demo: is_demo,
            budget: WorkBudget::new(limits.http.cost_units_a_minute),
            sockets: Arc::new(OpenSockets::default()),
            limits,
            stop: stop.clone(),
        });
        let app_data = web::Data::from(app.clone());
        let mut server = HttpServer::new(move || {
            let (service, bounds) = (service.clone(), service.clone());
            HttpApp::new()
                .wrap(Compress::default())
                .wrap_fn(move |request, next| {
                    let place = request.conn_data::<ConnectionPlace>();
                    let is_behind_tls = headers::is_behind_tls(request.request(), &bounds.limits);
                    let call = match place.map(ConnectionPlace::begin_request) {
                        Some(running) => Ok((next.call(request), running)),
                        None => Err(request),
                    };
                    async move {
                        let (mut response, running) = match call {
                            Ok((call, running)) => (call.await?.map_into_boxed_body(), Some(running)),
                            Err(request) => (request.into_response(too_many_connections()), None),
                        };
                        headers::add_security_headers(response.headers_mut(), is_behind_tls);
                        Ok(response.map_body(|_, body| ResponseBody::new(body, running)))
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
        .keep_alive(config.http.keep_alive())
        .client_request_timeout(config.http.head_timeout())
        .on_connect(move |stream, extensions| connections.on_connect(stream, extensions))
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

/// The answer beyond the bounds of connections.
fn too_many_connections() -> HttpResponse {
    HttpResponse::ServiceUnavailable()
        .insert_header(("retry-after", "10"))
        .force_close()
        .body("There are too many open connections, or too many from your address: close some, or try again later.")
}
