//! `buoy serve`.

use std::process::ExitCode;

use domain::intake;
use tokio_util::sync::CancellationToken;

use super::{control, demo};
use crate::config::Config;
use crate::http::Server;
use crate::node::{Background, Environment, Jobs, StartupError, open};

pub async fn serve(config: Config, demo: bool) -> Result<ExitCode, StartupError> {
    if demo && !config.listen.ip().is_loopback() {
        return Err(StartupError(format!(
            "demo mode uses publicly known passwords, so it listens on loopback only: set BUOY_LISTEN to 127.0.0.1:{}",
            config.listen.port()
        )));
    }
    let _lock = control::lock_data_dir(&config.data_dir)?;
    if demo {
        demo::fill(&config).await?;
    }
    let app = open(&config, Environment::default()).await?;
    let accounts = if demo { demo::unlock(&app).await } else { demo::lock(&app).await };
    accounts?;
    let background = Background::start(&app, Jobs::Run);
    let server = Server::start(&config, &app, demo.then(demo::accounts)).map_err(|e| {
        let mail = config.settings::<intake::model::Settings>().mail_listen();
        let mail = mail.map(|at| format!(" and {at}")).unwrap_or_default();
        let at = config.listen;
        StartupError(format!("cannot listen on {at}{mail}: {e} (BUOY_LISTEN, BUOY_INTAKE__MAIL_LISTEN)"))
    })?;
    let stop = CancellationToken::new();
    control::serve(app.clone(), &config, demo, stop.clone()).await?;
    // Before anybody knows that it serves: a signal that nothing awaits ends the process at once.
    let stop_signal = stop_signal()?;
    println!("Buoy is at http://{}", server.address);
    if let Some(mail) = server.mail {
        println!("Accepting support mail at {mail} (LMTP, SMTP)");
    }
    if demo {
        println!("{}", demo::welcome());
    }
    stop_signal.await;
    tracing::info!("shutting down, waiting for running requests");
    stop.cancel();
    server.stop().await;
    background.stop().await;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Runs jobs and seals the event log, next to the servers of a database.
pub async fn work(config: Config) -> Result<ExitCode, StartupError> {
    if config.database_url().is_none() {
        return Err(StartupError(
            "separate workers need PostgreSQL: set BUOY_DATABASE_URL=postgres://… (with SQLite, `buoy serve` runs all jobs)"
                .to_owned(),
        ));
    }
    let _lock = control::lock_data_dir(&config.data_dir)?;
    let app = open(&config, Environment::default()).await?;
    let background = Background::start_worker(&app);
    let stop_signal = stop_signal()?;
    println!("Worker started");
    stop_signal.await;
    background.stop().await;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Awaits SIGINT or SIGTERM; from now on neither ends the process by itself.
fn stop_signal() -> Result<impl Future<Output = ()>, StartupError> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen =
        |kind: SignalKind| signal(kind).map_err(|error| StartupError(format!("cannot await signals: {error}")));
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}
