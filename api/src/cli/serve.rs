//! `buoy serve`.

use std::process::ExitCode;

use tokio_util::sync::CancellationToken;

use super::{control, demo};
use crate::config::Config;
use crate::http::Server;
use crate::node::{Background, CannotStart, Hands, Jobs, open};

pub async fn serve(config: Config, demo: bool) -> Result<ExitCode, CannotStart> {
    if demo && !config.listen.ip().is_loopback() {
        return Err(CannotStart(format!(
            "demo mode has public passwords and listens on loopback only: set BUOY_LISTEN to 127.0.0.1:{}",
            config.listen.port()
        )));
    }
    let _held = control::hold(&config.data_dir)?;
    if demo {
        demo::fill(&config).await?;
    }
    let app = open(&config, Hands::default()).await?;
    let background = Background::start(&app, Jobs::Run);
    let server = Server::start(&config, &app, demo).map_err(|e| {
        CannotStart(format!(
            "cannot listen on {}{}: {e} (BUOY_LISTEN, BUOY_INTAKE__MAIL_LISTEN)",
            config.listen,
            config.intake.mail_listen().map(|at| format!(" and {at}")).unwrap_or_default()
        ))
    })?;
    let stop = CancellationToken::new();
    control::serve(app.clone(), &config, stop.clone()).await?;
    println!("Buoy is at http://{}", server.address);
    if let Some(mail) = server.mail {
        println!("Mail for help is taken at {mail} (LMTP, SMTP)");
    }
    if demo {
        println!("{}", demo::welcome());
    }
    stopped().await;
    tracing::info!("stopping: requests that have begun may end");
    stop.cancel();
    server.stop().await;
    background.stop().await;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// Jobs and seals beside the servers of one database.
pub async fn work(config: Config) -> Result<ExitCode, CannotStart> {
    if config.database_url().is_none() {
        return Err(CannotStart(
            "SQLite has one process, and `buoy serve` runs its jobs: set BUOY_DATABASE_URL=postgres://… for workers of their own"
                .to_owned(),
        ));
    }
    let _held = control::hold(&config.data_dir)?;
    let app = open(&config, Hands::default()).await?;
    let background = Background::work(&app);
    println!("Buoy works on jobs");
    stopped().await;
    background.stop().await;
    app.db.close().await;
    Ok(ExitCode::SUCCESS)
}

/// SIGINT or SIGTERM.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let Ok(mut terminate) = signal(SignalKind::terminate()) else {
        let _ = tokio::signal::ctrl_c().await;
        return;
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
