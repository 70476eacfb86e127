//! Endpoints for operators: liveness, readiness, metrics.

use actix_web::http::header;
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse};
use domain::escalation::model::{LATENESS_SECS, Lateness};
use domain::recommend::react::IndexProgress;
use domain::runtime::log::History;
use domain::runtime::{App, jobs, log};
use prometheus::{Encoder as _, IntGauge, Registry, TextEncoder};
use subtle::ConstantTimeEq as _;

use crate::transport::{GraphqlService, bearer};

/// Liveness: the process answers.
pub async fn alive() -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body("ok")
}

/// Readiness: database and index are usable.
pub async fn ready(app: Data<App>) -> HttpResponse {
    let app = app.into_inner();
    if let Err(error) = log::head(app.db.read(), app.db.engine).await {
        tracing::warn!(%error, "not ready: the database does not answer");
        return HttpResponse::ServiceUnavailable().content_type("text/plain").body("the database does not answer");
    }
    let rebuilding = app.state::<IndexProgress>().rebuilding();
    if app.index.cursor().is_none() {
        let message = format!("the search index is being built: {rebuilding} tickets so far");
        return HttpResponse::ServiceUnavailable().content_type("text/plain").body(message);
    }
    HttpResponse::Ok().content_type("text/plain").body("ready")
}

/// Metrics in the Prometheus text format, for who has their token: they tell how busy an organisation is.
pub async fn metrics(request: HttpRequest, service: Data<GraphqlService>, app: Data<App>) -> HttpResponse {
    let token = service.limits.http.metrics_token.as_bytes();
    if token.is_empty() {
        return HttpResponse::NotFound().body("Metrics are not served: set http.metrics_token.");
    }
    let given = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let given = bearer(given).ok().flatten().unwrap_or_default();
    if !bool::from(given.as_bytes().ct_eq(token)) {
        let mut response = HttpResponse::Unauthorized();
        return response.insert_header((header::WWW_AUTHENTICATE, "Bearer")).body("Send http.metrics_token.");
    }
    let app = app.into_inner();
    match gather(&app).await {
        Ok(text) => HttpResponse::Ok().content_type(prometheus::TEXT_FORMAT).body(text),
        Err(error) => {
            tracing::error!(%error, "the metrics cannot be gathered");
            HttpResponse::InternalServerError().finish()
        }
    }
}

async fn gather(app: &App) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let conn = app.db.read();
    let registry = Registry::new();
    let gauge = |name: &str, help: &str, value: i64| -> Result<(), prometheus::Error> {
        let gauge = IntGauge::new(name, help)?;
        gauge.set(value);
        registry.register(Box::new(gauge))
    };
    let backlog = jobs::backlog(conn, app.now()).await?;
    gauge("buoy_jobs_due", "Jobs that are due and not done.", backlog.due)?;
    gauge("buoy_jobs_buried", "Jobs that failed too often and wait for somebody.", backlog.dead_letters)?;
    let head = log::head(conn, app.db.engine).await?;
    gauge("buoy_log_head_seq", "Sequence number of the last event that may be read.", head.seq)?;
    gauge(
        "buoy_log_held_back_events",
        "Events above the horizon, which an open transaction holds back from followers, counted up to 10000.",
        i64::try_from(log::count_above_horizon(conn, app.db.engine, LAG_MAX).await?)?,
    )?;
    let indexed = *app.state::<IndexProgress>().watch().borrow();
    let lag = log::count_after(conn, app.db.engine, indexed, History::Included, LAG_MAX).await?;
    gauge(
        "buoy_index_lag_events",
        "Events that the search index has not followed yet, counted up to 10000.",
        i64::try_from(lag)?,
    )?;
    gauge("buoy_index_documents", "Documents in the search index.", i64::try_from(app.index.len())?)?;
    let unsealed = domain::audit::queries::unsealed(app, LAG_MAX).await?;
    gauge("buoy_log_unsealed_events", "Events not under a seal yet, counted up to 10000.", i64::try_from(unsealed)?)?;
    let mut families = registry.gather();
    families.extend(prometheus::gather());
    let mut text = Vec::new();
    TextEncoder::new().encode(&families, &mut text)?;
    text.extend_from_slice(lateness(app).as_bytes());
    Ok(text)
}

/// A larger number would not tell operators more.
const LAG_MAX: u64 = 10_000;

/// Histogram of how late escalation levels fired in this process.
fn lateness(app: &App) -> String {
    let name = "buoy_escalation_lateness_seconds";
    let (counts, sum) = app.state::<Lateness>().read();
    let edges = LATENESS_SECS.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
    let mut text = format!("# HELP {name} How late levels of escalation fired.\n# TYPE {name} histogram\n");
    let mut count = 0;
    for (edge, n) in edges.zip(counts) {
        count += n;
        text.push_str(&format!("{name}_bucket{{le=\"{edge}\"}} {count}\n"));
    }
    text.push_str(&format!("{name}_sum {sum}\n{name}_count {count}\n"));
    text
}
