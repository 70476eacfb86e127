//! The command line beside a running server: it sends its work to the server over a socket in the data folder. Without a
//! server it takes the folder's lock and does the work itself. Both run the same code ([`perform`]).
//!
//! One request a connection: a line of JSON; for an import, the file follows. Answers are lines of JSON.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::audit::queries::Report;
use domain::auth::commands::hash_password;
use domain::backup::model::{Copied, Copying};
use domain::backup::queries::backup;
use domain::import::commands::{Watcher, import};
use domain::import::model::{Map, Progress, Refused, Summary};
use domain::kernel::{Error, Role};
use domain::people::model::CreateUser;
use domain::runtime::{App, Ctx};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio_util::io::SyncIoBridge;
use tokio_util::sync::CancellationToken;

use super::doctor::Finding;
use crate::config::Config;
use crate::node::{CannotStart, Hands, open};

const SOCKET: &str = "buoy.sock";
const LOCK: &str = "buoy.lock";
/// Bytes of a request's first line: a map is a page of text.
const REQUEST_BYTES_MAX: u64 = 1_000_000;
/// Answers waiting for a client.
const ANSWERS_MAX: usize = 1_000;

#[derive(Serialize, Deserialize)]
pub enum Request {
    Import {
        map: String,
        dry_run: bool,
    },
    AddUser {
        email: String,
        name: String,
        roles: Vec<Role>,
        teams: Vec<String>,
        customer: Option<String>,
        password: String,
    },
    VerifyAudit,
    /// Into a new folder, named by its absolute path.
    Backup {
        to: PathBuf,
    },
    Doctor {
        retry_buried: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub enum Answer {
    Progress(Progress),
    Refused(Refused),
    Verifying(u64),
    Imported(Summary),
    UserAdded(String),
    Verified(Report),
    Copying(Copying),
    BackedUp(Copied),
    Examined(Vec<Finding>),
    Failed(String),
}

/// Does the work of a request; every answer but the last goes to `say`.
async fn perform<R: Read + Send + 'static>(
    app: &Arc<App>,
    zone: &TimeZone,
    request: Request,
    file: R,
    say: &mpsc::Sender<Answer>,
) -> Answer {
    let outcome = match request {
        Request::Import { map, dry_run } => match toml::from_str::<Map>(&map) {
            Err(e) => return Answer::Failed(format!("the map does not read: {e}")),
            Ok(map) => {
                let mut watcher = Saying(say.clone());
                import(app, file, map, zone, dry_run, &mut watcher).await.map(Answer::Imported)
            }
        },
        Request::AddUser { email, name, roles, teams, customer, password } => {
            add_user(app, email, name, roles, teams, customer, &password).await.map(Answer::UserAdded)
        }
        Request::VerifyAudit => {
            let say = say.clone();
            let progress = move |rows| drop(say.try_send(Answer::Verifying(rows)));
            domain::audit::queries::verify(app, progress).await.map(Answer::Verified)
        }
        Request::Backup { to } => {
            let say = say.clone();
            let progress = move |copying| drop(say.try_send(Answer::Copying(copying)));
            let copied = backup(app, &to, &migrations::TABLES, &migrations::names(), progress).await;
            copied.map(Answer::BackedUp)
        }
        Request::Doctor { retry_buried } => super::doctor::examine(app, retry_buried).await.map(Answer::Examined),
    };
    outcome.unwrap_or_else(|error| Answer::Failed(in_words(error)))
}

fn in_words(error: Error) -> String {
    match error {
        Error::Refused(refusals) => {
            refusals.into_iter().map(|refusal| refusal.message.en).collect::<Vec<_>>().join(" ")
        }
        error => error.to_string(),
    }
}

struct Saying(mpsc::Sender<Answer>);

impl Watcher for Saying {
    fn progress(&mut self, progress: Progress) {
        // Whoever cannot keep up misses a step of the bar, and nothing else.
        let _ = self.0.try_send(Answer::Progress(progress));
    }

    fn refused(&mut self, refused: Refused) -> impl Future<Output = ()> + Send {
        let say = self.0.clone();
        async move {
            // Every refused row is told; a client that is gone is not waited for.
            let _ = say.send(Answer::Refused(refused)).await;
        }
    }
}

async fn add_user(
    app: &Arc<App>,
    email: String,
    name: String,
    roles: Vec<Role>,
    team_keys: Vec<String>,
    customer_key: Option<String>,
    password: &str,
) -> Result<String, Error> {
    domain::auth::commands::check_password("password", password)?;
    let cx = Ctx::system(app);
    let command = CreateUser {
        email,
        name,
        roles,
        team_keys,
        skills: Vec::new(),
        products: Vec::new(),
        customer_key,
        supervisor: None,
        password_hash: Some(hash_password(&cx, password).await?),
    };
    Ok(cx.execute(&command, None).await?.to_string())
}

// ---------------------------------------------------------------- the server's side

/// Holds the data folder: two processes on one folder would not see each other's writes in time.
pub struct Held(#[expect(dead_code, reason = "the lock lasts as long as the file is open")] File);

pub fn hold(data_dir: &Path) -> Result<Held, CannotStart> {
    let path = data_dir.join(LOCK);
    let failed = |e: &dyn std::fmt::Display| CannotStart(format!("{}: {e}", path.display()));
    std::fs::create_dir_all(data_dir).map_err(|e| failed(&e))?;
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|e| failed(&e))?;
    match file.try_lock() {
        Ok(()) => Ok(Held(file)),
        Err(TryLockError::WouldBlock) => {
            Err(CannotStart(format!("another process of Buoy uses {}: stop it first", data_dir.display())))
        }
        Err(TryLockError::Error(e)) => Err(failed(&e)),
    }
}

/// Serves the command line until stopped.
pub async fn serve(app: Arc<App>, config: &Config, stop: CancellationToken) -> Result<(), CannotStart> {
    let path = socket_of(config);
    // One that is left over from a killed process: the lock says that nobody listens there.
    let _ = std::fs::remove_file(&path);
    let listener = UnixListener::bind(&path).map_err(|e| CannotStart(format!("{}: {e}", path.display())))?;
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600))
        .map_err(|e| CannotStart(format!("{}: {e}", path.display())))?;
    let zone = config.zone();
    tokio::spawn(async move {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            if let Ok((stream, _)) = accepted {
                tokio::spawn(converse(app.clone(), zone.clone(), stream));
            }
        }
        let _ = std::fs::remove_file(&path);
    });
    Ok(())
}

/// Unix sockets have short names: a deep data folder gets one by its absolute path only where that fits.
fn socket_of(config: &Config) -> PathBuf {
    config.data_dir.join(SOCKET)
}

async fn converse(app: Arc<App>, zone: TimeZone, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let mut line = String::new();
    let first = (&mut read).take(REQUEST_BYTES_MAX).read_line(&mut line).await;
    let request = first.ok().and_then(|_| serde_json::from_str::<Request>(&line).ok());
    let (say, mut said) = mpsc::channel(ANSWERS_MAX);
    let working = async {
        let last = match request {
            Some(request) => perform(&app, &zone, request, SyncIoBridge::new(read), &say).await,
            None => Answer::Failed("this is no request of this version of Buoy".to_owned()),
        };
        let _ = say.send(last).await;
        drop(say);
    };
    let telling = async {
        while let Some(answer) = said.recv().await {
            let mut line = serde_json::to_string(&answer).unwrap_or_default();
            line.push('\n');
            if write.write_all(line.as_bytes()).await.is_err() {
                // Keeps the work going: an import that has begun is not half done.
                said.close();
            }
        }
    };
    tokio::join!(working, telling);
}

// ---------------------------------------------------------------- the command line's side

/// Has a request done, by the server of this data folder or here; tells every answer, the last one too.
pub async fn request(
    config: &Config,
    request: Request,
    file: Option<PathBuf>,
    mut told: impl FnMut(Answer),
) -> Result<(), CannotStart> {
    match UnixStream::connect(socket_of(config)).await {
        Ok(stream) => ask_server(stream, &request, file, &mut told).await,
        Err(_) => do_here(config, request, file, &mut told).await,
    }
}

async fn ask_server(
    stream: UnixStream,
    request: &Request,
    file: Option<PathBuf>,
    told: &mut impl FnMut(Answer),
) -> Result<(), CannotStart> {
    let broken = |e: io::Error| CannotStart(format!("the connection to the server broke: {e}"));
    let (read, mut write) = stream.into_split();
    let mut line = serde_json::to_string(request).map_err(|e| CannotStart(e.to_string()))?;
    line.push('\n');
    write.write_all(line.as_bytes()).await.map_err(broken)?;
    let sending = tokio::spawn(async move {
        if let Some(file) = file {
            let mut file = tokio::fs::File::open(file).await?;
            tokio::io::copy(&mut file, &mut write).await?;
        }
        write.shutdown().await
    });
    let mut lines = BufReader::new(read).lines();
    let mut last = None;
    while let Some(line) = lines.next_line().await.map_err(broken)? {
        if let Some(answer) = last.replace(serde_json::from_str(&line).map_err(|e| CannotStart(e.to_string()))?) {
            told(answer);
        }
    }
    // The server may answer before it has read everything; its answer counts.
    let _ = sending.await;
    match last {
        Some(answer) => told(answer),
        None => return Err(CannotStart("the server went away without an answer".to_owned())),
    }
    Ok(())
}

async fn do_here(
    config: &Config,
    request: Request,
    file: Option<PathBuf>,
    told: &mut impl FnMut(Answer),
) -> Result<(), CannotStart> {
    let _held = hold(&config.data_dir)?;
    let app = open(config, Hands::default()).await?;
    let zone = config.zone();
    let file: Box<dyn Read + Send> = match file {
        Some(path) => Box::new(File::open(&path).map_err(|e| CannotStart(format!("{}: {e}", path.display())))?),
        None => Box::new(io::empty()),
    };
    let (say, mut said) = mpsc::channel(ANSWERS_MAX);
    let working = async {
        let last = perform(&app, &zone, request, file, &say).await;
        drop(say);
        last
    };
    let telling = async {
        while let Some(answer) = said.recv().await {
            told(answer);
        }
    };
    let (last, ()) = tokio::join!(working, telling);
    told(last);
    app.db.close().await;
    Ok(())
}
